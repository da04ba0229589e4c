//! What a player sees of a move, searched exhaustively: each test is one space, pinned as in `ownership.rs`.

use stateright::{Checker, Expectation, HasDiscoveries, Model};
use std::time::{Duration, Instant};
use sterna::protocol::snapshot::Durability;
use sterna::protocol::wire::MoveMode;
use sterna_model::delivery::{Bounds, Delivery, Variant};

/// What the search has to come to, unless it says that it cannot.
const MOVED: &str = "moved, and all has come back";
const MIGRATES: &str = "the client migrates";
const FAILED: &str = "a move fails, and the owner goes on at a later epoch";
const SECOND: &str = "a second target serves";
const FENCE: &str = "a node goes on after a fence";
const RESTART: &str = "the client is told of a restart";
const GONE: &str = "something is reported as gone";

/// What a space cannot come to is named: there is no move, no fault, or only one target.
fn search(name: &str, bounds: Bounds, never: &[&str], states: usize) {
    let began = Instant::now();
    let checker = Delivery::new(bounds, None).checker().threads(2);
    let checker = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let (unique, steps, took) = (checker.unique_state_count(), checker.state_count(), began.elapsed());
    let depth = checker.max_depth();
    println!(
        "{name}: {unique} states, {steps} steps between them, depth {depth}, {:.1} s",
        took.as_secs_f64()
    );
    let mut surprises = Vec::new();
    for property in checker.model().properties() {
        let may_miss = never.contains(&property.name);
        match (property.expectation, checker.discovery(property.name)) {
            (Expectation::Always | Expectation::Eventually, Some(path)) => {
                println!("does not hold: {}, after", property.name);
                path.into_actions().iter().for_each(|action| println!("    {action:?}"));
                surprises.push(property.name);
            }
            (Expectation::Sometimes, found) if found.is_some() == may_miss => surprises.push(property.name),
            (Expectation::Always | Expectation::Eventually | Expectation::Sometimes, _) => {}
        }
    }
    assert!(surprises.is_empty(), "{name}: {surprises:?}");
    assert_eq!(unique, states, "{name}: the model has changed");
}

#[test]
fn links_that_break_without_a_move() {
    let bounds = Bounds { messages: 2, breaks: 2, dials: 3, ..Bounds::CALM };
    search("broken links", bounds, &[MOVED, MIGRATES, FAILED, SECOND, FENCE, RESTART, GONE], 15_834);
}

#[test]
fn a_move_that_may_be_given_up() {
    let bounds = Bounds { messages: 2, moves: 1, wakes: 1, ..Bounds::CALM };
    search("play through a move", bounds, &[SECOND, FENCE, RESTART, GONE], 132_470);
}

#[test]
fn a_move_that_tries_two_targets() {
    let bounds = Bounds { moves: 1, targets: 2, dials: 2, wakes: 1, ..Bounds::CALM };
    search("play through two attempts", bounds, &[FENCE, RESTART, GONE], 460_301);
}

#[test]
fn a_move_and_a_move_back() {
    let bounds = Bounds { moves: 2, dials: 2, ..Bounds::CALM };
    search("play there and back", bounds, &[SECOND, FENCE, RESTART, GONE], 99_476);
}

#[test]
fn a_move_with_a_broken_link_that_may_be_given_up() {
    let bounds = Bounds { moves: 1, breaks: 1, dials: 2, wakes: 1, ..Bounds::CALM };
    search("a link breaks in a move", bounds, &[SECOND, FENCE, RESTART, GONE], 568_492);
}

#[test]
fn a_node_crashes_in_a_move() {
    let bounds = Bounds { moves: 1, crashes: 1, dials: 3, ..Bounds::CALM };
    search("a node crashes in a move", bounds, &[SECOND, FENCE], 86_159);
}

#[test]
fn a_lease_runs_out_in_a_move() {
    let bounds = Bounds { moves: 1, fences: 1, dials: 2, ..Bounds::CALM };
    search("a lease runs out in a move", bounds, &[SECOND], 448_502);
}

const LAZY: Durability = Durability::Lazy(Duration::from_secs(1));

#[test]
fn a_crash_and_snapshots_now_and_then() {
    let bounds =
        Bounds { messages: 2, crashes: 1, fences: 1, takers: 1, dials: 3, durability: LAZY, ..Bounds::CALM };
    search("a crash", bounds, &[MIGRATES, FAILED, SECOND], 236_515);
}

#[test]
fn a_crash_and_snapshots_before_acknowledgement() {
    let durability = Durability::BeforeAck;
    let bounds =
        Bounds { messages: 2, crashes: 1, fences: 1, takers: 1, dials: 3, durability, ..Bounds::CALM };
    search("a crash that costs nothing", bounds, &[MIGRATES, FAILED, SECOND, GONE], 218_295);
}

#[test]
fn a_crash_in_a_move_and_snapshots_now_and_then() {
    let bounds = Bounds { moves: 1, crashes: 1, takers: 1, dials: 2, durability: LAZY, ..Bounds::CALM };
    search("a crash in a move", bounds, &[SECOND, FENCE], 118_857);
}

#[test]
fn a_crash_in_a_move_and_snapshots_before_acknowledgement() {
    let durability = Durability::BeforeAck;
    let bounds = Bounds { moves: 1, crashes: 1, takers: 1, dials: 2, durability, ..Bounds::CALM };
    search("a crash in a move that costs nothing", bounds, &[SECOND, FENCE, GONE], 213_214);
}

#[test]
fn a_classic_move_that_may_be_given_up() {
    let bounds = Bounds { mode: MoveMode::Classic, moves: 1, wakes: 1, dials: 2, ..Bounds::CALM };
    search("a classic move", bounds, &[SECOND, FENCE, RESTART, GONE], 2_869);
}

#[test]
fn a_move_by_force() {
    let bounds = Bounds { moves: 1, forced: 1, dials: 2, ..Bounds::CALM };
    search("a move by force", bounds, &[SECOND, FENCE, RESTART, GONE], 107_122);
}

/// What each broken rule needs to go wrong, and which property notices.
fn scene(variant: Variant) -> (Bounds, &'static str) {
    let calm = Bounds { moves: 1, ..Bounds::CALM };
    let nothing_lost = "once nothing more goes wrong, nothing is lost";
    match variant {
        Variant::BatonForgetsUplink => (calm, "the server's game gets each message once, in order"),
        Variant::BatonForgetsDownlink => (calm, nothing_lost),
        Variant::BatonIsFromBefore => (calm, "user data is what the game has stored"),
        Variant::ReplayCountsAsNew => (calm, "the client's game gets each message once, in order"),
        Variant::OlderSwitchCounts => {
            (Bounds { breaks: 1, dials: 2, ..calm }, "the client accepts no older epoch after a newer")
        }
        Variant::AcknowledgesBeforeServing => {
            (Bounds { breaks: 1, dials: 2, wakes: 1, ..calm }, nothing_lost)
        }
        Variant::RestartIsNotTold => (Bounds { crashes: 1, dials: 3, ..calm }, nothing_lost),
        Variant::RestartForgetsClient => (
            Bounds { moves: 0, crashes: 1, fences: 1, takers: 1, dials: 3, durability: LAZY, ..calm },
            "nobody is taken for a peer that misbehaves",
        ),
        Variant::AcknowledgesBeforeStored => {
            let durability = Durability::BeforeAck;
            (
                Bounds { moves: 0, crashes: 1, fences: 1, takers: 1, dials: 3, durability, ..calm },
                "with snapshots before acknowledgement, nothing is gone or comes twice",
            )
        }
    }
}

#[test]
fn every_broken_rule_is_noticed() {
    let mut missed = Vec::new();
    for variant in Variant::ALL {
        let (bounds, expected) = scene(*variant);
        let checker = Delivery::new(bounds, Some(*variant))
            .checker()
            .threads(2)
            .finish_when(HasDiscoveries::AnyOf([expected].into()))
            .spawn_bfs()
            .join();
        let found: Vec<_> = checker.discoveries().into_keys().collect();
        match checker.discovery(expected) {
            Some(path) => {
                println!(
                    "{variant:?}: {} states; does not hold: {expected}, after",
                    checker.unique_state_count()
                );
                path.into_actions().iter().for_each(|action| println!("    {action:?}"));
            }
            None => missed.push(format!("{variant:?}, but {found:?}")),
        }
    }
    assert!(missed.is_empty(), "not noticed: {missed:?}");
}
