//! Dry runs, and deadlines that are moved up, as a client sees them.

use super::{at, connected, control, dialled, greeted, move_to, switch};
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::client::{Client, LinkEnd, LinkId, Standing};
use crate::protocol::ids::{CohortId, Epoch, MoveId, NodeId};
use crate::protocol::limits;
use crate::protocol::reasons::OfflineReason;
use crate::protocol::wire::{Downlink, SwitchCause, Uplink, split};

fn id(attempt: u32) -> MoveId {
    MoveId { cohort: CohortId(5), epoch: Epoch(2), attempt, target: NodeId(2) }
}

fn probe(attempt: u32, addresses: &[&str]) -> Downlink {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Downlink::Probe { id: id(attempt), addresses, ticket: vec![9] }
}

fn gone() -> LinkEnd {
    LinkEnd { status: Status::TransportBroken, text: String::new() }
}

/// What the client says on the control lane of a link.
fn said(client: &mut Client, link: LinkId) -> Vec<Uplink> {
    let mut out = Vec::new();
    client.fill_control(link, &mut out);
    let (mut rest, mut said) = (&out[..], Vec::new());
    while let Some((body, length)) = split(rest, limits::FRAME_BYTES_MAX).unwrap() {
        said.push(Uplink::decode(body).unwrap());
        rest = &rest[length..];
    }
    said
}

#[test]
fn a_target_that_lets_the_client_in_is_told_of_and_nothing_is_sent_there() {
    let (mut client, source, mut told) = connected(3);
    said(&mut client, source);
    let before = told.0.len();
    client.received(source, &control(&probe(1, &["10.0.0.2:7000"])), at(10), &mut told).unwrap();
    let target = dialled(&mut client);
    greeted(&mut client, target);
    let attached = Downlink::Attached { id: id(1), credit: 1 << 16 };
    client.received(target, &control(&attached), at(11), &mut told).unwrap();
    assert_eq!(said(&mut client, source), [Uplink::CanAttach { id: id(1) }]);
    let mut out = Vec::new();
    client.fill_data(target, &mut out, usize::MAX);
    assert!(out.is_empty(), "the three messages go to the owner only");
    assert_eq!((client.standing(), told.0.len()), (Standing::Connected, before));
    // What its end says is known already.
    client.link_ended(target, gone(), at(12), &mut told);
    assert!(said(&mut client, source).is_empty() && !client.has_output());
    client.received(source, &control(&Downlink::Cancel { id: id(1) }), at(13), &mut told).unwrap();
    assert_eq!(told.0.len(), before);
}

#[test]
fn all_addresses_are_tried_before_the_client_says_that_it_cannot() {
    let (mut client, source, mut told) = connected(0);
    said(&mut client, source);
    let two = probe(1, &["10.0.0.2:7000", "10.0.0.3:7000"]);
    client.received(source, &control(&two), at(10), &mut told).unwrap();
    for _ in 0..2 {
        let link = dialled(&mut client);
        assert!(said(&mut client, source).is_empty());
        client.link_ended(link, gone(), at(11), &mut told);
    }
    assert_eq!(said(&mut client, source), [Uplink::CannotAttach { id: id(1) }]);
    assert!(!client.has_output());
}

#[test]
fn a_cancelled_probe_closes_its_link_and_an_older_one_begins_nothing() {
    let (mut client, source, mut told) = connected(0);
    client.received(source, &control(&probe(2, &["10.0.0.2:7000"])), at(10), &mut told).unwrap();
    let link = dialled(&mut client);
    for attempt in [1, 2] {
        client.received(source, &control(&probe(attempt, &["10.0.0.3:7000"])), at(11), &mut told).unwrap();
        assert!(!client.has_output(), "{attempt}");
    }
    client.received(source, &control(&Downlink::Cancel { id: id(2) }), at(12), &mut told).unwrap();
    assert!(client.is_closing(link));
    client.link_up(link, &[2; 32], at(13));
    assert!(said(&mut client, link).is_empty(), "it does not greet any more");
}

#[test]
fn a_move_ends_a_probe_and_is_not_disturbed_by_one() {
    let (mut client, source, mut told) = connected(0);
    client.received(source, &control(&probe(0, &["10.0.0.2:7000"])), at(10), &mut told).unwrap();
    let probing = dialled(&mut client);
    client.received(source, &control(&move_to(1)), at(11), &mut told).unwrap();
    assert!(client.is_closing(probing));
    dialled(&mut client);
    assert_eq!(client.standing(), Standing::Migrating);
    client.received(source, &control(&probe(2, &["10.0.0.2:7000"])), at(12), &mut told).unwrap();
    assert!(!client.has_output());
}

#[test]
fn a_probe_that_has_overtaken_its_nodes_switch_waits_for_it() {
    let (mut client, source, mut told) = connected(0);
    client.link_ended(source, gone(), at(10), &mut told);
    client.on_timeout(at(11), &mut told);
    let resumed = dialled(&mut client);
    greeted(&mut client, resumed);
    client.received(resumed, &control(&probe(1, &["10.0.0.2:7000"])), at(12), &mut told).unwrap();
    assert!(!client.has_output());
    client.received(resumed, &switch(SwitchCause::Resumed, 1, 0, 0), at(13), &mut told).unwrap();
    let probing = dialled(&mut client);
    // And it ends with the link to the node that has asked.
    client.link_ended(resumed, gone(), at(14), &mut told);
    assert!(client.is_closing(probing));
}

#[test]
fn nobody_serves_on_the_link_of_a_probe() {
    let (mut client, source, mut told) = connected(0);
    client.received(source, &control(&probe(1, &["10.0.0.2:7000"])), at(10), &mut told).unwrap();
    let target = dialled(&mut client);
    greeted(&mut client, target);
    let served = client.received(target, &switch(SwitchCause::Moved, 2, 0, 0), at(11), &mut told);
    assert!(served.is_err());
    assert_eq!(client.epoch(), Epoch(1));
}

#[test]
fn a_deadline_is_news_once_more_if_it_comes_sooner_by_more_than_a_second() {
    let (mut client, source, mut told) = connected(0);
    let mut hears = |deadline_ms: u64, ms: u64| {
        let offline =
            Downlink::Offline { epoch: Epoch(1), deadline_ms, reason: OfflineReason::Deploy, in_room: false };
        let before = told.0.len();
        client.received(source, &control(&offline), at(ms), &mut told).unwrap();
        told.0[before..]
            .iter()
            .any(|event| matches!(event, Event::Offline { deadline_ms: told, .. } if *told == deadline_ms))
    };
    assert!(hears(60_000, 10));
    assert!(!hears(60_000, 20), "the same");
    assert!(!hears(59_500, 30), "what the way of the word took");
    assert!(!hears(90_000, 40), "later");
    assert!(hears(5_000, 50));
    assert!(!hears(5_000, 60));
    assert!(!hears(60_000, 70));
}
