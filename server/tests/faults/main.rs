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
mod node;
mod player;
mod process;
mod proxy;
mod remote_engine;
mod rows;
mod said;
mod store;
mod table;
mod wire;

use std::time::Duration;

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(40);

/// How long tokens of the tests are good for.
const TOKEN_LIFE: Duration = Duration::from_secs(600);

/// Not a test: what the other tests start as their nodes.
#[test]
#[ignore = "a node of the other tests, which they start"]
fn node_process() {
    if let Ok(name) = std::env::var(node::NAME) {
        node::run(name);
    }
}
