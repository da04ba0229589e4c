//! The command `sterna`: what can be asked of it, and how it answers.
//!
//! Answers go to stdout, one clear line for each error to stderr. The exit code is 0, 1 when something
//! failed, 2 when the command line or the configuration is wrong.

mod args;
mod dry_run;
mod show;
mod token;

pub use args::{
    Cli, Command, DemoArgs, DrainArgs, MovesArgs, NodeArgs, NodesArgs, Sabotage, ServeArgs, StatusArgs,
    TokenArgs, Transport,
};

use crate::admin::{AdminClient, ClientError};
use crate::config::{Config, ConfigError};
use crate::logging;
use crate::pki::PkiError;
use clap::Parser as _;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// What the command line hands on to the rest of the server.
#[derive(Clone, Copy, Debug)]
pub struct Handlers {
    /// Runs nodes until they are told to stop.
    pub serve: fn(ServePlan) -> Result<(), CliError>,
    /// Runs the demonstration.
    pub demo: fn(DemoArgs) -> Result<(), CliError>,
}

/// What `sterna serve` is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServePlan {
    /// The file's configuration with the command line's changes, checked.
    pub config: Config,
    /// Print a connect token at start, to try things out.
    pub dev: bool,
    /// Drain a node this often and start a new one instead, to watch players move.
    pub scale_in_every: Option<Duration>,
}

/// Why a command did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line or the configuration is wrong.
    #[error("{0}")]
    Usage(String),
    /// It was right, but did not work out.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    /// The exit code of the process.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
        }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<PkiError> for CliError {
    fn from(error: PkiError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// The whole of `main`.
pub fn main(handlers: &Handlers) -> ExitCode {
    // clap itself answers `--help`, and exits with 2 when the command line is wrong.
    let cli = Cli::parse();
    match run(cli, handlers, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sterna: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

/// Carries out one command; answers go to `out`.
pub fn run(cli: Cli, handlers: &Handlers, out: &mut dyn Write) -> Result<(), CliError> {
    match cli.command {
        Command::Serve(args) => {
            let plan = plan(args)?;
            logging::init(&plan.config.log);
            (handlers.serve)(plan)
        }
        Command::Demo(args) => (handlers.demo)(args),
        Command::Nodes(args) => {
            let nodes = AdminClient::new(args.admin).nodes()?;
            Ok(out.write_all(show::nodes(&nodes, args.json).as_bytes())?)
        }
        Command::Status(args) => show::status(&args, out),
        Command::Moves(args) => {
            let moves = AdminClient::new(args.admin).moves(args.last)?;
            Ok(out.write_all(show::moves(&moves, args.json).as_bytes())?)
        }
        Command::Drain(args) => drain(&args, out),
        Command::Cordon(args) => {
            AdminClient::new(args.admin).cordon(&args.node, true)?;
            Ok(writeln!(out, "{} takes no new users now", args.node)?)
        }
        Command::Uncordon(args) => {
            AdminClient::new(args.admin).cordon(&args.node, false)?;
            Ok(writeln!(out, "{} takes new users again", args.node)?)
        }
        Command::Token(args) => Ok(writeln!(out, "{}", token::issue(args)?)?),
    }
}

fn drain(args: &DrainArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let (server, reason) = (AdminClient::new(args.admin), args.reason.into());
    match &args.node {
        Some(node) if args.dry_run => dry_run::run(node, args, out),
        Some(node) => {
            server.drain(node, args.deadline, reason, args.any_version)?;
            Ok(writeln!(out, "{node} is offline now and moves its players away")?)
        }
        // Without a node the command line has said `--all`.
        None => {
            server.drain_all(args.deadline, reason, args.any_version)?;
            Ok(writeln!(out, "all nodes are offline now and move their players away; then the process ends")?)
        }
    }
}

/// The configuration that `sterna serve` runs with: the file's, changed by the environment and by the command line.
fn plan(args: ServeArgs) -> Result<ServePlan, CliError> {
    let (dev, scale_in_every) = (args.dev, args.scale_in_every);
    let path = args.config.clone();
    let config = load(path.as_deref(), |config| overrule(config, args))?;
    if dev && config.issuer_public_key.is_some() {
        let text =
            "--dev needs the development issuer, but `issuer_public_key` is set: leave one of them out";
        return Err(CliError::Usage(text.into()));
    }
    if scale_in_every.is_some() && config.nodes < 2 {
        let text = "--scale-in-every needs at least two nodes, or there is none to move to: add --nodes 2";
        return Err(CliError::Usage(text.into()));
    }
    Ok(ServePlan { config, dev, scale_in_every })
}

/// What the command line says wins.
fn overrule(config: &mut Config, args: ServeArgs) {
    replace(&mut config.cluster, args.cluster);
    replace(&mut config.nodes, args.nodes);
    replace(&mut config.host, args.host);
    replace(&mut config.tcp_port, args.tcp_port);
    replace(&mut config.quic_port, args.quic_port);
    replace(&mut config.peer_port, args.peer_port);
    replace(&mut config.public_tcp_port, args.public_tcp_port);
    replace(&mut config.public_quic_port, args.public_quic_port);
    replace(&mut config.admin, args.admin);
    replace(&mut config.log, args.log);
    overrule_option(&mut config.state_dir, args.state_dir);
    overrule_option(&mut config.endpoint, args.endpoint);
    overrule_option(&mut config.metrics, args.metrics);
    replace(&mut config.drain.reason, args.drain_reason);
    config.drain.any_version |= args.drain_any_version;
    overrule_option(&mut config.app_version, args.app_version);
    if args.public_host.is_some() {
        (config.public_host, config.public_host_file) = (args.public_host, None);
    }
}

/// The file's configuration, changed by the environment and then by the command line. A variable that is not UTF-8 is
/// none of ours.
fn load(path: Option<&Path>, change: impl FnOnce(&mut Config)) -> Result<Config, ConfigError> {
    let variables = std::env::vars_os();
    Config::load_with(
        path,
        variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        change,
    )
}

fn overrule_option<T>(field: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *field = value;
    }
}

fn replace<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

#[cfg(test)]
mod tests;
