//! How fast sessions leave a node, and how fast they come to one.
//!
//! A node that goes offline with a thousand sessions on it must not have a thousand clients shake hands with
//! the next node at once: they would only wait for each other, and time out. So every node grants credits to
//! those that move sessions to it ([`Peer::Credit`]), and a move waits for its turn until a node that may take it
//! has one to spare. A word that is lost is made good: it counts for a second, and without one a few moves
//! are always allowed.
//!
//! While a new version of the application is rolled out, nodes with the present one are about to leave, too. So a move
//! goes to the newest version that may take it, and waits for a credit there while nodes with another one have
//! some to spare: else players would be moved again and again. Near the deadline any node will do that may take it.

use super::slot::Slot;
use super::{Node, now};
use crate::engine::{NodeInfo, Standing};
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;
use sterna::protocol::cohort::NodeView as _;
use sterna::protocol::ids::{CohortId, NodeId};
use sterna::protocol::limits::{ATTACH_MAX, CREDIT_GOOD_FOR, MOVES_UNTOLD};
use sterna::protocol::time::Time;
use sterna::protocol::wire::Peer;
use tokio::sync::Notify;

/// How often moves that wait are looked at although nothing was heard: a node may have come online, and a word
/// that said "none" may have lost its force.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Who has moved nothing here for so long has no share of the credits.
const SOURCE_FORGOTTEN_AFTER: Duration = Duration::from_secs(1);

/// How often an operator is told that there is nowhere to go.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// Both sides of it, of one node.
#[derive(Debug, Default)]
pub(super) struct Pace {
    departures: Mutex<Departures>,
    arrivals: Mutex<Arrivals>,
    /// A move has begun to wait, or may go on.
    changed: Notify,
}

/// Moves away from here.
#[derive(Debug, Default)]
struct Departures {
    /// Moves that wait for a target, in the order in which they came.
    waiting: VecDeque<Waiting>,
    /// Probes of a dry run; they come after all moves.
    probing: VecDeque<Probing>,
    targets: BTreeMap<NodeId, Granted>,
    /// The deadline is so near that it counts for more than anybody's credits.
    urgent: bool,
    warned_at: Option<Time>,
}

#[derive(Debug)]
struct Waiting {
    cohort: CohortId,
    slot: Weak<Slot>,
    tried: Vec<NodeId>,
}

/// A probe that waits for its turn.
#[derive(Debug)]
struct Probing {
    waiting: Waiting,
    any_version: bool,
    sessions: u64,
}

/// What a target has granted to this node.
#[derive(Clone, Copy, Debug, Default)]
struct Granted {
    moves: u32,
    said_at: Option<Time>,
    /// Moves that are on their way there.
    under_way: u32,
}

impl Granted {
    fn room(&self, now: Time) -> u32 {
        let fresh = self.said_at.is_some_and(|at| now.since(at) < CREDIT_GOOD_FOR);
        let moves = if fresh { self.moves } else { MOVES_UNTOLD };
        moves.saturating_sub(self.under_way)
    }
}

/// Moves to here.
#[derive(Debug, Default)]
struct Arrivals {
    sources: BTreeMap<NodeId, Told>,
    /// Sessions that have arrived before their clients, and since when.
    ahead: BTreeMap<CohortId, Time>,
}

/// What this node has granted to a source.
#[derive(Clone, Copy, Debug)]
struct Told {
    asked_at: Time,
    moves: u32,
    said_at: Time,
}

impl Arrivals {
    /// The share of each source in `limit` arrivals at once.
    fn share(&mut self, limit: u32, now: Time) -> u32 {
        self.sources.retain(|_, told| now.since(told.asked_at) < SOURCE_FORGOTTEN_AFTER);
        // A client that has not come by now is not about to shake hands.
        self.ahead.retain(|_, since| now.since(*since) < ATTACH_MAX);
        limit.saturating_sub(self.ahead.len() as u32) / (self.sources.len() as u32).max(1)
    }

    /// A source has asked to make room: what to tell it, if it does not know.
    fn on_prepare(&mut self, from: NodeId, limit: u32, now: Time) -> Option<u32> {
        let unknown = Told { asked_at: now, moves: MOVES_UNTOLD, said_at: Time::default() };
        self.sources.entry(from).or_insert(unknown).asked_at = now;
        let share = self.share(limit, now);
        let told = self.sources.get_mut(&from)?;
        // Said again while it still counts.
        let news = told.moves != share || now.since(told.said_at) >= CREDIT_GOOD_FOR / 2;
        (told.moves, told.said_at) = if news { (share, now) } else { (told.moves, told.said_at) };
        news.then_some(share)
    }

    /// A client has come after its session: who may send more because of that.
    fn on_client(&mut self, cohort: CohortId, limit: u32, now: Time) -> Vec<(NodeId, u32)> {
        self.ahead.remove(&cohort);
        let share = self.share(limit, now);
        let mut news = Vec::new();
        for (source, told) in self.sources.iter_mut().filter(|(_, told)| told.moves < share) {
            (told.moves, told.said_at) = (share, now);
            news.push((*source, share));
        }
        news
    }
}

/// What a move that asks for a target gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pick {
    Target(NodeId),
    /// Every node that may take it has enough to do.
    Wait,
    /// No node may take it.
    Nobody,
}

/// A node that takes arrivals.
struct Candidate {
    id: NodeId,
    room: u32,
    /// Sessions that it holds, or is about to.
    load: u64,
    rank: Rank,
}

/// How much a target's version of the application is wanted; the greatest one most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Nodes with the source's own version leave with it, whichever way the version changes: an older one is a target
    /// for a roll-back only, and then that is where players are to be.
    changes: bool,
    version: u32,
}

impl Rank {
    fn new(version: u32, own: u32) -> Self {
        Self { changes: version != own, version }
    }
}

impl Node {
    /// A move asks for a target, and gets it when it is its turn.
    pub(super) fn queue_departure(&self, slot: &Arc<Slot>, cohort: CohortId, tried: Vec<NodeId>) {
        let mut departures = self.pace.departures.lock();
        match departures.waiting.iter_mut().find(|waiting| waiting.cohort == cohort) {
            Some(waiting) => waiting.tried = tried,
            None => departures.waiting.push_back(Waiting { cohort, slot: Arc::downgrade(slot), tried }),
        }
        drop(departures);
        self.pace.changed.notify_one();
    }

    /// A probe asks for a target, and gets it when it is its turn.
    pub(super) fn queue_probe(
        &self,
        slot: &Arc<Slot>,
        cohort: CohortId,
        tried: Vec<NodeId>,
        any_version: bool,
        sessions: u64,
    ) {
        let waiting = Waiting { cohort, slot: Arc::downgrade(slot), tried };
        let mut departures = self.pace.departures.lock();
        departures.probing.retain(|probing| probing.waiting.cohort != cohort);
        departures.probing.push_back(Probing { waiting, any_version, sessions });
        drop(departures);
        self.pace.changed.notify_one();
    }

    /// A move under way burdens another node than before, or none any more.
    pub(super) fn count_departure(&self, before: Option<NodeId>, after: Option<NodeId>) {
        let mut departures = self.pace.departures.lock();
        if let Some(granted) = before.and_then(|node| departures.targets.get_mut(&node)) {
            granted.under_way = granted.under_way.saturating_sub(1);
        }
        if let Some(node) = after {
            departures.targets.entry(node).or_default().under_way += 1;
        }
        drop(departures);
        // Whether anybody waits cannot be seen here: the queue may be in the hands of who looks at it.
        if before.is_some() {
            self.pace.changed.notify_one();
        }
    }

    /// How many moves wait for their turn.
    pub(super) fn departures_waiting(&self) -> usize {
        self.pace.departures.lock().waiting.len()
    }

    /// A target has said how many moves it takes at once.
    pub(super) fn on_credit(&self, from: NodeId, moves: u32) {
        let mut departures = self.pace.departures.lock();
        let granted = departures.targets.entry(from).or_default();
        (granted.moves, granted.said_at) = (moves, Some(now()));
        drop(departures);
        self.pace.changed.notify_one();
    }

    /// From here on no move waits for a credit: the deadline is near.
    pub(super) fn hurry_departures(&self) {
        self.pace.departures.lock().urgent = true;
        self.pace.changed.notify_one();
    }

    /// Gives moves that wait their targets, for as long as the node runs.
    pub(super) async fn run_departures(self: Arc<Self>) {
        let mut stopped = self.stopped.subscribe();
        loop {
            // Whoever really has to go, goes first.
            let waits = self.let_depart() || self.let_probe();
            let look_again = if waits { LOOK_EVERY } else { Duration::MAX };
            tokio::select! {
                () = self.pace.changed.notified() => {}
                () = tokio::time::sleep(look_again) => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
        }
    }

    /// Lets go whoever need not wait any more. True: some still wait.
    fn let_depart(self: &Arc<Self>) -> bool {
        let waiting = std::mem::take(&mut self.pace.departures.lock().waiting);
        if waiting.is_empty() {
            return false;
        }
        let (mut candidates, urgent) = self.candidates(false);
        let mut still_waiting = VecDeque::new();
        let mut stranded = 0;
        let mut full = is_full(&candidates, urgent);
        for waiting in waiting {
            // The queue is long, and looked at whenever there is room for one: so in haste.
            if full && waiting.tried.is_empty() {
                still_waiting.push_back(waiting);
                continue;
            }
            let choosy = Choosy::new(waiting.tried.len(), self.timing.targets_max, urgent);
            let target = match pick(&mut candidates, &waiting.tried, choosy) {
                Pick::Wait => {
                    still_waiting.push_back(waiting);
                    continue;
                }
                Pick::Target(target) => Some(target),
                Pick::Nobody => None,
            };
            full = is_full(&candidates, urgent);
            stranded += usize::from(target.is_none() && waiting.tried.is_empty());
            // No lock is held here but the slot's own. A move that has ended meanwhile takes no notice.
            if let Some(slot) = waiting.slot.upgrade() {
                slot.with(self, None, |cohort, env| cohort.on_target_picked(target, env));
            }
        }
        self.warn_stranded(stranded);
        let mut departures = self.pace.departures.lock();
        // Whoever has come meanwhile stands behind.
        still_waiting.append(&mut departures.waiting);
        departures.waiting = still_waiting;
        !departures.waiting.is_empty()
    }

    /// Lets go probes for which there is room beside all moves. True: some still wait.
    fn let_probe(self: &Arc<Self>) -> bool {
        let probing = std::mem::take(&mut self.pace.departures.lock().probing);
        let Some(first) = probing.front() else { return false };
        let (mut candidates, _) = self.candidates(first.any_version);
        for candidate in &mut candidates {
            candidate.load += self.promised_to(candidate.id);
        }
        let mut still_waiting = VecDeque::new();
        for probing in probing {
            if probing.waiting.tried.is_empty() && is_full(&candidates, false) {
                still_waiting.push_back(probing);
                continue;
            }
            let choosy = Choosy::new(probing.waiting.tried.len(), self.timing.targets_max, false);
            let target = match pick(&mut candidates, &probing.waiting.tried, choosy) {
                Pick::Wait => {
                    still_waiting.push_back(probing);
                    continue;
                }
                Pick::Target(target) => Some(target),
                Pick::Nobody => None,
            };
            let Probing { waiting: Waiting { cohort, slot, .. }, sessions, .. } = probing;
            let target = target.map(|target| (target, self.promise(cohort, target, sessions)));
            if let Some(slot) = slot.upgrade() {
                slot.with(self, None, |cohort, env| cohort.on_probe_target(target, env));
            }
        }
        let mut departures = self.pace.departures.lock();
        still_waiting.append(&mut departures.probing);
        departures.probing = still_waiting;
        !departures.probing.is_empty()
    }

    fn warn_stranded(&self, stranded: usize) {
        let mut departures = self.pace.departures.lock();
        let warned = departures.warned_at.is_some_and(|at| now().since(at) < WARN_EVERY);
        if stranded > 0 && !warned {
            departures.warned_at = Some(now());
            tracing::warn!(
                node = %self.name,
                sessions = self.sessions(),
                "no other node is online with this application's version or a later one: players stay here; \
                 start a node, or uncordon one"
            );
        }
    }

    /// Nodes that take arrivals from here; `any_version`: also such as run an older version of the application, whatever
    /// the drain's order says.
    fn candidates(&self, any_version: bool) -> (Vec<Candidate>, bool) {
        let nodes = self.live_nodes();
        let own = self.app_version();
        // Whatever version that is, a roll-back accepts it.
        let version_min =
            if any_version { 0 } else { self.app_version_min(self.shared.application.as_ref()) };
        let takes = |info: &&NodeInfo| info.id != self.id && takes_arrivals(info, version_min);
        let now = now();
        // What this node has sent there since that node last published: its published load lags behind.
        let published = self.shared.config.times.lease_renew;
        let sent = |outbox: Option<Arc<super::Outbox>>| {
            outbox.map_or(0, |outbox| outbox.prepared_within(published, now))
        };
        let mut departures = self.pace.departures.lock();
        departures
            .targets
            .retain(|id, granted| granted.under_way > 0 || nodes.iter().any(|info| info.id == *id));
        let candidate = |info: &NodeInfo| Candidate {
            id: info.id,
            room: departures.targets.get(&info.id).copied().unwrap_or_default().room(now),
            load: info.sessions + sent(self.outbox(info.id)),
            rank: Rank::new(info.app_version, own),
        };
        (nodes.iter().filter(takes).map(candidate).collect(), departures.urgent)
    }

    /// A source has asked to make room: it is told how many at once.
    pub(super) fn grant(self: &Arc<Self>, from: NodeId, cohort: CohortId) {
        let limit = self.shared.config.limits.arrivals_max;
        let news = self.pace.arrivals.lock().on_prepare(from, limit, now());
        if let Some(moves) = news {
            self.send_peer(from, cohort, &Peer::Credit { moves });
        }
    }

    /// A session has arrived before its client, which has to shake hands yet; or that one has come.
    pub(super) fn count_arrival_ahead(self: &Arc<Self>, cohort: CohortId, ahead: bool) {
        if ahead {
            self.pace.arrivals.lock().ahead.insert(cohort, now());
            return;
        }
        let limit = self.shared.config.limits.arrivals_max;
        let news = self.pace.arrivals.lock().on_client(cohort, limit, now());
        for (source, moves) in news {
            self.send_peer(source, cohort, &Peer::Credit { moves });
        }
    }
}

/// Whether a node is online, and runs this version of the application or a later one.
fn takes_arrivals(info: &NodeInfo, version_min: u32) -> bool {
    info.standing == Standing::Online && info.app_version >= version_min
}

/// Whether there are nodes to move to, but none with room among those with the version that is wanted most.
fn is_full(candidates: &[Candidate], urgent: bool) -> bool {
    let best = candidates.iter().map(|candidate| candidate.rank).max();
    let wanted = |candidate: &&Candidate| Some(candidate.rank) == best;
    !urgent && best.is_some() && candidates.iter().filter(wanted).all(|candidate| candidate.room == 0)
}

/// How choosy a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choosy {
    /// It wants the best version, and room.
    Usual,
    /// Nodes of the best version have refused it, and it tries one more: one of the next best, if there is one.
    LastTry,
    /// Any node will do.
    Urgent,
}

impl Choosy {
    fn new(tried: usize, targets_max: u32, urgent: bool) -> Self {
        match (urgent, tried) {
            (true, _) => Self::Urgent,
            (false, 1..) if tried + 1 >= targets_max as usize => Self::LastTry,
            (false, _) => Self::Usual,
        }
    }
}

/// The better of two nodes taken at random among those that have not been tried, and are as the move wants them.
fn pick(candidates: &mut [Candidate], tried: &[NodeId], choosy: Choosy) -> Pick {
    let untried = || candidates.iter().enumerate().filter(|(_, candidate)| !tried.contains(&candidate.id));
    let mut ranks: Vec<Rank> = untried().map(|(_, candidate)| candidate.rank).collect();
    ranks.sort_unstable_by(|a, b| b.cmp(a));
    ranks.dedup();
    let rank = match (&ranks[..], choosy) {
        ([], _) => return Pick::Nobody,
        ([_, next, ..], Choosy::LastTry) => *next,
        ([best, ..], _) => *best,
    };
    let is_free =
        |candidate: &Candidate| choosy == Choosy::Urgent || (candidate.rank == rank && candidate.room > 0);
    let free: Vec<usize> =
        untried().filter(|(_, candidate)| is_free(candidate)).map(|(index, _)| index).collect();
    if free.is_empty() {
        return Pick::Wait;
    }
    let random = super::random_u64().unwrap_or_default();
    let first = random as usize % free.len();
    // Another one, if there is another.
    let second = (first + 1 + (random >> 32) as usize % (free.len() - 1).max(1)) % free.len();
    let best = [free[first], free[second]].into_iter().min_by_key(|index| candidates[*index].load);
    let Some(best) = best.map(|index| &mut candidates[index]) else { return Pick::Nobody };
    best.room = best.room.saturating_sub(1);
    best.load += 1;
    Pick::Target(best.id)
}

#[cfg(test)]
mod tests;
