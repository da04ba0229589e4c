//! Servers and clients over real sockets, on loopback: what players and operators see.
//!
//! On the engine `local`, or on NATS: `scripts/with-nats.sh cargo test --package sterna-server --test e2e`.
//!
//! Everything is waited for as an event, within [`PATIENCE`]; nothing sleeps and hopes.

mod cancels;
mod chains;
mod dry_runs;
mod exits;
mod forced;
mod hastened;
mod links;
mod moves;
mod node_states;
mod panics;
mod player;
mod program;
mod proxy;
mod public;
mod queues;
mod raw;
mod refusals;
mod resumes;
mod rooms;
mod strangers;
mod tickets;
mod users;
mod versions;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use sterna::client::config::Transport;
use sterna::client::token::ConnectToken;
use sterna::protocol::application::Application;
use sterna_server::builtin::Builtin;
use sterna_server::cluster::Cluster;
use sterna_server::config::{Config, EngineConfig, NatsConfig};
use sterna_server::node::{NoObserver, Node};

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A deadline of a drain that no test should reach.
const LONG: Duration = Duration::from_secs(60);

/// How long tokens of the tests are good for.
const TOKEN_LIFE: Duration = Duration::from_secs(60);

const BOTH: [Transport; 2] = [Transport::Tcp, Transport::Udp];

fn on_free_ports(nodes: u16) -> Config {
    Config { nodes, tcp_port: 0, quic_port: 0, peer_port: 0, ..Config::default() }
}

/// A cluster of this many nodes on free ports.
async fn cluster(nodes: u16) -> Arc<Cluster> {
    cluster_with(nodes, |_| {}).await
}

/// The same, with changes to its configuration.
async fn cluster_with(nodes: u16, change: impl FnOnce(&mut Config)) -> Arc<Cluster> {
    let mut config = on_free_ports(nodes);
    change(&mut config);
    cluster_of(Arc::new(Builtin), config).await
}

/// With NATS, if `STERNA_E2E_NATS` says where it is: `scripts/with-nats.sh`.
fn on_asked_engine(config: Config) -> Config {
    static CLUSTERS: AtomicU32 = AtomicU32::new(0);
    let (Ok(url), Ok(keys)) = (std::env::var("STERNA_E2E_NATS"), std::env::var("STERNA_E2E_KEYS")) else {
        return config;
    };
    let cluster = format!("e2e-{}-{}", std::process::id(), CLUSTERS.fetch_add(1, Ordering::Relaxed));
    let state_dir = config.state_dir.clone().or_else(|| Some(Path::new(&keys).join(&cluster)));
    let engine = EngineConfig::Nats(NatsConfig { urls: vec![url], ..NatsConfig::default() });
    Config { cluster, state_dir, engine, ..config }
}

/// Whether sessions that no node takes wait there, instead of being ended.
fn engine_outlives_nodes() -> bool {
    std::env::var_os("STERNA_E2E_NATS").is_some()
}

/// A cluster that runs another game than the one that is built in.
async fn cluster_of(application: Arc<dyn Application>, config: Config) -> Arc<Cluster> {
    let config = on_asked_engine(config);
    config.validate().expect("the test's configuration is valid");
    if let Ok(filter) = std::env::var("STERNA_LOG") {
        sterna_server::logging::init(&filter);
    }
    Cluster::start(config, application, Arc::new(NoObserver)).await.expect("the cluster starts")
}

fn node(cluster: &Cluster, name: &str) -> Arc<Node> {
    cluster.node(name).unwrap_or_else(|| panic!("no node {name}"))
}

/// A token that names this node only.
fn token_for(cluster: &Cluster, user: &str, name: &str) -> ConnectToken {
    let node = node(cluster, name);
    ConnectToken { tcp: vec![node.tcp()], quic: vec![node.quic()], ..token(cluster, user) }
}

/// A token that names all nodes that are online.
fn token(cluster: &Cluster, user: &str) -> ConnectToken {
    let token = cluster.connect_token(user, TOKEN_LIFE).expect("the development issuer issues");
    ConnectToken::parse(&token).expect("what was encoded can be read")
}

/// Waits until something is so that tells nobody when it changes.
async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline, "it never came to pass: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
