//! Links that break, clients that go, clients that lie.

use super::{at_play, migrated, ms, reconnected};
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::client::Standing;
use crate::protocol::ids::{Cursor, Epoch, NodeId};
use crate::protocol::limits;
use crate::protocol::wire::Uplink;
use crate::testing::{Cluster, Entry, Lane, PlayerId};
use std::time::Duration;

#[test]
fn a_link_that_breaks_is_restored_and_nothing_is_lost() {
    let (mut cluster, player, [source, ..]) = at_play(100);
    for _ in 0..5 {
        cluster.break_link(player);
        cluster.run_until(|cluster| cluster.standing(player) == Standing::Reconnecting);
        cluster.run_until(|cluster| cluster.standing(player) == Standing::Connected);
        cluster.run_for(ms(300));
    }
    cluster.finish();
    assert!(cluster.served_by(player, source));
    assert_eq!(reconnected(&cluster, player), 5);
    cluster.history().check();
}

/// Runs until the trace shows this, breaks all links, and wants the move to end well.
fn breaks_during(seed: u64, line: &str, all: bool) {
    let (mut cluster, player, nodes) = at_play(seed);
    cluster.drain(nodes[0]);
    cluster.run_until(|cluster| cluster.trace().any(|found| found.contains(line)));
    if all {
        cluster.break_links(player);
    } else {
        cluster.break_link(player);
    }
    let elsewhere = |cluster: &Cluster| nodes[1..].iter().any(|node| cluster.served_by(player, *node));
    cluster.run_until(|cluster| elsewhere(cluster) || !cluster.history().failures(player).is_empty());
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Connected);
    if !elsewhere(&cluster) {
        assert_eq!(cluster.send_migrate(player), Ok(()), "{line}: it may ask again");
        cluster.run_until(elsewhere);
    }
    cluster.finish();
    cluster.history().check();
}

#[test]
fn links_may_break_in_every_phase_of_a_move() {
    let lines =
        ["Migrate", " Prepare", "Prepared", "MoveTo", "Attached", "Ready", "Froze", "Baton", "MovedIn"];
    for (seed, line) in (110..).zip(lines) {
        breaks_during(seed, line, true);
    }
    for (seed, line) in (120..).zip(lines) {
        breaks_during(seed, line, false);
    }
}

#[test]
fn a_link_that_breaks_after_the_move_is_restored_at_the_target() {
    let (mut cluster, player, [source, target, _]) = at_play(130);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.break_links(player);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Reconnecting);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_client_without_its_link_to_the_source_resumes_there_when_the_target_lets_go() {
    // "C drops its link to T ... and resumes at once if its link to S is gone" (rule b).
    let (mut cluster, player, [source, target, third]) = at_play(131);
    cluster.drain(target);
    cluster.online(target);
    cluster.drain(third);
    for _ in 0..100 {
        cluster.lose_next("Ready");
    }
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("Attached")));
    cluster.run_for(ms(100));
    cluster.break_link_to(player, source);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Reconnecting);
    let broken_at = cluster.now();
    cluster.run_until(|cluster| cluster.served_by(player, source));
    assert!(cluster.now().since(broken_at) < limits::ATTACH_MAX + ms(1000));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_game_that_disconnects_during_a_move_is_gone_everywhere() {
    let lines = ["Migrate", " Prepare", "MoveTo", "Attached", "Ready", "Froze", "MovedIn"];
    for (seed, line) in (140..).zip(lines) {
        let (mut cluster, player, [source, target, third]) = at_play(seed);
        cluster.drain(source);
        cluster.run_until(|cluster| cluster.trace().any(|found| found.contains(line)));
        cluster.disconnect(player);
        assert_eq!(cluster.standing(player), Standing::Idle);
        cluster.run_until(|cluster| cluster.record(player).is_none());
        cluster.run_for(Duration::from_secs(2));
        for node in [source, target, third] {
            assert!(cluster.is_empty(node), "{line}: {node}");
        }
        assert_eq!(cluster.standing(player), Standing::Idle, "{line}: nothing brings it back");
        let history = cluster.history();
        history.check();
        history.every_move_ended();
    }
}

#[test]
fn a_game_that_disconnects_while_it_connects_stays_disconnected() {
    let mut cluster = Cluster::new(150, 1);
    let [node] = cluster.nodes();
    let player = cluster.begin_to_connect(node);
    cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("Hello")));
    cluster.run_until(|cluster| cluster.cohort_count(node) == 1);
    cluster.disconnect(player);
    cluster.run_for(Duration::from_secs(1));
    assert_eq!(cluster.standing(player), Standing::Idle);
    assert_eq!(cluster.history().told(player, |event| matches!(event, Event::Connected { .. })), 0);
}

#[test]
fn a_session_whose_client_stays_away_ends() {
    let (mut cluster, player, [source, target, third]) = at_play(151);
    for node in [source, target, third] {
        cluster.make_unreachable(player, node);
    }
    cluster.break_links(player);
    cluster.run_until(|cluster| cluster.record(player).is_none());
    assert!(cluster.is_empty(source));
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Idle);
    let ended = |event: &Event| matches!(event, Event::Disconnected { status: Status::SessionTimedOut });
    assert_eq!(cluster.history().told(player, ended), 1);
}

#[test]
fn a_client_that_does_not_read_costs_bounded_memory_and_loses_nothing() {
    let (mut cluster, player, [source, ..]) = at_play(152);
    cluster.consumes(player, false);
    cluster.run_for(Duration::from_secs(100));
    let waiting = cluster.waiting_bytes(player);
    assert!(waiting <= 2 * limits::CREDIT_BYTES as usize, "{waiting} bytes wait for the game");
    let state = cluster.cohort(source, player).unwrap().session().state_bytes();
    assert!(state <= limits::REPLAY_BYTES_MAX + 4096, "{state} bytes wait at the node");
    cluster.consumes(player, true);
    cluster.run_for(Duration::from_secs(2));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn an_application_that_sends_faster_than_the_client_reads_is_told_so() {
    let mut cluster = Cluster::new(153, 1);
    let [node] = cluster.nodes();
    let player = cluster.connect(node);
    cluster.consumes(player, false);
    for _ in 0..40 {
        cluster.send(player, 20, 4000);
        cluster.run_for(ms(100));
    }
    assert!(cluster.unacknowledged_bytes(player) > 0, "the node takes no more than it can answer");
    cluster.consumes(player, true);
    cluster.finish();
    cluster.history().check();
}

/// Whatever one client does on its link, another does not notice.
fn only_its_own_link_ends(seed: u64, lie: impl Fn(&mut Cluster, PlayerId)) {
    let mut cluster = Cluster::new(seed, 1);
    let [node]: [NodeId; 1] = cluster.nodes();
    let (honest, liar) = (cluster.connect(node), cluster.connect(node));
    cluster.play(honest, ms(7));
    cluster.run_for(ms(100));
    lie(&mut cluster, liar);
    cluster.run_for(Duration::from_secs(2));
    let faults = |player: PlayerId| {
        let fault = |entry: &&Entry| matches!(entry, Entry::Fault(who, _) if *who == player);
        cluster.history().entries().iter().filter(fault).count()
    };
    assert!(faults(liar) > 0);
    assert_eq!((faults(honest), reconnected(&cluster, honest)), (0, 0));
    assert_eq!(cluster.standing(honest), Standing::Connected);
    let links = cluster.links(honest);
    assert_eq!(links, 1);
}

#[test]
fn a_client_that_sends_garbage_only_loses_its_own_link() {
    only_its_own_link_ends(160, |cluster, liar| cluster.inject(liar, Lane::Control, vec![3, 0x3f, 1, 1]));
    only_its_own_link_ends(161, |cluster, liar| cluster.inject(liar, Lane::Data, vec![0xff; 64]));
    only_its_own_link_ends(162, |cluster, liar| cluster.inject(liar, Lane::Data, vec![0]));
}

#[test]
fn a_client_that_acknowledges_what_was_never_sent_only_loses_its_own_link() {
    only_its_own_link_ends(163, |cluster, liar| {
        let mut bytes = Vec::new();
        Uplink::Ack { down: Cursor(1 << 40) }.encode(&mut bytes);
        cluster.inject(liar, Lane::Control, bytes);
    });
}

#[test]
fn a_client_that_jumps_ahead_only_loses_its_own_link() {
    only_its_own_link_ends(164, |cluster, liar| {
        let mut bytes = Cluster::start_frame(1 << 40);
        bytes.extend(Cluster::message_frame(16));
        cluster.inject(liar, Lane::Data, bytes);
    });
}

#[test]
fn a_client_that_exceeds_its_credit_only_loses_its_own_link() {
    only_its_own_link_ends(165, |cluster, liar| {
        // What is kept grants no more credit, and nothing is processed while no answer is read.
        cluster.consumes(liar, false);
        for _ in 0..80 {
            cluster.inject(liar, Lane::Data, Cluster::message_frame(60_000));
        }
    });
}

#[test]
fn a_switch_with_a_lower_fence_is_refused() {
    let (mut cluster, player, [source, target, _]) = at_play(170);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    let fault = cluster.switch_from(player, Epoch(1));
    assert!(fault.contains("but 1.0.2 has been seen"), "{fault}");
    assert_eq!(cluster.epoch(player), Epoch(2));
}

#[test]
fn a_ticket_of_an_earlier_attempt_is_void() {
    let (mut cluster, player, [source, target, _]) = at_play(171);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("MoveTo")));
    let refusal = cluster.attach_with_attempt(player, target, 0);
    assert_eq!(refusal, Err(crate::protocol::reasons::RefuseReason::TicketVoid));
    cluster.run_until(|cluster| migrated(cluster, player) == 1);
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_link_restored_at_the_source_leaves_the_link_to_the_target_alone() {
    let (mut cluster, player, [source, target, _]) = at_play(180);
    for _ in 0..10 {
        cluster.lose_next("Ready");
    }
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("Attached")));
    cluster.run_for(ms(100));
    cluster.break_link_to(player, source);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Reconnecting);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Migrating);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.finish();
    assert_eq!((cluster.epoch(player), migrated(&cluster, player)), (Epoch(2), 1));
    cluster.history().check();
}

#[test]
fn a_cancelled_move_lets_a_client_without_its_source_look_for_it_at_once() {
    // "C drops its link to T ... and resumes at once if its link to S is gone" (rule b).
    let (mut cluster, player, [source, ..]) = at_play(181);
    for _ in 0..100 {
        cluster.lose_next("Ready");
    }
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("Attached")));
    cluster.run_for(ms(100));
    cluster.break_link_to(player, source);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Reconnecting);
    let looked =
        |cluster: &Cluster| cluster.trace().filter(|line| line.contains("dials 0000000000000001")).count();
    let before = looked(&cluster);
    cluster.force(source);
    let cancelled_at = cluster.now();
    cluster.run_until(|cluster| looked(cluster) > before);
    let waited = cluster.now().since(cancelled_at);
    assert!(waited < ms(60), "{waited:?} is more than the way of the cancellation");
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_session_that_ends_in_the_middle_of_its_move_ends_at_once() {
    let (mut cluster, player, [source, target, third]) = {
        let mut settings = Cluster::default_settings();
        settings.resume_max = Duration::from_secs(1);
        let mut cluster = Cluster::with_settings(182, 3, settings);
        let nodes = cluster.nodes();
        let player = cluster.connect(nodes[0]);
        (cluster, player, nodes)
    };
    cluster.make_unreachable(player, target);
    cluster.lose_next("CannotAttach");
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Migrating);
    cluster.make_unreachable(player, source);
    cluster.make_unreachable(player, third);
    cluster.cut(source, target);
    cluster.break_links(player);
    cluster.run_for(ms(1300));
    assert!(cluster.is_empty(source), "nobody can come back, and nothing else will happen to it");
    assert!(cluster.record(player).is_none());
}
