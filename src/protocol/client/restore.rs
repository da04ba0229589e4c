//! Bringing a session back when its serving link has broken: to the target of a move, to the owner, to any
//! other node, with exponential back-off and full jitter, until the session's time is up.

use super::link::Purpose;
use super::{Client, Events, LinkEnd, Phase};
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::limits;
use crate::protocol::reasons::RefuseReason;
use crate::protocol::time::Time;
use std::net::SocketAddr;
use std::time::Duration;

/// The search for a node that serves the session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Restore {
    deadline: Time,
    attempts: u32,
    /// When the last attempt began.
    began: Time,
    /// When to try again; `None` while an attempt is under way.
    retry_at: Option<Time>,
    /// Where a node says that the owner is.
    elsewhere: Vec<SocketAddr>,
    /// Where it was looked for last.
    last: Option<SocketAddr>,
    /// How many times nodes other than the owner were asked, counted from where this client begins.
    others_asked: usize,
    /// The game has been told.
    pub(super) announced: bool,
}

impl Restore {
    pub(super) fn poll_timeout(&self) -> Time {
        self.retry_at.map_or(self.deadline, |at| at.min(self.deadline))
    }

    /// The pause counts from the attempt's beginning: whoever has waited for a dead node has paused already.
    pub(super) fn attempt_failed(&mut self, random: &mut u64, now: Time) {
        self.attempts += 1;
        self.retry_at = Some(now.max(self.began + back_off(self.attempts, random)));
    }

    /// Takes turns between where a node says that the owner is, or the owner as last known, and all others, which
    /// may know.
    fn next_address(&mut self, owner: SocketAddr, all: &[SocketAddr]) -> SocketAddr {
        if let Some(elsewhere) = self.elsewhere.pop() {
            return elsewhere;
        }
        let others = || all.iter().filter(|address| **address != owner);
        let count = others().count();
        if count == 0 || self.last != Some(owner) {
            return owner;
        }
        self.others_asked += 1;
        others().nth((self.others_asked - 1) % count).copied().unwrap_or(owner)
    }
}

/// A pause between zero and twice the last one's bound ("full jitter").
fn back_off(attempts: u32, random: &mut u64) -> Duration {
    let bound = limits::BACK_OFF_FIRST * 2u32.saturating_pow(attempts.saturating_sub(1).min(16));
    let bound_us = bound.min(limits::BACK_OFF_MAX).as_micros() as u64;
    // SplitMix64 (Steele, Lea, Flood 2014).
    *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *random;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    Duration::from_micros((z ^ (z >> 31)) % (bound_us + 1))
}

impl Client {
    pub(super) fn on_serving_link_lost(&mut self, end: LinkEnd, now: Time, events: &mut dyn Events) {
        if self.session.is_none() {
            return;
        }
        let announced = !self.is_classic_move();
        if announced {
            events.event(Event::Reconnecting { status: end.status }, end.text.as_bytes());
        }
        let attaching = self.is_attaching();
        self.begin_restoring(announced, now);
        if attaching {
            self.wait_for_switch(now);
        }
    }

    pub(super) fn begin_restoring(&mut self, announced: bool, now: Time) {
        self.end_probe();
        let Some(session) = &self.session else { return };
        self.phase = Phase::Restoring(Restore {
            deadline: now + session.resume_max,
            attempts: 0,
            began: now,
            retry_at: Some(now),
            elsewhere: Vec::new(),
            last: None,
            others_asked: self.first_other as usize,
            announced,
        });
    }

    /// Nodes besides the one that serves the session, as that has said last.
    pub fn nodes_told(&self) -> &[SocketAddr] {
        &self.nodes
    }

    /// The node names others.
    pub(super) fn on_nodes(&mut self, mut addresses: Vec<SocketAddr>) {
        addresses.truncate(limits::NODES_TOLD_MAX);
        self.nodes = addresses;
    }

    /// A target is attached and will say `Switch` when it serves: gives it a moment before looking further.
    pub(super) fn wait_for_switch(&mut self, now: Time) {
        if let Phase::Restoring(restore) = &mut self.phase {
            restore.attempts += 1;
            restore.retry_at = Some(now + limits::BATON_WAIT_MAX);
        }
    }

    /// Nothing is left to wait for: looks for the session at once.
    pub(super) fn restore_now(&mut self, now: Time) {
        if let Phase::Restoring(restore) = &mut self.phase {
            restore.retry_at = Some(now);
        }
    }

    /// The session is known to be served there.
    pub(super) fn restore_at(&mut self, address: SocketAddr, now: Time) {
        if let Phase::Restoring(restore) = &mut self.phase {
            restore.elsewhere = vec![address];
            restore.retry_at = Some(now);
        }
    }

    pub(super) fn on_restore_timeout(&mut self, now: Time, events: &mut dyn Events) {
        let Phase::Restoring(restore) = &mut self.phase else { return };
        if restore.deadline <= now {
            let text = Status::SessionTimedOut.to_string();
            return self.end(Status::SessionTimedOut, &text, events);
        }
        if restore.retry_at.is_some_and(|at| at <= now) {
            restore.retry_at = None;
            self.try_to_restore(now);
        }
    }

    /// Takes turns: the target, with a ticket in hand; the owner; any other node.
    fn try_to_restore(&mut self, now: Time) {
        let may_attach = self.moving.is_some() && !self.is_attaching();
        let Phase::Restoring(restore) = &mut self.phase else { return };
        restore.began = now;
        if may_attach && restore.attempts.is_multiple_of(3) && self.attach(now) {
            return;
        }
        let (Phase::Restoring(restore), Some(session)) = (&mut self.phase, &self.session) else { return };
        // Those that it was told of last first: the token may be hours old.
        let mut all = self.nodes.clone();
        all.extend(self.addresses.iter().filter(|address| !self.nodes.contains(address)));
        let address = restore.next_address(session.owner, &all);
        restore.last = Some(address);
        self.dial(Purpose::Resume, address, now);
    }

    pub(super) fn on_resume_link_lost(&mut self, now: Time) {
        if let Phase::Restoring(restore) = &mut self.phase
            && restore.retry_at.is_none()
        {
            restore.attempt_failed(&mut self.random, now);
        }
    }

    pub(super) fn on_resume_refused(
        &mut self,
        reason: RefuseReason,
        elsewhere: Vec<SocketAddr>,
        now: Time,
        events: &mut dyn Events,
    ) {
        let Phase::Restoring(restore) = &mut self.phase else { return };
        match reason {
            // Said only by a node that has read the directory.
            RefuseReason::SessionUnknown => {
                let text = reason.to_string();
                self.end(Status::SessionUnknown, &text, events);
            }
            RefuseReason::Version => self.end(Status::Version, &reason.to_string(), events),
            RefuseReason::TokenMalformed
            | RefuseReason::TokenExpired
            | RefuseReason::TokenForeign
            | RefuseReason::NotOnline
            | RefuseReason::Full
            | RefuseReason::TicketForged
            | RefuseReason::TicketExpired
            | RefuseReason::TicketOtherClient
            | RefuseReason::TicketOtherNode
            | RefuseReason::TicketVoid
            | RefuseReason::AlreadyConnected
            | RefuseReason::OlderLink
            | RefuseReason::Unavailable
            | RefuseReason::Greeting => {
                let redirected = !elsewhere.is_empty();
                if redirected && elsewhere.last() == restore.last.as_ref() {
                    restore.attempts = restore.attempts.min(2); // it will be served there in a moment
                }
                restore.elsewhere = elsewhere;
                restore.attempt_failed(&mut self.random, now);
                if redirected && restore.elsewhere.last() != restore.last.as_ref() && restore.attempts <= 2 {
                    restore.retry_at = Some(now); // the first redirects are followed at once
                }
            }
        }
    }
}
