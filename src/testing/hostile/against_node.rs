//! Hostile clients, and peers out of step, against a node's cohort.

use super::node::{ME, SOURCE, Stage};
use super::script::{SESSION, Script};
use crate::protocol::cohort::Cohort;
use crate::protocol::ids::{LinkNumber, MoveId};
use crate::protocol::reasons::{CloseReason, OfflineReason};
use crate::protocol::wire::{Data, Peer};

/// A client that sends what it likes, to a node whose peers and engine are sound but slow.
pub fn client_against_node(script: &[u8]) {
    let mut script = Script::new(script);
    let mut stage = Stage::new(&mut script);
    stage.pump();
    while let Some(choice) = script.next_step() {
        match choice % 16 {
            0..=9 => client_acts(&mut stage, choice % 16, &mut script),
            choice => surroundings_act(&mut stage, choice, &mut script),
        }
        stage.pump();
    }
}

/// Frames of other nodes, repeated, stale or of their own making, in between.
pub fn peers_against_node(script: &[u8]) {
    let mut script = Script::new(script);
    let mut stage = Stage::new(&mut script);
    stage.pump();
    while let Some(choice) = script.next_step() {
        match choice % 32 {
            0..=9 => client_acts(&mut stage, choice % 32, &mut script),
            choice @ 10..=15 => surroundings_act(&mut stage, choice, &mut script),
            choice => peer_acts(&mut stage, choice, &mut script),
        }
        stage.pump();
    }
}

fn client_acts(stage: &mut Stage, choice: u8, script: &mut Script<'_>) {
    let index = script.below(stage.wires.len().max(1));
    let mut bytes = Vec::new();
    match choice {
        0 => {
            let (number, credit) = (LinkNumber(script.number()), script.number() << 8);
            let link = stage.new_link(number, credit, script.cursor());
            let (attaches, quic, fence) = (script.flag(), script.flag(), script.fence());
            let id = move_id(stage, script);
            let let_in = stage.call(|cohort, env| match attaches {
                true => cohort.attach(id, SESSION, link, quic, env),
                false => cohort.resume(SESSION, fence, link, quic, env),
            });
            if let_in.is_err() {
                stage.wires.pop();
            }
            return;
        }
        1 => return stage.end_link(index),
        2 => {
            if let Some(wire) = stage.wires.get_mut(index) {
                wire.reads = !wire.reads;
            }
            return;
        }
        3 => return stage.datagram(index, &script.datagram()),
        4 => bytes.extend_from_slice(script.bytes()),
        5 => script.uplink().encode(&mut bytes),
        6 => Data::Start(script.cursor()).encode(&mut bytes),
        7 => Data::Switch(Box::new(script.switch())).encode(&mut bytes),
        _ => {
            let times = 1 + script.below(16);
            let message = script.message(&[0; 70_000]);
            (0..times).for_each(|_| message.encode(&mut bytes));
        }
    }
    stage.receive(index, &bytes);
}

/// One of those spoken of, or any.
fn move_id(stage: &Stage, script: &mut Script<'_>) -> MoveId {
    match usize::from(script.byte()) {
        0xff => script.move_id(),
        index => stage.moves[stage.moves.len() - 1 - index % stage.moves.len()],
    }
}

fn surroundings_act(stage: &mut Stage, choice: u8, script: &mut Script<'_>) {
    match choice {
        10 | 11 => stage.pass_time(script.pause()),
        12 => {
            let (lost, lands) = (script.byte() > 0xc0, script.flag());
            stage.answer(lost, lands);
        }
        13 => node_changes(stage, script),
        14 => sound_move(stage, script),
        _ => stage.foreign_write(script.byte()),
    }
}

fn node_changes(stage: &mut Stage, script: &mut Script<'_>) {
    match script.byte() % 6 {
        0 => {
            stage.fenced = true;
            stage.call(|cohort, env| cohort.on_fenced(env));
        }
        1 => {
            stage.fenced = false;
            stage.call(|cohort, env| cohort.on_unfenced(env));
        }
        2 => {
            let deadline = stage.now + script.pause();
            stage.view.offline = Some((OfflineReason::Deploy, deadline));
            stage.call(|cohort, env| cohort.tell_offline(env));
        }
        3 => stage.view.offline = None,
        4 => stage.call(|cohort, env| cohort.force(env)),
        _ => {
            let reason = script.of(CloseReason::ALL);
            stage.call(|cohort, env| cohort.close_all(reason, env));
        }
    }
}

/// What keeps a move going that began here or comes here.
fn sound_move(stage: &mut Stage, script: &mut Script<'_>) {
    let id = stage.moves[stage.moves.len() - 1];
    match script.byte() {
        0xf8.. => sound_probe(stage, script, id),
        byte => sound_step(stage, script, id, byte),
    }
}

/// What keeps a dry run going that began here or comes here.
fn sound_probe(stage: &mut Stage, script: &mut Script<'_>, id: MoveId) {
    match script.byte() % 4 {
        0 => {
            let any_version = script.flag();
            stage.call(|cohort, env| cohort.probe(any_version, env));
        }
        1 => {
            let target = [None, Some((SOURCE, 3))][script.below(2)];
            stage.call(|cohort, env| cohort.on_probe_target(target, env));
        }
        2 => stage.call(Cohort::end_probe),
        _ => {
            let id = MoveId { attempt: id.attempt + 1, target: ME, ..id };
            stage.moves.push(id);
            stage.probe(id, SOURCE, script.fence());
        }
    }
}

fn sound_step(stage: &mut Stage, script: &mut Script<'_>, id: MoveId, byte: u8) {
    match byte % 8 {
        0 => {
            let target = [None, Some(SOURCE)][script.below(2)];
            stage.call(|cohort, env| cohort.on_target_picked(target, env));
        }
        1 => {
            let frame = Peer::Prepared { id, tickets: vec![vec![1]], tcp: vec![], quic: vec![] };
            stage.call(|cohort, env| cohort.on_peer(id.target, frame, env));
        }
        2 => stage.call(|cohort, env| cohort.on_peer(id.target, Peer::Ready { id }, env)),
        3 => stage.call(|cohort, env| cohort.on_baton_left(id, env)),
        4 => stage.call(|cohort, env| cohort.on_peer(id.target, Peer::BatonAck { id }, env)),
        5 => stage.call(|cohort, env| cohort.on_peer(id.target, Peer::Finalised { id }, env)),
        6 => {
            let revoked = script.flag();
            stage.call(|cohort, env| cohort.on_revoked(id, revoked, env));
        }
        _ => {
            let gone = script.node();
            stage.call(|cohort, env| cohort.on_node_gone(gone, env));
        }
    }
}

fn peer_acts(stage: &mut Stage, choice: u8, script: &mut Script<'_>) {
    let (id, from) = (move_id(stage, script), script.node());
    match choice {
        16..=25 => {
            let frame = script.peer(id);
            stage.call(|cohort, env| cohort.on_peer(from, frame, env));
        }
        26 => {
            if let Ok(frame) = Peer::decode(script.bytes()) {
                stage.call(|cohort, env| cohort.on_peer(from, frame, env));
            }
        }
        27 | 28 => {
            // Another attempt of the move that was spoken of last, as its source counts them.
            let id = MoveId { attempt: id.attempt + 1, target: ME, ..id };
            stage.moves.push(id);
            stage.prepare(id, SOURCE, script.fence(), script.mode(), script.flag());
        }
        29 => stage.prepare(id, from, script.fence(), script.mode(), script.flag()),
        30 => stage.call(|cohort, env| cohort.refuse_baton(from, id, env)),
        _ => stage.call(|cohort, env| cohort.decline(env)),
    }
}
