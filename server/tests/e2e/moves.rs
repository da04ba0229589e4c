//! Moves while everybody plays: nothing is lost, repeated or out of order, and nobody is told more than
//! they should be.

use crate::player::Player;
use crate::{BOTH, LONG, PATIENCE, cluster, cluster_with, node};
use std::collections::BTreeMap;
use std::sync::Arc;
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna::client::{Config, Status};
use sterna::protocol::reasons::OfflineReason;
use sterna::protocol::wire::{MoveMode, Value};
use sterna_server::builtin::{DELETE, ECHO, GET, LIST, PUSH, SET, VERSION, encode};
use sterna_server::cluster::Cluster;
use sterna_server::node::DrainReport;

pub(crate) async fn drained(cluster: &Cluster, name: &str) -> DrainReport {
    let report = tokio::time::timeout(PATIENCE, cluster.drained(name)).await;
    report.expect("the drain ends").expect("the node was being drained")
}

pub(crate) fn begin_drain(cluster: &Arc<Cluster>, name: &str) {
    cluster.begin_drain(name, LONG, OfflineReason::ScaleIn).expect("it was online");
}

pub(crate) async fn players(cluster: &Cluster, count: usize, name: &str) -> Vec<Player> {
    let mut players = Vec::new();
    for number in 0..count {
        let user = format!("{name}-{number}");
        players.push(Player::on(cluster, BOTH[number % 2], &user, name).await);
    }
    players
}

#[tokio::test(flavor = "multi_thread")]
async fn many_players_survive_a_drain() {
    let cluster = cluster(3).await;
    let mut players = players(&cluster, 40, "node-1").await;
    begin_drain(&cluster, "node-1");
    for player in &mut players {
        player.say(20);
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.say(20);
    }
    for player in &mut players {
        player.until_migrated().await;
        player.say(20);
        player.hear_all().await;
        assert_ne!(player.node, "node-1");
        assert_eq!(player.rest(), [], "a move is told once");
    }
    let report = drained(&cluster, "node-1").await;
    assert_eq!(report.closed, 0);
    assert!(report.took < LONG / 2, "{report:?}");
    // Both of the others were used.
    for name in ["node-2", "node-3"] {
        assert!(node(&cluster, name).sessions() > 5, "{} went to {name}", node(&cluster, name).sessions());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_choose_to_break_before_it_makes() {
    let cluster = cluster(2).await;
    for transport in BOTH {
        let config = Config { transport, move_mode: MoveMode::Classic, ..Config::default() };
        let token = crate::token_for(&cluster, &format!("ann-{transport:?}"), "node-1");
        let mut player = Player::join(config, &token).await;
        player.say(20);
        begin_drain(&cluster, "node-1");
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.say(20);
        player.until_migrated().await;
        player.say(20);
        player.hear_all().await;
        assert_eq!(player.client.stats().reconnects, 0, "the break is part of the move");
        drained(&cluster, "node-1").await;
        cluster.restart("node-1").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_twice_moves_once() {
    let cluster = cluster(3).await;
    for transport in BOTH {
        let user = format!("ann-{transport:?}");
        let mut player = Player::on(&cluster, transport, &user, "node-1").await;
        begin_drain(&cluster, "node-1");
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.client.send_migrate().unwrap();
        player.until(|event| matches!(event, Event::Migrating { .. })).await;
        // The move may be over by now; then there is nothing to move from.
        let again = player.client.send_migrate();
        assert!(matches!(again, Ok(()) | Err(Status::NotOffline)), "{again:?}");
        player.until_migrated().await;
        drained(&cluster, "node-1").await;
        player.ask(ECHO, b"x").await;
        assert_eq!(player.rest(), []);
        assert_eq!(player.client.stats().moves, 1);
        cluster.restart("node-1").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_on_a_node_that_is_not_offline_changes_nothing() {
    let cluster = cluster(2).await;
    for transport in BOTH {
        let mut player = Player::on(&cluster, transport, &format!("{transport:?}"), "node-1").await;
        assert_eq!(player.client.send_migrate(), Err(Status::NotOffline));
        player.ask(ECHO, b"x").await;
        assert_eq!((player.rest(), player.client.stats().moves), (vec![], 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_may_be_left_while_online_if_so_configured_but_not_twice_in_a_moment() {
    let cluster = cluster_with(2, |config| config.migrate_when_online = true).await;
    for transport in BOTH {
        let mut player = Player::on(&cluster, transport, &format!("{transport:?}"), "node-1").await;
        player.say(10);
        player.client.send_migrate().unwrap();
        player.until_migrated().await;
        assert_eq!(player.node, "node-2");
        // The directory has to show the new owner before the node looks at the next wish.
        player.client.send_migrate().unwrap();
        assert_eq!(player.until_migrate_failed().await, Status::MovedRecently);
        player.say(10);
        player.hear_all().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_another_node_a_move_fails_and_play_goes_on() {
    for (nodes, transport) in [(1, Transport::Tcp), (1, Transport::Udp), (2, Transport::Tcp)] {
        let cluster = cluster(nodes).await;
        let mut player = Player::on(&cluster, transport, "ann", "node-1").await;
        if nodes == 2 {
            assert!(node(&cluster, "node-2").cordon(true).await);
        }
        player.say(10);
        begin_drain(&cluster, "node-1");
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        let (event, text) = player.until(|event| matches!(event, Event::MigrateFailed { .. })).await;
        assert_eq!(event, Event::MigrateFailed { status: Status::NoTarget });
        assert!(!text.is_empty());
        player.say(10);
        player.hear_all().await;
        assert_eq!(player.client.stats().moves_failed, 1);
        if nodes == 2 {
            // The game may ask again, and now there is one.
            assert!(node(&cluster, "node-2").cordon(false).await);
            player.client.send_migrate().unwrap();
            player.until_migrated().await;
            drained(&cluster, "node-1").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_answered_once_whenever_the_move_comes() {
    let cluster = cluster(3).await;
    for transport in BOTH {
        let user = format!("ann-{transport:?}");
        let mut player = Player::on(&cluster, transport, &user, "node-1").await;
        begin_drain(&cluster, "node-1");
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        let mut open = BTreeMap::new();
        let mut moved = false;
        let mut number = 0u32;
        while !moved || !open.is_empty() {
            if !moved && open.len() < 64 {
                let request = player.client.request(VERSION, ECHO, &number.to_be_bytes(), None).unwrap();
                open.insert(request, number);
                number += 1;
                tokio::task::yield_now().await;
            }
            for event in player.rest_with_bytes() {
                match event {
                    (Event::Response { request, status, .. }, bytes) => {
                        assert_eq!(status, Status::Ok);
                        let asked = open.remove(&request).expect("answered twice, or never asked");
                        assert_eq!(bytes, asked.to_be_bytes());
                    }
                    (Event::Migrated { .. }, _) => moved = true,
                    (_, _) => {}
                }
            }
        }
        assert!(number > 0);
        drained(&cluster, "node-1").await;
        cluster.restart("node-1").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_to_the_target_resumes_the_tls_session() {
    for transport in BOTH {
        let cluster = cluster(2).await;
        let mut player = Player::on(&cluster, transport, "ann", "node-1").await;
        player.ask(ECHO, b"the TLS tickets have come with this").await;
        begin_drain(&cluster, "node-1");
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.until_migrated().await;
        assert!(node(&cluster, "node-2").resumed_handshakes() > 0, "{transport:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_are_drained_at_once() {
    let cluster = cluster(4).await;
    let mut everybody = players(&cluster, 3, "node-1").await;
    everybody.extend(players(&cluster, 3, "node-2").await);
    begin_drain(&cluster, "node-1");
    begin_drain(&cluster, "node-2");
    for player in &mut everybody {
        player.say(10);
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.say(10);
    }
    for name in ["node-1", "node-2"] {
        assert_eq!(drained(&cluster, name).await.closed, 0);
    }
    for player in &mut everybody {
        player.until_migrated().await;
        player.say(10);
        player.hear_all().await;
        assert!(["node-3", "node-4"].contains(&player.node.as_str()), "{}", player.node);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_around_all_nodes_and_back() {
    let cluster = cluster(2).await;
    for transport in BOTH {
        let mut player = Player::on(&cluster, transport, &format!("{transport:?}"), "node-1").await;
        for round in 1..=6 {
            let name = player.node.clone();
            player.say(25);
            begin_drain(&cluster, &name);
            player.until_offline().await;
            player.say(25);
            player.client.send_migrate().unwrap();
            player.say(25);
            player.until_migrated().await;
            player.say(25);
            assert_ne!(player.node, name);
            assert_eq!(player.client.stats().moves, round);
            drained(&cluster, &name).await;
            cluster.restart(&name).await.unwrap();
        }
        player.hear_all().await;
        player.client.disconnect().unwrap();
        player.until_disconnected().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_stored_is_the_same_after_a_move() {
    let cluster = cluster(2).await;
    let values: [(&str, Value); 5] = [
        ("integer", Value::Integer(i64::MIN)),
        ("not a number", Value::Float(f64::from_bits(0x7ff8_0000_0000_0001))),
        ("minus zero", Value::Float(-0.0)),
        ("text", Value::Text("Küstenseeschwalbe".into())),
        ("bytes", Value::Bytes((0..=255).collect())),
    ];
    for transport in BOTH {
        let mut player = Player::on(&cluster, transport, &format!("{transport:?}"), "node-1").await;
        for (key, value) in &values {
            player.ask(SET, &entry(key, value)).await;
        }
        player.ask(SET, &entry("gone", &Value::Integer(1))).await;
        player.ask(DELETE, b"gone").await;
        let before = player.ask(LIST, b"").await;
        begin_drain(&cluster, "node-1");
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.until_migrated().await;
        assert_eq!(player.ask(LIST, b"").await, before);
        for (key, value) in &values {
            assert_eq!(player.ask(GET, key.as_bytes()).await, encode(value), "{key}");
        }
        drained(&cluster, "node-1").await;
        cluster.restart("node-1").await.unwrap();
    }
}

fn entry(key: &str, value: &Value) -> Vec<u8> {
    let mut bytes = vec![key.len() as u8];
    bytes.extend_from_slice(key.as_bytes());
    bytes.extend_from_slice(&encode(value));
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn large_user_data_is_copied_ahead_and_arrives_with_what_changed_meanwhile() {
    let cluster = cluster_with(2, |config| config.limits.user_data_bytes_max = 4 << 20).await;
    for transport in BOTH {
        let mut player = Player::on(&cluster, transport, "hoarder", "node-1").await;
        let chest =
            |number: u8, fill: u8| entry(&format!("chest-{number:02}"), &Value::Bytes(vec![fill; 60_000]));
        for number in 0..20u8 {
            player.ask(SET, &chest(number, number)).await;
        }
        begin_drain(&cluster, "node-1");
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        // While the copy is on its way, or after it: whatever is answered has to be there afterwards.
        player.ask(SET, &chest(3, 103)).await;
        player.ask(DELETE, b"chest-04").await;
        player.ask(SET, &chest(20, 120)).await;
        player.until_migrated_times(1).await;
        for number in 0..=20u8 {
            let expected = match number {
                3 | 20 => Some(number + 100),
                4 => None,
                other => Some(other),
            };
            let value = player.ask(GET, format!("chest-{number:02}").as_bytes()).await;
            let expected = expected.map(|fill| encode(&Value::Bytes(vec![fill; 60_000])));
            assert!(value == expected.unwrap_or_default(), "chest-{number:02} is not what it was");
        }
        drained(&cluster, "node-1").await;
        cluster.restart("node-1").await.expect("the node comes back");
        drop(player);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_periodic_push_goes_on_through_moves_without_a_gap() {
    let cluster = cluster(2).await;
    for transport in BOTH {
        let mut player = Player::on(&cluster, transport, &format!("{transport:?}"), "node-1").await;
        player.ask(PUSH, &3u32.to_be_bytes()).await;
        let mut expected = 0u64;
        for _ in 0..2 {
            let name = player.node.clone();
            begin_drain(&cluster, &name);
            let mut pushes_after = 0;
            let mut moved = false;
            while pushes_after < 10 {
                let (event, bytes) = player.next().await;
                match event {
                    Event::Offline { .. } => player.client.send_migrate().unwrap(),
                    Event::Migrated { .. } => moved = true,
                    Event::Push { cmd: PUSH, .. } => {
                        assert_eq!(bytes, expected.to_be_bytes());
                        expected += 1;
                        pushes_after += u32::from(moved);
                    }
                    _ => {}
                }
            }
            drained(&cluster, &name).await;
            cluster.restart(&name).await.unwrap();
        }
        player.client.disconnect().unwrap();
        player.until_disconnected().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_during_its_move_ends_its_session() {
    let cluster = cluster(2).await;
    for transport in BOTH {
        for _ in 0..5 {
            let mut player = Player::on(&cluster, transport, "ann", "node-1").await;
            begin_drain(&cluster, "node-1");
            player.until_offline().await;
            player.client.send_migrate().unwrap();
            player.until(|event| matches!(event, Event::Migrating { .. })).await;
            player.client.disconnect().unwrap();
            assert_eq!(player.until_disconnected().await.0, Status::Ok);
            let report = drained(&cluster, "node-1").await;
            assert_eq!(report.closed, 0);
            crate::eventually("nothing is left of it", || node(&cluster, "node-2").sessions() == 0).await;
            cluster.restart("node-1").await.unwrap();
        }
    }
}
