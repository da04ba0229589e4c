//! Snapshots: what a session goes on from after a crash, in a store under compare-and-set (promise 7).

use crate::protocol::ids::{CohortId, Epoch, Fence};
use crate::protocol::record::Revision;
use crate::protocol::room::RoomState;
use crate::protocol::wire::{DecodeError, Field as _, Reader, SessionState};
use std::time::Duration;

/// What a crash may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// The session: nothing is stored.
    #[default]
    None,
    /// What happened since the last snapshot, and it is reported. One is taken when the session begins, when it
    /// arrives, and at most this often when something has changed.
    Lazy(Duration),
    /// Nothing: no message is acknowledged, and no reliable downlink released, before the snapshot that holds
    /// it is stored.
    BeforeAck,
}

/// A cohort at one moment: state, cursors and unacknowledged downlink as one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// Under which fence it was written.
    pub fence: Fence,
    /// Counts the snapshots under that fence.
    pub number: u64,
    /// Every session of the cohort.
    pub sessions: Vec<SessionState>,
    /// The room, if it is a room's.
    pub room: Option<RoomState>,
}

crate::protocol::wire::fields! {
    Snapshot { fence, number, sessions, room }
}

impl Snapshot {
    /// As bytes for a store.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out);
        out
    }

    /// From a store's bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let snapshot = reader.field()?;
        reader.finish()?;
        Ok(snapshot)
    }

    /// Its name.
    pub const fn origin(&self) -> Origin {
        Origin::Snapshot { epoch: self.fence.epoch, number: self.number }
    }
}

/// What a session was restarted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A snapshot.
    Snapshot {
        /// The epoch that it was written in.
        epoch: Epoch,
        /// Counts the snapshots of that epoch.
        number: u64,
    },
    /// The copy that the source of a move had kept; it is the last of this epoch.
    Copy {
        /// Which.
        epoch: Epoch,
    },
}

/// A snapshot as the store gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stored {
    /// The operand for replacing it.
    pub revision: Revision,
    /// The snapshot.
    pub snapshot: Snapshot,
}

/// What is asked of the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SnapshotAsk {
    /// A leader's read.
    Read,
    /// A compare-and-set.
    Write {
        /// The revision that must still be there; `None`: none may be.
        expected: Option<Revision>,
        /// What to store.
        snapshot: Box<Snapshot>,
    },
}

/// What the store says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SnapshotAnswer {
    /// To [`SnapshotAsk::Read`]; `None`: none was ever stored.
    Read(Option<Box<Stored>>),
    /// To [`SnapshotAsk::Write`]: it is stored; this is its revision.
    Written(Revision),
    /// To [`SnapshotAsk::Write`]: another write came first.
    Conflict,
    /// To [`SnapshotAsk::Write`]: more is written than the store is to take, so nothing was sent, and nothing will land.
    NotNow,
    /// No answer, or one that proves nothing.
    Unknown,
}

/// How long a cohort waits after [`SnapshotAnswer::NotNow`] to its question of this number: about a second, and each another
/// time, so that those who were sent away together do not come back together.
pub const fn not_now_pause(cohort: CohortId, number: u64) -> Duration {
    let mixed = (cohort.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
    Duration::from_micros(500_000 + mixed)
}
