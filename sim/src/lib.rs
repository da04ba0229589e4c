//! Simulation: a *story* says what happens to a cluster, and when; a run plays it on virtual time with the
//! very roles of production, ends all faults, and asks the history whether every promise was kept.
//!
//! One seed gives one story and one run. A story that fails is shrunk to its shortest form.

pub mod figures;
pub mod play;
mod rooms;
pub mod search;
pub mod shrink;
pub mod story;
