//! A TCP connection on which everything takes longer. The order is kept, as TCP keeps it.

use super::Course;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// What may be under way in one direction; beyond it the sender waits, as it would for a full window.
const UNDER_WAY_BYTES: usize = 1024 * 1024;

/// What may be lost, or late, at once: a few TCP segments.
const PIECE_BYTES: usize = 4 * 1024;

/// A TCP connection behind a delay line. It makes progress whenever it is polled, for whatever: the one
/// task that uses it polls reading all the time.
pub(in crate::transport) struct DelayLine {
    socket: TcpStream,
    up: UnderWay,
    down: UnderWay,
    /// The node has closed its side, or the socket has failed. Told once all before it has arrived.
    end: Option<io::Result<()>>,
    timer: Pin<Box<Sleep>>,
}

/// Bytes on their way in one direction.
struct UnderWay {
    pieces: VecDeque<Piece>,
    bytes: usize,
    course: Course,
}

struct Piece {
    due_at: Instant,
    bytes: Vec<u8>,
    taken: usize,
}

impl UnderWay {
    fn new(course: Course) -> Self {
        Self { pieces: VecDeque::new(), bytes: 0, course }
    }

    fn is_full(&self) -> bool {
        self.bytes >= UNDER_WAY_BYTES
    }

    fn depart(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE_BYTES) {
            let mut due_at = Instant::now() + self.course.piece();
            if let Some(before) = self.pieces.back() {
                due_at = due_at.max(before.due_at);
            }
            self.pieces.push_back(Piece { due_at, bytes: piece.to_vec(), taken: 0 });
            self.bytes += piece.len();
        }
    }

    /// What has arrived first and not been taken.
    fn arrived(&self) -> Option<&[u8]> {
        let piece = self.pieces.front()?;
        (piece.due_at <= Instant::now()).then(|| &piece.bytes[piece.taken..])
    }

    fn take(&mut self, count: usize) {
        self.bytes -= count;
        if let Some(piece) = self.pieces.front_mut() {
            piece.taken += count;
            if piece.taken == piece.bytes.len() {
                self.pieces.pop_front();
            }
        }
    }

    /// When the next piece arrives; none if there is none or it has arrived.
    fn next_at(&self) -> Option<Instant> {
        self.pieces.front().map(|piece| piece.due_at).filter(|due_at| *due_at > Instant::now())
    }
}

impl DelayLine {
    pub(in crate::transport) fn new(socket: TcpStream, up: Course, down: Course) -> Self {
        Self {
            socket,
            up: UnderWay::new(up),
            down: UnderWay::new(down),
            end: None,
            timer: Box::pin(tokio::time::sleep_until(Instant::now())),
        }
    }

    /// Moves what can be moved now, and sees to it that the task is woken when there is more.
    fn advance(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            self.deliver(cx)?;
            self.fetch(cx);
            let Some(next_at) = self.up.next_at().into_iter().chain(self.down.next_at()).min() else {
                return Ok(());
            };
            self.timer.as_mut().reset(next_at);
            if self.timer.as_mut().poll(cx).is_pending() {
                return Ok(());
            }
        }
    }

    /// Gives the socket what has come through the line.
    fn deliver(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while let Some(bytes) = self.up.arrived() {
            match Pin::new(&mut self.socket).poll_write(cx, bytes)? {
                Poll::Ready(count) => self.up.take(count),
                Poll::Pending => return Ok(()),
            }
        }
        Ok(())
    }

    /// Takes into the line what has come in at the socket.
    fn fetch(&mut self, cx: &mut Context<'_>) {
        let mut bytes = [0; PIECE_BYTES];
        while self.end.is_none() && !self.down.is_full() {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.socket).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => self.end = Some(Ok(())),
                Poll::Ready(Ok(())) => self.down.depart(buffer.filled()),
                Poll::Ready(Err(error)) => self.end = Some(Err(error)),
                Poll::Pending => return,
            }
        }
    }
}

impl AsyncRead for DelayLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let advanced = self.advance(cx);
        if let Some(bytes) = self.down.arrived() {
            let count = bytes.len().min(buffer.remaining());
            buffer.put_slice(&bytes[..count]);
            self.down.take(count);
            return Poll::Ready(Ok(()));
        }
        advanced?;
        if !self.down.pieces.is_empty() {
            return Poll::Pending;
        }
        match &mut self.end {
            None => Poll::Pending,
            // From now on it is a plain end: an error can be told once.
            Some(end) => Poll::Ready(std::mem::replace(end, Ok(()))),
        }
    }
}

impl AsyncWrite for DelayLine {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.advance(cx)?;
        if self.up.is_full() {
            return Poll::Pending; // `advance` has set the timer, or waits for the socket
        }
        self.up.depart(bytes);
        self.advance(cx)?;
        Poll::Ready(Ok(bytes.len()))
    }

    /// What is in the line counts as sent: waiting for it would make each message wait for the last.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.advance(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.advance(cx)?;
        if !self.up.pieces.is_empty() {
            return Poll::Pending;
        }
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
