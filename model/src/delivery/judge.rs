//! What the games on both sides have seen of their messages, and whether that is what was promised. It looks
//! at the games and at the frames under way, not at what client and nodes know.

use super::game::{Note, ServerNote};
use sterna::protocol::ids::Epoch;

/// What has been seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Judge {
    /// So many messages have been sent: they are numbered from 0 on.
    pub(super) sent: u8,
    /// What the server's game has processed, as far as its state knows: a restart from a copy goes back to
    /// what the copy knows.
    processed: Vec<u8>,
    /// What has come back to the client's game since the last restart from a copy ...
    received: Vec<u8>,
    /// ... and before.
    received_before: Vec<u8>,
    /// What was reported as gone.
    lost: Vec<u8>,
    /// Times that the client's game was told of a restart from a copy.
    pub(super) restarts: u8,
    /// The epoch of the last node that the client has accepted.
    pub(super) epoch: Epoch,
    /// It was a later one before.
    pub(super) epoch_went_back: bool,
    /// User data was not what the game had stored.
    pub(super) data_changed: bool,
    /// The session was given up.
    pub(super) given_up: bool,
    /// Somebody was taken for a peer that misbehaves.
    pub(super) misbehaved: bool,
}

impl Judge {
    pub(super) fn client_notes(&mut self, note: &Note) {
        match note {
            Note::Received(bytes) => self.received.extend_from_slice(bytes),
            Note::Restarted { lost_from, lost_to } => {
                self.restarts += 1;
                self.received_before.append(&mut self.received);
                self.lost.extend((*lost_from..*lost_to).map(|number| number as u8));
                for numbers in [&mut self.received_before, &mut self.lost] {
                    numbers.sort_unstable();
                    numbers.dedup();
                }
            }
            Note::GivenUp => self.given_up = true,
        }
    }

    pub(super) fn server_notes(&mut self, note: &ServerNote) {
        match note {
            ServerNote::Processed(number, log) => {
                self.processed.push(*number);
                self.data_changed |= *log != self.processed;
            }
            ServerNote::Restarted(log) => self.processed.clone_from(log),
            ServerNote::Moved(log) => self.data_changed |= *log != self.processed,
        }
    }

    /// The client has accepted a node that serves at this epoch.
    pub(super) fn accepted(&mut self, epoch: Epoch) {
        self.epoch_went_back |= epoch < self.epoch;
        self.epoch = epoch;
    }

    /// Each once, in order, and none is missing but what was reported as gone, or is in `elsewhere`.
    fn in_order(&self, numbers: &[u8], elsewhere: &[u8]) -> bool {
        let mut next = 0;
        numbers.iter().all(|number| {
            let excused = |number: u8| self.lost.contains(&number) || elsewhere.contains(&number);
            let in_order = *number >= next && (next..*number).all(excused);
            next = number + 1;
            in_order
        })
    }

    pub(super) fn server_in_order(&self) -> bool {
        self.in_order(&self.processed, &[])
    }

    pub(super) fn client_in_order(&self) -> bool {
        self.in_order(&self.received, &self.received_before)
    }

    /// Everything that was sent has been processed and has come back, or was reported as gone.
    pub(super) fn is_complete(&self) -> bool {
        (0..self.sent).all(|number| {
            let back = self.received.contains(&number) || self.received_before.contains(&number);
            self.lost.contains(&number) || back && self.processed.contains(&number)
        })
    }

    /// Nothing is gone, and nothing has come back twice, whatever was restarted.
    pub(super) fn is_strict(&self) -> bool {
        let again = |number: &u8| self.received_before.contains(number);
        self.lost.is_empty() && !self.received.iter().any(again)
    }

    /// How much has come back.
    pub(super) fn received_in_all(&self) -> u64 {
        (self.received.len() + self.received_before.len()) as u64
    }

    /// Something was reported as gone.
    pub(super) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }
}
