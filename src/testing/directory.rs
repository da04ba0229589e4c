//! What the cluster's nodes ask: records under compare-and-set, snapshots likewise, and heartbeats. Answers
//! can get lost, and what was written then may have landed, may land later, or never.

use crate::protocol::ids::{CohortId, NodeId};
use crate::protocol::lease::Heartbeat;
use crate::protocol::record::{Answer, Ask, CasAnswer, ReadAnswer, Record, Revision, Versioned};
use crate::protocol::room::Listing;
use crate::protocol::snapshot::{SnapshotAnswer, SnapshotAsk, Stored};
use std::collections::BTreeMap;
use std::time::Duration;

/// What becomes of a write whose answer gets lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// It has landed.
    Landed,
    /// It never lands.
    Never,
    /// It lands so much later.
    Later(Duration),
}

/// Records, snapshots and heartbeats.
#[derive(Debug, Default)]
pub struct Directory {
    records: BTreeMap<CohortId, Versioned>,
    snapshots: BTreeMap<CohortId, Stored>,
    /// What rooms are found by, and who has said so.
    pub(super) listings: BTreeMap<CohortId, (NodeId, Listing)>,
    revision: u64,
    /// How each node's lease stands.
    pub(super) heartbeats: BTreeMap<NodeId, Heartbeat>,
    pub(super) down: bool,
    /// The next compare-and-set is not answered.
    pub(super) lose_answer: Option<Landing>,
    /// So many reads are not answered.
    pub(super) lose_reads: u32,
    /// How often the store of snapshots was asked for something.
    pub snapshot_questions: u64,
    /// The store has no room for snapshots.
    pub(super) store_busy: bool,
    /// The next snapshot is not answered, and may land late.
    pub(super) lose_store: Option<Landing>,
}

impl Directory {
    /// What it holds about a cohort.
    pub fn record(&self, cohort: CohortId) -> Option<Versioned> {
        self.records.get(&cohort).copied()
    }

    /// The snapshot of a cohort.
    pub fn snapshot(&self, cohort: CohortId) -> Option<&Stored> {
        self.snapshots.get(&cohort)
    }

    pub(super) fn answer(&mut self, cohort: CohortId, ask: Ask) -> Answer {
        match ask {
            Ask::Read => Answer::Read(ReadAnswer::Read(self.record(cohort))),
            Ask::Cas { expected, record } => Answer::Cas(self.compare_and_set(cohort, expected, record)),
        }
    }

    fn compare_and_set(&mut self, cohort: CohortId, expected: Revision, record: Record) -> CasAnswer {
        let found = self.record(cohort);
        if found.map(|found| found.revision) != Some(expected) {
            return CasAnswer::Lost(found);
        }
        CasAnswer::Won(self.write(cohort, record).revision)
    }

    pub(super) fn write(&mut self, cohort: CohortId, record: Record) -> Versioned {
        let written = Versioned { revision: self.next_revision(), record };
        self.records.insert(cohort, written);
        written
    }

    /// What is there under this name, now that it is there.
    pub(super) fn create(&mut self, cohort: CohortId, record: Record) -> Versioned {
        self.record(cohort).unwrap_or_else(|| self.write(cohort, record))
    }

    fn next_revision(&mut self) -> Revision {
        self.revision += 1;
        Revision(self.revision)
    }

    /// The store of snapshots.
    pub(super) fn on_snapshot(&mut self, cohort: CohortId, ask: SnapshotAsk) -> SnapshotAnswer {
        self.snapshot_questions += 1;
        match ask {
            SnapshotAsk::Read => SnapshotAnswer::Read(self.snapshot(cohort).cloned().map(Box::new)),
            SnapshotAsk::Write { .. } if self.store_busy => SnapshotAnswer::NotNow,
            SnapshotAsk::Write { expected, snapshot } => {
                if self.snapshot(cohort).map(|stored| stored.revision) != expected {
                    return SnapshotAnswer::Conflict;
                }
                let revision = self.next_revision();
                self.snapshots.insert(cohort, Stored { revision, snapshot: *snapshot });
                SnapshotAnswer::Written(revision)
            }
        }
    }

    /// Deletes a record and its snapshot: the session has ended.
    pub(super) fn delete(&mut self, cohort: CohortId, expected: Revision) -> bool {
        let found = self.record(cohort).is_some_and(|found| found.revision == expected);
        if found {
            self.records.remove(&cohort);
            self.snapshots.remove(&cohort);
        }
        found
    }

    /// Everything that was written is gone.
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.snapshots.clear();
        self.listings.clear();
        self.heartbeats.clear();
    }

    /// The nodes that records name.
    pub(super) fn nodes_named(&self) -> impl Iterator<Item = NodeId> {
        self.records.values().flat_map(|found| found.record.nodes())
    }

    /// Whether this read is one that is not answered.
    pub(super) fn loses_read(&mut self) -> bool {
        let loses = self.lose_reads > 0;
        self.lose_reads = self.lose_reads.saturating_sub(1);
        loses
    }

    /// A node lives.
    pub(super) fn beat(&mut self, node: NodeId) {
        if let Heartbeat::Beating(count) = self.heartbeats.entry(node).or_insert(Heartbeat::Beating(0)) {
            *count += 1;
        }
    }

    /// What is answered when no answer comes.
    pub(super) const fn no_answer(ask: Ask) -> Answer {
        match ask {
            Ask::Read => Answer::Read(ReadAnswer::Failed),
            Ask::Cas { .. } => Answer::Cas(CasAnswer::Unknown),
        }
    }
}
