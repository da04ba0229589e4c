//! The configuration of a server process: every key has a default, and every mistake is named with its line.
//!
//! A wrong key is an error, not a shrug: a limit that was misspelt would otherwise be found in the worst
//! hour. Relations between values that the protocol relies on (a node must fence itself before others take
//! over) are checked here, before anything listens.

mod drain;
mod engine;
mod environment;
mod error;
mod file;
mod host;
mod numbers;

pub use drain::{Drain, DrainReason};
pub use engine::{EngineConfig, NatsConfig};
pub use error::ConfigError;
pub use host::{PublicHost, PublicHostError, choose as choose_address};

use numbers::{
    APP_VERSION, NODES, Number, PEER_PORT, PUBLIC_QUIC_PORT, PUBLIC_TCP_PORT, QUIC_PORT, TCP_PORT,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a server process runs; see [`Config::load`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Name of the cluster: in certificates, in user tokens and in connect tokens.
    pub cluster: String,
    /// Where the cluster's keys live. `None`: they are made at start and gone at the end.
    pub state_dir: Option<PathBuf>,
    /// What the nodes of this process are called, with a number behind it: no two processes of a cluster call theirs
    /// the same.
    pub name: String,
    /// How many nodes run in this process.
    pub nodes: u16,
    /// The address that nodes listen on.
    pub host: IpAddr,
    /// What clients are told instead of `host`, behind a translation of addresses. A name is resolved by the nodes.
    pub public_host: Option<PublicHost>,
    /// A file that holds it instead, which is read at the start: something else has found it out by then.
    pub public_host_file: Option<PathBuf>,
    /// TCP port of the first node that clients are told, behind a translation of ports; the next node takes the next
    /// port; 0: the one that the node listens on.
    pub public_tcp_port: u16,
    /// The same for QUIC.
    pub public_quic_port: u16,
    /// The address that other nodes are told instead of `host`. `None`: `host`, or `public_host` if that is any
    /// address.
    pub peer_host: Option<IpAddr>,
    /// TCP port of the first node, the next one takes the next port; 0: any free port.
    pub tcp_port: u16,
    /// UDP port of the first node for QUIC; 0: any free port.
    pub quic_port: u16,
    /// TCP port of the first node for other nodes; 0: any free port.
    pub peer_port: u16,
    /// Where operators reach this process; always loopback.
    pub admin: SocketAddr,
    /// Where games ask for connect tokens, and probes for health. `None`: nowhere.
    pub endpoint: Option<SocketAddr>,
    /// Where figures are served, and nothing else. `None`: to operators only.
    pub metrics: Option<SocketAddr>,
    /// Public key (PEM, Ed25519) of the game's own backend; with it the development issuer is off.
    pub issuer_public_key: Option<PathBuf>,
    /// Whether `SendMigrate()` is obeyed on a node that is not offline.
    pub migrate_when_online: bool,
    /// What happens when a user who is connected connects again.
    pub same_user: SameUser,
    /// What survives a crash.
    pub durability: Durability,
    /// What holds membership and ownership.
    pub engine: EngineConfig,
    /// The application's version, as nodes compare them: players are never moved to a lower one. `None`: what the
    /// application says.
    pub app_version: Option<u32>,
    /// The drain that a signal starts.
    pub drain: Drain,
    /// What to log: a level, or `target=level` pairs separated by commas.
    pub log: String,
    /// How much of everything.
    pub limits: Limits,
    /// How long for everything.
    pub times: Times,
}

/// What happens when a user who is connected connects again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SameUser {
    /// The newer connection wins, the older session ends.
    #[default]
    Replace,
    /// The older session stays, the newer connection is refused.
    Refuse,
}

/// What survives a crash of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Snapshots are written behind play; a take-over reports what is gone.
    #[default]
    Lazy,
    /// Nothing is acknowledged, and no reliable message to a client released, before the snapshot that holds it
    /// is stored: a crash loses nothing, at the price of a write for each batch of messages.
    Snapshot,
    /// No snapshots: a crash ends the sessions of the node.
    None,
}

/// Limits of one node; what happens at each is said in [`sterna::protocol::limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest reliable payload.
    pub message_bytes_max: u32,
    /// Sessions on one node; past it the node refuses new users as full.
    pub sessions_max: u32,
    /// All user data of one session, keys and values; past it a write is refused.
    pub user_data_bytes_max: u32,
    /// Replay buffer of one direction of a session.
    pub replay_bytes_max: u32,
    /// How many targets a move tries.
    pub targets_max: u32,
    /// Sessions that may be on their way to one node at once; past it their sources wait.
    pub arrivals_max: u32,
    /// Requests for connect tokens that are answered in a second; more are refused.
    pub endpoint_per_second: u32,
    /// Members of one room; a larger one is not made.
    pub room_members_max: u32,
    /// One property of a room; past it a write is refused.
    pub room_property_bytes_max: u32,
    /// All properties of a room and the game's own state of it; past it a write is refused.
    pub room_state_bytes_max: u32,
    /// The synchronised state of a room; past it a new key is refused.
    pub room_sync_bytes_max: u32,
}

/// Times of one node; why each has its default is said in [`sterna::protocol::limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// How long a client may take to attach to a target.
    pub attach: Duration,
    /// How long a session without a link waits for its client.
    pub resume: Duration,
    /// How long a drain lasts when nobody said how long; then moves are forced.
    pub drain: Duration,
    /// How long a move ticket is good for.
    pub ticket: Duration,
    /// When a target without its baton refuses.
    pub baton_wait: Duration,
    /// Longest freeze before the baton's first byte.
    pub freeze: Duration,
    /// How often a node renews its lease.
    pub lease_renew: Duration,
    /// When a node that could not renew serves nothing any more.
    pub self_fence: Duration,
    /// When others may take over.
    pub take_over: Duration,
    /// How often a snapshot of a session is written at most, with [`Durability::Lazy`].
    pub snapshot: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cluster: "dev".into(),
            state_dir: None,
            name: "node".into(),
            nodes: NODES.default as u16,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            public_host: None,
            public_host_file: None,
            public_tcp_port: PUBLIC_TCP_PORT.default as u16,
            public_quic_port: PUBLIC_QUIC_PORT.default as u16,
            peer_host: None,
            tcp_port: TCP_PORT.default as u16,
            quic_port: QUIC_PORT.default as u16,
            peer_port: PEER_PORT.default as u16,
            admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 7990)),
            endpoint: None,
            metrics: None,
            issuer_public_key: None,
            migrate_when_online: false,
            same_user: SameUser::default(),
            durability: Durability::default(),
            engine: EngineConfig::default(),
            app_version: None,
            drain: Drain::default(),
            log: "info".into(),
            limits: Limits::default(),
            times: Times::default(),
        }
    }
}

impl Config {
    /// Reads a file, if there is one, and variables of the environment (`STERNA__LIMITS__SESSIONS_MAX=100`), which
    /// win over it; and checks it all.
    pub fn load(
        path: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        Self::load_with(path, variables, |_| {})
    }

    /// The same, with changes that win over both and are made before it is checked.
    pub fn load_with(
        path: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
        change: impl FnOnce(&mut Self),
    ) -> Result<Self, ConfigError> {
        let mut text = String::new();
        if let Some(path) = path {
            text = std::fs::read_to_string(path)
                .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
            file::read(&text)
                .map_err(|error| ConfigError::InFile { path: path.to_owned(), error: Box::new(error) })?;
        }
        let mut config = file::read(&environment::over(&text, variables)?)?;
        change(&mut config);
        config.take_public_host().and_then(|()| config.validate()).map_err(|error| match path {
            Some(path) => ConfigError::InFile { path: path.to_owned(), error: Box::new(error) },
            None => error,
        })?;
        Ok(config)
    }

    /// Reads the file with the public host, if there is one.
    fn take_public_host(&mut self) -> Result<(), ConfigError> {
        let Some(path) = &self.public_host_file else { return Ok(()) };
        let bad =
            |value: String, expected| Err(ConfigError::BadText { key: "public_host_file", value, expected });
        if self.public_host.is_some() {
            return bad(path.display().to_string(), "`public_host` is set, too: leave one of them out");
        }
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
        match text.trim().parse() {
            Ok(host) => self.public_host = Some(host),
            Err(_) => return bad(text, "expected in the file is an IP address, or a host name"),
        }
        Ok(())
    }

    /// Reads TOML, and checks it.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config = file::read(text)?;
        config.validate()?;
        Ok(config)
    }

    /// Checks every value and every relation. [`parse`](Self::parse) has done so; to be called again by
    /// whoever sets fields afterwards.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_texts()?;
        self.app_version.map_or(Ok(0), |version| APP_VERSION.check(version, None))?;
        self.limits.validate()?;
        self.times.validate()?;
        self.validate_engine()?;
        self.validate_addresses()
    }

    /// Where node `index` (from 0) listens for TCP.
    pub fn tcp_address(&self, index: u16) -> SocketAddr {
        SocketAddr::new(self.host, port_of(self.tcp_port, index))
    }

    /// Where node `index` listens for QUIC.
    pub fn quic_address(&self, index: u16) -> SocketAddr {
        SocketAddr::new(self.host, port_of(self.quic_port, index))
    }

    /// Where node `index` listens for other nodes.
    pub fn peer_address(&self, index: u16) -> SocketAddr {
        SocketAddr::new(self.host, port_of(self.peer_port, index))
    }

    /// What clients are told about node `index`'s listener for TCP: its address, with what stands before it; `public`
    /// is the public host's address.
    pub fn public_tcp_address(&self, index: u16, listener: SocketAddr, public: Option<IpAddr>) -> SocketAddr {
        public_address(self.public_tcp_port, index, listener, public)
    }

    /// The same for QUIC.
    pub fn public_quic_address(
        &self,
        index: u16,
        listener: SocketAddr,
        public: Option<IpAddr>,
    ) -> SocketAddr {
        public_address(self.public_quic_port, index, listener, public)
    }

    /// What other nodes are told about a listener: its address, with the host that is for them; `public` is the
    /// public host's address.
    pub fn peer_public_address(&self, listener: SocketAddr, public: Option<IpAddr>) -> SocketAddr {
        let instead = self.peer_host.or(public.filter(|_| listener.ip().is_unspecified()));
        SocketAddr::new(instead.unwrap_or(listener.ip()), listener.port())
    }

    /// The name of node `index` (from 0).
    pub fn node_name(&self, index: u16) -> String {
        format!("{}-{}", self.name, index + 1)
    }

    fn validate_texts(&self) -> Result<(), ConfigError> {
        let bad =
            |key, value: &str, expected| Err(ConfigError::BadText { key, value: value.into(), expected });
        let label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_label = |name: &str| {
            let edge = name.starts_with('-') || name.ends_with('-');
            !name.is_empty() && name.len() <= 40 && !edge && name.bytes().all(label)
        };
        if !is_label(&self.cluster) {
            let expected = "a cluster's name is 1 to 40 lower-case letters, digits and inner hyphens, \
                            because it is part of a host name";
            return bad("cluster", &self.cluster, expected);
        }
        if !is_label(&self.name) {
            let expected = "a name of nodes is 1 to 40 lower-case letters, digits and inner hyphens";
            return bad("name", &self.name, expected);
        }
        if crate::logging::filter(&self.log).is_none() {
            let expected = "expected is off, error, warn, info, debug, trace, or pairs like \
                            `info,sterna_server=debug`";
            return bad("log", &self.log, expected);
        }
        Ok(())
    }

    fn validate_engine(&self) -> Result<(), ConfigError> {
        let EngineConfig::Nats(nats) = &self.engine else { return Ok(()) };
        // Keys that this process made for itself would be no other's.
        if self.state_dir.is_none() {
            return Err(ConfigError::NoSharedKeys);
        }
        nats.validate()
    }

    fn validate_addresses(&self) -> Result<(), ConfigError> {
        NODES.check(self.nodes, None)?;
        if !self.admin.ip().is_loopback() {
            return Err(ConfigError::AdminNotLoopback(self.admin));
        }
        if self.host.is_unspecified() && self.public_host.as_ref().is_none_or(PublicHost::is_unspecified) {
            return Err(ConfigError::NoPublicHost(self.host));
        }
        let ports = |number: &Number, base: u16| {
            // The last node's port has to exist too.
            let max = 65536 - u64::from(self.nodes);
            Number { key: number.key, allowed: 0..=max, default: 0 }.check(base, None)
        };
        ports(&TCP_PORT, self.tcp_port)?;
        ports(&QUIC_PORT, self.quic_port)?;
        ports(&PEER_PORT, self.peer_port)?;
        ports(&PUBLIC_TCP_PORT, self.public_tcp_port)?;
        ports(&PUBLIC_QUIC_PORT, self.public_quic_port)?;
        self.no_overlap(("tcp_port", self.tcp_port, self.nodes), ("peer_port", self.peer_port, self.nodes))?;
        if self.host == self.admin.ip() || self.host.is_unspecified() {
            let admin = ("admin", self.admin.port(), 1);
            self.no_overlap(("tcp_port", self.tcp_port, self.nodes), admin)?;
            self.no_overlap(("peer_port", self.peer_port, self.nodes), admin)?;
        }
        for (key, address) in [("endpoint", self.endpoint), ("metrics", self.metrics)] {
            let Some(address) = address else { continue };
            if self.host == address.ip() || self.host.is_unspecified() || address.ip().is_unspecified() {
                let own = (key, address.port(), 1);
                self.no_overlap(("tcp_port", self.tcp_port, self.nodes), own)?;
                self.no_overlap(("peer_port", self.peer_port, self.nodes), own)?;
            }
        }
        Ok(())
    }

    fn no_overlap(
        &self,
        (first, first_port, first_count): (&'static str, u16, u16),
        (second, second_port, second_count): (&'static str, u16, u16),
    ) -> Result<(), ConfigError> {
        let end = |port: u16, count: u16| u32::from(port) + u32::from(count);
        let apart = end(first_port, first_count) <= u32::from(second_port)
            || end(second_port, second_count) <= u32::from(first_port);
        if first_port == 0 || second_port == 0 || apart {
            return Ok(());
        }
        Err(ConfigError::PortsOverlap { first, second, port: first_port.max(second_port), nodes: self.nodes })
    }
}

fn public_address(port: u16, index: u16, listener: SocketAddr, public: Option<IpAddr>) -> SocketAddr {
    let port = if port == 0 { listener.port() } else { port_of(port, index) };
    SocketAddr::new(public.unwrap_or(listener.ip()), port)
}

fn port_of(base: u16, index: u16) -> u16 {
    if base == 0 { 0 } else { base.saturating_add(index) }
}

#[cfg(test)]
mod tests;
