//! What happened, as the application and the nodes' observer saw it. Nothing here asks the library: it only
//! counts the numbers in messages, and stamps them with a clock of its own.

use super::rooms::table::RoomSeen;
use crate::node::Observer;
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use sterna::protocol::cohort::Report;
use sterna::protocol::ids::{CohortId, MoveId, SessionId};

/// Numbers that should arrive as 0, 1, 2, and so on.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    next: u64,
    missing: BTreeSet<u64>,
    /// Numbers that had arrived before.
    pub(super) duplicated: u64,
    /// Numbers that came after a higher one.
    pub(super) reordered: u64,
}

impl Tally {
    /// A number has arrived.
    pub(super) fn count(&mut self, number: u64) {
        if number >= self.next {
            // A number of a damaged message must not make this fill the memory.
            self.missing.extend((self.next..number).take(1 << 16));
            self.next = number.saturating_add(1);
        } else if self.missing.remove(&number) {
            self.reordered += 1;
        } else {
            self.duplicated += 1;
        }
    }

    /// How many of the first `sent` numbers have not arrived.
    pub(super) fn lost(&self, sent: u64) -> u64 {
        self.missing.len() as u64 + sent.saturating_sub(self.next)
    }
}

/// What the application saw of one player.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The session at its beginning.
    pub(super) session: Option<SessionId>,
    /// Numbers of the player's messages.
    pub(super) up: Tally,
    /// How many numbered messages the application has sent.
    pub(super) sent_down: u64,
    /// How often the session arrived on another node.
    pub(super) arrivals: u64,
    /// How often user data was not what it should be.
    pub(super) damaged: u64,
    /// How often the session had another id than at its beginning.
    pub(super) renamed: u64,
    /// How often the session was restarted from a snapshot or a copy.
    pub(super) took_over: u64,
}

/// How the scale-in went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drained {
    /// When it was ordered.
    pub(super) began_us: u64,
    /// When the node had stopped.
    pub(super) ended_us: u64,
    /// From the order until the node was empty.
    pub(super) took: Duration,
    /// Sessions that were ended because no node took them.
    pub(super) closed: usize,
    /// Whether the node has stopped.
    pub(super) exited: bool,
    /// How many players were on it.
    pub(super) players: usize,
}

/// How long one session was frozen for one move.
#[derive(Clone, Copy, Debug)]
pub(super) struct Freeze {
    pub(super) cohort: CohortId,
    pub(super) micros: u64,
}

/// Everything the application and the observer saw.
#[derive(Debug)]
pub(super) struct History {
    origin: Instant,
    players: Vec<Mutex<Seen>>,
    frozen: Mutex<BTreeMap<MoveId, Instant>>,
    freezes: Mutex<Vec<Freeze>>,
    rooms: Mutex<BTreeMap<CohortId, RoomSeen>>,
}

impl History {
    pub(super) fn new(players: usize) -> Self {
        Self {
            origin: Instant::now(),
            players: (0..players).map(|_| Mutex::default()).collect(),
            frozen: Mutex::default(),
            freezes: Mutex::default(),
            rooms: Mutex::default(),
        }
    }

    /// Microseconds on the one clock of the demonstration.
    pub(super) fn micros(&self) -> u64 {
        self.origin.elapsed().as_micros() as u64
    }

    /// The name of a player for the cluster.
    pub(super) fn user(player: usize) -> String {
        format!("player-{player}")
    }

    /// The player of this name.
    pub(super) fn player(&self, user: &str) -> Option<usize> {
        let number = user.strip_prefix("player-")?.parse().ok()?;
        (number < self.players.len()).then_some(number)
    }

    /// What was seen of a player so far.
    pub(super) fn seen(&self, player: usize) -> MutexGuard<'_, Seen> {
        self.players[player].lock()
    }

    /// What was seen of all rooms so far.
    pub(super) fn rooms(&self) -> MutexGuard<'_, BTreeMap<CohortId, RoomSeen>> {
        self.rooms.lock()
    }

    /// Every freeze that ended at the target.
    pub(super) fn freezes(&self) -> Vec<Freeze> {
        self.freezes.lock().clone()
    }
}

impl Observer for History {
    fn report(&self, _: &str, report: Report, at: Instant) {
        match report {
            Report::Froze { id } => {
                self.frozen.lock().insert(id, at);
            }
            Report::MovedIn { id } => {
                if let Some(frozen_at) = self.frozen.lock().remove(&id) {
                    let micros = at.saturating_duration_since(frozen_at).as_micros() as u64;
                    self.freezes.lock().push(Freeze { cohort: id.cohort, micros });
                }
            }
            Report::MovedOut { .. }
            | Report::MoveFailed(_)
            | Report::TookOver(_)
            | Report::Closed(_)
            | Report::RoomEnded
            | Report::Parked => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(numbers: &[u64]) -> Tally {
        let mut tally = Tally::default();
        numbers.iter().for_each(|number| tally.count(*number));
        tally
    }

    #[test]
    fn a_whole_sequence_is_neither_lost_nor_duplicated_nor_reordered() {
        let tally = tally(&[0, 1, 2]);
        assert_eq!((tally.lost(3), tally.duplicated, tally.reordered), (0, 0, 0));
    }

    #[test]
    fn a_hole_and_a_missing_end_are_lost() {
        assert_eq!(tally(&[0, 2]).lost(5), 3);
    }

    #[test]
    fn a_number_that_comes_twice_is_a_duplicate_and_not_reordered() {
        let tally = tally(&[0, 1, 1, 2]);
        assert_eq!((tally.lost(3), tally.duplicated, tally.reordered), (0, 1, 0));
    }

    #[test]
    fn two_numbers_that_change_places_are_one_reordered_and_not_lost() {
        let tally = tally(&[0, 2, 1, 3]);
        assert_eq!((tally.lost(4), tally.duplicated, tally.reordered), (0, 0, 1));
    }
}
