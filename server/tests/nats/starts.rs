//! A start waits for NATS: processes and servers are started together, in any order.

use crate::contract::{COHORT, created, record};
use crate::servers::{Folder, Servers};
use crate::{TAKE_OVER, config};
use std::pin::pin;
use std::time::{Duration, Instant};
use sterna_server::config::NatsConfig;
use sterna_server::engine::{NatsEngine, OpenError};

/// Longer than a start takes that finds everything.
const A_WHILE: Duration = Duration::from_millis(700);

#[tokio::test]
async fn a_start_waits_for_a_server_that_is_not_there_yet() {
    let Some(servers) = Servers::start(1).await else { return };
    servers.kill(0);
    let config = config(&servers);
    let mut opening = pin!(NatsEngine::open(&config, "tests", TAKE_OVER));
    assert!(tokio::time::timeout(A_WHILE, &mut opening).await.is_err(), "it waits");
    servers.start_again(0).await;
    let engine = opening.await.unwrap_or_else(|error| panic!("{error}\n{}", servers.explain()));
    created(&engine, COHORT, record(&engine, 1)).await;
}

#[tokio::test]
async fn a_start_waits_for_a_leader() {
    let Some(servers) = Servers::start(3).await else { return };
    let all = config(&servers);
    let engine = crate::engine(&servers).await;
    created(&engine, COHORT, record(&engine, 1)).await;
    drop(engine);
    servers.kill(1);
    servers.kill(2);
    let one = NatsConfig { urls: vec![all.urls[0].clone()], ..all };
    let mut opening = pin!(NatsEngine::open(&one, "tests", TAKE_OVER));
    assert!(tokio::time::timeout(A_WHILE, &mut opening).await.is_err(), "it waits");
    servers.start_again(1).await;
    opening.await.unwrap_or_else(|error| panic!("{error}\n{}", servers.explain()));
}

#[tokio::test]
async fn a_start_gives_up_when_its_time_is_over() {
    for url in ["nats://127.0.0.1:1", "nats://nowhere.invalid:4222"] {
        let config = NatsConfig { urls: vec![url.into()], start: A_WHILE, ..NatsConfig::default() };
        let began = Instant::now();
        let error = NatsEngine::open(&config, "tests", TAKE_OVER).await.expect_err("nobody is there");
        assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
        assert!(began.elapsed() >= A_WHILE, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_server_without_jetstream_is_not_waited_for() {
    let without = ["--jetstream=false".to_owned()];
    let Some(servers) = Servers::start_with(1, Folder::new(), &without).await else { return };
    let opened = NatsEngine::open(&config(&servers), "tests", TAKE_OVER).await;
    assert!(matches!(opened, Err(OpenError::NoJetStream(_))), "{opened:?}");
}
