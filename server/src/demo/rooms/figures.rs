//! Figures of all rooms, as they are printed and written as JSON.

use super::super::figures::Spread;
use super::super::judge::Case;
use super::judge::RoomCounts;
use serde::Serialize;

/// What `--json` has under `rooms`.
#[derive(Debug, Serialize)]
pub(in super::super) struct RoomFigures {
    #[serde(skip)]
    pub(in super::super) ok: bool,
    pub(in super::super) rooms: u64,
    pub(in super::super) members: u64,
    pub(in super::super) moved: u64,
    pub(in super::super) members_moved: u64,
    pub(in super::super) ids_unchanged: bool,
    pub(in super::super) broadcasts_sent: u64,
    pub(in super::super) broadcasts_heard: u64,
    pub(in super::super) order_equal: u64,
    pub(in super::super) lost: u64,
    pub(in super::super) duplicated: u64,
    pub(in super::super) reordered: u64,
    pub(in super::super) joins_and_leaves_seen: u64,
    pub(in super::super) properties_intact: bool,
    pub(in super::super) state_intact: bool,
    pub(in super::super) added_delay_ms: Spread,
    pub(in super::super) unmoved_delay_ms: Spread,
    pub(in super::super) freeze_us: Spread,
}

impl RoomFigures {
    /// `added` and `unmoved`: the delays of members who moved, and of those who did not.
    pub(in super::super) fn of(case: &Case<'_>, added: Spread, unmoved: Spread, freeze: Spread) -> Self {
        let counts = RoomCounts::of(case.logs, case.history);
        Self {
            ok: counts.broken_promises().is_empty(),
            rooms: counts.rooms,
            members: counts.members,
            moved: counts.moved,
            members_moved: counts.members_moved,
            ids_unchanged: counts.renamed == 0,
            broadcasts_sent: counts.sent,
            broadcasts_heard: counts.heard,
            order_equal: counts.order_equal,
            lost: counts.lost,
            duplicated: counts.duplicated,
            reordered: counts.reordered,
            joins_and_leaves_seen: counts.news,
            properties_intact: counts.properties_damaged == 0,
            state_intact: counts.state_damaged == 0,
            added_delay_ms: added,
            unmoved_delay_ms: unmoved,
            freeze_us: freeze,
        }
    }
}
