//! What a node's process tells the test, and what it is told: lines of JSON on its standard output and input.

use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::net::SocketAddr;

/// In front of every line that is meant for the test: the test harness of the process prints, too.
const MARK: &str = "@node ";

/// Times are of the clock that all processes share, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Said {
    /// It is online.
    Online { id: u64, tcp: SocketAddr, quic: SocketAddr },
    /// The application serves a session from here on.
    Began { at_us: u64, session: u64, how: Began },
    /// The application was handed a message.
    Handled { at_us: u64, session: u64, number: u64 },
    /// The application was handed another message than the next.
    Disorder { expected: u64, got: u64 },
    /// The application was told what is lost: ranges of uplink and downlink.
    Lost { session: u64, uplink: (u64, u64), downlink: (u64, u64) },
    /// The session is another node's now.
    LetGo { session: u64 },
    /// The session has ended here.
    Ended { session: u64, reason: String },
    /// A failpoint was reached, and acts now.
    Reached { point: String },
    /// It was stopped at a failpoint and runs again.
    Continued,
    /// Its drain is over; so many sessions had to be ended.
    Drained { closed: usize },
    /// It panicked.
    Panicked { text: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Began {
    Connected,
    MovedIn,
    TookOver,
}

impl Said {
    /// Tells the test.
    pub(crate) fn tell(&self) {
        let line = format!("{MARK}{}\n", serde_json::to_string(self).expect("plain data"));
        let mut out = std::io::stdout().lock();
        // If nobody listens any more the process is about to be ended.
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }

    /// What a line says; `None`: it is none of ours.
    pub(crate) fn heard(line: &str) -> Option<Self> {
        let json = line.split_once(MARK)?.1;
        Some(serde_json::from_str(json).expect("as it was told"))
    }
}

/// What a node is told to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Do this at a failpoint, once, when it is reached for the `nth` time from now (1: the next).
    Arm(Vec<Arm>),
    /// Go offline.
    Drain { deadline_ms: u64 },
    /// Take no newcomers, or take them again.
    Cordon(bool),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Arm {
    pub(crate) point: String,
    pub(crate) after: bool,
    pub(crate) action: Action,
    pub(crate) nth: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Action {
    /// Only says that it was reached.
    Tell,
    /// `kill -9`.
    Crash,
    /// The process stands still until it is continued.
    Pause,
    Drop,
    Twice,
}
