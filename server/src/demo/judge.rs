//! Compares what players and application saw with the promises of DESIGN section 3.

use super::history::{Drained, History, Seen};
use super::log::Log;
use super::rooms::judge::RoomCounts;

/// Everything that was seen.
pub(super) struct Case<'a> {
    pub(super) logs: &'a [Log],
    pub(super) history: &'a History,
    pub(super) drained: &'a Drained,
}

/// Differences of both directions, of some players.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) sent_up: u64,
    pub(super) sent_down: u64,
    pub(super) lost_up: u64,
    pub(super) lost_down: u64,
    pub(super) duplicated_up: u64,
    pub(super) duplicated_down: u64,
    pub(super) reordered_up: u64,
    pub(super) reordered_down: u64,
    pub(super) damaged: u64,
    renamed: u64,
    took_over: u64,
    stranded: u64,
    untold: u64,
    gone: u64,
}

impl Counts {
    /// Counts over these players.
    pub(super) fn of<'a>(logs: impl Iterator<Item = &'a Log>, history: &History) -> Self {
        logs.fold(Self::default(), |counts, log| counts.and(log, &history.seen(log.player)))
    }

    fn and(self, log: &Log, seen: &Seen) -> Self {
        let finished = log.trouble.is_none();
        let stranded = finished && log.offline > 0 && seen.arrivals == 0;
        let untold = finished && seen.arrivals > 0 && log.moves == 0;
        Self {
            sent_up: self.sent_up + log.sent_up,
            sent_down: self.sent_down + seen.sent_down,
            lost_up: self.lost_up + seen.up.lost(log.sent_up),
            lost_down: self.lost_down + log.down.lost(seen.sent_down),
            duplicated_up: self.duplicated_up + seen.up.duplicated,
            duplicated_down: self.duplicated_down + log.down.duplicated,
            reordered_up: self.reordered_up + seen.up.reordered,
            reordered_down: self.reordered_down + log.down.reordered,
            damaged: self.damaged + u64::from(seen.damaged > 0 || (finished && !log.belongings_intact)),
            renamed: self.renamed + seen.renamed,
            took_over: self.took_over + seen.took_over.max(log.took_over),
            stranded: self.stranded + u64::from(stranded),
            untold: self.untold + u64::from(untold),
            gone: self.gone + u64::from(!finished),
        }
    }

    /// Which promises these counts break, with what shows it.
    pub(super) fn broken_promises(&self) -> Vec<String> {
        const ORDER: &str = "promise 2 (exactly once, in order)";
        const DATA: &str = "promise 3 (a move changes nothing the game stored)";
        const FAILED: &str = "promise 4 (a move that fails leaves the player playing)";
        const ENDS: &str = "promise 5 (a move ends)";
        const CRASH: &str = "promise 7 (a take-over only after a crash)";
        let findings = [
            (ORDER, self.lost_up, "messages to the node lost"),
            (ORDER, self.lost_down, "messages to players lost"),
            (ORDER, self.duplicated_up, "messages to the node duplicated"),
            (ORDER, self.duplicated_down, "messages to players duplicated"),
            (ORDER, self.reordered_up, "messages to the node reordered"),
            (ORDER, self.reordered_down, "messages to players reordered"),
            (DATA, self.damaged, "players' user data changed"),
            (DATA, self.renamed, "sessions got another id"),
            (FAILED, self.gone, "players lost their session"),
            (ENDS, self.stranded, "players were told to move and did not arrive"),
            (ENDS, self.untold, "players were moved and not told"),
            (CRASH, self.took_over, "take-overs without a crash"),
        ];
        let broken = findings.iter().filter(|(_, count, _)| *count > 0);
        broken.map(|(promise, count, what)| format!("{promise}: {count} {what}")).collect()
    }
}

impl Case<'_> {
    /// Every promise that was broken, and by what.
    pub(super) fn broken_promises(&self) -> Vec<String> {
        let mut broken = Counts::of(self.logs.iter(), self.history).broken_promises();
        broken.extend(RoomCounts::of(self.logs, self.history).broken_promises());
        if !self.node_exited() {
            let closed = self.drained.closed;
            broken.push(format!("promise 5 (a move ends): the node did not empty, {closed} sessions closed"));
        }
        broken
    }

    /// Whether the node that was scaled in has stopped with nobody left on it.
    pub(super) fn node_exited(&self) -> bool {
        self.drained.exited && self.drained.closed == 0
    }
}
