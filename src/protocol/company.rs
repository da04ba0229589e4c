//! Who is around a session while it is handed its messages: the game, and the room's other members. Messages
//! about rooms are taken care of here; all others go to the game.

use crate::protocol::application::{Application, Context, Lost};
use crate::protocol::cohort::Seat;
use crate::protocol::errand::Errand;
use crate::protocol::ids::{MemberId, SessionId};
use crate::protocol::reasons::{CloseReason, ReplyStatus, RoomRefusal};
use crate::protocol::room::wire::{self, Outbound, RoomAnswer, RoomRequest, Sync};
use crate::protocol::room::{Post, Room};
use crate::protocol::sequence::Full;
use crate::protocol::session::Session;
use crate::protocol::snapshot::Origin;
use crate::protocol::time::Time;
use crate::protocol::wire::{Kind, Message};

/// The game, and those whom a session plays with.
pub struct Company<'a> {
    pub(in crate::protocol) application: &'a dyn Application,
    pub(in crate::protocol) room: Option<&'a mut Room>,
    /// The other members, in the order of their sessions: those before this one ...
    pub(in crate::protocol) before: &'a mut [Box<Seat>],
    /// ... and those behind it.
    pub(in crate::protocol) after: &'a mut [Box<Seat>],
}

/// The sessions of a room, to be written to.
pub(in crate::protocol) struct Crowd<'a> {
    pub(in crate::protocol) session: Option<&'a mut Session>,
    pub(in crate::protocol) before: &'a mut [Box<Seat>],
    pub(in crate::protocol) after: &'a mut [Box<Seat>],
}

impl Crowd<'_> {
    fn find(&mut self, id: SessionId) -> Option<&mut Session> {
        if let Some(session) = self.session.as_deref_mut().filter(|session| session.id() == id) {
            return Some(session);
        }
        let seats = if self.before.last().is_some_and(|last| id <= last.id()) {
            &mut *self.before
        } else {
            &mut *self.after
        };
        let index = seats.binary_search_by_key(&id, |seat| seat.id()).ok()?;
        Some(&mut seats[index].session)
    }
}

impl Post for Crowd<'_> {
    fn post(&mut self, to: SessionId, message: &Message<'_>) -> Result<(), Full> {
        // Who is not here (any more) misses nothing.
        self.find(to).map_or(Ok(()), |session| session.send(message))
    }

    fn post_last(&mut self, to: SessionId, message: &Message<'_>) {
        if let Some(session) = self.find(to) {
            session.send_always(message);
        }
    }
}

impl<'a> Company<'a> {
    /// Nobody but the game.
    pub fn alone(application: &'a dyn Application) -> Self {
        Self { application, room: None, before: &mut [], after: &mut [] }
    }

    fn reborrow(&mut self) -> Company<'_> {
        Company {
            application: self.application,
            room: self.room.as_deref_mut(),
            before: self.before,
            after: self.after,
        }
    }

    fn context<'b>(&'b mut self, session: &'b mut Session, now: Time) -> Context<'b> {
        Context { session, company: self.reborrow(), now }
    }

    pub(in crate::protocol) fn connected(&mut self, session: &mut Session, now: Time) {
        self.application.connected(&mut self.context(session, now));
    }

    pub(in crate::protocol) fn disconnected(
        &mut self,
        session: &mut Session,
        reason: CloseReason,
        now: Time,
    ) {
        self.application.disconnected(&mut self.context(session, now), reason);
    }

    pub(in crate::protocol) fn moved_in(&mut self, session: &mut Session, now: Time) {
        self.application.moved_in(&mut self.context(session, now));
    }

    pub(in crate::protocol) fn took_over(&mut self, session: &mut Session, from: Origin, now: Time) {
        self.application.took_over(&mut self.context(session, now), from);
    }

    pub(in crate::protocol) fn timer(&mut self, session: &mut Session, now: Time) {
        self.application.timer(&mut self.context(session, now));
    }

    pub(in crate::protocol) fn lost(&mut self, session: &mut Session, lost: &Lost, now: Time) {
        self.application.lost(&mut self.context(session, now), lost);
    }

    /// Hands a message to whom it is for.
    pub(in crate::protocol) fn message(&mut self, session: &mut Session, message: &Message<'_>, now: Time) {
        if message.ver == wire::VER {
            self.room_message(session, message, now);
        } else {
            self.application.message(&mut self.context(session, now), message);
        }
    }

    fn room_message(&mut self, session: &mut Session, message: &Message<'_>, now: Time) {
        match (message.cmd, message.kind) {
            (wire::REQUEST, Kind::Request(number)) => self.room_request(session, number, message.payload),
            (wire::MESSAGE, Kind::Plain) => {
                if let Ok(outbound) = Outbound::decode(message.payload) {
                    self.with_room(session, |room, member, crowd| {
                        room.message(Some(member), &outbound, crowd, now);
                    });
                }
            }
            (wire::SYNC, Kind::Plain) => {
                if let Ok(sync) = Sync::decode(message.payload) {
                    // A value over the limit is the sender's loss: the others keep the last one that fitted.
                    self.with_room(session, |room, member, crowd| {
                        let _ = room.sync(member, sync, crowd, now);
                    });
                }
            }
            // What cannot be read has ended its link before.
            (_, Kind::Request(_) | Kind::Plain | Kind::Reply(..)) => {}
        }
    }

    fn with_room<R>(
        &mut self,
        session: &mut Session,
        act: impl FnOnce(&mut Room, MemberId, &mut Crowd<'_>) -> R,
    ) -> Option<R> {
        let room = self.room.as_deref_mut()?;
        let member = room.member_of(session.id())?;
        let mut crowd = Crowd { session: Some(session), before: self.before, after: self.after };
        Some(act(room, member, &mut crowd))
    }

    fn room_request(&mut self, session: &mut Session, number: u64, payload: &[u8]) {
        let Ok(request) = wire::only_frame(payload).and_then(RoomRequest::decode) else {
            return session.answer_room(number, &RoomRefusal::Malformed.into());
        };
        let is_member = self.room.as_deref().is_some_and(|room| room.member_of(session.id()).is_some());
        match request {
            RoomRequest::Create { .. } | RoomRequest::Join { .. } | RoomRequest::JoinRandom { .. } => {
                // A session has one room, or is on its way to one.
                if is_member || session.errand().is_some() {
                    session.answer_room(number, &RoomRefusal::AlreadyInRoom.into());
                } else {
                    session.set_errand(Some(Errand::new(number, request)));
                }
            }
            _ if !is_member => session.answer_room(number, &RoomRefusal::NotInRoom.into()),
            // It is on its way out already.
            RoomRequest::Leave if session.errand().is_some() => {
                session.answer_room(number, &RoomRefusal::NotInRoom.into());
            }
            RoomRequest::Leave => session.set_errand(Some(Errand::new(number, request))),
            RoomRequest::Migrate => self.ask_to_migrate(session, number),
            RoomRequest::Set { .. }
            | RoomRequest::Delete { .. }
            | RoomRequest::CompareAndSet { .. }
            | RoomRequest::Increment { .. }
            | RoomRequest::Get { .. }
            | RoomRequest::Reserve { .. }
            | RoomRequest::CancelReservation { .. }
            | RoomRequest::Kick { .. }
            | RoomRequest::Close => {
                let answer = self
                    .with_room(session, |room, member, crowd| room.request(Some(member), &request, crowd));
                session.answer_room(number, &answer.unwrap_or_else(|| RoomRefusal::NotInRoom.into()));
            }
        }
    }

    /// The cohort looks at it next, and answers when the move is over.
    fn ask_to_migrate(&mut self, session: &mut Session, number: u64) {
        let refusal = self.with_room(session, |room, member, _| {
            if room.owner() != Some(member) {
                Some(RoomRefusal::NotOwner)
            } else if room.pending_migrate().is_some() {
                Some(RoomRefusal::MoveFailed) // one answer for one request
            } else {
                room.set_pending_migrate(Some((member, number)));
                None
            }
        });
        if let Some(refusal) = refusal.flatten() {
            session.answer_room(number, &refusal.into());
        }
    }
}

impl std::fmt::Debug for Company<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Company").field("room", &self.room).finish_non_exhaustive()
    }
}

impl Session {
    /// Answers a request about rooms.
    pub(in crate::protocol) fn answer_room(&mut self, request: u64, answer: &RoomAnswer) {
        // The room has answered, also where it refuses.
        let (kind, payload) = (Kind::Reply(request, ReplyStatus::Ok), answer.encode());
        self.send_always(&Message { kind, ver: wire::VER, cmd: wire::REQUEST, payload: &payload });
    }
}
