//! What members, and the server application, ask of a room.

use super::wire::{RoomAnswer, RoomRequest};
use super::{Post, Room};
use crate::protocol::ids::MemberId;
use crate::protocol::limits;
use crate::protocol::reasons::{ExitReason, RoomRefusal};

impl Room {
    /// Does what a member asks, or the server application (`None`), which may do everything. Joining, leaving and
    /// moving need more than this room and are [`Invalid`](RoomRefusal::Invalid) here.
    pub fn request(
        &mut self,
        from: Option<MemberId>,
        request: &RoomRequest,
        post: &mut dyn Post,
    ) -> RoomAnswer {
        self.answer(from, request, post).unwrap_or_else(RoomAnswer::from)
    }

    fn answer(
        &mut self,
        from: Option<MemberId>,
        request: &RoomRequest,
        post: &mut dyn Post,
    ) -> Result<RoomAnswer, RoomRefusal> {
        if from.is_some_and(|from| self.members.get(from).is_none()) {
            return Err(RoomRefusal::NotInRoom);
        }
        let done = RoomAnswer::default;
        match request {
            RoomRequest::Get { key } => Ok(RoomAnswer { value: self.get(key).cloned(), ..done() }),
            RoomRequest::Set { key, value } => {
                self.open()?;
                self.change(key, Some(value.clone()), from, post)
            }
            RoomRequest::Delete { key } => {
                self.open()?;
                self.change(key, None, from, post)
            }
            RoomRequest::CompareAndSet { key, expected, value } => {
                self.open()?;
                self.compare_and_set(key, expected.as_ref(), value.clone(), from, post)
            }
            RoomRequest::Increment { key, by } => {
                self.open()?;
                self.increment(key, by, from, post)
            }
            RoomRequest::Reserve { users } => {
                self.open()?;
                self.owned_by(from)?;
                self.reserve(users).map(|()| done())
            }
            RoomRequest::CancelReservation { users } => {
                self.owned_by(from)?;
                for user in users {
                    self.unsaved |= self.reserved.remove(user);
                    self.relist = true;
                }
                Ok(done())
            }
            RoomRequest::Kick { member } => {
                self.owned_by(from)?;
                self.members.get(*member).ok_or(RoomRefusal::NoSuchMember)?;
                self.unsaved |= self.members.leave(*member, ExitReason::Kicked);
                Ok(done())
            }
            RoomRequest::Close => {
                self.owned_by(from)?;
                self.close();
                Ok(done())
            }
            RoomRequest::Create { .. }
            | RoomRequest::Join { .. }
            | RoomRequest::JoinRandom { .. }
            | RoomRequest::Leave
            | RoomRequest::Migrate => Err(RoomRefusal::Invalid),
        }
    }

    /// Nothing begins in a room that closes.
    pub(super) fn open(&self) -> Result<(), RoomRefusal> {
        if self.closing { Err(RoomRefusal::Closed) } else { Ok(()) }
    }

    fn owned_by(&self, from: Option<MemberId>) -> Result<(), RoomRefusal> {
        if from.is_some() && from != self.owner { Err(RoomRefusal::NotOwner) } else { Ok(()) }
    }

    /// All of them get a place, or none.
    fn reserve(&mut self, users: &[String]) -> Result<(), RoomRefusal> {
        if users.iter().any(|user| user.is_empty() || user.len() > limits::ROOM_KEY_BYTES_MAX) {
            return Err(RoomRefusal::Invalid);
        }
        let mut reserved = self.reserved.clone();
        reserved.extend(users.iter().cloned());
        let before = std::mem::replace(&mut self.reserved, reserved);
        if self.places_taken() + self.places_kept() > self.places() {
            self.reserved = before;
            return Err(RoomRefusal::Full);
        }
        self.unsaved = true;
        self.relist = true;
        Ok(())
    }
}
