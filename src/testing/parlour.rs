//! What the test game does with rooms: it keeps a tally of who came, ticks by the room's timer, and notes, for the
//! history, what a room is like before and after a move.

use super::echo::{Echo, VER, digest};
use super::history::{Entry, History};
use super::{Cluster, PlayerId};
use crate::protocol::application::RoomContext;
use crate::protocol::client::Standing;
use crate::protocol::ids::{CohortId, MemberId, NodeId, SessionId};
use crate::protocol::room::wire::{self, Condition, Outbound, RoomOptions, RoomRequest, Scope};
use crate::protocol::room::{GameError, Room, RoomGame};
use crate::protocol::wire::{Kind, Message, Value};
use std::any::Any;
use std::time::Duration;

/// A member's broadcast: who, and the how manyth of theirs it is.
pub(super) const SAY: u16 = 20;
/// Tells a newcomer which lineage the room is in.
pub(super) const LINEAGE: u16 = 21;
/// The property that says so to everybody.
pub(super) const LINEAGE_KEY: &str = "lineage";
/// How often the room's timer has rung.
pub const TICKS: &str = "ticks";
/// Pause between two of these.
pub const TICK_EVERY: Duration = Duration::from_secs(1);

/// How long a room's request may take before the client would give up.
const ANSWER_MAX: Duration = Duration::from_secs(3600);

/// The test game's own state of a room: how many have joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tally(Vec<u8>);

impl RoomGame for Tally {
    fn snapshot(&self) -> Vec<u8> {
        self.0.clone()
    }
    fn snapshot_bytes(&self) -> usize {
        self.0.len()
    }
    fn apply(&mut self, changes: &[u8]) -> Result<(), GameError> {
        self.0 = changes.to_vec();
        Ok(())
    }
    fn changes(&self) -> Option<Vec<u8>> {
        Some(self.0.clone())
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

fn counted(room: &RoomContext<'_>, key: &str) -> u64 {
    match room.get(key) {
        Some(Value::Integer(value)) => *value as u64,
        _ => 0,
    }
}

/// Stands for all that a room is, as far as it can be seen from outside.
fn fingerprint<'a>(
    owner: Option<MemberId>,
    members: impl Iterator<Item = (MemberId, SessionId, &'a str)>,
    properties: impl Iterator<Item = (&'a str, &'a Value)>,
    game: &[u8],
) -> u64 {
    let mut sum = digest(owner.unwrap_or_default().0, game);
    for (member, session, user) in members {
        sum = digest(digest(digest(sum, &member.0.to_be_bytes()), &session.0.to_be_bytes()), user.as_bytes());
    }
    for (key, value) in properties {
        sum = digest(digest(sum, key.as_bytes()), format!("{value:?}").as_bytes());
    }
    sum
}

/// The same of a room that is about to leave.
pub(super) fn fingerprint_of(room: &Room) -> u64 {
    let game = room.game().map(RoomGame::snapshot).unwrap_or_default();
    fingerprint(room.owner(), room.members(), room.properties(), &game)
}

impl Echo {
    pub(super) fn begin_room(&self, room: &mut RoomContext<'_>) {
        room.set_game(Some(Box::new(Tally(vec![0])))).expect("the limit is far off");
        room.set_timer(TICK_EVERY);
    }

    pub(super) fn greet_member(&self, room: &mut RoomContext<'_>, member: MemberId) {
        if let Some(Tally(tally)) = room.game_mut() {
            tally[0] = tally[0].wrapping_add(1);
        }
        let lineage = counted(room, LINEAGE_KEY);
        room.send_to(&[member], VER, LINEAGE, &lineage.to_be_bytes());
    }

    pub(super) fn tick_room(&self, room: &mut RoomContext<'_>) {
        let ticks = counted(room, TICKS) + 1;
        // A room that is being closed takes nothing more.
        let _ = room.set(TICKS, Value::Integer(ticks as i64));
        room.set_timer(TICK_EVERY);
    }

    pub(super) fn note_arrival(&self, room: &mut RoomContext<'_>) {
        let game = room.game::<Tally>().map(RoomGame::snapshot).unwrap_or_default();
        let seen = fingerprint(room.owner(), room.members(), room.properties(), &game);
        self.history.lock().push(Entry::RoomArrived(room.id(), self.node, seen));
    }

    pub(super) fn note_restart(&self, room: &mut RoomContext<'_>) {
        let lineage = self.history.lock().next_lineage();
        self.history.lock().push(Entry::RoomRestarted(room.id(), lineage));
        let _ = room.set(LINEAGE_KEY, Value::Integer(lineage.0 as i64));
    }

    pub(super) fn wake_tally(bytes: &[u8]) -> Result<Box<dyn RoomGame>, GameError> {
        Ok(Box::new(Tally(bytes.to_vec())))
    }
}

/// What a test says of rooms.
impl Cluster {
    /// Asks something of rooms; gives the request's number, or `None` if the client cannot ask at the moment.
    pub fn ask_room(&mut self, player: PlayerId, request: RoomRequest) -> Option<u64> {
        if self.standing(player) == Standing::Idle {
            return None;
        }
        let now = self.now;
        let host = &mut self.players[player.0];
        let number = host.requests + 1;
        let mut payload = Vec::new();
        request.encode(&mut payload);
        let kind = Kind::Request(number);
        if !host.push_room(kind, wire::REQUEST, &payload, &mut self.history.lock()) {
            return None;
        }
        host.requests = number;
        host.client.expect_room_result(number, now + ANSWER_MAX, (&request).into());
        self.note(|| format!("{player:?} asks {number}: {request:.60?}"));
        self.history.lock().push(Entry::RoomAsked(player, number, request));
        self.after_client(player);
        Some(number)
    }

    /// How a room of the test is made, unless it says otherwise.
    pub fn room_options() -> RoomOptions {
        RoomOptions { members_max: 8, listed: true, ..RoomOptions::default() }
    }

    /// The player makes a room, and is in it.
    pub fn open_room(&mut self, player: PlayerId) -> CohortId {
        self.ask_room(player, RoomRequest::Create { options: Self::room_options() });
        self.run_until(|cluster| cluster.room_of(player).is_some());
        self.room_of(player).expect("it has just been told")
    }

    /// The player asks to join.
    pub fn join_room(&mut self, player: PlayerId, room: CohortId) -> Option<u64> {
        self.ask_room(player, RoomRequest::Join { room })
    }

    /// The player joins, and is in the room.
    pub fn enter_room(&mut self, player: PlayerId, room: CohortId) {
        self.join_room(player, room);
        self.run_until(|cluster| cluster.room_of(player) == Some(room));
    }

    /// The player looks for any room, and makes one if there is none.
    pub fn join_any_room(&mut self, player: PlayerId, filter: Vec<Condition>) -> Option<u64> {
        let otherwise = Some(Self::room_options());
        self.ask_room(player, RoomRequest::JoinRandom { filter, otherwise })
    }

    /// The player asks to leave.
    pub fn leave_room(&mut self, player: PlayerId) -> Option<u64> {
        self.ask_room(player, RoomRequest::Leave)
    }

    /// The player broadcasts a numbered message.
    pub fn say(&mut self, player: PlayerId) {
        if self.standing(player) == Standing::Idle {
            return;
        }
        let host = &mut self.players[player.0];
        let number = host.said;
        let mut said = (player.0 as u64).to_be_bytes().to_vec();
        said.extend(number.to_be_bytes());
        let mut payload = Vec::new();
        Outbound { scope: Scope::All, ver: VER, cmd: SAY, payload: &said }.encode(&mut payload);
        if host.push_room(Kind::Plain, wire::MESSAGE, &payload, &mut self.history.lock()) {
            host.said += 1;
            self.history.lock().push(Entry::RoomSaid(player, number));
        }
        self.after_client(player);
    }

    /// The player sets a property to a value that nobody sets again.
    pub fn set_property(&mut self, player: PlayerId, key: &str, bytes: usize) -> Option<u64> {
        let host = &mut self.players[player.0];
        host.said += 1;
        let mut value = (player.0 as u64).to_be_bytes().to_vec();
        value.extend(host.said.to_be_bytes());
        value.resize(bytes.max(16), 7);
        self.ask_room(player, RoomRequest::Set { key: key.into(), value: Value::Bytes(value) })
    }

    /// Whenever the player plays, it broadcasts as well, if it is in a room.
    pub fn chat(&mut self, player: PlayerId) {
        self.players[player.0].chats = true;
    }

    /// Whether the player answers `Offline` by moving the room that it owns.
    pub fn moves_room(&mut self, player: PlayerId, does: bool) {
        self.players[player.0].moves_room = does;
    }

    /// Says what a chatting player says next.
    pub(super) fn says(&mut self, player: PlayerId) {
        if self.players[player.0].chats && self.players[player.0].room.is_some() {
            self.say(player);
        }
    }

    /// The room that the player was told to be in.
    pub fn room_of(&self, player: PlayerId) -> Option<CohortId> {
        self.players[player.0].room.map(|(room, _)| room)
    }

    /// The player's number in it.
    pub fn member_of(&self, player: PlayerId) -> Option<MemberId> {
        self.players[player.0].room.map(|(_, member)| member)
    }

    /// Which node serves a room.
    pub fn room_at(&self, room: CohortId) -> Option<NodeId> {
        let serves = |node: &super::Node| node.cohorts.get(&room).is_some_and(|held| held.is_served());
        self.nodes.iter().find(|(_, node)| serves(node) && node.is_permitted(self.now)).map(|(id, _)| *id)
    }

    /// The room as the node has it that serves it.
    pub fn room(&self, room: CohortId) -> Option<&Room> {
        self.nodes.get(&self.room_at(room)?)?.cohorts.get(&room)?.room()
    }

    /// How the player's request about rooms was answered.
    pub fn room_answer(&self, player: PlayerId, request: u64) -> Option<crate::client::status::Status> {
        self.history.lock().entries().iter().find_map(|entry| match entry {
            Entry::RoomAnswered(who, number, status) if (*who, *number) == (player, request) => Some(*status),
            _ => None,
        })
    }

    /// Who is in which room, as the nodes have it.
    pub(super) fn memberships(&self) -> Vec<(PlayerId, CohortId, MemberId)> {
        let rooms = self.nodes.values().flat_map(|node| node.cohorts.values());
        let served = rooms.filter(|cohort| cohort.is_served()).filter_map(|cohort| cohort.room());
        let members = served.flat_map(|room| room.members().map(|member| (room.id(), member)));
        let player = |user: &str| PlayerId(user.parse().expect("the test cluster's users are numbers"));
        members.map(|(room, (member, _, user))| (player(user), room, member)).collect()
    }
}

impl super::player::Player {
    /// Sends a message about rooms; false if the send queue is full.
    fn push_room(&mut self, kind: Kind, cmd: u16, payload: &[u8], history: &mut History) -> bool {
        let message = Message { kind, ver: wire::VER, cmd, payload };
        let max = crate::protocol::limits::REPLAY_BYTES_MAX;
        if self.client.unacknowledged_bytes() + message.encoded_len() > max {
            return false;
        }
        let mut frame = Vec::new();
        message.encode(&mut frame);
        self.client.push_frames(&frame);
        history.push(Entry::SentAside(self.id, self.sent));
        self.sent += 1;
        true
    }
}
