//! What happens to the source of a move, what it wants done, and the times it keeps to.

use crate::protocol::ids::{MoveId, NodeId};
use crate::protocol::limits;
use crate::protocol::reasons::{MoveFailure, TargetRefusal};
use crate::protocol::record::{Answer, Ask, Record, Versioned};
use crate::protocol::wire::Baton;
use std::time::Duration;

/// Times of a move, as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timing {
    /// For a target to answer Prepare.
    pub prepare_max: Duration,
    /// For the clients to attach.
    pub attach_max: Duration,
    /// For the engine to answer the claim.
    pub claim_max: Duration,
    /// From the freeze to the baton's first byte.
    pub freeze_max: Duration,
    /// For the baton to come once the target has seen Handing.
    pub baton_wait_max: Duration,
    /// How long a preparation, and its tickets, are good for.
    pub ticket_life: Duration,
    /// Between two reads of a record that a move waits for.
    pub record_poll: Duration,
    /// Between two sendings of what is not yet answered.
    pub resend: Duration,
    /// How many targets are tried.
    pub targets_max: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            prepare_max: limits::PREPARE_MAX,
            attach_max: limits::ATTACH_MAX,
            claim_max: limits::CLAIM_MAX,
            freeze_max: limits::FREEZE_MAX,
            baton_wait_max: limits::BATON_WAIT_MAX,
            ticket_life: limits::TICKET_LIFE,
            record_poll: limits::RECORD_POLL,
            resend: limits::BATON_RESEND,
            targets_max: limits::TARGETS_MAX,
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The answer to [`Output::PickTarget`]; `None`: there is no node to move to.
    Target(Option<NodeId>),
    /// The target has made room.
    Prepared(MoveId),
    /// The target refuses, or cannot be reached.
    Refused(MoveId, TargetRefusal),
    /// Every client is attached to the target.
    Ready(MoveId),
    /// A client says that it cannot attach.
    CannotAttach(MoveId),
    /// The answer to the [`Output::Ask`] of this number.
    Answer(u64, Answer),
    /// The answer to [`Output::Freeze`]: the cohort as it is now.
    Frozen(Box<Baton>),
    /// The baton's first byte is on its way: only the target and the record decide from here on.
    BatonLeft(MoveId),
    /// The answer to [`Output::Revoke`], unless that was [`Input::BatonLeft`]: no byte has left, nor will.
    Revoked(MoveId),
    /// The target has the baton.
    BatonAcked(MoveId),
    /// The target says that the record shows it as owner.
    Finalised(MoveId),
    /// The target's lease has surely run out.
    TargetGone,
    /// The engine has lost its data, and this is the record in their new life: what was held here, published again,
    /// or what somebody else has published before.
    Published(Versioned),
    /// The move is to be given up, if that is still possible.
    Cancel(MoveFailure),
    /// A time of [`Source::poll_timeout`](super::Source::poll_timeout) has come.
    Timeout,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Name a node to move to that is not among these; answered by [`Input::Target`], as soon as there is room
    /// for one move more.
    PickTarget(Vec<NodeId>),
    /// Send Prepare to the target (again).
    SendPrepare(MoveId),
    /// Tell the clients where to attach.
    SendMoveTo(MoveId),
    /// Ask the directory; the answer bears this number.
    Ask(u64, Ask),
    /// Freeze the cohort and hand over its state, at once; answered by [`Input::Frozen`].
    Freeze(Record),
    /// Send the baton (again).
    SendBaton(MoveId, Box<Baton>),
    /// Take the baton out of the outbox if not a byte of it has left: answered at once by
    /// [`Input::Revoked`] or [`Input::BatonLeft`].
    Revoke(MoveId),
    /// Tell target and clients that this attempt is off.
    Cancel(MoveId),
    /// The source goes on serving under this record.
    Held(Versioned),
    /// The move has ended.
    Ended(Outcome),
}

/// How a move ended for its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The cohort is served elsewhere: free the copy and say goodbye to its clients.
    Moved(Record),
    /// Nothing has changed; the record may have a new revision or epoch.
    Failed(MoveFailure, Versioned),
    /// The cohort was frozen and is the source's again. `served_elsewhere`: the target may have served it
    /// meanwhile, so that a new generation begins.
    TakenBack {
        /// The record now.
        held: Versioned,
        /// Whether the copy may be behind what the clients have seen.
        served_elsewhere: bool,
    },
    /// The directory names another owner although no baton was sent: stop serving.
    Lost(Option<Record>),
}

/// What the next wake-up is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wake {
    /// Prepare is repeated.
    ResendPrepare,
    /// The target did not answer.
    GiveUpPreparing,
    /// The clients did not attach.
    GiveUpAttaching,
    /// The engine did not answer.
    GiveUpClaiming,
    /// The baton did not leave in time.
    GiveUpFreezing,
    /// The baton is repeated.
    ResendBaton,
    /// The record is read.
    ReadRecord,
}
