//! The border guard: turns results and panics into codes, and keeps the last error's text.
//!
//! Texts lie in fixed buffers of the calling thread. So they need no lock and no allocation, stay valid
//! until that thread's next failure whatever other threads do, and the library can be unloaded: thread-local
//! values without destructors do not hold it.

use crate::client::status::{Error, Status};
use crate::ffi::handle::{self, Exclusive, Pin, SternaClient};
use crate::ffi::result::SternaResult;
use std::cell::RefCell;
use std::ffi::{CStr, c_char};
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Why a call failed.
pub(super) enum Failure {
    /// With the status' own text: nothing is allocated on this way.
    Status(Status),
    /// With a text for this case.
    Error(Error),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Makes a call that concerns no client.
pub(super) fn guard(body: impl FnOnce() -> Result<(), Failure>) -> SternaResult {
    guard_for(std::ptr::null_mut(), body)
}

/// Makes a call on a client.
pub(super) fn with_client(
    client: *mut SternaClient,
    body: impl FnOnce(&Pin) -> Result<(), Failure>,
) -> SternaResult {
    guard_for(client, || {
        let pin = handle::pin(client)?;
        refuse_poisoned(&pin)?;
        body(&pin)
    })
}

/// Makes a call that needs the client's dispatcher.
pub(super) fn with_dispatch(
    client: *mut SternaClient,
    body: impl FnOnce(&mut Exclusive) -> Result<(), Failure>,
) -> SternaResult {
    guard_for(client, || {
        let mut exclusive = handle::pin_exclusive(client)?;
        refuse_poisoned(exclusive.parts().0)?;
        body(&mut exclusive)
    })
}

fn refuse_poisoned(pin: &Pin) -> Result<(), Failure> {
    match pin.poison.get() {
        None => Ok(()),
        Some(text) => Err(Error::new(Status::Panic, text.clone()).into()),
    }
}

fn guard_for(client: *mut SternaClient, body: impl FnOnce() -> Result<(), Failure>) -> SternaResult {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => SternaResult::STERNA_OK,
        Ok(Err(failure)) => fail(client, failure),
        Err(_) => poison(client),
    }
}

#[cold]
fn fail(client: *mut SternaClient, failure: Failure) -> SternaResult {
    let (status, text) = match &failure {
        Failure::Status(status) => (*status, status.c_text().to_str().unwrap_or_default()),
        Failure::Error(error) => (error.status, error.text.as_str()),
    };
    LAST.with_borrow_mut(|last| {
        last.client = client.addr();
        last.text.set(format_args!("{text}"));
    });
    status.into()
}

/// After a panic: the client it happened in is not used any more, and tells why.
#[cold]
fn poison(client: *mut SternaClient) -> SternaResult {
    let text = PANIC.with_borrow(|text| format!("{}: {}", Status::Panic, text.as_str()));
    if let Ok(pin) = handle::pin(client) {
        // The first panic is the one that explains the others.
        pin.poison.get_or_init(|| text.clone());
    }
    fail(client, Error::new(Status::Panic, text).into())
}

/// Has panics leave their text for `poison`. They go on to whoever looked at them before.
pub(super) fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANIC.with_borrow_mut(|text| text.set(format_args!("{info}")));
            before(info);
        }));
    });
}

/// Long enough for every text that says what to do; a longer one is cut.
const TEXT_BYTES_MAX: usize = 512;

/// A text in a fixed buffer, ending in a NUL.
struct Text {
    bytes: [u8; TEXT_BYTES_MAX],
    len: usize,
}

impl Text {
    const EMPTY: Self = Self { bytes: [0; TEXT_BYTES_MAX], len: 0 };

    fn set(&mut self, text: fmt::Arguments<'_>) {
        self.len = 0;
        // Cutting off is its only way to fail, and leaves as much as fits.
        let _ = self.write_fmt(text);
        self.bytes[self.len] = 0;
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = TEXT_BYTES_MAX - 1 - self.len;
        let cut = (0..=room.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        for &byte in &text.as_bytes()[..cut] {
            // A NUL would end the text for C.
            self.bytes[self.len] = if byte == 0 { b' ' } else { byte };
            self.len += 1;
        }
        if cut == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

struct Last {
    /// The client it happened to; 0 if it concerns none.
    client: usize,
    text: Text,
}

thread_local! {
    static LAST: RefCell<Last> = const { RefCell::new(Last { client: 0, text: Text::EMPTY }) };
    static PANIC: RefCell<Text> = const { RefCell::new(Text::EMPTY) };
}

/// What the calling thread's last failed call, on whichever client or on none, has to say; an empty text
/// if none has failed. Never NULL. Valid until the next call of this thread that fails.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_last_error() -> *const c_char {
    LAST.with(|last| last.as_ptr().cast_const()).cast_text()
}

/// Like `sterna_last_error`, but an empty text if the calling thread's last failed call was not on this
/// client. Events bring their own text. Never NULL. Valid until the next call of this thread that fails.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_last_error(client: *mut SternaClient) -> *const c_char {
    let is_its_own = LAST.with_borrow(|last| !client.is_null() && last.client == client.addr());
    if is_its_own { sterna_last_error() } else { c"".as_ptr() }
}

trait CastText {
    fn cast_text(self) -> *const c_char;
}

impl CastText for *const Last {
    fn cast_text(self) -> *const c_char {
        // SAFETY: the pointer comes from this thread's own cell, which lives as long as the thread; taking
        // a field's address reads nothing.
        unsafe { (&raw const (*self).text.bytes).cast() }
    }
}

/// The text that C passed, or what is wrong with it.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated string that stays as it is for `'a`.
pub(super) unsafe fn text_from_c<'a>(text: *const c_char) -> Result<&'a str, Failure> {
    if text.is_null() {
        return Err(Status::NullArgument.into());
    }
    // SAFETY: not NULL; the rest is this function's own condition.
    unsafe { CStr::from_ptr(text) }
        .to_str()
        .map_err(|_| Error::new(Status::InvalidArgument, "a text is not UTF-8").into())
}

/// The bytes that C passed. NULL is allowed where there are none.
///
/// # Safety
/// `bytes` is NULL or points to `length` bytes that stay as they are for `'a`.
pub(super) unsafe fn bytes_from_c<'a>(bytes: *const u8, length: u32) -> Result<&'a [u8], Failure> {
    if length == 0 {
        return Ok(&[]);
    }
    if bytes.is_null() {
        return Err(Status::NullArgument.into());
    }
    // SAFETY: not NULL, bytes are always aligned; the rest is this function's own condition.
    Ok(unsafe { std::slice::from_raw_parts(bytes, length as usize) })
}

/// Checks a pointer through which something is to be read or written.
pub(super) fn check_pointer<T>(pointer: *const T) -> Result<(), Failure> {
    if pointer.is_null() {
        Err(Status::NullArgument.into())
    } else if !pointer.is_aligned() {
        Err(Status::Misaligned.into())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_text() -> String {
        // SAFETY: the function never returns NULL, and the text stays until this thread's next failure.
        unsafe { CStr::from_ptr(sterna_last_error()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_failure_leaves_its_text_to_its_own_thread() {
        let result = guard(|| Err(Error::new(Status::InvalidArgument, "made up").into()));
        assert_eq!(result, SternaResult::STERNA_ERROR_INVALID_ARGUMENT);
        assert_eq!(last_text(), "made up");
        std::thread::spawn(|| assert_eq!(last_text(), "")).join().unwrap();
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let mut text = Text::EMPTY;
        text.set(format_args!("{}", "ä".repeat(TEXT_BYTES_MAX)));
        assert_eq!(text.as_str().len(), TEXT_BYTES_MAX - 2);
        assert!(text.as_str().chars().all(|letter| letter == 'ä'));
        text.set(format_args!("a\0b"));
        assert_eq!(text.as_str(), "a b");
    }

    #[test]
    fn a_panic_becomes_a_code_and_a_text() {
        install_panic_hook();
        let result = guard(|| panic!("made up as well"));
        assert_eq!(result, SternaResult::STERNA_ERROR_PANIC);
        assert!(last_text().contains("made up as well"), "{}", last_text());
    }
}
