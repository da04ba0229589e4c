//! What one player saw, and what all nodes wrote down of it.

use std::ops::Range;
use std::time::Instant;
use sterna::client::Status;
use sterna::client::config::Transport;

/// What one player saw, in its order.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) user: String,
    pub(crate) transport: Transport,
    /// Its session, as logs name it.
    pub(crate) session: String,
    /// How many numbers it has sent: 0, 1, 2, and so on.
    pub(crate) sent: u64,
    pub(crate) seen: Vec<Seen>,
}

#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// One of its numbers came back, and the node had counted so many before.
    Counted { number: u64, count: u64 },
    /// A number that the node sent by itself.
    Pushed(u64),
    /// Where it is served from now on.
    Served { node: String, epoch: u64, how: How },
    /// Its node goes offline.
    Offline,
    /// Its link broke.
    Reconnecting(Status),
    /// It was not moved, for this reason.
    MoveFailed(Status),
    /// Its session has ended.
    Ended(Status),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Connected,
    Moved,
    Resumed,
    /// After a crash. These of its messages are gone, counted from the session's first.
    TookOver {
        lost: Range<u64>,
    },
}

/// What a node wrote down of a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    /// The log's time, in a form whose order as text is that of time.
    pub(crate) at: String,
    /// Which node, and which start of it.
    pub(crate) node: String,
    pub(crate) session: String,
    pub(crate) deed: Deed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    /// The session has moved in, or was taken over.
    Began,
    /// The application has counted a message; so many before.
    Counted(u64),
}

impl History {
    /// Where it is served, as far as it knows.
    pub(crate) fn node(&self) -> &str {
        let served = |seen: &Seen| matches!(seen.what, What::Served { .. });
        match self.seen.iter().rev().find(|seen| served(seen)).map(|seen| &seen.what) {
            Some(What::Served { node, .. }) => node,
            _ => "",
        }
    }

    /// How many things of one kind it saw.
    pub(crate) fn count(&self, of_kind: impl Fn(&What) -> bool) -> usize {
        self.seen.iter().filter(|seen| of_kind(&seen.what)).count()
    }

    /// How often it was moved.
    pub(crate) fn moves(&self) -> usize {
        self.count(|what| matches!(what, What::Served { how: How::Moved, .. }))
    }

    /// When the first message came after its last take-over.
    pub(crate) fn plays_again_at(&self) -> Option<Instant> {
        let took_over = |seen: &Seen| matches!(seen.what, What::Served { how: How::TookOver { .. }, .. });
        let index = self.seen.iter().rposition(took_over)?;
        let message = |seen: &&Seen| matches!(seen.what, What::Counted { .. } | What::Pushed(_));
        self.seen[index..].iter().find(message).map(|seen| seen.at)
    }
}
