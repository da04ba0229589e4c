//! Members whose links break, who come late, or come again.

use super::{Chorus, RoomEvent, Status, hears, options, room_on};
use crate::player::{Player, quick};
use crate::proxy::{Proxies, cluster_behind_proxies};
use crate::{BOTH, cluster};
use std::sync::Arc;
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna::protocol::ids::{CohortId, MemberId};
use sterna::protocol::room::wire::RoomRequest;
use sterna_server::cluster::Cluster;

/// Two nodes behind proxies, and a room on the first: two members over one transport, then one over the other.
async fn room_behind_proxies(last: Transport) -> (Arc<Cluster>, Proxies, CohortId, Chorus) {
    let (cluster, proxies) = cluster_behind_proxies(2, |config| config.migrate_when_online = true).await;
    let others = if last == Transport::Tcp { Transport::Udp } else { Transport::Tcp };
    let mut players: Vec<Player> = Vec::new();
    let mut room = CohortId::default();
    for (number, transport) in [others, others, last].into_iter().enumerate() {
        let token = proxies.token(&cluster, &format!("ann-{number}"), "node-1");
        let mut player = Player::join(quick(transport), &token).await;
        if number == 0 {
            room = player.creates_room(options()).await;
        } else {
            player.joins(room).await;
        }
        for earlier in &mut players {
            earlier.until(|event| matches!(event, Event::Room(RoomEvent::MemberJoined { .. }))).await;
        }
        players.push(player);
    }
    (cluster, proxies, room, Chorus::of(players))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_link_breaks_resumes_in_the_room() {
    for transport in BOTH {
        let (_cluster, proxies, _, mut chorus) = room_behind_proxies(transport).await;
        for round in 1..=3 {
            (0..20).for_each(|_| chorus.talk());
            // Only the links of the last one break.
            proxies.silence_for("node-1", transport, true);
            (0..20).for_each(|_| chorus.talk());
            chorus.players[2].until_keeping(|event| matches!(event, Event::Reconnecting { .. })).await;
            (0..20).for_each(|_| chorus.talk());
            proxies.silence_for("node-1", transport, false);
            chorus.listen().await;
            let reconnects = |player: &Player| player.client.stats().reconnects;
            assert_eq!(chorus.players.iter().map(reconnects).collect::<Vec<_>>(), [0, 0, round]);
        }
        chorus.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_comes_again_leaves_the_room_with_the_first_session() {
    let cluster = cluster(2).await;
    for (transport, second_node) in BOTH.into_iter().zip(["node-1", "node-2"]) {
        let (room, mut players) = room_on(&cluster, "node-1", 2).await;
        let user = format!("guest-{transport:?}");
        let mut first = Player::on(&cluster, transport, &user, "node-1").await;
        first.joins(room).await;
        let mut second = Player::on(&cluster, transport, &user, second_node).await;
        assert_eq!(first.until_disconnected().await.0, Status::Replaced);
        let left = RoomEvent::MemberLeft { member: MemberId(3), status: Status::MemberDisconnected };
        for player in &mut players {
            player.until(|event| *event == Event::Room(left)).await;
        }
        // The new session is alone, and may join.
        second.say(10);
        second.hear_all().await;
        second.joins(room).await;
        second.tell_room(1);
        for player in &mut players {
            assert_eq!(hears(player, 1).await.said, [(4, 1)]);
            player.client.disconnect().unwrap();
        }
        second.client.disconnect().unwrap();
        second.until_disconnected().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_cannot_reach_the_target_comes_later() {
    for transport in BOTH {
        let (cluster, proxies, room, mut chorus) = room_behind_proxies(transport).await;
        proxies.close_for("node-2", transport);
        (0..20).for_each(|_| chorus.talk());
        let migrate = chorus.players[0].begin_to_ask(&RoomRequest::Migrate);
        let answer = chorus.players[0].until_result(migrate).await;
        assert_eq!(answer, (Status::Ok, Some(room)));
        // The others are told by the target; its own link lasts until the source has read the record.
        let straggler = &chorus.players[2].client;
        crate::eventually("it is cut off", || straggler.state() != sterna::client::State::Connected).await;
        assert_eq!(crate::node(&cluster, "node-2").sessions(), 3, "it is a member all the while");
        // The others play on.
        (0..20).for_each(|_| chorus.talk());
        for (player, heard) in chorus.players[..2].iter_mut().zip(&mut chorus.heard) {
            // What the straggler says meanwhile waits with its client: the others hear of it what was sent before.
            heard.until(player, 40 * 2).await;
        }
        proxies.open("node-2");
        chorus.until_moved(1).await;
        chorus.check().await;
        assert_eq!(chorus.node(), "node-2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_is_gone_for_good_times_out_and_leaves() {
    let (cluster, proxies) = cluster_behind_proxies(2, |config| {
        config.migrate_when_online = true;
        config.times.resume = std::time::Duration::from_secs(1);
    })
    .await;
    for transport in BOTH {
        let others = if transport == Transport::Tcp { Transport::Udp } else { Transport::Tcp };
        let token = proxies.token(&cluster, &format!("owner-{transport:?}"), "node-1");
        let mut owner = Player::join(quick(others), &token).await;
        let room = owner.creates_room(options()).await;
        let token = proxies.token(&cluster, &format!("gone-{transport:?}"), "node-1");
        let mut gone = Player::join(quick(transport), &token).await;
        gone.joins(room).await;
        proxies.silence_for("node-1", transport, true);
        let left = RoomEvent::MemberLeft { member: MemberId(2), status: Status::MemberDisconnected };
        owner.until(|event| *event == Event::Room(left)).await;
        proxies.silence_for("node-1", transport, false);
        // It may hear of it on its old link still.
        let status = gone.until_disconnected().await.0;
        assert!([Status::SessionTimedOut, Status::SessionUnknown].contains(&status), "{status}");
        owner.client.disconnect().unwrap();
        owner.until_disconnected().await;
    }
}
