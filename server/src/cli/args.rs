//! The command line, as clap reads it.

use crate::config::{DrainReason, PublicHost};
use crate::moves::MOVES_MAX;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

const ADMIN: &str = "127.0.0.1:7990";

/// Moves live players from one game server to another while they play.
#[derive(Debug, Parser)]
#[command(name = "sterna", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `sterna` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one or more nodes
    Serve(ServeArgs),
    /// Show the cluster as a running server sees it
    Status(StatusArgs),
    /// Show the nodes of a running server
    Nodes(NodesArgs),
    /// Show the last moves from and to the nodes of a running server
    Moves(MovesArgs),
    /// Take a node offline: its players move away
    Drain(DrainArgs),
    /// Let no new users into a node
    Cordon(NodeArgs),
    /// Let new users into a node again
    Uncordon(NodeArgs),
    /// Print a connect token of the development issuer
    Token(TokenArgs),
    /// Watch players move between nodes, with figures
    Demo(DemoArgs),
}

/// Arguments of `sterna serve`; what is given here wins over the file.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Name of the cluster
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// How many nodes to run in this process
    #[arg(long, value_name = "N")]
    pub nodes: Option<u16>,
    /// Print a connect token at start, to try things out
    #[arg(long)]
    pub dev: bool,
    /// Where the cluster's keys live; made at the first start
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Drain a node this often and start a new one instead, to watch players move
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub scale_in_every: Option<Duration>,
    /// Address to listen on
    #[arg(long, value_name = "IP")]
    pub host: Option<IpAddr>,
    /// Address or host name that clients are told instead of --host
    #[arg(long, value_name = "HOST")]
    pub public_host: Option<PublicHost>,
    /// TCP port of the first node that clients are told; 0: the one that it listens on
    #[arg(long, value_name = "PORT")]
    pub public_tcp_port: Option<u16>,
    /// UDP port of the first node that clients are told; 0: the one that it listens on
    #[arg(long, value_name = "PORT")]
    pub public_quic_port: Option<u16>,
    /// TCP port of the first node; 0: any free port
    #[arg(long, value_name = "PORT")]
    pub tcp_port: Option<u16>,
    /// UDP port of the first node; 0: any free port
    #[arg(long, value_name = "PORT")]
    pub quic_port: Option<u16>,
    /// Port of the first node for other nodes; 0: any free port
    #[arg(long, value_name = "PORT")]
    pub peer_port: Option<u16>,
    /// Where operators reach this process; always loopback
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<SocketAddr>,
    /// Where games ask for connect tokens, and probes for health
    #[arg(long, value_name = "ADDRESS")]
    pub endpoint: Option<SocketAddr>,
    /// Where Prometheus finds figures
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<SocketAddr>,
    /// The application's version, as nodes compare them; unless given, what the application says
    #[arg(long, value_name = "N")]
    pub app_version: Option<u32>,
    /// What clients are told when a signal drains the nodes
    #[arg(long, value_enum)]
    pub drain_reason: Option<DrainReason>,
    /// When a signal drains the nodes, let those with an older version take the players, too: for a roll-back
    #[arg(long)]
    pub drain_any_version: bool,
    /// What to log: a level, or pairs like `warn,sterna_server=debug`
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
}

/// Arguments of `sterna nodes`.
#[derive(Args, Clone, Debug)]
pub struct NodesArgs {
    /// Admin address of the server
    #[arg(long, value_name = "ADDRESS", default_value = ADMIN)]
    pub admin: SocketAddr,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sterna status`.
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    /// Admin address of the server
    #[arg(long, value_name = "ADDRESS", default_value = ADMIN)]
    pub admin: SocketAddr,
    /// Show it again and again, until Ctrl-C
    #[arg(long)]
    pub watch: bool,
    /// How often
    #[arg(long, value_name = "TIME", default_value = "1s", requires = "watch", value_parser = duration)]
    pub every: Duration,
    /// Print JSON instead of a table; with --watch, one line each time
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sterna moves`.
#[derive(Args, Clone, Debug)]
pub struct MovesArgs {
    /// Admin address of the server
    #[arg(long, value_name = "ADDRESS", default_value = ADMIN)]
    pub admin: SocketAddr,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=MOVES_MAX as i64))]
    pub last: u32,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sterna cordon` and `sterna uncordon`.
#[derive(Args, Clone, Debug)]
pub struct NodeArgs {
    /// The node, as `sterna nodes` names it
    pub node: String,
    /// Admin address of the server
    #[arg(long, value_name = "ADDRESS", default_value = ADMIN)]
    pub admin: SocketAddr,
}

/// Arguments of `sterna drain`.
#[derive(Args, Clone, Debug)]
pub struct DrainArgs {
    /// The node, as `sterna nodes` names it
    #[arg(required_unless_present = "all")]
    pub node: Option<String>,
    /// All nodes of the server's process, which ends when they are empty
    #[arg(long, conflicts_with_all = ["node", "dry_run"])]
    pub all: bool,
    /// Admin address of the server
    #[arg(long, value_name = "ADDRESS", default_value = ADMIN)]
    pub admin: SocketAddr,
    /// When moves are forced, 0s: now; unless given, as the server is configured
    #[arg(long, value_name = "TIME", value_parser = any_duration)]
    pub deadline: Option<Duration>,
    /// What clients are told
    #[arg(long, value_enum, default_value_t = DrainReason::Operator)]
    pub reason: DrainReason,
    /// Let nodes with an older version of the application take the players, too: for a roll-back
    #[arg(long)]
    pub any_version: bool,
    /// Only find out whether all players could be moved now, within the deadline: nobody notices
    #[arg(long, conflicts_with = "reason")]
    pub dry_run: bool,
    /// Print JSON instead of a table
    #[arg(long, requires = "dry_run")]
    pub json: bool,
}

/// Arguments of `sterna token`.
#[derive(Args, Clone, Debug)]
pub struct TokenArgs {
    /// The user's id
    pub user: String,
    /// How long the user may begin sessions with it
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    pub life: Duration,
    /// Ask the running server at this admin address
    #[arg(long, value_name = "ADDRESS", default_value = ADMIN, conflicts_with_all = ["config", "state_dir"])]
    pub admin: SocketAddr,
    /// Do not ask a server: take addresses and keys from this configuration
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Do not ask a server: take the keys from this directory
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// Arguments of `sterna demo`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct DemoArgs {
    /// How many players
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub players: u32,
    /// How many messages each player sends in a second
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate: u32,
    /// What players connect by; `both`: one half each
    #[arg(long, value_enum, default_value_t = Transport::Both)]
    pub transport: Transport,
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..=64))]
    pub nodes: u32,
    /// How long to play
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// Move a third of the players the classic way (disconnect, move, reconnect), let another third wait until
    /// they are forced, and compare
    #[arg(long)]
    pub classic: bool,
    /// Put players this far from the nodes, there and back; unless given 40 ms with --classic, else nothing
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub rtt: Option<Duration>,
    /// Play in rooms: everybody hears everybody of the same room, and rooms move as one
    #[arg(long, conflicts_with = "classic")]
    pub rooms: bool,
    /// How many players sit in one room; the last room is smaller if they do not come out even
    #[arg(long, value_name = "N", default_value_t = 8, requires = "rooms", value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub room_size: u32,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// Break a promise on purpose, to see that the demonstration would notice
    #[arg(long, value_enum, hide = true)]
    pub sabotage: Option<Sabotage>,
}

/// What players of the demonstration connect by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// TCP with TLS.
    Tcp,
    /// QUIC, over UDP.
    Udp,
    /// One half each.
    Both,
}

/// Which promise the demonstration breaks on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sabotage {
    /// Lose a message.
    Drop,
    /// Deliver a message twice.
    Duplicate,
    /// Deliver two messages in the wrong order.
    Reorder,
    /// Change a byte of user data.
    Corrupt,
}

/// `90s`, `1h 30m`: more than zero.
fn duration(text: &str) -> Result<Duration, String> {
    let duration = any_duration(text)?;
    if duration.is_zero() { Err("it must be more than zero".into()) } else { Ok(duration) }
}

/// The same, or nothing: `0s`.
fn any_duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| format!("{error}; write 30s or 5m"))?;
    // Times are passed on in milliseconds, and none means something else than few.
    if duration < Duration::from_millis(1) && !duration.is_zero() {
        return Err("it must be 1ms at the least, or 0s".into());
    }
    Ok(duration)
}
