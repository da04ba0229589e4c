//! The source of a dry run: goes through a move up to where its clients are attached, then calls it off. It finds
//! out whether the cohort could be moved now, and what stands in the way.
//!
//! It knows of no directory, no freeze and no baton: the cohort is served here throughout, and its record is
//! untouched (rule a). What it has begun is undone by rule b, as for every move that is called off before its baton.

use crate::protocol::ids::{CohortId, Epoch, MoveId, NodeId};
use crate::protocol::reasons::{MoveFailure, TargetRefusal};
use crate::protocol::source::Timing;
use crate::protocol::time::Time;
use std::collections::VecDeque;

/// Why a target would not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unfit {
    /// It does not take the cohort.
    Refused(TargetRefusal),
    /// None of the cohort's clients could attach to it.
    Unreached,
}

impl Unfit {
    /// Why a move would fail that tried no other target.
    const fn failure(self) -> MoveFailure {
        match self {
            Self::Refused(_) => MoveFailure::TargetRefused,
            Self::Unreached => MoveFailure::ClientCannotReach,
        }
    }

    /// Its name in JSON and in tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Refused(reason) => reason.label(),
            Self::Unreached => MoveFailure::ClientCannotReach.label(),
        }
    }
}

/// What a probe has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// This target takes the cohort, and a client of it has attached there, if any has a link.
    Fits(NodeId),
    /// No target would do: a move would fail for this reason.
    Stays(MoveFailure),
    /// Something real has come in between: a move, the end of the session, another epoch.
    Overtaken,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The answer to [`Output::PickTarget`]; `None`: there is no node to move to.
    Target(Option<NodeId>),
    /// The target has made room.
    Prepared(MoveId),
    /// The target refuses, or cannot be reached.
    Refused(MoveId, TargetRefusal),
    /// All clients that have a link have said whether they could attach. `some`: one of them could, or there is none.
    Answered {
        /// Which probe.
        id: MoveId,
        /// Whether the target would do.
        some: bool,
    },
    /// Something real comes in between.
    Overtaken,
    /// A time of [`Probe::poll_timeout`] has come.
    Timeout,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Name a node that is not among these; answered by [`Input::Target`], when it is the probe's turn.
    PickTarget(Vec<NodeId>),
    /// Ask the target (again).
    SendProbe(MoveId),
    /// Ask the clients to attach.
    Invite(MoveId),
    /// The clients' time is up: answered at once by [`Input::Answered`].
    Count(MoveId),
    /// Tell target and clients that it is over.
    Cancel(MoveId),
    /// The probe has ended.
    Ended(Outcome),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Waits for its turn, and for a node to try.
    Picking,
    /// The target is asked.
    Preparing { deadline: Time, resend_at: Time },
    /// The clients are asked.
    Attaching { deadline: Time },
    /// Over.
    Ended,
}

/// One cohort's part of a dry run, over all its attempts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    id: MoveId,
    timing: Timing,
    tried: Vec<(NodeId, Unfit)>,
    phase: Phase,
    outputs: VecDeque<Output>,
}

impl Probe {
    /// Begins. `epoch`: that a move would lead to; `attempt`: of the last move or probe from the epoch before. A
    /// probe uses up attempts, so that no move ever bears its id (f).
    pub fn new(cohort: CohortId, epoch: Epoch, attempt: u32, timing: Timing) -> Self {
        let id = MoveId { cohort, epoch, attempt, target: NodeId::default() };
        let outputs = VecDeque::from([Output::PickTarget(Vec::new())]);
        Self { id, timing, tried: Vec::new(), phase: Phase::Picking, outputs }
    }

    /// The attempt under way.
    pub fn id(&self) -> MoveId {
        self.id
    }

    /// Targets that would not do, and why.
    pub fn tried(&self) -> &[(NodeId, Unfit)] {
        &self.tried
    }

    /// Whether clients have been asked and not all of them have answered.
    pub fn awaits_clients(&self) -> bool {
        matches!(self.phase, Phase::Attaching { .. })
    }

    /// The target, as long as it has a handshake of the clients before it.
    pub fn arriving_at(&self) -> Option<NodeId> {
        match self.phase {
            Phase::Preparing { .. } | Phase::Attaching { .. } => Some(self.id.target),
            Phase::Picking | Phase::Ended => None,
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        match self.phase {
            Phase::Preparing { deadline, resend_at } => Some(deadline.min(resend_at)),
            Phase::Attaching { deadline } => Some(deadline),
            // The driver's queue ends this wait.
            Phase::Picking | Phase::Ended => None,
        }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, input: Input, now: Time) {
        match input {
            Input::Target(target) => self.on_target(target, now),
            Input::Prepared(id) if id == self.id => self.on_prepared(now),
            Input::Refused(id, reason) if id == self.id => self.give_up_target(Unfit::Refused(reason)),
            Input::Answered { id, some } if id == self.id => self.on_answered(some),
            // (f) One of an earlier attempt counts for nothing.
            Input::Prepared(_) | Input::Refused(..) | Input::Answered { .. } => {}
            Input::Overtaken => self.on_overtaken(),
            Input::Timeout => self.on_timeout(now),
        }
    }

    fn on_target(&mut self, target: Option<NodeId>, now: Time) {
        let Phase::Picking = self.phase else { return };
        let Some(target) = target else {
            let last = self.tried.last().map(|(_, unfit)| unfit.failure());
            return self.end(Outcome::Stays(last.unwrap_or(MoveFailure::NoTarget)));
        };
        self.id = MoveId { target, attempt: self.id.attempt + 1, ..self.id };
        self.outputs.push_back(Output::SendProbe(self.id));
        self.phase =
            Phase::Preparing { deadline: now + self.timing.prepare_max, resend_at: now + self.timing.resend };
    }

    fn on_prepared(&mut self, now: Time) {
        let Phase::Preparing { .. } = self.phase else { return };
        self.phase = Phase::Attaching { deadline: now + self.timing.attach_max };
        self.outputs.push_back(Output::Invite(self.id));
    }

    fn on_answered(&mut self, some: bool) {
        let Phase::Attaching { .. } = self.phase else { return };
        if !some {
            return self.give_up_target(Unfit::Unreached);
        }
        self.outputs.push_back(Output::Cancel(self.id));
        self.end(Outcome::Fits(self.id.target));
    }

    /// Tries another target, as a move would, or gives the probe up.
    fn give_up_target(&mut self, unfit: Unfit) {
        let (Phase::Preparing { .. } | Phase::Attaching { .. }) = self.phase else { return };
        self.outputs.push_back(Output::Cancel(self.id));
        self.tried.push((self.id.target, unfit));
        if (self.tried.len() as u32) < self.timing.targets_max {
            self.phase = Phase::Picking;
            let tried = self.tried.iter().map(|(node, _)| *node).collect();
            self.outputs.push_back(Output::PickTarget(tried));
        } else {
            self.end(Outcome::Stays(unfit.failure()));
        }
    }

    fn on_overtaken(&mut self) {
        match self.phase {
            Phase::Preparing { .. } | Phase::Attaching { .. } => {
                self.outputs.push_back(Output::Cancel(self.id));
            }
            Phase::Picking => {}
            Phase::Ended => return,
        }
        self.end(Outcome::Overtaken);
    }

    fn on_timeout(&mut self, now: Time) {
        match &mut self.phase {
            Phase::Preparing { deadline, .. } if *deadline <= now => {
                self.give_up_target(Unfit::Refused(TargetRefusal::Silent));
            }
            Phase::Preparing { resend_at, .. } if *resend_at <= now => {
                *resend_at = now + self.timing.resend;
                self.outputs.push_back(Output::SendProbe(self.id));
            }
            Phase::Attaching { deadline } if *deadline <= now => {
                self.outputs.push_back(Output::Count(self.id));
            }
            Phase::Preparing { .. } | Phase::Attaching { .. } | Phase::Picking | Phase::Ended => {}
        }
    }

    fn end(&mut self, outcome: Outcome) {
        self.phase = Phase::Ended;
        self.outputs.push_back(Output::Ended(outcome));
    }
}
