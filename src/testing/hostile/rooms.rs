//! Rooms in the mouth of a hostile node, and what a game may rely on all the same.

use super::script::Script;
use crate::client::event::Event;
use crate::client::room::RoomEvent;
use crate::protocol::ids::{CohortId, MemberId};
use crate::protocol::reasons::{ExitReason, ReplyStatus, RoomRefusal};
use crate::protocol::room::wire::{
    Inbound, MERGED, MESSAGE, MemberInfo, NEWS, REQUEST, RoomAnswer, RoomNews, SYNC, Sync, Synced, VER,
};
use crate::protocol::wire::{Kind, Message, Value};
use std::collections::BTreeSet;

fn member(script: &mut Script<'_>) -> MemberId {
    MemberId(script.below(6) as u64)
}

fn info(script: &mut Script<'_>) -> MemberInfo {
    MemberInfo { member: member(script), user: "user".into() }
}

fn news(script: &mut Script<'_>) -> RoomNews {
    let owner = script.flag().then(|| member(script));
    match script.below(8) {
        0..=2 => RoomNews::Entered {
            room: CohortId(script.below(2) as u64),
            me: MemberId(1 + script.below(2) as u64),
            owner,
            members_max: 8,
            members: (0..script.below(5)).map(|_| info(script)).collect(),
        },
        3 => RoomNews::Joined { member: info(script) },
        4 => RoomNews::Left { member: member(script), reason: script.of(ExitReason::ALL) },
        5 => RoomNews::Exited { reason: script.of(ExitReason::ALL) },
        6 => RoomNews::OwnerChanged { owner },
        _ => {
            let value = script.flag().then(|| Value::Bytes(script.bytes().to_vec()));
            RoomNews::PropertyChanged { key: "key".into(), value, by: owner }
        }
    }
}

/// A message about rooms as a frame of the data lane: mostly sound, sometimes any bytes.
pub(super) fn message(script: &mut Script<'_>, requests: u64) -> Vec<u8> {
    let mut payload = Vec::new();
    let inbound = Inbound { from: Some(MemberId(1)), ver: 2, cmd: 1, payload: b"said" };
    let mut kind = Kind::Plain;
    let cmd = match script.below(8) {
        0..=2 => {
            news(script).encode(&mut payload);
            NEWS
        }
        3 => {
            inbound.encode(&mut payload);
            MESSAGE
        }
        4 => {
            (0..script.below(9)).for_each(|_| inbound.encode_merged(&mut payload));
            MERGED
        }
        5 => {
            Synced { from: member(script), sync: Sync { key: "key", value: script.bytes() } }
                .encode(&mut payload);
            SYNC
        }
        6 => {
            let refusal = script.flag().then(|| script.of(RoomRefusal::ALL));
            let room = script.flag().then(|| CohortId(script.below(2) as u64));
            payload =
                RoomAnswer { refusal, room, value: script.flag().then_some(Value::Integer(1)) }.encode();
            // One of the last requests, perhaps of the application, perhaps answered already.
            kind = Kind::Reply(requests.saturating_sub(script.below(4) as u64), script.of(ReplyStatus::ALL));
            REQUEST
        }
        _ => {
            payload.extend_from_slice(script.bytes());
            script.below(7) as u16
        }
    };
    let mut frame = Vec::new();
    Message { kind, ver: VER, cmd, payload: &payload }.encode(&mut frame);
    frame
}

/// A game that believes what it is told, and finds it consistent whatever nodes say.
#[derive(Default)]
pub(super) struct Believer {
    inside: Option<(CohortId, BTreeSet<MemberId>)>,
    answered: BTreeSet<u64>,
}

impl Believer {
    /// The game hears of an event; `entered_with` tells who is in the room.
    pub(super) fn hear(&mut self, event: Event, entered_with: impl FnOnce() -> BTreeSet<MemberId>) {
        match event {
            Event::Disconnected { .. } => self.inside = None,
            Event::Response { request, .. } => self.answer(request),
            Event::Room(RoomEvent::Result { request, .. }) => self.answer(request),
            Event::Room(RoomEvent::Entered { room, .. }) => {
                assert!(self.inside.is_none(), "entered {room}, and has not exited the room before");
                self.inside = Some((room, entered_with()));
            }
            Event::Room(RoomEvent::Exited { room, .. }) => {
                // Of a room that was joined and never entered it may be the only word.
                let left = self.inside.take();
                assert!(left.is_none_or(|(inside, _)| inside == room), "exited {room}, which is another");
            }
            Event::Room(RoomEvent::MemberJoined { member }) => {
                assert!(self.members().insert(member), "{member} has joined twice");
            }
            Event::Room(RoomEvent::MemberLeft { member, .. }) => {
                assert!(self.members().remove(&member), "{member} has left, and was not there");
            }
            Event::Room(RoomEvent::OwnerChanged { .. } | RoomEvent::Refreshed { .. }) => drop(self.members()),
            Event::Room(RoomEvent::Migrated { room, .. }) => {
                assert_eq!(
                    self.inside.as_ref().map(|(inside, _)| *inside),
                    Some(room),
                    "another room has moved"
                );
            }
            Event::Room(RoomEvent::Message { .. } | RoomEvent::Property { .. } | RoomEvent::Sync { .. })
            | Event::Connected { .. }
            | Event::ConnectFailed { .. }
            | Event::Reconnecting { .. }
            | Event::Reconnected { .. }
            | Event::Offline { .. }
            | Event::Migrating { .. }
            | Event::Migrated { .. }
            | Event::MigrateFailed { .. }
            | Event::TookOver { .. }
            | Event::Push { .. }
            | Event::Log { .. } => {}
        }
    }

    /// `connect` was called: what was before is forgotten without a word.
    pub(super) fn forget(&mut self) {
        self.inside = None;
    }

    fn members(&mut self) -> &mut BTreeSet<MemberId> {
        &mut self.inside.as_mut().expect("news about a room come while in one").1
    }

    fn answer(&mut self, request: u64) {
        assert!(self.answered.insert(request), "request {request} is answered twice");
    }
}

/// Who is in the room, by the bytes of [`RoomEvent::Entered`].
pub(super) fn entered_with(bytes: &[u8]) -> BTreeSet<MemberId> {
    match RoomNews::decode(bytes) {
        Ok(RoomNews::Entered { members, .. }) => members.into_iter().map(|info| info.member).collect(),
        other => panic!("an event that says who is in the room holds {other:?}"),
    }
}
