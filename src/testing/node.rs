//! A node of the test cluster: its cohorts, its lease, what it remembers, and what it says of itself.

use super::echo::Echo;
use crate::protocol::cohort::{Cohort, Env, NodeView};
use crate::protocol::ids::{CohortId, MoveId, NodeId, SessionId};
use crate::protocol::keys;
use crate::protocol::lease::{Lease, LeaseWatch};
use crate::protocol::limits;
use crate::protocol::reasons::{OfflineReason, RefuseReason};
use crate::protocol::session::Settings;
use crate::protocol::source::Timing;
use crate::protocol::time::{BootTime, Time};
use crate::protocol::wire::{Field, Reader};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Where a node is reached.
pub(super) fn address(node: NodeId) -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, node.0 as u8), 7000).into()
}

/// Which node is reached there.
pub(super) fn node_at(address: SocketAddr) -> NodeId {
    match address {
        SocketAddr::V4(address) => NodeId(u64::from(address.ip().octets()[3])),
        SocketAddr::V6(_) => NodeId(0),
    }
}

/// What a node says of itself to its cohorts.
#[derive(Debug)]
pub(super) struct View {
    pub(super) id: NodeId,
    pub(super) now: Time,
    pub(super) timing: Timing,
    pub(super) offline: Option<(OfflineReason, Time)>,
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
        (vec![address(self.id)], vec![address(self.id)])
    }
    fn going_offline(&self) -> Option<(OfflineReason, Time)> {
        self.offline
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
    pub(super) lease: Lease,
    pub(super) renewal_sent_at: Option<Time>,
    pub(super) fenced: bool,
    pub(super) watch: LeaseWatch,
    pub(super) cohorts: BTreeMap<CohortId, Cohort>,
    pub(super) refused: BTreeSet<MoveId>,
    /// Refuses whoever asks for room.
    pub(super) full: bool,
    pub(super) settings: Arc<Settings>,
    application: Echo,
}

impl Node {
    pub(super) fn new(application: Echo, settings: Arc<Settings>) -> Self {
        let id = application.node;
        let mut lease = Lease::new(limits::SELF_FENCE);
        lease.restart(BootTime::from_micros(0));
        Self {
            view: View { id, now: Time::default(), timing: Timing::default(), offline: None },
            lease,
            renewal_sent_at: None,
            fenced: false,
            watch: LeaseWatch::new(limits::TAKE_OVER),
            cohorts: BTreeMap::new(),
            refused: BTreeSet::new(),
            full: false,
            settings,
            application,
        }
    }

    /// What it is at this moment.
    pub(super) fn env(&mut self, now: Time) -> Env<'_> {
        self.view.now = now;
        let permit = self.lease.permit(BootTime::from_micros(now.as_micros()));
        Env { now, permit, application: &self.application, node: &self.view }
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

    /// When one of its cohorts has something to do next.
    pub(super) fn poll_timeout(&mut self, now: Time) -> Option<(Time, CohortId)> {
        let cohorts = std::mem::take(&mut self.cohorts);
        let env = self.env(now);
        let due = |(id, cohort): (&CohortId, &Cohort)| Some((cohort.poll_timeout(&env)?, *id));
        let next = cohorts.iter().filter_map(due).min();
        self.cohorts = cohorts;
        next
    }

    /// The nodes whose lease has surely run out, as far as it has seen.
    pub(super) fn gone(&self) -> BTreeSet<NodeId> {
        (1..=u64::from(u8::MAX)).map(NodeId).filter(|node| self.watch.has_run_out(*node)).collect()
    }

    /// A node that neither serves anybody nor holds a copy may exit.
    pub(super) fn is_empty(&self) -> bool {
        self.cohorts.values().all(|cohort| !cohort.is_held())
    }
}
