//! Nodes that leave: at the deadline, when they are empty, when they are stopped, and what is left of them.

use crate::moves::{begin_drain, drained, players};
use crate::player::Player;
use crate::strangers::free_port;
use crate::{BOTH, cluster, cluster_with, engine_outlives_nodes, eventually, node};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use sterna::client::Status;
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna::protocol::cohort::Report;
use sterna::protocol::reasons::OfflineReason;
use sterna_server::builtin::Builtin;
use sterna_server::cluster::Cluster;
use sterna_server::config::Config;
use sterna_server::node::Observer;

/// Counts moves that failed.
#[derive(Default)]
struct FailedMoves(AtomicUsize);

impl Observer for FailedMoves {
    fn report(&self, _: &str, report: Report, _: Instant) {
        if let Report::MoveFailed(_) = report {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn players_who_never_answer_are_moved_before_the_deadline_and_lose_nothing() {
    let cluster = cluster(2).await;
    let mut players = players(&cluster, 6, "node-1").await;
    let deadline = Duration::from_secs(2);
    cluster.begin_drain("node-1", deadline, OfflineReason::Deploy).unwrap();
    let began = Instant::now();
    for player in &mut players {
        player.say(50);
        let (event, _) = player.until(|event| matches!(event, Event::Offline { .. })).await;
        let Event::Offline { deadline_ms, reason, in_room, .. } = event else { unreachable!() };
        assert!(deadline_ms > 0 && deadline_ms <= 2000, "{deadline_ms}");
        assert_eq!((reason, in_room), (OfflineReason::Deploy, false));
    }
    let report = drained(&cluster, "node-1").await;
    assert_eq!(report.closed, 0);
    assert!(began.elapsed() >= deadline / 2, "they were given time");
    assert!(report.took <= deadline + Duration::from_secs(1), "{report:?}");
    for player in &mut players {
        player.say(50);
        player.hear_all().await;
        player.until_migrated().await;
        assert_eq!(player.node, "node-2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_who_cannot_go_anywhere_is_told_at_the_deadline() {
    let cluster = cluster(1).await;
    for_both_on(&cluster, async |mut tcp, mut udp| {
        let deadline = Duration::from_millis(600);
        cluster.begin_drain("node-1", deadline, OfflineReason::Signal).unwrap();
        for player in [&mut tcp, &mut udp] {
            player.until_left_alone().await;
        }
        let report = drained(&cluster, "node-1").await;
        let left = if engine_outlives_nodes() { (0, 2) } else { (2, 0) };
        assert_eq!((report.closed, report.parked), left);
    })
    .await;
}

async fn for_both_on(cluster: &Cluster, act: impl AsyncFnOnce(Player, Player)) {
    let tcp = Player::on(cluster, Transport::Tcp, "tcp", "node-1").await;
    let udp = Player::on(cluster, Transport::Udp, "udp", "node-1").await;
    act(tcp, udp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_back_in_time_takes_whoever_could_not_go_anywhere() {
    let failures = Arc::new(FailedMoves::default());
    let config = Config { nodes: 2, tcp_port: 0, quic_port: 0, peer_port: 0, ..Config::default() };
    let cluster = Cluster::start(config, Arc::new(Builtin), failures.clone()).await.unwrap();
    let mut player = Player::on(&cluster, Transport::Tcp, "ann", "node-1").await;
    let other = node(&cluster, "node-2");
    assert!(other.cordon(true).await);
    // Four fifths of it the node waits; in the last it tries now and again.
    cluster.begin_drain("node-1", Duration::from_secs(4), OfflineReason::Deploy).unwrap();
    eventually("a forced move has failed", || failures.0.load(Ordering::Acquire) > 0).await;
    assert!(other.cordon(false).await);
    player.until_migrated().await;
    assert_eq!(drained(&cluster, "node-1").await.closed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_node_exits_and_its_ports_are_free_again() {
    let (tcp, quic, peer) = (free_port(), free_port(), free_port());
    let cluster = cluster_with(1, |config| {
        (config.tcp_port, config.quic_port, config.peer_port) = (tcp, quic, peer);
    })
    .await;
    for_both_on(&cluster, async |mut first, mut second| {
        let node = node(&cluster, "node-1");
        begin_drain(&cluster, "node-1");
        for player in [&mut first, &mut second] {
            assert!(!node.has_stopped());
            player.client.disconnect().unwrap();
            assert_eq!(player.until_disconnected().await.0, Status::Ok);
        }
        drained(&cluster, "node-1").await;
        assert!(node.has_stopped());
        let bindable = || {
            let host = "127.0.0.1";
            std::net::UdpSocket::bind((host, quic)).is_ok()
                && std::net::TcpListener::bind((host, tcp)).is_ok()
                && std::net::TcpListener::bind((host, peer)).is_ok()
        };
        eventually("the ports are free", bindable).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_starts_again_on_its_own_ports_as_soon_as_it_was_drained() {
    // Three ports of each kind in a row, each probed: another process may still take one meanwhile.
    let base = (20_000..30_000).step_by(16).find(|base| {
        (0..9).all(|port| {
            std::net::UdpSocket::bind(("127.0.0.1", base + port)).is_ok()
                && std::net::TcpListener::bind(("127.0.0.1", base + port)).is_ok()
        })
    });
    let base = base.expect("some ports are free");
    let cluster = cluster_with(3, |config| {
        (config.tcp_port, config.quic_port, config.peer_port) = (base, base, base + 4);
    })
    .await;
    for transport in BOTH {
        let mut player = Player::on(&cluster, transport, &format!("{transport:?}"), "node-1").await;
        for _ in 0..4 {
            let name = player.node.clone();
            let before = node(&cluster, &name);
            begin_drain(&cluster, &name);
            player.until_offline().await;
            player.client.send_migrate().unwrap();
            player.until_migrated().await;
            player.say(5);
            drained(&cluster, &name).await;
            let after = cluster.restart(&name).await.expect("its ports are free");
            assert_eq!((after.tcp(), after.quic()), (before.tcp(), before.quic()));
            assert_ne!(after.id(), before.id());
        }
        player.hear_all().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_tells_whoever_plays_on_it() {
    let cluster = cluster(2).await;
    for_both_on(&cluster, async |mut tcp, mut udp| {
        let stopped = node(&cluster, "node-1");
        let began = Instant::now();
        stopped.stop().await;
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        assert_eq!(stopped.sessions(), 0);
        for player in [&mut tcp, &mut udp] {
            player.until_left_alone().await;
        }
        // Nothing keeps it in memory but the cluster's list and this test.
        cluster.restart("node-1").await.unwrap();
        eventually("its tasks have let go of it", || Arc::strong_count(&stopped) == 1).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_have_left_are_forgotten_by_those_that_stay() {
    let cluster = cluster(2).await;
    let mut player = Player::on(&cluster, Transport::Tcp, "ann", "node-1").await;
    let mut left = Vec::new();
    for _ in 0..4 {
        let name = player.node.clone();
        left.push(Arc::downgrade(&node(&cluster, &name)));
        begin_drain(&cluster, &name);
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.until_migrated().await;
        drained(&cluster, &name).await;
        cluster.restart(&name).await.unwrap();
    }
    let gone = || left.iter().all(|node| node.strong_count() == 0);
    eventually("no incarnation that has left is kept in memory", gone).await;
}
