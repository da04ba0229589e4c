//! The driver of the store of snapshots, which is under compare-and-set as the directory is, and of the leases
//! that a take-over reads.

use super::Cluster;
use super::directory::Landing;
use super::happenings::{DIRECTORY_MAX, Happening};
use super::history::Entry;
use crate::protocol::cohort::{Asker, Cohort};
use crate::protocol::ids::{CohortId, NodeId};
use crate::protocol::lease::Heartbeat;
use crate::protocol::record::Record;
use crate::protocol::snapshot::{SnapshotAnswer, SnapshotAsk};
use crate::protocol::time::Time;

/// A question to the store of snapshots.
#[derive(Clone, Debug)]
pub(super) struct Storing {
    pub(super) asker: Asker,
    pub(super) number: u64,
    pub(super) ask: SnapshotAsk,
}

impl Cluster {
    /// Somebody looks for a session, or a room, at a node that does not have it. False: its owner lives, as far as
    /// this node can see.
    pub(super) fn take_over(&mut self, id: NodeId, cohort: CohortId, record: &Record) -> bool {
        if !self.may_take_over(id, record) {
            return false;
        }
        self.call_or_expect(id, cohort, |cohort, env| cohort.take_over(env));
        true
    }

    pub(super) fn may_take_over(&self, id: NodeId, record: &Record) -> bool {
        let Some(node) = self.nodes.get(&id) else { return false };
        let nobody = record.may_be_taken_over(id, |other| node.watch.has_run_out(other));
        nobody && !node.parking && node.is_permitted(self.now)
    }

    /// Calls a cohort that the node may know nothing of.
    pub(super) fn call_or_expect(
        &mut self,
        id: NodeId,
        cohort: CohortId,
        call: impl FnOnce(&mut Cohort, &crate::protocol::cohort::Env<'_>),
    ) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let settings = node.settings.clone();
        node.cohorts.entry(cohort).or_insert_with(|| Cohort::unknown(cohort, id, settings));
        self.call(id, cohort, call);
    }

    pub(super) fn snapshot_asked(&mut self, node: NodeId, cohort: CohortId, storing: Storing) {
        let Storing { asker, number, ask } = storing;
        let key = asker.key(cohort);
        let lost = match ask {
            SnapshotAsk::Write { .. } => self.directory.lose_store.take(),
            SnapshotAsk::Read => self.directory.loses_read().then_some(Landing::Never),
        };
        let unreachable = self.is_cut_off(node);
        let (answer, delay) = if unreachable || lost.is_some() {
            match lost {
                Some(Landing::Landed) if !unreachable => self.snapshot_lands(key, ask),
                Some(Landing::Later(after)) => {
                    self.schedule(after, Happening::SnapshotLands(key, Box::new(ask)));
                }
                Some(Landing::Landed | Landing::Never) | None => {}
            }
            (SnapshotAnswer::Unknown, DIRECTORY_MAX)
        } else {
            (self.put_snapshot(key, ask), self.directory_delay(cohort))
        };
        self.schedule(delay, Happening::SnapshotAnswered(node, cohort, asker, number, Box::new(answer)));
    }

    pub(super) fn snapshot_lands(&mut self, cohort: CohortId, ask: SnapshotAsk) {
        let answer = self.put_snapshot(cohort, ask);
        self.note(|| format!("a late snapshot of {cohort}: {answer:.20?}"));
    }

    fn put_snapshot(&mut self, cohort: CohortId, ask: SnapshotAsk) -> SnapshotAnswer {
        let fence = match &ask {
            SnapshotAsk::Write { snapshot, .. } => Some(snapshot.fence),
            SnapshotAsk::Read => None,
        };
        let answer = self.directory.on_snapshot(cohort, ask);
        if let (SnapshotAnswer::Written(_), Some(fence)) = (&answer, fence) {
            self.history.lock().push(Entry::Stored(cohort, fence));
        }
        answer
    }

    /// A take-over's question for the heartbeats, asked at `asked_at`, reaches the directory.
    pub(super) fn leases_asked(&mut self, node: NodeId, cohort: CohortId, number: u64, asked_at: Time) {
        let read = !self.is_cut_off(node) && !self.directory.loses_read();
        let beats = read.then(|| self.heartbeats(node));
        let delay = if read { self.directory_delay(cohort) } else { DIRECTORY_MAX };
        self.schedule(delay, Happening::LeasesRead(node, cohort, number, asked_at, beats));
    }

    pub(super) fn leases_read(
        &mut self,
        id: NodeId,
        cohort: CohortId,
        number: u64,
        asked_at: Time,
        beats: Option<Vec<(NodeId, Heartbeat)>>,
    ) {
        let read = beats.is_some();
        self.watched(id, asked_at, beats);
        let gone = self.nodes.get(&id).filter(|_| read).map(super::node::Node::gone);
        self.call(id, cohort, |cohort, env| cohort.on_leases(number, gone, env));
    }
}
