//! The model of what a player sees: the real client, two nodes with the real cohorts, and links between them
//! as lanes of bytes that break. The directory answers at once and nodes lose nothing on their way to each
//! other: that is the ownership model's affair.

mod actions;
mod game;
mod links;
mod search;

pub use actions::Action;
pub use search::Delivery;

use crate::store::{Reply, Request, Store};
use game::{Echo, Notes, View, address};
use links::{Lane, Pipe};
use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use sterna::client::event::Batch;
use sterna::protocol::client::{self, Client};
use sterna::protocol::cohort::{Cohort, Env, Output};
use sterna::protocol::ids::{Binding, Bucket, Cursor, Epoch, LinkNumber, MoveId, NodeId, SessionId};
use sterna::protocol::lease::Lease;
use sterna::protocol::limits;
use sterna::protocol::record::{OwnerPhase, Record, Revision, Versioned};
use sterna::protocol::session::{Link, LinkId, Settings};
use sterna::protocol::time::{BootTime, Time};
use sterna::protocol::wire::{Member, MoveMode, Peer, split};

const NOW: Time = Time::from_micros(0);
const SESSION: SessionId = SessionId(7);
const LONG: Duration = Duration::from_secs(1_000_000);

static SETTINGS: LazyLock<Arc<Settings>> = LazyLock::new(|| {
    Arc::new(Settings {
        node: "model".into(),
        message_bytes_max: 1024,
        replay_bytes_max: 1 << 20,
        user_data_bytes_max: 1 << 20,
        resume_max: LONG,
        silence_max: LONG,
        moves_when_online: true,
    })
});

static LEASE: LazyLock<Lease> = LazyLock::new(|| {
    let mut lease = Lease::new(Duration::from_secs(1));
    lease.restart(BootTime::from_micros(0));
    lease
});

/// A rule that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// The baton does not say which uplink messages the source has processed.
    BatonForgetsUplink,
    /// The baton does not hold the downlink that is not acknowledged.
    BatonForgetsDownlink,
}

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Messages of the client's game.
    pub messages: u8,
    /// Times that it asks to be moved.
    pub moves: u8,
    /// Links that break.
    pub breaks: u8,
    /// Links that the client opens, besides the first.
    pub dials: u8,
    /// Times of a move that come although nothing is slow: a target gives up, a source gives up.
    pub wakes: u8,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Side {
    cohort: Option<Cohort>,
    refused: Vec<MoveId>,
    /// To the other node, in order.
    outbox: VecDeque<Vec<u8>>,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Play {
    client: Client,
    sides: [Side; 2],
    store: Store,
    pipes: Vec<Pipe>,
    left: Bounds,
    variant: Option<Variant>,
    sent: u8,
    /// What the server's game has processed, on whichever node.
    processed: Vec<u8>,
    /// What the client's game has received.
    received: Vec<u8>,
    broken_off: bool,
    /// The client was at an epoch, and later at a lower one.
    fence_went_back: bool,
    /// Somebody was taken for a peer that misbehaves.
    misbehaved: bool,
}

impl Play {
    /// A client that is connected to node 1.
    pub fn new(bounds: Bounds, variant: Option<Variant>) -> Self {
        let record = Record {
            bucket: Bucket(1),
            binding: Binding(0),
            epoch: Epoch(1),
            owner: NodeId(1),
            phase: OwnerPhase::Serving,
            room: None,
        };
        let held = Versioned { revision: Revision(1), record };
        let settings = client::Settings {
            mode: MoveMode::Seamless,
            connect_max: LONG,
            resume_max: LONG,
            ping_every: LONG,
            silence_max: LONG,
            replay_bytes_max: 1 << 20,
            window: limits::CREDIT_BYTES,
        };
        let cohort = Cohort::begin(SESSION, "user".into(), [0; 32], held, SETTINGS.clone());
        let mut play = Self {
            client: Client::new(settings, 1),
            sides: Default::default(),
            store: Store::new(record, Vec::new()),
            pipes: Vec::new(),
            left: Bounds { dials: 1, ..bounds },
            variant,
            sent: 0,
            processed: Vec::new(),
            received: Vec::new(),
            broken_off: false,
            fence_went_back: false,
            misbehaved: false,
        };
        play.sides[0].cohort = Some(cohort);
        play.client_does(|client, notes| {
            let addresses = vec![address(NodeId(1)), address(NodeId(2))];
            client.connect(addresses, "token".into(), NOW, notes);
        });
        play.happen(&Action::DialEnds(0));
        play.greet_first();
        while let Some(action) = play.deliveries().first().copied() {
            play.happen(&action);
        }
        play.left.dials = bounds.dials;
        play
    }

    /// The first link is let in by the node's driver, which has created the record.
    fn greet_first(&mut self) {
        let hello = std::mem::take(self.pipes[0].toward_node(Lane::Control));
        assert!(!hello.is_empty(), "a client greets first");
        self.pipes[0].greeted = true;
        let link = Link::new(self.pipes[0].node_link(), LinkNumber(1), None, limits::CREDIT_BYTES, Cursor(0));
        self.node_does(0, |cohort, env| cohort.connect(link, false, env));
    }

    /// Calls the client, and does what it wants done.
    fn client_does(&mut self, act: impl FnOnce(&mut Client, &mut Notes)) {
        let mut notes = Notes::default();
        let before = self.client.epoch();
        act(&mut self.client, &mut notes);
        self.fence_went_back |= self.client.epoch() < before;
        self.client.consumed(Batch::cost(1) * notes.received.len() as u64);
        self.received.extend(notes.received);
        self.broken_off |= notes.broken_off;
        self.pump_client();
    }

    /// Calls a node's cohort, and does what it wants done.
    fn node_does<R>(&mut self, node: usize, act: impl FnOnce(&mut Cohort, &Env<'_>) -> R) -> Option<R> {
        self.node_does_at(node, NOW, act)
    }

    fn node_does_at<R>(
        &mut self,
        node: usize,
        now: Time,
        act: impl FnOnce(&mut Cohort, &Env<'_>) -> R,
    ) -> Option<R> {
        let mut cohort = self.sides[node].cohort.take()?;
        let (echo, view) = (Echo::default(), View(NodeId(node as u64 + 1)));
        let permit = LEASE.permit(BootTime::from_micros(0));
        let env = Env { now, permit, application: &echo, node: &view };
        let result = act(&mut cohort, &env);
        loop {
            while let Some(output) = cohort.poll_output() {
                self.perform(node, &mut cohort, output, &env);
            }
            if !self.pump_node(node, &mut cohort, &env) {
                break;
            }
        }
        cohort.renumber();
        self.processed.extend(echo.processed.into_inner());
        self.sides[node].cohort = (!cohort.is_gone()).then_some(cohort);
        Some(result)
    }

    fn perform(&mut self, node: usize, cohort: &mut Cohort, output: Output, env: &Env<'_>) {
        let side = &mut self.sides[node];
        match output {
            Output::Peer(_, mut frame) => {
                let mut bytes = Vec::new();
                if let Peer::Baton { baton, .. } = &mut frame {
                    let state = &mut baton.sessions[0];
                    match self.variant {
                        Some(Variant::BatonForgetsUplink) => state.up = Cursor(0),
                        Some(Variant::BatonForgetsDownlink) => state.down_messages.clear(),
                        None => {}
                    }
                }
                frame.encode(&mut bytes);
                side.outbox.push_back(bytes);
                // Its first byte leaves at once: that it can be taken back is the ownership model's affair.
                if let Peer::Baton { id, .. } = frame {
                    cohort.on_baton_left(id, env);
                }
            }
            Output::RevokeBaton(_, id) => cohort.on_revoked(id, false, env),
            Output::Ask(asker, number, ask) => {
                if let Reply::Directory(answer) = self.store.process(&Request::Directory(ask)) {
                    cohort.on_answer(asker, number, answer, env);
                }
            }
            Output::PickTarget(tried) => {
                let other = NodeId(2 - node as u64);
                cohort.on_target_picked((!tried.contains(&other)).then_some(other), env);
            }
            Output::Store(id, ..) => cohort.on_stored(id, env),
            Output::RememberRefusal(id) => {
                if !side.refused.contains(&id) {
                    side.refused.push(id);
                }
            }
            Output::Forget(_) => self.broken_off = true,
            Output::Report(_) => {}
        }
    }

    /// The first message from a node to the other arrives.
    fn arrive(&mut self, from: usize) {
        let Some(bytes) = self.sides[from].outbox.pop_front() else { return };
        let (body, _) =
            split(&bytes, limits::PEER_FRAME_BYTES_MAX).ok().flatten().expect("a whole frame was sent");
        let frame = Peer::decode(body).expect("what was encoded can be decoded");
        let (to, from) = (1 - from, NodeId(from as u64 + 1));
        match frame {
            Peer::Prepare { id, from, fence, members, mode, .. } => {
                let refused_before = self.sides[to].refused.contains(&id);
                self.expect(to, id, &members[0]);
                self.node_does(to, |cohort, env| {
                    cohort.on_prepare(id, from, fence, mode, refused_before, env);
                });
            }
            Peer::Baton { id, ref baton } => {
                let state = &baton.sessions[0];
                self.expect(to, id, &Member { session: state.session, client_key: state.client_key });
                self.node_does(to, |cohort, env| cohort.on_peer(from, frame, env));
            }
            Peer::Prepared { .. }
            | Peer::Refused { .. }
            | Peer::Ready { .. }
            | Peer::BatonAck { .. }
            | Peer::Finalised { .. }
            | Peer::Ahead { .. }
            | Peer::Cancel { .. }
            | Peer::Close { .. }
            | Peer::Hello { .. } => {
                self.node_does(to, |cohort, env| cohort.on_peer(from, frame, env));
            }
        }
    }

    fn expect(&mut self, node: usize, id: MoveId, member: &Member) {
        self.sides[node].cohort.get_or_insert_with(|| Cohort::expect(id, member, SETTINGS.clone()));
    }

    fn link_of(&self, node: usize, link: LinkId) -> Option<usize> {
        self.pipes.iter().position(|pipe| pipe.node == node && pipe.node_link() == link)
    }
}
