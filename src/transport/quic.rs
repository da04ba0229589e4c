//! A link over QUIC: one stream for each lane, and datagrams.
//!
//! The client opens both streams, the data stream first and the control stream second. QUIC opens streams
//! in order, so the first bytes on the control stream, which every link begins with, make both known to
//! the node: no extra byte is needed to tell which is which.

use super::buffers::{CHUNK_BYTES, Inbound, Outbound, STEPS_PER_TURN, Scratch};
use super::{Close, Handler, Lane, LinkEnd, Waker};
use crate::protocol::keys::{Binding, EXPORTER_LABEL};
use crate::protocol::limits;
use bytes::Bytes;
use quinn::{Connection, ConnectionError, IdleTimeout, ReadError, RecvStream, SendStream, TransportConfig};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

/// Beyond the protocol's own limit for silence, so that it is the protocol which gives a link up.
const IDLE_MAX: Duration = limits::SILENCE_MAX.saturating_add(Duration::from_secs(2));

/// Guess of the round trip until one is measured: a lost first packet is sent again after about three
/// times as long. The RFC's third of a second would make a lost greeting a pause of a second.
const INITIAL_RTT: Duration = Duration::from_millis(100);

/// What may be on its way on one stream; enough for 10 MB/s over 100 ms.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;

/// What may be on its way on both streams, and what this side keeps until it is acknowledged.
const LINK_WINDOW_BYTES: u32 = 2 * STREAM_WINDOW_BYTES;

/// Datagrams that have arrived and wait for the link's task; beyond it the oldest are dropped.
const DATAGRAM_RECEIVE_BYTES: usize = 256 * 1024;

/// Datagrams that wait for the network; beyond it the oldest are dropped, as they are the stalest.
const DATAGRAM_SEND_BYTES: usize = 64 * 1024;

/// Datagrams sent, and received, in one step of a turn.
const DATAGRAMS_PER_STEP: usize = 32;

/// Code of an orderly close.
const CLOSED: quinn::VarInt = quinn::VarInt::from_u32(0);

/// Code of a link that was cut off because of what the peer did.
const CUT_OFF: quinn::VarInt = quinn::VarInt::from_u32(1);

/// How links behave on the client's side.
pub(super) static CLIENT_TRANSPORT: LazyLock<Arc<TransportConfig>> = LazyLock::new(|| Arc::new(transport(0)));

/// How links behave on the node's side: it lets the client open the two streams of a link.
pub(super) static SERVER_TRANSPORT: LazyLock<Arc<TransportConfig>> = LazyLock::new(|| Arc::new(transport(2)));

fn transport(streams_of_peer: u32) -> TransportConfig {
    let mut config = TransportConfig::default();
    config
        .max_concurrent_bidi_streams(streams_of_peer.into())
        .max_concurrent_uni_streams(0u32.into())
        .max_idle_timeout(Some(IdleTimeout::try_from(IDLE_MAX).expect("a few seconds are within range")))
        .keep_alive_interval(None) // the protocol pings by itself
        .initial_rtt(INITIAL_RTT)
        .stream_receive_window(STREAM_WINDOW_BYTES.into())
        .receive_window(LINK_WINDOW_BYTES.into())
        .send_window(LINK_WINDOW_BYTES.into())
        .datagram_receive_buffer_size(Some(DATAGRAM_RECEIVE_BYTES))
        .datagram_send_buffer_size(DATAGRAM_SEND_BYTES);
    config
}

/// The binding of a link over QUIC.
pub(super) fn binding(connection: &Connection) -> Option<Binding> {
    let mut binding = [0; 32];
    connection.export_keying_material(&mut binding, EXPORTER_LABEL, b"").ok()?;
    Some(binding)
}

/// A QUIC connection that is used as a link.
pub(super) struct QuicLink {
    connection: Connection,
}

/// One lane's stream and what waits on either side of it.
struct LaneStream {
    lane: Lane,
    send: SendStream,
    receive: RecvStream,
    inbound: Inbound,
    outbound: Outbound,
    /// The peer has finished its side of the stream.
    ended: bool,
}

/// How far to run the link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// The handler wants to close.
    Closing,
    /// Nothing is left to write.
    Written,
}

impl QuicLink {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection }
    }

    pub(super) async fn run<H: Handler>(&mut self, waker: &Waker, handler: &mut H) -> LinkEnd {
        let end = match self.open(waker, handler).await {
            Ok(Some(lanes)) => self.run_lanes(lanes, waker, handler).await,
            Ok(None) => LinkEnd::Closed, // the handler gave up before the client had said a word
            Err(error) => ended(error),
        };
        self.connection.close(if end == LinkEnd::CutOff { CUT_OFF } else { CLOSED }, b"");
        end
    }

    /// Waits for both streams. `None`: the handler wants to close.
    async fn open<H: Handler>(
        &self,
        waker: &Waker,
        handler: &mut H,
    ) -> Result<Option<[LaneStream; 2]>, ConnectionError> {
        let mut streams = pin!(open_streams(&self.connection));
        poll_fn(|cx| {
            waker.begin_turn(cx);
            match streams.as_mut().poll(cx) {
                Poll::Ready(opened) => Poll::Ready(opened.map(Some)),
                Poll::Pending if handler.closing() => Poll::Ready(Ok(None)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    async fn run_lanes<H: Handler>(
        &self,
        mut lanes: [LaneStream; 2],
        waker: &Waker,
        handler: &mut H,
    ) -> LinkEnd {
        {
            let mut datagram = pin!(self.connection.read_datagram());
            let run = poll_fn(|cx| {
                waker.begin_turn(cx);
                self.poll_turn(cx, &mut lanes, datagram.as_mut(), handler, Until::Closing)
            });
            if let Err(end) = run.await {
                return end;
            }
        }
        Box::pin(self.close(lanes, waker, handler)).await
    }

    /// Hands over the last bytes and waits, not for long, until the peer has acknowledged them.
    async fn close<H: Handler>(&self, mut lanes: [LaneStream; 2], waker: &Waker, handler: &mut H) -> LinkEnd {
        let hand_over = async {
            let mut datagram = pin!(self.connection.read_datagram());
            poll_fn(|cx| {
                waker.begin_turn(cx);
                self.poll_turn(cx, &mut lanes, datagram.as_mut(), handler, Until::Written)
            })
            .await?;
            for lane in &mut lanes {
                // An error says that the peer has let go of the stream: then there is nothing to wait for.
                let _ = lane.send.finish();
            }
            for lane in &lanes {
                let _ = lane.send.stopped().await;
            }
            Ok(())
        };
        match tokio::time::timeout(limits::CLOSE_MAX, hand_over).await {
            Ok(Ok(())) => LinkEnd::Closed,
            Ok(Err(end)) => end,
            Err(_) => LinkEnd::Broken("the peer did not take the last bytes in time".into()),
        }
    }

    fn poll_turn<'a, H: Handler>(
        &'a self,
        cx: &mut Context<'_>,
        lanes: &mut [LaneStream; 2],
        mut datagram: Pin<&mut quinn::ReadDatagram<'a>>,
        handler: &mut H,
        until: Until,
    ) -> Poll<Result<(), LinkEnd>> {
        Scratch::with(|scratch| {
            for _ in 0..STEPS_PER_TURN {
                let mut has_moved = false;
                for lane in &mut *lanes {
                    has_moved |= lane.read(cx, handler, scratch)?;
                }
                if lanes.iter().all(|lane| lane.ended) {
                    return Poll::Ready(Err(LinkEnd::ClosedByPeer));
                }
                has_moved |= self.receive_datagrams(cx, datagram.as_mut(), handler);
                let mut has_written = self.send_datagrams(handler, scratch);
                for lane in &mut *lanes {
                    has_written |= lane.write(cx, handler, scratch);
                }
                let done = match until {
                    Until::Closing => handler.closing(),
                    Until::Written => !has_written && lanes.iter().all(|lane| lane.outbound.is_empty()),
                };
                if done {
                    return Poll::Ready(Ok(()));
                }
                if !has_moved && !has_written {
                    return Poll::Pending;
                }
            }
            cx.waker().wake_by_ref(); // there may be more, but others want a turn too
            Poll::Pending
        })
    }

    /// True: some came.
    fn receive_datagrams<'a, H: Handler>(
        &'a self,
        cx: &mut Context<'_>,
        mut datagram: Pin<&mut quinn::ReadDatagram<'a>>,
        handler: &mut H,
    ) -> bool {
        for received in 0..DATAGRAMS_PER_STEP {
            match datagram.as_mut().poll(cx) {
                Poll::Ready(Ok(bytes)) => {
                    datagram.set(self.connection.read_datagram());
                    handler.datagram(&bytes);
                }
                Poll::Ready(Err(_)) => {
                    // The connection has ended, which the streams report once they are read out.
                    datagram.set(self.connection.read_datagram());
                    return received > 0;
                }
                Poll::Pending => return received > 0,
            }
        }
        true
    }

    /// True: some were sent.
    fn send_datagrams<H: Handler>(&self, handler: &mut H, scratch: &mut Scratch) -> bool {
        for sent in 0..DATAGRAMS_PER_STEP {
            scratch.write.clear();
            if !handler.next_datagram(&mut scratch.write) {
                return sent > 0;
            }
            // One that is too large, or sent too late, is lost like any datagram.
            let _ = self.connection.send_datagram(Bytes::copy_from_slice(&scratch.write));
        }
        true
    }
}

impl LaneStream {
    /// Reads once. True: bytes came.
    fn read<H: Handler>(
        &mut self,
        cx: &mut Context<'_>,
        handler: &mut H,
        scratch: &mut Scratch,
    ) -> Result<bool, LinkEnd> {
        if self.ended {
            return Ok(false);
        }
        match self.receive.poll_read(cx, &mut scratch.read) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(0)) | Poll::Ready(Err(ReadError::Reset(_) | ReadError::ClosedStream)) => {
                self.ended = true;
                Ok(true)
            }
            Poll::Ready(Ok(count)) => match self.inbound.offer(handler, self.lane, &scratch.read[..count]) {
                Ok(()) => Ok(true),
                Err(Close) => Err(LinkEnd::CutOff),
            },
            Poll::Ready(Err(ReadError::ConnectionLost(error))) => Err(ended(error)),
            Poll::Ready(Err(error @ (ReadError::IllegalOrderedRead | ReadError::ZeroRttRejected))) => {
                Err(LinkEnd::Broken(error.to_string()))
            }
        }
    }

    /// Writes what is waiting; if that is done, asks the handler for one chunk more. True: it gave some.
    ///
    /// A stream that cannot be written any more counts as stuck: how the link ended is told by reading,
    /// once everything that had arrived before has been read.
    fn write<H: Handler>(&mut self, cx: &mut Context<'_>, handler: &mut H, scratch: &mut Scratch) -> bool {
        while !self.outbound.is_empty() {
            match Pin::new(&mut self.send).poll_write(cx, self.outbound.unsent()) {
                Poll::Ready(Ok(count)) => self.outbound.advance(count),
                Poll::Ready(Err(_)) | Poll::Pending => return false,
            }
        }
        let out = &mut scratch.write;
        out.clear();
        handler.fill(self.lane, out, CHUNK_BYTES);
        if out.is_empty() {
            return false;
        }
        let mut written = 0;
        while written < out.len() {
            match Pin::new(&mut self.send).poll_write(cx, &out[written..]) {
                Poll::Ready(Ok(count)) => written += count,
                Poll::Ready(Err(_)) | Poll::Pending => break,
            }
        }
        self.outbound.keep(&out[written..]);
        true
    }
}

/// Control first: that is the order in which lanes are read and written.
async fn open_streams(connection: &Connection) -> Result<[LaneStream; 2], ConnectionError> {
    let (data, control) = match connection.side() {
        quinn::Side::Client => (connection.open_bi().await?, connection.open_bi().await?),
        quinn::Side::Server => (connection.accept_bi().await?, connection.accept_bi().await?),
    };
    // An error says that the stream has ended already, which reading it will tell.
    let _ = control.0.set_priority(1);
    Ok([(Lane::Control, control), (Lane::Data, data)].map(|(lane, (send, receive))| LaneStream {
        lane,
        send,
        receive,
        inbound: Inbound::default(),
        outbound: Outbound::default(),
        ended: false,
    }))
}

fn ended(error: ConnectionError) -> LinkEnd {
    match error {
        ConnectionError::ApplicationClosed(_) => LinkEnd::ClosedByPeer,
        ConnectionError::TimedOut => LinkEnd::Broken("nothing was heard from the peer for too long".into()),
        other => LinkEnd::Broken(other.to_string()),
    }
}
