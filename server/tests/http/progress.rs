//! How a drain goes, as operators and Prometheus see it: how many are left, and about how long that takes.

use crate::exposition::parse;
use crate::stage::{PATIENCE, Stage, ask};
use std::time::{Duration, Instant};
use sterna::client::config::Transport;
use sterna::protocol::reasons::OfflineReason;
use sterna_server::admin::{AdminClient, DrainStatus};

const PLAYERS: u64 = 6;

/// What the server says of the drain; `None`: there is none, or not any more.
fn status(stage: &Stage) -> Option<DrainStatus> {
    AdminClient::new(stage.admin).nodes().expect("it answers")[0].drain
}

/// The same once so many are left.
fn with_left(stage: &Stage, left: u64) -> DrainStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = status(stage).expect("it drains");
        if status.sessions_left == left {
            return status;
        }
        assert!(Instant::now() < deadline, "{left} are not all that are left: {status:?}");
    }
}

/// The estimate as Prometheus sees it.
fn scraped(stage: &Stage) -> Option<Duration> {
    let (_, _, text) = ask(stage.metrics, "GET", "/metrics", &[], "");
    let figures = parse(&text).expect("it can be read");
    let family = figures.get("sterna_drain_estimate_seconds")?;
    Some(Duration::from_secs_f64(family.sum("", &[("node", "node-1")])))
}

#[test]
fn the_time_that_a_drain_still_takes_is_estimated_by_the_time_that_it_has_taken() {
    let stage = Stage::new(2);
    let cordon = |on| AdminClient::new(stage.admin).cordon("node-2", on).expect("it is online");
    cordon(true);
    let transports = [Transport::Tcp, Transport::Udp];
    let player = |number: u64| stage.player(&format!("player-{number}"), transports[number as usize % 2]);
    let mut players: Vec<_> = (0..PLAYERS).map(player).collect();
    assert!(players.iter().all(|player| player.node == "node-1"));
    cordon(false);
    assert_eq!(status(&stage), None);

    let length = Duration::from_secs(300);
    let before = Instant::now();
    stage.cluster.begin_drain("node-1", length, OfflineReason::ScaleIn).expect("it is online");
    let after = Instant::now();
    let at_first = with_left(&stage, PLAYERS);
    assert_eq!((at_first.sessions_at_start, at_first.estimate_ms), (PLAYERS, None));
    assert_eq!(scraped(&stage), None, "nobody has left");
    assert!(Duration::from_millis(at_first.left_ms) <= length);

    for (gone, player) in (1..PLAYERS).zip(&mut players) {
        player.follow();
        let left = PLAYERS - gone;
        with_left(&stage, left);
        // Each of those that are left takes as long as each that has gone.
        let bounds = |from: Instant, to: Instant| {
            let rest = |passed: Duration| passed.mul_f64(left as f64 / gone as f64);
            rest(from.duration_since(after))..=rest(to.duration_since(before))
        };
        let asked = Instant::now();
        let status = with_left(&stage, left);
        let bounds_of_status = bounds(asked, Instant::now());
        let estimate = Duration::from_millis(status.estimate_ms.expect("somebody has left"));
        // It is told in whole milliseconds.
        let rounded = *bounds_of_status.start() - Duration::from_millis(1)..=*bounds_of_status.end();
        assert!(rounded.contains(&estimate), "{gone} gone: {estimate:?}, not in {rounded:?}");
        assert_eq!(status.sessions_at_start, PLAYERS);
        let asked = Instant::now();
        let estimate = scraped(&stage).expect("somebody has left");
        let of_scrape = bounds(asked - Duration::from_micros(1), Instant::now());
        assert!(of_scrape.contains(&estimate), "{gone} gone: {estimate:?}, not in {of_scrape:?}");
    }
    // Less time is left as soon as somebody says so.
    let short = Duration::from_secs(100);
    stage.cluster.begin_drain("node-1", short, OfflineReason::ScaleIn).expect("an earlier deadline");
    let hastened = with_left(&stage, 1);
    assert!(Duration::from_millis(hastened.left_ms) <= short, "{hastened:?}");
    players[PLAYERS as usize - 1].follow();
    stage.drained("node-1");
    assert_eq!((status(&stage), scraped(&stage)), (None, None), "it is over");
}
