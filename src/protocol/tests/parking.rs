//! The deadline of a drain, and no node to move to: what waits in the store goes on where there is one, as it was.

use super::ms;
use super::rooms::{everybody_is_in, in_room_kept};
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::client::Standing;
use crate::protocol::ids::NodeId;
use crate::protocol::session::Settings;
use crate::protocol::snapshot::Durability;
use crate::testing::{Cluster, Landing, PlayerId};
use std::time::Duration;

/// So rarely that without a last snapshot messages would be gone.
const LAZY: Durability = Durability::Lazy(Duration::from_secs(60));

/// Two nodes, and one player at play on the first, whom nobody else takes.
fn with_nowhere_to_go(seed: u64, durability: Durability) -> (Cluster, PlayerId, [NodeId; 2]) {
    let settings = Settings { durability, ..Cluster::default_settings() };
    let mut cluster = Cluster::with_settings(seed, 2, settings);
    let nodes: [NodeId; 2] = cluster.nodes();
    let player = cluster.connect(nodes[0]);
    cluster.play(player, ms(7));
    cluster.run_for(ms(700));
    cluster.drain(nodes[1]);
    cluster.drain(nodes[0]);
    cluster.run_for(ms(300));
    (cluster, player, nodes)
}

fn told_why(cluster: &Cluster, player: PlayerId) -> usize {
    let why = |event: &Event| matches!(event, Event::Reconnecting { status: Status::ResumeLater });
    cluster.history().told(player, why)
}

/// Its client heard of a restart, and of nothing that is gone.
fn nothing_is_gone(cluster: &Cluster, player: PlayerId) {
    let told = |gone: bool| {
        cluster.history().told(player, |event| match event {
            Event::TookOver { lost_from, lost_to, .. } => gone == (lost_from < lost_to),
            _ => false,
        })
    };
    assert_eq!((told(false), told(true)), (1, 0));
}

#[test]
fn a_session_that_nobody_takes_waits_in_the_store_and_goes_on_without_a_loss() {
    for (seed, durability) in (800..).zip([LAZY, Durability::BeforeAck, LAZY, Durability::BeforeAck]) {
        let (mut cluster, player, [first, second]) = with_nowhere_to_go(seed, durability);
        cluster.park(first);
        cluster.run_until(|cluster| cluster.standing(player) == Standing::Reconnecting);
        assert!(cluster.reported("Parked"), "the operator is told");
        assert_eq!(told_why(&cluster, player), 1, "and so is the game");
        cluster.run_until(|cluster| !cluster.is_alive(first));
        cluster.online(second);
        cluster.run_until(|cluster| cluster.served_by(player, second));
        cluster.run_until(|cluster| cluster.standing(player) == Standing::Connected);
        cluster.run_for(ms(500));
        nothing_is_gone(&cluster, player);
        cluster.finish();
    }
}

#[test]
fn the_node_that_parked_a_session_does_not_take_it_back() {
    let (mut cluster, player, [first, _]) = with_nowhere_to_go(810, Durability::BeforeAck);
    cluster.park(first);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Reconnecting);
    // It lives on for a while, and its client asks it again and again.
    while cluster.is_alive(first) {
        assert!(!cluster.served_by(player, first));
        cluster.step();
    }
}

#[test]
fn a_session_is_parked_although_the_store_did_not_answer_at_first() {
    for (seed, landing) in (820..).zip([Landing::Never, Landing::Landed, Landing::Later(ms(40))]) {
        let (mut cluster, player, [first, second]) = with_nowhere_to_go(seed, LAZY);
        cluster.lose_store_answer(landing);
        cluster.park(first);
        cluster.run_until(|cluster| cluster.standing(player) == Standing::Reconnecting);
        assert_eq!(told_why(&cluster, player), 1);
        cluster.online(second);
        cluster.run_until(|cluster| cluster.served_by(player, second));
        cluster.run_for(ms(900));
        nothing_is_gone(&cluster, player);
        cluster.finish();
    }
}

#[test]
fn a_room_that_nobody_takes_waits_with_everybody() {
    for (seed, durability) in (830..).zip([LAZY, Durability::BeforeAck]) {
        let (mut cluster, players, room, nodes) = in_room_kept(seed, 4, durability);
        for node in nodes.iter().rev() {
            cluster.drain(*node);
        }
        cluster.run_for(ms(300));
        let at = cluster.room_at(room).expect("it is somewhere");
        cluster.park(at);
        cluster.run_until(|cluster| !cluster.is_alive(at));
        for player in &players {
            assert_eq!(told_why(&cluster, *player), 1, "{player:?}");
        }
        let other = *nodes.iter().find(|node| **node != at).expect("there are others");
        cluster.online(other);
        cluster.run_until(|cluster| cluster.room_at(room).is_some());
        cluster.run_until(|cluster| players.iter().all(|player| cluster.is_connected(*player)));
        cluster.run_for(ms(1000));
        everybody_is_in(&cluster, &players, room);
        players.iter().for_each(|player| nothing_is_gone(&cluster, *player));
        cluster.finish();
    }
}

#[test]
fn a_move_under_way_is_called_off_or_done_but_nothing_is_lost() {
    for moment in 0..24u64 {
        let settings = Settings { durability: LAZY, ..Cluster::default_settings() };
        let mut cluster = Cluster::with_settings(840 + moment, 2, settings);
        let nodes: [NodeId; 2] = cluster.nodes();
        let player = cluster.connect(nodes[0]);
        cluster.play(player, ms(7));
        cluster.run_for(ms(700));
        cluster.drain(nodes[0]);
        cluster.run_for(Duration::from_micros(1_500 * moment));
        cluster.park(nodes[0]);
        cluster.run_until(|cluster| cluster.served_by(player, nodes[1]));
        cluster.run_until(|cluster| cluster.standing(player) == Standing::Connected);
        cluster.run_for(ms(500));
        let lost = |event: &Event| matches!(event, Event::TookOver { lost_from, lost_to, .. } if lost_from < lost_to);
        assert_eq!(cluster.history().told(player, lost), 0, "moment {moment}");
        cluster.finish();
    }
}

#[test]
fn without_snapshots_whoever_nobody_takes_is_ended_with_the_reason() {
    let (mut cluster, player, [first, _]) = with_nowhere_to_go(870, Durability::None);
    cluster.park(first);
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Idle);
    let stopped = |event: &Event| matches!(event, Event::Disconnected { status: Status::NodeStopped });
    assert_eq!(cluster.history().told(player, stopped), 1);
    cluster.finish();
}
