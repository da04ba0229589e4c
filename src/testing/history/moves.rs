//! Promises 3 to 6: what a move keeps, that it ends, how it fails, and that nothing grows without bound.

use super::{Entry, History, Verdict, Violation};
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::ids::{CohortId, Epoch, NodeId};
use crate::protocol::limits;
use crate::protocol::time::Time;
use crate::testing::PlayerId;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a client may wait for the end of a move that it was told of: each target's ticket may run its
/// whole time, and a link that broke meanwhile as long as a session lasts without one.
const MOVE_MAX: Duration = Duration::from_secs(
    limits::TICKET_LIFE.as_secs() * limits::TARGETS_MAX as u64 + limits::RESUME_MAX.as_secs(),
);

#[derive(Default)]
struct Mover {
    /// The game asked, and has heard nothing yet.
    wished: Option<Time>,
    /// The game was told that a move begins.
    moving: Option<Time>,
    session: Option<CohortId>,
    /// At which epoch the client is served.
    follows: Epoch,
    /// Who owned that when the move began, and lives.
    from: Option<NodeId>,
}

/// Who owned what at which epoch.
type Owners = BTreeMap<(CohortId, Epoch), NodeId>;

impl Mover {
    fn ended(&mut self) {
        (self.wished, self.moving, self.from) = (None, None, None);
    }

    fn owner(&self, owners: &Owners) -> Option<NodeId> {
        owners.get(&(self.session?, self.follows)).copied()
    }
}

impl History {
    /// Promise 3: user data is the same before and after a move, and a copy is one of what once was.
    pub fn judge_data(&self) -> Verdict {
        for (at, entry) in self.timed() {
            let text = match entry {
                Entry::Arrived(session, node, before, after) if before != after => {
                    format!("the data of {session} has changed on its way to {node}")
                }
                Entry::Restarted(restarted) if !restarted.known => {
                    format!("{:?} goes on at {} from data that never were", restarted.player, restarted.node)
                }
                _ => continue,
            };
            return Err(Violation { promise: 3, at, text });
        }
        Ok(())
    }

    /// Promises 4 and 5: a move that fails says why and leaves the player where they were; every move ends, in
    /// bounded time. `at_rest`: nothing goes on any more, so none may be open.
    pub fn judge_moves(&self, at_rest: bool) -> Verdict {
        let mut movers: BTreeMap<PlayerId, Mover> = BTreeMap::new();
        let mut owners = Owners::new();
        let mut end = Time::default();
        for (at, entry) in self.timed() {
            end = at;
            match entry {
                Entry::Recorded(cohort, Some(record)) => {
                    owners.insert((*cohort, record.epoch), record.owner);
                }
                Entry::Follows(player, epoch) => movers.entry(*player).or_default().follows = *epoch,
                // Who owned the session when that happened cannot be told any more.
                Entry::HeardLate(player) => movers.entry(*player).or_default().from = None,
                Entry::Wished(player) => {
                    let mover = movers.entry(*player).or_default();
                    mover.wished.get_or_insert(at);
                }
                Entry::Crashed(node) => {
                    // Nobody can be left there.
                    movers
                        .values_mut()
                        .filter(|mover| mover.from == Some(*node))
                        .for_each(|mover| mover.from = None);
                }
                Entry::Vanished(player) => movers.entry(*player).or_default().ended(),
                Entry::Restarted(restarted) => {
                    // What was under way is decided by the crash.
                    movers.entry(restarted.player).or_default().from = None;
                }
                Entry::Told(player, event) => {
                    movers.entry(*player).or_default().told(at, *player, event, &owners)?;
                }
                _ => {}
            }
        }
        for (player, mover) in movers {
            let since = mover.moving.or(mover.wished);
            if let Some(since) = since.filter(|since| at_rest || end.since(*since) > MOVE_MAX) {
                let text = format!("a move of {player:?} that began at {since:?} never ended");
                return Err(Violation { promise: 5, at: end, text });
            }
        }
        Ok(())
    }

    /// Promise 6: every queue keeps to its limit.
    pub fn judge_limits(&self) -> Verdict {
        for (at, entry) in self.timed() {
            if let Entry::Overflowed(text) = entry {
                return Err(Violation { promise: 6, at, text: text.clone() });
            }
        }
        Ok(())
    }

    /// Sound ends find no fault with each other: what one refuses as broken was lost for the other.
    pub fn judge_manners(&self) -> Verdict {
        for (at, entry) in self.timed() {
            if let Entry::Fault(player, fault) = entry {
                let text = format!("the ends of a link of {player:?} call each other broken: {fault}");
                return Err(Violation { promise: 2, at, text });
            }
        }
        Ok(())
    }
}

impl Mover {
    fn told(&mut self, at: Time, player: PlayerId, event: &Event, owners: &Owners) -> Verdict {
        match event {
            Event::Connected { session } => self.session = Some((*session).into()),
            Event::Migrating { .. } => {
                if self.moving.is_some() {
                    let text = format!("{player:?} was told twice that a move begins");
                    return Err(Violation { promise: 5, at, text });
                }
                (self.moving, self.from) = (Some(at), self.owner(owners));
            }
            Event::MigrateFailed { status } => {
                if *status == Status::Ok {
                    let text = format!("a move of {player:?} failed without a reason");
                    return Err(Violation { promise: 4, at, text });
                }
                if let (Some(from), Some(now)) = (self.from, self.owner(owners))
                    && from != now
                {
                    let text = format!("a move of {player:?} from {from} failed, but {now} has served it");
                    return Err(Violation { promise: 4, at, text });
                }
                self.in_time(at, player)?;
                self.ended();
            }
            Event::Migrated { .. } | Event::Disconnected { .. } | Event::TookOver { .. } => {
                self.in_time(at, player)?;
                self.ended();
            }
            _ => {}
        }
        Ok(())
    }

    fn in_time(&self, at: Time, player: PlayerId) -> Verdict {
        match self.moving {
            Some(since) if at.since(since) > MOVE_MAX => {
                let text = format!("a move of {player:?} took {:?}", at.since(since));
                Err(Violation { promise: 5, at, text })
            }
            Some(_) | None => Ok(()),
        }
    }
}
