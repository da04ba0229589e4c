//! Rooms, and nodes that die.

use super::{at_play, everybody_is_in, in_room, in_room_kept};
use crate::protocol::snapshot::Durability;
use crate::protocol::tests::ms;
use crate::testing::Cluster;
use std::time::Duration;

const LAZY: Durability = Durability::Lazy(Duration::from_millis(500));

#[test]
fn a_room_goes_on_with_everybody_after_its_node_has_died() {
    for (seed, durability) in [(1, LAZY), (2, Durability::BeforeAck)] {
        let (mut cluster, players, room, [node, ..]) = in_room_kept(seed, 4, durability);
        cluster.run_for(ms(700));
        cluster.crash(node);
        cluster.run_until(|cluster| cluster.room_at(room).is_some());
        cluster.run_until(|cluster| players.iter().all(|player| cluster.is_connected(*player)));
        cluster.run_for(ms(1000));
        everybody_is_in(&cluster, &players, room);
        cluster.finish();
    }
}

#[test]
fn without_snapshots_a_room_dies_with_its_node_and_its_members_hear_so() {
    let (mut cluster, players, room, [node, ..]) = in_room(3, 3);
    cluster.crash(node);
    cluster.run_until(|cluster| players.iter().all(|player| cluster.room_of(*player).is_none()));
    cluster.run_for(ms(1000));
    assert_eq!(cluster.directory().record(room), None);
    for player in &players {
        assert_eq!(cluster.record(*player), None, "nothing of {player:?} is left behind");
    }
    cluster.finish();
}

/// Plays a joining or a leaving again and again, and crashes the node a little later each time.
fn crash_at_every_moment(durability: Durability, begin: impl Fn(&mut Cluster, usize)) {
    for moment in 0..10 {
        let (mut cluster, players, room, [node, ..]) = in_room_kept(100 + moment, 3, durability);
        let joiner = at_play(&mut cluster, node);
        cluster.run_for(ms(100));
        begin(&mut cluster, joiner.0);
        cluster.run_for(Duration::from_micros(1_600 * moment));
        cluster.crash(node);
        cluster.run_for(ms(30_000));
        let inside = |cluster: &Cluster, player| cluster.room_of(player) == Some(room);
        if durability == Durability::BeforeAck {
            assert!(inside(&cluster, players[0]) && inside(&cluster, players[1]), "moment {moment}");
        }
        cluster.finish();
    }
}

#[test]
fn whoever_joins_when_the_node_dies_is_in_one_place() {
    for durability in [Durability::None, LAZY, Durability::BeforeAck] {
        crash_at_every_moment(durability, |cluster, joiner| {
            let room = cluster.room_of(crate::testing::PlayerId(0)).expect("it is inside");
            cluster.join_room(crate::testing::PlayerId(joiner), room);
        });
    }
}

#[test]
fn whoever_leaves_when_the_node_dies_is_in_one_place() {
    for durability in [Durability::None, LAZY, Durability::BeforeAck] {
        crash_at_every_moment(durability, |cluster, joiner| {
            cluster.leave_room(crate::testing::PlayerId(joiner - 1));
        });
    }
}

#[test]
fn a_joining_that_lands_after_the_room_was_taken_over_leaves_nobody_behind() {
    for seed in 0..6 {
        let (mut cluster, players, room, [node, ..]) = in_room_kept(200 + seed, 3, Durability::BeforeAck);
        let joiner = at_play(&mut cluster, node);
        cluster.run_for(ms(300));
        // Its entry is written, and the answer lost, and it lands when the room has long gone on elsewhere.
        cluster.join_room(joiner, room);
        cluster.lose_cas_answer(crate::testing::Landing::Later(ms(40_000 + 500 * seed)));
        cluster.run_until(Cluster::faults_happened);
        cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("gets no answer to Cas")));
        cluster.crash(node);
        cluster.break_links(joiner);
        cluster.run_for(ms(60_000));
        assert!(cluster.is_connected(joiner), "it has its session");
        for player in &players {
            assert_eq!(cluster.room_of(*player), Some(room));
        }
        cluster.finish();
    }
}

#[test]
fn a_room_is_owned_by_one_node_although_its_own_comes_back() {
    for (seed, durability) in [(4, LAZY), (5, Durability::BeforeAck), (6, Durability::None)] {
        let (mut cluster, players, room, [node, ..]) = in_room_kept(seed, 3, durability);
        cluster.pause(node, ms(20_000), false);
        cluster.run_for(ms(25_000));
        assert!(cluster.room_at(room).is_some() || durability == Durability::None);
        let _ = players;
        cluster.finish();
    }
}

#[test]
fn a_room_goes_on_with_nothing_lost_after_the_engine_was_away() {
    let (mut cluster, players, room, [node, ..]) = in_room(7, 3);
    cluster.engine_down();
    cluster.run_for(ms(20_000));
    assert_eq!(cluster.room_at(room), None, "its lease has run out");
    cluster.engine_up();
    cluster.run_until(|cluster| cluster.room_at(room) == Some(node));
    cluster.run_for(ms(500));
    everybody_is_in(&cluster, &players, room);
    cluster.finish();
}
