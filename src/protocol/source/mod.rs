//! The source of a move: serves until the record names the target, then passes the baton, once (rules a,
//! b, c, h). Whoever holds the cohort drives it: inputs in, outputs out.

mod events;
mod wakes;

pub use events::{Input, Outcome, Output, Timing, Wake};

use crate::protocol::ids::{MoveId, NodeId};
use crate::protocol::reasons::{MoveFailure, TargetRefusal};
use crate::protocol::record::{Answer, Ask, CasAnswer, OwnerPhase, ReadAnswer, Record, Versioned};
use crate::protocol::time::Time;
use crate::protocol::wire::{Baton, MoveMode};
use std::collections::VecDeque;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Waits for a node to move to. The driver's queue of such moves ends every wait.
    Picking,
    /// Prepare is sent.
    Preparing { deadline: Time, resend_at: Time },
    /// The clients have been told.
    Attaching { deadline: Time },
    /// The compare-and-set that names the target is under way (a); the source serves.
    Claiming { deadline: Time },
    /// The record names the target, the state is on its way to the outbox; last moment to abort (b).
    Freezing { record: Versioned },
    /// The baton is in the outbox, but not a byte of it has left.
    Leaving { record: Versioned, baton: Box<Baton>, deadline: Time, abort: Option<Abort> },
    /// The baton is out: only the record ends this (c).
    Passing { record: Versioned, baton: Box<Baton>, acked: bool, resend_at: Time, poll_at: Time },
    /// The target's lease has run out after the baton: the record is being taken back (c).
    Recalling { poll_at: Time },
    /// An abort makes sure that no earlier write can still land (h), or takes the record back (b).
    Undoing { abort: Abort, writing: Option<Record>, poll_at: Time },
    /// Over.
    Ended,
}

/// Why an attempt is being given up, and whether another target may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Abort {
    reason: MoveFailure,
    next_target: bool,
}

/// The source's side of one move, over all its attempts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    id: MoveId,
    /// The record (self, e, Serving) that the move starts from.
    held: Versioned,
    mode: MoveMode,
    timing: Timing,
    tried: Vec<NodeId>,
    /// Why the last attempt came to nothing.
    failed: Option<MoveFailure>,
    phase: Phase,
    asked: u64,
    /// The last question is not answered yet: a slow directory is not asked again meanwhile, or no answer
    /// would ever be to the last question.
    waits: bool,
    outputs: VecDeque<Output>,
}

impl Source {
    /// Starts a move from `held`, which must show this node as serving (a). `attempt` is higher than that
    /// of every earlier move from this epoch.
    pub fn new(
        cohort: crate::protocol::ids::CohortId,
        held: Versioned,
        attempt: u32,
        mode: MoveMode,
        timing: Timing,
    ) -> Self {
        assert_eq!(held.record.phase, OwnerPhase::Serving, "{cohort}: a move starts only from Serving");
        let id = MoveId { cohort, epoch: held.record.epoch.next(), attempt, target: NodeId::default() };
        let mut source = Self {
            id,
            held,
            mode,
            timing,
            tried: Vec::new(),
            failed: None,
            phase: Phase::Picking,
            asked: 0,
            waits: false,
            outputs: VecDeque::new(),
        };
        source.outputs.push_back(Output::PickTarget(Vec::new()));
        source
    }

    /// The attempt under way.
    pub fn id(&self) -> MoveId {
        self.id
    }

    /// Whether clients attach before the baton or come after it.
    pub fn mode(&self) -> MoveMode {
        self.mode
    }

    /// Whether the source serves: until it freezes, and again once it has decided never to send the baton.
    pub fn serves(&self) -> bool {
        match self.phase {
            Phase::Picking
            | Phase::Preparing { .. }
            | Phase::Attaching { .. }
            | Phase::Claiming { .. }
            | Phase::Undoing { .. } => true,
            Phase::Freezing { .. }
            | Phase::Leaving { .. }
            | Phase::Passing { .. }
            | Phase::Recalling { .. }
            | Phase::Ended => false,
        }
    }

    /// Whether the clients have been told where to attach, and no baton is made yet.
    pub fn awaits_clients(&self) -> bool {
        matches!(self.phase, Phase::Attaching { .. } | Phase::Claiming { .. })
    }

    /// The target, as long as it has a handshake of the client before it because of this move.
    pub fn arriving_at(&self) -> Option<NodeId> {
        let arriving = match self.phase {
            Phase::Preparing { .. } | Phase::Attaching { .. } => true,
            // Who was attached when the claim was made has come.
            Phase::Claiming { .. }
            | Phase::Freezing { .. }
            | Phase::Leaving { .. }
            | Phase::Passing { .. } => self.mode == MoveMode::Classic,
            Phase::Picking | Phase::Recalling { .. } | Phase::Undoing { .. } | Phase::Ended => false,
        };
        arriving.then_some(self.id.target)
    }

    /// Whether the baton has left, so that the copy here is only a copy.
    pub fn baton_is_out(&self) -> bool {
        matches!(self.phase, Phase::Passing { .. } | Phase::Recalling { .. })
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Takes in what happened.
    pub fn handle(&mut self, input: Input, now: Time) {
        match input {
            Input::Target(target) => self.on_target(target, now),
            Input::Prepared(id) if id == self.id => self.on_prepared(now),
            Input::Refused(id, reason) if id == self.id => self.on_refused(reason, now),
            Input::Ready(id) if id == self.id => self.on_ready(now),
            Input::CannotAttach(id) if id == self.id => self.on_cannot_attach(now),
            Input::BatonLeft(id) if id == self.id => self.on_baton_left(now),
            Input::Revoked(id) if id == self.id => self.on_revoked(now),
            Input::BatonAcked(id) if id == self.id => self.on_baton_acked(),
            Input::Finalised(id) if id == self.id => self.on_finalised(),
            // (f) One of an earlier attempt counts for nothing.
            Input::Prepared(_)
            | Input::Refused(..)
            | Input::Ready(_)
            | Input::CannotAttach(_)
            | Input::BatonLeft(_)
            | Input::Revoked(_)
            | Input::BatonAcked(_)
            | Input::Finalised(_) => {}
            Input::Answer(number, answer) if number == self.asked => {
                self.waits = false;
                self.on_answer(answer, now);
            }
            Input::Answer(..) => {}
            Input::Frozen(baton) => self.on_frozen(baton, now),
            Input::TargetGone => self.on_target_gone(now),
            Input::Published(found) => self.on_published(found),
            Input::Cancel(reason) => self.on_cancel(reason, now),
            Input::Timeout => self.on_timeout(now),
        }
    }

    fn on_target(&mut self, target: Option<NodeId>, now: Time) {
        let Phase::Picking = self.phase else { return };
        let Some(target) = target else {
            let reason = self.failed.unwrap_or(MoveFailure::NoTarget);
            return self.end(Outcome::Failed(reason, self.held));
        };
        self.tried.push(target);
        self.id = MoveId { target, attempt: self.id.attempt + 1, ..self.id };
        self.outputs.push_back(Output::SendPrepare(self.id));
        self.phase =
            Phase::Preparing { deadline: now + self.timing.prepare_max, resend_at: now + self.timing.resend };
    }

    fn on_prepared(&mut self, now: Time) {
        let Phase::Preparing { .. } = self.phase else { return };
        match self.mode {
            MoveMode::Seamless => {
                self.outputs.push_back(Output::SendMoveTo(self.id));
                self.phase = Phase::Attaching { deadline: now + self.timing.attach_max };
            }
            // Break before make: nobody attaches before the baton, so there is nothing to wait for.
            MoveMode::Classic => {
                self.outputs.push_back(Output::SendMoveTo(self.id));
                self.claim(now);
            }
        }
    }

    fn on_ready(&mut self, now: Time) {
        let Phase::Attaching { .. } = self.phase else { return };
        self.claim(now);
    }

    fn claim(&mut self, now: Time) {
        let from = self.held.record.owner;
        let phase = OwnerPhase::Handing { from, attempt: self.id.attempt };
        self.ask(Ask::Cas {
            expected: self.held.revision,
            record: self.held.record.passed_to(self.id.target, phase),
        });
        self.phase = Phase::Claiming { deadline: now + self.timing.claim_max };
    }

    fn on_refused(&mut self, reason: TargetRefusal, now: Time) {
        match self.phase {
            Phase::Preparing { .. } | Phase::Attaching { .. } => {
                let failure = match reason {
                    TargetRefusal::TooLarge => MoveFailure::FrozeTooLong,
                    TargetRefusal::NotOnline
                    | TargetRefusal::Full
                    | TargetRefusal::OlderApplication
                    | TargetRefusal::NotOwner
                    | TargetRefusal::Repeated
                    | TargetRefusal::Fenced
                    | TargetRefusal::NoBaton
                    | TargetRefusal::Unreachable
                    | TargetRefusal::Silent
                    | TargetRefusal::Unusable => MoveFailure::TargetRefused,
                };
                self.give_up_attempt(failure);
            }
            // The claim may land: undo it, then go on.
            Phase::Claiming { .. } | Phase::Leaving { .. } => {
                self.abort(Abort { reason: MoveFailure::TargetRefused, next_target: true }, now);
            }
            // (c) A word of the target proves nothing once the baton is out; its record does. The baton is
            // still repeated: should the target have given up handing back, it begins anew.
            Phase::Passing { .. } => self.ask(Ask::Read),
            Phase::Picking
            | Phase::Freezing { .. }
            | Phase::Recalling { .. }
            | Phase::Undoing { .. }
            | Phase::Ended => {}
        }
    }

    fn on_cannot_attach(&mut self, now: Time) {
        match self.phase {
            Phase::Attaching { .. } => self.give_up_attempt(MoveFailure::ClientCannotReach),
            Phase::Claiming { .. } | Phase::Leaving { .. } => {
                self.abort(Abort { reason: MoveFailure::ClientCannotReach, next_target: true }, now);
            }
            Phase::Picking
            | Phase::Preparing { .. }
            | Phase::Freezing { .. }
            | Phase::Passing { .. }
            | Phase::Recalling { .. }
            | Phase::Undoing { .. }
            | Phase::Ended => {}
        }
    }

    /// Before any claim: calls the attempt off and tries another target, or gives the move up.
    fn give_up_attempt(&mut self, reason: MoveFailure) {
        self.outputs.push_back(Output::Cancel(self.id));
        self.failed = Some(reason);
        if (self.tried.len() as u32) < self.timing.targets_max && reason != MoveFailure::Cancelled {
            self.phase = Phase::Picking;
            self.outputs.push_back(Output::PickTarget(self.tried.clone()));
        } else {
            self.end(Outcome::Failed(reason, self.held));
        }
    }

    /// After a claim: makes sure that the baton never leaves, then undoes the claim.
    fn abort(&mut self, abort: Abort, now: Time) {
        if let Phase::Leaving { abort: pending, .. } = &mut self.phase {
            *pending = Some(abort);
            self.outputs.push_back(Output::Revoke(self.id));
        } else {
            self.undo(abort, now);
        }
    }

    fn on_revoked(&mut self, now: Time) {
        if let Phase::Leaving { abort: Some(abort), .. } = self.phase {
            self.undo(abort, now);
        }
    }

    /// The baton never leaves: serves on, and makes sure of the record first (b, h).
    fn undo(&mut self, abort: Abort, now: Time) {
        self.outputs.push_back(Output::Cancel(self.id));
        self.failed = Some(abort.reason);
        self.phase = Phase::Undoing { abort, writing: None, poll_at: now + self.timing.record_poll };
        self.ask(Ask::Read);
    }

    fn on_answer(&mut self, answer: Answer, now: Time) {
        match self.phase {
            Phase::Claiming { .. } => self.on_claim_answer(answer, now),
            Phase::Passing { .. } => self.on_passing_answer(answer, now),
            Phase::Recalling { .. } => self.on_recall_answer(answer, now),
            Phase::Undoing { abort, writing, .. } => self.on_undo_answer(answer, abort, writing, now),
            Phase::Picking
            | Phase::Preparing { .. }
            | Phase::Attaching { .. }
            | Phase::Freezing { .. }
            | Phase::Leaving { .. }
            | Phase::Ended => {}
        }
    }

    /// What the record says, as far as is known here: that the source serves, until the target has been named for
    /// sure.
    pub fn held_record(&self) -> Record {
        match self.phase {
            Phase::Freezing { .. }
            | Phase::Leaving { .. }
            | Phase::Passing { .. }
            | Phase::Recalling { .. } => self.claimed_record(),
            Phase::Picking
            | Phase::Preparing { .. }
            | Phase::Attaching { .. }
            | Phase::Claiming { .. }
            | Phase::Undoing { .. }
            | Phase::Ended => self.held.record,
        }
    }

    /// No claim of the life before can land in this one: what counts is what was published (g).
    fn on_published(&mut self, found: Versioned) {
        self.held.record.bucket = found.record.bucket;
        let claimed = self.claimed_record();
        if found.record == self.held.record {
            self.held = found;
            self.outputs.push_back(Output::Held(found));
        }
        if let Phase::Freezing { record } | Phase::Leaving { record, .. } | Phase::Passing { record, .. } =
            &mut self.phase
            && found.record == claimed
        {
            *record = found;
        }
    }

    fn claimed_record(&self) -> Record {
        let from = self.held.record.owner;
        let phase = OwnerPhase::Handing { from, attempt: self.id.attempt };
        self.held.record.passed_to(self.id.target, phase)
    }

    fn on_claim_answer(&mut self, answer: Answer, now: Time) {
        match answer {
            Answer::Cas(CasAnswer::Won(revision)) => {
                // (a) Nothing is frozen before this line.
                let record = self.claimed_record();
                self.phase = Phase::Freezing { record: Versioned { revision, record } };
                self.outputs.push_back(Output::Freeze(record));
            }
            Answer::Cas(CasAnswer::Lost(found)) | Answer::Read(ReadAnswer::Read(found)) => {
                self.on_claim_found(found, now);
            }
            // (h) It may still land: read until it has, or the deadline bumps the record.
            Answer::Cas(CasAnswer::Unknown) | Answer::Read(ReadAnswer::Failed) => self.ask(Ask::Read),
        }
    }

    fn on_claim_found(&mut self, found: Option<Versioned>, now: Time) {
        match found {
            Some(found) if found.record == self.claimed_record() => {
                self.phase = Phase::Freezing { record: found };
                self.outputs.push_back(Output::Freeze(found.record));
            }
            // Not landed yet: the same write again can land only once, for its revision is the same.
            Some(found) if found == self.held => self.claim_again(),
            Some(found) if found.record == self.held.record => {
                self.held = found;
                self.outputs.push_back(Output::Held(found));
                self.claim(now);
            }
            // It landed, and the target has handed the cohort back before that was seen here (c).
            Some(found) if self.is_handed_back(&found.record) => {
                self.outputs.push_back(Output::Cancel(self.id));
                self.undone(found, Abort { reason: MoveFailure::TargetRefused, next_target: true });
            }
            Some(found) => self.end(Outcome::Lost(Some(found.record))),
            None => self.end(Outcome::Lost(None)),
        }
    }

    fn claim_again(&mut self) {
        self.ask(Ask::Cas { expected: self.held.revision, record: self.claimed_record() });
    }

    fn on_frozen(&mut self, baton: Box<Baton>, now: Time) {
        let Phase::Freezing { record } = self.phase else { return };
        assert_eq!(
            baton.fence,
            record.record.fence(),
            "{}: a baton for another epoch than the record's",
            self.id
        );
        self.outputs.push_back(Output::SendBaton(self.id, baton.clone()));
        let deadline = now + self.timing.freeze_max;
        self.phase = Phase::Leaving { record, baton, deadline, abort: None };
    }

    fn on_baton_left(&mut self, now: Time) {
        let Phase::Leaving { record, ref mut baton, .. } = self.phase else { return };
        let baton = std::mem::take(baton);
        self.phase = Phase::Passing {
            record,
            baton,
            acked: false,
            resend_at: now + self.timing.resend,
            poll_at: now + self.timing.record_poll,
        };
    }

    fn on_baton_acked(&mut self) {
        if let Phase::Passing { acked, .. } = &mut self.phase {
            *acked = true;
        }
    }

    fn on_finalised(&mut self) {
        if let Phase::Passing { acked, .. } = &mut self.phase {
            *acked = true;
            self.ask(Ask::Read);
        }
    }

    /// (c) What the record says while the baton is out.
    fn on_passing_answer(&mut self, answer: Answer, now: Time) {
        let Phase::Passing { record: claimed, acked, .. } = self.phase else { return };
        match answer {
            // The session has ended at the target before its record was seen here.
            Answer::Read(ReadAnswer::Read(None)) if acked => self.end(Outcome::Lost(None)),
            Answer::Read(ReadAnswer::Read(Some(found))) if found.record == claimed.record => {
                self.poll_again(now);
            }
            Answer::Read(ReadAnswer::Read(Some(found))) if self.is_handed_back(&found.record) => {
                self.end(Outcome::TakenBack { held: found, served_elsewhere: false });
            }
            Answer::Read(ReadAnswer::Read(Some(found))) if found.record.epoch >= self.id.epoch => {
                self.end(Outcome::Moved(found.record));
            }
            // A record older than the claim, or none before the baton has arrived, cannot be a leader's answer about a claim that won;
            // the engine has lost its data, and what it says now proves nothing.
            Answer::Read(ReadAnswer::Read(_) | ReadAnswer::Failed) | Answer::Cas(_) => self.poll_again(now),
        }
    }

    /// The same binding as well: a session that has joined a room since, and left it here, is here anew.
    fn is_handed_back(&self, record: &Record) -> bool {
        *record == self.claimed_record().passed_to(self.held.record.owner, OwnerPhase::Serving)
    }

    fn poll_again(&mut self, now: Time) {
        if let Phase::Passing { poll_at, .. }
        | Phase::Recalling { poll_at }
        | Phase::Undoing { poll_at, .. } = &mut self.phase
        {
            *poll_at = now + self.timing.record_poll;
        }
    }

    fn on_target_gone(&mut self, now: Time) {
        let Phase::Passing { record, .. } = self.phase else { return };
        self.phase = Phase::Recalling { poll_at: now + self.timing.record_poll };
        self.take_back(record);
    }

    fn take_back(&mut self, from: Versioned) {
        self.ask(Ask::Cas {
            expected: from.revision,
            record: from.record.passed_to(self.held.record.owner, OwnerPhase::Serving),
        });
    }

    fn on_recall_answer(&mut self, answer: Answer, now: Time) {
        let back = self.claimed_record().passed_to(self.held.record.owner, OwnerPhase::Serving);
        match answer {
            Answer::Cas(CasAnswer::Won(revision)) => {
                let held = Versioned { revision, record: back };
                self.end(Outcome::TakenBack { held, served_elsewhere: true });
            }
            Answer::Cas(CasAnswer::Lost(Some(found))) | Answer::Read(ReadAnswer::Read(Some(found))) => {
                if found.record == back {
                    // Whether the target handed back or an own write landed late cannot be told apart.
                    self.end(Outcome::TakenBack { held: found, served_elsewhere: true });
                } else if found.record == self.claimed_record() {
                    self.take_back(found);
                } else {
                    self.end(Outcome::Moved(found.record));
                }
            }
            Answer::Cas(CasAnswer::Lost(None) | CasAnswer::Unknown)
            | Answer::Read(ReadAnswer::Read(None) | ReadAnswer::Failed) => self.poll_again(now),
        }
    }

    /// The way back before the baton: whatever the record says, a write of our own ends what may be in
    /// flight.
    fn on_undo_answer(&mut self, answer: Answer, abort: Abort, writing: Option<Record>, now: Time) {
        match answer {
            Answer::Cas(CasAnswer::Won(revision)) => {
                let Some(record) = writing else { return self.poll_again(now) };
                self.undone(Versioned { revision, record }, abort);
            }
            Answer::Read(ReadAnswer::Read(Some(found))) | Answer::Cas(CasAnswer::Lost(Some(found))) => {
                let me = self.held.record.owner;
                if found.record == self.claimed_record() {
                    self.overwrite(found, found.record.passed_to(me, OwnerPhase::Serving)); // (b)
                } else if found.record == self.held.record {
                    self.overwrite(found, found.record); // (h) a new revision fences the claim off
                } else if found.record.served_by(me) {
                    self.undone(found, abort); // the target handed back, or our own write landed late
                } else {
                    self.end(Outcome::Lost(Some(found.record)));
                }
            }
            Answer::Read(ReadAnswer::Read(None)) | Answer::Cas(CasAnswer::Lost(None)) => {
                self.end(Outcome::Lost(None));
            }
            Answer::Read(ReadAnswer::Failed) | Answer::Cas(CasAnswer::Unknown) => self.poll_again(now),
        }
    }

    fn overwrite(&mut self, found: Versioned, record: Record) {
        if let Phase::Undoing { writing, .. } = &mut self.phase {
            *writing = Some(record);
        }
        self.ask(Ask::Cas { expected: found.revision, record });
    }

    fn undone(&mut self, held: Versioned, abort: Abort) {
        self.held = held;
        self.id.epoch = held.record.epoch.next();
        self.outputs.push_back(Output::Held(held));
        if abort.next_target && (self.tried.len() as u32) < self.timing.targets_max {
            self.phase = Phase::Picking;
            self.outputs.push_back(Output::PickTarget(self.tried.clone()));
        } else {
            self.end(Outcome::Failed(abort.reason, held));
        }
    }

    fn on_cancel(&mut self, reason: MoveFailure, now: Time) {
        match self.phase {
            Phase::Picking => self.end(Outcome::Failed(reason, self.held)),
            Phase::Preparing { .. } | Phase::Attaching { .. } => {
                self.outputs.push_back(Output::Cancel(self.id));
                self.end(Outcome::Failed(reason, self.held));
            }
            Phase::Claiming { .. } | Phase::Leaving { .. } => {
                self.abort(Abort { reason, next_target: false }, now);
            }
            Phase::Freezing { .. }
            | Phase::Passing { .. }
            | Phase::Recalling { .. }
            | Phase::Undoing { .. }
            | Phase::Ended => {}
        }
    }

    /// Counts its questions anew, from the last one on: to a model checker, which knows what answers are on
    /// their way, states that differ in this number alone are one.
    #[cfg(any(test, feature = "testing"))]
    pub fn renumber(&mut self) {
        self.asked = self.asked.min(1);
    }

    fn ask(&mut self, ask: Ask) {
        self.asked += 1;
        self.waits = true;
        self.outputs.push_back(Output::Ask(self.asked, ask));
    }

    fn end(&mut self, outcome: Outcome) {
        self.phase = Phase::Ended;
        self.outputs.push_back(Output::Ended(outcome));
    }
}
