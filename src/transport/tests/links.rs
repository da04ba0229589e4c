//! Bytes through a link.

use super::*;

#[tokio::test]
async fn frames_of_both_lanes_come_back_whole() {
    for kind in BOTH {
        let cluster = Cluster::new();
        let listener = cluster.listen(kind);
        let (client, node) = connect(&cluster.dialer(), kind, &listener).await;
        assert_eq!((client.kind(), client.peer_addr()), (kind, listener.local_addr()));
        let (mut client, _node) = (End::run(client, false), End::run(node, true));
        // Longer than a chunk, than a TLS record and than a read; and empty but for the type.
        for length in [0, 32, 5_000, 70_000, 700_000] {
            for lane in [CONTROL, DATA] {
                client.say(frame(lane, length));
                assert_eq!(client.event().await, Event::Frame(frame(lane, length)), "{kind:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_wake_before_the_link_runs_is_not_lost() {
    for kind in BOTH {
        let cluster = Cluster::new();
        let listener = cluster.listen(kind);
        let (client, node) = connect(&cluster.dialer(), kind, &listener).await;
        let mut node = End::run(node, false);
        client.waker().wake();
        let client = End::run(client, false);
        client.say(frame(CONTROL, 1));
        assert_eq!(node.event().await, Event::Frame(frame(CONTROL, 1)));
        client.say(frame(DATA, 2)); // and from here on the task sleeps between two frames
        assert_eq!(node.event().await, Event::Frame(frame(DATA, 2)));
    }
}

#[tokio::test]
async fn datagrams_arrive_over_quic() {
    let cluster = Cluster::new();
    let listener = cluster.listen(Kind::Quic);
    let (client, node) = connect(&cluster.dialer(), Kind::Quic, &listener).await;
    let largest = client.datagram_bytes_max().unwrap();
    assert!(largest >= 1_100, "{largest}");
    assert_eq!(node.datagram_bytes_max(), Some(largest));
    let (mut client, mut node) = (End::run(client, false), End::run(node, true));
    client.say(frame(CONTROL, 1)); // a client begins with a greeting
    assert!(matches!(node.event().await, Event::Frame(_)));
    assert!(matches!(client.event().await, Event::Frame(_)));
    for length in [1, 100, largest] {
        client.say_datagram(&vec![7; length]);
        assert_eq!(client.event().await, Event::Datagram(vec![7; length]));
    }
}

#[tokio::test]
async fn two_ends_that_both_write_do_not_block_each_other() {
    const FRAMES: usize = 256;
    for kind in BOTH {
        let cluster = Cluster::new();
        let listener = cluster.listen(kind);
        let (client, node) = connect(&cluster.dialer(), kind, &listener).await;
        let mut ends = [End::run(client, false), End::run(node, false)];
        for end in &ends {
            end.say(frame(CONTROL, 1));
            for _ in 0..FRAMES {
                end.to_say.lock().frame(frame(DATA, 32 * 1024));
            }
            end.waker.wake();
        }
        for end in &mut ends {
            let mut arrived = 0;
            while arrived < FRAMES {
                let Event::Frame(body) = end.event().await else { panic!("nobody sends datagrams") };
                if body[0] == DATA {
                    assert_eq!(body, frame(DATA, 32 * 1024));
                    arrived += 1;
                }
            }
        }
    }
}

#[tokio::test]
async fn control_overtakes_payload_that_waits() {
    for kind in BOTH {
        let cluster = Cluster::new();
        let listener = cluster.listen(kind);
        let (client, node) = connect(&cluster.dialer(), kind, &listener).await;
        let client = End::run(client, false);
        {
            let mut to_say = client.to_say.lock();
            for _ in 0..64 {
                to_say.frame(frame(DATA, 1_000));
            }
            to_say.frame(frame(CONTROL, 5));
        }
        client.waker.wake();
        let mut node = End::run(node, false);
        assert_eq!(node.event().await, Event::Frame(frame(CONTROL, 5)), "{kind:?}");
    }
}

#[tokio::test]
async fn the_last_frames_before_a_close_arrive() {
    for kind in BOTH {
        for client_closes in [true, false] {
            let cluster = Cluster::new();
            let listener = cluster.listen(kind);
            let (client, node) = connect(&cluster.dialer(), kind, &listener).await;
            let (mut client, mut node) = (End::run(client, false), End::run(node, false));
            client.say(frame(CONTROL, 1));
            node.event().await;
            node.say(frame(CONTROL, 1));
            client.event().await;
            let (closer, mut other) = if client_closes { (client, node) } else { (node, client) };
            other.say(frame(DATA, 300_000)); // on its way while the other side closes
            closer.to_say.lock().frame(frame(DATA, 300_000));
            closer.say(frame(CONTROL, 9));
            closer.close();
            let mut arrived = [other.event().await, other.event().await];
            arrived.sort_by_key(|event| matches!(event, Event::Frame(body) if body[0] == DATA));
            assert_eq!(arrived, [Event::Frame(frame(CONTROL, 9)), Event::Frame(frame(DATA, 300_000))]);
            assert_eq!(other.end().await, LinkEnd::ClosedByPeer, "{kind:?}");
            assert_eq!(closer.end().await, LinkEnd::Closed, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_handler_that_objects_ends_its_own_link_only() {
    for kind in BOTH {
        let cluster = Cluster::new();
        let listener = cluster.listen(kind);
        let dialer = cluster.dialer();
        let (bad, bad_node) = connect(&dialer, kind, &listener).await;
        let (good, good_node) = connect(&dialer, kind, &listener).await;
        let (bad, bad_node) = (End::run(bad, false), End::run(bad_node, false));
        let (mut good, _good_node) = (End::run(good, false), End::run(good_node, true));
        bad.say(vec![0]); // no such type: the test's handler refuses it
        assert_eq!(bad_node.end().await, LinkEnd::CutOff);
        let end = bad.end().await;
        assert!(matches!(end, LinkEnd::ClosedByPeer | LinkEnd::Broken(_)), "{kind:?}: {end:?}");
        good.say(frame(CONTROL, 3));
        assert_eq!(good.event().await, Event::Frame(frame(CONTROL, 3)));
    }
}

#[tokio::test]
async fn a_node_may_close_before_the_client_has_spoken() {
    for kind in BOTH {
        let cluster = Cluster::new();
        let listener = cluster.listen(kind);
        let (client, node) = connect(&cluster.dialer(), kind, &listener).await;
        let (client, node) = (End::run(client, false), End::run(node, false));
        node.close();
        assert_eq!(client.end().await, LinkEnd::ClosedByPeer, "{kind:?}");
        assert_eq!(node.end().await, LinkEnd::Closed, "{kind:?}");
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_holds_up_a_close_not_for_ever() {
    let cluster = Cluster::new();
    let listener = cluster.listen(Kind::Tcp);
    let (client, node) = connect(&cluster.dialer(), Kind::Tcp, &listener).await;
    let node = End::run(node, false);
    node.to_say.lock().frame(frame(DATA, 32 << 20)); // more than any socket buffer holds
    node.close();
    assert!(matches!(node.end().await, LinkEnd::Broken(_)));
    drop(client); // it has been there all the time, but never run
}

#[tokio::test]
async fn a_peer_that_vanishes_breaks_the_link() {
    for kind in BOTH {
        let cluster = Cluster::new();
        let listener = cluster.listen(kind);
        let (client, node) = connect(&cluster.dialer(), kind, &listener).await;
        let (client, mut node) = (End::run(client, false), End::run(node, false));
        client.say(frame(CONTROL, 1));
        node.event().await;
        client.task.abort();
        let end = node.end().await;
        // QUIC tells the peer even then.
        assert!(
            matches!((kind, &end), (Kind::Tcp, LinkEnd::Broken(_)) | (Kind::Quic, LinkEnd::ClosedByPeer)),
            "{end:?}"
        );
    }
}

#[test]
fn shared_endpoints_outlive_the_runtime_that_opened_them() {
    let cluster = Cluster::new();
    let endpoints = Arc::new(Endpoints::default());
    for round in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = cluster.listen(Kind::Quic);
            let dialer = Dialer::new(&cluster.trust(), Conditions::default(), endpoints.clone()).unwrap();
            let (client, node) = connect(&dialer, Kind::Quic, &listener).await;
            let (mut client, _node) = (End::run(client, false), End::run(node, true));
            client.say(frame(CONTROL, round));
            assert_eq!(client.event().await, Event::Frame(frame(CONTROL, round)));
        });
    }
}

/// Wine has no other, and players run games by it.
#[tokio::test]
async fn a_plain_socket_carries_links_too() {
    const FRAMES: usize = 200;
    let cluster = Cluster::new();
    let listener = cluster.listen(Kind::Quic);
    let endpoints = Arc::new(Endpoints::plain());
    let mut clients = Vec::new();
    // Several links on one socket.
    for _ in 0..3 {
        let dialer = Dialer::new(&cluster.trust(), Conditions::default(), endpoints.clone()).unwrap();
        let (client, node) = connect(&dialer, Kind::Quic, &listener).await;
        clients.push((End::run(client, false), End::run(node, true)));
    }
    for (client, _) in &clients {
        client.say(frame(CONTROL, 0));
        for number in 0..FRAMES {
            client.say(frame(DATA, number));
        }
    }
    for (client, _) in &mut clients {
        let mut next = 0;
        while next < FRAMES {
            let event = client.event().await;
            if event != Event::Frame(frame(CONTROL, 0)) {
                assert_eq!(event, Event::Frame(frame(DATA, next)));
                next += 1;
            }
        }
    }
}
