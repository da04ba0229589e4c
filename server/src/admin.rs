//! HTTP, each side on a port of its own: [`serve`] for operators on loopback, [`serve_public`] for games and
//! probes, [`serve_metrics`] for Prometheus. [`AdminClient`] is the command line's end of the first.
//!
//! The operators' side has no log-in: who may open a connection to loopback may use it. A web page in a browser on
//! the same machine could, too, so requests that a page might have sent (an `Origin`, or a `Host` that is not
//! loopback) are refused. The other sides only tell, and give a token to whoever shows who they are.
//!
//! All requests and answers are in `docs/openapi.json`, which a test compares with what is served. Every refusal is a
//! status of 400 or more with a [`Refusal`].

mod client;
mod dry_run;
mod guard;
mod listen;
mod public;
mod rate;
mod refused;
mod server;

pub use client::{AdminClient, ClientError};
pub use dry_run::{DryRunEntry, DryRunReport, DryRunRequest, DryRunResult, TriedTarget};
pub use public::{serve_metrics, serve_public};
pub use server::{bind, serve};

use crate::moves::MoveEntry;
use crate::node::{DrainOrder, DryRunOrder};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use sterna::protocol::reasons::RefuseReason;

/// Longest deadline of a drain that an operator may ask for.
pub const DEADLINE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest life of a user token of the development issuer.
pub const TOKEN_LIFE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What an operator can do with the nodes of this process.
pub trait Operator: Send + Sync + 'static {
    /// All nodes, in the order of their names.
    fn nodes(&self) -> Vec<NodeStatus>;

    /// Takes a node offline: its players move away, at the latest at the deadline. Returns at once. A node that is
    /// offline gets an earlier deadline.
    fn drain(&self, node: &str, order: DrainOrder) -> Result<(), OperatorError>;

    /// The same for all nodes. An error if it changes nothing for any of them.
    fn drain_all(&self, order: DrainOrder) -> Result<(), OperatorError> {
        let nodes = self.nodes();
        let refused: Vec<_> = nodes.iter().filter_map(|node| self.drain(&node.name, order).err()).collect();
        let all_refused = refused.len() == nodes.len();
        refused.into_iter().next().filter(|_| all_refused).map_or(Ok(()), Err)
    }

    /// Finds out whether a node could be drained, and drains nothing. It ends when it is dropped.
    fn dry_run(&self, node: &str, order: DryRunOrder) -> DryRunFuture;

    /// Lets no new users in, or lets them in again.
    fn cordon(&self, node: &str, on: bool) -> Result<(), OperatorError>;

    /// A connect token of the development issuer.
    fn connect_token(&self, user: &str, life: Duration) -> Result<String, OperatorError>;

    /// The cluster as this process sees it.
    fn cluster(&self) -> ClusterStatus;

    /// The last moves from and to nodes of this process, the latest first.
    fn moves(&self, count: usize) -> Vec<MoveEntry>;

    /// Whether a node of this process takes new users.
    fn ready(&self) -> Result<(), OperatorError>;

    /// All figures of this process, as OpenMetrics text.
    fn metrics(&self) -> String;

    /// A connect token around a user token that this cluster accepts.
    fn endpoint(&self, user_token: &str) -> Result<String, OperatorError>;
}

/// A dry run under way.
pub type DryRunFuture = Pin<Box<dyn Future<Output = Result<DryRunReport, OperatorError>> + Send>>;

/// A request that one of the sides answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// On which side: `admin`, `public` or `metrics`.
    pub side: &'static str,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path, with names of parameters in braces.
    pub path: &'static str,
}

/// Every request that is answered.
pub fn routes() -> Vec<Route> {
    let of = |side| move |(method, path, _): (_, _, _)| Route { side, method, path };
    let admin = server::handlers().into_iter().map(of("admin"));
    let public = public::handlers().into_iter().map(of("public"));
    let metrics = public::metrics_handlers().into_iter().map(of("metrics"));
    admin.chain(public).chain(metrics).collect()
}

/// Why an operator's order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorError {
    /// No node has this name.
    #[error("there is no node `{0}` here: `sterna nodes` lists them")]
    UnknownNode(String),
    /// The node is on its way out, or gone.
    #[error("node `{0}` is offline already: an earlier deadline is all that it takes now")]
    AlreadyOffline(String),
    /// One at a time.
    #[error("a dry run of node `{0}` is under way: wait for its end")]
    DryRunUnderWay(String),
    /// The game's own backend issues the tokens.
    #[error("the development issuer is off (`issuer_public_key` is set): ask the game's backend for tokens")]
    NoIssuer,
    /// The user's name cannot be one.
    #[error("{0}")]
    BadUser(String),
    /// The user token is none that this cluster accepts.
    #[error("{0}")]
    BadToken(RefuseReason),
    /// The server cannot do it now.
    #[error("the server cannot do this now: {0}")]
    Unavailable(String),
}

/// What an operator sees of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its name in this process.
    pub name: String,
    /// Its incarnation, as logs name it.
    pub id: String,
    /// What it does.
    pub state: NodeState,
    /// How many sessions it serves.
    pub sessions: u64,
    /// Where clients reach it by TCP.
    pub tcp: SocketAddr,
    /// Where clients reach it by QUIC.
    pub quic: SocketAddr,
    /// It serves nothing at the moment, because its lease may have run out.
    pub fenced: bool,
    /// What its moves came to since the process began.
    pub moves: MoveCounts,
    /// How its drain goes, while it is offline.
    pub drain: Option<DrainStatus>,
}

/// What the moves of a node came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveCounts {
    /// Moves away that have begun.
    pub started: u64,
    /// Those of them that another node serves now.
    pub done: u64,
    /// Those of them that came to nothing.
    pub failed: u64,
    /// Moves to it.
    pub arrived: u64,
}

/// How a drain goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainStatus {
    /// Sessions when it began.
    pub sessions_at_start: u64,
    /// Sessions that are still there.
    pub sessions_left: u64,
    /// Time to the deadline.
    pub left_ms: u64,
    /// When the node would be empty at the rate so far; `None`: nobody has left yet.
    pub estimate_ms: Option<u64>,
}

/// The cluster as one process sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterStatus {
    /// Its name.
    pub cluster: String,
    /// What holds membership and ownership: `local` or `nats`.
    pub engine: String,
    /// The nodes of this process.
    pub nodes: Vec<NodeStatus>,
    /// Nodes of other processes, as they have published themselves.
    pub others: Vec<OtherNode>,
}

/// A node of another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherNode {
    /// Its name.
    pub name: String,
    /// Its incarnation.
    pub id: String,
    /// What it does.
    pub state: NodeState,
    /// How many sessions it serves.
    pub sessions: u64,
    /// Where clients reach it by TCP.
    pub tcp: SocketAddr,
    /// Where clients reach it by QUIC.
    pub quic: SocketAddr,
}

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// Takes new users.
    Online,
    /// Takes no new users; all else works.
    Cordoned,
    /// Its players move away.
    Offline,
    /// It is empty and has stopped.
    Exited,
}

impl NodeState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Online, Self::Cordoned, Self::Offline, Self::Exited];
}

impl std::fmt::Display for NodeState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Online => "online",
            Self::Cordoned => "cordoned",
            Self::Offline => "offline",
            Self::Exited => "exited",
        })
    }
}

/// Body of `POST /v1/admin/nodes/{name}/drain`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrainRequest {
    /// How long players may take; `None`: as configured; 0: all are moved without asking, now.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
    /// A label of [`OfflineReason`](sterna::protocol::reasons::OfflineReason); `None`: `operator`.
    #[serde(default)]
    pub reason: Option<String>,
    /// Whether nodes with an older version of the application take players, too: for a roll-back.
    #[serde(default)]
    pub any_version: bool,
}

/// Body of `POST /v1/admin/token`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// The user's id.
    pub user: String,
    /// How long the user may begin sessions with it.
    pub life_s: u64,
}

/// Body of `POST /v1/endpoint`, where the development issuer is on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointRequest {
    /// The user's id.
    pub user: String,
}

/// Answer of `POST /v1/admin/token` and `POST /v1/endpoint`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenAnswer {
    /// The connect token.
    pub token: String,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A word for programs.
    pub error: String,
    /// A sentence for people.
    pub message: String,
}
