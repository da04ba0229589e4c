//! Every refusal as a client sees it: a status of its own for each.

use super::{RoomEvent, Status, UNWANTED, club, options, room_with};
use crate::player::Player;
use crate::{BOTH, cluster, cluster_with};
use sterna::client::event::Event;
use sterna::protocol::ids::{CohortId, MemberId};
use sterna::protocol::reasons::RoomRefusal;
use sterna::protocol::room::wire::{RoomOptions, RoomRequest};
use sterna::protocol::wire::Value;

/// Rounds in which something asked of a closing room meets it still there; the first nearly always does.
const ROUNDS_MAX: u32 = 200;

fn set(key: &str, value: Value) -> RoomRequest {
    RoomRequest::Set { key: key.to_owned(), value }
}

fn bytes(length: usize) -> Value {
    Value::Bytes(vec![7; length])
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_come_in_is_told_why() {
    let cluster = club(2, |_| {}).await;
    let (room, _players) =
        room_with(&cluster, "node-1", 2, RoomOptions { members_max: 3, ..options() }).await;
    for transport in BOTH {
        for node in ["node-1", "node-2"] {
            let mut stranger = Player::on(&cluster, transport, "stranger", node).await;
            let nowhere = RoomRequest::Join { room: CohortId(0x1234) };
            assert_eq!(stranger.ask_room(&nowhere).await.0, Status::RoomUnknown);
            // A session is not a room.
            let itself = RoomRequest::Join { room: CohortId(stranger.session) };
            assert_eq!(stranger.ask_room(&itself).await.0, Status::RoomUnknown);
            let mut unwanted = Player::on(&cluster, transport, UNWANTED, node).await;
            assert_eq!(unwanted.ask_room(&RoomRequest::Join { room }).await.0, Status::RoomRejected);
            // The place that was held for them is free.
            let mut third = Player::on(&cluster, transport, "third", node).await;
            third.joins(room).await;
            assert_eq!(stranger.ask_room(&RoomRequest::Join { room }).await.0, Status::RoomFull);
            third.leaves().await;
            for mut player in [stranger, unwanted, third] {
                player.say(5);
                player.hear_all().await;
                player.client.disconnect().unwrap();
                player.until_disconnected().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_in_one_room_at_most() {
    let cluster = cluster(1).await;
    for transport in BOTH {
        let mut player = Player::on(&cluster, transport, &format!("{transport:?}"), "node-1").await;
        // What the client does not know yet, the node says.
        let create = RoomRequest::Create { options: options() };
        let (first, second) = (player.begin_to_ask(&create), player.begin_to_ask(&create));
        let (status, room) = player.until_result(first).await;
        assert_eq!((status, player.until_result(second).await.0), (Status::Ok, Status::AlreadyInRoom));
        let known = player.client.ask_of_rooms(&create, None);
        assert_eq!(known, Err(Status::AlreadyInRoom));
        let (first, second) =
            (player.begin_to_ask(&RoomRequest::Leave), player.begin_to_ask(&RoomRequest::Leave));
        assert_eq!(player.until_result(first).await.0, Status::Ok);
        assert_eq!(player.until_result(second).await.0, Status::NotInRoom);
        player.until(|event| matches!(event, Event::Room(RoomEvent::Exited { .. }))).await;
        let known = player.client.ask_of_rooms(&RoomRequest::Leave, None);
        assert_eq!(known, Err(Status::NotInRoom));
        // Its last member has left it.
        let gone = RoomRequest::Join { room: room.unwrap() };
        assert_eq!(player.ask_room(&gone).await.0, Status::RoomUnknown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_closes_takes_nothing_more() {
    let cluster = cluster(1).await;
    for transport in BOTH {
        let mut met = false;
        for round in 0..ROUNDS_MAX {
            let mut player = Player::on(&cluster, transport, &format!("ann-{round}"), "node-1").await;
            player.creates_room(options()).await;
            let close = player.begin_to_ask(&RoomRequest::Close);
            let late = player.begin_to_ask(&set("late", Value::Integer(1)));
            assert_eq!(player.until_result(close).await.0, Status::Ok);
            let status = player.until_result(late).await.0;
            assert!([Status::RoomClosed, Status::NotInRoom].contains(&status), "{status}");
            met = status == Status::RoomClosed;
            if met {
                break;
            }
        }
        assert!(met, "nothing came before the member was out");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_owner_may_do_is_refused_to_others() {
    let cluster = cluster(1).await;
    let (_, mut players) = room_with(&cluster, "node-1", 2, options()).await;
    let users = vec!["friend".to_owned()];
    let refused = [
        RoomRequest::Kick { member: MemberId(1) },
        RoomRequest::Close,
        RoomRequest::Migrate,
        RoomRequest::Reserve { users: users.clone() },
        RoomRequest::CancelReservation { users },
    ];
    for request in refused {
        assert_eq!(players[1].ask_room(&request).await.0, Status::NotRoomOwner, "{request:?}");
    }
    let nobody = RoomRequest::Kick { member: MemberId(99) };
    assert_eq!(players[0].ask_room(&nobody).await.0, Status::NoSuchMember);
    assert_eq!(players[0].ask_room(&RoomRequest::Migrate).await.0, Status::NotOffline);
    // More places than there are cannot be kept.
    let many = (0..7).map(|number| format!("friend-{number}")).collect();
    assert_eq!(players[0].ask_room(&RoomRequest::Reserve { users: many }).await.0, Status::RoomFull);
    let nameless = RoomRequest::Reserve { users: vec![String::new()] };
    assert_eq!(players[0].ask_room(&nameless).await.0, Status::RoomOptionInvalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_have_their_types_their_values_and_their_limits() {
    let cluster = cluster_with(1, |config| {
        config.limits.room_property_bytes_max = 256;
        config.limits.room_state_bytes_max = 1024;
    })
    .await;
    let (_, mut players) = room_with(&cluster, "node-1", 2, options()).await;
    let ok = (Status::Ok, None);
    let player = &mut players[1];
    assert_eq!(player.ask_value(&set("name", Value::Text("reef".into()))).await, ok);
    let increment = |key: &str, by| RoomRequest::Increment { key: key.to_owned(), by };
    let text = increment("name", Value::Integer(1));
    assert_eq!(player.ask_value(&text).await, (Status::PropertyType, None));
    let sum = |sum| (Status::Ok, Some(Value::Integer(sum)));
    assert_eq!(player.ask_value(&increment("score", Value::Integer(4))).await, sum(4));
    assert_eq!(player.ask_value(&increment("score", Value::Integer(3))).await, sum(7));
    let float = increment("score", Value::Float(0.5));
    assert_eq!(player.ask_value(&float).await, (Status::PropertyType, None));
    let overflow = increment("score", Value::Integer(i64::MAX));
    assert_eq!(player.ask_value(&overflow).await, (Status::RoomOptionInvalid, None));
    let compare_and_set = |expected, value| RoomRequest::CompareAndSet {
        key: "score".to_owned(),
        expected: Some(Value::Integer(expected)),
        value: Some(Value::Integer(value)),
    };
    assert_eq!(player.ask_value(&compare_and_set(7, 8)).await, ok);
    let differs = (Status::PropertyDiffers, Some(Value::Integer(8)));
    assert_eq!(player.ask_value(&compare_and_set(7, 9)).await, differs);
    assert_eq!(player.ask_value(&set("large", bytes(256))).await, (Status::PropertyTooLarge, None));
    for number in 0..4 {
        assert_eq!(player.ask_value(&set(&format!("chest-{number}"), bytes(200))).await, ok);
    }
    assert_eq!(player.ask_value(&set("chest-4", bytes(200))).await, (Status::RoomStateTooLarge, None));
    assert_eq!(player.ask_value(&RoomRequest::Delete { key: "chest-0".to_owned() }).await, ok);
    assert_eq!(player.ask_value(&set("chest-4", bytes(200))).await, ok);
    let nameless = set("", Value::Integer(1));
    assert_eq!(player.ask_value(&nameless).await, (Status::RoomOptionInvalid, None));
    let get = RoomRequest::Get { key: "score".to_owned() };
    assert_eq!(players[0].ask_value(&get).await, sum(8));
    let missing = RoomRequest::Get { key: "missing".to_owned() };
    assert_eq!(players[0].ask_value(&missing).await, ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_cannot_be_is_not_made() {
    let cluster = cluster_with(1, |config| {
        config.limits.room_members_max = 10;
        config.limits.room_property_bytes_max = 256;
    })
    .await;
    let mut player = Player::on(&cluster, BOTH[0], "ann", "node-1").await;
    let made_with = |key: &str, value| vec![(key.to_owned(), value)];
    let invalid = [
        (RoomOptions { members_max: 1, ..options() }, Status::RoomOptionInvalid),
        (RoomOptions { members_max: 11, ..options() }, Status::RoomOptionInvalid),
        (RoomOptions { interval_ms: 10_001, ..options() }, Status::RoomOptionInvalid),
        (RoomOptions { ttl_ms: u64::MAX, ..options() }, Status::RoomOptionInvalid),
        (
            RoomOptions { properties: made_with("", Value::Integer(1)), ..options() },
            Status::RoomOptionInvalid,
        ),
        (RoomOptions { properties: made_with("large", bytes(256)), ..options() }, Status::PropertyTooLarge),
    ];
    for (options, status) in invalid {
        let create = RoomRequest::Create { options };
        assert_eq!(player.ask_room(&create).await.0, status, "{create:?}");
    }
    assert_eq!(crate::node(&cluster, "node-1").sessions(), 1, "the player is there, and no room");
    player.creates_room(options()).await;
}

/// The tests of this folder have to see all of them but one: what cannot be read ends its link.
#[test]
fn each_refusal_is_seen_by_a_client_in_one_of_these_tests() {
    let sources = [
        include_str!("join.rs"),
        include_str!("limits.rs"),
        include_str!("moves.rs"),
        include_str!("owner.rs"),
        include_str!("unavailable.rs"),
    ];
    for refusal in RoomRefusal::ALL.iter().filter(|refusal| **refusal != RoomRefusal::Malformed) {
        let status = format!("Status::{:?}", Status::from(*refusal));
        assert!(sources.iter().any(|source| source.contains(&status)), "{status} is in no test");
    }
}
