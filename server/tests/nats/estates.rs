//! What nodes have left that have no heartbeat any more.

use crate::player::Player;
use crate::processes::Process;
use crate::servers::{Folder, Servers};
use crate::{TAKE_OVER, config, eventually};
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna_server::engine::{Engine as _, NatsEngine};
use sterna_server::pki::ClusterKeys;

/// The leases' times at a twentieth, and little time for clients that do not come back.
const QUICK: &str = "durability = \"snapshot\"\nsame_user = \"refuse\"\n\
                     [times]\nlease_renew_ms = 150\nself_fence_ms = 600\ntake_over_ms = 750\nresume_ms = 1000\n";

/// What becomes of heartbeats that nobody has renewed for a day.
async fn heartbeats_are_forgotten(servers: &Servers) {
    let client = async_nats::connect(servers.urls()).await.expect("the server is there");
    let stream = async_nats::jetstream::new(client).get_stream("STERNA_dev").await.expect("it is there");
    let purged = stream.purge().filter("sterna.dev.*.beat.*").await.expect("it may");
    assert!(purged.purged > 0, "there were some");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_after_all_nodes_were_off_for_long_ends_in_good_order() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    ClusterKeys::load_or_create(keys.path(), "dev").expect("keys can be made");
    let mut red = Process::start("red", &servers, keys.path(), QUICK).await;
    let mut players = Vec::new();
    for user in ["ann", "bob"] {
        let mut player = Player::join(&red.ask(&["token", user]).await, Transport::Tcp).await;
        player.plays().await;
        players.push(player);
    }
    let engine = NatsEngine::open(&config(&servers), "dev", TAKE_OVER).await.expect("it can be opened");
    let left_by = engine.nodes_named().await.expect("it answers");
    assert_eq!(left_by.len(), 1, "both are on one node");
    red.kill();
    drop(players); // they give up, and nobody hears of it
    heartbeats_are_forgotten(&servers).await;

    let green = Process::start("green", &servers, keys.path(), QUICK).await;
    // She has a session already, which nobody serves, and which nobody asks for any more.
    let token = green.ask(&["token", "ann"]).await;
    let mut ann = None;
    eventually("her old session ends", async || {
        ann = Player::try_join(&token, Transport::Tcp).await;
        ann.is_some()
    })
    .await;
    let mut ann = ann.expect("she was let in");
    ann.plays().await;
    // For his nobody has asked at all.
    eventually("nothing is left", async || {
        engine.nodes_named().await.is_ok_and(|named| named.is_disjoint(&left_by) && named.len() == 1)
    })
    .await;
    for node in left_by {
        assert_eq!(engine.cohorts_of(node).await, Ok(Vec::new()));
    }
    ann.leaves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_heartbeat_is_gone_with_it_is_followed_by_another() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    ClusterKeys::load_or_create(keys.path(), "dev").expect("keys can be made");
    let quick = QUICK.replace("resume_ms = 1000", "resume_ms = 20000");
    let mut red = Process::start("red", &servers, keys.path(), &quick).await;
    let green = Process::start("green", &servers, keys.path(), &quick).await;
    let mut players = Vec::new();
    for (user, transport) in [("ann", Transport::Tcp), ("bob", Transport::Udp)] {
        players.push(Player::join(&red.ask(&["token", user]).await, transport).await);
    }
    red.kill();
    // That of green as well: it renews all the same.
    heartbeats_are_forgotten(&servers).await;
    for mut player in players {
        player.say();
        player.until("taken over", |event| matches!(event, Event::Reconnected { .. })).await;
        assert_eq!(player.node, "green-1");
        player.plays().await;
        player.leaves().await;
    }
    drop(green);
}
