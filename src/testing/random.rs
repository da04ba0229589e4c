//! The harness's only source of chance: one seed, one sequence.

use crate::protocol::ids::{CohortId, NodeId};
use std::ops::Range;
use std::time::Duration;

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

/// What chance is drawn for. Each has a sequence of its own, so that leaving one out changes nothing for
/// the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stream {
    /// A player's links, by the player's name.
    Links(u64),
    /// What one node sends to another about a cohort.
    Peers(NodeId, NodeId, CohortId),
    /// Questions about a cohort.
    Cohort(CohortId),
    /// Names of rooms.
    Rooms,
    /// A node's questions about leases.
    Leases(NodeId),
}

impl Random {
    /// The sequence of this stream.
    pub(super) fn of(seed: u64, stream: Stream) -> Self {
        let mut random = Self(seed);
        let numbers = match stream {
            Stream::Links(name) => [1, name, 0, 0],
            Stream::Peers(from, to, cohort) => [2, from.0, to.0, cohort.0],
            Stream::Cohort(cohort) => [3, cohort.0, 0, 0],
            Stream::Leases(node) => [4, node.0, 0, 0],
            Stream::Rooms => [5, 0, 0, 0],
        };
        for number in numbers {
            random.0 = random.number() ^ number;
        }
        random
    }

    /// The sequence that this seed begins.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    /// True in so many of a thousand cases.
    pub fn in_thousand(&mut self, cases: u64) -> bool {
        self.below(1000) < cases
    }

    /// A length between these two, in microseconds.
    pub fn micros(&mut self, range: &Range<u64>) -> Duration {
        Duration::from_micros(range.start + self.below((range.end - range.start).max(1)))
    }
}
