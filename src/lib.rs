//! Sterna moves live players from one game server to another while they play.
//!
//! The map:
//! - [`protocol`]: the core without I/O: frames, the exactly-once sequence, the roles of a move
//! - [`transport`]: links, TCP with TLS 1.3 and QUIC behind one small interface
//! - [`client`]: drives `protocol::client` on a background thread; the event queue
//! - [`sys`]: the few calls to the operating system that std does not have
//! - [`ffi`]: the C functions of `include/sterna.h`
//! - `testing`, with the feature of that name: a whole cluster in memory, on virtual time
//!
//! The server lives in the crate `sterna-server`.

pub mod client;
pub mod ffi;
pub mod protocol;
pub mod sys;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod transport;
