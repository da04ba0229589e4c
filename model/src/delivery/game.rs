//! The game on both sides of the model: a server that echoes numbered messages, and a client that notes what
//! comes back. Both note what they see, whichever node it comes to.

use parking_lot::Mutex;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use sterna::client::event::Event;
use sterna::protocol::application::{Application, Context};
use sterna::protocol::client::Events;
use sterna::protocol::cohort::NodeView;
use sterna::protocol::ids::{MoveId, NodeId, SessionId};
use sterna::protocol::reasons::OfflineReason;
use sterna::protocol::snapshot::Origin;
use sterna::protocol::source::Timing;
use sterna::protocol::time::Time;
use sterna::protocol::wire::{Kind, Message, Value};

/// No time of a move comes by itself: the model says when one does.
const NEVER: Duration = Duration::from_secs(3600);

/// Where the server's game keeps what it has processed.
const LOG: &str = "processed";

/// What the server's game has seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ServerNote {
    /// It has processed this message; and what it keeps of all of them, in the user's data.
    Processed(u8, Vec<u8>),
    /// It goes on on another node, with this in the user's data.
    Moved(Vec<u8>),
    /// It was restarted from a copy, with this in the user's data.
    Restarted(Vec<u8>),
}

/// The server's side: notes each message in the user's data, and echoes it.
#[derive(Debug, Default)]
pub(super) struct Echo {
    pub(super) notes: Mutex<Vec<ServerNote>>,
}

fn log(session: &Context<'_>) -> Vec<u8> {
    match session.get(LOG) {
        Some(Value::Bytes(log)) => log.clone(),
        Some(Value::Integer(_) | Value::Float(_) | Value::Text(_)) | None => Vec::new(),
    }
}

impl Application for Echo {
    fn message(&self, session: &mut Context<'_>, message: &Message<'_>) {
        let mut log = log(session);
        log.extend_from_slice(message.payload);
        session.set(LOG, Value::Bytes(log.clone())).expect("there is room for it");
        self.notes.lock().push(ServerNote::Processed(message.payload[0], log));
        session.send(message.ver, message.cmd, message.payload).expect("there is room for an answer");
    }

    fn moved_in(&self, session: &mut Context<'_>) {
        self.notes.lock().push(ServerNote::Moved(log(session)));
    }

    fn took_over(&self, session: &mut Context<'_>, _: Origin) {
        self.notes.lock().push(ServerNote::Restarted(log(session)));
    }
}

/// What the client's game has seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Note {
    /// This has come back.
    Received(Vec<u8>),
    /// The session was restarted from a copy, and these messages are gone.
    Restarted { lost_from: u64, lost_to: u64 },
    /// The session was given up.
    GivenUp,
}

/// The client's side.
#[derive(Debug, Default)]
pub(super) struct Notes(pub(super) Vec<Note>);

impl Notes {
    /// How many messages have come.
    pub(super) fn received(&self) -> usize {
        self.0.iter().filter(|note| matches!(note, Note::Received(_))).count()
    }
}

impl Events for Notes {
    fn event(&mut self, event: Event, bytes: &[u8]) {
        match event {
            Event::Push { reliable: true, .. } => self.0.push(Note::Received(bytes.to_vec())),
            Event::TookOver { lost_from, lost_to, .. } => self.0.push(Note::Restarted { lost_from, lost_to }),
            Event::Disconnected { .. } | Event::ConnectFailed { .. } => self.0.push(Note::GivenUp),
            Event::Push { reliable: false, .. }
            | Event::Response { .. }
            | Event::Connected { .. }
            | Event::Reconnecting { .. }
            | Event::Reconnected { .. }
            | Event::Offline { .. }
            | Event::Migrating { .. }
            | Event::Migrated { .. }
            | Event::MigrateFailed { .. }
            | Event::Log { .. }
            | Event::Room(_) => {}
        }
    }
}

/// A message of the client's game, as a frame.
pub(super) fn message(number: u8) -> Vec<u8> {
    let mut frame = Vec::new();
    Message { kind: Kind::Plain, ver: 2, cmd: 1, payload: &[number] }.encode(&mut frame);
    frame
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
pub(super) struct View {
    pub(super) id: NodeId,
    pub(super) targets_max: u32,
}

impl NodeView for View {
    fn id(&self) -> NodeId {
        self.id
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
            targets_max: self.targets_max,
        }
    }
    fn addresses(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        (vec![address(self.id)], vec![address(self.id)])
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
