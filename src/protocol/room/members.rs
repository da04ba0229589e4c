//! Who is in a room: places, joining in two steps, leaving in two steps, and who owns it.

use super::wire::{MemberInfo, NEWS, RoomNews, SYNC};
use super::{Post, Room, message};
use crate::protocol::aside::Aside;
use crate::protocol::ids::{MemberId, SessionId};
use crate::protocol::reasons::{ExitReason, RoomRefusal};
use crate::protocol::time::Time;
use crate::protocol::wire::Message;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Member {
    pub(super) id: MemberId,
    pub(super) session: SessionId,
    pub(super) user: String,
    /// It has missed something, so it gets nothing more.
    pub(super) deaf: bool,
    /// It is in one of the lists of those who have to go.
    leaving: bool,
}

/// All members, in the order of their numbers, and those of them who have to go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Members {
    list: Vec<Member>,
    by_session: BTreeMap<SessionId, MemberId>,
    next: MemberId,
    /// They have to go, and the caller does not know yet.
    leaving: VecDeque<(MemberId, ExitReason)>,
    /// They have to go, and the caller sees to it.
    taken: BTreeMap<MemberId, ExitReason>,
    /// Somebody has been told something.
    pub(super) told: Aside<bool>,
}

impl Default for Members {
    fn default() -> Self {
        Self::numbered_from(MemberId(1))
    }
}

impl Members {
    /// Nobody; the first one to come gets this number.
    pub(super) fn numbered_from(next: MemberId) -> Self {
        let (list, by_session) = (Vec::new(), BTreeMap::new());
        Self { list, by_session, next, leaving: VecDeque::new(), taken: BTreeMap::new(), told: Aside(false) }
    }

    pub(super) fn next(&self) -> MemberId {
        self.next
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Member> {
        self.list.iter()
    }

    pub(super) fn ids(&self) -> Vec<MemberId> {
        self.list.iter().map(|member| member.id).collect()
    }

    fn place(&self, id: MemberId) -> Option<usize> {
        self.list.binary_search_by_key(&id, |member| member.id).ok()
    }

    pub(super) fn get(&self, id: MemberId) -> Option<&Member> {
        self.place(id).map(|place| &self.list[place])
    }

    pub(super) fn of_session(&self, session: SessionId) -> Option<MemberId> {
        self.by_session.get(&session).copied()
    }

    /// Appends a member with the next number.
    fn add(&mut self, session: SessionId, user: String) -> MemberId {
        let id = self.next;
        self.next = id.next();
        self.put(id, session, user, false);
        id
    }

    /// Appends a member whose number is above all others.
    pub(super) fn put(&mut self, id: MemberId, session: SessionId, user: String, deaf: bool) {
        self.by_session.insert(session, id);
        self.list.push(Member { id, session, user, deaf, leaving: false });
    }

    fn remove(&mut self, id: MemberId) {
        let Some(place) = self.place(id) else { return };
        let member = self.list.remove(place);
        self.by_session.remove(&member.session);
        if member.leaving && self.taken.remove(&id).is_none() {
            self.leaving.retain(|(leaving, _)| *leaving != id);
        }
    }

    /// Whether the member was not leaving already.
    pub(super) fn leave(&mut self, id: MemberId, reason: ExitReason) -> bool {
        let Some(place) = self.place(id) else { return false };
        let first = !std::mem::replace(&mut self.list[place].leaving, true);
        if first {
            self.leaving.push_back((id, reason));
        }
        first
    }

    pub(super) fn all_leave(&mut self) {
        for member in self.list.iter_mut().filter(|member| !member.leaving) {
            member.leaving = true;
            self.leaving.push_back((member.id, ExitReason::Closed));
        }
    }

    /// Those who have to go, in order, first those that the caller sees to.
    pub(super) fn leaving(&self) -> impl Iterator<Item = (MemberId, ExitReason)> {
        let taken = self.taken.iter().map(|(id, reason)| (*id, *reason));
        taken.chain(self.leaving.iter().copied())
    }

    fn deafen(&mut self, id: MemberId) {
        if let Some(place) = self.place(id) {
            self.list[place].deaf = true;
        }
    }

    /// The one who has been here longest, of those who stay, if any does.
    fn eldest(&self) -> Option<MemberId> {
        let stays = self.list.iter().find(|member| !member.leaving);
        stays.or(self.list.first()).map(|member| member.id)
    }

    /// Sends this to everybody but one. Says whether somebody could not take it.
    pub(super) fn tell(&mut self, message: &Message<'_>, but: Option<MemberId>, post: &mut dyn Post) -> bool {
        self.told.0 = true;
        let Self { list, leaving, .. } = self;
        let hearers = list.iter_mut().filter(|member| Some(member.id) != but);
        hearers.fold(false, |missed, member| member.hear(message, leaving, post) | missed)
    }

    /// The same to one. A number that nobody has is nobody.
    pub(super) fn tell_one(&mut self, id: MemberId, message: &Message<'_>, post: &mut dyn Post) -> bool {
        let Some(place) = self.place(id) else { return false };
        self.told.0 = true;
        self.list[place].hear(message, &mut self.leaving, post)
    }
}

impl Member {
    fn hear(
        &mut self,
        message: &Message<'_>,
        leaving: &mut VecDeque<(MemberId, ExitReason)>,
        post: &mut dyn Post,
    ) -> bool {
        if self.deaf || post.post(self.session, message).is_ok() {
            return false;
        }
        self.deaf = true;
        if !std::mem::replace(&mut self.leaving, true) {
            leaving.push_back((self.id, ExitReason::TooSlow));
        }
        true
    }

    fn info(&self) -> MemberInfo {
        MemberInfo { member: self.id, user: self.user.clone() }
    }
}

impl Room {
    /// Holds a place for somebody who is about to join: a store is written before [`enter`](Self::enter).
    pub fn admit(&mut self, session: SessionId, user: &str) -> Result<(), RoomRefusal> {
        if self.closing {
            return Err(RoomRefusal::Closed);
        }
        if self.knows(session, user) {
            return Err(RoomRefusal::AlreadyInRoom);
        }
        if !self.reserved.contains(user) {
            if self.places_taken() >= self.places() {
                return Err(RoomRefusal::Full);
            }
            if self.free_places() == 0 {
                return Err(RoomRefusal::NoReservation);
            }
        }
        self.held.insert(session, user.to_owned());
        self.unsaved = true;
        Ok(())
    }

    /// The one that a place is held for does not come.
    pub fn give_up(&mut self, session: SessionId) {
        if self.held.remove(&session).is_some() {
            self.unsaved = true;
            self.close_if_deserted();
        }
    }

    /// Those for whom a place is held.
    pub fn held(&self) -> impl Iterator<Item = (SessionId, &str)> {
        self.held.iter().map(|(session, user)| (*session, user.as_str()))
    }

    /// The one that a place is held for has joined.
    ///
    /// # Panics
    ///
    /// If no place is held: [`admit`](Self::admit) comes first.
    pub fn enter(&mut self, session: SessionId, post: &mut dyn Post) -> MemberId {
        let user = self.held.remove(&session);
        let user = user.unwrap_or_else(|| panic!("{}: no place is held for session {session}", self.id));
        self.flush(post); // what was said before is not for the one who comes
        let me = self.members.add(session, user);
        self.expires_at = None;
        self.unsaved = true;
        let elects = self.owner.is_none();
        self.owner = self.owner.or(Some(me));
        self.tell_entered(me, post);
        if let Some(member) = self.members.get(me).map(Member::info) {
            self.tell_news(&RoomNews::Joined { member }, Some(me), post);
        }
        if elects {
            self.tell_news(&RoomNews::OwnerChanged { owner: self.owner }, Some(me), post);
        }
        if self.closing {
            self.members.leave(me, ExitReason::Closed); // it was closed while the place was held
        }
        me
    }

    /// The room as it is, for the one who has just joined.
    pub(super) fn tell_entered(&mut self, me: MemberId, post: &mut dyn Post) {
        let members = self.members.iter().map(Member::info).collect();
        let (room, owner, members_max) = (self.id, self.owner, self.options.members_max);
        let mut payload = Vec::new();
        RoomNews::Entered { room, me, owner, members_max, members }.encode(&mut payload);
        self.members.tell_one(me, &message(NEWS, &payload), post);
        for synced in self.sync.all() {
            payload.clear();
            synced.encode(&mut payload);
            self.members.tell_one(me, &message(SYNC, &payload), post);
        }
    }

    /// Somebody is gone, and is told so unless nobody is there to be told. Whoever leaves a room that closes is not
    /// news for the others: they go, too.
    pub fn exit(&mut self, session: SessionId, reason: ExitReason, post: &mut dyn Post, now: Time) {
        let Some(id) = self.members.of_session(session) else { return };
        if reason == ExitReason::Disconnected {
            self.members.deafen(id);
        }
        self.flush(post);
        if reason != ExitReason::Disconnected {
            let mut payload = Vec::new();
            RoomNews::Exited { reason }.encode(&mut payload);
            self.members.told.0 = true;
            post.post_last(session, &message(NEWS, &payload));
        }
        self.remove(id, reason, post, now);
    }

    /// Somebody turned out to be elsewhere, for example after a crash: only the others are told.
    pub fn drop_member(&mut self, session: SessionId, post: &mut dyn Post, now: Time) {
        let Some(id) = self.members.of_session(session) else { return };
        self.members.deafen(id);
        self.flush(post);
        self.remove(id, ExitReason::Lost, post, now);
    }

    fn remove(&mut self, id: MemberId, reason: ExitReason, post: &mut dyn Post, now: Time) {
        self.members.remove(id);
        self.unsaved = true;
        self.migrate = self.migrate.filter(|(asked_by, _)| *asked_by != id);
        let is_news = reason != ExitReason::Closed;
        if is_news {
            self.tell_news(&RoomNews::Left { member: id, reason }, None, post);
        }
        if self.owner == Some(id) {
            self.owner = self.members.eldest();
            if is_news {
                self.tell_news(&RoomNews::OwnerChanged { owner: self.owner }, None, post);
            }
        }
        if self.is_empty() && !self.closing {
            self.begin_time_to_live(now);
            self.close_if_deserted();
        }
    }

    /// Who has to go and why: kicked, too slow, or everybody of a room that closes. Each is given once, in order.
    /// The caller sees to the store and then calls [`exit`](Self::exit); until then they stay members.
    pub fn take_leaving(&mut self) -> Option<(SessionId, ExitReason)> {
        let (id, reason) = self.members.leaving.pop_front()?;
        self.members.taken.insert(id, reason);
        self.session_of(id).map(|session| (session, reason))
    }

    /// A room that nobody is in or comes to, and that must not be empty, closes.
    fn close_if_deserted(&mut self) {
        if self.is_empty() && self.held.is_empty() && !self.options.allow_empty {
            self.close();
        }
    }

    fn knows(&self, session: SessionId, user: &str) -> bool {
        self.members.of_session(session).is_some() || self.held.contains_key(&session) || self.is_here(user)
    }

    /// Whether the user is a member, or has a place held.
    fn is_here(&self, user: &str) -> bool {
        self.members.iter().any(|member| member.user == user) || self.held.values().any(|held| held == user)
    }

    pub(super) fn places(&self) -> usize {
        self.options.members_max as usize
    }

    /// Places of members, and of those who are about to be.
    pub(super) fn places_taken(&self) -> usize {
        self.members.len() + self.held.len()
    }

    /// Places kept for users who are not here.
    pub(super) fn places_kept(&self) -> usize {
        if self.reserved.is_empty() {
            return 0;
        }
        let members = self.members.iter().map(|member| &member.user);
        let here: BTreeSet<_> = members.chain(self.held.values()).collect();
        self.reserved.iter().filter(|user| !here.contains(user)).count()
    }

    /// Places for users without a reservation.
    pub(super) fn free_places(&self) -> usize {
        self.places().saturating_sub(self.places_taken() + self.places_kept())
    }
}
