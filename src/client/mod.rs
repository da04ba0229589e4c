//! The client: drives the protocol core on a background thread and queues events for the game.

pub mod config;
pub mod event;
pub mod status;
pub mod token;
