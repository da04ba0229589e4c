//! The engine has lost its data: what this node holds is published again, in their new life ("engine lost its data").

use super::slot::Slot;
use super::{Node, now};
use futures_util::StreamExt as _;
use std::sync::Arc;
use sterna::protocol::ids::{Bucket, CohortId, SessionId};
use sterna::protocol::record::{CasAnswer, Record, Versioned};
use sterna::protocol::time::Time;

/// So many cohorts are published at once: the engine has other things to do as well.
const AT_ONCE: usize = 64;

/// In which life of the engine's data the node is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    bucket: Bucket,
    /// The one before was lost, as this node has seen then.
    lost_at: Option<Time>,
}

impl Life {
    pub(super) const fn new(bucket: Bucket) -> Self {
        Self { bucket, lost_at: None }
    }
}

impl Node {
    /// Looks whether a new life of the engine's data has begun, and publishes what is not there yet. Not to be waited
    /// for: the lease has to be renewed meanwhile.
    pub(super) fn look_after_life(self: &Arc<Self>) {
        let bucket = self.shared.engine.bucket();
        let lost_at = {
            let mut life = self.life.lock();
            if bucket > life.bucket {
                tracing::error!(node = %self.name, from = %life.bucket, to = %bucket, "the engine has lost its data: what is held here is published again");
                *life = Life { bucket, lost_at: Some(now()) };
                // For one take-over time nobody takes anything over.
                self.watch.lock().read_failed();
            }
            life.lost_at
        };
        if let Some(lost_at) = lost_at {
            tokio::spawn(self.clone().publish_again(bucket, lost_at));
        }
    }

    async fn publish_again(self: Arc<Self>, bucket: Bucket, lost_at: Time) {
        let Ok(_alone) = self.publishing.try_lock() else { return }; // the last look still goes on
        // Who was fenced may have been taken over: whoever has served meanwhile comes first.
        let fenced_too = now() >= lost_at + self.shared.config.times.take_over;
        let missing = self.all_slots().into_iter().filter_map(|slot| {
            let records = slot.peek(&self, |cohort, _| cohort.to_publish(bucket, fenced_too));
            (!records.is_empty()).then_some((slot, records))
        });
        let missing: Vec<_> = missing.collect();
        let any = !missing.is_empty();
        futures_util::stream::iter(missing)
            .for_each_concurrent(AT_ONCE, |(slot, records)| self.publish_cohort(slot, records))
            .await;
        // Whoever is on its way here is held later: the look goes on until no move of before can be.
        let settled = now() >= lost_at + self.shared.config.times.take_over + self.timing.ticket_life;
        if !any && settled {
            let mut life = self.life.lock();
            if life.bucket == bucket {
                life.lost_at = None;
            }
        }
    }

    /// What is not answered is tried again by the next look.
    async fn publish_cohort(self: &Arc<Self>, slot: Arc<Slot>, records: Vec<(CohortId, Record)>) {
        let Some(((own, record), entries)) = records.split_last() else { return };
        for (session, entry) in entries {
            if self.publish_record(*session, *entry).await.is_none() {
                return;
            }
        }
        let Some(found) = self.publish_record(*own, *record).await else { return };
        slot.with(self, None, |cohort, env| cohort.on_published(found, env));
        if found.record == *record {
            self.publish_rest(&slot).await;
        }
    }

    /// The record that is there now; `None`: that is not known.
    async fn publish_record(&self, key: CohortId, record: Record) -> Option<Versioned> {
        match self.shared.engine.create(key, record).await {
            CasAnswer::Won(revision) => Some(Versioned { revision, record }),
            CasAnswer::Lost(found) => found,
            CasAnswer::Unknown => None,
        }
    }

    /// Users whose session nobody knows, and how the room is found. Without it play goes on all the same.
    async fn publish_rest(self: &Arc<Self>, slot: &Arc<Slot>) {
        let users = slot.peek(self, |cohort, _| {
            let users = cohort.sessions().map(|session| (session.user().to_owned(), session.id()));
            users.collect::<Vec<(String, SessionId)>>()
        });
        for (user, session) in users {
            if self.shared.engine.session_of(&user).await == Ok(None) {
                let _ = self.shared.engine.claim_user(&user, session).await;
            }
        }
        slot.peek(self, |cohort, _| self.list_room(cohort.id(), cohort));
    }
}
