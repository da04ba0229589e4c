//! Links that break: the client restores them by itself, and nothing is lost.

use crate::player::{Player, quick};
use crate::proxy::cluster_behind_proxies;
use crate::{BOTH, LONG, PATIENCE, cluster, node};
use std::time::Duration;
use sterna::client::config::{Simulator, Transport};
use sterna::client::event::Event;
use sterna::client::{Config, State, Status};
use sterna::protocol::reasons::OfflineReason;
use sterna_server::builtin::{ECHO, PUSH, VERSION};

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_link_is_restored_and_nothing_is_lost() {
    let (cluster, proxies) = cluster_behind_proxies(2, |_| {}).await;
    for transport in BOTH {
        let token = proxies.token(&cluster, &format!("ann-{transport:?}"), "node-1");
        let mut player = Player::join(quick(transport), &token).await;
        for round in 1..=3 {
            player.say(100);
            proxies.break_link(&mut player, transport, "node-1").await;
            player.say(100); // taken, and sent when the link is back
            player.until_reconnected().await;
            player.say(100);
            player.hear_all().await;
            assert_eq!(player.client.stats().reconnects, round);
            assert_eq!(player.node, "node-1");
        }
        assert_eq!(player.rest(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_when_the_link_broke_is_answered_once() {
    let (cluster, proxies) = cluster_behind_proxies(1, |_| {}).await;
    for transport in BOTH {
        let token = proxies.token(&cluster, &format!("ann-{transport:?}"), "node-1");
        let mut player = Player::join(quick(transport), &token).await;
        proxies.silence("node-1", true);
        let asked: Vec<u64> =
            (0..20u8).map(|number| player.client.request(VERSION, ECHO, &[number], None).unwrap()).collect();
        proxies.break_link(&mut player, transport, "node-1").await;
        proxies.silence("node-1", false);
        player.until_reconnected().await;
        for expected in asked {
            let (event, _) = player.until(|event| matches!(event, Event::Response { .. })).await;
            let Event::Response { request, status, .. } = event else { unreachable!() };
            assert_eq!((request, status), (expected, Status::Ok));
        }
        player.ask(ECHO, b"and that was all").await;
        assert_eq!(player.rest(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_survives_the_loss_of_every_link() {
    let (cluster, proxies) = cluster_behind_proxies(3, |_| {}).await;
    // Each round the links are cut at another moment of the move.
    for round in 0..12u32 {
        let user = format!("ann-{round}");
        let token = proxies.token(&cluster, &user, "node-1");
        let mut player = Player::join(quick(Transport::Tcp), &token).await;
        player.ask(PUSH, &2u32.to_be_bytes()).await;
        player.say(50);
        cluster.begin_drain("node-1", LONG, OfflineReason::ScaleIn).unwrap();
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.say(50);
        if round % 3 != 0 {
            player.until(|event| matches!(event, Event::Migrating { .. })).await;
        }
        tokio::time::sleep(Duration::from_micros(u64::from(round) * 400)).await;
        proxies.cut_all();
        player.say(50);
        let mut pushed = 0u64;
        let mut last = None;
        // Wherever it ends, it ends on another node, and every push comes once.
        while player.node == "node-1" || pushed < 20 {
            let (event, bytes) = player.next().await;
            match event {
                Event::Push { cmd: PUSH, .. } => {
                    let number = u64::from_be_bytes(bytes.try_into().unwrap());
                    assert!(last.is_none_or(|last| number == last + 1), "{last:?}, then {number}");
                    last = Some(number);
                    pushed += u64::from(player.node != "node-1");
                }
                Event::MigrateFailed { .. } => {
                    let _ = player.client.send_migrate();
                }
                Event::Disconnected { status } => panic!("round {round}: {status}"),
                _ => {}
            }
        }
        player.say(50);
        player.hear_all().await;
        let report = tokio::time::timeout(PATIENCE, cluster.drained("node-1")).await.unwrap().unwrap();
        assert_eq!(report.closed, 0);
        player.client.disconnect().unwrap();
        player.until_disconnected().await;
        proxies.restart(&cluster, "node-1").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_cannot_be_reached_leaves_the_player_where_they_are() {
    for transport in BOTH {
        let (cluster, proxies) = cluster_behind_proxies(2, |config| {
            config.times.attach = Duration::from_millis(300);
        })
        .await;
        proxies.close("node-2");
        let token = proxies.token(&cluster, &format!("ann-{transport:?}"), "node-1");
        let mut player = Player::join(quick(transport), &token).await;
        player.say(20);
        cluster.begin_drain("node-1", LONG, OfflineReason::ScaleIn).unwrap();
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        assert_eq!(player.until_migrate_failed().await, Status::CannotReachTarget);
        player.say(20);
        player.hear_all().await;
        assert_eq!((player.node.as_str(), player.client.state()), ("node-1", State::Connected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_targets_the_one_that_can_be_reached_is_found() {
    let (cluster, proxies) = cluster_behind_proxies(3, |config| {
        config.times.attach = Duration::from_millis(300);
    })
    .await;
    proxies.close("node-2");
    let mut players = Vec::new();
    for number in 0..6 {
        let token = proxies.token(&cluster, &format!("ann-{number}"), "node-1");
        players.push(Player::join(quick(BOTH[number % 2]), &token).await);
    }
    cluster.begin_drain("node-1", LONG, OfflineReason::ScaleIn).unwrap();
    for player in &mut players {
        player.say(20);
        player.until_offline().await;
        player.client.send_migrate().unwrap();
    }
    for player in &mut players {
        player.until_migrated().await;
        assert_eq!(player.node, "node-3");
        player.say(20);
        player.hear_all().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_its_client_stays_away_too_long() {
    let (cluster, proxies) = cluster_behind_proxies(2, |config| {
        config.times.resume = Duration::from_millis(400);
    })
    .await;
    for transport in BOTH {
        let token = proxies.token(&cluster, &format!("ann-{transport:?}"), "node-1");
        let mut player = Player::join(quick(transport), &token).await;
        let open = player.client.request(VERSION, 999, b"", None).unwrap();
        player.until(|event| matches!(event, Event::Response { request, .. } if *request == open)).await;
        proxies.close("node-1");
        player.until_reconnecting().await;
        let request = player.client.request(VERSION, ECHO, b"too late", None).unwrap();
        let (event, _) = player.until(|event| matches!(event, Event::Response { .. })).await;
        let Event::Response { request: number, status, .. } = event else { unreachable!() };
        assert_eq!((number, status), (request, Status::RequestAbandoned));
        let (status, text) = player.until_disconnected().await;
        assert_eq!(status, Status::SessionTimedOut);
        assert!(text.contains("connect anew"), "{text}");
        crate::eventually("the node has forgotten it", || node(&cluster, "node-1").sessions() == 0).await;
        proxies.open("node-1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_disconnects_is_gone_at_once() {
    let cluster = cluster(1).await;
    for transport in BOTH {
        let mut player = Player::on(&cluster, transport, "ann", "node-1").await;
        player.say(10);
        player.hear_all().await;
        player.client.disconnect().unwrap();
        assert_eq!(player.until_disconnected().await.0, Status::Ok);
        crate::eventually("the session has ended", || node(&cluster, "node-1").sessions() == 0).await;
        assert_eq!(player.client.send(true, VERSION, ECHO, b"x"), Err(Status::NotConnected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_over_a_bad_network_loses_nothing() {
    let cluster = cluster(2).await;
    for transport in BOTH {
        let simulator = Simulator {
            delay: Duration::from_millis(15),
            jitter: Duration::from_millis(5),
            loss_percent: if transport == Transport::Udp { 3 } else { 0 },
            seed: 7,
        };
        let config = Config { transport, simulator, ..Config::default() };
        let token = crate::token_for(&cluster, &format!("ann-{transport:?}"), "node-1");
        let mut player = Player::join(config, &token).await;
        player.say(100);
        cluster.begin_drain("node-1", LONG, OfflineReason::ScaleIn).unwrap();
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.say(100);
        player.until_migrated().await;
        player.say(100);
        player.hear_all().await;
        cluster.drained("node-1").await.unwrap();
        cluster.restart("node-1").await.unwrap();
    }
}
