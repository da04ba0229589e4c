//! Taking a cohort over from a node that is gone (rule d): first the directory's record, then the snapshot,
//! and only then is it served. Also for a node that the record shows as the owner of what it does not have
//! (rule h).
//!
//! The caller holds nothing of the cohort when it begins, and as long as this goes on it admits no move of the
//! cohort to here: it refuses Prepare, and a baton it hands back like one without a preparation (rule c).

use crate::protocol::ids::{Fence, NodeId};
use crate::protocol::lease::LeaseWatch;
use crate::protocol::record::{Answer, Ask, CasAnswer, OwnerPhase, ReadAnswer, Record, Revision, Versioned};
use crate::protocol::time::Time;
use crate::protocol::wire::SessionState;
use std::collections::VecDeque;
use std::time::Duration;

/// A snapshot as the store gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// The operand for writing it back.
    pub revision: Revision,
    /// Under which fence it was written.
    pub fence: Fence,
    /// What was served then.
    pub sessions: Vec<SessionState>,
}

/// What the store of snapshots says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SnapshotAnswer {
    /// To [`Output::ReadSnapshot`]; `None`: none was ever stored.
    Read(Option<Box<Snapshot>>),
    /// To [`Output::WriteBack`]: it is stored at the new fence.
    Written,
    /// To [`Output::WriteBack`]: another write came first.
    Conflict,
    /// No answer, or one that proves nothing.
    Unknown,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The answer to the [`Output::Ask`] of this number.
    Answer(u64, Answer),
    /// The answer to the [`Output::ReadLeases`] of this number: the leases are as a leader's read has shown
    /// them since. False: it has failed.
    Leases(u64, bool),
    /// The answer to the question of this number to the store of snapshots.
    Snapshot(u64, SnapshotAnswer),
    /// The node's own lease may have run out: it serves nothing, and begins anew later (e).
    Fenced,
    /// The time of [`TakeOver::poll_timeout`] has come.
    Timeout,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Ask the directory; the answer bears this number.
    Ask(u64, Ask),
    /// Read all heartbeats, by a leader's read that begins now; the answer bears this number.
    ReadLeases(u64),
    /// Read the snapshot, by a leader's read; the answer bears this number.
    ReadSnapshot(u64),
    /// Write the same bytes under the new fence, by compare-and-set; the answer bears this number.
    WriteBack {
        /// Which question.
        number: u64,
        /// The revision that must still be there.
        expected: Revision,
        /// The new owner's fence.
        fence: Fence,
        /// The bytes that were read.
        sessions: Vec<SessionState>,
    },
    /// It is over.
    Ended(Outcome),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Serve the cohort from these bytes, in a new generation.
    Serve(Versioned, Vec<SessionState>),
    /// The record is this node's, but there is nothing to go on from: the session has ended.
    NoSnapshot(Versioned),
    /// Somebody else has the cohort, whose lease may hold; `None`: nobody has, it has ended.
    Elsewhere(Option<Record>),
    /// The directory did not answer before anything was written.
    Unavailable,
    /// The node's own lease may have run out.
    Fenced,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// A leader's read is to show whether there is anything to take.
    Looking,
    /// This record was found. Whether leases have run out is read after it: a node that came back has renewed
    /// its lease first and changed its record then, so that one of the two shows it.
    Weighing { found: Versioned },
    /// The compare-and-set on this record is under way; it may land as long as the revision stands (h).
    Claiming { from: Versioned, poll_at: Time },
    /// The record is won, the snapshot is being read.
    Reading { held: Versioned, poll_at: Time },
    /// The snapshot is being written back, so that a late write of the owner before fails.
    WritingBack { held: Versioned, snapshot: Box<Snapshot>, poll_at: Time },
    /// Over.
    Ended,
}

/// What the next wake-up is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wake {
    /// The record, or the snapshot, is read again.
    AskAgain,
}

/// One node's attempt to take a cohort over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TakeOver {
    me: NodeId,
    poll: Duration,
    phase: Phase,
    asked: u64,
    /// The last question is not answered yet, as in the source of a move.
    waits: bool,
    outputs: VecDeque<Output>,
}

impl TakeOver {
    /// `me` looks whether it may take the cohort over. `poll`: the pause before something unanswered is asked
    /// again.
    pub fn new(me: NodeId, poll: Duration) -> Self {
        let phase = Phase::Looking;
        let mut take_over = Self { me, poll, phase, asked: 0, waits: false, outputs: VecDeque::new() };
        take_over.ask(Ask::Read);
        take_over
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due, and what for.
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        match &self.phase {
            Phase::Claiming { poll_at, .. }
            | Phase::Reading { poll_at, .. }
            | Phase::WritingBack { poll_at, .. } => Some((*poll_at, Wake::AskAgain)),
            // These are answered by the driver, also when the directory is silent.
            Phase::Looking | Phase::Weighing { .. } | Phase::Ended => None,
        }
    }

    /// Takes in what happened. `leases`: what this node has seen of the others'.
    pub fn handle(&mut self, input: Input, leases: &LeaseWatch, now: Time) {
        match input {
            Input::Answer(number, answer) if number == self.asked => {
                self.waits = false;
                self.on_answer(answer, now);
            }
            Input::Leases(number, read) if number == self.asked => {
                self.waits = false;
                self.on_leases(read, leases, now);
            }
            Input::Snapshot(number, answer) if number == self.asked => {
                self.waits = false;
                self.on_snapshot(answer, now);
            }
            Input::Answer(..) | Input::Leases(..) | Input::Snapshot(..) => {}
            Input::Fenced => self.end(Outcome::Fenced),
            Input::Timeout => self.on_timeout(now),
        }
    }

    /// (d) While Handing both source and target must be gone, unless one of them is this node itself, which
    /// holds nothing.
    fn may_take(&self, record: &Record, leases: &LeaseWatch) -> bool {
        let gone = |node: NodeId| node == self.me || leases.has_run_out(node);
        match record.phase {
            OwnerPhase::Serving => gone(record.owner),
            OwnerPhase::Handing { from, .. } => gone(record.owner) && gone(from),
        }
    }

    fn on_answer(&mut self, answer: Answer, now: Time) {
        match self.phase {
            Phase::Looking => match answer {
                Answer::Read(ReadAnswer::Read(found)) => self.weigh(found),
                Answer::Read(ReadAnswer::Failed) | Answer::Cas(_) => self.end(Outcome::Unavailable),
            },
            Phase::Claiming { from, .. } => self.on_claim_answer(from, answer, now),
            Phase::Weighing { .. } | Phase::Reading { .. } | Phase::WritingBack { .. } | Phase::Ended => {}
        }
    }

    fn weigh(&mut self, found: Option<Versioned>) {
        let Some(found) = found else { return self.end(Outcome::Elsewhere(None)) };
        self.phase = Phase::Weighing { found };
        let number = self.next_question();
        self.outputs.push_back(Output::ReadLeases(number));
    }

    fn on_leases(&mut self, read: bool, leases: &LeaseWatch, now: Time) {
        let Phase::Weighing { found } = self.phase else { return };
        if !read {
            self.end(Outcome::Unavailable);
        } else if self.may_take(&found.record, leases) {
            self.claim(found, now);
        } else {
            self.end(Outcome::Elsewhere(Some(found.record)));
        }
    }

    fn claim(&mut self, from: Versioned, now: Time) {
        let record = from.record.passed_to(self.me, OwnerPhase::Serving);
        self.phase = Phase::Claiming { from, poll_at: now + self.poll };
        self.ask(Ask::Cas { expected: from.revision, record });
    }

    fn on_claim_answer(&mut self, from: Versioned, answer: Answer, now: Time) {
        let claimed = from.record.passed_to(self.me, OwnerPhase::Serving);
        match answer {
            Answer::Cas(CasAnswer::Won(revision)) => self.won(Versioned { revision, record: claimed }, now),
            Answer::Cas(CasAnswer::Lost(found)) | Answer::Read(ReadAnswer::Read(found)) => match found {
                Some(found) if found.record == claimed => self.won(found, now),
                // (h) It may still land. The same write again can land only once, for its revision is the
                // same; and while that stands, its owner has not come back.
                Some(found) if found == from => self.claim(from, now),
                found => self.weigh(found),
            },
            Answer::Cas(CasAnswer::Unknown) | Answer::Read(ReadAnswer::Failed) => self.poll_again(now),
        }
    }

    fn won(&mut self, held: Versioned, now: Time) {
        self.phase = Phase::Reading { held, poll_at: now + self.poll };
        self.read_snapshot();
    }

    fn on_snapshot(&mut self, answer: SnapshotAnswer, now: Time) {
        match (&mut self.phase, answer) {
            (Phase::Reading { held, .. }, SnapshotAnswer::Read(Some(snapshot))) => {
                let held = *held;
                self.write_back(held, snapshot, now);
            }
            (Phase::Reading { held, .. }, SnapshotAnswer::Read(None)) => {
                let held = *held;
                self.end(Outcome::NoSnapshot(held));
            }
            (Phase::WritingBack { held, snapshot, .. }, SnapshotAnswer::Written) => {
                let (held, sessions) = (*held, std::mem::take(&mut snapshot.sessions));
                self.end(Outcome::Serve(held, sessions));
            }
            (Phase::WritingBack { held, .. }, SnapshotAnswer::Conflict) => {
                let held = *held;
                self.won(held, now);
            }
            (Phase::Reading { .. } | Phase::WritingBack { .. }, _) => self.poll_again(now),
            (Phase::Looking | Phase::Weighing { .. } | Phase::Claiming { .. } | Phase::Ended, _) => {}
        }
    }

    fn write_back(&mut self, held: Versioned, snapshot: Box<Snapshot>, now: Time) {
        let fence = held.record.fence();
        if snapshot.fence >= fence {
            // An own write has landed whose answer was lost.
            return self.end(Outcome::Serve(held, snapshot.sessions));
        }
        let number = self.next_question();
        self.outputs.push_back(Output::WriteBack {
            number,
            expected: snapshot.revision,
            fence,
            sessions: snapshot.sessions.clone(),
        });
        self.phase = Phase::WritingBack { held, snapshot, poll_at: now + self.poll };
    }

    fn poll_again(&mut self, now: Time) {
        if let Phase::Claiming { poll_at, .. }
        | Phase::Reading { poll_at, .. }
        | Phase::WritingBack { poll_at, .. } = &mut self.phase
        {
            *poll_at = now + self.poll;
        }
    }

    fn on_timeout(&mut self, now: Time) {
        self.poll_again(now);
        if self.waits {
            return;
        }
        match self.phase {
            Phase::Claiming { .. } => self.ask(Ask::Read),
            Phase::Reading { held, .. } | Phase::WritingBack { held, .. } => self.won(held, now),
            Phase::Looking | Phase::Weighing { .. } | Phase::Ended => {}
        }
    }

    fn next_question(&mut self) -> u64 {
        self.asked += 1;
        self.waits = true;
        self.asked
    }

    fn ask(&mut self, ask: Ask) {
        let number = self.next_question();
        self.outputs.push_back(Output::Ask(number, ask));
    }

    fn read_snapshot(&mut self) {
        let number = self.next_question();
        self.outputs.push_back(Output::ReadSnapshot(number));
    }

    /// Counts its questions anew, from the last one on, as the source of a move does.
    #[cfg(any(test, feature = "testing"))]
    pub fn renumber(&mut self) {
        self.asked = self.asked.min(1);
    }

    fn end(&mut self, outcome: Outcome) {
        self.phase = Phase::Ended;
        self.outputs.push_back(Output::Ended(outcome));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ids::{Binding, Bucket, Epoch};
    use crate::protocol::lease::Heartbeat;

    const NOW: Time = Time::from_micros(0);
    const ME: NodeId = NodeId(9);

    fn found(epoch: u64, owner: NodeId, phase: OwnerPhase) -> Versioned {
        let (bucket, binding) = (Bucket(1), Binding(0));
        let record = Record { bucket, binding, epoch: Epoch(epoch), owner, phase, room: None };
        Versioned { revision: Revision(epoch), record }
    }

    fn read(found: Versioned) -> Answer {
        Answer::Read(ReadAnswer::Read(Some(found)))
    }

    fn gone(nodes: &[u64]) -> LeaseWatch {
        let mut watch = LeaseWatch::new(Duration::from_secs(15));
        for node in nodes {
            watch.observed(NodeId(*node), Heartbeat::Goodbye, NOW, NOW);
        }
        watch
    }

    /// Hands in an input with these leases, and gives what is to be done then.
    fn tell(take_over: &mut TakeOver, input: Input, leases: &LeaseWatch) -> Option<Output> {
        take_over.handle(input, leases, NOW);
        let output = take_over.poll_output();
        assert_eq!(take_over.poll_output(), None, "one thing after the other");
        output
    }

    /// A take-over that has been shown this record, and these leases after it.
    fn weighed(record: Versioned, leases: &LeaseWatch) -> (TakeOver, Option<Output>) {
        let mut take_over = TakeOver::new(ME, Duration::ZERO);
        assert_eq!(take_over.poll_output(), Some(Output::Ask(1, Ask::Read)));
        let next = tell(&mut take_over, Input::Answer(1, read(record)), &gone(&[1, 2]));
        assert_eq!(next, Some(Output::ReadLeases(2)), "leases are read after the record, whatever was known");
        let next = tell(&mut take_over, Input::Leases(2, true), leases);
        (take_over, next)
    }

    fn snapshot(revision: u64, epoch: u64) -> SnapshotAnswer {
        let fence = found(epoch, ME, OwnerPhase::Serving).record.fence();
        let snapshot = Snapshot { revision: Revision(revision), fence, sessions: Vec::new() };
        SnapshotAnswer::Read(Some(Box::new(snapshot)))
    }

    #[test]
    fn the_record_comes_first_then_the_snapshot_and_only_then_it_is_served() {
        let leases = gone(&[1]);
        let (mut take_over, next) = weighed(found(4, NodeId(1), OwnerPhase::Serving), &leases);
        let claimed = found(5, ME, OwnerPhase::Serving);
        let cas = Ask::Cas { expected: Revision(4), record: claimed.record };
        assert_eq!(next, Some(Output::Ask(3, cas)));
        let won = Answer::Cas(CasAnswer::Won(claimed.revision));
        let next = tell(&mut take_over, Input::Answer(3, won), &leases);
        assert_eq!(next, Some(Output::ReadSnapshot(4)));
        let next = tell(&mut take_over, Input::Snapshot(4, snapshot(7, 4)), &leases);
        let fence = claimed.record.fence();
        let (expected, sessions) = (Revision(7), Vec::new());
        assert_eq!(next, Some(Output::WriteBack { number: 5, expected, fence, sessions }));
        // A late write of the owner before: its bytes are read instead.
        let next = tell(&mut take_over, Input::Snapshot(5, SnapshotAnswer::Conflict), &leases);
        assert_eq!(next, Some(Output::ReadSnapshot(6)));
        let next = tell(&mut take_over, Input::Snapshot(6, snapshot(8, 4)), &leases);
        assert!(matches!(next, Some(Output::WriteBack { number: 7, expected: Revision(8), .. })));
        let next = tell(&mut take_over, Input::Snapshot(7, SnapshotAnswer::Written), &leases);
        assert_eq!(next, Some(Output::Ended(Outcome::Serve(claimed, Vec::new()))));
    }

    #[test]
    fn a_record_that_is_being_handed_needs_both_leases_to_have_run_out() {
        let handing = found(4, NodeId(2), OwnerPhase::Handing { from: NodeId(1), attempt: 1 });
        for leases in [gone(&[1]), gone(&[2]), gone(&[])] {
            let (_, next) = weighed(handing, &leases);
            assert_eq!(next, Some(Output::Ended(Outcome::Elsewhere(Some(handing.record)))));
        }
        let (_, next) = weighed(handing, &gone(&[1, 2]));
        assert!(matches!(next, Some(Output::Ask(3, Ask::Cas { .. }))));
    }

    #[test]
    fn a_target_takes_over_when_the_source_is_gone() {
        let handing = found(4, ME, OwnerPhase::Handing { from: NodeId(1), attempt: 1 });
        assert!(matches!(weighed(handing, &gone(&[])).1, Some(Output::Ended(Outcome::Elsewhere(_)))));
        assert!(matches!(weighed(handing, &gone(&[1])).1, Some(Output::Ask(3, Ask::Cas { .. }))));
    }

    #[test]
    fn an_owner_that_has_nothing_takes_its_own_cohort_over() {
        let (_, next) = weighed(found(4, ME, OwnerPhase::Serving), &gone(&[]));
        assert!(matches!(next, Some(Output::Ask(3, Ask::Cas { .. }))));
    }

    #[test]
    fn a_claim_without_an_answer_is_watched_until_it_has_landed() {
        let leases = gone(&[1]);
        let (mut take_over, _) = weighed(found(4, NodeId(1), OwnerPhase::Serving), &leases);
        let unknown = Answer::Cas(CasAnswer::Unknown);
        assert_eq!(tell(&mut take_over, Input::Answer(3, unknown), &leases), None);
        assert_eq!(take_over.poll_timeout(), Some((NOW, Wake::AskAgain)));
        assert_eq!(tell(&mut take_over, Input::Timeout, &leases), Some(Output::Ask(4, Ask::Read)));
        assert_eq!(tell(&mut take_over, Input::Timeout, &leases), None, "the answer is waited for");
        let landed = read(found(5, ME, OwnerPhase::Serving));
        let next = tell(&mut take_over, Input::Answer(4, landed), &leases);
        assert_eq!(next, Some(Output::ReadSnapshot(5)));
    }

    #[test]
    fn a_node_that_loses_its_own_lease_serves_nothing() {
        let leases = gone(&[1]);
        let (mut take_over, _) = weighed(found(4, NodeId(1), OwnerPhase::Serving), &leases);
        let next = tell(&mut take_over, Input::Fenced, &leases);
        assert_eq!(next, Some(Output::Ended(Outcome::Fenced)));
        let won = Answer::Cas(CasAnswer::Won(Revision(5)));
        assert_eq!(tell(&mut take_over, Input::Answer(3, won), &leases), None);
    }
}
