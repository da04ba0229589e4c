//! Events as C sees them: one flat struct for all.

use crate::client::event::Event;
use crate::client::status::Status;
use crate::ffi::result::SternaResult;
use crate::ffi::room::{self, SternaValue};
use crate::protocol::reasons::OfflineReason;
use std::ffi::c_char;

/// What an event tells. The numbers never change; a newer library may have more of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
#[allow(non_camel_case_types)]
pub enum SternaEventType {
    /// `connect` succeeded. Valid: `session_id`; `text`: the node's name.
    STERNA_EVENT_CONNECTED = 1,
    /// `connect` failed. Valid: `status`; `text`: what went wrong.
    STERNA_EVENT_CONNECT_FAILED = 2,
    /// The session has ended, for good. Valid: `status` (`STERNA_OK` if the game asked for it); `text`: why.
    STERNA_EVENT_DISCONNECTED = 3,
    /// The link broke; the client restores it by itself. Valid: `status`; `text`: why.
    STERNA_EVENT_RECONNECTING = 4,
    /// The link is restored; no reliable message was lost. Valid: `epoch`; `text`: the node's name.
    STERNA_EVENT_RECONNECTED = 5,
    /// The node goes offline: call `sterna_client_send_migrate` when it suits the game. Valid: `epoch`,
    /// `deadline_ms`, `reason`, `in_room`.
    STERNA_EVENT_OFFLINE = 6,
    /// Another node is prepared, and the client attaches to it; play goes on. Valid: `epoch`.
    STERNA_EVENT_MIGRATING = 7,
    /// Another node serves the session now; nothing was lost. Valid: `epoch`, `gap_us`; `text`: that
    /// node's name.
    STERNA_EVENT_MIGRATED = 8,
    /// The move failed; play goes on where it was. Valid: `status`; `text`: why.
    STERNA_EVENT_MIGRATE_FAILED = 9,
    /// The node crashed, and another one went on from the last snapshot: messages may be gone. Valid:
    /// `epoch`, `lost_from`, `lost_to`; `text`: the node's name.
    STERNA_EVENT_TOOK_OVER = 10,
    /// A request was answered, or will not be. Valid: `request_id`, `status`, `ver`, `cmd`, `data`,
    /// `length`.
    STERNA_EVENT_RESPONSE = 11,
    /// The server sent a message. Valid: `ver`, `cmd`, `reliable`, `data`, `length`.
    STERNA_EVENT_PUSH = 12,
    /// The library has something to say. Valid: `log_level`; `text`: the line.
    STERNA_EVENT_LOG = 13,
    /// The user is in a room. Valid: `room_id`; `member`: the user's own number in it; `owner`;
    /// `member_count`; `members_max`. `sterna_room_members` tells who is in it.
    STERNA_EVENT_ROOM_ENTERED = 14,
    /// The user is not in the room any more. Valid: `room_id`; `status`: `STERNA_OK` if the user left,
    /// `STERNA_ERROR_KICKED`, `STERNA_ERROR_ROOM_CLOSED`, `STERNA_ERROR_TOO_SLOW` or
    /// `STERNA_ERROR_MEMBERSHIP_LOST`; `text`: why.
    STERNA_EVENT_ROOM_EXITED = 15,
    /// Somebody has joined the room. Valid: `member`; `text`: their user id.
    STERNA_EVENT_ROOM_MEMBER_JOINED = 16,
    /// Somebody is not in the room any more. Valid: `member`; `text`: their user id; `status`: why, as with
    /// `room_exited`, or `STERNA_ERROR_MEMBER_DISCONNECTED`.
    STERNA_EVENT_ROOM_MEMBER_LEFT = 17,
    /// A message to the room. Valid: `member`: who sent it, 0 for the server application; `text`: their user id;
    /// `ver`, `cmd`, `data`, `length`.
    STERNA_EVENT_ROOM_MESSAGE = 18,
    /// The room has another owner. Valid: `owner`, 0 for nobody; `text`: their user id.
    STERNA_EVENT_ROOM_OWNER_CHANGED = 19,
    /// A property of the room has changed. Valid: `text`: its key; `value`, of kind `STERNA_VALUE_NONE` if it is
    /// deleted; `member`: who changed it, 0 for the server application.
    STERNA_EVENT_ROOM_PROPERTY = 20,
    /// A key of the room's synchronised state has another value. Valid: `text`: the key; `data`, `length`: the
    /// value, empty if it is removed; `member`: who set it.
    STERNA_EVENT_ROOM_SYNC = 21,
    /// A request about rooms has ended. Valid: `request_id`; `status`; `value`, of kind `STERNA_VALUE_NONE` if
    /// there is none; `room_id`: of a room that was made or joined, else 0.
    STERNA_EVENT_ROOM_RESULT = 22,
    /// The room has moved to another node with everybody in it. Nobody has left or joined, nothing was lost.
    /// Valid: `room_id`, the same as before; `epoch`.
    STERNA_EVENT_ROOM_MIGRATED = 23,
    /// The room was restarted after a crash. Who is in it has been told by `room_member_left`,
    /// `room_member_joined` and `room_owner_changed` before; its properties may be older than those told last.
    /// Valid: `room_id`.
    STERNA_EVENT_ROOM_REFRESHED = 24,
}

/// How many types of events there are.
pub(super) const EVENT_TYPES: usize = 24;

/// Why a node goes offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[allow(non_camel_case_types)]
pub enum SternaOfflineReason {
    /// The event is not about that.
    STERNA_OFFLINE_NONE = 0,
    /// The cluster is being scaled in.
    STERNA_OFFLINE_SCALE_IN = 1,
    /// A new version is being rolled out.
    STERNA_OFFLINE_DEPLOY = 2,
    /// An operator asked for it.
    STERNA_OFFLINE_OPERATOR = 3,
    /// The server process was asked to stop.
    STERNA_OFFLINE_SIGNAL = 4,
}

/// Something that happened. Which fields are valid is told at each `SternaEventType`; the others are 0.
/// The library owns it and everything that it points to: see "Ownership" above for how long.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SternaEvent {
    /// Size of this struct as the library knows it. A program built for a newer header checks it before
    /// it reads fields that were added at the end.
    pub struct_size: u32,
    /// What happened.
    pub event_type: SternaEventType,
    /// How it ended.
    pub status: SternaResult,
    /// Bytes in `data`.
    pub length: u32,
    /// The payload. A NUL follows it that is not part of it. Never NULL.
    pub data: *const u8,
    /// What there is to say, in UTF-8, ending in a NUL. Never NULL.
    pub text: *const c_char,
    /// The number that `sterna_client_request` or a `sterna_room_` function gave.
    pub request_id: u64,
    /// The session that has begun, for the game's logs.
    pub session_id: u64,
    /// How often the session has changed its owner.
    pub epoch: u64,
    /// Milliseconds until the session is moved without asking.
    pub deadline_ms: u64,
    /// Microseconds between the last message from the old node and the first from the new one.
    pub gap_us: u64,
    /// First message to the server that is gone, counted from the session's start ...
    pub lost_from: u64,
    /// ... and the first that is not gone any more; equal if none is.
    pub lost_to: u64,
    /// Why the node goes offline.
    pub reason: SternaOfflineReason,
    /// How important the log line is, a `SternaLogLevel`.
    pub log_level: u32,
    /// The message's command.
    pub cmd: u16,
    /// The message's version.
    pub ver: u8,
    /// 1 if the message came reliably, 0 if not.
    pub reliable: u8,
    /// 1 if the user is in a room, which moves as a whole, so that no answer is needed; 0 if not.
    pub in_room: u8,
    /// Always 0.
    pub reserved: [u8; 3],
    /// The room, the same on all nodes.
    pub room_id: u64,
    /// The member of the room that the event is about; 0 if none.
    pub member: u64,
    /// Who owns the room; 0 if nobody does.
    pub owner: u64,
    /// How many members the room has.
    pub member_count: u32,
    /// How many members the room takes.
    pub members_max: u32,
    /// The value of a property. What it points to is as valid as `data`.
    pub value: SternaValue,
}

impl SternaEvent {
    /// An event without anything.
    pub(super) fn empty(event_type: SternaEventType) -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            event_type,
            status: SternaResult::STERNA_OK,
            length: 0,
            data: c"".as_ptr().cast(),
            text: c"".as_ptr(),
            request_id: 0,
            session_id: 0,
            epoch: 0,
            deadline_ms: 0,
            gap_us: 0,
            lost_from: 0,
            lost_to: 0,
            reason: SternaOfflineReason::STERNA_OFFLINE_NONE,
            log_level: 0,
            cmd: 0,
            ver: 0,
            reliable: 0,
            in_room: 0,
            reserved: [0; 3],
            room_id: 0,
            member: 0,
            owner: 0,
            member_count: 0,
            members_max: 0,
            value: SternaValue::NONE,
        }
    }

    /// The event for C. It points to `bytes`, which end in a NUL.
    pub(super) fn new(event: Event, bytes: &[u8]) -> Self {
        let mut c = Self::empty(event_type(event));
        c.text = bytes.as_ptr().cast();
        let set_status = |c: &mut Self, status: Status| c.status = status.into();
        match event {
            Event::Connected { session } => c.session_id = session.0,
            Event::ConnectFailed { status }
            | Event::Disconnected { status }
            | Event::Reconnecting { status }
            | Event::MigrateFailed { status } => set_status(&mut c, status),
            Event::Reconnected { epoch } | Event::Migrating { epoch } => c.epoch = epoch.0,
            Event::Offline { epoch, deadline_ms, reason, in_room } => {
                c.epoch = epoch.0;
                c.deadline_ms = deadline_ms;
                c.reason = offline_reason(reason);
                c.in_room = in_room.into();
            }
            Event::Migrated { epoch, gap_us } => {
                c.epoch = epoch.0;
                c.gap_us = gap_us;
            }
            Event::TookOver { epoch, lost_from, lost_to } => {
                c.epoch = epoch.0;
                c.lost_from = lost_from;
                c.lost_to = lost_to;
            }
            Event::Response { request, status, ver, cmd } => {
                c.request_id = request;
                set_status(&mut c, status);
                c.set_message(ver, cmd, bytes);
            }
            Event::Push { ver, cmd, reliable } => {
                c.reliable = reliable.into();
                c.set_message(ver, cmd, bytes);
            }
            Event::Log { level } => c.log_level = level as u32,
            Event::Room(event) => room::event::fill(&mut c, event, bytes),
        }
        c
    }

    fn set_message(&mut self, ver: u8, cmd: u16, bytes: &[u8]) {
        self.ver = ver;
        self.cmd = cmd;
        self.data = bytes.as_ptr();
        self.length = bytes.len().saturating_sub(1) as u32; // without the NUL
        self.text = c"".as_ptr();
    }
}

/// The type of an event.
pub(super) fn event_type(event: Event) -> SternaEventType {
    use SternaEventType::*;
    match event {
        Event::Connected { .. } => STERNA_EVENT_CONNECTED,
        Event::ConnectFailed { .. } => STERNA_EVENT_CONNECT_FAILED,
        Event::Disconnected { .. } => STERNA_EVENT_DISCONNECTED,
        Event::Reconnecting { .. } => STERNA_EVENT_RECONNECTING,
        Event::Reconnected { .. } => STERNA_EVENT_RECONNECTED,
        Event::Offline { .. } => STERNA_EVENT_OFFLINE,
        Event::Migrating { .. } => STERNA_EVENT_MIGRATING,
        Event::Migrated { .. } => STERNA_EVENT_MIGRATED,
        Event::MigrateFailed { .. } => STERNA_EVENT_MIGRATE_FAILED,
        Event::TookOver { .. } => STERNA_EVENT_TOOK_OVER,
        Event::Response { .. } => STERNA_EVENT_RESPONSE,
        Event::Push { .. } => STERNA_EVENT_PUSH,
        Event::Log { .. } => STERNA_EVENT_LOG,
        Event::Room(event) => room::event::event_type(event),
    }
}

fn offline_reason(reason: OfflineReason) -> SternaOfflineReason {
    use SternaOfflineReason::*;
    match reason {
        OfflineReason::ScaleIn => STERNA_OFFLINE_SCALE_IN,
        OfflineReason::Deploy => STERNA_OFFLINE_DEPLOY,
        OfflineReason::Operator => STERNA_OFFLINE_OPERATOR,
        OfflineReason::Signal => STERNA_OFFLINE_SIGNAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offline_reasons_have_the_same_numbers_everywhere() {
        for &reason in OfflineReason::ALL {
            assert_eq!(offline_reason(reason) as u32, u32::from(reason.number()));
            let name = format!("STERNA_OFFLINE_{}", reason.label().to_uppercase());
            assert_eq!(format!("{:?}", offline_reason(reason)), name);
        }
    }

    #[test]
    fn a_payload_is_data_and_a_line_is_text() {
        let push = SternaEvent::new(Event::Push { ver: 2, cmd: 7, reliable: true }, b"abc\0");
        assert_eq!((push.ver, push.cmd, push.reliable, push.length), (2, 7, 1, 3));
        let failed = SternaEvent::new(Event::ConnectFailed { status: Status::Full }, b"full\0");
        assert_eq!((failed.status, failed.length), (SternaResult::STERNA_ERROR_FULL, 0));
        // SAFETY: the text ends in the NUL above.
        assert_eq!(unsafe { std::ffi::CStr::from_ptr(failed.text) }, c"full");
    }
}
