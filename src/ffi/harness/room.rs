//! Rooms through the C functions.

use super::{CClient, check};
use crate::client::event::Event;
use crate::client::room::{Audience, RoomEvent, ValueKind, with_bytes};
use crate::client::status::{Error, Status};
use crate::ffi::*;
use crate::protocol::ids::{CohortId, Epoch, MemberId};
use crate::protocol::room::wire::{Condition, RoomOptions, RoomRequest};
use crate::protocol::wire::Value;
use std::ffi::{CStr, CString};
use std::time::Duration;

/// How many types of events are about rooms.
#[cfg(test)]
pub(super) const EVENTS: usize = 11;

/// A text for C; none of those that tests use has a NUL in it.
fn c_text(text: &str) -> CString {
    CString::new(text).expect("a text without a NUL")
}

/// The value as C passes it, alive for one call.
fn with_value<R>(value: &Value, call: impl FnOnce(&SternaValue) -> R) -> R {
    with_bytes(value, |bytes| call(&SternaValue::of_bytes(Some(ValueKind::of(value)), bytes)))
}

/// The same, for several.
fn with_values<'a, R>(
    mut values: impl Iterator<Item = &'a Value>,
    found: &mut Vec<SternaValue>,
    call: &mut dyn FnMut(&[SternaValue]) -> R,
) -> R {
    match values.next() {
        None => call(found),
        Some(value) => with_value(value, |c| {
            found.push(*c);
            // Boxed, so that the type does not grow with each step.
            let rest: Box<dyn Iterator<Item = &'a Value> + '_> = Box::new(values);
            with_values(rest, found, call)
        }),
    }
}

/// The configuration as C passes it, alive for one call.
fn with_config<R>(options: &RoomOptions, call: impl FnOnce(&SternaRoomConfig) -> R) -> R {
    let keys: Vec<CString> = options.properties.iter().map(|(key, _)| c_text(key)).collect();
    let values = options.properties.iter().map(|(_, value)| value);
    let mut call = Some(call);
    with_values(values, &mut Vec::new(), &mut |values| {
        let properties = keys.iter().zip(values);
        let properties: Vec<_> =
            properties.map(|(key, value)| SternaRoomProperty { key: key.as_ptr(), value: *value }).collect();
        let config = SternaRoomConfig {
            struct_size: size_of::<SternaRoomConfig>() as u32,
            members_max: options.members_max,
            interval_ms: options.interval_ms,
            allow_empty: options.allow_empty.into(),
            listed: options.listed.into(),
            properties_count: properties.len() as u32,
            ttl_ms: options.ttl_ms,
            properties: properties.as_ptr(),
        };
        call.take().expect("it is called once")(&config)
    })
}

fn with_conditions<R>(filter: &[Condition], call: impl FnOnce(&[SternaRoomCondition]) -> R) -> R {
    let keys: Vec<CString> = filter.iter().map(|condition| c_text(&condition.key)).collect();
    let mut call = Some(call);
    with_values(filter.iter().map(|condition| &condition.value), &mut Vec::new(), &mut |values| {
        let conditions = filter.iter().zip(&keys).zip(values);
        let conditions: Vec<_> = conditions
            .map(|((condition, key), value)| SternaRoomCondition {
                key: key.as_ptr(),
                comparison: condition.comparison as u32,
                reserved: 0,
                value: *value,
            })
            .collect();
        call.take().expect("it is called once")(&conditions)
    })
}

fn with_users<R>(users: &[String], call: impl FnOnce(*const *const std::ffi::c_char, u32) -> R) -> R {
    let users: Vec<CString> = users.iter().map(|user| c_text(user)).collect();
    let pointers: Vec<_> = users.iter().map(|user| user.as_ptr()).collect();
    call(pointers.as_ptr(), pointers.len() as u32)
}

fn with_optional<R>(value: Option<&Value>, call: impl FnOnce(*const SternaValue) -> R) -> R {
    match value {
        Some(value) => with_value(value, |c| call(c)),
        None => call(std::ptr::null()),
    }
}

impl CClient {
    /// The `sterna_room_` function of this request.
    pub fn ask_of_rooms(&self, request: &RoomRequest, timeout: Option<Duration>) -> Result<u64, Error> {
        let ms = timeout.map_or(0, |timeout| timeout.as_millis().clamp(1, u32::MAX.into()) as u32);
        let (client, mut number) = (self.client, 0);
        let out: *mut u64 = &mut number;
        // SAFETY: everything that is passed is alive through its call.
        check(unsafe {
            match request {
                RoomRequest::Create { options } => {
                    with_config(options, |config| sterna_room_create(client, config, ms, out))
                }
                RoomRequest::Join { room } => sterna_room_join(client, room.0, ms, out),
                RoomRequest::JoinRandom { filter, otherwise } => with_conditions(filter, |filter| {
                    let (filter, count) = (filter.as_ptr(), filter.len() as u32);
                    let join = |config| sterna_room_join_random(client, filter, count, config, ms, out);
                    match otherwise {
                        Some(options) => with_config(options, |config| join(config)),
                        None => join(std::ptr::null()),
                    }
                }),
                RoomRequest::Leave => sterna_room_leave(client, ms, out),
                RoomRequest::Set { key, value } => {
                    with_value(value, |value| sterna_room_set(client, c_text(key).as_ptr(), value, ms, out))
                }
                RoomRequest::Delete { key } => sterna_room_remove(client, c_text(key).as_ptr(), ms, out),
                RoomRequest::CompareAndSet { key, expected, value } => {
                    let key = c_text(key);
                    with_optional(expected.as_ref(), |expected| {
                        with_optional(value.as_ref(), |value| {
                            sterna_room_compare_and_set(client, key.as_ptr(), expected, value, ms, out)
                        })
                    })
                }
                RoomRequest::Increment { key, by } => {
                    with_value(by, |by| sterna_room_increment(client, c_text(key).as_ptr(), by, ms, out))
                }
                RoomRequest::Get { key } => sterna_room_get(client, c_text(key).as_ptr(), ms, out),
                RoomRequest::Reserve { users } => {
                    with_users(users, |users, count| sterna_room_reserve(client, users, count, ms, out))
                }
                RoomRequest::CancelReservation { users } => with_users(users, |users, count| {
                    sterna_room_cancel_reservation(client, users, count, ms, out)
                }),
                RoomRequest::Kick { member } => sterna_room_kick(client, member.0, ms, out),
                RoomRequest::Close => sterna_room_close(client, ms, out),
                RoomRequest::Migrate => sterna_room_send_migrate(client, ms, out),
            }
        })?;
        Ok(number)
    }

    /// `sterna_room_broadcast`, `sterna_room_relay` or `sterna_room_send_to`.
    pub fn send_to_room(
        &self,
        audience: Audience<'_>,
        ver: u8,
        cmd: u16,
        payload: &[u8],
    ) -> Result<(), Error> {
        let (client, data, length) = (self.client, payload.as_ptr(), payload.len() as u32);
        // SAFETY: pointers and lengths are those of live slices.
        check(unsafe {
            match audience {
                Audience::All => sterna_room_broadcast(client, ver, cmd, data, length),
                Audience::Others => sterna_room_relay(client, ver, cmd, data, length),
                Audience::Members(members) => {
                    let (first, count) = (members.as_ptr(), members.len() as u32);
                    sterna_room_send_to(client, first, count, ver, cmd, data, length)
                }
            }
        })
    }

    /// `sterna_room_sync`.
    pub fn sync_in_room(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        let key = c_text(key);
        // SAFETY: the string ends in a NUL; pointer and length are those of a live slice.
        check(unsafe { sterna_room_sync(self.client, key.as_ptr(), value.as_ptr(), value.len() as u32) })
    }

    /// `sterna_room_id`.
    pub fn room(&self) -> Option<CohortId> {
        Some(sterna_room_id(self.client)).filter(|room| *room != 0).map(CohortId)
    }

    /// `sterna_room_me`.
    pub fn me_in_room(&self) -> Option<MemberId> {
        member(sterna_room_me(self.client))
    }

    /// `sterna_room_owner`.
    pub fn room_owner(&self) -> Option<MemberId> {
        member(sterna_room_owner(self.client))
    }

    /// `sterna_room_member_count`.
    pub fn members_in_room(&self) -> usize {
        sterna_room_member_count(self.client) as usize
    }

    /// `sterna_room_members`, as many as `sterna_room_member_count` says.
    pub fn room_members(&self) -> Vec<(MemberId, String)> {
        let capacity = sterna_room_member_count(self.client);
        let nobody = SternaRoomMember { member: 0, user: std::ptr::null() };
        let (mut members, mut count) = (vec![nobody; capacity as usize], 0);
        // SAFETY: the slice has `capacity` elements, `count` is a live number.
        let result = unsafe { sterna_room_members(self.client, members.as_mut_ptr(), capacity, &mut count) };
        check(result).expect("it has nothing to complain about");
        members.truncate(count as usize);
        let name = |user| super::text(user);
        members.iter().map(|found| (MemberId(found.member), name(found.user))).collect()
    }
}

fn member(number: u64) -> Option<MemberId> {
    Some(MemberId(number)).filter(|member| *member != MemberId::default())
}

/// The event about a room that came as `c`, by the fields that the header calls valid, and its bytes.
pub(super) fn to_rust(c: &SternaEvent, status: Status) -> (Event, &[u8]) {
    use SternaEventType::*;
    // SAFETY: `text` is never NULL and ends in a NUL; `data` and the value's are never NULL and have so many
    // bytes. All live as long as the event.
    let (text, data, value_data) = unsafe {
        (
            CStr::from_ptr(c.text).to_bytes(),
            std::slice::from_raw_parts(c.data, c.length as usize),
            std::slice::from_raw_parts(c.value.data, c.value.length as usize),
        )
    };
    let kind = match c.value.kind {
        0 => None,
        1 => Some(ValueKind::Integer),
        2 => Some(ValueKind::Float),
        3 => Some(ValueKind::Text),
        4 => Some(ValueKind::Bytes),
        other => unreachable!("the library sends kinds it knows, not {other}"),
    };
    let (room, text_len) = (CohortId(c.room_id), text.len() as u32);
    let event = match c.event_type {
        STERNA_EVENT_ROOM_ENTERED => RoomEvent::Entered { room, me: MemberId(c.member) },
        STERNA_EVENT_ROOM_EXITED => RoomEvent::Exited { room, status },
        STERNA_EVENT_ROOM_MEMBER_JOINED => RoomEvent::MemberJoined { member: MemberId(c.member) },
        STERNA_EVENT_ROOM_MEMBER_LEFT => RoomEvent::MemberLeft { member: MemberId(c.member), status },
        STERNA_EVENT_ROOM_MESSAGE => {
            RoomEvent::Message { from: member(c.member), ver: c.ver, cmd: c.cmd, text: text_len }
        }
        STERNA_EVENT_ROOM_OWNER_CHANGED => RoomEvent::OwnerChanged { owner: member(c.owner) },
        STERNA_EVENT_ROOM_PROPERTY => RoomEvent::Property { by: member(c.member), kind, text: text_len },
        STERNA_EVENT_ROOM_SYNC => RoomEvent::Sync { by: MemberId(c.member), text: text_len },
        STERNA_EVENT_ROOM_RESULT => {
            let room = Some(room).filter(|room| *room != CohortId::default());
            RoomEvent::Result { request: c.request_id, status, room, kind }
        }
        STERNA_EVENT_ROOM_MIGRATED => RoomEvent::Migrated { room, epoch: Epoch(c.epoch) },
        STERNA_EVENT_ROOM_REFRESHED => RoomEvent::Refreshed { room },
        other => unreachable!("{other:?} is not about rooms"),
    };
    let bytes = match (event, kind) {
        (RoomEvent::Message { .. } | RoomEvent::Sync { .. }, _) => behind(c, data),
        (
            RoomEvent::Property { .. } | RoomEvent::Result { .. },
            Some(ValueKind::Integer | ValueKind::Float),
        ) => {
            // The eight bytes of the number are not told to C, but lie where the others do.
            // SAFETY: a text, a NUL and these bytes are what such an event is made of.
            behind(c, unsafe { std::slice::from_raw_parts(c.text.cast::<u8>().add(text.len() + 1), 8) })
        }
        (RoomEvent::Property { .. } | RoomEvent::Result { .. }, Some(_)) => behind(c, value_data),
        (RoomEvent::Property { .. } | RoomEvent::Result { .. }, None) => behind(c, &[]),
        (_, _) => text,
    };
    (Event::Room(event), bytes)
}

/// The event's text, the NUL behind it and the data behind that, which lie one after the other in its bytes.
fn behind<'a>(c: &'a SternaEvent, data: &[u8]) -> &'a [u8] {
    // By the event's own pointer: what is made of the text alone may not look further than the text.
    let start = c.text.cast::<u8>();
    // SAFETY: `text` is never NULL and ends in a NUL.
    let text = unsafe { CStr::from_ptr(c.text) }.count_bytes();
    if !data.is_empty() {
        assert_eq!(data.as_ptr().addr(), start.addr() + text + 1);
    }
    // SAFETY: all of it is part of the event's bytes, which live as long as the event.
    unsafe { std::slice::from_raw_parts(start, text + 1 + data.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::event::Batch;
    use crate::ffi::harness::REGISTER;

    #[test]
    fn every_event_about_rooms_comes_back_from_c_as_it_was() {
        let (room, member, status) = (CohortId(9), MemberId(3), Status::Kicked);
        let number = Some(ValueKind::Integer);
        let events = [
            (RoomEvent::Entered { room, me: member }, "", None),
            (RoomEvent::Exited { room, status }, "kicked", None),
            (RoomEvent::MemberJoined { member }, "ann", None),
            (RoomEvent::MemberLeft { member, status }, "ann", None),
            (RoomEvent::Message { from: Some(member), ver: 2, cmd: 7, text: 3 }, "ann", Some(&b"jump"[..])),
            (RoomEvent::OwnerChanged { owner: Some(member) }, "ann", None),
            (RoomEvent::Property { by: None, kind: number, text: 3 }, "map", Some(&[0, 0, 0, 0, 0, 0, 0, 5])),
            (RoomEvent::Sync { by: member, text: 3 }, "pos", Some(b"")),
            (
                RoomEvent::Result { request: 4, status, room: Some(room), kind: Some(ValueKind::Text) },
                "",
                Some(b"text"),
            ),
            (RoomEvent::Migrated { room, epoch: Epoch(5) }, "", None),
            (RoomEvent::Refreshed { room }, "", None),
        ];
        let registered = REGISTER.iter().skip(REGISTER.len() - EVENTS);
        for ((event, text, data), (event_type, _)) in events.into_iter().zip(registered) {
            let mut batch = Batch::default();
            match data {
                Some(data) => batch.push_parts(Event::Room(event), text.as_bytes(), data),
                None => batch.push(Event::Room(event), text.as_bytes()),
            }
            let (event, bytes) = batch.get_with_nul(0).unwrap();
            let c = SternaEvent::new(event, bytes);
            assert_eq!(c.event_type, *event_type);
            let without_nul = &bytes[..bytes.len() - 1];
            assert_eq!(to_rust(&c, Status::from_number(c.status as u32).unwrap()), (event, without_nul));
        }
    }
}
