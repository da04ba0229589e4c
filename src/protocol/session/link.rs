//! One link of a session, at the node: what waits to be written on it, and its place in both sequences.

use crate::protocol::datagrams::Datagrams;
use crate::protocol::ids::{Cursor, LinkNumber};
use crate::protocol::limits;
use crate::protocol::sequence::{LinkReceiver, LinkSender, Replay};
use crate::protocol::time::Time;
use crate::protocol::wire::{Data, Datagram, Downlink, Switch};

/// The driver's number for a link; never used twice by one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// Which lane is to be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Never waits behind payload.
    Control,
    /// `Switch` and messages.
    Data,
}

/// A link of a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    id: LinkId,
    number: LinkNumber,
    datagram_bytes_max: Option<usize>,
    wanted: Cursor,
    control: Vec<u8>,
    /// Frames of the data lane that go in front of all messages.
    head: Vec<u8>,
    datagrams: Datagrams,
    closing: bool,
    pub(super) receiver: LinkReceiver,
    pub(super) sender: LinkSender,
    pub(super) heard_at: Time,
    pub(super) dirty: bool,
}

impl Link {
    /// A link that has been let in, on which the client grants `credit` and lacks downlink from `wanted` on.
    /// `datagram_bytes_max`: what the transport carries in one datagram, if it has any.
    pub fn new(
        id: LinkId,
        number: LinkNumber,
        datagram_bytes_max: Option<usize>,
        credit: u64,
        wanted: Cursor,
    ) -> Self {
        let mut sender = LinkSender::default();
        sender.granted(credit);
        Self {
            id,
            number,
            datagram_bytes_max,
            control: Vec::new(),
            head: Vec::new(),
            datagrams: Datagrams::default(),
            closing: false,
            receiver: LinkReceiver::default(),
            sender,
            wanted,
            heard_at: Time::default(),
            dirty: true,
        }
    }

    /// The driver's number for it.
    pub fn id(&self) -> LinkId {
        self.id
    }

    /// The client's number for it.
    pub fn number(&self) -> LinkNumber {
        self.number
    }

    /// The first downlink message that the client lacked when it opened the link.
    pub(super) fn wanted(&self) -> Cursor {
        self.wanted
    }

    /// Whether it is to be closed.
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// Closes it once everything is written.
    pub fn close(&mut self) {
        self.closing = true;
        self.dirty = true;
    }

    /// Appends a control frame. A peer that does not read its control frames is given up.
    pub fn control(&mut self, frame: &Downlink) {
        if self.closing {
            return;
        }
        frame.encode(&mut self.control);
        self.dirty = true;
        if self.control.len() > limits::CONTROL_BYTES_MAX {
            self.control.clear();
            self.close();
        }
    }

    /// Lets the client send so much before the link is served; gives the sum of all grants.
    pub fn keep(&mut self, credit: u64) -> u64 {
        self.receiver.open(credit)
    }

    /// Begins to serve the link, or goes on at another fence, while uplink of the cost `held` waits.
    pub(super) fn open(&mut self, template: &Switch, down: &Replay, held: u64) {
        let first = self.sender.start(down, self.wanted);
        let credit = self.receiver.open(limits::CREDIT_BYTES.saturating_sub(held));
        Data::Switch(Box::new(Switch { down: first, credit, ..template.clone() })).encode(&mut self.head);
        self.dirty = true;
    }

    pub(super) fn grant(&mut self, held: u64) {
        if let Some(limit) = self.receiver.grant(limits::CREDIT_BYTES, held) {
            self.control(&Downlink::Credit { limit });
        }
    }

    pub(super) fn fill_control(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.control);
    }

    /// `until`: no message from there on may leave; `None`: none at all.
    pub(super) fn fill_data(&mut self, down: &Replay, until: Option<Cursor>, out: &mut Vec<u8>, room: usize) {
        out.append(&mut self.head);
        if let Some(until) = until
            && !self.closing
            && out.len() < room
        {
            self.sender.fill(down, until, out, room - out.len());
        }
    }

    pub(super) fn carries(&self, datagram: &Datagram<'_>) -> bool {
        let bytes = Datagram::OVERHEAD_MAX + datagram.payload.len();
        self.datagram_bytes_max.is_some_and(|max| bytes <= max)
    }

    pub(super) fn push_datagram(&mut self, datagram: &Datagram<'_>) {
        self.datagrams.push(datagram);
        self.dirty = true;
    }

    pub(super) fn next_datagram(&mut self, out: &mut Vec<u8>) -> bool {
        self.datagrams.pop(out)
    }

    #[cfg(any(test, feature = "testing"))]
    pub(super) fn unwritten_bytes(&self) -> usize {
        self.control.len() + self.head.len() + self.datagrams.bytes()
    }
}
