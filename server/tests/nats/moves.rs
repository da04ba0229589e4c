//! Players on nodes of several processes, which have nothing in common but NATS and their keys.

use crate::eventually;
use crate::player::Player;
use crate::processes::Process;
use crate::servers::{Folder, Servers};
use std::time::Duration;
use sterna::client::Status;
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna::client::token::ConnectToken;
use sterna::protocol::reasons::OfflineReason;
use sterna_server::pki::ClusterKeys;

/// The leases' times at a twentieth.
const QUICK_LEASES: &str = "[times]\nlease_renew_ms = 150\nself_fence_ms = 600\ntake_over_ms = 750\n";

/// Longer than a node may go on without the engine.
const AWAY: Duration = Duration::from_millis(1500);

#[tokio::test(flavor = "multi_thread")]
async fn a_player_plays_on_a_node_that_has_its_engine_in_nats() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    let mut blue = Process::start("blue", &servers, keys.path(), "").await;
    for transport in [Transport::Tcp, Transport::Udp] {
        let mut ann = Player::join(&blue.ask(&["token", "ann"]).await, transport).await;
        ann.plays().await;
        assert_eq!(ann.node, "blue-1");
        ann.leaves().await;
    }
    assert!(blue.ends_well().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn players_move_from_process_to_process_and_notice_nothing() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    ClusterKeys::load_or_create(keys.path(), "dev").expect("keys can be made");
    let mut processes = Vec::new();
    for name in ["red", "green", "blue"] {
        processes.push(Process::start(name, &servers, keys.path(), "").await);
    }
    // A token of one process names the nodes of all.
    let mut players = Vec::new();
    for (user, transport) in [("ann", Transport::Tcp), ("bob", Transport::Udp), ("cat", Transport::Tcp)] {
        players.push(Player::join(&processes[0].ask(&["token", user]).await, transport).await);
    }
    for name in ["red", "green"] {
        for player in &mut players {
            player.plays().await;
        }
        let mut process = processes.remove(0);
        let node = format!("{name}-1");
        process.ask(&["drain", &node, "--deadline", "20s"]).await;
        for player in players.iter_mut().filter(|player| player.node == node) {
            player.until("offline", |event| matches!(event, Event::Offline { .. })).await;
            player.say();
            player.client.send_migrate().expect("its node is offline");
            player.say();
            player.until("moved", |event| matches!(event, Event::Migrated { .. })).await;
            assert_ne!(player.node, node);
            player.plays().await;
        }
        assert!(process.ends_well().await, "{node}");
    }
    for mut player in players {
        player.plays().await;
        assert_eq!(player.node, "blue-1");
        let broken =
            |event: &Event| matches!(event, Event::Reconnecting { .. } | Event::MigrateFailed { .. });
        assert!(!player.has_seen(broken), "a planned move breaks no link");
        player.leaves().await;
    }
}

/// A roll-back by Kubernetes, which says nothing but SIGTERM.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_drains_to_an_older_version_where_the_configuration_says_so() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    ClusterKeys::load_or_create(keys.path(), "dev").expect("keys can be made");
    let newer = "app_version = 2\n[drain]\nreason = \"deploy\"\nany_version = true\n";
    let mut red = Process::start("red", &servers, keys.path(), newer).await;
    let mut ann = Player::join(&red.ask(&["token", "ann"]).await, Transport::Tcp).await;
    let _green = Process::start("green", &servers, keys.path(), "app_version = 1\n").await;
    crate::eventually("red knows green", async || red.ask(&["status"]).await.contains("green-1")).await;
    let end = tokio::spawn(async move { red.ends_well().await });
    let told = ann.until("offline", |event| matches!(event, Event::Offline { .. }));
    assert!(matches!(told.await, Event::Offline { reason: OfflineReason::Deploy, .. }));
    ann.client.send_migrate().expect("its node is offline");
    ann.until("moved", |event| matches!(event, Event::Migrated { .. })).await;
    assert_eq!(ann.node, "green-1");
    ann.plays().await;
    assert!(end.await.expect("it is waited for"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_process_leaves_behind_another_one_takes_over() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    ClusterKeys::load_or_create(keys.path(), "dev").expect("keys can be made");
    let quick = &format!("durability = \"snapshot\"\n{QUICK_LEASES}");
    let mut red = Process::start("red", &servers, keys.path(), quick).await;
    let _green = Process::start("green", &servers, keys.path(), quick).await;
    // Her token names both, and the one that issued it first.
    let mut ann = Player::join(&red.ask(&["token", "ann"]).await, Transport::Tcp).await;
    assert_eq!(ann.node, "red-1");
    ann.plays().await;
    red.kill();
    ann.until("reconnecting", |event| matches!(event, Event::Reconnecting { .. })).await;
    ann.say();
    ann.until("taken over", |event| matches!(event, Event::Reconnected { .. })).await;
    assert_eq!(ann.node, "green-1");
    ann.plays().await;
    ann.leaves().await;
}

/// A user has one session, whichever process the newer one begins at.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_connects_to_another_process_ends_the_earlier_session() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    ClusterKeys::load_or_create(keys.path(), "dev").expect("keys can be made");
    let red = Process::start("red", &servers, keys.path(), "").await;
    let mut first = Player::join(&red.ask(&["token", "ann"]).await, Transport::Tcp).await;
    first.plays().await;
    let green = Process::start("green", &servers, keys.path(), "").await;
    assert_eq!(first.node, "red-1");
    red.ask(&["cordon", "red-1"]).await;
    let second = Player::join(&green.ask(&["token", "ann"]).await, Transport::Tcp).await;
    assert_eq!(second.node, "green-1");
    let ended = tokio::time::timeout(
        Duration::from_secs(20),
        first.until("replaced", |event| matches!(event, Event::Disconnected { status: Status::Replaced })),
    );
    ended.await.expect("the earlier session ends");
    second.leaves().await;
}

/// "engine lost its data": nobody notices, and then everything can be done again.
#[tokio::test(flavor = "multi_thread")]
async fn that_the_bucket_is_deleted_is_no_event_for_players() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    ClusterKeys::load_or_create(keys.path(), "dev").expect("keys can be made");
    let quick = "durability = \"snapshot\"\n[times]\nlease_renew_ms = 150\nself_fence_ms = 3000\ntake_over_ms = 4000\n";
    let mut red = Process::start("red", &servers, keys.path(), quick).await;
    let mut green = Process::start("green", &servers, keys.path(), quick).await;
    let token = red.ask(&["token", "ann"]).await;
    let mut ann = Player::join(&token, Transport::Tcp).await;
    ann.plays().await;
    assert_eq!(ann.node, "red-1");

    let client = async_nats::connect(servers.urls()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    jetstream.delete_stream("STERNA_dev").await.unwrap();
    // Nothing is acknowledged before it is stored: that she hears herself means that it is, in the new bucket.
    ann.plays().await;
    assert!(jetstream.get_stream("STERNA_dev").await.is_ok());

    // A move, which the directory of the new life has to know about.
    red.ask(&["drain", "red-1", "--deadline", "20s"]).await;
    ann.until("offline", |event| matches!(event, Event::Offline { .. })).await;
    ann.client.send_migrate().expect("its node is offline");
    ann.until("moved", |event| matches!(event, Event::Migrated { .. })).await;
    assert_eq!(ann.node, "green-1");
    ann.plays().await;
    assert!(red.ends_well().await);
    // She has one session, as before.
    let again = Player::join(&green.ask(&["token", "ann"]).await, Transport::Udp).await;
    let replaced = |event: &Event| matches!(event, Event::Disconnected { status: Status::Replaced });
    ann.until("replaced", replaced).await;
    let noticed = |event: &Event| matches!(event, Event::Reconnecting { .. } | Event::Reconnected { .. });
    assert!(!ann.has_seen(noticed));
    again.leaves().await;
    assert!(green.ends_well().await);
}

/// "engine unreachable", for longer than a node may go on without it: play pauses, and goes on, nothing lost (rule e).
#[tokio::test(flavor = "multi_thread")]
async fn that_nats_is_away_for_longer_than_a_lease_lasts_pauses_play_and_loses_nothing() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    ClusterKeys::load_or_create(keys.path(), "dev").expect("keys can be made");
    for durability in ["lazy", "snapshot"] {
        let quick = format!("durability = {durability:?}\n{QUICK_LEASES}");
        let mut red = Process::start("red", &servers, keys.path(), &quick).await;
        let mut green = Process::start("green", &servers, keys.path(), &quick).await;
        let token = red.ask(&["token", "ann"]).await;
        let mut ann = Player::join(&token, Transport::Tcp).await;
        ann.plays().await;
        assert_eq!(ann.node, "red-1");
        servers.kill(0);
        ann.say();
        tokio::time::sleep(AWAY).await;
        ann.say();
        servers.start_again(0).await;
        ann.hear_all().await;
        ann.plays().await;
        // Nobody has taken her over, and she is where she was.
        let noticed = |event: &Event| matches!(event, Event::Reconnecting { .. } | Event::TookOver { .. });
        assert!(!ann.has_seen(noticed));
        ann.leaves().await;
        assert!(red.ends_well().await && green.ends_well().await);
    }
}

/// What a supervisor does when it takes a machine away: no operator says anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_told_to_end_gives_its_players_to_the_others() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    ClusterKeys::load_or_create(keys.path(), "dev").expect("keys can be made");
    let mut red = Process::start("red", &servers, keys.path(), "[times]\ndrain_ms = 3000\n").await;
    let mut green = Process::start("green", &servers, keys.path(), "").await;
    let (token, other) = (red.ask(&["token", "ann"]).await, red.ask(&["token", "bob"]).await);
    let mut ann = Player::join(&token, Transport::Tcp).await;
    let mut bob = Player::join(&other, Transport::Udp).await;
    assert_eq!((ann.node.as_str(), bob.node.as_str()), ("red-1", "red-1"));
    let goes = async {
        ann.until("offline", |event| matches!(event, Event::Offline { .. })).await;
        ann.client.send_migrate().expect("its node is offline");
        ann.until("moved", |event| matches!(event, Event::Migrated { .. })).await;
    };
    let (ended_well, ()) = tokio::join!(red.ends_well(), goes);
    assert!(ended_well);
    // The game of the other one never asked: it was moved at the deadline.
    bob.until("moved", |event| matches!(event, Event::Migrated { .. } | Event::Reconnected { .. })).await;
    for mut player in [ann, bob] {
        assert_eq!(player.node, "green-1");
        player.plays().await;
        player.leaves().await;
    }
    assert!(green.ends_well().await);
}

/// The deadline of a drain, and nowhere to go: what one process leaves in NATS another one goes on from.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_finds_no_node_by_the_deadline_waits_in_nats_and_loses_nothing() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    ClusterKeys::load_or_create(keys.path(), "dev").expect("keys can be made");
    // A snapshot in a minute: what was said since the last one would be gone after a crash.
    let rarely = "[times]\ndrain_ms = 1000\nsnapshot_ms = 60000\n";
    let mut red = Process::start("red", &servers, keys.path(), rarely).await;
    let mut green = Process::start("green", &servers, keys.path(), "").await;
    let tokens = [red.ask(&["token", "ann"]).await, red.ask(&["token", "bob"]).await];
    green.ask(&["cordon", "green-1"]).await;
    let mut players = Vec::new();
    for (token, transport) in tokens.iter().zip([Transport::Tcp, Transport::Udp]) {
        let mut player = Player::join(token, transport).await;
        assert_eq!(player.node, "red-1");
        player.plays().await;
        players.push(player);
    }
    assert!(red.ends_well().await);
    for player in &mut players {
        let told = |event: &Event| matches!(event, Event::Reconnecting { status: Status::ResumeLater });
        player.until("told that the session waits", told).await;
        player.say();
    }
    green.ask(&["uncordon", "green-1"]).await;
    for mut player in players {
        player.until("back", |event| matches!(event, Event::Reconnected { .. })).await;
        assert_eq!(player.node, "green-1");
        let restart = |event: &Event| matches!(event, Event::TookOver { .. });
        let Event::TookOver { lost_from, lost_to, .. } = player.until("restarted", restart).await else {
            unreachable!("that was waited for")
        };
        assert_eq!(lost_from, lost_to, "nothing is gone");
        player.hear_all().await;
        player.leaves().await;
    }
    assert!(green.ends_well().await);
}

/// A rolling update while a session lasts: none of the nodes that its token named is there any more when its own dies.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_finds_processes_that_its_token_never_named() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    ClusterKeys::load_or_create(keys.path(), "dev").expect("keys can be made");
    let quick = &format!("durability = \"snapshot\"\n{QUICK_LEASES}");
    let mut red = Process::start("red", &servers, keys.path(), quick).await;
    let mut players = Vec::new();
    for (user, transport) in [("ann", Transport::Tcp), ("bob", Transport::Udp)] {
        players.push(Player::join(&red.ask(&["token", user]).await, transport).await);
    }
    let mut green = Process::start("green", &servers, keys.path(), quick).await;
    red.ask(&["drain", "red-1", "--deadline", "20s"]).await;
    for player in &mut players {
        player.until("offline", |event| matches!(event, Event::Offline { .. })).await;
        player.client.send_migrate().expect("its node is offline");
        player.until("moved", |event| matches!(event, Event::Migrated { .. })).await;
        assert_eq!(player.node, "green-1");
    }
    assert!(red.ends_well().await);
    // They stay where they are while the third one comes.
    let blue = Process::start("blue", &servers, keys.path(), quick).await;
    // A token names its issuer's own node first.
    let token =
        ConnectToken::parse(&blue.ask(&["token", "zoe"]).await).expect("what was encoded can be read");
    for (player, address) in players.iter_mut().zip([token.tcp[0], token.quic[0]]) {
        eventually("they have been told", async || player.client.nodes_told().contains(&address)).await;
    }
    green.kill();
    for mut player in players {
        player.say();
        player.until("taken over", |event| matches!(event, Event::Reconnected { .. })).await;
        assert_eq!(player.node, "blue-1");
        player.plays().await;
        player.leaves().await;
    }
}
