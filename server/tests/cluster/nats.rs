//! NATS away as a whole, or without what it held.

use crate::judge::{A_PAUSE, MOVES, NOTHING};
use crate::stage::{SAY_EVERY, STREAM, Stage};
use crate::table::Row;
use crate::times::hold;

/// How many numbers come back while NATS is away. Not all at a time can be on their way: play goes on.
const NUMBERS_MEANWHILE: u64 = 25;

/// All servers stand still for less than a lease lasts: nobody notices.
pub(crate) async fn down_briefly(stage: &mut Stage) -> Result<Row, String> {
    let scene = stage.begin([4, 4, 4], SAY_EVERY).await?;
    (0..3).for_each(|server| stage.servers.pause(server));
    let (played, ()) = tokio::join!(scene.crowd.hear(NUMBERS_MEANWHILE), hold(stage.times.short_outage));
    (0..3).for_each(|server| stage.servers.go_on(server));
    played?;
    stage.until_replicated().await?;
    stage.end(scene, NOTHING).await
}

/// All servers are killed, and come back with what they had after more than a lease lasts: play pauses, and goes on;
/// nobody takes over anything.
pub(crate) async fn down_for_long(stage: &mut Stage) -> Result<Row, String> {
    let scene = stage.begin([4, 4, 4], SAY_EVERY).await?;
    (0..3).for_each(|server| stage.servers.kill(server));
    hold(stage.times.long_outage).await;
    // A server is ready when it has found the others.
    let servers = &stage.servers;
    tokio::join!(servers.start_again(0), servers.start_again(1), servers.start_again(2));
    stage.until_replicated().await?;
    stage.until_ready().await?;
    stage.end(scene, A_PAUSE).await
}

/// The bucket is deleted while everybody plays: nobody notices, and moves go on.
pub(crate) async fn bucket_deleted(stage: &mut Stage) -> Result<Row, String> {
    let scene = stage.begin([4, 4, 4], SAY_EVERY).await?;
    let client = async_nats::connect(stage.servers.urls()).await.map_err(|error| error.to_string())?;
    let jetstream = async_nats::jetstream::new(client);
    jetstream.delete_stream(STREAM).await.map_err(|error| error.to_string())?;
    scene.crowd.hear(NUMBERS_MEANWHILE).await?;
    stage.until_replicated().await?;
    stage.until_ready().await?;
    let there = scene.crowd.on(&stage.nodes[0].node()).len();
    stage.update(0).await?;
    if scene.crowd.moves() != there {
        return Err(format!("{} of {there} were moved", scene.crowd.moves()));
    }
    stage.end(scene, MOVES).await
}
