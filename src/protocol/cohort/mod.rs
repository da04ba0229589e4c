//! Everything that one node knows about one cohort: its sessions, its room if it is a room's, and the node's role
//! in its move.
//!
//! A cohort is one lone session, or a room with the sessions of all its members. The driver keeps it under one
//! lock, calls it with what happened, drains [`Cohort::poll_output`] after each call, and decides nothing itself.

#![expect(
    clippy::vec_box,
    clippy::borrowed_box,
    reason = "a seat is large: who joins or leaves moves a pointer for each member, and not each member"
)]

mod arrivals;
mod changes;
mod copying;
mod departures;
mod ending;
mod env;
mod errands;
mod keeping;
mod links;
mod look;
mod owning;
mod parking;
mod probing;
mod publishing;
mod rooms;
mod seat;
mod taking;
#[cfg(any(test, feature = "testing"))]
mod wakes;

#[cfg(any(test, feature = "testing"))]
pub use wakes::Wake;

pub use env::{Env, NodeView};
pub use errands::{ErrandAnswer, RoomAsk};
pub use probing::ProbeReport;
pub use rooms::Entry;
pub use seat::Seat;

use crate::protocol::application::Application;
use crate::protocol::aside::Aside;
use crate::protocol::company::Company;
use crate::protocol::ids::{CohortId, Epoch, Fence, MoveId, NodeId, SessionId};
use crate::protocol::keeper::Keeper;
use crate::protocol::reasons::{CloseReason, MoveFailure};
use crate::protocol::rebind::Rebind;
use crate::protocol::record::{Ask, Versioned};
use crate::protocol::room::{Room, RoomPreload};
use crate::protocol::session::{LinkId, Serving, Session, Settings};
use crate::protocol::snapshot::{Origin, SnapshotAsk};
use crate::protocol::source::{self, Source};
use crate::protocol::takeover::{self, TakeOver};
use crate::protocol::target::{self, Target};
use crate::protocol::time::Time;
use crate::protocol::wire::{Member, MoveMode, Peer, SwitchCause};
use copying::Copying;
use look::Looks;
use probing::Probing;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

/// Whose question to the directory, or to the store of snapshots, it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asker {
    /// The cohort itself: it returns from a fence (rule e).
    Owner,
    /// The source of this move.
    Source(MoveId),
    /// The target of this move.
    Target(MoveId),
    /// A take-over, or a recall.
    TakeOver,
    /// The writer of snapshots.
    Keeper,
    /// The room, about the entry or the snapshot of this member: that key is meant, not the room's.
    Member(SessionId),
}

impl Asker {
    /// Whose entry, or snapshot, a question of this cohort is about.
    pub fn key(self, cohort: CohortId) -> CohortId {
        match self {
            Self::Member(session) => session.into(),
            Self::Owner | Self::Source(_) | Self::Target(_) | Self::TakeOver | Self::Keeper => cohort,
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Send this to another node.
    Peer(NodeId, Peer),
    /// Take an unsent baton of this move back; answered at once by [`Cohort::on_revoked`].
    RevokeBaton(NodeId, MoveId),
    /// Ask the directory; answered by [`Cohort::on_answer`] with the same asker and number.
    Ask(Asker, u64, Ask),
    /// Name a node to move to, not among these; answered by [`Cohort::on_target_picked`], when there is room for
    /// one move more.
    PickTarget(Vec<NodeId>),
    /// The same for a probe of a dry run; answered by [`Cohort::on_probe_target`].
    PickProbed {
        /// Nodes that would not do.
        tried: Vec<NodeId>,
        /// Nodes with an older version of the application would, too.
        any_version: bool,
    },
    /// What has come of a probe.
    Probed(Box<ProbeReport>),
    /// Read all heartbeats, by a leader's read that begins now; answered by [`Cohort::on_leases`] with the same
    /// number.
    ReadLeases(u64),
    /// Ask the store of snapshots; answered by [`Cohort::on_snapshot`] with the same asker and number.
    Snapshot(Asker, u64, SnapshotAsk),
    /// Never accept this move id again (rule c).
    RememberRefusal(MoveId),
    /// Delete the record and the snapshot: the session, or the room, has ended. To be repeated until it is done,
    /// and then answered by [`Cohort::on_forgotten`].
    Forget {
        /// The record.
        held: Versioned,
        /// Whose session it was; `None`: a room.
        user: Option<String>,
    },
    /// Do something about rooms for the lone session here; answered by [`Cohort::on_errand_answer`], or by
    /// [`Cohort::enter`].
    Room(RoomAsk),
    /// This session has left the room, and is a cohort of its own from now on: its links go with it, and then
    /// [`Cohort::begin_alone`] is called.
    Split(Box<Cohort>),
    /// What others find the room by has changed.
    List,
    /// These links belong to a session that is somebody else's: they are to be closed.
    Dismiss(Vec<LinkId>),
    /// Count it.
    Report(Report),
}

/// What an operator may want to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Report {
    /// A session has left for another node.
    MovedOut {
        /// Which move.
        id: MoveId,
    },
    /// A session has arrived and its clients have been told.
    MovedIn {
        /// Which move.
        id: MoveId,
    },
    /// A move came to nothing.
    MoveFailed(MoveFailure),
    /// The cohort has been frozen for its baton; until [`Report::MovedIn`] at the target nobody serves it.
    Froze {
        /// Which move.
        id: MoveId,
    },
    /// The session was restarted here after a crash.
    TookOver(Origin),
    /// The session has ended.
    Closed(CloseReason),
    /// The room has ended; its members play on alone.
    RoomEnded,
    /// No node took the cohort: it waits in the store of snapshots for one that does.
    Parked,
}

/// What the node is to the cohort.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Role {
    /// Nothing (any more).
    Absent,
    /// It owns the cohort, and the record says so.
    Owner(Versioned),
    /// It owns the cohort and is passing it on, or has passed it on and holds the last copy.
    Source(Versioned, Box<Departure>),
    /// It has made room for the cohort, or serves it while the record is being finalised.
    Target(Box<Target>),
    /// It takes the cohort over from a node that is gone, or back.
    Taking(Box<TakeOver>),
    /// The session has ended, and its record is being deleted.
    Ending,
}

/// A move away from here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Departure {
    source: Source,
    /// From the target: addresses for the clients. Their tickets are with the seats.
    prepared: Option<Invitation>,
    /// The move has to end by the drain's deadline and does not wait for the client.
    forced: bool,
    /// The one node that it makes sense to move to.
    destination: Option<NodeId>,
    copying: Copying,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Invitation {
    id: MoveId,
    tcp: Vec<SocketAddr>,
    quic: Vec<SocketAddr>,
}

/// One cohort on one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cohort {
    id: CohortId,
    me: NodeId,
    role: Role,
    /// What it is served at, or was last.
    fence: Fence,
    /// Its sessions, in the order of their numbers.
    seats: Vec<Box<Seat>>,
    room: Option<Box<Room>>,
    /// What has come of a room ahead of the baton ...
    preload: RoomPreload,
    /// ... and how many pieces that were, of the room and of its members.
    pieces: u64,
    /// The lease had run out: the record is to be taken to the next epoch before anything is served (e).
    fenced: bool,
    /// The node stops: what it owns is to wait in the store of snapshots.
    parking: bool,
    owner_asked: u64,
    /// The record is to be taken to this epoch at least: a member comes that has been served at it.
    raise_to: Option<Epoch>,
    /// Attempts of moves away, over the life of this copy (f).
    attempts: u32,
    /// The client, or somebody of the room, wants it to be moved as soon as the record allows it (a).
    wants_move: Option<MoveMode>,
    arrived_at: Option<Time>,
    /// The move here waits for clients no longer than that.
    gather_until: Option<Time>,
    /// A room's move has failed: it is tried again then.
    leave_again_at: Option<Time>,
    /// A dry run looks whether it could be moved; it stays its owner's.
    probing: Option<Box<Probing>>,
    /// Moves that this node refused and whose record it may have to hand back (c).
    refusing: Vec<Target>,
    keeper: Keeper,
    /// Sessions whose entry names this room and that are not in it: their entries are being set free.
    releases: Vec<(SessionId, Rebind)>,
    /// What it was restarted from, until whoever has to know has been told.
    restarted_from: Option<Origin>,
    settings: Arc<Settings>,
    outputs: VecDeque<Output>,
    looks: Aside<Looks>,
}

impl Cohort {
    fn with(id: CohortId, me: NodeId, role: Role, seats: Vec<Box<Seat>>, settings: Arc<Settings>) -> Self {
        Self {
            id,
            me,
            role,
            fence: Fence::default(),
            seats,
            room: None,
            preload: RoomPreload::default(),
            pieces: 0,
            fenced: false,
            parking: false,
            owner_asked: 0,
            raise_to: None,
            attempts: 0,
            wants_move: None,
            arrived_at: None,
            gather_until: None,
            leave_again_at: None,
            probing: None,
            refusing: Vec::new(),
            keeper: Keeper::new(),
            releases: Vec::new(),
            restarted_from: None,
            settings,
            outputs: VecDeque::new(),
            looks: Aside::default(),
        }
    }

    /// A new session, whose record this node has just created.
    pub fn begin(
        session: SessionId,
        user: String,
        client_key: [u8; 32],
        held: Versioned,
        settings: Arc<Settings>,
    ) -> Self {
        let session = Session::new(session, user, client_key, held.record.fence(), settings.clone());
        Self { keeper: Keeper::of_new(), ..Self::alone(session, held, settings) }
    }

    fn alone(session: Session, held: Versioned, settings: Arc<Settings>) -> Self {
        let (id, me) = (session.id().into(), held.record.owner);
        let seats = vec![Box::new(Seat::new(session))];
        Self { fence: held.record.fence(), ..Self::with(id, me, Role::Owner(held), seats, settings) }
    }

    /// A cohort that this node knows nothing of, to be [taken over](Self::take_over).
    pub fn unknown(id: CohortId, me: NodeId, settings: Arc<Settings>) -> Self {
        Self::with(id, me, Role::Absent, Vec::new(), settings)
    }

    /// A cohort that another node asks this one to make room for.
    pub fn expect(id: MoveId, members: &[Member], settings: Arc<Settings>) -> Self {
        let mut cohort = Self::with(id.cohort, id.target, Role::Absent, Vec::new(), settings);
        cohort.begin_anew(members);
        cohort
    }

    /// Which cohort.
    pub fn id(&self) -> CohortId {
        self.id
    }

    /// Its session, or the first of a room's.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[cfg(any(test, feature = "testing"))]
    pub fn session(&self) -> &Session {
        &self.seats.first().expect("a cohort without a session").session
    }

    /// Whether one of its sessions is this one.
    pub fn holds(&self, session: SessionId) -> bool {
        self.seat_of(session).is_some()
    }

    /// The links of one of its sessions.
    pub fn links_of(&self, session: SessionId) -> Vec<LinkId> {
        let seat = self.seat_of(session).map(|index| &self.seats[index]);
        seat.map_or_else(Vec::new, |seat| seat.session.link_ids().collect())
    }

    /// What a session of it is served at, at this moment, lease permitting: not while it joins or leaves.
    #[cfg(any(test, feature = "testing"))]
    pub fn serves(&self, session: &Session) -> Option<Fence> {
        let seat = &self.seats[self.seat_of(session.id())?];
        let served = self.is_served() && !seat.is_changing() && session.closed().is_none();
        served.then(|| session.fence())
    }

    /// What it is served at, or was last.
    #[cfg(any(test, feature = "testing"))]
    pub fn fence(&self) -> Fence {
        self.served_fence()
    }

    /// Its sessions.
    pub fn sessions(&self) -> impl ExactSizeIterator<Item = &Session> {
        self.seats.iter().map(|seat| &seat.session)
    }

    /// The room, if it is a room's.
    pub fn room(&self) -> Option<&Room> {
        self.room.as_deref()
    }

    fn seat_of(&self, session: SessionId) -> Option<usize> {
        self.seats.binary_search_by_key(&session, |seat| seat.id()).ok()
    }

    /// Whether one of its sessions holds this link.
    pub fn has_link(&self, link: LinkId) -> bool {
        self.seat_of_link(link).is_some()
    }

    /// A seat, and who is around it.
    fn at<'a>(
        &'a mut self,
        index: usize,
        application: &'a dyn Application,
    ) -> Option<(&'a mut Seat, Company<'a>)> {
        let (before, rest) = self.seats.split_at_mut_checked(index)?;
        let (seat, after) = rest.split_first_mut()?;
        let room = self.room.as_deref_mut();
        Some((seat, Company { application, room, before, after }))
    }

    /// Whether this node has nothing to do with it any more, and it can be dropped.
    pub fn is_gone(&self) -> bool {
        matches!(self.role, Role::Absent) && self.refusing.is_empty() && self.outputs.is_empty()
    }

    /// Whether the node is responsible for it: it counts for "empty", and its copy must not be lost.
    pub fn is_held(&self) -> bool {
        match &self.role {
            Role::Absent | Role::Ending => false,
            Role::Owner(_) | Role::Source(..) => true,
            Role::Target(target) => target.serves(),
            Role::Taking(take_over) => take_over.has_copy(),
        }
    }

    /// Whether it is served here at this moment, lease permitting.
    pub fn is_served(&self) -> bool {
        !self.fenced
            && match &self.role {
                Role::Absent | Role::Taking(_) | Role::Ending => false,
                Role::Owner(_) => !self.parking && !self.is_confirming(),
                Role::Source(_, departure) => departure.source.serves(),
                Role::Target(target) => target.serves(),
            }
    }

    /// Whether a move away from here is under way.
    pub fn is_leaving(&self) -> bool {
        matches!(self.role, Role::Source(..))
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front()?;
        self.concerns_all(); // what comes of it
        Some(output)
    }

    /// Whether a session is served: not while it joins or leaves a room.
    fn serving_at<'a>(&self, index: usize, env: &Env<'a>) -> Serving<'a> {
        let settled = self.seats.get(index).is_some_and(|seat| !seat.is_changing());
        Serving { permit: env.permit, unfrozen: self.is_served() && settled }
    }

    fn record_fence(&self) -> Option<Fence> {
        match &self.role {
            Role::Owner(held) | Role::Source(held, _) => Some(held.record.fence()),
            Role::Absent | Role::Target(_) | Role::Taking(_) | Role::Ending => None,
        }
    }

    fn epoch(&self) -> Epoch {
        self.record_fence().map_or(Epoch::default(), |fence| fence.epoch)
    }

    /// What a session of this cohort is served at: in a room the binding is its own.
    fn fence_of(&self, session: &Session, fence: Fence) -> Fence {
        match self.room {
            Some(_) => Fence { binding: session.fence().binding, ..fence },
            None => fence,
        }
    }

    /// Serves all links at this fence from here on.
    fn open_links(&mut self, cause: SwitchCause, fence: Fence, env: &Env<'_>) {
        self.fence = fence;
        for index in 0..self.seats.len() {
            self.open_links_at(index, cause, fence, env);
        }
    }

    fn open_links_at(&mut self, index: usize, cause: SwitchCause, fence: Fence, env: &Env<'_>) {
        let Some(seat) = self.seats.get(index) else { return };
        if seat.is_changing() {
            return; // what it is served at is known when it has joined, or left
        }
        let session = &seat.session;
        let token = env.node.resume_token(session.id(), session.client_key());
        let fence = self.fence_of(session, fence);
        self.seats[index].session.open_links(cause, fence, &token);
        self.tell_nodes_at(index, env);
    }

    /// After every call: processes what waited, and does what has become possible.
    fn settle(&mut self, env: &Env<'_>) {
        self.concerns_all();
        for index in 0..self.seats.len() {
            self.catch_up(index, env);
        }
        self.see_to_room(env);
        let mut index = 0;
        while let Some(seat) = self.seats.get(index) {
            let id = seat.id();
            self.see_to_seat(index, env);
            // It may have left.
            index += usize::from(self.seats.get(index).is_some_and(|seat| seat.id() == id));
        }
        self.see_to_probe(env);
        self.keep(env);
    }

    /// The same when something happened to one session only.
    fn settle_one(&mut self, index: usize, env: &Env<'_>) {
        self.concerns_all();
        self.catch_up(index, env);
        let id = self.seats.get(index).map(|seat| seat.id());
        self.see_to_room(env);
        if let Some(index) = id.and_then(|id| self.seat_of(id)) {
            self.see_to_seat(index, env);
        }
        self.see_to_probe(env);
        self.keep(env);
    }

    fn catch_up(&mut self, index: usize, env: &Env<'_>) {
        let serving = self.serving_at(index, env);
        if let Some((seat, mut company)) = self.at(index, env.application) {
            seat.session.catch_up(serving, &mut company, env.now);
        }
    }

    fn see_to_seat(&mut self, index: usize, env: &Env<'_>) {
        let Some(seat) = self.seats.get(index) else { return };
        match seat.session.closed() {
            Some(reason) => self.on_session_closed(index, reason, env),
            None => self.run_errand(index, env),
        }
    }

    /// Does what is due.
    pub fn on_timeout(&mut self, env: &Env<'_>) {
        match &mut self.role {
            Role::Source(_, departure) => {
                departure.source.handle(source::Input::Timeout, env.now);
                self.drain_source(env);
            }
            Role::Target(target) => {
                target.handle(target::Input::Timeout, env.now);
                self.drain_target(env);
            }
            Role::Taking(take_over) => {
                if take_over.poll_timeout().is_some_and(|(at, _)| at <= env.now) {
                    self.take_over_input(takeover::Input::Timeout, env);
                }
            }
            Role::Owner(_) => self.on_probe_timeout(env),
            Role::Absent | Role::Ending => {}
        }
        for target in &mut self.refusing {
            target.handle(target::Input::Timeout, env.now);
        }
        self.drain_refusing();
        // The role first: what was due while the cohort was frozen is due when it goes on.
        self.on_gather_timeout(env);
        self.on_changes_timeout(env);
        for index in 0..self.seats.len() {
            let serving = self.serving_at(index, env);
            if let Some((seat, mut company)) = self.at(index, env.application) {
                seat.session.on_timeout(serving, &mut company, env.now);
            }
        }
        self.on_room_timeout(env);
        self.settle(env);
    }
}
