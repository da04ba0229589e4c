//! Any bytes off a client's link. See `sterna::testing::hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sterna::testing::hostile::client_frames(bytes));
