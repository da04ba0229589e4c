//! Tickets and tokens let in whom they were written for, where they were written for, while they are good.
//! The client here is written by hand: it is the protocol that is tested, not our client.

use crate::raw::{Got, Invitation, Raw, RawSession};
use crate::{BOTH, LONG, cluster, cluster_with, node, token_for};
use std::sync::Arc;
use std::time::Duration;
use sterna::client::config::Transport;
use sterna::protocol::ids::{Cursor, Fence};
use sterna::protocol::reasons::{OfflineReason, RefuseReason};
use sterna::protocol::wire::{Data, Downlink, Switch, SwitchCause, Uplink};
use sterna_server::builtin::ECHO;
use sterna_server::cluster::Cluster;

/// A session on node-1, which is being drained, and its invitation to node-2.
async fn invited(transport: Transport, cluster: &Arc<Cluster>, user: &str) -> (RawSession, Invitation) {
    let mut session = RawSession::begin(transport, token_for(cluster, user, "node-1")).await;
    let _ = cluster.begin_drain("node-1", LONG, OfflineReason::ScaleIn);
    let invitation = session.invitation().await;
    (session, invitation)
}

async fn until_attached(link: &mut Raw) -> u64 {
    let pick = |got| match got {
        Got::Control(Downlink::Attached { credit, .. }) => Some(credit),
        Got::Control(Downlink::Refused { reason, .. }) => panic!("refused: {reason}"),
        Got::Control(_) | Got::Switch(_) | Got::Start(_) | Got::Message(..) => None,
        Got::Ended(end) => panic!("ended: {end}"),
    };
    link.until(pick).await
}

/// `Switch` and `Settled`: they travel on two lanes, and either may come first.
async fn until_settled(link: &mut Raw) -> (Switch, Fence) {
    let (mut switch, mut settled) = (None, None);
    while switch.is_none() || settled.is_none() {
        match link.next().await {
            Got::Switch(came) => switch = Some(*came),
            Got::Control(Downlink::Settled { fence }) => settled = Some(fence),
            Got::Control(_) | Got::Start(_) | Got::Message(..) => {}
            Got::Ended(end) => panic!("ended: {end}"),
        }
    }
    switch.zip(settled).expect("both have come")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_by_hand_goes_by_the_book() {
    for transport in BOTH {
        let cluster = cluster(2).await;
        let (mut session, invitation) = invited(transport, &cluster, "ann").await;
        // Still served by the source.
        session.link.message(ECHO, b"0");
        assert_eq!(session.link.until_message().await.1, b"0");
        let mut second = session.attach(&invitation, &session.key, 2).await;
        let credit = until_attached(&mut second).await;
        assert!(credit > 0);
        // From here on on both links.
        second.data(&Data::Start(Cursor(0)));
        let (switch, settled) = until_settled(&mut second).await;
        assert_eq!((switch.cause, switch.session), (SwitchCause::Moved, session.switch.session));
        assert_eq!(switch.fence.epoch, session.switch.fence.epoch.next());
        assert_eq!((switch.up, switch.node.as_str()), (Cursor(1), "node-2"));
        assert_eq!(settled, switch.fence);
        second.control(&Uplink::Confirm { fence: switch.fence, added_us: 0 });
        // The source says goodbye and closes.
        let moved = |got| match got {
            Got::Control(Downlink::Moved { epoch, .. }) => Some(epoch),
            Got::Control(_) | Got::Switch(_) | Got::Start(_) | Got::Message(..) => None,
            Got::Ended(end) => panic!("ended without a word: {end}"),
        };
        assert_eq!(session.link.until(moved).await, switch.fence.epoch);
        session.link.until_ended().await;
        // Message 0 was done at the source: the target drops it and does the next.
        second.message(ECHO, b"0");
        second.message(ECHO, b"1");
        let mut heard = second.until_message().await.1;
        if heard == b"0" {
            heard = second.until_message().await.1; // not acknowledged, so replayed
        }
        assert_eq!(heard, b"1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_ticket_lets_nobody_in() {
    for transport in BOTH {
        let (cluster, theirs) = (cluster(2).await, cluster(2).await);
        let (session, invitation) = invited(transport, &cluster, "ann").await;
        let mut changed = invitation.clone();
        changed.ticket[40] ^= 1;
        let mut empty = invitation.clone();
        empty.ticket.clear();
        let (_other, foreign) = invited(transport, &theirs, "ann").await;
        let foreign = Invitation { ticket: foreign.ticket, ..invitation.clone() };
        for forged in [changed, empty, foreign] {
            let mut link = session.attach(&forged, &session.key, 2).await;
            assert_eq!(link.until_refused().await, RefuseReason::TicketForged);
        }
        // A resume token is no ticket.
        let token = session.switch.resume_token.clone();
        let mut link =
            session.attach(&Invitation { ticket: token, ..invitation.clone() }, &session.key, 2).await;
        assert_eq!(link.until_refused().await, RefuseReason::TicketForged);
        // The real one still works.
        let mut link = session.attach(&invitation, &session.key, 2).await;
        until_attached(&mut link).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_ticket_lets_nobody_in() {
    for transport in BOTH {
        let cluster = cluster(2).await;
        let (session, invitation) = invited(transport, &cluster, "ann").await;
        let thief = RawSession::begin(transport, token_for(&cluster, "eve", "node-2")).await;
        let mut link = session.attach(&invitation, &thief.key, 2).await;
        assert_eq!(link.until_refused().await, RefuseReason::TicketOtherClient);
        let mut link = session.attach(&invitation, &session.key, 2).await;
        until_attached(&mut link).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_good_at_its_own_target_only() {
    for transport in BOTH {
        let cluster = cluster(3).await;
        let (session, invitation) = invited(transport, &cluster, "ann").await;
        let nodes = ["node-1", "node-2", "node-3"].map(|name| node(&cluster, name));
        let addresses = nodes.map(|node| match transport {
            Transport::Tcp => node.tcp(),
            Transport::Udp => node.quic(),
        });
        for address in addresses.into_iter().filter(|address| *address != invitation.address) {
            let astray = Invitation { address, ..invitation.clone() };
            let mut link = session.attach(&astray, &session.key, 2).await;
            assert_eq!(link.until_refused().await, RefuseReason::TicketOtherNode);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_ticket_lets_nobody_in() {
    for transport in BOTH {
        let cluster = cluster_with(2, |config| {
            config.times.ticket = Duration::from_millis(200);
            config.times.attach = Duration::from_millis(150);
            config.times.baton_wait = Duration::from_millis(100);
        })
        .await;
        let (session, invitation) = invited(transport, &cluster, "ann").await;
        let mut refused = Vec::new();
        // Before its time is up the move is given up, which is said by another reason.
        while refused.last() != Some(&RefuseReason::TicketExpired) {
            tokio::time::sleep(Duration::from_millis(60)).await;
            let mut link = session.attach(&invitation, &session.key, 2).await;
            let pick = |got| match got {
                Got::Control(Downlink::Refused { reason, .. }) => Some(reason),
                Got::Ended(_) => Some(RefuseReason::TicketVoid), // attached, and then called off
                Got::Control(_) | Got::Switch(_) | Got::Start(_) | Got::Message(..) => None,
            };
            refused.push(link.until(pick).await);
            assert!(refused.len() < 50, "{refused:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_ticket_lets_nobody_in_again() {
    for transport in BOTH {
        let cluster = cluster(2).await;
        let (session, invitation) = invited(transport, &cluster, "ann").await;
        let mut second = session.attach(&invitation, &session.key, 2).await;
        let switch = second.until_switch().await;
        // Until the switch is confirmed, a link that breaks is replaced with the same ticket.
        let mut third = session.attach(&invitation, &session.key, 3).await;
        assert_eq!(third.until_switch().await.fence, switch.fence);
        second.until_ended().await;
        third.control(&Uplink::Confirm { fence: switch.fence, added_us: 0 });
        third.data(&Data::Start(Cursor(0)));
        third.message(ECHO, b"confirmed before this");
        third.until_message().await;
        let mut fourth = session.attach(&invitation, &session.key, 4).await;
        assert_eq!(fourth.until_refused().await, RefuseReason::TicketVoid);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resume_token_is_good_for_its_client_only_and_at_every_node() {
    for transport in BOTH {
        let cluster = cluster(2).await;
        let user = format!("ann-{transport:?}");
        let mut session = RawSession::begin(transport, token_for(&cluster, &user, "node-1")).await;
        let address = |name| match transport {
            Transport::Tcp => node(&cluster, name).tcp(),
            Transport::Udp => node(&cluster, name).quic(),
        };
        let thief = RawSession::begin(transport, token_for(&cluster, "eve", "node-1")).await;
        let mut link = session.resume(address("node-1"), &thief.key, 2).await;
        assert_eq!(link.until_refused().await, RefuseReason::TicketOtherClient);
        // Another node knows where the session lives.
        let mut link = session.resume(address("node-2"), &session.key, 2).await;
        let elsewhere = |got| match got {
            Got::Control(Downlink::Refused { elsewhere, .. }) => Some(elsewhere),
            Got::Control(_) | Got::Switch(_) | Got::Start(_) | Got::Message(..) => None,
            Got::Ended(end) => panic!("ended: {end}"),
        };
        assert_eq!(link.until(elsewhere).await, [address("node-1")]);
        // The theft changed nothing; the newest link wins, and an older one is refused.
        session.link.message(ECHO, b"still here");
        session.link.until_message().await;
        let mut link = session.resume(address("node-1"), &session.key, 5).await;
        assert_eq!(link.until_switch().await.cause, SwitchCause::Resumed);
        session.link.until_ended().await;
        let mut older = session.resume(address("node-1"), &session.key, 4).await;
        assert_eq!(older.until_refused().await, RefuseReason::OlderLink);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_has_ended_is_unknown_to_every_node() {
    let cluster = cluster(2).await;
    let mut session = RawSession::begin(Transport::Tcp, token_for(&cluster, "ann", "node-1")).await;
    session.link.control(&Uplink::Bye);
    session.link.until_ended().await;
    crate::eventually("the session has ended", || node(&cluster, "node-1").sessions() == 0).await;
    for name in ["node-1", "node-2"] {
        let mut link = session.resume(node(&cluster, name).tcp(), &session.key, 2).await;
        assert_eq!(link.until_refused().await, RefuseReason::SessionUnknown);
    }
}
