//! The state of three nodes, the network between them and the stores, and everything that may happen next.

use crate::messages::{Digested, Envelope};
use crate::node::{Effects, LINK, LeasePhase, NOW, Node, Question, SETTINGS, Who};
use crate::store::{Reply, Store};
use crate::variants::Variant;
use sterna::protocol::cohort::{Cohort, Wake};
use sterna::protocol::ids::{Binding, Bucket, Cursor, Epoch, Fence, NodeId, SessionId};
use sterna::protocol::limits;
use sterna::protocol::record::{OwnerPhase, Record, Revision, Versioned};
use sterna::protocol::takeover;
use sterna::protocol::wire::{Data, MoveMode, Peer, Uplink, split};

/// How often things may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Crashes and leases that run out, together.
    pub faults: u8,
    /// Answers of the stores that get lost.
    pub lost_answers: u8,
    /// Times that the client asks to be moved.
    pub moves: u8,
    /// Times that a node begins to take over.
    pub takers: u8,
    /// Targets that one move tries.
    pub targets: u8,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cluster {
    /// Directory and snapshots.
    pub store: Store,
    /// The nodes 1, 2 and 3; the session begins on 1, the spare is 3.
    pub nodes: [Digested<Node>; 3],
    /// Every message that was ever sent: it may arrive any number of times from now on, at any time, or never.
    pub network: Vec<Digested<Envelope>>,
    /// What may still go wrong.
    pub left: Bounds,
    /// A client was told that it is served by a node whose lease did not hold.
    pub served_without_lease: bool,
    /// A source has claimed the record for a target that has not said Ready.
    pub claimed_unready: bool,
}

/// One thing that may happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A message arrives; it may do so again.
    Deliver(usize),
    /// The first byte of the baton in a node's outbox leaves.
    BatonLeaves(usize),
    /// A question of a node reaches its store.
    Process(usize, usize),
    /// The answer arrives.
    Answer(usize, usize),
    /// No answer comes; a write among these may land later.
    LoseAnswer(usize, usize),
    /// A write that was thought lost lands.
    Land(usize),
    /// The client asks a node to be moved.
    Migrate(usize),
    /// The client attaches to a target.
    Attach(usize),
    /// A time has come.
    Wake(usize, Wake),
    /// The take-over of a node asks again.
    AskAgain(usize),
    /// A node sees that the lease of the node that its move depends on has run out.
    SeeGone(usize),
    /// A node begins to take the cohort over.
    BeginTakeOver(usize),
    /// A node crashes.
    Crash(usize),
    /// A node's lease runs out.
    RunOut(usize),
    /// Its driver notices.
    Fence(usize),
    /// It has renewed the lease.
    Renew(usize),
}

fn node_id(index: usize) -> NodeId {
    NodeId(index as u64 + 1)
}

impl Cluster {
    /// Node 1 serves the session, whose client is linked to it.
    pub fn new(bounds: Bounds) -> Self {
        let session = SessionId(7);
        let record = Record {
            bucket: Bucket(1),
            binding: Binding(0),
            epoch: Epoch(1),
            owner: node_id(0),
            phase: OwnerPhase::Serving,
            room: None,
        };
        let held = Versioned { revision: Revision(1), record };
        let cohort = Cohort::begin(session, "user".into(), [7; 32], held, SETTINGS.clone());
        let state = cohort.session().export(NOW);
        let mut owner = Node::new(node_id(0), bounds.targets.into());
        owner.cohort = Some(cohort);
        let link = owner.link();
        owner.call(None, |cohort, env| cohort.connect(link, false, env));
        let other = |index: usize| Digested::new(Node::new(node_id(index), bounds.targets.into()));
        let nodes = [Digested::new(owner), other(1), other(2)];
        Self {
            store: Store::new(record, vec![state]),
            nodes,
            network: Vec::new(),
            left: bounds,
            served_without_lease: false,
            claimed_unready: false,
        }
    }

    /// How many copies of the session are served.
    pub fn servers(&self) -> usize {
        self.nodes.iter().map(|node| node.serving()).sum()
    }

    /// The message at `index`.
    pub fn frame(&self, index: usize) -> Peer {
        let (body, _) = split(&self.network[index].bytes, limits::PEER_FRAME_BYTES_MAX)
            .ok()
            .flatten()
            .expect("a whole frame was sent");
        Peer::decode(body).expect("what was encoded can be decoded")
    }

    fn is_gone(node: &Node) -> bool {
        !node.alive || !matches!(node.lease, LeasePhase::Holds)
    }

    /// What a read of the heartbeats shows to who has looked for long enough.
    fn update_leases(&mut self, variant: Option<Variant>) {
        let before = std::mem::take(&mut self.store.gone);
        let remembered = |node: NodeId| variant == Some(Variant::WeighsOldLeases) && before.contains(&node);
        let gone = self.nodes.iter().filter(|node| Self::is_gone(node) || remembered(node.id));
        self.store.gone = gone.map(|node| node.id).collect();
        let record = self.store.held.record;
        if variant == Some(Variant::TakesOverOnOwnersLeaseAlone)
            && let OwnerPhase::Handing { from, .. } = record.phase
            && self.store.gone.contains(&record.owner)
            && !self.store.gone.contains(&from)
        {
            self.store.gone.push(from);
        }
    }

    /// Everything that may happen next.
    pub fn actions(&self, variant: Option<Variant>, actions: &mut Vec<Action>) {
        for (index, envelope) in self.network.iter().enumerate() {
            if self.nodes[envelope.to.0 as usize - 1].alive {
                actions.push(Action::Deliver(index));
            }
        }
        actions.extend((0..self.store.late.len()).map(Action::Land));
        for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.alive) {
            self.actions_of(index, node, variant, actions);
        }
    }

    fn actions_of(&self, index: usize, node: &Node, variant: Option<Variant>, actions: &mut Vec<Action>) {
        if node.outbox.is_some() {
            actions.push(Action::BatonLeaves(index));
        }
        for (number, question) in node.questions.iter().enumerate() {
            if question.reply.is_some() {
                actions.push(Action::Answer(index, number));
            }
            if question.reply.is_none() || self.is_outdated(question) {
                actions.push(Action::Process(index, number));
            }
            if self.left.lost_answers > 0 {
                actions.push(Action::LoseAnswer(index, number));
            }
        }
        if let Some(cohort) = &node.cohort {
            if self.left.moves > 0 && node.serving() > 0 && !cohort.is_leaving() {
                actions.push(Action::Migrate(index));
            }
            if cohort.admits().is_some() && !node.linked {
                actions.push(Action::Attach(index));
            }
            let recalls_early = variant == Some(Variant::RecallsOnTimeOut) && cohort.is_leaving();
            if cohort.depends_on().is_some_and(|other| recalls_early || self.store.gone.contains(&other)) {
                actions.push(Action::SeeGone(index));
            }
        }
        for wake in [&node.cohort, &node.kept].into_iter().flatten().flat_map(Cohort::wakes) {
            if !is_resend(wake) {
                actions.push(Action::Wake(index, wake));
            }
        }
        if node.take_over.as_ref().is_some_and(|take_over| take_over.poll_timeout().is_some()) {
            actions.push(Action::AskAgain(index));
        }
        if self.left.takers > 0 && node.may_begin_take_over(&self.store.held.record, &self.store.gone) {
            actions.push(Action::BeginTakeOver(index));
        }
        match node.lease {
            LeasePhase::Holds if self.left.faults > 0 && node.is_involved() => {
                actions.push(Action::RunOut(index));
            }
            LeasePhase::Holds | LeasePhase::Ignored => {}
            LeasePhase::RunOut => actions.push(Action::Fence(index)),
            LeasePhase::Fenced => actions.push(Action::Renew(index)),
        }
        if self.left.faults > 0 && node.is_involved() {
            actions.push(Action::Crash(index));
        }
    }

    /// Lets it happen.
    pub fn happen(&mut self, action: &Action, variant: Option<Variant>) {
        self.do_it(action, variant);
        self.update_leases(variant);
        self.forget_spent_messages(variant);
    }

    /// A message that from now on changes nothing, whenever it arrives, need not be told apart from one that
    /// never does: that of an attempt which its source has left behind, and Prepare for an epoch that the
    /// record has passed, which can only be refused.
    fn forget_spent_messages(&mut self, variant: Option<Variant>) {
        let (nodes, epoch) = (&self.nodes, self.store.held.record.epoch);
        self.network.retain(|envelope| {
            let to = &nodes[envelope.to.0 as usize - 1];
            let leaving = || to.cohort.as_ref().and_then(Cohort::source).map(|source| source.id());
            to.alive
                && match envelope.name {
                    "Prepare" => envelope.id.epoch > epoch,
                    "Ready" if variant == Some(Variant::EarlierReadyCounts) => true,
                    "Prepared" | "Refused" | "Ready" | "BatonAck" | "Finalised" => {
                        leaving() == Some(envelope.id)
                    }
                    _ => true,
                }
        });
    }

    fn do_it(&mut self, action: &Action, variant: Option<Variant>) {
        match *action {
            Action::Deliver(index) => {
                let envelope = self.network[index].clone();
                let frame = self.frame(index);
                self.deliver(&envelope, frame, variant);
            }
            Action::BatonLeaves(index) => self.at(index, |node| {
                let Some(envelope) = node.outbox.take() else { return Effects::default() };
                let Some(id) = node.cohort.as_ref().and_then(Cohort::source).map(|source| source.id()) else {
                    return Effects::default();
                };
                let mut effects = node.call(variant, |cohort, env| cohort.on_baton_left(id, env));
                effects.sent.push(envelope);
                effects
            }),
            Action::Process(index, number) => {
                let reply = self.store.process(&self.nodes[index].questions[number].request);
                self.nodes[index].change(|node| node.questions[number].reply = Some(reply));
            }
            Action::Answer(index, number) => {
                let question = self.nodes[index].change(|node| node.questions.remove(number));
                if let Some(reply) = question.reply {
                    self.answer(index, question.who, question.number, reply, variant);
                }
            }
            Action::LoseAnswer(index, number) => {
                let question = self.nodes[index].change(|node| node.questions.remove(number));
                self.left.lost_answers -= 1;
                let reply = question.request.unanswered();
                if question.reply.is_none() {
                    self.store.abandon(question.request);
                }
                self.answer(index, question.who, question.number, reply, variant);
            }
            Action::Land(index) => self.store.land(index),
            Action::Migrate(index) => {
                self.left.moves -= 1;
                self.at(index, |node| migrate(node, variant));
            }
            Action::Attach(index) => self.at(index, |node| attach(node, variant)),
            Action::Wake(index, wake) => self.at(index, |node| {
                let mut effects = node.call(variant, |cohort, env| {
                    if cohort.wakes().contains(&wake) {
                        cohort.fire(wake, env);
                    }
                });
                effects.absorb(node.call_kept(variant, |cohort, env| cohort.fire(wake, env)));
                effects
            }),
            Action::AskAgain(index) => {
                self.at(index, |node| node.tell_take_over(takeover::Input::Timeout, &[], variant));
            }
            Action::SeeGone(index) => self.at(index, |node| {
                node.call(variant, |cohort, env| {
                    if let Some(other) = cohort.depends_on() {
                        cohort.on_node_gone(other, env);
                    }
                })
            }),
            Action::BeginTakeOver(index) => {
                self.left.takers -= 1;
                self.at(index, |node| node.begin_take_over(variant));
            }
            Action::Crash(index) => self.crash(index),
            Action::RunOut(index) => self.run_out(index, variant),
            Action::Fence(index) => self.at(index, |node| fence(node, variant)),
            Action::Renew(index) => self.at(index, |node| {
                node.lease = LeasePhase::Holds;
                node.call(variant, |cohort, _| cohort.on_unfenced())
            }),
        }
    }

    /// A message arrives.
    pub fn deliver(&mut self, envelope: &Envelope, frame: Peer, variant: Option<Variant>) {
        let index = envelope.to.0 as usize - 1;
        if self.nodes[index].alive {
            self.at(index, |node| node.receive(envelope.from, frame, variant));
        }
    }

    /// A read that is still on its way could bring back something newer.
    fn is_outdated(&self, question: &Question) -> bool {
        question.request.read(&self.store).is_some_and(|now| question.reply.as_ref() != Some(&now))
    }

    /// What is read is what there was at some time between question and answer: at first, when it was asked.
    fn read_at_once(&mut self, index: usize) {
        let store = &self.store;
        if self.nodes[index].questions.iter().any(|question| question.is_unread()) {
            self.nodes[index].change(|node| {
                for question in node.questions.iter_mut().filter(|question| question.is_unread()) {
                    question.reply = question.request.read(store);
                }
            });
        }
    }

    fn at(&mut self, index: usize, act: impl FnOnce(&mut Node) -> Effects) {
        let effects = self.nodes[index].change(act);
        self.served_without_lease |= effects.served_without_lease;
        for envelope in effects.sent {
            if let Err(place) = self.network.binary_search_by(|sent| (**sent).cmp(&envelope)) {
                self.network.insert(place, Digested::new(envelope));
            }
        }
        if let Some(id) = effects.claimed {
            let ready = |sent: &Digested<Envelope>| sent.name == "Ready" && sent.id == id;
            self.claimed_unready |= !self.network.iter().any(ready);
        }
        for request in effects.abandoned {
            self.store.abandon(request);
        }
        self.read_at_once(index);
    }

    fn answer(&mut self, index: usize, who: Who, number: u64, reply: Reply, variant: Option<Variant>) {
        self.at(index, |node| match (who, reply) {
            (Who::TakeOver, Reply::Leases(gone)) => {
                let input = takeover::Input::Leases(number, gone.is_some());
                node.tell_take_over(input, &gone.unwrap_or_default(), variant)
            }
            (Who::Cohort(asker), Reply::Directory(answer)) => {
                node.call(variant, |cohort, env| cohort.on_answer(asker, number, answer, env))
            }
            (Who::Kept(asker), Reply::Directory(answer)) => {
                node.call_kept(variant, |cohort, env| cohort.on_answer(asker, number, answer, env))
            }
            (Who::TakeOver, Reply::Directory(answer)) => {
                node.tell_take_over(takeover::Input::Answer(number, answer), &[], variant)
            }
            (Who::TakeOver, Reply::Snapshot(answer)) => {
                node.tell_take_over(takeover::Input::Snapshot(number, answer), &[], variant)
            }
            (Who::Arrival(id), Reply::Stored) => node.call(variant, |cohort, env| cohort.on_stored(id, env)),
            (who, reply) => unreachable!("{who:?} is answered by {reply:?}"),
        });
    }

    /// What it has asked for may still be done.
    fn crash(&mut self, index: usize) {
        self.left.faults -= 1;
        let gone = Node { alive: false, ..Node::new(node_id(index), 0) };
        let crashed = std::mem::replace(&mut self.nodes[index], Digested::new(gone));
        for question in crashed.questions.iter().filter(|question| question.reply.is_none()) {
            self.store.abandon(question.request.clone());
        }
    }

    fn run_out(&mut self, index: usize, variant: Option<Variant>) {
        self.left.faults -= 1;
        let ignores = variant == Some(Variant::NoSelfFencing);
        let lease = if ignores { LeasePhase::Ignored } else { LeasePhase::RunOut };
        self.nodes[index].change(|node| node.lease = lease);
    }
}

impl Effects {
    /// These happened as well.
    pub fn absorb(&mut self, other: Self) {
        self.sent.extend(other.sent);
        self.abandoned.extend(other.abandoned);
        self.served_without_lease |= other.served_without_lease;
        self.claimed = self.claimed.or(other.claimed);
    }
}

fn is_resend(wake: Wake) -> bool {
    use sterna::protocol::{source, target};
    match wake {
        Wake::Source(wake) => matches!(wake, source::Wake::ResendPrepare | source::Wake::ResendBaton),
        Wake::Target(_, wake) => matches!(wake, target::Wake::ResendReady),
    }
}

fn migrate(node: &mut Node, variant: Option<Variant>) -> Effects {
    let mut effects = Effects::default();
    if !node.linked {
        let link = node.link();
        effects = node.call(variant, |cohort, env| {
            let resumed = cohort.resume(Fence::default(), link, false, env);
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
        assert_eq!(taken, Ok(bytes.len()), "a request to move is taken");
    }));
    effects
}

fn attach(node: &mut Node, variant: Option<Variant>) -> Effects {
    let Some(id) = node.cohort.as_ref().and_then(Cohort::admits) else { return Effects::default() };
    let link = node.link();
    node.call(variant, |cohort, env| {
        // Refused while the lease does not hold: the client tries again.
        if cohort.attach(id, link, false, env).is_ok() {
            let mut start = Vec::new();
            Data::Start(Cursor(0)).encode(&mut start);
            assert_eq!(cohort.received(LINK, &start, env), Ok(start.len()), "an uplink may begin");
        }
    })
}

/// (e) Before a node renews its lease, it drops its preparations and freezes what it holds.
fn fence(node: &mut Node, variant: Option<Variant>) -> Effects {
    node.lease = LeasePhase::Fenced;
    let careless = variant == Some(Variant::KeepsPreparationsFenced)
        && node.cohort.as_ref().is_some_and(|cohort| cohort.admits().is_some());
    let mut effects =
        if careless { Effects::default() } else { node.call(variant, |cohort, env| cohort.on_fenced(env)) };
    effects.absorb(node.tell_take_over(takeover::Input::Fenced, &[], variant));
    effects
}
