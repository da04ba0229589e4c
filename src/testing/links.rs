//! The drivers of links: dialling, greeting, carrying bytes in both lanes, ending.

use super::happenings::{Actor, Happening};
use super::history::Entry;
use super::node::{Ticket, address, check_token, place_at};
use super::pipes::{End, Lane, Pipe, PipeId};
use super::{Cluster, Fault, PlayerId};
use crate::client::status::Status;
use crate::protocol::client::{self, LinkEnd, Output};
use crate::protocol::cohort::Cohort;
use crate::protocol::ids::{Binding, Bucket, CohortId, Cursor, Epoch, LinkNumber, NodeId, SessionId};
use crate::protocol::keys;
use crate::protocol::limits;
use crate::protocol::reasons::{CloseReason, RefuseReason};
use crate::protocol::record::{OwnerPhase, Record, Versioned};
use crate::protocol::room::wire::RoomRequest;
use crate::protocol::session::{Link, LinkId, Outgoing};
use crate::protocol::wire::{Downlink, Greeting, Uplink, split};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// What has to be asked of the directory before a link can be let in.
#[derive(Clone, Debug)]
pub(super) enum Greeted {
    /// A new session's record is to be created.
    Connect { user: String, number: LinkNumber, credit: u64 },
    /// A session that this node does not hold is to be resumed: who owns it?
    Redirect { session: SessionId },
    /// The session is in a room: who owns that?
    RedirectRoom { session: SessionId, room: CohortId },
}

const DATAGRAM_BYTES_MAX: usize = 1200;

/// The longest that an end waits before it finds that its link is broken.
const BREAK_NOTICED_US: u64 = 40_000;

impl Cluster {
    /// Does what a client wants done, until it wants nothing more; then its game takes its events.
    pub(super) fn after_client(&mut self, id: PlayerId) {
        self.drain_client(id);
        self.watch_client(id);
        let due = self.players[id.0].client.poll_timeout();
        self.timers.set(Actor::Client(id), due);
    }

    fn drain_client(&mut self, id: PlayerId) {
        loop {
            let player = &mut self.players[id.0];
            if let Some(Output::Dial(link, address)) = player.client.poll_output() {
                self.dial(id, link, address);
                continue;
            }
            let mut dirty = Vec::new();
            player.client.take_dirty(|link| dirty.push(link));
            for link in &dirty {
                self.pump_client(id, *link);
            }
            let player = &mut self.players[id.0];
            let migrate = player.update(&mut self.history.lock());
            if std::mem::take(&mut player.asks_room_to_move) {
                self.ask_room(id, RoomRequest::Migrate);
            } else if migrate {
                let answer = player.client.send_migrate();
                self.wished(id, answer);
            } else if dirty.is_empty() {
                return;
            }
        }
    }

    fn dial(&mut self, player: PlayerId, link: client::LinkId, address: SocketAddr) {
        self.scheduled += 1;
        let id = PipeId(self.scheduled);
        let node = self.places.get(&place_at(address)).copied().unwrap_or_default();
        self.note(|| format!("{player:?} dials {node} ({link:?})"));
        self.pipes.insert(id, Pipe::new(player, link, node, LinkId(id.0)));
        self.dialled.insert((player, link), id);
        let delay = self.link_delay(player) * 2;
        self.schedule(delay, Happening::DialEnds(id));
    }

    pub(super) fn dial_ends(&mut self, id: PipeId) {
        let now = self.now;
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        if !pipe.client_open {
            return;
        }
        let (player, link) = (pipe.player, pipe.client_link);
        let silent = self.silent.keys().any(|(who, _)| *who == player);
        if silent || !self.nodes.contains_key(&pipe.node) || self.unreachable.contains(&(player, pipe.node)) {
            pipe.node_open = false;
            return self.link_ends(id, End::Client);
        }
        pipe.up = true;
        let binding = pipe.binding();
        self.players[player.0].client.link_up(link, &binding, now);
        self.after_client(player);
    }

    fn pipe_of(&self, player: PlayerId, link: client::LinkId) -> Option<PipeId> {
        self.dialled.get(&(player, link)).copied()
    }

    /// Writes what a client has for a link.
    fn pump_client(&mut self, player: PlayerId, link: client::LinkId) {
        let Some(id) = self.pipe_of(player, link) else { return };
        let Some(pipe) = self.pipes.get(&id) else { return };
        if !pipe.client_open {
            return;
        }
        if pipe.up {
            let mut control = Vec::new();
            self.players[player.0].client.fill_control(link, &mut control);
            self.transmit_control(id, End::Node, control);
            loop {
                let room = 512 + self.chance_of(player).below(16_000) as usize;
                let mut data = Vec::new();
                self.players[player.0].client.fill_data(link, &mut data, room);
                if data.is_empty() {
                    break;
                }
                self.transmit(id, End::Node, Lane::Data, data);
            }
            self.carry_datagrams_up(id, player, link);
        }
        if self.players[player.0].client.is_closing(link) {
            self.close_end(id, End::Client);
        }
    }

    fn carry_datagrams_up(&mut self, id: PipeId, player: PlayerId, link: client::LinkId) {
        let mut datagram = Vec::new();
        while self.players[player.0].client.next_datagram(link, &mut datagram) {
            self.transmit_datagram(id, End::Node, std::mem::take(&mut datagram));
        }
    }

    fn carry_datagrams_down(&mut self, id: PipeId, node: NodeId, cohort: CohortId, link: LinkId) {
        let now = self.now;
        let mut datagram = Vec::new();
        while self.nodes.get_mut(&node).and_then(|node| {
            node.call(cohort, now, |cohort, env| cohort.next_datagram(link, &mut datagram, env))
        }) == Some(true)
        {
            self.transmit_datagram(id, End::Client, std::mem::take(&mut datagram));
        }
    }

    /// Datagrams overtake each other, and get lost.
    fn transmit_datagram(&mut self, id: PipeId, to: End, bytes: Vec<u8>) {
        let Some(player) = self.pipes.get(&id).map(|pipe| pipe.player) else { return };
        let delay = self.link_delay(player) * 2;
        let loss = self.datagram_loss;
        let lost = self.chance_of(player).in_thousand(loss);
        if !lost && !self.silent.contains_key(&(player, to)) {
            self.schedule(delay, Happening::Datagram(id, to, bytes));
        }
    }

    pub(super) fn datagram_arrives(&mut self, id: PipeId, to: End, bytes: &[u8]) {
        let now = self.now;
        let Some(pipe) = self.pipes.get(&id).filter(|pipe| !pipe.broken) else { return };
        let (player, client_link, node, node_link) =
            (pipe.player, pipe.client_link, pipe.node, pipe.node_link);
        let fault = match (to, pipe.cohort) {
            (End::Client, _) if pipe.client_open => {
                let host = &mut self.players[player.0];
                let taken = host.client.datagram(client_link, bytes, now, &mut host.inbox);
                self.after_client(player);
                taken.err().map(|fault| fault.to_string())
            }
            (End::Node, Some(cohort)) if pipe.node_open => {
                let taken = self.call(node, cohort, |cohort, env| cohort.datagram(node_link, bytes, env));
                taken.and_then(Result::err).map(|fault| fault.to_string())
            }
            (End::Client | End::Node, _) => None,
        };
        if let Some(fault) = fault {
            self.fault_found(id, fault);
        }
    }

    /// Writes what a cohort has for a link.
    pub(super) fn pump_node(&mut self, node: NodeId, cohort: CohortId, link: LinkId) {
        if self.pump_open_node(node, cohort, link) {
            self.close_end(PipeId(link.0), End::Node);
        }
    }

    /// Says whether the link is to be closed then.
    pub(super) fn pump_open_node(&mut self, node: NodeId, cohort: CohortId, link: LinkId) -> bool {
        let now = self.now;
        let id = PipeId(link.0);
        if !self.pipes.get(&id).is_some_and(|pipe| pipe.node_open) {
            return false;
        }
        let mut control = Vec::new();
        self.fill(node, cohort, link, Outgoing::Control, &mut control, 0);
        self.transmit_control(id, End::Client, control);
        loop {
            let Some(player) = self.pipes.get(&id).map(|pipe| pipe.player) else { return false };
            let room = 512 + self.chance_of(player).below(16_000) as usize;
            let mut data = Vec::new();
            self.fill(node, cohort, link, Outgoing::Data, &mut data, room);
            if data.is_empty() {
                break;
            }
            self.transmit(id, End::Client, Lane::Data, data);
        }
        self.carry_datagrams_down(id, node, cohort, link);
        let node = self.nodes.get_mut(&node);
        let closing = node.and_then(|node| node.call(cohort, now, |cohort, _| cohort.is_closing(link)));
        closing == Some(true)
    }

    fn fill(
        &mut self,
        node: NodeId,
        cohort: CohortId,
        link: LinkId,
        lane: Outgoing,
        out: &mut Vec<u8>,
        room: usize,
    ) {
        let now = self.now;
        if let Some(node) = self.nodes.get_mut(&node) {
            node.call(cohort, now, |cohort, env| cohort.fill(link, lane, out, room, env));
        }
    }

    /// Control frames can be lost, with their link, or doubled, by name.
    fn transmit_control(&mut self, id: PipeId, to: End, bytes: Vec<u8>) {
        let mut rest = bytes.as_slice();
        let mut out = Vec::new();
        while let Ok(Some((body, length))) = split(rest, limits::FRAME_BYTES_MAX) {
            let name = match to {
                End::Client => Downlink::decode(body).map(|frame| frame.name()),
                End::Node => Uplink::decode(body).map(|frame| frame.name()),
            };
            let name = name.unwrap_or("garbage");
            if !matches!(name, "Ping" | "Pong" | "Ack" | "Credit") {
                let player = self.pipes[&id].player;
                self.note(|| format!("{player:?} link {} -> {to:?} {name}", id.0));
            }
            match self.fault(name) {
                Some(Fault::Lose) => return self.break_pipe(id),
                Some(Fault::Duplicate) => out.extend_from_slice(&rest[..length]),
                None => {}
            }
            out.extend_from_slice(&rest[..length]);
            rest = &rest[length..];
        }
        self.transmit(id, to, Lane::Control, out);
    }

    pub(super) fn transmit(&mut self, id: PipeId, to: End, lane: Lane, mut bytes: Vec<u8>) {
        let Some(player) = self.pipes.get(&id).map(|pipe| pipe.player) else { return };
        // Some of it arrives in two pieces.
        if bytes.len() > 1 && self.chance_of(player).in_thousand(200) {
            let at = 1 + self.chance_of(player).below(bytes.len() as u64 - 1) as usize;
            let tail = bytes.split_off(at);
            self.transmit_piece(id, to, lane, bytes);
            bytes = tail;
        }
        if !bytes.is_empty() {
            self.transmit_piece(id, to, lane, bytes);
        }
    }

    fn transmit_piece(&mut self, id: PipeId, to: End, lane: Lane, bytes: Vec<u8>) {
        let Some(player) = self.pipes.get(&id).map(|pipe| pipe.player) else { return };
        let delay = self.link_delay(player);
        let now = self.now;
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        if pipe.broken {
            return;
        }
        let silent_until = self.silent.get(&(pipe.player, to)).copied().unwrap_or_default();
        let stream = pipe.stream(to, lane);
        let at = stream.last_at.max(now + delay).max(silent_until);
        stream.last_at = at;
        self.schedule_at(at, Happening::Bytes(id, to, lane, bytes));
    }

    pub(super) fn bytes_arrive(&mut self, id: PipeId, to: End, lane: Lane, bytes: &[u8]) {
        let Some(pipe) = self.pipes.get_mut(&id).filter(|pipe| !pipe.broken) else { return };
        pipe.stream(to, lane).arrived.extend_from_slice(bytes);
        match to {
            End::Client if pipe.client_open => self.client_reads(id, lane),
            End::Node if pipe.node_open && pipe.cohort.is_some() => self.node_reads(id, lane),
            End::Node if pipe.node_open && !pipe.greeted => self.greet(id),
            End::Client | End::Node => {}
        }
    }

    fn client_reads(&mut self, id: PipeId, lane: Lane) {
        let now = self.now;
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        let (player, link) = (pipe.player, pipe.client_link);
        let stream = pipe.stream(End::Client, lane);
        let host = &mut self.players[player.0];
        let result = host.client.received(link, &stream.arrived, now, &mut host.inbox);
        match result {
            Ok(taken) => {
                stream.arrived.drain(..taken);
                self.after_client(player);
            }
            // An owner of the past, whose word has been overtaken (promise 1).
            Err(client::LinkFault::Stale { .. }) => {
                self.count("word of an earlier owner refused");
                self.break_pipe(id);
            }
            Err(fault) => self.fault_found(id, fault.to_string()),
        }
    }

    pub(super) fn node_reads(&mut self, id: PipeId, lane: Lane) {
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        let (node, link) = (pipe.node, pipe.node_link);
        let Some(cohort) = pipe.cohort else { return };
        let arrived = std::mem::take(&mut pipe.stream(End::Node, lane).arrived);
        match self.call(node, cohort, |cohort, env| cohort.received(link, &arrived, env)).flatten() {
            Some(Ok(taken)) => {
                if let Some(pipe) = self.pipes.get_mut(&id) {
                    let stream = pipe.stream(End::Node, lane);
                    stream.arrived = [&arrived[taken..], &stream.arrived].concat();
                }
            }
            Some(Err(fault)) => self.fault_found(id, fault.to_string()),
            None => {}
        }
    }

    fn fault_found(&mut self, id: PipeId, fault: String) {
        let player = self.pipes[&id].player;
        self.note(|| format!("{player:?} link {} fault: {fault}", id.0));
        self.history.lock().push(Entry::Fault(player, fault));
        self.break_pipe(id);
    }

    /// The first frame of a link.
    fn greet(&mut self, id: PipeId) {
        let now = self.now;
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        let (node, node_link, binding) = (pipe.node, pipe.node_link, pipe.binding());
        let stream = pipe.stream(End::Node, Lane::Control);
        let (hello, length) = match split(&stream.arrived, limits::FRAME_BYTES_MAX) {
            Ok(Some((body, length))) => (Uplink::decode(body), length),
            Ok(None) => return,
            Err(error) => return self.fault_found(id, error.to_string()),
        };
        let Ok(Uplink::Hello { link: number, credit, greeting, .. }) = hello else {
            return self.fault_found(id, "no greeting".into());
        };
        stream.arrived.drain(..length);
        pipe.greeted = true;
        let Some(host) = self.nodes.get(&node) else { return };
        let (permitted, offline) = (host.is_permitted(now), host.view.offline.is_some());
        let local = host.clock.mono(now);
        let link = |wanted: Cursor| Link::new(node_link, number, Some(DATAGRAM_BYTES_MAX), credit, wanted);
        let let_in = match greeting {
            Greeting::Connect { .. } if offline => Err(RefuseReason::NotOnline),
            Greeting::Connect { .. } if !permitted || self.is_cut_off(node) => Err(RefuseReason::Unavailable),
            Greeting::Connect { user_token } => {
                return self.ask_directory(id, Greeted::Connect { user: user_token, number, credit });
            }
            Greeting::Attach { ticket, proof, down } => Ticket::check(&ticket, &proof, &binding, node, local)
                .and_then(|ticket| {
                    let cohort = ticket.id.cohort;
                    let attached = self.call(node, cohort, |cohort, env| {
                        cohort.attach(ticket.id, ticket.session, link(down), true, env).map(|()| cohort.id())
                    });
                    attached.unwrap_or(Err(RefuseReason::TicketVoid))
                }),
            Greeting::Resume { token, proof, fence, down } => {
                check_token(&token, &proof, &binding).and_then(|session| {
                    let holder = self.holder(node, session);
                    let resumed = holder.and_then(|holder| {
                        self.call(node, holder, |cohort, env| {
                            cohort.resume(session, fence, link(down), true, env).map(|()| cohort.id())
                        })
                    });
                    match resumed {
                        Some(resumed) => resumed,
                        None => {
                            self.ask_directory(id, Greeted::Redirect { session });
                            Err(RefuseReason::Greeting)
                        }
                    }
                })
            }
        };
        match let_in {
            Ok(cohort) => self.let_in(id, cohort),
            Err(RefuseReason::Greeting) => {} // the directory is asked first
            Err(reason) => self.refuse(id, reason, Vec::new()),
        }
    }

    pub(super) fn ask_directory(&mut self, id: PipeId, greeted: Greeted) {
        let Some(player) = self.pipes.get(&id).map(|pipe| pipe.player) else { return };
        let range = self.delays.directory_us.clone();
        let delay = self.chance_of(player).micros(&range) * 2;
        self.schedule(delay, Happening::Greeted(id, Box::new(greeted)));
    }

    fn let_in(&mut self, id: PipeId, cohort: CohortId) {
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        pipe.cohort = Some(cohort);
        let (node, link) = (pipe.node, pipe.node_link);
        self.pump_node(node, cohort, link);
        self.after_node(node, cohort);
        self.node_reads(id, Lane::Control);
        self.node_reads(id, Lane::Data);
    }

    pub(super) fn refuse(&mut self, id: PipeId, reason: RefuseReason, elsewhere: Vec<SocketAddr>) {
        let mut bytes = Vec::new();
        self.note(|| format!("link {} refused: {reason:?}, {elsewhere:?}", id.0));
        Downlink::Refused { reason, elsewhere }.encode(&mut bytes);
        self.transmit(id, End::Client, Lane::Control, bytes);
        self.close_end(id, End::Node);
    }

    pub(super) fn greeted(&mut self, id: PipeId, greeted: Greeted) {
        let Some(pipe) = self.pipes.get(&id).filter(|pipe| pipe.node_open) else { return };
        let (node, node_link, binding) = (pipe.node, pipe.node_link, pipe.binding());
        let player = pipe.player;
        match greeted {
            Greeted::Redirect { .. } | Greeted::RedirectRoom { .. }
                if self.is_cut_off(node) || self.directory.loses_read() =>
            {
                self.refuse(id, RefuseReason::Unavailable, Vec::new());
            }
            // It has come here while the directory was asked.
            Greeted::Redirect { session } | Greeted::RedirectRoom { session, .. }
                if self.holder(node, session).is_some() =>
            {
                let place = self.place_of.get(&node).copied();
                self.refuse(id, RefuseReason::Unavailable, place.map(address).into_iter().collect());
            }
            Greeted::RedirectRoom { session, room } => self.look_in_room(id, node, session, room),
            Greeted::Redirect { session } => match self.directory.record(session.into()) {
                Some(Versioned { record: Record { room: Some(room), .. }, .. }) => {
                    self.ask_for_room_of(id, session, room);
                }
                Some(found) => {
                    let taken = self.take_over(node, session.into(), &found.record);
                    let owner = if taken { node } else { found.record.owner };
                    let place = self.place_of.get(&owner).copied();
                    self.refuse(id, RefuseReason::Unavailable, place.map(address).into_iter().collect());
                }
                None => self.refuse(id, RefuseReason::SessionUnknown, Vec::new()),
            },
            // The client has gone on to another node, whose session stands.
            Greeted::Connect { number, .. } if number < self.players[player.0].connected_by => {
                self.refuse(id, RefuseReason::OlderLink, Vec::new());
            }
            Greeted::Connect { .. } if self.is_cut_off(node) => {
                self.refuse(id, RefuseReason::Unavailable, Vec::new());
            }
            Greeted::Connect { user, number, credit } => {
                self.players[player.0].connected_by = number;
                let session = self.new_session(player);
                let record = Record {
                    bucket: Bucket(1),
                    binding: Binding(0),
                    epoch: Epoch(1),
                    owner: node,
                    phase: OwnerPhase::Serving,
                    room: None,
                };
                let held = self.directory.write(session.into(), record);
                self.history.lock().push(Entry::Recorded(session.into(), Some(record)));
                let key = keys::client_key(&binding);
                let Some(host) = self.nodes.get_mut(&node) else { return };
                let cohort = Cohort::begin(session, user, key, held, host.settings.clone());
                host.cohorts.insert(session.into(), cohort);
                let link = Link::new(node_link, number, Some(DATAGRAM_BYTES_MAX), credit, Cursor(0));
                self.call(node, session.into(), |cohort, env| cohort.connect(link, true, env));
                self.let_in(id, session.into());
            }
        }
    }

    /// A user has one session at a time: an earlier one, of which the client never heard, ends.
    fn new_session(&mut self, player: PlayerId) -> SessionId {
        let player = &mut self.players[player.0];
        player.sessions += 1;
        let (name, number) = (player.name, player.sessions);
        let id = |number: u64| SessionId(number << 16 | (0x5000 + name));
        let earlier = id(number - 1);
        let holds = |node: &NodeId, cohorts: &BTreeMap<CohortId, Cohort>| {
            let of_node = cohorts.iter().filter(|(_, cohort)| cohort.holds(earlier));
            of_node.map(|(cohort, _)| (*node, *cohort)).collect::<Vec<_>>()
        };
        let holders: Vec<(NodeId, CohortId)> =
            self.nodes.iter().flat_map(|(id, node)| holds(id, &node.cohorts)).collect();
        for (node, cohort) in holders {
            self.call(node, cohort, |cohort, env| cohort.close(earlier, CloseReason::Replaced, env));
        }
        id(number)
    }

    /// One end closes a link in good order: what it has written still arrives.
    pub(super) fn close_end(&mut self, id: PipeId, end: End) {
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        let (other, open) = match end {
            End::Client => (End::Node, pipe.client_open),
            End::Node => (End::Client, pipe.node_open),
        };
        if open {
            let at = pipe.drained_at(other).max(self.now);
            self.schedule_at(at + Duration::from_micros(1), Happening::Ended(id, other));
            self.link_ends(id, end);
        }
    }

    /// A link breaks: what is under way is lost, and each end finds out by itself.
    pub(super) fn break_pipe(&mut self, id: PipeId) {
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        let (player, node) = (pipe.player, pipe.node);
        pipe.broken = true;
        self.note(|| format!("{player:?} link {} to {node} breaks", id.0));
        for end in [End::Client, End::Node] {
            let delay = self.chance_of(player).micros(&(0..BREAK_NOTICED_US));
            self.schedule(delay, Happening::Ended(id, end));
        }
    }

    pub(super) fn link_ends(&mut self, id: PipeId, end: End) {
        let now = self.now;
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        match end {
            End::Client if std::mem::replace(&mut pipe.client_open, false) => {
                let (player, link) = (pipe.player, pipe.client_link);
                let status = if pipe.up { Status::TransportBroken } else { Status::Unreachable };
                let end = LinkEnd { status, text: status.to_string() };
                let host = &mut self.players[player.0];
                host.client.link_ended(link, end, now, &mut host.inbox);
                self.after_client(player);
            }
            End::Node if std::mem::replace(&mut pipe.node_open, false) => {
                let (node, link) = (pipe.node, pipe.node_link);
                if let Some(cohort) = pipe.cohort {
                    self.call(node, cohort, |cohort, env| cohort.link_ended(link, env));
                }
            }
            End::Client | End::Node => {}
        }
        if let Some(pipe) = self.pipes.get(&id).filter(|pipe| !pipe.client_open && !pipe.node_open) {
            self.dialled.remove(&(pipe.player, pipe.client_link));
            self.pipes.remove(&id);
        }
    }
}
