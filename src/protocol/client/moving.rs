//! The client's side of a move: attaches to the target while the source still serves, and follows the
//! session when it switches.

use super::link::{Link, LinkId, Purpose};
use super::{Client, Events, Phase};
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::ids::{Epoch, Fence, MoveId};
use crate::protocol::limits;
use crate::protocol::reasons::{MoveFailure, OfflineReason};
use crate::protocol::time::Time;
use crate::protocol::wire::{MoveMode, SwitchCause, Uplink};
use std::net::SocketAddr;
use std::time::Duration;

/// A deadline that comes by so much sooner than it was said to is news; anything less is what the way of the word took.
const SOONER: Duration = Duration::from_secs(1);

/// A node goes offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Offline {
    pub(super) epoch: Epoch,
    pub(super) deadline_ms: u64,
    pub(super) reason: OfflineReason,
    pub(super) in_room: bool,
}

/// A move under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Move {
    id: MoveId,
    ticket: Vec<u8>,
    addresses: Vec<SocketAddr>,
    /// Addresses of the target that have been tried.
    tried: usize,
    mode: MoveMode,
    /// The client could not attach and has said so. The source may not have heard of it and have gone on:
    /// so the ticket is kept for the case that the session has to be looked for.
    given_up: bool,
}

impl Move {
    /// What a link to its target is opened for.
    pub(super) fn purpose(&self) -> Purpose {
        Purpose::Attach(self.id)
    }

    pub(super) fn ticket(&self) -> &[u8] {
        &self.ticket
    }

    /// The next address of the target, around and around.
    pub(super) fn next_address(&mut self) -> Option<(MoveId, SocketAddr)> {
        let address = *self.addresses.get(self.tried % self.addresses.len().max(1))?;
        self.tried += 1;
        Some((self.id, address))
    }
}

impl Client {
    pub(super) fn on_offline(&mut self, offline: Offline, now: Time, events: &mut dyn Events) {
        let Offline { epoch, deadline_ms, reason, in_room } = offline;
        if epoch > self.epoch() {
            // The game hears of it once it plays there, and can answer.
            self.early_offline = Some(offline);
            return;
        }
        let deadline = now + Duration::from_millis(deadline_ms);
        let sooner = self.offline_until.is_some_and(|known| deadline + SOONER <= known);
        if epoch == self.epoch() && (self.offline < Some(epoch) || sooner) {
            (self.offline, self.offline_until) = (Some(epoch), Some(deadline));
            events.event(Event::Offline { epoch, deadline_ms, reason, in_room }, &[]);
        }
    }

    /// The game asks to be moved. The outcome comes as an event; a second call during a move changes nothing.
    pub fn send_migrate(&mut self) -> Result<(), Status> {
        let Some(session) = &self.session else { return Err(Status::NotConnected) };
        if self.in_room() {
            return Err(Status::InRoom);
        }
        let epoch = session.fence.epoch;
        if self.is_moving() || self.asked_to_move >= Some(epoch) {
            return Ok(());
        }
        if self.offline < Some(epoch) && !session.moves_when_online {
            return Err(Status::NotOffline);
        }
        // The owner may have gone on at a later epoch, whose `Switch` is on its way: then it is asked there.
        self.asked_to_move = self.offline.max(Some(epoch));
        self.ask_again_to_move();
        Ok(())
    }

    /// The same owner goes on at a later epoch: what it said, and was asked, at the earlier one still holds.
    pub(super) fn carry_over(&mut self, cause: SwitchCause, from: Epoch, to: Epoch) {
        match cause {
            SwitchCause::Resumed => {
                for epoch in [&mut self.offline, &mut self.asked_to_move].into_iter().flatten() {
                    if *epoch == from {
                        *epoch = to;
                    }
                }
            }
            SwitchCause::Connected | SwitchCause::Moved | SwitchCause::TookOver => self.owned_since = to,
        }
        // What was to lead to this epoch or an earlier one has been overtaken.
        if self.moving.as_ref().is_some_and(|moving| moving.id.epoch <= to) {
            self.moving = None;
        }
    }

    /// Repeats the game's wish on a new link.
    pub(super) fn ask_again_to_move(&mut self) {
        let mode = self.settings.mode;
        let Some(epoch) = self.asked_to_move else { return };
        if epoch != self.epoch() {
            return;
        }
        for link in self.links.iter_mut().filter(|link| link.serving) {
            link.control(&Uplink::Migrate { epoch, mode });
        }
    }

    pub(super) fn on_move_to(
        &mut self,
        id: MoveId,
        addresses: Vec<SocketAddr>,
        ticket: Vec<u8>,
        mode: MoveMode,
        now: Time,
        events: &mut dyn Events,
    ) {
        if id.epoch <= self.epoch() || self.moving.as_ref().is_some_and(|moving| moving.id >= id) {
            return; // (f)
        }
        self.end_probe();
        if let Some(earlier) = &self.moving {
            self.on_cancel(earlier.id, now);
        }
        // Another attempt of the same move is no news.
        if self.announced.replace(now + limits::TICKET_LIFE).is_none() {
            events.event(Event::Migrating { epoch: id.epoch }, &[]);
        }
        self.moving = Some(Move { id, ticket, addresses, tried: 0, mode, given_up: false });
        if mode == MoveMode::Seamless {
            self.attach(now);
        }
    }

    /// Opens a link to the target; false if no address is known.
    pub(super) fn attach(&mut self, now: Time) -> bool {
        let Some((id, address)) = self.moving.as_mut().and_then(Move::next_address) else { return false };
        self.dial(Purpose::Attach(id), address, now);
        true
    }

    /// Whether a target is prepared that the client has not given up.
    pub(super) fn is_moving(&self) -> bool {
        self.moving.as_ref().is_some_and(|moving| !moving.given_up)
    }

    /// The source serves: what it does not know to have been given up is over for the client.
    pub(super) fn forget_given_up(&mut self) {
        if !self.is_moving() {
            self.moving = None;
        }
    }

    pub(super) fn on_attach_link_lost(&mut self, id: MoveId, now: Time) {
        let Some(moving) = &mut self.moving else { return };
        if moving.id != id {
            return;
        }
        if let Phase::Restoring(restore) = &mut self.phase {
            return restore.attempt_failed(&mut self.random, now);
        }
        if moving.tried < moving.addresses.len() {
            self.attach(now);
        } else if !moving.given_up {
            moving.given_up = true;
            for link in self.links.iter_mut().filter(|link| link.serving) {
                link.control(&Uplink::CannotAttach { id });
            }
        }
    }

    pub(super) fn on_attached(&mut self, from: LinkId, id: MoveId, credit: u64, now: Time) {
        let current = self.moving.as_ref().is_some_and(|moving| moving.id == id);
        let up = &self.up;
        if let Some(link) = self.links.iter_mut().find(|link| link.id == from)
            && current
            && !link.sender.is_started()
        {
            link.sender.granted(credit);
            link.start(up);
            self.wait_for_switch(now);
        }
    }

    pub(super) fn on_cancel(&mut self, id: MoveId, now: Time) {
        if self.probing.as_ref().is_some_and(|probing| probing.id == id) {
            self.end_probe();
        }
        self.close_links_to(id);
        if self.moving.as_ref().is_some_and(|moving| moving.id == id) {
            self.moving = None;
            self.restore_now(now); // (b) if the link to the source is gone as well
        }
    }

    /// What a Switch has made serving is not dropped: the word of the source came too late.
    fn close_links_to(&mut self, id: MoveId) {
        let attached = |link: &&mut Link| link.purpose == Purpose::Attach(id) && !link.serving;
        for link in self.links.iter_mut().filter(attached) {
            link.close();
        }
    }

    pub(super) fn on_move_failed(&mut self, reason: MoveFailure, epoch: Epoch, events: &mut dyn Events) {
        // The word of an owner that has gone on since at a later epoch, whose `Switch` overtook it, still counts.
        if epoch < self.owned_since {
            return;
        }
        // An owner that goes on at a later epoch is as offline as before.
        if self.offline.is_some() {
            self.offline = self.offline.max(Some(epoch));
        }
        self.give_up_move(reason, events);
    }

    /// The move came to nothing. The game is told, if it knows of one.
    pub(super) fn give_up_move(&mut self, reason: MoveFailure, events: &mut dyn Events) {
        if let Some(moving) = self.moving.take() {
            self.close_links_to(moving.id);
        }
        let asked = self.asked_to_move.take().is_some();
        let announced = self.announced.take().is_some();
        if asked || announced {
            self.counts.moves_failed += 1;
            let status = reason.into();
            events.event(Event::MigrateFailed { status }, reason.to_string().as_bytes());
        }
    }

    pub(super) fn on_moved_here(&mut self, node: &[u8], now: Time, events: &mut dyn Events) {
        self.moving = None;
        self.announced = None;
        self.asked_to_move = None;
        self.counts.moves += 1;
        let gap_us = self.arrivals.last_at.map_or(0, |last| now.since(last).as_micros() as u64);
        self.arrivals.before_switch = self.arrivals.last_at;
        events.event(Event::Migrated { epoch: self.epoch(), gap_us }, node);
        self.raise_room_migrated(events);
    }

    pub(super) fn on_settled(&mut self, fence: Fence) {
        if self.session.as_ref().is_some_and(|session| session.fence == fence) {
            for link in self.links.iter_mut().filter(|link| !link.serving) {
                link.close();
            }
        }
    }

    /// The source has let go. With a ticket the client goes to the target, else it asks around.
    pub(super) fn on_moved_away(&mut self, from: LinkId, epoch: Epoch, now: Time) {
        let current = self.epoch();
        let Some(link) = self.link_mut(from) else { return };
        link.close();
        if epoch <= current {
            return;
        }
        let (was_serving, address) = (std::mem::take(&mut link.serving), link.address);
        if was_serving {
            let attaching = self.is_attaching();
            self.begin_restoring(false, now);
            if attaching {
                self.wait_for_switch(now);
            }
            return;
        }
        // An earlier owner has the session back (c): whoever serves this client has lost it.
        self.leave_for(address, now);
    }

    /// The session is served elsewhere, and not on a link that could be used.
    pub(super) fn leave_for(&mut self, address: SocketAddr, now: Time) {
        for link in self.links.iter_mut().filter(|link| link.serving) {
            link.serving = false;
            link.close();
        }
        if !matches!(self.phase, Phase::Restoring(_)) {
            self.begin_restoring(false, now);
        }
        self.restore_at(address, now);
    }

    /// Whether a link to a target is open or being opened.
    pub(super) fn is_attaching(&self) -> bool {
        let attaching = |link: &Link| matches!(link.purpose, Purpose::Attach(_)) && !link.is_closing();
        self.links.iter().any(attaching)
    }

    /// Whether a classic move is under way: its break is part of it, not a failure.
    pub(super) fn is_classic_move(&self) -> bool {
        self.moving.as_ref().is_some_and(|moving| moving.mode == MoveMode::Classic)
    }
}
