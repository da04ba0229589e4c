//! Datagrams that wait to be written on a link.

use crate::protocol::wire::Datagram;
use std::collections::VecDeque;

/// So many may wait; past it the oldest is dropped, as a network would do.
const WAITING_MAX: usize = 256;

/// A queue of encoded datagrams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Datagrams {
    waiting: VecDeque<Vec<u8>>,
}

impl Datagrams {
    /// Appends a datagram.
    pub fn push(&mut self, datagram: &Datagram<'_>) {
        let dropped = if self.waiting.len() < WAITING_MAX { None } else { self.waiting.pop_front() };
        let mut bytes = dropped.unwrap_or_default();
        bytes.clear();
        datagram.encode(&mut bytes);
        self.waiting.push_back(bytes);
    }

    /// Appends the oldest one to `out`; false if there is none.
    pub fn pop(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(bytes) = self.waiting.pop_front() else { return false };
        out.extend_from_slice(&bytes);
        true
    }

    /// Bytes that wait.
    #[cfg(any(test, feature = "testing"))]
    pub fn bytes(&self) -> usize {
        self.waiting.iter().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ids::Epoch;

    #[test]
    fn a_full_queue_drops_the_oldest() {
        let mut queue = Datagrams::default();
        for cmd in 0..=WAITING_MAX as u16 {
            queue.push(&Datagram { epoch: Epoch(1), ver: 2, cmd, payload: b"x" });
        }
        let mut out = Vec::new();
        assert!(queue.pop(&mut out));
        assert_eq!(Datagram::decode(&out).map(|datagram| datagram.cmd), Ok(1));
    }
}
