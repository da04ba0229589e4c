//! What the directory says about a cohort, and how its answers look. The directory decides who owns what:
//! only by compare-and-set or a leader's read (DESIGN section 6).

use crate::protocol::ids::{Binding, Bucket, CohortId, Epoch, Fence, NodeId};

/// What the owner of a record is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerPhase {
    /// The owner serves.
    Serving,
    /// The owner is the target of a move, and `from` may still hold what it needs.
    Handing {
        /// The source.
        from: NodeId,
        /// Which attempt of that source.
        attempt: u32,
    },
}

/// One cohort's entry in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Which life of the engine's data it belongs to.
    pub bucket: Bucket,
    /// Raised when the session joins or leaves a room.
    pub binding: Binding,
    /// Raised at every change of owner.
    pub epoch: Epoch,
    /// Who runs the cohort.
    pub owner: NodeId,
    /// What the owner is doing.
    pub phase: OwnerPhase,
    /// The room that the session is bound to; `None` when it is alone.
    pub room: Option<CohortId>,
}

impl Record {
    /// What messages and writes under this record are bound to.
    pub const fn fence(&self) -> Fence {
        Fence { bucket: self.bucket, binding: self.binding, epoch: self.epoch }
    }

    /// This record one epoch on, with another owner.
    #[must_use]
    pub const fn passed_to(self, owner: NodeId, phase: OwnerPhase) -> Self {
        Self { epoch: self.epoch.next(), owner, phase, ..self }
    }

    /// This record with its owner serving, at the same epoch.
    #[must_use]
    pub const fn finalised(self) -> Self {
        Self { phase: OwnerPhase::Serving, ..self }
    }

    /// (d) Whether `me`, which holds nothing of the cohort, may take it over: the owner is gone and, while
    /// Handing, the source, too.
    pub fn may_be_taken_over(&self, me: NodeId, is_gone: impl Fn(NodeId) -> bool) -> bool {
        let gone = |node: NodeId| node == me || is_gone(node);
        match self.phase {
            OwnerPhase::Serving => gone(self.owner),
            OwnerPhase::Handing { from, .. } => gone(self.owner) && gone(from),
        }
    }

    /// The nodes that it names: whose leases decide what becomes of the cohort (d).
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        let from = match self.phase {
            OwnerPhase::Serving => None,
            OwnerPhase::Handing { from, .. } => Some(from),
        };
        [self.owner].into_iter().chain(from)
    }

    /// Whether `node` serves the cohort by this record.
    pub fn served_by(&self, node: NodeId) -> bool {
        self.owner == node && self.phase == OwnerPhase::Serving
    }
}

/// The store's number of a write. Only ever the operand of a compare-and-set (rule g).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// A record as a leader's read, or a successful write, gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Versioned {
    /// The operand for the next compare-and-set.
    pub revision: Revision,
    /// The record.
    pub record: Record,
}

/// How a compare-and-set ended. Unknown is not failed: it may still land (rule h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CasAnswer {
    /// The record is as asked for; this is its revision.
    Won(Revision),
    /// Another write came first; a leader's read shows this. `None`: the record is gone.
    Lost(Option<Versioned>),
    /// No answer, or one that proves nothing.
    Unknown,
}

/// How a leader's read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadAnswer {
    /// What the leader holds; `None`: no such record.
    Read(Option<Versioned>),
    /// No answer.
    Failed,
}

/// What a role asks of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// A leader's read.
    Read,
    /// A compare-and-set.
    Cas {
        /// The revision that must still be there.
        expected: Revision,
        /// What to write.
        record: Record,
    },
}

/// What a role hears from the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// To [`Ask::Read`].
    Read(ReadAnswer),
    /// To [`Ask::Cas`].
    Cas(CasAnswer),
}
