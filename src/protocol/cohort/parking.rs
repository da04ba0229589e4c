//! What no other node takes by the drain's deadline waits in the store of snapshots, where that outlives the nodes: the
//! cohort holds still, is stored as it is, and only then the clients are sent away, to come back when there is
//! a node for them. From there on it is a take-over like any other (rule d), but nothing is missing.

use super::{Cohort, Env, Output, Report, Role};
use crate::protocol::reasons::{CloseReason, MoveFailure};
use crate::protocol::room::Room;
use crate::protocol::source;

impl Cohort {
    /// Has the cohort wait in the store for a node that takes it: the one here is about to stop. A move that has not
    /// passed it on is called off. Ends the sessions, if nothing of them is ever stored.
    ///
    /// The node must not take over anything any more, or the cohort would be back at once.
    pub fn park(&mut self, env: &Env<'_>) {
        if !self.is_stored() {
            // (c) What has left is the target's, although it is not known here yet how that ends.
            if !self.is_passed_on() {
                self.close_all(CloseReason::NodeStopped, env);
            }
            return;
        }
        self.parking = true;
        if let Role::Source(_, departure) = &mut self.role
            && departure.source.serves()
        {
            departure.source.handle(source::Input::Cancel(MoveFailure::Cancelled), env.now);
            self.drain_source(env);
        }
        self.settle(env);
    }

    /// Whether it holds still to be stored.
    pub(super) fn is_parking(&self) -> bool {
        self.parking && matches!(self.role, Role::Owner(_))
    }

    /// Lets go of a cohort that is stored as it is; until then asks for that. After every call.
    pub(super) fn see_to_parking(&mut self, env: &Env<'_>) {
        if !self.is_parking() || self.fenced || env.permit.is_none() {
            return;
        }
        // An answer that is on its way may be about an earlier state.
        if self.has_unsaved(env) {
            self.keeper.want();
        }
        if !self.keeper.is_pending() {
            self.leave_parked(env);
        }
    }

    fn has_unsaved(&self, env: &Env<'_>) -> bool {
        let room = self.room.as_deref().is_some_and(Room::is_unsaved);
        room || self.sessions().any(|session| session.snapshot_due(None, env.now).is_some())
    }

    fn leave_parked(&mut self, env: &Env<'_>) {
        self.role = Role::Absent;
        self.concerns_all();
        for seat in &mut self.seats {
            seat.session.drop_links(CloseReason::ResumeLater);
            env.application.moved_out(seat.session.user(), seat.id());
        }
        self.outputs.push_back(Output::Report(Report::Parked));
    }
}
