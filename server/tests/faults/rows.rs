//! Rows of the design's fault table that are not a fault at one step: one test for each row and transport.
//!
//! Rows that the tests in `tests/e2e` show already are not written twice: no node to move to until the deadline
//! (`exits.rs`), `SendMigrate` twice or when it is not asked for (`moves.rs`), links that break at any moment of a
//! move (`links.rs`).

use crate::cluster::{Cluster, FENCE, NODES, Setting, TAKE_OVER, until};
use crate::judge;
use crate::player::Player;
use crate::process::ENTRY;
use crate::said::{Action, Arm, Order, Said};
use crate::table::{over, print_row};
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use sterna::client::Status;
use sterna::client::config::Transport;
use sterna::client::token::ConnectToken;

const SOURCE: &str = NODES[0];
const TARGET: &str = NODES[1];
const SPARE: &str = NODES[2];

/// Longer than an answer of the engine is waited for.
const ANSWER_LATE: Duration = Duration::from_millis(700);

const DRAIN: Order = Order::Drain { deadline_ms: 120_000 };

/// One row over one transport: plays it, judges it, and prints the line of the table.
struct Row {
    title: &'static str,
    transport: Transport,
    cluster: Cluster,
    player: Player,
}

impl Row {
    async fn begin(title: &'static str, transport: Transport, setting: Setting) -> Self {
        let cluster = Cluster::start(&setting).await.unwrap_or_else(|failure| panic!("{failure}"));
        let joined = Player::join(transport, &cluster.token("ann", SOURCE), false).await;
        let player = joined.unwrap_or_else(|failure| panic!("{}", cluster.explain(&failure)));
        Self { title, transport, cluster, player }
    }

    /// What must come to pass.
    fn expect<T>(&self, result: Result<T, String>) -> T {
        result.unwrap_or_else(|failure| {
            let row =
                format!("{} over {}: {failure}\n{}", self.title, over(self.transport), self.player.tell());
            panic!("{}", self.cluster.explain(&row))
        })
    }

    /// A node takes no newcomers, and all know it.
    async fn cordon(&mut self, node: &str) {
        self.cluster.node(node).order(&Order::Cordon(true));
        for name in NODES {
            let known = self.player.during(self.cluster.until_up_to_date(name)).await;
            self.expect(known);
        }
    }

    fn drain(&self) {
        self.cluster.node(SOURCE).order(&DRAIN);
    }

    async fn until_reached(&mut self, node: &str) {
        let reached = |said: &Said| matches!(said, Said::Reached { .. }).then_some(());
        let waited =
            self.player.during(self.cluster.node(node).until_said("it reaches the failpoint", reached)).await;
        self.expect(waited);
    }

    fn arm(&self, node: &str, point: &str, after: bool, action: Action) {
        self.cluster.node(node).arm(vec![Arm { point: point.to_owned(), after, action, nth: 1 }]);
    }

    async fn until(&mut self, what: &str, is_so: impl Fn(&Player) -> bool) {
        let waited = self.player.until(what, is_so).await;
        self.expect(waited);
    }

    async fn play_for(&mut self, time: Duration) {
        self.player.during(tokio::time::sleep(time)).await;
    }

    /// It has moved away from the source, whose drain is over, and nothing was lost.
    async fn end(mut self, outcome: &str) {
        self.until("it is served by another node", |player| player.linked && player.node != SOURCE).await;
        let drained = |said: &Said| matches!(said, Said::Drained { .. }).then_some(());
        let waited =
            self.player.during(self.cluster.node(SOURCE).until_said("its drain is over", drained)).await;
        self.expect(waited);
        self.judge().await;
        print_row(self.title, self.transport, outcome);
    }

    async fn judge(&mut self) {
        let settled = self.player.settle().await;
        self.expect(settled);
        self.expect(judge::check(&self.cluster, &self.player, &[]));
    }

    fn assert(&self, is_so: bool, what: &str) {
        self.expect(if is_so { Ok(()) } else { Err(what.to_owned()) });
    }
}

/// Writes the test of a row once for each transport.
macro_rules! rows {
    ($($name:ident)*) => {
        mod tcp {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Transport::Tcp).await;
            })*
        }
        mod quic {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Transport::Udp).await;
            })*
        }
    };
}

rows! {
    a_target_that_the_client_cannot_reach
    source_and_target_cut_off_from_each_other
    an_engine_that_is_away_shorter_than_the_fence
    an_engine_that_is_away_longer_than_the_take_over
    an_engine_that_goes_away_after_the_claim
    a_claim_that_lands_late
    no_node_to_move_to
    a_client_that_dies_in_its_move
    a_wish_to_move_from_an_old_epoch
    a_node_that_dies_while_it_takes_over
}

async fn a_target_that_the_client_cannot_reach(transport: Transport) {
    let target_host = Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9)));
    let setting = Setting { target_host, ..Setting::default() };
    let mut row = Row::begin("C cannot reach T", transport, setting).await;
    row.cordon(SPARE).await;
    row.drain();
    row.until("its move has failed", |player| !player.failures.is_empty()).await;
    let told = [Status::CannotReachTarget, Status::NoTarget].contains(&row.player.failures[0]);
    row.assert(told && row.player.node == SOURCE, "it stays, and hears why");
    row.cluster.node(SPARE).order(&Order::Cordon(false));
    row.end("stays and is told; moved to another node later").await;
}

async fn source_and_target_cut_off_from_each_other(transport: Transport) {
    let setting = Setting { target_behind_proxy: true, ..Setting::default() };
    let mut row = Row::begin("S and T cut off from each other", transport, setting).await;
    row.cordon(SPARE).await;
    // The source stands still between its claim and the baton while the line is cut.
    row.arm(SOURCE, "engine claim", true, Action::Pause);
    row.drain();
    row.until_reached(SOURCE).await;
    row.cluster.store.proxy_before(TARGET).cut();
    row.cluster.node(SPARE).order(&Order::Cordon(false));
    let gone_on = row.player.during(row.cluster.node(SOURCE).until_continued()).await;
    row.expect(gone_on);
    row.until("it is served by the spare node", |player| player.linked && player.node == SPARE).await;
    row.assert(row.player.take_overs.is_empty(), "nobody has taken over");
    row.end("handed back through the engine; moved to another node").await;
}

fn silence_all(row: &Row, silent: bool) {
    NODES.iter().for_each(|node| row.cluster.store.silence(node, silent));
}

async fn an_engine_that_is_away_shorter_than_the_fence(transport: Transport) {
    let title = "engine unreachable, shorter than the fence";
    let mut row = Row::begin(title, transport, Setting::default()).await;
    let before = renewals(&row);
    row.until("all nodes have just renewed", move |_| true).await;
    let fresh = row.player.during(row.cluster.until_renewed(SOURCE, 1)).await;
    row.expect(fresh);
    row.assert(renewals(&row) > before, "the engine answers");
    silence_all(&row, true);
    row.play_for(FENCE / 4).await;
    silence_all(&row, false);
    row.drain();
    row.end("moved when it is back").await;
}

fn renewals(row: &Row) -> usize {
    row.cluster.addresses.iter().map(|node| row.cluster.store.renewals(node.id)).sum()
}

async fn an_engine_that_is_away_longer_than_the_take_over(transport: Transport) {
    let title = "engine unreachable, longer than the take-over time";
    let mut row = Row::begin(title, transport, Setting::default()).await;
    row.drain();
    silence_all(&row, true);
    row.play_for(TAKE_OVER * 2).await;
    silence_all(&row, false);
    row.until("it is served by another node", |player| player.linked && player.node != SOURCE).await;
    row.assert(row.player.take_overs.is_empty(), "an outage makes nobody take over");
    row.end("play pauses, then it moves; nobody takes over").await;
}

async fn an_engine_that_goes_away_after_the_claim(transport: Transport) {
    let title = "engine unreachable, from the claim on";
    let mut row = Row::begin(title, transport, Setting::default()).await;
    row.arm(SOURCE, "engine claim", true, Action::Pause);
    row.drain();
    row.until_reached(SOURCE).await;
    silence_all(&row, true);
    let gone_on = row.player.during(row.cluster.node(SOURCE).until_continued()).await;
    row.expect(gone_on);
    row.until("the move goes on without the engine", |player| player.node != SOURCE).await;
    silence_all(&row, false);
    row.assert(row.player.take_overs.is_empty(), "an outage makes nobody take over");
    row.end("the move ends").await;
}

async fn a_claim_that_lands_late(transport: Transport) {
    let mut row = Row::begin("CAS lands after its asker has given up", transport, Setting::default()).await;
    let landing = row.cluster.store.delay_next_claim();
    row.drain();
    row.until("a target is named", |player| player.migrating).await;
    row.play_for(ANSWER_LATE).await;
    landing.notify_one();
    row.end("moved").await;
}

async fn no_node_to_move_to(transport: Transport) {
    let mut row = Row::begin("no node to move to", transport, Setting::default()).await;
    row.cordon(TARGET).await;
    row.cordon(SPARE).await;
    row.drain();
    row.until("it was told twice", |player| player.failures.len() >= 2).await;
    row.assert(row.player.failures.iter().all(|status| *status == Status::NoTarget), "why");
    row.assert(row.player.node == SOURCE && row.player.linked, "it stays where it is");
    row.cluster.node(SPARE).order(&Order::Cordon(false));
    row.end("stays and is told; moved when there is one").await;
}

/// The environment of a process that is a player: its connect token, and its transport.
pub(crate) const PLAYER: &str = "STERNA_FAULTS_PLAYER";
const PLAYER_OVER: &str = "STERNA_FAULTS_PLAYER_OVER";

/// What such a process does.
pub(crate) async fn play_until_killed(token: &str) {
    let transport = match std::env::var(PLAYER_OVER).as_deref() {
        Ok("QUIC") => Transport::Udp,
        _ => Transport::Tcp,
    };
    let token = ConnectToken::parse(token).expect("as it was encoded");
    let mut player = Player::join(transport, &token, false).await.expect("it connects");
    player.until("it is killed", |_| false).await.expect("it is killed long before");
}

struct KilledWithTheTest(Child);

impl Drop for KilledWithTheTest {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn a_client_that_dies_in_its_move(transport: Transport) {
    let setting = Setting { resume: Duration::from_secs(2), ..Setting::default() };
    let mut row = Row::begin("C dies mid-move", transport, setting).await;
    let program = std::env::current_exe().expect("it is known");
    let started = Command::new(program)
        .args(["--exact", ENTRY])
        .env(PLAYER, row.cluster.token("eve", SOURCE).encode())
        .env(PLAYER_OVER, over(transport))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn();
    let mut eve = KilledWithTheTest(started.expect("the test program starts itself"));
    let of_another = |session: u64| {
        move |said: &Said| match said {
            Said::Handled { session: other, .. } if *other != session => Some(*other),
            _ => None,
        }
    };
    let other = of_another(row.player.session);
    let session = row.player.during(row.cluster.node(SOURCE).until_said("it serves eve", other)).await;
    let session = row.expect(session);
    // Only eve moves: the other game takes its time.
    row.player.moves_along = false;
    row.arm(SOURCE, "client MoveTo", true, Action::Tell);
    row.drain();
    row.until_reached(SOURCE).await;
    eve.0.kill().expect("it runs");

    let ended = |said: &Said| match said {
        Said::Ended { session: other, reason } if *other == session => Some(reason.clone()),
        _ => None,
    };
    let nodes = [SOURCE, TARGET, SPARE].map(|name| row.cluster.node(name));
    let anywhere = || nodes.iter().find_map(|node| node.said().iter().find_map(ended));
    let waited = row.player.during(until("eve's session has ended", || anywhere().is_some())).await;
    row.expect(waited);
    let reason = anywhere().unwrap_or_default();
    row.assert(reason == sterna::protocol::reasons::CloseReason::TimedOut.to_string(), &reason);
    row.player.moves_along = true;
    let asked = row.player.client.send_migrate();
    row.assert(asked.is_ok(), "the node is still offline");
    row.end("the session waits out its time-out, and ends").await;
}

async fn a_wish_to_move_from_an_old_epoch(transport: Transport) {
    let mut row = Row::begin("SendMigrate after the move", transport, Setting::default()).await;
    row.drain();
    row.until("it has moved", |player| player.moves == 1).await;
    // The client knows the epoch that it is served at, and says by itself that there is nothing to leave.
    row.assert(row.player.client.send_migrate() == Err(Status::NotOffline), "nothing is to be left");
    row.assert(row.player.failures.is_empty(), "and nothing failed");
    row.end("refused; nothing changes").await;
}

/// Steps of a take-over, and on which side of each the node that takes over dies as well.
const TAKE_OVER_STEPS: [(&str, bool); 5] = [
    ("engine take over", false),
    ("engine take over", true),
    ("engine snapshot", false),
    ("engine snapshot", true),
    ("client Switch", false),
];

async fn a_node_that_dies_while_it_takes_over(transport: Transport) {
    for (point, after) in TAKE_OVER_STEPS {
        let mut row = Row::begin("a node dies while it takes over", transport, Setting::default()).await;
        let takers = [TARGET, SPARE];
        takers.iter().for_each(|taker| row.arm(taker, point, after, Action::Crash));
        // Whoever has taken its orders renews its lease after that.
        for taker in takers {
            let armed = row.player.during(row.cluster.until_renewed(taker, 1)).await;
            row.expect(armed);
        }
        row.cluster.node(SOURCE).kill();
        let struck =
            |name: &&&str| row.cluster.node(name).has_said(|said| matches!(said, Said::Reached { .. }));
        let waited =
            row.player.during(until("a taker dies", || takers.iter().any(|name| struck(&name)))).await;
        row.expect(waited);
        let dead = *takers.iter().find(struck).expect("it was seen");
        let last = if dead == TARGET { SPARE } else { TARGET };
        row.cluster.node(last).arm(Vec::new());
        let resumed = |player: &Player| player.linked && player.node == last && !player.take_overs.is_empty();
        row.until(&format!("it is served by the last node, after {point}"), resumed).await;
        let settled = row.player.settle().await;
        row.expect(settled);
        row.expect(judge::check(&row.cluster, &row.player, &[SOURCE, dead]));
        print_row(row.title, transport, &format!("taken over by the third ({point}, after: {after})"));
    }
}
