//! Rooms on the move.

use super::{at_play, comings_and_goings, everybody_is_in, in_room, in_room_kept, moves};
use crate::client::status::Status;
use crate::protocol::room::wire::RoomRequest;
use crate::protocol::snapshot::Durability;
use crate::protocol::tests::{migrated, ms};
use crate::protocol::wire::Value;
use crate::testing::{Cluster, TICK_EVERY, TICKS};

/// The owner of the room asks for its move, and hears how it ended.
fn move_room(cluster: &mut Cluster, owner: crate::testing::PlayerId) -> Option<Status> {
    let request = cluster.ask_room(owner, RoomRequest::Migrate)?;
    cluster.run_until(|cluster| cluster.room_answer(owner, request).is_some());
    cluster.room_answer(owner, request)
}

#[test]
fn a_room_moves_with_all_its_members_as_one() {
    let (mut cluster, players, room, [source, ..]) = in_room(1, 5);
    let before: Vec<usize> = players.iter().map(|player| comings_and_goings(&cluster, *player)).collect();
    cluster.drain(source);
    assert_eq!(move_room(&mut cluster, players[0]), Some(Status::Ok));
    cluster.run_for(ms(500));
    assert_ne!(cluster.room_at(room), Some(source));
    everybody_is_in(&cluster, &players, room);
    for (player, before) in players.iter().zip(before) {
        assert_eq!((migrated(&cluster, *player), moves(&cluster, *player)), (1, 1));
        assert_eq!(comings_and_goings(&cluster, *player), before, "{player:?}");
    }
    assert!(cluster.is_empty(source));
    cluster.finish();
}

#[test]
fn the_drain_moves_rooms_at_half_of_its_time() {
    let (mut cluster, players, room, [source, ..]) = in_room(2, 3);
    let at = cluster.now();
    cluster.drain_within(source, ms(8000));
    cluster.run_until(|cluster| cluster.room_at(room).is_some_and(|node| node != source));
    let waited = cluster.now().since(at);
    assert!(waited >= ms(4000) && waited < ms(4500), "{waited:?}");
    everybody_is_in(&cluster, &players, room);
    cluster.finish();
}

#[test]
fn a_straggler_comes_with_its_ticket_after_the_room_has_moved() {
    let (mut cluster, players, room, [source, target, third]) = in_room(3, 3);
    cluster.fill_up(third);
    cluster.make_unreachable(players[2], target);
    cluster.drain(source);
    let at = cluster.now();
    assert_eq!(move_room(&mut cluster, players[0]), Some(Status::Ok));
    let waited = cluster.now().since(at);
    assert!(waited >= ms(2000) && waited < ms(3000), "{waited:?}");
    assert_eq!(migrated(&cluster, players[2]), 0);
    cluster.make_reachable(players[2], target);
    cluster.run_until(|cluster| migrated(cluster, players[2]) == 1);
    everybody_is_in(&cluster, &players, room);
    cluster.finish();
}

#[test]
fn a_room_that_nobody_can_follow_stays_and_all_play_on() {
    let (mut cluster, players, room, [source, target, third]) = in_room(4, 3);
    for player in &players {
        cluster.make_unreachable(*player, target);
        cluster.make_unreachable(*player, third);
    }
    cluster.drain(source);
    assert_eq!(move_room(&mut cluster, players[0]), Some(Status::RoomMoveFailed));
    assert_eq!(cluster.room_at(room), Some(source));
    everybody_is_in(&cluster, &players, room);
    cluster.finish();
}

#[test]
fn a_room_whose_game_cannot_go_on_elsewhere_stays_and_all_play_on() {
    let (mut cluster, players, room, [source, target, third]) = in_room(23, 3);
    for node in [target, third] {
        cluster.teach_games(node, false);
    }
    cluster.drain(source);
    assert_eq!(move_room(&mut cluster, players[0]), Some(Status::RoomMoveFailed));
    assert_eq!(cluster.room_at(room), Some(source));
    everybody_is_in(&cluster, &players, room);
    for node in [target, third] {
        cluster.teach_games(node, true);
    }
    assert_eq!(move_room(&mut cluster, players[0]), Some(Status::Ok));
    assert_ne!(cluster.room_at(room), Some(source));
    everybody_is_in(&cluster, &players, room);
    cluster.finish();
}

#[test]
fn a_room_is_moved_on_its_owners_word_only_and_from_a_node_that_goes() {
    let (mut cluster, players, room, [source, ..]) = in_room(5, 3);
    assert_eq!(move_room(&mut cluster, players[0]), Some(Status::NotOffline));
    cluster.drain(source);
    assert_eq!(move_room(&mut cluster, players[1]), Some(Status::NotRoomOwner));
    assert_eq!(cluster.room_at(room), Some(source));
    cluster.online(source);
    cluster.finish();
}

#[test]
fn the_owners_request_is_answered_once_although_the_answer_crosses_the_move() {
    for (seed, frame) in [(60, "Baton"), (61, "BatonAck"), (62, "Ready"), (63, "Finalised"), (64, "Prepared")]
    {
        let (mut cluster, players, room, [source, ..]) = in_room(seed, 3);
        cluster.drain(source);
        cluster.lose_next(frame);
        let answer = move_room(&mut cluster, players[0]);
        assert_eq!(answer, Some(Status::Ok), "{frame}");
        everybody_is_in(&cluster, &players, room);
        cluster.finish();
    }
}

#[test]
fn an_owner_who_leaves_before_the_move_begins_is_answered_all_the_same() {
    let (mut cluster, players, room, [source, ..]) = in_room(7, 3);
    cluster.drain(source);
    let member = cluster.member_of(players[0]).expect("it is inside");
    let asked = cluster.ask_room(players[0], RoomRequest::Migrate).expect("it is connected");
    let left = cluster.leave_room(players[0]).expect("it is connected");
    cluster.run_until(|cluster| cluster.room_answer(players[0], left).is_some());
    cluster.run_until(|cluster| cluster.room_answer(players[0], asked).is_some());
    cluster.run_for(ms(3000));
    let owner = cluster.room(room).and_then(|room| room.owner());
    assert!(owner.is_some() && owner != Some(member), "another one is elected: {owner:?}");
    cluster.finish();
}

#[test]
fn who_joins_or_leaves_while_the_room_is_prepared_does_so_at_its_new_owner() {
    let (mut cluster, players, room, [source, target, third]) = in_room(8, 3);
    let joiner = at_play(&mut cluster, source);
    cluster.answers_offline(joiner, false);
    cluster.fill_up(third);
    // Everybody waits for this one.
    cluster.make_unreachable(players[1], target);
    cluster.drain(source);
    let asked = cluster.ask_room(players[0], RoomRequest::Migrate).expect("it is connected");
    cluster.run_for(ms(300));
    let join = cluster.join_room(joiner, room).expect("it is connected");
    let leave = cluster.leave_room(players[2]).expect("it is connected");
    cluster.run_for(ms(1000));
    assert_eq!(cluster.room_answer(joiner, join), None);
    assert_eq!(cluster.room_answer(players[2], leave), None);
    assert_eq!(cluster.room_at(room), Some(source));
    cluster.make_reachable(players[1], target);
    cluster.run_until(|cluster| cluster.room_answer(players[0], asked).is_some());
    cluster.run_until(|cluster| cluster.room_answer(joiner, join).is_some());
    cluster.run_until(|cluster| cluster.room_answer(players[2], leave).is_some());
    assert_eq!(cluster.room_answer(joiner, join), Some(Status::Ok));
    assert_eq!(cluster.room_at(room), Some(target));
    cluster.run_for(ms(500));
    everybody_is_in(&cluster, &[players[0], players[1], joiner], room);
    cluster.finish();
}

#[test]
fn a_joiner_follows_a_room_that_moves_away_meanwhile() {
    let (mut cluster, players, room, [source, target, third]) = in_room(9, 2);
    let joiner = at_play(&mut cluster, third);
    cluster.drain_within(source, ms(600));
    cluster.join_room(joiner, room);
    cluster.run_until(|cluster| cluster.room_of(joiner) == Some(room));
    assert!([Some(target), Some(third)].contains(&cluster.room_at(room)));
    everybody_is_in(&cluster, &[players, vec![joiner]].concat(), room);
    cluster.finish();
}

#[test]
fn a_joiner_whose_node_goes_and_a_room_whose_node_goes_meet_on_a_third() {
    let (mut cluster, players, room, [source, other, third]) = in_room(10, 2);
    let joiner = at_play(&mut cluster, other);
    cluster.answers_offline(joiner, false);
    cluster.drain_within(source, ms(2000));
    cluster.drain_within(other, ms(2000));
    cluster.join_room(joiner, room);
    cluster.run_until(|cluster| cluster.room_of(joiner) == Some(room));
    assert_eq!(cluster.room_at(room), Some(third));
    everybody_is_in(&cluster, &[players, vec![joiner]].concat(), room);
    cluster.finish();
}

#[test]
fn an_owner_who_dies_in_the_middle_is_missed_by_nobody() {
    let (mut cluster, players, room, [source, ..]) = in_room(11, 4);
    cluster.drain(source);
    cluster.ask_room(players[0], RoomRequest::Migrate);
    cluster.run_for(ms(30));
    cluster.vanish(players[0]);
    cluster.run_until(|cluster| cluster.room_at(room).is_some_and(|node| node != source));
    // Its session waits for it as long as sessions do.
    cluster.run_for(ms(70_000));
    everybody_is_in(&cluster, &players[1..], room);
    let owner = cluster.room(room).and_then(|room| room.owner());
    assert_eq!(owner, cluster.member_of(players[1]));
    cluster.finish();
}

#[test]
fn a_member_who_dies_in_the_middle_does_not_hold_the_others_up() {
    let (mut cluster, players, room, [source, ..]) = in_room(12, 4);
    cluster.drain(source);
    let asked = cluster.ask_room(players[0], RoomRequest::Migrate).expect("it is connected");
    cluster.run_for(ms(30));
    cluster.vanish(players[3]);
    let at = cluster.now();
    cluster.run_until(|cluster| cluster.room_answer(players[0], asked).is_some());
    assert_eq!(cluster.room_answer(players[0], asked), Some(Status::Ok));
    assert!(cluster.now().since(at) < ms(3000));
    cluster.run_for(ms(70_000));
    everybody_is_in(&cluster, &players[..3], room);
    cluster.finish();
}

#[test]
fn the_rooms_timer_rings_on_through_a_move() {
    let (mut cluster, players, room, [source, ..]) = in_room(13, 2);
    let ticks = |cluster: &Cluster| match cluster.room(room).and_then(|room| room.get(TICKS).cloned()) {
        Some(Value::Integer(ticks)) => ticks,
        _ => 0,
    };
    cluster.run_until(|cluster| ticks(cluster) == 1);
    let first = cluster.now();
    cluster.drain(source);
    cluster.run_for(ms(600));
    assert_eq!(move_room(&mut cluster, players[0]), Some(Status::Ok));
    cluster.run_until(|cluster| ticks(cluster) == 2);
    let late = cluster.now().since(first + TICK_EVERY);
    assert!(late < ms(100), "{late:?}");
    cluster.finish();
}

#[test]
fn a_large_room_is_copied_ahead_in_pieces_while_it_changes() {
    let (mut cluster, players, room, [source, ..]) = in_room(14, 3);
    for key in 0..10 {
        cluster.set_property(players[0], &format!("large {key}"), 60_000);
        cluster.run_for(ms(100));
    }
    cluster.drain(source);
    let asked = cluster.ask_room(players[0], RoomRequest::Migrate).expect("it is connected");
    for round in 0..20 {
        cluster.set_property(players[1], &format!("large {}", round % 10), 60_000);
        cluster.set_property(players[2], "small", 20);
        cluster.run_for(ms(3));
    }
    cluster.run_until(|cluster| cluster.room_answer(players[0], asked).is_some());
    assert_eq!(cluster.room_answer(players[0], asked), Some(Status::Ok));
    assert!(cluster.trace().filter(|line| line.ends_with(" AheadAck")).count() > 5);
    everybody_is_in(&cluster, &players, room);
    cluster.finish();
}

#[test]
fn a_piece_that_is_lost_costs_an_attempt_and_nothing_else() {
    let (mut cluster, players, room, [source, ..]) = in_room(15, 2);
    for key in 0..6 {
        cluster.set_property(players[0], &format!("large {key}"), 60_000);
        cluster.run_for(ms(100));
    }
    cluster.drain(source);
    cluster.lose_next("Ahead");
    assert_eq!(move_room(&mut cluster, players[0]), Some(Status::Ok));
    assert!(cluster.faults_happened());
    everybody_is_in(&cluster, &players, room);
    cluster.finish();
}

#[test]
fn a_room_whose_target_has_died_comes_back_with_everybody() {
    for durability in [Durability::None, Durability::BeforeAck] {
        let (mut cluster, players, room, [source, target, third]) = in_room_kept(16, 3, durability);
        cluster.fill_up(third);
        cluster.drain(source);
        cluster.ask_room(players[0], RoomRequest::Migrate);
        cluster.lose_next("Switch");
        cluster.run_until(|cluster| cluster.trace().any(|line| line.ends_with("-> 0000000000000002 Baton")));
        cluster.crash(target);
        cluster.run_until(|cluster| cluster.room_at(room) == Some(source));
        cluster.heal();
        cluster.run_until(|cluster| players.iter().all(|player| cluster.is_connected(*player)));
        cluster.run_for(ms(500));
        everybody_is_in(&cluster, &players, room);
        cluster.finish();
    }
}
