//! Every way a call or an event can end, with one number for ever: the C constants are made from this list.

use crate::protocol::reasons::{
    CloseReason, ExitReason, MoveFailure, RefuseReason, ReplyStatus, RoomRefusal,
};

macro_rules! statuses {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $text:literal;)*) => {
        /// How a call or an event ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
        #[repr(u32)]
        pub enum Status {
            $(#[doc = $text] #[error($text)] $variant = $number,)*
        }

        impl Status {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The status with this number.
            pub const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// What it means and what to do, as one static text that ends in a NUL byte.
            pub const fn c_text(self) -> &'static std::ffi::CStr {
                const fn c(text: &'static str) -> &'static std::ffi::CStr {
                    match std::ffi::CStr::from_bytes_with_nul(text.as_bytes()) {
                        Ok(text) => text,
                        Err(_) => c"",
                    }
                }
                match self {
                    $(Self::$variant => c(concat!($text, "\0")),)*
                }
            }
        }
    };
}

statuses! {
    Ok = 0, "no error";

    NullArgument = 1, "an argument is NULL that must not be: pass a valid pointer";
    Misaligned = 2, "a pointer is not aligned for its type: pass the address of a properly declared object";
    StructSize = 3, "struct_size does not fit this library: fill the struct with its init function first";
    InvalidArgument = 4, "an argument is out of range: see the text of the last error";
    Busy = 5, "another thread is inside update or poll_event of this client: call them from one thread at a time";
    Panic = 6, "the library ran into a bug of its own and has stopped this client: destroy it and report the last error";
    NotConnected = 7, "the client is not connected: call connect and wait for the connected event";
    AlreadyConnected = 8, "the client is connected or connecting already: disconnect first, or create another client";
    QueueFull = 9, "the send queue is full: the message was not taken; send again after some updates";
    MessageTooLarge = 10, "the message is over the limit: split it, or raise the limit on the server and in the configuration";
    ReservedVersion = 11, "message versions 0 and 1 are reserved: use 2 or above";
    ShutDown = 12, "the library has been shut down: no new client can be created while that goes on";
    System = 13, "the operating system refused something: see the text of the last error";
    InvalidHandle = 14, "this is no client, or one that has been destroyed: use the pointer that create gave, until destroy";
    AbiMismatch = 15, "the library does not fit the program: build the program with the header of this library";
    Aborted = 16, "given up, because disconnect was called";

    TokenMalformed = 20, "the connect token cannot be read: pass it exactly as the game's backend gave it";
    TokenExpired = 21, "the token has expired: ask the game's backend for a new one";
    TokenForeign = 22, "the token is for another cluster: check which backend issued it";
    NoAddress = 23, "the connect token names no address for this transport: create the client for the other one, or ask the backend";
    Unreachable = 24, "no node of the token can be reached: check the network and that the servers run";
    TimedOut = 25, "no node answered in time: check the network and firewalls, for UDP as well";
    Version = 26, "client and server speak different versions of the protocol: update the older one";
    Certificate = 27, "the server's certificate is not of the token's cluster: the token is outdated, or somebody is in between";
    NotOnline = 28, "no node takes new users at the moment: try again later";
    Full = 29, "every node is full: try again later";
    ConnectedElsewhere = 30, "the user is connected already, and the server keeps the older connection";
    PeerMisbehaved = 31, "the server broke the protocol: check that it is a Sterna node of a fitting version";
    TransportBroken = 32, "the connection broke";

    NotOffline = 40, "the node is not offline, so there is no reason to migrate: wait for the offline event";
    Stale = 41, "the request came too late, the session has moved meanwhile: nothing needs to be done";
    InRoom = 42, "the user is in a room, which moves as a whole: use the room's migration";
    NoTarget = 43, "no other node is online: play goes on here, the server tries again";
    TargetRefused = 44, "every node that was tried refused: play goes on here, try again later";
    CannotReachTarget = 45, "the client could not reach any node that was tried: play goes on here";
    EngineUnavailable = 46, "the cluster's engine does not answer: play goes on here, try again later";
    FrozeTooLong = 47, "the state could not be passed on in time: play goes on here, try again later";
    Cancelled = 48, "the migration was called off: play goes on here";
    LostOwnership = 49, "the directory names another owner: the client resumes there by itself";
    MovedRecently = 50, "the session has moved a moment ago: try again later";

    ClosedByServer = 60, "the server closed the session";
    Replaced = 61, "the same user connected again elsewhere";
    SessionTimedOut = 62, "the connection could not be restored in time, and the session has ended: connect anew";
    NodeStopped = 63, "the server stopped, and no other could take the session: connect anew";
    SessionUnknown = 64, "no server knows the session any more: connect anew";
    ResumeLater = 65, "the server stopped, and no other can take the session now: it waits, and the client keeps trying";

    RequestTimedOut = 70, "the request was not answered in time; the server may still have carried it out";
    RequestBad = 71, "the server calls the request malformed or not allowed";
    RequestFailed = 72, "the server failed to answer the request";
    RequestAbandoned = 73, "the session ended before the request was answered";

    RoomFull = 80, "the room is full: join another one, or try again later";
    RoomUnknown = 81, "there is no such room (any more): join another one";
    RoomClosed = 82, "the room was closed, or is being closed: join another one";
    AlreadyInRoom = 83, "the user is in a room already: leave it first";
    NotInRoom = 84, "the user is in no room: join one first";
    NoSuchMember = 85, "the room has no such member (any more)";
    NotRoomOwner = 86, "only the owner of the room may do that";
    NoReservation = 87, "the places that are left in the room are reserved for others";
    PropertyType = 88, "the property is of another type: use one type for each key, or set it anew";
    PropertyDiffers = 89, "the property is not what was expected: the result has its value";
    PropertyTooLarge = 90, "the property is over the limit of the server: shorten it, or raise the limit";
    RoomStateTooLarge = 91, "the room's state would grow over the limit of the server: remove something, or raise the limit";
    RoomRejected = 92, "the server application does not let the user into the room";
    JoinFailed = 93, "the node of the room could not be reached: try again";
    RoomOptionInvalid = 94, "the server calls an option of the request out of range: see the fields of the request";
    RoomMoveFailed = 95, "the room could not be moved: play goes on where it was, try again later";
    Kicked = 96, "removed by the owner of the room, or by the server application";
    TooSlow = 97, "removed from the room, because what it sent was not taken: call update in every frame, and join again";
    MembershipLost = 98, "a node crashed, and the membership in the room could not be restored: join again";
    MemberDisconnected = 99, "the member's session ended";
}

impl From<RefuseReason> for Status {
    fn from(reason: RefuseReason) -> Self {
        match reason {
            RefuseReason::Version => Self::Version,
            RefuseReason::TokenMalformed => Self::TokenMalformed,
            RefuseReason::TokenExpired => Self::TokenExpired,
            RefuseReason::TokenForeign => Self::TokenForeign,
            RefuseReason::NotOnline | RefuseReason::Unavailable => Self::NotOnline,
            RefuseReason::Full => Self::Full,
            RefuseReason::AlreadyConnected => Self::ConnectedElsewhere,
            RefuseReason::SessionUnknown => Self::SessionUnknown,
            RefuseReason::TicketForged
            | RefuseReason::TicketExpired
            | RefuseReason::TicketOtherClient
            | RefuseReason::TicketOtherNode
            | RefuseReason::TicketVoid => Self::CannotReachTarget,
            RefuseReason::OlderLink | RefuseReason::Greeting => Self::PeerMisbehaved,
        }
    }
}

impl From<MoveFailure> for Status {
    fn from(reason: MoveFailure) -> Self {
        match reason {
            MoveFailure::NoTarget => Self::NoTarget,
            MoveFailure::TargetRefused => Self::TargetRefused,
            MoveFailure::ClientCannotReach => Self::CannotReachTarget,
            MoveFailure::EngineUnavailable => Self::EngineUnavailable,
            MoveFailure::FrozeTooLong => Self::FrozeTooLong,
            MoveFailure::Cancelled => Self::Cancelled,
            MoveFailure::LostOwnership => Self::LostOwnership,
            MoveFailure::NotOffline => Self::NotOffline,
            MoveFailure::Stale => Self::Stale,
            MoveFailure::InRoom => Self::InRoom,
            MoveFailure::MovedRecently => Self::MovedRecently,
        }
    }
}

impl From<CloseReason> for Status {
    fn from(reason: CloseReason) -> Self {
        match reason {
            CloseReason::ByClient => Self::Ok,
            CloseReason::ByServer => Self::ClosedByServer,
            CloseReason::Replaced => Self::Replaced,
            CloseReason::TimedOut => Self::SessionTimedOut,
            CloseReason::Misbehaved => Self::PeerMisbehaved,
            CloseReason::NodeStopped => Self::NodeStopped,
            CloseReason::ResumeLater => Self::ResumeLater,
            CloseReason::SessionUnknown => Self::SessionUnknown,
            CloseReason::Moved
            | CloseReason::NewerLink
            | CloseReason::Silent
            | CloseReason::TransportError => Self::TransportBroken,
        }
    }
}

impl From<ReplyStatus> for Status {
    fn from(status: ReplyStatus) -> Self {
        match status {
            ReplyStatus::Ok => Self::Ok,
            ReplyStatus::BadRequest => Self::RequestBad,
            ReplyStatus::Error => Self::RequestFailed,
        }
    }
}

impl From<RoomRefusal> for Status {
    fn from(refusal: RoomRefusal) -> Self {
        match refusal {
            RoomRefusal::Full => Self::RoomFull,
            RoomRefusal::Unknown => Self::RoomUnknown,
            RoomRefusal::Closed => Self::RoomClosed,
            RoomRefusal::AlreadyInRoom => Self::AlreadyInRoom,
            RoomRefusal::NotInRoom => Self::NotInRoom,
            RoomRefusal::NoSuchMember => Self::NoSuchMember,
            RoomRefusal::NotOwner => Self::NotRoomOwner,
            RoomRefusal::NoReservation => Self::NoReservation,
            RoomRefusal::OtherType => Self::PropertyType,
            RoomRefusal::Differs => Self::PropertyDiffers,
            RoomRefusal::PropertyTooLarge => Self::PropertyTooLarge,
            RoomRefusal::StateTooLarge => Self::RoomStateTooLarge,
            RoomRefusal::Rejected => Self::RoomRejected,
            RoomRefusal::JoinFailed => Self::JoinFailed,
            RoomRefusal::Invalid => Self::RoomOptionInvalid,
            RoomRefusal::NotOffline => Self::NotOffline,
            RoomRefusal::MoveFailed => Self::RoomMoveFailed,
            RoomRefusal::Unavailable => Self::EngineUnavailable,
            RoomRefusal::Malformed => Self::RequestBad,
        }
    }
}

impl From<ExitReason> for Status {
    fn from(reason: ExitReason) -> Self {
        match reason {
            ExitReason::Left => Self::Ok,
            ExitReason::Kicked => Self::Kicked,
            ExitReason::Closed => Self::RoomClosed,
            ExitReason::Disconnected => Self::MemberDisconnected,
            ExitReason::TooSlow => Self::TooSlow,
            ExitReason::Lost => Self::MembershipLost,
        }
    }
}

/// A status with the text that says what happened in this case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Error {
    /// The kind.
    pub status: Status,
    /// What was wrong and what to do.
    pub text: String,
}

impl Error {
    /// An error with a text of its own.
    pub fn new(status: Status, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self { status, text: status.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_refusal_and_every_exit_has_a_status_of_its_own() {
        let refusals: BTreeSet<u32> = RoomRefusal::ALL.iter().map(|&why| Status::from(why) as u32).collect();
        assert_eq!(refusals.len(), RoomRefusal::ALL.len());
        let exits: BTreeSet<u32> = ExitReason::ALL.iter().map(|&why| Status::from(why) as u32).collect();
        assert_eq!(exits.len(), ExitReason::ALL.len());
        assert!(!refusals.contains(&0));
    }
}
