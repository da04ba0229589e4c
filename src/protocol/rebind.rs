//! Which room a session belongs to: one entry of the directory, changed by compare-and-set when a session joins
//! or leaves a room, and claimed anew by whoever takes a room over (DESIGN section 4, Rooms).
//!
//! The owner of the room does it while it holds the session, and serves the session meanwhile to nobody. A
//! change that is under way is never given up: its write may still land (rule h), so it is asked for until the
//! directory says how it ended. Whoever has lost its lease asks nothing more until it has it back: what is on its
//! way then is fenced off by whoever takes the room over.

use crate::protocol::ids::{Binding, CohortId, Epoch, NodeId};
use crate::protocol::record::{Answer, Ask, CasAnswer, OwnerPhase, ReadAnswer, Record, Versioned};
use crate::protocol::time::Time;
use std::time::Duration;

/// What is to become of the session's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The session, alone so far and owned by this node under this record, is bound to the room.
    Bind(Versioned),
    /// The session is alone from now on, at this epoch: the room's, so that what its client refuses rises.
    Unbind(Epoch),
    /// The room has been taken over at this epoch: whatever the owner before has under way about this session
    /// cannot land any more.
    Confirm {
        /// Which.
        epoch: Epoch,
        /// The session was on its way in, and had this binding while it was alone: if it still has, its entry
        /// is written once more as it is, so that the owner before binds it no more, and it is not a member.
        arriving: Option<Binding>,
    },
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The directory says so.
    Done(Versioned),
    /// The session is somebody else's; `None`: it has ended.
    Elsewhere(Option<Record>),
}

/// One change of one session's entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rebind {
    me: NodeId,
    room: CohortId,
    purpose: Purpose,
    wanted: Option<Record>,
    asked: u64,
    /// When the entry is read again; `None`: an answer is awaited.
    poll_at: Option<Time>,
}

impl Rebind {
    /// A change by the node `me` that owns the room.
    pub const fn new(me: NodeId, room: CohortId, purpose: Purpose) -> Self {
        Self { me, room, purpose, wanted: None, asked: 0, poll_at: None }
    }

    /// What is to become of the entry.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// When [`on_timeout`](Self::on_timeout) has something to ask.
    pub const fn poll_timeout(&self) -> Option<Time> {
        self.poll_at
    }

    /// The first question, and its number.
    pub fn begin(&mut self) -> (u64, Ask) {
        match self.purpose {
            Purpose::Bind(held) => self.write(held),
            Purpose::Unbind(_) | Purpose::Confirm { .. } => self.ask(Ask::Read),
        }
    }

    /// The next question, if it is time.
    pub fn on_timeout(&mut self, now: Time) -> Option<(u64, Ask)> {
        let due = self.poll_at.is_some_and(|at| at <= now);
        due.then(|| self.ask(Ask::Read))
    }

    /// The answer that has come counts for nothing: the entry is read again later.
    pub fn hold(&mut self, until: Time) {
        self.poll_at = Some(until);
    }

    /// The directory has answered: gives the next question, or how it ended; neither if it is asked again later.
    pub fn on_answer(
        &mut self,
        number: u64,
        answer: Answer,
        again_after: Duration,
        now: Time,
    ) -> (Option<(u64, Ask)>, Option<Outcome>) {
        if number != self.asked {
            return (None, None);
        }
        match answer {
            Answer::Cas(CasAnswer::Won(revision)) => {
                let done = self.wanted.map(|record| self.done(Versioned { revision, record }));
                (None, done)
            }
            Answer::Cas(CasAnswer::Lost(found)) | Answer::Read(ReadAnswer::Read(found)) => match found {
                // An own write has landed whose answer was lost.
                Some(found) if self.wanted == Some(found.record) && self.has_risen(&found.record) => {
                    (None, Some(self.done(found)))
                }
                Some(found) if self.fits(&found.record) => (Some(self.write(found)), None),
                other => (None, Some(Outcome::Elsewhere(other.map(|found| found.record)))),
            },
            Answer::Cas(CasAnswer::Unknown) | Answer::Read(ReadAnswer::Failed) => {
                self.poll_at = Some(now + again_after);
                (None, None)
            }
        }
    }

    /// Whether finding what was wanted shows that it was written since. Of an entry that is written as it is that
    /// cannot be seen: it is written once more.
    fn has_risen(&self, found: &Record) -> bool {
        match self.purpose {
            Purpose::Confirm { .. } => found.room.is_some(),
            Purpose::Bind(_) | Purpose::Unbind(_) => true,
        }
    }

    fn done(&self, entry: Versioned) -> Outcome {
        match self.purpose {
            Purpose::Confirm { .. } if entry.record.room.is_none() => Outcome::Elsewhere(Some(entry.record)),
            Purpose::Bind(_) | Purpose::Unbind(_) | Purpose::Confirm { .. } => Outcome::Done(entry),
        }
    }

    /// Whether the entry is still for this node to change.
    fn fits(&self, found: &Record) -> bool {
        match self.purpose {
            Purpose::Bind(held) => *found == held.record,
            // Only a later owner of the room has written a later epoch.
            Purpose::Unbind(epoch) => found.room == Some(self.room) && found.epoch <= epoch,
            Purpose::Confirm { epoch, arriving } => match found.room {
                Some(room) => room == self.room && found.epoch <= epoch,
                None => arriving == Some(found.binding),
            },
        }
    }

    fn next(&self, found: Record) -> Record {
        let mine = |epoch: Epoch, binding: Binding, room| {
            let (owner, phase) = (self.me, OwnerPhase::Serving);
            Record { epoch: epoch.max(found.epoch), binding, room, owner, phase, ..found }
        };
        match self.purpose {
            Purpose::Bind(_) => mine(found.epoch, found.binding.next(), Some(self.room)),
            Purpose::Unbind(epoch) => mine(epoch, found.binding.next(), None),
            Purpose::Confirm { .. } if found.room.is_none() => found,
            Purpose::Confirm { epoch, .. } => mine(epoch, found.binding, Some(self.room)),
        }
    }

    fn write(&mut self, found: Versioned) -> (u64, Ask) {
        let record = self.next(found.record);
        self.wanted = Some(record);
        self.ask(Ask::Cas { expected: found.revision, record })
    }

    fn ask(&mut self, ask: Ask) -> (u64, Ask) {
        self.asked += 1;
        self.poll_at = None;
        (self.asked, ask)
    }

    /// As in the source of a move.
    #[cfg(any(test, feature = "testing"))]
    pub fn renumber(&mut self) {
        self.asked = self.asked.min(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ids::Bucket;
    use crate::protocol::record::Revision;

    const ME: NodeId = NodeId(1);
    const ROOM: CohortId = CohortId(77);
    const POLL: Duration = Duration::from_millis(100);
    const NOW: Time = Time::from_micros(1);

    fn entry(epoch: u64, binding: u64, room: Option<CohortId>) -> Record {
        let (bucket, phase) = (Bucket(1), OwnerPhase::Serving);
        Record { bucket, binding: Binding(binding), epoch: Epoch(epoch), owner: NodeId(9), phase, room }
    }

    fn at(revision: u64, record: Record) -> Versioned {
        Versioned { revision: Revision(revision), record }
    }

    fn read(found: Versioned) -> Answer {
        Answer::Read(ReadAnswer::Read(Some(found)))
    }

    /// The record that a question wants to write.
    fn written(question: Option<(u64, Ask)>) -> Record {
        match question {
            Some((_, Ask::Cas { record, .. })) => record,
            other => panic!("nothing is written: {other:?}"),
        }
    }

    #[test]
    fn a_session_that_was_alone_is_bound_under_the_next_binding() {
        let mut rebind = Rebind::new(ME, ROOM, Purpose::Bind(at(3, entry(5, 2, None))));
        let (number, ask) = rebind.begin();
        let bound = Record { owner: ME, ..entry(5, 3, Some(ROOM)) };
        assert_eq!(ask, Ask::Cas { expected: Revision(3), record: bound });
        let won = Answer::Cas(CasAnswer::Won(Revision(4)));
        assert_eq!(rebind.on_answer(number, won, POLL, NOW), (None, Some(Outcome::Done(at(4, bound)))));
    }

    #[test]
    fn an_answer_that_was_lost_is_found_by_reading() {
        let mut rebind = Rebind::new(ME, ROOM, Purpose::Bind(at(3, entry(5, 2, None))));
        let (number, _) = rebind.begin();
        assert_eq!(rebind.on_answer(number, Answer::Cas(CasAnswer::Unknown), POLL, NOW), (None, None));
        assert_eq!(rebind.on_timeout(NOW), None, "not yet");
        let again = rebind.on_timeout(NOW + POLL).expect("it is read");
        // It has not landed, but may still: the same write again can land only once.
        let (retry, outcome) = rebind.on_answer(again.0, read(at(3, entry(5, 2, None))), POLL, NOW);
        assert_eq!((written(retry).room, outcome), (Some(ROOM), None));
        let bound = written(retry);
        let lost = Answer::Cas(CasAnswer::Lost(Some(at(8, bound))));
        assert_eq!(rebind.on_answer(3, lost, POLL, NOW), (None, Some(Outcome::Done(at(8, bound)))));
    }

    #[test]
    fn a_session_that_was_taken_over_meanwhile_is_not_bound() {
        let mut rebind = Rebind::new(ME, ROOM, Purpose::Bind(at(3, entry(5, 2, None))));
        let (number, _) = rebind.begin();
        let taken = entry(6, 2, None);
        let lost = Answer::Cas(CasAnswer::Lost(Some(at(4, taken))));
        let outcome = Outcome::Elsewhere(Some(taken));
        assert_eq!(rebind.on_answer(number, lost, POLL, NOW), (None, Some(outcome)));
    }

    #[test]
    fn a_session_leaves_at_the_epoch_of_its_room() {
        let mut rebind = Rebind::new(ME, ROOM, Purpose::Unbind(Epoch(9)));
        let (number, ask) = rebind.begin();
        assert_eq!(ask, Ask::Read);
        let (write, _) = rebind.on_answer(number, read(at(3, entry(5, 3, Some(ROOM)))), POLL, NOW);
        assert_eq!(written(write), Record { owner: ME, ..entry(9, 4, None) });
    }

    #[test]
    fn who_owned_the_room_before_changes_nothing_after_it_was_taken_over() {
        let mut late = Rebind::new(ME, ROOM, Purpose::Unbind(Epoch(9)));
        let (number, _) = late.begin();
        let found = at(3, entry(5, 3, Some(ROOM)));
        let (late_write, _) = late.on_answer(number, read(found), POLL, NOW);

        let mut heir = Rebind::new(NodeId(2), ROOM, Purpose::Confirm { epoch: Epoch(10), arriving: None });
        let (number, _) = heir.begin();
        let (claim, _) = heir.on_answer(number, read(found), POLL, NOW);
        let confirmed = written(claim);
        assert_eq!(confirmed, Record { owner: NodeId(2), ..entry(10, 3, Some(ROOM)) });

        // The heir's write has landed: the late one does not, for its revision is gone, and is not repeated.
        let (number, _) = late_write.expect("it writes");
        let lost = Answer::Cas(CasAnswer::Lost(Some(at(4, confirmed))));
        let outcome = Outcome::Elsewhere(Some(confirmed));
        assert_eq!(late.on_answer(number, lost, POLL, NOW), (None, Some(outcome)));
    }

    #[test]
    fn a_session_that_has_left_or_ended_is_not_confirmed() {
        for found in [Some(at(3, entry(5, 4, None))), Some(at(3, entry(5, 4, Some(CohortId(1))))), None] {
            let mut rebind = Rebind::new(ME, ROOM, Purpose::Confirm { epoch: Epoch(9), arriving: None });
            let (number, _) = rebind.begin();
            let answer = Answer::Read(ReadAnswer::Read(found));
            let outcome = Outcome::Elsewhere(found.map(|found| found.record));
            assert_eq!(rebind.on_answer(number, answer, POLL, NOW), (None, Some(outcome)));
        }
    }

    #[test]
    fn who_was_on_its_way_in_is_bound_no_more_by_the_owner_before() {
        let alone = at(3, entry(5, 2, None));
        let confirm = Purpose::Confirm { epoch: Epoch(10), arriving: Some(Binding(2)) };
        let mut heir = Rebind::new(NodeId(2), ROOM, confirm);
        let (number, _) = heir.begin();
        let (touch, outcome) = heir.on_answer(number, read(alone), POLL, NOW);
        assert_eq!((written(touch), outcome), (alone.record, None));
        // The answer is lost: whether it has landed cannot be seen, so it is written again.
        assert_eq!(heir.on_answer(2, Answer::Cas(CasAnswer::Unknown), POLL, NOW), (None, None));
        let (number, _) = heir.on_timeout(NOW + POLL).expect("it is read");
        let touched = at(4, alone.record);
        let (again, _) = heir.on_answer(number, read(touched), POLL, NOW);
        assert_eq!(written(again), alone.record);
        let won = Answer::Cas(CasAnswer::Won(Revision(5)));
        assert_eq!(heir.on_answer(4, won, POLL, NOW), (None, Some(Outcome::Elsewhere(Some(alone.record)))));
    }
}
