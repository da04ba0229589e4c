//! What cannot be done about rooms while the engine does not answer about them, and what comes of records that are written
//! while the node loses its lease.

use super::{Status, options};
use crate::player::Player;
use crate::{BOTH, TOKEN_LIFE, on_free_ports};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use sterna::client::Config;
use sterna::client::event::Event;
use sterna::client::token::ConnectToken;
use sterna::protocol::ids::{CohortId, NodeId, SessionId};
use sterna::protocol::lease::Heartbeat;
use sterna::protocol::record::{Answer, Ask, CasAnswer, ReadAnswer, Record, Versioned};
use sterna::protocol::room::wire::RoomRequest;
use sterna::protocol::snapshot::{SnapshotAnswer, SnapshotAsk};
use sterna_server::builtin::Builtin;
use sterna_server::engine::{Engine, Listed, LocalEngine, NodeInfo, Reply, Unavailable};
use sterna_server::node::{NoObserver, Node, Shared};
use sterna_server::pki::ClusterKeys;
use sterna_server::user_token::{Issuer, User, Verifier, connect_token};
use tokio::sync::watch;

/// An engine that says nothing of rooms while it sulks.
#[derive(Default)]
struct Sulking {
    engine: LocalEngine,
    sulks: AtomicBool,
    lapse: Mutex<Lapse>,
    /// How many renewals have succeeded.
    renewals: watch::Sender<u64>,
}

/// Whether the next record that is created takes longer than the lease lasts.
#[derive(Default)]
enum Lapse {
    #[default]
    None,
    /// The next one does.
    Wanted,
    /// This one does, since then.
    Lasts(CohortId, Instant),
    /// That one did, and the lease is renewed.
    Over(CohortId),
}

/// The leases' times in the tests with a lapse: an answer of the engine may take longer than all of them.
const RENEW: Duration = Duration::from_millis(50);
const FENCE: Duration = Duration::from_millis(200);

impl Sulking {
    fn sulks(&self) -> bool {
        self.sulks.load(Ordering::Acquire)
    }
}

impl Engine for Sulking {
    fn publish(&self, info: NodeInfo) -> Reply<'_, Result<(), Unavailable>> {
        self.engine.publish(info)
    }

    fn nodes(&self) -> Vec<NodeInfo> {
        self.engine.nodes()
    }

    fn create(&self, cohort: CohortId, record: Record) -> Reply<'_, CasAnswer> {
        let mut lapse = self.lapse.lock();
        if let Lapse::Wanted = *lapse {
            *lapse = Lapse::Lasts(cohort, Instant::now());
            let mut renewals = self.renewals.subscribe();
            let before = *renewals.borrow_and_update();
            return Box::pin(async move {
                // By the second one the node has told everything that it serves again.
                let _ = renewals.wait_for(|count| *count >= before + 2).await;
                self.engine.create(cohort, record).await
            });
        }
        if self.sulks() {
            return Box::pin(async { CasAnswer::Unknown });
        }
        self.engine.create(cohort, record)
    }

    fn ask(&self, cohort: CohortId, ask: Ask) -> Reply<'_, Answer> {
        if self.sulks() && ask == Ask::Read {
            return Box::pin(async { Answer::Read(ReadAnswer::Failed) });
        }
        self.engine.ask(cohort, ask)
    }

    fn cohorts_of(&self, node: NodeId) -> Reply<'_, Result<Vec<CohortId>, Unavailable>> {
        self.engine.cohorts_of(node)
    }

    fn nodes_named(&self) -> Reply<'_, Result<BTreeSet<NodeId>, Unavailable>> {
        self.engine.nodes_named()
    }

    fn forget(&self, cohort: CohortId, held: Versioned) -> Reply<'_, Result<(), Unavailable>> {
        self.engine.forget(cohort, held)
    }

    fn ask_snapshot(&self, cohort: CohortId, ask: SnapshotAsk) -> Reply<'_, SnapshotAnswer> {
        self.engine.ask_snapshot(cohort, ask)
    }

    fn list_room(&self, room: CohortId, listed: Option<Listed>) -> Reply<'_, Result<(), Unavailable>> {
        self.engine.list_room(room, listed)
    }

    fn rooms(&self) -> Reply<'_, Result<Vec<Listed>, Unavailable>> {
        if self.sulks() {
            return Box::pin(async { Err(Unavailable) });
        }
        self.engine.rooms()
    }

    fn claim_user(
        &self,
        user: &str,
        session: SessionId,
    ) -> Reply<'_, Result<Option<SessionId>, Unavailable>> {
        self.engine.claim_user(user, session)
    }

    fn session_of(&self, user: &str) -> Reply<'_, Result<Option<SessionId>, Unavailable>> {
        self.engine.session_of(user)
    }

    fn release_user(&self, user: &str, session: SessionId) -> Reply<'_, ()> {
        self.engine.release_user(user, session)
    }

    fn renew(&self, node: NodeId) -> Reply<'_, Result<(), Unavailable>> {
        let mut lapse = self.lapse.lock();
        if let Lapse::Lasts(cohort, since) = *lapse {
            // Before each renewal the node looks whether its lease has run out.
            if since.elapsed() < FENCE + RENEW {
                return Box::pin(async { Err(Unavailable) });
            }
            *lapse = Lapse::Over(cohort);
        }
        self.renewals.send_modify(|count| *count += 1);
        self.engine.renew(node)
    }

    fn goodbye(&self, node: NodeId) -> Reply<'_, Result<(), Unavailable>> {
        self.engine.goodbye(node)
    }

    fn heartbeats(
        &self,
        asker: NodeId,
        still_for: Duration,
        named: BTreeSet<NodeId>,
    ) -> Reply<'_, Result<Vec<(NodeId, Heartbeat)>, Unavailable>> {
        self.engine.heartbeats(asker, still_for, named)
    }
}

/// A node with such an engine.
async fn started(config: sterna_server::config::Config) -> (Arc<Node>, Arc<Sulking>, Arc<ClusterKeys>) {
    let keys = Arc::new(ClusterKeys::configured(&config).expect("keys can be made"));
    let engine = Arc::new(Sulking::default());
    let shared = Shared {
        verifier: Arc::new(Verifier::configured(&config, &keys).expect("the development issuer")),
        config: Arc::new(config),
        keys: keys.clone(),
        engine: engine.clone(),
        application: Arc::new(Builtin),
        observer: Arc::new(NoObserver),
        metrics: Arc::default(),
        moves: Arc::default(),
    };
    let node = Node::start("node-1".to_owned(), 0, shared).await.expect("the node starts");
    (node, engine, keys)
}

fn token(node: &Node, keys: &ClusterKeys, user: String) -> ConnectToken {
    let user_token = Issuer::new(keys).issue(&User::new(user).expect("a name"), TOKEN_LIFE);
    connect_token(keys, user_token, vec![node.tcp()], vec![node.quic()])
}

/// (e) What was written under a lease that ran out meanwhile is not served under the next one: another node may have
/// taken it over in between.
#[tokio::test(flavor = "multi_thread")]
async fn what_began_before_a_fence_is_not_served_after_it() {
    let mut config = on_free_ports(1);
    config.times.lease_renew = RENEW;
    config.times.self_fence = FENCE;
    config.times.take_over = FENCE * 2;
    let (node, engine, keys) = started(config).await;
    let lapsed = || match *engine.lapse.lock() {
        Lapse::Over(cohort) => cohort,
        Lapse::None | Lapse::Wanted | Lapse::Lasts(..) => panic!("the lease has not lapsed"),
    };
    let is_gone = async |cohort| {
        let gone = Answer::Read(ReadAnswer::Read(None));
        while engine.ask(cohort, Ask::Read).await != gone {
            tokio::task::yield_now().await;
        }
    };

    *engine.lapse.lock() = Lapse::Wanted;
    let mut ann = Player::new(Config { transport: BOTH[0], ..Config::default() });
    ann.client.connect(&token(&node, &keys, "ann".into()).encode()).expect("it can be read");
    let decided = |event: &Event| matches!(event, Event::Connected { .. } | Event::ConnectFailed { .. });
    let (event, _) = ann.until(decided).await;
    assert!(matches!(event, Event::ConnectFailed { .. }) || ann.session != lapsed().0, "{event:?}");
    tokio::time::timeout(crate::PATIENCE, is_gone(lapsed())).await.expect("its record is forgotten");

    let mut bob = Player::join(Config::default(), &token(&node, &keys, "bob".into())).await;
    *engine.lapse.lock() = Lapse::Wanted;
    let create = RoomRequest::Create { options: options() };
    let (status, room) = bob.ask_room(&create).await;
    // It is tried again by itself, or it is not: that one is not the room.
    assert!(status == Status::Ok || status == Status::EngineUnavailable, "{status:?}");
    assert_ne!(room, Some(lapsed()));
    tokio::time::timeout(crate::PATIENCE, is_gone(lapsed())).await.expect("its record is forgotten");
    bob.say(10);
    bob.hear_all().await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_of_the_engine_play_goes_on_alone() {
    let (node, engine, keys) = started(on_free_ports(1)).await;
    let mut players = Vec::new();
    for number in 0..3 {
        let config = Config { transport: BOTH[number % 2], ..Config::default() };
        players.push(Player::join(config, &token(&node, &keys, format!("player-{number}"))).await);
    }
    let search = RoomRequest::JoinRandom { filter: Vec::new(), otherwise: None };
    let create = RoomRequest::Create { options: options() };
    let requests = [create.clone(), RoomRequest::Join { room: CohortId(1) }, search.clone()];
    engine.sulks.store(true, Ordering::Release);
    let asked: Vec<u64> =
        players.iter().zip(&requests).map(|(player, request)| player.begin_to_ask(request)).collect();
    for (player, asked) in players.iter_mut().zip(asked) {
        player.say(10);
        player.hear_all().await;
        assert_eq!(player.until_result(asked).await.0, Status::EngineUnavailable);
        player.say(10);
        player.hear_all().await;
    }
    engine.sulks.store(false, Ordering::Release);
    assert_eq!(players[1].ask_room(&requests[1]).await.0, Status::RoomUnknown);
    let (status, room) = players[0].ask_room(&create).await;
    assert_eq!(status, Status::Ok);
    players[1].joins(room.expect("it was made")).await;
    assert_eq!(players[2].ask_room(&search).await, (Status::Ok, room));
    node.stop().await;
}
