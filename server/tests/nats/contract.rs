//! What every engine promises its nodes: the same tests for all of them.

use crate::servers::Servers;
use crate::{TAKE_OVER, config, engine_with, eventually};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use sterna::protocol::ids::{Binding, CohortId, Epoch, Fence, NodeId, SessionId};
use sterna::protocol::lease::Heartbeat;
use sterna::protocol::record::{Answer, Ask, CasAnswer, OwnerPhase, ReadAnswer, Record, Revision, Versioned};
use sterna::protocol::room::Listing;
use sterna::protocol::snapshot::{Snapshot, SnapshotAnswer, SnapshotAsk, Stored};
use sterna::protocol::wire::SessionState;
use sterna_server::config::NatsConfig;
use sterna_server::engine::{Engine, Listed, LocalEngine, NatsEngine, NodeInfo, Standing, Unavailable};

pub(crate) const COHORT: CohortId = CohortId(0xc0);
pub(crate) const NODE: NodeId = NodeId(0xa1);

/// Runs a test of the contract with each engine.
macro_rules! of_every_engine {
    ($($name:ident)*) => {$(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn local() {
                super::$name(&LocalEngine::default()).await;
            }

            #[tokio::test]
            async fn nats() {
                let Some(servers) = Servers::start(1).await else { return };
                super::$name(&engine_with(&servers, Duration::ZERO).await).await;
            }
        }
    )*};
}

of_every_engine! {
    only_one_of_two_writers_with_the_same_revision_wins
    a_record_is_created_once
    who_knows_an_old_revision_is_shown_the_record
    a_record_keeps_everything_that_is_in_it
    a_record_that_is_forgotten_is_gone_and_no_late_write_brings_it_back
    a_record_that_has_changed_is_not_forgotten
    cohorts_are_found_by_their_owner
    a_snapshot_is_written_only_over_the_one_that_its_writer_knows
    a_snapshot_of_any_size_comes_back_as_it_was
    a_snapshot_goes_with_its_record
    a_heartbeat_changes_with_every_renewal
    that_a_node_has_no_heartbeat_is_said_of_those_that_are_named
    a_goodbye_is_the_last_that_is_heard
    nodes_are_known_until_they_say_goodbye
    rooms_are_found_until_they_are_not_listed_any_more
    a_user_has_the_newest_session
    a_session_that_was_replaced_does_not_release_its_user
}

/// A record of the life of the data that this engine is in.
pub(crate) fn record(engine: &dyn Engine, owner: u64) -> Record {
    Record {
        bucket: engine.bucket(),
        binding: Binding(0),
        epoch: Epoch(1),
        owner: NodeId(owner),
        phase: OwnerPhase::Serving,
        room: None,
    }
}

pub(crate) async fn created(engine: &dyn Engine, cohort: CohortId, record: Record) -> Revision {
    match engine.create(cohort, record).await {
        CasAnswer::Won(revision) => revision,
        other => panic!("not created: {other:?}"),
    }
}

pub(crate) async fn cas(
    engine: &dyn Engine,
    cohort: CohortId,
    expected: Revision,
    record: Record,
) -> CasAnswer {
    match engine.ask(cohort, Ask::Cas { expected, record }).await {
        Answer::Cas(answer) => answer,
        Answer::Read(answer) => panic!("a write was answered with {answer:?}"),
    }
}

pub(crate) async fn read(engine: &dyn Engine, cohort: CohortId) -> ReadAnswer {
    match engine.ask(cohort, Ask::Read).await {
        Answer::Read(answer) => answer,
        Answer::Cas(answer) => panic!("a read was answered with {answer:?}"),
    }
}

async fn only_one_of_two_writers_with_the_same_revision_wins(engine: &dyn Engine) {
    let expected = created(engine, COHORT, record(engine, 1)).await;
    let (first, second) = tokio::join!(
        cas(engine, COHORT, expected, record(engine, 2)),
        cas(engine, COHORT, expected, record(engine, 3))
    );
    let (won, lost, owner) = match (first, second) {
        (CasAnswer::Won(revision), CasAnswer::Lost(found)) => (revision, found, 2),
        (CasAnswer::Lost(found), CasAnswer::Won(revision)) => (revision, found, 3),
        other => panic!("{other:?}"),
    };
    let found = Versioned { revision: won, record: record(engine, owner) };
    assert_eq!(lost, Some(found));
    assert_eq!(read(engine, COHORT).await, ReadAnswer::Read(Some(found)));
}

async fn a_record_is_created_once(engine: &dyn Engine) {
    assert_eq!(read(engine, COHORT).await, ReadAnswer::Read(None));
    let revision = created(engine, COHORT, record(engine, 1)).await;
    let found = Versioned { revision, record: record(engine, 1) };
    assert_eq!(engine.create(COHORT, record(engine, 2)).await, CasAnswer::Lost(Some(found)));
}

async fn who_knows_an_old_revision_is_shown_the_record(engine: &dyn Engine) {
    let first = created(engine, COHORT, record(engine, 1)).await;
    let CasAnswer::Won(second) = cas(engine, COHORT, first, record(engine, 2)).await else { panic!("lost") };
    // What others write does not count.
    created(engine, CohortId(1), record(engine, 9)).await;
    let found = Versioned { revision: second, record: record(engine, 2) };
    assert_eq!(cas(engine, COHORT, first, record(engine, 3)).await, CasAnswer::Lost(Some(found)));
    assert!(matches!(cas(engine, COHORT, second, record(engine, 3)).await, CasAnswer::Won(_)));
}

async fn a_record_keeps_everything_that_is_in_it(engine: &dyn Engine) {
    let phase = OwnerPhase::Handing { from: NodeId(u64::MAX), attempt: 7 };
    let handing = Record {
        binding: Binding(3),
        epoch: Epoch(1 << 40),
        phase,
        room: Some(CohortId(5)),
        ..record(engine, 1)
    };
    let revision = created(engine, COHORT, handing).await;
    let found = Versioned { revision, record: handing };
    assert_eq!(read(engine, COHORT).await, ReadAnswer::Read(Some(found)));
}

async fn a_record_that_is_forgotten_is_gone_and_no_late_write_brings_it_back(engine: &dyn Engine) {
    let record = record(engine, 1);
    let revision = created(engine, COHORT, record).await;
    assert_eq!(engine.forget(COHORT, Versioned { revision, record }).await, Ok(()));
    assert_eq!(read(engine, COHORT).await, ReadAnswer::Read(None));
    assert_eq!(cas(engine, COHORT, revision, record).await, CasAnswer::Lost(None));
    assert_eq!(read(engine, COHORT).await, ReadAnswer::Read(None));
    // To forget it again is no fault: the answer to the first time may have been lost.
    assert_eq!(engine.forget(COHORT, Versioned { revision, record }).await, Ok(()));
}

async fn a_record_that_has_changed_is_not_forgotten(engine: &dyn Engine) {
    let before = record(engine, 1);
    let revision = created(engine, COHORT, before).await;
    let CasAnswer::Won(second) = cas(engine, COHORT, revision, record(engine, 2)).await else {
        panic!("lost")
    };
    assert_eq!(engine.forget(COHORT, Versioned { revision, record: before }).await, Ok(()));
    let found = Versioned { revision: second, record: record(engine, 2) };
    assert_eq!(read(engine, COHORT).await, ReadAnswer::Read(Some(found)));
}

async fn cohorts_are_found_by_their_owner(engine: &dyn Engine) {
    assert_eq!(engine.cohorts_of(NodeId(1)).await, Ok(Vec::new()));
    for cohort in 0..50 {
        created(engine, CohortId(cohort), record(engine, 1 + cohort % 2)).await;
    }
    let held = Versioned { revision: Revision(0), record: record(engine, 1) };
    let ReadAnswer::Read(Some(found)) = read(engine, CohortId(0)).await else { panic!("it is there") };
    engine.forget(CohortId(0), Versioned { revision: found.revision, ..held }).await.unwrap();
    let mut owned = engine.cohorts_of(NodeId(1)).await.unwrap();
    owned.sort();
    assert_eq!(owned, (1..25).map(|number| CohortId(number * 2)).collect::<Vec<_>>());
    let named = BTreeSet::from([NodeId(1), NodeId(2)]);
    assert_eq!(engine.nodes_named().await, Ok(named.clone()));
    // The source of a move is named as well: both have to be gone before anybody takes it over.
    let phase = OwnerPhase::Handing { from: NodeId(4), attempt: 1 };
    created(engine, COHORT, Record { phase, ..record(engine, 3) }).await;
    for node in [NodeId(3), NodeId(4)] {
        assert_eq!(engine.cohorts_of(node).await, Ok(vec![COHORT]));
    }
    assert_eq!(engine.nodes_named().await, Ok(&named | &BTreeSet::from([NodeId(3), NodeId(4)])));
}

/// A snapshot of so many bytes, of this epoch.
pub(crate) fn snapshot(engine: &dyn Engine, epoch: u64, number: u64, bytes: usize) -> Box<Snapshot> {
    let session = SessionState { user: "x".repeat(bytes), ..SessionState::default() };
    let fence = Fence { bucket: engine.bucket(), epoch: Epoch(epoch), ..Fence::default() };
    Box::new(Snapshot { fence, number, sessions: vec![session], room: None })
}

pub(crate) async fn write(
    engine: &dyn Engine,
    expected: Option<Revision>,
    snapshot: Box<Snapshot>,
) -> SnapshotAnswer {
    engine.ask_snapshot(COHORT, SnapshotAsk::Write { expected, snapshot }).await
}

async fn stored(engine: &dyn Engine) -> Option<Stored> {
    match engine.ask_snapshot(COHORT, SnapshotAsk::Read).await {
        SnapshotAnswer::Read(stored) => stored.map(|stored| *stored),
        other => panic!("{other:?}"),
    }
}

async fn a_snapshot_is_written_only_over_the_one_that_its_writer_knows(engine: &dyn Engine) {
    assert_eq!(stored(engine).await, None);
    let SnapshotAnswer::Written(first) = write(engine, None, snapshot(engine, 1, 1, 9)).await else {
        panic!("not created")
    };
    assert_eq!(write(engine, None, snapshot(engine, 1, 2, 9)).await, SnapshotAnswer::Conflict);
    // Whoever takes over writes the same back at its own epoch; what the owner before writes later fails.
    let SnapshotAnswer::Written(second) = write(engine, Some(first), snapshot(engine, 2, 0, 9)).await else {
        panic!("not replaced")
    };
    assert_eq!(write(engine, Some(first), snapshot(engine, 1, 3, 9)).await, SnapshotAnswer::Conflict);
    assert_eq!(stored(engine).await, Some(Stored { revision: second, snapshot: *snapshot(engine, 2, 0, 9) }));
}

async fn a_snapshot_of_any_size_comes_back_as_it_was(engine: &dyn Engine) {
    let mut expected = None;
    // Larger and smaller than a message may be, in both orders.
    for (number, bytes) in [3_000_000, 10, 2_000_000, 2_500_000, 262_144, 0].into_iter().enumerate() {
        let snapshot = snapshot(engine, 1, number as u64, bytes);
        let SnapshotAnswer::Written(revision) = write(engine, expected, snapshot.clone()).await else {
            panic!("{bytes} bytes are not stored")
        };
        assert_eq!(stored(engine).await, Some(Stored { revision, snapshot: *snapshot }), "{bytes}");
        expected = Some(revision);
    }
    let late = snapshot(engine, 1, 99, 3_000_000);
    assert_eq!(write(engine, None, late).await, SnapshotAnswer::Conflict);
    let found = stored(engine).await.expect("it is there");
    assert_eq!(found.snapshot.number, 5, "a late writer changes nothing, in no piece of it");
}

/// What comes faster than it is configured is told so, and nothing of it lands.
#[tokio::test]
async fn a_snapshot_that_the_store_has_no_room_for_is_not_sent() {
    let Some(servers) = Servers::start(1).await else { return };
    let slow = NatsConfig { snapshot_bytes_per_second: 1000, ..config(&servers) };
    let engine = NatsEngine::open(&slow, "tests", TAKE_OVER).await.expect("it can be opened");
    let write = |cohort: CohortId, number| {
        let snapshot = snapshot(&engine, 1, number, 10_000);
        engine.ask_snapshot(cohort, SnapshotAsk::Write { expected: None, snapshot })
    };
    assert!(matches!(write(COHORT, 1).await, SnapshotAnswer::Written(_)));
    let other = CohortId(COHORT.0 + 1);
    for number in 1..4 {
        assert_eq!(write(other, number).await, SnapshotAnswer::NotNow);
    }
    assert_eq!(engine.ask_snapshot(other, SnapshotAsk::Read).await, SnapshotAnswer::Read(None));
}

async fn a_snapshot_goes_with_its_record(engine: &dyn Engine) {
    for bytes in [10, 1_000_000] {
        let record = record(engine, 1);
        let cohort_revision = match read(engine, COHORT).await {
            ReadAnswer::Read(None) => match engine.create(COHORT, record).await {
                CasAnswer::Won(revision) => revision,
                // It has been here before; for a while that can be told.
                CasAnswer::Lost(None) => return,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        let answer = write(engine, None, snapshot(engine, 1, 1, bytes)).await;
        assert!(matches!(answer, SnapshotAnswer::Written(_)), "{answer:?}");
        engine.forget(COHORT, Versioned { revision: cohort_revision, record }).await.unwrap();
        assert_eq!(stored(engine).await, None);
    }
}

async fn beat(engine: &dyn Engine, node: NodeId) -> Option<Heartbeat> {
    // Who asks for the first time is shown all.
    static ASKERS: AtomicU64 = AtomicU64::new(1000);
    let asker = NodeId(ASKERS.fetch_add(1, Ordering::Relaxed));
    let beats = engine.heartbeats(asker, Duration::ZERO, BTreeSet::new()).await.expect("it answers");
    beats.into_iter().find(|(found, _)| *found == node).map(|(_, beat)| beat)
}

async fn a_heartbeat_changes_with_every_renewal(engine: &dyn Engine) {
    assert_eq!(beat(engine, NODE).await, None);
    let mut seen = Vec::new();
    for _ in 0..3 {
        engine.renew(NODE).await.unwrap();
        engine.renew(NodeId(2)).await.unwrap();
        seen.push(beat(engine, NODE).await);
        assert_eq!(beat(engine, NODE).await, seen.last().copied().flatten(), "it changes only by a renewal");
    }
    assert!(seen.iter().all(Option::is_some));
    assert!(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2], "{seen:?}");
}

/// A node that records name, and that nobody has heard of.
async fn that_a_node_has_no_heartbeat_is_said_of_those_that_are_named(engine: &dyn Engine) {
    let (asker, silent) = (NodeId(0xa0), NodeId(0xa2));
    engine.renew(NODE).await.unwrap();
    let named = BTreeSet::from([NODE, silent]);
    for _ in 0..3 {
        let beats = engine.heartbeats(asker, Duration::ZERO, named.clone()).await.unwrap();
        assert!(beats.contains(&(silent, Heartbeat::NONE)), "{beats:?}");
        let seen = beats.into_iter().find(|(node, _)| *node == NODE);
        // It may be left out when it has changed since the last time.
        assert!(seen.is_none_or(|(_, beat)| beat != Heartbeat::NONE), "{seen:?}");
        engine.renew(NODE).await.unwrap();
    }
    engine.renew(silent).await.unwrap();
    let beats = engine.heartbeats(asker, Duration::ZERO, named).await.unwrap();
    assert!(!beats.contains(&(silent, Heartbeat::NONE)), "{beats:?}");
}

async fn a_goodbye_is_the_last_that_is_heard(engine: &dyn Engine) {
    engine.renew(NODE).await.unwrap();
    engine.goodbye(NODE).await.unwrap();
    assert_eq!(beat(engine, NODE).await, Some(Heartbeat::Goodbye));
    assert_eq!(engine.renew(NODE).await, Err(Unavailable));
    assert_eq!(beat(engine, NODE).await, Some(Heartbeat::Goodbye));
}

pub(crate) fn info(id: NodeId, sessions: u64) -> NodeInfo {
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let (name, standing) = (format!("node-{id}"), Standing::Online);
    NodeInfo { id, name, standing, tcp: at(1), quic: at(2), peer: at(3), app_version: 4, sessions }
}

async fn nodes_are_known_until_they_say_goodbye(engine: &dyn Engine) {
    assert_eq!(engine.nodes(), Vec::new());
    engine.publish(info(NodeId(2), 0)).await.unwrap();
    engine.publish(info(NODE, 0)).await.unwrap();
    let cordoned = NodeInfo { standing: Standing::Cordoned, ..info(NodeId(2), 5) };
    engine.publish(cordoned.clone()).await.unwrap();
    assert_eq!(engine.nodes(), [cordoned, info(NODE, 0)]);
    engine.renew(NODE).await.unwrap();
    engine.goodbye(NODE).await.unwrap();
    assert_eq!(engine.nodes().len(), 1);
}

async fn rooms_are_found_until_they_are_not_listed_any_more(engine: &dyn Engine) {
    let listed = |room, free| {
        let listing = Listing { room, members: 1, members_max: 4, free, properties: Vec::new() };
        Listed { owner: NODE, listing }
    };
    engine.list_room(COHORT, Some(listed(COHORT, 3))).await.unwrap();
    engine.list_room(COHORT, Some(listed(COHORT, 2))).await.unwrap();
    engine.list_room(CohortId(1), Some(listed(CohortId(1), 1))).await.unwrap();
    eventually("both are found", async || engine.rooms().await.is_ok_and(|rooms| rooms.len() == 2)).await;
    assert_eq!(engine.rooms().await, Ok(vec![listed(CohortId(1), 1), listed(COHORT, 2)]));
    engine.list_room(CohortId(1), None).await.unwrap();
    assert_eq!(engine.rooms().await, Ok(vec![listed(COHORT, 2)]));
    // Also when the room ends.
    let record = record(engine, 1);
    let revision = created(engine, COHORT, record).await;
    engine.forget(COHORT, Versioned { revision, record }).await.unwrap();
    assert_eq!(engine.rooms().await, Ok(Vec::new()));
}

async fn a_user_has_the_newest_session(engine: &dyn Engine) {
    assert_eq!(engine.session_of("ann").await, Ok(None));
    assert_eq!(engine.claim_user("ann", SessionId(1)).await, Ok(None));
    assert_eq!(engine.claim_user("ann", SessionId(1)).await, Ok(None), "its own");
    assert_eq!(engine.claim_user("ann", SessionId(2)).await, Ok(Some(SessionId(1))));
    assert_eq!(engine.session_of("ann").await, Ok(Some(SessionId(2))));
    // Whatever users are called.
    assert_eq!(engine.claim_user("a.*> \u{1f426}", SessionId(3)).await, Ok(None));
    assert_eq!(engine.session_of("a.*> \u{1f426}").await, Ok(Some(SessionId(3))));
}

async fn a_session_that_was_replaced_does_not_release_its_user(engine: &dyn Engine) {
    engine.claim_user("ann", SessionId(1)).await.unwrap();
    engine.claim_user("ann", SessionId(2)).await.unwrap();
    engine.release_user("ann", SessionId(1)).await;
    assert_eq!(engine.session_of("ann").await, Ok(Some(SessionId(2))));
    engine.release_user("ann", SessionId(2)).await;
    assert_eq!(engine.session_of("ann").await, Ok(None));
    assert_eq!(engine.claim_user("ann", SessionId(3)).await, Ok(None));
}
