//! A room moves as one: by its owner's wish, by the drain, many times, with many members.

use super::{Chorus, RoomEvent, Status, club, options, room_on, room_with};
use crate::moves::{begin_drain, drained};
use crate::player::Player;
use crate::{cluster, cluster_with};
use std::time::Duration;
use sterna::client::Config;
use sterna::client::event::Event;
use sterna::protocol::ids::Epoch;
use sterna::protocol::reasons::OfflineReason;
use sterna::protocol::room::wire::{RoomOptions, RoomRequest};
use sterna::protocol::wire::MoveMode;

const MOVES: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_room_moves_as_one_under_traffic() {
    let cluster = cluster(3).await;
    let (room, mut players) = room_on(&cluster, "node-1", 4).await;
    cluster.begin_drain("node-1", Duration::from_secs(4), OfflineReason::ScaleIn).expect("it was online");
    for player in &mut players {
        player.until_offline().await;
        assert_eq!(player.client.send_migrate(), Err(Status::InRoom));
    }
    let mut chorus = Chorus::of(players);
    // They talk until the room has moved, which it does at half of the drain's time, and once more.
    chorus.until_moved(1).await;
    chorus.round().await;
    chorus.check().await;
    let migrated = Event::Room(RoomEvent::Migrated { room, epoch: Epoch(2) });
    for heard in &chorus.heard {
        let told = &heard.told;
        assert_eq!(told.iter().filter(|event| **event == migrated).count(), 1, "{told:?}");
        assert_eq!(told.iter().find(|event| matches!(event, Event::Reconnecting { .. })), None);
    }
    assert_ne!(chorus.node(), "node-1");
    assert_eq!(drained(&cluster, "node-1").await.closed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_moves_the_room_and_is_answered_when_it_is_over() {
    let cluster = cluster(2).await;
    let (room, mut players) = room_on(&cluster, "node-1", 3).await;
    let (status, _) = players[1].ask_room(&RoomRequest::Migrate).await;
    assert_eq!(status, Status::NotRoomOwner);
    let (status, _) = players[0].ask_room(&RoomRequest::Migrate).await;
    assert_eq!(status, Status::NotOffline);
    begin_drain(&cluster, "node-1");
    players[0].until_offline().await;
    assert_eq!(players[0].ask_room(&RoomRequest::Migrate).await, (Status::Ok, Some(room)));
    for player in &mut players {
        player.until_migrated_times(1).await;
        assert_eq!(player.node, "node-2");
    }
    assert_eq!(drained(&cluster, "node-1").await.closed, 0);
}

/// There and back, while all talk.
async fn moves_many_times(chorus: &mut Chorus, moves: usize) {
    for moved in 1..=moves {
        let before = chorus.node().to_owned();
        chorus.migrates().await;
        chorus.until_moved(moved).await;
        assert_ne!(chorus.node(), before, "move {moved}");
    }
    chorus.round().await;
    chorus.check().await;
    for player in &chorus.players {
        let stats = player.client.stats();
        let moves = moves as u64;
        assert_eq!((stats.moves, stats.reconnects, stats.epoch), (moves, 0, moves + 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_moves_a_hundred_times_under_traffic() {
    let cluster = cluster_with(2, |config| config.migrate_when_online = true).await;
    let (_, players) = room_on(&cluster, "node-1", 4).await;
    moves_many_times(&mut Chorus::of(players), MOVES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_of_fifty_moves_there_and_back() {
    let cluster = cluster_with(2, |config| config.migrate_when_online = true).await;
    let options = RoomOptions { members_max: 50, ..options() };
    let (_, players) = room_with(&cluster, "node-1", 50, options).await;
    moves_many_times(&mut Chorus::of(players), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_goes_on_from_node_to_node_as_they_are_drained() {
    let cluster = cluster(2).await;
    let (_, players) = room_on(&cluster, "node-1", 4).await;
    let mut chorus = Chorus::of(players);
    for moves in 1..=6 {
        let name = chorus.node().to_owned();
        begin_drain(&cluster, &name);
        chorus.players[0].until_keeping(|event| matches!(event, Event::Offline { .. })).await;
        chorus.talk();
        chorus.migrates().await;
        chorus.until_moved(moves).await;
        assert_eq!(drained(&cluster, &name).await.closed, 0);
        cluster.restart(&name).await.unwrap();
    }
    chorus.check().await;
}

/// Who breaks before it makes comes a moment later than the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_may_choose_to_break_before_it_makes() {
    let cluster = club(2, |config| config.migrate_when_online = true).await;
    for transport in crate::BOTH {
        let (room, mut players) = room_on(&cluster, "node-1", 3).await;
        let config = Config { transport, move_mode: MoveMode::Classic, ..Config::default() };
        let token = crate::token_for(&cluster, &format!("classic-{transport:?}"), "node-1");
        let mut classic = Player::join(config, &token).await;
        classic.joins(room).await;
        for player in &mut players {
            player.until(|event| matches!(event, Event::Room(RoomEvent::MemberJoined { .. }))).await;
        }
        players.push(classic);
        let mut chorus = Chorus::of(players);
        for moves in 1..=2 {
            chorus.migrates().await;
            chorus.until_moved(moves).await;
        }
        chorus.check().await;
        let Chorus { players, .. } = chorus;
        assert!(players.iter().all(|player| player.client.stats().reconnects == 0));
        for mut player in players {
            player.client.disconnect().unwrap();
            player.until_disconnected().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_left_its_room_moves_alone() {
    let cluster = cluster(2).await;
    let (_, mut players) = room_on(&cluster, "node-1", 2).await;
    players[1].leaves().await;
    begin_drain(&cluster, "node-1");
    players[1].until_offline().await;
    players[1].say(10);
    players[1].client.send_migrate().unwrap();
    players[1].until_migrated_times(1).await;
    players[1].say(10);
    players[1].hear_all().await;
    assert_eq!(players[0].node, "node-1");
    assert_eq!(players[0].ask_room(&RoomRequest::Migrate).await.0, Status::Ok);
    assert_eq!(drained(&cluster, "node-1").await.closed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_another_node_the_room_plays_on_where_it_is() {
    let cluster = cluster(2).await;
    let (_, players) = room_on(&cluster, "node-1", 3).await;
    let mut chorus = Chorus::of(players);
    assert!(crate::node(&cluster, "node-2").cordon(true).await);
    begin_drain(&cluster, "node-1");
    chorus.players[0].until_keeping(|event| matches!(event, Event::Offline { .. })).await;
    chorus.talk();
    let migrate = chorus.players[0].begin_to_ask(&RoomRequest::Migrate);
    assert_eq!(chorus.until_result(0, migrate).await, Status::RoomMoveFailed);
    chorus.round().await;
    assert_eq!(chorus.node(), "node-1");
    assert!(crate::node(&cluster, "node-2").cordon(false).await);
    chorus.migrates().await;
    chorus.until_moved(1).await;
    chorus.check().await;
    assert_eq!(drained(&cluster, "node-1").await.closed, 0);
}
