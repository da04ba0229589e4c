//! A lease, its holder and its observer, searched exhaustively.

use stateright::{Checker, HasDiscoveries, Model};
use sterna_model::leases::{LeaseModel, Variant};

/// Long enough for two leases, one after the other.
const TICKS: u64 = 7;

#[test]
fn nobody_sees_a_lease_run_out_while_its_holder_serves() {
    let checker = LeaseModel { ticks: TICKS, variant: None }.checker().threads(2).spawn_bfs().join();
    println!("lease: {} states, depth {}", checker.unique_state_count(), checker.max_depth());
    checker.assert_properties();
    assert_eq!(checker.unique_state_count(), 2_088_724, "the model has changed");
}

#[test]
fn every_broken_rule_is_noticed() {
    for (variant, expected) in [
        (Variant::FailedReadCountsAsUnchanged, "nobody sees a lease run out while its holder serves"),
        (Variant::CountsFromTheAnswer, "nobody sees a lease run out while its holder serves"),
        (Variant::CountsToTheAnswer, "nobody sees a lease run out while its holder serves"),
        (Variant::RenewsUnnoticed, "what was taken over is not served by the holder"),
    ] {
        let checker = LeaseModel { ticks: TICKS, variant: Some(variant) }
            .checker()
            .threads(2)
            .finish_when(HasDiscoveries::AnyOf([expected].into()))
            .spawn_bfs()
            .join();
        let found = checker.discovery(expected);
        let steps = found.unwrap_or_else(|| panic!("{variant:?} is not noticed")).into_actions();
        println!(
            "{variant:?}: {} states; does not hold: {expected}, after {steps:?}",
            checker.unique_state_count()
        );
    }
}
