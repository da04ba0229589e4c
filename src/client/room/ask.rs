//! What a game asks of rooms, and says in them.
//!
//! Messages to the room and synchronised values go the way of every message: copied into memory that is kept,
//! under one short lock. Requests are rare; they look at the core first, so that what cannot work is refused at
//! once.

use crate::client::status::Status;
use crate::client::submissions::SubmittedKind;
use crate::client::{Client, refuse_reserved};
use crate::protocol::ids::MemberId;
use crate::protocol::limits;
use crate::protocol::room::wire::{self, Outbound, RoomRequest, Scope, Sync};
use std::time::Duration;

/// Who gets a message to the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience<'a> {
    /// Everybody, the sender as well, merged within the room's broadcast interval.
    All,
    /// Everybody but the sender, at once.
    Others,
    /// The members with these numbers, at once.
    Members(&'a [u64]),
}

impl Client {
    /// Sends a message to members of the room.
    pub fn send_to_room(
        &self,
        audience: Audience<'_>,
        ver: u8,
        cmd: u16,
        payload: &[u8],
    ) -> Result<(), Status> {
        refuse_reserved(ver)?;
        self.0.shared.submit_to_room(wire::MESSAGE, |out, members| {
            let scope = match audience {
                Audience::All => Scope::All,
                Audience::Others => Scope::Others,
                Audience::Members(named) => {
                    members.extend(named.iter().copied().map(MemberId));
                    Scope::Members(std::mem::take(members))
                }
            };
            let message = Outbound { scope, ver, cmd, payload };
            message.encode(out);
            if let Scope::Members(named) = message.scope {
                *members = named; // its memory is used again
            }
        })
    }

    /// Sets a key of the room's synchronised state: the last value wins.
    pub fn sync_in_room(&self, key: &str, value: &[u8]) -> Result<(), Status> {
        self.0.shared.submit_to_room(wire::SYNC, |out, _| Sync { key, value }.encode(out))
    }

    /// Asks something of rooms, and gives the request's number; the result, or that there is none, is an event.
    pub fn ask_of_rooms(&self, request: &RoomRequest, timeout: Option<Duration>) -> Result<u64, Status> {
        let shared = &self.0.shared;
        if !shared.state().takes_messages() {
            return Err(Status::NotConnected);
        }
        let mut payload = Vec::new();
        request.encode(&mut payload);
        let timeout = timeout.unwrap_or_else(|| shared.config.request_timeout.max(least_timeout(request)));
        let ask = request.into();
        shared.with_core(None, |locked, _| {
            // What was asked before counts.
            shared.take_submissions(locked);
            locked.core.may_ask(ask)?;
            let kind = SubmittedKind::Request { timeout, ask: Some(ask) };
            shared.submit(true, kind, wire::VER, wire::REQUEST, &payload)
        })
    }
}

/// How long a request may take in good order: who joins a room may have to move to its node first, and a room moves
/// with everybody in it.
const fn least_timeout(request: &RoomRequest) -> Duration {
    match request {
        RoomRequest::Create { .. }
        | RoomRequest::Join { .. }
        | RoomRequest::JoinRandom { .. }
        | RoomRequest::Migrate => limits::ROOM_ANSWER_MAX,
        RoomRequest::Leave
        | RoomRequest::Set { .. }
        | RoomRequest::Delete { .. }
        | RoomRequest::CompareAndSet { .. }
        | RoomRequest::Increment { .. }
        | RoomRequest::Get { .. }
        | RoomRequest::Reserve { .. }
        | RoomRequest::CancelReservation { .. }
        | RoomRequest::Kick { .. }
        | RoomRequest::Close => Duration::ZERO,
    }
}
