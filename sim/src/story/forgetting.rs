//! Heartbeats that are forgotten while what their nodes have left is still there. They are drawn by themselves, so that
//! what else happens is as it is without them.

use super::Author;
use crate::story::Happening;
use sterna::testing::Random;

/// One story in three has some, each soon after a node has ended, or at any time.
pub(super) fn forget(seed: u64, author: &mut Author) {
    let mut chance = Random::new(seed ^ 0x0f06_9e77);
    if chance.below(3) > 0 {
        return;
    }
    std::mem::swap(&mut author.chance, &mut chance);
    let is_end = |happening: &Happening| {
        matches!(
            happening,
            Happening::Crash { .. } | Happening::PowerOff { .. } | Happening::Stop { .. } | Happening::Park { .. }
        )
    };
    let ends = author.happenings.iter().filter(|(_, happening)| is_end(happening));
    let ends: Vec<u64> = ends.map(|(at_ms, _)| *at_ms).collect();
    for ended_at in ends {
        let at_ms = ended_at + author.up_to(25_000);
        author.at(at_ms, Happening::BeatsForgotten {});
    }
    let any = author.chance.below(author.length_ms);
    author.at(any, Happening::BeatsForgotten {});
}
