//! Take-over from a node that is gone, and recall from a target that is: between the session here and
//! [`TakeOver`].

use super::{Asker, Cohort, Env, Output, Report, Role, Seat};
use crate::protocol::ids::{CohortId, Fence, NodeId};
use crate::protocol::reasons::{CloseReason, TargetRefusal};
use crate::protocol::record::{Revision, Versioned};
use crate::protocol::room::{Room, RoomState};
use crate::protocol::session::Session;
use crate::protocol::snapshot::{Origin, Snapshot, SnapshotAsk};
use crate::protocol::takeover::{self, Outcome, TakeOver};
use crate::protocol::target;
use crate::protocol::wire::{Downlink, SessionState, SwitchCause};
use std::collections::BTreeSet;

impl Cohort {
    /// Whether a take-over, or a recall, is under way.
    pub fn is_taking(&self) -> bool {
        matches!(self.role, Role::Taking(_))
    }

    /// Looks whether this node may take the cohort over, and does so. Nothing happens if the node has it, or is
    /// about it already; a preparation for a move is declined first.
    pub fn take_over(&mut self, env: &Env<'_>) {
        self.take_over_from(None, env);
    }

    /// The same for a session whose entry names this room, which a leader's read has shown to be gone.
    pub fn take_over_orphan(&mut self, room: CohortId, env: &Env<'_>) {
        self.take_over_from(Some(room), env);
    }

    fn take_over_from(&mut self, room: Option<CohortId>, env: &Env<'_>) {
        if let Role::Target(target) = &mut self.role {
            target.handle(target::Input::Drop(TargetRefusal::NotOwner), env.now);
            self.drain_target(env);
        }
        if let Role::Absent = self.role
            && env.permit.is_some()
        {
            self.begin_anew(&[]);
            let take_over = TakeOver::new(self.me, None, env.node.timing().record_poll, env.now);
            let take_over = match room {
                Some(room) => take_over.of_orphan(room),
                None => take_over,
            };
            self.take_over_as(take_over, env);
        }
        self.settle(env);
    }

    fn take_over_as(&mut self, take_over: TakeOver, env: &Env<'_>) {
        self.role = Role::Taking(Box::new(take_over));
        self.drain_take_over(env);
    }

    /// The record is won back from a target that may have served: the newer of the copy here and what that
    /// target has stored is gone on from.
    pub(super) fn recall(&mut self, held: Versioned, env: &Env<'_>) {
        // A link that was idle meanwhile does not tell how far the client is: it is asked to come anew.
        for seat in &mut self.seats {
            seat.session.control(&Downlink::Moved { cohort: self.id, epoch: held.record.epoch });
            seat.session.drop_links(CloseReason::Moved);
        }
        let poll = env.node.timing().record_poll;
        if !self.is_stored() {
            self.restart(held, None, env);
        } else if env.permit.is_some() && !self.fenced {
            let copy = self.fence;
            self.take_over_as(TakeOver::recall(held, copy, poll, env.now), env);
        } else if env.permit.is_some() {
            // The lease had run out during the move and has been back since: nothing else will wake this up.
            self.recall_again(env);
        } else {
            // Fenced: it is looked at again when the lease is back.
            let mut take_over = TakeOver::recall(held, self.fence, poll, env.now);
            take_over.handle(takeover::Input::Fenced, env.now);
            self.take_over_as(take_over, env);
        }
    }

    /// The lease is back: what was being recalled is taken to the next epoch first (e).
    pub(super) fn recall_again(&mut self, env: &Env<'_>) {
        let copy = Some(self.fence);
        self.take_over_as(TakeOver::new(self.me, copy, env.node.timing().record_poll, env.now), env);
    }

    /// The engine has lost its data, and what was being recalled is published again: the recall begins anew.
    pub(super) fn recall_published(&mut self, held: Versioned, env: &Env<'_>) {
        let copy = self.fence;
        if let Role::Taking(take_over) = &mut self.role {
            take_over.published(held, copy, env.now);
            self.drain_take_over(env);
        }
    }

    /// The leases have been read: these nodes' have surely run out. `None`: the read has failed.
    pub fn on_leases(&mut self, number: u64, gone: Option<BTreeSet<NodeId>>, env: &Env<'_>) {
        self.take_over_input(takeover::Input::Leases(number, gone), env);
        self.settle(env);
    }

    pub(super) fn take_over_input(&mut self, input: takeover::Input, env: &Env<'_>) {
        if let Role::Taking(take_over) = &mut self.role {
            take_over.handle(input, env.now);
            self.drain_take_over(env);
        }
    }

    fn drain_take_over(&mut self, env: &Env<'_>) {
        while let Role::Taking(take_over) = &mut self.role {
            let Some(output) = take_over.poll_output() else { return };
            match output {
                takeover::Output::Ask(number, ask) => {
                    self.outputs.push_back(Output::Ask(Asker::TakeOver, number, ask));
                }
                takeover::Output::ReadLeases(number) => self.outputs.push_back(Output::ReadLeases(number)),
                takeover::Output::ReadSnapshot(number) => {
                    self.outputs.push_back(Output::Snapshot(Asker::TakeOver, number, SnapshotAsk::Read));
                }
                takeover::Output::WriteBack { number, expected, fence, snapshot } => {
                    let (mut sessions, room) = match snapshot {
                        Some(snapshot) => (snapshot.sessions, snapshot.room),
                        None => self.copy(env),
                    };
                    // Whoever restarts from this once more begins a later generation: the client may have joined
                    // the one that begins here, and has to be told again.
                    for state in &mut sessions {
                        state.generation = state.generation.next();
                    }
                    let snapshot = Box::new(Snapshot { fence, number: 0, sessions, room });
                    let ask = SnapshotAsk::Write { expected, snapshot };
                    self.outputs.push_back(Output::Snapshot(Asker::TakeOver, number, ask));
                }
                takeover::Output::Ended(outcome) => self.on_take_over_ended(outcome, env),
            }
        }
    }

    fn on_take_over_ended(&mut self, outcome: Outcome, env: &Env<'_>) {
        let has_copy = matches!(&self.role, Role::Taking(take_over) if take_over.has_copy());
        match outcome {
            Outcome::Serve { held, revision, snapshot } => {
                self.restart(held, Some((revision, snapshot)), env);
            }
            Outcome::NoSnapshot(held) => self.forget(held, CloseReason::SessionUnknown),
            Outcome::Elsewhere(record) if has_copy => self.lose(record, env),
            Outcome::Elsewhere(_) => self.vacate(),
            // The copy is kept, frozen, until the lease is back.
            Outcome::Fenced | Outcome::Unavailable if has_copy => {}
            Outcome::Fenced | Outcome::Unavailable => self.vacate(),
        }
    }

    /// Serves from what is stored, or from the copy: in a new generation. A room does so once its members have been
    /// confirmed.
    fn restart(&mut self, held: Versioned, stored: Option<(Revision, Option<Box<Snapshot>>)>, env: &Env<'_>) {
        let mut origin = Origin::Copy { epoch: self.fence.epoch };
        let fence = held.record.fence();
        let (revision, snapshot) = stored.map_or((None, None), |(revision, from)| (Some(revision), from));
        if let Some(snapshot) = snapshot {
            origin = snapshot.origin();
            if !self.restore(*snapshot, fence, env) {
                // Not what a node of this version has written: nothing can be made of it.
                return self.forget(held, CloseReason::SessionUnknown);
            }
        }
        if revision.is_some() {
            // The record was won under the lease that holds now.
            self.fenced = false;
        }
        self.keeper.begin_anew(revision);
        self.fence = fence;
        self.restarted_from = Some(origin);
        for seat in &mut self.seats {
            seat.session.new_generation(fence.epoch);
            seat.told_offline = false;
            seat.change = None;
        }
        self.role = Role::Owner(held);
        if self.room.is_some() {
            self.confirm_members(env);
            self.own(held, env);
        } else {
            self.own(held, env);
            self.open_links(SwitchCause::TookOver, fence, env);
            self.report_restart(env);
        }
    }

    /// The cohort is served again: tells whoever counts, and the game.
    pub(super) fn report_restart(&mut self, env: &Env<'_>) {
        let Some(origin) = self.restarted_from.take() else { return };
        self.outputs.push_back(Output::Report(Report::TookOver(origin)));
        for index in 0..self.seats.len() {
            if let Some((seat, mut company)) = self.at(index, env.application) {
                company.took_over(&mut seat.session, origin, env.now);
            }
        }
        self.with_room_context(env, |application, context| application.room_took_over(context, origin));
    }

    /// Everything that is here, as it would be stored.
    fn copy(&mut self, env: &Env<'_>) -> (Vec<SessionState>, Option<RoomState>) {
        let sessions = self.seats.iter().map(|seat| seat.session.export(env.now)).collect();
        (sessions, self.room.as_deref().map(|room| room.export(env.now)))
    }

    /// Takes everything from a snapshot. False: it is not one of this cohort.
    fn restore(&mut self, snapshot: Snapshot, fence: Fence, env: &Env<'_>) -> bool {
        let Snapshot { sessions, room, .. } = snapshot;
        let is_own = sessions.len() == 1 && CohortId::from(sessions[0].session) == self.id;
        if room.is_none() && !is_own {
            return false;
        }
        let settings = self.settings.room.clone();
        match room.map(|state| Room::restore(state, settings, env.now)).transpose() {
            Ok(room) => self.room = room.map(Box::new),
            Err(_) => return false,
        }
        let mut seats = Vec::new();
        for state in sessions {
            let session = match self.seat_of(state.session) {
                Some(index) => self.seats[index].session.expected_again(state.client_key),
                None => Session::expected(state.session, state.client_key, self.settings.clone()),
            };
            let mut seat = Box::new(Seat::new(session));
            let fence = match self.room {
                Some(_) => Fence { binding: state.binding, ..fence },
                None => fence,
            };
            if seat.session.import(state, fence, env.now).is_err() {
                return false;
            }
            seats.push(seat);
        }
        seats.sort_by_key(|seat| seat.id());
        seats.dedup_by_key(|seat| seat.id());
        self.seats = seats;
        self.wake_game(env)
    }

    /// Nothing of it is left here.
    pub(super) fn vacate(&mut self) {
        self.role = Role::Absent;
        for seat in &mut self.seats {
            seat.session.drop_links(CloseReason::Moved);
        }
    }
}
