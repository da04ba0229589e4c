//! The state of three nodes, the network between them and the stores, and what becomes of it.

use crate::memo::Memo;
use crate::messages::{Digested, Envelope};
use crate::node::{Effects, LINK, LeasePhase, Node, SETTINGS, Who};
use crate::possible::Action;
use crate::store::{Reply, Store};
use crate::variants::Variant;
use std::sync::Arc;
use sterna::protocol::cohort::{Asker, Cohort};
use sterna::protocol::ids::{Binding, Bucket, Cursor, Epoch, Fence, NodeId, SessionId};
use sterna::protocol::record::{OwnerPhase, Record, Revision, Versioned};
use sterna::protocol::wire::{Data, MoveMode, Uplink};

/// How often things may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Crashes and leases that run out, together.
    pub faults: u8,
    /// How many of these may be leases that run out.
    pub fences: u8,
    /// Answers of the stores that get lost.
    pub lost_answers: u8,
    /// Times that the client asks to be moved.
    pub moves: u8,
    /// Times that a node begins to take over.
    pub takers: u8,
    /// Targets that one move tries.
    pub targets: u8,
    /// Times that a node moves what it serves without asking, break before make.
    pub forced: u8,
    /// Dry runs that begin.
    pub probes: u8,
}

impl Bounds {
    /// Nothing happens; a move would try one target.
    pub const CALM: Self =
        Self { faults: 0, fences: 0, lost_answers: 0, moves: 0, takers: 0, targets: 1, forced: 0, probes: 0 };
}

/// By which rules the nodes play, and what is known of how they do.
#[derive(Debug, Default)]
pub struct Rules {
    /// The one that is broken.
    pub variant: Option<Variant>,
    known: Memo<Node, Effects>,
}

impl Rules {
    /// All rules, or all but one.
    pub fn new(variant: Option<Variant>) -> Self {
        Self { variant, known: Memo::default() }
    }
}

/// What happens to a node: together with the node, all that counts.
#[derive(Hash)]
enum Input {
    /// A message of this hash arrives.
    Message(u64),
    /// One of its questions reaches the store, which is in the state of this hash.
    Stored(usize, u64),
    /// What it wants to read is read from the store in the state of this hash.
    Read(u64),
    /// Anything that the node alone determines.
    Own(Action),
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cluster {
    /// Directory and snapshots.
    pub store: Digested<Store>,
    /// The nodes 1, 2 and 3; the session begins on 1, the spare is 3.
    pub nodes: [Digested<Node>; 3],
    /// Every message that was ever sent: it may arrive any number of times from now on, at any time, or never.
    pub network: Arc<Vec<Digested<Envelope>>>,
    /// What may still go wrong.
    pub left: Bounds,
    /// A client was told that it is served by a node whose lease did not hold.
    pub served_without_lease: bool,
    /// A source has claimed the record for a target that has not said Ready.
    pub claimed_unready: bool,
}

/// The session that it is all about.
const SESSION: SessionId = SessionId(7);

fn node_id(index: usize) -> NodeId {
    NodeId(index as u64 + 1)
}

impl Cluster {
    /// Node 1 serves the session, whose client is linked to it.
    pub fn new(bounds: Bounds) -> Self {
        let record = Record {
            bucket: Bucket(1),
            binding: Binding(0),
            epoch: Epoch(1),
            owner: node_id(0),
            phase: OwnerPhase::Serving,
            room: None,
        };
        let held = Versioned { revision: Revision(1), record };
        let cohort = Cohort::begin(SESSION, "user".into(), [7; 32], held, SETTINGS.clone());
        let mut owner = Node::new(node_id(0), bounds.targets.into());
        owner.cohort = Some(cohort);
        let link = owner.link();
        owner.call(None, |cohort, env| cohort.connect(link, false, env));
        let mut store = Store::new(record);
        // Its first snapshot is stored before anything else happens.
        while let Some(question) = owner.questions.pop() {
            let reply = store.process(&question.request);
            answer(&mut owner, question.who, question.number, reply, None);
        }
        let other = |index: usize| Digested::new(Node::new(node_id(index), bounds.targets.into()));
        let nodes = [Digested::new(owner), other(1), other(2)];
        Self {
            store: Digested::new(store),
            nodes,
            network: Arc::default(),
            left: bounds,
            served_without_lease: false,
            claimed_unready: false,
        }
    }

    /// How many copies of the session are served.
    pub fn servers(&self) -> usize {
        self.nodes.iter().map(|node| node.serving()).sum()
    }

    fn is_gone(node: &Node) -> bool {
        !node.alive || !matches!(node.lease, LeasePhase::Holds)
    }

    /// What a read of the heartbeats shows to who has looked for long enough.
    fn update_leases(&mut self, variant: Option<Variant>) {
        let before = &self.store.gone;
        let remembered = |node: NodeId| variant == Some(Variant::WeighsOldLeases) && before.contains(&node);
        let gone = self.nodes.iter().filter(|node| Self::is_gone(node) || remembered(node.id));
        let mut gone: Vec<NodeId> = gone.map(|node| node.id).collect();
        let record = self.store.held.record;
        if variant == Some(Variant::TakesOverOnOwnersLeaseAlone)
            && let OwnerPhase::Handing { from, .. } = record.phase
            && gone.contains(&record.owner)
            && !gone.contains(&from)
        {
            gone.push(from);
        }
        if gone != self.store.gone {
            self.store.change(|store| store.gone = gone);
        }
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
            next.follow(to, effects, rules);
            next.tidy(rules.variant);
            return Some(next);
        }
        let mut next = self.clone();
        next.happen(action, rules);
        Some(next)
    }

    /// Lets it happen.
    pub fn happen(&mut self, action: &Action, rules: &Rules) {
        self.do_it(action, rules);
        self.tidy(rules.variant);
    }

    fn tidy(&mut self, variant: Option<Variant>) {
        self.update_leases(variant);
        self.forget_spent_messages(variant);
    }

    /// A message that from now on changes nothing, whenever it arrives, need not be told apart from one that
    /// never does: that of an attempt which its source has left behind; Prepare for an epoch that the record has
    /// passed, which can only be refused; Cancel where nothing is, or can be, admitted; a baton that the record
    /// has passed, where there is nothing that it could be for: all that it can bring about is one more read of
    /// the record at the target, which shows that it has passed, and at the source, which reads it anyway.
    fn forget_spent_messages(&mut self, variant: Option<Variant>) {
        let (nodes, epoch) = (&self.nodes, self.store.held.record.epoch);
        let is_spent = |envelope: &Envelope| {
            let to = &nodes[envelope.to.0 as usize - 1];
            let awaited = || to.cohort.as_ref().is_some_and(|cohort| cohort.asks(Asker::Target(envelope.id)));
            let leaving = || to.cohort.as_ref().and_then(Cohort::source).map(|source| source.id());
            let probing = || to.cohort.as_ref().and_then(Cohort::probed_by).map(|(id, _)| id);
            !to.alive
                || match envelope.name {
                    "Prepare" | "Probe" => envelope.id.epoch <= epoch,
                    "Ready" if variant == Some(Variant::EarlierReadyCounts) => false,
                    "Prepared" | "Refused" | "Ready" | "BatonAck" | "Finalised" => {
                        leaving() != Some(envelope.id) && probing() != Some(envelope.id)
                    }
                    "Baton" => variant.is_none() && envelope.id.epoch < epoch && !awaited(),
                    "Cancel" => variant.is_none() && envelope.id.epoch <= epoch && !awaited(),
                    _ => false,
                }
        };
        if self.network.iter().any(|envelope| is_spent(envelope)) {
            Arc::make_mut(&mut self.network).retain(|envelope| !is_spent(envelope));
        }
    }

    fn do_it(&mut self, action: &Action, rules: &Rules) {
        let variant = rules.variant;
        match *action {
            Action::Deliver(index) => {
                let envelope = self.network[index].clone();
                self.deliver(&envelope, rules);
            }
            Action::BatonLeaves(index) => self.own(index, action, rules, |node| baton_leaves(node, variant)),
            Action::Process(index, number) => self.process(index, number, rules),
            Action::Answer(index, number) => self.own(index, action, rules, |node| {
                let question = node.questions.remove(number);
                let Some(reply) = question.reply else { return Effects::default() };
                answer(node, question.who, question.number, reply, variant)
            }),
            Action::LoseAnswer(index, number) => {
                self.left.lost_answers -= 1;
                self.own(index, action, rules, |node| lose_answer(node, number, variant));
            }
            Action::Land(index) => self.store.change(|store| store.land(index)),
            Action::Migrate(index) => {
                self.left.moves -= 1;
                self.own(index, action, rules, |node| migrate(node, variant));
            }
            Action::Force(index) => {
                self.left.forced -= 1;
                self.own(index, action, rules, |node| node.call(variant, Cohort::force));
            }
            Action::Attach(index) => self.own(index, action, rules, |node| attach(node, variant)),
            Action::Probe(index) => {
                self.left.probes -= 1;
                self.own(index, action, rules, |node| {
                    node.call(variant, |cohort, env| _ = cohort.probe(false, env))
                });
            }
            Action::CanAttach(index) => self.own(index, action, rules, |node| can_attach(node, variant)),
            Action::Wake(index, wake) => self.own(index, action, rules, |node| {
                let mut effects = node.call(variant, |cohort, env| {
                    if cohort.wakes().contains(&wake) {
                        cohort.fire(wake, env);
                    }
                });
                effects.absorb(node.call_kept(variant, |cohort, env| cohort.fire(wake, env)));
                effects
            }),
            Action::SeeGone(index) => self.own(index, action, rules, |node| {
                node.call(variant, |cohort, env| {
                    if let Some(other) = cohort.depends_on() {
                        cohort.on_node_gone(other, env);
                    }
                })
            }),
            Action::BeginTakeOver(index) => {
                self.left.takers -= 1;
                self.own(index, action, rules, |node| node.begin_take_over(SESSION, variant));
            }
            Action::Crash(index) => self.crash(index),
            Action::RunOut(index) => {
                self.left.faults -= 1;
                self.left.fences -= 1;
                self.own(index, action, rules, |node| {
                    let ignores = variant == Some(Variant::NoSelfFencing);
                    node.lease = if ignores { LeasePhase::Ignored } else { LeasePhase::RunOut };
                    Effects::default()
                });
            }
            Action::Fence(index) => self.own(index, action, rules, |node| fence(node, variant)),
            Action::Renew(index) => self.own(index, action, rules, |node| {
                node.lease = LeasePhase::Holds;
                node.call(variant, Cohort::on_unfenced)
            }),
        }
    }

    /// A message arrives.
    pub fn deliver(&mut self, envelope: &Digested<Envelope>, rules: &Rules) {
        let index = envelope.to.0 as usize - 1;
        if self.nodes[index].alive {
            let effects = Self::receive(&mut self.nodes[index], envelope, rules);
            self.follow(index, effects, rules);
        }
    }

    fn receive(node: &mut Digested<Node>, envelope: &Digested<Envelope>, rules: &Rules) -> Effects {
        rules.known.apply(node, &Input::Message(envelope.digest()), |node| {
            node.receive(envelope.from, envelope.frame(), rules.variant)
        })
    }

    /// A message arrives for the last time.
    pub fn deliver_last(&mut self, index: usize, rules: &Rules) {
        let envelope = Arc::make_mut(&mut self.network).remove(index);
        self.deliver(&envelope, rules);
        self.tidy(rules.variant);
    }

    fn process(&mut self, index: usize, number: usize, rules: &Rules) {
        let before = self.store.digest();
        let (node, store) = (&mut self.nodes[index], &mut self.store);
        let request = node.questions[number].request.clone();
        let reply = match request.read(store) {
            Some(reply) => reply,
            None => store.change(|store| store.process(&request)),
        };
        rules.known.apply(node, &Input::Stored(number, before), |node| {
            node.questions[number].reply = Some(reply);
            Effects::default()
        });
    }

    /// What is read is what there was at some time between question and answer: at first, when it was asked.
    fn read_at_once(&mut self, index: usize, rules: &Rules) {
        let (node, store) = (&mut self.nodes[index], &self.store);
        if node.questions.iter().any(|question| question.is_unread()) {
            rules.known.apply(node, &Input::Read(store.digest()), |node| {
                for question in node.questions.iter_mut().filter(|question| question.is_unread()) {
                    question.reply = question.request.read(store);
                }
                Effects::default()
            });
        }
    }

    fn own(&mut self, index: usize, action: &Action, rules: &Rules, act: impl FnOnce(&mut Node) -> Effects) {
        let effects = rules.known.apply(&mut self.nodes[index], &Input::Own(action.clone()), act);
        self.follow(index, effects, rules);
    }

    /// What has happened to a node has effects elsewhere.
    fn follow(&mut self, index: usize, effects: Effects, rules: &Rules) {
        self.served_without_lease |= effects.served_without_lease;
        for envelope in effects.sent {
            if let Err(place) = self.network.binary_search_by(|sent| (**sent).cmp(&envelope)) {
                Arc::make_mut(&mut self.network).insert(place, envelope);
            }
        }
        if let Some(id) = effects.claimed {
            let ready = |sent: &Digested<Envelope>| sent.name == "Ready" && sent.id == id;
            self.claimed_unready |= !self.network.iter().any(ready);
        }
        for request in effects.abandoned {
            self.store.change(|store| store.abandon(request));
        }
        self.read_at_once(index, rules);
    }

    /// What it has asked for may still be done.
    fn crash(&mut self, index: usize) {
        self.left.faults -= 1;
        let gone = Node { alive: false, ..Node::new(node_id(index), 0) };
        let crashed = std::mem::replace(&mut self.nodes[index], Digested::new(gone));
        for question in crashed.questions.iter().filter(|question| question.reply.is_none()) {
            self.store.change(|store| store.abandon(question.request.clone()));
        }
    }
}

impl Effects {
    fn is_empty(&self) -> bool {
        self.sent.is_empty()
            && self.abandoned.is_empty()
            && !self.served_without_lease
            && self.claimed.is_none()
    }

    /// These happened as well.
    pub fn absorb(&mut self, other: Self) {
        self.sent.extend(other.sent);
        self.abandoned.extend(other.abandoned);
        self.served_without_lease |= other.served_without_lease;
        self.claimed = self.claimed.or(other.claimed);
    }
}

fn baton_leaves(node: &mut Node, variant: Option<Variant>) -> Effects {
    let Some(envelope) = node.outbox.take() else { return Effects::default() };
    let Some(id) = node.cohort.as_ref().and_then(Cohort::source).map(|source| source.id()) else {
        return Effects::default();
    };
    let mut effects = node.call(variant, |cohort, env| cohort.on_baton_left(id, env));
    effects.sent.push(Digested::new(envelope));
    effects
}

fn lose_answer(node: &mut Node, number: usize, variant: Option<Variant>) -> Effects {
    let question = node.questions.remove(number);
    let reply = question.request.unanswered();
    let mut effects = answer(node, question.who, question.number, reply, variant);
    if question.reply.is_none() {
        effects.abandoned.insert(0, question.request);
    }
    effects
}

fn answer(node: &mut Node, who: Who, number: u64, reply: Reply, variant: Option<Variant>) -> Effects {
    match (who, reply) {
        (Who::Cohort(asker), Reply::Directory(answer)) => {
            node.call(variant, |cohort, env| cohort.on_answer(asker, number, answer, env))
        }
        (Who::Kept(asker), Reply::Directory(answer)) => {
            node.call_kept(variant, |cohort, env| cohort.on_answer(asker, number, answer, env))
        }
        (Who::Cohort(asker), Reply::Snapshot(answer)) => {
            node.call(variant, |cohort, env| cohort.on_snapshot(asker, number, answer, env))
        }
        (Who::Kept(asker), Reply::Snapshot(answer)) => {
            node.call_kept(variant, |cohort, env| cohort.on_snapshot(asker, number, answer, env))
        }
        (Who::Cohort(_), Reply::Leases(gone)) => {
            let gone = gone.map(|gone| gone.into_iter().collect());
            node.call(variant, |cohort, env| cohort.on_leases(number, gone, env))
        }
        (who, reply) => unreachable!("{who:?} is answered by {reply:?}"),
    }
}

fn migrate(node: &mut Node, variant: Option<Variant>) -> Effects {
    let mut effects = Effects::default();
    // A link that had come for something else has gone with it.
    let linked = node.linked && node.cohort.as_ref().is_some_and(|cohort| cohort.has_link(LINK));
    if !linked {
        let link = node.link();
        effects = node.call(variant, |cohort, env| {
            let resumed = cohort.resume(SESSION, Fence::default(), link, false, env);
            assert_eq!(resumed, Ok(()), "a node that serves lets its client in");
        });
    }
    let Some(epoch) = node.cohort.as_ref().map(|cohort| cohort.session().fence().epoch) else {
        return effects;
    };
    let mut bytes = Vec::new();
    Uplink::Migrate { epoch, mode: MoveMode::Seamless }.encode(&mut bytes);
    effects.absorb(node.call(variant, |cohort, env| {
        let taken = cohort.received(LINK, &bytes, env);
        assert_eq!(taken, Some(Ok(bytes.len())), "a request to move is taken");
    }));
    effects
}

fn attach(node: &mut Node, variant: Option<Variant>) -> Effects {
    let Some(id) = node.cohort.as_ref().and_then(Cohort::admits) else { return Effects::default() };
    let link = node.link();
    node.call(variant, |cohort, env| {
        // Refused while the lease does not hold: the client tries again.
        if cohort.attach(id, SESSION, link, false, env).is_ok() {
            let mut start = Vec::new();
            Data::Start(Cursor(0)).encode(&mut start);
            assert_eq!(cohort.received(LINK, &start, env), Some(Ok(start.len())), "an uplink may begin");
        }
    })
}

fn can_attach(node: &mut Node, variant: Option<Variant>) -> Effects {
    let Some((id, _)) = node.cohort.as_ref().and_then(Cohort::probed_by) else { return Effects::default() };
    let mut bytes = Vec::new();
    Uplink::CanAttach { id }.encode(&mut bytes);
    node.call(variant, |cohort, env| {
        let taken = cohort.received(LINK, &bytes, env);
        assert_eq!(taken, Some(Ok(bytes.len())), "a client may answer");
    })
}

/// (e) Before a node renews its lease, it drops its preparations and freezes what it holds.
fn fence(node: &mut Node, variant: Option<Variant>) -> Effects {
    node.lease = LeasePhase::Fenced;
    let careless = variant == Some(Variant::KeepsPreparationsFenced)
        && node.cohort.as_ref().is_some_and(|cohort| cohort.admits().is_some());
    if careless { Effects::default() } else { node.call(variant, Cohort::on_fenced) }
}
