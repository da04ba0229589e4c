//! Everything that one node knows about one cohort: its sessions, its room if it is a room's, and the node's role
//! in its move.
//!
//! A cohort is one lone session, or a room with the sessions of all its members. The driver keeps it under one
//! lock, calls it with what happened, drains [`Cohort::poll_output`] after each call, and decides nothing itself.

mod arrivals;
mod changes;
mod copying;
mod departures;
mod errands;
mod keeping;
mod links;
mod rooms;
mod seat;
mod taking;
#[cfg(any(test, feature = "testing"))]
mod wakes;

#[cfg(any(test, feature = "testing"))]
pub use wakes::Wake;

pub use errands::{ErrandAnswer, RoomAsk};
pub use rooms::Entry;
pub use seat::Seat;

use crate::protocol::application::Application;
use crate::protocol::company::Company;
use crate::protocol::ids::{CohortId, Epoch, Fence, MoveId, NodeId, SessionId};
use crate::protocol::keeper::Keeper;
use crate::protocol::lease::ServePermit;
use crate::protocol::reasons::{CloseReason, MoveFailure, OfflineReason, TargetRefusal};
use crate::protocol::record::{Answer, Ask, CasAnswer, OwnerPhase, ReadAnswer, Record, Versioned};
use crate::protocol::room::{Room, RoomPreload};
use crate::protocol::session::{LinkId, Serving, Session, Settings};
use crate::protocol::snapshot::{Origin, SnapshotAsk};
use crate::protocol::source::{self, Source, Timing};
use crate::protocol::takeover::{self, TakeOver};
use crate::protocol::target::{self, Target};
use crate::protocol::time::Time;
use crate::protocol::wire::{Downlink, Member, MoveMode, Peer, SwitchCause};
use copying::Copying;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

/// What a node is at the moment of a call, and what it lends to its cohorts.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// The time.
    pub now: Time,
    /// The lease, if it holds.
    pub permit: Option<ServePermit<'a>>,
    /// The game.
    pub application: &'a dyn Application,
    /// The node.
    pub node: &'a dyn NodeView,
}

/// What a cohort asks of its node.
pub trait NodeView {
    /// Its incarnation.
    fn id(&self) -> NodeId;
    /// Times of a move.
    fn timing(&self) -> Timing;
    /// Where clients reach it by TCP, and by QUIC.
    fn addresses(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>);
    /// If it is going offline: why, and when what is left is moved without asking.
    fn going_offline(&self) -> Option<(OfflineReason, Time)>;
    /// If it is going offline: when rooms are moved that nobody has moved by then.
    fn rooms_leave_at(&self) -> Option<Time> {
        self.going_offline().map(|(_, deadline)| deadline)
    }
    /// Whether sessions may be moved to a node with an older version of the application: an operator has said
    /// so, for a roll-back.
    fn allows_older(&self) -> bool {
        false
    }
    /// Lets the holder of `client_key` in, here, for this move only.
    fn ticket(&self, id: MoveId, session: SessionId, client_key: &[u8; 32]) -> Vec<u8>;
    /// Lets the holder of `client_key` resume, at any node.
    fn resume_token(&self, session: SessionId, client_key: &[u8; 32]) -> Vec<u8>;
}

impl std::fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env").field("now", &self.now).field("permit", &self.permit.is_some()).finish()
    }
}

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
    /// Moves that this node refused and whose record it may have to hand back (c).
    refusing: Vec<Target>,
    keeper: Keeper,
    /// What it was restarted from, until whoever has to know has been told.
    restarted_from: Option<Origin>,
    settings: Arc<Settings>,
    outputs: VecDeque<Output>,
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
            owner_asked: 0,
            raise_to: None,
            attempts: 0,
            wants_move: None,
            arrived_at: None,
            gather_until: None,
            leave_again_at: None,
            refusing: Vec::new(),
            keeper: Keeper::new(),
            restarted_from: None,
            settings,
            outputs: VecDeque::new(),
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

    fn seat_of_link(&self, link: LinkId) -> Option<usize> {
        self.seats.iter().position(|seat| seat.session.has_link(link))
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
                Role::Owner(_) => !self.is_confirming(),
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
        self.outputs.pop_front()
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
    }

    /// After every call: processes what waited, and does what has become possible.
    fn settle(&mut self, env: &Env<'_>) {
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
        self.keep(env);
    }

    /// The same when something happened to one session only.
    fn settle_one(&mut self, index: usize, env: &Env<'_>) {
        self.catch_up(index, env);
        let id = self.seats.get(index).map(|seat| seat.id());
        self.see_to_room(env);
        if let Some(index) = id.and_then(|id| self.seat_of(id)) {
            self.see_to_seat(index, env);
        }
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

    fn on_session_closed(&mut self, index: usize, reason: CloseReason, env: &Env<'_>) {
        if self.room.is_some() {
            return self.take_out(index, env);
        }
        if let Role::Source(_, departure) = &mut self.role
            && departure.source.serves()
        {
            departure.source.handle(source::Input::Cancel(MoveFailure::Cancelled), env.now);
            self.drain_source(env);
        }
        // While a baton may be out, the record decides who owns the session, and with it who may end it.
        let Role::Owner(held) = self.role else { return };
        if let Some((seat, mut company)) = self.at(index, env.application) {
            company.disconnected(&mut seat.session, reason, env.now);
        }
        self.forget(held, reason);
    }

    fn forget(&mut self, held: Versioned, reason: CloseReason) {
        self.role = Role::Ending;
        let report = if self.room.is_some() { Report::RoomEnded } else { Report::Closed(reason) };
        let lone = if self.room.is_none() { self.seats.first() } else { None };
        let user = lone.map(|seat| seat.session.user().to_owned());
        self.outputs.push_back(Output::Forget { held, user });
        self.outputs.push_back(Output::Report(report));
    }

    /// The record is deleted.
    pub fn on_forgotten(&mut self) {
        if let Role::Ending = self.role {
            self.role = Role::Absent;
        }
    }

    /// Ends a session.
    pub fn close(&mut self, session: SessionId, reason: CloseReason, env: &Env<'_>) {
        if let Some(index) = self.seat_of(session) {
            self.seats[index].session.close(reason);
            self.settle_one(index, env);
        }
    }

    /// Ends all its sessions.
    pub fn close_all(&mut self, reason: CloseReason, env: &Env<'_>) {
        for seat in &mut self.seats {
            seat.session.close(reason);
        }
        self.settle(env);
    }

    /// The node has lost its lease: what is held stays frozen, what is not served yet is refused (e).
    pub fn on_fenced(&mut self, env: &Env<'_>) {
        match &mut self.role {
            Role::Absent | Role::Ending => {}
            Role::Taking(_) => self.take_over_input(takeover::Input::Fenced, env),
            Role::Owner(_) => {
                self.fenced = true;
                // What was asked to return from an earlier fence does not end this one.
                self.owner_asked += 1;
                self.outlive_changes();
            }
            Role::Source(_, departure) => {
                self.fenced = true;
                let reason = MoveFailure::EngineUnavailable;
                departure.source.handle(source::Input::Cancel(reason), env.now);
                self.drain_source(env);
            }
            Role::Target(target) => {
                self.fenced = target.serves();
                target.handle(target::Input::Drop(TargetRefusal::Fenced), env.now);
                self.drain_target(env);
            }
        }
    }

    /// The lease is renewed: takes what is held to the next epoch, and goes on, nothing lost (e). A move
    /// under way settles first, by its own rules, and is followed by the same.
    pub fn on_unfenced(&mut self, env: &Env<'_>) {
        match self.role {
            Role::Owner(_) if self.fenced || self.raise_to.is_some() => self.ask_as_owner(Ask::Read),
            Role::Taking(_) => self.recall_again(env),
            Role::Absent | Role::Owner(_) | Role::Source(..) | Role::Target(_) | Role::Ending => {}
        }
    }

    /// The record names this node; if the lease had run out meanwhile, that alone entitles to nothing (e).
    fn own(&mut self, held: Versioned, env: &Env<'_>) {
        self.role = Role::Owner(held);
        if self.fenced && env.permit.is_some() {
            self.ask_as_owner(Ask::Read);
        }
    }

    fn ask_as_owner(&mut self, ask: Ask) {
        self.owner_asked += 1;
        self.outputs.push_back(Output::Ask(Asker::Owner, self.owner_asked, ask));
    }

    /// The directory has answered.
    pub fn on_answer(&mut self, asker: Asker, number: u64, answer: Answer, env: &Env<'_>) {
        match asker {
            Asker::Owner if number == self.owner_asked => self.on_owner_answer(answer, env),
            Asker::Owner => {}
            // The numbers of another move's questions were counted by another source.
            Asker::Source(id) if self.departs_by(id) => {
                self.source_input(source::Input::Answer(number, answer), env);
            }
            Asker::Source(_) => {}
            Asker::Target(id) => self.target_input(id, target::Input::Answer(number, answer), env),
            Asker::TakeOver => self.take_over_input(takeover::Input::Answer(number, answer), env),
            Asker::Keeper => {}
            Asker::Member(session) => self.on_member_answer(session, number, answer, env),
        }
        self.settle(env);
    }

    fn departs_by(&self, id: MoveId) -> bool {
        match &self.role {
            Role::Source(_, departure) => departure.source.id() == id,
            Role::Absent | Role::Owner(_) | Role::Target(_) | Role::Taking(_) | Role::Ending => false,
        }
    }

    fn on_owner_answer(&mut self, answer: Answer, env: &Env<'_>) {
        let Role::Owner(held) = self.role else { return };
        let next = self.raised(held.record);
        match answer {
            Answer::Read(ReadAnswer::Read(Some(found))) | Answer::Cas(CasAnswer::Lost(Some(found))) => {
                if found.record == next {
                    // An own write has landed, at some time. Others may have read it since, and seen the lease
                    // run out once more: only what is written under this lease fences them off.
                    self.role = Role::Owner(found);
                    let record = self.raised(next);
                    self.ask_as_owner(Ask::Cas { expected: found.revision, record });
                } else if found.record == held.record {
                    self.ask_as_owner(Ask::Cas { expected: found.revision, record: next });
                } else {
                    self.lose(Some(found.record), env);
                }
            }
            Answer::Cas(CasAnswer::Won(revision)) => {
                self.return_from_fence(Versioned { revision, record: next }, env);
            }
            Answer::Read(ReadAnswer::Read(None)) | Answer::Cas(CasAnswer::Lost(None)) => self.lose(None, env),
            Answer::Read(ReadAnswer::Failed) | Answer::Cas(CasAnswer::Unknown) => {
                self.ask_as_owner(Ask::Read);
            }
        }
    }

    /// This record at the next epoch, or at the one that a new member needs.
    fn raised(&self, record: Record) -> Record {
        let next = record.passed_to(self.me, OwnerPhase::Serving);
        Record { epoch: next.epoch.max(self.raise_to.unwrap_or_default()), ..next }
    }

    /// A member comes that has been served at this epoch: the room goes on at it, too.
    fn raise(&mut self, epoch: Epoch) {
        let Role::Owner(held) = self.role else { return };
        if epoch <= held.record.epoch || self.raise_to >= Some(epoch) {
            return;
        }
        self.raise_to = Some(epoch);
        let record = self.raised(held.record);
        self.ask_as_owner(Ask::Cas { expected: held.revision, record });
    }

    fn return_from_fence(&mut self, held: Versioned, env: &Env<'_>) {
        self.role = Role::Owner(held);
        self.fenced = false;
        self.raise_to = None;
        if self.is_confirming() {
            return self.on_changes_timeout(env); // they are served when all of them have been confirmed
        }
        self.open_links(SwitchCause::Resumed, held.record.fence(), env);
        self.on_changes_timeout(env);
        self.tell_offline_again(env);
    }

    /// The directory names somebody else: serves nothing from here on, and sends the clients on their way.
    fn lose(&mut self, record: Option<Record>, env: &Env<'_>) {
        self.role = Role::Absent;
        for seat in &mut self.seats {
            if let Some(record) = record {
                seat.session.control(&Downlink::Moved { cohort: self.id, epoch: record.epoch });
            }
            seat.session.drop_links(CloseReason::Moved);
            env.application.moved_out(seat.session.user(), seat.id());
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
            Role::Absent | Role::Owner(_) | Role::Ending => {}
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

    /// When [`on_timeout`](Self::on_timeout) has something to do next.
    pub fn poll_timeout(&self, env: &Env<'_>) -> Option<Time> {
        let role = match &self.role {
            Role::Source(_, departure) => departure.source.poll_timeout().map(|(at, _)| at),
            Role::Target(target) => target.poll_timeout().map(|(at, _)| at),
            Role::Taking(take_over) => take_over.poll_timeout().map(|(at, _)| at),
            Role::Absent | Role::Owner(_) | Role::Ending => None,
        };
        let refusing = self.refusing.iter().filter_map(Target::poll_timeout).map(|(at, _)| at).min();
        let of_seat = |(index, seat): (usize, &Box<Seat>)| {
            let session = seat.session.poll_timeout(self.serving_at(index, env));
            let change = seat.poll_change().filter(|_| self.may_write_entries(env));
            [session, change, self.poll_errand(seat)].into_iter().flatten().min()
        };
        let seats = self.seats.iter().enumerate().filter_map(of_seat).min();
        let room = self.poll_room(env);
        [seats, role, refusing, room, self.gather_until, self.keep_at(env)].into_iter().flatten().min()
    }

    /// Links that have something new to write.
    pub fn take_dirty(&mut self, mut wake: impl FnMut(LinkId)) {
        for seat in &mut self.seats {
            seat.session.take_dirty(&mut wake);
        }
    }
}
