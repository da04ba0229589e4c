//! What nodes write for clients to carry: move tickets, resume tokens and TLS session tickets. Every node
//! of the cluster can read them, nobody else can read or forge them.

mod tickets;

pub use tickets::TicketKeys;

use crate::pki::ClusterKeys;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use sterna::protocol::ids::{MoveId, SessionId};
use sterna::protocol::wire::{DecodeError, Field, Reader};

/// Random bytes in front of what is sealed: half of them choose the key, half are its nonce. A nonce of 96
/// bits alone would repeat after some 2^32 tokens of one key, and the cluster's key is kept for years.
const SALT_LEN: usize = 16;
const HEAD_LEN: usize = SALT_LEN + NONCE_LEN;

/// Label of sealed [`MoveTicket`]s.
pub const MOVE_TICKET: &str = "move ticket";
/// Label of sealed [`ResumeToken`]s.
pub const RESUME_TOKEN: &str = "resume token";

/// Seals bytes, and opens what any node of the cluster sealed.
pub struct Sealer {
    key: hmac::Key,
    random: SystemRandom,
}

/// Why something sealed could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is shorter than anything sealed.
    #[error("it is cut off")]
    Short,
    /// It was changed, or sealed by another cluster or under another label.
    #[error("it was not sealed by this cluster for this purpose")]
    Forged,
    /// It was sealed by this cluster, but does not hold what it should: nodes of different versions.
    #[error("its content cannot be read: {0}; do all nodes run the same version?")]
    Content(DecodeError),
}

impl Sealer {
    /// Seals with a key of the cluster.
    pub fn new(keys: &ClusterKeys) -> Self {
        Self::from_key(&keys.subkey("seal"))
    }

    pub(crate) fn from_key(key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), random: SystemRandom::new() }
    }

    /// Seals for one purpose. Panics if the system gives no random numbers: then nothing may be sealed.
    pub fn seal(&self, label: &str, plaintext: &[u8]) -> Vec<u8> {
        let mut head = [0; HEAD_LEN];
        self.random.fill(&mut head).expect("the system gives random numbers");
        let mut body = plaintext.to_vec();
        self.message_key(&head)
            .seal_in_place_append_tag(nonce(&head), Aad::from(label), &mut body)
            .expect("what a node seals is far below the cipher's limit");
        [head.as_slice(), &body].concat()
    }

    /// Opens what was sealed for this purpose.
    pub fn open(&self, label: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (head, body) = sealed.split_first_chunk::<HEAD_LEN>().ok_or(SealError::Short)?;
        let mut body = body.to_vec();
        let length = self
            .message_key(head)
            .open_in_place(nonce(head), Aad::from(label), &mut body)
            .map_err(|_| SealError::Forged)?
            .len();
        body.truncate(length);
        Ok(body)
    }

    fn message_key(&self, head: &[u8; HEAD_LEN]) -> LessSafeKey {
        let key = hmac::sign(&self.key, &head[..SALT_LEN]);
        let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_ref()).expect("a MAC has the length of a key");
        LessSafeKey::new(key)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

fn nonce(head: &[u8; HEAD_LEN]) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce.copy_from_slice(&head[SALT_LEN..]);
    Nonce::assume_unique_for_key(nonce)
}

/// Lets one client in at one target for one move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveTicket {
    /// Which move, and so which target.
    pub id: MoveId,
    /// Which session of the cohort.
    pub session: SessionId,
    /// The key that the client has to prove; see [`sterna::protocol::keys`].
    pub client_key: [u8; 32],
    /// When it ends, in milliseconds since 1970.
    pub expires_unix_ms: u64,
}

/// Lets one client come back to its session, at any node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumeToken {
    /// Which session.
    pub session: SessionId,
    /// The key that the client has to prove.
    pub client_key: [u8; 32],
    /// When it ends, in milliseconds since 1970.
    pub expires_unix_ms: u64,
}

macro_rules! sealed {
    ($name:ident, $label:expr, $($field:ident),*) => {
        impl $name {
            /// Seals it.
            pub fn seal(&self, sealer: &Sealer) -> Vec<u8> {
                let mut bytes = Vec::new();
                self.put(&mut bytes);
                sealer.seal($label, &bytes)
            }

            /// Opens a sealed one. Whether it has expired is the caller's to ask.
            pub fn open(sealer: &Sealer, sealed: &[u8]) -> Result<Self, SealError> {
                let bytes = sealer.open($label, sealed)?;
                let mut reader = Reader::new(&bytes);
                let content = reader.field().map_err(SealError::Content)?;
                reader.finish().map_err(SealError::Content)?;
                Ok(content)
            }

            /// Whether its time is over.
            pub const fn expired(&self, now_unix_ms: u64) -> bool {
                self.expires_unix_ms <= now_unix_ms
            }
        }

        impl Field<'_> for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self { $($field: reader.field()?,)* })
            }
        }
    };
}

sealed!(MoveTicket, MOVE_TICKET, id, session, client_key, expires_unix_ms);
sealed!(ResumeToken, RESUME_TOKEN, session, client_key, expires_unix_ms);

/// The time of day, for `expires_unix_ms`. A clock before 1970 counts as 1970.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sterna::protocol::ids::{CohortId, Epoch, NodeId};

    fn sealer() -> Sealer {
        Sealer::from_key(&[7; 32])
    }

    fn ticket() -> MoveTicket {
        MoveTicket {
            id: MoveId { cohort: CohortId(1), epoch: Epoch(2), attempt: 3, target: NodeId(4) },
            session: SessionId(5),
            client_key: [6; 32],
            expires_unix_ms: 1_800_000_000_000,
        }
    }

    #[test]
    fn what_one_node_seals_another_opens() {
        let keys = ClusterKeys::generate("dev").unwrap();
        let sealed = Sealer::new(&keys).seal("purpose", b"content");
        assert_eq!(Sealer::new(&keys).open("purpose", &sealed).as_deref(), Ok(b"content".as_slice()));
        assert!(!sealed.windows(7).any(|window| window == b"content"));
    }

    #[test]
    fn another_cluster_or_purpose_opens_nothing() {
        let sealed = sealer().seal("purpose", b"content");
        assert_eq!(Sealer::from_key(&[8; 32]).open("purpose", &sealed), Err(SealError::Forged));
        assert_eq!(sealer().open("another", &sealed), Err(SealError::Forged));
    }

    #[test]
    fn one_changed_bit_anywhere_is_noticed() {
        let sealed = sealer().seal("purpose", b"content");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(sealer().open("purpose", &changed), Err(SealError::Forged), "bit {bit}");
        }
    }

    #[test]
    fn every_cut_off_length_is_refused() {
        let sealed = sealer().seal("purpose", b"");
        for length in 0..sealed.len() {
            sealer().open("purpose", &sealed[..length]).unwrap_err();
        }
        assert_eq!(sealer().open("purpose", &[0; HEAD_LEN - 1]), Err(SealError::Short));
    }

    #[test]
    fn the_same_content_never_looks_the_same() {
        assert_ne!(sealer().seal("purpose", b"content"), sealer().seal("purpose", b"content"));
    }

    #[test]
    fn tickets_and_tokens_come_back_as_they_were() {
        let token =
            ResumeToken { session: SessionId(u64::MAX), client_key: [9; 32], expires_unix_ms: unix_ms() };
        assert_eq!(MoveTicket::open(&sealer(), &ticket().seal(&sealer())), Ok(ticket()));
        assert_eq!(ResumeToken::open(&sealer(), &token.seal(&sealer())), Ok(token));
    }

    #[test]
    fn a_ticket_is_no_token() {
        let sealed = ticket().seal(&sealer());
        assert_eq!(ResumeToken::open(&sealer(), &sealed), Err(SealError::Forged));
    }

    #[test]
    fn content_of_another_version_is_an_error_of_its_own() {
        let mut bytes = Vec::new();
        ticket().put(&mut bytes);
        bytes.push(0);
        let longer = sealer().seal(MOVE_TICKET, &bytes);
        let error = MoveTicket::open(&sealer(), &longer);
        assert_eq!(error, Err(SealError::Content(DecodeError::TrailingBytes(1))));
    }

    #[test]
    fn a_ticket_ends_at_its_time() {
        let end = ticket().expires_unix_ms;
        assert!(!ticket().expired(end - 1));
        assert!(ticket().expired(end));
    }
}
