use super::{Delta, Logged, Serde};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use sterna::protocol::ids::CohortId;
use sterna::protocol::room::wire::RoomOptions;
use sterna::protocol::room::{GameError, GameState, Room, RoomGame, RoomPreload, RoomSettings};
use sterna::protocol::time::Time;

/// A bit of everything that a game keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Match {
    round: u32,
    scores: BTreeMap<String, i64>,
    wind: f64,
    map: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
enum Happening {
    Scored { who: String, points: i64 },
    RoundOver,
}

impl Delta for Match {
    type Change = Happening;

    fn apply(&mut self, change: &Happening) {
        match change {
            Happening::Scored { who, points } => *self.scores.entry(who.clone()).or_default() += points,
            Happening::RoundOver => self.round += 1,
        }
    }
}

fn game() -> Match {
    let scores = [("ann".to_owned(), -3), ("bob № 2".to_owned(), i64::MAX)];
    Match { round: 7, scores: scores.into(), wind: -0.0, map: vec![9; 100_000] }
}

fn scored(points: i64) -> Happening {
    Happening::Scored { who: "ann".into(), points }
}

fn room(game: Box<dyn RoomGame>) -> Room {
    let options = RoomOptions { members_max: 2, ..RoomOptions::default() };
    let mut room =
        Room::new(CohortId(1), options, Arc::new(RoomSettings::default()), Time::default()).unwrap();
    room.set_game(Some(game)).unwrap();
    room
}

/// Hands out the copy's pieces until nothing is left of this round.
fn copy(room: &mut Room, preload: &mut RoomPreload) {
    while let Some(piece) = room.next_piece(1000) {
        preload.add(piece);
    }
}

type Restored = Result<Box<dyn RoomGame>, GameError>;

/// The room as it is at the target once it has the baton, and how large the game in the baton was.
fn pass(room: &Room, preload: RoomPreload, restore: fn(&[u8]) -> Restored) -> (Room, usize) {
    let baton = room.export_for_baton(Time::default());
    let bytes = match &baton.game {
        GameState::None | GameState::Copied => 0,
        GameState::Whole { snapshot, .. } => snapshot.len(),
        GameState::Changed(changes) => changes.len(),
    };
    let settings = Arc::new(RoomSettings::default());
    let mut arrived = preload.into_room(baton, settings, Time::default()).unwrap();
    arrived.wake_game(restore).unwrap();
    (arrived, bytes)
}

fn logged(room: &mut Room) -> &mut Logged<Match> {
    room.game_mut().unwrap().as_any_mut().downcast_mut().unwrap()
}

fn state(room: &Room) -> &Match {
    let game = room.game().unwrap().as_any();
    let whole = game.downcast_ref::<Serde<Match>>().map(Serde::get);
    whole.or_else(|| game.downcast_ref::<Logged<Match>>().map(Logged::get)).unwrap()
}

#[test]
fn a_state_comes_back_as_it_was() {
    let whole = Serde::new(game());
    let restored = Serde::<Match>::restore(&whole.snapshot()).unwrap();
    let restored: &Serde<Match> = restored.as_any().downcast_ref().unwrap();
    assert_eq!(restored.get(), whole.get());
    assert_eq!(restored.get().wind.to_bits(), (-0.0f64).to_bits());
    assert_eq!(restored.snapshot(), whole.snapshot());
}

#[test]
fn its_length_is_known_also_after_it_has_changed() {
    let mut whole = Serde::new(game());
    assert_eq!(whole.snapshot_bytes(), whole.snapshot().len());
    whole.get_mut().map.truncate(10);
    assert_eq!(whole.snapshot_bytes(), whole.snapshot().len());
    assert!(whole.snapshot_bytes() < 100);
}

#[test]
fn bytes_of_another_state_are_refused_with_the_reason() {
    let whole = Serde::new(game()).snapshot();
    let torn = Serde::<Match>::restore(&whole[..whole.len() - 1]).unwrap_err();
    assert!(torn.reason.contains("are not of this state"), "{torn}");
    let longer = Serde::<Match>::restore(&[&whole[..], &[0]].concat()).unwrap_err();
    assert!(longer.reason.contains("1 bytes too many"), "{longer}");
    let mut game = Logged::new(game());
    assert!(RoomGame::apply(&mut game, &[250]).is_err());
    assert!(RoomGame::apply(&mut Serde::new(Match::default()), &[]).is_err());
}

#[test]
fn changes_made_elsewhere_lead_to_an_equal_state() {
    let mut here = Logged::new(game());
    let mut there = Logged::<Match>::restore(&here.snapshot()).unwrap();
    here.begin_changes();
    here.change(&scored(5));
    here.change(&Happening::RoundOver);
    here.change(&scored(-1));
    let changes = here.changes().unwrap();
    assert!(changes.len() < 20, "{} bytes", changes.len());
    there.apply(&changes).unwrap();
    assert_eq!(there.snapshot(), here.snapshot());
    assert_eq!((here.get().round, here.get().scores["ann"]), (8, 1));
}

#[test]
fn nothing_is_noted_unless_a_copy_is_under_way() {
    let mut game = Logged::new(game());
    game.change(&scored(5));
    assert_eq!(game.changes(), None);
    game.begin_changes();
    assert_eq!(game.changes(), Some(Vec::new()));
    game.change(&scored(5));
    game.end_changes();
    assert_eq!(game.changes(), None);
}

#[test]
fn more_changes_than_state_are_given_up() {
    let mut game = Logged::new(Match::default());
    game.begin_changes();
    for _ in 0..game.snapshot_bytes() + 1 {
        game.change(&Happening::RoundOver);
    }
    assert_eq!(game.changes(), None);
    game.begin_changes();
    game.replace(Match::default());
    assert_eq!(game.changes(), None);
}

#[test]
fn a_state_that_is_copied_ahead_while_it_changes_arrives_as_it_is() {
    let mut room = room(Logged::<Match>::boxed(game()));
    let mut preload = RoomPreload::default();
    room.begin_copy();
    preload.add(room.next_piece(1000).unwrap());
    logged(&mut room).change(&scored(1)); // while its first bytes are on their way
    copy(&mut room, &mut preload);
    preload.wake_game(Logged::<Match>::restore).unwrap();
    logged(&mut room).change(&scored(2));
    room.next_round();
    logged(&mut room).change(&Happening::RoundOver); // behind what the second round took
    copy(&mut room, &mut preload);
    logged(&mut room).change(&scored(3)); // behind the copy
    let (arrived, bytes) = pass(&room, preload, Logged::<Match>::restore);
    assert_eq!(state(&arrived), state(&room));
    assert_eq!((state(&arrived).round, state(&arrived).scores["ann"]), (8, 3));
    assert!(bytes < 20, "{bytes} bytes of the game were in the baton");
}

#[test]
fn a_whole_state_is_not_in_the_baton_unless_it_has_changed() {
    let mut room = room(Serde::<Match>::boxed(game()));
    let mut preload = RoomPreload::default();
    room.begin_copy();
    copy(&mut room, &mut preload);
    let (arrived, bytes) = pass(&room, preload.clone(), Serde::<Match>::restore);
    assert_eq!((state(&arrived), bytes), (state(&room), 0));
    let changed = room.game_mut().unwrap().as_any_mut().downcast_mut::<Serde<Match>>().unwrap();
    changed.get_mut().round += 1;
    let (arrived, bytes) = pass(&room, preload, Serde::<Match>::restore);
    assert_eq!(state(&arrived), state(&room));
    assert_eq!(bytes, room.game().unwrap().snapshot_bytes());
}
