//! What may happen to a player, and to the nodes that serve it.

use super::links::{End, Lane};
use super::{NOW, Play};
use std::time::Duration;
use sterna::protocol::cohort::{Cohort, Wake};
use sterna::protocol::ids::Cursor;
use sterna::protocol::time::Time;
use sterna::protocol::wire::{Kind, Message};
use sterna::protocol::{limits, source, target};

/// One thing that may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A link that the client has asked for is open.
    DialEnds(usize),
    /// What is under way on one lane of a link arrives.
    Deliver(usize, End, Lane),
    /// An end learns that its link has ended.
    Ends(usize, End),
    /// A link breaks.
    Break(usize),
    /// The first message from this node to the other arrives.
    Arrive(usize),
    /// The client's game sends a message.
    Send,
    /// It asks to be moved.
    Migrate,
    /// It is time for the client to try again, or to acknowledge.
    ClientTime,
    /// It is time for a node to acknowledge.
    NodeTime(usize),
    /// A time of the move has come.
    Wake(usize, Wake),
}

/// Times of the client up to this one may come; a ticket's or a session's end does not.
const SOON: Duration = Duration::from_secs(20);

impl Play {
    /// What is under way.
    pub(super) fn deliveries(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for (index, pipe) in self.pipes.iter().enumerate() {
            if pipe.client_open && !pipe.up && !pipe.cut {
                actions.push(Action::DialEnds(index));
            }
            for lane in [Lane::Control, Lane::Data] {
                if pipe.client_open && pipe.has(End::Client, lane) {
                    actions.push(Action::Deliver(index, End::Client, lane));
                }
                let known = pipe.greeted || lane == Lane::Control;
                if pipe.node_open && known && pipe.has(End::Node, lane) {
                    actions.push(Action::Deliver(index, End::Node, lane));
                }
            }
            for end in [End::Client, End::Node] {
                if pipe.ends_at(end) {
                    actions.push(Action::Ends(index, end));
                }
            }
        }
        let sending = |side: &usize| !self.sides[*side].outbox.is_empty();
        actions.extend((0..2).filter(sending).map(Action::Arrive));
        actions
    }

    /// Everything that may happen next.
    pub fn actions(&self) -> Vec<Action> {
        let mut actions = self.deliveries();
        if self.left.messages > 0 {
            actions.push(Action::Send);
        }
        if self.left.moves > 0 {
            actions.push(Action::Migrate);
        }
        if self.left.breaks > 0 {
            let live = |index: &usize| self.pipes[*index].up && !self.pipes[*index].cut;
            actions.extend((0..self.pipes.len()).filter(live).map(Action::Break));
        }
        if self.left.dials > 0 && self.client_time().is_some() {
            actions.push(Action::ClientTime);
        }
        for node in 0..2 {
            if self.sides[node].cohort.is_some() {
                actions.push(Action::NodeTime(node));
            }
            if self.left.wakes > 0 {
                actions.extend(self.wakes(node, is_giving_up));
            }
        }
        actions
    }

    pub(super) fn wakes(&self, node: usize, such: fn(Wake) -> bool) -> Vec<Action> {
        let wakes = self.sides[node].cohort.iter().flat_map(Cohort::wakes);
        wakes.filter(|wake| such(*wake)).map(|wake| Action::Wake(node, wake)).collect()
    }

    fn client_time(&self) -> Option<Time> {
        self.client.poll_timeout().filter(|at| *at <= NOW + SOON)
    }

    /// Lets it happen.
    pub fn happen(&mut self, action: &Action) {
        match *action {
            Action::DialEnds(index) => {
                self.pipes[index].up = true;
                let link = self.pipes[index].link;
                self.client_does(|client, _| client.link_up(link, &[link.0 as u8; 32], NOW));
            }
            Action::Deliver(index, to, lane) => self.deliver(index, to, lane),
            Action::Ends(index, end) => self.close(self.pipes[index].link, end),
            Action::Break(index) => {
                self.left.breaks -= 1;
                self.break_link(self.pipes[index].link);
            }
            Action::Arrive(from) => self.arrive(from),
            Action::Send => self.send(),
            Action::Migrate => {
                self.left.moves -= 1;
                self.client_does(|client, _| {
                    // Refused while it is not connected: the game may ask again.
                    let _ = client.send_migrate();
                });
            }
            Action::ClientTime => {
                if let Some(at) = self.client_time() {
                    self.client_does(|client, notes| client.on_timeout(at, notes));
                }
            }
            Action::NodeTime(node) => {
                let soon = NOW + limits::ACK_AFTER;
                self.node_does_at(node, soon, |cohort, env| cohort.on_timeout(env));
            }
            Action::Wake(node, wake) => {
                self.left.wakes = self.left.wakes.saturating_sub(u8::from(is_giving_up(wake)));
                self.node_does(node, |cohort, env| cohort.fire(wake, env));
            }
        }
    }

    fn send(&mut self) {
        self.left.messages -= 1;
        let payload = [self.sent];
        self.sent += 1;
        let mut frame = Vec::new();
        Message { kind: Kind::Plain, ver: 0, cmd: 1, payload: &payload }.encode(&mut frame);
        self.client_does(|client, _| client.push_frames(&frame));
    }

    /// So many messages have been sent, processed and received in order, each once.
    pub(super) fn in_order(numbers: &[u8]) -> bool {
        numbers.iter().copied().eq(0..numbers.len() as u8)
    }

    /// Everything that was sent has been processed, and its echo received.
    pub(super) fn is_complete(&self) -> bool {
        let all = Cursor(u64::from(self.sent));
        self.processed.len() as u64 == all.0 && self.received.len() as u64 == all.0
    }
}

/// Whether something is given up at this time.
pub(super) fn is_giving_up(wake: Wake) -> bool {
    match wake {
        Wake::Source(wake) => match wake {
            source::Wake::ResendPrepare | source::Wake::ResendBaton | source::Wake::ReadRecord => false,
            source::Wake::GiveUpPreparing
            | source::Wake::GiveUpAttaching
            | source::Wake::GiveUpClaiming
            | source::Wake::GiveUpFreezing => true,
        },
        Wake::Target(_, wake) => match wake {
            target::Wake::ResendReady | target::Wake::ReadRecord | target::Wake::StopHandingBack => false,
            target::Wake::GiveUpAdmitting | target::Wake::RefuseForNoBaton | target::Wake::Expire => true,
        },
    }
}
