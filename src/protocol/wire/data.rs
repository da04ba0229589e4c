//! The data lane of a client's link, and datagrams: application messages, and the frames that say where
//! in the sequence they begin.

use super::codec::{DecodeError, Field, Reader, put_frame, varint_len, write_varint};
use crate::protocol::ids::{Cursor, Epoch, Fence, Generation, SessionId};
use crate::protocol::reasons::ReplyStatus;

/// What a message is to its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Needs no answer: an uplink message, or a push.
    Plain,
    /// Wants a reply with this number.
    Request(u64),
    /// Answers the request with this number.
    Reply(u64, ReplyStatus),
}

/// An application message: `ver` 0 and 1 are reserved, applications use 2 and up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Message<'a> {
    /// What it is to its receiver.
    pub kind: Kind,
    /// The application's protocol version.
    pub ver: u8,
    /// The application's command.
    pub cmd: u16,
    /// The application's bytes.
    pub payload: &'a [u8],
}

/// What made a node begin, or go on, serving a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SwitchCause {
    /// The session has begun.
    Connected = 1,
    /// The link takes the place of a broken one.
    Resumed = 2,
    /// The session has moved here.
    Moved = 3,
    /// The session was restarted here from a snapshot, or from a copy that another node may have gone beyond.
    TookOver = 4,
}

impl Field<'_> for SwitchCause {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.field::<u8>()? {
            1 => Self::Connected,
            2 => Self::Resumed,
            3 => Self::Moved,
            4 => Self::TookOver,
            _ => return Err(DecodeError::OutOfRange("cause")),
        })
    }
}

/// "This node serves you, on this link, from here on": the one frame that raises a client's fence. It
/// travels on the data lane, so that the messages behind it cannot overtake it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Switch {
    /// Why the node serves this link now.
    pub cause: SwitchCause,
    /// Which session.
    pub session: SessionId,
    /// What the client refuses anything below of, from now on.
    pub fence: Fence,
    /// Rises when messages may have been lost by a crash; otherwise none were.
    pub generation: Generation,
    /// The first uplink message not yet processed: the client sends from there.
    pub up: Cursor,
    /// The number of the first downlink message behind this frame.
    pub down: Cursor,
    /// What the client may send on this link, in bytes of credit since the link began.
    pub credit: u64,
    /// For the next `Resume`.
    pub resume_token: Vec<u8>,
    /// How long the node keeps the session without a link, in milliseconds.
    pub resume_ms: u64,
    /// Largest reliable payload that the node accepts.
    pub message_bytes_max: u32,
    /// Whether `Migrate` is answered by a move even while the node is online.
    pub moves_when_online: bool,
    /// The serving node's name, for logs and humans.
    pub node: String,
}

super::codec::fields! {
    Switch {
        cause, session, fence, generation, up, down, credit, resume_token, resume_ms, message_bytes_max,
        moves_when_online, node,
    }
}

/// A frame of the data lane.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Data<'a> {
    /// Uplink: the next message has this number.
    Start(Cursor),
    /// Downlink: serving begins.
    Switch(Box<Switch>),
    /// An application message.
    Message(Message<'a>),
}

/// Room for everything that stands before a payload: two variable-length integers, type, version, command
/// and status.
pub const HEADER_BYTES_MAX: usize = 8 + 4 + 8 + 1;

const START: u8 = 0x81;
const SWITCH: u8 = 0x82;
const PLAIN: u8 = 0x83;
const REQUEST: u8 = 0x84;
const REPLY: u8 = 0x85;

/// Whether a frame of the data lane, without its length, is an application message.
pub fn is_message(body: &[u8]) -> bool {
    matches!(body.first(), Some(&(PLAIN | REQUEST | REPLY)))
}

impl<'a> Message<'a> {
    /// Appends the message as a frame of the data lane.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut header = [0; HEADER_BYTES_MAX];
        let length = self.encode_header(&mut header);
        out.extend_from_slice(&header[..length]);
        out.extend_from_slice(self.payload);
    }

    /// Writes all that stands before the payload, and says how long it is.
    pub fn encode_header(&self, header: &mut [u8; HEADER_BYTES_MAX]) -> usize {
        let mut end = write_varint(self.body_len() as u64, header, 0);
        let cmd = self.cmd.to_be_bytes();
        let type_byte = match self.kind {
            Kind::Plain => PLAIN,
            Kind::Request(_) => REQUEST,
            Kind::Reply(..) => REPLY,
        };
        for byte in [type_byte, self.ver, cmd[0], cmd[1]] {
            header[end] = byte;
            end += 1;
        }
        match self.kind {
            Kind::Plain => end,
            Kind::Request(id) => write_varint(id, header, end),
            Kind::Reply(id, status) => {
                end = write_varint(id, header, end);
                header[end] = status.number();
                end + 1
            }
        }
    }

    /// How many bytes [`encode`](Self::encode) appends.
    pub const fn encoded_len(&self) -> usize {
        let body = self.body_len();
        varint_len(body as u64) + body
    }

    const fn body_len(&self) -> usize {
        let kind = match self.kind {
            Kind::Plain => 0,
            Kind::Request(id) => varint_len(id),
            Kind::Reply(id, _) => varint_len(id) + 1,
        };
        4 + kind + self.payload.len()
    }

    fn take(type_byte: u8, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (ver, cmd) = (reader.field()?, reader.field()?);
        let kind = match type_byte {
            PLAIN => Kind::Plain,
            REQUEST => Kind::Request(reader.field()?),
            _ => Kind::Reply(reader.field()?, reader.field()?),
        };
        Ok(Self { kind, ver, cmd, payload: reader.rest() })
    }
}

impl<'a> Data<'a> {
    /// Appends the frame with its length in front.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Start(cursor) => put_frame(out, |out| {
                out.push(START);
                cursor.put(out);
            }),
            Self::Switch(switch) => put_frame(out, |out| {
                out.push(SWITCH);
                switch.put(out);
            }),
            Self::Message(message) => message.encode(out),
        }
    }

    /// Reads a frame's body, as [`split`](super::split) gives it.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let frame = match reader.field::<u8>()? {
            START => Self::Start(reader.field()?),
            SWITCH => Self::Switch(Box::new(reader.field()?)),
            type_byte @ (PLAIN | REQUEST | REPLY) => Self::Message(Message::take(type_byte, &mut reader)?),
            other => return Err(DecodeError::UnknownType(other)),
        };
        reader.finish()?;
        Ok(frame)
    }
}

/// An unreliable message. The epoch lets a receiver drop what an older owner sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Datagram<'a> {
    /// The sender's epoch.
    pub epoch: Epoch,
    /// The application's protocol version.
    pub ver: u8,
    /// The application's command.
    pub cmd: u16,
    /// The application's bytes.
    pub payload: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// Appends the datagram; it has no length, the transport keeps its bounds.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.epoch.put(out);
        self.ver.put(out);
        self.cmd.put(out);
        out.extend_from_slice(self.payload);
    }

    /// Reads a datagram.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let (epoch, ver, cmd) = (reader.field()?, reader.field()?, reader.field()?);
        Ok(Self { epoch, ver, cmd, payload: reader.rest() })
    }

    /// How many bytes of a datagram are not payload, at most.
    pub const OVERHEAD_MAX: usize = 8 + 1 + 2;
}
