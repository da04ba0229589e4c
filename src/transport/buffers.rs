//! Where bytes wait on their way through a link. An idle link holds none of this memory: what a turn of
//! a link's task needs belongs to its thread, and only what cannot go on at once stays with the link.

use super::{Close, Handler, Lane};
use std::cell::Cell;

/// How much is read, at most, before the handler is called.
pub(super) const READ_BYTES: usize = 64 * 1024;

/// How much the handler is asked for at once. Control frames that come up later wait behind so much
/// payload at most; two TLS records are enough to make a system call worth it.
pub(super) const CHUNK_BYTES: usize = 32 * 1024;

/// How often a link reads and writes before its task lets others have a turn.
pub(super) const STEPS_PER_TURN: usize = 16;

/// A scratch buffer that has grown beyond this by one large frame is not kept.
const KEEP_BYTES_MAX: usize = 256 * 1024;

/// The buffers of a turn; one set per thread.
pub(super) struct Scratch {
    pub(super) read: Vec<u8>,
    pub(super) write: Vec<u8>,
}

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

impl Scratch {
    /// Runs `turn` with this thread's buffers.
    pub(super) fn with<T>(turn: impl FnOnce(&mut Self) -> T) -> T {
        let mut scratch = SCRATCH.take().unwrap_or_else(|| {
            Box::new(Self { read: vec![0; READ_BYTES], write: Vec::with_capacity(2 * CHUNK_BYTES) })
        });
        let result = turn(&mut scratch);
        if scratch.write.capacity() > KEEP_BYTES_MAX {
            scratch.write = Vec::with_capacity(2 * CHUNK_BYTES);
        }
        SCRATCH.set(Some(scratch));
        result
    }
}

/// Bytes of a frame that has not arrived as a whole. The handler bounds them: it refuses a frame over
/// its limit as soon as it sees the length.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    rest: Vec<u8>,
}

impl Inbound {
    /// Offers what has arrived to the handler, behind what it left over before.
    pub(super) fn offer(
        &mut self,
        handler: &mut impl Handler,
        lane: Lane,
        bytes: &[u8],
    ) -> Result<(), Close> {
        if self.rest.is_empty() {
            let used = handler.received(lane, bytes)?;
            self.rest.extend_from_slice(bytes.get(used..).unwrap_or_default());
            return Ok(());
        }
        self.rest.extend_from_slice(bytes);
        let used = handler.received(lane, &self.rest)?;
        if used >= self.rest.len() {
            self.rest = Vec::new();
        } else {
            self.rest.drain(..used);
        }
        Ok(())
    }
}

/// Encoded bytes that the transport could not take yet.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outbound {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What is still to be written.
    pub(super) fn unsent(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// Notes that `count` more bytes have been written.
    pub(super) fn advance(&mut self, count: usize) {
        self.sent += count;
        if self.sent >= self.bytes.len() {
            *self = Self::default();
        }
    }

    /// Keeps what the transport did not take.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        debug_assert!(self.is_empty(), "asked for more before the last was written");
        if !bytes.is_empty() {
            *self = Self { bytes: bytes.to_vec(), sent: 0 };
        }
    }
}
