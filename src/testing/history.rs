//! What clients, the application and the directory saw, and nothing else; with one function for each
//! promise. The judge does not ask the accused.

use super::PlayerId;
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::ids::{CohortId, Epoch, NodeId, SessionId};
use crate::protocol::record::{OwnerPhase, Record};
use std::collections::BTreeMap;

/// Something that was seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// The game sent the uplink message of this number.
    Sent(PlayerId, u64),
    /// The application processed it on this node.
    Processed(PlayerId, NodeId, SessionId, u64),
    /// The application sent the downlink message of this number.
    Pushed(PlayerId, NodeId, SessionId, u64),
    /// The game received it.
    Received(PlayerId, u64),
    /// A request was answered, or given up.
    Answered(PlayerId, u64, Status),
    /// Any other event of a client.
    Told(PlayerId, Event),
    /// The directory's record changed.
    Recorded(CohortId, Option<Record>),
    /// One end of a link found that the other breaks the protocol.
    Fault(PlayerId, String),
}

/// Everything seen, in order.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: Vec<Entry>,
}

impl History {
    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Everything.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many events of a client are like this.
    pub fn told(&self, player: PlayerId, like: impl Fn(&Event) -> bool) -> usize {
        let told = |entry: &&Entry| matches!(entry, Entry::Told(who, event) if *who == player && like(event));
        self.entries.iter().filter(told).count()
    }

    /// Why a player's moves failed.
    pub fn failures(&self, player: PlayerId) -> Vec<Status> {
        let failure = |entry: &Entry| match entry {
            Entry::Told(who, Event::MigrateFailed { status }) if *who == player => Some(*status),
            _ => None,
        };
        self.entries.iter().filter_map(failure).collect()
    }

    /// Promise 2: in each direction, what arrives is the beginning of what was sent, in order.
    pub fn exactly_once_in_order(&self) {
        let mut next: BTreeMap<(PlayerId, &str), u64> = BTreeMap::new();
        let mut sent: BTreeMap<(PlayerId, &str), u64> = BTreeMap::new();
        for entry in &self.entries {
            let (player, direction, number) = match entry {
                Entry::Sent(player, number) => {
                    sent.insert((*player, "uplink"), *number);
                    continue;
                }
                Entry::Pushed(player, .., number) => {
                    sent.insert((*player, "downlink"), *number);
                    continue;
                }
                Entry::Processed(player, _, _, number) => (*player, "uplink", *number),
                Entry::Received(player, number) => (*player, "downlink", *number),
                Entry::Answered(..) | Entry::Told(..) | Entry::Recorded(..) | Entry::Fault(..) => continue,
            };
            let next = next.entry((player, direction)).or_default();
            assert_eq!(number, *next, "promise 2: {direction} message of {player:?} out of order");
            assert!(sent.get(&(player, direction)) >= Some(&number), "{direction} of {player:?} never sent");
            *next += 1;
        }
    }

    /// Nothing is missing any more: everything sent has arrived. For runs that were given time to end.
    pub fn nothing_lost(&self) {
        self.exactly_once_in_order();
        let count = |like: &dyn Fn(&Entry) -> bool| self.entries.iter().filter(|entry| like(entry)).count();
        assert_eq!(
            count(&|entry| matches!(entry, Entry::Sent(..))),
            count(&|entry| matches!(entry, Entry::Processed(..))),
            "promise 2: uplink missing"
        );
        assert_eq!(
            count(&|entry| matches!(entry, Entry::Pushed(..))),
            count(&|entry| matches!(entry, Entry::Received(..))),
            "promise 2: downlink missing"
        );
    }

    /// Promise 1: the application runs a session only on the node that the record names, or on the source
    /// as long as the target has not begun to.
    pub fn one_owner(&self) {
        let mut records: BTreeMap<CohortId, Record> = BTreeMap::new();
        let mut served: BTreeMap<CohortId, (Epoch, NodeId)> = BTreeMap::new();
        for entry in &self.entries {
            match entry {
                Entry::Recorded(cohort, Some(record)) => {
                    records.insert(*cohort, *record);
                }
                Entry::Recorded(cohort, None) => {
                    records.remove(cohort);
                }
                Entry::Processed(_, node, session, _) | Entry::Pushed(_, node, session, _) => {
                    let cohort = CohortId::from(*session);
                    let Some(record) = records.get(&cohort) else {
                        panic!("promise 1: {node} runs {session}, which has no record")
                    };
                    if record.owner == *node {
                        served.insert(cohort, (record.epoch, *node));
                        continue;
                    }
                    let handing = matches!(record.phase, OwnerPhase::Handing { from, .. } if from == *node);
                    let target_began = served.get(&cohort) == Some(&(record.epoch, record.owner));
                    assert!(
                        handing && !target_began,
                        "promise 1: {node} runs {session}, but the record says {record:?}"
                    );
                }
                Entry::Sent(..)
                | Entry::Received(..)
                | Entry::Answered(..)
                | Entry::Told(..)
                | Entry::Fault(..) => {}
            }
        }
    }

    /// Promise 5: after `Migrating` every client was told how that ended.
    pub fn every_move_ended(&self) {
        let mut open: BTreeMap<PlayerId, Epoch> = BTreeMap::new();
        for entry in &self.entries {
            let Entry::Told(player, event) = entry else { continue };
            match event {
                Event::Migrating { epoch } => {
                    let before = open.insert(*player, *epoch);
                    assert_eq!(before, None, "promise 5: {player:?} was told twice that a move begins");
                }
                Event::Migrated { .. } | Event::MigrateFailed { .. } | Event::Disconnected { .. } => {
                    open.remove(player);
                }
                Event::Connected { .. }
                | Event::ConnectFailed { .. }
                | Event::Reconnecting { .. }
                | Event::Reconnected { .. }
                | Event::Offline { .. }
                | Event::TookOver { .. }
                | Event::Response { .. }
                | Event::Push { .. }
                | Event::Log { .. } => {}
            }
        }
        assert!(open.is_empty(), "promise 5: moves that never ended: {open:?}");
    }

    /// Every request was answered once, and well.
    pub fn every_request_answered(&self, requests: u64) {
        let mut answered: Vec<u64> = Vec::new();
        for entry in &self.entries {
            if let Entry::Answered(_, request, status) = entry {
                assert_eq!(*status, Status::Ok, "request {request}");
                answered.push(*request);
            }
        }
        answered.sort_unstable();
        assert_eq!(answered, (1..=requests).collect::<Vec<_>>(), "requests answered");
    }

    /// No end of any link found fault with the other.
    pub fn no_faults(&self) {
        let faults: Vec<&Entry> =
            self.entries.iter().filter(|entry| matches!(entry, Entry::Fault(..))).collect();
        assert!(faults.is_empty(), "sound ends called each other broken: {faults:?}");
    }

    /// All promises that hold at any moment.
    pub fn check(&self) {
        self.exactly_once_in_order();
        self.one_owner();
        self.no_faults();
    }
}
