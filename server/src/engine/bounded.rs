//! An engine whose every answer comes in time: past [`ANSWER_MAX`] it is unknown, or that the engine is not there
//! (rule h). An engine that falls silent must not hold up who waits for it: a node that renews its lease, or that
//! goes offline.

use super::{ANSWER_MAX, Engine, Listed, NodeInfo, Reply, Unavailable};
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::ids::{Bucket, CohortId, NodeId, SessionId};
use sterna::protocol::lease::Heartbeat;
use sterna::protocol::record::{Answer, Ask, CasAnswer, ReadAnswer, Record, Versioned};
use sterna::protocol::snapshot::{SnapshotAnswer, SnapshotAsk};

/// Bounds the answers of another engine.
pub(crate) struct Bounded(Arc<dyn Engine>);

impl Bounded {
    pub(crate) fn new(engine: Arc<dyn Engine>) -> Self {
        Self(engine)
    }
}

fn within<'a, T: Send + 'a>(reply: Reply<'a, T>, otherwise: T) -> Reply<'a, T> {
    within_time(ANSWER_MAX, reply, otherwise)
}

fn within_time<'a, T: Send + 'a>(time: Duration, reply: Reply<'a, T>, otherwise: T) -> Reply<'a, T> {
    Box::pin(async move { tokio::time::timeout(time, reply).await.unwrap_or(otherwise) })
}

/// What the directory says when it does not answer.
pub(crate) fn unknown(ask: &Ask) -> Answer {
    match ask {
        Ask::Read => Answer::Read(ReadAnswer::Failed),
        Ask::Cas { .. } => Answer::Cas(CasAnswer::Unknown),
    }
}

impl Engine for Bounded {
    fn bucket(&self) -> Bucket {
        self.0.bucket()
    }

    fn bulk_answer_max(&self) -> Duration {
        self.0.bulk_answer_max()
    }

    fn publish(&self, info: NodeInfo) -> Reply<'_, Result<(), Unavailable>> {
        within(self.0.publish(info), Err(Unavailable))
    }

    fn nodes(&self) -> Vec<NodeInfo> {
        self.0.nodes()
    }

    fn create(&self, cohort: CohortId, record: Record) -> Reply<'_, CasAnswer> {
        within(self.0.create(cohort, record), CasAnswer::Unknown)
    }

    fn ask(&self, cohort: CohortId, ask: Ask) -> Reply<'_, Answer> {
        within(self.0.ask(cohort, ask), unknown(&ask))
    }

    fn cohorts_of(&self, node: NodeId) -> Reply<'_, Result<Vec<CohortId>, Unavailable>> {
        within_time(self.bulk_answer_max(), self.0.cohorts_of(node), Err(Unavailable))
    }

    fn forget(&self, cohort: CohortId, held: Versioned) -> Reply<'_, Result<(), Unavailable>> {
        within(self.0.forget(cohort, held), Err(Unavailable))
    }

    fn ask_snapshot(&self, cohort: CohortId, ask: SnapshotAsk) -> Reply<'_, SnapshotAnswer> {
        within_time(self.bulk_answer_max(), self.0.ask_snapshot(cohort, ask), SnapshotAnswer::Unknown)
    }

    fn list_room(&self, room: CohortId, listed: Option<Listed>) -> Reply<'_, Result<(), Unavailable>> {
        within(self.0.list_room(room, listed), Err(Unavailable))
    }

    fn rooms(&self) -> Reply<'_, Result<Vec<Listed>, Unavailable>> {
        within(self.0.rooms(), Err(Unavailable))
    }

    fn claim_user(
        &self,
        user: &str,
        session: SessionId,
    ) -> Reply<'_, Result<Option<SessionId>, Unavailable>> {
        within(self.0.claim_user(user, session), Err(Unavailable))
    }

    fn session_of(&self, user: &str) -> Reply<'_, Result<Option<SessionId>, Unavailable>> {
        within(self.0.session_of(user), Err(Unavailable))
    }

    fn release_user(&self, user: &str, session: SessionId) -> Reply<'_, ()> {
        within(self.0.release_user(user, session), ())
    }

    fn renew(&self, node: NodeId) -> Reply<'_, Result<(), Unavailable>> {
        within(self.0.renew(node), Err(Unavailable))
    }

    fn goodbye(&self, node: NodeId) -> Reply<'_, Result<(), Unavailable>> {
        within(self.0.goodbye(node), Err(Unavailable))
    }

    fn heartbeats(&self) -> Reply<'_, Result<Vec<(NodeId, Heartbeat)>, Unavailable>> {
        within(self.0.heartbeats(), Err(Unavailable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Standing;
    use std::future::pending;
    use sterna::protocol::record::Revision;

    /// An engine that has fallen silent.
    struct Silent;

    /// Writes methods that never answer.
    macro_rules! never {
        ($($name:ident($($argument:ty),*) -> $answer:ty;)*) => {
            $(fn $name(&self, $(_: $argument),*) -> Reply<'_, $answer> {
                Box::pin(pending())
            })*
        };
    }

    impl Engine for Silent {
        fn nodes(&self) -> Vec<NodeInfo> {
            Vec::new()
        }

        never! {
            publish(NodeInfo) -> Result<(), Unavailable>;
            create(CohortId, Record) -> CasAnswer;
            ask(CohortId, Ask) -> Answer;
            cohorts_of(NodeId) -> Result<Vec<CohortId>, Unavailable>;
            forget(CohortId, Versioned) -> Result<(), Unavailable>;
            ask_snapshot(CohortId, SnapshotAsk) -> SnapshotAnswer;
            list_room(CohortId, Option<Listed>) -> Result<(), Unavailable>;
            rooms() -> Result<Vec<Listed>, Unavailable>;
            claim_user(&str, SessionId) -> Result<Option<SessionId>, Unavailable>;
            session_of(&str) -> Result<Option<SessionId>, Unavailable>;
            release_user(&str, SessionId) -> ();
            renew(NodeId) -> Result<(), Unavailable>;
            goodbye(NodeId) -> Result<(), Unavailable>;
            heartbeats() -> Result<Vec<(NodeId, Heartbeat)>, Unavailable>;
        }
    }

    fn info() -> NodeInfo {
        let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        NodeInfo {
            id: NodeId(1),
            name: "node-1".into(),
            standing: Standing::Online,
            tcp: nowhere,
            quic: nowhere,
            peer: nowhere,
            app_version: 1,
            sessions: 0,
        }
    }

    #[tokio::test]
    async fn a_silent_engine_is_taken_for_one_that_did_not_answer() {
        let engine = Bounded::new(Arc::new(Silent));
        let (cohort, node, session) = (CohortId(1), NodeId(1), SessionId(1));
        let record = Record {
            bucket: Default::default(),
            binding: Default::default(),
            epoch: Default::default(),
            owner: node,
            phase: sterna::protocol::record::OwnerPhase::Serving,
            room: None,
        };
        let expected = Revision(1);
        let answers = async {
            tokio::join!(
                async { assert_eq!(engine.publish(info()).await, Err(Unavailable)) },
                async { assert_eq!(engine.create(cohort, record).await, CasAnswer::Unknown) },
                async {
                    let failed = Answer::Read(ReadAnswer::Failed);
                    assert_eq!(engine.ask(cohort, Ask::Read).await, failed);
                },
                async {
                    let unknown = Answer::Cas(CasAnswer::Unknown);
                    assert_eq!(engine.ask(cohort, Ask::Cas { expected, record }).await, unknown);
                },
                async { assert_eq!(engine.cohorts_of(node).await, Err(Unavailable)) },
                async {
                    let held = Versioned { revision: expected, record };
                    assert_eq!(engine.forget(cohort, held).await, Err(Unavailable));
                },
                async {
                    let answer = engine.ask_snapshot(cohort, SnapshotAsk::Read).await;
                    assert_eq!(answer, SnapshotAnswer::Unknown);
                },
                async { assert_eq!(engine.claim_user("ann", session).await, Err(Unavailable)) },
                async { assert_eq!(engine.session_of("ann").await, Err(Unavailable)) },
                engine.release_user("ann", session),
                async { assert_eq!(engine.renew(node).await, Err(Unavailable)) },
                async { assert_eq!(engine.goodbye(node).await, Err(Unavailable)) },
                async { assert_eq!(engine.heartbeats().await, Err(Unavailable)) },
            )
        };
        tokio::time::timeout(ANSWER_MAX * 10, answers).await.expect("every answer comes in time");
    }
}
