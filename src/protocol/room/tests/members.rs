//! Places, joining, leaving, and who owns the room.

use super::super::wire::MemberInfo;
use super::*;

fn info(number: u64) -> MemberInfo {
    MemberInfo { member: MemberId(number), user: format!("user-{number}") }
}

fn reserve(users: &[&str]) -> RoomRequest {
    RoomRequest::Reserve { users: users.iter().map(|user| (*user).to_owned()).collect() }
}

#[test]
fn who_joins_hears_the_room_as_it_is_and_the_others_hear_who_joined() {
    let mut table = Table::new(options());
    assert_eq!(table.join(1), Ok(MemberId(1)));
    assert_eq!(table.join(2), Ok(MemberId(2)));
    let entered = |me, members| RoomNews::Entered {
        room: CohortId(9),
        me: MemberId(me),
        owner: Some(MemberId(1)),
        members_max: 4,
        members,
    };
    assert_eq!(table.mail.news(2), [entered(2, vec![info(1), info(2)])]);
    assert_eq!(table.mail.news(1), [entered(1, vec![info(1)]), RoomNews::Joined { member: info(2) }]);
    assert_eq!(table.room.owner(), Some(MemberId(1)));
    assert_eq!(table.room.member_of(SessionId(2)), Some(MemberId(2)));
    assert_eq!(table.room.session_of(MemberId(2)), Some(SessionId(2)));
    let members: Vec<_> = table.room.members().collect();
    assert_eq!(members[1], (MemberId(2), SessionId(2), "user-2"));
}

#[test]
fn a_full_room_takes_nobody_and_a_place_that_is_held_is_taken() {
    let mut table = Table::of(3, options());
    table.room.admit(SessionId(4), "user-4").unwrap();
    assert_eq!(table.join(5), Err(RoomRefusal::Full));
    table.room.give_up(SessionId(4));
    assert_eq!(table.join(5), Ok(MemberId(4)));
    assert_eq!(table.join(6), Err(RoomRefusal::Full));
}

#[test]
fn nobody_is_in_a_room_twice() {
    let mut table = Table::of(1, options());
    let again = Err(RoomRefusal::AlreadyInRoom);
    assert_eq!(table.room.admit(SessionId(1), "another"), again);
    assert_eq!(table.room.admit(SessionId(2), "user-1"), again);
    table.room.admit(SessionId(3), "user-3").unwrap();
    assert_eq!(table.room.admit(SessionId(3), "another"), again);
    assert_eq!(table.room.admit(SessionId(4), "user-3"), again);
}

#[test]
fn a_reserved_place_is_for_its_user_alone_until_it_is_cancelled() {
    let mut table = Table::of(2, options());
    assert_eq!(table.refusal(1, reserve(&["user-7", "user-8"])), None);
    assert_eq!(table.join(3), Err(RoomRefusal::NoReservation));
    assert_eq!(table.join(7), Ok(MemberId(3)));
    table.exit(7, ExitReason::Left);
    assert_eq!(table.join(3), Err(RoomRefusal::NoReservation), "who left may come back");
    let cancel = RoomRequest::CancelReservation { users: vec!["user-7".into()] };
    assert_eq!(table.refusal(1, cancel), None);
    assert_eq!(table.join(3), Ok(MemberId(4)));
    assert_eq!(table.join(8), Ok(MemberId(5)));
}

#[test]
fn no_more_places_are_reserved_than_there_are() {
    let mut table = Table::of(2, options());
    assert_eq!(table.refusal(1, reserve(&["a", "b", "c"])), Some(RoomRefusal::Full));
    assert_eq!(table.join(3), Ok(MemberId(3)), "none of them was reserved");
    assert_eq!(table.refusal(1, reserve(&["user-1", "user-2", "a"])), None, "members have a place");
    assert_eq!(table.refusal(1, reserve(&["b"])), Some(RoomRefusal::Full));
    assert_eq!(table.refusal(1, reserve(&[""])), Some(RoomRefusal::Invalid));
    assert_eq!(table.refusal(1, reserve(&[&"x".repeat(256)])), Some(RoomRefusal::Invalid));
}

#[test]
fn who_leaves_is_told_last_and_the_others_hear_why() {
    let mut table = Table::of(3, options());
    table.exit(2, ExitReason::Left);
    assert_eq!(table.mail.news(2), [RoomNews::Exited { reason: ExitReason::Left }]);
    let left = RoomNews::Left { member: MemberId(2), reason: ExitReason::Left };
    assert_eq!(table.mail.news(1), [left]);
    table.exit(3, ExitReason::Disconnected);
    assert_eq!(table.mail.heard(3).len(), 1, "its session has ended, so it is not told");
    let left = RoomNews::Left { member: MemberId(3), reason: ExitReason::Disconnected };
    assert_eq!(table.mail.news(1), [left]);
    assert_eq!(table.join(2), Ok(MemberId(4)), "no number is used twice");
}

#[test]
fn who_is_elsewhere_is_dropped_without_being_told() {
    let mut table = Table::of(2, options());
    table.room.drop_member(SessionId(1), &mut table.mail, ms(0));
    assert_eq!(table.mail.heard(1), []);
    let left = RoomNews::Left { member: MemberId(1), reason: ExitReason::Lost };
    assert_eq!(table.mail.news(2), [left, RoomNews::OwnerChanged { owner: Some(MemberId(2)) }]);
    table.room.drop_member(SessionId(1), &mut table.mail, ms(0));
    assert_eq!(table.mail.heard(2), [], "once");
}

#[test]
fn the_one_who_is_there_longest_becomes_the_owner() {
    let mut table = Table::of(4, options());
    table.exit(3, ExitReason::Left);
    assert_eq!(table.room.owner(), Some(MemberId(1)));
    table.exit(1, ExitReason::Left);
    assert_eq!(table.room.owner(), Some(MemberId(2)));
    let changed = RoomNews::OwnerChanged { owner: Some(MemberId(2)) };
    assert_eq!(table.mail.news(4).last(), Some(&changed));
    // Who has to go does not become the owner if another can.
    table.refusal(0, RoomRequest::Kick { member: MemberId(4) });
    table.join(5).unwrap();
    table.exit(2, ExitReason::Left);
    assert_eq!(table.room.owner(), Some(MemberId(5)));
}

#[test]
fn only_the_owner_and_the_server_reserve_kick_and_close() {
    let mut table = Table::of(2, options());
    let requests = [
        reserve(&["a"]),
        RoomRequest::CancelReservation { users: Vec::new() },
        RoomRequest::Kick { member: MemberId(1) },
        RoomRequest::Close,
    ];
    for request in requests {
        assert_eq!(table.refusal(2, request.clone()), Some(RoomRefusal::NotOwner), "{request:?}");
        assert_eq!(table.refusal(7, request.clone()), Some(RoomRefusal::NotInRoom), "{request:?}");
        assert_eq!(table.refusal(1, request.clone()), None, "{request:?}");
        assert_eq!(table.refusal(0, request), None);
    }
}

#[test]
fn who_is_kicked_stays_a_member_until_it_is_seen_to() {
    let mut table = Table::of(3, options());
    assert_eq!(table.refusal(1, RoomRequest::Kick { member: MemberId(2) }), None);
    assert_eq!(table.refusal(1, RoomRequest::Kick { member: MemberId(2) }), None);
    let nobody = RoomRequest::Kick { member: MemberId(9) };
    assert_eq!(table.refusal(1, nobody), Some(RoomRefusal::NoSuchMember));
    assert_eq!(table.leaving(), [(2, ExitReason::Kicked)]);
    table.say(1, Scope::All, "still here");
    assert_eq!(table.mail.texts(2), ["still here"]);
    table.exit(2, ExitReason::Kicked);
    assert_eq!((table.leaving(), table.room.len()), (vec![], 2));
}

#[test]
fn when_a_room_closes_everybody_has_to_go() {
    let mut table = Table::of(3, options());
    table.room.admit(SessionId(4), "user-4").unwrap();
    table.refusal(1, RoomRequest::Kick { member: MemberId(3) });
    assert_eq!(table.refusal(1, RoomRequest::Close), None);
    assert!(table.room.is_closing());
    let closed = ExitReason::Closed;
    assert_eq!(table.leaving(), [(3, ExitReason::Kicked), (1, closed), (2, closed)]);
    assert_eq!(table.join(5), Err(RoomRefusal::Closed));
    let set = RoomRequest::Set { key: "k".into(), value: Value::Integer(1) };
    assert_eq!(table.refusal(1, set), Some(RoomRefusal::Closed));
    assert_eq!(table.sync(1, "k", b"v"), Err(RoomRefusal::Closed));
    table.room.enter(SessionId(4), &mut table.mail);
    assert_eq!(table.leaving(), [(4, closed)], "its place was held before");
    table.mail.got.clear();
    table.exit(1, closed);
    assert_eq!(table.mail.news(1), [RoomNews::Exited { reason: closed }]);
    assert_eq!(table.mail.news(2), [], "all of them go, so it is not news");
    assert_eq!(table.room.owner(), Some(MemberId(2)));
}

#[test]
fn a_room_that_must_not_be_empty_closes_with_the_last_one() {
    let mut table = Table::of(1, options());
    table.room.admit(SessionId(2), "user-2").unwrap();
    table.exit(1, ExitReason::Left);
    assert!(!table.room.is_closing(), "somebody is about to come");
    table.room.give_up(SessionId(2));
    assert!(table.room.is_closing());
}

#[test]
fn an_empty_room_lives_on_for_its_time() {
    let lasting = RoomOptions { allow_empty: true, ttl_ms: 50, ..options() };
    let mut table = Table::new(lasting.clone());
    assert_eq!(table.room.poll_timeout(), Some(ms(50)));
    table.at(20);
    table.join(1).unwrap();
    assert_eq!(table.room.poll_timeout(), None);
    table.exit(1, ExitReason::Left);
    assert_eq!((table.room.poll_timeout(), table.room.owner()), (Some(ms(70)), None));
    table.at(69);
    assert!(!table.room.is_closing());
    table.at(70);
    assert!(table.room.is_closing());

    let mut table = Table::of(1, RoomOptions { ttl_ms: 0, ..lasting });
    table.exit(1, ExitReason::Left);
    assert_eq!((table.room.is_closing(), table.room.poll_timeout()), (false, None), "until it is closed");
}

#[test]
fn who_cannot_take_a_message_gets_nothing_more_and_has_to_go() {
    let mut table = Table::of(3, options());
    table.say(1, Scope::All, "one");
    table.mail.full.insert(SessionId(2));
    table.say(1, Scope::All, "two");
    table.mail.full.clear();
    table.say(1, Scope::All, "three");
    table.say(1, Scope::Members(vec![MemberId(2)]), "four");
    assert_eq!(table.leaving(), [(2, ExitReason::TooSlow)]);
    table.exit(2, ExitReason::TooSlow);
    let last = Heard::News(RoomNews::Exited { reason: ExitReason::TooSlow });
    assert_eq!(table.mail.heard(2), [Heard::Said(1, "one".into()), last]);
    assert_eq!(table.mail.texts(3), ["one", "two", "three"]);
}

#[test]
fn options_out_of_range_make_no_room() {
    let invalid = [
        RoomOptions { members_max: 1, ..options() },
        RoomOptions { members_max: 1001, ..options() },
        RoomOptions { interval_ms: 10_001, ..options() },
        RoomOptions { ttl_ms: u64::MAX, ..options() },
        RoomOptions { properties: vec![(String::new(), Value::Integer(1))], ..options() },
        RoomOptions { properties: vec![("k".repeat(256), Value::Integer(1))], ..options() },
    ];
    for options in invalid {
        assert_eq!(make(options.clone()), Err(RoomRefusal::Invalid), "{options:?}");
    }
    let bytes = |count: usize| Value::Bytes(vec![0; count]);
    let large = RoomOptions { properties: vec![("k".into(), bytes(65_536))], ..options() };
    assert_eq!(make(large), Err(RoomRefusal::PropertyTooLarge));
    let many = (0..17).map(|number| (number.to_string(), bytes(65_000))).collect();
    assert_eq!(make(RoomOptions { properties: many, ..options() }), Err(RoomRefusal::StateTooLarge));
    let room = make(RoomOptions { properties: vec![("k".into(), bytes(3))], ..options() }).unwrap();
    assert_eq!((room.get("k"), room.options()), (Some(&bytes(3)), &options()));
}
