//! What members say to each other.

use super::{Chorus, RoomEvent, SAY, SHOUT, VER, club, hears, options, room_on, room_with};
use crate::player::Player;
use crate::{BOTH, cluster, cluster_with};
use sterna::client::Status;
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna::client::room::Audience;
use sterna::protocol::room::wire::{RoomOptions, RoomRequest};
use sterna_server::builtin::ECHO;

#[tokio::test(flavor = "multi_thread")]
async fn all_members_hear_everything_in_one_order() {
    let cluster = cluster(1).await;
    let (_, players) = room_on(&cluster, "node-1", 4).await;
    let mut chorus = Chorus::of(players);
    (0..50).for_each(|_| chorus.talk());
    chorus.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_whom_it_is_for() {
    let cluster = cluster(1).await;
    let (_, mut players) = room_on(&cluster, "node-1", 4).await;
    let say = |player: &Player, audience: Audience<'_>, number: u64| {
        player.client.send_to_room(audience, VER, SAY, &number.to_be_bytes()).expect("there is room");
    };
    say(&players[1], Audience::Others, 1);
    say(&players[1], Audience::Members(&[1, 4]), 2);
    say(&players[1], Audience::Members(&[99]), 3); // nobody
    say(&players[1], Audience::All, 4);
    let heard = [&[(2, 1), (2, 2), (2, 4)][..], &[(2, 4)], &[(2, 1), (2, 4)], &[(2, 1), (2, 2), (2, 4)]];
    for (player, heard) in players.iter_mut().zip(heard) {
        assert_eq!(hears(player, heard.len()).await.said, heard);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_messages_keep_their_order_through_a_move() {
    let cluster = cluster_with(2, |config| config.migrate_when_online = true).await;
    let options = RoomOptions { interval_ms: 20, ..options() };
    let (_, players) = room_with(&cluster, "node-1", 4, options).await;
    let mut chorus = Chorus::of(players);
    for moves in 1..=4 {
        (0..3).for_each(|_| chorus.talk());
        chorus.migrates().await;
        (0..3).for_each(|_| chorus.talk());
        chorus.until_moved(moves).await;
    }
    chorus.check().await;
}

const SHOUTS_MAX: u32 = 1000;

/// Shouts until one comes back; datagrams may be lost.
async fn is_heard_unreliably(player: &mut Player, what: &[u8]) {
    let answers = |(event, bytes): &(Event, Vec<u8>)| {
        matches!(event, Event::Push { cmd: SHOUT, reliable: false, .. }) && bytes == what
    };
    for _ in 0..SHOUTS_MAX {
        player.client.send(false, VER, SHOUT, what).expect("there is room");
        // About a round trip later it has come back, or is lost.
        let asked = player.client.request(VER, ECHO, what, None).expect("there is room");
        let answered = |event: &Event| matches!(event, Event::Response { request, .. } if *request == asked);
        player.until_keeping(answered).await;
        if player.rest_with_bytes().iter().any(answers) {
            return;
        }
    }
    panic!("no datagram came back");
}

#[tokio::test(flavor = "multi_thread")]
async fn unreliable_messages_of_a_member_pass_before_and_after_a_move() {
    let cluster = club(2, |config| config.migrate_when_online = true).await;
    let mut owner = Player::on(&cluster, Transport::Tcp, "owner", "node-1").await;
    let room = owner.creates_room(options()).await;
    let mut member = Player::on(&cluster, Transport::Udp, "member", "node-1").await;
    is_heard_unreliably(&mut member, b"alone").await;
    member.joins(room).await;
    is_heard_unreliably(&mut member, b"in a room").await;
    assert_eq!(owner.ask_room(&RoomRequest::Migrate).await.0, Status::Ok);
    member.until_migrated_times(1).await;
    is_heard_unreliably(&mut member, b"in a room elsewhere").await;
    member.leaves().await;
    is_heard_unreliably(&mut member, b"alone elsewhere").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_hear_who_comes_and_who_goes() {
    let cluster = cluster(1).await;
    let (room, mut players) = room_on(&cluster, "node-1", 2).await;
    for (number, transport) in BOTH.into_iter().enumerate() {
        let member = number as u64 + 3;
        let name = format!("guest-{number}");
        let mut guest = Player::on(&cluster, transport, &name, "node-1").await;
        guest.joins(room).await;
        guest.leaves().await;
        for player in &mut players {
            let joined = |event: &Event| matches!(event, Event::Room(RoomEvent::MemberJoined { .. }));
            let (event, user) = player.until(joined).await;
            assert!(matches!(event, Event::Room(RoomEvent::MemberJoined { member: who }) if who.0 == member));
            assert_eq!(user, name.as_bytes());
            let left = |event: &Event| matches!(event, Event::Room(RoomEvent::MemberLeft { .. }));
            let (event, user) = player.until(left).await;
            let Event::Room(RoomEvent::MemberLeft { member: who, status }) = event else { unreachable!() };
            assert_eq!((who.0, status), (member, Status::Ok));
            assert_eq!(user, name.as_bytes());
        }
        let exited = guest.rest();
        assert!(exited.contains(&Event::Room(RoomEvent::Exited { room, status: Status::Ok })), "{exited:?}");
        guest.client.disconnect().unwrap();
    }
}
