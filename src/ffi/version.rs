//! Which library this is.

use std::ffi::c_char;

/// Rises whenever a program that was built for the older library could not use the newer one.
pub(super) const ABI_VERSION: u32 = 1;

/// The library's version, like "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn sterna_version() -> *const c_char {
    const TEXT: &std::ffi::CStr =
        match std::ffi::CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(text) => text,
            Err(_) => c"",
        };
    TEXT.as_ptr()
}

/// The library's binary interface. If it differs from the header's STERNA_ABI_VERSION, do not call
/// anything else: the library does not fit the program.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_abi_version() -> u32 {
    ABI_VERSION
}
