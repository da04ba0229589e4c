//! What cannot be done about rooms while the engine does not answer about them.

use super::{Status, options};
use crate::player::Player;
use crate::{BOTH, TOKEN_LIFE, on_free_ports};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use sterna::client::Config;
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

/// An engine that says nothing of rooms while it sulks.
#[derive(Default)]
struct Sulking {
    engine: LocalEngine,
    sulks: AtomicBool,
}

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

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_of_the_engine_play_goes_on_alone() {
    let config = on_free_ports(1);
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
    let mut players = Vec::new();
    for number in 0..3 {
        let user = User::new(format!("player-{number}")).expect("a name");
        let user_token = Issuer::new(&keys).issue(&user, TOKEN_LIFE);
        let token = connect_token(&keys, user_token, vec![node.tcp()], vec![node.quic()]);
        let config = Config { transport: BOTH[number % 2], ..Config::default() };
        players.push(Player::join(config, &token).await);
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
