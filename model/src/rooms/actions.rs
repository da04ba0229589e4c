//! What may happen next, in every state.

use super::node::{Node, Question};
use super::world::{Rules, World};
use super::{ROOM, SESSIONS, Variant};
use crate::node::LeasePhase;
use crate::possible::{gives_up, is_resend};
use sterna::protocol::cohort::{Asker, Cohort, Wake};
use sterna::protocol::ids::{CohortId, SessionId};

/// One thing that may happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A message arrives; it may do so again.
    Deliver(usize),
    /// A question of a node reaches its store.
    Process(usize, usize),
    /// The answer arrives.
    Answer(usize, usize),
    /// No answer comes; a write among these may land later.
    LoseAnswer(usize, usize),
    /// A write that was thought lost lands.
    Land(usize),
    /// The client of a session that is alone wants to be in the room.
    Join(SessionId),
    /// The client of a member wants to leave.
    Leave(SessionId),
    /// The room's owner throws this member out.
    Kick(SessionId),
    /// The room's owner wants it to be moved.
    Move,
    /// [`Variant::MovesWhileJoining`]: it is moved although somebody joins.
    MoveRegardless(usize),
    /// A node moves the room without asking.
    Force(usize),
    /// A node goes offline.
    Drain(usize),
    /// The client of a session that is on its way here attaches.
    Attach(usize, CohortId),
    /// A time has come.
    Wake(usize, CohortId, Wake),
    /// A node sees that the lease of the node that a move depends on has run out.
    SeeGone(usize, CohortId),
    /// A node begins to take this over.
    BeginTakeOver(usize, CohortId),
    /// The room's owner is asked for a session whose entry names the room, and that is not in it.
    Release(usize, SessionId),
    /// A node crashes.
    Crash(usize),
    /// A node's lease runs out.
    RunOut(usize),
    /// Its driver notices.
    Fence(usize),
    /// It has renewed the lease.
    Renew(usize),
}

impl World {
    /// Everything that may happen next.
    pub fn actions(&self, rules: &Rules, actions: &mut Vec<Action>) {
        for (index, envelope) in self.network.iter().enumerate() {
            if self.nodes[envelope.to.0 as usize - 1].alive {
                actions.push(Action::Deliver(index));
            }
        }
        actions.extend((0..self.store.late.len()).map(Action::Land));
        for session in SESSIONS {
            self.wishes(session, actions);
        }
        for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.alive) {
            self.actions_of(index, node, rules, actions);
        }
    }

    fn wishes(&self, session: SessionId, actions: &mut Vec<Action>) {
        let Some(cohort) = self.nodes.iter().find_map(|node| node.serving(session)) else { return };
        let busy = cohort.sessions().any(|held| held.id() == session && held.export(NOW).errand.is_some());
        let member = cohort.room().and_then(|room| room.member_of(session));
        match member {
            None if self.left.joins > 0 && !busy && cohort.room().is_none() => {
                actions.push(Action::Join(session));
            }
            None => {}
            Some(_) if busy => {}
            Some(member) => {
                if self.left.leaves > 0 {
                    actions.push(Action::Leave(session));
                }
                let room = cohort.room();
                let owner = room.and_then(|room| room.owner());
                if self.left.kicks > 0 && owner.is_some() && owner != Some(member) {
                    actions.push(Action::Kick(session));
                }
                if self.left.moves > 0 && owner == Some(member) {
                    actions.push(Action::Move);
                }
            }
        }
    }

    fn actions_of(&self, index: usize, node: &Node, rules: &Rules, actions: &mut Vec<Action>) {
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
        for (key, cohort) in &node.cohorts {
            self.actions_about(index, *key, cohort, node, actions);
        }
        if rules.variant() == Some(Variant::MovesWhileJoining)
            && self.left.moves > 0
            && let Some(room) = node.cohorts.get(&ROOM)
            && SESSIONS.into_iter().any(|session| room.asks(Asker::Member(session)))
        {
            actions.push(Action::MoveRegardless(index));
        }
        if self.left.takers > 0 && node.permits() {
            let keys = SESSIONS.map(CohortId::from).into_iter().chain([ROOM]);
            let may = |key: &CohortId| self.may_take_over(node, *key);
            actions.extend(keys.filter(may).map(|key| Action::BeginTakeOver(index, key)));
        }
        if self.left.drains > 0 && !node.offline {
            actions.push(Action::Drain(index));
        }
        for session in SESSIONS {
            let served = |room: &Cohort| room.is_served() && !room.asks(Asker::Member(session));
            let seats = |room: &Cohort| room.sessions().any(|held| held.id() == session);
            let room = node.cohorts.get(&ROOM).filter(|room| node.permits() && served(room));
            if room.is_some_and(|room| self.is_bound(session) && !seats(room)) {
                actions.push(Action::Release(index, session));
            }
        }
        let involved = !node.cohorts.is_empty();
        match node.lease {
            LeasePhase::Holds if self.left.faults.min(self.left.fences) > 0 && involved => {
                actions.push(Action::RunOut(index));
            }
            LeasePhase::Holds | LeasePhase::Ignored => {}
            LeasePhase::RunOut => actions.push(Action::Fence(index)),
            LeasePhase::Fenced => actions.push(Action::Renew(index)),
        }
        if self.left.faults > 0 && involved {
            actions.push(Action::Crash(index));
        }
    }

    fn actions_about(
        &self,
        index: usize,
        key: CohortId,
        cohort: &Cohort,
        node: &Node,
        actions: &mut Vec<Action>,
    ) {
        if self.left.forced > 0 && key == ROOM && node.permits() && cohort.is_served() {
            actions.push(Action::Force(index));
        }
        if key != ROOM && cohort.admits().is_some() && node.permits() {
            actions.push(Action::Attach(index, key));
        }
        if cohort.depends_on().is_some_and(|other| self.store.gone.contains(&other)) {
            actions.push(Action::SeeGone(index, key));
        }
        let chosen = cohort.wakes().into_iter().filter(|wake| self.may_come(*wake));
        actions.extend(chosen.map(|wake| Action::Wake(index, key, wake)));
    }

    /// Whether the model has the time come: those of messages that are repeated need not, for what was sent once may
    /// arrive for ever.
    fn may_come(&self, wake: Wake) -> bool {
        let in_time = self.left.given_up > 0 || !gives_up(wake);
        in_time && !is_resend(wake) && wake != Wake::Gather
    }

    /// Whether the key could be taken over, as far as this node can see. Of a member the room is taken over.
    fn may_take_over(&self, node: &Node, key: CohortId) -> bool {
        let gone = |other| self.store.gone.contains(&other);
        let free = |record: sterna::protocol::record::Record| {
            record.room.is_none() && record.may_be_taken_over(node.id, gone)
        };
        self.store.record(key).is_some_and(free) && !node.is_about(key)
    }

    /// A read that is still on its way could bring back something newer.
    fn is_outdated(&self, question: &Question) -> bool {
        let now = self.store.read(question.key(), &question.request);
        now.is_some_and(|now| question.reply.as_ref() != Some(&now))
    }
}

use crate::node::NOW;
