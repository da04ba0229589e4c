//! Dry runs: between the sessions and the role of the probe. The cohort stays its owner's throughout; whatever real
//! comes in between ends the probe.

use super::{Cohort, Env, Invitation, Output, Role};
use crate::protocol::ids::{Fence, MoveId, NodeId, SessionId};
use crate::protocol::probe::{self, Outcome, Probe, Unfit};
use crate::protocol::reasons::{MoveFailure, TargetRefusal};
use crate::protocol::session::Session;
use crate::protocol::target::Target;
use crate::protocol::wire::{Downlink, Member, Peer};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A probe of this cohort.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Probing {
    probe: Probe,
    /// What the cohort was served at when it began.
    fence: Fence,
    /// Nodes with an older version of the application would do, too.
    any_version: bool,
    /// For so many sessions the dry run has found room at this target already.
    besides: u64,
    /// Whom the target has been told of ...
    members: Vec<Member>,
    /// ... where it is reached, and what lets each of them in there.
    prepared: Option<(Invitation, Vec<Vec<u8>>)>,
    /// Who could attach there, and who could not.
    answers: BTreeMap<SessionId, bool>,
}

/// What has come of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProbeReport {
    /// In a word.
    pub outcome: Outcome,
    /// How many sessions were to be moved.
    pub sessions: usize,
    /// How many of them had no link, so that their way to the target was not tried.
    pub unlinked: usize,
    /// Users of those that had a link and could not attach to the last target.
    pub unreached: Vec<String>,
    /// Targets that would not do, and why.
    pub tried: Vec<(NodeId, Unfit)>,
}

impl Cohort {
    /// Finds out whether the cohort could be moved now, without moving it: [`Output::Probed`] says so, once for each
    /// call that gives true. False: a probe is under way, or the cohort is not this node's.
    pub fn probe(&mut self, any_version: bool, env: &Env<'_>) -> bool {
        if self.probing.is_some() || !self.is_held() {
            return false;
        }
        match self.role {
            Role::Owner(held) => match self.why_not_probe() {
                Some(reason) => self.report_probe(Outcome::Stays(reason), None),
                None => {
                    let fence = held.record.fence();
                    let timing = env.node.timing();
                    let probe = Probe::new(self.id, fence.epoch.next(), self.attempts, timing);
                    self.probing = Some(Box::new(Probing {
                        probe,
                        fence,
                        any_version,
                        besides: 0,
                        members: Vec::new(),
                        prepared: None,
                        answers: BTreeMap::new(),
                    }));
                    self.drain_probe(env);
                }
            },
            // It is on its way, or has just come.
            Role::Source(..) | Role::Target(_) | Role::Taking(_) | Role::Absent | Role::Ending => {
                self.report_probe(Outcome::Overtaken, None);
            }
        }
        self.settle(env);
        true
    }

    fn why_not_probe(&self) -> Option<MoveFailure> {
        if self.fenced {
            return Some(MoveFailure::EngineUnavailable);
        }
        // One of many does not keep a room here.
        let rejoining = self.room.is_none() && self.sessions().any(Session::is_rejoining);
        rejoining.then_some(MoveFailure::MovedRecently)
    }

    /// Whether a probe is under way.
    pub fn is_probing(&self) -> bool {
        self.probing.is_some()
    }

    /// Whether this node has made room for a probe of another one.
    pub fn is_probed(&self) -> bool {
        matches!(&self.role, Role::Target(target) if target.is_probe())
    }

    /// The driver has picked a node for the probe, or found none. The number: for so many sessions the dry run has
    /// found room there already.
    pub fn on_probe_target(&mut self, target: Option<(NodeId, u64)>, env: &Env<'_>) {
        if let Some(probing) = &mut self.probing {
            // Without another one, what the last one has shown is what is reported.
            if let Some((_, besides)) = target {
                probing.besides = besides;
                (probing.members, probing.prepared) = (Vec::new(), None);
                probing.answers.clear();
            }
            self.probe_input(probe::Input::Target(target.map(|(node, _)| node)), env);
        }
        self.settle(env);
    }

    /// The dry run is over, or something real comes in between.
    pub fn end_probe(&mut self, env: &Env<'_>) {
        self.concerns_all();
        self.probe_input(probe::Input::Overtaken, env);
    }

    pub(super) fn probes(&self, id: MoveId) -> bool {
        self.probing.as_ref().is_some_and(|probing| probing.probe.id() == id)
    }

    #[cfg(any(test, feature = "testing"))]
    pub(super) fn probing_attempt(&self) -> Option<(MoveId, bool)> {
        self.probing.as_ref().map(|probing| (probing.probe.id(), probing.probe.awaits_clients()))
    }

    pub(super) fn probe_arrives_at(&self) -> Option<NodeId> {
        self.probing.as_ref().and_then(|probing| probing.probe.arriving_at())
    }

    pub(super) fn poll_probe(&self) -> Option<crate::protocol::time::Time> {
        self.probing.as_ref().and_then(|probing| probing.probe.poll_timeout())
    }

    pub(super) fn on_probe_timeout(&mut self, env: &Env<'_>) {
        self.probe_input(probe::Input::Timeout, env);
    }

    pub(super) fn on_probe_refused(&mut self, id: MoveId, reason: TargetRefusal, env: &Env<'_>) {
        self.probe_input(probe::Input::Refused(id, reason), env);
    }

    /// The target would take it: its clients are asked to try the way.
    pub(super) fn on_probe_prepared(
        &mut self,
        id: MoveId,
        tickets: Vec<Vec<u8>>,
        tcp: Vec<SocketAddr>,
        quic: Vec<SocketAddr>,
        env: &Env<'_>,
    ) {
        let Some(probing) = &mut self.probing else { return };
        if tickets.len() != probing.members.len() {
            return;
        }
        probing.prepared.get_or_insert((Invitation { id, tcp, quic }, tickets));
        self.probe_input(probe::Input::Prepared(id), env);
    }

    /// A client says whether it could attach to the target of a probe.
    pub(super) fn on_probe_answer(&mut self, index: usize, id: MoveId, could: bool) {
        let session = self.seats[index].id();
        if let Some(probing) = self.probing.as_mut().filter(|probing| probing.probe.id() == id) {
            probing.answers.insert(session, could);
        }
    }

    /// Looks after each call whether the probe still makes sense, and whether all clients have answered.
    pub(super) fn see_to_probe(&mut self, env: &Env<'_>) {
        let Some(probing) = &self.probing else { return };
        let same = matches!(self.role, Role::Owner(held) if held.record.fence() == probing.fence);
        if !same || self.fenced {
            return self.end_probe(env);
        }
        let Some(probing) = self.probing.as_ref().filter(|probing| probing.probe.awaits_clients()) else {
            return;
        };
        let mut linked = self.seats.iter().filter(|seat| seat.session.is_linked());
        // Who has joined since is none of those that the target knows of.
        let asked = |id: SessionId| probing.members.iter().any(|member| member.session == id);
        if !linked.any(|seat| !probing.answers.contains_key(&seat.id()) && asked(seat.id())) {
            let id = probing.probe.id();
            self.count_answers(id, env);
        }
    }

    /// Everybody has answered, or has had the time to.
    fn count_answers(&mut self, id: MoveId, env: &Env<'_>) {
        let Some(probing) = &self.probing else { return };
        let (unlinked, unreached) = self.who_has_not(probing);
        let some = unlinked.len() + unreached.len() < probing.members.len() || unreached.is_empty();
        self.probe_input(probe::Input::Answered { id, some }, env);
    }

    /// Members that have no link and have not answered, and those that could not attach. Who has left since, or has
    /// been closed, is nobody's concern.
    fn who_has_not(&self, probing: &Probing) -> (Vec<SessionId>, Vec<SessionId>) {
        let answered = |id: &SessionId| probing.answers.get(id) == Some(&true);
        let open = probing.members.iter().map(|member| member.session).filter(|id| !answered(id));
        let seated = open.filter(|id| self.seat_of(*id).is_some());
        let linked = |id: &SessionId| self.seat_of(*id).is_some_and(|at| self.seats[at].session.is_linked());
        let said_no = |id: &SessionId| probing.answers.contains_key(id);
        seated.partition(|id| !linked(id) && !said_no(id))
    }

    fn probe_input(&mut self, input: probe::Input, env: &Env<'_>) {
        if let Some(probing) = &mut self.probing {
            probing.probe.handle(input, env.now);
            self.drain_probe(env);
        }
    }

    fn drain_probe(&mut self, env: &Env<'_>) {
        while let Some(probing) = &mut self.probing {
            let Some(output) = probing.probe.poll_output() else { return };
            // No move ever bears the id of a probe (f).
            self.attempts = self.attempts.max(probing.probe.id().attempt);
            match output {
                probe::Output::PickTarget(tried) => {
                    let any_version = probing.any_version;
                    self.outputs.push_back(Output::PickProbed { tried, any_version });
                }
                probe::Output::SendProbe(id) => self.send_probe(id, env),
                probe::Output::Invite(id) => {
                    for index in 0..self.seats.len() {
                        self.invite_to_probe(index, id);
                    }
                }
                probe::Output::Count(id) => self.count_answers(id, env),
                probe::Output::Cancel(id) => self.cancel_probe(id),
                probe::Output::Ended(outcome) => {
                    if let Some(probing) = self.probing.take() {
                        self.report_probe(outcome, Some(&probing));
                    }
                }
            }
        }
    }

    fn send_probe(&mut self, id: MoveId, env: &Env<'_>) {
        let state_bytes = self.state_bytes() as u64;
        let Some(probing) = &mut self.probing else { return };
        // Whom the target has been told of stays the same when it is told again.
        if probing.members.is_empty() {
            let members = self.seats.iter().map(|seat| Member {
                session: seat.id(),
                client_key: *seat.session.client_key(),
                awaited: seat.session.is_linked(),
            });
            probing.members = members.collect();
        }
        let frame = Peer::Probe {
            id,
            from: self.me,
            fence: probing.fence,
            members: probing.members.clone(),
            state_bytes,
            app_version: if probing.any_version { 0 } else { env.node.app_version_min(env.application) },
            besides: probing.besides,
        };
        self.outputs.push_back(Output::Peer(id.target, frame));
    }

    /// The link on which a client was asked may have broken before it could answer.
    pub(super) fn invite_to_probe_again(&mut self, index: usize) {
        let Some(probing) = self.probing.as_ref().filter(|probing| probing.probe.awaits_clients()) else {
            return;
        };
        let (id, session) = (probing.probe.id(), self.seats[index].id());
        if !probing.answers.contains_key(&session) {
            self.invite_to_probe(index, id);
        }
    }

    fn invite_to_probe(&mut self, index: usize, id: MoveId) {
        let Some(probing) = &self.probing else { return };
        let Some((invitation, tickets)) = &probing.prepared else { return };
        let seat = &mut self.seats[index];
        let session = seat.id();
        let place = probing.members.iter().position(|member| member.session == session);
        let Some(ticket) = place.and_then(|place| tickets.get(place)).cloned() else { return };
        let addresses = if seat.uses_quic { &invitation.quic } else { &invitation.tcp };
        let addresses = addresses.clone();
        seat.session.control(&Downlink::Probe { id, addresses, ticket });
    }

    fn cancel_probe(&mut self, id: MoveId) {
        self.outputs.push_back(Output::Peer(id.target, Peer::Cancel { id }));
        let asked = self.probing.as_ref().is_some_and(|probing| probing.prepared.is_some());
        for seat in self.seats.iter_mut().filter(|_| asked) {
            seat.session.control(&Downlink::Cancel { id });
        }
    }

    fn report_probe(&mut self, outcome: Outcome, probing: Option<&Probing>) {
        let (unlinked, unreached) =
            probing.map_or_else(Default::default, |probing| self.who_has_not(probing));
        let user = |id: &SessionId| self.seat_of(*id).map(|at| self.seats[at].session.user().to_owned());
        let report = ProbeReport {
            outcome,
            sessions: self.seats.len(),
            unlinked: unlinked.len(),
            unreached: unreached.iter().filter_map(user).collect(),
            tried: probing.map_or_else(Vec::new, |probing| probing.probe.tried().to_vec()),
        };
        self.outputs.push_back(Output::Probed(Box::new(report)));
    }

    /// Another node asks, of a dry run, whether there is room here.
    pub fn on_probe(&mut self, id: MoveId, from: NodeId, fence: Fence, members: &[Member], env: &Env<'_>) {
        let target = Target::of_probe(id, from, fence, env.node.timing(), env.now);
        self.receive(target, members, false, env);
        self.settle(env);
    }
}
