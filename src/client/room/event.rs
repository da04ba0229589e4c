//! What a game hears of its room.

use crate::client::status::Status;
use crate::protocol::ids::{CohortId, Epoch, MemberId};
use crate::protocol::wire::Value;

/// Which type a [`Value`] has. The numbers are those of the wire and of C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ValueKind {
    /// A signed 64-bit integer: eight bytes, big-endian.
    Integer = 1,
    /// A 64-bit float: the eight bytes of its bits, big-endian.
    Float = 2,
    /// UTF-8 text.
    Text = 3,
    /// Any bytes.
    Bytes = 4,
}

impl ValueKind {
    /// The type of a value.
    pub const fn of(value: &Value) -> Self {
        match value {
            Value::Integer(_) => Self::Integer,
            Value::Float(_) => Self::Float,
            Value::Text(_) => Self::Text,
            Value::Bytes(_) => Self::Bytes,
        }
    }

    /// The value of this type that these bytes are, as [`with_bytes`] gave them; `None` if they are not.
    pub fn value(self, bytes: &[u8]) -> Option<Value> {
        Some(match self {
            Self::Integer => Value::Integer(i64::from_be_bytes(bytes.try_into().ok()?)),
            Self::Float => Value::Float(f64::from_bits(u64::from_be_bytes(bytes.try_into().ok()?))),
            Self::Text => Value::Text(std::str::from_utf8(bytes).ok()?.to_owned()),
            Self::Bytes => Value::Bytes(bytes.to_vec()),
        })
    }
}

/// Hands a value's bytes to `take`, as an event carries them beside its [`ValueKind`].
pub fn with_bytes<R>(value: &Value, take: impl FnOnce(&[u8]) -> R) -> R {
    match value {
        Value::Integer(value) => take(&value.to_be_bytes()),
        Value::Float(value) => take(&value.to_bits().to_be_bytes()),
        Value::Text(value) => take(value.as_bytes()),
        Value::Bytes(value) => take(value),
    }
}

/// What happened in the room. Where there are two parts, a text and data, the event's bytes are the text, a
/// NUL and the data; `text` is the length of the first: see [`split`](Self::split).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomEvent {
    /// The client is in a room. Bytes: the frame that says who is in it, as it came.
    Entered {
        /// Which.
        room: CohortId,
        /// The client's own number in it.
        me: MemberId,
    },
    /// The client is not in the room any more. Bytes: why, as text.
    Exited {
        /// Which.
        room: CohortId,
        /// Why; [`Status::Ok`] if the client left.
        status: Status,
    },
    /// Somebody has joined. Bytes: the user.
    MemberJoined {
        /// Their number.
        member: MemberId,
    },
    /// Somebody is gone. Bytes: the user.
    MemberLeft {
        /// Their number.
        member: MemberId,
        /// Why; [`Status::Ok`] if they left.
        status: Status,
    },
    /// A message to the room. Bytes: the sender's user, and the payload.
    Message {
        /// Who sent it; `None`: the server application.
        from: Option<MemberId>,
        /// The application's protocol version.
        ver: u8,
        /// The application's command.
        cmd: u16,
        /// Length of the user.
        text: u32,
    },
    /// The room has another owner. Bytes: the user.
    OwnerChanged {
        /// Their number; `None`: nobody.
        owner: Option<MemberId>,
    },
    /// A property has changed. Bytes: the key, and the value's bytes.
    Property {
        /// Who changed it; `None`: the server application.
        by: Option<MemberId>,
        /// The value's type; `None`: it is deleted.
        kind: Option<ValueKind>,
        /// Length of the key.
        text: u32,
    },
    /// A key of the synchronised state has another value. Bytes: the key, and the value.
    Sync {
        /// Who set it.
        by: MemberId,
        /// Length of the key.
        text: u32,
    },
    /// A request about rooms was answered, or will not be. Bytes: no text, and the value's bytes.
    Result {
        /// The number that the request was given.
        request: u64,
        /// How it ended.
        status: Status,
        /// To a join: the room.
        room: Option<CohortId>,
        /// The type of the value, if there is one.
        kind: Option<ValueKind>,
    },
    /// The room has moved to another node, with everybody in it.
    Migrated {
        /// Which.
        room: CohortId,
        /// The epoch that it is served at.
        epoch: Epoch,
    },
    /// The room was restarted after a crash; who is in it has been told, what it stores may be older.
    Refreshed {
        /// Which.
        room: CohortId,
    },
}

impl RoomEvent {
    /// The event's text and data, of its bytes.
    pub fn split<'a>(&self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let text = match self {
            Self::Message { text, .. } | Self::Property { text, .. } | Self::Sync { text, .. } => {
                *text as usize
            }
            Self::Result { .. } => 0,
            Self::Entered { .. }
            | Self::Exited { .. }
            | Self::MemberJoined { .. }
            | Self::MemberLeft { .. }
            | Self::OwnerChanged { .. }
            | Self::Migrated { .. }
            | Self::Refreshed { .. } => return (bytes, &[]),
        };
        (bytes.get(..text).unwrap_or_default(), bytes.get(text + 1..).unwrap_or_default())
    }

    /// Whether the client itself has made it up: then it did not come under the node's credit.
    pub(crate) const fn is_local(&self) -> bool {
        match self {
            Self::Result { status, .. } => {
                matches!(status, Status::RequestTimedOut | Status::RequestAbandoned)
            }
            Self::Migrated { .. } => true,
            Self::Entered { .. }
            | Self::Exited { .. }
            | Self::MemberJoined { .. }
            | Self::MemberLeft { .. }
            | Self::Message { .. }
            | Self::OwnerChanged { .. }
            | Self::Property { .. }
            | Self::Sync { .. }
            | Self::Refreshed { .. } => false,
        }
    }
}
