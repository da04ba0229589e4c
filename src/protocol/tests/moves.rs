//! Moves that nothing disturbs.

use super::{at_play, migrated, ms};
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::client::Standing;
use crate::protocol::ids::Epoch;
use crate::protocol::limits;
use crate::protocol::wire::{MoveMode, Value};
use crate::testing::{Cluster, Entry, ODD_FLOAT};
use std::time::Duration;

#[test]
fn a_session_connects_and_is_echoed() {
    let mut cluster = Cluster::new(1, 1);
    let [node] = cluster.nodes();
    let player = cluster.connect(node);
    cluster.send(player, 50, 100);
    cluster.finish();
    assert!(cluster.served_by(player, node));
    cluster.history().check();
}

#[test]
fn a_session_moves_under_traffic_and_loses_nothing() {
    let (mut cluster, player, [source, target, _]) = at_play(2);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.run_for(ms(300));
    assert_eq!(cluster.epoch(player), Epoch(2));
    assert_eq!(migrated(&cluster, player), 1);
    assert_eq!(cluster.links(player), 1, "the link to the source is closed");
    assert!(cluster.is_empty(source));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn requests_in_flight_across_the_move_are_answered_once() {
    let (mut cluster, player, [source, target, _]) = at_play(3);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.run_for(ms(300));
    cluster.finish();
    let history = cluster.history();
    let requests =
        history.entries().iter().filter(|entry| matches!(entry, crate::testing::Entry::Answered(..)));
    let requests = requests.count() as u64;
    assert!(requests > 10, "{requests}");
    history.every_request_answered(requests);
}

#[test]
fn user_data_is_the_same_to_the_bit_after_the_move() {
    let mut cluster = Cluster::new(4, 2);
    let [source, target] = cluster.nodes();
    let player = cluster.connect(source);
    cluster.store(player);
    cluster.run_until(Cluster::is_quiet);
    let before = cluster.data(source, player);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    let after = cluster.data(target, player);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    let Value::Float(float) = after["float"] else { panic!("not a float: {:?}", after["float"]) };
    assert_eq!(float.to_bits(), ODD_FLOAT);
    for key in ["integer", "text", "bytes", "pushed"] {
        assert_eq!(before[key], after[key], "{key}");
    }
}

#[test]
fn a_timer_survives_the_move_as_remaining_time() {
    let mut cluster = Cluster::new(5, 2);
    let [source, target] = cluster.nodes();
    let player = cluster.connect(source);
    cluster.push_after(player, Duration::from_secs(2));
    cluster.run_until(|cluster| cluster.data(source, player).contains_key("push_every_us"));
    let armed_at = cluster.now();
    cluster.run_for(ms(500));
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    let pushed = |cluster: &Cluster| cluster.data(target, player)["pushed"].clone();
    let before = pushed(&cluster);
    cluster.run_until(|cluster| pushed(cluster) != before);
    let waited = cluster.now().since(armed_at);
    assert!(waited >= Duration::from_secs(2) && waited < ms(2050), "{waited:?}");
}

#[test]
fn a_client_whose_game_does_not_update_is_moved_all_the_same() {
    let (mut cluster, player, [source, target, _]) = at_play(6);
    cluster.consumes(player, false);
    cluster.run_for(Duration::from_secs(20));
    cluster.drain(source);
    cluster.run_for(ms(100));
    cluster.send_migrate(player).unwrap();
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.run_for(ms(500));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn send_migrate_on_a_node_that_is_not_offline_changes_nothing() {
    let (mut cluster, player, [source, ..]) = at_play(7);
    assert_eq!(cluster.send_migrate(player), Err(Status::NotOffline));
    cluster.run_for(ms(500));
    assert!(cluster.served_by(player, source));
    assert_eq!(cluster.epoch(player), Epoch(1));
}

#[test]
fn send_migrate_twice_is_one_move() {
    let (mut cluster, player, [source, target, _]) = at_play(8);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Migrating);
    assert_eq!(cluster.send_migrate(player), Ok(()));
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.run_for(ms(300));
    assert_eq!(migrated(&cluster, player), 1);
    assert_eq!(cluster.epoch(player), Epoch(2));
    assert_eq!(cluster.send_migrate(player), Err(Status::NotOffline), "the target is online");
    cluster.finish();
}

#[test]
fn a_migrate_that_was_doubled_on_its_way_is_one_move() {
    let (mut cluster, player, [source, target, _]) = at_play(9);
    cluster.duplicate_next("Migrate");
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.finish();
    assert_eq!(migrated(&cluster, player), 1);
    cluster.history().check();
}

#[test]
fn a_stale_migrate_is_refused_as_stale() {
    let (mut cluster, player, [source, target, _]) = at_play(10);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.run_for(ms(300));
    let mut bytes = Vec::new();
    let mode = MoveMode::Seamless;
    crate::protocol::wire::Uplink::Migrate { epoch: Epoch(1), mode }.encode(&mut bytes);
    cluster.drain(target);
    cluster.answers_offline(player, false);
    cluster.inject(player, crate::testing::Lane::Control, bytes);
    cluster.run_for(ms(300));
    assert!(cluster.trace().any(|line| line.contains("MoveFailed")), "the client is told");
    cluster.finish();
}

#[test]
fn a_classic_move_breaks_the_link_and_loses_nothing() {
    let mut cluster = Cluster::new(11, 3);
    let [source, target, _] = cluster.nodes();
    let player = cluster.connect_as(source, MoveMode::Classic);
    cluster.play(player, ms(7));
    cluster.run_for(ms(200));
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.run_for(ms(300));
    assert_eq!(migrated(&cluster, player), 1);
    let noisy = cluster.history().told(player, |event| matches!(event, Event::Reconnecting { .. }));
    assert_eq!(noisy, 0, "the break is part of the move");
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_forced_move_asks_nobody_and_loses_nothing() {
    let (mut cluster, player, [source, target, _]) = at_play(12);
    cluster.answers_offline(player, false);
    cluster.drain(source);
    cluster.run_for(ms(200));
    assert!(cluster.served_by(player, source));
    cluster.force(source);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.run_for(ms(300));
    assert!(cluster.is_empty(source));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn force_overtakes_a_seamless_move_that_hangs() {
    let (mut cluster, player, [source, target, third]) = at_play(13);
    cluster.make_unreachable(player, third);
    cluster.lose_next("Ready");
    cluster.lose_next("Ready");
    cluster.lose_next("Ready");
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Migrating);
    cluster.run_for(ms(50));
    cluster.force(source);
    cluster.run_until(|cluster| cluster.served_by(player, target) || cluster.served_by(player, third));
    cluster.run_for(ms(300));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_forced_move_of_an_absent_client_waits_out_its_time_at_the_target() {
    let (mut cluster, player, [source, target, third]) = at_play(14);
    cluster.answers_offline(player, false);
    for node in [source, target, third] {
        cluster.make_unreachable(player, node);
    }
    cluster.break_links(player);
    cluster.run_for(ms(200));
    cluster.drain(source);
    cluster.force(source);
    cluster.run_until(|cluster| cluster.record(player).is_some_and(|found| found.record.served_by(target)));
    cluster.run_until(|cluster| cluster.is_empty(source));
    cluster.run_until(|cluster| cluster.record(player).is_none());
    assert!(cluster.is_empty(target), "its time is up");
    assert_eq!(cluster.standing(player), Standing::Idle);
}

#[test]
fn a_hundred_moves_of_one_session_lose_nothing() {
    let (mut cluster, player, nodes) = at_play(15);
    let mut at = 0;
    for _ in 0..100 {
        let epoch = cluster.epoch(player);
        cluster.drain(nodes[at]);
        cluster.run_until(|cluster| {
            cluster.epoch(player) > epoch && cluster.standing(player) == Standing::Connected
        });
        let next = nodes
            .iter()
            .position(|node| cluster.record(player).is_some_and(|found| found.record.owner == *node));
        cluster.run_until(|cluster| cluster.is_empty(nodes[at]));
        cluster.online(nodes[at]);
        at = next.unwrap();
    }
    cluster.run_for(ms(300));
    cluster.finish();
    assert_eq!(migrated(&cluster, player), 100);
    cluster.history().check();
}

#[test]
fn a_message_larger_than_the_credit_of_a_prepared_target_just_waits() {
    let (mut cluster, player, [source, target, _]) = at_play(16);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Migrating);
    for _ in 0..8 {
        cluster.send(player, 1, limits::MESSAGE_BYTES_MAX as usize);
        cluster.run_for(ms(5));
    }
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let (mut cluster, player, [source, target, _]) = at_play(17);
        cluster.drain(source);
        cluster.run_until(|cluster| cluster.served_by(player, target));
        cluster.run_for(ms(300));
        (cluster.trace().map(str::to_owned).collect::<Vec<_>>(), cluster.history().entries().to_vec())
    };
    assert_eq!(run(), run());
}

#[test]
fn a_move_adds_no_more_than_a_hop_between_nodes() {
    let (mut cluster, player, [source, target, _]) = at_play(18);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("Froze")));
    let froze_at = cluster.now();
    let served = |cluster: &Cluster| cluster.cohort(target, player).is_some_and(|cohort| cohort.is_served());
    cluster.run_until(served);
    let frozen = cluster.now().since(froze_at);
    let hop = cluster.delays.outbox_us.end + cluster.delays.peer_us.end;
    assert!(frozen.as_micros() <= u128::from(hop), "{frozen:?}: no answer of the engine lies in the gap");
}

#[test]
fn a_node_that_is_come_back_to_begins_anew() {
    let mut cluster = Cluster::new(19, 2);
    let [first, second] = cluster.nodes();
    let player = cluster.connect(first);
    cluster.play(player, ms(7));
    // A refused attempt keeps the second node's knowledge of the session alive for a ticket's life.
    for _ in 0..100 {
        cluster.lose_next("Ready");
    }
    cluster.drain(first);
    cluster.run_until(|cluster| !cluster.history().failures(player).is_empty());
    cluster.heal();
    assert_eq!(cluster.send_migrate(player), Ok(()));
    for (from, to) in [(first, second), (second, first), (first, second)] {
        cluster.online(to);
        cluster.drain(from);
        cluster.run_until(|cluster| cluster.served_by(player, to));
        cluster.run_for(ms(500));
    }
    cluster.finish();
    assert_eq!(migrated(&cluster, player), 3);
    cluster.history().check();
}

#[test]
fn a_move_costs_no_round_trip_of_the_client_in_either_direction() {
    let mut cluster = Cluster::new(20, 2);
    cluster.delays.link_us = 100_000..100_001;
    let [source, target] = cluster.nodes();
    let player = cluster.connect(source);
    cluster.play(player, ms(7));
    cluster.run_for(Duration::from_secs(1));
    cluster.drain(source);
    let ends_at = cluster.now() + Duration::from_secs(3);
    let is_uplink: fn(&Entry) -> bool = |entry| matches!(entry, Entry::Processed(..));
    let is_downlink: fn(&Entry) -> bool = |entry| matches!(entry, Entry::Received(..));
    let mut arrivals = [is_uplink, is_downlink].map(|is_one| (is_one, 0, cluster.now(), Duration::ZERO));
    cluster.run_until(|cluster| {
        for (is_one, seen, last_at, gap_max) in &mut arrivals {
            let count = cluster.history().entries().iter().filter(|entry| is_one(entry)).count();
            if count > *seen {
                *gap_max = cluster.now().since(*last_at).max(*gap_max);
                (*seen, *last_at) = (count, cluster.now());
            }
        }
        cluster.now() >= ends_at
    });
    assert_eq!(migrated(&cluster, player), 1);
    let gaps = arrivals.map(|(_, _, _, gap_max)| gap_max);
    assert!(gaps.iter().all(|gap| *gap < ms(25)), "{gaps:?} at a round trip of 200 ms");
    assert!(cluster.served_by(player, target));
}
