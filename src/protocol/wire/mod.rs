//! What crosses the network: frames, and how they are written and read.
//!
//! A frame is a length (QUIC variable-length integer, RFC 9000 section 16), a type byte and fields. A
//! client's link has a *control* lane and a *data* lane, which may overtake each other, and carries
//! datagrams. `docs/PROTOCOL.md` describes every byte.

mod codec;
mod control;
mod data;
mod peer;

pub use codec::{DecodeError, Field, Item, Reader, put_varint, split, varint_len};
pub(in crate::protocol) use codec::{fields, frames, put_frame};
pub use control::{Downlink, Greeting, MoveMode, Uplink};
pub use data::{Data, Datagram, HEADER_BYTES_MAX, Kind, Message, Switch, SwitchCause, is_message};
pub use peer::{Baton, Member, Peer, Piece, SessionState, Value};
