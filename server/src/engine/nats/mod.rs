//! The engine of many processes: NATS JetStream holds nodes, leases, records and snapshots in one bucket.
//!
//! Here is only what has to be asked and written; what it means is decided in the core. Reads go to the stream's
//! leader, writes are compare-and-set, and an answer that did not come is unknown (DESIGN section 6). Batons never
//! pass through here.

mod codec;
mod complaints;
mod connection;
mod credentials;
mod incarnation;
mod keys;
mod leases;
mod opening;
mod pace;
mod records;
mod roster;
mod snapshots;
mod still;
mod store;
mod users;

use super::{Engine, Listed, NodeInfo, Reply, Unavailable};
use crate::config::NatsConfig;
use connection::Connection;
use incarnation::{Life, Wanted, stream_name};
use leases::Beats;
pub use opening::OpenError;
use opening::Patience;
use roster::Roster;
use snapshots::Snapshots;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::ids::{Bucket, CohortId, NodeId, SessionId};
use sterna::protocol::lease::Heartbeat;
use sterna::protocol::record::{Answer, Ask, CasAnswer, ReadAnswer, Record, Revision, Versioned};
use sterna::protocol::snapshot::{SnapshotAnswer, SnapshotAsk};
use still::Still;
use store::{Failed, Put, Store};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// That nothing was learnt is not said faster than this: who hears it often asks again at once.
const UNKNOWN_MIN: Duration = Duration::from_millis(50);

/// Longest answer about many things, or large ones; each request for it has to be answered as fast as any other.
const BULK_ANSWER_MAX: Duration = Duration::from_secs(30);

/// How long a process waits at its start until it has seen which nodes there are.
const ROSTER_MAX: Duration = Duration::from_secs(10);

/// Pause between two looks at a bucket that is in doubt.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// The engine `nats`.
pub struct NatsEngine {
    inner: Arc<Inner>,
    tasks: [JoinHandle<()>; 2],
}

struct Inner {
    cluster: String,
    config: NatsConfig,
    take_over: Duration,
    store: Store,
    life: watch::Sender<Arc<Life>>,
    beats: Beats,
    still: Still,
    snapshots: Snapshots,
    roster: Roster,
}

impl NatsEngine {
    /// Connects, and finds the cluster's bucket or makes it; waits for NATS as long as the configuration says.
    pub async fn open(config: &NatsConfig, cluster: &str, take_over: Duration) -> Result<Self, OpenError> {
        Self::open_cluster(config, cluster, take_over, false).await
    }

    /// The same. `is_new`: there has been no such cluster before, so that a bucket which is not there has not been lost.
    pub async fn open_cluster(
        config: &NatsConfig,
        cluster: &str,
        take_over: Duration,
        is_new: bool,
    ) -> Result<Self, OpenError> {
        let mut patience = Patience::new(config.start);
        let connection = patience.until_ok(async || Connection::open(config.clone(), cluster).await).await?;
        let store = Store::new(connection, stream_name(cluster));
        let wanted = Wanted { cluster, config, take_over, known: None, has_lost_data: false, is_new };
        let life = patience.until_ok(async || wanted.settle(&store).await).await?;
        tracing::info!(cluster, bucket = %life.bucket, "the bucket in NATS is open");
        let bucket = life.bucket;
        let inner = Arc::new(Inner {
            cluster: cluster.to_owned(),
            config: config.clone(),
            take_over,
            store,
            life: watch::Sender::new(Arc::new(life)),
            beats: Beats::default(),
            still: Still::default(),
            snapshots: Snapshots::new(config.snapshot_bytes_per_second),
            roster: Roster::default(),
        });
        let tasks = [tokio::spawn(look_after(inner.clone())), tokio::spawn(follow(inner.clone()))];
        let seen = tokio::time::timeout(ROSTER_MAX, inner.roster.until_complete(bucket)).await;
        if seen.is_err() {
            tracing::warn!("NATS does not tell which nodes there are: going on without");
        }
        Ok(Self { inner, tasks })
    }

    /// The name of the server that this process is connected to; `None`: to none at this moment.
    pub fn server(&self) -> Option<String> {
        self.inner.store.connection().server()
    }
}

impl Drop for NatsEngine {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Sees to it that there is a bucket, and that everybody here knows which.
async fn look_after(inner: Arc<Inner>) {
    loop {
        inner.store.suspected().await;
        while inner.look().await.is_err() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        // Without a leader everything is in doubt all the time.
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Follows nodes and rooms, anew for each connection and each life of the data.
async fn follow(inner: Arc<Inner>) {
    let (mut lives, mut connections) = (inner.life.subscribe(), inner.store.connection().changes());
    loop {
        let life = lives.borrow_and_update().clone();
        connections.mark_unchanged();
        tokio::select! {
            () = inner.roster.follow(&inner.store, &life) => {}
            _ = lives.changed() => {}
            _ = connections.changed() => {}
        }
    }
}

impl Inner {
    fn life(&self) -> Arc<Life> {
        self.life.borrow().clone()
    }

    async fn look(&self) -> Result<(), Failed> {
        let known = self.life().bucket;
        let wanted = Wanted {
            cluster: &self.cluster,
            config: &self.config,
            take_over: self.take_over,
            known: Some(known),
            has_lost_data: self.store.has_lost_data(),
            is_new: false,
        };
        match wanted.settle(&self.store).await {
            Ok(life) if life.bucket != known => {
                tracing::warn!(from = %known, to = %life.bucket, "the bucket in NATS was lost, or has lost data");
                self.store.begin_anew();
                self.life.send_replace(Arc::new(life));
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::warn!("the bucket in NATS cannot be looked at: {error}");
                Err(Failed)
            }
        }
    }

    async fn publish(&self, info: NodeInfo) -> Result<(), Unavailable> {
        let life = self.life();
        let (node, bytes) = (info.id, codec::encode_node(&info));
        match self.store.put(life.keys.node(node), None, Some(roster::NODE_LIFE), bytes).await {
            Put::Written(revision) => {
                self.roster.note_node(life.bucket, node, revision, Some(info));
                Ok(())
            }
            Put::Conflict | Put::Unknown => Err(Unavailable),
        }
    }

    async fn list_room(&self, room: CohortId, listed: Option<Listed>) -> Result<(), Unavailable> {
        let life = self.life();
        let (bytes, lasts) = match &listed {
            Some(listed) => (codec::encode_listed(listed), None),
            None => (Vec::new(), Some(store::TRACE_LIFE)),
        };
        match self.store.put(life.keys.room(room), None, lasts, bytes).await {
            Put::Written(revision) => {
                self.roster.note_room(life.bucket, room, revision, listed);
                Ok(())
            }
            Put::Conflict | Put::Unknown => Err(Unavailable),
        }
    }

    async fn ask(&self, cohort: CohortId, ask: Ask) -> Answer {
        let not_before = tokio::time::Instant::now() + UNKNOWN_MIN;
        let answer = self.ask_once(cohort, ask).await;
        if let Answer::Read(ReadAnswer::Failed) | Answer::Cas(CasAnswer::Unknown) = answer {
            tokio::time::sleep_until(not_before).await;
        }
        answer
    }

    async fn ask_once(&self, cohort: CohortId, ask: Ask) -> Answer {
        let life = self.life();
        match ask {
            Ask::Read => Answer::Read(records::read(&self.store, &life, cohort).await),
            Ask::Cas { expected, record } => {
                Answer::Cas(records::write(&self.store, &life, cohort, expected, &record).await)
            }
        }
    }

    async fn ask_snapshot(&self, cohort: CohortId, ask: SnapshotAsk) -> SnapshotAnswer {
        let life = self.life();
        match ask {
            SnapshotAsk::Read => self.snapshots.read(&self.store, &life, cohort).await,
            SnapshotAsk::Write { expected, snapshot } => {
                self.snapshots.write(&self.store, &life, cohort, expected, &snapshot).await
            }
        }
    }

    async fn forget(&self, cohort: CohortId, held: Versioned) -> Result<(), Unavailable> {
        let life = self.life();
        // Of an earlier life nothing is left to forget.
        if held.record.bucket == life.bucket {
            match self.store.delete(life.keys.record(cohort), held.revision.0).await {
                Put::Written(_) => {}
                Put::Conflict => return self.is_forgotten(&life, cohort, held).await,
                Put::Unknown => return Err(Unavailable),
            }
            self.forget_rest(&life, cohort).await?;
        }
        Ok(())
    }

    /// The record has changed since: either an earlier attempt has landed, or it is somebody else's.
    async fn is_forgotten(&self, life: &Life, cohort: CohortId, held: Versioned) -> Result<(), Unavailable> {
        let found =
            self.store.get(&life.keys, life.keys.record(cohort)).await.map_err(|Failed| Unavailable)?;
        match found {
            Some(found) if found.revision == held.revision.0 => Err(Unavailable),
            Some(found) if !found.bytes.is_empty() => Ok(()),
            Some(_) | None => self.forget_rest(life, cohort).await,
        }
    }

    async fn forget_rest(&self, life: &Life, cohort: CohortId) -> Result<(), Unavailable> {
        self.snapshots.forget(&self.store, life, cohort).await.map_err(|Failed| Unavailable)?;
        if self.roster.lists(cohort) {
            self.list_room(cohort, None).await?;
        }
        Ok(())
    }

    async fn goodbye(&self, node: NodeId) -> Result<(), Unavailable> {
        let life = self.life();
        self.beats.goodbye(&self.store, &life, node).await?;
        self.still.forget(node);
        let lasts = Some(store::TRACE_LIFE);
        if let Put::Written(revision) = self.store.put(life.keys.node(node), None, lasts, Vec::new()).await {
            self.roster.note_node(life.bucket, node, revision, None);
        }
        Ok(())
    }
}

impl Engine for NatsEngine {
    fn bucket(&self) -> Bucket {
        self.inner.life().bucket
    }

    fn outlives_nodes(&self) -> bool {
        true
    }

    fn bulk_answer_max(&self) -> Duration {
        BULK_ANSWER_MAX
    }

    fn publish(&self, info: NodeInfo) -> Reply<'_, Result<(), Unavailable>> {
        Box::pin(self.inner.publish(info))
    }

    fn nodes(&self) -> Vec<NodeInfo> {
        self.inner.roster.nodes()
    }

    fn create(&self, cohort: CohortId, record: Record) -> Reply<'_, CasAnswer> {
        Box::pin(async move {
            let life = self.inner.life();
            records::write(&self.inner.store, &life, cohort, Revision(0), &record).await
        })
    }

    fn ask(&self, cohort: CohortId, ask: Ask) -> Reply<'_, Answer> {
        Box::pin(self.inner.ask(cohort, ask))
    }

    fn cohorts_of(&self, node: NodeId) -> Reply<'_, Result<Vec<CohortId>, Unavailable>> {
        Box::pin(async move {
            let life = self.inner.life();
            records::naming(&self.inner.store, &life, node).await.map_err(|Failed| Unavailable)
        })
    }

    fn nodes_named(&self) -> Reply<'_, Result<BTreeSet<NodeId>, Unavailable>> {
        Box::pin(async move {
            let life = self.inner.life();
            records::nodes_named(&self.inner.store, &life).await.map_err(|Failed| Unavailable)
        })
    }

    fn forget(&self, cohort: CohortId, held: Versioned) -> Reply<'_, Result<(), Unavailable>> {
        Box::pin(self.inner.forget(cohort, held))
    }

    fn ask_snapshot(&self, cohort: CohortId, ask: SnapshotAsk) -> Reply<'_, SnapshotAnswer> {
        Box::pin(self.inner.ask_snapshot(cohort, ask))
    }

    fn list_room(&self, room: CohortId, listed: Option<Listed>) -> Reply<'_, Result<(), Unavailable>> {
        Box::pin(self.inner.list_room(room, listed))
    }

    fn rooms(&self) -> Reply<'_, Result<Vec<Listed>, Unavailable>> {
        Box::pin(std::future::ready(Ok(self.inner.roster.rooms())))
    }

    fn claim_user(
        &self,
        user: &str,
        session: SessionId,
    ) -> Reply<'_, Result<Option<SessionId>, Unavailable>> {
        let user = user.to_owned();
        Box::pin(async move { users::claim(&self.inner.store, &self.inner.life(), &user, session).await })
    }

    fn session_of(&self, user: &str) -> Reply<'_, Result<Option<SessionId>, Unavailable>> {
        let user = user.to_owned();
        Box::pin(async move { users::session_of(&self.inner.store, &self.inner.life(), &user).await })
    }

    fn release_user(&self, user: &str, session: SessionId) -> Reply<'_, ()> {
        let user = user.to_owned();
        Box::pin(async move { users::release(&self.inner.store, &self.inner.life(), &user, session).await })
    }

    fn renew(&self, node: NodeId) -> Reply<'_, Result<(), Unavailable>> {
        Box::pin(async move { self.inner.beats.renew(&self.inner.store, &self.inner.life(), node).await })
    }

    fn goodbye(&self, node: NodeId) -> Reply<'_, Result<(), Unavailable>> {
        Box::pin(self.inner.goodbye(node))
    }

    fn heartbeats(
        &self,
        asker: NodeId,
        still_for: Duration,
        named: BTreeSet<NodeId>,
    ) -> Reply<'_, Result<Vec<(NodeId, Heartbeat)>, Unavailable>> {
        Box::pin(async move {
            let (inner, life) = (&self.inner, self.inner.life());
            let mut shown = inner.still.read(&inner.store, &life, asker, still_for).await?;
            shown.extend(leases::missing(&inner.store, &life, named, &shown).await?);
            Ok(shown)
        })
    }
}

impl std::fmt::Debug for NatsEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsEngine").field("cluster", &self.inner.cluster).finish_non_exhaustive()
    }
}
