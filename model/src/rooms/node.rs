//! A node as its driver sees it: the cohorts, the lease, what it remembers, what waits for an answer.

use super::tamper::{self, Variant};
use super::{Bounds, ROOM};
use crate::messages::{Digested, Envelope};
use crate::node::{HOLDING, Idle, LINK, LeasePhase, NOW, TIMING};
use crate::store::{Reply, Request};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::cohort::{Asker, Cohort, Entry, Env, ErrandAnswer, NodeView, Output, RoomAsk, Wake};
use sterna::protocol::ids::{CohortId, Cursor, Fence, LinkNumber, MoveId, NodeId, SessionId};
use sterna::protocol::lease::ServePermit;
use sterna::protocol::limits;
use sterna::protocol::reasons::{OfflineReason, TargetRefusal};
use sterna::protocol::record::{Answer, Ask, ReadAnswer, Versioned};
use sterna::protocol::room::wire::{self, RoomRequest};
use sterna::protocol::session::{Link, Outgoing, Session, Settings};
use sterna::protocol::snapshot::Durability;
use sterna::protocol::source::Timing;
use sterna::protocol::time::{BootTime, Time};
use sterna::protocol::wire::{Data, Kind, Message, Peer, Uplink, split};

/// When it is time to look at what a client wants of rooms once more.
const LATER: Time = Time::from_micros(1_000_000);

/// How nodes are set up.
pub(super) fn settings(durability: Durability) -> Arc<Settings> {
    Arc::new(Settings {
        node: "model".into(),
        message_bytes_max: 1024,
        replay_bytes_max: 1 << 20,
        user_data_bytes_max: 1 << 20,
        resume_max: Duration::MAX,
        silence_max: Duration::MAX,
        moves_when_online: true,
        durability,
        room: Arc::default(),
    })
}

#[derive(Debug)]
pub(super) struct View {
    pub(super) id: NodeId,
    pub(super) offline: bool,
}

impl NodeView for View {
    fn id(&self) -> NodeId {
        self.id
    }
    fn timing(&self) -> Timing {
        TIMING
    }
    fn addresses(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        (Vec::new(), Vec::new())
    }
    fn going_offline(&self) -> Option<(OfflineReason, Time)> {
        self.offline.then_some((OfflineReason::ScaleIn, NOW))
    }
    fn ticket(&self, _: MoveId, _: SessionId, _: &[u8; 32]) -> Vec<u8> {
        Vec::new()
    }
    fn resume_token(&self, _: SessionId, _: &[u8; 32]) -> Vec<u8> {
        Vec::new()
    }
}

/// Who has asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Who {
    /// The cohort.
    Cohort(Asker),
    /// The node, where the room is, for the session of this cohort.
    Errand,
}

/// A question under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) cohort: CohortId,
    pub(super) who: Who,
    number: u64,
    pub(super) request: Request,
    /// The answer that is on its way back.
    pub(super) reply: Option<Reply>,
}

impl Question {
    /// What it is about.
    pub(super) fn key(&self) -> CohortId {
        match self.who {
            Who::Cohort(asker) => asker.key(self.cohort),
            Who::Errand => ROOM,
        }
    }
}

/// What a client has seen when it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) session: SessionId,
    pub(super) fence: Fence,
    /// Its messages before this are acknowledged ...
    pub(super) acknowledged: Cursor,
    /// ... and before this processed.
    pub(super) processed: Cursor,
    /// It has received everything before this ...
    pub(super) received: Cursor,
    /// ... and this is where the downlink ends.
    pub(super) sent: Cursor,
}

/// What a call leads to outside of the node.
#[derive(Clone, Debug, Default)]
pub(super) struct Effects {
    pub(super) sent: Vec<Digested<Envelope>>,
    pub(super) abandoned: Vec<(CohortId, Request)>,
    pub(super) forgotten: Vec<(CohortId, Versioned)>,
    pub(super) told: Vec<Told>,
}

impl Effects {
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty() && self.abandoned.is_empty() && self.forgotten.is_empty() && self.told.is_empty()
    }
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) alive: bool,
    pub(super) lease: LeasePhase,
    /// It goes offline.
    pub(super) offline: bool,
    pub(super) cohorts: BTreeMap<CohortId, Cohort>,
    refused: Vec<MoveId>,
    pub(super) questions: Vec<Question>,
    durability: Durability,
    /// A session that wants to be in the room moves to its node.
    follows: bool,
    /// [`Variant::GivesUpBinding`]: the cohort of the one who joins, as it was before.
    before: Option<Box<Cohort>>,
}

impl Node {
    pub(super) fn new(id: NodeId, bounds: &Bounds) -> Self {
        Self {
            id,
            alive: true,
            lease: LeasePhase::Holds,
            offline: false,
            cohorts: BTreeMap::new(),
            refused: Vec::new(),
            questions: Vec::new(),
            durability: bounds.durability,
            follows: bounds.follows,
            before: None,
        }
    }

    /// Whether it is entitled to serve.
    pub(super) fn permits(&self) -> bool {
        self.alive && self.lease.permits()
    }

    /// The cohort in which it serves this session.
    pub(super) fn serving(&self, session: SessionId) -> Option<&Cohort> {
        let serves = |cohort: &&Cohort| {
            cohort.is_served()
                && cohort.sessions().any(|held| held.id() == session)
                && !cohort.asks(Asker::Member(session))
        };
        self.cohorts.values().find(|cohort| self.permits() && serves(cohort))
    }

    /// Whether it knows where this session is here, or is about it already.
    pub(super) fn is_about(&self, key: CohortId) -> bool {
        let seats = |cohort: &Cohort| cohort.sessions().any(|held| CohortId::from(held.id()) == key);
        let held = |cohort: &Cohort| cohort.is_held() && (cohort.id() == key || seats(cohort));
        self.cohorts.values().any(held)
            || self.cohorts.get(&key).is_some_and(|cohort| cohort.asks(Asker::TakeOver))
    }

    /// Calls a cohort, and does what it wants done.
    pub(super) fn call(
        &mut self,
        key: CohortId,
        variant: Option<Variant>,
        act: impl FnOnce(&mut Cohort, &Env<'_>),
    ) -> Effects {
        self.call_at(NOW, key, variant, act)
    }

    fn call_at(
        &mut self,
        now: Time,
        key: CohortId,
        variant: Option<Variant>,
        act: impl FnOnce(&mut Cohort, &Env<'_>),
    ) -> Effects {
        self.with_driver(variant, |driver, permit, view| {
            let env = Env { now, permit, application: &Idle, node: view };
            if let Some(mut cohort) = driver.node.cohorts.remove(&key) {
                act(&mut cohort, &env);
                let env = Env { now: NOW, ..env };
                driver.settle(cohort, &env);
            }
        })
    }

    fn with_driver(
        &mut self,
        variant: Option<Variant>,
        act: impl FnOnce(&mut Driver<'_>, Option<ServePermit<'_>>, &View),
    ) -> Effects {
        let view = View { id: self.id, offline: self.offline };
        let permit = HOLDING.permit(BootTime::from_micros(0)).filter(|_| self.lease.permits());
        let mut driver = Driver { node: self, variant, effects: Effects::default() };
        act(&mut driver, permit, &view);
        let mut effects = driver.effects;
        self.tidy(&mut effects);
        effects
    }

    /// The same for all cohorts, one after the other.
    pub(super) fn call_all(
        &mut self,
        variant: Option<Variant>,
        act: impl Fn(&mut Cohort, &Env<'_>),
    ) -> Effects {
        let mut effects = Effects::default();
        for key in self.cohorts.keys().copied().collect::<Vec<_>>() {
            effects.absorb(self.call(key, variant, &act));
        }
        effects
    }

    /// Forgets questions of what has ended, and counts the others anew.
    fn tidy(&mut self, effects: &mut Effects) {
        let cohorts = &self.cohorts;
        let is_spent = |question: &Question| {
            let Some(cohort) = cohorts.get(&question.cohort) else { return true };
            match question.who {
                Who::Cohort(asker) => !cohort.awaits(asker, question.number),
                Who::Errand => cohort.room().is_some() || cohort.sessions().len() == 0,
            }
        };
        let spent: Vec<_> = self
            .questions
            .iter()
            .filter(|question| is_spent(question))
            .map(|question| (question.cohort, question.who))
            .collect();
        self.abandon_if(|question| spent.contains(&(question.cohort, question.who)), effects);
        self.cohorts.values_mut().for_each(Cohort::renumber);
        for question in &mut self.questions {
            question.number = question.number.min(1);
        }
        self.questions.sort_by_key(|question| (question.cohort, question.who));
    }

    fn abandon_if(&mut self, so: impl Fn(&Question) -> bool, effects: &mut Effects) {
        let gone: Vec<_> = self.questions.extract_if(.., |question| so(question)).collect();
        for question in gone.into_iter().filter(|question| question.reply.is_none()) {
            effects.abandoned.push((question.key(), question.request));
        }
    }

    /// A message has come from another node.
    pub(super) fn receive(&mut self, from: NodeId, frame: Peer, variant: Option<Variant>) -> Effects {
        let Some(key) = frame.cohort() else { return Effects::default() };
        let settings = settings(self.durability);
        match frame {
            Peer::Prepare { id, from, fence, ref members, mode, .. } => {
                if !self.lease.permits() || self.offline {
                    let reason = TargetRefusal::Fenced;
                    let refused = Envelope::new(self.id, from, &Peer::Refused { id, reason });
                    let sent = vec![Digested::new(refused)];
                    return Effects { sent, ..Effects::default() };
                }
                let refused_before = self.refused.contains(&id);
                self.cohorts.entry(key).or_insert_with(|| Cohort::expect(id, members, settings));
                self.call(key, variant, |cohort, env| {
                    cohort.on_prepare(id, from, fence, members, mode, refused_before, env);
                })
            }
            Peer::Baton { id, .. } if !self.cohorts.contains_key(&key) => {
                self.cohorts.insert(key, Cohort::unknown(key, self.id, settings));
                self.call(key, variant, |cohort, env| cohort.refuse_baton(from, id, env))
            }
            frame => self.call(key, variant, |cohort, env| cohort.on_peer(from, frame, env)),
        }
    }

    /// The client of a session that is served here asks something of its room, or of a room.
    pub(super) fn request(
        &mut self,
        session: SessionId,
        request: &RoomRequest,
        variant: Option<Variant>,
    ) -> Effects {
        let Some(key) = self.serving(session).map(Cohort::id) else { return Effects::default() };
        self.with_driver(variant, |driver, permit, view| {
            let env = Env { now: NOW, permit, application: &Idle, node: view };
            if let Some(mut cohort) = driver.node.cohorts.remove(&key) {
                driver.visit(&mut cohort, session, Some(request), &env);
                driver.settle(cohort, &env);
            }
        })
    }

    /// The client of a session that is on its way here attaches, and goes again.
    pub(super) fn attach(&mut self, key: CohortId, variant: Option<Variant>) -> Effects {
        self.call(key, variant, |cohort, env| {
            let Some(id) = cohort.admits() else { return };
            let waiting: Vec<SessionId> = cohort.sessions().map(Session::id).collect();
            for session in waiting {
                let link = Link::new(LINK, LinkNumber(1), None, u64::MAX / 2, Cursor(0));
                if cohort.attach(id, session, link, false, env).is_ok() {
                    let mut start = Vec::new();
                    Data::Start(Cursor(0)).encode(&mut start);
                    let _ = cohort.received(LINK, &start, env);
                }
                cohort.link_ended(LINK, env);
            }
        })
    }

    /// Begins a take-over.
    pub(super) fn begin_take_over(&mut self, key: CohortId, variant: Option<Variant>) -> Effects {
        let unknown = || Cohort::unknown(key, self.id, settings(self.durability));
        self.cohorts.entry(key).or_insert_with(unknown);
        self.call(key, variant, Cohort::take_over)
    }

    /// A time has come.
    pub(super) fn wake(&mut self, key: CohortId, wake: Wake, variant: Option<Variant>) -> Effects {
        let now = if let Wake::Errand(_) = wake { LATER } else { NOW };
        self.call_at(now, key, variant, |cohort, env| {
            if cohort.wakes().contains(&wake) {
                cohort.fire(wake, env);
            }
        })
    }

    /// An answer arrives, or none.
    pub(super) fn answer(&mut self, number: usize, lost: bool, variant: Option<Variant>) -> Effects {
        let question = self.questions.remove(number);
        let unanswered = question.request.unanswered();
        let reply = if lost { unanswered } else { question.reply.clone().unwrap_or(unanswered) };
        let asked = question.number;
        let mut effects = match (question.who, reply) {
            (Who::Errand, reply) => self.answer_errand(question.cohort, reply, variant),
            (Who::Cohort(asker), Reply::Directory(answer)) => {
                let mut answer = answer;
                let binds = |cohort: &Cohort| tamper::binds(cohort, asker, &question.request);
                if lost
                    && variant == Some(Variant::GivesUpBinding)
                    && self.cohorts.get(&question.cohort).is_some_and(binds)
                    && let Reply::Directory(given_up) = tamper::given_up()
                    && let Some(before) = self.before.take()
                {
                    answer = given_up;
                    self.cohorts.insert(before.id(), *before);
                }
                self.call(question.cohort, variant, |cohort, env| cohort.on_answer(asker, asked, answer, env))
            }
            (Who::Cohort(asker), Reply::Snapshot(answer)) => {
                self.call(question.cohort, variant, |cohort, env| {
                    cohort.on_snapshot(asker, asked, answer, env)
                })
            }
            (Who::Cohort(_), Reply::Leases(gone)) => {
                let gone = gone.map(|gone| gone.into_iter().collect());
                self.call(question.cohort, variant, |cohort, env| cohort.on_leases(asked, gone, env))
            }
        };
        if lost && question.reply.is_none() {
            effects.abandoned.insert(0, (question.key(), question.request));
        }
        effects
    }

    /// The room's record has been read for a session that wants to be in it. If the room is here, it enters.
    fn answer_errand(&mut self, lone: CohortId, reply: Reply, variant: Option<Variant>) -> Effects {
        let session = SessionId(lone.0);
        let here = self.cohorts.get(&ROOM).is_some_and(Cohort::is_held);
        let answer = match reply {
            _ if here => return self.enter(lone, variant),
            Reply::Directory(Answer::Read(ReadAnswer::Read(Some(found)))) => {
                if found.record.owner == self.id || !self.follows {
                    ErrandAnswer::Later
                } else {
                    ErrandAnswer::At(found.record.owner)
                }
            }
            Reply::Directory(Answer::Read(ReadAnswer::Read(None))) => ErrandAnswer::Nowhere,
            _ => ErrandAnswer::Failed,
        };
        self.call(lone, variant, |cohort, env| cohort.on_errand_answer(session, answer, env))
    }

    fn enter(&mut self, key: CohortId, variant: Option<Variant>) -> Effects {
        self.with_driver(variant, |driver, permit, view| {
            let env = Env { now: NOW, permit, application: &Idle, node: view };
            let Some(mut room) = driver.node.cohorts.remove(&ROOM) else { return };
            let Some(mut lone) = driver.node.cohorts.remove(&key) else {
                driver.node.cohorts.insert(ROOM, room);
                return;
            };
            let before = (variant == Some(Variant::GivesUpBinding)).then(|| Box::new(lone.clone()));
            let entry = room.enter(&mut lone, &env);
            let session = SessionId(key.0);
            match entry {
                Entry::Entered => driver.node.before = before,
                Entry::Refused(refusal) => {
                    lone.on_errand_answer(session, ErrandAnswer::Refused(refusal), &env)
                }
                Entry::Later => lone.on_errand_answer(session, ErrandAnswer::Later, &env),
            }
            driver.settle(room, &env);
            driver.settle(lone, &env);
        })
    }
}

impl Effects {
    /// These happened as well.
    pub(super) fn absorb(&mut self, other: Self) {
        self.sent.extend(other.sent);
        self.abandoned.extend(other.abandoned);
        self.forgotten.extend(other.forgotten);
        self.told.extend(other.told);
    }
}

struct Driver<'a> {
    node: &'a mut Node,
    variant: Option<Variant>,
    effects: Effects,
}

impl Driver<'_> {
    /// Does what a cohort wants done, lets its clients look, and puts it back.
    fn settle(&mut self, mut cohort: Cohort, env: &Env<'_>) {
        self.follow(&mut cohort, env);
        let sessions: Vec<SessionId> = cohort.sessions().map(Session::id).collect();
        for session in sessions {
            self.visit(&mut cohort, session, None, env);
            self.follow(&mut cohort, env);
        }
        if !cohort.is_gone() {
            self.node.cohorts.insert(cohort.id(), cohort);
        }
    }

    fn follow(&mut self, cohort: &mut Cohort, env: &Env<'_>) {
        while let Some(output) = cohort.poll_output() {
            self.perform(cohort, output, env);
        }
    }

    fn perform(&mut self, cohort: &mut Cohort, output: Output, env: &Env<'_>) {
        let id = self.node.id;
        match output {
            Output::Peer(to, frame) => {
                self.effects.sent.push(Digested::new(Envelope::new(id, to, &frame)));
                // Its first byte leaves at once: that it can be taken back is the ownership model's affair.
                if let Peer::Baton { id, .. } = frame {
                    cohort.on_baton_left(id, env);
                }
            }
            Output::RevokeBaton(_, id) => cohort.on_revoked(id, false, env),
            Output::Ask(asker, number, ask) => {
                self.ask(cohort, Who::Cohort(asker), number, Request::Directory(ask));
            }
            Output::Snapshot(asker, number, ask) => {
                self.ask(cohort, Who::Cohort(asker), number, Request::Snapshot(ask));
            }
            Output::ReadLeases(number) => {
                self.ask(cohort, Who::Cohort(Asker::TakeOver), number, Request::Leases);
            }
            Output::Room(RoomAsk::Find { .. }) => {
                self.ask(cohort, Who::Errand, 1, Request::Directory(Ask::Read));
            }
            Output::Room(_) => unreachable!("the room is known by its number"),
            Output::PickTarget(tried) => {
                let free = |other: &NodeId| *other != id && !tried.contains(other);
                cohort.on_target_picked((1..=2).map(NodeId).find(free), env);
            }
            Output::RememberRefusal(id) => {
                if !self.node.refused.contains(&id) {
                    self.node.refused.push(id);
                    self.node.refused.sort();
                }
            }
            Output::Forget { held, .. } => {
                self.effects.forgotten.push((cohort.id(), held));
                cohort.on_forgotten();
            }
            Output::Split(mut lone) => {
                lone.begin_alone(env);
                self.settle(*lone, env);
            }
            Output::List | Output::Dismiss(_) | Output::Report(_) => {}
        }
    }

    /// A new question of somebody takes the place of the last one.
    fn ask(&mut self, cohort: &Cohort, who: Who, number: u64, request: Request) {
        let key = cohort.id();
        let same = |other: &Question| {
            other.cohort == key
                && match (other.who, who) {
                    (Who::Cohort(Asker::Source(_)), Who::Cohort(Asker::Source(_))) => true,
                    (one, other) => one == other,
                }
        };
        self.node.abandon_if(same, &mut self.effects);
        let mut question = Question { cohort: key, who, number, request, reply: None };
        if let (Some(variant), Who::Cohort(asker)) = (self.variant, who)
            && let Some((reply, under_way)) =
                tamper::answered_at_once(variant, cohort, asker, &question.request)
        {
            question.reply = Some(reply);
            if under_way {
                self.effects.abandoned.push((question.key(), question.request.clone()));
            }
        }
        self.node.questions.push(question);
    }

    /// The client of a session that is served comes, looks, perhaps asks for something, and goes again.
    fn visit(
        &mut self,
        cohort: &mut Cohort,
        session: SessionId,
        request: Option<&RoomRequest>,
        env: &Env<'_>,
    ) {
        let Some(state) = cohort.sessions().find(|held| held.id() == session).map(|held| held.export(NOW))
        else {
            return;
        };
        let link = Link::new(LINK, LinkNumber(1), None, u64::MAX / 2, state.down);
        if cohort.resume(session, Fence::default(), link, false, env).is_err() {
            return;
        }
        let mut bytes = Vec::new();
        Data::Start(state.up).encode(&mut bytes);
        if let Some(request) = request {
            let mut payload = Vec::new();
            request.encode(&mut payload);
            let (kind, ver, cmd) = (Kind::Request(1), wire::VER, wire::REQUEST);
            Message { kind, ver, cmd, payload: &payload }.encode(&mut bytes);
        }
        let taken = cohort.received(LINK, &bytes, env);
        assert_eq!(taken, Some(Ok(bytes.len())), "what the client says makes sense");
        let heard = listen(cohort, env);
        if let Some((fence, acknowledged, received)) = heard {
            let mut bytes = Vec::new();
            Uplink::Ack { down: received }.encode(&mut bytes);
            let taken = cohort.received(LINK, &bytes, env);
            assert!(matches!(taken, None | Some(Ok(_))), "it acknowledges what it was sent");
            let sent = state.down.advance(frames(&state.down_messages));
            let processed = state.up;
            self.effects.told.push(Told { session, fence, acknowledged, processed, received, sent });
        }
        cohort.link_ended(LINK, env);
    }
}

/// What a link says: at which fence it is served, what is acknowledged, and what has been received.
fn listen(cohort: &mut Cohort, env: &Env<'_>) -> Option<(Fence, Cursor, Cursor)> {
    let (mut control, mut data) = (Vec::new(), Vec::new());
    cohort.fill(LINK, Outgoing::Control, &mut control, 0, env);
    cohort.fill(LINK, Outgoing::Data, &mut data, usize::MAX, env);
    let mut heard = None;
    let mut rest = data.as_slice();
    while let Ok(Some((body, length))) = split(rest, limits::FRAME_BYTES_MAX) {
        match Data::decode(body).expect("nodes write sound frames") {
            Data::Switch(switch) => heard = Some((switch.fence, switch.up, switch.down)),
            Data::Message(_) => {
                let (_, _, received) = heard.as_mut().expect("Switch stands in front of all messages");
                *received = received.next();
            }
            Data::Start(_) => unreachable!("only clients say so"),
        }
        rest = &rest[length..];
    }
    heard
}

fn frames(bytes: &[u8]) -> u64 {
    let (mut rest, mut count) = (bytes, 0);
    while let Ok(Some((_, length))) = split(rest, usize::MAX) {
        rest = &rest[length..];
        count += 1;
    }
    count
}
