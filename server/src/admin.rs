//! The operators' interface: HTTP on loopback, one side for the server ([`serve`]), one for the command
//! line ([`AdminClient`]).
//!
//! It has no log-in: who may open a connection to loopback may use it. A web page in a browser on the same
//! machine could, too, so requests that a page might have sent (an `Origin`, or a `Host` that is not
//! loopback) are refused.
//!
//! | request | answer |
//! |---|---|
//! | `GET /health` | `{"status": "ok"}` |
//! | `GET /nodes` | a list of [`NodeStatus`] |
//! | `POST /nodes/{name}/drain` with [`DrainRequest`] | `{}` |
//! | `POST /nodes/{name}/cordon`, `/uncordon` | `{}` |
//! | `POST /token` with [`TokenRequest`] | [`TokenAnswer`] |
//!
//! Every refusal is a status of 400 or more with a [`Refusal`].

mod client;
mod server;

pub use client::{AdminClient, ClientError};
pub use server::{bind, serve};

use crate::node::DrainOrder;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Duration;

/// Longest deadline of a drain that an operator may ask for.
pub const DEADLINE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest life of a user token of the development issuer.
pub const TOKEN_LIFE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What an operator can do with the nodes of this process.
pub trait Operator: Send + Sync + 'static {
    /// All nodes, in the order of their names.
    fn nodes(&self) -> Vec<NodeStatus>;

    /// Takes a node offline: its players move away, at the latest at the deadline. Returns at once.
    fn drain(&self, node: &str, order: DrainOrder) -> Result<(), OperatorError>;

    /// Lets no new users in, or lets them in again.
    fn cordon(&self, node: &str, on: bool) -> Result<(), OperatorError>;

    /// A connect token of the development issuer.
    fn connect_token(&self, user: &str, life: Duration) -> Result<String, OperatorError>;
}

/// Why an operator's order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorError {
    /// No node has this name.
    #[error("there is no node `{0}` here: `sterna nodes` lists them")]
    UnknownNode(String),
    /// The node is on its way out, or gone.
    #[error("node `{0}` is offline already")]
    AlreadyOffline(String),
    /// The game's own backend issues the tokens.
    #[error("the development issuer is off (`issuer_public_key` is set): ask the game's backend for tokens")]
    NoIssuer,
    /// The user's name cannot be one.
    #[error("{0}")]
    BadUser(String),
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

/// Body of `POST /nodes/{name}/drain`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrainRequest {
    /// How long players may take; `None`: as configured.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
    /// A label of [`OfflineReason`](sterna::protocol::reasons::OfflineReason); `None`: `operator`.
    #[serde(default)]
    pub reason: Option<String>,
    /// Whether nodes with an older version of the application take players, too: for a roll-back.
    #[serde(default)]
    pub any_version: bool,
}

/// Body of `POST /token`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// The user's id.
    pub user: String,
    /// How long the user may begin sessions with it.
    pub life_s: u64,
}

/// Answer of `POST /token`.
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
