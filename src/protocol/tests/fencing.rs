//! Rule e: a node whose lease may have run out serves nothing, and comes back with nothing lost.

use super::{at_play, ms};
use crate::protocol::client::Standing;
use crate::protocol::ids::Epoch;
use crate::testing::{Cluster, Entry, PlayerId};
use std::time::Duration;

fn processed(cluster: &Cluster, player: PlayerId) -> usize {
    let processed = |entry: &&Entry| matches!(entry, Entry::Processed(who, ..) if *who == player);
    cluster.history().entries().iter().filter(processed).count()
}

#[test]
fn a_node_without_the_engine_pauses_and_goes_on_at_the_next_epoch() {
    let (mut cluster, player, [source, ..]) = at_play(200);
    cluster.engine_down();
    cluster.run_for(Duration::from_secs(10));
    let before = processed(&cluster, player);
    cluster.run_for(Duration::from_secs(1));
    assert!(processed(&cluster, player) > before + 50, "below the fence time nobody notices");
    cluster.run_for(Duration::from_secs(3));
    let fenced = processed(&cluster, player);
    cluster.run_for(Duration::from_secs(5));
    assert_eq!(processed(&cluster, player), fenced, "a fenced node serves nothing");
    cluster.engine_up();
    cluster.run_until(|cluster| cluster.epoch(player) == Epoch(2) && cluster.served_by(player, source));
    assert_eq!(cluster.epoch(player), Epoch(2));
    cluster.run_for(ms(500));
    assert!(processed(&cluster, player) > fenced);
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_fenced_node_is_not_resumed_at_until_it_is_back() {
    let (mut cluster, player, [source, ..]) = at_play(201);
    cluster.engine_down();
    cluster.run_for(Duration::from_secs(14));
    cluster.break_links(player);
    cluster.run_for(Duration::from_secs(5));
    assert_eq!(cluster.standing(player), Standing::Reconnecting);
    cluster.engine_up();
    cluster.run_until(|cluster| cluster.epoch(player) == Epoch(2) && cluster.served_by(player, source));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_source_that_is_fenced_before_the_baton_gives_the_move_up_and_returns() {
    for (seed, line) in (202..).zip([" Prepare", "MoveTo", "Ready"]) {
        let (mut cluster, player, [source, target, third]) = at_play(seed);
        cluster.drain(third);
        for _ in 0..200 {
            cluster.lose_next(if line == " Prepare" { "Prepared" } else { "Ready" });
        }
        cluster.cut_from_engine(source);
        cluster.run_for(ms(11_500));
        cluster.drain(source);
        cluster.run_until(|cluster| cluster.trace().any(|found| found.contains(line)));
        cluster.run_for(Duration::from_secs(8));
        cluster.heal();
        cluster.run_until(|cluster| cluster.epoch(player) > Epoch(1));
        let back = |cluster: &Cluster| [source, target].iter().any(|node| cluster.served_by(player, *node));
        cluster.run_until(back);
        cluster.finish();
        cluster.history().check();
    }
}

#[test]
fn a_target_that_is_fenced_after_the_baton_serves_nothing_until_its_record_is_renewed() {
    let (mut cluster, player, [source, target, third]) = at_play(206);
    cluster.drain(third);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("Froze")));
    cluster.cut_from_engine(target);
    // The source recalls the cohort once the target's lease has surely run out (rule c); until it reads
    // that, the target must not go on from the baton that it holds.
    cluster.run_until(|cluster| cluster.record(player).is_some_and(|found| found.record.served_by(source)));
    cluster.heal();
    cluster.run_until(|cluster| cluster.served_by(player, source));
    cluster.run_for(Duration::from_secs(2));
    let history = cluster.history();
    history.one_owner();
    history.no_faults();
    let took_over =
        |event: &crate::client::event::Event| matches!(event, crate::client::event::Event::TookOver { .. });
    assert_eq!(history.told(player, took_over), 1);
}

#[test]
fn a_target_that_is_fenced_after_the_baton_goes_on_when_nobody_took_over() {
    let (mut cluster, player, [source, target, third]) = at_play(207);
    cluster.drain(third);
    cluster.drain(source);
    cluster.run_until(|cluster| cluster.trace().any(|line| line.contains("Froze")));
    cluster.engine_down();
    cluster.run_for(Duration::from_secs(20));
    cluster.engine_up();
    cluster.run_until(|cluster| cluster.epoch(player) == Epoch(3) && cluster.served_by(player, target));
    cluster.run_until(|cluster| cluster.is_empty(source));
    cluster.finish();
    cluster.history().check();
}

#[test]
fn after_a_return_from_the_fence_the_client_may_still_ask_to_be_moved() {
    let (mut cluster, player, [source, target, third]) = at_play(208);
    cluster.answers_offline(player, false);
    cluster.drain(third);
    cluster.drain(source);
    cluster.engine_down();
    cluster.run_for(Duration::from_secs(20));
    cluster.engine_up();
    cluster.run_until(|cluster| cluster.epoch(player) == Epoch(2) && cluster.served_by(player, source));
    cluster.run_for(ms(100));
    assert_eq!(cluster.send_migrate(player), Ok(()));
    cluster.run_until(|cluster| cluster.served_by(player, target));
    cluster.finish();
    cluster.history().check();
}
