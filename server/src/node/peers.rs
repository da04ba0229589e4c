//! Links between nodes: frames of moves, over mutual TLS, also when all nodes live in one process. Each node
//! opens a link for what it sends, and takes what comes on those that others open.

use super::failpoints::Passage;
use super::outbox::{Item, Outbox};
use super::{Node, now};
use crate::engine::{NodeInfo, Standing};
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::cohort::{Cohort, Env};
use sterna::protocol::ids::{CohortId, NodeId, SessionId};
use sterna::protocol::limits;
use sterna::protocol::reasons::{CloseReason, TargetRefusal};
use sterna::protocol::wire::{Peer, split};
use sterna::transport::peer::PeerListener;
use sterna::transport::{Close, Handler, Incoming, Lane};

/// Pause before a node that could not be reached is tried again; frames wait meanwhile.
const DIAL_AGAIN_AFTER: Duration = Duration::from_millis(100);

impl Node {
    pub(super) fn outbox(&self, to: NodeId) -> Option<Arc<Outbox>> {
        self.outboxes.lock().get(&to).cloned()
    }

    /// Puts a frame into the outbox for a node; the first one starts the task that sends it.
    pub(super) fn push_to(self: &Arc<Self>, to: NodeId, item: Item) {
        // The lock is held until the frame is in: an outbox is closed under it, and only when empty.
        let mut outboxes = self.outboxes.lock();
        let outbox = outboxes.entry(to).or_insert_with(|| {
            let outbox = Arc::new(Outbox::default());
            self.spawn(self.clone().run_outbox(to, outbox.clone()));
            outbox
        });
        outbox.push(item, now());
    }

    /// Sends an outbox until nothing is left in it when its link ends, or the node that it is for is gone.
    async fn run_outbox(self: Arc<Self>, to: NodeId, outbox: Arc<Outbox>) {
        let mut stopped = self.stopped.subscribe();
        while !self.has_stopped() {
            let Some(info) = self.live_nodes().into_iter().find(|info| info.id == to) else {
                // An incarnation that has left never comes back (f), and one whose lease has run out has
                // nothing to take frames for until it is heard of again. Batons that wait for it go with it:
                // to take back what is not in an outbox succeeds.
                self.outboxes.lock().remove(&to);
                return self.fail_unsent(to, &outbox);
            };
            if !self.run_peer_link(&info, &outbox).await {
                self.fail_unsent(to, &outbox);
            }
            if self.closed_empty(to, &outbox) {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(DIAL_AGAIN_AFTER) => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
        }
    }

    /// Closes an outbox in which nothing waits; false if something does.
    fn closed_empty(&self, to: NodeId, outbox: &Outbox) -> bool {
        let mut outboxes = self.outboxes.lock();
        let empty = outbox.is_empty();
        if empty {
            outboxes.remove(&to);
        }
        empty
    }

    /// Opens a link and sends until it ends. False if it could not be opened.
    async fn run_peer_link(self: &Arc<Self>, info: &NodeInfo, outbox: &Arc<Outbox>) -> bool {
        let to = info.id;
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
        let passage = Passage::default();
        let mut handler =
            Sender { node: self.clone(), outbox: outbox.clone(), hello, left: Vec::new(), passage };
        let end = link.run(&mut handler).await;
        outbox.set_waker(None);
        tracing::debug!(node = %self.name, peer = %info.name, "link between nodes ended: {end}");
        true
    }

    /// What cannot be sent is dropped; who wanted to move there hears of it.
    fn fail_unsent(self: &Arc<Self>, to: NodeId, outbox: &Outbox) {
        for Item { cohort, prepare, .. } in outbox.take_all_but_batons() {
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
            let mut stopped = self.stopped.subscribe();
            self.spawn(async move {
                tokio::select! {
                    () = node.receive(incoming) => {}
                    _ = stopped.wait_for(|stopped| *stopped) => {}
                }
            });
        }
    }

    async fn receive(self: &Arc<Self>, incoming: Incoming) {
        match incoming.handshake().await {
            Ok(link) => {
                let mut handler = Receiver { node: self.clone(), from: None };
                link.run(&mut handler).await;
            }
            Err(error) => tracing::info!(node = %self.name, "a link between nodes failed: {error}"),
        }
    }

    /// A frame of another node.
    fn on_peer_frame(self: &Arc<Self>, from: NodeId, frame: Peer) {
        match &frame {
            Peer::Prepare { .. } => return self.on_prepare(from, frame),
            Peer::Probe { .. } => return self.on_probe(from, frame),
            Peer::Credit { moves } => return self.on_credit(from, *moves),
            Peer::Close { session, reason } => return self.close_session(*session, *reason),
            Peer::LeaseOver => return self.let_clients_go(from),
            Peer::Hello { .. }
            | Peer::Prepared { .. }
            | Peer::Refused { .. }
            | Peer::Ready { .. }
            | Peer::Baton { .. }
            | Peer::BatonAck { .. }
            | Peer::Finalised { .. }
            | Peer::Ahead { .. }
            | Peer::AheadAck { .. }
            | Peer::Wanted { .. }
            | Peer::Cancel { .. } => {}
        }
        let Some(cohort) = frame.cohort() else { return };
        let slot = match (self.slot(cohort), &frame) {
            (Some(slot), _) => slot,
            // (c) A baton without a live preparation is handed back by whoever it reaches.
            (None, Peer::Baton { id, .. }) => {
                let unknown = || Cohort::unknown(id.cohort, self.id, self.settings.clone());
                return self.with_new(unknown, |cohort, env| cohort.refuse_baton(from, *id, env));
            }
            (None, _) => return,
        };
        slot.on_peer(self, from, frame);
    }

    fn on_prepare(self: &Arc<Self>, from: NodeId, frame: Peer) {
        let Peer::Prepare { id, fence, members, state_bytes, app_version, mode, .. } = frame else { return };
        self.grant(from, id.cohort);
        if let Some(reason) = self.why_not_here(id.target, app_version, state_bytes, members.len(), id.cohort)
        {
            self.send_peer(from, id.cohort, &Peer::Refused { id, reason });
            return;
        }
        let refused_before = self.refused.lock().ids.contains_key(&id);
        let expected = || Cohort::expect(id, &members, self.settings.clone());
        self.with_new(expected, |cohort, env| {
            cohort.on_prepare(id, from, fence, &members, mode, refused_before, env);
        });
        if let Some(slot) = self.slot(id.cohort) {
            slot.expect(self, from, id);
        }
    }

    /// A dry run asks whether a cohort could come, after `besides` sessions that would have come before.
    fn on_probe(self: &Arc<Self>, from: NodeId, frame: Peer) {
        let Peer::Probe { id, fence, members, state_bytes, app_version, besides, .. } = frame else { return };
        self.grant(from, id.cohort);
        let sessions = members.len().saturating_add(usize::try_from(besides).unwrap_or(usize::MAX));
        if let Some(reason) = self.why_not_here(id.target, app_version, state_bytes, sessions, id.cohort) {
            self.send_peer(from, id.cohort, &Peer::Refused { id, reason });
            return;
        }
        let expected = || Cohort::expect(id, &members, self.settings.clone());
        self.with_new(expected, |cohort, env| cohort.on_probe(id, from, fence, &members, env));
    }

    /// Acts on the cohort that is here, or on a new one.
    pub(super) fn with_new(self: &Arc<Self>, new: impl Fn() -> Cohort, act: impl Fn(&mut Cohort, &Env<'_>)) {
        // One that is taken out between the look-up and its lock is looked up again.
        while !self.add_slot(new()).with_present(self, &act) {}
    }

    /// Ends a session, if it is here. Else it has moved meanwhile, and who wants it to end looks again.
    pub(super) fn close_session(self: &Arc<Self>, session: SessionId, reason: CloseReason) {
        if let Some(slot) = self.slot_of(session) {
            slot.with(self, None, |cohort, env| cohort.close(session, reason, env));
        }
    }

    fn why_not_here(
        &self,
        target: NodeId,
        app_version: u32,
        state_bytes: u64,
        members: usize,
        cohort: CohortId,
    ) -> Option<TargetRefusal> {
        if target != self.id || self.standing() != Standing::Online {
            Some(TargetRefusal::NotOnline)
        } else if app_version > self.app_version() {
            Some(TargetRefusal::OlderApplication)
        } else if state_bytes > limits::PEER_FRAME_BYTES_MAX as u64 / 2 {
            Some(TargetRefusal::TooLarge)
        } else if !self.fits(members) && self.slot(cohort).is_none() {
            Some(TargetRefusal::Full)
        } else if self.with_env(|env| env.permit.is_none()) {
            Some(TargetRefusal::Fenced)
        } else {
            None
        }
    }

    /// Whether no more sessions fit.
    pub(super) fn is_full(&self) -> bool {
        !self.fits(1)
    }

    fn fits(&self, sessions: usize) -> bool {
        self.sessions().saturating_add(sessions) <= self.shared.config.limits.sessions_max as usize
    }
}

/// Sends an outbox.
struct Sender {
    node: Arc<Node>,
    outbox: Arc<Outbox>,
    hello: Vec<u8>,
    left: Vec<Item>,
    passage: Passage,
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
        self.passage.handed_over();
        out.append(&mut self.hello);
        while out.len() < room
            && let Some(mut item) = self.outbox.pop()
        {
            self.passage.peer_frame(&mut item.bytes);
            out.append(&mut item.bytes);
            if item.baton.is_some() {
                self.left.push(item);
            }
        }
        // (b) The bytes are on their way; whoever revokes a baton from here on comes too late.
        for Item { cohort, baton, .. } in self.left.drain(..) {
            if let (Some(id), Some(slot)) = (baton, self.node.slot(cohort)) {
                slot.on_baton_left(&self.node, id);
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
