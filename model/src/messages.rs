//! Messages between nodes, and values that know their hash.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use sterna::protocol::ids::{MoveId, NodeId};
use sterna::protocol::limits;
use sterna::protocol::wire::{Peer, split};

/// A message between nodes, as bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Envelope {
    /// From.
    pub from: NodeId,
    /// To.
    pub to: NodeId,
    /// An encoded [`Peer`] frame.
    pub bytes: Vec<u8>,
    /// The frame's name.
    pub name: &'static str,
    /// Which move it is about.
    pub id: MoveId,
}

impl Envelope {
    /// This frame, on its way.
    pub fn new(from: NodeId, to: NodeId, frame: &Peer) -> Self {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        let id = match frame {
            Peer::Prepare { id, .. }
            | Peer::Probe { id, .. }
            | Peer::Baton { id, .. }
            | Peer::Prepared { id, .. }
            | Peer::Refused { id, .. }
            | Peer::Ready { id }
            | Peer::BatonAck { id }
            | Peer::Finalised { id }
            | Peer::Ahead { id, .. }
            | Peer::AheadAck { id, .. }
            | Peer::Cancel { id } => *id,
            Peer::Close { .. }
            | Peer::Wanted { .. }
            | Peer::Hello { .. }
            | Peer::Credit { .. }
            | Peer::LeaseOver => {
                unreachable!("no session ends here, nobody waits for a room, and nothing waits for its turn")
            }
        };
        Self { from, to, bytes, name: frame.name(), id }
    }
}

impl Envelope {
    /// What it says.
    pub fn frame(&self) -> Peer {
        let (body, _) =
            split(&self.bytes, limits::PEER_FRAME_BYTES_MAX).ok().flatten().expect("a whole frame was sent");
        Peer::decode(body).expect("what was encoded can be decoded")
    }
}

/// A value together with the hash of all of it: most steps change one node of three, and no message.
#[derive(Clone, Debug)]
pub struct Digested<T> {
    value: Arc<T>,
    digest: u64,
}

impl<T: Hash + Clone> Digested<T> {
    /// Hashes it.
    pub fn new(value: T) -> Self {
        let digest = digest(&value);
        Self { value: Arc::new(value), digest }
    }

    /// The hash.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Changes it.
    pub fn change<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> R {
        let value = Arc::make_mut(&mut self.value);
        let result = change(value);
        self.digest = digest(value);
        result
    }
}

impl<T> std::ops::Deref for Digested<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Digested<T> {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest && self.value == other.value
    }
}

impl<T: Eq> Eq for Digested<T> {}

impl<T> Hash for Digested<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

/// The same in every run on the same machine.
pub fn digest(value: &impl Hash) -> u64 {
    ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(value)
}
