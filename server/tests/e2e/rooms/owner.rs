//! What only the owner of a room may do, and who owns it when they go.

use super::{Chorus, RoomEvent, Status, options, room_on, room_with};
use crate::player::Player;
use crate::{BOTH, cluster};
use sterna::client::event::Event;
use sterna::protocol::ids::MemberId;
use sterna::protocol::room::wire::{RoomOptions, RoomRequest};

const fn owner_is(member: u64) -> Event {
    Event::Room(RoomEvent::OwnerChanged { owner: Some(MemberId(member)) })
}

async fn until_left(player: &mut Player, member: u64, status: Status) {
    let left = Event::Room(RoomEvent::MemberLeft { member: MemberId(member), status });
    player.until(|event| *event == left).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_owner_kicks_plays_on_alone_and_may_come_again() {
    let cluster = cluster(1).await;
    let (room, mut players) = room_on(&cluster, "node-1", 4).await;
    for kicked in [2, 3] {
        let index = kicked - 1;
        players[index].say(20);
        let kick = RoomRequest::Kick { member: MemberId(kicked as u64) };
        assert_eq!(players[0].ask_room(&kick).await.0, Status::Ok);
        let exited = Event::Room(RoomEvent::Exited { room, status: Status::Kicked });
        players[index].until(|event| *event == exited).await;
        players[index].say(20);
        players[index].hear_all().await;
        until_left(&mut players[0], kicked as u64, Status::Kicked).await;
        until_left(&mut players[3], kicked as u64, Status::Kicked).await;
        let close = players[index].client.ask_of_rooms(&RoomRequest::Close, None);
        assert_eq!(close, Err(Status::NotInRoom));
    }
    players[1].joins(room).await;
    players[2].joins(room).await;
    let mut all = Chorus::of(players);
    all.round().await;
    all.listen().await;
    assert!(all.heard.iter().all(|heard| heard.said == all.heard[0].said));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_closed_leaves_its_members_playing_alone() {
    let cluster = cluster(2).await;
    let (room, mut players) = room_on(&cluster, "node-1", 4).await;
    players.iter_mut().for_each(|player| player.say(20));
    assert_eq!(players[0].ask_room(&RoomRequest::Close).await.0, Status::Ok);
    for player in &mut players {
        let exited = Event::Room(RoomEvent::Exited { room, status: Status::RoomClosed });
        player.until(|event| *event == exited).await;
        player.say(20);
        player.hear_all().await;
        assert_eq!(
            player.rest().iter().find(|event| super::is_news(event)),
            None,
            "nobody is left to be told of"
        );
    }
    // It is gone for everybody.
    let mut late = Player::on(&cluster, BOTH[1], "late", "node-2").await;
    assert_eq!(late.ask_room(&RoomRequest::Join { room }).await.0, Status::RoomUnknown);
    let second = players[1].creates_room(options()).await;
    assert_ne!(second, room);
    players[2].joins(second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_eldest_owns_a_room_whose_owner_leaves() {
    let cluster = cluster(1).await;
    let (_, mut players) = room_on(&cluster, "node-1", 4).await;
    players[0].leaves().await;
    for player in &mut players[1..] {
        until_left(player, 1, Status::Ok).await;
        player.until(|event| *event == owner_is(2)).await;
    }
    // The next one does not leave: its session ends.
    players[1].client.disconnect().unwrap();
    for player in &mut players[2..] {
        until_left(player, 2, Status::MemberDisconnected).await;
        player.until(|event| *event == owner_is(3)).await;
    }
    assert_eq!(players[3].ask_room(&RoomRequest::Close).await.0, Status::NotRoomOwner);
    assert_eq!(players[2].ask_room(&RoomRequest::Close).await.0, Status::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_kept_for_whom_the_owner_names() {
    let cluster = cluster(2).await;
    let (room, mut players) =
        room_with(&cluster, "node-1", 1, RoomOptions { members_max: 2, ..options() }).await;
    let users = vec!["friend".to_owned()];
    let reserve = RoomRequest::Reserve { users: users.clone() };
    assert_eq!(players[0].ask_room(&reserve).await.0, Status::Ok);
    for (node, transport) in [("node-1", BOTH[0]), ("node-2", BOTH[1])] {
        let mut stranger = Player::on(&cluster, transport, &format!("stranger-{node}"), node).await;
        assert_eq!(stranger.ask_room(&RoomRequest::Join { room }).await.0, Status::NoReservation);
        let mut friend = Player::on(&cluster, transport, "friend", node).await;
        friend.joins(room).await;
        assert_eq!(stranger.ask_room(&RoomRequest::Join { room }).await.0, Status::RoomFull);
        friend.leaves().await;
    }
    let cancel = RoomRequest::CancelReservation { users };
    assert_eq!(players[0].ask_room(&cancel).await.0, Status::Ok);
    let mut stranger = Player::on(&cluster, BOTH[0], "stranger", "node-1").await;
    stranger.joins(room).await;
}
