//! The synchronised state: the last value wins.

use super::*;

fn merging() -> RoomOptions {
    RoomOptions { interval_ms: 50, ..options() }
}

fn synced(from: u64, key: &str, value: &[u8]) -> Heard {
    Heard::Synced(from, key.into(), value.to_vec())
}

#[test]
fn each_key_goes_out_once_in_an_interval_with_its_latest_value() {
    let mut table = Table::of(2, merging());
    table.sync(1, "x", b"1").unwrap();
    table.sync(1, "y", b"1").unwrap();
    table.say(1, Scope::All, "said");
    table.sync(2, "x", b"2").unwrap();
    assert_eq!((table.mail.posted, table.room.poll_timeout()), (3, Some(ms(50))));
    table.at(50);
    let heard = table.mail.heard(1);
    assert_eq!(heard[..2], [synced(2, "x", b"2"), synced(1, "y", b"1")]);
    assert!(matches!(heard[2..], [Heard::Merged(_)]), "state goes ahead of what was said");
    assert_eq!(table.mail.heard(2), heard);
    assert_eq!(table.room.poll_timeout(), None);
}

#[test]
fn without_an_interval_each_value_goes_at_once() {
    let mut table = Table::of(2, options());
    table.sync(1, "x", b"1").unwrap();
    table.sync(1, "x", b"").unwrap();
    assert_eq!(table.mail.heard(1), [synced(1, "x", b"1"), synced(1, "x", b"")]);
    assert_eq!(table.room.synced().count(), 0);
}

#[test]
fn an_empty_value_deletes_and_what_nobody_knew_of_is_not_told() {
    let mut table = Table::of(1, merging());
    table.sync(1, "x", b"1").unwrap();
    table.sync(1, "x", b"").unwrap();
    table.sync(1, "never", b"").unwrap();
    assert_eq!(table.room.poll_timeout(), None);
    table.sync(1, "y", b"1").unwrap();
    table.at(50);
    assert_eq!(table.mail.heard(1), [synced(1, "y", b"1")]);
    table.sync(1, "y", b"").unwrap();
    table.sync(1, "y", b"2").unwrap();
    table.sync(1, "y", b"").unwrap();
    table.at(100);
    assert_eq!(table.mail.heard(1), [synced(1, "y", b"")]);
}

#[test]
fn who_joins_gets_all_of_it() {
    let mut table = Table::of(1, merging());
    table.sync(1, "x", b"1").unwrap();
    table.sync(1, "y", b"2").unwrap();
    table.exit(1, ExitReason::Left);
    let mut table = Table { room: make(merging()).unwrap(), ..table };
    table.join(1).unwrap();
    table.sync(1, "x", b"1").unwrap();
    table.at(60);
    table.sync(1, "y", b"2").unwrap();
    table.join(2).unwrap();
    let heard = table.mail.heard(2);
    assert_eq!(heard[1..], [synced(1, "x", b"1"), synced(1, "y", b"2")]);
    table.exit(1, ExitReason::Left);
    table.join(3).unwrap();
    assert_eq!(table.mail.heard(3)[1..], [synced(1, "x", b"1"), synced(1, "y", b"2")], "it is the room's");
}

#[test]
fn the_synchronised_state_keeps_to_its_limit() {
    let mut table = Table::of(1, merging());
    let half = vec![0; 32 * 1024 - 17];
    assert_eq!(table.sync(1, "x", &half), Ok(()));
    assert_eq!(table.sync(1, "y", &half), Ok(()));
    assert_eq!(table.sync(1, "z", b"1"), Err(RoomRefusal::StateTooLarge));
    assert_eq!(table.sync(1, "y", b"1"), Ok(()));
    assert_eq!(table.sync(1, "z", b"1"), Ok(()));
    assert_eq!(table.sync(1, "", b"1"), Err(RoomRefusal::Invalid));
    assert_eq!(table.sync(1, &"k".repeat(256), b"1"), Err(RoomRefusal::Invalid));
    assert_eq!(table.sync(2, "x", b"1"), Err(RoomRefusal::NotInRoom));
}
