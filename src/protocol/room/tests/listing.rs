//! Rooms that are found by what they are like.

use super::super::listing::Listing;
use super::super::wire::{Comparison, Condition};
use super::*;

fn listed() -> RoomOptions {
    RoomOptions { listed: true, ..options() }
}

fn condition(key: &str, comparison: Comparison, value: Value) -> Condition {
    Condition { key: key.into(), comparison, value }
}

#[test]
fn a_listing_says_how_many_places_are_free_for_anybody() {
    let mut table = Table::of(1, listed());
    table.room.admit(SessionId(2), "user-2").unwrap();
    table.ask(1, RoomRequest::Reserve { users: vec!["user-1".into(), "user-9".into()] });
    let listing = table.room.listing().unwrap();
    assert_eq!((listing.room, listing.members, listing.members_max, listing.free), (CohortId(9), 2, 4, 1));
    assert!(listing.fits(&[]));
    table.join(3).unwrap();
    assert!(!table.room.listing().unwrap().fits(&[]), "the last place is reserved");
    table.ask(1, RoomRequest::Close);
    assert_eq!(table.room.listing(), None);
    assert_eq!(Table::of(1, options()).room.listing(), None);
}

#[test]
fn only_small_properties_are_listed_and_not_too_many() {
    let mut table = Table::of(1, listed());
    for (key, value) in [("a", "x".repeat(64)), ("b", "x".repeat(65))] {
        table.ask(0, RoomRequest::Set { key: key.into(), value: Value::Text(value) });
    }
    table.ask(0, RoomRequest::Set { key: "c".into(), value: Value::Bytes(vec![1]) });
    for number in 0..40 {
        table.set(&format!("n-{number:02}"), number);
    }
    let properties = table.room.listing().unwrap().properties;
    assert_eq!(properties.len(), 32);
    assert_eq!((properties[0].0.as_str(), properties[1].0.as_str()), ("a", "n-00"));
}

#[test]
fn a_room_fits_if_all_conditions_hold() {
    let mut table = Table::of(1, listed());
    table.set("level", 7);
    table.ask(0, RoomRequest::Set { key: "rate".into(), value: Value::Float(0.5) });
    table.ask(0, RoomRequest::Set { key: "map".into(), value: Value::Text("dust".into()) });
    let listing: Listing = table.room.listing().unwrap();
    let level = |comparison, value: i64| condition("level", comparison, value.into());
    let rate = |comparison, value| condition("rate", comparison, Value::Float(value));
    let map = |comparison, value: &str| condition("map", comparison, Value::Text(value.into()));
    let holds = [
        level(Comparison::Equal, 7),
        level(Comparison::NotEqual, 8),
        condition("level", Comparison::NotEqual, Value::Float(7.0)),
        condition("missing", Comparison::NotEqual, Value::Integer(1)),
        level(Comparison::Less, 8),
        level(Comparison::AtMost, 7),
        level(Comparison::Greater, 6),
        level(Comparison::AtLeast, 7),
        rate(Comparison::Less, 0.75),
        rate(Comparison::AtLeast, 0.5),
        map(Comparison::Equal, "dust"),
    ];
    assert!(listing.fits(&holds));
    let fails = [
        level(Comparison::Equal, 8),
        level(Comparison::NotEqual, 7),
        condition("level", Comparison::Equal, Value::Float(7.0)),
        condition("level", Comparison::AtLeast, Value::Float(7.0)),
        condition("missing", Comparison::Less, Value::Integer(1)),
        level(Comparison::Less, 7),
        level(Comparison::AtMost, 6),
        level(Comparison::Greater, 7),
        level(Comparison::AtLeast, 8),
        rate(Comparison::Greater, f64::NAN),
        map(Comparison::AtLeast, "a"),
    ];
    for condition in fails {
        assert!(!listing.fits(&[holds[0].clone(), condition.clone()]), "{condition:?}");
    }
}
