//! Moves that are disturbed before each of their arrows: the player plays on, is told, and loses nothing.

use super::{at_play, migrated, ms};
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::client::Standing;
use crate::protocol::ids::NodeId;
use crate::protocol::wire::MoveMode;
use crate::testing::{Cluster, PlayerId};
use std::time::Duration;

/// What the trace shows of a move, in order.
const STEPS: [&str; 9] =
    ["Migrate", " Prepare", "Prepared", "MoveTo", "Attached", "Ready", "Froze", "Baton", "MovedIn"];

/// How many of them lie before anything of the cohort has left the source.
const BEFORE_THE_BATON: usize = 6;

struct Scene {
    cluster: Cluster,
    player: PlayerId,
    nodes: [NodeId; 3],
}

impl Scene {
    /// The move has come as far as this.
    fn at(seed: u64, step: &str) -> Self {
        let (mut cluster, player, nodes) = at_play(seed);
        cluster.drain(nodes[0]);
        cluster.run_until(|cluster| cluster.trace().any(|line| line.contains(step)));
        Self { cluster, player, nodes }
    }

    fn is_elsewhere(&self) -> bool {
        self.nodes[1..].iter().any(|node| self.cluster.served_by(self.player, *node))
    }

    /// Whatever has been disturbed, the move ends; if it fails, play goes on, the game is told, and may ask again.
    fn ends_well(mut self, step: &str) {
        let Self { player, nodes, .. } = self;
        let [source, ..] = nodes;
        let elsewhere = |cluster: &Cluster| nodes[1..].iter().any(|node| cluster.served_by(player, *node));
        let told = |cluster: &Cluster| !cluster.history().failures(player).is_empty();
        self.cluster.run_until(|cluster| elsewhere(cluster) || told(cluster));
        if !self.is_elsewhere() {
            self.cluster.heal();
            self.cluster.run_until(|cluster| cluster.served_by(player, source) || elsewhere(cluster));
            let asked = self.cluster.send_migrate(player);
            assert!(matches!(asked, Ok(()) | Err(Status::NotOffline)), "{step}: {asked:?}");
            self.cluster.run_until(elsewhere);
        }
        self.cluster.heal();
        self.cluster.run_until(|cluster| cluster.standing(player) == Standing::Connected);
        self.cluster.run_until(|cluster| cluster.is_empty(source));
        self.cluster.run_for(ms(300));
        self.cluster.finish();
        assert!(migrated(&self.cluster, player) >= 1, "{step}: it is told");
        let history = self.cluster.history();
        history.check();
        history.every_move_ended();
    }
}

#[test]
fn a_target_may_go_offline_before_every_arrow() {
    for (seed, step) in (300..).zip(STEPS) {
        let mut scene = Scene::at(seed, step);
        let target = scene.nodes[1];
        scene.cluster.drain(target);
        scene.ends_well(step);
    }
}

#[test]
fn a_target_may_turn_out_full_before_every_arrow() {
    for (seed, step) in (310..).zip(STEPS) {
        let mut scene = Scene::at(seed, step);
        let target = scene.nodes[1];
        scene.cluster.fill_up(target);
        scene.ends_well(step);
    }
}

#[test]
fn a_target_may_die_before_every_arrow_up_to_the_baton() {
    for (seed, step) in (320..).zip(&STEPS[..BEFORE_THE_BATON]) {
        let mut scene = Scene::at(seed, step);
        let target = scene.nodes[1];
        scene.cluster.crash(target);
        let player = scene.player;
        scene.cluster.run_until(|cluster| {
            cluster.history().told(player, |event| matches!(event, Event::Migrated { .. })) > 0
                || !cluster.history().failures(player).is_empty()
        });
        assert_eq!(
            scene.cluster.history().told(player, |event| matches!(event, Event::TookOver { .. })),
            0,
            "{step}: the source had everything"
        );
        scene.ends_well(step);
    }
}

#[test]
fn source_and_target_may_be_cut_off_before_every_arrow() {
    for (seed, step) in (330..).zip(STEPS) {
        let mut scene = Scene::at(seed, step);
        let [source, target, _] = scene.nodes;
        scene.cluster.cut(source, target);
        scene.ends_well(step);
    }
}

#[test]
fn the_client_may_lose_its_way_to_the_target_before_every_arrow() {
    for (seed, step) in (340..).zip(STEPS) {
        let mut scene = Scene::at(seed, step);
        let (player, target) = (scene.player, scene.nodes[1]);
        scene.cluster.make_unreachable(player, target);
        scene.cluster.break_link_to(player, target);
        // Past the switch the session waits at the target until the client finds it.
        if scene.is_elsewhere() || STEPS[BEFORE_THE_BATON..].contains(&step) {
            scene.cluster.run_for(Duration::from_secs(2));
            scene.cluster.heal();
        }
        scene.ends_well(step);
    }
}

#[test]
fn a_move_may_be_forced_before_every_arrow() {
    for (seed, step) in (350..).zip(STEPS) {
        let mut scene = Scene::at(seed, step);
        let source = scene.nodes[0];
        scene.cluster.force(source);
        scene.ends_well(step);
    }
}

#[test]
fn a_classic_move_may_be_disturbed_before_every_arrow() {
    // Without a second link there is neither Attached nor Ready.
    let steps = STEPS.iter().filter(|step| !["Attached", "Ready"].contains(step));
    for (seed, step) in (360..).zip(steps) {
        for disturbed in ["target", "link"] {
            let mut cluster = Cluster::new(seed, 3);
            let nodes: [NodeId; 3] = cluster.nodes();
            let player = cluster.connect_as(nodes[0], MoveMode::Classic);
            cluster.play(player, ms(7));
            cluster.run_for(ms(200));
            cluster.drain(nodes[0]);
            cluster.run_until(|cluster| cluster.trace().any(|line| line.contains(step)));
            match disturbed {
                "target" => cluster.drain(nodes[1]),
                _ => cluster.break_links(player),
            }
            Scene { cluster, player, nodes }.ends_well(step);
        }
    }
}
