//! Which other nodes clients are told of, to look for their sessions there should this one be gone. The connect token
//! named some, but nodes come and go while a session lasts.

use super::Node;
use super::takeovers::weight;
use crate::engine::NodeInfo;
use std::cmp::Reverse;
use std::net::SocketAddr;
use std::sync::Arc;
use sterna::protocol::ids::NodeId;
use sterna::protocol::limits::NODES_TOLD_MAX;

/// Where clients reach them, by each transport.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Others {
    tcp: Vec<SocketAddr>,
    quic: Vec<SocketAddr>,
}

impl Others {
    /// A few of these nodes: for each node others, so that not all clients of a large cluster know the same few, and
    /// the same ones for as long as they are there, for every change is told to every client.
    fn some_of(mut nodes: Vec<NodeInfo>, me: NodeId) -> Self {
        // The highest random weights (Thaler and Ravishankar 1998).
        nodes.sort_by_key(|info| Reverse(weight(me.0, info.id)));
        nodes.truncate(NODES_TOLD_MAX);
        let (tcp, quic) = nodes.iter().map(|info| (info.tcp, info.quic)).unzip();
        Self { tcp, quic }
    }

    pub(super) fn reached_by(&self, uses_quic: bool) -> Vec<SocketAddr> {
        if uses_quic { self.quic.clone() } else { self.tcp.clone() }
    }
}

impl Node {
    /// Looks which others there are, and tells the clients if that has changed.
    pub(super) fn look_for_others(self: &Arc<Self>) {
        let others = Others::some_of(self.other_nodes_online(), self.id);
        if std::mem::replace(&mut *self.others.lock(), others.clone()) != others {
            self.for_each_slot(|cohort, env| cohort.tell_nodes(env));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Standing;

    fn info(id: u64) -> NodeInfo {
        let address = |port: u64| SocketAddr::from(([10, 0, 0, 1], port as u16));
        NodeInfo {
            id: NodeId(id),
            name: format!("node-{id}"),
            standing: Standing::Online,
            tcp: address(id),
            quic: address(1000 + id),
            peer: address(2000 + id),
            app_version: 1,
            sessions: 0,
        }
    }

    #[test]
    fn a_few_are_told_and_the_same_ones_in_whatever_order_they_are_listed() {
        let nodes: Vec<NodeInfo> = (1..100).map(info).collect();
        let backwards = nodes.iter().rev().cloned().collect();
        let some = Others::some_of(nodes.clone(), NodeId(7));
        assert_eq!((some.tcp.len(), some.quic.len()), (NODES_TOLD_MAX, NODES_TOLD_MAX));
        assert_eq!(some, Others::some_of(backwards, NodeId(7)));
        assert_ne!(some, Others::some_of(nodes, NodeId(8)), "not everybody names the same few");
    }

    #[test]
    fn one_that_leaves_makes_room_for_one_other() {
        let nodes: Vec<NodeInfo> = (1..100).map(info).collect();
        let before = Others::some_of(nodes.clone(), NodeId(7));
        let rest = nodes.into_iter().filter(|info| info.tcp != before.tcp[0]).collect();
        let after = Others::some_of(rest, NodeId(7));
        let kept = before.tcp.iter().filter(|address| after.tcp.contains(address)).count();
        assert_eq!(kept, NODES_TOLD_MAX - 1);
    }
}
