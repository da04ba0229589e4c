//! What a test can say to the cluster, in the words of the design.

use super::echo::{ECHO, Echo, PUSH_EVERY, STORE};
use super::happenings::{Actor, Happening};
use super::history::{Entry, Verdict};
use super::node::Node;
use super::pipes::{End, Lane, PipeId};
use super::{Cluster, Fault, Landing, PeerWeather, PlayerId};
use crate::client::status::Status;
use crate::protocol::client::Standing;
use crate::protocol::cohort::Cohort;
use crate::protocol::ids::{CohortId, Epoch, NodeId};
use crate::protocol::reasons::OfflineReason;
use crate::protocol::record::Versioned;
use crate::protocol::wire::{MoveMode, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a drained node waits before it moves what is left.
const DRAIN: Duration = Duration::from_secs(600);

impl Cluster {
    /// Starts another node, at an address of its own.
    pub fn start_node(&mut self) -> NodeId {
        let place = self.places.len() as u8 + 1;
        self.start_at(place)
    }

    /// Starts a new incarnation at the address of an earlier one.
    pub(super) fn start_at(&mut self, place: u8) -> NodeId {
        let id = NodeId(1 + self.place_of.len() as u64); // every incarnation is another
        self.directory.beat(id);
        let application = Echo { node: id, history: self.history.clone(), knows_games: true };
        let mut node = Node::new(application, place, self.settings.clone());
        node.lease.restart(node.clock.boot(self.now));
        self.nodes.insert(id, node);
        self.places.insert(place, id);
        self.place_of.insert(id, place);
        self.schedule(Duration::ZERO, Happening::Tick(id));
        self.nodes_name_each_other();
        id
    }

    /// Every node tells its clients of all others.
    fn nodes_name_each_other(&mut self) {
        let places = self.places.clone();
        let mut told = Vec::new();
        for (id, node) in &mut self.nodes {
            let others = places.keys().filter(|place| **place != node.view.place).copied().collect();
            if std::mem::replace(&mut node.view.others, others) != node.view.others {
                told.extend(node.cohorts.keys().map(|cohort| (*id, *cohort)));
            }
        }
        for (node, cohort) in told {
            self.call(node, cohort, |cohort, env| cohort.tell_nodes(env));
        }
    }

    /// The first nodes.
    pub fn nodes<const N: usize>(&self) -> [NodeId; N] {
        std::array::from_fn(|index| NodeId(index as u64 + 1))
    }

    /// A new player connects to a node, and is played with from here on.
    pub fn connect(&mut self, node: NodeId) -> PlayerId {
        self.connect_as(node, MoveMode::Seamless)
    }

    /// A new player, who wants to be moved like this.
    pub fn connect_as(&mut self, node: NodeId, mode: MoveMode) -> PlayerId {
        let id = self.begin_to_connect_as(node, mode);
        self.run_until(|cluster| cluster.standing(id) == Standing::Connected);
        id
    }

    /// Both ends send without pause from here on: the game this often, the application by its timer.
    pub fn play(&mut self, player: PlayerId, every: Duration) {
        self.send_command(player, PUSH_EVERY, every.as_micros() as u64);
        self.players[player.0].plays_every = Some(every);
        self.schedule(Duration::ZERO, Happening::Plays(player));
    }

    pub(super) fn plays(&mut self, id: PlayerId) {
        let now = self.now;
        let Some(every) = self.players[id.0].plays_every else { return };
        let bytes = 16 + self.chance_of(id).below(200) as usize;
        let player = &mut self.players[id.0];
        if player.client.standing() != Standing::Idle {
            let mut history = self.history.lock();
            if player.sent.is_multiple_of(5) {
                player.request(now, &mut history);
            } else {
                player.send(ECHO, 0, bytes, &mut history);
            }
            player.send_fleeting();
        }
        self.says(id);
        self.after_client(id);
        self.schedule(every, Happening::Plays(id));
    }

    /// Neither end begins anything more.
    pub fn stop_playing(&mut self, player: PlayerId) {
        self.players[player.0].plays_every = None;
        if self.standing(player) != Standing::Idle {
            self.send_command(player, PUSH_EVERY, 0);
        }
    }

    fn send_command(&mut self, player: PlayerId, cmd: u16, second: u64) {
        self.players[player.0].send(cmd, second, 16, &mut self.history.lock());
        self.after_client(player);
    }

    /// The game sends messages of this size, each of which is echoed.
    pub fn send(&mut self, player: PlayerId, count: usize, bytes: usize) {
        for _ in 0..count {
            self.players[player.0].send(ECHO, 0, bytes, &mut self.history.lock());
        }
        self.after_client(player);
    }

    /// The application stores one value of each kind for this player.
    pub fn store(&mut self, player: PlayerId) {
        self.send_command(player, STORE, 0);
    }

    /// The application calls its timer once, after so long.
    pub fn push_after(&mut self, player: PlayerId, after: Duration) {
        self.send_command(player, PUSH_EVERY, after.as_micros() as u64);
    }

    /// The game ends its session.
    pub fn disconnect(&mut self, player: PlayerId) {
        let host = &mut self.players[player.0];
        host.client.disconnect(&mut host.inbox);
        self.after_client(player);
    }

    /// The game asks to be moved.
    pub fn send_migrate(&mut self, player: PlayerId) -> Result<(), Status> {
        let answer = self.players[player.0].client.send_migrate();
        self.wished(player, answer);
        self.after_client(player);
        answer
    }

    pub(super) fn wished(&mut self, player: PlayerId, answer: Result<(), Status>) {
        self.note(|| format!("{player:?} asks to be moved: {answer:?}"));
        if answer.is_ok() {
            self.history.lock().push(Entry::Wished(player));
        }
    }

    /// Whether the game takes its events.
    pub fn consumes(&mut self, player: PlayerId, does: bool) {
        self.players[player.0].consumes = does;
        self.after_client(player);
    }

    /// Whether the game answers `Offline` at once, as it does unless told otherwise.
    pub fn answers_offline(&mut self, player: PlayerId, does: bool) {
        self.players[player.0].answers_offline = does;
    }

    /// Puts bytes of the test's own on a player's newest link.
    pub fn inject(&mut self, player: PlayerId, lane: Lane, bytes: Vec<u8>) {
        let newest = self.pipes.iter().rev().find(|(_, pipe)| pipe.player == player && pipe.cohort.is_some());
        let id = *newest.expect("the player has a link").0;
        self.transmit(id, End::Node, lane, bytes);
    }

    /// The node goes offline: its clients are told.
    pub fn drain(&mut self, node: NodeId) {
        self.drain_within(node, DRAIN);
    }

    /// The same with so much time until what is left is moved without asking, and half of that for rooms.
    pub fn drain_within(&mut self, node: NodeId, drain: Duration) {
        let now = self.now;
        self.note(|| format!("{node} goes offline"));
        let Some(host) = self.nodes.get_mut(&node) else { return };
        let local = host.clock.mono(now);
        host.view.offline = Some((OfflineReason::ScaleIn, local + drain));
        host.view.rooms_leave_at = Some(local + drain / 2);
        for cohort in host.cohorts.keys().copied().collect::<Vec<_>>() {
            self.call(node, cohort, |cohort, env| {
                cohort.decline(env);
                cohort.tell_offline(env);
            });
        }
    }

    /// The node takes users again.
    pub fn online(&mut self, node: NodeId) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.view.offline = None;
            node.view.rooms_leave_at = None;
        }
    }

    /// The drain's deadline is near: everything is moved without asking.
    pub fn force(&mut self, node: NodeId) {
        let Some(host) = self.nodes.get(&node) else { return };
        let cohorts: Vec<CohortId> = host.cohorts.keys().copied().collect();
        for cohort in cohorts {
            self.call(node, cohort, |cohort, env| cohort.force(env));
        }
    }

    /// The node refuses whoever asks for room.
    pub fn fill_up(&mut self, node: NodeId) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.full = true;
        }
    }

    /// The node's application can, or cannot, go on from the state of a room's game that comes from elsewhere.
    pub fn teach_games(&mut self, node: NodeId, knows: bool) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.application.knows_games = knows;
        }
    }

    /// What these nodes send to each other gets lost.
    pub fn cut(&mut self, a: NodeId, b: NodeId) {
        self.note(|| format!("cut between {a} and {b}"));
        self.cuts.extend([(a, b), (b, a)]);
    }

    /// What `from` sends to `to` does not even leave.
    pub fn stall(&mut self, from: NodeId, to: NodeId) {
        self.stalled.insert((from, to));
    }

    /// Everything can reach everything again.
    pub fn heal(&mut self) {
        self.note(|| "heal".into());
        self.cuts.clear();
        self.unreachable.clear();
        self.cut_from_engine.clear();
        self.silent.clear();
        self.faults.clear();
        self.peers = PeerWeather::default();
        self.datagram_loss = 0;
        self.directory.down = false;
        self.directory.lose_answer = None;
        self.directory.lose_reads = 0;
        self.directory.lose_store = None;
        self.directory.store_busy = false;
        for (from, to) in std::mem::take(&mut self.stalled) {
            for _ in 0..self.outboxes.get(&(from, to)).map_or(0, |frames| frames.len()) {
                self.schedule(Duration::from_micros(50), Happening::Leaves(from, to));
            }
        }
    }

    /// The player cannot open links to the node.
    pub fn make_unreachable(&mut self, player: PlayerId, node: NodeId) {
        self.unreachable.insert((player, node));
    }

    /// The next frame of this name is lost; on a client's link, with the link.
    pub fn lose_next(&mut self, frame: &str) {
        self.faults.push((Fault::Lose, frame.into()));
    }

    /// The next frame of this name arrives twice.
    pub fn duplicate_next(&mut self, frame: &str) {
        self.faults.push((Fault::Duplicate, frame.into()));
    }

    /// Whether every fault asked for has happened.
    pub fn faults_happened(&self) -> bool {
        self.faults.is_empty()
    }

    /// The player's newest link that is open breaks.
    pub fn break_link(&mut self, player: PlayerId) {
        if let Some(id) = self.links_of(player).last() {
            self.break_pipe(*id);
        }
    }

    /// All links of the player break.
    pub fn break_links(&mut self, player: PlayerId) {
        for id in self.links_of(player) {
            self.break_pipe(id);
        }
    }

    /// How many links of the player are open.
    pub fn links(&self, player: PlayerId) -> usize {
        self.links_of(player).len()
    }

    fn links_of(&self, player: PlayerId) -> Vec<PipeId> {
        let open = self.pipes.iter().filter(|(_, pipe)| pipe.player == player && pipe.up && pipe.client_open);
        open.map(|(id, _)| *id).collect()
    }

    /// The node's process ends without a word.
    pub fn crash(&mut self, node: NodeId) {
        if !self.remove_node(node) {
            return;
        }
        let links: Vec<PipeId> =
            self.pipes.iter().filter(|(_, pipe)| pipe.node == node).map(|(id, _)| *id).collect();
        for id in links {
            self.break_pipe(id);
        }
    }

    pub(super) fn remove_node(&mut self, id: NodeId) -> bool {
        let Some(node) = self.nodes.remove(&id) else { return false };
        self.note(|| format!("{id} is gone"));
        self.history.lock().push(Entry::Crashed(id));
        self.outboxes.retain(|(from, _), _| *from != id);
        for cohort in node.cohorts.into_keys() {
            self.timers.set(Actor::Cohort(id, cohort), None);
            self.watch_cohort(id, cohort);
        }
        true
    }

    /// The engine answers nobody.
    pub fn engine_down(&mut self) {
        self.note(|| "the engine is down".into());
        self.directory.down = true;
    }

    /// The engine answers again.
    pub fn engine_up(&mut self) {
        self.note(|| "the engine is up".into());
        self.directory.down = false;
    }

    /// One node cannot reach the engine.
    pub fn cut_from_engine(&mut self, node: NodeId) {
        self.cut_from_engine.insert(node);
    }

    /// The next compare-and-set is not answered.
    pub fn lose_cas_answer(&mut self, landing: Landing) {
        self.directory.lose_answer = Some(landing);
    }

    /// Where the player's client stands.
    pub fn standing(&self, player: PlayerId) -> Standing {
        self.players[player.0].client.standing()
    }

    /// The epoch that the player's client is served at.
    pub fn epoch(&self, player: PlayerId) -> Epoch {
        self.players[player.0].client.epoch()
    }

    /// What the directory says about the player's session.
    pub fn record(&self, player: PlayerId) -> Option<Versioned> {
        self.directory.record(self.session(player)?)
    }

    fn session(&self, player: PlayerId) -> Option<CohortId> {
        self.players[player.0].session.map(CohortId::from)
    }

    /// What a node holds of the player's session.
    pub fn cohort(&self, node: NodeId, player: PlayerId) -> Option<&Cohort> {
        self.nodes.get(&node)?.cohorts.get(&self.session(player)?)
    }

    /// The player's user data on a node.
    pub fn data(&self, node: NodeId, player: PlayerId) -> BTreeMap<String, Value> {
        self.cohort(node, player).map(|cohort| cohort.session().data().clone()).unwrap_or_default()
    }

    /// Which node serves the player, by the directory, once no move is under way.
    pub fn served_by(&self, player: PlayerId, node: NodeId) -> bool {
        self.record(player).is_some_and(|found| found.record.served_by(node))
            && self.standing(player) == Standing::Connected
            && self.record(player).map(|found| found.record.epoch) == Some(self.epoch(player))
    }

    /// Whether a node has nothing left to do.
    pub fn is_empty(&self, node: NodeId) -> bool {
        self.nodes[&node].is_empty()
    }

    /// Whether the last lines of the trace hold this report of a node.
    pub fn reported(&self, report: &str) -> bool {
        self.trace().any(|line| line.contains(report))
    }

    /// Whether nothing is under way: every player connected or gone, everything sent arrived, no move open.
    pub fn is_quiet(&self) -> bool {
        self.unrest().is_none()
    }

    /// Something that is still under way.
    pub fn unrest(&self) -> Option<String> {
        for (id, node) in &self.nodes {
            if node.parking {
                return Some(format!("{id} is about to end"));
            }
            for (name, cohort) in &node.cohorts {
                if cohort.is_taking() {
                    return Some(format!("{id} is taking {name} over"));
                }
                if cohort.is_held() && !cohort.is_served() {
                    return Some(format!("{name} is frozen at {id}"));
                }
                if cohort.is_probing() {
                    return Some(format!("{id} is probing {name}"));
                }
                if let Some(other) = cohort.depends_on() {
                    return Some(format!("{name} is moving between {id} and {other}"));
                }
                if cohort.is_held() && cohort.is_changing() {
                    return Some(format!("somebody joins or leaves {name} at {id}"));
                }
                if cohort.is_served() && cohort.room().is_some_and(|room| room.poll_timeout().is_some()) {
                    return Some(format!("something waits to be sent in {name} at {id}"));
                }
                for session in cohort.sessions().filter(|_| cohort.is_held()) {
                    let whose = session.id();
                    if !session.is_linked() {
                        return Some(format!("{whose} waits at {id} for its client"));
                    }
                    if cohort.is_served() && !session.is_acknowledged() {
                        return Some(format!("the client of {whose} at {id} has not received everything"));
                    }
                    if session.errand().is_some() {
                        return Some(format!("{whose} at {id} wants something of rooms"));
                    }
                }
            }
        }
        self.players.iter().find_map(|player| {
            let (client, id) = (&player.client, player.id);
            match client.standing() {
                Standing::Idle => None,
                Standing::Connected if !player.inbox.events.is_empty() => {
                    Some(format!("the game of {id:?} has events to take"))
                }
                Standing::Connected if client.unacknowledged_bytes() > 0 => {
                    Some(format!("what {id:?} has sent has not arrived"))
                }
                Standing::Connected => None,
                standing @ (Standing::Connecting | Standing::Migrating | Standing::Reconnecting) => {
                    Some(format!("{id:?} is {standing:?}"))
                }
            }
        })
    }

    /// Ends all play and all faults, and waits until nothing is under way. False: it never came to rest.
    pub fn come_to_rest(&mut self) -> bool {
        self.heal();
        for player in (0..self.players.len()).map(PlayerId) {
            self.stop_playing(player);
            self.consumes(player, true);
        }
        // A session whose owner is gone may be looked for as long as sessions last.
        for _ in 0..700 {
            // A move that nobody goes on with ends for its client when the ticket has expired.
            if self.is_quiet() && self.history.lock().judge_moves(true).is_ok() {
                return true;
            }
            self.run_for(Duration::from_millis(200));
        }
        false
    }

    /// What the history says, once everything has come to rest.
    pub fn verdict_at_rest(&self) -> Verdict {
        let playing: Vec<PlayerId> = (0..self.players.len())
            .map(PlayerId)
            .filter(|player| self.standing(*player) == Standing::Connected)
            .collect();
        let members = self.memberships();
        let history = self.history.lock();
        history.verdict_at_rest(&playing)?;
        history.judge_rooms_at_rest(&playing, &members)
    }

    /// Ends all play and all faults, waits until nothing is under way, and asks the history.
    pub fn finish(&mut self) {
        if !self.come_to_rest() {
            let moves = self.history.lock().judge_moves(true);
            panic!("seed {}: it never came to rest; what is told of moves: {moves:?}", self.seed);
        }
        if let Err(violation) = self.verdict_at_rest() {
            panic!("seed {}: {violation}", self.seed);
        }
    }
}
