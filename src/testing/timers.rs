//! When each role has something to do next: the first of thousands is found at once.

use crate::protocol::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// One wake-up for each actor, in the order of their times.
#[derive(Debug)]
pub(super) struct Timers<A> {
    by_time: BTreeSet<(Time, A)>,
    of: BTreeMap<A, Time>,
}

impl<A: Copy + Ord> Timers<A> {
    pub(super) const fn new() -> Self {
        Self { by_time: BTreeSet::new(), of: BTreeMap::new() }
    }

    /// The actor has something to do at this time, or nothing.
    pub(super) fn set(&mut self, actor: A, at: Option<Time>) {
        let before = match at {
            Some(at) => self.of.insert(actor, at),
            None => self.of.remove(&actor),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, actor));
        }
        if let Some(at) = at {
            self.by_time.insert((at, actor));
        }
    }

    /// Whose turn is next.
    pub(super) fn first(&self) -> Option<(Time, A)> {
        self.by_time.first().copied()
    }
}
