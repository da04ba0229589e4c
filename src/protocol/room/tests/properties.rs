//! Properties, and what is asked of them.

use super::*;

fn set(key: &str, value: Value) -> RoomRequest {
    RoomRequest::Set { key: key.into(), value }
}

fn increment(by: Value) -> RoomRequest {
    RoomRequest::Increment { key: "k".into(), by }
}

fn compare(expected: Option<Value>, value: Option<Value>) -> RoomRequest {
    RoomRequest::CompareAndSet { key: "k".into(), expected, value }
}

fn get() -> RoomRequest {
    RoomRequest::Get { key: "k".into() }
}

fn delete() -> RoomRequest {
    RoomRequest::Delete { key: "k".into() }
}

#[test]
fn everybody_hears_of_a_change_the_one_who_made_it_as_well() {
    let mut table = Table::of(2, options());
    assert_eq!(table.ask(2, set("k", Value::Text("v".into()))), RoomAnswer::default());
    let changed = |value| RoomNews::PropertyChanged { key: "k".into(), value, by: Some(MemberId(2)) };
    assert_eq!(table.mail.news(1), [changed(Some(Value::Text("v".into())))]);
    assert_eq!(table.mail.news(2), [changed(Some(Value::Text("v".into())))]);
    assert_eq!(table.ask(1, get()).value, Some(Value::Text("v".into())));
    assert_eq!(table.refusal(2, delete()), None);
    assert_eq!(table.mail.news(1), [changed(None)]);
    assert_eq!(table.refusal(2, delete()), None);
    assert_eq!((table.mail.news(1), table.ask(1, get()).value), (vec![], None), "it was gone already");
}

#[test]
fn compare_and_set_compares_type_and_bits() {
    let mut table = Table::of(1, options());
    let (zero, minus_zero) = (Value::Float(0.0), Value::Float(-0.0));
    assert_eq!(table.refusal(1, compare(None, Some(zero.clone()))), None);
    for wrong in [None, Some(minus_zero.clone()), Some(Value::Integer(0))] {
        let answer = table.ask(1, compare(wrong, None));
        assert_eq!(answer, RoomAnswer { value: Some(zero.clone()), ..RoomRefusal::Differs.into() });
    }
    let nan = Value::Float(f64::NAN);
    assert_eq!(table.refusal(1, compare(Some(zero), Some(nan.clone()))), None);
    assert_eq!(table.refusal(1, compare(Some(nan), None)), None, "the same bits are the same");
    assert_eq!(table.room.get("k"), None);
    let missing = table.ask(1, compare(Some(minus_zero), None));
    assert_eq!(missing, RoomRefusal::Differs.into());
}

#[test]
fn increments_add_numbers_of_one_type() {
    let mut table = Table::of(1, options());
    assert_eq!(table.ask(1, increment(Value::Integer(5))).value, Some(Value::Integer(5)));
    assert_eq!(table.ask(1, increment(Value::Integer(-7))).value, Some(Value::Integer(-2)));
    assert_eq!(table.refusal(1, increment(Value::Float(1.0))), Some(RoomRefusal::OtherType));
    assert_eq!(table.refusal(1, increment(Value::Integer(i64::MIN))), Some(RoomRefusal::Invalid));
    assert_eq!(table.room.get("k"), Some(&Value::Integer(-2)), "a refused one changes nothing");
    table.ask(1, delete());
    assert_eq!(table.refusal(1, increment(Value::Text("1".into()))), Some(RoomRefusal::OtherType));
    table.ask(1, increment(Value::Float(0.5)));
    assert_eq!(table.ask(1, increment(Value::Float(0.25))).value, Some(Value::Float(0.75)));
    assert_eq!(table.refusal(1, increment(Value::Integer(1))), Some(RoomRefusal::OtherType));
}

#[test]
fn properties_keep_to_their_limits() {
    let mut table = Table::of(1, options());
    let bytes = |count: usize| Value::Bytes(vec![0; count]);
    assert_eq!(table.refusal(1, set("", bytes(1))), Some(RoomRefusal::Invalid));
    assert_eq!(table.refusal(1, set(&"k".repeat(256), bytes(1))), Some(RoomRefusal::Invalid));
    // Key, value and 16 bytes are what counts.
    assert_eq!(table.refusal(1, set("k", bytes(65_520))), Some(RoomRefusal::PropertyTooLarge));
    assert_eq!(table.refusal(1, set("k", bytes(65_519))), None);
    for number in 0..15 {
        table.refusal(1, set(&format!("k-{number:02}"), bytes(65_516)));
    }
    assert_eq!(table.room.state_bytes(), 1 << 20);
    assert_eq!(table.refusal(1, set("a", bytes(0))), Some(RoomRefusal::StateTooLarge));
    assert_eq!(table.refusal(1, set("k", bytes(65_519))), None, "it does not grow");
    assert_eq!(table.refusal(1, compare(Some(bytes(65_519)), Some(bytes(65_500)))), None);
    assert_eq!(table.refusal(1, set("a", bytes(2))), None);
    assert_eq!(table.refusal(1, delete()), None);
    assert_eq!(table.room.properties().count(), 16);
}

#[test]
fn what_needs_more_than_the_room_is_not_done_here() {
    let mut table = Table::of(1, options());
    let requests = [
        RoomRequest::Create { options: options() },
        RoomRequest::Join { room: CohortId(1) },
        RoomRequest::JoinRandom { filter: Vec::new(), otherwise: None },
        RoomRequest::Leave,
        RoomRequest::Migrate,
    ];
    for request in requests {
        assert_eq!(table.refusal(1, request), Some(RoomRefusal::Invalid));
    }
    assert_eq!(table.refusal(5, get()), Some(RoomRefusal::NotInRoom));
}

#[test]
fn whatever_changes_makes_the_last_snapshot_out_of_date() {
    let mut table = Table::of(2, RoomOptions { interval_ms: 50, ..options() });
    assert!(table.room.take_unsaved());
    let mut unsaved = |what: &dyn Fn(&mut Table)| {
        what(&mut table);
        assert_eq!(table.room.is_unsaved(), table.room.take_unsaved());
        assert!(!table.room.is_unsaved());
        let before = table.room.clone();
        what(&mut table);
        (before != table.room, table.room.take_unsaved())
    };
    let changed = (true, true);
    assert_eq!(unsaved(&|table| drop(table.ask(1, increment(Value::Integer(1))))), changed);
    assert_eq!(unsaved(&|table| table.say(1, Scope::All, "waits")), changed);
    assert!(unsaved(&|table| table.sync(1, "k", b"v").unwrap()).1);
    assert_eq!(unsaved(&|table| drop(table.ask(1, get()))), (false, false));
    assert_eq!(unsaved(&|table| table.say(1, Scope::Members(Vec::new()), "nobody")), (false, false));
    assert_eq!(
        unsaved(&|table| table.room.set_timer(table.room.timer().map_or(Some(ms(1)), |_| None))),
        changed
    );
}
