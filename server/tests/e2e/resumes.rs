//! What breaks a link, and how the session is resumed: nothing is lost, and the game hears of it once.

use crate::BOTH;
use crate::player::{Player, quick};
use crate::proxy::cluster_behind_proxies;
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna::client::{State, Status};
use sterna_server::builtin::PUSH;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_reset_connection_the_session_is_resumed() {
    let (cluster, proxies) = cluster_behind_proxies(1, |_| {}).await;
    let mut player = Player::join(quick(Transport::Tcp), &proxies.token(&cluster, "ann", "node-1")).await;
    for round in 1..=3 {
        player.say(100);
        proxies.reset("node-1");
        player.say(100);
        let (event, _) = player.until(|event| matches!(event, Event::Reconnecting { .. })).await;
        assert_eq!(event, Event::Reconnecting { status: Status::TransportBroken });
        player.until_reconnected().await;
        player.say(100);
        player.hear_all().await;
        assert_eq!((player.client.stats().reconnects, player.rest()), (round, vec![]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_on_which_nothing_arrives_is_given_up_and_the_session_resumed() {
    let (cluster, proxies) = cluster_behind_proxies(1, |_| {}).await;
    for transport in BOTH {
        let token = proxies.token(&cluster, &format!("ann-{transport:?}"), "node-1");
        let mut player = Player::join(quick(transport), &token).await;
        player.say(50);
        player.hear_all().await;
        proxies.silence("node-1", true);
        player.say(50); // swallowed
        player.until_reconnecting().await;
        assert_eq!(player.client.state(), State::Reconnecting);
        player.say(50);
        proxies.silence("node-1", false);
        player.until_reconnected().await;
        player.hear_all().await;
        assert_eq!(player.rest(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_from_another_address_plays_on() {
    let (cluster, proxies) = cluster_behind_proxies(1, |_| {}).await;
    for transport in BOTH {
        let token = proxies.token(&cluster, &format!("ann-{transport:?}"), "node-1");
        let mut player = Player::join(quick(transport), &token).await;
        for round in 1..=3 {
            player.say(50);
            proxies.rehome("node-1");
            player.say(50);
            match transport {
                Transport::Tcp => player.until_reconnected().await, // by a new connection
                Transport::Udp => {}
            }
            player.say(50);
            player.hear_all().await;
            let reconnects = if transport == Transport::Tcp { round } else { 0 };
            assert_eq!(player.client.stats().reconnects, reconnects, "QUIC's connection migrates");
            assert_eq!(player.rest(), []);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_change_its_address_in_the_middle_of_a_move() {
    let (cluster, proxies) = cluster_behind_proxies(2, |_| {}).await;
    for transport in BOTH {
        let token = proxies.token(&cluster, &format!("ann-{transport:?}"), "node-1");
        let mut player = Player::join(quick(transport), &token).await;
        player.ask(PUSH, &2u32.to_be_bytes()).await;
        crate::moves::begin_drain(&cluster, "node-1");
        player.until_offline().await;
        player.say(50);
        player.client.send_migrate().unwrap();
        proxies.rehome("node-1");
        player.say(50);
        proxies.rehome("node-2");
        player.say(50);
        player.moves_in_the_end().await;
        assert_eq!(player.node, "node-2");
        player.say(50);
        player.hear_all().await;
        player.client.disconnect().unwrap();
        player.until_disconnected().await;
        crate::moves::drained(&cluster, "node-1").await;
        proxies.restart(&cluster, "node-1").await;
    }
}
