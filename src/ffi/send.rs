//! What the game says to its server. Everything here may be called from any thread at any time.

use crate::ffi::error::{bytes_from_c, check_pointer, with_client};
use crate::ffi::handle::SternaClient;
use crate::ffi::result::SternaResult;
use std::time::Duration;

unsafe fn send(
    client: *mut SternaClient,
    reliable: bool,
    ver: u8,
    cmd: u16,
    payload: *const u8,
    length: u32,
) -> SternaResult {
    with_client(client, |shared| {
        // SAFETY: the C caller vouches for `length` readable bytes.
        let payload = unsafe { bytes_from_c(payload, length) }?;
        Ok(shared.client.send(reliable, ver, cmd, payload)?)
    })
}

/// Sends a message: unreliably over UDP, reliably over TCP. `ver` is the application's protocol version,
/// 2 or above, `cmd` its command. The payload is copied; it may be NULL if `length` is 0.
///
/// It is sent with the next `update` or `flush`, or soon by itself. During a move and while the link is
/// being restored it is accepted as well; an unreliable message may then be lost. From any thread; the
/// order holds per thread.
///
/// `STERNA_ERROR_NOT_CONNECTED`, `STERNA_ERROR_QUEUE_FULL`, `STERNA_ERROR_MESSAGE_TOO_LARGE` or
/// `STERNA_ERROR_RESERVED_VERSION`: the message was not taken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_client_send(
    client: *mut SternaClient,
    ver: u8,
    cmd: u16,
    payload: *const u8,
    length: u32,
) -> SternaResult {
    // SAFETY: the C caller's promise is passed on.
    unsafe { send(client, false, ver, cmd, payload, length) }
}

/// Sends a message reliably: it arrives exactly once and in order, across moves and broken links, as long
/// as the session lives. Otherwise like `sterna_client_send`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_client_rsend(
    client: *mut SternaClient,
    ver: u8,
    cmd: u16,
    payload: *const u8,
    length: u32,
) -> SternaResult {
    // SAFETY: the C caller's promise is passed on.
    unsafe { send(client, true, ver, cmd, payload, length) }
}

/// Sends a message reliably and asks for a reply, which comes as exactly one `response` event with the
/// number that is written to `out_request_id` (which may be NULL), at the latest after `timeout_ms`; 0
/// stands for the configuration's `request_timeout_ms`. Errors as with `sterna_client_send`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_client_request(
    client: *mut SternaClient,
    ver: u8,
    cmd: u16,
    payload: *const u8,
    length: u32,
    timeout_ms: u32,
    out_request_id: *mut u64,
) -> SternaResult {
    with_client(client, |shared| {
        if !out_request_id.is_null() {
            check_pointer(out_request_id)?;
        }
        // SAFETY: the C caller vouches for `length` readable bytes.
        let payload = unsafe { bytes_from_c(payload, length) }?;
        let timeout = (timeout_ms != 0).then(|| Duration::from_millis(timeout_ms.into()));
        let request = shared.client.request(ver, cmd, payload, timeout)?;
        if !out_request_id.is_null() {
            // SAFETY: neither NULL nor misaligned; the C caller vouches that it can be written.
            unsafe { out_request_id.write(request) };
        }
        Ok(())
    })
}

/// Agrees to be moved to another node: the answer to the `offline` event, at whichever moment suits the
/// game. Ends in one `migrated` or `migrate_failed` event; asking again during a move changes nothing.
///
/// `STERNA_ERROR_NOT_OFFLINE`, `STERNA_ERROR_IN_ROOM` or `STERNA_ERROR_NOT_CONNECTED` if it is known at
/// once that it cannot be; otherwise the server's refusal comes as `migrate_failed`.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_send_migrate(client: *mut SternaClient) -> SternaResult {
    with_client(client, |shared| Ok(shared.client.send_migrate()?))
}

/// Sends what is queued at once, without waiting for the next `update`. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_flush(client: *mut SternaClient) -> SternaResult {
    with_client(client, |shared| {
        shared.client.flush();
        Ok(())
    })
}
