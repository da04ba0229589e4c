//! One link of a client: what it is for, what waits to be written on it, and its place in both sequences.

use crate::protocol::datagrams::Datagrams;
use crate::protocol::ids::{Cursor, LinkNumber, MoveId};
use crate::protocol::limits;
use crate::protocol::sequence::{LinkReceiver, LinkSender, Replay};
use crate::protocol::time::Time;
use crate::protocol::wire::{Data, Datagram, Greeting, Uplink};
use std::net::SocketAddr;
use std::time::Duration;

/// The client's number for a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// What a link was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Purpose {
    /// A new session.
    Connect,
    /// The target of this move.
    Attach(MoveId),
    /// The same, of a dry run: nothing moves.
    Probe(MoveId),
    /// A link that broke.
    Resume,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) purpose: Purpose,
    pub(super) address: SocketAddr,
    /// The key that this link began, if it is the first of a session.
    pub(super) client_key: Option<[u8; 32]>,
    pub(super) serving: bool,
    /// The first downlink message not yet received, as the greeting has told the node.
    pub(super) wanted: Cursor,
    pub(super) receiver: LinkReceiver,
    pub(super) sender: LinkSender,
    /// An acknowledgement that has overtaken the link's Switch.
    pub(super) early_ack: Cursor,
    pub(super) heard_at: Time,
    pub(super) dirty: bool,
    /// The node has said that the session waits for another one.
    pub(super) parked: bool,
    number: LinkNumber,
    /// The greeting has been sent: from here on the link pings, and may fall silent.
    greeted: bool,
    pinged_at: Time,
    control: Vec<u8>,
    head: Vec<u8>,
    datagrams: Datagrams,
    closing: bool,
    silent: bool,
}

impl Link {
    pub(super) fn new(
        id: LinkId,
        number: LinkNumber,
        purpose: Purpose,
        address: SocketAddr,
        now: Time,
    ) -> Self {
        Self {
            id,
            purpose,
            address,
            client_key: None,
            serving: false,
            wanted: Cursor(0),
            receiver: LinkReceiver::default(),
            sender: LinkSender::default(),
            early_ack: Cursor(0),
            heard_at: now,
            dirty: false,
            parked: false,
            number,
            greeted: false,
            pinged_at: now,
            control: Vec::new(),
            head: Vec::new(),
            datagrams: Datagrams::default(),
            closing: false,
            silent: false,
        }
    }

    pub(super) fn greet(&mut self, greeting: Greeting, credit: u64, now: Time) {
        self.greeted = true;
        self.heard_at = now;
        self.pinged_at = now;
        self.wanted = match greeting {
            Greeting::Connect { .. } => Cursor(0),
            Greeting::Attach { down, .. } | Greeting::Resume { down, .. } => down,
        };
        let credit = self.receiver.open(credit);
        self.control(&Uplink::Hello { version: limits::VERSION, link: self.number, credit, greeting });
    }

    /// Begins the uplink at the oldest message that is not acknowledged.
    pub(super) fn start(&mut self, up: &Replay) {
        let first = self.sender.start(up, up.first());
        Data::Start(first).encode(&mut self.head);
        self.dirty = true;
    }

    /// Appends a control frame. A node that does not read its control frames is given up.
    pub(super) fn control(&mut self, frame: &Uplink) {
        if self.closing {
            return;
        }
        frame.encode(&mut self.control);
        self.dirty = true;
        if self.control.len() > limits::CONTROL_BYTES_MAX {
            self.control.clear();
            self.fall_silent();
        }
    }

    /// Closes the link once everything is written; the session does not depend on it any more.
    pub(super) fn close(&mut self) {
        self.closing = true;
        self.dirty = true;
    }

    /// The node behind it is gone: the link ends, and the session looks for another.
    fn fall_silent(&mut self) {
        self.silent = true;
        self.dirty = true;
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing || self.silent
    }

    /// Whether its end was wanted.
    pub(super) fn closing_by_us(&self) -> bool {
        self.closing
    }

    pub(super) fn grant(&mut self, window: u64, held: u64) {
        if let Some(limit) = self.receiver.grant(window, held) {
            self.control(&Uplink::Credit { limit });
        }
    }

    pub(super) fn fill_control(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.control);
    }

    pub(super) fn fill_data(&mut self, up: &Replay, out: &mut Vec<u8>, room: usize) {
        out.append(&mut self.head);
        if !self.is_closing() && out.len() < room {
            self.sender.fill(up, up.end(), out, room - out.len());
        }
    }

    pub(super) fn push_datagram(&mut self, datagram: &Datagram<'_>) {
        self.datagrams.push(datagram);
        self.dirty = true;
    }

    pub(super) fn next_datagram(&mut self, out: &mut Vec<u8>) -> bool {
        self.datagrams.pop(out)
    }

    pub(super) fn on_timeout(&mut self, ping_every: Duration, silence_max: Duration, now: Time) {
        if !self.greeted || self.is_closing() {
            return;
        }
        if now >= self.heard_at + silence_max {
            return self.fall_silent();
        }
        if now >= self.pinged_at + ping_every {
            self.pinged_at = now;
            self.control(&Uplink::Ping { stamp: now.as_micros() });
        }
    }

    pub(super) fn poll_timeout(&self, ping_every: Duration, silence_max: Duration) -> Option<Time> {
        let live = self.greeted && !self.is_closing();
        live.then(|| (self.heard_at + silence_max).min(self.pinged_at + ping_every))
    }
}
