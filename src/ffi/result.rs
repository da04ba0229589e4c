//! The result codes as C sees them: one constant for each [`Status`], with its number and text.
//!
//! Written out, because the header's generator does not look into macros. The compiler refuses a status
//! that has no constant here; the test below refuses another name, number or text.

use crate::client::status::Status;

/// How a call or an event ended. The numbers never change; a newer library may have more of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
#[allow(non_camel_case_types)]
pub enum SternaResult {
    /// No error.
    STERNA_OK = 0,
    /// An argument is NULL that must not be: pass a valid pointer.
    STERNA_ERROR_NULL_ARGUMENT = 1,
    /// A pointer is not aligned for its type: pass the address of a properly declared object.
    STERNA_ERROR_MISALIGNED = 2,
    /// struct_size does not fit this library: fill the struct with its init function first.
    STERNA_ERROR_STRUCT_SIZE = 3,
    /// An argument is out of range: see the text of the last error.
    STERNA_ERROR_INVALID_ARGUMENT = 4,
    /// Another thread is inside update or poll_event of this client: call them from one thread at a time.
    STERNA_ERROR_BUSY = 5,
    /// The library ran into a bug of its own and has stopped this client: destroy it and report the last error.
    STERNA_ERROR_PANIC = 6,
    /// The client is not connected: call connect and wait for the connected event.
    STERNA_ERROR_NOT_CONNECTED = 7,
    /// The client is connected or connecting already: disconnect first, or create another client.
    STERNA_ERROR_ALREADY_CONNECTED = 8,
    /// The send queue is full: the message was not taken; send again after some updates.
    STERNA_ERROR_QUEUE_FULL = 9,
    /// The message is over the limit: split it, or raise the limit on the server and in the configuration.
    STERNA_ERROR_MESSAGE_TOO_LARGE = 10,
    /// Message versions 0 and 1 are reserved: use 2 or above.
    STERNA_ERROR_RESERVED_VERSION = 11,
    /// The library has been shut down: no new client can be created while that goes on.
    STERNA_ERROR_SHUT_DOWN = 12,
    /// The operating system refused something: see the text of the last error.
    STERNA_ERROR_SYSTEM = 13,
    /// This is no client, or one that has been destroyed: use the pointer that create gave, until destroy.
    STERNA_ERROR_INVALID_HANDLE = 14,
    /// The library does not fit the program: build the program with the header of this library.
    STERNA_ERROR_ABI_MISMATCH = 15,
    /// Given up, because disconnect was called.
    STERNA_ERROR_ABORTED = 16,
    /// The connect token cannot be read: pass it exactly as the game's backend gave it.
    STERNA_ERROR_TOKEN_MALFORMED = 20,
    /// The token has expired: ask the game's backend for a new one.
    STERNA_ERROR_TOKEN_EXPIRED = 21,
    /// The token is for another cluster: check which backend issued it.
    STERNA_ERROR_TOKEN_FOREIGN = 22,
    /// The connect token names no address for this transport: create the client for the other one, or ask the backend.
    STERNA_ERROR_NO_ADDRESS = 23,
    /// No node of the token can be reached: check the network and that the servers run.
    STERNA_ERROR_UNREACHABLE = 24,
    /// No node answered in time: check the network and firewalls, for UDP as well.
    STERNA_ERROR_TIMED_OUT = 25,
    /// Client and server speak different versions of the protocol: update the older one.
    STERNA_ERROR_VERSION = 26,
    /// The server's certificate is not of the token's cluster: the token is outdated, or somebody is in between.
    STERNA_ERROR_CERTIFICATE = 27,
    /// No node takes new users at the moment: try again later.
    STERNA_ERROR_NOT_ONLINE = 28,
    /// Every node is full: try again later.
    STERNA_ERROR_FULL = 29,
    /// The user is connected already, and the server keeps the older connection.
    STERNA_ERROR_CONNECTED_ELSEWHERE = 30,
    /// The server broke the protocol: check that it is a Sterna node of a fitting version.
    STERNA_ERROR_PEER_MISBEHAVED = 31,
    /// The connection broke.
    STERNA_ERROR_TRANSPORT_BROKEN = 32,
    /// The node is not offline, so there is no reason to migrate: wait for the offline event.
    STERNA_ERROR_NOT_OFFLINE = 40,
    /// The request came too late, the session has moved meanwhile: nothing needs to be done.
    STERNA_ERROR_STALE = 41,
    /// The user is in a room, which moves as a whole: use the room's migration.
    STERNA_ERROR_IN_ROOM = 42,
    /// No other node is online: play goes on here, the server tries again.
    STERNA_ERROR_NO_TARGET = 43,
    /// Every node that was tried refused: play goes on here, try again later.
    STERNA_ERROR_TARGET_REFUSED = 44,
    /// The client could not reach any node that was tried: play goes on here.
    STERNA_ERROR_CANNOT_REACH_TARGET = 45,
    /// The cluster's engine does not answer: play goes on here, try again later.
    STERNA_ERROR_ENGINE_UNAVAILABLE = 46,
    /// The state could not be passed on in time: play goes on here, try again later.
    STERNA_ERROR_FROZE_TOO_LONG = 47,
    /// The migration was called off: play goes on here.
    STERNA_ERROR_CANCELLED = 48,
    /// The directory names another owner: the client resumes there by itself.
    STERNA_ERROR_LOST_OWNERSHIP = 49,
    /// The session has moved a moment ago: try again later.
    STERNA_ERROR_MOVED_RECENTLY = 50,
    /// The server closed the session.
    STERNA_ERROR_CLOSED_BY_SERVER = 60,
    /// The same user connected again elsewhere.
    STERNA_ERROR_REPLACED = 61,
    /// The connection could not be restored in time, and the session has ended: connect anew.
    STERNA_ERROR_SESSION_TIMED_OUT = 62,
    /// The server stopped, and no other could take the session: connect anew.
    STERNA_ERROR_NODE_STOPPED = 63,
    /// No server knows the session any more: connect anew.
    STERNA_ERROR_SESSION_UNKNOWN = 64,
    /// The server stopped, and no other can take the session now: it waits, and the client keeps trying.
    STERNA_ERROR_RESUME_LATER = 65,
    /// The request was not answered in time; the server may still have carried it out.
    STERNA_ERROR_REQUEST_TIMED_OUT = 70,
    /// The server calls the request malformed or not allowed.
    STERNA_ERROR_REQUEST_BAD = 71,
    /// The server failed to answer the request.
    STERNA_ERROR_REQUEST_FAILED = 72,
    /// The session ended before the request was answered.
    STERNA_ERROR_REQUEST_ABANDONED = 73,
    /// The room is full: join another one, or try again later.
    STERNA_ERROR_ROOM_FULL = 80,
    /// There is no such room (any more): join another one.
    STERNA_ERROR_ROOM_UNKNOWN = 81,
    /// The room was closed, or is being closed: join another one.
    STERNA_ERROR_ROOM_CLOSED = 82,
    /// The user is in a room already: leave it first.
    STERNA_ERROR_ALREADY_IN_ROOM = 83,
    /// The user is in no room: join one first.
    STERNA_ERROR_NOT_IN_ROOM = 84,
    /// The room has no such member (any more).
    STERNA_ERROR_NO_SUCH_MEMBER = 85,
    /// Only the owner of the room may do that.
    STERNA_ERROR_NOT_ROOM_OWNER = 86,
    /// The places that are left in the room are reserved for others.
    STERNA_ERROR_NO_RESERVATION = 87,
    /// The property is of another type: use one type for each key, or set it anew.
    STERNA_ERROR_PROPERTY_TYPE = 88,
    /// The property is not what was expected: the result has its value.
    STERNA_ERROR_PROPERTY_DIFFERS = 89,
    /// The property is over the limit of the server: shorten it, or raise the limit.
    STERNA_ERROR_PROPERTY_TOO_LARGE = 90,
    /// The room's state would grow over the limit of the server: remove something, or raise the limit.
    STERNA_ERROR_ROOM_STATE_TOO_LARGE = 91,
    /// The server application does not let the user into the room.
    STERNA_ERROR_ROOM_REJECTED = 92,
    /// The node of the room could not be reached: try again.
    STERNA_ERROR_JOIN_FAILED = 93,
    /// The server calls an option of the request out of range: see the fields of the request.
    STERNA_ERROR_ROOM_OPTION_INVALID = 94,
    /// The room could not be moved: play goes on where it was, try again later.
    STERNA_ERROR_ROOM_MOVE_FAILED = 95,
    /// Removed by the owner of the room, or by the server application.
    STERNA_ERROR_KICKED = 96,
    /// Removed from the room, because what it sent was not taken: call update in every frame, and join again.
    STERNA_ERROR_TOO_SLOW = 97,
    /// A node crashed, and the membership in the room could not be restored: join again.
    STERNA_ERROR_MEMBERSHIP_LOST = 98,
    /// The member's session ended.
    STERNA_ERROR_MEMBER_DISCONNECTED = 99,
}

use SternaResult::*;

impl From<Status> for SternaResult {
    fn from(status: Status) -> Self {
        match status {
            Status::Ok => STERNA_OK,
            Status::NullArgument => STERNA_ERROR_NULL_ARGUMENT,
            Status::Misaligned => STERNA_ERROR_MISALIGNED,
            Status::StructSize => STERNA_ERROR_STRUCT_SIZE,
            Status::InvalidArgument => STERNA_ERROR_INVALID_ARGUMENT,
            Status::Busy => STERNA_ERROR_BUSY,
            Status::Panic => STERNA_ERROR_PANIC,
            Status::NotConnected => STERNA_ERROR_NOT_CONNECTED,
            Status::AlreadyConnected => STERNA_ERROR_ALREADY_CONNECTED,
            Status::QueueFull => STERNA_ERROR_QUEUE_FULL,
            Status::MessageTooLarge => STERNA_ERROR_MESSAGE_TOO_LARGE,
            Status::ReservedVersion => STERNA_ERROR_RESERVED_VERSION,
            Status::ShutDown => STERNA_ERROR_SHUT_DOWN,
            Status::System => STERNA_ERROR_SYSTEM,
            Status::InvalidHandle => STERNA_ERROR_INVALID_HANDLE,
            Status::AbiMismatch => STERNA_ERROR_ABI_MISMATCH,
            Status::Aborted => STERNA_ERROR_ABORTED,
            Status::TokenMalformed => STERNA_ERROR_TOKEN_MALFORMED,
            Status::TokenExpired => STERNA_ERROR_TOKEN_EXPIRED,
            Status::TokenForeign => STERNA_ERROR_TOKEN_FOREIGN,
            Status::NoAddress => STERNA_ERROR_NO_ADDRESS,
            Status::Unreachable => STERNA_ERROR_UNREACHABLE,
            Status::TimedOut => STERNA_ERROR_TIMED_OUT,
            Status::Version => STERNA_ERROR_VERSION,
            Status::Certificate => STERNA_ERROR_CERTIFICATE,
            Status::NotOnline => STERNA_ERROR_NOT_ONLINE,
            Status::Full => STERNA_ERROR_FULL,
            Status::ConnectedElsewhere => STERNA_ERROR_CONNECTED_ELSEWHERE,
            Status::PeerMisbehaved => STERNA_ERROR_PEER_MISBEHAVED,
            Status::TransportBroken => STERNA_ERROR_TRANSPORT_BROKEN,
            Status::NotOffline => STERNA_ERROR_NOT_OFFLINE,
            Status::Stale => STERNA_ERROR_STALE,
            Status::InRoom => STERNA_ERROR_IN_ROOM,
            Status::NoTarget => STERNA_ERROR_NO_TARGET,
            Status::TargetRefused => STERNA_ERROR_TARGET_REFUSED,
            Status::CannotReachTarget => STERNA_ERROR_CANNOT_REACH_TARGET,
            Status::EngineUnavailable => STERNA_ERROR_ENGINE_UNAVAILABLE,
            Status::FrozeTooLong => STERNA_ERROR_FROZE_TOO_LONG,
            Status::Cancelled => STERNA_ERROR_CANCELLED,
            Status::LostOwnership => STERNA_ERROR_LOST_OWNERSHIP,
            Status::MovedRecently => STERNA_ERROR_MOVED_RECENTLY,
            Status::ClosedByServer => STERNA_ERROR_CLOSED_BY_SERVER,
            Status::Replaced => STERNA_ERROR_REPLACED,
            Status::SessionTimedOut => STERNA_ERROR_SESSION_TIMED_OUT,
            Status::NodeStopped => STERNA_ERROR_NODE_STOPPED,
            Status::SessionUnknown => STERNA_ERROR_SESSION_UNKNOWN,
            Status::ResumeLater => STERNA_ERROR_RESUME_LATER,
            Status::RequestTimedOut => STERNA_ERROR_REQUEST_TIMED_OUT,
            Status::RequestBad => STERNA_ERROR_REQUEST_BAD,
            Status::RequestFailed => STERNA_ERROR_REQUEST_FAILED,
            Status::RequestAbandoned => STERNA_ERROR_REQUEST_ABANDONED,
            Status::RoomFull => STERNA_ERROR_ROOM_FULL,
            Status::RoomUnknown => STERNA_ERROR_ROOM_UNKNOWN,
            Status::RoomClosed => STERNA_ERROR_ROOM_CLOSED,
            Status::AlreadyInRoom => STERNA_ERROR_ALREADY_IN_ROOM,
            Status::NotInRoom => STERNA_ERROR_NOT_IN_ROOM,
            Status::NoSuchMember => STERNA_ERROR_NO_SUCH_MEMBER,
            Status::NotRoomOwner => STERNA_ERROR_NOT_ROOM_OWNER,
            Status::NoReservation => STERNA_ERROR_NO_RESERVATION,
            Status::PropertyType => STERNA_ERROR_PROPERTY_TYPE,
            Status::PropertyDiffers => STERNA_ERROR_PROPERTY_DIFFERS,
            Status::PropertyTooLarge => STERNA_ERROR_PROPERTY_TOO_LARGE,
            Status::RoomStateTooLarge => STERNA_ERROR_ROOM_STATE_TOO_LARGE,
            Status::RoomRejected => STERNA_ERROR_ROOM_REJECTED,
            Status::JoinFailed => STERNA_ERROR_JOIN_FAILED,
            Status::RoomOptionInvalid => STERNA_ERROR_ROOM_OPTION_INVALID,
            Status::RoomMoveFailed => STERNA_ERROR_ROOM_MOVE_FAILED,
            Status::Kicked => STERNA_ERROR_KICKED,
            Status::TooSlow => STERNA_ERROR_TOO_SLOW,
            Status::MembershipLost => STERNA_ERROR_MEMBERSHIP_LOST,
            Status::MemberDisconnected => STERNA_ERROR_MEMBER_DISCONNECTED,
        }
    }
}

/// What a result code means and what to do about it: one static English text, for any number.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_result_string(result: u32) -> *const std::ffi::c_char {
    match Status::from_number(result) {
        Some(status) => status.c_text().as_ptr(),
        None => c"a result code that this version of the library does not know".as_ptr(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    /// `QueueFull` is `STERNA_ERROR_QUEUE_FULL` in C.
    fn c_name(status: Status) -> String {
        if status == Status::Ok {
            return "STERNA_OK".into();
        }
        let mut name = String::from("STERNA_ERROR");
        for letter in format!("{status:?}").chars() {
            if letter.is_ascii_uppercase() {
                name.push('_');
            }
            name.push(letter.to_ascii_uppercase());
        }
        name
    }

    #[test]
    fn every_status_has_a_constant_of_the_same_name_number_and_text() {
        let source = include_str!("result.rs");
        for &status in Status::ALL {
            let result = SternaResult::from(status);
            assert_eq!(result as u32, status as u32);
            assert_eq!(format!("{result:?}"), c_name(status));
            let text = status.to_string();
            let (first, rest) = text.split_at(1);
            let first = if text.starts_with("struct_size") { first.into() } else { first.to_uppercase() };
            let documented = format!("/// {first}{rest}.\n    {result:?} = {},", status as u32);
            assert!(source.contains(&documented), "the comment of {result:?} is not its text: {text}");
        }
    }

    #[test]
    fn every_number_has_a_text() {
        for number in (0..200).chain([u32::MAX]) {
            // SAFETY: the function returns a static text for every number.
            let text = unsafe { CStr::from_ptr(sterna_result_string(number)) };
            assert!(!text.is_empty(), "{number} has none");
        }
    }
}
