//! Clients' links to a cohort: how they are let in, and what arrives on them.

use super::{Cohort, Env, Role};
use crate::protocol::application::Context;
use crate::protocol::ids::{Epoch, Fence, MoveId};
use crate::protocol::limits;
use crate::protocol::reasons::{CloseReason, RefuseReason};
use crate::protocol::session::{Link, LinkFault, LinkId, Outgoing};
use crate::protocol::target;
use crate::protocol::wire::{DecodeError, Downlink, SwitchCause, Uplink, split};

/// First byte of the data lane's frames; control frames are below.
const DATA_FRAMES_FROM: u8 = 0x80;

impl Cohort {
    /// The first link of a new session.
    pub fn connect(&mut self, link: Link, uses_quic: bool, env: &Env<'_>) {
        self.uses_quic = uses_quic;
        let added = self.session.add_link(link, self.epoch(), env.now);
        debug_assert!(added.is_ok(), "a new session has seen no link yet");
        if let Some(fence) = self.fence() {
            self.open_links(SwitchCause::Connected, fence, env);
        }
        env.application.connected(&mut Context { session: &mut self.session, now: env.now });
        self.tell_offline(env);
        self.settle(env);
    }

    /// A link with this node's ticket for the move `id`. The driver has checked ticket and proof.
    pub fn attach(
        &mut self,
        id: MoveId,
        link: Link,
        uses_quic: bool,
        env: &Env<'_>,
    ) -> Result<(), RefuseReason> {
        let arriving = match &self.role {
            Role::Target(target) => target.id() == id && (target.is_prepared() || target.serves()),
            Role::Owner(_) => self.arrival == Some(id),
            Role::Absent | Role::Source(..) | Role::Taking(_) | Role::Ending => false,
        };
        if !arriving {
            return Err(RefuseReason::TicketVoid);
        }
        if self.is_held() && (!self.is_served() || env.permit.is_none()) {
            return Err(RefuseReason::Unavailable); // (e)
        }
        self.uses_quic = uses_quic;
        self.add_link(link, id.epoch, env)?;
        match &mut self.role {
            Role::Target(target) if target.is_prepared() => {
                let credit = self.session.keep(limits::ATTACH_CREDIT_BYTES);
                self.session.control(&Downlink::Attached { id, credit });
            }
            Role::Target(_) | Role::Owner(_) => {
                let fence = self.served_fence();
                self.open_links(SwitchCause::Moved, fence, env);
                if let Role::Owner(_) = self.role {
                    self.session.control(&Downlink::Settled { fence });
                    self.tell_offline(env);
                }
            }
            Role::Absent | Role::Source(..) | Role::Taking(_) | Role::Ending => {}
        }
        self.settle(env);
        Ok(())
    }

    /// A link in the place of a broken one. The driver has checked token and proof.
    pub fn resume(
        &mut self,
        seen: Fence,
        link: Link,
        uses_quic: bool,
        env: &Env<'_>,
    ) -> Result<(), RefuseReason> {
        if !self.is_held() || self.session.closed().is_some() {
            return Err(RefuseReason::SessionUnknown);
        }
        if !self.is_served() || env.permit.is_none() || self.served_fence() < seen {
            // Frozen, fenced, or behind what the client has seen: somebody else may be ahead (promise 1).
            return Err(RefuseReason::Unavailable);
        }
        self.uses_quic = uses_quic;
        self.add_link(link, seen.epoch, env)?;
        let fence = self.served_fence();
        let cause = if self.session.awaits_client() { SwitchCause::TookOver } else { SwitchCause::Resumed };
        self.open_links(cause, fence, env);
        self.told_offline = false;
        self.tell_offline(env);
        self.invite_again();
        self.settle(env);
        Ok(())
    }

    fn add_link(&mut self, link: Link, seen: Epoch, env: &Env<'_>) -> Result<(), RefuseReason> {
        self.session.add_link(link, seen, env.now).map_err(|_| RefuseReason::OlderLink)
    }

    /// The fence under which the cohort is served here, or would be.
    fn served_fence(&self) -> Fence {
        self.fence().unwrap_or_else(|| self.session.fence())
    }

    /// A link has ended.
    pub fn link_ended(&mut self, link: LinkId, env: &Env<'_>) {
        self.session.remove_link(link, env.now);
        self.settle(env);
    }

    /// Bytes have arrived on a link: takes whole frames, and says how many bytes that were.
    pub fn received(&mut self, from: LinkId, bytes: &[u8], env: &Env<'_>) -> Result<usize, LinkFault> {
        let mut taken = 0;
        while let Some((body, length)) = split(&bytes[taken..], limits::FRAME_BYTES_MAX)? {
            let first = *body.first().ok_or(DecodeError::Truncated("frame"))?;
            if first >= DATA_FRAMES_FROM {
                let serving = self.serving(env);
                self.session.on_data(from, body, serving, env.application, env.now)?;
                self.notice_attached(from, env);
            } else {
                self.on_control(from, Uplink::decode(body)?, env)?;
            }
            taken += length;
        }
        if taken > 0 {
            self.session.heard(from, env.now);
        }
        self.settle(env);
        Ok(taken)
    }

    /// A client is attached when its uplink comes here as well, not before: what it had sent to the source
    /// alone by the time of the freeze would be a round trip late.
    fn notice_attached(&mut self, from: LinkId, env: &Env<'_>) {
        if let Role::Target(target) = &mut self.role
            && target.awaits_clients()
            && self.session.hears(from)
        {
            target.handle(target::Input::AllAttached, env.now);
            self.drain_target(env);
        }
    }

    fn on_control(&mut self, from: LinkId, frame: Uplink, env: &Env<'_>) -> Result<(), LinkFault> {
        match frame {
            Uplink::Hello { .. } => return Err(LinkFault::Unexpected("Hello")),
            Uplink::Ping { stamp } => self.session.on_ping(from, stamp),
            // Before the baton the downlink's numbers are not known here.
            Uplink::Ack { down } if self.is_held() => self.session.on_ack(down)?,
            Uplink::Ack { .. } => {}
            Uplink::Credit { limit } => self.session.on_credit(from, limit),
            Uplink::Migrate { epoch, mode } => self.on_migrate(epoch, mode, env),
            Uplink::CannotAttach { id } => self.on_cannot_attach(id, env),
            Uplink::Confirm { fence } => self.on_confirm(fence),
            Uplink::Bye => self.on_bye(from),
        }
        Ok(())
    }

    fn on_confirm(&mut self, fence: Fence) {
        if fence == self.served_fence() {
            self.arrival = None; // its ticket is spent
        }
    }

    fn on_bye(&mut self, from: LinkId) {
        match self.role {
            // What is on its way here ends once it has arrived: the source may not hear of it any more.
            Role::Owner(_) | Role::Source(..) | Role::Target(_) => self.session.close(CloseReason::ByClient),
            Role::Absent | Role::Taking(_) | Role::Ending => self.session.close_link(from),
        }
    }

    /// A datagram has arrived.
    pub fn datagram(&mut self, from: LinkId, bytes: &[u8], env: &Env<'_>) -> Result<(), LinkFault> {
        let serving = self.serving(env);
        self.session.heard(from, env.now);
        self.session.on_datagram(bytes, serving, env.application, env.now)?;
        self.settle(env);
        Ok(())
    }

    /// Appends what is to be written on a link.
    pub fn fill(&mut self, id: LinkId, lane: Outgoing, out: &mut Vec<u8>, room: usize, env: &Env<'_>) {
        let serving = self.serving(env);
        self.session.fill(id, lane, serving, out, room);
    }

    /// The next datagram of a link.
    pub fn next_datagram(&mut self, id: LinkId, out: &mut Vec<u8>, env: &Env<'_>) -> bool {
        let serving = self.serving(env);
        self.session.next_datagram(id, serving, out)
    }

    /// Whether a link is to be closed.
    pub fn is_closing(&self, id: LinkId) -> bool {
        self.session.is_closing(id)
    }
}
