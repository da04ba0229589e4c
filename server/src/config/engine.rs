//! What holds membership and ownership: this process alone, or NATS.

use super::ConfigError;
use super::numbers::{ENGINE_START, Number, REPLICAS, SNAPSHOT_RATE};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

/// Which engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EngineConfig {
    /// The nodes of this process are all that there are.
    #[default]
    Local,
    /// Nodes of any number of processes meet in NATS.
    Nats(NatsConfig),
}

/// How NATS is reached, and what is made there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsConfig {
    /// Servers, as `nats://host:port` or `tls://host:port`; one that answers tells of the others.
    pub urls: Vec<String>,
    /// How many servers hold every byte; counts when the bucket is made.
    pub replicas: u8,
    /// A credentials file (`.creds`) of NATS.
    pub credentials: Option<PathBuf>,
    /// Instead of credentials: a user ...
    pub user: Option<String>,
    /// ... and the file with the password.
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) that servers' certificates are checked against, instead of the system's. With it, or
    /// with a certificate of one's own, links without TLS are refused.
    pub ca: Option<PathBuf>,
    /// A certificate (PEM) of one's own ...
    pub certificate: Option<PathBuf>,
    /// ... and its key.
    pub key: Option<PathBuf>,
    /// Bytes of snapshots that this process stores in a second at most.
    pub snapshot_bytes_per_second: u64,
    /// How long a start waits for NATS.
    pub start: Duration,
}

impl Default for NatsConfig {
    fn default() -> Self {
        Self {
            urls: vec!["nats://127.0.0.1:4222".into()],
            replicas: REPLICAS.default as u8,
            credentials: None,
            user: None,
            password_file: None,
            ca: None,
            certificate: None,
            key: None,
            snapshot_bytes_per_second: SNAPSHOT_RATE.default,
            start: ENGINE_START.default_time(),
        }
    }
}

impl NatsConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        REPLICAS.check(self.replicas, None)?;
        SNAPSHOT_RATE.check(self.snapshot_bytes_per_second, None)?;
        ENGINE_START.check_time(self.start)?;
        let bad =
            |key, value: &str, expected| Err(ConfigError::BadText { key, value: value.into(), expected });
        if self.urls.is_empty() {
            return bad(
                "engine.urls",
                "",
                "expected is at least one address like `nats://nats.example:4222`",
            );
        }
        for url in &self.urls {
            let address = url.strip_prefix("nats://").or_else(|| url.strip_prefix("tls://"));
            let readable = url.parse::<async_nats::ServerAddr>().is_ok();
            if url.contains('@') {
                // Not shown: it may hold a password.
                return bad(
                    "engine.urls",
                    "...@...",
                    "users and passwords go into `engine.user` and `engine.password_file`",
                );
            }
            if address.is_none_or(str::is_empty) || !readable {
                return bad("engine.urls", url, "expected is `nats://host:port` or `tls://host:port`");
            }
        }
        match (&self.user, &self.password_file) {
            (Some(user), None) => {
                return bad("engine.user", user, "`engine.password_file` is missing for it");
            }
            (None, Some(file)) => {
                return bad(
                    "engine.password_file",
                    &file.to_string_lossy(),
                    "`engine.user` is missing for it",
                );
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        match (&self.certificate, &self.key) {
            (Some(certificate), None) => {
                bad("engine.certificate", &certificate.to_string_lossy(), "`engine.key` is missing for it")
            }
            (None, Some(key)) => {
                bad("engine.key", &key.to_string_lossy(), "`engine.certificate` is missing for it")
            }
            (Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EngineKind {
    #[default]
    Local,
    Nats,
}

/// The table as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct EngineTable {
    kind: EngineKind,
    urls: Option<Vec<String>>,
    replicas: Option<Spanned<i64>>,
    credentials: Option<PathBuf>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    snapshot_bytes_per_second: Option<Spanned<i64>>,
    start_ms: Option<Spanned<i64>>,
}

impl EngineTable {
    /// `number` checks a number, and knows its line.
    pub(super) fn read(
        self,
        number: impl Fn(&Number, Option<Spanned<i64>>) -> Result<u64, ConfigError>,
    ) -> Result<EngineConfig, ConfigError> {
        let set = [
            ("engine.urls", self.urls.is_some()),
            ("engine.replicas", self.replicas.is_some()),
            ("engine.credentials", self.credentials.is_some()),
            ("engine.user", self.user.is_some()),
            ("engine.password_file", self.password_file.is_some()),
            ("engine.ca", self.ca.is_some()),
            ("engine.certificate", self.certificate.is_some()),
            ("engine.key", self.key.is_some()),
            ("engine.snapshot_bytes_per_second", self.snapshot_bytes_per_second.is_some()),
            ("engine.start_ms", self.start_ms.is_some()),
        ];
        if self.kind == EngineKind::Local {
            return match set.into_iter().find(|(_, set)| *set) {
                Some((key, _)) => Err(ConfigError::OnlyWithNats(key)),
                None => Ok(EngineConfig::Local),
            };
        }
        let default = NatsConfig::default();
        Ok(EngineConfig::Nats(NatsConfig {
            urls: self.urls.unwrap_or(default.urls),
            // Sound: the range of the key's `Number` fits the field.
            replicas: number(&REPLICAS, self.replicas)? as u8,
            credentials: self.credentials,
            user: self.user,
            password_file: self.password_file,
            ca: self.ca,
            certificate: self.certificate,
            key: self.key,
            snapshot_bytes_per_second: number(&SNAPSHOT_RATE, self.snapshot_bytes_per_second)?,
            start: Duration::from_millis(number(&ENGINE_START, self.start_ms)?),
        }))
    }
}
