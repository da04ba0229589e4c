//! A session's seat in its cohort: the session, and what its node remembers about its client besides.

use super::changes::Change;
use crate::protocol::ids::{MoveId, SessionId};
use crate::protocol::record::Revision;
use crate::protocol::session::Session;
use crate::protocol::time::Time;

/// One session of a cohort.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seat {
    pub(in crate::protocol) session: Session,
    /// It joins or leaves the room at this moment.
    pub(super) change: Option<Change>,
    /// The move that brought it here, as long as its ticket may be used.
    pub(super) arrival: Option<MoveId>,
    pub(super) told_offline: bool,
    pub(super) uses_quic: bool,
    /// From the target of a move: lets the client in there.
    pub(super) ticket: Vec<u8>,
    /// The client cannot attach to the target of this move.
    pub(super) cannot_attach: Option<MoveId>,
    /// The move here waits for its client.
    pub(super) awaited: bool,
    /// Its own snapshot, which is stored before it leaves a room.
    pub(super) stored: Option<Revision>,
    /// Attempts of moves of the session alone: an id of its moves is never used twice (f).
    pub(super) attempts: u32,
}

impl Seat {
    pub(super) fn new(session: Session) -> Self {
        Self {
            session,
            change: None,
            arrival: None,
            told_offline: false,
            uses_quic: false,
            ticket: Vec::new(),
            cannot_attach: None,
            awaited: true,
            stored: None,
            attempts: 0,
        }
    }

    /// Which session.
    pub(in crate::protocol) fn id(&self) -> SessionId {
        self.session.id()
    }

    pub(super) fn is_changing(&self) -> bool {
        self.change.is_some()
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.change.as_ref().is_some_and(Change::leaves)
    }

    pub(super) fn poll_change(&self) -> Option<Time> {
        self.change.as_ref().and_then(Change::poll_timeout)
    }
}
