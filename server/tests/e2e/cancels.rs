//! Moves that come to nothing at one of their steps: the player plays on, and is told; the next move succeeds.

use crate::moves::{begin_drain, drained};
use crate::player::{Player, quick};
use crate::proxy::{Proxies, cluster_behind_proxies};
use crate::{BOTH, eventually, node};
use std::sync::Arc;
use std::time::Duration;
use sterna::client::Status;
use sterna::client::event::Event;
use sterna_server::admin::Operator as _;
use sterna_server::builtin::PUSH;
use sterna_server::cluster::Cluster;
use sterna_server::moves::{MOVES_MAX, MoveResult};

/// What a test can see of how far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The node is offline, nobody has asked.
    Offline,
    /// The game has asked.
    Asked,
    /// The target has made room, the client has been told.
    Migrating,
    /// The target serves.
    Migrated,
}

const STEPS: [Step; 4] = [Step::Offline, Step::Asked, Step::Migrating, Step::Migrated];

struct Scene {
    cluster: Arc<Cluster>,
    proxies: Proxies,
    player: Player,
}

impl Scene {
    /// A player at play on the first of three nodes, of which only the first two are online, and whose move has
    /// come to this step.
    async fn at(step: Step, transport: sterna::client::config::Transport) -> Self {
        let change = |config: &mut sterna_server::config::Config| {
            config.times.attach = Duration::from_millis(300);
        };
        let (cluster, proxies) = cluster_behind_proxies(3, change).await;
        let mut player = Player::join(quick(transport), &proxies.token(&cluster, "ann", "node-1")).await;
        player.ask(PUSH, &2u32.to_be_bytes()).await;
        player.say(20);
        assert!(node(&cluster, "node-3").cordon(true).await);
        begin_drain(&cluster, "node-1");
        player.until_offline().await;
        player.say(20);
        let mut scene = Self { cluster, proxies, player };
        if step != Step::Offline {
            scene.player.client.send_migrate().unwrap();
        }
        match step {
            Step::Offline | Step::Asked => {}
            Step::Migrating => {
                scene.player.until(|event| matches!(event, Event::Migrating { .. })).await;
            }
            Step::Migrated => scene.player.until_migrated().await,
        }
        scene
    }

    /// The third node takes whoever comes; the player gets there, and misses nothing.
    async fn ends_well(mut self, step: Step) {
        let player = &mut self.player;
        player.say(20);
        assert!(node(&self.cluster, "node-3").cordon(false).await);
        let asked = player.client.send_migrate();
        assert!(matches!(asked, Ok(()) | Err(Status::NotOffline)), "{step:?}: {asked:?}");
        while player.node != "node-3" {
            match player.next().await.0 {
                Event::MigrateFailed { .. } | Event::Offline { .. } => {
                    let asked = player.client.send_migrate();
                    assert!(matches!(asked, Ok(()) | Err(Status::NotOffline)), "{step:?}: {asked:?}");
                }
                Event::Disconnected { status } => panic!("{step:?}: {status}"),
                Event::TookOver { .. } => panic!("{step:?}: nothing has crashed"),
                _ => {}
            }
        }
        player.say(20);
        player.hear_all().await;
        assert_eq!(drained(&self.cluster, "node-1").await.closed, 0, "{step:?}");
        let moves = || self.cluster.moves(MOVES_MAX);
        eventually("the log of moves knows every end", || {
            moves().iter().all(|entry| entry.result != MoveResult::UnderWay)
        })
        .await;
        let log = moves();
        assert!(log.iter().any(|entry| entry.to == "node-3" && entry.result == MoveResult::Done), "{log:?}");
        assert!(
            log.iter().all(|entry| (entry.result == MoveResult::Failed) == entry.reason.is_some()),
            "{log:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_may_go_offline_at_every_step() {
    for transport in BOTH {
        for step in STEPS {
            let scene = Scene::at(step, transport).await;
            begin_drain(&scene.cluster, "node-2");
            let cluster = scene.cluster.clone();
            scene.ends_well(step).await;
            assert_eq!(drained(&cluster, "node-2").await.closed, 0, "{transport:?} {step:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_may_stop_at_every_step_before_it_serves() {
    for transport in BOTH {
        for step in [Step::Offline, Step::Asked] {
            // Whether it is asked before it is gone or after, it does not serve: it refuses all from here on.
            let scene = Scene::at(Step::Offline, transport).await;
            let target = node(&scene.cluster, "node-2");
            target.cordon(true).await;
            if step == Step::Asked {
                scene.player.client.send_migrate().unwrap();
            }
            target.stop().await;
            scene.ends_well(step).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_may_become_unreachable_for_the_client_at_every_step() {
    for transport in BOTH {
        for step in STEPS {
            let mut scene = Scene::at(step, transport).await;
            scene.proxies.cut("node-2");
            scene.proxies.close("node-2");
            if step == Step::Offline {
                scene.player.client.send_migrate().unwrap();
            }
            if step == Step::Offline {
                let status = scene.player.until_migrate_failed().await;
                assert_eq!(status, Status::CannotReachTarget, "{transport:?}");
                scene.player.say(20);
                scene.player.hear_all().await;
                assert_eq!(scene.player.node, "node-1", "play has gone on");
            } else {
                // The link to it may have been made already; then the session waits there.
                scene.proxies.open("node-2");
                begin_drain(&scene.cluster, "node-2");
            }
            scene.ends_well(step).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_cordoned_at_every_step_refuses_or_has_taken() {
    for transport in BOTH {
        for step in STEPS {
            let mut scene = Scene::at(step, transport).await;
            assert!(node(&scene.cluster, "node-2").cordon(true).await);
            if step == Step::Offline {
                scene.player.client.send_migrate().unwrap();
                assert_eq!(scene.player.until_migrate_failed().await, Status::NoTarget, "{transport:?}");
            }
            if step == Step::Migrated {
                begin_drain(&scene.cluster, "node-2");
            } else if step != Step::Offline {
                // Room that was made is kept: the move goes on, or has not begun and is refused.
                scene.player.moved_or_refused().await;
                begin_drain(&scene.cluster, "node-2");
            }
            scene.ends_well(step).await;
        }
    }
}
