//! Links: two lanes of bytes in each direction, which overtake one another, end in good order or break.

use super::game::{address, node_at};
use super::server::{Greeted, Input};
use super::tamper::{self, Variant};
use super::{ClientInput, Play, Rules, is_later};
use std::net::SocketAddr;
use std::sync::Arc;
use sterna::protocol::client::{self, LinkFault};
use sterna::protocol::limits;
use sterna::protocol::session::LinkId;
use sterna::protocol::wire::{Downlink, Uplink, split};

/// Which stream of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Never waits behind payload.
    Control,
    /// Messages, and what stands in front of them.
    Data,
}

/// An end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The player's.
    Client,
    /// The node's.
    Node,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pipe {
    pub(super) link: client::LinkId,
    pub(super) node: usize,
    /// The client knows that it is open.
    pub(super) up: bool,
    /// The node has let it in.
    pub(super) greeted: bool,
    pub(super) client_open: bool,
    pub(super) node_open: bool,
    /// Nothing arrives any more.
    pub(super) cut: bool,
    streams: [Arc<[u8]>; 4],
}

impl Pipe {
    pub(super) fn new(link: client::LinkId, to: SocketAddr) -> Self {
        let node = node_at(to);
        let streams = Default::default();
        Self {
            link,
            node,
            up: false,
            greeted: false,
            client_open: true,
            node_open: true,
            cut: false,
            streams,
        }
    }

    pub(super) fn node_link(&self) -> LinkId {
        LinkId(self.link.0)
    }

    /// What is under way.
    pub(super) fn take(&mut self, to: End, lane: Lane) -> Arc<[u8]> {
        std::mem::take(&mut self.streams[Self::index(to, lane)])
    }

    /// This is under way as well.
    fn append(&mut self, to: End, lane: Lane, bytes: &Arc<[u8]>) {
        let stream = &mut self.streams[Self::index(to, lane)];
        if stream.is_empty() {
            *stream = bytes.clone();
        } else if !bytes.is_empty() {
            *stream = [&**stream, &**bytes].concat().into();
        }
    }

    fn index(to: End, lane: Lane) -> usize {
        match (to, lane) {
            (End::Client, Lane::Control) => 0,
            (End::Client, Lane::Data) => 1,
            (End::Node, Lane::Control) => 2,
            (End::Node, Lane::Data) => 3,
        }
    }

    pub(super) fn has(&self, to: End, lane: Lane) -> bool {
        !self.streams[Self::index(to, lane)].is_empty()
    }

    /// Everything under way is lost.
    pub(super) fn lose(&mut self) {
        self.streams = Default::default();
    }

    /// Whether an end has still to learn that the other is closed.
    pub(super) fn ends_at(&self, end: End) -> bool {
        let (open, other) = match end {
            End::Client => (self.client_open, self.node_open),
            End::Node => (self.node_open, self.client_open),
        };
        let silent = !self.has(end, Lane::Control) && !self.has(end, Lane::Data);
        open && silent && (!other || self.cut)
    }
}

impl Play {
    pub(super) fn link_of(&self, node: usize, link: LinkId) -> Option<usize> {
        self.pipes.iter().position(|pipe| pipe.node == node && pipe.node_link() == link)
    }

    /// The client writes.
    pub(super) fn write_up(&mut self, link: client::LinkId, lanes: &[Arc<[u8]>; 2]) {
        let open = |pipe: &&mut crate::messages::Digested<Pipe>| pipe.link == link && pipe.client_open;
        let Some(pipe) = self.pipes.iter_mut().find(open) else { return };
        if pipe.node_open && !pipe.cut && lanes.iter().any(|lane| !lane.is_empty()) {
            pipe.change(|pipe| {
                pipe.append(End::Node, Lane::Control, &lanes[0]);
                pipe.append(End::Node, Lane::Data, &lanes[1]);
            });
        }
    }

    /// A node writes.
    pub(super) fn write_down(&mut self, node: usize, link: LinkId, lanes: &[Arc<[u8]>; 2]) {
        let Some(index) = self.link_of(node, link) else { return };
        let pipe = &mut self.pipes[index];
        if pipe.client_open && !pipe.cut && lanes.iter().any(|lane| !lane.is_empty()) {
            pipe.change(|pipe| {
                pipe.append(End::Client, Lane::Control, &lanes[0]);
                pipe.append(End::Client, Lane::Data, &lanes[1]);
            });
        }
    }

    pub(super) fn forget_closed(&mut self) {
        self.pipes.retain(|pipe| pipe.client_open || pipe.node_open);
    }

    /// One end closes a link, or learns that it is closed.
    pub(super) fn close(&mut self, index: usize, end: End, rules: &Rules) {
        let (link, node, node_link) =
            (self.pipes[index].link, self.pipes[index].node, self.pipes[index].node_link());
        self.pipes[index].change(|pipe| match end {
            End::Client => pipe.client_open = false,
            End::Node => pipe.node_open = false,
        });
        match end {
            End::Client => {
                self.client_does(ClientInput::LinkEnded(link), rules);
            }
            End::Node => {
                self.node_does(node, &Input::LinkEnded(node_link), rules);
            }
        }
        self.forget_closed();
    }

    /// Bytes arrive at an end.
    pub(super) fn deliver(&mut self, index: usize, to: End, lane: Lane, rules: &Rules) {
        let bytes = self.pipes[index].change(|pipe| pipe.take(to, lane));
        let (link, node, node_link) =
            (self.pipes[index].link, self.pipes[index].node, self.pipes[index].node_link());
        match to {
            End::Client => self.deliver_to_client(link, bytes, lane, rules),
            End::Node if !self.pipes[index].greeted => self.greet(index, &bytes, rules),
            End::Node => {
                let taken = self.node_does(node, &Input::Bytes(node_link, bytes), rules);
                if taken == Some(Greeted::Misbehaved) {
                    self.judge.misbehaved = true;
                    self.break_link(link);
                }
                if rules.variant == Some(Variant::AcknowledgesBeforeServing) && lane == Lane::Data {
                    self.acknowledge_early(node, rules);
                }
            }
        }
    }

    fn deliver_to_client(&mut self, link: client::LinkId, bytes: Arc<[u8]>, lane: Lane, rules: &Rules) {
        let (bytes, switched_to) = match lane {
            Lane::Control => (bytes, None),
            Lane::Data => {
                let (bytes, switched_to) = tamper::switches(rules.variant, &bytes, &self.judge);
                (bytes.into(), switched_to)
            }
        };
        let hears = !self.client.is_closing(link);
        match self.client_does(ClientInput::Bytes(link, bytes), rules) {
            None => {
                if let Some(epoch) = switched_to.filter(|_| hears) {
                    self.judge.accepted(epoch);
                }
            }
            Some(fault) => {
                self.judge.misbehaved |= !matches!(fault, LinkFault::Stale { .. });
                self.break_link(link);
            }
        }
    }

    /// The first frame of a link.
    fn greet(&mut self, index: usize, bytes: &[u8], rules: &Rules) {
        let Ok(Some((body, length))) = split(bytes, limits::FRAME_BYTES_MAX) else {
            unreachable!("whole frames arrive")
        };
        let rest: Arc<[u8]> = bytes[length..].into();
        let Ok(Uplink::Hello { link: number, credit, mut greeting, .. }) = Uplink::decode(body) else {
            unreachable!("a client greets first")
        };
        assert!(is_later(&greeting), "it connects only once");
        let (node, node_link) = (self.pipes[index].node, self.pipes[index].node_link());
        tamper::greeting(rules.variant, &mut greeting);
        let input = Input::Greeting(node_link, number, credit, greeting);
        let greeted = self.node_does(node, &input, rules);
        let owner = self.store.held.record.owner;
        let Some(index) = self.link_of(node, node_link) else { return };
        self.pipes[index].change(|pipe| match greeted {
            Some(Greeted::Fine) => {
                pipe.greeted = true;
                let later = pipe.take(End::Node, Lane::Control);
                pipe.append(End::Node, Lane::Control, &rest);
                pipe.append(End::Node, Lane::Control, &later);
            }
            Some(Greeted::Refused(reason)) => {
                let elsewhere = if owner.0 as usize == node + 1 { Vec::new() } else { vec![address(owner)] };
                let mut refusal = Vec::new();
                Downlink::Refused { reason, elsewhere }.encode(&mut refusal);
                pipe.lose();
                pipe.append(End::Client, Lane::Control, &refusal.into());
                pipe.node_open = false;
            }
            Some(Greeted::Misbehaved) | None => {}
        });
    }

    /// What is under way is lost, and each end finds out by itself.
    pub(super) fn break_link(&mut self, link: client::LinkId) {
        if let Some(pipe) = self.pipes.iter_mut().find(|pipe| pipe.link == link) {
            pipe.change(|pipe| {
                pipe.cut = true;
                pipe.lose();
            });
        }
    }
}
