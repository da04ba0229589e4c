//! Everything that can happen in the cluster, and what it leads to: the drivers of nodes, as far as they
//! talk to each other and to the directory.

use super::directory::{Directory, Landing};
use super::history::Entry;
use super::links::Greeted;
use super::node::Node;
use super::pipes::{End, Lane, PipeId};
use super::{Cluster, Fault, PlayerId};
use crate::protocol::cohort::{Asker, Cohort, Output};
use crate::protocol::ids::{CohortId, NodeId};
use crate::protocol::lease::Heartbeat;
use crate::protocol::limits;
use crate::protocol::reasons::TargetRefusal;
use crate::protocol::record::{Answer, Ask, CasAnswer, Revision};
use crate::protocol::snapshot::{SnapshotAnswer, SnapshotAsk};
use crate::protocol::time::{BootTime, Time};
use crate::protocol::wire::{Member, Peer, split};
use std::time::Duration;

/// One thing that happens.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// Time passes.
    Nothing,
    /// A client's call to an address is answered, or not.
    DialEnds(PipeId),
    /// Bytes arrive at one end of a link.
    Bytes(PipeId, End, Lane, Vec<u8>),
    /// One end learns that its link has ended.
    Ended(PipeId, End),
    /// The directory has been asked about a link's greeting.
    Greeted(PipeId, Box<Greeted>),
    /// The first frame of an outbox leaves.
    Leaves(NodeId, NodeId),
    /// A frame arrives at another node.
    Arrives(NodeId, NodeId, Vec<u8>),
    /// A question reaches the directory.
    Asked(NodeId, CohortId, Asker, u64, Ask),
    /// Its answer reaches the node.
    Answered(NodeId, CohortId, Asker, u64, Answer),
    /// A write whose answer was lost lands after all.
    Lands(CohortId, Ask),
    /// A question reaches the store of snapshots.
    SnapshotAsked(NodeId, CohortId, Asker, u64, SnapshotAsk),
    /// Its answer reaches the node.
    SnapshotAnswered(NodeId, CohortId, Asker, u64, SnapshotAnswer),
    /// A node has read all heartbeats, for this question of a cohort.
    LeasesRead(NodeId, CohortId, u64, bool),
    /// A record is to be deleted.
    Forgotten(NodeId, CohortId, Revision),
    /// A node looks after its lease.
    Tick(NodeId),
    /// A renewal sent at this time has succeeded.
    Renewed(NodeId, Time),
    /// The game of a client plays.
    Plays(PlayerId),
}

/// Pause between two looks of a node at its lease.
const TICK: Duration = Duration::from_millis(250);
/// How long a node waits for the directory.
const DIRECTORY_MAX: Duration = Duration::from_millis(300);

/// Who has something to do at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Actor {
    Cohort(NodeId, CohortId),
    Client(PlayerId),
}

impl Cluster {
    pub(super) fn next_timeout(&mut self) -> Option<(Time, Actor)> {
        let now = self.now;
        let cohorts = self.nodes.iter_mut().filter_map(|(id, node)| {
            node.poll_timeout(now).map(|(at, cohort)| (at, Actor::Cohort(*id, cohort)))
        });
        let clients = self
            .players
            .iter()
            .filter_map(|player| Some((player.client.poll_timeout()?, Actor::Client(player.id))));
        cohorts.chain(clients).min()
    }

    /// A due time is dealt with by one call, or the driver would spin.
    pub(super) fn time_out(&mut self, actor: Actor) {
        let now = self.now;
        let next = match actor {
            Actor::Cohort(node, cohort) => self.nodes.get_mut(&node).and_then(|node| {
                node.call(cohort, now, |cohort, env| {
                    cohort.on_timeout(env);
                    cohort.poll_timeout(env)
                })
                .flatten()
            }),
            Actor::Client(player) => {
                let player = &mut self.players[player.0];
                player.client.on_timeout(now, &mut player.inbox);
                player.client.poll_timeout()
            }
        };
        assert!(next.is_none_or(|at| at > now), "seed {}: {actor:?} is still due at {now:?}", self.seed);
        match actor {
            Actor::Cohort(node, cohort) => self.after_node(node, cohort),
            Actor::Client(player) => self.after_client(player),
        }
    }

    pub(super) fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Nothing => {}
            Happening::DialEnds(pipe) => self.dial_ends(pipe),
            Happening::Bytes(pipe, to, lane, bytes) => self.bytes_arrive(pipe, to, lane, &bytes),
            Happening::Ended(pipe, end) => self.link_ends(pipe, end),
            Happening::Greeted(pipe, greeted) => self.greeted(pipe, *greeted),
            Happening::Leaves(from, to) => self.leaves(from, to),
            Happening::Arrives(from, to, bytes) => self.arrives(from, to, &bytes),
            Happening::Asked(node, cohort, asker, number, ask) => {
                self.asked(node, cohort, asker, number, ask);
            }
            Happening::Answered(node, cohort, asker, number, answer) => {
                self.call(node, cohort, |cohort, env| cohort.on_answer(asker, number, answer, env));
            }
            Happening::Lands(cohort, ask) => {
                let answer = self.directory.answer(cohort, ask);
                self.record_written(cohort, ask, answer);
            }
            Happening::SnapshotAsked(node, cohort, asker, number, ask) => {
                self.snapshot_asked(node, cohort, asker, number, ask);
            }
            Happening::SnapshotAnswered(node, cohort, asker, number, answer) => {
                self.call(node, cohort, |cohort, env| cohort.on_snapshot(asker, number, answer, env));
            }
            Happening::LeasesRead(node, cohort, number, read) => {
                let gone = self.nodes.get(&node).filter(|_| read).map(Node::gone);
                self.call(node, cohort, |cohort, env| cohort.on_leases(number, gone, env));
            }
            Happening::Forgotten(node, cohort, revision) => {
                if self.is_cut_off(node) {
                    return self.schedule(DIRECTORY_MAX, Happening::Forgotten(node, cohort, revision));
                }
                if self.directory.delete(cohort, revision) {
                    self.history.lock().push(Entry::Recorded(cohort, None));
                }
                self.call(node, cohort, |cohort, _| cohort.on_forgotten());
            }
            Happening::Tick(node) => self.tick(node),
            Happening::Renewed(node, sent_at) => self.renewed(node, sent_at),
            Happening::Plays(player) => self.plays(player),
        }
    }

    /// Calls a cohort, and does what it says then.
    pub(super) fn call<R>(
        &mut self,
        node: NodeId,
        cohort: CohortId,
        call: impl FnOnce(&mut Cohort, &crate::protocol::cohort::Env<'_>) -> R,
    ) -> Option<R> {
        let result = self.nodes.get_mut(&node)?.call(cohort, self.now, call);
        self.after_node(node, cohort);
        result
    }

    /// Does what a cohort wants done, until it wants nothing more.
    pub(super) fn after_node(&mut self, node: NodeId, cohort: CohortId) {
        loop {
            let Some(found) = self.nodes.get_mut(&node).and_then(|node| node.cohorts.get_mut(&cohort)) else {
                return;
            };
            if let Some(output) = found.poll_output() {
                self.node_does(node, cohort, output);
                continue;
            }
            let mut dirty = Vec::new();
            found.take_dirty(|link| dirty.push(link));
            if dirty.is_empty() {
                break;
            }
            for link in dirty {
                self.pump_node(node, cohort, link);
            }
        }
        let node = self.nodes.get_mut(&node);
        if let Some(node) = node
            && node.cohorts.get(&cohort).is_some_and(Cohort::is_gone)
        {
            node.cohorts.remove(&cohort);
        }
    }

    fn node_does(&mut self, node: NodeId, cohort: CohortId, output: Output) {
        match output {
            Output::Peer(to, frame) => self.send_peer(node, to, frame),
            Output::RevokeBaton(to, id) => {
                let outbox = self.outboxes.entry((node, to)).or_default();
                let before = outbox.len();
                outbox.retain(|frame| !matches!(frame, Peer::Baton { id: other, .. } if *other == id));
                let revoked = outbox.len() < before;
                self.note(|| format!("{node} revokes {id}: {revoked}"));
                self.call(node, cohort, |cohort, env| cohort.on_revoked(id, revoked, env));
            }
            Output::Ask(asker, number, ask) => {
                let delay = self.random.micros(&self.delays.directory_us);
                self.schedule(delay, Happening::Asked(node, cohort, asker, number, ask));
            }
            Output::PickTarget(tried) => {
                let free = |id: &NodeId| *id != node && !tried.contains(id);
                let online = self.nodes.values().filter(|other| other.view.offline.is_none());
                let target = online.map(|other| other.view.id).find(free);
                self.call(node, cohort, |cohort, env| cohort.on_target_picked(target, env));
            }
            Output::Snapshot(asker, number, ask) => {
                let delay = self.random.micros(&self.delays.directory_us);
                self.schedule(delay, Happening::SnapshotAsked(node, cohort, asker, number, ask));
            }
            Output::ReadLeases(number) => {
                let read = !self.is_cut_off(node);
                let delay = self.random.micros(&self.delays.directory_us);
                self.schedule(delay, Happening::LeasesRead(node, cohort, number, read));
            }
            Output::RememberRefusal(id) => {
                self.note(|| format!("{node} refuses {id}"));
                if let Some(node) = self.nodes.get_mut(&node) {
                    node.refused.insert(id);
                }
            }
            Output::Forget(held) => {
                let delay = self.random.micros(&self.delays.directory_us);
                self.schedule(delay, Happening::Forgotten(node, cohort, held.revision));
            }
            Output::Report(report) => self.note(|| format!("{node} reports {report:?}")),
        }
    }

    fn send_peer(&mut self, from: NodeId, to: NodeId, frame: Peer) {
        self.outboxes.entry((from, to)).or_default().push_back(frame);
        let delay = self.random.micros(&self.delays.outbox_us);
        self.schedule(delay, Happening::Leaves(from, to));
    }

    fn leaves(&mut self, from: NodeId, to: NodeId) {
        if self.stalled.contains(&(from, to)) || !self.nodes.contains_key(&to) {
            return;
        }
        let Some(frame) = self.outboxes.entry((from, to)).or_default().pop_front() else { return };
        let name = frame.name();
        if let Peer::Baton { id, .. } = &frame {
            let id = *id;
            self.call(from, id.cohort, |cohort, env| cohort.on_baton_left(id, env));
        }
        let fault = self.fault(name);
        let unlucky = self.peer_loss > 0 && self.random.in_thousand(self.peer_loss);
        let lost = fault == Some(Fault::Lose) || self.cuts.contains(&(from, to)) || unlucky;
        self.note(|| format!("{from} -> {to} {name}{}", if lost { " (lost)" } else { "" }));
        if lost {
            return;
        }
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        for _ in 0..if fault == Some(Fault::Duplicate) { 2 } else { 1 } {
            let delay = self.random.micros(&self.delays.peer_us);
            let last = self.peer_last_at.entry((from, to)).or_default();
            let at = (*last).max(self.now + delay);
            *last = at;
            self.schedule_at(at, Happening::Arrives(from, to, bytes.clone()));
        }
    }

    fn arrives(&mut self, from: NodeId, to: NodeId, bytes: &[u8]) {
        let now = self.now;
        let frame = split(bytes, limits::PEER_FRAME_BYTES_MAX)
            .ok()
            .flatten()
            .and_then(|(body, _)| Peer::decode(body).ok())
            .expect("what a node has encoded can be decoded");
        let Some(node) = self.nodes.get_mut(&to) else { return };
        match frame {
            Peer::Prepare { id, from, fence, members, mode, .. } => {
                let refusal = if node.view.offline.is_some() {
                    Some(TargetRefusal::NotOnline)
                } else if node.full {
                    Some(TargetRefusal::Full)
                } else if node.env(now).permit.is_none() {
                    Some(TargetRefusal::Fenced)
                } else {
                    None
                };
                if let Some(reason) = refusal {
                    return self.send_peer(to, from, Peer::Refused { id, reason });
                }
                let refused_before = node.refused.contains(&id);
                let settings = node.settings.clone();
                let cohort = node.cohorts.entry(id.cohort);
                cohort.or_insert_with(|| Cohort::expect(id, &members[0], settings));
                self.call(to, id.cohort, |cohort, env| {
                    cohort.on_prepare(id, from, fence, mode, refused_before, env);
                });
            }
            Peer::Baton { id, baton } => {
                let state = &baton.sessions[0];
                let member = Member { session: state.session, client_key: state.client_key };
                let settings = node.settings.clone();
                node.cohorts.entry(id.cohort).or_insert_with(|| Cohort::expect(id, &member, settings));
                self.call(to, id.cohort, |cohort, env| {
                    cohort.on_peer(from, Peer::Baton { id, baton }, env);
                });
            }
            Peer::Prepared { id, .. }
            | Peer::Refused { id, .. }
            | Peer::Ready { id }
            | Peer::BatonAck { id }
            | Peer::Finalised { id }
            | Peer::Ahead { id, .. }
            | Peer::Cancel { id } => {
                self.call(to, id.cohort, |cohort, env| cohort.on_peer(from, frame, env));
            }
            Peer::Close { session, .. } => {
                self.call(to, session.into(), |cohort, env| cohort.on_peer(from, frame, env));
            }
            Peer::Hello { .. } => {}
        }
    }

    fn is_cut_off(&self, node: NodeId) -> bool {
        self.directory.down || self.cut_from_engine.contains(&node)
    }

    fn snapshot_asked(
        &mut self,
        node: NodeId,
        cohort: CohortId,
        asker: Asker,
        number: u64,
        ask: SnapshotAsk,
    ) {
        let (answer, delay) = if self.is_cut_off(node) {
            (SnapshotAnswer::Unknown, DIRECTORY_MAX)
        } else {
            (self.directory.on_snapshot(cohort, ask), self.random.micros(&self.delays.directory_us))
        };
        self.schedule(delay, Happening::SnapshotAnswered(node, cohort, asker, number, answer));
    }

    fn asked(&mut self, node: NodeId, cohort: CohortId, asker: Asker, number: u64, ask: Ask) {
        let unreachable = self.is_cut_off(node);
        let lost = match ask {
            Ask::Cas { .. } => self.directory.lose_answer.take(),
            Ask::Read => None,
        };
        let silent = Happening::Answered(node, cohort, asker, number, Directory::no_answer(ask));
        if unreachable || lost.is_some() {
            match lost {
                Some(Landing::Landed) if !unreachable => self.happen(Happening::Lands(cohort, ask)),
                Some(Landing::Later(after)) => self.schedule(after, Happening::Lands(cohort, ask)),
                Some(Landing::Landed | Landing::Never) | None => {}
            }
            self.note(|| format!("{node} gets no answer to {ask:?}"));
            return self.schedule(DIRECTORY_MAX, silent);
        }
        let answer = self.directory.answer(cohort, ask);
        self.record_written(cohort, ask, answer);
        let delay = self.random.micros(&self.delays.directory_us);
        self.schedule(delay, Happening::Answered(node, cohort, asker, number, answer));
    }

    fn record_written(&mut self, cohort: CohortId, ask: Ask, answer: Answer) {
        if let (Ask::Cas { record, .. }, Answer::Cas(CasAnswer::Won(_))) = (ask, answer) {
            self.note(|| format!("{cohort} {} {} {:?}", record.owner, record.epoch, record.phase));
            self.history.lock().push(Entry::Recorded(cohort, Some(record)));
        }
    }

    /// A node looks after its lease, and at the others'.
    fn tick(&mut self, id: NodeId) {
        let now = self.now;
        let unreachable = self.directory.down || self.cut_from_engine.contains(&id);
        let heartbeats = self.directory.heartbeats.clone();
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if node.env(now).permit.is_none() {
            self.fence(id);
        }
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if node.renewal_sent_at.is_none_or(|at| now.since(at) >= limits::LEASE_RENEW) && !unreachable {
            node.renewal_sent_at = Some(now);
            let delay = self.random.micros(&self.delays.directory_us);
            *self.directory.heartbeats.entry(id).or_default() += 1;
            self.schedule(delay * 2, Happening::Renewed(id, now));
        }
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if unreachable {
            node.watch.read_failed();
        } else {
            for (other, count) in &heartbeats {
                node.watch.observed(*other, Heartbeat::Beating(*count), now, now);
            }
        }
        let gone: Vec<NodeId> =
            heartbeats.keys().copied().filter(|other| node.watch.has_run_out(*other)).collect();
        for cohort in node.cohorts.keys().copied().collect::<Vec<_>>() {
            for gone in &gone {
                self.call(id, cohort, |cohort, env| cohort.on_node_gone(*gone, env));
            }
        }
        self.schedule(TICK, Happening::Tick(id));
    }

    /// (e) Before a fenced node renews its lease it drops every preparation.
    fn fence(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if std::mem::replace(&mut node.fenced, true) {
            return;
        }
        let cohorts: Vec<CohortId> = node.cohorts.keys().copied().collect();
        self.note(|| format!("{id} is fenced"));
        for cohort in cohorts {
            self.call(id, cohort, |cohort, env| cohort.on_fenced(env));
        }
    }

    fn renewed(&mut self, id: NodeId, sent_at: Time) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if node.env(now).permit.is_none() {
            self.fence(id);
        }
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let sent_at = BootTime::from_micros(sent_at.as_micros());
        if node.fenced {
            node.lease.restart(sent_at);
        } else {
            assert!(
                node.lease.renewed(sent_at, BootTime::from_micros(now.as_micros())),
                "{id} has been fenced if its lease has run out"
            );
        }
        if node.env(now).permit.is_some() && std::mem::take(&mut node.fenced) {
            let cohorts: Vec<CohortId> = node.cohorts.keys().copied().collect();
            self.note(|| format!("{id} is back"));
            for cohort in cohorts {
                self.call(id, cohort, |cohort, env| cohort.on_unfenced(env));
            }
        }
    }
}
