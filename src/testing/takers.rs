//! The driver of take-overs: begins one when a client comes back to a node that may take its session over,
//! and serves the session from the snapshot when it has ended well (rules d and h).

use super::Cluster;
use super::happenings::{Actor, DIRECTORY_MAX, Happening};
use super::history::Entry;
use super::node::Node;
use crate::protocol::cohort::Cohort;
use crate::protocol::ids::{CohortId, Fence, NodeId};
use crate::protocol::limits;
use crate::protocol::record::{Ask, OwnerPhase, Record, Revision, Versioned};
use crate::protocol::takeover::{Input, Outcome, Output, SnapshotAnswer, TakeOver};
use crate::protocol::time::Time;
use crate::protocol::wire::SessionState;

/// A take-over under way.
#[derive(Debug)]
pub(super) struct Taker {
    /// Tells its answers from those to an earlier attempt.
    pub(super) attempt: u64,
    machine: TakeOver,
}

/// What it asks for.
#[derive(Clone, Debug)]
pub(super) enum TakerAsk {
    Record(u64, Ask),
    Leases(u64, Time),
    ReadSnapshot(u64),
    WriteBack { number: u64, expected: Revision, fence: Fence, sessions: Vec<SessionState> },
}

impl Node {
    /// When a take-over has something to do next, in the cluster's time.
    pub(super) fn taker_due(&self, cohort: CohortId) -> Option<Time> {
        let due = self.takers.get(&cohort)?.machine.poll_timeout()?.0;
        Some(self.acts_at(due))
    }
}

impl Cluster {
    /// A client has come to a node that does not hold its session. Whether that node now takes it over.
    pub(super) fn may_take_over(&mut self, id: NodeId, cohort: CohortId, record: &Record) -> bool {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id) else { return false };
        if node.takers.contains_key(&cohort) {
            return true;
        }
        let gone = |other: NodeId| other == id || node.watch.has_run_out(other);
        let free = gone(record.owner)
            && match record.phase {
                OwnerPhase::Serving => true,
                OwnerPhase::Handing { from, .. } => gone(from),
            };
        // What it still has of the cohort settles first, by its own rules.
        if !free || node.fenced || !node.is_permitted(now) || node.cohorts.contains_key(&cohort) {
            return false;
        }
        self.take_overs_begun += 1;
        let taker = Taker { attempt: self.take_overs_begun, machine: TakeOver::new(id, limits::RECORD_POLL) };
        node.takers.insert(cohort, taker);
        self.note(|| format!("{id} begins to take {cohort} over"));
        self.after_taker(id, cohort);
        true
    }

    pub(super) fn taker_is_due(&mut self, id: NodeId, cohort: CohortId) -> Option<Time> {
        let now = self.now;
        let node = self.nodes.get_mut(&id)?;
        let local = node.clock.mono(now);
        let taker = node.takers.get_mut(&cohort)?;
        taker.machine.handle(Input::Timeout, &node.watch, local);
        node.taker_due(cohort)
    }

    pub(super) fn tell_taker(&mut self, id: NodeId, cohort: CohortId, attempt: u64, input: Input) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let local = node.clock.mono(now);
        let Some(taker) = node.takers.get_mut(&cohort).filter(|taker| taker.attempt == attempt) else {
            return;
        };
        taker.machine.handle(input, &node.watch, local);
        self.after_taker(id, cohort);
    }

    /// Does what a take-over wants done.
    pub(super) fn after_taker(&mut self, id: NodeId, cohort: CohortId) {
        while let Some((attempt, output)) = self.nodes.get_mut(&id).and_then(|node| {
            let taker = node.takers.get_mut(&cohort)?;
            Some((taker.attempt, taker.machine.poll_output()?))
        }) {
            let asked_at = self.nodes[&id].clock.mono(self.now);
            let ask = match output {
                Output::Ask(number, ask) => TakerAsk::Record(number, ask),
                Output::ReadLeases(number) => TakerAsk::Leases(number, asked_at),
                Output::ReadSnapshot(number) => TakerAsk::ReadSnapshot(number),
                Output::WriteBack { number, expected, fence, sessions } => {
                    TakerAsk::WriteBack { number, expected, fence, sessions }
                }
                Output::Ended(outcome) => {
                    if let Some(node) = self.nodes.get_mut(&id) {
                        node.takers.remove(&cohort);
                    }
                    self.take_over_ended(id, cohort, outcome);
                    continue;
                }
            };
            let delay = self.directory_delay(cohort);
            self.schedule(delay, Happening::TakerAsked(id, cohort, attempt, Box::new(ask)));
        }
        let due = self.nodes.get(&id).and_then(|node| node.taker_due(cohort));
        self.timers.set(Actor::Taker(id, cohort), due);
    }

    pub(super) fn taker_asked(&mut self, id: NodeId, cohort: CohortId, attempt: u64, ask: TakerAsk) {
        let (after, input) = match ask {
            TakerAsk::Record(number, ask) => {
                let (after, answer) = self.directory_answers(id, cohort, ask);
                (after, Input::Answer(number, answer))
            }
            TakerAsk::Leases(number, _) if self.is_cut_off(id) || self.directory.loses_read() => {
                (DIRECTORY_MAX, Input::Leases(number, false))
            }
            TakerAsk::Leases(number, asked_at) => {
                let delay = self.directory_delay(cohort);
                let beats = self.heartbeats();
                let watched = Happening::TakerWatched(id, cohort, attempt, number, asked_at, beats);
                return self.schedule(delay, watched);
            }
            TakerAsk::ReadSnapshot(number) | TakerAsk::WriteBack { number, .. } if self.is_cut_off(id) => {
                (DIRECTORY_MAX, Input::Snapshot(number, SnapshotAnswer::Unknown))
            }
            TakerAsk::ReadSnapshot(number) => {
                let found = self.directory.snapshot(cohort).cloned().map(Box::new);
                let delay = self.directory_delay(cohort);
                (delay, Input::Snapshot(number, SnapshotAnswer::Read(found)))
            }
            TakerAsk::WriteBack { number, expected, fence, sessions } => {
                let answer = if self.directory.write_snapshot(cohort, Some(expected), fence, sessions) {
                    self.history.lock().push(Entry::Stored(cohort, fence));
                    SnapshotAnswer::Written
                } else {
                    SnapshotAnswer::Conflict
                };
                let delay = self.directory_delay(cohort);
                (delay, Input::Snapshot(number, answer))
            }
        };
        self.schedule(after, Happening::TakerAnswered(id, cohort, attempt, Box::new(input)));
    }

    fn take_over_ended(&mut self, id: NodeId, cohort: CohortId, outcome: Outcome) {
        self.note(|| format!("{id} ends its take-over of {cohort}: {outcome:.60?}"));
        match outcome {
            Outcome::Serve(held, sessions) => self.serve_taken_over(id, cohort, held, sessions),
            Outcome::NoSnapshot(held) => {
                self.count("ended without a snapshot");
                self.history.lock().push(Entry::NothingLeft(cohort));
                let delay = self.directory_delay(cohort);
                self.schedule(delay, Happening::Forgotten(cohort, held.revision));
            }
            Outcome::Elsewhere(_) => self.count("take-over: elsewhere"),
            Outcome::Unavailable => self.count("take-over: engine unavailable"),
            Outcome::Fenced => self.count("take-over: fenced"),
        }
    }

    fn serve_taken_over(
        &mut self,
        id: NodeId,
        cohort: CohortId,
        held: Versioned,
        sessions: Vec<SessionState>,
    ) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Some(state) = sessions.into_iter().next() else { return };
        let settings = node.settings.clone();
        let restored = Cohort::restore(held, state, settings, &node.env(now));
        let restored = restored.expect("what a node has stored can be read");
        // A baton that came meanwhile has been refused; what is left of that hands back what is not there.
        node.cohorts.insert(cohort, restored);
        self.count("taken over");
        self.after_node(id, cohort);
    }
}
