//! Laws that hold whatever happens in a room.

use super::super::preload::RoomPreload;
use super::super::state::RoomState;
use super::moves::{Book, furnished, open, sent, settings, write};
use super::*;
use crate::protocol::wire::{Field, Reader};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

const SESSIONS: u64 = 7;

/// Something that happens.
#[derive(Clone, Debug)]
enum Deed {
    Join(u64),
    GiveUp(u64),
    Exit(u64),
    Drop(u64),
    Say(u64, Option<Vec<u64>>),
    Others(u64),
    Sync(u64, u8, u8),
    Set(u64, u8, Option<u16>),
    Write(u8),
    Kick(u64),
    Reserve(u64),
    Fill(u64),
    See,
    Wait(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let who = || 1..=SESSIONS;
    prop_oneof![
        4 => who().prop_map(Deed::Join),
        1 => who().prop_map(Deed::GiveUp),
        1 => who().prop_map(Deed::Exit),
        1 => who().prop_map(Deed::Drop),
        6 => (who(), proptest::option::of(vec(who(), 0..3))).prop_map(|(from, to)| Deed::Say(from, to)),
        1 => who().prop_map(Deed::Others),
        3 => (who(), 0..4u8, 0..3u8).prop_map(|(from, key, value)| Deed::Sync(from, key, value)),
        4 => (who(), 0..8u8, proptest::option::of(any::<u16>()))
            .prop_map(|(from, key, value)| Deed::Set(from, key, value)),
        1 => (1..=255u8).prop_map(Deed::Write),
        1 => who().prop_map(Deed::Kick),
        1 => who().prop_map(Deed::Reserve),
        1 => who().prop_map(Deed::Fill),
        2 => proptest::strategy::Just(Deed::See),
        3 => (1..40u64).prop_map(Deed::Wait),
    ]
}

/// A room, and what was said in it, in the order in which it was.
struct Story {
    table: Table,
    said: Vec<String>,
}

impl Story {
    fn new(interval_ms: u32) -> Self {
        let options = RoomOptions { interval_ms, members_max: 5, allow_empty: true, ..options() };
        let mut table = Table::new(options);
        table.room.set_game(Some(Box::new(Book::default()))).unwrap();
        Self { table, said: Vec::new() }
    }

    fn member(&self, session: u64) -> u64 {
        self.table.room.member_of(SessionId(session)).map_or(99, |member| member.0)
    }

    fn say(&mut self, session: u64, scope: Scope) {
        let text = self.said.len().to_string();
        self.table.say(self.member(session), scope, &text);
        self.said.push(text);
    }

    fn happen(&mut self, deed: &Deed) {
        match deed {
            Deed::Join(session) => drop(self.table.join(*session)),
            Deed::GiveUp(session) => {
                let _ = self.table.room.admit(SessionId(*session), &format!("user-{session}"));
                self.table.room.give_up(SessionId(*session));
            }
            Deed::Exit(session) => self.exit(*session, ExitReason::Left),
            Deed::Drop(session) => {
                self.table.room.drop_member(SessionId(*session), &mut self.table.mail, self.table.now);
            }
            Deed::Say(from, None) => self.say(*from, Scope::All),
            Deed::Say(from, Some(to)) => {
                let to = to.iter().map(|session| MemberId(self.member(*session))).collect();
                self.say(*from, Scope::Members(to));
            }
            Deed::Others(from) => self.say(*from, Scope::Others),
            Deed::Sync(from, key, value) => {
                let value = vec![*value; usize::from(*value)];
                let _ = self.table.sync(self.member(*from), &key.to_string(), &value);
            }
            Deed::Set(from, key, value) => {
                let (key, from) = (key.to_string(), self.member(*from));
                let value = value.map(|value| Value::Bytes(vec![1; usize::from(value % 200)]));
                self.table.ask(
                    from,
                    match value {
                        Some(value) => RoomRequest::Set { key, value },
                        None => RoomRequest::Delete { key },
                    },
                );
            }
            Deed::Write(entry) => write(&mut self.table.room, *entry),
            Deed::Kick(session) => {
                let member = MemberId(self.member(*session));
                self.table.ask(0, RoomRequest::Kick { member });
            }
            Deed::Reserve(session) => {
                self.table.ask(0, RoomRequest::Reserve { users: vec![format!("user-{session}")] });
            }
            Deed::Fill(session) => drop(self.table.mail.full.insert(SessionId(*session))),
            Deed::See => {
                for (session, reason) in self.table.leaving() {
                    self.exit(session, reason);
                }
            }
            Deed::Wait(millis) => {
                let now = self.table.now.as_micros() / 1000 + millis;
                self.table.at(now);
            }
        }
    }

    /// Who comes back has an empty buffer.
    fn exit(&mut self, session: u64, reason: ExitReason) {
        self.table.exit(session, reason);
        self.table.mail.full.remove(&SessionId(session));
    }

    /// Everybody hears in the order in which it was said, nothing twice.
    fn everybody_hears_in_order(&self) -> bool {
        (1..=SESSIONS).all(|session| {
            let texts = self.table.mail.clone().texts(session);
            texts.is_sorted_by_key(|text| text.parse::<usize>().unwrap())
                && texts.iter().collect::<BTreeSet<_>>().len() == texts.len()
        })
    }

    fn places_are_kept_to(&self) -> bool {
        let room = &self.table.room;
        let users: BTreeSet<_> = room.members().map(|(_, _, user)| user).collect();
        room.len() + room.held().count() + room.places_kept() <= 5
            && users.len() == room.len()
            && room.owner().is_some() != room.is_empty()
            && room.owner().is_none_or(|owner| room.session_of(owner).is_some())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn order_places_and_bytes_keep_to_the_rules(deeds in vec(deed(), 1..80), interval in 0..2u32) {
        let mut story = Story::new(interval * 30);
        for deed in &deeds {
            story.happen(deed);
            prop_assert!(story.everybody_hears_in_order(), "after {deed:?}");
            prop_assert!(story.places_are_kept_to(), "after {deed:?}");
            let (room, now) = (&story.table.room, story.table.now);
            let state = sent(&room.export(now));
            prop_assert!(RoomPreload::default().fits(&state));
            let mut again = Room::restore(state, settings(), now).unwrap();
            prop_assert!(again.take_unsaved());
            let mut room = room.clone();
            room.take_unsaved();
            prop_assert_eq!(again, room);
        }
    }

    #[test]
    fn members_who_stay_hear_the_same(deeds in vec(deed(), 1..80), interval in 0..2u32) {
        let mut story = Story::new(interval * 30);
        story.table.join(1).unwrap();
        story.table.join(2).unwrap();
        story.table.mail.got.clear();
        for deed in &deeds {
            let harmless = match deed {
                Deed::Join(who) | Deed::GiveUp(who) | Deed::Exit(who) | Deed::Drop(who) => *who > 2,
                Deed::Kick(who) | Deed::Fill(who) => *who > 2,
                Deed::Others(_) | Deed::Say(_, Some(_)) => false, // not for everybody
                Deed::Say(..) | Deed::Sync(..) | Deed::Set(..) | Deed::Write(_) => true,
                Deed::Reserve(_) | Deed::See | Deed::Wait(_) => true,
            };
            if harmless {
                story.happen(deed);
            }
        }
        story.table.room.flush(&mut story.table.mail);
        prop_assert_eq!(story.table.mail.heard(1), story.table.mail.heard(2));
    }

    #[test]
    fn a_room_put_together_from_its_copy_and_its_baton_is_the_room(
        before in vec(deed(), 1..30),
        rounds in vec((vec(deed(), 0..6), 1..400usize, any::<bool>()), 1..20),
    ) {
        let mut story = Story::new(30);
        before.iter().for_each(|deed| story.happen(deed));
        story.table.room.begin_copy();
        let mut preload = RoomPreload::default();
        for (deeds, bytes_max, goes_on) in &rounds {
            deeds.iter().for_each(|deed| story.happen(deed));
            if let Some(piece) = story.table.room.next_piece(*bytes_max) {
                preload.add(sent(&piece));
            }
            if *goes_on {
                story.table.room.next_round();
            } else {
                preload.wake_game(open).unwrap();
            }
        }
        let now = story.table.now;
        let state = sent(&story.table.room.export_for_baton(now));
        prop_assert!(preload.fits(&state));
        let mut there = preload.into_room(state, settings(), now).unwrap();
        there.wake_game(open).unwrap();
        there.take_unsaved();
        story.table.room.forget_copy();
        story.table.room.take_unsaved();
        prop_assert_eq!(there, story.table.room);
    }

    #[test]
    fn bytes_of_another_node_make_a_room_or_none_and_never_a_panic(
        harms in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        deeds in vec(deed(), 0..20),
    ) {
        let mut bytes = Vec::new();
        furnished().room.export(ms(60)).put(&mut bytes);
        for (place, byte) in harms {
            *place.get_mut(&mut bytes) = byte;
        }
        let state: Result<RoomState, _> = Reader::new(&bytes).field();
        let room = state.and_then(|state| Room::restore(state, settings(), ms(60)));
        if let Ok(mut room) = room {
            let _ = room.wake_game(open);
            let table = Table { room, mail: Mail { blind: true, ..Mail::default() }, now: ms(60) };
            let mut story = Story { table, said: Vec::new() };
            deeds.iter().for_each(|deed| story.happen(deed));
            let state = story.table.room.export(story.table.now);
            prop_assert!(RoomPreload::default().fits(&state));
        }
    }
}
