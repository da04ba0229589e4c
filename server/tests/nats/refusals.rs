//! What NATS refuses operators are told.

use crate::PATIENCE;
use crate::processes::{Launch, Process};
use crate::servers::{Folder, Servers};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use sterna::client::{Client, Config};

#[tokio::test(flavor = "multi_thread")]
async fn why_nats_refuses_is_said() {
    let Some(servers) = Servers::start(1).await else { return };
    let keys = Folder::new();
    let mut red = Process::launch(Launch {
        name: "red",
        urls: servers.urls(),
        replicas: 1,
        keys: keys.path(),
        peer_port: 0,
        log: "warn",
        more: "[times]\nlease_renew_ms = 100\n",
        stderr: Stdio::piped(),
    })
    .await;
    let log = red.log().expect("it is piped");
    let client = async_nats::connect(servers.urls()).await.expect("the server is there");
    let jetstream = async_nats::jetstream::new(client);
    let mut stream = jetstream.get_stream("STERNA_dev").await.expect("it has been made");
    // No room for another name; those that are there may change.
    let messages = stream.info().await.expect("it answers").state.messages;
    let mut full = stream.cached_info().config.clone();
    full.max_messages = i64::try_from(messages).expect("they are few");
    jetstream.update_stream(full).await.expect("it may be changed");

    // Everybody who wants to log in tries again and again, and is refused each time.
    let mut players = Vec::new();
    for user in ["ann", "bob", "cat"] {
        let player = Client::create(Config::default()).expect("a client can be made");
        player.connect(&red.ask(&["token", user]).await).expect("the token can be read");
        players.push(player);
    }
    let reading = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        let said = lines.find(|line| line.contains("NATS refuses"));
        std::thread::spawn(move || lines.for_each(drop)); // somebody has to read on
        said
    });
    let said = tokio::time::timeout(PATIENCE, reading).await.expect("it is said").expect("a thread");
    let said = said.expect("it runs on");
    assert!(said.contains("a write: maximum messages exceeded") && said.contains("code=10077"), "{said}");
}
