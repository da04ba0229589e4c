//! A player who talks all the time, answers every `Offline`, asks again when a move has failed, and notices every
//! message that is lost, repeated or out of order.

use crate::PATIENCE;
use crate::game::{HUSH, PUSH, SAY, VERSION};
use crate::member::Member;
use std::time::{Duration, Instant};
use sterna::client::config::Transport;
use sterna::client::event::{Batch, Event};
use sterna::client::token::ConnectToken;
use sterna::client::{Client, Config, Status};

/// Between two messages of a player, unless it is told otherwise.
const SAY_EVERY: Duration = Duration::from_millis(10);
/// Between two looks for events.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Before a game asks again for a move that has failed.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) client: Client,
    /// Where it is served, by the last event that said so.
    pub(crate) node: String,
    /// It is not being restored.
    pub(crate) linked: bool,
    /// It has been told of a move, and not yet how that ended.
    pub(crate) migrating: bool,
    pub(crate) moves: u32,
    pub(crate) failures: Vec<Status>,
    /// Ranges of its messages that were said to be lost, one for each take-over that it was told of.
    pub(crate) take_overs: Vec<(u64, u64)>,
    pub(crate) ended: Option<Status>,
    /// What must not have happened.
    pub(crate) wrongs: Vec<String>,
    /// Whether it answers `Offline`.
    pub(crate) moves_along: bool,
    /// Between two messages of the player.
    pub(crate) say_every: Duration,
    sent: u64,
    pushed: u64,
    talks: bool,
    say_at: Instant,
    ask_at: Option<Instant>,
    hushed: Option<[u64; 2]>,
    /// Its session, once it is connected.
    pub(crate) session: u64,
    connected: bool,
    /// After a restart messages to the client may be missing; the next one says which comes next.
    may_skip: bool,
    lossy: bool,
    /// What it does in rooms.
    pub(crate) member: Member,
    history: Vec<String>,
}

impl Player {
    /// Connects. `lossy`: a take-over may lose messages, if it says so.
    pub(crate) async fn join(
        transport: Transport,
        token: &ConnectToken,
        lossy: bool,
    ) -> Result<Self, String> {
        let config = Config {
            transport,
            ping_every: Duration::from_millis(100),
            silence_max: Duration::from_millis(900),
            ..Config::default()
        };
        let client = Client::create(config).map_err(|error| error.to_string())?;
        client.connect(&token.encode()).map_err(|error| error.to_string())?;
        let mut player = Self {
            client,
            node: String::new(),
            linked: false,
            migrating: false,
            moves: 0,
            failures: Vec::new(),
            take_overs: Vec::new(),
            ended: None,
            wrongs: Vec::new(),
            moves_along: true,
            say_every: SAY_EVERY,
            sent: 0,
            pushed: 0,
            talks: true,
            say_at: Instant::now(),
            ask_at: None,
            hushed: None,
            session: 0,
            connected: false,
            may_skip: false,
            lossy,
            member: Member::default(),
            history: Vec::new(),
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            player
                .until("it is connected, or not", |player| player.connected || player.ended.is_some())
                .await?;
            if player.connected {
                return Ok(player);
            }
            if Instant::now() >= deadline {
                return Err(format!("the player was not let in\n{}", player.tell()));
            }
            // A node that did not hear from the engine in time sends players away: they come again.
            player.ended = None;
            player.client.connect(&token.encode()).map_err(|error| error.to_string())?;
        }
    }

    /// Plays until something is so.
    pub(crate) async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.play();
            if is_so(self) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(format!("the player did not come to this: {what}\n{}", self.tell()));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Plays while something else goes on.
    pub(crate) async fn during<R>(&mut self, work: impl Future<Output = R>) -> R {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return result,
                () = tokio::time::sleep(LOOK_EVERY) => self.play(),
            }
        }
    }

    /// One frame of the game.
    pub(crate) fn play(&mut self) {
        let mut batch = Batch::default();
        self.client.take_events(&mut batch);
        for (event, bytes) in batch.iter() {
            self.client.consumed(Batch::cost(bytes.len()));
            self.on_event(event, bytes);
        }
        let now = Instant::now();
        if self.ask_at.is_some_and(|at| at <= now) {
            self.ask_at = None;
            self.ask_to_move();
        }
        if self.connected && self.talks && self.ended.is_none() && self.say_at <= now {
            self.say_at = now + self.say_every;
            // A queue that is full is tried again with the next turn.
            if self.client.send(true, VERSION, SAY, &self.sent.to_be_bytes()).is_ok() {
                self.sent += 1;
            }
        }
        if self.connected && self.ended.is_none() {
            self.member.play(&self.client, now);
        }
    }

    fn on_event(&mut self, event: Event, bytes: &[u8]) {
        let name = || String::from_utf8_lossy(bytes).into_owned();
        match event {
            Event::Push { cmd: PUSH, reliable: true, .. } => return self.on_push(bytes),
            Event::Push { .. } | Event::Log { .. } => {}
            Event::Room(event) => {
                if self.member.on_event(event, bytes) {
                    return; // there are many of these
                }
            }
            Event::Connected { session } => {
                self.session = session.0;
                self.node = name();
                (self.linked, self.connected) = (true, true);
            }
            Event::ConnectFailed { status } => self.ended = Some(status),
            Event::Disconnected { status } => {
                self.linked = false;
                self.ended = Some(status);
            }
            Event::Reconnecting { .. } => self.linked = false,
            Event::Reconnected { .. } => {
                self.node = name();
                self.linked = true;
            }
            Event::Offline { in_room: true, .. } => self.member.on_offline(),
            Event::Offline { .. } if self.moves_along => self.ask_to_move(),
            Event::Offline { .. } => {}
            Event::Migrating { .. } => self.migrating = true,
            Event::Migrated { .. } => {
                self.node = name();
                (self.linked, self.migrating) = (true, false);
                self.moves += 1;
            }
            Event::MigrateFailed { status } => {
                self.migrating = false;
                self.failures.push(status);
                self.ask_at = self.moves_along.then(|| Instant::now() + ASK_AGAIN_AFTER);
            }
            Event::TookOver { lost_from, lost_to, .. } => {
                self.node = name();
                (self.linked, self.migrating) = (true, false);
                self.take_overs.push((lost_from, lost_to));
                self.member.on_take_over();
                self.may_skip = self.lossy;
                if lost_from != lost_to && !self.lossy {
                    self.wrongs.push(format!("messages {lost_from} to {lost_to} are said to be lost"));
                }
            }
            Event::Response { status: Status::Ok, .. } => {
                let counts = bytes.as_chunks::<8>().0;
                self.hushed =
                    counts.try_into().ok().map(|counts: [[u8; 8]; 2]| counts.map(u64::from_be_bytes));
            }
            Event::Response { status, .. } => self.wrongs.push(format!("a request ended with {status:?}")),
        }
        self.history.push(format!("{} {event:?} {}", sterna::sys::boot_micros(), name().escape_debug()));
    }

    fn on_push(&mut self, bytes: &[u8]) {
        let got = bytes.try_into().map(u64::from_be_bytes).expect("a number");
        if got != self.pushed && !std::mem::take(&mut self.may_skip) {
            self.wrongs.push(format!("push {got} came instead of {}", self.pushed));
        }
        self.pushed = got + 1;
    }

    fn ask_to_move(&mut self) {
        // It may be served elsewhere by now, and nothing has to be done.
        let asked = self.client.send_migrate();
        self.history.push(format!("{} asks to move: {asked:?}", sterna::sys::boot_micros()));
    }

    /// From here on it says nothing but to its room.
    pub(crate) fn hush(&mut self) {
        self.talks = false;
    }

    /// How many messages it has sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// How many it has heard.
    pub(crate) fn heard(&self) -> u64 {
        self.pushed
    }

    /// As [`settle`](Self::settle), where messages to the client may be lost with a take-over.
    pub(crate) async fn settle_lossy(&mut self) -> Result<(), String> {
        self.talks = false;
        self.client.request(VERSION, HUSH, &[], Some(PATIENCE)).map_err(|error| error.to_string())?;
        self.until("its last request is answered", |player| player.hushed.is_some()).await?;
        let heard = self.hushed.map(|[heard, _]| heard);
        if heard != Some(self.sent) {
            self.wrongs.push(format!("sent {}, but the node's count is {heard:?}", self.sent));
        }
        self.check()
    }

    /// Falls silent, and checks that either side has got all that the other has sent.
    pub(crate) async fn settle(&mut self) -> Result<(), String> {
        self.talks = false;
        self.client.request(VERSION, HUSH, &[], Some(PATIENCE)).map_err(|error| error.to_string())?;
        self.until("its last request is answered", |player| {
            player.hushed.is_some() || player.ended.is_some() || !player.wrongs.is_empty()
        })
        .await?;
        // What was pushed before the answer has come before it: the stream is ordered.
        let counts = self.hushed;
        if self.ended.is_some() || counts != Some([self.sent, self.pushed]) {
            let (sent, pushed) = (self.sent, self.pushed);
            self.wrongs.push(format!("sent {sent}, got {pushed}; the node's counts: {counts:?}"));
        }
        self.check()
    }

    /// That nothing went wrong so far.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.wrongs.is_empty() { Ok(()) } else { Err(self.tell()) }
    }

    pub(crate) fn tell(&self) -> String {
        format!(
            "player: {:?}, sent {}, got {}\n{}",
            self.wrongs,
            self.sent,
            self.pushed,
            self.member.tell() + &self.history.join("\n")
        )
    }
}
