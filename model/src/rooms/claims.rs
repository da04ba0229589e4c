//! What must hold about sessions, room and stores in every state.

use super::world::World;
use super::{ROOM, SESSIONS};
use sterna::protocol::cohort::Cohort;
use sterna::protocol::ids::{CohortId, Generation, NodeId, SessionId};
use sterna::protocol::record::{OwnerPhase, Record};

/// Whether this node may serve by this record: it owns the cohort, or it passes it on.
fn is_owner(node: NodeId, record: &Record) -> bool {
    record.owner == node || matches!(record.phase, OwnerPhase::Handing { from, .. } if from == node)
}

impl World {
    /// How many serve this session, alone or as a member.
    pub(super) fn servers(&self, session: SessionId) -> usize {
        self.serving(session).count()
    }

    /// Who serves this session, and in which cohort.
    pub(super) fn serving(&self, session: SessionId) -> impl Iterator<Item = (NodeId, &Cohort)> {
        self.nodes.iter().filter_map(move |node| Some((node.id, node.serving(session)?)))
    }

    /// How many serve the room.
    pub(super) fn room_servers(&self) -> usize {
        let served = |cohort: &Cohort| cohort.is_served();
        let nodes = self.nodes.iter().filter(|node| node.permits());
        nodes.filter(|node| node.cohorts.get(&ROOM).is_some_and(served)).count()
    }

    /// Who serves a session finds its entry as it serves it: bound to the room that the node owns, or alone and
    /// the node's.
    pub(super) fn entries_agree(&self) -> bool {
        SESSIONS.into_iter().all(|session| {
            let Some(entry) = self.store.record(session.into()) else {
                return self.servers(session) == 0;
            };
            let room = self.store.record(ROOM);
            self.serving(session).all(|(node, cohort)| {
                if cohort.room().is_none() {
                    return entry.room.is_none() && is_owner(node, &entry);
                }
                entry.room == Some(ROOM) && room.is_some_and(|room| is_owner(node, &room))
            })
        })
    }

    /// A session that is bound to the room is in the room's snapshot, if there is one.
    pub(super) fn members_are_stored(&self) -> bool {
        SESSIONS.into_iter().filter(|session| self.is_bound(*session)).all(|session| {
            let holds = |snapshot: &sterna::protocol::snapshot::Snapshot| {
                snapshot.sessions.iter().any(|state| state.session == session)
            };
            self.store.snapshot(ROOM).is_none_or(holds)
        })
    }

    /// A session that is alone has a snapshot of its own that is not older than its leaving.
    pub(super) fn the_lone_are_stored(&self) -> bool {
        SESSIONS.into_iter().all(|session| {
            let key = CohortId::from(session);
            let Some(entry) = self.store.record(key).filter(|entry| entry.room.is_none()) else {
                return true;
            };
            let stored = self.store.snapshot(key).map(|snapshot| snapshot.fence.binding);
            stored >= Some(entry.binding)
        })
    }

    /// The epoch of the room is not below that of a session bound to it.
    pub(super) fn room_is_above_its_members(&self) -> bool {
        let Some(room) = self.store.record(ROOM) else { return true };
        let bound = SESSIONS.into_iter().filter(|session| self.is_bound(*session));
        bound
            .into_iter()
            .all(|session| self.store.record(session.into()).is_none_or(|entry| entry.epoch <= room.epoch))
    }

    pub(super) fn is_bound(&self, session: SessionId) -> bool {
        self.store.record(session.into()).is_some_and(|entry| entry.room == Some(ROOM))
    }

    /// Somebody who is served has been restarted from a snapshot.
    pub(super) fn has_taken_over(&self) -> bool {
        SESSIONS.into_iter().any(|session| {
            let restarted = |cohort: &Cohort| {
                cohort.sessions().any(|held| held.id() == session && held.generation() > Generation(0))
            };
            self.serving(session).any(|(_, cohort)| restarted(cohort))
        })
    }

    /// Both sessions are members, and served by this node.
    pub(super) fn both_at(&self, node: NodeId) -> bool {
        SESSIONS
            .into_iter()
            .all(|session| self.serving(session).any(|(at, cohort)| at == node && cohort.room().is_some()))
    }
}
