//! The owner's writer of snapshots: one at a time, by compare-and-set, so that a write that comes late cannot
//! replace what somebody else has stored since (promise 1).

use crate::protocol::ids::Fence;
use crate::protocol::record::Revision;
use crate::protocol::snapshot::{SnapshotAnswer, Stored};
use crate::protocol::time::Time;
use std::time::Duration;

/// What the next write replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Replaces {
    /// The store has to be read first.
    Unknown,
    /// There is none yet.
    Nothing,
    /// The one of this revision.
    Revision(Revision),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Idle,
    Reading,
    Writing,
    /// No answer came, or nothing was sent: the store is asked again at this time.
    Waiting(Time),
}

/// What to ask of the store next; the answer bears the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Read what is stored.
    Read(u64),
    /// Take a snapshot, and write it.
    Write {
        /// Which question.
        number: u64,
        /// What must still be there; `None`: nothing may be.
        expected: Option<Revision>,
        /// The snapshot's own number.
        snapshot: u64,
    },
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kept {
    /// The last snapshot that was taken is stored.
    Stored,
    /// Somebody has stored one at a higher fence: who owns the cohort, the directory knows.
    Outdone,
}

/// Writes the snapshots of one cohort.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Keeper {
    replaces: Replaces,
    phase: Phase,
    /// A snapshot is wanted, and none that was taken since is stored.
    pending: bool,
    asked: u64,
    /// The number of the last snapshot that was taken.
    taken: u64,
    taken_at: Option<Time>,
}

impl Keeper {
    /// A keeper of a cohort for which the store may hold anything.
    pub const fn new() -> Self {
        Self {
            replaces: Replaces::Unknown,
            phase: Phase::Idle,
            pending: false,
            asked: 0,
            taken: 0,
            taken_at: None,
        }
    }

    /// A keeper of a cohort that has just begun: nothing is stored.
    pub const fn of_new() -> Self {
        Self { replaces: Replaces::Nothing, ..Self::new() }
    }

    /// Begins anew, for a cohort that has come here, or was restarted: with a snapshot that is known, or may be
    /// any. What was asked before is answered to nobody.
    pub fn begin_anew(&mut self, stored: Option<Revision>) {
        let replaces = stored.map_or(Replaces::Unknown, Replaces::Revision);
        *self = Self { replaces, asked: self.asked + 1, ..Self::new() };
    }

    /// The revision of what is stored, if it is known.
    pub const fn revision(&self) -> Option<Revision> {
        match self.replaces {
            Replaces::Revision(revision) => Some(revision),
            Replaces::Unknown | Replaces::Nothing => None,
        }
    }

    /// When the last snapshot was taken.
    pub const fn taken_at(&self) -> Option<Time> {
        self.taken_at
    }

    /// A snapshot is to be stored as soon as that is possible.
    pub const fn want(&mut self) {
        self.pending = true;
    }

    /// Whether a snapshot is wanted that is not stored.
    pub const fn is_pending(&self) -> bool {
        self.pending
    }

    /// When [`next_step`](Self::next_step) has something, if nothing else happens.
    pub fn poll_timeout(&self) -> Option<Time> {
        match self.phase {
            Phase::Idle if self.pending => Some(Time::default()),
            Phase::Waiting(at) if self.pending => Some(at),
            Phase::Idle | Phase::Reading | Phase::Writing | Phase::Waiting(_) => None,
        }
    }

    /// What is to be asked of the store now.
    pub fn next_step(&mut self, now: Time) -> Option<Step> {
        let ready = match self.phase {
            Phase::Idle => true,
            Phase::Waiting(at) => at <= now,
            Phase::Reading | Phase::Writing => false,
        };
        if !self.pending || !ready {
            return None;
        }
        self.asked += 1;
        let number = self.asked;
        let expected = match self.replaces {
            Replaces::Unknown => {
                self.phase = Phase::Reading;
                return Some(Step::Read(number));
            }
            Replaces::Nothing => None,
            Replaces::Revision(revision) => Some(revision),
        };
        self.phase = Phase::Writing;
        self.taken += 1;
        self.taken_at = Some(now);
        Some(Step::Write { number, expected, snapshot: self.taken })
    }

    /// The store has answered the question of this number. `fence`: the owner's. `again_after`: the pause
    /// before a store is asked again that was silent, or had no room.
    pub fn on_answer(
        &mut self,
        number: u64,
        answer: SnapshotAnswer,
        fence: Fence,
        now: Time,
        again_after: Duration,
    ) -> Option<Kept> {
        if number != self.asked {
            return None;
        }
        self.phase = Phase::Idle;
        match answer {
            SnapshotAnswer::Read(None) => self.replaces = Replaces::Nothing,
            SnapshotAnswer::Read(Some(stored)) => return self.on_read(&stored, fence),
            SnapshotAnswer::Written(revision) => {
                self.replaces = Replaces::Revision(revision);
                self.pending = false;
                return Some(Kept::Stored);
            }
            SnapshotAnswer::Conflict => self.replaces = Replaces::Unknown,
            // Nothing has changed: to read what is stored would only add to what the store has to do.
            SnapshotAnswer::NotNow => self.phase = Phase::Waiting(now + again_after),
            SnapshotAnswer::Unknown => {
                self.replaces = Replaces::Unknown;
                self.phase = Phase::Waiting(now + again_after);
            }
        }
        None
    }

    fn on_read(&mut self, stored: &Stored, fence: Fence) -> Option<Kept> {
        if stored.snapshot.fence > fence {
            self.pending = false;
            return Some(Kept::Outdone);
        }
        self.replaces = Replaces::Revision(stored.revision);
        // The answer to an own write was lost.
        let own = stored.snapshot.fence == fence && stored.snapshot.number == self.taken && self.taken > 0;
        if own {
            self.pending = false;
        }
        own.then_some(Kept::Stored)
    }

    /// As in the source of a move.
    #[cfg(any(test, feature = "testing"))]
    pub fn renumber(&mut self) {
        self.asked = self.asked.min(1);
    }

    /// Whether the answer to this question is waited for.
    #[cfg(any(test, feature = "testing"))]
    pub fn awaits(&self, number: u64) -> bool {
        self.asked == number && matches!(self.phase, Phase::Reading | Phase::Writing)
    }
}

impl Default for Keeper {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ids::Epoch;
    use crate::protocol::snapshot::Snapshot;

    const NOW: Time = Time::from_micros(1_000);
    const AGAIN: Duration = Duration::from_millis(100);

    fn fence(epoch: u64) -> Fence {
        Fence { epoch: Epoch(epoch), ..Fence::default() }
    }

    fn stored(revision: u64, epoch: u64, number: u64) -> SnapshotAnswer {
        let snapshot = Snapshot { fence: fence(epoch), number, sessions: Vec::new(), room: None };
        SnapshotAnswer::Read(Some(Box::new(Stored { revision: Revision(revision), snapshot })))
    }

    fn answer(keeper: &mut Keeper, number: u64, answer: SnapshotAnswer) -> Option<Kept> {
        keeper.on_answer(number, answer, fence(5), NOW, AGAIN)
    }

    #[test]
    fn nothing_is_written_unless_it_is_wanted() {
        assert_eq!(Keeper::of_new().next_step(NOW), None);
    }

    #[test]
    fn one_write_at_a_time_each_on_top_of_the_last() {
        let mut keeper = Keeper::of_new();
        keeper.want();
        assert_eq!(keeper.next_step(NOW), Some(Step::Write { number: 1, expected: None, snapshot: 1 }));
        assert_eq!(keeper.next_step(NOW), None, "the first is under way");
        assert_eq!(answer(&mut keeper, 1, SnapshotAnswer::Written(Revision(8))), Some(Kept::Stored));
        assert_eq!(keeper.next_step(NOW), None);
        keeper.want();
        let expected = Some(Revision(8));
        assert_eq!(keeper.next_step(NOW), Some(Step::Write { number: 2, expected, snapshot: 2 }));
    }

    #[test]
    fn what_the_store_holds_is_read_when_it_is_not_known() {
        let mut keeper = Keeper::new();
        keeper.want();
        assert_eq!(keeper.next_step(NOW), Some(Step::Read(1)));
        assert_eq!(answer(&mut keeper, 1, stored(7, 4, 3)), None);
        let expected = Some(Revision(7));
        assert_eq!(keeper.next_step(NOW), Some(Step::Write { number: 2, expected, snapshot: 1 }));
        assert_eq!(answer(&mut keeper, 2, SnapshotAnswer::Conflict), None);
        assert_eq!(keeper.next_step(NOW), Some(Step::Read(3)));
    }

    #[test]
    fn a_write_without_an_answer_is_looked_for_before_it_is_repeated() {
        let mut keeper = Keeper::of_new();
        keeper.want();
        keeper.next_step(NOW);
        assert_eq!(answer(&mut keeper, 1, SnapshotAnswer::Unknown), None);
        assert_eq!(keeper.next_step(NOW), None);
        assert_eq!(keeper.poll_timeout(), Some(NOW + AGAIN));
        assert_eq!(keeper.next_step(NOW + AGAIN), Some(Step::Read(2)));
        assert_eq!(answer(&mut keeper, 2, stored(9, 5, 1)), Some(Kept::Stored), "it had landed");
        assert!(!keeper.is_pending());
    }

    #[test]
    fn what_was_not_sent_is_offered_again_later_without_a_look() {
        let mut keeper = Keeper::of_new();
        keeper.want();
        keeper.next_step(NOW);
        assert_eq!(answer(&mut keeper, 1, SnapshotAnswer::Written(Revision(8))), Some(Kept::Stored));
        for number in 2..5 {
            keeper.want();
            let expected = Some(Revision(8));
            let step = Step::Write { number, expected, snapshot: number };
            assert_eq!(keeper.next_step(NOW + AGAIN * number as u32), Some(step), "a newer one, on the same");
            let now = NOW + AGAIN * number as u32;
            let answered = keeper.on_answer(number, SnapshotAnswer::NotNow, fence(5), now, AGAIN);
            assert_eq!(answered, None, "it is not stored");
            assert_eq!(keeper.next_step(now), None, "not at once");
            assert_eq!(keeper.poll_timeout(), Some(now + AGAIN));
        }
        assert!(keeper.is_pending());
    }

    #[test]
    fn who_finds_a_higher_fence_writes_nothing() {
        let mut keeper = Keeper::new();
        keeper.want();
        keeper.next_step(NOW);
        assert_eq!(answer(&mut keeper, 1, stored(9, 6, 1)), Some(Kept::Outdone));
        assert_eq!(keeper.next_step(NOW), None);
    }

    #[test]
    fn an_answer_to_what_was_asked_before_it_began_anew_counts_for_nothing() {
        let mut keeper = Keeper::of_new();
        keeper.want();
        keeper.next_step(NOW);
        keeper.begin_anew(Some(Revision(5)));
        keeper.want();
        let Some(Step::Write { number, .. }) = keeper.next_step(NOW) else { panic!("nothing to write") };
        assert_eq!(answer(&mut keeper, 1, SnapshotAnswer::Written(Revision(3))), None);
        assert!(keeper.is_pending());
        assert_eq!(answer(&mut keeper, number, SnapshotAnswer::Written(Revision(6))), Some(Kept::Stored));
    }
}
