//! Leases: who may serve (rule e), and whose lease has surely run out (rule d).

use crate::protocol::ids::NodeId;
use crate::protocol::time::{BootTime, Time};
use std::collections::BTreeMap;
use std::time::Duration;

/// A node's own lease. Counted from when the last renewal that succeeded was *sent*, on the clock that
/// runs through suspend.
#[derive(Clone, Debug)]
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

    /// A renewal that was sent at `sent_at` has succeeded.
    pub fn renewed(&mut self, sent_at: BootTime) {
        self.renewed_at = self.renewed_at.max(Some(sent_at));
    }

    /// Permission to serve now, if the lease cannot have run out.
    pub fn permit(&self, now: BootTime) -> Option<ServePermit<'_>> {
        let renewed_at = self.renewed_at?;
        (now.since(renewed_at) < self.fence_after).then_some(ServePermit { _lease: self })
    }
}

/// What an observer knows of other nodes' leases from its own leader reads.
#[derive(Clone, Debug)]
pub struct LeaseWatch {
    take_over_after: Duration,
    seen: BTreeMap<NodeId, Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    heartbeat: u64,
    since: Time,
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

impl LeaseWatch {
    /// Watches with this time to take-over.
    pub const fn new(take_over_after: Duration) -> Self {
        Self { take_over_after, seen: BTreeMap::new() }
    }

    /// A leader's read showed this heartbeat of `node`.
    pub fn observed(&mut self, node: NodeId, heartbeat: Heartbeat, now: Time) {
        match heartbeat {
            Heartbeat::Goodbye => {
                self.seen.insert(node, Seen { heartbeat: 0, since: now, said_goodbye: true });
            }
            Heartbeat::Beating(count) => {
                let seen = self.seen.entry(node).or_insert(Seen {
                    heartbeat: count,
                    since: now,
                    said_goodbye: false,
                });
                if seen.heartbeat != count {
                    *seen = Seen { heartbeat: count, since: now, said_goodbye: false };
                }
            }
        }
    }

    /// A read failed: what was not seen cannot count as unchanged, so every time starts again.
    pub fn read_failed(&mut self) {
        self.seen.retain(|_, seen| seen.said_goodbye);
    }

    /// Whether this node's lease has surely run out.
    pub fn has_run_out(&self, node: NodeId, now: Time) -> bool {
        self.seen
            .get(&node)
            .is_some_and(|seen| seen.said_goodbye || now.since(seen.since) >= self.take_over_after)
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
        lease.renewed(BootTime::from_micros(1_000_000));
        assert!(lease.permit(BootTime::from_micros(12_999_999)).is_some());
        assert!(lease.permit(BootTime::from_micros(13_000_000)).is_none());
    }

    #[test]
    fn a_late_answer_to_an_old_renewal_does_not_shorten_the_lease() {
        let mut lease = Lease::new(Duration::from_secs(12));
        lease.renewed(BootTime::from_micros(9_000_000));
        lease.renewed(BootTime::from_micros(3_000_000));
        assert!(lease.permit(BootTime::from_micros(20_000_000)).is_some());
    }

    #[test]
    fn a_lease_has_run_out_only_after_an_unchanged_heartbeat_of_the_whole_time() {
        let mut watch = LeaseWatch::new(Duration::from_secs(15));
        watch.observed(NODE, Heartbeat::Beating(1), seconds(0));
        watch.observed(NODE, Heartbeat::Beating(2), seconds(10));
        assert!(!watch.has_run_out(NODE, seconds(24)));
        assert!(watch.has_run_out(NODE, seconds(25)));
    }

    #[test]
    fn a_failed_read_starts_the_time_again() {
        let mut watch = LeaseWatch::new(Duration::from_secs(15));
        watch.observed(NODE, Heartbeat::Beating(1), seconds(0));
        watch.read_failed();
        watch.observed(NODE, Heartbeat::Beating(1), seconds(14));
        assert!(!watch.has_run_out(NODE, seconds(28)));
        assert!(watch.has_run_out(NODE, seconds(29)));
    }

    #[test]
    fn a_node_that_nobody_has_seen_has_not_run_out() {
        assert!(!LeaseWatch::new(Duration::ZERO).has_run_out(NODE, seconds(99)));
    }
}
