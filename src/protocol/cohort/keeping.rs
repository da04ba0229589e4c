//! Snapshots of what is served here: between the session and its [`Keeper`](crate::protocol::keeper::Keeper).

use super::{Asker, Cohort, Env, Output, Role};
use crate::protocol::ids::{CohortId, Fence};
use crate::protocol::keeper::{Kept, Step};
use crate::protocol::record::Ask;
use crate::protocol::room::Room;
use crate::protocol::snapshot::{Durability, Snapshot, SnapshotAnswer, SnapshotAsk, not_now_pause};
use crate::protocol::takeover;
use crate::protocol::target;
use crate::protocol::time::Time;
use std::time::Duration;

impl Cohort {
    /// The fence that snapshots are written at: that of what is served here.
    fn keeps_at(&self, env: &Env<'_>) -> Option<Fence> {
        env.permit?;
        match &self.role {
            Role::Owner(_) | Role::Source(..) => {
                let over = self.room.is_none() && self.sessions().any(|session| session.closed().is_some());
                self.record_fence().filter(|_| (self.is_served() || self.is_parking()) && !over)
            }
            // Also after a fence, or for a session that has ended: without it the move would not end, and the
            // store knows who is too late.
            Role::Target(target) => target.serves().then_some(self.fence),
            Role::Absent | Role::Taking(_) | Role::Ending => None,
        }
    }

    /// Stores a snapshot if one is due.
    pub(super) fn keep(&mut self, env: &Env<'_>) {
        self.see_to_parking(env);
        let Some(fence) = self.keeps_at(env) else { return };
        let due = self.snapshot_due(env);
        if due.is_some_and(|at| at <= env.now) {
            self.keeper.want();
        }
        let (number, ask) = match self.keeper.next_step(env.now) {
            None => return,
            Some(Step::Read(number)) => (number, SnapshotAsk::Read),
            Some(Step::Write { number, expected, snapshot }) => {
                let sessions =
                    self.seats.iter_mut().map(|seat| seat.session.take_snapshot(env.now)).collect();
                let room = self.room.as_deref_mut().map(|room| room.take_snapshot(env.now));
                self.note_taken();
                let snapshot = Box::new(Snapshot { fence, number: snapshot, sessions, room });
                (number, SnapshotAsk::Write { expected, snapshot })
            }
        };
        self.outputs.push_back(Output::Snapshot(Asker::Keeper, number, ask));
    }

    /// When a snapshot is due, if nothing else happens.
    pub(super) fn keep_at(&self, of_sessions: Option<Time>, env: &Env<'_>) -> Option<Time> {
        self.keeps_at(env)?;
        if self.keeper.is_pending() {
            return self.keeper.poll_timeout();
        }
        [of_sessions, self.snapshot_of_room_due(env)].into_iter().flatten().min()
    }

    /// When a snapshot is due because something has changed.
    fn snapshot_due(&self, env: &Env<'_>) -> Option<Time> {
        [self.snapshot_of_sessions_due(env), self.snapshot_of_room_due(env)].into_iter().flatten().min()
    }

    /// The same as far as one session or the room is concerned.
    pub(super) fn snapshot_due_after(&self, index: usize, env: &Env<'_>) -> Option<Time> {
        [self.snapshot_of_seat_due(index, env), self.snapshot_of_room_due(env)].into_iter().flatten().min()
    }

    pub(super) fn snapshot_of_sessions_due(&self, env: &Env<'_>) -> Option<Time> {
        (0..self.seats.len()).filter_map(|index| self.snapshot_of_seat_due(index, env)).min()
    }

    pub(super) fn snapshot_of_seat_due(&self, index: usize, env: &Env<'_>) -> Option<Time> {
        self.seats[index].session.snapshot_due(self.keeper.taken_at(), env.now)
    }

    fn snapshot_of_room_due(&self, env: &Env<'_>) -> Option<Time> {
        if !self.room.as_deref().is_some_and(Room::is_unsaved) {
            return None;
        }
        match self.settings.durability {
            Durability::None => None,
            Durability::Lazy(every) => Some(self.keeper.taken_at().map_or(env.now, |at| at + every)),
            Durability::BeforeAck => Some(env.now),
        }
    }

    /// Whether snapshots of it are stored at all.
    pub(super) fn is_stored(&self) -> bool {
        self.settings.durability != Durability::None
    }

    /// An arrival is stored before its record is finalised, where snapshots are.
    pub(super) fn keep_arrival(&mut self, env: &Env<'_>) {
        if self.is_stored() {
            self.keeper.want();
            self.keep(env);
        } else {
            self.arrival_kept(env);
        }
    }

    fn arrival_kept(&mut self, env: &Env<'_>) {
        if let Role::Target(target) = &mut self.role {
            target.handle(target::Input::Stored, env.now);
            self.drain_target(env);
        }
    }

    /// The store of snapshots has answered.
    pub fn on_snapshot(&mut self, asker: Asker, number: u64, answer: SnapshotAnswer, env: &Env<'_>) {
        match asker {
            Asker::Keeper => self.on_keeper_answer(number, answer, env),
            Asker::TakeOver if answer == SnapshotAnswer::NotNow => {
                let pause = not_now_pause(self.id, number);
                self.take_over_input(takeover::Input::NotNow(number, pause), env);
            }
            Asker::TakeOver => self.take_over_input(takeover::Input::Snapshot(number, answer), env),
            Asker::Member(session) => self.on_member_snapshot(session, number, answer, env),
            Asker::Owner | Asker::Source(_) | Asker::Target(_) => {}
        }
        self.settle(env);
    }

    /// When the store is asked again about this cohort after such an answer.
    pub(super) fn store_again_after(
        cohort: CohortId,
        number: u64,
        answer: &SnapshotAnswer,
        env: &Env<'_>,
    ) -> Duration {
        if *answer == SnapshotAnswer::NotNow {
            not_now_pause(cohort, number)
        } else {
            env.node.timing().record_poll
        }
    }

    fn on_keeper_answer(&mut self, number: u64, answer: SnapshotAnswer, env: &Env<'_>) {
        let fence = self.record_fence().unwrap_or(self.fence);
        let again_after = Self::store_again_after(self.id, number, &answer, env);
        match self.keeper.on_answer(number, answer, fence, env.now, again_after) {
            None => {}
            Some(Kept::Stored) => {
                // What a session on its way in or out may be told is not decided by this: should the change of its
                // entry never land, it goes on from a snapshot of its own.
                for seat in self.seats.iter_mut().filter(|seat| !seat.is_changing()) {
                    seat.session.snapshot_stored();
                }
                self.on_room_stored(env);
                self.arrival_kept(env);
            }
            // Whoever stores at a higher fence has won the record first: it is read before anything more is
            // served.
            Some(Kept::Outdone) => match self.role {
                Role::Owner(_) => {
                    self.fenced = true;
                    self.ask_as_owner(Ask::Read);
                }
                Role::Target(_) => self.arrival_kept(env),
                // Its own reads of the record tell it.
                Role::Source(..) | Role::Absent | Role::Taking(_) | Role::Ending => {}
            },
        }
    }
}
