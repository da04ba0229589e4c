//! Many moves of one session, and nodes that leave at the same time.

use crate::moves::{begin_drain, drained, players};
use crate::player::Player;
use crate::{BOTH, cluster, cluster_with, node};
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna::client::{Config, Status};
use sterna::protocol::wire::MoveMode;
use sterna_server::builtin::{PUSH, SET};

const MOVES: u64 = 100;

async fn moves_a_hundred_times(transport: Transport, move_mode: MoveMode) {
    let cluster = cluster(2).await;
    let config = Config { transport, move_mode, ..Config::default() };
    let mut player = Player::join(config, &crate::token_for(&cluster, "ann", "node-1")).await;
    player.ask(SET, b"\x04name\x03Sterna paradisaea").await;
    player.ask(PUSH, &2u32.to_be_bytes()).await;
    let mut pushed = 0u64;
    for moved in 1..=MOVES {
        let left = player.node.clone();
        begin_drain(&cluster, &left);
        player.say(10);
        while player.node == left {
            match player.next().await {
                (Event::Offline { .. }, _) => {
                    player.client.send_migrate().unwrap();
                    player.say(10);
                }
                (Event::Push { cmd: PUSH, .. }, bytes) => {
                    assert_eq!(bytes, pushed.to_be_bytes());
                    pushed += 1;
                }
                (Event::MigrateFailed { status }, _) => panic!("move {moved}: {status}"),
                (Event::Reconnecting { status }, _) => panic!("move {moved}: {status}"),
                (_, _) => {}
            }
        }
        assert_eq!(player.client.stats().moves, moved);
        assert_eq!(drained(&cluster, &left).await.closed, 0);
        cluster.restart(&left).await.unwrap();
    }
    for (event, bytes) in player.rest_with_bytes() {
        assert!(matches!(event, Event::Push { cmd: PUSH, .. }), "{event:?}");
        assert_eq!(bytes, pushed.to_be_bytes());
        pushed += 1;
    }
    player.hear_all().await;
    assert_eq!(player.client.stats().epoch, MOVES + 1, "each move took one epoch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_moves_a_hundred_times_under_traffic_over_tcp() {
    moves_a_hundred_times(Transport::Tcp, MoveMode::Seamless).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_moves_a_hundred_times_under_traffic_over_udp() {
    moves_a_hundred_times(Transport::Udp, MoveMode::Seamless).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_moves_a_hundred_times_the_classic_way() {
    moves_a_hundred_times(Transport::Tcp, MoveMode::Classic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_goes_offline_in_turn_sends_on_who_has_come_and_who_is_coming() {
    let cluster = cluster(3).await;
    let mut players = players(&cluster, 12, "node-1").await;
    begin_drain(&cluster, "node-1");
    for player in &mut players {
        player.until_offline().await;
        player.say(10);
        player.client.send_migrate().unwrap();
        player.say(10);
    }
    // The first moves have ended, or are about to.
    players[0].until(|event| matches!(event, Event::Migrating { .. })).await;
    begin_drain(&cluster, "node-2");
    for player in &mut players {
        while player.node != "node-3" {
            match player.next().await.0 {
                Event::Offline { .. } | Event::MigrateFailed { .. } => {
                    // It may have been told of a node that it has left by now.
                    let asked = player.client.send_migrate();
                    assert!(matches!(asked, Ok(()) | Err(Status::NotOffline)), "{asked:?}");
                }
                Event::Disconnected { status } => panic!("{status}"),
                _ => {}
            }
        }
        player.say(10);
        player.hear_all().await;
    }
    for name in ["node-1", "node-2"] {
        assert_eq!(drained(&cluster, name).await.closed, 0);
    }
    assert_eq!(node(&cluster, "node-3").sessions(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_moved_twice_in_ten_seconds_unless_they_must() {
    let cluster = cluster_with(3, |config| config.migrate_when_online = true).await;
    for transport in BOTH {
        let mut player = Player::on(&cluster, transport, &format!("{transport:?}"), "node-1").await;
        player.client.send_migrate().unwrap();
        player.until_migrated().await;
        let first = player.node.clone();
        player.client.send_migrate().unwrap();
        assert_eq!(player.until_migrate_failed().await, Status::MovedRecently);
        assert_eq!(player.node, first);
        // A node that leaves is reason enough.
        begin_drain(&cluster, &first);
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.until_migrated().await;
        assert_ne!(player.node, first);
        player.say(10);
        player.hear_all().await;
        player.client.disconnect().unwrap();
        player.until_disconnected().await;
        drained(&cluster, &first).await;
        cluster.restart(&first).await.unwrap();
    }
}
