//! The engine: what holds membership and ownership for all nodes of a cluster.
//!
//! Nodes decide by its answers only, and only by compare-and-set or a leader's read; an answer that did not
//! come is unknown, not a failure (rule h). Batons do not pass through it.

mod bounded;
mod local;
mod nats;

pub(crate) use bounded::Bounded;
#[cfg(feature = "failpoints")]
pub(crate) use bounded::unknown;
pub use local::LocalEngine;
pub use nats::{NatsEngine, OpenError};

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use sterna::protocol::ids::{Bucket, CohortId, NodeId, SessionId};
use sterna::protocol::lease::Heartbeat;
use sterna::protocol::record::{Answer, Ask, CasAnswer, Record, Versioned};
use sterna::protocol::room::Listing;
use sterna::protocol::snapshot::{SnapshotAnswer, SnapshotAsk};

/// How long a node waits for an answer of the engine; past it, it is unknown (rule h).
pub const ANSWER_MAX: Duration = Duration::from_millis(500);

/// An answer that takes its time. A node waits [`ANSWER_MAX`] for it and then drops it.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The engine did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine does not answer")]
pub struct Unavailable;

/// Whether a node takes newcomers (DESIGN section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Takes new users, and cohorts of other nodes.
    Online,
    /// No new users and no arrivals; all else works.
    Cordoned,
    /// Draining: no new users, no arrivals; existing play goes on, and clients are told.
    Offline,
}

/// What nodes know of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// The incarnation.
    pub id: NodeId,
    /// Its name, for people.
    pub name: String,
    /// Whether it takes newcomers.
    pub standing: Standing,
    /// Where clients reach it by TCP.
    pub tcp: SocketAddr,
    /// Where clients reach it by QUIC.
    pub quic: SocketAddr,
    /// Where other nodes reach it.
    pub peer: SocketAddr,
    /// Version of its application's state.
    pub app_version: u32,
    /// How many sessions it holds; targets are picked by it.
    pub sessions: u64,
}

/// A room that can be found, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Who owns it, or did a moment ago.
    pub owner: NodeId,
    /// What it is like.
    pub listing: Listing,
}

/// The heartbeats of all nodes, and [`Heartbeat::NONE`] of those `named` that have none.
pub fn with_missing(
    mut beats: Vec<(NodeId, Heartbeat)>,
    mut named: BTreeSet<NodeId>,
) -> Vec<(NodeId, Heartbeat)> {
    beats.iter().for_each(|(node, _)| _ = named.remove(node));
    beats.extend(named.into_iter().map(|node| (node, Heartbeat::NONE)));
    beats
}

/// The engine, as a node uses it.
pub trait Engine: Send + Sync + 'static {
    /// Which life of the engine's data this is: what is created belongs to it. A higher one begins when the data are
    /// lost.
    fn bucket(&self) -> Bucket {
        Bucket(1)
    }

    /// Whether what it holds is there after all processes of nodes have ended.
    fn outlives_nodes(&self) -> bool {
        false
    }

    /// How long a node waits for an answer about many things, or large ones: [`cohorts_of`](Self::cohorts_of) and
    /// [`ask_snapshot`](Self::ask_snapshot). An engine that takes its time for them notices by itself when it is cut
    /// off.
    fn bulk_answer_max(&self) -> Duration {
        ANSWER_MAX
    }

    /// Publishes what a node is; replaces what it published before.
    fn publish(&self, info: NodeInfo) -> Reply<'_, Result<(), Unavailable>>;

    /// Every node that has published and not said goodbye, in the order of their ids.
    fn nodes(&self) -> Vec<NodeInfo>;

    /// Creates a cohort's record, if there is none.
    fn create(&self, cohort: CohortId, record: Record) -> Reply<'_, CasAnswer>;

    /// A compare-and-set, or a leader's read, of a cohort's record.
    fn ask(&self, cohort: CohortId, ask: Ask) -> Reply<'_, Answer>;

    /// The cohorts whose record names this node, as the owner or as the source of a move: what is to be looked after when it
    /// is gone. May be behind; who takes something over reads its record.
    fn cohorts_of(&self, node: NodeId) -> Reply<'_, Result<Vec<CohortId>, Unavailable>>;

    /// The nodes that records name. May be behind as well.
    fn nodes_named(&self) -> Reply<'_, Result<BTreeSet<NodeId>, Unavailable>>;

    /// Deletes a cohort's record, if it still has this revision, and its snapshot: the session has ended.
    fn forget(&self, cohort: CohortId, held: Versioned) -> Reply<'_, Result<(), Unavailable>>;

    /// A compare-and-set, or a leader's read, of a cohort's snapshot.
    fn ask_snapshot(&self, cohort: CohortId, ask: SnapshotAsk) -> Reply<'_, SnapshotAnswer>;

    /// Publishes by what others find a room, or that it is not to be found any more.
    fn list_room(&self, room: CohortId, listed: Option<Listed>) -> Reply<'_, Result<(), Unavailable>>;

    /// The rooms that can be found. May be behind; who joins one reads its record.
    fn rooms(&self) -> Reply<'_, Result<Vec<Listed>, Unavailable>>;

    /// Notes that `user`'s session is this one from now on, and gives the one it replaces.
    fn claim_user(&self, user: &str, session: SessionId)
    -> Reply<'_, Result<Option<SessionId>, Unavailable>>;

    /// The session that `user` has.
    fn session_of(&self, user: &str) -> Reply<'_, Result<Option<SessionId>, Unavailable>>;

    /// Notes that `user`'s session has ended, if it is still this one.
    fn release_user(&self, user: &str, session: SessionId) -> Reply<'_, ()>;

    /// Renews a node's lease; not that of one that has said goodbye.
    fn renew(&self, node: NodeId) -> Reply<'_, Result<(), Unavailable>>;

    /// The node has stopped serving and leaves: its lease is over now (rule e).
    fn goodbye(&self, node: NodeId) -> Reply<'_, Result<(), Unavailable>>;

    /// Heartbeats, by a leader's read: of every node, but those may be left out that have changed since `asker` asked
    /// before, at least `still_for` ago. Of the nodes `named` those that surely have none: [`Heartbeat::NONE`].
    fn heartbeats(
        &self,
        asker: NodeId,
        still_for: Duration,
        named: BTreeSet<NodeId>,
    ) -> Reply<'_, Result<Vec<(NodeId, Heartbeat)>, Unavailable>>;
}
