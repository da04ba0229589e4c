//! Rooms on a node: made, found and joined for sessions that are alone so far, and published so that others find
//! them.

use super::slot::Slot;
use super::{Node, random_u64};
use crate::engine::{Listed, Standing, Unavailable};
use std::sync::Arc;
use sterna::protocol::cohort::{Cohort, Entry, ErrandAnswer, RoomAsk};
use sterna::protocol::ids::{Binding, CohortId, Epoch, NodeId, SessionId};
use sterna::protocol::reasons::RoomRefusal;
use sterna::protocol::record::{Answer, Ask, CasAnswer, OwnerPhase, ReadAnswer, Record, Versioned};
use sterna::protocol::room::wire::{Condition, RoomOptions};
use sterna::protocol::wire::Peer;

/// Rooms that one search tries to enter: of more, one is free with near certainty.
const ROOMS_TRIED_MAX: usize = 8;

/// What decides about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ruling {
    /// Its cohort: its own, or its room's.
    pub(super) cohort: CohortId,
    /// That cohort's record.
    pub(super) found: Versioned,
    /// It belongs to this room, of which a crash has left nothing: its own record counts again.
    pub(super) orphan_of: Option<CohortId>,
}

impl Node {
    /// Does something about rooms for a lone session.
    pub(super) fn ask_for_room(self: &Arc<Self>, lone: &Arc<Slot>, ask: RoomAsk) {
        let (node, lone) = (self.clone(), lone.clone());
        tokio::spawn(async move {
            let (session, answer) = match ask {
                RoomAsk::Create { session, epoch, options } => {
                    (session, node.create_room(&lone, epoch, options).await)
                }
                RoomAsk::Find { session, room } => (session, node.find_room(&lone, room).await),
                RoomAsk::Search { session, filter, here_only } => {
                    (session, node.search_room(&lone, &filter, here_only).await)
                }
            };
            if let Some(answer) = answer {
                lone.with(&node, None, |cohort, env| cohort.on_errand_answer(session, answer, env));
            }
        });
    }

    /// `None`: the session has entered.
    async fn create_room(
        self: &Arc<Self>,
        lone: &Arc<Slot>,
        epoch: Epoch,
        options: RoomOptions,
    ) -> Option<ErrandAnswer> {
        if let Err(refusal) = Cohort::check_room(&options, &self.settings) {
            return Some(ErrandAnswer::Refused(refusal));
        }
        if self.standing() == Standing::Offline {
            // It takes no new rooms: made where the session would have to move to anyway.
            return Some(self.another_node().map_or(ErrandAnswer::Later, ErrandAnswer::At));
        }
        let Some(since) = self.may_begin() else { return Some(ErrandAnswer::Failed) };
        let Ok(id) = random_u64().map(CohortId) else { return Some(ErrandAnswer::Failed) };
        let record = Record {
            bucket: self.shared.engine.bucket(),
            binding: Binding(0),
            epoch,
            owner: self.id,
            phase: OwnerPhase::Serving,
            room: None,
        };
        let CasAnswer::Won(revision) = self.shared.engine.create(id, record).await else {
            return Some(ErrandAnswer::Failed);
        };
        let held = Versioned { revision, record };
        let made = self.with_env(|env| Cohort::begin_room(id, held, options, self.settings.clone(), env));
        let room = match made {
            Ok(room) => self.add_begun(room, held, since),
            Err(refusal) => {
                self.forget_record(id, held);
                return Some(ErrandAnswer::Refused(refusal));
            }
        };
        let Some(room) = room else { return Some(ErrandAnswer::Failed) };
        let answer = self.enter(&room, lone);
        if answer.is_some() {
            room.with(self, None, |cohort, env| cohort.abandon_room(env));
        }
        answer
    }

    fn another_node(&self) -> Option<NodeId> {
        self.other_nodes_online().into_iter().min_by_key(|info| info.sessions).map(|info| info.id)
    }

    fn enter(self: &Arc<Self>, room: &Arc<Slot>, lone: &Arc<Slot>) -> Option<ErrandAnswer> {
        match room.enter(self, lone) {
            Entry::Entered => None,
            Entry::Refused(refusal) => Some(ErrandAnswer::Refused(refusal)),
            Entry::Later => Some(ErrandAnswer::Later),
        }
    }

    async fn find_room(self: &Arc<Self>, lone: &Arc<Slot>, room: CohortId) -> Option<ErrandAnswer> {
        if let Some(slot) = self.slot(room).filter(|slot| slot.is_held()) {
            // A client may name anything, its own session as well. Only a room's slot is locked beside another.
            return if slot.is_room() { self.enter(&slot, lone) } else { Some(ErrandAnswer::Nowhere) };
        }
        match self.shared.engine.ask(room, Ask::Read).await {
            Answer::Read(ReadAnswer::Read(Some(found))) => Some(self.where_to(room, &found.record)),
            Answer::Read(ReadAnswer::Read(None)) => Some(ErrandAnswer::Nowhere),
            Answer::Read(ReadAnswer::Failed) | Answer::Cas(_) => Some(ErrandAnswer::Failed),
        }
    }

    fn where_to(self: &Arc<Self>, room: CohortId, record: &Record) -> ErrandAnswer {
        if record.room.is_some() {
            return ErrandAnswer::Nowhere; // that is a session in a room, not a room
        }
        self.name_nodes_of(record);
        // (h) Also one that is this node's, although it does not have it.
        if self.take_over(room, record, None) || record.owner == self.id {
            return ErrandAnswer::Later;
        }
        // A room on a node that is offline takes joins only after it has moved, and nobody can move there.
        let owner = self.live_nodes().into_iter().find(|info| info.id == record.owner);
        if owner.is_some_and(|info| info.standing == Standing::Offline) {
            self.send_peer(record.owner, room, &Peer::Wanted { room });
            return ErrandAnswer::Later;
        }
        ErrandAnswer::At(record.owner)
    }

    async fn search_room(
        self: &Arc<Self>,
        lone: &Arc<Slot>,
        filter: &[Condition],
        here_only: bool,
    ) -> Option<ErrandAnswer> {
        let Ok(mut rooms) = self.shared.engine.rooms().await else { return Some(ErrandAnswer::Failed) };
        rooms.retain(|listed| listed.listing.fits(filter));
        let (here, elsewhere): (Vec<Listed>, Vec<Listed>) =
            rooms.into_iter().partition(|listed| listed.owner == self.id);
        for listed in some_of(here) {
            let Some(room) = self.slot(listed.listing.room).filter(|slot| slot.is_room()) else { continue };
            match self.enter(&room, lone) {
                None => return None,
                Some(ErrandAnswer::Refused(RoomRefusal::AlreadyInRoom)) => {
                    return Some(ErrandAnswer::Refused(RoomRefusal::AlreadyInRoom));
                }
                Some(_) => {} // full by now, or on its way
            }
        }
        let live = self.live_nodes();
        let reachable = |listed: &Listed| {
            live.iter().any(|info| info.id == listed.owner && info.standing != Standing::Offline)
        };
        let elsewhere = elsewhere.into_iter().filter(|listed| !here_only && reachable(listed)).collect();
        let found = some_of(elsewhere).next();
        Some(found.map_or(ErrandAnswer::Nowhere, |listed| ErrandAnswer::At(listed.owner)))
    }

    /// Publishes what others find a room by, and notes which sessions are in it.
    pub(super) fn list_room(self: &Arc<Self>, id: CohortId, cohort: &Cohort) {
        let Some(room) = cohort.room() else { return };
        self.index_room(id, cohort);
        let listed = room.listing().map(|listing| Listed { owner: self.id, listing });
        if listed.is_none() && !room.options().listed {
            return; // it never was
        }
        let node = self.clone();
        tokio::spawn(async move {
            // One that is lost is made good by the next change; a search reads rooms before it counts on them.
            let _ = node.shared.engine.list_room(id, listed).await;
        });
    }

    /// Notes which sessions are in a room here.
    pub(super) fn index_room(&self, id: CohortId, cohort: &Cohort) {
        if cohort.room().is_none() {
            return;
        }
        let mut rooms_of = self.rooms_of.lock();
        for session in cohort.sessions() {
            rooms_of.insert(session.id(), id);
        }
    }

    /// The record that decides about a session: its own, or its room's. `None`: it has ended.
    pub(super) async fn ruling_record(&self, session: SessionId) -> Result<Option<Ruling>, Unavailable> {
        let cohort = CohortId::from(session);
        let Some(own) = self.read_record(cohort).await? else { return Ok(None) };
        self.name_nodes_of(&own.record);
        let alone = Ruling { cohort, found: own, orphan_of: None };
        let Some(room) = own.record.room else { return Ok(Some(alone)) };
        Ok(Some(match self.read_record(room).await? {
            Some(found) => {
                self.name_nodes_of(&found.record);
                Ruling { cohort: room, found, orphan_of: None }
            }
            None => Ruling { orphan_of: Some(room), ..alone },
        }))
    }

    /// A room here does not have this session, whose entry names it: its joining landed too late, and it is alone
    /// from now on.
    pub(super) fn release_from_room(self: &Arc<Self>, session: SessionId, room: CohortId, found: &Versioned) {
        if room != session.into()
            && found.record.served_by(self.id)
            && let Some(slot) = self.slot(room).filter(|slot| !slot.holds(session))
        {
            slot.with(self, None, |cohort, env| cohort.release(session, env));
        }
    }

    async fn read_record(&self, cohort: CohortId) -> Result<Option<Versioned>, Unavailable> {
        match self.shared.engine.ask(cohort, Ask::Read).await {
            Answer::Read(ReadAnswer::Read(found)) => Ok(found),
            Answer::Read(ReadAnswer::Failed) | Answer::Cas(_) => Err(Unavailable),
        }
    }
}

/// Some of these, beginning at a random one, so that not everybody comes to the first.
fn some_of(rooms: Vec<Listed>) -> impl Iterator<Item = Listed> {
    let start = random_u64().unwrap_or_default() as usize % rooms.len().max(1);
    let count = rooms.len().min(ROOMS_TRIED_MAX);
    let mut rooms = rooms;
    rooms.rotate_left(start);
    rooms.into_iter().take(count)
}
