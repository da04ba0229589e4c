//! A client's figures.

use crate::client::status::{Error, Status};
use crate::ffi::error::{check_pointer, with_client};
use crate::ffi::handle::SternaClient;
use crate::ffi::result::SternaResult;

/// A client's figures. Counters begin with the client and go on across connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct SternaStats {
    /// Round trip to the node, smoothed, in microseconds; 0 while unknown.
    pub rtt_us: u64,
    /// The shortest round trip of this connection, in microseconds; 0 while unknown.
    pub rtt_min_us: u64,
    /// Bytes sent, with the protocol's own, without TLS, TCP or UDP.
    pub bytes_sent: u64,
    /// Bytes received, counted likewise.
    pub bytes_received: u64,
    /// Messages and requests that the game sent.
    pub messages_sent: u64,
    /// Messages and replies that came for the game.
    pub messages_received: u64,
    /// Moves to another node that succeeded.
    pub moves: u64,
    /// Moves that failed; play went on where it was.
    pub moves_failed: u64,
    /// Links that broke and were restored.
    pub reconnects: u64,
    /// What the last move added to the time between two messages, in microseconds.
    pub last_move_gap_us: u64,
    /// Bytes that wait to be sent or acknowledged.
    pub send_queue_bytes: u64,
    /// Bytes of events that wait for `update` or `poll_event`.
    pub event_queue_bytes: u64,
    /// How often the session has changed its owner; 0 before the first connection.
    pub epoch: u64,
}

impl From<crate::client::Stats> for SternaStats {
    fn from(stats: crate::client::Stats) -> Self {
        Self {
            rtt_us: stats.rtt_us,
            rtt_min_us: stats.rtt_min_us,
            bytes_sent: stats.bytes_sent,
            bytes_received: stats.bytes_received,
            messages_sent: stats.messages_sent,
            messages_received: stats.messages_received,
            moves: stats.moves,
            moves_failed: stats.moves_failed,
            reconnects: stats.reconnects,
            last_move_gap_us: stats.last_move_gap_us,
            send_queue_bytes: stats.send_queue_bytes,
            event_queue_bytes: stats.event_queue_bytes,
            epoch: stats.epoch,
        }
    }
}

/// Fills `out_stats`. Pass `sizeof(SternaStats)` as `struct_size`: a library that is older than the header
/// leaves zeros in the fields it does not know. From any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_client_stats(
    client: *mut SternaClient,
    out_stats: *mut SternaStats,
    struct_size: u32,
) -> SternaResult {
    with_client(client, |shared| {
        check_pointer(out_stats)?;
        let caller_size = struct_size as usize;
        if caller_size < size_of::<u64>() || !caller_size.is_multiple_of(size_of::<u64>()) {
            return Err(Error::new(Status::StructSize, "pass sizeof(SternaStats) as struct_size").into());
        }
        let stats = SternaStats::from(shared.client.stats());
        let known = caller_size.min(size_of::<SternaStats>());
        // SAFETY: the caller vouches for `struct_size` writable bytes; `known` is no more than these nor
        // than the source, and the rest is zeroed within them. `SternaStats` has no padding.
        unsafe {
            let out = out_stats.cast::<u8>();
            std::ptr::copy_nonoverlapping((&raw const stats).cast::<u8>(), out, known);
            out.add(known).write_bytes(0, caller_size - known);
        }
        Ok(())
    })
}
