//! A session as bytes: what leaves with the baton, and how the session goes on from it.

use super::Session;
use crate::protocol::ids::{Cursor, Fence};
use crate::protocol::limits;
use crate::protocol::sequence::{Replay, Ring};
use crate::protocol::time::Time;
use crate::protocol::wire::{DecodeError, SessionState, Value};
use std::collections::BTreeSet;
use std::time::Duration;

/// What an entry of user data counts against its limit.
pub(super) fn entry_bytes(key: &str, value: &Value) -> usize {
    let value = match value {
        Value::Integer(_) | Value::Float(_) => 8,
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
    };
    key.len() + value + 16
}

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

    /// A copy of the user's data if it is too large to travel with the baton; from here on only what changes
    /// does. So the freeze does not grow with the data.
    pub fn copy_ahead(&mut self) -> Option<Vec<(String, Value)>> {
        let large = self.data_bytes > limits::COPY_AHEAD_BYTES;
        self.changed = large.then(BTreeSet::new);
        large.then(|| self.data.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// The move for which data was copied ahead has ended.
    pub fn forget_copy(&mut self) {
        self.changed = None;
    }

    /// User data has come ahead of the baton.
    pub fn preload(&mut self, data: Vec<(String, Value)>) {
        self.data = data.into_iter().collect();
        self.preloaded = true;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ids::SessionId;
    use crate::protocol::session::Settings;
    use std::sync::Arc;

    fn settings() -> Arc<Settings> {
        Arc::new(Settings {
            node: "node".into(),
            message_bytes_max: 1 << 16,
            replay_bytes_max: 1 << 20,
            user_data_bytes_max: 4 << 20,
            resume_max: Duration::from_secs(60),
            silence_max: Duration::from_secs(5),
            moves_when_online: false,
        })
    }

    fn hoarder() -> Session {
        let mut session = Session::new(SessionId(1), "ann".into(), [7; 32], Fence::default(), settings());
        for number in 0..8u8 {
            session.set(&format!("chest-{number}"), Value::Bytes(vec![number; 60_000])).unwrap();
        }
        session
    }

    #[test]
    fn only_what_changed_since_the_copy_travels_with_the_baton() {
        let mut source = hoarder();
        let copy = source.copy_ahead().expect("it is large");
        source.set("chest-1", Value::Integer(1)).unwrap();
        source.delete("chest-2");
        source.set("chest-8", Value::Text("new".into())).unwrap();
        source.delete("chest-8");
        let state = source.export(Time::default());
        assert_eq!(state.data, [("chest-1".to_owned(), Value::Integer(1))]);
        assert_eq!(state.removed, ["chest-2", "chest-8"]);

        let mut target = Session::expected(SessionId(1), [7; 32], settings());
        assert!(!target.fits(&state), "the copy has not arrived");
        target.preload(copy);
        assert!(target.fits(&state));
        target.import(state, Fence::default(), Time::default()).unwrap();
        assert_eq!(target.data(), source.data());
        assert_eq!(target.state_bytes(), source.state_bytes());
    }

    #[test]
    fn after_a_move_that_failed_all_of_it_travels_again() {
        let mut source = hoarder();
        source.copy_ahead();
        source.forget_copy();
        let state = source.export(Time::default());
        assert_eq!((state.data.len(), state.ahead), (8, false));
    }

    #[test]
    fn small_user_data_is_not_copied_ahead() {
        let mut session = Session::new(SessionId(1), "ann".into(), [7; 32], Fence::default(), settings());
        session.set("score", Value::Integer(1)).unwrap();
        assert_eq!(session.copy_ahead(), None);
        assert!(!session.export(Time::default()).ahead);
    }
}
