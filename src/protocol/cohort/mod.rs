//! Everything that one node knows about one cohort: its session, and the node's role in its move.
//!
//! A cohort holds one session. The driver keeps it under one lock, calls it with what happened, drains
//! [`Cohort::poll_output`] after each call, and decides nothing itself.

mod keeping;
mod links;
mod moves;
mod taking;
#[cfg(any(test, feature = "testing"))]
mod wakes;

#[cfg(any(test, feature = "testing"))]
pub use wakes::Wake;

use crate::protocol::application::{Application, Context};
use crate::protocol::ids::{CohortId, Epoch, Fence, MoveId, NodeId, SessionId};
use crate::protocol::keeper::Keeper;
use crate::protocol::lease::ServePermit;
use crate::protocol::reasons::{CloseReason, MoveFailure, OfflineReason, TargetRefusal};
use crate::protocol::record::{Answer, Ask, CasAnswer, OwnerPhase, ReadAnswer, Record, Versioned};
use crate::protocol::session::{LinkId, Serving, Session, Settings};
use crate::protocol::snapshot::{Origin, SnapshotAsk};
use crate::protocol::source::{self, Source, Timing};
use crate::protocol::takeover::{self, TakeOver};
use crate::protocol::target::{self, Target};
use crate::protocol::time::Time;
use crate::protocol::wire::{Downlink, Member, MoveMode, Peer, SwitchCause};
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
    /// Delete the record and the snapshot: the session has ended. To be repeated until it is done, and then
    /// answered by [`Cohort::on_forgotten`].
    Forget(Versioned),
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
    /// From the target: tickets and addresses for the clients.
    prepared: Option<Invitation>,
    /// The move has to end by the drain's deadline and does not wait for the client.
    forced: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Invitation {
    id: MoveId,
    ticket: Vec<u8>,
    tcp: Vec<SocketAddr>,
    quic: Vec<SocketAddr>,
}

/// One cohort on one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cohort {
    id: CohortId,
    me: NodeId,
    role: Role,
    session: Session,
    /// The lease had run out: the record is to be taken to the next epoch before anything is served (e).
    fenced: bool,
    owner_asked: u64,
    /// Attempts of moves away, over the life of this copy (f).
    attempts: u32,
    /// The client wants to be moved as soon as the record allows it (a).
    wants_move: Option<MoveMode>,
    /// The move that brought the session here, as long as its ticket may be used.
    arrival: Option<MoveId>,
    arrived_at: Option<Time>,
    told_offline: bool,
    uses_quic: bool,
    /// Moves that this node refused and whose record it may have to hand back (c).
    refusing: Vec<Target>,
    keeper: Keeper,
    outputs: VecDeque<Output>,
}

impl Cohort {
    fn with(id: CohortId, me: NodeId, role: Role, session: Session) -> Self {
        Self {
            id,
            me,
            role,
            session,
            fenced: false,
            owner_asked: 0,
            attempts: 0,
            wants_move: None,
            arrival: None,
            arrived_at: None,
            told_offline: false,
            uses_quic: false,
            refusing: Vec::new(),
            keeper: Keeper::new(),
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
        let me = held.record.owner;
        let session = Session::new(session, user, client_key, held.record.fence(), settings);
        Self { keeper: Keeper::of_new(), ..Self::with(session.id().into(), me, Role::Owner(held), session) }
    }

    /// A cohort that this node knows nothing of, to be [taken over](Self::take_over).
    pub fn unknown(session: SessionId, me: NodeId, settings: Arc<Settings>) -> Self {
        let session = Session::expected(session, [0; 32], settings);
        Self::with(session.id().into(), me, Role::Absent, session)
    }

    /// A cohort that another node asks this one to make room for.
    pub fn expect(id: MoveId, member: &Member, settings: Arc<Settings>) -> Self {
        let session = Session::expected(member.session, member.client_key, settings);
        Self::with(id.cohort, id.target, Role::Absent, session)
    }

    /// Which cohort.
    pub fn id(&self) -> CohortId {
        self.id
    }

    /// Its session.
    pub fn session(&self) -> &Session {
        &self.session
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
                Role::Owner(_) => true,
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

    fn serving<'a>(&self, env: &Env<'a>) -> Serving<'a> {
        Serving { permit: env.permit, unfrozen: self.is_served() }
    }

    fn fence(&self) -> Option<Fence> {
        match &self.role {
            Role::Owner(held) | Role::Source(held, _) => Some(held.record.fence()),
            Role::Absent | Role::Target(_) | Role::Taking(_) | Role::Ending => None,
        }
    }

    fn epoch(&self) -> Epoch {
        self.fence().map_or(Epoch::default(), |fence| fence.epoch)
    }

    fn open_links(&mut self, cause: SwitchCause, fence: Fence, env: &Env<'_>) {
        let token = env.node.resume_token(self.session.id(), self.session.client_key());
        self.session.open_links(cause, fence, &token);
    }

    /// After every call: processes what waited, and notices the session's end.
    fn settle(&mut self, env: &Env<'_>) {
        let serving = self.serving(env);
        self.session.catch_up(serving, env.application, env.now);
        if let Some(reason) = self.session.closed() {
            self.on_session_closed(reason, env);
        }
        self.keep(env);
    }

    fn on_session_closed(&mut self, reason: CloseReason, env: &Env<'_>) {
        if let Role::Source(_, departure) = &mut self.role
            && departure.source.serves()
        {
            departure.source.handle(source::Input::Cancel(MoveFailure::Cancelled), env.now);
            self.drain_source(env);
        }
        // While a baton may be out, the record decides who owns the session, and with it who may end it.
        let Role::Owner(held) = self.role else { return };
        env.application.disconnected(&mut Context { session: &mut self.session, now: env.now }, reason);
        self.forget(held, reason);
    }

    fn forget(&mut self, held: Versioned, reason: CloseReason) {
        self.role = Role::Ending;
        self.outputs.push_back(Output::Forget(held));
        self.outputs.push_back(Output::Report(Report::Closed(reason)));
    }

    /// The record is deleted.
    pub fn on_forgotten(&mut self) {
        if let Role::Ending = self.role {
            self.role = Role::Absent;
        }
    }

    /// Ends the session.
    pub fn close(&mut self, reason: CloseReason, env: &Env<'_>) {
        self.session.close(reason);
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
            Role::Owner(_) if self.fenced => self.ask_as_owner(Ask::Read),
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
        let next = held.record.passed_to(self.me, OwnerPhase::Serving);
        match answer {
            Answer::Read(ReadAnswer::Read(Some(found))) | Answer::Cas(CasAnswer::Lost(Some(found))) => {
                if found.record == next {
                    // An own write has landed, at some time. Others may have read it since, and seen the lease
                    // run out once more: only what is written under this lease fences them off.
                    self.role = Role::Owner(found);
                    let record = next.passed_to(self.me, OwnerPhase::Serving);
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

    fn return_from_fence(&mut self, held: Versioned, env: &Env<'_>) {
        self.role = Role::Owner(held);
        self.fenced = false;
        self.open_links(SwitchCause::Resumed, held.record.fence(), env);
        self.told_offline = false;
        self.tell_offline(env);
    }

    /// The directory names somebody else: serves nothing from here on, and sends the client on its way.
    fn lose(&mut self, record: Option<Record>, env: &Env<'_>) {
        self.role = Role::Absent;
        if let Some(record) = record {
            self.session.control(&Downlink::Moved { cohort: self.id, epoch: record.epoch });
        }
        self.session.drop_links(CloseReason::Moved);
        env.application.moved_out(self.session.user(), self.session.id());
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
        let serving = self.serving(env);
        self.session.on_timeout(serving, env.application, env.now);
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
        let session = self.session.poll_timeout(self.serving(env));
        [session, role, refusing, self.keep_at(env)].into_iter().flatten().min()
    }

    /// Links that have something new to write.
    pub fn take_dirty(&mut self, wake: impl FnMut(LinkId)) {
        self.session.take_dirty(wake);
    }
}
