//! `sterna demo`: players play, a node is scaled in under them, and a judge says whether they could notice.
//!
//! - [`game`]: the application; numbers what it sends, reports what it receives
//! - [`belongings`]: the user data that has to arrive as it was
//! - [`seat`]: one client, through Rust or through the C functions
//! - [`player`], [`crowd`]: who plays, and the thread that plays them all
//! - [`history`], [`log`]: what the application and the players saw, kept apart from the library
//! - [`rooms`]: what all this is about if players sit in rooms
//! - [`judge`]: compares both sides with the promises
//! - [`figures`], [`report`]: what is printed

mod belongings;
mod crowd;
mod figures;
mod game;
mod history;
mod judge;
mod log;
mod player;
mod report;
mod rooms;
mod seat;

use crate::cli::{CliError, DemoArgs};
use crate::cluster::Cluster;
use crate::config::Config;
use crate::node::Node;
use crowd::{Crowd, Progress, Stage};
use game::Game;
use history::{Drained, History};
use rooms::Plan;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::reasons::OfflineReason;
use tokio::sync::watch;

/// When the node is scaled in, counted from the first message; at half time if there is less to play.
const SCALE_IN_AFTER: Duration = Duration::from_secs(2);

/// Play goes on at least so long after the scale-in, to be compared with the time before.
const AFTER_MIN: Duration = Duration::from_secs(1);

/// Longest drain; what has not moved by then is forced. Far more than players take to find their moment.
const DRAIN_MAX: Duration = Duration::from_secs(30);

/// Longest drain if some players never ask, so that forced moves come within it: the time of those who do ask
/// comes first.
const DRAIN_MAX_FORCED: Duration = Duration::from_secs(5);

/// How far players are from the nodes when their manners of moving are compared: within one machine a link is
/// made anew before the next message is due, and nothing could be seen.
const ROUND_TRIP_COMPARED: Duration = Duration::from_millis(40);

/// How long all players together may take to connect.
const ENTER_MAX: Duration = Duration::from_secs(60);

/// How long a user's token is good for.
const TOKEN_LIFE: Duration = Duration::from_secs(600);

/// Runs the demonstration. `Err` if a promise of the design was broken, or nothing could be played.
pub fn run(args: DemoArgs) -> Result<(), CliError> {
    crate::logging::init("error");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(play(args));
    runtime.shutdown_background();
    outcome
}

/// Says how it goes: on stdout, or on stderr when stdout is for JSON.
struct Narrator {
    json: bool,
}

impl Narrator {
    fn say(&self, line: &str) -> Result<(), CliError> {
        if self.json {
            eprintln!("{line}");
            return Ok(());
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}")?;
        Ok(out.flush()?)
    }
}

async fn play(args: DemoArgs) -> Result<(), CliError> {
    let narrator = Narrator { json: args.json };
    raise_file_limit(&args, &narrator)?;
    let history = Arc::new(History::new(args.players as usize));
    let cluster = start_cluster(&args, &history).await?;
    let plan = args.rooms.then(|| Arc::new(Plan::new(&args)));
    if let Some(plan) = &plan {
        narrator.say(&plan.describe())?;
    }
    let crowd = Crowd::new(&args, &cluster, &history, plan.as_ref())?;
    let (stage, stages) = watch::channel(Stage::Enter);
    let (progress, mut progressed) = watch::channel(Progress::default());
    let crowd = std::thread::Builder::new()
        .name("players".into())
        .spawn(move || crowd.play(&stages, &progress))
        .map_err(|error| CliError::Failed(format!("cannot start the players' thread: {error}")))?;

    until_all_entered(&args, &mut progressed).await?;
    for node in cluster.nodes() {
        narrator.say(&format!("{}: {} players", node.name(), node.sessions()))?;
    }
    let playing_from = tokio::time::Instant::now();
    let _ = stage.send(Stage::Play);
    let (players, rate) = (args.players, args.rate);
    narrator.say(&match args.rooms {
        true => format!("{players} players say {rate} things a second to their rooms"),
        false => format!("{players} players send {rate} messages a second, and get as many"),
    })?;
    if args.classic {
        narrator.say(&format!(
            "they are {} ms away, there and back; a third moves the classic way, a third has to be forced",
            round_trip(&args).as_millis()
        ))?;
    }
    let play_time = Duration::from_secs(args.seconds.into());
    tokio::time::sleep_until(playing_from + SCALE_IN_AFTER.min(play_time / 2)).await;
    let drained = scale_in(&args, &cluster, &history, &narrator).await?;
    let ends_at = (playing_from + play_time).max(tokio::time::Instant::now() + AFTER_MIN);
    tokio::time::sleep_until(ends_at).await;

    narrator.say("players stop, and wait for what is still on its way")?;
    let _ = stage.send(Stage::Leave);
    // The last requests have time-outs of their own, so this ends.
    let _ = progressed.wait_for(|progress| progress.finished == args.players).await;
    let logs = crowd.join().map_err(|_| CliError::Failed("the players' thread has a bug".into()))?;
    report::finish(&args, &judge::Case { logs: &logs, history: &history, drained: &drained })
}

fn round_trip(args: &DemoArgs) -> Duration {
    let compared = if args.classic { ROUND_TRIP_COMPARED } else { Duration::ZERO };
    args.rtt.unwrap_or(compared)
}

/// Every player takes up to two links on each side while moving.
fn raise_file_limit(args: &DemoArgs, narrator: &Narrator) -> Result<(), CliError> {
    let limit = sterna::sys::raise_file_limit()?;
    let wanted = u64::from(args.players) * 4 + 256;
    if limit < wanted {
        narrator.say(&format!(
            "warning: only {limit} open files are allowed, {wanted} may be needed: raise `ulimit -Hn`"
        ))?;
    }
    Ok(())
}

async fn start_cluster(args: &DemoArgs, history: &Arc<History>) -> Result<Arc<Cluster>, CliError> {
    let mut config = Config { tcp_port: 0, quic_port: 0, peer_port: 0, ..Config::default() };
    config.nodes = args.nodes as u16; // the command line allows at most 64
    config.limits.sessions_max = config.limits.sessions_max.max(2 * args.players);
    let game = Arc::new(Game::new(history.clone(), args.sabotage));
    let started = Cluster::start(config, game, history.clone()).await;
    started.map_err(|error| CliError::Failed(error.to_string()))
}

async fn until_all_entered(
    args: &DemoArgs,
    progressed: &mut watch::Receiver<Progress>,
) -> Result<(), CliError> {
    let all = |progress: &Progress| progress.entered == args.players || progress.trouble.is_some();
    if let Ok(Err(_)) =
        tokio::time::timeout(ENTER_MAX, progressed.wait_for(all)).await.map(|all| all.map(drop))
    {
        return Err(CliError::Failed("the players' thread has a bug".into()));
    }
    let progress = progressed.borrow().clone();
    match progress.trouble {
        Some(text) => Err(CliError::Failed(format!("a player cannot play: {text}"))),
        None if progress.entered == args.players => Ok(()),
        None => {
            let text = format!("only {} of {} players connected in time", progress.entered, args.players);
            Err(CliError::Failed(text))
        }
    }
}

/// Takes the node with the most players offline, and waits until it has stopped.
async fn scale_in(
    args: &DemoArgs,
    cluster: &Cluster,
    history: &History,
    narrator: &Narrator,
) -> Result<Drained, CliError> {
    let failed = |text: String| CliError::Failed(text);
    let nodes = cluster.nodes();
    let most = nodes.iter().max_by_key(|node| node.sessions());
    let node: Arc<Node> = most.cloned().ok_or_else(|| failed("there is no node".into()))?;
    let name = node.name().to_owned();
    let players = node.sessions();
    narrator.say(&format!("{name} is scaled in, with {players} players on it"))?;
    let began_us = history.micros();
    let moment_max = crowd::moment_max(args);
    let deadline = match (args.classic, args.rooms) {
        (true, _) => DRAIN_MAX_FORCED.max(5 * moment_max),
        (false, true) => rooms::drain_max(moment_max),
        (false, false) => DRAIN_MAX,
    };
    let drain = cluster.drain(&name, deadline, OfflineReason::ScaleIn).await;
    let report = drain.map_err(|error| failed(error.to_string()))?;
    let exited = node.has_stopped();
    if exited {
        narrator.say("node exited")?;
    }
    Ok(Drained {
        began_us,
        ended_us: history.micros(),
        took: report.took,
        closed: report.closed,
        exited,
        players,
    })
}
