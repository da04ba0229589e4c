//! Snapshots that lie in pieces leave none behind, whoever writes the next one and whatever fails.

use crate::contract::{COHORT, created, record, snapshot, write};
use crate::engine;
use crate::servers::Servers;
use futures_util::TryStreamExt as _;
use sterna::protocol::record::{Revision, Versioned};
use sterna::protocol::snapshot::{SnapshotAnswer, SnapshotAsk};
use sterna_server::engine::{Engine, NatsEngine};

/// As large as two pieces and something, and as none.
const LARGE: usize = 600_000;
const SMALL: usize = 10;

/// How many pieces there are.
async fn pieces(servers: &Servers, engine: &NatsEngine) -> usize {
    let client = async_nats::connect(servers.urls()).await.expect("the server is there");
    let stream = async_nats::jetstream::new(client).get_stream("STERNA_tests").await.expect("it is there");
    let names = format!("sterna.tests.{}.piece.>", engine.bucket());
    let found = stream.info_with_subjects(names).await.expect("it answers");
    found.try_collect::<Vec<_>>().await.expect("it answers").len()
}

async fn written(engine: &NatsEngine, expected: Option<Revision>, number: u64, bytes: usize) -> Revision {
    match write(engine, expected, snapshot(engine, 1, number, bytes)).await {
        SnapshotAnswer::Written(revision) => revision,
        other => panic!("{other:?}"),
    }
}

/// What an attempt leaves behind that has failed midway.
async fn leave_a_piece(servers: &Servers, engine: &NatsEngine) {
    let client = async_nats::connect(servers.urls()).await.expect("the server is there");
    let subject = format!("sterna.tests.{}.piece.{COHORT}.00000000000000aa.0", engine.bucket());
    let jetstream = async_nats::jetstream::new(client);
    let written = jetstream.publish(subject, "a piece".into()).await;
    written.expect("it is connected").await.expect("it is stored");
}

#[tokio::test]
async fn who_did_not_write_the_pieces_removes_them_as_well() {
    let Some(servers) = Servers::start(1).await else { return };
    let (red, green) = (engine(&servers).await, engine(&servers).await);
    let first = written(&red, None, 1, LARGE).await;
    assert_eq!(pieces(&servers, &red).await, 3);
    // The cohort has moved to green, which was told the number with the baton, and has read nothing.
    let second = written(&green, Some(first), 2, SMALL).await;
    assert_eq!(pieces(&servers, &red).await, 0);
    let third = written(&green, Some(second), 3, LARGE).await;
    // And back, to a process that has seen it in pieces, and in no others.
    let fourth = written(&red, Some(third), 4, LARGE).await;
    assert_eq!(pieces(&servers, &red).await, 3, "those of the last one");
    let fifth = written(&green, Some(fourth), 5, SMALL).await;
    assert_eq!(pieces(&servers, &red).await, 0);
    // Who comes too late leaves nothing, either.
    let late = write(&red, Some(fourth), snapshot(&red, 1, 5, LARGE)).await;
    assert_eq!(late, SnapshotAnswer::Conflict);
    assert_eq!(pieces(&servers, &red).await, 0);
    written(&green, Some(fifth), 6, SMALL).await;
}

#[tokio::test]
async fn pieces_of_an_attempt_that_has_failed_go_with_the_next_write_of_another() {
    let Some(servers) = Servers::start(1).await else { return };
    let (red, green) = (engine(&servers).await, engine(&servers).await);
    let first = written(&red, None, 1, SMALL).await;
    leave_a_piece(&servers, &red).await;
    written(&green, Some(first), 2, SMALL).await;
    assert_eq!(pieces(&servers, &red).await, 0);
}

#[tokio::test]
async fn who_forgets_a_cohort_leaves_no_piece_whatever_an_earlier_attempt_came_to() {
    let Some(servers) = Servers::start(1).await else { return };
    let engine = engine(&servers).await;
    let record = record(&engine, 1);
    let revision = created(&engine, COHORT, record).await;
    let held = Versioned { revision, record };
    written(&engine, None, 1, LARGE).await;
    assert_eq!(engine.forget(COHORT, held).await, Ok(()));
    assert_eq!(pieces(&servers, &engine).await, 0);
    // The record and the head are gone; the answer to that, and what came behind it, were lost.
    leave_a_piece(&servers, &engine).await;
    assert_eq!(engine.forget(COHORT, held).await, Ok(()));
    assert_eq!(pieces(&servers, &engine).await, 0);
    assert_eq!(engine.ask_snapshot(COHORT, SnapshotAsk::Read).await, SnapshotAnswer::Read(None));
}
