//! Everything that can happen to one session on three nodes, searched exhaustively. The nodes are made of the
//! very objects that production runs: [`Cohort`](sterna::protocol::cohort::Cohort) with its source and target,
//! [`TakeOver`](sterna::protocol::takeover::TakeOver), [`LeaseWatch`](sterna::protocol::lease::LeaseWatch). What
//! is written here is only what surrounds them: a network, a directory, and chance in the form of a list of
//! what may happen next.
//!
//! The map:
//! - [`node`]: a node, as its driver sees it
//! - [`messages`]: what is on its way between nodes
//! - [`store`]: the directory and the snapshots, with writes that land late
//! - [`cluster`]: the state of all of it, and what becomes of it
//! - [`possible`]: what may happen next
//! - [`memo`]: what has been seen to happen before
//! - [`heal`]: whether it is served again once nothing more goes wrong
//! - [`leases`]: a model of its own: a lease, its holder and an observer
//! - [`delivery`]: a model of its own: what a player sees, with the real client
//! - [`rooms`]: a model of its own: two sessions that join a room, leave it, and move with it
//! - [`ownership`]: the model and its properties
//! - [`variants`]: rules broken on purpose, which the properties must notice
//! - [`report`]: a search's figures, and the steps to what it found
//!
//! What is covered, and what is not, is in docs/CORRECTNESS.md.

pub mod cluster;
pub mod delivery;
pub mod heal;
pub mod leases;
pub mod memo;
pub mod messages;
pub mod node;
pub mod ownership;
pub mod possible;
pub mod report;
pub mod rooms;
pub mod store;
pub mod variants;
