//! The node's end of a session: its links, its place in both sequences, and the user's data. A session
//! outlives every link; a link that breaks costs nothing but time.
//!
//! Messages are handed to the application only while the node serves: with a permit of its lease (rule e),
//! unfrozen, and with room for the answer. Until then they are kept in order, within the credit granted.

mod data;
mod durable;
#[cfg(any(test, feature = "testing"))]
mod footprint;
mod link;
mod state;
mod uplink;

#[cfg(any(test, feature = "testing"))]
pub use footprint::Footprint;
pub use link::{Link, LinkId, Outgoing};

use crate::protocol::company::Company;
use crate::protocol::errand::Errand;
use crate::protocol::ids::{Binding, Cursor, Epoch, Fence, Generation, LinkNumber, SessionId};
use crate::protocol::lease::ServePermit;
use crate::protocol::reasons::{CloseReason, RefuseReason};
use crate::protocol::room::RoomSettings;
use crate::protocol::sequence::{Full, PeerMisbehaved, Replay, Ring};
use crate::protocol::snapshot::Durability;
use crate::protocol::time::Time;
use crate::protocol::wire::{
    Datagram, DecodeError, Downlink, Kind, Message, MoveMode, Switch, SwitchCause, Value,
};
use durable::Covered;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// What the configuration says about sessions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// The node's name.
    pub node: String,
    /// Largest reliable payload.
    pub message_bytes_max: u32,
    /// Bytes of downlink kept for replay.
    pub replay_bytes_max: usize,
    /// Bytes of user data.
    pub user_data_bytes_max: usize,
    /// How long a session waits without a link.
    pub resume_max: Duration,
    /// A link silent for so long is closed.
    pub silence_max: Duration,
    /// Whether `Migrate` moves a session even while the node is online.
    pub moves_when_online: bool,
    /// What a crash may cost.
    pub durability: Durability,
    /// What rooms may be like.
    pub room: Arc<RoomSettings>,
}

/// What a client did on a link that ends the link.
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
    /// A message over the limit.
    #[error("a message of {0} bytes is over the limit")]
    MessageTooLarge(usize),
}

/// Whether the node is entitled to run the session at this moment. Messages are handed out, and payload
/// is sent, only with both.
#[derive(Clone, Copy, Debug)]
pub struct Serving<'a> {
    /// The lease holds.
    pub permit: Option<ServePermit<'a>>,
    /// The cohort is neither frozen nor still on its way here.
    pub unfrozen: bool,
}

impl Serving<'_> {
    pub(in crate::protocol) fn allowed(self) -> bool {
        self.permit.is_some() && self.unfrozen
    }
}

/// The node's end of a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    id: SessionId,
    user: String,
    client_key: [u8; 32],
    generation: Generation,
    fence: Fence,
    newest_link: LinkNumber,
    mode: MoveMode,
    /// The first uplink message not yet processed. `None`: the session is on its way here, and only the
    /// baton will tell.
    up: Option<Cursor>,
    /// Number of the first message in `kept`.
    kept_from: Cursor,
    kept: Ring,
    down: Replay,
    links: Vec<Link>,
    data: BTreeMap<String, Value>,
    data_bytes: usize,
    /// Keys touched since user data was copied ahead to the target of a move.
    changed: Option<BTreeSet<String>>,
    /// User data has come ahead of the baton.
    preloaded: bool,
    timer: Option<Time>,
    ack_at: Option<Time>,
    unacked_cost: u64,
    linkless_since: Option<Time>,
    /// Restarts that the client has not been back since: at which epoch, and where the downlink ended then.
    restarts: Vec<(Epoch, Cursor)>,
    /// The client of a new generation is back, but has not said yet what it sends from.
    rejoining: bool,
    /// What the client has received that the copy does not hold, told to the application with what is lost.
    undone: Range<u64>,
    /// Something has changed since the last snapshot was taken.
    unsaved: bool,
    /// What the last snapshot that was taken covers, until it is stored.
    taken: Option<Covered>,
    /// What the last snapshot that was stored covers, if nothing may be heard of the rest before it is stored.
    covered: Option<Covered>,
    errand: Option<Errand>,
    closed: Option<CloseReason>,
    settings: Arc<Settings>,
    scratch: Vec<u8>,
}

impl Session {
    /// A new session at the beginning of both sequences.
    pub fn new(
        id: SessionId,
        user: String,
        client_key: [u8; 32],
        fence: Fence,
        settings: Arc<Settings>,
    ) -> Self {
        Self { user, fence, up: Some(Cursor(0)), unsaved: true, ..Self::expected(id, client_key, settings) }
    }

    /// A session that is on its way here: its client may attach, and what it sends is kept.
    pub fn expected(id: SessionId, client_key: [u8; 32], settings: Arc<Settings>) -> Self {
        Self {
            id,
            user: String::new(),
            client_key,
            generation: Generation::default(),
            fence: Fence::default(),
            newest_link: LinkNumber::default(),
            mode: MoveMode::Seamless,
            up: None,
            kept_from: Cursor(0),
            kept: Ring::default(),
            down: Replay::new(Cursor(0), settings.replay_bytes_max),
            links: Vec::new(),
            data: BTreeMap::new(),
            data_bytes: 0,
            changed: None,
            preloaded: false,
            timer: None,
            ack_at: None,
            unacked_cost: 0,
            linkless_since: None,
            restarts: Vec::new(),
            rejoining: false,
            undone: 0..0,
            unsaved: false,
            taken: None,
            covered: Covered::before(Cursor(0), &settings),
            errand: None,
            closed: None,
            settings,
            scratch: Vec::new(),
        }
    }

    /// The same session, on its way here once more; what links it still has only end.
    pub(in crate::protocol) fn expected_again(&mut self, client_key: [u8; 32]) -> Self {
        let mut links = std::mem::take(&mut self.links);
        links.iter_mut().for_each(Link::close);
        Self { links, ..Self::expected(self.id, client_key, self.settings.clone()) }
    }

    /// Which session this is.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Whose it is.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The key that its client proves to hold.
    pub fn client_key(&self) -> &[u8; 32] {
        &self.client_key
    }

    /// How often it was restarted after a crash.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// How its client wants to be moved.
    pub fn mode(&self) -> MoveMode {
        self.mode
    }

    /// Its client has said how it wants to be moved.
    pub fn set_mode(&mut self, mode: MoveMode) {
        self.mode = mode;
    }

    /// What it is served at, or was last.
    pub fn fence(&self) -> Fence {
        self.fence
    }

    /// About how large its state is as bytes.
    pub fn state_bytes(&self) -> usize {
        self.data_bytes + self.down.bytes() + 256
    }

    /// Bytes of the client's that wait to be processed, and of the node's that the client has not acknowledged.
    pub fn queued_bytes(&self) -> (usize, usize) {
        (self.kept.bytes(), self.down.bytes())
    }

    /// The user's data.
    pub fn data(&self) -> &BTreeMap<String, Value> {
        &self.data
    }

    /// Why it has ended, if it has.
    pub fn closed(&self) -> Option<CloseReason> {
        self.closed
    }

    /// Appends a reliable message to the downlink.
    pub fn send(&mut self, message: &Message<'_>) -> Result<(), Full> {
        self.down.push(message)?;
        self.unsaved = true;
        for link in &mut self.links {
            link.dirty = true;
        }
        Ok(())
    }

    /// The same for an answer of bounded size that is owed once: it is taken even where there is no room.
    pub(in crate::protocol) fn send_always(&mut self, message: &Message<'_>) {
        self.down.push_always(message);
        self.unsaved = true;
        for link in &mut self.links {
            link.dirty = true;
        }
    }

    /// What its client has asked of rooms and is not done yet.
    pub fn errand(&self) -> Option<&Errand> {
        self.errand.as_ref()
    }

    pub(in crate::protocol) fn errand_mut(&mut self) -> Option<&mut Errand> {
        self.errand.as_mut()
    }

    pub(in crate::protocol) fn set_errand(&mut self, errand: Option<Errand>) {
        self.errand = errand;
        self.unsaved = true;
    }

    /// It belongs to a room, or is alone again, by this entry of the directory.
    pub(in crate::protocol) fn rebind(&mut self, binding: Binding) {
        self.fence.binding = binding;
        self.unsaved = true;
    }

    /// Whether it holds this link.
    pub fn has_link(&self, id: LinkId) -> bool {
        self.links.iter().any(|link| link.id() == id)
    }

    /// Its links.
    pub fn link_ids(&self) -> impl Iterator<Item = LinkId> {
        self.links.iter().map(Link::id)
    }

    /// Sends a message that may be lost, if the transport has datagrams and it fits into one.
    pub fn send_unreliable(&mut self, ver: u8, cmd: u16, payload: &[u8]) -> Result<(), Full> {
        let datagram = Datagram { epoch: self.fence.epoch, ver, cmd, payload };
        match self.links.last_mut() {
            Some(link) if link.carries(&datagram) => {
                link.push_datagram(&datagram);
                Ok(())
            }
            Some(_) | None => self.send(&Message { kind: Kind::Plain, ver, cmd, payload }),
        }
    }

    /// When to call the application's timer.
    pub fn set_timer(&mut self, at: Option<Time>) {
        self.timer = at;
        self.unsaved = true;
    }

    /// Ends the session: its links carry the reason and close.
    pub fn close(&mut self, reason: CloseReason) {
        if self.closed.is_some() {
            return;
        }
        self.closed = Some(reason);
        for link in &mut self.links {
            link.control(&Downlink::Bye { session: self.id, reason });
            link.close();
        }
    }

    /// Sends a control frame on every link.
    pub fn control(&mut self, frame: &Downlink) {
        for link in &mut self.links {
            link.control(frame);
        }
    }

    /// Adds a link that has proved to be the client's. The newest link wins: older ones are closed, and a
    /// link older than one already seen is refused. `seen`: what the client was last served at.
    pub fn add_link(&mut self, mut link: Link, seen: Epoch, now: Time) -> Result<(), RefuseReason> {
        if link.number() < self.newest_link {
            return Err(RefuseReason::OlderLink);
        }
        self.newest_link = link.number();
        self.drop_links(CloseReason::NewerLink);
        // What is not processed comes again on the new link. Were it kept, each link would add what its credit
        // allows, and a client that comes back again and again would fill the node's memory.
        self.kept = Ring::default();
        link.heard_at = now;
        self.meet(seen, link.wanted());
        self.links.push(link);
        self.linkless_since = None;
        Ok(())
    }

    /// Closes all links, with a word of explanation.
    pub fn drop_links(&mut self, reason: CloseReason) {
        for link in &mut self.links {
            link.control(&Downlink::Bye { session: self.id, reason });
            link.close();
        }
    }

    /// Lets its links send so much before they are served; gives the largest sum of grants.
    pub fn keep(&mut self, credit: u64) -> u64 {
        self.links.iter_mut().map(|link| link.keep(credit)).max().unwrap_or_default()
    }

    /// Closes one link.
    pub fn close_link(&mut self, id: LinkId) {
        if let Some(link) = self.link_mut(id) {
            link.close();
        }
    }

    /// A link has ended.
    pub fn remove_link(&mut self, id: LinkId, now: Time) {
        self.links.retain(|link| link.id() != id);
        if self.links.is_empty() {
            self.linkless_since.get_or_insert(now);
        }
    }

    /// Whether the client can be reached at the moment.
    pub fn is_linked(&self) -> bool {
        self.links.iter().any(|link| !link.is_closing())
    }

    /// Whether the client has begun its uplink on one of its links.
    pub fn is_heard(&self) -> bool {
        self.links.iter().any(|link| !link.is_closing() && link.receiver.is_started())
    }

    /// Begins, or goes on, to serve its links at this fence: each carries a `Switch` in front of all
    /// messages.
    pub fn open_links(&mut self, cause: SwitchCause, fence: Fence, resume_token: &[u8]) {
        self.fence = fence;
        let Some(up) = self.acknowledgeable() else { return };
        let template = Switch {
            cause,
            session: self.id,
            fence,
            generation: self.generation,
            up,
            down: Cursor(0),
            credit: 0,
            resume_token: resume_token.to_vec(),
            resume_ms: self.settings.resume_max.as_millis() as u64,
            message_bytes_max: self.settings.message_bytes_max,
            moves_when_online: self.settings.moves_when_online,
            node: self.settings.node.clone(),
        };
        let held = self.held();
        for link in self.links.iter_mut().filter(|link| !link.is_closing()) {
            link.open(&template, &self.down, held);
        }
    }

    fn link_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.id() == id)
    }

    fn acknowledge(&mut self) {
        self.ack_at = None;
        self.unacked_cost = 0;
        if let Some(up) = self.acknowledgeable() {
            self.control(&Downlink::Ack { up });
        }
    }

    /// The client has received everything before `down`.
    pub fn on_ack(&mut self, down: Cursor) -> Result<(), LinkFault> {
        Ok(self.down.acked(down)?)
    }

    /// The client grants credit on a link.
    pub fn on_credit(&mut self, from: LinkId, limit: u64) {
        if let Some(link) = self.link_mut(from) {
            link.sender.granted(limit);
            link.dirty = true;
        }
    }

    /// The client asks whether a link is alive.
    pub fn on_ping(&mut self, from: LinkId, stamp: u64) {
        if let Some(link) = self.link_mut(from) {
            link.control(&Downlink::Pong { stamp });
        }
    }

    /// Something arrived on a link.
    pub fn heard(&mut self, from: LinkId, now: Time) {
        if let Some(link) = self.link_mut(from) {
            link.heard_at = now;
        }
    }

    /// Appends what is to be written on a link.
    pub fn fill(&mut self, id: LinkId, lane: Outgoing, serving: Serving<'_>, out: &mut Vec<u8>, room: usize) {
        let until = serving.permit.map(|_| self.released());
        let down = &self.down;
        if let Some(link) = self.links.iter_mut().find(|link| link.id() == id) {
            match lane {
                Outgoing::Control => link.fill_control(out),
                Outgoing::Data => link.fill_data(down, until, out, room),
            }
        }
    }

    /// The next datagram of a link.
    pub fn next_datagram(&mut self, id: LinkId, serving: Serving<'_>, out: &mut Vec<u8>) -> bool {
        serving.permit.is_some() && self.link_mut(id).is_some_and(|link| link.next_datagram(out))
    }

    /// Whether a link is to be closed once it has written what it has.
    pub fn is_closing(&self, id: LinkId) -> bool {
        self.links.iter().find(|link| link.id() == id).is_none_or(Link::is_closing)
    }

    /// Links that have something new to write.
    pub fn take_dirty(&mut self, mut wake: impl FnMut(LinkId)) {
        for link in &mut self.links {
            if std::mem::take(&mut link.dirty) {
                wake(link.id());
            }
        }
    }

    /// Whether there are such links.
    pub(in crate::protocol) fn is_dirty(&self) -> bool {
        self.links.iter().any(|link| link.dirty)
    }

    /// Does what is due: acknowledges, calls the application's timer, closes silent links, and ends the
    /// session when nobody came back.
    pub fn on_timeout(&mut self, serving: Serving<'_>, company: &mut Company<'_>, now: Time) {
        if serving.permit.is_some() && self.ack_at.is_some_and(|at| at <= now) {
            self.acknowledge();
        }
        if serving.allowed() && self.up.is_some() && self.timer.is_some_and(|at| at <= now) {
            self.timer = None;
            self.unsaved = true;
            company.timer(self, now);
        }
        let silence_max = self.settings.silence_max;
        let id = self.id;
        for link in self.links.iter_mut().filter(|link| !link.is_closing()) {
            if now >= link.heard_at + silence_max {
                link.control(&Downlink::Bye { session: id, reason: CloseReason::Silent });
                link.close();
            }
        }
        if serving.allowed() && self.expires_at().is_some_and(|at| at <= now) {
            self.close(CloseReason::TimedOut);
        }
    }

    fn expires_at(&self) -> Option<Time> {
        self.up?;
        Some(self.linkless_since? + self.settings.resume_max)
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do next.
    pub fn poll_timeout(&self, serving: Serving<'_>) -> Option<Time> {
        let silent = self
            .links
            .iter()
            .filter(|link| !link.is_closing())
            .map(|link| link.heard_at + self.settings.silence_max)
            .min();
        let running = serving.allowed() && self.closed.is_none();
        let served = if running { [self.timer, self.expires_at()] } else { [None, None] };
        let ack_at = serving.permit.and(self.ack_at);
        [ack_at, silent, served[0], served[1]].into_iter().flatten().min()
    }
}
