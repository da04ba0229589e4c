//! TLS session tickets that every node can open, so that a client's link to a move's target resumes the
//! session of its link to the source: one round trip and no certificates.
//!
//! The key changes every six hours and follows from the cluster's key and the time, so nodes share it
//! without talking, and a restart keeps it. Who steals the cluster's key can open old tickets, but TLS 1.3
//! mixes a fresh key exchange into every resumed session: what was said on past links stays closed.

use super::Sealer;
use crate::pki::ClusterKeys;
use parking_lot::Mutex;
use ring::hmac;
use rustls::server::ProducesTickets;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How long one key writes tickets. The key before it is still accepted, so a ticket is good for at least
/// one window and at most two.
const WINDOW_SECS: u64 = 6 * 60 * 60;

/// The cluster's TLS ticket keys, for [`rustls::ServerConfig::ticketer`].
pub struct TicketKeys {
    root: hmac::Key,
    /// The keys of the last windows used, newest first: deriving them for each handshake is needless.
    recent: Mutex<Vec<(u64, Arc<Sealer>)>>,
    resumed: AtomicU64,
}

impl TicketKeys {
    /// The ticket keys of a cluster.
    pub fn new(keys: &ClusterKeys) -> Self {
        Self {
            root: hmac::Key::new(hmac::HMAC_SHA256, &keys.subkey("tls tickets")),
            recent: Mutex::new(Vec::new()),
            resumed: AtomicU64::new(0),
        }
    }

    /// How many tickets have been opened: links that resumed the TLS session of another link.
    pub fn resumed(&self) -> u64 {
        self.resumed.load(Ordering::Relaxed)
    }

    fn encrypt_at(&self, plain: &[u8], now_secs: u64) -> Vec<u8> {
        let window = now_secs / WINDOW_SECS;
        let mut ticket = window.to_be_bytes().to_vec();
        ticket.extend_from_slice(&self.window(window).seal("tls ticket", plain));
        ticket
    }

    fn decrypt_at(&self, ticket: &[u8], now_secs: u64) -> Option<Vec<u8>> {
        let (window, sealed) = ticket.split_first_chunk()?;
        let (window, current) = (u64::from_be_bytes(*window), now_secs / WINDOW_SECS);
        // Checked before a key is made: hostile tickets must not push the live keys out.
        if window != current && window.checked_add(1) != Some(current) {
            return None;
        }
        let plain = self.window(window).open("tls ticket", sealed).ok()?;
        self.resumed.fetch_add(1, Ordering::Relaxed);
        Some(plain)
    }

    fn window(&self, window: u64) -> Arc<Sealer> {
        let mut recent = self.recent.lock();
        if let Some((_, sealer)) = recent.iter().find(|(of, _)| *of == window) {
            return sealer.clone();
        }
        let mut key = [0; 32];
        key.copy_from_slice(hmac::sign(&self.root, &window.to_be_bytes()).as_ref());
        let sealer = Arc::new(Sealer::from_key(&key));
        recent.push((window, sealer.clone()));
        recent.sort_by_key(|(of, _)| std::cmp::Reverse(*of));
        recent.truncate(2);
        sealer
    }
}

impl ProducesTickets for TicketKeys {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        WINDOW_SECS as u32
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        Some(self.encrypt_at(plain, super::unix_ms() / 1000))
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.decrypt_at(cipher, super::unix_ms() / 1000)
    }
}

impl std::fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TicketKeys").field("resumed", &self.resumed()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_tls::{client_config, handshake, server_config};
    use rustls::HandshakeKind;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn a_link_to_another_node_resumes_the_session_of_the_first() {
        let keys = ClusterKeys::generate("dev").unwrap();
        let client = client_config(&keys, None);
        let node = |name: &str| {
            let tickets = Arc::new(TicketKeys::new(&keys));
            let mut config = server_config(&keys, &keys.node_identity(name).unwrap(), false);
            config.ticketer = tickets.clone();
            (config, tickets)
        };
        let (source, source_tickets) = node("node-1");
        let (target, target_tickets) = node("node-2");
        assert_eq!(handshake(client.clone(), source, "dev"), Ok(HandshakeKind::Full));
        assert_eq!(handshake(client, target, "dev"), Ok(HandshakeKind::Resumed));
        assert_eq!((source_tickets.resumed(), target_tickets.resumed()), (0, 1));
    }

    #[test]
    fn a_ticket_is_good_for_its_window_and_the_next() {
        let keys = ClusterKeys::generate("dev").unwrap();
        let (writer, reader) = (TicketKeys::new(&keys), TicketKeys::new(&keys));
        let start = NOW - NOW % WINDOW_SECS;
        let ticket = writer.encrypt_at(b"session", start);
        for age in [0, WINDOW_SECS - 1, 2 * WINDOW_SECS - 1] {
            assert_eq!(reader.decrypt_at(&ticket, start + age).as_deref(), Some(b"session".as_slice()));
        }
        assert_eq!(reader.decrypt_at(&ticket, start + 2 * WINDOW_SECS), None);
        assert_eq!(reader.decrypt_at(&ticket, start - 1), None, "it comes from the future");
        assert_eq!(reader.resumed(), 3);
    }

    #[test]
    fn a_ticket_lives_as_long_as_it_says_even_if_written_at_the_end_of_its_window() {
        let tickets = TicketKeys::new(&ClusterKeys::generate("dev").unwrap());
        let late = NOW - NOW % WINDOW_SECS + WINDOW_SECS - 1;
        let ticket = tickets.encrypt_at(b"session", late);
        assert!(tickets.decrypt_at(&ticket, late + u64::from(tickets.lifetime())).is_some());
    }

    #[test]
    fn forged_and_foreign_tickets_are_refused() {
        let keys = ClusterKeys::generate("dev").unwrap();
        let tickets = TicketKeys::new(&keys);
        let ticket = tickets.encrypt_at(b"session", NOW);
        let other = TicketKeys::new(&ClusterKeys::generate("dev").unwrap());
        assert_eq!(other.decrypt_at(&ticket, NOW), None);
        for length in 0..ticket.len() {
            assert_eq!(tickets.decrypt_at(&ticket[..length], NOW), None);
        }
        let mut relabelled = ticket.clone();
        relabelled[..8].copy_from_slice(&(NOW / WINDOW_SECS - 1).to_be_bytes());
        assert_eq!(tickets.decrypt_at(&relabelled, NOW), None, "another window has another key");
        let mut unbounded = ticket;
        unbounded[..8].copy_from_slice(&u64::MAX.to_be_bytes());
        assert_eq!(tickets.decrypt_at(&unbounded, NOW), None);
        assert_eq!(tickets.resumed(), 0);
    }

    #[test]
    fn only_the_newest_keys_are_kept() {
        let tickets = TicketKeys::new(&ClusterKeys::generate("dev").unwrap());
        for window in 0..10 {
            tickets.encrypt_at(b"session", NOW + window * WINDOW_SECS);
        }
        assert_eq!(tickets.recent.lock().len(), 2);
    }
}
