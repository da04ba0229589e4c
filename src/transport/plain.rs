//! A UDP socket that asks nothing of the system but to send and receive packets: no marks for congestion, no batches, no
//! ban on fragments. QUIC does without them, at a price in throughput that a game's client does not notice.
//!
//! For systems that refuse the rest, as Wine does: players on Linux run games for Windows by it.

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

/// The plain socket of a QUIC endpoint.
#[derive(Debug)]
pub(super) struct PlainSocket(Arc<UdpSocket>);

impl PlainSocket {
    /// Takes a socket over. Must be called on the runtime.
    pub(super) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self(Arc::new(UdpSocket::from_std(socket)?)))
    }
}

impl AsyncUdpSocket for PlainSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Writable { socket: self.0.clone(), waiting: None })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        match self.0.try_send_to(transmit.contents, transmit.destination) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(()), // what the network does not take is lost, like any packet
        }
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(buffer), Some(meta)) = (buffers.first_mut(), meta.first_mut()) else {
            return Poll::Ready(Ok(0));
        };
        let mut buffer = ReadBuf::new(buffer);
        match self.0.poll_recv_from(cx, &mut buffer) {
            Poll::Ready(Ok(addr)) => {
                let len = buffer.filled().len();
                *meta = RecvMeta { addr, len, stride: len, ..RecvMeta::default() };
                Poll::Ready(Ok(1))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Waits for one connection until the socket takes packets again. The socket itself would remember only the last of
/// several that wait.
struct Writable {
    socket: Arc<UdpSocket>,
    waiting: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send + Sync>>>,
}

impl UdpPoller for Writable {
    fn poll_writable(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut waiting = self.waiting.take().unwrap_or_else(|| {
            let socket = self.socket.clone();
            Box::pin(async move { socket.writable().await })
        });
        let writable = waiting.as_mut().poll(cx);
        if writable.is_pending() {
            self.waiting = Some(waiting);
        }
        writable
    }
}

impl fmt::Debug for Writable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writable").finish_non_exhaustive()
    }
}
