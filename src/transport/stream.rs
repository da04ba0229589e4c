//! A link over one byte stream with TLS: both lanes share it.
//!
//! One task polls reading and writing in turns. It goes on reading while a write is stuck, so that two
//! ends which both write cannot block each other, and it lets the handler answer in the same turn in
//! which the question arrived.

use super::buffers::{CHUNK_BYTES, Inbound, Outbound, STEPS_PER_TURN, Scratch};
use super::{Close, Handler, Lane, LinkEnd, Waker};
use crate::protocol::limits;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

/// The TLS stream and what waits on either side of it.
pub(super) struct StreamLink<S> {
    stream: TlsStream<S>,
    inbound: Inbound,
    outbound: Outbound,
    /// TLS holds bytes that the transport below has not taken.
    flushing: bool,
}

/// How far to run the link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// The handler wants to close.
    Closing,
    /// Nothing is left to write.
    Written,
}

impl<S: AsyncRead + AsyncWrite + Unpin> StreamLink<S> {
    pub(super) fn new(stream: TlsStream<S>) -> Self {
        Self { stream, inbound: Inbound::default(), outbound: Outbound::default(), flushing: false }
    }

    pub(super) async fn run<H: Handler>(&mut self, waker: &Waker, handler: &mut H) -> LinkEnd {
        match poll_fn(|cx| self.poll_run(cx, waker, handler, Until::Closing)).await {
            Ok(()) => Box::pin(self.close(waker, handler)).await,
            Err(end) => end,
        }
    }

    /// Hands over the last bytes and waits, not for long, until the peer has hung up too: a socket closed
    /// with bytes unread would reset the connection, and the peer might lose what we said last.
    async fn close<H: Handler>(&mut self, waker: &Waker, handler: &mut H) -> LinkEnd {
        let hand_over = async {
            poll_fn(|cx| self.poll_run(cx, waker, handler, Until::Written)).await?;
            poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx)).await.map_err(broken)
        };
        match tokio::time::timeout(limits::CLOSE_MAX, hand_over).await {
            Ok(Ok(())) => {}
            Ok(Err(end)) => return end,
            Err(_) => return LinkEnd::Broken("the peer did not take the last bytes in time".into()),
        }
        let hang_up = poll_fn(|cx| Scratch::with(|scratch| self.poll_hang_up(cx, scratch)));
        // Whoever does not hang up in time has had its chance to read.
        let _ = tokio::time::timeout(limits::CLOSE_MAX, hang_up).await;
        LinkEnd::Closed
    }

    fn poll_hang_up(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<()> {
        loop {
            let mut buffer = ReadBuf::new(&mut scratch.read);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }

    fn poll_run<H: Handler>(
        &mut self,
        cx: &mut Context<'_>,
        waker: &Waker,
        handler: &mut H,
        until: Until,
    ) -> Poll<Result<(), LinkEnd>> {
        waker.begin_turn(cx);
        Scratch::with(|scratch| {
            for _ in 0..STEPS_PER_TURN {
                let has_read = self.read(cx, handler, scratch)?;
                let has_written = self.write(cx, handler, scratch).map_err(broken)?;
                let done = match until {
                    Until::Closing => handler.closing(),
                    Until::Written => !has_written && self.outbound.is_empty() && !self.flushing,
                };
                if done {
                    return Poll::Ready(Ok(()));
                }
                if !has_read && !has_written {
                    return Poll::Pending;
                }
            }
            cx.waker().wake_by_ref(); // there may be more, but others want a turn too
            Poll::Pending
        })
    }

    /// Reads once. True: bytes came.
    fn read<H: Handler>(
        &mut self,
        cx: &mut Context<'_>,
        handler: &mut H,
        scratch: &mut Scratch,
    ) -> Result<bool, LinkEnd> {
        let mut buffer = ReadBuf::new(&mut scratch.read);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
            Poll::Pending => Ok(false),
            Poll::Ready(Err(error)) => Err(broken(error)),
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => Err(LinkEnd::ClosedByPeer),
            Poll::Ready(Ok(())) => {
                // Reading may make TLS want to answer, for example to a change of keys.
                self.flushing |= self.stream.get_ref().1.wants_write();
                match self.inbound.offer(handler, Lane::Control, buffer.filled()) {
                    Ok(()) => Ok(true),
                    Err(Close) => Err(LinkEnd::CutOff),
                }
            }
        }
    }

    /// Writes what is waiting; if that is done, asks the handler for one chunk more. True: it gave some.
    fn write<H: Handler>(
        &mut self,
        cx: &mut Context<'_>,
        handler: &mut H,
        scratch: &mut Scratch,
    ) -> io::Result<bool> {
        while !self.outbound.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, self.outbound.unsent())? {
                Poll::Ready(count) => self.outbound.advance(count),
                Poll::Pending => return Ok(false),
            }
            self.flushing = true;
        }
        if !self.flush(cx)? {
            return Ok(false);
        }
        let out = &mut scratch.write;
        out.clear();
        handler.fill(Lane::Control, out, CHUNK_BYTES);
        if out.len() < CHUNK_BYTES {
            handler.fill(Lane::Data, out, CHUNK_BYTES - out.len());
        }
        if out.is_empty() {
            return Ok(false);
        }
        let mut written = 0;
        while written < out.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &out[written..])? {
                Poll::Ready(count) => written += count,
                Poll::Pending => break,
            }
        }
        self.outbound.keep(&out[written..]);
        self.flushing = true;
        self.flush(cx)?;
        Ok(true)
    }

    /// True: the transport below has taken everything.
    fn flush(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        if self.flushing {
            self.flushing = Pin::new(&mut self.stream).poll_flush(cx)?.is_pending();
        }
        Ok(!self.flushing)
    }
}

fn broken(error: io::Error) -> LinkEnd {
    LinkEnd::Broken(match error.kind() {
        io::ErrorKind::UnexpectedEof => "the peer hung up in the middle".into(),
        _ => error.to_string(),
    })
}
