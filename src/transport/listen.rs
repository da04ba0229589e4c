//! Where a node waits for links.

use super::dial::{enlarge_buffers, tune};
use super::stream::StreamLink;
use super::tls::{self, Identity, TrustError};
use super::{Kind, Link, Waker, Wire, quic};
use crate::protocol::limits;
use parking_lot::Mutex;
use quinn::crypto::rustls::QuicServerConfig;
use rustls::{HandshakeKind, ServerConfig};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// TCP connections that wait to be accepted. A node that is drained sends its clients over all at once.
const BACKLOG: i32 = 4096;

/// UDP buffers of a node: the default of 200 kB loses handshakes in such a storm.
const UDP_BUFFER_BYTES: usize = 8 * 1024 * 1024;

/// Pause after a failed `accept`. It fails mostly for want of file descriptors; trying again at once
/// would burn the CPU until one is free.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Why a node cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process, or another listener of this one, has the port.
    #[error("{kind:?} {address} is in use: stop the process that listens there, or choose another port")]
    InUse {
        /// Which transport.
        kind: Kind,
        /// The address asked for.
        address: SocketAddr,
    },
    /// The operating system refuses.
    #[error("cannot listen on {kind:?} {address}: {source}")]
    Refused {
        /// Which transport.
        kind: Kind,
        /// The address asked for.
        address: SocketAddr,
        /// What it says.
        source: io::Error,
    },
    /// The node's identity cannot be used.
    #[error(transparent)]
    Identity(#[from] TrustError),
}

/// Why a handshake came to nothing. It concerns that one peer only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// It was not over within [`limits::GREETING_MAX`].
    #[error("the handshake took too long")]
    TimedOut,
    /// The peer does not speak our protocol, is not trusted, or has gone.
    #[error("the handshake failed: {0}")]
    Failed(String),
}

/// Waits for links on one address.
pub struct Listener {
    local_addr: SocketAddr,
    socket: ListenSocket,
    closed: watch::Sender<bool>,
}

enum ListenSocket {
    /// The socket is shared with the calls to `accept`; closing takes it away.
    Tcp(Mutex<Option<Arc<TcpListener>>>, TlsAcceptor),
    Quic(quinn::Endpoint),
}

impl Listener {
    /// Listens for clients. Port 0 lets the operating system choose. Must be called on the runtime.
    pub fn bind(kind: Kind, address: SocketAddr, identity: &Identity) -> Result<Self, BindError> {
        let config = Arc::new(tls::server(identity)?);
        match kind {
            Kind::Tcp => Self::bind_tcp(address, config),
            Kind::Quic => Self::bind_quic(address, config),
        }
    }

    pub(super) fn bind_tcp(address: SocketAddr, config: Arc<ServerConfig>) -> Result<Self, BindError> {
        let listen = || {
            let socket = bound(address, Type::STREAM, Protocol::TCP)?;
            socket.listen(BACKLOG)?;
            let listener = TcpListener::from_std(socket.into())?;
            Ok((listener.local_addr()?, listener))
        };
        let (local_addr, listener) = listen().map_err(|error| bind_error(Kind::Tcp, address, error))?;
        let socket = ListenSocket::Tcp(Mutex::new(Some(Arc::new(listener))), TlsAcceptor::from(config));
        Ok(Self { local_addr, socket, closed: watch::Sender::new(false) })
    }

    fn bind_quic(address: SocketAddr, config: Arc<ServerConfig>) -> Result<Self, BindError> {
        let crypto = QuicServerConfig::try_from(config)
            .expect("ring has the cipher suite that every QUIC connection begins with");
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
        config.transport_config(quic::SERVER_TRANSPORT.clone());
        let listen = || {
            let socket = std::net::UdpSocket::from(bound(address, Type::DGRAM, Protocol::UDP)?);
            enlarge_buffers(&socket, UDP_BUFFER_BYTES);
            let runtime = Arc::new(quinn::TokioRuntime);
            let endpoint =
                quinn::Endpoint::new(quinn::EndpointConfig::default(), Some(config), socket, runtime)?;
            Ok((endpoint.local_addr()?, endpoint))
        };
        let (local_addr, endpoint) = listen().map_err(|error| bind_error(Kind::Quic, address, error))?;
        Ok(Self { local_addr, socket: ListenSocket::Quic(endpoint), closed: watch::Sender::new(false) })
    }

    /// Where it listens; says which port was chosen.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The next peer that knocks. Its handshake has not begun: the caller spawns
    /// [`Incoming::handshake`], so that a slow peer holds up nobody else. `None`: the listener is closed.
    pub async fn accept(&self) -> Option<Incoming> {
        let mut closed = self.closed.subscribe();
        tokio::select! {
            incoming = self.next() => incoming,
            _ = closed.wait_for(|closed| *closed) => None,
        }
    }

    async fn next(&self) -> Option<Incoming> {
        match &self.socket {
            ListenSocket::Tcp(listener, acceptor) => {
                let listener = listener.lock().clone()?;
                loop {
                    match listener.accept().await {
                        Ok((socket, peer_addr)) => {
                            let knock = Knock::Tcp(socket, acceptor.clone());
                            return Some(Incoming { peer_addr, knock });
                        }
                        Err(_) => tokio::time::sleep(ACCEPT_AGAIN_AFTER).await,
                    }
                }
            }
            ListenSocket::Quic(endpoint) => {
                let incoming = endpoint.accept().await?;
                Some(Incoming {
                    peer_addr: incoming.remote_address(),
                    knock: Knock::Quic(Box::new(incoming)),
                })
            }
        }
    }

    /// Lets nobody in any more; `accept` gives `None`. Links and handshakes that have begun go on. Who
    /// dials now is refused over TCP, and gets no answer over QUIC.
    pub fn close(&self) {
        match &self.socket {
            ListenSocket::Tcp(listener, _) => drop(listener.lock().take()),
            ListenSocket::Quic(endpoint) => endpoint.set_server_config(None),
        }
        self.closed.send_replace(true);
    }

    /// Waits until no link of a closed listener holds its port any more. (Over TCP a link has a socket of
    /// its own, so there is nothing to wait for.)
    pub async fn wait_idle(&self) {
        if let ListenSocket::Quic(endpoint) = &self.socket {
            endpoint.wait_idle().await;
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

/// A peer that has knocked.
pub struct Incoming {
    peer_addr: SocketAddr,
    knock: Knock,
}

enum Knock {
    Tcp(TcpStream, TlsAcceptor),
    Quic(Box<quinn::Incoming>),
}

impl Incoming {
    /// Who knocked.
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer_addr
    }

    /// Shakes hands. Takes [`limits::GREETING_MAX`] at most.
    pub async fn handshake(self) -> Result<Link, HandshakeError> {
        let handshake = async {
            match self.knock {
                Knock::Tcp(socket, acceptor) => tcp(socket, self.peer_addr, acceptor).await,
                Knock::Quic(incoming) => quic(*incoming).await,
            }
        };
        match tokio::time::timeout(limits::GREETING_MAX, handshake).await {
            Ok(Ok(link)) => Ok(link),
            Ok(Err(reason)) => Err(HandshakeError::Failed(reason)),
            Err(_) => Err(HandshakeError::TimedOut),
        }
    }
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming").field("peer_addr", &self.peer_addr).finish_non_exhaustive()
    }
}

async fn tcp(socket: TcpStream, peer_addr: SocketAddr, acceptor: TlsAcceptor) -> Result<Link, String> {
    tune(&socket);
    let stream = acceptor.accept(socket).await.map_err(|error| error.to_string())?;
    let session = stream.get_ref().1;
    // A peer that names no protocol gets through TLS, which objects to wrong names only.
    if session.alpn_protocol().is_none() {
        return Err("the peer does not say which protocol it speaks".into());
    }
    Ok(Link {
        binding: tls::binding(session).map_err(|error| error.to_string())?,
        peer_addr,
        resumed: Some(session.handshake_kind() == Some(HandshakeKind::Resumed)),
        datagram_bytes_max: None,
        waker: Waker::default(),
        wire: Wire::Tcp(Box::new(StreamLink::new(stream.into()))),
    })
}

async fn quic(incoming: quinn::Incoming) -> Result<Link, String> {
    let connection = incoming.await.map_err(|error| error.to_string())?;
    Link::from_quic(connection).ok_or_else(|| "TLS gives no binding".into())
}

fn bound(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?; // [::] stands for all addresses, on every operating system
    }
    // A restarted node gets its port although connections of the old one linger. (On Windows the option
    // means something else: it would let two processes share the port.)
    #[cfg(unix)]
    if kind == Type::STREAM {
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn bind_error(kind: Kind, address: SocketAddr, source: io::Error) -> BindError {
    match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { kind, address },
        _ => BindError::Refused { kind, address, source },
    }
}
