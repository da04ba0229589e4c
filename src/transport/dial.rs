//! From a client to a node.

use super::conditions::{Conditions, DelayLine, LossySocket, Way};
use super::plain::PlainSocket;
use super::stream::StreamLink;
use super::tls::{self, Trust, TrustError};
use super::{Kind, Link, Waker, Wire, quic};
use crate::protocol::limits;
use parking_lot::Mutex;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ConnectError, ConnectionError};
use rustls::HandshakeKind;
use rustls::pki_types::ServerName;
use socket2::SockRef;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Socket buffers of a client's QUIC endpoint, which many clients of one process may share.
const ENDPOINT_BUFFER_BYTES: usize = 2 * 1024 * 1024;

/// Bytes that the kernel keeps of a TCP stream and has not sent yet. What lies there is out of reach:
/// control frames would wait behind it.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES_MAX: u32 = 128 * 1024;

/// Why a node could not be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// Nobody listens there, or there is no way there.
    #[error("nobody can be reached at {address} ({reason}): check the network and that the server runs")]
    Unreachable {
        /// What was dialled.
        address: SocketAddr,
        /// What the operating system says.
        reason: String,
    },
    /// No answer within [`limits::DIAL_MAX`]. Over QUIC this is also what it looks like if nobody listens.
    #[error(
        "{0} does not answer: check that the server runs, and the network and firewalls, for UDP as well"
    )]
    TimedOut(SocketAddr),
    /// Whoever listens there does not belong to the cluster of the connect token.
    #[error("{address} is not a node of this cluster, check the connect token and its addresses: {reason}")]
    Certificate {
        /// What was dialled.
        address: SocketAddr,
        /// What is wrong with the certificate.
        reason: String,
    },
    /// The handshake failed for another reason, for example because no Sterna node listens there.
    #[error("the handshake with {address} failed: {reason}")]
    Handshake {
        /// What was dialled.
        address: SocketAddr,
        /// How it failed.
        reason: String,
    },
}

/// The UDP sockets of a process, one for each address family, opened when first needed. A socket and the
/// task behind it are costly, so clients share them.
#[derive(Debug, Default)]
pub struct Endpoints {
    v4: Mutex<Option<quinn::Endpoint>>,
    v6: Mutex<Option<quinn::Endpoint>>,
    conditions: Conditions,
    /// Take it that the system has no more than plain sockets.
    plain: bool,
}

impl Endpoints {
    /// Endpoints of one client's own, on a bad network.
    fn bad(conditions: Conditions) -> Self {
        Self { conditions, ..Self::default() }
    }

    /// Endpoints as on a system that refuses the better sockets.
    #[cfg(test)]
    pub(super) fn plain() -> Self {
        Self { plain: true, ..Self::default() }
    }

    /// An endpoint that reaches `address`. Must be called on the runtime.
    fn get(&self, address: SocketAddr) -> io::Result<quinn::Endpoint> {
        let mut slot = self.slot(address).lock();
        if let Some(endpoint) = &*slot {
            return Ok(endpoint.clone());
        }
        let any: IpAddr =
            if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let open = || -> io::Result<std::net::UdpSocket> {
            let socket = std::net::UdpSocket::bind((any, 0))?;
            enlarge_buffers(&socket, ENDPOINT_BUFFER_BYTES);
            Ok(socket)
        };
        let runtime = Arc::new(quinn::TokioRuntime);
        let config = quinn::EndpointConfig::default;
        let endpoint = if !self.conditions.is_clear() {
            let socket = Arc::new(LossySocket::new(open()?, &self.conditions)?);
            quinn::Endpoint::new_with_abstract_socket(config(), None, socket, runtime)?
        } else if let Some(endpoint) = (!self.plain)
            .then(|| quinn::Endpoint::new(config(), None, open()?, runtime.clone()))
            .and_then(Result::ok)
        {
            endpoint
        } else {
            // The system has sockets, but not all that was asked of one.
            let socket = Arc::new(PlainSocket::new(open()?)?);
            quinn::Endpoint::new_with_abstract_socket(config(), None, socket, runtime)?
        };
        *slot = Some(endpoint.clone());
        Ok(endpoint)
    }

    /// Forgets the endpoint, whose runtime has ended.
    fn forget(&self, address: SocketAddr) {
        *self.slot(address).lock() = None;
    }

    fn slot(&self, address: SocketAddr) -> &Mutex<Option<quinn::Endpoint>> {
        if address.is_ipv4() { &self.v4 } else { &self.v6 }
    }
}

/// Dials the nodes of one cluster, on behalf of one client. It keeps the TLS sessions, so that the second
/// link, to whichever node, resumes the first one's.
pub struct Dialer {
    server_name: ServerName<'static>,
    tcp: TlsConnector,
    quic: quinn::ClientConfig,
    endpoints: Arc<Endpoints>,
    conditions: Conditions,
    /// TCP links dialled so far: each has its own random choices.
    links: AtomicU64,
}

impl Dialer {
    /// A dialer for the cluster that `trust` names. With conditions other than clear it uses UDP sockets
    /// of its own instead of the shared ones.
    pub fn new(trust: &Trust, conditions: Conditions, endpoints: Arc<Endpoints>) -> Result<Self, TrustError> {
        let crypto = QuicClientConfig::try_from(tls::client(trust)?)
            .expect("ring has the cipher suite that every QUIC connection begins with");
        let mut quic = quinn::ClientConfig::new(Arc::new(crypto));
        quic.transport_config(quic::CLIENT_TRANSPORT.clone());
        Ok(Self {
            server_name: tls::server_name(&trust.server_name)?,
            tcp: TlsConnector::from(Arc::new(tls::client(trust)?)),
            quic,
            endpoints: if conditions.is_clear() { endpoints } else { Arc::new(Endpoints::bad(conditions)) },
            conditions,
            links: AtomicU64::new(0),
        })
    }

    /// Opens a link. Takes [`limits::DIAL_MAX`] at most.
    pub async fn dial(&self, kind: Kind, address: SocketAddr) -> Result<Link, DialError> {
        let dial = async {
            match kind {
                Kind::Tcp if self.conditions.is_clear() => tcp(&self.tcp, &self.server_name, address).await,
                Kind::Tcp => self.bad_tcp(address).await,
                Kind::Quic => self.quic(address).await,
            }
        };
        tokio::time::timeout(limits::DIAL_MAX, dial).await.map_err(|_| DialError::TimedOut(address))?
    }

    async fn bad_tcp(&self, address: SocketAddr) -> Result<Link, DialError> {
        // The operating system's own handshake does not go through the delay line.
        tokio::time::sleep(self.conditions.delay.saturating_mul(2)).await;
        let link = self.links.fetch_add(1, Ordering::Relaxed);
        let (up, down) = (self.conditions.course(link, Way::Up), self.conditions.course(link, Way::Down));
        let line = DelayLine::new(connect(address).await?, up, down);
        secure(&self.tcp, &self.server_name, address, line, Wire::BadTcp).await
    }

    async fn quic(&self, address: SocketAddr) -> Result<Link, DialError> {
        let connection = self.connect(address)?.await.map_err(|error| quic_error(address, error))?;
        Link::from_quic(connection)
            .ok_or_else(|| DialError::Handshake { address, reason: "TLS gives no binding".into() })
    }

    fn connect(&self, address: SocketAddr) -> Result<quinn::Connecting, DialError> {
        let unreachable = |reason: String| DialError::Unreachable { address, reason };
        let name = self.server_name.to_str();
        let connect = || {
            let endpoint = self.endpoints.get(address).map_err(|error| unreachable(error.to_string()))?;
            Ok(endpoint.connect_with(self.quic.clone(), address, &name))
        };
        match connect()? {
            Ok(connecting) => Ok(connecting),
            Err(ConnectError::EndpointStopping) => {
                // Its runtime has ended, or its socket has failed: a new one serves.
                self.endpoints.forget(address);
                connect()?.map_err(|error| unreachable(error.to_string()))
            }
            Err(error) => Err(unreachable(error.to_string())),
        }
    }
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn from_quic(connection: quinn::Connection) -> Option<Self> {
        Some(Self {
            binding: quic::binding(&connection)?,
            peer_addr: connection.remote_address(),
            resumed: None,
            datagram_bytes_max: connection.max_datagram_size(),
            waker: Waker::default(),
            wire: Wire::Quic(Box::new(quic::QuicLink::new(connection))),
        })
    }
}

/// Dials with TCP and TLS.
pub(super) async fn tcp(
    connector: &TlsConnector,
    server_name: &ServerName<'static>,
    address: SocketAddr,
) -> Result<Link, DialError> {
    secure(connector, server_name, address, connect(address).await?, Wire::Tcp).await
}

async fn connect(address: SocketAddr) -> Result<TcpStream, DialError> {
    let socket = TcpStream::connect(address)
        .await
        .map_err(|error| DialError::Unreachable { address, reason: error.to_string() })?;
    tune(&socket);
    Ok(socket)
}

async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
    connector: &TlsConnector,
    server_name: &ServerName<'static>,
    address: SocketAddr,
    socket: S,
    wire: fn(Box<StreamLink<S>>) -> Wire,
) -> Result<Link, DialError> {
    let stream = connector
        .connect(server_name.clone(), socket)
        .await
        .map_err(|error| handshake_error(address, &error))?;
    let session = stream.get_ref().1;
    let handshake = |reason: String| DialError::Handshake { address, reason };
    Ok(Link {
        binding: tls::binding(session).map_err(|error| handshake(error.to_string()))?,
        peer_addr: address,
        resumed: Some(session.handshake_kind() == Some(HandshakeKind::Resumed)),
        datagram_bytes_max: None,
        waker: Waker::default(),
        wire: wire(Box::new(StreamLink::new(stream.into()))),
    })
}

/// Sets what every TCP link needs. Failing that, the link works all the same, only later.
pub(super) fn tune(socket: &TcpStream) {
    let socket = SockRef::from(socket);
    let _ = socket.set_tcp_nodelay(true);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
}

/// Asks for large UDP buffers: what arrives while the endpoint's task is busy waits there, and what does not
/// fit is lost, and sent again much later. The operating system may grant less.
pub(super) fn enlarge_buffers(socket: &std::net::UdpSocket, bytes: usize) {
    let forced = crate::sys::force_receive_buffer(socket, bytes);
    let socket = SockRef::from(socket);
    if !forced {
        let _ = socket.set_recv_buffer_size(bytes);
    }
    let _ = socket.set_send_buffer_size(bytes);
}

fn handshake_error(address: SocketAddr, error: &io::Error) -> DialError {
    let reason = error.to_string();
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => DialError::Certificate { address, reason },
        _ => DialError::Handshake { address, reason },
    }
}

fn quic_error(address: SocketAddr, error: ConnectionError) -> DialError {
    let reason = error.to_string();
    match error {
        ConnectionError::TimedOut => DialError::TimedOut(address),
        // TLS alerts about certificates (RFC 8446 section 6.2), and 51 for a signature that is not by the
        // right key. This is our own alert; the peer's would be `ConnectionClosed`.
        ConnectionError::TransportError(error)
            if matches!(u64::from(error.code).checked_sub(0x100), Some(42..=46 | 48 | 51)) =>
        {
            DialError::Certificate { address, reason }
        }
        _ => DialError::Handshake { address, reason },
    }
}
