//! Members on their way into the room, or out of it: between the seat and [`Rebind`].
//!
//! What a crash would leave behind is stored before the directory is changed, so that whoever goes on finds it:
//! on the way in the session is part of the room's snapshot before its entry names the room, on the way out the room
//! is stored without the member, and then the session has a snapshot of its own, before its entry says that it is
//! alone. A seat that is no member of the room is on its way in if the room holds a place for it, else on its way
//! out.

use super::{Asker, Cohort, Env, Output, Role, Seat};
use crate::protocol::company::Crowd;
use crate::protocol::ids::{Epoch, Fence, SessionId};
use crate::protocol::keeper::{Keeper, Kept, Step as KeeperStep};
use crate::protocol::reasons::ExitReason;
use crate::protocol::rebind::{Outcome, Purpose, Rebind};
use crate::protocol::record::{Answer, Ask, Record, Versioned};
use crate::protocol::room::Room;
use crate::protocol::room::wire::RoomAnswer;
use crate::protocol::snapshot::{Snapshot, SnapshotAnswer, SnapshotAsk};
use crate::protocol::time::Time;
use crate::protocol::wire::{SessionState, SwitchCause};
use std::time::Duration;

/// A change of a session's binding that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Change {
    rebind: Rebind,
    step: Step,
    /// The lease has run out since it began: what was written before may have been read by who takes over (e).
    outlived: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// The room is being taken to the epoch of the one who comes.
    Raising,
    /// The room's snapshot is to be stored with the one who comes, or without the member who goes. `taken`: such a
    /// one has been taken.
    StoringRoom { taken: bool },
    /// The snapshot of the one who goes is to be stored.
    StoringOwn(Box<Keeper>),
    /// The directory is asked.
    Asking,
}

impl Change {
    fn new(rebind: Rebind, step: Step) -> Self {
        Self { rebind, step, outlived: false }
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        match &self.step {
            Step::Raising | Step::StoringRoom { .. } => None,
            Step::StoringOwn(keeper) => keeper.poll_timeout(),
            Step::Asking => self.rebind.poll_timeout(),
        }
    }

    #[cfg(any(test, feature = "testing"))]
    pub(super) fn renumber(&mut self) {
        self.rebind.renumber();
        if let Step::StoringOwn(keeper) = &mut self.step {
            keeper.renumber();
        }
    }

    pub(super) fn leaves(&self) -> bool {
        matches!(self.rebind.purpose(), Purpose::Unbind(_))
    }

    fn confirms(&self) -> bool {
        matches!(self.rebind.purpose(), Purpose::Confirm { .. })
    }
}

impl Cohort {
    /// Whether the room was taken over and its members are not all known to be its own.
    pub(super) fn is_confirming(&self) -> bool {
        // Asked at each message; hardly ever so.
        self.looks.0.may_confirm
            && self.room.is_some()
            && self.seats.iter().any(|seat| seat.change.as_ref().is_some_and(Change::confirms))
    }

    /// Whether somebody joins or leaves at this moment: the room is not moved meanwhile.
    pub fn is_changing(&self) -> bool {
        self.raise_to.is_some() || self.seats.iter().any(|seat| seat.is_changing())
    }

    /// Whether members may join and leave: the room is served here, and not on its way anywhere.
    pub(super) fn may_change(&self) -> bool {
        matches!(self.role, Role::Owner(_)) && self.is_served()
    }

    /// Binds a session that has been put into a seat here; its entry is still the one of a lone session.
    pub(super) fn bind(&mut self, index: usize, held: Versioned, env: &Env<'_>) {
        let rebind = Rebind::new(self.me, self.id, Purpose::Bind(held));
        self.seats[index].change = Some(Change::new(rebind, Step::Raising));
        self.go_on_with(index, env);
    }

    /// Sends a member on its way out: it has heard so, and what it is sent from now on is its own.
    pub(super) fn unbind(&mut self, index: usize, env: &Env<'_>) {
        let rebind = Rebind::new(self.me, self.id, Purpose::Unbind(self.epoch()));
        let step = if self.is_stored() {
            self.keeper.want();
            Step::StoringRoom { taken: false }
        } else {
            Step::Asking
        };
        self.seats[index].change = Some(Change::new(rebind, step));
        self.go_on_with(index, env);
    }

    /// Fences off whatever the owner before has under way about this member.
    pub(super) fn confirm(&mut self, index: usize) {
        self.looks.0.may_confirm = true;
        let session = &self.seats[index].session;
        let arriving = self.room.as_deref().is_some_and(|room| room.is_admitted(session.id()));
        let arriving = arriving.then_some(session.fence().binding);
        let purpose = Purpose::Confirm { epoch: self.epoch(), arriving };
        self.seats[index].change = Some(Change::new(Rebind::new(self.me, self.id, purpose), Step::Asking));
        self.ask_directory(index);
    }

    fn ask_directory(&mut self, index: usize) {
        let seat = &mut self.seats[index];
        let Some(change) = &mut seat.change else { return };
        change.step = Step::Asking;
        let (number, ask) = change.rebind.begin();
        let asker = Asker::Member(seat.id());
        self.outputs.push_back(Output::Ask(asker, number, ask));
    }

    /// Does the next thing that a change waits for, if that has become possible.
    fn go_on_with(&mut self, index: usize, env: &Env<'_>) {
        if let Some(epoch) = self.needed_epoch(index) {
            return self.raise(epoch);
        }
        let raised = self.raise_to.is_none();
        let Some(seat) = self.seats.get_mut(index) else { return };
        let is_stored = seat.session.is_stored();
        let Some(change) = &mut seat.change else { return };
        let confirms = change.confirms();
        match &mut change.step {
            Step::Raising if raised && is_stored => {
                change.step = Step::StoringRoom { taken: false };
                self.keeper.want();
            }
            Step::Raising if raised => self.ask_directory(index),
            Step::Raising | Step::StoringRoom { .. } => {}
            Step::StoringOwn(_) => self.store_own(index, env),
            // A member that leaves a room of which nothing is stored.
            Step::Asking if !confirms => self.ask_directory(index),
            Step::Asking => {}
        }
    }

    /// The one who comes has been served at a higher epoch than the room.
    fn needed_epoch(&self, index: usize) -> Option<Epoch> {
        let change = self.seats.get(index)?.change.as_ref()?;
        match (change.rebind.purpose(), &change.step) {
            (Purpose::Bind(held), Step::Raising) => {
                Some(held.record.epoch).filter(|epoch| *epoch > self.epoch())
            }
            (Purpose::Bind(_) | Purpose::Unbind(_) | Purpose::Confirm { .. }, _) => None,
        }
    }

    /// The room's record has been raised.
    pub(super) fn go_on_with_changes(&mut self, env: &Env<'_>) {
        for index in 0..self.seats.len() {
            let waits = self.seats[index].change.as_ref().is_some_and(|change| change.step == Step::Raising);
            if waits {
                self.go_on_with(index, env);
            }
        }
    }

    /// A snapshot of the room is being taken, with everybody who has a seat.
    pub(super) fn note_taken(&mut self) {
        for change in self.seats.iter_mut().filter_map(|seat| seat.change.as_mut()) {
            if let Step::StoringRoom { taken } = &mut change.step {
                *taken = true;
            }
        }
    }

    /// The snapshot that was taken last is stored.
    pub(super) fn on_room_stored(&mut self, env: &Env<'_>) {
        for index in 0..self.seats.len() {
            let leaves = self.seats[index].is_leaving();
            match self.seats[index].change.as_ref().map(|change| &change.step) {
                Some(Step::StoringRoom { taken: true }) if leaves => self.begin_to_store_own(index, env),
                Some(Step::StoringRoom { taken: true }) => self.ask_directory(index),
                // Who came while it was being written is in the next one.
                Some(Step::StoringRoom { taken: false }) => self.keeper.want(),
                Some(Step::Raising | Step::StoringOwn(_) | Step::Asking) | None => {}
            }
        }
    }

    fn begin_to_store_own(&mut self, index: usize, env: &Env<'_>) {
        let mut keeper = Box::new(Keeper::new());
        keeper.want();
        if let Some(change) = &mut self.seats[index].change {
            change.step = Step::StoringOwn(keeper);
        }
        self.store_own(index, env);
    }

    fn store_own(&mut self, index: usize, env: &Env<'_>) {
        let fence = self.leaving_fence(index);
        let seat = &mut self.seats[index];
        let asker = Asker::Member(seat.id());
        let Some(Change { step: Step::StoringOwn(keeper), .. }) = &mut seat.change else { return };
        let (number, ask) = match keeper.next_step(env.now) {
            None => return,
            Some(KeeperStep::Read(number)) => (number, SnapshotAsk::Read),
            Some(KeeperStep::Write { number, expected, snapshot }) => {
                let state = seat.session.take_snapshot(env.now);
                let state = SessionState { binding: fence.binding, ..state };
                let snapshot = Snapshot { fence, number: snapshot, sessions: vec![state], room: None };
                (number, SnapshotAsk::Write { expected, snapshot: Box::new(snapshot) })
            }
        };
        self.outputs.push_back(Output::Snapshot(asker, number, ask));
    }

    /// What a session is served at once it has left: also if the room has been raised meanwhile, its entry is
    /// written at the epoch that it began to leave at.
    fn leaving_fence(&self, index: usize) -> Fence {
        let seat = &self.seats[index];
        let epoch = match seat.change.as_ref().map(|change| change.rebind.purpose()) {
            Some(Purpose::Unbind(epoch)) => epoch,
            Some(Purpose::Bind(_) | Purpose::Confirm { .. }) | None => self.epoch(),
        };
        Fence { binding: seat.session.fence().binding.next(), epoch, ..self.fence }
    }

    /// The store has answered about a member's own snapshot.
    pub(super) fn on_member_snapshot(
        &mut self,
        session: SessionId,
        number: u64,
        answer: SnapshotAnswer,
        env: &Env<'_>,
    ) {
        let Some(index) = self.seat_of(session) else { return };
        let fence = self.leaving_fence(index);
        let again_after = Self::store_again_after(session.into(), number, &answer, env);
        let Some(change) = &mut self.seats[index].change else { return };
        let Step::StoringOwn(keeper) = &mut change.step else { return };
        match keeper.on_answer(number, answer, fence, env.now, again_after) {
            None => self.store_own(index, env),
            // Who stores at a higher fence owns the session: the directory says so.
            Some(Kept::Stored | Kept::Outdone) => self.ask_directory_keeping(index),
        }
    }

    /// Keeps what is known of the snapshot for the time after.
    fn ask_directory_keeping(&mut self, index: usize) {
        let revision = match self.seats[index].change.as_ref().map(|change| &change.step) {
            Some(Step::StoringOwn(keeper)) => keeper.revision(),
            _ => None,
        };
        self.seats[index].stored = revision;
        self.ask_directory(index);
    }

    /// The directory has answered about a member's entry.
    pub(super) fn on_member_answer(
        &mut self,
        session: SessionId,
        number: u64,
        answer: Answer,
        env: &Env<'_>,
    ) {
        let entitled = self.may_write_entries(env);
        let Some(index) = self.seat_of(session) else {
            return self.on_release_answer(session, number, answer, env);
        };
        let Some(change) = &mut self.seats[index].change else { return };
        if change.step != Step::Asking {
            return;
        }
        let again_after = env.node.timing().record_poll;
        if !entitled {
            return change.rebind.hold(env.now + again_after);
        }
        let (ask, outcome) = change.rebind.on_answer(number, answer, again_after, env.now);
        self.ask_for_member(session, ask);
        if let Some(outcome) = outcome {
            self.on_changed(index, outcome, env);
        }
    }

    /// Looks after a session whose entry names this room, by a leader's read, although it is not in it: its joining
    /// landed when its node was gone, and the room had been taken over. It is alone from now on, this node's, and
    /// taken over from its own snapshot by whoever asks for it next (d, h).
    pub fn release(&mut self, session: SessionId, env: &Env<'_>) {
        let is_here = self.seat_of(session).is_some() || self.is_releasing(session);
        if self.room.is_some() && self.may_change() && env.permit.is_some() && !is_here {
            let mut rebind = Rebind::new(self.me, self.id, Purpose::Unbind(self.epoch()));
            let (number, ask) = rebind.begin();
            self.releases.push((session, rebind));
            self.ask_for_member(session, Some((number, ask)));
        }
    }

    pub(super) fn is_releasing(&self, session: SessionId) -> bool {
        self.releases.iter().any(|(other, _)| *other == session)
    }

    fn on_release_answer(&mut self, session: SessionId, number: u64, answer: Answer, env: &Env<'_>) {
        let Some(index) = self.releases.iter().position(|(other, _)| *other == session) else { return };
        let (ask, outcome) = self.releases[index].1.on_answer(number, answer, Duration::ZERO, env.now);
        let waits = self.releases[index].1.poll_timeout().is_some();
        // Without an answer it is left to the next one who asks for the session.
        if outcome.is_some() || waits {
            self.releases.remove(index);
        }
        self.ask_for_member(session, ask);
    }

    fn ask_for_member(&mut self, session: SessionId, ask: Option<(u64, Ask)>) {
        if let Some((number, ask)) = ask {
            self.outputs.push_back(Output::Ask(Asker::Member(session), number, ask));
        }
    }

    /// Whether this node is the room's owner for sure: only then does it write its members' entries.
    pub(super) fn may_write_entries(&self, env: &Env<'_>) -> bool {
        matches!(self.role, Role::Owner(_)) && !self.fenced && env.permit.is_some()
    }

    pub(super) fn on_changes_timeout(&mut self, env: &Env<'_>) {
        if !self.may_write_entries(env) {
            return;
        }
        for index in 0..self.seats.len() {
            let seat = &mut self.seats[index];
            let session = seat.id();
            let Some(change) = &mut seat.change else { continue };
            match &change.step {
                Step::Asking => {
                    let ask = change.rebind.on_timeout(env.now);
                    self.ask_for_member(session, ask);
                }
                Step::StoringOwn(_) => self.store_own(index, env),
                Step::Raising | Step::StoringRoom { .. } => {}
            }
        }
    }

    fn on_changed(&mut self, index: usize, outcome: Outcome, env: &Env<'_>) {
        let Some(change) = self.seats[index].change.take() else { return };
        let purpose = change.rebind.purpose();
        match (purpose, outcome) {
            (Purpose::Bind(_), Outcome::Done(entry)) => self.on_bound(index, &entry.record, env),
            (Purpose::Unbind(_), Outcome::Done(entry)) => self.on_unbound(index, entry, change.outlived),
            (Purpose::Confirm { .. }, Outcome::Done(entry)) => {
                self.seats[index].session.rebind(entry.record.binding);
            }
            (Purpose::Bind(_) | Purpose::Unbind(_) | Purpose::Confirm { .. }, Outcome::Elsewhere(_)) => {
                self.lose_member(index, env);
            }
        }
        if let Purpose::Confirm { .. } = purpose
            && !self.is_confirming()
        {
            self.on_confirmed(env);
        }
    }

    /// The directory shows the session in this room: it is a member.
    pub(super) fn on_bound(&mut self, index: usize, entry: &Record, env: &Env<'_>) {
        let Some(fence) = self.record_fence() else { return };
        let seat = &mut self.seats[index];
        seat.session.rebind(entry.binding);
        seat.told_offline = false;
        let id = seat.id();
        self.open_links_at(index, SwitchCause::Resumed, fence, env);
        let room = self.id;
        let member = self.with_room(|room, crowd| room.enter(id, crowd));
        let session = &mut self.seats[index].session;
        if let Some(errand) = session.errand() {
            let request = errand.request;
            session.set_errand(None);
            session.answer_room(request, &RoomAnswer { room: Some(room), ..RoomAnswer::default() });
        }
        self.outputs.push_back(Output::List);
        self.tell_offline(env);
        if let Some(member) = member {
            self.with_room_context(env, |application, context| application.room_joined(context, member));
        }
    }

    /// The node has lost its lease: who is on its way out needs a record that is written under the next one.
    pub(super) fn outlive_changes(&mut self) {
        for change in self.seats.iter_mut().filter_map(|seat| seat.change.as_mut()) {
            change.outlived = true;
        }
    }

    fn vacate_seat(&mut self, index: usize) -> Box<Seat> {
        let seat = self.seats.remove(index);
        for link in seat.session.link_ids() {
            self.looks.0.by_link.remove(&link);
        }
        seat
    }

    /// The directory shows the session alone: it is a cohort of its own. `fenced`: perhaps since before the lease
    /// ran out, so that somebody may be about to take it over.
    fn on_unbound(&mut self, index: usize, entry: Versioned, fenced: bool) {
        let seat = self.vacate_seat(index);
        let Seat { session, uses_quic, stored, attempts, .. } = *seat;
        let mut lone = Self::alone(session, entry, self.settings.clone());
        lone.seats[0].session.rebind(entry.record.binding);
        lone.seats[0].uses_quic = uses_quic;
        lone.keeper.begin_anew(stored);
        lone.fenced = fenced;
        lone.attempts = attempts;
        self.outputs.push_back(Output::Split(Box::new(lone)));
        self.outputs.push_back(Output::List);
    }

    /// The session is not this room's: somebody has taken it over, or it has ended.
    fn lose_member(&mut self, index: usize, env: &Env<'_>) {
        let seat = self.vacate_seat(index);
        let id = seat.id();
        env.application.moved_out(seat.session.user(), id);
        self.with_room(|room, crowd| {
            room.give_up(id);
            room.drop_member(id, crowd, env.now);
        });
        self.outputs.push_back(Output::Dismiss(seat.session.link_ids().collect()));
        self.outputs.push_back(Output::List);
    }

    /// Acts on the room, with everybody who has a seat to be written to.
    pub(super) fn with_room<R>(&mut self, act: impl FnOnce(&mut Room, &mut Crowd<'_>) -> R) -> Option<R> {
        let room = self.room.as_deref_mut()?;
        let mut crowd = Crowd { session: None, before: &mut self.seats, after: &mut [] };
        Some(act(room, &mut crowd))
    }

    /// Takes a member out of the room: the others hear of it at once, and its entry follows.
    pub(super) fn remove_member(&mut self, index: usize, reason: ExitReason, env: &Env<'_>) {
        let id = self.seats[index].id();
        let member = self.room.as_deref().and_then(|room| room.member_of(id));
        self.refuse_migrate_of(member);
        self.with_room(|room, crowd| room.exit(id, reason, crowd, env.now));
        if let Some(member) = member {
            self.with_room_context(env, |application, context| {
                application.room_left(context, member, reason)
            });
        }
        self.unbind(index, env);
    }
}
