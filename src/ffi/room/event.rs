//! Events about rooms as C sees them.

use super::value::SternaValue;
use crate::client::room::{RoomEvent, ValueKind};
use crate::ffi::event::{SternaEvent, SternaEventType};
use crate::protocol::room::wire::RoomNews;

/// Fills the fields that are valid for this event. `bytes` end in a NUL.
pub(in crate::ffi) fn fill(c: &mut SternaEvent, event: RoomEvent, bytes: &[u8]) {
    let without_nul = bytes.split_last().map_or(bytes, |(_, rest)| rest);
    match event {
        RoomEvent::Entered { room, me } => {
            c.room_id = room.0;
            c.member = me.0;
            c.text = c"".as_ptr();
            if let Ok(RoomNews::Entered { owner, members_max, members, .. }) = RoomNews::decode(without_nul) {
                c.owner = owner.unwrap_or_default().0;
                c.member_count = members.len() as u32;
                c.members_max = members_max;
            }
        }
        RoomEvent::Exited { room, status } => {
            c.room_id = room.0;
            c.status = status.into();
        }
        RoomEvent::MemberJoined { member } => c.member = member.0,
        RoomEvent::MemberLeft { member, status } => {
            c.member = member.0;
            c.status = status.into();
        }
        RoomEvent::Message { from, ver, cmd, .. } => {
            c.member = from.unwrap_or_default().0;
            c.ver = ver;
            c.cmd = cmd;
            c.reliable = 1;
            let data = event.split(without_nul).1;
            (c.data, c.length) = (end_of(bytes, data.len()), data.len() as u32);
        }
        RoomEvent::OwnerChanged { owner } => c.owner = owner.unwrap_or_default().0,
        RoomEvent::Property { by, kind, .. } => {
            c.member = by.unwrap_or_default().0;
            c.value = value(kind, event.split(without_nul).1, bytes);
        }
        RoomEvent::Sync { by, .. } => {
            c.member = by.0;
            let data = event.split(without_nul).1;
            (c.data, c.length) = (end_of(bytes, data.len()), data.len() as u32);
        }
        RoomEvent::Result { request, status, room, kind } => {
            c.request_id = request;
            c.status = status.into();
            c.room_id = room.unwrap_or_default().0;
            c.value = value(kind, event.split(without_nul).1, bytes);
        }
        RoomEvent::Migrated { room, epoch } => {
            c.room_id = room.0;
            c.epoch = epoch.0;
        }
        RoomEvent::Refreshed { room } => c.room_id = room.0,
    }
}

/// Where the last `length` bytes before the NUL of an event's bytes begin. The game may read the NUL as well, so
/// this is not a pointer to a part of them.
fn end_of(bytes: &[u8], length: usize) -> *const u8 {
    bytes.as_ptr().wrapping_add(bytes.len().saturating_sub(length + 1))
}

/// The value with these bytes, the last of the event's.
fn value(kind: Option<ValueKind>, data: &[u8], bytes: &[u8]) -> SternaValue {
    let value = SternaValue::of_bytes(kind, data);
    match kind {
        Some(ValueKind::Text | ValueKind::Bytes) => SternaValue { data: end_of(bytes, data.len()), ..value },
        Some(ValueKind::Integer | ValueKind::Float) | None => value,
    }
}

/// The type of an event.
pub(in crate::ffi) const fn event_type(event: RoomEvent) -> SternaEventType {
    use SternaEventType::*;
    match event {
        RoomEvent::Entered { .. } => STERNA_EVENT_ROOM_ENTERED,
        RoomEvent::Exited { .. } => STERNA_EVENT_ROOM_EXITED,
        RoomEvent::MemberJoined { .. } => STERNA_EVENT_ROOM_MEMBER_JOINED,
        RoomEvent::MemberLeft { .. } => STERNA_EVENT_ROOM_MEMBER_LEFT,
        RoomEvent::Message { .. } => STERNA_EVENT_ROOM_MESSAGE,
        RoomEvent::OwnerChanged { .. } => STERNA_EVENT_ROOM_OWNER_CHANGED,
        RoomEvent::Property { .. } => STERNA_EVENT_ROOM_PROPERTY,
        RoomEvent::Sync { .. } => STERNA_EVENT_ROOM_SYNC,
        RoomEvent::Result { .. } => STERNA_EVENT_ROOM_RESULT,
        RoomEvent::Migrated { .. } => STERNA_EVENT_ROOM_MIGRATED,
        RoomEvent::Refreshed { .. } => STERNA_EVENT_ROOM_REFRESHED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::event::{Batch, Event};
    use crate::client::room::with_bytes;
    use crate::protocol::ids::MemberId;
    use crate::protocol::wire::Value;
    use std::ffi::CStr;

    /// The event as C gets it, looked at while its bytes live.
    fn in_c(event: RoomEvent, text: &str, data: &[u8], look: impl FnOnce(&SternaEvent, &str)) {
        let mut batch = Batch::default();
        batch.push_parts(Event::Room(event), text.as_bytes(), data);
        let (event, bytes) = batch.get_with_nul(0).unwrap();
        let c = SternaEvent::new(event, bytes);
        // SAFETY: the text is the event's, ends in a NUL, and is not used after this function.
        let text = unsafe { CStr::from_ptr(c.text) }.to_str().unwrap();
        look(&c, text);
    }

    #[test]
    fn an_event_carries_a_text_and_data() {
        let event = RoomEvent::Message { from: Some(MemberId(3)), ver: 2, cmd: 7, text: 3 };
        in_c(event, "ann", b"jump", |c, text| {
            assert_eq!((c.member, c.ver, c.cmd, c.length, text), (3, 2, 7, 4, "ann"));
            // SAFETY: `data` has `length` bytes, and a NUL behind them.
            let data = unsafe { std::slice::from_raw_parts(c.data, c.length as usize + 1) };
            assert_eq!(data, b"jump\0");
        });
        let event = RoomEvent::Sync { by: MemberId(1), text: 3 };
        in_c(event, "pos", b"", |c, text| assert_eq!((c.member, c.length, text), (1, 0, "pos")));
    }

    #[test]
    fn an_event_carries_a_key_and_a_value() {
        let text = Value::Text("castle".into());
        for value in [Value::Integer(-3), Value::Float(0.25), text, Value::Bytes(vec![1, 0])] {
            let kind = Some(ValueKind::of(&value));
            let event = RoomEvent::Property { by: None, kind, text: 3 };
            with_bytes(&value, |data| {
                in_c(event, "map", data, |c, text| {
                    assert_eq!((c.member, text), (0, "map"));
                    // SAFETY: it points into the event's bytes.
                    let back = unsafe { super::super::value::to_rust(&c.value) };
                    assert_eq!(back.ok().as_ref(), Some(&value));
                });
            });
        }
        let deleted = RoomEvent::Property { by: Some(MemberId(2)), kind: None, text: 3 };
        in_c(deleted, "map", b"", |c, _| assert_eq!((c.member, c.value.kind, c.value.length), (2, 0, 0)));
    }
}
