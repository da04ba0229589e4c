//! DESIGN section 4, "When it goes wrong", row by row.

use super::{at_play, migrated, ms};
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::client::Standing;
use crate::protocol::ids::{Epoch, NodeId};
use crate::testing::{Cluster, Entry, Landing, PlayerId};
use std::time::Duration;

/// Moves the player from the source, and wants it to end at the target, with nothing lost.
fn moves_all_the_same(mut cluster: Cluster, player: PlayerId, source: NodeId, target: NodeId) {
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.run_until(|cluster| cluster.is_empty(source));
    cluster.run_for(ms(300));
    assert!(cluster.faults_happened(), "the fault that the scene is about did not happen");
    cluster.finish();
    assert_eq!(migrated(&cluster, player), 1);
    cluster.history().check();
}

#[test]
fn frames_between_nodes_may_be_lost_once() {
    // "Prepare" to "Finalised": the move id makes every one of them repeatable (rule f).
    let frames = ["Prepare", "Prepared", "Ready", "Baton", "BatonAck", "Finalised"];
    for (seed, frame) in (20..).zip(frames) {
        let (mut cluster, player, [source, target, _]) = at_play(seed);
        cluster.lose_next(frame);
        moves_all_the_same(cluster, player, source, target);
    }
}

#[test]
fn frames_between_nodes_may_come_twice() {
    let frames = ["Prepare", "Prepared", "Ready", "Baton", "BatonAck", "Finalised"];
    for (seed, frame) in (30..).zip(frames) {
        let (mut cluster, player, [source, target, _]) = at_play(seed);
        cluster.duplicate_next(frame);
        moves_all_the_same(cluster, player, source, target);
    }
}

#[test]
fn frames_to_and_from_the_client_may_come_twice() {
    let frames = ["MoveTo", "Attached", "Settled", "Confirm", "Moved", "Offline"];
    for (seed, frame) in (40..).zip(frames) {
        let (mut cluster, player, [source, target, _]) = at_play(seed);
        cluster.duplicate_next(frame);
        moves_all_the_same(cluster, player, source, target);
    }
}

#[test]
fn a_frame_lost_with_its_link_only_delays_the_move() {
    for (seed, frame) in (50..).zip(["Offline", "Migrate", "MoveTo", "Confirm", "Settled"]) {
        let (mut cluster, player, [source, target, _]) = at_play(seed);
        cluster.lose_next(frame);
        cluster.drain(source);
        cluster.run_until(|cluster| cluster.served_by(player, target));
        cluster.run_until(|cluster| cluster.is_empty(source));
        cluster.run_for(ms(300));
        assert!(cluster.faults_happened(), "{frame}");
        cluster.finish();
        assert_eq!(cluster.epoch(player), Epoch(2), "{frame}: at the first attempt");
        cluster.history().check();
    }
}

#[test]
fn the_baton_is_accepted_once_however_often_it_is_sent() {
    let (mut cluster, player, [source, target, _]) = at_play(60);
    for _ in 0..4 {
        cluster.lose_next("BatonAck");
        cluster.duplicate_next("Baton");
    }
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.run_for(ms(1000));
    cluster.finish();
    assert_eq!(cluster.epoch(player), Epoch(2));
    cluster.history().check();
}

#[test]
fn a_target_that_refuses_is_followed_by_the_next() {
    let (mut cluster, player, [source, target, third]) = at_play(61);
    cluster.fill_up(target);
    moves_all_the_same(cluster, player, source, third);
}

#[test]
fn without_any_target_play_goes_on_and_the_game_may_ask_again() {
    let (mut cluster, player, [source, target, third]) = at_play(62);
    cluster.drain(target);
    cluster.drain(third);
    cluster.drain(source);
    cluster.run_until(|cluster| !cluster.history().failures(player).is_empty());
    assert_eq!(cluster.history().failures(player), [Status::NoTarget]);
    cluster.run_for(ms(200));
    assert!(cluster.served_by(player, source));
    cluster.online(third);
    assert_eq!(cluster.send_migrate(player), Ok(()));
    cluster.run_until(|cluster| cluster.served_by(player, third));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn every_target_refuses_and_the_game_is_told_so() {
    let (mut cluster, player, [source, target, third]) = at_play(63);
    cluster.fill_up(target);
    cluster.fill_up(third);
    cluster.drain(source);
    cluster.run_until(|cluster| !cluster.history().failures(player).is_empty());
    assert_eq!(cluster.history().failures(player), [Status::TargetRefused]);
    cluster.finish();
    assert!(cluster.served_by(player, source));
}

#[test]
fn a_client_that_cannot_reach_the_target_is_sent_to_another() {
    let (mut cluster, player, [source, target, third]) = at_play(64);
    cluster.make_unreachable(player, target);
    moves_all_the_same(cluster, player, source, third);
}

#[test]
fn a_client_that_can_reach_no_target_plays_on() {
    let (mut cluster, player, [source, target, third]) = at_play(65);
    cluster.make_unreachable(player, target);
    cluster.make_unreachable(player, third);
    cluster.drain(source);
    cluster.run_until(|cluster| !cluster.history().failures(player).is_empty());
    cluster.run_for(ms(200));
    assert!(cluster.served_by(player, source));
    cluster.finish();
    assert_eq!(cluster.standing(player), Standing::Connected);
    cluster.history().check();
}

#[test]
fn a_target_that_dies_before_the_baton_is_followed_by_another() {
    for (seed, frame) in (70..).zip(["Prepared", "Attached", "Ready"]) {
        let (mut cluster, player, [source, target, third]) = at_play(seed);
        cluster.drain(source);
        cluster.run_until(|cluster| cluster.trace().any(|line| line.contains(frame)));
        cluster.crash(target);
        cluster.run_until(|cluster| cluster.served_by(player, third));
        cluster.finish();
        assert_eq!(migrated(&cluster, player), 1, "{frame}");
        cluster.history().check();
    }
}

#[test]
fn a_target_that_dies_after_the_baton_is_recalled_and_the_client_told() {
    let (mut cluster, player, [source, target, third]) = at_play(75);
    cluster.drain(third);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("Froze")));
    cluster.cut_from_engine(target);
    cluster.run_until(|cluster| migrated(cluster, player) == 1);
    cluster.run_for(ms(500));
    assert!(cluster.cohort(source, player).is_some_and(|cohort| cohort.is_held()), "not yet freed");
    cluster.crash(target);
    cluster.run_until(|cluster| cluster.served_by(player, source) || cluster.record(player).is_none());
    let took_over = |event: &Event| matches!(event, Event::TookOver { .. });
    assert_eq!(cluster.history().told(player, took_over), 1, "promise 7");
    cluster.run_for(Duration::from_secs(2));
    let history = cluster.history();
    history.no_faults();
    history.one_owner();
    // From the recall on both directions are complete again, above what the client had seen.
    let recalled = history.entries().iter().rposition(|entry| matches!(entry, Entry::Recorded(..)));
    let told = history
        .entries()
        .iter()
        .rposition(|entry| matches!(entry, Entry::Told(_, event) if took_over(event)));
    let (since_recall, since_told) =
        (&history.entries()[recalled.unwrap()..], &history.entries()[told.unwrap()..]);
    let pushed = since_recall.iter().filter_map(|entry| match entry {
        Entry::Pushed(.., number) => Some(*number),
        _ => None,
    });
    let received: Vec<u64> = since_told
        .iter()
        .filter_map(|entry| match entry {
            Entry::Received(.., number) => Some(*number),
            _ => None,
        })
        .collect();
    assert!(received.len() > 300, "play goes on: {}", received.len());
    // The source answers some requests once more that the target had answered: those are dropped.
    let answered = |entry: &&Entry| matches!(entry, Entry::Answered(..));
    let answered_before = history.entries()[..told.unwrap()].iter().filter(answered).count();
    let missing = pushed.take_while(|pushed| Some(pushed) <= received.last());
    let missing = missing.filter(|number| !received.contains(number)).count();
    assert!(missing <= answered_before, "{missing} are missing of the downlink");
    assert!(received.is_sorted(), "{received:?}");
    let Entry::Told(_, Event::TookOver { lost_from, lost_to, .. }) = history.entries()[told.unwrap()] else {
        panic!("found above")
    };
    assert_eq!(lost_from, lost_to, "the source had kept what came on its own link meanwhile");
    let mut processed = since_told.iter().filter_map(|entry| match entry {
        Entry::Processed(.., number) => Some(*number),
        _ => None,
    });
    let first = processed.next().unwrap();
    assert!(first >= lost_to);
    assert!(processed.zip(first + 1..).all(|(got, expected)| got == expected));
}

#[test]
fn source_and_target_cut_off_after_the_claim_the_target_hands_back() {
    let (mut cluster, player, [source, target, third]) = at_play(76);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("Froze")));
    cluster.cut(source, target);
    cluster.run_until(|cluster| cluster.served_by(player, source));
    assert_eq!(cluster.epoch(player), Epoch(3), "e+2");
    assert_eq!(cluster.cohort(source, player).unwrap().session().generation().0, 0, "nothing was lost");
    cluster.run_for(ms(300));
    assert_eq!(cluster.history().failures(player).len(), 1);
    assert_eq!(cluster.send_migrate(player), Ok(()));
    cluster.drain(target);
    cluster.run_until(|cluster| cluster.served_by(player, third));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_baton_that_does_not_leave_in_time_ends_the_freeze() {
    let (mut cluster, player, [source, target, third]) = at_play(77);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("Ready")));
    cluster.stall(source, target);
    cluster.run_until(|cluster| cluster.served_by(player, third));
    cluster.heal();
    cluster.run_for(Duration::from_secs(2));
    assert!(cluster.served_by(player, third), "the late frames change nothing");
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_claim_whose_answer_is_lost_counts_as_it_landed() {
    for (seed, landing) in
        (80..).zip([Landing::Landed, Landing::Never, Landing::Later(ms(500)), Landing::Later(ms(4000))])
    {
        let (mut cluster, player, [source, target, _]) = at_play(seed);
        cluster.drain(source);
        cluster.run_until(|cluster| cluster.standing(player) == Standing::Migrating);
        cluster.lose_cas_answer(landing);
        cluster.run_until(|cluster| cluster.served_by(player, target));
        cluster.run_for(Duration::from_secs(6));
        assert!(cluster.served_by(player, target), "{landing:?}");
        cluster.finish();
        cluster.history().check();
    }
}

#[test]
fn a_finalising_write_whose_answer_is_lost_ends_the_move_all_the_same() {
    for (seed, landing) in (84..).zip([Landing::Landed, Landing::Never, Landing::Later(ms(600))]) {
        let (mut cluster, player, [source, target, _]) = at_play(seed);
        cluster.drain(source);
        cluster.run_until(|cluster| migrated(cluster, player) == 1);
        cluster.lose_cas_answer(landing);
        cluster.run_until(|cluster| cluster.served_by(player, target));
        cluster.run_until(|cluster| cluster.is_empty(source));
        cluster.finish();
        cluster.history().check();
    }
}

#[test]
fn an_engine_that_is_slower_than_the_polls_still_sees_the_move_end() {
    let (mut cluster, player, [source, target, _]) = at_play(90);
    cluster.delays.directory_us = 90_000..140_000;
    cluster.lose_next("Finalised");
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.run_until(|cluster| cluster.is_empty(source));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn an_engine_that_dies_before_the_claim_fails_the_move_and_play_goes_on() {
    let (mut cluster, player, [source, ..]) = at_play(91);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("Ready")));
    cluster.engine_down();
    cluster.run_for(Duration::from_secs(4));
    cluster.engine_up();
    cluster.run_until(|cluster| !cluster.history().failures(player).is_empty());
    assert_eq!(cluster.history().failures(player), [Status::EngineUnavailable]);
    cluster.run_for(ms(300));
    assert!(cluster.served_by(player, source));
    assert_eq!(cluster.send_migrate(player), Ok(()), "the game may ask again");
    cluster.run_until(|cluster| !cluster.served_by(player, source));
    cluster.run_for(Duration::from_secs(2));
    cluster.finish();
    assert_eq!(migrated(&cluster, player), 1);
    cluster.history().check();
}

#[test]
fn an_engine_that_dies_after_the_claim_does_not_stop_the_switch() {
    let (mut cluster, player, [source, target, _]) = at_play(92);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("Froze")));
    cluster.engine_down();
    cluster.run_until(|cluster| migrated(cluster, player) == 1);
    cluster.run_for(Duration::from_secs(3));
    cluster.engine_up();
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.run_until(|cluster| cluster.is_empty(source));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_second_attempt_at_the_same_node_begins_anew() {
    let mut cluster = Cluster::new(93, 2);
    let [source, target] = cluster.nodes();
    let player = cluster.connect(source);
    cluster.play(player, ms(7));
    cluster.run_for(ms(200));
    for _ in 0..100 {
        cluster.lose_next("Ready");
    }
    cluster.drain(source);
    cluster.run_until(|cluster| !cluster.history().failures(player).is_empty());
    cluster.run_for(Duration::from_secs(1));
    cluster.heal();
    assert_eq!(cluster.send_migrate(player), Ok(()));
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_target_that_refused_hands_back_a_claim_whose_answer_the_source_never_got() {
    let mut cluster = Cluster::new(94, 2);
    let [source, target] = cluster.nodes();
    let player = cluster.connect(source);
    cluster.play(player, ms(7));
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Migrating);
    cluster.lose_cas_answer(Landing::Landed);
    cluster.run_until(|cluster| cluster.record(player).is_some_and(|found| found.record.owner == target));
    // The source sees the outcome of its claim only after the target has given it back.
    cluster.cut_from_engine(source);
    cluster.run_until(|cluster| cluster.record(player).is_some_and(|found| found.record.served_by(source)));
    cluster.heal();
    cluster.run_until(|cluster| cluster.served_by(player, source));
    cluster.run_for(Duration::from_secs(3));
    cluster.finish();
    cluster.history().check();
}
