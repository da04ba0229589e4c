//! What a cohort is lent by its node for a call: the time, the lease, the game, and what the node says of itself.

use crate::protocol::application::Application;
use crate::protocol::ids::{MoveId, NodeId, SessionId};
use crate::protocol::lease::ServePermit;
use crate::protocol::reasons::OfflineReason;
use crate::protocol::source::Timing;
use crate::protocol::time::Time;
use std::net::SocketAddr;

/// What a node is at the moment of a call, and what it lends to its cohorts.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// The time.
    pub now: Time,
    /// The lease, if it holds.
    pub permit: Option<ServePermit<'a>>,
    /// The game.
    pub application: &'a dyn Application,
    /// The node.
    pub node: &'a dyn NodeView,
}

/// What a cohort asks of its node.
pub trait NodeView {
    /// Its incarnation.
    fn id(&self) -> NodeId;
    /// Times of a move.
    fn timing(&self) -> Timing;
    /// Where clients reach it by TCP, and by QUIC.
    fn addresses(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>);
    /// Where clients reach other nodes that take newcomers, by this transport: some of them, always the same until that
    /// changes.
    fn others(&self, _uses_quic: bool) -> Vec<SocketAddr> {
        Vec::new()
    }
    /// If it is going offline: why, and when what is left is moved without asking.
    fn going_offline(&self) -> Option<(OfflineReason, Time)>;
    /// If it is going offline: when rooms are moved that nobody has moved by then.
    fn rooms_leave_at(&self) -> Option<Time> {
        self.going_offline().map(|(_, deadline)| deadline)
    }
    /// The least version of the application that sessions may be moved to: its own, unless an operator has set
    /// another, or wants them moved to whatever version (0), for a roll-back.
    fn app_version_min(&self, application: &dyn Application) -> u32 {
        application.version()
    }
    /// Counts what a move here has added to the spacing of messages, as one of its clients has measured it. Not a
    /// [`Report`](super::Report): to drain one is to look at a room's members all over, for each of them.
    fn count_added_delay(&self, _: MoveId, _added_us: u64) {}
    /// Lets the holder of `client_key` in, here, for this move only.
    fn ticket(&self, id: MoveId, session: SessionId, client_key: &[u8; 32]) -> Vec<u8>;
    /// Lets the holder of `client_key` resume, at any node.
    fn resume_token(&self, session: SessionId, client_key: &[u8; 32]) -> Vec<u8>;
}

impl std::fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env").field("now", &self.now).field("permit", &self.permit.is_some()).finish()
    }
}
