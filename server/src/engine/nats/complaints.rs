//! What is said now and then: what goes wrong here goes wrong for everybody, again and again.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Pause between two complaints about the same.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// Counts what goes wrong, for each reason, of which there are few.
pub(super) struct Complaints<Reason>(Mutex<HashMap<Reason, Said>>);

struct Said {
    last: Instant,
    since: u64,
}

impl<Reason> Default for Complaints<Reason> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Reason: Eq + Hash> Complaints<Reason> {
    /// It has gone wrong once more. How often that was since the last complaint, if there is to be one now.
    pub(super) fn complain(&self, reason: Reason, now: Instant) -> Option<u64> {
        let mut said = self.0.lock();
        let Some(known) = said.get_mut(&reason) else {
            said.insert(reason, Said { last: now, since: 0 });
            return Some(1);
        };
        known.since += 1;
        let is_due = now.saturating_duration_since(known.last) >= COMPLAIN_EVERY;
        is_due.then(|| {
            known.last = now;
            std::mem::take(&mut known.since)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_complaint_speaks_for_all_since_the_last_about_the_same() {
        let complaints = Complaints::default();
        let now = Instant::now();
        assert_eq!(complaints.complain("slow", now), Some(1));
        for ms in 1..=500 {
            assert_eq!(complaints.complain("slow", now + Duration::from_millis(ms)), None);
        }
        assert_eq!(complaints.complain("full", now + Duration::from_secs(1)), Some(1));
        assert_eq!(complaints.complain("slow", now + COMPLAIN_EVERY), Some(501));
        assert_eq!(complaints.complain("slow", now + COMPLAIN_EVERY * 2 - Duration::from_millis(1)), None);
    }
}
