//! Who a user is: a JWT, signed with Ed25519 by the game's own backend or, for development, by the cluster.
//!
//! Claims: `sub` the user's id, `aud` the cluster's name, `exp` and `iat`. The token begins sessions only: a
//! session goes on past its expiry.

mod provider;

use crate::config::Config;
use crate::pki::ClusterKeys;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use sterna::client::token::ConnectToken;
use sterna::protocol::reasons::RefuseReason;

/// How far the clocks of backend and node may be apart.
const LEEWAY_SECS: u64 = 5;

/// How long a user's id may be, in bytes. It travels in every baton and directory record.
pub const USER_BYTES: RangeInclusive<usize> = 1..=128;

/// A user, as a verified token names them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct User(String);

impl User {
    /// A user with this id, if it has a length that an id may have.
    pub fn new(id: impl Into<String>) -> Result<Self, UserIdError> {
        let id = id.into();
        if USER_BYTES.contains(&id.len()) { Ok(Self(id)) } else { Err(UserIdError { bytes: id.len() }) }
    }

    /// The user's id.
    pub fn id(&self) -> &str {
        &self.0
    }

    /// The user's id, taken out.
    pub fn into_id(self) -> String {
        self.0
    }
}

/// A user's id is empty or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user id has {min} to {max} bytes, this one has {bytes}", min = USER_BYTES.start(), max = USER_BYTES.end())]
pub struct UserIdError {
    /// How long it is.
    pub bytes: usize,
}

/// Why a key is not the public key of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerKeyError {
    /// The configured file cannot be read, or holds no such key.
    #[error("`issuer_public_key`: {path}: {error}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: String,
    },
    /// It is not a PEM public key.
    #[error("not a PEM public key (`-----BEGIN PUBLIC KEY-----`): {0}")]
    Pem(String),
    /// It is a public key of another kind.
    #[error("the public key is not Ed25519: make one with `openssl genpkey -algorithm ed25519`")]
    Kind,
}

#[derive(Serialize)]
struct IssuedClaims<'a> {
    sub: &'a str,
    aud: &'a str,
    exp: u64,
    iat: u64,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

/// The development issuer: signs user tokens with the cluster's own key.
pub struct Issuer {
    key: EncodingKey,
    cluster: String,
}

impl Issuer {
    /// The development issuer of a cluster.
    pub fn new(keys: &ClusterKeys) -> Self {
        provider::install();
        Self { key: EncodingKey::from_ed_der(keys.issuer_key_der()), cluster: keys.cluster().to_owned() }
    }

    /// A token for a user that is good for `life` from now.
    pub fn issue(&self, user: &User, life: Duration) -> String {
        self.issue_at(user, life, jsonwebtoken::get_current_timestamp())
    }

    fn issue_at(&self, user: &User, life: Duration, iat: u64) -> String {
        let exp = iat.saturating_add(life.as_secs());
        let claims = IssuedClaims { sub: user.id(), aud: &self.cluster, exp, iat };
        encode(&Header::new(Algorithm::EdDSA), &claims, &self.key)
            .expect("the cluster's issuer key was checked when it was loaded")
    }
}

/// Verifies user tokens of one issuer for one cluster.
pub struct Verifier {
    key: DecodingKey,
    validation: Validation,
}

impl Verifier {
    /// Accepts what the cluster's development [`Issuer`] signs.
    pub fn development(keys: &ClusterKeys) -> Self {
        Self::with_key(keys.cluster(), keys.issuer_public_key())
    }

    /// Accepts what the configured issuer signs: the game's backend if its public key is set, else the
    /// development issuer.
    pub fn configured(config: &Config, keys: &ClusterKeys) -> Result<Self, IssuerKeyError> {
        let Some(path) = &config.issuer_public_key else { return Ok(Self::development(keys)) };
        let in_file = |error: String| IssuerKeyError::File { path: path.clone(), error };
        let pem = std::fs::read(path).map_err(|error| in_file(error.to_string()))?;
        Self::of_backend(keys.cluster(), &pem).map_err(|error| in_file(error.to_string()))
    }

    /// Accepts what the game's own backend signs, by its public key (PEM, Ed25519), and nothing else.
    pub fn of_backend(cluster: &str, public_key_pem: &[u8]) -> Result<Self, IssuerKeyError> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(public_key_pem)
            .map_err(|error| IssuerKeyError::Pem(error.to_string()))?;
        let key = der.strip_prefix(ED25519_SPKI).ok_or(IssuerKeyError::Kind)?;
        if key.len() != 32 {
            return Err(IssuerKeyError::Kind);
        }
        Ok(Self::with_key(cluster, key))
    }

    /// The user that a token names; else the reason to give to the client.
    pub fn verify(&self, token: &str) -> Result<User, RefuseReason> {
        let data =
            decode::<Claims>(token, &self.key, &self.validation).map_err(|error| reason(error.kind()))?;
        // RFC 7515 section 4.1.11: extensions that must be understood, and none is.
        if data.header.crit.is_some() {
            return Err(RefuseReason::TokenMalformed);
        }
        User::new(data.claims.sub).map_err(|_| RefuseReason::TokenMalformed)
    }

    fn with_key(cluster: &str, key: &[u8]) -> Self {
        provider::install();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = LEEWAY_SECS;
        validation.validate_nbf = true;
        validation.set_audience(&[cluster]);
        validation.set_required_spec_claims(&["sub", "aud", "exp"]);
        Self { key: DecodingKey::from_ed_der(key), validation }
    }
}

/// DER of an Ed25519 public key up to its 32 bytes (RFC 8410 section 4).
const ED25519_SPKI: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

fn reason(error: &ErrorKind) -> RefuseReason {
    match error {
        // Not yet valid is out of its time too, and a new token is the remedy for both.
        ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => RefuseReason::TokenExpired,
        ErrorKind::InvalidSignature | ErrorKind::InvalidAudience => RefuseReason::TokenForeign,
        // A foreign, open enum: whatever else may be wrong with it, the token is not one of ours.
        _ => RefuseReason::TokenMalformed,
    }
}

/// Puts together what a client needs to connect.
pub fn connect_token(
    keys: &ClusterKeys,
    user_token: String,
    tcp: Vec<SocketAddr>,
    quic: Vec<SocketAddr>,
) -> ConnectToken {
    ConnectToken { cluster: keys.cluster().to_owned(), ca: keys.ca_der().to_vec(), tcp, quic, user_token }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("audience", &self.validation.aud).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
