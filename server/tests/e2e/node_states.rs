//! What each state of a node forbids, and what it does not.

use crate::player::{Player, quick};
use crate::proxy::cluster_behind_proxies;
use crate::{BOTH, LONG, cluster, node, token, token_for};
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna::client::token::ConnectToken;
use sterna::client::{Config, Status};
use sterna::protocol::reasons::OfflineReason;
use sterna_server::admin::{NodeState, Operator as _};
use sterna_server::builtin::ECHO;

fn config(transport: Transport) -> Config {
    Config { transport, ..Config::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn look_ups_return_online_nodes_only() {
    let cluster = cluster(3).await;
    let addresses = |token: ConnectToken| (token.tcp, token.quic);
    let of = |names: &[&str]| {
        let nodes: Vec<_> = names.iter().map(|name| node(&cluster, name)).collect();
        let tcp: Vec<_> = nodes.iter().map(|node| node.tcp()).collect();
        let quic: Vec<_> = nodes.iter().map(|node| node.quic()).collect();
        (tcp, quic)
    };
    assert_eq!(addresses(token(&cluster, "ann")), of(&["node-1", "node-2", "node-3"]));
    node(&cluster, "node-2").cordon(true).await;
    assert_eq!(addresses(token(&cluster, "ann")), of(&["node-1", "node-3"]));
    let _player = Player::on(&cluster, Transport::Tcp, "ann", "node-1").await;
    cluster.begin_drain("node-1", LONG, OfflineReason::Operator).unwrap();
    assert_eq!(addresses(token(&cluster, "ann")), of(&["node-3"]));
    node(&cluster, "node-2").cordon(false).await;
    assert_eq!(addresses(token(&cluster, "ann")), of(&["node-2", "node-3"]));
    let states: Vec<_> =
        sterna_server::admin::Operator::nodes(&*cluster).iter().map(|node| node.state).collect();
    assert_eq!(states, [NodeState::Offline, NodeState::Online, NodeState::Online]);
    assert!(cluster.cordon("node-1", true).is_err(), "what is offline stays so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cordoned_node_takes_no_users_and_no_arrivals() {
    let cluster = cluster(3).await;
    node(&cluster, "node-2").cordon(true).await;
    for transport in BOTH {
        let token = token_for(&cluster, "eve", "node-2");
        assert_eq!(Player::refused(config(transport), &token).await.0, Status::NotOnline);
    }
    let mut players = Vec::new();
    for number in 0..12 {
        players.push(Player::on(&cluster, BOTH[number % 2], &format!("{number}"), "node-1").await);
    }
    cluster.begin_drain("node-1", LONG, OfflineReason::Deploy).unwrap();
    for player in &mut players {
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.until_migrated().await;
        assert_eq!(player.node, "node-3");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_cordoned_node_play_resumes_and_departures_go_on() {
    let (cluster, proxies) = cluster_behind_proxies(2, |_| {}).await;
    for transport in BOTH {
        let token = proxies.token(&cluster, &format!("ann-{transport:?}"), "node-1");
        let mut player = Player::join(quick(transport), &token).await;
        player.say(10);
        node(&cluster, "node-1").cordon(true).await;
        player.hear_all().await;
        proxies.break_link(&mut player, transport, "node-1").await;
        player.until_reconnected().await;
        player.say(10);
        player.hear_all().await;
        // It is not offline: nobody is told to leave, and nobody may.
        assert_eq!(player.client.send_migrate(), Err(Status::NotOffline));
        cluster.begin_drain("node-1", LONG, OfflineReason::Deploy).unwrap();
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.until_migrated().await;
        cluster.drained("node-1").await.unwrap();
        proxies.restart(&cluster, "node-1").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_an_offline_node_play_and_resumes_go_on_and_it_is_said_again() {
    let (cluster, proxies) = cluster_behind_proxies(2, |_| {}).await;
    for transport in BOTH {
        let token = proxies.token(&cluster, &format!("ann-{transport:?}"), "node-1");
        let mut player = Player::join(quick(transport), &token).await;
        cluster.begin_drain("node-1", LONG, OfflineReason::Deploy).unwrap();
        player.until_offline().await;
        let token = ConnectToken { user_token: token_user(&cluster, "eve"), ..token };
        assert_eq!(Player::refused(config(transport), &token).await.0, Status::NotOnline);
        player.say(10);
        player.hear_all().await;
        proxies.break_link(&mut player, transport, "node-1").await;
        player.until_reconnected().await;
        player.ask(ECHO, b"still here").await;
        // The game has been told before the break, and is not told twice of one epoch.
        assert!(!player.rest().iter().any(|event| matches!(event, Event::Offline { .. })));
        player.client.send_migrate().unwrap();
        player.until_migrated().await;
        cluster.drained("node-1").await.unwrap();
        proxies.restart(&cluster, "node-1").await;
    }
}

fn token_user(cluster: &sterna_server::cluster::Cluster, user: &str) -> String {
    token(cluster, user).user_token
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_node_that_has_stopped_is_started_again() {
    let cluster = cluster(2).await;
    assert!(cluster.restart("node-1").await.unwrap_err().to_string().contains("drain it first"));
    assert!(cluster.restart("node-9").await.unwrap_err().to_string().contains("node-9"));
    assert_eq!(cluster.nodes().len(), 2);
    let unknown = cluster.begin_drain("node-9", LONG, OfflineReason::Deploy);
    assert!(unknown.unwrap_err().to_string().contains("node-9"));
    let _player = Player::on(&cluster, Transport::Tcp, "ann", "node-1").await;
    cluster.begin_drain("node-1", LONG, OfflineReason::Deploy).unwrap();
    let twice = cluster.begin_drain("node-1", LONG, OfflineReason::Deploy);
    assert!(twice.unwrap_err().to_string().contains("offline already"));
}
