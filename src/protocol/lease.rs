//! Leases: who may serve (rule e), and whose lease has surely run out (rule d).

use crate::protocol::ids::NodeId;
use crate::protocol::time::{BootTime, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A node's own lease. Counted from when the last renewal that succeeded was *sent*, on the clock that
/// runs through suspend.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    renewed_at: Option<BootTime>,
    fence_after: Duration,
}

/// Proof that the lease holds at the moment it was asked; what serves a player needs one.
#[derive(Clone, Copy, Debug)]
pub struct ServePermit<'a> {
    _lease: &'a Lease,
}

impl Lease {
    /// A lease that has never been renewed: it permits nothing.
    pub const fn new(fence_after: Duration) -> Self {
        Self { renewed_at: None, fence_after }
    }

    /// A renewal that was sent at `sent_at` has succeeded. False: the lease has run out before that was known,
    /// so that others may have taken over meanwhile. It is not renewed: whatever is held has to be fenced
    /// first, and then [`restart`](Self::restart)ed (e).
    #[must_use]
    pub fn renewed(&mut self, sent_at: BootTime, now: BootTime) -> bool {
        let unbroken = self.permit(now).is_some();
        if unbroken {
            self.renewed_at = self.renewed_at.max(Some(sent_at));
        }
        unbroken
    }

    /// Everything is fenced, or nothing was ever held, and a renewal that was sent at `sent_at` has succeeded.
    pub fn restart(&mut self, sent_at: BootTime) {
        self.renewed_at = self.renewed_at.max(Some(sent_at));
    }

    /// Permission to serve now, if the lease cannot have run out.
    pub fn permit(&self, now: BootTime) -> Option<ServePermit<'_>> {
        let renewed_at = self.renewed_at?;
        (now.since(renewed_at) < self.fence_after).then_some(ServePermit { _lease: self })
    }
}

/// What an observer knows of other nodes' leases from its own leader reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaseWatch {
    take_over_after: Duration,
    seen: BTreeMap<NodeId, Seen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Seen {
    heartbeat: u64,
    /// It has been seen for the first time.
    since: Time,
    /// The last read that showed it was asked for.
    until: Time,
    said_goodbye: bool,
}

/// A node's heartbeat as a leader's read showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Heartbeat {
    /// The node has renewed so many times.
    Beating(u64),
    /// The node wrote that it has stopped serving, after it had.
    Goodbye,
}

impl Heartbeat {
    /// A leader's read showed that the node has none: it was forgotten, as nobody had renewed it for long, or its life of
    /// the data is over. That counts as one that stands still: whoever renews again writes one first, and it is another.
    pub const NONE: Self = Self::Beating(0);
}

impl LeaseWatch {
    /// Watches with this time to take-over.
    pub const fn new(take_over_after: Duration) -> Self {
        Self { take_over_after, seen: BTreeMap::new() }
    }

    /// A leader's read that was asked for at `asked_at`, and answered now, showed this heartbeat of `node`. It
    /// was so at some time between: it had been reached at the latest now, and held at least until `asked_at`.
    pub fn observed(&mut self, node: NodeId, heartbeat: Heartbeat, asked_at: Time, now: Time) {
        let (count, said_goodbye) = match heartbeat {
            Heartbeat::Beating(count) => (count, false),
            Heartbeat::Goodbye => (0, true),
        };
        let anew = Seen { heartbeat: count, since: now, until: now, said_goodbye };
        let seen = self.seen.entry(node).or_insert(anew);
        if (seen.heartbeat, seen.said_goodbye) == (count, said_goodbye) {
            seen.until = seen.until.max(asked_at);
        } else {
            *seen = anew;
        }
    }

    /// A leader's read showed only heartbeats that may have stood still: those of all other nodes have changed a moment
    /// ago, to what is not known. Their time begins when they are shown again.
    pub fn others_have_changed(&mut self, shown: &BTreeSet<NodeId>) {
        self.seen.retain(|node, seen| seen.said_goodbye || shown.contains(node));
    }

    /// A read failed: what was not seen cannot count as unchanged, so every time starts again.
    pub fn read_failed(&mut self) {
        self.seen.retain(|_, seen| seen.said_goodbye);
    }

    /// Whether this node's lease has surely run out: only what was read counts, not the time since.
    pub fn has_run_out(&self, node: NodeId) -> bool {
        self.seen
            .get(&node)
            .is_some_and(|seen| seen.said_goodbye || seen.until.since(seen.since) >= self.take_over_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId(7);

    fn seconds(count: u64) -> Time {
        Time::from_micros(count * 1_000_000)
    }

    #[test]
    fn a_lease_counts_from_when_its_renewal_was_sent() {
        let mut lease = Lease::new(Duration::from_secs(12));
        assert!(lease.permit(BootTime::from_micros(0)).is_none(), "never renewed");
        lease.restart(BootTime::from_micros(1_000_000));
        assert!(lease.permit(BootTime::from_micros(12_999_999)).is_some());
        assert!(lease.permit(BootTime::from_micros(13_000_000)).is_none());
    }

    #[test]
    fn a_late_answer_to_an_old_renewal_does_not_shorten_the_lease() {
        let mut lease = Lease::new(Duration::from_secs(12));
        lease.restart(BootTime::from_micros(9_000_000));
        assert!(lease.renewed(BootTime::from_micros(3_000_000), BootTime::from_micros(10_000_000)));
        assert!(lease.permit(BootTime::from_micros(20_000_000)).is_some());
    }

    #[test]
    fn a_lease_that_has_run_out_unnoticed_is_not_renewed_before_everything_is_fenced() {
        let mut lease = Lease::new(Duration::from_secs(12));
        lease.restart(BootTime::from_micros(0));
        let after_a_suspend = BootTime::from_micros(60_000_000);
        assert!(!lease.renewed(after_a_suspend, after_a_suspend));
        assert!(
            !lease.renewed(BootTime::from_micros(11_000_000), BootTime::from_micros(15_000_000)),
            "too slow"
        );
        assert!(lease.permit(after_a_suspend).is_none());
        lease.restart(after_a_suspend);
        assert!(lease.permit(after_a_suspend).is_some());
    }

    #[test]
    fn a_lease_has_run_out_only_after_an_unchanged_heartbeat_of_the_whole_time() {
        let mut watch = LeaseWatch::new(Duration::from_secs(15));
        watch.observed(NODE, Heartbeat::Beating(1), seconds(0), seconds(0));
        watch.observed(NODE, Heartbeat::Beating(2), seconds(10), seconds(10));
        watch.observed(NODE, Heartbeat::Beating(2), seconds(24), seconds(24));
        assert!(!watch.has_run_out(NODE));
        watch.observed(NODE, Heartbeat::Beating(2), seconds(25), seconds(25));
        assert!(watch.has_run_out(NODE));
    }

    #[test]
    fn time_without_a_read_proves_nothing() {
        let mut watch = LeaseWatch::new(Duration::from_secs(15));
        watch.observed(NODE, Heartbeat::Beating(1), seconds(0), seconds(0));
        // The observer was suspended between question and answer: the heartbeat is one of the first second.
        watch.observed(NODE, Heartbeat::Beating(1), seconds(1), seconds(60));
        assert!(!watch.has_run_out(NODE));
    }

    #[test]
    fn a_failed_read_starts_the_time_again() {
        let mut watch = LeaseWatch::new(Duration::from_secs(15));
        watch.observed(NODE, Heartbeat::Beating(1), seconds(0), seconds(0));
        watch.read_failed();
        watch.observed(NODE, Heartbeat::Beating(1), seconds(14), seconds(14));
        watch.observed(NODE, Heartbeat::Beating(1), seconds(28), seconds(28));
        assert!(!watch.has_run_out(NODE));
        watch.observed(NODE, Heartbeat::Beating(1), seconds(29), seconds(29));
        assert!(watch.has_run_out(NODE));
    }

    #[test]
    fn a_node_that_was_not_shown_has_renewed_and_its_time_begins_anew() {
        let mut watch = LeaseWatch::new(Duration::from_secs(15));
        watch.observed(NODE, Heartbeat::Beating(1), seconds(0), seconds(0));
        watch.observed(NODE, Heartbeat::Beating(1), seconds(20), seconds(20));
        watch.observed(NodeId(8), Heartbeat::Goodbye, seconds(20), seconds(20));
        watch.others_have_changed(&BTreeSet::from([NODE]));
        assert!(watch.has_run_out(NODE));
        watch.others_have_changed(&BTreeSet::new());
        assert!(!watch.has_run_out(NODE), "it has come back");
        assert!(watch.has_run_out(NodeId(8)), "who has said goodbye does not come back");
        watch.observed(NODE, Heartbeat::Beating(7), seconds(30), seconds(30));
        watch.observed(NODE, Heartbeat::Beating(7), seconds(44), seconds(44));
        assert!(!watch.has_run_out(NODE));
        watch.observed(NODE, Heartbeat::Beating(7), seconds(45), seconds(45));
        assert!(watch.has_run_out(NODE));
    }

    #[test]
    fn that_there_is_no_heartbeat_counts_as_one_that_stands_still_until_one_appears() {
        let mut watch = LeaseWatch::new(Duration::from_secs(15));
        watch.observed(NODE, Heartbeat::Beating(4), seconds(0), seconds(0));
        watch.observed(NODE, Heartbeat::NONE, seconds(10), seconds(10));
        watch.observed(NODE, Heartbeat::NONE, seconds(24), seconds(24));
        assert!(!watch.has_run_out(NODE), "it counts from when it was first missing");
        watch.observed(NODE, Heartbeat::NONE, seconds(25), seconds(25));
        assert!(watch.has_run_out(NODE));
        // Who comes back writes a heartbeat before anything else, by whichever read it is noticed.
        let mut shown = watch.clone();
        shown.observed(NODE, Heartbeat::Beating(1), seconds(26), seconds(26));
        assert!(!shown.has_run_out(NODE));
        watch.others_have_changed(&BTreeSet::new());
        assert!(!watch.has_run_out(NODE), "it was left out, for it has changed");
        watch.observed(NODE, Heartbeat::NONE, seconds(27), seconds(27));
        watch.read_failed();
        watch.observed(NODE, Heartbeat::NONE, seconds(42), seconds(42));
        assert!(!watch.has_run_out(NODE), "a failed read starts this time again, too");
    }

    #[test]
    fn a_node_that_nobody_has_seen_has_not_run_out() {
        assert!(!LeaseWatch::new(Duration::ZERO).has_run_out(NODE));
    }
}
