//! Every step of a move, before and after it is sent, with every fault, over TCP and over QUIC.

use crate::cluster::{Cluster, FENCE, NODES, Setting, TAKE_OVER};
use crate::game::LARGE;
use crate::judge;
use crate::player::Player;
use crate::said::{Action, Arm, Order, Said};
use crate::table;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use sterna::client::config::Transport;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Cells that are played at once; they mostly wait. `STERNA_FAULTS_AT_ONCE` says otherwise.
const AT_ONCE: usize = 10;

/// Failures that are shown with everything that led to them.
const SHOWN_FAILURES_MAX: usize = 2;

/// What goes wrong at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Crash,
    /// Shorter than the fence time.
    ShortPause,
    /// Longer than the take-over time.
    LongPause,
    Drop,
    Twice,
}

impl Fault {
    pub(crate) const ALL: [Self; 5] =
        [Self::Crash, Self::ShortPause, Self::LongPause, Self::Drop, Self::Twice];

    pub(crate) fn action(self) -> Action {
        match self {
            Self::Crash => Action::Crash,
            Self::ShortPause | Self::LongPause => Action::Pause,
            Self::Drop => Action::Drop,
            Self::Twice => Action::Twice,
        }
    }

    pub(crate) fn pause(self) -> Option<Duration> {
        match self {
            Self::ShortPause => Some(FENCE * 8 / 10),
            Self::LongPause => Some(TAKE_OVER * 3 / 2),
            Self::Crash | Self::Drop | Self::Twice => None,
        }
    }
}

/// What kind of move it is, so that it comes by the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// From node 1 to node 2; node 3 is there when that has failed.
    Plain,
    /// So much user data that it is copied ahead of the baton.
    Large,
    /// Node 2 has no room.
    Full,
    /// The client cannot reach node 2.
    Unreachable,
    /// No other node is online.
    NoTarget,
    /// The source stands still with the baton, so that the target hands the session back.
    NoBaton,
    /// The target stands still with its `Settled`: a client that had it would hang up on the source, which could say
    /// nothing more.
    SettledLate,
}

impl Scene {
    /// Which node stands still, before which point, until the fault has struck the other.
    fn holds(self) -> Option<(usize, &'static str)> {
        match self {
            Self::NoBaton => Some((0, "Baton")),
            Self::SettledLate => Some((1, "client Settled")),
            Self::Plain | Self::Large | Self::Full | Self::Unreachable | Self::NoTarget => None,
        }
    }
}

/// One step of a move.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Which node takes it: 0 the source, 1 the target.
    pub(crate) by: usize,
    pub(crate) point: &'static str,
    pub(crate) scene: Scene,
}

const fn step(by: usize, point: &'static str, scene: Scene) -> Step {
    Step { by, point, scene }
}

/// In the order of a move.
pub(crate) const STEPS: [Step; 24] = [
    step(0, "client Offline", Scene::Plain),
    step(0, "Prepare", Scene::Plain),
    step(1, "Credit", Scene::Plain),
    step(1, "engine admission", Scene::Plain),
    step(1, "Prepared", Scene::Plain),
    step(1, "Refused", Scene::Full),
    step(0, "client MoveFailed", Scene::NoTarget),
    step(0, "Ahead", Scene::Large),
    step(0, "client MoveTo", Scene::Plain),
    step(0, "Cancel", Scene::Unreachable),
    step(0, "client Cancel", Scene::Unreachable),
    step(1, "client Attached", Scene::Plain),
    step(1, "Ready", Scene::Plain),
    step(0, "engine claim", Scene::Plain),
    step(0, "engine snapshot", Scene::Plain),
    step(0, "Baton", Scene::Plain),
    step(1, "engine hand back", Scene::NoBaton),
    step(1, "client Switch", Scene::Plain),
    step(1, "BatonAck", Scene::Plain),
    step(1, "engine snapshot", Scene::Plain),
    step(1, "engine finalise", Scene::Plain),
    step(1, "client Settled", Scene::Plain),
    step(1, "Finalised", Scene::Plain),
    step(0, "client Moved", Scene::SettledLate),
];

/// One case of the matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) step: Step,
    pub(crate) after: bool,
    pub(crate) fault: Fault,
    pub(crate) transport: Transport,
}

impl Cell {
    /// Whether there is such a case.
    pub(crate) fn makes_sense(self) -> bool {
        let asks = self.step.point.starts_with("engine");
        match self.fault {
            // A frame is lost, or doubled, or neither; only a question has an answer that can be lost.
            Fault::Twice => !self.after,
            Fault::Drop => !self.after || asks,
            // The target, which is the first choice to take over, is one that this client cannot reach: it would
            // not be served before the network is mended.
            Fault::Crash | Fault::LongPause => self.step.scene != Scene::Unreachable,
            Fault::ShortPause => true,
        }
    }

    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for step in STEPS {
            for after in [false, true] {
                for fault in Fault::ALL {
                    for transport in [Transport::Tcp, Transport::Udp] {
                        all.push(Self { step, after, fault, transport });
                    }
                }
            }
        }
        all.retain(|cell| cell.makes_sense());
        all
    }

    /// What to set `STERNA_FAULTS_ONLY` to, to play it alone.
    fn name(self) -> String {
        let Self { step, after, fault, transport } = self;
        let by = ["source", "target"][step.by];
        let when = if after { "after" } else { "before" };
        format!("{by} {when} {}: {fault:?} {transport:?}", step.point)
    }

    /// Plays it; says how it ended for the player, or what was wrong. A machine that stands still for as long as a
    /// scaled lease makes a move go another way than past the step: the fault has not struck, and nothing is shown
    /// either way. So that is played again.
    async fn play(self) -> Result<&'static str, String> {
        for _ in 1..TRIES {
            match self.play_once().await {
                Err(failure) if failure.contains(NOT_REACHED) => {}
                played => return played,
            }
        }
        self.play_once().await
    }

    async fn play_once(self) -> Result<&'static str, String> {
        let unreachable = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
        let scene = self.step.scene;
        let setting = Setting {
            room_at_target: (scene == Scene::Full).then_some(1),
            target_host: (scene == Scene::Unreachable).then_some(unreachable),
            ..Setting::default()
        };
        let cluster = Cluster::start(&setting).await?;
        let played = self.play_on(&cluster).await;
        played.map_err(|failure| cluster.explain(&failure))
    }

    async fn play_on(self, cluster: &Cluster) -> Result<&'static str, String> {
        let [source, target, spare] = NODES;
        let (scene, transport) = (self.step.scene, self.transport);
        // Until the fault has struck there is one node to move to at most.
        cluster.node(spare).order(&Order::Cordon(true));
        let mut lodger = None;
        if scene == Scene::Full {
            lodger = Some(Player::join(transport, &cluster.token("lodger", target), false).await?);
        }
        if scene == Scene::NoTarget {
            cluster.node(target).order(&Order::Cordon(true));
        }
        let user = if scene == Scene::Large { LARGE } else { "ann" };
        let mut player = Player::join(transport, &cluster.token(user, source), false).await?;
        for node in NODES {
            player.during(cluster.until_up_to_date(node)).await?;
        }

        let held = scene.holds().map(|(by, point)| (cluster.node(NODES[by]), point));
        let held = held.map(|(node, point)| {
            node.arm(vec![Arm { point: point.to_owned(), after: false, action: Action::Pause, nth: 1 }]);
            node
        });
        let struck = cluster.node(NODES[self.step.by]);
        let (point, action) = (self.step.point.to_owned(), self.fault.action());
        struck.arm(vec![Arm { point, after: self.after, action, nth: 1 }]);
        cluster.node(source).order(&Order::Drain { deadline_ms: 120_000 });
        let reached = |said: &Said| matches!(said, Said::Reached { .. }).then_some(());
        player.during(struck.until_said(NOT_REACHED, reached)).await?;
        if let Some(held) = held {
            player.during(held.until_continued()).await?;
        }
        for node in [target, spare] {
            cluster.node(node).order(&Order::Cordon(false));
        }
        if let Some(pause) = self.fault.pause() {
            player.during(tokio::time::sleep(pause)).await;
            player.during(struck.until_continued()).await?;
        }
        player.until("it is served by another node", |player| player.linked && player.node != source).await?;
        let crashed = self.fault == Fault::Crash;
        if !crashed || struck.name != source {
            let drained = |said: &Said| matches!(said, Said::Drained { .. }).then_some(());
            player.during(cluster.node(source).until_said("its drain is over", drained)).await?;
        }
        // Time for a target that stood still to notice, to renew its lease, and to do what it must not.
        if !crashed && struck.name != source {
            player.during(cluster.until_renewed(target, 2)).await?;
        }
        player.settle().await?;
        drop(lodger);
        let killed: &[&str] = if crashed { &[&struck.name] } else { &[] };
        judge::check(cluster, &player, killed).map_err(|wrong| format!("{wrong}\n{}", player.tell()))?;
        Ok(match (player.take_overs.len(), player.failures.len()) {
            (0, 0) => "moved",
            (0, _) => "moved later",
            (..) => "taken over",
        })
    }
}

/// What a cell waits for until its fault strikes.
pub(crate) const NOT_REACHED: &str = "it reaches the failpoint";

/// How often a cell whose fault did not strike is played.
pub(crate) const TRIES: u32 = 3;

/// How many cells are played at once.
pub(crate) fn at_once() -> usize {
    let told = std::env::var("STERNA_FAULTS_AT_ONCE").ok().and_then(|count| count.parse().ok());
    told.unwrap_or(AT_ONCE)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_of_a_move_survives_every_fault() {
    let only = std::env::var("STERNA_FAULTS_ONLY").ok();
    let room = Arc::new(Semaphore::new(at_once()));
    let began = Instant::now();
    let mut cells = JoinSet::new();
    for cell in Cell::all() {
        if only.as_ref().is_some_and(|only| !cell.name().contains(only)) {
            continue;
        }
        let room = room.clone();
        cells.spawn(async move {
            let _room = room.acquire_owned().await.expect("it is never closed");
            (cell, cell.play().await)
        });
    }
    let (mut outcomes, mut failures) = (Vec::new(), Vec::new());
    while let Some(played) = cells.join_next().await {
        match played.expect("a cell does not panic") {
            (cell, Ok(outcome)) => outcomes.push((cell, outcome)),
            (cell, Err(failure)) => failures.push((cell, failure)),
        }
    }
    table::print(&outcomes, began.elapsed());
    for (cell, failure) in failures.iter().take(SHOWN_FAILURES_MAX) {
        eprintln!("=== {}\n{failure}", cell.name());
    }
    let failed: Vec<String> = failures
        .iter()
        .map(|(cell, failure)| format!("{}: {}", cell.name(), failure.lines().next().unwrap_or_default()))
        .collect();
    assert!(failed.is_empty(), "{} cells failed:\n{}", failed.len(), failed.join("\n"));
}
