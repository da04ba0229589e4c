//! Links between nodes: TCP with mutual TLS. Either side shows a certificate of the cluster's CA, and all
//! frames go on the control lane.
//!
//! A dialler's certificate is checked by the listener only after the dialler's own handshake is over (so
//! it is in TLS 1.3): a node that is not let in gets a link that breaks with its first read.

use super::Link;
use super::dial::{self, DialError};
use super::listen::{BindError, Incoming, Listener};
use super::tls::{self, Identity, TrustError};
use crate::protocol::limits;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// Waits for other nodes on one address.
#[derive(Debug)]
pub struct PeerListener(Listener);

impl PeerListener {
    /// Listens for nodes. Port 0 lets the operating system choose. Must be called on the runtime.
    pub fn bind(address: SocketAddr, identity: &Identity) -> Result<Self, BindError> {
        Ok(Self(Listener::bind_tcp(address, Arc::new(tls::peer_server(identity)?))?))
    }

    /// Where it listens; says which port was chosen.
    pub fn local_addr(&self) -> SocketAddr {
        self.0.local_addr()
    }

    /// See [`Listener::accept`].
    pub async fn accept(&self) -> Option<Incoming> {
        self.0.accept().await
    }

    /// See [`Listener::close`].
    pub fn close(&self) {
        self.0.close();
    }
}

/// Dials other nodes.
pub struct PeerDialer {
    server_name: ServerName<'static>,
    tls: TlsConnector,
}

impl PeerDialer {
    /// A dialler that shows `identity` and expects nodes of the same CA that bear `server_name`.
    pub fn new(identity: &Identity, server_name: &str) -> Result<Self, TrustError> {
        Ok(Self {
            server_name: tls::server_name(server_name)?,
            tls: TlsConnector::from(Arc::new(tls::peer_client(identity)?)),
        })
    }

    /// Opens a link. Takes [`limits::DIAL_MAX`] at most.
    pub async fn dial(&self, address: SocketAddr) -> Result<Link, DialError> {
        let dial = dial::tcp(&self.tls, &self.server_name, address);
        tokio::time::timeout(limits::DIAL_MAX, dial).await.map_err(|_| DialError::TimedOut(address))?
    }
}

impl std::fmt::Debug for PeerDialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerDialer").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}
