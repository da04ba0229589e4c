//! Hostile nodes against the client's role.

use super::frames::whole_frames;
use super::rooms::{self, Believer, entered_with};
use super::script::Script;
use crate::client::event::{Batch, Event};
use crate::client::status::Status;
use crate::protocol::client::{Ask, Client, Events, LinkEnd, LinkId, Output, Settings, Standing};
use crate::protocol::ids::Fence;
use crate::protocol::limits;
use crate::protocol::time::Time;
use crate::protocol::wire::{Data, Uplink};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Cost of messages that the client lets wait for its game. Small, so that a short script finds it.
const WINDOW: u64 = 16 * 1024;
/// Uplink that it keeps.
const REPLAY: usize = 16 * 1024;

/// What waits for the game.
#[derive(Default)]
struct Inbox {
    waiting: Vec<(Event, usize)>,
    believer: Believer,
}

impl Events for Inbox {
    fn event(&mut self, event: Event, bytes: &[u8]) {
        self.believer.hear(event, || entered_with(bytes));
        self.waiting.push((event, bytes.len()));
    }
}

impl Inbox {
    /// Cost of the messages among them.
    fn cost(&self) -> u64 {
        let costs = self.waiting.iter().map(|(event, bytes)| match event {
            Event::Push { .. } => Batch::cost(*bytes),
            Event::Response { ver, .. } if *ver != 0 => Batch::cost(*bytes),
            _ => 0,
        });
        costs.sum()
    }
}

struct Stage {
    now: Time,
    client: Client,
    inbox: Inbox,
    links: Vec<LinkId>,
    requests: u64,
    /// The highest fence that the session has been served at.
    seen: Fence,
    /// The largest message that a node has sent.
    largest: u64,
}

/// Nodes that send what they like, to a client whose game goes on.
pub fn node_against_client(script: &[u8]) {
    let mut script = Script::new(script);
    let settings = Settings {
        mode: script.mode(),
        connect_max: Duration::from_secs(10),
        resume_max: limits::RESUME_MAX,
        ping_every: limits::PING_EVERY,
        silence_max: limits::SILENCE_MAX,
        replay_bytes_max: REPLAY,
        window: WINDOW,
    };
    let mut stage = Stage {
        now: Time::from_micros(1_000_000),
        client: Client::new(settings, 1),
        inbox: Inbox::default(),
        links: Vec::new(),
        requests: 0,
        seen: Fence::default(),
        largest: 0,
    };
    stage.connect(&mut script);
    while let Some(choice) = script.next_step() {
        match choice % 16 {
            choice @ 0..=7 => stage.node_acts(choice, &mut script),
            choice @ 8..=11 => stage.time_or_network(choice, &mut script),
            choice => stage.game_acts(choice, &mut script),
        }
        stage.pump();
    }
}

impl Stage {
    fn connect(&mut self, script: &mut Script<'_>) {
        let count = script.below(4) as u8;
        let addresses = (0..count).map(|node| SocketAddr::from((Ipv4Addr::new(10, 0, 0, node), 7000)));
        // As the client around the core does, which also ends a session before it begins another.
        self.client.abandon_requests(&mut self.inbox);
        self.inbox.believer.forget();
        self.client.connect(addresses.collect(), "user".into(), self.now, &mut self.inbox);
        // What was there is forgotten, with the links and the fence.
        self.links.clear();
        self.seen = Fence::default();
    }

    fn node_acts(&mut self, choice: u8, script: &mut Script<'_>) {
        let mut bytes = Vec::new();
        let Some(id) = self.link(script) else { return };
        match choice {
            0 => bytes.extend_from_slice(script.bytes()),
            1 | 2 => script.downlink().encode(&mut bytes),
            3 | 4 => Data::Switch(Box::new(script.switch())).encode(&mut bytes),
            5 if script.flag() => bytes = rooms::message(script, self.requests),
            5 => Data::Start(script.cursor()).encode(&mut bytes),
            6 => {
                let times = 1 + script.below(16);
                let message = script.message(&[0; 70_000]);
                self.largest = self.largest.max(Batch::cost(message.payload.len()));
                (0..times).for_each(|_| message.encode(&mut bytes));
            }
            _ => {
                let datagram = script.datagram();
                self.largest = self.largest.max(Batch::cost(datagram.len()));
                return match self.client.datagram(id, &datagram, self.now, &mut self.inbox) {
                    Ok(()) => {}
                    Err(_) => self.end_link(id, Status::TransportBroken),
                };
            }
        }
        match self.client.received(id, &bytes, self.now, &mut self.inbox) {
            Ok(taken) => assert!(taken <= bytes.len()),
            Err(_) => self.end_link(id, Status::TransportBroken),
        }
    }

    /// One of the links, mostly the newest.
    fn link(&self, script: &mut Script<'_>) -> Option<LinkId> {
        let back = script.below(self.links.len().max(1));
        self.links.iter().rev().nth(back).copied()
    }

    fn time_or_network(&mut self, choice: u8, script: &mut Script<'_>) {
        match choice {
            8 | 9 => self.pass_time(script.pause()),
            10 => {
                if let Some(id) = self.link(script) {
                    self.end_link(id, Status::TransportBroken);
                }
            }
            _ => {
                if let Some(id) = self.link(script) {
                    self.client.link_up(id, &[script.byte(); 32], self.now);
                }
            }
        }
    }

    fn game_acts(&mut self, choice: u8, script: &mut Script<'_>) {
        match choice {
            12 => self.send(script),
            13 => {
                let _ = self.client.send_migrate();
            }
            14 => {
                let cost = self.inbox.cost();
                self.inbox.waiting.clear();
                self.client.consumed(cost);
            }
            _ => match script.byte() {
                0xfe => self.connect(script),
                0xff => self.client.disconnect(&mut self.inbox),
                _ => self.client.push_datagram(script.byte(), 1, script.bytes()),
            },
        }
    }

    /// The game sends as long as the client takes it, as the queue before it sees to.
    fn send(&mut self, script: &mut Script<'_>) {
        if !matches!(
            self.client.standing(),
            Standing::Connected | Standing::Migrating | Standing::Reconnecting
        ) {
            return;
        }
        let mut frames = Vec::new();
        let times = 1 + script.below(8);
        let message = script.message(&[0; 4_000]);
        for _ in 0..times {
            if self.client.unacknowledged_bytes() + frames.len() + message.encoded_len() <= REPLAY {
                message.encode(&mut frames);
            }
        }
        self.client.push_frames(&frames);
        if script.flag() {
            self.requests += 1;
            let deadline = self.now + script.pause();
            match script.below(4) {
                0 => self.client.expect_room_result(self.requests, deadline, Ask::Join),
                1 => self.client.expect_room_result(self.requests, deadline, Ask::Inside),
                _ => self.client.expect_reply(self.requests, deadline),
            }
        }
    }

    fn end_link(&mut self, id: LinkId, status: Status) {
        self.links.retain(|link| *link != id);
        let end = LinkEnd { status, text: status.to_string() };
        self.client.link_ended(id, end, self.now, &mut self.inbox);
    }

    fn pass_time(&mut self, length: Duration) {
        self.now = self.now + length;
        for _ in 0..64 {
            if self.client.poll_timeout().is_none_or(|at| at > self.now) {
                return;
            }
            self.client.on_timeout(self.now, &mut self.inbox);
            let next = self.client.poll_timeout();
            assert!(next.is_none_or(|at| at > self.now), "a due time is dealt with by one call");
        }
    }

    /// Opens the links that the client wants, takes what it writes, and looks whether all is well.
    fn pump(&mut self) {
        while let Some(Output::Dial(id, _)) = self.client.poll_output() {
            self.links.push(id);
        }
        for id in self.links.clone() {
            self.read(id);
            if self.client.is_closing(id) {
                let mut left = Vec::new();
                self.client.fill_control(id, &mut left);
                self.client.fill_data(id, &mut left, 16_000);
                assert!(left.is_empty(), "output after the end");
                self.end_link(id, Status::Ok);
            }
        }
        self.client.take_dirty(|_| ());
        self.check();
    }

    fn read(&mut self, id: LinkId) {
        let mut control = Vec::new();
        self.client.fill_control(id, &mut control);
        for body in whole_frames(&control) {
            Uplink::decode(body).expect("the client writes sound frames");
        }
        loop {
            let mut data = Vec::new();
            self.client.fill_data(id, &mut data, 16_000);
            if data.is_empty() {
                break;
            }
            for body in whole_frames(&data) {
                let frame = Data::decode(body).expect("the client writes sound frames");
                assert!(!matches!(frame, Data::Switch(_)), "a client says Switch");
            }
        }
        let mut datagram = Vec::new();
        while self.client.next_datagram(id, &mut datagram) {
            datagram.clear();
        }
    }

    fn check(&mut self) {
        let fence = self.client.fence();
        if self.client.standing() == Standing::Idle {
            self.seen = Fence::default();
        } else {
            assert!(fence >= self.seen, "promise 1: served at {fence} after {}", self.seen);
            self.seen = fence;
        }
        assert!(self.client.unacknowledged_bytes() <= REPLAY);
        // Every link has its own credit, and the last message on each may go beyond it.
        let waiting_max = (WINDOW + self.largest) * (self.links.len() as u64 + 1);
        assert!(self.inbox.cost() <= waiting_max, "{} wait for the game", self.inbox.cost());
    }
}

/// A node that serves, and says of rooms what it likes. Tells how many events about rooms the game has heard.
#[cfg(test)]
pub(super) fn rooms_against_client(script: &[u8]) -> usize {
    let mut script = Script::new(script);
    let (now, mut heard, mut requests) = (Time::from_micros(1), 0, 0);
    let (mut client, mut inbox, link) = served(now);
    while script.next_step().is_some() {
        if script.flag() {
            requests += 1;
            let ask = script.of(&[Ask::Join, Ask::Leave, Ask::Inside]);
            client.expect_room_result(requests, now + limits::RESUME_MAX, ask);
        }
        let bytes = rooms::message(&mut script, requests);
        if client.received(link, &bytes, now, &mut inbox).is_err() {
            client.disconnect(&mut inbox);
        }
        heard += inbox.waiting.iter().filter(|(event, _)| matches!(event, Event::Room(_))).count();
        inbox.waiting.clear();
        if client.standing() == Standing::Idle {
            (client, inbox, _) = served(now);
        }
    }
    heard
}

/// A client at play on its first link.
#[cfg(test)]
fn served(now: Time) -> (Client, Inbox, LinkId) {
    let settings = Settings {
        mode: crate::protocol::wire::MoveMode::Seamless,
        connect_max: Duration::from_secs(10),
        resume_max: limits::RESUME_MAX,
        ping_every: limits::PING_EVERY,
        silence_max: limits::SILENCE_MAX,
        replay_bytes_max: REPLAY,
        window: limits::CREDIT_BYTES * 1_000,
    };
    let (mut client, mut inbox) = (Client::new(settings, 1), Inbox::default());
    client.connect(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 7000))], "user".into(), now, &mut inbox);
    let Some(Output::Dial(link, _)) = client.poll_output() else { panic!("it dials") };
    client.link_up(link, &[1; 32], now);
    let mut script = Script::new(&[]);
    let switch = crate::protocol::wire::Switch {
        cause: crate::protocol::wire::SwitchCause::Connected,
        up: Default::default(),
        down: Default::default(),
        ..script.switch()
    };
    let mut bytes = Vec::new();
    Data::Switch(Box::new(switch)).encode(&mut bytes);
    client.received(link, &bytes, now, &mut inbox).expect("the node serves");
    (client, inbox, link)
}
