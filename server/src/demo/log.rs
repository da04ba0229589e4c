//! What one player saw, by its own clock and counting.

use super::game::{self, ECHO, PUSH};
use super::history::Tally;
use super::rooms::member::{Heard, Heeded};
use sterna::client::config::Transport;

/// What arrived when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// A message that the node sent by its own timer.
    Push { at_us: u64 },
    /// The echo of a message of this player.
    Echo { at_us: u64, sent_us: u64 },
    /// A broadcast of this player's own.
    Own { at_us: u64 },
    /// A broadcast of the member beside this one.
    Neighbour { at_us: u64 },
}

impl Arrival {
    /// When.
    pub(super) fn at_us(&self) -> u64 {
        match *self {
            Self::Push { at_us }
            | Self::Echo { at_us, .. }
            | Self::Own { at_us }
            | Self::Neighbour { at_us } => at_us,
        }
    }
}

/// How a player leaves a node that goes offline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Manner {
    /// Asks to be moved, and attaches to the target while the source still serves.
    #[default]
    Seamless,
    /// Asks to be moved; disconnects, is moved, and connects again.
    Classic,
    /// Never asks, so that the node has to move it when its deadline is near.
    Forced,
}

/// What one player has to tell in the end.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) player: usize,
    pub(super) transport: Transport,
    pub(super) manner: Manner,
    /// Messages that the client took.
    pub(super) sent_up: u64,
    /// Messages that the client did not take, because its queue was full.
    pub(super) refused: u64,
    /// Numbers of messages of the node.
    pub(super) down: Tally,
    pub(super) arrivals: Vec<Arrival>,
    pub(super) offline: u64,
    pub(super) moves: u64,
    pub(super) failed: u64,
    /// When the player first asked to be moved.
    pub(super) asked_us: Option<u64>,
    /// When the player was first told that it is being moved.
    pub(super) begun_us: Option<u64>,
    /// When the player was last told to have been moved.
    pub(super) moved_us: Option<u64>,
    /// The client spoke of a take-over after a crash.
    pub(super) took_over: u64,
    /// Whether the belongings, read at the end through the client, are as they were.
    pub(super) belongings_intact: bool,
    /// What the player heard in a room.
    pub(super) heard: Option<Heard>,
    /// Why the player did not play to the end.
    pub(super) trouble: Option<String>,
}

impl Log {
    /// A log in which nothing has happened yet.
    pub(super) fn anew(&self) -> Self {
        let (player, transport, manner) = (self.player, self.transport, self.manner);
        Self { player, transport, manner, ..Self::default() }
    }

    /// A message of the node. `sent_us`: when each of this player's was sent, by its number.
    pub(super) fn on_push(&mut self, cmd: u16, bytes: &[u8], at_us: u64, sent_us: &[u64]) {
        let Some(own) = bytes.get(..8).and_then(game::number) else { return };
        self.down.count(own);
        match cmd {
            PUSH => self.arrivals.push(Arrival::Push { at_us }),
            ECHO => {
                let echoed = bytes.get(8..).and_then(game::number);
                let sent = echoed.and_then(|number| sent_us.get(usize::try_from(number).ok()?));
                if let Some(&sent_us) = sent {
                    self.arrivals.push(Arrival::Echo { at_us, sent_us });
                }
            }
            _ => {}
        }
    }

    /// A broadcast of the room.
    pub(super) fn on_broadcast(&mut self, heeded: Heeded, at_us: u64) {
        match heeded {
            Heeded::Own => self.arrivals.push(Arrival::Own { at_us }),
            Heeded::Neighbour => self.arrivals.push(Arrival::Neighbour { at_us }),
            Heeded::Other => {}
        }
    }
}
