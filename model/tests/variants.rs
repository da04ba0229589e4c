//! Rules broken on purpose: each must be noticed, or the model would not notice an accident either.

use stateright::{Checker, HasDiscoveries, Model};
use std::time::Instant;
use sterna_model::cluster::Bounds;
use sterna_model::ownership::Ownership;
use sterna_model::report;
use sterna_model::variants::Variant;

/// What each of them needs to go wrong, and which property notices.
fn scene(variant: Variant) -> (Bounds, &'static str) {
    let calm = Bounds { moves: 1, takers: 1, ..Bounds::CALM };
    let served_again = "without a further fault it is served again";
    let one_server = "at most one server";
    match variant {
        Variant::RecallsOnTimeOut | Variant::ForgetsRefusal => (calm, one_server),
        Variant::NoClaimBeforeBaton | Variant::NoSelfFencing => {
            (Bounds { faults: 1, fences: 1, ..calm }, one_server)
        }
        Variant::WeighsOldLeases => (Bounds { faults: 1, fences: 1, moves: 0, ..calm }, one_server),
        Variant::TakesOverOnOwnersLeaseAlone => (Bounds { faults: 1, fences: 1, ..calm }, one_server),
        Variant::EarlierReadyCounts => {
            (Bounds { targets: 2, ..calm }, "a target is named only when its client is there")
        }
        Variant::DoesNotHandBack => (calm, served_again),
        Variant::FencedNodeAcceptsBaton => {
            (Bounds { faults: 1, fences: 1, ..calm }, "nobody is served without a lease")
        }
        Variant::KeepsPreparationsFenced => (Bounds { faults: 1, fences: 1, ..calm }, one_server),
        Variant::MoveBackRevivesOldCopy => (Bounds { moves: 2, ..calm }, one_server),
    }
}

#[test]
fn every_broken_rule_is_noticed() {
    let mut missed = Vec::new();
    for variant in Variant::ALL {
        let (bounds, expected) = scene(*variant);
        let began = Instant::now();
        let checker = Ownership::new(bounds, Some(*variant))
            .checker()
            .threads(2)
            .finish_when(HasDiscoveries::AnyOf([expected].into()))
            .spawn_bfs()
            .join();
        println!("{}", report::figures(&format!("{variant:?}"), &checker, began.elapsed()));
        match checker.discovery(expected) {
            Some(path) => println!("does not hold: {expected}\n{}", report::steps(path)),
            None => missed.push(variant),
        }
    }
    assert!(missed.is_empty(), "not noticed: {missed:?}");
}
