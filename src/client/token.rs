//! The connect token: everything a client needs to reach a cluster and to know that it is the right one.
//!
//! The game's backend hands it to the player: `sterna1.` and, in base64url without padding, a JSON object.
//! So no client needs CA roots or TLS set-up.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// What every connect token begins with; the number is its version.
pub const PREFIX: &str = "sterna1.";

/// A connect token, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectToken {
    /// Name of the cluster; its nodes' certificates bear it, see [`server_name`].
    pub cluster: String,
    /// The cluster's CA certificate, DER.
    #[serde(with = "base64_bytes")]
    pub ca: Vec<u8>,
    /// Where nodes listen for TCP, in the order in which to try them.
    #[serde(default)]
    pub tcp: Vec<SocketAddr>,
    /// Where nodes listen for QUIC.
    #[serde(default)]
    pub quic: Vec<SocketAddr>,
    /// The user's token, signed by the game's backend (JWT, EdDSA). Opaque to the client.
    pub user_token: String,
}

/// Why a text is not a connect token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It does not begin with [`PREFIX`].
    #[error("a connect token begins with `sterna1.`: pass the token as the game's backend gave it")]
    Prefix,
    /// It is not base64url.
    #[error("the connect token is damaged or cut off: it is not base64url behind its prefix")]
    Base64,
    /// It is not the JSON object it should be.
    #[error("the connect token is damaged or cut off: {0}")]
    Content(String),
}

impl ConnectToken {
    /// Takes a token apart.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let body = text.trim().strip_prefix(PREFIX).ok_or(TokenError::Prefix)?;
        let json = BASE64_URL_SAFE_NO_PAD.decode(body).map_err(|_| TokenError::Base64)?;
        serde_json::from_slice(&json).map_err(|error| TokenError::Content(error.to_string()))
    }

    /// Puts a token together.
    pub fn encode(&self) -> String {
        let json = serde_json::to_vec(self).expect("strings, numbers and lists always serialise");
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(json))
    }
}

/// The name that all nodes of a cluster share in their certificates, so that a second link, to whichever
/// node, resumes the TLS session of the first.
pub fn server_name(cluster: &str) -> String {
    format!("{cluster}.sterna.internal")
}

mod base64_bytes {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        BASE64_URL_SAFE_NO_PAD.decode(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> ConnectToken {
        ConnectToken {
            cluster: "dev".into(),
            ca: vec![0, 255, 7],
            tcp: vec!["127.0.0.1:7000".parse().unwrap()],
            quic: vec!["[::1]:7001".parse().unwrap()],
            user_token: "a.b.c".into(),
        }
    }

    #[test]
    fn a_token_comes_back_as_it_was() {
        assert_eq!(ConnectToken::parse(&token().encode()), Ok(token()));
    }

    #[test]
    fn a_damaged_token_says_what_is_wrong_with_it() {
        let text = token().encode();
        assert_eq!(ConnectToken::parse("hello"), Err(TokenError::Prefix));
        assert_eq!(ConnectToken::parse("sterna1.§§"), Err(TokenError::Base64));
        let cut_off = ConnectToken::parse(&text[..text.len() - 4]);
        assert!(matches!(cut_off, Err(TokenError::Content(_) | TokenError::Base64)), "{cut_off:?}");
    }
}
