//! What the C functions cost the game's thread, against a node in the same process.
//!
//! `cargo bench --package sterna-server --bench client`

use divan::Bencher;
use divan::counter::ItemsCount;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sterna::client::Config as ClientConfig;
use sterna::client::event::{Batch, Event};
use sterna::ffi::harness::CClient;
use sterna::protocol::application::{Application, Context};
use sterna::protocol::wire::Message;
use sterna_server::cluster::Cluster;
use sterna_server::config::Config;
use sterna_server::node::NoObserver;

const VERSION: u8 = 2;
/// Is taken and forgotten.
const SWALLOW: u16 = 1;
/// Is answered by as many pushes as its payload says.
const PUSH: u16 = 2;
const PAYLOAD: [u8; 32] = [7; 32];
const BURST: usize = 1000;
/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

struct Swallower;

impl Application for Swallower {
    fn message(&self, session: &mut Context<'_>, message: &Message<'_>) {
        if message.cmd == PUSH {
            for _ in 0..BURST {
                session.send(VERSION, PUSH, &PAYLOAD).expect("a thousand small pushes fit");
            }
        }
    }
}

/// A connected client and what it is connected to.
struct Setting {
    client: CClient,
    _cluster: Arc<Cluster>,
    _runtime: tokio::runtime::Runtime,
}

impl Setting {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let config = Config { nodes: 1, tcp_port: 0, quic_port: 0, peer_port: 0, ..Config::default() };
        let start = Cluster::start(config, Arc::new(Swallower), Arc::new(NoObserver));
        let cluster = runtime.block_on(start).expect("the node starts");
        let token = cluster.connect_token("bench", Duration::from_secs(3600)).expect("a token");
        let client = CClient::create(&ClientConfig::default()).expect("a client");
        client.connect(&token).expect("the token is good");
        let mut connected = false;
        wait(|| {
            let _ = client.update(|_, event, _| connected |= matches!(event, Event::Connected { .. }));
            connected
        });
        Self { client, _cluster: cluster, _runtime: runtime }
    }

    /// Waits until everything that was sent has been acknowledged.
    fn drain(&self) {
        wait(|| self.client.stats().expect("it lives").send_queue_bytes == 0);
    }
}

fn wait(mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "it did not happen");
        std::thread::yield_now();
    }
}

fn main() {
    divan::main();
}

/// A thousand messages of 32 bytes in a row: at most one wake-up of the network thread for each batch.
#[divan::bench(sample_size = 1, sample_count = 200)]
fn send_burst(bencher: Bencher<'_, '_>) {
    let setting = Setting::new();
    bencher.counter(ItemsCount::new(BURST)).with_inputs(|| setting.drain()).bench_local_values(|()| {
        for _ in 0..BURST {
            setting.client.rsend(VERSION, SWALLOW, &PAYLOAD).expect("a burst fits");
        }
    });
}

/// One message while the network thread sleeps: the price of waking it.
#[divan::bench(sample_size = 1, sample_count = 500)]
fn send_single_to_an_idle_thread(bencher: Bencher<'_, '_>) {
    let setting = Setting::new();
    bencher.with_inputs(|| setting.drain()).bench_local_values(|()| {
        setting.client.rsend(VERSION, SWALLOW, &PAYLOAD).expect("one message fits");
    });
}

/// A frame in which nothing has happened.
#[divan::bench]
fn update_with_nothing_to_do(bencher: Bencher<'_, '_>) {
    let setting = Setting::new();
    setting.drain();
    bencher.bench_local(|| setting.client.update(|_, _, _| ()));
}

/// A frame in which a thousand pushes have arrived.
#[divan::bench(sample_size = 1, sample_count = 200)]
fn update_with_1000_events(bencher: Bencher<'_, '_>) {
    let setting = Setting::new();
    let client = &setting.client;
    let waiting = BURST as u64 * Batch::cost(PAYLOAD.len());
    let arrive = || {
        client.rsend(VERSION, PUSH, &PAYLOAD).expect("one message fits");
        wait(|| client.stats().expect("it lives").event_queue_bytes >= waiting);
    };
    bencher.counter(ItemsCount::new(BURST)).with_inputs(arrive).bench_local_values(|()| {
        let mut count = 0;
        client
            .update(|_, event, _| count += usize::from(matches!(event, Event::Push { .. })))
            .expect("it lives");
        assert_eq!(count, BURST);
    });
}
