//! Nodes with different versions of the application, as operators have set them: while an update rolls on, and back.

use crate::player::Player;
use crate::{BOTH, LONG, TOKEN_LIFE, on_free_ports};
use std::sync::Arc;
use std::time::Duration;
use sterna::client::config::Transport;
use sterna::client::{Config, Status};
use sterna::protocol::reasons::OfflineReason;
use sterna_server::builtin::Builtin;
use sterna_server::engine::LocalEngine;
use sterna_server::node::{DrainOrder, NoObserver, Node, Shared};
use sterna_server::pki::ClusterKeys;
use sterna_server::user_token::{Issuer, User, Verifier, connect_token};

/// So few may be on their way to one node at a time that others wait.
const ARRIVALS_MAX: u32 = 4;

/// Nodes of one cluster, each as if its process had a configuration of its own.
struct Update {
    shared: Shared,
}

impl Update {
    fn new() -> Self {
        let keys = ClusterKeys::generate("dev").expect("keys can be made");
        let shared = Shared {
            config: Arc::default(),
            verifier: Arc::new(Verifier::development(&keys)),
            keys: Arc::new(keys),
            engine: Arc::new(LocalEngine::default()),
            application: Arc::new(Builtin),
            observer: Arc::new(NoObserver),
            metrics: Arc::default(),
            moves: Arc::default(),
        };
        Self { shared }
    }

    /// Starts a node that runs this version; `None`: the application's own, which is 1.
    async fn node(&self, name: &str, app_version: Option<u32>) -> Arc<Node> {
        let mut config = sterna_server::config::Config { app_version, ..on_free_ports(1) };
        config.limits.arrivals_max = ARRIVALS_MAX;
        // A machine that is busy must not look like a node that refuses.
        config.times.attach = Duration::from_secs(15);
        config.times.baton_wait = Duration::from_secs(5);
        config.times.freeze = Duration::from_secs(1);
        config.validate().expect("the test's configuration is valid");
        let shared = Shared { config: Arc::new(config), ..self.shared.clone() };
        Node::start(name.into(), 0, shared).await.expect("the node starts")
    }

    async fn player(&self, transport: Transport, user: &str, node: &Node) -> Player {
        let user_token = Issuer::new(&self.shared.keys).issue(&User::new(user).expect("an id"), TOKEN_LIFE);
        let token = connect_token(&self.shared.keys, user_token, vec![node.tcp()], vec![node.quic()]);
        Player::join(Config { transport, ..Config::default() }, &token).await
    }

    async fn players(&self, count: usize, node: &Node) -> Vec<Player> {
        let mut players = Vec::new();
        for number in 0..count {
            players.push(self.player(BOTH[number % 2], &format!("{number}"), node).await);
        }
        players
    }
}

fn begin_drain(node: &Arc<Node>, any_version: bool) {
    let order = DrainOrder { deadline: LONG, reason: OfflineReason::Deploy, any_version };
    assert!(node.begin_drain(order), "it is not offline");
    let node = node.clone();
    tokio::spawn(async move { node.drain().await });
}

/// All of them ask, and play on where they get.
async fn move_to(name: &str, players: &mut [Player]) {
    for player in &mut *players {
        player.say(5);
        player.until_offline().await;
        player.client.send_migrate().unwrap();
    }
    for player in players {
        player.until_migrated().await;
        assert_eq!(player.node, name);
        player.say(5);
        player.hear_all().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_an_update_everybody_moves_once_to_the_new_version() {
    let update = Update::new();
    let red = update.node("red", None).await;
    let green = update.node("green", None).await;
    let blue = update.node("blue", Some(2)).await;
    // More than may be on their way to one node at a time: what has to wait is not for the other old node.
    let mut of_red = update.players(30, &red).await;
    begin_drain(&red, false);
    move_to("blue", &mut of_red).await;
    let mut of_green = [update.player(Transport::Tcp, "another", &green).await];
    begin_drain(&green, false);
    move_to("blue", &mut of_green).await;
    assert_eq!((green.sessions(), blue.sessions()), (0, 31));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_to_an_older_version_but_in_a_roll_back() {
    let update = Update::new();
    let _old = update.node("old", Some(6)).await;
    let red = update.node("red", Some(7)).await;
    let mut players = update.players(4, &red).await;
    begin_drain(&red, false);
    for player in &mut players {
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        assert_eq!(player.until_migrate_failed().await, Status::NoTarget);
        player.say(5);
        player.hear_all().await;
    }
    assert_eq!(red.sessions(), 4);

    // The others of one's own version are about to be rolled back, too.
    let red = update.node("red-again", Some(7)).await;
    let _blue = update.node("blue-again", Some(7)).await;
    let mut players = Vec::new();
    for number in 4..20 {
        players.push(update.player(BOTH[number % 2], &format!("{number}"), &red).await);
    }
    begin_drain(&red, true);
    move_to("old", &mut players).await;
}
