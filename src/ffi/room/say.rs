//! What members say to each other. Everything here may be called from any thread at any time, and allocates
//! nothing once the buffers have grown to what the game sends.

use super::array_from_c;
use crate::client::room::Audience;
use crate::client::status::{Error, Status};
use crate::ffi::error::{bytes_from_c, text_from_c, with_client};
use crate::ffi::handle::SternaClient;
use crate::ffi::result::SternaResult;

/// # Safety
/// `payload` is NULL or has `length` readable bytes.
unsafe fn say(
    client: *mut SternaClient,
    audience: Audience<'_>,
    ver: u8,
    cmd: u16,
    payload: *const u8,
    length: u32,
) -> SternaResult {
    with_client(client, |shared| {
        // SAFETY: this function's own condition.
        let payload = unsafe { bytes_from_c(payload, length) }?;
        Ok(shared.client.send_to_room(audience, ver, cmd, payload)?)
    })
}

/// Sends a message to everybody in the room, the sender as well: all get all broadcasts in the same order. Those
/// of one `interval_ms` of the room travel together. Reliable, also over UDP, across moves and broken links.
/// `ver` is the application's protocol version, 2 or above, `cmd` its command; the payload is copied.
///
/// `STERNA_ERROR_NOT_CONNECTED`, `STERNA_ERROR_NOT_IN_ROOM`, `STERNA_ERROR_QUEUE_FULL`,
/// `STERNA_ERROR_MESSAGE_TOO_LARGE` or `STERNA_ERROR_RESERVED_VERSION`: the message was not taken. From any thread;
/// the order holds per thread, with other messages as well.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_broadcast(
    client: *mut SternaClient,
    ver: u8,
    cmd: u16,
    payload: *const u8,
    length: u32,
) -> SternaResult {
    // SAFETY: the C caller vouches for `length` readable bytes.
    unsafe { say(client, Audience::All, ver, cmd, payload, length) }
}

/// Sends a message to everybody else in the room, at once whatever `interval_ms` is. Otherwise like
/// `sterna_room_broadcast`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_relay(
    client: *mut SternaClient,
    ver: u8,
    cmd: u16,
    payload: *const u8,
    length: u32,
) -> SternaResult {
    // SAFETY: the C caller vouches for `length` readable bytes.
    unsafe { say(client, Audience::Others, ver, cmd, payload, length) }
}

/// Sends a message to `count` members by their numbers, at once. Those who have left meanwhile do not get it.
/// Otherwise like `sterna_room_broadcast`; `STERNA_ERROR_INVALID_ARGUMENT` if it names nobody.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_send_to(
    client: *mut SternaClient,
    members: *const u64,
    count: u32,
    ver: u8,
    cmd: u16,
    payload: *const u8,
    length: u32,
) -> SternaResult {
    with_client(client, |shared| {
        if count == 0 {
            return Err(Error::new(Status::InvalidArgument, "count is 0: the message is for nobody").into());
        }
        // SAFETY: the C caller vouches for `count` numbers.
        let members = unsafe { array_from_c(members, count) }?;
        // SAFETY: the C caller vouches for `length` readable bytes.
        let payload = unsafe { bytes_from_c(payload, length) }?;
        Ok(shared.client.send_to_room(Audience::Members(members), ver, cmd, payload)?)
    })
}

/// Sets a key of the room's synchronised state, such as a position: everybody hears of the last value
/// (`room_sync`), those in between may be left out, and who joins later gets the present ones. An empty value
/// removes the key. Otherwise like `sterna_room_broadcast`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_sync(
    client: *mut SternaClient,
    key: *const std::ffi::c_char,
    data: *const u8,
    length: u32,
) -> SternaResult {
    with_client(client, |shared| {
        // SAFETY: the C caller vouches for a string that ends in a NUL.
        let key = unsafe { text_from_c(key) }?;
        // SAFETY: the C caller vouches for `length` readable bytes.
        let data = unsafe { bytes_from_c(data, length) }?;
        Ok(shared.client.sync_in_room(key, data)?)
    })
}
