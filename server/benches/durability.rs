//! What it costs that a crash costs nothing: `durability = "snapshot"` and `"lazy"` beside `"none"`, in one run.
//!
//! `cargo bench --package sterna-server --bench durability`
//!
//! *Round trip*: a client on this machine asks and waits for the echo. *Throughput*: it sends echoes as fast as its
//! queue takes them. Both with the engine of this process, whose answers take no time: what a store at the other
//! end of a network adds to each batch comes on top, once for a round trip.

use std::sync::Arc;
use std::time::{Duration, Instant};
use sterna::client::event::Event;
use sterna::client::{Config as ClientConfig, Status};
use sterna::ffi::harness::CClient;
use sterna::protocol::wire::Value;
use sterna_server::builtin::{Builtin, ECHO, SET, VERSION, encode};
use sterna_server::cluster::Cluster;
use sterna_server::config::{Config, Durability};
use sterna_server::node::NoObserver;

const ROUND_TRIPS: usize = 3000;
const MESSAGES: usize = 50_000;
const PAYLOAD: [u8; 32] = [7; 32];
/// How often each is measured; the best counts, for what else the machine does only slows.
const ROUNDS: usize = 3;
/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    for (name, data_bytes) in [("256 bytes", 200), ("60 KiB", 60 * 1024)] {
        println!("user data of {name}:");
        let mut baseline = None;
        for durability in [Durability::None, Durability::Lazy, Durability::Snapshot] {
            let mut best = Cost { round_trip_us: f64::MAX, per_second: 0.0 };
            for _ in 0..ROUNDS {
                let cost = measure(durability, data_bytes);
                best.round_trip_us = best.round_trip_us.min(cost.round_trip_us);
                best.per_second = best.per_second.max(cost.per_second);
            }
            let none = *baseline.get_or_insert(best);
            println!(
                "  {:<10} echo {:>6.1} us in the median (x {:.2}), {:>9.0} echoes a second (x {:.2})",
                format!("{durability:?}").to_lowercase(),
                best.round_trip_us,
                best.round_trip_us / none.round_trip_us,
                best.per_second,
                best.per_second / none.per_second,
            );
        }
    }
}

#[derive(Clone, Copy)]
struct Cost {
    round_trip_us: f64,
    per_second: f64,
}

fn measure(durability: Durability, data_bytes: usize) -> Cost {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut config =
        Config { nodes: 1, tcp_port: 0, quic_port: 0, peer_port: 0, durability, ..Config::default() };
    config.limits.user_data_bytes_max = 1 << 20;
    let start = Cluster::start(config, Arc::new(Builtin), Arc::new(NoObserver));
    let cluster = runtime.block_on(start).expect("the node starts");
    let token = cluster.connect_token("bench", Duration::from_secs(3600)).expect("a token");
    let client = CClient::create(&ClientConfig::default()).expect("a client");
    client.connect(&token).expect("the token is good");
    until(&client, |event| matches!(event, Event::Connected { .. }));
    client.rsend(VERSION, SET, &entry(data_bytes)).expect("one message fits");
    let echoed = |event: &Event| matches!(event, Event::Push { cmd: ECHO, .. });
    let mut round_trips: Vec<Duration> = (0..ROUND_TRIPS)
        .map(|_| {
            let began = Instant::now();
            client.rsend(VERSION, ECHO, &PAYLOAD).expect("one message fits");
            until(&client, echoed);
            began.elapsed()
        })
        .collect();
    round_trips.sort_unstable();
    let began = Instant::now();
    let (mut sent, mut heard) = (0, 0);
    while heard < MESSAGES {
        assert!(began.elapsed() < PATIENCE, "only {heard} echoes came");
        while sent < MESSAGES {
            match client.rsend(VERSION, ECHO, &PAYLOAD) {
                Ok(()) => sent += 1,
                Err(error) if error.status == Status::QueueFull => break,
                Err(error) => panic!("{error}"),
            }
        }
        client.update(|_, event, _| heard += usize::from(echoed(&event))).expect("it lives");
    }
    let per_second = MESSAGES as f64 / began.elapsed().as_secs_f64();
    runtime.shutdown_background();
    Cost { round_trip_us: round_trips[ROUND_TRIPS / 2].as_nanos() as f64 / 1000.0, per_second }
}

/// A value of the user's data, as the built-in application takes it.
fn entry(bytes: usize) -> Vec<u8> {
    let key = b"filler";
    let mut entry = vec![key.len() as u8];
    entry.extend_from_slice(key);
    entry.extend(encode(&Value::Bytes(vec![7; bytes])));
    entry
}

fn until(client: &CClient, so: impl Fn(&Event) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = false;
    while !seen {
        assert!(Instant::now() < deadline, "it did not happen");
        client.update(|_, event, _| seen |= so(&event)).expect("it lives");
    }
}
