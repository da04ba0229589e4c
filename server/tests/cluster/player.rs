//! A player who says a number every moment, answers every `Offline`, asks again when a move has failed, and writes down
//! everything that it sees.

use crate::history::{History, How, Seen, What};
use std::time::{Duration, Instant};
use sterna::client::config::Transport;
use sterna::client::event::{Batch, Event};
use sterna::client::{Client, Config};
use sterna_server::builtin::{COUNT, PUSH, VERSION};

/// Before a game asks again for a move that has failed.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(200);

pub(crate) struct Player {
    client: Client,
    pub(crate) history: History,
    /// How many of its numbers have come back; those that a take-over undid come twice.
    pub(crate) heard: u64,
    /// The highest number that has come back, and one.
    pub(crate) heard_to: u64,
    say_every: Duration,
    say_at: Instant,
    ask_at: Option<Instant>,
    pub(crate) connected: bool,
    /// It has asked to be pushed numbers, before it says its first one.
    is_pushed: bool,
    talks: bool,
    batch: Batch,
}

impl Player {
    /// Begins to connect; says a number so often from then on, and is pushed one twice as often.
    pub(crate) fn join(
        user: &str,
        token: &str,
        transport: Transport,
        say_every: Duration,
        silence_max: Duration,
    ) -> Result<Self, String> {
        let ping_every = silence_max / 5;
        let config = Config { transport, ping_every, silence_max, ..Config::default() };
        let client = Client::create(config).map_err(|error| error.to_string())?;
        client.connect(token).map_err(|error| error.to_string())?;
        let history =
            History { user: user.to_owned(), transport, session: String::new(), sent: 0, seen: Vec::new() };
        Ok(Self {
            client,
            history,
            heard: 0,
            heard_to: 0,
            say_every,
            say_at: Instant::now(),
            ask_at: None,
            connected: false,
            is_pushed: false,
            talks: true,
            batch: Batch::default(),
        })
    }

    /// One frame of the game.
    pub(crate) fn play(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        if self.client.take_events(&mut batch) {
            for (event, bytes) in batch.iter() {
                self.client.consumed(Batch::cost(bytes.len()));
                self.on_event(event, bytes);
            }
            batch.clear();
        }
        self.batch = batch;
        let now = Instant::now();
        if self.ask_at.is_some_and(|at| at <= now) {
            self.ask_at = None;
            self.ask_to_move();
        }
        // What is not taken, because a link has just broken or the queue is full, is tried again with the next turn.
        if self.connected && !self.is_pushed {
            let period_ms = (self.say_every / 2).as_millis() as u32;
            self.is_pushed = self.client.send(true, VERSION, PUSH, &period_ms.to_be_bytes()).is_ok();
        }
        if self.is_pushed && self.talks && self.say_at <= now {
            self.say_at = now + self.say_every;
            if self.client.send(true, VERSION, COUNT, &self.history.sent.to_be_bytes()).is_ok() {
                self.history.sent += 1;
            }
        }
    }

    fn on_event(&mut self, event: Event, bytes: &[u8]) {
        let node = || String::from_utf8_lossy(bytes).into_owned();
        let what = match event {
            Event::Push { cmd: COUNT, .. } => {
                let [count, number] = [0, 1].map(|index| integer(bytes, index));
                self.heard += 1;
                self.heard_to = self.heard_to.max(number + 1);
                What::Counted { count, number }
            }
            Event::Push { .. } => What::Pushed(integer(bytes, 0)),
            Event::Connected { session } => {
                self.history.session = session.to_string();
                self.connected = true;
                What::Served { node: node(), epoch: 1, how: How::Connected }
            }
            Event::Reconnected { epoch } => What::Served { node: node(), epoch: epoch.0, how: How::Resumed },
            Event::Migrated { epoch, .. } => What::Served { node: node(), epoch: epoch.0, how: How::Moved },
            Event::TookOver { epoch, lost_from, lost_to } => {
                let lost = lost_from..lost_to;
                What::Served { node: node(), epoch: epoch.0, how: How::TookOver { lost } }
            }
            Event::Offline { .. } => {
                self.ask_to_move();
                What::Offline
            }
            Event::MigrateFailed { status } => {
                self.ask_at = Some(Instant::now() + ASK_AGAIN_AFTER);
                What::MoveFailed(status)
            }
            Event::Reconnecting { status } => What::Reconnecting(status),
            Event::ConnectFailed { status } | Event::Disconnected { status } => What::Ended(status),
            Event::Migrating { .. } | Event::Log { .. } | Event::Response { .. } | Event::Room(_) => return,
        };
        self.history.seen.push(Seen { at: Instant::now(), what });
    }

    fn ask_to_move(&mut self) {
        // It may be served elsewhere by now, and nothing has to be done.
        let _ = self.client.send_migrate();
    }

    /// From here on it says nothing.
    pub(crate) fn hush(&mut self) {
        self.talks = false;
    }

    /// Everything that it said has come back.
    pub(crate) fn has_heard_all(&self) -> bool {
        self.heard_to == self.history.sent
    }

    /// Whether its session has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.history.count(|what| matches!(what, What::Ended(_))) > 0
    }

    /// Ends its session.
    pub(crate) fn leave(&mut self) {
        self.hush();
        let _ = self.client.disconnect();
    }
}

/// The first, second, ... number of a payload.
fn integer(bytes: &[u8], index: usize) -> u64 {
    bytes.as_chunks::<8>().0.get(index).copied().map_or(u64::MAX, u64::from_be_bytes)
}
