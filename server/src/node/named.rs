//! The nodes that records name, and whose leases are therefore to be looked at, whether they have a heartbeat or not.
//!
//! A heartbeat does not outlast everything that its node has left: it is forgotten after a day, and goes with a life of the
//! data in which its node never was. So whoever finds a node named asks the engine for it by name, and is told so if there
//! is no heartbeat: that counts as one that stands still (rule d).

use super::{Node, now};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use sterna::protocol::ids::NodeId;
use sterna::protocol::record::Record;
use sterna::protocol::time::Time;

/// Until when which node is asked for.
pub(super) type Named = BTreeMap<NodeId, Time>;

/// For so many take-over times a node is asked for since it was found named: once to see it gone, and as long again
/// when the engine's data were lost, and nothing means anything yet. Whose lease has run out by then is an estate.
const TAKE_OVER_TIMES: u32 = 6;

impl Node {
    /// Asks for these nodes' heartbeats from now on.
    pub(super) fn name_nodes(&self, nodes: impl IntoIterator<Item = NodeId>) {
        let until = now() + self.shared.config.times.take_over * TAKE_OVER_TIMES;
        let others = nodes.into_iter().filter(|node| *node != self.id);
        self.named.lock().extend(others.map(|node| (node, until)));
    }

    /// What becomes of this record's cohort depends on the nodes that it names.
    pub(super) fn name_nodes_of(&self, record: &Record) {
        self.name_nodes(record.nodes());
    }

    /// The nodes to ask for.
    pub(super) fn named_nodes(&self) -> BTreeSet<NodeId> {
        let mut named = self.named.lock();
        named.retain(|_, until| now() < *until);
        named.keys().copied().collect()
    }

    /// Moves depend on the other node, whether it has been seen or not (rules c and d).
    pub(super) fn name_partners(&self) {
        let partners =
            self.all_slots().into_iter().filter_map(|slot| slot.look(|cohort| cohort.depends_on()));
        self.name_nodes(partners.collect::<BTreeSet<_>>());
    }

    /// Finds out whose sessions there are, in one pass: of those that ended so long ago that nothing else tells of them
    /// somebody has to see to what they have left.
    pub(super) async fn find_owners(self: Arc<Self>) {
        while !self.has_stopped() {
            if let Ok(nodes) = self.shared.engine.nodes_named().await {
                return self.name_nodes(nodes);
            }
            tokio::time::sleep(self.shared.config.times.lease_renew).await;
        }
    }
}
