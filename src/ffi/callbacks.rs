//! One registration function for each event, so that bindings get a typed parameter for each.

use crate::ffi::error::{Failure, with_client};
use crate::ffi::event::{EVENT_TYPES, SternaEvent, SternaEventType};
use crate::ffi::handle::SternaClient;
use crate::ffi::result::SternaResult;
use std::ffi::c_void;

/// Is told about an event. Called only inside `sterna_client_update`, on the thread that calls it. The
/// event, its data and its text are valid until the callback returns. Every function may be called in it but
/// `update` and `poll_event` of the same client, and `sterna_shutdown`. No C++ exception may leave it.
pub type SternaEventCallback = Option<
    unsafe extern "C" fn(client: *mut SternaClient, event: *const SternaEvent, user_data: *mut c_void),
>;

/// A callback that was registered.
#[derive(Clone, Copy)]
pub(super) struct Callback {
    function: unsafe extern "C" fn(*mut SternaClient, *const SternaEvent, *mut c_void),
    user_data: *mut c_void,
}

// SAFETY: the pointer is only kept for the host and handed back to it, on the thread that it chooses.
unsafe impl Send for Callback {}

impl Callback {
    /// Calls the host.
    pub(super) fn call(self, client: *mut SternaClient, event: &SternaEvent) {
        // SAFETY: whoever registered it vouches for function and user data; the event outlives the call.
        unsafe { (self.function)(client, event, self.user_data) };
    }

    /// A callback that does nothing.
    #[cfg(test)]
    pub(super) fn nothing() -> Self {
        unsafe extern "C" fn nothing(_: *mut SternaClient, _: *const SternaEvent, _: *mut c_void) {}
        Self { function: nothing, user_data: std::ptr::null_mut() }
    }
}

/// A client's callbacks, by the number of the event.
#[derive(Default)]
pub(super) struct Callbacks([Option<Callback>; EVENT_TYPES]);

impl Callbacks {
    pub(super) fn get(&self, event_type: SternaEventType) -> Option<Callback> {
        self.0.get(event_type as usize - 1).copied().flatten()
    }
}

pub(super) fn register(
    client: *mut SternaClient,
    event_type: SternaEventType,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    with_client(client, |shared| -> Result<(), Failure> {
        let callback = callback.map(|function| Callback { function, user_data });
        if let Some(place) = shared.callbacks.lock().0.get_mut(event_type as usize - 1) {
            *place = callback;
        }
        Ok(())
    })
}

/// `connect` succeeded: the session has begun.
///
/// Fires once after each `sterna_client_connect` that returned `STERNA_OK`, unless `connect_failed` does.
/// Valid in it: `session_id`, `text` (the node's name).
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_connected(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_CONNECTED, callback, user_data)
}

/// `connect` failed; it may be called again.
///
/// Fires once after each `sterna_client_connect` that returned `STERNA_OK`, unless `connected` does. Valid in
/// it: `status`, `text`.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_connect_failed(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_CONNECT_FAILED, callback, user_data)
}

/// The session has ended, for good; `connect` begins a new one.
///
/// Fires once after each `connected`, as the last event of the session. Valid in it: `status` (`STERNA_OK` if
/// the game asked for it), `text`.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_disconnected(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_DISCONNECTED, callback, user_data)
}

/// The link broke, and the client restores it by itself. Sending goes on being accepted.
///
/// Fires at any time while connected; `reconnected`, `took_over`, `migrated` or `disconnected` follows. Valid
/// in it: `status`, `text`.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_reconnecting(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_RECONNECTING, callback, user_data)
}

/// The link is restored. No reliable message was lost.
///
/// Fires after `reconnecting`. Valid in it: `epoch`, `text` (the node's name).
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_reconnected(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_RECONNECTED, callback, user_data)
}

/// The node goes offline. Answer with `sterna_client_send_migrate`, here or later. Without an answer the
/// session is moved at the deadline all the same.
///
/// Fires at any time while connected, once for each node that goes offline, and once more if it has less time than
/// it had said; not again after `migrate_failed`.
/// Valid in it: `epoch`, `deadline_ms`, `reason`, `in_room`.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_offline(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_OFFLINE, callback, user_data)
}

/// Another node is prepared, and the client attaches to it. Play goes on.
///
/// Fires after `offline` or an operator's order; `migrated` or `migrate_failed` follows. Valid in it:
/// `epoch`.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_migrating(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_MIGRATING, callback, user_data)
}

/// Another node serves the session now. Nothing was lost or repeated; nothing needs to be done.
///
/// Fires at the end of a move that succeeded. Valid in it: `epoch`, `gap_us`, `text` (the node's name).
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_migrated(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_MIGRATED, callback, user_data)
}

/// The move failed, and play goes on where it was. The game may ask again.
///
/// Fires at the end of a move that failed, also without `migrating` before it. Valid in it: `status`, `text`.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_migrate_failed(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_MIGRATE_FAILED, callback, user_data)
}

/// The node crashed, and another one went on from the last snapshot. Messages to the server from `lost_from`
/// to before `lost_to` are gone.
///
/// Fires at any time while connected or reconnecting. Valid in it: `epoch`, `lost_from`, `lost_to`, `text`
/// (the node's name).
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_took_over(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_TOOK_OVER, callback, user_data)
}

/// A request was answered, or will not be: see `status`.
///
/// Fires once for each `sterna_client_request` that returned `STERNA_OK`. Valid in it: `request_id`,
/// `status`, `ver`, `cmd`, `data`, `length`.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_response(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_RESPONSE, callback, user_data)
}

/// The server sent a message.
///
/// Fires at any time while connected. Valid in it: `ver`, `cmd`, `reliable`, `data`, `length`.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_push(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_PUSH, callback, user_data)
}

/// The library has something to say; the configuration's `log_level` tells how much.
///
/// Fires at any time, also before `connect`. Valid in it: `log_level`, `text`.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_on_log(
    client: *mut SternaClient,
    callback: SternaEventCallback,
    user_data: *mut c_void,
) -> SternaResult {
    register(client, SternaEventType::STERNA_EVENT_LOG, callback, user_data)
}
