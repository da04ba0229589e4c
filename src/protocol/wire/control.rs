//! The control lane of a client's link: who is there, what moves where, what has arrived.

use super::codec::{DecodeError, Field, Reader, frames};
use crate::protocol::ids::{CohortId, Cursor, Epoch, Fence, LinkNumber, MoveId, SessionId};
use crate::protocol::reasons::{CloseReason, MoveFailure, OfflineReason, RefuseReason};
use std::net::SocketAddr;

/// How a client wants to be moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MoveMode {
    /// Make before break: attach to the target while the source still serves.
    #[default]
    Seamless = 0,
    /// Break before make, as the original system does it: disconnect, move, reconnect.
    Classic = 1,
}

impl Field<'_> for MoveMode {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.field::<u8>()? {
            0 => Ok(Self::Seamless),
            1 => Ok(Self::Classic),
            _ => Err(DecodeError::OutOfRange("move mode")),
        }
    }
}

/// What a link is for: the first frame on it says so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Greeting {
    /// Begin a session.
    Connect {
        /// Signed by the game's backend; who the user is.
        user_token: String,
    },
    /// Join a move's target while the source still serves, or come to it after a forced move.
    Attach {
        /// From `MoveTo`.
        ticket: Vec<u8>,
        /// Shows that this client holds the session's key; see [`crate::protocol::keys`].
        proof: [u8; 32],
        /// The first downlink message not yet received.
        down: Cursor,
    },
    /// Go on with a session whose link broke.
    Resume {
        /// From the last `Switch`.
        token: Vec<u8>,
        /// As in `Attach`.
        proof: [u8; 32],
        /// The newest fence that the client has seen; an older owner must not serve it.
        fence: Fence,
        /// The first downlink message not yet received.
        down: Cursor,
    },
}

impl Field<'_> for Greeting {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Connect { user_token } => {
                out.push(1);
                user_token.put(out);
            }
            Self::Attach { ticket, proof, down } => {
                out.push(2);
                ticket.put(out);
                proof.put(out);
                down.put(out);
            }
            Self::Resume { token, proof, fence, down } => {
                out.push(3);
                token.put(out);
                proof.put(out);
                fence.put(out);
                down.put(out);
            }
        }
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.field::<u8>()? {
            1 => Self::Connect { user_token: reader.field()? },
            2 => Self::Attach { ticket: reader.field()?, proof: reader.field()?, down: reader.field()? },
            3 => Self::Resume {
                token: reader.field()?,
                proof: reader.field()?,
                fence: reader.field()?,
                down: reader.field()?,
            },
            _ => return Err(DecodeError::OutOfRange("greeting")),
        })
    }
}

frames! {
    /// From client to node.
    Uplink {
        /// First frame of every link.
        0x01 Hello {
            /// Protocol version of the client.
            version: u16,
            /// Counted up by the client; the newest link of a session wins.
            link: LinkNumber,
            /// What the node may send on the data lane to begin with, in bytes of credit.
            credit: u64,
            /// What the link is for.
            greeting: Greeting,
        },
        /// Asks whether the node is there; answered by `Pong`.
        0x02 Ping {
            /// Comes back unchanged: the client's clock in microseconds.
            stamp: u64,
        },
        /// Reliable downlink messages before this one have arrived.
        0x03 Ack {
            /// The first message not yet received.
            down: Cursor,
        },
        /// What the node may send on this link's data lane, in bytes of credit since the link began.
        0x04 Credit {
            /// The sum of all grants.
            limit: u64,
        },
        /// The game's answer to `Offline`: move me now.
        0x05 Migrate {
            /// The epoch whose `Offline` it answers.
            epoch: Epoch,
            /// How to be moved.
            mode: MoveMode,
        },
        /// The client could not attach to the target of this move.
        0x06 CannotAttach {
            /// Which move.
            id: MoveId,
        },
        /// The client has seen the `Switch` of this fence; its ticket is spent.
        0x07 Confirm {
            /// The fence of the `Switch`.
            fence: Fence,
            /// What the move has added to the spacing of what the client hears, in microseconds, by its own clock:
            /// from the last message before the `Switch` to the `Switch`, less its usual spacing.
            added_us: u64,
        },
        /// The client ends the session.
        0x08 Bye,
        /// The answer to `Probe`: the target holds a link of this client, which waits for `Cancel`.
        0x09 CanAttach {
            /// Which probe.
            id: MoveId,
        },
    }
}

frames! {
    /// From node to client.
    Downlink {
        /// The link is not let in and will be closed.
        0x41 Refused {
            /// Why.
            reason: RefuseReason,
            /// Where the session's owner can be reached, if the node knows.
            elsewhere: Vec<SocketAddr>,
        },
        /// Answers the client's `Ping`.
        0x42 Pong {
            /// As it came.
            stamp: u64,
        },
        /// Reliable uplink messages before this one have been processed.
        0x43 Ack {
            /// The first message not yet processed.
            up: Cursor,
        },
        /// What the client may send on this link's data lane, in bytes of credit since the link began.
        0x44 Credit {
            /// The sum of all grants.
            limit: u64,
        },
        /// The node goes offline; the game should answer with `Migrate` when it suits it.
        0x45 Offline {
            /// Goes back in `Migrate`.
            epoch: Epoch,
            /// Milliseconds left until the session is moved without asking.
            deadline_ms: u64,
            /// Why.
            reason: OfflineReason,
            /// The session is in a room, which moves as a whole; do not answer.
            in_room: bool,
        },
        /// A target is prepared: attach to it.
        0x46 MoveTo {
            /// Which move.
            id: MoveId,
            /// Where the target can be reached on this transport.
            addresses: Vec<SocketAddr>,
            /// Lets this client in there, and nobody else.
            ticket: Vec<u8>,
            /// Whether to attach beside this link, or after it has ended.
            mode: MoveMode,
        },
        /// The target holds the link. Reliable uplink goes on both links from now on.
        0x47 Attached {
            /// Which move.
            id: MoveId,
            /// What the client may send here before the `Switch`, in bytes of credit.
            credit: u64,
        },
        /// `Migrate` came to nothing; play goes on here.
        0x48 MoveFailed {
            /// Why.
            reason: MoveFailure,
            /// The epoch now; differs from the one asked for if the request was stale.
            epoch: Epoch,
        },
        /// The move has been called off: drop the link to its target.
        0x49 Cancel {
            /// Which move.
            id: MoveId,
        },
        /// The directory shows the target as the owner: the link to the source may be closed.
        0x4a Settled {
            /// The fence of the `Switch`.
            fence: Fence,
        },
        /// The source has let go: attach to the target if that has not happened, else nothing.
        0x4b Moved {
            /// What moved.
            cohort: CohortId,
            /// The epoch it is served at now, or a later one.
            epoch: Epoch,
        },
        /// The session has ended.
        0x4c Bye {
            /// Which session, for a client that has just begun another.
            session: SessionId,
            /// Why.
            reason: CloseReason,
        },
        /// Of a dry run: attach to this target, say whether that worked, and send nothing there. Nothing moves, and
        /// the game is told nothing.
        0x4d Probe {
            /// Which probe; no move ever bears this id.
            id: MoveId,
            /// Where the target can be reached on this transport.
            addresses: Vec<SocketAddr>,
            /// Lets this client in there, and nobody else.
            ticket: Vec<u8>,
        },
        /// Other nodes that take newcomers: where to look for the session should this one be gone. Takes the place of what
        /// was said before.
        0x4e Nodes {
            /// Where they are reached on this transport.
            addresses: Vec<SocketAddr>,
        },
    }
}
