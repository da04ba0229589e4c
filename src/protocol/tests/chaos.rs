//! Chance: many seeds, each with its own delays, losses, breaks and drains.

use super::ms;
use crate::protocol::client::Standing;
use crate::protocol::ids::NodeId;
use crate::testing::{Cluster, PlayerId, Random};

const SEEDS: u64 = 300;

/// One run: a minute of play full of mishaps, then an end.
fn run(seed: u64) {
    let mut chance = Random::new(seed ^ 0xc4a05);
    let nodes = 3 + chance.below(2);
    let mut cluster = Cluster::new(seed, nodes);
    cluster.delays.link_us = 500..500 + chance.below(60_000);
    cluster.delays.peer_us = 100..100 + chance.below(20_000);
    cluster.delays.directory_us = 200..200 + chance.below(100_000);
    let players: Vec<PlayerId> =
        (0..1 + chance.below(2)).map(|_| cluster.connect(NodeId(1 + chance.below(nodes)))).collect();
    for player in &players {
        cluster.play(*player, ms(20 + chance.below(100)));
    }
    cluster.peer_loss = [0, 50, 200][chance.below(3) as usize];
    for _ in 0..12 {
        let player = players[chance.below(players.len() as u64) as usize];
        match chance.below(6) {
            0 => cluster.break_link(player),
            1 => cluster.break_links(player),
            2 => cluster.force(NodeId(1 + chance.below(nodes))),
            3 => cluster.consumes(player, chance.below(2) == 0),
            _ => {
                for node in 1..=nodes {
                    cluster.online(NodeId(node));
                }
                if let Some(found) = cluster.record(player) {
                    cluster.drain(found.record.owner);
                }
            }
        }
        cluster.run_for(ms(1 + chance.below(3000)));
        let _ = cluster.send_migrate(player);
    }
    cluster.finish();
    for player in players {
        assert_eq!(cluster.standing(player), Standing::Connected, "seed {seed}");
    }
    cluster.history().check();
}

#[test]
fn any_seed_ends_with_every_message_delivered_once_and_every_move_ended() {
    if let Ok(seed) = std::env::var("STERNA_SEED") {
        return run(seed.parse().expect("STERNA_SEED is a number"));
    }
    for seed in 0..SEEDS {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(outcome.is_ok(), "STERNA_SEED={seed} cargo test --lib any_seed_ends");
    }
    println!("{SEEDS} seeds");
}
