//! The properties of a room: typed values under keys, within a limit, that every member hears of.

use super::wire::{RoomAnswer, RoomNews};
use super::{Post, Room, RoomSettings, is_key};
use crate::protocol::ids::MemberId;
use crate::protocol::reasons::RoomRefusal;
use crate::protocol::wire::Value;
use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

/// What an entry counts besides its key and value, so that many small ones are bounded, too.
const ENTRY_OVERHEAD_BYTES: usize = 16;

/// What a property counts against the limits of the server.
pub(super) fn entry_bytes(key: &str, value: &Value) -> usize {
    key.len() + value_bytes(value) + ENTRY_OVERHEAD_BYTES
}

const fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Integer(_) | Value::Float(_) => 8,
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
    }
}

/// Properties, and what they count. Their values are shared with copies and snapshots of the room: how long those take
/// to make does not depend on how large the values are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Properties {
    values: BTreeMap<String, Arc<Value>>,
    bytes: usize,
}

impl Properties {
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).map(Arc::as_ref)
    }

    /// To be had as well by a copy of the room.
    pub(super) fn share(&self, key: &str) -> Option<Arc<Value>> {
        self.values.get(key).cloned()
    }

    pub(super) fn iter(&self) -> btree_map::Iter<'_, String, Arc<Value>> {
        self.values.iter()
    }

    /// Those behind `key`, or all.
    pub(super) fn behind(&self, key: Option<&str>) -> btree_map::Range<'_, String, Arc<Value>> {
        use std::ops::Bound;
        let from = key.map_or(Bound::Unbounded, Bound::Excluded);
        self.values.range::<str, _>((from, Bound::Unbounded))
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What this property counts; 0: it is not there.
    pub(super) fn bytes_of(&self, key: &str) -> usize {
        self.get(key).map_or(0, |value| entry_bytes(key, value))
    }

    /// Whether it may be set, beside so many bytes of the game's state.
    pub(super) fn check(
        &self,
        key: &str,
        value: &Value,
        game_bytes: usize,
        settings: &RoomSettings,
    ) -> Result<(), RoomRefusal> {
        if !is_key(key) {
            return Err(RoomRefusal::Invalid);
        }
        let entry = entry_bytes(key, value);
        if entry > settings.property_bytes_max as usize {
            return Err(RoomRefusal::PropertyTooLarge);
        }
        let (before, after) = (self.bytes_of(key), self.bytes - self.bytes_of(key) + entry);
        // What makes the state smaller is never refused, even if the game's state has grown over the limit.
        if entry > before && (after + game_bytes) as u64 > settings.state_bytes_max {
            return Err(RoomRefusal::StateTooLarge);
        }
        Ok(())
    }

    pub(super) fn set(&mut self, key: &str, value: Arc<Value>) {
        self.bytes = self.bytes - self.bytes_of(key) + entry_bytes(key, &value);
        self.values.insert(key.to_owned(), value);
    }

    /// Whether it was there.
    pub(super) fn delete(&mut self, key: &str) -> bool {
        self.bytes -= self.bytes_of(key);
        self.values.remove(key).is_some()
    }
}

impl Room {
    /// Sets a property, or deletes it, and tells everybody, the one who did it as well.
    pub(super) fn change(
        &mut self,
        key: &str,
        value: Option<Value>,
        by: Option<MemberId>,
        post: &mut dyn Post,
    ) -> Result<RoomAnswer, RoomRefusal> {
        if let Some(value) = &value {
            self.properties.check(key, value, self.game.bytes(), &self.settings)?;
            self.properties.set(key, Arc::new(value.clone()));
        } else if !self.properties.delete(key) {
            return Ok(RoomAnswer::default()); // it was not there: nothing has changed
        }
        self.unsaved = true;
        self.relist = true;
        if let Some(copying) = &mut self.copying {
            copying.touch(key);
        }
        self.tell_news(&RoomNews::PropertyChanged { key: key.to_owned(), value, by }, None, post);
        Ok(RoomAnswer::default())
    }

    pub(super) fn compare_and_set(
        &mut self,
        key: &str,
        expected: Option<&Value>,
        value: Option<Value>,
        by: Option<MemberId>,
        post: &mut dyn Post,
    ) -> Result<RoomAnswer, RoomRefusal> {
        let found = self.get(key);
        if found != expected {
            return Ok(RoomAnswer { value: found.cloned(), ..RoomRefusal::Differs.into() });
        }
        self.change(key, value, by, post)
    }

    pub(super) fn increment(
        &mut self,
        key: &str,
        by: &Value,
        from: Option<MemberId>,
        post: &mut dyn Post,
    ) -> Result<RoomAnswer, RoomRefusal> {
        let sum = match (self.get(key), by) {
            (None, Value::Integer(_) | Value::Float(_)) => by.clone(),
            (Some(Value::Integer(is)), Value::Integer(by)) => {
                Value::Integer(is.checked_add(*by).ok_or(RoomRefusal::Invalid)?)
            }
            (Some(Value::Float(is)), Value::Float(by)) => Value::Float(is + by),
            (None | Some(_), _) => return Err(RoomRefusal::OtherType),
        };
        self.change(key, Some(sum.clone()), from, post)?;
        Ok(RoomAnswer { value: Some(sum), ..RoomAnswer::default() })
    }
}
