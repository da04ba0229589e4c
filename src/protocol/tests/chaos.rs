//! Chance: many seeds, each with its own delays, losses, breaks and drains.

use super::ms;
use crate::client::event::Event;
use crate::protocol::client::Standing;
use crate::protocol::ids::NodeId;
use crate::testing::{Cluster, Landing, PlayerId, Random};

/// Enough to have met every bug that a longer search found, in the time of one test.
const SEEDS: u64 = 300;

/// What a run has come through: chance that never strikes proves nothing.
#[derive(Debug, Default)]
struct Seen {
    moved: usize,
    failed: usize,
    restored: usize,
}

/// One run: a minute of play full of mishaps, then an end.
fn run(seed: u64) -> Seen {
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
    let peer_loss = [0, 50, 200][chance.below(3) as usize];
    cluster.peer_loss = peer_loss;
    for _ in 0..12 {
        let player = players[chance.below(players.len() as u64) as usize];
        match chance.below(9) {
            0 => cluster.break_link(player),
            1 => cluster.break_links(player),
            2 => cluster.force(NodeId(1 + chance.below(nodes))),
            3 => cluster.consumes(player, chance.below(2) == 0),
            4 => cluster.lose_cas_answer(match chance.below(3) {
                0 => Landing::Landed,
                1 => Landing::Never,
                _ => Landing::Later(ms(chance.below(4000))),
            }),
            5 => {
                let (a, b) = (NodeId(1 + chance.below(nodes)), NodeId(1 + chance.below(nodes)));
                cluster.cut(a, b);
                cluster.run_for(ms(chance.below(4000)));
                cluster.heal();
                cluster.peer_loss = peer_loss;
            }
            6 if chance.below(4) == 0 => {
                cluster.engine_down();
                cluster.run_for(ms(chance.below(25_000)));
                cluster.engine_up();
            }
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
    for player in &players {
        assert_eq!(cluster.standing(*player), Standing::Connected, "seed {seed}");
    }
    let history = cluster.history();
    history.check();
    let told = |like: fn(&Event) -> bool| players.iter().map(|player| history.told(*player, like)).sum();
    Seen {
        moved: told(|event| matches!(event, Event::Migrated { .. })),
        failed: told(|event| matches!(event, Event::MigrateFailed { .. })),
        restored: told(|event| matches!(event, Event::Reconnected { .. })),
    }
}

#[test]
fn any_seed_ends_with_every_message_delivered_once_and_every_move_ended() {
    if let Ok(seed) = std::env::var("STERNA_SEED") {
        run(seed.parse().expect("STERNA_SEED is a number"));
        return;
    }
    let mut seen = Seen::default();
    let mut failed = Vec::new();
    let seeds = std::env::var("STERNA_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    for seed in 0..seeds {
        match std::panic::catch_unwind(|| run(seed)) {
            Ok(run) => {
                seen.moved += run.moved;
                seen.failed += run.failed;
                seen.restored += run.restored;
            }
            Err(_) => failed.push(seed),
        }
    }
    println!("{seeds} seeds: {seen:?}");
    assert!(failed.is_empty(), "to see one: STERNA_SEED={} cargo test --lib any_seed; {failed:?}", failed[0]);
    assert!(seen.moved > 500 && seen.failed > 20 && seen.restored > 500, "{seen:?}");
}
