//! Rooms by chance. They are drawn by themselves, so that what else happens is as it is without them.

use super::Author;
use crate::story::Happening;
use sterna::testing::Random;

/// Members of a room, at most.
const MEMBERS_MAX: u64 = 8;

/// Every other story has a room or two, and mishaps of their own.
pub(super) fn play_in_rooms(seed: u64, author: &mut Author) {
    let mut chance = Random::new(seed ^ 0x0700_0115);
    if chance.below(2) == 0 {
        return;
    }
    std::mem::swap(&mut author.chance, &mut chance);
    let first = author.players;
    let members = 2 + author.chance.below(MEMBERS_MAX - 1);
    author.players += members;
    let together = author.yes();
    let home = author.node();
    for player in first..author.players {
        let node = if together { home } else { author.node() };
        let every_ms = 100 + author.chance.below(200);
        let pushed_ms = if author.yes() { 0 } else { every_ms * 2 };
        let classic = author.chance.below(12) == 0;
        author.at(player - first, Happening::Join { player, node, every_ms, pushed_ms, classic });
        let moves = author.yes();
        author.at(player - first + 1, Happening::Chat { player, moves });
    }
    author.meet(first);
    for _ in 0..3 + author.chance.below(20) {
        let at_ms = 400 + author.chance.below(author.length_ms);
        author.room_trouble(first, at_ms);
    }
}

impl Author {
    fn member(&mut self, first: u64) -> u64 {
        first + self.chance.below(self.players - first)
    }

    /// One makes a room, and the others come.
    fn meet(&mut self, first: u64) {
        let interval_ms = if self.yes() { 0 } else { 20 + self.chance.below(200) as u32 };
        let at_ms = 300 + self.up_to(2_000);
        self.at(at_ms, Happening::RoomOpen { player: first, interval_ms });
        for player in first + 1..self.players {
            let at_ms = at_ms + 300 + self.up_to(3_000);
            self.at(at_ms, Happening::RoomJoin { player, host: first });
        }
    }

    fn room_trouble(&mut self, first: u64, at_ms: u64) {
        let (player, other) = (self.member(first), self.member(first));
        let happening = match self.chance.below(20) {
            0..3 => Happening::RoomJoin { player, host: other },
            3 => Happening::RoomAny { player },
            4..6 => Happening::RoomLeave { player },
            6 => Happening::RoomKick { player, whom: other },
            7 if self.chance.below(3) == 0 => Happening::RoomClose { player },
            7..10 => {
                let key = self.chance.below(8) as u32;
                let bytes = if self.yes() { 30_000 + self.chance.below(35_000) as u32 } else { 20 };
                Happening::RoomSet { player, key, bytes }
            }
            10..14 => Happening::RoomMigrate { player },
            14 => Happening::BreakLinks { player },
            15 if self.chance.below(4) == 0 => Happening::Vanish { player },
            15 if self.chance.below(4) == 0 => Happening::Leave { player },
            15 => Happening::StopReading { player, for_ms: self.up_to(15_000) },
            _ => return self.drain_of_rooms(at_ms),
        };
        self.at(at_ms, happening);
    }

    fn drain_of_rooms(&mut self, at_ms: u64) {
        let node = self.node();
        let for_ms = 400 + self.up_to(8_000);
        self.at(at_ms, Happening::DrainWithin { node, for_ms });
        let end = at_ms + for_ms;
        if self.yes() {
            self.at(end, Happening::Force { node });
        }
        let back = end + self.up_to(4_000);
        self.at(back, Happening::Online { node });
    }
}
