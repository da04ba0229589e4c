//! Ends that break the rules. A script of bytes says what they do, and with every choice the machine on the
//! other side is asked for what must hold no matter what arrives: it does not panic, keeps to its limits, writes
//! only sound frames, and never goes back behind a fence.
//!
//! A fuzzer writes the scripts (`fuzz/`), `tests/corpora.rs` replays what it has found. A script is read one
//! choice at a time, so that a small change of the bytes is a small change of the story.

mod against_client;
mod against_node;
mod frames;
mod game;
mod node;
mod rooms;
mod script;

pub use against_client::node_against_client;
pub use against_node::{client_against_node, peers_against_node};
pub use frames::{client_frames, connect_token, peer_frames};

/// Choices that one script may take: enough for a long story, and a bound on the time of one.
const STEPS_MAX: usize = 300;

#[cfg(test)]
mod tests;
