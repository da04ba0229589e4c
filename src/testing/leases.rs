//! The drivers of leases: each node renews its own (rule e) and watches the others' (rule d).

use super::Cluster;
use super::happenings::{DIRECTORY_MAX, Happening};
use super::random::Stream;
use crate::protocol::cohort::Cohort;
use crate::protocol::ids::{CohortId, NodeId};
use crate::protocol::lease::Heartbeat;
use crate::protocol::limits;
use crate::protocol::time::{BootTime, Time};
use crate::protocol::wire::Peer;
use std::collections::BTreeMap;
use std::time::Duration;

/// Pause between two looks of a node at its lease.
const TICK: Duration = Duration::from_millis(250);

impl Cluster {
    /// A node looks after its lease, and at the others'.
    pub(super) fn tick(&mut self, id: NodeId) {
        let now = self.now;
        let Some(node) = self.nodes.get(&id) else { return };
        if !node.is_permitted(now) {
            self.fence(id);
        }
        let delay = self.lease_delay(id);
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let (local, sent_at) = (node.clock.mono(now), node.clock.boot(now));
        if node.fenced || node.renewal_sent_at.is_none_or(|at| local.since(at) >= limits::LEASE_RENEW) {
            node.renewal_sent_at = Some(local);
            self.schedule(delay, Happening::Renews(id, sent_at));
        }
        let delay = self.lease_delay(id);
        self.schedule(delay, Happening::Watches(id, local));
        self.schedule(TICK, Happening::Tick(id));
    }

    fn lease_delay(&mut self, id: NodeId) -> Duration {
        let range = self.delays.directory_us.clone();
        self.chance(Stream::Leases(id)).micros(&range)
    }

    pub(super) fn renews(&mut self, id: NodeId, sent_at: BootTime) {
        if !self.is_cut_off(id) && self.nodes.contains_key(&id) {
            self.directory.beat(id);
            let delay = self.lease_delay(id);
            self.schedule(delay, Happening::Renewed(id, sent_at));
        }
    }

    pub(super) fn watches(&mut self, id: NodeId, asked_at: Time) {
        let read = !self.is_cut_off(id) && !self.directory.loses_read();
        let beats = read.then(|| self.heartbeats(id));
        let delay = if read { self.lease_delay(id) } else { DIRECTORY_MAX };
        self.schedule(delay, Happening::Watched(id, asked_at, beats));
    }

    /// All heartbeats, and that there is none of those that are named, by records or by moves of who asks.
    pub(super) fn heartbeats(&self, asker: NodeId) -> Vec<(NodeId, Heartbeat)> {
        let partners = self.nodes.get(&asker).into_iter().flat_map(|node| node.cohorts.values());
        let named = partners.filter_map(Cohort::depends_on).chain(self.directory.nodes_named());
        let mut beats: BTreeMap<NodeId, Heartbeat> = named.map(|node| (node, Heartbeat::NONE)).collect();
        beats.extend(self.directory.heartbeats.iter().map(|(node, beat)| (*node, *beat)));
        beats.into_iter().collect()
    }

    pub(super) fn watched(&mut self, id: NodeId, asked_at: Time, beats: Option<Vec<(NodeId, Heartbeat)>>) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Some(beats) = beats else { return node.watch.read_failed() };
        let local = node.clock.mono(now);
        for (other, beat) in &beats {
            node.watch.observed(*other, *beat, asked_at, local);
            node.seen.insert(*other);
        }
        node.watch.others_have_changed(&beats.iter().map(|(other, _)| *other).collect());
        let gone = node.gone();
        if gone.is_empty() {
            return;
        }
        let depends = |cohort: &Cohort| cohort.depends_on().filter(|on| gone.contains(on));
        let alive: Vec<NodeId> = gone.iter().copied().filter(|gone| self.nodes.contains_key(gone)).collect();
        let Some(node) = self.nodes.get(&id) else { return };
        let orphans: Vec<(CohortId, NodeId)> =
            node.cohorts.iter().filter_map(|(id, cohort)| Some((*id, depends(cohort)?))).collect();
        for (cohort, gone) in orphans {
            self.call(id, cohort, |cohort, env| cohort.on_node_gone(gone, env));
        }
        for other in alive {
            self.send_peer(id, other, Peer::LeaseOver);
        }
    }

    /// (e) Before a fenced node renews its lease it drops every preparation.
    fn fence(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if std::mem::replace(&mut node.fenced, true) {
            return;
        }
        let cohorts: Vec<CohortId> = node.cohorts.keys().copied().collect();
        self.note(|| format!("{id} is fenced"));
        self.count("fenced");
        for cohort in cohorts {
            self.call(id, cohort, |cohort, env| cohort.on_fenced(env));
        }
    }

    pub(super) fn renewed(&mut self, id: NodeId, sent_at: BootTime) {
        let now = self.now;
        let Some(node) = self.nodes.get(&id) else { return };
        if !node.is_permitted(now) {
            self.fence(id);
        }
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if node.fenced {
            node.lease.restart(sent_at);
        } else {
            let boot = node.clock.boot(now);
            assert!(node.lease.renewed(sent_at, boot), "{id} has been fenced if its lease has run out");
        }
        if node.is_permitted(now) && std::mem::take(&mut node.fenced) {
            let cohorts: Vec<CohortId> = node.cohorts.keys().copied().collect();
            self.note(|| format!("{id} is back"));
            for cohort in cohorts {
                self.call(id, cohort, |cohort, env| cohort.on_unfenced(env));
            }
        }
    }
}
