//! The C functions of `include/sterna.h`.
//!
//! A function's name tells its file:
//! - `client`: create, destroy, connect, disconnect, state; `sterna_shutdown`
//! - `callbacks`: one registration function for each event
//! - `dispatch`: `update` and `poll_event`, which hand events to the game
//! - `send`: messages, requests, `send_migrate`, `flush`
//! - `room`: rooms, in a folder of its own
//! - `config`, `event`, `stats`, `result`: the structs and constants that cross the border
//! - `error`: the last error's text; keeps panics inside
//! - `version`: which library this is
//!
//! Below them lies `handle`: what a `SternaClient *` is, and why a stale one does no harm.
//!
//! The doc comments of exported items are written for readers of the header, where they end up.

#![allow(unsafe_code)] // this is the border
#![allow(clippy::missing_safety_doc)] // a "# Safety" heading would end up in the header

mod callbacks;
mod client;
mod config;
mod dispatch;
mod error;
mod event;
mod handle;
#[cfg(feature = "harness")]
pub mod harness;
mod result;
mod room;
mod send;
mod stats;
mod version;

pub use callbacks::*;
pub use client::*;
pub use config::*;
pub use dispatch::*;
pub use error::*;
pub use event::*;
pub use handle::SternaClient;
pub use result::*;
pub use room::*;
pub use send::*;
pub use stats::*;
pub use version::*;
