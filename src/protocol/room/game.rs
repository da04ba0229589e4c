//! What the server application keeps of a room beyond its properties: an object of its own, of which the room knows
//! only how it becomes bytes. After a move or a crash it is bytes until the application has made an object of them.

use super::Room;
use crate::protocol::reasons::RoomRefusal;
use crate::protocol::wire::{DecodeError, Field, Reader};
use std::any::Any;
use std::borrow::Cow;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};

/// The server application's state of a room.
pub trait RoomGame: Debug + Send + Sync + 'static {
    /// All of it. Equal states give equal bytes.
    fn snapshot(&self) -> Vec<u8>;

    /// How many bytes [`snapshot`](Self::snapshot) gives. It is asked whenever a property changes, so a game with
    /// much state had better know it.
    fn snapshot_bytes(&self) -> usize {
        self.snapshot().len()
    }

    /// A snapshot, or the changes, have been taken for a copy: note changes from here on.
    fn begin_changes(&mut self) {}

    /// What has changed since then; `None`: that is not known, and all of it travels.
    fn changes(&self) -> Option<Vec<u8>> {
        None
    }

    /// The copy is not needed any more, and neither are changes.
    fn end_changes(&mut self) {}

    /// Changes of an equal state come in.
    fn apply(&mut self, changes: &[u8]) -> Result<(), GameError>;

    /// A copy of it.
    fn boxed_clone(&self) -> Box<dyn RoomGame>;

    /// As the application's own type.
    fn as_any(&self) -> &dyn Any;

    /// As the application's own type.
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

/// The server application cannot go on from the bytes of a game.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state of the room's game cannot be restored: {reason}")]
pub struct GameError {
    /// Why, in the application's words.
    pub reason: String,
}

/// A room's game as bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum GameState {
    /// There is none.
    #[default]
    None,
    /// All of it.
    Whole {
        /// The object's bytes,
        snapshot: Vec<u8>,
        /// and changes that came after, in order, if no object has been made of them yet.
        changes: Vec<Vec<u8>>,
    },
    /// What was copied ahead.
    Copied,
    /// What was copied ahead, and these changes.
    Changed(Vec<u8>),
}

impl Field<'_> for GameState {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::None => out.push(0),
            Self::Whole { snapshot, changes } => {
                out.push(1);
                snapshot.put(out);
                changes.put(out);
            }
            Self::Copied => out.push(2),
            Self::Changed(changes) => {
                out.push(3);
                changes.put(out);
            }
        }
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.field::<u8>()? {
            0 => Self::None,
            1 => Self::Whole { snapshot: reader.field()?, changes: reader.field()? },
            2 => Self::Copied,
            3 => Self::Changed(reader.field()?),
            _ => return Err(DecodeError::OutOfRange("game")),
        })
    }
}

/// What there is of a game.
#[derive(Debug, Default)]
enum Base {
    #[default]
    None,
    Dormant(Vec<u8>),
    Awake(Box<dyn RoomGame>),
}

impl Clone for Base {
    fn clone(&self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Dormant(snapshot) => Self::Dormant(snapshot.clone()),
            Self::Awake(game) => Self::Awake(game.boxed_clone()),
        }
    }
}

/// A room's game. Two are equal if their bytes are, whether there is an object or not.
#[derive(Clone, Debug, Default)]
pub(super) struct Game {
    base: Base,
    /// Changes that have come after it.
    behind: Vec<Vec<u8>>,
}

impl PartialEq for Game {
    fn eq(&self, other: &Self) -> bool {
        self.snapshot() == other.snapshot() && self.behind == other.behind
    }
}

impl Eq for Game {}

impl Hash for Game {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.snapshot().hash(state);
        self.behind.hash(state);
    }
}

impl Game {
    /// An object's bytes, and changes that have come after them.
    pub(super) fn dormant(snapshot: Vec<u8>, behind: Vec<Vec<u8>>) -> Self {
        Self { base: Base::Dormant(snapshot), behind }
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self.base, Base::None)
    }

    pub(super) fn snapshot(&self) -> Option<Cow<'_, [u8]>> {
        match &self.base {
            Base::None => None,
            Base::Dormant(snapshot) => Some(snapshot.into()),
            Base::Awake(game) => Some(game.snapshot().into()),
        }
    }

    /// How many bytes it would travel as.
    pub(super) fn bytes(&self) -> usize {
        let base = match &self.base {
            Base::None => 0,
            Base::Dormant(snapshot) => snapshot.len(),
            Base::Awake(game) => game.snapshot_bytes(),
        };
        base + self.behind.iter().map(Vec::len).sum::<usize>()
    }

    /// Changes have come.
    pub(super) fn come(&mut self, changes: Vec<u8>) {
        self.behind.push(changes);
    }

    /// Whether changes have come that the object does not know of.
    pub(super) fn is_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// The object, if there is one and it is up to date.
    pub(super) fn awake(&self) -> Option<&dyn RoomGame> {
        match &self.base {
            Base::Awake(game) if self.behind.is_empty() => Some(game.as_ref()),
            Base::None | Base::Dormant(_) | Base::Awake(_) => None,
        }
    }

    pub(super) fn awake_mut(&mut self) -> Option<&mut dyn RoomGame> {
        match &mut self.base {
            Base::Awake(game) if self.behind.is_empty() => Some(game.as_mut()),
            Base::None | Base::Dormant(_) | Base::Awake(_) => None,
        }
    }

    /// Makes an object of bytes, unless there is one, and brings it up to date.
    pub(super) fn wake(
        &mut self,
        restore: impl FnOnce(&[u8]) -> Result<Box<dyn RoomGame>, GameError>,
    ) -> Result<(), GameError> {
        if let Base::Dormant(snapshot) = &self.base {
            self.base = Base::Awake(restore(snapshot)?);
        }
        if let Base::Awake(game) = &mut self.base {
            while let Some(changes) = self.behind.first() {
                game.apply(changes)?;
                self.behind.remove(0);
            }
        }
        Ok(())
    }

    pub(super) fn export(&self) -> GameState {
        match self.snapshot() {
            Some(snapshot) => {
                GameState::Whole { snapshot: snapshot.into_owned(), changes: self.behind.clone() }
            }
            None => GameState::None,
        }
    }
}

impl Room {
    /// The application's object; `None`: there is none, or [`wake_game`](Self::wake_game) has not been called.
    pub fn game(&self) -> Option<&dyn RoomGame> {
        self.game.awake()
    }

    /// The same, to change it.
    pub fn game_mut(&mut self) -> Option<&mut dyn RoomGame> {
        let game = self.game.awake_mut()?;
        self.unsaved = true;
        if let Some(copying) = &mut self.copying {
            copying.touch_game();
        }
        Some(game)
    }

    /// Sets, replaces or removes the application's object. `Err`: with it the room's state would be over the limit,
    /// and nothing was changed. Growing later is not refused; but nothing that makes the room's state larger is
    /// taken from members then.
    pub fn set_game(&mut self, game: Option<Box<dyn RoomGame>>) -> Result<(), RoomRefusal> {
        let base = game.map_or(Base::None, Base::Awake);
        let game = Game { base, behind: Vec::new() };
        let (before, after) = (self.game.bytes(), game.bytes());
        let limit = self.settings.state_bytes_max;
        if after > before && (self.properties.bytes() + after) as u64 > limit {
            return Err(RoomRefusal::StateTooLarge);
        }
        self.game = game;
        self.unsaved = true;
        if let Some(copying) = &mut self.copying {
            copying.replace_game();
        }
        Ok(())
    }

    /// Whether there are bytes that no object knows of: the room has come from another node, or from a snapshot.
    pub fn is_game_dormant(&self) -> bool {
        !self.game.is_none() && self.game.awake().is_none()
    }

    /// Has the application make an object of the game's bytes, unless there is one already, and brings it up to
    /// date. `Err`: there is no game to go on with; the bytes stay.
    pub fn wake_game(
        &mut self,
        restore: impl FnOnce(&[u8]) -> Result<Box<dyn RoomGame>, GameError>,
    ) -> Result<(), GameError> {
        if !self.is_game_dormant() {
            return Ok(());
        }
        if let Some(copying) = &mut self.copying {
            copying.replace_game();
        }
        self.game.wake(restore)
    }
}
