//! Plays many seeds on all cores.

use crate::figures::Figures;
use crate::play::{Failure, play};
use crate::story::draw;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a search has found.
#[derive(Debug, Default)]
pub struct Found {
    /// Of all runs together.
    pub figures: Figures,
    /// Seeds whose stories failed.
    pub failures: BTreeMap<u64, Failure>,
}

/// Plays so many seeds from `start` on, with so many threads. Stops at the first failure unless it is to go
/// on; what other threads were at is played to its end.
pub fn search(start: u64, seeds: u64, jobs: usize, go_on: bool) -> Found {
    let next = AtomicU64::new(start);
    let stop = AtomicBool::new(false);
    let found = Mutex::new(Found::default());
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= start + seeds {
                        break;
                    }
                    let run = play(&draw(seed), false);
                    let mut found = found.lock();
                    found.figures.add(run.figures);
                    if let Some(failure) = run.failure {
                        found.failures.insert(seed, failure);
                        stop.store(!go_on, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    found.into_inner()
}
