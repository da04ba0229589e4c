//! What clients carry for nodes: move tickets, resume tokens and TLS session tickets. Bytes of a client's own
//! open as none of these; under the cluster's seal, what decodes comes back as it was, and the rest is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rustls::server::ProducesTickets;
use std::sync::LazyLock;
use sterna::protocol::wire::Field;
use sterna_server::pki::ClusterKeys;
use sterna_server::seal::{
    MOVE_TICKET, MoveTicket, RESUME_TOKEN, ResumeToken, SealError, Sealer, TicketKeys,
};

static KEYS: LazyLock<ClusterKeys> = LazyLock::new(|| ClusterKeys::generate("fuzz").expect("keys"));
static SEALER: LazyLock<Sealer> = LazyLock::new(|| Sealer::new(&KEYS));
static TICKETS: LazyLock<TicketKeys> = LazyLock::new(|| TicketKeys::new(&KEYS));

fuzz_target!(|bytes: &[u8]| {
    assert!(MoveTicket::open(&SEALER, bytes).is_err(), "a forged ticket");
    assert!(ResumeToken::open(&SEALER, bytes).is_err(), "a forged token");
    assert_eq!(TICKETS.decrypt(bytes), None, "a forged TLS ticket");
    reads_back(bytes, MOVE_TICKET, MoveTicket::open);
    reads_back(bytes, RESUME_TOKEN, ResumeToken::open);
});

fn reads_back<T: for<'a> Field<'a>>(
    content: &[u8],
    label: &str,
    open: fn(&Sealer, &[u8]) -> Result<T, SealError>,
) {
    match open(&SEALER, &SEALER.seal(label, content)) {
        Ok(opened) => {
            let (mut once, mut twice) = (Vec::new(), Vec::new());
            opened.put(&mut once);
            let again = open(&SEALER, &SEALER.seal(label, &once)).ok().expect("it was written just now");
            again.put(&mut twice);
            assert_eq!(once, twice);
        }
        Err(error) => assert!(matches!(error, SealError::Content(_)), "{error}"),
    }
}
