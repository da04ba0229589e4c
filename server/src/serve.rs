//! `sterna serve`: runs nodes until the process is told to stop, then drains them; or until they are drained.

use crate::admin;
use crate::builtin::Builtin;
use crate::cli::{CliError, ServePlan};
use crate::cluster::Cluster;
use crate::config::Config;
use crate::node::{DrainOrder, NoObserver};
use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::reasons::OfflineReason;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long a token that `--dev` prints is good for.
const DEV_TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// When sessions were lost at the end, the process waits so long for somebody to read its figures once more.
const LAST_FIGURES_MAX: Duration = Duration::from_secs(60);

/// How long the last answer with figures may take.
const LAST_ANSWER_MAX: Duration = Duration::from_secs(1);

/// Runs nodes until Ctrl-C or SIGTERM, or until operators have drained all of them; a second one moves everybody at once, a third one ends the process at once.
pub fn run(plan: ServePlan) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(plan))
}

async fn serve(plan: ServePlan) -> Result<(), CliError> {
    if let Err(error) = sterna::sys::raise_file_limit() {
        tracing::warn!("cannot raise the limit of open files: {error}");
    }
    let failed = |error: &dyn std::fmt::Display| CliError::Failed(error.to_string());
    let drain_default = plan.config.times.drain;
    let admin_listener = admin::bind(plan.config.admin).await.map_err(|error| {
        CliError::Failed(format!(
            "cannot listen on {} for operators: {error}: stop the other process, or set `admin`",
            plan.config.admin
        ))
    })?;
    let endpoint_listener = bind_open("endpoint", plan.config.endpoint).await?;
    let metrics_listener = bind_open("metrics", plan.config.metrics).await?;
    let cluster = Cluster::start(plan.config.clone(), Arc::new(Builtin), Arc::new(NoObserver)).await;
    let cluster = cluster.map_err(|error| failed(&error))?;
    let admin_address = admin_listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let shutdown = || {
        let mut stopped = stopped.clone();
        async move { _ = stopped.wait_for(|stop| *stop).await }
    };
    tokio::spawn(admin::serve(admin_listener, cluster.clone(), drain_default, shutdown()));
    let mut addresses = vec![("admin", admin_address)];
    if let Some(listener) = endpoint_listener {
        addresses.push(("endpoint", listener.local_addr()?));
        // At least 1, by its range.
        let per_second = NonZeroU32::new(plan.config.limits.endpoint_per_second).unwrap_or(NonZeroU32::MIN);
        warn_of_open_issuer(&plan.config, listener.local_addr()?);
        tokio::spawn(admin::serve_public(listener, cluster.clone(), per_second, shutdown()));
    }
    let mut figures = None;
    if let Some(listener) = metrics_listener {
        addresses.push(("metrics", listener.local_addr()?));
        figures = Some(tokio::spawn(admin::serve_metrics(listener, cluster.clone(), shutdown())));
    }
    // Before anybody can know that the server runs: from here on, to be told to stop means to drain.
    let mut signals = Signals::new()?;
    announce(&plan, &cluster, &addresses)?;
    let rotation = plan.scale_in_every.map(|every| tokio::spawn(scale_in_forever(cluster.clone(), every)));

    tokio::select! {
        told = signals.next() => {
            told?;
            eprintln!("sterna: draining; once more to move everybody now");
        }
        // A rotation brings back what it drains.
        _ = cluster.all_drained(), if rotation.is_none() => eprintln!("sterna: all nodes have been drained"),
    }
    if let Some(rotation) = rotation {
        rotation.abort();
    }
    let drain = plan.config.drain;
    let order =
        DrainOrder { any_version: drain.any_version, ..DrainOrder::new(drain_default, drain.reason.into()) };
    let end = async {
        let left = cluster.shut_down(order).await;
        if left > 0 && figures.is_some() {
            // Nobody would ever hear of it by figures else. Whoever waits may be killed: all nodes have stopped.
            let read = tokio::time::timeout(LAST_FIGURES_MAX, cluster.figures_read());
            eprintln!("sterna: no node took {left}; waiting for somebody to read the last figures");
            let _ = read.await;
        }
    };
    drain_until_told(end, &cluster, &mut signals).await?;
    let _ = stop.send(true);
    if let Some(figures) = figures {
        let _ = tokio::time::timeout(LAST_ANSWER_MAX, figures).await;
    }
    Ok(())
}

/// Waits for the drain of all nodes. To be told again makes it as short as can be, and once more breaks it off.
async fn drain_until_told(
    drained: impl Future<Output = ()>,
    cluster: &Cluster,
    signals: &mut Signals,
) -> Result<(), CliError> {
    let mut drained = std::pin::pin!(drained);
    tokio::select! {
        () = &mut drained => return Ok(()),
        again = signals.next() => again?,
    }
    eprintln!("sterna: moving everybody now; once more to stop at once");
    cluster.hurry();
    tokio::select! {
        () = drained => Ok(()),
        again = signals.next() => again,
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
