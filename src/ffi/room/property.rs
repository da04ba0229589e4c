//! The room's properties: few, kept by the room, the same for all members.

use super::ask;
use super::value::{self, SternaValue};
use crate::ffi::error::text_from_c;
use crate::ffi::handle::SternaClient;
use crate::ffi::result::SternaResult;
use crate::protocol::room::wire::RoomRequest;
use std::ffi::c_char;

/// Sets a property of the room; its type may change. Every member gets `room_property`, the sender as well. Keys have
/// 1 to 255 bytes.
///
/// All requests about properties come back as `room_result`, like `sterna_room_create`; its status may be
/// `STERNA_ERROR_PROPERTY_TOO_LARGE` or `STERNA_ERROR_ROOM_STATE_TOO_LARGE`. `STERNA_ERROR_NOT_IN_ROOM` at once if
/// the user is in no room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_set(
    client: *mut SternaClient,
    key: *const c_char,
    value: *const SternaValue,
    timeout_ms: u32,
    out_request_id: *mut u64,
) -> SternaResult {
    // SAFETY: the C caller vouches for key and value, and for the number's place.
    unsafe {
        ask(client, timeout_ms, out_request_id, || {
            Ok(RoomRequest::Set { key: text_from_c(key)?.to_owned(), value: value::read(value)? })
        })
    }
}

/// Deletes a property of the room. Every member gets `room_property` without a value, if it was there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_remove(
    client: *mut SternaClient,
    key: *const c_char,
    timeout_ms: u32,
    out_request_id: *mut u64,
) -> SternaResult {
    // SAFETY: the C caller vouches for the key, and for the number's place.
    unsafe {
        ask(client, timeout_ms, out_request_id, || {
            Ok(RoomRequest::Delete { key: text_from_c(key)?.to_owned() })
        })
    }
}

/// Sets a property if it is as `expected`; NULL: if it is not there. A NULL `value` deletes it. So of several who
/// try at the same time one succeeds. Otherwise the status is `STERNA_ERROR_PROPERTY_DIFFERS`, and `value` of the
/// result is what the property is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_compare_and_set(
    client: *mut SternaClient,
    key: *const c_char,
    expected: *const SternaValue,
    value: *const SternaValue,
    timeout_ms: u32,
    out_request_id: *mut u64,
) -> SternaResult {
    // SAFETY: the C caller vouches for key and values, and for the number's place.
    unsafe {
        ask(client, timeout_ms, out_request_id, || {
            Ok(RoomRequest::CompareAndSet {
                key: text_from_c(key)?.to_owned(),
                expected: value::read_optional(expected)?,
                value: value::read_optional(value)?,
            })
        })
    }
}

/// Adds to a property that is a number of the same type as `by`; one that is not there counts as zero. `value` of
/// the result is the sum. `STERNA_ERROR_PROPERTY_TYPE` if it is of another type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_increment(
    client: *mut SternaClient,
    key: *const c_char,
    by: *const SternaValue,
    timeout_ms: u32,
    out_request_id: *mut u64,
) -> SternaResult {
    // SAFETY: the C caller vouches for key and value, and for the number's place.
    unsafe {
        ask(client, timeout_ms, out_request_id, || {
            Ok(RoomRequest::Increment { key: text_from_c(key)?.to_owned(), by: value::read(by)? })
        })
    }
}

/// Asks for a property: `value` of the result, of kind `STERNA_VALUE_NONE` if it is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_get(
    client: *mut SternaClient,
    key: *const c_char,
    timeout_ms: u32,
    out_request_id: *mut u64,
) -> SternaResult {
    // SAFETY: the C caller vouches for the key, and for the number's place.
    unsafe {
        ask(client, timeout_ms, out_request_id, || Ok(RoomRequest::Get { key: text_from_c(key)?.to_owned() }))
    }
}
