//! The target of a move: makes room, and decides once the baton is out: it serves, or refuses and hands
//! back (rule c), fenced by epoch (promise 1).

use crate::protocol::ids::{Fence, MoveId, NodeId};
use crate::protocol::reasons::TargetRefusal;
use crate::protocol::record::{Answer, Ask, CasAnswer, OwnerPhase, ReadAnswer, Record, Versioned};
use crate::protocol::source::Timing;
use crate::protocol::time::Time;
use crate::protocol::wire::{Baton, MoveMode};
use std::collections::VecDeque;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The source asks again: the answer may have been lost.
    PrepareAgain,
    /// Every client is attached, and what it sends comes here too.
    AllAttached,
    /// The baton, for this very move.
    Baton(Box<Baton>),
    /// The source has called the move off.
    Cancelled,
    /// The answer to the [`Output::Ask`] of this number.
    Answer(u64, Answer),
    /// The answer to [`Output::Store`]: the snapshot is stored, or storing is off.
    Stored,
    /// The node has lost touch with the engine, or goes offline: what is not served yet is refused.
    Drop(TargetRefusal),
    /// The source's lease has surely run out.
    SourceGone,
    /// A time of [`Target::poll_timeout`] has come.
    Timeout,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Write tickets and tell the source where its clients may attach.
    SendPrepared,
    /// Tell the source that every client is attached.
    SendReady,
    /// Ask the directory; the answer bears this number.
    Ask(u64, Ask),
    /// Serve the cohort from this state, and tell the clients (`Switch`).
    Serve(Box<Baton>),
    /// Tell the source that the baton has arrived.
    SendBatonAck,
    /// Store what is served as a snapshot; answered by [`Input::Stored`].
    Store,
    /// The record shows this node as owner: tell the clients (`Settled`) and the source.
    Settled(Versioned),
    /// Remember for good that this move is refused (c), then tell source and clients.
    Refuse(TargetRefusal),
    /// The move has ended.
    Ended(Outcome),
}

/// How a move ended for its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The cohort is served here, and the record says so.
    Serving(Versioned),
    /// Nothing of it is left here.
    Gone,
    /// The baton was accepted, but the record names somebody else: stop serving at once.
    Lost(Option<Record>),
    /// The source is gone without the baton, and nobody else has the cohort: take it over from a snapshot.
    Orphaned(Versioned),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// A leader's read has to show that the source owns the cohort.
    Admitting { deadline: Time },
    /// Room is made; clients may attach.
    Prepared { attached: bool, expires_at: Time, handing_since: Option<Time>, poll_at: Time, resend_at: Time },
    /// Serves; the snapshot is being stored.
    Storing,
    /// Serves; the record is being finalised.
    Finalising { poll_at: Time },
    /// Refused for good; the record is handed back if it names this move (c).
    HandingBack { until: Time, poll_at: Time },
    /// Over.
    Ended,
}

/// What the next wake-up is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wake {
    /// The directory did not answer in time.
    GiveUpAdmitting,
    /// Ready is repeated.
    ResendReady,
    /// The baton did not come in time.
    RefuseForNoBaton,
    /// The preparation has expired.
    Expire,
    /// The record is read.
    ReadRecord,
    /// The record has never named this move while that was possible.
    StopHandingBack,
}

/// The target's side of one attempt of a move.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    id: MoveId,
    source: NodeId,
    /// What the source serves at.
    fence: Fence,
    mode: MoveMode,
    /// Nothing is to come: a dry run wants to know whether it could.
    probe: bool,
    timing: Timing,
    source_gone: bool,
    phase: Phase,
    asked: u64,
    /// The last question is not answered yet, as in the source.
    waits: bool,
    outputs: VecDeque<Output>,
}

impl Target {
    /// Room is asked for. The caller has checked what it can by itself: that the node is online, has room,
    /// runs the application's version and has not refused this move before.
    pub fn new(id: MoveId, source: NodeId, fence: Fence, mode: MoveMode, timing: Timing, now: Time) -> Self {
        let mut target = Self::in_phase(
            id,
            source,
            fence,
            mode,
            timing,
            Phase::Admitting { deadline: now + timing.prepare_max },
        );
        target.ask(Ask::Read);
        target
    }

    /// The same for a probe of a dry run: clients may attach until it is called off or expires. The record can never
    /// name it, so that there is nothing to hand back and no refusal to remember.
    pub fn of_probe(id: MoveId, source: NodeId, fence: Fence, timing: Timing, now: Time) -> Self {
        Self { probe: true, ..Self::new(id, source, fence, MoveMode::Seamless, timing, now) }
    }

    /// A baton came for which there is no live preparation: it is refused, and the record handed back if
    /// it names this move (c).
    pub fn refusing(id: MoveId, source: NodeId, timing: Timing, now: Time) -> Self {
        let phase = Phase::HandingBack { until: now + timing.ticket_life, poll_at: now };
        let mut target = Self::in_phase(id, source, Fence::default(), MoveMode::Seamless, timing, phase);
        target.refuse(TargetRefusal::NoBaton, now);
        target
    }

    fn in_phase(
        id: MoveId,
        source: NodeId,
        fence: Fence,
        mode: MoveMode,
        timing: Timing,
        phase: Phase,
    ) -> Self {
        Self {
            id,
            source,
            fence,
            mode,
            probe: false,
            timing,
            source_gone: false,
            phase,
            asked: 0,
            waits: false,
            outputs: VecDeque::new(),
        }
    }

    /// Which attempt of which move.
    pub fn id(&self) -> MoveId {
        self.id
    }

    /// The source.
    pub fn source(&self) -> NodeId {
        self.source
    }

    /// Whether it is one of a dry run.
    pub fn is_probe(&self) -> bool {
        self.probe
    }

    /// Whether the baton has been accepted.
    pub fn serves(&self) -> bool {
        match self.phase {
            Phase::Storing | Phase::Finalising { .. } => true,
            Phase::Admitting { .. } | Phase::Prepared { .. } | Phase::HandingBack { .. } | Phase::Ended => {
                false
            }
        }
    }

    /// What the record says, as far as is known here: that this node is named, since the baton was accepted.
    /// `fence`: what it is served at.
    pub fn held_record(&self, fence: Fence) -> Option<Record> {
        let phase = OwnerPhase::Handing { from: self.source, attempt: self.id.attempt };
        let (owner, epoch) = (self.id.target, self.id.epoch);
        let Fence { bucket, binding, .. } = fence;
        self.serves().then_some(Record { bucket, binding, epoch, owner, phase, room: None })
    }

    /// Whether room is made, and not every client has come. Of a probe the clients tell the source themselves.
    pub fn awaits_clients(&self) -> bool {
        !self.probe && matches!(self.phase, Phase::Prepared { attached: false, .. })
    }

    /// Whether clients may attach.
    pub fn is_prepared(&self) -> bool {
        matches!(self.phase, Phase::Prepared { .. })
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due, and what for.
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        self.wakes().into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Everything that the phase waits for the time of.
    pub fn wakes(&self) -> [Option<(Time, Wake)>; 3] {
        match self.phase {
            Phase::Admitting { deadline } => [Some((deadline, Wake::GiveUpAdmitting)), None, None],
            Phase::Prepared { attached, expires_at, handing_since, poll_at, resend_at } => {
                let refuse_at = handing_since.map(|since| since + self.timing.baton_wait_max);
                let ready = (attached && handing_since.is_none()).then_some((resend_at, Wake::ResendReady));
                [
                    // Once the record names this move, no ticket's expiry ends it, only rule c.
                    Some(refuse_at.map_or((expires_at, Wake::Expire), |at| (at, Wake::RefuseForNoBaton))),
                    ready,
                    Some((poll_at, Wake::ReadRecord)),
                ]
            }
            Phase::Finalising { poll_at } => [Some((poll_at, Wake::ReadRecord)), None, None],
            Phase::HandingBack { until, poll_at } => {
                [Some((until, Wake::StopHandingBack)), Some((poll_at, Wake::ReadRecord)), None]
            }
            // Storing is answered by the driver, also when the store fails.
            Phase::Storing | Phase::Ended => [None, None, None],
        }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, input: Input, now: Time) {
        match input {
            Input::PrepareAgain => self.on_prepare_again(),
            Input::AllAttached => self.on_all_attached(now),
            Input::Baton(baton) => self.on_baton(baton),
            Input::Cancelled => self.on_cancelled(now),
            Input::Answer(number, answer) if number == self.asked => {
                self.waits = false;
                self.on_answer(answer, now);
            }
            Input::Answer(..) => {}
            Input::Stored => self.on_stored(now),
            Input::Drop(reason) => self.on_drop(reason, now),
            Input::SourceGone => self.source_gone = true,
            Input::Timeout => self.on_timeout(now),
        }
    }

    fn on_prepare_again(&mut self) {
        if let Phase::Prepared { .. } = self.phase {
            self.outputs.push_back(Output::SendPrepared);
        }
    }

    fn on_all_attached(&mut self, now: Time) {
        let Phase::Prepared { attached, resend_at, .. } = &mut self.phase else { return };
        *attached = true;
        *resend_at = now + self.timing.resend;
        self.outputs.push_back(Output::SendReady);
    }

    fn on_baton(&mut self, baton: Box<Baton>) {
        match self.phase {
            Phase::Prepared { .. } if self.probe => {}
            Phase::Prepared { .. } => {
                if baton.fence.epoch != self.id.epoch {
                    return; // (f)
                }
                self.phase = Phase::Storing;
                self.outputs.push_back(Output::Serve(baton));
                self.outputs.push_back(Output::SendBatonAck);
                self.outputs.push_back(Output::Store);
            }
            // It has been accepted already, and the acknowledgement was lost.
            Phase::Storing | Phase::Finalising { .. } => self.outputs.push_back(Output::SendBatonAck),
            Phase::Admitting { .. } | Phase::HandingBack { .. } | Phase::Ended => {}
        }
    }

    fn on_cancelled(&mut self, now: Time) {
        if let Phase::Admitting { .. } | Phase::Prepared { .. } = self.phase {
            self.refuse(TargetRefusal::NoBaton, now);
        }
    }

    fn on_drop(&mut self, reason: TargetRefusal, now: Time) {
        if let Phase::Admitting { .. } | Phase::Prepared { .. } = self.phase {
            self.refuse(reason, now);
        }
    }

    /// (c) First remembers the refusal, then hands the record back if it names this move.
    fn refuse(&mut self, reason: TargetRefusal, now: Time) {
        self.outputs.push_back(Output::Refuse(reason));
        if self.probe {
            return self.end(Outcome::Gone);
        }
        self.phase = Phase::HandingBack {
            until: now + self.timing.ticket_life,
            poll_at: now + self.timing.record_poll,
        };
        self.ask(Ask::Read);
    }

    fn on_answer(&mut self, answer: Answer, now: Time) {
        match self.phase {
            Phase::Admitting { .. } => self.on_admission(answer, now),
            Phase::Prepared { .. } => self.on_watch(answer, now),
            Phase::Finalising { .. } => self.on_final_answer(answer, now),
            Phase::HandingBack { .. } => self.on_hand_back_answer(answer, now),
            Phase::Storing | Phase::Ended => {}
        }
    }

    fn on_admission(&mut self, answer: Answer, now: Time) {
        match answer {
            Answer::Read(ReadAnswer::Read(Some(found)))
                if found.record.served_by(self.source) && found.record.fence() == self.fence =>
            {
                self.phase = Phase::Prepared {
                    attached: false,
                    expires_at: now + self.timing.ticket_life,
                    handing_since: None,
                    poll_at: now + self.timing.record_poll,
                    resend_at: now,
                };
                self.outputs.push_back(Output::SendPrepared);
            }
            Answer::Read(ReadAnswer::Read(_)) => {
                self.outputs.push_back(Output::Refuse(TargetRefusal::NotOwner));
                self.end(Outcome::Gone);
            }
            Answer::Read(ReadAnswer::Failed) | Answer::Cas(_) => self.ask(Ask::Read),
        }
    }

    fn names_this_move(&self, record: &Record) -> bool {
        let from = self.source;
        record.owner == self.id.target
            && record.epoch == self.id.epoch
            && record.phase == OwnerPhase::Handing { from, attempt: self.id.attempt }
    }

    /// What the record says while the baton is awaited.
    fn on_watch(&mut self, answer: Answer, now: Time) {
        let found = match answer {
            Answer::Read(ReadAnswer::Read(Some(found))) => found,
            // It has ended, or is about to be published again: the time to refuse runs on.
            Answer::Read(ReadAnswer::Read(None)) => return,
            Answer::Read(ReadAnswer::Failed) | Answer::Cas(_) => {
                // Without the engine nobody can be handed anything: the time to refuse starts again.
                if let Phase::Prepared { handing_since: Some(since), .. } = &mut self.phase {
                    *since = now;
                }
                return;
            }
        };
        if self.names_this_move(&found.record) {
            if self.source_gone {
                // (d) The record names this node and the source's lease has run out: nobody else has it.
                return self.end(Outcome::Orphaned(found));
            }
            if let Phase::Prepared { handing_since, .. } = &mut self.phase {
                handing_since.get_or_insert(now);
            }
        } else if self.source_gone && found.record.served_by(self.source) {
            // It died before it could name this node, which is the first choice to go on.
            self.end(Outcome::Orphaned(found));
        } else if !(found.record.served_by(self.source) && found.record.epoch < self.id.epoch) {
            self.refuse(TargetRefusal::NotOwner, now);
        }
    }

    fn on_stored(&mut self, now: Time) {
        let Phase::Storing = self.phase else { return };
        self.phase = Phase::Finalising { poll_at: now + self.timing.record_poll };
        self.ask(Ask::Read);
    }

    fn on_final_answer(&mut self, answer: Answer, now: Time) {
        match answer {
            Answer::Read(ReadAnswer::Read(found)) | Answer::Cas(CasAnswer::Lost(found)) => match found {
                Some(found) if self.names_this_move(&found.record) => {
                    self.ask(Ask::Cas { expected: found.revision, record: found.record.finalised() });
                }
                Some(found)
                    if found.record.served_by(self.id.target) && found.record.epoch == self.id.epoch =>
                {
                    self.settle(found);
                }
                // (a) Another record: stop at once.
                Some(found) => self.end(Outcome::Lost(Some(found.record))),
                None => self.end(Outcome::Lost(None)),
            },
            // What was won is read once more, so that there is one way to the end.
            Answer::Cas(CasAnswer::Won(_)) => self.ask(Ask::Read),
            Answer::Read(ReadAnswer::Failed) | Answer::Cas(CasAnswer::Unknown) => {
                self.phase = Phase::Finalising { poll_at: now + self.timing.record_poll };
            }
        }
    }

    fn settle(&mut self, held: Versioned) {
        self.outputs.push_back(Output::Settled(held));
        self.end(Outcome::Serving(held));
    }

    fn on_hand_back_answer(&mut self, answer: Answer, now: Time) {
        match answer {
            Answer::Read(ReadAnswer::Read(found)) | Answer::Cas(CasAnswer::Lost(found)) => match found {
                Some(found) if self.names_this_move(&found.record) => {
                    let record = found.record.passed_to(self.source, OwnerPhase::Serving);
                    self.ask(Ask::Cas { expected: found.revision, record });
                }
                // The source may still claim: look again, until no ticket can be good any more.
                Some(found) if found.record.epoch < self.id.epoch => self.look_again(now),
                Some(_) | None => self.end(Outcome::Gone),
            },
            Answer::Cas(CasAnswer::Won(_)) => self.end(Outcome::Gone),
            Answer::Read(ReadAnswer::Failed) | Answer::Cas(CasAnswer::Unknown) => self.look_again(now),
        }
    }

    fn look_again(&mut self, now: Time) {
        if let Phase::HandingBack { poll_at, .. } = &mut self.phase {
            *poll_at = now + self.timing.baton_wait_max;
        }
    }

    fn on_timeout(&mut self, now: Time) {
        // Several may be due at once.
        while let Some((at, wake)) = self.poll_timeout()
            && at <= now
        {
            self.fire(wake, now);
        }
    }

    /// The time of one of [`wakes`](Self::wakes) has come.
    pub fn fire(&mut self, wake: Wake, now: Time) {
        match wake {
            Wake::GiveUpAdmitting => {
                self.outputs.push_back(Output::Refuse(TargetRefusal::Fenced));
                self.end(Outcome::Gone);
            }
            Wake::ResendReady => {
                self.outputs.push_back(Output::SendReady);
                if let Phase::Prepared { resend_at, .. } = &mut self.phase {
                    *resend_at = now + self.timing.resend;
                }
            }
            Wake::RefuseForNoBaton | Wake::Expire => self.refuse(TargetRefusal::NoBaton, now),
            Wake::ReadRecord => self.read_record(now),
            Wake::StopHandingBack => self.end(Outcome::Gone),
        }
    }

    fn read_record(&mut self, now: Time) {
        match &mut self.phase {
            Phase::Prepared { poll_at, .. } | Phase::Finalising { poll_at } => {
                *poll_at = now + self.timing.record_poll;
            }
            Phase::HandingBack { poll_at, .. } => *poll_at = now + self.timing.baton_wait_max,
            Phase::Admitting { .. } | Phase::Storing | Phase::Ended => {}
        }
        if !self.waits {
            self.ask(Ask::Read);
        }
    }

    /// Counts its questions anew, from the last one on, as in the source.
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
