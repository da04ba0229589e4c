//! Promise 1, one owner: who served when, in which order epochs were seen, and what landed in the stores.

use super::{Entry, History, Verdict, Violation};
use crate::client::event::Event;
use crate::protocol::ids::{CohortId, Epoch, Fence, NodeId};
use crate::protocol::record::{OwnerPhase, Record};
use crate::protocol::time::Time;
use crate::testing::PlayerId;
use std::collections::BTreeMap;

#[derive(Default)]
struct Judge {
    /// Who serves.
    serving: BTreeMap<CohortId, BTreeMap<NodeId, Fence>>,
    /// Who served last.
    served: BTreeMap<CohortId, (NodeId, Fence)>,
    records: BTreeMap<CohortId, Record>,
    /// The last fence that was recorded, also of a record that is gone.
    recorded: BTreeMap<CohortId, Fence>,
    stored: BTreeMap<CohortId, Fence>,
    followed: BTreeMap<PlayerId, Epoch>,
    /// Where the application last ran a cohort by its record.
    ran: BTreeMap<CohortId, (Epoch, NodeId)>,
}

fn broken(at: Time, text: String) -> Verdict {
    Err(Violation { promise: 1, at, text })
}

impl Judge {
    fn serves(&mut self, at: Time, node: NodeId, cohort: CohortId, fence: Fence) -> Verdict {
        let serving = self.serving.entry(cohort).or_default();
        if let Some((other, since)) = serving.iter().find(|(other, _)| **other != node) {
            return broken(at, format!("{node} serves {cohort} at {fence}, and so does {other}, at {since}"));
        }
        serving.insert(node, fence);
        match self.served.insert(cohort, (node, fence)) {
            Some((before, seen)) if fence < seen || (fence == seen && before != node) => broken(
                at,
                format!("{node} serves {cohort} at {fence}, which {before} has served at {seen} already"),
            ),
            Some(_) | None => Ok(()),
        }
    }

    fn recorded(&mut self, at: Time, cohort: CohortId, record: Option<Record>) -> Verdict {
        let Some(record) = record else {
            self.records.remove(&cohort);
            return Ok(());
        };
        self.records.insert(cohort, record);
        match self.recorded.insert(cohort, record.fence()) {
            Some(before) if record.fence() < before => {
                broken(at, format!("the record of {cohort} went back from {before} to {}", record.fence()))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn stored(&mut self, at: Time, cohort: CohortId, fence: Fence) -> Verdict {
        match self.stored.insert(cohort, fence) {
            Some(before) if fence < before => {
                broken(at, format!("a snapshot of {cohort} at {fence} landed over one at {before}"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn follows(&mut self, at: Time, player: PlayerId, epoch: Epoch) -> Verdict {
        match self.followed.insert(player, epoch) {
            Some(before) if epoch < before => {
                broken(at, format!("the client of {player:?} went back from epoch {before} to {epoch}"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The application runs a session only on the node that the record names, or on the source as long as the
    /// target has not begun to.
    fn ran(&mut self, at: Time, node: NodeId, cohort: CohortId) -> Verdict {
        let own = self.records.get(&cohort);
        // Of a session in a room, the room's record says where it is.
        let cohort = own.and_then(|record| record.room).unwrap_or(cohort);
        let Some(record) = self.records.get(&cohort) else {
            return broken(at, format!("{node} runs {cohort}, which has no record"));
        };
        if record.owner == node {
            self.ran.insert(cohort, (record.epoch, node));
            return Ok(());
        }
        let handing = matches!(record.phase, OwnerPhase::Handing { from, .. } if from == node);
        if handing && self.ran.get(&cohort) != Some(&(record.epoch, record.owner)) {
            return Ok(());
        }
        broken(at, format!("{node} runs {cohort}, but the record says {record:?}"))
    }
}

impl History {
    /// Promise 1: at most one node serves at any time, at rising epochs; and nothing of a lower one has any
    /// effect on stores or clients.
    pub fn judge_ownership(&self) -> Verdict {
        let mut judge = Judge::default();
        for (at, entry) in self.timed() {
            match entry {
                Entry::Serves(node, cohort, fence) => judge.serves(at, *node, *cohort, *fence)?,
                Entry::Stops(node, cohort) => {
                    judge.serving.entry(*cohort).or_default().remove(node);
                }
                Entry::Recorded(cohort, record) => judge.recorded(at, *cohort, *record)?,
                Entry::Stored(cohort, fence) => judge.stored(at, *cohort, *fence)?,
                Entry::Follows(player, epoch) => judge.follows(at, *player, *epoch)?,
                Entry::Processed(_, node, session, ..) | Entry::Pushed(_, node, session, ..) => {
                    judge.ran(at, *node, (*session).into())?;
                }
                Entry::Told(player, Event::Connected { .. }) => {
                    judge.followed.remove(player);
                }
                _ => {}
            }
        }
        Ok(())
    }
}
