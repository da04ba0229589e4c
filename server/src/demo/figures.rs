//! Figures of one run, over all players and per transport, as they are printed and written as JSON.

use super::history::{Drained, History};
use super::judge::{Case, Counts};
use super::log::{Arrival, Log, Manner};
use super::rooms::figures::RoomFigures;
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rooms: Option<RoomFigures>,
}

/// Figures of some players.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    pub(super) ok: bool,
    pub(super) players: usize,
    pub(super) moved: usize,
    pub(super) moved_classic: usize,
    pub(super) moved_forced: usize,
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
    pub(super) classic_delay_ms: Spread,
    pub(super) forced_delay_ms: Spread,
    pub(super) unmoved_delay_ms: Spread,
    pub(super) seamless_to_forced: Option<Ratio>,
    pub(super) freeze_us: Spread,
    pub(super) drain_ms: f64,
    pub(super) node_exited: bool,
    #[serde(skip)]
    pub(super) refused: u64,
}

/// What a seamless move adds, as a share of what a forced one adds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Ratio {
    /// Of the figures as they are: the machine's own noise is in both.
    pub(super) p99: f64,
    /// Of what is left of both when the figure of players who did not move is taken off (DESIGN section 7).
    pub(super) p99_above_unmoved: f64,
}

impl Ratio {
    /// None if there is nothing to compare, or a forced move added nothing that could be seen.
    fn of(seamless: &Spread, forced: &Spread, unmoved: &Spread) -> Option<Self> {
        let (seamless, forced) = (seamless.p99?, forced.p99?);
        let unmoved = unmoved.p99.unwrap_or(0.0);
        let ratio = Self {
            p99: seamless / forced,
            p99_above_unmoved: (seamless - unmoved).max(0.0) / (forced - unmoved),
        };
        (forced > unmoved).then_some(ratio)
    }
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
        let mut all = Figures::of(case, |_| true);
        let in_rooms = case.logs.iter().any(|log| log.heard.is_some());
        let rooms =
            in_rooms.then(|| RoomFigures::of(case, all.added_delay_ms, all.unmoved_delay_ms, all.freeze_us));
        all.ok &= rooms.as_ref().is_none_or(|rooms| rooms.ok);
        Self {
            all,
            tcp: Figures::of(case, |log| log.transport == Transport::Tcp),
            udp: Figures::of(case, |log| log.transport == Transport::Udp),
            rooms,
        }
    }
}

impl Figures {
    fn of(case: &Case<'_>, included: impl Fn(&Log) -> bool) -> Self {
        let logs: Vec<&Log> = case.logs.iter().filter(|log| included(log)).collect();
        let counts = Counts::of(logs.iter().copied(), case.history);
        let delays = Delays::of(&logs, case.drained);
        let moved = |log: &&&Log| case.history.seen(log.player).arrivals > 0;
        let moved_by = |manner| logs.iter().filter(moved).filter(|log| log.manner == manner).count();
        Self {
            ok: counts.broken_promises().is_empty() && case.node_exited(),
            players: logs.len(),
            moved: logs.iter().filter(moved).count(),
            moved_classic: moved_by(Manner::Classic),
            moved_forced: moved_by(Manner::Forced),
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
            added_delay_ms: delays.seamless,
            classic_delay_ms: delays.classic,
            forced_delay_ms: delays.forced,
            unmoved_delay_ms: delays.unmoved,
            seamless_to_forced: Ratio::of(&delays.seamless, &delays.forced, &delays.unmoved),
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
                Arrival::Echo { .. }
                | Arrival::Push { .. }
                | Arrival::Own { .. }
                | Arrival::Neighbour { .. } => None,
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
    // Who sits in a room does not move alone, but to join it.
    let cohort = |log: &&Log| match &log.heard {
        Some(heard) => heard.id,
        None => history.seen(log.player).session.map(CohortId::from),
    };
    let cohorts: BTreeSet<CohortId> = logs.iter().filter_map(cohort).collect();
    let freezes = history.freezes().into_iter().filter(|freeze| cohorts.contains(&freeze.cohort));
    freezes.map(|freeze| freeze.micros).collect()
}

/// The added delay of those who moved, by their manner, and the same statistic of those who did not.
struct Delays {
    seamless: Spread,
    classic: Spread,
    forced: Spread,
    unmoved: Spread,
}

impl Delays {
    fn of(logs: &[&Log], drained: &Drained) -> Self {
        let spread = |values| Spread::of(values, US_PER_MS);
        Self {
            seamless: spread(added_delays(logs, Manner::Seamless, drained)),
            classic: spread(added_delays(logs, Manner::Classic, drained)),
            forced: spread(added_delays(logs, Manner::Forced, drained)),
            unmoved: spread(unmoved_delays(logs, drained)),
        }
    }
}

fn added_delays(logs: &[&Log], manner: Manner, drained: &Drained) -> Vec<u64> {
    let moved = logs.iter().filter(|log| log.manner == manner && log.moves > 0);
    moved.filter_map(|log| added_delay(log, window(log, drained)?, drained)).collect()
}

/// Each player who did not move is looked at in the very time in which one of the others moved seamlessly.
fn unmoved_delays(logs: &[&Log], drained: &Drained) -> Vec<u64> {
    let seamless = logs.iter().filter(|log| log.manner == Manner::Seamless && log.moves > 0);
    let windows: Vec<Window> = seamless.filter_map(|log| window(log, drained)).collect();
    // Who was told that the node goes offline and found the session by reconnecting is neither.
    let unmoved = logs.iter().filter(|log| log.offline == 0 && log.moves == 0);
    let pairs = unmoved.zip(windows.iter().cycle());
    pairs.filter_map(|(log, window)| added_delay(log, *window, drained)).collect()
}

/// From when the player asked to be moved, or was told to be, until two usual spacings after the move.
fn window(log: &Log, drained: &Drained) -> Option<Window> {
    let moved_us = log.moved_us?;
    let spacing = streams(log).iter().filter_map(|stream| usual_spacing(stream, drained)).max()?;
    let from_us = log.asked_us.or(log.begun_us).unwrap_or(drained.began_us);
    Some(Window { from_us, to_us: moved_us + 2 * spacing })
}

/// DESIGN section 7: the longest gap between arrivals around the move minus that client's usual spacing.
/// Echoes, pushes and broadcasts have a spacing of their own each; the worst of them counts.
fn added_delay(log: &Log, window: Window, drained: &Drained) -> Option<u64> {
    let worst = |stream: &Vec<u64>| {
        let usual = usual_spacing(stream, drained)?;
        let around = stream.windows(2).filter(|pair| pair[1] >= window.from_us && pair[0] <= window.to_us);
        Some(around.map(|pair| pair[1] - pair[0]).max()?.saturating_sub(usual))
    };
    streams(log).iter().filter_map(worst).max()
}

/// When echoes arrived, when pushes did, and of a room the player's own broadcasts and one other member's: what comes
/// from one sender has a spacing of its own.
fn streams(log: &Log) -> [Vec<u64>; 4] {
    let mut streams = [const { Vec::new() }; 4];
    for arrival in &log.arrivals {
        let stream = match arrival {
            Arrival::Echo { .. } => 0,
            Arrival::Push { .. } => 1,
            Arrival::Own { .. } => 2,
            Arrival::Neighbour { .. } => 3,
        };
        streams[stream].push(arrival.at_us());
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
        let logs = [&mover, &other];
        assert_eq!(added_delays(&logs, Manner::Seamless, &drained()), [700]);
        assert_eq!(unmoved_delays(&logs, &drained()), [0]);
    }

    #[test]
    fn a_gap_long_after_the_move_is_not_its_fault() {
        let late = (0..40).map(|number| number * 10_000 + if number > 30 { 700 } else { 0 });
        let mover = Log { moves: 1, asked_us: Some(101_000), moved_us: Some(105_000), ..player(late) };
        assert_eq!(added_delays(&[&mover], Manner::Seamless, &drained()), [0]);
    }

    #[test]
    fn a_forced_move_is_looked_at_from_when_it_was_told() {
        // Two gaps before the move that are not its fault, and the one that is.
        let late = (0..20).map(|number| number * 10_000 + if number > 12 { 7_000 } else { 0 });
        let moved = Log { moves: 1, moved_us: Some(135_000), ..player(late) };
        let told = Log { manner: Manner::Forced, begun_us: Some(121_000), ..moved };
        assert_eq!(added_delays(&[&told], Manner::Forced, &drained()), [7_000]);
        assert_eq!(added_delays(&[&told], Manner::Seamless, &drained()), [0; 0]);
        assert_eq!(unmoved_delays(&[&told], &drained()), [0; 0]);
    }

    #[test]
    fn the_ratio_is_of_what_both_add_to_the_noise() {
        let spread = |p99| Spread { p99: Some(p99), ..Spread::default() };
        let ratio = Ratio::of(&spread(2.0), &spread(41.0), &spread(1.0)).unwrap();
        assert_eq!(ratio.p99_above_unmoved, 1.0 / 40.0);
        assert_eq!(ratio.p99, 2.0 / 41.0);
        assert_eq!(Ratio::of(&spread(2.0), &Spread::default(), &spread(1.0)), None);
        assert_eq!(Ratio::of(&spread(2.0), &spread(1.0), &spread(1.0)), None);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let spread = Spread::of((1..=1000).rev().collect(), 10.0);
        assert_eq!(spread, Spread { p50: Some(50.0), p99: Some(99.0), max: Some(100.0) });
        assert_eq!(Spread::of(Vec::new(), 1.0), Spread::default());
    }
}
