//! What can go wrong beyond a frame or a link: nodes that pause, restart or keep their own time, clients that
//! fall silent, engines that answer late.

use super::echo::{PUSH_EVERY, STORE_LARGE};
use super::happenings::{Actor, Happening};
use super::history::Entry;
use super::pipes::{End, PipeId};
use super::player::{Inbox, settings};
use super::{Cluster, Landing, PlayerId};
use crate::protocol::client::{Client, Standing};
use crate::protocol::ids::{Bucket, NodeId};
use crate::protocol::lease::Heartbeat;
use crate::protocol::reasons::CloseReason;
use crate::protocol::wire::MoveMode;
use std::time::Duration;

/// How long a node that stops waits for the store.
const PARK_TIME: Duration = Duration::from_secs(5);

impl Cluster {
    /// Which incarnation is at an address, dead or alive; addresses are counted from one.
    pub fn node_at(&self, place: u8) -> NodeId {
        self.places.get(&place).copied().unwrap_or_default()
    }

    /// Whether a node's process runs.
    pub fn is_alive(&self, node: NodeId) -> bool {
        self.nodes.contains_key(&node)
    }

    /// The machine of a node dies: no link tells anybody.
    pub fn power_off(&mut self, node: NodeId) {
        if !self.remove_node(node) {
            return;
        }
        for pipe in self.pipes.values_mut().filter(|pipe| pipe.node == node) {
            pipe.broken = true;
            pipe.node_open = false;
        }
    }

    /// A new incarnation starts where a node has ended.
    pub fn restart(&mut self, place: u8) -> Option<NodeId> {
        let gone = !self.is_alive(self.node_at(place));
        gone.then(|| self.start_at(place))
    }

    /// A drained node ends in good order, if nothing is left on it: it says so by its heartbeat.
    pub fn stop_if_empty(&mut self, node: NodeId) -> bool {
        let Some(host) = self.nodes.get(&node) else { return false };
        let reachable = !self.is_cut_off(node);
        if host.view.offline.is_none() || !host.cohorts.is_empty() || !reachable {
            return false;
        }
        self.ends_in_good_order(node);
        true
    }

    pub(super) fn ends_in_good_order(&mut self, node: NodeId) {
        if self.is_alive(node) && !self.is_cut_off(node) {
            self.directory.heartbeats.insert(node, Heartbeat::Goodbye);
        }
        self.crash(node);
    }

    /// The drain's deadline has passed: what is left on a node is to wait in the store, and a moment later the node
    /// ends.
    pub fn park(&mut self, node: NodeId) {
        if self.nodes.get(&node).is_some_and(|host| host.view.offline.is_none()) {
            self.drain(node);
        }
        let Some(host) = self.nodes.get_mut(&node) else { return };
        host.parking = true;
        for cohort in host.cohorts.keys().copied().collect::<Vec<_>>() {
            self.call(node, cohort, |cohort, env| cohort.park(env));
        }
        self.schedule(PARK_TIME, Happening::Parked(node));
    }

    /// A node does nothing for so long; with its machine, if that is suspended.
    pub fn pause(&mut self, node: NodeId, length: Duration, suspended: bool) {
        let end = self.now + length;
        let Some(host) = self.nodes.get_mut(&node) else { return };
        let before = host.paused_until.unwrap_or_default().max(self.now);
        if before >= end {
            return;
        }
        host.paused_until = Some(end);
        if suspended {
            host.clock.suspended(end.since(before));
        }
        self.note(|| format!("{node} pauses until {end:?}"));
        self.schedule_at(end, Happening::Wakes(node));
        self.set_timers_anew(node);
    }

    pub(super) fn wakes(&mut self, id: NodeId) {
        let now = self.now;
        while let Some(node) = self.nodes.get_mut(&id).filter(|node| !node.is_asleep(now))
            && let Some(happening) = node.waiting.pop_front()
        {
            self.happen(happening);
        }
    }

    /// A node's clocks run at so many thousandths of the true rate from now on.
    pub fn run_clock_at(&mut self, node: NodeId, thousandths: u64) {
        let now = self.now;
        let Some(host) = self.nodes.get_mut(&node) else { return };
        host.clock.run_at(thousandths, now);
        self.set_timers_anew(node);
    }

    fn set_timers_anew(&mut self, id: NodeId) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        for cohort in node.cohorts.keys().copied().collect::<Vec<_>>() {
            let due = node.poll_timeout(cohort, now);
            self.timers.set(Actor::Cohort(id, cohort), due);
        }
    }

    /// What one node sends to another gets lost, but not what comes back.
    pub fn cut_one_way(&mut self, from: NodeId, to: NodeId) {
        self.note(|| format!("cut from {from} to {to}"));
        self.cuts.insert((from, to));
    }

    /// Both can reach each other again.
    pub fn join(&mut self, a: NodeId, b: NodeId) {
        self.cuts.remove(&(a, b));
        self.cuts.remove(&(b, a));
    }

    /// What waited to leave does so now.
    pub fn unstall(&mut self, from: NodeId, to: NodeId) {
        if self.stalled.remove(&(from, to)) {
            for _ in 0..self.outboxes.get(&(from, to)).map_or(0, |frames| frames.len()) {
                self.schedule(Duration::from_micros(50), Happening::Leaves(from, to));
            }
        }
    }

    /// A node reaches the engine again.
    pub fn join_engine(&mut self, node: NodeId) {
        self.cut_from_engine.remove(&node);
    }

    /// The node takes in again whoever asks for room.
    pub fn make_room(&mut self, node: NodeId) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.full = false;
        }
    }

    /// The player can open links to the node again.
    pub fn make_reachable(&mut self, player: PlayerId, node: NodeId) {
        self.unreachable.remove(&(player, node));
    }

    /// For so long nothing that a player sends arrives, or nothing that is sent to them, or neither; what
    /// links still stand carries it over then.
    pub fn silence(&mut self, player: PlayerId, up: bool, down: bool, length: Duration) {
        let until = self.now + length;
        self.note(|| format!("{player:?} is silent until {until:?}"));
        for (end, silent) in [(End::Node, up), (End::Client, down)] {
            if silent {
                self.silent.insert((player, end), until);
            }
        }
        self.schedule(length, Happening::Speaks(player));
    }

    pub(super) fn speaks(&mut self, player: PlayerId) {
        let now = self.now;
        self.silent.retain(|(who, _), until| *who != player || *until > now);
    }

    /// The player's machine dies: its nodes find out by its silence.
    pub fn vanish(&mut self, player: PlayerId) {
        self.note(|| format!("{player:?} vanishes"));
        for pipe in self.pipes.values_mut().filter(|pipe| pipe.player == player) {
            pipe.broken = true;
            pipe.client_open = false;
        }
        let host = &mut self.players[player.0];
        host.client = Client::new(settings(MoveMode::Seamless), 0);
        host.inbox = Inbox::default();
        host.plays_every = None;
        self.after_client(player);
        self.history.lock().push(Entry::Vanished(player));
    }

    /// The player goes on at another address: the client notices that its links are of no use, the nodes do
    /// not.
    pub fn change_address(&mut self, player: PlayerId) {
        let links: Vec<PipeId> =
            self.pipes.iter().filter(|(_, pipe)| pipe.player == player).map(|(id, _)| *id).collect();
        self.note(|| format!("{player:?} has another address"));
        for id in links {
            let delay = self.link_delay(player);
            if let Some(pipe) = self.pipes.get_mut(&id) {
                pipe.broken = true;
            }
            self.schedule(delay, Happening::Ended(id, End::Client));
        }
    }

    /// The engine forgets everything that it was told.
    pub fn engine_loses_its_data(&mut self) {
        self.note(|| "the engine has lost its data".into());
        self.directory.clear();
    }

    /// Nobody has renewed the leases of nodes that are gone for so long that their heartbeats are forgotten.
    /// False: there are none.
    pub fn forget_heartbeats(&mut self) -> bool {
        let (nodes, beats) = (&self.nodes, &mut self.directory.heartbeats);
        let before = beats.len();
        beats.retain(|node, _| nodes.contains_key(node));
        let forgotten = before - beats.len();
        self.note(|| format!("{forgotten} heartbeats are forgotten"));
        forgotten > 0
    }

    /// A new life of the engine's data has begun: every node publishes what it holds. `fenced_too`: also who was
    /// fenced when they were lost.
    pub fn publish_again(&mut self, bucket: Bucket, fenced_too: bool) {
        let held: Vec<_> = self
            .nodes
            .iter()
            .flat_map(|(node, host)| {
                host.cohorts.iter().map(|(id, cohort)| (*node, *id, cohort.to_publish(bucket, fenced_too)))
            })
            .collect();
        for (node, id, records) in held {
            let found = records.into_iter().map(|(key, record)| self.directory.create(key, record)).last();
            if let Some(found) = found {
                self.call(node, id, |cohort, env| cohort.on_published(found, env));
            }
        }
    }

    /// The drain's deadline has passed: what is left on a node ends.
    pub fn close_all(&mut self, node: NodeId) {
        let Some(host) = self.nodes.get(&node) else { return };
        for cohort in host.cohorts.keys().copied().collect::<Vec<_>>() {
            self.call(node, cohort, |cohort, env| cohort.close_all(CloseReason::NodeStopped, env));
        }
    }

    /// So many of the next reads are not answered.
    pub fn lose_reads(&mut self, count: u32) {
        self.directory.lose_reads = count;
    }

    /// The next snapshot is not answered.
    pub fn lose_store_answer(&mut self, landing: Landing) {
        self.directory.lose_store = Some(landing);
    }

    /// The store has no room for snapshots, or has it again.
    pub fn set_store_busy(&mut self, busy: bool) {
        self.note(|| format!("the store is busy: {busy}"));
        self.directory.store_busy = busy;
    }

    /// The application stores more than travels with a baton.
    pub fn store_large(&mut self, player: PlayerId) {
        self.command(player, STORE_LARGE, 0);
    }

    /// A new player of this name begins to connect to a node, plays a message every so often from then on, and has the
    /// application push one every so often, or never.
    pub fn join_play(
        &mut self,
        name: u64,
        node: NodeId,
        mode: MoveMode,
        every: Duration,
        pushed: Duration,
    ) -> PlayerId {
        let id = self.begin_to_connect_named(name, node, mode);
        self.command(id, PUSH_EVERY, pushed.as_micros() as u64);
        self.players[id.0].plays_every = Some(every);
        self.schedule(every, Happening::Plays(id));
        id
    }

    fn command(&mut self, player: PlayerId, cmd: u16, second: u64) {
        if self.standing(player) != Standing::Idle {
            self.players[player.0].send(cmd, second, 16, &mut self.history.lock());
            self.after_client(player);
        }
    }

    /// How many players there are, gone or not.
    pub fn player_count(&self) -> usize {
        self.players.len()
    }
}
