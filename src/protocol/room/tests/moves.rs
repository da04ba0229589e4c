//! A room as bytes, its game, and its copy ahead of a move.

use super::super::game::{GameError, GameState, RoomGame};
use super::super::preload::RoomPreload;
use super::super::state::RoomState;
use super::*;
use crate::protocol::wire::{Field, Reader};
use std::any::Any;

/// A game that only ever adds to a book.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    pub(super) entries: Vec<u8>,
    /// Where the changes begin, if it notes any.
    noted_from: Option<usize>,
    /// It does not know what has changed.
    pub(super) forgetful: bool,
}

impl RoomGame for Book {
    fn snapshot(&self) -> Vec<u8> {
        self.entries.clone()
    }
    fn begin_changes(&mut self) {
        self.noted_from = (!self.forgetful).then_some(self.entries.len());
    }
    fn changes(&self) -> Option<Vec<u8>> {
        self.noted_from.map(|from| self.entries[from..].to_vec())
    }
    fn end_changes(&mut self) {
        self.noted_from = None;
    }
    fn apply(&mut self, changes: &[u8]) -> Result<(), GameError> {
        if changes.contains(&0) {
            return Err(GameError { reason: "an entry is zero".into() });
        }
        self.entries.extend(changes);
        Ok(())
    }
    fn boxed_clone(&self) -> Box<dyn RoomGame> {
        Box::new(self.clone())
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

pub(super) fn open(bytes: &[u8]) -> Result<Box<dyn RoomGame>, GameError> {
    let mut book = Book::default();
    book.apply(bytes)?;
    Ok(Box::new(book))
}

pub(super) fn write(room: &mut Room, entry: u8) {
    if let Some(book) = room.game_mut().and_then(|game| game.as_any_mut().downcast_mut::<Book>()) {
        book.entries.push(entry);
    }
}

pub(super) fn settings() -> Arc<RoomSettings> {
    Arc::new(RoomSettings::default())
}

/// The state as the other end reads it.
pub(super) fn sent<T: for<'a> Field<'a>>(state: &T) -> T {
    let mut bytes = Vec::new();
    state.put(&mut bytes);
    let mut reader = Reader::new(&bytes);
    let read = reader.field().expect("what was written can be read");
    reader.finish().expect("all of it was read");
    read
}

/// A room with something of everything.
pub(super) fn furnished() -> Table {
    let mut table = Table::of(3, RoomOptions { interval_ms: 50, ..options() });
    table.set("level", 7);
    table.set("score", 1);
    table.sync(1, "x", b"1").unwrap();
    table.at(50);
    table.sync(2, "x", b"").unwrap();
    table.say(1, Scope::All, "waits");
    table.say(1, Scope::Members(vec![MemberId(2)]), "whispered");
    table.room.admit(SessionId(4), "user-4").unwrap();
    table.ask(1, RoomRequest::Reserve { users: vec!["user-1".into()] });
    table.ask(1, RoomRequest::Kick { member: MemberId(3) });
    table.room.set_timer(Some(ms(80)));
    table.room.set_pending_migrate(Some((MemberId(1), 77)));
    let book = Book { entries: vec![1, 2, 3], ..Book::default() };
    table.room.set_game(Some(Box::new(book))).unwrap();
    table
}

#[test]
fn a_room_goes_on_from_its_bytes() {
    let table = furnished();
    let mut room = Room::restore(sent(&table.room.export(ms(60))), settings(), ms(60)).unwrap();
    assert_eq!(room, table.room);
    assert!(room.is_game_dormant() && room.game().is_none() && room.game_mut().is_none());
    room.wake_game(open).unwrap();
    assert_eq!((room.game().is_some(), &room), (true, &table.room));
    // On another clock, times are as far away as they were.
    let elsewhere = Room::restore(table.room.export(ms(60)), settings(), ms(5060)).unwrap();
    assert_eq!((elsewhere.timer(), elsewhere.poll_timeout()), (Some(ms(5080)), Some(ms(5100))));
    let mut there = Table { room: elsewhere, mail: Mail::default(), now: ms(5060) };
    there.at(5100);
    assert_eq!(there.mail.texts(1), ["waits"]);
    assert_eq!(there.mail.heard(2), [Heard::Synced(2, "x".into(), Vec::new())], "it has heard the rest");
    assert_eq!(there.leaving(), [(3, ExitReason::Kicked)]);
    assert!(there.room.take_due_timer(ms(5100)) && !there.room.take_due_timer(ms(5100)));
}

#[test]
fn who_had_to_go_where_the_room_came_from_has_to_go_here() {
    let mut table = furnished();
    assert_eq!(table.leaving(), [(3, ExitReason::Kicked)]);
    let room = Room::restore(table.room.export(ms(60)), settings(), ms(60)).unwrap();
    let mut there = Table { room, ..table };
    assert_eq!(there.leaving(), [(3, ExitReason::Kicked)]);
}

#[test]
fn the_request_to_move_is_forgotten_with_the_one_who_asked() {
    let mut table = furnished();
    table.exit(2, ExitReason::Left);
    assert_eq!(table.room.pending_migrate(), Some((MemberId(1), 77)));
    table.exit(1, ExitReason::Disconnected);
    assert_eq!(table.room.pending_migrate(), None);
}

#[test]
fn bytes_that_no_room_wrote_make_no_room() {
    type Harm = fn(&mut RoomState);
    let broken: &[(&str, Harm)] = &[
        ("no members' order", |state| state.members.swap(0, 1)),
        ("a member twice", |state| state.members[1] = state.members[0].clone()),
        ("a session twice", |state| state.members[1].session = state.members[0].session),
        ("a user twice", |state| state.held[0].1 = "user-1".into()),
        ("a number of nobody", |state| state.members[0].member = MemberId(0)),
        ("a number to come", |state| state.next = MemberId(3)),
        ("too many", |state| state.options.members_max = 3),
        ("too many places kept", |state| state.reserved.push("another".into())),
        ("no owner", |state| state.owner = None),
        ("a stranger as owner", |state| state.owner = Some(MemberId(9))),
        ("a stranger leaves", |state| state.leaving[0].0 = MemberId(9)),
        ("one leaves twice", |state| state.leaving.push(state.leaving[0])),
        ("one who misses something stays", |state| state.members[0].deaf = true),
        ("broadcasts that end too early", |state| state.merged.truncate(3)),
        ("more than there is", |state| state.merged_got[0].1 += 1),
        ("what waits waits for ever", |state| state.flush_us = None),
        ("a wait for nothing", |state| (state.merged, state.sync_changes) = (Vec::new(), Vec::new())),
        ("changes of nothing", |state| state.game = GameState::Changed(vec![1])),
        ("a copy of nothing", |state| state.game = GameState::Copied),
        ("what was not copied ahead", |state| state.ahead = true),
        ("deleted from nothing", |state| state.removed.push("level".into())),
        ("first properties", |state| state.options.properties.push(("k".into(), Value::Integer(1)))),
    ];
    let state = furnished().room.export(ms(60));
    assert!(RoomPreload::default().fits(&state));
    for (what, change) in broken {
        let mut state = state.clone();
        change(&mut state);
        assert!(!RoomPreload::default().fits(&state) || state.ahead, "{what}");
        assert!(Room::restore(state, settings(), ms(60)).is_err(), "{what}");
    }
}

#[test]
fn only_what_changed_since_the_copy_travels_with_the_baton() {
    let mut table = furnished();
    for number in 0..40 {
        table.set(&format!("n-{number:02}"), number);
    }
    let room = &mut table.room;
    room.begin_copy();
    let mut preload = RoomPreload::default();
    for _ in 0..3 {
        preload.add(sent(&room.next_piece(200).unwrap()));
    }
    table.set("level", 8); // its piece is out
    table.set("zzz", 9); // its piece is not made yet
    let room = &mut table.room;
    while let Some(piece) = room.next_piece(200) {
        preload.add(sent(&piece));
    }
    preload.wake_game(open).unwrap();
    assert_eq!(room.dirty_bytes(), "level".len() + 8 + 16);
    room.next_round();
    let piece = room.next_piece(200).unwrap();
    assert_eq!(piece.properties, [("level".to_owned(), Arc::new(Value::Integer(8)))]);
    preload.add(piece);
    assert_eq!((room.next_piece(200), room.dirty_bytes()), (None, 0));
    table.ask(0, RoomRequest::Delete { key: "level".into() });
    write(&mut table.room, 4);
    let state = table.room.export_for_baton(ms(60));
    assert_eq!((&state.properties[..], &state.removed[..]), (&[][..], &["level".to_owned()][..]));
    assert_eq!(state.game, GameState::Changed(vec![4]));
    assert!(preload.fits(&sent(&state)) && !RoomPreload::default().fits(&state));
    let mut there = preload.into_room(state, settings(), ms(60)).unwrap();
    assert!(there.is_game_dormant(), "the baton's changes are still to be applied");
    there.wake_game(|_| unreachable!("it was woken before the baton came")).unwrap();
    table.room.forget_copy();
    assert_eq!(there, table.room);
    assert!(!table.room.export_for_baton(ms(60)).ahead);
}

#[test]
fn a_game_that_cannot_tell_its_changes_travels_whole() {
    let mut table = furnished();
    let book = Book { entries: vec![5], forgetful: true, ..Book::default() };
    table.room.set_game(Some(Box::new(book))).unwrap();
    table.room.begin_copy();
    let mut preload = RoomPreload::default();
    std::iter::from_fn(|| table.room.next_piece(1000)).for_each(|piece| preload.add(piece));
    assert_eq!(table.room.export_for_baton(ms(60)).game, GameState::Copied, "it has not changed");
    write(&mut table.room, 6);
    let whole = GameState::Whole { snapshot: vec![5, 6], changes: Vec::new() };
    let state = table.room.export_for_baton(ms(60));
    assert_eq!(state.game, whole);
    table.room.next_round();
    std::iter::from_fn(|| table.room.next_piece(1)).for_each(|piece| preload.add(piece));
    let state = table.room.export_for_baton(ms(60));
    assert_eq!(state.game, GameState::Copied);
    // Another object knows nothing of what was copied of this one.
    table.room.set_game(Some(Box::new(Book::default()))).unwrap();
    let whole = GameState::Whole { snapshot: Vec::new(), changes: Vec::new() };
    assert_eq!(table.room.export_for_baton(ms(60)).game, whole);
    table.room.set_game(None).unwrap();
    assert_eq!(table.room.export_for_baton(ms(60)).game, GameState::None);
    assert!(preload.fits(&state));
}

#[test]
fn a_copy_with_a_piece_missing_is_of_no_use() {
    let mut table = furnished();
    table.room.begin_copy();
    let pieces: Vec<_> = std::iter::from_fn(|| table.room.next_piece(10)).collect();
    let state = table.room.export_for_baton(ms(60));
    assert!(pieces.len() > 2);
    for missing in 0..pieces.len() {
        let mut preload = RoomPreload::default();
        for piece in pieces.iter().filter(|piece| piece.number != missing as u64) {
            preload.add(piece.clone());
        }
        assert!(!preload.fits(&state), "without piece {missing}");
        assert!(preload.clone().into_room(state.clone(), settings(), ms(60)).is_err());
        assert!(preload.fits(&table.room.export(ms(60))), "a whole baton needs no pieces");
    }
    let mut preload = RoomPreload::default();
    for piece in pieces.iter().chain(&pieces) {
        preload.add(piece.clone());
    }
    assert!(preload.fits(&state), "a piece that comes twice says nothing new");
}

#[test]
fn a_game_that_cannot_be_restored_stays_as_bytes() {
    let mut table = furnished();
    table.room.set_game(Some(Box::new(Book { entries: vec![0], ..Book::default() }))).unwrap();
    let mut room = Room::restore(table.room.export(ms(60)), settings(), ms(60)).unwrap();
    let error = room.wake_game(open).unwrap_err();
    assert_eq!(error, GameError { reason: "an entry is zero".into() });
    assert!(room.is_game_dormant());
    assert_eq!(room.export(ms(60)), table.room.export(ms(60)));
}

#[test]
fn a_game_counts_against_the_limit_of_the_room() {
    let mut table = Table::of(1, options());
    let book = |bytes: usize| Some(Book { entries: vec![1; bytes], ..Book::default() }.boxed_clone());
    assert_eq!(table.room.set_game(book((1 << 20) + 1)), Err(RoomRefusal::StateTooLarge));
    assert!(table.room.game().is_none());
    assert_eq!(table.room.set_game(book((1 << 20) - 25)), Ok(()));
    let set = |key: &str| RoomRequest::Set { key: key.into(), value: Value::Integer(1) };
    assert_eq!(table.refusal(1, set("kk")), Some(RoomRefusal::StateTooLarge));
    assert_eq!(table.refusal(1, set("k")), None);
    assert_eq!(table.room.state_bytes(), 1 << 20);
    assert_eq!(table.room.set_game(None), Ok(()));
    assert_eq!(table.refusal(1, set("kk")), None);
}
