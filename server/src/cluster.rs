//! The nodes of this process: started together, drained one by one, seen by operators as one list.

mod operator;

use crate::admin::OperatorError;
use crate::config::{Config, EngineConfig};
use crate::engine::{Engine, LocalEngine, NatsEngine, OpenError, Standing};
use crate::node::{DrainOrder, DrainReport, Guarded, Node, Observer, Shared, StartError};
use crate::pki::{ClusterKeys, PkiError};
use crate::user_token::{Issuer, IssuerKeyError, User, Verifier, connect_token};
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sterna::protocol::application::Application;
use sterna::protocol::reasons::OfflineReason;
use sterna::transport::BindError;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// How long the ports of a node that has stopped may take to become free.
const PORTS_FREE_MAX: Duration = Duration::from_secs(3);
const PORTS_LOOK_EVERY: Duration = Duration::from_millis(5);

/// So many nodes of other processes a connect token names: one that answers is enough, and a token is short.
const OTHERS_IN_TOKEN_MAX: usize = 8;

/// Why the nodes did not start.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The cluster's keys cannot be used.
    #[error(transparent)]
    Keys(#[from] PkiError),
    /// The game's public key cannot be used.
    #[error(transparent)]
    Issuer(#[from] IssuerKeyError),
    /// NATS cannot be used.
    #[error(transparent)]
    Engine(#[from] OpenError),
    /// A node did not start.
    #[error("{name}: {error}")]
    Node {
        /// Which one.
        name: String,
        /// Why.
        error: StartError,
    },
    /// No node has this name.
    #[error("there is no node `{0}` here")]
    UnknownNode(String),
    /// Only a node that has stopped is started again.
    #[error("node `{0}` has not stopped: drain it first")]
    NotStopped(String),
}

/// Why a node is not drained.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrainError {
    /// No node has this name.
    #[error("there is no node `{0}` here")]
    UnknownNode(String),
    /// It is on its way out, or gone.
    #[error("node `{0}` is offline already: only an earlier deadline changes its drain")]
    AlreadyOffline(String),
}

/// The nodes of this process.
pub struct Cluster {
    shared: Shared,
    issuer: Option<Issuer>,
    nodes: Mutex<Vec<Member>>,
    runtime: Handle,
}

struct Member {
    /// Place in the configuration's ports; a node started in place of another takes over its ports.
    index: u16,
    node: Arc<Node>,
    drained: watch::Receiver<Option<DrainReport>>,
    report: watch::Sender<Option<DrainReport>>,
}

impl Cluster {
    /// Starts the configured number of nodes on the configured engine.
    pub async fn start(
        config: Config,
        application: Arc<dyn Application>,
        observer: Arc<dyn Observer>,
    ) -> Result<Arc<Self>, ClusterError> {
        let keys = ClusterKeys::configured(&config)?;
        let verifier = Verifier::configured(&config, &keys)?;
        let issuer = config.issuer_public_key.is_none().then(|| Issuer::new(&keys));
        let count = config.nodes;
        let engine: Arc<dyn Engine> = match &config.engine {
            EngineConfig::Local => Arc::new(LocalEngine::default()),
            EngineConfig::Nats(nats) => {
                let (cluster, take_over) = (&config.cluster, config.times.take_over);
                Arc::new(NatsEngine::open_cluster(nats, cluster, take_over, keys.are_new()).await?)
            }
        };
        let shared = Shared {
            config: Arc::new(config),
            keys: Arc::new(keys),
            verifier: Arc::new(verifier),
            engine,
            // What tasks of a node call must not end them.
            application: Arc::new(Guarded(application)),
            observer,
            metrics: Arc::default(),
            moves: Arc::default(),
        };
        let cluster = Arc::new(Self { shared, issuer, nodes: Mutex::default(), runtime: Handle::current() });
        for index in 0..count {
            let name = cluster.shared.config.node_name(index);
            if let Err(error) = cluster.start_node(name, index).await {
                for node in cluster.nodes() {
                    node.stop().await;
                }
                return Err(error);
            }
        }
        Ok(cluster)
    }

    async fn start_node(&self, name: String, index: u16) -> Result<Arc<Node>, ClusterError> {
        let started = Node::start(name.clone(), index, self.shared.clone()).await;
        let node = started.map_err(|error| ClusterError::Node { name: name.clone(), error })?;
        let (report, drained) = watch::channel(None);
        let mut nodes = self.nodes.lock();
        nodes.retain(|member| member.node.name() != name);
        nodes.push(Member { index, node: node.clone(), drained, report });
        Ok(node)
    }

    /// Starts a node under the name, and on the ports, of one that has stopped: a new incarnation.
    pub async fn restart(&self, name: &str) -> Result<Arc<Node>, ClusterError> {
        let index = {
            let nodes = self.nodes.lock();
            let member = nodes.iter().find(|member| member.node.name() == name);
            let member = member.ok_or_else(|| ClusterError::UnknownNode(name.to_owned()))?;
            if !member.node.has_stopped() {
                return Err(ClusterError::NotStopped(name.to_owned()));
            }
            member.index
        };
        // Its sockets are closed by tasks that may have one step left.
        let give_up_at = Instant::now() + PORTS_FREE_MAX;
        loop {
            match self.start_node(name.to_owned(), index).await {
                Err(ClusterError::Node { error: StartError::Bind(BindError::InUse { .. }), .. })
                    if Instant::now() < give_up_at =>
                {
                    tokio::time::sleep(PORTS_LOOK_EVERY).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// What the operator wrote.
    pub fn config(&self) -> Arc<Config> {
        self.shared.config.clone()
    }

    /// The nodes, in the order of their names.
    pub fn nodes(&self) -> Vec<Arc<Node>> {
        let mut nodes: Vec<_> = self.nodes.lock().iter().map(|member| member.node.clone()).collect();
        nodes.sort_by(|a, b| a.name().cmp(b.name()));
        nodes
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<Arc<Node>> {
        self.nodes().into_iter().find(|node| node.name() == name)
    }

    /// Takes a node offline, and lets its drain go on by itself.
    pub fn begin_drain(
        &self,
        name: &str,
        deadline: Duration,
        reason: OfflineReason,
    ) -> Result<(), DrainError> {
        self.order_drain(name, DrainOrder::new(deadline, reason))
    }

    /// The same, by an order with everything in it. A drain under way gets an earlier deadline by it, but no later
    /// one.
    pub fn order_drain(&self, name: &str, order: DrainOrder) -> Result<(), DrainError> {
        match self.start_drain(name, order) {
            Err(DrainError::AlreadyOffline(_)) if self.hasten(name, order) => Ok(()),
            outcome => outcome,
        }
    }

    fn hasten(&self, name: &str, order: DrainOrder) -> bool {
        self.node(name).is_some_and(|node| node.hasten_drain(order))
    }

    fn start_drain(&self, name: &str, order: DrainOrder) -> Result<(), DrainError> {
        let nodes = self.nodes.lock();
        let member = nodes.iter().find(|member| member.node.name() == name);
        let member = member.ok_or_else(|| DrainError::UnknownNode(name.to_owned()))?;
        if !member.node.begin_drain(order) {
            return Err(DrainError::AlreadyOffline(name.to_owned()));
        }
        let (node, report) = (member.node.clone(), member.report.clone());
        self.runtime.spawn(async move {
            let drained = node.drain().await;
            report.send_replace(Some(drained));
        });
        Ok(())
    }

    /// Waits until a node has been drained.
    pub async fn drained(&self, name: &str) -> Option<DrainReport> {
        let mut drained = {
            let nodes = self.nodes.lock();
            nodes.iter().find(|member| member.node.name() == name)?.drained.clone()
        };
        let report = drained.wait_for(Option::is_some).await.ok()?;
        *report
    }

    /// Drains a node and waits for its end.
    pub async fn drain(
        &self,
        name: &str,
        deadline: Duration,
        reason: OfflineReason,
    ) -> Result<DrainReport, DrainError> {
        self.begin_drain(name, deadline, reason)?;
        self.drained(name).await.ok_or_else(|| DrainError::UnknownNode(name.to_owned()))
    }

    /// Drains all nodes at once and waits for their end: the process is about to exit. Where nobody else serves nodes
    /// of the cluster, sessions end at the deadline, or when their clients leave.
    pub async fn shut_down(&self, order: DrainOrder) -> DrainReport {
        for node in self.nodes() {
            // One that is being drained already, and in less time, is waited for as well.
            let _ = self.order_drain(node.name(), order);
        }
        self.all_drained().await
    }

    /// Waits until all nodes have been drained, whoever has ordered it.
    pub async fn all_drained(&self) -> DrainReport {
        let mut all = DrainReport::default();
        for node in self.nodes() {
            all = all.and(self.drained(node.name()).await.unwrap_or_default());
        }
        all
    }

    /// Waits until somebody has read the figures as they are from now on.
    pub fn figures_read(&self) -> impl Future<Output = ()> + use<> {
        self.shared.metrics.read_again()
    }

    /// Everybody who is still on a node that drains is moved without asking, now.
    pub fn hurry(&self) {
        for node in self.nodes() {
            self.hasten(node.name(), DrainOrder::new(Duration::ZERO, OfflineReason::Signal));
        }
    }

    /// A connect token of the development issuer that names the nodes that are online: all of this process, and the
    /// least loaded of others.
    pub fn connect_token(&self, user: &str, life: Duration) -> Result<String, OperatorError> {
        let issuer = self.issuer.as_ref().ok_or(OperatorError::NoIssuer)?;
        let user = User::new(user).map_err(|error| OperatorError::BadUser(error.to_string()))?;
        self.connect_token_around(issuer.issue(&user, life))
    }

    fn connect_token_around(&self, user_token: String) -> Result<String, OperatorError> {
        let (tcp, quic): (Vec<_>, Vec<_>) = self.online().into_iter().unzip();
        if tcp.is_empty() {
            return Err(OperatorError::Unavailable("no node is online".into()));
        }
        Ok(connect_token(&self.shared.keys, user_token, tcp, quic).encode())
    }
}

impl Cluster {
    /// Where clients reach nodes that take newcomers, by TCP and by QUIC.
    fn online(&self) -> Vec<(SocketAddr, SocketAddr)> {
        let own = self.nodes();
        // Of its own nodes a process knows more than it has published.
        let mut others = own.first().map(|node| node.other_nodes_online()).unwrap_or_default();
        others.retain(|info| own.iter().all(|node| node.id() != info.id));
        others.sort_by_key(|info| info.sessions);
        others.truncate(OTHERS_IN_TOKEN_MAX);
        let takes =
            |node: &Node| node.standing() == Standing::Online && !node.has_stopped() && !node.is_fenced();
        let own = own.iter().filter(|node| takes(node));
        let own = own.map(|node| (node.tcp(), node.quic()));
        own.chain(others.iter().map(|info| (info.tcp, info.quic))).collect()
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("nodes", &Cluster::nodes(self)).finish_non_exhaustive()
    }
}
