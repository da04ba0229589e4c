//! Joining, leaving, kicking, closing.

use super::{at_play, everybody_is_in, in_room, moves};
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::room::wire::{Comparison, Condition, RoomOptions, RoomRequest};
use crate::protocol::tests::{migrated, ms};
use crate::protocol::wire::{MoveMode, Uplink, Value};
use crate::testing::{Cluster, Lane, RoomSeen};

#[test]
fn who_makes_a_room_is_in_it_and_others_join() {
    let (mut cluster, players, room, [node, ..]) = in_room(1, 3);
    everybody_is_in(&cluster, &players, room);
    assert_eq!(cluster.room_at(room), Some(node));
    for player in &players {
        let record = cluster.record(*player).expect("it has a session").record;
        assert_eq!((record.room, record.binding.0), (Some(room), 1));
    }
    cluster.finish();
}

#[test]
fn who_leaves_plays_on_alone_and_may_join_again() {
    let (mut cluster, players, room, _) = in_room(2, 3);
    let request = cluster.leave_room(players[2]).expect("it is connected");
    cluster.run_until(|cluster| cluster.record(players[2]).is_some_and(|held| held.record.room.is_none()));
    cluster.run_for(ms(300));
    assert_eq!(cluster.room_answer(players[2], request), Some(Status::Ok));
    everybody_is_in(&cluster, &players[..2], room);
    assert_eq!(cluster.record(players[2]).expect("it lives").record.binding.0, 2);
    cluster.enter_room(players[2], room);
    everybody_is_in(&cluster, &players, room);
    cluster.finish();
}

#[test]
fn who_is_kicked_hears_so_and_plays_on_alone() {
    let (mut cluster, players, room, _) = in_room(3, 3);
    let member = cluster.member_of(players[1]).expect("it is inside");
    let refused = cluster.ask_room(players[2], RoomRequest::Kick { member }).expect("it is connected");
    let kicked = cluster.ask_room(players[0], RoomRequest::Kick { member }).expect("it is connected");
    cluster.run_until(|cluster| cluster.room_of(players[1]).is_none());
    cluster.run_for(ms(300));
    assert_eq!(cluster.room_answer(players[2], refused), Some(Status::NotRoomOwner));
    assert_eq!(cluster.room_answer(players[0], kicked), Some(Status::Ok));
    let told = |seen: &RoomSeen| matches!(seen, RoomSeen::Exited(it, Status::Kicked) if *it == room);
    assert_eq!(cluster.history().heard(players[1], told), 1);
    cluster.finish();
}

#[test]
fn who_is_kicked_while_it_wants_to_leave_is_answered_and_plays_on() {
    let (mut cluster, players, room, [source, ..]) = in_room(33, 3);
    let member = cluster.member_of(players[1]).expect("it is inside");
    // Neither can be done while the room waits for an answer of its target.
    cluster.drain(source);
    cluster.lose_next("Prepare");
    cluster.ask_room(players[0], RoomRequest::Migrate);
    cluster.run_until(Cluster::faults_happened);
    cluster.ask_room(players[0], RoomRequest::Kick { member });
    let left = cluster.leave_room(players[1]).expect("it is connected");
    cluster.run_until(|cluster| cluster.room_answer(players[1], left).is_some());
    cluster.run_for(ms(500));
    assert_eq!(cluster.room_of(players[1]), None);
    assert_eq!(cluster.room(room).map(crate::protocol::room::Room::len), Some(2));
    cluster.finish();
}

#[test]
fn a_room_that_is_closed_lets_everybody_go_and_is_no_more() {
    let (mut cluster, players, room, _) = in_room(4, 4);
    cluster.ask_room(players[0], RoomRequest::Close);
    cluster.run_until(|cluster| cluster.directory().record(room).is_none());
    cluster.run_for(ms(200));
    for player in &players {
        assert_eq!(cluster.room_of(*player), None);
        assert!(cluster.is_connected(*player));
    }
    let late = cluster.join_room(players[1], room).expect("it is connected");
    cluster.run_until(|cluster| cluster.room_answer(players[1], late).is_some());
    assert_eq!(cluster.room_answer(players[1], late), Some(Status::RoomUnknown));
    cluster.finish();
}

#[test]
fn the_last_one_to_leave_ends_the_room() {
    let (mut cluster, players, room, _) = in_room(5, 2);
    cluster.leave_room(players[0]);
    cluster.leave_room(players[1]);
    cluster.run_until(|cluster| cluster.directory().record(room).is_none());
    cluster.finish();
}

#[test]
fn who_joins_a_room_of_another_node_is_moved_there() {
    let (mut cluster, players, room, [node, other, _]) = in_room(6, 2);
    let joiner = at_play(&mut cluster, other);
    cluster.enter_room(joiner, room);
    everybody_is_in(&cluster, &[players, vec![joiner]].concat(), room);
    assert_eq!(cluster.room_at(room), Some(node));
    assert_eq!(migrated(&cluster, joiner), 1);
    cluster.finish();
}

#[test]
fn who_joins_a_full_room_is_refused_and_stays() {
    let (mut cluster, _, room, [node, ..]) = in_room(7, 8);
    let joiner = at_play(&mut cluster, node);
    let request = cluster.join_room(joiner, room).expect("it is connected");
    cluster.run_until(|cluster| cluster.room_answer(joiner, request).is_some());
    assert_eq!(cluster.room_answer(joiner, request), Some(Status::RoomFull));
    assert_eq!(cluster.room_of(joiner), None);
    cluster.finish();
}

#[test]
fn any_room_that_fits_is_found_wherever_it_is_or_made() {
    let (mut cluster, _, room, [_, other, _]) = in_room(8, 2);
    let finds = at_play(&mut cluster, other);
    cluster.join_any_room(finds, Vec::new());
    cluster.run_until(|cluster| cluster.room_of(finds).is_some());
    assert_eq!(cluster.room_of(finds), Some(room));
    let makes = at_play(&mut cluster, other);
    let never = Condition { key: "level".into(), comparison: Comparison::Equal, value: Value::Integer(9) };
    cluster.join_any_room(makes, vec![never]);
    cluster.run_until(|cluster| cluster.room_of(makes).is_some());
    assert_ne!(cluster.room_of(makes), Some(room));
    cluster.finish();
}

#[test]
fn a_room_that_cannot_be_made_is_refused_at_once() {
    let (mut cluster, _, _, [node, ..]) = in_room(9, 2);
    let player = at_play(&mut cluster, node);
    let options = RoomOptions { members_max: 1, ..RoomOptions::default() };
    let request = cluster.ask_room(player, RoomRequest::Create { options }).expect("it is connected");
    cluster.run_until(|cluster| cluster.room_answer(player, request).is_some());
    assert_eq!(cluster.room_answer(player, request), Some(Status::RoomOptionInvalid));
    cluster.finish();
}

#[test]
fn two_who_come_from_higher_epochs_raise_the_room_one_after_the_other() {
    let (mut cluster, players, room, [node, other, third]) = in_room(10, 2);
    cluster.fill_up(node);
    // They have moved to and fro, one more often than the other.
    let joiners = [1, 2, 3].map(|moves| {
        let joiner = at_play(&mut cluster, other);
        for step in 0..moves {
            let (from, to) = if step % 2 == 0 { (other, third) } else { (third, other) };
            cluster.drain(from);
            cluster.run_until(|cluster| cluster.served_by(joiner, to));
            cluster.online(from);
        }
        cluster.answers_offline(joiner, false);
        joiner
    });
    cluster.make_room(node);
    let before = cluster.epoch(players[0]);
    let highest = joiners.iter().map(|joiner| cluster.epoch(*joiner)).max().expect("three");
    assert!(highest > before);
    for joiner in &joiners {
        cluster.join_room(*joiner, room);
    }
    cluster.run_until(|cluster| joiners.iter().all(|joiner| cluster.room_of(*joiner) == Some(room)));
    cluster.run_for(ms(200));
    assert!(cluster.epoch(players[0]) > highest, "they move to the room's node, and it is not below them");
    everybody_is_in(&cluster, &[players.clone(), joiners.to_vec()].concat(), room);
    assert_eq!(moves(&cluster, players[0]), 0);
    cluster.finish();
}

#[test]
fn a_session_that_ends_inside_a_room_leaves_it() {
    let (mut cluster, players, room, _) = in_room(11, 3);
    let session = cluster.record(players[0]).expect("it lives");
    assert_eq!(session.record.room, Some(room));
    cluster.disconnect(players[0]);
    cluster.run_until(|cluster| cluster.record(players[0]).is_none());
    cluster.run_for(ms(200));
    everybody_is_in(&cluster, &players[1..], room);
    let told = |seen: &RoomSeen| matches!(seen, RoomSeen::Left(_, Status::MemberDisconnected));
    assert_eq!(cluster.history().heard(players[1], told), 1);
    assert_eq!(cluster.room(room).and_then(|room| room.owner()), cluster.member_of(players[1]));
    cluster.finish();
}

#[test]
fn a_member_may_not_move_alone() {
    let (mut cluster, players, room, [node, ..]) = in_room(12, 2);
    for player in &players {
        cluster.answers_offline(*player, false);
    }
    cluster.drain(node);
    cluster.run_for(ms(100));
    let told = |event: &Event| matches!(event, Event::Offline { in_room: true, .. });
    assert_eq!(cluster.history().told(players[1], told), 1);
    assert_eq!(cluster.send_migrate(players[1]), Err(Status::InRoom));
    // And if its client were of another mind:
    let mut asks = Vec::new();
    Uplink::Migrate { epoch: cluster.epoch(players[1]), mode: MoveMode::Seamless }.encode(&mut asks);
    cluster.inject(players[1], Lane::Control, asks);
    cluster.run_until(|cluster| cluster.trace().any(|line| line.ends_with("-> Client MoveFailed")));
    cluster.run_for(ms(500));
    assert_eq!(moves(&cluster, players[1]), 0);
    everybody_is_in(&cluster, &players, room);
    cluster.online(node);
    cluster.finish();
}
