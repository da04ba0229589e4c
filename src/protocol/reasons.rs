//! Why something was refused, failed or ended: closed lists, each with one number for the wire, one name
//! for metrics and one sentence for people.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal, $label:literal, $text:literal;)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name {
            $(#[doc = $text] $variant = $number,)*
        }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The reason with this number on the wire.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Its number on the wire.
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// Its name in metrics and configuration.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $text,)*
                })
            }
        }
    )*};
}

reasons! {
    /// Why a node does not let a link in.
    RefuseReason {
        Version = 1, "version", "the node speaks another version of the protocol: update the client or the server";
        TokenMalformed = 2, "token_malformed", "the user token cannot be read: ask the game's backend for a new one";
        TokenExpired = 3, "token_expired", "the user token has expired: ask the game's backend for a new one";
        TokenForeign = 4, "token_foreign", "the user token was signed for another cluster: check which backend issued it";
        NotOnline = 5, "not_online", "the node takes no new users now: try another node of the token";
        Full = 6, "full", "the node is full: try another node of the token";
        TicketForged = 7, "ticket_forged", "the ticket was not written by this cluster";
        TicketExpired = 8, "ticket_expired", "the ticket has expired";
        TicketOtherClient = 9, "ticket_other_client", "the ticket belongs to another client";
        TicketOtherNode = 10, "ticket_other_node", "the ticket was written for another node";
        TicketVoid = 11, "ticket_void", "the move of this ticket has ended";
        SessionUnknown = 12, "session_unknown", "the session has ended: connect anew";
        AlreadyConnected = 13, "already_connected", "the user is connected already, and the server keeps the older connection";
        OlderLink = 14, "older_link", "a newer link of this session is in use";
        Unavailable = 15, "unavailable", "the node cannot serve at the moment: try again";
        Greeting = 16, "greeting", "the link did not begin with a valid greeting";
    }

    /// Why a target does not take a cohort, or gives it back.
    TargetRefusal {
        NotOnline = 1, "not_online", "the target is not online";
        Full = 2, "full", "the target is full";
        OlderApplication = 3, "older_application", "the target runs an older version of the application";
        NotOwner = 4, "not_owner", "the directory does not show the source as the owner";
        Repeated = 5, "repeated", "the target has refused this move before";
        Fenced = 6, "fenced", "the target has lost touch with the engine";
        NoBaton = 7, "no_baton", "the baton did not arrive in time";
        Unreachable = 8, "unreachable", "the target cannot be reached";
        Silent = 9, "silent", "the target did not answer in time";
        TooLarge = 10, "too_large", "the state is larger than the target accepts";
        Unusable = 11, "unusable", "the target cannot go on from what was passed to it";
    }

    /// Why a move failed. The player plays on where they were.
    MoveFailure {
        NoTarget = 1, "no_target", "there is no other node that is online";
        TargetRefused = 2, "target_refused", "every target that was tried refused";
        ClientCannotReach = 3, "client_cannot_reach", "the client could not reach any target that was tried";
        EngineUnavailable = 4, "engine_unavailable", "the cluster's engine does not answer";
        FrozeTooLong = 5, "froze_too_long", "the state could not be passed on in time";
        Cancelled = 6, "cancelled", "the move was called off";
        LostOwnership = 7, "lost_ownership", "the directory names another owner";
        NotOffline = 8, "not_offline", "the node is not offline, so there is no reason to move";
        Stale = 9, "stale", "the request was made for an earlier epoch: the session has moved since";
        InRoom = 10, "in_room", "the session is in a room: use the room's migration";
        MovedRecently = 11, "moved_recently", "the session has moved a moment ago";
    }

    /// Why a session, or a link of it, ended.
    CloseReason {
        ByClient = 1, "by_client", "the client disconnected";
        ByServer = 2, "by_server", "the server application closed the session";
        Replaced = 3, "replaced", "the same user connected again elsewhere";
        TimedOut = 4, "timed_out", "the client did not come back in time";
        Misbehaved = 5, "misbehaved", "the peer broke the protocol";
        NodeStopped = 6, "node_stopped", "the node stopped, and no other node could take the session";
        Moved = 7, "moved", "the session is served by another node now";
        NewerLink = 8, "newer_link", "a newer link of the same session is in use";
        Silent = 9, "silent", "nothing arrived on the link for too long";
        SessionUnknown = 10, "session_unknown", "the session is not known to any node any more";
        TransportError = 11, "transport_error", "the transport broke";
        ResumeLater = 12, "resume_later", "the node stopped, and no other could take the session now: it waits for one";
    }

    /// Why a node is going offline.
    OfflineReason {
        ScaleIn = 1, "scale_in", "the cluster is being scaled in";
        Deploy = 2, "deploy", "a new version is being rolled out";
        Operator = 3, "operator", "an operator asked for it";
        Signal = 4, "signal", "the server process was asked to stop";
    }

    /// How a request was answered.
    ReplyStatus {
        Ok = 1, "ok", "done";
        BadRequest = 4, "bad_request", "the request was malformed or not allowed";
        Error = 5, "error", "the server failed to answer";
    }

    /// Why a room does not do what was asked of it.
    RoomRefusal {
        Full = 1, "full", "the room is full";
        Unknown = 2, "unknown", "there is no such room (any more)";
        Closed = 3, "closed", "the room is being closed";
        AlreadyInRoom = 4, "already_in_room", "the user is in a room already: leave it first";
        NotInRoom = 5, "not_in_room", "the user is in no room: join one first";
        NoSuchMember = 6, "no_such_member", "the room has no such member (any more)";
        NotOwner = 7, "not_owner", "only the owner of the room may do that";
        NoReservation = 8, "no_reservation", "the places that are left are reserved for others";
        OtherType = 9, "other_type", "the property is of another type";
        Differs = 10, "differs", "the property is not what was expected: the answer has its value";
        PropertyTooLarge = 11, "property_too_large", "the property is over the limit of the server";
        StateTooLarge = 12, "state_too_large", "the room's state would grow over the limit of the server";
        Rejected = 13, "rejected", "the server application does not let the user in";
        JoinFailed = 14, "join_failed", "the node of the room could not be reached: try again";
        Invalid = 15, "invalid", "an option is out of range";
        NotOffline = 16, "not_offline", "the node is not offline, so there is no reason to move the room";
        MoveFailed = 17, "move_failed", "the room could not be moved: play goes on where it was, try again later";
        Unavailable = 18, "unavailable", "the cluster's engine does not answer: try again later";
        Malformed = 19, "malformed", "the request cannot be read: update the client or the server";
    }

    /// Why somebody is not in a room any more.
    ExitReason {
        Left = 1, "left", "the member left";
        Kicked = 2, "kicked", "the owner of the room, or the server application, removed the member";
        Closed = 3, "closed", "the room was closed";
        Disconnected = 4, "disconnected", "the member's session ended";
        TooSlow = 5, "too_slow", "the member did not take what the room sent";
        Lost = 6, "lost", "the membership could not be restored after a crash";
    }
}
