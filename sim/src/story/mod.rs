//! A story as data: the cluster's settings, and what happens to it at which time.

mod draw;
mod happening;
mod text;

pub use draw::draw;
pub use happening::Happening;
pub use text::StoryError;

use std::ops::Range;
use std::time::Duration;
use sterna::protocol::snapshot::Durability;

/// How snapshots are kept, as in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Not at all.
    None,
    /// At most so often.
    Lazy {
        /// How often.
        every_ms: u64,
    },
    /// Before anything is acknowledged.
    BeforeAck,
}

impl From<Keeping> for Durability {
    fn from(keeping: Keeping) -> Self {
        match keeping {
            Keeping::None => Self::None,
            Keeping::Lazy { every_ms } => Self::Lazy(Duration::from_millis(every_ms)),
            Keeping::BeforeAck => Self::BeforeAck,
        }
    }
}

/// One story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Where the delays, and what else is left to chance, come from.
    pub seed: u64,
    /// How many nodes there are; they are named from one.
    pub nodes: u8,
    /// How long it goes on before all faults end.
    pub length_ms: u64,
    /// What a crash may cost.
    pub durability: Keeping,
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
