//! Many moves while the server of NATS that leads the bucket's stream fails.

use crate::judge::MOVES;
use crate::stage::Stage;
use crate::table::Row;
use std::time::Duration;

const MOVES_MIN: usize = 200;

/// How many players are on each node; with many they talk less.
const PLAYERS: [usize; 3] = [30, 30, 30];
const SAY_EVERY: Duration = Duration::from_millis(200);

/// What becomes of the leader.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    Asleep,
    Leaves,
}

pub(crate) async fn leader_killed(stage: &mut Stage) -> Result<Row, String> {
    moves_while(stage, Fault::Killed).await
}

pub(crate) async fn leader_stands_still(stage: &mut Stage) -> Result<Row, String> {
    moves_while(stage, Fault::Asleep).await
}

/// It says that it shuts down (lame duck), and does so.
pub(crate) async fn leader_leaves(stage: &mut Stage) -> Result<Row, String> {
    moves_while(stage, Fault::Leaves).await
}

/// Nodes are updated, one after the other, until there were enough moves. With the first of them the leader fails, and
/// stays away for all of it.
async fn moves_while(stage: &mut Stage, fault: Fault) -> Result<Row, String> {
    let scene = stage.begin(PLAYERS, SAY_EVERY).await?;
    let leader = stage.nats_leader().await?;
    let mut is_well = true;
    for index in (0..stage.nodes.len()).cycle() {
        if scene.crowd.moves() >= MOVES_MIN {
            break;
        }
        let Stage { nodes, servers, .. } = &mut *stage;
        let fails = async {
            if std::mem::take(&mut is_well) {
                scene.crowd.until_all("a first move", |crowd| crowd.moves() > 0).await?;
                match fault {
                    Fault::Killed => servers.kill(leader),
                    Fault::Asleep => servers.pause(leader),
                    Fault::Leaves => servers.lame_duck(leader),
                }
            }
            Ok::<(), String>(())
        };
        let (ended_well, fails) = tokio::join!(nodes[index].process_mut().ends_well(), fails);
        fails?;
        if !ended_well {
            return Err(format!("{} did not end well", stage.nodes[index].name));
        }
        stage.replace(&[index]).await?;
    }
    match fault {
        Fault::Asleep => stage.servers.go_on(leader),
        Fault::Killed => stage.servers.start_again(leader).await,
        // It would go on to shut down for two minutes.
        Fault::Leaves => {
            stage.servers.kill(leader);
            stage.servers.start_again(leader).await;
        }
    }
    stage.until_replicated().await?;
    stage.end(scene, MOVES).await
}
