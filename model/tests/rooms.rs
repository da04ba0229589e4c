//! Rooms of two, searched exhaustively: each test is one space, pinned as in `ownership.rs`.

use stateright::{Checker, Expectation, HasDiscoveries, Model};
use std::time::{Duration, Instant};
use sterna::protocol::snapshot::Durability;
use sterna_model::rooms::{Bounds, Rooms, Scene, Variant, report};

/// Snapshots now and then: the next one is due after the search has ended.
const LAZY: Durability = Durability::Lazy(Duration::from_secs(1000));

fn search(name: &str, bounds: Bounds, reached: &[&str], states: usize) {
    let began = Instant::now();
    let checker = Rooms::new(bounds, None).checker().threads(2);
    let checker = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let (unique, steps, took) = (checker.unique_state_count(), checker.state_count(), began.elapsed());
    let depth = checker.max_depth();
    println!(
        "{name}: {unique} states, {steps} steps between them, depth {depth}, {:.1} s",
        took.as_secs_f64()
    );
    let mut surprises = Vec::new();
    for property in checker.model().properties() {
        let wanted = reached.contains(&property.name);
        match (property.expectation, checker.discovery(property.name)) {
            (Expectation::Always | Expectation::Eventually, Some(path)) => {
                println!("does not hold: {}, after", property.name);
                println!("{}", report::steps(path.into_vec()));
                surprises.push(property.name);
            }
            (Expectation::Sometimes, found) if found.is_some() != wanted => surprises.push(property.name),
            (Expectation::Always | Expectation::Eventually | Expectation::Sometimes, _) => {}
        }
    }
    assert!(surprises.is_empty(), "{name}: {surprises:?}");
    assert_eq!(unique, states, "{name}: the model has changed");
}

const JOINED: &str = "joined";
const LEFT: &str = "left";
const MOVED: &str = "moved with both";
const TAKEN: &str = "taken over with both";
const FENCED: &str = "goes on after a fence with both";

const LATE_BIND: &str = "a write that binds may land late";
const LATE_RELEASE: &str = "a write that releases may land late";
const JOIN_LANDED: &str = "the answer to a join was lost, and it had landed";
const LEAVE_LANDED: &str = "the answer to a leave was lost, and it had landed";

#[test]
fn joins_and_leaves() {
    let bounds = Bounds { joins: 2, leaves: 2, kicks: 1, lost_answers: 1, durability: LAZY, ..Bounds::CALM };
    let reached = [JOINED, LEFT, LATE_BIND, LATE_RELEASE, JOIN_LANDED, LEAVE_LANDED];
    search("joins and leaves", bounds, &reached, 189_479);
}

#[test]
fn a_join_with_a_fault() {
    let bounds = Bounds { joins: 1, faults: 1, fences: 1, takers: 1, durability: LAZY, ..Bounds::CALM };
    search("a join with a fault", bounds, &[JOINED, TAKEN, FENCED, LATE_BIND], 5_353);
}

#[test]
fn a_leave_with_a_fault() {
    let scene = Scene::Together;
    let bounds =
        Bounds { scene, leaves: 1, faults: 1, fences: 1, takers: 1, durability: LAZY, ..Bounds::CALM };
    search("a leave with a fault", bounds, &[LEFT, TAKEN, FENCED, LATE_RELEASE], 13_397);
}

#[test]
fn a_join_and_a_move() {
    let bounds = Bounds { follows: true, joins: 1, leaves: 1, moves: 1, lost_answers: 1, ..Bounds::CALM };
    let reached = [JOINED, LEFT, MOVED, LATE_BIND, LATE_RELEASE, JOIN_LANDED, LEAVE_LANDED];
    search("a join, a leave and a move", bounds, &reached, 44_079);
}

#[test]
fn a_leave_and_a_move() {
    let bounds = Bounds { scene: Scene::Together, moves: 1, leaves: 1, given_up: 1, ..Bounds::CALM };
    search("a leave and a move", bounds, &[LEFT, MOVED], 3_734);
}

#[test]
fn a_join_from_another_node() {
    let scene = Scene::Apart;
    let bounds = Bounds { scene, follows: true, joins: 1, lost_answers: 1, given_up: 1, ..Bounds::CALM };
    search("a join from another node", bounds, &[JOINED, LATE_BIND, JOIN_LANDED], 62_679);
}

#[test]
fn a_join_that_follows_the_room() {
    let bounds = Bounds { scene: Scene::Apart, follows: true, joins: 1, moves: 1, ..Bounds::CALM };
    search("a join that follows the room", bounds, &[JOINED, MOVED], 11_153);
}

#[test]
fn a_join_and_a_drain() {
    let bounds = Bounds { follows: true, joins: 1, drains: 1, ..Bounds::CALM };
    search("a join and a drain", bounds, &[JOINED, MOVED], 873);
}

#[test]
fn a_move_with_a_fault() {
    let scene = Scene::Together;
    let bounds = Bounds {
        scene,
        moves: 1,
        faults: 1,
        fences: 1,
        takers: 1,
        given_up: 1,
        durability: LAZY,
        ..Bounds::CALM
    };
    search("a move with a fault", bounds, &[MOVED, TAKEN, FENCED], 576_379);
}

#[test]
fn a_move_by_force_with_a_crash() {
    let scene = Scene::Together;
    let bounds = Bounds { scene, forced: 1, faults: 1, takers: 1, given_up: 1, ..Bounds::CALM };
    search("by force", bounds, &[MOVED, TAKEN], 2_495);
}

#[test]
fn a_crash_that_costs_nothing() {
    let durability = Durability::BeforeAck;
    let bounds = Bounds { joins: 1, leaves: 1, faults: 1, takers: 1, durability, ..Bounds::CALM };
    search("a crash that costs nothing", bounds, &[JOINED, LEFT, TAKEN, LATE_BIND, LATE_RELEASE], 36_973);
}

#[test]
fn a_crash_in_a_move_that_costs_nothing() {
    let (durability, scene) = (Durability::BeforeAck, Scene::Together);
    let bounds = Bounds { scene, moves: 1, faults: 1, takers: 1, given_up: 1, durability, ..Bounds::CALM };
    search("a crash in a move that costs nothing", bounds, &[MOVED, TAKEN], 22_117);
}

/// What each of them needs to go wrong, and which property notices.
fn scene(variant: Variant) -> (Bounds, &'static str) {
    let calm = Bounds { joins: 1, durability: LAZY, ..Bounds::CALM };
    let fault = Bounds { faults: 1, fences: 1, takers: 1, ..calm };
    let one_server = "at most one node serves a session";
    let as_its_entry_says = "a session is served as its entry says";
    match variant {
        Variant::BindsBeforeStoring => (calm, "a member is in the room's snapshot"),
        Variant::LeavesBeforeStoring => {
            (Bounds { joins: 0, leaves: 1, ..calm }, "who has left has a snapshot of its own")
        }
        Variant::OnlyReadsMembers => {
            let durability = Durability::BeforeAck;
            (Bounds { fences: 0, durability, ..fault }, "a member is in the room's snapshot")
        }
        Variant::TakesMembersForGranted => (fault, as_its_entry_says),
        Variant::JoinsWithoutRaising => (calm, "a room's epoch is not below a member's"),
        Variant::MovesWhileJoining => (Bounds { moves: 1, ..calm }, as_its_entry_says),
        Variant::ServesJoiner => (Bounds { takers: 2, ..fault }, one_server),
        Variant::GivesUpBinding => (Bounds { lost_answers: 1, ..calm }, as_its_entry_says),
    }
}

#[test]
fn every_broken_rule_is_noticed() {
    let mut missed = Vec::new();
    for variant in Variant::ALL {
        let (bounds, expected) = scene(*variant);
        let checker = Rooms::new(bounds, Some(*variant))
            .checker()
            .threads(2)
            .finish_when(HasDiscoveries::AnyOf([expected].into()))
            .spawn_bfs()
            .join();
        let found: Vec<_> = checker.discoveries().into_keys().collect();
        match checker.discovery(expected) {
            Some(path) => {
                println!("{variant:?}: {} states; does not hold: {expected}", checker.unique_state_count());
                println!("{}", report::steps(path.into_vec()));
            }
            None => missed.push(format!("{variant:?}, but {found:?}")),
        }
    }
    assert!(missed.is_empty(), "not noticed: {missed:?}");
}
