//! Figures of one client.

/// Figures of one client, counted since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Smoothed round trip in microseconds; zero until the first pong.
    pub rtt_us: u64,
    /// The shortest round trip seen, in microseconds.
    pub rtt_min_us: u64,
    /// Bytes handed to the transport.
    pub bytes_sent: u64,
    /// Bytes taken from the transport.
    pub bytes_received: u64,
    /// Messages that the game sent.
    pub messages_sent: u64,
    /// Messages handed to the game.
    pub messages_received: u64,
    /// Moves that ended on another node.
    pub moves: u64,
    /// Moves that came to nothing.
    pub moves_failed: u64,
    /// Links restored after they broke.
    pub reconnects: u64,
    /// What the last move added to the usual spacing of arrivals, in microseconds.
    pub last_move_gap_us: u64,
    /// Bytes that wait to be sent or acknowledged.
    pub send_queue_bytes: u64,
    /// Cost of received messages that wait for the game.
    pub event_queue_bytes: u64,
    /// The epoch at which the session is served.
    pub epoch: u64,
}
