//! Every limit of the protocol: unit in type or name, what happens at it, why this value.

use std::time::Duration;

/// Version of the protocol that this build speaks. Another one is refused with
/// [`RefuseReason::Version`](crate::protocol::reasons::RefuseReason::Version).
pub const VERSION: u16 = 1;

/// Largest reliable payload unless configured otherwise; a larger one is refused at `send`. 64 KiB is
/// four TLS records: big enough for any game message, small enough not to hold up the next one.
pub const MESSAGE_BYTES_MAX: u32 = 64 * 1024;

/// What one message costs in credit besides its payload: its header and the receiver's bookkeeping, so
/// that a flood of empty messages is bounded too.
pub const MESSAGE_OVERHEAD_BYTES: u64 = 32;

/// Largest frame on a client's link. Past it the link is closed: the peer is broken or hostile.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024 + 1024;

/// Largest frame between nodes; a cohort whose baton would be larger is not moved.
pub const PEER_FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Replay buffer of one direction of a session, in bytes of encoded messages. When it is full the sender
/// is told so (`QueueFull`); nothing is dropped.
pub const REPLAY_BYTES_MAX: usize = 1024 * 1024;

/// Credit that a receiver of application messages grants ahead. A sender without credit waits. A quarter
/// of the replay buffer: the buffer can always hold what was sent and not yet acknowledged.
pub const CREDIT_BYTES: u64 = 256 * 1024;

/// Credit of a link to a target before it serves: what it will keep for the session meanwhile.
pub const ATTACH_CREDIT_BYTES: u64 = 64 * 1024;

/// Control bytes that may wait on one link; past it the link is closed. Control frames are small and few,
/// so a full queue means a peer that does not read.
pub const CONTROL_BYTES_MAX: usize = 64 * 1024;

/// Received messages are acknowledged at the latest after this many bytes ...
pub const ACK_AFTER_BYTES: u64 = 32 * 1024;

/// ... or after this time. An acknowledgement only trims the sender's replay buffer, so it may be lazy;
/// one per message would double the number of frames.
pub const ACK_AFTER: Duration = Duration::from_millis(100);

/// Time between two pings of a client on a quiet link.
pub const PING_EVERY: Duration = Duration::from_secs(1);

/// A link on which nothing arrives for so long is taken for broken.
pub const SILENCE_MAX: Duration = Duration::from_secs(5);

/// How long a session without a link waits for its client; then it ends.
pub const RESUME_MAX: Duration = Duration::from_secs(60);

/// How long a new link may take to say who it is; then it is closed.
pub const GREETING_MAX: Duration = Duration::from_secs(5);

/// So many other nodes a client is told of, to look for its session there should its own be gone; more are not taken note of.
pub const NODES_TOLD_MAX: usize = 8;

/// First and largest pause between two attempts of a client to reconnect; full jitter between zero and it.
pub const BACK_OFF_FIRST: Duration = Duration::from_millis(50);
/// See [`BACK_OFF_FIRST`]. What follows a crash is late by about as much, for clients ask their dead node in turn with the others; and
/// all clients of that node ask so often.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(2);

/// How long one attempt to reach an address may take.
pub const DIAL_MAX: Duration = Duration::from_secs(3);

/// How long a link that is being closed may take to hand over its last bytes; past it they are given up:
/// the peer does not read.
pub const CLOSE_MAX: Duration = Duration::from_secs(1);

/// How long a target may take to answer Prepare; then the next one is tried.
pub const PREPARE_MAX: Duration = Duration::from_secs(1);

/// How long a client may take to attach to the target; then the next target is tried.
pub const ATTACH_MAX: Duration = Duration::from_secs(3);

/// How long the source waits for the outcome of its claim before it bumps the record (rule h).
pub const CLAIM_MAX: Duration = Duration::from_secs(2);

/// From the freeze to the baton's first byte; past it the move is given up: play would stutter.
pub const FREEZE_MAX: Duration = Duration::from_millis(50);

/// The target refuses when it saw Handing and no baton came for so long (rule c).
pub const BATON_WAIT_MAX: Duration = Duration::from_millis(500);

/// Pause before the baton is sent again while neither its receipt nor the record's change is known.
pub const BATON_RESEND: Duration = Duration::from_millis(200);

/// Pause between two reads of a record that a move waits for.
pub const RECORD_POLL: Duration = Duration::from_millis(100);

/// How long a ticket is good for.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);

/// How many targets a move tries.
pub const TARGETS_MAX: u32 = 3;

/// No session moves twice within this time unless it must.
pub const MOVE_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Moves that a source has on their way to one target unless that target says otherwise
/// ([`Credit`](crate::protocol::wire::Peer::Credit)): enough to begin with, far too few to hurt.
pub const MOVES_UNTOLD: u32 = 8;

/// How long a target's word about that counts. Long enough that it is seldom repeated, short enough that one
/// that was lost does not hold a drain up.
pub const CREDIT_GOOD_FOR: Duration = Duration::from_secs(1);

/// Moves that may be on their way to one node at once, from all others, unless configured otherwise. Each is a
/// handshake, some milliseconds of a core: more at once only wait for each other, and time out.
pub const ARRIVALS_MAX: u32 = 64;

/// State above this size is copied ahead of the freeze.
pub const COPY_AHEAD_BYTES: usize = 256 * 1024;

/// ... in pieces of about this size: a baton of another cohort that waits behind one is a fraction of a
/// millisecond late.
pub const COPY_PIECE_BYTES: usize = 64 * 1024;

/// Pieces that may be on their way: enough to keep a fast network busy.
pub const COPY_WINDOW: u64 = 8;

/// How often what has changed meanwhile is sent after the copy, before it has to travel with the baton.
pub const COPY_ROUNDS_MAX: u32 = 3;

/// A room that moves waits so long for the last of its clients to attach; they reconnect by themselves.
pub const GATHER_MAX: Duration = Duration::from_secs(2);

/// A room whose move has failed is moved again after this time, while its node is offline.
pub const ROOM_MOVE_AGAIN: Duration = Duration::from_secs(2);

/// How long one node tries to get a session into the room that it wants to join.
pub const JOIN_MAX: Duration = Duration::from_secs(10);

/// How long a client waits at the least for a room to be made, joined or moved, unless the game says how long: a
/// join on its way through three nodes, or a move with its time-outs.
pub const ROOM_ANSWER_MAX: Duration = Duration::from_secs(30);

/// How often a session moves after a room that it wants to join.
pub const JOIN_HOPS_MAX: u32 = 3;

/// A node renews its lease this often ...
pub const LEASE_RENEW: Duration = Duration::from_secs(3);
/// ... serves nothing once the last renewal was sent so long ago (rule e) ...
pub const SELF_FENCE: Duration = Duration::from_secs(12);
/// ... and others may take over after an unchanged heartbeat of so long (rule d).
pub const TAKE_OVER: Duration = Duration::from_secs(15);

/// With lazy durability a snapshot of a session is written at most this often: what a crash costs.
pub const SNAPSHOT_EVERY: Duration = Duration::from_secs(5);

/// Refused move ids that a node remembers; the oldest are forgotten first. Far more than can be in
/// flight within a ticket's life.
pub const REFUSALS_MAX: usize = 64 * 1024;

/// Fewest members that a room may be made for: one alone needs no room.
pub const ROOM_MEMBERS_MIN: u32 = 2;

/// Most members that a room may be made for, unless configured otherwise. A room moves in one freeze, and every
/// broadcast is sent to each member by one core: with more, both would be felt.
pub const ROOM_MEMBERS_MAX: u32 = 1000;

/// Longest broadcast interval; a room with a longer one is not made. What waits for so long is not play any more.
pub const ROOM_INTERVAL_MAX: Duration = Duration::from_secs(10);

/// Longest time to live of an empty room, a year; a room with a longer one is not made. Whoever means "for ever"
/// says 0.
pub const ROOM_TTL_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// Longest key of a property, or of a room's synchronised state, and longest name of a user with a reservation;
/// a longer one is refused. Ample for a name, and with 1,000 of them a quarter of a mebibyte.
pub const ROOM_KEY_BYTES_MAX: usize = 255;

/// Largest property of a room with its key, unless configured otherwise; a larger one is refused. Members hear of
/// it in one message.
pub const ROOM_PROPERTY_BYTES_MAX: u32 = 64 * 1024;

/// Properties and game state of a room, unless configured otherwise; what would make them larger is refused. It is
/// copied ahead of a move, so it does not lengthen the freeze, but each snapshot holds it.
pub const ROOM_STATE_BYTES_MAX: u64 = 1024 * 1024;

/// Synchronised state of a room in all, unless configured otherwise; what would make it larger is refused. It is
/// sent to everybody who joins, and is part of the baton.
pub const ROOM_SYNC_BYTES_MAX: u32 = 64 * 1024;

/// Broadcasts that wait for the end of a room's interval; when one more does not fit they are sent at once. Half
/// of the largest message, so that with its header it is always one.
pub const ROOM_MERGED_BYTES_MAX: u32 = 32 * 1024;

/// Properties that a room's listing holds; the others are not found by. Listings of all rooms are kept by all nodes.
pub const LISTED_PROPERTIES_MAX: usize = 32;

/// Longest text in a room's listing; a longer one is left out. Enough for the name of a map or a mode.
pub const LISTED_TEXT_BYTES_MAX: usize = 64;

const _: () = assert!(SELF_FENCE.as_millis() < TAKE_OVER.as_millis());
const _: () = assert!(LEASE_RENEW.as_millis() * 3 < SELF_FENCE.as_millis());
const _: () = assert!(CREDIT_BYTES as usize * 4 <= REPLAY_BYTES_MAX);
const _: () = assert!(ATTACH_CREDIT_BYTES <= CREDIT_BYTES);
const _: () = assert!(BATON_WAIT_MAX.as_millis() < TICKET_LIFE.as_millis());
const _: () = assert!(MESSAGE_BYTES_MAX as usize + 1024 <= FRAME_BYTES_MAX);
const _: () = assert!(ROOM_MERGED_BYTES_MAX * 2 <= MESSAGE_BYTES_MAX);
const _: () = assert!(ROOM_SYNC_BYTES_MAX as usize * 4 <= REPLAY_BYTES_MAX);
