//! The target's side of a copy ahead of a move: puts a room together from its pieces and its baton.

use super::copy::{GamePiece, RoomPiece};
use super::game::{Game, GameError, GameState, RoomGame};
use super::properties::Properties;
use super::state::RoomState;
use super::{Room, RoomSettings};
use crate::protocol::time::Time;
use crate::protocol::wire::DecodeError;
use std::sync::Arc;

/// The pieces of one copy of a room that have come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoomPreload {
    /// Pieces that have come.
    pieces: u64,
    /// A piece is missing: the copy is of no use.
    torn: bool,
    properties: Properties,
    game: Game,
    /// The game's bytes that are on their way.
    coming: Vec<u8>,
}

impl RoomPreload {
    /// A piece has come. One that comes again says nothing new; one is missing if its number is skipped.
    pub fn add(&mut self, piece: RoomPiece) {
        if piece.number != self.pieces {
            self.torn |= piece.number > self.pieces;
            return;
        }
        self.pieces += 1;
        for (key, value) in piece.properties {
            self.properties.set(&key, value);
        }
        for key in piece.removed {
            self.properties.delete(&key);
        }
        if let Some(piece) = piece.game {
            self.add_game(piece);
        }
    }

    fn add_game(&mut self, piece: GamePiece) {
        if piece.offset == 0 {
            self.coming.clear();
        }
        if piece.offset != self.coming.len() as u64 || (piece.changes && self.game.is_none()) {
            self.torn = true;
            return;
        }
        self.coming.extend(piece.bytes);
        if !piece.last {
            return;
        }
        let bytes = std::mem::take(&mut self.coming);
        if piece.changes {
            self.game.come(bytes);
        } else {
            self.game = Game::dormant(bytes, Vec::new());
        }
    }

    /// Has the application make an object of what has come of the game, if all of its snapshot has, and brings it
    /// up to date. Called before the baton comes, it takes that work out of the gap of the move; called again
    /// later, it only does what is left.
    pub fn wake_game(
        &mut self,
        restore: impl FnOnce(&[u8]) -> Result<Box<dyn RoomGame>, GameError>,
    ) -> Result<(), GameError> {
        self.game.wake(restore)
    }

    /// Bytes that have come.
    pub fn bytes(&self) -> usize {
        self.properties.bytes() + self.game.bytes() + self.coming.len()
    }

    /// Whether [`into_room`](Self::into_room) will succeed: another node's bytes never reach an assertion.
    pub fn fits(&self, state: &RoomState) -> bool {
        self.check(state).is_ok()
    }

    fn check(&self, state: &RoomState) -> Result<(), DecodeError> {
        state.check()?;
        let needs_copy = matches!(state.game, GameState::Copied | GameState::Changed(_));
        if state.ahead && (self.torn || self.pieces != state.pieces) {
            return Err(DecodeError::Truncated("copy ahead"));
        }
        if needs_copy && (!state.ahead || self.game.is_none()) {
            return Err(DecodeError::OutOfRange("game"));
        }
        Ok(())
    }

    /// The room: the baton laid over the pieces or, if nothing was copied ahead of it, the baton alone. If the game
    /// is dormant then, [`Room::wake_game`] does what is left of that work.
    pub fn into_room(
        self,
        mut state: RoomState,
        settings: Arc<RoomSettings>,
        now: Time,
    ) -> Result<Room, DecodeError> {
        self.check(&state)?;
        let (mut properties, mut copied) = (Properties::default(), Game::default());
        if state.ahead {
            (properties, copied) = (self.properties, self.game);
        }
        for key in std::mem::take(&mut state.removed) {
            properties.delete(&key);
        }
        for (key, value) in std::mem::take(&mut state.properties) {
            properties.set(&key, value);
        }
        let game = match std::mem::take(&mut state.game) {
            GameState::None => Game::default(),
            GameState::Whole { snapshot, changes } => Game::dormant(snapshot, changes),
            GameState::Copied => copied,
            GameState::Changed(changes) => {
                copied.come(changes);
                copied
            }
        };
        Ok(state.into_room(properties, game, settings, now))
    }
}
