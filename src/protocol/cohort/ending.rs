//! How sessions end, and what is left to do then: the game hears of it, others go on, the record is deleted.

use super::{Cohort, Env, Output, Report, Role};
use crate::protocol::ids::SessionId;
use crate::protocol::reasons::{CloseReason, MoveFailure};
use crate::protocol::record::Versioned;
use crate::protocol::source;

impl Cohort {
    pub(super) fn on_session_closed(&mut self, index: usize, reason: CloseReason, env: &Env<'_>) {
        if self.room.is_some() {
            return self.take_out(index, env);
        }
        if let Role::Source(_, departure) = &mut self.role
            && departure.source.serves()
        {
            departure.source.handle(source::Input::Cancel(MoveFailure::Cancelled), env.now);
            self.drain_source(env);
        }
        // While a baton may be out, the record decides who owns the session, and with it who may end it.
        let Role::Owner(held) = self.role else { return };
        if let Some((seat, mut company)) = self.at(index, env.application) {
            company.disconnected(&mut seat.session, reason, env.now);
        }
        self.forget(held, reason);
    }

    pub(super) fn forget(&mut self, held: Versioned, reason: CloseReason) {
        self.role = Role::Ending;
        let report = if self.room.is_some() { Report::RoomEnded } else { Report::Closed(reason) };
        let lone = if self.room.is_none() { self.seats.first() } else { None };
        let user = lone.map(|seat| seat.session.user().to_owned());
        self.outputs.push_back(Output::Forget { held, user });
        self.outputs.push_back(Output::Report(report));
    }

    /// The record is deleted.
    pub fn on_forgotten(&mut self) {
        if let Role::Ending = self.role {
            self.role = Role::Absent;
        }
    }

    /// Ends a session.
    pub fn close(&mut self, session: SessionId, reason: CloseReason, env: &Env<'_>) {
        if let Some(index) = self.seat_of(session) {
            self.seats[index].session.close(reason);
            self.settle_one(index, env);
        }
    }

    /// Ends all its sessions.
    pub fn close_all(&mut self, reason: CloseReason, env: &Env<'_>) {
        for seat in &mut self.seats {
            seat.session.close(reason);
        }
        self.settle(env);
    }
}
