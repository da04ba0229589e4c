//! Moves to this node: between the sessions and the role of the target; and what other nodes say about either.

use super::{Asker, Cohort, Env, Output, Report, Role, Seat};
use crate::protocol::ids::{Fence, MoveId, NodeId};
use crate::protocol::limits;
use crate::protocol::reasons::{CloseReason, TargetRefusal};
use crate::protocol::room::RoomPreload;
use crate::protocol::session::Session;
use crate::protocol::source;
use crate::protocol::target::{self, Target};
use crate::protocol::wire::{Baton, Downlink, Member, MoveMode, Peer, SwitchCause};

impl Cohort {
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

    /// The node goes offline: an arrival that is not served yet is refused.
    pub fn decline(&mut self, env: &Env<'_>) {
        if let Role::Target(target) = &mut self.role {
            target.handle(target::Input::Drop(TargetRefusal::NotOnline), env.now);
            self.drain_target(env);
        }
        self.settle(env);
    }

    /// Another node says something about this cohort's move. `Prepare` goes to
    /// [`on_prepare`](Self::on_prepare), `Probe` to [`on_probe`](Self::on_probe).
    pub fn on_peer(&mut self, from: NodeId, frame: Peer, env: &Env<'_>) {
        match frame {
            Peer::Prepared { id, tickets, tcp, quic } if self.probes(id) => {
                self.on_probe_prepared(id, tickets, tcp, quic, env);
            }
            Peer::Prepared { id, tickets, tcp, quic } => self.on_prepared(id, tickets, tcp, quic, env),
            Peer::Refused { id, reason } if self.probes(id) => self.on_probe_refused(id, reason, env),
            Peer::Refused { id, reason } => self.source_input(source::Input::Refused(id, reason), env),
            Peer::Ready { id } => self.on_ready(id, env),
            Peer::BatonAck { id } => self.source_input(source::Input::BatonAcked(id), env),
            Peer::Finalised { id } => self.source_input(source::Input::Finalised(id), env),
            Peer::Ahead { id, number, piece } => self.on_ahead(from, id, number, piece, env),
            Peer::AheadAck { id, number } => self.on_ahead_ack(id, number, env),
            Peer::Baton { id, baton } => self.on_baton(from, id, baton, env),
            Peer::Cancel { id } => self.target_input(id, target::Input::Cancelled, env),
            Peer::Wanted { .. } => self.is_wanted(env),
            Peer::Close { session, reason } => {
                if let Some(index) = self.seat_of(session) {
                    self.seats[index].session.close(reason);
                }
            }
            Peer::Hello { .. }
            | Peer::Prepare { .. }
            | Peer::Probe { .. }
            | Peer::Credit { .. }
            | Peer::LeaseOver => {}
        }
        self.settle(env);
    }

    /// A source asks to make room here. `refused_before`: this node remembers having refused this move.
    #[expect(clippy::too_many_arguments, reason = "the fields of one frame")]
    pub fn on_prepare(
        &mut self,
        id: MoveId,
        from: NodeId,
        fence: Fence,
        members: &[Member],
        mode: MoveMode,
        refused_before: bool,
        env: &Env<'_>,
    ) {
        let target = Target::new(id, from, fence, mode, env.node.timing(), env.now);
        self.receive(target, members, refused_before, env);
    }

    /// Makes room for a move, or for a probe, unless there is a reason not to.
    pub(super) fn receive(
        &mut self,
        expected: Target,
        members: &[Member],
        refused_before: bool,
        env: &Env<'_>,
    ) {
        let (id, from) = (expected.id(), expected.source());
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
            self.begin_anew(members);
            self.role = Role::Target(Box::new(expected));
        }
        self.drain_target(env);
    }

    /// Nothing of an earlier stay, or of an earlier attempt, may colour this one.
    pub(super) fn begin_anew(&mut self, members: &[Member]) {
        let mut seats: Vec<Box<Seat>> = Vec::new();
        for member in members {
            let expected = match self.seat_of(member.session) {
                // What links it still has only end.
                Some(index) => self.seats[index].session.expected_again(member.client_key),
                None => Session::expected(member.session, member.client_key, self.settings.clone()),
            };
            seats.push(Box::new(Seat { awaited: member.awaited, ..Seat::new(expected) }));
        }
        seats.sort_by_key(|seat| seat.id());
        seats.dedup_by_key(|seat| seat.id());
        self.seats = seats;
        self.room = None;
        self.preload = RoomPreload::default();
        self.pieces = 0;
        self.fence = Fence::default();
        self.fenced = false;
        self.raise_to = None;
        self.attempts = 0;
        self.wants_move = None;
        self.arrived_at = None;
        self.gather_until = None;
        self.leave_again_at = None;
        self.probing = None;
        self.keeper.begin_anew(None);
        self.releases.clear();
    }

    fn on_baton(&mut self, from: NodeId, id: MoveId, mut baton: Box<Baton>, env: &Env<'_>) {
        // Any other is repeated, or of another attempt, and is not looked into.
        let comes = matches!(&self.role, Role::Target(target)
            if target.id() == id && target.is_prepared() && !target.is_probe() && baton.fence.epoch == id.epoch);
        let goes_on =
            !comes || env.permit.is_none() || self.fits(&baton) && self.unpack_room(&mut baton, env);
        match &mut self.role {
            // (e) A fenced node accepts no baton.
            Role::Target(target) if target.id() == id && env.permit.is_some() => {
                target.handle(
                    if goes_on {
                        target::Input::Baton(baton)
                    } else {
                        target::Input::Drop(TargetRefusal::Unusable)
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

    /// Whether a baton holds every session that was announced, each once, and the room whose they are. Another
    /// node's bytes never reach an assertion. Both have their sessions in the order of their numbers.
    fn fits(&self, baton: &Baton) -> bool {
        let mut pairs = self.seats.iter().zip(&baton.sessions);
        let room = match &baton.room {
            Some(state) => self.preload.fits(state),
            None => self.seats.len() == 1,
        };
        baton.sessions.len() == self.seats.len()
            && pairs.all(|(seat, state)| seat.session.fits(state))
            && room
    }

    /// Makes the baton's room, and has the game make its own state of it, before the baton is accepted: a room
    /// that the game cannot go on with here had better stay where it can. False: it cannot.
    fn unpack_room(&mut self, baton: &mut Baton, env: &Env<'_>) -> bool {
        let Some(state) = baton.room.take() else { return true };
        let preload = std::mem::take(&mut self.preload);
        self.room = preload.into_room(state, self.settings.room.clone(), env.now).ok().map(Box::new);
        let goes_on = self.room.is_some() && self.wake_game(env);
        if !goes_on {
            self.room = None;
        }
        goes_on
    }

    /// (c) A baton without a live preparation is handed back.
    pub fn refuse_baton(&mut self, from: NodeId, id: MoveId, env: &Env<'_>) {
        if self.refusing.iter().all(|target| target.id() != id) {
            self.refusing.push(Target::refusing(id, from, env.node.timing(), env.now));
        }
        self.drain_refusing();
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
                    let fence = held.record.fence();
                    for index in 0..self.seats.len() {
                        let fence = self.fence_of(&self.seats[index].session, fence);
                        self.seats[index].session.control(&Downlink::Settled { fence });
                    }
                    self.send_peer(source, Peer::Finalised { id });
                }
                target::Output::Refuse(reason) => {
                    if !target.is_probe() {
                        self.outputs.push_back(Output::RememberRefusal(id));
                    }
                    self.send_peer(source, Peer::Refused { id, reason });
                    for seat in &mut self.seats {
                        seat.session.control(&Downlink::Cancel { id });
                        seat.session.drop_links(CloseReason::Moved);
                    }
                    self.set_refusing_aside();
                }
                target::Output::Ended(outcome) => self.on_arrival_ended(outcome, env),
            }
        }
    }

    pub(super) fn send_peer(&mut self, to: NodeId, frame: Peer) {
        self.outputs.push_back(Output::Peer(to, frame));
    }

    fn send_prepared(&mut self, id: MoveId, source: NodeId, env: &Env<'_>) {
        let ticket = |seat: &Box<Seat>| env.node.ticket(id, seat.id(), seat.session.client_key());
        let tickets = self.seats.iter().map(ticket).collect();
        let (tcp, quic) = env.node.addresses();
        self.send_peer(source, Peer::Prepared { id, tickets, tcp, quic });
        self.gather_until.get_or_insert(env.now + limits::GATHER_MAX);
        self.notice_attached(env);
    }

    /// Whether everybody has come whom the move waits for.
    ///
    /// A client is attached when its uplink comes here as well, not before: what it had sent to the source
    /// alone by the time of the freeze would be a round trip late.
    pub(super) fn notice_attached(&mut self, env: &Env<'_>) {
        let Role::Target(target) = &mut self.role else { return };
        let mut awaited = self.seats.iter().filter(|seat| seat.awaited);
        if target.awaits_clients() && awaited.all(|seat| seat.session.is_heard()) {
            target.handle(target::Input::AllAttached, env.now);
            self.drain_target(env);
        }
    }

    /// A room does not wait for its last members for long: they reconnect by themselves. If nobody has come, the
    /// move is not worth it.
    pub(super) fn on_gather_timeout(&mut self, env: &Env<'_>) {
        if self.gather_until.is_none_or(|until| until > env.now) {
            return;
        }
        self.gather_until = None;
        let some = self.seats.iter().any(|seat| seat.session.is_heard());
        if let Role::Target(target) = &mut self.role
            && target.awaits_clients()
            && self.seats.len() > 1
            && some
        {
            target.handle(target::Input::AllAttached, env.now);
            self.drain_target(env);
        }
    }

    fn serve(&mut self, id: MoveId, baton: Baton, env: &Env<'_>) {
        let Baton { fence, sessions, room: _, stored } = baton;
        self.keeper.begin_anew(stored);
        for state in sessions {
            let Some(index) = self.seat_of(state.session) else { continue };
            let fence = match self.room {
                Some(_) => Fence { binding: state.binding, ..fence },
                None => fence,
            };
            let seat = &mut self.seats[index];
            let imported = seat.session.import(state, fence, env.now);
            assert!(imported.is_ok(), "{id}: a baton's sessions were looked at before it was accepted");
            seat.arrival = Some(id);
            seat.told_offline = false;
        }
        self.arrived_at = Some(env.now);
        self.gather_until = None;
        self.open_links(SwitchCause::Moved, fence, env);
        self.outputs.push_back(Output::Report(Report::MovedIn { id }));
        self.on_room_move_over(None, env);
        for index in 0..self.seats.len() {
            if let Some((seat, mut company)) = self.at(index, env.application) {
                company.moved_in(&mut seat.session, env.now);
            }
        }
        self.with_room_context(env, |application, context| application.room_moved_in(context));
    }

    /// A refused move goes on handing its record back, and makes room for another attempt.
    fn set_refusing_aside(&mut self) {
        self.gather_until = None;
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
        self.gather_until = None;
        match outcome {
            target::Outcome::Serving(held) => {
                self.own(held, env);
                self.tell_offline(env);
                self.outputs.push_back(Output::List);
                if let Some(mode) = self.wants_move.take()
                    && self.room.is_none()
                    && !self.seats.is_empty()
                {
                    self.on_migrate(0, held.record.epoch, mode, env);
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
