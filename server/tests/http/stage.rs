//! A server with all its sides, and players on it.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sterna::client::config::Transport;
use sterna::client::event::{Batch, Event};
use sterna::client::{Client, Config as ClientConfig};
use sterna_server::admin;
use sterna_server::builtin::{self, Builtin};
use sterna_server::cluster::Cluster;
use sterna_server::config::Config;
use sterna_server::node::NoObserver;
use tokio::runtime::Runtime;

/// Longest wait for something that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A cluster of one process with its HTTP.
pub(crate) struct Stage {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) admin: SocketAddr,
    pub(crate) public: SocketAddr,
    pub(crate) metrics: SocketAddr,
    runtime: Runtime,
}

impl Stage {
    pub(crate) fn new(nodes: u16) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let config = Config { nodes, tcp_port: 0, quic_port: 0, peer_port: 0, ..Config::default() };
        let started = Cluster::start(config, Arc::new(Builtin), Arc::new(NoObserver));
        let cluster = runtime.block_on(started).expect("the cluster starts");
        let listen = || {
            let listener = runtime.block_on(admin::bind("127.0.0.1:0".parse().expect("an address")));
            let listener = listener.expect("a port is free");
            (listener.local_addr().expect("it is bound"), listener)
        };
        let ((admin, for_admin), (public, for_public), (metrics, for_metrics)) =
            (listen(), listen(), listen());
        let forever = std::future::pending::<()>;
        runtime.spawn(admin::serve(for_admin, cluster.clone(), Duration::from_secs(60), forever()));
        runtime.spawn(admin::serve_public(for_public, cluster.clone(), NonZeroU32::MAX, forever()));
        runtime.spawn(admin::serve_metrics(for_metrics, cluster.clone(), forever()));
        Self { cluster, admin, public, metrics, runtime }
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Waits for the end of a drain.
    pub(crate) fn drained(&self, node: &str) {
        let drained = async { tokio::time::timeout(PATIENCE, self.cluster.drained(node)).await };
        let report = self.runtime.block_on(drained).expect("a drain ends").expect("it has been drained");
        assert_eq!(report.closed, 0, "somebody found no target");
    }

    pub(crate) fn player(&self, user: &str, transport: Transport) -> Player {
        let client = Client::create(ClientConfig { transport, ..ClientConfig::default() }).expect("a client");
        let token = self.cluster.connect_token(user, Duration::from_secs(60)).expect("a token");
        client.connect(&token).expect("it can begin");
        let mut player = Player { client, node: String::new(), echoes: 0 };
        player.until(|event| matches!(event, Event::Connected { .. }));
        player
    }
}

/// A player, whose game looks for events.
pub(crate) struct Player {
    client: Client,
    /// Where it plays.
    pub(crate) node: String,
    echoes: u32,
}

impl Player {
    /// Sends so many messages and waits for their echoes.
    pub(crate) fn echo(&mut self, count: u32) {
        let wanted = self.echoes + count;
        for number in 0..count {
            self.client
                .send(true, builtin::VERSION, builtin::ECHO, &number.to_be_bytes())
                .expect("there is room for it");
        }
        let deadline = Instant::now() + PATIENCE;
        while self.echoes < wanted {
            self.look(deadline);
        }
    }

    /// Asks to be moved when told that the node goes offline.
    pub(crate) fn follow(&mut self) {
        self.until(|event| matches!(event, Event::Offline { .. }));
        self.client.send_migrate().expect("the node is offline");
        self.until(|event| matches!(event, Event::Migrated { .. }));
    }

    /// Asks to be moved when told that the node goes offline, and hears that there is no way.
    pub(crate) fn ask_in_vain(&mut self) {
        self.until(|event| matches!(event, Event::Offline { .. }));
        self.client.send_migrate().expect("the node is offline");
        self.until(|event| matches!(event, Event::MigrateFailed { .. }));
    }

    fn until(&mut self, wanted: impl Fn(&Event) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !self.look(deadline).iter().any(&wanted) {}
    }

    fn look(&mut self, deadline: Instant) -> Vec<Event> {
        assert!(Instant::now() < deadline, "it did not come");
        let mut batch = Batch::default();
        self.client.take_events(&mut batch);
        let mut seen = Vec::new();
        for (event, bytes) in batch.iter() {
            self.client.consumed(Batch::cost(bytes.len()));
            match event {
                Event::Push { .. } => self.echoes += 1,
                Event::Connected { .. } | Event::Migrated { .. } => {
                    self.node = String::from_utf8(bytes.to_vec()).expect("a name");
                }
                _ => {}
            }
            seen.push(event);
        }
        if seen.is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
        seen
    }
}

/// What a side of the server answers: status, content type, body.
pub(crate) fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, String, String) {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .proxy(None)
        .build();
    let agent = config.new_agent();
    let url = format!("http://{address}{path}");
    let answer = if method == "GET" {
        headers.iter().fold(agent.get(url), |request, (name, value)| request.header(*name, *value)).call()
    } else {
        let mut request = agent.post(url);
        if headers.iter().all(|(name, _)| *name != "Content-Type") {
            request = request.header("Content-Type", "application/json");
        }
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send(body)
    };
    let mut answer = answer.expect("the server answers");
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (status, kind) = (answer.status().as_u16(), kind.to_owned());
    (status, kind, answer.body_mut().read_to_string().expect("text"))
}

/// A file of the repository.
pub(crate) fn read(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
