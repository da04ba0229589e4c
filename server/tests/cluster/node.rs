//! One of the three nodes: a process that is replaced by another one when it has ended, behind proxies of its own.

use crate::book::{Book, FILTER};
use crate::processes::{Launch, Process};
use crate::proxy::Proxy;
use crate::servers::Servers;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use sterna_server::admin::{AdminClient, ClusterStatus, NodeStatus};

/// Where other nodes are told to find a node; it listens on 127.0.0.1, at the same port.
const BEFORE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// How long tokens of the tests are good for.
const TOKEN_LIFE: Duration = Duration::from_secs(600);

pub(crate) struct Node {
    /// Of its processes; the node's is `{name}-1`.
    pub(crate) name: &'static str,
    /// Between it and each server of NATS.
    to_nats: Vec<Arc<Proxy>>,
    /// Between the other nodes and it.
    from_nodes: Arc<Proxy>,
    peer_port: u16,
    process: Option<Process>,
    /// How often it was started.
    starts: u32,
}

impl Node {
    pub(crate) async fn new(name: &'static str, servers: &Servers) -> Self {
        let mut to_nats = Vec::new();
        for url in servers.urls() {
            let address = url.strip_prefix("nats://").and_then(|address| address.parse().ok());
            to_nats.push(Proxy::before(address.expect("an address of loopback")).await);
        }
        let (peer_port, from_nodes) = proxy_before_free_port().await;
        Self { name, to_nats, from_nodes, peer_port, process: None, starts: 0 }
    }

    /// Starts a process in the place of one that has ended, if there was one.
    pub(crate) async fn start(&mut self, keys: &Path, more: &str, book: &Arc<Book>) {
        self.process = None;
        self.starts += 1;
        let mut process = Process::launch(Launch {
            name: self.name,
            urls: self.to_nats.iter().map(|proxy| format!("nats://{}", proxy.address)).collect(),
            replicas: 3,
            keys,
            peer_port: self.peer_port,
            log: FILTER,
            more: &format!("peer_host = \"{BEFORE}\"\n{more}"),
            stderr: Stdio::piped(),
        })
        .await;
        if let Some(log) = process.log() {
            book.follow(format!("{} #{}", self.name, self.starts), log);
        }
        self.process = Some(process);
    }

    pub(crate) fn process(&self) -> &Process {
        self.process.as_ref().expect("it was started")
    }

    pub(crate) fn process_mut(&mut self) -> &mut Process {
        self.process.as_mut().expect("it was started")
    }

    /// What clients call it.
    pub(crate) fn node(&self) -> String {
        format!("{}-1", self.name)
    }

    async fn asked<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&AdminClient) -> Result<T, sterna_server::admin::ClientError> + Send + 'static,
    ) -> Result<T, String> {
        let client = AdminClient::new(self.process().admin());
        let answer = tokio::task::spawn_blocking(move || ask(&client)).await.expect("a thread");
        answer.map_err(|error| format!("{}: {error}", self.name))
    }

    /// A connect token that names it first.
    pub(crate) async fn token(&self, user: &str) -> Result<String, String> {
        let user = user.to_owned();
        self.asked(move |admin| admin.token(&user, TOKEN_LIFE)).await
    }

    /// The cluster as it sees it.
    pub(crate) async fn cluster(&self) -> Result<ClusterStatus, String> {
        self.asked(AdminClient::cluster).await
    }

    /// Itself.
    pub(crate) async fn status(&self) -> Result<NodeStatus, String> {
        let nodes = self.asked(AdminClient::nodes).await?;
        nodes.into_iter().next().ok_or_else(|| format!("{} has no node", self.name))
    }

    pub(crate) fn cut_from_nats(&self) {
        self.to_nats.iter().for_each(|proxy| proxy.cut());
    }

    pub(crate) fn heal_to_nats(&self) {
        self.to_nats.iter().for_each(|proxy| proxy.heal());
    }

    /// No other node reaches it any more.
    pub(crate) fn cut_from_nodes(&self) {
        self.from_nodes.cut();
    }

    pub(crate) fn heal_from_nodes(&self) {
        self.from_nodes.heal();
    }
}

/// A port that is free before the node's, and on its own address.
async fn proxy_before_free_port() -> (u16, Arc<Proxy>) {
    let (listener, port) = loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        if TcpListener::bind((BEFORE, port)).is_ok() {
            break (listener, port);
        }
    };
    drop(listener);
    (port, Proxy::at(SocketAddr::from((BEFORE, port)), SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await)
}
