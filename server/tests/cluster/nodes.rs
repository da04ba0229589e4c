//! Nodes that are updated, die or sleep.

use crate::crowd::Crowd;
use crate::judge::{A_PAUSE, LOSSES, MOVES, TAKE_OVERS, TAKE_OVERS_ASLEEP};
use crate::stage::{SAY_EVERY, Scene, Stage};
use crate::table::{self, Row};
use crate::times::hold;
use std::time::{Duration, Instant};
use sterna::client::config::Transport;

/// After so many numbers much has been acknowledged that no lazy snapshot holds: there is one of the beginning, and the
/// next is due after five seconds.
const NUMBERS_UNSTORED: u64 = 50;

/// All three are drained, one after the other: the process ends, and another one takes its place.
pub(crate) async fn updated(stage: &mut Stage) -> Result<Row, String> {
    let scene = stage.begin([4, 4, 4], SAY_EVERY).await?;
    for index in 0..stage.nodes.len() {
        let there = scene.crowd.on(&stage.nodes[index].node());
        let moves = scene.crowd.moves();
        stage.update(index).await?;
        if there.is_empty() || scene.crowd.moves() != moves + there.len() {
            let name = stage.nodes[index].name;
            return Err(format!(
                "{} players were on {name}, {} moves came",
                there.len(),
                scene.crowd.moves() - moves
            ));
        }
    }
    stage.end(scene, MOVES).await
}

/// Two of three are drained at once, so that everybody comes to the third.
pub(crate) async fn two_drained(stage: &mut Stage) -> Result<Row, String> {
    let scene = stage.begin([8, 8, 8], SAY_EVERY).await?;
    let [red, green, _] = &mut stage.nodes[..] else { return Err("there are three nodes".into()) };
    let (red, green) = tokio::join!(red.process_mut().ends_well(), green.process_mut().ends_well());
    if !(red && green) {
        return Err("not both ended well".into());
    }
    let last = stage.nodes[2].node();
    if scene.crowd.on(&last).len() != 24 {
        return Err(format!("not all are on {last}"));
    }
    stage.replace(&[0, 1]).await?;
    stage.end(scene, MOVES).await
}

/// `kill -9`, where nothing is acknowledged before it is stored: nothing is lost (promise 7).
pub(crate) async fn killed(stage: &mut Stage) -> Result<Row, String> {
    let scene = stage.begin([24, 4, 4], SAY_EVERY).await?;
    let (scene, take_over) = kill_first(stage, scene).await?;
    let row = stage.end(scene, TAKE_OVERS).await?;
    Ok(Row { take_over: Some(take_over), ..row })
}

/// `kill -9` with snapshots behind play: exactly that is lost which is said to be (promise 7).
pub(crate) async fn killed_lazily(stage: &mut Stage) -> Result<Row, String> {
    let scene = stage.begin([24, 4, 4], SAY_EVERY).await?;
    scene.crowd.hear(NUMBERS_UNSTORED).await?;
    let (scene, take_over) = kill_first(stage, scene).await?;
    let row = stage.end(scene, LOSSES).await?;
    if row.verdict.told_lost == 0 {
        return Err("nothing was lost, although nothing waits for snapshots".into());
    }
    Ok(Row { take_over: Some(take_over), ..row })
}

/// Kills the first node, waits until its players play elsewhere, and starts another process in its place.
async fn kill_first(stage: &mut Stage, scene: Scene) -> Result<(Scene, [Duration; 2]), String> {
    let bereft = scene.crowd.on(&stage.nodes[0].node());
    stage.nodes[0].process_mut().kill();
    let killed_at = Instant::now();
    let take_over = until_taken_over(&scene.crowd, &bereft, killed_at).await?;
    let taken = stage.nodes[1..].iter().map(|survivor| {
        let there = scene.crowd.on(&survivor.node());
        (survivor.name, there.iter().filter(|user| bereft.contains(user)).count())
    });
    let taken: Vec<(&str, usize)> = taken.collect();
    table::say(&format!("    taken over by: {taken:?}\n"));
    if taken.iter().any(|(_, count)| *count == 0) {
        return Err(format!("one has taken over nobody: {taken:?}"));
    }
    stage.replace(&[0]).await?;
    Ok((scene, take_over))
}

/// Waits until these players have been taken over, and hear messages again: how long the last one had to wait, of those
/// over TCP and of those over QUIC.
pub(crate) async fn until_taken_over(
    crowd: &Crowd,
    bereft: &[String],
    since: Instant,
) -> Result<[Duration; 2], String> {
    let is_bereft = |user: &String| bereft.contains(user);
    crowd
        .until("who was on that node is taken over", |player| {
            !is_bereft(&player.history.user) || player.history.plays_again_at().is_some()
        })
        .await?;
    let waits = crowd.look(|player| {
        let again = player.history.plays_again_at().filter(|_| is_bereft(&player.history.user));
        again.map(|at| (player.history.transport, at - since))
    });
    let longest = |over: Transport| {
        waits.iter().flatten().filter(|(transport, _)| *transport == over).map(|(_, wait)| *wait).max()
    };
    Ok([Transport::Tcp, Transport::Udp].map(|over| longest(over).unwrap_or_default()))
}

/// Stopped for a while that its lease outlasts: play pauses, and goes on where it was.
pub(crate) async fn asleep_briefly(stage: &mut Stage) -> Result<Row, String> {
    let scene = stage.begin([8, 2, 2], SAY_EVERY).await?;
    stage.nodes[0].process().pause();
    hold(stage.times.short_sleep).await;
    stage.nodes[0].process().go_on();
    stage.end(scene, A_PAUSE).await
}

/// Stopped until others have taken over: it serves nothing when it wakes, and yields.
pub(crate) async fn asleep_for_long(stage: &mut Stage) -> Result<Row, String> {
    let scene = stage.begin([8, 2, 2], SAY_EVERY).await?;
    let bereft = scene.crowd.on(&stage.nodes[0].node());
    stage.nodes[0].process().pause();
    let asleep_at = Instant::now();
    let taken_over = until_taken_over(&scene.crowd, &bereft, asleep_at);
    let (take_over, ()) = tokio::join!(taken_over, hold(stage.times.long_sleep));
    stage.nodes[0].process().go_on();
    let take_over = take_over?;
    stage
        .until("who has slept serves nobody, and is well", async |stage: &Stage| {
            let status = stage.nodes[0].status().await?;
            Ok(status.sessions == 0 && !status.fenced)
        })
        .await?;
    stage.until_ready().await?;
    let row = stage.end(scene, TAKE_OVERS_ASLEEP).await?;
    Ok(Row { take_over: Some(take_over), ..row })
}
