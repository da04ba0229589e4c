//! Rooms: players who play together, and move together. A [`Room`] is what a node keeps of one: it decides who is
//! in it and what its members get, and leaves the sending to a [`Post`]. It stores nothing and reads no clock.
//!
//! **Order.** Every member gets what is meant for it in the order in which the room took it: broadcasts, messages
//! to some, and news stand in one order that is the same for all. Broadcasts of one interval wait to go out
//! together, and nothing passes what waits: a message or news for everybody sends what waits first, and a message
//! for a few sends what waits to these few first; the others still get it with the interval. Only the synchronised
//! state is outside of this order, for only its latest values count: they go out with the interval, ahead of the
//! broadcasts that waited as long, and never later than news of a member who comes or goes.
//!
//! **Prefix.** What a member has got is always a beginning of what was meant for it. Whoever's buffer is full gets
//! nothing more, and has to go ([`Room::take_leaving`]).

mod copy;
mod game;
mod listing;
mod members;
mod merge;
mod preload;
mod properties;
mod requests;
mod restart;
mod state;
mod sync;
pub mod wire;

#[cfg(test)]
mod tests;

pub use copy::{GamePiece, RoomPiece};
pub use game::{GameError, GameState, RoomGame};
pub use listing::Listing;
pub use preload::RoomPreload;
pub use state::{MemberState, RoomState, SyncChange, SyncEntry};

use crate::protocol::ids::{CohortId, MemberId, SessionId};
use crate::protocol::limits;
use crate::protocol::reasons::RoomRefusal;
use crate::protocol::sequence::Full;
use crate::protocol::time::Time;
use crate::protocol::wire::{Kind, Message, Value};
use copy::Copying;
use game::Game;
use members::Members;
use merge::Merge;
use properties::Properties;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use sync::SyncMap;
use wire::{RoomNews, RoomOptions};

/// What a node allows its rooms.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoomSettings {
    /// See [`limits::ROOM_MEMBERS_MAX`].
    pub members_max: u32,
    /// See [`limits::ROOM_PROPERTY_BYTES_MAX`].
    pub property_bytes_max: u32,
    /// See [`limits::ROOM_STATE_BYTES_MAX`].
    pub state_bytes_max: u64,
    /// See [`limits::ROOM_SYNC_BYTES_MAX`].
    pub sync_bytes_max: u32,
    /// See [`limits::ROOM_MERGED_BYTES_MAX`].
    pub merged_bytes_max: u32,
}

impl Default for RoomSettings {
    fn default() -> Self {
        Self {
            members_max: limits::ROOM_MEMBERS_MAX,
            property_bytes_max: limits::ROOM_PROPERTY_BYTES_MAX,
            state_bytes_max: limits::ROOM_STATE_BYTES_MAX,
            sync_bytes_max: limits::ROOM_SYNC_BYTES_MAX,
            merged_bytes_max: limits::ROOM_MERGED_BYTES_MAX,
        }
    }
}

/// Takes what a room sends to the sessions of its members.
pub trait Post {
    /// Sends a message to a member's session. `Full`: its buffer is full, nothing was taken.
    fn post(&mut self, to: SessionId, message: &Message<'_>) -> Result<(), Full>;
    /// The same for the last thing that a session hears of its room: it is always taken.
    fn post_last(&mut self, to: SessionId, message: &Message<'_>);
}

/// One room.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Room {
    id: CohortId,
    /// Without the first properties: those have become `properties`.
    options: RoomOptions,
    settings: Arc<RoomSettings>,
    members: Members,
    owner: Option<MemberId>,
    /// Places of those whose joining is being stored, and who they are.
    held: BTreeMap<SessionId, String>,
    /// Users who always have a place, whether they are in the room or not.
    reserved: BTreeSet<String>,
    properties: Properties,
    sync: SyncMap,
    merge: Merge,
    /// When what waits in `merge` and `sync` goes out; unset while nothing does.
    flush_at: Option<Time>,
    /// When the time to live is over of a room that is empty.
    expires_at: Option<Time>,
    closing: bool,
    timer: Option<Time>,
    migrate: Option<(MemberId, u64)>,
    game: Game,
    copying: Option<Copying>,
    unsaved: bool,
    /// What others find it by may have changed.
    relist: bool,
    /// The server application wants it to be moved.
    wants_move: bool,
}

impl Room {
    /// A room that nobody is in yet.
    pub fn new(
        id: CohortId,
        mut options: RoomOptions,
        settings: Arc<RoomSettings>,
        now: Time,
    ) -> Result<Self, RoomRefusal> {
        let members = limits::ROOM_MEMBERS_MIN..=settings.members_max;
        if !members.contains(&options.members_max)
            || options.interval() > limits::ROOM_INTERVAL_MAX
            || options.ttl() > limits::ROOM_TTL_MAX
        {
            return Err(RoomRefusal::Invalid);
        }
        let mut properties = Properties::default();
        for (key, value) in std::mem::take(&mut options.properties) {
            properties.check(&key, &value, 0, &settings)?;
            properties.set(&key, Arc::new(value));
        }
        let mut room = Self {
            id,
            options,
            settings,
            members: Members::default(),
            owner: None,
            held: BTreeMap::new(),
            reserved: BTreeSet::new(),
            properties,
            sync: SyncMap::default(),
            merge: Merge::default(),
            flush_at: None,
            expires_at: None,
            closing: false,
            timer: None,
            migrate: None,
            game: Game::default(),
            copying: None,
            unsaved: true,
            relist: true,
            wants_move: false,
        };
        room.begin_time_to_live(now);
        Ok(room)
    }

    /// Which room this is.
    pub fn id(&self) -> CohortId {
        self.id
    }

    /// How it was made, without the first properties: see [`properties`](Self::properties).
    pub fn options(&self) -> &RoomOptions {
        &self.options
    }

    /// Who owns it; `None`: it is empty.
    pub fn owner(&self) -> Option<MemberId> {
        self.owner
    }

    /// Everybody in it, in the order of their numbers.
    pub fn members(&self) -> impl ExactSizeIterator<Item = (MemberId, SessionId, &str)> {
        self.members.iter().map(|member| (member.id, member.session, member.user.as_str()))
    }

    /// The member that this session is.
    pub fn member_of(&self, session: SessionId) -> Option<MemberId> {
        self.members.of_session(session)
    }

    /// The session of this member.
    pub fn session_of(&self, member: MemberId) -> Option<SessionId> {
        self.members.get(member).map(|member| member.session)
    }

    /// How many are in it.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it takes nobody any more, and is gone once it is empty: it was closed, its time to live is over, or
    /// its last member has left.
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// A property.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.properties.get(key)
    }

    /// All properties, in the order of their keys.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.properties.iter().map(|(key, value)| (key.as_str(), value.as_ref()))
    }

    /// What its properties and the game's state take.
    pub fn state_bytes(&self) -> usize {
        self.properties.bytes() + self.game.bytes()
    }

    /// Sets the server application's timer; it survives a move as remaining time.
    pub fn set_timer(&mut self, at: Option<Time>) {
        self.timer = at;
        self.unsaved = true;
    }

    /// The server application's timer. It is not part of [`poll_timeout`](Self::poll_timeout).
    pub fn timer(&self) -> Option<Time> {
        self.timer
    }

    /// Whether the timer is due; then it is unset.
    pub fn take_due_timer(&mut self, now: Time) -> bool {
        let due = self.timer.is_some_and(|at| at <= now);
        if due {
            self.set_timer(None);
        }
        due
    }

    /// The owner's request to move the room, which is answered where it is afterwards: who asked, and the
    /// request's number.
    pub fn pending_migrate(&self) -> Option<(MemberId, u64)> {
        self.migrate
    }

    /// Notes that request, or that it is answered.
    pub fn set_pending_migrate(&mut self, request: Option<(MemberId, u64)>) {
        self.migrate = request;
        self.unsaved = true;
    }

    /// Whether something has changed since this was last asked, so that the last snapshot is out of date.
    pub fn take_unsaved(&mut self) -> bool {
        std::mem::take(&mut self.unsaved)
    }

    /// The same without taking note.
    pub fn is_unsaved(&self) -> bool {
        self.unsaved
    }

    /// Whether its [`listing`](Self::listing) may have changed since this was last asked.
    pub fn take_relist(&mut self) -> bool {
        std::mem::take(&mut self.relist)
    }

    /// Whether members have been told something since this was last asked.
    pub(in crate::protocol) fn take_said(&mut self) -> bool {
        std::mem::take(&mut self.members.told.0)
    }

    /// It is to be moved as soon as it is at rest. A wish of this node's application: it does not move along.
    pub fn want_move(&mut self) {
        self.wants_move = true;
    }

    /// Whether that was wanted since this was last asked.
    pub fn take_wants_move(&mut self) -> bool {
        std::mem::take(&mut self.wants_move)
    }

    /// It is `now`: what waited for this time goes out, or ends.
    pub fn on_timeout(&mut self, post: &mut dyn Post, now: Time) {
        if self.flush_at.is_some_and(|at| at <= now) {
            self.flush(post);
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            self.close();
        }
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Time> {
        [self.flush_at, self.expires_at].into_iter().flatten().min()
    }

    /// Sends everything that waits for the end of the interval.
    fn flush(&mut self, post: &mut dyn Post) {
        self.flush_sync(post);
        self.flush_messages(post);
    }

    /// What waits goes out one interval after the first of it came.
    fn flush_later(&mut self, now: Time) {
        self.unsaved = true;
        self.flush_at.get_or_insert(now + self.options.interval());
    }

    fn flushed(&mut self) {
        self.unsaved = true;
        if self.merge.is_empty() && !self.sync.has_changes() {
            self.flush_at = None;
        }
    }

    fn close(&mut self) {
        self.closing = true;
        self.expires_at = None;
        self.unsaved = true;
        self.relist = true;
        self.members.all_leave();
    }

    /// The room has become empty.
    fn begin_time_to_live(&mut self, now: Time) {
        let lives_on = self.options.allow_empty && self.options.ttl_ms > 0;
        self.expires_at = lives_on.then(|| now + self.options.ttl());
    }

    /// Sends this to everybody but one.
    fn tell(&mut self, cmd: u16, payload: &[u8], but: Option<MemberId>, post: &mut dyn Post) {
        self.unsaved |= self.members.tell(&message(cmd, payload), but, post);
    }

    /// Tells everybody but one, behind all that waits.
    fn tell_news(&mut self, news: &RoomNews, but: Option<MemberId>, post: &mut dyn Post) {
        self.flush_messages(post);
        let mut payload = Vec::new();
        news.encode(&mut payload);
        self.tell(wire::NEWS, &payload, but, post);
    }
}

impl RoomOptions {
    const fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms as u64)
    }

    const fn ttl(&self) -> Duration {
        Duration::from_millis(self.ttl_ms)
    }
}

/// A message of a room.
const fn message(cmd: u16, payload: &[u8]) -> Message<'_> {
    Message { kind: Kind::Plain, ver: wire::VER, cmd, payload }
}

/// Whether this may be the key of a property, or of the synchronised state.
const fn is_key(key: &str) -> bool {
    !key.is_empty() && key.len() <= limits::ROOM_KEY_BYTES_MAX
}
