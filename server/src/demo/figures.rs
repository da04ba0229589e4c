//! Figures of one run, over all players and per transport, as they are printed and written as JSON.

use super::history::{Drained, History};
use super::judge::{Case, Counts};
use super::log::{Arrival, Log};
use serde::Serialize;
use std::collections::BTreeSet;
use sterna::client::config::Transport;
use sterna::protocol::ids::CohortId;

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    #[serde(flatten)]
    pub(super) all: Figures,
    pub(super) tcp: Figures,
    pub(super) udp: Figures,
}

/// Figures of some players.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    pub(super) ok: bool,
    pub(super) players: usize,
    pub(super) moved: usize,
    pub(super) failed: u64,
    pub(super) sent_up: u64,
    pub(super) sent_down: u64,
    pub(super) lost_up: u64,
    pub(super) lost_down: u64,
    pub(super) duplicated_up: u64,
    pub(super) duplicated_down: u64,
    pub(super) reordered_up: u64,
    pub(super) reordered_down: u64,
    pub(super) user_data_intact: bool,
    pub(super) echo_ms: Echo,
    pub(super) added_delay_ms: Spread,
    pub(super) unmoved_delay_ms: Spread,
    pub(super) freeze_us: Spread,
    pub(super) drain_ms: f64,
    pub(super) node_exited: bool,
    #[serde(skip)]
    pub(super) refused: u64,
}

/// Echo round trips, by when the echo arrived: before, during and after the scale-in.
#[derive(Debug, Serialize)]
pub(super) struct Echo {
    pub(super) before: Spread,
    pub(super) during: Spread,
    pub(super) after: Spread,
}

/// How a figure is distributed; nothing if there was nothing to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
    pub(super) max: Option<f64>,
}

impl Spread {
    /// Of these microseconds, in units of `unit_us`.
    fn of(mut values_us: Vec<u64>, unit_us: f64) -> Self {
        values_us.sort_unstable();
        // The smallest value that at least this share of all does not exceed.
        let at = |percent: usize| {
            let rank = (values_us.len() * percent).div_ceil(100).max(1);
            values_us.get(rank - 1).map(|value| *value as f64 / unit_us)
        };
        Self { p50: at(50), p99: at(99), max: at(100) }
    }
}

const US_PER_MS: f64 = 1000.0;

/// A span of time in microseconds.
#[derive(Clone, Copy)]
struct Window {
    from_us: u64,
    to_us: u64,
}

impl Summary {
    pub(super) fn of(case: &Case<'_>) -> Self {
        Self {
            all: Figures::of(case, |_| true),
            tcp: Figures::of(case, |log| log.transport == Transport::Tcp),
            udp: Figures::of(case, |log| log.transport == Transport::Udp),
        }
    }
}

impl Figures {
    fn of(case: &Case<'_>, included: impl Fn(&Log) -> bool) -> Self {
        let logs: Vec<&Log> = case.logs.iter().filter(|log| included(log)).collect();
        let counts = Counts::of(logs.iter().copied(), case.history);
        let (added, unmoved) = delays(&logs, case.drained);
        Self {
            ok: counts.broken_promises().is_empty() && case.node_exited(),
            players: logs.len(),
            moved: logs.iter().filter(|log| case.history.seen(log.player).arrivals > 0).count(),
            failed: logs.iter().map(|log| log.failed).sum(),
            sent_up: counts.sent_up,
            sent_down: counts.sent_down,
            lost_up: counts.lost_up,
            lost_down: counts.lost_down,
            duplicated_up: counts.duplicated_up,
            duplicated_down: counts.duplicated_down,
            reordered_up: counts.reordered_up,
            reordered_down: counts.reordered_down,
            user_data_intact: counts.damaged == 0,
            echo_ms: Echo::of(&logs, case.drained),
            added_delay_ms: Spread::of(added, US_PER_MS),
            unmoved_delay_ms: Spread::of(unmoved, US_PER_MS),
            freeze_us: Spread::of(freezes(&logs, case.history), 1.0),
            drain_ms: case.drained.took.as_micros() as f64 / US_PER_MS,
            node_exited: case.node_exited(),
            refused: logs.iter().map(|log| log.refused).sum(),
        }
    }
}

impl Echo {
    fn of(logs: &[&Log], drained: &Drained) -> Self {
        let within = |from_us: u64, to_us: u64| {
            let arrivals = logs.iter().flat_map(|log| &log.arrivals);
            let round_trips = arrivals.filter_map(|arrival| match arrival {
                Arrival::Echo { at_us, sent_us } if (from_us..to_us).contains(at_us) => Some(at_us - sent_us),
                Arrival::Echo { .. } | Arrival::Push { .. } => None,
            });
            Spread::of(round_trips.collect(), US_PER_MS)
        };
        Self {
            before: within(0, drained.began_us),
            during: within(drained.began_us, drained.ended_us),
            after: within(drained.ended_us, u64::MAX),
        }
    }
}

fn freezes(logs: &[&Log], history: &History) -> Vec<u64> {
    let session = |log: &&Log| history.seen(log.player).session.map(CohortId::from);
    let cohorts: BTreeSet<CohortId> = logs.iter().filter_map(session).collect();
    let freezes = history.freezes().into_iter().filter(|freeze| cohorts.contains(&freeze.cohort));
    freezes.map(|freeze| freeze.micros).collect()
}

/// The added delay of those who moved, and the same statistic of those who did not: each of them is looked at
/// in the very time in which one of the others moved.
fn delays(logs: &[&Log], drained: &Drained) -> (Vec<u64>, Vec<u64>) {
    // Who was told that the node goes offline and found the session by reconnecting is neither.
    let moved: Vec<&Log> = logs.iter().copied().filter(|log| log.moves > 0).collect();
    let unmoved: Vec<&Log> = logs.iter().copied().filter(|log| log.offline == 0 && log.moves == 0).collect();
    let windows: Vec<Window> = moved.iter().filter_map(|log| window(log, drained)).collect();
    let added = moved.iter().filter_map(|log| added_delay(log, window(log, drained)?, drained)).collect();
    let pairs = unmoved.iter().zip(windows.iter().cycle());
    let still = pairs.filter_map(|(log, window)| added_delay(log, *window, drained)).collect();
    (added, still)
}

/// From when the player asked to be moved until two usual spacings after the move.
fn window(log: &Log, drained: &Drained) -> Option<Window> {
    let moved_us = log.moved_us?;
    let spacing = streams(log).iter().filter_map(|stream| usual_spacing(stream, drained)).max()?;
    Some(Window { from_us: log.asked_us.unwrap_or(drained.began_us), to_us: moved_us + 2 * spacing })
}

/// DESIGN section 7: the longest gap between arrivals around the move minus that client's usual spacing.
/// Echoes and pushes have a spacing of their own each; the worse of the two counts.
fn added_delay(log: &Log, window: Window, drained: &Drained) -> Option<u64> {
    let worst = |stream: &Vec<u64>| {
        let usual = usual_spacing(stream, drained)?;
        let around = stream.windows(2).filter(|pair| pair[1] >= window.from_us && pair[0] <= window.to_us);
        Some(around.map(|pair| pair[1] - pair[0]).max()?.saturating_sub(usual))
    };
    streams(log).iter().filter_map(worst).max()
}

/// When echoes arrived, and when pushes did.
fn streams(log: &Log) -> [Vec<u64>; 2] {
    let mut streams = [Vec::new(), Vec::new()];
    for arrival in &log.arrivals {
        match *arrival {
            Arrival::Echo { at_us, .. } => streams[0].push(at_us),
            Arrival::Push { at_us } => streams[1].push(at_us),
        }
    }
    streams
}

/// The median gap before the scale-in.
fn usual_spacing(stream: &[u64], drained: &Drained) -> Option<u64> {
    let before = stream.windows(2).filter(|pair| pair[1] < drained.began_us);
    let mut gaps: Vec<u64> = before.map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn drained() -> Drained {
        let (took, closed) = (Duration::from_millis(10), 0);
        Drained { began_us: 100_000, ended_us: 110_000, took, closed, exited: true, players: 1 }
    }

    fn player(pushes_us: impl IntoIterator<Item = u64>) -> Log {
        let arrivals = pushes_us.into_iter().map(|at_us| Arrival::Push { at_us }).collect();
        Log { arrivals, ..Log::default() }
    }

    #[test]
    fn the_added_delay_is_the_longest_gap_at_the_move_less_the_usual_one() {
        let late = (0..20).map(|number| number * 10_000 + if number > 10 { 700 } else { 0 });
        let mover = Log { moves: 1, asked_us: Some(101_000), moved_us: Some(105_000), ..player(late) };
        let other = player((0..20).map(|number| number * 10_000 + 3));
        let (added, unmoved) = delays(&[&mover, &other], &drained());
        assert_eq!((added, unmoved), (vec![700], vec![0]));
    }

    #[test]
    fn a_gap_long_after_the_move_is_not_its_fault() {
        let late = (0..40).map(|number| number * 10_000 + if number > 30 { 700 } else { 0 });
        let mover = Log { moves: 1, asked_us: Some(101_000), moved_us: Some(105_000), ..player(late) };
        assert_eq!(delays(&[&mover], &drained()).0, [0]);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let spread = Spread::of((1..=1000).rev().collect(), 10.0);
        assert_eq!(spread, Spread { p50: Some(50.0), p99: Some(99.0), max: Some(100.0) });
        assert_eq!(Spread::of(Vec::new(), 1.0), Spread::default());
    }
}
