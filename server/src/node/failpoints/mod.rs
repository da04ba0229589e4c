//! Points at which tests make a node fail: before and after everything of a move that leaves it, to another
//! node, to a client or to the engine. Only with the feature `failpoints`, which nothing that is shipped has;
//! without it the points are empty functions.

#[cfg(not(feature = "failpoints"))]
mod off;
#[cfg(feature = "failpoints")]
mod on;

#[cfg(not(feature = "failpoints"))]
pub(super) use off::{Passage, ask, ask_snapshot};
#[cfg(feature = "failpoints")]
pub use on::{Act, Hook, When, set_hook};
#[cfg(feature = "failpoints")]
pub(super) use on::{Passage, ask, ask_snapshot};
