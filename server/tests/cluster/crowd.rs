//! The players of one case. They play in the background, whatever the case does meanwhile.

use crate::PATIENCE;
use crate::history::{History, What};
use crate::player::Player;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sterna::client::config::Transport;
use tokio::task::JoinHandle;

/// Between two frames of the players, and two looks at them.
const FRAME: Duration = Duration::from_millis(4);

pub(crate) struct Crowd {
    players: Arc<Mutex<Vec<Player>>>,
    playing: JoinHandle<()>,
}

impl Crowd {
    /// Connects a user with each of these tokens, every other one over QUIC, and waits until all play.
    pub(crate) async fn join(
        tokens: &[(String, String)],
        say_every: Duration,
        silence_max: Duration,
    ) -> Result<Self, String> {
        let mut players = Vec::new();
        for (index, (user, token)) in tokens.iter().enumerate() {
            let transport = [Transport::Tcp, Transport::Udp][index % 2];
            players.push(Player::join(user, token, transport, say_every, silence_max)?);
        }
        let players = Arc::new(Mutex::new(players));
        let playing = tokio::spawn(play(players.clone()));
        let crowd = Self { players, playing };
        crowd.until("all are connected", |player| player.connected).await?;
        Ok(crowd)
    }

    /// Waits until something is so of every player.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Player) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.players.lock().iter().all(&is_so) {
                return Ok(());
            }
            let ended = self.players.lock().iter().find(|player| player.has_ended()).map(tell);
            if let Some(ended) = ended {
                return Err(format!("before {what}, a session ended\n{ended}"));
            }
            if Instant::now() >= deadline || self.playing.is_finished() {
                let players = self.players.lock();
                let late: Vec<&Player> = players.iter().filter(|player| !is_so(player)).collect();
                let first = late.first().map(|player| tell(player)).unwrap_or_default();
                return Err(format!("it never came to pass for {}: {what}\n{first}", late.len()));
            }
            tokio::time::sleep(FRAME).await;
        }
    }

    /// Waits until something is so of all of them together.
    pub(crate) async fn until_all(&self, what: &str, is_so: impl Fn(&Self) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            if Instant::now() >= deadline {
                return Err(format!("it never came to pass: {what}"));
            }
            tokio::time::sleep(FRAME).await;
        }
        Ok(())
    }

    /// Waits until every player has heard so many numbers more that it says from now on.
    pub(crate) async fn hear(&self, more: u64) -> Result<(), String> {
        let marks: Vec<(String, u64)> =
            self.look(|player| (player.history.user.clone(), player.history.sent));
        self.until("all have heard more", |player| {
            let mark = marks.iter().find(|(user, _)| *user == player.history.user);
            mark.is_none_or(|(_, mark)| player.heard_to >= mark + more)
        })
        .await
    }

    /// All fall silent, and hear everything that they have said.
    pub(crate) async fn settle(&self) -> Result<Vec<History>, String> {
        self.players.lock().iter_mut().for_each(Player::hush);
        self.until("all that was said has come back", Player::has_heard_all).await?;
        Ok(self.look(|player| player.history.clone()))
    }

    /// Looks at every player.
    pub(crate) fn look<R>(&self, look: impl Fn(&Player) -> R) -> Vec<R> {
        self.players.lock().iter().map(look).collect()
    }

    /// The users on this node.
    pub(crate) fn on(&self, node: &str) -> Vec<String> {
        let on = |player: &Player| (player.history.node() == node).then(|| player.history.user.clone());
        self.look(on).into_iter().flatten().collect()
    }

    /// How often all have been moved.
    pub(crate) fn moves(&self) -> usize {
        self.look(|player| player.history.moves()).into_iter().sum()
    }

    /// Ends all sessions.
    pub(crate) async fn leave(self) -> Result<(), String> {
        self.players.lock().iter_mut().for_each(Player::leave);
        let deadline = Instant::now() + PATIENCE;
        while !self.players.lock().iter().all(Player::has_ended) {
            if Instant::now() >= deadline {
                return Err("a session does not end".into());
            }
            tokio::time::sleep(FRAME).await;
        }
        Ok(())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.playing.abort();
    }
}

async fn play(players: Arc<Mutex<Vec<Player>>>) {
    let mut frames = tokio::time::interval(FRAME);
    frames.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        frames.tick().await;
        players.lock().iter_mut().for_each(Player::play);
    }
}

/// What a failing case shows of a player: all but its messages.
fn tell(player: &Player) -> String {
    let Player { history, heard, heard_to, .. } = player;
    let started = history.seen.first().map(|seen| seen.at);
    let events =
        history.seen.iter().filter(|seen| !matches!(seen.what, What::Counted { .. } | What::Pushed(_)));
    let events: Vec<String> = events
        .map(|seen| {
            format!("{:?} {:?}", started.map(|started| seen.at - started).unwrap_or_default(), seen.what)
        })
        .collect();
    let (user, sent, session) = (&history.user, history.sent, &history.session);
    format!("{user} ({session}): sent {sent}, heard {heard} up to {heard_to}\n{}", events.join("\n"))
}
