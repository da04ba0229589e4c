//! Heartbeats: each node writes its own by compare-and-set, everybody reads from the leader those that may stand still.
//! What they mean, and by whose clock, is decided elsewhere (rules d and e).

use super::codec::{decode_beat, encode_beat};
use super::incarnation::Life;
use super::store::{Failed, Found, Put, Store};
use crate::engine::Unavailable;
use futures_util::future::try_join_all;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use sterna::protocol::ids::{Bucket, NodeId};
use sterna::protocol::lease::Heartbeat;

/// The heartbeat of a node that is gone is forgotten after this. What it has left besides may stay for longer, and its
/// lease has run out all the same: that there is [none](Heartbeat::NONE) says it, too.
pub(super) const BEAT_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// The heartbeats that this process writes.
#[derive(Default)]
pub(super) struct Beats(Mutex<HashMap<NodeId, Own>>);

#[derive(Clone, Copy, Default)]
struct Own {
    count: u64,
    /// The number of the last write, as far as it is known, and in which life of the data it was.
    written: Option<(Bucket, u64)>,
}

impl Beats {
    /// Renews a node's lease.
    pub(super) async fn renew(&self, store: &Store, life: &Life, node: NodeId) -> Result<(), Unavailable> {
        let count = {
            let mut beats = self.0.lock();
            let own = beats.entry(node).or_default();
            own.count += 1;
            own.count
        };
        self.write(store, life, node, Heartbeat::Beating(count)).await
    }

    /// The node has stopped: its lease is over now. A renewal that comes later finds that.
    pub(super) async fn goodbye(&self, store: &Store, life: &Life, node: NodeId) -> Result<(), Unavailable> {
        self.write(store, life, node, Heartbeat::Goodbye).await?;
        self.0.lock().remove(&node);
        Ok(())
    }

    async fn write(
        &self,
        store: &Store,
        life: &Life,
        node: NodeId,
        beat: Heartbeat,
    ) -> Result<(), Unavailable> {
        let subject = life.keys.beat(node);
        // Once more if an earlier write, whose answer had been lost, has landed.
        for _ in 0..2 {
            let expected = match self.take_written(node, life.bucket) {
                Some(revision) => revision,
                None => match store.get(&life.keys, subject.clone()).await.map_err(|Failed| Unavailable)? {
                    None => 0,
                    // (e) Who has said goodbye does not come back: a new incarnation does.
                    Some(found) if is_goodbye(&found) && beat != Heartbeat::Goodbye => {
                        return Err(Unavailable);
                    }
                    Some(found) => found.revision,
                },
            };
            match store.put(subject.clone(), Some(expected), Some(BEAT_LIFE), encode_beat(beat)).await {
                Put::Written(revision) => {
                    if let Some(own) = self.0.lock().get_mut(&node) {
                        own.written = Some((life.bucket, revision));
                    }
                    return Ok(());
                }
                Put::Conflict => {}
                Put::Unknown => return Err(Unavailable),
            }
        }
        Err(Unavailable)
    }

    /// The number of the last write, if it is known. Until the next one is answered it is not.
    fn take_written(&self, node: NodeId, bucket: Bucket) -> Option<u64> {
        let written = self.0.lock().get_mut(&node)?.written.take();
        written.filter(|(life, _)| *life == bucket).map(|(_, revision)| revision)
    }
}

/// Every node's heartbeat.
pub(super) async fn read_all(store: &Store, life: &Life) -> Result<Vec<(NodeId, Heartbeat)>, Unavailable> {
    let names = store.names(&life.keys, life.keys.beats()).await.map_err(|Failed| Unavailable)?;
    let nodes = names.iter().filter_map(|name| life.keys.node_of_beat(name));
    let reads = nodes.map(|node| async move {
        let found = store.get(&life.keys, life.keys.beat(node)).await.map_err(|Failed| Unavailable)?;
        Ok(found.and_then(|found| read(node, &found)).map(|beat| (node, beat)))
    });
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

/// [`Heartbeat::NONE`] of those `named` that surely have none. Whoever is `shown` has one.
///
/// After the data were lost everybody is without one at first, which means nothing until all who live have had time to
/// renew: as long as that nobody publishes what nobody has yet.
pub(super) async fn missing(
    store: &Store,
    life: &Life,
    mut named: BTreeSet<NodeId>,
    shown: &[(NodeId, Heartbeat)],
) -> Result<Vec<(NodeId, Heartbeat)>, Unavailable> {
    if !life.is_complete() {
        return Ok(Vec::new());
    }
    shown.iter().for_each(|(node, _)| _ = named.remove(node));
    let reads = named.into_iter().map(|node| async move {
        let found = store.get(&life.keys, life.keys.beat(node)).await.map_err(|Failed| Unavailable)?;
        Ok(found.is_none().then_some((node, Heartbeat::NONE)))
    });
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

pub(super) fn read(node: NodeId, found: &Found) -> Option<Heartbeat> {
    decode_beat(&found.bytes).inspect_err(|error| tracing::error!(%node, "its heartbeat: {error}")).ok()
}

fn is_goodbye(found: &Found) -> bool {
    decode_beat(&found.bytes) == Ok(Heartbeat::Goodbye)
}
