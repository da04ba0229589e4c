//! A player's part in a room: makes or joins it, broadcasts numbered messages, listens, has it moved if it is the
//! owner's to do so, and looks at the room's properties in the end.

use super::super::belongings;
use super::super::game;
use super::super::history::History;
use super::super::seat::Seat;
use super::Plan;
use crate::builtin;
use crate::cli::Sabotage;
use std::collections::BTreeSet;
use std::sync::Arc;
use sterna::client::Status;
use sterna::client::room::RoomEvent;
use sterna::protocol::ids::CohortId;
use sterna::protocol::room::wire::{RoomOptions, RoomRequest};

/// To the room: a number.
const SAY: u16 = 20;
/// To the room: the number of messages before this one, which is the last.
const LAST: u16 = 21;

/// How often a join is tried that did not work out.
const TRIES_MAX: u32 = 5;

/// Which of the saboteur's own messages is tampered with on its way to the saboteur's ear.
const SABOTAGED_NUMBER: u64 = 3;

/// The member whose hearing the saboteur spoils.
const SABOTAGED_PLAYER: usize = 1;

/// One broadcast, as it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Said {
    /// Who said it.
    pub(in super::super) player: u32,
    /// Which of this player's it is.
    pub(in super::super) number: u32,
}

/// What a member has to tell in the end.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Heard {
    /// The number of the room in the plan, and its id.
    pub(in super::super) room: usize,
    pub(in super::super) id: Option<CohortId>,
    /// Broadcasts that the client took.
    pub(in super::super) sent: u64,
    /// All broadcasts, in their order.
    pub(in super::super) said: Vec<Said>,
    /// Who came, left, or became the owner since play began; nobody should.
    pub(in super::super) news: u64,
    /// How often the room was told of by another id.
    pub(in super::super) renamed: u64,
    /// How often it moved.
    pub(in super::super) moves: u64,
    /// Whether the room's properties, read at the end through the client, are as they were.
    pub(in super::super) properties_intact: bool,
}

/// Where the member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Outside,
    Entering {
        request: u64,
    },
    Inside,
    /// Asks for the property of this number.
    Inspecting {
        request: u64,
        property: usize,
    },
    Done,
}

/// What a broadcast turned out to be.
pub(in super::super) enum Heeded {
    /// One of this member's own.
    Own,
    /// The neighbour's.
    Neighbour,
    /// Somebody else's, or nothing.
    Other,
}

/// A player in a room.
pub(in super::super) struct Member {
    player: usize,
    plan: Arc<Plan>,
    phase: Phase,
    tries: u32,
    playing: bool,
    has_said_last: bool,
    /// Who has said the last.
    silent: BTreeSet<u32>,
    /// The owner has asked for the room to be moved.
    migrate: Option<u64>,
    sabotage: Option<Sabotage>,
    /// Kept from its place by the saboteur.
    held_back: Option<Said>,
    heard: Heard,
}

impl Member {
    pub(in super::super) fn new(player: usize, plan: Arc<Plan>, sabotage: Option<Sabotage>) -> Self {
        let heard = Heard { room: plan.room_of(player), properties_intact: true, ..Heard::default() };
        Self {
            player,
            plan,
            phase: Phase::Outside,
            tries: 0,
            playing: false,
            has_said_last: false,
            silent: BTreeSet::new(),
            migrate: None,
            sabotage: sabotage.filter(|_| player == SABOTAGED_PLAYER),
            held_back: None,
            heard,
        }
    }

    pub(in super::super) fn has_entered(&self) -> bool {
        !matches!(self.phase, Phase::Outside | Phase::Entering { .. })
    }

    /// How many are to be in the room.
    pub(in super::super) fn members_of_room(&self) -> usize {
        self.plan.members_of(self.heard.room)
    }

    pub(in super::super) fn is_entering(&self) -> bool {
        matches!(self.phase, Phase::Entering { .. })
    }

    pub(in super::super) fn into_heard(self) -> Heard {
        self.heard
    }

    /// Whether the player could enter now: the room is there, or is the player's to make.
    pub(in super::super) fn may_enter(&self) -> bool {
        self.phase == Phase::Outside && (self.makes_room() || self.plan.made(self.heard.room).is_some())
    }

    fn makes_room(&self) -> bool {
        self.plan.place_of(self.player) == 0
    }

    /// Makes the room, or joins it.
    pub(in super::super) fn enter(&mut self, seat: &Seat) -> Result<(), Status> {
        let request = match self.plan.made(self.heard.room) {
            Some(room) => RoomRequest::Join { room },
            None => RoomRequest::Create { options: self.options() },
        };
        self.tries += 1;
        self.phase = Phase::Entering { request: seat.ask_of_rooms(&request)? };
        Ok(())
    }

    fn options(&self) -> RoomOptions {
        let properties = belongings::of_room(self.heard.room).into_iter();
        RoomOptions {
            members_max: self.plan.size as u32,
            properties: properties.map(|(key, value)| (key.to_owned(), value)).collect(),
            ..RoomOptions::default()
        }
    }

    /// Play begins: from here on nobody comes or goes.
    pub(in super::super) fn begin(&mut self) {
        self.playing = true;
    }

    /// Whether the room is moved when this player says so.
    pub(in super::super) fn moves_room(&self) -> bool {
        self.makes_room() && !self.plan.is_left_to_server(self.heard.room)
    }

    /// Asks for the room to be moved.
    pub(in super::super) fn migrate(&mut self, seat: &Seat) -> Result<(), Status> {
        self.migrate = Some(seat.ask_of_rooms(&RoomRequest::Migrate)?);
        Ok(())
    }

    /// Broadcasts the next number. False: the queue is full.
    pub(in super::super) fn say(&mut self, seat: &Seat) -> bool {
        let taken = seat.broadcast(SAY, &self.heard.sent.to_be_bytes()).is_ok();
        self.heard.sent += u64::from(taken);
        taken
    }

    /// Says its last, and says whether everybody has been heard to the end.
    pub(in super::super) fn has_heard_all(&mut self, seat: &Seat) -> bool {
        if !self.has_said_last {
            self.has_said_last = seat.broadcast(LAST, &self.heard.sent.to_be_bytes()).is_ok();
        }
        self.has_said_last && self.members_of_room() == self.silent.len()
    }

    /// Begins to look at the room's properties.
    pub(in super::super) fn inspect(&mut self, seat: &Seat) -> Result<(), Status> {
        self.ask_for(0, seat)
    }

    pub(in super::super) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    fn ask_for(&mut self, property: usize, seat: &Seat) -> Result<(), Status> {
        let properties = belongings::of_room(self.heard.room);
        self.phase = match properties.get(property) {
            Some((key, _)) => {
                let request = seat.ask_of_rooms(&RoomRequest::Get { key: (*key).to_owned() })?;
                Phase::Inspecting { request, property }
            }
            None => Phase::Done,
        };
        Ok(())
    }

    /// Something has happened in the room. Results of requests go to [`on_result`](Self::on_result), when the client
    /// can be asked again.
    pub(in super::super) fn on_event(&mut self, event: RoomEvent, bytes: &[u8], history: &History) -> Heeded {
        match event {
            RoomEvent::Message { cmd, .. } => {
                let (user, payload) = event.split(bytes);
                return self.on_message(cmd, user, payload, history).unwrap_or(Heeded::Other);
            }
            RoomEvent::Entered { room, .. } => {
                self.heard.news += u64::from(self.playing);
                self.note_room(room);
            }
            RoomEvent::Migrated { room, .. } => {
                self.heard.moves += 1;
                self.note_room(room);
            }
            RoomEvent::Exited { .. }
            | RoomEvent::MemberJoined { .. }
            | RoomEvent::MemberLeft { .. }
            | RoomEvent::OwnerChanged { .. }
            | RoomEvent::Refreshed { .. } => self.heard.news += u64::from(self.playing),
            RoomEvent::Property { .. } | RoomEvent::Sync { .. } | RoomEvent::Result { .. } => {}
        }
        Heeded::Other
    }

    fn note_room(&mut self, room: CohortId) {
        let known = *self.heard.id.get_or_insert(room);
        self.heard.renamed += u64::from(known != room);
    }

    fn on_message(&mut self, cmd: u16, user: &[u8], payload: &[u8], history: &History) -> Option<Heeded> {
        let player = history.player(std::str::from_utf8(user).ok()?)?;
        let number = game::number(payload)?;
        let said = Said { player: player as u32, number: number as u32 };
        match cmd {
            SAY => {
                self.hear(said);
                Some(match () {
                    () if player == self.player => Heeded::Own,
                    () if player == self.neighbour() => Heeded::Neighbour,
                    () => Heeded::Other,
                })
            }
            LAST => {
                self.silent.insert(said.player);
                None
            }
            _ => None,
        }
    }

    /// The member whose spacing of messages is looked at.
    fn neighbour(&self) -> usize {
        if self.makes_room() { self.player + 1 } else { self.player - 1 }
    }

    fn hear(&mut self, said: Said) {
        let own = said.player as usize == self.player;
        let chosen = own && u64::from(said.number) == SABOTAGED_NUMBER;
        match self.sabotage {
            Some(Sabotage::Drop) if chosen => return,
            Some(Sabotage::Duplicate) if chosen => self.heard.said.push(said),
            Some(Sabotage::Reorder) if chosen => {
                self.held_back = Some(said);
                return;
            }
            Some(_) | None => {}
        }
        self.heard.said.push(said);
        if own {
            self.heard.said.extend(self.held_back.take());
        }
    }

    /// A request was answered. `Err`: the player cannot go on.
    pub(in super::super) fn on_result(
        &mut self,
        event: RoomEvent,
        data: &[u8],
        seat: &Seat,
    ) -> Result<Answered, Status> {
        let RoomEvent::Result { request: answered, status, room, kind } = event else {
            return Ok(Answered::Nothing);
        };
        if self.migrate == Some(answered) {
            self.migrate = None;
            let failed = !matches!(status, Status::Ok | Status::NotOffline);
            return Ok(if failed { Answered::MoveFailed } else { Answered::Nothing });
        }
        match self.phase {
            Phase::Entering { request } if request == answered => {
                return self.on_entered(status, room).map(|()| Answered::Nothing);
            }
            Phase::Inspecting { request, property } if request == answered => {
                let found = kind.and_then(|kind| kind.value(data));
                let expected = belongings::of_room(self.heard.room).swap_remove(property).1;
                let intact = found.is_some_and(|found| builtin::encode(&found) == builtin::encode(&expected));
                self.heard.properties_intact &= intact;
                self.ask_for(property + 1, seat)?;
            }
            Phase::Outside
            | Phase::Entering { .. }
            | Phase::Inside
            | Phase::Inspecting { .. }
            | Phase::Done => {}
        }
        Ok(Answered::Nothing)
    }

    fn on_entered(&mut self, status: Status, room: Option<CohortId>) -> Result<(), Status> {
        match (status, room) {
            (Status::Ok, Some(room)) => {
                self.plan.make(self.heard.room, room);
                self.phase = Phase::Inside;
            }
            _ if self.tries < TRIES_MAX => self.phase = Phase::Outside,
            _ => return Err(status),
        }
        Ok(())
    }
}

/// What an answer means for the player.
pub(in super::super) enum Answered {
    Nothing,
    /// The room was not moved: it is to be asked for again.
    MoveFailed,
}
