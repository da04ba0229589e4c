//! What a driver looks for after each call: who has something to write, and when the next thing is due. In a room of a
//! thousand, a message that concerns one member is not paid for with a look at all of them.

use super::{Cohort, Env, Role};
use crate::protocol::ids::SessionId;
use crate::protocol::room::Room;
use crate::protocol::session::LinkId;
use crate::protocol::target::Target;
use crate::protocol::time::Time;
use std::collections::BTreeMap;

/// What is known of the seats beside the seats.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks {
    /// Whose link it is. One that is not here is looked for.
    pub(super) by_link: BTreeMap<LinkId, SessionId>,
    /// A member's entry may still have to be confirmed.
    pub(super) may_confirm: bool,
    /// Since the last look for links to wake, nothing can have happened but to this session.
    dirty: Option<SessionId>,
    /// Since the last look for what is due, nothing can have happened but to this session.
    touched: Option<SessionId>,
    /// When each seat has something to do, as of that look.
    due: Vec<Option<Time>>,
    /// When a snapshot of one of the sessions is due.
    snapshot: Option<Time>,
    /// Whether the lease held then, and the cohort was served.
    serving: (bool, bool),
}

impl Cohort {
    pub(super) fn seat_of_link(&self, link: LinkId) -> Option<usize> {
        let known = self.looks.0.by_link.get(&link).and_then(|session| self.seat_of(*session));
        let known = known.filter(|index| self.seats[*index].session.has_link(link));
        known.or_else(|| self.seats.iter().position(|seat| seat.session.has_link(link)))
    }

    /// Messages of this session have been taken care of, the first thing since the last look. Unless the room has
    /// said something, or something is to be done, nobody else is concerned.
    pub(super) fn settle_message(&mut self, index: usize, env: &Env<'_>) {
        let Some(id) = self.seats.get(index).map(|seat| seat.id()).filter(|_| self.seats.len() > 1) else {
            return self.settle_one(index, env);
        };
        self.catch_up(index, env);
        self.see_to_members(env);
        if let Some(index) = self.seat_of(id) {
            self.see_to_seat(index, env);
        }
        self.see_to_probe(env);
        // Also what was said because the session wants to leave.
        let said = self.room.as_deref_mut().is_some_and(Room::take_said);
        self.concerns_all();
        match self.seat_of(id) {
            Some(index) if !said && self.outputs.is_empty() => self.note_only(index, id, env),
            Some(_) | None => self.keep(env),
        }
    }

    /// Something has happened that may concern everybody.
    pub(super) fn concerns_all(&mut self) {
        (self.looks.0.touched, self.looks.0.dirty) = (None, None);
    }

    fn note_only(&mut self, index: usize, id: SessionId, env: &Env<'_>) {
        if self.snapshot_due_after(index, env).is_some_and(|at| at <= env.now) {
            self.keep(env);
        }
        let only = Some(id).filter(|_| self.outputs.is_empty());
        (self.looks.0.touched, self.looks.0.dirty) = (only, only);
    }

    /// Links that have something new to write.
    pub fn take_dirty(&mut self, mut wake: impl FnMut(LinkId)) {
        let only = self.looks.0.dirty.take().and_then(|session| self.seat_of(session));
        match only {
            Some(index) => {
                self.seats[index].session.take_dirty(&mut wake);
                let mut sessions = self.seats.iter().map(|seat| &seat.session);
                debug_assert!(!sessions.any(|session| session.is_dirty()), "{}: a link was missed", self.id);
            }
            None => {
                let _ = self.room.as_deref_mut().map(Room::take_said); // it is heard of now
                self.seats.iter_mut().for_each(|seat| seat.session.take_dirty(&mut wake));
            }
        }
    }

    /// Like [`poll_timeout`](Self::poll_timeout), for a driver that asks after each call.
    pub fn next_timeout(&mut self, env: &Env<'_>) -> Option<Time> {
        if self.seats.len() < 2 {
            return self.poll_timeout(env);
        }
        let serving = (env.permit.is_some(), self.is_served());
        let only = self.looks.0.touched.take().and_then(|session| self.seat_of(session));
        let known = self.looks.0.due.len() == self.seats.len() && self.looks.0.serving == serving;
        match only.filter(|_| known) {
            Some(index) => self.look_at(index, env),
            None => self.look_at_all(serving, env),
        }
        let looks = &self.looks.0;
        let next = self.poll_with(looks.due.iter().flatten().min().copied(), looks.snapshot, env);
        // What was due at an earlier look is due now.
        let at_once = |at: Option<Time>| at.map(|at| at.max(env.now));
        debug_assert_eq!(at_once(next), at_once(self.poll_timeout(env)), "something was missed");
        next
    }

    fn look_at(&mut self, index: usize, env: &Env<'_>) {
        let (due, snapshot) = (self.poll_seat(index, env), self.snapshot_of_seat_due(index, env));
        let looks = &mut self.looks.0;
        looks.due[index] = due;
        looks.snapshot = [looks.snapshot, snapshot].into_iter().flatten().min();
    }

    fn look_at_all(&mut self, serving: (bool, bool), env: &Env<'_>) {
        let mut due = std::mem::take(&mut self.looks.0.due);
        due.clear();
        due.extend((0..self.seats.len()).map(|index| self.poll_seat(index, env)));
        let snapshot = self.snapshot_of_sessions_due(env);
        let may_confirm = self.is_confirming();
        let looks = &mut self.looks.0;
        (looks.due, looks.snapshot, looks.serving) = (due, snapshot, serving);
        looks.may_confirm = may_confirm;
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do next.
    pub fn poll_timeout(&self, env: &Env<'_>) -> Option<Time> {
        let seats = (0..self.seats.len()).filter_map(|index| self.poll_seat(index, env)).min();
        self.poll_with(seats, self.snapshot_of_sessions_due(env), env)
    }

    /// When a seat has something to do.
    fn poll_seat(&self, index: usize, env: &Env<'_>) -> Option<Time> {
        let seat = &self.seats[index];
        let session = seat.session.poll_timeout(self.serving_at(index, env));
        let change = seat.poll_change().filter(|_| self.may_write_entries(env));
        [session, change, self.poll_errand(seat, env)].into_iter().flatten().min()
    }

    /// When the first of all is due, of which that of the seats is known, and when sessions have to be stored.
    fn poll_with(&self, seats: Option<Time>, snapshot: Option<Time>, env: &Env<'_>) -> Option<Time> {
        let role = match &self.role {
            Role::Source(_, departure) => departure.source.poll_timeout().map(|(at, _)| at),
            Role::Target(target) => target.poll_timeout().map(|(at, _)| at),
            Role::Taking(take_over) => take_over.poll_timeout().map(|(at, _)| at),
            Role::Owner(_) => self.poll_probe(),
            Role::Absent | Role::Ending => None,
        };
        let refusing = self.refusing.iter().filter_map(Target::poll_timeout).map(|(at, _)| at).min();
        let keep = self.keep_at(snapshot, env);
        [seats, role, refusing, self.poll_room(env), self.gather_until, keep].into_iter().flatten().min()
    }
}
