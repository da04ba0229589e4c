//! What waits to be sent to one other node. A frame that waits when its link breaks is lost with it: every
//! message of a move is repeated by its sender as long as it matters.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::time::Duration;
use sterna::protocol::ids::{CohortId, MoveId};
use sterna::protocol::time::Time;
use sterna::transport::Waker;

/// Frames that may wait for one node; past it the oldest are dropped, as a broken link would do.
const ITEMS_MAX: usize = 64 * 1024;

/// One encoded frame.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) bytes: Vec<u8>,
    pub(super) cohort: CohortId,
    /// Set for a baton, whose first byte's leaving matters (rule b).
    pub(super) baton: Option<MoveId>,
    /// Set for a Prepare, whose sender is told when the node cannot be reached.
    pub(super) prepare: Option<MoveId>,
}

/// The frames for one node. As long as there is an outbox there is a task that sends it.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    /// When moves to this node were begun, the latest last.
    prepared_at: VecDeque<Time>,
    waker: Option<Waker>,
}

impl Outbox {
    pub(super) fn push(&self, item: Item, now: Time) {
        let mut state = self.state.lock();
        // A baton that still waits need not be said twice: it may be large.
        if item.baton.is_some() && state.items.iter().any(|waiting| waiting.baton == item.baton) {
            return;
        }
        if state.items.len() >= ITEMS_MAX {
            state.items.pop_front();
        }
        if item.prepare.is_some() {
            if state.prepared_at.len() >= ITEMS_MAX {
                state.prepared_at.pop_front();
            }
            state.prepared_at.push_back(now);
        }
        state.items.push_back(item);
        // Without a link its task is opening one, and looks again before it ends.
        if let Some(waker) = &state.waker {
            waker.wake();
        }
    }

    /// Takes an unsent baton back; false if its first byte has left, or may have.
    pub(super) fn revoke(&self, id: MoveId) -> bool {
        let mut state = self.state.lock();
        let before = state.items.len();
        state.items.retain(|item| item.baton != Some(id));
        state.items.len() < before
    }

    /// A link is open, or has ended (`None`).
    pub(super) fn set_waker(&self, waker: Option<Waker>) {
        self.state.lock().waker = waker;
    }

    /// How many frames wait.
    pub(super) fn len(&self) -> usize {
        self.state.lock().items.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().items.is_empty()
    }

    /// The next frame; from here on it counts as sent.
    pub(super) fn pop(&self) -> Option<Item> {
        self.state.lock().items.pop_front()
    }

    /// How many moves to this node have been begun within this time.
    pub(super) fn prepared_within(&self, time: Duration, now: Time) -> u64 {
        let mut state = self.state.lock();
        while state.prepared_at.front().is_some_and(|at| now.since(*at) > time) {
            state.prepared_at.pop_front();
        }
        state.prepared_at.len() as u64
    }

    /// Has the link look whether it is to be closed.
    pub(super) fn wake(&self) {
        if let Some(waker) = &self.state.lock().waker {
            waker.wake();
        }
    }

    /// What waits because there is no way to send it at the moment. Batons stay: their sources take them
    /// back when they have waited too long (rule b).
    pub(super) fn take_all_but_batons(&self) -> VecDeque<Item> {
        let mut state = self.state.lock();
        let (batons, others) = state.items.drain(..).partition(|item: &Item| item.baton.is_some());
        state.items = batons;
        others
    }
}
