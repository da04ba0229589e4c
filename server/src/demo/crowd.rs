//! All players on one thread, as the frames of so many games.
//!
//! The thread sleeps between two frames and looks at every client in each: a client with nothing to tell
//! costs one atomic load. A message is stamped in the frame that finds it, so that a frame's length, and what
//! the system adds to a sleep (some 50 us on Linux), is the floor of what the figures can tell apart. It is
//! the same for players who move and for those who do not, and both are reported.

use super::history::History;
use super::log::{Log, Manner};
use super::player::{Player, Rules};
use super::rooms::member::Member;
use super::rooms::{self, Plan};
use crate::cli::{CliError, DemoArgs, Transport as Transports};
use crate::cluster::Cluster;
use std::sync::Arc;
use std::time::Duration;
use sterna::client::config::Transport;
use sterna::client::token::ConnectToken;
use tokio::sync::watch;

/// Frame of a small crowd: a quarter of the added delay that is to be seen.
const FRAME_MIN: Duration = Duration::from_micros(250);

/// Longer frames for more players, so that looking at them takes a small share of one core.
const FRAME_PER_PLAYER: Duration = Duration::from_micros(1);

/// How many players connect at the same time. More would only wait for each other, and time out.
const CONNECTING_MAX: usize = 16;

/// Players find a moment that suits within this time, as in a game where not everybody is at the same place.
const MOMENT_MAX: Duration = Duration::from_millis(100);

/// ... or longer when they are many: here all clients share one process and its cores with all nodes, and
/// each second link costs some 2 ms of them. Players at home bring processors of their own.
const MOMENT_PER_PLAYER: Duration = Duration::from_millis(2);

/// What the players are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connect.
    Enter,
    /// Send and receive.
    Play,
    /// Stop, and wait for what is on its way.
    Leave,
}

/// How far the players are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Connected.
    pub(super) entered: u32,
    /// Finished, one way or the other.
    pub(super) finished: u32,
    /// Why one of them does not play.
    pub(super) trouble: Option<String>,
}

/// All players.
pub(super) struct Crowd {
    players: Vec<Player>,
    history: Arc<History>,
    frame: Duration,
}

impl Crowd {
    /// Creates the clients: half of them on each transport, half of each driven through the C functions, and
    /// all spread over the nodes.
    /// `plan`: who sits in which room, if there are rooms.
    pub(super) fn new(
        args: &DemoArgs,
        cluster: &Cluster,
        history: &Arc<History>,
        plan: Option<&Arc<Plan>>,
    ) -> Result<Self, CliError> {
        let transports: &[Transport] = match args.transport {
            Transports::Tcp => &[Transport::Tcp],
            Transports::Udp => &[Transport::Udp],
            Transports::Both => &[Transport::Tcp, Transport::Udp],
        };
        let rules = Rules {
            history: history.clone(),
            period_us: match args.rooms {
                true => 1_000_000 * rooms::ALONE_SHARE / u64::from(args.rate),
                false => 1_000_000 / u64::from(args.rate),
            },
            broadcast_us: 1_000_000 / u64::from(args.rate),
            moment_max_us: moment_max(args).as_micros() as u64,
            delay: super::round_trip(args) / 2,
        };
        let player = |number: usize| {
            let place = plan.map_or(number, |plan| plan.place_of(number));
            let transport = transports[place % transports.len()];
            let turn = place / transports.len();
            let first = plan.map_or(turn / 2, |plan| plan.first_node(number));
            let token = token(cluster, &History::user(number), first)?;
            let manner = manner(args, number / (transports.len() * 2 * args.nodes as usize));
            let member = plan.map(|plan| Member::new(number, plan.clone(), args.sabotage));
            Player::new(number, transport, manner, turn.is_multiple_of(2), token, member, rules.clone())
                .map_err(|error| CliError::Failed(error.text))
        };
        let players = (0..args.players as usize).map(player).collect::<Result<_, _>>()?;
        let history = history.clone();
        Ok(Self { players, history, frame: FRAME_MIN.max(FRAME_PER_PLAYER * args.players) })
    }

    /// Plays until everybody has finished.
    pub(super) fn play(
        mut self,
        stages: &watch::Receiver<Stage>,
        progress: &watch::Sender<Progress>,
    ) -> Vec<Log> {
        let mut stage = Stage::Enter;
        while !self.players.iter().all(Player::is_finished) {
            let began = std::time::Instant::now();
            let ordered = *stages.borrow();
            if ordered != stage {
                stage = ordered;
                self.enter_stage(stage);
            }
            if stage == Stage::Enter {
                self.let_in();
            }
            let now_us = self.history.micros();
            self.players.iter_mut().for_each(|player| player.frame(now_us));
            if stage != Stage::Play {
                self.tell(progress);
            }
            // Whoever gave the orders has gone: nobody will say when to stop.
            if stages.has_changed().is_err() {
                break;
            }
            std::thread::sleep(self.frame.saturating_sub(began.elapsed()));
        }
        self.tell(progress);
        self.players.into_iter().map(Player::into_log).collect()
    }

    fn enter_stage(&mut self, stage: Stage) {
        match stage {
            Stage::Enter => {}
            Stage::Play => self.players.iter_mut().for_each(Player::begin),
            Stage::Leave => self.players.iter_mut().for_each(Player::leave),
        }
    }

    fn let_in(&mut self) {
        let connecting = self.players.iter().filter(|player| player.is_connecting()).count();
        let outside = self.players.iter_mut().filter(|player| player.is_outside());
        outside.take(CONNECTING_MAX.saturating_sub(connecting)).for_each(Player::connect);
        // Rooms come when everybody is there, so that their makers are not waited for.
        if !self.players.iter().any(Player::is_outside) {
            let waiting = self.players.iter_mut().filter(|player| player.may_enter_room());
            waiting.take(CONNECTING_MAX.saturating_sub(connecting)).for_each(Player::enter_room);
        }
    }

    fn tell(&self, progress: &watch::Sender<Progress>) {
        let count = |is: fn(&Player) -> bool| self.players.iter().filter(|player| is(player)).count() as u32;
        let now = Progress {
            entered: count(Player::has_entered),
            finished: count(Player::is_finished),
            trouble: self.players.iter().find_map(Player::trouble).map(str::to_owned),
        };
        progress.send_if_modified(|last| {
            let modified = *last != now;
            *last = now;
            modified
        });
    }
}

/// Within which time players find their moment.
pub(super) fn moment_max(args: &DemoArgs) -> Duration {
    MOMENT_MAX.max(MOMENT_PER_PLAYER * args.players)
}

/// Of one kind of player on one node, the `round`-th.
fn manner(args: &DemoArgs, round: usize) -> Manner {
    match round % 3 {
        1 if args.classic => Manner::Classic,
        2 if args.classic => Manner::Forced,
        _ => Manner::Seamless,
    }
}

/// A token whose first address is another node's for each `turn`: clients take the first that lets them in.
fn token(cluster: &Cluster, user: &str, turn: usize) -> Result<String, CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::Failed(error.to_string());
    let token = cluster.connect_token(user, super::TOKEN_LIFE).map_err(|error| failed(&error))?;
    let mut token = ConnectToken::parse(&token).map_err(|error| failed(&error))?;
    for addresses in [&mut token.tcp, &mut token.quic] {
        let first = turn % addresses.len().max(1);
        addresses.rotate_left(first);
    }
    Ok(token.encode())
}
