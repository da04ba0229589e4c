//! Moves away from here: between the sessions and the role of the source.

use super::copying::Copying;
use super::{Asker, Cohort, Departure, Env, Invitation, Output, Report, Role};
use crate::protocol::ids::{Epoch, MoveId, NodeId};
use crate::protocol::limits;
use crate::protocol::reasons::MoveFailure;
use crate::protocol::record::{Record, Versioned};
use crate::protocol::room::Room;
use crate::protocol::session::Session;
use crate::protocol::source::{self, Source};
use crate::protocol::wire::{Baton, Downlink, Member, MoveMode, Peer, SwitchCause};
use std::net::SocketAddr;

impl Cohort {
    /// Tells the clients that the node goes offline, once for each link and epoch.
    pub fn tell_offline(&mut self, env: &Env<'_>) {
        self.concerns_all();
        let Some((reason, deadline)) = env.node.going_offline() else { return };
        let Role::Owner(held) = self.role else { return };
        let in_room = self.room.is_some();
        for seat in self.seats.iter_mut().filter(|seat| !seat.told_offline && !seat.is_changing()) {
            seat.told_offline = true;
            seat.session.control(&Downlink::Offline {
                epoch: held.record.epoch,
                deadline_ms: deadline.since(env.now).as_millis() as u64,
                reason,
                in_room,
            });
        }
    }

    /// Tells them once more: they are served at another epoch, or there is less time.
    pub fn tell_offline_again(&mut self, env: &Env<'_>) {
        for seat in &mut self.seats {
            seat.told_offline = false;
        }
        self.tell_offline(env);
    }

    /// A client asks to be moved.
    pub(super) fn on_migrate(&mut self, index: usize, epoch: Epoch, mode: MoveMode, env: &Env<'_>) {
        self.seats[index].session.set_mode(mode);
        if self.room.is_some() {
            return self.refuse_move_of(index, MoveFailure::InRoom);
        }
        match &self.role {
            // Same move, same answer.
            Role::Source(..) | Role::Absent | Role::Taking(_) | Role::Ending => {}
            Role::Target(_) => self.wants_move = Some(mode), // (a) only from Serving
            Role::Owner(held) => {
                let refusal = self.why_not_move(epoch, held.record.epoch, env);
                match refusal {
                    Some(reason) => self.refuse_move(reason),
                    None => _ = self.depart(mode, false, env),
                }
            }
        }
    }

    fn why_not_move(&self, asked: Epoch, now: Epoch, env: &Env<'_>) -> Option<MoveFailure> {
        let offline = env.node.going_offline().is_some();
        let recently = self.arrived_at.is_some_and(|at| env.now.since(at) < limits::MOVE_AGAIN_AFTER);
        if asked < now {
            Some(MoveFailure::Stale)
        } else if !offline && !self.settings.moves_when_online {
            Some(MoveFailure::NotOffline)
        } else if !offline && recently {
            Some(MoveFailure::MovedRecently)
        } else {
            None
        }
    }

    fn refuse_move(&mut self, reason: MoveFailure) {
        for index in 0..self.seats.len() {
            self.refuse_move_of(index, reason);
        }
    }

    fn refuse_move_of(&mut self, index: usize, reason: MoveFailure) {
        let epoch = self.epoch();
        self.seats[index].session.control(&Downlink::MoveFailed { reason, epoch });
    }

    /// Moves the cohort whether or not its clients have asked or can be reached: the drain's deadline is near.
    pub fn force(&mut self, env: &Env<'_>) {
        let changing = self.is_changing();
        match &mut self.role {
            // Who joins or leaves at this moment has done so before the room is looked at again.
            Role::Owner(_) if changing => {}
            Role::Owner(_) => _ = self.depart(MoveMode::Classic, true, env),
            Role::Source(_, departure) if departure.source.mode() == MoveMode::Seamless => {
                departure.forced = true;
                departure.source.handle(source::Input::Cancel(MoveFailure::Cancelled), env.now);
                self.drain_source(env);
            }
            Role::Source(..) | Role::Target(_) | Role::Absent | Role::Taking(_) | Role::Ending => {}
        }
        self.settle(env);
    }

    /// Says whether a move has begun. Why not, the clients have heard.
    pub(super) fn depart(&mut self, mode: MoveMode, forced: bool, env: &Env<'_>) -> bool {
        self.depart_for(None, mode, forced, env)
    }

    pub(super) fn depart_to(&mut self, node: NodeId, mode: MoveMode, env: &Env<'_>) -> bool {
        self.depart_for(Some(node), mode, false, env)
    }

    fn depart_for(
        &mut self,
        destination: Option<NodeId>,
        mode: MoveMode,
        forced: bool,
        env: &Env<'_>,
    ) -> bool {
        let Role::Owner(held) = self.role else { return false };
        if let Some(reason) = self.why_stay(forced) {
            if self.room.is_none() {
                self.refuse_move(reason);
            }
            return false;
        }
        // What is real comes first.
        self.end_probe(env);
        for seat in &mut self.seats {
            seat.cannot_attach = None;
        }
        let source = Source::new(self.id, held, self.attempts, mode, env.node.timing());
        let departure =
            Departure { source, prepared: None, forced, destination, copying: Copying::default() };
        self.role = Role::Source(held, Box::new(departure));
        self.drain_source(env);
        true
    }

    /// Why no move can begin now.
    fn why_stay(&mut self, forced: bool) -> Option<MoveFailure> {
        if self.fenced {
            return Some(MoveFailure::EngineUnavailable);
        }
        if self.parking {
            return Some(MoveFailure::Cancelled);
        }
        if self.room.is_none() && self.sessions().any(|session| session.closed().is_some()) {
            return Some(MoveFailure::Cancelled);
        }
        // First both ends have to agree again. One of many does not keep a room here at the deadline: it does so
        // on its next link.
        if forced && self.room.is_some() {
            self.seats.iter_mut().for_each(|seat| seat.session.put_off_rejoining());
        }
        self.sessions().any(Session::is_rejoining).then_some(MoveFailure::MovedRecently)
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

    /// The node that the move under way burdens: it has been asked to make room, and handshakes of clients
    /// are to come. A client that breaks before it makes comes late, so that its move counts to the end.
    pub fn arriving_at(&self) -> Option<NodeId> {
        match &self.role {
            Role::Source(_, departure) => departure.source.arriving_at(),
            Role::Owner(_) => self.probe_arrives_at(),
            Role::Target(_) | Role::Absent | Role::Taking(_) | Role::Ending => None,
        }
    }

    /// Whether the baton is out: to end the session is not for this node any more.
    pub fn is_passed_on(&self) -> bool {
        match &self.role {
            Role::Source(_, departure) => departure.source.baton_is_out(),
            Role::Target(_) | Role::Absent | Role::Owner(_) | Role::Taking(_) | Role::Ending => false,
        }
    }

    /// Of a room whoever cannot come now comes later; if nobody can, another target is tried.
    pub(super) fn on_cannot_attach(&mut self, index: usize, id: MoveId, env: &Env<'_>) {
        if self.probes(id) {
            return self.on_probe_answer(index, id, false);
        }
        self.seats[index].cannot_attach = Some(id);
        let mut linked = self.seats.iter().filter(|seat| seat.session.is_linked());
        if linked.all(|seat| seat.cannot_attach == Some(id)) {
            self.source_input(source::Input::CannotAttach(id), env);
        }
    }

    pub(super) fn on_prepared(
        &mut self,
        id: MoveId,
        tickets: Vec<Vec<u8>>,
        tcp: Vec<SocketAddr>,
        quic: Vec<SocketAddr>,
        env: &Env<'_>,
    ) {
        let Role::Source(_, departure) = &mut self.role else { return };
        if tickets.len() != self.seats.len() {
            return;
        }
        // Once for each attempt: what has changed is counted from this copy on.
        let first = departure.prepared.as_ref().is_none_or(|invitation| invitation.id != id);
        if departure.source.id() == id && first {
            departure.prepared = Some(Invitation { id, tcp, quic });
            for (seat, ticket) in self.seats.iter_mut().zip(tickets) {
                seat.ticket = ticket;
            }
            self.begin_copying(id);
        }
        self.source_input(source::Input::Prepared(id), env);
    }

    /// Every client is attached to the target. The claim waits until what travels ahead is there as well.
    pub(super) fn on_ready(&mut self, id: MoveId, env: &Env<'_>) {
        let Role::Source(_, departure) = &mut self.role else { return };
        if departure.source.id() == id && !departure.copying.is_done() {
            departure.copying.ready = true;
        } else {
            self.source_input(source::Input::Ready(id), env);
        }
    }

    pub(super) fn source_input(&mut self, input: source::Input, env: &Env<'_>) {
        if let Role::Source(_, departure) = &mut self.role {
            departure.source.handle(input, env.now);
            self.drain_source(env);
        }
    }

    pub(super) fn drain_source(&mut self, env: &Env<'_>) {
        while let Role::Source(_, departure) = &mut self.role {
            let Some(output) = departure.source.poll_output() else { return };
            let id = departure.source.id();
            self.attempts = self.attempts.max(id.attempt);
            match output {
                source::Output::PickTarget(tried) => self.pick_target(tried, env),
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
                    for seat in &mut self.seats {
                        seat.session.control(&Downlink::Cancel { id });
                    }
                }
                source::Output::Held(held) => self.hold(held, env),
                source::Output::Ended(outcome) => self.on_departure_ended(outcome, env),
            }
        }
    }

    fn pick_target(&mut self, tried: Vec<NodeId>, env: &Env<'_>) {
        let Role::Source(_, departure) = &mut self.role else { return };
        match departure.destination {
            None => self.outputs.push_back(Output::PickTarget(tried)),
            Some(node) => {
                let target = (!tried.contains(&node)).then_some(node);
                departure.source.handle(source::Input::Target(target), env.now);
            }
        }
    }

    fn send_prepare(&mut self, id: MoveId, env: &Env<'_>) {
        let Role::Source(held, departure) = &self.role else { return };
        let lone = self.room.is_none();
        let members = self.seats.iter().map(|seat| {
            let session = &seat.session;
            let comes = session.is_linked() && session.mode() == MoveMode::Seamless;
            Member { session: session.id(), client_key: *session.client_key(), awaited: lone || comes }
        });
        let frame = Peer::Prepare {
            id,
            from: self.me,
            fence: held.record.fence(),
            members: members.collect(),
            state_bytes: self.state_bytes() as u64,
            app_version: env.node.app_version_min(env.application),
            mode: departure.source.mode(),
        };
        self.outputs.push_back(Output::Peer(id.target, frame));
    }

    /// About how large its state is as bytes.
    pub(super) fn state_bytes(&self) -> usize {
        let room = self.room.as_deref().map_or(0, Room::state_bytes);
        room + self.sessions().map(|session| session.state_bytes()).sum::<usize>()
    }

    /// The link on which a client was told where to attach may have broken before it arrived.
    pub(super) fn invite_again(&mut self, index: usize) {
        if let Role::Source(_, departure) = &self.role
            && departure.source.awaits_clients()
        {
            let id = departure.source.id();
            self.invite(index, id);
        }
    }

    fn send_move_to(&mut self, id: MoveId) {
        for index in 0..self.seats.len() {
            self.invite(index, id);
        }
    }

    fn invite(&mut self, index: usize, id: MoveId) {
        let Role::Source(_, departure) = &self.role else { return };
        let Some(invitation) = &departure.prepared else { return };
        let seat = &mut self.seats[index];
        let addresses = if seat.uses_quic { &invitation.quic } else { &invitation.tcp };
        let (addresses, ticket) = (addresses.clone(), seat.ticket.clone());
        let mode = match departure.source.mode() {
            MoveMode::Classic => MoveMode::Classic,
            MoveMode::Seamless => seat.session.mode(),
        };
        seat.session.control(&Downlink::MoveTo { id, addresses, ticket, mode });
    }

    fn freeze(&mut self, id: MoveId, record: Record, env: &Env<'_>) {
        // Handlers run under the cohort's lock: between two of them it is frozen by holding still.
        self.outputs.push_back(Output::Report(Report::Froze { id }));
        let baton = Baton {
            fence: record.fence(),
            sessions: self.seats.iter().map(|seat| seat.session.export_for_baton(env.now)).collect(),
            room: self.room.as_deref_mut().map(|room| room.export_for_baton(env.now)),
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
        self.forget_copies();
        match outcome {
            source::Outcome::Moved(record) => {
                // It was closed when the state was out already: that is now for the new owner to do.
                for seat in &self.seats {
                    if let Some(reason) = seat.session.closed() {
                        let session = seat.id();
                        self.outputs.push_back(Output::Peer(record.owner, Peer::Close { session, reason }));
                    }
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
                    self.depart(MoveMode::Classic, true, env);
                    return;
                }
                self.on_move_failed(reason, env);
            }
            source::Outcome::TakenBack { held, served_elsewhere } => {
                self.take_back(held, served_elsewhere, env);
            }
        }
    }

    fn on_move_failed(&mut self, reason: MoveFailure, env: &Env<'_>) {
        self.refuse_move(reason);
        self.on_room_move_over(Some(reason), env);
        self.on_travel_failed(env);
        self.tell_offline(env);
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
        self.on_move_failed(MoveFailure::TargetRefused, env);
    }
}
