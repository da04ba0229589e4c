//! Coming in: from any node, by name or by search, while the room's node, or one's own, is on its way out.

use super::{Chorus, RoomEvent, Status, WAIT_LONG, options, room_on, room_with};
use crate::moves::{begin_drain, drained};
use crate::player::{Player, quick};
use crate::proxy::cluster_behind_proxies;
use crate::raw::{Got, RawSession};
use crate::{BOTH, cluster, cluster_with, token};
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna::protocol::ids::{CohortId, Cursor};
use sterna::protocol::room::wire::{self, Comparison, Condition, RoomAnswer, RoomOptions, RoomRequest};
use sterna::protocol::wire::{Data, Kind, Message, Uplink, Value};

/// Joins, and says something to everybody all the while.
async fn joins_talking(player: &mut Player, room: CohortId) {
    player.say(20);
    let number = player.begin_to_ask(&RoomRequest::Join { room });
    player.say(20);
    assert_eq!(player.until_result(number).await, (Status::Ok, Some(room)));
    player.say(20);
    player.hear_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_a_room_on_another_node_moves_there() {
    for transport in BOTH {
        let cluster = cluster(2).await;
        let (room, players) = room_on(&cluster, "node-1", 2).await;
        let mut late = Player::on(&cluster, transport, "late", "node-2").await;
        joins_talking(&mut late, room).await;
        assert_eq!(late.node, "node-1");
        let mut all = Chorus::of(players.into_iter().chain([late]).collect());
        all.round().await;
        all.check().await;
        let [owner, _, late] = &mut all.players[..] else { unreachable!("three play") };
        late.say(20);
        late.leaves().await;
        late.say(20);
        late.hear_all().await;
        owner.until(|event| matches!(event, Event::Room(RoomEvent::MemberLeft { .. }))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_from_three_nodes_at_once_while_others_talk() {
    let cluster = cluster(3).await;
    let (room, players) = room_on(&cluster, "node-1", 2).await;
    let mut talking = Chorus::of(players);
    let mut comers = Vec::new();
    for number in 0..6 {
        let node = format!("node-{}", number % 3 + 1);
        let user = format!("comer-{number}");
        let mut comer = Player::on(&cluster, BOTH[number / 3], &user, &node).await;
        comer.say(20);
        let asked = comer.begin_to_ask(&RoomRequest::Join { room });
        comer.say(20);
        talking.talk();
        comers.push((comer, asked));
    }
    for (comer, asked) in &mut comers {
        talking.round().await;
        assert_eq!(comer.until_result(*asked).await, (Status::Ok, Some(room)));
        comer.say(20);
        comer.hear_all().await;
        assert_eq!(comer.node, "node-1");
    }
    talking.listen().await;
    let [first, second] = &talking.heard[..] else { unreachable!("two talk") };
    assert_eq!(first.said, second.said);
    let mut all =
        Chorus::of(talking.players.into_iter().chain(comers.into_iter().map(|(comer, _)| comer)).collect());
    all.round().await;
    all.check().await;
}

/// Whose node is drained. There is time, and nobody has asked the room to move: it does for who waits to join.
async fn joins_while_nodes_drain(transport: Transport, rooms_node: bool, own_node: bool) {
    let cluster = cluster(3).await;
    let (room, players) = room_on(&cluster, "node-1", 2).await;
    let mut late = Player::on(&cluster, transport, "late", "node-2").await;
    let drained_nodes: Vec<&str> = [("node-1", rooms_node), ("node-2", own_node)]
        .into_iter()
        .filter(|(_, is)| *is)
        .map(|(name, _)| name)
        .collect();
    drained_nodes.iter().for_each(|name| begin_drain(&cluster, name));
    joins_talking(&mut late, room).await;
    assert!(!rooms_node || late.node != "node-1", "it takes joins only after it has moved");
    let mut all = Chorus::of(players.into_iter().chain([late]).collect());
    all.round().await;
    all.check().await;
    for name in drained_nodes {
        assert_eq!(drained(&cluster, name).await.closed, 0);
        assert_ne!(all.node(), name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_on_a_node_that_is_drained_is_joined_where_it_goes() {
    for transport in BOTH {
        joins_while_nodes_drain(transport, true, false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_leaves_a_node_that_is_drained() {
    for transport in BOTH {
        joins_while_nodes_drain(transport, false, true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_joined_while_both_nodes_are_drained() {
    for transport in BOTH {
        joins_while_nodes_drain(transport, true, true).await;
    }
}

/// One member cannot reach the target, so the room waits for them: two seconds in which somebody comes.
#[tokio::test(flavor = "multi_thread")]
async fn who_joins_during_a_move_joins_at_the_target() {
    for (blocked, free) in [(Transport::Tcp, Transport::Udp), (Transport::Udp, Transport::Tcp)] {
        for comers_node in ["node-1", "node-3"] {
            let (cluster, proxies) = cluster_behind_proxies(3, |_| {}).await;
            assert!(crate::node(&cluster, "node-3").cordon(true).await);
            let plays = |transport, user: &'static str, node: &'static str| {
                let token = proxies.token(&cluster, user, node);
                async move { Player::join(quick(transport), &token).await }
            };
            let mut owner = plays(free, "owner", "node-1").await;
            let room = owner.creates_room(options()).await;
            let mut straggler = plays(blocked, "straggler", "node-1").await;
            straggler.joins(room).await;
            // (It is cordoned for who comes new, not for who is there.)
            assert!(crate::node(&cluster, "node-3").cordon(false).await);
            let mut comer = plays(free, "comer", comers_node).await;
            assert!(crate::node(&cluster, "node-3").cordon(true).await);
            proxies.close_for("node-2", blocked);
            begin_drain(&cluster, "node-1");
            owner.until_offline().await;
            let migrate = owner.begin_to_ask(&RoomRequest::Migrate);
            owner.until_keeping(|event| matches!(event, Event::Migrating { .. })).await;
            joins_talking(&mut comer, room).await;
            assert_eq!(comer.node, "node-2");
            assert_eq!(owner.until_result(migrate).await, (Status::Ok, Some(room)));
            proxies.open("node-2");
            straggler.until_migrated_times(1).await;
            let mut all = Chorus::of(vec![owner, straggler, comer]);
            all.round().await;
            all.check().await;
            assert_eq!(all.node(), "node-2");
        }
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_what_fits_its_filter_wherever_it_is() {
    let cluster = cluster(3).await;
    let mut hosts = Vec::new();
    let mut rooms = Vec::new();
    for level in 1..=3 {
        let properties =
            vec![("level".to_owned(), Value::Integer(level)), ("map".to_owned(), Value::Text("ice".into()))];
        let options = RoomOptions { properties, ..options() };
        let (room, host) = room_with(&cluster, &format!("node-{level}"), 1, options).await;
        rooms.push(room);
        hosts.push(host);
    }
    let condition = |key: &str, comparison, value| Condition { key: key.into(), comparison, value };
    let ice = || condition("map", Comparison::Equal, Value::Text("ice".into()));
    let level = |comparison, level| condition("level", comparison, Value::Integer(level));
    let cases = [
        (vec![ice(), level(Comparison::Equal, 2)], Some(1)),
        (vec![ice(), level(Comparison::Less, 2)], Some(0)),
        (vec![level(Comparison::Greater, 2)], Some(2)),
        (vec![level(Comparison::AtMost, 2), level(Comparison::NotEqual, 1)], Some(1)),
        (vec![level(Comparison::AtLeast, 4)], None),
        (vec![condition("map", Comparison::Equal, Value::Text("sand".into()))], None),
    ];
    for (number, (filter, found)) in cases.into_iter().enumerate() {
        let mut player = Player::on(&cluster, BOTH[number % 2], &format!("seeker-{number}"), "node-1").await;
        let search = RoomRequest::JoinRandom { filter, otherwise: None };
        let expected = match found {
            Some(index) => (Status::Ok, Some(rooms[index])),
            None => (Status::RoomUnknown, None),
        };
        assert_eq!(player.ask_room(&search).await, expected, "case {number}");
        player.client.disconnect().unwrap();
        player.until_disconnected().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_whose_node_has_no_place_for_the_session_is_given_up_in_the_end() {
    let cluster = cluster_with(2, |config| config.limits.sessions_max = 2).await;
    let (room, _players) = room_on(&cluster, "node-1", 2).await;
    let mut players = Vec::new();
    for transport in BOTH {
        let player = Player::on(&cluster, transport, &format!("late-{transport:?}"), "node-2").await;
        let asked = player.client.ask_of_rooms(&RoomRequest::Join { room }, Some(WAIT_LONG)).unwrap();
        players.push((player, asked));
    }
    for (mut player, asked) in players {
        assert_eq!(player.until_result(asked).await.0, Status::JoinFailed);
        player.say(10);
        player.hear_all().await;
        assert_eq!(player.node, "node-2");
    }
}

/// A link leads to another cohort from one moment to the next, whatever its task is just doing.
#[tokio::test(flavor = "multi_thread")]
async fn to_join_and_to_leave_breaks_no_link() {
    let cluster = cluster(1).await;
    for transport in BOTH {
        let mut owner = Player::on(&cluster, transport, "owner", "node-1").await;
        let room = owner.creates_room(options()).await;
        let mut guests = Vec::new();
        for number in 0..4 {
            guests.push(Player::on(&cluster, transport, &format!("guest-{number}"), "node-1").await);
        }
        for _ in 0..100 {
            let joins: Vec<_> =
                guests.iter_mut().map(|guest| guest.begin_to_ask(&RoomRequest::Join { room })).collect();
            guests.iter_mut().for_each(|guest| guest.say(10));
            for (guest, number) in guests.iter_mut().zip(joins) {
                assert_eq!(guest.until_result(number).await, (Status::Ok, Some(room)));
            }
            let leaves: Vec<_> =
                guests.iter_mut().map(|guest| guest.begin_to_ask(&RoomRequest::Leave)).collect();
            guests.iter_mut().for_each(|guest| guest.say(10));
            for (guest, number) in guests.iter_mut().zip(leaves) {
                assert_eq!(guest.until_result(number).await.0, Status::Ok);
            }
        }
        for guest in &mut guests {
            guest.hear_all().await;
            assert_eq!(guest.client.stats().reconnects, 0);
            guest.client.disconnect().unwrap();
            guest.until_disconnected().await;
        }
        owner.client.disconnect().unwrap();
        owner.until_disconnected().await;
    }
}

/// Creates a room and leaves it, over and over, with not a moment in between: the node may still be busy with making a
/// cohort of its own for the session, which takes as long as the engine does.
async fn changes_rooms(mut session: RawSession, times: u64) {
    let create = RoomRequest::Create { options: options() };
    let (mut heard, mut down) = (Cursor(0), Cursor(0));
    for number in 0..2 * times {
        let (mut payload, mut answered) = (Vec::new(), false);
        if number % 2 == 0 { &create } else { &RoomRequest::Leave }.encode(&mut payload);
        let (kind, ver, cmd) = (Kind::Request(number), wire::VER, wire::REQUEST);
        session.link.data(&Data::Message(Message { kind, ver, cmd, payload: &payload }));
        while !answered {
            match session.link.next().await {
                Got::Switch(switch) => down = switch.down,
                Got::Start(at) => down = at,
                Got::Message(cmd, payload) => {
                    // Behind those two comes once more what is not known to have arrived.
                    let is_new = down == heard;
                    down = down.next();
                    heard = heard.max(down);
                    if is_new && cmd == wire::REQUEST {
                        answered = true;
                        assert_eq!(RoomAnswer::decode(&payload).unwrap().refusal, None);
                    }
                }
                Got::Control(_) => {}
                Got::Ended(end) => panic!("the link of {:?} ended: {end}", session.transport),
            }
        }
        session.link.control(&Uplink::Ack { down: heard });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn to_leave_and_to_create_at_once_breaks_no_link() {
    let cluster = cluster(1).await;
    for transport in BOTH {
        for number in 0..4 {
            let user = format!("{transport:?}-{number}");
            changes_rooms(RawSession::begin(transport, token(&cluster, &user)).await, 100).await;
        }
    }
}
