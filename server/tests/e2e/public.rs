//! What clients are told where addresses and ports are translated on the way to a node: a name that the node
//! resolves, and ports that lead to its own.

use crate::moves::begin_drain;
use crate::player::Player;
use crate::{cluster_with, node, on_free_ports, token};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use sterna::client::Config;
use sterna_server::builtin::Builtin;
use sterna_server::cluster::Cluster;
use sterna_server::config::PublicHost;
use sterna_server::node::NoObserver;
use tokio::net::{TcpListener, TcpStream};

/// A port that is translated: what connects to it gets to a node. Gives how many connections there were.
fn translate(listener: TcpListener, node: SocketAddr) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut node = TcpStream::connect(node).await.expect("the node listens");
                let _ = tokio::io::copy_bidirectional(&mut client, &mut node).await; // however it ends
            });
        }
    });
    count
}

/// Two ports in a row.
async fn two_listeners() -> [TcpListener; 2] {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").await.expect("some port is free");
        let next = first.local_addr().expect("it listens").port().checked_add(1);
        if let Some(next) = next
            && let Ok(second) = TcpListener::bind(("127.0.0.1", next)).await
        {
            return [first, second];
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_gets_to_every_node_by_the_public_name_and_ports() {
    let [first, second] = two_listeners().await;
    let public = [&first, &second].map(|listener| listener.local_addr().expect("it listens"));
    // The nodes' own ports have to be known here, and what clients are told hides them.
    let own = two_listeners().await;
    let own_addresses = [&own[0], &own[1]].map(|listener| listener.local_addr().expect("it listens"));
    drop(own);
    let cluster = cluster_with(2, |config| {
        config.public_host = Some(PublicHost::Name("localhost".into()));
        config.tcp_port = own_addresses[0].port();
        config.public_tcp_port = public[0].port();
    })
    .await;
    let [to_first, to_second] = [translate(first, own_addresses[0]), translate(second, own_addresses[1])];
    let told = token(&cluster, "ann");
    assert_eq!(told.tcp, public);
    assert_eq!(told.quic, [node(&cluster, "node-1").quic(), node(&cluster, "node-2").quic()]);
    let mut player = Player::join(Config::default(), &told).await;
    for name in ["node-1", "node-2"] {
        assert_eq!(player.node, name);
        player.say(5);
        if name == "node-1" {
            begin_drain(&cluster, name);
            player.until_offline().await;
            player.client.send_migrate().unwrap();
            player.until_migrated().await;
        }
        player.hear_all().await;
    }
    assert_eq!([to_first, to_second].map(|count| count.load(Ordering::Relaxed)), [1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_public_name_nobody_has_does_not_start_and_names_it() {
    let mut config = on_free_ports(1);
    config.public_host = Some(PublicHost::Name("nobody.invalid".into()));
    let error = Cluster::start(config, Arc::new(Builtin), Arc::new(NoObserver)).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`public_host` is `nobody.invalid`"), "{text}");
}
