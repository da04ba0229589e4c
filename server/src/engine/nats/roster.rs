//! Nodes and rooms as everybody sees them: followed, not asked for each time. May be behind; nothing is decided by
//! it.

use super::codec::{decode_listed, decode_node};
use super::incarnation::Life;
use super::keys::Followed;
use super::store::{Failed, Store, TRACE_LIFE};
use crate::engine::{Listed, NodeInfo};
use async_nats::jetstream;
use async_nats::jetstream::consumer::{DeliverPolicy, push};
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use sterna::protocol::ids::{Bucket, CohortId, NodeId};
use tokio::sync::watch;

/// What a node has published of itself is forgotten when it has not done so again for this long.
pub(super) const NODE_LIFE: Duration = Duration::from_secs(3600);

/// When the data are gone, what was known of nodes and rooms counts for so long: the renewals of a lease in which they
/// publish themselves again.
const CARRIED_LIFE: Duration = Duration::from_secs(60);

/// That something is gone is known for so long. Until the trace of it has left the bucket it may be seen again.
const GONE_FOR: Duration = TRACE_LIFE.saturating_mul(2);

/// Pause between two looks at what may be forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Pause before what broke is followed again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What was seen of nodes and rooms.
#[derive(Default)]
pub(super) struct Roster {
    state: Mutex<State>,
    /// In which life of the data everything that there was has been seen.
    complete: watch::Sender<Option<Bucket>>,
}

#[derive(Default)]
struct State {
    bucket: Bucket,
    swept_at: Option<Instant>,
    nodes: BTreeMap<NodeId, Seen<NodeInfo>>,
    rooms: BTreeMap<CohortId, Seen<Listed>>,
}

/// The last write that was seen.
struct Seen<T> {
    revision: u64,
    at: Instant,
    /// `None`: it was deleted.
    what: Option<T>,
}

impl<T> Seen<T> {
    fn new(revision: u64, what: Option<T>) -> Self {
        Self { revision, at: Instant::now(), what }
    }

    fn carry_over(&mut self) {
        self.revision = 0;
        self.at = Instant::now();
    }
}

impl<T> Seen<T> {
    /// Of this life of the data, or carried over and not to be forgotten yet.
    fn counts(&self) -> bool {
        self.at.elapsed() < if self.revision == 0 { CARRIED_LIFE } else { NODE_LIFE }
    }
}

impl State {
    /// Forgets what has been gone for long, and nodes that have not said anything for long.
    fn sweep(&mut self, now: Instant) {
        if self.swept_at.is_some_and(|at| now.saturating_duration_since(at) < SWEEP_EVERY) {
            return;
        }
        self.swept_at = Some(now);
        let since = |at: Instant| now.saturating_duration_since(at);
        self.nodes
            .retain(|_, seen| since(seen.at) < if seen.what.is_some() { NODE_LIFE * 2 } else { GONE_FOR });
        // A room is published when it changes, and only then.
        self.rooms.retain(|_, seen| match seen.what {
            Some(_) => seen.revision > 0 || since(seen.at) < CARRIED_LIFE,
            None => since(seen.at) < GONE_FOR,
        });
    }

    /// When the data are gone, nodes and rooms are still there; each is about to publish itself again.
    fn carry_over(&mut self, bucket: Bucket) {
        self.bucket = bucket;
        self.nodes.values_mut().for_each(Seen::carry_over);
        self.rooms.values_mut().for_each(Seen::carry_over);
    }
}

fn note<K: Ord, T>(seen: &mut BTreeMap<K, Seen<T>>, key: K, revision: u64, what: Option<T>) {
    if seen.get(&key).is_none_or(|known| known.revision < revision) {
        seen.insert(key, Seen::new(revision, what));
    }
}

impl Roster {
    /// Every node that has published and not said goodbye, in the order of their ids.
    pub(super) fn nodes(&self) -> Vec<NodeInfo> {
        let state = self.state.lock();
        let recent = state.nodes.values().filter(|seen| seen.counts());
        recent.filter_map(|seen| seen.what.clone()).collect()
    }

    /// The rooms that can be found.
    pub(super) fn rooms(&self) -> Vec<Listed> {
        let state = self.state.lock();
        let recent = state.rooms.values().filter(|seen| seen.revision > 0 || seen.counts());
        recent.filter_map(|seen| seen.what.clone()).collect()
    }

    /// Whether a room can be found.
    pub(super) fn lists(&self, room: CohortId) -> bool {
        self.state.lock().rooms.get(&room).is_some_and(|seen| seen.what.is_some())
    }

    /// A node here has published this; `None`: it is gone.
    pub(super) fn note_node(&self, bucket: Bucket, node: NodeId, revision: u64, info: Option<NodeInfo>) {
        let mut state = self.state.lock();
        if state.bucket == bucket {
            note(&mut state.nodes, node, revision, info);
            state.sweep(Instant::now());
        }
    }

    /// A node here has listed this room; `None`: it is not to be found any more.
    pub(super) fn note_room(&self, bucket: Bucket, room: CohortId, revision: u64, listed: Option<Listed>) {
        let mut state = self.state.lock();
        if state.bucket == bucket {
            note(&mut state.rooms, room, revision, listed);
            state.sweep(Instant::now());
        }
    }

    /// Waits until everything that there was has been seen.
    pub(super) async fn until_complete(&self, bucket: Bucket) {
        let mut complete = self.complete.subscribe();
        let _ = complete.wait_for(|seen| *seen == Some(bucket)).await;
    }

    /// Follows one life of the data over one connection, for ever.
    pub(super) async fn follow(&self, store: &Store, life: &Life) {
        loop {
            if let Err(Failed) = self.follow_once(store, life).await {
                store.doubt();
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    async fn follow_once(&self, store: &Store, life: &Life) -> Result<(), Failed> {
        let client = store.connection().client();
        let config = push::OrderedConfig {
            deliver_subject: client.new_inbox(),
            filter_subjects: vec![life.keys.nodes(), life.keys.rooms()],
            deliver_policy: DeliverPolicy::LastPerSubject,
            ..Default::default()
        };
        let context = jetstream::new(client);
        let made = context.create_consumer_on_stream(config, store.stream()).await;
        let consumer = made.map_err(|error| store.cannot_follow(&error))?;
        {
            let mut state = self.state.lock();
            if state.bucket != life.bucket {
                state.carry_over(life.bucket);
            }
        }
        let nothing_yet = consumer.cached_info().num_pending == 0;
        let mut messages = consumer.messages().await.map_err(|_| Failed)?;
        if nothing_yet {
            self.complete.send_replace(Some(life.bucket));
        }
        while let Some(message) = messages.next().await {
            let message = message.map_err(|_| Failed)?;
            let info = message.info().map_err(|_| Failed)?;
            self.see(life, &message.subject, info.stream_sequence, &message.payload);
            if info.pending == 0 {
                self.complete.send_replace(Some(life.bucket));
            }
        }
        Err(Failed)
    }

    fn see(&self, life: &Life, subject: &str, revision: u64, bytes: &[u8]) {
        let is_there = !bytes.is_empty();
        match life.keys.followed(subject) {
            Some(Followed::Node(node)) => match is_there.then(|| decode_node(bytes)).transpose() {
                Ok(info) => self.note_node(life.bucket, node, revision, info),
                Err(error) => tracing::error!(%node, "what it has published: {error}"),
            },
            Some(Followed::Room(room)) => match is_there.then(|| decode_listed(bytes)).transpose() {
                Ok(listed) => self.note_room(life.bucket, room, revision, listed),
                Err(error) => tracing::error!(%room, "how it is found: {error}"),
            },
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sterna::protocol::room::Listing;

    fn listed(room: CohortId) -> Listed {
        let listing = Listing { room, members: 1, members_max: 4, free: 3, properties: Vec::new() };
        Listed { owner: NodeId(1), listing }
    }

    #[test]
    fn what_has_been_gone_for_long_is_forgotten() {
        let mut state = State::default();
        let now = Instant::now();
        for room in 1..=100 {
            note(&mut state.rooms, CohortId(room), room, Some(listed(CohortId(room))));
            note(&mut state.nodes, NodeId(room), room, None);
        }
        for room in 1..100 {
            note(&mut state.rooms, CohortId(room), room + 100, None);
        }
        state.sweep(now + GONE_FOR / 2);
        assert_eq!((state.rooms.len(), state.nodes.len()), (100, 100), "a trace may still come");
        state.sweep(now + GONE_FOR * 2);
        assert_eq!(state.nodes.len(), 0);
        assert_eq!(state.rooms.keys().collect::<Vec<_>>(), [&CohortId(100)], "it is still listed");
        state.carry_over(Bucket(2));
        state.sweep(now + GONE_FOR * 3);
        assert!(state.rooms.is_empty(), "nobody has published it in the new life");
    }
}
