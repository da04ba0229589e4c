//! Rooms while everybody plays: joined from any node, moved as one, and heard in one order by all.

mod breaks;
mod drains;
mod dry_runs;
mod join;
mod limits;
mod moves;
mod owner;
mod state;
mod talk;
mod unavailable;

use crate::player::Player;
use crate::{BOTH, PATIENCE, cluster_of, on_free_ports};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sterna::client::Status;
use sterna::client::event::Event;
use sterna::client::room::{Audience, RoomEvent, ValueKind};
use sterna::protocol::application::{Application, Context, RoomContext};
use sterna::protocol::ids::CohortId;
use sterna::protocol::room::wire::{RoomOptions, RoomRequest};
use sterna::protocol::wire::{Kind, Message, Value};
use sterna_server::builtin::Builtin;
use sterna_server::cluster::Cluster;
use sterna_server::config::Config;

const VER: u8 = 2;
/// To the room: a number, one more each time.
const SAY: u16 = 40;
/// To the node: a payload that comes back unreliably.
const SHOUT: u16 = 41;

/// Longer than any answer takes: joins wait for moves, which wait for clients.
const WAIT_LONG: Duration = Duration::from_secs(30);

/// Whom the game of the tests lets into no room.
const UNWANTED: &str = "mallory";

/// The built-in game, but with a bouncer, and with unreliable echoes.
struct Club;

impl Application for Club {
    fn message(&self, session: &mut Context<'_>, message: &Message<'_>) {
        match (message.cmd, message.kind) {
            (SHOUT, Kind::Plain) => _ = session.send_unreliable(VER, SHOUT, message.payload),
            _ => Builtin.message(session, message),
        }
    }

    fn timer(&self, session: &mut Context<'_>) {
        Builtin.timer(session);
    }

    fn room_admits(&self, _: &mut RoomContext<'_>, user: &str) -> bool {
        user != UNWANTED
    }
}

async fn club(nodes: u16, change: impl FnOnce(&mut Config)) -> Arc<Cluster> {
    let mut config = on_free_ports(nodes);
    change(&mut config);
    cluster_of(Arc::new(Club), config).await
}

fn options() -> RoomOptions {
    RoomOptions { members_max: 8, listed: true, ..RoomOptions::default() }
}

impl Player {
    /// Asks something of rooms, and gives how that ended.
    async fn ask_room(&mut self, request: &RoomRequest) -> (Status, Option<CohortId>) {
        let number = self.begin_to_ask(request);
        self.until_result(number).await
    }

    fn begin_to_ask(&self, request: &RoomRequest) -> u64 {
        self.client.ask_of_rooms(request, Some(WAIT_LONG)).expect("it can be asked")
    }

    async fn until_result(&mut self, number: u64) -> (Status, Option<CohortId>) {
        let result = |event: &Event| matches!(event, Event::Room(RoomEvent::Result { request, .. }) if *request == number);
        match self.until_keeping(result).await {
            Event::Room(RoomEvent::Result { status, room, .. }) => (status, room),
            other => unreachable!("{other:?}"),
        }
    }

    /// The same where a value is part of the answer. Events before it are dropped.
    async fn ask_value(&mut self, request: &RoomRequest) -> (Status, Option<Value>) {
        let number = self.begin_to_ask(request);
        let result = |event: &Event| matches!(event, Event::Room(RoomEvent::Result { request, .. }) if *request == number);
        match self.until(result).await {
            (Event::Room(event @ RoomEvent::Result { status, kind, .. }), bytes) => {
                let data = event.split(&bytes).1;
                (status, kind.and_then(|kind: ValueKind| kind.value(data)))
            }
            other => unreachable!("{other:?}"),
        }
    }

    async fn creates_room(&mut self, options: RoomOptions) -> CohortId {
        let (status, room) = self.ask_room(&RoomRequest::Create { options }).await;
        assert_eq!(status, Status::Ok);
        room.expect("a room that was made has an id")
    }

    async fn joins(&mut self, room: CohortId) {
        assert_eq!(self.ask_room(&RoomRequest::Join { room }).await, (Status::Ok, Some(room)));
    }

    async fn leaves(&mut self) {
        assert_eq!(self.ask_room(&RoomRequest::Leave).await.0, Status::Ok);
    }

    fn tell_room(&mut self, number: u64) {
        self.client.send_to_room(Audience::All, VER, SAY, &number.to_be_bytes()).expect("there is room");
    }
}

/// What a member has heard: who said which number, in order; and everything else that it was told.
#[derive(Default)]
struct Heard {
    said: Vec<(u64, u64)>,
    told: Vec<Event>,
}

async fn hears(player: &mut Player, count: usize) -> Heard {
    let mut heard = Heard::default();
    heard.until(player, count).await;
    heard
}

impl Heard {
    /// Listens until so much was said in all.
    async fn until(&mut self, player: &mut Player, count: usize) {
        while self.said.len() < count {
            match player.next().await {
                (Event::Room(RoomEvent::Message { from: Some(from), cmd: SAY, .. }), bytes) => {
                    let number = bytes.last_chunk().expect("a number was said");
                    self.said.push((from.0, u64::from_be_bytes(*number)));
                }
                (event, _) => self.told.push(event),
            }
        }
    }
}

/// Whether this says that somebody came, went, or has another part.
fn is_news(event: &Event) -> bool {
    matches!(
        event,
        Event::Room(
            RoomEvent::Entered { .. }
                | RoomEvent::Exited { .. }
                | RoomEvent::MemberJoined { .. }
                | RoomEvent::MemberLeft { .. }
                | RoomEvent::OwnerChanged { .. }
                | RoomEvent::Refreshed { .. }
        )
    )
}

/// The members of a room who all talk.
struct Chorus {
    players: Vec<Player>,
    heard: Vec<Heard>,
    /// How often each of them has spoken.
    rounds: u64,
}

impl Chorus {
    /// What they have been told so far is forgotten.
    fn of(mut players: Vec<Player>) -> Self {
        players.iter_mut().for_each(|player| _ = player.rest());
        let heard = players.iter().map(|_| Heard::default()).collect();
        Self { players, heard, rounds: 0 }
    }

    /// All say something.
    fn talk(&mut self) {
        self.players.iter_mut().for_each(|player| player.tell_room(self.rounds));
        self.rounds += 1;
    }

    /// All hear whatever has been said.
    async fn listen(&mut self) {
        let count = self.players.len() * self.rounds as usize;
        for (player, heard) in self.players.iter_mut().zip(&mut self.heard) {
            heard.until(player, count).await;
        }
    }

    async fn round(&mut self) {
        self.talk();
        self.listen().await;
    }

    /// They talk until something is so of all of them.
    async fn until_all(&mut self, is_so: impl Fn(&Player) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !self.players.iter().all(&is_so) {
            assert!(Instant::now() < deadline, "it never came to pass; told: {:?}", self.heard[0].told);
            self.round().await;
        }
    }

    /// They talk until all have been told that they have moved so often.
    async fn until_moved(&mut self, times: usize) {
        self.until_all(|player| player.moves_told() == times).await;
    }

    /// They talk until one of them has its answer.
    async fn until_result(&mut self, index: usize, number: u64) -> Status {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "no answer; told: {:?}", self.heard[index].told);
            let answer = self.heard[index].told.iter().find_map(|event| match event {
                Event::Room(RoomEvent::Result { request, status, .. }) if *request == number => Some(*status),
                _ => None,
            });
            match answer {
                Some(status) => return status,
                None => self.round().await,
            }
        }
    }

    /// The first of them owns the room, and moves it.
    async fn migrates(&mut self) {
        let migrate = self.players[0].begin_to_ask(&RoomRequest::Migrate);
        assert_eq!(self.until_result(0, migrate).await, Status::Ok);
    }

    /// All have heard the same, and of each member every number once and in order; and of nobody that they came,
    /// or left.
    async fn check(&mut self) {
        self.listen().await;
        for heard in &self.heard {
            assert_eq!(heard.said, self.heard[0].said);
            assert_eq!(heard.told.iter().find(|event| is_news(event)), None, "a move is no news");
        }
        let mut next: BTreeMap<u64, u64> = BTreeMap::new();
        for (from, number) in &self.heard[0].said {
            let expected = next.entry(*from).or_default();
            assert_eq!(number, expected, "member {from}: lost, repeated or out of order");
            *expected += 1;
        }
        assert!(next.values().all(|count| *count == self.rounds), "{next:?} of {}", self.rounds);
        assert_eq!(next.len(), self.players.len());
    }

    /// Where they are all served.
    fn node(&self) -> &str {
        let node = &self.players[0].node;
        assert!(self.players.iter().all(|player| player.node == *node), "a room is in one place");
        node
    }
}

async fn room_on(cluster: &Cluster, name: &str, members: usize) -> (CohortId, Vec<Player>) {
    room_with(cluster, name, members, options()).await
}

/// A room, whose first member is its owner. Every other member comes over QUIC.
async fn room_with(
    cluster: &Cluster,
    name: &str,
    members: usize,
    options: RoomOptions,
) -> (CohortId, Vec<Player>) {
    let mut players: Vec<Player> = Vec::new();
    let mut room = CohortId::default();
    for number in 0..members {
        let mut player = Player::on(cluster, BOTH[number % 2], &format!("{name}-{number}"), name).await;
        if number == 0 {
            room = player.creates_room(options.clone()).await;
        } else {
            player.joins(room).await;
        }
        players.push(player);
    }
    // Everybody knows of everybody.
    for (number, player) in players.iter_mut().enumerate() {
        for _ in number + 1..members {
            player.until(|event| matches!(event, Event::Room(RoomEvent::MemberJoined { .. }))).await;
        }
    }
    (room, players)
}
