//! Full queues: nothing is lost silently, and nothing that is full holds up a move.

use crate::player::{Player, quick};
use crate::{BOTH, LONG, PATIENCE, cluster, token_for};
use std::time::Duration;
use sterna::client::{Config, Status};
use sterna::protocol::reasons::OfflineReason;

/// Sends until the queue has been full for so many looks in a row: nothing moves any more.
async fn fill(player: &mut Player, bytes: usize) {
    let mut full = 0;
    while full < 50 {
        match player.try_say(bytes) {
            Ok(()) => full = 0,
            Err(Status::QueueFull) => {
                full += 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_loses_nothing() {
    let cluster = cluster(1).await;
    for transport in BOTH {
        for bytes in [8, 1000, 60_000] {
            let config = Config { transport, ..Config::default() };
            let user = format!("ann-{transport:?}-{bytes}");
            let mut player = Player::join(config, &token_for(&cluster, &user, "node-1")).await;
            // The game takes no events, so the node's answers find no room either, and it stops to read.
            fill(&mut player, bytes).await;
            assert_eq!(player.try_say(bytes), Err(Status::QueueFull));
            // Once it takes them all goes on.
            player.hear_all().await;
            player.say(100);
            player.hear_all().await;
            assert_eq!(player.rest(), []);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_whose_game_takes_no_events_is_moved_all_the_same() {
    let cluster = cluster(2).await;
    for transport in BOTH {
        let token = token_for(&cluster, &format!("ann-{transport:?}"), "node-1");
        let mut player = Player::join(quick(transport), &token).await;
        fill(&mut player, 1000).await;
        cluster.begin_drain("node-1", LONG, OfflineReason::ScaleIn).unwrap();
        // That the node is offline has come through, although no event can be taken.
        let client = player.client.clone();
        crate::eventually("the node says that it is offline", || client.send_migrate().is_ok()).await;
        let report = tokio::time::timeout(PATIENCE, cluster.drained("node-1")).await.unwrap().unwrap();
        assert_eq!(report.closed, 0);
        assert!(report.took < LONG / 2, "moved without force: {report:?}");
        player.hear_all().await;
        player.until_offline().await;
        player.until_migrated().await;
        player.say(100);
        player.hear_all().await;
        cluster.restart("node-1").await.unwrap();
    }
}
