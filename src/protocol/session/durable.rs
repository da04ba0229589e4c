//! Snapshots of a session: when one is wanted, what it covers, and what waits for it to be stored.

use super::{Session, Settings};
use crate::protocol::application::Lost;
use crate::protocol::company::Company;
use crate::protocol::ids::Cursor;
use crate::protocol::sequence::Ring;
use crate::protocol::snapshot::Durability;
use crate::protocol::time::Time;
use crate::protocol::wire::SessionState;

/// How far a snapshot reaches in both sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Covered {
    /// Uplink before it is processed.
    pub(super) up: Cursor,
    /// Downlink before it is held.
    pub(super) down: Cursor,
}

impl Covered {
    /// What is covered when nothing is stored yet, and downlink before `down` has been released elsewhere.
    /// `None` where nothing waits to be stored.
    pub(super) fn before(down: Cursor, settings: &Settings) -> Option<Self> {
        match settings.durability {
            Durability::None | Durability::Lazy(_) => None,
            Durability::BeforeAck => Some(Self { up: Cursor(0), down }),
        }
    }
}

impl Session {
    /// Bytes of uplink that wait here to be processed.
    pub fn kept_bytes(&self) -> usize {
        self.kept.bytes()
    }

    /// Whether the client has acknowledged everything that was sent to it.
    pub fn is_acknowledged(&self) -> bool {
        self.down.bytes() == 0
    }

    /// When a snapshot is due, if the last one was taken at `taken_at`.
    pub fn snapshot_due(&self, taken_at: Option<Time>, now: Time) -> Option<Time> {
        match self.settings.durability {
            Durability::None => None,
            Durability::Lazy(_) if self.covered.is_some() => Some(now),
            Durability::Lazy(every) => self.unsaved.then(|| taken_at.map_or(now, |at| at + every)),
            Durability::BeforeAck => self.unsaved.then_some(now),
        }
    }

    /// Whether snapshots of it are stored at all.
    pub fn is_stored(&self) -> bool {
        self.settings.durability != Durability::None
    }

    /// All of it, for a snapshot.
    pub fn take_snapshot(&mut self, now: Time) -> SessionState {
        self.unsaved = false;
        self.taken = self.up.map(|up| Covered { up, down: self.down.end() });
        self.export(now)
    }

    /// Whether the snapshot that was taken last is stored will not be heard.
    pub(in crate::protocol) fn forget_taken(&mut self) {
        self.taken = None;
        self.unsaved = true;
    }

    /// The snapshot that was taken last is stored.
    pub fn snapshot_stored(&mut self) {
        let (Some(taken), Some(covered)) = (self.taken.take(), self.covered) else { return };
        let acknowledges = taken.up > covered.up;
        self.covered = (self.settings.durability == Durability::BeforeAck).then_some(taken);
        for link in &mut self.links {
            link.dirty = true;
        }
        if acknowledges {
            self.acknowledge();
        }
    }

    /// Downlink has been numbered anew, higher by `shift`. None of it leaves before that is stored: who restarts
    /// from an older snapshot would send it again under other numbers.
    pub(super) fn hold_until_stored(&mut self, shift: u64) {
        self.unsaved = true;
        self.taken = None;
        match (&mut self.covered, self.settings.durability) {
            (Some(covered), _) => covered.down = covered.down.advance(shift),
            (None, Durability::Lazy(_)) => {
                self.covered = Some(Covered { up: Cursor(u64::MAX), down: self.down.first() });
            }
            (None, Durability::None | Durability::BeforeAck) => {}
        }
    }

    /// It was restarted from what is stored.
    pub(super) fn cover_all(&mut self) {
        if let (Some(covered), Some(up)) = (&mut self.covered, self.up) {
            *covered = Covered { up, down: self.down.end() };
        }
    }

    /// Uplink before this may be acknowledged. `None`: where the session stands is not known yet.
    pub(super) fn acknowledgeable(&self) -> Option<Cursor> {
        let up = self.up?;
        Some(self.covered.map_or(up, |covered| up.min(covered.up)))
    }

    /// Downlink before this may leave.
    pub(super) fn released(&self) -> Cursor {
        self.covered.map_or(self.down.end(), |covered| covered.down)
    }

    /// The client has joined the new generation, and sends uplink from `at` on: tells the application what is
    /// gone.
    pub(super) fn on_rejoined(&mut self, at: Cursor, company: &mut Company<'_>, now: Time) {
        let expected = self.expects();
        if at > expected {
            // What lies between was processed by the owner that is gone; the client reports it as lost.
            self.kept = Ring::default();
            self.kept_from = at;
            self.up = Some(at);
            self.unsaved = true;
        }
        let uplink = expected.0..at.0.max(expected.0);
        let lost = Lost { uplink, downlink: std::mem::replace(&mut self.undone, 0..0) };
        if !lost.is_empty() {
            company.lost(self, &lost, now);
        }
    }
}
