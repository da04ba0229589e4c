//! One user, two clients.

use crate::player::Player;
use crate::{BOTH, cluster, cluster_with, node, token_for};
use sterna::client::config::Transport;
use sterna::client::{Config, Status};
use sterna_server::builtin::ECHO;
use sterna_server::config::SameUser;

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_connects_again_replaces_the_first_session() {
    let cluster = cluster(2).await;
    for transport in BOTH {
        for second_node in ["node-1", "node-2"] {
            let user = format!("ann-{transport:?}-{second_node}");
            let mut first = Player::on(&cluster, transport, &user, "node-1").await;
            let mut second = Player::on(&cluster, transport, &user, second_node).await;
            let (status, text) = first.until_disconnected().await;
            assert_eq!(status, Status::Replaced);
            assert!(text.contains("connected again"), "{text}");
            second.ask(ECHO, b"still here").await;
            second.client.disconnect().unwrap();
            second.until_disconnected().await;
        }
    }
    crate::eventually("no session is left", || cluster.nodes().iter().all(|node| node.sessions() == 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_connects_again_is_refused_if_so_configured() {
    let cluster = cluster_with(2, |config| config.same_user = SameUser::Refuse).await;
    for transport in BOTH {
        let user = format!("ann-{transport:?}");
        let config = Config { transport, ..Config::default() };
        let mut first = Player::on(&cluster, transport, &user, "node-1").await;
        for second_node in ["node-1", "node-2"] {
            let token = token_for(&cluster, &user, second_node);
            let (status, text) = Player::refused(config.clone(), &token).await;
            assert_eq!(status, Status::ConnectedElsewhere);
            assert!(text.contains("older connection"), "{text}");
        }
        first.ask(ECHO, b"still here").await;
        // Once the first has left, the user may come again.
        first.client.disconnect().unwrap();
        first.until_disconnected().await;
        crate::eventually("the first session is gone", || node(&cluster, "node-1").sessions() == 0).await;
        let mut again = Player::on(&cluster, transport, &user, "node-2").await;
        again.ask(ECHO, b"here").await;
        again.client.disconnect().unwrap();
        again.until_disconnected().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_clients_of_one_user_one_session_stays() {
    let cluster = cluster(3).await;
    let clients: Vec<_> = (0..24)
        .map(|number| {
            let client = sterna::client::Client::create(Config::default()).unwrap();
            let name = format!("node-{}", number % 3 + 1);
            client.connect(&token_for(&cluster, "ann", &name).encode()).unwrap();
            client
        })
        .collect();
    let settled = |client: &sterna::client::Client| {
        use sterna::client::State;
        matches!(client.state(), State::Connected | State::Disconnected)
    };
    crate::eventually("each client has an outcome", || clients.iter().all(settled)).await;
    let sessions = || cluster.nodes().iter().map(|node| node.sessions()).sum::<usize>();
    crate::eventually("one session is left", || sessions() == 1).await;
    let connected =
        || clients.iter().filter(|client| client.state() == sterna::client::State::Connected).count();
    crate::eventually("one client is connected", || connected() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_connects_again_during_a_move_has_one_session() {
    use sterna::protocol::reasons::OfflineReason;
    let cluster = cluster(3).await;
    for round in 0..5 {
        let user = format!("ann-{round}");
        let mut first = Player::on(&cluster, Transport::Tcp, &user, "node-1").await;
        cluster.begin_drain("node-1", crate::LONG, OfflineReason::Deploy).unwrap();
        first.until_offline().await;
        first.client.send_migrate().unwrap();
        let mut second = Player::on(&cluster, Transport::Tcp, &user, "node-2").await;
        assert_eq!(first.until_disconnected().await.0, Status::Replaced);
        second.ask(ECHO, b"here").await;
        second.client.disconnect().unwrap();
        second.until_disconnected().await;
        let sessions = || cluster.nodes().iter().map(|node| node.sessions()).sum::<usize>();
        crate::eventually("no session is left", || sessions() == 0).await;
        cluster.drained("node-1").await.unwrap();
        cluster.restart("node-1").await.unwrap();
    }
}
