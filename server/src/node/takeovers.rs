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
use sterna::protocol::cohort::Cohort;
use sterna::protocol::ids::{CohortId, NodeId, SessionId};
use sterna::protocol::limits;
use sterna::protocol::record::Record;
use sterna::protocol::time::Time;
use sterna::protocol::wire::Peer;
use sterna::transport::{Close, Handler, Lane};

/// Nodes that are gone: since when, and whether their sessions have been seen to. `None`: they have.
pub(super) type Estates = BTreeMap<NodeId, Option<Time>>;

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
            estates.entry(node).or_insert(Some(now()));
        }
        let left: Vec<(NodeId, Time)> =
            estates.iter().filter_map(|(node, since)| Some((*node, (*since)?))).collect();
        join_all(left.iter().map(|(node, _)| self.tell_lease_over(*node))).await;
        for (node, since) in left {
            if now() >= since + self.settings.resume_max && self.inherit_from(node).await {
                estates.insert(node, None);
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

    /// False: the engine did not answer.
    async fn inherit_from(self: &Arc<Self>, gone: NodeId) -> bool {
        let Ok(cohorts) = self.shared.engine.cohorts_of(gone).await else { return false };
        let heirs = self.live_nodes();
        let mine = |cohort: &CohortId| heir(*cohort, &heirs) == Some(self.id);
        for cohort in cohorts.into_iter().filter(mine) {
            // A room's record rules itself; a session in a room is left to whoever has the room.
            match self.ruling_record(SessionId(cohort.0)).await {
                Ok(Some(ruling)) if ruling.cohort == cohort => self.begin_take_over(cohort, ruling.orphan_of),
                Ok(Some(_) | None) => {}
                Err(Unavailable) => return false,
            }
        }
        true
    }
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
    nodes
        .iter()
        .map(|info| info.id)
        .max_by_key(|node| (cohort.0 ^ node.0).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
