//! Figures for Prometheus: what they are called, and where they are counted.
//!
//! A node takes its counters out of the families once, when it starts ([`NodeMetrics`]): to count a message is to add
//! to an atomic number. What is a matter of looking (sessions, queues) is looked at when somebody scrapes
//! ([`Gauges`]). The text is OpenMetrics, which Prometheus reads as its own.

mod gauges;
mod node;

pub use gauges::{DrainGauges, NodeGauges};
pub use node::{EngineCall, NodeMetrics};

use gauges::Gauges;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use tokio::sync::watch;

/// What the text is, for `Content-Type`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Every name begins with it.
const PREFIX: &str = "sterna";

/// Names of labels with their values. Built when a node starts, or when somebody scrapes.
type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;
/// Of seconds, that is, of fractions.
type SecondCounters = Family<Labels, Counter<f64, AtomicU64>>;
type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

/// From ten microseconds to half a second: a freeze is past its cap long before.
fn freeze_buckets() -> Histogram {
    Histogram::new(exponential_buckets(1e-5, 2.0, 16))
}

/// From a quarter of a millisecond to half a minute: a forced move is a reconnect of some round trips or more.
fn delay_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.000_25, 2.0, 18))
}

/// From a quarter of a KiB to 64 MiB.
fn size_buckets() -> Histogram {
    Histogram::new(exponential_buckets(256.0, 4.0, 10))
}

/// From fifty microseconds, in one's own process, to some seconds.
fn engine_buckets() -> Histogram {
    Histogram::new(exponential_buckets(5e-5, 2.0, 17))
}

/// All figures of a process.
pub struct Metrics {
    registry: Registry,
    families: Families,
    /// Held while it is looked and written.
    gauges: Mutex<Gauges>,
    /// How often they have been read.
    reads: watch::Sender<u64>,
}

/// What is counted where it happens.
struct Families {
    moves_started: Counters,
    moves_done: Counters,
    moves_failed: Counters,
    arrivals: Counters,
    freeze: Histograms,
    added_delay: Histograms,
    baton: Histograms,
    messages: Counters,
    message_bytes: Counters,
    sessions_ended: Counters,
    take_overs: Counters,
    engine: Histograms,
    engine_unanswered: Counters,
    fenced: SecondCounters,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let families = Families::register(&mut registry);
        let gauges = Mutex::new(Gauges::register(&mut registry));
        Self { registry, families, gauges, reads: watch::Sender::new(0) }
    }
}

impl Families {
    fn register(registry: &mut Registry) -> Self {
        let families = Self {
            moves_started: Family::default(),
            moves_done: Family::default(),
            moves_failed: Family::default(),
            arrivals: Family::default(),
            freeze: Family::new_with_constructor(freeze_buckets),
            added_delay: Family::new_with_constructor(delay_buckets),
            baton: Family::new_with_constructor(size_buckets),
            messages: Family::default(),
            message_bytes: Family::default(),
            sessions_ended: Family::default(),
            take_overs: Family::default(),
            engine: Family::new_with_constructor(engine_buckets),
            engine_unanswered: Family::default(),
            fenced: Family::default(),
        };
        families.register_moves(registry);
        families.register_rest(registry);
        families
    }

    fn register_moves(&self, registry: &mut Registry) {
        registry.register(
            "moves_started",
            "Moves away from the node that have begun",
            self.moves_started.clone(),
        );
        registry.register(
            "moves_done",
            "Moves away from the node that another node serves now",
            self.moves_done.clone(),
        );
        registry.register(
            "moves_failed",
            "Moves away from the node that came to nothing, by reason; the players play on",
            self.moves_failed.clone(),
        );
        registry.register("arrivals", "Moves to the node that it serves now", self.arrivals.clone());
        registry.register(
            "move_freeze_seconds",
            "From the freeze at the source to the first byte of the baton on its way",
            self.freeze.clone(),
        );
        registry.register(
            "move_added_delay_seconds",
            "What a move to the node has added to the spacing of messages, as the client has measured it up to the Switch",
            self.added_delay.clone(),
        );
        registry.register("baton_bytes", "Size of batons, by the source", self.baton.clone());
    }

    fn register_rest(&self, registry: &mut Registry) {
        registry.register(
            "messages",
            "Messages of applications on clients' links, by direction; repeated ones, and those sent to source and target, count each time",
            self.messages.clone(),
        );
        registry.register(
            "client_bytes",
            "Bytes on clients' links inside of TLS, by direction",
            self.message_bytes.clone(),
        );
        registry.register(
            "sessions_ended",
            "Sessions that ended on the node, by reason; with resume_later they wait for another one",
            self.sessions_ended.clone(),
        );
        registry.register(
            "take_overs",
            "Sessions and rooms that went on here after a crash",
            self.take_overs.clone(),
        );
        registry.register(
            "engine_request_seconds",
            "How long the engine took for an answer, by request; at most how long a node waits",
            self.engine.clone(),
        );
        registry.register(
            "engine_unanswered",
            "Requests to the engine without a (known) answer in time, by request",
            self.engine_unanswered.clone(),
        );
        registry.register(
            "fenced_seconds",
            "How long the node has served nothing because its lease may have run out",
            self.fenced.clone(),
        );
    }
}

impl Metrics {
    /// The counters of a node. One that is started in place of another goes on with its numbers.
    pub fn node(&self, name: &str) -> NodeMetrics {
        NodeMetrics::new(&self.families, name)
    }

    /// All figures as text, with these nodes as they are now.
    pub fn encode(&self, nodes: &[NodeGauges]) -> String {
        // As long as it is looked and written, so that this counts as one read.
        let gauges = self.gauges.lock();
        gauges.set(nodes);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).expect("writing to a string");
        self.reads.send_modify(|reads| *reads += 1);
        text
    }

    /// Waits until somebody has read them as they are from now on.
    pub fn read_again(&self) -> impl Future<Output = ()> + use<> {
        let mut reads = self.reads.subscribe();
        // One that is under way may have looked already.
        drop(self.gauges.lock());
        reads.mark_unchanged();
        async move { _ = reads.changed().await }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
