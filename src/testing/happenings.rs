//! Everything that can happen in the cluster, and what it leads to: the drivers of nodes, as far as they
//! talk to each other and to the directory.

use super::directory::{Directory, Landing};
use super::history::Entry;
use super::links::Greeted;
use super::pipes::{End, Lane, PipeId};
use super::random::Stream;
use super::rooms::RoomFound;
use super::snapshots::Storing;
use super::{Cluster, Fault, PlayerId};
use crate::protocol::cohort::{Asker, Cohort, Output, Report, RoomAsk};
use crate::protocol::ids::{CohortId, NodeId, SessionId};
use crate::protocol::lease::Heartbeat;
use crate::protocol::limits;
use crate::protocol::record::{Answer, Ask, CasAnswer, Revision};
use crate::protocol::snapshot::{SnapshotAnswer, SnapshotAsk};
use crate::protocol::time::{BootTime, Time};
use crate::protocol::wire::{Peer, split};
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
    /// A datagram arrives at one end of a link.
    Datagram(PipeId, End, Vec<u8>),
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
    SnapshotAsked(NodeId, CohortId, Box<Storing>),
    /// Its answer reaches the node.
    SnapshotAnswered(NodeId, CohortId, Asker, u64, Box<SnapshotAnswer>),
    /// A snapshot whose answer was lost lands after all.
    SnapshotLands(CohortId, Box<SnapshotAsk>),
    /// A take-over's question for the heartbeats, asked at this time, reaches the directory.
    LeasesAsked(NodeId, CohortId, u64, Time),
    /// Its answer reaches the node; `None`: there is none.
    LeasesRead(NodeId, CohortId, u64, Time, Option<Vec<(NodeId, Heartbeat)>>),
    /// A record is to be deleted.
    Forgotten(NodeId, CohortId, Revision),
    /// What a lone session wants of rooms reaches the directory.
    RoomAsked(NodeId, CohortId, Box<RoomAsk>),
    /// The answer reaches the node.
    RoomFound(NodeId, CohortId, SessionId, Box<RoomFound>),
    /// A node looks after its lease.
    Tick(NodeId),
    /// A renewal sent at this time reaches the directory.
    Renews(NodeId, BootTime),
    /// It has succeeded, as the node hears.
    Renewed(NodeId, BootTime),
    /// A question for the heartbeats, asked at this time, reaches the directory.
    Watches(NodeId, Time),
    /// Its answer reaches the node; `None`: there is none.
    Watched(NodeId, Time, Option<Vec<(NodeId, Heartbeat)>>),
    /// A node's pause may have ended.
    Wakes(NodeId),
    /// A node that has parked its cohorts ends.
    Parked(NodeId),
    /// The game of a client plays.
    Plays(PlayerId),
    /// A player's network carries again.
    Speaks(PlayerId),
}

/// How long a node waits for the directory.
pub(super) const DIRECTORY_MAX: Duration = Duration::from_millis(300);

/// Who has something to do at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Actor {
    Cohort(NodeId, CohortId),
    Client(PlayerId),
}

impl Happening {
    /// The node that has to be awake for it.
    fn needs(&self, cluster: &Cluster) -> Option<NodeId> {
        match self {
            Self::Bytes(pipe, End::Node, ..)
            | Self::Datagram(pipe, End::Node, _)
            | Self::Ended(pipe, End::Node)
            | Self::Greeted(pipe, _)
            | Self::DialEnds(pipe) => cluster.pipes.get(pipe).map(|pipe| pipe.node),
            Self::Leaves(node, _)
            | Self::Arrives(_, node, _)
            | Self::Answered(node, ..)
            | Self::SnapshotAnswered(node, ..)
            | Self::LeasesRead(node, ..)
            | Self::Forgotten(node, ..)
            | Self::RoomFound(node, ..)
            | Self::Tick(node)
            | Self::Renewed(node, _)
            | Self::Watched(node, ..) => Some(*node),
            // These happen at a client, or in the engine.
            Self::Nothing
            | Self::Bytes(_, End::Client, ..)
            | Self::Datagram(_, End::Client, _)
            | Self::Ended(_, End::Client)
            | Self::Asked(..)
            | Self::RoomAsked(..)
            | Self::Lands(..)
            | Self::SnapshotAsked(..)
            | Self::SnapshotLands(..)
            | Self::LeasesAsked(..)
            | Self::Renews(..)
            | Self::Watches(..)
            | Self::Wakes(_)
            | Self::Parked(_)
            | Self::Plays(_)
            | Self::Speaks(_) => None,
        }
    }
}

impl Cluster {
    /// A due time is dealt with by one call, or the driver would spin.
    pub(super) fn time_out(&mut self, actor: Actor) {
        let now = self.now;
        let next = match actor {
            Actor::Cohort(node, cohort) => self.nodes.get_mut(&node).and_then(|node| {
                node.call(cohort, now, |cohort, env| cohort.on_timeout(env));
                node.poll_timeout(cohort, now)
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
        let needs = happening.needs(self);
        if let Some(node) = needs
            && let Some(node) = self.nodes.get_mut(&node)
            && node.is_asleep(self.now)
        {
            return node.waiting.push_back(happening);
        }
        match happening {
            Happening::Nothing => {}
            Happening::DialEnds(pipe) => self.dial_ends(pipe),
            Happening::Bytes(pipe, to, lane, bytes) => self.bytes_arrive(pipe, to, lane, &bytes),
            Happening::Datagram(pipe, to, bytes) => self.datagram_arrives(pipe, to, &bytes),
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
            Happening::SnapshotAsked(node, cohort, storing) => self.snapshot_asked(node, cohort, *storing),
            Happening::SnapshotAnswered(node, cohort, asker, number, answer) => {
                self.call(node, cohort, |cohort, env| cohort.on_snapshot(asker, number, *answer, env));
            }
            Happening::SnapshotLands(cohort, ask) => self.snapshot_lands(cohort, *ask),
            Happening::LeasesAsked(node, cohort, number, at) => self.leases_asked(node, cohort, number, at),
            Happening::LeasesRead(node, cohort, number, at, beats) => {
                self.leases_read(node, cohort, number, at, beats);
            }
            Happening::Forgotten(node, cohort, revision) => self.forgotten(node, cohort, revision),
            Happening::RoomAsked(node, lone, ask) => self.room_asked(node, lone, *ask),
            Happening::RoomFound(node, lone, session, found) => self.room_found(node, lone, session, *found),
            Happening::Tick(node) => self.tick(node),
            Happening::Renews(node, sent_at) => self.renews(node, sent_at),
            Happening::Renewed(node, sent_at) => self.renewed(node, sent_at),
            Happening::Watches(node, asked_at) => self.watches(node, asked_at),
            Happening::Watched(node, asked_at, beats) => self.watched(node, asked_at, beats),
            Happening::Wakes(node) => self.wakes(node),
            Happening::Parked(node) => self.ends_in_good_order(node),
            Happening::Plays(player) => self.plays(player),
            Happening::Speaks(player) => self.speaks(player),
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
    pub(super) fn after_node(&mut self, id: NodeId, cohort: CohortId) {
        while let Some(found) = self.nodes.get_mut(&id).and_then(|node| node.cohorts.get_mut(&cohort)) {
            if let Some(output) = found.poll_output() {
                self.node_does(id, cohort, output);
                continue;
            }
            let mut dirty = Vec::new();
            found.take_dirty(|link| dirty.push(link));
            if dirty.is_empty() {
                break;
            }
            // All of them before the first is closed: with that a cohort may be gone.
            dirty.retain(|link| self.pump_open_node(id, cohort, *link));
            for link in dirty {
                self.close_end(PipeId(link.0), End::Node);
            }
        }
        let node = self.nodes.get_mut(&id);
        if let Some(node) = node
            && node.cohorts.get(&cohort).is_some_and(Cohort::is_gone)
        {
            node.cohorts.remove(&cohort);
        }
        self.watch_cohort(id, cohort);
        let now = self.now;
        let due = self.nodes.get_mut(&id).and_then(|node| node.poll_timeout(cohort, now));
        self.timers.set(Actor::Cohort(id, cohort), due);
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
                let delay = self.directory_delay(cohort);
                self.schedule(delay, Happening::Asked(node, cohort, asker, number, ask));
            }
            Output::PickTarget(tried) => {
                let target = self.pick(node, &tried);
                self.call(node, cohort, |cohort, env| cohort.on_target_picked(target, env));
            }
            Output::PickProbed { tried, .. } => {
                let target = self.pick(node, &tried).map(|target| (target, 0));
                self.call(node, cohort, |cohort, env| cohort.on_probe_target(target, env));
            }
            Output::Probed(report) => {
                self.note(|| format!("{node} has probed {cohort}: {report:?}"));
                self.probed.push((node, cohort, *report));
            }
            Output::Snapshot(asker, number, ask) => {
                let delay = self.directory_delay(cohort);
                let storing = Box::new(Storing { asker, number, ask });
                self.schedule(delay, Happening::SnapshotAsked(node, cohort, storing));
            }
            Output::ReadLeases(number) => {
                let delay = self.directory_delay(cohort);
                let Some(host) = self.nodes.get(&node) else { return };
                let asked_at = host.clock.mono(self.now);
                self.schedule(delay, Happening::LeasesAsked(node, cohort, number, asked_at));
            }
            Output::RememberRefusal(id) => {
                self.note(|| format!("{node} refuses {id}"));
                if let Some(node) = self.nodes.get_mut(&node) {
                    node.refused.insert(id);
                }
            }
            Output::Forget { held, .. } => {
                let delay = self.directory_delay(cohort);
                self.schedule(delay, Happening::Forgotten(node, cohort, held.revision));
            }
            Output::Room(ask) => self.ask_for_room(node, cohort, ask),
            Output::Split(lone) => self.split(node, *lone),
            Output::List => self.list_room(node, cohort),
            Output::Dismiss(links) => self.dismiss(&links),
            Output::Report(report) => {
                self.note(|| format!("{node} reports {report:?}"));
                if let Report::Froze { .. } = report {
                    self.note_freeze(node, cohort);
                }
                self.history.lock().push(Entry::Reported(node, cohort, report));
            }
        }
    }

    /// A node to move to.
    fn pick(&self, source: NodeId, tried: &[NodeId]) -> Option<NodeId> {
        let free = |id: &NodeId| *id != source && !tried.contains(id);
        let online = self.nodes.values().filter(|other| other.view.offline.is_none());
        online.map(|other| other.view.id).find(free)
    }

    pub(super) fn send_peer(&mut self, from: NodeId, to: NodeId, frame: Peer) {
        let outbox = self.outboxes.entry((from, to)).or_default();
        // A baton that still waits need not be said twice.
        let waits = |waiting: &Peer| matches!((waiting, &frame), (Peer::Baton { id: a, .. }, Peer::Baton { id: b, .. }) if a == b);
        if outbox.iter().any(waits) {
            return;
        }
        let cohort = frame.cohort().unwrap_or_default();
        outbox.push_back(frame);
        let range = self.delays.outbox_us.clone();
        let delay = self.chance(Stream::Peers(from, to, cohort)).micros(&range);
        self.schedule(delay, Happening::Leaves(from, to));
    }

    fn leaves(&mut self, from: NodeId, to: NodeId) {
        if self.stalled.contains(&(from, to)) || !self.nodes.contains_key(&from) {
            return;
        }
        if !self.nodes.contains_key(&to) {
            // Batons wait until they are taken back (b).
            let outbox = self.outboxes.entry((from, to)).or_default();
            return outbox.retain(|frame| matches!(frame, Peer::Baton { .. }));
        }
        let Some(frame) = self.outboxes.entry((from, to)).or_default().pop_front() else { return };
        let name = frame.name();
        if let Peer::Baton { id, .. } = &frame {
            let id = *id;
            self.call(from, id.cohort, |cohort, env| cohort.on_baton_left(id, env));
        }
        let fault = self.fault(name);
        let (weather, range) = (self.peers, self.delays.peer_us.clone());
        let stream = Stream::Peers(from, to, frame.cohort().unwrap_or_default());
        let unlucky = self.chance(stream).in_thousand(weather.loss);
        let lost = fault == Some(Fault::Lose) || self.cuts.contains(&(from, to)) || unlucky;
        self.note(|| format!("{from} -> {to} {name}{}", if lost { " (lost)" } else { "" }));
        if lost {
            return;
        }
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        let doubled = fault == Some(Fault::Duplicate) || self.chance(stream).in_thousand(weather.doubles);
        for _ in 0..if doubled { 2 } else { 1 } {
            let delay = self.chance(stream).micros(&range);
            let overtaken = self.chance(stream).in_thousand(weather.late);
            let last = self.peer_last_at.entry((from, to)).or_default();
            let at = if overtaken {
                self.now + delay * 4 + Duration::from_millis(20)
            } else {
                *last = (*last).max(self.now + delay);
                *last
            };
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
            Peer::Probe { id, from, fence, members, .. } => {
                if let Some(reason) = node.why_not_here(now) {
                    return self.send_peer(to, from, Peer::Refused { id, reason });
                }
                let settings = node.settings.clone();
                let cohort = node.cohorts.entry(id.cohort);
                cohort.or_insert_with(|| Cohort::expect(id, &members, settings));
                self.call(to, id.cohort, |cohort, env| cohort.on_probe(id, from, fence, &members, env));
            }
            Peer::Prepare { id, from, fence, members, mode, .. } => {
                if let Some(reason) = node.why_not_here(now) {
                    return self.send_peer(to, from, Peer::Refused { id, reason });
                }
                let refused_before = node.refused.contains(&id);
                let settings = node.settings.clone();
                let cohort = node.cohorts.entry(id.cohort);
                cohort.or_insert_with(|| Cohort::expect(id, &members, settings));
                self.call(to, id.cohort, |cohort, env| {
                    cohort.on_prepare(id, from, fence, &members, mode, refused_before, env);
                });
            }
            Peer::Baton { id, baton } => {
                let settings = node.settings.clone();
                let cohort = node.cohorts.entry(id.cohort);
                cohort.or_insert_with(|| Cohort::unknown(id.cohort, to, settings));
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
            | Peer::AheadAck { id, .. }
            | Peer::Cancel { id } => {
                self.call(to, id.cohort, |cohort, env| cohort.on_peer(from, frame, env));
            }
            Peer::Wanted { room } => {
                self.call(to, room, |cohort, env| cohort.on_peer(from, frame, env));
            }
            Peer::Close { session, .. } => {
                if let Some(holder) = self.holder(to, session) {
                    self.call(to, holder, |cohort, env| cohort.on_peer(from, frame, env));
                }
            }
            Peer::LeaseOver => {
                let cohorts: Vec<CohortId> = node.cohorts.keys().copied().collect();
                for cohort in cohorts {
                    self.call(to, cohort, |cohort, env| _ = cohort.let_clients_go(env));
                }
            }
            Peer::Hello { .. } | Peer::Credit { .. } => {}
        }
    }

    fn asked(&mut self, node: NodeId, cohort: CohortId, asker: Asker, number: u64, ask: Ask) {
        let (after, answer) = self.directory_answers(node, asker.key(cohort), ask);
        self.schedule(after, Happening::Answered(node, cohort, asker, number, answer));
    }

    /// A node cannot ask the engine anything at the moment.
    pub(super) fn is_cut_off(&self, node: NodeId) -> bool {
        self.directory.down || self.cut_from_engine.contains(&node)
    }

    /// A question has reached the directory: what the node hears, and after how long.
    pub(super) fn directory_answers(
        &mut self,
        node: NodeId,
        cohort: CohortId,
        ask: Ask,
    ) -> (Duration, Answer) {
        let unreachable = self.is_cut_off(node);
        let lost = match ask {
            Ask::Cas { .. } => self.directory.lose_answer.take(),
            Ask::Read => self.directory.loses_read().then_some(Landing::Never),
        };
        if unreachable || lost.is_some() {
            match lost {
                Some(Landing::Landed) if !unreachable => self.happen(Happening::Lands(cohort, ask)),
                Some(Landing::Later(after)) => self.schedule(after, Happening::Lands(cohort, ask)),
                Some(Landing::Landed | Landing::Never) | None => {}
            }
            self.note(|| format!("{node} gets no answer to {ask:?}"));
            return (DIRECTORY_MAX, Directory::no_answer(ask));
        }
        let answer = self.directory.answer(cohort, ask);
        self.record_written(cohort, ask, answer);
        (self.directory_delay(cohort), answer)
    }

    /// The deletion of a record is repeated until it is done.
    fn forgotten(&mut self, node: NodeId, cohort: CohortId, revision: Revision) {
        if !self.nodes.contains_key(&node) {
            return;
        }
        if self.is_cut_off(node) {
            return self.schedule(DIRECTORY_MAX, Happening::Forgotten(node, cohort, revision));
        }
        if self.directory.delete(cohort, revision) {
            self.history.lock().push(Entry::Recorded(cohort, None));
        }
        self.call(node, cohort, |cohort, _| cohort.on_forgotten());
    }

    fn record_written(&mut self, cohort: CohortId, ask: Ask, answer: Answer) {
        if let (Ask::Cas { record, .. }, Answer::Cas(CasAnswer::Won(_))) = (ask, answer) {
            self.note(|| format!("{cohort} {} {} {:?}", record.owner, record.epoch, record.phase));
            self.history.lock().push(Entry::Recorded(cohort, Some(record)));
        }
    }
}
