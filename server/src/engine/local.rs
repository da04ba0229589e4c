//! The engine of one process with several nodes: maps under one lock. The default, for development,
//! demonstrations, tests and small games.

use super::{Engine, Listed, NodeInfo, Reply, Unavailable, with_missing};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::ready;
use std::time::Duration;
use sterna::protocol::ids::{CohortId, NodeId, SessionId};
use sterna::protocol::lease::Heartbeat;
use sterna::protocol::record::{Answer, Ask, CasAnswer, ReadAnswer, Record, Revision, Versioned};
use sterna::protocol::snapshot::{Snapshot, SnapshotAnswer, SnapshotAsk, Stored};

/// Nodes that have said goodbye and are remembered; the oldest are forgotten first. No move that any of
/// them took part in lasts as long as it takes for so many others to come and go.
const GOODBYES_MAX: usize = 1024;

/// Membership, directory, snapshots and leases of one process.
#[derive(Debug, Default)]
pub struct LocalEngine {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    nodes: BTreeMap<NodeId, NodeInfo>,
    heartbeats: BTreeMap<NodeId, Heartbeat>,
    records: BTreeMap<CohortId, Versioned>,
    /// As bytes, like in any other store.
    snapshots: BTreeMap<CohortId, (Revision, Vec<u8>)>,
    users: BTreeMap<String, SessionId>,
    rooms: BTreeMap<CohortId, Listed>,
    /// Nodes that have said goodbye, the latest last.
    gone: VecDeque<NodeId>,
    revision: u64,
}

impl State {
    fn write(&mut self, cohort: CohortId, record: Record) -> Revision {
        self.revision += 1;
        let revision = Revision(self.revision);
        self.records.insert(cohort, Versioned { revision, record });
        revision
    }

    fn compare_and_set(&mut self, cohort: CohortId, expected: Revision, record: Record) -> CasAnswer {
        match self.records.get(&cohort) {
            Some(found) if found.revision == expected => CasAnswer::Won(self.write(cohort, record)),
            found => CasAnswer::Lost(found.copied()),
        }
    }
}

impl State {
    fn read_snapshot(&self, cohort: CohortId) -> Option<Stored> {
        let (revision, bytes) = self.snapshots.get(&cohort)?;
        let snapshot = Snapshot::decode(bytes).expect("only what was encoded here is kept");
        Some(Stored { revision: *revision, snapshot })
    }

    fn write_snapshot(
        &mut self,
        cohort: CohortId,
        expected: Option<Revision>,
        bytes: Vec<u8>,
    ) -> SnapshotAnswer {
        if self.snapshots.get(&cohort).map(|(revision, _)| *revision) != expected {
            return SnapshotAnswer::Conflict;
        }
        self.revision += 1;
        let revision = Revision(self.revision);
        self.snapshots.insert(cohort, (revision, bytes));
        SnapshotAnswer::Written(revision)
    }
}

impl Engine for LocalEngine {
    fn publish(&self, info: NodeInfo) -> Reply<'_, Result<(), Unavailable>> {
        self.state.lock().nodes.insert(info.id, info);
        Box::pin(ready(Ok(())))
    }

    fn nodes(&self) -> Vec<NodeInfo> {
        self.state.lock().nodes.values().cloned().collect()
    }

    fn create(&self, cohort: CohortId, record: Record) -> Reply<'_, CasAnswer> {
        let mut state = self.state.lock();
        let answer = match state.records.get(&cohort) {
            Some(found) => CasAnswer::Lost(Some(*found)),
            None => CasAnswer::Won(state.write(cohort, record)),
        };
        Box::pin(ready(answer))
    }

    fn ask(&self, cohort: CohortId, ask: Ask) -> Reply<'_, Answer> {
        let mut state = self.state.lock();
        let answer = match ask {
            Ask::Read => Answer::Read(ReadAnswer::Read(state.records.get(&cohort).copied())),
            Ask::Cas { expected, record } => Answer::Cas(state.compare_and_set(cohort, expected, record)),
        };
        Box::pin(ready(answer))
    }

    fn cohorts_of(&self, node: NodeId) -> Reply<'_, Result<Vec<CohortId>, Unavailable>> {
        let state = self.state.lock();
        let of = state.records.iter().filter(|(_, found)| found.record.nodes().any(|named| named == node));
        let of = of.map(|(cohort, _)| *cohort).collect();
        Box::pin(ready(Ok(of)))
    }

    fn nodes_named(&self) -> Reply<'_, Result<BTreeSet<NodeId>, Unavailable>> {
        let state = self.state.lock();
        let named = state.records.values().flat_map(|found| found.record.nodes()).collect();
        Box::pin(ready(Ok(named)))
    }

    fn forget(&self, cohort: CohortId, held: Versioned) -> Reply<'_, Result<(), Unavailable>> {
        let mut state = self.state.lock();
        if state.records.get(&cohort).is_some_and(|found| found.revision == held.revision) {
            state.records.remove(&cohort);
            state.snapshots.remove(&cohort);
            state.rooms.remove(&cohort);
        }
        Box::pin(ready(Ok(())))
    }

    fn ask_snapshot(&self, cohort: CohortId, ask: SnapshotAsk) -> Reply<'_, SnapshotAnswer> {
        let answer = match ask {
            SnapshotAsk::Read => SnapshotAnswer::Read(self.state.lock().read_snapshot(cohort).map(Box::new)),
            SnapshotAsk::Write { expected, snapshot } => {
                let bytes = snapshot.encode();
                self.state.lock().write_snapshot(cohort, expected, bytes)
            }
        };
        Box::pin(ready(answer))
    }

    fn list_room(&self, room: CohortId, listed: Option<Listed>) -> Reply<'_, Result<(), Unavailable>> {
        let mut state = self.state.lock();
        match listed {
            Some(listed) => state.rooms.insert(room, listed),
            None => state.rooms.remove(&room),
        };
        Box::pin(ready(Ok(())))
    }

    fn rooms(&self) -> Reply<'_, Result<Vec<Listed>, Unavailable>> {
        Box::pin(ready(Ok(self.state.lock().rooms.values().cloned().collect())))
    }

    fn claim_user(
        &self,
        user: &str,
        session: SessionId,
    ) -> Reply<'_, Result<Option<SessionId>, Unavailable>> {
        let replaced = self.state.lock().users.insert(user.to_owned(), session);
        Box::pin(ready(Ok(replaced.filter(|old| *old != session))))
    }

    fn session_of(&self, user: &str) -> Reply<'_, Result<Option<SessionId>, Unavailable>> {
        Box::pin(ready(Ok(self.state.lock().users.get(user).copied())))
    }

    fn release_user(&self, user: &str, session: SessionId) -> Reply<'_, ()> {
        let mut state = self.state.lock();
        if state.users.get(user) == Some(&session) {
            state.users.remove(user);
        }
        Box::pin(ready(()))
    }

    fn renew(&self, node: NodeId) -> Reply<'_, Result<(), Unavailable>> {
        let mut state = self.state.lock();
        let count = match state.heartbeats.get(&node) {
            Some(Heartbeat::Beating(count)) => count + 1,
            None => 1,
            // (e) Who has said goodbye does not come back: a new incarnation does.
            Some(Heartbeat::Goodbye) => return Box::pin(ready(Err(Unavailable))),
        };
        state.heartbeats.insert(node, Heartbeat::Beating(count));
        Box::pin(ready(Ok(())))
    }

    fn goodbye(&self, node: NodeId) -> Reply<'_, Result<(), Unavailable>> {
        let mut state = self.state.lock();
        state.heartbeats.insert(node, Heartbeat::Goodbye);
        state.nodes.remove(&node);
        state.gone.push_back(node);
        if state.gone.len() > GOODBYES_MAX
            && let Some(oldest) = state.gone.pop_front()
        {
            state.heartbeats.remove(&oldest);
        }
        Box::pin(ready(Ok(())))
    }

    fn heartbeats(
        &self,
        _: NodeId,
        _: Duration,
        named: BTreeSet<NodeId>,
    ) -> Reply<'_, Result<Vec<(NodeId, Heartbeat)>, Unavailable>> {
        let beats = self.state.lock().heartbeats.iter().map(|(node, beat)| (*node, *beat)).collect();
        Box::pin(ready(Ok(with_missing(beats, named))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sterna::protocol::ids::{Binding, Bucket, Epoch};
    use sterna::protocol::record::OwnerPhase;

    const COHORT: CohortId = CohortId(1);

    fn record(owner: u64) -> Record {
        Record {
            bucket: Bucket(1),
            binding: Binding(0),
            epoch: Epoch(1),
            owner: NodeId(owner),
            phase: OwnerPhase::Serving,
            room: None,
        }
    }

    #[tokio::test]
    async fn only_one_of_two_writers_with_the_same_revision_wins() {
        let engine = LocalEngine::default();
        let CasAnswer::Won(expected) = engine.create(COHORT, record(1)).await else { panic!("not created") };
        let first = engine.ask(COHORT, Ask::Cas { expected, record: record(2) }).await;
        let second = engine.ask(COHORT, Ask::Cas { expected, record: record(3) }).await;
        let Answer::Cas(CasAnswer::Won(revision)) = first else { panic!("{first:?}") };
        let found = Versioned { revision, record: record(2) };
        assert_eq!(second, Answer::Cas(CasAnswer::Lost(Some(found))));
    }

    #[tokio::test]
    async fn a_record_is_created_once() {
        let engine = LocalEngine::default();
        let CasAnswer::Won(revision) = engine.create(COHORT, record(1)).await else { panic!("not created") };
        let found = Versioned { revision, record: record(1) };
        assert_eq!(engine.create(COHORT, record(2)).await, CasAnswer::Lost(Some(found)));
    }

    #[tokio::test]
    async fn a_snapshot_is_written_only_over_the_one_that_its_writer_knows() {
        let engine = LocalEngine::default();
        let snapshot = |number| Box::new(Snapshot { number, ..Snapshot::default() });
        let write = |expected, number| {
            engine.ask_snapshot(COHORT, SnapshotAsk::Write { expected, snapshot: snapshot(number) })
        };
        let SnapshotAnswer::Written(first) = write(None, 1).await else { panic!("not created") };
        assert_eq!(write(None, 2).await, SnapshotAnswer::Conflict);
        let SnapshotAnswer::Written(second) = write(Some(first), 2).await else { panic!("not replaced") };
        assert_eq!(write(Some(first), 3).await, SnapshotAnswer::Conflict);
        let stored = Stored { revision: second, snapshot: *snapshot(2) };
        let read = engine.ask_snapshot(COHORT, SnapshotAsk::Read).await;
        assert_eq!(read, SnapshotAnswer::Read(Some(Box::new(stored))));
    }

    #[tokio::test]
    async fn a_session_that_was_replaced_does_not_release_its_user() {
        let engine = LocalEngine::default();
        engine.claim_user("ann", SessionId(1)).await.unwrap();
        assert_eq!(engine.claim_user("ann", SessionId(2)).await, Ok(Some(SessionId(1))));
        engine.release_user("ann", SessionId(1)).await;
        assert_eq!(engine.session_of("ann").await, Ok(Some(SessionId(2))));
    }
}
