//! Dry runs: what they find out, that they leave no trace, and that whatever is real goes before them.

use super::rooms::in_room;
use super::{at_play, migrated, ms, reconnected};
use crate::client::event::Event;
use crate::protocol::client::Standing;
use crate::protocol::cohort::ProbeReport;
use crate::protocol::ids::{Epoch, NodeId};
use crate::protocol::probe::{Outcome, Unfit};
use crate::protocol::reasons::{MoveFailure, TargetRefusal};
use crate::testing::{Cluster, Entry, PlayerId};

/// Runs until all probes of the node have ended, and what they leave behind has.
fn until_probed(cluster: &mut Cluster, node: NodeId, targets: &[NodeId]) {
    cluster.run_until(|cluster| !cluster.is_probing(node));
    cluster.run_until(|cluster| targets.iter().all(|target| cluster.cohort_count(*target) == 0));
}

/// Neither the game nor the application has heard anything, and nothing of the cluster is other than before.
fn nothing_shows(cluster: &mut Cluster, players: &[PlayerId]) {
    for player in players {
        cluster.run_until(|cluster| cluster.links(*player) == 1);
        let news = cluster.history().told(*player, |event| !matches!(event, Event::Connected { .. }));
        assert_eq!(news, 0, "{player:?} has been told something");
        assert_eq!(cluster.standing(*player), Standing::Connected);
        assert_eq!(cluster.epoch(*player), Epoch(1));
    }
    let reported = |entry: &Entry| matches!(entry, Entry::Reported(..));
    assert!(!cluster.history().entries().iter().any(reported), "a node has counted something");
    assert!(!cluster.reported("Froze"));
}

fn only(cluster: &Cluster, node: NodeId) -> ProbeReport {
    let reports = cluster.probed(node);
    assert_eq!(reports.len(), 1, "{reports:?}");
    reports[0].clone()
}

#[test]
fn a_dry_run_reaches_a_target_and_leaves_no_trace() {
    let (mut cluster, player, [source, target, other]) = at_play(500);
    let before = cluster.record(player);
    cluster.dry_run(source);
    cluster.run_until(|cluster| cluster.links_to(player, target) == 1);
    assert_eq!(cluster.standing(player), Standing::Connected, "not migrating");
    until_probed(&mut cluster, source, &[target, other]);
    let report = only(&cluster, source);
    assert_eq!(report.outcome, Outcome::Fits(target));
    assert_eq!((report.sessions, report.unlinked), (1, 0));
    assert!(report.unreached.is_empty() && report.tried.is_empty());
    cluster.run_for(ms(300));
    assert_eq!(cluster.record(player), before, "not even a new revision");
    nothing_shows(&mut cluster, &[player]);
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_dry_run_can_be_repeated_and_then_the_node_is_drained() {
    let (mut cluster, player, [source, target, other]) = at_play(501);
    for count in 1..=3 {
        cluster.dry_run(source);
        until_probed(&mut cluster, source, &[target, other]);
        assert_eq!(cluster.probed(source).len(), count);
    }
    nothing_shows(&mut cluster, &[player]);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    assert_eq!(migrated(&cluster, player), 1);
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_move_goes_before_a_dry_run_at_each_of_its_steps() {
    for (seed, step) in (510..).zip([" Probe", "Prepared", "Attached", "CanAttach"]) {
        let (mut cluster, player, [source, target, _]) = at_play(seed);
        cluster.dry_run(source);
        cluster.run_until(|cluster| cluster.trace().any(|line| line.contains(step)));
        cluster.drain(source);
        cluster.run_until(|cluster| cluster.served_by(player, target));
        let report = only(&cluster, source);
        assert!(matches!(report.outcome, Outcome::Overtaken | Outcome::Fits(_)), "{step}: {report:?}");
        assert_eq!((migrated(&cluster, player), reconnected(&cluster, player)), (1, 0), "{step}");
        assert!(cluster.history().failures(player).is_empty(), "{step}");
        cluster.run_until(|cluster| cluster.is_empty(source));
        cluster.finish();
        cluster.history().check();
        cluster.history().every_move_ended();
    }
}

#[test]
fn a_forced_move_goes_before_a_dry_run() {
    let (mut cluster, player, [source, target, _]) = at_play(520);
    cluster.dry_run(source);
    cluster.run_until(|cluster| cluster.links_to(player, target) == 1);
    cluster.force(source);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    assert_eq!(only(&cluster, source).outcome, Outcome::Overtaken);
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_probe_whose_clients_link_breaks_is_gone_on_with_on_the_next() {
    let (mut cluster, player, [source, target, other]) = at_play(521);
    cluster.dry_run(source);
    cluster.run_until(|cluster| cluster.links_to(player, target) == 1);
    cluster.break_links(player);
    cluster.run_until(|cluster| reconnected(cluster, player) == 1);
    until_probed(&mut cluster, source, &[target, other]);
    let report = only(&cluster, source);
    assert_eq!(report.outcome, Outcome::Fits(target));
    assert_eq!(report.unlinked, 1, "its way has not been tried to the end");
    assert_eq!((migrated(&cluster, player), cluster.epoch(player)), (0, Epoch(1)));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_client_whose_link_comes_back_while_the_target_is_asked_is_tried_as_well() {
    let (mut cluster, player, [source, target, other]) = at_play(522);
    cluster.break_links(player);
    cluster.stall(source, target);
    cluster.dry_run(source);
    cluster.run_until(|cluster| reconnected(cluster, player) == 1);
    cluster.unstall(source, target);
    until_probed(&mut cluster, source, &[target, other]);
    let report = only(&cluster, source);
    assert_eq!((report.outcome, report.unlinked), (Outcome::Fits(target), 0));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_session_without_a_link_is_reported_as_such() {
    let (mut cluster, player, [source, target, other]) = at_play(523);
    for node in [source, target, other] {
        cluster.make_unreachable(player, node);
    }
    cluster.break_links(player);
    cluster.run_until(|cluster| cluster.cohort(source, player).is_some_and(|it| !it.session().is_linked()));
    cluster.dry_run(source);
    until_probed(&mut cluster, source, &[target, other]);
    let report = only(&cluster, source);
    assert_eq!((report.outcome, report.unlinked), (Outcome::Fits(target), 1));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_client_that_reaches_no_target_is_found_out_and_plays_on() {
    let (mut cluster, player, [source, target, other]) = at_play(524);
    for node in [target, other] {
        cluster.make_unreachable(player, node);
    }
    cluster.dry_run(source);
    until_probed(&mut cluster, source, &[target, other]);
    let report = only(&cluster, source);
    assert_eq!(report.outcome, Outcome::Stays(MoveFailure::ClientCannotReach));
    assert_eq!(report.tried, [(target, Unfit::Unreached), (other, Unfit::Unreached)]);
    assert_eq!(report.unreached.len(), 1);
    nothing_shows(&mut cluster, &[player]);
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_target_that_refuses_is_named_with_its_reason_and_another_is_tried() {
    let (mut cluster, player, [source, target, other]) = at_play(525);
    cluster.fill_up(target);
    cluster.dry_run(source);
    until_probed(&mut cluster, source, &[target, other]);
    let report = only(&cluster, source);
    assert_eq!(report.outcome, Outcome::Fits(other));
    assert_eq!(report.tried, [(target, Unfit::Refused(TargetRefusal::Full))]);
    nothing_shows(&mut cluster, &[player]);
    cluster.finish();
}

#[test]
fn where_there_is_no_other_node_a_dry_run_says_so() {
    let mut cluster = Cluster::new(526, 1);
    let [source] = cluster.nodes();
    let player = cluster.connect(source);
    cluster.dry_run(source);
    assert_eq!(only(&cluster, source).outcome, Outcome::Stays(MoveFailure::NoTarget));
    nothing_shows(&mut cluster, &[player]);
}

#[test]
fn a_target_that_dies_during_a_dry_run_is_given_up_for_another() {
    for (seed, step) in (530..).zip([" Probe", "Prepared", "Attached"]) {
        let (mut cluster, player, [source, target, other]) = at_play(seed);
        cluster.dry_run(source);
        cluster.run_until(|cluster| cluster.trace().any(|line| line.contains(step)));
        cluster.crash(target);
        until_probed(&mut cluster, source, &[other]);
        let report = only(&cluster, source);
        assert!(matches!(report.outcome, Outcome::Fits(_)), "{step}: {report:?}");
        nothing_shows(&mut cluster, &[player]);
        cluster.finish();
        cluster.history().check();
    }
}

#[test]
fn a_source_that_dies_during_a_dry_run_leaves_its_client_to_look_for_it_as_ever() {
    let (mut cluster, player, [source, target, _]) = at_play(533);
    cluster.dry_run(source);
    cluster.run_until(|cluster| cluster.links_to(player, target) == 1);
    cluster.crash(source);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Reconnecting);
    assert_eq!(cluster.links_to(player, target), 0, "a link of a dry run is no way out");
    cluster.finish();
}

#[test]
fn what_is_lost_of_a_dry_run_is_made_good() {
    for (seed, frame) in (540..).zip(["Probe", "Prepared", "CanAttach", "Cancel"]) {
        let (mut cluster, player, [source, target, other]) = at_play(seed);
        cluster.lose_next(frame);
        cluster.dry_run(source);
        until_probed(&mut cluster, source, &[target, other]);
        let report = only(&cluster, source);
        assert!(matches!(report.outcome, Outcome::Fits(_)), "{frame}: {report:?}");
        assert_eq!((migrated(&cluster, player), cluster.epoch(player)), (0, Epoch(1)), "{frame}");
        cluster.finish();
        cluster.history().check();
    }
}

#[test]
fn a_fenced_node_ends_its_dry_run() {
    let (mut cluster, player, [source, target, other]) = at_play(545);
    cluster.make_unreachable(player, target);
    cluster.make_unreachable(player, other);
    cluster.cut_from_engine(source);
    cluster.run_for(ms(11_000));
    cluster.stall(source, target);
    cluster.stall(source, other);
    cluster.dry_run(source);
    cluster.run_until(|cluster| !cluster.is_probing(source));
    let report = only(&cluster, source);
    assert!(matches!(report.outcome, Outcome::Overtaken | Outcome::Stays(_)), "{report:?}");
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_dry_run_that_is_called_off_leaves_nothing_behind() {
    let (mut cluster, player, [source, target, other]) = at_play(546);
    cluster.dry_run(source);
    cluster.run_until(|cluster| cluster.links_to(player, target) == 1);
    cluster.end_dry_run(source);
    until_probed(&mut cluster, source, &[target, other]);
    assert_eq!(only(&cluster, source).outcome, Outcome::Overtaken);
    nothing_shows(&mut cluster, &[player]);
    cluster.finish();
}

#[test]
fn a_room_is_tried_with_all_its_members_and_hears_nothing() {
    let (mut cluster, players, room, [source, target, other]) = in_room(550, 5);
    let before = cluster.directory().record(room);
    cluster.dry_run(source);
    cluster.run_until(|cluster| players.iter().all(|player| cluster.links_to(*player, target) == 1));
    until_probed(&mut cluster, source, &[target, other]);
    let report = only(&cluster, source);
    assert_eq!((report.outcome, report.sessions), (Outcome::Fits(target), 5));
    assert_eq!((report.unlinked, report.unreached.len()), (0, 0));
    assert_eq!(cluster.directory().record(room), before);
    let moved = |player: &PlayerId| super::rooms::moves(&cluster, *player);
    assert_eq!(players.iter().map(moved).sum::<usize>(), 0);
    cluster.finish();
    super::rooms::everybody_is_in(&cluster, &players, room);
    cluster.history().check();
}

#[test]
fn members_who_cannot_reach_the_target_are_named() {
    let (mut cluster, players, _, [source, target, other]) = in_room(551, 4);
    for player in &players[..2] {
        cluster.make_unreachable(*player, target);
    }
    cluster.dry_run(source);
    until_probed(&mut cluster, source, &[target, other]);
    let report = only(&cluster, source);
    assert_eq!(report.outcome, Outcome::Fits(target), "a room does not wait for its last members");
    assert_eq!(report.unreached.len(), 2, "{report:?}");
    cluster.finish();
    cluster.history().check();
}

#[test]
fn who_joins_a_room_during_its_dry_run_does_so_at_once() {
    let (mut cluster, players, room, [source, target, other]) = in_room(552, 3);
    let late = cluster.connect(source);
    cluster.dry_run(source);
    cluster.run_until(|cluster| cluster.links_to(players[0], target) == 1);
    cluster.enter_room(late, room);
    until_probed(&mut cluster, source, &[target, other]);
    assert_eq!(cluster.room_of(late), Some(room));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_room_moves_in_the_midst_of_its_dry_run() {
    let (mut cluster, players, room, [source, target, _]) = in_room(553, 4);
    cluster.dry_run(source);
    cluster.run_until(|cluster| cluster.links_to(players[3], target) == 1);
    cluster.force(source);
    cluster.run_until(|cluster| cluster.is_empty(source));
    assert_eq!(only(&cluster, source).outcome, Outcome::Overtaken);
    cluster.finish();
    super::rooms::everybody_is_in(&cluster, &players, room);
    cluster.history().check();
}
