//! The table "When it goes wrong" of docs/CORRECTNESS.md: one scene for each row, of its name. A row is about what
//! the players see; the corners of each fault are in `faults.rs`, `fencing.rs` and `crashes.rs`, and all of
//! them together in the simulation.

use super::{migrated, ms};
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::client::Standing;
use crate::protocol::ids::{Epoch, NodeId};
use crate::protocol::limits;
use crate::protocol::session::Settings;
use crate::protocol::snapshot::Durability;
use crate::protocol::wire::{MoveMode, Uplink};
use crate::testing::{Cluster, Landing, Lane, PlayerId};
use std::time::Duration;

/// Three nodes, where snapshots come before acknowledgements, and one player at play on the first.
fn at_play(seed: u64) -> (Cluster, PlayerId, [NodeId; 3]) {
    let settings = Settings { durability: Durability::BeforeAck, ..Cluster::default_settings() };
    let mut cluster = Cluster::with_settings(seed, 3, settings);
    let nodes = cluster.nodes();
    let player = cluster.connect(nodes[0]);
    cluster.play(player, ms(9));
    cluster.run_for(ms(400));
    (cluster, player, nodes)
}

fn told_of_take_over(cluster: &Cluster, player: PlayerId) -> usize {
    cluster.history().told(player, |event| matches!(event, Event::TookOver { .. }))
}

fn failures(cluster: &Cluster, player: PlayerId) -> Vec<Status> {
    cluster.history().failures(player)
}

/// Until the trace has a line like this.
fn until_noted(cluster: &mut Cluster, line: &str) {
    cluster.run_until(|cluster| cluster.trace().any(|noted| noted.contains(line)));
}

/// Until the player's session is served by any of these.
fn until_served(cluster: &mut Cluster, player: PlayerId, nodes: &[NodeId]) {
    cluster.run_until(|cluster| nodes.iter().any(|node| cluster.served_by(player, *node)));
}

#[test]
fn the_target_refuses_is_unreachable_or_dies_before_the_baton() {
    let faults: [fn(&mut Cluster, NodeId, NodeId); 3] = [
        |cluster, _, target| cluster.fill_up(target),
        |cluster, source, target| cluster.cut(source, target),
        |cluster, _, target| cluster.crash(target),
    ];
    for (seed, fault) in (600..).zip(faults) {
        let (mut cluster, player, [source, target, third]) = at_play(seed);
        fault(&mut cluster, source, target);
        cluster.drain(source);
        until_served(&mut cluster, player, &[third]);
        cluster.finish();
        assert_eq!(migrated(&cluster, player), 1);
        assert_eq!(told_of_take_over(&cluster, player), 0, "play never stopped");

        // Without another target the game is told why, plays on, and may ask again.
        let (mut cluster, player, [source, target, third]) = at_play(seed);
        fault(&mut cluster, source, target);
        fault(&mut cluster, source, third);
        cluster.drain(source);
        cluster.run_until(|cluster| !failures(cluster, player).is_empty());
        assert!(cluster.served_by(player, source));
        assert!(matches!(failures(&cluster, player)[..], [Status::TargetRefused | Status::NoTarget]));
        assert_eq!(cluster.send_migrate(player), Ok(()), "the game may ask again");
        cluster.finish();
    }
}

#[test]
fn the_client_cannot_reach_the_target() {
    let (mut cluster, player, [source, target, third]) = at_play(610);
    cluster.make_unreachable(player, target);
    cluster.drain(source);
    until_served(&mut cluster, player, &[third]);
    cluster.finish();

    let (mut cluster, player, [source, target, third]) = at_play(611);
    cluster.make_unreachable(player, target);
    cluster.make_unreachable(player, third);
    cluster.drain(source);
    cluster.run_until(|cluster| !failures(cluster, player).is_empty());
    assert_eq!(failures(&cluster, player), [Status::CannotReachTarget]);
    cluster.finish();
    assert!(cluster.served_by(player, source), "play goes on");
}

#[test]
fn the_baton_is_lost_with_its_link_or_late() {
    let (mut cluster, player, [source, target, _]) = at_play(620);
    cluster.lose_next("Baton");
    cluster.drain(source);
    until_served(&mut cluster, player, &[target]);
    assert!(cluster.faults_happened());
    cluster.finish();
    assert_eq!(cluster.epoch(player), Epoch(2), "it was repeated, and taken once");

    let (mut cluster, player, [source, target, third]) = at_play(621);
    cluster.drain(source);
    until_noted(&mut cluster, "Froze");
    cluster.stall(source, target);
    until_served(&mut cluster, player, &[source, third]);
    let epoch = cluster.epoch(player);
    cluster.heal();
    cluster.run_for(ms(2000));
    assert!(cluster.epoch(player) >= epoch, "what comes late is of an old epoch");
    cluster.finish();
}

#[test]
fn the_target_dies_after_the_baton_before_finalising() {
    let (mut cluster, player, [source, target, third]) = at_play(630);
    cluster.drain(third);
    cluster.drain(source);
    until_noted(&mut cluster, "Froze");
    cluster.cut_from_engine(target);
    cluster.run_until(|cluster| migrated(cluster, player) == 1);
    let crashed_at = cluster.now();
    cluster.crash(target);
    until_served(&mut cluster, player, &[source]);
    assert!(
        cluster.now().since(crashed_at) + ms(4000) > limits::TAKE_OVER,
        "by its lease, not by a time-out"
    );
    assert_eq!(told_of_take_over(&cluster, player), 1);
    cluster.finish();
}

#[test]
fn the_source_dies_before_its_claim() {
    let (mut cluster, player, [source, target, third]) = at_play(640);
    cluster.drain(source);
    until_noted(&mut cluster, "Attached");
    cluster.crash(source);
    until_served(&mut cluster, player, &[target, third]);
    assert_eq!(told_of_take_over(&cluster, player), 1);
    cluster.finish();
}

#[test]
fn the_source_dies_after_its_claim_before_the_target_has_the_baton() {
    let (mut cluster, player, [source, target, third]) = at_play(650);
    cluster.drain(source);
    until_noted(&mut cluster, "Froze");
    cluster.crash(source);
    until_served(&mut cluster, player, &[target, third]);
    assert_eq!(told_of_take_over(&cluster, player), 1);
    cluster.finish();
}

#[test]
fn the_source_dies_after_the_target_has_the_baton() {
    let (mut cluster, player, [source, target, _]) = at_play(660);
    cluster.drain(source);
    until_noted(&mut cluster, "BatonAck");
    cluster.crash(source);
    until_served(&mut cluster, player, &[target]);
    cluster.finish();
    assert_eq!(migrated(&cluster, player), 1);
    assert_eq!(told_of_take_over(&cluster, player), 0);
}

#[test]
fn the_client_dies_or_goes_silent_in_the_middle_of_a_move() {
    let (mut cluster, player, [source, target, third]) = at_play(670);
    cluster.drain(source);
    until_noted(&mut cluster, "MoveTo");
    cluster.silence(player, true, true, Duration::from_secs(30));
    cluster.run_for(Duration::from_secs(12));
    let moving = |cluster: &Cluster| {
        let on = [source, target, third];
        on.iter()
            .any(|node| cluster.cohort(*node, player).is_some_and(|cohort| cohort.depends_on().is_some()))
    };
    assert!(!moving(&cluster), "the move has ended without it");
    let owner = cluster.record(player).expect("the session waits").record.owner;
    cluster.run_for(Duration::from_secs(10));
    assert_eq!(cluster.record(player).map(|found| found.record.owner), Some(owner), "at its owner");
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Connected);
    cluster.finish();

    // One that never comes back is waited for no longer than sessions last.
    let (mut cluster, player, [source, ..]) = at_play(671);
    cluster.drain(source);
    until_noted(&mut cluster, "MoveTo");
    cluster.silence(player, true, true, limits::RESUME_MAX * 3);
    cluster.run_for(limits::RESUME_MAX + Duration::from_secs(20));
    assert_eq!(cluster.record(player), None);
}

#[test]
fn source_and_target_are_cut_off_from_each_other() {
    let (mut cluster, player, [source, target, third]) = at_play(680);
    cluster.drain(source);
    until_noted(&mut cluster, "Froze");
    cluster.cut(source, target);
    until_served(&mut cluster, player, &[source]);
    assert_eq!(cluster.epoch(player), Epoch(3), "handed back through the engine");
    assert_eq!(told_of_take_over(&cluster, player), 0);
    cluster.run_for(ms(300));
    assert_eq!(cluster.send_migrate(player), Ok(()));
    cluster.drain(target);
    until_served(&mut cluster, player, &[third]);
    cluster.finish();
}

#[test]
fn the_engine_is_unreachable() {
    // Nothing new starts, and below the fence time nobody notices.
    let (mut cluster, player, [source, ..]) = at_play(690);
    cluster.engine_down();
    cluster.drain(source);
    cluster.run_for(Duration::from_secs(9));
    assert!(cluster.cohort(source, player).is_some_and(|cohort| cohort.is_held()));
    assert_eq!((migrated(&cluster, player), cluster.standing(player)), (0, Standing::Connected));
    // Past it play pauses, and goes on with nothing lost.
    cluster.run_for(Duration::from_secs(20));
    cluster.engine_up();
    cluster.run_until(|cluster| cluster.record(player).is_some_and(|found| found.record.epoch > Epoch(1)));
    cluster.finish();
    assert_eq!(told_of_take_over(&cluster, player), 0);

    // A move past its claim completes.
    let (mut cluster, player, [source, target, _]) = at_play(691);
    cluster.drain(source);
    until_noted(&mut cluster, "Froze");
    cluster.engine_down();
    cluster.run_until(|cluster| migrated(cluster, player) == 1);
    cluster.engine_up();
    until_served(&mut cluster, player, &[target]);
    cluster.finish();
}

#[test]
fn a_node_is_cut_off_from_the_engine_alone() {
    // Below the take-over time its clients wait there, and play goes on.
    let (mut cluster, player, [node, ..]) = at_play(695);
    cluster.cut_from_engine(node);
    cluster.run_for(limits::SELF_FENCE + ms(500));
    assert_eq!(cluster.standing(player), Standing::Connected);
    cluster.join_engine(node);
    cluster.run_until(|cluster| cluster.record(player).is_some_and(|found| found.record.epoch > Epoch(1)));
    cluster.finish();
    assert_eq!(told_of_take_over(&cluster, player), 0);

    // Past it they are told to look elsewhere, and others take over.
    let (mut cluster, player, [node, other, third]) = at_play(696);
    cluster.cut_from_engine(node);
    until_served(&mut cluster, player, &[other, third]);
    assert_eq!(told_of_take_over(&cluster, player), 1);
    cluster.join_engine(node);
    cluster.finish();
    assert!(!cluster.served_by(player, node));
}

#[test]
fn the_answer_to_a_compare_and_set_is_unknown() {
    for (seed, landing) in (700..).zip([Landing::Landed, Landing::Never, Landing::Later(ms(3000))]) {
        let (mut cluster, player, [source, target, third]) = at_play(seed);
        cluster.drain(source);
        cluster.run_until(|cluster| cluster.standing(player) == Standing::Migrating);
        cluster.lose_cas_answer(landing);
        until_served(&mut cluster, player, &[target, third]);
        cluster.run_for(ms(4000));
        cluster.finish();
        assert_eq!((migrated(&cluster, player), told_of_take_over(&cluster, player)), (1, 0), "{landing:?}");
    }
}

#[test]
fn the_engine_has_lost_its_data() {
    let (mut cluster, player, [source, ..]) = at_play(710);
    cluster.engine_loses_its_data();
    cluster.run_for(limits::TAKE_OVER + Duration::from_secs(3));
    // Whoever serves goes on, and nobody takes over what nobody records.
    assert_eq!((cluster.standing(player), cluster.epoch(player)), (Standing::Connected, Epoch(1)));
    assert!(cluster.cohort(source, player).is_some_and(|cohort| cohort.is_served()));
    // Nobody makes room for what is not recorded: a move fails, says why, and play goes on.
    cluster.drain(source);
    cluster.run_until(|cluster| !failures(cluster, player).is_empty());
    assert_eq!(failures(&cluster, player), [Status::TargetRefused]);
    cluster.run_for(ms(500));
    assert_eq!((cluster.standing(player), told_of_take_over(&cluster, player)), (Standing::Connected, 0));
    assert!(cluster.cohort(source, player).is_some_and(|cohort| cohort.is_served()));
}

#[test]
fn there_is_no_node_to_move_to() {
    let (mut cluster, player, [source, target, third]) = at_play(720);
    cluster.drain(target);
    cluster.drain(third);
    cluster.drain(source);
    cluster.run_until(|cluster| !failures(cluster, player).is_empty());
    assert_eq!(failures(&cluster, player), [Status::NoTarget]);
    assert!(cluster.reported("MoveFailed(NoTarget)"), "the operator is told");
    cluster.run_for(ms(500));
    assert!(cluster.served_by(player, source), "it stays, and is served");
    // As soon as there is one, it goes.
    cluster.online(third);
    assert_eq!(cluster.send_migrate(player), Ok(()));
    until_served(&mut cluster, player, &[third]);
    // At the deadline, what found none is stored, and its client told to come back later ...
    cluster.park(third);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Reconnecting);
    let later = |event: &Event| matches!(event, Event::Reconnecting { status: Status::ResumeLater });
    assert_eq!(cluster.history().told(player, later), 1);
    cluster.online(target);
    until_served(&mut cluster, player, &[target]);
    // ... or, where nothing outlives the node, closed with the reason.
    cluster.close_all(target);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Idle);
    let stopped = |event: &Event| matches!(event, Event::Disconnected { status: Status::NodeStopped });
    assert_eq!(cluster.history().told(player, stopped), 1);
    cluster.finish();
}

#[test]
fn send_migrate_again_during_a_move() {
    let (mut cluster, player, [source, target, _]) = at_play(730);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Migrating);
    assert_eq!(cluster.send_migrate(player), Ok(()));
    assert_eq!(cluster.send_migrate(player), Ok(()));
    until_served(&mut cluster, player, &[target]);
    cluster.finish();
    assert_eq!((migrated(&cluster, player), cluster.epoch(player)), (1, Epoch(2)), "the same move");
}

#[test]
fn send_migrate_when_the_node_is_not_offline() {
    let (mut cluster, player, [source, ..]) = at_play(740);
    assert_eq!(cluster.send_migrate(player), Err(Status::NotOffline));
    // A client that asks all the same is told so by the node.
    let mut bytes = Vec::new();
    Uplink::Migrate { epoch: Epoch(1), mode: MoveMode::Seamless }.encode(&mut bytes);
    cluster.inject(player, Lane::Control, bytes);
    until_noted(&mut cluster, "MoveFailed");
    cluster.finish();
    assert!(cluster.served_by(player, source) && cluster.epoch(player) == Epoch(1), "nothing changes");
}

#[test]
fn send_migrate_with_an_old_epoch() {
    let (mut cluster, player, [source, target, _]) = at_play(750);
    cluster.drain(source);
    until_served(&mut cluster, player, &[target]);
    cluster.run_for(ms(300));
    cluster.answers_offline(player, false);
    cluster.drain(target);
    cluster.run_for(ms(100));
    let mut bytes = Vec::new();
    Uplink::Migrate { epoch: Epoch(1), mode: MoveMode::Seamless }.encode(&mut bytes);
    cluster.inject(player, Lane::Control, bytes);
    until_noted(&mut cluster, "MoveFailed");
    cluster.finish();
    assert!(cluster.served_by(player, target), "it has not moved");
}
