//! A session as bytes: what leaves with the baton, and how the session goes on from it.

use super::Session;
use super::data::entry_bytes;
use super::durable::Covered;
use crate::protocol::errand::Errand;
use crate::protocol::ids::{Cursor, Epoch, Fence};
use crate::protocol::reasons::CloseReason;
use crate::protocol::sequence::{Replay, Ring};
use crate::protocol::time::Time;
use crate::protocol::wire::{DecodeError, SessionState, Value};
use std::time::Duration;

fn entry((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

impl Session {
    /// All of it that survives a crash or a move. Uplink that waits here is not part of it: it is not
    /// acknowledged, and the client sends it to the next owner as well.
    pub fn export(&self, now: Time) -> SessionState {
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
            data: self.data.iter().map(entry).collect(),
            removed: Vec::new(),
            ahead: false,
            timer_us: self.timer.map(|at| at.since(now).as_micros() as u64),
            restarts: self.restarts.clone(),
            binding: self.fence.binding,
            errand: self.errand.as_ref().map(Errand::export),
        }
    }

    /// The same for a baton: without the data that was copied ahead of it and has not changed since.
    pub fn export_for_baton(&self, now: Time) -> SessionState {
        let Some(changed) = &self.changed else { return self.export(now) };
        SessionState {
            data: changed.iter().filter_map(|key| self.data.get_key_value(key)).map(entry).collect(),
            removed: changed.iter().filter(|key| !self.data.contains_key(*key)).cloned().collect(),
            ahead: true,
            ..self.export(now)
        }
    }

    /// Goes on from `state`, as its owner at `fence`. What the client sent here meanwhile is kept, less
    /// what the source has processed.
    pub fn import(&mut self, state: SessionState, fence: Fence, now: Time) -> Result<(), DecodeError> {
        let errand = state.errand.as_ref().map(Errand::restore).transpose()?;
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
        self.restarts = state.restarts;
        self.errand = errand;
        self.rejoining = false;
        if !self.restarts.is_empty() {
            // What its client sends from, it has still to say, to whoever owns it then.
            self.drop_links(CloseReason::Moved);
        }
        self.timer = state.timer_us.map(|left| now + Duration::from_micros(left));
        // Nothing more is acknowledged or released before it is stored here, too.
        self.unsaved = true;
        self.taken = None;
        self.covered = Covered::before(self.down.first(), &self.settings);
        if let (Some(covered), false) = (&mut self.covered, self.restarts.is_empty()) {
            // Without its client it has processed nothing since the restart, which began from what is stored. Less would
            // be told the client as lost.
            covered.up = state.up;
        }
        if self.links.is_empty() {
            self.linkless_since.get_or_insert(now);
        }
        Ok(())
    }

    /// Whether [`import`](Self::import) can go on from this: another node's bytes never reach an assertion.
    pub(in crate::protocol) fn fits(&self, state: &SessionState) -> bool {
        let replay = Replay::check(&state.down_messages);
        let errand = state.errand.as_ref().map(Errand::restore).transpose();
        state.session == self.id && replay.is_ok() && errand.is_ok() && (self.preloaded || !state.ahead)
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

    /// Goes on from what is stored, or from a copy, at this epoch: in a new generation, for another node may have
    /// gone beyond what is known here. How far the client is it says on its next link.
    pub fn new_generation(&mut self, epoch: Epoch) {
        self.cover_all();
        self.generation = self.generation.next();
        self.rejoining = false;
        self.restarts.push((epoch, self.down.end()));
    }

    /// Whether a new generation has begun that the client has not joined yet.
    pub fn awaits_client(&self) -> bool {
        self.rejoining || !self.restarts.is_empty()
    }

    /// Whether the client of a new generation has a link, but has not said yet what it sends from. That is not
    /// part of the state.
    pub(in crate::protocol) fn is_rejoining(&self) -> bool {
        self.rejoining
    }

    /// It is met anew on its next link, wherever that is.
    pub(in crate::protocol) fn put_off_rejoining(&mut self) {
        if std::mem::take(&mut self.rejoining) {
            self.drop_links(CloseReason::Moved);
        }
    }

    /// A client is back that was last served at `seen`, and has received everything before `client_has`.
    pub(super) fn meet(&mut self, seen: Epoch, client_has: Cursor) {
        // It has joined when it has said what it sends from; that it has seen the restart does not mean that it could.
        self.rejoining = !self.restarts.is_empty();
        // It knows what was sent before the first restart that it has not heard of. Until it has joined, it may
        // come again and be further still: what older owners had sent arrives as late as it likes.
        let Some((_, copy_end)) = self.restarts.iter().find(|(epoch, _)| *epoch > seen).copied() else {
            return;
        };
        // Never beyond what was sent, so it cannot be refused.
        let _ = self.down.acked(client_has.min(copy_end));
        if client_has > copy_end && client_has > self.down.first() {
            self.go_on_above(copy_end, client_has);
        }
    }

    /// What was sent since `copy_end` bears numbers that the client has seen others under: it goes on above.
    fn go_on_above(&mut self, copy_end: Cursor, client_has: Cursor) {
        let shift = client_has.0 - self.down.first().0;
        self.down.renumber(client_has);
        self.undone = copy_end.0..client_has.0;
        self.hold_until_stored(shift);
    }
}
