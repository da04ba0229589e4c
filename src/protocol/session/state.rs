//! A session as bytes: what leaves with the baton, and how the session goes on from it.

use super::Session;
use super::data::entry_bytes;
use crate::protocol::ids::{Cursor, Fence};
use crate::protocol::sequence::{Replay, Ring};
use crate::protocol::time::Time;
use crate::protocol::wire::{DecodeError, SessionState, Value};
use std::time::Duration;

impl Session {
    /// All of it that survives a move. Uplink that waits here is not part of it: it is not acknowledged,
    /// and the client sends it to the target as well.
    pub fn export(&self, now: Time) -> SessionState {
        let entry = |(key, value): (&String, &Value)| (key.clone(), value.clone());
        let (data, removed) = match &self.changed {
            None => (self.data.iter().map(entry).collect(), Vec::new()),
            Some(changed) => (
                changed.iter().filter_map(|key| self.data.get_key_value(key)).map(entry).collect(),
                changed.iter().filter(|key| !self.data.contains_key(*key)).cloned().collect(),
            ),
        };
        SessionState {
            session: self.id,
            user: self.user.clone(),
            client_key: self.client_key,
            generation: self.generation,
            link: self.newest_link,
            mode: self.mode,
            up: self.kept_from,
            down: self.down.first(),
            down_messages: self.down.frames(),
            data,
            removed,
            ahead: self.changed.is_some(),
            timer_us: self.timer.map(|at| at.since(now).as_micros() as u64),
        }
    }

    /// Goes on from `state`, as its owner at `fence`. What the client sent here meanwhile is kept, less
    /// what the source has processed.
    pub fn import(&mut self, state: SessionState, fence: Fence, now: Time) -> Result<(), DecodeError> {
        self.down = Replay::restore(state.down, &state.down_messages, self.settings.replay_bytes_max)?;
        self.user = state.user;
        self.client_key = state.client_key;
        self.generation = state.generation;
        self.newest_link = self.newest_link.max(state.link);
        self.mode = state.mode;
        self.fence = fence;
        self.skip_to(state.up);
        if !state.ahead {
            self.data.clear();
        }
        self.data.extend(state.data);
        self.data.retain(|key, _| !state.removed.contains(key));
        self.data_bytes = self.data.iter().map(|(key, value)| entry_bytes(key, value)).sum();
        self.timer = state.timer_us.map(|left| now + Duration::from_micros(left));
        if self.links.is_empty() {
            self.linkless_since.get_or_insert(now);
        }
        Ok(())
    }

    /// Whether [`import`](Self::import) can go on from this: another node's bytes never reach an assertion.
    pub(in crate::protocol) fn fits(&self, state: &SessionState) -> bool {
        let replay = Replay::restore(state.down, &state.down_messages, self.settings.replay_bytes_max);
        state.session == self.id && replay.is_ok() && (self.preloaded || !state.ahead)
    }

    /// Messages before `up` are processed: drops those that are kept.
    fn skip_to(&mut self, up: Cursor) {
        let mut dropped = Vec::new();
        while self.kept_from < up && self.kept.pop(&mut dropped) {
            self.kept_from = self.kept_from.next();
        }
        if self.kept_from != up {
            self.kept = Ring::default();
        }
        self.kept_from = up;
        self.up = Some(up);
    }

    /// Opens a new generation: another node may have gone beyond what is known here. How far the client is
    /// it says on its next link.
    pub fn new_generation(&mut self) {
        self.generation = self.generation.next();
        self.awaits_client = true;
        self.copy_end = Some(self.down.end());
    }

    /// Whether a new generation has begun that the client has not joined yet.
    pub fn awaits_client(&self) -> bool {
        self.awaits_client
    }

    /// The client of a new generation has received everything before `client_has`, up to `copy_end` the same
    /// as what is kept here, and beyond it from elsewhere: what was sent since then goes on above that.
    pub(super) fn meet(&mut self, copy_end: Cursor, client_has: Cursor) {
        // Never beyond what was sent, so it cannot be refused.
        let _ = self.down.acked(client_has.min(copy_end));
        if client_has > copy_end {
            self.down.renumber(client_has);
        }
    }
}
