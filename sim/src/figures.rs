//! What a search has come through. Chance that never strikes proves nothing: past a number of seeds, every
//! kind of mishap and every outcome has to have occurred.

use crate::story::Happening;
use std::collections::BTreeMap;
use std::fmt;
use sterna::client::event::Event;
use sterna::protocol::cohort::Report;
use sterna::protocol::probe::Outcome;
use sterna::protocol::snapshot::Origin;
use sterna::testing::{Cluster, Entry, RoomSeen};

/// From so many seeds on nothing may be missing.
pub const SEEDS_TO_SEE_ALL: u64 = 1000;

/// Outcomes that have to occur.
const OUTCOMES: &[&str] = &[
    "moved",
    "move failed: no_target",
    "move failed: target_refused",
    "move failed: engine_unavailable",
    "move failed: cancelled",
    "link restored",
    "fenced",
    "taken over from a snapshot",
    "told of a take-over",
    "told of lost messages",
    "parked in the store",
    "session ended: session_unknown",
    "session ended: timed_out",
    "probed: a target fits",
    "probed: no_target",
    "probed: target_refused",
    "probed: client_cannot_reach",
    "probed: overtaken",
    "member entered a room",
    "member told of the room's move",
    "member told of the room's restart",
    "member out of the room: Ok",
    "member out of the room: Kicked",
    "member out of the room: RoomClosed",
];

/// From so many seeds on rare outcomes may not be missing, either.
const SEEDS_TO_SEE_RARE: u64 = 20_000;

/// Outcomes that take a rare meeting of mishaps.
const RARE_OUTCOMES: &[&str] =
    &["move failed: client_cannot_reach", "move failed: lost_ownership", "taken back from a copy"];

/// Counts, over one run or many.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Runs.
    pub seeds: u64,
    /// Virtual time, in microseconds.
    pub virtual_us: u64,
    /// Messages that arrived, both ways.
    pub messages: u64,
    faults: BTreeMap<&'static str, u64>,
    outcomes: BTreeMap<String, u64>,
}

impl Figures {
    /// Something of this kind was brought about.
    pub(crate) fn begun(&mut self, kind: &'static str) {
        *self.faults.entry(kind).or_default() += 1;
    }

    fn came(&mut self, outcome: impl Into<String>) {
        *self.outcomes.entry(outcome.into()).or_default() += 1;
    }

    /// Counts what a cluster has come through.
    pub(crate) fn take_from(&mut self, cluster: &Cluster) {
        self.seeds = 1;
        self.virtual_us = cluster.now().as_micros();
        let history = cluster.history();
        for entry in history.entries() {
            match entry {
                Entry::Processed(..) | Entry::Received(..) => self.messages += 1,
                Entry::Told(_, Event::Reconnected { .. }) => self.came("link restored"),
                Entry::Told(_, Event::Disconnected { .. }) => self.came("client told of the end"),
                Entry::Told(_, Event::TookOver { lost_from, lost_to, .. }) => {
                    self.came("told of a take-over");
                    if lost_from < lost_to {
                        self.came("told of lost messages");
                    }
                }
                Entry::Reported(_, _, Report::MovedIn { .. }) => self.came("moved"),
                Entry::Reported(_, _, Report::TookOver(Origin::Snapshot { .. })) => {
                    self.came("taken over from a snapshot");
                }
                Entry::Reported(_, _, Report::TookOver(Origin::Copy { .. })) => {
                    self.came("taken back from a copy");
                }
                Entry::Reported(_, _, Report::MoveFailed(reason)) => {
                    self.came(format!("move failed: {}", reason.label()));
                }
                Entry::Reported(_, _, Report::Closed(reason)) => {
                    self.came(format!("session ended: {}", reason.label()));
                }
                Entry::Reported(_, _, Report::Parked) => self.came("parked in the store"),
                Entry::Room(_, RoomSeen::Entered(..)) => self.came("member entered a room"),
                Entry::Room(_, RoomSeen::Moved(_)) => self.came("member told of the room's move"),
                Entry::Room(_, RoomSeen::Refreshed(_)) => self.came("member told of the room's restart"),
                Entry::Room(_, RoomSeen::Exited(_, status)) => {
                    self.came(format!("member out of the room: {status:?}"));
                }
                _ => {}
            }
        }
        for report in cluster.all_probed() {
            self.came(match report.outcome {
                Outcome::Fits(_) => "probed: a target fits".to_owned(),
                Outcome::Stays(reason) => format!("probed: {}", reason.label()),
                Outcome::Overtaken => "probed: overtaken".to_owned(),
            });
        }
        for (what, count) in history.counts() {
            *self.outcomes.entry((*what).to_owned()).or_default() += count;
        }
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.virtual_us += other.virtual_us;
        self.messages += other.messages;
        for (kind, count) in other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        for (outcome, count) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
    }

    /// Kinds of mishaps and outcomes that never occurred.
    pub fn missing(&self) -> Vec<&'static str> {
        let kinds = Happening::KINDS.iter().filter(|kind| !self.faults.contains_key(*kind));
        let rare = if self.seeds < SEEDS_TO_SEE_RARE { &[] } else { RARE_OUTCOMES };
        let outcomes = OUTCOMES.iter().chain(rare).filter(|outcome| !self.outcomes.contains_key(**outcome));
        kinds.chain(outcomes).copied().collect()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.virtual_us as f64 / 3.6e9;
        writeln!(f, "{} seeds, {hours:.1} virtual hours, {} messages", self.seeds, self.messages)?;
        let list =
            |f: &mut fmt::Formatter<'_>, title: &str, counts: &mut dyn Iterator<Item = (&str, u64)>| {
                writeln!(f, "{title}:")?;
                for (name, count) in counts {
                    writeln!(f, "  {count:>9}  {name}")?;
                }
                Ok(())
            };
        list(f, "brought about", &mut self.faults.iter().map(|(kind, count)| (*kind, *count)))?;
        list(f, "came about", &mut self.outcomes.iter().map(|(name, count)| (name.as_str(), *count)))
    }
}
