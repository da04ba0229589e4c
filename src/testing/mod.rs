//! A whole cluster in memory, on virtual time: the real roles of the protocol, driven by links, a directory
//! and a clock that a test holds in its hands. One seed gives one run.
//!
//! A test says what happens ([`Cluster::drain`], [`Cluster::cut`], [`Cluster::lose_next`] ...), lets the
//! cluster run until something has come about, and asks the [`History`] whether every promise was kept.
//! A test that fails prints the seed and the last things that happened.

mod clock;
mod directory;
mod disturb;
mod dry_runs;
mod echo;
mod happenings;
mod history;
pub mod hostile;
mod leases;
mod links;
mod node;
mod parlour;
mod pipes;
mod player;
mod probes;
mod random;
mod rooms;
mod snapshots;
mod timers;
mod verbs;
mod watch;

pub use directory::{Directory, Landing};
pub use echo::{
    BOOK, ECHO, Echo, FLEETING, ODD_FLOAT, PUSH, PUSH_EVERY, REMIND, STORE, STORE_LARGE, TICK, VER,
};
pub use history::{Entry, History, Lineage, Restarted, RoomSeen, Verdict, Violation};
pub use node::Node;
pub use parlour::{TICK_EVERY, TICKS};
pub use pipes::Lane;
pub use player::{Output, Player};
pub use random::Random;

use crate::protocol::cohort::ProbeReport;
use crate::protocol::ids::{CohortId, Fence, NodeId};
use crate::protocol::limits;
use crate::protocol::session::Settings;
use crate::protocol::snapshot::Durability;
use crate::protocol::time::Time;
use crate::protocol::wire::Peer;
use happenings::{Actor, Happening};
use parking_lot::{Mutex, MutexGuard};
use pipes::{End, Pipe, PipeId};
use random::Stream;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use timers::Timers;

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

/// What becomes of frames between nodes: how many of a thousand meet each fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerWeather {
    /// Lost.
    pub loss: u64,
    /// Arrive twice.
    pub doubles: u64,
    /// Are overtaken by later ones.
    pub late: u64,
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
const TRACE_LINES: usize = 400;

/// The cluster.
#[derive(Debug)]
pub struct Cluster {
    seed: u64,
    random: BTreeMap<Stream, Random>,
    now: Time,
    /// How long things take.
    pub delays: Delays,
    /// What becomes of frames between nodes.
    pub peers: PeerWeather,
    /// Of a thousand datagrams, so many are lost.
    pub datagram_loss: u64,
    /// Whether the last things that happened are noted; a search over many seeds has no use for them.
    pub traced: bool,
    timers: Timers<Actor>,
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
    /// What a player sends, or is sent, arrives only then.
    silent: BTreeMap<(PlayerId, End), Time>,
    cut_from_engine: BTreeSet<NodeId>,
    /// Which incarnation is reached at an address, and where one is or was.
    places: BTreeMap<u8, NodeId>,
    place_of: BTreeMap<NodeId, u8>,
    /// Links by their clients' numbers.
    dialled: BTreeMap<(PlayerId, crate::protocol::client::LinkId), PipeId>,
    /// Who was last seen to serve a cohort.
    serving: BTreeMap<CohortId, BTreeMap<NodeId, (CohortId, Fence)>>,
    /// What each cohort of a node was last seen to serve.
    served_as: BTreeMap<(NodeId, CohortId), BTreeMap<CohortId, Fence>>,
    directory: Directory,
    history: Arc<Mutex<History>>,
    faults: Vec<(Fault, String)>,
    settings: Arc<Settings>,
    trace: VecDeque<String>,
    /// What has come of dry runs.
    probed: Vec<(NodeId, CohortId, ProbeReport)>,
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
            room: Arc::default(),
        }
    }

    /// A cluster whose nodes are configured like this.
    pub fn with_settings(seed: u64, nodes: u64, settings: Settings) -> Self {
        let history = History::of(settings.durability);
        let mut cluster = Self {
            seed,
            random: BTreeMap::new(),
            now: Time::default(),
            delays: Delays::default(),
            peers: PeerWeather::default(),
            datagram_loss: 0,
            traced: true,
            timers: Timers::new(),
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
            silent: BTreeMap::new(),
            cut_from_engine: BTreeSet::new(),
            places: BTreeMap::new(),
            place_of: BTreeMap::new(),
            dialled: BTreeMap::new(),
            serving: BTreeMap::new(),
            served_as: BTreeMap::new(),
            directory: Directory::default(),
            history: Arc::new(Mutex::new(history)),
            faults: Vec::new(),
            settings: Arc::new(settings),
            trace: VecDeque::new(),
            probed: Vec::new(),
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

    /// The chance that this stream has next.
    fn chance(&mut self, stream: Stream) -> &mut Random {
        let seed = self.seed;
        self.random.entry(stream).or_insert_with(|| Random::of(seed, stream))
    }

    /// One way to the directory or back, for a question about a cohort.
    fn directory_delay(&mut self, cohort: CohortId) -> Duration {
        let range = self.delays.directory_us.clone();
        self.chance(Stream::Cohort(cohort)).micros(&range)
    }

    /// One way between a player and a node.
    fn link_delay(&mut self, player: PlayerId) -> Duration {
        let range = self.delays.link_us.clone();
        self.chance_of(player).micros(&range)
    }

    fn chance_of(&mut self, player: PlayerId) -> &mut Random {
        let name = self.players[player.0].name;
        self.chance(Stream::Links(name))
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if !self.traced {
            return;
        }
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
        let timeout = self.timers.first();
        let queued = self.queue.keys().next().copied();
        match (timeout, queued) {
            (None, None) => false,
            (Some((at, actor)), queued) if queued.is_none_or(|(time, _)| at <= time) => {
                self.advance_to(at);
                self.time_out(actor);
                true
            }
            (_, Some(key)) => {
                self.advance_to(key.0);
                if let Some(happening) = self.queue.remove(&key) {
                    self.happen(happening);
                }
                true
            }
            (Some(_), None) => unreachable!("a time-out with an empty queue is handled above"),
        }
    }

    fn advance_to(&mut self, at: Time) {
        self.now = self.now.max(at);
        self.history.lock().now = self.now;
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
        self.run_to(self.now + length);
    }

    /// Runs until this moment.
    pub fn run_to(&mut self, end: Time) {
        self.schedule_at(end, Happening::Nothing);
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
