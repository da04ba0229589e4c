//! Scenes: what the design says of moves and their faults, played through on a cluster in memory.

mod cancels;
mod crashes;
mod dry_runs;
mod fault_table;
mod faults;
mod fencing;
mod laws;
mod links;
mod moves;
mod parking;
mod publishing;
mod roles;
mod rooms;
mod wire;

use crate::client::event::Event;
use crate::protocol::ids::NodeId;
use crate::testing::{Cluster, PlayerId};
use std::time::Duration;

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A cluster of three with one player at play on the first node.
fn at_play(seed: u64) -> (Cluster, PlayerId, [NodeId; 3]) {
    let mut cluster = Cluster::new(seed, 3);
    let nodes = cluster.nodes();
    let player = cluster.connect(nodes[0]);
    cluster.play(player, ms(7));
    cluster.run_for(ms(200));
    (cluster, player, nodes)
}

fn migrated(cluster: &Cluster, player: PlayerId) -> usize {
    cluster.history().told(player, |event| matches!(event, Event::Migrated { .. }))
}

fn reconnected(cluster: &Cluster, player: PlayerId) -> usize {
    cluster.history().told(player, |event| matches!(event, Event::Reconnected { .. }))
}
