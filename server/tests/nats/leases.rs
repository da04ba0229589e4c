//! What it costs to know whose heartbeat stands still.

use crate::servers::Servers;
use crate::{engine, eventually};
use futures_util::StreamExt as _;
use std::collections::BTreeSet;
use std::time::Duration;
use sterna::protocol::ids::NodeId;
use sterna::protocol::lease::Heartbeat;
use sterna_server::engine::Engine;

const ASKER: NodeId = NodeId(1);
const NODES: u64 = 20;

/// How long ago a question has to be for the next one to count from it: less than the heartbeats between them take.
const STILL: Duration = Duration::from_millis(5);

/// Counts what is asked of JetStream.
struct Spy {
    asked: async_nats::Subscriber,
    client: async_nats::Client,
}

impl Spy {
    async fn on(servers: &Servers) -> Self {
        let client = async_nats::connect(servers.urls()).await.expect("the server is there");
        let asked = client.subscribe("$JS.API.STREAM.>").await.expect("it may listen");
        client.flush().await.expect("it listens");
        Self { asked, client }
    }

    /// How much has been asked since the last time.
    async fn count(&mut self) -> usize {
        // What comes behind everything that was asked so far.
        self.client.publish("$JS.API.STREAM.end", "".into()).await.expect("it is connected");
        let mut count = 0;
        while self.asked.next().await.expect("it listens").subject.as_str() != "$JS.API.STREAM.end" {
            count += 1;
        }
        count
    }
}

/// All nodes renew but those.
async fn renew_but(engine: &dyn Engine, still: &[NodeId]) {
    for node in (ASKER.0..=NODES).map(NodeId).filter(|node| !still.contains(node)) {
        engine.renew(node).await.expect("it answers");
    }
}

/// Asks until an earlier question counts: what is shown then, and how much was asked for it.
async fn shown(engine: &dyn Engine, spy: &mut Spy, still: &[NodeId]) -> (Vec<(NodeId, Heartbeat)>, usize) {
    let mut last = (Vec::new(), 0);
    eventually("those that have renewed are left out", async || {
        renew_but(engine, still).await;
        spy.count().await;
        let beats = engine.heartbeats(ASKER, STILL, BTreeSet::new()).await.expect("it answers");
        last = (beats, spy.count().await);
        last.0.len() == still.len()
    })
    .await;
    last
}

#[tokio::test]
async fn only_heartbeats_that_stand_still_are_read() {
    let Some(servers) = Servers::start(1).await else { return };
    let engine = engine(&servers).await;
    let mut spy = Spy::on(&servers).await;
    renew_but(&engine, &[]).await;
    let all = engine.heartbeats(ASKER, STILL, BTreeSet::new()).await.expect("it answers");
    assert_eq!(all.len(), NODES as usize, "who asks for the first time is shown all");
    // Where the stream ends, and the oldest heartbeat: it has changed, and so have all behind it.
    assert_eq!(shown(&engine, &mut spy, &[]).await, (Vec::new(), 2));

    let (dead, leaving) = (NodeId(7), NodeId(8));
    let (mut beats, _) = shown(&engine, &mut spy, &[dead, leaving]).await;
    beats.sort_by_key(|(node, _)| *node);
    let [(first, beat @ Heartbeat::Beating(_)), (second, Heartbeat::Beating(_))] = beats[..] else {
        panic!("{beats:?}")
    };
    assert_eq!((first, second), (dead, leaving));
    let (again, asked) = shown(&engine, &mut spy, &[dead, leaving]).await;
    assert!(
        again.contains(&(dead, beat)),
        "as long as it stands still, it is shown, and the same: {again:?}"
    );
    assert_eq!(asked, 4, "both of them besides");

    engine.goodbye(leaving).await.expect("it answers");
    let (beats, _) = shown(&engine, &mut spy, &[dead, leaving]).await;
    assert!(beats.contains(&(leaving, Heartbeat::Goodbye)), "{beats:?}");
    let (beats, asked) = shown(&engine, &mut spy, &[dead, leaving]).await;
    assert!(beats.contains(&(leaving, Heartbeat::Goodbye)), "{beats:?}");
    assert_eq!(asked, 3, "a goodbye is read once");

    // It was fenced only, and comes back.
    let (beats, _) = shown(&engine, &mut spy, &[leaving]).await;
    assert_eq!(beats, [(leaving, Heartbeat::Goodbye)]);
    assert_eq!(shown(&engine, &mut spy, &[leaving]).await.1, 2);
}

/// What one node knows does not stand in another one's way.
#[tokio::test]
async fn each_node_has_its_own_questions() {
    let Some(servers) = Servers::start(1).await else { return };
    let engine = engine(&servers).await;
    let mut spy = Spy::on(&servers).await;
    renew_but(&engine, &[]).await;
    shown(&engine, &mut spy, &[]).await;
    let later = engine.heartbeats(NodeId(2), STILL, BTreeSet::new()).await.expect("it answers");
    assert_eq!(later.len(), NODES as usize);
}
