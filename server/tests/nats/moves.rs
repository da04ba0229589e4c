//! Players on nodes of several processes, which have nothing in common but NATS and their keys.

use crate::PATIENCE;
use crate::servers::{Folder, Servers};
use std::path::Path;
use std::sync::Arc;
use sterna::client::event::{Batch, Event};
use sterna::client::{Client, Config as ClientConfig};
use sterna::client::config::Transport;
use sterna::protocol::reasons::OfflineReason;
use sterna_server::builtin::{Builtin, ECHO, VERSION};
use sterna_server::cluster::Cluster;
use sterna_server::config::{Config, EngineConfig, NatsConfig};
use sterna_server::node::NoObserver;
use std::time::Duration;

const TOKEN_LIFE: Duration = Duration::from_secs(60);

/// Nodes as one process has them.
fn config(servers: &Servers, keys: &Path, name: &str) -> Config {
    Config {
        state_dir: Some(keys.to_owned()),
        name: name.to_owned(),
        tcp_port: 0,
        quic_port: 0,
        peer_port: 0,
        engine: EngineConfig::Nats(NatsConfig { urls: servers.urls(), ..NatsConfig::default() }),
        ..Config::default()
    }
}

async fn start(config: Config) -> Arc<Cluster> {
    config.validate().expect("the test's configuration is valid");
    if let Ok(filter) = std::env::var("STERNA_LOG") {
        sterna_server::logging::init(&filter);
    }
    Cluster::start(config, Arc::new(Builtin), Arc::new(NoObserver)).await.expect("the nodes start")
}

/// A player who hears its own words again.
struct Player {
    client: Client,
    seen: Vec<(Event, Vec<u8>)>,
    said: u64,
}

impl Player {
    async fn join(token: &str, transport: Transport) -> Self {
        let client = Client::create(ClientConfig { transport, ..ClientConfig::default() }).expect("a client");
        client.connect(token).expect("the token can be read");
        let mut player = Self { client, seen: Vec::new(), said: 0 };
        player.until("connected", |event| matches!(event, Event::Connected { .. })).await;
        player
    }

    fn take(&mut self) {
        let mut batch = Batch::default();
        self.client.take_events(&mut batch);
        for (event, bytes) in batch.iter() {
            self.client.consumed(Batch::cost(bytes.len()));
            self.seen.push((event, bytes.to_vec()));
        }
    }

    /// Waits for an event; those before it are kept. Gives its bytes.
    async fn until(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Vec<u8> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            self.take();
            if let Some(index) = self.seen.iter().position(|(event, _)| wanted(event)) {
                return self.seen.remove(index).1;
            }
            assert!(tokio::time::Instant::now() < deadline, "not {what}; seen: {:?}", self.seen);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Says something, and hears it again: nothing was lost, doubled or out of order.
    async fn plays(&mut self) {
        for _ in 0..20 {
            self.client.send(true, VERSION, ECHO, &self.said.to_be_bytes()).expect("there is room");
            self.said += 1;
        }
        for number in self.said - 20..self.said {
            let echo = self.until("an echo", |event| matches!(event, Event::Push { cmd: ECHO, .. })).await;
            assert_eq!(echo, number.to_be_bytes());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_plays_on_a_node_that_has_its_engine_in_nats() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    let cluster = start(config(&servers, keys.path(), "blue")).await;
    let token = cluster.connect_token("ann", TOKEN_LIFE).unwrap();
    let mut ann = Player::join(&token, Transport::Tcp).await;
    ann.plays().await;
    ann.client.disconnect().unwrap();
    ann.until("disconnected", |event| matches!(event, Event::Disconnected { .. })).await;
    cluster.shut_down(Duration::from_secs(5), OfflineReason::Signal).await;
}
