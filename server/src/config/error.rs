//! What can be wrong with a configuration, and what to do about it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Why a configuration does not do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Something in this file is wrong.
    #[error("{path}: {error}", path = path.display())]
    InFile {
        /// Which file.
        path: PathBuf,
        /// What.
        error: Box<ConfigError>,
    },
    /// A variable of the environment is wrong.
    #[error("in the environment: `{variable}`: {error}")]
    InEnvironment {
        /// Which one.
        variable: String,
        /// What.
        error: String,
    },
    /// It is not TOML.
    #[error("line {line}: not TOML: {message}")]
    Syntax {
        /// Where, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// There is no such key.
    #[error("line {line}: there is no key `{key}` here; known are {known}")]
    UnknownKey {
        /// Where, from 1.
        line: usize,
        /// The key.
        key: String,
        /// The keys that there are.
        known: String,
    },
    /// A value is of the wrong kind.
    #[error("line {line}: `{key}`: {message}")]
    BadValue {
        /// Where, from 1.
        line: usize,
        /// The key.
        key: String,
        /// What was found and what is expected.
        message: String,
    },
    /// A number is too small or too large.
    #[error("{}`{key}` is {value}: allowed is {min} to {max}", at_line(*.line))]
    OutOfRange {
        /// Where, from 1; `None` if it was not set in a file.
        line: Option<usize>,
        /// The key.
        key: &'static str,
        /// What it is set to.
        value: i64,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// Two values do not go together.
    #[error("`{lesser}` ({lesser_value}) must be less than {greater_phrase} ({greater_value}): {why}")]
    Relation {
        /// The key that must be less.
        lesser: &'static str,
        /// What it is set to.
        lesser_value: u64,
        /// What it must be less than.
        greater_phrase: &'static str,
        /// What that amounts to.
        greater_value: u64,
        /// Why the protocol needs it.
        why: &'static str,
    },
    /// A text has a form that it must not have.
    #[error("`{key}` is `{value}`: {expected}")]
    BadText {
        /// The key.
        key: &'static str,
        /// What it is set to.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The admin interface has no log-in, so it must not be reachable from elsewhere.
    #[error(
        "`admin` is {0}, which is not a loopback address: the admin interface has no log-in; \
         use 127.0.0.1 or [::1] and reach it through a tunnel"
    )]
    AdminNotLoopback(SocketAddr),
    /// Clients cannot be told to connect to "any address".
    #[error(
        "`host` is {0}, which clients cannot connect to: set `public_host` to the address or name they shall use"
    )]
    NoPublicHost(IpAddr),
    /// Nodes of several processes need the same keys.
    #[error(
        "`engine.kind` is `nats`, but `state_dir` is not set: all nodes of a cluster share its keys; set it to a \
         folder with the same keys on every machine"
    )]
    NoSharedKeys,
    /// A key that the engine `local` has no use for.
    #[error("`{0}` is set, but `engine.kind` is `local`: set it to `nats`, or take the key out")]
    OnlyWithNats(&'static str),
    /// Two listeners would take the same port.
    #[error(
        "`{first}` and `{second}` overlap at port {port} with {nodes} nodes: move one of them, or use 0 for any free port"
    )]
    PortsOverlap {
        /// One key.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// A port that both would take.
        port: u16,
        /// How many nodes there are.
        nodes: u16,
    },
}

fn at_line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}: "))
}
