//! Whoever speaks nonsense to a node loses that link, and nobody else notices.

use crate::player::Player;
use crate::raw::{Raw, RawSession};
use crate::{BOTH, cluster, node, token, token_for};
use std::net::SocketAddr;
use sterna::client::config::Transport;
use sterna::protocol::ids::Cursor;
use sterna::protocol::limits;
use sterna::protocol::reasons::RefuseReason;
use sterna::protocol::wire::{Data, Greeting, Uplink, put_varint};
use sterna::transport::Lane;
use sterna_server::builtin::ECHO;
use sterna_server::cluster::Cluster;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

/// A witness over each transport who must notice nothing.
async fn witnesses(cluster: &Cluster) -> Vec<Player> {
    let mut players = Vec::new();
    for transport in BOTH {
        let mut player = Player::on(cluster, transport, &format!("{transport:?}"), "node-1").await;
        player.say(10);
        players.push(player);
    }
    players
}

async fn noticed_nothing(mut players: Vec<Player>) {
    for player in &mut players {
        player.say(10);
        player.hear_all().await;
        assert_eq!(player.rest(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_tls_end_their_connection_only() {
    let cluster = cluster(1).await;
    let players = witnesses(&cluster).await;
    let address = node(&cluster, "node-1").tcp();
    let garbage: [&[u8]; 4] = [b"GET / HTTP/1.1\r\n\r\n", &[0xff; 4096], &[0x16, 3, 1, 0xff, 0xff], &[0; 64]];
    for bytes in garbage {
        let mut socket = TcpStream::connect(address).await.unwrap();
        // The node may hang up while this is being written.
        let _ = socket.write_all(bytes).await;
        let _ = socket.shutdown().await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(crate::PATIENCE, socket.read_to_end(&mut answer)).await;
        let _ = read.expect("the node hangs up"); // by a reset or an end, as it happens
    }
    noticed_nothing(players).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_that_are_not_quic_harm_nobody() {
    let cluster = cluster(1).await;
    let players = witnesses(&cluster).await;
    let address = node(&cluster, "node-1").quic();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for round in 0..200u32 {
        let packet: Vec<u8> = (0..1200u32).map(|at| (at.wrapping_mul(round + 7) >> 3) as u8).collect();
        socket.send_to(&packet, address).await.unwrap();
        socket.send_to(&packet[..(round % 64) as usize], address).await.unwrap();
    }
    noticed_nothing(players).await;
}

/// What no client says in its first frame.
fn bad_greetings() -> Vec<Vec<u8>> {
    let frame = |body: &[u8]| {
        let mut bytes = Vec::new();
        put_varint(body.len() as u64, &mut bytes);
        bytes.extend_from_slice(body);
        bytes
    };
    let mut ping = Vec::new();
    Uplink::Ping { stamp: 1 }.encode(&mut ping);
    let mut too_long = Vec::new();
    put_varint(limits::FRAME_BYTES_MAX as u64 + 1, &mut too_long);
    vec![
        frame(&[]),
        frame(&[0xff]),
        frame(&[0x01, 0, 1]),
        frame(&[0x41, 1, 0]),
        ping,
        too_long,
        frame(&[7; 999]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_does_not_begin_with_a_greeting_is_refused() {
    let cluster = cluster(1).await;
    let players = witnesses(&cluster).await;
    let token = token(&cluster, "eve");
    for transport in BOTH {
        for bytes in bad_greetings() {
            let mut link = Raw::dial_first(transport, &token).await;
            link.bytes(Lane::Control, &bytes);
            assert_eq!(link.until_refused().await, RefuseReason::Greeting, "{bytes:?}");
        }
    }
    noticed_nothing(players).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_another_protocol_version_is_told_so() {
    let cluster = cluster(1).await;
    let token = token(&cluster, "eve");
    for transport in BOTH {
        for version in [0, limits::VERSION + 1, u16::MAX] {
            let mut link = Raw::dial_first(transport, &token).await;
            link.hello(version, 1, Greeting::Connect { user_token: token.user_token.clone() });
            assert_eq!(link.until_refused().await, RefuseReason::Version);
        }
    }
}

/// What no client says once it is let in, and on which lane.
fn misbehaviour() -> Vec<(Lane, Vec<u8>)> {
    let mut cases = Vec::new();
    let mut control = |frame: &Uplink| {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        cases.push((Lane::Control, bytes));
    };
    control(&Uplink::Hello {
        version: limits::VERSION,
        link: sterna::protocol::ids::LinkNumber(2),
        credit: 0,
        greeting: Greeting::Connect { user_token: String::new() },
    });
    control(&Uplink::Ack { down: Cursor(1000) }); // of what was never sent
    cases.push((Lane::Control, vec![1, 0x7f]));
    cases.push((Lane::Control, vec![3, 0x02, 0, 0])); // a Ping that is cut off
    cases.push((Lane::Data, vec![1, 0x99]));
    let mut gap = Vec::new();
    Data::Start(Cursor(5)).encode(&mut gap);
    gap.extend_from_slice(&[5, 0x83, 2, 0, 1, 0]); // message 5, where 0 is expected
    cases.push((Lane::Data, gap));
    cases.push((Lane::Data, vec![6, 0x85, 2, 0, 1, 0, 1])); // a reply to a question that no node asks
    let mut too_long = Vec::new();
    put_varint(limits::FRAME_BYTES_MAX as u64 + 1, &mut too_long);
    cases.push((Lane::Data, too_long));
    let mut too_large = Vec::new();
    put_varint(4 + 64 * 1024 + 1, &mut too_large);
    too_large.extend_from_slice(&[0x83, 2, 0, 1]);
    too_large.extend_from_slice(&vec![0; 64 * 1024 + 1]);
    cases.push((Lane::Data, too_large));
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_breaks_the_protocol_loses_its_link() {
    let cluster = cluster(1).await;
    let players = witnesses(&cluster).await;
    for transport in BOTH {
        for (number, (lane, bytes)) in misbehaviour().into_iter().enumerate() {
            let user = format!("eve-{transport:?}-{number}");
            let mut session = RawSession::begin(transport, token(&cluster, &user)).await;
            session.link.bytes(lane, &bytes);
            let end = session.link.until_ended().await;
            println!("{transport:?} {number}: {end}");
        }
    }
    noticed_nothing(players).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_more_than_it_was_granted_loses_its_link() {
    let cluster = cluster(1).await;
    for transport in BOTH {
        let mut session = RawSession::begin(transport, token(&cluster, "eve")).await;
        // The client's acknowledgements never come, so the node's answers fill its buffer, and it takes no
        // more: this goes beyond every grant.
        for _ in 0..64 {
            session.link.message(ECHO, &[7; 60 * 1024]);
        }
        session.link.until_ended().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_come_in_pieces_are_put_together() {
    let cluster = cluster(1).await;
    let token = token_for(&cluster, "ann", "node-1");
    let mut link = Raw::dial_first(Transport::Tcp, &token).await;
    let mut bytes = Vec::new();
    let greeting = Greeting::Connect { user_token: token.user_token.clone() };
    let (version, number) = (limits::VERSION, sterna::protocol::ids::LinkNumber(1));
    Uplink::Hello { version, link: number, credit: limits::CREDIT_BYTES, greeting }.encode(&mut bytes);
    for byte in bytes {
        link.bytes(Lane::Control, &[byte]);
        tokio::task::yield_now().await;
    }
    link.until_switch().await;
    link.data(&Data::Start(Cursor(0)));
    link.message(ECHO, b"hello");
    assert_eq!(link.until_message().await, (ECHO, b"hello".to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanishes_while_it_is_being_let_in_leaves_no_session_for_ever() {
    let cluster =
        crate::cluster_with(1, |config| config.times.resume = std::time::Duration::from_millis(100)).await;
    let node = node(&cluster, "node-1");
    for number in 0..50 {
        let token = token_for(&cluster, &format!("ghost-{number}"), "node-1");
        let link = Raw::dial_first(Transport::Tcp, &token).await;
        link.hello(limits::VERSION, 1, Greeting::Connect { user_token: token.user_token.clone() });
        link.close();
    }
    crate::eventually("every ghost is gone", || node.sessions() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_for_other_nodes_lets_no_client_in() {
    let cluster = crate::cluster_with(1, |config| config.peer_port = free_port()).await;
    let players = witnesses(&cluster).await;
    let peer = SocketAddr::new(cluster.config().host, cluster.config().peer_port);
    let mut socket = TcpStream::connect(peer).await.unwrap();
    let _ = socket.write_all(b"nonsense, and more of it\n").await;
    let _ = socket.shutdown().await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(crate::PATIENCE, socket.read_to_end(&mut answer)).await;
    let _ = read.expect("the node hangs up");
    noticed_nothing(players).await;
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
