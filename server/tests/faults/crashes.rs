//! Nodes that die, or sleep, with many players on them: what each durability promises for that.

use crate::PATIENCE;
use crate::cluster::{Cluster, NODES, Setting};
use crate::judge;
use crate::player::Player;
use crate::said::Said;
use crate::table::print_row;
use std::time::{Duration, Instant};
use sterna::client::Status;
use sterna::client::config::Transport;

const BOTH: [Transport; 2] = [Transport::Tcp, Transport::Udp];
const PLAYERS: usize = 20;
const FIRST: &str = NODES[0];

/// Players on node 1, over both transports.
async fn players(cluster: &Cluster, lossy: bool) -> Vec<Player> {
    let mut players = Vec::new();
    for number in 0..PLAYERS {
        let token = cluster.token(&format!("player-{number}"), FIRST);
        let player = Player::join(BOTH[number % 2], &token, lossy).await;
        let mut player = player.unwrap_or_else(|failure| panic!("{}", cluster.explain(&failure)));
        assert_eq!(player.node, FIRST);
        player.say_every = Duration::from_millis(50);
        players.push(player);
    }
    players
}

/// All play until something is so of each.
async fn until_all(cluster: &Cluster, players: &mut [Player], what: &str, is_so: impl Fn(&Player) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        players.iter_mut().for_each(Player::play);
        let Some(late) = players.iter().find(|player| !is_so(player)) else { return };
        if Instant::now() >= deadline {
            panic!("{}", cluster.explain(&format!("it never came to pass: {what}\n{}", late.tell())));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn expect<T>(cluster: &Cluster, player: &Player, result: Result<T, String>) -> T {
    result.unwrap_or_else(|failure| panic!("{}", cluster.explain(&format!("{failure}\n{}", player.tell()))))
}

/// How many messages of this player's session the application of node 1 was handed.
fn handled(cluster: &Cluster, session: u64) -> usize {
    let of_session = |said: &&Said| matches!(said, Said::Handled { session: of, .. } if *of == session);
    cluster.node(FIRST).said().iter().filter(of_session).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_loses_nothing_where_snapshots_come_before_acknowledgement() {
    let cluster = Cluster::start(&Setting::default()).await.unwrap_or_else(|failure| panic!("{failure}"));
    let mut players = players(&cluster, false).await;
    until_all(&cluster, &mut players, "play goes on", |player| player.heard() > 10).await;
    cluster.node(FIRST).kill();
    let resumed = |player: &Player| player.linked && !player.take_overs.is_empty();
    until_all(&cluster, &mut players, "all are served elsewhere", resumed).await;
    for player in &mut players {
        let settled = player.settle().await;
        expect(&cluster, player, settled);
        assert_eq!(player.take_overs.len(), 1, "told once");
        expect(&cluster, player, judge::check(&cluster, player, &[FIRST]));
    }
    for transport in BOTH {
        print_row("crash, 20 players, durability = snapshot", transport, "taken over, nothing lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_says_what_is_lost_where_snapshots_are_lazy() {
    // None is taken but the first one, so that whatever was acknowledged is lost.
    let setting = Setting { durability: "lazy", snapshot: Duration::from_secs(600), ..Setting::default() };
    let cluster = Cluster::start(&setting).await.unwrap_or_else(|failure| panic!("{failure}"));
    let mut players = players(&cluster, true).await;
    // What is pushed in answer comes behind an acknowledgement, at the latest of what was said long before.
    let acknowledged = |player: &Player| player.sent() > 20 && player.client.stats().send_queue_bytes < 200;
    until_all(&cluster, &mut players, "messages are acknowledged", acknowledged).await;
    cluster.node(FIRST).kill();
    let resumed = |player: &Player| player.linked && !player.take_overs.is_empty();
    until_all(&cluster, &mut players, "all are served elsewhere", resumed).await;
    let survivors = &NODES[1..];
    for player in &mut players {
        let settled = player.settle_lossy().await;
        expect(&cluster, player, settled);
        let told = player.take_overs[0];
        assert!(told.0 < told.1, "{told:?} are lost");
        let lost = survivors.iter().flat_map(|name| cluster.node(name).said()).find_map(|said| match said {
            Said::Lost { session, uplink, downlink } if session == player.session => Some((uplink, downlink)),
            _ => None,
        });
        let (uplink, downlink) = lost.expect("the application was told");
        assert_eq!(uplink, told, "the game and the application hear the same");
        assert!(downlink.0 < downlink.1, "the client had heard more than the snapshot knew");
    }
    expect(&cluster, &players[0], judge::nodes_are_well(&cluster, &[FIRST]));
    for transport in BOTH {
        print_row(
            "crash, 20 players, durability = lazy",
            transport,
            "taken over, both sides told what is lost",
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_ends_the_sessions_where_nothing_is_stored() {
    let setting = Setting { durability: "none", ..Setting::default() };
    let cluster = Cluster::start(&setting).await.unwrap_or_else(|failure| panic!("{failure}"));
    let mut players = players(&cluster, false).await;
    cluster.node(FIRST).kill();
    until_all(&cluster, &mut players, "all have heard of it", |player| player.ended.is_some()).await;
    for player in &players {
        assert_eq!(player.ended, Some(Status::SessionUnknown), "{}", player.tell());
    }
    expect(&cluster, &players[0], judge::nodes_are_well(&cluster, &[FIRST]));
    for transport in BOTH {
        print_row("crash, 20 players, durability = none", transport, "sessions end: no server knows them");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_sleeps_past_its_lease_serves_nothing_when_it_wakes() {
    let cluster = Cluster::start(&Setting::default()).await.unwrap_or_else(|failure| panic!("{failure}"));
    let mut players = players(&cluster, false).await;
    until_all(&cluster, &mut players, "play goes on", |player| player.heard() > 10).await;
    cluster.node(FIRST).pause();
    let resumed = |player: &Player| player.linked && !player.take_overs.is_empty();
    until_all(&cluster, &mut players, "all are served elsewhere", resumed).await;
    let before: Vec<usize> = players.iter().map(|player| handled(&cluster, player.session)).collect();
    cluster.node(FIRST).go_on();
    let let_go = |player: &Player| {
        cluster.node(FIRST).has_said(|said| *said == Said::LetGo { session: player.session })
    };
    until_all(&cluster, &mut players, "it has let go of all", let_go).await;
    for (player, before) in players.iter_mut().zip(before) {
        let settled = player.settle().await;
        expect(&cluster, player, settled);
        assert_eq!(handled(&cluster, player.session), before, "it was handed something after it woke");
        expect(&cluster, player, judge::check(&cluster, player, &[]));
    }
    for transport in BOTH {
        print_row("node sleeps past its lease, 20 players", transport, "taken over; lets go when it wakes");
    }
}
