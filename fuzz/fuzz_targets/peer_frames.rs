//! Any bytes off a link between nodes, and out of the store of snapshots. See `sterna::testing::hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sterna::testing::hostile::peer_frames(bytes));
