//! Time in the hands of a model checker: every wake-up of a cohort's roles by itself, in any order, where
//! a driver has only the next one.

use super::{Asker, Cohort, Env, Role};
use crate::protocol::ids::{MoveId, SessionId};
use crate::protocol::source::{self, Source};
use crate::protocol::takeover;
use crate::protocol::target::{self, Target};
use crate::protocol::wire::MoveMode;

/// A wake-up of one of the roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wake {
    /// The source of a move away.
    Source(source::Wake),
    /// The target of this move.
    Target(MoveId, target::Wake),
    /// A take-over, or a recall.
    TakeOver(takeover::Wake),
    /// The writer of snapshots.
    Keeper,
    /// A member that joins or leaves.
    Change(SessionId),
    /// What the client of this session wants of rooms.
    Errand(SessionId),
    /// The room waits no longer for its last clients.
    Gather,
    /// A dry run.
    Probe,
}

impl Cohort {
    /// Everything that its roles wait for the time of.
    pub fn wakes(&self) -> Vec<Wake> {
        let of_target = |target: &Target| {
            let id = target.id();
            target.wakes().into_iter().flatten().map(move |(_, wake)| Wake::Target(id, wake))
        };
        let mut wakes: Vec<Wake> = match &self.role {
            Role::Source(_, departure) => {
                departure.source.wakes().into_iter().flatten().map(|(_, wake)| Wake::Source(wake)).collect()
            }
            Role::Target(target) => of_target(target).collect(),
            Role::Taking(take_over) => {
                take_over.poll_timeout().into_iter().map(|(_, wake)| Wake::TakeOver(wake)).collect()
            }
            Role::Absent | Role::Owner(_) | Role::Ending => Vec::new(),
        };
        wakes.extend(self.refusing.iter().flat_map(of_target));
        wakes.extend(self.keeper.poll_timeout().map(|_| Wake::Keeper));
        for seat in &self.seats {
            wakes.extend(seat.poll_change().map(|_| Wake::Change(seat.id())));
            wakes.extend(self.waiting_errand(seat).map(|_| Wake::Errand(seat.id())));
        }
        wakes.extend(self.poll_probe().map(|_| Wake::Probe));
        wakes.extend(self.gather_until.filter(|_| self.seats.len() > 1).map(|_| Wake::Gather));
        wakes
    }

    /// The time of one of [`wakes`](Self::wakes) has come.
    pub fn fire(&mut self, wake: Wake, env: &Env<'_>) {
        match (wake, &mut self.role) {
            (Wake::Source(wake), Role::Source(_, departure)) => {
                departure.source.fire(wake, env.now);
                self.drain_source(env);
            }
            (Wake::TakeOver(_), Role::Taking(_)) => self.take_over_input(takeover::Input::Timeout, env),
            (Wake::Target(id, wake), Role::Target(target)) if target.id() == id => {
                target.fire(wake, env.now);
                self.drain_target(env);
            }
            (Wake::Target(id, wake), _) => {
                if let Some(target) = self.refusing.iter_mut().find(|target| target.id() == id) {
                    target.fire(wake, env.now);
                    self.drain_refusing();
                }
            }
            (Wake::Change(_), _) => self.on_changes_timeout(env),
            (Wake::Gather, _) => self.on_gather_timeout(env),
            (Wake::Probe, _) => self.on_probe_timeout(env),
            // What the keeper and errands wait for is done in `settle`.
            (Wake::Source(_) | Wake::TakeOver(_) | Wake::Keeper | Wake::Errand(_), _) => {}
        }
        self.settle(env);
    }

    /// The move away from here, if there is one.
    pub fn source(&self) -> Option<&Source> {
        match &self.role {
            Role::Source(_, departure) => Some(&departure.source),
            Role::Absent | Role::Owner(_) | Role::Target(_) | Role::Taking(_) | Role::Ending => None,
        }
    }

    /// Whether an answer to this asker would find somebody.
    pub fn asks(&self, asker: Asker) -> bool {
        match asker {
            Asker::Owner => (self.fenced || self.raise_to.is_some()) && matches!(self.role, Role::Owner(_)),
            Asker::Source(id) => self.departs_by(id),
            Asker::Target(id) => match &self.role {
                Role::Target(target) if target.id() == id => true,
                Role::Target(_)
                | Role::Absent
                | Role::Owner(_)
                | Role::Source(..)
                | Role::Taking(_)
                | Role::Ending => self.refusing.iter().any(|target| target.id() == id),
            },
            Asker::TakeOver => matches!(self.role, Role::Taking(_)),
            Asker::Keeper => self.keeper.is_pending(),
            Asker::Member(session) => {
                self.seat_of(session).is_some_and(|index| self.seats[index].is_changing())
                    || self.is_releasing(session)
            }
        }
    }

    /// Whether the answer to this question would still count.
    pub fn awaits(&self, asker: Asker, number: u64) -> bool {
        self.asks(asker)
            && match asker {
                Asker::Owner => number == self.owner_asked,
                Asker::Keeper => self.keeper.awaits(number),
                Asker::Source(_) | Asker::Target(_) | Asker::TakeOver | Asker::Member(_) => true,
            }
    }

    /// Whether the clients of a move to this node are waited for.
    pub fn awaits_clients(&self) -> bool {
        matches!(&self.role, Role::Target(target) if target.awaits_clients())
    }

    /// The dry run under way: which attempt, and whether it waits for clients.
    pub fn probed_by(&self) -> Option<(MoveId, bool)> {
        self.probing_attempt()
    }

    /// Moves the room although somebody may be joining or leaving it: a rule broken on purpose.
    pub fn depart_regardless(&mut self, env: &Env<'_>) {
        self.depart(MoveMode::Seamless, false, env);
        self.settle(env);
    }

    /// Which move's clients may attach here.
    pub fn admits(&self) -> Option<MoveId> {
        match &self.role {
            Role::Target(target) if target.is_prepared() => Some(target.id()),
            Role::Target(_)
            | Role::Absent
            | Role::Owner(_)
            | Role::Source(..)
            | Role::Taking(_)
            | Role::Ending => None,
        }
    }

    /// See [`Source::renumber`]: of all roles, and of the cohort's own questions.
    pub fn renumber(&mut self) {
        match &mut self.role {
            Role::Source(_, departure) => departure.source.renumber(),
            Role::Target(target) => target.renumber(),
            Role::Taking(take_over) => take_over.renumber(),
            Role::Absent | Role::Owner(_) | Role::Ending => {}
        }
        self.keeper.renumber();
        for change in self.seats.iter_mut().filter_map(|seat| seat.change.as_mut()) {
            change.renumber();
        }
        for target in &mut self.refusing {
            target.renumber();
        }
        self.owner_asked = self.owner_asked.min(1);
    }
}
