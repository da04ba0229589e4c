//! Stand-in for the client's figures until the real ones are merged.
#![allow(missing_docs)]

#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    pub rtt_us: u64,
    pub rtt_min_us: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub messages_sent: u64,
    pub messages_received: u64,
    pub moves: u64,
    pub moves_failed: u64,
    pub reconnects: u64,
    pub last_move_gap_us: u64,
    pub send_queue_bytes: u64,
    pub event_queue_bytes: u64,
    pub epoch: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Idle,
    Connecting,
    Connected,
    Migrating,
    Reconnecting,
    Disconnected,
}
