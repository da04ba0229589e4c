//! Crashes: what a session goes on from, what that costs, and that everybody is told (promise 7).

use super::ms;
use crate::client::event::Event;
use crate::protocol::client::Standing;
use crate::protocol::ids::{CohortId, Fence, NodeId};
use crate::protocol::limits;
use crate::protocol::session::Settings;
use crate::protocol::snapshot::Durability;
use crate::testing::{Cluster, Entry, Landing, PlayerId};
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(2);

/// Three nodes, and one player at play on the first.
fn at_play(seed: u64, durability: Durability) -> (Cluster, PlayerId, [NodeId; 3]) {
    let settings = Settings { durability, ..Cluster::default_settings() };
    let mut cluster = Cluster::with_settings(seed, 3, settings);
    let nodes = cluster.nodes();
    let player = cluster.connect(nodes[0]);
    cluster.play(player, ms(7));
    cluster.run_for(ms(700));
    (cluster, player, nodes)
}

/// Lets the player notice that its node is gone, and find its session again.
fn found_again(cluster: &mut Cluster, player: PlayerId) {
    cluster.run_until(|cluster| cluster.standing(player) != Standing::Connected);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Connected);
}

/// The range of uplink that the player was told is gone.
fn told_lost(cluster: &Cluster, player: PlayerId) -> Vec<(u64, u64)> {
    let told = |entry: &Entry| match entry {
        Entry::Told(who, Event::TookOver { lost_from, lost_to, .. }) if *who == player => {
            Some((*lost_from, *lost_to))
        }
        _ => None,
    };
    cluster.history().entries().iter().filter_map(told).collect()
}

/// The numbers that the application has processed since the player was told of a restart, and those that the
/// player has received since.
fn since_restart(cluster: &Cluster, player: PlayerId) -> (Vec<u64>, Vec<u64>) {
    let history = cluster.history();
    let told = |entry: &Entry| matches!(entry, Entry::Told(who, Event::TookOver { .. }) if *who == player);
    let at = history.entries().iter().rposition(told).expect("the player was told");
    let (mut processed, mut received) = (Vec::new(), Vec::new());
    for entry in &history.entries()[at..] {
        match entry {
            Entry::Processed(who, .., number) if *who == player => processed.push(*number),
            Entry::Received(who, .., number) if *who == player => received.push(*number),
            _ => {}
        }
    }
    (processed, received)
}

fn in_a_row(numbers: &[u64]) -> bool {
    numbers.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

#[test]
fn after_a_crash_the_session_goes_on_elsewhere_from_its_last_snapshot() {
    let (mut cluster, player, [first, ..]) = at_play(300, Durability::Lazy(EVERY));
    cluster.run_for(EVERY + ms(300));
    let crashed_at = cluster.now();
    cluster.crash(first);
    found_again(&mut cluster, player);
    assert!(cluster.now().since(crashed_at) >= limits::TAKE_OVER, "not before the lease has run out");
    cluster.run_for(ms(500));
    let lost = told_lost(&cluster, player);
    let [(from, to)] = lost[..] else { panic!("told once: {lost:?}") };
    assert!(from < to, "what came after the last snapshot is gone, and named: {from}..{to}");
    let (processed, _) = since_restart(&cluster, player);
    assert_eq!(processed.first(), Some(&to), "it goes on right behind what was named");
    assert!(in_a_row(&processed));
    cluster.history().one_owner();
    cluster.history().no_faults();
}

#[test]
fn stored_before_it_is_acknowledged_nothing_is_lost_by_a_crash() {
    for seed in 310..330 {
        let (mut cluster, player, _) = at_play(seed, Durability::BeforeAck);
        for _ in 0..2 {
            let owner = cluster.record(player).expect("it is served").record.owner;
            cluster.crash(owner);
            found_again(&mut cluster, player);
            cluster.run_for(ms(300));
        }
        assert!(told_lost(&cluster, player).iter().all(|(from, to)| from == to), "seed {seed}");
        cluster.run_for(ms(300));
        let history = cluster.history();
        history.one_owner();
        history.no_faults();
        // What the client received is complete and in order, across both crashes.
        let received: Vec<u64> = history
            .entries()
            .iter()
            .filter_map(|entry| match entry {
                Entry::Received(.., number) => Some(*number),
                _ => None,
            })
            .collect();
        assert_eq!(received[0], 0, "seed {seed}");
        assert!(in_a_row(&received), "seed {seed}");
    }
}

#[test]
fn without_snapshots_a_crash_ends_the_session_and_says_so() {
    let (mut cluster, player, [first, ..]) = at_play(340, Durability::None);
    cluster.crash(first);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Idle);
    let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
    assert_eq!(cluster.history().told(player, ended), 1);
    assert_eq!(cluster.record(player), None, "its record is gone, too");
}

#[test]
fn a_source_that_dies_before_its_claim_is_followed_by_its_prepared_target() {
    for (seed, frame) in (350..).zip(["Prepared", "Attached"]) {
        let (mut cluster, player, [source, ..]) = at_play(seed, Durability::BeforeAck);
        cluster.drain(source);
        cluster.run_until(|cluster| cluster.trace().any(|line| line.contains(frame)));
        cluster.crash(source);
        found_again(&mut cluster, player);
        cluster.run_for(ms(500));
        assert!(told_lost(&cluster, player).iter().all(|(from, to)| from == to), "{frame}");
        cluster.history().one_owner();
        cluster.history().no_faults();
    }
}

#[test]
fn a_source_that_dies_with_its_baton_leaves_the_cohort_to_its_target() {
    let (mut cluster, player, [source, target, _]) = at_play(360, Durability::BeforeAck);
    cluster.drain(source);
    cluster.lose_next("Baton");
    cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("Froze")));
    cluster.cut(source, target);
    cluster.cut_from_engine(target); // it cannot hand back before the source is gone
    cluster.run_for(ms(50));
    cluster.crash(source);
    cluster.run_for(ms(2000));
    cluster.heal();
    found_again(&mut cluster, player);
    cluster.run_for(ms(500));
    assert!(told_lost(&cluster, player).iter().all(|(from, to)| from == to));
    cluster.history().one_owner();
    cluster.history().no_faults();
}

#[test]
fn a_recall_goes_on_from_what_the_target_had_stored() {
    for seed in 370..380 {
        let (mut cluster, player, [source, target, third]) = at_play(seed, Durability::BeforeAck);
        cluster.drain(third);
        cluster.drain(source);
        cluster.run_until(|cluster| {
            cluster.standing(player) == Standing::Connected && cluster.epoch(player).0 == 2
        });
        // The target has stored, released and served; its record is not final when it dies.
        let handing = cluster.record(player).is_some_and(|found| !found.record.served_by(target));
        cluster.crash(target);
        found_again(&mut cluster, player);
        assert!(cluster.epoch(player).0 > 2);
        cluster.run_for(ms(500));
        assert!(told_lost(&cluster, player).iter().all(|(from, to)| from == to), "seed {seed}, {handing}");
        let (processed, received) = since_restart(&cluster, player);
        assert!(in_a_row(&processed) && in_a_row(&received), "seed {seed}");
        cluster.history().one_owner();
        cluster.history().no_faults();
    }
}

#[test]
fn while_the_store_has_no_room_nothing_is_lost_and_nobody_asks_much() {
    let (mut cluster, player, [first, ..]) = at_play(430, Durability::BeforeAck);
    let questions = |cluster: &Cluster| cluster.directory().snapshot_questions;
    cluster.set_store_busy(true);
    let before = questions(&cluster);
    cluster.run_for(Duration::from_secs(10));
    let asked = questions(&cluster) - before;
    assert!((6..=20).contains(&asked), "about once in a second, and not a look besides: {asked}");
    cluster.set_store_busy(false);
    cluster.run_for(Duration::from_secs(2));
    assert_eq!((cluster.standing(player), cluster.epoch(player).0), (Standing::Connected, 1));

    // Whoever takes over does not crowd it either.
    cluster.crash(first);
    cluster.set_store_busy(true);
    cluster.run_until(|cluster| {
        cluster.epoch(player).0 > 1 || cluster.record(player).is_some_and(|found| found.record.owner != first)
    });
    cluster.run_for(ms(500)); // it has read what is stored
    let before = questions(&cluster);
    cluster.run_for(Duration::from_secs(10));
    let asked = questions(&cluster) - before;
    assert!((6..=20).contains(&asked), "{asked}");
    cluster.set_store_busy(false);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Connected);
    cluster.run_for(ms(500));
    assert!(told_lost(&cluster, player).iter().all(|(from, to)| from == to));
    cluster.history().one_owner();
    cluster.history().no_faults();
}

#[test]
fn who_has_no_heartbeat_any_more_is_followed_like_who_has_an_old_one() {
    // At once, and when the others have already seen it stand still for a while.
    for (seed, after) in (420..).zip([Duration::ZERO, limits::TAKE_OVER / 2]) {
        let (mut cluster, player, [first, ..]) = at_play(seed, Durability::BeforeAck);
        cluster.crash(first);
        cluster.run_for(after);
        let forgotten_at = cluster.now();
        assert!(cluster.forget_heartbeats());
        found_again(&mut cluster, player);
        assert!(cluster.now().since(forgotten_at) >= limits::TAKE_OVER, "that it is missing counts from now");
        cluster.run_for(ms(500));
        assert!(told_lost(&cluster, player).iter().all(|(from, to)| from == to), "{after:?}");
        cluster.history().one_owner();
        cluster.history().no_faults();
    }
}

#[test]
fn a_write_that_comes_late_does_not_replace_what_was_taken_over() {
    let (mut cluster, player, [first, ..]) = at_play(390, Durability::Lazy(ms(200)));
    let cohort = CohortId::from(cluster.cohort(first, player).expect("served there").session().id());
    cluster.crash(first);
    found_again(&mut cluster, player);
    let fence = |cluster: &Cluster| {
        cluster.directory().snapshot(cohort).map_or(Fence::default(), |stored| stored.snapshot.fence)
    };
    assert_eq!(Some(fence(&cluster)), cluster.record(player).map(|found| found.record.fence()));
}

#[test]
fn a_claim_of_a_taker_whose_answer_is_lost_counts_as_it_landed() {
    for (seed, landing) in (400..).zip([Landing::Landed, Landing::Never, Landing::Later(ms(700))]) {
        let (mut cluster, player, [first, ..]) = at_play(seed, Durability::BeforeAck);
        cluster.crash(first);
        cluster.lose_cas_answer(landing);
        found_again(&mut cluster, player);
        cluster.run_for(ms(500));
        assert!(told_lost(&cluster, player).iter().all(|(from, to)| from == to), "{landing:?}");
        cluster.history().one_owner();
        cluster.history().no_faults();
    }
}

#[test]
fn two_restarts_from_the_same_snapshot_are_told_each() {
    let (mut cluster, player, [first, ..]) = at_play(411, Durability::Lazy(EVERY));
    cluster.crash(first);
    cluster.run_until(|cluster| cluster.reported("TookOver"));
    // The second owner dies before what it serves is stored: the third goes on from the same bytes.
    let second = cluster.record(player).expect("it is served").record.owner;
    cluster.cut_from_engine(second);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Connected);
    cluster.run_for(ms(300));
    assert_eq!(told_lost(&cluster, player).len(), 1);
    cluster.crash(second);
    cluster.heal();
    found_again(&mut cluster, player);
    assert_eq!(told_lost(&cluster, player).len(), 2);
    cluster.finish();
}

#[test]
fn a_session_that_ends_on_its_way_ends_also_where_arrivals_are_stored() {
    for durability in [Durability::Lazy(EVERY), Durability::BeforeAck] {
        let (mut cluster, player, [source, target, _]) = at_play(410, durability);
        cluster.drain(source);
        cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("Froze")));
        cluster.disconnect(player);
        cluster.run_until(|cluster| cluster.is_empty(source) && cluster.is_empty(target));
        cluster.run_until(|cluster| cluster.record(player).is_none());
    }
}

/// Nodes come and go while a session lasts: those of its token may all be gone when the last one dies.
#[test]
fn a_client_finds_nodes_that_its_token_never_named() {
    let settings = Settings { durability: Durability::BeforeAck, ..Cluster::default_settings() };
    let mut cluster = Cluster::with_settings(390, 2, settings);
    let [first, second] = cluster.nodes();
    let player = cluster.connect_knowing_nobody_else(first);
    cluster.play(player, ms(7));
    cluster.run_for(ms(300));
    cluster.drain(first);
    cluster.run_until(|cluster| cluster.served_by(player, second));
    cluster.run_until(|cluster| cluster.is_empty(first));
    assert!(cluster.stop_if_empty(first));
    // It joins when the session is where it stays until the crash.
    let third = cluster.start_node();
    cluster.run_for(ms(500));
    cluster.crash(second);
    found_again(&mut cluster, player);
    cluster.run_for(ms(500));
    assert!(cluster.served_by(player, third));
    assert!(told_lost(&cluster, player).iter().all(|(from, to)| from == to));
    cluster.history().one_owner();
    cluster.history().no_faults();
}
