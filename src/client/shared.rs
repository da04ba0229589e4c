//! What the game's threads and the network thread share of one client: the protocol core, what was submitted, and
//! the queue of events.
//!
//! Locks are taken in the order core, queue, submissions, and none is held across an await.

use crate::client::config::{Config, LogLevel};
use crate::client::event::{Batch, Event};
use crate::client::stats::Stats;
use crate::client::status::Status;
use crate::client::submissions::{Submissions, Submitted, SubmittedKind, push_datagrams};
use crate::protocol::client::{Client as Core, Events, LinkId, Settings, Standing};
use crate::protocol::ids::MemberId;
use crate::protocol::room::wire as room;
use crate::protocol::time::Time;
use crate::transport::{Dialer, Waker};
use parking_lot::{Mutex, MutexGuard};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::Notify;

/// What the game sees of its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Never connected.
    Idle = 0,
    /// `connect` is under way.
    Connecting = 1,
    /// Play goes on.
    Connected = 2,
    /// Play goes on, and a move is under way.
    Migrating = 3,
    /// The link is being restored.
    Reconnecting = 4,
    /// The session has ended, or could not begin.
    Disconnected = 5,
}

impl State {
    const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Connecting,
            2 => Self::Connected,
            3 => Self::Migrating,
            4 => Self::Reconnecting,
            5 => Self::Disconnected,
            _ => Self::Idle,
        }
    }

    /// Whether messages can be sent.
    pub const fn takes_messages(self) -> bool {
        matches!(self, Self::Connected | Self::Migrating | Self::Reconnecting)
    }
}

/// Now, on the clock of the protocol core: microseconds since the process first asked.
pub(crate) fn now() -> Time {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let elapsed = ORIGIN.get_or_init(Instant::now).elapsed();
    Time::from_micros(elapsed.as_micros() as u64 + 1)
}

/// The instant of a time of [`now`]'s clock.
pub(crate) fn instant_of(at: Time) -> Instant {
    Instant::now() + at.since(now())
}

/// The core with what belongs to it under one lock.
pub(super) struct Locked {
    pub(super) core: Core,
    pub(super) wakers: Vec<(LinkId, Waker)>,
    pub(super) dialer: Option<Arc<Dialer>>,
    /// Emptied buffers, exchanged for full ones so that nothing is allocated per batch.
    spare: (Vec<u8>, Vec<u8>, Vec<Submitted>),
    /// Until when the driver sleeps.
    pub(super) armed: Option<Time>,
}

/// One client, as all threads see it.
pub(super) struct Shared {
    pub(super) config: Config,
    locked: Mutex<Locked>,
    submissions: Mutex<Submissions>,
    queue: Mutex<Batch>,
    has_events: AtomicBool,
    has_submissions: AtomicBool,
    consumed: AtomicU64,
    state: AtomicU8,
    /// The client is in a room, as far as the network thread knows.
    in_room: AtomicBool,
    messages_sent: AtomicU64,
    pub(super) bytes_sent: AtomicU64,
    pub(super) bytes_received: AtomicU64,
    event_bytes: AtomicU64,
    /// Cost of events of which the core does not know yet that they wait.
    unheld: AtomicU64,
    pub(super) destroyed: AtomicBool,
    /// Wakes the driver.
    pub(super) driver: Notify,
}

/// The event queue, as the core writes to it.
pub(super) struct Queue<'a> {
    batch: MutexGuard<'a, Batch>,
    shared: &'a Shared,
    messages: u64,
    others: u64,
}

impl Events for Queue<'_> {
    fn event(&mut self, event: Event, bytes: &[u8]) {
        self.count(event, Batch::cost(bytes.len()));
        self.batch.push(event, bytes);
    }

    fn event_with_parts(&mut self, event: Event, text: &str, data: &[u8]) {
        self.count(event, Batch::cost(Batch::parts_len(text.as_bytes(), data)));
        self.batch.push_parts(event, text.as_bytes(), data);
    }
}

impl Queue<'_> {
    fn count(&mut self, event: Event, cost: u64) {
        if let Event::ConnectFailed { .. } | Event::Disconnected { .. } = event {
            self.shared.state.store(State::Disconnected as u8, Ordering::Release);
        }
        // The core counts messages as they come; all else is added to what the game has to take.
        match event {
            Event::Push { .. } => self.messages += cost,
            Event::Response { ver, .. } if ver != 0 => self.messages += cost,
            Event::Room(event) if !event.is_local() => self.messages += cost,
            Event::Response { .. }
            | Event::Room(_)
            | Event::Connected { .. }
            | Event::ConnectFailed { .. }
            | Event::Disconnected { .. }
            | Event::Reconnecting { .. }
            | Event::Reconnected { .. }
            | Event::Offline { .. }
            | Event::Migrating { .. }
            | Event::Migrated { .. }
            | Event::MigrateFailed { .. }
            | Event::TookOver { .. }
            | Event::Log { .. } => self.others += cost,
        }
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        self.shared.event_bytes.fetch_add(self.messages + self.others, Ordering::Relaxed);
        self.shared.unheld.fetch_add(self.others, Ordering::Relaxed);
        if !self.batch.is_empty() {
            self.shared.has_events.store(true, Ordering::Release);
        }
    }
}

impl Shared {
    pub(super) fn new(config: Config, seed: u64) -> Self {
        let settings = Settings {
            mode: config.move_mode,
            connect_max: config.connect_timeout,
            resume_max: config.resume_timeout,
            ping_every: config.ping_every,
            silence_max: config.silence_max,
            replay_bytes_max: config.send_bytes_max as usize,
            window: u64::from(config.event_bytes_max),
        };
        let locked = Locked {
            core: Core::new(settings, seed),
            wakers: Vec::new(),
            dialer: None,
            spare: Default::default(),
            armed: None,
        };
        Self {
            config,
            locked: Mutex::new(locked),
            submissions: Mutex::default(),
            queue: Mutex::default(),
            has_events: AtomicBool::new(false),
            has_submissions: AtomicBool::new(false),
            consumed: AtomicU64::new(0),
            state: AtomicU8::new(State::Idle as u8),
            in_room: AtomicBool::new(false),
            messages_sent: AtomicU64::new(0),
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
            event_bytes: AtomicU64::new(0),
            unheld: AtomicU64::new(0),
            destroyed: AtomicBool::new(false),
            driver: Notify::new(),
        }
    }

    /// Runs `act` on the core, with the event queue, and sees to what follows from it. `own`: the link on
    /// whose task this runs, which looks for new bytes by itself.
    pub(super) fn with_core<R>(
        &self,
        own: Option<LinkId>,
        act: impl FnOnce(&mut Locked, &mut Queue<'_>) -> R,
    ) -> R {
        let mut locked = self.locked.lock();
        let mut queue = Queue { batch: self.queue.lock(), shared: self, messages: 0, others: 0 };
        let result = act(&mut locked, &mut queue);
        drop(queue);
        self.follow_up(&mut locked, own);
        result
    }

    /// Runs `act` on the core where nothing can happen but that a link takes its bytes.
    pub(super) fn peek_core<R>(&self, act: impl FnOnce(&mut Locked) -> R) -> R {
        act(&mut self.locked.lock())
    }

    fn follow_up(&self, locked: &mut Locked, own: Option<LinkId>) {
        let Locked { core, wakers, armed, .. } = locked;
        core.hold(self.unheld.swap(0, Ordering::Relaxed));
        core.take_dirty(|dirty| {
            if Some(dirty) != own
                && let Some((_, waker)) = wakers.iter().find(|(id, _)| *id == dirty)
            {
                waker.wake();
            }
        });
        let state = match core.standing() {
            Standing::Idle => None, // Idle or Disconnected, as the events have said
            Standing::Connecting => Some(State::Connecting),
            Standing::Connected => Some(State::Connected),
            Standing::Migrating => Some(State::Migrating),
            Standing::Reconnecting => Some(State::Reconnecting),
        };
        if let Some(state) = state {
            self.state.store(state as u8, Ordering::Release);
        }
        self.in_room.store(core.in_room(), Ordering::Release);
        let earlier = match (core.poll_timeout(), *armed) {
            (Some(at), Some(armed)) => at < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if earlier || core.has_output() {
            self.driver.notify_one();
        }
        let core_bytes = core.unacknowledged_bytes();
        self.submissions.lock().core_bytes = core_bytes;
    }

    /// Moves what was submitted into the core.
    pub(super) fn take_submissions(&self, locked: &mut Locked) {
        if !self.has_submissions.load(Ordering::Acquire) {
            return;
        }
        let Locked { core, spare: (reliable, unreliable, requests), .. } = locked;
        {
            let mut submissions = self.submissions.lock();
            std::mem::swap(&mut submissions.reliable, reliable);
            std::mem::swap(&mut submissions.unreliable, unreliable);
            std::mem::swap(&mut submissions.requests, requests);
            submissions.woken = false;
            submissions.core_bytes = core.unacknowledged_bytes() + reliable.len();
            self.has_submissions.store(false, Ordering::Release);
        }
        core.push_frames(reliable);
        push_datagrams(core, unreliable);
        for Submitted { request, deadline, ask } in requests.drain(..) {
            match ask {
                None => core.expect_reply(request, deadline),
                Some(ask) => core.expect_room_result(request, deadline, ask),
            }
            self.driver.notify_one();
        }
        reliable.clear();
        unreliable.clear();
    }

    /// The game sends a message. Copies it, and wakes the network thread once for everything that is sent
    /// until it has woken up.
    pub(super) fn submit(
        &self,
        reliable: bool,
        kind: SubmittedKind,
        ver: u8,
        cmd: u16,
        payload: &[u8],
    ) -> Result<u64, Status> {
        if !self.state().takes_messages() {
            return Err(Status::NotConnected);
        }
        let mut submissions = self.submissions.lock();
        let request = submissions.append(&self.config, reliable, kind, ver, cmd, payload)?;
        self.submitted(submissions);
        Ok(request)
    }

    /// The game says something in its room; `encode` puts it together in memory that is kept for that.
    pub(super) fn submit_to_room(
        &self,
        cmd: u16,
        encode: impl FnOnce(&mut Vec<u8>, &mut Vec<MemberId>),
    ) -> Result<(), Status> {
        if !self.state().takes_messages() {
            return Err(Status::NotConnected);
        }
        if !self.in_room.load(Ordering::Acquire) {
            return Err(Status::NotInRoom);
        }
        let mut submissions = self.submissions.lock();
        let (mut payload, mut members) =
            (std::mem::take(&mut submissions.payload), std::mem::take(&mut submissions.members));
        payload.clear();
        members.clear();
        encode(&mut payload, &mut members);
        let kind = SubmittedKind::Plain;
        let appended = submissions.append(&self.config, true, kind, room::VER, cmd, &payload);
        (submissions.payload, submissions.members) = (payload, members);
        appended?;
        self.submitted(submissions);
        Ok(())
    }

    /// Something has been appended to the submissions.
    fn submitted(&self, mut submissions: MutexGuard<'_, Submissions>) {
        let wake = !std::mem::replace(&mut submissions.woken, true);
        self.has_submissions.store(true, Ordering::Release);
        drop(submissions);
        self.messages_sent.fetch_add(1, Ordering::Relaxed);
        if wake {
            self.driver.notify_one();
        }
    }

    /// Sends what is queued now, from the caller's thread as far as the network allows.
    pub(super) fn flush(&self) {
        if self.has_submissions.load(Ordering::Acquire) {
            self.driver.notify_one();
        }
    }

    pub(super) fn forget_submissions(&self) {
        let mut submissions = self.submissions.lock();
        let next_request = submissions.next_request;
        *submissions = Submissions { next_request, ..Submissions::default() };
        self.has_submissions.store(false, Ordering::Release);
    }

    pub(super) fn state(&self) -> State {
        State::from_number(self.state.load(Ordering::Acquire))
    }

    pub(super) fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// Swaps an empty batch for the queued events.
    pub(super) fn take_events(&self, batch: &mut Batch) -> bool {
        if !self.has_events.load(Ordering::Acquire) {
            return false;
        }
        let mut queue = self.queue.lock();
        std::mem::swap(&mut *queue, batch);
        self.has_events.store(false, Ordering::Release);
        !batch.is_empty()
    }

    /// The game has taken messages of this cost.
    pub(super) fn consumed(&self, cost: u64) {
        if cost == 0 {
            return;
        }
        self.event_bytes.fetch_sub(cost, Ordering::Relaxed);
        let total = self.consumed.fetch_add(cost, Ordering::AcqRel) + cost;
        // Credit is granted in halves of the window; less is not worth a wake-up.
        if total >= u64::from(self.config.event_bytes_max) / 4 {
            self.driver.notify_one();
        }
    }

    pub(super) fn take_consumed(&self) -> u64 {
        self.consumed.swap(0, Ordering::AcqRel)
    }

    pub(super) fn log(&self, level: LogLevel, text: std::fmt::Arguments<'_>) {
        if level <= self.config.log_level {
            let mut queue = Queue { batch: self.queue.lock(), shared: self, messages: 0, others: 0 };
            queue.event(Event::Log { level }, text.to_string().as_bytes());
        }
    }

    pub(super) fn nodes_told(&self) -> Vec<SocketAddr> {
        self.locked.lock().core.nodes_told().to_vec()
    }

    pub(super) fn stats(&self) -> Stats {
        let (counts, epoch) = {
            let locked = self.locked.lock();
            (locked.core.counts(), locked.core.epoch())
        };
        let send_queue_bytes = {
            let submissions = self.submissions.lock();
            (submissions.reliable.len() + submissions.core_bytes) as u64
        };
        Stats {
            rtt_us: counts.rtt_us,
            rtt_min_us: counts.rtt_us_min,
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            bytes_received: self.bytes_received.load(Ordering::Relaxed),
            messages_sent: self.messages_sent.load(Ordering::Relaxed),
            messages_received: counts.messages_received,
            moves: counts.moves,
            moves_failed: counts.moves_failed,
            reconnects: counts.reconnects,
            last_move_gap_us: counts.last_move_added_us,
            send_queue_bytes,
            event_queue_bytes: self.event_bytes.load(Ordering::Relaxed),
            epoch: epoch.0,
        }
    }
}
