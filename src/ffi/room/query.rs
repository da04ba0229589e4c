//! Who is in the room, as the game knows it. Asks nobody: answers as of the latest event that the game was given.

use crate::client::room::View;
use crate::ffi::error::{check_pointer, with_client};
use crate::ffi::handle::SternaClient;
use crate::ffi::result::SternaResult;
use std::ffi::c_char;

/// Somebody in the room. This struct never grows.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SternaRoomMember {
    /// Their number in this room, counted from 1 in the order of joining; never given twice in one room.
    pub member: u64,
    /// Their user id, in UTF-8, ending in a NUL; the library's.
    pub user: *const c_char,
}

fn look<T: Default>(client: *mut SternaClient, at: impl FnOnce(&View) -> T) -> T {
    let mut found = T::default();
    with_client(client, |shared| {
        found = at(&shared.room.lock());
        Ok(())
    });
    found
}

/// The room that the user is in, the same on all nodes; 0 if none, or if the pointer is no client.
///
/// This and the following functions answer as of the latest event that was handed out: in the callback of
/// `room_member_left` that member is gone, before it is not, whatever the network has brought since. From any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_room_id(client: *mut SternaClient) -> u64 {
    look(client, |view| view.room().map_or(0, |room| room.0))
}

/// The user's own number in the room; 0 if in none.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_room_me(client: *mut SternaClient) -> u64 {
    look(client, |view| view.me().map_or(0, |member| member.0))
}

/// The number of the room's owner; 0 if nobody owns it, or if the user is in no room.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_room_owner(client: *mut SternaClient) -> u64 {
    look(client, |view| view.owner().map_or(0, |member| member.0))
}

/// How many members the room has; 0 if the user is in none.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_room_member_count(client: *mut SternaClient) -> u32 {
    look(client, |view| view.count() as u32)
}

/// Fills `members` with up to `capacity` members, in the order of their numbers, and `out_count` (which may be
/// NULL) with how many the room has. `members` may be NULL if `capacity` is 0. Outside of a room both are none.
///
/// The names are the library's, valid until the next `sterna_client_update` or `sterna_client_destroy` of this
/// client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_members(
    client: *mut SternaClient,
    members: *mut SternaRoomMember,
    capacity: u32,
    out_count: *mut u32,
) -> SternaResult {
    with_client(client, |shared| {
        if capacity != 0 {
            check_pointer(members)?;
        }
        if !out_count.is_null() {
            check_pointer(out_count)?;
        }
        let view = shared.room.lock();
        for (index, (member, name)) in view.members().take(capacity as usize).enumerate() {
            let found = SternaRoomMember { member: member.0, user: name.as_ptr() };
            // SAFETY: neither NULL nor misaligned; the C caller vouches for `capacity` elements, of which this is
            // one.
            unsafe { members.add(index).write(found) };
        }
        if !out_count.is_null() {
            // SAFETY: neither NULL nor misaligned; the C caller vouches that it can be written.
            unsafe { out_count.write(view.count() as u32) };
        }
        Ok(())
    })
}
