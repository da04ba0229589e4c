//! The cluster's keys: made at the first start, kept in the state directory, loaded ever after.
//!
//! Every node of a cluster holds the same set: the CA that signs node certificates (clients get its
//! certificate in their connect token), one secret from which all symmetric keys are derived, and the key of
//! the development issuer. What is on disk is never overwritten: a lost CA locks out every client that
//! holds a token, so a damaged file is the operator's to look at.

mod store;

use crate::config::Config;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519,
};
use ring::rand::{SecureRandom, SystemRandom};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use sterna::client::token::server_name;
use time::{Duration, OffsetDateTime};

/// Clocks of nodes and clients differ; a certificate is valid from a day before it was made.
const BACKDATED: Duration = Duration::DAY;
/// Clients hold the CA in connect tokens, so it cannot be exchanged quietly; it should outlive the game.
/// (As a trust anchor it is not asked for its dates by rustls; other tools may ask.)
const CA_LIFE: Duration = Duration::days(3650);
/// A node makes its certificate anew at every start.
const NODE_LIFE: Duration = Duration::days(365);

/// The keys that all nodes of a cluster share.
pub struct ClusterKeys {
    cluster: String,
    ca: CertificateDer<'static>,
    ca_issuer: rcgen::Issuer<'static, KeyPair>,
    secret: [u8; 32],
    issuer: KeyPair,
    are_new: bool,
}

/// What one node shows on its links: a certificate for server and client side, and its key.
pub struct NodeIdentity {
    /// The node's certificate; clients have the CA's already.
    pub chain: Vec<CertificateDer<'static>>,
    /// The certificate's key.
    pub key: PrivateKeyDer<'static>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file or the directory cannot be read.
    #[error("cannot read {path}: {error}", path = path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file or the directory cannot be written.
    #[error("cannot write {path}: {error}", path = path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// There are no keys in the directory.
    #[error("{dir} holds no keys: `sterna serve --state-dir` makes them at its first start", dir = dir.display())]
    Absent {
        /// Which directory.
        dir: PathBuf,
    },
    /// Some files are there and some are not.
    #[error(
        "{dir} lacks {missing}, but holds {present}: restore what is missing from a backup; if the cluster \
         never ran, remove these files and start again", dir = dir.display()
    )]
    HalfPresent {
        /// Which directory.
        dir: PathBuf,
        /// The files that are there.
        present: String,
        /// The files that are not.
        missing: String,
    },
    /// A file is not what it should be.
    #[error("{path} is damaged: {what}: restore it from a backup", path = path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The certificate and the key of the CA are not a pair, or are another cluster's.
    #[error(
        "the CA in {dir} is not the one of cluster `{cluster}`: check the configured name, and that ca.pem and \
         ca.key are of one backup ({what})", dir = dir.display()
    )]
    Foreign {
        /// Which directory.
        dir: PathBuf,
        /// The cluster that was asked for.
        cluster: String,
        /// What the check says.
        what: String,
    },
    /// A key or certificate could not be made.
    #[error("cannot make keys: {0}")]
    Make(String),
}

impl From<rcgen::Error> for PkiError {
    fn from(error: rcgen::Error) -> Self {
        Self::Make(error.to_string())
    }
}

impl ClusterKeys {
    /// Makes keys that live as long as this process.
    pub fn generate(cluster: &str) -> Result<Self, PkiError> {
        let ca_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let ca = ca_params(cluster).self_signed(&ca_key)?.der().clone();
        let mut secret = [0; 32];
        SystemRandom::new()
            .fill(&mut secret)
            .map_err(|_| PkiError::Make("the system gives no random numbers".into()))?;
        let issuer = KeyPair::generate_for(&PKCS_ED25519)?;
        Ok(Self { are_new: true, ..Self::assemble(cluster, ca, ca_key, secret, issuer) })
    }

    /// Loads the keys of a directory.
    pub fn load(dir: &Path, cluster: &str) -> Result<Self, PkiError> {
        store::load(dir, cluster)?.ok_or_else(|| PkiError::Absent { dir: dir.to_owned() })
    }

    /// Loads the keys of a directory, or makes them there if there are none.
    pub fn load_or_create(dir: &Path, cluster: &str) -> Result<Self, PkiError> {
        if let Some(keys) = store::load(dir, cluster)? {
            return Ok(keys);
        }
        let keys = Self::generate(cluster)?;
        store::create(dir, &keys)?;
        Ok(keys)
    }

    /// The keys that a configuration asks for: those of its state directory, or new ones for this process.
    pub fn configured(config: &Config) -> Result<Self, PkiError> {
        match &config.state_dir {
            Some(dir) => Self::load_or_create(dir, &config.cluster),
            None => Self::generate(&config.cluster),
        }
    }

    /// Whether this process has made them: there has been no such cluster before.
    pub fn are_new(&self) -> bool {
        self.are_new
    }

    /// The cluster's name.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The CA's certificate.
    pub fn ca_der(&self) -> &CertificateDer<'static> {
        &self.ca
    }

    /// A new certificate for a node. All nodes bear the same server name, so that a client's second link, to
    /// whichever node, resumes the TLS session of the first; the node's own name is only its subject.
    pub fn node_identity(&self, node_name: &str) -> Result<NodeIdentity, PkiError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new([server_name(&self.cluster)])?;
        let now = OffsetDateTime::now_utc();
        (params.not_before, params.not_after) = (now - BACKDATED, now + NODE_LIFE);
        params.distinguished_name = common_name(node_name);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.ca_issuer)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok(NodeIdentity { chain: vec![certificate.der().clone()], key: PrivateKeyDer::Pkcs8(key) })
    }

    /// A key for one purpose, the same on every node. Knowing it tells nothing about any other.
    pub fn subkey(&self, label: &str) -> [u8; 32] {
        let salt = ring::hkdf::Salt::new(ring::hkdf::HKDF_SHA256, b"sterna cluster key");
        let mut key = [0; 32];
        salt.extract(&self.secret)
            .expand(&[label.as_bytes()], ring::hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key))
            .expect("a key of one hash length is within HKDF's limit");
        key
    }

    /// The development issuer's private key, PKCS #8.
    pub(crate) fn issuer_key_der(&self) -> &[u8] {
        self.issuer.serialized_der()
    }

    /// The development issuer's public key, 32 bytes.
    pub(crate) fn issuer_public_key(&self) -> &[u8] {
        self.issuer.public_key_raw()
    }

    fn assemble(
        cluster: &str,
        ca: CertificateDer<'static>,
        ca_key: KeyPair,
        secret: [u8; 32],
        issuer: KeyPair,
    ) -> Self {
        // Certificates name their issuer by its subject, which follows from the cluster's name.
        let ca_issuer = rcgen::Issuer::new(ca_params(cluster), ca_key);
        Self { cluster: cluster.to_owned(), ca, ca_issuer, secret, issuer, are_new: false }
    }

    /// Whether what these keys sign will be accepted by those who hold the CA's certificate.
    fn verify(&self) -> Result<(), rustls::Error> {
        let identity =
            self.node_identity("check").map_err(|error| rustls::Error::General(error.to_string()))?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.ca.clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        let name = ServerName::try_from(server_name(&self.cluster))
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        verifier.verify_server_cert(&identity.chain[0], &[], &name, &[], UnixTime::now()).map(|_| ())
    }
}

impl std::fmt::Debug for ClusterKeys {
    /// Secrets never reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterKeys").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

impl Clone for NodeIdentity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

impl std::fmt::Debug for NodeIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeIdentity").finish_non_exhaustive()
    }
}

fn ca_params(cluster: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (now - BACKDATED, now + CA_LIFE);
    params.distinguished_name = common_name(&format!("Sterna cluster {cluster}"));
    // No intermediate CAs: it signs nodes and nothing else.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}

#[cfg(test)]
mod tests;
