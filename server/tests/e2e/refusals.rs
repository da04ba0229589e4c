//! Everything that can be wrong when a player connects: a status of its own each, and a text that says what
//! to do.

use crate::player::Player;
use crate::raw::FakeNode;
use crate::{BOTH, TOKEN_LIFE, cluster, cluster_with, node, token, token_for};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::Ed25519KeyPair;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna::client::token::ConnectToken;
use sterna::client::{Client, Config, DATAGRAM_PAYLOAD_MAX, Status};
use sterna::protocol::reasons::{OfflineReason, RefuseReason};
use sterna_server::builtin::{ECHO, GET, SET, VERSION};

fn config(transport: Transport) -> Config {
    Config { transport, ..Config::default() }
}

/// How this token fares over both transports; it must be the same.
async fn refusal(token: &ConnectToken) -> (Status, String) {
    let tcp = Player::refused(config(Transport::Tcp), token).await;
    let udp = Player::refused(config(Transport::Udp), token).await;
    assert_eq!(tcp.0, udp.0, "{tcp:?} {udp:?}");
    tcp
}

#[test]
fn a_text_that_is_no_token_is_refused_at_once() {
    let client = Client::create(Config::default()).unwrap();
    for text in ["", "hello", "sterna1.", "sterna1.!!!", "sterna1.e30", "sterna2.e30"] {
        let error = client.connect(text).unwrap_err();
        assert_eq!(error.status, Status::TokenMalformed, "{text}");
        assert!(error.text.contains("connect token"), "{text}: {}", error.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_a_damaged_certificate_or_user_token_is_refused() {
    let cluster = cluster(1).await;
    let good = token(&cluster, "ann");
    let damaged = ConnectToken { ca: vec![1, 2, 3], ..good.clone() };
    let client = Client::create(Config::default()).unwrap();
    assert_eq!(client.connect(&damaged.encode()).unwrap_err().status, Status::TokenMalformed);
    for user_token in ["", "x", "a.b.c", &good.user_token[..good.user_token.len() - 20]] {
        let damaged = ConnectToken { user_token: user_token.into(), ..good.clone() };
        let (status, text) = refusal(&damaged).await;
        // A signature that is cut off is a wrong signature, of whatever kind.
        assert!(matches!(status, Status::TokenMalformed | Status::TokenForeign), "{user_token}: {text}");
        assert!(text.contains("backend"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_an_address_for_the_transport_is_refused_at_once() {
    let cluster = cluster(1).await;
    let without = ConnectToken { quic: Vec::new(), ..token(&cluster, "ann") };
    let client = Client::create(config(Transport::Udp)).unwrap();
    assert_eq!(client.connect(&without.encode()).unwrap_err().status, Status::NoAddress);
}

/// A user token of this cluster's development issuer that ended a minute ago.
fn expired_user_token(state_dir: &std::path::Path) -> String {
    let pem = std::fs::read_to_string(state_dir.join("issuer.key")).expect("the issuer's key");
    let der: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64::prelude::BASE64_STANDARD.decode(der).expect("PEM is base64");
    let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).expect("an Ed25519 key");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let claims = format!(r#"{{"sub":"ann","aud":"dev","iat":{},"exp":{}}}"#, now - 120, now - 60);
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", encode(r#"{"alg":"EdDSA","typ":"JWT"}"#), encode(&claims));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_refused_with_advice_to_get_a_new_one() {
    let dir = std::env::temp_dir().join(format!("sterna-e2e-expired-{}", std::process::id()));
    let cluster = cluster_with(1, |config| config.state_dir = Some(dir.clone())).await;
    let expired = ConnectToken { user_token: expired_user_token(&dir), ..token(&cluster, "ann") };
    let (status, text) = refusal(&expired).await;
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(status, Status::TokenExpired);
    assert!(text.contains("new one"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_token_of_another_clusters_issuer_is_foreign() {
    let (ours, theirs) = (cluster(1).await, cluster(1).await);
    let foreign = ConnectToken { user_token: token(&theirs, "ann").user_token, ..token(&ours, "ann") };
    let (status, text) = refusal(&foreign).await;
    assert_eq!(status, Status::TokenForeign);
    assert!(text.contains("another cluster"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_cluster_is_not_trusted() {
    let (ours, theirs) = (cluster(1).await, cluster(1).await);
    // The token's CA is not the one that signed what listens at its addresses.
    let mixed = ConnectToken { ca: token(&theirs, "ann").ca, ..token(&ours, "ann") };
    let (status, text) = refusal(&mixed).await;
    assert_eq!(status, Status::Certificate);
    assert!(text.contains("not a node of this cluster"), "{text}");
    // The CA is right, but the name in the certificate is not.
    let renamed = ConnectToken { cluster: "other".into(), ..token(&ours, "ann") };
    assert_eq!(refusal(&renamed).await.0, Status::Certificate);
}

/// An address at which nobody listens: its port was free a moment ago.
fn nobody() -> SocketAddr {
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    tcp.local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_nobody_runs_is_unreachable_or_silent() {
    let cluster = cluster(1).await;
    let nowhere = nobody();
    let lost = ConnectToken { tcp: vec![nowhere], quic: vec![nowhere], ..token(&cluster, "ann") };
    let (status, text) = Player::refused(config(Transport::Tcp), &lost).await;
    assert_eq!(status, Status::Unreachable);
    assert!(text.contains("check"), "{text}");
    let impatient = Config { connect_timeout: Duration::from_millis(500), ..config(Transport::Udp) };
    let (status, text) = Player::refused(impatient, &lost).await;
    assert_eq!(status, Status::TimedOut); // UDP cannot tell nobody from silence
    assert!(text.contains("check"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_more_than_a_node_that_cannot_be_reached() {
    let cluster = cluster(1).await;
    let (nowhere, real) = (nobody(), node(&cluster, "node-1").tcp());
    let good = token(&cluster, "ann");
    assert!(node(&cluster, "node-1").cordon(true).await);
    for tcp in [vec![nowhere, real], vec![real, nowhere]] {
        let token = ConnectToken { tcp, ..good.clone() };
        assert_eq!(Player::refused(config(Transport::Tcp), &token).await.0, Status::NotOnline);
    }
    // The look-up names online nodes only.
    assert!(cluster.connect_token("ann", TOKEN_LIFE).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_are_cordoned_or_offline_take_no_new_users() {
    let cluster = cluster(2).await;
    let all = token(&cluster, "ann");
    assert!(node(&cluster, "node-1").cordon(true).await);
    // Somebody plays on node-2, or it would be gone at once.
    let _player = Player::on(&cluster, Transport::Tcp, "bob", "node-2").await;
    cluster.begin_drain("node-2", crate::LONG, OfflineReason::Deploy).unwrap();
    let (status, text) = refusal(&all).await;
    assert_eq!(status, Status::NotOnline);
    assert!(text.contains("try again later"), "{text}");
    // One node that is online is enough.
    assert!(node(&cluster, "node-1").cordon(false).await);
    Player::join(config(Transport::Tcp), &all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_node_sends_players_to_the_next_and_full_nodes_refuse() {
    let cluster = cluster_with(2, |config| config.limits.sessions_max = 1).await;
    let first = Player::join(config(Transport::Tcp), &token(&cluster, "ann")).await;
    let second = Player::join(config(Transport::Udp), &token(&cluster, "bob")).await;
    assert_ne!(first.node, second.node);
    let (status, text) = refusal(&token(&cluster, "cid")).await;
    assert_eq!(status, Status::Full);
    assert!(text.contains("try again later"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_refuses_the_version_says_which_side_to_update() {
    for transport in BOTH {
        let fake = FakeNode::refusing(transport, RefuseReason::Version);
        let (status, text) = Player::refused(config(transport), &fake.token()).await;
        assert_eq!(status, Status::Version);
        assert!(text.contains("update the older one"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_over_a_limit_or_of_a_reserved_version_are_not_taken() {
    let cluster = cluster(1).await;
    for transport in BOTH {
        let mut player = Player::on(&cluster, transport, "ann", "node-1").await;
        let client = player.client.clone();
        let large = vec![7; 64 * 1024 + 1];
        assert_eq!(client.send(true, VERSION, ECHO, &large), Err(Status::MessageTooLarge));
        assert_eq!(client.request(VERSION, ECHO, &large, None), Err(Status::MessageTooLarge));
        let datagram = vec![7; DATAGRAM_PAYLOAD_MAX + 1];
        let expected = match transport {
            Transport::Tcp => Ok(()), // it is a reliable message there
            Transport::Udp => Err(Status::MessageTooLarge),
        };
        assert_eq!(client.send(false, VERSION, 999, &datagram), expected);
        for ver in [0, 1] {
            assert_eq!(client.send(true, ver, ECHO, b"x"), Err(Status::ReservedVersion));
            assert_eq!(client.request(ver, ECHO, b"x", None), Err(Status::ReservedVersion));
        }
        // The limit itself fits, and the player plays on.
        assert_eq!(player.ask(ECHO, &large[1..]).await, large[1..]);
        let entry = [&[1, b'k', 4], &datagram[4..]].concat(); // key `k`, and bytes
        client.send(false, VERSION, SET, &entry).unwrap();
        while player.ask(GET, b"k").await != entry[2..] {} // a datagram may be overtaken
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_need_a_session_are_refused_without_one() {
    let cluster = cluster(1).await;
    let client = Client::create(Config::default()).unwrap();
    assert_eq!(client.send(true, VERSION, ECHO, b"x"), Err(Status::NotConnected));
    assert_eq!(client.request(VERSION, ECHO, b"x", None), Err(Status::NotConnected));
    assert_eq!(client.send_migrate(), Err(Status::NotConnected));
    assert_eq!(client.disconnect().unwrap_err().status, Status::NotConnected);
    let token = token_for(&cluster, "ann", "node-1").encode();
    client.connect(&token).unwrap();
    assert_eq!(client.connect(&token).unwrap_err().status, Status::AlreadyConnected);
}

#[tokio::test(flavor = "multi_thread")]
async fn connecting_can_be_called_off() {
    let cluster = cluster(1).await;
    let nowhere = nobody();
    let token = ConnectToken { quic: vec![nowhere], ..token(&cluster, "ann") };
    let mut player = Player::new(config(Transport::Udp));
    player.client.connect(&token.encode()).unwrap();
    player.client.disconnect().unwrap();
    let (event, _) = player.next().await;
    assert_eq!(event, Event::ConnectFailed { status: Status::Aborted });
    // It can be used again at once.
    player.client.connect(&crate::token(&cluster, "ann").encode()).unwrap();
    player.until(|event| matches!(event, Event::Connected { .. })).await;
}
