//! Nodes that are cut off: from NATS, but not from their clients; or from the other nodes, but not from NATS.

use crate::history::What;
use crate::judge::{A_PAUSE, MOVES, TAKE_OVERS};
use crate::nodes::until_taken_over;
use crate::stage::{SAY_EVERY, Stage};
use crate::table::Row;
use std::time::Instant;
use sterna_server::admin::NodeState;

/// Until it has fenced itself: it goes on as soon as it is healed.
pub(crate) async fn from_nats_briefly(stage: &mut Stage) -> Result<Row, String> {
    let scene = stage.begin([8, 2, 2], SAY_EVERY).await?;
    stage.nodes[0].cut_from_nats();
    let fenced = until_fenced(stage).await;
    stage.nodes[0].heal_to_nats();
    fenced?;
    stage.until_ready().await?;
    stage.end(scene, A_PAUSE).await
}

/// Until others have taken over. Healed, it yields.
pub(crate) async fn from_nats_for_long(stage: &mut Stage) -> Result<Row, String> {
    let scene = stage.begin([8, 2, 2], SAY_EVERY).await?;
    let bereft = scene.crowd.on(&stage.nodes[0].node());
    stage.nodes[0].cut_from_nats();
    let cut_at = Instant::now();
    let fenced = until_fenced(stage).await;
    let take_over = until_taken_over(&scene.crowd, &bereft, cut_at).await;
    stage.nodes[0].heal_to_nats();
    let (take_over, ()) = (take_over?, fenced?);
    stage.until_ready().await?;
    let row = stage.end(scene, TAKE_OVERS).await?;
    Ok(Row { take_over: Some(take_over), ..row })
}

async fn until_fenced(stage: &Stage) -> Result<(), String> {
    stage
        .until("who is cut off serves nothing", async |stage: &Stage| {
            Ok(stage.nodes[0].status().await?.fenced)
        })
        .await
}

/// Moves to it fail and say why, and players play where they were; healed, it takes them.
pub(crate) async fn from_nodes(stage: &mut Stage) -> Result<Row, String> {
    let scene = stage.begin([8, 2, 2], SAY_EVERY).await?;
    let there = scene.crowd.on(&stage.nodes[0].node());
    let there_already = scene.crowd.on(&stage.nodes[1].node()).len();
    // So that there is one node to move to: the one that cannot be reached.
    let [target, spare] = [1, 2].map(|index| stage.nodes[index].node());
    stage.nodes[2].process().ask(&["cordon", &spare]).await;
    stage
        .until("the source knows that one node takes nobody", async |stage: &Stage| {
            let cluster = stage.nodes[0].cluster().await?;
            Ok(cluster.others.iter().any(|other| other.name == spare && other.state == NodeState::Cordoned))
        })
        .await?;
    stage.nodes[1].cut_from_nodes();
    let source = stage.nodes[0].node();
    stage.nodes[0].process().ask(&["drain", &source, "--deadline", "90s"]).await;
    let failed = |what: &What| matches!(what, What::MoveFailed(_));
    scene
        .crowd
        .until("moves have failed", |player| {
            !there.contains(&player.history.user) || player.history.count(failed) > 0
        })
        .await?;
    scene.crowd.hear(20).await?;
    if scene.crowd.on(&source).len() != there.len() || scene.crowd.moves() > 0 {
        return Err("a player is not where it was".into());
    }
    stage.nodes[1].heal_from_nodes();
    if !stage.nodes[0].process_mut().ends_well().await {
        return Err(format!("{source} did not end well"));
    }
    if scene.crowd.on(&target).len() != there.len() + there_already {
        return Err(format!("not all are on {target}"));
    }
    stage.nodes[2].process().ask(&["uncordon", &spare]).await;
    stage.replace(&[0]).await?;
    stage.end(scene, MOVES).await
}
