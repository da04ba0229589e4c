//! Nodes that fail, end to end: each is a process of its own, over real sockets, and is killed, stopped or robbed of
//! a message at every step of a move (`docs/CORRECTNESS.md`, "Fault matrix").
//!
//! A node is this very program, started again ([`node`]). The engine lives in the test ([`store`]); nodes ask it over
//! a socket. With `durability = "snapshot"` nothing may be lost, doubled or out of order whatever happens, so nearly
//! every case is judged by the same rules ([`judge`]).

#![cfg(unix)]

mod cluster;
mod crashes;
mod game;
mod judge;
mod matrix;
mod member;
mod node;
mod player;
mod process;
#[allow(dead_code)] // tests/cluster uses the rest
mod proxy;
mod remote_engine;
mod room_cells;
mod room_judge;
mod room_matrix;
mod rows;
mod said;
mod store;
mod table;
mod troupe;
mod wire;

use cluster::{Cluster, Setting, until};
use std::time::Duration;

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(40);

/// How long tokens of the tests are good for.
const TOKEN_LIFE: Duration = Duration::from_secs(600);

/// What the other tests start as their nodes and players. Started by nobody, it sees to it that a node's process comes
/// and goes with its test.
#[test]
fn a_process_of_its_own() {
    if let Ok(name) = std::env::var(node::NAME) {
        return node::run(name);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        match std::env::var(rows::PLAYER) {
            Ok(token) => rows::play_until_killed(&token).await,
            Err(_) => comes_and_goes().await,
        }
    });
}

async fn comes_and_goes() {
    let cluster = Cluster::start(&Setting::default()).await.unwrap_or_else(|failure| panic!("{failure}"));
    for node in &cluster.nodes {
        assert!(node.ended().is_none());
        node.leave();
    }
    let all_ended = || cluster.nodes.iter().all(|node| node.ended().is_some_and(|status| status.success()));
    let waited = until("all have ended well", all_ended).await;
    waited.unwrap_or_else(|failure| panic!("{}", cluster.explain(&failure)));
}
