//! Going offline: clients are told, cohorts leave as their games ask for it, what is left is moved at the
//! deadline, and an empty node stops.

use super::parking::Left;
use super::{Node, Phase, now};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use sterna::protocol::lease::Lease;
use sterna::protocol::reasons::OfflineReason;
use sterna::protocol::time::Time;

/// What a node that goes offline is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainOrder {
    /// How long players may take; what is left is moved without asking, so as to be gone by then. Zero: all are
    /// moved without asking, now, in the time that this takes.
    pub deadline: Duration,
    /// What clients are told.
    pub reason: OfflineReason,
    /// Nodes with an older version of the application take them as well: a roll-back.
    pub any_version: bool,
}

impl DrainOrder {
    /// As usual: only to nodes with the same version of the application, or a later one.
    pub fn new(deadline: Duration, reason: OfflineReason) -> Self {
        Self { deadline, reason, any_version: false }
    }

    /// The time that players are given. In less than some nobody could be moved, and all would be ended.
    fn length(&self) -> Duration {
        if self.deadline.is_zero() { Duration::ZERO } else { self.deadline.max(FORCED_TIME_MIN) }
    }
}

/// How a drain ended, or several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// From the order to the moment when the node was empty.
    pub took: Duration,
    /// Sessions that no other node could take, and that were ended.
    pub closed: usize,
    /// Sessions that no other node could take, and that wait in the engine's store until one can.
    pub parked: usize,
}

impl DrainReport {
    /// This drain, and another one beside it.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            took: self.took.max(other.took),
            closed: self.closed + other.closed,
            parked: self.parked + other.parked,
        }
    }
}

/// Rooms that nobody has moved by then are moved after this share of the drain's time.
const ROOM_SHARE: u32 = 2;

/// Share of the drain's time that is kept at the least for moves that have to be forced.
const FORCED_SHARE: u32 = 5;

/// ... and at the most: games that would have asked are given a chance, however many they are.
const FORCED_SHARE_MAX: u32 = 2;

/// Time that is kept for each session that has not left: its move, and its client's handshake, on a machine
/// that has other things to do. With many left, forced moves begin earlier.
const FORCED_EACH: Duration = Duration::from_millis(4);

/// How long forced moves may take at the least, however short the drain is.
const FORCED_TIME_MIN: Duration = Duration::from_millis(500);

/// Within the time for forced moves, what found no target tries this often again: one may come online. The last
/// time no move waits for its turn.
const FORCED_TRIES: u32 = 4;

/// How long a node that stops waits for its links to end.
const STOP_MAX: Duration = Duration::from_secs(3);

impl Node {
    /// Goes offline: no new users, no arrivals. False if it was offline already.
    pub fn begin_drain(self: &Arc<Self>, order: DrainOrder) -> bool {
        let DrainOrder { reason, any_version, .. } = order;
        let length = order.length();
        {
            let mut phase = self.phase.lock();
            if let Phase::Offline { .. } = *phase {
                return false;
            }
            let rooms_leave_at = now() + length / ROOM_SHARE;
            let deadline = now() + self.time_for(length);
            *phase = Phase::Offline { reason, rooms_leave_at, deadline, length, any_version };
        }
        self.abandon_dry_run(); // what is real comes first
        self.note_drain(now());
        tracing::info!(node = %self.name, sessions = self.sessions(), "offline: {reason}");
        true
    }

    /// Gives the drain under way an earlier deadline, and tells the clients. False: it is not earlier, or there is
    /// no drain.
    pub fn hasten_drain(self: &Arc<Self>, order: DrainOrder) -> bool {
        {
            let mut phase = self.phase.lock();
            let Phase::Offline { rooms_leave_at, deadline, length, any_version, .. } = &mut *phase else {
                return false;
            };
            let sooner = now() + self.time_for(order.length());
            // Who is to be moved without asking anyway is not left alone for a later deadline.
            let at_once = order.length().is_zero() && !length.is_zero();
            if self.has_stopped() || (sooner >= *deadline && !at_once) {
                return false;
            }
            *deadline = sooner.min(*deadline);
            *length = order.length();
            *rooms_leave_at = (now() + order.length() / ROOM_SHARE).min(*rooms_leave_at);
            *any_version |= order.any_version;
        }
        tracing::info!(node = %self.name, sessions = self.sessions(), "an earlier deadline: {:?}", order.deadline);
        self.hastened.notify_one();
        for slot in self.all_slots() {
            slot.with(self, None, |cohort, env| cohort.tell_offline_again(env));
        }
        true
    }

    /// The time that a drain of this length has: no less than forced moves need, if it is to be at once.
    fn time_for(&self, length: Duration) -> Duration {
        let all = FORCED_EACH.saturating_mul(u32::try_from(self.sessions()).unwrap_or(u32::MAX));
        if length.is_zero() { FORCED_TIME_MIN.max(all) } else { length }
    }

    /// When the drain under way has to be over, and how long it was to take.
    fn drain_times(&self) -> (Time, Duration) {
        match *self.phase.lock() {
            Phase::Offline { deadline, length, .. } => (deadline, length),
            Phase::Online | Phase::Cordoned => (now(), Duration::ZERO),
        }
    }

    /// Drains the node: returns when it is empty, and it has stopped. False in `begin_drain` must have been
    /// seen to by the caller.
    pub async fn drain(self: &Arc<Self>) -> DrainReport {
        let began = now();
        let _ = self.publish().await; // a failure is made good with the next renewal
        for slot in self.all_slots() {
            slot.with(self, None, |cohort, env| {
                cohort.decline(env);
                cohort.tell_offline(env);
            });
        }
        let left = if self.left_by_themselves().await { Left::default() } else { self.force().await };
        let Left { closed, parked } = left;
        let took = now().since(began);
        self.stop().await;
        tracing::info!(node = %self.name, took_ms = took.as_millis() as u64, closed, parked, "empty, stopped");
        DrainReport { took, closed, parked }
    }

    /// Waits as long as there is time to wait. False: what is left has to be forced now.
    async fn left_by_themselves(&self) -> bool {
        loop {
            let (deadline, length) = self.drain_times();
            let left = u32::try_from(self.sessions()).unwrap_or(u32::MAX);
            let for_all = FORCED_EACH.saturating_mul(left).min(length / FORCED_SHARE_MAX);
            let needed = (length / FORCED_SHARE).max(FORCED_TIME_MIN).max(for_all);
            let spare = deadline.since(now()).saturating_sub(needed);
            let spare = if length.is_zero() { Duration::ZERO } else { spare };
            tokio::select! {
                empty = self.empty_within(spare) => match empty {
                    true => return true,
                    // The fewer are left, the longer they may stay.
                    false if spare.is_zero() => return false,
                    false => {}
                },
                () = self.hastened.notified() => {}
            }
        }
    }

    /// Moves what is left without asking, and gives what no node has taken.
    async fn force(self: &Arc<Self>) -> Left {
        for tries in 1..=FORCED_TRIES {
            if tries == FORCED_TRIES {
                self.hurry_departures();
            }
            self.force_all();
            if self.empty_within_share(FORCED_TRIES - tries + 1).await {
                return Left::default();
            }
        }
        self.leave_all().await
    }

    /// Waits for one of so many equal shares of the time that is left, which may become less meanwhile.
    async fn empty_within_share(&self, shares: u32) -> bool {
        loop {
            let time = self.drain_times().0.since(now()) / shares;
            tokio::select! {
                empty = self.empty_within(time) => return empty,
                () = self.hastened.notified() => {}
            }
        }
    }

    pub(super) async fn empty_within(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.until_empty()).await.is_ok()
    }

    /// Waits until the node is responsible for no session.
    pub async fn until_empty(&self) {
        loop {
            // Registered before looking, so that what ends in between is not missed.
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.is_empty() {
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

    /// Stops, whoever still plays here: lets go of what is left, says goodbye to the engine, and lets go of all
    /// ports.
    pub async fn stop(self: &Arc<Self>) {
        if self.stopping.swap(true, Ordering::AcqRel) {
            return;
        }
        // Before links see that the node has stopped, for they close then; and once more for whoever was
        // let in meanwhile.
        self.leave_all().await;
        self.stopped.send_replace(true);
        self.abandon_dry_run();
        if !self.can_park() {
            self.close_all();
        }
        let keeper = self.lease_keeper.lock().take();
        if let Some(keeper) = keeper {
            let _ = keeper.await; // a renewal under way would come after the goodbye
        }
        // (e) From here on nothing is served; only then the goodbye is written.
        *self.lease.write() = Lease::new(self.shared.config.times.self_fence);
        drop(self.calls.write()); // whoever has seen the lease before
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
}
