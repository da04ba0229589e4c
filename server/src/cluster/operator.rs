//! What operators see of the nodes of a process, and what they may do with them.

use super::{Cluster, DrainError};
use crate::admin::{
    ClusterStatus, DrainStatus, DryRunFuture, NodeState, NodeStatus, Operator, OperatorError, OtherNode,
};
use crate::config::EngineConfig;
use crate::engine::Standing;
use crate::metrics::DrainGauges;
use crate::moves::MoveEntry;
use crate::node::{DrainOrder, DryRunOrder, NoDryRun, Node};
use std::time::Duration;

impl Operator for Cluster {
    fn nodes(&self) -> Vec<NodeStatus> {
        Cluster::nodes(self).iter().map(|node| status(node)).collect()
    }

    fn drain(&self, node: &str, order: DrainOrder) -> Result<(), OperatorError> {
        self.order_drain(node, order).map_err(|error| match error {
            DrainError::UnknownNode(name) => OperatorError::UnknownNode(name),
            DrainError::AlreadyOffline(name) => OperatorError::AlreadyOffline(name),
        })
    }

    fn dry_run(&self, node: &str, order: DryRunOrder) -> DryRunFuture {
        let (found, name) = (self.node(node), node.to_owned());
        Box::pin(async move {
            let Some(found) = found else { return Err(OperatorError::UnknownNode(name)) };
            found.dry_run(order).await.map_err(|why_not| match why_not {
                NoDryRun::Offline => OperatorError::AlreadyOffline(name),
                NoDryRun::Busy => OperatorError::DryRunUnderWay(name),
            })
        })
    }

    fn cordon(&self, node: &str, on: bool) -> Result<(), OperatorError> {
        let found = self.node(node).ok_or_else(|| OperatorError::UnknownNode(node.to_owned()))?;
        if !found.set_cordoned(on) {
            return Err(OperatorError::AlreadyOffline(node.to_owned()));
        }
        self.runtime.spawn(async move { found.tell_standing().await });
        Ok(())
    }

    fn connect_token(&self, user: &str, life: Duration) -> Result<String, OperatorError> {
        Cluster::connect_token(self, user, life)
    }

    fn cluster(&self) -> ClusterStatus {
        let config = &self.shared.config;
        let own = Cluster::nodes(self);
        let mut others = own.first().map(|node| node.live_nodes()).unwrap_or_default();
        others.retain(|info| own.iter().all(|node| node.id() != info.id));
        others.sort_by(|a, b| a.name.cmp(&b.name));
        let others = others.into_iter().map(|info| OtherNode {
            name: info.name,
            id: info.id.to_string(),
            state: info.standing.into(),
            sessions: info.sessions,
            tcp: info.tcp,
            quic: info.quic,
        });
        ClusterStatus {
            cluster: config.cluster.clone(),
            engine: match config.engine {
                EngineConfig::Local => "local".into(),
                EngineConfig::Nats(_) => "nats".into(),
            },
            nodes: own.iter().map(|node| status(node)).collect(),
            others: others.collect(),
        }
    }

    fn moves(&self, count: usize) -> Vec<MoveEntry> {
        self.shared.moves.latest(count)
    }

    fn ready(&self) -> Result<(), OperatorError> {
        let takes = |node: &std::sync::Arc<Node>| state(node) == NodeState::Online && !node.is_fenced();
        if Cluster::nodes(self).iter().any(takes) {
            return Ok(());
        }
        Err(OperatorError::Unavailable("no node of this process takes new users".into()))
    }

    fn metrics(&self) -> String {
        let nodes = Cluster::nodes(self);
        let gauges: Vec<_> = nodes.iter().map(|node| node.gauges(state(node))).collect();
        self.shared.metrics.encode(&gauges)
    }

    fn endpoint(&self, user_token: &str) -> Result<String, OperatorError> {
        self.shared.verifier.verify(user_token).map_err(OperatorError::BadToken)?;
        self.connect_token_around(user_token.to_owned())
    }
}

impl From<Standing> for NodeState {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Online => Self::Online,
            Standing::Cordoned => Self::Cordoned,
            Standing::Offline => Self::Offline,
        }
    }
}

fn state(node: &Node) -> NodeState {
    if node.has_stopped() { NodeState::Exited } else { node.standing().into() }
}

fn status(node: &Node) -> NodeStatus {
    NodeStatus {
        name: node.name().to_owned(),
        id: node.id().to_string(),
        state: state(node),
        sessions: node.sessions() as u64,
        tcp: node.tcp(),
        quic: node.quic(),
        fenced: node.is_fenced(),
        moves: node.move_counts(),
        drain: node.drain_status().map(DrainStatus::from),
    }
}

impl From<DrainGauges> for DrainStatus {
    fn from(drain: DrainGauges) -> Self {
        Self {
            sessions_at_start: drain.sessions_at_start,
            sessions_left: drain.sessions_left,
            left_ms: drain.left.as_millis() as u64,
            estimate_ms: drain.estimate.map(|estimate| estimate.as_millis() as u64),
        }
    }
}
