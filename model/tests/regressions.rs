//! Counter-examples that a search has found, step by step: what went wrong once must not again.

use sterna_model::cluster::{Bounds, Cluster, Rules};
use sterna_model::possible::Action;

const BOUNDS: Bounds =
    Bounds { faults: 2, fences: 2, lost_answers: 1, moves: 1, takers: 2, targets: 2, ..Bounds::CALM };

/// Lets the first thing happen that is such, out of what may happen.
fn step(cluster: &mut Cluster, such: impl Fn(&Action) -> bool) {
    let mut actions = Vec::new();
    cluster.actions(&Rules::default(), &mut actions);
    let action = actions.iter().find(|action| such(action));
    let action = action.unwrap_or_else(|| panic!("not possible here; possible: {actions:?}"));
    cluster.happen(action, &Rules::default());
    assert!(cluster.servers() <= 1, "two servers after {action:?}");
}

/// Does all that a node asks of its stores, until it asks nothing more.
fn answer_all(cluster: &mut Cluster, node: usize) {
    while !cluster.nodes[node].questions.is_empty() {
        step(cluster, |action| match *action {
            Action::Process(index, _) | Action::Answer(index, _) => index == node,
            _ => false,
        });
    }
}

#[test]
fn an_answer_from_before_a_second_fence_does_not_end_it() {
    let mut cluster = Cluster::new(BOUNDS);
    step(&mut cluster, |action| *action == Action::RunOut(0));
    step(&mut cluster, |action| *action == Action::Fence(0));
    step(&mut cluster, |action| *action == Action::Renew(0));
    step(&mut cluster, |action| matches!(action, Action::Answer(0, _)));
    // The write that ends the fence is under way when the lease runs out once more.
    step(&mut cluster, |action| matches!(action, Action::Process(0, _)));
    step(&mut cluster, |action| *action == Action::RunOut(0));
    step(&mut cluster, |action| *action == Action::Fence(0));
    answer_all(&mut cluster, 0);
    // Another node finds the lease run out, and the record as that write has left it.
    step(&mut cluster, |action| *action == Action::BeginTakeOver(1));
    step(&mut cluster, |action| matches!(action, Action::Answer(1, _)));
    step(&mut cluster, |action| matches!(action, Action::Answer(1, _)));
    step(&mut cluster, |action| *action == Action::Renew(0));
    assert_eq!(cluster.servers(), 0, "the record has to be taken anew first");
    answer_all(&mut cluster, 1);
    answer_all(&mut cluster, 0);
    assert_eq!(cluster.servers(), 1);
    assert_eq!(cluster.nodes[1].serving(), 1);
}

fn arrives(cluster: &mut Cluster, name: &str) {
    let index = cluster.network.iter().position(|sent| sent.name == name).expect("it was sent");
    step(cluster, |action| *action == Action::Deliver(index));
}

/// Node 1 has passed the session on, and node 2 has not heard of it yet.
fn with_its_baton_out() -> Cluster {
    let mut cluster = Cluster::new(BOUNDS);
    step(&mut cluster, |action| *action == Action::Migrate(0));
    arrives(&mut cluster, "Prepare");
    answer_all(&mut cluster, 1);
    arrives(&mut cluster, "Prepared");
    step(&mut cluster, |action| *action == Action::Attach(1));
    arrives(&mut cluster, "Ready");
    answer_all(&mut cluster, 0);
    step(&mut cluster, |action| *action == Action::BatonLeaves(0));
    cluster
}

#[test]
fn a_recall_after_the_lease_is_back_ends() {
    use sterna_model::heal::Healer;

    let mut cluster = with_its_baton_out();
    // The source is fenced, and its lease is back, before it sees that the target is gone.
    step(&mut cluster, |action| *action == Action::RunOut(0));
    step(&mut cluster, |action| *action == Action::Crash(1));
    assert!(Healer::default().heals(&cluster, &Rules::default()), "the source goes on from its copy");
}

#[test]
fn a_target_that_has_given_up_handing_back_is_asked_again() {
    use sterna::protocol::cohort::Wake;
    use sterna::protocol::target;
    use sterna_model::heal::Healer;

    let mut cluster = with_its_baton_out();
    let wake = |wanted: target::Wake| move |action: &Action| matches!(action, Action::Wake(1, Wake::Target(_, wake)) if *wake == wanted);
    step(&mut cluster, wake(target::Wake::Expire));
    arrives(&mut cluster, "Refused");
    step(&mut cluster, wake(target::Wake::StopHandingBack));
    assert_eq!(cluster.servers(), 0);
    assert!(
        Healer::default().heals(&cluster, &Rules::default()),
        "the source repeats the baton, and gets its session back"
    );
}
