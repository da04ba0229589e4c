//! The client's role: one session over whatever links there are. It serves the game's messages in order,
//! follows the session from node to node, and brings it back when a link breaks.
//!
//! Of all links only one is *serving*: the one whose node has said so by a `Switch`. Its fence is the
//! client's; a `Switch` with a lower one is refused (promise 1).

mod link;
mod moving;
mod probing;
mod restore;
mod room;
mod switching;
#[cfg(test)]
mod tests;
mod traffic;

pub use link::LinkId;
pub use room::Ask;

use crate::client::event::{Batch, Event};
use crate::client::status::Status;
use crate::protocol::ids::{Cursor, Epoch, Fence, Generation, LinkNumber, SessionId};
use crate::protocol::keys;
use crate::protocol::reasons::{CloseReason, MoveFailure, RefuseReason};
use crate::protocol::sequence::{PeerMisbehaved, Replay};
use crate::protocol::time::Time;
use crate::protocol::wire::{DecodeError, Greeting, MoveMode, Uplink};
use link::{Link, Purpose};
use moving::{Move, Offline};
use probing::Probing;
use restore::Restore;
use room::{Asked, Room};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

/// Where events go.
pub trait Events {
    /// Queues an event with its text or payload.
    fn event(&mut self, event: Event, bytes: &[u8]);

    /// Queues an event whose bytes are a text, a NUL, and data.
    fn event_with_parts(&mut self, event: Event, text: &str, data: &[u8]) {
        let bytes = [text.as_bytes(), &[0], data].concat();
        self.event(event, &bytes);
    }
}

impl Events for Batch {
    fn event(&mut self, event: Event, bytes: &[u8]) {
        self.push(event, bytes);
    }

    fn event_with_parts(&mut self, event: Event, text: &str, data: &[u8]) {
        self.push_parts(event, text.as_bytes(), data);
    }
}

/// What the configuration says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// How the client is moved.
    pub mode: MoveMode,
    /// How long `connect` may take.
    pub connect_max: Duration,
    /// How long a broken link may take to be restored.
    pub resume_max: Duration,
    /// Pause between pings.
    pub ping_every: Duration,
    /// A link silent for so long is given up.
    pub silence_max: Duration,
    /// Bytes of uplink kept until acknowledged.
    pub replay_bytes_max: usize,
    /// Cost of received messages that may wait for the game.
    pub window: u64,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Open a link to this address; answered by `link_up` or `link_ended`.
    Dial(LinkId, SocketAddr),
}

/// What a node did that ends its link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// The bytes are not frames.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The frames make no sense.
    #[error(transparent)]
    Misbehaved(#[from] PeerMisbehaved),
    /// A frame that has no place here.
    #[error("unexpected frame {0}")]
    Unexpected(&'static str),
    /// It serves at a fence below one already seen.
    #[error("a node serves at {got}, but {seen} has been seen")]
    Stale {
        /// What it says.
        got: Fence,
        /// What the client knows.
        seen: Fence,
    },
}

/// How a link ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkEnd {
    /// The kind.
    pub status: Status,
    /// In words.
    pub text: String,
}

impl From<Status> for LinkEnd {
    fn from(status: Status) -> Self {
        Self { status, text: status.to_string() }
    }
}

/// Where the client stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Never connected, or disconnected.
    Idle,
    /// Looking for a node that begins a session.
    Connecting { deadline: Time, next: usize, failure: Option<(Status, String)> },
    /// A node serves.
    Connected,
    /// The serving link broke.
    Restoring(Restore),
}

/// Which state the game sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Not connected.
    Idle,
    /// `connect` is under way.
    Connecting,
    /// Play goes on.
    Connected,
    /// Play goes on, a target is being attached to.
    Migrating,
    /// The link is being restored.
    Reconnecting,
}

/// Counts of one client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// Smoothed round trip in microseconds (RFC 6298's filter), of pings.
    pub rtt_us: u64,
    /// The shortest seen.
    pub rtt_us_min: u64,
    /// Moves that ended elsewhere.
    pub moves: u64,
    /// Moves that came to nothing.
    pub moves_failed: u64,
    /// Links restored.
    pub reconnects: u64,
    /// What the last move added to the usual spacing of arrivals, in microseconds.
    pub last_move_added_us: u64,
    /// Reliable messages and datagrams handed to the game.
    pub messages_received: u64,
}

/// What the client knows of its session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Session {
    id: SessionId,
    fence: Fence,
    generation: Generation,
    client_key: [u8; 32],
    resume_token: Vec<u8>,
    resume_max: Duration,
    moves_when_online: bool,
    owner: SocketAddr,
}

/// Spacing of arrivals, for what a move adds to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Arrivals {
    last_at: Option<Time>,
    usual_us: u64,
    /// The last arrival before a `Switch`, until the next arrival.
    before_switch: Option<Time>,
}

impl Arrivals {
    /// How much longer than usual nothing has come.
    fn added_us(&self, now: Time) -> u64 {
        let gap = self.last_at.map_or(0, |last| now.since(last).as_micros() as u64);
        gap.saturating_sub(self.usual_us)
    }
}

/// The client's role.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    settings: Settings,
    phase: Phase,
    addresses: Vec<SocketAddr>,
    /// Nodes besides the one that serves the session, as that has said: those of the token may be gone by now.
    nodes: Vec<SocketAddr>,
    user_token: String,
    links: Vec<Link>,
    next_link: u64,
    session: Option<Session>,
    up: Replay,
    /// The next downlink message that is new.
    down: Cursor,
    held: u64,
    unacked: u64,
    ack_at: Option<Time>,
    requests: BTreeMap<u64, Asked>,
    request_deadlines: BTreeSet<(Time, u64)>,
    room: Room,
    /// The epoch from which on the present owner has served without another between.
    owned_since: Epoch,
    offline: Option<Epoch>,
    /// Until when it stays there without asking, as it was told last.
    offline_until: Option<Time>,
    /// What a node says that has not said `Switch` yet: lanes overtake each other.
    early_offline: Option<Offline>,
    asked_to_move: Option<Epoch>,
    moving: Option<Move>,
    probing: Option<Probing>,
    /// The game has been told that a move goes on; when it is told at the latest that it came to nothing.
    announced: Option<Time>,
    counts: Counts,
    arrivals: Arrivals,
    random: u64,
    /// Which of the other nodes it asks first when its own is gone: else all clients of a node would ask the same one.
    first_other: u32,
    outputs: VecDeque<Output>,
}

impl Client {
    /// A client that is not connected. `seed` begins the jitter of its back-off.
    pub fn new(settings: Settings, seed: u64) -> Self {
        let up = Replay::new(Cursor(0), settings.replay_bytes_max);
        Self {
            settings,
            phase: Phase::Idle,
            addresses: Vec::new(),
            nodes: Vec::new(),
            user_token: String::new(),
            links: Vec::new(),
            next_link: 0,
            session: None,
            up,
            down: Cursor(0),
            held: 0,
            unacked: 0,
            ack_at: None,
            requests: BTreeMap::new(),
            request_deadlines: BTreeSet::new(),
            room: Room::default(),
            owned_since: Epoch::default(),
            offline: None,
            offline_until: None,
            early_offline: None,
            asked_to_move: None,
            moving: None,
            probing: None,
            announced: None,
            counts: Counts::default(),
            arrivals: Arrivals::default(),
            random: seed,
            first_other: (seed >> 32) as u32,
            outputs: VecDeque::new(),
        }
    }

    /// Where the client stands.
    pub fn standing(&self) -> Standing {
        match &self.phase {
            Phase::Idle => Standing::Idle,
            Phase::Connecting { .. } => Standing::Connecting,
            Phase::Connected if self.is_moving() => Standing::Migrating,
            Phase::Connected => Standing::Connected,
            Phase::Restoring(_) => Standing::Reconnecting,
        }
    }

    /// Its counts.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The fence that it is served at, or was last.
    pub fn fence(&self) -> Fence {
        self.session.as_ref().map_or(Fence::default(), |session| session.fence)
    }

    /// The epoch that it is served at, or was last.
    pub fn epoch(&self) -> Epoch {
        self.fence().epoch
    }

    /// Bytes of uplink that are not acknowledged.
    pub fn unacknowledged_bytes(&self) -> usize {
        self.up.bytes()
    }

    /// Whether [`poll_output`](Self::poll_output) has something.
    pub fn has_output(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Begins a session at the first of these addresses that takes it. Forgets an earlier session.
    pub fn connect(
        &mut self,
        addresses: Vec<SocketAddr>,
        user_token: String,
        now: Time,
        events: &mut dyn Events,
    ) {
        let fresh = Self::new(self.settings.clone(), self.random);
        let (counts, next_link) = (self.counts, self.next_link);
        *self = Self { counts, next_link, held: self.held, ..fresh };
        self.addresses = addresses;
        self.nodes.clear();
        self.user_token = user_token;
        self.phase = Phase::Connecting { deadline: now + self.settings.connect_max, next: 0, failure: None };
        self.try_next_address(now, events);
    }

    fn try_next_address(&mut self, now: Time, events: &mut dyn Events) {
        let Phase::Connecting { next, failure, .. } = &mut self.phase else { return };
        match self.addresses.get(*next) {
            Some(address) => {
                *next += 1;
                let address = *address;
                self.dial(Purpose::Connect, address, now);
            }
            None => {
                let (status, text) = failure.take().unwrap_or((Status::NoAddress, String::new()));
                self.phase = Phase::Idle;
                events.event(Event::ConnectFailed { status }, text.as_bytes());
            }
        }
    }

    fn dial(&mut self, purpose: Purpose, address: SocketAddr, now: Time) {
        self.next_link += 1;
        let id = LinkId(self.next_link);
        self.links.push(Link::new(id, LinkNumber(self.next_link), purpose, address, now));
        self.outputs.push_back(Output::Dial(id, address));
    }

    /// A link is open: it greets its node. `binding` as in [`keys`].
    pub fn link_up(&mut self, id: LinkId, binding: &keys::Binding, now: Time) {
        let (window, down) = (self.settings.window.saturating_sub(self.held), self.down);
        let session = self.session.as_ref();
        let moving = self.moving.as_ref();
        let user_token = &self.user_token;
        let Some(link) = self.links.iter_mut().find(|link| link.id == id) else { return };
        let proof = |key: &[u8; 32], credential: &[u8]| keys::proof(key, binding, credential);
        let greeting = match (link.purpose, session, moving) {
            (Purpose::Connect, ..) => {
                link.client_key = Some(keys::client_key(binding));
                Greeting::Connect { user_token: user_token.clone() }
            }
            (Purpose::Attach(_), Some(session), Some(moving)) => {
                let proof = proof(&session.client_key, moving.ticket());
                Greeting::Attach { ticket: moving.ticket().to_vec(), proof, down }
            }
            (Purpose::Probe(id), Some(session), _) => {
                let Some(probing) = self.probing.as_ref().filter(|probing| probing.id == id) else {
                    return link.close();
                };
                let proof = proof(&session.client_key, &probing.ticket);
                Greeting::Attach { ticket: probing.ticket.clone(), proof, down }
            }
            (Purpose::Resume, Some(session), _) => {
                let (token, fence) = (session.resume_token.clone(), session.fence);
                Greeting::Resume { proof: proof(&session.client_key, &token), token, fence, down }
            }
            // The session or the move has ended while the link was being opened.
            (Purpose::Attach(_) | Purpose::Probe(_) | Purpose::Resume, ..) => return link.close(),
        };
        link.greet(greeting, window, now);
    }

    /// A link has ended, or could not be opened.
    pub fn link_ended(&mut self, id: LinkId, end: LinkEnd, now: Time, events: &mut dyn Events) {
        let Some(index) = self.links.iter().position(|link| link.id == id) else { return };
        let link = self.links.remove(index);
        let end = if link.parked { LinkEnd::from(Status::ResumeLater) } else { end };
        if link.serving && !link.closing_by_us() {
            return self.on_serving_link_lost(end, now, events);
        }
        match link.purpose {
            Purpose::Connect if !link.serving => self.on_connect_link_lost(end, now, events),
            Purpose::Attach(move_id) if !link.serving => self.on_attach_link_lost(move_id, now),
            Purpose::Probe(id) if !link.serving => self.on_probe_link_lost(id, now),
            Purpose::Resume if !link.serving => self.on_resume_link_lost(now),
            Purpose::Connect | Purpose::Attach(_) | Purpose::Probe(_) | Purpose::Resume => {}
        }
    }

    fn on_connect_link_lost(&mut self, end: LinkEnd, now: Time, events: &mut dyn Events) {
        let Phase::Connecting { failure, .. } = &mut self.phase else { return };
        // Of several failures the first that is not mere silence says most.
        let silent = |status| matches!(status, Status::Unreachable | Status::TimedOut);
        if failure.as_ref().is_none_or(|(status, _)| silent(*status) && !silent(end.status)) {
            *failure = Some((end.status, end.text));
        }
        self.try_next_address(now, events);
    }

    /// The game ends the session.
    pub fn disconnect(&mut self, events: &mut dyn Events) {
        match self.phase {
            Phase::Idle => {}
            Phase::Connecting { .. } => {
                self.phase = Phase::Idle;
                self.close_all_links();
                events.event(Event::ConnectFailed { status: Status::Aborted }, b"disconnect was called");
            }
            Phase::Connected | Phase::Restoring(_) => {
                for link in &mut self.links {
                    link.control(&Uplink::Bye);
                }
                self.end(Status::Ok, "disconnect was called", events);
            }
        }
    }

    fn end(&mut self, status: Status, text: &str, events: &mut dyn Events) {
        self.phase = Phase::Idle;
        self.session = None;
        self.room = Room::default();
        self.moving = None;
        self.probing = None;
        self.announced = None;
        self.close_all_links();
        self.abandon_requests(events);
        events.event(Event::Disconnected { status }, text.as_bytes());
    }

    /// There is no session that could answer what was asked.
    pub fn abandon_requests(&mut self, events: &mut dyn Events) {
        self.request_deadlines.clear();
        for (request, asked) in std::mem::take(&mut self.requests) {
            events.event(asked.unanswered(request, Status::RequestAbandoned), &[]);
        }
    }

    fn close_all_links(&mut self) {
        for link in &mut self.links {
            link.close();
        }
    }

    fn link_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.id == id)
    }

    fn on_refused(
        &mut self,
        from: LinkId,
        reason: RefuseReason,
        elsewhere: Vec<SocketAddr>,
        now: Time,
        events: &mut dyn Events,
    ) {
        let Some(link) = self.link_mut(from) else { return };
        link.close();
        match link.purpose {
            Purpose::Connect => {
                // Every node is asked: the status speaks for all of them, the reason for one.
                let status = Status::from(reason);
                let end = LinkEnd::from(status);
                self.links.retain(|link| link.id != from);
                self.on_connect_link_lost(end, now, events);
            }
            Purpose::Attach(_) | Purpose::Probe(_) => {} // its end is taken for a failure to attach
            Purpose::Resume => self.on_resume_refused(reason, elsewhere, now, events),
        }
    }

    fn on_bye(&mut self, from: LinkId, session: SessionId, reason: CloseReason, events: &mut dyn Events) {
        let ours = self.session.as_ref().is_some_and(|ours| ours.id == session);
        let Some(link) = self.link_mut(from) else { return };
        let serving = link.serving;
        match reason {
            // Only the link ends, too; when it has, the game hears why.
            CloseReason::ResumeLater => link.parked = true,
            // Only the link ends; what becomes of the session is seen when it has ended.
            CloseReason::Moved
            | CloseReason::NewerLink
            | CloseReason::Silent
            | CloseReason::TransportError => {}
            CloseReason::ByClient
            | CloseReason::ByServer
            | CloseReason::Replaced
            | CloseReason::TimedOut
            | CloseReason::Misbehaved
            | CloseReason::NodeStopped
            | CloseReason::SessionUnknown => {
                if ours && serving {
                    self.end(reason.into(), &reason.to_string(), events);
                }
            }
        }
    }

    /// Does what is due.
    pub fn on_timeout(&mut self, now: Time, events: &mut dyn Events) {
        if self.ack_at.is_some_and(|at| at <= now) {
            self.acknowledge();
        }
        while let Some((deadline, request)) = self.request_deadlines.first().copied()
            && deadline <= now
        {
            self.request_deadlines.pop_first();
            if let Some(asked) = self.requests.remove(&request) {
                events.event(asked.unanswered(request, Status::RequestTimedOut), &[]);
            }
        }
        if let Phase::Connecting { deadline, failure, .. } = &mut self.phase
            && *deadline <= now
        {
            let timed_out = || (Status::TimedOut, Status::TimedOut.to_string());
            let (status, text) = failure.take().unwrap_or_else(timed_out);
            self.phase = Phase::Idle;
            self.close_all_links();
            events.event(Event::ConnectFailed { status }, text.as_bytes());
        }
        for link in &mut self.links {
            link.on_timeout(self.settings.ping_every, self.settings.silence_max, now);
        }
        if self.announced.is_some_and(|at| at <= now) {
            // (b) The ticket has expired, and whatever ended the move did not reach us.
            self.give_up_move(MoveFailure::Cancelled, events);
        }
        self.on_restore_timeout(now, events);
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do next.
    pub fn poll_timeout(&self) -> Option<Time> {
        let links = self
            .links
            .iter()
            .filter_map(|link| link.poll_timeout(self.settings.ping_every, self.settings.silence_max))
            .min();
        let phase = match &self.phase {
            Phase::Connecting { deadline, .. } => Some(*deadline),
            Phase::Restoring(restore) => Some(restore.poll_timeout()),
            Phase::Idle | Phase::Connected => None,
        };
        let request = self.request_deadlines.first().map(|(deadline, _)| *deadline);
        [links, phase, request, self.ack_at, self.announced].into_iter().flatten().min()
    }
}
