//! Three nodes, each a process, and the engine that they share.

use crate::process::{Addresses, Process};
use crate::store::Store;
use crate::{PATIENCE, TOKEN_LIFE};
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use sterna::client::token::ConnectToken;
use sterna_server::config::Config;
use sterna_server::pki::ClusterKeys;
use sterna_server::user_token::{Issuer, User, connect_token};

/// The leases' times at a twentieth.
pub(crate) const RENEW: Duration = Duration::from_millis(150);
pub(crate) const FENCE: Duration = Duration::from_millis(600);
pub(crate) const TAKE_OVER: Duration = Duration::from_millis(750);

pub(crate) const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];

/// Where the keys of clusters lie, a folder for each. A port of a node that has died may be another cluster's soon: with
/// keys of its own that one is not taken for the node.
const KEYS_DIR: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/faults");

static CLUSTERS: AtomicU32 = AtomicU32::new(0);

/// What differs between clusters, and between the nodes of one.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// As in the configuration: `none`, `lazy` or `snapshot`.
    pub(crate) durability: &'static str,
    /// Node 2 has room for so many sessions.
    pub(crate) room_at_target: Option<u32>,
    /// What clients are told as the address of node 2.
    pub(crate) target_host: Option<IpAddr>,
    /// How long a session waits for its client.
    pub(crate) resume: Duration,
    /// How often lazy snapshots are taken.
    pub(crate) snapshot: Duration,
    /// Other nodes reach node 2 by way of the test, which can cut them off.
    pub(crate) target_behind_proxy: bool,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            durability: "snapshot",
            room_at_target: None,
            target_host: None,
            resume: Duration::from_secs(60),
            snapshot: Duration::from_millis(200),
            target_behind_proxy: false,
        }
    }
}

impl Setting {
    fn config(&self, name: &str, keys: &Path) -> String {
        let mut text = format!("state_dir = {keys:?}\n");
        let _ = writeln!(text, "durability = \"{}\"", self.durability);
        text += "tcp_port = 0\nquic_port = 0\npeer_port = 0\n";
        text += "log = \"warn,sterna_server=debug\"\n";
        if let Some(host) = self.target_host.filter(|_| name == NODES[1]) {
            let _ = writeln!(text, "public_host = \"{host}\"");
        }
        text += "[limits]\nuser_data_bytes_max = 1048576\n";
        if let Some(room) = self.room_at_target.filter(|_| name == NODES[1]) {
            let _ = writeln!(text, "sessions_max = {room}");
        }
        let _ = writeln!(
            text,
            "[times]\nlease_renew_ms = {}\nself_fence_ms = {}\ntake_over_ms = {}\nsnapshot_ms = {}\nresume_ms = {}",
            RENEW.as_millis(),
            FENCE.as_millis(),
            TAKE_OVER.as_millis(),
            self.snapshot.as_millis(),
            self.resume.as_millis()
        );
        text += "attach_ms = 1000\nbaton_wait_ms = 300\nfreeze_ms = 100\nticket_ms = 4000\n";
        text
    }
}

pub(crate) struct Cluster {
    keys: ClusterKeys,
    keys_dir: PathBuf,
    pub(crate) store: Arc<Store>,
    pub(crate) nodes: Vec<Process>,
    pub(crate) addresses: Vec<Addresses>,
}

impl Cluster {
    pub(crate) async fn start(setting: &Setting) -> Result<Self, String> {
        let number = CLUSTERS.fetch_add(1, Ordering::Relaxed);
        let keys_dir = Path::new(KEYS_DIR).join(format!("{}-{number}", std::process::id()));
        let keys = ClusterKeys::load_or_create(&keys_dir, "dev").map_err(|error| error.to_string())?;
        let (store, engine) = Store::start().await;
        if setting.target_behind_proxy {
            store.put_proxy_before(NODES[1]);
        }
        for name in NODES {
            Config::parse(&setting.config(name, &keys_dir)).map_err(|error| error.to_string())?;
        }
        let nodes = NODES.map(|name| Process::start(name, &setting.config(name, &keys_dir), engine));
        let mut cluster = Self { keys, keys_dir, store, nodes: nodes.into(), addresses: Vec::new() };
        for node in &cluster.nodes {
            match node.until_online().await {
                Ok(addresses) => cluster.addresses.push(addresses),
                Err(error) => return Err(cluster.explain(&error)),
            }
        }
        Ok(cluster)
    }

    pub(crate) fn node(&self, name: &str) -> &Process {
        self.nodes.iter().find(|node| node.name == name).unwrap_or_else(|| panic!("no node {name}"))
    }

    /// A token that names all nodes, this one first.
    pub(crate) fn token(&self, user: &str, first: &str) -> ConnectToken {
        let user = User::new(user).expect("a name");
        let user_token = Issuer::new(&self.keys).issue(&user, TOKEN_LIFE);
        let mut order: Vec<usize> = (0..NODES.len()).collect();
        order.sort_by_key(|index| NODES[*index] != first);
        let all = |address: fn(&Addresses) -> SocketAddr| {
            order.iter().map(|index| address(&self.addresses[*index])).collect()
        };
        connect_token(&self.keys, user_token, all(|node| node.tcp), all(|node| node.quic))
    }

    /// Waits until a node has heard of everything that the engine has told so far: what it is told comes before the
    /// answers to what it asks, and it renews its lease only when the last renewal was answered.
    pub(crate) async fn until_up_to_date(&self, name: &str) -> Result<(), String> {
        self.until_renewed(name, 2).await
    }

    /// Waits for so many renewals of a node's lease.
    pub(crate) async fn until_renewed(&self, name: &str, times: usize) -> Result<(), String> {
        let index = NODES.iter().position(|node| *node == name).expect("one of the three");
        let id = self.addresses[index].id;
        let wanted = self.store.renewals(id) + times;
        until(&format!("{name} renews its lease {times} times"), || self.store.renewals(id) >= wanted).await
    }

    /// What a failing test shows.
    pub(crate) fn explain(&self, failure: &str) -> String {
        let mut text = format!("{failure}\n");
        for node in &self.nodes {
            text += &node.log();
        }
        self.store.with_log(|log| {
            let _ = writeln!(text, "--- records");
            for (at_us, record) in &log.records {
                let _ = writeln!(text, "{at_us} {record:?}");
            }
        });
        text
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.keys_dir);
    }
}

/// Waits until something is so that tells nobody when it changes.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() >= deadline {
            return Err(format!("it never came to pass: {what}"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}
