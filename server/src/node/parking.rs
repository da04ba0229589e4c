//! What becomes of sessions that no other node has taken when a node stops: they end, or, where the engine outlives its
//! nodes, wait in its store of snapshots until there is a node for them.

use super::Node;
use crate::config::Durability;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use sterna::protocol::reasons::CloseReason;

/// How long a node that stops waits at the most until its sessions are stored. What is not stored by then goes on from
/// its last snapshot, as after a crash.
const PARK_MAX: Duration = Duration::from_secs(5);

/// How long a node that stops waits until what is stored of ended sessions is deleted.
const END_MAX: Duration = Duration::from_millis(500);

/// Sessions that no other node has taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// They were ended.
    pub(super) closed: usize,
    /// They wait in the store.
    pub(super) parked: usize,
}

impl Node {
    /// Whether it stops, and has its sessions wait in the store: it takes nothing over any more.
    pub(super) fn is_parking(&self) -> bool {
        self.parking.load(Ordering::Acquire)
    }

    /// Lets go of everything that is still here, and waits until that is done.
    pub(super) async fn leave_all(self: &Arc<Self>) -> Left {
        if self.can_park() {
            return Left { closed: 0, parked: self.park_all().await };
        }
        let closed = self.close_all();
        if closed > 0 {
            self.empty_within(END_MAX).await;
        }
        Left { closed, parked: 0 }
    }

    /// Whether what is stored of a session is there after this process.
    pub(super) fn can_park(&self) -> bool {
        self.shared.engine.outlives_nodes() && self.shared.config.durability != Durability::None
    }

    async fn park_all(self: &Arc<Self>) -> usize {
        if self.parking.swap(true, Ordering::AcqRel) {
            return 0; // all that could be done has been done
        }
        let mut sessions = 0;
        for slot in self.held_slots() {
            sessions += slot.with(self, None, |cohort, env| {
                let left = if cohort.is_passed_on() { 0 } else { cohort.sessions().len() };
                cohort.park(env);
                left
            });
        }
        if sessions > 0 {
            tracing::error!(node = %self.name, sessions, "no node took these sessions: they wait in the store");
            if !self.empty_within(PARK_MAX).await {
                let left = self.sessions();
                tracing::error!(node = %self.name, sessions = left, "the store does not answer: as after a crash");
                // They wait, too, although with what was stored of them before.
                (0..left).for_each(|_| self.metrics.session_ended(CloseReason::ResumeLater));
            }
        }
        sessions
    }

    /// Ends all sessions that have not been passed on: gives how many that were.
    pub(super) fn close_all(self: &Arc<Self>) -> usize {
        let mut closed = 0;
        for slot in self.held_slots() {
            slot.with(self, None, |cohort, env| {
                // (c) What has left is the target's, although this node does not know yet how that ends.
                if !cohort.is_passed_on() {
                    closed += cohort.sessions().len();
                    cohort.close_all(CloseReason::NodeStopped, env);
                }
            });
        }
        if closed > 0 {
            tracing::error!(node = %self.name, sessions = closed, "no node took these sessions: ended");
        }
        closed
    }
}
