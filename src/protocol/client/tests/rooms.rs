//! Rooms from the client's side, against what a node says by hand.

use super::super::{Ask, Client, Events, LinkFault, LinkId};
use super::{Told, at, connected, control, dialled, greeted, move_to, switch_with};
use crate::client::event::{Batch, Event};
use crate::client::room::{RoomEvent, ValueKind};
use crate::client::status::Status;
use crate::protocol::ids::{CohortId, Cursor, Epoch, MemberId};
use crate::protocol::limits;
use crate::protocol::reasons::{ExitReason, ReplyStatus, RoomRefusal};
use crate::protocol::room::wire::{
    Inbound, MERGED, MESSAGE, MemberInfo, NEWS, REQUEST, RoomAnswer, RoomNews, SYNC, Sync, Synced, VER,
};
use crate::protocol::wire::{
    Datagram, DecodeError, Downlink, Kind, Message, SwitchCause, Uplink, Value, split,
};

const ROOM: CohortId = CohortId(77);
const ME: MemberId = MemberId(2);

/// What the game hears of rooms, with text and data.
#[derive(Default)]
struct Heard(Vec<(RoomEvent, String, Vec<u8>)>);

impl Events for Heard {
    fn event(&mut self, event: Event, bytes: &[u8]) {
        let Event::Room(event) = event else { return };
        let (text, data) = event.split(bytes);
        self.0.push((event, String::from_utf8_lossy(text).into_owned(), data.to_vec()));
    }
}

impl Heard {
    fn take(&mut self) -> Vec<(RoomEvent, String, Vec<u8>)> {
        std::mem::take(&mut self.0)
    }

    /// The events and their texts.
    fn texts(&mut self) -> Vec<(RoomEvent, String)> {
        self.take().into_iter().map(|(event, text, _)| (event, text)).collect()
    }
}

/// A client at play whose node says what a test wants.
struct Scene {
    client: Client,
    link: LinkId,
    heard: Heard,
}

impl Scene {
    fn new() -> Self {
        let (client, link, _) = connected(0);
        Self { client, link, heard: Heard::default() }
    }

    /// In a room with two others.
    fn inside() -> Self {
        let mut scene = Self::new();
        scene.news(&entered(&[(1, "ann"), (2, "bob"), (3, "cid")], 1));
        scene.heard.take();
        scene
    }

    fn send(&mut self, kind: Kind, cmd: u16, payload: &[u8]) -> Result<usize, LinkFault> {
        let mut frame = Vec::new();
        Message { kind, ver: VER, cmd, payload }.encode(&mut frame);
        self.client.received(self.link, &frame, at(10), &mut self.heard)
    }

    fn news(&mut self, news: &RoomNews) {
        let mut payload = Vec::new();
        news.encode(&mut payload);
        self.send(Kind::Plain, NEWS, &payload).unwrap();
    }

    fn ask(&mut self, request: u64, ask: Ask) {
        self.client.expect_room_result(request, at(5_000), ask);
    }

    fn answer(&mut self, request: u64, answer: &RoomAnswer) {
        self.send(Kind::Reply(request, ReplyStatus::Ok), REQUEST, &answer.encode()).unwrap();
    }
}

fn infos(users: &[(u64, &str)]) -> Vec<MemberInfo> {
    let info = |(member, user): &(u64, &str)| MemberInfo { member: MemberId(*member), user: (*user).into() };
    users.iter().map(info).collect()
}

fn entered(users: &[(u64, &str)], owner: u64) -> RoomNews {
    let owner = Some(MemberId(owner));
    RoomNews::Entered { room: ROOM, me: ME, owner, members_max: 8, members: infos(users) }
}

fn left(member: u64, status: Status) -> RoomEvent {
    RoomEvent::MemberLeft { member: MemberId(member), status }
}

#[test]
fn news_become_events_with_the_names_of_members() {
    let mut scene = Scene::new();
    scene.news(&entered(&[(1, "ann"), (2, "bob")], 1));
    let heard = scene.heard.take();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].0, RoomEvent::Entered { room: ROOM, me: ME });

    scene.news(&RoomNews::Joined { member: infos(&[(3, "cid")]).remove(0) });
    scene.news(&RoomNews::OwnerChanged { owner: Some(MemberId(3)) });
    scene.news(&RoomNews::Left { member: MemberId(1), reason: ExitReason::Disconnected });
    scene.news(&RoomNews::Left { member: MemberId(1), reason: ExitReason::Left });
    scene.news(&RoomNews::Exited { reason: ExitReason::Kicked });
    let why = "the owner of the room, or the server application, removed the member";
    assert_eq!(
        scene.heard.texts(),
        [
            (RoomEvent::MemberJoined { member: MemberId(3) }, "cid".to_owned()),
            (RoomEvent::OwnerChanged { owner: Some(MemberId(3)) }, "cid".to_owned()),
            (left(1, Status::MemberDisconnected), "ann".to_owned()),
            (RoomEvent::Exited { room: ROOM, status: Status::Kicked }, why.to_owned()),
        ]
    );
}

#[test]
fn merged_messages_come_one_by_one_with_their_senders() {
    let mut scene = Scene::inside();
    let mut merged = Vec::new();
    for (from, payload) in [(Some(MemberId(1)), &b"one"[..]), (Some(ME), b""), (None, b"three")] {
        Inbound { from, ver: 2, cmd: 7, payload }.encode_merged(&mut merged);
    }
    scene.send(Kind::Plain, MERGED, &merged).unwrap();
    let mut single = Vec::new();
    Inbound { from: Some(MemberId(3)), ver: 3, cmd: 8, payload: b"four" }.encode(&mut single);
    scene.send(Kind::Plain, MESSAGE, &single).unwrap();
    let message = |from: u64, ver, cmd, text| {
        let from = (from != 0).then_some(MemberId(from));
        RoomEvent::Message { from, ver, cmd, text }
    };
    assert_eq!(
        scene.heard.take(),
        [
            (message(1, 2, 7, 3), "ann".to_owned(), b"one".to_vec()),
            (message(2, 2, 7, 3), "bob".to_owned(), b"".to_vec()),
            (message(0, 2, 7, 0), String::new(), b"three".to_vec()),
            (message(3, 3, 8, 3), "cid".to_owned(), b"four".to_vec()),
        ]
    );
    assert_eq!(scene.client.counts().messages_received, 4);
}

#[test]
fn keys_come_with_their_values() {
    let mut scene = Scene::inside();
    let mut payload = Vec::new();
    Synced { from: ME, sync: Sync { key: "pos", value: b"1,2" } }.encode(&mut payload);
    scene.send(Kind::Plain, SYNC, &payload).unwrap();
    let by = Some(MemberId(1));
    let changed = |value| RoomNews::PropertyChanged { key: "map".into(), value, by };
    scene.news(&changed(Some(Value::Integer(-2))));
    scene.news(&changed(Some(Value::Text("castle".into()))));
    scene.news(&changed(None));
    let property = |kind| RoomEvent::Property { by, kind, text: 3 };
    assert_eq!(
        scene.heard.take(),
        [
            (RoomEvent::Sync { by: ME, text: 3 }, "pos".to_owned(), b"1,2".to_vec()),
            (property(Some(ValueKind::Integer)), "map".to_owned(), (-2i64).to_be_bytes().to_vec()),
            (property(Some(ValueKind::Text)), "map".to_owned(), b"castle".to_vec()),
            (property(None), "map".to_owned(), Vec::new()),
        ]
    );
}

#[test]
fn every_request_gets_one_result() {
    let mut scene = Scene::inside();
    for request in 1..6 {
        scene.ask(request, Ask::Inside);
    }
    scene.answer(1, &RoomAnswer { value: Some(Value::Float(0.5)), ..RoomAnswer::default() });
    scene.answer(2, &RoomRefusal::NotOwner.into());
    scene.send(Kind::Reply(3, ReplyStatus::Error), REQUEST, b"not even an answer").unwrap();
    scene.answer(1, &RoomAnswer::default());
    let mut heard = Vec::new();
    let mut results = |scene: &mut Scene| {
        for (event, text, data) in scene.heard.take() {
            let RoomEvent::Result { request, status, room: None, kind } = event else { panic!("{event:?}") };
            assert_eq!(text, "");
            heard.push((request, status, kind, data));
        }
    };
    results(&mut scene);
    scene.client.on_timeout(at(5_000), &mut scene.heard);
    scene.answer(4, &RoomAnswer::default());
    results(&mut scene);
    let float = (Some(ValueKind::Float), 0.5f64.to_bits().to_be_bytes().to_vec());
    assert_eq!(
        heard,
        [
            (1, Status::Ok, float.0, float.1),
            (2, Status::NotRoomOwner, None, vec![]),
            (3, Status::RequestFailed, None, vec![]),
            (4, Status::RequestTimedOut, None, vec![]),
            (5, Status::RequestTimedOut, None, vec![]),
        ]
    );
    scene.ask(6, Ask::Leave);
    scene.client.disconnect(&mut scene.heard);
    let abandoned =
        RoomEvent::Result { request: 6, status: Status::RequestAbandoned, room: None, kind: None };
    assert_eq!(scene.heard.texts(), [(abandoned, String::new())]);
}

#[test]
fn a_member_of_a_room_does_not_migrate_alone() {
    let mut scene = Scene::new();
    assert_eq!(scene.client.send_migrate(), Err(Status::NotOffline));
    scene.ask(1, Ask::Join);
    scene.answer(1, &RoomAnswer { room: Some(ROOM), ..RoomAnswer::default() });
    assert_eq!(scene.client.send_migrate(), Err(Status::InRoom), "from when the join is answered");
    scene.news(&entered(&[(2, "bob")], 2));
    assert_eq!(scene.client.send_migrate(), Err(Status::InRoom));
    scene.news(&RoomNews::Exited { reason: ExitReason::Left });
    assert_eq!(scene.client.send_migrate(), Err(Status::NotOffline));

    scene.ask(2, Ask::Join);
    scene.news(&entered(&[(2, "bob")], 2));
    scene.news(&RoomNews::Exited { reason: ExitReason::Closed });
    scene.answer(2, &RoomAnswer { room: Some(ROOM), ..RoomAnswer::default() });
    assert!(!scene.client.in_room(), "an answer that comes after the exit says nothing new");
}

#[test]
fn what_cannot_work_is_refused_and_what_may_have_come_true_is_not() {
    let mut scene = Scene::new();
    let refused =
        |scene: &Scene| [Ask::Join, Ask::Leave, Ask::Inside].map(|ask| scene.client.may_ask(ask).err());
    let not_in_room = Some(Status::NotInRoom);
    assert_eq!(refused(&scene), [None, not_in_room, not_in_room]);
    scene.ask(1, Ask::Join);
    assert_eq!(refused(&scene), [None, None, not_in_room], "the join may be done when the leave arrives");
    scene.answer(1, &RoomAnswer { room: Some(ROOM), ..RoomAnswer::default() });
    assert_eq!(refused(&scene), [Some(Status::AlreadyInRoom), None, None]);
    scene.news(&entered(&[(2, "bob")], 2));
    assert_eq!(refused(&scene), [Some(Status::AlreadyInRoom), None, None]);
    scene.ask(2, Ask::Leave);
    assert_eq!(
        refused(&scene),
        [None, None, None],
        "another room may be joined right after this one is left"
    );
}

#[test]
fn after_a_restart_of_the_room_only_what_differs_is_told() {
    let mut scene = Scene::inside();
    scene.news(&entered(&[(1, "ann"), (2, "bob"), (4, "dan")], 2));
    assert_eq!(
        scene.heard.texts(),
        [
            (left(3, Status::MembershipLost), "cid".to_owned()),
            (RoomEvent::MemberJoined { member: MemberId(4) }, "dan".to_owned()),
            (RoomEvent::OwnerChanged { owner: Some(ME) }, "bob".to_owned()),
            (RoomEvent::Refreshed { room: ROOM }, String::new()),
        ]
    );
    scene.news(&entered(&[(1, "ann"), (2, "bob"), (4, "dan")], 2));
    assert_eq!(scene.heard.texts(), [(RoomEvent::Refreshed { room: ROOM }, String::new())]);
    scene.news(&RoomNews::Exited { reason: ExitReason::Lost });
    let exited = RoomEvent::Exited { room: ROOM, status: Status::MembershipLost };
    assert_eq!(scene.heard.texts(), [(exited, ExitReason::Lost.to_string())]);
    scene.news(&RoomNews::Exited { reason: ExitReason::Lost });
    assert_eq!(scene.heard.texts(), [], "it has been told");
}

#[test]
fn another_room_after_a_crash_ends_the_membership_in_the_one_before() {
    let mut scene = Scene::inside();
    let (room, me) = (CohortId(78), MemberId(1));
    let members = infos(&[(1, "bob")]);
    scene.news(&RoomNews::Entered { room, me, owner: Some(me), members_max: 2, members });
    let heard: Vec<_> = scene.heard.take().into_iter().map(|(event, ..)| event).collect();
    let exited = RoomEvent::Exited { room: ROOM, status: Status::MembershipLost };
    assert_eq!(heard, [exited, RoomEvent::Entered { room, me }]);
}

#[test]
fn the_end_of_the_session_ends_the_membership_without_a_word() {
    let mut scene = Scene::inside();
    scene.client.disconnect(&mut scene.heard);
    assert_eq!(scene.heard.texts(), []);
    assert!(!scene.client.in_room());
}

#[test]
fn a_move_of_the_room_is_told_once_right_after_the_move_itself() {
    let mut scene = Scene::inside();
    let mut told = Told::default();
    let Downlink::MoveTo { id, .. } = move_to(1) else { unreachable!() };
    scene.client.received(scene.link, &control(&move_to(1)), at(11), &mut told).unwrap();
    let target = dialled(&mut scene.client);
    let down = greeted(&mut scene.client, target);
    let attached = control(&Downlink::Attached { id, credit: 1 << 16 });
    scene.client.received(target, &attached, at(12), &mut told).unwrap();
    told.0.clear();
    let moved = switch_at(SwitchCause::Moved, 2, down.0);
    scene.client.received(target, &moved, at(13), &mut told).unwrap();
    let room_migrated = Event::Room(RoomEvent::Migrated { room: ROOM, epoch: Epoch(2) });
    assert!(
        matches!(told.0[..2], [Event::Migrated { epoch: Epoch(2), .. }, second] if second == room_migrated)
    );
    assert_eq!(told.0.iter().filter(|event| **event == room_migrated).count(), 1);
    assert!(scene.client.in_room());
}

/// A `Switch` behind this downlink message.
fn switch_at(cause: SwitchCause, epoch: u64, down: u64) -> Vec<u8> {
    switch_with(cause, epoch, |switch| switch.down = Cursor(down))
}

#[test]
fn what_makes_no_sense_ends_the_link() {
    let fault = |cmd, payload: &[u8]| Scene::inside().send(Kind::Plain, cmd, payload).unwrap_err();
    assert_eq!(fault(9, b""), DecodeError::OutOfRange("cmd").into());
    for cmd in [MESSAGE, MERGED, SYNC, NEWS] {
        assert!(matches!(fault(cmd, b"\xff"), LinkFault::Decode(_)), "cmd {cmd}");
    }
    let mut scene = Scene::inside();
    scene.ask(1, Ask::Inside);
    let reply = |status| Kind::Reply(1, status);
    assert!(scene.send(reply(ReplyStatus::Ok), REQUEST, b"\x01\xff").is_err());
    assert_eq!(scene.send(reply(ReplyStatus::Ok), NEWS, b""), Err(LinkFault::Unexpected("reply")));
    assert_eq!(scene.heard.texts(), []);
    scene.client.on_timeout(at(5_000), &mut scene.heard);
    assert_eq!(scene.heard.take().len(), 1, "what was asked is answered all the same");

    let mut datagram = Vec::new();
    Datagram { epoch: Epoch(1), ver: VER, cmd: MESSAGE, payload: b"" }.encode(&mut datagram);
    let beside = scene.client.datagram(scene.link, &datagram, at(11), &mut scene.heard);
    assert_eq!(beside, Err(LinkFault::Unexpected("room's datagram")));
}

#[test]
fn events_about_rooms_count_as_waiting_until_the_game_takes_them() {
    let mut scene = Scene::inside();
    let mut merged = Vec::new();
    for _ in 0..20 {
        Inbound { from: Some(ME), ver: 2, cmd: 1, payload: &[7; 2000] }.encode_merged(&mut merged);
    }
    let grants = |client: &mut Client, link| {
        let mut out = Vec::new();
        client.fill_control(link, &mut out);
        let (mut rest, mut granted) = (&out[..], false);
        while let Some((body, length)) = split(rest, limits::FRAME_BYTES_MAX).unwrap() {
            granted |= matches!(Uplink::decode(body), Ok(Uplink::Credit { .. }));
            rest = &rest[length..];
        }
        granted
    };
    grants(&mut scene.client, scene.link);
    while merged.len() * scene.heard.0.len() / 20 < limits::CREDIT_BYTES as usize / 4 * 3 {
        scene.send(Kind::Plain, MERGED, &merged).unwrap();
        assert!(!grants(&mut scene.client, scene.link), "what came waits for the game");
    }
    let cost = |(_, text, data): &(_, String, Vec<u8>)| Batch::cost(Batch::parts_len(text.as_bytes(), data));
    scene.client.consumed(scene.heard.0.iter().map(cost).sum());
    assert!(grants(&mut scene.client, scene.link), "now there is room again");
}
