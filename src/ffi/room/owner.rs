//! What only the owner of a room may ask. All come back as `room_result`, with `STERNA_ERROR_NOT_ROOM_OWNER` for
//! anybody else.

use super::{array_from_c, ask};
use crate::ffi::error::{Failure, text_from_c};
use crate::ffi::handle::SternaClient;
use crate::ffi::result::SternaResult;
use crate::protocol::ids::MemberId;
use crate::protocol::room::wire::RoomRequest;
use std::ffi::c_char;

/// # Safety
/// `users` is NULL or has `count` strings that end in a NUL.
unsafe fn read_users(users: *const *const c_char, count: u32) -> Result<Vec<String>, Failure> {
    // SAFETY: this function's own condition.
    let users = unsafe { array_from_c(users, count) }?;
    // SAFETY: this function's own condition.
    users.iter().map(|user| Ok(unsafe { text_from_c(*user) }?.to_owned())).collect()
}

/// Keeps places in the room for these `count` users, by their ids. When all places that are left are kept,
/// others who join get `STERNA_ERROR_NO_RESERVATION`. The owner only; comes back as `room_result`, like
/// `sterna_room_create`. `STERNA_ERROR_NOT_IN_ROOM` at once if the user is in no room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_reserve(
    client: *mut SternaClient,
    users: *const *const c_char,
    count: u32,
    timeout_ms: u32,
    out_request_id: *mut u64,
) -> SternaResult {
    // SAFETY: the C caller vouches for the strings, and for the number's place.
    unsafe {
        ask(client, timeout_ms, out_request_id, || {
            Ok(RoomRequest::Reserve { users: read_users(users, count)? })
        })
    }
}

/// Keeps places for these users no longer. The owner only. Otherwise like `sterna_room_reserve`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_cancel_reservation(
    client: *mut SternaClient,
    users: *const *const c_char,
    count: u32,
    timeout_ms: u32,
    out_request_id: *mut u64,
) -> SternaResult {
    // SAFETY: the C caller vouches for the strings, and for the number's place.
    unsafe {
        ask(client, timeout_ms, out_request_id, || {
            Ok(RoomRequest::CancelReservation { users: read_users(users, count)? })
        })
    }
}

/// Removes a member, who gets `room_exited` with `STERNA_ERROR_KICKED`. The owner only. The status may be
/// `STERNA_ERROR_NO_SUCH_MEMBER`. Otherwise like `sterna_room_reserve`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_kick(
    client: *mut SternaClient,
    member: u64,
    timeout_ms: u32,
    out_request_id: *mut u64,
) -> SternaResult {
    // SAFETY: the C caller vouches for the number's place.
    unsafe { ask(client, timeout_ms, out_request_id, || Ok(RoomRequest::Kick { member: MemberId(member) })) }
}

/// Closes the room: every member gets `room_exited` with `STERNA_ERROR_ROOM_CLOSED`, the owner as well. The owner
/// only. Otherwise like `sterna_room_reserve`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_close(
    client: *mut SternaClient,
    timeout_ms: u32,
    out_request_id: *mut u64,
) -> SternaResult {
    // SAFETY: the C caller vouches for the number's place.
    unsafe { ask(client, timeout_ms, out_request_id, || Ok(RoomRequest::Close)) }
}

/// Moves the room to another node, with everybody in it: the answer to `offline` with `in_room`, at a moment that
/// suits the game. The owner only; without it the server moves the room in time by itself.
///
/// When it is over every member gets `migrated` and then `room_migrated`, and the owner `room_result`. That takes
/// seconds if a client is slow to follow; a result of `STERNA_ERROR_REQUEST_TIMED_OUT` does not mean that the move has failed. The status may be
/// `STERNA_ERROR_NOT_OFFLINE` or `STERNA_ERROR_ROOM_MOVE_FAILED`: then play goes on where it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_send_migrate(
    client: *mut SternaClient,
    timeout_ms: u32,
    out_request_id: *mut u64,
) -> SternaResult {
    // SAFETY: the C caller vouches for the number's place.
    unsafe { ask(client, timeout_ms, out_request_id, || Ok(RoomRequest::Migrate)) }
}
