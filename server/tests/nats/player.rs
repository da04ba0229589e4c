//! A player who hears its own words again, and notices every message that is lost, doubled or out of order.

use crate::PATIENCE;
use std::time::Duration;
use sterna::client::config::Transport;
use sterna::client::event::{Batch, Event};
use sterna::client::room::RoomEvent;
use sterna::client::{Client, Config, Status};
use sterna::protocol::ids::CohortId;
use sterna::protocol::room::wire::RoomRequest;
use sterna_server::builtin::{ECHO, VERSION};

pub(crate) struct Player {
    pub(crate) client: Client,
    seen: Vec<(Event, Vec<u8>)>,
    said: u64,
    heard: u64,
    /// Where it is served, by the last event that said so.
    pub(crate) node: String,
}

impl Player {
    pub(crate) async fn join(token: &str, transport: Transport) -> Self {
        let mut player = Self::begin_to_join(token, transport);
        player.until("connected", |event| matches!(event, Event::Connected { .. })).await;
        player
    }

    /// `None`: it was not let in.
    pub(crate) async fn try_join(token: &str, transport: Transport) -> Option<Self> {
        let mut player = Self::begin_to_join(token, transport);
        let decided = |event: &Event| matches!(event, Event::Connected { .. } | Event::ConnectFailed { .. });
        let event = player.until("connected, or refused", decided).await;
        matches!(event, Event::Connected { .. }).then_some(player)
    }

    fn begin_to_join(token: &str, transport: Transport) -> Self {
        let client = Client::create(Config { transport, ..Config::default() }).expect("a client can be made");
        client.connect(token).expect("the token can be read");
        Self { client, seen: Vec::new(), said: 0, heard: 0, node: String::new() }
    }

    fn take(&mut self) {
        let mut batch = Batch::default();
        self.client.take_events(&mut batch);
        for (event, bytes) in batch.iter() {
            self.client.consumed(Batch::cost(bytes.len()));
            match event {
                Event::Push { cmd: ECHO, .. } => {
                    assert_eq!(bytes, self.heard.to_be_bytes(), "lost, doubled or out of order");
                    self.heard += 1;
                }
                Event::Connected { .. } | Event::Migrated { .. } | Event::Reconnected { .. } => {
                    self.node = String::from_utf8(bytes.to_vec()).expect("names are UTF-8");
                    self.seen.push((event, bytes.to_vec()));
                }
                _ => self.seen.push((event, bytes.to_vec())),
            }
        }
    }

    /// Waits for an event; those before it are kept.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            self.take();
            if let Some(index) = self.seen.iter().position(|(event, _)| wanted(event)) {
                return self.seen.remove(index).0;
            }
            assert!(tokio::time::Instant::now() < deadline, "not {what}; seen: {:?}", self.seen);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Whether an event has come, and was not waited for so far.
    pub(crate) fn has_seen(&mut self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.take();
        self.seen.iter().any(|(event, _)| wanted(event))
    }

    /// Says something, and does not wait for the echo.
    pub(crate) fn say(&mut self) {
        self.client.send(true, VERSION, ECHO, &self.said.to_be_bytes()).expect("there is room");
        self.said += 1;
    }

    /// Waits until everything that it said has come back.
    pub(crate) async fn hear_all(&mut self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.heard < self.said {
            self.take();
            let (heard, said) = (self.heard, self.said);
            assert!(
                tokio::time::Instant::now() < deadline,
                "{heard} of {said} came back; seen: {:?}",
                self.seen
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Says something, and hears it again.
    pub(crate) async fn plays(&mut self) {
        for _ in 0..20 {
            self.say();
        }
        self.hear_all().await;
    }

    pub(crate) async fn leaves(mut self) {
        self.client.disconnect().expect("it is connected");
        self.until("disconnected", |event| matches!(event, Event::Disconnected { .. })).await;
    }
}

impl Player {
    /// Asks something of rooms: the room that it is about.
    pub(crate) async fn ask_room(&mut self, request: &RoomRequest) -> CohortId {
        let number = self.client.ask_of_rooms(request, Some(PATIENCE)).expect("it can be asked");
        let result = |event: &Event| matches!(event, Event::Room(RoomEvent::Result { request, .. }) if *request == number);
        match self.until("an answer about rooms", result).await {
            Event::Room(RoomEvent::Result { status: Status::Ok, room: Some(room), .. }) => room,
            other => panic!("{request:?}: {other:?}"),
        }
    }
}
