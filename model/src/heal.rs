//! Whether a session is served again once nothing more goes wrong: from a state that the search has come to,
//! everything under way is lost, and then nothing is lost any more. What has been asked is answered at once,
//! what is sent arrives once, times come in the order in which they come in production.

use crate::cluster::{Cluster, Rules};
use crate::messages::digest;
use crate::node::LeasePhase;
use crate::possible::{Action, gives_up};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use sterna::protocol::cohort::{Cohort, Wake};
use sterna::protocol::target;

/// Rounds of wake-ups that recovery may take.
const ROUNDS_MAX: usize = 60;
/// Steps within a round, before it counts as going round in circles.
const STEPS_MAX: usize = 400;

/// Remembers the states from which recovery is known to come about.
#[derive(Debug, Default)]
pub struct Healer(Mutex<HashSet<u64>>);

impl Healer {
    /// Whether the session is served again.
    pub fn heals(&self, cluster: &Cluster, rules: &Rules) -> bool {
        if cluster.servers() > 0 || cluster.nodes.iter().all(|node| !node.alive) {
            return true;
        }
        let mut run = Run { cluster: cluster.clone(), rules };
        run.lose_all();
        let mut seen = vec![digest(&run.cluster)];
        if self.0.lock().contains(&seen[0]) {
            return true;
        }
        let mut patience = Patience::None;
        for _ in 0..ROUNDS_MAX {
            run.settle();
            let state = digest(&run.cluster);
            if run.cluster.servers() > 0 || self.0.lock().contains(&state) {
                self.0.lock().extend(seen);
                return true;
            }
            patience = if seen.contains(&state) { patience.more() } else { Patience::None };
            seen.push(state);
            run.wake(patience);
        }
        false
    }
}

/// How much time has passed in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Patience {
    /// Only what is repeated is due.
    None,
    /// Whatever is waited for is given up.
    Deadlines,
    /// Leases of nodes that are gone have been seen to run out.
    Leases,
}

impl Patience {
    fn more(self) -> Self {
        match self {
            Self::None => Self::Deadlines,
            Self::Deadlines | Self::Leases => Self::Leases,
        }
    }
}

struct Run<'a> {
    cluster: Cluster,
    rules: &'a Rules,
}

impl Run<'_> {
    fn lose_all(&mut self) {
        self.cluster.network = Arc::default();
        self.cluster.store.change(|store| store.late.clear());
        self.cluster.left.faults = 0;
        self.cluster.left.moves = 0;
        self.cluster.left.forced = 0;
        self.cluster.left.probes = 0;
        self.cluster.left.takers = u8::MAX;
        for index in 0..self.cluster.nodes.len() {
            let asked: Vec<_> =
                self.cluster.nodes[index].questions.iter().map(|question| question.who).collect();
            for who in asked {
                // What is asked in answer is not lost any more.
                let number =
                    self.cluster.nodes[index].questions.iter().position(|question| question.who == who);
                if let Some(number) = number {
                    self.cluster.left.lost_answers = 1;
                    self.do_it(Action::LoseAnswer(index, number));
                }
            }
        }
        self.cluster.store.change(|store| store.late.clear());
        self.cluster.left.lost_answers = 0;
    }

    fn do_it(&mut self, action: Action) {
        self.cluster.happen(&action, self.rules);
    }

    /// Until nothing is under way any more.
    fn settle(&mut self) {
        for _ in 0..STEPS_MAX {
            let Some(action) = self.next() else { return };
            match action {
                Action::Deliver(index) => self.cluster.deliver_last(index, self.rules),
                action => self.do_it(action),
            }
        }
    }

    fn next(&self) -> Option<Action> {
        for (index, node) in self.cluster.nodes.iter().enumerate().filter(|(_, node)| node.alive) {
            match node.lease {
                LeasePhase::Holds | LeasePhase::Ignored => {}
                LeasePhase::RunOut => return Some(Action::Fence(index)),
                LeasePhase::Fenced => return Some(Action::Renew(index)),
            }
            if node.outbox.is_some() {
                return Some(Action::BatonLeaves(index));
            }
            if let Some(question) = node.questions.first() {
                return Some(match question.reply {
                    None => Action::Process(index, 0),
                    Some(_) => Action::Answer(index, 0),
                });
            }
            if node.cohort.as_ref().is_some_and(|cohort| cohort.admits().is_some()) && !node.linked {
                return Some(Action::Attach(index));
            }
        }
        (!self.cluster.network.is_empty()).then_some(Action::Deliver(0))
    }

    fn wake(&mut self, patience: Patience) {
        for index in 0..self.cluster.nodes.len() {
            let node = self.cluster.nodes[index].clone();
            if !node.alive {
                continue;
            }
            for wake in [&node.cohort, &node.kept].into_iter().flatten().flat_map(Cohort::wakes) {
                if patience > Patience::None || !is_deadline(wake) {
                    self.do_it(Action::Wake(index, wake));
                }
            }
        }
        if patience == Patience::Leases {
            let mut actions = Vec::new();
            self.cluster.actions(self.rules, &mut actions);
            let seen = |action: &Action| matches!(action, Action::SeeGone(_) | Action::BeginTakeOver(_));
            for action in actions.into_iter().filter(seen) {
                self.do_it(action);
            }
        }
    }
}

/// Whether something is given up at this time, and not merely repeated. Here that is the handing back, too: the
/// source has asked by then, or will not.
fn is_deadline(wake: Wake) -> bool {
    gives_up(wake) || matches!(wake, Wake::Target(_, target::Wake::StopHandingBack))
}
