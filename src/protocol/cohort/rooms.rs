//! A room's cohort: how sessions come in, what the room asks for, and when it is moved or ends.

use super::{Cohort, Env, ErrandAnswer, Output, Role};
use crate::protocol::application::{Application, RoomContext};
use crate::protocol::ids::{CohortId, MemberId, SessionId};
use crate::protocol::keeper::Keeper;
use crate::protocol::limits;
use crate::protocol::reasons::{CloseReason, ExitReason, MoveFailure, RoomRefusal};
use crate::protocol::record::{Ask, Record, Versioned};
use crate::protocol::room::Room;
use crate::protocol::room::wire::{RoomAnswer, RoomOptions};
use crate::protocol::session::Settings;
use crate::protocol::time::Time;
use crate::protocol::wire::{MoveMode, SwitchCause};
use std::sync::Arc;

/// How an attempt to join a room on this node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// The session is the room's; the lone cohort that held it is empty.
    Entered,
    /// The room does not take it.
    Refused(RoomRefusal),
    /// Not now: one of the two is not at rest.
    Later,
}

impl Entry {
    /// What the lone cohort is told; `None`: nothing, it is empty.
    pub const fn answer(self) -> Option<ErrandAnswer> {
        match self {
            Self::Entered => None,
            Self::Refused(refusal) => Some(ErrandAnswer::Refused(refusal)),
            Self::Later => Some(ErrandAnswer::Later),
        }
    }
}

impl Cohort {
    /// A new room, whose record this node has just created.
    pub fn begin_room(
        id: CohortId,
        held: Versioned,
        options: RoomOptions,
        settings: Arc<Settings>,
        env: &Env<'_>,
    ) -> Result<Self, RoomRefusal> {
        let room = Room::new(id, options, settings.room.clone(), env.now)?;
        let mut cohort = Self::with(id, held.record.owner, Role::Owner(held), Vec::new(), settings);
        cohort.fence = held.record.fence();
        cohort.room = Some(Box::new(room));
        cohort.keeper = Keeper::of_new();
        cohort.with_room_context(env, |application, context| application.room_created(context));
        Ok(cohort)
    }

    /// Checks how a room is to be made before anything is written about it.
    pub fn check_room(options: &RoomOptions, settings: &Settings) -> Result<(), RoomRefusal> {
        Room::new(CohortId::default(), options.clone(), settings.room.clone(), Time::default()).map(drop)
    }

    /// The session of a lone cohort on this node joins this room. Both are locked by the driver; the session's
    /// links are this cohort's from here on.
    pub fn enter(&mut self, lone: &mut Self, env: &Env<'_>) -> Entry {
        let at_rest = |cohort: &Self| {
            matches!(cohort.role, Role::Owner(_)) && cohort.is_served() && env.permit.is_some()
        };
        let Role::Owner(held) = lone.role else { return Entry::Later };
        if !at_rest(lone) || lone.room.is_some() || lone.seats.len() != 1 {
            return Entry::Later;
        }
        let gone = matches!(self.role, Role::Absent | Role::Ending);
        if self.room.is_none() || gone {
            return Entry::Refused(RoomRefusal::Unknown);
        }
        if env.node.going_offline().is_some() && !self.seats.is_empty() {
            self.is_wanted(env);
            return Entry::Later;
        }
        if !at_rest(self) {
            return Entry::Later;
        }
        let (session, user) = (lone.seats[0].id(), lone.seats[0].session.user().to_owned());
        if self.is_releasing(session) {
            return Entry::Later;
        }
        let Some(room) = self.room.as_deref_mut() else { return Entry::Later };
        if let Err(refusal) = room.admit(session, &user) {
            return Entry::Refused(refusal);
        }
        if !self.lets_in(&user, env) {
            if let Some(room) = self.room.as_deref_mut() {
                room.give_up(session);
            }
            return Entry::Refused(RoomRefusal::Rejected);
        }
        self.take_seat(lone, held, env);
        Entry::Entered
    }

    /// Somebody waits to join. Where a node goes offline a room takes joins only after it has moved; then it had
    /// better move.
    pub(super) fn is_wanted(&mut self, env: &Env<'_>) {
        let leaves = self.room.is_some() && !self.seats.is_empty() && env.node.going_offline().is_some();
        if leaves && self.leave_again_at.is_none_or(|at| at <= env.now) {
            self.wants_move.get_or_insert(MoveMode::Seamless);
            self.see_to_room(env);
        }
    }

    fn lets_in(&mut self, user: &str, env: &Env<'_>) -> bool {
        let asked = |application: &dyn Application, context: &mut RoomContext<'_>| {
            application.room_admits(context, user)
        };
        self.with_room_context(env, asked).unwrap_or(false)
    }

    fn take_seat(&mut self, lone: &mut Self, held: Versioned, env: &Env<'_>) {
        lone.end_probe(env);
        lone.role = Role::Absent;
        let Some(mut seat) = lone.seats.pop() else { return };
        // What is being written of the lone session is nobody's answer any more: the room's snapshot counts.
        seat.session.forget_taken();
        seat.attempts = lone.attempts;
        let Err(index) = self.seats.binary_search_by_key(&seat.id(), |seat| seat.id()) else { return };
        self.looks.0.by_link.extend(seat.session.link_ids().map(|link| (link, seat.id())));
        self.seats.insert(index, seat);
        self.bind(index, held, env);
        self.settle(env);
    }

    /// A session that has left a room begins to be served by itself.
    pub fn begin_alone(&mut self, env: &Env<'_>) {
        let Role::Owner(held) = self.role else { return };
        if env.permit.is_none() {
            self.fenced = true; // the lease has run out meanwhile
        } else if self.fenced {
            self.ask_as_owner(Ask::Read);
        } else {
            self.open_links(SwitchCause::Resumed, held.record.fence(), env);
            self.tell_offline_again(env);
        }
        self.settle(env);
    }

    /// Ends a room that nobody has joined, because whoever wanted it is gone.
    pub fn abandon_room(&mut self, env: &Env<'_>) {
        if let Role::Owner(held) = self.role
            && self.seats.is_empty()
        {
            self.forget(held, CloseReason::ByServer);
        }
        self.settle(env);
    }

    /// The game makes its own state of the room's bytes. False: it cannot.
    pub(super) fn wake_game(&mut self, env: &Env<'_>) -> bool {
        let Some(room) = self.room.as_deref_mut() else { return true };
        room.wake_game(|snapshot| env.application.restore_room(snapshot)).is_ok()
    }

    /// Calls the game about the room.
    pub(super) fn with_room_context<R>(
        &mut self,
        env: &Env<'_>,
        act: impl FnOnce(&dyn Application, &mut RoomContext<'_>) -> R,
    ) -> Option<R> {
        let room = self.room.as_deref_mut()?;
        let mut context =
            RoomContext { room, session: None, before: &mut self.seats, after: &mut [], now: env.now };
        Some(act(env.application, &mut context))
    }

    /// Does what the room wants done: members leave, it moves, it ends.
    pub(super) fn see_to_room(&mut self, env: &Env<'_>) {
        if self.room.is_none() || !self.may_change() || env.permit.is_none() {
            return;
        }
        if self.raise_to.is_none() {
            self.go_on_with_changes(env);
        }
        self.see_to_members(env);
    }

    /// The same when nobody has joined or left since.
    pub(super) fn see_to_members(&mut self, env: &Env<'_>) {
        if self.room.is_none() || !self.may_change() || env.permit.is_none() {
            return;
        }
        self.remove_leaving(env);
        self.end_if_over(env);
        self.leave_if_due(env);
        if self.room.as_deref_mut().is_some_and(Room::take_relist) {
            self.outputs.push_back(Output::List);
        }
    }

    /// Who was kicked, does not keep up, or is in a room that closes.
    fn remove_leaving(&mut self, env: &Env<'_>) {
        while let Some((session, reason)) = self.room.as_deref_mut().and_then(Room::take_leaving) {
            match self.seat_of(session) {
                Some(index) if !self.seats[index].is_changing() => self.remove_member(index, reason, env),
                Some(_) | None => {}
            }
        }
    }

    /// A member whose session has ended leaves the room, and ends alone.
    pub(super) fn take_out(&mut self, index: usize, env: &Env<'_>) {
        if self.may_change() && env.permit.is_some() && !self.seats[index].is_changing() {
            self.remove_member(index, ExitReason::Disconnected, env);
        }
    }

    fn end_if_over(&mut self, env: &Env<'_>) {
        let Role::Owner(held) = self.role else { return };
        let over = self.seats.is_empty() && self.room.as_deref().is_some_and(Room::is_closing);
        if over && self.raise_to.is_none() {
            self.with_room_context(env, |application, context| application.room_closed(context));
            self.forget(held, CloseReason::ByServer);
        }
    }

    /// The owner's client, or the game, wants the room to move; or the node goes offline, and half of its time is
    /// over.
    fn leave_if_due(&mut self, env: &Env<'_>) {
        let asked = self.room.as_deref().and_then(Room::pending_migrate);
        let offline = env.node.going_offline().is_some();
        if let Some((member, request)) = asked
            && self.wants_move.is_none()
        {
            if offline || self.settings.moves_when_online {
                self.wants_move = Some(MoveMode::Seamless);
            } else {
                self.answer_migrate(member, request, Some(RoomRefusal::NotOffline));
            }
        }
        let due = env.node.rooms_leave_at().is_some_and(|at| at <= env.now)
            && self.leave_again_at.is_none_or(|at| at <= env.now);
        if due || self.room.as_deref_mut().is_some_and(Room::take_wants_move) {
            self.wants_move.get_or_insert(MoveMode::Seamless);
        }
        if self.wants_move.is_some() && !self.is_changing() && self.raise_to.is_none() {
            self.wants_move = None;
            self.leave_again_at = None;
            if !self.depart(MoveMode::Seamless, false, env) {
                self.on_room_move_over(Some(MoveFailure::MovedRecently), env);
            }
        }
    }

    fn answer_migrate(&mut self, member: MemberId, request: u64, refusal: Option<RoomRefusal>) {
        let Some(room) = self.room.as_deref_mut() else { return };
        room.set_pending_migrate(None);
        let session = room.session_of(member);
        if let Some(index) = session.and_then(|session| self.seat_of(session)) {
            let answer = RoomAnswer { refusal, room: Some(self.id), ..RoomAnswer::default() };
            self.seats[index].session.answer_room(request, &answer);
        }
    }

    /// Who has asked for a move and goes before it begins is told that it is not theirs any more.
    pub(super) fn refuse_migrate_of(&mut self, member: Option<MemberId>) {
        let pending = self.room.as_deref().and_then(Room::pending_migrate);
        if let Some((asker, request)) = pending.filter(|(asker, _)| Some(*asker) == member) {
            self.answer_migrate(asker, request, Some(RoomRefusal::NotInRoom));
        }
    }

    /// The room has moved, or has not: whoever asked for it hears so.
    pub(super) fn on_room_move_over(&mut self, failure: Option<MoveFailure>, env: &Env<'_>) {
        let Some(room) = self.room.as_deref() else { return };
        if let Some((member, request)) = room.pending_migrate() {
            self.answer_migrate(member, request, failure.map(|_| RoomRefusal::MoveFailed));
        }
        if failure.is_some() {
            self.leave_again_at = Some(env.now + limits::ROOM_MOVE_AGAIN);
        }
    }

    pub(super) fn on_room_timeout(&mut self, env: &Env<'_>) {
        if !self.is_served() || env.permit.is_none() {
            return;
        }
        self.with_room(|room, crowd| room.on_timeout(crowd, env.now));
        if self.room.as_deref_mut().is_some_and(|room| room.take_due_timer(env.now)) {
            self.with_room_context(env, |application, context| application.room_timer(context));
        }
    }

    pub(super) fn poll_room(&self, env: &Env<'_>) -> Option<Time> {
        let room = self.room.as_deref()?;
        if !self.is_served() || env.permit.is_none() {
            return None;
        }
        let leaves = env.node.rooms_leave_at().map(|at| at.max(self.leave_again_at.unwrap_or_default()));
        // While somebody joins or leaves, the end of that sets the room going.
        let leaves = leaves.filter(|_| self.may_change() && !self.is_changing());
        [room.poll_timeout(), room.timer(), leaves].into_iter().flatten().min()
    }

    /// Whether this session's wish to leave can be carried out now.
    pub(super) fn leave(&mut self, index: usize, env: &Env<'_>) {
        if !self.may_change() || env.permit.is_none() || self.seats[index].is_changing() {
            return; // it is done by whoever owns the room next, or when the room is at rest
        }
        let session = &mut self.seats[index].session;
        let Some(errand) = session.errand() else { return };
        let request = errand.request;
        session.set_errand(None);
        session.answer_room(request, &RoomAnswer::default());
        // Else the room has removed it before its wish was looked at.
        if self.room.is_some() {
            self.remove_member(index, ExitReason::Left, env);
        }
    }

    /// After a take-over: nobody is served before the directory has confirmed that every member is one.
    pub(super) fn confirm_members(&mut self, env: &Env<'_>) {
        // Before anything else is said: what comes after it begins where the copy ends.
        for index in 0..self.seats.len() {
            let session = self.seats[index].id();
            self.with_room(|room, crowd| room.tell_again(session, crowd));
        }
        for index in 0..self.seats.len() {
            self.confirm(index);
        }
        if self.seats.is_empty() {
            self.on_confirmed(env);
        }
    }

    /// All who are left are this room's: those on their way in are members, those on their way out leave.
    pub(super) fn on_confirmed(&mut self, env: &Env<'_>) {
        let Some(fence) = self.record_fence() else { return };
        let seated: Vec<SessionId> = self.seats.iter().map(|seat| seat.id()).collect();
        self.with_room(|room, crowd| room.keep_only(&seated, crowd, env.now));
        self.open_links(SwitchCause::TookOver, fence, env);
        for session in seated {
            let Some(index) = self.seat_of(session) else { continue };
            let Some(room) = self.room.as_deref() else { return };
            if room.member_of(session).is_some() {
                continue;
            }
            if room.is_admitted(session) {
                let record = self.entry_of(index);
                if let Some(record) = record {
                    self.on_bound(index, &record, env);
                }
            } else {
                self.unbind(index, env);
            }
        }
        self.tell_offline_again(env);
        self.outputs.push_back(Output::List);
        self.report_restart(env);
    }

    /// A member's entry as it has just been confirmed.
    fn entry_of(&self, index: usize) -> Option<Record> {
        let Role::Owner(held) = self.role else { return None };
        let binding = self.seats.get(index)?.session.fence().binding;
        Some(Record { binding, room: Some(self.id), ..held.record })
    }
}
