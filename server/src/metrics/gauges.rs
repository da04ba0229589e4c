//! What is looked at when somebody scrapes.

use super::Labels;
use crate::admin::NodeState;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

type Gauge64 = Family<Labels, Gauge>;
type Seconds = Family<Labels, Gauge<f64, AtomicU64>>;

/// A node at the moment of a scrape.
#[derive(Clone, Debug)]
pub struct NodeGauges {
    /// Its name.
    pub name: String,
    /// What it does.
    pub state: NodeState,
    /// It serves nothing because its lease may have run out.
    pub fenced: bool,
    /// Sessions that it is responsible for.
    pub sessions: u64,
    /// Rooms that it is responsible for.
    pub rooms: u64,
    /// Clients' links by TCP and by QUIC.
    pub links: (i64, i64),
    /// Bytes of clients that wait to be processed, and bytes for clients that they have not acknowledged.
    pub queued_bytes: (u64, u64),
    /// Frames that wait for other nodes.
    pub peer_frames: u64,
    /// Moves that wait for their turn.
    pub moves_waiting: u64,
    /// How its drain goes, if it is offline.
    pub drain: Option<DrainGauges>,
}

/// How a drain goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainGauges {
    /// Sessions when it began.
    pub sessions_at_start: u64,
    /// Sessions that are still here.
    pub sessions_left: u64,
    /// Time to the deadline.
    pub left: Duration,
    /// When it would be empty at the rate so far; `None`: nobody has left yet.
    pub estimate: Option<Duration>,
}

/// The families of gauges.
pub(super) struct Gauges {
    state: Gauge64,
    fenced: Gauge64,
    sessions: Gauge64,
    rooms: Gauge64,
    links: Gauge64,
    queue_bytes: Gauge64,
    peer_frames: Gauge64,
    moves_waiting: Gauge64,
    drain_at_start: Gauge64,
    drain_left: Gauge64,
    drain_deadline: Seconds,
    drain_estimate: Seconds,
}

impl Gauges {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut gauge = |name: &str, help: &str| {
            let family = Gauge64::default();
            registry.register(name, help, family.clone());
            family
        };
        let build = gauge("build_info", "1; the label is the version of the program");
        let state = gauge("node_state", "1 for the state that the node is in, 0 for the others");
        let fenced =
            gauge("node_fenced", "1 while the node serves nothing because its lease may have run out");
        let sessions = gauge("sessions", "Sessions that the node is responsible for");
        let rooms = gauge("rooms", "Rooms that the node is responsible for");
        let links = gauge("links", "Links of clients, by transport");
        let queue_bytes = gauge(
            "queue_bytes",
            "Bytes of clients' messages: up, waiting to be processed; down, sent or to be sent and not acknowledged",
        );
        let peer_frames = gauge("peer_queue_frames", "Frames that wait to be sent to other nodes");
        let moves_waiting = gauge("moves_waiting", "Moves that wait for their turn");
        let drain_at_start = gauge("drain_sessions_at_start", "Sessions of the node when it went offline");
        let drain_left =
            gauge("drain_sessions_left", "Sessions that have still to leave a node that is offline");
        let mut seconds = |name: &str, help: &str| {
            let family = Seconds::default();
            registry.register(name, help, family.clone());
            family
        };
        let drain_deadline = seconds("drain_deadline_seconds", "Time that a drain has left");
        let drain_estimate = seconds(
            "drain_estimate_seconds",
            "When the node would be empty at the rate so far; not there before the first session has left",
        );
        build.get_or_create(&vec![("version", env!("CARGO_PKG_VERSION").to_owned())]).set(1);
        Self {
            state,
            fenced,
            sessions,
            rooms,
            links,
            queue_bytes,
            peer_frames,
            moves_waiting,
            drain_at_start,
            drain_left,
            drain_deadline,
            drain_estimate,
        }
    }

    /// Sets all of them anew: a node that is gone leaves nothing behind.
    pub(super) fn set(&self, nodes: &[NodeGauges]) {
        for family in [
            &self.state,
            &self.fenced,
            &self.sessions,
            &self.rooms,
            &self.links,
            &self.queue_bytes,
            &self.peer_frames,
            &self.moves_waiting,
            &self.drain_at_start,
            &self.drain_left,
        ] {
            family.clear();
        }
        self.drain_deadline.clear();
        self.drain_estimate.clear();
        nodes.iter().for_each(|node| self.set_node(node));
    }

    fn set_node(&self, node: &NodeGauges) {
        let of_node = || -> Labels { vec![("node", node.name.clone())] };
        let set = |family: &Gauge64, value: u64| {
            family.get_or_create(&of_node()).set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        let set_with = |family: &Gauge64, key: &'static str, label: &str, value: i64| {
            let mut labels = of_node();
            labels.push((key, label.to_owned()));
            family.get_or_create(&labels).set(value);
        };
        for state in NodeState::ALL {
            set_with(&self.state, "state", &state.to_string(), i64::from(state == node.state));
        }
        set(&self.fenced, u64::from(node.fenced));
        set(&self.sessions, node.sessions);
        set(&self.rooms, node.rooms);
        set_with(&self.links, "transport", "tcp", node.links.0);
        set_with(&self.links, "transport", "quic", node.links.1);
        set_with(&self.queue_bytes, "direction", "up", node.queued_bytes.0 as i64);
        set_with(&self.queue_bytes, "direction", "down", node.queued_bytes.1 as i64);
        set(&self.peer_frames, node.peer_frames);
        set(&self.moves_waiting, node.moves_waiting);
        let Some(drain) = &node.drain else { return };
        set(&self.drain_at_start, drain.sessions_at_start);
        set(&self.drain_left, drain.sessions_left);
        self.drain_deadline.get_or_create(&of_node()).set(drain.left.as_secs_f64());
        if let Some(estimate) = drain.estimate {
            self.drain_estimate.get_or_create(&of_node()).set(estimate.as_secs_f64());
        }
    }
}
