//! The model of what a player sees: the real client, three nodes with the real cohorts, and links between them
//! as lanes of bytes that break. Nodes crash, or lose their lease for a while. The directory answers at once,
//! but for a node whose lease has run out, and nodes that live lose nothing on their way to each other: what
//! else can happen there is the ownership model's affair.

mod actions;
mod game;
mod judge;
mod links;
mod search;
mod server;
mod tamper;

pub use actions::Action;
pub use search::Delivery;
pub use tamper::Variant;

use crate::memo::Memo;
use crate::messages::Digested;
use crate::store::Store;
use game::{Notes, address};
use judge::Judge;
use links::{Lane, Pipe};
use server::{Effects, Greeted, Input, Node};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use sterna::client::event::Batch;
use sterna::client::status::Status;
use sterna::protocol::client::{self, Client, LinkEnd};
use sterna::protocol::cohort::Cohort;
use sterna::protocol::ids::{Binding, Bucket, Epoch, NodeId, SessionId};
use sterna::protocol::limits;
use sterna::protocol::record::{OwnerPhase, Record, Revision, Versioned};
use sterna::protocol::snapshot::Durability;
use sterna::protocol::time::Time;
use sterna::protocol::wire::{Greeting, MoveMode};

const NOW: Time = Time::from_micros(0);
const SESSION: SessionId = SessionId(7);
const LONG: Duration = Duration::from_secs(1_000_000);

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// How the client is moved when it asks for it.
    pub mode: MoveMode,
    /// Messages of the client's game.
    pub messages: u8,
    /// Times that it asks to be moved.
    pub moves: u8,
    /// Times that a node moves it without being asked.
    pub forced: u8,
    /// Targets that one move tries.
    pub targets: u8,
    /// Links that break.
    pub breaks: u8,
    /// Links that the client opens, besides the first.
    pub dials: u8,
    /// Times of a move that come although nothing is slow: a target gives up, a source gives up.
    pub wakes: u8,
    /// Nodes that crash.
    pub crashes: u8,
    /// Leases that run out.
    pub fences: u8,
    /// Times that a node begins to take over.
    pub takers: u8,
    /// What is stored of the session, and when.
    pub durability: Durability,
}

impl Bounds {
    /// Whether a node may fail.
    pub const fn has_faults(&self) -> bool {
        self.crashes > 0 || self.fences > 0
    }
}

impl Bounds {
    /// Nothing happens.
    pub const CALM: Self = Self {
        mode: MoveMode::Seamless,
        messages: 1,
        moves: 0,
        forced: 0,
        targets: 1,
        breaks: 0,
        dials: 1,
        wakes: 0,
        crashes: 0,
        fences: 0,
        takers: 0,
        durability: Durability::None,
    };
}

/// By which rules client and nodes play, and what is known of how they do.
#[derive(Debug)]
pub struct Rules {
    variant: Option<Variant>,
    client: Memo<Client, Wishes>,
    nodes: Memo<Node, Effects>,
}

impl Rules {
    /// All rules, or all but one.
    pub fn new(variant: Option<Variant>) -> Self {
        Self { variant, client: Memo::default(), nodes: Memo::default() }
    }
}

/// A message from node to node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Parcel {
    from: NodeId,
    to: NodeId,
    bytes: Arc<[u8]>,
}

/// What is to be written on a link: its control lane, and its data lane.
type Writes<L> = Vec<(L, [Arc<[u8]>; 2])>;

/// What happens to the client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum ClientInput {
    Connect,
    LinkUp(client::LinkId),
    LinkEnded(client::LinkId),
    Bytes(client::LinkId, Arc<[u8]>),
    Send(u8),
    Migrate,
    Time(Time),
}

/// What it leads to.
#[derive(Clone, Debug, Default)]
struct Wishes {
    dials: Vec<(client::LinkId, SocketAddr)>,
    writes: Writes<client::LinkId>,
    /// Links that the client has closed.
    closed: Vec<client::LinkId>,
    notes: Vec<game::Note>,
    fault: Option<client::LinkFault>,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Play {
    client: Digested<Client>,
    nodes: [Digested<Node>; 3],
    store: Digested<Store>,
    pipes: Vec<Digested<Pipe>>,
    /// Between nodes; from one to another in order.
    parcels: Vec<Parcel>,
    left: Bounds,
    judge: Judge,
}

impl Play {
    /// A client that is connected to node 1.
    pub fn new(bounds: Bounds, rules: &Rules) -> Self {
        let record = Record {
            bucket: Bucket(1),
            binding: Binding(0),
            epoch: Epoch(1),
            owner: NodeId(1),
            phase: OwnerPhase::Serving,
            room: None,
        };
        let settings = client::Settings {
            mode: bounds.mode,
            connect_max: LONG,
            resume_max: LONG,
            ping_every: LONG,
            silence_max: LONG,
            replay_bytes_max: 1 << 20,
            window: limits::CREDIT_BYTES,
        };
        let held = Versioned { revision: Revision(1), record };
        let kept = Bounds { durability: tamper::durability(rules.variant, bounds.durability), ..bounds };
        let cohort = Cohort::begin(SESSION, "user".into(), [0; 32], held, server::settings(kept.durability));
        let node = |index: u64| Digested::new(Node::new(NodeId(index), &kept));
        let mut play = Self {
            client: Digested::new(Client::new(settings, 1)),
            nodes: [node(1), node(2), node(3)],
            store: Digested::new(Store::new(record)),
            pipes: Vec::new(),
            parcels: Vec::new(),
            left: bounds,
            judge: Judge::default(),
        };
        play.nodes[0].change(|node| node.cohort = Some(cohort));
        play.client_does(ClientInput::Connect, rules);
        play.happen(&Action::DialEnds(0), rules);
        play.greet_first(rules);
        while let Some(action) = play.deliveries().first().copied() {
            play.happen(&action, rules);
        }
        play.left.dials = bounds.dials;
        play
    }

    /// The first link is let in by the node's driver, which has created the record.
    fn greet_first(&mut self, rules: &Rules) {
        let link = self.pipes[0].change(|pipe| {
            assert!(!pipe.take(links::End::Node, Lane::Control).is_empty(), "a client greets first");
            pipe.greeted = true;
            pipe.node_link()
        });
        self.node_does(0, &Input::Connected(link), rules);
    }

    /// Calls the client, and does what it wants done.
    fn client_does(&mut self, input: ClientInput, rules: &Rules) -> Option<client::LinkFault> {
        let wishes = rules.client.apply(&mut self.client, &input, |client| call(client, &input));
        for note in &wishes.notes {
            self.judge.client_notes(note);
        }
        for (link, to) in wishes.dials {
            self.left.dials = self.left.dials.saturating_sub(1);
            self.pipes.push(Digested::new(Pipe::new(link, to)));
        }
        for (link, lanes) in &wishes.writes {
            self.write_up(*link, lanes);
        }
        for link in wishes.closed {
            if let Some(pipe) = self.pipes.iter_mut().find(|pipe| pipe.link == link) {
                pipe.change(|pipe| pipe.client_open = false);
            }
        }
        self.forget_closed();
        wishes.fault
    }

    /// Calls a node, and does what it wants done.
    fn node_does(&mut self, node: usize, input: &Input, rules: &Rules) -> Option<Greeted> {
        if !self.nodes[node].alive {
            return None;
        }
        let before = self.store.digest();
        let mut store = self.store.clone();
        let effects = rules.nodes.apply(&mut self.nodes[node], &(before, input), |node| {
            let mut effects = server::call(node, input, &mut store, rules.variant);
            effects.store = Some(store);
            effects
        });
        if let Some(store) = effects.store {
            self.store = store;
        }
        for note in &effects.notes {
            self.judge.server_notes(note);
        }
        for parcel in effects.sent {
            if self.nodes[parcel.to.0 as usize - 1].alive {
                self.parcels.push(parcel);
            }
        }
        for (link, lanes) in &effects.writes {
            self.write_down(node, *link, lanes);
        }
        for link in effects.closed {
            if let Some(index) = self.link_of(node, link) {
                self.pipes[index].change(|pipe| pipe.node_open = false);
            }
        }
        self.forget_closed();
        Some(effects.greeted)
    }
}

/// Calls the client, and takes from it what it wants done.
fn call(client: &mut Client, input: &ClientInput) -> Wishes {
    let mut wishes = Wishes::default();
    let mut notes = Notes::default();
    match input {
        ClientInput::Connect => {
            let addresses = (1..=3).map(|node| address(NodeId(node))).collect();
            client.connect(addresses, "token".into(), NOW, &mut notes);
        }
        ClientInput::LinkUp(link) => client.link_up(*link, &[link.0 as u8; 32], NOW),
        ClientInput::LinkEnded(link) => end_link(client, *link, &mut notes),
        ClientInput::Bytes(link, bytes) => match client.received(*link, bytes, NOW, &mut notes) {
            Ok(taken) => assert_eq!(taken, bytes.len(), "whole frames arrive"),
            Err(fault) => wishes.fault = Some(fault),
        },
        ClientInput::Send(number) => client.push_frames(&game::message(*number)),
        ClientInput::Migrate => {
            // Refused while it is not connected: the game may ask again.
            let _ = client.send_migrate();
        }
        ClientInput::Time(at) => client.on_timeout(*at, &mut notes),
    }
    client.consumed(Batch::cost(1) * notes.received() as u64);
    loop {
        while let Some(client::Output::Dial(link, to)) = client.poll_output() {
            wishes.dials.push((link, to));
        }
        let mut dirty = Vec::new();
        client.take_dirty(|link| dirty.push(link));
        if dirty.is_empty() {
            break;
        }
        for link in dirty {
            let mut lanes = [Vec::new(), Vec::new()];
            client.fill_control(link, &mut lanes[0]);
            client.fill_data(link, &mut lanes[1], usize::MAX);
            wishes.writes.push((link, lanes.map(Arc::from)));
            if client.is_closing(link) {
                wishes.closed.push(link);
                end_link(client, link, &mut notes);
            }
        }
    }
    wishes.notes = notes.0;
    wishes
}

fn end_link(client: &mut Client, link: client::LinkId, notes: &mut Notes) {
    let ended = LinkEnd { status: Status::TransportBroken, text: String::new() };
    client.link_ended(link, ended, NOW, notes);
}

/// Whether a greeting is for a session that exists.
fn is_later(greeting: &Greeting) -> bool {
    match greeting {
        Greeting::Connect { .. } => false,
        Greeting::Attach { .. } | Greeting::Resume { .. } => true,
    }
}
