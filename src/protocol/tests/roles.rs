//! Source, target, cohort and session by hand, for what no order of events in the cluster brings about reliably.

use crate::protocol::application::{Application, Context};
use crate::protocol::cohort::{Asker, Cohort, Env, NodeView, Output};
use crate::protocol::company::Company;
use crate::protocol::ids::{CohortId, Cursor, Epoch, Fence, LinkNumber, MoveId, NodeId, SessionId};
use crate::protocol::lease::Lease;
use crate::protocol::limits;
use crate::protocol::reasons::{OfflineReason, RefuseReason, TargetRefusal};
use crate::protocol::record::{Answer, Ask, CasAnswer, OwnerPhase, ReadAnswer, Record, Revision, Versioned};
use crate::protocol::sequence::LinkReceiver;
use crate::protocol::session::{Link, LinkId, Serving, Session, Settings};
use crate::protocol::snapshot::{Durability, Snapshot, SnapshotAnswer, SnapshotAsk, Stored};
use crate::protocol::source::{self, Source, Timing};
use crate::protocol::target::{self, Target};
use crate::protocol::time::{BootTime, Time};
use crate::protocol::wire::{
    Baton, Data, Kind, Member, Message, MoveMode, Peer, SessionState, SwitchCause, split,
};
use crate::testing::Cluster;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const SOURCE: NodeId = NodeId(1);
const TARGET: NodeId = NodeId(2);
const SESSION: SessionId = SessionId(77);
const COHORT: CohortId = CohortId(77);

fn record(owner: NodeId, epoch: u64, phase: OwnerPhase) -> Record {
    let fence = Fence { epoch: Epoch(epoch), ..Fence::default() };
    Record { bucket: fence.bucket, binding: fence.binding, epoch: fence.epoch, owner, phase, room: None }
}

fn serving(owner: NodeId, epoch: u64) -> Versioned {
    Versioned { revision: Revision(epoch), record: record(owner, epoch, OwnerPhase::Serving) }
}

fn read(found: Versioned) -> Answer {
    Answer::Read(ReadAnswer::Read(Some(found)))
}

const fn at(ms: u64) -> Time {
    Time::from_micros(ms * 1000)
}

fn move_id(epoch: u64, attempt: u32) -> MoveId {
    MoveId { cohort: COHORT, epoch: Epoch(epoch), attempt, target: TARGET }
}

/// The number of the question that is asked last.
fn asked(outputs: &[source::Output]) -> u64 {
    let asked = outputs.iter().rev().find_map(|output| match output {
        source::Output::Ask(number, _) => Some(*number),
        _ => None,
    });
    asked.expect("it asks the directory")
}

fn does(source: &mut Source, input: source::Input, now: Time) -> Vec<source::Output> {
    source.handle(input, now);
    std::iter::from_fn(|| source.poll_output()).collect()
}

#[test]
fn a_claim_of_unknown_outcome_that_was_handed_back_is_still_the_sources_own() {
    let mut source = Source::new(COHORT, serving(SOURCE, 1), 0, MoveMode::Seamless, Timing::default());
    does(&mut source, source::Input::Target(Some(TARGET)), at(0));
    let id = source.id();
    does(&mut source, source::Input::Prepared(id), at(1));
    let outputs = does(&mut source, source::Input::Ready(id), at(2));
    let unknown = Answer::Cas(CasAnswer::Unknown);
    let outputs = does(&mut source, source::Input::Answer(asked(&outputs), unknown), at(3));
    // Meanwhile the claim has landed, and the target has refused and handed back.
    let back = serving(SOURCE, 3);
    let outputs = does(&mut source, source::Input::Answer(asked(&outputs), read(back)), at(4));
    assert!(outputs.contains(&source::Output::Held(back)), "{outputs:?}");
    assert!(matches!(outputs.last(), Some(source::Output::PickTarget(_))), "it tries another: {outputs:?}");
    assert!(source.serves());
}

#[test]
fn a_target_does_not_refuse_for_want_of_a_baton_while_it_cannot_read_the_record() {
    let id = move_id(2, 1);
    let timing = Timing::default();
    let mut target =
        Target::new(id, SOURCE, serving(SOURCE, 1).record.fence(), MoveMode::Seamless, timing, at(0));
    let handing = Versioned {
        revision: Revision(2),
        record: record(TARGET, 2, OwnerPhase::Handing { from: SOURCE, attempt: 1 }),
    };
    // Answers every question until nothing is asked, and says whether it has refused.
    let answer_all = |target: &mut Target, answer: Answer, now: Time| {
        let mut refused = false;
        while let Some(output) = target.poll_output() {
            match output {
                target::Output::Ask(number, Ask::Read) => {
                    target.handle(target::Input::Answer(number, answer), now)
                }
                target::Output::Refuse(reason) => {
                    assert_eq!(reason, TargetRefusal::NoBaton);
                    refused = true;
                }
                _ => {}
            }
            if refused {
                break;
            }
        }
        refused
    };
    assert!(!answer_all(&mut target, read(serving(SOURCE, 1)), at(1)));
    target.handle(target::Input::Timeout, at(150));
    assert!(!answer_all(&mut target, read(handing), at(151)), "it has seen Handing");
    for ms in (250..3000).step_by(100) {
        target.handle(target::Input::Timeout, at(ms));
        assert!(!answer_all(&mut target, Answer::Read(ReadAnswer::Failed), at(ms + 1)), "at {ms} ms");
    }
    let refused = (3000..4000).step_by(100).any(|ms| {
        target.handle(target::Input::Timeout, at(ms));
        answer_all(&mut target, read(handing), at(ms + 1))
    });
    assert!(refused, "with the engine back the time runs");
}

/// A game that does nothing.
struct Idle;

impl Application for Idle {
    fn message(&self, _: &mut Context<'_>, _: &Message<'_>) {}
}

/// The target's node.
struct Node(Lease);

impl NodeView for Node {
    fn id(&self) -> NodeId {
        TARGET
    }
    fn timing(&self) -> Timing {
        Timing::default()
    }
    fn addresses(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        (Vec::new(), Vec::new())
    }
    fn going_offline(&self) -> Option<(OfflineReason, Time)> {
        None
    }
    fn ticket(&self, _: MoveId, _: SessionId, _: &[u8; 32]) -> Vec<u8> {
        Vec::new()
    }
    fn resume_token(&self, _: SessionId, _: &[u8; 32]) -> Vec<u8> {
        Vec::new()
    }
}

impl Node {
    fn new() -> Self {
        let mut lease = Lease::new(limits::SELF_FENCE);
        lease.restart(BootTime::from_micros(0));
        Self(lease)
    }

    fn env(&self, now: Time) -> Env<'_> {
        let permit = self.0.permit(BootTime::from_micros(now.as_micros()));
        Env { now, permit, application: &Idle, node: self }
    }
}

fn settings() -> Arc<Settings> {
    Arc::new(Cluster::default_settings())
}

fn outputs(cohort: &mut Cohort) -> Vec<Output> {
    std::iter::from_fn(|| cohort.poll_output()).collect()
}

const MEMBERS: [Member; 1] = [Member { session: SESSION, client_key: [0; 32], awaited: true }];

/// A cohort that is prepared for its first move.
fn prepared(node: &Node) -> Cohort {
    let id = move_id(2, 1);
    let mut cohort = Cohort::expect(id, &MEMBERS, settings());
    let env = node.env(at(0));
    cohort.on_prepare(
        id,
        SOURCE,
        serving(SOURCE, 1).record.fence(),
        &MEMBERS,
        MoveMode::Seamless,
        false,
        &env,
    );
    for output in outputs(&mut cohort) {
        if let Output::Ask(asker, number, Ask::Read) = output {
            cohort.on_answer(asker, number, read(serving(SOURCE, 1)), &env);
        }
    }
    assert!(matches!(outputs(&mut cohort)[..], [Output::Peer(SOURCE, Peer::Prepared { .. })]));
    cohort
}

fn state(session: SessionId) -> SessionState {
    SessionState { session, user: "user".into(), link: LinkNumber(1), ..SessionState::default() }
}

fn baton(states: Vec<SessionState>) -> Peer {
    let fence = Fence { epoch: Epoch(2), ..Fence::default() };
    Peer::Baton {
        id: move_id(2, 1),
        baton: Box::new(Baton { fence, sessions: states, room: None, stored: None }),
    }
}

#[test]
fn a_baton_that_does_not_hold_the_session_is_refused() {
    let damaged = SessionState { down_messages: vec![9, 9], ..state(SESSION) };
    for states in [vec![state(SessionId(5))], Vec::new(), vec![damaged]] {
        let node = Node::new();
        let mut cohort = prepared(&node);
        cohort.on_peer(SOURCE, baton(states), &node.env(at(10)));
        let refused = |output: &Output| matches!(output, Output::Peer(SOURCE, Peer::Refused { .. }));
        assert!(outputs(&mut cohort).iter().any(refused));
        assert!(!cohort.is_held());
    }
}

#[test]
fn a_fenced_target_lets_nobody_attach_although_it_has_the_baton() {
    let node = Node::new();
    let mut cohort = prepared(&node);
    cohort.on_peer(SOURCE, baton(vec![state(SESSION)]), &node.env(at(10)));
    assert!(cohort.is_served());
    let late = node.env(at(13_000));
    assert!(late.permit.is_none());
    let link = || Link::new(LinkId(1), LinkNumber(2), None, 1 << 16, Cursor(0));
    assert_eq!(cohort.attach(move_id(2, 1), SESSION, link(), false, &late), Err(RefuseReason::Unavailable));
    cohort.on_fenced(&late);
    assert_eq!(
        cohort.attach(move_id(2, 1), SESSION, link(), false, &node.env(at(20))),
        Err(RefuseReason::Unavailable)
    );
}

#[test]
fn a_prepare_of_a_later_epoch_counts_whatever_its_attempt() {
    let node = Node::new();
    let mut cohort = prepared(&node);
    let (later, other) = (move_id(3, 1), NodeId(3));
    let fence = serving(other, 2).record.fence();
    cohort.on_prepare(later, other, fence, &MEMBERS, MoveMode::Seamless, false, &node.env(at(20)));
    let outputs = outputs(&mut cohort);
    let asks = |output: &Output| matches!(output, Output::Ask(Asker::Target(id), ..) if *id == later);
    assert!(outputs.iter().any(asks), "it is admitted: {outputs:?}");
    let refuses = |output: &Output| matches!(output, Output::Peer(to, Peer::Refused { .. }) if *to == other);
    assert!(!outputs.iter().any(refuses), "{outputs:?}");
}

/// Answers every question to the directory with what it holds, until nothing is asked.
fn answer_all(cohort: &mut Cohort, found: Versioned, env: &Env<'_>) {
    while let Some(output) = cohort.poll_output() {
        match output {
            Output::Ask(asker, number, _) => cohort.on_answer(asker, number, read(found), env),
            Output::Peer(..)
            | Output::RevokeBaton(..)
            | Output::PickTarget(_)
            | Output::RememberRefusal(_)
            | Output::ReadLeases(_)
            | Output::Snapshot(..)
            | Output::Forget { .. }
            | Output::Room(_)
            | Output::Split(_)
            | Output::List
            | Output::Dismiss(_)
            | Output::PickProbed { .. }
            | Output::Probed(_)
            | Output::Report(_) => {}
        }
    }
}

#[test]
fn a_session_that_comes_back_is_not_mixed_up_with_its_earlier_stay() {
    let node = Node::new();
    let env = node.env(at(20));
    let mut cohort = prepared(&node);
    // An attempt that was refused keeps the cohort known here while the next one serves, and is lost.
    cohort.on_peer(SOURCE, Peer::Cancel { id: move_id(2, 1) }, &env);
    outputs(&mut cohort);
    cohort.on_prepare(
        move_id(2, 2),
        SOURCE,
        serving(SOURCE, 1).record.fence(),
        &MEMBERS,
        MoveMode::Seamless,
        false,
        &env,
    );
    answer_all(&mut cohort, serving(SOURCE, 1), &env);
    let Peer::Baton { baton, .. } = baton(vec![state(SESSION)]) else { unreachable!("made above") };
    cohort.on_peer(SOURCE, Peer::Baton { id: move_id(2, 2), baton }, &env);
    assert!(cohort.is_served());
    let other = NodeId(9);
    answer_all(&mut cohort, serving(other, 5), &env);
    assert!(!cohort.is_held());
    assert!(!cohort.is_gone(), "the refused attempt is still looked after");
    // Now it comes back, with its client far ahead of where it left.
    let id = move_id(6, 1);
    cohort.on_prepare(id, other, serving(other, 5).record.fence(), &MEMBERS, MoveMode::Seamless, false, &env);
    answer_all(&mut cohort, serving(other, 5), &env);
    let link = Link::new(LinkId(3), LinkNumber(9), None, 1 << 16, Cursor(0));
    cohort.attach(id, SESSION, link, false, &env).expect("it is prepared");
    let message = Data::Message(Message { kind: Kind::Plain, ver: 2, cmd: 1, payload: b"hi" });
    let bytes = data(&[Data::Start(Cursor(40)), message]);
    assert_eq!(cohort.received(LinkId(3), &bytes, &env), Some(Ok(bytes.len())));
}

fn data(frames: &[Data<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    frames.iter().for_each(|frame| frame.encode(&mut out));
    out
}

#[test]
fn what_comes_late_on_a_replaced_link_does_not_disturb_the_new_one() {
    let mut session = Session::expected(SESSION, [0; 32], settings());
    let nobody = Serving { permit: None, unfrozen: false };
    let message = Data::Message(Message { kind: Kind::Plain, ver: 2, cmd: 1, payload: b"hi" });
    let receive = |session: &mut Session, link: u64, frames: &[Data<'_>]| {
        let bytes = data(frames);
        let mut rest = bytes.as_slice();
        while let Some((body, length)) = split(rest, 1 << 16).unwrap() {
            session.on_data(LinkId(link), body, nobody, &mut Company::alone(&Idle), at(1)).unwrap();
            rest = &rest[length..];
        }
    };
    for number in [1, 2] {
        let link = Link::new(LinkId(number), LinkNumber(number), None, 1 << 16, Cursor(0));
        session.add_link(link, Epoch(1), at(0)).unwrap();
        session.keep(limits::ATTACH_CREDIT_BYTES);
    }
    receive(&mut session, 2, &[Data::Start(Cursor(5)), message.clone()]);
    receive(&mut session, 1, &[Data::Start(Cursor(0)), message.clone()]);
    receive(&mut session, 2, std::slice::from_ref(&message));
}

#[test]
fn only_a_new_generation_may_leave_uplink_out() {
    let message = Data::Message(Message { kind: Kind::Plain, ver: 2, cmd: 1, payload: b"hi" });
    let fence = Fence::default();
    for restarted in [false, true] {
        let node = Node::new();
        let env = node.env(at(0));
        let mut session = Session::new(SESSION, "user".into(), [0; 32], fence, settings());
        if restarted {
            session.new_generation(Epoch(2));
        }
        let link = Link::new(LinkId(1), LinkNumber(1), None, 1 << 16, Cursor(0));
        session.add_link(link, Epoch(1), at(0)).unwrap();
        session.open_links(SwitchCause::TookOver, fence, &[]);
        let bytes = data(&[Data::Start(Cursor(9)), message.clone()]);
        let (start, length) = split(&bytes, 1 << 16).unwrap().unwrap();
        let (message, _) = split(&bytes[length..], 1 << 16).unwrap().unwrap();
        let serving = Serving { permit: env.permit, unfrozen: true };
        session.on_data(LinkId(1), start, serving, &mut Company::alone(&Idle), at(1)).unwrap();
        let taken = session.on_data(LinkId(1), message, serving, &mut Company::alone(&Idle), at(1));
        assert_eq!(taken.is_ok(), restarted, "{taken:?}");
        if restarted {
            assert_eq!(session.export(at(2)).up, Cursor(10));
        }
    }
}

#[test]
fn a_new_generation_goes_on_above_what_its_client_has_from_elsewhere() {
    let message = Message { kind: Kind::Plain, ver: 2, cmd: 1, payload: b"hi" };
    // The copy ends at 3, and two messages are sent before the client comes back.
    for (client_has, first, kept) in [(1, 1, 4), (3, 3, 2), (7, 7, 2)] {
        let mut session = Session::new(SESSION, "user".into(), [0; 32], Fence::default(), settings());
        (0..3).for_each(|_| session.send(&message).unwrap());
        session.new_generation(Epoch(2));
        (0..2).for_each(|_| session.send(&message).unwrap());
        for number in 1..3 {
            let link = Link::new(LinkId(number), LinkNumber(number), None, 1 << 16, Cursor(client_has));
            session.add_link(link, Epoch(1), at(0)).unwrap();
            let state = session.export(at(0));
            assert_eq!(state.down, Cursor(first), "link {number} of a client that has {client_has}");
            assert_eq!(state.down_messages.len(), kept * message.encoded_len());
        }
    }
}

#[test]
fn a_client_says_how_far_it_is_until_it_has_joined_a_new_generation() {
    let message = Message { kind: Kind::Plain, ver: 2, cmd: 1, payload: b"hi" };
    let mut session = Session::new(SESSION, "user".into(), [0; 32], Fence::default(), settings());
    session.new_generation(Epoch(3));
    session.send(&message).unwrap();
    let mut first_after_link = |number, has, seen| {
        let link = Link::new(LinkId(number), LinkNumber(number), None, 1 << 16, Cursor(has));
        session.add_link(link, Epoch(seen), at(0)).unwrap();
        session.export(at(0)).down
    };
    assert_eq!(first_after_link(1, 0, 1), Cursor(0));
    // What the node that was left had sent has reached the client after it had greeted.
    assert_eq!(first_after_link(2, 5, 2), Cursor(5));
    assert_eq!(first_after_link(3, 7, 2), Cursor(7));
    // It has joined, and has the message that was sent here: it must not come again under another number.
    assert_eq!(first_after_link(4, 8, 3), Cursor(7));
}

/// What this cohort asks next of whom it asks now: the directory, the heartbeats, the store of snapshots.
fn next_question(cohort: &mut Cohort) -> Output {
    let asks = |output: &Output| {
        matches!(output, Output::Ask(..) | Output::ReadLeases(_) | Output::Snapshot(Asker::TakeOver, ..))
    };
    std::iter::from_fn(|| cohort.poll_output()).find(asks).expect("it asks something")
}

#[test]
fn who_restarts_from_what_a_take_over_has_written_begins_a_later_generation() {
    let node = Node::new();
    let env = node.env(at(0));
    let mut settings = Settings::clone(&settings());
    settings.durability = Durability::Lazy(Duration::from_secs(1));
    let settings = Arc::new(settings);
    let begun = Session::new(SESSION, "user".into(), [0; 32], Fence::default(), settings.clone());
    let sessions = vec![begun.export(at(0))];
    let mut stored = Stored { revision: Revision(1), snapshot: Snapshot { sessions, ..Snapshot::default() } };
    let mut told = Vec::new();
    for epoch in 1..3 {
        let gone = serving(SOURCE, epoch);
        let mut cohort = Cohort::unknown(COHORT, TARGET, settings.clone());
        cohort.take_over(&env);
        let Output::Ask(asker, number, Ask::Read) = next_question(&mut cohort) else { panic!("the record") };
        cohort.on_answer(asker, number, read(gone), &env);
        let Output::ReadLeases(number) = next_question(&mut cohort) else { panic!("the leases") };
        cohort.on_leases(number, Some([SOURCE].into()), &env);
        let Output::Ask(asker, number, Ask::Cas { .. }) = next_question(&mut cohort) else {
            panic!("a claim")
        };
        cohort.on_answer(asker, number, Answer::Cas(CasAnswer::Won(Revision(9))), &env);
        let Output::Snapshot(asker, number, SnapshotAsk::Read) = next_question(&mut cohort) else {
            panic!("the snapshot")
        };
        cohort.on_snapshot(asker, number, SnapshotAnswer::Read(Some(Box::new(stored.clone()))), &env);
        let Output::Snapshot(asker, number, SnapshotAsk::Write { snapshot, .. }) = next_question(&mut cohort)
        else {
            panic!("it is written back")
        };
        cohort.on_snapshot(asker, number, SnapshotAnswer::Written(Revision(9)), &env);
        told.push(cohort.session().generation());
        stored = Stored { revision: Revision(9), snapshot: *snapshot };
    }
    assert!(told[0] < told[1], "{told:?}");
}

#[test]
fn what_was_granted_is_never_taken_back() {
    let mut link = LinkReceiver::default();
    assert_eq!(link.open(1000), 1000);
    link.start(Cursor(0));
    assert_eq!(link.count(100).unwrap(), Cursor(0));
    assert_eq!(link.grant(1000, 900), None, "what waits shrinks what may be granted, not what is");
    assert_eq!(link.open(10), 1000);
    for _ in 0..6 {
        link.count(100).unwrap();
    }
    let granted = link.grant(1000, 0).expect("half of the window is used up");
    assert!(granted > 1500, "{granted}");
    assert_eq!(link.grant(1000, 0), None, "granted once");
}
