//! Hostile nodes against the client's role. See `sterna::testing::hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sterna::testing::hostile::node_against_client(bytes));
