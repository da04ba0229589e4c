//! The engine has lost its data, and who holds a cohort publishes its record again.

use super::{at_play, migrated, ms, reconnected};
use crate::protocol::client::Standing;
use crate::protocol::cohort::Cohort;
use crate::protocol::ids::{Bucket, Epoch};
use crate::protocol::limits;
use crate::protocol::record::Record;
use crate::protocol::session::Settings;
use crate::protocol::snapshot::Durability;
use crate::testing::{Cluster, PlayerId};
use std::time::Duration;

const NEXT: Bucket = Bucket(2);

/// The data are gone, and a moment later everybody knows.
fn lose_and_publish(cluster: &mut Cluster) {
    cluster.engine_loses_its_data();
    cluster.run_for(ms(20));
    cluster.publish_again(NEXT, false);
}

fn record(cluster: &Cluster, player: PlayerId) -> Option<Record> {
    cluster.record(player).map(|found| found.record)
}

fn plays_on(cluster: &mut Cluster, player: PlayerId) {
    cluster.run_for(ms(500));
    assert_eq!((cluster.standing(player), reconnected(cluster, player)), (Standing::Connected, 0));
}

#[test]
fn a_session_whose_record_is_gone_is_published_again_and_moves_as_ever() {
    let (mut cluster, player, [source, ..]) = at_play(900);
    lose_and_publish(&mut cluster);
    let found = record(&cluster, player).expect("it is published");
    assert_eq!((found.bucket, found.epoch, found.owner), (NEXT, Epoch(1), source));
    plays_on(&mut cluster, player);
    cluster.drain(source); // the game asks to be moved as soon as it hears of it
    cluster.run_until(|cluster| migrated(cluster, player) == 1);
    let found = record(&cluster, player).expect("it is recorded");
    assert_eq!(found.bucket, NEXT);
    plays_on(&mut cluster, player);
    cluster.finish();
    cluster.history().check();
}

#[test]
fn a_move_in_which_the_data_are_lost_at_any_step_ends_and_loses_nobody() {
    for (seed, line) in
        (910..).zip([" Prepare", "Prepared", "MoveTo", "Ready", "Baton", "BatonAck", "Settled"])
    {
        let (mut cluster, player, [source, ..]) = at_play(seed);
        cluster.drain(source);
        cluster.run_until(|cluster| cluster.trace().any(|found| found.contains(line)));
        cluster.engine_loses_its_data();
        cluster.publish_again(NEXT, false);
        // Who comes to hold something from before later publishes it then.
        for _ in 0..20 {
            cluster.run_for(ms(200));
            cluster.publish_again(NEXT, false);
        }
        plays_on(&mut cluster, player);
        let found = record(&cluster, player).unwrap_or_else(|| panic!("{line}: nothing is published"));
        assert_eq!(found.bucket, NEXT, "{line}");
        assert!(cluster.served_by(player, found.owner), "{line}");
        cluster.finish();
        cluster.history().check();
    }
}

#[test]
fn a_source_whose_target_died_with_the_data_recalls_the_session() {
    for seed in 920..923 {
        let (mut cluster, player, [source, target, _]) = at_play(seed);
        cluster.drain(source);
        cluster.lose_next("Baton");
        cluster.run_until(|cluster| cluster.trace().any(|found| found.contains("Baton")));
        cluster.crash(target);
        cluster.engine_loses_its_data();
        let lost_at = cluster.now();
        cluster.publish_again(NEXT, false);
        let found = record(&cluster, player).expect("it is published");
        assert_eq!((found.bucket, found.owner), (NEXT, target), "its baton is out");
        cluster.run_until(|cluster| cluster.served_by(player, source));
        // (d) The target has no heartbeat in this life of the data, and never will.
        assert!(cluster.now().since(lost_at) >= limits::TAKE_OVER);
        let found = record(&cluster, player).expect("it is recalled");
        assert_eq!((found.bucket, found.epoch, found.owner), (NEXT, Epoch(3), source));
        cluster.run_until(|cluster| cluster.standing(player) == Standing::Connected);
        cluster.finish();
        cluster.history().check();
    }
}

#[test]
fn a_recall_goes_on_when_the_data_are_lost_under_it() {
    // At once, when the snapshot has been read, and when it is to be written back.
    for (seed, after) in (940..).zip([ms(0), ms(5), ms(20), ms(700)]) {
        let settings = Settings { durability: Durability::BeforeAck, ..Cluster::default_settings() };
        let mut cluster = Cluster::with_settings(seed, 2, settings);
        let [source, target] = cluster.nodes();
        let player = cluster.connect(source);
        cluster.play(player, ms(7));
        cluster.run_for(ms(300));
        cluster.drain(source);
        cluster.lose_next("Baton");
        cluster.run_until(|cluster| cluster.trace().any(|found| found.contains("Baton")));
        cluster.crash(target);
        let recalls = |cluster: &Cluster| cluster.cohort(source, player).is_some_and(Cohort::is_taking);
        cluster.set_store_busy(true); // so that it is not over too soon
        cluster.run_until(recalls);
        cluster.run_for(after);
        cluster.engine_loses_its_data();
        for _ in 0..20 {
            cluster.publish_again(NEXT, false);
            cluster.run_for(ms(100));
        }
        cluster.set_store_busy(false);
        let found = record(&cluster, player).unwrap_or_else(|| panic!("{after:?}: it is not published"));
        assert_eq!((found.bucket, found.owner), (NEXT, source), "{after:?}");
        cluster.run_until(|cluster| cluster.standing(player) == Standing::Connected);
        assert!(cluster.served_by(player, source), "{after:?}");
        cluster.finish();
        cluster.history().check();
    }
}

#[test]
fn who_was_fenced_publishes_only_when_it_may() {
    let (mut cluster, player, [source, ..]) = at_play(930);
    cluster.engine_down();
    cluster.run_for(Duration::from_secs(14));
    cluster.engine_loses_its_data();
    cluster.publish_again(NEXT, false);
    assert_eq!(record(&cluster, player), None, "others may be about to");
    cluster.publish_again(NEXT, true);
    cluster.engine_up();
    cluster.run_until(|cluster| cluster.epoch(player) > Epoch(1) && cluster.served_by(player, source));
    assert_eq!(record(&cluster, player).map(|found| found.bucket), Some(NEXT));
    cluster.finish();
    cluster.history().check();
}
