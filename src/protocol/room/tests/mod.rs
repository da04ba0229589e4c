//! Scenes of one room, and the laws that hold in all of them.

mod laws;
mod listing;
mod members;
mod messages;
mod moves;
mod properties;
mod sync;

use super::wire::{
    Inbound, MERGED, MESSAGE, NEWS, Outbound, RoomAnswer, RoomNews, RoomOptions, RoomRequest, SYNC, Scope,
    Sync, Synced, merged, only_frame,
};
use super::{Post, Room, RoomSettings};
use crate::protocol::ids::{CohortId, MemberId, SessionId};
use crate::protocol::reasons::{ExitReason, RoomRefusal};
use crate::protocol::sequence::Full;
use crate::protocol::time::Time;
use crate::protocol::wire::{Message, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Something that a member has heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A message, at once.
    Said(u64, String),
    /// Broadcasts of one interval.
    Merged(Vec<(u64, String)>),
    /// A key of the synchronised state.
    Synced(u64, String, Vec<u8>),
    /// News.
    News(RoomNews),
}

/// Who sent it (0: the server application), and what.
fn said(inbound: Inbound<'_>) -> (u64, String) {
    let text = std::str::from_utf8(inbound.payload).expect("tests send text");
    (inbound.from.unwrap_or_default().0, text.to_owned())
}

/// Everybody's sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct Mail {
    got: BTreeMap<SessionId, Vec<Heard>>,
    /// Sessions whose buffer is full.
    full: BTreeSet<SessionId>,
    /// It does not look at what it takes.
    blind: bool,
    /// How many messages were posted.
    posted: usize,
    /// The largest of them.
    largest: usize,
}

impl Mail {
    fn take(&mut self, to: SessionId, message: &Message<'_>) {
        if self.blind {
            return;
        }
        let heard = match message.cmd {
            MESSAGE => {
                let (from, text) = said(Inbound::decode(message.payload).unwrap());
                Heard::Said(from, text)
            }
            MERGED => Heard::Merged(merged(message.payload).map(|inbound| said(inbound.unwrap())).collect()),
            SYNC => {
                let Synced { from, sync } = Synced::decode(message.payload).unwrap();
                Heard::Synced(from.0, sync.key.into(), sync.value.to_vec())
            }
            NEWS => Heard::News(RoomNews::decode(only_frame(message.payload).unwrap()).unwrap()),
            other => panic!("a room does not send {other}"),
        };
        self.posted += 1;
        self.largest = self.largest.max(message.payload.len());
        self.got.entry(to).or_default().push(heard);
    }

    /// What this session has heard since it was last asked.
    fn heard(&mut self, session: u64) -> Vec<Heard> {
        self.got.remove(&SessionId(session)).unwrap_or_default()
    }

    /// Only the texts of it, in order, whoever sent them and however they came.
    fn texts(&mut self, session: u64) -> Vec<String> {
        let heard = self.heard(session).into_iter();
        let texts = heard.flat_map(|heard| match heard {
            Heard::Said(_, text) => vec![text],
            Heard::Merged(all) => all.into_iter().map(|(_, text)| text).collect(),
            Heard::Synced(..) | Heard::News(_) => Vec::new(),
        });
        texts.collect()
    }

    fn news(&mut self, session: u64) -> Vec<RoomNews> {
        let heard = self.heard(session).into_iter();
        heard.filter_map(|heard| if let Heard::News(news) = heard { Some(news) } else { None }).collect()
    }
}

impl Post for Mail {
    fn post(&mut self, to: SessionId, message: &Message<'_>) -> Result<(), Full> {
        if self.full.contains(&to) {
            return Err(Full);
        }
        self.take(to, message);
        Ok(())
    }
    fn post_last(&mut self, to: SessionId, message: &Message<'_>) {
        self.take(to, message);
    }
}

/// A room with its members' sessions.
#[derive(Clone, Debug)]
pub(super) struct Table {
    room: Room,
    mail: Mail,
    now: Time,
}

pub(super) fn ms(millis: u64) -> Time {
    Time::from_micros(millis * 1000)
}

pub(super) fn options() -> RoomOptions {
    RoomOptions { members_max: 4, ..RoomOptions::default() }
}

pub(super) fn make(options: RoomOptions) -> Result<Room, RoomRefusal> {
    Room::new(CohortId(9), options, Arc::new(RoomSettings::default()), ms(0))
}

impl Table {
    /// An empty room.
    fn new(options: RoomOptions) -> Self {
        Self { room: make(options).unwrap(), mail: Mail::default(), now: ms(0) }
    }

    /// A room with so many members: member and session 1 is `user-1`, and so on. What they have heard is forgotten.
    fn of(members: u64, options: RoomOptions) -> Self {
        let mut table = Self::new(options);
        for session in 1..=members {
            table.join(session).unwrap();
        }
        table.mail.got.clear();
        table
    }

    fn join(&mut self, session: u64) -> Result<MemberId, RoomRefusal> {
        self.room.admit(SessionId(session), &format!("user-{session}"))?;
        Ok(self.room.enter(SessionId(session), &mut self.mail))
    }

    fn exit(&mut self, session: u64, reason: ExitReason) {
        self.room.exit(SessionId(session), reason, &mut self.mail, self.now);
    }

    fn leaving(&mut self) -> Vec<(u64, ExitReason)> {
        let room = &mut self.room;
        std::iter::from_fn(|| room.take_leaving()).map(|(session, reason)| (session.0, reason)).collect()
    }

    fn say(&mut self, from: u64, scope: Scope, text: &str) {
        let outbound = Outbound { scope, ver: 2, cmd: 1, payload: text.as_bytes() };
        let from = (from > 0).then_some(MemberId(from));
        self.room.message(from, &outbound, &mut self.mail, self.now);
    }

    fn sync(&mut self, from: u64, key: &str, value: &[u8]) -> Result<(), RoomRefusal> {
        self.room.sync(MemberId(from), Sync { key, value }, &mut self.mail, self.now)
    }

    /// A member asks, or the server application (0).
    fn ask(&mut self, from: u64, request: RoomRequest) -> RoomAnswer {
        self.room.request((from > 0).then_some(MemberId(from)), &request, &mut self.mail)
    }

    /// The same; only whether it was refused.
    fn refusal(&mut self, from: u64, request: RoomRequest) -> Option<RoomRefusal> {
        self.ask(from, request).refusal
    }

    fn set(&mut self, key: &str, value: impl Into<Value>) {
        let request = RoomRequest::Set { key: key.into(), value: value.into() };
        assert_eq!(self.refusal(0, request), None);
    }

    fn at(&mut self, millis: u64) {
        self.now = ms(millis);
        self.room.on_timeout(&mut self.mail, self.now);
        assert!(self.room.poll_timeout().is_none_or(|at| at > self.now), "a due timer is seen twice");
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}
