//! Who owns a session, searched exhaustively.

use stateright::{Checker, Model};
use std::time::Instant;
use sterna_model::cluster::Bounds;
use sterna_model::ownership::Ownership;
use sterna_model::report;

#[test]
fn a() {
    let number = |name: &str| std::env::var(name).unwrap_or_default().parse().unwrap_or(0);
    let bounds = Bounds { faults: number("F"), lost_answers: number("L"), moves: number("M"), takers: number("K"), targets: number("T") };
    let began = Instant::now();
    let checker = Ownership::new(bounds, None)
        .checker()
        .threads(2)
        .timeout(std::time::Duration::from_secs(number("S").into()))
        .spawn_bfs()
        .join();
    println!("{} done: {}", report::figures("ownership", &checker, began.elapsed()), checker.is_done());
    for (property, path) in report::broken(&checker) {
        println!("does not hold: {property}");
        println!("{}", path.map_or("never reached".into(), report::steps));
    }
}
