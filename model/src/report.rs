//! What a search says: its figures, and the steps to what it has found.

use crate::cluster::Cluster;
use crate::ownership::Ownership;
use crate::possible::Action;
use stateright::{Checker, Expectation, Model, Path};
use std::fmt::Write as _;

/// One line of figures.
pub fn figures(name: &str, checker: &impl Checker<Ownership>, took: std::time::Duration) -> String {
    format!(
        "{name}: {} states, {} steps between them, depth {}, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        took.as_secs_f64(),
    )
}

/// The properties that do not hold: an `always` with a counter-example, a `sometimes` without an example.
pub fn broken(checker: &impl Checker<Ownership>) -> Vec<(&'static str, Option<Path<Cluster, Action>>)> {
    let mut found = checker.discoveries();
    checker
        .model()
        .properties()
        .into_iter()
        .filter_map(|property| match property.expectation {
            Expectation::Always | Expectation::Eventually => {
                found.remove(property.name).map(|path| (property.name, Some(path)))
            }
            Expectation::Sometimes => (!found.contains_key(property.name)).then_some((property.name, None)),
        })
        .collect()
}

/// The steps of a path, one line each.
pub fn steps(path: Path<Cluster, Action>) -> String {
    let mut out = String::new();
    let mut number = 0;
    for (state, action) in path.into_vec() {
        number += 1;
        let what = action.map_or("and here it is".into(), |action| describe(&state, &action));
        let record = state.store.held.record;
        let serving: Vec<_> =
            state.nodes.iter().filter(|node| node.serving() > 0).map(|node| node.id.0).collect();
        let _ = writeln!(
            out,
            "{number:>4}. [record: {}, epoch {}, {:?}; served by {serving:?}] {what}",
            record.owner.0, record.epoch, record.phase
        );
    }
    out
}

fn describe(state: &Cluster, action: &Action) -> String {
    let question = |index: usize, number: usize| {
        let question = &state.nodes[index].questions[number];
        format!(
            "node {} ({:?}): {:?}",
            index + 1,
            question.who,
            question
                .reply
                .as_ref()
                .map_or_else(|| format!("{:?}", question.request), |reply| format!("{reply:?}"),)
        )
    };
    match *action {
        Action::Deliver(index) => {
            let envelope = &state.network[index];
            format!("{} arrives at node {} from {}", envelope.name, envelope.to.0, envelope.from.0)
        }
        Action::Process(index, number) => format!("the store is asked by {}", question(index, number)),
        Action::Answer(index, number) => format!("the store has answered {}", question(index, number)),
        Action::LoseAnswer(index, number) => format!("no answer comes to {}", question(index, number)),
        Action::Land(index) => format!("late, this lands: {:?}", state.store.late[index]),
        Action::BatonLeaves(index) => format!("the baton leaves node {}", index + 1),
        Action::Migrate(index) => format!("the client asks node {} to be moved", index + 1),
        Action::Force(index) => format!("node {} moves it without asking", index + 1),
        Action::Attach(index) => format!("the client attaches to node {}", index + 1),
        Action::Probe(index) => format!("node {} looks whether it could be moved", index + 1),
        Action::CanAttach(index) => format!("the client tells node {} that it could", index + 1),
        Action::Wake(index, wake) => format!("at node {} it is time for {wake:?}", index + 1),
        Action::SeeGone(index) => format!("node {} sees the other node's lease run out", index + 1),
        Action::BeginTakeOver(index) => format!("node {} begins to take over", index + 1),
        Action::Crash(index) => format!("node {} crashes", index + 1),
        Action::RunOut(index) => format!("the lease of node {} runs out", index + 1),
        Action::Fence(index) => format!("node {} notices, and is fenced", index + 1),
        Action::Renew(index) => format!("node {} has renewed its lease", index + 1),
    }
}
