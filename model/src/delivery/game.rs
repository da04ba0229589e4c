//! The game on both sides of the model: a server that echoes numbered messages, and a client that notes what
//! comes back. Both note every message as it comes, whichever node it comes to.

use parking_lot::Mutex;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use sterna::client::event::Event;
use sterna::protocol::application::{Application, Context};
use sterna::protocol::client::Events;
use sterna::protocol::cohort::NodeView;
use sterna::protocol::ids::{MoveId, NodeId, SessionId};
use sterna::protocol::reasons::OfflineReason;
use sterna::protocol::source::Timing;
use sterna::protocol::time::Time;
use sterna::protocol::wire::Message;

/// No time of a move comes by itself: the model says when one does.
const NEVER: Duration = Duration::from_secs(3600);

/// The server's side: echoes.
#[derive(Debug, Default)]
pub(super) struct Echo {
    /// What has been processed.
    pub(super) processed: Mutex<Vec<u8>>,
}

impl Application for Echo {
    fn message(&self, session: &mut Context<'_>, message: &Message<'_>) {
        self.processed.lock().extend_from_slice(message.payload);
        session.send(message.ver, message.cmd, message.payload).expect("there is room for an answer");
    }
}

/// The client's side.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// What has come back.
    pub(super) received: Vec<u8>,
    /// The session was given up, or restarted from a copy.
    pub(super) broken_off: bool,
}

impl Events for Notes {
    fn event(&mut self, event: Event, bytes: &[u8]) {
        match event {
            Event::Push { reliable: true, .. } => self.received.extend_from_slice(bytes),
            Event::Disconnected { .. } | Event::ConnectFailed { .. } | Event::TookOver { .. } => {
                self.broken_off = true;
            }
            Event::Push { reliable: false, .. }
            | Event::Response { .. }
            | Event::Connected { .. }
            | Event::Reconnecting { .. }
            | Event::Reconnected { .. }
            | Event::Offline { .. }
            | Event::Migrating { .. }
            | Event::Migrated { .. }
            | Event::MigrateFailed { .. }
            | Event::Log { .. } => {}
        }
    }
}

/// Where a node is reached.
pub(super) fn address(node: NodeId) -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, node.0 as u8), 7000).into()
}

/// The node that is reached there.
pub(super) fn node_at(address: SocketAddr) -> usize {
    match address {
        SocketAddr::V4(address) => usize::from(address.ip().octets()[3]) - 1,
        SocketAddr::V6(_) => unreachable!("nodes have no such addresses here"),
    }
}

/// What a node says of itself. Tickets and tokens are not forged here.
#[derive(Debug)]
pub(super) struct View(pub(super) NodeId);

impl NodeView for View {
    fn id(&self) -> NodeId {
        self.0
    }
    fn timing(&self) -> Timing {
        Timing {
            prepare_max: NEVER,
            attach_max: NEVER,
            claim_max: NEVER,
            freeze_max: NEVER,
            baton_wait_max: NEVER,
            ticket_life: NEVER,
            record_poll: NEVER,
            resend: NEVER,
            targets_max: 1,
        }
    }
    fn addresses(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        (vec![address(self.0)], vec![address(self.0)])
    }
    fn going_offline(&self) -> Option<(OfflineReason, Time)> {
        Some((OfflineReason::ScaleIn, Time::from_micros(0)))
    }
    fn ticket(&self, id: MoveId, _: SessionId, _: &[u8; 32]) -> Vec<u8> {
        [id.epoch.0 as u8, id.attempt as u8].to_vec()
    }
    fn resume_token(&self, _: SessionId, _: &[u8; 32]) -> Vec<u8> {
        Vec::new()
    }
}
