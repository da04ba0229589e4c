//! What a move of a room costs its members, by how many they are and how much the room stores, beside a room of the
//! same size that stays where it is.
//!
//! `cargo bench --package sterna-server --bench rooms [-- MEMBERS STATE_KIB]`
//!
//! Two rooms on two nodes over loopback; in both the application says something at a steady rate. The owner of one has
//! it moved from node to node. *Freeze*: from the source's freeze until the target has begun to serve. *Switch*: from
//! the same moment until a member's game is told that it has moved: what was said at the worst moment came so much
//! late. *Added*: the longest gap between arrivals around the move less the usual one, of the members who move and, in
//! the same time, of those who do not. Clients, nodes and the games' thread share this machine's processors.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sterna::client::config::Transport;
use sterna::client::event::{Batch, Event};
use sterna::client::room::{RoomEvent, View};
use sterna::client::token::ConnectToken;
use sterna::client::{Client, Config as ClientConfig, State, Status};
use sterna::protocol::application::{Application, Context, RoomContext};
use sterna::protocol::cohort::Report;
use sterna::protocol::ids::{CohortId, MemberId, MoveId};
use sterna::protocol::room::wire::{RoomOptions, RoomRequest};
use sterna::protocol::wire::{Message, Value};
use sterna_server::cluster::Cluster;
use sterna_server::config::Config;
use sterna_server::node::Observer;

const MEMBERS: [usize; 4] = [2, 8, 64, 1000];
const STATE_KIB: [usize; 3] = [1, 1024, 16 * 1024];
/// Moves of one room; each is a figure for each member.
const MOVES: usize = 12;
/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(600);
/// Clients that connect, or join, at the same time.
const AT_ONCE: usize = 16;
/// Between two looks at all clients.
const FRAME: Duration = Duration::from_micros(250);
/// What is said to all members together in a second, at the most, and to one.
const DELIVERIES_PER_S: usize = 10_000;
const RATE_MAX: usize = 100;
/// Bytes of one property, with what it counts besides.
const PROPERTY: usize = 60 * 1024;
/// A move that nobody disturbs begins so long after the one before it.
const REST: Duration = Duration::from_millis(500);

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let members = numbers.first().map_or(MEMBERS.to_vec(), |members| vec![*members]);
    let state_kib = numbers.get(1).map_or(STATE_KIB.to_vec(), |kib| vec![*kib]);
    if let Ok(filter) = std::env::var("STERNA_LOG") {
        sterna_server::logging::init(&filter);
    }
    sterna::sys::raise_file_limit().expect("the limit of open files can be read");
    println!("{MOVES} moves each; all in ms; * p50 / p99 over members and moves, ** p50 / max over moves");
    println!(
        "members  state KiB          freeze **           switch *            added *        unmoved *  p99 ratio"
    );
    for members in members {
        for state_kib in &state_kib {
            println!("{}", Row::of(members, *state_kib));
        }
    }
}

/// The application: a room stores so much, and says something at its rate.
struct Game {
    members: usize,
    state_bytes: usize,
    period: Duration,
}

impl Application for Game {
    fn message(&self, _: &mut Context<'_>, _: &Message<'_>) {}

    fn room_created(&self, room: &mut RoomContext<'_>) {
        for (number, start) in (0..self.state_bytes).step_by(PROPERTY).enumerate() {
            let bytes = vec![number as u8; PROPERTY.min(self.state_bytes - start)];
            room.set(&format!("property-{number}"), Value::Bytes(bytes)).expect("the limit is above it");
        }
    }

    fn room_joined(&self, room: &mut RoomContext<'_>, _: MemberId) {
        if room.members().len() == self.members {
            room.set_timer(self.period);
        }
    }

    fn room_timer(&self, room: &mut RoomContext<'_>) {
        room.set_timer(self.period);
        room.broadcast(2, 1, b"a snapshot of the world, or so");
    }
}

/// When rooms were frozen, and how long they stayed it.
#[derive(Default)]
struct Freezes {
    frozen: Mutex<BTreeMap<MoveId, Instant>>,
    /// Since when, and how long, the latest last.
    ended: Mutex<Vec<(Instant, Duration)>>,
}

impl Observer for Freezes {
    fn report(&self, _: &str, report: Report, at: Instant) {
        match report {
            Report::Froze { id } => drop(self.frozen.lock().insert(id, at)),
            Report::MovedIn { id } => {
                if let Some(since) = self.frozen.lock().remove(&id) {
                    self.ended.lock().push((since, at - since));
                }
            }
            _ => {}
        }
    }
}

/// One player.
struct Player {
    client: Client,
    room: Option<CohortId>,
    joining: bool,
    view: View,
    heard: Vec<Instant>,
    moved_at: Option<Instant>,
    result: Option<Status>,
}

impl Player {
    fn new(cluster: &Cluster, node: &str, number: usize) -> Self {
        let transport = [Transport::Tcp, Transport::Udp][number % 2];
        let config = ClientConfig { transport, resume_timeout: PATIENCE, ..ClientConfig::default() };
        let client = Client::create(config).expect("a client");
        let token = cluster.connect_token(&format!("{node}-{number}"), PATIENCE).expect("a token");
        let mut token = ConnectToken::parse(&token).expect("it was just made");
        let node = cluster.node(node).expect("it is there");
        (token.tcp, token.quic) = (vec![node.tcp()], vec![node.quic()]);
        client.connect(&token.encode()).expect("it can be read");
        Self {
            client,
            room: None,
            joining: false,
            view: View::default(),
            heard: Vec::new(),
            moved_at: None,
            result: None,
        }
    }

    fn is_connected(&self) -> bool {
        self.client.state() == State::Connected
    }

    fn ask(&mut self, request: &RoomRequest) {
        self.client.ask_of_rooms(request, Some(PATIENCE)).expect("it can be asked");
        self.joining = true;
    }

    fn frame(&mut self, batch: &mut Batch) {
        if !self.client.take_events(batch) {
            return;
        }
        for (event, bytes) in batch.iter() {
            self.client.consumed(Batch::cost(bytes.len()));
            match event {
                Event::Room(RoomEvent::Entered { .. } | RoomEvent::MemberJoined { .. }) => {
                    self.view.apply(event, bytes);
                }
                Event::Room(RoomEvent::Message { .. }) => self.heard.push(Instant::now()),
                Event::Room(RoomEvent::Migrated { .. }) => self.moved_at = Some(Instant::now()),
                Event::Room(RoomEvent::Result { status, room, .. }) => {
                    (self.result, self.joining) = (Some(status), false);
                    self.room = self.room.or(room);
                }
                Event::Disconnected { .. } | Event::Room(RoomEvent::Exited { .. }) => {
                    panic!("a player is out: {}", String::from_utf8_lossy(bytes));
                }
                _ => {}
            }
        }
        batch.clear();
    }

    /// The longest gap between arrivals around this time, less the usual one.
    fn added(&self, from: Instant, to: Instant) -> Duration {
        let mut gaps: Vec<Duration> = self.heard.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_unstable();
        let usual = gaps.get(gaps.len() / 2).copied().unwrap_or_default();
        let around = self.heard.windows(2).filter(|pair| pair[1] >= from && pair[0] <= to + 2 * usual);
        let longest = around.map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
        longest.saturating_sub(usual)
    }
}

/// The members of two rooms.
struct Rooms {
    moving: Vec<Player>,
    staying: Vec<Player>,
    batch: Batch,
}

impl Rooms {
    fn all(&mut self) -> impl Iterator<Item = &mut Player> {
        self.moving.iter_mut().chain(&mut self.staying)
    }

    fn frame(&mut self) {
        let began = Instant::now();
        let mut batch = std::mem::take(&mut self.batch);
        self.all().for_each(|player| player.frame(&mut batch));
        self.batch = batch;
        std::thread::sleep(FRAME.saturating_sub(began.elapsed()));
    }

    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < deadline, "it never came to pass: {what}");
            self.frame();
        }
    }

    fn play_for(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.frame();
        }
    }

    /// Connects all members, and seats them in their rooms.
    fn gather(cluster: &Cluster, members: usize) -> Self {
        let mut rooms = Self { moving: Vec::new(), staying: Vec::new(), batch: Batch::default() };
        rooms.until("all are connected", |rooms| {
            let connecting = rooms.all().filter(|player| !player.is_connected()).count();
            let next = rooms.moving.len()..members.min(rooms.moving.len() + (AT_ONCE - connecting) / 2);
            for number in next {
                rooms.moving.push(Player::new(cluster, "node-1", number));
                rooms.staying.push(Player::new(cluster, "node-2", number));
            }
            rooms.moving.len() == members && rooms.all().all(|player| player.is_connected())
        });
        let options = RoomOptions { members_max: members.max(2) as u32, ..RoomOptions::default() };
        for owner in [&mut rooms.moving[0], &mut rooms.staying[0]] {
            owner.ask(&RoomRequest::Create { options: options.clone() });
        }
        rooms.until("all are in their rooms", |rooms| {
            for players in [&mut rooms.moving, &mut rooms.staying] {
                let Some(room) = players[0].room else { continue };
                // Whoever joins waits until all know of those before: a crowd of joiners is not what is measured.
                let inside = players.iter().filter(|player| player.room.is_some());
                let (known, count) = inside.fold((usize::MAX, 0), |(known, count), player| {
                    (known.min(player.view.count()), count + 1)
                });
                if count > known + AT_ONCE {
                    continue;
                }
                let joining = players.iter().filter(|player| player.joining).count();
                let waiting = players.iter_mut().filter(|player| player.room.is_none() && !player.joining);
                waiting
                    .take(AT_ONCE - joining.min(AT_ONCE))
                    .for_each(|player| player.ask(&RoomRequest::Join { room }));
            }
            rooms.all().all(|player| player.room.is_some())
        });
        rooms
    }

    /// Moves the room once. `None`: it was not moved.
    fn move_once(&mut self) -> Option<(Instant, Instant)> {
        self.all().for_each(|player| player.heard.clear());
        for player in &mut self.moving {
            player.moved_at = None;
        }
        self.play_for(REST);
        let asked = Instant::now();
        let owner = &mut self.moving[0];
        owner.result = None;
        owner.ask(&RoomRequest::Migrate);
        self.until("the owner is answered", |rooms| rooms.moving[0].result.is_some());
        if self.moving[0].result != Some(Status::Ok) {
            return None;
        }
        self.until("all have moved", |rooms| rooms.moving.iter().all(|player| player.moved_at.is_some()));
        let moved = Instant::now();
        self.play_for(REST);
        Some((asked, moved))
    }
}

/// Figures of one room.
struct Row {
    members: usize,
    state_kib: usize,
    failed: usize,
    freeze: Vec<Duration>,
    switch: Vec<Duration>,
    added: Vec<Duration>,
    unmoved: Vec<Duration>,
}

impl Row {
    fn of(members: usize, state_kib: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let rate = (DELIVERIES_PER_S / (2 * members)).clamp(1, RATE_MAX) as u32;
        let game = Game { members, state_bytes: state_kib * 1024, period: Duration::from_secs(1) / rate };
        let mut config = Config { nodes: 2, tcp_port: 0, quic_port: 0, peer_port: 0, ..Config::default() };
        config.migrate_when_online = true;
        config.times.resume = PATIENCE; // a machine that is busy with a thousand who join may forget some for a while
        config.limits.sessions_max = config.limits.sessions_max.max(4 * members as u32);
        config.limits.room_state_bytes_max = config.limits.room_state_bytes_max.max(2048 * state_kib as u32);
        config.validate().expect("it is valid");
        let freezes = Arc::new(Freezes::default());
        let start = Cluster::start(config, Arc::new(game), freezes.clone());
        let cluster = runtime.block_on(start).expect("the nodes start");
        let mut rooms = Rooms::gather(&cluster, members);
        let mut row = Self {
            members,
            state_kib,
            failed: 0,
            freeze: Vec::new(),
            switch: Vec::new(),
            added: Vec::new(),
            unmoved: Vec::new(),
        };
        rooms.play_for(2 * REST);
        for _ in 0..MOVES {
            freezes.ended.lock().clear();
            match rooms.move_once() {
                Some((from, to)) => row.take(&rooms, &freezes, from, to),
                None => row.failed += 1,
            }
        }
        rooms.all().for_each(|player| player.client.destroy());
        runtime.shutdown_background();
        row
    }

    fn take(&mut self, rooms: &Rooms, freezes: &Freezes, from: Instant, to: Instant) {
        let Some((frozen_at, freeze)) = freezes.ended.lock().last().copied() else { return };
        self.freeze.push(freeze);
        let moved_at = rooms.moving.iter().filter_map(|player| player.moved_at);
        self.switch.extend(moved_at.map(|at| at.saturating_duration_since(frozen_at)));
        self.added.extend(rooms.moving.iter().map(|player| player.added(from, to)));
        self.unmoved.extend(rooms.staying.iter().map(|player| player.added(from, to)));
    }
}

/// The smallest value that at least this share of all does not exceed, in milliseconds.
fn at(values: &[Duration], percent: usize) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).map_or(f64::NAN, |value| value.as_secs_f64() * 1000.0)
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { members, state_kib, failed, freeze, switch, added, unmoved } = self;
        let two = |values: &[Duration], high| format!("{:.2} / {:.2}", at(values, 50), at(values, high));
        write!(
            f,
            "{members:7}  {state_kib:9}  {:>17}  {:>17}  {:>17}  {:>15}  {:9.2}",
            two(freeze, 100),
            two(switch, 99),
            two(added, 99),
            two(unmoved, 99),
            at(added, 99) / at(unmoved, 99).max(0.01),
        )?;
        if *failed > 0 { write!(f, "  {failed} moves failed") } else { Ok(()) }
    }
}
