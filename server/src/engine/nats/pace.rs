//! How fast snapshots are stored: a crowd of them must not hold up heartbeats and moves, which use the same bucket.

use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// So much may go at once.
const BURST: Duration = Duration::from_millis(100);

/// What would wait longer is not stored now: its owner takes a newer snapshot later.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(2);

/// Lets so many bytes pass in a second.
pub(super) struct Pace {
    bytes_per_second: u64,
    /// When everything that was let pass so far has passed.
    free_at: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), free_at: Mutex::new(Instant::now()) }
    }

    /// Waits for the turn of so many bytes. False: it would not come soon enough.
    pub(super) async fn wait(&self, bytes: u64) -> bool {
        let Some(pause) = self.reserve(bytes, Instant::now()) else { return false };
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        true
    }

    fn reserve(&self, bytes: u64, now: Instant) -> Option<Duration> {
        let mut free_at = self.free_at.lock();
        let begins_at = (*free_at).max(now);
        let pause = begins_at.saturating_duration_since(now).saturating_sub(BURST);
        if pause > WAIT_MAX {
            return None;
        }
        *free_at = begins_at + Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_too_fast_waits_and_what_would_wait_too_long_is_sent_away() {
        let pace = Pace::new(1000);
        let now = Instant::now();
        let pauses: Vec<_> = (0..4).map(|_| pace.reserve(1000, now)).collect();
        let seconds = |count: f64| Some(Duration::from_secs_f64(count));
        assert_eq!(pauses[0], Some(Duration::ZERO));
        for (pause, wanted) in pauses[1..3].iter().zip([0.9, 1.9]) {
            let (pause, wanted) = (pause.unwrap(), seconds(wanted).unwrap());
            assert!(pause.abs_diff(wanted) < Duration::from_millis(1), "{pause:?}, not {wanted:?}");
        }
        assert_eq!(pauses[3], None);
        assert_eq!(pace.reserve(1000, now + Duration::from_secs(4)), Some(Duration::ZERO));
    }
}
