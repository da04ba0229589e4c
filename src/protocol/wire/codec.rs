//! Bytes to fields and back. Reading never panics and never allocates more than what arrived.

use crate::protocol::ids::{
    Binding, Bucket, CohortId, Cursor, Epoch, Fence, Generation, LinkNumber, MemberId, MoveId, NodeId,
    SessionId,
};
use crate::protocol::reasons::{
    CloseReason, ExitReason, MoveFailure, OfflineReason, RefuseReason, ReplyStatus, RoomRefusal,
    TargetRefusal,
};
use crate::protocol::record::Revision;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Why bytes are not a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a field.
    #[error("the frame ends inside `{0}`")]
    Truncated(&'static str),
    /// Bytes are left over behind the last field.
    #[error("{0} bytes follow the end of the frame")]
    TrailingBytes(usize),
    /// No frame of this lane has this type.
    #[error("unknown frame type {0:#04x}")]
    UnknownType(u8),
    /// A field holds a value that it must not hold.
    #[error("`{0}` holds a value out of range")]
    OutOfRange(&'static str),
    /// The length prefix is larger than this lane allows.
    #[error("a frame of {length} bytes is over the limit of {limit}")]
    TooLong {
        /// What the prefix says.
        length: usize,
        /// What is allowed.
        limit: usize,
    },
}

/// Reads fields off the front of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::Truncated(field))?;
        self.rest = rest;
        Ok(head)
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// How many bytes are left.
    pub const fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next field.
    pub fn field<T: Field<'a>>(&mut self) -> Result<T, DecodeError> {
        T::take(self)
    }

    /// Checks that the frame ends here.
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes(self.rest.len())) }
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        self.bytes(N, field)?.try_into().map_err(|_| DecodeError::Truncated(field))
    }

    fn varint(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let first = *self.rest.first().ok_or(DecodeError::Truncated(field))?;
        let bytes = self.bytes(1 << (first >> 6), field)?;
        let value = bytes.iter().fold(0u64, |value, byte| (value << 8) | u64::from(*byte));
        // The two top bits of the first byte are the length, not part of the number.
        Ok(value & (u64::MAX >> (64 - 8 * bytes.len() + 2)))
    }
}

/// Largest number that a variable-length integer holds.
const VARINT_MAX: u64 = (1 << 62) - 1;

/// How many bytes [`put_varint`] writes.
pub const fn varint_len(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// Appends a QUIC variable-length integer. Numbers above 2^62 - 1 saturate; no counter here gets there.
pub fn put_varint(value: u64, out: &mut Vec<u8>) {
    let mut bytes = [0; 8];
    let length = write_varint(value, &mut bytes, 0);
    out.extend_from_slice(&bytes[..length]);
}

/// Writes one at `at`, and says where it ends. `buffer` has room for eight bytes there, or for as many as
/// [`varint_len`] says.
pub(super) fn write_varint(value: u64, buffer: &mut [u8], at: usize) -> usize {
    let value = value.min(VARINT_MAX);
    let length = varint_len(value);
    let prefix = (length.trailing_zeros() as u8) << 6;
    buffer[at..at + length].copy_from_slice(&value.to_be_bytes()[8 - length..]);
    buffer[at] |= prefix;
    at + length
}

/// Splits the first whole frame off a stream: its body and how many bytes it took. `None`: more bytes are
/// needed.
pub fn split(stream: &[u8], limit: usize) -> Result<Option<(&[u8], usize)>, DecodeError> {
    let mut reader = Reader::new(stream);
    let Ok(length) = reader.varint("length") else { return Ok(None) };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > limit {
        return Err(DecodeError::TooLong { length, limit });
    }
    match reader.bytes(length, "frame") {
        Ok(body) => Ok(Some((body, stream.len() - reader.len()))),
        Err(_) => Ok(None),
    }
}

/// Writes a frame: `body` appends its bytes, the length goes in front of them.
pub(in crate::protocol) fn put_frame(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    // Most frames are short: one byte is set aside for the length, and longer ones are shifted.
    out.push(0);
    body(out);
    let length = out.len() - start - 1;
    if length < 0x40 {
        out[start] = length as u8;
    } else {
        let mut prefix = Vec::with_capacity(8);
        put_varint(length as u64, &mut prefix);
        out.splice(start..=start, prefix);
    }
}

/// Something that a frame can hold.
pub trait Field<'a>: Sized {
    /// Appends it.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads it.
    fn take(reader: &mut Reader<'a>) -> Result<Self, DecodeError>;
}

macro_rules! fixed {
    ($($int:ty),*) => {$(
        impl Field<'_> for $int {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.array(stringify!($int)).map(Self::from_be_bytes)
            }
        }
    )*};
}
fixed!(u8, u16, u32, i64);

macro_rules! varint_newtype {
    ($($name:ident),*) => {$(
        impl Field<'_> for $name {
            fn put(&self, out: &mut Vec<u8>) {
                put_varint(self.0, out);
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.varint(stringify!($name)).map(Self)
            }
        }
    )*};
}
varint_newtype!(Epoch, Binding, Bucket, Cursor, Generation, LinkNumber, MemberId, Revision);

macro_rules! id_newtype {
    ($($name:ident),*) => {$(
        impl Field<'_> for $name {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0.to_be_bytes());
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.array(stringify!($name)).map(|bytes| Self(u64::from_be_bytes(bytes)))
            }
        }
    )*};
}
id_newtype!(NodeId, SessionId, CohortId);

macro_rules! reason {
    ($($name:ident),*) => {$(
        impl Field<'_> for $name {
            fn put(&self, out: &mut Vec<u8>) {
                out.push(self.number());
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Self::from_number(reader.field::<u8>()?).ok_or(DecodeError::OutOfRange(stringify!($name)))
            }
        }
    )*};
}
reason!(
    RefuseReason,
    TargetRefusal,
    MoveFailure,
    CloseReason,
    OfflineReason,
    ReplyStatus,
    RoomRefusal,
    ExitReason
);

impl Field<'_> for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(*self, out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.varint("number")
    }
}

impl Field<'_> for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.field::<u8>()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::OutOfRange("flag")),
        }
    }
}

impl<const N: usize> Field<'_> for [u8; N] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array("key")
    }
}

impl<'a> Field<'a> for &'a [u8] {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(self.len() as u64, out);
        out.extend_from_slice(self);
    }
    fn take(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let length = reader.varint("bytes")?;
        reader.bytes(usize::try_from(length).unwrap_or(usize::MAX), "bytes")
    }
}

impl Field<'_> for Vec<u8> {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_slice().put(out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.field::<&[u8]>().map(<[u8]>::to_vec)
    }
}

impl Field<'_> for String {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_bytes().put(out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = reader.field::<&[u8]>()?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| DecodeError::OutOfRange("text"))
    }
}

impl<'a, T: Field<'a>> Field<'a> for Arc<T> {
    fn put(&self, out: &mut Vec<u8>) {
        T::put(self, out);
    }
    fn take(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.field().map(Arc::new)
    }
}

impl<'a, T: Field<'a>> Field<'a> for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn take(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        if reader.field::<bool>()? { reader.field().map(Some) } else { Ok(None) }
    }
}

/// A field of which a list can be made. (A list of `u8` is `Vec<u8>`, written as bytes.)
pub trait Item<'a>: Field<'a> {}

impl Item<'_> for SocketAddr {}
impl Item<'_> for Vec<u8> {}
impl Item<'_> for String {}
impl Item<'_> for MemberId {}
impl<'a, A: Field<'a>, B: Field<'a>> Item<'a> for (A, B) {}

impl<'a, T: Item<'a>> Field<'a> for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(self.len() as u64, out);
        for item in self {
            item.put(out);
        }
    }
    fn take(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = reader.varint("list")?;
        // Every item takes at least a byte, so a count beyond what is left is a lie; the list grows as
        // items arrive, so a lie within it costs nothing.
        if count > reader.len() as u64 {
            return Err(DecodeError::Truncated("list"));
        }
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(reader.field()?);
        }
        Ok(items)
    }
}

impl<'a, A: Field<'a>, B: Field<'a>> Field<'a> for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }
    fn take(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok((reader.field()?, reader.field()?))
    }
}

impl Field<'_> for SocketAddr {
    fn put(&self, out: &mut Vec<u8>) {
        match self.ip() {
            IpAddr::V4(ip) => {
                out.push(4);
                out.extend_from_slice(&ip.octets());
            }
            IpAddr::V6(ip) => {
                out.push(6);
                out.extend_from_slice(&ip.octets());
            }
        }
        self.port().put(out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let ip = match reader.field::<u8>()? {
            4 => IpAddr::V4(Ipv4Addr::from(reader.array::<4>("address")?)),
            6 => IpAddr::V6(Ipv6Addr::from(reader.array::<16>("address")?)),
            _ => return Err(DecodeError::OutOfRange("address")),
        };
        Ok(Self::new(ip, reader.field()?))
    }
}

/// Structs whose fields are written one after the other.
macro_rules! fields {
    ($($name:ident { $($field:ident),* $(,)? })*) => {$(
        impl $crate::protocol::wire::Field<'_> for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $($crate::protocol::wire::Field::put(&self.$field, out);)*
            }
            fn take(
                reader: &mut $crate::protocol::wire::Reader<'_>,
            ) -> Result<Self, $crate::protocol::wire::DecodeError> {
                Ok(Self { $($field: reader.field()?,)* })
            }
        }
    )*};
}
pub(in crate::protocol) use fields;

fields! {
    Fence { bucket, binding, epoch }
    MoveId { cohort, epoch, attempt, target }
}

/// A lane's frames as one enum: the table of type numbers, with writing and reading made from it.
macro_rules! frames {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $number:literal $variant:ident $({ $($(#[$fdoc:meta])* $field:ident: $type:ty),* $(,)? })?,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant $({ $($(#[$fdoc])* $field: $type,)* })?,)*
        }

        impl $name {
            /// Appends the frame with its length in front.
            pub fn encode(&self, out: &mut Vec<u8>) {
                $crate::protocol::wire::put_frame(out, |out| match self {
                    $(Self::$variant $({ $($field),* })? => {
                        out.push($number);
                        $($($crate::protocol::wire::Field::put($field, out);)*)?
                    })*
                });
            }

            /// Reads a frame's body, as [`split`](crate::protocol::wire::split) gives it.
            pub fn decode(body: &[u8]) -> Result<Self, $crate::protocol::wire::DecodeError> {
                let mut reader = $crate::protocol::wire::Reader::new(body);
                let frame = match reader.field::<u8>()? {
                    $($number => Self::$variant $({ $($field: reader.field::<$type>()?,)* })?,)*
                    other => return Err($crate::protocol::wire::DecodeError::UnknownType(other)),
                };
                reader.finish()?;
                Ok(frame)
            }

            /// The frame's name, for logs and fault injection.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant $({ $($field: _),* })? => stringify!($variant),)*
                }
            }
        }
    };
}
pub(in crate::protocol) use frames;
