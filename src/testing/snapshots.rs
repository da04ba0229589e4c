//! The driver of the store of snapshots: written by compare-and-set, never over one of a higher fence.

use super::Cluster;
use super::happenings::{DIRECTORY_MAX, Happening};
use super::history::Entry;
use crate::protocol::ids::{CohortId, Fence, MoveId, NodeId};
use crate::protocol::record::Revision;
use crate::protocol::wire::SessionState;

/// A snapshot on its way to the store.
#[derive(Clone, Debug)]
pub(super) struct Storing {
    pub(super) id: MoveId,
    pub(super) fence: Fence,
    pub(super) sessions: Vec<SessionState>,
}

impl Cluster {
    pub(super) fn store_snapshot(&mut self, node: NodeId, cohort: CohortId, storing: Storing) {
        let delay = self.directory_delay(cohort);
        self.schedule(delay, Happening::StoreReads(node, cohort, Box::new(storing)));
    }

    pub(super) fn store_reads(&mut self, node: NodeId, cohort: CohortId, storing: Box<Storing>) {
        let id = storing.id;
        if self.is_cut_off(node) {
            return self.schedule(DIRECTORY_MAX, Happening::Stored(node, cohort, id));
        }
        let found = self.directory.snapshot(cohort).map(|found| (found.revision, found.fence));
        let delay = self.directory_delay(cohort);
        if found.is_some_and(|(_, fence)| fence > storing.fence) {
            return self.schedule(delay, Happening::Stored(node, cohort, id));
        }
        let late = self.directory.store_late.take().unwrap_or_default();
        let expected = found.map(|(revision, _)| revision);
        self.schedule(delay * 2 + late, Happening::StoreWrites(node, cohort, expected, storing));
        if !late.is_zero() {
            // Its writer goes on meanwhile: an arrival does not wait for a store that is silent.
            self.schedule(DIRECTORY_MAX, Happening::Stored(node, cohort, id));
        }
    }

    pub(super) fn store_writes(
        &mut self,
        node: NodeId,
        cohort: CohortId,
        expected: Option<Revision>,
        storing: Box<Storing>,
    ) {
        let Storing { id, fence, .. } = *storing;
        if self.is_cut_off(node) {
            return self.schedule(DIRECTORY_MAX, Happening::Stored(node, cohort, id));
        }
        let delay = self.directory_delay(cohort);
        if self.directory.write_snapshot(cohort, expected, fence, storing.sessions.clone()) {
            self.history.lock().push(Entry::Stored(cohort, fence));
            self.schedule(delay, Happening::Stored(node, cohort, id));
        } else if self.nodes.contains_key(&node) {
            self.schedule(delay * 2, Happening::StoreReads(node, cohort, storing));
        }
    }
}
