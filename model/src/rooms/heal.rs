//! Whether everybody is served again once nothing more goes wrong: everything under way is lost, leases are
//! renewed, and from then on what is asked is answered, what is sent arrives once, and what is gone is taken over.

use super::world::{Rules, World};
use super::{Action, ROOM, SESSIONS};
use crate::messages::digest;
use crate::possible::gives_up;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use sterna::protocol::cohort::{Cohort, Wake};
use sterna::protocol::snapshot::Durability;
use sterna::protocol::target;

/// Rounds of wake-ups that recovery may take.
const ROUNDS_MAX: usize = 60;
/// After so many of them leases that run out have been seen to, whatever else goes on.
const ROUNDS_OF_PATIENCE: usize = 10;
/// Steps within a round, before it counts as going round in circles.
const STEPS_MAX: usize = 400;

/// Remembers the states from which recovery is known to come about.
#[derive(Debug, Default)]
pub(super) struct Healer(Mutex<HashSet<u64>>);

impl Healer {
    /// Whether all sessions that are not gone for good are served again.
    pub(super) fn heals(&self, world: &World, rules: &Rules) -> bool {
        if world.is_well() {
            return true;
        }
        let mut run = world.clone();
        run.lose_all(rules);
        let (mut seen, mut rounds, mut patience) = (Vec::new(), Vec::new(), 0);
        for round in 0..ROUNDS_MAX {
            for _ in 0..STEPS_MAX {
                let state = digest(&run);
                if run.is_well() || self.0.lock().contains(&state) {
                    self.0.lock().extend(seen);
                    return true;
                }
                seen.push(state);
                if !run.step(rules) {
                    break;
                }
            }
            let state = digest(&run);
            patience = if rounds.contains(&state) { patience + 1 } else { 0 };
            rounds.push(state);
            // Who tries again and again counts its tries; time passes all the same.
            run.let_time_pass(patience.max(round / ROUNDS_OF_PATIENCE), rules);
        }
        false
    }
}

impl World {
    /// Every session is served by somebody. What nothing was stored of ends with its node.
    fn is_well(&self) -> bool {
        let all_dead = self.nodes.iter().all(|node| !node.alive);
        all_dead
            || SESSIONS.into_iter().all(|session| self.servers(session) > 0 || self.is_over(session.into()))
    }

    /// Whether a session has ended, or its room has: nothing was stored.
    fn is_over(&self, key: sterna::protocol::ids::CohortId) -> bool {
        let Some(entry) = self.store.record(key) else { return true };
        self.left.durability == Durability::None
            && entry.room == Some(ROOM)
            && self.store.record(ROOM).is_none()
    }

    fn lose_all(&mut self, rules: &Rules) {
        self.network = Arc::default();
        let durability = self.left.durability;
        self.left = super::Bounds { takers: u8::MAX, given_up: u8::MAX, durability, ..super::Bounds::CALM };
        for index in 0..self.nodes.len() {
            let asked: Vec<_> =
                self.nodes[index].questions.iter().map(|question| (question.cohort, question.who)).collect();
            for who in asked {
                let questions = &self.nodes[index].questions;
                let number = questions.iter().position(|question| (question.cohort, question.who) == who);
                if let Some(number) = number {
                    self.left.lost_answers = 1;
                    self.happen(&Action::LoseAnswer(index, number), rules);
                }
            }
        }
        self.store.change(|store| store.late.clear());
        self.left.lost_answers = 0;
    }

    fn let_time_pass(&mut self, patience: usize, rules: &Rules) {
        for index in 0..self.nodes.len() {
            let cohorts = self.nodes[index].cohorts.iter();
            let wakes: Vec<_> = cohorts
                .flat_map(|(key, cohort)| Cohort::wakes(cohort).into_iter().map(|wake| (*key, wake)))
                .collect();
            for (key, wake) in wakes {
                if patience > 0 || !is_deadline(wake) {
                    self.happen(&Action::Wake(index, key, wake), rules);
                }
            }
        }
        if patience > 1 {
            let mut actions = Vec::new();
            self.actions(rules, &mut actions);
            for action in actions {
                if let Action::SeeGone(..) | Action::BeginTakeOver(..) | Action::Release(..) = action {
                    self.happen(&action, rules);
                }
            }
        }
    }
}

fn is_deadline(wake: Wake) -> bool {
    gives_up(wake) || matches!(wake, Wake::Target(_, target::Wake::StopHandingBack))
}
