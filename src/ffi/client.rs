//! A client's life: create, connect, disconnect, destroy.

use crate::client::status::{Error, Status};
use crate::client::{self, Client, State};
use crate::ffi::config::{self, SternaClientConfig};
use crate::ffi::error::{check_pointer, guard, install_panic_hook, text_from_c, with_client};
use crate::ffi::handle::{self, SternaClient};
use crate::ffi::result::SternaResult;
use std::ffi::c_char;

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[allow(non_camel_case_types)]
pub enum SternaState {
    /// `connect` was not called yet.
    STERNA_STATE_IDLE = 0,
    /// `connect` was called; `connected` or `connect_failed` follows.
    STERNA_STATE_CONNECTING = 1,
    /// A node serves the session.
    STERNA_STATE_CONNECTED = 2,
    /// So it does, and a move to another one is under way.
    STERNA_STATE_MIGRATING = 3,
    /// The link broke and is being restored.
    STERNA_STATE_RECONNECTING = 4,
    /// There is no session any more; `connect` may be called again.
    STERNA_STATE_DISCONNECTED = 5,
    /// The pointer is no client.
    STERNA_STATE_INVALID = 255,
}

/// Creates a client and writes it to `out_client`; it starts with `sterna_client_connect`. A NULL
/// configuration stands for the initial one. Destroy it with `sterna_client_destroy`.
///
/// On failure `out_client` is set to NULL, and `sterna_last_error` tells more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_client_create(
    config: *const SternaClientConfig,
    out_client: *mut *mut SternaClient,
) -> SternaResult {
    guard(|| {
        check_pointer(out_client)?;
        // SAFETY: neither NULL nor misaligned; the C caller vouches that it can be written.
        unsafe { out_client.write(std::ptr::null_mut()) };
        // SAFETY: the C caller vouches for as many bytes as `struct_size` says.
        let config = unsafe { config::read(config) }?;
        install_panic_hook();
        let client = handle::insert(Client::create(config)?)?;
        // SAFETY: as above.
        unsafe { out_client.write(client) };
        Ok(())
    })
}

/// Ends the session if there is one, and releases the client. NULL is fine. From any thread at any time:
/// if other calls are inside, the last one to leave completes it; inside a callback it takes effect when
/// `update` returns, and no further callback comes.
///
/// `STERNA_ERROR_INVALID_HANDLE` if it was destroyed before, which does no harm.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_destroy(client: *mut SternaClient) -> SternaResult {
    guard(|| {
        if !client.is_null() {
            handle::pin(client)?.kill();
        }
        Ok(())
    })
}

/// Connects with a token that the game's backend gave: `sterna1.` and more. Returns at once; exactly one
/// `connected` or `connect_failed` event follows. May be called again after `connect_failed` or
/// `disconnected`.
///
/// If the call itself fails, no event follows: `STERNA_ERROR_TOKEN_MALFORMED`, `STERNA_ERROR_NO_ADDRESS`
/// or `STERNA_ERROR_ALREADY_CONNECTED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_client_connect(
    client: *mut SternaClient,
    token: *const c_char,
) -> SternaResult {
    with_client(client, |shared| {
        // SAFETY: the C caller vouches for a string that ends in a NUL.
        let token = unsafe { text_from_c(token) }?;
        Ok(shared.client.connect(token)?)
    })
}

/// Ends the session: reliable messages sent before still go out, a `disconnected` event follows. While
/// connecting, it calls the attempt off, and `connect_failed` follows. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_disconnect(client: *mut SternaClient) -> SternaResult {
    with_client(client, |shared| Ok(shared.client.disconnect()?))
}

/// Where the client stands now. It may be ahead of the events, which wait for `update`. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_state(client: *mut SternaClient) -> SternaState {
    let mut state = SternaState::STERNA_STATE_INVALID;
    with_client(client, |shared| {
        state = match shared.client.state() {
            State::Idle => SternaState::STERNA_STATE_IDLE,
            State::Connecting => SternaState::STERNA_STATE_CONNECTING,
            State::Connected => SternaState::STERNA_STATE_CONNECTED,
            State::Migrating => SternaState::STERNA_STATE_MIGRATING,
            State::Reconnecting => SternaState::STERNA_STATE_RECONNECTING,
            State::Disconnected => SternaState::STERNA_STATE_DISCONNECTED,
        };
        Ok(())
    });
    state
}

/// Destroys whatever clients are left and ends the network thread, so that the library can be unloaded.
/// Destroying the last client does the same; this is for hosts that lost track, such as an editor that
/// reloads its scripts. Clients may be created again afterwards.
///
/// `STERNA_ERROR_BUSY` if a call on a client is still running, this one's own callback included: call
/// again when it is over. Never call it from DllMain or a static destructor.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_shutdown() -> SternaResult {
    guard(|| {
        if handle::destroy_all() != 0 {
            return Err(Error::new(
                Status::Busy,
                "a call on a client is still running: call sterna_shutdown again when it is over",
            )
            .into());
        }
        client::shutdown();
        Ok(())
    })
}
