//! Who trusts whom. TLS 1.3 only, and always with our own choice of cryptography: a library must neither
//! depend on nor change what the process it is loaded into has chosen.

use crate::protocol::keys::{Binding, EXPORTER_LABEL};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{NoServerSessionStorage, ProducesTickets, WebPkiClientVerifier};
use rustls::{CipherSuite, ClientConfig, ConnectionCommon, RootCertStore, ServerConfig};
use std::sync::{Arc, LazyLock};

/// What clients and nodes agree to speak.
pub(super) const ALPN_CLIENT: &[u8] = b"sterna";

/// What nodes speak among themselves.
pub(super) const ALPN_PEER: &[u8] = b"sterna-peer";

/// Servers whose tickets a client keeps. All nodes of a cluster share one name, so one would do.
const SESSIONS_MAX: usize = 8;

/// AES-128 with SHA-256 is preferred: a handshake hashes some hundred times, most processors have
/// instructions for SHA-256, and none for SHA-384, which rustls would prefer.
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    Arc::new(provider)
});

/// What a client trusts: one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The cluster's CA certificate, DER.
    pub ca_der: Vec<u8>,
    /// The name that all nodes of the cluster share in their certificates.
    pub server_name: String,
}

/// Why a [`Trust`] or an [`Identity`] cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The CA certificate cannot be read.
    #[error("the cluster's CA certificate cannot be used: {0}")]
    Ca(String),
    /// The server name is not a DNS name.
    #[error("`{0}` cannot be the name of a cluster's nodes: it is not a DNS name")]
    ServerName(String),
    /// Certificate chain and private key of a node do not go together.
    #[error("the node's certificate or private key cannot be used: {0}")]
    Identity(String),
}

/// What a node shows to clients and to other nodes.
///
/// The certificate bears the cluster's common server name. Nodes show it to each other as clients too: if
/// it restricts what it is good for (extended key usage), then it must name both sides.
pub struct Identity {
    /// The node's certificate, followed by those between it and the CA.
    pub cert_chain: Vec<CertificateDer<'static>>,
    /// Its private key.
    pub key: PrivateKeyDer<'static>,
    /// Writes and reads TLS session tickets. The nodes of a cluster share its keys, so that a client
    /// resumes on any of them.
    pub ticketer: Arc<dyn ProducesTickets>,
    /// The cluster's CA certificate.
    pub ca: CertificateDer<'static>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

pub(super) fn server_name(name: &str) -> Result<ServerName<'static>, TrustError> {
    match ServerName::try_from(name.to_owned()) {
        Ok(server_name @ ServerName::DnsName(_)) => Ok(server_name),
        Ok(_) | Err(_) => Err(TrustError::ServerName(name.to_owned())),
    }
}

/// How a client meets nodes.
pub(super) fn client(trust: &Trust) -> Result<ClientConfig, TrustError> {
    let mut config = client_builder(trust.ca_der.clone().into())?.with_no_client_auth();
    config.alpn_protocols = vec![ALPN_CLIENT.to_vec()];
    config.resumption = Resumption::in_memory_sessions(SESSIONS_MAX);
    Ok(config)
}

/// How a node meets clients.
pub(super) fn server(identity: &Identity) -> Result<ServerConfig, TrustError> {
    let mut config = ServerConfig::builder_with_provider(PROVIDER.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(identity_error)?
        .with_no_client_auth()
        .with_single_cert(identity.cert_chain.clone(), identity.key.clone_key())
        .map_err(identity_error)?;
    config.alpn_protocols = vec![ALPN_CLIENT.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = identity.ticketer.clone();
    Ok(config)
}

/// How a node dials another one.
pub(super) fn peer_client(identity: &Identity) -> Result<ClientConfig, TrustError> {
    let mut config = client_builder(identity.ca.clone())?
        .with_client_auth_cert(identity.cert_chain.clone(), identity.key.clone_key())
        .map_err(identity_error)?;
    config.alpn_protocols = vec![ALPN_PEER.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// How a node meets other nodes.
///
/// No tickets: rustls does not look at certificates when it resumes, so a ticket that a client got from
/// the same keys would let it in as a node.
pub(super) fn peer_server(identity: &Identity) -> Result<ServerConfig, TrustError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(identity.ca.clone())?, PROVIDER.clone())
        .build()
        .map_err(|error| TrustError::Ca(error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(PROVIDER.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(identity_error)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.cert_chain.clone(), identity.key.clone_key())
        .map_err(identity_error)?;
    config.alpn_protocols = vec![ALPN_PEER.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn client_builder(
    ca: CertificateDer<'static>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, TrustError> {
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(ca)?, PROVIDER.clone())
        .build()
        .map_err(|error| TrustError::Ca(error.to_string()))?;
    Ok(ClientConfig::builder_with_provider(PROVIDER.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(identity_error)?
        .with_webpki_verifier(verifier))
}

fn roots(ca: CertificateDer<'static>) -> Result<Arc<RootCertStore>, TrustError> {
    let mut roots = RootCertStore::empty();
    roots.add(ca).map_err(|error| TrustError::Ca(error.to_string()))?;
    Ok(Arc::new(roots))
}

fn identity_error(error: rustls::Error) -> TrustError {
    TrustError::Identity(error.to_string())
}

/// The binding of a link over TCP.
pub(super) fn binding<Side>(session: &ConnectionCommon<Side>) -> Result<Binding, rustls::Error> {
    session.export_keying_material([0; 32], EXPORTER_LABEL, None)
}
