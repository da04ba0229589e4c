//! Going offline: clients are told, cohorts leave as their games ask for it, what is left is moved at the
//! deadline, and an empty node stops.

use super::{Node, Phase, now};
use crate::engine::Standing;
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::ids::NodeId;
use sterna::protocol::reasons::{CloseReason, OfflineReason};

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainReport {
    /// From the order to the moment when the node was empty.
    pub took: Duration,
    /// Sessions that no other node could take, and that were ended.
    pub closed: usize,
}

/// Share of the drain's time that is kept for moves that have to be forced.
const FORCED_SHARE: u32 = 5;

/// How long forced moves may take at the least, however short the drain is.
const FORCED_TIME_MIN: Duration = Duration::from_millis(500);

impl Node {
    /// Goes offline: no new users, no arrivals. False if it was offline already.
    pub fn begin_drain(self: &Arc<Self>, deadline: Duration, reason: OfflineReason) -> bool {
        {
            let mut phase = self.phase.lock();
            if let Phase::Offline { .. } = *phase {
                return false;
            }
            *phase = Phase::Offline { reason, deadline: now() + deadline };
        }
        tracing::info!(node = %self.name, sessions = self.sessions(), "offline: {reason}");
        true
    }

    /// Drains the node: returns when it is empty, and it has stopped. False in `begin_drain` must have been
    /// seen to by the caller.
    pub async fn drain(self: &Arc<Self>, deadline: Duration) -> DrainReport {
        let began = now();
        let _ = self.publish().await; // a failure is made good with the next renewal
        for slot in self.held_slots() {
            slot.with(self, None, |cohort, env| cohort.tell_offline(env));
        }
        let forced_time = (deadline / FORCED_SHARE).max(FORCED_TIME_MIN).min(deadline);
        let mut closed = 0;
        if !self.empty_within(deadline - forced_time).await {
            self.force_all();
            if !self.empty_within(forced_time).await {
                closed = self.close_all();
                self.empty_within(FORCED_TIME_MIN).await;
            }
        }
        let took = now().since(began);
        self.stop().await;
        tracing::info!(node = %self.name, took_ms = took.as_millis() as u64, closed, "empty, stopped");
        DrainReport { took, closed }
    }

    async fn empty_within(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.until_empty()).await.is_ok()
    }

    /// Waits until the node is responsible for no session.
    pub async fn until_empty(&self) {
        loop {
            // Registered before looking, so that what ends in between is not missed.
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.held_slots().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    fn force_all(self: &Arc<Self>) {
        let left = self.held_slots();
        tracing::warn!(node = %self.name, sessions = left.len(), "the deadline is near: moving without asking");
        for slot in left {
            slot.with(self, None, |cohort, env| cohort.force(env));
        }
    }

    fn close_all(self: &Arc<Self>) -> usize {
        let left = self.held_slots();
        for slot in &left {
            slot.with(self, None, |cohort, env| cohort.close(CloseReason::NodeStopped, env));
        }
        if !left.is_empty() {
            tracing::error!(node = %self.name, sessions = left.len(), "no node took these sessions: ended");
        }
        left.len()
    }

    /// Stops: says goodbye to the engine, then closes listeners and links between nodes.
    pub async fn stop(&self) {
        if *self.stopped.borrow() {
            return;
        }
        // (e) Written only after the node has stopped serving.
        let _ = self.shared.engine.goodbye(self.id).await;
        let _ = self.stopped.send(true);
        for outbox in self.outboxes.lock().values() {
            outbox.wake();
        }
    }

    /// Whether it has stopped.
    pub fn has_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// The better of two nodes taken at random among those that are online, run the same application
    /// version or a later one, and have not been tried.
    pub(super) fn pick_target(&self, tried: &[NodeId]) -> Option<NodeId> {
        let mut candidates: Vec<_> = self
            .shared
            .engine
            .nodes()
            .into_iter()
            .filter(|info| {
                info.id != self.id
                    && info.standing == Standing::Online
                    && info.app_version >= self.shared.application.version()
                    && !tried.contains(&info.id)
            })
            .collect();
        let random = super::random_u64().unwrap_or_default();
        while candidates.len() > 2 {
            candidates.swap_remove((random >> candidates.len().min(32)) as usize % candidates.len());
        }
        let loads = self.expected_loads(&candidates.iter().map(|info| info.id).collect::<Vec<_>>());
        candidates
            .into_iter()
            .zip(loads)
            .min_by_key(|(info, sent)| info.sessions + sent)
            .map(|(info, _)| info.id)
    }

    /// What this node has sent to others since they last published: their published load lags behind.
    fn expected_loads(&self, nodes: &[NodeId]) -> Vec<u64> {
        let outboxes = self.outboxes.lock();
        nodes.iter().map(|node| outboxes.get(node).map_or(0, |outbox| outbox.prepared())).collect()
    }
}
