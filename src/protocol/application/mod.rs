//! What a game's server side is written against: a trait with one hook for each thing that can happen to a
//! session, and the [`Context`] through which a hook answers.
//!
//! Hooks run one at a time for a session, never block and never await: a session is frozen between two
//! hooks, never within one. What must survive a move is user data, the timer, and messages that were sent;
//! anything an application keeps elsewhere stays behind. The server logs a hook that panics, and goes on as if it had
//! returned.
//!
//! A session may be a member of a room ([`Context::room`]). Then all hooks of all members, and of the room, run
//! one at a time.

mod room;

pub use room::RoomContext;

use crate::protocol::company::Company;
use crate::protocol::ids::{Generation, MemberId, SessionId};
use crate::protocol::reasons::{CloseReason, ExitReason, ReplyStatus};
use crate::protocol::room::{GameError, RoomGame};
use crate::protocol::sequence::Full;
use crate::protocol::session::Session;
use crate::protocol::snapshot::Origin;
use crate::protocol::time::Time;
use crate::protocol::wire::{Kind, Message, Value};
use std::ops::Range;
use std::time::Duration;

/// The server side of a game.
pub trait Application: Send + Sync + 'static {
    /// Version of the format of what this application keeps in user data. A session is never moved to a node
    /// with a lower one.
    fn version(&self) -> u32 {
        1
    }

    /// A new session has begun.
    fn connected(&self, _session: &mut Context<'_>) {}

    /// A message has arrived: a plain one, or a request, which wants [`Context::reply`].
    fn message(&self, session: &mut Context<'_>, message: &Message<'_>);

    /// The time set by [`Context::set_timer`] has come.
    fn timer(&self, _session: &mut Context<'_>) {}

    /// The session has ended; what is sent now reaches nobody.
    fn disconnected(&self, _session: &mut Context<'_>, _reason: CloseReason) {}

    /// The session has moved to this node; its user data and timer are as they were.
    fn moved_in(&self, _session: &mut Context<'_>) {}

    /// The session is served by another node now. `user` and `session` name it; there is nothing left to
    /// change.
    fn moved_out(&self, _user: &str, _session: SessionId) {}

    /// The session was restarted here after a crash, from this snapshot or copy.
    /// [`Context::generation`] counts these. What is gone is known once the client is back:
    /// [`lost`](Self::lost).
    fn took_over(&self, _session: &mut Context<'_>, _from: Origin) {}

    /// A room has been made on this node; nobody is in it yet.
    fn room_created(&self, _room: &mut RoomContext<'_>) {}

    /// Whether this user may join the room. There is a place already; `false`: the user hears
    /// [`RoomRefusal::Rejected`](crate::protocol::reasons::RoomRefusal::Rejected).
    fn room_admits(&self, _room: &mut RoomContext<'_>, _user: &str) -> bool {
        true
    }

    /// Somebody has joined, and everybody has been told.
    fn room_joined(&self, _room: &mut RoomContext<'_>, _member: MemberId) {}

    /// Somebody is no member any more, and everybody has been told. Not called for the members of a room that
    /// is lost to another node: there nothing has changed.
    fn room_left(&self, _room: &mut RoomContext<'_>, _member: MemberId, _reason: ExitReason) {}

    /// The time set by [`RoomContext::set_timer`] has come.
    fn room_timer(&self, _room: &mut RoomContext<'_>) {}

    /// The room has moved to this node with all its members, after [`moved_in`](Self::moved_in) for each of them.
    fn room_moved_in(&self, _room: &mut RoomContext<'_>) {}

    /// The room was restarted here after a crash, from this snapshot or copy; [`took_over`](Self::took_over) has
    /// been called for each member.
    fn room_took_over(&self, _room: &mut RoomContext<'_>, _from: Origin) {}

    /// The room has ended, and nobody is in it any more.
    fn room_closed(&self, _room: &mut RoomContext<'_>) {}

    /// Makes the game's own state of a room from the bytes that [`RoomGame::snapshot`] gave.
    fn restore_room(&self, _snapshot: &[u8]) -> Result<Box<dyn RoomGame>, GameError> {
        Err(GameError { reason: "this application keeps no state of its own for rooms".into() })
    }

    /// The client is back after a restart, and messages are gone with the node that crashed. Not called when
    /// none are.
    fn lost(&self, _session: &mut Context<'_>, _lost: &Lost) {}
}

/// Messages that a restart has undone, as ranges of their numbers in each direction (promise 7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Messages of the client that had been acknowledged, and whose effects are gone. The client is told the
    /// same range.
    pub uplink: Range<u64>,
    /// Messages that the client has received, and that what it was restarted from knows nothing of.
    pub downlink: Range<u64>,
}

impl Lost {
    /// Whether nothing is lost.
    pub fn is_empty(&self) -> bool {
        self.uplink.is_empty() && self.downlink.is_empty()
    }
}

/// One session, as a hook sees it.
#[derive(Debug)]
pub struct Context<'a> {
    pub(in crate::protocol) session: &'a mut Session,
    pub(in crate::protocol) company: Company<'a>,
    pub(in crate::protocol) now: Time,
}

impl Context<'_> {
    /// Which session this is.
    pub fn session(&self) -> SessionId {
        self.session.id()
    }

    /// Who it belongs to, as the game's backend named them.
    pub fn user(&self) -> &str {
        self.session.user()
    }

    /// How often the session was restarted after a crash.
    pub fn generation(&self) -> Generation {
        self.session.generation()
    }

    /// The time of this call; runs on one clock for the life of the node.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Sends a reliable message. `Full`: the client reads too slowly, and the message was not taken. There
    /// is always room for one message within [`Application::message`].
    pub fn send(&mut self, ver: u8, cmd: u16, payload: &[u8]) -> Result<(), Full> {
        self.session.send(&Message { kind: Kind::Plain, ver, cmd, payload })
    }

    /// Answers a request.
    pub fn reply(&mut self, request: &Message<'_>, status: ReplyStatus, payload: &[u8]) -> Result<(), Full> {
        let Kind::Request(id) = request.kind else { return Ok(()) };
        let (ver, cmd) = (request.ver, request.cmd);
        self.session.send(&Message { kind: Kind::Reply(id, status), ver, cmd, payload })
    }

    /// Sends an unreliable message: in a datagram where the transport has them and it fits, else reliably.
    pub fn send_unreliable(&mut self, ver: u8, cmd: u16, payload: &[u8]) -> Result<(), Full> {
        self.session.send_unreliable(ver, cmd, payload)
    }

    /// A value of the user's data.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.session.data().get(key)
    }

    /// Stores a value. `Err`: the user's data would grow over its limit, and nothing was changed.
    pub fn set(&mut self, key: &str, value: Value) -> Result<(), DataFull> {
        self.session.set(key, value)
    }

    /// Deletes a value and gives it back.
    pub fn delete(&mut self, key: &str) -> Option<Value> {
        self.session.delete(key)
    }

    /// All of the user's data, in the order of its keys.
    pub fn list(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.session.data().iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Calls [`Application::timer`] once, after so long. Replaces an earlier time; survives a move as
    /// remaining time.
    pub fn set_timer(&mut self, after: Duration) {
        self.session.set_timer(Some(self.now + after));
    }

    /// The room that the session is a member of.
    pub fn room(&mut self) -> Option<RoomContext<'_>> {
        let session = self.session.id();
        let Company { room, before, after, .. } = &mut self.company;
        let room = room.as_deref_mut().filter(|room| room.member_of(session).is_some())?;
        Some(RoomContext { room, session: Some(self.session), before, after, now: self.now })
    }

    /// Ends the session.
    pub fn close(&mut self, reason: CloseReason) {
        self.session.close(reason);
    }
}

/// The user's data would grow over its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("user data would grow over its limit of {limit} bytes")]
pub struct DataFull {
    /// The limit.
    pub limit: usize,
}
