//! A process that is told to end, and then to make haste, beside another one that takes its players.

use crate::player::Player;
use crate::processes::Process;
use crate::servers::{Folder, Servers};
use std::time::Duration;
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna_server::admin::DryRunReport;
use sterna_server::pki::ClusterKeys;

#[tokio::test(flavor = "multi_thread")]
async fn told_again_a_process_moves_its_players_to_others_now() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    ClusterKeys::load_or_create(keys.path(), "dev").expect("keys can be made");
    let long = "[times]\ndrain_ms = 600000\n";
    let mut red = Process::start("red", &servers, keys.path(), long).await;
    let mut players = Vec::new();
    for (user, transport) in [("ann", Transport::Tcp), ("bob", Transport::Udp), ("cat", Transport::Tcp)] {
        players.push(Player::join(&red.ask(&["token", user]).await, transport).await);
    }
    let mut green = Process::start("green", &servers, keys.path(), long).await;
    let report = red.ask(&["drain", "red-1", "--dry-run", "--json"]).await;
    let report: DryRunReport = serde_json::from_str(&report).expect("a report");
    assert_eq!((report.sessions, report.movable), (3, 3), "{report:?}");
    let to_green = |target: &Option<String>| target.as_deref() == Some("green-1");
    assert!(report.cohorts.iter().all(|entry| to_green(&entry.target)), "{report:?}");

    red.tell();
    for player in &mut players {
        player.plays().await;
        player.until("offline", |event| matches!(event, Event::Offline { .. })).await;
        assert_eq!(player.node, "red-1");
        player.plays().await;
    }
    let began = tokio::time::Instant::now();
    red.tell();
    for player in &mut players {
        player.until("moved", |event| matches!(event, Event::Migrated { .. })).await;
        assert_eq!(player.node, "green-1");
        player.plays().await;
    }
    assert!(red.has_ended_well().await);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    for player in players {
        player.leaves().await;
    }
    assert!(green.ends_well().await);
}
