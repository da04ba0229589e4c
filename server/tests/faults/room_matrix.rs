//! Every step of a room's move, of a join and of a leave, with nodes that die or stand still at it.
//!
//! Half of the members play over TCP, the others over QUIC.

use crate::cluster::{Cluster, NODES, Setting};
use crate::game::{LARGE, QUIET};
use crate::judge;
use crate::matrix::{Fault, NOT_REACHED, TRIES, at_once};
use crate::member::Wish;
use crate::player::Player;
use crate::room_cells::{Cell, Scene, USUAL};
use crate::room_judge;
use crate::said::{Action, Arm, Order, Said};
use crate::table;
use crate::troupe::Troupe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sterna::protocol::ids::CohortId;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Failures that are shown with everything that led to them.
const SHOWN_FAILURES_MAX: usize = 2;

/// All members together say so much to their room in a second: each of them hears it.
const SAID_IN_A_SECOND: usize = 100;

/// The one who joins or leaves.
const GUEST: &str = "guest";

const DRAIN: Order = Order::Drain { deadline_ms: 120_000 };

impl Cell {
    /// A machine that stands still for as long as a scaled lease makes things go another way than past the step: that
    /// is played again, as in the matrix of lone sessions.
    async fn play(self) -> Result<&'static str, String> {
        for _ in 1..TRIES {
            match self.play_once().await {
                Err(failure) if failure.contains(NOT_REACHED) => {}
                played => return played,
            }
        }
        self.play_once().await
    }

    async fn play_once(self) -> Result<&'static str, String> {
        let durability = if self.lazy { "lazy" } else { "snapshot" };
        let cluster = Cluster::start(&Setting { durability, ..Setting::default() }).await?;
        let mut troupe = Troupe::new();
        let played = self.play_on(&cluster, &mut troupe).await;
        played.map_err(|failure| cluster.explain(&format!("{failure}\n{}", troupe.tell())))
    }

    fn user(self, number: usize) -> String {
        match (self.step.scene, number, self.members > USUAL) {
            (Scene::Large, 0, _) => format!("{LARGE}-0"),
            (_, _, true) => format!("{QUIET}-{number}"),
            (_, _, false) => format!("member-{number}"),
        }
    }

    async fn play_on(self, cluster: &Cluster, troupe: &mut Troupe) -> Result<&'static str, String> {
        let [first, second, spare] = NODES;
        let scene = self.step.scene;
        let room = self.set_up(cluster, troupe).await?;

        let held = scene.holds().map(|(by, point)| {
            let node = cluster.node(NODES[by]);
            node.arm(vec![Arm { point: point.to_owned(), after: false, action: Action::Pause, nth: 1 }]);
            node
        });
        let struck = cluster.node(NODES[self.step.by]);
        let (point, action, nth) = (self.step.point.to_owned(), self.fault.action(), self.step.nth);
        struck.arm(vec![Arm { point, after: self.after, action, nth }]);
        self.set_going(cluster, troupe, room);
        let reached = |said: &Said| matches!(said, Said::Reached { .. }).then_some(());
        troupe.during(struck.until_said(NOT_REACHED, reached)).await?;
        if let Some(held) = held {
            troupe.during(held.until_continued()).await?;
        }
        for node in [second, spare] {
            cluster.node(node).order(&Order::Cordon(false));
        }
        if let Some(pause) = self.fault.pause() {
            troupe.during(tokio::time::sleep(pause)).await;
            troupe.during(struck.until_continued()).await?;
        }
        let crashed = self.fault == Fault::Crash;
        self.await_outcome(cluster, troupe).await?;
        // Time for one that stood still to notice, to renew its lease, and to do what it must not.
        if !crashed && (struck.name != first || !scene.moves()) {
            troupe.during(cluster.until_renewed(&struck.name, 2)).await?;
        }
        room_judge::settle(troupe).await?;
        let killed: &[&str] = if crashed { &[&struck.name] } else { &[] };
        self.judge(cluster, troupe, killed)?;
        let (_, player) = &troupe.players[0];
        Ok(match (player.take_overs.len(), player.failures.len() + player.member.refusals.len()) {
            (0, 0) if scene.moves() => "moved",
            (0, _) if scene.moves() => "moved later",
            (0, _) => "done",
            (..) => "taken over",
        })
    }

    async fn set_up(self, cluster: &Cluster, troupe: &mut Troupe) -> Result<CohortId, String> {
        let [first, second, spare] = NODES;
        // Until the fault has struck there is one node to move to at most.
        cluster.node(spare).order(&Order::Cordon(true));
        for number in 0..self.members {
            troupe.add(cluster, &self.user(number), first, self.lazy).await?;
            if self.members > USUAL || self.lazy {
                troupe.players[number].1.hush();
            }
        }
        let leaves = self.step.scene == Scene::Leave;
        if leaves {
            troupe.add(cluster, GUEST, first, self.lazy).await?;
        }
        let room = troupe.gather(self.members as u32 + 1).await?;
        if let Scene::Join | Scene::JoinFromAfar = self.step.scene {
            let from = if self.step.scene == Scene::Join { first } else { second };
            troupe.add(cluster, GUEST, from, self.lazy).await?;
        }
        if self.lazy {
            troupe.players.iter_mut().for_each(|(_, player)| player.hush());
        }
        let every = Duration::from_secs(1) * troupe.players.len() as u32 / SAID_IN_A_SECOND as u32;
        for (_, player) in &mut troupe.players {
            player.member.says_every = Some(every);
            player.moves_along = true;
        }
        for node in NODES {
            troupe.during(cluster.until_up_to_date(node)).await?;
        }
        Ok(room)
    }

    fn set_going(self, cluster: &Cluster, troupe: &mut Troupe, room: CohortId) {
        match self.step.scene {
            Scene::Join | Scene::JoinFromAfar => troupe.guest().member.wish = Wish::In(room),
            Scene::Leave => troupe.guest().member.wish = Wish::Alone,
            Scene::Move | Scene::Large | Scene::NoBaton | Scene::SettledLate => {
                cluster.node(NODES[0]).order(&DRAIN);
            }
        }
    }

    async fn await_outcome(self, cluster: &Cluster, troupe: &mut Troupe) -> Result<(), String> {
        let [first, ..] = NODES;
        let (moves, crashed) = (self.step.scene.moves(), self.fault == Fault::Crash);
        // From a node that dies everybody goes, and from one that is drained; one that wakes may serve on.
        let leave = moves || crashed;
        let served = |player: &Player| player.linked && !(leave && player.node == first);
        troupe.until_each("all are served elsewhere", served).await?;
        troupe.until_each("all are, or are not, in the room", |player| player.member.is_content()).await?;
        if moves && !(crashed && self.step.by == 0) {
            let drained = |said: &Said| matches!(said, Said::Drained { .. }).then_some(());
            troupe.during(cluster.node(first).until_said("its drain is over", drained)).await?;
        }
        Ok(())
    }

    fn judge(self, cluster: &Cluster, troupe: &Troupe, killed: &[&str]) -> Result<(), String> {
        room_judge::check(troupe, self.lazy)?;
        for (user, player) in &troupe.players {
            let kept = if self.lazy {
                judge::nodes_are_well(cluster, killed)
            } else {
                judge::check(cluster, player, killed)
            };
            kept.map_err(|wrong| format!("{user}: {wrong}"))?;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_of_a_room_survives_nodes_that_fail() {
    let only = std::env::var("STERNA_FAULTS_ONLY").ok();
    let room = Arc::new(Semaphore::new(at_once()));
    let began = Instant::now();
    let mut cells = JoinSet::new();
    for cell in Cell::all() {
        if only.as_ref().is_some_and(|only| !cell.name().contains(only)) {
            continue;
        }
        let room = room.clone();
        cells.spawn(async move {
            let _room = room.acquire_owned().await.expect("it is never closed");
            (cell, cell.play().await)
        });
    }
    let (mut outcomes, mut failures) = (Vec::new(), Vec::new());
    while let Some(played) = cells.join_next().await {
        match played.expect("a cell does not panic") {
            (cell, Ok(outcome)) => outcomes.push((cell, outcome)),
            (cell, Err(failure)) => failures.push((cell, failure)),
        }
    }
    table::print_rooms(&outcomes, began.elapsed());
    for (cell, failure) in failures.iter().take(SHOWN_FAILURES_MAX) {
        eprintln!("=== {}\n{failure}", cell.name());
    }
    let failed: Vec<String> = failures
        .iter()
        .map(|(cell, failure)| format!("{}: {}", cell.name(), failure.lines().next().unwrap_or_default()))
        .collect();
    assert!(failed.is_empty(), "{} cells failed:\n{}", failed.len(), failed.join("\n"));
}
