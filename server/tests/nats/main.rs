//! The engine `nats` against real servers of NATS: its contract, the same as of the engine `local`; nodes of several
//! processes that meet there; and servers that die, fall silent or lose what they held.

#![cfg(unix)]

mod contract;
mod moves;
mod player;
mod processes;
mod servers;

use std::time::Duration;

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);
