//! What hostile ends have done, or may try, as scenes of their own; and any script at all.

use super::against_client::rooms_against_client;
use super::node::{ME, SOURCE, Stage};
use super::script::{SESSION, Script};
use super::{
    client_against_node, client_frames, connect_token, node_against_client, peer_frames, peers_against_node,
};
use crate::protocol::ids::{Binding, Bucket, CohortId, Cursor, Epoch, Fence, LinkNumber, MoveId};
use crate::protocol::limits;
use crate::protocol::record::OwnerPhase;
use crate::protocol::wire::{Baton, Data, Kind, Message, Peer, SessionState, Uplink};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::test_runner::TestRunner;
use std::cell::Cell;

const FENCE: Fence = Fence { bucket: Bucket(1), binding: Binding(0), epoch: Epoch(1) };
const MOVE: MoveId = MoveId { cohort: CohortId(SESSION.0), epoch: Epoch(2), attempt: 1, target: ME };

fn messages(count: usize, bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let message = Message { kind: Kind::Plain, ver: 2, cmd: 0, payload: &vec![0; bytes] };
    (0..count).for_each(|_| message.encode(&mut out));
    out
}

fn start(at: u64) -> Vec<u8> {
    let mut out = Vec::new();
    Data::Start(Cursor(at)).encode(&mut out);
    out
}

/// A node that has made room for a session which comes here.
fn prepared() -> Stage {
    let mut stage = Stage::new(&mut Script::new(&[1]));
    stage.answer(false, true);
    stage
}

fn attach(stage: &mut Stage, number: u64) {
    let link = stage.new_link(LinkNumber(number), 1 << 16, Cursor(0));
    stage.call(|cohort, env| cohort.attach(MOVE, SESSION, link, true, env)).expect("its ticket is good");
    // What the newcomer has displaced ends.
    stage.pump();
}

fn resume(stage: &mut Stage, number: u64) {
    let link = stage.new_link(LinkNumber(number), 1 << 20, Cursor(0));
    stage.call(|cohort, env| cohort.resume(SESSION, FENCE, link, true, env)).expect("it is served");
    stage.pump();
}

fn state() -> SessionState {
    SessionState { session: SESSION, user: "1".into(), client_key: [7; 32], ..SessionState::default() }
}

#[test]
fn attaching_again_and_again_makes_a_target_keep_no_more_uplink() {
    let mut stage = prepared();
    for number in 1..20 {
        attach(&mut stage, number);
        // Each link goes on where the last one ended.
        stage.receive(0, &start((number - 1) * 60));
        stage.receive(0, &messages(60, 1000));
        stage.pump();
    }
    assert!(stage.cohort.session().footprint().waiting > 50_000, "it is kept, within the credit");
}

#[test]
fn resuming_again_and_again_without_reading_makes_the_owner_keep_no_more_uplink() {
    let mut stage = Stage::new(&mut Script::new(&[0]));
    stage.wires[0].reads = false;
    let mut sent = 0;
    for number in 2..20 {
        stage.receive(0, &start(sent));
        // Each is echoed until the replay buffer is full; from then on they wait.
        for _ in 0..250 {
            let before = stage.wires.len();
            stage.receive(0, &messages(1, 5_000));
            if stage.wires.len() < before {
                break; // beyond its credit
            }
        }
        let waits = stage.cohort.session().footprint().waiting as u64 / 5_000;
        sent = stage.cohort.session().export(stage.now).up.0 + waits;
        resume(&mut stage, number);
        let index = stage.wires.len() - 1;
        stage.wires[index].reads = false;
    }
    assert!(stage.cohort.session().footprint().unacknowledged > 900_000, "the replay buffer is full");
}

#[test]
fn returning_from_fence_after_fence_makes_the_owner_keep_no_more_uplink() {
    let mut stage = Stage::new(&mut Script::new(&[0]));
    stage.wires[0].reads = false;
    stage.receive(0, &start(0));
    // Echoes fill the replay buffer, and from then on messages wait.
    while stage.cohort.session().footprint().waiting == 0 {
        stage.receive(0, &messages(1, 5_000));
    }
    for _ in 0..10 {
        stage.fenced = true;
        stage.call(|cohort, env| cohort.on_fenced(env));
        stage.fenced = false;
        stage.call(|cohort, env| cohort.on_unfenced(env));
        stage.answer(false, true);
        stage.answer(false, true);
        assert!(stage.cohort.is_served(), "it has returned, and grants credit anew");
        for _ in 0..50 {
            stage.receive(0, &messages(1, 5_000));
        }
        stage.pump();
        if stage.wires.is_empty() {
            return; // it went beyond its credit
        }
    }
    panic!("it was granted ten windows, and took one");
}

#[test]
fn a_baton_that_names_its_session_twice_is_refused() {
    let mut stage = prepared();
    attach(&mut stage, 1);
    let record = stage.directory.record(MOVE.cohort).expect("it is there").record;
    let handing = OwnerPhase::Handing { from: SOURCE, attempt: 1 };
    stage.directory.write(MOVE.cohort, record.passed_to(ME, handing));
    // Of the two, one cannot be gone on from.
    let broken = SessionState { down_messages: vec![0xff], ..state() };
    let fence = Fence { epoch: Epoch(2), ..FENCE };
    let baton = Box::new(Baton { fence, sessions: vec![broken, state()], room: None, stored: None });
    stage.call(|cohort, env| cohort.on_peer(SOURCE, Peer::Baton { id: MOVE, baton }, env));
    assert!(!stage.cohort.is_served());
}

#[test]
fn a_client_that_does_not_read_its_answers_is_cut_off() {
    let mut stage = Stage::new(&mut Script::new(&[0]));
    stage.wires[0].reads = false;
    let mut pings = Vec::new();
    (0..2_000).for_each(|stamp| Uplink::Ping { stamp: 1 << 40 | stamp }.encode(&mut pings));
    for _ in 0..10 {
        stage.receive(0, &pings);
    }
    stage.pump();
    assert!(stage.wires.is_empty(), "past {} bytes of answers", limits::CONTROL_BYTES_MAX);
}

#[test]
fn whatever_a_node_says_of_rooms_a_game_can_believe_it() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let stories = Cell::new(0);
    let heard = Cell::new(0);
    TestRunner::new(config)
        .run(&vec(any::<u8>(), 300..600), |script| {
            stories.set(stories.get() + 1);
            heard.set(heard.get() + rooms_against_client(&script));
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
    // Of one story nothing can be demanded: in some the client never gets to a room.
    assert!(heard.get() > stories.get(), "{} words of rooms in {} stories", heard.get(), stories.get());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_script_brings_any_role_down(script in vec(any::<u8>(), 0..600)) {
        client_against_node(&script);
        peers_against_node(&script);
        node_against_client(&script);
    }

    #[test]
    fn no_bytes_bring_any_decoder_down(bytes in vec(any::<u8>(), 0..300)) {
        client_frames(&bytes);
        peer_frames(&bytes);
        connect_token(&bytes);
    }
}
