//! One player: sends numbered messages, checks what arrives, and moves when the node asks for it.

use super::belongings::{self, Random};
use super::game::{BELONGINGS, LEAVE, PLAY, UP};
use super::history::History;
use super::log::{Log, Manner};
use super::seat::Seat;
use std::sync::Arc;
use std::time::Duration;
use sterna::client::config::{Simulator, Transport};
use sterna::client::event::Event;
use sterna::client::{Config, Error, Status};
use sterna::protocol::wire::MoveMode;

/// How long the last two requests may take; what has not arrived by then is lost. Long enough for an
/// overloaded machine: a link that it lets fall silent is given up after 5 s and replaced.
const LAST_ANSWER_MAX: Duration = Duration::from_secs(30);

/// Pause before a move that failed is asked for again.
const MOVE_AGAIN_AFTER_US: u64 = 50_000;

/// Where the player stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Outside,
    Connecting,
    Entered,
    /// The next message is due then.
    Playing {
        due_us: u64,
    },
    /// Waits for the reply behind which nothing comes any more.
    Leaving {
        request: u64,
    },
    /// Waits for the belongings.
    Checking {
        request: u64,
    },
    Finished,
}

/// What all players have in common.
#[derive(Clone)]
pub(super) struct Rules {
    pub(super) history: Arc<History>,
    /// Between two messages of one player.
    pub(super) period_us: u64,
    /// A player finds a moment that suits within this time after it was told that the node goes offline.
    pub(super) moment_max_us: u64,
    /// Added to every packet, each way.
    pub(super) delay: Duration,
}

/// A player.
pub(super) struct Player {
    seat: Seat,
    token: String,
    phase: Phase,
    rules: Rules,
    random: Random,
    /// When each message was sent, by its number.
    sent_us: Vec<u64>,
    migrate_at_us: Option<u64>,
    log: Log,
}

impl Player {
    pub(super) fn new(
        number: usize,
        transport: Transport,
        manner: Manner,
        through_c: bool,
        token: String,
        rules: Rules,
    ) -> Result<Self, Error> {
        let move_mode = match manner {
            Manner::Seamless | Manner::Forced => MoveMode::Seamless,
            Manner::Classic => MoveMode::Classic,
        };
        let simulator = Simulator { delay: rules.delay, ..Simulator::default() };
        let config = Config { transport, move_mode, simulator, ..Config::default() };
        Ok(Self {
            seat: Seat::create(&config, through_c)?,
            token,
            phase: Phase::Outside,
            rules,
            random: Random::new(number as u64),
            sent_us: Vec::new(),
            migrate_at_us: None,
            log: Log { player: number, transport, manner, ..Log::default() },
        })
    }

    pub(super) fn is_outside(&self) -> bool {
        self.phase == Phase::Outside
    }

    pub(super) fn is_connecting(&self) -> bool {
        self.phase == Phase::Connecting
    }

    pub(super) fn has_entered(&self) -> bool {
        !self.is_outside() && !self.is_connecting()
    }

    pub(super) fn is_finished(&self) -> bool {
        self.phase == Phase::Finished
    }

    pub(super) fn trouble(&self) -> Option<&str> {
        self.log.trouble.as_deref()
    }

    pub(super) fn into_log(self) -> Log {
        self.log
    }

    pub(super) fn connect(&mut self) {
        self.phase = Phase::Connecting;
        if let Err(error) = self.seat.connect(&self.token) {
            self.give_up(error.text);
        }
    }

    /// Begins to send, at a phase of its own, and has the node do the same.
    pub(super) fn begin(&mut self) {
        if self.phase != Phase::Entered {
            return;
        }
        let period_us = self.rules.period_us;
        let mut delay_us = || self.random.below(period_us);
        let due_us = self.rules.history.micros() + delay_us();
        let mut payload = period_us.to_be_bytes().to_vec();
        payload.extend_from_slice(&delay_us().to_be_bytes());
        match self.seat.send(PLAY, &payload) {
            Ok(()) => self.phase = Phase::Playing { due_us },
            Err(status) => self.give_up(status.to_string()),
        }
    }

    /// Sends nothing any more, and asks for the reply that comes behind everything else.
    pub(super) fn leave(&mut self) {
        if let Phase::Playing { .. } = self.phase {
            self.ask(LEAVE, |request| Phase::Leaving { request });
        }
    }

    fn ask(&mut self, cmd: u16, phase: impl FnOnce(u64) -> Phase) {
        match self.seat.request(cmd, LAST_ANSWER_MAX) {
            Ok(request) => self.phase = phase(request),
            Err(status) => self.give_up(status.to_string()),
        }
    }

    /// One frame, begun at `now_us`: takes what has arrived, then does what is due.
    pub(super) fn frame(&mut self, now_us: u64) {
        let Self { seat, log, sent_us, rules, random, migrate_at_us, phase, .. } = self;
        let mut response = None;
        let taken = seat.take_events(|event, bytes| {
            let at_us = rules.history.micros();
            match event {
                Event::Push { cmd, .. } => log.on_push(cmd, bytes, at_us, sent_us),
                Event::Response { request, status, .. } => response = Some((request, status, bytes.to_vec())),
                Event::Connected { .. } => *phase = Phase::Entered,
                Event::Offline { .. } => {
                    log.offline += 1;
                    if log.manner != Manner::Forced {
                        *migrate_at_us = Some(at_us + random.below(rules.moment_max_us));
                    }
                }
                Event::Migrated { .. } => {
                    log.moves += 1;
                    log.moved_us = Some(at_us);
                    *migrate_at_us = None;
                }
                Event::MigrateFailed { .. } => {
                    log.failed += 1;
                    if log.manner != Manner::Forced {
                        *migrate_at_us = Some(at_us + MOVE_AGAIN_AFTER_US);
                    }
                }
                Event::TookOver { .. } => log.took_over += 1,
                Event::ConnectFailed { .. } | Event::Disconnected { .. } => {
                    log.trouble = Some(String::from_utf8_lossy(bytes).into_owned());
                }
                Event::Migrating { .. } => {
                    log.begun_us.get_or_insert(at_us);
                }
                Event::Reconnecting { .. }
                | Event::Reconnected { .. }
                | Event::Log { .. }
                | Event::Room(_) => {}
            }
        });
        if let Err(error) = taken {
            self.log.trouble = Some(error.text);
        }
        if self.log.trouble.is_some() {
            self.phase = Phase::Finished;
        }
        if let Some((request, status, bytes)) = response {
            self.on_response(request, status, &bytes);
        }
        self.do_what_is_due(now_us);
    }

    fn do_what_is_due(&mut self, now_us: u64) {
        if self.migrate_at_us.is_some_and(|at| at <= now_us) {
            self.migrate(now_us);
        }
        while let Phase::Playing { due_us } = self.phase
            && due_us <= now_us
        {
            self.send();
            self.phase = Phase::Playing { due_us: due_us + self.rules.period_us };
        }
    }

    fn migrate(&mut self, now_us: u64) {
        self.migrate_at_us = None;
        self.log.asked_us.get_or_insert(now_us);
        match self.seat.send_migrate() {
            // `Stale` and `NotOffline`: it has moved already.
            Ok(()) | Err(Status::Stale | Status::NotOffline) => {}
            Err(_) => self.migrate_at_us = Some(now_us + MOVE_AGAIN_AFTER_US),
        }
    }

    fn send(&mut self) {
        let number = self.log.sent_up;
        let now_us = self.rules.history.micros();
        match self.seat.send(UP, &number.to_be_bytes()) {
            Ok(()) => {
                self.log.sent_up += 1;
                self.sent_us.push(now_us);
            }
            Err(_) => self.log.refused += 1,
        }
    }

    fn on_response(&mut self, answered: u64, status: Status, bytes: &[u8]) {
        match self.phase {
            Phase::Leaving { request } | Phase::Checking { request }
                if request == answered && status != Status::Ok =>
            {
                self.give_up(status.to_string());
            }
            Phase::Leaving { request } if request == answered => {
                self.ask(BELONGINGS, |request| Phase::Checking { request });
            }
            Phase::Checking { request } if request == answered => {
                self.log.belongings_intact = bytes == belongings::expected(self.log.player);
                self.phase = Phase::Finished;
            }
            Phase::Outside
            | Phase::Connecting
            | Phase::Entered
            | Phase::Playing { .. }
            | Phase::Leaving { .. }
            | Phase::Checking { .. }
            | Phase::Finished => {}
        }
    }

    fn give_up(&mut self, text: String) {
        self.log.trouble = Some(text);
        self.phase = Phase::Finished;
    }
}
