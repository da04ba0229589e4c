//! A room, as a hook sees it.

use crate::protocol::cohort::Seat;
use crate::protocol::company::Crowd;
use crate::protocol::ids::{CohortId, MemberId, SessionId};
use crate::protocol::reasons::RoomRefusal;
use crate::protocol::room::wire::{Outbound, RoomAnswer, RoomRequest, Scope};
use crate::protocol::room::{Room, RoomGame};
use crate::protocol::session::Session;
use crate::protocol::time::Time;
use crate::protocol::wire::Value;
use std::time::Duration;

/// One room. What the application does here needs nobody's leave: it may do all that an owner may.
#[derive(Debug)]
pub struct RoomContext<'a> {
    pub(in crate::protocol) room: &'a mut Room,
    /// The member whose hook this is, if it is one's.
    pub(in crate::protocol) session: Option<&'a mut Session>,
    pub(in crate::protocol) before: &'a mut [Box<Seat>],
    pub(in crate::protocol) after: &'a mut [Box<Seat>],
    pub(in crate::protocol) now: Time,
}

impl RoomContext<'_> {
    /// Which room this is. It keeps this name for as long as it lives, wherever it is.
    pub fn id(&self) -> CohortId {
        self.room.id()
    }

    /// The time of this call; runs on one clock for the life of the node.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Who owns it; `None`: it is empty.
    pub fn owner(&self) -> Option<MemberId> {
        self.room.owner()
    }

    /// Everybody in it, in the order of joining: number, session, and who it is.
    pub fn members(&self) -> impl ExactSizeIterator<Item = (MemberId, SessionId, &str)> {
        self.room.members()
    }

    /// The member that this session is.
    pub fn member_of(&self, session: SessionId) -> Option<MemberId> {
        self.room.member_of(session)
    }

    fn act<R>(&mut self, act: impl FnOnce(&mut Room, &mut Crowd<'_>, Time) -> R) -> R {
        let session = self.session.as_deref_mut();
        let mut crowd = Crowd { session, before: self.before, after: self.after };
        act(self.room, &mut crowd, self.now)
    }

    /// Sends a reliable message to everybody, in one order for all; merged within the room's interval. A member
    /// who does not keep up is removed from the room.
    pub fn broadcast(&mut self, ver: u8, cmd: u16, payload: &[u8]) {
        self.send(Scope::All, ver, cmd, payload);
    }

    /// Sends a reliable message to these members, at once.
    pub fn send_to(&mut self, members: &[MemberId], ver: u8, cmd: u16, payload: &[u8]) {
        self.send(Scope::Members(members.to_vec()), ver, cmd, payload);
    }

    fn send(&mut self, scope: Scope, ver: u8, cmd: u16, payload: &[u8]) {
        let outbound = Outbound { scope, ver, cmd, payload };
        self.act(|room, crowd, now| room.message(None, &outbound, crowd, now));
    }

    /// A property.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.room.get(key)
    }

    /// All properties, in the order of their keys.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.room.properties()
    }

    /// Sets a property and tells all members.
    pub fn set(&mut self, key: &str, value: Value) -> Result<(), RoomRefusal> {
        self.request(&RoomRequest::Set { key: key.to_owned(), value }).map(drop)
    }

    /// Deletes a property and tells all members.
    pub fn delete(&mut self, key: &str) -> Result<(), RoomRefusal> {
        self.request(&RoomRequest::Delete { key: key.to_owned() }).map(drop)
    }

    /// Keeps places for these users.
    pub fn reserve(&mut self, users: &[String]) -> Result<(), RoomRefusal> {
        self.request(&RoomRequest::Reserve { users: users.to_vec() }).map(drop)
    }

    /// Removes a member.
    pub fn kick(&mut self, member: MemberId) -> Result<(), RoomRefusal> {
        self.request(&RoomRequest::Kick { member }).map(drop)
    }

    /// Closes the room: all members leave it, and play on alone.
    pub fn close(&mut self) {
        let closed = self.request(&RoomRequest::Close);
        debug_assert!(closed.is_ok(), "the application may always close a room");
    }

    fn request(&mut self, request: &RoomRequest) -> Result<RoomAnswer, RoomRefusal> {
        let answer = self.act(|room, crowd, _| room.request(None, request, crowd));
        answer.refusal.map_or(Ok(answer), Err)
    }

    /// Moves the room to another node as soon as it is at rest, whether or not this one is offline. A room that
    /// cannot be moved plays on here.
    pub fn migrate(&mut self) {
        self.room.want_move();
    }

    /// Calls [`Application::room_timer`](super::Application::room_timer) once, after so long. Replaces an earlier
    /// time; survives a move as remaining time.
    pub fn set_timer(&mut self, after: Duration) {
        self.room.set_timer(Some(self.now + after));
    }

    /// The application's own state of the room.
    pub fn game<G: RoomGame>(&self) -> Option<&G> {
        self.room.game()?.as_any().downcast_ref()
    }

    /// The same, to change it. What it has become is stored and moved with the room.
    pub fn game_mut<G: RoomGame>(&mut self) -> Option<&mut G> {
        self.room.game_mut()?.as_any_mut().downcast_mut()
    }

    /// Sets, replaces or removes the application's own state of the room. `Err`: it is over the limit.
    pub fn set_game(&mut self, game: Option<Box<dyn RoomGame>>) -> Result<(), RoomRefusal> {
        self.room.set_game(game)
    }
}
