//! Which heartbeats stand still: who asks reads those from the leader, and no others.
//!
//! The stream keeps one message for each node's heartbeat, the last, and gives it a higher number than all before. So
//! in the order of numbers come first those that have not changed for longest, and behind the first one that has
//! changed lately there are only such. Who asks is told where the stream ended (its last number) when it asked before:
//! what is below stands still, what is above has changed since. In a cluster that is well these are two requests,
//! however many nodes there are: where the stream ends now, and the first heartbeat, which has changed.
//!
//! What this does to rule d. A heartbeat that is shown was read from the leader after the question, like any
//! other, so nothing is taken for gone earlier than by reading all. One that is not shown has changed since a question
//! of the same asker, so that its time would have begun again anyway: the asker forgets what it knew of it. A node's last
//! heartbeat comes between two questions. By reading all, the later one of these sees it first, and its time begins; here
//! that question does not show it, for it has changed, and the next one does. So whoever is gone is taken for gone
//! later by one interval between questions, and no more: as long as that is not shorter than `still_for`.

use super::incarnation::Life;
use super::leases::{self, BEAT_LIFE, read_all};
use super::store::{Failed, Store};
use crate::engine::Unavailable;
use futures_util::future::try_join_all;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};
use sterna::protocol::ids::{Bucket, NodeId};
use sterna::protocol::lease::Heartbeat;

/// What who asks is shown.
type Shown = Vec<(NodeId, Heartbeat)>;

/// What this process knows of heartbeats, in one life of the data.
#[derive(Default)]
pub(super) struct Still(Mutex<State>);

#[derive(Default)]
struct State {
    bucket: Bucket,
    /// Where the stream ended when each node here asked.
    looks: HashMap<NodeId, VecDeque<Look>>,
    /// Up to this number every heartbeat is among `found`, or was. None comes in below: numbers only rise.
    walked_to: u64,
    found: BTreeMap<u64, Beat>,
}

#[derive(Clone, Copy)]
struct Look {
    at: Instant,
    last: u64,
}

/// What lies under a number does not change: it is there, or not any more.
#[derive(Clone, Copy)]
struct Beat {
    node: NodeId,
    beat: Heartbeat,
    found_at: Instant,
}

impl Beat {
    /// (e) Whoever has said goodbye does not come back: it need not be read again.
    fn is_final(&self) -> bool {
        self.beat == Heartbeat::Goodbye
    }
}

impl State {
    /// Of another life nothing is known.
    fn of(&mut self, bucket: Bucket) -> &mut Self {
        if self.bucket != bucket {
            *self = Self { bucket, ..Self::default() };
        }
        self
    }

    /// Notes where the stream ends, and gives where it ended the last time that this node asked, at least `still_for` ago.
    fn look(&mut self, asker: NodeId, look: Look, still_for: Duration) -> Option<u64> {
        let looks = self.looks.entry(asker).or_default();
        let is_old = |earlier: &Look| look.at.saturating_duration_since(earlier.at) >= still_for;
        while looks.get(1).is_some_and(is_old) {
            looks.pop_front();
        }
        let before = looks.front().copied().filter(is_old);
        looks.push_back(look);
        before.map(|before| before.last)
    }
}

impl Still {
    /// The heartbeats of all nodes but those that have changed since `asker` asked before, at least `still_for` ago.
    pub(super) async fn read(
        &self,
        store: &Store,
        life: &Life,
        asker: NodeId,
        still_for: Duration,
    ) -> Result<Shown, Unavailable> {
        let at = Instant::now();
        let last = store.last(&life.keys).await.map_err(|Failed| Unavailable)?;
        let before = self.0.lock().of(life.bucket).look(asker, Look { at, last }, still_for);
        match before {
            // All may stand still.
            None => read_all(store, life).await,
            Some(before) => self.read_below(store, life, before).await.map_err(|Failed| Unavailable),
        }
    }

    /// A node here has stopped, and asks no more.
    pub(super) fn forget(&self, asker: NodeId) {
        self.0.lock().looks.remove(&asker);
    }

    /// The heartbeats with numbers up to this one.
    async fn read_below(&self, store: &Store, life: &Life, before: u64) -> Result<Shown, Failed> {
        let (mut shown, doubtful) = self.known(life.bucket);
        let reads = doubtful.into_iter().map(|(number, beat)| async move {
            let is_there = store.is_there(&life.keys.beat(beat.node), number).await?;
            Ok((number, beat, is_there))
        });
        for (number, beat, is_there) in try_join_all(reads).await? {
            if is_there {
                shown.push((beat.node, beat.beat));
            } else {
                self.0.lock().of(life.bucket).found.remove(&number);
            }
        }
        // One after the other, and each is noted: who is interrupted goes on from there the next time.
        loop {
            let walked_to = self.0.lock().of(life.bucket).walked_to;
            let Some((subject, found)) = store.first_from(life.keys.beats(), walked_to + 1).await? else {
                store.is_anchored(&life.keys).await?;
                return Ok(shown);
            };
            if found.revision > before {
                return Ok(shown);
            }
            let node = life.keys.node_of_beat(&subject);
            let beat = node.and_then(|node| Some((node, leases::read(node, &found)?)));
            let mut state = self.0.lock();
            let state = state.of(life.bucket);
            if let Some((node, beat)) = beat {
                shown.push((node, beat));
                state.found.insert(found.revision, Beat { node, beat, found_at: Instant::now() });
            }
            state.walked_to = state.walked_to.max(found.revision);
        }
    }

    /// What is known to be so still, and what has to be read.
    fn known(&self, bucket: Bucket) -> (Shown, Vec<(u64, Beat)>) {
        let mut state = self.0.lock();
        let found = &mut state.of(bucket).found;
        found.retain(|_, beat| beat.found_at.elapsed() < BEAT_LIFE);
        let (known, doubtful): (Vec<_>, Vec<_>) =
            found.iter().map(|(number, beat)| (*number, *beat)).partition(|(_, beat)| beat.is_final());
        (known.into_iter().map(|(_, beat)| (beat.node, beat.beat)).collect(), doubtful)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: NodeId = NodeId(1);
    const GREEN: NodeId = NodeId(2);
    const STILL: Duration = Duration::from_millis(1500);

    #[test]
    fn what_has_changed_since_the_last_question_is_told_from_what_has_not() {
        let mut state = State::default();
        let began = Instant::now();
        let look = |ms, last| Look { at: began + Duration::from_millis(ms), last };
        assert_eq!(state.look(RED, look(0, 10), STILL), None, "nobody asked before");
        assert_eq!(state.look(RED, look(1000, 20), STILL), None, "too short a while ago");
        assert_eq!(
            state.look(RED, look(3000, 30), STILL),
            Some(20),
            "the last question that is long enough ago"
        );
        assert_eq!(state.look(GREEN, look(3000, 30), STILL), None, "each node has its own questions");
        assert_eq!(state.look(RED, look(3100, 31), STILL), Some(20));
        assert_eq!(state.look(RED, look(4500, 40), STILL), Some(30));
        assert_eq!(state.look(RED, look(60_000, 50), STILL), Some(40));
        assert_eq!(state.looks[&RED].len(), 2, "what counts no more is dropped");
    }

    #[test]
    fn another_life_of_the_data_begins_with_nothing() {
        let mut state = State::default();
        let look = |last| Look { at: Instant::now(), last };
        state.of(Bucket(1)).look(RED, look(10), Duration::ZERO);
        assert_eq!(state.of(Bucket(1)).look(RED, look(11), Duration::ZERO), Some(10));
        state.of(Bucket(1)).walked_to = 9;
        assert_eq!(state.of(Bucket(2)).look(RED, look(3), Duration::ZERO), None);
        assert_eq!(state.walked_to, 0);
    }
}
