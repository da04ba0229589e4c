//! What a room stores is the same after a move, and for whoever comes then.

use super::{RoomEvent, Status, options, room_with};
use crate::player::Player;
use crate::{BOTH, cluster_with, node};
use std::collections::BTreeMap;
use std::sync::Arc;
use sterna::client::event::Event;
use sterna::protocol::room::wire::{RoomOptions, RoomRequest};
use sterna::protocol::wire::Value;
use sterna_server::builtin::{GET, SET, encode};
use sterna_server::cluster::Cluster;

async fn restless_cluster(state_bytes_max: u32) -> Arc<Cluster> {
    cluster_with(2, |config| {
        config.migrate_when_online = true;
        config.limits.room_state_bytes_max = state_bytes_max;
        config.limits.user_data_bytes_max = 4 << 20;
    })
    .await
}

async fn sets(player: &mut Player, key: &str, value: Value) {
    let set = RoomRequest::Set { key: key.to_owned(), value };
    assert_eq!(player.ask_room(&set).await.0, Status::Ok);
}

async fn has(player: &mut Player, key: &str, value: Option<Value>) {
    let get = RoomRequest::Get { key: key.to_owned() };
    let (status, found) = player.ask_value(&get).await;
    assert!((status, &found) == (Status::Ok, &value), "{key} is not what it was: {status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_and_reservations_are_the_same_after_a_move() {
    let cluster = restless_cluster(1 << 20).await;
    let values = [
        ("integer", Value::Integer(i64::MIN)),
        ("not a number", Value::Float(f64::from_bits(0x7ff8_0000_0000_0001))),
        ("minus zero", Value::Float(-0.0)),
        ("text", Value::Text("Küstenseeschwalbe".into())),
        ("bytes", Value::Bytes((0..=255).collect())),
    ];
    let first = vec![("first".to_owned(), Value::Integer(1))];
    let options = RoomOptions { members_max: 3, properties: first, ..options() };
    let (room, mut players) = room_with(&cluster, "node-1", 2, options).await;
    for (key, value) in &values {
        sets(&mut players[1], key, value.clone()).await;
    }
    let users = vec!["friend".to_owned()];
    assert_eq!(players[0].ask_room(&RoomRequest::Reserve { users }).await.0, Status::Ok);
    assert_eq!(players[0].ask_room(&RoomRequest::Migrate).await.0, Status::Ok);
    for player in &mut players {
        player.until_migrated_times(1).await;
    }
    let mut stranger = Player::on(&cluster, BOTH[0], "stranger", "node-2").await;
    assert_eq!(stranger.ask_room(&RoomRequest::Join { room }).await.0, Status::NoReservation);
    let mut friend = Player::on(&cluster, BOTH[1], "friend", "node-2").await;
    friend.joins(room).await;
    for player in players.iter_mut().chain([&mut friend]) {
        has(player, "first", Some(Value::Integer(1))).await;
        for (key, value) in &values {
            let get = RoomRequest::Get { key: (*key).to_owned() };
            let (_, found) = player.ask_value(&get).await;
            // Bit by bit: not-a-number is no number's equal.
            assert_eq!(found.map(|found| encode(&found)), Some(encode(value)), "{key}");
        }
    }
}

/// Follows the synchronised state until it is as expected.
async fn until_synced(player: &mut Player, expected: &BTreeMap<String, Vec<u8>>) {
    let mut state = BTreeMap::new();
    while state != *expected {
        let (event, bytes) = player.next().await;
        if let Event::Room(event @ RoomEvent::Sync { .. }) = event {
            let (key, value) = event.split(&bytes);
            let key = String::from_utf8(key.to_vec()).expect("keys are UTF-8");
            if value.is_empty() {
                state.remove(&key)
            } else {
                state.insert(key, value.to_vec())
            };
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_after_a_move_finds_the_synchronised_state() {
    let cluster = restless_cluster(1 << 20).await;
    let options = RoomOptions { interval_ms: 10, ..options() };
    let (room, mut players) = room_with(&cluster, "node-1", 2, options).await;
    let mut expected = BTreeMap::new();
    let migrate = players[0].begin_to_ask(&RoomRequest::Migrate);
    for step in 0..200u64 {
        let (by, key) = (step as usize % 2, format!("ship-{}-{}", step % 2, step % 7));
        let value = if step % 11 == 5 { Vec::new() } else { step.to_be_bytes().to_vec() };
        players[by].client.sync_in_room(&key, &value).expect("there is room");
        if value.is_empty() {
            expected.remove(&key)
        } else {
            expected.insert(key, value)
        };
        if step % 20 == 0 {
            // So that some values are taken before the move, some meanwhile, and some after.
            let get = RoomRequest::Get { key: "none".to_owned() };
            let asked = players[by].begin_to_ask(&get);
            assert_eq!(players[by].until_result(asked).await.0, Status::Ok);
        }
    }
    assert_eq!(players[0].until_result(migrate).await.0, Status::Ok);
    for player in &mut players {
        until_synced(player, &expected).await;
    }
    for (transport, name) in BOTH.into_iter().zip(["node-1", "node-2"]) {
        let mut late = Player::on(&cluster, transport, &format!("late-{name}"), name).await;
        let asked = late.begin_to_ask(&RoomRequest::Join { room });
        until_synced(&mut late, &expected).await;
        assert_eq!(late.until_result(asked).await, (Status::Ok, Some(room)));
        assert_eq!(late.node, "node-2");
    }
}

fn chest(number: u8) -> String {
    format!("chest-{number:02}")
}

#[tokio::test(flavor = "multi_thread")]
async fn large_rooms_are_copied_ahead_and_arrive_with_what_changed_meanwhile() {
    let cluster = restless_cluster(4 << 20).await;
    let (_, mut players) = room_with(&cluster, "node-1", 3, options()).await;
    let full = |fill: u8| Value::Bytes(vec![fill; 30_000]);
    let entry = |key: &str, value: &Value| {
        let mut bytes = vec![key.len() as u8];
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(&encode(value));
        bytes
    };
    for moves in 1..=2u8 {
        for number in 0..16 {
            sets(&mut players[1], &chest(number), full(number)).await;
            players[2].ask(SET, &entry(&chest(number), &full(number))).await;
        }
        let migrate = players[0].begin_to_ask(&RoomRequest::Migrate);
        // While the copy is on its way, or after it: whatever is answered has to be there afterwards.
        sets(&mut players[1], &chest(3), full(103)).await;
        players[2].ask(SET, &entry(&chest(3), &full(103))).await;
        let delete = RoomRequest::Delete { key: chest(4) };
        assert_eq!(players[1].ask_room(&delete).await.0, Status::Ok);
        sets(&mut players[1], &chest(16), full(116)).await;
        players[2].ask(SET, &entry(&chest(16), &full(116))).await;
        assert_eq!(players[0].until_result(migrate).await.0, Status::Ok);
        for player in &mut players {
            player.until_migrated_times(usize::from(moves)).await;
        }
        for number in 0..=16u8 {
            let fill = if [3, 16].contains(&number) { number + 100 } else { number };
            has(&mut players[0], &chest(number), (number != 4).then(|| full(fill))).await;
            let own = players[2].ask(GET, chest(number).as_bytes()).await;
            assert!(own == encode(&full(fill)), "{} of a member is not what it was", chest(number));
        }
    }
    assert_eq!(node(&cluster, "node-1").sessions(), 3, "it is back");
    assert_eq!(players[0].client.stats().reconnects, 0);
}
