//! What the judge sees by looking from outside, after everything that happens: who serves, where clients
//! are, and how much memory is in use.

use super::history::Entry;
use super::{Cluster, PlayerId};
use crate::client::event::Batch;
use crate::protocol::client::Standing;
use crate::protocol::ids::{CohortId, Epoch, Fence, NodeId};
use crate::protocol::limits;
use std::collections::BTreeMap;

/// What may wait for a game that does not take its events: the window, what was granted besides while a
/// move was under way, and the message that went over it.
const INBOX_COST_MAX: u64 =
    2 * limits::CREDIT_BYTES + limits::ATTACH_CREDIT_BYTES + limits::MESSAGE_BYTES_MAX as u64;

/// What a session may keep of its uplink: the window, and the message that went over it.
const KEPT_BYTES_MAX: usize = limits::CREDIT_BYTES as usize + limits::MESSAGE_BYTES_MAX as usize;

impl Cluster {
    /// What a node serves of a cohort at this moment, as anyone could see who looked into it: the cohort, and the
    /// sessions of a room, each at its fence.
    fn serves(&self, node: NodeId, id: CohortId) -> BTreeMap<CohortId, Fence> {
        let node = self.nodes.get(&node).filter(|node| node.is_permitted(self.now));
        let Some(cohort) = node.and_then(|node| node.cohorts.get(&id)) else { return BTreeMap::new() };
        let sessions = cohort.sessions();
        let served = sessions.filter_map(|session| Some((session.id().into(), cohort.serves(session)?)));
        let room = cohort.room().filter(|_| cohort.is_served()).map(|_| (id, cohort.fence()));
        served.chain(room).collect()
    }

    /// Something has happened to a cohort of a node.
    pub(super) fn watch_cohort(&mut self, node: NodeId, cohort: CohortId) {
        self.watch_limits(node, cohort);
        let now = self.serves(node, cohort);
        let before = self.served_as.get(&(node, cohort)).cloned().unwrap_or_default();
        if now == before {
            return;
        }
        for served in before.keys().filter(|served| !now.contains_key(served)) {
            self.stops(node, cohort, *served);
        }
        for (served, fence) in now {
            if before.get(&served) == Some(&fence) {
                continue;
            }
            // A lease runs out without anything happening to the cohort.
            self.forget_who_has_stopped(served);
            self.begins(node, cohort, served, fence);
        }
    }

    fn begins(&mut self, node: NodeId, cohort: CohortId, served: CohortId, fence: Fence) {
        let before = self.serving.entry(served).or_default().insert(node, (cohort, fence));
        self.served_as.entry((node, cohort)).or_default().insert(served, fence);
        let mut history = self.history.lock();
        if let Some((other, _)) = before.filter(|(other, _)| *other != cohort) {
            history.push(Entry::ServedTwice(format!("{node} serves {served} as {cohort} and as {other}")));
        }
        history.push(Entry::Serves(node, served, fence));
    }

    fn forget_who_has_stopped(&mut self, served: CohortId) {
        let serving = self.serving.get(&served).into_iter().flatten();
        let stopped: Vec<(NodeId, CohortId)> = serving
            .map(|(node, (cohort, _))| (*node, *cohort))
            .filter(|(node, cohort)| !self.serves(*node, *cohort).contains_key(&served))
            .collect();
        for (node, cohort) in stopped {
            self.stops(node, cohort, served);
        }
    }

    fn stops(&mut self, node: NodeId, cohort: CohortId, served: CohortId) {
        if let Some(of_cohort) = self.served_as.get_mut(&(node, cohort)) {
            of_cohort.remove(&served);
            if of_cohort.is_empty() {
                self.served_as.remove(&(node, cohort));
            }
        }
        if let Some(serving) = self.serving.get_mut(&served)
            && serving.get(&node).is_some_and(|(by, _)| *by == cohort)
        {
            serving.remove(&node);
            self.history.lock().push(Entry::Stops(node, served));
        }
    }

    fn watch_limits(&mut self, node: NodeId, id: CohortId) {
        let Some(cohort) = self.nodes.get(&node).and_then(|node| node.cohorts.get(&id)) else { return };
        let state_bytes_max = self.settings.replay_bytes_max + self.settings.user_data_bytes_max + 256;
        for session in cohort.sessions() {
            let whose = session.id();
            if session.state_bytes() > state_bytes_max {
                let text = format!("{node} holds {} bytes of {whose}", session.state_bytes());
                self.history.lock().push(Entry::Overflowed(text));
            }
            if session.kept_bytes() > KEPT_BYTES_MAX {
                let text = format!("{node} keeps {} bytes that {whose} has sent", session.kept_bytes());
                self.history.lock().push(Entry::Overflowed(text));
            }
        }
    }

    /// Something has happened to a client.
    pub(super) fn watch_client(&mut self, id: PlayerId) {
        let player = &mut self.players[id.0];
        let (epoch, standing) = (player.client.epoch(), player.client.standing());
        if epoch != player.seen_at && standing != Standing::Idle && epoch > Epoch(0) {
            player.seen_at = epoch;
            player.inbox.epoch = epoch;
            self.history.lock().push(Entry::Follows(id, epoch));
        }
        let waiting: u64 = player.inbox.cost;
        if waiting > INBOX_COST_MAX {
            self.history
                .lock()
                .push(Entry::Overflowed(format!("{waiting} bytes wait for the game of {id:?}")));
        }
        let unacknowledged = player.client.unacknowledged_bytes();
        if unacknowledged > limits::REPLAY_BYTES_MAX {
            let text = format!("{id:?} keeps {unacknowledged} bytes to send again");
            self.history.lock().push(Entry::Overflowed(text));
        }
    }

    /// Counts what the search has come through.
    pub(super) fn count(&mut self, what: &'static str) {
        *self.history.lock().counts.entry(what).or_default() += 1;
    }
}

/// What an event costs while it waits for the game.
pub(super) fn waiting_cost(event: &crate::client::event::Event, bytes: usize) -> u64 {
    match event {
        crate::client::event::Event::Push { .. }
        | crate::client::event::Event::Response { .. }
        | crate::client::event::Event::Room(_) => Batch::cost(bytes),
        _ => 0,
    }
}
