//! Links on a network that delays and loses.

use super::*;
use std::time::Instant;

async fn connect_badly(cluster: &Cluster, kind: Kind, conditions: Conditions) -> (End, End) {
    let listener = cluster.listen(kind);
    let dialer = Dialer::new(&cluster.trust(), conditions, Arc::default()).unwrap();
    // The client's last word of the handshake is still in the delay line when `dial` is over.
    let dial = async { End::run(dialer.dial(kind, listener.local_addr()).await.unwrap(), false) };
    let accept = async { End::run(listener.accept().await.unwrap().handshake().await.unwrap(), true) };
    let (mut client, node) = soon("a link", async { tokio::join!(dial, accept) }).await;
    client.say(frame(CONTROL, 0)); // every link begins with a greeting
    assert_eq!(client.event().await, Event::Frame(frame(CONTROL, 0)));
    (client, node)
}

#[tokio::test]
async fn an_echo_takes_the_delay_of_both_ways() {
    let delay = Duration::from_millis(40);
    for kind in BOTH {
        let conditions = Conditions { delay, ..Conditions::default() };
        let (mut client, _node) = connect_badly(&Cluster::new(), kind, conditions).await;
        for lane in [CONTROL, DATA] {
            let said_at = Instant::now();
            client.say(frame(lane, 100));
            assert_eq!(client.event().await, Event::Frame(frame(lane, 100)));
            assert!(said_at.elapsed() >= 2 * delay, "{kind:?} {:?}", said_at.elapsed());
        }
    }
}

#[tokio::test]
async fn messages_do_not_wait_for_those_before_them() {
    // Were each message to wait for the last one's arrival, these would take ten seconds.
    const MESSAGES: usize = 100;
    let delay = Duration::from_millis(50);
    for kind in BOTH {
        let conditions = Conditions { delay, ..Conditions::default() };
        let (mut client, _node) = connect_badly(&Cluster::new(), kind, conditions).await;
        let said_at = Instant::now();
        for number in 0..MESSAGES {
            client.say(frame(DATA, number));
            tokio::task::yield_now().await; // a write of its own for each
        }
        for number in 0..MESSAGES {
            assert_eq!(client.event().await, Event::Frame(frame(DATA, number)));
        }
        assert!(said_at.elapsed() < Duration::from_secs(5), "{kind:?} {:?}", said_at.elapsed());
    }
}

#[tokio::test]
async fn reliable_frames_all_arrive_in_order_although_packets_are_lost() {
    for kind in BOTH {
        let conditions = Conditions {
            delay: Duration::from_millis(2),
            jitter: Duration::from_millis(4),
            loss_percent: 5.0,
            seed: 1,
        };
        let (mut client, _node) = connect_badly(&Cluster::new(), kind, conditions).await;
        for length in 0..200 {
            client.say(frame(DATA, 10 * length));
        }
        for length in 0..200 {
            assert_eq!(client.event().await, Event::Frame(frame(DATA, 10 * length)), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn some_datagrams_are_lost_and_some_are_not() {
    const SENT: usize = 80;
    let conditions = Conditions { loss_percent: 20.0, seed: 3, ..Conditions::default() };
    let (mut client, node) = connect_badly(&Cluster::new(), Kind::Quic, conditions).await;
    let mut came_back = 0;
    for number in 0..SENT {
        // The echo of a frame says that the datagram before it has had its time. A packet holds one
        // datagram of this size, so that each has its own luck.
        client.say_datagram(&[number as u8; 1_000]);
        client.say(frame(CONTROL, number));
        loop {
            match client.event().await {
                Event::Frame(body) => break assert_eq!(body, frame(CONTROL, number)),
                Event::Datagram(_) => came_back += 1,
            }
        }
    }
    assert!((1..SENT).contains(&came_back), "{came_back} of {SENT}");
    drop(node);
}

#[tokio::test]
async fn the_last_frame_before_a_close_comes_through_a_delay_line() {
    for kind in BOTH {
        let conditions = Conditions { delay: Duration::from_millis(60), ..Conditions::default() };
        let (client, mut node) = connect_badly(&Cluster::new(), kind, conditions).await;
        client.say(frame(CONTROL, 9));
        client.close();
        assert_eq!(node.event().await, Event::Frame(frame(CONTROL, 0)));
        assert_eq!(node.event().await, Event::Frame(frame(CONTROL, 9)));
        assert_eq!(client.end().await, LinkEnd::Closed, "{kind:?}");
        assert_eq!(node.end().await, LinkEnd::ClosedByPeer, "{kind:?}");
    }
}
