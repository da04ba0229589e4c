//! The owner and its record: what it does when its lease has run out and is back (rule e), how a room's record is
//! raised for who comes from a higher epoch, and what the directory's answers mean.

use super::{Asker, Cohort, Env, Output, Role};
use crate::protocol::ids::{Epoch, MoveId};
use crate::protocol::reasons::{CloseReason, MoveFailure, TargetRefusal};
use crate::protocol::record::{Answer, Ask, CasAnswer, OwnerPhase, ReadAnswer, Record, Versioned};
use crate::protocol::source;
use crate::protocol::takeover;
use crate::protocol::target;
use crate::protocol::wire::{Downlink, SwitchCause};

impl Cohort {
    /// The node has lost its lease: what is held stays frozen, what is not served yet is refused (e).
    pub fn on_fenced(&mut self, env: &Env<'_>) {
        self.concerns_all();
        match &mut self.role {
            Role::Absent | Role::Ending => {}
            Role::Taking(_) => self.take_over_input(takeover::Input::Fenced, env),
            Role::Owner(_) => {
                self.fenced = true;
                self.end_probe(env);
                // What was asked to return from an earlier fence does not end this one.
                self.owner_asked += 1;
                self.outlive_changes();
            }
            Role::Source(_, departure) => {
                self.fenced = true;
                let reason = MoveFailure::EngineUnavailable;
                departure.source.handle(source::Input::Cancel(reason), env.now);
                self.drain_source(env);
            }
            Role::Target(target) => {
                self.fenced = target.serves();
                target.handle(target::Input::Drop(TargetRefusal::Fenced), env.now);
                self.drain_target(env);
            }
        }
    }

    /// The lease has run out, and others, who reach the engine, may take over (d). Clients that hold on to a link here
    /// would wait for nothing; without one they ask others, who take over or send them back. Where nothing is stored
    /// there is nothing to take over, and waiting is all that is left. Gives how many clients those are.
    pub fn let_clients_go(&mut self, env: &Env<'_>) -> usize {
        if !self.fenced || env.permit.is_some() || !self.is_stored() {
            return 0;
        }
        self.concerns_all();
        let waiting =
            self.seats.iter_mut().map(|seat| &mut seat.session).filter(|session| session.is_linked());
        waiting.map(|session| session.drop_links(CloseReason::Moved)).count()
    }

    /// The lease is renewed: takes what is held to the next epoch, and goes on, nothing lost (e). A move
    /// under way settles first, by its own rules, and is followed by the same.
    pub fn on_unfenced(&mut self, env: &Env<'_>) {
        self.concerns_all();
        match self.role {
            Role::Owner(_) if self.fenced || self.raise_to.is_some() => self.ask_as_owner(Ask::Read),
            Role::Taking(_) => self.recall_again(env),
            Role::Absent | Role::Owner(_) | Role::Source(..) | Role::Target(_) | Role::Ending => {}
        }
    }

    /// The record names this node; if the lease had run out meanwhile, that alone entitles to nothing (e).
    pub(super) fn own(&mut self, held: Versioned, env: &Env<'_>) {
        self.role = Role::Owner(held);
        if self.fenced && env.permit.is_some() {
            self.ask_as_owner(Ask::Read);
        }
    }

    pub(super) fn ask_as_owner(&mut self, ask: Ask) {
        self.owner_asked += 1;
        self.outputs.push_back(Output::Ask(Asker::Owner, self.owner_asked, ask));
    }

    /// The directory has answered.
    pub fn on_answer(&mut self, asker: Asker, number: u64, answer: Answer, env: &Env<'_>) {
        match asker {
            Asker::Owner if number == self.owner_asked => self.on_owner_answer(answer, env),
            Asker::Owner => {}
            // The numbers of another move's questions were counted by another source.
            Asker::Source(id) if self.departs_by(id) => {
                self.source_input(source::Input::Answer(number, answer), env);
            }
            Asker::Source(_) => {}
            Asker::Target(id) => self.target_input(id, target::Input::Answer(number, answer), env),
            Asker::TakeOver => self.take_over_input(takeover::Input::Answer(number, answer), env),
            Asker::Keeper => {}
            Asker::Member(session) => self.on_member_answer(session, number, answer, env),
        }
        self.settle(env);
    }

    pub(super) fn departs_by(&self, id: MoveId) -> bool {
        match &self.role {
            Role::Source(_, departure) => departure.source.id() == id,
            Role::Absent | Role::Owner(_) | Role::Target(_) | Role::Taking(_) | Role::Ending => false,
        }
    }

    fn on_owner_answer(&mut self, answer: Answer, env: &Env<'_>) {
        let Role::Owner(held) = self.role else { return };
        let next = self.raised(held.record);
        match answer {
            Answer::Read(ReadAnswer::Read(Some(found))) | Answer::Cas(CasAnswer::Lost(Some(found))) => {
                if found.record == next {
                    // An own write has landed, at some time. Others may have read it since, and seen the lease
                    // run out once more: only what is written under this lease fences them off.
                    self.role = Role::Owner(found);
                    let record = self.raised(next);
                    self.ask_as_owner(Ask::Cas { expected: found.revision, record });
                } else if found.record.finalised() == held.record {
                    // As it was, or as the source of the move here has published it again.
                    self.ask_as_owner(Ask::Cas { expected: found.revision, record: next });
                } else {
                    self.lose(Some(found.record), env);
                }
            }
            Answer::Cas(CasAnswer::Won(revision)) => {
                self.return_from_fence(Versioned { revision, record: next }, env);
            }
            Answer::Read(ReadAnswer::Read(None)) | Answer::Cas(CasAnswer::Lost(None)) => self.lose(None, env),
            Answer::Read(ReadAnswer::Failed) | Answer::Cas(CasAnswer::Unknown) => {
                self.ask_as_owner(Ask::Read);
            }
        }
    }

    /// This record at the next epoch, or at the one that a new member needs.
    pub(super) fn raised(&self, record: Record) -> Record {
        let next = record.passed_to(self.me, OwnerPhase::Serving);
        Record { epoch: next.epoch.max(self.raise_to.unwrap_or_default()), ..next }
    }

    /// A member comes that has been served at this epoch: the room goes on at it, too.
    pub(super) fn raise(&mut self, epoch: Epoch) {
        let Role::Owner(held) = self.role else { return };
        // One at a time: the answer has to be known before anything else is written.
        if epoch <= held.record.epoch || self.raise_to.is_some() {
            return;
        }
        self.raise_to = Some(epoch);
        let record = self.raised(held.record);
        self.ask_as_owner(Ask::Cas { expected: held.revision, record });
    }

    fn return_from_fence(&mut self, held: Versioned, env: &Env<'_>) {
        self.role = Role::Owner(held);
        self.fenced = false;
        self.raise_to = None;
        if self.is_confirming() {
            return self.on_changes_timeout(env); // they are served when all of them have been confirmed
        }
        self.open_links(SwitchCause::Resumed, held.record.fence(), env);
        self.on_changes_timeout(env);
        self.tell_offline_again(env);
    }

    /// The directory names somebody else: serves nothing from here on, and sends the clients on their way.
    pub(super) fn lose(&mut self, record: Option<Record>, env: &Env<'_>) {
        self.role = Role::Absent;
        for seat in &mut self.seats {
            if let Some(record) = record {
                seat.session.control(&Downlink::Moved { cohort: self.id, epoch: record.epoch });
            }
            seat.session.drop_links(CloseReason::Moved);
            env.application.moved_out(seat.session.user(), seat.id());
        }
    }
}
