//! Dry runs of a drain: what they find out, and that nobody notices them.

use crate::moves::drained;
use crate::player::{Player, quick};
use crate::proxy::{Proxies, cluster_behind_proxies};
use crate::{BOTH, LONG, cluster, cluster_with, node};
use std::sync::Arc;
use std::time::Duration;
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna::client::{Config, State};
use sterna::protocol::reasons::OfflineReason;
use sterna::protocol::wire::MoveMode;
use sterna_server::admin::{DryRunEntry, DryRunReport, DryRunResult, NodeState, Operator, OperatorError};
use sterna_server::cluster::Cluster;
use sterna_server::node::DryRunOrder;

const ORDER: DryRunOrder = DryRunOrder { limit: LONG, any_version: false };

/// A dry run of the first node.
async fn dry_run(cluster: &Arc<Cluster>) -> DryRunReport {
    cluster.dry_run("node-1", ORDER).await.expect("it is online, and no other is under way")
}

/// So many players on the first node, by both transports and in both modes, at play.
async fn at_play(cluster: &Cluster, count: usize) -> Vec<Player> {
    let mut players = Vec::new();
    for number in 0..count {
        let move_mode = if number % 4 < 2 { MoveMode::Seamless } else { MoveMode::Classic };
        let config = Config { transport: BOTH[number % 2], move_mode, ..Config::default() };
        let token = crate::token_for(cluster, &format!("ann-{number}"), "node-1");
        let mut player = Player::join(config, &token).await;
        player.say(20);
        players.push(player);
    }
    players
}

/// Everybody plays on, and has heard nothing; no node has counted anything.
async fn nobody_has_noticed(cluster: &Cluster, players: &mut [Player]) {
    for player in players.iter_mut() {
        player.say(20);
        player.hear_all().await;
        assert_eq!(player.rest(), [], "{}", player.node);
        assert_eq!((player.client.state(), player.client.stats().reconnects), (State::Connected, 0));
    }
    for status in cluster.nodes() {
        let moves = status.move_counts();
        assert_eq!((moves.started, moves.done, moves.failed, moves.arrived), (0, 0, 0, 0));
    }
    assert!(cluster.moves(10).is_empty());
}

fn only(report: &DryRunReport) -> &DryRunEntry {
    let [entry] = report.cohorts.as_slice() else { panic!("{report:?}") };
    entry
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_reaches_the_other_nodes_and_nobody_notices() {
    let cluster = cluster(3).await;
    let mut players = at_play(&cluster, 24).await;
    for _ in 0..2 {
        let report = dry_run(&cluster).await;
        assert!(report.all_could_move(), "{report:?}");
        assert_eq!((report.sessions, report.movable, report.unlinked), (24, 24, 0));
        assert_eq!(report.cohorts.len(), 24);
        let targets = ["node-2", "node-3"];
        let known = |entry: &DryRunEntry| targets.contains(&entry.target.as_deref().unwrap_or_default());
        assert!(report.cohorts.iter().all(known), "{report:?}");
    }
    nobody_has_noticed(&cluster, &mut players).await;
    assert!(Operator::nodes(&*cluster).iter().all(|node| node.state == NodeState::Online));
    // What was found out holds.
    cluster.begin_drain("node-1", LONG, OfflineReason::Deploy).unwrap();
    for player in &mut players {
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.until_migrated().await;
        player.say(10);
        player.hear_all().await;
    }
    assert_eq!(drained(&cluster, "node-1").await.closed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cordoned_node_stays_so_and_a_lone_node_has_nowhere_to_go() {
    let cluster = cluster(2).await;
    let mut players = at_play(&cluster, 2).await;
    node(&cluster, "node-1").cordon(true).await;
    assert!(dry_run(&cluster).await.all_could_move());
    assert_eq!(Operator::nodes(&*cluster)[0].state, NodeState::Cordoned);
    node(&cluster, "node-2").cordon(true).await;
    let report = dry_run(&cluster).await;
    assert_eq!((report.sessions, report.movable), (2, 0));
    for entry in &report.cohorts {
        assert_eq!((entry.result, entry.reason.as_deref()), (DryRunResult::Stays, Some("no_target")));
    }
    nobody_has_noticed(&cluster, &mut players).await;
}

/// Each of them would fit; all of them do not.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_room_for_some_is_not_taken_to_have_room_for_all() {
    let cluster = cluster_with(2, |config| config.limits.sessions_max = 8).await;
    let mut players = at_play(&cluster, 6).await;
    for number in 0..4 {
        players.push(Player::on(&cluster, BOTH[number % 2], &format!("bob-{number}"), "node-2").await);
    }
    let report = dry_run(&cluster).await;
    assert_eq!((report.sessions, report.movable), (6, 4), "{report:?}");
    for entry in report.cohorts.iter().filter(|entry| entry.result != DryRunResult::Movable) {
        assert_eq!(entry.reason.as_deref(), Some("target_refused"));
        let [tried] = entry.tried.as_slice() else { panic!("{entry:?}") };
        assert_eq!((tried.node.as_str(), tried.reason.as_str()), ("node-2", "full"));
    }
    nobody_has_noticed(&cluster, &mut players).await;
}

/// A player on the first of so many nodes, each behind a proxy.
async fn ann_behind_proxies(nodes: u16, transport: Transport) -> (Arc<Cluster>, Proxies, Player) {
    let (cluster, proxies) = cluster_behind_proxies(nodes, |config| {
        config.times.attach = Duration::from_millis(400);
    })
    .await;
    let token = proxies.token(&cluster, "ann", "node-1");
    let player = Player::join(quick(transport), &token).await;
    (cluster, proxies, player)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_cannot_reach_the_target_is_found_out() {
    for transport in BOTH {
        let (cluster, proxies, mut player) = ann_behind_proxies(3, transport).await;
        proxies.close("node-2");
        proxies.close("node-3");
        let report = dry_run(&cluster).await;
        let entry = only(&report);
        assert_eq!((entry.who.as_str(), entry.result), ("ann", DryRunResult::Stays), "{transport:?}");
        assert_eq!(entry.reason.as_deref(), Some("client_cannot_reach"));
        assert_eq!(entry.tried.len(), 2, "{entry:?}");
        assert_eq!(entry.unreached, ["ann"]);
        proxies.open("node-3");
        let report = dry_run(&cluster).await;
        assert!(report.all_could_move(), "{report:?}");
        assert_eq!(only(&report).target.as_deref(), Some("node-3"));
        nobody_has_noticed(&cluster, std::slice::from_mut(&mut player)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_without_a_link_is_told_apart() {
    for transport in BOTH {
        let (cluster, proxies, mut player) = ann_behind_proxies(2, transport).await;
        proxies.close("node-1");
        player.until_reconnecting().await;
        // The node notices a while after its client, which does not answer until then.
        let report = loop {
            let report = dry_run(&cluster).await;
            if report.unlinked > 0 {
                break report;
            }
            assert_eq!(only(&report).reason.as_deref(), Some("client_cannot_reach"));
        };
        assert!(report.all_could_move(), "{report:?}");
        proxies.open("node-1");
        player.until_reconnected().await;
        player.say(20);
        player.hear_all().await;
        assert_eq!(player.moves_told(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_begins_meanwhile_goes_before() {
    let cluster = cluster_with(3, |config| config.limits.arrivals_max = 2).await;
    let mut players = at_play(&cluster, 30).await;
    let running = tokio::spawn({
        let cluster = cluster.clone();
        async move { cluster.dry_run("node-1", ORDER).await }
    });
    cluster.begin_drain("node-1", LONG, OfflineReason::Deploy).unwrap();
    for player in &mut players {
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.until_migrated().await;
        player.say(10);
        player.hear_all().await;
    }
    assert_eq!(drained(&cluster, "node-1").await.closed, 0);
    match running.await.expect("it ends") {
        Ok(report) => assert!(report.sessions <= 30, "{report:?}"),
        Err(error) => assert_eq!(error, OperatorError::AlreadyOffline("node-1".into())),
    }
    assert!(cluster.moves(100).iter().all(|entry| entry.reason.is_none()), "{:?}", cluster.moves(100));
}

#[tokio::test(flavor = "multi_thread")]
async fn moves_that_players_ask_for_go_before_a_dry_run() {
    let cluster = cluster_with(3, |config| config.migrate_when_online = true).await;
    let mut players = at_play(&cluster, 12).await;
    let running = tokio::spawn({
        let cluster = cluster.clone();
        async move { cluster.dry_run("node-1", ORDER).await }
    });
    for player in &mut players {
        player.client.send_migrate().unwrap();
    }
    for player in &mut players {
        player.until_migrated().await;
        player.say(10);
        player.hear_all().await;
    }
    let report = running.await.expect("it ends").expect("it was allowed");
    assert!(report.cohorts.iter().all(|entry| entry.result != DryRunResult::Stays), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_and_whoever_goes_away_ends_it() {
    let (cluster, proxies) = cluster_behind_proxies(2, |_| {}).await;
    let token = proxies.token(&cluster, "ann", "node-1");
    let mut player = Player::join(Config::default(), &token).await;
    proxies.silence("node-2", true);
    let mut running = Box::pin(cluster.dry_run("node-1", ORDER));
    // It has begun, and waits for a client that gets no answer.
    let waits = tokio::time::timeout(Duration::from_millis(100), &mut running).await;
    assert!(waits.is_err(), "{waits:?}");
    let busy = cluster.dry_run("node-1", ORDER).await;
    assert_eq!(busy, Err(OperatorError::DryRunUnderWay("node-1".into())));
    drop(running);
    proxies.silence("node-2", false);
    assert!(dry_run(&cluster).await.all_could_move());
    nobody_has_noticed(&cluster, std::slice::from_mut(&mut player)).await;
    let unknown = cluster.dry_run("node-9", ORDER).await;
    assert_eq!(unknown, Err(OperatorError::UnknownNode("node-9".into())));
    cluster.begin_drain("node-1", LONG, OfflineReason::Deploy).unwrap();
    let offline = cluster.dry_run("node-1", ORDER).await;
    assert_eq!(offline, Err(OperatorError::AlreadyOffline("node-1".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_tried_in_time_is_told_as_such() {
    let (cluster, proxies) = cluster_behind_proxies(2, |_| {}).await;
    let token = proxies.token(&cluster, "ann", "node-1");
    let mut player = Player::join(Config::default(), &token).await;
    proxies.silence("node-2", true);
    let order = DryRunOrder { limit: Duration::from_millis(100), ..ORDER };
    let report = cluster.dry_run("node-1", order).await.unwrap();
    assert_eq!(only(&report).result, DryRunResult::Untried);
    assert!(!report.all_could_move());
    proxies.silence("node-2", false);
    nobody_has_noticed(&cluster, std::slice::from_mut(&mut player)).await;
    assert!(player.rest().iter().all(|event| !matches!(event, Event::Reconnecting { .. })));
}
