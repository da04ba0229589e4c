//! A player: a client whose events are waited for, and who notices every message that is lost, repeated or
//! out of order.

use crate::{PATIENCE, token_for};
use std::collections::VecDeque;
use std::time::Duration;
use sterna::client::config::Transport;
use sterna::client::event::{Batch, Event};
use sterna::client::token::ConnectToken;
use sterna::client::{Client, Config, Status};
use sterna_server::builtin::{ECHO, VERSION};
use sterna_server::cluster::Cluster;

/// Restores a link fast, so that tests of broken links do not take seconds.
pub(crate) fn quick(transport: Transport) -> Config {
    Config {
        transport,
        ping_every: Duration::from_millis(100),
        silence_max: Duration::from_millis(600),
        ..Config::default()
    }
}

pub(crate) struct Player {
    pub(crate) client: Client,
    waiting: VecDeque<(Event, Vec<u8>)>,
    /// Where it is served, by the last event that said so.
    pub(crate) node: String,
    /// Its session, once it is connected.
    pub(crate) session: u64,
    /// Numbers sent so far.
    sent: u64,
    /// Numbers that came back so far.
    echoed: u64,
    /// Every event but echoes, for a failing test to show.
    history: Vec<Event>,
}

impl Player {
    /// A player who is not connected.
    pub(crate) fn new(config: Config) -> Self {
        Self {
            client: Client::create(config).expect("a client can be made"),
            waiting: VecDeque::new(),
            node: String::new(),
            session: 0,
            sent: 0,
            echoed: 0,
            history: Vec::new(),
        }
    }

    /// A player who plays on this node.
    pub(crate) async fn on(cluster: &Cluster, transport: Transport, user: &str, node: &str) -> Self {
        let config = Config { transport, ..Config::default() };
        Self::join(config, &token_for(cluster, user, node)).await
    }

    /// A player who has connected with this token.
    pub(crate) async fn join(config: Config, token: &ConnectToken) -> Self {
        let mut player = Self::new(config);
        player.client.connect(&token.encode()).expect("the token can be read");
        player.until(|event| matches!(event, Event::Connected { .. })).await;
        player
    }

    /// How `connect` with this token fails.
    pub(crate) async fn refused(config: Config, token: &ConnectToken) -> (Status, String) {
        let mut player = Self::new(config);
        player.client.connect(&token.encode()).expect("the token can be read");
        let outcome = |event: &Event| matches!(event, Event::Connected { .. } | Event::ConnectFailed { .. });
        let (event, text) = player.until(outcome).await;
        let Event::ConnectFailed { status } = event else { panic!("let in by {}", player.node) };
        (status, String::from_utf8(text).expect("texts are UTF-8"))
    }

    /// The next event. Echoes of [`say`](Self::say) are checked and not shown.
    pub(crate) async fn next(&mut self) -> (Event, Vec<u8>) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            self.take();
            while let Some((event, bytes)) = self.waiting.pop_front() {
                if self.is_echo(&event, &bytes) {
                    continue;
                }
                self.history.push(event);
                self.note(&event, &bytes);
                return (event, bytes);
            }
            assert!(tokio::time::Instant::now() < deadline, "nothing came; so far: {:?}", self.history);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn note(&mut self, event: &Event, bytes: &[u8]) {
        if let Event::Connected { .. } | Event::Migrated { .. } | Event::Reconnected { .. } = event {
            self.node = String::from_utf8(bytes.to_vec()).expect("names are UTF-8");
        }
        if let Event::Connected { session } = event {
            self.session = session.0;
        }
    }

    fn take(&mut self) {
        let mut batch = Batch::default();
        self.client.take_events(&mut batch);
        for (event, bytes) in batch.iter() {
            self.client.consumed(Batch::cost(bytes.len()));
            self.waiting.push_back((event, bytes.to_vec()));
        }
    }

    fn is_echo(&mut self, event: &Event, bytes: &[u8]) -> bool {
        let Event::Push { cmd: ECHO, reliable: true, .. } = event else { return false };
        let number = bytes.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        assert_eq!(number, Some(self.echoed), "lost, repeated or out of order");
        self.echoed += 1;
        true
    }

    /// The first event that is wanted; those before it are dropped.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> (Event, Vec<u8>) {
        loop {
            let (event, bytes) = self.next().await;
            if wanted(&event) {
                return (event, bytes);
            }
        }
    }

    /// The same, but those before it are kept for later.
    pub(crate) async fn until_keeping(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        let (mut kept, told) = (Vec::new(), self.history.len());
        loop {
            let (event, bytes) = self.next().await;
            if wanted(&event) {
                self.history.truncate(told); // the others are told later
                self.history.push(event);
                kept.append(&mut self.waiting.drain(..).collect());
                self.waiting = kept.into();
                return event;
            }
            kept.push((event, bytes));
        }
    }

    pub(crate) async fn until_offline(&mut self) {
        self.until(|event| matches!(event, Event::Offline { .. })).await;
    }

    /// How many moves it has been told of since it began.
    pub(crate) fn moves_told(&self) -> usize {
        self.history.iter().filter(|event| matches!(event, Event::Migrated { .. })).count()
    }

    /// Waits until it has been told of `count` moves since it began; it may have been told already.
    pub(crate) async fn until_migrated_times(&mut self, count: usize) {
        while self.moves_told() < count {
            self.next().await;
        }
    }

    pub(crate) async fn until_migrated(&mut self) {
        self.until(|event| matches!(event, Event::Migrated { .. })).await;
    }

    /// Moves, however often it has to ask for it or to look for its session.
    pub(crate) async fn moves_in_the_end(&mut self) {
        let left = self.node.clone();
        while self.node == left {
            match self.next().await.0 {
                // By now it may have moved, or be on its way.
                Event::MigrateFailed { .. } | Event::Offline { .. } => {
                    let _ = self.client.send_migrate();
                }
                Event::Disconnected { status } => panic!("{status}; so far: {:?}", self.history),
                _ => {}
            }
        }
    }

    /// Waits until a move has ended, well or not.
    pub(crate) async fn moved_or_refused(&mut self) {
        self.until(|event| matches!(event, Event::Migrated { .. } | Event::MigrateFailed { .. })).await;
    }

    pub(crate) async fn until_migrate_failed(&mut self) -> Status {
        match self.until(|event| matches!(event, Event::MigrateFailed { .. })).await.0 {
            Event::MigrateFailed { status } => status,
            other => unreachable!("{other:?}"),
        }
    }

    pub(crate) async fn until_disconnected(&mut self) -> (Status, String) {
        let (event, text) = self.until(|event| matches!(event, Event::Disconnected { .. })).await;
        let Event::Disconnected { status } = event else { unreachable!("{event:?}") };
        (status, String::from_utf8(text).expect("texts are UTF-8"))
    }

    /// Its node stops, and no other takes it: its session has ended or, on an engine that outlives the node, waits.
    pub(crate) async fn until_left_alone(&mut self) {
        let (event, _) = self
            .until(|event| matches!(event, Event::Disconnected { .. } | Event::Reconnecting { .. }))
            .await;
        let expected = match crate::engine_outlives_nodes() {
            false => Event::Disconnected { status: Status::NodeStopped },
            true => Event::Reconnecting { status: Status::ResumeLater },
        };
        assert_eq!(event, expected);
    }

    pub(crate) async fn until_reconnecting(&mut self) {
        self.until(|event| matches!(event, Event::Reconnecting { .. })).await;
    }

    pub(crate) async fn until_reconnected(&mut self) {
        self.until(|event| matches!(event, Event::Reconnected { .. })).await;
    }

    /// Sends so many numbered messages that the node echoes.
    pub(crate) fn say(&mut self, count: u64) {
        for _ in 0..count {
            self.try_say(8).expect("there is room");
        }
    }

    /// Sends one numbered message of this size.
    pub(crate) fn try_say(&mut self, bytes: usize) -> Result<(), Status> {
        let mut payload = vec![0; bytes.max(8)];
        payload[..8].copy_from_slice(&self.sent.to_be_bytes());
        self.client.send(true, VERSION, ECHO, &payload)?;
        self.sent += 1;
        Ok(())
    }

    /// Waits until every number has come back; other events are kept for later.
    pub(crate) async fn hear_all(&mut self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            self.take();
            for (event, bytes) in std::mem::take(&mut self.waiting) {
                if !self.is_echo(&event, &bytes) {
                    self.waiting.push_back((event, bytes));
                }
            }
            if self.echoed == self.sent {
                return;
            }
            let (echoed, sent) = (self.echoed, self.sent);
            let late = tokio::time::Instant::now() >= deadline;
            assert!(!late, "{echoed} of {sent} came back; {:?} {:?}", self.client.stats(), self.history);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Asks something of the built-in application, which must say yes.
    pub(crate) async fn ask(&mut self, cmd: u16, payload: &[u8]) -> Vec<u8> {
        let (status, answer) = self.try_ask(cmd, payload).await;
        assert_eq!(status, Status::Ok, "{}", String::from_utf8_lossy(&answer));
        answer
    }

    pub(crate) async fn try_ask(&mut self, cmd: u16, payload: &[u8]) -> (Status, Vec<u8>) {
        let number = self.client.request(VERSION, cmd, payload, None).expect("there is room");
        let answer = |event: &Event| matches!(event, Event::Response { request, .. } if *request == number);
        match self.until(answer).await {
            (Event::Response { status, .. }, bytes) => (status, bytes),
            other => unreachable!("{other:?}"),
        }
    }

    /// What has come and was not looked at yet, to see that something is not among it.
    pub(crate) fn rest(&mut self) -> Vec<Event> {
        self.rest_with_bytes().into_iter().map(|(event, _)| event).collect()
    }

    /// The same, with payloads and texts.
    pub(crate) fn rest_with_bytes(&mut self) -> Vec<(Event, Vec<u8>)> {
        self.take();
        let waiting = std::mem::take(&mut self.waiting);
        waiting.iter().for_each(|(event, bytes)| self.note(event, bytes));
        waiting.into_iter().filter(|(event, bytes)| !self.is_echo(event, bytes)).collect()
    }
}
