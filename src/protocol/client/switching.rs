//! `Switch`: a node says that it serves the session on this link from here on. Brings both sequences
//! together and tells the game what has happened to it.

use super::link::{LinkId, Purpose};
use super::moving::Move;
use super::{Client, Events, LinkFault, Phase, Session};
use crate::client::event::Event;
use crate::protocol::ids::{Cursor, Fence, SessionId};
use crate::protocol::limits;
use crate::protocol::reasons::MoveFailure;
use crate::protocol::sequence::PeerMisbehaved;
use crate::protocol::time::Time;
use crate::protocol::wire::{Switch, SwitchCause, Uplink};
use std::net::SocketAddr;
use std::time::Duration;

impl Client {
    pub(super) fn on_switch(
        &mut self,
        from: LinkId,
        switch: Switch,
        now: Time,
        events: &mut dyn Events,
    ) -> Result<(), LinkFault> {
        let seen = self.session.as_ref().map_or(Fence::default(), |session| session.fence);
        if switch.fence < seen {
            return Err(LinkFault::Stale { got: switch.fence, seen }); // promise 1
        }
        let Some(index) = self.links.iter().position(|link| link.id == from) else { return Ok(()) };
        if self.is_probe_link(from) {
            return Err(LinkFault::Unexpected("Switch")); // nobody serves there
        }
        let link = &mut self.links[index];
        let address = link.address;
        let client_key = match (&self.session, link.client_key) {
            (Some(session), _) => session.client_key,
            (None, Some(key)) => key,
            (None, None) => return Err(LinkFault::Unexpected("Switch")),
        };
        let known = self.session.as_ref().map(|session| session.generation);
        let new_generation = known.is_some_and(|known| switch.generation > known);
        // The node says so until it has heard from us; the game is told once, whoever it is that says it.
        let cause = match switch.cause {
            SwitchCause::Resumed | SwitchCause::Moved | SwitchCause::TookOver if new_generation => {
                SwitchCause::TookOver
            }
            // Found at another node by asking around: it has moved, whoever was to tell it first.
            SwitchCause::Resumed if self.is_elsewhere(address, switch.fence) => SwitchCause::Moved,
            SwitchCause::TookOver => SwitchCause::Resumed,
            SwitchCause::Connected | SwitchCause::Resumed | SwitchCause::Moved => switch.cause,
        };
        let restarted = new_generation || switch.cause == SwitchCause::TookOver;
        if restarted && self.links[index].wanted != self.down {
            // The node that is being left has delivered more since this link was greeted: both ends would
            // number what follows differently.
            self.leave_for(address, now);
            self.links[index].close();
            return Ok(());
        }
        let lost = self.take_cursors(index, &switch, restarted)?;
        let same_link = self.links[index].serving;
        let asked_early = self.asked_to_move > Some(seen.epoch);
        self.carry_over(cause, seen.epoch, switch.fence.epoch);
        self.session = Some(Session {
            id: switch.session,
            fence: switch.fence,
            generation: switch.generation,
            client_key,
            resume_token: switch.resume_token,
            resume_max: Duration::from_millis(switch.resume_ms).min(self.settings.resume_max),
            moves_when_online: switch.moves_when_online,
            owner: address,
        });
        self.become_served(index, cause, now);
        if !same_link {
            // What was acknowledged on another link may not have reached this node, or not before it served.
            self.ack_at.get_or_insert(now + limits::ACK_AFTER);
        }
        self.raise(cause, lost, &switch.node, now, events);
        if !same_link || asked_early {
            self.ask_again_to_move(); // the link on which that was asked may have broken before it arrived
        }
        if self.probing.as_ref().is_some_and(|probing| probing.id.epoch <= self.epoch()) {
            self.end_probe(); // it was about an owner, or an epoch, that is past
        }
        self.go_on_probing(now);
        Ok(())
    }

    /// Whether a node at this address, serving at this fence, is another owner than the last one seen.
    fn is_elsewhere(&self, address: SocketAddr, fence: Fence) -> bool {
        self.session.as_ref().is_some_and(|session| session.owner != address && session.fence < fence)
    }

    /// Brings both sequences together. Gives the range of uplink that is gone, which there is only when the
    /// session was restarted from a copy.
    fn take_cursors(
        &mut self,
        index: usize,
        switch: &Switch,
        restarted: bool,
    ) -> Result<(Cursor, Cursor), LinkFault> {
        // Otherwise a later acknowledgement has overtaken the Switch.
        let lost_to = if restarted { self.up.first().max(switch.up) } else { switch.up };
        let lost = (switch.up, lost_to);
        if switch.up > self.up.first() {
            self.up.acked(switch.up)?;
        }
        let early = self.links[index].early_ack;
        if early > self.up.first() {
            self.up.acked(early)?;
        }
        let link = &mut self.links[index];
        link.sender.granted(switch.credit);
        if restarted || !link.sender.is_started() {
            link.start(&self.up);
        }
        link.receiver.start(switch.down);
        if switch.down > self.down {
            if !restarted {
                return Err(PeerMisbehaved::Gap { expected: self.down, got: switch.down }.into());
            }
            self.down = switch.down;
        }
        Ok(lost)
    }

    fn become_served(&mut self, index: usize, cause: SwitchCause, now: Time) {
        let target = self.moving.as_ref().map(Move::purpose);
        let probed = self.probing.as_ref().map(|probing| Purpose::Probe(probing.id));
        for (other, link) in self.links.iter_mut().enumerate() {
            link.serving = other == index;
            // The source of a move is kept until the record is settled, and a target while the move goes on;
            // any other link has served its time.
            let purpose = Some(link.purpose);
            if other != index && cause != SwitchCause::Moved && purpose != target && purpose != probed {
                link.close();
            }
        }
        if let (SwitchCause::Moved, Some(session)) = (cause, &self.session) {
            let fence = session.fence;
            let added_us = self.arrivals.added_us(now);
            self.links[index].control(&Uplink::Confirm { fence, added_us });
        }
    }

    fn raise(
        &mut self,
        cause: SwitchCause,
        lost: (Cursor, Cursor),
        node: &str,
        now: Time,
        events: &mut dyn Events,
    ) {
        let node = node.as_bytes();
        let epoch = self.epoch();
        let before = std::mem::replace(&mut self.phase, Phase::Connected);
        if let Phase::Restoring(restore) = &before
            && restore.announced
        {
            self.counts.reconnects += 1;
            events.event(Event::Reconnected { epoch }, node);
        }
        match cause {
            SwitchCause::Connected => {
                let session = self.session.as_ref().map_or(SessionId::default(), |session| session.id);
                events.event(Event::Connected { session }, node);
            }
            SwitchCause::Resumed => self.forget_given_up(),
            SwitchCause::Moved => self.on_moved_here(node, now, events),
            SwitchCause::TookOver => {
                // One to a later epoch is the new owner's: its `MoveTo` has overtaken this.
                if self.moving.is_none() {
                    self.give_up_move(MoveFailure::TargetRefused, events);
                }
                let (lost_from, lost_to) = (lost.0.0, lost.1.0);
                events.event(Event::TookOver { epoch, lost_from, lost_to }, node);
            }
        }
        if let Some(offline) = self.early_offline.take() {
            self.on_offline(offline, now, events);
        }
    }
}
