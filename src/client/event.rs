//! The queue between the network thread, which appends events, and the game's thread, which takes them.
//!
//! Events lie in batches: heads in one vector, their bytes in another. The game swaps its empty batch for
//! the full one under one short lock, so that a frame with a thousand events costs one lock, and no event
//! costs an allocation once the vectors have grown to the game's traffic.

use crate::client::config::LogLevel;
use crate::client::room::RoomEvent;
use crate::client::status::Status;
use crate::protocol::ids::{Epoch, SessionId};
use crate::protocol::reasons::OfflineReason;
use std::ops::Range;

/// What happened. Texts and payloads are in the batch, see [`Batch::bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// `connect` succeeded. Bytes: the node's name.
    Connected {
        /// The session that has begun.
        session: SessionId,
    },
    /// `connect` failed. Bytes: what went wrong.
    ConnectFailed {
        /// The kind.
        status: Status,
    },
    /// The session has ended, for good. Bytes: why, as text.
    Disconnected {
        /// [`Status::Ok`] if this client asked for it.
        status: Status,
    },
    /// The link broke; the client restores it by itself. Bytes: why, as text.
    Reconnecting {
        /// The kind.
        status: Status,
    },
    /// The link is restored; no reliable message was lost. Bytes: the node's name.
    Reconnected {
        /// The epoch it is served at.
        epoch: Epoch,
    },
    /// The node goes offline: answer with `send_migrate` when it suits the game.
    Offline {
        /// The epoch that is to be left.
        epoch: Epoch,
        /// Milliseconds until the session is moved without asking.
        deadline_ms: u64,
        /// Why.
        reason: OfflineReason,
        /// The user is in a room, which moves as a whole: do not answer.
        in_room: bool,
    },
    /// A target is prepared; the client attaches to it. Play goes on.
    Migrating {
        /// The epoch it will be served at.
        epoch: Epoch,
    },
    /// The session is served by another node now; nothing was lost. Bytes: that node's name.
    Migrated {
        /// The epoch it is served at.
        epoch: Epoch,
        /// Microseconds between the last message from the old node and the first from the new one, or the
        /// switch itself if that comes first.
        gap_us: u64,
    },
    /// The move failed; play goes on where it was. Bytes: why, as text.
    MigrateFailed {
        /// The kind.
        status: Status,
    },
    /// The session was restarted from a snapshot after a crash: messages may be gone. Bytes: the node's name.
    TookOver {
        /// The epoch it is served at.
        epoch: Epoch,
        /// First uplink message that is gone, counted from the session's start.
        lost_from: u64,
        /// The first that is not gone any more; equal if none is.
        lost_to: u64,
    },
    /// A request was answered, or will not be. Bytes: the payload.
    Response {
        /// The number that `request` gave.
        request: u64,
        /// How it ended.
        status: Status,
        /// The application's protocol version.
        ver: u8,
        /// The application's command.
        cmd: u16,
    },
    /// The server sent a message. Bytes: the payload.
    Push {
        /// The application's protocol version.
        ver: u8,
        /// The application's command.
        cmd: u16,
        /// Whether it came on the reliable stream.
        reliable: bool,
    },
    /// The library has something to say. Bytes: the text.
    Log {
        /// How important it is.
        level: LogLevel,
    },
    /// Something about the room that the client is in, or was, or wants to be in.
    Room(RoomEvent),
}

/// Events in their order, with their bytes.
#[derive(Debug, Default)]
pub struct Batch {
    heads: Vec<(Event, Range<u32>)>,
    bytes: Vec<u8>,
}

impl Batch {
    /// Appends an event.
    pub fn push(&mut self, event: Event, bytes: &[u8]) {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        // Texts go to C as they lie here, so every event's bytes are followed by a NUL.
        self.bytes.push(0);
        self.heads.push((event, start..start + bytes.len() as u32));
    }

    /// Appends an event whose bytes are a text, a NUL, and data.
    pub fn push_parts(&mut self, event: Event, text: &[u8], data: &[u8]) {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(text);
        self.bytes.push(0);
        self.bytes.extend_from_slice(data);
        let end = self.bytes.len() as u32;
        self.bytes.push(0);
        self.heads.push((event, start..end));
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// The event at `index`, and its bytes.
    pub fn get(&self, index: usize) -> Option<(Event, &[u8])> {
        let (event, range) = self.heads.get(index)?;
        Some((*event, self.bytes.get(range.start as usize..range.end as usize)?))
    }

    /// The event at `index`, and its bytes with the NUL that follows them.
    pub fn get_with_nul(&self, index: usize) -> Option<(Event, &[u8])> {
        let (event, range) = self.heads.get(index)?;
        Some((*event, self.bytes.get(range.start as usize..=range.end as usize)?))
    }

    /// The events in order.
    pub fn iter(&self) -> impl Iterator<Item = (Event, &[u8])> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.heads.clear();
        self.bytes.clear();
    }

    /// What an event costs of the queue's limit.
    pub const fn cost(bytes: usize) -> u64 {
        bytes as u64 + crate::protocol::limits::MESSAGE_OVERHEAD_BYTES
    }

    /// How many bytes an event with a text and data has.
    pub const fn parts_len(text: &[u8], data: &[u8]) -> usize {
        text.len() + 1 + data.len()
    }
}
