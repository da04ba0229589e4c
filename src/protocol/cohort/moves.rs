//! A cohort's moves: between the session here and the roles of source and target.

use super::{Asker, Cohort, Departure, Env, Invitation, Output, Report, Role};
use crate::protocol::application::Context;
use crate::protocol::ids::{Epoch, Fence, MoveId, NodeId};
use crate::protocol::limits;
use crate::protocol::reasons::{CloseReason, MoveFailure, TargetRefusal};
use crate::protocol::record::{Record, Versioned};
use crate::protocol::source::{self, Source};
use crate::protocol::target::{self, Target};
use crate::protocol::wire::{Baton, Downlink, Member, MoveMode, Peer, SwitchCause, Value};

impl Cohort {
    /// Tells the client that the node goes offline, once for each link and epoch.
    pub fn tell_offline(&mut self, env: &Env<'_>) {
        let Some((reason, deadline)) = env.node.going_offline() else { return };
        if self.told_offline || !matches!(self.role, Role::Owner(_)) {
            return;
        }
        self.told_offline = true;
        self.session.control(&Downlink::Offline {
            epoch: self.epoch(),
            deadline_ms: deadline.since(env.now).as_millis() as u64,
            reason,
            in_room: false,
        });
    }

    /// The client asks to be moved.
    pub(super) fn on_migrate(&mut self, epoch: Epoch, mode: MoveMode, env: &Env<'_>) {
        self.session.set_mode(mode);
        match &self.role {
            // Same move, same answer.
            Role::Source(..) | Role::Absent | Role::Taking(_) | Role::Ending => {}
            Role::Target(_) => self.wants_move = Some(mode), // (a) only from Serving
            Role::Owner(held) => {
                let refusal = self.why_not_move(epoch, held.record.epoch, env);
                match refusal {
                    Some(reason) => self.refuse_move(reason),
                    None => self.depart(mode, false, env),
                }
            }
        }
    }

    fn why_not_move(&self, asked: Epoch, now: Epoch, env: &Env<'_>) -> Option<MoveFailure> {
        let offline = env.node.going_offline().is_some();
        let recently = self.arrived_at.is_some_and(|at| env.now.since(at) < limits::MOVE_AGAIN_AFTER);
        if asked < now {
            Some(MoveFailure::Stale)
        } else if !offline && !self.session.moves_when_online() {
            Some(MoveFailure::NotOffline)
        } else if !offline && recently {
            Some(MoveFailure::MovedRecently)
        } else {
            None
        }
    }

    fn refuse_move(&mut self, reason: MoveFailure) {
        let epoch = self.epoch();
        self.session.control(&Downlink::MoveFailed { reason, epoch });
    }

    /// Moves the cohort whether or not its client has asked or can be reached: the drain's deadline is near.
    pub fn force(&mut self, env: &Env<'_>) {
        match &mut self.role {
            Role::Owner(_) => self.depart(MoveMode::Classic, true, env),
            Role::Source(_, departure) if departure.source.mode() == MoveMode::Seamless => {
                departure.forced = true;
                departure.source.handle(source::Input::Cancel(MoveFailure::Cancelled), env.now);
                self.drain_source(env);
            }
            Role::Source(..) | Role::Target(_) | Role::Absent | Role::Taking(_) | Role::Ending => {}
        }
        self.settle(env);
    }

    fn depart(&mut self, mode: MoveMode, forced: bool, env: &Env<'_>) {
        let Role::Owner(held) = self.role else { return };
        if self.session.closed().is_some() {
            return;
        }
        if self.fenced {
            return self.refuse_move(MoveFailure::EngineUnavailable);
        }
        if self.session.is_rejoining() {
            return self.refuse_move(MoveFailure::MovedRecently); // first both ends have to agree again
        }
        let source = Source::new(self.id, held, self.attempts, mode, env.node.timing());
        let departure = Departure { source, prepared: None, forced };
        self.role = Role::Source(held, Box::new(departure));
        self.drain_source(env);
    }

    /// The node has picked a target, or found none.
    pub fn on_target_picked(&mut self, target: Option<NodeId>, env: &Env<'_>) {
        self.source_input(source::Input::Target(target), env);
        self.settle(env);
    }

    /// An unsent baton has been taken back (`true`), or its first byte had left already.
    pub fn on_revoked(&mut self, id: MoveId, revoked: bool, env: &Env<'_>) {
        let input = if revoked { source::Input::Revoked(id) } else { source::Input::BatonLeft(id) };
        self.source_input(input, env);
        self.settle(env);
    }

    /// The first byte of a baton has left.
    pub fn on_baton_left(&mut self, id: MoveId, env: &Env<'_>) {
        self.source_input(source::Input::BatonLeft(id), env);
        self.settle(env);
    }

    /// A node's lease has surely run out.
    pub fn on_node_gone(&mut self, node: NodeId, env: &Env<'_>) {
        if let Role::Source(_, departure) = &self.role
            && departure.source.id().target == node
        {
            self.source_input(source::Input::TargetGone, env);
        }
        if let Role::Target(target) = &self.role
            && target.source() == node
        {
            let id = target.id();
            self.target_input(id, target::Input::SourceGone, env);
        }
        self.settle(env);
    }

    /// The node whose lease the move under way depends on, if there is one.
    pub fn depends_on(&self) -> Option<NodeId> {
        match &self.role {
            Role::Source(_, departure) => Some(departure.source.id().target),
            Role::Target(target) => Some(target.source()),
            Role::Absent | Role::Owner(_) | Role::Taking(_) | Role::Ending => None,
        }
    }

    /// The node that the move under way burdens: it has been asked to make room, and a handshake of the client
    /// is to come. A client that breaks before it makes comes late, so that its move counts to the end.
    pub fn arriving_at(&self) -> Option<NodeId> {
        match &self.role {
            Role::Source(_, departure) => departure.source.arriving_at(),
            Role::Target(_) | Role::Absent | Role::Owner(_) | Role::Taking(_) | Role::Ending => None,
        }
    }

    /// Whether the baton is out: to end the session is not for this node any more.
    pub fn is_passed_on(&self) -> bool {
        match &self.role {
            Role::Source(_, departure) => departure.source.baton_is_out(),
            Role::Target(_) | Role::Absent | Role::Owner(_) | Role::Taking(_) | Role::Ending => false,
        }
    }

    /// The node goes offline: an arrival that is not served yet is refused.
    pub fn decline(&mut self, env: &Env<'_>) {
        if let Role::Target(target) = &mut self.role {
            target.handle(target::Input::Drop(TargetRefusal::NotOnline), env.now);
            self.drain_target(env);
        }
        self.settle(env);
    }

    pub(super) fn on_cannot_attach(&mut self, id: MoveId, env: &Env<'_>) {
        self.source_input(source::Input::CannotAttach(id), env);
    }

    /// Another node says something about this cohort's move. `Prepare` goes to
    /// [`on_prepare`](Self::on_prepare).
    pub fn on_peer(&mut self, from: NodeId, frame: Peer, env: &Env<'_>) {
        match frame {
            Peer::Prepared { id, tickets, tcp, quic } => self.on_prepared(id, tickets, tcp, quic, env),
            Peer::Refused { id, reason } => self.source_input(source::Input::Refused(id, reason), env),
            Peer::Ready { id } => self.source_input(source::Input::Ready(id), env),
            Peer::BatonAck { id } => self.source_input(source::Input::BatonAcked(id), env),
            Peer::Finalised { id } => self.source_input(source::Input::Finalised(id), env),
            Peer::Ahead { id, data } => self.on_ahead(id, data),
            Peer::Baton { id, baton } => self.on_baton(from, id, baton, env),
            Peer::Cancel { id } => self.target_input(id, target::Input::Cancelled, env),
            Peer::Close { session, reason } if session == self.session.id() => self.session.close(reason),
            Peer::Close { .. } | Peer::Hello { .. } | Peer::Prepare { .. } | Peer::Credit { .. } => {}
        }
        self.settle(env);
    }

    fn on_prepared(
        &mut self,
        id: MoveId,
        tickets: Vec<Vec<u8>>,
        tcp: Vec<std::net::SocketAddr>,
        quic: Vec<std::net::SocketAddr>,
        env: &Env<'_>,
    ) {
        let Role::Source(_, departure) = &mut self.role else { return };
        let Some(ticket) = tickets.into_iter().next() else { return };
        // Once for each attempt: what has changed is counted from this copy on.
        let first = departure.prepared.as_ref().is_none_or(|invitation| invitation.id != id);
        if departure.source.id() == id && first {
            departure.prepared = Some(Invitation { id, ticket, tcp, quic });
            if let Some(data) = self.session.copy_ahead() {
                self.send_peer(id.target, Peer::Ahead { id, data });
            }
        }
        self.source_input(source::Input::Prepared(id), env);
    }

    /// User data comes ahead of the baton. If it is lost with its link, the baton will not fit, and the move
    /// is refused.
    fn on_ahead(&mut self, id: MoveId, data: Vec<(String, Value)>) {
        if let Role::Target(target) = &self.role
            && target.id() == id
            && target.is_prepared()
        {
            self.session.preload(data);
        }
    }

    /// A source asks to make room here. `refused_before`: this node remembers having refused this move.
    pub fn on_prepare(
        &mut self,
        id: MoveId,
        from: NodeId,
        fence: Fence,
        mode: MoveMode,
        refused_before: bool,
        env: &Env<'_>,
    ) {
        match &mut self.role {
            Role::Target(target) if target.id() == id => target.handle(target::Input::PrepareAgain, env.now),
            Role::Target(target)
                if (target.id().epoch, target.id().attempt) < (id.epoch, id.attempt) && !target.serves() =>
            {
                // The source has given that attempt up; it is refused before a new one is admitted.
                target.handle(target::Input::Cancelled, env.now);
                self.drain_target(env);
            }
            // The copy here is from before the cohort left: what has become of it decides the record,
            // which is read; the source repeats its question (c).
            Role::Source(_, departure) if departure.source.baton_is_out() => {
                let id = departure.source.id();
                departure.source.handle(source::Input::Finalised(id), env.now);
                self.drain_source(env);
                return;
            }
            Role::Source(..) | Role::Owner(_) | Role::Target(_) | Role::Taking(_) | Role::Ending => {
                let reason = TargetRefusal::NotOwner;
                self.outputs.push_back(Output::Peer(from, Peer::Refused { id, reason }));
                return;
            }
            Role::Absent => {}
        }
        if let Role::Absent = self.role {
            if refused_before {
                let reason = TargetRefusal::Repeated;
                self.outputs.push_back(Output::Peer(from, Peer::Refused { id, reason }));
                return;
            }
            self.begin_anew();
            let target = Target::new(id, from, fence, mode, env.node.timing(), env.now);
            self.role = Role::Target(Box::new(target));
        }
        self.drain_target(env);
    }

    /// Nothing of an earlier stay, or of an earlier attempt, may colour this one.
    pub(super) fn begin_anew(&mut self) {
        self.session = self.session.expected_again();
        self.fenced = false;
        self.attempts = 0;
        self.wants_move = None;
        self.arrival = None;
        self.arrived_at = None;
        self.told_offline = false;
        self.keeper.begin_anew(None);
    }

    fn on_baton(&mut self, from: NodeId, id: MoveId, baton: Box<Baton>, env: &Env<'_>) {
        match &mut self.role {
            // (e) A fenced node accepts no baton.
            Role::Target(target) if target.id() == id && env.permit.is_some() => {
                let mut ours = baton.sessions.iter().filter(|state| state.session == self.session.id());
                let fits = match (ours.next(), ours.next()) {
                    (Some(state), None) => self.session.fits(state),
                    (None, _) | (Some(_), Some(_)) => false,
                };
                target.handle(
                    if fits {
                        target::Input::Baton(baton)
                    } else {
                        target::Input::Drop(TargetRefusal::NoBaton)
                    },
                    env.now,
                );
                self.drain_target(env);
            }
            Role::Target(target) if target.id() == id => {}
            Role::Owner(held) if held.record.owner == id.target && held.record.epoch >= id.epoch => {
                self.outputs.push_back(Output::Peer(from, Peer::BatonAck { id }));
                self.outputs.push_back(Output::Peer(from, Peer::Finalised { id }));
            }
            Role::Owner(_)
            | Role::Source(..)
            | Role::Target(_)
            | Role::Absent
            | Role::Taking(_)
            | Role::Ending => {
                self.refuse_baton(from, id, env);
            }
        }
    }

    /// (c) A baton without a live preparation is handed back.
    pub fn refuse_baton(&mut self, from: NodeId, id: MoveId, env: &Env<'_>) {
        if self.refusing.iter().all(|target| target.id() != id) {
            self.refusing.push(Target::refusing(id, from, env.node.timing(), env.now));
        }
        self.drain_refusing();
    }

    pub(super) fn source_input(&mut self, input: source::Input, env: &Env<'_>) {
        if let Role::Source(_, departure) = &mut self.role {
            departure.source.handle(input, env.now);
            self.drain_source(env);
        }
    }

    pub(super) fn target_input(&mut self, id: MoveId, input: target::Input, env: &Env<'_>) {
        match &mut self.role {
            Role::Target(target) if target.id() == id => {
                target.handle(input, env.now);
                self.drain_target(env);
            }
            Role::Absent
            | Role::Owner(_)
            | Role::Source(..)
            | Role::Target(_)
            | Role::Taking(_)
            | Role::Ending => {
                if let Some(target) = self.refusing.iter_mut().find(|target| target.id() == id) {
                    target.handle(input, env.now);
                    self.drain_refusing();
                }
            }
        }
    }

    pub(super) fn drain_source(&mut self, env: &Env<'_>) {
        while let Role::Source(_, departure) = &mut self.role {
            let Some(output) = departure.source.poll_output() else { return };
            let id = departure.source.id();
            self.attempts = self.attempts.max(id.attempt);
            match output {
                source::Output::PickTarget(tried) => self.outputs.push_back(Output::PickTarget(tried)),
                source::Output::SendPrepare(id) => self.send_prepare(id, env),
                source::Output::SendMoveTo(id) => self.send_move_to(id),
                source::Output::Ask(number, ask) => {
                    self.outputs.push_back(Output::Ask(Asker::Source(id), number, ask));
                }
                source::Output::Freeze(record) => self.freeze(id, record, env),
                source::Output::SendBaton(id, baton) => {
                    self.outputs.push_back(Output::Peer(id.target, Peer::Baton { id, baton }));
                }
                source::Output::Revoke(id) => self.outputs.push_back(Output::RevokeBaton(id.target, id)),
                source::Output::Cancel(id) => {
                    self.outputs.push_back(Output::Peer(id.target, Peer::Cancel { id }));
                    self.session.control(&Downlink::Cancel { id });
                }
                source::Output::Held(held) => self.hold(held, env),
                source::Output::Ended(outcome) => self.on_departure_ended(outcome, env),
            }
        }
    }

    fn send_prepare(&mut self, id: MoveId, env: &Env<'_>) {
        let Role::Source(held, departure) = &self.role else { return };
        let member = Member { session: self.session.id(), client_key: *self.session.client_key() };
        let frame = Peer::Prepare {
            id,
            from: self.me,
            fence: held.record.fence(),
            members: vec![member],
            state_bytes: self.session.state_bytes() as u64,
            app_version: if env.node.allows_older() { 0 } else { env.application.version() },
            mode: departure.source.mode(),
        };
        self.outputs.push_back(Output::Peer(id.target, frame));
    }

    /// The link on which the client was told where to attach may have broken before it arrived.
    pub(super) fn invite_again(&mut self) {
        if let Role::Source(_, departure) = &self.role
            && departure.source.awaits_clients()
        {
            self.send_move_to(departure.source.id());
        }
    }

    fn send_move_to(&mut self, id: MoveId) {
        let Role::Source(_, departure) = &self.role else { return };
        let Some(invitation) = &departure.prepared else { return };
        let addresses = if self.uses_quic { &invitation.quic } else { &invitation.tcp };
        let (addresses, ticket) = (addresses.clone(), invitation.ticket.clone());
        let mode = departure.source.mode();
        self.session.control(&Downlink::MoveTo { id, addresses, ticket, mode });
    }

    fn freeze(&mut self, id: MoveId, record: Record, env: &Env<'_>) {
        // Handlers run under the cohort's lock: between two of them it is frozen by holding still.
        self.outputs.push_back(Output::Report(Report::Froze { id }));
        let baton = Baton {
            fence: record.fence(),
            sessions: vec![self.session.export_for_baton(env.now)],
            stored: self.keeper.revision(),
        };
        if let Role::Source(_, departure) = &mut self.role {
            departure.source.handle(source::Input::Frozen(Box::new(baton)), env.now);
        }
    }

    /// Goes on serving, under a record that may bear a new epoch.
    fn hold(&mut self, held: Versioned, env: &Env<'_>) {
        let Role::Source(before, _) = &mut self.role else { return };
        let risen = held.record.fence() > before.record.fence();
        *before = held;
        if risen && !self.fenced {
            self.open_links(SwitchCause::Resumed, held.record.fence(), env);
        }
    }

    fn on_departure_ended(&mut self, outcome: source::Outcome, env: &Env<'_>) {
        let Role::Source(_, departure) = std::mem::replace(&mut self.role, Role::Absent) else { return };
        let id = departure.source.id();
        self.session.forget_copy();
        match outcome {
            source::Outcome::Moved(record) => {
                // It was closed when the state was out already: that is now for the new owner to do.
                if let Some(reason) = self.session.closed() {
                    let session = self.session.id();
                    self.outputs.push_back(Output::Peer(record.owner, Peer::Close { session, reason }));
                }
                self.lose(Some(record), env);
                self.outputs.push_back(Output::Report(Report::MovedOut { id }));
            }
            source::Outcome::Lost(record) => {
                self.lose(record, env);
                self.outputs.push_back(Output::Report(Report::MoveFailed(MoveFailure::LostOwnership)));
            }
            source::Outcome::Failed(reason, held) => {
                self.own(held, env);
                self.outputs.push_back(Output::Report(Report::MoveFailed(reason)));
                if departure.forced && departure.source.mode() == MoveMode::Seamless {
                    return self.depart(MoveMode::Classic, true, env);
                }
                self.refuse_move(reason);
                self.tell_offline(env);
            }
            source::Outcome::TakenBack { held, served_elsewhere } => {
                self.take_back(held, served_elsewhere, env);
            }
        }
    }

    fn take_back(&mut self, held: Versioned, served_elsewhere: bool, env: &Env<'_>) {
        self.outputs.push_back(Output::Report(Report::MoveFailed(MoveFailure::TargetRefused)));
        if served_elsewhere {
            return self.recall(held, env);
        }
        self.own(held, env);
        if !self.fenced {
            self.open_links(SwitchCause::Resumed, held.record.fence(), env);
        }
        self.refuse_move(MoveFailure::TargetRefused);
        self.tell_offline(env);
    }

    pub(super) fn drain_target(&mut self, env: &Env<'_>) {
        while let Role::Target(target) = &mut self.role {
            let Some(output) = target.poll_output() else { return };
            let (id, source) = (target.id(), target.source());
            match output {
                target::Output::SendPrepared => self.send_prepared(id, source, env),
                target::Output::SendReady => self.send_peer(source, Peer::Ready { id }),
                target::Output::Ask(number, ask) => {
                    self.outputs.push_back(Output::Ask(Asker::Target(id), number, ask));
                }
                target::Output::Serve(baton) => self.serve(id, *baton, env),
                target::Output::SendBatonAck => self.send_peer(source, Peer::BatonAck { id }),
                target::Output::Store => self.keep_arrival(env),
                target::Output::Settled(held) => {
                    self.session.control(&Downlink::Settled { fence: held.record.fence() });
                    self.send_peer(source, Peer::Finalised { id });
                }
                target::Output::Refuse(reason) => {
                    self.outputs.push_back(Output::RememberRefusal(id));
                    self.send_peer(source, Peer::Refused { id, reason });
                    self.session.control(&Downlink::Cancel { id });
                    self.session.drop_links(CloseReason::Moved);
                    self.set_refusing_aside();
                }
                target::Output::Ended(outcome) => self.on_arrival_ended(outcome, env),
            }
        }
    }

    fn send_peer(&mut self, to: NodeId, frame: Peer) {
        self.outputs.push_back(Output::Peer(to, frame));
    }

    fn send_prepared(&mut self, id: MoveId, source: NodeId, env: &Env<'_>) {
        let ticket = env.node.ticket(id, self.session.id(), self.session.client_key());
        let (tcp, quic) = env.node.addresses();
        self.send_peer(source, Peer::Prepared { id, tickets: vec![ticket], tcp, quic });
    }

    fn serve(&mut self, id: MoveId, baton: Baton, env: &Env<'_>) {
        let fence = baton.fence;
        self.keeper.begin_anew(baton.stored);
        let state = baton.sessions.into_iter().find(|state| state.session == self.session.id());
        let imported = state.map(|state| self.session.import(state, fence, env.now));
        assert!(matches!(imported, Some(Ok(()))), "{id}: a baton that does not hold the session it is for");
        self.arrival = Some(id);
        self.arrived_at = Some(env.now);
        self.told_offline = false;
        self.open_links(SwitchCause::Moved, fence, env);
        self.outputs.push_back(Output::Report(Report::MovedIn { id }));
        env.application.moved_in(&mut Context { session: &mut self.session, now: env.now });
    }

    /// A refused move goes on handing its record back, and makes room for another attempt.
    fn set_refusing_aside(&mut self) {
        if let Role::Target(target) = std::mem::replace(&mut self.role, Role::Absent) {
            self.refusing.push(*target);
            self.drain_refusing();
        }
    }

    pub(super) fn drain_refusing(&mut self) {
        let mut ended = Vec::new();
        for target in &mut self.refusing {
            let (id, source) = (target.id(), target.source());
            while let Some(output) = target.poll_output() {
                match output {
                    target::Output::Ask(number, ask) => {
                        self.outputs.push_back(Output::Ask(Asker::Target(id), number, ask));
                    }
                    target::Output::Refuse(reason) => {
                        self.outputs.push_back(Output::RememberRefusal(id));
                        self.outputs.push_back(Output::Peer(source, Peer::Refused { id, reason }));
                    }
                    target::Output::Ended(_) => ended.push(id),
                    target::Output::SendPrepared
                    | target::Output::SendReady
                    | target::Output::Serve(_)
                    | target::Output::SendBatonAck
                    | target::Output::Store
                    | target::Output::Settled(_) => {}
                }
            }
        }
        self.refusing.retain(|target| !ended.contains(&target.id()));
    }

    fn on_arrival_ended(&mut self, outcome: target::Outcome, env: &Env<'_>) {
        match outcome {
            target::Outcome::Serving(held) => {
                self.own(held, env);
                self.tell_offline(env);
                if let Some(mode) = self.wants_move.take() {
                    self.on_migrate(held.record.epoch, mode, env);
                }
            }
            target::Outcome::Lost(record) => self.lose(record, env),
            target::Outcome::Gone => self.vacate(),
            target::Outcome::Orphaned(_) => {
                self.vacate();
                self.take_over(env);
            }
        }
    }
}
