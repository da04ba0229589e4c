//! What a dry run of a drain is asked for, and what it finds.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Body of `POST /v1/admin/nodes/{name}/dry-run`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DryRunRequest {
    /// How long it may take; `None`: as long as a drain, as configured.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
    /// Whether nodes with an older version of the application would do, too.
    #[serde(default)]
    pub any_version: bool,
}

/// What a dry run has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRunReport {
    /// The node.
    pub node: String,
    /// How long it took.
    pub took_ms: u64,
    /// Sessions that were looked at.
    pub sessions: u64,
    /// Those of them that could be moved now.
    pub movable: u64,
    /// Those of the movable ones that have no link: a node takes them, and their clients' way there was not tried.
    pub unlinked: u64,
    /// Each session that is alone, and each room, those first that cannot be moved.
    pub cohorts: Vec<DryRunEntry>,
}

/// What a dry run has found about one session, or one room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRunEntry {
    /// The user, or the room with the number of its members.
    pub who: String,
    /// In a word.
    pub result: DryRunResult,
    /// How many sessions that are.
    pub sessions: u64,
    /// How many of them could be moved now.
    pub movable: u64,
    /// How many of the movable ones have no link.
    pub unlinked: u64,
    /// The node that would take it.
    pub target: Option<String>,
    /// Why a move would fail: a label of [`MoveFailure`](sterna::protocol::reasons::MoveFailure).
    pub reason: Option<String>,
    /// Nodes that would not do.
    pub tried: Vec<TriedTarget>,
    /// Users whose clients could not attach to the node that was tried last.
    pub unreached: Vec<String>,
}

/// A node that would not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriedTarget {
    /// Which.
    pub node: String,
    /// A label of [`TargetRefusal`](sterna::protocol::reasons::TargetRefusal), or `client_cannot_reach`.
    pub reason: String,
}

/// What a dry run has found, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DryRunResult {
    /// A move would fail.
    Stays,
    /// A room would move, and some of its members could not follow.
    Partly,
    /// Its turn did not come in time, or the run was broken off.
    Untried,
    /// Something real came in between, like a move.
    Overtaken,
    /// A node takes it, and its clients can attach there.
    Movable,
}

impl DryRunResult {
    /// Its name in JSON and in tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Stays => "stays",
            Self::Partly => "partly",
            Self::Untried => "untried",
            Self::Overtaken => "overtaken",
            Self::Movable => "movable",
        }
    }
}

impl DryRunEntry {
    /// One whose turn did not come.
    pub fn untried(who: String, sessions: u64) -> Self {
        Self {
            who,
            result: DryRunResult::Untried,
            sessions,
            movable: 0,
            unlinked: 0,
            target: None,
            reason: None,
            tried: Vec::new(),
            unreached: Vec::new(),
        }
    }
}

impl DryRunReport {
    /// Adds everything up.
    pub fn new(node: String, took: Duration, mut cohorts: Vec<DryRunEntry>) -> Self {
        cohorts.sort_by(|a, b| (a.result, &a.reason, &a.who).cmp(&(b.result, &b.reason, &b.who)));
        let sum = |of: fn(&DryRunEntry) -> u64| cohorts.iter().map(of).sum();
        Self {
            took_ms: took.as_millis() as u64,
            sessions: sum(|entry| entry.sessions),
            movable: sum(|entry| entry.movable),
            unlinked: sum(|entry| entry.unlinked),
            node,
            cohorts,
        }
    }

    /// Whether nothing stands in the way.
    pub fn all_could_move(&self) -> bool {
        self.cohorts.iter().all(|entry| entry.result == DryRunResult::Movable)
    }
}
