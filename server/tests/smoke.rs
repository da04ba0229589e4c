//! The thinnest path end to end: a client plays, its node is scaled in, it plays on elsewhere.

use std::sync::Arc;
use std::time::Duration;
use sterna::client::config::Transport;
use sterna::client::event::{Batch, Event};
use sterna::client::{Client, Config as ClientConfig};
use sterna::protocol::reasons::OfflineReason;
use sterna_server::builtin::{self, Builtin};
use sterna_server::cluster::Cluster;
use sterna_server::config::Config;
use sterna_server::node::NoObserver;

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

async fn cluster() -> Arc<Cluster> {
    let config = Config { nodes: 3, tcp_port: 0, quic_port: 0, peer_port: 0, ..Config::default() };
    Cluster::start(config, Arc::new(Builtin), Arc::new(NoObserver)).await.expect("the cluster starts")
}

/// Takes events until one satisfies `wanted`; all that came before it are in the list.
async fn until(client: &Client, wanted: impl Fn(&Event) -> bool) -> Vec<(Event, Vec<u8>)> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    loop {
        let mut batch = Batch::default();
        client.take_events(&mut batch);
        for (event, bytes) in batch.iter() {
            client.consumed(Batch::cost(bytes.len()));
            seen.push((event, bytes.to_vec()));
        }
        if seen.iter().any(|(event, _)| wanted(event)) {
            return seen;
        }
        assert!(tokio::time::Instant::now() < deadline, "it did not come; seen: {seen:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn survives_a_scale_in(transport: Transport) {
    let cluster = cluster().await;
    let client = Client::create(ClientConfig { transport, ..ClientConfig::default() }).unwrap();
    client.connect(&cluster.connect_token("ann", Duration::from_secs(60)).unwrap()).unwrap();
    let seen = until(&client, |event| matches!(event, Event::Connected { .. })).await;
    let (_, node) = seen.last().unwrap();
    let node = String::from_utf8(node.clone()).unwrap();
    for number in 0..10u32 {
        client.send(true, builtin::VERSION, builtin::ECHO, &number.to_be_bytes()).unwrap();
    }
    cluster.begin_drain(&node, Duration::from_secs(10), OfflineReason::ScaleIn).unwrap();
    let before = until(&client, |event| matches!(event, Event::Offline { .. })).await;
    client.send_migrate().unwrap();
    for number in 10..20u32 {
        client.send(true, builtin::VERSION, builtin::ECHO, &number.to_be_bytes()).unwrap();
    }
    let during = until(&client, |event| matches!(event, Event::Migrated { .. })).await;
    let request = client.request(builtin::VERSION, builtin::ECHO, b"last", None).unwrap();
    let answered =
        |event: &Event| matches!(event, Event::Response { request: number, .. } if *number == request);
    let after = until(&client, answered).await;
    let echoes: Vec<u32> = [before, during, after]
        .concat()
        .into_iter()
        .filter(|(event, _)| matches!(event, Event::Push { .. }))
        .map(|(_, bytes)| u32::from_be_bytes(bytes.try_into().unwrap()))
        .collect();
    assert_eq!(echoes, (0..20).collect::<Vec<_>>());
    let report = tokio::time::timeout(PATIENCE, cluster.drained(&node)).await.unwrap().unwrap();
    assert_eq!(report.closed, 0);
    println!("{transport:?}: {:?} {:?}", report, client.stats());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_survives_a_scale_in_over_tcp() {
    survives_a_scale_in(Transport::Tcp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_survives_a_scale_in_over_udp() {
    survives_a_scale_in(Transport::Udp).await;
}
