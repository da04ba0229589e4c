//! How fast a node empties, beside how fast this machine shakes hands at all.
//!
//! `cargo bench --package sterna-server --bench drain [-- SESSIONS]`
//!
//! A session that moves needs one new link, so the machine's rate of handshakes is the most that can be asked for.
//! *Bare*: links that resume a TLS session, as the second link of a client does, say one byte each way, and end;
//! `IN_FLIGHT` at a time. *Drain*: every player asks to be moved as soon as it hears that the node goes offline; from
//! the order until the node is empty. In both the clients share one network thread. Each is measured several times,
//! in turns, and the best counts: what else the machine does only slows. The processors' time of that same round
//! stands beside it.

use std::sync::Arc;
use std::time::{Duration, Instant};
use sterna::client::config::Transport;
use sterna::client::event::{Batch, Event};
use sterna::client::token::server_name;
use sterna::client::{Client, Config as ClientConfig, State};
use sterna::protocol::limits;
use sterna::protocol::reasons::OfflineReason;
use sterna::transport::{
    Close, Conditions, Dialer, Endpoints, Handler, Identity, Kind, Lane, Link, Listener, Trust,
};
use sterna_server::builtin::Builtin;
use sterna_server::cluster::Cluster;
use sterna_server::config::Config;
use sterna_server::node::NoObserver;
use sterna_server::pki::ClusterKeys;
use sterna_server::seal::TicketKeys;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

const SESSIONS: usize = 1000;
const ROUNDS: usize = 3;
const IN_FLIGHT: usize = limits::ARRIVALS_MAX as usize;
/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(60);
/// Clients that connect at the same time before the drain.
const CONNECTING: usize = 16;

fn main() {
    let sessions = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(SESSIONS);
    sterna::sys::raise_file_limit().expect("the limit of open files can be read");
    println!("{sessions} sessions, best of {ROUNDS} rounds");
    for (transport, kind) in [(Transport::Tcp, Kind::Tcp), (Transport::Udp, Kind::Quic)] {
        let (mut bare, mut drained) = (Cost::default(), Cost::default());
        for _ in 0..ROUNDS {
            bare = bare.better(bare_cost(kind, sessions));
            drained = drained.better(drain_cost(transport, sessions));
        }
        println!(
            "{transport:?}: bare handshakes {bare}; drain {drained}; ratio {:.2}",
            drained.rate / bare.rate
        );
    }
}

/// What handshakes or moves cost.
#[derive(Clone, Copy, Default)]
struct Cost {
    /// How many in a second.
    rate: f64,
    /// Time of all processors for each.
    cpu_us: f64,
}

impl Cost {
    fn of(count: usize, took: Duration, cpu_before: Duration) -> Self {
        let cpu_us = (cpu() - cpu_before).as_micros() as f64 / count as f64;
        Self { rate: count as f64 / took.as_secs_f64(), cpu_us }
    }

    fn better(self, other: Self) -> Self {
        if other.rate > self.rate { other } else { self }
    }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} a second", self.rate)?;
        if self.cpu_us > 0.0 { write!(f, " at {:.0} us of processor", self.cpu_us) } else { Ok(()) }
    }
}

/// Time that this process has had so far, of all processors; zero where that cannot be read.
fn cpu() -> Duration {
    let read = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may hold blanks: user time is the 12th field, system time the 13th, in hundredths.
    let fields = read.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn nodes_runtime() -> Runtime {
    Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

/// Says one byte and hears one byte.
struct Greeter {
    has_said: bool,
    has_heard: bool,
    /// A client closes when it has heard; a node waits for that.
    closes: bool,
}

impl Handler for Greeter {
    fn received(&mut self, _: Lane, bytes: &[u8]) -> Result<usize, Close> {
        self.has_heard |= !bytes.is_empty();
        Ok(bytes.len())
    }

    fn datagram(&mut self, _: &[u8]) {}

    fn fill(&mut self, lane: Lane, out: &mut Vec<u8>, _: usize) {
        // A node answers: on QUIC it learns of a lane when the client speaks.
        if lane == Lane::Control && !self.has_said && (self.closes || self.has_heard) {
            self.has_said = true;
            out.push(1);
        }
    }

    fn next_datagram(&mut self, _: &mut Vec<u8>) -> bool {
        false
    }

    fn closing(&self) -> bool {
        self.closes && self.has_heard
    }
}

async fn greet(link: Link, closes: bool) {
    link.run(&mut Greeter { has_said: false, has_heard: false, closes }).await;
}

async fn accept(listener: Listener) {
    while let Some(incoming) = listener.accept().await {
        tokio::spawn(async move {
            if let Ok(link) = incoming.handshake().await {
                greet(link, false).await;
            }
        });
    }
}

fn bare_cost(kind: Kind, links: usize) -> Cost {
    let keys = ClusterKeys::generate("bench").expect("keys");
    let identity = keys.node_identity("node-1").expect("an identity");
    let identity = Identity {
        cert_chain: identity.chain,
        key: identity.key,
        ticketer: Arc::new(TicketKeys::new(&keys)),
        ca: keys.ca_der().clone(),
    };
    let nodes = nodes_runtime();
    let entered = nodes.enter();
    let listener =
        Listener::bind(kind, "127.0.0.1:0".parse().expect("an address"), &identity).expect("a port");
    drop(entered);
    let address = listener.local_addr();
    nodes.spawn(accept(listener));
    let trust = Trust { ca_der: keys.ca_der().to_vec(), server_name: server_name("bench") };
    let endpoints = Arc::new(Endpoints::default());
    let dialer =
        || Dialer::new(&trust, Conditions::default(), endpoints.clone()).expect("the CA can be read");
    let dialers: Vec<Arc<Dialer>> = (0..links).map(|_| Arc::new(dialer())).collect();
    let clients = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let all = || async {
        let mut under_way = JoinSet::new();
        for dialer in &dialers {
            let dialer = dialer.clone();
            if under_way.len() >= IN_FLIGHT {
                under_way.join_next().await;
            }
            under_way.spawn(async move {
                let link = dialer.dial(kind, address).await.expect("it listens");
                greet(link, true).await;
            });
        }
        under_way.join_all().await;
    };
    clients.block_on(all()); // each dialer gets its TLS tickets
    let (began, cpu_before) = (Instant::now(), cpu());
    clients.block_on(all());
    let cost = Cost::of(links, began.elapsed(), cpu_before);
    nodes.shutdown_background();
    cost
}

fn drain_cost(transport: Transport, sessions: usize) -> Cost {
    let nodes = nodes_runtime();
    let mut config = Config { nodes: 3, tcp_port: 0, quic_port: 0, peer_port: 0, ..Config::default() };
    config.limits.sessions_max = config.limits.sessions_max.max(2 * sessions as u32);
    let start = Cluster::start(config, Arc::new(Builtin), Arc::new(NoObserver));
    let cluster = nodes.block_on(start).expect("the nodes start");
    let mut clients = connect(&cluster, transport, sessions);
    let (began, cpu_before) = (Instant::now(), cpu());
    cluster.begin_drain("node-1", PATIENCE, OfflineReason::ScaleIn).expect("it is online");
    let mut moved = 0;
    let mut batch = Batch::default();
    while moved < sessions {
        assert!(began.elapsed() < PATIENCE, "only {moved} of {sessions} have moved");
        for client in &mut clients {
            if !client.take_events(&mut batch) {
                continue;
            }
            for (event, bytes) in batch.iter() {
                client.consumed(Batch::cost(bytes.len()));
                match event {
                    Event::Offline { .. } => client.send_migrate().expect("the node is offline"),
                    Event::Migrated { .. } => moved += 1,
                    Event::MigrateFailed { status } => panic!("a move failed: {status}"),
                    Event::Reconnecting { status } => {
                        let text = String::from_utf8_lossy(bytes);
                        panic!(
                            "a link broke {moved} moves and {:?} later: {status}: {text}",
                            began.elapsed()
                        );
                    }
                    _ => {}
                }
            }
            batch.clear();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let report = nodes.block_on(cluster.drained("node-1")).expect("it was drained");
    assert_eq!(report.closed, 0);
    let cost = Cost::of(sessions, report.took, cpu_before);
    clients.iter().for_each(Client::destroy);
    nodes.shutdown_background();
    cost
}

/// Clients that play on the first node.
fn connect(cluster: &Cluster, transport: Transport, sessions: usize) -> Vec<Client> {
    let node = cluster.node("node-1").expect("there is one");
    let deadline = Instant::now() + PATIENCE;
    let mut clients: Vec<Client> = Vec::with_capacity(sessions);
    let connected = |client: &Client| client.state() == State::Connected;
    while clients.len() < sessions || !clients.iter().all(connected) {
        assert!(Instant::now() < deadline, "only {} connect", clients.len());
        let connecting = clients.iter().filter(|client| !connected(client)).count();
        let next = clients.len()..sessions.min(clients.len() + CONNECTING - connecting.min(CONNECTING));
        for number in next {
            let client = Client::create(ClientConfig { transport, ..ClientConfig::default() });
            let client = client.expect("a client");
            let token = cluster.connect_token(&format!("player-{number}"), PATIENCE).expect("a token");
            let mut token = sterna::client::token::ConnectToken::parse(&token).expect("it was just made");
            (token.tcp, token.quic) = (vec![node.tcp()], vec![node.quic()]);
            client.connect(&token.encode()).expect("it can be read");
            clients.push(client);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    clients
}
