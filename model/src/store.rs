//! The directory's one record and the one snapshot, both under compare-and-set, and the writes that are still
//! under way although nobody waits for their answer: each may land at any time, or never.

use sterna::protocol::ids::{Fence, NodeId};
use sterna::protocol::record::{Answer, Ask, CasAnswer, ReadAnswer, Record, Revision, Versioned};
use sterna::protocol::takeover::{Snapshot, SnapshotAnswer};
use sterna::protocol::wire::SessionState;

/// What a node asks of either.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// Of the directory.
    Directory(Ask),
    /// For the heartbeats.
    Leases,
    /// For the snapshot.
    ReadSnapshot,
    /// To write the snapshot back.
    WriteBack(Revision, Fence, Vec<SessionState>),
    /// To store a snapshot, unless one of a higher fence is stored.
    Store(Fence, Vec<SessionState>),
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
    /// The snapshot is stored, or is not: the driver goes on in either case.
    Stored,
}

impl Request {
    /// What is heard when no answer comes.
    pub fn unanswered(&self) -> Reply {
        match self {
            Self::Directory(Ask::Read) => Reply::Directory(Answer::Read(ReadAnswer::Failed)),
            Self::Directory(Ask::Cas { .. }) => Reply::Directory(Answer::Cas(CasAnswer::Unknown)),
            Self::Leases => Reply::Leases(None),
            Self::ReadSnapshot | Self::WriteBack(..) => Reply::Snapshot(SnapshotAnswer::Unknown),
            Self::Store(..) => Reply::Stored,
        }
    }

    /// What a read brings back now.
    pub fn read(&self, store: &Store) -> Option<Reply> {
        match self {
            Self::Leases => Some(Reply::Leases(Some(store.gone.clone()))),
            Self::Directory(Ask::Read) => {
                Some(Reply::Directory(Answer::Read(ReadAnswer::Read(Some(store.held)))))
            }
            Self::ReadSnapshot => {
                Some(Reply::Snapshot(SnapshotAnswer::Read(Some(Box::new(store.snapshot.clone())))))
            }
            Self::Directory(Ask::Cas { .. }) | Self::WriteBack(..) | Self::Store(..) => None,
        }
    }

    /// Whether it changes anything.
    pub fn writes(&self) -> bool {
        match self {
            Self::Directory(Ask::Read) | Self::Leases | Self::ReadSnapshot => false,
            Self::Directory(Ask::Cas { .. }) | Self::WriteBack(..) | Self::Store(..) => true,
        }
    }
}

/// Record and snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Store {
    /// The record.
    pub held: Versioned,
    /// The snapshot.
    pub snapshot: Snapshot,
    /// The nodes whose lease has run out, as a leader's read of the heartbeats would show.
    pub gone: Vec<NodeId>,
    /// Writes that may still land.
    pub late: Vec<Request>,
    /// How many of these have.
    pub landed: u8,
    /// A write has put a lower fence in the place of a higher one.
    pub went_back: bool,
}

impl Store {
    /// Holds these.
    pub fn new(record: Record, sessions: Vec<SessionState>) -> Self {
        let held = Versioned { revision: Revision(1), record };
        let snapshot = Snapshot { revision: Revision(1), fence: record.fence(), sessions };
        Self { held, snapshot, gone: Vec::new(), late: Vec::new(), landed: 0, went_back: false }
    }

    /// Does what is asked.
    pub fn process(&mut self, request: &Request) -> Reply {
        if let Some(read) = request.read(self) {
            return read;
        }
        let reply = match request {
            Request::Directory(Ask::Read) | Request::Leases | Request::ReadSnapshot => {
                unreachable!("these are reads")
            }
            Request::Directory(Ask::Cas { expected, record }) => {
                Reply::Directory(Answer::Cas(self.compare_and_set(*expected, *record)))
            }
            Request::WriteBack(expected, fence, sessions) => {
                if *expected == self.snapshot.revision {
                    self.write_snapshot(*fence, sessions);
                    Reply::Snapshot(SnapshotAnswer::Written)
                } else {
                    Reply::Snapshot(SnapshotAnswer::Conflict)
                }
            }
            Request::Store(fence, sessions) => {
                if *fence >= self.snapshot.fence {
                    self.write_snapshot(*fence, sessions);
                }
                Reply::Stored
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

    fn write_snapshot(&mut self, fence: Fence, sessions: &[SessionState]) {
        self.went_back |= fence < self.snapshot.fence;
        let revision = Revision(self.snapshot.revision.0 + 1);
        self.snapshot = Snapshot { revision, fence, sessions: sessions.to_vec() };
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
        self.landed = 1;
        self.process(&request);
    }

    /// Writes whose revision has passed change nothing any more.
    fn drop_hopeless(&mut self) {
        let (record, snapshot, fence) = (self.held.revision, self.snapshot.revision, self.snapshot.fence);
        self.late.retain(|request| match request {
            Request::Directory(Ask::Cas { expected, .. }) => *expected == record,
            Request::WriteBack(expected, ..) => *expected == snapshot,
            Request::Store(wanted, _) => *wanted >= fence,
            Request::Directory(Ask::Read) | Request::Leases | Request::ReadSnapshot => false,
        });
    }
}
