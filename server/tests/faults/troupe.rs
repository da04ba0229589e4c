//! Players of one room, who all play while the test waits for something.

use crate::PATIENCE;
use crate::cluster::Cluster;
use crate::member::Wish;
use crate::player::Player;
use std::time::{Duration, Instant};
use sterna::client::config::Transport;
use sterna::protocol::ids::CohortId;

/// Between two looks for events.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Longest wait for the last of them. Who plays over QUIC gives each node that is dead or gone three seconds before it
/// looks further, with pauses that grow; with two of three nodes gone that adds up.
const COME_BACK_MAX: Duration = PATIENCE.saturating_mul(2);

pub(crate) struct Troupe {
    /// With their users.
    pub(crate) players: Vec<(String, Player)>,
}

impl Troupe {
    pub(crate) fn new() -> Self {
        Self { players: Vec::new() }
    }

    /// Another player, on this node; every other one comes over QUIC.
    pub(crate) async fn add(
        &mut self,
        cluster: &Cluster,
        user: &str,
        node: &str,
        lossy: bool,
    ) -> Result<(), String> {
        let transport = [Transport::Tcp, Transport::Udp][self.players.len() % 2];
        let token = cluster.token(user, node);
        let player = self.during(Player::join(transport, &token, lossy)).await?;
        self.players.push((user.to_owned(), player));
        Ok(())
    }

    /// The first of them makes a room, and the others join it.
    pub(crate) async fn gather(&mut self, places: u32) -> Result<CohortId, String> {
        self.players[0].1.member.wish = Wish::Own(places);
        self.until("there is a room", |players| players[0].1.member.room.is_some()).await?;
        let room = self.players[0].1.member.room.expect("there is one");
        for (_, player) in &mut self.players[1..] {
            player.member.wish = Wish::In(room);
        }
        let all_know = |players: &[(String, Player)]| {
            players.iter().enumerate().all(|(number, (_, player))| {
                // Who came earlier is in what one is told at the door; that order is chance.
                let member = &player.member;
                member.is_content() && (number > 0 || member.others == players.len() - 1)
            })
        };
        self.until("all are in it", all_know).await?;
        Ok(room)
    }

    /// The one who came last.
    pub(crate) fn guest(&mut self) -> &mut Player {
        &mut self.players.last_mut().expect("somebody has come").1
    }

    pub(crate) fn play(&mut self) {
        self.players.iter_mut().for_each(|(_, player)| player.play());
    }

    /// Plays until something is so.
    pub(crate) async fn until(
        &mut self,
        what: &str,
        is_so: impl Fn(&[(String, Player)]) -> bool,
    ) -> Result<(), String> {
        let deadline = Instant::now() + COME_BACK_MAX;
        loop {
            self.play();
            if is_so(&self.players) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(format!("it never came to this: {what}\n{}", self.tell()));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub(crate) async fn until_each(
        &mut self,
        what: &str,
        is_so: impl Fn(&Player) -> bool,
    ) -> Result<(), String> {
        self.until(what, |players| players.iter().all(|(_, player)| is_so(player))).await
    }

    /// Plays while something else goes on.
    pub(crate) async fn during<R>(&mut self, work: impl Future<Output = R>) -> R {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return result,
                () = tokio::time::sleep(LOOK_EVERY) => self.play(),
            }
        }
    }

    pub(crate) fn tell(&self) -> String {
        let told = self.players.iter().map(|(user, player)| format!("--- {user}: {}\n", player.tell()));
        told.collect()
    }
}
