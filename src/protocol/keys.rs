//! A client's key: who may attach to, or resume, a session.
//!
//! Both ends of a link export the same secret from its TLS session (RFC 8446 section 7.5, RFC 9266), its
//! *binding*. The first link's binding gives the session's client key. On a later link the client proves
//! that it holds the key by a MAC over that link's own binding, so that a stolen ticket or token is worth
//! nothing on another link, and the proof costs no round trip.

use ring::hmac;

/// Label of the exporter; both ends pass it to their TLS session with an empty context.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-sterna-link-binding";

/// What both ends of one link, and nobody else, know.
pub type Binding = [u8; 32];

/// The key of a session, from the binding of its first link.
pub fn client_key(first_link: &Binding) -> [u8; 32] {
    mac(first_link, &[b"sterna client key"])
}

/// Shows on a new link that the sender holds the session's key and means this ticket or token.
pub fn proof(client_key: &[u8; 32], link: &Binding, credential: &[u8]) -> [u8; 32] {
    mac(client_key, &[b"sterna proof", link, credential])
}

/// Whether `proof` was made with this key for this link and credential.
pub fn verify(client_key: &[u8; 32], link: &Binding, credential: &[u8], proof: &[u8; 32]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, client_key);
    let mut message = Vec::with_capacity(64 + credential.len());
    for part in [b"sterna proof".as_slice(), link, credential] {
        message.extend_from_slice(part);
    }
    hmac::verify(&key, &message, proof).is_ok()
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_good_for_one_key_one_link_and_one_credential() {
        let key = client_key(&[1; 32]);
        let good = proof(&key, &[2; 32], b"ticket");
        assert!(verify(&key, &[2; 32], b"ticket", &good));
        assert!(!verify(&client_key(&[9; 32]), &[2; 32], b"ticket", &good));
        assert!(!verify(&key, &[3; 32], b"ticket", &good));
        assert!(!verify(&key, &[2; 32], b"tickeT", &good));
    }
}
