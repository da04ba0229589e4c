//! What tests of corners need beyond the words of the design: a look inside, and frames made by hand.

use super::echo::{BOOK, ECHO, REMIND, VER};
use super::player::{Output, Player};
use super::random::Stream;
use super::{Cluster, PlayerId};
use crate::protocol::client::Standing;
use crate::protocol::ids::{Cursor, Epoch, Fence, Generation, LinkNumber, MoveId, NodeId, SessionId};
use crate::protocol::reasons::RefuseReason;
use crate::protocol::session::{Link, LinkId};
use crate::protocol::wire::{Data, Kind, Message, MoveMode, Switch, SwitchCause};
use std::net::SocketAddr;
use std::time::Duration;

impl Cluster {
    /// A new player begins to connect to a node.
    pub fn begin_to_connect(&mut self, node: NodeId) -> PlayerId {
        self.begin_to_connect_as(node, MoveMode::Seamless)
    }

    pub(super) fn begin_to_connect_as(&mut self, node: NodeId, mode: MoveMode) -> PlayerId {
        let name = self.players.len() as u64 + 1;
        self.begin_to_connect_named(name, node, mode)
    }

    pub(super) fn begin_to_connect_named(&mut self, name: u64, node: NodeId, mode: MoveMode) -> PlayerId {
        let place = self.place_of[&node];
        let others = self.places.keys().filter(|other| **other != place);
        let addresses = others.map(|other| super::node::address(*other)).collect();
        self.begin_to_connect_knowing(name, node, addresses, mode)
    }

    /// A new player, whose token names this node only.
    pub fn connect_knowing_nobody_else(&mut self, node: NodeId) -> PlayerId {
        let name = self.players.len() as u64 + 1;
        let id = self.begin_to_connect_knowing(name, node, Vec::new(), MoveMode::Seamless);
        self.run_until(|cluster| cluster.standing(id) == Standing::Connected);
        id
    }

    fn begin_to_connect_knowing(
        &mut self,
        name: u64,
        node: NodeId,
        others: Vec<SocketAddr>,
        mode: MoveMode,
    ) -> PlayerId {
        let id = PlayerId(self.players.len());
        let seed = self.chance(Stream::Links(name)).number();
        let mut player = Player::new(id, name, mode, seed);
        let mut addresses = vec![super::node::address(self.place_of[&node])];
        addresses.extend(others);
        player.client.connect(addresses, id.0.to_string(), self.now, &mut player.inbox);
        self.players.push(player);
        self.after_client(id);
        id
    }

    /// How many cohorts a node knows.
    pub fn cohort_count(&self, node: NodeId) -> usize {
        self.nodes[&node].cohorts.len()
    }

    /// The game has something entered into the ledger, and asks for an answer or not.
    pub fn book(&mut self, player: PlayerId, what: u64, bytes: usize, asks: bool) {
        let now = self.now;
        let host = &mut self.players[player.0];
        let sent = match asks {
            true => host.request_as(BOOK, what, now, &mut self.history.lock()),
            false => host.send(BOOK, what, bytes, &mut self.history.lock()),
        };
        assert!(sent, "the queue is large enough for the test's messages");
        self.after_client(player);
    }

    /// The game has the timer called once, after so long.
    pub fn remind(&mut self, player: PlayerId, after: Duration) {
        let micros = after.as_micros() as u64;
        self.players[player.0].send(REMIND, micros, 16, &mut self.history.lock());
        self.after_client(player);
    }

    /// What the player's game has got to see.
    pub fn output(&self, player: PlayerId) -> Output {
        self.players[player.0].output
    }

    /// Bytes that wait for the player's game.
    pub fn waiting_bytes(&self, player: PlayerId) -> usize {
        self.players[player.0].inbox.events.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Bytes of the player's uplink that are not acknowledged.
    pub fn unacknowledged_bytes(&self, player: PlayerId) -> usize {
        self.players[player.0].client.unacknowledged_bytes()
    }

    /// The player's link to this node breaks.
    pub fn break_link_to(&mut self, player: PlayerId, node: NodeId) {
        let found = self
            .pipes
            .iter()
            .find(|(_, pipe)| pipe.player == player && pipe.node == node && pipe.up && pipe.client_open);
        if let Some(id) = found.map(|(id, _)| *id) {
            self.break_pipe(id);
        }
    }

    /// The frame that says at which message a link's uplink goes on.
    pub fn start_frame(at: u64) -> Vec<u8> {
        let mut out = Vec::new();
        Data::Start(Cursor(at)).encode(&mut out);
        out
    }

    /// An uplink message of this size.
    pub fn message_frame(bytes: usize) -> Vec<u8> {
        let mut out = Vec::new();
        Message { kind: Kind::Plain, ver: VER, cmd: ECHO, payload: &vec![0; bytes] }.encode(&mut out);
        out
    }

    /// The node behind the player's serving link says that it serves at `epoch`: what is wrong with that?
    pub fn switch_from(&mut self, player: PlayerId, epoch: Epoch) -> String {
        let link = self.pipes.values().rev().find(|pipe| pipe.player == player && pipe.client_open);
        let link = link.expect("the player has a link").client_link;
        let fence = Fence { bucket: crate::protocol::ids::Bucket(1), epoch, ..Fence::default() };
        let switch = Switch {
            cause: SwitchCause::Moved,
            session: crate::protocol::ids::SessionId(0),
            fence,
            generation: Generation(0),
            up: Cursor(0),
            down: Cursor(0),
            credit: 0,
            resume_token: Vec::new(),
            resume_ms: 0,
            message_bytes_max: 0,
            moves_when_online: false,
            node: String::new(),
        };
        let mut bytes = Vec::new();
        Data::Switch(Box::new(switch)).encode(&mut bytes);
        let (now, host) = (self.now, &mut self.players[player.0]);
        match host.client.received(link, &bytes, now, &mut host.inbox) {
            Ok(_) => String::new(),
            Err(fault) => fault.to_string(),
        }
    }

    /// A link comes with a ticket of the attempt `attempt` of the player's present move to `node`.
    pub fn attach_with_attempt(
        &mut self,
        player: PlayerId,
        node: NodeId,
        attempt: u32,
    ) -> Result<(), RefuseReason> {
        let held = self.record(player).expect("the player has a session");
        let cohort = self.cohort(node, player).map(|cohort| cohort.id()).ok_or(RefuseReason::TicketVoid)?;
        let id = MoveId { cohort, epoch: held.record.epoch.next(), attempt, target: node };
        self.scheduled += 1;
        let link = Link::new(LinkId(self.scheduled), LinkNumber(1 << 20), None, 1 << 16, Cursor(0));
        let attached =
            self.call(node, cohort, |cohort, env| cohort.attach(id, SessionId(id.cohort.0), link, true, env));
        attached.unwrap_or(Err(RefuseReason::TicketVoid))
    }

    /// Whether the player's client is connected to a node that serves.
    pub fn is_connected(&self, player: PlayerId) -> bool {
        self.standing(player) == Standing::Connected
    }
}
