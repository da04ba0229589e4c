//! The model of who owns a session, and what must hold in each of its states.

use crate::cluster::{Bounds, Cluster, Rules};
use crate::heal::Healer;
use crate::possible::Action;
use crate::variants::Variant;
use stateright::{Model, Property};
use sterna::protocol::cohort::{Asker, Cohort};
use sterna::protocol::ids::{MoveId, NodeId};
use sterna::protocol::record::OwnerPhase;

/// The search's model.
#[derive(Debug)]
pub struct Ownership {
    bounds: Bounds,
    rules: Rules,
    healer: Healer,
}

impl Ownership {
    /// Everything within these bounds, by the rules or without one of them.
    pub fn new(bounds: Bounds, variant: Option<Variant>) -> Self {
        Self { bounds, rules: Rules::new(variant), healer: Healer::default() }
    }

    /// Which rule is broken.
    pub fn variant(&self) -> Option<Variant> {
        self.rules.variant
    }
}

impl Model for Ownership {
    type State = Cluster;
    type Action = Action;

    fn init_states(&self) -> Vec<Cluster> {
        vec![Cluster::new(self.bounds)]
    }

    fn actions(&self, state: &Cluster, actions: &mut Vec<Action>) {
        state.actions(&self.rules, actions);
    }

    fn next_state(&self, state: &Cluster, action: Action) -> Option<Cluster> {
        state.after(&action, &self.rules)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("at most one server", |_, state: &Cluster| state.servers() <= 1),
            Property::always("nobody is served without a lease", |_, state: &Cluster| {
                !state.served_without_lease
            }),
            Property::always("no write of a lower fence lands", |_, state: &Cluster| !state.store.went_back),
            Property::always("what was taken over stands in the store", |_, state: &Cluster| {
                let restored = state.nodes.iter().filter_map(|node| node.restored);
                let stored = state.store.snapshot.as_ref().map(|stored| stored.snapshot.fence);
                restored.into_iter().all(|fence| stored >= Some(fence))
            }),
            Property::always("a target is named only when its client is there", |_, state: &Cluster| {
                !state.claimed_unready
            }),
            Property::always(
                "without a further fault it is served again",
                |model: &Self, state: &Cluster| model.healer.heals(state, &model.rules),
            ),
            Property::sometimes("a target refuses", |_, state: &Cluster| {
                state.network.iter().any(|sent| sent.name == "Refused")
            }),
            Property::sometimes("a write may land late", |_, state: &Cluster| !state.store.late.is_empty()),
            Property::sometimes("the source recalls", |_, state: &Cluster| {
                let recalls = |cohort: &Cohort| cohort.is_held() && cohort.asks(Asker::TakeOver);
                state.nodes[0].cohort.as_ref().is_some_and(recalls)
            }),
            Property::sometimes("the spare takes over", |_, state: &Cluster| {
                state.nodes[2].restored.is_some() && state.nodes[2].serving() == 1
            }),
            Property::sometimes("a second target is named", |_, state: &Cluster| {
                named(state).is_some_and(|id| id.target == NodeId(3))
            }),
            Property::sometimes("moved", |_, state: &Cluster| finalised(state, NodeId(2))),
            Property::sometimes("moved back", |_, state: &Cluster| finalised(state, NodeId(1))),
            Property::sometimes("a dry run finds a target", |_, state: &Cluster| {
                state.nodes.iter().any(|node| node.fitted)
            }),
            Property::sometimes("a target is asked by a dry run and then by a move", |_, state: &Cluster| {
                let sent = |name: &str| state.network.iter().any(|sent| sent.name == name);
                sent("Probe") && sent("Prepare")
            }),
            Property::sometimes("goes on after a fence", |_, state: &Cluster| {
                let record = state.store.held.record;
                record.epoch.0 == 2 && record.served_by(NodeId(1)) && state.servers() == 1
            }),
        ]
    }
}

/// The move that the record names.
fn named(state: &Cluster) -> Option<MoveId> {
    let record = state.store.held.record;
    let OwnerPhase::Handing { attempt, .. } = record.phase else { return None };
    let cohort = sterna::protocol::ids::CohortId(7);
    Some(MoveId { cohort, epoch: record.epoch, attempt, target: record.owner })
}

/// A move to this node has gone all the way.
fn finalised(state: &Cluster, node: NodeId) -> bool {
    state.store.held.record.served_by(node)
        && state.network.iter().any(|sent| sent.name == "Finalised" && sent.id.target == node)
}
