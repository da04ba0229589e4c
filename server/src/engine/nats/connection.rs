//! The connection to NATS: who is asked, that it is new enough, and that there is another one before it goes.
//!
//! A server that says that it shuts down (lame duck), or that has fallen silent, is left for another one *first*:
//! the new connection is there before the old one is let go, so that no renewal of a lease falls between two.

use super::OpenError;
use super::credentials::Credentials;
use crate::config::NatsConfig;
use crate::engine::ANSWER_MAX;
use async_nats::connection::State;
use async_nats::{
    AuthError, Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, HeaderMap, Message, Request,
    RequestErrorKind,
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// The oldest server that has all that is needed: messages with a time to live came with it.
const OLDEST_SERVER: (u64, u64) = (2, 11);

/// A server that does not take a connection in this time is passed over.
const CONNECT_MAX: Duration = Duration::from_secs(2);

/// A connection is looked at so often when nothing else is said over it.
const PING_EVERY: Duration = Duration::from_secs(3);

/// So long a server may leave everything unanswered before another one is asked. An election of a leader takes
/// longer at times; then nothing is lost by it.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// Pause between two attempts to connect elsewhere.
const ELSEWHERE_AGAIN: Duration = Duration::from_millis(500);

/// Longest pause before a connection that broke is tried again.
const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nobody listens there: no leader at this moment, or no such bucket any more.
    Nobody,
    /// None came. What was asked may still be done (rule h).
    Silent,
}

/// The connection of a process.
pub(super) struct Connection {
    config: NatsConfig,
    name: String,
    client: watch::Sender<Client>,
    silent_since: Mutex<Option<Instant>>,
    /// Wakes who connects elsewhere.
    leave: Arc<Notify>,
}

impl Connection {
    /// Connects, and checks who answers.
    pub(super) async fn open(config: NatsConfig, cluster: &str) -> Result<Arc<Self>, OpenError> {
        let leave = Arc::new(Notify::new());
        let name = format!("sterna {cluster}");
        let client = connect(&config, &config.urls, &name, leave.clone()).await?;
        let connection = Arc::new(Self {
            config,
            name,
            client: watch::Sender::new(client),
            silent_since: Mutex::default(),
            leave,
        });
        tokio::spawn(follow(Arc::downgrade(&connection), connection.leave.clone()));
        Ok(connection)
    }

    /// The client of now.
    pub(super) fn client(&self) -> Client {
        self.client.borrow().clone()
    }

    /// The name of the server that is connected.
    pub(super) fn server(&self) -> Option<String> {
        let client = self.client();
        (client.connection_state() == State::Connected).then(|| client.server_info().server_name)
    }

    /// Hears of every change of [`client`](Self::client).
    pub(super) fn changes(&self) -> watch::Receiver<Client> {
        self.client.subscribe()
    }

    /// Asks, and waits for the answer as long as that may be good for anything.
    pub(super) async fn request(
        &self,
        subject: String,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Result<Message, NoAnswer> {
        self.request_within(ANSWER_MAX, subject, headers, payload).await
    }

    /// The same, and waits so long for the answer.
    pub(super) async fn request_within(
        &self,
        time: Duration,
        subject: String,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Result<Message, NoAnswer> {
        let client = self.client();
        // What is handed to a client without a link is sent when it has one, long after anybody waits for it.
        if client.connection_state() != State::Connected {
            return Err(NoAnswer::Silent);
        }
        let mut request = Request::new().payload(payload).timeout(None);
        request.headers = headers;
        // Also the time in which it waits for its turn to be sent.
        let Ok(answer) = tokio::time::timeout(time, client.send_request(subject, request)).await else {
            self.heard_nothing();
            return Err(NoAnswer::Silent);
        };
        match answer {
            Ok(message) => {
                *self.silent_since.lock() = None;
                Ok(message)
            }
            Err(error) if error.kind() == RequestErrorKind::NoResponders => {
                *self.silent_since.lock() = None; // the server itself has answered
                Err(NoAnswer::Nobody)
            }
            Err(_) => Err(NoAnswer::Silent),
        }
    }

    fn heard_nothing(&self) {
        let mut since = self.silent_since.lock();
        if since.get_or_insert_with(Instant::now).elapsed() >= SILENCE_MAX {
            *since = None;
            self.leave.notify_one();
        }
    }

    /// Has another server take over, if there is one: the new connection first, then away with the old.
    async fn connect_elsewhere(&self) {
        let old = self.client();
        let old_server = old.server_info().server_id;
        let urls = self.known_urls(&old);
        loop {
            match connect(&self.config, &urls, &self.name, self.leave.clone()).await {
                // The old one may be well again, or the only one.
                Ok(new) if new.server_info().server_id == old_server && is_well(&old) => return,
                Ok(new) => {
                    let server = new.server_info().server_name;
                    self.client.send_replace(new);
                    tracing::info!(%server, "connected to another NATS server");
                    let _ = tokio::time::timeout(ANSWER_MAX * 2, old.drain()).await;
                    return;
                }
                Err(error) => tracing::debug!("no other NATS server yet: {error}"),
            }
            if self.client().server_info().server_id != old_server {
                return; // the old client has found another one by itself
            }
            tokio::time::sleep(ELSEWHERE_AGAIN).await;
        }
    }
}

impl Connection {
    /// The configured servers, and those that this one tells of.
    fn known_urls(&self, client: &Client) -> Vec<String> {
        let mut urls = self.config.urls.clone();
        let scheme = if urls.iter().any(|url| url.starts_with("tls://")) { "tls" } else { "nats" };
        let told = client.server_info().connect_urls.into_iter();
        for url in told.map(|address| format!("{scheme}://{address}")) {
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
        urls
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.leave.notify_one(); // ends the task that follows it
    }
}

fn is_well(client: &Client) -> bool {
    client.connection_state() == State::Connected && !client.server_info().lame_duck_mode
}

/// Connects elsewhere whenever that is asked for, as long as the connection is used.
async fn follow(connection: std::sync::Weak<Connection>, leave: Arc<Notify>) {
    loop {
        leave.notified().await;
        let Some(connection) = connection.upgrade() else { return };
        connection.connect_elsewhere().await;
    }
}

async fn connect(
    config: &NatsConfig,
    urls: &[String],
    name: &str,
    leave: Arc<Notify>,
) -> Result<Client, OpenError> {
    let credentials = Credentials::of(config);
    let mut options = match credentials {
        None => ConnectOptions::new(),
        Some(credentials) => {
            // So that a file that cannot be used is named.
            credentials.read().await?;
            // They may be replaced while this process runs: each link is opened with what the files hold then.
            ConnectOptions::with_auth_callback(move |nonce| {
                let credentials = credentials.clone();
                async move { credentials.prove(&nonce).await.map_err(AuthError::new) }
            })
        }
    };
    options = options
        .name(name)
        .connection_timeout(CONNECT_MAX)
        .ping_interval(PING_EVERY)
        .request_timeout(Some(ANSWER_MAX))
        .reconnect_delay_callback(pause_before)
        .event_callback(move |event| on_event(event, leave.clone()));
    if let Some(ca) = &config.ca {
        options = options.add_root_certificates(ca.clone()).require_tls(true);
    }
    if let (Some(certificate), Some(key)) = (&config.certificate, &config.key) {
        options = options.add_client_certificate(certificate.clone(), key.clone()).require_tls(true);
    }
    let client = options.connect(urls).await.map_err(|error| why_not(&error, urls))?;
    let info = client.server_info();
    if !is_new_enough(&info.version) {
        return Err(OpenError::TooOld { server: info.server_name, version: info.version });
    }
    Ok(client)
}

/// What stands in the way of a connection, and whether that may pass.
fn why_not(error: &ConnectError, urls: &[String]) -> OpenError {
    let source = std::error::Error::source(error);
    let cause = source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    let urls = urls.join(", ");
    let of_tls = source
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .and_then(std::io::Error::get_ref)
        .is_some_and(|inner| inner.is::<rustls::Error>());
    match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            OpenError::Refused { urls, cause }
        }
        ConnectErrorKind::Tls => OpenError::Tls { urls, cause },
        ConnectErrorKind::Io if of_tls => OpenError::Tls { urls, cause },
        ConnectErrorKind::ServerParse => OpenError::BadAddress { urls, cause },
        ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => OpenError::Unreachable { urls, cause },
    }
}

/// Full speed at first, then slower: a node has seconds before it must stop serving.
fn pause_before(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.min(6)).unwrap_or(6);
    (Duration::from_millis(20) * 2_u32.pow(doublings)).min(RECONNECT_PAUSE_MAX)
}

async fn on_event(event: Event, leave: Arc<Notify>) {
    match event {
        Event::LameDuckMode => {
            tracing::info!("the NATS server shuts down soon: connecting to another one");
            leave.notify_one();
        }
        Event::Connected => tracing::debug!("connected to NATS"),
        Event::Disconnected => tracing::warn!("the connection to NATS broke: connecting again"),
        Event::SlowConsumer(subscription) => tracing::warn!(subscription, "NATS sends more than is read"),
        Event::ServerError(error) => tracing::warn!("NATS says: {error}"),
        Event::ClientError(error) => tracing::warn!("trouble with NATS: {error}"),
        Event::Draining | Event::Closed => {}
    }
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse::<u64>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= OLDEST_SERVER,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_from_2_11_on_are_new_enough() {
        for version in ["2.11.0", "2.15.1", "3.0.0", "2.12.0-RC.1"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["2.10.26", "1.99.0", "", "2", "two.eleven"] {
            assert!(!is_new_enough(version), "{version}");
        }
    }

    #[test]
    fn the_pause_before_a_reconnect_grows_and_stays_short() {
        assert!(pause_before(1) < Duration::from_millis(100));
        assert!(pause_before(0) < pause_before(3));
        assert_eq!(pause_before(usize::MAX), RECONNECT_PAUSE_MAX);
    }
}
