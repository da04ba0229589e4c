//! The cluster that the cases of one kind are played on, one after the other.

use crate::PATIENCE;
use crate::book::Book;
use crate::crowd::Crowd;
use crate::judge::{Allowed, judge};
use crate::node::Node;
use crate::servers::{Folder, Servers};
use crate::table::Row;
use crate::times::Times;
use futures_util::future::try_join_all;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sterna_server::admin::NodeState;
use sterna_server::pki::ClusterKeys;

/// The stream that holds everything.
pub(crate) const STREAM: &str = "STERNA_dev";

/// Between two looks at what nothing tells.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Between two numbers of a player, unless there are many players.
pub(crate) const SAY_EVERY: Duration = Duration::from_millis(40);

pub(crate) struct Stage {
    pub(crate) servers: Servers,
    pub(crate) nodes: Vec<Node>,
    pub(crate) times: Times,
    durability: &'static str,
    book: Arc<Book>,
    keys: Folder,
    users: usize,
}

/// A case under way: its players, and when it began.
pub(crate) struct Scene {
    pub(crate) crowd: Crowd,
    began: Instant,
}

impl Stage {
    /// Starts three servers of NATS, and three nodes.
    pub(crate) async fn set(times: Times, durability: &'static str) -> Self {
        // Nodes are to know the servers by their proxies alone.
        let servers = Servers::start_with(3, Folder::new(), &["--no_advertise".into()]).await;
        let servers = servers.expect("the program is installed");
        let keys = Folder::new();
        ClusterKeys::load_or_create(keys.path(), "dev").expect("keys can be made");
        let mut nodes = Vec::new();
        for name in ["red", "green", "blue"] {
            nodes.push(Node::new(name, &servers).await);
        }
        let mut stage = Self { servers, nodes, times, durability, book: Arc::default(), keys, users: 0 };
        for index in 0..stage.nodes.len() {
            stage.start(index).await;
        }
        stage.until_ready().await.unwrap_or_else(|failure| panic!("{failure}\n{}", stage.explain()));
        stage
    }

    async fn start(&mut self, index: usize) {
        let (durability, times) = (self.durability, self.times.config());
        let more = format!("durability = {durability:?}\n[times]\ndrain_ms = 30000\n{times}");
        self.nodes[index].start(self.keys.path(), &more, &self.book).await;
    }

    /// Starts nodes in the place of those that have ended, and waits until all know all.
    pub(crate) async fn replace(&mut self, nodes: &[usize]) -> Result<(), String> {
        for index in nodes {
            self.start(*index).await;
        }
        self.until_ready().await
    }

    /// A process is told to end: it drains its node, and has to end well. Another one takes its place.
    pub(crate) async fn update(&mut self, index: usize) -> Result<(), String> {
        if !self.nodes[index].process_mut().ends_well().await {
            return Err(format!("{} did not end well", self.nodes[index].name));
        }
        self.replace(&[index]).await
    }

    /// Waits until every node is online and sees the two others online.
    pub(crate) async fn until_ready(&self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = try_join_all(self.nodes.iter().map(Node::cluster)).await?;
            let online = |states: &mut dyn Iterator<Item = NodeState>| {
                states.filter(|state| *state == NodeState::Online).count()
            };
            let ready = seen.iter().all(|cluster| {
                online(&mut cluster.nodes.iter().map(|node| node.state)) == 1
                    && !cluster.nodes.iter().any(|node| node.fenced)
                    && cluster.others.len() == 2
                    && online(&mut cluster.others.iter().map(|node| node.state)) == 2
            });
            if ready {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(format!("not all nodes are online, and known to each other: {seen:#?}"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until something is so that nothing tells.
    pub(crate) async fn until(
        &self,
        what: &str,
        mut is_so: impl AsyncFnMut(&Self) -> Result<bool, String>,
    ) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self).await? {
            if Instant::now() >= deadline {
                return Err(format!("it never came to pass: {what}"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Waits until NATS has a leader for the stream, and all three servers hold what it holds.
    pub(crate) async fn until_replicated(&self) -> Result<(), String> {
        self.until("all servers of NATS hold the stream", async |stage: &Self| {
            let Ok(client) = async_nats::connect(stage.servers.urls()).await else { return Ok(false) };
            let Ok(stream) = async_nats::jetstream::new(client).get_stream(STREAM).await else {
                return Ok(false);
            };
            let Some(cluster) = &stream.cached_info().cluster else { return Ok(false) };
            let current =
                |replica: &async_nats::jetstream::stream::PeerInfo| replica.current && !replica.offline;
            let replicas = &cluster.replicas;
            Ok(cluster.leader.is_some() && replicas.len() == 2 && replicas.iter().all(current))
        })
        .await
    }

    /// Which server of NATS leads the stream.
    pub(crate) async fn nats_leader(&self) -> Result<usize, String> {
        self.until_replicated().await?;
        self.servers.leader(STREAM, 0).await.ok_or_else(|| "the stream has no leader".into())
    }

    /// Begins a case with about so many players on each node.
    pub(crate) async fn begin(&mut self, players: [usize; 3], say_every: Duration) -> Result<Scene, String> {
        self.book.turn_the_page();
        let began = Instant::now();
        let mut tokens = Vec::new();
        for (node, count) in self.nodes.iter().zip(players) {
            for _ in 0..count {
                self.users += 1;
                let user = format!("player-{}", self.users);
                let token = node.token(&user).await?;
                tokens.push((user, token));
            }
        }
        let crowd = Crowd::join(&tokens, say_every, self.times.silence_max).await?;
        crowd.hear(20).await?;
        for (node, count) in self.nodes.iter().zip(players) {
            // A node that does not answer in time on a busy machine loses a newcomer to the next one.
            let there = crowd.on(&node.node()).len();
            if there < count.div_ceil(2) {
                return Err(format!("{there} players are on {}, not {count}", node.name));
            }
        }
        Ok(Scene { crowd, began })
    }

    /// Ends a case: everybody plays on for a moment, falls silent, and is judged.
    pub(crate) async fn end(&self, scene: Scene, allowed: Allowed) -> Result<Row, String> {
        let Scene { crowd, began } = scene;
        crowd.hear(20).await?;
        let histories = crowd.settle().await?;
        let verdict = judge(began, &histories, &self.book.lines(), allowed);
        if !verdict.wrongs.is_empty() {
            let shown: Vec<&str> = verdict.wrongs.iter().take(20).map(String::as_str).collect();
            return Err(format!("{} things are wrong:\n{}", verdict.wrongs.len(), shown.join("\n")));
        }
        self.nobody_is_left_behind(histories.len()).await?;
        crowd.leave().await?;
        Ok(Row { verdict, take_over: None })
    }

    /// Each session is on one node, and no node holds one that another serves.
    async fn nobody_is_left_behind(&self, players: usize) -> Result<(), String> {
        self.until("the nodes hold each session once", async |stage: &Self| {
            let held = try_join_all(stage.nodes.iter().map(Node::status)).await?;
            Ok(held.iter().map(|node| node.sessions).sum::<u64>() == players as u64)
        })
        .await
    }

    /// What a failing case shows.
    pub(crate) fn explain(&self) -> String {
        format!("{}\n{}", self.book.explain(), self.servers.explain())
    }
}
