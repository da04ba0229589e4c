//! What a client has asked of rooms, done step by step: the node is asked where the room is, the session moves
//! there if it is elsewhere, and then joins it where both are.

use super::{Cohort, Env, Output, Role, Seat};
use crate::protocol::errand::{Errand, Step};
use crate::protocol::ids::{CohortId, Epoch, NodeId, SessionId};
use crate::protocol::limits;
use crate::protocol::reasons::RoomRefusal;
use crate::protocol::room::wire::{Condition, RoomOptions, RoomRequest};
use crate::protocol::time::Time;
use crate::protocol::wire::MoveMode;

/// What a node does for a lone session that wants to be in a room. If the room is on this node, the driver has
/// it [entered](Cohort::enter) at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RoomAsk {
    /// Create a record for a new room, at this epoch, then the room, and enter it.
    Create {
        /// Who is to enter.
        session: SessionId,
        /// The epoch of the session's own record: a room's is never below that of a member.
        epoch: Epoch,
        /// How.
        options: RoomOptions,
    },
    /// Find this room, by a leader's read of its record.
    Find {
        /// Who is to enter.
        session: SessionId,
        /// Which.
        room: CohortId,
    },
    /// Find any listed room that fits; one on this node first.
    Search {
        /// Who is to enter.
        session: SessionId,
        /// What its properties must be like.
        filter: Vec<Condition>,
        /// Only on this node: the session has travelled enough.
        here_only: bool,
    },
}

/// What came of it, if the session has not entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrandAnswer {
    /// The room is on this node.
    At(NodeId),
    /// There is none.
    Nowhere,
    /// The room does not take the session, or cannot be made.
    Refused(RoomRefusal),
    /// Somebody is in the way at the moment.
    Later,
    /// The engine does not answer.
    Failed,
}

impl Cohort {
    /// Goes on with what the client wants of rooms.
    pub(super) fn run_errand(&mut self, index: usize, env: &Env<'_>) {
        let Some(errand) = self.seats[index].session.errand() else { return };
        if let RoomRequest::Leave = errand.wish {
            return self.leave(index, env);
        }
        let ready = matches!(self.role, Role::Owner(_)) && self.is_served() && env.permit.is_some();
        if self.room.is_some() || !ready {
            return;
        }
        let Role::Owner(held) = self.role else { return };
        let seat = &mut self.seats[index];
        let session = seat.id();
        let Some(errand) = seat.session.errand_mut() else { return };
        match errand.step {
            Step::Due(at) if at <= env.now => {}
            // The move that it was for has ended here.
            Step::Travelling => {}
            Step::Due(_) | Step::Asked => return,
        }
        errand.until.get_or_insert(env.now + limits::JOIN_MAX);
        errand.step = Step::Asked;
        let ask = ask_for(errand, session, held.record.epoch);
        self.outputs.push_back(Output::Room(ask));
    }

    pub(super) fn poll_errand(&self, seat: &Seat, env: &Env<'_>) -> Option<Time> {
        env.permit?; // the return of the lease sets it going again
        self.waiting_errand(seat)
    }

    pub(super) fn waiting_errand(&self, seat: &Seat) -> Option<Time> {
        let waits = self.room.is_none() && matches!(self.role, Role::Owner(_)) && self.is_served();
        seat.session.errand().filter(|_| waits).and_then(Errand::poll_timeout)
    }

    /// The node has looked for the room.
    pub fn on_errand_answer(&mut self, session: SessionId, answer: ErrandAnswer, env: &Env<'_>) {
        if let Some(index) = self.seat_of(session) {
            self.on_errand_answer_at(index, answer, env);
        }
        self.settle(env);
    }

    fn on_errand_answer_at(&mut self, index: usize, answer: ErrandAnswer, env: &Env<'_>) {
        let resting = matches!(self.role, Role::Owner(_)) && self.room.is_none();
        let Some(errand) = self.seats[index].session.errand_mut() else { return };
        if errand.step != Step::Asked {
            return;
        }
        if !resting {
            errand.step = Step::Due(env.now); // it is on its way elsewhere: looked at again there, or here
            return;
        }
        match answer {
            ErrandAnswer::At(node) if node != self.me => self.travel(index, node, env),
            ErrandAnswer::Refused(refusal) => self.on_refused_entry(index, refusal, env),
            ErrandAnswer::Nowhere => self.on_nothing_found(index, env),
            ErrandAnswer::At(_) | ErrandAnswer::Later => {
                self.try_errand_again(index, RoomRefusal::JoinFailed, env)
            }
            ErrandAnswer::Failed => self.try_errand_again(index, RoomRefusal::Unavailable, env),
        }
    }

    /// A room that was found by searching may be full by now: another one may fit.
    fn on_refused_entry(&mut self, index: usize, refusal: RoomRefusal, env: &Env<'_>) {
        let Some(errand) = self.seats[index].session.errand() else { return };
        match (&errand.wish, refusal) {
            (
                RoomRequest::JoinRandom { .. },
                RoomRefusal::Full | RoomRefusal::Closed | RoomRefusal::NoReservation,
            ) => {
                self.try_errand_again(index, refusal, env);
            }
            _ => self.end_errand(index, refusal),
        }
    }

    fn on_nothing_found(&mut self, index: usize, env: &Env<'_>) {
        let Role::Owner(held) = self.role else { return };
        let seat = &mut self.seats[index];
        let session = seat.id();
        let Some(errand) = seat.session.errand() else { return };
        match &errand.wish {
            RoomRequest::JoinRandom { otherwise: Some(options), .. } => {
                let (options, epoch) = (options.clone(), held.record.epoch);
                self.outputs.push_back(Output::Room(RoomAsk::Create { session, epoch, options }));
            }
            _ => self.end_errand(index, RoomRefusal::Unknown),
        }
        let _ = env;
    }

    fn try_errand_again(&mut self, index: usize, otherwise: RoomRefusal, env: &Env<'_>) {
        let again = self.seats[index].session.errand_mut().is_some_and(|errand| errand.try_again(env.now));
        if !again {
            self.end_errand(index, otherwise);
        }
    }

    /// The session moves to the node of its room, by the protocol of every move.
    fn travel(&mut self, index: usize, node: NodeId, env: &Env<'_>) {
        let Some(errand) = self.seats[index].session.errand_mut() else { return };
        if errand.hops >= limits::JOIN_HOPS_MAX {
            return self.end_errand(index, RoomRefusal::JoinFailed);
        }
        errand.hops += 1;
        errand.step = Step::Travelling;
        if !self.depart_to(node, MoveMode::Seamless, env) {
            self.has_not_travelled(index);
            self.try_errand_again(index, RoomRefusal::JoinFailed, env);
        }
    }

    /// What counts is how often it has moved; how often it has tried to, the time says.
    fn has_not_travelled(&mut self, index: usize) {
        if let Some(errand) = self.seats[index].session.errand_mut() {
            errand.hops = errand.hops.saturating_sub(1);
        }
    }

    /// The move to the room's node came to nothing.
    pub(super) fn on_travel_failed(&mut self, env: &Env<'_>) {
        for index in 0..self.seats.len() {
            let errand = self.seats[index].session.errand();
            if errand.is_some_and(|errand| errand.step == Step::Travelling) {
                self.has_not_travelled(index);
                self.try_errand_again(index, RoomRefusal::JoinFailed, env);
            }
        }
    }

    fn end_errand(&mut self, index: usize, refusal: RoomRefusal) {
        let session = &mut self.seats[index].session;
        if let Some(errand) = session.errand() {
            let request = errand.request;
            session.set_errand(None);
            session.answer_room(request, &refusal.into());
        }
    }
}

fn ask_for(errand: &Errand, session: SessionId, epoch: Epoch) -> RoomAsk {
    match &errand.wish {
        RoomRequest::Create { options } => RoomAsk::Create { session, epoch, options: options.clone() },
        RoomRequest::JoinRandom { filter, .. } => RoomAsk::Search {
            session,
            filter: filter.clone(),
            here_only: errand.hops >= limits::JOIN_HOPS_MAX,
        },
        RoomRequest::Join { room } => RoomAsk::Find { session, room: *room },
        // Nothing else becomes an errand of a session that is alone; it would find no room.
        _ => RoomAsk::Find { session, room: CohortId::default() },
    }
}
