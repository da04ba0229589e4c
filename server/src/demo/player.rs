//! One player: sends numbered messages, checks what arrives, and moves when the node asks for it.

use super::belongings::{self, Random};
use super::game::{BELONGINGS, LEAVE, PLAY, UP};
use super::history::History;
use super::log::{Log, Manner};
use super::rooms::member::{Answered, Member};
use super::seat::Seat;
use std::sync::Arc;
use std::time::Duration;
use sterna::client::config::{Simulator, Transport};
use sterna::client::event::Event;
use sterna::client::room::RoomEvent;
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
    /// Waits until everybody in the room has been heard to the end; no longer than that.
    Parting {
        until_us: u64,
    },
    /// Waits for the reply behind which nothing comes any more.
    Leaving {
        request: u64,
    },
    /// Waits for the belongings.
    Checking {
        request: u64,
    },
    /// Waits for the room's properties.
    Inspecting,
    Finished,
}

/// What all players have in common.
#[derive(Clone)]
pub(super) struct Rules {
    pub(super) history: Arc<History>,
    /// Between two messages of one player.
    pub(super) period_us: u64,
    /// Between two broadcasts of one player.
    pub(super) broadcast_us: u64,
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
    /// The player's part in a room.
    member: Option<Member>,
    broadcast_at_us: u64,
    log: Log,
}

/// What has to wait until the client can be asked again.
type Answer = (Event, Vec<u8>);

impl Player {
    pub(super) fn new(
        number: usize,
        transport: Transport,
        manner: Manner,
        through_c: bool,
        token: String,
        member: Option<Member>,
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
            member,
            broadcast_at_us: 0,
            log: Log { player: number, transport, manner, ..Log::default() },
        })
    }

    pub(super) fn is_outside(&self) -> bool {
        self.phase == Phase::Outside
    }

    pub(super) fn is_connecting(&self) -> bool {
        self.phase == Phase::Connecting || self.member.as_ref().is_some_and(Member::is_entering)
    }

    pub(super) fn has_entered(&self) -> bool {
        // Until everybody has heard of everybody, there are joins to hear of.
        let heard_of_all =
            |member: &Member| member.has_entered() && self.seat.members_in_room() == member.members_of_room();
        !self.is_outside() && !self.is_connecting() && self.member.as_ref().is_none_or(heard_of_all)
    }

    /// Whether there is a room to enter now.
    pub(super) fn may_enter_room(&self) -> bool {
        self.phase == Phase::Entered && self.member.as_ref().is_some_and(Member::may_enter)
    }

    /// Makes the room, or joins it.
    pub(super) fn enter_room(&mut self) {
        let Self { member: Some(member), seat, .. } = self else { return };
        if let Err(status) = member.enter(seat) {
            self.give_up(status.to_string());
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.phase == Phase::Finished
    }

    pub(super) fn trouble(&self) -> Option<&str> {
        self.log.trouble.as_deref()
    }

    pub(super) fn into_log(self) -> Log {
        Log { heard: self.member.map(Member::into_heard), ..self.log }
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
        if let Some(member) = &mut self.member {
            member.begin();
            // Who had to move to join has not been moved yet, as far as the game is concerned.
            self.rules.history.seen(self.log.player).arrivals = 0;
            self.log = self.log.anew();
            self.broadcast_at_us = self.rules.history.micros() + self.random.below(self.rules.broadcast_us);
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
            let until_us = self.rules.history.micros() + LAST_ANSWER_MAX.as_micros() as u64;
            self.phase = Phase::Parting { until_us };
        }
    }

    /// Goes on when everybody in the room has been heard to the end.
    fn part(&mut self, now_us: u64) {
        let Phase::Parting { until_us } = self.phase else { return };
        let Self { member, seat, .. } = self;
        if member.as_mut().is_none_or(|member| member.has_heard_all(seat)) || until_us <= now_us {
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
        let Self { seat, log, sent_us, rules, random, migrate_at_us, phase, member, .. } = self;
        let asks = member.as_ref().is_none_or(Member::moves_room);
        let mut response = None;
        let mut results: Vec<Answer> = Vec::new();
        let taken = seat.take_events(|event, bytes| {
            let at_us = rules.history.micros();
            match event {
                Event::Push { cmd, .. } => log.on_push(cmd, bytes, at_us, sent_us),
                Event::Response { request, status, .. } => response = Some((request, status, bytes.to_vec())),
                Event::Connected { .. } => *phase = Phase::Entered,
                Event::Offline { .. } => {
                    log.offline += 1;
                    if log.manner != Manner::Forced && asks {
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
                    if log.manner != Manner::Forced && asks {
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
                Event::Room(RoomEvent::Result { .. }) => results.push((event, bytes.to_vec())),
                Event::Room(event) => {
                    if let Some(member) = member {
                        log.on_broadcast(member.on_event(event, bytes, &rules.history), at_us);
                    }
                }
                Event::Reconnecting { .. } | Event::Reconnected { .. } | Event::Log { .. } => {}
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
        for (event, bytes) in results {
            self.on_result(event, &bytes, now_us);
        }
        self.do_what_is_due(now_us);
        self.part(now_us);
    }

    fn on_result(&mut self, event: Event, bytes: &[u8], now_us: u64) {
        let (Some(member), Event::Room(event)) = (&mut self.member, event) else { return };
        let (_, data) = event.split(bytes);
        match member.on_result(event, data, &self.seat) {
            Ok(Answered::MoveFailed) => self.migrate_at_us = Some(now_us + MOVE_AGAIN_AFTER_US),
            Ok(Answered::Nothing) if self.phase == Phase::Inspecting && member.is_done() => {
                self.phase = Phase::Finished;
            }
            Ok(Answered::Nothing) => {}
            Err(status) => self.give_up(status.to_string()),
        }
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
        while let (Phase::Playing { .. }, Some(member)) = (self.phase, &mut self.member)
            && self.broadcast_at_us <= now_us
        {
            self.log.refused += u64::from(!member.say(&self.seat));
            self.broadcast_at_us += self.rules.broadcast_us;
        }
    }

    fn migrate(&mut self, now_us: u64) {
        self.migrate_at_us = None;
        self.log.asked_us.get_or_insert(now_us);
        let asked = match &mut self.member {
            Some(member) => member.migrate(&self.seat),
            None => self.seat.send_migrate(),
        };
        match asked {
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
                self.inspect_room();
            }
            Phase::Outside
            | Phase::Connecting
            | Phase::Entered
            | Phase::Playing { .. }
            | Phase::Parting { .. }
            | Phase::Leaving { .. }
            | Phase::Checking { .. }
            | Phase::Inspecting
            | Phase::Finished => {}
        }
    }

    fn inspect_room(&mut self) {
        let asked = self.member.as_mut().map(|member| member.inspect(&self.seat));
        match asked {
            None => self.phase = Phase::Finished,
            Some(Ok(())) => self.phase = Phase::Inspecting,
            Some(Err(status)) => self.give_up(status.to_string()),
        }
    }

    fn give_up(&mut self, text: String) {
        self.log.trouble = Some(text);
        self.phase = Phase::Finished;
    }
}
