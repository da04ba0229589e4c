//! What lies in the bucket is called what.
//!
//! Every name holds the bucket's incarnation. So a write that was meant for one life of the data, and comes late,
//! finds nobody in the next (rule g): it can never pass for a write of that one, whatever its revision.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sterna::protocol::ids::{Bucket, CohortId, NodeId};

/// The names of one incarnation of a cluster's bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    prefix: String,
}

/// What a name is about, of those that every process follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    Node(NodeId),
    Room(CohortId),
}

impl Keys {
    pub(super) fn new(cluster: &str, bucket: Bucket) -> Self {
        Self { prefix: format!("sterna.{cluster}.{bucket}") }
    }

    /// Everything of a cluster, whatever the incarnation.
    pub(super) fn of_all_lives(cluster: &str) -> String {
        format!("sterna.{cluster}.>")
    }

    /// Everything.
    pub(super) fn all(&self) -> String {
        format!("{}.>", self.prefix)
    }

    /// What is there as long as this incarnation lasts: where it is missing, nothing else was ever there either.
    pub(super) fn anchor(&self) -> String {
        format!("{}.anchor", self.prefix)
    }

    /// A cohort's entry in the directory.
    pub(super) fn record(&self, cohort: CohortId) -> String {
        format!("{}.record.{cohort}", self.prefix)
    }

    pub(super) fn records(&self) -> String {
        format!("{}.record.*", self.prefix)
    }

    /// A node's heartbeat.
    pub(super) fn beat(&self, node: NodeId) -> String {
        format!("{}.beat.{node}", self.prefix)
    }

    pub(super) fn beats(&self) -> String {
        format!("{}.beat.*", self.prefix)
    }

    /// What a node has published of itself.
    pub(super) fn node(&self, node: NodeId) -> String {
        format!("{}.node.{node}", self.prefix)
    }

    pub(super) fn nodes(&self) -> String {
        format!("{}.node.*", self.prefix)
    }

    /// By what a room is found.
    pub(super) fn room(&self, room: CohortId) -> String {
        format!("{}.room.{room}", self.prefix)
    }

    pub(super) fn rooms(&self) -> String {
        format!("{}.room.*", self.prefix)
    }

    /// The session of a user. Users may be called anything; what stands in a subject may not.
    pub(super) fn user(&self, user: &str) -> String {
        format!("{}.user.{}", self.prefix, BASE64_URL_SAFE_NO_PAD.encode(user))
    }

    /// A cohort's snapshot, or where its pieces are.
    pub(super) fn snapshot(&self, cohort: CohortId) -> String {
        format!("{}.snapshot.{cohort}", self.prefix)
    }

    /// A piece of one attempt to write a snapshot.
    pub(super) fn piece(&self, cohort: CohortId, attempt: u64, index: u32) -> String {
        format!("{}.piece.{cohort}.{attempt:016x}.{index}", self.prefix)
    }

    /// All pieces of one attempt.
    pub(super) fn attempt(&self, cohort: CohortId, attempt: u64) -> String {
        format!("{}.piece.{cohort}.{attempt:016x}.*", self.prefix)
    }

    /// All pieces of a cohort's snapshots.
    pub(super) fn pieces(&self, cohort: CohortId) -> String {
        format!("{}.piece.{cohort}.>", self.prefix)
    }

    /// The cohort of a record's name.
    pub(super) fn cohort_of(&self, subject: &str) -> Option<CohortId> {
        self.id(subject, "record").map(CohortId)
    }

    /// The node of a heartbeat's name.
    pub(super) fn node_of_beat(&self, subject: &str) -> Option<NodeId> {
        self.id(subject, "beat").map(NodeId)
    }

    pub(super) fn followed(&self, subject: &str) -> Option<Followed> {
        let node = self.id(subject, "node").map(|id| Followed::Node(NodeId(id)));
        node.or_else(|| self.id(subject, "room").map(|id| Followed::Room(CohortId(id))))
    }

    fn id(&self, subject: &str, kind: &str) -> Option<u64> {
        let rest = subject.strip_prefix(&self.prefix)?.strip_prefix('.')?;
        let id = rest.strip_prefix(kind)?.strip_prefix('.')?;
        u64::from_str_radix(id, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_what_they_name() {
        let keys = Keys::new("eu-west", Bucket(7));
        assert_eq!(keys.record(CohortId(0xab)), "sterna.eu-west.7.record.00000000000000ab");
        assert_eq!(keys.cohort_of(&keys.record(CohortId(0xab))), Some(CohortId(0xab)));
        assert_eq!(keys.node_of_beat(&keys.beat(NodeId(3))), Some(NodeId(3)));
        assert_eq!(keys.followed(&keys.node(NodeId(3))), Some(Followed::Node(NodeId(3))));
        assert_eq!(keys.followed(&keys.room(CohortId(4))), Some(Followed::Room(CohortId(4))));
        assert_eq!(keys.followed(&keys.record(CohortId(4))), None);
    }

    #[test]
    fn names_of_another_incarnation_mean_nothing() {
        let (before, after) = (Keys::new("dev", Bucket(1)), Keys::new("dev", Bucket(11)));
        assert_eq!(after.cohort_of(&before.record(CohortId(1))), None);
        assert_eq!(before.cohort_of(&after.record(CohortId(1))), None);
    }

    #[test]
    fn a_user_may_be_called_anything() {
        let user = Keys::new("dev", Bucket(1)).user("a.*> b\u{2192}");
        let name = user.rsplit('.').next().unwrap();
        assert!(
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'),
            "{user}"
        );
    }
}
