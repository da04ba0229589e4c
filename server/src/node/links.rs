//! Links of clients: a link first says what it is for ([`super::admission`]), then belongs to a cohort.

use super::Node;
use super::failpoints::Passage;
use super::slot::Slot;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use sterna::protocol::limits;
use sterna::protocol::reasons::RefuseReason;
use sterna::protocol::session::{LinkId, Outgoing};
use sterna::protocol::wire::{Downlink, Uplink, split};
use sterna::transport::{Close, Handler, Kind, Lane, Link, LinkEnd, Listener, Waker};
use tokio::sync::oneshot;

/// A link that is waiting to be let in.
pub(super) struct Newcomer {
    pub(super) id: LinkId,
    pub(super) kind: Kind,
    pub(super) binding: sterna::protocol::keys::Binding,
    pub(super) datagram_bytes_max: Option<usize>,
    pub(super) waker: Waker,
    pub(super) door: Arc<Door>,
}

/// Where a link stands.
pub(super) struct Door {
    state: Mutex<DoorState>,
    /// Counts the cohorts that the link has belonged to, so that its task need not ask each time.
    turns: AtomicU32,
}

enum DoorState {
    /// It has not said what it is for.
    Greeting(oneshot::Sender<Uplink>),
    /// It is being decided about.
    Waiting,
    /// It belongs to a cohort.
    Inside(Arc<Slot>),
    /// It gets these last bytes and is closed.
    Refused(Vec<u8>),
    /// It has ended.
    Gone,
}

impl Door {
    /// The link belongs to this cohort from now on. False if it has ended while that was decided.
    pub(super) fn let_in(&self, slot: Arc<Slot>) -> bool {
        let mut state = self.state.lock();
        let waiting = !matches!(*state, DoorState::Gone);
        if waiting {
            *state = DoorState::Inside(slot);
        }
        waiting
    }

    /// The link's session belongs to another cohort from now on.
    pub(super) fn lead_to(&self, slot: Arc<Slot>) {
        let mut state = self.state.lock();
        if let DoorState::Inside(_) = *state {
            *state = DoorState::Inside(slot);
            self.turns.fetch_add(1, Ordering::Release);
        }
    }

    fn slot(&self) -> Option<Arc<Slot>> {
        match &*self.state.lock() {
            DoorState::Inside(slot) => Some(slot.clone()),
            DoorState::Greeting(_) | DoorState::Waiting | DoorState::Refused(_) | DoorState::Gone => None,
        }
    }

    pub(super) fn refuse(&self, frame: &Downlink) {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        let mut state = self.state.lock();
        if !matches!(*state, DoorState::Gone) {
            *state = DoorState::Refused(bytes);
        }
    }

    /// The link has ended; gives the cohort that it belonged to.
    fn end(&self) -> Option<Arc<Slot>> {
        match std::mem::replace(&mut *self.state.lock(), DoorState::Gone) {
            DoorState::Inside(slot) => Some(slot),
            DoorState::Greeting(_) | DoorState::Waiting | DoorState::Refused(_) | DoorState::Gone => None,
        }
    }
}

impl Node {
    pub(super) async fn accept_clients(self: Arc<Self>, listener: Listener) {
        let mut stopped = self.stopped.subscribe();
        loop {
            let incoming = tokio::select! {
                incoming = listener.accept() => incoming,
                _ = stopped.wait_for(|stopped| *stopped) => None,
            };
            let Some(incoming) = incoming else {
                listener.close();
                return listener.wait_idle().await;
            };
            let node = self.clone();
            let mut stopped = self.stopped.subscribe();
            self.spawn(async move {
                let from = incoming.peer_addr();
                let link = tokio::select! {
                    link = incoming.handshake() => link,
                    _ = stopped.wait_for(|stopped| *stopped) => return,
                };
                match link {
                    Ok(link) => node.run_client_link(link).await,
                    Err(error) => tracing::debug!(node = %node.name, %from, "no link: {error}"),
                }
            });
        }
    }

    async fn run_client_link(self: Arc<Self>, link: Link) {
        let id = LinkId(self.next_link());
        let (greeting, greeted) = oneshot::channel();
        let state = Mutex::new(DoorState::Greeting(greeting));
        let door = Arc::new(Door { state, turns: AtomicU32::new(0) });
        let newcomer = Newcomer {
            id,
            kind: link.kind(),
            binding: link.binding(),
            datagram_bytes_max: link.datagram_bytes_max(),
            waker: link.waker(),
            door: door.clone(),
        };
        tokio::spawn(self.clone().admit(newcomer, greeted));
        let _counted = self.metrics.link(link.kind());
        let from = link.peer_addr();
        let waker = link.waker();
        let mut stopped = self.stopped.subscribe();
        let passage = Passage::default();
        let mut handler =
            ClientLink { node: self.clone(), id, door: door.clone(), slot: None, turn: 0, passage };
        let stop = async {
            let _ = stopped.wait_for(|stopped| *stopped).await;
            waker.wake(); // it closes by itself, once it has said what it has to say
            tokio::time::sleep(limits::CLOSE_MAX).await;
        };
        let end = tokio::select! {
            end = link.run(&mut handler) => end,
            () = stop => LinkEnd::CutOff,
        };
        tracing::debug!(node = %self.name, %from, link = id.0, "link ended: {end}");
        if let Some(slot) = door.end() {
            self.on_link_ended(&slot, id);
        }
    }

    pub(super) fn on_link_ended(self: &Arc<Self>, slot: &Arc<Slot>, link: LinkId) {
        if slot.remove_link(link) {
            return slot.with(self, None, |cohort, env| cohort.link_ended(link, env));
        }
        // Its session has joined or left a room at this very moment.
        for slot in self.all_slots() {
            if slot.remove_link(link) {
                slot.with(self, None, |cohort, env| cohort.link_ended(link, env));
            }
        }
    }
}

/// Between one link and its cohort.
struct ClientLink {
    node: Arc<Node>,
    id: LinkId,
    door: Arc<Door>,
    /// The cohort, once the link is let in.
    slot: Option<Arc<Slot>>,
    turn: u32,
    passage: Passage,
}

impl ClientLink {
    fn slot(&mut self) -> Option<Arc<Slot>> {
        let turn = self.door.turns.load(Ordering::Acquire);
        if self.slot.is_none() || turn != self.turn {
            self.turn = turn;
            self.slot = self.door.slot();
        }
        self.slot.clone()
    }

    /// Takes the greeting off the front; what follows it waits until it is decided about.
    fn greet(&mut self, bytes: &[u8]) -> Result<usize, Close> {
        let mut state = self.door.state.lock();
        match &*state {
            DoorState::Greeting(_) => {}
            // Nothing of size has a place here before the answer.
            DoorState::Waiting if bytes.len() > limits::FRAME_BYTES_MAX => return Err(Close),
            DoorState::Waiting | DoorState::Inside(_) => return Ok(0),
            DoorState::Refused(_) | DoorState::Gone => return Ok(bytes.len()),
        }
        let refuse = |reason| {
            let mut refusal = Vec::new();
            Downlink::Refused { reason, elsewhere: Vec::new() }.encode(&mut refusal);
            DoorState::Refused(refusal)
        };
        let Ok(whole) = split(bytes, limits::FRAME_BYTES_MAX) else {
            *state = refuse(RefuseReason::Greeting);
            return Ok(bytes.len());
        };
        let Some((body, length)) = whole else { return Ok(0) };
        match Uplink::decode(body) {
            Ok(hello @ Uplink::Hello { .. }) => {
                if let DoorState::Greeting(greeting) = std::mem::replace(&mut *state, DoorState::Waiting) {
                    let _ = greeting.send(hello);
                }
                Ok(length)
            }
            Ok(_) | Err(_) => {
                *state = refuse(RefuseReason::Greeting);
                Ok(bytes.len())
            }
        }
    }

    /// Hands bytes to the cohort.
    fn take(&mut self, bytes: &[u8]) -> Result<usize, Close> {
        let Some(slot) = self.slot() else { return self.greet(bytes) };
        let id = self.id;
        let taken = slot.with(&self.node, Some(id), |cohort, env| cohort.received(id, bytes, env));
        match taken {
            Some(Ok(taken)) => {
                self.node.metrics.received(&bytes[..taken]);
                Ok(taken)
            }
            Some(Err(fault)) => {
                tracing::info!(node = %self.node.name, link = id.0, "a client broke the protocol: {fault}");
                Err(Close)
            }
            // The session has joined or left a room since: what has come is for the cohort that has it now.
            None if self.door.turns.load(Ordering::Acquire) != self.turn => self.take(bytes),
            None => Ok(bytes.len()),
        }
    }
}

impl Handler for ClientLink {
    fn received(&mut self, _: Lane, bytes: &[u8]) -> Result<usize, Close> {
        self.take(bytes)
    }

    fn datagram(&mut self, bytes: &[u8]) {
        if let Some(slot) = self.slot() {
            let id = self.id;
            self.node.metrics.datagram_received(bytes.len());
            let result = slot.with(&self.node, Some(id), |cohort, env| cohort.datagram(id, bytes, env));
            if let Err(fault) = result {
                tracing::debug!(node = %self.node.name, link = id.0, "a datagram was dropped: {fault}");
            }
        }
    }

    fn fill(&mut self, lane: Lane, out: &mut Vec<u8>, room: usize) {
        if lane == Lane::Control {
            self.passage.handed_over();
        }
        let Some(slot) = self.slot() else {
            if let DoorState::Refused(bytes) = &mut *self.door.state.lock()
                && lane == Lane::Control
            {
                out.append(bytes);
            }
            return;
        };
        let lane = match lane {
            Lane::Control => Outgoing::Control,
            Lane::Data => Outgoing::Data,
        };
        let start = out.len();
        slot.peek(&self.node, |cohort, env| cohort.fill(self.id, lane, out, room, env));
        self.node.metrics.written(&out[start..]);
        self.passage.client_frames(out, start);
    }

    fn next_datagram(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(slot) = self.slot() else { return false };
        let start = out.len();
        let found = slot.peek(&self.node, |cohort, env| cohort.next_datagram(self.id, out, env));
        if found {
            self.node.metrics.datagram_written(out.len() - start);
        }
        found
    }

    fn closing(&self) -> bool {
        if self.node.has_stopped() || self.passage.is_broken() {
            return true;
        }
        // The door's lock is let go before the cohort's is taken, which is taken first elsewhere.
        loop {
            let turn = self.door.turns.load(Ordering::Acquire);
            let Some(slot) = self.door.slot() else { break };
            // A cohort that the session has left meanwhile knows nothing of the link. By turns, for it may have come back
            // since.
            let is_closing = slot.is_closing(self.id);
            if !is_closing || self.door.turns.load(Ordering::Acquire) == turn {
                return is_closing;
            }
        }
        match &*self.door.state.lock() {
            DoorState::Greeting(_) | DoorState::Waiting | DoorState::Inside(_) => false,
            DoorState::Refused(_) | DoorState::Gone => true,
        }
    }
}
