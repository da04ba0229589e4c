//! What each player owns: values of all four types, with the bit patterns that are most easily damaged on the
//! way. Made anew from the player's number by whoever has to compare.

use crate::builtin;
use sterna::protocol::application::{Context, DataFull, RoomContext};
use sterna::protocol::wire::Value;

/// Keys that begin so are the player's; the rest is the game's own bookkeeping.
const PREFIX: &str = "kept.";

/// The key of the random bytes.
pub(super) const BYTES_KEY: &str = "kept.bytes";

/// Numbers from here on are those of rooms.
const ROOMS_FROM: usize = 1 << 32;

/// Length of the random bytes.
const BYTES: usize = 4096;

/// What the player of this number owns.
fn of(player: usize) -> Vec<(&'static str, Value)> {
    let mut random = Random::new(player as u64);
    // A signalling NaN with a payload: a float that was converted instead of copied would lose it.
    let nan = f64::from_bits(0x7ff0_0000_0000_0001 | (player as u64) << 8);
    let bytes = std::iter::repeat_with(|| random.next() as u8).take(BYTES).collect();
    vec![
        (BYTES_KEY, Value::Bytes(bytes)),
        ("kept.least", Value::Integer(i64::MIN)),
        ("kept.name", Value::Text(format!("Zażółć gęślą jaźń № {player} \0 🂡"))),
        ("kept.nan", Value::Float(nan)),
    ]
}

/// Gives a new player what is theirs.
pub(super) fn give(session: &mut Context<'_>, player: usize) -> Result<(), DataFull> {
    of(player).into_iter().try_for_each(|(key, value)| session.set(key, value))
}

/// What the player of this number must own, as bytes.
pub(super) fn expected(player: usize) -> Vec<u8> {
    let belongings = of(player);
    encode(belongings.iter().map(|(key, value)| (*key, value)))
}

/// What a session's user data holds of it, as bytes.
pub(super) fn found(session: &Context<'_>) -> Vec<u8> {
    encode(session.list().filter(|(key, _)| key.starts_with(PREFIX)))
}

/// The first properties of a room: the same, of a player that is none.
pub(super) fn of_room(room: usize) -> Vec<(&'static str, Value)> {
    of(ROOMS_FROM + room)
}

/// What a room's properties are, as bytes.
pub(super) fn found_in_room(room: &RoomContext<'_>) -> Vec<u8> {
    encode(room.properties())
}

/// Floats are compared by their bits, which is what their bytes are.
fn encode<'a>(entries: impl Iterator<Item = (&'a str, &'a Value)>) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in entries {
        let value = builtin::encode(value);
        for part in [key.as_bytes(), &value] {
            out.extend_from_slice(&(part.len() as u32).to_be_bytes());
            out.extend_from_slice(part);
        }
    }
    out
}

/// A sequence of numbers that look random and are the same in every run (SplitMix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; zero if there is none.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }
}
