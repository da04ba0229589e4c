//! What becomes of the sessions of a node that is gone (rule d): whoever a client asks for its session takes it
//! over; sessions that nobody has asked for are taken over to be ended in good order.
//!
//! A node may be gone for the engine alone, and not for its clients: it keeps what it holds frozen, and they would wait
//! for nothing. So the others tell it that they may take over, and it lets its clients go.

use super::{Node, now};
use crate::engine::{NodeInfo, Standing, Unavailable};
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::cohort::Cohort;
use sterna::protocol::ids::{CohortId, NodeId, SessionId};
use sterna::protocol::limits;
use sterna::protocol::record::Record;
use sterna::protocol::time::Time;
use sterna::protocol::wire::Peer;
use sterna::transport::{Close, Handler, Lane};

/// Nodes that are gone, and what becomes of what they have left.
pub(super) type Estates = BTreeMap<NodeId, Estate>;

/// The first pause between two looks at what a node has left is the take-over time, and each is twice the one before, up
/// to this: what is still there then are mostly entries of members whose room goes on elsewhere.
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(3600);

/// What a node has left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estate {
    /// When it is looked at next. `None`: nothing is left.
    look_at: Option<Time>,
    /// The pause after that.
    pause: Duration,
}

impl Estate {
    /// Of a node that has just been seen to be gone; its clients have this time to ask for their sessions.
    fn new(first_look: Time, take_over: Duration) -> Self {
        Self { look_at: Some(first_look), pause: take_over }
    }

    fn is_due(&self, now: Time) -> bool {
        self.look_at.is_some_and(|at| at <= now)
    }

    /// It has been looked at. Whether what was found comes to an end depends on others, and on what happens to this
    /// node: only that nothing is found any more proves it.
    fn looked(&mut self, is_empty: bool, now: Time) {
        self.look_at = (!is_empty).then(|| now + self.pause);
        self.pause = (self.pause * 2).min(LOOK_AGAIN_MAX.max(self.pause));
    }
}

impl Node {
    /// Takes a session, or a room, over if that is permitted, as far as this node can see. The take-over asks for itself.
    /// `orphan_of`: the session's record names this room, which is gone.
    pub(super) fn take_over(
        self: &Arc<Self>,
        id: CohortId,
        record: &Record,
        orphan_of: Option<CohortId>,
    ) -> bool {
        let nobody = {
            let watch = self.watch.lock();
            record.may_be_taken_over(self.id, |node| watch.has_run_out(node))
        };
        // A node on its way out leaves it to others, if there are any.
        let willing = self.standing() != Standing::Offline || !self.others_online();
        let permitted = self.with_env(|env| env.permit.is_some());
        if !nobody || !willing || !permitted || self.is_full() || self.is_parking() {
            return false;
        }
        self.begin_take_over(id, orphan_of);
        true
    }

    fn begin_take_over(self: &Arc<Self>, id: CohortId, orphan_of: Option<CohortId>) {
        let unknown = || Cohort::unknown(id, self.id, self.settings.clone());
        self.with_new(unknown, |cohort, env| match orphan_of {
            Some(room) => cohort.take_over_orphan(room, env),
            None => cohort.take_over(env),
        });
    }

    fn others_online(&self) -> bool {
        !self.other_nodes_online().is_empty()
    }

    /// The other nodes of the cluster that take newcomers, wherever they run, as far as this one has seen.
    pub fn other_nodes_online(&self) -> Vec<NodeInfo> {
        let mut nodes = self.live_nodes();
        nodes.retain(|info| info.id != self.id && info.standing == Standing::Online);
        nodes
    }

    /// The nodes that have published and whose lease has not run out, as far as this one has seen.
    pub fn live_nodes(&self) -> Vec<NodeInfo> {
        let mut nodes = self.shared.engine.nodes();
        let watch = self.watch.lock();
        nodes.retain(|info| !watch.has_run_out(info.id));
        nodes
    }

    /// Takes over what nodes that are gone have left and no client has asked for within its time: the
    /// sessions end here, and the application hears of it.
    pub(super) async fn inherit(self: Arc<Self>, gone: BTreeSet<NodeId>) {
        let Ok(mut estates) = self.estates.try_lock() else { return }; // the last look still goes on
        estates.retain(|node, _| gone.contains(node));
        for node in gone {
            let estate = Estate::new(now() + self.settings.resume_max, self.shared.config.times.take_over);
            estates.entry(node).or_insert(estate);
        }
        let left = estates.iter_mut().filter(|(_, estate)| estate.look_at.is_some());
        let left: Vec<(NodeId, &mut Estate)> = left.map(|(node, estate)| (*node, estate)).collect();
        // Its heartbeat may be forgotten before anybody has seen to everything.
        self.name_nodes(left.iter().map(|(node, _)| *node));
        join_all(left.iter().map(|(node, _)| self.tell_lease_over(*node))).await;
        for (node, estate) in left {
            if estate.is_due(now()) {
                let is_empty = self.inherit_from(node).await == Ok(true);
                estate.looked(is_empty, now());
            }
        }
    }

    /// Tells a node that its lease has run out, if it can be reached.
    async fn tell_lease_over(&self, gone: NodeId) {
        let Some(info) = self.shared.engine.nodes().into_iter().find(|info| info.id == gone) else { return };
        // Whoever is not gone for the engine alone is not there: the usual case.
        let Ok(link) = self.peer_dialer.dial(info.peer).await else { return };
        let mut bytes = Vec::new();
        Peer::Hello { version: limits::VERSION, from: self.id, to: gone }.encode(&mut bytes);
        Peer::LeaseOver.encode(&mut bytes);
        let _ = tokio::time::timeout(limits::CLOSE_MAX, link.run(&mut Word(bytes))).await;
    }

    /// By another node's reads the lease has run out, so that others may take over.
    pub(super) fn let_clients_go(self: &Arc<Self>, told_by: NodeId) {
        // It may have come late: whoever has its lease again serves on.
        if self.with_env(|env| env.permit.is_some()) {
            return;
        }
        let mut clients = 0;
        self.for_each_slot(|cohort, env| clients += cohort.let_clients_go(env));
        if clients > 0 {
            tracing::warn!(node = %self.name, %told_by, clients, "others may take over: clients look for them");
        }
    }

    /// Whether nothing is left of it.
    async fn inherit_from(self: &Arc<Self>, gone: NodeId) -> Result<bool, Unavailable> {
        let cohorts = self.shared.engine.cohorts_of(gone).await?;
        let is_empty = cohorts.is_empty();
        let heirs = heirs(self.live_nodes());
        let mine = |cohort: &CohortId| heir(*cohort, &heirs) == Some(self.id);
        for cohort in cohorts.into_iter().filter(mine) {
            // A node that stops would begin what it cannot end.
            if self.is_parking() || self.has_stopped() {
                break;
            }
            // A room's record rules itself; a session in a room is left to whoever has the room.
            let ruling = self.ruling_record(SessionId(cohort.0)).await?;
            if let Some(ruling) = ruling.filter(|ruling| ruling.cohort == cohort) {
                self.begin_take_over(cohort, ruling.orphan_of);
            }
        }
        Ok(is_empty)
    }
}

/// Who sees to what a node has left: those who stay, if there are any.
fn heirs(mut nodes: Vec<NodeInfo>) -> Vec<NodeInfo> {
    if nodes.iter().any(|info| info.standing != Standing::Offline) {
        nodes.retain(|info| info.standing != Standing::Offline);
    }
    nodes
}

/// Says one thing on a link, and closes it.
struct Word(Vec<u8>);

impl Handler for Word {
    fn received(&mut self, _: Lane, bytes: &[u8]) -> Result<usize, Close> {
        if bytes.is_empty() { Ok(0) } else { Err(Close) }
    }

    fn datagram(&mut self, _: &[u8]) {}

    fn fill(&mut self, lane: Lane, out: &mut Vec<u8>, _: usize) {
        if lane != Lane::Data {
            out.append(&mut self.0);
        }
    }

    fn next_datagram(&mut self, _: &mut Vec<u8>) -> bool {
        false
    }

    fn closing(&self) -> bool {
        true
    }
}

/// Which of these nodes sees to a cohort, so that not all of them do: the one with the highest random weight
/// (Thaler and Ravishankar 1998).
fn heir(cohort: CohortId, nodes: &[NodeInfo]) -> Option<NodeId> {
    nodes.iter().map(|info| info.id).max_by_key(|node| weight(cohort.0, *node))
}

/// The weight of a node for something with this number: as good as random, and the same wherever it is asked for.
pub(super) fn weight(number: u64, node: NodeId) -> u64 {
    (number ^ node.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estate_is_looked_at_until_nothing_is_left_and_ever_more_seldom() {
        let at = |seconds: u64| Time::from_micros(seconds * 1_000_000);
        let mut estate = Estate::new(at(60), Duration::from_secs(15));
        assert!(!estate.is_due(at(59)) && estate.is_due(at(60)));
        // A read has failed, or an heir has died.
        estate.looked(false, at(60));
        assert!(!estate.is_due(at(74)) && estate.is_due(at(75)));
        estate.looked(false, at(75));
        assert!(!estate.is_due(at(104)) && estate.is_due(at(105)));
        for _ in 0..20 {
            estate.looked(false, at(105));
        }
        assert!(estate.is_due(at(105) + LOOK_AGAIN_MAX), "it is never given up");
        estate.looked(true, at(105));
        assert!(!estate.is_due(at(1_000_000)), "nothing is left");
    }

    #[test]
    fn whoever_leaves_inherits_only_if_nobody_stays() {
        let node = |id, standing| {
            let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
            let (tcp, quic, peer) = (nowhere, nowhere, nowhere);
            let name = format!("node-{id}");
            NodeInfo { id: NodeId(id), name, standing, tcp, quic, peer, app_version: 1, sessions: 0 }
        };
        let ids = |nodes: Vec<NodeInfo>| heirs(nodes).iter().map(|info| info.id.0).collect::<Vec<_>>();
        let [leaves, stays] = [node(1, Standing::Offline), node(2, Standing::Cordoned)];
        assert_eq!(ids(vec![leaves.clone(), stays, node(3, Standing::Online)]), [2, 3]);
        assert_eq!(ids(vec![leaves]), [1]);
    }
}
