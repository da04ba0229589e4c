//! What clients, the application, the stores and an onlooker saw, and nothing else; with one judge for each
//! promise. The judge does not ask the accused.

mod messages;
mod moves;
mod ownership;
mod rooms;
#[cfg(test)]
mod tests;

pub use rooms::RoomSeen;

use super::PlayerId;
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::cohort::Report;
use crate::protocol::ids::{CohortId, Epoch, Fence, NodeId, SessionId};
use crate::protocol::record::Record;
use crate::protocol::room::wire::RoomRequest;
use crate::protocol::snapshot::Durability;
use crate::protocol::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

/// What a session has been through between two restarts from a copy; zero from its beginning to the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lineage(pub u64);

/// The application was told that a session goes on from a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restarted {
    /// Whose session.
    pub player: PlayerId,
    /// Where.
    pub node: NodeId,
    /// What begins.
    pub lineage: Lineage,
    /// What the copy is from.
    pub parent: Lineage,
    /// How many messages the copy had sent.
    pub pushed: u64,
    /// The first message that the copy had not processed.
    pub up_next: u64,
    /// The user's data had been just like this at some time.
    pub known: bool,
}

/// Something that was seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// The game sent the uplink message of this number.
    Sent(PlayerId, u64),
    /// The game sent a message about rooms; it is the uplink message of this number.
    SentAside(PlayerId, u64),
    /// It was this request.
    Requested(PlayerId, u64, u64),
    /// The application processed it on this node.
    Processed(PlayerId, NodeId, SessionId, Lineage, u64),
    /// The application sent the downlink message of this number, perhaps as the answer to a request.
    Pushed(PlayerId, NodeId, SessionId, Lineage, Option<u64>, u64),
    /// The game received it.
    Received(PlayerId, Lineage, u64),
    /// A request was answered, or given up.
    Answered(PlayerId, u64, Status),
    /// The application got an unreliable message, which the game had sent at this epoch.
    CaughtUp(PlayerId, SessionId, Epoch, u64),
    /// The game got an unreliable message, which the application had sent in this stay at a node.
    Caught(PlayerId, u64, u64),
    /// The game asked to be moved, and was not refused.
    Wished(PlayerId),
    /// Any other event of a client.
    Told(PlayerId, Event),
    /// The client takes this epoch's owner for its own.
    Follows(PlayerId, Epoch),
    /// The game takes an event that was raised before its client followed another epoch.
    HeardLate(PlayerId),
    /// The directory's record changed.
    Recorded(CohortId, Option<Record>),
    /// A snapshot of this fence has landed.
    Stored(CohortId, Fence),
    /// A node serves a cohort from now on.
    Serves(NodeId, CohortId, Fence),
    /// It does not any more.
    Stops(NodeId, CohortId),
    /// The application was told that a session has been restarted.
    Restarted(Restarted),
    /// A session has moved to a node; its user's data before and after.
    Arrived(SessionId, NodeId, u64, u64),
    /// A node counts something.
    Reported(NodeId, CohortId, Report),
    /// The application was told that this uplink is lost, in this lineage.
    GameTold(PlayerId, Lineage, Range<u64>),
    /// A client ended without a word.
    Vanished(PlayerId),
    /// A node's process ended without a word.
    Crashed(NodeId),
    /// More is kept than a limit allows.
    Overflowed(String),
    /// The game broadcast the message of this number to its room.
    RoomSaid(PlayerId, u64),
    /// The game asked something of rooms.
    RoomAsked(PlayerId, u64, RoomRequest),
    /// That was answered.
    RoomAnswered(PlayerId, u64, Status),
    /// The game hears of its room.
    Room(PlayerId, RoomSeen),
    /// A room is about to leave; what it is like.
    RoomFroze(CohortId, u64),
    /// A room has arrived at a node; what it is like.
    RoomArrived(CohortId, NodeId, u64),
    /// The application was told that a room goes on from a copy.
    RoomRestarted(CohortId, Lineage),
    /// A node serves a session in two cohorts.
    ServedTwice(String),
    /// One end of a link found that the other breaks the protocol.
    Fault(PlayerId, String),
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one, by its number in the design.
    pub promise: u8,
    /// When that was seen.
    pub at: Time,
    /// Who did what.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "promise {} at {:.3} ms: {}", self.promise, self.at.as_micros() as f64 / 1e3, self.text)
    }
}

/// What a judge says.
pub type Verdict = Result<(), Violation>;

/// Everything seen, in order.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: Vec<Entry>,
    times: Vec<Time>,
    pub(super) now: Time,
    /// Snapshots are stored before anything is acknowledged: a crash may cost nothing.
    pub(super) durable: bool,
    lineages: u64,
    fleetings: u64,
    stays: u64,
    stay_of: BTreeMap<(NodeId, SessionId), u64>,
    /// What was stored for a user, at any time, and last.
    kept: BTreeMap<SessionId, BTreeSet<u64>>,
    kept_last: BTreeMap<SessionId, u64>,
    /// What else is worth counting.
    pub(super) counts: BTreeMap<&'static str, u64>,
}

impl History {
    /// Of a cluster that keeps snapshots like this.
    pub(super) fn of(durability: Durability) -> Self {
        Self { durable: durability == Durability::BeforeAck, ..Self::default() }
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        self.times.push(self.now);
    }

    /// Everything.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Everything, with its time.
    pub fn timed(&self) -> impl Iterator<Item = (Time, &Entry)> {
        self.times.iter().copied().zip(&self.entries)
    }

    /// What else was counted.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    pub(super) fn next_lineage(&mut self) -> Lineage {
        self.lineages += 1;
        Lineage(self.lineages)
    }

    pub(super) fn next_fleeting(&mut self) -> u64 {
        self.fleetings += 1;
        self.fleetings
    }

    /// A node begins to run a session.
    pub(super) fn begin_stay(&mut self, node: NodeId, session: SessionId) {
        self.stays += 1;
        self.stay_of.insert((node, session), self.stays);
    }

    pub(super) fn stay(&self, node: NodeId, session: SessionId) -> u64 {
        self.stay_of.get(&(node, session)).copied().unwrap_or_default()
    }

    /// The user's data has this fingerprint now.
    pub(super) fn kept(&mut self, session: SessionId, fingerprint: u64) {
        self.kept.entry(session).or_default().insert(fingerprint);
        self.kept_last.insert(session, fingerprint);
    }

    pub(super) fn was_kept(&self, session: SessionId, fingerprint: u64) -> bool {
        self.kept.get(&session).is_some_and(|kept| kept.contains(&fingerprint))
    }

    pub(super) fn arrived(&mut self, session: SessionId, node: NodeId, after: u64) {
        let before = self.kept_last.get(&session).copied().unwrap_or_default();
        self.push(Entry::Arrived(session, node, before, after));
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

    /// Every promise that holds at any moment.
    pub fn verdict(&self) -> Verdict {
        self.judge_ownership()?;
        self.judge_messages(None)?;
        self.judge_data()?;
        self.judge_moves(false)?;
        self.judge_rooms()?;
        self.judge_limits()?;
        self.judge_manners()
    }

    /// The same of a cluster that has come to rest without any fault: besides, nothing is on its way any more
    /// to or from these players, who are playing, and every move has ended.
    pub fn verdict_at_rest(&self, playing: &[PlayerId]) -> Verdict {
        self.verdict()?;
        self.judge_messages(Some(playing))?;
        self.judge_moves(true)
    }

    /// Promise 1.
    pub fn one_owner(&self) {
        insist(self.judge_ownership());
    }

    /// Promise 2.
    pub fn exactly_once_in_order(&self) {
        insist(self.judge_messages(None));
    }

    /// Promise 5.
    pub fn every_move_ended(&self) {
        insist(self.judge_moves(true));
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
        insist(self.judge_manners());
    }

    /// All promises that hold at any moment.
    pub fn check(&self) {
        insist(self.verdict());
    }
}

/// Panics with what is wrong.
fn insist(verdict: Verdict) {
    if let Err(violation) = verdict {
        panic!("{violation}");
    }
}
