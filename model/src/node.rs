//! A node as its driver sees it: the cohort, the lease, what it remembers, what waits for an answer. It
//! decides nothing, as in production; where a [`Variant`] breaks a rule, it is broken here.

use crate::messages::{Digested, Envelope};
use crate::store::{Reply, Request};
use crate::variants::Variant;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use sterna::protocol::application::{Application, Context};
use sterna::protocol::cohort::{Asker, Cohort, Env, NodeView, Output, Report};
use sterna::protocol::ids::{Cursor, Fence, LinkNumber, MoveId, NodeId, SessionId};
use sterna::protocol::lease::Lease;
use sterna::protocol::probe::Outcome;
use sterna::protocol::reasons::{OfflineReason, TargetRefusal};
use sterna::protocol::record::{Answer, Ask, CasAnswer, Record, Revision};
use sterna::protocol::session::{Link, LinkId, Outgoing, Session, Settings};
use sterna::protocol::snapshot::Durability;
use sterna::protocol::source::{Source, Timing};
use sterna::protocol::time::{BootTime, Time};
use sterna::protocol::wire::{Member, Message, MoveMode, Peer};

/// The one moment at which everything happens: what is waited for is always due, and the model chooses.
pub const NOW: Time = Time::from_micros(0);

/// The client's link to a node; the content of links is another model's affair.
pub const LINK: LinkId = LinkId(1);

/// No time of a move is long.
pub(crate) const TIMING: Timing = Timing {
    prepare_max: Duration::ZERO,
    attach_max: Duration::ZERO,
    claim_max: Duration::ZERO,
    freeze_max: Duration::ZERO,
    baton_wait_max: Duration::ZERO,
    ticket_life: Duration::ZERO,
    record_poll: Duration::ZERO,
    resend: Duration::ZERO,
    targets_max: 1,
};

/// How nodes are set up.
pub static SETTINGS: LazyLock<Arc<Settings>> = LazyLock::new(|| {
    Arc::new(Settings {
        node: "model".into(),
        message_bytes_max: 1024,
        replay_bytes_max: 1 << 20,
        user_data_bytes_max: 1 << 20,
        resume_max: Duration::MAX,
        silence_max: Duration::MAX,
        moves_when_online: true,
        // One at the beginning, and one of each arrival.
        durability: Durability::Lazy(Duration::from_secs(1)),
        room: Arc::default(),
    })
});

/// A lease that holds.
pub(crate) static HOLDING: LazyLock<Lease> = LazyLock::new(|| {
    let mut lease = Lease::new(Duration::from_secs(1));
    lease.restart(BootTime::from_micros(0));
    lease
});

/// A game that does nothing: here only ownership counts.
#[derive(Debug)]
pub(crate) struct Idle;

impl Application for Idle {
    fn message(&self, _: &mut Context<'_>, _: &Message<'_>) {}
}

#[derive(Debug)]
struct View {
    id: NodeId,
    targets_max: u32,
}

impl NodeView for View {
    fn id(&self) -> NodeId {
        self.id
    }
    fn timing(&self) -> Timing {
        Timing { targets_max: self.targets_max, ..TIMING }
    }
    fn addresses(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        (Vec::new(), Vec::new())
    }
    fn going_offline(&self) -> Option<(OfflineReason, Time)> {
        Some((OfflineReason::ScaleIn, NOW))
    }
    fn ticket(&self, _: MoveId, _: SessionId, _: &[u8; 32]) -> Vec<u8> {
        Vec::new()
    }
    fn resume_token(&self, _: SessionId, _: &[u8; 32]) -> Vec<u8> {
        Vec::new()
    }
}

/// Where a node's lease stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeasePhase {
    /// It holds.
    Holds,
    /// It has run out, and the node's driver has not looked yet; nothing is permitted any more.
    RunOut,
    /// It has run out, and the cohort has been fenced.
    Fenced,
    /// [`Variant::NoSelfFencing`]: it has run out, and the node goes on.
    Ignored,
}

impl LeasePhase {
    /// Whether the node takes itself to be permitted to serve.
    pub fn permits(self) -> bool {
        match self {
            Self::Holds | Self::Ignored => true,
            Self::RunOut | Self::Fenced => false,
        }
    }
}

/// Who has asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// The cohort.
    Cohort(Asker),
    /// The copy that a broken rule has kept.
    Kept(Asker),
}

/// A question under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// Whose.
    pub who: Who,
    /// Its number; see [`Cohort::renumber`].
    pub number: u64,
    /// What is asked.
    pub request: Request,
    /// The answer that is on its way back.
    pub reply: Option<Reply>,
}

impl Question {
    /// A read that nothing has been brought back for.
    pub fn is_unread(&self) -> bool {
        self.reply.is_none() && !self.request.writes()
    }
}

/// What a call leads to outside of the node.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Messages that leave.
    pub sent: Vec<Digested<Envelope>>,
    /// Questions that nobody waits for any more.
    pub abandoned: Vec<Request>,
    /// A client was told that it is served here while the lease did not hold.
    pub served_without_lease: bool,
    /// The record is to name the target of this move.
    pub claimed: Option<MoveId>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// Which.
    pub id: NodeId,
    /// It has not crashed.
    pub alive: bool,
    /// Its lease.
    pub lease: LeasePhase,
    /// What it has of the cohort.
    pub cohort: Option<Cohort>,
    /// What a broken rule has let be forgotten: a copy from before, or a refusal.
    pub kept: Option<Cohort>,
    /// Moves that it has refused.
    pub refused: Vec<MoveId>,
    /// A baton that no byte of has left.
    pub outbox: Option<Envelope>,
    /// What it waits for an answer to.
    pub questions: Vec<Question>,
    /// The client has a link to here.
    pub linked: bool,
    /// At which fence it has taken over, if it has and goes on there.
    pub restored: Option<Fence>,
    /// How many targets a move tries.
    pub targets_max: u32,
    /// A dry run has found a target.
    pub fitted: bool,
}

impl Node {
    /// A node that knows of nothing.
    pub fn new(id: NodeId, targets_max: u32) -> Self {
        Self {
            id,
            alive: true,
            lease: LeasePhase::Holds,
            cohort: None,
            kept: None,
            refused: Vec::new(),
            outbox: None,
            questions: Vec::new(),
            linked: false,
            restored: None,
            targets_max,
            fitted: false,
        }
    }

    /// How many copies it serves.
    pub fn serving(&self) -> usize {
        let permitted = self.alive && self.lease.permits();
        let copies = [&self.cohort, &self.kept];
        copies.into_iter().flatten().filter(|cohort| permitted && cohort.is_served()).count()
    }

    /// Whether it has anything to do with the cohort.
    pub fn is_involved(&self) -> bool {
        self.cohort.is_some()
    }

    /// Calls the cohort, and does what it wants done.
    pub fn call(&mut self, variant: Option<Variant>, act: impl FnOnce(&mut Cohort, &Env<'_>)) -> Effects {
        self.call_with(self.lease.permits(), variant, act)
    }

    fn call_with(
        &mut self,
        permitted: bool,
        variant: Option<Variant>,
        act: impl FnOnce(&mut Cohort, &Env<'_>),
    ) -> Effects {
        let view = View { id: self.id, targets_max: self.targets_max };
        let permit = HOLDING.permit(BootTime::from_micros(0)).filter(|_| permitted);
        let env = Env { now: NOW, permit, application: &Idle, node: &view };
        let mut effects = Effects::default();
        if let Some(mut cohort) = self.cohort.take() {
            act(&mut cohort, &env);
            self.follow_up(&mut cohort, false, variant, &env, &mut effects);
            self.cohort = (!cohort.is_gone()).then_some(cohort);
        }
        self.tidy(&mut effects);
        effects
    }

    /// Calls the copy that a broken rule has kept.
    pub fn call_kept(
        &mut self,
        variant: Option<Variant>,
        act: impl FnOnce(&mut Cohort, &Env<'_>),
    ) -> Effects {
        let view = View { id: self.id, targets_max: self.targets_max };
        let permit = HOLDING.permit(BootTime::from_micros(0)).filter(|_| self.lease.permits());
        let env = Env { now: NOW, permit, application: &Idle, node: &view };
        let mut effects = Effects::default();
        if let Some(mut cohort) = self.kept.take() {
            act(&mut cohort, &env);
            self.follow_up(&mut cohort, true, variant, &env, &mut effects);
            self.kept = (!cohort.is_gone()).then_some(cohort);
        }
        self.tidy(&mut effects);
        effects
    }

    fn follow_up(
        &mut self,
        cohort: &mut Cohort,
        kept: bool,
        variant: Option<Variant>,
        env: &Env<'_>,
        effects: &mut Effects,
    ) {
        loop {
            while let Some(output) = cohort.poll_output() {
                self.perform(cohort, output, kept, variant, env, effects);
            }
            // Links carry nothing here: what is written on them is thrown away.
            let mut linked = false;
            cohort.take_dirty(|_| linked = true);
            if !linked {
                return;
            }
            let mut thrown_away = Vec::new();
            cohort.fill(LINK, Outgoing::Control, &mut thrown_away, 0, env);
            cohort.fill(LINK, Outgoing::Data, &mut thrown_away, usize::MAX, env);
            if cohort.is_closing(LINK) {
                cohort.link_ended(LINK, env);
                self.linked = false;
            }
        }
    }

    fn perform(
        &mut self,
        cohort: &mut Cohort,
        output: Output,
        kept: bool,
        variant: Option<Variant>,
        env: &Env<'_>,
        effects: &mut Effects,
    ) {
        match output {
            Output::Peer(to, frame) => {
                let envelope = Envelope::new(self.id, to, &frame);
                match frame {
                    Peer::Baton { .. } => self.outbox = Some(envelope),
                    _ => effects.sent.push(Digested::new(envelope)),
                }
            }
            Output::RevokeBaton(_, id) => {
                let revoked = self.outbox.take().is_some();
                cohort.on_revoked(id, revoked, env);
            }
            Output::Ask(asker, number, ask) => {
                let who = if kept { Who::Kept(asker) } else { Who::Cohort(asker) };
                let claim = matches!((asker, ask), (Asker::Source(id), Ask::Cas { record, .. }) if record.owner == id.target);
                let reply = (claim && variant == Some(Variant::NoClaimBeforeBaton))
                    .then_some(Reply::Directory(Answer::Cas(CasAnswer::Won(Revision(u64::MAX)))));
                if claim {
                    let seamless = |source: &&Source| source.mode() == MoveMode::Seamless;
                    effects.claimed = cohort.source().filter(seamless).map(Source::id);
                }
                self.ask(Question { who, number, request: Request::Directory(ask), reply }, effects);
            }
            Output::PickTarget(tried) => {
                let free = |id: &NodeId| *id != self.id && !tried.contains(id);
                cohort.on_target_picked((1..=3).map(NodeId).find(free), env);
            }
            Output::Snapshot(asker, number, ask) => {
                let who = if kept { Who::Kept(asker) } else { Who::Cohort(asker) };
                self.ask(Question { who, number, request: Request::Snapshot(ask), reply: None }, effects);
            }
            Output::ReadLeases(number) => {
                let who = if kept { Who::Kept(Asker::TakeOver) } else { Who::Cohort(Asker::TakeOver) };
                self.ask(Question { who, number, request: Request::Leases, reply: None }, effects);
            }
            Output::RememberRefusal(id) => {
                if variant != Some(Variant::ForgetsRefusal) && !self.refused.contains(&id) {
                    self.refused.push(id);
                    self.refused.sort();
                }
            }
            Output::Report(Report::TookOver(_)) => self.restored = Some(cohort.session().fence()),
            Output::Report(Report::MovedIn { .. }) => {
                effects.served_without_lease |= self.lease != LeasePhase::Holds;
            }
            Output::Forget { .. } => unreachable!("no session ends here"),
            Output::Room(_) | Output::Split(_) | Output::Dismiss(_) => unreachable!("there is no room here"),
            Output::PickProbed { tried, .. } => {
                let free = |id: &NodeId| *id != self.id && !tried.contains(id);
                cohort.on_probe_target((1..=3).map(NodeId).find(free).map(|target| (target, 0)), env);
            }
            Output::Probed(report) => self.fitted |= matches!(report.outcome, Outcome::Fits(_)),
            Output::Report(_) | Output::List => {}
        }
    }

    /// A new question of somebody takes the place of the last one.
    fn ask(&mut self, question: Question, effects: &mut Effects) {
        let same = |other: &Question| match (other.who, question.who) {
            (Who::Cohort(Asker::Source(_)), Who::Cohort(Asker::Source(_)))
            | (Who::Kept(Asker::Source(_)), Who::Kept(Asker::Source(_))) => true,
            (one, other) => one == other,
        };
        self.abandon_if(same, effects);
        self.questions.push(question);
    }

    fn abandon_if(&mut self, so: impl Fn(&Question) -> bool, effects: &mut Effects) {
        let gone: Vec<_> = self.questions.extract_if(.., |question| so(question)).collect();
        let unanswered = gone.into_iter().filter(|question| question.reply.is_none());
        effects.abandoned.extend(unanswered.map(|question| question.request));
    }

    /// Brings what is equal into one form: forgets questions of what has ended, and counts the others anew.
    fn tidy(&mut self, effects: &mut Effects) {
        let awaits = |copy: &Option<Cohort>, asker, number| {
            copy.as_ref().is_some_and(|copy| copy.awaits(asker, number))
        };
        let spent = |question: &&Question| match question.who {
            Who::Cohort(asker) => !awaits(&self.cohort, asker, question.number),
            Who::Kept(asker) => !awaits(&self.kept, asker, question.number),
        };
        let spent: Vec<Who> = self.questions.iter().filter(spent).map(|question| question.who).collect();
        self.abandon_if(|question| spent.contains(&question.who), effects);
        for copy in [&mut self.cohort, &mut self.kept].into_iter().flatten() {
            copy.renumber();
        }
        let session = self.cohort.as_ref().and_then(|cohort| cohort.sessions().next());
        let fence = session.map(Session::fence);
        self.restored = self.restored.filter(|restored| fence == Some(*restored));
        for question in &mut self.questions {
            question.number = question.number.min(1);
        }
        self.questions.sort_by_key(|question| match question.who {
            Who::Cohort(asker) => (0, asker),
            Who::Kept(asker) => (1, asker),
        });
    }

    /// A message has come from another node.
    pub fn receive(&mut self, from: NodeId, frame: Peer, variant: Option<Variant>) -> Effects {
        match frame {
            Peer::Prepare { id, from, fence, ref members, mode, .. } => {
                if !self.lease.permits() {
                    let reason = TargetRefusal::Fenced;
                    let refused = Envelope::new(self.id, from, &Peer::Refused { id, reason });
                    let sent = vec![Digested::new(refused)];
                    return Effects { sent, ..Effects::default() };
                }
                self.set_aside(id, variant);
                let refused_before = self.refused.contains(&id);
                self.expect(id, members);
                self.call(variant, |cohort, env| {
                    cohort.on_prepare(id, from, fence, members, mode, refused_before, env);
                })
            }
            Peer::Probe { id, from, fence, ref members, .. } => {
                if !self.lease.permits() {
                    let reason = TargetRefusal::Fenced;
                    let refused = Envelope::new(self.id, from, &Peer::Refused { id, reason });
                    let sent = vec![Digested::new(refused)];
                    return Effects { sent, ..Effects::default() };
                }
                self.expect(id, members);
                self.call(variant, |cohort, env| cohort.on_probe(id, from, fence, members, env))
            }
            Peer::Baton { id, .. } => {
                let admitted = self.cohort.as_ref().is_some_and(|cohort| cohort.asks(Asker::Target(id)));
                if variant == Some(Variant::DoesNotHandBack) && !admitted {
                    return Effects::default();
                }
                self.cohort.get_or_insert_with(|| Cohort::unknown(id.cohort, self.id, SETTINGS.clone()));
                let careless = variant == Some(Variant::FencedNodeAcceptsBaton);
                let permitted = careless || self.lease.permits();
                self.call_with(permitted, variant, |cohort, env| cohort.on_peer(from, frame, env))
            }
            Peer::Ready { id } if variant == Some(Variant::EarlierReadyCounts) => {
                let current = self.cohort.as_ref().and_then(Cohort::source).map_or(id, |source| source.id());
                self.call(variant, |cohort, env| cohort.on_peer(from, Peer::Ready { id: current }, env))
            }
            Peer::Prepared { .. }
            | Peer::Refused { .. }
            | Peer::Ready { .. }
            | Peer::BatonAck { .. }
            | Peer::Finalised { .. }
            | Peer::Ahead { .. }
            | Peer::AheadAck { .. }
            | Peer::Cancel { .. }
            | Peer::Close { .. }
            | Peer::Wanted { .. }
            | Peer::LeaseOver
            | Peer::Credit { .. }
            | Peer::Hello { .. } => self.call(variant, |cohort, env| cohort.on_peer(from, frame, env)),
        }
    }

    fn expect(&mut self, id: MoveId, members: &[Member]) {
        self.cohort.get_or_insert_with(|| Cohort::expect(id, members, SETTINGS.clone()));
    }

    /// A node that forgets what it was about keeps the objects, which know of each other no more.
    fn set_aside(&mut self, id: MoveId, variant: Option<Variant>) {
        let Some(cohort) = &self.cohort else { return };
        let forgotten = match variant {
            Some(Variant::MoveBackRevivesOldCopy) => cohort.source().is_some_and(Source::baton_is_out),
            Some(Variant::ForgetsRefusal) => cohort.asks(Asker::Target(id)) && cohort.depends_on().is_none(),
            Some(_) | None => false,
        };
        if forgotten && self.kept.is_none() {
            self.kept = self.cohort.take();
            self.linked = false;
            for question in &mut self.questions {
                if let Who::Cohort(asker) = question.who {
                    question.who = Who::Kept(asker);
                }
            }
        }
    }

    /// A link of the client is let in.
    pub fn link(&mut self) -> Link {
        self.linked = true;
        Link::new(LINK, LinkNumber(1), None, u64::MAX / 2, Cursor(0))
    }

    /// Begins a take-over.
    pub fn begin_take_over(&mut self, session: SessionId, variant: Option<Variant>) -> Effects {
        self.cohort.get_or_insert_with(|| Cohort::unknown(session.into(), self.id, SETTINGS.clone()));
        self.call(variant, Cohort::take_over)
    }

    /// Whether the record could be taken over from here, as far as this node can see.
    pub fn may_begin_take_over(&self, record: &Record, gone: &[NodeId]) -> bool {
        let free =
            self.cohort.as_ref().is_none_or(|cohort| !cohort.is_held() && !cohort.asks(Asker::TakeOver));
        self.lease.permits() && free && record.may_be_taken_over(self.id, |node| gone.contains(&node))
    }
}
