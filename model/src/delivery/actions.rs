//! What may happen to a player, and to the nodes that serve it.

use super::links::{End, Lane};
use super::server::{Input, Node};
use super::{Bounds, ClientInput, NOW, Play, Rules};
use crate::messages::Digested;
use crate::possible::gives_up;
use std::time::Duration;
use sterna::protocol::cohort::{Asker, Cohort, Wake};
use sterna::protocol::ids::NodeId;
use sterna::protocol::record::OwnerPhase;
use sterna::protocol::snapshot::Durability;
use sterna::protocol::time::Time;

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
    /// A message from a node to another arrives.
    Arrive(usize),
    /// The oldest question of a node is answered.
    Answer(usize),
    /// A node begins to take over.
    TakeOver(usize),
    /// The client's game sends a message.
    Send,
    /// It asks to be moved.
    Migrate,
    /// A node moves it without being asked.
    Force(usize),
    /// It is time for the client to try again, or to acknowledge.
    ClientTime,
    /// It is time for a node to acknowledge.
    NodeTime(usize),
    /// A time of the move has come.
    Wake(usize, Wake),
    /// A node crashes.
    Crash(usize),
    /// A node's lease runs out.
    RunOut(usize),
    /// It has renewed the lease.
    Renew(usize),
    /// A node sees that the lease of the node that its move depends on has run out.
    SeeGone(usize),
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
        for (index, node) in self.nodes.iter().enumerate() {
            if !node.questions.is_empty() && !node.fenced {
                actions.push(Action::Answer(index));
            }
        }
        for (index, parcel) in self.parcels.iter().enumerate() {
            let same_way = |other: &super::Parcel| (other.from, other.to) == (parcel.from, parcel.to);
            if !self.parcels[..index].iter().any(same_way) {
                actions.push(Action::Arrive(index));
            }
        }
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
            let live = |index: &usize| self.pipes[*index].client_open && !self.pipes[*index].cut;
            actions.extend((0..self.pipes.len()).filter(live).map(Action::Break));
        }
        if self.left.dials > 0 && self.client_time().is_some() {
            actions.push(Action::ClientTime);
        }
        for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.alive) {
            self.actions_of(index, node, &mut actions);
        }
        actions
    }

    fn actions_of(&self, index: usize, node: &Digested<Node>, actions: &mut Vec<Action>) {
        if let Some(cohort) = &node.cohort {
            actions.push(Action::NodeTime(index));
            if self.left.wakes > 0 {
                actions.extend(self.wakes(index, gives_up));
            }
            if self.left.forced > 0 && cohort.is_served() {
                actions.push(Action::Force(index));
            }
            if cohort.depends_on().is_some_and(|other| self.is_gone(other.0 as usize - 1)) {
                actions.push(Action::SeeGone(index));
            }
        }
        if self.left.takers > 0 && self.may_take_over(index) {
            actions.push(Action::TakeOver(index));
        }
        if node.fenced {
            actions.push(Action::Renew(index));
        }
        if self.left.crashes > 0 && node.cohort.is_some() && self.survives(index) {
            actions.push(Action::Crash(index));
        }
        if self.left.fences > 0 && node.cohort.is_some() && !node.fenced {
            actions.push(Action::RunOut(index));
        }
    }

    fn may_take_over(&self, index: usize) -> bool {
        let node = &self.nodes[index];
        let busy = |cohort: &Cohort| cohort.is_held() || cohort.asks(Asker::TakeOver);
        let gone = |other: NodeId| self.is_gone(other.0 as usize - 1);
        node.alive
            && !node.fenced
            && !node.cohort.as_ref().is_some_and(busy)
            && self.store.held.record.may_be_taken_over(node.id, gone)
    }

    /// Whether the session goes on without this node: from a snapshot, or because somebody else has a copy of
    /// it, and may go on from that by the record.
    fn survives(&self, crashed: usize) -> bool {
        if self.left.durability != Durability::None {
            return self.nodes.iter().filter(|node| node.alive).count() > 1;
        }
        let record = self.store.held.record;
        let holds = |node: NodeId| node.0 as usize - 1 != crashed && self.nodes[node.0 as usize - 1].holds();
        match record.phase {
            OwnerPhase::Serving => holds(record.owner),
            OwnerPhase::Handing { from, .. } => holds(record.owner) || holds(from),
        }
    }

    fn is_gone(&self, node: usize) -> bool {
        !self.nodes[node].alive || self.nodes[node].fenced
    }

    pub(super) fn wakes(&self, node: usize, such: fn(Wake) -> bool) -> Vec<Action> {
        let wakes = self.nodes[node].cohort.iter().flat_map(Cohort::wakes);
        wakes.filter(|wake| such(*wake)).map(|wake| Action::Wake(node, wake)).collect()
    }

    fn client_time(&self) -> Option<Time> {
        self.client.poll_timeout().filter(|at| *at <= NOW + SOON)
    }

    /// What makes itself known, one after the other, once nothing is under way: crashed nodes, leases.
    pub(super) fn faults_seen(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.alive) {
            if node.fenced {
                actions.push(Action::Renew(index));
            }
            if self.left.durability != Durability::None && self.may_take_over(index) {
                actions.push(Action::TakeOver(index));
            }
            let depends_on = node.cohort.as_ref().and_then(Cohort::depends_on);
            if depends_on.is_some_and(|other| !self.nodes[other.0 as usize - 1].alive) {
                actions.push(Action::SeeGone(index));
            }
        }
        actions
    }

    /// Lets it happen.
    pub fn happen(&mut self, action: &Action, rules: &Rules) {
        match *action {
            Action::DialEnds(index) => self.dial_ends(index, rules),
            Action::Deliver(index, to, lane) => self.deliver(index, to, lane, rules),
            Action::Ends(index, end) => self.close(index, end, rules),
            Action::Break(index) => {
                self.left.breaks -= 1;
                self.break_link(self.pipes[index].link);
            }
            Action::Arrive(index) => {
                let parcel = self.parcels.remove(index);
                let to = parcel.to.0 as usize - 1;
                self.node_does(to, &Input::Peer(parcel.from, parcel.bytes), rules);
            }
            Action::Answer(node) => {
                self.node_does(node, &Input::Answer, rules);
            }
            Action::Send => {
                self.left.messages -= 1;
                let number = self.judge.sent;
                self.judge.sent += 1;
                self.client_does(ClientInput::Send(number), rules);
            }
            Action::Migrate => {
                self.left.moves -= 1;
                self.client_does(ClientInput::Migrate, rules);
            }
            Action::Force(node) => {
                self.left.forced -= 1;
                self.node_does(node, &Input::Force, rules);
            }
            Action::ClientTime => {
                if let Some(at) = self.client_time() {
                    self.client_does(ClientInput::Time(at), rules);
                }
            }
            Action::NodeTime(node) => {
                self.node_does(node, &Input::Time, rules);
            }
            Action::Wake(node, wake) => {
                self.left.wakes = self.left.wakes.saturating_sub(u8::from(gives_up(wake)));
                self.node_does(node, &Input::Wake(wake), rules);
            }
            Action::TakeOver(node) => {
                self.left.takers -= 1;
                self.node_does(node, &Input::TakeOver, rules);
            }
            Action::Crash(node) => {
                self.left.crashes -= 1;
                self.crash(node);
                self.update_leases();
            }
            Action::RunOut(node) => {
                self.left.fences -= 1;
                self.node_does(node, &Input::Fenced, rules);
                self.update_leases();
            }
            Action::Renew(node) => {
                self.node_does(node, &Input::Renewed, rules);
                self.update_leases();
            }
            Action::SeeGone(node) => {
                self.node_does(node, &Input::OtherGone, rules);
            }
        }
    }

    fn dial_ends(&mut self, index: usize, rules: &Rules) {
        if !self.nodes[self.pipes[index].node].alive {
            return self.close(index, End::Client, rules);
        }
        let link = self.pipes[index].change(|pipe| {
            pipe.up = true;
            pipe.link
        });
        self.client_does(ClientInput::LinkUp(link), rules);
    }

    fn update_leases(&mut self) {
        let gone = self.nodes.iter().filter(|node| !node.alive || node.fenced).map(|node| node.id).collect();
        self.store.change(|store| store.gone = gone);
    }

    fn crash(&mut self, node: usize) {
        let id = self.nodes[node].id;
        let mut gone = Node::new(id, &Bounds::CALM);
        gone.alive = false;
        self.nodes[node] = Digested::new(gone);
        self.parcels.retain(|parcel| parcel.from != id && parcel.to != id);
        for pipe in self.pipes.iter_mut().filter(|pipe| pipe.node == node) {
            pipe.change(|pipe| {
                pipe.cut |= pipe.up;
                pipe.node_open = false;
                pipe.lose();
            });
        }
        self.forget_closed();
    }
}
