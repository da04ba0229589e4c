//! What a process shows NATS so that it is let in: read from its files for each link anew, for operators replace them.

use super::OpenError;
use crate::config::NatsConfig;
use async_nats::Auth;
use nkeys::KeyPair;
use std::io;
use std::path::PathBuf;

/// Where the credentials are.
#[derive(Clone)]
pub(super) enum Credentials {
    /// In a credentials file (`.creds`): a token, and the seed of a key that signs what the server says.
    File(PathBuf),
    /// A user, and a file with the password.
    Password { user: String, file: PathBuf },
}

impl Credentials {
    /// `None`: none are shown.
    pub(super) fn of(config: &NatsConfig) -> Option<Self> {
        match (&config.credentials, &config.user, &config.password_file) {
            (Some(path), _, _) => Some(Self::File(path.clone())),
            (None, Some(user), Some(file)) => Some(Self::Password { user: user.clone(), file: file.clone() }),
            (None, _, _) => None,
        }
    }

    /// Whether the file can be used.
    pub(super) async fn read(&self) -> Result<(), OpenError> {
        let (Self::File(path) | Self::Password { file: path, .. }) = self;
        let read = self.prove(b"").await.map(drop);
        read.map_err(|error| OpenError::Credentials { path: path.clone(), error })
    }

    /// What a server is shown that wants this signed.
    pub(super) async fn prove(&self, nonce: &[u8]) -> io::Result<Auth> {
        let mut auth = Auth::new();
        match self {
            Self::File(path) => {
                let text = tokio::fs::read_to_string(path).await?;
                let (token, key) = parse(&text)?;
                auth.signature = Some(key.sign(nonce).map_err(bad)?);
                auth.jwt = Some(token.to_owned());
            }
            Self::Password { user, file } => {
                let password = tokio::fs::read_to_string(file).await?;
                auth.username = Some(user.clone());
                auth.password = Some(password.trim_end().to_owned());
            }
        }
        Ok(auth)
    }
}

/// The token and the key, which stand between lines of dashes, in this order.
fn parse(text: &str) -> io::Result<(&str, KeyPair)> {
    let is_border = |line: &str| line.starts_with("---") && line.ends_with("---");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut framed = lines.windows(3).filter_map(|lines| match lines {
        [before, line, after] if is_border(before) && !is_border(line) && is_border(after) => Some(*line),
        _ => None,
    });
    match (framed.next(), framed.next()) {
        (Some(token), Some(seed)) => Ok((token, KeyPair::from_seed(seed).map_err(bad)?)),
        _ => Err(bad("no token and key are found in it")),
    }
}

fn bad(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credentials_file_is_read_as_nsc_writes_it() {
        let key = KeyPair::new_user();
        let (token, seed) = ("eyJ0.eyJh-_.c2ln", key.seed().unwrap());
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
             ************************* IMPORTANT *************************\nNKEY Seed printed below.\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n\n\
             *************************************************************\n"
        );
        for text in [text.clone(), text.replace('\n', "\r\n")] {
            let (found, signer) = parse(&text).unwrap();
            assert_eq!((found, signer.public_key()), (token, key.public_key()));
        }
        let half = text.split_once("*****").unwrap().0;
        for broken in ["", "secret", half, &text.replace(&seed, "SUNONSENSE")] {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }
}
