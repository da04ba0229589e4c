//! Rooms of a node that is drained, when nobody asks for anything.

use super::{Chorus, RoomEvent, Status, options, room_on, room_with};
use crate::cluster;
use crate::moves::drained;
use crate::player::{Player, quick};
use crate::proxy::cluster_behind_proxies;
use crate::{BOTH, node};
use std::time::Duration;
use sterna::client::State;
use sterna::client::event::Event;
use sterna::protocol::reasons::OfflineReason;
use sterna::protocol::room::wire::{RoomOptions, RoomRequest};
use sterna::protocol::wire::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_nobody_moves_is_moved_at_half_of_the_time() {
    let cluster = cluster(3).await;
    let mut rooms = Vec::new();
    for number in 0..3 {
        let mut owner = Player::on(&cluster, BOTH[number % 2], &format!("owner-{number}"), "node-1").await;
        let room = owner.creates_room(options()).await;
        let mut guest =
            Player::on(&cluster, BOTH[(number + 1) % 2], &format!("guest-{number}"), "node-1").await;
        guest.joins(room).await;
        owner.until(|event| matches!(event, Event::Room(RoomEvent::MemberJoined { .. }))).await;
        rooms.push(Chorus::of(vec![owner, guest]));
    }
    let deadline = Duration::from_secs(6);
    cluster.begin_drain("node-1", deadline, OfflineReason::Deploy).unwrap();
    let report = drained(&cluster, "node-1").await;
    assert_eq!(report.closed, 0);
    assert!(report.took >= deadline / 2 && report.took < deadline * 4 / 5, "{report:?}");
    for room in &mut rooms {
        room.until_moved(1).await;
        room.check().await;
        for (player, heard) in room.players.iter().zip(&room.heard) {
            assert_eq!(player.client.stats().reconnects, 0, "nobody was forced");
            let in_room = |event: &Event| matches!(event, Event::Offline { in_room: true, .. });
            assert!(heard.told.iter().any(in_room), "{:?}", heard.told);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_room_moves_too() {
    let cluster = cluster(2).await;
    let properties = vec![("map".to_owned(), Value::Text("ice".into()))];
    let options = RoomOptions { allow_empty: true, properties, ..options() };
    let (room, mut players) = room_with(&cluster, "node-1", 1, options).await;
    players[0].leaves().await;
    players[0].client.disconnect().unwrap();
    players[0].until_disconnected().await;
    let deadline = Duration::from_secs(4);
    cluster.begin_drain("node-1", deadline, OfflineReason::Deploy).unwrap();
    let report = drained(&cluster, "node-1").await;
    assert!(report.took >= deadline / 2 && report.took < deadline * 4 / 5, "{report:?}");
    let mut late = Player::on(&cluster, BOTH[1], "late", "node-2").await;
    late.joins(room).await;
    let get = RoomRequest::Get { key: "map".to_owned() };
    assert_eq!(late.ask_value(&get).await, (Status::Ok, Some(Value::Text("ice".into()))));
    assert_eq!(late.node, "node-2");
}

/// With no other node an empty room is over with the last one, and holds nobody up.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_room_that_no_node_takes_ends_with_its_node() {
    let cluster = cluster(1).await;
    let options = RoomOptions { allow_empty: true, ..options() };
    let (_, mut players) = room_with(&cluster, "node-1", 1, options).await;
    players[0].leaves().await;
    players[0].client.disconnect().unwrap();
    players[0].until_disconnected().await;
    let deadline = Duration::from_secs(2);
    cluster.begin_drain("node-1", deadline, OfflineReason::Deploy).unwrap();
    let report = drained(&cluster, "node-1").await;
    assert!(report.took < deadline * 2, "{report:?}");
    assert_eq!(report.closed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_whose_members_cannot_attach_is_forced_at_the_deadline() {
    let (cluster, proxies) = cluster_behind_proxies(2, |config| {
        config.times.attach = Duration::from_millis(200);
    })
    .await;
    let mut players = Vec::new();
    for (number, transport) in BOTH.into_iter().enumerate() {
        let token = proxies.token(&cluster, &format!("ann-{number}"), "node-1");
        players.push(Player::join(quick(transport), &token).await);
    }
    let room = players[0].creates_room(options()).await;
    players[1].joins(room).await;
    players[0].until(|event| matches!(event, Event::Room(RoomEvent::MemberJoined { .. }))).await;
    let mut chorus = Chorus::of(players);
    proxies.close("node-2");
    let deadline = Duration::from_secs(4);
    cluster.begin_drain("node-1", deadline, OfflineReason::Deploy).unwrap();
    chorus.players[0].until_keeping(|event| matches!(event, Event::Offline { .. })).await;
    let migrate = chorus.players[0].begin_to_ask(&RoomRequest::Migrate);
    assert_eq!(chorus.until_result(0, migrate).await, Status::RoomMoveFailed);
    chorus.round().await;
    assert_eq!(chorus.node(), "node-1");
    let report = drained(&cluster, "node-1").await;
    assert_eq!(report.closed, 0);
    assert!(report.took <= deadline, "{report:?}");
    assert_eq!(node(&cluster, "node-2").sessions(), 2, "they are waited for");
    chorus.talk();
    assert!(chorus.players.iter().all(|player| player.client.state() == State::Reconnecting));
    proxies.open("node-2");
    chorus.until_moved(1).await;
    chorus.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_without_another_node_is_ended_with_its_reason_at_the_deadline() {
    let cluster = cluster(1).await;
    let (_, mut players) = room_on(&cluster, "node-1", 2).await;
    cluster.begin_drain("node-1", Duration::from_secs(2), OfflineReason::Deploy).unwrap();
    let report = drained(&cluster, "node-1").await;
    assert_eq!(report.closed + report.parked, 2);
    for player in &mut players {
        player.until_left_alone().await;
    }
}
