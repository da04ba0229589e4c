//! A node as its driver sees it: one cohort, the lease, and what it waits for an answer to.

use super::game::{Echo, ServerNote, View};
use super::tamper::{self, Variant};
use super::{Bounds, LONG, NOW, Parcel, SESSION, Writes};
use crate::messages::Digested;
use crate::store::{Reply, Request, Store};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use sterna::protocol::cohort::{Asker, Cohort, Env, Output, Wake};
use sterna::protocol::ids::{Cursor, Epoch, LinkNumber, MoveId, NodeId};
use sterna::protocol::lease::Lease;
use sterna::protocol::limits;
use sterna::protocol::reasons::{RefuseReason, TargetRefusal};
use sterna::protocol::session::{Link, LinkId, Outgoing, Settings};
use sterna::protocol::snapshot::Durability;
use sterna::protocol::time::BootTime;
use sterna::protocol::wire::{Greeting, Member, Peer, SessionState, split};

/// How nodes are set up.
pub(super) fn settings(durability: Durability) -> Arc<Settings> {
    Arc::new(Settings {
        node: "model".into(),
        message_bytes_max: 1024,
        replay_bytes_max: 1 << 20,
        user_data_bytes_max: 1 << 20,
        resume_max: LONG,
        silence_max: LONG,
        moves_when_online: true,
        durability,
        room: Arc::default(),
    })
}

static LEASE: LazyLock<Lease> = LazyLock::new(|| {
    let mut lease = Lease::new(Duration::from_secs(1));
    lease.restart(BootTime::from_micros(0));
    lease
});

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) alive: bool,
    /// Its lease has run out, and it cannot reach the directory.
    pub(super) fenced: bool,
    pub(super) cohort: Option<Cohort>,
    refused: Vec<MoveId>,
    /// What it waits for an answer to: of the store of snapshots, which takes its time, and of the directory
    /// while that cannot be reached.
    pub(super) questions: Vec<(Asker, u64, Request)>,
    targets: u8,
    durability: Durability,
    /// The directory takes its time to answer a target.
    slow: bool,
    /// [`Variant::BatonIsFromBefore`]: the session when the target was asked to make room.
    pub(super) earlier: Option<SessionState>,
}

/// What happens to a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Input {
    /// The session's first link.
    Connected(LinkId),
    /// A link with a greeting.
    Greeting(LinkId, LinkNumber, u64, Greeting),
    /// Bytes on a link.
    Bytes(LinkId, Arc<[u8]>),
    LinkEnded(LinkId),
    /// A message of another node.
    Peer(NodeId, Arc<[u8]>),
    /// Its oldest question is answered.
    Answer,
    /// It looks whether it may take the session over.
    TakeOver,
    /// It is time to acknowledge.
    Time,
    Wake(Wake),
    Force,
    /// The lease of the node that its move depends on has run out.
    OtherGone,
    /// Its own has.
    Fenced,
    Renewed,
}

/// What became of a greeting, or of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Greeted {
    #[default]
    Fine,
    Refused(RefuseReason),
    /// The client is taken for one that misbehaves.
    Misbehaved,
}

/// What it leads to.
#[derive(Clone, Debug, Default)]
pub(super) struct Effects {
    pub(super) store: Option<Digested<Store>>,
    pub(super) greeted: Greeted,
    pub(super) sent: Vec<Parcel>,
    pub(super) writes: Writes<LinkId>,
    /// Links that the node has closed.
    pub(super) closed: Vec<LinkId>,
    pub(super) notes: Vec<ServerNote>,
}

impl Node {
    pub(super) fn new(id: NodeId, bounds: &Bounds) -> Self {
        Self {
            id,
            alive: true,
            fenced: false,
            cohort: None,
            refused: Vec::new(),
            questions: Vec::new(),
            targets: bounds.targets,
            durability: bounds.durability,
            slow: bounds.durability == Durability::None && bounds.has_faults(),
            earlier: None,
        }
    }

    /// Whether it has a copy of the session that it is responsible for.
    pub(super) fn holds(&self) -> bool {
        self.alive && self.cohort.as_ref().is_some_and(Cohort::is_held)
    }

    /// Whether this is answered later.
    fn waits_for(&self, asker: Asker, request: &Request) -> bool {
        match (request, asker) {
            (Request::Snapshot(_), _) => true,
            (Request::Directory(_), Asker::Target(_)) => self.slow,
            (Request::Directory(_) | Request::Leases, _) => false,
        }
    }

    fn expect(&mut self, id: MoveId, members: &[Member]) {
        let durability = self.durability;
        self.cohort.get_or_insert_with(|| Cohort::expect(id, members, settings(durability)));
    }
}

/// Calls a node, and takes from it what it wants done.
pub(super) fn call(
    node: &mut Node,
    input: &Input,
    store: &mut Digested<Store>,
    variant: Option<Variant>,
) -> Effects {
    let mut effects = Effects::default();
    let frame = match input {
        Input::Peer(_, bytes) => Some(decode(bytes)),
        _ => None,
    };
    if let Some(frame) = &frame
        && !prepare(node, frame, &mut effects)
    {
        return effects;
    }
    match input {
        Input::Fenced => node.fenced = true,
        Input::Renewed => node.fenced = false,
        _ => {}
    }
    if *input == Input::TakeOver {
        let unknown = || Cohort::unknown(SESSION.into(), node.id, settings(node.durability));
        node.cohort.get_or_insert_with(unknown);
    }
    let Some(mut cohort) = node.cohort.take() else {
        if let Input::Greeting(..) = input {
            effects.greeted = Greeted::Refused(RefuseReason::Unavailable);
        }
        return effects;
    };
    let (echo, view) = (Echo::default(), View { id: node.id, targets_max: node.targets.into() });
    let permit = LEASE.permit(BootTime::from_micros(0)).filter(|_| !node.fenced);
    let now = if *input == Input::Time { NOW + limits::ACK_AFTER } else { NOW };
    let env = Env { now, permit, application: &echo, node: &view };
    let mut driver = Driver { node, store, variant, effects };
    driver.tell(&mut cohort, input, frame, &env);
    driver.follow(&mut cohort, &env);
    if *input == Input::Renewed {
        driver.ask_again(&mut cohort, &env);
    }
    let node = driver.node;
    node.questions.retain(|(asker, number, _)| cohort.awaits(*asker, *number));
    cohort.renumber();
    for (_, number, _) in &mut node.questions {
        *number = (*number).min(1);
    }
    let mut effects = driver.effects;
    effects.notes = echo.notes.into_inner();
    node.cohort = (!cohort.is_gone()).then_some(cohort);
    if node.cohort.is_none() {
        // Nobody waits for these any more; that they may land all the same is the ownership model's affair.
        node.questions.clear();
    }
    effects
}

fn decode(bytes: &[u8]) -> Peer {
    let (body, _) =
        split(bytes, limits::PEER_FRAME_BYTES_MAX).ok().flatten().expect("a whole frame was sent");
    Peer::decode(body).expect("what was encoded can be decoded")
}

/// Makes a place for what a frame is about; false: it is answered already.
fn prepare(node: &mut Node, frame: &Peer, effects: &mut Effects) -> bool {
    match frame {
        Peer::Prepare { id, from, .. } if node.fenced => {
            let refused = Peer::Refused { id: *id, reason: TargetRefusal::Fenced };
            effects.sent.push(parcel(node.id, *from, &refused));
            return false;
        }
        Peer::Prepare { id, members, .. } => node.expect(*id, members),
        Peer::Baton { id, .. } => {
            let unknown = || Cohort::unknown(id.cohort, node.id, settings(node.durability));
            node.cohort.get_or_insert_with(unknown);
        }
        Peer::Prepared { .. }
        | Peer::Refused { .. }
        | Peer::Ready { .. }
        | Peer::Credit { .. }
        | Peer::BatonAck { .. }
        | Peer::Finalised { .. }
        | Peer::Ahead { .. }
        | Peer::AheadAck { .. }
        | Peer::Cancel { .. }
        | Peer::Close { .. }
        | Peer::Wanted { .. }
        | Peer::Probe { .. }
        | Peer::LeaseOver
        | Peer::Hello { .. } => {}
    }
    true
}

fn parcel(from: NodeId, to: NodeId, frame: &Peer) -> Parcel {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    Parcel { from, to, bytes: bytes.into() }
}

struct Driver<'a> {
    node: &'a mut Node,
    store: &'a mut Digested<Store>,
    variant: Option<Variant>,
    effects: Effects,
}

impl Driver<'_> {
    fn tell(&mut self, cohort: &mut Cohort, input: &Input, frame: Option<Peer>, env: &Env<'_>) {
        match input {
            Input::Connected(link) => {
                let link = Link::new(*link, LinkNumber(1), None, limits::CREDIT_BYTES, Cursor(0));
                cohort.connect(link, false, env);
            }
            Input::Greeting(link, number, credit, greeting) => {
                let let_in = greet(cohort, self.node.id, (*link, *number, *credit), greeting, env);
                self.effects.greeted = let_in.map_or_else(Greeted::Refused, |()| Greeted::Fine);
            }
            Input::Bytes(link, bytes) => match cohort.received(*link, bytes, env) {
                Some(Ok(taken)) => assert_eq!(taken, bytes.len(), "whole frames arrive"),
                None => {}
                Some(Err(_)) => self.effects.greeted = Greeted::Misbehaved,
            },
            Input::LinkEnded(link) => cohort.link_ended(*link, env),
            Input::Peer(from, _) => match frame {
                Some(Peer::Prepare { id, from, fence, members, mode, .. }) => {
                    let refused_before = self.node.refused.contains(&id);
                    cohort.on_prepare(id, from, fence, &members, mode, refused_before, env);
                }
                Some(frame) => cohort.on_peer(*from, frame, env),
                None => {}
            },
            Input::Answer => self.answer(cohort, 0, env),
            Input::TakeOver => cohort.take_over(env),
            Input::Time => cohort.on_timeout(env),
            Input::Wake(wake) => cohort.fire(*wake, env),
            Input::Force => cohort.force(env),
            Input::OtherGone => {
                if let Some(other) = cohort.depends_on() {
                    cohort.on_node_gone(other, env);
                }
            }
            Input::Fenced => cohort.on_fenced(env),
            Input::Renewed => cohort.on_unfenced(env),
        }
    }

    /// Until it wants nothing more.
    fn follow(&mut self, cohort: &mut Cohort, env: &Env<'_>) {
        loop {
            while let Some(output) = cohort.poll_output() {
                self.perform(cohort, output, env);
            }
            let mut dirty = Vec::new();
            cohort.take_dirty(|link| dirty.push(link));
            if dirty.is_empty() {
                return;
            }
            for link in dirty {
                let mut lanes = [Vec::new(), Vec::new()];
                cohort.fill(link, Outgoing::Control, &mut lanes[0], 0, env);
                cohort.fill(link, Outgoing::Data, &mut lanes[1], usize::MAX, env);
                self.effects.writes.push((link, lanes.map(Arc::from)));
                if cohort.is_closing(link) {
                    self.effects.closed.push(link);
                    cohort.link_ended(link, env);
                }
            }
        }
    }

    fn perform(&mut self, cohort: &mut Cohort, output: Output, env: &Env<'_>) {
        match output {
            Output::Peer(to, mut frame) => {
                tamper::peer(self.variant, &mut frame, cohort, &mut self.node.earlier);
                self.effects.sent.push(parcel(self.node.id, to, &frame));
                // Its first byte leaves at once: that it can be taken back is the ownership model's affair.
                if let Peer::Baton { id, .. } = frame {
                    cohort.on_baton_left(id, env);
                }
            }
            Output::RevokeBaton(_, id) => cohort.on_revoked(id, false, env),
            Output::Ask(asker, number, ask) => {
                self.ask(cohort, asker, number, Request::Directory(ask), env);
            }
            Output::PickTarget(tried) => {
                let free = |id: &NodeId| *id != self.node.id && !tried.contains(id);
                cohort.on_target_picked((1..=3).map(NodeId).find(free), env);
            }
            Output::RememberRefusal(id) => {
                if !self.node.refused.contains(&id) {
                    self.node.refused.push(id);
                    self.node.refused.sort();
                }
            }
            Output::Forget { .. } => cohort.on_forgotten(),
            Output::Report(_) | Output::List => {}
            Output::Room(_) | Output::Split(_) | Output::Dismiss(_) => unreachable!("there is no room here"),
            Output::PickProbed { .. } | Output::Probed(_) => unreachable!("nothing is tried here"),
            Output::ReadLeases(number) => self.ask(cohort, Asker::TakeOver, number, Request::Leases, env),
            Output::Snapshot(asker, number, ask) => {
                self.ask(cohort, asker, number, Request::Snapshot(ask), env);
            }
        }
    }

    /// A new question takes the place of the last.
    fn ask(&mut self, cohort: &mut Cohort, asker: Asker, number: u64, request: Request, env: &Env<'_>) {
        self.node.questions.retain(|(other, ..)| *other != asker);
        let waits = self.node.fenced || self.node.waits_for(asker, &request);
        self.node.questions.push((asker, number, request));
        if !waits {
            self.answer(cohort, self.node.questions.len() - 1, env);
        }
    }

    /// The directory can be reached again.
    fn ask_again(&mut self, cohort: &mut Cohort, env: &Env<'_>) {
        let next = |driver: &Self| {
            let at_once =
                |(asker, _, request): &(Asker, u64, Request)| !driver.node.waits_for(*asker, request);
            driver.node.questions.iter().position(at_once)
        };
        while let Some(index) = next(self) {
            self.answer(cohort, index, env);
            self.follow(cohort, env);
        }
    }

    fn answer(&mut self, cohort: &mut Cohort, index: usize, env: &Env<'_>) {
        let (asker, number, request) = self.node.questions.remove(index);
        let reply = match request.read(self.store) {
            Some(reply) => reply,
            None => self.store.change(|store| store.process(&request)),
        };
        match reply {
            Reply::Directory(answer) => cohort.on_answer(asker, number, answer, env),
            Reply::Snapshot(answer) => cohort.on_snapshot(asker, number, answer, env),
            Reply::Leases(gone) => cohort.on_leases(number, gone.map(|gone| gone.into_iter().collect()), env),
        }
    }
}

fn greet(
    cohort: &mut Cohort,
    me: NodeId,
    (link, number, credit): (LinkId, LinkNumber, u64),
    greeting: &Greeting,
    env: &Env<'_>,
) -> Result<(), RefuseReason> {
    match greeting {
        Greeting::Connect { .. } => unreachable!("it connects only once"),
        Greeting::Attach { ticket, down, .. } => {
            let (epoch, attempt) = (Epoch(u64::from(ticket[0])), u32::from(ticket[1]));
            let id = MoveId { cohort: SESSION.into(), epoch, attempt, target: me };
            cohort.attach(id, SESSION, Link::new(link, number, None, credit, *down), false, env)
        }
        Greeting::Resume { fence, down, .. } if cohort.is_held() => {
            cohort.resume(SESSION, *fence, Link::new(link, number, None, credit, *down), false, env)
        }
        Greeting::Resume { .. } => Err(RefuseReason::Unavailable),
    }
}
