//! The application's side of a room: a [`Table`] that ticks, wherever the room is, and what was seen of it.

use super::super::belongings;
use super::super::history::History;
use crate::room_game::Serde;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use sterna::protocol::application::RoomContext;
use sterna::protocol::ids::{CohortId, MemberId, SessionId};
use sterna::protocol::room::{GameError, RoomGame};

/// Between two ticks of a table.
const TICK: Duration = Duration::from_millis(50);

/// The application's own state of a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Table {
    room: u64,
    /// How often it has ticked: counted in the room, and once more outside of it.
    ticks: u64,
    /// The places of those who have joined, by their names.
    places: BTreeMap<String, u64>,
}

/// What the application saw of one room.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct RoomSeen {
    /// Its properties as it was made.
    properties: Vec<u8>,
    /// Who is in it since the last one joined.
    members: BTreeMap<MemberId, (SessionId, String)>,
    ticks: u64,
    /// How often it arrived on another node.
    pub(in super::super) arrivals: u64,
    /// How often its properties were not what they should be.
    pub(in super::super) properties_damaged: u64,
    /// How often the application's state of it was not what it should be.
    pub(in super::super) state_damaged: u64,
    /// How often it arrived with other members, or other numbers of them.
    pub(in super::super) renamed: u64,
    /// How often it was restarted from a snapshot or a copy.
    pub(in super::super) took_over: u64,
}

impl RoomSeen {
    fn places(&self) -> BTreeMap<String, u64> {
        self.members.iter().map(|(member, (_, user))| (user.clone(), member.0)).collect()
    }
}

fn table<'a>(room: &'a mut RoomContext<'_>) -> Option<&'a mut Table> {
    room.game_mut::<Serde<Table>>().map(Serde::get_mut)
}

/// A room has been made.
pub(in super::super) fn set(history: &History, room: &mut RoomContext<'_>) {
    let id = room.id();
    let set = room.set_game(Some(Serde::boxed(Table { room: id.0, ticks: 0, places: BTreeMap::new() })));
    let mut rooms = history.rooms();
    let seen = rooms.entry(id).or_default();
    seen.properties = belongings::found_in_room(room);
    seen.state_damaged += u64::from(set.is_err());
    room.set_timer(TICK);
}

/// Makes a table of its bytes.
pub(in super::super) fn restore(snapshot: &[u8]) -> Result<Box<dyn RoomGame>, GameError> {
    Serde::<Table>::restore(snapshot)
}

/// Somebody has joined.
pub(in super::super) fn seat(history: &History, room: &mut RoomContext<'_>, member: MemberId) {
    let found = room.members().find(|(id, ..)| *id == member);
    let Some((session, user)) = found.map(|(_, session, user)| (session, user.to_owned())) else { return };
    let mut rooms = history.rooms();
    rooms.entry(room.id()).or_default().members.insert(member, (session, user.clone()));
    if let Some(table) = table(room) {
        table.places.insert(user, member.0);
    }
}

/// The table's time has come.
pub(in super::super) fn tick(history: &History, room: &mut RoomContext<'_>) {
    history.rooms().entry(room.id()).or_default().ticks += 1;
    if let Some(table) = table(room) {
        table.ticks += 1;
    }
    room.set_timer(TICK);
}

/// The room is here after a move. `damage`: the saboteur has a hand in it.
pub(in super::super) fn check(history: &History, room: &mut RoomContext<'_>, damage: bool) {
    if damage && let Some(table) = table(room) {
        table.ticks += 1;
    }
    let (id, found) = (room.id(), belongings::found_in_room(room));
    let members =
        room.members().map(|(member, session, user)| (member, (session, user.to_owned()))).collect();
    let mut rooms = history.rooms();
    let seen = rooms.entry(id).or_default();
    seen.arrivals += 1;
    let expected = Table { room: id.0, ticks: seen.ticks, places: seen.places() };
    seen.state_damaged += u64::from(table(room).as_deref() != Some(&expected));
    seen.properties_damaged += u64::from(seen.properties != found);
    seen.renamed += u64::from(seen.members != members);
}

/// The room was restarted.
pub(in super::super) fn took_over(history: &History, room: CohortId) {
    history.rooms().entry(room).or_default().took_over += 1;
}
