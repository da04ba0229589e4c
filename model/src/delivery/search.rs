//! The search, its properties, and whether play goes on once nothing more goes wrong.

use super::{Action, Bounds, Play, Rules, Variant};
use crate::messages::digest;
use crate::possible::gives_up;
use parking_lot::Mutex;
use stateright::{Model, Property};
use std::collections::HashSet;
use sterna::protocol::client::Standing;
use sterna::protocol::cohort::Cohort;
use sterna::protocol::snapshot::Durability;

/// Rounds of time that recovery may take.
const ROUNDS_MAX: usize = 60;
/// Steps within a round, before it counts as going round in circles.
const STEPS_MAX: usize = 400;

/// The search's model.
#[derive(Debug)]
pub struct Delivery {
    bounds: Bounds,
    rules: Rules,
    complete: Mutex<HashSet<u64>>,
}

impl Delivery {
    /// Everything within these bounds, by the rules or without one of them.
    pub fn new(bounds: Bounds, variant: Option<Variant>) -> Self {
        Self { bounds, rules: Rules::new(variant), complete: Mutex::default() }
    }

    /// Lets everything arrive, faults be seen and time pass, until all that was sent has come back.
    fn completes(&self, play: &Play) -> bool {
        let mut run = play.clone();
        let (many, durability) = (u8::MAX, self.bounds.durability);
        run.left = Bounds { dials: many, wakes: many, takers: many, durability, ..Bounds::CALM };
        let mut seen = Vec::new();
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS_MAX {
            for _ in 0..STEPS_MAX {
                let state = digest(&run);
                if self.complete.lock().contains(&state) {
                    self.complete.lock().extend(seen);
                    return true;
                }
                seen.push(state);
                let Some(action) = run.deliveries().first().copied() else { break };
                run.happen(&action, &self.rules);
            }
            if run.judge.is_complete() && run.client.standing() == Standing::Connected {
                self.complete.lock().extend(seen);
                return true;
            }
            let state = digest(&run);
            let stuck = rounds.contains(&state);
            rounds.push(state);
            self.let_time_pass(&mut run, stuck);
        }
        false
    }

    fn let_time_pass(&self, run: &mut Play, stuck: bool) {
        for seen in run.faults_seen() {
            run.happen(&seen, &self.rules);
        }
        run.left.dials = u8::MAX;
        run.left.wakes = u8::MAX;
        run.left.takers = u8::MAX;
        run.happen(&Action::ClientTime, &self.rules);
        for node in 0..3 {
            run.happen(&Action::NodeTime(node), &self.rules);
            for wake in run.wakes(node, |wake| !gives_up(wake)) {
                run.happen(&wake, &self.rules);
            }
            if stuck {
                for wake in run.wakes(node, gives_up) {
                    run.happen(&wake, &self.rules);
                }
            }
        }
    }
}

impl Model for Delivery {
    type State = Play;
    type Action = Action;

    fn init_states(&self) -> Vec<Play> {
        vec![Play::new(self.bounds, &self.rules)]
    }

    fn actions(&self, state: &Play, actions: &mut Vec<Action>) {
        actions.extend(state.actions());
    }

    fn next_state(&self, state: &Play, action: Action) -> Option<Play> {
        let mut next = state.clone();
        next.happen(&action, &self.rules);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("the server's game gets each message once, in order", |_, state: &Play| {
                state.judge.server_in_order()
            }),
            Property::always("the client's game gets each message once, in order", |_, state: &Play| {
                state.judge.client_in_order()
            }),
            Property::always("the client accepts no older epoch after a newer", |_, state: &Play| {
                !state.judge.epoch_went_back
            }),
            Property::always("user data is what the game has stored", |_, state: &Play| {
                !state.judge.data_changed
            }),
            Property::always("nobody is taken for a peer that misbehaves", |_, state: &Play| {
                !state.judge.misbehaved
            }),
            Property::always("no session is given up", |_, state: &Play| !state.judge.given_up),
            Property::always(
                "nothing is restarted from a copy unless a node failed",
                |model: &Self, state: &Play| {
                    state.judge.restarts == 0
                        || (state.left.crashes, state.left.fences)
                            != (model.bounds.crashes, model.bounds.fences)
                },
            ),
            Property::always(
                "once nothing more goes wrong, nothing is lost",
                |model: &Self, state: &Play| model.completes(state),
            ),
            Property::always(
                "with snapshots before acknowledgement, nothing is gone or comes twice",
                |model: &Self, state: &Play| {
                    model.bounds.durability != Durability::BeforeAck || state.judge.is_strict()
                },
            ),
            Property::sometimes("moved, and all has come back", |_, state: &Play| {
                state.client.epoch().0 == 2
                    && state.store.held.record.owner.0 == 2
                    && state.judge.restarts == 0
                    && state.judge.sent > 0
                    && state.judge.is_complete()
            }),
            Property::sometimes("the client migrates", |_, state: &Play| {
                state.client.standing() == Standing::Migrating
            }),
            Property::sometimes("the client reconnects", |_, state: &Play| {
                state.client.standing() == Standing::Reconnecting
            }),
            Property::sometimes("a move fails, and the owner goes on at a later epoch", |_, state: &Play| {
                let record = state.store.held.record;
                record.owner.0 == 1 && record.epoch.0 == 3 && state.client.epoch().0 == 3
            }),
            Property::sometimes("a second target serves", |_, state: &Play| {
                state.store.held.record.owner.0 == 3
                    && state.store.snapshot.is_none()
                    && state.nodes[2].cohort.as_ref().is_some_and(Cohort::is_served)
            }),
            Property::sometimes("a node goes on after a fence", |_, state: &Play| {
                let record = state.store.held.record;
                record.owner.0 == 1 && record.epoch.0 == 2 && state.client.epoch().0 == 2
            }),
            Property::sometimes("the client is told of a restart", |_, state: &Play| {
                state.judge.restarts > 0
            }),
            Property::sometimes("something is reported as gone", |_, state: &Play| state.judge.has_lost()),
        ]
    }
}
