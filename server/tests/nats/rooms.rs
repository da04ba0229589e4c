//! Rooms whose members come from nodes of several processes.

use crate::player::Player;
use crate::processes::Process;
use crate::servers::{Folder, Servers};
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna::client::room::RoomEvent;
use sterna::protocol::room::wire::{Comparison, Condition, RoomOptions, RoomRequest};
use sterna::protocol::wire::Value;
use sterna_server::pki::ClusterKeys;

fn options() -> RoomOptions {
    let properties = vec![("map".to_owned(), Value::Text("ice".into()))];
    RoomOptions { members_max: 8, listed: true, properties, ..RoomOptions::default() }
}

fn on_ice() -> RoomRequest {
    let (key, value) = ("map".to_owned(), Value::Text("ice".into()));
    RoomRequest::JoinRandom {
        filter: vec![Condition { key, comparison: Comparison::Equal, value }],
        otherwise: None,
    }
}

async fn until_joined(player: &mut Player) {
    player.until("joined", |event| matches!(event, Event::Room(RoomEvent::MemberJoined { .. }))).await;
}

/// Found, joined and moved across processes; also when NATS has lost everything in the middle of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_found_from_another_process_and_moves_there_as_one() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    ClusterKeys::load_or_create(keys.path(), "dev").expect("keys can be made");
    let quick = "durability = \"snapshot\"\n[times]\nlease_renew_ms = 150\nself_fence_ms = 3000\ntake_over_ms = 4000\n";
    let mut red = Process::start("red", &servers, keys.path(), quick).await;
    let green = Process::start("green", &servers, keys.path(), quick).await;

    let mut ann = Player::join(&red.ask(&["token", "ann"]).await, Transport::Tcp).await;
    let room = ann.ask_room(&RoomRequest::Create { options: options() }).await;
    let mut bob = Player::join(&green.ask(&["token", "bob"]).await, Transport::Udp).await;
    assert_eq!((ann.node.as_str(), bob.node.as_str()), ("red-1", "green-1"));
    assert_eq!(bob.ask_room(&on_ice()).await, room);
    assert_eq!(bob.node, "red-1", "who joins moves there");
    until_joined(&mut ann).await;

    let client = async_nats::connect(servers.urls()).await.unwrap();
    async_nats::jetstream::new(client).delete_stream("STERNA_dev").await.unwrap();
    ann.plays().await;
    bob.plays().await;
    // What is published again can be found again.
    let mut cat = Player::join(&green.ask(&["token", "cat"]).await, Transport::Tcp).await;
    assert_eq!(cat.ask_room(&on_ice()).await, room);
    until_joined(&mut ann).await;
    until_joined(&mut bob).await;

    // Nobody asks for it: the room moves at half of the time.
    red.ask(&["drain", "red-1", "--deadline", "6s"]).await;
    for player in [&mut ann, &mut bob, &mut cat] {
        player.until("moved", |event| matches!(event, Event::Migrated { .. })).await;
        assert_eq!(player.node, "green-1");
        player.plays().await;
        let noticed = |event: &Event| {
            matches!(event, Event::Reconnecting { .. } | Event::Room(RoomEvent::MemberLeft { .. }))
        };
        assert!(!player.has_seen(noticed), "nobody leaves, and no link breaks");
    }
    assert!(red.ends_well().await);
    for player in [ann, bob, cat] {
        player.leaves().await;
    }
}
