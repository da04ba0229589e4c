//! A hostile client against a node's session. See `sterna::testing::hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sterna::testing::hostile::client_against_node(bytes));
