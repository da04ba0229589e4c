//! The engine `nats` against real servers of NATS: its contract, the same as of the engine `local`; nodes of several
//! processes that meet there; and servers that die, fall silent or lose what they held.

#![cfg(unix)]

mod contract;
mod credentials;
mod estates;
mod faults;
mod leases;
mod losses;
mod moves;
mod player;
#[allow(dead_code)] // tests/cluster uses the rest
mod processes;
mod refusals;
mod rooms;
mod servers;
mod signals;
mod snapshots;
mod starts;

use servers::Servers;
use std::time::Duration;
use sterna_server::config::NatsConfig;
use sterna_server::engine::NatsEngine;

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long nobody takes anything over when the data are gone.
const TAKE_OVER: Duration = Duration::from_millis(750);

fn config(servers: &Servers) -> NatsConfig {
    let replicas = if servers.urls().len() < 3 { 1 } else { 3 };
    NatsConfig { urls: servers.urls(), replicas, ..NatsConfig::default() }
}

/// The engine of another process, as it were.
async fn engine(servers: &Servers) -> NatsEngine {
    engine_with(servers, TAKE_OVER).await
}

/// The same, with a take-over time. Without one that nothing is found means nothing from the first moment on.
async fn engine_with(servers: &Servers, take_over: Duration) -> NatsEngine {
    if let Ok(filter) = std::env::var("STERNA_LOG") {
        sterna_server::logging::init(&filter);
    }
    let opened = NatsEngine::open(&config(servers), "tests", take_over).await;
    opened.unwrap_or_else(|error| panic!("{error}\n{}", servers.explain()))
}

/// Waits until something is so that tells nobody when it changes.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "it never came to pass: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
