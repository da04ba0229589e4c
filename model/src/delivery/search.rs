//! The search, its properties, and whether play goes on once no link breaks any more.

use super::actions::is_giving_up;
use super::{Action, Bounds, Play, Variant};
use crate::messages::digest;
use parking_lot::Mutex;
use stateright::{Model, Property};
use std::collections::HashSet;
use sterna::protocol::client::Standing;

/// Rounds of time that recovery may take.
const ROUNDS_MAX: usize = 40;
/// Steps within a round, before it counts as going round in circles.
const STEPS_MAX: usize = 400;

/// The search's model.
#[derive(Debug)]
pub struct Delivery {
    bounds: Bounds,
    variant: Option<Variant>,
    complete: Mutex<HashSet<u64>>,
}

impl Delivery {
    /// Everything within these bounds, by the rules or without one of them.
    pub fn new(bounds: Bounds, variant: Option<Variant>) -> Self {
        Self { bounds, variant, complete: Mutex::default() }
    }

    /// Lets everything arrive, and time pass, until all that was sent has come back.
    fn completes(&self, play: &Play) -> bool {
        let mut run = play.clone();
        let mut seen = Vec::new();
        for _ in 0..ROUNDS_MAX {
            for _ in 0..STEPS_MAX {
                let Some(action) = run.deliveries().first().copied() else { break };
                run.happen(&action);
            }
            let state = digest(&run);
            if run.is_complete() && run.client.standing() == Standing::Connected
                || self.complete.lock().contains(&state)
            {
                self.complete.lock().extend(seen);
                return true;
            }
            let stuck = seen.contains(&state);
            seen.push(state);
            run.left.dials = u8::MAX;
            run.left.wakes = u8::MAX;
            run.happen(&Action::ClientTime);
            for node in 0..2 {
                run.happen(&Action::NodeTime(node));
                for wake in run.wakes(node, |wake| !is_giving_up(wake)) {
                    run.happen(&wake);
                }
                if stuck {
                    for wake in run.wakes(node, is_giving_up) {
                        run.happen(&wake);
                    }
                }
            }
        }
        false
    }
}

impl Model for Delivery {
    type State = Play;
    type Action = Action;

    fn init_states(&self) -> Vec<Play> {
        vec![Play::new(self.bounds, self.variant)]
    }

    fn actions(&self, state: &Play, actions: &mut Vec<Action>) {
        actions.extend(state.actions());
    }

    fn next_state(&self, state: &Play, action: Action) -> Option<Play> {
        let mut next = state.clone();
        next.happen(&action);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("the server's game gets each message once, in order", |_, state: &Play| {
                Play::in_order(&state.processed)
            }),
            Property::always("the client's game gets each message once, in order", |_, state: &Play| {
                Play::in_order(&state.received)
            }),
            Property::always("the client accepts no older epoch after a newer", |_, state: &Play| {
                !state.fence_went_back
            }),
            Property::always("nobody is taken for a peer that misbehaves", |_, state: &Play| {
                !state.misbehaved
            }),
            Property::always("no session is given up or restarted from a copy", |_, state: &Play| {
                !state.broken_off
            }),
            Property::always("once no link breaks, nothing is lost", |model: &Self, state: &Play| {
                model.completes(state)
            }),
            Property::sometimes("moved, and all has come back", |_, state: &Play| {
                state.client.epoch().0 == 2 && state.sent > 0 && state.is_complete()
            }),
            Property::sometimes("the client migrates", |_, state: &Play| {
                state.client.standing() == Standing::Migrating
            }),
            Property::sometimes("the client reconnects", |_, state: &Play| {
                state.client.standing() == Standing::Reconnecting
            }),
            Property::sometimes("a move fails, and the owner goes on at a later epoch", |_, state: &Play| {
                state.client.epoch().0 == 3
            }),
        ]
    }
}
