//! What the protocol core itself costs, without sockets: `cargo bench --features testing --bench core`.

use divan::Bencher;
use divan::counter::ItemsCount;
use std::time::Duration;
use sterna::protocol::ids::Cursor;
use sterna::protocol::sequence::{LinkSender, Replay};
use sterna::protocol::wire::{Data, Kind, Message, split};
use sterna::testing::Cluster;

fn main() {
    divan::main();
}

const PAYLOAD: [u8; 32] = [7; 32];

const fn message() -> Message<'static> {
    Message { kind: Kind::Plain, ver: 2, cmd: 1, payload: &PAYLOAD }
}

#[divan::bench]
fn encode_message(bencher: Bencher<'_, '_>) {
    let mut out = Vec::with_capacity(64);
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| {
        out.clear();
        divan::black_box(message()).encode(&mut out);
        out.len()
    });
}

#[divan::bench]
fn decode_message(bencher: Bencher<'_, '_>) {
    let mut frame = Vec::new();
    message().encode(&mut frame);
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| {
        let (body, _) = split(divan::black_box(&frame), 1 << 16).ok().flatten().expect("a whole frame");
        let Ok(Data::Message(message)) = Data::decode(body) else { panic!("not a message") };
        message.payload.len()
    });
}

/// A message's whole way through the sender's half: kept, written on a link, acknowledged.
#[divan::bench]
fn push_fill_and_acknowledge(bencher: Bencher<'_, '_>) {
    let mut replay = Replay::new(Cursor(0), 1 << 20);
    let mut link = LinkSender::default();
    link.granted(u64::MAX);
    link.start(&replay, Cursor(0));
    let mut out = Vec::with_capacity(128);
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| {
        let cursor = replay.push(&message()).expect("there is room");
        out.clear();
        link.fill(&replay, replay.end(), &mut out, 1 << 14);
        replay.acked(cursor.next()).expect("it was sent");
        out.len()
    });
}

/// A whole move between the state machines: client, source, target, directory, all in memory. So much
/// downlink waits for the client's credit, and moves along.
#[divan::bench(args = [0, 256])]
fn move_a_session(bencher: Bencher<'_, '_>, waiting_kib: usize) {
    bencher
        .with_inputs(|| {
            let mut cluster = Cluster::new(1, 2);
            let [source, target] = cluster.nodes();
            let player = cluster.connect(source);
            cluster.consumes(player, false);
            if waiting_kib > 0 {
                cluster.send(player, waiting_kib + 280, 1024);
            }
            cluster.run_for(Duration::from_millis(500));
            let cohort = cluster.cohort(source, player).expect("it is served there");
            assert!(cohort.session().state_bytes() >= waiting_kib * 1024);
            cluster.drain(source);
            cluster.run_for(Duration::from_millis(30));
            (cluster, target, player)
        })
        .bench_local_values(|(mut cluster, target, player)| {
            cluster.send_migrate(player).expect("its node is offline");
            cluster.run_until(|cluster| cluster.served_by(player, target));
            cluster
        });
}
