//! Between nodes: the move's own messages, and the baton.

use super::codec::{DecodeError, Field, Item, Reader, fields, frames};
use crate::protocol::errand::ErrandState;
use crate::protocol::ids::{
    Binding, CohortId, Cursor, Epoch, Fence, Generation, LinkNumber, MoveId, NodeId, SessionId,
};
use crate::protocol::reasons::{CloseReason, TargetRefusal};
use crate::protocol::record::Revision;
use crate::protocol::room::{RoomPiece, RoomState};
use crate::protocol::wire::control::MoveMode;
use std::net::SocketAddr;

/// A value of user data. What is stored comes back as it was, through any number of moves: integers stay
/// integers, floats keep their bits, bytes stay bytes.
#[derive(Clone, Debug)]
pub enum Value {
    /// A signed 64-bit integer.
    Integer(i64),
    /// A 64-bit float; compared and moved by its bits.
    Float(f64),
    /// UTF-8 text.
    Text(String),
    /// Any bytes.
    Bytes(Vec<u8>),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Integer(one), Self::Integer(two)) => one == two,
            (Self::Float(one), Self::Float(two)) => one.to_bits() == two.to_bits(),
            (Self::Text(one), Self::Text(two)) => one == two,
            (Self::Bytes(one), Self::Bytes(two)) => one == two,
            (Self::Integer(_) | Self::Float(_) | Self::Text(_) | Self::Bytes(_), _) => false,
        }
    }
}

impl Eq for Value {}

impl std::hash::Hash for Value {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self {
            Self::Integer(value) => value.hash(state),
            Self::Float(value) => value.to_bits().hash(state),
            Self::Text(value) => value.hash(state),
            Self::Bytes(value) => value.hash(state),
        }
    }
}

impl Field<'_> for Value {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Integer(value) => {
                out.push(1);
                value.put(out);
            }
            Self::Float(value) => {
                out.push(2);
                out.extend_from_slice(&value.to_bits().to_be_bytes());
            }
            Self::Text(value) => {
                out.push(3);
                value.put(out);
            }
            Self::Bytes(value) => {
                out.push(4);
                value.as_slice().put(out);
            }
        }
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.field::<u8>()? {
            1 => Self::Integer(reader.field()?),
            2 => Self::Float(f64::from_bits(u64::from_be_bytes(reader.field()?))),
            3 => Self::Text(reader.field()?),
            4 => Self::Bytes(reader.field::<&[u8]>()?.to_vec()),
            _ => return Err(DecodeError::OutOfRange("value")),
        })
    }
}

/// A session that a target is asked to make room for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// Which session.
    pub session: SessionId,
    /// The key that its client proves to hold when it attaches.
    pub client_key: [u8; 32],
    /// Whether the move waits for it: it has a link, and wants to be moved without a break.
    pub awaited: bool,
}

/// All of one session that survives a move.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SessionState {
    /// Which session.
    pub session: SessionId,
    /// Whose.
    pub user: String,
    /// The key that its client proves to hold.
    pub client_key: [u8; 32],
    /// Times restarted from anything but live state.
    pub generation: Generation,
    /// The newest link seen; an older one is refused.
    pub link: LinkNumber,
    /// How its client wants to be moved.
    pub mode: MoveMode,
    /// The first uplink message not yet processed.
    pub up: Cursor,
    /// The number of the first message of `down_messages`.
    pub down: Cursor,
    /// Downlink that the client has not acknowledged, as frames of the data lane.
    pub down_messages: Vec<u8>,
    /// User data, in the order of the keys; with `ahead` only what has changed since the copy.
    pub data: Vec<(String, Value)>,
    /// Keys that have been deleted since the copy.
    pub removed: Vec<String>,
    /// User data has been copied ahead of the baton ([`Peer::Ahead`]).
    pub ahead: bool,
    /// What is left of the application's timer, in microseconds.
    pub timer_us: Option<u64>,
    /// Restarts that the client has not been back since: at which epoch, and where the downlink ended then.
    pub restarts: Vec<(Epoch, Cursor)>,
    /// Counts the rooms that it has joined and left.
    pub binding: Binding,
    /// What its client has asked of rooms and is not done yet.
    pub errand: Option<ErrandState>,
}

/// What passes a cohort from source to target: the one message that may be accepted once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Baton {
    /// The fence that the target serves at.
    pub fence: Fence,
    /// Every session of the cohort.
    pub sessions: Vec<SessionState>,
    /// The room, if it is a room's.
    pub room: Option<RoomState>,
    /// The revision of the cohort's snapshot, so that the target can replace it without reading it first.
    pub stored: Option<Revision>,
}

fields! {
    Member { session, client_key, awaited }
    SessionState {
        session, user, client_key, generation, link, mode, up, down, down_messages, data, removed, ahead, timer_us,
        restarts, binding, errand,
    }
    Baton { fence, sessions, room, stored }
}

impl Item<'_> for Member {}
impl Item<'_> for SessionState {}

frames! {
    /// From node to node, over mutual TLS.
    Peer {
        /// First frame of every link between nodes.
        0xc1 Hello {
            /// Protocol version of the sender.
            version: u16,
            /// Its incarnation.
            from: NodeId,
            /// The incarnation it means to reach; a restarted node is another one.
            to: NodeId,
        },
        /// Source to target: make room for this cohort.
        0xc2 Prepare {
            /// Which move.
            id: MoveId,
            /// The source.
            from: NodeId,
            /// What the source serves at.
            fence: Fence,
            /// Who will attach.
            members: Vec<Member>,
            /// About how large the baton will be.
            state_bytes: u64,
            /// The application version that wrote the state; 0: the operator wants it moved to whatever version.
            app_version: u32,
            /// Whether clients come before the baton or after it.
            mode: MoveMode,
        },
        /// Source to target, of a dry run: say whether there is room for this cohort, and let its clients attach, as
        /// if it was to come. No baton follows, only `Cancel`.
        0xd0 Probe {
            /// Which probe; no move ever bears this id.
            id: MoveId,
            /// The source.
            from: NodeId,
            /// What the source serves at.
            fence: Fence,
            /// Who will attach.
            members: Vec<Member>,
            /// About how large the baton would be.
            state_bytes: u64,
            /// As in `Prepare`.
            app_version: u32,
            /// For so many sessions the dry run has found room there already: they would have come before these.
            besides: u64,
        },
        /// Target to source: room is made.
        0xc3 Prepared {
            /// Which move.
            id: MoveId,
            /// One for each member, in the order of `Prepare`.
            tickets: Vec<Vec<u8>>,
            /// Where clients reach the target by TCP.
            tcp: Vec<SocketAddr>,
            /// Where clients reach the target by QUIC.
            quic: Vec<SocketAddr>,
        },
        /// Target to source: not here, or no longer.
        0xc4 Refused {
            /// Which move.
            id: MoveId,
            /// Why.
            reason: TargetRefusal,
        },
        /// Target to source: every client is attached.
        0xc5 Ready {
            /// Which move.
            id: MoveId,
        },
        /// Source to target: the cohort. Sent again until acknowledged or the record changes.
        0xc6 Baton {
            /// Which move.
            id: MoveId,
            /// The cohort.
            baton: Box<Baton>,
        },
        /// Target to source: it serves.
        0xc7 BatonAck {
            /// Which move.
            id: MoveId,
        },
        /// Target to source: the directory shows the target as owner; read it and let go.
        0xc8 Finalised {
            /// Which move.
            id: MoveId,
        },
        /// Either way, before the baton: the move is off.
        0xc9 Cancel {
            /// Which move.
            id: MoveId,
        },
        /// Source to target, before the baton: a piece of a large state, while the source still serves.
        0xcb Ahead {
            /// Which move.
            id: MoveId,
            /// Counts the pieces of the move.
            number: u64,
            /// Of what.
            piece: Piece,
        },
        /// Target to source: it has this piece, and all before it.
        0xce AheadAck {
            /// Which move.
            id: MoveId,
            /// The piece.
            number: u64,
        },
        /// Target to source: so many of its moves may be on their way here at once. The latest word counts, for
        /// [`CREDIT_GOOD_FOR`](crate::protocol::limits::CREDIT_GOOD_FOR).
        0xcd Credit {
            /// How many.
            moves: u32,
        },
        /// To a room's owner that goes offline: somebody waits at another node to join, so it had better move now.
        0xcf Wanted {
            /// Which room.
            room: CohortId,
        },
        /// To a node whose lease has run out, as a leader's reads of the sender show: the engine is there, and others
        /// may take over what it holds (rule d). If it is fenced, its clients wait there for nothing.
        0xd1 LeaseOver,
        /// To the owner: end this session, its user has connected elsewhere.
        0xca Close {
            /// Which session.
            session: SessionId,
            /// Why.
            reason: CloseReason,
        },
    }
}

/// A piece of a state that is too large to travel with the baton.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// All of this session's user data, in the order of the keys.
    User(SessionId, Vec<(String, Value)>),
    /// A part of the room's state.
    Room(RoomPiece),
}

impl Field<'_> for Piece {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::User(session, data) => {
                out.push(1);
                session.put(out);
                data.put(out);
            }
            Self::Room(piece) => {
                out.push(2);
                piece.put(out);
            }
        }
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.field::<u8>()? {
            1 => Self::User(reader.field()?, reader.field()?),
            2 => Self::Room(reader.field()?),
            _ => return Err(DecodeError::OutOfRange("piece")),
        })
    }
}

impl Field<'_> for Box<Baton> {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_ref().put(out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.field().map(Box::new)
    }
}

impl Peer {
    /// Which cohort it is about; `None`: the link, or the node.
    pub fn cohort(&self) -> Option<CohortId> {
        match self {
            Self::Close { session, .. } => Some((*session).into()),
            Self::Wanted { room } => Some(*room),
            frame => frame.move_id().map(|id| id.cohort),
        }
    }

    /// Which move it is about, if it is about one.
    pub fn move_id(&self) -> Option<MoveId> {
        match self {
            Self::Prepare { id, .. }
            | Self::Probe { id, .. }
            | Self::Prepared { id, .. }
            | Self::Refused { id, .. }
            | Self::Ready { id }
            | Self::Baton { id, .. }
            | Self::BatonAck { id }
            | Self::Finalised { id }
            | Self::Ahead { id, .. }
            | Self::AheadAck { id, .. }
            | Self::Cancel { id } => Some(*id),
            Self::Close { .. }
            | Self::Wanted { .. }
            | Self::Hello { .. }
            | Self::Credit { .. }
            | Self::LeaseOver => None,
        }
    }
}
