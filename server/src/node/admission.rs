//! Who is let in: new sessions, links of a move, and links in the place of broken ones. Nothing that a
//! client says is believed without a seal or a signature.

use super::links::Newcomer;
use super::rooms::Ruling;
use super::slot::{Attached, Slot};
use super::{Node, random_u64};
use crate::engine::{Standing, Unavailable};
use crate::seal::{MoveTicket, ResumeToken, unix_ms};
use std::net::SocketAddr;
use std::sync::Arc;
use sterna::protocol::cohort::{Cohort, Env};
use sterna::protocol::ids::{Cursor, Epoch, Fence, LinkNumber, SessionId};
use sterna::protocol::keys;
use sterna::protocol::limits;
use sterna::protocol::reasons::{CloseReason, RefuseReason};
use sterna::protocol::record::{CasAnswer, OwnerPhase, Record, Versioned};
use sterna::protocol::session::Link;
use sterna::protocol::wire::{Downlink, Greeting, Peer, Uplink};
use sterna::transport::Kind;
use tokio::sync::oneshot;

/// How often the owner of a session that was replaced is told so.
const CLOSE_TRIES: u32 = 50;

/// A refusal, and where the client may do better.
struct Refusal {
    reason: RefuseReason,
    elsewhere: Vec<SocketAddr>,
}

impl From<RefuseReason> for Refusal {
    fn from(reason: RefuseReason) -> Self {
        Self { reason, elsewhere: Vec::new() }
    }
}

/// What a link says in its greeting besides what it is for.
#[derive(Clone, Copy)]
struct Terms {
    number: LinkNumber,
    credit: u64,
}

impl Node {
    /// Waits for the greeting, decides, and tells the link.
    pub(super) async fn admit(self: Arc<Self>, newcomer: Newcomer, greeted: oneshot::Receiver<Uplink>) {
        let greeting = tokio::time::timeout(limits::GREETING_MAX, greeted).await;
        let Ok(Ok(Uplink::Hello { version, link: number, credit, greeting })) = greeting else {
            newcomer
                .door
                .refuse(&Downlink::Refused { reason: RefuseReason::Greeting, elsewhere: Vec::new() });
            return newcomer.waker.wake();
        };
        let terms = Terms { number, credit };
        let admitted = if version == limits::VERSION {
            match greeting {
                Greeting::Connect { user_token } => self.connect(&newcomer, terms, &user_token).await,
                Greeting::Attach { ticket, proof, down } => {
                    self.attach(&newcomer, terms, &ticket, &proof, down)
                }
                Greeting::Resume { token, proof, fence, down } => {
                    self.resume(&newcomer, terms, &token, &proof, fence, down).await
                }
            }
        } else {
            Err(RefuseReason::Version.into())
        };
        if let Err(Refusal { reason, elsewhere }) = admitted {
            tracing::debug!(node = %self.name, link = newcomer.id.0, "refused: {reason}");
            newcomer.door.refuse(&Downlink::Refused { reason, elsewhere });
        }
        newcomer.waker.wake();
    }

    async fn connect(
        self: &Arc<Self>,
        newcomer: &Newcomer,
        terms: Terms,
        user_token: &str,
    ) -> Result<(), Refusal> {
        let user = self.shared.verifier.verify(user_token)?;
        if self.standing() != Standing::Online {
            return Err(RefuseReason::NotOnline.into());
        }
        if self.is_full() {
            return Err(RefuseReason::Full.into());
        }
        // One that has slept must not put an old greeting in the place of what has begun elsewhere since.
        let Some(since) = self.may_begin() else { return Err(RefuseReason::Unavailable.into()) };
        let session = SessionId(random_u64().map_err(|_| RefuseReason::Unavailable)?);
        self.claim(user.id(), session).await?;
        let held = match self.create_record(session).await {
            Ok(held) => held,
            Err(refusal) => {
                self.shared.engine.release_user(user.id(), session).await;
                return Err(refusal);
            }
        };
        let user = user.into_id();
        let client_key = keys::client_key(&newcomer.binding);
        let begun = Cohort::begin(session, user.clone(), client_key, held, self.settings.clone());
        let Some(slot) = self.add_begun(begun, held, since) else {
            self.shared.engine.release_user(&user, session).await;
            return Err(RefuseReason::Unavailable.into());
        };
        slot.add_link(newcomer.id, newcomer.attached());
        let link = newcomer.link(terms, Cursor(0));
        let let_in = slot.with(self, None, |cohort, env| {
            cohort.connect(link, newcomer.kind == Kind::Quic, env);
            newcomer.door.let_in(slot.clone())
        });
        self.settle_in(newcomer, &slot, let_in);
        self.recheck(&user, session, &slot).await;
        Ok(())
    }

    /// What changed while the session was being made ends it: the node has stopped, or the same user has
    /// begun another session, whose node could not find this one yet.
    async fn recheck(self: &Arc<Self>, user: &str, session: SessionId, slot: &Arc<Slot>) {
        let close = |reason| slot.with(self, None, |cohort, env| cohort.close(session, reason, env));
        if self.has_stopped() {
            close(CloseReason::NodeStopped);
        } else if let Ok(Some(newest)) = self.shared.engine.session_of(user).await
            && newest != session
        {
            close(CloseReason::Replaced);
        }
    }

    /// A link that has ended while it was decided about has to be taken out again.
    fn settle_in(self: &Arc<Self>, newcomer: &Newcomer, slot: &Arc<Slot>, let_in: bool) {
        if !let_in {
            self.on_link_ended(slot, newcomer.id);
        }
    }

    /// Makes this session the user's one; an earlier one ends, or is kept and this one refused.
    async fn claim(self: &Arc<Self>, user: &str, session: SessionId) -> Result<(), Refusal> {
        let unavailable = |_| Refusal::from(RefuseReason::Unavailable);
        let engine = &self.shared.engine;
        if !self.replaces_users()
            && let Some(earlier) = engine.session_of(user).await.map_err(unavailable)?
            && !self.has_ended(earlier).await
        {
            return Err(RefuseReason::AlreadyConnected.into());
        }
        let Some(replaced) = engine.claim_user(user, session).await.map_err(unavailable)? else {
            return Ok(());
        };
        tokio::spawn(self.clone().end_replaced(replaced));
        Ok(())
    }

    /// Whether a session's record is gone: of one that a crash has ended nobody knew the user.
    async fn has_ended(&self, session: SessionId) -> bool {
        self.ruling_record(session).await == Ok(None)
    }

    /// Has a session's owner end it. The session may be moving, and a message to an owner that stops is
    /// lost: so the owner is looked up and told again until there is none.
    async fn end_replaced(self: Arc<Self>, session: SessionId) {
        let reason = CloseReason::Replaced;
        for _ in 0..CLOSE_TRIES {
            match self.ruling_record(session).await {
                Ok(None) => return,
                Ok(Some(Ruling { found, .. })) if found.record.owner == self.id => {
                    self.close_session(session, reason);
                }
                Ok(Some(Ruling { found, .. })) => {
                    let frame = Peer::Close { session, reason };
                    self.send_peer(found.record.owner, session.into(), &frame);
                }
                Err(Unavailable) => {}
            }
            tokio::time::sleep(limits::BATON_RESEND).await;
        }
        tracing::warn!(node = %self.name, %session, "a session that was replaced does not end");
    }

    async fn create_record(&self, session: SessionId) -> Result<Versioned, Refusal> {
        let record = Record {
            bucket: self.shared.engine.bucket(),
            binding: Default::default(),
            epoch: Epoch(1),
            owner: self.id,
            phase: OwnerPhase::Serving,
            room: None,
        };
        match self.shared.engine.create(session.into(), record).await {
            CasAnswer::Won(revision) => Ok(Versioned { revision, record }),
            CasAnswer::Lost(_) | CasAnswer::Unknown => Err(RefuseReason::Unavailable.into()),
        }
    }

    fn attach(
        self: &Arc<Self>,
        newcomer: &Newcomer,
        terms: Terms,
        ticket: &[u8],
        proof: &[u8; 32],
        down: Cursor,
    ) -> Result<(), Refusal> {
        let content = MoveTicket::open(&self.sealer, ticket).map_err(|_| RefuseReason::TicketForged)?;
        if !keys::verify(&content.client_key, &newcomer.binding, ticket, proof) {
            return Err(RefuseReason::TicketOtherClient.into());
        }
        if content.id.target != self.id {
            return Err(RefuseReason::TicketOtherNode.into());
        }
        if content.expired(unix_ms()) {
            return Err(RefuseReason::TicketExpired.into());
        }
        let slot = self.slot(content.id.cohort).ok_or(RefuseReason::TicketVoid)?;
        let link = newcomer.link(terms, down);
        self.admit_to(newcomer, &slot, |cohort, env| {
            cohort.attach(content.id, content.session, link, newcomer.kind == Kind::Quic, env)
        })
        .map_err(Refusal::from)
    }

    /// Lets a link into a cohort if that takes it. Its door is opened under the cohort's lock: from then on the
    /// link follows its session wherever that goes.
    fn admit_to(
        self: &Arc<Self>,
        newcomer: &Newcomer,
        slot: &Arc<Slot>,
        admit: impl FnOnce(&mut Cohort, &Env<'_>) -> Result<(), RefuseReason>,
    ) -> Result<(), RefuseReason> {
        slot.add_link(newcomer.id, newcomer.attached());
        let admitted = slot
            .with(self, None, |cohort, env| admit(cohort, env).map(|()| newcomer.door.let_in(slot.clone())));
        match admitted {
            Ok(let_in) => {
                self.settle_in(newcomer, slot, let_in);
                Ok(())
            }
            Err(refusal) => {
                slot.remove_link(newcomer.id);
                Err(refusal)
            }
        }
    }

    async fn resume(
        self: &Arc<Self>,
        newcomer: &Newcomer,
        terms: Terms,
        token: &[u8],
        proof: &[u8; 32],
        fence: Fence,
        down: Cursor,
    ) -> Result<(), Refusal> {
        let content = ResumeToken::open(&self.sealer, token).map_err(|_| RefuseReason::TicketForged)?;
        if !keys::verify(&content.client_key, &newcomer.binding, token, proof) {
            return Err(RefuseReason::TicketOtherClient.into());
        }
        let session = content.session;
        let Some(slot) = self.slot_of(session).filter(|slot| slot.is_held()) else {
            return Err(self.redirect(session, newcomer.kind).await);
        };
        let link = newcomer.link(terms, down);
        let resumed = self.admit_to(newcomer, &slot, |cohort, env| {
            cohort.resume(session, fence, link, newcomer.kind == Kind::Quic, env)
        });
        match resumed {
            // It has left or ended since it was looked up: which of the two, the directory knows.
            Err(RefuseReason::SessionUnknown) => Err(self.redirect(session, newcomer.kind).await),
            other => other.map_err(Refusal::from),
        }
    }

    /// Where the session's owner can be reached; or that there is none, by a leader's read.
    async fn redirect(self: &Arc<Self>, session: SessionId, kind: Kind) -> Refusal {
        match self.ruling_record(session).await {
            Ok(None) => RefuseReason::SessionUnknown.into(),
            Ok(Some(Ruling { cohort, found, orphan_of })) => {
                self.release_from_room(session, cohort, &found);
                let owner = if self.take_over(cohort, &found.record, orphan_of) {
                    self.id
                } else {
                    found.record.owner
                };
                let owner = self.live_nodes().into_iter().find(|info| info.id == owner);
                let address = |info: crate::engine::NodeInfo| match kind {
                    Kind::Tcp => info.tcp,
                    Kind::Quic => info.quic,
                };
                Refusal {
                    reason: RefuseReason::Unavailable,
                    elsewhere: owner.map(address).into_iter().collect(),
                }
            }
            Err(Unavailable) => RefuseReason::Unavailable.into(),
        }
    }
}

impl Newcomer {
    fn attached(&self) -> Attached {
        Attached { waker: self.waker.clone(), door: self.door.clone() }
    }

    fn link(&self, terms: Terms, wanted: Cursor) -> Link {
        Link::new(self.id, terms.number, self.datagram_bytes_max, terms.credit, wanted)
    }
}
