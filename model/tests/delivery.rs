//! What a player sees of a move, searched exhaustively.

use stateright::{Checker, Model};
use std::time::Instant;
use sterna_model::delivery::{Bounds, Delivery};

#[test]
fn a() {
    let number = |name: &str| std::env::var(name).unwrap_or_default().parse().unwrap_or(0u8);
    let bounds = Bounds { messages: number("G"), moves: number("M"), breaks: number("B"), dials: number("D"), wakes: number("W") };
    let began = Instant::now();
    let checker = Delivery::new(bounds).checker().threads(2).timeout(std::time::Duration::from_secs(number("S").into())).spawn_bfs().join();
    println!("{bounds:?} {} states, {} steps, depth {}, {:?}", checker.unique_state_count(), checker.state_count(), checker.max_depth(), began.elapsed());
    for property in checker.model().properties() {
        let found = checker.discovery(property.name);
        match (property.expectation, found) {
            (stateright::Expectation::Sometimes, None) => println!("never: {}", property.name),
            (stateright::Expectation::Always, Some(path)) => println!("does not hold: {}: {:#?}", property.name, path.into_actions()),
            _ => {}
        }
    }
}
