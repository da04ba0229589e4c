//! A room's own state for games that describe it with serde: wrap it, and it is stored, moved and restored with its
//! room.
//!
//! [`Serde`] takes any state as it is. What changes while it is copied ahead of a move makes all of it travel again, in
//! the gap of the move; that is nothing for some hundred KiB. A game whose state is larger describes what can happen
//! to it ([`Delta`]) and wraps it in [`Logged`]: then only what has happened since travels in the gap.
//!
//! The bytes are [postcard](https://postcard.jamesmunns.com)'s: compact, with a specification that is kept. They do not
//! say what they are, so that whatever changes their meaning (a field more, another order of variants) is a new
//! [`Application::version`](sterna::protocol::application::Application::version), and serde's `untagged`, `flatten` and
//! `skip_serializing_if` cannot be used. Equal states must give equal bytes: keep maps in a `BTreeMap`, not in a
//! `HashMap`.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::fmt::Debug;
use std::sync::OnceLock;
use sterna::protocol::room::{GameError, RoomGame};

/// What can be the state of a room: everything that serde can write and read, and that belongs to nobody else.
pub trait State: Serialize + DeserializeOwned + Clone + Debug + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Clone + Debug + Send + Sync + 'static> State for T {}

/// A state that knows what can happen to it.
pub trait Delta: State {
    /// Something that happens to the state.
    type Change: Serialize + DeserializeOwned;

    /// It happens. It is done on this node and, to an equal state, on the node that the room is on its way to: what it
    /// makes of the state must depend on nothing but the two.
    fn apply(&mut self, change: &Self::Change);
}

/// A room's state that travels as a whole.
#[derive(Clone, Debug)]
pub struct Serde<T> {
    state: T,
    /// How many bytes it is, until it changes: it is asked for far more often.
    bytes: OnceLock<usize>,
}

impl<T: State> Serde<T> {
    /// Wraps a state.
    pub fn new(state: T) -> Self {
        Self { state, bytes: OnceLock::new() }
    }

    /// The same, as [`RoomContext::set_game`](sterna::protocol::application::RoomContext::set_game) wants it.
    pub fn boxed(state: T) -> Box<dyn RoomGame> {
        Box::new(Self::new(state))
    }

    /// The state.
    pub fn get(&self) -> &T {
        &self.state
    }

    /// The same, to change it.
    pub fn get_mut(&mut self) -> &mut T {
        self.bytes.take();
        &mut self.state
    }

    /// What [`Application::restore_room`](sterna::protocol::application::Application::restore_room) has to give.
    pub fn restore(snapshot: &[u8]) -> Result<Box<dyn RoomGame>, GameError> {
        decode(snapshot).map(Self::boxed)
    }
}

impl<T: State> RoomGame for Serde<T> {
    fn snapshot(&self) -> Vec<u8> {
        encode(&self.state)
    }

    fn snapshot_bytes(&self) -> usize {
        *self.bytes.get_or_init(|| encoded_len(&self.state))
    }

    fn apply(&mut self, _: &[u8]) -> Result<(), GameError> {
        Err(GameError { reason: "this state travels as a whole: nobody has noted changes of it".into() })
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

/// A room's state of which only what has happened since its copy travels in the gap of a move.
#[derive(Clone, Debug)]
pub struct Logged<T> {
    whole: Serde<T>,
    /// What has happened since the copy was begun, while there is one.
    log: Option<Log>,
}

#[derive(Clone, Debug)]
enum Log {
    /// These changes, one behind the other.
    Changes(Vec<u8>),
    /// More than the state itself is, or something else than changes: the state travels as a whole.
    Lost,
}

impl<T: Delta> Logged<T> {
    /// Wraps a state.
    pub fn new(state: T) -> Self {
        Self { whole: Serde::new(state), log: None }
    }

    /// The same, as [`RoomContext::set_game`](sterna::protocol::application::RoomContext::set_game) wants it.
    pub fn boxed(state: T) -> Box<dyn RoomGame> {
        Box::new(Self::new(state))
    }

    /// The state. It is changed by [`change`](Self::change).
    pub fn get(&self) -> &T {
        self.whole.get()
    }

    /// Something happens to the state.
    pub fn change(&mut self, change: &T::Change) {
        if let Some(Log::Changes(bytes)) = &mut self.log {
            bytes.extend(encode(change));
            if bytes.len() > self.whole.snapshot_bytes() {
                self.log = Some(Log::Lost);
            }
        }
        self.whole.get_mut().apply(change);
    }

    /// The state becomes another one, by no change that could be noted.
    pub fn replace(&mut self, state: T) {
        self.whole = Serde::new(state);
        if self.log.is_some() {
            self.log = Some(Log::Lost);
        }
    }

    /// What [`Application::restore_room`](sterna::protocol::application::Application::restore_room) has to give.
    pub fn restore(snapshot: &[u8]) -> Result<Box<dyn RoomGame>, GameError> {
        decode(snapshot).map(Self::boxed)
    }
}

impl<T: Delta> RoomGame for Logged<T> {
    fn snapshot(&self) -> Vec<u8> {
        self.whole.snapshot()
    }

    fn snapshot_bytes(&self) -> usize {
        self.whole.snapshot_bytes()
    }

    fn begin_changes(&mut self) {
        self.log = Some(Log::Changes(Vec::new()));
    }

    fn changes(&self) -> Option<Vec<u8>> {
        match &self.log {
            Some(Log::Changes(bytes)) => Some(bytes.clone()),
            Some(Log::Lost) | None => None,
        }
    }

    fn end_changes(&mut self) {
        self.log = None;
    }

    fn apply(&mut self, changes: &[u8]) -> Result<(), GameError> {
        let mut rest = changes;
        while !rest.is_empty() {
            let (change, behind) = postcard::take_from_bytes::<T::Change>(rest).map_err(not_of(rest))?;
            self.change(&change);
            rest = behind;
        }
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

/// # Panics
///
/// If serde cannot write it: a map of unknown length, say. That is a bug of the game's, and is seen the first time.
fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    match postcard::to_stdvec(value) {
        Ok(bytes) => bytes,
        Err(error) => panic!("the game's state cannot become bytes: {error}"),
    }
}

/// # Panics
///
/// Like [`encode`].
fn encoded_len<T: Serialize>(value: &T) -> usize {
    match postcard::experimental::serialized_size(value) {
        Ok(bytes) => bytes,
        Err(error) => panic!("the game's state cannot become bytes: {error}"),
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, GameError> {
    match postcard::take_from_bytes(bytes).map_err(not_of(bytes))? {
        (state, []) => Ok(state),
        (_, rest) => Err(GameError { reason: format!("{} bytes too many for this state", rest.len()) }),
    }
}

fn not_of(bytes: &[u8]) -> impl Fn(postcard::Error) -> GameError {
    move |error| GameError { reason: format!("{} bytes are not of this state: {error}", bytes.len()) }
}

#[cfg(test)]
mod tests;
