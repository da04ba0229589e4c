//! What has been seen to happen before. What becomes of a node depends on the node and on what happens to it,
//! and on nothing else; a search meets the same node in the same state millions of times, each time with the
//! others in different ones. So it is let happen once, and remembered.

use crate::messages::{Digested, digest};
use nohash_hasher::IntMap;
use parking_lot::Mutex;
use std::hash::Hash;

const SHARDS: usize = 64;

/// One part of a state, and what a change to it leads to elsewhere.
type Outcome<T, E> = (Digested<T>, E);

/// The outcomes that are known. A state is known by its hash, as in the search itself.
#[derive(Debug)]
pub struct Memo<T, E> {
    shards: Vec<Mutex<IntMap<u64, Outcome<T, E>>>>,
}

impl<T, E> Default for Memo<T, E> {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl<T: Clone + Hash, E: Clone> Memo<T, E> {
    /// Changes `part` as `change` does, which has to be determined by `part` and `input`.
    pub fn apply(&self, part: &mut Digested<T>, input: &impl Hash, change: impl FnOnce(&mut T) -> E) -> E {
        let key = digest(&(part.digest(), input));
        let shard = &self.shards[(key >> 32) as usize % SHARDS];
        if let Some((after, effects)) = shard.lock().get(&key) {
            *part = after.clone();
            return effects.clone();
        }
        let effects = part.change(change);
        shard.lock().insert(key, (part.clone(), effects.clone()));
        effects
    }
}
