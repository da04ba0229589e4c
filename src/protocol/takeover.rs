//! Taking a cohort over from a node that is gone (rule d), or back from a target that is (rule c): first the
//! directory's record, then the snapshot, and only then is it served. Also for a node that the record shows as
//! the owner of what it does not have (rule h).
//!
//! As long as this goes on the cohort is not served here, and no move of it is admitted: Prepare is refused, and
//! a baton is handed back like one without a preparation (rule c).

use crate::protocol::ids::{CohortId, Fence, NodeId};
use crate::protocol::record::{Answer, Ask, CasAnswer, OwnerPhase, ReadAnswer, Record, Revision, Versioned};
use crate::protocol::snapshot::{Snapshot, SnapshotAnswer, Stored};
use crate::protocol::time::Time;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The answer to the [`Output::Ask`] of this number.
    Answer(u64, Answer),
    /// The answer to the [`Output::ReadLeases`] of this number: the nodes whose lease has surely run out, as a
    /// leader's read has shown since. `None`: it has failed.
    Leases(u64, Option<BTreeSet<NodeId>>),
    /// The answer to the question of this number to the store of snapshots.
    Snapshot(u64, SnapshotAnswer),
    /// The store has no room for the write-back of this number: it was not sent, and is to be tried again so much later.
    NotNow(u64, Duration),
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
    /// Write the same state under the new fence and the next generation, by compare-and-set; the answer bears
    /// this number.
    WriteBack {
        /// Which question.
        number: u64,
        /// The revision that must still be there; `None`: none may be.
        expected: Option<Revision>,
        /// The new owner's fence.
        fence: Fence,
        /// The snapshot that was read; `None`: the copy that is here.
        snapshot: Option<Box<Snapshot>>,
    },
    /// It is over.
    Ended(Outcome),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Serve the cohort, in a new generation.
    Serve {
        /// The record.
        held: Versioned,
        /// What the store holds, at the record's fence.
        revision: Revision,
        /// Where to go on from; `None`: from the copy that is here.
        snapshot: Option<Box<Snapshot>>,
    },
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
    Looking { poll_at: Time },
    /// This record was found. Whether leases have run out is read after it: a node that came back has renewed
    /// its lease first and changed its record then, so that one of the two shows it.
    Weighing { found: Versioned },
    /// The compare-and-set on this record is under way; it may land as long as the revision stands (h).
    Claiming { from: Versioned, poll_at: Time },
    /// The record is won, the snapshot is being read.
    Reading { held: Versioned, poll_at: Time },
    /// The snapshot is being written back, so that a late write of the owner before fails.
    WritingBack {
        held: Versioned,
        expected: Option<Revision>,
        snapshot: Option<Box<Snapshot>>,
        poll_at: Time,
    },
    /// It was not sent, and what it is to replace is still known.
    Offering { held: Versioned, expected: Option<Revision>, snapshot: Option<Box<Snapshot>>, poll_at: Time },
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
    /// The fence of the copy that is here, if there is one.
    copy: Option<Fence>,
    /// A leader's read has shown that this room is gone: a session that belongs to it is nobody's.
    orphan_of: Option<CohortId>,
    phase: Phase,
    asked: u64,
    /// The last question is not answered yet, as in the source of a move.
    waits: bool,
    outputs: VecDeque<Output>,
}

impl TakeOver {
    /// `me` looks whether it may take the cohort over. `copy`: the fence of a copy that is here, which a snapshot
    /// of a higher one is newer than. `poll`: the pause before something unanswered is asked again.
    pub fn new(me: NodeId, copy: Option<Fence>, poll: Duration, now: Time) -> Self {
        let mut take_over = Self::in_phase(me, copy, poll, Phase::Looking { poll_at: now + poll });
        take_over.ask(Ask::Read);
        take_over
    }

    /// The same for a session whose entry names a room that a leader's read has shown to be gone. No room is ever
    /// made under that name again.
    #[must_use]
    pub fn of_orphan(self, room: CohortId) -> Self {
        Self { orphan_of: Some(room), ..self }
    }

    /// The source of a move has won the record back from a target that is gone, which may have served and
    /// stored a snapshot.
    pub fn recall(held: Versioned, copy: Fence, poll: Duration, now: Time) -> Self {
        let mut take_over = Self::in_phase(held.record.owner, Some(copy), poll, Phase::Ended);
        take_over.won(held, now);
        take_over
    }

    fn in_phase(me: NodeId, copy: Option<Fence>, poll: Duration, phase: Phase) -> Self {
        Self { me, poll, copy, orphan_of: None, phase, asked: 0, waits: false, outputs: VecDeque::new() }
    }

    /// Whether there is a copy of the cohort here, which must not be lost.
    pub fn has_copy(&self) -> bool {
        self.copy.is_some()
    }

    /// The record, if it has been won, and what is served has not begun.
    pub fn held(&self) -> Option<Record> {
        match &self.phase {
            Phase::Reading { held, .. } | Phase::WritingBack { held, .. } | Phase::Offering { held, .. } => {
                Some(held.record)
            }
            Phase::Looking { .. } | Phase::Weighing { .. } | Phase::Claiming { .. } | Phase::Ended => None,
        }
    }

    /// The engine has lost its data, and the record that was won is published again, in their new life: what is stored
    /// there is looked at anew. `copy`: the fence of the copy, in that life.
    pub fn published(&mut self, held: Versioned, copy: Fence, now: Time) {
        self.copy = Some(copy);
        self.won(held, now);
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due, and what for.
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        match &self.phase {
            // Without a copy a failure ends it.
            Phase::Looking { poll_at } if self.copy.is_some() => Some((*poll_at, Wake::AskAgain)),
            Phase::Claiming { poll_at, .. }
            | Phase::Reading { poll_at, .. }
            | Phase::WritingBack { poll_at, .. }
            | Phase::Offering { poll_at, .. } => Some((*poll_at, Wake::AskAgain)),
            // These are answered by the driver, also when the directory is silent.
            Phase::Looking { .. } | Phase::Weighing { .. } | Phase::Ended => None,
        }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, input: Input, now: Time) {
        match input {
            Input::Answer(number, answer) if number == self.asked => {
                self.waits = false;
                self.on_answer(answer, now);
            }
            Input::Leases(number, gone) if number == self.asked => {
                self.waits = false;
                self.on_leases(gone.as_ref(), now);
            }
            Input::Snapshot(number, answer) if number == self.asked => {
                self.waits = false;
                self.on_snapshot(answer, now);
            }
            Input::NotNow(number, pause) if number == self.asked => {
                self.waits = false;
                self.on_not_now(now + pause);
            }
            Input::Answer(..) | Input::Leases(..) | Input::Snapshot(..) | Input::NotNow(..) => {}
            Input::Fenced => self.end(Outcome::Fenced),
            Input::Timeout => self.on_timeout(now),
        }
    }

    fn on_answer(&mut self, answer: Answer, now: Time) {
        match self.phase {
            Phase::Looking { .. } => match answer {
                Answer::Read(ReadAnswer::Read(found)) => self.weigh(found),
                Answer::Read(ReadAnswer::Failed) | Answer::Cas(_) => self.give_up_looking(now),
            },
            Phase::Claiming { from, .. } => self.on_claim_answer(from, answer, now),
            Phase::Weighing { .. }
            | Phase::Reading { .. }
            | Phase::WritingBack { .. }
            | Phase::Offering { .. }
            | Phase::Ended => {}
        }
    }

    fn weigh(&mut self, found: Option<Versioned>) {
        let Some(found) = found else { return self.end(Outcome::Elsewhere(None)) };
        // Who owns a session in a room, the room's record says.
        if found.record.room.is_some_and(|room| self.orphan_of != Some(room)) {
            return self.end(Outcome::Elsewhere(Some(found.record)));
        }
        self.phase = Phase::Weighing { found };
        let number = self.next_question();
        self.outputs.push_back(Output::ReadLeases(number));
    }

    fn on_leases(&mut self, gone: Option<&BTreeSet<NodeId>>, now: Time) {
        let Phase::Weighing { found } = self.phase else { return };
        match gone {
            None => self.give_up_looking(now),
            Some(gone) if found.record.may_be_taken_over(self.me, |node| gone.contains(&node)) => {
                self.claim(found, now);
            }
            Some(_) => self.end(Outcome::Elsewhere(Some(found.record))),
        }
    }

    /// Nothing was written yet. A copy has to be looked after until the directory says whose it is.
    fn give_up_looking(&mut self, now: Time) {
        if self.copy.is_some() {
            self.phase = Phase::Looking { poll_at: now + self.poll };
        } else {
            self.end(Outcome::Unavailable);
        }
    }

    /// What the record becomes. A session whose room is gone is alone.
    fn claimed(&self, from: Record) -> Record {
        let record = from.passed_to(self.me, OwnerPhase::Serving);
        match from.room {
            Some(_) => Record { room: None, binding: from.binding.next(), ..record },
            None => record,
        }
    }

    fn claim(&mut self, from: Versioned, now: Time) {
        let record = self.claimed(from.record);
        self.phase = Phase::Claiming { from, poll_at: now + self.poll };
        self.ask(Ask::Cas { expected: from.revision, record });
    }

    fn on_claim_answer(&mut self, from: Versioned, answer: Answer, now: Time) {
        let claimed = self.claimed(from.record);
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
            (Phase::Reading { held, .. }, SnapshotAnswer::Read(stored)) => {
                let held = *held;
                self.on_stored(held, stored, now);
            }
            (Phase::WritingBack { held, snapshot, .. }, SnapshotAnswer::Written(revision)) => {
                let (held, snapshot) = (*held, snapshot.take());
                self.end(Outcome::Serve { held, revision, snapshot });
            }
            (Phase::WritingBack { held, .. }, SnapshotAnswer::Conflict) => {
                let held = *held;
                self.won(held, now);
            }
            (Phase::Reading { .. } | Phase::WritingBack { .. }, _) => self.poll_again(now),
            (
                Phase::Looking { .. }
                | Phase::Weighing { .. }
                | Phase::Claiming { .. }
                | Phase::Offering { .. }
                | Phase::Ended,
                _,
            ) => {}
        }
    }

    fn on_not_now(&mut self, again_at: Time) {
        if let Phase::WritingBack { held, expected, snapshot, .. } = &mut self.phase {
            let (held, expected, snapshot) = (*held, *expected, snapshot.take());
            self.phase = Phase::Offering { held, expected, snapshot, poll_at: again_at };
        }
    }

    fn on_stored(&mut self, held: Versioned, stored: Option<Box<Stored>>, now: Time) {
        let Some(Stored { revision, snapshot }) = stored.map(|stored| *stored) else {
            match self.copy {
                Some(_) => self.write_back(held, None, None, now),
                None => self.end(Outcome::NoSnapshot(held)),
            }
            return;
        };
        if snapshot.fence >= held.record.fence() {
            // An own write has landed whose answer was lost.
            self.end(Outcome::Serve { held, revision, snapshot: Some(Box::new(snapshot)) });
        } else {
            let newer = self.copy.is_none_or(|copy| snapshot.fence > copy);
            self.write_back(held, Some(revision), newer.then(|| Box::new(snapshot)), now);
        }
    }

    fn write_back(
        &mut self,
        held: Versioned,
        expected: Option<Revision>,
        snapshot: Option<Box<Snapshot>>,
        now: Time,
    ) {
        let number = self.next_question();
        let fence = held.record.fence();
        self.outputs.push_back(Output::WriteBack { number, expected, fence, snapshot: snapshot.clone() });
        self.phase = Phase::WritingBack { held, expected, snapshot, poll_at: now + self.poll };
    }

    fn poll_again(&mut self, now: Time) {
        if let Phase::Looking { poll_at }
        | Phase::Claiming { poll_at, .. }
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
            Phase::Looking { .. } if self.copy.is_some() => self.ask(Ask::Read),
            Phase::Claiming { .. } => self.ask(Ask::Read),
            Phase::Reading { held, .. } | Phase::WritingBack { held, .. } => self.won(held, now),
            Phase::Offering { held, expected, ref mut snapshot, .. } => {
                let snapshot = snapshot.take();
                self.write_back(held, expected, snapshot, now);
            }
            Phase::Looking { .. } | Phase::Weighing { .. } | Phase::Ended => {}
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

    fn gone(nodes: &[u64]) -> BTreeSet<NodeId> {
        nodes.iter().map(|node| NodeId(*node)).collect()
    }

    /// Hands in an input, and gives what is to be done then.
    fn tell(take_over: &mut TakeOver, input: Input) -> Option<Output> {
        take_over.handle(input, NOW);
        let output = take_over.poll_output();
        assert_eq!(take_over.poll_output(), None, "one thing after the other");
        output
    }

    /// A take-over that has been shown this record, and then that these nodes are gone.
    fn weighed(record: Versioned, nodes: &[u64]) -> (TakeOver, Option<Output>) {
        let mut take_over = TakeOver::new(ME, None, Duration::ZERO, NOW);
        assert_eq!(take_over.poll_output(), Some(Output::Ask(1, Ask::Read)));
        let next = tell(&mut take_over, Input::Answer(1, read(record)));
        assert_eq!(next, Some(Output::ReadLeases(2)), "leases are read after the record");
        let next = tell(&mut take_over, Input::Leases(2, Some(gone(nodes))));
        (take_over, next)
    }

    fn snapshot(epoch: u64) -> Box<Snapshot> {
        let fence = found(epoch, ME, OwnerPhase::Serving).record.fence();
        Box::new(Snapshot { fence, number: 1, sessions: Vec::new(), room: None })
    }

    fn stored(revision: u64, epoch: u64) -> SnapshotAnswer {
        let stored = Stored { revision: Revision(revision), snapshot: *snapshot(epoch) };
        SnapshotAnswer::Read(Some(Box::new(stored)))
    }

    #[test]
    fn the_record_comes_first_then_the_snapshot_and_only_then_it_is_served() {
        let (mut take_over, next) = weighed(found(4, NodeId(1), OwnerPhase::Serving), &[1]);
        let claimed = found(5, ME, OwnerPhase::Serving);
        let cas = Ask::Cas { expected: Revision(4), record: claimed.record };
        assert_eq!(next, Some(Output::Ask(3, cas)));
        let won = Answer::Cas(CasAnswer::Won(claimed.revision));
        let next = tell(&mut take_over, Input::Answer(3, won));
        assert_eq!(next, Some(Output::ReadSnapshot(4)));
        let next = tell(&mut take_over, Input::Snapshot(4, stored(7, 4)));
        let fence = claimed.record.fence();
        let expected = Some(Revision(7));
        assert_eq!(next, Some(Output::WriteBack { number: 5, expected, fence, snapshot: Some(snapshot(4)) }));
        // A late write of the owner before: its bytes are read instead.
        let next = tell(&mut take_over, Input::Snapshot(5, SnapshotAnswer::Conflict));
        assert_eq!(next, Some(Output::ReadSnapshot(6)));
        let next = tell(&mut take_over, Input::Snapshot(6, stored(8, 4)));
        assert!(matches!(next, Some(Output::WriteBack { number: 7, expected: Some(Revision(8)), .. })));
        let next = tell(&mut take_over, Input::Snapshot(7, SnapshotAnswer::Written(Revision(9))));
        assert_eq!(
            next,
            Some(Output::Ended(Outcome::Serve {
                held: claimed,
                revision: Revision(9),
                snapshot: Some(snapshot(4)),
            }))
        );
    }

    #[test]
    fn a_write_back_that_was_not_sent_is_offered_again_later_without_a_look() {
        let (mut take_over, _) = recalling(stored(3, 5));
        let pause = Duration::from_secs(1);
        let fence = found(6, ME, OwnerPhase::Serving).record.fence();
        for number in 2..5 {
            assert_eq!(tell(&mut take_over, Input::NotNow(number, pause)), None, "not at once");
            assert_eq!(take_over.poll_timeout(), Some((NOW + pause, Wake::AskAgain)));
            let (number, expected, snapshot) = (number + 1, Some(Revision(3)), Some(snapshot(5)));
            let again = Output::WriteBack { number, expected, fence, snapshot };
            assert_eq!(tell(&mut take_over, Input::Timeout), Some(again), "the same, over the same");
        }
        let next = tell(&mut take_over, Input::Snapshot(5, SnapshotAnswer::Written(Revision(4))));
        assert!(matches!(next, Some(Output::Ended(Outcome::Serve { .. }))));
    }

    #[test]
    fn a_record_that_is_being_handed_needs_both_leases_to_have_run_out() {
        let handing = found(4, NodeId(2), OwnerPhase::Handing { from: NodeId(1), attempt: 1 });
        for nodes in [&[1][..], &[2], &[]] {
            let (_, next) = weighed(handing, nodes);
            assert_eq!(next, Some(Output::Ended(Outcome::Elsewhere(Some(handing.record)))));
        }
        let (_, next) = weighed(handing, &[1, 2]);
        assert!(matches!(next, Some(Output::Ask(3, Ask::Cas { .. }))));
    }

    #[test]
    fn a_target_takes_over_when_the_source_is_gone() {
        let handing = found(4, ME, OwnerPhase::Handing { from: NodeId(1), attempt: 1 });
        assert!(matches!(weighed(handing, &[]).1, Some(Output::Ended(Outcome::Elsewhere(_)))));
        assert!(matches!(weighed(handing, &[1]).1, Some(Output::Ask(3, Ask::Cas { .. }))));
    }

    #[test]
    fn an_owner_that_has_nothing_takes_its_own_cohort_over() {
        let (_, next) = weighed(found(4, ME, OwnerPhase::Serving), &[]);
        assert!(matches!(next, Some(Output::Ask(3, Ask::Cas { .. }))));
    }

    #[test]
    fn a_claim_without_an_answer_is_watched_until_it_has_landed() {
        let (mut take_over, _) = weighed(found(4, NodeId(1), OwnerPhase::Serving), &[1]);
        let unknown = Answer::Cas(CasAnswer::Unknown);
        assert_eq!(tell(&mut take_over, Input::Answer(3, unknown)), None);
        assert_eq!(take_over.poll_timeout(), Some((NOW, Wake::AskAgain)));
        assert_eq!(tell(&mut take_over, Input::Timeout), Some(Output::Ask(4, Ask::Read)));
        assert_eq!(tell(&mut take_over, Input::Timeout), None, "the answer is waited for");
        let landed = read(found(5, ME, OwnerPhase::Serving));
        let next = tell(&mut take_over, Input::Answer(4, landed));
        assert_eq!(next, Some(Output::ReadSnapshot(5)));
    }

    #[test]
    fn a_node_that_loses_its_own_lease_serves_nothing() {
        let (mut take_over, _) = weighed(found(4, NodeId(1), OwnerPhase::Serving), &[1]);
        let next = tell(&mut take_over, Input::Fenced);
        assert_eq!(next, Some(Output::Ended(Outcome::Fenced)));
        let won = Answer::Cas(CasAnswer::Won(Revision(5)));
        assert_eq!(tell(&mut take_over, Input::Answer(3, won)), None);
    }

    /// A recall from node 2, which the record of epoch 5 had named, of a copy of epoch 4.
    fn recalling(answer: SnapshotAnswer) -> (TakeOver, Option<Output>) {
        let held = found(6, ME, OwnerPhase::Serving);
        let copy = found(4, ME, OwnerPhase::Serving).record.fence();
        let mut take_over = TakeOver::recall(held, copy, Duration::ZERO, NOW);
        assert!(take_over.has_copy());
        assert_eq!(take_over.poll_output(), Some(Output::ReadSnapshot(1)));
        let next = tell(&mut take_over, Input::Snapshot(1, answer));
        (take_over, next)
    }

    #[test]
    fn a_recall_goes_on_from_the_newer_of_copy_and_snapshot() {
        let fence = found(6, ME, OwnerPhase::Serving).record.fence();
        let write_back =
            |expected, snapshot| Some(Output::WriteBack { number: 2, expected, fence, snapshot });
        assert_eq!(recalling(SnapshotAnswer::Read(None)).1, write_back(None, None), "there is only the copy");
        assert_eq!(recalling(stored(3, 4)).1, write_back(Some(Revision(3)), None), "of the copy's own epoch");
        assert_eq!(
            recalling(stored(3, 5)).1,
            write_back(Some(Revision(3)), Some(snapshot(5))),
            "the target had served"
        );
        let (mut take_over, _) = recalling(stored(3, 5));
        let written = Input::Snapshot(2, SnapshotAnswer::Written(Revision(4)));
        let served = Outcome::Serve {
            held: found(6, ME, OwnerPhase::Serving),
            revision: Revision(4),
            snapshot: Some(snapshot(5)),
        };
        assert_eq!(tell(&mut take_over, written), Some(Output::Ended(served)));
    }
}
