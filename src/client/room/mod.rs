//! The room as the game sees it: as of the events that it has been given, which may be behind what the network
//! thread knows.

mod ask;
mod event;

pub use ask::Audience;
pub use event::{RoomEvent, ValueKind, with_bytes};

use crate::client::event::Event;
use crate::protocol::ids::{CohortId, MemberId};
use crate::protocol::room::wire::{MemberInfo, RoomNews};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};

/// A room and who is in it. Follows the events that are [`applied`](Self::apply) to it.
#[derive(Debug, Default)]
pub struct View {
    inside: Option<Inside>,
    /// Names of members who are gone: the game may hold them until its next update.
    gone: Vec<CString>,
}

#[derive(Debug)]
struct Inside {
    room: CohortId,
    me: MemberId,
    owner: Option<MemberId>,
    members_max: u32,
    members: BTreeMap<MemberId, CString>,
}

/// A name for C, which ends at its first NUL.
fn c_name(user: &[u8]) -> CString {
    let user = user.split(|byte| *byte == 0).next().unwrap_or_default();
    CString::new(user).unwrap_or_default()
}

impl View {
    /// The room, if the client is in one.
    pub fn room(&self) -> Option<CohortId> {
        self.inside.as_ref().map(|inside| inside.room)
    }

    /// The client's own number in it.
    pub fn me(&self) -> Option<MemberId> {
        self.inside.as_ref().map(|inside| inside.me)
    }

    /// Who owns it.
    pub fn owner(&self) -> Option<MemberId> {
        self.inside.as_ref().and_then(|inside| inside.owner)
    }

    /// How many members it takes.
    pub fn members_max(&self) -> u32 {
        self.inside.as_ref().map_or(0, |inside| inside.members_max)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.inside.as_ref().map_or(0, |inside| inside.members.len())
    }

    /// Everybody in it, in the order of their numbers. The names stay where they are until
    /// [`let_go`](Self::let_go).
    pub fn members(&self) -> impl Iterator<Item = (MemberId, &CStr)> {
        let members = self.inside.iter().flat_map(|inside| &inside.members);
        members.map(|(member, name)| (*member, name.as_c_str()))
    }

    /// The game holds no names of members who are gone any more.
    pub fn let_go(&mut self) {
        self.gone.clear();
    }

    /// Whether an event changes what is known here.
    pub const fn concerns(event: Event) -> bool {
        matches!(
            event,
            Event::Disconnected { .. }
                | Event::Room(
                    RoomEvent::Entered { .. }
                        | RoomEvent::Exited { .. }
                        | RoomEvent::MemberJoined { .. }
                        | RoomEvent::MemberLeft { .. }
                        | RoomEvent::OwnerChanged { .. }
                )
        )
    }

    /// The game is given this event.
    pub fn apply(&mut self, event: Event, bytes: &[u8]) {
        let Event::Room(event) = event else {
            if let Event::Disconnected { .. } = event {
                self.leave();
            }
            return;
        };
        match event {
            RoomEvent::Entered { .. } => {
                self.leave();
                self.inside = Inside::read(bytes);
            }
            RoomEvent::Exited { .. } => self.leave(),
            RoomEvent::MemberJoined { member } => {
                if let Some(inside) = &mut self.inside
                    && let Some(name) = inside.members.insert(member, c_name(bytes))
                {
                    self.gone.push(name);
                }
            }
            RoomEvent::MemberLeft { member, .. } => {
                let name = self.inside.as_mut().and_then(|inside| inside.members.remove(&member));
                self.gone.extend(name);
            }
            RoomEvent::OwnerChanged { owner } => {
                if let Some(inside) = &mut self.inside {
                    inside.owner = owner;
                }
            }
            RoomEvent::Message { .. }
            | RoomEvent::Property { .. }
            | RoomEvent::Sync { .. }
            | RoomEvent::Result { .. }
            | RoomEvent::Migrated { .. }
            | RoomEvent::Refreshed { .. } => {}
        }
    }

    fn leave(&mut self) {
        if let Some(inside) = self.inside.take() {
            self.gone.extend(inside.members.into_values());
        }
    }
}

impl Inside {
    /// From the bytes of [`RoomEvent::Entered`].
    fn read(bytes: &[u8]) -> Option<Self> {
        let Ok(RoomNews::Entered { room, me, owner, members_max, members }) = RoomNews::decode(bytes) else {
            return None;
        };
        let members = members.into_iter();
        let members = members.map(|MemberInfo { member, user }| (member, c_name(user.as_bytes()))).collect();
        Some(Self { room, me, owner, members_max, members })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::status::Status;
    use crate::protocol::wire::Value;

    const ROOM: CohortId = CohortId(77);

    /// The bytes of an event that says who is in the room.
    fn entered(users: &[(u64, &str)]) -> Vec<u8> {
        let members = users.iter();
        let members =
            members.map(|(member, user)| MemberInfo { member: MemberId(*member), user: (*user).into() });
        let news = RoomNews::Entered {
            room: ROOM,
            me: MemberId(2),
            owner: Some(MemberId(1)),
            members_max: 8,
            members: members.collect(),
        };
        let mut frame = Vec::new();
        news.encode(&mut frame);
        crate::protocol::room::wire::only_frame(&frame).unwrap().to_vec()
    }

    fn inside() -> View {
        let mut view = View::default();
        let event = Event::Room(RoomEvent::Entered { room: ROOM, me: MemberId(2) });
        view.apply(event, &entered(&[(1, "ann"), (2, "bob")]));
        view
    }

    fn names(view: &View) -> Vec<(u64, &str)> {
        view.members().map(|(member, name)| (member.0, name.to_str().unwrap())).collect()
    }

    #[test]
    fn the_view_follows_the_events_that_the_game_is_given() {
        let mut view = inside();
        assert_eq!(
            (view.room(), view.me(), view.owner()),
            (Some(ROOM), Some(MemberId(2)), Some(MemberId(1)))
        );
        assert_eq!((names(&view), view.members_max()), (vec![(1, "ann"), (2, "bob")], 8));
        view.apply(Event::Room(RoomEvent::MemberJoined { member: MemberId(3) }), b"cid");
        view.apply(Event::Room(RoomEvent::MemberLeft { member: MemberId(1), status: Status::Ok }), b"ann");
        view.apply(Event::Room(RoomEvent::OwnerChanged { owner: Some(MemberId(2)) }), b"bob");
        assert_eq!((names(&view), view.owner()), (vec![(2, "bob"), (3, "cid")], Some(MemberId(2))));
        view.apply(Event::Room(RoomEvent::Exited { room: ROOM, status: Status::Kicked }), b"kicked");
        assert_eq!((view.room(), view.count(), view.me(), view.owner()), (None, 0, None, None));
    }

    #[test]
    fn the_end_of_the_session_is_the_end_of_the_membership() {
        let mut view = inside();
        view.apply(Event::Disconnected { status: Status::Ok }, b"");
        assert_eq!((view.room(), view.count()), (None, 0));
    }

    #[test]
    fn a_name_stays_where_it_is_until_the_game_lets_go_of_it() {
        let mut view = inside();
        let address = |view: &View| view.members().map(|(_, name)| name.as_ptr().addr()).collect::<Vec<_>>();
        let before = address(&view);
        view.apply(Event::Room(RoomEvent::Exited { room: ROOM, status: Status::Ok }), b"");
        assert_eq!(view.gone.iter().map(|name| name.as_ptr().addr()).collect::<Vec<_>>(), before);
        view.let_go();
        assert!(view.gone.is_empty());
    }

    #[test]
    fn a_value_comes_back_from_its_bytes() {
        let values = [
            Value::Integer(i64::MIN),
            Value::Float(-0.0),
            Value::Text("text".into()),
            Value::Bytes(vec![0, 1, 255]),
        ];
        for value in values {
            let back = with_bytes(&value, |bytes| ValueKind::of(&value).value(bytes));
            assert_eq!(back, Some(value));
        }
        assert_eq!(ValueKind::Integer.value(b"short"), None);
        assert_eq!(ValueKind::Text.value(b"\xff"), None);
    }
}
