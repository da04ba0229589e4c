//! A room goes on after a crash: from a snapshot that may be behind what its members have heard.

use super::{Post, Room, RoomState};
use crate::protocol::ids::SessionId;
use crate::protocol::time::Time;

impl Room {
    /// Only these sessions have been found to belong to it: all other members are lost, and no place is held for
    /// anybody else.
    pub fn keep_only(&mut self, sessions: &[SessionId], post: &mut dyn Post, now: Time) {
        let gone: Vec<_> = self.members().map(|(_, session, _)| session).collect();
        for session in gone.into_iter().filter(|session| !sessions.contains(session)) {
            self.drop_member(session, post, now);
        }
        let held: Vec<_> = self.held().map(|(session, _)| session).collect();
        for session in held.into_iter().filter(|session| !sessions.contains(session)) {
            self.give_up(session);
        }
    }

    /// Tells a member how the room is now: it may have heard what this room knows nothing of.
    pub fn tell_again(&mut self, session: SessionId, post: &mut dyn Post) {
        if let Some(member) = self.member_of(session) {
            self.tell_entered(member, post);
        }
    }

    /// Whether a place is held for this session.
    pub fn is_admitted(&self, session: SessionId) -> bool {
        self.held().any(|(held, _)| held == session)
    }

    /// All of it, for a snapshot.
    pub fn take_snapshot(&mut self, now: Time) -> RoomState {
        self.take_unsaved();
        self.export(now)
    }
}
