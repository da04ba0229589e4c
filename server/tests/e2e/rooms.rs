//! Rooms while everybody plays: joined from any node, moved as one, and heard in one order by all.

use crate::moves::{begin_drain, drained};
use crate::player::Player;
use crate::{BOTH, cluster};
use std::time::Duration;
use sterna::client::event::Event;
use sterna::client::room::{Audience, RoomEvent};
use sterna::client::{Status, config::Transport};
use sterna::protocol::ids::CohortId;
use sterna::protocol::reasons::OfflineReason;
use sterna::protocol::room::wire::{RoomOptions, RoomRequest};
use sterna_server::cluster::Cluster;

const VER: u8 = 2;
const SAY: u16 = 40;

pub(crate) fn options() -> RoomOptions {
    RoomOptions { members_max: 8, listed: true, ..RoomOptions::default() }
}

impl Player {
    /// Asks something of rooms, and gives how that ended.
    pub(crate) async fn ask_room(&mut self, request: &RoomRequest) -> (Status, Option<CohortId>) {
        let number = self.client.ask_of_rooms(request, None).expect("it can be asked");
        self.until_result(number).await
    }

    pub(crate) async fn until_result(&mut self, number: u64) -> (Status, Option<CohortId>) {
        let result = |event: &Event| matches!(event, Event::Room(RoomEvent::Result { request, .. }) if *request == number);
        match self.until_keeping(result).await {
            Event::Room(RoomEvent::Result { status, room, .. }) => (status, room),
            other => unreachable!("{other:?}"),
        }
    }

    pub(crate) async fn creates_room(&mut self, options: RoomOptions) -> CohortId {
        let (status, room) = self.ask_room(&RoomRequest::Create { options }).await;
        assert_eq!(status, Status::Ok);
        room.expect("a room that was made has an id")
    }

    pub(crate) async fn joins(&mut self, room: CohortId) {
        assert_eq!(self.ask_room(&RoomRequest::Join { room }).await, (Status::Ok, Some(room)));
    }

    pub(crate) fn tell_room(&mut self, number: u64) {
        self.client.send_to_room(Audience::All, VER, SAY, &number.to_be_bytes()).expect("there is room");
    }
}

/// What a member has heard: who said which number, in order; and everything else that it was told.
#[derive(Default)]
struct Heard {
    said: Vec<(u64, u64)>,
    told: Vec<Event>,
}

async fn hears(player: &mut Player, count: usize) -> Heard {
    let mut heard = Heard::default();
    while heard.said.len() < count {
        match player.next().await {
            (Event::Room(RoomEvent::Message { from: Some(from), cmd: SAY, .. }), bytes) => {
                let number = bytes.last_chunk().expect("a number was said");
                heard.said.push((from.0, u64::from_be_bytes(*number)));
            }
            (event, _) => heard.told.push(event),
        }
    }
    heard
}

async fn room_on(cluster: &Cluster, name: &str, members: usize) -> (CohortId, Vec<Player>) {
    let mut players = Vec::new();
    let mut room = CohortId::default();
    for number in 0..members {
        let mut player = Player::on(cluster, BOTH[number % 2], &format!("{name}-{number}"), name).await;
        if number == 0 {
            room = player.creates_room(options()).await;
        } else {
            player.joins(room).await;
        }
        players.push(player);
    }
    (room, players)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_members_hear_everything_in_one_order() {
    let cluster = cluster(1).await;
    let (_, mut players) = room_on(&cluster, "node-1", 4).await;
    for number in 0..50 {
        for player in &mut players {
            player.tell_room(number);
        }
    }
    let first = hears(&mut players[0], 200).await;
    for player in &mut players[1..] {
        assert_eq!(hears(player, 200).await.said, first.said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_moves_as_one_under_traffic() {
    let cluster = cluster(3).await;
    let (room, mut players) = room_on(&cluster, "node-1", 4).await;
    cluster.begin_drain("node-1", Duration::from_secs(4), OfflineReason::ScaleIn).expect("it was online");
    for player in &mut players {
        player.until_offline().await;
        assert_eq!(player.client.send_migrate(), Err(Status::InRoom));
    }
    let mut heard: Vec<Heard> = players.iter().map(|_| Heard::default()).collect();
    let mut number = 0;
    // They talk until the room has moved, which it does at half of the drain's time, and once more.
    let mut moved = false;
    while !moved {
        moved = players.iter().all(|player| player.client.stats().moves == 1);
        for player in &mut players {
            player.tell_room(number);
        }
        number += 1;
        for (player, heard) in players.iter_mut().zip(&mut heard) {
            let Heard { said, told } = hears(player, 4).await;
            heard.said.extend(said);
            heard.told.extend(told);
        }
    }
    for Heard { said, told } in &heard {
        assert_eq!(*said, heard[0].said);
        let joined = |event: &&Event| {
            matches!(event, Event::Room(RoomEvent::MemberJoined { .. } | RoomEvent::MemberLeft { .. }))
        };
        assert_eq!(told.iter().find(joined), None, "a move is no news");
        let migrated = Event::Room(RoomEvent::Migrated { room, epoch: sterna::protocol::ids::Epoch(2) });
        assert_eq!(told.iter().filter(|event| **event == migrated).count(), 1, "{told:?}");
    }
    let nodes: std::collections::BTreeSet<_> = players.iter().map(|player| player.node.clone()).collect();
    assert_eq!(nodes.len(), 1, "{nodes:?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_a_room_on_another_node_moves_there() {
    for transport in BOTH {
        let cluster = cluster(2).await;
        let (room, mut players) = room_on(&cluster, "node-1", 2).await;
        let mut late = Player::on(&cluster, transport, "late", "node-2").await;
        late.say(20);
        late.joins(room).await;
        late.say(20);
        late.hear_all().await;
        assert_eq!(late.node, "node-1");
        late.tell_room(7);
        for player in &mut players {
            assert_eq!(hears(player, 1).await.said, [(3, 7)]);
        }
        assert_eq!(late.ask_room(&RoomRequest::Leave).await.0, Status::Ok);
        late.say(20);
        late.hear_all().await;
        let left = |event: &Event| matches!(event, Event::Room(RoomEvent::MemberLeft { .. }));
        players[0].until(left).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_left_its_room_moves_alone() {
    let cluster = cluster(2).await;
    let (_, mut players) = room_on(&cluster, "node-1", 2).await;
    assert_eq!(players[1].ask_room(&RoomRequest::Leave).await.0, Status::Ok);
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
async fn any_room_that_fits_is_found_or_one_is_made() {
    let cluster = cluster(2).await;
    let search = RoomRequest::JoinRandom { filter: Vec::new(), otherwise: None };
    let mut ann = Player::on(&cluster, Transport::Tcp, "ann", "node-1").await;
    assert_eq!(ann.ask_room(&search).await.0, Status::RoomUnknown);
    let or_make = RoomRequest::JoinRandom { filter: Vec::new(), otherwise: Some(options()) };
    let (status, room) = ann.ask_room(&or_make).await;
    assert_eq!(status, Status::Ok);
    for (number, transport) in BOTH.into_iter().enumerate() {
        let mut other = Player::on(&cluster, transport, &format!("other-{number}"), "node-2").await;
        assert_eq!(other.ask_room(&search).await, (Status::Ok, room));
        assert_eq!(other.node, "node-1");
    }
}
