//! Into a room and out of it.

use super::ask;
use super::config::{self, SternaRoomCondition, SternaRoomConfig};
use crate::ffi::handle::SternaClient;
use crate::ffi::result::SternaResult;
use crate::protocol::ids::CohortId;
use crate::protocol::room::wire::RoomRequest;

/// Makes a room and joins it. A NULL configuration stands for the initial one.
///
/// Every request about rooms comes back as exactly one `room_result` event with the number that is written to
/// `out_request_id` (which may be NULL), at the latest after `timeout_ms`; 0 stands for the configuration's
/// `request_timeout_ms`, and for 30,000 at the least where a room is made, joined or moved. After one that timed
/// out the server may still have done it. All may be called from any thread. `STERNA_ERROR_NOT_CONNECTED` or
/// `STERNA_ERROR_QUEUE_FULL`: the request was not taken.
///
/// If it works, `room_entered` comes as well, and `room_id` of the result is the room.
/// `STERNA_ERROR_ALREADY_IN_ROOM` at once if the user is in a room and has not asked to leave it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_create(
    client: *mut SternaClient,
    config: *const SternaRoomConfig,
    timeout_ms: u32,
    out_request_id: *mut u64,
) -> SternaResult {
    // SAFETY: the C caller vouches for the configuration and all it points to, and for the number's place.
    unsafe {
        ask(client, timeout_ms, out_request_id, || Ok(RoomRequest::Create { options: config::read(config)? }))
    }
}

/// Joins this room, wherever it is: if another node has it, the session moves there first, with `migrating` and
/// `migrated`, which may take some seconds. Otherwise like
/// `sterna_room_create`.
///
/// The result's status may be `STERNA_ERROR_ROOM_FULL`, `STERNA_ERROR_ROOM_UNKNOWN`, `STERNA_ERROR_ROOM_CLOSED`,
/// `STERNA_ERROR_NO_RESERVATION`, `STERNA_ERROR_ROOM_REJECTED` or `STERNA_ERROR_JOIN_FAILED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_join(
    client: *mut SternaClient,
    room_id: u64,
    timeout_ms: u32,
    out_request_id: *mut u64,
) -> SternaResult {
    // SAFETY: the C caller vouches for the number's place.
    unsafe { ask(client, timeout_ms, out_request_id, || Ok(RoomRequest::Join { room: CohortId(room_id) })) }
}

/// Joins any listed room with a free place that fits all `count` conditions (none: any at all). If there is none it
/// makes one with `config`, which can be found by others in turn; with a NULL configuration the result is
/// `STERNA_ERROR_ROOM_UNKNOWN` then. Otherwise like `sterna_room_join`.
///
/// Conditions look at the first 32 properties of a room in the order of their keys, not counting bytes and texts above
/// 64 bytes; others are as if they were not there. They may be some moments old.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_join_random(
    client: *mut SternaClient,
    conditions: *const SternaRoomCondition,
    count: u32,
    config: *const SternaRoomConfig,
    timeout_ms: u32,
    out_request_id: *mut u64,
) -> SternaResult {
    // SAFETY: the C caller vouches for both structs and all they point to, and for the number's place.
    unsafe {
        ask(client, timeout_ms, out_request_id, || {
            let filter = config::read_conditions(conditions, count)?;
            let otherwise = if config.is_null() { None } else { Some(config::read(config)?) };
            let otherwise = otherwise.map(|mut options| {
                options.listed = true; // or everybody would make a room of their own
                options
            });
            Ok(RoomRequest::JoinRandom { filter, otherwise })
        })
    }
}

/// Leaves the room: `room_exited` with `STERNA_OK` follows, and `room_member_left` at the others. The room may be
/// joined again, or another one at once. `STERNA_ERROR_NOT_IN_ROOM` at once if the user is in none and has not
/// asked to join one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_leave(
    client: *mut SternaClient,
    timeout_ms: u32,
    out_request_id: *mut u64,
) -> SternaResult {
    // SAFETY: the C caller vouches for the number's place.
    unsafe { ask(client, timeout_ms, out_request_id, || Ok(RoomRequest::Leave)) }
}
