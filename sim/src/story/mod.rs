//! A story as data: the cluster's settings, and what happens to it at which time.

mod draw;
mod happening;
mod text;

pub use draw::draw;
pub use happening::Happening;
pub use text::StoryError;

use std::ops::Range;

/// How often something of a thousand.
pub type Thousandths = u64;

/// One story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Where the delays, and what else is left to chance, come from.
    pub seed: u64,
    /// How many nodes there are; they are named from one.
    pub nodes: u8,
    /// How long it goes on before all faults end.
    pub length_ms: u64,
    /// One way between client and node.
    pub link_us: Range<u64>,
    /// One way between nodes.
    pub peer_us: Range<u64>,
    /// Until a frame to another node leaves.
    pub outbox_us: Range<u64>,
    /// One way to the engine or back.
    pub engine_us: Range<u64>,
    /// What happens, in the order of its times.
    pub happenings: Vec<(u64, Happening)>,
}

impl Story {
    /// How many players join.
    pub fn players(&self) -> usize {
        self.happenings.iter().filter(|(_, happening)| matches!(happening, Happening::Join { .. })).count()
    }
}
