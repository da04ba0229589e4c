//! What a player sees of a move, searched exhaustively: each test is one space, pinned as in `ownership.rs`.

use stateright::{Checker, Expectation, HasDiscoveries, Model};
use std::time::Instant;
use sterna_model::delivery::{Bounds, Delivery, Variant};

const NEVER_WITHOUT_MOVES: &[&str] = &["moved, and all has come back", "the client migrates"];
const NEVER_WITHOUT_WAKES: &[&str] = &["a move fails, and the owner goes on at a later epoch"];

fn search(name: &str, bounds: Bounds, never: &[&[&str]], states: usize) {
    let began = Instant::now();
    let checker = Delivery::new(bounds, None).checker().threads(2).spawn_bfs().join();
    let (unique, steps, took) = (checker.unique_state_count(), checker.state_count(), began.elapsed());
    let depth = checker.max_depth();
    println!(
        "{name}: {unique} states, {steps} steps between them, depth {depth}, {:.1} s",
        took.as_secs_f64()
    );
    let mut surprises = Vec::new();
    for property in checker.model().properties() {
        let may_miss = never.iter().any(|names| names.contains(&property.name));
        match (property.expectation, checker.discovery(property.name)) {
            (Expectation::Always | Expectation::Eventually, Some(path)) => {
                println!("does not hold: {}, after {:#?}", property.name, path.into_actions());
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
    let bounds = Bounds { messages: 2, moves: 0, breaks: 2, dials: 3, wakes: 0 };
    search("broken links", bounds, &[NEVER_WITHOUT_MOVES, NEVER_WITHOUT_WAKES], 9_957);
}

#[test]
fn a_move_that_may_be_given_up() {
    let bounds = Bounds { messages: 2, moves: 1, breaks: 0, dials: 1, wakes: 1 };
    search("play through a move", bounds, &[], 109_947);
}

#[test]
fn a_move_and_a_move_back() {
    let bounds = Bounds { messages: 1, moves: 2, breaks: 0, dials: 2, wakes: 0 };
    search("play there and back", bounds, &[], 188_254);
}

#[test]
fn a_move_with_a_broken_link_that_may_be_given_up() {
    let bounds = Bounds { messages: 1, moves: 1, breaks: 1, dials: 2, wakes: 1 };
    search("a link breaks in a move", bounds, &[], 605_727);
}

#[test]
fn every_broken_rule_is_noticed() {
    for (variant, expected) in [
        (Variant::BatonForgetsUplink, "the server's game gets each message once, in order"),
        (Variant::BatonForgetsDownlink, "once no link breaks, nothing is lost"),
    ] {
        let bounds = Bounds { messages: 1, moves: 1, breaks: 0, dials: 1, wakes: 0 };
        let checker = Delivery::new(bounds, Some(variant))
            .checker()
            .threads(2)
            .finish_when(HasDiscoveries::AnyFailures)
            .spawn_bfs()
            .join();
        let found: Vec<_> = checker.discoveries().into_keys().collect();
        let path = checker.discovery(expected);
        let path = path.unwrap_or_else(|| panic!("{variant:?} is not noticed, but {found:?}"));
        println!("{variant:?}: does not hold: {expected}, after {:#?}", path.into_actions());
    }
}
