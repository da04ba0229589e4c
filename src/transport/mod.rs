//! Links: one client and one node, or two nodes, over TCP with TLS 1.3 or over QUIC, behind one small
//! interface.
//!
//! A [`Dialer`] or a [`Listener`] gives a [`Link`] whose handshake is over. [`Link::run`] then moves bytes
//! until the link ends; everything that has a meaning is up to a [`Handler`]. The link *pulls*: it asks
//! the handler for bytes when the transport can take them, so nothing is queued twice and a control frame
//! that comes up late still overtakes payload that came up early.
//!
//! The client speaks first, on the control lane. (On QUIC a node learns of a link's streams by that.)

mod buffers;
mod conditions;
mod dial;
mod listen;
pub mod peer;
mod plain;
mod quic;
mod stream;
mod tls;
mod waker;

#[cfg(test)]
mod tests;

pub use conditions::Conditions;
pub use dial::{DialError, Dialer, Endpoints};
pub use listen::{BindError, HandshakeError, Incoming, Listener};
pub use tls::{Identity, Trust, TrustError};
pub use waker::Waker;

use crate::protocol::keys::Binding;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// Which transport carries a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// TCP with TLS 1.3: one stream for both lanes, no datagrams.
    Tcp,
    /// QUIC: a stream for each lane, and datagrams.
    Quic,
}

/// A sequence of frames that keeps its order. Lanes may overtake each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// What keeps session and move going. It goes first.
    Control,
    /// Application messages.
    Data,
}

/// The handler wants this link closed at once, for example because the peer broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close;

/// How a link ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkEnd {
    /// The handler was [`closing`](Handler::closing), and all it had to say has been handed over.
    #[error("closed")]
    Closed,
    /// The handler returned [`Close`].
    #[error("cut off by this side")]
    CutOff,
    /// The peer closed the link in an orderly way.
    #[error("closed by the peer")]
    ClosedByPeer,
    /// The transport failed.
    #[error("broken: {0}")]
    Broken(String),
}

/// What drives a link from above: the protocol's side. Its methods are called on the link's task only, and
/// must not block.
pub trait Handler: Send {
    /// Bytes of this lane have arrived: the handler takes whole frames off the front and returns how many
    /// bytes that were. The rest is offered again together with what follows.
    ///
    /// Over TCP both lanes share a stream, and all bytes come as [`Lane::Control`]; there a frame's type
    /// byte tells its lane. A frame over the handler's limit must be refused as soon as its length is
    /// known, since the link keeps what is not yet taken.
    fn received(&mut self, lane: Lane, bytes: &[u8]) -> Result<usize, Close>;

    /// A datagram has arrived. QUIC only.
    fn datagram(&mut self, bytes: &[u8]);

    /// Appends whole encoded frames of this lane to `out`, about `room` bytes of them; one frame may go
    /// beyond. Nothing appended means nothing to send until the next [`Waker::wake`] or arrival.
    fn fill(&mut self, lane: Lane, out: &mut Vec<u8>, room: usize);

    /// Puts the next datagram to send into `out`, which is empty; false if there is none. When the
    /// network cannot keep up, the oldest datagrams are dropped. QUIC only.
    fn next_datagram(&mut self, out: &mut Vec<u8>) -> bool;

    /// Whether to close the link as soon as all that `fill` gives has been written. From then on nothing
    /// more is received for certain.
    fn closing(&self) -> bool;
}

/// A link whose handshake is over. To be run at once: what the handshake has left to send may wait for it.
pub struct Link {
    binding: Binding,
    peer_addr: SocketAddr,
    resumed: Option<bool>,
    datagram_bytes_max: Option<usize>,
    waker: Waker,
    wire: Wire,
}

/// Boxed, so that a task which runs a link holds a pointer, whatever the transport.
enum Wire {
    Tcp(Box<stream::StreamLink<TcpStream>>),
    /// TCP on a bad network.
    BadTcp(Box<stream::StreamLink<conditions::DelayLine>>),
    Quic(Box<quic::QuicLink>),
}

impl Link {
    /// What both ends of this link, and nobody else, know.
    pub fn binding(&self) -> Binding {
        self.binding
    }

    /// The other end's address when the handshake was over. (A QUIC client may move.)
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer_addr
    }

    /// Which transport it is.
    pub fn kind(&self) -> Kind {
        match self.wire {
            Wire::Tcp(_) | Wire::BadTcp(_) => Kind::Tcp,
            Wire::Quic(_) => Kind::Quic,
        }
    }

    /// Whether the handshake resumed an earlier TLS session. `None`: the transport does not tell (QUIC).
    pub fn resumed(&self) -> Option<bool> {
        self.resumed
    }

    /// The largest datagram that this link is sure to carry. `None`: it carries none (TCP).
    pub fn datagram_bytes_max(&self) -> Option<usize> {
        self.datagram_bytes_max
    }

    /// Wakes this link's task.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Moves bytes until the link ends. Dropping the future cuts the link off.
    pub async fn run<H: Handler>(self, handler: &mut H) -> LinkEnd {
        match self.wire {
            Wire::Tcp(mut link) => link.run(&self.waker, handler).await,
            Wire::BadTcp(mut link) => link.run(&self.waker, handler).await,
            Wire::Quic(mut link) => link.run(&self.waker, handler).await,
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the binding: it is a secret.
        f.debug_struct("Link").field("kind", &self.kind()).field("peer_addr", &self.peer_addr).finish()
    }
}
