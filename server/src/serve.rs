//! `sterna serve`: runs nodes until the process is told to stop, then drains them; or until they are drained.

use crate::admin;
use crate::builtin::Builtin;
use crate::cli::{CliError, ServePlan};
use crate::cluster::Cluster;
use crate::config::Config;
use crate::node::{DrainOrder, DrainReport, NoObserver};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::reasons::OfflineReason;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a token that `--dev` prints is good for.
const DEV_TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// When sessions were lost at the end, the process waits so long for somebody to read its figures once more.
const LAST_FIGURES_MAX: Duration = Duration::from_secs(60);

/// A start that is told to stop may take so much longer: nodes that others know of already are drained.
const START_REST_MAX: Duration = Duration::from_secs(2);

/// How long the last answer with figures may take.
const LAST_ANSWER_MAX: Duration = Duration::from_secs(1);

/// Runs nodes until Ctrl-C or SIGTERM, or until operators have drained all of them. A second signal moves everybody
/// at once, a third one ends the process at once. That sessions were ended with it is an error.
pub fn run(plan: ServePlan) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(plan))
}

async fn serve(plan: ServePlan) -> Result<(), CliError> {
    // First of all: the first process of a container cannot be ended by a signal that nobody waits for.
    let mut signals = Signals::new()?;
    if let Err(error) = sterna::sys::raise_file_limit() {
        tracing::warn!("cannot raise the limit of open files: {error}");
    }
    let ports = Ports::bind(&plan.config).await?;
    let Some((cluster, mut told)) = start(&plan.config, &mut signals).await? else { return Ok(()) };
    let (stop, stopped) = watch::channel(false);
    let (addresses, figures) = ports.serve(&plan.config, &cluster, stopped)?;
    announce(&plan, &cluster, &addresses)?;
    let rotation = plan.scale_in_every.map(|every| tokio::spawn(scale_in_forever(cluster.clone(), every)));

    if !told {
        tokio::select! {
            next = signals.next() => {
                next?;
                told = true;
            }
            // A rotation brings back what it drains.
            _ = cluster.all_drained(), if rotation.is_none() => eprintln!("sterna: all nodes have been drained"),
        }
    }
    if told {
        eprintln!("sterna: draining; once more to move everybody now");
    }
    if let Some(rotation) = rotation {
        rotation.abort();
    }
    let drained = drain_until_told(&plan.config, &cluster, &mut signals).await?;
    if drained.closed + drained.parked > 0 && figures.is_some() {
        // Nobody would ever hear of it by figures else. Whoever waits may be killed: all nodes have stopped.
        eprintln!(
            "sterna: no node took {}; waiting for somebody to read the last figures",
            drained.closed + drained.parked
        );
        tokio::select! {
            _ = tokio::time::timeout(LAST_FIGURES_MAX, cluster.figures_read()) => {}
            next = signals.next() => next?,
        }
    }
    let _ = stop.send(true);
    if let Some(figures) = figures {
        let _ = tokio::time::timeout(LAST_ANSWER_MAX, figures).await;
    }
    match drained.closed {
        0 => Ok(()),
        closed => Err(CliError::Failed(format!("no node took {closed} of the sessions: they were ended"))),
    }
}

/// Starts the nodes, and says whether the process has been told to stop meanwhile. `None`: it has, and there is
/// nothing yet that would have to be drained.
async fn start(config: &Config, signals: &mut Signals) -> Result<Option<(Arc<Cluster>, bool)>, CliError> {
    let mut start = std::pin::pin!(Cluster::start(config.clone(), Arc::new(Builtin), Arc::new(NoObserver)));
    let (started, told) = tokio::select! {
        started = &mut start => (started, false),
        next = signals.next() => {
            next?;
            match tokio::time::timeout(START_REST_MAX, start).await {
                Ok(started) => (started, true),
                Err(_) => {
                    eprintln!("sterna: told to stop before it had started");
                    return Ok(None);
                }
            }
        }
    };
    Ok(Some((started.map_err(|error| CliError::Failed(error.to_string()))?, told)))
}

/// Where the process is asked by HTTP.
struct Ports {
    admin: TcpListener,
    endpoint: Option<TcpListener>,
    metrics: Option<TcpListener>,
}

/// Which side listens where, by name.
type Addresses = Vec<(&'static str, SocketAddr)>;

/// What gives away figures.
type Figures = JoinHandle<io::Result<()>>;

impl Ports {
    async fn bind(config: &Config) -> Result<Self, CliError> {
        let admin = admin::bind(config.admin).await.map_err(|error| {
            CliError::Failed(format!(
                "cannot listen on {} for operators: {error}: stop the other process, or set `admin`",
                config.admin
            ))
        })?;
        let endpoint = bind_open("endpoint", config.endpoint).await?;
        Ok(Self { admin, endpoint, metrics: bind_open("metrics", config.metrics).await? })
    }

    /// Answers until `stopped`. Gives who listens where, and the task that gives away figures.
    fn serve(
        self,
        config: &Config,
        cluster: &Arc<Cluster>,
        stopped: watch::Receiver<bool>,
    ) -> Result<(Addresses, Option<Figures>), CliError> {
        let shutdown = || {
            let mut stopped = stopped.clone();
            async move { _ = stopped.wait_for(|stop| *stop).await }
        };
        let mut addresses = vec![("admin", self.admin.local_addr()?)];
        tokio::spawn(admin::serve(self.admin, cluster.clone(), config.times.drain, shutdown()));
        if let Some(listener) = self.endpoint {
            addresses.push(("endpoint", listener.local_addr()?));
            // At least 1, by its range.
            let per_second = NonZeroU32::new(config.limits.endpoint_per_second).unwrap_or(NonZeroU32::MIN);
            warn_of_open_issuer(config, listener.local_addr()?);
            tokio::spawn(admin::serve_public(listener, cluster.clone(), per_second, shutdown()));
        }
        let mut figures = None;
        if let Some(listener) = self.metrics {
            addresses.push(("metrics", listener.local_addr()?));
            figures = Some(tokio::spawn(admin::serve_metrics(listener, cluster.clone(), shutdown())));
        }
        Ok((addresses, figures))
    }
}

/// Drains all nodes and waits until that is done. To be told again makes it as short as can be, and once more breaks
/// it off.
async fn drain_until_told(
    config: &Config,
    cluster: &Cluster,
    signals: &mut Signals,
) -> Result<DrainReport, CliError> {
    let order = DrainOrder {
        any_version: config.drain.any_version,
        ..DrainOrder::new(config.times.drain, config.drain.reason.into())
    };
    let mut drained = std::pin::pin!(cluster.shut_down(order));
    tokio::select! {
        report = &mut drained => return Ok(report),
        again = signals.next() => again?,
    }
    eprintln!("sterna: moving everybody now; once more to stop at once");
    cluster.hurry();
    tokio::select! {
        report = drained => Ok(report),
        again = signals.next() => {
            again?;
            Err(CliError::Failed("stopped although players were still there".into()))
        }
    }
}

/// Ctrl-C and SIGTERM.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Result<Self, CliError> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Result<(), CliError> {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        Ok(())
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Result<Self, CliError> {
        Ok(Self)
    }

    async fn next(&mut self) -> Result<(), CliError> {
        Ok(tokio::signal::ctrl_c().await?)
    }
}

/// Listens where anybody may ask, if that is wanted.
async fn bind_open(key: &str, address: Option<SocketAddr>) -> Result<Option<TcpListener>, CliError> {
    let Some(address) = address else { return Ok(None) };
    let listener = TcpListener::bind(address).await.map_err(|error| {
        CliError::Failed(format!(
            "cannot listen on {address}: {error}: stop the other process, or set `{key}`"
        ))
    })?;
    Ok(Some(listener))
}

/// The development issuer believes everybody.
fn warn_of_open_issuer(config: &Config, endpoint: SocketAddr) {
    if config.issuer_public_key.is_none() && !endpoint.ip().is_loopback() {
        tracing::warn!(
            %endpoint,
            "whoever reaches it may play as anybody, for the development issuer is on: set `issuer_public_key`"
        );
    }
}

fn announce(plan: &ServePlan, cluster: &Cluster, addresses: &[(&str, SocketAddr)]) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    for node in cluster.nodes() {
        writeln!(out, "{}: tcp {} quic {}", node.name(), node.tcp(), node.quic())?;
    }
    for (side, address) in addresses {
        writeln!(out, "{side}: http://{address}")?;
    }
    if plan.dev {
        let token = cluster
            .connect_token("player-1", DEV_TOKEN_LIFE)
            .map_err(|error| CliError::Failed(error.to_string()))?;
        writeln!(out, "token: {token}")?;
        writeln!(out, "\nIn C, with the token in the environment variable STERNA_TOKEN:\n")?;
        writeln!(out, "    SternaClient *client = NULL;")?;
        writeln!(out, "    sterna_client_create(NULL, &client);")?;
        writeln!(out, "    sterna_client_connect(client, getenv(\"STERNA_TOKEN\"));")?;
    }
    out.flush()?;
    Ok(())
}

/// Drains one node after the other and starts a new one in its place, so that a game sees its clients move.
async fn scale_in_forever(cluster: Arc<Cluster>, every: Duration) {
    let names: Vec<String> = cluster.nodes().iter().map(|node| node.name().to_owned()).collect();
    let config: Arc<Config> = cluster.config();
    for name in names.iter().cycle() {
        tokio::time::sleep(every).await;
        if let Err(error) = cluster.drain(name, config.times.drain, OfflineReason::ScaleIn).await {
            tracing::warn!("scale-in: {error}");
            continue;
        }
        if let Err(error) = cluster.restart(name).await {
            tracing::error!("scale-in: the node does not come back: {error}");
            return;
        }
    }
}
