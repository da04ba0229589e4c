//! Going offline: clients are told, cohorts leave as their games ask for it, what is left is moved at the
//! deadline, and an empty node stops.

use super::{Node, Phase, now};
use crate::engine::Standing;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use sterna::protocol::ids::NodeId;
use sterna::protocol::lease::Lease;
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

/// Within the time for forced moves, what found no target tries this often again: one may come online.
const FORCED_TRIES: u32 = 4;

/// How long a node that stops waits for its links to end.
const STOP_MAX: Duration = Duration::from_secs(3);

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
        for slot in self.all_slots() {
            slot.with(self, None, |cohort, env| {
                cohort.decline(env);
                cohort.tell_offline(env);
            });
        }
        let forced_time = (deadline / FORCED_SHARE).max(FORCED_TIME_MIN).min(deadline);
        let mut closed = 0;
        if !self.empty_within(deadline - forced_time).await {
            let mut empty = false;
            for _ in 0..FORCED_TRIES {
                self.force_all();
                empty = empty || self.empty_within(forced_time / FORCED_TRIES).await;
                if empty {
                    break;
                }
            }
            if !empty {
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
            if self.sessions() == 0 {
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

    /// Stops, whoever still plays here: ends what is left, says goodbye to the engine, and lets go of all
    /// ports.
    pub async fn stop(self: &Arc<Self>) {
        if self.stopping.swap(true, Ordering::AcqRel) {
            return;
        }
        // Before links see that the node has stopped, for they close then; and once more for whoever was
        // let in meanwhile.
        self.close_all();
        self.stopped.send_replace(true);
        self.close_all();
        let keeper = self.lease_keeper.lock().take();
        if let Some(keeper) = keeper {
            let _ = keeper.await; // a renewal under way would come after the goodbye
        }
        // (e) From here on nothing is served; only then the goodbye is written.
        *self.lease.write() = Lease::new(self.shared.config.times.self_fence);
        let _ = self.shared.engine.goodbye(self.id).await;
        for outbox in self.outboxes.lock().values() {
            outbox.wake();
        }
        self.tasks.close();
        if tokio::time::timeout(STOP_MAX, self.tasks.wait()).await.is_err() {
            tracing::warn!(node = %self.name, links = self.tasks.len(), "some links do not end: left to themselves");
        }
        let slots = std::mem::take(&mut *self.slots.lock());
        for slot in slots.values() {
            slot.abandon();
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
            .live_nodes()
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
        let (published, now) = (self.shared.config.times.lease_renew, now());
        let outboxes = self.outboxes.lock();
        let prepared = |node| outboxes.get(node).map_or(0, |outbox| outbox.prepared_within(published, now));
        nodes.iter().map(prepared).collect()
    }
}
