//! Servers that die, fall silent, leave or lose what they held.

use crate::contract::{COHORT, NODE, cas, created, info, read, record, snapshot, write};
use crate::servers::{Folder, Servers};
use crate::{config, engine, eventually};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use sterna::protocol::record::{CasAnswer, ReadAnswer, Versioned};
use sterna::protocol::snapshot::{SnapshotAnswer, SnapshotAsk};
use sterna_server::config::NatsConfig;
use sterna_server::engine::{Engine, NatsEngine, OpenError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// The stream that holds everything.
const STREAM: &str = "STERNA_tests";

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_with_its_version() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let old = tokio::spawn(async move {
        let (mut link, _) = listener.accept().await.unwrap();
        let info = r#"{"server_id":"A","server_name":"old","version":"2.10.26","headers":true,"proto":1,"max_payload":1048576}"#;
        link.write_all(format!("INFO {info}\r\n").as_bytes()).await.unwrap();
        let mut said = Vec::new();
        while !String::from_utf8_lossy(&said).contains("PING") {
            assert_ne!(link.read_buf(&mut said).await.unwrap(), 0);
        }
        link.write_all(b"PONG\r\n").await.unwrap();
        let _ = link.read_buf(&mut said).await; // until the client goes
    });
    let config = NatsConfig { urls: vec![url], ..Default::default() };
    let error = NatsEngine::open(&config, "tests", Duration::ZERO).await.expect_err("it is too old");
    let text = error.to_string();
    assert!(matches!(error, OpenError::TooOld { .. }), "{text}");
    assert!(text.contains("2.10.26") && text.contains("2.11") && text.contains("old"), "{text}");
    old.await.unwrap();
}

#[tokio::test]
async fn that_nobody_answers_is_said_with_the_address() {
    let config =
        NatsConfig { urls: vec!["nats://127.0.0.1:1".into()], start: Duration::ZERO, ..Default::default() };
    let error =
        NatsEngine::open(&config, "tests", Duration::ZERO).await.expect_err("nobody is there").to_string();
    assert!(error.contains("nats://127.0.0.1:1") && error.contains("engine.urls"), "{error}");
}

#[tokio::test]
async fn what_one_process_writes_the_others_see() {
    let Some(servers) = Servers::start(1).await else { return };
    let (red, green) = (engine(&servers).await, engine(&servers).await);
    assert_eq!(red.bucket(), green.bucket());
    let revision = created(&red, COHORT, record(&red, 1)).await;
    let found = Versioned { revision, record: record(&red, 1) };
    assert_eq!(read(&green, COHORT).await, ReadAnswer::Read(Some(found)));
    let CasAnswer::Won(second) = cas(&green, COHORT, revision, record(&red, 2)).await else { panic!("lost") };
    let found = Versioned { revision: second, record: record(&red, 2) };
    assert_eq!(cas(&red, COHORT, revision, record(&red, 3)).await, CasAnswer::Lost(Some(found)));
    red.publish(info(NODE, 7)).await.unwrap();
    eventually("green knows the node", async || green.nodes() == [info(NODE, 7)]).await;
    // One that comes later knows it from its start.
    assert_eq!(engine(&servers).await.nodes(), [info(NODE, 7)]);
}

/// (h) The answer is unknown, and the write lands.
#[tokio::test]
async fn a_write_whose_answer_was_lost_is_found_or_fenced_off_later() {
    let Some(servers) = Servers::start(1).await else { return };
    let engine = engine(&servers).await;
    let revision = created(&engine, COHORT, record(&engine, 1)).await;
    servers.pause(0);
    let asked = Instant::now();
    assert_eq!(cas(&engine, COHORT, revision, record(&engine, 2)).await, CasAnswer::Unknown);
    assert_eq!(read(&engine, COHORT).await, ReadAnswer::Failed);
    let answer = write(&engine, None, snapshot(&engine, 1, 1, 10)).await;
    assert_eq!(answer, SnapshotAnswer::Unknown);
    assert!(
        engine.heartbeats(NODE, Duration::ZERO, BTreeSet::new()).await.is_err()
            && engine.renew(NODE).await.is_err()
    );
    assert!(asked.elapsed() < Duration::from_secs(5), "nobody waits for a silent server");
    servers.go_on(0);
    let mut found = None;
    eventually("the server answers", async || match read(&engine, COHORT).await {
        ReadAnswer::Read(read) => {
            found = read;
            true
        }
        ReadAnswer::Failed => false,
    })
    .await;
    let found = found.expect("it was created");
    // Whether it has landed or not: what was read decides, and after the next write it cannot land any more.
    assert!([record(&engine, 1), record(&engine, 2)].contains(&found.record), "{found:?}");
    let bump = cas(&engine, COHORT, found.revision, record(&engine, 3)).await;
    assert!(matches!(bump, CasAnswer::Won(_) | CasAnswer::Lost(_)), "{bump:?}");
    let ReadAnswer::Read(Some(fenced)) = read(&engine, COHORT).await else { panic!("it is there") };
    assert!(
        matches!(cas(&engine, COHORT, revision, record(&engine, 4)).await, CasAnswer::Lost(Some(same)) if same == fenced)
    );
}

#[tokio::test]
async fn a_server_that_dies_and_comes_back_has_everything_that_it_had() {
    let Some(servers) = Servers::start(1).await else { return };
    let engine = engine(&servers).await;
    let (bucket, record) = (engine.bucket(), record(&engine, 1));
    let revision = created(&engine, COHORT, record).await;
    engine.renew(NODE).await.unwrap();
    servers.kill(0);
    assert_eq!(read(&engine, COHORT).await, ReadAnswer::Failed);
    assert_eq!(cas(&engine, COHORT, revision, record).await, CasAnswer::Unknown);
    servers.start_again(0).await;
    eventually("the lease is renewed", async || engine.renew(NODE).await.is_ok()).await;
    let found = Versioned { revision, record };
    assert_eq!(
        read(&engine, COHORT).await,
        ReadAnswer::Read(Some(found)),
        "what nobody sent late has not landed"
    );
    assert_eq!(engine.bucket(), bucket);
}

/// "engine lost its data": a life of its own, in which nothing of the earlier one can land.
#[tokio::test]
async fn a_bucket_that_was_deleted_begins_a_new_life() {
    let Some(servers) = Servers::start(1).await else { return };
    let (red, green) = (engine(&servers).await, engine(&servers).await);
    let before = red.bucket();
    let old = record(&red, 1);
    let revision = created(&red, COHORT, old).await;
    red.renew(NODE).await.unwrap();

    let client = async_nats::connect(servers.urls()).await.unwrap();
    async_nats::jetstream::new(client.clone()).delete_stream(STREAM).await.unwrap();
    eventually("red renews its lease", async || red.renew(NODE).await.is_ok()).await;
    eventually("green notices as well", async || {
        green.heartbeats(NODE, Duration::ZERO, BTreeSet::new()).await.is_ok()
            && green.bucket() == red.bucket()
    })
    .await;
    let after = red.bucket();
    assert!(after > before);

    // Who owns it may be about to publish it again: that it is not there means nothing for a while.
    assert_eq!(read(&green, COHORT).await, ReadAnswer::Failed);
    // Nothing of the earlier life comes into this one, neither asked for nor late.
    assert_eq!(cas(&red, COHORT, revision, old).await, CasAnswer::Unknown);
    let late = snapshot(&red, 1, 1, 10);
    let earlier = sterna::protocol::ids::Fence { bucket: before, ..late.fence };
    let late = Box::new(sterna::protocol::snapshot::Snapshot { fence: earlier, ..*late });
    assert_eq!(write(&red, None, late).await, SnapshotAnswer::Unknown);
    let subject = format!("sterna.tests.{before}.record.{COHORT}");
    let late = client.request(subject, "late".into()).await.expect_err("nobody listens there");
    assert_eq!(late.kind(), async_nats::RequestErrorKind::NoResponders);

    // Its owner publishes it again, and everybody sees it at once.
    let again = sterna::protocol::record::Record { bucket: after, ..old };
    let revision = created(&red, COHORT, again).await;
    assert_eq!(read(&green, COHORT).await, ReadAnswer::Read(Some(Versioned { revision, record: again })));
    let other = sterna::protocol::ids::CohortId(0xdead);
    eventually("what nobody has published is gone", async || {
        read(&green, other).await == ReadAnswer::Read(None)
    })
    .await;
    assert!(matches!(green.ask_snapshot(other, SnapshotAsk::Read).await, SnapshotAnswer::Read(None)));
}

#[tokio::test]
async fn a_server_that_has_lost_its_disk_begins_a_new_life() {
    let Some(servers) = Servers::start(1).await else { return };
    let engine = engine(&servers).await;
    let before = engine.bucket();
    engine.renew(NODE).await.unwrap();
    servers.kill(0);
    servers.wipe(0);
    servers.start_again(0).await;
    eventually("the lease is renewed", async || engine.renew(NODE).await.is_ok()).await;
    assert!(engine.bucket() > before);
}

/// The last writes are gone, although they had been acknowledged: what is left of that life counts no more.
#[tokio::test]
async fn a_server_that_was_given_an_old_disk_begins_a_new_life() {
    let Some(servers) = Servers::start(1).await else { return };
    let engine = engine(&servers).await;
    let before = engine.bucket();
    let old = record(&engine, 1);
    let revision = created(&engine, COHORT, old).await;
    servers.kill(0);
    servers.set_aside(0);
    servers.start_again(0).await;
    eventually("it writes", async || {
        let passed = sterna::protocol::record::Record { owner: NODE, ..old };
        match cas(&engine, COHORT, revision, passed).await {
            CasAnswer::Won(_) => true,
            CasAnswer::Lost(found) => found.is_some_and(|found| found.record == passed),
            CasAnswer::Unknown => false,
        }
    })
    .await;
    servers.kill(0);
    servers.put_back(0);
    servers.start_again(0).await;
    // By the record that is back, another node would own the cohort.
    eventually("the lease is renewed", async || engine.renew(NODE).await.is_ok()).await;
    assert!(engine.bucket() > before);
    assert_eq!(read(&engine, COHORT).await, ReadAnswer::Failed);
}

#[tokio::test]
async fn a_stream_of_somebody_else_is_left_alone() {
    let Some(servers) = Servers::start(1).await else { return };
    let client = async_nats::connect(servers.urls()).await.unwrap();
    let foreign = async_nats::jetstream::stream::Config { name: STREAM.into(), ..Default::default() };
    async_nats::jetstream::new(client).create_stream(foreign).await.unwrap();
    let opened = NatsEngine::open(&config(&servers), "tests", Duration::ZERO).await;
    assert!(matches!(opened, Err(OpenError::Foreign(_))), "{opened:?}");
}

/// Which server leads the stream.
async fn leader(servers: &Servers, asked: usize) -> usize {
    servers.leader(STREAM, asked).await.expect("it has a leader")
}

/// The engine goes on with what it had, whatever becomes of one of three servers.
async fn goes_on(engine: &NatsEngine, found: Versioned, within: Duration) {
    let began = Instant::now();
    eventually("the lease is renewed", async || engine.renew(NODE).await.is_ok()).await;
    assert!(began.elapsed() < within, "{:?}", began.elapsed());
    eventually("the leader reads", async || read(engine, COHORT).await == ReadAnswer::Read(Some(found)))
        .await;
    let mut held = found;
    eventually("the leader writes", async || {
        match cas(engine, COHORT, held.revision, record(engine, 2)).await {
            CasAnswer::Won(_) => true,
            // (h) One of those whose answer was lost has landed.
            CasAnswer::Lost(Some(landed)) => landed.record == record(engine, 2),
            CasAnswer::Lost(None) => panic!("it is gone"),
            CasAnswer::Unknown => {
                held.revision = found.revision;
                false
            }
        }
    })
    .await;
}

#[tokio::test]
async fn of_three_servers_the_leader_may_die() {
    let Some(servers) = Servers::start(3).await else { return };
    let engine = engine(&servers).await;
    let revision = created(&engine, COHORT, record(&engine, 1)).await;
    engine.renew(NODE).await.unwrap();
    let bucket = engine.bucket();
    servers.kill(leader(&servers, 0).await);
    // Before a node has to stop serving, with the times as they are unless set.
    let found = Versioned { revision, record: record(&engine, 1) };
    goes_on(&engine, found, Duration::from_secs(12)).await;
    assert_eq!(engine.bucket(), bucket);
}

#[tokio::test]
async fn of_three_servers_the_leader_may_stand_still() {
    let Some(servers) = Servers::start(3).await else { return };
    let engine = engine(&servers).await;
    let revision = created(&engine, COHORT, record(&engine, 1)).await;
    engine.renew(NODE).await.unwrap();
    let bucket = engine.bucket();
    let paused = leader(&servers, 0).await;
    servers.pause(paused);
    let found = Versioned { revision, record: record(&engine, 1) };
    goes_on(&engine, found, Duration::from_secs(20)).await;
    // What it had been told last it says to nobody who counts on it.
    servers.go_on(paused);
    eventually("there is an answer", async || match read(&engine, COHORT).await {
        ReadAnswer::Failed => false, // it proves nothing
        ReadAnswer::Read(found) => {
            assert_eq!(found.map(|found| found.record), Some(record(&engine, 2)));
            true
        }
    })
    .await;
    assert_eq!(engine.bucket(), bucket);
}

#[tokio::test]
async fn a_server_that_shuts_down_soon_is_left_for_another_first() {
    let Some(servers) = Servers::start(3).await else { return };
    let all = config(&servers);
    // It knows one of them by configuration, and the others from that one.
    let one = NatsConfig { urls: vec![all.urls[1].clone()], ..all };
    let engine = NatsEngine::open(&one, "tests", Duration::ZERO).await.unwrap();
    let revision = created(&engine, COHORT, record(&engine, 1)).await;
    assert_eq!(engine.server().as_deref(), Some("nats-2"));
    servers.lame_duck(1);
    let told = Instant::now();
    eventually("it is connected elsewhere", async || {
        // If it led the stream as well, another leader is elected meanwhile.
        let _ = engine.renew(NODE).await;
        engine.server().expect("it is connected all the while") != "nats-2"
    })
    .await;
    eventually("the lease is renewed", async || engine.renew(NODE).await.is_ok()).await;
    // The server itself breaks its links only after ten seconds.
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
    let found = Versioned { revision, record: record(&engine, 1) };
    assert_eq!(read(&engine, COHORT).await, ReadAnswer::Read(Some(found)));
}

#[tokio::test]
async fn a_server_that_wants_tls_and_a_password_gets_them() {
    let Some(Secured { servers, ca, certificate, key, password }) = Secured::start().await else { return };
    let with = |password: &PathBuf, ca: Option<&PathBuf>, own: bool| NatsConfig {
        urls: servers.urls(),
        user: Some("ann".into()),
        password_file: Some(password.clone()),
        ca: ca.cloned(),
        certificate: own.then(|| certificate.clone()),
        key: own.then(|| key.clone()),
        ..Default::default()
    };
    let opened = NatsEngine::open(&with(&password, Some(&ca), true), "tests", Duration::ZERO).await;
    let engine = opened.unwrap_or_else(|error| panic!("{error}\n{}", servers.explain()));
    created(&engine, COHORT, record(&engine, 1)).await;
    // Nothing of this heals by waiting, and nobody waits for it.
    let open = async |config: NatsConfig| NatsEngine::open(&config, "tests", Duration::ZERO).await;
    let refused = open(with(&key, Some(&ca), true)).await;
    assert!(matches!(refused, Err(OpenError::Refused { .. })), "{refused:?}");
    for wrong in [with(&password, None, true), with(&password, Some(&ca), false)] {
        let refused = open(wrong).await;
        assert!(matches!(refused, Err(OpenError::Tls { .. })), "{refused:?}");
    }
    // A CA is a wish for TLS, whatever the address says.
    let plain = Servers::start(1).await.expect("it is installed");
    let plain = NatsConfig { urls: plain.urls(), ca: Some(ca), ..Default::default() };
    let refused = NatsEngine::open(&plain, "tests", Duration::ZERO).await;
    assert!(matches!(refused, Err(OpenError::Tls { .. })), "{refused:?}");
}

/// A server that shows a certificate, wants one of its clients, and a password.
struct Secured {
    servers: Servers,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    password: PathBuf,
}

impl Secured {
    async fn start() -> Option<Self> {
        let ca_key = rcgen::KeyPair::generate().unwrap();
        let mut authority = rcgen::CertificateParams::default();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca = authority.self_signed(&ca_key).unwrap();
        let issuer = rcgen::Issuer::new(authority, ca_key);
        let own_key = rcgen::KeyPair::generate().unwrap();
        let own = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let own = own.signed_by(&own_key, &issuer).unwrap();
        let folder = Folder::new();
        let file = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let ca = file("ca.pem", ca.pem());
        let certificate = file("own.pem", own.pem());
        let key = file("own.key", own_key.serialize_pem());
        let password = file("password", "secret\n".to_owned());
        let text = |path: &PathBuf| path.to_str().expect("a path in UTF-8").to_owned();
        let arguments = [
            ["--tlsverify".to_owned(), format!("--tlscacert={}", text(&ca))],
            [format!("--tlscert={}", text(&certificate)), format!("--tlskey={}", text(&key))],
            ["--user=ann".to_owned(), "--pass=secret".to_owned()],
        ];
        let servers = Servers::start_with(1, folder, &arguments.concat()).await?;
        Some(Self { servers, ca, certificate, key, password })
    }
}
