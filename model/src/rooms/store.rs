//! The directory's entries and the snapshots of the room and both sessions, under compare-and-set, and the writes
//! that nobody waits for any more: each may land at any time, or never.

use crate::store::{Reply, Request};
use std::collections::BTreeMap;
use sterna::protocol::ids::{CohortId, NodeId};
use sterna::protocol::record::{Answer, Ask, CasAnswer, ReadAnswer, Record, Revision, Versioned};
use sterna::protocol::snapshot::{Snapshot, SnapshotAnswer, SnapshotAsk, Stored};

/// What is stored under one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Shelf {
    /// The entry; `None`: it has been deleted.
    pub(super) held: Option<Versioned>,
    pub(super) snapshot: Option<Stored>,
}

/// Everything that is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Store {
    pub(super) shelves: BTreeMap<CohortId, Shelf>,
    /// The nodes whose lease has run out, as a leader's read of the heartbeats would show.
    pub(super) gone: Vec<NodeId>,
    /// Writes that may still land.
    pub(super) late: Vec<(CohortId, Request)>,
    /// A write has put a lower fence in the place of a higher one.
    pub(super) went_back: bool,
}

impl Store {
    pub(super) fn record(&self, key: CohortId) -> Option<Record> {
        Some(self.shelves.get(&key)?.held?.record)
    }

    pub(super) fn snapshot(&self, key: CohortId) -> Option<&Snapshot> {
        self.shelves.get(&key)?.snapshot.as_ref().map(|stored| &stored.snapshot)
    }

    /// What a read brings back now.
    pub(super) fn read(&self, key: CohortId, request: &Request) -> Option<Reply> {
        let shelf = self.shelves.get(&key);
        match request {
            Request::Leases => Some(Reply::Leases(Some(self.gone.clone()))),
            Request::Directory(Ask::Read) => {
                let held = shelf.and_then(|shelf| shelf.held);
                Some(Reply::Directory(Answer::Read(ReadAnswer::Read(held))))
            }
            Request::Snapshot(SnapshotAsk::Read) => {
                let stored = shelf.and_then(|shelf| shelf.snapshot.clone());
                Some(Reply::Snapshot(SnapshotAnswer::Read(stored.map(Box::new))))
            }
            Request::Directory(Ask::Cas { .. }) | Request::Snapshot(SnapshotAsk::Write { .. }) => None,
        }
    }

    /// Does what is asked.
    pub(super) fn process(&mut self, key: CohortId, request: &Request) -> Reply {
        if let Some(read) = self.read(key, request) {
            return read;
        }
        let reply = match request {
            Request::Directory(Ask::Read) | Request::Leases | Request::Snapshot(SnapshotAsk::Read) => {
                unreachable!("these are reads")
            }
            Request::Directory(Ask::Cas { expected, record }) => {
                Reply::Directory(Answer::Cas(self.compare_and_set(key, *expected, *record)))
            }
            Request::Snapshot(SnapshotAsk::Write { expected, snapshot }) => {
                Reply::Snapshot(self.write_snapshot(key, *expected, snapshot))
            }
        };
        self.drop_hopeless();
        reply
    }

    fn compare_and_set(&mut self, key: CohortId, expected: Revision, record: Record) -> CasAnswer {
        let shelf = self.shelves.entry(key).or_default();
        match shelf.held {
            Some(held) if held.revision == expected => {
                self.went_back |= record.fence() < held.record.fence();
                shelf.held = Some(Versioned { revision: Revision(expected.0 + 1), record });
                CasAnswer::Won(Revision(expected.0 + 1))
            }
            held => CasAnswer::Lost(held),
        }
    }

    fn write_snapshot(
        &mut self,
        key: CohortId,
        expected: Option<Revision>,
        snapshot: &Snapshot,
    ) -> SnapshotAnswer {
        let shelf = self.shelves.entry(key).or_default();
        let revision = shelf.snapshot.as_ref().map(|stored| stored.revision);
        if revision != expected {
            return SnapshotAnswer::Conflict;
        }
        let fence = shelf.snapshot.as_ref().map(|stored| stored.snapshot.fence);
        self.went_back |= Some(snapshot.fence) < fence;
        let revision = Revision(revision.map_or(1, |revision| revision.0 + 1));
        shelf.snapshot = Some(Stored { revision, snapshot: snapshot.clone() });
        SnapshotAnswer::Written(revision)
    }

    /// Deletes entry and snapshot, if the entry is still this one.
    pub(super) fn forget(&mut self, key: CohortId, held: Versioned) {
        if let Some(shelf) = self.shelves.get_mut(&key)
            && shelf.held == Some(held)
        {
            *shelf = Shelf::default();
        }
        self.drop_hopeless();
    }

    /// Nobody waits for the answer to this any more.
    pub(super) fn abandon(&mut self, key: CohortId, request: Request) {
        let late = (key, request);
        if late.1.writes() && !self.late.contains(&late) {
            self.late.push(late);
        }
        self.drop_hopeless();
    }

    /// A write that was thought lost lands.
    pub(super) fn land(&mut self, index: usize) {
        let (key, request) = self.late.remove(index);
        self.process(key, &request);
    }

    /// Writes whose revision has passed change nothing any more.
    fn drop_hopeless(&mut self) {
        let shelves = &self.shelves;
        self.late.retain(|(key, request)| {
            let shelf = shelves.get(key);
            let record = shelf.and_then(|shelf| shelf.held).map(|held| held.revision);
            let snapshot = shelf.and_then(|shelf| shelf.snapshot.as_ref()).map(|stored| stored.revision);
            match request {
                Request::Directory(Ask::Cas { expected, .. }) => Some(*expected) == record,
                // Of a key that is deleted nothing is looked for any more.
                Request::Snapshot(SnapshotAsk::Write { expected, .. }) => {
                    *expected == snapshot && record.is_some()
                }
                Request::Directory(Ask::Read) | Request::Leases | Request::Snapshot(SnapshotAsk::Read) => {
                    false
                }
            }
        });
    }
}
