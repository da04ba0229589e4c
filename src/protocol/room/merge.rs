//! Messages to members, in the order that the head of [`room`](super) promises: broadcasts wait for the end of
//! their interval, and nothing passes them.

use super::wire::{Inbound, MERGED, MESSAGE, Outbound, Scope};
use super::{Post, Room, message};
use crate::protocol::ids::MemberId;
use crate::protocol::time::Time;
use std::collections::BTreeMap;

/// Broadcasts that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Merge {
    /// As the payload of a [`MERGED`].
    pub(super) waiting: Vec<u8>,
    /// Members who have got the first so many bytes of it already, ahead of a message for them alone.
    pub(super) got: BTreeMap<MemberId, usize>,
}

impl Merge {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl Room {
    /// A member or, with `None`, the server application has something to say.
    pub fn message(
        &mut self,
        from: Option<MemberId>,
        outbound: &Outbound<'_>,
        post: &mut dyn Post,
        now: Time,
    ) {
        if from.is_some_and(|from| self.members.get(from).is_none()) {
            return;
        }
        let Outbound { scope, ver, cmd, payload } = outbound;
        let inbound = Inbound { from, ver: *ver, cmd: *cmd, payload };
        match scope {
            Scope::All if self.options.interval_ms > 0 => self.merge(&inbound, post, now),
            Scope::All => self.send_now(&inbound, None, post),
            Scope::Others => self.send_now(&inbound, from, post),
            Scope::Members(members) => self.send_to(members, &inbound, post),
        }
    }

    fn merge(&mut self, inbound: &Inbound<'_>, post: &mut dyn Post, now: Time) {
        let limit = self.settings.merged_bytes_max as usize;
        let begin = self.merge.waiting.len();
        inbound.encode_merged(&mut self.merge.waiting);
        if self.merge.waiting.len() > limit {
            let last = self.merge.waiting.split_off(begin);
            self.flush_messages(post);
            if last.len() > limit {
                return self.send_now(inbound, None, post); // too large to share a message with others
            }
            self.merge.waiting = last;
        }
        self.flush_later(now);
    }

    /// To everybody but one, behind all that waits.
    fn send_now(&mut self, inbound: &Inbound<'_>, but: Option<MemberId>, post: &mut dyn Post) {
        self.flush_messages(post);
        let mut payload = Vec::new();
        inbound.encode(&mut payload);
        self.tell(MESSAGE, &payload, but, post);
    }

    /// To these, once each, behind all that waits for them; for the others it goes on waiting.
    fn send_to(&mut self, members: &[MemberId], inbound: &Inbound<'_>, post: &mut dyn Post) {
        let mut members = members.to_vec();
        members.sort_unstable();
        members.dedup();
        members.retain(|member| self.members.get(*member).is_some());
        let mut payload = Vec::new();
        inbound.encode(&mut payload);
        for member in members {
            self.catch_up(member, post);
            self.unsaved |= self.members.tell_one(member, &message(MESSAGE, &payload), post);
        }
    }

    /// One member gets what waits for it, ahead of the others.
    fn catch_up(&mut self, member: MemberId, post: &mut dyn Post) {
        let Merge { waiting, got } = &mut self.merge;
        let from = got.get(&member).copied().unwrap_or(0);
        if from < waiting.len() {
            got.insert(member, waiting.len());
            self.unsaved = true;
            self.members.tell_one(member, &message(MERGED, &waiting[from..]), post);
        }
    }

    /// Sends the broadcasts that wait.
    pub(super) fn flush_messages(&mut self, post: &mut dyn Post) {
        let Merge { waiting, got } = std::mem::take(&mut self.merge);
        if waiting.is_empty() {
            return;
        }
        if got.is_empty() {
            self.members.tell(&message(MERGED, &waiting), None, post);
        } else {
            for id in self.members.ids() {
                let rest = &waiting[got.get(&id).copied().unwrap_or(0)..];
                if !rest.is_empty() {
                    self.members.tell_one(id, &message(MERGED, rest), post);
                }
            }
        }
        self.flushed();
    }
}
