//! Drains whose deadline is moved up, and drains that are to be over at once.

use crate::moves::{drained, players};
use crate::player::Player;
use crate::{LONG, cluster, node};
use std::time::{Duration, Instant};
use sterna::client::event::Event;
use sterna::protocol::reasons::OfflineReason;
use sterna_server::cluster::{Cluster, DrainError};
use sterna_server::node::DrainOrder;

const SHORT: Duration = Duration::from_secs(2);

/// Told of so long a drain at the most.
async fn until_told(player: &mut Player, longest: Duration) {
    let longest_ms = longest.as_millis() as u64;
    let told = |event: &Event| {
        matches!(event, Event::Offline { deadline_ms, reason, .. }
            if *deadline_ms <= longest_ms && *reason == OfflineReason::Deploy)
    };
    player.until(told).await;
}

async fn all_have_moved(cluster: &Cluster, players: &mut [Player], began: Instant) {
    let report = drained(cluster, "node-1").await;
    assert_eq!(report.closed, 0);
    assert!(began.elapsed() < LONG / 3, "{:?}", began.elapsed());
    for player in players {
        player.until_migrated().await;
        assert_eq!(player.node, "node-2");
        player.say(20);
        player.hear_all().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_deadline_shortens_a_drain_and_players_are_told() {
    let cluster = cluster(2).await;
    let mut players = players(&cluster, 6, "node-1").await;
    let began = Instant::now();
    cluster.begin_drain("node-1", LONG, OfflineReason::Deploy).unwrap();
    for player in &mut players {
        until_told(player, LONG).await;
    }
    // Another reason is not what they were told.
    cluster.begin_drain("node-1", SHORT, OfflineReason::Operator).unwrap();
    for player in &mut players {
        until_told(player, SHORT).await;
    }
    let status = node(&cluster, "node-1").drain_status().expect("it drains");
    assert!(status.left <= SHORT, "{status:?}");
    all_have_moved(&cluster, &mut players, began).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_deadline_changes_nothing() {
    let cluster = cluster(2).await;
    let mut players = players(&cluster, 2, "node-1").await;
    cluster.begin_drain("node-1", LONG, OfflineReason::Deploy).unwrap();
    let later = cluster.begin_drain("node-1", LONG * 2, OfflineReason::Deploy);
    assert_eq!(later, Err(DrainError::AlreadyOffline("node-1".into())));
    assert!(node(&cluster, "node-1").drain_status().expect("it drains").left <= LONG);
    for player in &mut players {
        player.until_offline().await;
        player.say(20);
        player.hear_all().await;
        assert_eq!(player.rest(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_is_to_be_over_at_once_moves_everybody_without_asking() {
    for goes_already in [true, false] {
        let cluster = cluster(2).await;
        let mut players = players(&cluster, 8, "node-1").await;
        let began = Instant::now();
        if goes_already {
            cluster.begin_drain("node-1", LONG, OfflineReason::Deploy).unwrap();
            for player in &mut players {
                until_told(player, LONG).await;
            }
        }
        cluster.begin_drain("node-1", Duration::ZERO, OfflineReason::Deploy).unwrap();
        all_have_moved(&cluster, &mut players, began).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_is_too_short_from_the_start_still_moves_everybody() {
    let cluster = cluster(2).await;
    let mut players = players(&cluster, 8, "node-1").await;
    let began = Instant::now();
    cluster.begin_drain("node-1", Duration::from_millis(1), OfflineReason::Deploy).unwrap();
    all_have_moved(&cluster, &mut players, began).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shortest_deadline_still_leaves_the_time_that_forced_moves_need() {
    let cluster = cluster(2).await;
    node(&cluster, "node-2").cordon(true).await;
    let mut players = players(&cluster, 4, "node-1").await;
    let began = Instant::now();
    let order = DrainOrder::new(Duration::from_millis(1), OfflineReason::Deploy);
    let long = DrainOrder { deadline: LONG, ..order };
    cluster.order_drain("node-1", long).unwrap();
    for player in &mut players {
        until_told(player, LONG).await;
        player.client.send_migrate().unwrap();
        player.until_migrate_failed().await;
    }
    node(&cluster, "node-2").cordon(false).await;
    cluster.order_drain("node-1", order).unwrap();
    all_have_moved(&cluster, &mut players, began).await;
}
