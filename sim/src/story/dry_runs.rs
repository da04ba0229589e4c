//! Dry runs by chance. They are drawn by themselves, so that what else happens is as it is without them.

use super::Author;
use crate::story::Happening;
use sterna::testing::Random;

/// Frames of dry runs that may be lost or doubled by name.
const FRAMES: &[&str] = &["Probe", "Prepared", "Attached", "CanAttach", "CannotAttach", "Cancel"];

/// Every other story has some, the more the longer it is.
pub(super) fn try_out(seed: u64, author: &mut Author) {
    let mut chance = Random::new(seed ^ 0x00d2_9211);
    if chance.below(2) == 0 {
        return;
    }
    std::mem::swap(&mut author.chance, &mut chance);
    for _ in 0..1 + author.chance.below(12) {
        let (at_ms, node) = (300 + author.chance.below(author.length_ms), author.node());
        if author.chance.below(4) == 0 {
            let frame = FRAMES[author.chance.below(FRAMES.len() as u64) as usize].to_owned();
            let lose = author.yes();
            author.at(at_ms, if lose { Happening::Lose { frame } } else { Happening::Double { frame } });
        }
        author.at(at_ms, Happening::DryRun { node });
        // What is real comes in between more often than by mere chance.
        let soon = at_ms + author.up_to(400);
        match author.chance.below(8) {
            0 => author.at(soon, Happening::Drain { node }),
            1 => author.at(soon, Happening::Force { node }),
            2 => author.at(soon, Happening::EndDryRun { node }),
            3 => author.at(soon, Happening::Crash { node }),
            _ => {}
        }
    }
}
