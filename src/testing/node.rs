//! A node of the test cluster: its cohorts, its lease, what it remembers, and what it says of itself.

use super::clock::Clock;
use super::echo::Echo;
use super::happenings::Happening;
use crate::protocol::cohort::{Cohort, Env, NodeView};
use crate::protocol::ids::{CohortId, MoveId, NodeId, SessionId};
use crate::protocol::keys;
use crate::protocol::lease::{Lease, LeaseWatch};
use crate::protocol::limits;
use crate::protocol::reasons::{OfflineReason, RefuseReason, TargetRefusal};
use crate::protocol::session::Settings;
use crate::protocol::source::Timing;
use crate::protocol::time::Time;
use crate::protocol::wire::{Field, Reader};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Where the nodes of a place are reached, one incarnation after the other.
pub(super) fn address(place: u8) -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, place), 7000).into()
}

/// Which place has this address.
pub(super) fn place_at(address: SocketAddr) -> u8 {
    match address {
        SocketAddr::V4(address) => address.ip().octets()[3],
        SocketAddr::V6(_) => 0,
    }
}

/// What a node says of itself to its cohorts.
#[derive(Debug)]
pub(super) struct View {
    pub(super) id: NodeId,
    pub(super) place: u8,
    pub(super) now: Time,
    pub(super) timing: Timing,
    pub(super) offline: Option<(OfflineReason, Time)>,
    /// When rooms are moved that nobody has moved by then.
    pub(super) rooms_leave_at: Option<Time>,
    /// The places of other nodes that it tells clients of.
    pub(super) others: Vec<u8>,
}

/// A ticket's content; in memory nobody forges it.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) id: MoveId,
    pub(super) session: SessionId,
    pub(super) client_key: [u8; 32],
    expires_us: u64,
}

impl Ticket {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.id.put(&mut out);
        self.session.put(&mut out);
        self.client_key.put(&mut out);
        self.expires_us.put(&mut out);
        out
    }

    /// Reads a ticket and checks all that a driver checks.
    pub(super) fn check(
        bytes: &[u8],
        proof: &[u8; 32],
        binding: &keys::Binding,
        node: NodeId,
        now: Time,
    ) -> Result<Self, RefuseReason> {
        let mut reader = Reader::new(bytes);
        let read = |reader: &mut Reader<'_>| {
            Ok::<_, crate::protocol::wire::DecodeError>(Self {
                id: reader.field()?,
                session: reader.field()?,
                client_key: reader.field()?,
                expires_us: reader.field()?,
            })
        };
        let ticket = read(&mut reader).map_err(|_| RefuseReason::TicketForged)?;
        if ticket.id.target != node {
            return Err(RefuseReason::TicketOtherNode);
        }
        if ticket.expires_us < now.as_micros() {
            return Err(RefuseReason::TicketExpired);
        }
        if !keys::verify(&ticket.client_key, binding, bytes, proof) {
            return Err(RefuseReason::TicketOtherClient);
        }
        Ok(ticket)
    }
}

/// Whose resume token it is.
pub(super) fn check_token(
    bytes: &[u8],
    proof: &[u8; 32],
    binding: &keys::Binding,
) -> Result<SessionId, RefuseReason> {
    let mut reader = Reader::new(bytes);
    let (Ok(session), Ok(client_key)) = (reader.field::<SessionId>(), reader.field::<[u8; 32]>()) else {
        return Err(RefuseReason::TokenMalformed);
    };
    if !keys::verify(&client_key, binding, bytes, proof) {
        return Err(RefuseReason::TicketOtherClient);
    }
    Ok(session)
}

impl NodeView for View {
    fn id(&self) -> NodeId {
        self.id
    }
    fn timing(&self) -> Timing {
        self.timing
    }
    fn addresses(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        (vec![address(self.place)], vec![address(self.place)])
    }
    fn going_offline(&self) -> Option<(OfflineReason, Time)> {
        self.offline
    }
    fn rooms_leave_at(&self) -> Option<Time> {
        self.rooms_leave_at
    }
    fn others(&self, _uses_quic: bool) -> Vec<SocketAddr> {
        self.others.iter().map(|place| address(*place)).collect()
    }
    fn ticket(&self, id: MoveId, session: SessionId, client_key: &[u8; 32]) -> Vec<u8> {
        let expires_us = (self.now + self.timing.ticket_life).as_micros();
        Ticket { id, session, client_key: *client_key, expires_us }.encode()
    }
    fn resume_token(&self, session: SessionId, client_key: &[u8; 32]) -> Vec<u8> {
        let mut out = Vec::new();
        session.put(&mut out);
        client_key.put(&mut out);
        out
    }
}

/// A node.
#[derive(Debug)]
pub struct Node {
    pub(super) view: View,
    pub(super) clock: Clock,
    /// It does nothing until then.
    pub(super) paused_until: Option<Time>,
    /// What happens to it once it goes on, in order.
    pub(super) waiting: VecDeque<Happening>,
    pub(super) lease: Lease,
    pub(super) renewal_sent_at: Option<Time>,
    pub(super) fenced: bool,
    pub(super) watch: LeaseWatch,
    /// The nodes that it has ever read a heartbeat of.
    pub(super) seen: BTreeSet<NodeId>,
    pub(super) cohorts: BTreeMap<CohortId, Cohort>,
    pub(super) refused: BTreeSet<MoveId>,
    /// Refuses whoever asks for room.
    pub(super) full: bool,
    /// Its cohorts are to wait in the store: it takes nothing over any more.
    pub(super) parking: bool,
    pub(super) settings: Arc<Settings>,
    pub(super) application: Echo,
}

impl Node {
    /// Why it takes no arrivals now.
    pub(super) fn why_not_here(&mut self, now: Time) -> Option<TargetRefusal> {
        if self.view.offline.is_some() {
            Some(TargetRefusal::NotOnline)
        } else if self.full {
            Some(TargetRefusal::Full)
        } else if self.env(now).permit.is_none() {
            Some(TargetRefusal::Fenced)
        } else {
            None
        }
    }

    pub(super) fn new(application: Echo, place: u8, settings: Arc<Settings>) -> Self {
        let id = application.node;
        let lease = Lease::new(limits::SELF_FENCE);
        Self {
            view: View {
                id,
                place,
                now: Time::default(),
                timing: Timing::default(),
                offline: None,
                rooms_leave_at: None,
                others: Vec::new(),
            },
            clock: Clock::default(),
            paused_until: None,
            waiting: VecDeque::new(),
            lease,
            renewal_sent_at: None,
            fenced: false,
            watch: LeaseWatch::new(limits::TAKE_OVER),
            seen: BTreeSet::new(),
            cohorts: BTreeMap::new(),
            refused: BTreeSet::new(),
            full: false,
            parking: false,
            settings,
            application,
        }
    }

    /// What it is at this moment.
    pub(super) fn env(&mut self, now: Time) -> Env<'_> {
        let local = self.clock.mono(now);
        self.view.now = local;
        let permit = self.lease.permit(self.clock.boot(now));
        Env { now: local, permit, application: &self.application, node: &self.view }
    }

    /// Whether its lease holds.
    pub(super) fn is_permitted(&self, now: Time) -> bool {
        self.lease.permit(self.clock.boot(now)).is_some()
    }

    /// Whether it does nothing at the moment.
    pub(super) fn is_asleep(&self, now: Time) -> bool {
        self.paused_until.is_some_and(|end| end > now)
    }

    /// The moment of the cluster's time at which it can act on what is due at `local`.
    pub(super) fn acts_at(&self, local: Time) -> Time {
        let at = self.clock.when(local);
        self.paused_until.map_or(at, |end| end.max(at))
    }

    /// Calls one of its cohorts.
    pub(super) fn call<R>(
        &mut self,
        cohort: CohortId,
        now: Time,
        call: impl FnOnce(&mut Cohort, &Env<'_>) -> R,
    ) -> Option<R> {
        let mut cohorts = std::mem::take(&mut self.cohorts);
        let result = cohorts.get_mut(&cohort).map(|cohort| call(cohort, &self.env(now)));
        self.cohorts = cohorts;
        result
    }

    /// When a cohort has something to do next, in the cluster's time.
    pub(super) fn poll_timeout(&mut self, cohort: CohortId, now: Time) -> Option<Time> {
        let due = self.call(cohort, now, |cohort, env| cohort.poll_timeout(env)).flatten()?;
        Some(self.acts_at(due))
    }

    /// The nodes whose lease has surely run out, as far as it has seen.
    pub(super) fn gone(&self) -> BTreeSet<NodeId> {
        let me = self.view.id;
        self.seen.iter().copied().filter(|node| *node != me && self.watch.has_run_out(*node)).collect()
    }

    /// A node that neither serves anybody nor holds a copy may exit.
    pub(super) fn is_empty(&self) -> bool {
        self.cohorts.values().all(|cohort| !cohort.is_held())
    }
}
