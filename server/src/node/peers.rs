//! Links between nodes: frames of moves, over mutual TLS, also when all nodes live in one process. Each node
//! opens a link for what it sends, and takes what comes on those that others open.

use super::Node;
use super::outbox::{Item, Outbox};
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::cohort::Cohort;
use sterna::protocol::ids::{CohortId, NodeId};
use sterna::protocol::limits;
use sterna::protocol::reasons::TargetRefusal;
use sterna::protocol::wire::{Peer, split};
use sterna::transport::peer::PeerListener;
use sterna::transport::{Close, Handler, Lane, Waker};

/// Pause before a node that could not be reached is tried again; frames wait meanwhile.
const DIAL_AGAIN_AFTER: Duration = Duration::from_millis(100);

impl Node {
    pub(super) fn outbox(&self, to: NodeId) -> Option<Arc<Outbox>> {
        self.outboxes.lock().get(&to).cloned()
    }

    /// The outbox for a node; whoever asks first starts the task that sends it.
    pub(super) fn outbox_to(self: &Arc<Self>, to: NodeId) -> Arc<Outbox> {
        let mut outboxes = self.outboxes.lock();
        if let Some(outbox) = outboxes.get(&to) {
            return outbox.clone();
        }
        let outbox = Arc::new(Outbox::default());
        outboxes.insert(to, outbox.clone());
        tokio::spawn(self.clone().run_outbox(to, outbox.clone()));
        outbox
    }

    async fn run_outbox(self: Arc<Self>, to: NodeId, outbox: Arc<Outbox>) {
        let mut stopped = self.stopped.subscribe();
        loop {
            if outbox.is_empty() {
                tokio::select! {
                    () = outbox.wanted.notified() => {}
                    _ = stopped.wait_for(|stopped| *stopped) => return,
                }
                continue;
            }
            if !self.run_peer_link(to, &outbox).await {
                self.fail_unsent(to, &outbox);
                tokio::select! {
                    () = tokio::time::sleep(DIAL_AGAIN_AFTER) => {}
                    _ = stopped.wait_for(|stopped| *stopped) => return,
                }
            }
        }
    }

    /// Opens a link and sends until it ends. False if it could not be opened.
    async fn run_peer_link(self: &Arc<Self>, to: NodeId, outbox: &Arc<Outbox>) -> bool {
        let Some(info) = self.shared.engine.nodes().into_iter().find(|info| info.id == to) else {
            return false;
        };
        let link = match self.peer_dialer.dial(info.peer).await {
            Ok(link) => link,
            Err(error) => {
                tracing::info!(node = %self.name, peer = %info.name, "cannot reach the node: {error}");
                return false;
            }
        };
        outbox.set_waker(Some(link.waker()));
        let mut hello = Vec::new();
        Peer::Hello { version: limits::VERSION, from: self.id, to }.encode(&mut hello);
        let mut handler = Sender { node: self.clone(), outbox: outbox.clone(), hello, left: Vec::new() };
        let end = link.run(&mut handler).await;
        outbox.set_waker(None);
        tracing::debug!(node = %self.name, peer = %info.name, "link between nodes ended: {end}");
        true
    }

    /// What cannot be sent is dropped; who wanted to move there hears of it.
    fn fail_unsent(self: &Arc<Self>, to: NodeId, outbox: &Outbox) {
        for Item { cohort, prepare, .. } in outbox.drain() {
            if let (Some(id), Some(slot)) = (prepare, self.slot(cohort)) {
                let frame = Peer::Refused { id, reason: TargetRefusal::Unreachable };
                slot.with(self, None, |cohort, env| cohort.on_peer(to, frame, env));
            }
        }
    }

    pub(super) async fn accept_peers(self: Arc<Self>, listener: PeerListener) {
        let mut stopped = self.stopped.subscribe();
        loop {
            let incoming = tokio::select! {
                incoming = listener.accept() => incoming,
                _ = stopped.wait_for(|stopped| *stopped) => None,
            };
            let Some(incoming) = incoming else { return listener.close() };
            let node = self.clone();
            tokio::spawn(async move {
                match incoming.handshake().await {
                    Ok(link) => {
                        let waker = link.waker();
                        let mut handler = Receiver { node, from: None, waker };
                        link.run(&mut handler).await;
                    }
                    Err(error) => tracing::info!(node = %node.name, "a link between nodes failed: {error}"),
                }
            });
        }
    }

    /// A frame of another node.
    fn on_peer_frame(self: &Arc<Self>, from: NodeId, frame: Peer) {
        let cohort = match &frame {
            Peer::Hello { .. } => return,
            Peer::Prepare { .. } => return self.on_prepare(from, frame),
            Peer::Prepared { id, .. }
            | Peer::Refused { id, .. }
            | Peer::Ready { id }
            | Peer::Baton { id, .. }
            | Peer::BatonAck { id }
            | Peer::Finalised { id }
            | Peer::Cancel { id } => id.cohort,
            Peer::Close { session, .. } => CohortId::from(*session),
        };
        let slot = match (self.slot(cohort), &frame) {
            (Some(slot), _) => slot,
            // (c) A baton without a live preparation is handed back by whoever it reaches.
            (None, Peer::Baton { id, baton }) => {
                let Some(state) = baton.sessions.first() else { return };
                let member =
                    sterna::protocol::wire::Member { session: state.session, client_key: state.client_key };
                let slot = self.add_slot(Cohort::expect(*id, &member, self.settings.clone()));
                slot.with(self, None, |cohort, env| cohort.refuse_baton(from, *id, env));
                return;
            }
            (None, _) => return,
        };
        slot.with(self, None, |cohort, env| cohort.on_peer(from, frame, env));
    }

    fn on_prepare(self: &Arc<Self>, from: NodeId, frame: Peer) {
        let Peer::Prepare { id, fence, members, state_bytes, app_version, mode, .. } = frame else { return };
        let Some(member) = members.first() else { return };
        if let Some(reason) = self.why_not_here(id.target, app_version, state_bytes, id.cohort) {
            return self.send_peer(from, id.cohort, &Peer::Refused { id, reason });
        }
        let refused_before = self.refused.lock().ids.contains_key(&id);
        let slot = self.add_slot(Cohort::expect(id, member, self.settings.clone()));
        slot.with(self, None, |cohort, env| {
            cohort.on_prepare(id, from, fence, mode, refused_before, env);
        });
    }

    fn why_not_here(
        &self,
        target: NodeId,
        app_version: u32,
        state_bytes: u64,
        cohort: CohortId,
    ) -> Option<TargetRefusal> {
        use crate::engine::Standing;
        if target != self.id || self.standing() != Standing::Online {
            Some(TargetRefusal::NotOnline)
        } else if app_version > self.shared.application.version() {
            Some(TargetRefusal::OlderApplication)
        } else if state_bytes > limits::PEER_FRAME_BYTES_MAX as u64 / 2 {
            Some(TargetRefusal::TooLarge)
        } else if self.is_full() && self.slot(cohort).is_none() {
            Some(TargetRefusal::Full)
        } else if self.with_env(|env| env.permit.is_none()) {
            Some(TargetRefusal::Fenced)
        } else {
            None
        }
    }

    /// Whether no more sessions fit.
    pub(super) fn is_full(&self) -> bool {
        self.slots.lock().len() >= self.shared.config.limits.sessions_max as usize
    }
}

/// Sends an outbox.
struct Sender {
    node: Arc<Node>,
    outbox: Arc<Outbox>,
    hello: Vec<u8>,
    left: Vec<Item>,
}

impl Handler for Sender {
    fn received(&mut self, _: Lane, bytes: &[u8]) -> Result<usize, Close> {
        // The other end sends on links of its own.
        if bytes.is_empty() { Ok(0) } else { Err(Close) }
    }

    fn datagram(&mut self, _: &[u8]) {}

    fn fill(&mut self, lane: Lane, out: &mut Vec<u8>, room: usize) {
        if lane == Lane::Data {
            return;
        }
        out.append(&mut self.hello);
        while out.len() < room
            && let Some(mut item) = self.outbox.pop()
        {
            out.append(&mut item.bytes);
            if item.baton.is_some() {
                self.left.push(item);
            }
        }
        // (b) The bytes are on their way; whoever revokes a baton from here on comes too late.
        for Item { cohort, baton, .. } in self.left.drain(..) {
            if let (Some(id), Some(slot)) = (baton, self.node.slot(cohort)) {
                slot.with(&self.node, None, |cohort, env| cohort.on_baton_left(id, env));
            }
        }
    }

    fn next_datagram(&mut self, _: &mut Vec<u8>) -> bool {
        false
    }

    fn closing(&self) -> bool {
        *self.node.stopped.borrow()
    }
}

/// Takes what another node sends.
struct Receiver {
    node: Arc<Node>,
    from: Option<NodeId>,
    waker: Waker,
}

impl Receiver {
    fn on_hello(&mut self, frame: &Peer) -> Result<(), Close> {
        let Peer::Hello { version, from, to } = frame else { return Err(Close) };
        // (f) What is meant for an earlier incarnation at this address is not for this one.
        if *version != limits::VERSION || *to != self.node.id {
            return Err(Close);
        }
        self.from = Some(*from);
        Ok(())
    }
}

impl Handler for Receiver {
    fn received(&mut self, _: Lane, bytes: &[u8]) -> Result<usize, Close> {
        let mut taken = 0;
        loop {
            let whole = split(&bytes[taken..], limits::PEER_FRAME_BYTES_MAX).map_err(|_| Close)?;
            let Some((body, length)) = whole else { return Ok(taken) };
            let frame = Peer::decode(body).map_err(|error| {
                tracing::warn!(node = %self.node.name, "a node sent what is not a frame: {error}");
                Close
            })?;
            taken += length;
            match self.from {
                None => self.on_hello(&frame)?,
                Some(from) => self.node.on_peer_frame(from, frame),
            }
        }
    }

    fn datagram(&mut self, _: &[u8]) {}

    fn fill(&mut self, _: Lane, _: &mut Vec<u8>, _: usize) {}

    fn next_datagram(&mut self, _: &mut Vec<u8>) -> bool {
        false
    }

    fn closing(&self) -> bool {
        *self.node.stopped.borrow()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.waker.wake();
    }
}
