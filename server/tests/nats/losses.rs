//! What the bucket held is gone, or a part of it: a life of its own begins, and nobody takes what is missing for what
//! never was.

use crate::contract::{COHORT, NODE, created, read, record};
use crate::player::Player;
use crate::processes::Process;
use crate::servers::{Folder, Servers};
use crate::{engine, engine_with, eventually};
use async_nats::jetstream::stream::{Config, Stream};
use futures_util::TryStreamExt as _;
use std::collections::BTreeSet;
use std::time::Duration;
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna::protocol::ids::{Bucket, NodeId};
use sterna::protocol::record::ReadAnswer;
use sterna_server::engine::{Engine, NatsEngine};
use sterna_server::pki::ClusterKeys;

async fn stream(servers: &Servers, name: &str) -> Stream {
    let client = async_nats::connect(servers.urls()).await.expect("the server is there");
    async_nats::jetstream::new(client).get_stream(name).await.expect("it has been made")
}

/// The names that hold something.
async fn names(stream: &Stream, filter: String) -> Vec<String> {
    let found = stream.info_with_subjects(filter).await.expect("it answers");
    found.map_ok(|(name, _)| name).try_collect().await.expect("it answers")
}

/// A process notices that data are lost, and a new life begins, whose number it gives.
async fn begins_anew(engine: &NatsEngine, before: Bucket) -> Bucket {
    eventually("the lease is renewed", async || engine.renew(NODE).await.is_ok()).await;
    assert!(engine.bucket() > before, "{} is no new life", engine.bucket());
    engine.bucket()
}

#[tokio::test]
async fn a_bucket_that_was_purged_begins_a_new_life() {
    let Some(servers) = Servers::start(1).await else { return };
    let (red, green) = (engine(&servers).await, engine(&servers).await);
    let before = red.bucket();
    created(&red, COHORT, record(&red, 1)).await;
    red.renew(NODE).await.unwrap();
    stream(&servers, "STERNA_tests").await.purge().await.unwrap();
    let after = begins_anew(&red, before).await;
    eventually("green notices as well", async || {
        let _ = green.renew(NodeId(2)).await;
        green.bucket() == after
    })
    .await;
    for engine in [&red, &green] {
        assert_eq!(read(engine, COHORT).await, ReadAnswer::Failed, "its owner may be about to publish it");
    }
    let revision = created(&red, COHORT, record(&red, 1)).await;
    let ReadAnswer::Read(Some(found)) = read(&green, COHORT).await else { panic!("it is there again") };
    assert_eq!((found.revision, found.record), (revision, record(&red, 1)));
}

/// Nobody was there who knew of it.
#[tokio::test]
async fn who_comes_to_a_purged_bucket_begins_a_new_life() {
    let Some(servers) = Servers::start(1).await else { return };
    let before = engine(&servers).await.bucket();
    stream(&servers, "STERNA_tests").await.purge().await.unwrap();
    let engine = engine(&servers).await;
    assert!(engine.bucket() > before);
    assert_eq!(read(&engine, COHORT).await, ReadAnswer::Failed);
}

/// The first block of the log, with the anchor, is gone: what is left is not half of a life.
#[tokio::test]
async fn what_is_left_of_an_earlier_life_is_removed_and_the_operators_settings_stay() {
    let Some(servers) = Servers::start(1).await else { return };
    let engine = engine(&servers).await;
    let before = engine.bucket();
    created(&engine, COHORT, record(&engine, 1)).await;
    let held = stream(&servers, "STERNA_tests").await;
    let edited =
        Config { description: Some("ours".into()), max_bytes: 1 << 30, ..held.cached_info().config.clone() };
    let client = async_nats::connect(servers.urls()).await.unwrap();
    async_nats::jetstream::new(client).update_stream(edited.clone()).await.unwrap();

    held.purge().filter(format!("sterna.tests.{before}.anchor")).await.unwrap();
    // Who finds nothing asks for the anchor.
    assert_eq!(read(&engine, sterna::protocol::ids::CohortId(9)).await, ReadAnswer::Failed);
    let after = begins_anew(&engine, before).await;
    let now = stream(&servers, "STERNA_tests").await;
    let config = &now.cached_info().config;
    assert_eq!(config.subjects, [format!("sterna.tests.{after}.>")]);
    assert_eq!((&config.description, config.max_bytes), (&edited.description, edited.max_bytes));
    eventually("nothing is left", async || names(&now, format!("sterna.tests.{before}.>")).await.is_empty())
        .await;
    assert!(!names(&now, format!("sterna.tests.{after}.>")).await.is_empty());
}

/// A process that has been there for a moment cannot tell a bucket that it has made from one that was lost.
#[tokio::test]
async fn that_a_young_bucket_is_empty_means_nothing_whoever_asks() {
    let Some(servers) = Servers::start(1).await else { return };
    // Nothing is found in the bucket for all the time that this test takes.
    let long = Duration::from_secs(600);
    let (red, green) = (engine_with(&servers, long).await, engine_with(&servers, long).await);
    for engine in [&red, &green] {
        assert_eq!(read(engine, COHORT).await, ReadAnswer::Failed);
    }
    // It delays nobody who begins something.
    let record = record(&red, 1);
    let revision = created(&red, COHORT, record).await;
    assert!(
        matches!(read(&green, COHORT).await, ReadAnswer::Read(Some(found)) if found.revision == revision)
    );
    assert_eq!(green.session_of("ann").await, Ok(None));
    let later = engine_with(&servers, Duration::ZERO).await;
    let other = sterna::protocol::ids::CohortId(9);
    assert_eq!(read(&later, other).await, ReadAnswer::Read(None), "for long enough nobody has published it");
}

/// An old disk was put back, and other writes bear the numbers of those that were lost: they are no heartbeats.
#[tokio::test]
async fn another_names_write_does_not_pass_for_a_heartbeat() {
    let Some(servers) = Servers::start(1).await else { return };
    let dead = NodeId(0xdead);
    let (asker, other) = (engine(&servers).await, engine(&servers).await);
    let bucket = asker.bucket();
    servers.kill(0);
    servers.set_aside(0);
    servers.start_again(0).await;
    eventually("it beats once", async || other.renew(dead).await.is_ok()).await;
    let shows_it = async || {
        let beats = asker.heartbeats(NODE, Duration::ZERO, BTreeSet::new()).await;
        beats.map(|beats| beats.iter().any(|(node, _)| *node == dead))
    };
    // From the second question on it is known by its number.
    for _ in 0..3 {
        eventually("it is shown", async || shows_it().await == Ok(true)).await;
    }
    let number = stream(&servers, "STERNA_tests").await.cached_info().state.last_sequence;
    // It would find out that data are lost, and begin anew.
    drop(other);
    servers.kill(0);
    servers.put_back(0);
    servers.start_again(0).await;
    let stream = stream(&servers, "STERNA_tests").await;
    let client = async_nats::connect(servers.urls()).await.unwrap();
    let mut last = stream.cached_info().state.last_sequence;
    assert!(last < number);
    while last < number {
        let subject = format!("sterna.tests.{bucket}.record.{:016x}", last);
        let written = async_nats::jetstream::new(client.clone()).publish(subject, "other".into()).await;
        last = written.unwrap().await.unwrap().sequence;
    }
    eventually("it is not shown any more", async || shows_it().await == Ok(false)).await;
    assert_eq!(asker.bucket(), bucket, "nobody here has written what was lost");
}

/// `nats stream purge`, while people play.
#[tokio::test(flavor = "multi_thread")]
async fn that_the_bucket_is_purged_is_no_event_for_players() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    ClusterKeys::load_or_create(keys.path(), "dev").expect("keys can be made");
    let quick =
        "durability = \"lazy\"\n[times]\nlease_renew_ms = 150\nself_fence_ms = 3000\ntake_over_ms = 4000\n";
    let mut red = Process::start("red", &servers, keys.path(), quick).await;
    let mut green = Process::start("green", &servers, keys.path(), quick).await;
    let mut players = Vec::new();
    for (user, transport) in [("ann", Transport::Tcp), ("bob", Transport::Udp)] {
        let mut player = Player::join(&red.ask(&["token", user]).await, transport).await;
        player.plays().await;
        assert_eq!(player.node, "red-1");
        players.push(player);
    }
    let of = async || stream(&servers, "STERNA_dev").await.cached_info().config.subjects.clone();
    let before = of().await;
    stream(&servers, "STERNA_dev").await.purge().await.unwrap();
    eventually("a new life begins", async || {
        for player in &mut players {
            player.plays().await;
        }
        of().await != before
    })
    .await;
    // By the deadline everybody is moved, with what the directory of the new life knows of them.
    red.ask(&["drain", "red-1", "--deadline", "6s"]).await;
    for player in &mut players {
        player.until("moved", |event| matches!(event, Event::Migrated { .. })).await;
        assert_eq!(player.node, "green-1");
        player.plays().await;
        let noticed = |event: &Event| {
            matches!(event, Event::Reconnecting { .. } | Event::TookOver { .. } | Event::Disconnected { .. })
        };
        assert!(!player.has_seen(noticed), "nothing is lost, and no link breaks");
    }
    assert!(red.ends_well().await);
    for player in players {
        player.leaves().await;
    }
    assert!(green.ends_well().await);
}
