//! A cohort under its lock, and the doing of what it wants done.

use super::links::Door;
use super::outbox::Item;
use super::watching::MoveWatch;
use super::{Node, failpoints, now};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;
use sterna::protocol::cohort::{Asker, Cohort, Entry, Env, Output, Report};
use sterna::protocol::ids::{CohortId, MoveId, NodeId, SessionId};
use sterna::protocol::record::{Ask, Versioned};
use sterna::protocol::session::LinkId;
use sterna::protocol::snapshot::{Origin, SnapshotAsk};
use sterna::protocol::time::Time;
use sterna::protocol::wire::Peer;
use sterna::transport::Waker;
use tokio::sync::Notify;

/// One cohort of a node.
pub(super) struct Slot {
    id: CohortId,
    inner: Mutex<Inner>,
    timer: Notify,
    removed: AtomicBool,
}

struct Inner {
    cohort: Cohort,
    links: HashMap<LinkId, Attached>,
    /// Until when the timer sleeps.
    armed: Option<Time>,
    /// The node counts it among those that it is responsible for, with so many sessions.
    counted: Option<usize>,
    /// The node that its move is counted for.
    departs_to: Option<NodeId>,
    /// It is counted among those that have arrived before their clients.
    ahead: bool,
    watch: MoveWatch,
}

/// A link of one of the cohort's sessions, as it runs on a task of its own.
#[derive(Clone)]
pub(super) struct Attached {
    pub(super) waker: Waker,
    /// Leads the link's task to the cohort.
    pub(super) door: Arc<Door>,
}

impl Inner {
    fn new(cohort: Cohort) -> Self {
        let links = HashMap::new();
        let watch = MoveWatch::default();
        Self { cohort, links, armed: None, counted: None, departs_to: None, ahead: false, watch }
    }
}

impl Slot {
    fn new(cohort: Cohort) -> Arc<Self> {
        Arc::new(Self {
            id: cohort.id(),
            inner: Mutex::new(Inner::new(cohort)),
            timer: Notify::new(),
            removed: AtomicBool::new(false),
        })
    }

    pub(super) fn spawn(node: &Arc<Node>, cohort: Cohort) -> Arc<Self> {
        let slot = Self::new(cohort);
        slot.start_timer(node);
        slot
    }

    fn start_timer(self: &Arc<Self>, node: &Arc<Node>) {
        tokio::spawn(run_timer(Arc::downgrade(node), self.clone()));
    }

    /// Which cohort.
    pub(super) fn id(&self) -> CohortId {
        self.id
    }

    /// Whether the node is responsible for the cohort.
    pub(super) fn is_held(&self) -> bool {
        self.inner.lock().cohort.is_held()
    }

    /// Whether that is a room. A slot that has been one is no lone session's ever.
    pub(super) fn is_room(&self) -> bool {
        let inner = self.inner.lock();
        inner.cohort.is_held() && inner.cohort.room().is_some()
    }

    /// Hands the cohort what happened, and does what it wants done. `own`: the link on whose task this
    /// runs, which looks for new bytes by itself.
    pub(super) fn with<R>(
        self: &Arc<Self>,
        node: &Arc<Node>,
        own: Option<LinkId>,
        act: impl FnOnce(&mut Cohort, &Env<'_>) -> R,
    ) -> R {
        node.with_env(|env| {
            let mut inner = self.inner.lock();
            let result = act(&mut inner.cohort, env);
            self.follow_up(node, &mut inner, own, env);
            self.rearm(&mut inner, env);
            result
        })
    }

    /// Like [`with`](Self::with), but does nothing if the slot has been taken out of the node meanwhile:
    /// what is put into it then would be found by nobody.
    pub(super) fn with_present(
        self: &Arc<Self>,
        node: &Arc<Node>,
        act: impl FnOnce(&mut Cohort, &Env<'_>),
    ) -> bool {
        node.with_env(|env| {
            let mut inner = self.inner.lock();
            // Set under this very lock, together with the removal itself.
            if self.removed.load(Ordering::Acquire) {
                return false;
            }
            act(&mut inner.cohort, env);
            self.follow_up(node, &mut inner, None, env);
            self.rearm(&mut inner, env);
            true
        })
    }

    /// Does what is due, and says until when to sleep. That is noted under the same lock, so that whoever
    /// comes next knows whether to cut the sleep short.
    fn turn(self: &Arc<Self>, node: &Arc<Node>) -> Option<Time> {
        node.with_env(|env| {
            let mut inner = self.inner.lock();
            if inner.cohort.poll_timeout(env).is_some_and(|at| at <= env.now) {
                inner.cohort.on_timeout(env);
            }
            self.follow_up(node, &mut inner, None, env);
            inner.armed = inner.cohort.next_timeout(env);
            inner.armed
        })
    }

    /// Another node wants to move the cohort here.
    pub(super) fn expect(&self, node: &Node, from: NodeId, id: MoveId) {
        self.inner.lock().watch.expects(node, from, id);
    }

    /// Hands the cohort a frame of another node.
    pub(super) fn on_peer(self: &Arc<Self>, node: &Arc<Node>, from: NodeId, frame: Peer) {
        self.inner.lock().watch.hears(node, &frame);
        self.with(node, None, |cohort, env| cohort.on_peer(from, frame, env));
    }

    /// Tells the cohort that the first byte of its baton is on its way.
    pub(super) fn on_baton_left(self: &Arc<Self>, node: &Arc<Node>, id: MoveId) {
        self.inner.lock().watch.baton_left(node, id);
        self.with(node, None, |cohort, env| cohort.on_baton_left(id, env));
    }

    /// Looks at the cohort.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Cohort) -> R) -> R {
        look(&self.inner.lock().cohort)
    }

    /// Wakes the timer if it would sleep too long.
    fn rearm(&self, inner: &mut Inner, env: &Env<'_>) {
        let next = inner.cohort.next_timeout(env);
        if next.is_some_and(|at| inner.armed.is_none_or(|armed| at < armed)) {
            self.timer.notify_one();
        }
    }

    /// Has every link look whether it is to be closed, and ends the timer: the node has stopped.
    pub(super) fn abandon(&self) {
        let inner = self.inner.lock();
        self.removed.store(true, Ordering::Release);
        self.timer.notify_one();
        for link in inner.links.values() {
            link.waker.wake();
        }
    }

    /// Lets a link take its bytes; nothing else can come of that.
    pub(super) fn peek<R>(&self, node: &Node, act: impl FnOnce(&mut Cohort, &Env<'_>) -> R) -> R {
        node.with_env(|env| act(&mut self.inner.lock().cohort, env))
    }

    /// Whether a link is to be closed.
    pub(super) fn is_closing(&self, link: LinkId) -> bool {
        self.inner.lock().cohort.is_closing(link)
    }

    pub(super) fn add_link(&self, link: LinkId, attached: Attached) {
        self.inner.lock().links.insert(link, attached);
    }

    /// False: it is not here; its session may be with another cohort by now.
    pub(super) fn remove_link(&self, link: LinkId) -> bool {
        self.inner.lock().links.remove(&link).is_some()
    }

    /// Whether this room holds this session.
    pub(super) fn holds(&self, session: SessionId) -> bool {
        self.inner.lock().cohort.sessions().any(|held| held.id() == session)
    }

    /// The session of a lone cohort joins this room. The lone one is locked first, everywhere.
    pub(super) fn enter(self: &Arc<Self>, node: &Arc<Node>, lone: &Arc<Self>) -> Entry {
        node.with_env(|env| {
            let mut theirs = lone.inner.lock();
            let mut ours = self.inner.lock();
            if self.removed.load(Ordering::Acquire) || lone.removed.load(Ordering::Acquire) {
                return Entry::Later;
            }
            let session = theirs.cohort.sessions().next().map(|session| session.id());
            let entry = ours.cohort.enter(&mut theirs.cohort, env);
            if let (Entry::Entered, Some(session)) = (entry, session) {
                node.rooms_of.lock().insert(session, self.id);
                for (id, link) in theirs.links.drain() {
                    link.door.lead_to(self.clone());
                    link.waker.wake();
                    ours.links.insert(id, link);
                }
            }
            self.follow_up(node, &mut ours, None, env);
            self.rearm(&mut ours, env);
            lone.follow_up(node, &mut theirs, None, env);
            lone.rearm(&mut theirs, env);
            entry
        })
    }

    /// A session that has left this room becomes a slot of its own, with its links.
    fn split(self: &Arc<Self>, node: &Arc<Node>, inner: &mut Inner, cohort: Cohort, env: &Env<'_>) {
        let Some(session) = cohort.sessions().next() else { return };
        let (session, links) = (session.id(), session.link_ids().collect::<Vec<_>>());
        node.rooms_of.lock().remove(&session);
        let slot = Self::new(cohort);
        // Until all of it is here nobody else may find it, the timer neither: the session may want to join the next
        // room at once, would go there without its links, and would lock both in the other order.
        let mut theirs = slot.inner.lock();
        for id in links {
            if let Some(link) = inner.links.remove(&id) {
                link.door.lead_to(slot.clone());
                link.waker.wake();
                theirs.links.insert(id, link);
            }
        }
        node.slots.lock().insert(slot.id, slot.clone());
        theirs.cohort.begin_alone(env);
        slot.follow_up(node, &mut theirs, None, env);
        drop(theirs);
        slot.start_timer(node);
    }

    fn follow_up(self: &Arc<Self>, node: &Arc<Node>, inner: &mut Inner, own: Option<LinkId>, env: &Env<'_>) {
        while let Some(output) = inner.cohort.poll_output() {
            self.perform(node, inner, output, env);
        }
        let Inner { cohort, links, counted, .. } = inner;
        cohort.take_dirty(|dirty| {
            if Some(dirty) != own
                && let Some(link) = links.get(&dirty)
            {
                link.waker.wake();
            }
        });
        let held = cohort.is_held().then(|| cohort.sessions().len());
        if held != *counted {
            node.count(std::mem::replace(counted, held), held);
        }
        self.keep_pace(node, inner);
        let Inner { cohort, .. } = inner;
        if cohort.is_gone() && !self.removed.swap(true, Ordering::AcqRel) {
            self.timer.notify_one();
            node.remove_slot(self);
        }
    }

    /// Tells the node what its pace depends on.
    fn keep_pace(&self, node: &Arc<Node>, inner: &mut Inner) {
        let Inner { cohort, departs_to, ahead, .. } = inner;
        let arriving_at = cohort.arriving_at();
        if arriving_at != *departs_to {
            node.count_departure(std::mem::replace(departs_to, arriving_at), arriving_at);
        }
        if *ahead && (all_linked(cohort) || !cohort.is_held()) {
            *ahead = false;
            node.count_arrival_ahead(self.id, false);
        }
    }

    fn perform(self: &Arc<Self>, node: &Arc<Node>, inner: &mut Inner, output: Output, env: &Env<'_>) {
        match output {
            Output::Peer(to, frame) => {
                let bytes = node.send_peer(to, self.id, &frame);
                inner.watch.sends(node, to, &inner.cohort, &frame, bytes);
            }
            Output::RevokeBaton(to, id) => {
                let revoked = node.outbox(to).is_none_or(|outbox| outbox.revoke(id));
                inner.cohort.on_revoked(id, revoked, env);
            }
            Output::Ask(asker, number, ask) => self.ask(node, asker, number, ask),
            Output::PickTarget(tried) => {
                inner.watch.departs(node);
                node.queue_departure(self, self.id, tried);
            }
            Output::PickProbed { tried, any_version } => {
                let sessions = inner.cohort.sessions().len() as u64;
                node.queue_probe(self, self.id, tried, any_version, sessions);
            }
            Output::Probed(report) => node.on_probed(&inner.cohort, &report),
            Output::ReadLeases(number) => self.read_leases(node, number),
            Output::Snapshot(asker, number, ask) => self.ask_snapshot(node, asker, number, ask),
            Output::RememberRefusal(id) => node.refused.lock().remember(id),
            Output::Forget { held, user } => self.forget(node, held, user),
            Output::Room(ask) => node.ask_for_room(self, ask),
            Output::Split(cohort) => self.split(node, inner, *cohort, env),
            Output::List => node.list_room(self.id, &inner.cohort),
            Output::Dismiss(links) => {
                for link in links {
                    if let Some(link) = inner.links.get(&link) {
                        link.waker.wake();
                    }
                }
            }
            Output::Report(report) => {
                if let Report::MovedIn { .. } = report
                    && !all_linked(&inner.cohort)
                {
                    inner.ahead = true;
                    node.count_arrival_ahead(self.id, true);
                }
                if let Report::MovedIn { .. } | Report::TookOver(_) = report {
                    node.index_room(self.id, &inner.cohort);
                }
                let at = happened_at(report, env);
                let span = inner.watch.reports(node, &inner.cohort, report, at);
                span.in_scope(|| log_report(node, self.id, report));
                node.shared.observer.report(&node.name, report, at);
            }
        }
    }

    fn ask(self: &Arc<Self>, node: &Arc<Node>, asker: Asker, number: u64, ask: Ask) {
        let (slot, node) = (self.clone(), node.clone());
        tokio::spawn(async move {
            let engine = &node.shared.engine;
            let key = asker.key(slot.id);
            let asked = failpoints::ask(asker, number, ask, |ask| engine.ask(key, ask));
            let answer = asked.await;
            slot.with(&node, None, |cohort, env| cohort.on_answer(asker, number, answer, env));
        });
    }

    fn ask_snapshot(self: &Arc<Self>, node: &Arc<Node>, asker: Asker, number: u64, ask: SnapshotAsk) {
        let (slot, node) = (self.clone(), node.clone());
        tokio::spawn(async move {
            let engine = &node.shared.engine;
            let key = asker.key(slot.id);
            let asked = failpoints::ask_snapshot(asker, ask, |ask| engine.ask_snapshot(key, ask));
            let answer = asked.await;
            slot.with(&node, None, |cohort, env| cohort.on_snapshot(asker, number, answer, env));
        });
    }

    fn read_leases(self: &Arc<Self>, node: &Arc<Node>, number: u64) {
        let (slot, node) = (self.clone(), node.clone());
        tokio::spawn(async move {
            let gone = node.read_leases().await;
            slot.with(&node, None, |cohort, env| cohort.on_leases(number, gone, env));
        });
    }

    /// Deletes what the engine holds of the session, and does not rest until it is gone: whoever finds the
    /// record would take the session for one that can be resumed.
    fn forget(self: &Arc<Self>, node: &Arc<Node>, held: Versioned, user: Option<String>) {
        let (slot, node) = (self.clone(), node.clone());
        tokio::spawn(async move {
            let engine = &node.shared.engine;
            loop {
                if engine.forget(slot.id, held).await == Ok(()) {
                    break;
                }
                tokio::time::sleep(node.timing.record_poll).await;
            }
            if let Some(user) = user {
                engine.release_user(&user, SessionId(slot.id.0)).await;
            }
            slot.with(&node, None, |cohort, _| cohort.on_forgotten());
        });
    }
}

/// Whether every client has come.
fn all_linked(cohort: &Cohort) -> bool {
    cohort.sessions().all(|session| session.is_linked())
}

/// When it happened, for figures. A freeze holds from the beginning of the call in which the state became bytes.
fn happened_at(report: Report, env: &Env<'_>) -> Instant {
    let at = Instant::now();
    match report {
        Report::Froze { .. } => at.checked_sub(now().since(env.now)).unwrap_or(at),
        Report::MovedOut { .. }
        | Report::MovedIn { .. }
        | Report::MoveFailed(_)
        | Report::TookOver(_)
        | Report::RoomEnded
        | Report::Parked
        | Report::Closed(_) => at,
    }
}

fn log_report(node: &Node, cohort: CohortId, report: Report) {
    let node = &node.name;
    match report {
        Report::MovedOut { id } => tracing::debug!(%node, %cohort, move_id = %id, "moved out"),
        Report::MovedIn { id } => tracing::debug!(%node, %cohort, move_id = %id, "moved in"),
        Report::Froze { id } => tracing::debug!(%node, %cohort, move_id = %id, "frozen"),
        Report::MoveFailed(reason) => tracing::info!(%node, %cohort, "move failed: {reason}"),
        Report::TookOver(Origin::Snapshot { epoch, number }) => {
            tracing::warn!(%node, %cohort, "took over after a crash, from snapshot {number} of epoch {epoch}");
        }
        Report::TookOver(Origin::Copy { epoch }) => {
            tracing::warn!(%node, %cohort, "took back after a crash, from the copy of epoch {epoch}");
        }
        Report::RoomEnded => tracing::debug!(%node, %cohort, "room ended"),
        Report::Parked => tracing::debug!(%node, %cohort, "parked: it waits for a node in the store"),
        Report::Closed(reason) => tracing::debug!(%node, %cohort, "session ended: {reason}"),
    }
}

async fn run_timer(node: Weak<Node>, slot: Arc<Slot>) {
    while !slot.removed.load(Ordering::Acquire) {
        let Some(node) = node.upgrade() else { return };
        let deadline = slot.turn(&node);
        drop(node);
        match deadline {
            Some(at) => {
                let pause = at.since(now());
                let _ = tokio::time::timeout(pause, slot.timer.notified()).await;
            }
            None => slot.timer.notified().await,
        }
    }
}

impl Node {
    fn remove_slot(&self, slot: &Arc<Slot>) {
        let mut slots = self.slots.lock();
        // A new cohort of the same id may have taken its place.
        if slots.get(&slot.id).is_some_and(|present| Arc::ptr_eq(present, slot)) {
            slots.remove(&slot.id);
            self.rooms_of.lock().retain(|_, room| *room != slot.id);
        }
    }

    /// It is responsible for a cohort, or not any more, or the cohort has another number of sessions.
    fn count(&self, before: Option<usize>, after: Option<usize>) {
        self.sessions.fetch_add(after.unwrap_or_default(), Ordering::AcqRel);
        self.sessions.fetch_sub(before.unwrap_or_default(), Ordering::AcqRel);
        match (before, after) {
            (None, Some(_)) => {
                self.held.fetch_add(1, Ordering::AcqRel);
            }
            (Some(_), None) => {
                if self.held.fetch_sub(1, Ordering::AcqRel) == 1 {
                    self.emptied.notify_waiters();
                }
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    /// Sends a frame to another node, over the link that there is or a new one.
    /// Gives its size in bytes.
    pub(super) fn send_peer(self: &Arc<Self>, to: NodeId, cohort: CohortId, frame: &Peer) -> usize {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        let length = bytes.len();
        let (baton, prepare) = match frame {
            Peer::Baton { id, .. } => (Some(*id), None),
            Peer::Prepare { id, .. } | Peer::Probe { id, .. } => (None, Some(*id)),
            Peer::Hello { .. }
            | Peer::Prepared { .. }
            | Peer::Refused { .. }
            | Peer::Ready { .. }
            | Peer::BatonAck { .. }
            | Peer::Finalised { .. }
            | Peer::Ahead { .. }
            | Peer::AheadAck { .. }
            | Peer::Cancel { .. }
            | Peer::Close { .. }
            | Peer::Wanted { .. }
            | Peer::LeaseOver
            | Peer::Credit { .. } => (None, None),
        };
        self.push_to(to, Item { bytes, cohort, baton, prepare });
        length
    }
}
