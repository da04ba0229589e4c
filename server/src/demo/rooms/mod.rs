//! `sterna demo --rooms`: the players sit in rooms, and rooms move as one.
//!
//! - [`table`]: what the application keeps of a room, and what it saw of it
//! - [`member`]: a player's part in a room
//! - [`judge`]: compares what all members heard
//! - [`figures`]: what is printed

pub(super) mod figures;
pub(super) mod judge;
pub(super) mod member;
pub(super) mod table;

use crate::cli::DemoArgs;
use parking_lot::Mutex;
use std::time::Duration;
use sterna::protocol::ids::CohortId;

/// One of so many rooms is moved by nobody but the server, at half of the drain's time.
const LEFT_TO_SERVER: usize = 3;

/// How long a drain with rooms may take at the least. At half of it the server moves the rooms that nobody has moved;
/// the first half is far more than owners take to find their moment.
const DRAIN_MIN: Duration = Duration::from_secs(3);

/// In rooms everybody hears everybody, so messages to and from the node alone are fewer by this.
pub(super) const ALONE_SHARE: u64 = 5;

/// Who sits where.
#[derive(Debug)]
pub(super) struct Plan {
    players: usize,
    size: usize,
    nodes: usize,
    /// The rooms that have been made, by their numbers.
    rooms: Vec<Mutex<Option<CohortId>>>,
}

impl Plan {
    pub(super) fn new(args: &DemoArgs) -> Self {
        let (players, size, nodes) = (args.players as usize, args.room_size as usize, args.nodes as usize);
        let rooms = (0..players.div_ceil(size)).map(|_| Mutex::default()).collect();
        Self { players, size, nodes, rooms }
    }

    /// How many rooms there are.
    pub(super) fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// The number of a player's room.
    pub(super) fn room_of(&self, player: usize) -> usize {
        player / self.size
    }

    /// Where in the room a player sits; the first one makes it.
    pub(super) fn place_of(&self, player: usize) -> usize {
        player % self.size
    }

    /// How many sit in this room.
    pub(super) fn members_of(&self, room: usize) -> usize {
        self.size.min(self.players - room * self.size)
    }

    /// The node that a player comes to first: rooms are made on all nodes in turn, and of those who join them most
    /// have to move there.
    pub(super) fn first_node(&self, player: usize) -> usize {
        (self.room_of(player) + self.place_of(player)) % self.nodes
    }

    /// Whether nobody asks for this room to be moved.
    pub(super) fn is_left_to_server(&self, room: usize) -> bool {
        // Rooms on one node are numbered in steps of the number of nodes.
        (room / self.nodes) % LEFT_TO_SERVER == LEFT_TO_SERVER - 1
    }

    /// The room of this number, once it has been made.
    pub(super) fn made(&self, room: usize) -> Option<CohortId> {
        *self.rooms[room].lock()
    }

    pub(super) fn make(&self, room: usize, id: CohortId) {
        *self.rooms[room].lock() = Some(id);
    }

    /// What is said of it before anybody plays.
    pub(super) fn describe(&self) -> String {
        let (players, rooms, size) = (self.players, self.rooms(), self.size);
        match players % size {
            0 => format!("{players} players sit in {rooms} rooms of {size}"),
            rest => format!("{players} players sit in {rooms} rooms of {size}, the last of {rest}"),
        }
    }
}

/// When what is left is forced: never, if all goes well.
pub(super) fn drain_max(moment_max: Duration) -> Duration {
    DRAIN_MIN.max(4 * moment_max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn plan(players: &str) -> Plan {
        let line = ["sterna", "demo", "--rooms", "--players", players];
        let crate::cli::Command::Demo(args) = crate::cli::Cli::parse_from(line).command else {
            unreachable!("that is what was typed");
        };
        Plan::new(&args)
    }

    #[test]
    fn every_node_has_rooms_and_the_last_room_is_smaller() {
        let plan = plan("100");
        assert_eq!(plan.rooms(), 13);
        assert_eq!([0, 11, 12].map(|room| plan.members_of(room)), [8, 8, 4]);
        assert_eq!(plan.describe(), "100 players sit in 13 rooms of 8, the last of 4");
        let made_on = |room: usize| plan.first_node(room * 8);
        assert_eq!([0, 1, 2, 3].map(made_on), [0, 1, 2, 0]);
        assert_ne!(plan.first_node(0), plan.first_node(1));
    }

    #[test]
    fn on_every_node_some_rooms_are_left_to_the_server() {
        let plan = plan("200");
        for node in 0..3 {
            let rooms = (0..plan.rooms()).filter(|room| room % 3 == node);
            let left = rooms.filter(|room| plan.is_left_to_server(*room)).count();
            assert!((1..=3).contains(&left), "{left} on node {node}");
        }
    }
}
