//! The C functions about rooms, `sterna_room_*`.
//!
//! - `join`: create, join, join_random, leave
//! - `say`: messages to the room, and its synchronised state
//! - `property`: set, remove, compare_and_set, increment, get
//! - `owner`: what only the owner may do: reserve, kick, close, send_migrate
//! - `query`: who is in the room, as the game knows it
//! - `callbacks`: one registration function for each event
//! - `value`, `config`, `event`: the structs and constants that cross the border

mod callbacks;
mod config;
pub(super) mod event;
mod join;
mod owner;
mod property;
mod query;
mod say;
mod value;

pub use callbacks::*;
pub use config::*;
pub use join::*;
pub use owner::*;
pub use property::*;
pub use query::*;
pub use say::*;
pub use value::*;

use crate::ffi::error::{Failure, check_pointer, with_client};
use crate::ffi::handle::SternaClient;
use crate::ffi::result::SternaResult;
use crate::protocol::room::wire::RoomRequest;
use std::time::Duration;

/// Sends what `request` makes of the caller's arguments.
///
/// # Safety
/// `out_request_id` is NULL or can be written.
unsafe fn ask(
    client: *mut SternaClient,
    timeout_ms: u32,
    out_request_id: *mut u64,
    request: impl FnOnce() -> Result<RoomRequest, Failure>,
) -> SternaResult {
    with_client(client, |shared| {
        if !out_request_id.is_null() {
            check_pointer(out_request_id)?;
        }
        let timeout = (timeout_ms != 0).then(|| Duration::from_millis(timeout_ms.into()));
        let request_id = shared.client.ask_of_rooms(&request()?, timeout)?;
        if !out_request_id.is_null() {
            // SAFETY: neither NULL nor misaligned; the C caller vouches that it can be written.
            unsafe { out_request_id.write(request_id) };
        }
        Ok(())
    })
}

/// The elements of an array that C passed. NULL is allowed where there are none.
///
/// # Safety
/// `array` is NULL or points to `count` elements that stay as they are for `'a`.
unsafe fn array_from_c<'a, T>(array: *const T, count: u32) -> Result<&'a [T], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    check_pointer(array)?;
    // SAFETY: neither NULL nor misaligned; the rest is this function's own condition.
    Ok(unsafe { std::slice::from_raw_parts(array, count as usize) })
}
