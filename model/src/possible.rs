//! What may happen next, in every state.

use crate::cluster::{Cluster, Rules};
use crate::node::{LeasePhase, Node, Question};
use crate::variants::Variant;
use sterna::protocol::cohort::{Cohort, Wake};
use sterna::protocol::{source, target};

/// One thing that may happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A message arrives; it may do so again.
    Deliver(usize),
    /// The first byte of the baton in a node's outbox leaves.
    BatonLeaves(usize),
    /// A question of a node reaches its store.
    Process(usize, usize),
    /// The answer arrives.
    Answer(usize, usize),
    /// No answer comes; a write among these may land later.
    LoseAnswer(usize, usize),
    /// A write that was thought lost lands.
    Land(usize),
    /// The client asks a node to be moved.
    Migrate(usize),
    /// A node moves what it serves without asking.
    Force(usize),
    /// The client attaches to a target.
    Attach(usize),
    /// A node begins to look whether what it serves could be moved.
    Probe(usize),
    /// The client tells it so.
    CanAttach(usize),
    /// A time has come.
    Wake(usize, Wake),
    /// A node sees that the lease of the node that its move depends on has run out.
    SeeGone(usize),
    /// A node begins to take the cohort over.
    BeginTakeOver(usize),
    /// A node crashes.
    Crash(usize),
    /// A node's lease runs out.
    RunOut(usize),
    /// Its driver notices.
    Fence(usize),
    /// It has renewed the lease.
    Renew(usize),
}

impl Cluster {
    /// Everything that may happen next.
    pub fn actions(&self, rules: &Rules, actions: &mut Vec<Action>) {
        for (index, envelope) in self.network.iter().enumerate() {
            if self.nodes[envelope.to.0 as usize - 1].alive {
                actions.push(Action::Deliver(index));
            }
        }
        actions.extend((0..self.store.late.len()).map(Action::Land));
        for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.alive) {
            self.actions_of(index, node, rules, actions);
        }
    }

    fn actions_of(&self, index: usize, node: &Node, rules: &Rules, actions: &mut Vec<Action>) {
        if node.outbox.is_some() {
            actions.push(Action::BatonLeaves(index));
        }
        for (number, question) in node.questions.iter().enumerate() {
            if question.reply.is_some() {
                actions.push(Action::Answer(index, number));
            }
            if question.reply.is_none() || self.is_outdated(question) {
                actions.push(Action::Process(index, number));
            }
            if self.left.lost_answers > 0 {
                actions.push(Action::LoseAnswer(index, number));
            }
        }
        if let Some(cohort) = &node.cohort {
            if self.left.moves > 0 && node.serving() > 0 && !cohort.is_leaving() {
                actions.push(Action::Migrate(index));
            }
            if self.left.probes > 0 && node.serving() > 0 && !cohort.is_leaving() && !cohort.is_probing() {
                actions.push(Action::Probe(index));
            }
            if node.linked && cohort.probed_by().is_some_and(|(_, awaits)| awaits) {
                actions.push(Action::CanAttach(index));
            }
            if self.left.forced > 0 && node.serving() > 0 {
                actions.push(Action::Force(index));
            }
            if cohort.admits().is_some() && !node.linked {
                actions.push(Action::Attach(index));
            }
            let recalls_early = rules.variant == Some(Variant::RecallsOnTimeOut) && cohort.is_leaving();
            if cohort.depends_on().is_some_and(|other| recalls_early || self.store.gone.contains(&other)) {
                actions.push(Action::SeeGone(index));
            }
        }
        for wake in [&node.cohort, &node.kept].into_iter().flatten().flat_map(Cohort::wakes) {
            if !is_resend(wake) {
                actions.push(Action::Wake(index, wake));
            }
        }
        if self.left.takers > 0 && node.may_begin_take_over(&self.store.held.record, &self.store.gone) {
            actions.push(Action::BeginTakeOver(index));
        }
        match node.lease {
            LeasePhase::Holds if self.left.faults.min(self.left.fences) > 0 && node.is_involved() => {
                actions.push(Action::RunOut(index));
            }
            LeasePhase::Holds | LeasePhase::Ignored => {}
            LeasePhase::RunOut => actions.push(Action::Fence(index)),
            LeasePhase::Fenced => actions.push(Action::Renew(index)),
        }
        if self.left.faults > 0 && node.is_involved() {
            actions.push(Action::Crash(index));
        }
    }

    /// A read that is still on its way could bring back something newer.
    fn is_outdated(&self, question: &Question) -> bool {
        question.request.read(&self.store).is_some_and(|now| question.reply.as_ref() != Some(&now))
    }
}

pub(crate) fn is_resend(wake: Wake) -> bool {
    match wake {
        Wake::Source(wake) => matches!(wake, source::Wake::ResendPrepare | source::Wake::ResendBaton),
        Wake::Target(_, wake) => matches!(wake, target::Wake::ResendReady),
        Wake::TakeOver(_) | Wake::Keeper | Wake::Change(_) | Wake::Errand(_) | Wake::Gather | Wake::Probe => {
            false
        }
    }
}

/// Whether something is given up at this time.
pub(crate) fn gives_up(wake: Wake) -> bool {
    match wake {
        Wake::Source(wake) => match wake {
            source::Wake::ResendPrepare | source::Wake::ResendBaton | source::Wake::ReadRecord => false,
            source::Wake::GiveUpPreparing
            | source::Wake::GiveUpAttaching
            | source::Wake::GiveUpClaiming
            | source::Wake::GiveUpFreezing => true,
        },
        Wake::Target(_, wake) => match wake {
            target::Wake::ResendReady | target::Wake::ReadRecord | target::Wake::StopHandingBack => false,
            target::Wake::GiveUpAdmitting | target::Wake::RefuseForNoBaton | target::Wake::Expire => true,
        },
        Wake::TakeOver(_) | Wake::Keeper | Wake::Change(_) | Wake::Errand(_) | Wake::Gather => false,
        Wake::Probe => true,
    }
}
