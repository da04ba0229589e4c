//! The client in a room: a copy of who is in it, so that names can be told and what cannot work is refused at
//! once, and what the node says about rooms as events for the game.
//!
//! A node says `Entered` when somebody joins, and again when it has restarted the room after a crash. The second
//! one is told as what differs from the copy, so that a game that counts joins and leaves stays right.

use super::{Client, Events, LinkFault};
use crate::client::event::{Batch, Event};
use crate::client::room::{RoomEvent, ValueKind, with_bytes};
use crate::client::status::Status;
use crate::protocol::ids::{CohortId, MemberId};
use crate::protocol::reasons::{ExitReason, ReplyStatus};
use crate::protocol::room::wire::{
    self, Inbound, MERGED, MESSAGE, MemberInfo, NEWS, RoomAnswer, RoomNews, RoomRequest, SYNC, Synced,
};
use crate::protocol::time::Time;
use crate::protocol::wire::{DecodeError, Value};
use std::collections::BTreeMap;

/// What a request about rooms is for, as far as the client has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// To be in a room.
    Join,
    /// To be in none.
    Leave,
    /// Something that only members may ask.
    Inside,
}

impl From<&RoomRequest> for Ask {
    fn from(request: &RoomRequest) -> Self {
        match request {
            RoomRequest::Create { .. } | RoomRequest::Join { .. } | RoomRequest::JoinRandom { .. } => {
                Self::Join
            }
            RoomRequest::Leave | RoomRequest::Close => Self::Leave,
            RoomRequest::Set { .. }
            | RoomRequest::Delete { .. }
            | RoomRequest::CompareAndSet { .. }
            | RoomRequest::Increment { .. }
            | RoomRequest::Get { .. }
            | RoomRequest::Reserve { .. }
            | RoomRequest::CancelReservation { .. }
            | RoomRequest::Kick { .. }
            | RoomRequest::Migrate => Self::Inside,
        }
    }
}

/// A request that has not been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub(super) deadline: Time,
    /// `None`: it is the application's.
    pub(super) room: Option<Ask>,
}

impl Asked {
    /// How the game is told that there is no answer.
    pub(super) const fn unanswered(self, request: u64, status: Status) -> Event {
        match self.room {
            None => Event::Response { request, status, ver: 0, cmd: 0 },
            Some(_) => Event::Room(RoomEvent::Result { request, status, room: None, kind: None }),
        }
    }
}

/// A room that the client is in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Membership {
    room: CohortId,
    me: MemberId,
    owner: Option<MemberId>,
    members: BTreeMap<MemberId, String>,
}

/// What the client knows of rooms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Room {
    inside: Option<Membership>,
    /// A join was answered, and the room has not said `Entered` yet.
    answered: Option<CohortId>,
    /// The room that was left last: an answer that comes after that says nothing new.
    left: Option<CohortId>,
}

impl Room {
    fn name(&self, member: Option<MemberId>) -> &str {
        let name = |member| self.inside.as_ref().and_then(|inside| inside.members.get(&member));
        member.and_then(name).map_or("", String::as_str)
    }
}

impl Client {
    /// Whether the client is in a room, or will be in a moment.
    pub fn in_room(&self) -> bool {
        self.room.inside.is_some() || self.room.answered.is_some()
    }

    /// Refuses what cannot work. What may have come true when it arrives is left to the node.
    pub fn may_ask(&self, ask: Ask) -> Result<(), Status> {
        let pending = |other| self.requests.values().any(|asked| asked.room == Some(other));
        match (ask, self.in_room()) {
            (Ask::Join, true) if !pending(Ask::Leave) => Err(Status::AlreadyInRoom),
            (Ask::Leave, false) if !pending(Ask::Join) => Err(Status::NotInRoom),
            (Ask::Inside, false) => Err(Status::NotInRoom),
            (Ask::Join | Ask::Leave | Ask::Inside, _) => Ok(()),
        }
    }

    /// A request about rooms has been sent that is to be answered until `deadline`.
    pub fn expect_room_result(&mut self, request: u64, deadline: Time, ask: Ask) {
        self.expect(request, Asked { deadline, room: Some(ask) });
    }

    pub(super) fn on_room_message(
        &mut self,
        cmd: u16,
        payload: &[u8],
        events: &mut dyn Events,
    ) -> Result<(), LinkFault> {
        match cmd {
            MESSAGE => self.raise_message(&Inbound::decode(payload)?, events),
            MERGED => {
                for message in wire::merged(payload) {
                    self.raise_message(&message?, events);
                }
            }
            SYNC => {
                let Synced { from: by, sync } = Synced::decode(payload)?;
                let event = RoomEvent::Sync { by, text: sync.key.len() as u32 };
                self.counts.messages_received += 1;
                self.hold_parts(sync.key, sync.value);
                events.event_with_parts(Event::Room(event), sync.key, sync.value);
            }
            NEWS => {
                let body = wire::only_frame(payload)?;
                self.on_news(RoomNews::decode(body)?, body, events);
            }
            _ => return Err(DecodeError::OutOfRange("cmd").into()),
        }
        Ok(())
    }

    fn raise_message(&mut self, message: &Inbound<'_>, events: &mut dyn Events) {
        let Inbound { from, ver, cmd, payload } = *message;
        let Self { room, held, counts, .. } = self;
        let user = room.name(from);
        counts.messages_received += 1;
        *held += Batch::cost(Batch::parts_len(user.as_bytes(), payload));
        let event = RoomEvent::Message { from, ver, cmd, text: user.len() as u32 };
        events.event_with_parts(Event::Room(event), user, payload);
    }

    /// A reply to a request about rooms: decodes it before anything is changed.
    pub(super) fn on_room_answer(
        &mut self,
        request: u64,
        asked: Asked,
        status: ReplyStatus,
        payload: &[u8],
        events: &mut dyn Events,
    ) -> Result<(), LinkFault> {
        let answer = match status {
            ReplyStatus::Ok => RoomAnswer::decode(payload)?,
            // Whatever it was, it was not the room that answered.
            ReplyStatus::BadRequest | ReplyStatus::Error => RoomAnswer::default(),
        };
        self.forget_request(request, asked);
        let RoomAnswer { refusal, room, value } = answer;
        let status = refusal.map_or(status.into(), Status::from);
        if status == Status::Ok && self.room.inside.is_none() && room != self.room.left {
            self.room.answered = room.or(self.room.answered);
        }
        let kind = value.as_ref().map(ValueKind::of);
        let event = Event::Room(RoomEvent::Result { request, status, room, kind });
        self.counts.messages_received += 1;
        match &value {
            Some(value) => with_bytes(value, |data| {
                self.hold_parts("", data);
                events.event_with_parts(event, "", data);
            }),
            None => {
                self.hold_parts("", &[]);
                events.event_with_parts(event, "", &[]);
            }
        }
        Ok(())
    }

    fn on_news(&mut self, news: RoomNews, body: &[u8], events: &mut dyn Events) {
        match news {
            RoomNews::Entered { room, me, owner, members_max: _, members } => {
                let members = members.into_iter().map(|MemberInfo { member, user }| (member, user)).collect();
                self.on_entered(Membership { room, me, owner, members }, body, events);
            }
            RoomNews::Joined { member: MemberInfo { member, user } } => self.on_joined(member, user, events),
            RoomNews::Left { member, reason } => self.on_left(member, reason.into(), events),
            RoomNews::Exited { reason } => self.on_exited(reason, events),
            RoomNews::OwnerChanged { owner } => self.on_owner_changed(owner, events),
            RoomNews::PropertyChanged { key, value, by } => {
                self.on_property_changed(&key, value.as_ref(), by, events);
            }
        }
    }

    fn on_entered(&mut self, now: Membership, body: &[u8], events: &mut dyn Events) {
        self.room.answered = None;
        self.room.left = None;
        match &self.room.inside {
            Some(before) if (before.room, before.me) == (now.room, now.me) => {
                return self.on_refreshed(now, events);
            }
            // The crash that led here took the news with it that this one is over.
            Some(_) => self.on_exited(ExitReason::Lost, events),
            None => {}
        }
        let event = RoomEvent::Entered { room: now.room, me: now.me };
        self.room.inside = Some(now);
        self.raise_room(event, body, events);
    }

    /// The room was restarted after a crash. Tells what is different.
    fn on_refreshed(&mut self, now: Membership, events: &mut dyn Events) {
        let Some(inside) = &self.room.inside else { return };
        let missing = |member: &&MemberId| !now.members.contains_key(member);
        let gone: Vec<MemberId> = inside.members.keys().filter(missing).copied().collect();
        for member in gone {
            self.on_left(member, Status::MembershipLost, events);
        }
        for (member, user) in now.members {
            self.on_joined(member, user, events);
        }
        self.on_owner_changed(now.owner, events);
        self.raise_room(RoomEvent::Refreshed { room: now.room }, &[], events);
    }

    fn on_joined(&mut self, member: MemberId, user: String, events: &mut dyn Events) {
        let Some(inside) = &mut self.room.inside else { return };
        if inside.members.contains_key(&member) {
            return;
        }
        inside.members.insert(member, user.clone());
        self.raise_room(RoomEvent::MemberJoined { member }, user.as_bytes(), events);
    }

    fn on_left(&mut self, member: MemberId, status: Status, events: &mut dyn Events) {
        let Some(inside) = &mut self.room.inside else { return };
        if let Some(user) = inside.members.remove(&member) {
            self.raise_room(RoomEvent::MemberLeft { member, status }, user.as_bytes(), events);
        }
    }

    fn on_exited(&mut self, reason: ExitReason, events: &mut dyn Events) {
        let answered = self.room.answered.take();
        let Some(room) = self.room.inside.take().map(|inside| inside.room).or(answered) else { return };
        self.room.left = Some(room);
        let event = RoomEvent::Exited { room, status: reason.into() };
        self.raise_room(event, reason.to_string().as_bytes(), events);
    }

    fn on_owner_changed(&mut self, owner: Option<MemberId>, events: &mut dyn Events) {
        let Some(inside) = &mut self.room.inside else { return };
        if inside.owner != owner {
            inside.owner = owner;
            let user = self.room.name(owner).to_owned();
            self.raise_room(RoomEvent::OwnerChanged { owner }, user.as_bytes(), events);
        }
    }

    fn on_property_changed(
        &mut self,
        key: &str,
        value: Option<&Value>,
        by: Option<MemberId>,
        events: &mut dyn Events,
    ) {
        let event =
            Event::Room(RoomEvent::Property { by, kind: value.map(ValueKind::of), text: key.len() as u32 });
        match value {
            Some(value) => with_bytes(value, |data| {
                self.hold_parts(key, data);
                events.event_with_parts(event, key, data);
            }),
            None => {
                self.hold_parts(key, &[]);
                events.event_with_parts(event, key, &[]);
            }
        }
    }

    /// The client has moved. It did so with its room, if it is in one: nobody in a room moves alone.
    pub(super) fn raise_room_migrated(&self, events: &mut dyn Events) {
        if let Some(inside) = &self.room.inside {
            let event = RoomEvent::Migrated { room: inside.room, epoch: self.epoch() };
            events.event(Event::Room(event), &[]);
        }
    }

    fn raise_room(&mut self, event: RoomEvent, bytes: &[u8], events: &mut dyn Events) {
        self.held += Batch::cost(bytes.len());
        events.event(Event::Room(event), bytes);
    }

    fn hold_parts(&mut self, text: &str, data: &[u8]) {
        self.held += Batch::cost(Batch::parts_len(text.as_bytes(), data));
    }
}
