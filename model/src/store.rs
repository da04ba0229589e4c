//! The directory's one record and the one snapshot, both under compare-and-set, and the writes that are still
//! under way although nobody waits for their answer: each may land at any time, or never.

use sterna::protocol::ids::NodeId;
use sterna::protocol::record::{Answer, Ask, CasAnswer, ReadAnswer, Record, Revision, Versioned};
use sterna::protocol::snapshot::{Snapshot, SnapshotAnswer, SnapshotAsk, Stored};

/// What a node asks of either.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// Of the directory.
    Directory(Ask),
    /// For the heartbeats.
    Leases,
    /// Of the store of snapshots.
    Snapshot(SnapshotAsk),
}

/// What it hears.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// From the directory.
    Directory(Answer),
    /// Whose leases have run out; `None`: the read has failed.
    Leases(Option<Vec<NodeId>>),
    /// About the snapshot.
    Snapshot(SnapshotAnswer),
}

impl Request {
    /// What is heard when no answer comes.
    pub fn unanswered(&self) -> Reply {
        match self {
            Self::Directory(Ask::Read) => Reply::Directory(Answer::Read(ReadAnswer::Failed)),
            Self::Directory(Ask::Cas { .. }) => Reply::Directory(Answer::Cas(CasAnswer::Unknown)),
            Self::Leases => Reply::Leases(None),
            Self::Snapshot(_) => Reply::Snapshot(SnapshotAnswer::Unknown),
        }
    }

    /// What a read brings back now.
    pub fn read(&self, store: &Store) -> Option<Reply> {
        match self {
            Self::Leases => Some(Reply::Leases(Some(store.gone.clone()))),
            Self::Directory(Ask::Read) => {
                Some(Reply::Directory(Answer::Read(ReadAnswer::Read(Some(store.held)))))
            }
            Self::Snapshot(SnapshotAsk::Read) => {
                Some(Reply::Snapshot(SnapshotAnswer::Read(store.snapshot.clone().map(Box::new))))
            }
            Self::Directory(Ask::Cas { .. }) | Self::Snapshot(SnapshotAsk::Write { .. }) => None,
        }
    }

    /// Whether it changes anything.
    pub fn writes(&self) -> bool {
        match self {
            Self::Directory(Ask::Read) | Self::Leases | Self::Snapshot(SnapshotAsk::Read) => false,
            Self::Directory(Ask::Cas { .. }) | Self::Snapshot(SnapshotAsk::Write { .. }) => true,
        }
    }
}

/// Record and snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Store {
    /// The record.
    pub held: Versioned,
    /// The snapshot.
    pub snapshot: Option<Stored>,
    /// The nodes whose lease has run out, as a leader's read of the heartbeats would show.
    pub gone: Vec<NodeId>,
    /// Writes that may still land.
    pub late: Vec<Request>,
    /// A write has put a lower fence in the place of a higher one.
    pub went_back: bool,
}

impl Store {
    /// Holds this record, and no snapshot.
    pub fn new(record: Record) -> Self {
        let held = Versioned { revision: Revision(1), record };
        Self { held, snapshot: None, gone: Vec::new(), late: Vec::new(), went_back: false }
    }

    /// Does what is asked.
    pub fn process(&mut self, request: &Request) -> Reply {
        if let Some(read) = request.read(self) {
            return read;
        }
        let reply = match request {
            Request::Directory(Ask::Read) | Request::Leases | Request::Snapshot(SnapshotAsk::Read) => {
                unreachable!("these are reads")
            }
            Request::Directory(Ask::Cas { expected, record }) => {
                Reply::Directory(Answer::Cas(self.compare_and_set(*expected, *record)))
            }
            Request::Snapshot(SnapshotAsk::Write { expected, snapshot }) => {
                Reply::Snapshot(self.write_snapshot(*expected, snapshot))
            }
        };
        self.drop_hopeless();
        reply
    }

    fn compare_and_set(&mut self, expected: Revision, record: Record) -> CasAnswer {
        if self.held.revision != expected {
            return CasAnswer::Lost(Some(self.held));
        }
        self.went_back |= record.fence() < self.held.record.fence();
        self.held = Versioned { revision: Revision(expected.0 + 1), record };
        CasAnswer::Won(self.held.revision)
    }

    fn write_snapshot(&mut self, expected: Option<Revision>, snapshot: &Snapshot) -> SnapshotAnswer {
        let revision = self.snapshot.as_ref().map(|stored| stored.revision);
        if revision != expected {
            return SnapshotAnswer::Conflict;
        }
        let fence = self.snapshot.as_ref().map(|stored| stored.snapshot.fence);
        self.went_back |= Some(snapshot.fence) < fence;
        let revision = Revision(revision.map_or(1, |revision| revision.0 + 1));
        self.snapshot = Some(Stored { revision, snapshot: snapshot.clone() });
        SnapshotAnswer::Written(revision)
    }

    /// Nobody waits for the answer to this any more.
    pub fn abandon(&mut self, request: Request) {
        if request.writes() && !self.late.contains(&request) {
            self.late.push(request);
        }
        self.drop_hopeless();
    }

    /// A write that was thought lost lands.
    pub fn land(&mut self, index: usize) {
        let request = self.late.remove(index);
        self.process(&request);
    }

    /// Writes whose revision has passed change nothing any more.
    fn drop_hopeless(&mut self) {
        let record = self.held.revision;
        let snapshot = self.snapshot.as_ref().map(|stored| stored.revision);
        self.late.retain(|request| match request {
            Request::Directory(Ask::Cas { expected, .. }) => *expected == record,
            Request::Snapshot(SnapshotAsk::Write { expected, .. }) => *expected == snapshot,
            Request::Directory(Ask::Read) | Request::Leases | Request::Snapshot(SnapshotAsk::Read) => false,
        });
    }
}
