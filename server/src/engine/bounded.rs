//! An engine whose every answer comes in time: past [`ANSWER_MAX`] it is unknown, or that the engine is not there
//! (rule h). An engine that falls silent must not hold up who waits for it: a node that renews its lease, or that
//! goes offline.

use super::{ANSWER_MAX, Engine, Listed, NodeInfo, Reply, Unavailable};
use crate::metrics::{EngineCall, NodeMetrics};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sterna::protocol::ids::{Bucket, CohortId, NodeId, SessionId};
use sterna::protocol::lease::Heartbeat;
use sterna::protocol::record::{Answer, Ask, CasAnswer, ReadAnswer, Record, Versioned};
use sterna::protocol::snapshot::{SnapshotAnswer, SnapshotAsk};

/// Bounds the answers of another engine, and counts how long they take.
pub(crate) struct Bounded {
    engine: Arc<dyn Engine>,
    metrics: Arc<NodeMetrics>,
}

impl Bounded {
    pub(crate) fn new(engine: Arc<dyn Engine>, metrics: Arc<NodeMetrics>) -> Self {
        Self { engine, metrics }
    }

    fn within<'a, T: Known + Send + 'a>(
        &'a self,
        call: EngineCall,
        reply: Reply<'a, T>,
        otherwise: T,
    ) -> Reply<'a, T> {
        self.within_time(ANSWER_MAX, call, reply, otherwise)
    }

    fn within_time<'a, T: Known + Send + 'a>(
        &'a self,
        time: Duration,
        call: EngineCall,
        reply: Reply<'a, T>,
        otherwise: T,
    ) -> Reply<'a, T> {
        Box::pin(async move {
            let asked_at = Instant::now();
            let answer = tokio::time::timeout(time, reply).await.ok();
            let known = answer.as_ref().is_some_and(Known::is_known);
            self.metrics.engine_answered(call, asked_at.elapsed(), known);
            answer.unwrap_or(otherwise)
        })
    }
}

/// An answer that may say that there is none.
trait Known {
    fn is_known(&self) -> bool;
}

impl<T> Known for Result<T, Unavailable> {
    fn is_known(&self) -> bool {
        self.is_ok()
    }
}

impl Known for () {
    fn is_known(&self) -> bool {
        true
    }
}

impl Known for CasAnswer {
    fn is_known(&self) -> bool {
        *self != CasAnswer::Unknown
    }
}

impl Known for Answer {
    fn is_known(&self) -> bool {
        !matches!(self, Answer::Read(ReadAnswer::Failed) | Answer::Cas(CasAnswer::Unknown))
    }
}

impl Known for SnapshotAnswer {
    fn is_known(&self) -> bool {
        *self != SnapshotAnswer::Unknown
    }
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
        self.engine.bucket()
    }

    fn outlives_nodes(&self) -> bool {
        self.engine.outlives_nodes()
    }

    fn bulk_answer_max(&self) -> Duration {
        self.engine.bulk_answer_max()
    }

    fn publish(&self, info: NodeInfo) -> Reply<'_, Result<(), Unavailable>> {
        self.within(EngineCall::Other, self.engine.publish(info), Err(Unavailable))
    }

    fn nodes(&self) -> Vec<NodeInfo> {
        self.engine.nodes()
    }

    fn create(&self, cohort: CohortId, record: Record) -> Reply<'_, CasAnswer> {
        self.within(EngineCall::Record, self.engine.create(cohort, record), CasAnswer::Unknown)
    }

    fn ask(&self, cohort: CohortId, ask: Ask) -> Reply<'_, Answer> {
        self.within(EngineCall::Record, self.engine.ask(cohort, ask), unknown(&ask))
    }

    fn cohorts_of(&self, node: NodeId) -> Reply<'_, Result<Vec<CohortId>, Unavailable>> {
        self.within_time(
            self.bulk_answer_max(),
            EngineCall::Other,
            self.engine.cohorts_of(node),
            Err(Unavailable),
        )
    }

    fn nodes_named(&self) -> Reply<'_, Result<BTreeSet<NodeId>, Unavailable>> {
        self.within_time(
            self.bulk_answer_max(),
            EngineCall::Other,
            self.engine.nodes_named(),
            Err(Unavailable),
        )
    }

    fn forget(&self, cohort: CohortId, held: Versioned) -> Reply<'_, Result<(), Unavailable>> {
        self.within(EngineCall::Record, self.engine.forget(cohort, held), Err(Unavailable))
    }

    fn ask_snapshot(&self, cohort: CohortId, ask: SnapshotAsk) -> Reply<'_, SnapshotAnswer> {
        self.within_time(
            self.bulk_answer_max(),
            EngineCall::Snapshot,
            self.engine.ask_snapshot(cohort, ask),
            SnapshotAnswer::Unknown,
        )
    }

    fn list_room(&self, room: CohortId, listed: Option<Listed>) -> Reply<'_, Result<(), Unavailable>> {
        self.within(EngineCall::Other, self.engine.list_room(room, listed), Err(Unavailable))
    }

    fn rooms(&self) -> Reply<'_, Result<Vec<Listed>, Unavailable>> {
        self.within(EngineCall::Other, self.engine.rooms(), Err(Unavailable))
    }

    fn claim_user(
        &self,
        user: &str,
        session: SessionId,
    ) -> Reply<'_, Result<Option<SessionId>, Unavailable>> {
        self.within(EngineCall::Other, self.engine.claim_user(user, session), Err(Unavailable))
    }

    fn session_of(&self, user: &str) -> Reply<'_, Result<Option<SessionId>, Unavailable>> {
        self.within(EngineCall::Other, self.engine.session_of(user), Err(Unavailable))
    }

    fn release_user(&self, user: &str, session: SessionId) -> Reply<'_, ()> {
        self.within(EngineCall::Other, self.engine.release_user(user, session), ())
    }

    fn renew(&self, node: NodeId) -> Reply<'_, Result<(), Unavailable>> {
        self.within(EngineCall::Lease, self.engine.renew(node), Err(Unavailable))
    }

    fn goodbye(&self, node: NodeId) -> Reply<'_, Result<(), Unavailable>> {
        self.within(EngineCall::Lease, self.engine.goodbye(node), Err(Unavailable))
    }

    fn heartbeats(
        &self,
        asker: NodeId,
        still_for: Duration,
        named: BTreeSet<NodeId>,
    ) -> Reply<'_, Result<Vec<(NodeId, Heartbeat)>, Unavailable>> {
        self.within(EngineCall::Lease, self.engine.heartbeats(asker, still_for, named), Err(Unavailable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Standing;
    use crate::metrics::Metrics;
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
            nodes_named() -> Result<BTreeSet<NodeId>, Unavailable>;
            forget(CohortId, Versioned) -> Result<(), Unavailable>;
            ask_snapshot(CohortId, SnapshotAsk) -> SnapshotAnswer;
            list_room(CohortId, Option<Listed>) -> Result<(), Unavailable>;
            rooms() -> Result<Vec<Listed>, Unavailable>;
            claim_user(&str, SessionId) -> Result<Option<SessionId>, Unavailable>;
            session_of(&str) -> Result<Option<SessionId>, Unavailable>;
            release_user(&str, SessionId) -> ();
            renew(NodeId) -> Result<(), Unavailable>;
            goodbye(NodeId) -> Result<(), Unavailable>;
            heartbeats(NodeId, Duration, BTreeSet<NodeId>) -> Result<Vec<(NodeId, Heartbeat)>, Unavailable>;
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
        let metrics = Metrics::default();
        let engine = Bounded::new(Arc::new(Silent), Arc::new(metrics.node("node-1")));
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
                async { assert_eq!(engine.nodes_named().await, Err(Unavailable)) },
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
                async {
                    let answer = engine.heartbeats(node, ANSWER_MAX, BTreeSet::new()).await;
                    assert_eq!(answer, Err(Unavailable));
                },
            )
        };
        tokio::time::timeout(ANSWER_MAX * 10, answers).await.expect("every answer comes in time");
        let text = metrics.encode(&[]);
        for (call, unanswered) in [("record", 4), ("snapshot", 1), ("lease", 3), ("other", 6)] {
            let line = format!(
                "sterna_engine_unanswered_total{{node=\"node-1\",request=\"{call}\"}} {unanswered}\n"
            );
            assert!(text.contains(&line), "{line}{text}");
        }
    }
}
