//! The directory that the cluster's nodes ask: records under compare-and-set, and heartbeats. Its answers
//! can get lost, and what was written then may have landed, may land later, or never.

use crate::protocol::ids::{CohortId, NodeId};
use crate::protocol::record::{Answer, Ask, CasAnswer, ReadAnswer, Record, Revision, Versioned};
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

/// Records and heartbeats.
#[derive(Debug, Default)]
pub struct Directory {
    records: BTreeMap<CohortId, Versioned>,
    revision: u64,
    /// How often each node has renewed its lease.
    pub(super) heartbeats: BTreeMap<NodeId, u64>,
    pub(super) down: bool,
    /// The next compare-and-set is not answered.
    pub(super) lose_answer: Option<Landing>,
}

impl Directory {
    /// What it holds about a cohort.
    pub fn record(&self, cohort: CohortId) -> Option<Versioned> {
        self.records.get(&cohort).copied()
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
        self.revision += 1;
        let written = Versioned { revision: Revision(self.revision), record };
        self.records.insert(cohort, written);
        written
    }

    pub(super) fn delete(&mut self, cohort: CohortId, expected: Revision) -> bool {
        let found = self.record(cohort).is_some_and(|found| found.revision == expected);
        if found {
            self.records.remove(&cohort);
        }
        found
    }

    /// What is answered when no answer comes.
    pub(super) const fn no_answer(ask: Ask) -> Answer {
        match ask {
            Ask::Read => Answer::Read(ReadAnswer::Failed),
            Ask::Cas { .. } => Answer::Cas(CasAnswer::Unknown),
        }
    }
}
