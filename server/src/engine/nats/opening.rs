//! The start: what can stand in its way, and what it waits for. Processes and NATS are started together, in any order,
//! and a name may not be known yet; but what somebody has to set right is said at once.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// Pause before the next attempt: it doubles from the first to the longest.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Why NATS cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No server answers.
    #[error("cannot connect to NATS at {urls}: {cause}: is a server running there? check `engine.urls`")]
    Unreachable {
        /// Where.
        urls: String,
        /// What the attempts ended in.
        cause: String,
    },
    /// Servers answer, and do not let this process in.
    #[error(
        "NATS at {urls} does not let this process in: {cause}: check `engine.credentials`, or `engine.user` and \
         `engine.password_file`"
    )]
    Refused {
        /// Where.
        urls: String,
        /// What it says.
        cause: String,
    },
    /// The two sides do not agree about TLS.
    #[error("no TLS with NATS at {urls}: {cause}: check `engine.ca`, `engine.certificate` and `engine.key`")]
    Tls {
        /// Where.
        urls: String,
        /// What is wrong.
        cause: String,
    },
    /// What is configured is no address.
    #[error("{urls} cannot be read as addresses of NATS: {cause}: check `engine.urls`")]
    BadAddress {
        /// What is configured.
        urls: String,
        /// Why.
        cause: String,
    },
    /// The file with the credentials, or with the password, cannot be used.
    #[error(
        "cannot use {path}: {error}: check `engine.credentials` and `engine.password_file`", path = path.display()
    )]
    Credentials {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The server lacks what is needed.
    #[error("the NATS server {server} is of version {version}: Sterna needs 2.11 or newer; upgrade it first")]
    TooOld {
        /// Its name.
        server: String,
        /// What it says that it is.
        version: String,
    },
    /// The server runs without JetStream.
    #[error("NATS runs without JetStream ({0}): start it with `--jetstream`, or allow it for this account")]
    NoJetStream(String),
    /// The bucket is not there, and could not be made.
    #[error(
        "cannot use the stream {stream}: {cause}: check that `engine.replicas` servers are up and have room, and that \
         this process may use `sterna.>`, `$JS.API.>`, `$JS.FC.>` and `_INBOX.>`"
    )]
    NoBucket {
        /// The stream.
        stream: String,
        /// What the last attempt ended in.
        cause: String,
    },
    /// The stream is somebody else's.
    #[error("the stream {0} was not made by Sterna: delete or rename it, or give the cluster another name")]
    Foreign(String),
}

impl OpenError {
    /// Whether it may pass by waiting.
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::NoBucket { .. } => true,
            Self::Refused { .. }
            | Self::Tls { .. }
            | Self::BadAddress { .. }
            | Self::Credentials { .. }
            | Self::TooOld { .. }
            | Self::NoJetStream(_)
            | Self::Foreign(_) => false,
        }
    }
}

/// How long a start tries again.
pub(super) struct Patience {
    deadline: Instant,
    pause: Duration,
    said: BTreeSet<String>,
}

impl Patience {
    pub(super) fn new(time: Duration) -> Self {
        Self { deadline: Instant::now() + time, pause: PAUSE_MIN, said: BTreeSet::new() }
    }

    /// Tries, at least once, until it works, cannot work, or the time is over; says each cause once.
    pub(super) async fn until_ok<T>(
        &mut self,
        attempt: impl AsyncFn() -> Result<T, OpenError>,
    ) -> Result<T, OpenError> {
        loop {
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || !error.may_pass() {
                return Err(error);
            }
            let cause = error.to_string();
            if !self.said.contains(&cause) {
                tracing::warn!(seconds = left.as_secs(), "the start waits for NATS: {cause}");
                self.said.insert(cause);
            }
            tokio::time::sleep(self.pause.min(left)).await;
            self.pause = (self.pause * 2).min(PAUSE_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn unreachable() -> OpenError {
        OpenError::Unreachable { urls: "nats://a:4222".into(), cause: "refused".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_until_the_time_is_over() {
        let (began, tries) = (Instant::now(), AtomicU32::new(0));
        let mut patience = Patience::new(Duration::from_secs(10));
        let failed = patience
            .until_ok(async || {
                tries.fetch_add(1, Ordering::Relaxed);
                Err::<(), _>(unreachable())
            })
            .await;
        assert!(matches!(failed, Err(OpenError::Unreachable { .. })), "{failed:?}");
        assert_eq!(began.elapsed(), Duration::from_secs(10));
        // After 0, 0.25, 0.75, 1.75, 3.75, 5.75, 7.75, 9.75 and 10 seconds.
        assert_eq!(tries.load(Ordering::Relaxed), 9);
        assert_eq!(patience.said.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_somebody_has_to_set_right_is_said_at_once() {
        let began = Instant::now();
        let mut patience = Patience::new(Duration::from_secs(10));
        let foreign = patience.until_ok(async || Err::<(), _>(OpenError::Foreign("STERNA_dev".into()))).await;
        assert!(matches!(foreign, Err(OpenError::Foreign(_))), "{foreign:?}");
        assert_eq!(began.elapsed(), Duration::ZERO);
        let mut patience = Patience::new(Duration::ZERO);
        assert!(patience.until_ok(async || Err::<(), _>(unreachable())).await.is_err());
        assert_eq!(began.elapsed(), Duration::ZERO, "no time, one attempt");
    }
}
