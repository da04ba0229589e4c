//! What Prometheus sees of a scale-in.

use crate::exposition::{Families, parse};
use crate::stage::{PATIENCE, Player, Stage, ask};
use std::time::{Duration, Instant};
use sterna::client::config::Transport;
use sterna::protocol::reasons::{CloseReason, MoveFailure, OfflineReason};
use sterna_server::admin::{AdminClient, NodeState};
use sterna_server::metrics::{DrainGauges, Metrics, NodeGauges};
use sterna_server::moves::MoveResult;

const ECHOES: u32 = 25;

fn scrape(stage: &Stage) -> Families {
    let (status, kind, text) = ask(stage.metrics, "GET", "/metrics", &[], "");
    assert_eq!(status, 200);
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Scrapes until it is so.
fn until(stage: &Stage, so: impl Fn(&Families) -> bool) -> Families {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let figures = scrape(stage);
        if so(&figures) {
            return figures;
        }
        assert!(Instant::now() < deadline, "it did not come to that: {figures:?}");
    }
}

/// Every family, with every series that there can be.
pub(crate) fn every_figure() -> Families {
    let metrics = Metrics::default();
    let _counters = metrics.node("node-1");
    let drain = DrainGauges {
        sessions_at_start: 9,
        sessions_left: 3,
        left: Duration::from_secs(30),
        estimate: Some(Duration::from_secs(5)),
    };
    let node = NodeGauges {
        name: "node-1".into(),
        state: NodeState::Offline,
        fenced: false,
        sessions: 3,
        rooms: 1,
        links: (2, 1),
        queued_bytes: (0, 100),
        peer_frames: 0,
        moves_waiting: 2,
        drain: Some(drain),
    };
    let text = metrics.encode(&[node]);
    parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn prometheus_sees_a_scale_in() {
    let stage = Stage::new(2);
    let mut players: Vec<_> = [Transport::Tcp, Transport::Udp, Transport::Tcp, Transport::Udp]
        .into_iter()
        .enumerate()
        .map(|(number, transport)| stage.player(&format!("player-{number}"), transport))
        .collect();
    players.iter_mut().for_each(|player| player.echo(ECHOES));
    let before = scrape(&stage);
    let leaves = |player: &&mut Player, node: &str| player.node == node;
    let node = players[0].node.clone();
    let other = if node == "node-1" { "node-2" } else { "node-1" };
    let leaving = players.iter_mut().filter(|player| leaves(player, &node)).count() as f64;
    assert_eq!(before["sterna_sessions"].sum("", &[("node", &node)]), leaving);
    assert_eq!(before["sterna_links"].sum("", &[]), 4.0);
    assert_eq!(before["sterna_node_state"].sum("", &[("node", &node), ("state", "online")]), 1.0);
    let echoed = f64::from(4 * ECHOES);
    assert_eq!(before["sterna_messages"].sum("_total", &[("direction", "up")]), echoed);
    assert_eq!(before["sterna_messages"].sum("_total", &[("direction", "down")]), echoed);
    assert!(before["sterna_client_bytes"].sum("_total", &[("direction", "up")]) > 4.0 * echoed);
    assert_eq!(before["sterna_moves_started"].sum("_total", &[]), 0.0);
    assert!(!before.contains_key("sterna_drain_sessions_left"), "nobody drains");

    stage.cluster.begin_drain(&node, Duration::from_secs(60), OfflineReason::ScaleIn).expect("it is online");
    let during = scrape(&stage);
    assert_eq!(during["sterna_drain_sessions_at_start"].sum("", &[("node", &node)]), leaving);
    let left = during["sterna_drain_deadline_seconds"].sum("", &[("node", &node)]);
    assert!((1.0..=60.0).contains(&left), "{left}");
    players.iter_mut().filter(|player| leaves(player, &node)).for_each(Player::follow);
    stage.drained(&node);
    players.iter_mut().for_each(|player| player.echo(ECHOES));

    // A client's word about its move may be overtaken by what it sends later.
    let felt = |figures: &Families| {
        figures
            .get("sterna_move_added_delay_seconds")
            .is_some_and(|delay| delay.sum("_count", &[]) == leaving)
    };
    let after = until(&stage, felt);
    let of_node = [("node", node.as_str())];
    assert_eq!(after["sterna_moves_started"].sum("_total", &of_node), leaving);
    assert_eq!(after["sterna_moves_done"].sum("_total", &of_node), leaving);
    assert_eq!(after["sterna_moves_failed"].sum("_total", &[]), 0.0);
    assert_eq!(after["sterna_arrivals"].sum("_total", &[("node", other)]), leaving);
    assert_eq!(after["sterna_sessions"].sum("", &of_node), 0.0);
    assert_eq!(after["sterna_sessions"].sum("", &[("node", other)]), 4.0);
    assert_eq!(after["sterna_node_state"].sum("", &[("node", &node), ("state", "exited")]), 1.0);

    let freeze = &after["sterna_move_freeze_seconds"];
    assert_eq!(freeze.sum("_count", &of_node), leaving);
    let mean = freeze.sum("_sum", &of_node) / leaving;
    assert!(
        mean > 0.0 && mean < 0.5,
        "a freeze of {mean} s; it is given up at 50 ms, on a machine with time for it"
    );
    let delay = &after["sterna_move_added_delay_seconds"];
    assert_eq!(delay.sum("_count", &[("node", other)]), leaving, "every client has said what it felt");
    assert!(delay.sum("_sum", &[]) < 20.0);
    let baton = &after["sterna_baton_bytes"];
    assert_eq!(baton.sum("_count", &of_node), leaving);
    assert!(baton.sum("_sum", &of_node) > 32.0 * leaving, "a baton holds at least a key");
    assert!(after["sterna_engine_request_seconds"].sum("_count", &[("request", "record")]) >= 2.0 * leaving);
    assert_eq!(after["sterna_engine_unanswered"].sum("_total", &[]), 0.0);
    assert_eq!(after["sterna_fenced_seconds"].sum("_total", &[]), 0.0);

    let moves = AdminClient::new(stage.admin).moves(10).expect("they are listed");
    assert_eq!(moves.len() as f64, leaving);
    for entry in moves {
        assert!(entry.who.starts_with("player-"), "{entry:?}");
        assert_eq!((entry.from.as_str(), entry.to.as_str()), (node.as_str(), other));
        assert_eq!(entry.result, MoveResult::Done);
        assert!(
            entry.freeze_us.is_some() && entry.added_delay_us.is_some() && entry.bytes.is_some(),
            "{entry:?}"
        );
    }
}

#[test]
fn a_move_that_finds_no_target_is_counted_by_its_reason() {
    let stage = Stage::new(1);
    let mut player = stage.player("stranded", Transport::Tcp);
    stage.cluster.begin_drain("node-1", Duration::from_secs(60), OfflineReason::ScaleIn).expect("online");
    player.ask_in_vain();
    let figures = scrape(&stage);
    assert_eq!(figures["sterna_moves_started"].sum("_total", &[]), 1.0);
    assert_eq!(figures["sterna_moves_done"].sum("_total", &[]), 0.0);
    assert_eq!(figures["sterna_moves_failed"].sum("_total", &[("reason", "no_target")]), 1.0);
    assert_eq!(figures["sterna_moves_failed"].sum("_total", &[]), 1.0);
    assert_eq!(figures["sterna_drain_sessions_left"].sum("", &[]), 1.0);
    assert!(!figures.contains_key("sterna_drain_estimate_seconds"), "nobody has left");
    let moves = AdminClient::new(stage.admin).moves(10).expect("they are listed");
    let [entry] = &moves[..] else { panic!("one move: {moves:?}") };
    assert_eq!((entry.who.as_str(), entry.from.as_str(), entry.to.as_str()), ("stranded", "node-1", ""));
    assert_eq!((entry.result, entry.reason.as_deref()), (MoveResult::Failed, Some("no_target")));
}

#[test]
fn every_reason_is_counted_from_the_start() {
    let figures = every_figure();
    let reasons = |name: &str| -> Vec<String> {
        figures[name].samples.iter().filter_map(|sample| sample.labels.get("reason").cloned()).collect()
    };
    let (failed, ended) = (reasons("sterna_moves_failed"), reasons("sterna_sessions_ended"));
    assert_eq!(failed.len(), MoveFailure::ALL.len());
    assert!(MoveFailure::ALL.iter().all(|reason| failed.iter().any(|has| has == reason.label())));
    assert_eq!(ended.len(), CloseReason::ALL.len());
    assert!(CloseReason::ALL.iter().all(|reason| ended.iter().any(|has| has == reason.label())));
}

#[test]
fn a_node_that_is_gone_leaves_no_gauges_behind() {
    let metrics = Metrics::default();
    let counters = metrics.node("node-1");
    counters.moves_started.inc();
    let figures = parse(&metrics.encode(&[])).expect("it can be read");
    assert!(!figures.contains_key("sterna_sessions"));
    assert_eq!(figures["sterna_moves_started"].sum("_total", &[]), 1.0);
    assert_eq!(figures["sterna_build_info"].sum("", &[]), 1.0);
}
