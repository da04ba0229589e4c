//! The state of all of it, and what becomes of it.

use super::node::{Effects, Node, Told};
use super::scene::{self, Bounds};
use super::store::Store;
use super::{Action, ROOM, SESSIONS, Variant};
use crate::memo::Memo;
use crate::messages::{Digested, Envelope};
use crate::node::LeasePhase;
use crate::possible::gives_up;
use std::sync::Arc;
use sterna::protocol::cohort::{Asker, Cohort};
use sterna::protocol::ids::{CohortId, Cursor, Epoch, Fence, NodeId, SessionId};
use sterna::protocol::room::wire::RoomRequest;
use sterna::protocol::snapshot::Durability;

/// Steps until nothing is under way any more, before it counts as going round in circles.
const STEPS_MAX: usize = 1000;

/// By which rules the nodes play, and what is known of how they do.
#[derive(Debug)]
pub struct Rules {
    variant: Option<Variant>,
    known: Memo<Node, Effects>,
}

impl Rules {
    /// All rules, or all but one.
    pub fn new(variant: Option<Variant>) -> Self {
        Self { variant, known: Memo::default() }
    }

    /// The one that is broken.
    pub fn variant(&self) -> Option<Variant> {
        self.variant
    }
}

/// What happens to a node: together with the node, all that counts.
#[derive(Hash)]
enum Input {
    Message(u64),
    Stored(usize, u64),
    Read(u64),
    Own(Action),
}

/// What a client has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    fence: Fence,
    epoch: Epoch,
    acknowledged: Cursor,
    received: Cursor,
}

/// Something that must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Broken {
    /// A client was told of a fence behind one that it had seen.
    FenceFell,
    /// A client was told of an epoch below one that it had seen.
    EpochFell,
    /// Something was gone although a crash must cost nothing.
    Lost,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub(super) nodes: Vec<Digested<Node>>,
    pub(super) store: Digested<Store>,
    /// Every message that was ever sent: it may arrive any number of times from now on, at any time, or never.
    pub(super) network: Arc<Vec<Digested<Envelope>>>,
    pub(super) left: Bounds,
    seen: [Seen; 2],
    pub(super) broken: Option<Broken>,
}

impl World {
    pub(super) fn new(bounds: Bounds, nodes: Vec<Digested<Node>>, store: Store) -> Self {
        let store = Digested::new(store);
        Self { nodes, store, network: Arc::default(), left: bounds, seen: Default::default(), broken: None }
    }

    /// How it begins.
    pub fn begin(bounds: Bounds) -> Self {
        scene::begin(bounds)
    }

    /// Does something to a node that no action is.
    pub(super) fn node(&mut self, index: usize, act: impl FnOnce(&mut Node) -> Effects) {
        let effects = self.nodes[index].change(act);
        self.follow(index, effects);
    }

    /// Answers everything that is asked and delivers what is sent, once.
    pub(super) fn rest(&mut self, rules: &Rules) {
        for _ in 0..STEPS_MAX {
            if !self.step(rules) {
                return;
            }
        }
    }

    /// The first of these; false: nothing is under way.
    pub(super) fn step(&mut self, rules: &Rules) -> bool {
        match self.next() {
            None => return false,
            Some(Action::Deliver(index)) => {
                let envelope = Arc::make_mut(&mut self.network).remove(index);
                self.deliver(&envelope, rules);
                self.tidy();
            }
            Some(action) => self.happen(&action, rules),
        }
        true
    }

    /// What happens first if nothing goes wrong any more.
    fn next(&self) -> Option<Action> {
        for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.alive) {
            match node.lease {
                LeasePhase::Holds | LeasePhase::Ignored => {}
                LeasePhase::RunOut => return Some(Action::Fence(index)),
                LeasePhase::Fenced => return Some(Action::Renew(index)),
            }
            if let Some(question) = node.questions.first() {
                return Some(match question.reply {
                    None => Action::Process(index, 0),
                    Some(_) => Action::Answer(index, 0),
                });
            }
            // Nobody's client waits for a room.
            let waits = |(key, cohort): &(&CohortId, &Cohort)| **key != ROOM && cohort.awaits_clients();
            if let Some((key, _)) = node.cohorts.iter().find(waits) {
                return Some(Action::Attach(index, *key));
            }
        }
        (!self.network.is_empty()).then_some(Action::Deliver(0))
    }

    /// What there is after it has happened; `None`: the same as before.
    pub fn after(&self, action: &Action, rules: &Rules) -> Option<Self> {
        if let Action::Deliver(index) = *action {
            let envelope = &self.network[index];
            let to = envelope.to.0 as usize - 1;
            let mut node = self.nodes[to].clone();
            let effects = Self::receive(&mut node, envelope, rules);
            // Most messages arrive once more where they have arrived before.
            if node.digest() == self.nodes[to].digest() && effects.is_empty() {
                return None;
            }
            let mut next = self.clone();
            next.nodes[to] = node;
            next.follow(to, effects);
            next.tidy();
            return Some(next);
        }
        let mut next = self.clone();
        next.happen(action, rules);
        (next != *self).then_some(next)
    }

    /// Lets it happen.
    pub fn happen(&mut self, action: &Action, rules: &Rules) {
        self.do_it(action, rules);
        self.tidy();
    }

    fn do_it(&mut self, action: &Action, rules: &Rules) {
        let variant = rules.variant;
        match *action {
            Action::Deliver(index) => {
                let envelope = self.network[index].clone();
                self.deliver(&envelope, rules);
            }
            Action::Process(index, number) => self.process(index, number, rules),
            Action::Answer(index, number) => {
                self.own(index, action, rules, |node| node.answer(number, false, variant));
            }
            Action::LoseAnswer(index, number) => {
                self.left.lost_answers -= 1;
                self.own(index, action, rules, |node| node.answer(number, true, variant));
            }
            Action::Land(index) => self.store.change(|store| store.land(index)),
            Action::Join(session) => {
                self.left.joins -= 1;
                self.request(session, action, &RoomRequest::Join { room: ROOM }, rules);
            }
            Action::Leave(session) => {
                self.left.leaves -= 1;
                self.request(session, action, &RoomRequest::Leave, rules);
            }
            Action::Kick(session) => {
                self.left.kicks -= 1;
                self.by_owner(action, rules, |cohort| {
                    let member = cohort.room()?.member_of(session)?;
                    Some(RoomRequest::Kick { member })
                });
            }
            Action::Move => {
                self.left.moves -= 1;
                self.by_owner(action, rules, |_| Some(RoomRequest::Migrate));
            }
            Action::MoveRegardless(index) => {
                self.left.moves -= 1;
                self.own(index, action, rules, |node| node.call(ROOM, variant, Cohort::depart_regardless));
            }
            Action::Force(index) => {
                self.left.forced -= 1;
                self.own(index, action, rules, |node| node.call(ROOM, variant, Cohort::force));
            }
            Action::Drain(index) => {
                self.left.drains -= 1;
                self.own(index, action, rules, |node| {
                    node.offline = true;
                    node.call_all(variant, |cohort, env| {
                        cohort.tell_offline(env);
                        cohort.decline(env);
                    })
                });
            }
            Action::Attach(index, key) => self.own(index, action, rules, |node| node.attach(key, variant)),
            Action::Wake(index, key, wake) => {
                self.left.given_up -= u8::from(gives_up(wake));
                self.own(index, action, rules, |node| node.wake(key, wake, variant));
            }
            Action::SeeGone(index, key) => self.own(index, action, rules, |node| {
                node.call(key, variant, |cohort, env| {
                    if let Some(other) = cohort.depends_on() {
                        cohort.on_node_gone(other, env);
                    }
                })
            }),
            Action::BeginTakeOver(index, key) => {
                self.left.takers -= 1;
                self.own(index, action, rules, |node| node.begin_take_over(key, variant));
            }
            Action::Release(index, session) => self.own(index, action, rules, |node| {
                node.call(ROOM, variant, |cohort, env| cohort.release(session, env))
            }),
            Action::Crash(index) => self.crash(index),
            Action::RunOut(index) => {
                self.left.faults -= 1;
                self.left.fences -= 1;
                self.own(index, action, rules, |node| {
                    node.lease = LeasePhase::RunOut;
                    Effects::default()
                });
            }
            Action::Fence(index) => self.own(index, action, rules, |node| {
                node.lease = LeasePhase::Fenced;
                node.call_all(variant, Cohort::on_fenced)
            }),
            Action::Renew(index) => self.own(index, action, rules, |node| {
                node.lease = LeasePhase::Holds;
                node.call_all(variant, Cohort::on_unfenced)
            }),
        }
    }

    fn request(&mut self, session: SessionId, action: &Action, request: &RoomRequest, rules: &Rules) {
        let served = self.nodes.iter().position(|node| node.serving(session).is_some());
        if let Some(index) = served {
            self.own(index, action, rules, |node| node.request(session, request, rules.variant));
        }
    }

    fn by_owner(
        &mut self,
        action: &Action,
        rules: &Rules,
        request: impl FnOnce(&Cohort) -> Option<RoomRequest>,
    ) {
        let owner = self.nodes.iter().find_map(|node| {
            let cohort = node.cohorts.get(&ROOM).filter(|cohort| node.permits() && cohort.is_served())?;
            let room = cohort.room()?;
            Some((room.session_of(room.owner()?)?, cohort))
        });
        if let Some((session, cohort)) = owner
            && let Some(request) = request(cohort)
        {
            self.request(session, action, &request, rules);
        }
    }

    fn deliver(&mut self, envelope: &Digested<Envelope>, rules: &Rules) {
        let index = envelope.to.0 as usize - 1;
        if self.nodes[index].alive {
            let effects = Self::receive(&mut self.nodes[index], envelope, rules);
            self.follow(index, effects);
        }
    }

    fn receive(node: &mut Digested<Node>, envelope: &Digested<Envelope>, rules: &Rules) -> Effects {
        rules.known.apply(node, &Input::Message(envelope.digest()), |node| {
            node.receive(envelope.from, envelope.frame(), rules.variant)
        })
    }

    fn process(&mut self, index: usize, number: usize, rules: &Rules) {
        let before = self.store.digest();
        let (node, store) = (&mut self.nodes[index], &mut self.store);
        let (key, request) = (node.questions[number].key(), node.questions[number].request.clone());
        let reply = match store.read(key, &request) {
            Some(reply) => reply,
            None => store.change(|store| store.process(key, &request)),
        };
        rules.known.apply(node, &Input::Stored(number, before), |node| {
            node.questions[number].reply = Some(reply);
            Effects::default()
        });
    }

    fn own(&mut self, index: usize, action: &Action, rules: &Rules, act: impl FnOnce(&mut Node) -> Effects) {
        let effects = rules.known.apply(&mut self.nodes[index], &Input::Own(action.clone()), act);
        self.follow(index, effects);
        self.read_at_once(index, rules);
    }

    /// What is read is what there was at some time between question and answer: at first, when it was asked.
    fn read_at_once(&mut self, index: usize, rules: &Rules) {
        let (node, store) = (&mut self.nodes[index], &self.store);
        let is_unread =
            |question: &super::node::Question| question.reply.is_none() && !question.request.writes();
        if node.questions.iter().any(is_unread) {
            rules.known.apply(node, &Input::Read(store.digest()), |node| {
                for question in node.questions.iter_mut().filter(|question| is_unread(question)) {
                    question.reply = store.read(question.key(), &question.request);
                }
                Effects::default()
            });
        }
    }

    /// What has happened to a node has effects elsewhere.
    fn follow(&mut self, _: usize, effects: Effects) {
        for envelope in effects.sent {
            if let Err(place) = self.network.binary_search_by(|sent| (**sent).cmp(&envelope)) {
                Arc::make_mut(&mut self.network).insert(place, envelope);
            }
        }
        for (key, request) in effects.abandoned {
            self.store.change(|store| store.abandon(key, request));
        }
        for (key, held) in effects.forgotten {
            self.store.change(|store| store.forget(key, held));
        }
        for told in effects.told {
            self.tell(&told);
        }
    }

    /// A client has been told something.
    fn tell(&mut self, told: &Told) {
        let Some(index) = SESSIONS.iter().position(|session| *session == told.session) else { return };
        let seen = &mut self.seen[index];
        let durable = self.left.durability == Durability::BeforeAck;
        let broken = if told.fence < seen.fence {
            Some(Broken::FenceFell)
        } else if told.fence.epoch < seen.epoch {
            Some(Broken::EpochFell)
        } else if durable && (told.processed < seen.acknowledged || told.sent < seen.received) {
            Some(Broken::Lost)
        } else {
            None
        };
        self.broken = self.broken.or(broken);
        seen.fence = seen.fence.max(told.fence);
        seen.epoch = seen.epoch.max(told.fence.epoch);
        if durable {
            seen.acknowledged = seen.acknowledged.max(told.acknowledged);
            seen.received = seen.received.max(told.received);
        }
    }

    /// What it has asked for may still be done.
    fn crash(&mut self, index: usize) {
        self.left.faults -= 1;
        let id = NodeId(index as u64 + 1);
        let mut gone = Node::new(id, &self.left);
        gone.alive = false;
        let crashed = std::mem::replace(&mut self.nodes[index], Digested::new(gone));
        for question in crashed.questions.iter().filter(|question| question.reply.is_none()) {
            let (key, request) = (question.key(), question.request.clone());
            self.store.change(|store| store.abandon(key, request));
        }
    }

    fn tidy(&mut self) {
        let gone = self.nodes.iter().filter(|node| !node.alive || node.lease != LeasePhase::Holds);
        let gone: Vec<NodeId> = gone.map(|node| node.id).collect();
        if gone != self.store.gone {
            self.store.change(|store| store.gone = gone);
        }
        self.forget_spent_messages();
    }

    /// Messages that change nothing whenever they arrive, as in the model of ownership.
    fn forget_spent_messages(&mut self) {
        let (nodes, store) = (&self.nodes, &self.store);
        let is_spent = |envelope: &Envelope| {
            let key = envelope.id.cohort;
            let to = &nodes[envelope.to.0 as usize - 1];
            let cohort = to.cohorts.get(&key);
            let epoch = store.record(key).map_or(Epoch(u64::MAX), |record| record.epoch);
            let awaited = || cohort.is_some_and(|cohort| cohort.asks(Asker::Target(envelope.id)));
            let leaving = || cohort.and_then(Cohort::source).map(|source| source.id());
            !to.alive
                || match envelope.name {
                    "Prepare" => envelope.id.epoch <= epoch,
                    "Prepared" | "Refused" | "Ready" | "BatonAck" | "Finalised" => {
                        leaving() != Some(envelope.id)
                    }
                    "Baton" => envelope.id.epoch < epoch && !awaited(),
                    "Cancel" => envelope.id.epoch <= epoch && !awaited(),
                    _ => false,
                }
        };
        if self.network.iter().any(|envelope| is_spent(envelope)) {
            Arc::make_mut(&mut self.network).retain(|envelope| !is_spent(envelope));
        }
    }
}
