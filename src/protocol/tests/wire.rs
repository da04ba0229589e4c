//! Laws of the wire and of the sequence, on any input.

use crate::client::token::ConnectToken;
use crate::protocol::errand::{Errand, ErrandState};
use crate::protocol::ids::{
    Binding, Bucket, CohortId, Cursor, Epoch, Fence, Generation, LinkNumber, MemberId, MoveId, NodeId,
    SessionId,
};
use crate::protocol::reasons::{
    CloseReason, MoveFailure, OfflineReason, RefuseReason, ReplyStatus, TargetRefusal,
};
use crate::protocol::record::Revision;
use crate::protocol::room::wire::RoomRequest;
use crate::protocol::room::{GamePiece, MemberState, RoomPiece, RoomState};
use crate::protocol::sequence::{LinkReceiver, LinkSender, Replay, Verdict, judge};
use crate::protocol::session::Session;
use crate::protocol::snapshot::Snapshot;
use crate::protocol::time::Time;
use crate::protocol::wire::{
    Baton, Data, Datagram, Downlink, Greeting, Kind, Member, Message, MoveMode, Peer, Piece, SessionState,
    Switch, SwitchCause, Uplink, Value, split,
};
use crate::testing::Cluster;
use proptest::collection::vec;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::sample::select;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Numbers as they travel: 62 bits, and most of them small.
fn number() -> impl Strategy<Value = u64> + Clone {
    prop_oneof![0..100u64, 0..1u64 << 62].boxed()
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..80)
}

fn move_id() -> impl Strategy<Value = MoveId> {
    (any::<u64>(), number(), any::<u32>(), any::<u64>()).prop_map(|(cohort, epoch, attempt, target)| MoveId {
        cohort: CohortId(cohort),
        epoch: Epoch(epoch),
        attempt,
        target: NodeId(target),
    })
}

fn fence() -> impl Strategy<Value = Fence> {
    (number(), number(), number()).prop_map(|(bucket, binding, epoch)| Fence {
        bucket: Bucket(bucket),
        binding: Binding(binding),
        epoch: Epoch(epoch),
    })
}

fn mode() -> impl Strategy<Value = MoveMode> {
    select(vec![MoveMode::Seamless, MoveMode::Classic])
}

fn addresses() -> impl Strategy<Value = Vec<SocketAddr>> {
    vec(any::<SocketAddr>().prop_map(|address| SocketAddr::new(address.ip(), address.port())), 0..4)
}

fn greeting() -> impl Strategy<Value = Greeting> {
    prop_oneof![
        ".*".prop_map(|user_token| Greeting::Connect { user_token }),
        (bytes(), any::<[u8; 32]>(), number()).prop_map(|(ticket, proof, down)| Greeting::Attach {
            ticket,
            proof,
            down: Cursor(down)
        }),
        (bytes(), any::<[u8; 32]>(), fence(), number()).prop_map(|(token, proof, fence, down)| {
            Greeting::Resume { token, proof, fence, down: Cursor(down) }
        }),
    ]
}

fn uplink() -> impl Strategy<Value = Uplink> {
    prop_oneof![
        (any::<u16>(), number(), number(), greeting()).prop_map(|(version, link, credit, greeting)| {
            Uplink::Hello { version, link: LinkNumber(link), credit, greeting }
        }),
        number().prop_map(|stamp| Uplink::Ping { stamp }),
        number().prop_map(|down| Uplink::Ack { down: Cursor(down) }),
        number().prop_map(|limit| Uplink::Credit { limit }),
        (number(), mode()).prop_map(|(epoch, mode)| Uplink::Migrate { epoch: Epoch(epoch), mode }),
        move_id().prop_map(|id| Uplink::CannotAttach { id }),
        (fence(), number()).prop_map(|(fence, added_us)| Uplink::Confirm { fence, added_us }),
        Just(Uplink::Bye),
        move_id().prop_map(|id| Uplink::CanAttach { id }),
    ]
}

fn downlink() -> impl Strategy<Value = Downlink> {
    prop_oneof![
        (select(RefuseReason::ALL), addresses())
            .prop_map(|(reason, elsewhere)| Downlink::Refused { reason, elsewhere }),
        number().prop_map(|stamp| Downlink::Pong { stamp }),
        number().prop_map(|up| Downlink::Ack { up: Cursor(up) }),
        number().prop_map(|limit| Downlink::Credit { limit }),
        (number(), number(), select(OfflineReason::ALL), any::<bool>()).prop_map(
            |(epoch, deadline_ms, reason, in_room)| {
                Downlink::Offline { epoch: Epoch(epoch), deadline_ms, reason, in_room }
            }
        ),
        (move_id(), addresses(), bytes(), mode())
            .prop_map(|(id, addresses, ticket, mode)| Downlink::MoveTo { id, addresses, ticket, mode }),
        (move_id(), number()).prop_map(|(id, credit)| Downlink::Attached { id, credit }),
        (select(MoveFailure::ALL), number())
            .prop_map(|(reason, epoch)| Downlink::MoveFailed { reason, epoch: Epoch(epoch) }),
        move_id().prop_map(|id| Downlink::Cancel { id }),
        fence().prop_map(|fence| Downlink::Settled { fence }),
        (any::<u64>(), number())
            .prop_map(|(cohort, epoch)| Downlink::Moved { cohort: CohortId(cohort), epoch: Epoch(epoch) }),
        (any::<u64>(), select(CloseReason::ALL))
            .prop_map(|(session, reason)| Downlink::Bye { session: SessionId(session), reason }),
        (move_id(), addresses(), bytes()).prop_map(|(id, addresses, ticket)| Downlink::Probe {
            id,
            addresses,
            ticket
        }),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::Integer),
        // Any NaN would do, but `PartialEq` on floats could not tell.
        any::<f64>().prop_filter("comparable", |float| !float.is_nan()).prop_map(Value::Float),
        ".*".prop_map(Value::Text),
        bytes().prop_map(Value::Bytes),
    ]
}

fn session_state() -> impl Strategy<Value = SessionState> {
    let head = (any::<u64>(), ".*", any::<[u8; 32]>(), number(), number(), mode());
    let data = (vec((".*", value()), 0..5), vec(".*", 0..3), any::<bool>());
    let restarts = vec((number(), number()), 0..3);
    let errand = (number(), bytes(), any::<u32>()).prop_map(|(request, wish, hops)| ErrandState {
        request,
        wish,
        hops: hops.into(),
    });
    let room = (number(), proptest::option::of(errand));
    let tail = (number(), number(), bytes(), proptest::option::of(number()), restarts, room);
    (head, data, tail).prop_map(
        |(
            (session, user, client_key, generation, link, mode),
            (data, removed, ahead),
            (up, down, down_messages, timer_us, restarts, (binding, errand)),
        )| {
            let restart = |(epoch, end)| (Epoch(epoch), Cursor(end));
            SessionState {
                session: SessionId(session),
                user,
                client_key,
                generation: Generation(generation),
                link: LinkNumber(link),
                mode,
                up: Cursor(up),
                down: Cursor(down),
                down_messages,
                data,
                removed,
                ahead,
                timer_us,
                restarts: restarts.into_iter().map(restart).collect(),
                binding: Binding(binding),
                errand,
            }
        },
    )
}

fn room_state() -> impl Strategy<Value = RoomState> {
    let member = (number(), any::<u64>(), ".*", any::<bool>()).prop_map(|(member, session, user, deaf)| {
        MemberState { member: MemberId(member), session: SessionId(session), user, deaf }
    });
    let who = (vec(member, 0..3), number(), proptest::option::of(number()), vec(".*", 0..2));
    let what = (vec((".*", value().prop_map(Arc::new)), 0..5), vec(".*", 0..3), any::<bool>(), any::<bool>());
    let when = (proptest::option::of(number()), proptest::option::of(number()), number());
    (any::<u64>(), who, what, when).prop_map(
        |(
            room,
            (members, next, owner, reserved),
            (properties, removed, closing, ahead),
            (timer_us, expires_us, pieces),
        )| RoomState {
            room: CohortId(room),
            members,
            next: MemberId(next),
            owner: owner.map(MemberId),
            reserved,
            properties,
            removed,
            closing,
            ahead,
            timer_us,
            expires_us,
            pieces,
            ..RoomState::default()
        },
    )
}

fn piece() -> impl Strategy<Value = Piece> {
    let data = || vec((".*", value()), 0..5);
    let game = (any::<bool>(), number(), any::<bool>(), bytes())
        .prop_map(|(changes, offset, last, bytes)| GamePiece { changes, offset, last, bytes });
    let properties = vec((".*", value().prop_map(Arc::new)), 0..5);
    let room = (number(), properties, vec(".*", 0..3), proptest::option::of(game))
        .prop_map(|(number, properties, removed, game)| RoomPiece { number, properties, removed, game });
    prop_oneof![
        (any::<u64>(), data()).prop_map(|(session, data)| Piece::User(SessionId(session), data)),
        room.prop_map(Piece::Room),
    ]
}

fn baton() -> impl Strategy<Value = Peer> {
    let room = proptest::option::of(room_state());
    (move_id(), fence(), vec(session_state(), 0..3), room, proptest::option::of(number())).prop_map(
        |(id, fence, sessions, room, stored)| {
            let stored = stored.map(Revision);
            Peer::Baton { id, baton: Box::new(Baton { fence, sessions, room, stored }) }
        },
    )
}

fn peer() -> impl Strategy<Value = Peer> {
    let member =
        || {
            (any::<u64>(), any::<[u8; 32]>(), any::<bool>()).prop_map(|(session, client_key, awaited)| {
                Member { session: SessionId(session), client_key, awaited }
            })
        };
    let probe = (move_id(), any::<u64>(), fence(), vec(member(), 0..3), number(), any::<u32>(), number())
        .prop_map(|(id, from, fence, members, state_bytes, app_version, besides)| Peer::Probe {
            id,
            from: NodeId(from),
            fence,
            members,
            state_bytes,
            app_version,
            besides,
        });
    let prepare = (move_id(), any::<u64>(), fence(), vec(member(), 0..3), number(), any::<u32>(), mode())
        .prop_map(|(id, from, fence, members, state_bytes, app_version, mode)| Peer::Prepare {
            id,
            from: NodeId(from),
            fence,
            members,
            state_bytes,
            app_version,
            mode,
        });
    prop_oneof![
        (any::<u16>(), any::<u64>(), any::<u64>()).prop_map(|(version, from, to)| Peer::Hello {
            version,
            from: NodeId(from),
            to: NodeId(to)
        }),
        prepare,
        probe,
        (move_id(), vec(bytes(), 0..3), addresses(), addresses())
            .prop_map(|(id, tickets, tcp, quic)| Peer::Prepared { id, tickets, tcp, quic }),
        (move_id(), select(TargetRefusal::ALL)).prop_map(|(id, reason)| Peer::Refused { id, reason }),
        move_id().prop_map(|id| Peer::Ready { id }),
        baton(),
        move_id().prop_map(|id| Peer::BatonAck { id }),
        move_id().prop_map(|id| Peer::Finalised { id }),
        (move_id(), number(), piece()).prop_map(|(id, number, piece)| Peer::Ahead { id, number, piece }),
        (move_id(), number()).prop_map(|(id, number)| Peer::AheadAck { id, number }),
        any::<u64>().prop_map(|room| Peer::Wanted { room: CohortId(room) }),
        move_id().prop_map(|id| Peer::Cancel { id }),
        any::<u32>().prop_map(|moves| Peer::Credit { moves }),
        Just(Peer::LeaseOver),
        (any::<u64>(), select(CloseReason::ALL))
            .prop_map(|(session, reason)| Peer::Close { session: SessionId(session), reason }),
    ]
}

fn switch() -> impl Strategy<Value = Switch> {
    let causes =
        vec![SwitchCause::Connected, SwitchCause::Resumed, SwitchCause::Moved, SwitchCause::TookOver];
    let head = (select(causes), any::<u64>(), fence(), number(), number(), number(), number());
    let tail = (bytes(), number(), any::<u32>(), any::<bool>(), ".*");
    (head, tail).prop_map(
        |(
            (cause, session, fence, generation, up, down, credit),
            (resume_token, resume_ms, message_bytes_max, moves_when_online, node),
        )| Switch {
            cause,
            session: SessionId(session),
            fence,
            generation: Generation(generation),
            up: Cursor(up),
            down: Cursor(down),
            credit,
            resume_token,
            resume_ms,
            message_bytes_max,
            moves_when_online,
            node,
        },
    )
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Plain),
        number().prop_map(Kind::Request),
        (number(), select(ReplyStatus::ALL)).prop_map(|(id, status)| Kind::Reply(id, status)),
    ]
}

/// The body of the one frame that was written.
fn body(stream: &[u8]) -> &[u8] {
    let (body, length) = split(stream, 1 << 20).expect("sound").expect("whole");
    assert_eq!(length, stream.len());
    body
}

/// What happens to a sequence and its links.
#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Fill(usize),
    Receive,
    Acknowledge,
    Break,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0usize..400).prop_map(Step::Push),
        3 => (1usize..600).prop_map(Step::Fill),
        3 => Just(Step::Receive),
        2 => Just(Step::Acknowledge),
        1 => Just(Step::Break),
    ]
}

/// One link between a sender and a receiver, with what is under way on it.
struct Link {
    sender: LinkSender,
    receiver: LinkReceiver,
    under_way: Vec<u8>,
}

impl Link {
    fn open(replay: &Replay, credit: u64) -> Self {
        let (mut sender, mut receiver) = (LinkSender::default(), LinkReceiver::default());
        sender.granted(receiver.open(credit));
        let mut under_way = Vec::new();
        Data::Start(sender.start(replay, replay.first())).encode(&mut under_way);
        Self { sender, receiver, under_way }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_uplink_frame_comes_back_as_it_was(frame in uplink()) {
        let mut out = Vec::new();
        frame.encode(&mut out);
        prop_assert_eq!(Uplink::decode(body(&out)), Ok(frame));
    }

    #[test]
    fn a_downlink_frame_comes_back_as_it_was(frame in downlink()) {
        let mut out = Vec::new();
        frame.encode(&mut out);
        prop_assert_eq!(Downlink::decode(body(&out)), Ok(frame));
    }

    #[test]
    fn a_peer_frame_comes_back_as_it_was(frame in peer()) {
        let mut out = Vec::new();
        frame.encode(&mut out);
        prop_assert_eq!(Peer::decode(body(&out)), Ok(frame));
    }

    #[test]
    fn a_switch_and_a_start_come_back_as_they_were(switch in switch(), at in number()) {
        for frame in [Data::Switch(Box::new(switch)), Data::Start(Cursor(at))] {
            let mut out = Vec::new();
            frame.encode(&mut out);
            prop_assert_eq!(Data::decode(body(&out)), Ok(frame));
        }
    }

    #[test]
    fn a_message_comes_back_as_it_was(
        kind in kind(),
        ver in any::<u8>(),
        cmd in any::<u16>(),
        payload in vec(any::<u8>(), 0..20_000),
    ) {
        let message = Message { kind, ver, cmd, payload: &payload };
        let mut out = Vec::new();
        message.encode(&mut out);
        prop_assert_eq!(out.len(), message.encoded_len());
        prop_assert_eq!(Data::decode(body(&out)), Ok(Data::Message(message)));
    }

    #[test]
    fn a_datagram_comes_back_as_it_was(
        epoch in number(),
        ver in any::<u8>(),
        cmd in any::<u16>(),
        payload in bytes(),
    ) {
        let datagram = Datagram { epoch: Epoch(epoch), ver, cmd, payload: &payload };
        let mut out = Vec::new();
        datagram.encode(&mut out);
        prop_assert!(out.len() <= Datagram::OVERHEAD_MAX + payload.len());
        prop_assert_eq!(Datagram::decode(&out), Ok(datagram));
    }

    #[test]
    fn a_snapshot_comes_back_as_it_was(
        fence in fence(),
        number in number(),
        sessions in vec(session_state(), 0..3),
        room in proptest::option::of(room_state()),
    ) {
        let snapshot = Snapshot { fence, number, sessions, room };
        prop_assert_eq!(Snapshot::decode(&snapshot.encode()), Ok(snapshot));
    }

    #[test]
    fn a_connect_token_comes_back_as_it_was(
        cluster in ".*",
        ca in bytes(),
        tcp in addresses(),
        quic in addresses(),
        user_token in ".*",
    ) {
        let token = ConnectToken { cluster, ca, tcp, quic, user_token };
        prop_assert_eq!(ConnectToken::parse(&token.encode()), Ok(token));
    }

    #[test]
    fn a_session_goes_on_from_its_state_as_it_was_left(
        state in session_state(),
        unacknowledged in vec((kind(), bytes()), 0..5),
        at in 0..1u64 << 40,
        room in number(),
    ) {
        let mut down_messages = Vec::new();
        for (kind, payload) in &unacknowledged {
            Message { kind: *kind, ver: 2, cmd: 1, payload }.encode(&mut down_messages);
        }
        let data = state.data.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect();
        // What is left of an errand at this node is what was left of it elsewhere: the wish.
        let wish = || Errand::new(1, RoomRequest::Join { room: CohortId(room) }).export();
        let errand = state.errand.map(|errand| ErrandState { wish: wish().wish, ..errand });
        let state = SessionState { down_messages, data, removed: Vec::new(), ahead: false, errand, ..state };
        let fence = Fence { binding: state.binding, ..Fence::default() };
        let now = Time::from_micros(at);
        let settings = Arc::new(Cluster::default_settings());
        let mut session = Session::expected(state.session, state.client_key, settings);
        session.import(state.clone(), fence, now).unwrap();
        prop_assert_eq!(session.export(now), state);
    }

    #[test]
    fn floats_keep_their_bits(bits in any::<u64>()) {
        let data = vec![("float".into(), Value::Float(f64::from_bits(bits)))];
        let state = SessionState { data, ..SessionState::default() };
        let id = MoveId { cohort: CohortId(1), epoch: Epoch(2), attempt: 1, target: NodeId(2) };
        let mut out = Vec::new();
        Peer::Baton { id, baton: Box::new(Baton { sessions: vec![state], ..Baton::default() }) }
            .encode(&mut out);
        let Ok(Peer::Baton { baton, .. }) = Peer::decode(body(&out)) else { panic!("not a baton") };
        let Value::Float(float) = baton.sessions[0].data[0].1 else { panic!("not a float") };
        prop_assert_eq!(float.to_bits(), bits);
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(first in any::<u8>(), rest in vec(any::<u8>(), 0..200)) {
        let bytes = [&[first], rest.as_slice()].concat();
        let _ = split(&bytes, 1 << 10);
        let _ = Datagram::decode(&bytes);
        for first in [0x01u8, 0x41, 0x46, 0x81, 0x82, 0x85, 0xc2, 0xc3, 0xc6, first] {
            let bytes = [&[first], rest.as_slice()].concat();
            let _ = Uplink::decode(&bytes);
            let _ = Downlink::decode(&bytes);
            let _ = Data::decode(&bytes);
            let _ = Peer::decode(&bytes);
        }
    }

    #[test]
    fn a_frame_cut_short_is_refused_or_waited_for(frame in peer(), cut in 1usize..200) {
        let mut out = Vec::new();
        frame.encode(&mut out);
        let cut = cut.min(out.len());
        prop_assert_eq!(split(&out[..out.len() - cut], 1 << 20), Ok(None));
        let body = body(&out);
        prop_assert!(Peer::decode(&body[..body.len() - cut.min(body.len())]).is_err());
    }

    #[test]
    fn over_any_number_of_links_every_message_arrives_once_and_in_order(steps in vec(step(), 1..150)) {
        const WINDOW: u64 = 1000;
        let mut replay = Replay::new(Cursor(0), 8000);
        let (mut sent, mut received) = (Vec::new(), Vec::new());
        let mut expected = Cursor(0);
        let mut link = Link::open(&replay, WINDOW);
        // At the end the last link is let run until nothing is left.
        let rest = std::iter::repeat_n([Step::Fill(500), Step::Receive, Step::Acknowledge], 400).flatten();
        for step in steps.into_iter().chain(rest) {
            match step {
                Step::Push(length) => {
                    let payload = vec![sent.len() as u8; length];
                    let message = Message { kind: Kind::Plain, ver: 2, cmd: 1, payload: &payload };
                    if replay.push(&message).is_ok() {
                        sent.push(payload);
                    }
                }
                Step::Fill(room) => link.sender.fill(&replay, replay.end(), &mut link.under_way, room),
                Step::Receive => {
                    let bytes = std::mem::take(&mut link.under_way);
                    let mut rest = bytes.as_slice();
                    while let Some((body, length)) = split(rest, 1 << 20).unwrap() {
                        match Data::decode(body).unwrap() {
                            Data::Start(at) => link.receiver.start(at),
                            Data::Message(message) => {
                                let number = link.receiver.count(body.len()).unwrap();
                                if judge(expected, number).unwrap() == Verdict::Deliver {
                                    received.push(message.payload.to_vec());
                                    expected = number.next();
                                }
                            }
                            Data::Switch(_) => panic!("nobody sent a Switch"),
                        }
                        rest = &rest[length..];
                    }
                    prop_assert!(rest.is_empty());
                    if let Some(limit) = link.receiver.grant(WINDOW, 0) {
                        link.sender.granted(limit);
                    }
                }
                Step::Acknowledge => replay.acked(expected).unwrap(),
                Step::Break => link = Link::open(&replay, WINDOW),
            }
        }
        prop_assert_eq!(received, sent);
        prop_assert_eq!(replay.bytes(), 0);
    }
}
