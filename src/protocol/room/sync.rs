//! The synchronised state: small values that change all the time, of which only the latest counts. It belongs to
//! the room: the values of a member who has gone stay until they are deleted.

use super::wire::{SYNC, Sync, Synced};
use super::{Post, Room, is_key, message};
use crate::protocol::ids::MemberId;
use crate::protocol::reasons::RoomRefusal;
use crate::protocol::time::Time;
use std::collections::BTreeMap;

/// What a key counts besides itself and its value.
const ENTRY_OVERHEAD_BYTES: usize = 16;

const fn entry_bytes(key: &str, value: &[u8]) -> usize {
    key.len() + value.len() + ENTRY_OVERHEAD_BYTES
}

/// A key's value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Latest {
    pub(super) from: MemberId,
    pub(super) value: Vec<u8>,
}

/// A key that has changed, and the members do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Change {
    pub(super) from: MemberId,
    /// The members know an earlier value, so they have to hear of it even if it is deleted.
    pub(super) known: bool,
}

/// The synchronised state. What has changed and is deleted was there at the last flush, so that the limit bounds
/// the changes as well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct SyncMap {
    pub(super) latest: BTreeMap<String, Latest>,
    bytes: usize,
    pub(super) changed: BTreeMap<String, Change>,
}

impl SyncMap {
    pub(super) fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Synced<'_>> {
        self.latest.iter().map(|(key, latest)| {
            let sync = Sync { key, value: &latest.value };
            Synced { from: latest.from, sync }
        })
    }

    /// Stores a value without noting a change.
    pub(super) fn put(&mut self, key: &str, latest: Option<Latest>) {
        if let Some(old) = self.latest.remove(key) {
            self.bytes -= entry_bytes(key, &old.value);
        }
        if let Some(latest) = latest {
            self.bytes += entry_bytes(key, &latest.value);
            self.latest.insert(key.to_owned(), latest);
        }
    }

    /// Sets or deletes a key. `Err`: there would be more than `limit` bytes.
    fn set(&mut self, sync: Sync<'_>, from: MemberId, limit: usize) -> Result<(), RoomRefusal> {
        let Sync { key, value } = sync;
        let before = self.latest.get(key).map(|old| entry_bytes(key, &old.value));
        if value.is_empty() {
            if before.is_none() {
                return Ok(());
            }
        } else if self.bytes - before.unwrap_or(0) + entry_bytes(key, value) > limit {
            return Err(RoomRefusal::StateTooLarge);
        }
        let known = self.changed.get(key).map_or(before.is_some(), |change| change.known);
        self.put(key, (!value.is_empty()).then(|| Latest { from, value: value.to_vec() }));
        if value.is_empty() && !known {
            self.changed.remove(key); // nobody has heard of it, and nobody needs to
        } else {
            self.changed.insert(key.to_owned(), Change { from, known });
        }
        Ok(())
    }
}

impl Room {
    /// A member sets a key, or deletes it. Everybody hears of it at the end of the interval, and only of the latest
    /// value; the member, too, for another may have been later.
    pub fn sync(
        &mut self,
        from: MemberId,
        sync: Sync<'_>,
        post: &mut dyn Post,
        now: Time,
    ) -> Result<(), RoomRefusal> {
        self.open()?;
        self.members.get(from).ok_or(RoomRefusal::NotInRoom)?;
        if !is_key(sync.key) {
            return Err(RoomRefusal::Invalid);
        }
        self.sync.set(sync, from, self.settings.sync_bytes_max as usize)?;
        if self.options.interval_ms == 0 {
            self.flush_sync(post);
        } else if self.sync.has_changes() {
            self.flush_later(now);
        } else {
            self.flushed();
        }
        Ok(())
    }

    /// The synchronised state, in the order of its keys.
    pub fn synced(&self) -> impl Iterator<Item = Synced<'_>> {
        self.sync.all()
    }

    /// Sends the latest value of each key that has changed.
    pub(super) fn flush_sync(&mut self, post: &mut dyn Post) {
        if !self.sync.has_changes() {
            return;
        }
        let mut payload = Vec::new();
        for (key, change) in std::mem::take(&mut self.sync.changed) {
            let value = self.sync.latest.get(&key).map_or(&[][..], |latest| &latest.value);
            payload.clear();
            Synced { from: change.from, sync: Sync { key: &key, value } }.encode(&mut payload);
            self.members.tell(&message(SYNC, &payload), None, post);
        }
        self.flushed();
    }
}
