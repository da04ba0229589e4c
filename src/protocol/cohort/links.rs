//! Clients' links to a cohort: how they are let in, and what arrives on them.

use super::{Cohort, Env, Role};
use crate::protocol::ids::{Epoch, Fence, MoveId, SessionId};
use crate::protocol::limits;
use crate::protocol::reasons::{CloseReason, RefuseReason};
use crate::protocol::session::{Link, LinkFault, LinkId, Outgoing};
use crate::protocol::wire::{DecodeError, Downlink, SwitchCause, Uplink, split};

/// First byte of the data lane's frames; control frames are below.
const DATA_FRAMES_FROM: u8 = 0x80;

impl Cohort {
    /// The first link of a new session.
    pub fn connect(&mut self, link: Link, uses_quic: bool, env: &Env<'_>) {
        let epoch = self.epoch();
        let Some(seat) = self.seats.first_mut() else { return };
        seat.uses_quic = uses_quic;
        let added = seat.session.add_link(link, epoch, env.now);
        debug_assert!(added.is_ok(), "a new session has seen no link yet");
        if let Some(fence) = self.record_fence() {
            self.open_links(SwitchCause::Connected, fence, env);
        }
        if let Some((seat, mut company)) = self.at(0, env.application) {
            company.connected(&mut seat.session, env.now);
        }
        self.tell_offline(env);
        self.settle(env);
    }

    /// A link of this session with this node's ticket for the move `id`. The driver has checked ticket and proof.
    pub fn attach(
        &mut self,
        id: MoveId,
        session: SessionId,
        link: Link,
        uses_quic: bool,
        env: &Env<'_>,
    ) -> Result<(), RefuseReason> {
        let Some(index) = self.seat_of(session) else { return Err(RefuseReason::TicketVoid) };
        let arriving = match &self.role {
            Role::Target(target) => target.id() == id && (target.is_prepared() || target.serves()),
            Role::Owner(_) => self.seats[index].arrival == Some(id),
            Role::Absent | Role::Source(..) | Role::Taking(_) | Role::Ending => false,
        };
        if !arriving {
            return Err(RefuseReason::TicketVoid);
        }
        if self.is_held() && !self.serving_at(index, env).allowed() {
            return Err(RefuseReason::Unavailable); // (e)
        }
        self.add_link(index, link, uses_quic, id.epoch, env)?;
        let seat = &mut self.seats[index];
        match &mut self.role {
            Role::Target(target) if target.is_prepared() => {
                let credit = seat.session.keep(limits::ATTACH_CREDIT_BYTES);
                seat.session.control(&Downlink::Attached { id, credit });
            }
            Role::Target(_) | Role::Owner(_) => {
                let fence = self.served_fence();
                self.open_links_at(index, SwitchCause::Moved, fence, env);
                if let Role::Owner(_) = self.role {
                    let seat = &mut self.seats[index];
                    let fence = seat.session.fence();
                    seat.session.control(&Downlink::Settled { fence });
                    self.tell_offline(env);
                }
            }
            Role::Absent | Role::Source(..) | Role::Taking(_) | Role::Ending => {}
        }
        self.settle_one(index, env);
        Ok(())
    }

    /// A link of this session in the place of a broken one. The driver has checked token and proof.
    pub fn resume(
        &mut self,
        session: SessionId,
        seen: Fence,
        link: Link,
        uses_quic: bool,
        env: &Env<'_>,
    ) -> Result<(), RefuseReason> {
        let Some(index) = self.seat_of(session) else { return Err(RefuseReason::SessionUnknown) };
        if !self.is_held() || self.seats[index].session.closed().is_some() {
            return Err(RefuseReason::SessionUnknown);
        }
        let fence = self.served_fence();
        if !self.serving_at(index, env).allowed() || self.fence_of(&self.seats[index].session, fence) < seen {
            // Frozen, fenced, or behind what the client has seen: somebody else may be ahead (promise 1).
            return Err(RefuseReason::Unavailable);
        }
        self.add_link(index, link, uses_quic, seen.epoch, env)?;
        let awaits = self.seats[index].session.awaits_client();
        let cause = if awaits { SwitchCause::TookOver } else { SwitchCause::Resumed };
        self.open_links_at(index, cause, fence, env);
        self.seats[index].told_offline = false;
        self.tell_offline(env);
        self.invite_again(index);
        self.invite_to_probe_again(index);
        self.settle_one(index, env);
        Ok(())
    }

    fn add_link(
        &mut self,
        index: usize,
        link: Link,
        uses_quic: bool,
        seen: Epoch,
        env: &Env<'_>,
    ) -> Result<(), RefuseReason> {
        let seat = &mut self.seats[index];
        seat.uses_quic = uses_quic;
        let (id, session) = (link.id(), seat.id());
        seat.session.add_link(link, seen, env.now).map_err(|_| RefuseReason::OlderLink)?;
        self.looks.0.by_link.insert(id, session);
        Ok(())
    }

    /// Other nodes have come or gone: tells the clients where to look for their sessions should this one go.
    pub fn tell_nodes(&mut self, env: &Env<'_>) {
        self.concerns_all();
        for index in 0..self.seats.len() {
            self.tell_nodes_at(index, env);
        }
    }

    pub(super) fn tell_nodes_at(&mut self, index: usize, env: &Env<'_>) {
        let Some(seat) = self.seats.get_mut(index) else { return };
        let addresses = env.node.others(seat.uses_quic);
        if !addresses.is_empty() {
            seat.session.control(&Downlink::Nodes { addresses });
        }
    }

    /// The fence under which the cohort is served here, or would be.
    pub(super) fn served_fence(&self) -> Fence {
        self.record_fence().unwrap_or(self.fence)
    }

    /// A link has ended.
    pub fn link_ended(&mut self, link: LinkId, env: &Env<'_>) {
        if let Some(index) = self.seat_of_link(link) {
            self.seats[index].session.remove_link(link, env.now);
            self.settle_one(index, env);
        }
        self.looks.0.by_link.remove(&link);
    }

    /// Bytes have arrived on a link: takes whole frames, and says how many bytes that were. `None`: it is no link
    /// of this cohort, or not any more.
    pub fn received(
        &mut self,
        from: LinkId,
        bytes: &[u8],
        env: &Env<'_>,
    ) -> Option<Result<usize, LinkFault>> {
        let index = self.seat_of_link(from)?;
        let taken = self.take_frames(index, from, bytes, env);
        if taken.is_ok() {
            self.settle_message(index, env);
        }
        Some(taken)
    }

    fn take_frames(
        &mut self,
        index: usize,
        from: LinkId,
        bytes: &[u8],
        env: &Env<'_>,
    ) -> Result<usize, LinkFault> {
        let mut taken = 0;
        while let Some((body, length)) = split(&bytes[taken..], limits::FRAME_BYTES_MAX)? {
            let first = *body.first().ok_or(DecodeError::Truncated("frame"))?;
            if first >= DATA_FRAMES_FROM {
                let serving = self.serving_at(index, env);
                if let Some((seat, mut company)) = self.at(index, env.application) {
                    seat.session.on_data(from, body, serving, &mut company, env.now)?;
                }
                self.notice_attached(env);
            } else {
                self.on_control(index, from, Uplink::decode(body)?, env)?;
            }
            taken += length;
        }
        if taken > 0
            && let Some(seat) = self.seats.get_mut(index)
        {
            seat.session.heard(from, env.now);
        }
        Ok(taken)
    }

    fn on_control(
        &mut self,
        index: usize,
        from: LinkId,
        frame: Uplink,
        env: &Env<'_>,
    ) -> Result<(), LinkFault> {
        let held = self.is_held();
        let Some(seat) = self.seats.get_mut(index) else { return Ok(()) };
        let session = &mut seat.session;
        match frame {
            Uplink::Hello { .. } => return Err(LinkFault::Unexpected("Hello")),
            Uplink::Ping { stamp } => session.on_ping(from, stamp),
            // Before the baton the downlink's numbers are not known here.
            Uplink::Ack { down } if held => session.on_ack(down)?,
            Uplink::Ack { .. } => {}
            Uplink::Credit { limit } => session.on_credit(from, limit),
            Uplink::Migrate { epoch, mode } => self.on_migrate(index, epoch, mode, env),
            Uplink::CannotAttach { id } => self.on_cannot_attach(index, id, env),
            Uplink::CanAttach { id } => self.on_probe_answer(index, id, true),
            Uplink::Confirm { fence, added_us } => self.on_confirm(index, fence, added_us, env),
            Uplink::Bye => self.on_bye(index, from),
        }
        Ok(())
    }

    fn on_confirm(&mut self, index: usize, fence: Fence, added_us: u64, env: &Env<'_>) {
        let seat = &mut self.seats[index];
        if fence == seat.session.fence()
            && let Some(id) = seat.arrival.take()
        {
            // Its ticket is spent.
            env.node.count_added_delay(id, added_us);
        }
    }

    fn on_bye(&mut self, index: usize, from: LinkId) {
        let session = &mut self.seats[index].session;
        match self.role {
            // What is on its way here ends once it has arrived: the source may not hear of it any more.
            Role::Owner(_) | Role::Source(..) | Role::Target(_) => session.close(CloseReason::ByClient),
            Role::Absent | Role::Taking(_) | Role::Ending => session.close_link(from),
        }
    }

    /// A datagram has arrived.
    pub fn datagram(&mut self, from: LinkId, bytes: &[u8], env: &Env<'_>) -> Result<(), LinkFault> {
        let Some(index) = self.seat_of_link(from) else { return Ok(()) };
        let serving = self.serving_at(index, env);
        if let Some((seat, mut company)) = self.at(index, env.application) {
            seat.session.heard(from, env.now);
            seat.session.on_datagram(bytes, serving, &mut company, env.now)?;
        }
        self.settle_message(index, env);
        Ok(())
    }

    /// Appends what is to be written on a link.
    pub fn fill(&mut self, id: LinkId, lane: Outgoing, out: &mut Vec<u8>, room: usize, env: &Env<'_>) {
        if let Some(index) = self.seat_of_link(id) {
            let serving = self.serving_at(index, env);
            self.seats[index].session.fill(id, lane, serving, out, room);
        }
    }

    /// The next datagram of a link.
    pub fn next_datagram(&mut self, id: LinkId, out: &mut Vec<u8>, env: &Env<'_>) -> bool {
        let Some(index) = self.seat_of_link(id) else { return false };
        let serving = self.serving_at(index, env);
        self.seats[index].session.next_datagram(id, serving, out)
    }

    /// Whether a link is to be closed.
    pub fn is_closing(&self, id: LinkId) -> bool {
        self.seat_of_link(id).is_none_or(|index| self.seats[index].session.is_closing(id))
    }
}
