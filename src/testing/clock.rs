//! A node's clocks: they run at a rate of their own, and the one for timers stands still while the machine is
//! suspended, where the lease's runs on (rule e).

use crate::protocol::time::{BootTime, Time};
use std::time::Duration;

/// The rate of the cluster's own time, in millionths.
const TRUE_RATE: u64 = 1_000_000;

/// Both clocks of one node, over the cluster's time.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    /// The rate holds since then, in the cluster's time ...
    since: Time,
    /// ... when the lease's clock showed this.
    boot_us: u64,
    /// In millionths: more than a million runs fast.
    rate: u64,
    /// What the timers' clock has missed.
    suspended_us: u64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { since: Time::default(), boot_us: 0, rate: TRUE_RATE, suspended_us: 0 }
    }
}

impl Clock {
    /// What the lease's clock shows at this moment of the cluster's time.
    pub(super) fn boot(&self, at: Time) -> BootTime {
        let passed_us = at.since(self.since).as_micros() as u64;
        BootTime::from_micros(self.boot_us + passed_us * self.rate / TRUE_RATE)
    }

    /// What the timers' clock shows.
    pub(super) fn mono(&self, at: Time) -> Time {
        Time::from_micros(self.boot(at).as_micros().saturating_sub(self.suspended_us))
    }

    /// The first moment at which the timers' clock shows at least this.
    pub(super) fn when(&self, mono: Time) -> Time {
        let left_us = (mono.as_micros().saturating_add(self.suspended_us)).saturating_sub(self.boot_us);
        self.since + Duration::from_micros((left_us.saturating_mul(TRUE_RATE)).div_ceil(self.rate))
    }

    /// Runs at this rate from now on, in thousandths of a true clock's.
    pub(super) fn run_at(&mut self, thousandths: u64, now: Time) {
        self.boot_us = self.boot(now).as_micros();
        self.since = now;
        self.rate = thousandths * 1000;
    }

    /// The machine was suspended for so long of the cluster's time.
    pub(super) fn suspended(&mut self, length: Duration) {
        self.suspended_us += length.as_micros() as u64 * self.rate / TRUE_RATE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_out_is_never_early_at_any_rate() {
        for thousandths in [900, 999, 1000, 1001, 1100] {
            let mut clock = Clock::default();
            clock.run_at(thousandths, Time::from_micros(777));
            clock.suspended(Duration::from_micros(12_345));
            for wanted in (800..40_000).step_by(37).map(Time::from_micros) {
                let at = clock.when(wanted);
                assert!(clock.mono(at) >= wanted, "{thousandths}: {wanted:?}");
                let before = Time::from_micros(at.as_micros() - 1);
                assert!(
                    before.as_micros() <= 777 || clock.mono(before) < wanted,
                    "{thousandths}: {wanted:?}"
                );
            }
        }
    }

    #[test]
    fn a_suspended_machine_loses_time_only_on_the_clock_of_timers() {
        let mut clock = Clock::default();
        let at = Time::from_micros(5_000_000);
        clock.suspended(Duration::from_secs(2));
        assert_eq!(clock.boot(at), BootTime::from_micros(5_000_000));
        assert_eq!(clock.mono(at), Time::from_micros(3_000_000));
    }
}
