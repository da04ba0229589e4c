//! Messages between members, and their order.

use super::*;

fn merging() -> RoomOptions {
    RoomOptions { interval_ms: 50, ..options() }
}

fn to(members: &[u64]) -> Scope {
    Scope::Members(members.iter().map(|member| MemberId(*member)).collect())
}

fn merged_of(all: &[(u64, &str)]) -> Heard {
    Heard::Merged(all.iter().map(|(from, text)| (*from, (*text).to_owned())).collect())
}

#[test]
fn without_an_interval_messages_go_at_once_to_those_they_are_for() {
    let mut table = Table::of(3, options());
    table.say(1, Scope::All, "all");
    table.say(2, Scope::Others, "others");
    table.say(3, to(&[1, 3, 1, 77]), "some");
    table.say(0, Scope::Others, "server");
    table.say(9, Scope::All, "a stranger");
    let said = |from, text: &str| Heard::Said(from, text.into());
    let (all, others) = (said(1, "all"), said(2, "others"));
    let (some, server) = (said(3, "some"), said(0, "server"));
    assert_eq!(table.mail.heard(1), [all.clone(), others.clone(), some.clone(), server.clone()]);
    assert_eq!(table.mail.heard(2), [all.clone(), server.clone()]);
    assert_eq!(table.mail.heard(3), [all, others, some, server]);
}

#[test]
fn broadcasts_of_one_interval_go_out_together() {
    let mut table = Table::of(2, merging());
    table.at(10);
    table.say(1, Scope::All, "a");
    table.at(40);
    table.say(2, Scope::All, "b");
    assert_eq!((table.room.poll_timeout(), table.mail.posted), (Some(ms(60)), 3));
    table.at(60);
    assert_eq!(table.mail.heard(1), [merged_of(&[(1, "a"), (2, "b")])]);
    assert_eq!(table.mail.heard(2), [merged_of(&[(1, "a"), (2, "b")])]);
    table.say(1, Scope::All, "c");
    assert_eq!(table.room.poll_timeout(), Some(ms(110)), "the next interval begins with the next message");
}

#[test]
fn nothing_for_everybody_passes_what_waits() {
    let mut table = Table::of(2, merging());
    table.say(1, Scope::All, "a");
    table.say(1, Scope::Others, "b");
    assert_eq!(table.mail.heard(2), [merged_of(&[(1, "a")]), Heard::Said(1, "b".into())]);
    assert_eq!(table.mail.heard(1), [merged_of(&[(1, "a")])]);
    assert_eq!(table.room.poll_timeout(), None);
    table.say(2, Scope::All, "c");
    table.set("k", 1);
    let news = RoomNews::PropertyChanged { key: "k".into(), value: Some(Value::Integer(1)), by: None };
    assert_eq!(table.mail.heard(1), [merged_of(&[(2, "c")]), Heard::News(news)]);
}

#[test]
fn a_message_for_a_few_sends_what_waits_to_these_few_only() {
    let mut table = Table::of(3, merging());
    table.say(1, Scope::All, "a");
    table.say(1, to(&[2]), "b");
    table.say(3, Scope::All, "c");
    table.say(1, to(&[2]), "d");
    table.say(1, to(&[2]), "e");
    assert_eq!(table.mail.texts(2), ["a", "b", "c", "d", "e"]);
    assert_eq!(table.mail.heard(3), [], "for it they go on waiting");
    table.say(1, Scope::All, "f");
    table.at(50);
    assert_eq!(table.mail.heard(2), [merged_of(&[(1, "f")])], "none comes twice");
    assert_eq!(table.mail.heard(3), [merged_of(&[(1, "a"), (3, "c"), (1, "f")])]);
    table.say(1, Scope::All, "g");
    table.say(1, to(&[3]), "h");
    table.mail.heard(3);
    table.at(100);
    assert_eq!(table.mail.heard(3), [], "it has got all of them");
}

#[test]
fn what_was_said_before_somebody_came_or_went_is_for_those_who_were_there() {
    let mut table = Table::of(2, merging());
    table.say(1, Scope::All, "a");
    table.join(3).unwrap();
    table.at(50);
    assert_eq!(table.mail.texts(3), Vec::<String>::new());
    table.mail.got.clear();
    table.say(3, Scope::All, "b");
    table.exit(2, ExitReason::Left);
    let gone = RoomNews::Left { member: MemberId(2), reason: ExitReason::Left };
    assert_eq!(table.mail.heard(1), [merged_of(&[(3, "b")]), Heard::News(gone)]);
    let last = Heard::News(RoomNews::Exited { reason: ExitReason::Left });
    assert_eq!(table.mail.heard(2), [merged_of(&[(3, "b")]), last]);
}

#[test]
fn what_waits_goes_early_when_there_is_much_of_it() {
    let mut table = Table::of(2, merging());
    let text = "x".repeat(10_000);
    for _ in 0..4 {
        table.say(1, Scope::All, &text);
    }
    assert_eq!(table.mail.texts(2).len(), 3, "a fourth does not fit");
    table.at(50);
    assert_eq!(table.mail.texts(2).len(), 1);
    assert!(table.mail.largest <= RoomSettings::default().merged_bytes_max as usize);
    // One that would not fit alone goes as it is, and in its turn.
    table.mail.got.clear();
    table.say(1, Scope::All, "small");
    table.say(1, Scope::All, &"y".repeat(40_000));
    let heard = table.mail.heard(2);
    assert_eq!((heard.len(), &heard[0]), (2, &merged_of(&[(1, "small")])));
    assert!(matches!(&heard[1], Heard::Said(1, text) if text.len() == 40_000));
    assert_eq!(table.room.poll_timeout(), None);
}

#[test]
fn who_is_too_slow_for_what_waits_is_told_nothing_behind_it() {
    let mut table = Table::of(2, merging());
    table.say(1, Scope::All, "a");
    table.mail.full.insert(SessionId(2));
    table.say(1, to(&[2]), "b");
    table.mail.full.clear();
    table.say(1, Scope::All, "c");
    table.at(50);
    assert_eq!(table.mail.heard(2), []);
    assert_eq!(table.leaving(), [(2, ExitReason::TooSlow)]);
    assert_eq!(table.mail.texts(1), ["a", "c"]);
}

/// Notes where the payloads lie, and nothing else.
#[derive(Default)]
struct Places(Vec<(SessionId, *const u8)>);

impl Post for Places {
    fn post(&mut self, to: SessionId, message: &Message<'_>) -> Result<(), Full> {
        self.0.push((to, message.payload.as_ptr()));
        Ok(())
    }
    fn post_last(&mut self, _: SessionId, _: &Message<'_>) {
        unreachable!("nobody leaves")
    }
}

#[test]
fn a_broadcast_is_encoded_once_however_many_members_there_are() {
    for interval_ms in [0, 50] {
        let mut table = Table::of(1000, RoomOptions { members_max: 1000, interval_ms, ..options() });
        assert_eq!(table.join(1001), Err(RoomRefusal::Full));
        let mut places = Places::default();
        let outbound = Outbound { scope: Scope::All, ver: 2, cmd: 1, payload: b"to all" };
        table.room.message(Some(MemberId(7)), &outbound, &mut places, ms(0));
        table.room.on_timeout(&mut places, ms(50));
        assert!(places.0.iter().map(|(to, _)| to.0).eq(1..=1000));
        assert!(places.0.iter().all(|(_, place)| *place == places.0[0].1));
    }
}
