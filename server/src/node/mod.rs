//! A node: keeps sessions, takes cohorts of other nodes, and gives its own away when it goes offline.
//!
//! Every cohort lies under one lock of its own ([`slot`]). Whatever happens (bytes on a link, a frame of
//! another node, an answer of the engine, a time that has come) is handed to the cohort under that lock,
//! and what it wants done is done right after.

mod addresses;
mod admission;
mod drain;
mod dry_run;
#[cfg(not(feature = "failpoints"))]
mod failpoints;
#[cfg(feature = "failpoints")]
pub mod failpoints;
mod guarded;
mod leases;
mod links;
mod named;
mod others;
mod outbox;
mod pace;
mod parking;
mod peers;
mod republish;
mod rooms;
mod shared_read;
mod slot;
mod standing;
mod takeovers;
mod watching;

pub use drain::{DrainOrder, DrainReport};
pub use dry_run::{DryRunOrder, NoDryRun};
pub(crate) use guarded::Guarded;

use crate::config::{Config, Durability, PublicHost, SameUser};
use crate::engine::{Bounded, Engine, Unavailable};
use crate::metrics::{Metrics, NodeMetrics};
use crate::moves::MoveLog;
use crate::pki::{ClusterKeys, PkiError};
use crate::seal::{MoveTicket, ResumeToken, Sealer, TicketKeys, unix_ms};
use crate::user_token::Verifier;
use addresses::{Addresses, Told};
use dry_run::DryRuns;
use named::Named;
use others::Others;
use outbox::Outbox;
use pace::Pace;
use parking_lot::{Mutex, RwLock};
use republish::Life;
use ring::rand::{SecureRandom as _, SystemRandom};
use shared_read::SharedRead;
use slot::Slot;
use standing::Phase;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;
use sterna::client::token::server_name;
use sterna::protocol::application::Application;
use sterna::protocol::cohort::{Cohort, Env, NodeView, Report};
use sterna::protocol::ids::{CohortId, MoveId, NodeId, SessionId};
use sterna::protocol::lease::{Lease, LeaseWatch};
use sterna::protocol::limits;
use sterna::protocol::reasons::OfflineReason;
use sterna::protocol::record::Versioned;
use sterna::protocol::room::RoomSettings;
use sterna::protocol::session::Settings;
use sterna::protocol::snapshot;
use sterna::protocol::source::Timing;
use sterna::protocol::time::{BootTime, Time};
use sterna::transport::peer::{PeerDialer, PeerListener};
use sterna::transport::{BindError, Identity, Kind, Listener, TrustError};
use takeovers::Estates;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port is in use, or may not be used.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The node's certificate could not be made.
    #[error(transparent)]
    Keys(#[from] PkiError),
    /// The node's certificate cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// What clients are to be told has no address.
    #[error(
        "`public_host` is `{host}`, which cannot be resolved: {error}: correct the name, or set an IP address"
    )]
    PublicHost {
        /// As the operator wrote it.
        host: PublicHost,
        /// What the system's resolver says.
        error: std::io::Error,
    },
    /// The engine does not answer.
    #[error(transparent)]
    Engine(#[from] Unavailable),
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    Random,
}

/// What several nodes of one process have in common.
#[derive(Clone)]
pub struct Shared {
    /// What the operator wrote.
    pub config: Arc<Config>,
    /// The cluster's keys.
    pub keys: Arc<ClusterKeys>,
    /// Who users are.
    pub verifier: Arc<Verifier>,
    /// Membership and ownership.
    pub engine: Arc<dyn Engine>,
    /// The game.
    pub application: Arc<dyn Application>,
    /// Told of every report, for figures.
    pub observer: Arc<dyn Observer>,
    /// Figures of the process.
    pub metrics: Arc<Metrics>,
    /// The last moves of the process.
    pub moves: Arc<MoveLog>,
}

/// Hears what happens to sessions on a node.
pub trait Observer: Send + Sync + 'static {
    /// Something was counted at this time of the process's clock.
    fn report(&self, node: &str, report: Report, at: Instant);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn report(&self, _: &str, _: Report, _: Instant) {}
}

/// A running node.
pub struct Node {
    id: NodeId,
    name: String,
    shared: Shared,
    metrics: Arc<NodeMetrics>,
    settings: Arc<Settings>,
    timing: Timing,
    sealer: Sealer,
    tls_tickets: Arc<TicketKeys>,
    peer_dialer: PeerDialer,
    addresses: Addresses,
    phase: Mutex<Phase>,
    /// When it went offline, and how many sessions it had then.
    drain_began: Mutex<Option<(Time, u64)>>,
    lease: RwLock<Lease>,
    /// Calls of cohorts that are under way hold it for reading; a node that stops serving waits for them.
    calls: RwLock<()>,
    watch: Mutex<LeaseWatch>,
    named: Mutex<Named>,
    /// The nodes whose lease has run out, as the last read has shown; `None`: it has failed.
    lease_reads: SharedRead<Option<BTreeSet<NodeId>>>,
    slots: Mutex<HashMap<CohortId, Arc<Slot>>>,
    /// How often everything here has been fenced; changes under the lock of `slots`.
    fences: AtomicU64,
    /// Which room the sessions are in that are not alone.
    rooms_of: Mutex<HashMap<SessionId, CohortId>>,
    /// How many of the slots the node is responsible for ...
    held: AtomicUsize,
    /// ... and how many sessions are in them.
    sessions: AtomicUsize,
    outboxes: Mutex<HashMap<NodeId, Arc<Outbox>>>,
    refused: Mutex<Refusals>,
    pace: Pace,
    dry_runs: DryRuns,
    next_link: AtomicU64,
    /// Wakes whoever waits for the node to become empty.
    emptied: Notify,
    /// The nodes that clients are told of.
    others: Mutex<Others>,
    /// The drain has less time than before.
    hastened: Notify,
    /// Somebody sees to its end.
    stopping: AtomicBool,
    /// Its sessions are to wait in the store.
    parking: AtomicBool,
    stopped: watch::Sender<bool>,
    /// Listeners, links and whatever else holds a port.
    tasks: TaskTracker,
    /// What is known of what nodes that are gone have left; held while that is seen to.
    estates: tokio::sync::Mutex<Estates>,
    /// In which life of the engine's data it is.
    life: Mutex<Life>,
    /// Held while that is published again which the engine has lost.
    publishing: tokio::sync::Mutex<()>,
    /// Ends when the node has stopped.
    lease_keeper: Mutex<Option<JoinHandle<()>>>,
}

/// Move ids that this incarnation has refused and never accepts (rule c). The oldest are forgotten first.
#[derive(Debug, Default)]
struct Refusals {
    ids: BTreeMap<MoveId, ()>,
    order: VecDeque<MoveId>,
}

impl Refusals {
    fn remember(&mut self, id: MoveId) {
        if self.ids.insert(id, ()).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > limits::REFUSALS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

/// How often everything had been fenced when something began.
#[derive(Clone, Copy, Debug)]
struct Fences(u64);

/// Now, on the process's monotonic clock.
pub(crate) fn now() -> Time {
    use std::sync::OnceLock;
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    Time::from_micros(ORIGIN.get_or_init(Instant::now).elapsed().as_micros() as u64 + 1)
}

/// Now, on the lease clock.
fn boot_now() -> BootTime {
    BootTime::from_micros(sterna::sys::boot_micros())
}

fn random_u64() -> Result<u64, StartError> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| StartError::Random)?;
    Ok(u64::from_be_bytes(bytes))
}

impl Node {
    /// Starts the `index`-th node of this process: binds its ports, takes its lease and publishes itself.
    pub async fn start(name: String, index: u16, mut shared: Shared) -> Result<Arc<Self>, StartError> {
        let metrics = Arc::new(shared.metrics.node(&name));
        shared.engine = Arc::new(Bounded::new(shared.engine, metrics.clone()));
        let config = shared.config.clone();
        let identity = shared.keys.node_identity(&name)?;
        let tls_tickets = Arc::new(TicketKeys::new(&shared.keys));
        let identity = Identity {
            cert_chain: identity.chain,
            key: identity.key,
            ticketer: tls_tickets.clone(),
            ca: shared.keys.ca_der().clone(),
        };
        let tcp = Listener::bind(Kind::Tcp, config.tcp_address(index), &identity)?;
        let quic = Listener::bind(Kind::Quic, config.quic_address(index), &identity)?;
        let peer = PeerListener::bind(config.peer_address(index), &identity)?;
        let listeners = Told { tcp: tcp.local_addr(), quic: quic.local_addr(), peer: peer.local_addr() };
        let (stopped, _) = watch::channel(false);
        let node = Arc::new(Self {
            id: NodeId(random_u64()?),
            metrics,
            settings: Arc::new(settings(&name, &config)),
            timing: timing(&config),
            sealer: Sealer::new(&shared.keys),
            tls_tickets,
            peer_dialer: PeerDialer::new(&identity, &server_name(shared.keys.cluster()))?,
            addresses: Addresses::find(&config, index, listeners).await?,
            phase: Mutex::new(Phase::Online),
            drain_began: Mutex::default(),
            calls: RwLock::default(),
            lease: RwLock::new(Lease::new(config.times.self_fence)),
            watch: Mutex::new(LeaseWatch::new(config.times.take_over)),
            named: Mutex::default(),
            lease_reads: SharedRead::new(None),
            slots: Mutex::default(),
            fences: AtomicU64::new(0),
            rooms_of: Mutex::default(),
            held: AtomicUsize::new(0),
            sessions: AtomicUsize::new(0),
            outboxes: Mutex::default(),
            refused: Mutex::default(),
            pace: Pace::default(),
            dry_runs: DryRuns::default(),
            next_link: AtomicU64::new(1),
            emptied: Notify::new(),
            others: Mutex::default(),
            hastened: Notify::new(),
            stopping: AtomicBool::new(false),
            parking: AtomicBool::new(false),
            stopped,
            tasks: TaskTracker::new(),
            estates: tokio::sync::Mutex::default(),
            life: Mutex::new(Life::new(shared.engine.bucket())),
            publishing: tokio::sync::Mutex::default(),
            lease_keeper: Mutex::default(),
            name,
            shared,
        });
        node.renew_lease(true).await?;
        node.publish().await?;
        *node.lease_keeper.lock() = Some(tokio::spawn(node.clone().keep_lease()));
        tokio::spawn(node.clone().find_owners());
        node.spawn(node.clone().accept_clients(tcp));
        node.spawn(node.clone().accept_clients(quic));
        node.spawn(node.clone().accept_peers(peer));
        node.spawn(node.clone().run_departures());
        node.spawn(node.clone().follow_public_host());
        tracing::info!(node = %node.name, id = %node.id, tcp = %node.tcp(), quic = %node.quic(), "online");
        Ok(node)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its incarnation.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Where clients reach it by TCP.
    pub fn tcp(&self) -> SocketAddr {
        self.addresses.told().tcp
    }

    /// Where clients reach it by QUIC.
    pub fn quic(&self) -> SocketAddr {
        self.addresses.told().quic
    }

    /// Which version of the application it runs, as nodes compare them.
    pub(crate) fn app_version(&self) -> u32 {
        self.shared.config.app_version.unwrap_or_else(|| self.shared.application.version())
    }

    /// How many sessions it is responsible for.
    pub fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Acquire)
    }

    /// Whether it is responsible for nobody, and for no room.
    fn is_empty(&self) -> bool {
        self.held.load(Ordering::Acquire) == 0
    }

    /// Runs a task that [`stop`](Self::stop) waits for.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// How many TLS handshakes resumed a session that any node of the cluster had begun.
    pub fn resumed_handshakes(&self) -> u64 {
        self.tls_tickets.resumed()
    }

    fn slot(&self, cohort: CohortId) -> Option<Arc<Slot>> {
        self.slots.lock().get(&cohort).cloned()
    }

    /// The cohort that holds this session here: its own, or its room's.
    fn slot_of(&self, session: SessionId) -> Option<Arc<Slot>> {
        let room = self.rooms_of.lock().get(&session).copied();
        let room = room.and_then(|room| self.slot(room)).filter(|slot| slot.holds(session));
        room.or_else(|| self.slot(session.into()))
    }

    /// Adds a cohort, unless there is one of this id.
    fn add_slot(self: &Arc<Self>, cohort: Cohort) -> Arc<Slot> {
        let id = cohort.id();
        let mut slots = self.slots.lock();
        slots.entry(id).or_insert_with(|| Slot::spawn(self, cohort)).clone()
    }

    /// Adds a cohort whose record was written since [`may_begin`](Self::may_begin) said so. Not if everything was fenced
    /// meanwhile: the lease under which it was written is over, others may have taken it over, and nobody would look
    /// whether they have before it is served (e). Then what was written is forgotten.
    fn add_begun(self: &Arc<Self>, cohort: Cohort, held: Versioned, since: Fences) -> Option<Arc<Slot>> {
        {
            let mut slots = self.slots.lock();
            if self.fences.load(Ordering::Acquire) == since.0 {
                let slot = slots.entry(cohort.id()).or_insert_with(|| Slot::spawn(self, cohort));
                return Some(slot.clone());
            }
        }
        self.forget_record(cohort.id(), held);
        None
    }

    /// Deletes a record that nothing here belongs to, if nobody else has taken it.
    fn forget_record(self: &Arc<Self>, cohort: CohortId, held: Versioned) {
        let node = self.clone();
        tokio::spawn(async move {
            while node.shared.engine.forget(cohort, held).await.is_err() && !node.has_stopped() {
                tokio::time::sleep(node.timing.record_poll).await;
            }
        });
    }

    /// Whether the lease holds, so that a record may be written for what begins here.
    fn may_begin(&self) -> Option<Fences> {
        let fences = Fences(self.fences.load(Ordering::Acquire));
        self.with_env(|env| env.permit.is_some()).then_some(fences)
    }

    fn all_slots(&self) -> Vec<Arc<Slot>> {
        self.slots.lock().values().cloned().collect()
    }

    fn held_slots(&self) -> Vec<Arc<Slot>> {
        self.all_slots().into_iter().filter(|slot| slot.is_held()).collect()
    }

    /// Calls `act` with what cohorts need of this node at this moment.
    fn with_env<R>(&self, act: impl FnOnce(&Env<'_>) -> R) -> R {
        let _called = self.calls.read();
        // Not held through the call: a renewal would wait for the slowest of them, and all others for the renewal.
        let lease = self.lease.read().clone();
        let env = Env {
            now: now(),
            permit: lease.permit(boot_now()),
            application: self.shared.application.as_ref(),
            node: self,
        };
        act(&env)
    }

    fn replaces_users(&self) -> bool {
        self.shared.config.same_user == SameUser::Replace
    }
}

impl NodeView for Node {
    fn id(&self) -> NodeId {
        self.id
    }

    fn timing(&self) -> Timing {
        self.timing
    }

    fn addresses(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        (vec![self.tcp()], vec![self.quic()])
    }

    fn going_offline(&self) -> Option<(OfflineReason, Time)> {
        match *self.phase.lock() {
            Phase::Offline { reason, deadline, .. } => Some((reason, deadline)),
            Phase::Online | Phase::Cordoned => None,
        }
    }

    fn rooms_leave_at(&self) -> Option<Time> {
        match *self.phase.lock() {
            Phase::Offline { rooms_leave_at, .. } => Some(rooms_leave_at),
            Phase::Online | Phase::Cordoned => None,
        }
    }

    fn others(&self, uses_quic: bool) -> Vec<SocketAddr> {
        self.others.lock().reached_by(uses_quic)
    }

    fn app_version_min(&self, _: &dyn Application) -> u32 {
        let any = matches!(*self.phase.lock(), Phase::Offline { any_version: true, .. });
        // Whatever version that is, a roll-back accepts it.
        if any { 0 } else { self.app_version() }
    }

    fn count_added_delay(&self, id: MoveId, added_us: u64) {
        self.metrics.felt(added_us);
        self.shared.moves.felt(id, added_us);
    }

    fn ticket(&self, id: MoveId, session: SessionId, client_key: &[u8; 32]) -> Vec<u8> {
        let expires_unix_ms = unix_ms() + self.timing.ticket_life.as_millis() as u64;
        MoveTicket { id, session, client_key: *client_key, expires_unix_ms }.seal(&self.sealer)
    }

    fn resume_token(&self, session: SessionId, client_key: &[u8; 32]) -> Vec<u8> {
        // The token lives as long as the session may wait for its client, counted anew with every Switch;
        // a link that lasts for days must not outlive it, so the session's own time-out is what ends it.
        let expires_unix_ms = u64::MAX >> 2;
        ResumeToken { session, client_key: *client_key, expires_unix_ms }.seal(&self.sealer)
    }
}

fn settings(name: &str, config: &Config) -> Settings {
    Settings {
        node: name.to_owned(),
        message_bytes_max: config.limits.message_bytes_max,
        replay_bytes_max: config.limits.replay_bytes_max as usize,
        user_data_bytes_max: config.limits.user_data_bytes_max as usize,
        resume_max: config.times.resume,
        silence_max: limits::SILENCE_MAX,
        moves_when_online: config.migrate_when_online,
        durability: match config.durability {
            Durability::None => snapshot::Durability::None,
            Durability::Lazy => snapshot::Durability::Lazy(config.times.snapshot),
            Durability::Snapshot => snapshot::Durability::BeforeAck,
        },
        room: Arc::new(RoomSettings {
            members_max: config.limits.room_members_max,
            property_bytes_max: config.limits.room_property_bytes_max,
            state_bytes_max: config.limits.room_state_bytes_max.into(),
            sync_bytes_max: config.limits.room_sync_bytes_max,
            ..RoomSettings::default()
        }),
    }
}

fn timing(config: &Config) -> Timing {
    Timing {
        attach_max: config.times.attach,
        freeze_max: config.times.freeze,
        baton_wait_max: config.times.baton_wait,
        ticket_life: config.times.ticket,
        targets_max: config.limits.targets_max,
        ..Timing::default()
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("name", &self.name).field("id", &self.id).finish_non_exhaustive()
    }
}

/// Counts links of this node.
impl Node {
    fn next_link(&self) -> u64 {
        self.next_link.fetch_add(1, Ordering::Relaxed)
    }
}
