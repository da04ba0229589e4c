//! The copy ahead of a move: what may be large, the properties and the game's state, goes to the target in pieces
//! while the room still runs, so that the baton holds only what has changed since. The target puts the pieces
//! together in a [`RoomPreload`](super::RoomPreload).

use super::Room;
use super::game::{Game, GameState};
use super::properties::{Properties, entry_bytes};
use super::state::RoomState;
use crate::protocol::time::Time;
use crate::protocol::wire::{Value, fields};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A part of a room, ahead of the baton.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoomPiece {
    /// Counts the pieces of one copy from 0.
    pub number: u64,
    /// Properties.
    pub properties: Vec<(String, Arc<Value>)>,
    /// Properties that have been deleted since an earlier piece.
    pub removed: Vec<String>,
    /// Bytes of the game.
    pub game: Option<GamePiece>,
}

/// Some bytes of a game's snapshot, or of changes to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct GamePiece {
    /// Of changes; else of a snapshot.
    pub changes: bool,
    /// Where they belong in it.
    pub offset: u64,
    /// They are the last ones of it.
    pub last: bool,
    /// The bytes.
    pub bytes: Vec<u8>,
}

fields! {
    RoomPiece { number, properties, removed, game }
    GamePiece { changes, offset, last, bytes }
}

impl crate::protocol::wire::Item<'_> for RoomPiece {}

/// How far the copy of the game's state is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum GameCopy {
    /// All of it has still to go.
    Due,
    /// It is on its way.
    Passing { changes: bool, bytes: Vec<u8>, at: usize },
    /// The target has it, as it was when it was taken.
    Passed,
}

/// How far a copy is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Copying {
    /// Pieces made.
    pieces: u64,
    /// The first round goes through all properties: behind which key it goes on. `None`: it is through.
    sweep: Option<Option<String>>,
    /// Properties that this round has still to hand out besides.
    due: BTreeSet<String>,
    /// Properties that have changed since their piece was made.
    dirty: BTreeSet<String>,
    game: GameCopy,
    /// The game has changed since its bytes were taken.
    game_dirty: bool,
}

impl Copying {
    fn new() -> Self {
        Self {
            pieces: 0,
            sweep: Some(None),
            due: BTreeSet::new(),
            dirty: BTreeSet::new(),
            game: GameCopy::Due,
            game_dirty: false,
        }
    }

    /// This property has changed. What has still to be handed out goes as it is then.
    pub(super) fn touch(&mut self, key: &str) {
        if !self.is_due(key) {
            self.dirty.insert(key.to_owned());
        }
    }

    fn is_due(&self, key: &str) -> bool {
        let swept = match &self.sweep {
            Some(Some(at)) => key <= at.as_str(),
            Some(None) => false,
            None => true,
        };
        !swept || self.due.contains(key)
    }

    pub(super) fn touch_game(&mut self) {
        self.game_dirty = true;
    }

    /// It is another object, which knows nothing of what was taken of the old one.
    pub(super) fn replace_game(&mut self) {
        self.game = GameCopy::Due;
        self.game_dirty = false;
    }

    /// Appends properties that are due, until there are so many bytes. Says how many there are.
    fn take_properties(&mut self, piece: &mut RoomPiece, properties: &Properties, bytes_max: usize) -> usize {
        let mut bytes = 0;
        while bytes < bytes_max
            && let Some(key) = self.due.pop_first()
        {
            if let Some(value) = properties.share(&key) {
                bytes += entry_bytes(&key, &value);
                piece.properties.push((key, value));
            } else {
                bytes += removed_bytes(&key);
                piece.removed.push(key);
            }
        }
        while bytes < bytes_max
            && let Some(at) = &mut self.sweep
        {
            let Some((key, value)) = properties.behind(at.as_deref()).next() else {
                self.sweep = None;
                break;
            };
            *at = Some(key.clone());
            bytes += entry_bytes(key, value);
            piece.properties.push((key.clone(), value.clone()));
        }
        bytes
    }

    /// Takes the game's bytes if they are due, and gives the next `room` of them.
    fn take_game(&mut self, game: &mut Game, room: usize) -> Option<GamePiece> {
        if self.game == GameCopy::Due && !game.is_behind() {
            let bytes = game.snapshot()?.into_owned();
            self.begin_game(game, false, bytes);
        }
        let GameCopy::Passing { changes, bytes, at } = &mut self.game else { return None };
        let end = bytes.len().min(*at + room);
        let (offset, last) = (*at as u64, end == bytes.len());
        let piece = GamePiece { changes: *changes, offset, last, bytes: bytes[*at..end].to_vec() };
        *at = end;
        if last {
            self.game = GameCopy::Passed;
        }
        Some(piece)
    }

    fn begin_game(&mut self, game: &mut Game, changes: bool, bytes: Vec<u8>) {
        if let Some(game) = game.awake_mut() {
            game.begin_changes();
        }
        self.game_dirty = false;
        self.game = GameCopy::Passing { changes, bytes, at: 0 };
    }

    /// The game as the baton holds it.
    fn rest_of_game(&self, game: &Game) -> GameState {
        if self.game != GameCopy::Passed {
            return game.export();
        }
        if !self.game_dirty {
            return GameState::Copied;
        }
        let changes = game.awake().and_then(|game| game.changes());
        changes.map_or_else(|| game.export(), GameState::Changed)
    }

    /// How many bytes that is.
    fn rest_of_game_bytes(&self, game: &Game) -> usize {
        if self.game != GameCopy::Passed {
            return game.bytes();
        }
        if !self.game_dirty {
            return 0;
        }
        let changes = game.awake().and_then(|game| game.changes());
        changes.map_or_else(|| game.bytes(), |changes| changes.len())
    }

    /// Everything that the target does not have: properties that are due or have changed.
    fn rest<'a>(&'a self, properties: &'a Properties) -> BTreeSet<&'a str> {
        let changed = self.due.iter().chain(&self.dirty).map(String::as_str);
        let unswept = self.sweep.as_ref().map(|at| properties.behind(at.as_deref()));
        changed.chain(unswept.into_iter().flatten().map(|(key, _)| key.as_str())).collect()
    }
}

/// What the name of a deleted property counts.
fn removed_bytes(key: &str) -> usize {
    key.len() + 2
}

impl Room {
    /// Begins a copy: everything goes out, in pieces.
    pub fn begin_copy(&mut self) {
        self.copying = Some(Copying::new());
    }

    /// The next piece of this round, of about so many bytes: at the least one property, or one byte of the game's
    /// state. `None`: all of it has been handed out.
    pub fn next_piece(&mut self, bytes_max: usize) -> Option<RoomPiece> {
        let bytes_max = bytes_max.max(1);
        let copying = self.copying.as_mut()?;
        let mut piece = RoomPiece { number: copying.pieces, ..RoomPiece::default() };
        let bytes = copying.take_properties(&mut piece, &self.properties, bytes_max);
        if bytes < bytes_max {
            piece.game = copying.take_game(&mut self.game, bytes_max - bytes);
        }
        if bytes == 0 && piece.game.is_none() {
            return None;
        }
        copying.pieces += 1;
        Some(piece)
    }

    /// About how many bytes of properties and game the baton would hold now. Once a round is through, this is what
    /// has changed since its piece was made.
    pub fn dirty_bytes(&self) -> usize {
        let Some(copying) = &self.copying else { return self.state_bytes() };
        let rest = copying.rest(&self.properties);
        let bytes_of = |key: &str| self.properties.bytes_of(key).max(removed_bytes(key));
        rest.into_iter().map(bytes_of).sum::<usize>() + copying.rest_of_game_bytes(&self.game)
    }

    /// Begins to hand out what has changed since its piece was made.
    pub fn next_round(&mut self) {
        let Some(copying) = &mut self.copying else { return };
        copying.due.append(&mut copying.dirty);
        if copying.game == GameCopy::Passed && copying.game_dirty {
            match self.game.awake().and_then(|game| game.changes()) {
                Some(changes) => copying.begin_game(&mut self.game, true, changes),
                None => copying.replace_game(),
            }
        }
    }

    /// The room as the baton holds it: without what was copied ahead and has not changed since.
    pub fn export_for_baton(&self, now: Time) -> RoomState {
        let Some(copying) = &self.copying else { return self.export(now) };
        let mut state = RoomState {
            ahead: true,
            pieces: copying.pieces,
            game: copying.rest_of_game(&self.game),
            ..self.export_small(now)
        };
        for key in copying.rest(&self.properties) {
            match self.properties.share(key) {
                Some(value) => state.properties.push((key.to_owned(), value)),
                None => state.removed.push(key.to_owned()),
            }
        }
        state
    }

    /// The move for which the room was copied ahead has ended.
    pub fn forget_copy(&mut self) {
        if self.copying.take().is_some()
            && let Some(game) = self.game.awake_mut()
        {
            game.end_changes();
        }
    }
}
