//! Moves that nobody waits for: at the drain's deadline, and by clients that break before they make.

use crate::moves::{begin_drain, drained};
use crate::player::{Player, quick};
use crate::proxy::cluster_behind_proxies;
use crate::{BOTH, cluster_with, node};
use std::time::{Duration, Instant};
use sterna::client::event::Event;
use sterna::client::{Config, State, Status};
use sterna::protocol::reasons::OfflineReason;
use sterna::protocol::wire::MoveMode;
use sterna_server::builtin::PUSH;

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_move_of_a_client_that_cannot_reach_the_target_waits_for_it_there() {
    for transport in BOTH {
        let (cluster, proxies) = cluster_behind_proxies(2, |_| {}).await;
        let token = proxies.token(&cluster, "ann", "node-1");
        let mut player = Player::join(quick(transport), &token).await;
        player.ask(PUSH, &2u32.to_be_bytes()).await;
        player.say(50);
        proxies.close("node-2");
        cluster.begin_drain("node-1", Duration::from_secs(1), OfflineReason::Deploy).unwrap();
        player.until_offline().await;
        let report = drained(&cluster, "node-1").await;
        assert_eq!(report.closed, 0);
        assert_eq!(node(&cluster, "node-2").sessions(), 1, "it waits for its client");
        player.say(50);
        // Its node was gone before it could have noticed.
        crate::eventually("it looks for its session", || player.client.state() == State::Reconnecting).await;
        proxies.open("node-2");
        player.moves_in_the_end().await;
        assert_eq!(player.node, "node-2");
        player.say(50);
        player.hear_all().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asked_and_cannot_reach_the_target_plays_on_until_it_is_forced() {
    for transport in BOTH {
        let (cluster, proxies) = cluster_behind_proxies(2, |config| {
            config.times.attach = Duration::from_millis(200);
        })
        .await;
        let token = proxies.token(&cluster, "ann", "node-1");
        let mut player = Player::join(quick(transport), &token).await;
        proxies.close("node-2");
        cluster.begin_drain("node-1", Duration::from_secs(3), OfflineReason::Deploy).unwrap();
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        assert_eq!(player.until_migrate_failed().await, Status::CannotReachTarget);
        player.say(20);
        player.hear_all().await;
        assert_eq!((player.node.as_str(), player.client.state()), ("node-1", State::Connected));
        assert_eq!(drained(&cluster, "node-1").await.closed, 0);
        proxies.open("node-2");
        player.moves_in_the_end().await;
        player.say(20);
        player.hear_all().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_drain_is_paced_and_ends_by_its_deadline() {
    // Two moves at once, after the eight that are allowed before the target has said so.
    let cluster = cluster_with(2, |config| config.limits.arrivals_max = 2).await;
    let mut players = Vec::new();
    for number in 0..60 {
        let transport = BOTH[number % 2];
        players.push(Player::on(&cluster, transport, &format!("ann-{number}"), "node-1").await);
    }
    let deadline = Duration::from_secs(6);
    let began = Instant::now();
    cluster.begin_drain("node-1", deadline, OfflineReason::Deploy).unwrap();
    let report = drained(&cluster, "node-1").await;
    assert_eq!(report.closed, 0);
    assert!(report.took <= deadline && report.took >= deadline / 2, "{report:?}");
    assert!(began.elapsed() < deadline * 2);
    for player in &mut players {
        player.until_migrated().await;
        player.say(5);
        player.hear_all().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_players_than_a_target_takes_at_once_wait_for_their_turn_and_all_come() {
    let cluster = cluster_with(2, |config| config.limits.arrivals_max = 1).await;
    let mut players = Vec::new();
    for number in 0..40 {
        let move_mode = if number % 4 < 2 { MoveMode::Seamless } else { MoveMode::Classic };
        let config = Config { transport: BOTH[number % 2], move_mode, ..Config::default() };
        let token = crate::token_for(&cluster, &format!("ann-{number}"), "node-1");
        players.push(Player::join(config, &token).await);
    }
    begin_drain(&cluster, "node-1");
    for player in &mut players {
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.say(5);
    }
    for player in &mut players {
        player.until_migrated().await;
        player.say(5);
        player.hear_all().await;
        assert_eq!(player.client.stats().moves_failed, 0, "to wait is no failure");
    }
    assert_eq!(drained(&cluster, "node-1").await.closed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_while_its_move_waits_is_gone() {
    let cluster = cluster_with(2, |config| config.limits.arrivals_max = 1).await;
    let mut players = Vec::new();
    for number in 0..24 {
        let user = format!("ann-{number}");
        players.push(Player::on(&cluster, BOTH[number % 2], &user, "node-1").await);
    }
    begin_drain(&cluster, "node-1");
    for player in &mut players {
        player.until_offline().await;
        player.client.send_migrate().unwrap();
    }
    for player in &mut players {
        player.client.disconnect().unwrap();
        player.until_disconnected().await;
    }
    assert_eq!(drained(&cluster, "node-1").await.closed, 0);
    crate::eventually("nothing is left of them", || node(&cluster, "node-2").sessions() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_classic_move_loses_nothing_when_its_new_link_breaks_too() {
    let (cluster, proxies) = cluster_behind_proxies(2, |_| {}).await;
    for transport in BOTH {
        let config = Config { move_mode: MoveMode::Classic, ..quick(transport) };
        let token = proxies.token(&cluster, &format!("ann-{transport:?}"), "node-1");
        let mut player = Player::join(config, &token).await;
        player.ask(PUSH, &2u32.to_be_bytes()).await;
        player.say(50);
        begin_drain(&cluster, "node-1");
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.say(50);
        player.until(|event| matches!(event, Event::Migrating { .. })).await;
        proxies.cut("node-2");
        player.say(50);
        player.moves_in_the_end().await;
        proxies.break_link(&mut player, transport, "node-2").await;
        player.say(50);
        player.hear_all().await;
        assert_eq!(player.node, "node-2");
        player.client.disconnect().unwrap();
        player.until_disconnected().await;
        drained(&cluster, "node-1").await;
        proxies.restart(&cluster, "node-1").await;
    }
}
