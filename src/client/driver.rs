//! Drives one client's core on the network thread: a task for its timers and outputs, and one for each
//! link. Nothing is decided here.

use crate::client::config::{LogLevel, Transport};
use crate::client::network::Network;
use crate::client::shared::{Shared, instant_of, now};
use crate::client::status::Status;
use crate::protocol::client::{LinkEnd, LinkFault, LinkId, Output, Standing};
use crate::transport::{self, Close, DialError, Dialer, Handler, Kind, Lane};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

/// Runs until the client is destroyed and its links have ended.
pub(super) async fn run(shared: Arc<Shared>, network: Weak<Network>) {
    loop {
        let deadline = turn(&shared, &network);
        if shared.destroyed.load(Ordering::Acquire) {
            return;
        }
        match deadline {
            Some(at) => {
                let _ = tokio::time::timeout_at(at.into(), shared.driver.notified()).await;
            }
            None => shared.driver.notified().await,
        }
    }
}

/// Does everything that is due, and says when to come back.
fn turn(shared: &Arc<Shared>, network: &Weak<Network>) -> Option<std::time::Instant> {
    let consumed = shared.take_consumed();
    let mut dials = Vec::new();
    let deadline = shared.with_core(None, |locked, queue| {
        shared.take_submissions(locked);
        if locked.core.standing() == Standing::Idle {
            locked.core.abandon_requests(queue); // asked while the session was ending
        }
        locked.core.consumed(consumed);
        let now = now();
        if locked.core.poll_timeout().is_some_and(|at| at <= now) {
            locked.core.on_timeout(now, queue);
        }
        while let Some(Output::Dial(id, address)) = locked.core.poll_output() {
            dials.push((id, address, locked.dialer.clone()));
        }
        locked.armed = locked.core.poll_timeout();
        locked.armed
    });
    for (id, address, dialer) in dials {
        let (Some(dialer), Some(network)) = (dialer, network.upgrade()) else { continue };
        network.spawn_link(run_link(shared.clone(), id, address, dialer));
    }
    deadline.map(instant_of)
}

async fn run_link(shared: Arc<Shared>, id: LinkId, address: SocketAddr, dialer: Arc<Dialer>) {
    let kind = match shared.config.transport {
        Transport::Tcp => Kind::Tcp,
        Transport::Udp => Kind::Quic,
    };
    let end = match dialer.dial(kind, address).await {
        Ok(link) => drive_link(&shared, id, link).await,
        Err(error) => LinkEnd { status: dial_status(&error), text: error.to_string() },
    };
    shared.log(LogLevel::Debug, format_args!("link {} to {address} ended: {}", id.0, end.text));
    shared.with_core(None, |locked, queue| {
        locked.wakers.retain(|(other, _)| *other != id);
        locked.core.link_ended(id, end, now(), queue);
    });
    shared.driver.notify_one();
}

async fn drive_link(shared: &Arc<Shared>, id: LinkId, link: transport::Link) -> LinkEnd {
    shared.log(LogLevel::Debug, format_args!("link {} to {} is open", id.0, link.peer_addr()));
    let binding = link.binding();
    shared.with_core(None, |locked, _| {
        locked.wakers.push((id, link.waker()));
        locked.core.link_up(id, &binding, now());
    });
    let mut handler = LinkHandler { shared: shared.clone(), id, fault: None };
    let end = link.run(&mut handler).await;
    match handler.fault {
        Some(fault) => {
            let text = format!("the server broke the protocol: {fault}");
            shared.log(LogLevel::Error, format_args!("{text}"));
            LinkEnd { status: Status::PeerMisbehaved, text }
        }
        None => LinkEnd { status: Status::TransportBroken, text: format!("the connection was {end}") },
    }
}

fn dial_status(error: &DialError) -> Status {
    match error {
        DialError::Unreachable { .. } => Status::Unreachable,
        DialError::TimedOut(_) => Status::TimedOut,
        DialError::Certificate { .. } => Status::Certificate,
        DialError::Handshake { .. } => Status::TransportBroken,
    }
}

/// Between one link and the core.
struct LinkHandler {
    shared: Arc<Shared>,
    id: LinkId,
    fault: Option<LinkFault>,
}

impl LinkHandler {
    fn fail(&mut self, fault: LinkFault) -> Close {
        self.fault = Some(fault);
        Close
    }
}

impl Handler for LinkHandler {
    fn received(&mut self, _: Lane, bytes: &[u8]) -> Result<usize, Close> {
        self.shared.bytes_received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let id = self.id;
        let taken =
            self.shared.with_core(Some(id), |locked, queue| locked.core.received(id, bytes, now(), queue));
        taken.map_err(|fault| self.fail(fault))
    }

    fn datagram(&mut self, bytes: &[u8]) {
        self.shared.bytes_received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let id = self.id;
        let result =
            self.shared.with_core(Some(id), |locked, queue| locked.core.datagram(id, bytes, now(), queue));
        if let Err(fault) = result {
            self.fault = Some(fault);
        }
    }

    fn fill(&mut self, lane: Lane, out: &mut Vec<u8>, room: usize) {
        let before = out.len();
        let shared = &self.shared;
        shared.peek_core(|locked| match lane {
            Lane::Control => {
                shared.take_submissions(locked);
                locked.core.fill_control(self.id, out);
            }
            Lane::Data => locked.core.fill_data(self.id, out, room),
        });
        shared.bytes_sent.fetch_add((out.len() - before) as u64, Ordering::Relaxed);
    }

    fn next_datagram(&mut self, out: &mut Vec<u8>) -> bool {
        let id = self.id;
        let got = self.shared.peek_core(|locked| locked.core.next_datagram(id, out));
        self.shared.bytes_sent.fetch_add(out.len() as u64, Ordering::Relaxed);
        got
    }

    fn closing(&self) -> bool {
        self.fault.is_some() || self.shared.peek_core(|locked| locked.core.is_closing(self.id))
    }
}
