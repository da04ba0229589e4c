//! How long leases last, and faults.

use std::time::Duration;
use sterna::protocol::limits::SILENCE_MAX;

/// What one cluster is played with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    renew: Duration,
    fence: Duration,
    take_over: Duration,
    /// After so much silence a client gives its link up.
    pub(crate) silence_max: Duration,
    /// A node's sleep that its lease outlasts.
    pub(crate) short_sleep: Duration,
    /// One after which others have taken over.
    pub(crate) long_sleep: Duration,
    /// An outage of NATS that leases outlast.
    pub(crate) short_outage: Duration,
    /// One that they do not.
    pub(crate) long_outage: Duration,
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// As they are unless set.
const REAL: Times = Times {
    renew: ms(3000),
    fence: ms(12_000),
    take_over: ms(15_000),
    silence_max: SILENCE_MAX,
    short_sleep: ms(8000),
    long_sleep: ms(20_000),
    short_outage: ms(4000),
    long_outage: ms(30_000),
};

impl Times {
    /// For faults of nodes: NATS answers at once, so leases may be short.
    pub(crate) fn of_node_faults() -> Self {
        if wants_real() {
            return REAL;
        }
        Self {
            renew: ms(600),
            fence: ms(2400),
            take_over: ms(5400),
            silence_max: ms(2500),
            short_sleep: ms(1200),
            long_sleep: ms(7500),
            long_outage: ms(6000),
            ..REAL
        }
    }

    /// For faults of NATS: it elects a leader in four to nine seconds, whatever is configured here, and that is to be
    /// no fault. So leases are as they are unless set.
    pub(crate) fn of_nats_faults() -> Self {
        let short_outage = if wants_real() { REAL.short_outage } else { ms(2000) };
        Self { short_outage, ..REAL }
    }

    /// For a configuration file.
    pub(crate) fn config(&self) -> String {
        let [renew, fence, take_over] = [self.renew, self.fence, self.take_over].map(|time| time.as_millis());
        format!("lease_renew_ms = {renew}\nself_fence_ms = {fence}\ntake_over_ms = {take_over}\n")
    }
}

fn wants_real() -> bool {
    std::env::var_os("STERNA_REAL_TIMES").is_some_and(|value| value != "0")
}

/// How long a fault lasts, which is what it is about.
pub(crate) async fn hold(time: Duration) {
    tokio::time::sleep(time).await;
}
