//! The server of Sterna: nodes that keep players, and move them to each other.
//!
//! The map:
//! - [`config`]: the file that an operator writes
//! - [`pki`]: the cluster's keys: CA, node certificates, the secret that all nodes share
//! - [`seal`]: move tickets, resume tokens and TLS session tickets, readable by every node and nobody else
//! - [`user_token`]: who a user is, signed by the game's backend or the development issuer
//! - [`admin`]: the loopback HTTP interface of operators, both ends of it
//! - [`engine`]: membership, directory, leases and snapshots of the cluster
//! - [`metrics`]: figures for Prometheus
//! - [`moves`]: the log of moves
//! - [`node`]: keeps sessions and moves them
//! - [`cluster`]: the nodes of one process
//! - [`serve`]: `sterna serve`
//! - [`builtin`]: the application of `sterna serve`
//! - [`room_game`]: a room's own state by serde, for applications
//! - [`demo`]: `sterna demo`
//! - [`cli`]: the command `sterna`

pub mod admin;
pub mod builtin;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod demo;
pub mod engine;
pub mod logging;
pub mod metrics;
pub mod moves;
pub mod node;
pub mod pki;
pub mod room_game;
pub mod seal;
pub mod serve;
pub mod user_token;

#[cfg(test)]
mod test_tls;
