//! Links: two lanes of bytes in each direction, which overtake one another, end in good order or break.

use super::game::{address, node_at};
use super::{NOW, Play, SESSION};
use std::net::SocketAddr;
use sterna::client::status::Status;
use sterna::protocol::client::{self, LinkEnd, LinkFault};
use sterna::protocol::cohort::{Cohort, Env};
use sterna::protocol::ids::{MoveId, NodeId};
use sterna::protocol::limits;
use sterna::protocol::reasons::RefuseReason;
use sterna::protocol::session::{Link, LinkId, Outgoing};
use sterna::protocol::wire::{Downlink, Greeting, Uplink, split};

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
    streams: [Vec<u8>; 4],
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

    pub(super) fn stream(&mut self, to: End, lane: Lane) -> &mut Vec<u8> {
        &mut self.streams[Self::index(to, lane)]
    }

    fn index(to: End, lane: Lane) -> usize {
        match (to, lane) {
            (End::Client, Lane::Control) => 0,
            (End::Client, Lane::Data) => 1,
            (End::Node, Lane::Control) => 2,
            (End::Node, Lane::Data) => 3,
        }
    }

    pub(super) fn toward_node(&mut self, lane: Lane) -> &mut Vec<u8> {
        self.stream(End::Node, lane)
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
    /// Does what the client wants done.
    pub(super) fn pump_client(&mut self) {
        loop {
            while let Some(client::Output::Dial(link, to)) = self.client.poll_output() {
                self.left.dials = self.left.dials.saturating_sub(1);
                self.pipes.push(Pipe::new(link, to));
            }
            let mut dirty = Vec::new();
            self.client.take_dirty(|link| dirty.push(link));
            if dirty.is_empty() {
                return;
            }
            for link in dirty {
                self.write_up(link);
            }
        }
    }

    fn write_up(&mut self, link: client::LinkId) {
        let Some(pipe) = self.pipes.iter_mut().find(|pipe| pipe.link == link && pipe.client_open) else {
            return;
        };
        if pipe.up {
            self.client.fill_control(link, pipe.stream(End::Node, Lane::Control));
            self.client.fill_data(link, pipe.stream(End::Node, Lane::Data), usize::MAX);
        }
        if !pipe.node_open || pipe.cut {
            pipe.lose();
        }
        if self.client.is_closing(link) {
            self.close(link, End::Client);
        }
    }

    /// Writes what a cohort has for its links; true: something has changed by that.
    pub(super) fn pump_node(&mut self, node: usize, cohort: &mut Cohort, env: &Env<'_>) -> bool {
        let mut dirty = Vec::new();
        cohort.take_dirty(|link| dirty.push(link));
        for link in &dirty {
            let Some(index) = self.link_of(node, *link) else { continue };
            let pipe = &mut self.pipes[index];
            cohort.fill(*link, Outgoing::Control, pipe.stream(End::Client, Lane::Control), 0, env);
            cohort.fill(*link, Outgoing::Data, pipe.stream(End::Client, Lane::Data), usize::MAX, env);
            if !pipe.client_open || pipe.cut {
                pipe.lose();
            }
            if cohort.is_closing(*link) {
                pipe.node_open = false;
                cohort.link_ended(*link, env);
            }
        }
        self.forget_closed();
        !dirty.is_empty()
    }

    pub(super) fn forget_closed(&mut self) {
        self.pipes.retain(|pipe| pipe.client_open || pipe.node_open);
    }

    /// One end closes a link, or learns that it is closed.
    pub(super) fn close(&mut self, link: client::LinkId, end: End) {
        let Some(index) = self.pipes.iter().position(|pipe| pipe.link == link) else { return };
        let pipe = &mut self.pipes[index];
        let (node, node_link) = (pipe.node, pipe.node_link());
        match end {
            End::Client if std::mem::replace(&mut pipe.client_open, false) => {
                let status = if pipe.up { Status::TransportBroken } else { Status::Unreachable };
                let ended = LinkEnd { status, text: String::new() };
                self.client_does(|client, notes| client.link_ended(link, ended, NOW, notes));
            }
            End::Node if std::mem::replace(&mut pipe.node_open, false) => {
                self.node_does(node, |cohort, env| cohort.link_ended(node_link, env));
            }
            End::Client | End::Node => {}
        }
        self.forget_closed();
    }

    /// Bytes arrive at an end.
    pub(super) fn deliver(&mut self, index: usize, to: End, lane: Lane) {
        let bytes = std::mem::take(self.pipes[index].stream(to, lane));
        let (link, node, node_link) =
            (self.pipes[index].link, self.pipes[index].node, self.pipes[index].node_link());
        match to {
            End::Client => {
                let mut result = Ok(0);
                self.client_does(|client, notes| result = client.received(link, &bytes, NOW, notes));
                match result {
                    Ok(taken) => assert_eq!(taken, bytes.len(), "whole frames arrive"),
                    Err(fault) => {
                        self.misbehaved |= !matches!(fault, LinkFault::Stale { .. });
                        self.break_link(link);
                    }
                }
            }
            End::Node if !self.pipes[index].greeted => self.greet(index, &bytes),
            End::Node => {
                let result = self.node_does(node, |cohort, env| cohort.received(node_link, &bytes, env));
                if let Some(Err(_)) = result {
                    self.misbehaved = true;
                    self.break_link(link);
                }
            }
        }
    }

    /// The first frame of a link.
    fn greet(&mut self, index: usize, bytes: &[u8]) {
        let Ok(Some((body, length))) = split(bytes, limits::FRAME_BYTES_MAX) else {
            unreachable!("whole frames arrive")
        };
        let rest = bytes[length..].to_vec();
        let (node, node_link) = (self.pipes[index].node, self.pipes[index].node_link());
        let Ok(Uplink::Hello { link: number, credit, greeting, .. }) = Uplink::decode(body) else {
            unreachable!("a client greets first")
        };
        let let_in = match greeting {
            Greeting::Connect { .. } => unreachable!("it connects only once"),
            Greeting::Attach { ticket, down, .. } => {
                let id = MoveId {
                    cohort: SESSION.into(),
                    epoch: sterna::protocol::ids::Epoch(u64::from(ticket[0])),
                    attempt: u32::from(ticket[1]),
                    target: NodeId(node as u64 + 1),
                };
                let link = Link::new(node_link, number, None, credit, down);
                self.node_does(node, |cohort, env| cohort.attach(id, link, false, env))
                    .unwrap_or(Err(RefuseReason::TicketVoid))
            }
            Greeting::Resume { fence, down, .. } => {
                let held = self.sides[node].cohort.as_ref().is_some_and(Cohort::is_held);
                let link = Link::new(node_link, number, None, credit, down);
                let resumed = held
                    .then(|| self.node_does(node, |cohort, env| cohort.resume(fence, link, false, env)))
                    .flatten();
                resumed.unwrap_or(Err(RefuseReason::Unavailable))
            }
        };
        let Some(index) = self.link_of(node, node_link) else { return };
        match let_in {
            Ok(()) => {
                self.pipes[index].greeted = true;
                let mut again = rest;
                again.append(self.pipes[index].stream(End::Node, Lane::Control));
                *self.pipes[index].stream(End::Node, Lane::Control) = again;
                // What was written before the link was known to the cohort.
                self.node_does(node, |_, _| ());
            }
            Err(reason) => {
                let owner = self.store.held.record.owner;
                let elsewhere = if owner.0 as usize == node + 1 { Vec::new() } else { vec![address(owner)] };
                let mut refusal = Vec::new();
                Downlink::Refused { reason, elsewhere }.encode(&mut refusal);
                let pipe = &mut self.pipes[index];
                pipe.lose();
                *pipe.stream(End::Client, Lane::Control) = refusal;
                pipe.node_open = false;
            }
        }
    }

    /// What is under way is lost, and each end finds out by itself: here one after the other.
    pub(super) fn break_link(&mut self, link: client::LinkId) {
        if let Some(pipe) = self.pipes.iter_mut().find(|pipe| pipe.link == link) {
            pipe.cut = true;
            pipe.lose();
        }
    }
}
