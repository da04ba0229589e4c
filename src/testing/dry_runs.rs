//! What a test can say of dry runs, and see of them.

use super::{Cluster, PlayerId};
use crate::protocol::cohort::{Cohort, ProbeReport};
use crate::protocol::ids::{CohortId, NodeId};

impl Cluster {
    /// A dry run of the node's drain begins: everything that it holds is probed.
    pub fn dry_run(&mut self, node: NodeId) {
        self.note(|| format!("{node} begins a dry run"));
        let cohorts: Vec<CohortId> =
            self.nodes.get(&node).map(|host| host.cohorts.keys().copied().collect()).unwrap_or_default();
        for cohort in cohorts {
            self.call(node, cohort, |cohort, env| cohort.probe(false, env));
        }
    }

    /// The dry run is called off.
    pub fn end_dry_run(&mut self, node: NodeId) {
        let cohorts: Vec<CohortId> =
            self.nodes.get(&node).map(|host| host.cohorts.keys().copied().collect()).unwrap_or_default();
        for cohort in cohorts {
            self.call(node, cohort, Cohort::end_probe);
        }
    }

    /// What has come of the probes of a node so far, in the order in which they ended.
    pub fn probed(&self, node: NodeId) -> Vec<&ProbeReport> {
        self.probed.iter().filter(|(at, ..)| *at == node).map(|(.., report)| report).collect()
    }

    /// What has come of all probes so far.
    pub fn all_probed(&self) -> impl Iterator<Item = &ProbeReport> {
        self.probed.iter().map(|(.., report)| report)
    }

    /// Whether a probe of the node is under way.
    pub fn is_probing(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|host| host.cohorts.values().any(Cohort::is_probing))
    }

    /// How many links to this node the player has open.
    pub fn links_to(&self, player: PlayerId, node: NodeId) -> usize {
        let open = |pipe: &&super::Pipe| pipe.up && pipe.client_open && pipe.node == node;
        self.pipes.values().filter(|pipe| pipe.player == player).filter(open).count()
    }
}
