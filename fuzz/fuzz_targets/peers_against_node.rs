//! Frames of other nodes, stale, repeated or made up, against a node's cohort. See `sterna::testing::hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sterna::testing::hostile::peers_against_node(bytes));
