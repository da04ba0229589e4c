//! The client's role by hand: frames that come too late, or in another order than they were written.

mod probing;
mod rooms;

use super::{Client, Events, LinkEnd, LinkId, Output, Settings, Standing};
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::ids::{CohortId, Cursor, Epoch, Fence, Generation, MoveId, NodeId, SessionId};
use crate::protocol::limits;
use crate::protocol::time::Time;
use crate::protocol::wire::{
    Data, Downlink, Greeting, Kind, Message, MoveMode, Switch, SwitchCause, Uplink, split,
};
use std::time::Duration;

#[derive(Default)]
struct Told(Vec<Event>);

impl Events for Told {
    fn event(&mut self, event: Event, _: &[u8]) {
        self.0.push(event);
    }
}

const SESSION: SessionId = SessionId(5);

const fn at(ms: u64) -> Time {
    Time::from_micros(ms * 1000)
}

/// A client whose first link is open and has greeted.
fn connecting() -> (Client, LinkId, Told) {
    connecting_to(&["10.0.0.1:7000"], 1)
}

/// The same, with these addresses in its token.
fn connecting_to(addresses: &[&str], seed: u64) -> (Client, LinkId, Told) {
    let settings = Settings {
        mode: MoveMode::Seamless,
        connect_max: Duration::from_secs(10),
        resume_max: limits::RESUME_MAX,
        ping_every: limits::PING_EVERY,
        silence_max: limits::SILENCE_MAX,
        replay_bytes_max: limits::REPLAY_BYTES_MAX,
        window: limits::CREDIT_BYTES,
    };
    let (mut client, mut told) = (Client::new(settings, seed), Told::default());
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    client.connect(addresses, "user".into(), at(0), &mut told);
    let link = dialled(&mut client);
    client.link_up(link, &[1; 32], at(1));
    (client, link, told)
}

fn dialled(client: &mut Client) -> LinkId {
    let Some(Output::Dial(link, _)) = client.poll_output() else { panic!("it dials") };
    link
}

fn switch(cause: SwitchCause, epoch: u64, generation: u64, up: u64) -> Vec<u8> {
    switch_with(cause, epoch, |switch| {
        switch.generation = Generation(generation);
        switch.up = Cursor(up);
    })
}

/// A `Switch` that is as a test wants it.
fn switch_with(cause: SwitchCause, epoch: u64, change: impl FnOnce(&mut Switch)) -> Vec<u8> {
    let mut switch = Switch {
        cause,
        session: SESSION,
        fence: Fence { epoch: Epoch(epoch), ..Fence::default() },
        generation: Generation(0),
        up: Cursor(0),
        down: Cursor(0),
        credit: 1 << 16,
        resume_token: vec![1],
        resume_ms: 60_000,
        message_bytes_max: limits::MESSAGE_BYTES_MAX,
        moves_when_online: false,
        node: "node".into(),
    };
    change(&mut switch);
    let mut out = Vec::new();
    Data::Switch(Box::new(switch)).encode(&mut out);
    out
}

fn control(frame: &Downlink) -> Vec<u8> {
    let mut out = Vec::new();
    frame.encode(&mut out);
    out
}

/// A client at play, with so many messages of its game not acknowledged.
fn connected(messages: usize) -> (Client, LinkId, Told) {
    let (mut client, link, mut told) = connecting();
    client.received(link, &switch(SwitchCause::Connected, 1, 0, 0), at(2), &mut told).unwrap();
    let mut frames = Vec::new();
    for _ in 0..messages {
        Message { kind: Kind::Plain, ver: 2, cmd: 1, payload: b"hello" }.encode(&mut frames);
    }
    client.push_frames(&frames);
    told.0.clear();
    (client, link, told)
}

#[test]
fn a_move_away_from_a_new_owner_is_not_over_with_what_that_owner_restarted_from() {
    let (mut client, link, mut told) = connected(0);
    let cohort = CohortId::from(SESSION);
    let id = MoveId { cohort, epoch: Epoch(4), target: NodeId(3), attempt: 1 };
    let addresses = vec!["10.0.0.3:7000".parse().unwrap()];
    // Control frames overtake the data lane.
    let move_to = Downlink::MoveTo { id, addresses, ticket: vec![1], mode: MoveMode::Seamless };
    client.received(link, &control(&move_to), at(3), &mut told).unwrap();
    let second = dialled(&mut client);
    client.received(link, &switch(SwitchCause::TookOver, 3, 1, 0), at(4), &mut told).unwrap();
    client.link_up(second, &[2; 32], at(5));
    let moved = switch(SwitchCause::Moved, 4, 1, 0);
    client.received(second, &moved, at(6), &mut told).unwrap();
    let events = told.0.iter().filter(|event| !matches!(event, Event::Room(_))).collect::<Vec<_>>();
    let [Event::Migrating { .. }, Event::TookOver { epoch: Epoch(3), .. }, Event::Migrated { .. }] =
        events[..]
    else {
        panic!("{events:?}");
    };
}

#[test]
fn a_switch_that_comes_after_disconnect_connects_nothing() {
    let (mut client, link, mut told) = connecting();
    client.disconnect(&mut told);
    told.0.clear();
    let bytes = switch(SwitchCause::Connected, 1, 0, 0);
    assert_eq!(client.received(link, &bytes, at(3), &mut told), Ok(bytes.len()));
    assert_eq!((client.standing(), told.0), (Standing::Idle, Vec::new()));
}

#[test]
fn an_acknowledgement_may_overtake_the_switch_of_the_same_owner() {
    let (mut client, link, mut told) = connected(10);
    client.received(link, &control(&Downlink::Ack { up: Cursor(7) }), at(3), &mut told).unwrap();
    client.received(link, &switch(SwitchCause::Resumed, 2, 0, 4), at(4), &mut told).unwrap();
    assert_eq!(client.epoch(), Epoch(2));
}

#[test]
fn an_acknowledgement_that_overtakes_a_take_over_does_not_add_to_what_is_lost() {
    let (mut client, link, mut told) = connected(10);
    client.received(link, &control(&Downlink::Ack { up: Cursor(5) }), at(3), &mut told).unwrap();
    let broken = super::LinkEnd { status: Status::TransportBroken, text: String::new() };
    client.link_ended(link, broken, at(4), &mut told);
    client.on_timeout(at(5), &mut told);
    let link = dialled(&mut client);
    client.link_up(link, &[2; 32], at(6));
    // The node had messages 3 to 7 waiting when it took over, and processes them at once.
    client.received(link, &control(&Downlink::Ack { up: Cursor(8) }), at(7), &mut told).unwrap();
    client.received(link, &switch(SwitchCause::TookOver, 3, 1, 3), at(8), &mut told).unwrap();
    let took_over = Event::TookOver { epoch: Epoch(3), lost_from: 3, lost_to: 5 };
    assert!(told.0.contains(&took_over), "{:?}", told.0);
    let two_messages = client.unacknowledged_bytes();
    client.received(link, &control(&Downlink::Ack { up: Cursor(10) }), at(9), &mut told).unwrap();
    assert!(two_messages > 0 && client.unacknowledged_bytes() == 0);
}

fn move_to(attempt: u32) -> Downlink {
    let id = MoveId { cohort: CohortId(5), epoch: Epoch(2), attempt, target: NodeId(2) };
    let addresses = vec!["10.0.0.2:7000".parse().unwrap()];
    Downlink::MoveTo { id, addresses, ticket: vec![7], mode: MoveMode::Seamless }
}

/// What the client says on a link that has just opened: the first downlink message that it lacks.
fn greeted(client: &mut Client, link: LinkId) -> Cursor {
    client.link_up(link, &[link.0 as u8; 32], at(50));
    let mut out = Vec::new();
    client.fill_control(link, &mut out);
    let (body, _) = split(&out, limits::FRAME_BYTES_MAX).unwrap().unwrap();
    match Uplink::decode(body).unwrap() {
        Uplink::Hello { greeting: Greeting::Attach { down, .. } | Greeting::Resume { down, .. }, .. } => down,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_arrives_after_a_greeting_is_told_to_a_node_that_restarts_from_a_copy() {
    let (mut client, source, mut told) = connected(1);
    let Downlink::MoveTo { id, .. } = move_to(1) else { unreachable!() };
    client.received(source, &control(&move_to(1)), at(10), &mut told).unwrap();
    let target = dialled(&mut client);
    greeted(&mut client, target);
    client
        .received(target, &control(&Downlink::Attached { id, credit: 1 << 16 }), at(11), &mut told)
        .unwrap();
    let broken = super::LinkEnd { status: Status::TransportBroken, text: String::new() };
    client.link_ended(source, broken, at(12), &mut told);
    client.on_timeout(at(12) + limits::BATON_WAIT_MAX, &mut told);
    let resumed = dialled(&mut client);
    assert_eq!(greeted(&mut client, resumed), Cursor(0));
    // The target had served before the source has recalled the session: that arrives only now.
    let mut late = switch(SwitchCause::Moved, 2, 0, 0);
    Message { kind: Kind::Plain, ver: 2, cmd: 1, payload: b"hello" }.encode(&mut late);
    client.received(target, &late, at(1_000), &mut told).unwrap();
    assert_eq!(client.counts().messages_received, 1);
    // The source knows of no message: both would number the next one differently.
    let recalled = switch(SwitchCause::TookOver, 3, 1, 0);
    client.received(resumed, &recalled, at(1_001), &mut told).unwrap();
    assert!(client.is_closing(resumed) && client.is_closing(target));
    client.on_timeout(at(1_002), &mut told);
    let again = dialled(&mut client);
    assert_eq!(greeted(&mut client, again), Cursor(1));
}

#[test]
fn a_move_of_which_nothing_more_is_heard_ends_with_its_ticket() {
    let (mut client, link, mut told) = connected(0);
    client.received(link, &control(&move_to(1)), at(10), &mut told).unwrap();
    assert_eq!(told.0, [Event::Migrating { epoch: Epoch(2) }]);
    told.0.clear();
    let expires_at = at(10) + limits::TICKET_LIFE;
    assert!(client.poll_timeout().is_some_and(|due| due <= expires_at));
    client.on_timeout(expires_at, &mut told);
    assert!(told.0.contains(&Event::MigrateFailed { status: Status::Cancelled }), "{:?}", told.0);
    assert_ne!(client.standing(), Standing::Migrating);
    assert!(client.poll_timeout().is_none_or(|due| due > expires_at));
}

#[test]
fn another_attempt_of_a_move_is_announced_only_once() {
    let (mut client, link, mut told) = connected(0);
    for attempt in 1..4 {
        client.received(link, &control(&move_to(attempt)), at(10), &mut told).unwrap();
        let Downlink::MoveTo { id, .. } = move_to(attempt) else { unreachable!() };
        client.received(link, &control(&Downlink::Cancel { id }), at(11), &mut told).unwrap();
    }
    assert_eq!(told.0, [Event::Migrating { epoch: Epoch(2) }]);
}

/// Which of three nodes a client asks for its session, in turn, when it has lost its link to the first.
fn asked_by_client(seed: u64) -> Vec<usize> {
    let nodes = ["10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.3:7000"];
    let (mut client, link, mut told) = connecting_to(&nodes, seed);
    client.received(link, &switch(SwitchCause::Connected, 1, 0, 0), at(2), &mut told).unwrap();
    let end = || LinkEnd { status: Status::Unreachable, text: String::new() };
    client.link_ended(link, end(), at(3), &mut told);
    let mut asked = Vec::new();
    while asked.len() < 9 {
        let due = client.poll_timeout().expect("it is looking");
        client.on_timeout(due, &mut told);
        while let Some(Output::Dial(link, address)) = client.poll_output() {
            asked.push(nodes.iter().position(|node| *node == address.to_string()).unwrap() + 1);
            client.link_ended(link, end(), due, &mut told);
        }
    }
    asked
}

#[test]
fn who_does_not_find_the_owner_asks_all_other_nodes_in_turn() {
    let asked = asked_by_client(1);
    assert_eq!(asked, [1, 2, 1, 3, 1, 2, 1, 3, 1], "the owner may be back, and every other node may know");
}

/// Whoever is asked first after a crash takes over: it is not to be the same node for all.
#[test]
fn clients_of_a_node_that_is_gone_ask_different_nodes_first() {
    let seeds = (0..32_u64).map(|seed| seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let asked: Vec<Vec<usize>> = seeds.map(asked_by_client).collect();
    for first in [2, 3] {
        assert!(asked.iter().filter(|asked| asked[1] == first).count() > 8, "{asked:?}");
    }
}
