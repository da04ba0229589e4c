//! A player: the client's role, and the game above it, which sends numbered messages and takes events.

use super::PlayerId;
use super::echo::{ECHO, FLEETING, TICK, VER, digest, number_at};
use super::history::{Entry, History, Lineage, RoomSeen};
use super::parlour::{LINEAGE, LINEAGE_KEY};
use super::watch::waiting_cost;
use crate::client::event::{Batch, Event};
use crate::client::room::RoomEvent;
use crate::protocol::client::{Client, Events, Settings};
use crate::protocol::ids::{CohortId, Epoch, LinkNumber, MemberId, SessionId};
use crate::protocol::limits;
use crate::protocol::time::Time;
use crate::protocol::wire::{Kind, Message, MoveMode};
use std::collections::VecDeque;
use std::time::Duration;

/// What waits for the game.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    pub(super) events: VecDeque<(Event, Vec<u8>)>,
    /// At which epoch the client was served when each of them was raised.
    raised_at: VecDeque<Epoch>,
    /// At which it is served now.
    pub(super) epoch: Epoch,
    /// What they count against the window.
    pub(super) cost: u64,
}

impl Events for Inbox {
    fn event(&mut self, event: Event, bytes: &[u8]) {
        self.cost += waiting_cost(&event, bytes.len());
        self.events.push_back((event, bytes.to_vec()));
        self.raised_at.push_back(self.epoch);
    }
}

impl Inbox {
    fn take(&mut self) -> Option<(Event, Vec<u8>, Epoch)> {
        let (event, bytes) = self.events.pop_front()?;
        self.cost -= waiting_cost(&event, bytes.len());
        Some((event, bytes, self.raised_at.pop_front()?))
    }
}

/// What a game has got to see of its session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// All answers and pushes, in their order.
    pub digest: u64,
    /// How many those were.
    pub messages: u64,
    /// Pushes of the timer. They are counted by themselves: when they come between answers is chance.
    pub ticks: u64,
}

impl Output {
    fn take(&mut self, event: &Event, bytes: &[u8]) {
        match event {
            Event::Push { cmd: TICK, .. } => self.ticks += 1,
            Event::Push { .. } | Event::Response { .. } => {
                self.messages += 1;
                // Ticks are numbered as well; that no number is missing, the history checks.
                let content = bytes.get(8..).unwrap_or_default();
                self.digest = digest(digest(self.digest, format!("{event:?}").as_bytes()), content);
            }
            Event::Connected { .. }
            | Event::ConnectFailed { .. }
            | Event::Disconnected { .. }
            | Event::Reconnecting { .. }
            | Event::Reconnected { .. }
            | Event::Offline { .. }
            | Event::Migrating { .. }
            | Event::Migrated { .. }
            | Event::MigrateFailed { .. }
            | Event::TookOver { .. }
            | Event::Log { .. }
            | Event::Room(_) => {}
        }
    }
}

/// A client with its game.
#[derive(Debug)]
pub struct Player {
    pub(super) id: PlayerId,
    /// What it is known by whoever else plays.
    pub(super) name: u64,
    pub(super) client: Client,
    pub(super) inbox: Inbox,
    /// Whether the game takes its events.
    pub(super) consumes: bool,
    /// Whether the game answers `Offline` at once.
    pub(super) answers_offline: bool,
    /// Pause between two messages of the game, while it plays.
    pub(super) plays_every: Option<Duration>,
    /// The session that it was told of.
    pub(super) session: Option<SessionId>,
    /// How many sessions have been begun for it.
    pub(super) sessions: u64,
    /// The link that the last one was begun on.
    pub(super) connected_by: LinkNumber,
    pub(super) sent: u64,
    /// Numbers of broadcasts and of values.
    pub(super) said: u64,
    /// Whether it broadcasts, while it plays and is in a room.
    pub(super) chats: bool,
    /// The room that it was told to be in, and as whom.
    pub(super) room: Option<(CohortId, MemberId)>,
    /// As the owner of a room it answers `Offline` by moving it.
    pub(super) moves_room: bool,
    /// It is about to do so.
    pub(super) asks_room_to_move: bool,
    pub(super) requests: u64,
    pub(super) fleeting: u64,
    /// The epoch at which it was last seen to be served.
    pub(super) seen_at: Epoch,
    pub(super) output: Output,
}

/// How a test client is set up.
pub(super) fn settings(mode: MoveMode) -> Settings {
    Settings {
        mode,
        connect_max: Duration::from_secs(10),
        resume_max: limits::RESUME_MAX,
        ping_every: limits::PING_EVERY,
        silence_max: limits::SILENCE_MAX,
        replay_bytes_max: limits::REPLAY_BYTES_MAX,
        window: limits::CREDIT_BYTES,
    }
}

impl Player {
    pub(super) fn new(id: PlayerId, name: u64, mode: MoveMode, seed: u64) -> Self {
        Self {
            id,
            name,
            client: Client::new(settings(mode), seed),
            inbox: Inbox::default(),
            consumes: true,
            answers_offline: true,
            plays_every: None,
            session: None,
            sessions: 0,
            connected_by: LinkNumber(0),
            sent: 0,
            said: 0,
            chats: false,
            room: None,
            moves_room: false,
            asks_room_to_move: false,
            requests: 0,
            fleeting: 0,
            seen_at: Epoch(0),
            output: Output::default(),
        }
    }

    /// The game sends its next message; false if the send queue is full.
    pub(super) fn send(&mut self, cmd: u16, second: u64, bytes: usize, history: &mut History) -> bool {
        self.send_as(Kind::Plain, cmd, second, bytes, history)
    }

    /// The game asks something.
    pub(super) fn request(&mut self, now: Time, history: &mut History) -> bool {
        self.request_as(ECHO, 0, now, history)
    }

    pub(super) fn request_as(&mut self, cmd: u16, second: u64, now: Time, history: &mut History) -> bool {
        let request = self.requests + 1;
        if !self.send_as(Kind::Request(request), cmd, second, 16, history) {
            return false;
        }
        self.requests = request;
        history.push(Entry::Requested(self.id, request, self.sent - 1));
        self.client.expect_reply(request, now + Duration::from_secs(3600));
        true
    }

    /// The game sends something that may be lost.
    pub(super) fn send_fleeting(&mut self) {
        let mut payload = self.fleeting.to_be_bytes().to_vec();
        payload.extend(self.client.epoch().0.to_be_bytes());
        self.fleeting += 1;
        self.client.push_datagram(VER, FLEETING, &payload);
    }

    fn send_as(&mut self, kind: Kind, cmd: u16, second: u64, bytes: usize, history: &mut History) -> bool {
        let mut payload = self.sent.to_be_bytes().to_vec();
        payload.extend(second.to_be_bytes());
        payload.resize(bytes.max(16), 0);
        let message = Message { kind, ver: VER, cmd, payload: &payload };
        if self.client.unacknowledged_bytes() + message.encoded_len() > limits::REPLAY_BYTES_MAX {
            return false;
        }
        let mut frame = Vec::new();
        message.encode(&mut frame);
        self.client.push_frames(&frame);
        history.push(Entry::Sent(self.id, self.sent));
        self.sent += 1;
        true
    }

    /// The game takes its events, if it does at all. True: it is to migrate.
    pub(super) fn update(&mut self, history: &mut History) -> bool {
        let mut migrate = false;
        while self.consumes
            && let Some((event, bytes, raised_at)) = self.inbox.take()
        {
            if raised_at != self.inbox.epoch {
                history.push(Entry::HeardLate(self.id));
            }
            self.output.take(&event, &bytes);
            match event {
                // An answer that found no datagrams to travel in.
                Event::Push { reliable: true, cmd: FLEETING, .. } => {}
                Event::Push { reliable: true, .. } => history.push(self.received(&bytes)),
                Event::Push { reliable: false, .. } => {
                    history.push(Entry::Caught(self.id, number_at(&bytes, 1), number_at(&bytes, 0)));
                }
                Event::Response { request, status, .. } => {
                    if !bytes.is_empty() {
                        history.push(self.received(&bytes));
                    }
                    history.push(Entry::Answered(self.id, request, status));
                }
                Event::Offline { .. } => {
                    // In a room it is not for one of its members alone.
                    migrate |= self.answers_offline && self.room.is_none();
                    self.asks_room_to_move |= self.moves_room && self.room.is_some();
                    history.push(Entry::Told(self.id, event));
                }
                Event::Connected { .. }
                | Event::ConnectFailed { .. }
                | Event::Disconnected { .. }
                | Event::Reconnecting { .. }
                | Event::Reconnected { .. }
                | Event::Migrating { .. }
                | Event::Migrated { .. }
                | Event::MigrateFailed { .. }
                | Event::TookOver { .. }
                | Event::Log { .. } => history.push(Entry::Told(self.id, event)),
                Event::Room(seen) => self.in_room(seen, &bytes, history),
            }
            if let Event::Connected { session } = event {
                self.session = Some(session);
            }
            if let Event::Connected { .. } | Event::Disconnected { .. } = event {
                self.room = None;
            }
            if let Event::Push { .. } | Event::Response { .. } | Event::Room(_) = event {
                self.client.consumed(Batch::cost(bytes.len()));
            }
        }
        migrate
    }

    /// Something is told of rooms.
    fn in_room(&mut self, event: RoomEvent, bytes: &[u8], history: &mut History) {
        let seen = match event {
            RoomEvent::Entered { room, me } => {
                self.room = Some((room, me));
                RoomSeen::Entered(room, me)
            }
            RoomEvent::Exited { room, status } => {
                self.room = None;
                RoomSeen::Exited(room, status)
            }
            RoomEvent::Refreshed { room } => RoomSeen::Refreshed(room),
            RoomEvent::MemberJoined { member } => RoomSeen::Joined(member),
            RoomEvent::MemberLeft { member, status } => RoomSeen::Left(member, status),
            RoomEvent::Message { cmd, text, .. } => {
                let payload = bytes.get(text as usize + 1..).unwrap_or_default();
                match cmd {
                    LINEAGE => RoomSeen::Lineage(Lineage(number_at(payload, 0))),
                    _ => RoomSeen::Heard(PlayerId(number_at(payload, 0) as usize), number_at(payload, 1)),
                }
            }
            RoomEvent::Property { text, .. } => {
                let (key, value) = bytes.split_at_checked(text as usize).unwrap_or_default();
                let key = String::from_utf8_lossy(key).into_owned();
                let value = value.get(1..).unwrap_or_default();
                match key.as_str() {
                    LINEAGE_KEY => RoomSeen::Lineage(Lineage(number_at(value, 0))),
                    _ => RoomSeen::Property(key, digest(0, value)),
                }
            }
            RoomEvent::Migrated { room, .. } => RoomSeen::Moved(room),
            RoomEvent::Result { request, status, .. } => {
                return history.push(Entry::RoomAnswered(self.id, request, status));
            }
            RoomEvent::OwnerChanged { .. } | RoomEvent::Sync { .. } => return,
        };
        history.push(Entry::Room(self.id, seen));
    }

    fn received(&self, bytes: &[u8]) -> Entry {
        Entry::Received(self.id, Lineage(number_at(bytes, 1)), number_at(bytes, 0))
    }
}
