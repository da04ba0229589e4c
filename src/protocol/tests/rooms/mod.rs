//! Scenes of rooms: what the design says of joining, leaving and moving together, played through on a cluster in
//! memory.

mod crashes;
mod joining;
mod moving;

use super::ms;
use crate::protocol::ids::{CohortId, NodeId};
use crate::protocol::session::Settings;
use crate::protocol::snapshot::Durability;
use crate::testing::{Cluster, PlayerId, RoomSeen};

/// A cluster of three, and so many players at play in one room of the first node.
pub(super) fn in_room(seed: u64, count: usize) -> (Cluster, Vec<PlayerId>, CohortId, [NodeId; 3]) {
    in_room_kept(seed, count, Durability::None)
}

/// The same with snapshots stored like this.
pub(super) fn in_room_kept(
    seed: u64,
    count: usize,
    durability: Durability,
) -> (Cluster, Vec<PlayerId>, CohortId, [NodeId; 3]) {
    let settings = Settings { durability, ..Cluster::default_settings() };
    let mut cluster = Cluster::with_settings(seed, 3, settings);
    let nodes: [NodeId; 3] = cluster.nodes();
    let players: Vec<PlayerId> = (0..count).map(|_| at_play(&mut cluster, nodes[0])).collect();
    let room = cluster.open_room(players[0]);
    for player in &players[1..] {
        cluster.enter_room(*player, room);
    }
    cluster.run_for(ms(200));
    (cluster, players, room, nodes)
}

/// A player who plays and, in a room, chats.
fn at_play(cluster: &mut Cluster, node: NodeId) -> PlayerId {
    let player = cluster.connect(node);
    cluster.play(player, ms(40));
    cluster.chat(player);
    player
}

/// How many comings and goings the player has heard of.
fn comings_and_goings(cluster: &Cluster, player: PlayerId) -> usize {
    cluster.history().heard(player, |seen| {
        matches!(
            seen,
            RoomSeen::Entered(..) | RoomSeen::Joined(_) | RoomSeen::Left(..) | RoomSeen::Exited(..)
        )
    })
}

/// How often the player's room has moved, as it was told.
pub(super) fn moves(cluster: &Cluster, player: PlayerId) -> usize {
    cluster.history().heard(player, |seen| matches!(seen, RoomSeen::Moved(_)))
}

pub(super) fn everybody_is_in(cluster: &Cluster, players: &[PlayerId], room: CohortId) {
    for player in players {
        assert_eq!(cluster.room_of(*player), Some(room), "{player:?}");
    }
    let inside = cluster.room(room).map(crate::protocol::room::Room::len);
    assert_eq!(inside, Some(players.len()), "members of {room}");
}
