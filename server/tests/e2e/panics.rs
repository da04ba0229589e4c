//! A game whose server side panics: whoever plays goes on playing, and so do all others.

use crate::moves::{begin_drain, drained};
use crate::player::Player;
use crate::{BOTH, cluster_of, on_free_ports};
use std::sync::Arc;
use sterna::protocol::application::{Application, Context};
use sterna::protocol::wire::Message;
use sterna_server::builtin::Builtin;

const VER: u8 = 2;

/// The message that the game cannot stand.
const BOOM: u16 = 50;

/// The built-in game with bugs.
struct Fragile;

impl Application for Fragile {
    fn message(&self, session: &mut Context<'_>, message: &Message<'_>) {
        assert_ne!(message.cmd, BOOM, "a bug of the game");
        Builtin.message(session, message);
    }

    fn timer(&self, session: &mut Context<'_>) {
        Builtin.timer(session);
    }

    fn moved_in(&self, _: &mut Context<'_>) {
        panic!("a bug of the game");
    }

    fn moved_out(&self, _: &str, _: sterna::protocol::ids::SessionId) {
        panic!("a bug of the game");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_the_game_costs_no_session_and_no_drain() {
    let cluster = cluster_of(Arc::new(Fragile), on_free_ports(2)).await;
    let mut players = Vec::new();
    for transport in BOTH {
        players.push(Player::on(&cluster, transport, &format!("{transport:?}"), "node-1").await);
    }
    for player in &mut players {
        player.say(10);
        player.client.send(true, VER, BOOM, b"").expect("it can be sent");
        player.say(10);
        player.hear_all().await;
    }
    begin_drain(&cluster, "node-1");
    for player in &mut players {
        player.until_offline().await;
        player.client.send_migrate().expect("its node is offline");
        player.say(10);
        player.until_migrated().await;
        assert_eq!(player.node, "node-2");
        player.say(10);
        player.hear_all().await;
    }
    assert_eq!(drained(&cluster, "node-1").await.closed, 0);
}
