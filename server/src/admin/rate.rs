//! How many requests in a second are answered where anybody may ask. Not for each address: games come through load
//! balancers, which all have a few.

use parking_lot::Mutex;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// So much of the rate may come at once.
const BURST: Duration = Duration::from_secs(1);

/// Lets so many requests pass in a second (a generic cell rate algorithm).
#[derive(Debug)]
pub(super) struct Rate {
    /// What one request takes of each second.
    each: Duration,
    /// When everything that was let pass so far has had its time.
    free_at: Mutex<Option<Instant>>,
}

impl Rate {
    pub(super) fn per_second(count: NonZeroU32) -> Self {
        Self { each: BURST / count.get(), free_at: Mutex::default() }
    }

    /// A request has come now. An error says after which time it would be let pass.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut free_at = self.free_at.lock();
        let begins_at = free_at.map_or(now, |free_at| free_at.max(now));
        let ends_at = begins_at + self.each;
        let ahead = ends_at.saturating_duration_since(now);
        if ahead > BURST {
            return Err(ahead - BURST);
        }
        *free_at = Some(ends_at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seconds_worth_may_come_at_once_and_then_one_at_a_time() {
        let rate = Rate::per_second(NonZeroU32::new(4).unwrap());
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        for _ in 0..4 {
            assert_eq!(rate.take(at(0)), Ok(()));
        }
        assert_eq!(rate.take(at(0)), Err(Duration::from_millis(250)));
        assert_eq!(rate.take(at(100)), Err(Duration::from_millis(150)), "what is refused takes nothing");
        assert_eq!(rate.take(at(250)), Ok(()));
        assert!(rate.take(at(251)).is_err());
        // Time in which nobody asks is not saved up.
        let taken = (0..100).filter(|_| rate.take(at(60_000)).is_ok()).count();
        assert_eq!(taken, 4);
    }
}
