//! Who owns a session, searched exhaustively: each test is one space, and `docs/CORRECTNESS.md` has the table.
//! The number of states is pinned, so that a changed model, or a changed protocol, shows in the difference.

use stateright::{Checker, HasDiscoveries, Model};
use std::time::Instant;
use sterna_model::cluster::Bounds;
use sterna_model::ownership::Ownership;
use sterna_model::report;

/// What some spaces cannot come to: there is no fault, or no move, or only one target.
const NEVER_WITHOUT_FAULTS: &[&str] =
    &["the source recalls", "the spare takes over", "goes on after a fence"];
const NEVER_WITHOUT_MOVES: &[&str] = &["a target refuses", "the source recalls", "moved"];
const NEVER_WITH_ONE_TARGET: &[&str] = &["a second target is named"];
const NEVER_WITH_ONE_MOVE: &[&str] = &["moved back"];

const NEVER_WITHOUT_DRY_RUNS: &[&str] =
    &["a dry run finds a target", "a target is asked by a dry run and then by a move"];

fn search(name: &str, bounds: Bounds, never: &[&[&str]], states: usize) {
    let began = Instant::now();
    let checker = Ownership::new(bounds, None).checker().threads(2);
    let checker = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    println!("{}", report::figures(name, &checker, began.elapsed()));
    let mut surprises = Vec::new();
    let mut never: Vec<&str> = never.concat();
    if bounds.probes == 0 {
        never.extend(NEVER_WITHOUT_DRY_RUNS);
    }
    for (property, path) in report::broken(&checker) {
        match path {
            None if never.contains(&property) => never.retain(|other| *other != property),
            None => surprises.push(format!("never: {property}")),
            Some(path) => {
                println!("does not hold: {property}\n{}", report::steps(path));
                surprises.push(format!("does not hold: {property}"));
            }
        }
    }
    surprises.extend(never.iter().map(|property| format!("now reached: {property}")));
    assert!(surprises.is_empty(), "{name}: {surprises:?}");
    assert_eq!(checker.unique_state_count(), states, "{name}: the model has changed");
}

#[test]
fn a_move_that_tries_two_targets() {
    let bounds = Bounds { lost_answers: 1, moves: 1, targets: 2, ..Bounds::CALM };
    search("two targets", bounds, &[NEVER_WITHOUT_FAULTS, NEVER_WITH_ONE_MOVE], 144_801);
}

#[test]
fn a_move_and_a_move_back() {
    let bounds = Bounds { lost_answers: 1, moves: 2, ..Bounds::CALM };
    search("there and back", bounds, &[NEVER_WITHOUT_FAULTS, NEVER_WITH_ONE_TARGET], 142_541);
}

#[test]
fn a_move_with_a_crash_or_a_fence_and_a_lost_answer() {
    let bounds = Bounds { faults: 1, fences: 1, lost_answers: 1, moves: 1, takers: 1, ..Bounds::CALM };
    search("one fault", bounds, &[NEVER_WITH_ONE_TARGET, NEVER_WITH_ONE_MOVE], 3_074_196);
}

#[test]
fn a_move_that_is_forced_half_way() {
    let bounds = Bounds { lost_answers: 1, moves: 1, forced: 1, ..Bounds::CALM };
    let never = [NEVER_WITHOUT_FAULTS, NEVER_WITH_ONE_TARGET];
    search("forced half way", bounds, &never, 469_261);
}

#[test]
fn a_move_by_force_with_a_crash_or_a_fence() {
    let bounds = Bounds { faults: 1, fences: 1, takers: 1, forced: 1, ..Bounds::CALM };
    search("by force", bounds, &[NEVER_WITH_ONE_TARGET], 826_411);
}

#[test]
fn two_faults_and_two_nodes_that_take_over() {
    let bounds = Bounds { faults: 2, fences: 2, lost_answers: 1, takers: 2, ..Bounds::CALM };
    let never = [NEVER_WITHOUT_MOVES, NEVER_WITH_ONE_TARGET, NEVER_WITH_ONE_MOVE];
    search("two takers", bounds, &never, 248_464);
}

#[test]
fn a_move_with_two_faults() {
    let bounds = Bounds { faults: 2, fences: 1, moves: 1, takers: 1, ..Bounds::CALM };
    search("two faults", bounds, &[NEVER_WITH_ONE_TARGET, NEVER_WITH_ONE_MOVE], 739_309);
}

#[test]
fn two_dry_runs_and_a_move() {
    let bounds = Bounds { lost_answers: 1, moves: 1, probes: 2, ..Bounds::CALM };
    let never = [NEVER_WITHOUT_FAULTS, NEVER_WITH_ONE_TARGET, NEVER_WITH_ONE_MOVE];
    search("two dry runs", bounds, &never, 184_349);
}

#[test]
fn a_dry_run_and_a_move_with_a_crash() {
    let bounds = Bounds { faults: 1, moves: 1, takers: 1, probes: 1, ..Bounds::CALM };
    let never = [NEVER_WITH_ONE_TARGET, NEVER_WITH_ONE_MOVE, &["goes on after a fence"]];
    search("a dry run and a crash", bounds, &never, 90_256);
}

/// With fences as well it takes minutes: `make soak` runs it.
#[cfg(feature = "soak")]
#[test]
fn a_dry_run_and_a_move_with_a_fault_of_any_kind() {
    let bounds = Bounds { faults: 1, fences: 1, moves: 1, takers: 1, probes: 1, ..Bounds::CALM };
    let never = [NEVER_WITH_ONE_TARGET, NEVER_WITH_ONE_MOVE];
    search("a dry run and a fault of any kind", bounds, &never, 11_028_771);
}

/// The whole of two faults takes minutes: `make soak` runs it.
#[cfg(feature = "soak")]
#[test]
fn a_move_with_two_faults_of_any_kind() {
    let bounds = Bounds { faults: 2, fences: 2, moves: 1, takers: 1, ..Bounds::CALM };
    search("two faults of any kind", bounds, &[NEVER_WITH_ONE_TARGET, NEVER_WITH_ONE_MOVE], 11_067_178);
}
