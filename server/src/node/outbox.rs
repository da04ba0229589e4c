//! What waits to be sent to one other node. A frame that waits when its link breaks is lost with it: every
//! message of a move is repeated by its sender as long as it matters.

use parking_lot::Mutex;
use std::collections::VecDeque;
use sterna::protocol::ids::{CohortId, MoveId};
use sterna::transport::Waker;
use tokio::sync::Notify;

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

#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    /// Wakes whoever opens the link.
    pub(super) wanted: Notify,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    prepared: u64,
    waker: Option<Waker>,
}

impl Outbox {
    pub(super) fn push(&self, item: Item) {
        let mut state = self.state.lock();
        if state.items.len() >= ITEMS_MAX {
            state.items.pop_front();
        }
        state.prepared += u64::from(item.prepare.is_some());
        state.items.push_back(item);
        match &state.waker {
            Some(waker) => waker.wake(),
            None => self.wanted.notify_one(),
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

    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().items.is_empty()
    }

    /// The next frame; from here on it counts as sent.
    pub(super) fn pop(&self) -> Option<Item> {
        self.state.lock().items.pop_front()
    }

    /// How many moves to this node have been begun.
    pub(super) fn prepared(&self) -> u64 {
        self.state.lock().prepared
    }

    /// Has the link look whether it is to be closed.
    pub(super) fn wake(&self) {
        if let Some(waker) = &self.state.lock().waker {
            waker.wake();
        }
    }

    /// Everything that waits, because there is no way to send it.
    pub(super) fn drain(&self) -> Vec<Item> {
        self.state.lock().items.drain(..).collect()
    }
}
