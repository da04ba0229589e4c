//! The drivers of rooms: made, found, joined and left; and where a session is that is in one.

use super::Cluster;
use super::happenings::{DIRECTORY_MAX, Happening};
use super::history::Entry;
use super::links::Greeted;
use super::node::address;
use super::parlour::fingerprint_of;
use super::pipes::{End, Lane, PipeId};
use super::random::Stream;
use crate::protocol::cohort::{Cohort, ErrandAnswer, RoomAsk};
use crate::protocol::ids::{Binding, Bucket, CohortId, Epoch, NodeId, SessionId};
use crate::protocol::reasons::RefuseReason;
use crate::protocol::record::{OwnerPhase, Record, Versioned};
use crate::protocol::room::Listing;
use crate::protocol::room::wire::RoomOptions;
use crate::protocol::session::LinkId;
use crate::protocol::wire::Peer;

/// What the directory has said about what a session wants of rooms.
#[derive(Clone, Debug)]
pub(super) enum RoomFound {
    /// A record for a new room has been created.
    Made(CohortId, Versioned, RoomOptions),
    /// The record of a room that is to be found.
    Record(CohortId, Option<Record>),
    /// Rooms that fit.
    Listed(Vec<(NodeId, Listing)>),
    /// Nothing.
    Silence,
}

impl Cluster {
    /// A lone session wants something of rooms.
    pub(super) fn ask_for_room(&mut self, node: NodeId, lone: CohortId, ask: RoomAsk) {
        let now = self.now;
        let Some(host) = self.nodes.get_mut(&node) else { return };
        let here = |room: CohortId| host.cohorts.get(&room).is_some_and(Cohort::is_held);
        match &ask {
            RoomAsk::Create { session, options, .. } => {
                let refused = Cohort::check_room(options, &host.settings).err();
                let offline = host.view.offline.is_some();
                let session = *session;
                if let Some(refusal) = refused {
                    return self.answer_errand(node, lone, session, ErrandAnswer::Refused(refusal));
                }
                if offline {
                    // It takes no new rooms: made where the session would have to move to anyway.
                    let mut others = self.nodes.values().filter(|other| other.view.offline.is_none());
                    let answer = others.next().map_or(ErrandAnswer::Later, |it| ErrandAnswer::At(it.view.id));
                    return self.answer_errand(node, lone, session, answer);
                }
            }
            RoomAsk::Find { session, room } if here(*room) => {
                return self.enter(node, *room, lone, *session);
            }
            RoomAsk::Find { .. } | RoomAsk::Search { .. } => {}
        }
        debug_assert!(self.now == now, "asking takes no time");
        let delay = self.directory_delay(lone);
        self.schedule(delay, Happening::RoomAsked(node, lone, Box::new(ask)));
    }

    /// The question has reached the directory.
    pub(super) fn room_asked(&mut self, node: NodeId, lone: CohortId, ask: RoomAsk) {
        let silent = self.is_cut_off(node) || self.directory.loses_read();
        let (session, found) = match ask {
            RoomAsk::Create { session, .. }
            | RoomAsk::Find { session, .. }
            | RoomAsk::Search { session, .. }
                if silent =>
            {
                (session, RoomFound::Silence)
            }
            RoomAsk::Create { session, epoch, options } => (session, self.write_room(node, epoch, options)),
            RoomAsk::Find { session, room } => {
                let record = self.directory.record(room).map(|found| found.record);
                (session, RoomFound::Record(room, record))
            }
            RoomAsk::Search { session, filter, here_only } => {
                let fits =
                    |(at, listing): &&(NodeId, Listing)| listing.fits(&filter) && (!here_only || *at == node);
                (session, RoomFound::Listed(self.directory.listings.values().filter(fits).cloned().collect()))
            }
        };
        let delay = if silent { DIRECTORY_MAX } else { self.directory_delay(lone) };
        self.schedule(delay, Happening::RoomFound(node, lone, session, Box::new(found)));
    }

    fn write_room(&mut self, owner: NodeId, epoch: Epoch, options: RoomOptions) -> RoomFound {
        let id = CohortId(self.chance(Stream::Rooms).number() >> 2);
        let (bucket, phase) = (Bucket(1), OwnerPhase::Serving);
        let record = Record { bucket, binding: Binding(0), epoch, owner, phase, room: None };
        if self.directory.record(id).is_some() {
            return RoomFound::Silence;
        }
        let held = self.directory.write(id, record);
        self.history.lock().push(Entry::Recorded(id, Some(record)));
        RoomFound::Made(id, held, options)
    }

    /// The directory's answer has reached the node.
    pub(super) fn room_found(&mut self, node: NodeId, lone: CohortId, session: SessionId, found: RoomFound) {
        let answer = match found {
            RoomFound::Silence => ErrandAnswer::Failed,
            RoomFound::Made(id, held, options) => {
                return self.begin_room(node, lone, session, id, held, options);
            }
            RoomFound::Record(_, None) => ErrandAnswer::Nowhere,
            RoomFound::Record(room, Some(record)) => {
                if self.holds_room(node, room) {
                    return self.enter(node, room, lone, session);
                }
                self.where_to(node, room, &record)
            }
            RoomFound::Listed(rooms) => {
                let here = rooms.iter().find(|(_, listing)| self.holds_room(node, listing.room));
                if let Some((_, listing)) = here {
                    return self.enter(node, listing.room, lone, session);
                }
                let elsewhere = rooms.iter().find(|(at, _)| *at != node);
                elsewhere.map_or(ErrandAnswer::Nowhere, |(at, _)| ErrandAnswer::At(*at))
            }
        };
        self.answer_errand(node, lone, session, answer);
    }

    fn where_to(&mut self, node: NodeId, room: CohortId, record: &Record) -> ErrandAnswer {
        if record.room.is_some() {
            ErrandAnswer::Nowhere // that is a session in a room, not a room
        } else if self.take_over(node, room, record) || record.owner == node {
            ErrandAnswer::Later
        } else if self.nodes.get(&record.owner).is_some_and(|owner| owner.view.offline.is_some()) {
            self.send_peer(node, record.owner, Peer::Wanted { room });
            ErrandAnswer::Later
        } else {
            ErrandAnswer::At(record.owner)
        }
    }

    fn answer_errand(&mut self, node: NodeId, lone: CohortId, session: SessionId, answer: ErrandAnswer) {
        self.call(node, lone, |cohort, env| cohort.on_errand_answer(session, answer, env));
    }

    fn holds_room(&self, node: NodeId, room: CohortId) -> bool {
        let cohort = self.nodes.get(&node).and_then(|node| node.cohorts.get(&room));
        cohort.is_some_and(Cohort::is_held)
    }

    fn begin_room(
        &mut self,
        node: NodeId,
        lone: CohortId,
        session: SessionId,
        id: CohortId,
        held: Versioned,
        options: RoomOptions,
    ) {
        let now = self.now;
        let Some(host) = self.nodes.get_mut(&node) else { return };
        let settings = host.settings.clone();
        match Cohort::begin_room(id, held, options, settings, &host.env(now)) {
            Ok(room) => drop(host.cohorts.insert(id, room)),
            Err(refusal) => {
                return self.answer_errand(node, lone, session, ErrandAnswer::Refused(refusal));
            }
        }
        self.enter(node, id, lone, session);
        // Nobody has come: nobody will.
        self.call(node, id, |room, env| room.abandon_room(env));
    }

    /// A lone session joins a room of the same node, and its links with it.
    fn enter(&mut self, node: NodeId, room: CohortId, lone: CohortId, session: SessionId) {
        let now = self.now;
        let Some(host) = self.nodes.get_mut(&node) else { return };
        let Some(mut entering) = host.cohorts.remove(&lone) else { return };
        let entry = host.call(room, now, |room, env| room.enter(&mut entering, env));
        host.cohorts.insert(lone, entering);
        self.note(|| format!("{session} at {room} of {node}: {entry:?}"));
        match entry.map_or(Some(ErrandAnswer::Later), |entry| entry.answer()) {
            Some(answer) => self.answer_errand(node, lone, session, answer),
            None => self.links_go_to(node, room, session),
        }
        self.after_node(node, room);
        self.after_node(node, lone);
    }

    /// The links of a session belong to this cohort now: what has arrived on them is read by it.
    fn links_go_to(&mut self, node: NodeId, cohort: CohortId, session: SessionId) {
        let held = self.nodes.get(&node).and_then(|node| node.cohorts.get(&cohort));
        let links = held.map_or_else(Vec::new, |held| held.links_of(session));
        for link in &links {
            if let Some(pipe) = self.pipes.get_mut(&PipeId(link.0)) {
                pipe.cohort = Some(cohort);
            }
        }
        for link in links {
            self.pump_node(node, cohort, link);
            self.node_reads(PipeId(link.0), Lane::Control);
            self.node_reads(PipeId(link.0), Lane::Data);
        }
    }

    /// A session has left its room, and is a cohort of its own.
    pub(super) fn split(&mut self, node: NodeId, lone: Cohort) {
        let id = lone.id();
        let Some(session) = lone.sessions().next().map(|session| session.id()) else { return };
        let Some(host) = self.nodes.get_mut(&node) else { return };
        // What is left of an earlier stay has been overtaken by this one.
        let stale = host.cohorts.insert(id, lone).map(|stale| stale.links_of(session)).unwrap_or_default();
        let links = host.cohorts[&id].links_of(session);
        self.dismiss(&stale.into_iter().filter(|link| !links.contains(link)).collect::<Vec<_>>());
        self.links_go_to(node, id, session);
        self.call(node, id, |cohort, env| cohort.begin_alone(env));
    }

    /// These links belong to nobody here any more.
    pub(super) fn dismiss(&mut self, links: &[LinkId]) {
        for link in links {
            self.close_end(PipeId(link.0), End::Node);
        }
    }

    /// What others find a room by has changed.
    pub(super) fn list_room(&mut self, node: NodeId, room: CohortId) {
        if self.is_cut_off(node) {
            return; // it is made good by the next change; whoever finds a room reads its record
        }
        let held = self.nodes.get(&node).and_then(|node| node.cohorts.get(&room));
        let listing = held.filter(|held| held.is_held()).and_then(Cohort::room).and_then(|it| it.listing());
        match listing {
            Some(listing) => drop(self.directory.listings.insert(room, (node, listing))),
            None => drop(self.directory.listings.remove(&room)),
        }
    }

    /// A room is about to leave: it must arrive as it is now.
    pub(super) fn note_freeze(&mut self, node: NodeId, cohort: CohortId) {
        let held = self.nodes.get(&node).and_then(|node| node.cohorts.get(&cohort));
        if let Some(room) = held.and_then(Cohort::room) {
            self.history.lock().push(Entry::RoomFroze(cohort, fingerprint_of(room)));
        }
    }

    /// Which cohort of a node holds a session: the one that serves it, or else any.
    pub(super) fn holder(&self, node: NodeId, session: SessionId) -> Option<CohortId> {
        let holds = |(_, cohort): &(&CohortId, &Cohort)| cohort.is_held() && cohort.holds(session);
        let holders = self.nodes.get(&node)?.cohorts.iter().filter(holds);
        holders.max_by_key(|(_, cohort)| cohort.is_served()).map(|(id, _)| *id)
    }

    /// A session is looked for whose entry names a room: the room's record says where it is.
    pub(super) fn look_in_room(&mut self, pipe: PipeId, node: NodeId, session: SessionId, room: CohortId) {
        let ruling = self.directory.record(room).map(|found| found.record);
        let owner = match ruling {
            Some(record) if record.owner == node && self.holds_room(node, room) => {
                self.call(node, room, |cohort, env| cohort.release(session, env));
                node
            }
            Some(record) if self.take_over(node, room, &record) => node,
            Some(record) => record.owner,
            None => match self.directory.record(session.into()) {
                Some(found) if found.record.room == Some(room) => {
                    let taken = self.take_over_orphan(node, session, room, &found.record);
                    if taken { node } else { found.record.owner }
                }
                Some(found) => found.record.owner,
                None => return self.refuse(pipe, RefuseReason::SessionUnknown, Vec::new()),
            },
        };
        let place = self.place_of.get(&owner).copied();
        self.refuse(pipe, RefuseReason::Unavailable, place.map(address).into_iter().collect());
    }

    fn take_over_orphan(&mut self, id: NodeId, session: SessionId, room: CohortId, record: &Record) -> bool {
        if !self.may_take_over(id, record) {
            return false;
        }
        self.call_or_expect(id, session.into(), |cohort, env| cohort.take_over_orphan(room, env));
        true
    }

    /// The question for the record that rules a session is asked next.
    pub(super) fn ask_for_room_of(&mut self, pipe: PipeId, session: SessionId, room: CohortId) {
        self.ask_directory(pipe, Greeted::RedirectRoom { session, room });
    }
}
