//! The client: drives the protocol core on a background thread and queues events for the game.
//!
//! Every method may be called from any thread. Nothing here calls back into the game: it takes its events
//! with [`Client::take_events`].

pub mod config;
mod driver;
pub mod event;
mod network;
pub mod room;
mod shared;
pub mod stats;
pub mod status;
mod submissions;
pub mod token;

pub use config::Config;
pub use shared::State;
pub use stats::Stats;
pub use status::{Error, Status};
pub use submissions::DATAGRAM_PAYLOAD_MAX;

use crate::transport::{Conditions, Dialer, Trust, TrustError};
use config::{LogLevel, Transport};
use event::Batch;
use network::Network;
use parking_lot::Mutex;
use shared::{Shared, now};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use submissions::SubmittedKind;
use token::{ConnectToken, server_name};

/// One game client: at most one session at a time.
#[derive(Clone)]
pub struct Client(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    /// Taken by `destroy`, so that the network thread can end.
    network: Mutex<Option<Arc<Network>>>,
}

/// Set by [`shutdown`] while it runs.
static SHUTTING_DOWN: AtomicBool = AtomicBool::new(false);

/// Every client that is not destroyed, for [`shutdown`].
static CLIENTS: Mutex<Vec<std::sync::Weak<Handle>>> = Mutex::new(Vec::new());

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that is not connected. Starts the network thread if it is the first.
    pub fn create(config: Config) -> Result<Self, Error> {
        config.validate()?;
        if SHUTTING_DOWN.load(Ordering::Acquire) {
            return Err(Status::ShutDown.into());
        }
        let network = Network::acquire()?;
        let shared = Arc::new(Shared::new(config, random_seed()?));
        network.spawn(driver::run(shared.clone(), Arc::downgrade(&network)));
        let handle = Arc::new(Handle { shared, network: Mutex::new(Some(network)) });
        let mut clients = CLIENTS.lock();
        clients.retain(|client| client.strong_count() > 0);
        clients.push(Arc::downgrade(&handle));
        Ok(Self(handle))
    }

    /// Begins a session; returns at once, and the outcome is an event. The token names the nodes.
    pub fn connect(&self, token: &str) -> Result<(), Error> {
        let shared = &self.0.shared;
        let token = ConnectToken::parse(token)
            .map_err(|error| Error::new(Status::TokenMalformed, error.to_string()))?;
        let addresses = match shared.config.transport {
            Transport::Tcp => token.tcp,
            Transport::Udp => token.quic,
        };
        if addresses.is_empty() {
            return Err(Status::NoAddress.into());
        }
        let dialer = self.dialer(token.ca, &token.cluster)?;
        shared.with_core(None, |locked, queue| {
            if !matches!(shared.state(), State::Idle | State::Disconnected) {
                return Err(Error::from(Status::AlreadyConnected));
            }
            // What was asked too late for the last session is answered before the next begins.
            shared.take_submissions(locked);
            locked.core.abandon_requests(queue);
            shared.forget_submissions();
            locked.dialer = Some(dialer);
            shared.set_state(State::Connecting);
            locked.core.connect(addresses, token.user_token, now(), queue);
            Ok(())
        })
    }

    fn dialer(&self, ca_der: Vec<u8>, cluster: &str) -> Result<Arc<Dialer>, Error> {
        let network = self.0.network.lock().clone().ok_or(Error::from(Status::NotConnected))?;
        let simulator = self.0.shared.config.simulator;
        let conditions = Conditions {
            delay: simulator.delay,
            jitter: simulator.jitter,
            loss_percent: simulator.loss_percent as f32,
            seed: simulator.seed,
        };
        let trust = Trust { ca_der, server_name: server_name(cluster) };
        let dialer = Dialer::new(&trust, conditions, network.endpoints()).map_err(|error| match error {
            TrustError::Ca(text) | TrustError::ServerName(text) => {
                Error::new(Status::TokenMalformed, format!("the connect token is damaged: {text}"))
            }
            TrustError::Identity(text) => Error::new(Status::System, text),
        })?;
        Ok(Arc::new(dialer))
    }

    /// Ends the session; the outcome is an event.
    pub fn disconnect(&self) -> Result<(), Error> {
        let shared = &self.0.shared;
        shared.with_core(None, |locked, queue| {
            if matches!(shared.state(), State::Idle | State::Disconnected) {
                return Err(Error::from(Status::NotConnected));
            }
            // What was sent before goes out before the goodbye.
            shared.take_submissions(locked);
            locked.core.disconnect(queue);
            Ok(())
        })
    }

    /// Sends a message. Unreliable ones go in one datagram over UDP, and are reliable over TCP.
    pub fn send(&self, reliable: bool, ver: u8, cmd: u16, payload: &[u8]) -> Result<(), Status> {
        refuse_reserved(ver)?;
        self.0.shared.submit(reliable, SubmittedKind::Plain, ver, cmd, payload).map(|_| ())
    }

    /// Sends a request and gives its number; the reply, or that there is none, is an event.
    pub fn request(
        &self,
        ver: u8,
        cmd: u16,
        payload: &[u8],
        timeout: Option<Duration>,
    ) -> Result<u64, Status> {
        refuse_reserved(ver)?;
        let timeout = timeout.unwrap_or(self.0.shared.config.request_timeout);
        self.0.shared.submit(true, SubmittedKind::Request { timeout, ask: None }, ver, cmd, payload)
    }

    /// Asks to be moved off a node that goes offline; the outcome is an event.
    pub fn send_migrate(&self) -> Result<(), Status> {
        let shared = &self.0.shared;
        if !shared.state().takes_messages() {
            return Err(Status::NotConnected);
        }
        shared.with_core(None, |locked, _| locked.core.send_migrate())
    }

    /// Has everything that is queued sent now.
    pub fn flush(&self) {
        self.0.shared.flush();
    }

    /// Figures.
    pub fn stats(&self) -> Stats {
        self.0.shared.stats()
    }

    /// Nodes besides its own at which the client would look for its session, as its node has said last.
    pub fn nodes_told(&self) -> Vec<SocketAddr> {
        self.0.shared.nodes_told()
    }

    /// Where the client stands.
    pub fn state(&self) -> State {
        self.0.shared.state()
    }

    /// Swaps an empty batch for the queued events; false, and very cheap, if there are none.
    pub fn take_events(&self, batch: &mut Batch) -> bool {
        self.0.shared.take_events(batch)
    }

    /// Tells that messages of this [`Batch::cost`] have been handed to the game, so that the server may send
    /// more.
    pub fn consumed(&self, cost: u64) {
        self.0.shared.consumed(cost);
    }

    /// Queues a line for the game's log.
    pub fn log(&self, level: LogLevel, text: &str) {
        self.0.shared.log(level, format_args!("{text}"));
    }

    /// Ends the session, if there is one, and lets go of the network thread. Waits for that thread if this
    /// is the last client.
    pub fn destroy(&self) {
        self.0.destroy();
    }
}

/// Versions below 2 are the library's own.
fn refuse_reserved(ver: u8) -> Result<(), Status> {
    if ver < 2 { Err(Status::ReservedVersion) } else { Ok(()) }
}

impl Handle {
    fn destroy(&self) {
        let Some(network) = self.network.lock().take() else { return };
        self.shared.with_core(None, |locked, queue| {
            self.shared.take_submissions(locked);
            locked.core.disconnect(queue);
        });
        self.shared.destroyed.store(true, Ordering::Release);
        self.shared.driver.notify_one();
        drop(network);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.destroy();
    }
}

/// Destroys every client and joins the network thread. Clients can be created again afterwards.
pub fn shutdown() {
    SHUTTING_DOWN.store(true, Ordering::Release);
    for client in std::mem::take(&mut *CLIENTS.lock()) {
        if let Some(handle) = client.upgrade() {
            handle.destroy();
        }
    }
    SHUTTING_DOWN.store(false, Ordering::Release);
}

fn random_seed() -> Result<u64, Error> {
    use ring::rand::SecureRandom as _;
    let mut seed = [0; 8];
    ring::rand::SystemRandom::new()
        .fill(&mut seed)
        .map_err(|_| Error::new(Status::System, "the operating system gives no random numbers"))?;
    Ok(u64::from_le_bytes(seed))
}
