//! Every step of a move, on either side of its sending, with every fault: over TCP and over QUIC.

use crate::cluster::{Cluster, FENCE, NODES, Setting, TAKE_OVER};
use crate::judge;
use crate::player::Player;
use crate::said::{Action, Arm, Order, Said};
use std::time::Duration;
use sterna::client::config::Transport;

/// What goes wrong at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Crash,
    /// Shorter than the fence time.
    ShortPause,
    /// Longer than the take-over time.
    LongPause,
    Drop,
    Twice,
}

impl Fault {
    pub(crate) const ALL: [Self; 5] =
        [Self::Crash, Self::ShortPause, Self::LongPause, Self::Drop, Self::Twice];

    fn action(self) -> Action {
        match self {
            Self::Crash => Action::Crash,
            Self::ShortPause | Self::LongPause => Action::Pause,
            Self::Drop => Action::Drop,
            Self::Twice => Action::Twice,
        }
    }

    fn pause(self) -> Option<Duration> {
        match self {
            Self::ShortPause => Some(FENCE * 8 / 10),
            Self::LongPause => Some(TAKE_OVER * 3 / 2),
            Self::Crash | Self::Drop | Self::Twice => None,
        }
    }
}

/// One case of the matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    /// Which node sends it: 0 the source, 1 the target.
    pub(crate) sender: usize,
    pub(crate) point: &'static str,
    pub(crate) after: bool,
    pub(crate) fault: Fault,
    pub(crate) transport: Transport,
}

impl Cell {
    /// Plays it; says how it ended for the player, or what was wrong.
    pub(crate) async fn play(self) -> Result<&'static str, String> {
        let cluster = Cluster::start(&Setting::default()).await?;
        let played = self.play_on(&cluster).await;
        played.map_err(|failure| cluster.explain(&format!("{self:?}: {failure}")))
    }

    async fn play_on(self, cluster: &Cluster) -> Result<&'static str, String> {
        let [source, target, spare] = NODES;
        // Until the fault has struck there is one node to move to.
        cluster.node(spare).order(&Order::Cordon(true));
        let mut player = Player::join(self.transport, &cluster.token("ann", source), false).await?;
        player.during(cluster.until_up_to_date(spare)).await?;
        player.during(cluster.until_up_to_date(source)).await?;
        let struck = cluster.node([source, target][self.sender]);
        let (point, action) = (self.point.to_owned(), self.fault.action());
        struck.arm(vec![Arm { point, after: self.after, action, nth: 1 }]);
        player.during(cluster.until_renewed(&struck.name, 1)).await?;
        cluster.node(source).order(&Order::Drain { deadline_ms: 120_000 });

        let reached = |said: &Said| matches!(said, Said::Reached { .. }).then_some(());
        player.during(struck.until_said("it reaches the failpoint", reached)).await?;
        cluster.node(spare).order(&Order::Cordon(false));
        if let Some(pause) = self.fault.pause() {
            player.during(tokio::time::sleep(pause)).await;
            player.during(struck.until_continued()).await?;
        }
        player.until("it is served by another node", |player| player.linked && player.node != source).await?;
        let crashed = self.fault == Fault::Crash;
        let killed: &[&str] = if crashed { &[&struck.name] } else { &[] };
        if !crashed || struck.name != source {
            let drained = |said: &Said| matches!(said, Said::Drained { .. }).then_some(());
            player.during(cluster.node(source).until_said("its drain is over", drained)).await?;
        }
        // Time for a target that stood still to notice, to renew its lease, and to do what it must not.
        if !crashed && struck.name != source {
            player.during(cluster.until_renewed(target, 2)).await?;
        }
        player.settle().await?;
        judge::check(cluster, &player, killed).map_err(|wrong| format!("{wrong}\n{}", player.tell()))?;
        Ok(match (player.take_overs.len(), player.failures.len()) {
            (0, 0) => "moved",
            (0, _) => "moved at a later try",
            (..) => "taken over",
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_slice() {
    for (sender, point) in [(0, "Baton"), (1, "client Switch"), (1, "engine finalise")] {
        for fault in Fault::ALL {
            for transport in [Transport::Tcp, Transport::Udp] {
                let cell = Cell { sender, point, after: false, fault, transport };
                match cell.play().await {
                    Ok(outcome) => println!("{cell:?}: {outcome}"),
                    Err(failure) => panic!("{failure}"),
                }
            }
        }
    }
    crate::cluster::remove_keys();
}
