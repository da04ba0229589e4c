//! What a session makes its node keep, for tests of its bounds.

use super::Session;

/// Bytes, and numbers of things, that are kept for one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Uplink that could not be processed yet.
    pub waiting: usize,
    /// Downlink that the client has not acknowledged.
    pub unacknowledged: usize,
    /// User data.
    pub data: usize,
    /// Links.
    pub links: usize,
    /// What waits to be written on them, replay aside.
    pub unwritten: usize,
}

impl Session {
    /// What is kept for it.
    pub fn footprint(&self) -> Footprint {
        Footprint {
            waiting: self.kept.bytes(),
            unacknowledged: self.down.bytes(),
            data: self.data_bytes,
            links: self.links.len(),
            unwritten: self.links.iter().map(super::Link::unwritten_bytes).sum(),
        }
    }
}
