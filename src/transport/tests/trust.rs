//! Who gets a link, and what is said to those who do not.

use super::*;
use crate::transport::peer::{PeerDialer, PeerListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

#[tokio::test]
async fn both_ends_know_the_same_binding_and_no_two_links_share_one() {
    for kind in BOTH {
        let cluster = Cluster::new();
        let listener = cluster.listen(kind);
        let dialer = cluster.dialer();
        let (first_client, first_node) = connect(&dialer, kind, &listener).await;
        let (second_client, second_node) = connect(&dialer, kind, &listener).await;
        assert_eq!(first_client.binding(), first_node.binding());
        assert_eq!(second_client.binding(), second_node.binding());
        assert_ne!(first_client.binding(), second_client.binding());
    }
}

#[tokio::test]
async fn the_second_link_resumes_on_another_node() {
    let cluster = Cluster::new();
    let (one, other) = (cluster.listen(Kind::Tcp), cluster.listen(Kind::Tcp));
    let dialer = cluster.dialer();
    let (client, node) = connect(&dialer, Kind::Tcp, &one).await;
    assert_eq!((client.resumed(), node.resumed()), (Some(false), Some(false)));
    let (mut client, _node) = (End::run(client, false), End::run(node, true));
    client.say(frame(CONTROL, 1)); // the tickets have arrived when the echo has
    client.event().await;
    let (client, node) = connect(&dialer, Kind::Tcp, &other).await;
    assert_eq!((client.resumed(), node.resumed()), (Some(true), Some(true)));
}

/// Counts the tickets that were good.
#[derive(Debug)]
struct CountedTickets(Arc<dyn ProducesTickets>, AtomicUsize);

impl ProducesTickets for CountedTickets {
    fn enabled(&self) -> bool {
        true
    }
    fn lifetime(&self) -> u32 {
        self.0.lifetime()
    }
    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.0.encrypt(plain)
    }
    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let plain = self.0.decrypt(cipher)?;
        self.1.fetch_add(1, Ordering::Relaxed);
        Some(plain)
    }
}

#[tokio::test]
async fn over_quic_the_second_link_shows_the_firsts_ticket() {
    let mut cluster = Cluster::new();
    let tickets = Arc::new(CountedTickets(cluster.ticketer.clone(), AtomicUsize::new(0)));
    cluster.ticketer = tickets.clone();
    let (one, other) = (cluster.listen(Kind::Quic), cluster.listen(Kind::Quic));
    let dialer = cluster.dialer();
    let (client, node) = connect(&dialer, Kind::Quic, &one).await;
    let (mut client, _node) = (End::run(client, false), End::run(node, true));
    client.say(frame(CONTROL, 1)); // the tickets have arrived when the echo has
    client.event().await;
    assert_eq!(tickets.1.load(Ordering::Relaxed), 0);
    let (client, _node) = connect(&dialer, Kind::Quic, &other).await;
    assert_eq!(tickets.1.load(Ordering::Relaxed), 1);
    assert_eq!(client.resumed(), None, "QUIC does not tell");
}

#[tokio::test]
async fn a_node_of_another_cluster_is_told_by_its_certificate() {
    for kind in BOTH {
        let listener = Cluster::new().listen(kind);
        let accepting = listener.clone();
        let node = tokio::spawn(async move { accepting.accept().await.unwrap().handshake().await });
        let refused = Cluster::new().dialer().dial(kind, listener.local_addr()).await.unwrap_err();
        assert!(matches!(refused, DialError::Certificate { .. }), "{kind:?}: {refused:?}");
        let node = soon("the node's side", node).await.unwrap();
        assert!(matches!(node, Err(HandshakeError::Failed(_))), "{kind:?}: {node:?}");
    }
}

#[tokio::test]
async fn a_node_of_another_name_is_not_trusted_either() {
    for kind in BOTH {
        let cluster = Cluster::new();
        let listener = cluster.listen(kind);
        let accepting = listener.clone();
        tokio::spawn(async move { accepting.accept().await.unwrap().handshake().await.map(drop) });
        let trust = Trust { server_name: "other.sterna.internal".into(), ..cluster.trust() };
        let dialer = Dialer::new(&trust, Conditions::default(), Arc::default()).unwrap();
        let refused = dialer.dial(kind, listener.local_addr()).await.unwrap_err();
        assert!(matches!(refused, DialError::Certificate { .. }), "{kind:?}: {refused:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_not_a_question_of_trust() {
    let dialer = Cluster::new().dialer();
    // Held, so that no other test gets the port, but not listened on.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(ANY_PORT.parse().unwrap()).unwrap();
    let error = dialer.dial(Kind::Tcp, socket.local_addr().unwrap()).await.unwrap_err();
    assert!(matches!(error, DialError::Unreachable { .. }), "{error:?}");

    let mute = UdpSocket::bind(ANY_PORT).await.unwrap();
    let address = mute.local_addr().unwrap();
    assert_eq!(dialer.dial(Kind::Quic, address).await.unwrap_err(), DialError::TimedOut(address));
}

#[tokio::test]
async fn garbage_ends_only_its_own_handshake() {
    let cluster = Cluster::new();
    for kind in BOTH {
        let listener = cluster.listen(kind);
        let garbage = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(40);
        if kind == Kind::Tcp {
            let mut stranger = TcpStream::connect(listener.local_addr()).await.unwrap();
            stranger.write_all(&garbage).await.unwrap();
            let refused = listener.accept().await.unwrap().handshake().await.unwrap_err();
            assert!(matches!(refused, HandshakeError::Failed(_)), "{refused:?}");
        } else {
            let stranger = UdpSocket::bind(ANY_PORT).await.unwrap();
            stranger.send_to(&garbage, listener.local_addr()).await.unwrap();
        }
        connect(&cluster.dialer(), kind, &listener).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_given_up() {
    let cluster = Cluster::new();
    let listener = cluster.listen(Kind::Tcp);
    let _silent = TcpStream::connect(listener.local_addr()).await.unwrap();
    let incoming = listener.accept().await.unwrap();
    assert_eq!(incoming.handshake().await.unwrap_err(), HandshakeError::TimedOut);
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let cluster = Cluster::new();
    for kind in BOTH {
        let listener = cluster.listen(kind);
        let error = Listener::bind(kind, listener.local_addr(), &cluster.identity()).unwrap_err();
        assert!(matches!(error, BindError::InUse { .. }), "{error:?}");
        assert!(error.to_string().contains(&listener.local_addr().to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_closed_listener_lets_nobody_in_and_keeps_its_links() {
    for kind in BOTH {
        let cluster = Cluster::new();
        let listener = cluster.listen(kind);
        let (client, node) = connect(&cluster.dialer(), kind, &listener).await;
        let (mut client, _node) = (End::run(client, false), End::run(node, true));
        let accepting = listener.clone();
        let waiting = tokio::spawn(async move { accepting.accept().await.is_none() });
        listener.close();
        assert!(soon("accept to end", waiting).await.unwrap());
        assert!(listener.accept().await.is_none());
        cluster.dialer().dial(kind, listener.local_addr()).await.unwrap_err();
        client.say(frame(CONTROL, 3));
        assert_eq!(client.event().await, Event::Frame(frame(CONTROL, 3)), "{kind:?}");
    }
}

#[tokio::test]
async fn a_handshake_begun_before_the_listener_closed_comes_to_its_end() {
    for kind in BOTH {
        let cluster = Cluster::new();
        let listener = cluster.listen(kind);
        let dialer = cluster.dialer();
        let accept = async {
            let incoming = listener.accept().await.unwrap();
            listener.close();
            incoming.handshake().await
        };
        let (client, node) =
            soon("a link", async { tokio::join!(dialer.dial(kind, listener.local_addr()), accept) }).await;
        assert_eq!(client.unwrap().binding(), node.unwrap().binding(), "{kind:?}");
    }
}

#[tokio::test]
async fn nodes_trust_each_other_by_the_cluster_and_nobody_else() {
    let cluster = Cluster::new();
    let listener = PeerListener::bind(ANY_PORT.parse().unwrap(), &cluster.identity()).unwrap();
    let address = listener.local_addr();
    let accept = async || soon("a handshake", listener.accept().await.unwrap().handshake()).await;

    let dialer = PeerDialer::new(&cluster.identity(), NAME).unwrap();
    let (one, other) = tokio::join!(dialer.dial(address), accept());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.binding(), other.binding());
    let (mut one, _other) = (End::run(one, false), End::run(other, true));
    one.say(frame(CONTROL, 2_000_000));
    assert_eq!(one.event().await, Event::Frame(frame(CONTROL, 2_000_000)));

    // A node of another cluster trusts this one no more than it is trusted.
    let stranger = PeerDialer::new(&Cluster::new().identity(), NAME).unwrap();
    let (refused, _) = tokio::join!(stranger.dial(address), accept());
    assert!(matches!(refused, Err(DialError::Certificate { .. })), "{refused:?}");

    // One that would trust anybody of this cluster, but cannot show a certificate of it.
    let mut forged = Cluster::new().identity();
    forged.ca = cluster.ca_der.clone().into();
    let forger = PeerDialer::new(&forged, NAME).unwrap();
    let (_, refused) = tokio::join!(forger.dial(address), accept());
    assert!(matches!(refused, Err(HandshakeError::Failed(_))), "{refused:?}");

    // A client, which speaks another protocol.
    let client = cluster.dialer();
    let (refused, _) = tokio::join!(client.dial(Kind::Tcp, address), accept());
    assert!(matches!(refused, Err(DialError::Handshake { .. })), "{refused:?}");
}

/// Dials `address` as a client of this TLS configuration does, and tells whether it is let in.
async fn is_let_in(config: &Arc<rustls::ClientConfig>, address: SocketAddr, listener: &PeerListener) -> bool {
    let dial = async {
        let socket = TcpStream::connect(address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(config.clone());
        let mut stream = connector.connect(tls::server_name(NAME).unwrap(), socket).await.unwrap();
        let _ = stream.read(&mut [0; 1]).await;
    };
    let accept = async { listener.accept().await.unwrap().handshake().await.is_ok() };
    soon("a handshake", async { tokio::join!(dial, accept) }).await.1
}

#[tokio::test]
async fn neither_no_certificate_nor_a_clients_ticket_makes_a_node() {
    let cluster = Cluster::new();
    let mut config = tls::client(&cluster.trust()).unwrap();
    config.alpn_protocols = vec![b"sterna-peer".to_vec()];
    let peers = PeerListener::bind(ANY_PORT.parse().unwrap(), &cluster.identity()).unwrap();
    assert!(!is_let_in(&Arc::new(config.clone()), peers.local_addr(), &peers).await, "no certificate");

    // Gets a ticket from the clients' port, written with the keys that the node has for all its ports.
    config.alpn_protocols = vec![b"sterna".to_vec()];
    let clients = cluster.listen(Kind::Tcp);
    let client = async {
        let socket = TcpStream::connect(clients.local_addr()).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config.clone()));
        let mut stream = connector.connect(tls::server_name(NAME).unwrap(), socket).await.unwrap();
        stream.write_all(&[2, CONTROL, 1]).await.unwrap();
        stream.read_exact(&mut [0; 3]).await.unwrap(); // the tickets come before the echo
    };
    let node = async {
        let link = clients.accept().await.unwrap().handshake().await.unwrap();
        End::run(link, true)
    };
    let (_, _node) = soon("an echo", async { tokio::join!(client, node) }).await;
    config.alpn_protocols = vec![b"sterna-peer".to_vec()];
    assert!(!is_let_in(&Arc::new(config), peers.local_addr(), &peers).await, "a client's ticket");
}
