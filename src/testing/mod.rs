//! A whole cluster in memory, on virtual time: the real roles of the protocol, driven by links, a directory
//! and a clock that a test holds in its hands. One seed gives one run.
//!
//! A test says what happens ([`Cluster::drain`], [`Cluster::cut`], [`Cluster::lose_next`] ...), lets the
//! cluster run until something has come about, and asks the [`History`] whether every promise was kept.
//! A test that fails prints the seed and the last things that happened.

mod directory;
mod echo;
mod happenings;
mod history;
pub mod hostile;
mod links;
mod node;
mod pipes;
mod player;
mod probes;
mod random;
mod verbs;

pub use directory::{Directory, Landing};
pub use echo::{BOOK, ECHO, Echo, ODD_FLOAT, PUSH, PUSH_EVERY, REMIND, STORE, TICK, VER};
pub use history::{Entry, History};
pub use node::Node;
pub use pipes::Lane;
pub use player::{Output, Player};
pub use random::Random;

use crate::protocol::ids::NodeId;
use crate::protocol::limits;
use crate::protocol::session::Settings;
use crate::protocol::snapshot::Durability;
use crate::protocol::time::Time;
use crate::protocol::wire::Peer;
use happenings::Happening;
use parking_lot::{Mutex, MutexGuard};
use pipes::{Pipe, PipeId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// A player of the cluster, counted from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlayerId(pub usize);

/// How long things take, in microseconds.
#[derive(Clone, Debug)]
pub struct Delays {
    /// One way between client and node.
    pub link_us: Range<u64>,
    /// One way between nodes.
    pub peer_us: Range<u64>,
    /// Until the first byte of a frame to another node leaves.
    pub outbox_us: Range<u64>,
    /// One way to the directory or back.
    pub directory_us: Range<u64>,
}

impl Default for Delays {
    fn default() -> Self {
        Self { link_us: 5_000..15_000, peer_us: 200..2_000, outbox_us: 10..200, directory_us: 300..3_000 }
    }
}

/// What is to happen to the next frame of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Lose,
    Duplicate,
}

/// Steps that a run may take; past it the cluster is taken to go round in circles.
const STEPS_MAX: u64 = 150_000;

/// Lines of the trace that a failure prints.
const TRACE_LINES: usize = 120;

/// The cluster.
#[derive(Debug)]
pub struct Cluster {
    seed: u64,
    random: Random,
    now: Time,
    /// How long things take.
    pub delays: Delays,
    /// Of a thousand frames between nodes, so many are lost.
    pub peer_loss: u64,
    queue: BTreeMap<(Time, u64), Happening>,
    scheduled: u64,
    nodes: BTreeMap<NodeId, Node>,
    players: Vec<Player>,
    pipes: BTreeMap<PipeId, Pipe>,
    outboxes: BTreeMap<(NodeId, NodeId), VecDeque<Peer>>,
    peer_last_at: BTreeMap<(NodeId, NodeId), Time>,
    /// Frames between these are lost.
    cuts: BTreeSet<(NodeId, NodeId)>,
    /// Frames between these do not even leave.
    stalled: BTreeSet<(NodeId, NodeId)>,
    unreachable: BTreeSet<(PlayerId, NodeId)>,
    cut_from_engine: BTreeSet<NodeId>,
    directory: Directory,
    history: Arc<Mutex<History>>,
    faults: Vec<(Fault, String)>,
    sessions_begun: u64,
    settings: Arc<Settings>,
    trace: VecDeque<String>,
}

impl Cluster {
    /// A cluster of so many nodes, all online.
    pub fn new(seed: u64, nodes: u64) -> Self {
        Self::with_settings(seed, nodes, Self::default_settings())
    }

    /// How nodes are configured unless a test says otherwise.
    pub fn default_settings() -> Settings {
        Settings {
            node: "test".into(),
            message_bytes_max: limits::MESSAGE_BYTES_MAX,
            replay_bytes_max: limits::REPLAY_BYTES_MAX,
            user_data_bytes_max: 1 << 20,
            resume_max: limits::RESUME_MAX,
            silence_max: limits::SILENCE_MAX,
            moves_when_online: false,
            durability: Durability::None,
        }
    }

    /// A cluster whose nodes are configured like this.
    pub fn with_settings(seed: u64, nodes: u64, settings: Settings) -> Self {
        let mut cluster = Self {
            seed,
            random: Random::new(seed),
            now: Time::default(),
            delays: Delays::default(),
            peer_loss: 0,
            queue: BTreeMap::new(),
            scheduled: 0,
            nodes: BTreeMap::new(),
            players: Vec::new(),
            pipes: BTreeMap::new(),
            outboxes: BTreeMap::new(),
            peer_last_at: BTreeMap::new(),
            cuts: BTreeSet::new(),
            stalled: BTreeSet::new(),
            unreachable: BTreeSet::new(),
            cut_from_engine: BTreeSet::new(),
            directory: Directory::default(),
            history: Arc::default(),
            faults: Vec::new(),
            sessions_begun: 0,
            settings: Arc::new(settings),
            trace: VecDeque::new(),
        };
        for _ in 0..nodes {
            cluster.start_node();
        }
        cluster
    }

    /// What was seen so far.
    pub fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock()
    }

    /// What the directory holds.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The last things that happened, one line each.
    pub fn trace(&self) -> impl Iterator<Item = &str> {
        self.trace.iter().map(String::as_str)
    }

    fn schedule(&mut self, after: Duration, happening: Happening) {
        self.schedule_at(self.now + after, happening);
    }

    fn schedule_at(&mut self, at: Time, happening: Happening) {
        self.scheduled += 1;
        self.queue.insert((at, self.scheduled), happening);
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if self.trace.len() == TRACE_LINES {
            self.trace.pop_front();
        }
        let line = format!("{:>12} {}", self.now.as_micros(), line());
        self.trace.push_back(line);
    }

    /// The first fault that waits for a frame of this name.
    fn fault(&mut self, name: &str) -> Option<Fault> {
        let index = self.faults.iter().position(|(_, wanted)| wanted == name)?;
        let (fault, _) = self.faults.remove(index);
        self.note(|| format!("{fault:?} {name}"));
        Some(fault)
    }

    /// Lets one thing happen. False: nothing is left to happen.
    pub fn step(&mut self) -> bool {
        let timeout = self.next_timeout();
        let queued = self.queue.keys().next().copied();
        match (timeout, queued) {
            (None, None) => false,
            (Some((at, actor)), queued) if queued.is_none_or(|(time, _)| at <= time) => {
                self.now = self.now.max(at);
                self.time_out(actor);
                true
            }
            (_, Some(key)) => {
                self.now = self.now.max(key.0);
                if let Some(happening) = self.queue.remove(&key) {
                    self.happen(happening);
                }
                true
            }
            (Some(_), None) => unreachable!("a time-out with an empty queue is handled above"),
        }
    }

    /// Runs until this is so.
    pub fn run_until(&mut self, mut so: impl FnMut(&Self) -> bool) {
        for _ in 0..STEPS_MAX {
            if so(self) {
                return;
            }
            assert!(self.step(), "seed {}: nothing happens any more", self.seed);
        }
        panic!("seed {}: not so after {STEPS_MAX} steps", self.seed);
    }

    /// Runs for so long.
    pub fn run_for(&mut self, length: Duration) {
        let end = self.now + length;
        self.schedule(length, Happening::Nothing);
        self.run_until(|cluster| cluster.now >= end);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the last things that happened, with seed {}:", self.seed);
            for line in &self.trace {
                eprintln!("{line}");
            }
        }
    }
}
