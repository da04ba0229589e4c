//! Stand-in for the client until the real one is merged.

pub mod config;
pub mod event;
pub mod stats;
pub mod status;
pub mod token;

pub use stats::{State, Stats};

use config::{Config, Transport};
use event::{Batch, Event};
use parking_lot::Mutex;
use status::{Error, Status};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

#[derive(Default)]
struct Inner {
    config: Config,
    has_events: AtomicBool,
    queued: AtomicU64,
    events: Mutex<Batch>,
    state: Mutex<State>,
}

/// Stand-in.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

#[allow(missing_docs)]
impl Client {
    pub fn create(config: Config) -> Result<Self, Error> {
        config.validate()?;
        Ok(Self(Arc::new(Inner { config, ..Default::default() })))
    }
    fn push(&self, event: Event, bytes: &[u8]) {
        self.0.queued.fetch_add(Batch::cost(bytes.len()), Ordering::Relaxed);
        self.0.events.lock().push(event, bytes);
        self.0.has_events.store(true, Ordering::Release);
    }
    pub fn connect(&self, token: &str) -> Result<(), Error> {
        let token = token::ConnectToken::parse(token)
            .map_err(|error| Error::new(Status::TokenMalformed, error.to_string()))?;
        let addresses = match self.0.config.transport {
            Transport::Tcp => token.tcp,
            Transport::Udp => token.quic,
        };
        if addresses.is_empty() {
            return Err(Status::NoAddress.into());
        }
        *self.0.state.lock() = State::Disconnected;
        self.push(Event::ConnectFailed { status: Status::Unreachable }, b"no node answers");
        Ok(())
    }
    pub fn disconnect(&self) -> Result<(), Error> {
        Err(Status::NotConnected.into())
    }
    pub fn send(&self, _: bool, ver: u8, _: u16, _: &[u8]) -> Result<(), Status> {
        if ver < 2 { Err(Status::ReservedVersion) } else { Err(Status::NotConnected) }
    }
    pub fn request(&self, _: u8, _: u16, _: &[u8], _: Option<Duration>) -> Result<u64, Status> {
        Err(Status::NotConnected)
    }
    pub fn send_migrate(&self) -> Result<(), Status> {
        Err(Status::NotConnected)
    }
    pub fn flush(&self) {}
    pub fn stats(&self) -> Stats {
        Stats { event_queue_bytes: self.0.queued.load(Ordering::Relaxed), ..Default::default() }
    }
    pub fn state(&self) -> State {
        *self.0.state.lock()
    }
    pub fn take_events(&self, batch: &mut Batch) -> bool {
        if !self.0.has_events.load(Ordering::Acquire) {
            return false;
        }
        self.0.has_events.store(false, Ordering::Relaxed);
        std::mem::swap(batch, &mut self.0.events.lock());
        true
    }
    pub fn consumed(&self, cost: u64) {
        self.0.queued.fetch_sub(cost, Ordering::Relaxed);
    }
    pub fn destroy(&self) {}
}

/// Stand-in.
pub fn shutdown() {}
