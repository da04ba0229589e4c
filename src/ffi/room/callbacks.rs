//! One registration function for each event about rooms.

use crate::ffi::callbacks::{SternaEventCallback, register};
use crate::ffi::event::SternaEventType;
use crate::ffi::handle::SternaClient;
use crate::ffi::result::SternaResult;
use std::ffi::c_void;

/// The user is in a room.
///
/// Fires once for each room that was made or joined, before or after its `room_result`; `room_exited` or `disconnected`
/// follows. Valid in it: `room_id`, `member`, `owner`, `member_count`, `members_max`.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_room_entered(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_ROOM_ENTERED, callback, user_data)
}

/// The user is not in the room any more.
///
/// Fires once for each `room_entered`, unless the session ends first (`disconnected`), as the last event about that
/// room. Valid in it: `room_id`, `status`, `text`.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_room_exited(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_ROOM_EXITED, callback, user_data)
}

/// Somebody has joined the room.
///
/// Fires at the members who were there before, never because the room has moved. Valid in it: `member`, `text`
/// (the user id).
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_room_member_joined(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_ROOM_MEMBER_JOINED, callback, user_data)
}

/// Somebody is not in the room any more.
///
/// Fires at the members who stay, never because the room has moved. Valid in it: `member`, `status`, `text` (the
/// user id).
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_room_member_left(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_ROOM_MEMBER_LEFT, callback, user_data)
}

/// A message to the room.
///
/// Fires at any time while in a room, for each message by itself also if the room has merged them. Valid in it: `member`,
/// `ver`, `cmd`, `data`, `length`, `text` (the sender's user id).
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_room_message(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_ROOM_MESSAGE, callback, user_data)
}

/// The room has another owner.
///
/// Fires at every member when the owner has left. Valid in it: `owner`, `text` (the user id).
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_room_owner_changed(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_ROOM_OWNER_CHANGED, callback, user_data)
}

/// A property of the room has changed.
///
/// Fires at every member, also at the one who changed it. Valid in it: `member`, `value`, `text` (the key).
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_room_property(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_ROOM_PROPERTY, callback, user_data)
}

/// A key of the room's synchronised state has another value.
///
/// Fires at any time while in a room, and after `room_entered` for each key there is. Valid in it: `member`, `data`,
/// `length`, `text` (the key).
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_room_sync(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_ROOM_SYNC, callback, user_data)
}

/// A request about rooms has ended: see `status`.
///
/// Fires once for each `sterna_room_` function with an `out_request_id` that returned `STERNA_OK`. Valid in it:
/// `request_id`, `status`, `value`, `room_id`.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_room_result(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_ROOM_RESULT, callback, user_data)
}

/// The room has moved to another node, with everybody in it. Nothing needs to be done.
///
/// Fires once at every member for each move of the room, right after `migrated`. Valid in it: `room_id`, `epoch`.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_room_migrated(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_ROOM_MIGRATED, callback, user_data)
}

/// The room was restarted after a crash; ask for properties that matter.
///
/// Fires after `took_over`, behind `room_member_left`, `room_member_joined` and `room_owner_changed` for what is
/// different. Valid in it: `room_id`.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_room_refreshed(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_ROOM_REFRESHED, callback, user_data)
}
