//! What the judge sees by looking from outside, after everything that happens: who serves, where clients
//! are, and how much memory is in use.

use super::history::Entry;
use super::{Cluster, PlayerId};
use crate::client::event::Batch;
use crate::protocol::client::Standing;
use crate::protocol::ids::{CohortId, Epoch, Fence, NodeId};
use crate::protocol::limits;

/// What may wait for a game that does not take its events: the window, what was granted besides while a
/// move was under way, and the message that went over it.
const INBOX_COST_MAX: u64 =
    2 * limits::CREDIT_BYTES + limits::ATTACH_CREDIT_BYTES + limits::MESSAGE_BYTES_MAX as u64;

/// What a session may keep of its uplink: the window, and the message that went over it.
const KEPT_BYTES_MAX: usize = limits::CREDIT_BYTES as usize + limits::MESSAGE_BYTES_MAX as usize;

impl Cluster {
    /// At which fence a node serves a cohort at this moment, as anyone could see who looked into it.
    fn serves(&self, node: NodeId, cohort: CohortId) -> Option<Fence> {
        let node = self.nodes.get(&node).filter(|node| node.is_permitted(self.now))?;
        let cohort = node.cohorts.get(&cohort)?;
        let session = cohort.sessions().next()?;
        (cohort.is_served() && session.closed().is_none()).then(|| session.fence())
    }

    /// Something has happened to a cohort of a node.
    pub(super) fn watch_cohort(&mut self, node: NodeId, cohort: CohortId) {
        self.watch_limits(node, cohort);
        let now = self.serves(node, cohort);
        let before = self.serving.get(&cohort).and_then(|serving| serving.get(&node)).copied();
        if now == before {
            return;
        }
        match now {
            Some(fence) => {
                // A lease runs out without anything happening to the cohort.
                self.forget_who_has_stopped(cohort);
                self.serving.entry(cohort).or_default().insert(node, fence);
                self.history.lock().push(Entry::Serves(node, cohort, fence));
            }
            None => self.stops(node, cohort),
        }
    }

    fn forget_who_has_stopped(&mut self, cohort: CohortId) {
        let serving = self.serving.get(&cohort).into_iter().flatten();
        let stopped: Vec<NodeId> =
            serving.map(|(node, _)| *node).filter(|node| self.serves(*node, cohort).is_none()).collect();
        for node in stopped {
            self.stops(node, cohort);
        }
    }

    fn stops(&mut self, node: NodeId, cohort: CohortId) {
        if let Some(serving) = self.serving.get_mut(&cohort) {
            serving.remove(&node);
            self.history.lock().push(Entry::Stops(node, cohort));
        }
    }

    fn watch_limits(&mut self, node: NodeId, id: CohortId) {
        let Some(cohort) = self.nodes.get(&node).and_then(|node| node.cohorts.get(&id)) else { return };
        let Some(session) = cohort.sessions().next() else { return };
        let state_bytes_max = self.settings.replay_bytes_max + self.settings.user_data_bytes_max + 256;
        if session.state_bytes() > state_bytes_max {
            let text = format!("{node} holds {} bytes of {id}", session.state_bytes());
            self.history.lock().push(Entry::Overflowed(text));
        }
        if session.kept_bytes() > KEPT_BYTES_MAX {
            let text = format!("{node} keeps {} bytes that {id} has sent", session.kept_bytes());
            self.history.lock().push(Entry::Overflowed(text));
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
        crate::client::event::Event::Push { .. } | crate::client::event::Event::Response { .. } => {
            Batch::cost(bytes)
        }
        _ => 0,
    }
}
