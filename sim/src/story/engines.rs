//! What engines do by themselves: they forget heartbeats while what their nodes have left is still there, and take no
//! more snapshots than they have room for. Drawn by itself, so that what else happens is as it is without it.

use super::Author;
use crate::story::Happening;
use sterna::testing::Random;

/// One story in three has some of it.
pub(super) fn have_their_ways(seed: u64, author: &mut Author) {
    let mut chance = Random::new(seed ^ 0x0f06_9e77);
    if chance.below(3) > 0 {
        return;
    }
    std::mem::swap(&mut author.chance, &mut chance);
    forget(author);
    for _ in 0..author.chance.below(4) {
        let (at_ms, for_ms) = (300 + author.chance.below(author.length_ms), author.up_to(8_000));
        author.at(at_ms, Happening::StoreBusy { for_ms });
    }
}

/// Each time soon after a node has ended, or at any time.
fn forget(author: &mut Author) {
    let is_end = |happening: &Happening| {
        matches!(
            happening,
            Happening::Crash { .. }
                | Happening::PowerOff { .. }
                | Happening::Stop { .. }
                | Happening::Park { .. }
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
