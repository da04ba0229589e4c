//! Links as byte pipes in memory: two lanes in each direction, each in order, each with its own delay, so
//! that control and data overtake one another.

use super::PlayerId;
use crate::protocol::client;
use crate::protocol::ids::{CohortId, NodeId};
use crate::protocol::session;
use crate::protocol::time::Time;

/// Number of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PipeId(pub(super) u64);

/// An end of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Client,
    Node,
}

/// Which stream of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Never waits behind payload.
    Control,
    /// Messages, and what stands in front of them.
    Data,
}

/// One stream of bytes in one direction.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// When the last byte sent so far arrives.
    pub(super) last_at: Time,
    /// What has arrived and is not yet a whole frame.
    pub(super) arrived: Vec<u8>,
}

/// A link.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) player: PlayerId,
    pub(super) client_link: client::LinkId,
    pub(super) node: NodeId,
    pub(super) node_link: session::LinkId,
    /// The client knows that it is open.
    pub(super) up: bool,
    /// Which cohort let it in.
    pub(super) cohort: Option<CohortId>,
    /// The node has answered its greeting, or is about to.
    pub(super) greeted: bool,
    /// Nothing arrives any more, though an end may not have noticed.
    pub(super) broken: bool,
    pub(super) client_open: bool,
    pub(super) node_open: bool,
    streams: [Stream; 4],
}

impl Pipe {
    pub(super) fn new(
        player: PlayerId,
        client_link: client::LinkId,
        node: NodeId,
        node_link: session::LinkId,
    ) -> Self {
        Self {
            player,
            client_link,
            node,
            node_link,
            up: false,
            cohort: None,
            greeted: false,
            broken: false,
            client_open: true,
            node_open: true,
            streams: Default::default(),
        }
    }

    /// The stream that arrives at this end.
    pub(super) fn stream(&mut self, to: End, lane: Lane) -> &mut Stream {
        let index = match (to, lane) {
            (End::Client, Lane::Control) => 0,
            (End::Client, Lane::Data) => 1,
            (End::Node, Lane::Control) => 2,
            (End::Node, Lane::Data) => 3,
        };
        &mut self.streams[index]
    }

    /// When everything sent to this end has arrived.
    pub(super) fn drained_at(&mut self, to: End) -> Time {
        self.stream(to, Lane::Control).last_at.max(self.stream(to, Lane::Data).last_at)
    }

    /// What both ends' TLS sessions export for it.
    pub(super) fn binding(&self) -> [u8; 32] {
        let mut binding = [0; 32];
        binding[..8].copy_from_slice(&(self.player.0 as u64).to_be_bytes());
        binding[8..16].copy_from_slice(&self.client_link.0.to_be_bytes());
        binding
    }
}
