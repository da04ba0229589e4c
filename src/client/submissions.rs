//! What the game's threads have submitted and the network thread has not taken over yet.

use crate::client::config::{Config, Transport};
use crate::client::shared::now;
use crate::client::status::Status;
use crate::protocol::client::{Ask, Client as Core};
use crate::protocol::ids::MemberId;
use crate::protocol::time::Time;
use crate::protocol::wire::{Data, Kind, Message, split};
use std::time::Duration;

/// What the game has sent and the network thread has not yet taken over.
#[derive(Debug, Default)]
pub(super) struct Submissions {
    /// Encoded frames, one after the other.
    pub(super) reliable: Vec<u8>,
    pub(super) unreliable: Vec<u8>,
    pub(super) requests: Vec<Submitted>,
    /// A room message's payload while it is put together, and whom it is for: kept for their memory.
    pub(super) payload: Vec<u8>,
    pub(super) members: Vec<MemberId>,
    /// Bytes that the core keeps for replay, as of the last time it was looked at.
    pub(super) core_bytes: usize,
    /// The serving link's waker has been woken for what is here.
    pub(super) woken: bool,
    pub(super) next_request: u64,
}

/// A request that the core has not heard of yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Submitted {
    pub(super) request: u64,
    pub(super) deadline: Time,
    /// What it asks of rooms; `None`: it is the application's.
    pub(super) ask: Option<Ask>,
}

impl Submissions {
    /// Appends a message as a frame, and tells its number if it is a request.
    pub(super) fn append(
        &mut self,
        config: &Config,
        reliable: bool,
        kind: SubmittedKind,
        ver: u8,
        cmd: u16,
        payload: &[u8],
    ) -> Result<u64, Status> {
        if payload.len() > config.message_bytes_max as usize {
            return Err(Status::MessageTooLarge);
        }
        let request = self.next_request + 1;
        let message_kind = match kind {
            SubmittedKind::Plain => Kind::Plain,
            SubmittedKind::Request { .. } => Kind::Request(request),
        };
        let message = Message { kind: message_kind, ver, cmd, payload };
        if !reliable && config.transport == Transport::Udp {
            if payload.len() > DATAGRAM_PAYLOAD_MAX {
                return Err(Status::MessageTooLarge);
            }
            message.encode(&mut self.unreliable);
        } else {
            let waiting = self.reliable.len() + self.core_bytes;
            if waiting + message.encoded_len() > config.send_bytes_max as usize {
                return Err(Status::QueueFull);
            }
            message.encode(&mut self.reliable);
        }
        if let SubmittedKind::Request { timeout, ask } = kind {
            self.next_request = request;
            self.requests.push(Submitted { request, deadline: now() + timeout, ask });
        }
        Ok(request)
    }
}

/// What is submitted.
#[derive(Clone, Copy, Debug)]
pub(super) enum SubmittedKind {
    Plain,
    /// Wants a reply within this time.
    Request {
        timeout: Duration,
        /// What it asks of rooms; `None`: it is the application's.
        ask: Option<Ask>,
    },
}

/// Payload that fits into one datagram on every path: QUIC's least packet of 1,200 bytes (RFC 9000 section
/// 14) less its headers and ours.
pub const DATAGRAM_PAYLOAD_MAX: usize = 1100;

/// Hands unreliable messages, which lie here as frames, to the core.
pub(super) fn push_datagrams(core: &mut Core, frames: &[u8]) {
    let mut rest = frames;
    while let Ok(Some((body, length))) = split(rest, frames.len()) {
        if let Ok(Data::Message(message)) = Data::decode(body) {
            core.push_datagram(message.ver, message.cmd, message.payload);
        }
        rest = &rest[length..];
    }
}
