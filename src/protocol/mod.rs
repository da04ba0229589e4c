//! The protocol core: bytes and state machines only. No I/O, no clock, no threads: whatever happens comes
//! in as an input with the time it happened at, whatever is to be done goes out as an output. So the same
//! code runs in production, in simulations and under a model checker.

pub mod application;
mod aside;
pub mod client;
pub mod cohort;
pub mod company;
pub mod datagrams;
pub mod errand;
pub mod ids;
pub mod keeper;
pub mod keys;
pub mod lease;
pub mod limits;
pub mod probe;
pub mod reasons;
pub mod rebind;
pub mod record;
pub mod room;
pub mod sequence;
pub mod session;
pub mod snapshot;
pub mod source;
pub mod takeover;
pub mod target;
pub mod time;
pub mod wire;

#[cfg(test)]
mod tests;
