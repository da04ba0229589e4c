//! The log of moves: for each of the last moves from or to a node of this process, what came of it.
//!
//! Source and target of a move write into the same entry if both are nodes of this process; else each process knows
//! its side only, and the move's id joins the two.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use sterna::protocol::ids::MoveId;
use sterna::protocol::reasons::MoveFailure;

/// How many moves the log holds; past it the oldest are forgotten.
pub const MOVES_MAX: usize = 1000;

/// What came of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveResult {
    /// It goes on.
    UnderWay,
    /// The target serves.
    Done,
    /// The source serves on; the reason is beside it.
    Failed,
}

impl MoveResult {
    /// Its name in JSON and in tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::UnderWay => "under_way",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// One move, as operators see it. What this process does not know of it is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveEntry {
    /// The move's id, as logs and spans of both nodes name it; empty if no target was found.
    pub id: String,
    /// Who moves: the user, or the room with the number of its members.
    pub who: String,
    /// Name of the source.
    pub from: String,
    /// Name of the target; empty if none was found.
    pub to: String,
    /// When it began here, in milliseconds since 1970.
    pub began_unix_ms: u64,
    /// How long it has taken until its end was known here.
    pub took_ms: Option<u64>,
    /// What came of it.
    pub result: MoveResult,
    /// Why it failed: a label of [`MoveFailure`].
    pub reason: Option<String>,
    /// How long the source was frozen until the baton's first byte was on its way.
    pub freeze_us: Option<u64>,
    /// What the move has added to the spacing of messages, as the clients have measured it: the longest.
    pub added_delay_us: Option<u64>,
    /// Bytes of the baton.
    pub bytes: Option<u64>,
}

/// Who takes part in a move, as the side that begins an entry knows it.
#[derive(Clone, Debug, Default)]
pub struct Parties {
    /// Who moves.
    pub who: String,
    /// Name of the source.
    pub from: String,
    /// Name of the target.
    pub to: String,
}

#[derive(Debug)]
struct Kept {
    /// `None`: no target was found.
    id: Option<MoveId>,
    began: Instant,
    entry: MoveEntry,
}

/// The last moves from and to the nodes of a process.
#[derive(Debug, Default)]
pub struct MoveLog {
    kept: Mutex<VecDeque<Kept>>,
}

impl MoveLog {
    /// A move has begun. Nothing, if its other side has said so already.
    pub fn began(&self, id: MoveId, parties: Parties) {
        let mut kept = self.kept.lock();
        if let Some(known) = kept.iter_mut().rev().find(|kept| kept.id == Some(id)) {
            // The target knows nobody's name before the baton.
            if known.entry.who.is_empty() {
                known.entry.who = parties.who;
            }
            return;
        }
        add(&mut kept, Some(id), parties);
    }

    /// A move came to nothing before there was a target to name.
    pub fn stranded(&self, parties: Parties, reason: MoveFailure) {
        let mut kept = self.kept.lock();
        let entry = add(&mut kept, None, parties);
        (entry.result, entry.took_ms) = (MoveResult::Failed, Some(0));
        entry.reason = Some(reason.label().to_owned());
    }

    /// The target serves.
    pub fn done(&self, id: MoveId, who: impl FnOnce() -> String) {
        self.change(id, |entry, took_ms| {
            if entry.result == MoveResult::UnderWay {
                (entry.result, entry.took_ms) = (MoveResult::Done, Some(took_ms));
            }
            if entry.who.is_empty() {
                entry.who = who();
            }
        });
    }

    /// The source serves on.
    pub fn failed(&self, id: MoveId, reason: MoveFailure) {
        self.change(id, |entry, took_ms| {
            (entry.result, entry.took_ms) = (MoveResult::Failed, Some(took_ms));
            entry.reason = Some(reason.label().to_owned());
        });
    }

    /// It does not come to the target, which need not know why: what the source says counts for more.
    pub fn called_off(&self, id: MoveId, reason: MoveFailure) {
        self.change(id, |entry, took_ms| {
            if entry.result == MoveResult::UnderWay {
                (entry.result, entry.took_ms) = (MoveResult::Failed, Some(took_ms));
                entry.reason = Some(reason.label().to_owned());
            }
        });
    }

    /// The baton's first byte is on its way, so long after the freeze.
    pub fn froze(&self, id: MoveId, freeze: Duration) {
        self.change(id, |entry, _| entry.freeze_us = Some(freeze.as_micros() as u64));
    }

    /// The baton has so many bytes.
    pub fn passed(&self, id: MoveId, bytes: u64) {
        self.change(id, |entry, _| entry.bytes = Some(bytes));
    }

    /// A client has measured this.
    pub fn felt(&self, id: MoveId, added_us: u64) {
        self.change(id, |entry, _| entry.added_delay_us = entry.added_delay_us.max(Some(added_us)));
    }

    /// The last moves, the latest first.
    pub fn latest(&self, count: usize) -> Vec<MoveEntry> {
        self.kept.lock().iter().rev().take(count).map(|kept| kept.entry.clone()).collect()
    }

    fn change(&self, id: MoveId, change: impl FnOnce(&mut MoveEntry, u64)) {
        // What is told of is one of the latest.
        if let Some(kept) = self.kept.lock().iter_mut().rev().find(|kept| kept.id == Some(id)) {
            let took_ms = kept.began.elapsed().as_millis() as u64;
            change(&mut kept.entry, took_ms);
        }
    }
}

fn add(kept: &mut VecDeque<Kept>, id: Option<MoveId>, parties: Parties) -> &mut MoveEntry {
    if kept.len() >= MOVES_MAX {
        kept.pop_front();
    }
    let entry = MoveEntry {
        id: id.map_or_else(String::new, |id| id.to_string()),
        who: parties.who,
        from: parties.from,
        to: parties.to,
        began_unix_ms: crate::seal::unix_ms(),
        took_ms: None,
        result: MoveResult::UnderWay,
        reason: None,
        freeze_us: None,
        added_delay_us: None,
        bytes: None,
    };
    kept.push_back(Kept { id, began: Instant::now(), entry });
    &mut kept.back_mut().expect("it was put there just now").entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use sterna::protocol::ids::{CohortId, Epoch, NodeId};

    fn id(cohort: u64) -> MoveId {
        MoveId { cohort: CohortId(cohort), epoch: Epoch(2), attempt: 1, target: NodeId(9) }
    }

    fn parties(who: &str) -> Parties {
        Parties { who: who.into(), from: "node-1".into(), to: "node-2".into() }
    }

    #[test]
    fn both_sides_of_a_move_write_one_entry() {
        let log = MoveLog::default();
        log.began(id(1), parties(""));
        log.began(id(1), parties("ann"));
        log.passed(id(1), 512);
        log.froze(id(1), Duration::from_micros(80));
        log.done(id(1), || "somebody".into());
        log.felt(id(1), 900);
        log.felt(id(1), 400);
        let [entry] = &log.latest(10)[..] else { panic!("one entry") };
        assert_eq!((entry.who.as_str(), entry.result, entry.bytes), ("ann", MoveResult::Done, Some(512)));
        assert_eq!((entry.freeze_us, entry.added_delay_us), (Some(80), Some(900)));
        assert!(entry.took_ms.is_some() && entry.reason.is_none());
    }

    #[test]
    fn a_move_that_is_taken_back_has_failed_although_it_had_arrived() {
        let log = MoveLog::default();
        log.began(id(1), parties("ann"));
        log.done(id(1), String::new);
        log.failed(id(1), MoveFailure::TargetRefused);
        let entry = &log.latest(1)[0];
        assert_eq!((entry.result, entry.reason.as_deref()), (MoveResult::Failed, Some("target_refused")));
    }

    #[test]
    fn the_log_forgets_the_oldest() {
        let log = MoveLog::default();
        for cohort in 0..MOVES_MAX as u64 + 5 {
            log.began(id(cohort), parties("ann"));
        }
        let latest = log.latest(usize::MAX);
        assert_eq!(latest.len(), MOVES_MAX);
        assert_eq!(latest[0].id, id(MOVES_MAX as u64 + 4).to_string());
        assert_eq!(latest.last().map(|entry| entry.id.clone()), Some(id(5).to_string()));
    }
}
