//! How a room is found by those who want any room that fits.

use super::Room;
use super::wire::{Comparison, Condition};
use crate::protocol::ids::CohortId;
use crate::protocol::limits;
use crate::protocol::wire::{Item, Value, fields};
use std::cmp::Ordering;

/// What others may know of a room.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listing {
    /// Which.
    pub room: CohortId,
    /// How many are in it, or about to be.
    pub members: u32,
    /// How many it takes.
    pub members_max: u32,
    /// How many places are left for users without a reservation.
    pub free: u32,
    /// Its first properties that are small, in the order of their keys.
    pub properties: Vec<(String, Value)>,
}

fields! {
    Listing { room, members, members_max, free, properties }
}

impl Item<'_> for Listing {}

impl Room {
    /// How it is found; `None`: it is not.
    pub fn listing(&self) -> Option<Listing> {
        if !self.options.listed || self.closing {
            return None;
        }
        let small = self.properties.iter().filter(|(_, value)| is_small(value));
        let properties = small.take(limits::LISTED_PROPERTIES_MAX);
        Some(Listing {
            room: self.id,
            members: self.places_taken() as u32,
            members_max: self.options.members_max,
            free: self.free_places() as u32,
            properties: properties.map(|(key, value)| (key.clone(), Value::clone(value))).collect(),
        })
    }
}

const fn is_small(value: &Value) -> bool {
    match value {
        Value::Integer(_) | Value::Float(_) => true,
        Value::Text(text) => text.len() <= limits::LISTED_TEXT_BYTES_MAX,
        Value::Bytes(_) => false,
    }
}

impl Listing {
    /// Whether the room has a free place, and all conditions hold. A property that is not listed is not there.
    pub fn fits(&self, filter: &[Condition]) -> bool {
        self.free > 0 && filter.iter().all(|condition| condition.holds(self.get(&condition.key)))
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.properties.iter().find(|(found, _)| found == key).map(|(_, value)| value)
    }
}

impl Condition {
    fn holds(&self, found: Option<&Value>) -> bool {
        let order = found.and_then(|found| order(found, &self.value));
        match self.comparison {
            Comparison::Equal => found == Some(&self.value),
            Comparison::NotEqual => found != Some(&self.value),
            Comparison::Less => order.is_some_and(Ordering::is_lt),
            Comparison::AtMost => order.is_some_and(Ordering::is_le),
            Comparison::Greater => order.is_some_and(Ordering::is_gt),
            Comparison::AtLeast => order.is_some_and(Ordering::is_ge),
        }
    }
}

/// How two numbers of the same type compare; anything else does not.
fn order(found: &Value, value: &Value) -> Option<Ordering> {
    match (found, value) {
        (Value::Integer(found), Value::Integer(value)) => Some(found.cmp(value)),
        (Value::Float(found), Value::Float(value)) => found.partial_cmp(value),
        (Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Bytes(_), _) => None,
    }
}
