//! A room as bytes: what leaves with the baton or is stored, and how a room goes on from it.

use super::game::{Game, GameState};
use super::members::{Member, Members};
use super::merge::Merge;
use super::preload::RoomPreload;
use super::properties::Properties;
use super::sync::{Change, Latest, SyncMap};
use super::wire::{RoomOptions, merged};
use super::{Room, RoomSettings};
use crate::protocol::ids::{CohortId, MemberId, SessionId};
use crate::protocol::reasons::ExitReason;
use crate::protocol::time::Time;
use crate::protocol::wire::{DecodeError, Item, Value, fields};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// All of a room that survives a move.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoomState {
    /// Which room.
    pub room: CohortId,
    /// How it was made, without the first properties.
    pub options: RoomOptions,
    /// Everybody in it, in the order of their numbers.
    pub members: Vec<MemberState>,
    /// The number that the next member gets.
    pub next: MemberId,
    /// Who owns it; `None`: it is empty.
    pub owner: Option<MemberId>,
    /// Who has to go and is still a member, in order.
    pub leaving: Vec<(MemberId, ExitReason)>,
    /// Places of those whose joining is being stored.
    pub held: Vec<(SessionId, String)>,
    /// Users who always have a place.
    pub reserved: Vec<String>,
    /// Nobody is let in any more.
    pub closing: bool,
    /// Properties, in the order of the keys; with `ahead` only what has changed since the copy.
    pub properties: Vec<(String, Arc<Value>)>,
    /// Properties that have been deleted since the copy.
    pub removed: Vec<String>,
    /// The synchronised state.
    pub sync: Vec<SyncEntry>,
    /// Those of its keys that members have not heard of.
    pub sync_changes: Vec<SyncChange>,
    /// Broadcasts that wait, as the payload of a merged message.
    pub merged: Vec<u8>,
    /// Members who have got the first so many bytes of it already.
    pub merged_got: Vec<(MemberId, u64)>,
    /// When what waits goes out: what is left, in microseconds.
    pub flush_us: Option<u64>,
    /// What is left of the time to live of a room that is empty, in microseconds.
    pub expires_us: Option<u64>,
    /// What is left of the server application's timer, in microseconds.
    pub timer_us: Option<u64>,
    /// The request to move the room that is not answered: who asked, and the request's number.
    pub migrate: Option<(MemberId, u64)>,
    /// The game.
    pub game: GameState,
    /// Properties and game have been copied ahead of the baton ...
    pub ahead: bool,
    /// ... in so many pieces.
    pub pieces: u64,
}

/// A member as bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemberState {
    /// The member's number.
    pub member: MemberId,
    /// Its session.
    pub session: SessionId,
    /// Its user.
    pub user: String,
    /// It has missed something, so it gets nothing more.
    pub deaf: bool,
}

/// A key of the synchronised state as bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SyncEntry {
    /// Which.
    pub key: String,
    /// Who set it.
    pub from: MemberId,
    /// To what.
    pub value: Vec<u8>,
}

/// A key of the synchronised state that has changed, and members have not heard of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SyncChange {
    /// Which.
    pub key: String,
    /// Who changed it.
    pub from: MemberId,
    /// Members know an earlier value.
    pub known: bool,
}

fields! {
    RoomState {
        room, options, members, next, owner, leaving, held, reserved, closing, properties, removed, sync,
        sync_changes, merged, merged_got, flush_us, expires_us, timer_us, migrate, game, ahead, pieces,
    }
    MemberState { member, session, user, deaf }
    SyncEntry { key, from, value }
    SyncChange { key, from, known }
}

impl Item<'_> for RoomState {}
impl Item<'_> for MemberState {}
impl Item<'_> for SyncEntry {}
impl Item<'_> for SyncChange {}

fn left(at: Option<Time>, now: Time) -> Option<u64> {
    at.map(|at| at.since(now).as_micros() as u64)
}

fn at(left_us: Option<u64>, now: Time) -> Option<Time> {
    left_us.map(|left| now + Duration::from_micros(left))
}

impl Room {
    /// All of it.
    pub fn export(&self, now: Time) -> RoomState {
        RoomState {
            properties: self.properties.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            game: self.game.export(),
            ..self.export_small(now)
        }
    }

    /// All but what may be copied ahead of a move.
    pub(super) fn export_small(&self, now: Time) -> RoomState {
        let member = |member: &Member| MemberState {
            member: member.id,
            session: member.session,
            user: member.user.clone(),
            deaf: member.deaf,
        };
        let sync = self.sync.latest.iter().map(|(key, latest)| SyncEntry {
            key: key.clone(),
            from: latest.from,
            value: latest.value.clone(),
        });
        let changes = self.sync.changed.iter();
        let sync_changes = changes.map(|(key, change)| SyncChange {
            key: key.clone(),
            from: change.from,
            known: change.known,
        });
        RoomState {
            room: self.id,
            options: self.options.clone(),
            members: self.members.iter().map(member).collect(),
            next: self.members.next(),
            owner: self.owner,
            leaving: self.members.leaving().collect(),
            held: self.held.iter().map(|(session, user)| (*session, user.clone())).collect(),
            reserved: self.reserved.iter().cloned().collect(),
            closing: self.closing,
            sync: sync.collect(),
            sync_changes: sync_changes.collect(),
            merged: self.merge.waiting.clone(),
            merged_got: self.merge.got.iter().map(|(id, got)| (*id, *got as u64)).collect(),
            flush_us: left(self.flush_at, now),
            expires_us: left(self.expires_at, now),
            timer_us: left(self.timer, now),
            migrate: self.migrate,
            ..RoomState::default()
        }
    }

    /// Goes on from `state`. Those who have to go are given by [`take_leaving`](Self::take_leaving) again, for
    /// nobody here sees to them. If there is a game it is dormant.
    pub fn restore(state: RoomState, settings: Arc<RoomSettings>, now: Time) -> Result<Self, DecodeError> {
        if state.ahead {
            return Err(DecodeError::Truncated("copy ahead"));
        }
        RoomPreload::default().into_room(state, settings, now)
    }
}

impl RoomState {
    /// Whether a room can go on from this: another node's bytes never reach an assertion.
    pub(super) fn check(&self) -> Result<(), DecodeError> {
        let must = |holds: bool, field| if holds { Ok(()) } else { Err(DecodeError::OutOfRange(field)) };
        let ids: BTreeSet<_> = self.members.iter().map(|member| member.member).collect();
        let (sessions, users) = self.sessions_and_users();
        let places = self.members.len() + self.held.len();
        let leaving: BTreeSet<_> = self.leaving.iter().map(|(id, _)| *id).collect();
        let keys: BTreeSet<_> = self.sync.iter().map(|entry| &entry.key).collect();
        let changes: BTreeSet<_> = self.sync_changes.iter().map(|change| &change.key).collect();
        let kept = self.reserved.iter().filter(|user| !users.contains(user.as_str())).count();

        must(self.options.properties.is_empty(), "options")?;
        must(self.members.is_sorted_by(|a, b| a.member < b.member), "members")?;
        must(!ids.contains(&MemberId::default()) && ids.iter().all(|id| *id < self.next), "members")?;
        must(sessions.len() == places && users.len() == places, "members")?;
        must(places + kept <= self.options.members_max as usize, "members_max")?;
        must(self.owner.is_some() != ids.is_empty(), "owner")?;
        must(self.owner.is_none_or(|owner| ids.contains(&owner)), "owner")?;
        must(leaving.len() == self.leaving.len() && leaving.is_subset(&ids), "leaving")?;
        must(!self.members.iter().any(|member| member.deaf && !leaving.contains(&member.member)), "leaving")?;
        must(keys.len() == self.sync.len() && changes.len() == self.sync_changes.len(), "sync")?;
        must(!self.sync.iter().any(|entry| entry.value.is_empty()), "sync")?;
        must(self.next > MemberId::default(), "next")?;
        must(self.ahead || self.removed.is_empty(), "removed")?;
        for message in merged(&self.merged) {
            message?;
        }
        let length = self.merged.len() as u64;
        must(self.merged_got.iter().all(|(id, got)| ids.contains(id) && *got <= length), "merged")?;
        let waits = !self.merged.is_empty() || !self.sync_changes.is_empty();
        must(self.flush_us.is_some() == waits, "flush")
    }

    fn sessions_and_users(&self) -> (BTreeSet<SessionId>, BTreeSet<&str>) {
        let members = self.members.iter().map(|member| (member.session, member.user.as_str()));
        members.chain(self.held.iter().map(|(session, user)| (*session, user.as_str()))).unzip()
    }

    /// The room, after [`check`](Self::check).
    pub(super) fn into_room(
        self,
        properties: Properties,
        game: Game,
        settings: Arc<RoomSettings>,
        now: Time,
    ) -> Room {
        let mut members = Members::numbered_from(self.next);
        for member in self.members {
            members.put(member.member, member.session, member.user, member.deaf);
        }
        for (id, reason) in self.leaving {
            members.leave(id, reason);
        }
        let mut sync = SyncMap::default();
        for SyncEntry { key, from, value } in self.sync {
            sync.put(&key, Some(Latest { from, value }));
        }
        let changes = self.sync_changes.into_iter();
        sync.changed = changes.map(|SyncChange { key, from, known }| (key, Change { from, known })).collect();
        let got = self.merged_got.into_iter().map(|(id, got)| (id, got as usize)).collect();
        Room {
            id: self.room,
            options: self.options,
            settings,
            members,
            owner: self.owner,
            held: self.held.into_iter().collect(),
            reserved: self.reserved.into_iter().collect(),
            properties,
            sync,
            merge: Merge { waiting: self.merged, got },
            flush_at: at(self.flush_us, now),
            expires_at: at(self.expires_us, now),
            closing: self.closing,
            timer: at(self.timer_us, now),
            migrate: self.migrate,
            game,
            copying: None,
            // It is to be stored here, too, before anything goes on from it.
            unsaved: true,
            relist: true,
            wants_move: false,
        }
    }
}
