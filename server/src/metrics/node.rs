//! The counters of one node, taken out of their families once.

use super::{Families, Labels};
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use sterna::protocol::limits;
use sterna::protocol::reasons::{CloseReason, MoveFailure};
use sterna::protocol::wire::{is_message, split};
use sterna::transport::Kind;

/// What a node asks of the engine, as a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum EngineCall {
    /// The compare-and-set, or leader's read, of a cohort's record; its creation and deletion.
    Record,
    /// The same of a snapshot.
    Snapshot,
    /// Leases: its own renewal, and the others' heartbeats.
    Lease,
    /// Everything else: who is there, users, rooms.
    Other,
}

impl EngineCall {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Record, Self::Snapshot, Self::Lease, Self::Other];

    /// Its name as a label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Snapshot => "snapshot",
            Self::Lease => "lease",
            Self::Other => "other",
        }
    }
}

/// One direction of clients' links.
struct Traffic {
    messages: Counter,
    bytes: Counter,
}

impl Traffic {
    /// Counts whole frames of one lane.
    fn count(&self, mut frames: &[u8]) {
        if frames.is_empty() {
            return;
        }
        self.bytes.inc_by(frames.len() as u64);
        let mut messages = 0;
        while let Ok(Some((body, length))) = split(frames, limits::PEER_FRAME_BYTES_MAX) {
            messages += u64::from(is_message(body));
            frames = &frames[length..];
        }
        if messages > 0 {
            self.messages.inc_by(messages);
        }
    }

    fn count_datagram(&self, bytes: usize) {
        self.bytes.inc_by(bytes as u64);
        self.messages.inc();
    }
}

/// The counters of one node.
pub struct NodeMetrics {
    /// Moves away from here.
    pub moves_started: Counter,
    /// Those of them that another node serves now.
    pub moves_done: Counter,
    /// Those of them that came to nothing, in the order of the reasons.
    moves_failed: Vec<Counter>,
    /// Moves to here.
    pub arrivals: Counter,
    freeze: Histogram,
    added_delay: Histogram,
    baton: Histogram,
    up: Traffic,
    down: Traffic,
    sessions_ended: Vec<Counter>,
    /// Cohorts that went on here after a crash.
    pub take_overs: Counter,
    engine: [Histogram; EngineCall::ALL.len()],
    engine_unanswered: [Counter; EngineCall::ALL.len()],
    fenced: Counter<f64, AtomicU64>,
    /// Up to when fenced time has been counted, while the node is fenced.
    fenced_since: Mutex<Option<Instant>>,
    tcp_links: AtomicI64,
    quic_links: AtomicI64,
}

impl NodeMetrics {
    pub(super) fn new(families: &Families, node: &str) -> Self {
        let node = || -> Labels { vec![("node", node.to_owned())] };
        let and = |key: &'static str, value: &str| -> Labels {
            let mut labels = node();
            labels.push((key, value.to_owned()));
            labels
        };
        let traffic = |direction: &str| Traffic {
            messages: families.messages.get_or_create_owned(&and("direction", direction)),
            bytes: families.message_bytes.get_or_create_owned(&and("direction", direction)),
        };
        // Every reason is there from the start: a rate of what appears with its first increment misses that.
        let failed =
            |reason: &MoveFailure| families.moves_failed.get_or_create_owned(&and("reason", reason.label()));
        let ended = |reason: &CloseReason| {
            families.sessions_ended.get_or_create_owned(&and("reason", reason.label()))
        };
        Self {
            moves_started: families.moves_started.get_or_create_owned(&node()),
            moves_done: families.moves_done.get_or_create_owned(&node()),
            moves_failed: MoveFailure::ALL.iter().map(failed).collect(),
            arrivals: families.arrivals.get_or_create_owned(&node()),
            freeze: families.freeze.get_or_create_owned(&node()),
            added_delay: families.added_delay.get_or_create_owned(&node()),
            baton: families.baton.get_or_create_owned(&node()),
            up: traffic("up"),
            down: traffic("down"),
            sessions_ended: CloseReason::ALL.iter().map(ended).collect(),
            take_overs: families.take_overs.get_or_create_owned(&node()),
            engine: EngineCall::ALL
                .map(|call| families.engine.get_or_create_owned(&and("request", call.label()))),
            engine_unanswered: EngineCall::ALL
                .map(|call| families.engine_unanswered.get_or_create_owned(&and("request", call.label()))),
            fenced: families.fenced.get_or_create_owned(&node()),
            fenced_since: Mutex::default(),
            tcp_links: AtomicI64::new(0),
            quic_links: AtomicI64::new(0),
        }
    }

    /// A move came to nothing.
    pub fn move_failed(&self, reason: MoveFailure) {
        let index = MoveFailure::ALL.iter().position(|known| *known == reason);
        if let Some(counter) = index.and_then(|index| self.moves_failed.get(index)) {
            counter.inc();
        }
    }

    /// How many moves came to nothing, for whatever reason.
    pub fn moves_failed(&self) -> u64 {
        self.moves_failed.iter().map(Counter::get).sum()
    }

    /// A session has ended here.
    pub fn session_ended(&self, reason: CloseReason) {
        let index = CloseReason::ALL.iter().position(|known| *known == reason);
        if let Some(counter) = index.and_then(|index| self.sessions_ended.get(index)) {
            counter.inc();
        }
    }

    /// The baton's first byte is on its way, so long after the freeze.
    pub fn froze(&self, freeze: Duration) {
        self.freeze.observe(freeze.as_secs_f64());
    }

    /// A client has measured what a move has added.
    pub fn felt(&self, added_us: u64) {
        self.added_delay.observe(added_us as f64 / 1e6);
    }

    /// A baton has so many bytes.
    pub fn passed(&self, bytes: u64) {
        self.baton.observe(bytes as f64);
    }

    /// Whole frames have been taken from a client's link.
    pub fn received(&self, frames: &[u8]) {
        self.up.count(frames);
    }

    /// Whole frames are written on a client's link.
    pub fn written(&self, frames: &[u8]) {
        self.down.count(frames);
    }

    /// A datagram came from a client.
    pub fn datagram_received(&self, bytes: usize) {
        self.up.count_datagram(bytes);
    }

    /// A datagram goes to a client.
    pub fn datagram_written(&self, bytes: usize) {
        self.down.count_datagram(bytes);
    }

    /// The engine has answered, or has not (`known` is false).
    pub fn engine_answered(&self, call: EngineCall, took: Duration, known: bool) {
        self.engine[call as usize].observe(took.as_secs_f64());
        if !known {
            self.engine_unanswered[call as usize].inc();
        }
    }

    /// The node is fenced at this moment, or not: counts the time since it was said last.
    pub fn fenced(&self, fenced: bool) {
        let mut since = self.fenced_since.lock();
        let now = Instant::now();
        if let Some(since) = *since {
            self.fenced.inc_by(now.saturating_duration_since(since).as_secs_f64());
        }
        *since = fenced.then_some(now);
    }

    /// A client's link is there as long as this.
    pub fn link(&self, kind: Kind) -> LinkCount<'_> {
        let links = self.links_of(kind);
        links.fetch_add(1, Ordering::Relaxed);
        LinkCount(links)
    }

    /// How many clients' links there are.
    pub fn links(&self, kind: Kind) -> i64 {
        self.links_of(kind).load(Ordering::Relaxed)
    }

    fn links_of(&self, kind: Kind) -> &AtomicI64 {
        match kind {
            Kind::Tcp => &self.tcp_links,
            Kind::Quic => &self.quic_links,
        }
    }
}

/// Counts a link until it is dropped.
pub struct LinkCount<'a>(&'a AtomicI64);

impl Drop for LinkCount<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use sterna::protocol::ids::Cursor;
    use sterna::protocol::wire::{Data, Downlink, Kind as Wanted, Message};

    #[test]
    fn messages_are_counted_and_frames_about_them_are_not() {
        let metrics = Metrics::default().node("node-1");
        let mut frames = Vec::new();
        Data::Start(Cursor(7)).encode(&mut frames);
        for kind in
            [Wanted::Plain, Wanted::Request(3), Wanted::Reply(3, sterna::protocol::reasons::ReplyStatus::Ok)]
        {
            Message { kind, ver: 2, cmd: 1, payload: &[0x83; 300] }.encode(&mut frames);
        }
        Downlink::Pong { stamp: 5 }.encode(&mut frames);
        metrics.received(&frames);
        metrics.received(&[]);
        metrics.datagram_received(40);
        assert_eq!((metrics.up.messages.get(), metrics.up.bytes.get()), (4, frames.len() as u64 + 40));
        assert_eq!((metrics.down.messages.get(), metrics.down.bytes.get()), (0, 0));
    }

    #[test]
    fn fenced_time_counts_while_the_node_is_fenced() {
        let metrics = Metrics::default().node("node-1");
        let wait = || {
            let since = Instant::now();
            while since.elapsed() < Duration::from_millis(2) {
                std::hint::spin_loop();
            }
        };
        metrics.fenced(false);
        wait();
        metrics.fenced(true);
        assert_eq!(metrics.fenced.get(), 0.0);
        wait();
        metrics.fenced(true);
        wait();
        metrics.fenced(false);
        let fenced = metrics.fenced.get();
        assert!(fenced >= 0.004, "{fenced}");
        wait();
        metrics.fenced(false);
        assert_eq!(metrics.fenced.get(), fenced);
    }

    #[test]
    fn a_link_counts_until_it_ends() {
        let metrics = Metrics::default().node("node-1");
        let (first, second) = (metrics.link(Kind::Tcp), metrics.link(Kind::Quic));
        drop(first);
        assert_eq!((metrics.links(Kind::Tcp), metrics.links(Kind::Quic)), (0, 1));
        drop(second);
        assert_eq!(metrics.links(Kind::Quic), 0);
    }
}
