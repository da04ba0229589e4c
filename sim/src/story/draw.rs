//! Stories by chance: one seed, one story. Each draws first which kinds of mishaps it is about, so that rare
//! ones meet each other often, and calm seas are sailed as well.

#[path = "dry_runs.rs"]
mod dry_runs;
#[path = "engines.rs"]
mod engines;
#[path = "rooms.rs"]
mod rooms;

use super::{Happening, Keeping, Story};
use sterna::testing::Random;

/// The nodes of a story.
const NODES: std::ops::RangeInclusive<u64> = 3..=7;
/// Messages of all players together, per second: what a run costs in time.
const MESSAGES_PER_SECOND: u64 = 80;
/// One story in so many has dozens of players.
const CROWDS_ONE_IN: u64 = 8;

/// Frames that may be lost or doubled by name.
const FRAMES: &[&str] = &[
    "Prepare",
    "Prepared",
    "Refused",
    "Ready",
    "Baton",
    "BatonAck",
    "Finalised",
    "Cancel",
    "Ahead",
    "MoveTo",
    "Attached",
    "Settled",
    "Confirm",
    "Moved",
    "Offline",
    "Migrate",
    "CannotAttach",
    "MoveFailed",
];

/// A kind of trouble; each brings what belongs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Drains,
    Crashes,
    Pauses,
    Clocks,
    Cuts,
    Weather,
    Links,
    Silences,
    Engine,
    Answers,
    Frames,
    Games,
    Crowding,
}

const TROUBLES: &[Trouble] = &[
    Trouble::Drains,
    Trouble::Crashes,
    Trouble::Pauses,
    Trouble::Clocks,
    Trouble::Cuts,
    Trouble::Weather,
    Trouble::Links,
    Trouble::Silences,
    Trouble::Engine,
    Trouble::Answers,
    Trouble::Frames,
    Trouble::Games,
    Trouble::Crowding,
];

struct Author {
    chance: Random,
    nodes: u64,
    players: u64,
    length_ms: u64,
    happenings: Vec<(u64, Happening)>,
}

impl Author {
    fn node(&mut self) -> u8 {
        1 + self.chance.below(self.nodes) as u8
    }

    fn two_nodes(&mut self) -> (u8, u8) {
        let a = self.node();
        let other = 1 + self.chance.below(self.nodes - 1) as u8;
        (a, if other >= a { other + 1 } else { other })
    }

    fn player(&mut self) -> u64 {
        self.chance.below(self.players)
    }

    fn yes(&mut self) -> bool {
        self.chance.below(2) == 0
    }

    /// Short more often than long.
    fn up_to(&mut self, ms: u64) -> u64 {
        let bound = ms >> (2 * self.chance.below(4));
        1 + self.chance.below(bound.max(1))
    }

    fn at(&mut self, at_ms: u64, happening: Happening) {
        if at_ms < self.length_ms {
            self.happenings.push((at_ms, happening));
        }
    }

    fn players_join(&mut self) {
        for player in 0..self.players {
            let node = self.node();
            let every_ms = (self.players * 1000 / MESSAGES_PER_SECOND).max(30) + self.chance.below(100);
            let pushed_ms = if self.yes() { 0 } else { every_ms * 2 };
            let classic = self.chance.below(8) == 0;
            // Some come later, into whatever goes on then.
            let at_ms =
                if self.chance.below(4) == 0 { self.chance.below(self.length_ms / 2) } else { player };
            self.at(at_ms, Happening::Join { player, node, every_ms, pushed_ms, classic });
        }
    }

    fn trouble(&mut self, trouble: Trouble, at_ms: u64) {
        match trouble {
            Trouble::Drains => self.drain(at_ms),
            Trouble::Crashes => self.crash(at_ms),
            Trouble::Pauses => {
                let (node, for_ms) = (self.node(), self.up_to(25_000));
                let suspend = self.yes();
                self.at(
                    at_ms,
                    if suspend {
                        Happening::Suspend { node, for_ms }
                    } else {
                        Happening::Pause { node, for_ms }
                    },
                );
            }
            Trouble::Clocks => {
                // The times of leases allow for this much, and more.
                let (node, thousandths) = (self.node(), 920 + self.chance.below(160));
                self.at(at_ms, Happening::Clock { node, thousandths });
            }
            Trouble::Cuts => self.cut(at_ms),
            Trouble::Weather => {
                let mut of = |most: u64| if self.chance.below(2) == 0 { 0 } else { self.chance.below(most) };
                let weather = Happening::Weather { loss: of(400), doubles: of(400), late: of(400) };
                let loss = of(500);
                self.at(at_ms, weather);
                self.at(at_ms, Happening::Datagrams { loss });
            }
            Trouble::Links => {
                let player = self.player();
                let happening = match self.chance.below(3) {
                    0 => Happening::BreakLink { player },
                    1 => Happening::BreakLinks { player },
                    _ => Happening::Address { player },
                };
                self.at(at_ms, happening);
            }
            Trouble::Silences => self.silence(at_ms),
            Trouble::Engine => {
                let (node, for_ms) = (self.node(), self.up_to(25_000));
                let all = self.yes();
                self.at(
                    at_ms,
                    if all {
                        Happening::EngineDown { for_ms }
                    } else {
                        Happening::EngineCut { node, for_ms }
                    },
                );
            }
            Trouble::Answers => self.lost_answer(at_ms),
            Trouble::Frames => {
                let frame = FRAMES[self.chance.below(FRAMES.len() as u64) as usize].to_owned();
                let lose = self.yes();
                self.at(at_ms, if lose { Happening::Lose { frame } } else { Happening::Double { frame } });
            }
            Trouble::Games => self.game(at_ms),
            Trouble::Crowding => {
                let (node, for_ms) = (self.node(), self.up_to(10_000));
                self.at(at_ms, Happening::FillUp { node, for_ms });
            }
        }
    }

    /// A node is drained; what is left may be forced, and it ends or comes back.
    fn drain(&mut self, at_ms: u64) {
        let node = self.node();
        self.at(at_ms, Happening::Drain { node });
        let later = at_ms + 200 + self.up_to(8_000);
        match self.chance.below(4) {
            0 => {
                self.at(later, Happening::Force { node });
                let end = later + self.up_to(4_000);
                self.at(end, Happening::Stop { node });
                let back = end + self.up_to(8_000);
                self.at(back, Happening::Restart { node });
            }
            1 => {
                let parks = self.yes();
                let end = if parks { Happening::Park { node } } else { Happening::Stop { node } };
                self.at(later, end);
                let back = later + if parks { 5_000 } else { 0 } + self.up_to(8_000);
                self.at(back, Happening::Restart { node });
            }
            _ => self.at(later, Happening::Online { node }),
        }
    }

    fn crash(&mut self, at_ms: u64) {
        let node = self.node();
        let silently = self.chance.below(3) == 0;
        self.at(at_ms, if silently { Happening::PowerOff { node } } else { Happening::Crash { node } });
        if self.chance.below(3) > 0 {
            let back = at_ms + self.up_to(20_000);
            self.at(back, Happening::Restart { node });
        }
    }

    fn cut(&mut self, at_ms: u64) {
        let ((a, b), for_ms) = (self.two_nodes(), self.up_to(10_000));
        let happening = match self.chance.below(3) {
            0 => Happening::Cut { a, b, for_ms },
            1 => Happening::CutOneWay { from: a, to: b, for_ms },
            _ => Happening::Stall { from: a, to: b, for_ms },
        };
        self.at(at_ms, happening);
    }

    fn silence(&mut self, at_ms: u64) {
        let (player, node, for_ms) = (self.player(), self.node(), self.up_to(15_000));
        let happening = match self.chance.below(4) {
            0 => Happening::Unreachable { player, node, for_ms },
            1 => Happening::Silence { player, up: true, down: false, for_ms },
            2 => Happening::Silence { player, up: false, down: true, for_ms },
            _ => Happening::Silence { player, up: true, down: true, for_ms },
        };
        self.at(at_ms, happening);
    }

    fn lost_answer(&mut self, at_ms: u64) {
        let happening = match self.chance.below(7) {
            0 => Happening::CasLanded {},
            1 => Happening::CasNever {},
            2 => Happening::CasLate { after_ms: self.up_to(6_000) },
            3 => Happening::ReadsLost { count: 1 + self.chance.below(4) as u32 },
            4 => Happening::StoreLanded {},
            5 => Happening::StoreNever {},
            _ => Happening::StoreLate { after_ms: self.up_to(20_000) },
        };
        self.at(at_ms, happening);
    }

    fn game(&mut self, at_ms: u64) {
        let player = self.player();
        let happening = match self.chance.below(8) {
            0 => Happening::StopReading { player, for_ms: self.up_to(15_000) },
            1 => Happening::Burst {
                player,
                count: 1 + self.chance.below(40) as u32,
                bytes: 16 + self.chance.below(20_000) as u32,
            },
            2 => Happening::StoreLarge { player },
            3 => Happening::Store { player },
            4 => Happening::Answers { player, does: false },
            5 if self.chance.below(6) == 0 => Happening::Leave { player },
            6 if self.chance.below(6) == 0 => Happening::Vanish { player },
            _ => Happening::Migrate { player },
        };
        self.at(at_ms, happening);
    }
}

/// The story of this seed.
pub fn draw(seed: u64) -> Story {
    let mut chance = Random::new(seed ^ 0x0057_e12a);
    let nodes = NODES.start() + chance.below(NODES.end() - NODES.start() + 1);
    let crowd = chance.below(CROWDS_ONE_IN) == 0;
    let players = if crowd { 12 + chance.below(25) } else { 1 + chance.below(4) };
    let length_ms = 8_000 + chance.below(32_000);
    let durability = match chance.below(5) {
        0 => Keeping::None,
        1 | 2 => Keeping::Lazy { every_ms: 500 + chance.below(4_000) },
        _ => Keeping::BeforeAck,
    };
    let mut up_to = |most: u64| {
        let least = 100 + chance.below(most / 10);
        least..least + 1 + chance.below(most)
    };
    let (link_us, peer_us, outbox_us, engine_us) = (up_to(60_000), up_to(20_000), up_to(400), up_to(60_000));
    let mut author = Author { chance, nodes, players, length_ms, happenings: Vec::new() };
    author.players_join();
    let about: Vec<Trouble> = TROUBLES
        .iter()
        .copied()
        .filter(|trouble| *trouble == Trouble::Drains || author.chance.below(3) == 0)
        .collect();
    let count = 4 + author.chance.below(28);
    for _ in 0..count {
        let at_ms = 200 + author.chance.below(length_ms);
        // Moves are what it is about: every other happening begins some.
        let trouble = match author.chance.below(2) {
            0 => Trouble::Drains,
            _ => about[author.chance.below(about.len() as u64) as usize],
        };
        author.trouble(trouble, at_ms);
    }
    rooms::play_in_rooms(seed, &mut author);
    dry_runs::try_out(seed, &mut author);
    engines::have_their_ways(seed, &mut author);
    author.happenings.sort_by_key(|(at_ms, _)| *at_ms);
    let happenings = author.happenings;
    let nodes = nodes as u8;
    Story { seed, nodes, length_ms, durability, link_us, peer_us, outbox_us, engine_us, happenings }
}
