//! Three servers of Sterna and three of NATS, as processes, and clients on TCP and on QUIC who talk all the while:
//! every planned and unplanned end of the one or the other, and every cut between them (`docs/CORRECTNESS.md`, "With
//! real processes").
//!
//! Each case begins with players of its own and ends with one judgement of all that they, and the logs of all nodes,
//! have seen ([`judge`]). In the end there is one table. `STERNA_REAL_TIMES=1` plays with leases as they are unless set;
//! `STERNA_CLUSTER_ONLY=kill` plays those cases alone whose name holds that word (or one of several, with commas between).

#![cfg(unix)]

mod book;
mod crowd;
mod cuts;
mod history;
mod judge;
mod moves;
mod nats;
mod node;
mod nodes;
mod player;
#[allow(dead_code)] // the tests of the engine use the rest
#[path = "../nats/processes.rs"]
mod processes;
#[allow(dead_code)] // the matrix of faults uses the rest
#[path = "../faults/proxy.rs"]
mod proxy;
#[allow(dead_code)] // the tests of the engine use the rest
#[path = "../nats/servers.rs"]
mod servers;
mod stage;
mod table;
mod times;

use stage::Stage;
use std::pin::Pin;
use std::time::{Duration, Instant};
use table::{Outcome, Row};
use times::Times;

/// Longest wait for something that must happen; elections of NATS, and clients who wait for a dead node's answer,
/// come on top of the longest lease.
const PATIENCE: Duration = Duration::from_secs(90);

/// One case: its name, and how it is played.
type Case = (&'static str, for<'a> fn(&'a mut Stage) -> Played<'a>);
type Played<'a> = Pin<Box<dyn Future<Output = Result<Row, String>> + 'a>>;

/// Faults of nodes, with leases that are over soon, and nothing acknowledged before it is stored. The last leaves a dead
/// node behind, which every new one takes for alive until it has watched it for long enough.
const NODES: [Case; 9] = [
    ("rolling update", |stage| Box::pin(nodes::updated(stage))),
    ("two nodes drained at once", |stage| Box::pin(nodes::two_drained(stage))),
    ("node asleep, shorter than the fence", |stage| Box::pin(nodes::asleep_briefly(stage))),
    ("node asleep past take-over", |stage| Box::pin(nodes::asleep_for_long(stage))),
    ("node cut off from NATS, healed when fenced", |stage| Box::pin(cuts::from_nats_briefly(stage))),
    ("node cut off from NATS past take-over", |stage| Box::pin(cuts::from_nats_for_long(stage))),
    ("node cut off from the other nodes", |stage| Box::pin(cuts::from_nodes(stage))),
    ("NATS down, longer than the fence", |stage| Box::pin(nats::down_for_long(stage))),
    ("kill -9 of a node", |stage| Box::pin(nodes::killed(stage))),
];

/// Faults of NATS, with leases that outlast its elections, and snapshots behind play, so that play waits for nothing.
const NATS: [Case; 6] = [
    ("NATS down, shorter than the fence", |stage| Box::pin(nats::down_briefly(stage))),
    ("bucket deleted", |stage| Box::pin(nats::bucket_deleted(stage))),
    ("NATS leader killed, 200 moves", |stage| Box::pin(moves::leader_killed(stage))),
    ("NATS leader asleep, 200 moves", |stage| Box::pin(moves::leader_stands_still(stage))),
    ("NATS leader lame duck, 200 moves", |stage| Box::pin(moves::leader_leaves(stage))),
    ("kill -9 of a node, lazy snapshots", |stage| Box::pin(nodes::killed_lazily(stage))),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_promises_are_kept() {
    if servers::program().is_none() {
        return;
    }
    let only = std::env::var("STERNA_CLUSTER_ONLY").unwrap_or_default();
    let began = Instant::now();
    let (nodes, nats) = tokio::join!(
        play(&NODES, &only, Times::of_node_faults(), "snapshot"),
        play(&NATS, &only, Times::of_nats_faults(), "lazy")
    );
    let outcomes = [nodes, nats].concat();
    table::print(&outcomes, began.elapsed());
    assert!(!outcomes.is_empty(), "no case is called `{only}`");
    let failed: Vec<&str> = outcomes.iter().filter_map(Outcome::failure).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// Plays cases one after the other, on one cluster; after one that failed the rest is not played.
async fn play(cases: &[Case], only: &str, times: Times, durability: &'static str) -> Vec<Outcome> {
    let wanted: Vec<&Case> =
        cases.iter().filter(|(name, _)| only.split(',').any(|only| name.contains(only))).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut stage = Stage::set(times, durability).await;
    let mut outcomes = Vec::new();
    for (name, run) in wanted {
        let failed = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failed(..)));
        outcomes.push(if failed {
            Outcome::NotRun(name)
        } else {
            let began = Instant::now();
            match run(&mut stage).await {
                Ok(row) => Outcome::Passed(name, row, began.elapsed()),
                Err(failure) => Outcome::Failed(name, format!("{name}: {failure}\n{}", stage.explain())),
            }
        });
        table::print_one(outcomes.last().expect("it was just put in"));
    }
    outcomes
}
