//! The words of the design as types: what can be counted or named gets a type of its own.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// The number that follows.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }
    };
}

number! {
    /// Rises at every change of a cohort's owner; receivers refuse a lower one (promise 1).
    Epoch
}
number! {
    /// Rises whenever a session joins or leaves a room (DESIGN section 4, Rooms).
    Binding
}
number! {
    /// Which life of the engine's data a record belongs to; rises when the engine lost its data.
    Bucket
}
number! {
    /// How many reliable messages of one direction have been counted since the session began.
    Cursor
}
number! {
    /// How many times a session was restarted from anything but live state or the baton.
    Generation
}
number! {
    /// Counts the links of one session; the newest wins.
    LinkNumber
}
number! {
    /// A member of a room, counted from 1 in the order of joining; never used twice in one room.
    MemberId
}

id! {
    /// One start of one server process ("incarnation"): a restarted node is another one.
    NodeId
}
id! {
    /// One user's logical connection; outlives every link and every node.
    SessionId
}
id! {
    /// What moves together. A lone session's cohort bears the session's number.
    CohortId
}

impl From<SessionId> for CohortId {
    fn from(session: SessionId) -> Self {
        Self(session.0)
    }
}

impl Cursor {
    /// The cursor `count` messages further on.
    #[must_use]
    pub const fn advance(self, count: u64) -> Self {
        Self(self.0 + count)
    }
}

/// What every message, link and write is bound to; a receiver refuses a lower one. The order of the
/// fields is the order of comparison (rule g).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence {
    /// Life of the engine's data.
    pub bucket: Bucket,
    /// Membership of the session.
    pub binding: Binding,
    /// Ownership of the cohort.
    pub epoch: Epoch,
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.bucket, self.binding, self.epoch)
    }
}

/// Names one attempt of one move, so that every message of it may be repeated (rule f).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MoveId {
    /// What moves.
    pub cohort: CohortId,
    /// The epoch the target would serve at: the source's epoch + 1.
    pub epoch: Epoch,
    /// Counts the attempts of the source at this epoch.
    pub attempt: u32,
    /// Where to.
    pub target: NodeId,
}

impl fmt::Display for MoveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}#{}->{}", self.cohort, self.epoch, self.attempt, self.target)
    }
}
