//! One client: through Rust, or through the very C functions that games use.

use super::game::VERSION;
use std::time::Duration;
use sterna::client::event::{Batch, Event};
use sterna::client::room::{Audience, View};
use sterna::client::{Client, Config, Error, Status};
use sterna::ffi::harness::CClient;
use sterna::protocol::room::wire::RoomRequest;

/// A client, by one of the library's two interfaces.
pub(super) enum Seat {
    /// The Rust interface, with who is in the room as far as it was told; the batch is kept for its memory.
    Rust(Client, Batch, View),
    /// The C functions.
    C(CClient),
}

impl Seat {
    pub(super) fn create(config: &Config, through_c: bool) -> Result<Self, Error> {
        Ok(if through_c {
            Self::C(CClient::create(config)?)
        } else {
            Self::Rust(Client::create(config.clone())?, Batch::default(), View::default())
        })
    }

    pub(super) fn connect(&self, token: &str) -> Result<(), Error> {
        match self {
            Self::Rust(client, ..) => client.connect(token),
            Self::C(client) => client.connect(token),
        }
    }

    /// Sends a reliable message.
    pub(super) fn send(&self, cmd: u16, payload: &[u8]) -> Result<(), Status> {
        match self {
            Self::Rust(client, ..) => client.send(true, VERSION, cmd, payload),
            Self::C(client) => client.rsend(VERSION, cmd, payload).map_err(|error| error.status),
        }
    }

    pub(super) fn request(&self, cmd: u16, timeout: Duration) -> Result<u64, Status> {
        match self {
            Self::Rust(client, ..) => client.request(VERSION, cmd, &[], Some(timeout)),
            Self::C(client) => client.request(VERSION, cmd, &[], Some(timeout)).map_err(|error| error.status),
        }
    }

    pub(super) fn send_migrate(&self) -> Result<(), Status> {
        match self {
            Self::Rust(client, ..) => client.send_migrate(),
            Self::C(client) => client.send_migrate().map_err(|error| error.status),
        }
    }

    /// Asks something of rooms, and gives the request's number.
    pub(super) fn ask_of_rooms(&self, request: &RoomRequest) -> Result<u64, Status> {
        match self {
            Self::Rust(client, ..) => client.ask_of_rooms(request, None),
            Self::C(client) => client.ask_of_rooms(request, None).map_err(|error| error.status),
        }
    }

    /// Sends a message to everybody in the room.
    pub(super) fn broadcast(&self, cmd: u16, payload: &[u8]) -> Result<(), Status> {
        match self {
            Self::Rust(client, ..) => client.send_to_room(Audience::All, VERSION, cmd, payload),
            Self::C(client) => {
                client.send_to_room(Audience::All, VERSION, cmd, payload).map_err(|error| error.status)
            }
        }
    }

    /// How many are in the room, as far as the player was told.
    pub(super) fn members_in_room(&self) -> usize {
        match self {
            Self::Rust(_, _, view) => view.count(),
            Self::C(client) => client.members_in_room(),
        }
    }

    /// Hands what has happened to `sink`.
    pub(super) fn take_events(&mut self, mut sink: impl FnMut(Event, &[u8])) -> Result<(), Error> {
        match self {
            Self::Rust(client, batch, view) => {
                if client.take_events(batch) {
                    for (event, bytes) in batch.iter() {
                        client.consumed(Batch::cost(bytes.len()));
                        view.apply(event, bytes);
                        sink(event, bytes);
                    }
                    batch.clear();
                }
                Ok(())
            }
            Self::C(client) => client.update(|_, event, bytes| sink(event, bytes)),
        }
    }
}
