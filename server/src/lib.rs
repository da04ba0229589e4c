//! The server of Sterna: nodes that keep players, and move them to each other.
//!
//! The map:
//! - [`config`]: the file that an operator writes

pub mod config;
pub mod logging;
