//! What clients and rooms say to each other: messages of version 0 on the data lane. So they are counted,
//! ordered and replayed like every other message, through moves and broken links.
//!
//! | cmd | from | kind | payload |
//! |---|---|---|---|
//! | [`REQUEST`] | client | request | a [`RoomRequest`]; the reply holds a [`RoomAnswer`] |
//! | [`MESSAGE`] | client | plain | an [`Outbound`] message |
//! | [`SYNC`] | client | plain | a key and the value that it has from now on ([`Sync`]) |
//! | [`NEWS`] | node | plain | [`RoomNews`] |
//! | [`MESSAGE`] | node | plain | one [`Inbound`] message |
//! | [`MERGED`] | node | plain | several of them, each with its length ([`merged`]) |
//! | [`SYNC`] | node | plain | a key, its value, and who set it ([`Synced`]) |

use crate::protocol::ids::{CohortId, MemberId};
use crate::protocol::reasons::{ExitReason, RoomRefusal};
use crate::protocol::wire::{DecodeError, Field, Item, Kind, Message, Reader, Value, fields, frames, split};

/// The version of all messages about rooms; applications use 2 and up.
pub const VER: u8 = 0;
/// A request about rooms, and its reply.
pub const REQUEST: u16 = 1;
/// A message to members of the room.
pub const MESSAGE: u16 = 2;
/// Several messages of one broadcast interval.
pub const MERGED: u16 = 3;
/// A key of the synchronised state.
pub const SYNC: u16 = 4;
/// Something has happened in the room.
pub const NEWS: u16 = 5;

/// How a room is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoomOptions {
    /// How many members it takes: 2 to 1,000.
    pub members_max: u32,
    /// Whether it stays when the last member has left ...
    pub allow_empty: bool,
    /// ... and for how long, in milliseconds; 0: until it is closed.
    pub ttl_ms: u64,
    /// Messages of so many milliseconds are sent together; 0: each at once.
    pub interval_ms: u32,
    /// Whether it is found by [`RoomRequest::JoinRandom`].
    pub listed: bool,
    /// Its first properties.
    pub properties: Vec<(String, Value)>,
}

/// How a condition compares a property with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Comparison {
    /// Equal, and of the same type.
    Equal = 1,
    /// Not equal, or not there.
    NotEqual = 2,
    /// A number below the value.
    Less = 3,
    /// A number not above the value.
    AtMost = 4,
    /// A number above the value.
    Greater = 5,
    /// A number not below the value.
    AtLeast = 6,
}

/// One condition of a filter: a room fits if all of them hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    /// The property.
    pub key: String,
    /// How it is compared.
    pub comparison: Comparison,
    /// What with.
    pub value: Value,
}

impl Field<'_> for Comparison {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.field::<u8>()? {
            1 => Self::Equal,
            2 => Self::NotEqual,
            3 => Self::Less,
            4 => Self::AtMost,
            5 => Self::Greater,
            6 => Self::AtLeast,
            _ => return Err(DecodeError::OutOfRange("comparison")),
        })
    }
}

/// Somebody in a room, as the others see them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemberInfo {
    /// The member's number in this room.
    pub member: MemberId,
    /// Who it is.
    pub user: String,
}

fields! {
    RoomOptions { members_max, allow_empty, ttl_ms, interval_ms, listed, properties }
    Condition { key, comparison, value }
    MemberInfo { member, user }
    RoomAnswer { refusal, room, value }
}

impl Item<'_> for Condition {}
impl Item<'_> for MemberInfo {}

frames! {
    /// What a client asks of rooms.
    RoomRequest {
        /// Make a room and join it.
        0x01 Create {
            /// How.
            options: RoomOptions,
        },
        /// Join this room, wherever it is.
        0x02 Join {
            /// Which.
            room: CohortId,
        },
        /// Join any listed room that fits, or make one.
        0x03 JoinRandom {
            /// What the room's properties must be like.
            filter: Vec<Condition>,
            /// How to make one if none fits; `None`: refuse then.
            otherwise: Option<RoomOptions>,
        },
        /// Leave the room.
        0x04 Leave,
        /// Set a property; its type may change.
        0x05 Set {
            /// Which.
            key: String,
            /// To what.
            value: Value,
        },
        /// Delete a property.
        0x06 Delete {
            /// Which.
            key: String,
        },
        /// Set a property, or delete it, if it is as expected.
        0x07 CompareAndSet {
            /// Which.
            key: String,
            /// What it must be; `None`: it must not be there.
            expected: Option<Value>,
            /// To what; `None`: deleted.
            value: Option<Value>,
        },
        /// Add to a number; one that is not there counts as zero. The answer has the sum.
        0x08 Increment {
            /// Which.
            key: String,
            /// An integer or a float, like the property.
            by: Value,
        },
        /// The value of a property.
        0x09 Get {
            /// Which.
            key: String,
        },
        /// Keep places for these users; the owner only.
        0x0a Reserve {
            /// Who.
            users: Vec<String>,
        },
        /// Keep places for these users no longer; the owner only.
        0x0b CancelReservation {
            /// Who.
            users: Vec<String>,
        },
        /// Remove a member; the owner only.
        0x0c Kick {
            /// Who.
            member: MemberId,
        },
        /// Close the room; the owner only.
        0x0d Close,
        /// Move the room to another node; the owner only. The answer comes when it is over.
        0x0e Migrate,
    }
}

frames! {
    /// What members hear of their room, in one order for all.
    RoomNews {
        /// To the one who has joined: the room as it is.
        0x41 Entered {
            /// Which.
            room: CohortId,
            /// The joiner's own number.
            me: MemberId,
            /// Who owns the room.
            owner: Option<MemberId>,
            /// How many members it takes.
            members_max: u32,
            /// Everybody in it, in the order of their numbers, the joiner as well.
            members: Vec<MemberInfo>,
        },
        /// To the others: somebody has joined.
        0x42 Joined {
            /// Who.
            member: MemberInfo,
        },
        /// To those who stay: somebody is gone.
        0x43 Left {
            /// Who.
            member: MemberId,
            /// Why.
            reason: ExitReason,
        },
        /// To the one who is gone: the last thing about this room.
        0x44 Exited {
            /// Why.
            reason: ExitReason,
        },
        /// The room has another owner; `None`: none, for it is empty.
        0x45 OwnerChanged {
            /// Who.
            owner: Option<MemberId>,
        },
        /// A property has changed; `None`: it is deleted.
        0x46 PropertyChanged {
            /// Which.
            key: String,
            /// Its value now.
            value: Option<Value>,
            /// Who changed it; `None`: the server application.
            by: Option<MemberId>,
        },
    }
}

/// How a request about rooms ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoomAnswer {
    /// Why not; `None`: it is done.
    pub refusal: Option<RoomRefusal>,
    /// To a join: the room.
    pub room: Option<CohortId>,
    /// To `Get` and `Increment`: the value; to a refused `CompareAndSet`: what the property is.
    pub value: Option<Value>,
}

impl RoomAnswer {
    /// As the payload of a reply.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out);
        out
    }

    /// From the payload of a reply.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let answer = reader.field()?;
        reader.finish()?;
        Ok(answer)
    }
}

impl From<RoomRefusal> for RoomAnswer {
    fn from(refusal: RoomRefusal) -> Self {
        Self { refusal: Some(refusal), ..Self::default() }
    }
}

/// Reads the payload of a [`REQUEST`] or [`NEWS`], which is one frame and nothing else.
pub fn only_frame(payload: &[u8]) -> Result<&[u8], DecodeError> {
    match split(payload, payload.len())? {
        Some((body, length)) if length == payload.len() => Ok(body),
        Some((_, length)) => Err(DecodeError::TrailingBytes(payload.len() - length)),
        None => Err(DecodeError::Truncated("frame")),
    }
}

/// Whether a client's message of this version can be read.
pub fn check(message: &Message<'_>) -> Result<(), DecodeError> {
    match (message.cmd, message.kind) {
        (REQUEST, Kind::Request(_)) => only_frame(message.payload).and_then(RoomRequest::decode).map(drop),
        (MESSAGE, Kind::Plain) => Outbound::decode(message.payload).map(drop),
        (SYNC, Kind::Plain) => Sync::decode(message.payload).map(drop),
        _ => Err(DecodeError::OutOfRange("cmd")),
    }
}

/// Who gets a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everybody, the sender as well, merged within the broadcast interval.
    All,
    /// Everybody but the sender, at once.
    Others,
    /// These members, at once.
    Members(Vec<MemberId>),
}

impl Field<'_> for Scope {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::All => out.push(0),
            Self::Others => out.push(1),
            Self::Members(members) => {
                out.push(2);
                members.put(out);
            }
        }
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.field::<u8>()? {
            0 => Self::All,
            1 => Self::Others,
            2 => Self::Members(reader.field()?),
            _ => return Err(DecodeError::OutOfRange("scope")),
        })
    }
}

/// A member's message on its way to the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbound<'a> {
    /// Who gets it.
    pub scope: Scope,
    /// The application's protocol version.
    pub ver: u8,
    /// The application's command.
    pub cmd: u16,
    /// The application's bytes.
    pub payload: &'a [u8],
}

impl<'a> Outbound<'a> {
    /// As the payload of a [`MESSAGE`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.scope.put(out);
        self.ver.put(out);
        self.cmd.put(out);
        out.extend_from_slice(self.payload);
    }

    /// From the payload of a [`MESSAGE`].
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let (scope, ver, cmd) = (reader.field()?, reader.field()?, reader.field()?);
        Ok(Self { scope, ver, cmd, payload: reader.rest() })
    }
}

/// A message of the room on its way to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inbound<'a> {
    /// Who sent it; `None`: the server application.
    pub from: Option<MemberId>,
    /// The application's protocol version.
    pub ver: u8,
    /// The application's command.
    pub cmd: u16,
    /// The application's bytes.
    pub payload: &'a [u8],
}

impl<'a> Inbound<'a> {
    /// As the payload of a [`MESSAGE`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        // Members are counted from 1.
        self.from.unwrap_or_default().put(out);
        self.ver.put(out);
        self.cmd.put(out);
        out.extend_from_slice(self.payload);
    }

    /// As one of several in a [`MERGED`].
    pub fn encode_merged(&self, out: &mut Vec<u8>) {
        self.from.unwrap_or_default().put(out);
        self.ver.put(out);
        self.cmd.put(out);
        self.payload.put(out);
    }

    fn head(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (from, ver, cmd) = (reader.field::<MemberId>()?, reader.field()?, reader.field()?);
        let from = (from != MemberId::default()).then_some(from);
        Ok(Self { from, ver, cmd, payload: &[] })
    }

    /// From the payload of a [`MESSAGE`].
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let head = Self::head(&mut reader)?;
        Ok(Self { payload: reader.rest(), ..head })
    }
}

/// The messages of a [`MERGED`], in order.
pub fn merged(payload: &[u8]) -> impl Iterator<Item = Result<Inbound<'_>, DecodeError>> {
    let mut reader = Reader::new(payload);
    std::iter::from_fn(move || {
        if reader.is_empty() {
            return None;
        }
        let message = Inbound::head(&mut reader)
            .and_then(|head| Ok(Inbound { payload: reader.field::<&[u8]>()?, ..head }));
        if message.is_err() {
            reader.rest(); // nothing behind it can be read
        }
        Some(message)
    })
}

/// A key of the synchronised state as a member sets it: the last value wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sync<'a> {
    /// Which.
    pub key: &'a str,
    /// Its value from now on; empty: there is none.
    pub value: &'a [u8],
}

/// A key of the synchronised state as members hear of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synced<'a> {
    /// Who set it.
    pub from: MemberId,
    /// What.
    pub sync: Sync<'a>,
}

impl<'a> Sync<'a> {
    /// As the payload of a [`SYNC`] to the node.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.key.as_bytes().put(out);
        out.extend_from_slice(self.value);
    }

    /// From the payload of a [`SYNC`] to the node.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        Self::take(&mut reader)
    }

    fn take(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let key = std::str::from_utf8(reader.field()?).map_err(|_| DecodeError::OutOfRange("key"))?;
        Ok(Self { key, value: reader.rest() })
    }
}

impl<'a> Synced<'a> {
    /// As the payload of a [`SYNC`] to a client.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.from.put(out);
        self.sync.encode(out);
    }

    /// From the payload of a [`SYNC`] to a client.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        Ok(Self { from: reader.field()?, sync: Sync::take(&mut reader)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_as_they_were() {
        let mut out = Vec::new();
        let scope = Scope::Members(vec![MemberId(1), MemberId(900)]);
        let outbound = Outbound { scope, ver: 2, cmd: 7, payload: b"jump" };
        outbound.encode(&mut out);
        assert_eq!(Outbound::decode(&out), Ok(outbound));

        let from = |from| Inbound { from, ver: 2, cmd: 7, payload: b"jump" };
        for inbound in [from(Some(MemberId(3))), from(None)] {
            out.clear();
            inbound.encode(&mut out);
            assert_eq!(Inbound::decode(&out), Ok(inbound));
        }

        out.clear();
        let synced = Synced { from: MemberId(2), sync: Sync { key: "x", value: b"1" } };
        synced.encode(&mut out);
        assert_eq!(Synced::decode(&out), Ok(synced));
    }

    #[test]
    fn merged_messages_come_back_in_order_until_one_cannot_be_read() {
        let mut out = Vec::new();
        let one = Inbound { from: Some(MemberId(1)), ver: 2, cmd: 1, payload: b"" };
        let two = Inbound { from: Some(MemberId(2)), ver: 2, cmd: 2, payload: b"two" };
        one.encode_merged(&mut out);
        two.encode_merged(&mut out);
        assert_eq!(merged(&out).collect::<Vec<_>>(), [Ok(one), Ok(two)]);
        let cut_off = &out[..out.len() - 1];
        let read = merged(cut_off).collect::<Vec<_>>();
        assert_eq!((read.len(), &read[0]), (2, &Ok(one)));
        assert!(read[1].is_err());
    }

    #[test]
    fn requests_answers_and_news_come_back_as_they_were() {
        let filter = vec![Condition {
            key: "level".into(),
            comparison: Comparison::AtLeast,
            value: Value::Integer(3),
        }];
        let otherwise = Some(RoomOptions { members_max: 8, ..RoomOptions::default() });
        let request = RoomRequest::JoinRandom { filter, otherwise };
        let mut out = Vec::new();
        request.encode(&mut out);
        assert_eq!(only_frame(&out).and_then(RoomRequest::decode), Ok(request));

        let answer = RoomAnswer { value: Some(Value::Float(0.5)), ..RoomRefusal::Differs.into() };
        assert_eq!(RoomAnswer::decode(&answer.encode()), Ok(answer));

        out.clear();
        let news = RoomNews::Left { member: MemberId(4), reason: ExitReason::Kicked };
        news.encode(&mut out);
        assert_eq!(only_frame(&out).and_then(RoomNews::decode), Ok(news));
        out.push(0);
        assert_eq!(only_frame(&out), Err(DecodeError::TrailingBytes(1)));
    }
}
