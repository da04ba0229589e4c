//! Rooms in a dry run of a drain.

use super::{Chorus, options, room_with};
use crate::{LONG, cluster};
use sterna::protocol::reasons::OfflineReason;
use sterna_server::admin::{DryRunResult, Operator as _};
use sterna_server::node::DryRunOrder;

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_tried_with_all_its_members_and_then_it_moves() {
    let cluster = cluster(3).await;
    let (_, players) = room_with(&cluster, "node-1", 6, options()).await;
    let mut room = Chorus::of(players);
    let order = DryRunOrder { limit: LONG, any_version: false };
    for _ in 0..3 {
        room.round().await;
        let report = cluster.dry_run("node-1", order).await.unwrap();
        let [entry] = report.cohorts.as_slice() else { panic!("{report:?}") };
        assert_eq!((entry.result, entry.sessions, entry.movable), (DryRunResult::Movable, 6, 6), "{entry:?}");
        assert!(entry.who.starts_with("room ") && entry.who.ends_with("(6 members)"), "{}", entry.who);
    }
    room.check().await;
    for (player, heard) in room.players.iter().zip(&room.heard) {
        assert!(heard.told.is_empty(), "{:?}", heard.told);
        assert_eq!(player.client.stats().reconnects, 0);
    }
    // What was found out holds.
    cluster.begin_drain("node-1", std::time::Duration::from_secs(4), OfflineReason::Deploy).unwrap();
    room.until_moved(1).await;
    room.check().await;
}
