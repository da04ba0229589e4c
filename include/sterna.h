/*
 * Sterna: moves live players from one game server to another while they play.
 *
 *     SternaClient *client = NULL;
 *     sterna_client_create(NULL, &client);
 *     sterna_client_on_push(client, on_push, game);
 *     sterna_client_on_offline(client, on_offline, game);      // calls sterna_client_send_migrate(client)
 *     sterna_client_connect(client, token_from_the_backend);
 *     while (playing) {                                        // once per frame
 *         sterna_client_update(client);                        // calls on_push and on_offline
 *         sterna_client_rsend(client, 2, 7, payload, length);
 *     }
 *     sterna_client_destroy(client);
 *
 * This file is generated from src/ffi; change that instead.
 *
 *
 * Results
 *
 *   Functions return a SternaResult: STERNA_OK or what is wrong. sterna_result_string explains it in general,
 *   sterna_client_last_error and sterna_last_error in this case. A NULL, misaligned, damaged or destroyed
 *   client is answered with a result and does no harm. A bug of the library itself gives STERNA_ERROR_PANIC,
 *   and so does each later call on that client but destroy; it never ends the program.
 *
 * Threads
 *
 *   Callbacks are called only inside sterna_client_update, on the thread that calls it. The library's own
 *   thread, one per process, never calls the program; it keeps connections and moves going while the program
 *   loads a level.
 *   Of one client, sterna_client_update and sterna_client_poll_event belong to one thread at a time; another
 *   one gets STERNA_ERROR_BUSY. Everything else may be called from any thread at any time, also inside a
 *   callback; the exception is sterna_shutdown, not inside a callback.
 *   Never call sterna_client_destroy or sterna_shutdown from DllMain or a static destructor.
 *
 * Ownership
 *
 *   What is passed to a function is copied before it returns.
 *   An event in a callback, its data and its text are the library's, valid until the callback returns. An event
 *   of sterna_client_poll_event is valid until the next sterna_client_poll_event, sterna_client_update or
 *   sterna_client_destroy of that client. Texts of errors are valid until the next call of the same thread
 *   that fails. Other texts are static.
 *
 * Events
 *
 *   Each event goes to the callback registered for it, or else, in order, to sterna_client_poll_event. Register
 *   before sterna_client_connect. Messages that are not taken are never dropped: past event_bytes_max the
 *   server holds back what it sends. Of other events that nobody polls, the first 4,096 are kept.
 *
 *   state          event              next state     when
 *   IDLE           (connect)          CONNECTING     sterna_client_connect returned STERNA_OK
 *   CONNECTING     connected          CONNECTED      exactly one of these two for each connect
 *   CONNECTING     connect_failed     DISCONNECTED
 *   CONNECTED      offline            CONNECTED      the node goes offline; answer with send_migrate
 *   CONNECTED      migrating          MIGRATING      another node is prepared
 *   CONNECTED      migrate_failed     CONNECTED      the move was refused at once
 *   MIGRATING      migrated           CONNECTED      exactly one of these two for each move
 *   MIGRATING      migrate_failed     CONNECTED      offline is not repeated; the game may ask again
 *   CONNECTED      reconnecting       RECONNECTING   the link broke, also in MIGRATING
 *   RECONNECTING   reconnected        CONNECTED      exactly one of these three for each break, or migrated, if
 *   RECONNECTING   took_over          CONNECTED      the move that was under way ended meanwhile
 *   RECONNECTING   disconnected       DISCONNECTED
 *   CONNECTED      took_over          CONNECTED      the node crashed; another one went on from a snapshot
 *   any of these   disconnected       DISCONNECTED   exactly one for each connected, the session's last event
 *   DISCONNECTED   (connect)          CONNECTING     connect may be called again
 *
 *   response, push and log change no state. Each request that was accepted gets exactly one response.
 *
 * Rooms
 *
 *   Players who play together are in one room, each in at most one at a time. A room lives on one node and moves
 *   as a whole: its id, its members and their numbers stay the same, and nobody leaves or joins by that. Members
 *   hear everything in one order. Events about rooms come in any of the connected states and change none:
 *
 *   room           event                next room      when
 *   none           (create, join)       none           a sterna_room_ function returned STERNA_OK
 *   none           room_result          none           exactly one for each request; a join that failed ends here
 *   none           room_entered         in the room    a join worked; room_result comes as well, before or after
 *   in the room    room_member_joined   in the room    somebody else has joined
 *   in the room    room_member_left     in the room    somebody else is gone, and why
 *   in the room    room_owner_changed   in the room    the owner has left
 *   in the room    room_message         in the room    broadcast, relay or send_to of a member
 *   in the room    room_property        in the room    set, remove, compare_and_set, increment of a member
 *   in the room    room_sync            in the room    sync of a member, or the state behind room_entered
 *   in the room    room_migrated        in the room    the room has moved: one for each migrated, right after it
 *   in the room    room_refreshed       in the room    the room was restarted after a crash, see took_over; what has
 *                                                      changed in it was told just before
 *   in the room    room_exited          none           exactly one for each room_entered, unless disconnected comes
 *                                                      first, and the last event about that room
 *   any            disconnected         none           the room is left without a further event
 *
 *   While in a room, do not answer offline with sterna_client_send_migrate, which gives STERNA_ERROR_IN_ROOM: the
 *   room's owner may call sterna_room_send_migrate, or nobody anything, for the server moves the room in time.
 *   sterna_room_id, _me, _owner, _member_count and _members answer as of the latest event that was handed out.
 *
 * Growth
 *
 *   Constants keep their numbers; a newer library may use further ones. Structs grow at their end only:
 *   struct_size says how much the program or the library knows. A program works with each library of the same
 *   STERNA_ABI_VERSION that is not older than its header.
 */


#ifndef STERNA_H
#define STERNA_H

#include <stddef.h>
#include <stdint.h>

#define STERNA_VERSION_MAJOR 0
#define STERNA_VERSION_MINOR 1
#define STERNA_VERSION_PATCH 0
#define STERNA_VERSION_STRING "0.1.0"

/* A program compares it with sterna_abi_version() before it calls anything else. */
#define STERNA_ABI_VERSION 1

/* Define STERNA_STATIC if the library is linked statically on Windows. */
#ifndef STERNA_API
#  if defined(_WIN32) && !defined(STERNA_STATIC)
#    define STERNA_API __declspec(dllimport)
#  elif defined(__GNUC__) && !defined(_WIN32)
#    define STERNA_API __attribute__((visibility("default")))
#  else
#    define STERNA_API
#  endif
#endif


/**
 * How a call or an event ended. The numbers never change; a newer library may have more of them.
 */
typedef enum SternaResult {
  /**
   * No error.
   */
  STERNA_OK = 0,
  /**
   * An argument is NULL that must not be: pass a valid pointer.
   */
  STERNA_ERROR_NULL_ARGUMENT = 1,
  /**
   * A pointer is not aligned for its type: pass the address of a properly declared object.
   */
  STERNA_ERROR_MISALIGNED = 2,
  /**
   * struct_size does not fit this library: fill the struct with its init function first.
   */
  STERNA_ERROR_STRUCT_SIZE = 3,
  /**
   * An argument is out of range: see the text of the last error.
   */
  STERNA_ERROR_INVALID_ARGUMENT = 4,
  /**
   * Another thread is inside update or poll_event of this client: call them from one thread at a time.
   */
  STERNA_ERROR_BUSY = 5,
  /**
   * The library ran into a bug of its own and has stopped this client: destroy it and report the last error.
   */
  STERNA_ERROR_PANIC = 6,
  /**
   * The client is not connected: call connect and wait for the connected event.
   */
  STERNA_ERROR_NOT_CONNECTED = 7,
  /**
   * The client is connected or connecting already: disconnect first, or create another client.
   */
  STERNA_ERROR_ALREADY_CONNECTED = 8,
  /**
   * The send queue is full: the message was not taken; send again after some updates.
   */
  STERNA_ERROR_QUEUE_FULL = 9,
  /**
   * The message is over the limit: split it, or raise the limit on the server and in the configuration.
   */
  STERNA_ERROR_MESSAGE_TOO_LARGE = 10,
  /**
   * Message versions 0 and 1 are reserved: use 2 or above.
   */
  STERNA_ERROR_RESERVED_VERSION = 11,
  /**
   * The library has been shut down: no new client can be created while that goes on.
   */
  STERNA_ERROR_SHUT_DOWN = 12,
  /**
   * The operating system refused something: see the text of the last error.
   */
  STERNA_ERROR_SYSTEM = 13,
  /**
   * This is no client, or one that has been destroyed: use the pointer that create gave, until destroy.
   */
  STERNA_ERROR_INVALID_HANDLE = 14,
  /**
   * The library does not fit the program: build the program with the header of this library.
   */
  STERNA_ERROR_ABI_MISMATCH = 15,
  /**
   * Given up, because disconnect was called.
   */
  STERNA_ERROR_ABORTED = 16,
  /**
   * The connect token cannot be read: pass it exactly as the game's backend gave it.
   */
  STERNA_ERROR_TOKEN_MALFORMED = 20,
  /**
   * The token has expired: ask the game's backend for a new one.
   */
  STERNA_ERROR_TOKEN_EXPIRED = 21,
  /**
   * The token is for another cluster: check which backend issued it.
   */
  STERNA_ERROR_TOKEN_FOREIGN = 22,
  /**
   * The connect token names no address for this transport: create the client for the other one, or ask the backend.
   */
  STERNA_ERROR_NO_ADDRESS = 23,
  /**
   * No node of the token can be reached: check the network and that the servers run.
   */
  STERNA_ERROR_UNREACHABLE = 24,
  /**
   * No node answered in time: check the network and firewalls, for UDP as well.
   */
  STERNA_ERROR_TIMED_OUT = 25,
  /**
   * Client and server speak different versions of the protocol: update the older one.
   */
  STERNA_ERROR_VERSION = 26,
  /**
   * The server's certificate is not of the token's cluster: the token is outdated, or somebody is in between.
   */
  STERNA_ERROR_CERTIFICATE = 27,
  /**
   * No node takes new users at the moment: try again later.
   */
  STERNA_ERROR_NOT_ONLINE = 28,
  /**
   * Every node is full: try again later.
   */
  STERNA_ERROR_FULL = 29,
  /**
   * The user is connected already, and the server keeps the older connection.
   */
  STERNA_ERROR_CONNECTED_ELSEWHERE = 30,
  /**
   * The server broke the protocol: check that it is a Sterna node of a fitting version.
   */
  STERNA_ERROR_PEER_MISBEHAVED = 31,
  /**
   * The connection broke.
   */
  STERNA_ERROR_TRANSPORT_BROKEN = 32,
  /**
   * The node is not offline, so there is no reason to migrate: wait for the offline event.
   */
  STERNA_ERROR_NOT_OFFLINE = 40,
  /**
   * The request came too late, the session has moved meanwhile: nothing needs to be done.
   */
  STERNA_ERROR_STALE = 41,
  /**
   * The user is in a room, which moves as a whole: use the room's migration.
   */
  STERNA_ERROR_IN_ROOM = 42,
  /**
   * No other node is online: play goes on here, the server tries again.
   */
  STERNA_ERROR_NO_TARGET = 43,
  /**
   * Every node that was tried refused: play goes on here, try again later.
   */
  STERNA_ERROR_TARGET_REFUSED = 44,
  /**
   * The client could not reach any node that was tried: play goes on here.
   */
  STERNA_ERROR_CANNOT_REACH_TARGET = 45,
  /**
   * The cluster's engine does not answer: play goes on here, try again later.
   */
  STERNA_ERROR_ENGINE_UNAVAILABLE = 46,
  /**
   * The state could not be passed on in time: play goes on here, try again later.
   */
  STERNA_ERROR_FROZE_TOO_LONG = 47,
  /**
   * The migration was called off: play goes on here.
   */
  STERNA_ERROR_CANCELLED = 48,
  /**
   * The directory names another owner: the client resumes there by itself.
   */
  STERNA_ERROR_LOST_OWNERSHIP = 49,
  /**
   * The session has moved a moment ago: try again later.
   */
  STERNA_ERROR_MOVED_RECENTLY = 50,
  /**
   * The server closed the session.
   */
  STERNA_ERROR_CLOSED_BY_SERVER = 60,
  /**
   * The same user connected again elsewhere.
   */
  STERNA_ERROR_REPLACED = 61,
  /**
   * The connection could not be restored in time, and the session has ended: connect anew.
   */
  STERNA_ERROR_SESSION_TIMED_OUT = 62,
  /**
   * The server stopped, and no other could take the session: connect anew.
   */
  STERNA_ERROR_NODE_STOPPED = 63,
  /**
   * No server knows the session any more: connect anew.
   */
  STERNA_ERROR_SESSION_UNKNOWN = 64,
  /**
   * The server stopped, and no other can take the session now: it waits, and the client keeps trying.
   */
  STERNA_ERROR_RESUME_LATER = 65,
  /**
   * The request was not answered in time; the server may still have carried it out.
   */
  STERNA_ERROR_REQUEST_TIMED_OUT = 70,
  /**
   * The server calls the request malformed or not allowed.
   */
  STERNA_ERROR_REQUEST_BAD = 71,
  /**
   * The server failed to answer the request.
   */
  STERNA_ERROR_REQUEST_FAILED = 72,
  /**
   * The session ended before the request was answered.
   */
  STERNA_ERROR_REQUEST_ABANDONED = 73,
  /**
   * The room is full: join another one, or try again later.
   */
  STERNA_ERROR_ROOM_FULL = 80,
  /**
   * There is no such room (any more): join another one.
   */
  STERNA_ERROR_ROOM_UNKNOWN = 81,
  /**
   * The room was closed, or is being closed: join another one.
   */
  STERNA_ERROR_ROOM_CLOSED = 82,
  /**
   * The user is in a room already: leave it first.
   */
  STERNA_ERROR_ALREADY_IN_ROOM = 83,
  /**
   * The user is in no room: join one first.
   */
  STERNA_ERROR_NOT_IN_ROOM = 84,
  /**
   * The room has no such member (any more).
   */
  STERNA_ERROR_NO_SUCH_MEMBER = 85,
  /**
   * Only the owner of the room may do that.
   */
  STERNA_ERROR_NOT_ROOM_OWNER = 86,
  /**
   * The places that are left in the room are reserved for others.
   */
  STERNA_ERROR_NO_RESERVATION = 87,
  /**
   * The property is of another type: use one type for each key, or set it anew.
   */
  STERNA_ERROR_PROPERTY_TYPE = 88,
  /**
   * The property is not what was expected: the result has its value.
   */
  STERNA_ERROR_PROPERTY_DIFFERS = 89,
  /**
   * The property is over the limit of the server: shorten it, or raise the limit.
   */
  STERNA_ERROR_PROPERTY_TOO_LARGE = 90,
  /**
   * The room's state would grow over the limit of the server: remove something, or raise the limit.
   */
  STERNA_ERROR_ROOM_STATE_TOO_LARGE = 91,
  /**
   * The server application does not let the user into the room.
   */
  STERNA_ERROR_ROOM_REJECTED = 92,
  /**
   * The node of the room could not be reached: try again.
   */
  STERNA_ERROR_JOIN_FAILED = 93,
  /**
   * The server calls an option of the request out of range: see the fields of the request.
   */
  STERNA_ERROR_ROOM_OPTION_INVALID = 94,
  /**
   * The room could not be moved: play goes on where it was, try again later.
   */
  STERNA_ERROR_ROOM_MOVE_FAILED = 95,
  /**
   * Removed by the owner of the room, or by the server application.
   */
  STERNA_ERROR_KICKED = 96,
  /**
   * Removed from the room, because what it sent was not taken: call update in every frame, and join again.
   */
  STERNA_ERROR_TOO_SLOW = 97,
  /**
   * A node crashed, and the membership in the room could not be restored: join again.
   */
  STERNA_ERROR_MEMBERSHIP_LOST = 98,
  /**
   * The member's session ended.
   */
  STERNA_ERROR_MEMBER_DISCONNECTED = 99,
} SternaResult;

/**
 * Where a client stands.
 */
typedef enum SternaState {
  /**
   * `connect` was not called yet.
   */
  STERNA_STATE_IDLE = 0,
  /**
   * `connect` was called; `connected` or `connect_failed` follows.
   */
  STERNA_STATE_CONNECTING = 1,
  /**
   * A node serves the session.
   */
  STERNA_STATE_CONNECTED = 2,
  /**
   * So it does, and a move to another one is under way.
   */
  STERNA_STATE_MIGRATING = 3,
  /**
   * The link broke and is being restored.
   */
  STERNA_STATE_RECONNECTING = 4,
  /**
   * There is no session any more; `connect` may be called again.
   */
  STERNA_STATE_DISCONNECTED = 5,
  /**
   * The pointer is no client.
   */
  STERNA_STATE_INVALID = 255,
} SternaState;

/**
 * What an event tells. The numbers never change; a newer library may have more of them.
 */
typedef enum SternaEventType {
  /**
   * `connect` succeeded. Valid: `session_id`; `text`: the node's name.
   */
  STERNA_EVENT_CONNECTED = 1,
  /**
   * `connect` failed. Valid: `status`; `text`: what went wrong.
   */
  STERNA_EVENT_CONNECT_FAILED = 2,
  /**
   * The session has ended, for good. Valid: `status` (`STERNA_OK` if the game asked for it); `text`: why.
   */
  STERNA_EVENT_DISCONNECTED = 3,
  /**
   * The link broke; the client restores it by itself. Valid: `status`; `text`: why.
   */
  STERNA_EVENT_RECONNECTING = 4,
  /**
   * The link is restored; no reliable message was lost. Valid: `epoch`; `text`: the node's name.
   */
  STERNA_EVENT_RECONNECTED = 5,
  /**
   * The node goes offline: call `sterna_client_send_migrate` when it suits the game. Valid: `epoch`,
   * `deadline_ms`, `reason`, `in_room`.
   */
  STERNA_EVENT_OFFLINE = 6,
  /**
   * Another node is prepared, and the client attaches to it; play goes on. Valid: `epoch`.
   */
  STERNA_EVENT_MIGRATING = 7,
  /**
   * Another node serves the session now; nothing was lost. Valid: `epoch`, `gap_us`; `text`: that
   * node's name.
   */
  STERNA_EVENT_MIGRATED = 8,
  /**
   * The move failed; play goes on where it was. Valid: `status`; `text`: why.
   */
  STERNA_EVENT_MIGRATE_FAILED = 9,
  /**
   * The node crashed, and another one went on from the last snapshot: messages may be gone. Valid:
   * `epoch`, `lost_from`, `lost_to`; `text`: the node's name.
   */
  STERNA_EVENT_TOOK_OVER = 10,
  /**
   * A request was answered, or will not be. Valid: `request_id`, `status`, `ver`, `cmd`, `data`,
   * `length`.
   */
  STERNA_EVENT_RESPONSE = 11,
  /**
   * The server sent a message. Valid: `ver`, `cmd`, `reliable`, `data`, `length`.
   */
  STERNA_EVENT_PUSH = 12,
  /**
   * The library has something to say. Valid: `log_level`; `text`: the line.
   */
  STERNA_EVENT_LOG = 13,
  /**
   * The user is in a room. Valid: `room_id`; `member`: the user's own number in it; `owner`;
   * `member_count`; `members_max`. `sterna_room_members` tells who is in it.
   */
  STERNA_EVENT_ROOM_ENTERED = 14,
  /**
   * The user is not in the room any more. Valid: `room_id`; `status`: `STERNA_OK` if the user left,
   * `STERNA_ERROR_KICKED`, `STERNA_ERROR_ROOM_CLOSED`, `STERNA_ERROR_TOO_SLOW` or
   * `STERNA_ERROR_MEMBERSHIP_LOST`; `text`: why.
   */
  STERNA_EVENT_ROOM_EXITED = 15,
  /**
   * Somebody has joined the room. Valid: `member`; `text`: their user id.
   */
  STERNA_EVENT_ROOM_MEMBER_JOINED = 16,
  /**
   * Somebody is not in the room any more. Valid: `member`; `text`: their user id; `status`: why, as with
   * `room_exited`, or `STERNA_ERROR_MEMBER_DISCONNECTED`.
   */
  STERNA_EVENT_ROOM_MEMBER_LEFT = 17,
  /**
   * A message to the room. Valid: `member`: who sent it, 0 for the server application; `text`: their user id;
   * `ver`, `cmd`, `data`, `length`.
   */
  STERNA_EVENT_ROOM_MESSAGE = 18,
  /**
   * The room has another owner. Valid: `owner`, 0 for nobody; `text`: their user id.
   */
  STERNA_EVENT_ROOM_OWNER_CHANGED = 19,
  /**
   * A property of the room has changed. Valid: `text`: its key; `value`, of kind `STERNA_VALUE_NONE` if it is
   * deleted; `member`: who changed it, 0 for the server application.
   */
  STERNA_EVENT_ROOM_PROPERTY = 20,
  /**
   * A key of the room's synchronised state has another value. Valid: `text`: the key; `data`, `length`: the
   * value, empty if it is removed; `member`: who set it.
   */
  STERNA_EVENT_ROOM_SYNC = 21,
  /**
   * A request about rooms has ended. Valid: `request_id`; `status`; `value`, of kind `STERNA_VALUE_NONE` if
   * there is none; `room_id`: of a room that was made or joined, else 0.
   */
  STERNA_EVENT_ROOM_RESULT = 22,
  /**
   * The room has moved to another node with everybody in it. Nobody has left or joined, nothing was lost.
   * Valid: `room_id`, the same as before; `epoch`.
   */
  STERNA_EVENT_ROOM_MIGRATED = 23,
  /**
   * The room was restarted after a crash. Who is in it has been told by `room_member_left`,
   * `room_member_joined` and `room_owner_changed` before; its properties may be older than those told last.
   * Valid: `room_id`.
   */
  STERNA_EVENT_ROOM_REFRESHED = 24,
} SternaEventType;

/**
 * Why a node goes offline.
 */
typedef enum SternaOfflineReason {
  /**
   * The event is not about that.
   */
  STERNA_OFFLINE_NONE = 0,
  /**
   * The cluster is being scaled in.
   */
  STERNA_OFFLINE_SCALE_IN = 1,
  /**
   * A new version is being rolled out.
   */
  STERNA_OFFLINE_DEPLOY = 2,
  /**
   * An operator asked for it.
   */
  STERNA_OFFLINE_OPERATOR = 3,
  /**
   * The server process was asked to stop.
   */
  STERNA_OFFLINE_SIGNAL = 4,
} SternaOfflineReason;

/**
 * How a client reaches its nodes.
 */
typedef enum SternaTransport {
  /**
   * TCP with TLS 1.3. Every message is reliable and ordered.
   */
  STERNA_TRANSPORT_TCP = 0,
  /**
   * QUIC over UDP: reliable messages on a stream, unreliable ones in datagrams.
   */
  STERNA_TRANSPORT_UDP = 1,
} SternaTransport;

/**
 * How a client is moved to another node.
 */
typedef enum SternaMoveMode {
  /**
   * Make before break: it attaches to the next node while the present one still serves.
   */
  STERNA_MOVE_SEAMLESS = 0,
  /**
   * Break before make: disconnect, move, reconnect. Nothing is lost, but play stands still for some round trips;
   * what is sent meanwhile waits. For networks that allow one connection at a time, and to see the difference.
   */
  STERNA_MOVE_CLASSIC = 1,
} SternaMoveMode;

/**
 * How important a log line is, and how much a client logs.
 */
typedef enum SternaLogLevel {
  /**
   * Nothing.
   */
  STERNA_LOG_OFF = 0,
  /**
   * A promise is broken.
   */
  STERNA_LOG_ERROR = 1,
  /**
   * Somebody should look.
   */
  STERNA_LOG_WARN = 2,
  /**
   * Connections come and go.
   */
  STERNA_LOG_INFO = 3,
  /**
   * Each step of a move.
   */
  STERNA_LOG_DEBUG = 4,
} SternaLogLevel;

/**
 * Which type a `SternaValue` has.
 */
typedef enum SternaValueKind {
  /**
   * There is no value.
   */
  STERNA_VALUE_NONE = 0,
  /**
   * A signed 64-bit integer, in `integer`.
   */
  STERNA_VALUE_INTEGER = 1,
  /**
   * A 64-bit float, in `number`.
   */
  STERNA_VALUE_FLOAT = 2,
  /**
   * UTF-8 text, in `data` and `length`. Of the library's own a NUL follows.
   */
  STERNA_VALUE_TEXT = 3,
  /**
   * Any bytes, in `data` and `length`.
   */
  STERNA_VALUE_BYTES = 4,
} SternaValueKind;

/**
 * How a condition compares a property with a value.
 */
typedef enum SternaComparison {
  /**
   * Equal, and of the same type.
   */
  STERNA_COMPARE_EQUAL = 1,
  /**
   * Not equal, or not there.
   */
  STERNA_COMPARE_NOT_EQUAL = 2,
  /**
   * A number below the value.
   */
  STERNA_COMPARE_LESS = 3,
  /**
   * A number not above the value.
   */
  STERNA_COMPARE_AT_MOST = 4,
  /**
   * A number above the value.
   */
  STERNA_COMPARE_GREATER = 5,
  /**
   * A number not below the value.
   */
  STERNA_COMPARE_AT_LEAST = 6,
} SternaComparison;

/**
 * A client: one user's connection to a cluster. Only the library knows what is inside; the pointer is
 * to be passed on, never followed or compared for order.
 */
typedef struct SternaClient SternaClient;

/**
 * Configuration of one client. Fill it with `sterna_client_config_init`, then change what you like.
 */
typedef struct SternaClientConfig {
  /**
   * Set by `sterna_client_config_init`: the size of this struct as the program knows it.
   */
  uint32_t struct_size;
  /**
   * A `SternaTransport`. Initially TCP.
   */
  uint32_t transport;
  /**
   * A `SternaMoveMode`. Initially seamless. A room moves as one, and always seamlessly.
   */
  uint32_t move_mode;
  /**
   * A `SternaLogLevel`. Initially warnings and errors.
   */
  uint32_t log_level;
  /**
   * How long `connect` may take, over all addresses of the token. Initially 10,000.
   */
  uint32_t connect_timeout_ms;
  /**
   * How long a broken link may take to be restored; the server's own limit holds as well. Initially
   * 60,000.
   */
  uint32_t resume_timeout_ms;
  /**
   * How long a request waits for its reply unless it says otherwise. Initially 5,000.
   */
  uint32_t request_timeout_ms;
  /**
   * Pause between pings on a quiet link. Initially 1,000.
   */
  uint32_t ping_every_ms;
  /**
   * A link that is silent for so long is given up, and restored. Initially 5,000.
   */
  uint32_t silence_max_ms;
  /**
   * Bytes of messages that may wait to be sent or acknowledged; past it sending gives
   * `STERNA_ERROR_QUEUE_FULL`. Initially 1 MiB.
   */
  uint32_t send_bytes_max;
  /**
   * Bytes of received messages that may wait for `update` and `poll_event`; past it the server holds
   * back what it sends to this client. Initially 256 KiB.
   */
  uint32_t event_bytes_max;
  /**
   * Largest payload of a reliable message. Initially 64 KiB.
   */
  uint32_t message_bytes_max;
  /**
   * A bad network, to try a game under: added to every packet, each way. Initially 0, like the others.
   */
  uint32_t simulator_delay_ms;
  /**
   * Up to so much more delay, at random.
   */
  uint32_t simulator_jitter_ms;
  /**
   * Out of 100 packets, how many are lost.
   */
  uint32_t simulator_loss_percent;
  /**
   * Must be 0.
   */
  uint32_t reserved;
  /**
   * Begins the random choices, so that they can be repeated.
   */
  uint64_t simulator_seed;
} SternaClientConfig;

/**
 * A value of a room's property. It comes back as it was set: integers stay integers, floats keep their bits.
 * This struct never grows.
 */
typedef struct SternaValue {
  /**
   * A `SternaValueKind`.
   */
  uint32_t kind;
  /**
   * Bytes in `data`.
   */
  uint32_t length;
  /**
   * The integer.
   */
  int64_t integer;
  /**
   * The float.
   */
  double number;
  /**
   * The text, or the bytes. In events never NULL.
   */
  const uint8_t *data;
} SternaValue;

/**
 * Something that happened. Which fields are valid is told at each `SternaEventType`; the others are 0.
 * The library owns it and everything that it points to: see "Ownership" above for how long.
 */
typedef struct SternaEvent {
  /**
   * Size of this struct as the library knows it. A program built for a newer header checks it before
   * it reads fields that were added at the end.
   */
  uint32_t struct_size;
  /**
   * What happened.
   */
  enum SternaEventType event_type;
  /**
   * How it ended.
   */
  enum SternaResult status;
  /**
   * Bytes in `data`.
   */
  uint32_t length;
  /**
   * The payload. A NUL follows it that is not part of it. Never NULL.
   */
  const uint8_t *data;
  /**
   * What there is to say, in UTF-8, ending in a NUL. Never NULL.
   */
  const char *text;
  /**
   * The number that `sterna_client_request` or a `sterna_room_` function gave.
   */
  uint64_t request_id;
  /**
   * The session that has begun, for the game's logs.
   */
  uint64_t session_id;
  /**
   * How often the session has changed its owner.
   */
  uint64_t epoch;
  /**
   * Milliseconds until the session is moved without asking.
   */
  uint64_t deadline_ms;
  /**
   * Microseconds between the last message from the old node and the first from the new one.
   */
  uint64_t gap_us;
  /**
   * First message to the server that is gone, counted from the session's start ...
   */
  uint64_t lost_from;
  /**
   * ... and the first that is not gone any more; equal if none is.
   */
  uint64_t lost_to;
  /**
   * Why the node goes offline.
   */
  enum SternaOfflineReason reason;
  /**
   * How important the log line is, a `SternaLogLevel`.
   */
  uint32_t log_level;
  /**
   * The message's command.
   */
  uint16_t cmd;
  /**
   * The message's version.
   */
  uint8_t ver;
  /**
   * 1 if the message came reliably, 0 if not.
   */
  uint8_t reliable;
  /**
   * 1 if the user is in a room, which moves as a whole, so that no answer is needed; 0 if not.
   */
  uint8_t in_room;
  /**
   * Always 0.
   */
  uint8_t reserved[3];
  /**
   * The room, the same on all nodes.
   */
  uint64_t room_id;
  /**
   * The member of the room that the event is about; 0 if none.
   */
  uint64_t member;
  /**
   * Who owns the room; 0 if nobody does.
   */
  uint64_t owner;
  /**
   * How many members the room has.
   */
  uint32_t member_count;
  /**
   * How many members the room takes.
   */
  uint32_t members_max;
  /**
   * The value of a property. What it points to is as valid as `data`.
   */
  struct SternaValue value;
} SternaEvent;

/**
 * Is told about an event. Called only inside `sterna_client_update`, on the thread that calls it. The
 * event, its data and its text are valid until the callback returns. Every function may be called in it but
 * `update` and `poll_event` of the same client, and `sterna_shutdown`. No C++ exception may leave it.
 */
typedef void (*SternaEventCallback)(struct SternaClient *client,
                                    const struct SternaEvent *event,
                                    void *user_data);

/**
 * A property of a room: a key and its value. This struct never grows.
 */
typedef struct SternaRoomProperty {
  /**
   * Its key, in UTF-8, ending in a NUL.
   */
  const char *key;
  /**
   * Its value.
   */
  struct SternaValue value;
} SternaRoomProperty;

/**
 * How a room is made. Fill it with `sterna_room_config_init`, then change what you like.
 */
typedef struct SternaRoomConfig {
  /**
   * Set by `sterna_room_config_init`: the size of this struct as the program knows it.
   */
  uint32_t struct_size;
  /**
   * How many members the room takes: 2 to 1,000. Initially 8.
   */
  uint32_t members_max;
  /**
   * Broadcasts of so many milliseconds are sent together, which saves packets and costs delay; 0: each at
   * once. At most 10,000. Initially 0.
   */
  uint32_t interval_ms;
  /**
   * 1: the room stays when the last member has left; 0: it is closed then. Initially 0.
   */
  uint32_t allow_empty;
  /**
   * 1: it can be found by `sterna_room_join_random`; 0: only those who know its id can join. Initially 0.
   * A room that `sterna_room_join_random` makes can always be found.
   */
  uint32_t listed;
  /**
   * How many there are in `properties`. Initially 0.
   */
  uint32_t properties_count;
  /**
   * With `allow_empty`: for how many milliseconds an empty room stays; 0: until it is closed. Initially 0.
   */
  uint64_t ttl_ms;
  /**
   * The room's first properties; may be NULL if there are none.
   */
  const struct SternaRoomProperty *properties;
} SternaRoomConfig;

/**
 * A condition on a room's property. A room fits if all of them hold. This struct never grows.
 */
typedef struct SternaRoomCondition {
  /**
   * The property's key, in UTF-8, ending in a NUL.
   */
  const char *key;
  /**
   * A `SternaComparison`.
   */
  uint32_t comparison;
  /**
   * Must be 0.
   */
  uint32_t reserved;
  /**
   * What the property is compared with.
   */
  struct SternaValue value;
} SternaRoomCondition;

/**
 * Somebody in the room. This struct never grows.
 */
typedef struct SternaRoomMember {
  /**
   * Their number in this room, counted from 1 in the order of joining; never given twice in one room.
   */
  uint64_t member;
  /**
   * Their user id, in UTF-8, ending in a NUL; the library's.
   */
  const char *user;
} SternaRoomMember;

/**
 * A client's figures. Counters begin with the client and go on across connections.
 */
typedef struct SternaStats {
  /**
   * Round trip to the node, smoothed, in microseconds; 0 while unknown.
   */
  uint64_t rtt_us;
  /**
   * The shortest round trip of this connection, in microseconds; 0 while unknown.
   */
  uint64_t rtt_min_us;
  /**
   * Bytes sent, with the protocol's own, without TLS, TCP or UDP.
   */
  uint64_t bytes_sent;
  /**
   * Bytes received, counted likewise.
   */
  uint64_t bytes_received;
  /**
   * Messages and requests that the game sent.
   */
  uint64_t messages_sent;
  /**
   * Messages and replies that came for the game.
   */
  uint64_t messages_received;
  /**
   * Moves to another node that succeeded.
   */
  uint64_t moves;
  /**
   * Moves that failed; play went on where it was.
   */
  uint64_t moves_failed;
  /**
   * Links that broke and were restored.
   */
  uint64_t reconnects;
  /**
   * What the last move added to the time between two messages, in microseconds.
   */
  uint64_t last_move_gap_us;
  /**
   * Bytes that wait to be sent or acknowledged.
   */
  uint64_t send_queue_bytes;
  /**
   * Bytes of events that wait for `update` or `poll_event`.
   */
  uint64_t event_queue_bytes;
  /**
   * How often the session has changed its owner; 0 before the first connection.
   */
  uint64_t epoch;
} SternaStats;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The library's version, like "0.1.0".
 */
STERNA_API const char *sterna_version(void);

/**
 * The library's binary interface. If it differs from the header's STERNA_ABI_VERSION, do not call
 * anything else: the library does not fit the program.
 */
STERNA_API uint32_t sterna_abi_version(void);

/**
 * What a result code means and what to do about it: one static English text, for any number.
 */
STERNA_API const char *sterna_result_string(uint32_t result);

/**
 * What the calling thread's last failed call, on whichever client or on none, has to say; an empty text
 * if none has failed. Never NULL. Valid until the next call of this thread that fails.
 */
STERNA_API const char *sterna_last_error(void);

/**
 * Like `sterna_last_error`, but an empty text if the calling thread's last failed call was not on this
 * client. Events bring their own text. Never NULL. Valid until the next call of this thread that fails.
 */
STERNA_API const char *sterna_client_last_error(struct SternaClient *client);

/**
 * Fills a configuration with the initial values. Pass `sizeof(SternaClientConfig)` as `struct_size`: it
 * tells a newer library how much the program's struct holds.
 */
STERNA_API
enum SternaResult sterna_client_config_init(struct SternaClientConfig *config,
                                            uint32_t struct_size);

/**
 * Creates a client and writes it to `out_client`; it starts with `sterna_client_connect`. A NULL
 * configuration stands for the initial one. Destroy it with `sterna_client_destroy`.
 *
 * On failure `out_client` is set to NULL, and `sterna_last_error` tells more.
 */
STERNA_API
enum SternaResult sterna_client_create(const struct SternaClientConfig *config,
                                       struct SternaClient **out_client);

/**
 * Ends the session if there is one, and releases the client. NULL is fine. From any thread at any time:
 * if other calls are inside, the last one to leave completes it; inside a callback it takes effect when
 * `update` returns, and no further callback comes.
 *
 * `STERNA_ERROR_INVALID_HANDLE` if it was destroyed before, which does no harm.
 */
STERNA_API enum SternaResult sterna_client_destroy(struct SternaClient *client);

/**
 * Connects with a token that the game's backend gave: `sterna1.` and more. Returns at once; exactly one
 * `connected` or `connect_failed` event follows. May be called again after `connect_failed` or
 * `disconnected`.
 *
 * If the call itself fails, no event follows: `STERNA_ERROR_TOKEN_MALFORMED`, `STERNA_ERROR_NO_ADDRESS`
 * or `STERNA_ERROR_ALREADY_CONNECTED`.
 */
STERNA_API enum SternaResult sterna_client_connect(struct SternaClient *client, const char *token);

/**
 * Ends the session: reliable messages sent before still go out, a `disconnected` event follows. While
 * connecting, it calls the attempt off, and `connect_failed` follows. From any thread.
 */
STERNA_API enum SternaResult sterna_client_disconnect(struct SternaClient *client);

/**
 * Where the client stands now. It may be ahead of the events, which wait for `update`. From any thread.
 */
STERNA_API enum SternaState sterna_client_state(struct SternaClient *client);

/**
 * Destroys whatever clients are left and ends the network thread, so that the library can be unloaded.
 * Destroying the last client does the same; this is for hosts that lost track, such as an editor that
 * reloads its scripts. Clients may be created again afterwards.
 *
 * `STERNA_ERROR_BUSY` if a call on a client is still running, this one's own callback included: call
 * again when it is over. Never call it from DllMain or a static destructor.
 */
STERNA_API enum SternaResult sterna_shutdown(void);

/**
 * `connect` succeeded: the session has begun.
 *
 * Fires once after each `sterna_client_connect` that returned `STERNA_OK`, unless `connect_failed` does.
 * Valid in it: `session_id`, `text` (the node's name).
 */
STERNA_API
enum SternaResult sterna_client_on_connected(struct SternaClient *client,
                                             SternaEventCallback callback,
                                             void *user_data);

/**
 * `connect` failed; it may be called again.
 *
 * Fires once after each `sterna_client_connect` that returned `STERNA_OK`, unless `connected` does. Valid in
 * it: `status`, `text`.
 */
STERNA_API
enum SternaResult sterna_client_on_connect_failed(struct SternaClient *client,
                                                  SternaEventCallback callback,
                                                  void *user_data);

/**
 * The session has ended, for good; `connect` begins a new one.
 *
 * Fires once after each `connected`, as the last event of the session. Valid in it: `status` (`STERNA_OK` if
 * the game asked for it), `text`.
 */
STERNA_API
enum SternaResult sterna_client_on_disconnected(struct SternaClient *client,
                                                SternaEventCallback callback,
                                                void *user_data);

/**
 * The link broke, and the client restores it by itself. Sending goes on being accepted.
 *
 * Fires at any time while connected; `reconnected`, `took_over`, `migrated` or `disconnected` follows. Valid
 * in it: `status`, `text`.
 */
STERNA_API
enum SternaResult sterna_client_on_reconnecting(struct SternaClient *client,
                                                SternaEventCallback callback,
                                                void *user_data);

/**
 * The link is restored. No reliable message was lost.
 *
 * Fires after `reconnecting`. Valid in it: `epoch`, `text` (the node's name).
 */
STERNA_API
enum SternaResult sterna_client_on_reconnected(struct SternaClient *client,
                                               SternaEventCallback callback,
                                               void *user_data);

/**
 * The node goes offline. Answer with `sterna_client_send_migrate`, here or later. Without an answer the
 * session is moved at the deadline all the same.
 *
 * Fires at any time while connected, once for each node that goes offline, and once more if it has less time than
 * it had said; not again after `migrate_failed`.
 * Valid in it: `epoch`, `deadline_ms`, `reason`, `in_room`.
 */
STERNA_API
enum SternaResult sterna_client_on_offline(struct SternaClient *client,
                                           SternaEventCallback callback,
                                           void *user_data);

/**
 * Another node is prepared, and the client attaches to it. Play goes on.
 *
 * Fires after `offline` or an operator's order; `migrated` or `migrate_failed` follows. Valid in it:
 * `epoch`.
 */
STERNA_API
enum SternaResult sterna_client_on_migrating(struct SternaClient *client,
                                             SternaEventCallback callback,
                                             void *user_data);

/**
 * Another node serves the session now. Nothing was lost or repeated; nothing needs to be done.
 *
 * Fires at the end of a move that succeeded. Valid in it: `epoch`, `gap_us`, `text` (the node's name).
 */
STERNA_API
enum SternaResult sterna_client_on_migrated(struct SternaClient *client,
                                            SternaEventCallback callback,
                                            void *user_data);

/**
 * The move failed, and play goes on where it was. The game may ask again.
 *
 * Fires at the end of a move that failed, also without `migrating` before it. Valid in it: `status`, `text`.
 */
STERNA_API
enum SternaResult sterna_client_on_migrate_failed(struct SternaClient *client,
                                                  SternaEventCallback callback,
                                                  void *user_data);

/**
 * The node crashed, and another one went on from the last snapshot. Messages to the server from `lost_from`
 * to before `lost_to` are gone.
 *
 * Fires at any time while connected or reconnecting. Valid in it: `epoch`, `lost_from`, `lost_to`, `text`
 * (the node's name).
 */
STERNA_API
enum SternaResult sterna_client_on_took_over(struct SternaClient *client,
                                             SternaEventCallback callback,
                                             void *user_data);

/**
 * A request was answered, or will not be: see `status`.
 *
 * Fires once for each `sterna_client_request` that returned `STERNA_OK`. Valid in it: `request_id`,
 * `status`, `ver`, `cmd`, `data`, `length`.
 */
STERNA_API
enum SternaResult sterna_client_on_response(struct SternaClient *client,
                                            SternaEventCallback callback,
                                            void *user_data);

/**
 * The server sent a message.
 *
 * Fires at any time while connected. Valid in it: `ver`, `cmd`, `reliable`, `data`, `length`.
 */
STERNA_API
enum SternaResult sterna_client_on_push(struct SternaClient *client,
                                        SternaEventCallback callback,
                                        void *user_data);

/**
 * The library has something to say; the configuration's `log_level` tells how much.
 *
 * Fires at any time, also before `connect`. Valid in it: `log_level`, `text`.
 */
STERNA_API
enum SternaResult sterna_client_on_log(struct SternaClient *client,
                                       SternaEventCallback callback,
                                       void *user_data);

/**
 * Hands what has happened to the callbacks, in order, on this thread, and sends what is queued. Call it
 * once per frame. With nothing to do it costs some nanoseconds.
 *
 * `STERNA_ERROR_BUSY` if another thread, or a callback of this very client, calls it meanwhile.
 */
STERNA_API enum SternaResult sterna_client_update(struct SternaClient *client);

/**
 * The next event that had no callback when `update` came across it; NULL if there is none. Call `update`
 * first, then this until it returns NULL. Valid until the next `sterna_client_poll_event`,
 * `sterna_client_update` or `sterna_client_destroy` of this client.
 *
 * Also NULL on an error; then `sterna_client_last_error` tells which. As with `update`, one thread at a
 * time.
 */
STERNA_API const struct SternaEvent *sterna_client_poll_event(struct SternaClient *client);

/**
 * Sends a message: unreliably over UDP, reliably over TCP. `ver` is the application's protocol version,
 * 2 or above, `cmd` its command. The payload is copied; it may be NULL if `length` is 0.
 *
 * It is sent with the next `update` or `flush`, or soon by itself. During a move and while the link is
 * being restored it is accepted as well; an unreliable message may then be lost. From any thread; the
 * order holds per thread.
 *
 * `STERNA_ERROR_NOT_CONNECTED`, `STERNA_ERROR_QUEUE_FULL`, `STERNA_ERROR_MESSAGE_TOO_LARGE` or
 * `STERNA_ERROR_RESERVED_VERSION`: the message was not taken.
 */
STERNA_API
enum SternaResult sterna_client_send(struct SternaClient *client,
                                     uint8_t ver,
                                     uint16_t cmd,
                                     const uint8_t *payload,
                                     uint32_t length);

/**
 * Sends a message reliably: it arrives exactly once and in order, across moves and broken links, as long
 * as the session lives. Otherwise like `sterna_client_send`.
 */
STERNA_API
enum SternaResult sterna_client_rsend(struct SternaClient *client,
                                      uint8_t ver,
                                      uint16_t cmd,
                                      const uint8_t *payload,
                                      uint32_t length);

/**
 * Sends a message reliably and asks for a reply, which comes as exactly one `response` event with the
 * number that is written to `out_request_id` (which may be NULL), at the latest after `timeout_ms`; 0
 * stands for the configuration's `request_timeout_ms`. Errors as with `sterna_client_send`.
 */
STERNA_API
enum SternaResult sterna_client_request(struct SternaClient *client,
                                        uint8_t ver,
                                        uint16_t cmd,
                                        const uint8_t *payload,
                                        uint32_t length,
                                        uint32_t timeout_ms,
                                        uint64_t *out_request_id);

/**
 * Agrees to be moved to another node: the answer to the `offline` event, at whichever moment suits the
 * game. Ends in one `migrated` or `migrate_failed` event; asking again during a move changes nothing.
 *
 * `STERNA_ERROR_NOT_OFFLINE`, `STERNA_ERROR_IN_ROOM` or `STERNA_ERROR_NOT_CONNECTED` if it is known at
 * once that it cannot be; otherwise the server's refusal comes as `migrate_failed`.
 */
STERNA_API enum SternaResult sterna_client_send_migrate(struct SternaClient *client);

/**
 * Sends what is queued at once, without waiting for the next `update`. From any thread.
 */
STERNA_API enum SternaResult sterna_client_flush(struct SternaClient *client);

/**
 * Fills a room's configuration with the initial values. Pass `sizeof(SternaRoomConfig)` as `struct_size`: it
 * tells a newer library how much the program's struct holds.
 */
STERNA_API enum SternaResult sterna_room_config_init(struct SternaRoomConfig *config, uint32_t struct_size);

/**
 * Makes a room and joins it. A NULL configuration stands for the initial one.
 *
 * Every request about rooms comes back as exactly one `room_result` event with the number that is written to
 * `out_request_id` (which may be NULL), at the latest after `timeout_ms`; 0 stands for the configuration's
 * `request_timeout_ms`, and for 30,000 at the least where a room is made, joined or moved. After one that timed
 * out the server may still have done it. All may be called from any thread. `STERNA_ERROR_NOT_CONNECTED` or
 * `STERNA_ERROR_QUEUE_FULL`: the request was not taken.
 *
 * If it works, `room_entered` comes as well, and `room_id` of the result is the room.
 * `STERNA_ERROR_ALREADY_IN_ROOM` at once if the user is in a room and has not asked to leave it.
 */
STERNA_API
enum SternaResult sterna_room_create(struct SternaClient *client,
                                     const struct SternaRoomConfig *config,
                                     uint32_t timeout_ms,
                                     uint64_t *out_request_id);

/**
 * Joins this room, wherever it is: if another node has it, the session moves there first, with `migrating` and
 * `migrated`, which may take some seconds. Otherwise like
 * `sterna_room_create`.
 *
 * The result's status may be `STERNA_ERROR_ROOM_FULL`, `STERNA_ERROR_ROOM_UNKNOWN`, `STERNA_ERROR_ROOM_CLOSED`,
 * `STERNA_ERROR_NO_RESERVATION`, `STERNA_ERROR_ROOM_REJECTED` or `STERNA_ERROR_JOIN_FAILED`.
 */
STERNA_API
enum SternaResult sterna_room_join(struct SternaClient *client,
                                   uint64_t room_id,
                                   uint32_t timeout_ms,
                                   uint64_t *out_request_id);

/**
 * Joins any listed room with a free place that fits all `count` conditions (none: any at all). If there is none it
 * makes one with `config`, which can be found by others in turn; with a NULL configuration the result is
 * `STERNA_ERROR_ROOM_UNKNOWN` then. Otherwise like `sterna_room_join`.
 *
 * Conditions look at the first 32 properties of a room in the order of their keys, not counting bytes and texts above
 * 64 bytes; others are as if they were not there. They may be some moments old.
 */
STERNA_API
enum SternaResult sterna_room_join_random(struct SternaClient *client,
                                          const struct SternaRoomCondition *conditions,
                                          uint32_t count,
                                          const struct SternaRoomConfig *config,
                                          uint32_t timeout_ms,
                                          uint64_t *out_request_id);

/**
 * Leaves the room: `room_exited` with `STERNA_OK` follows, and `room_member_left` at the others. The room may be
 * joined again, or another one at once. `STERNA_ERROR_NOT_IN_ROOM` at once if the user is in none and has not
 * asked to join one.
 */
STERNA_API
enum SternaResult sterna_room_leave(struct SternaClient *client,
                                    uint32_t timeout_ms,
                                    uint64_t *out_request_id);

/**
 * Sends a message to everybody in the room, the sender as well: all get all broadcasts in the same order. Those
 * of one `interval_ms` of the room travel together. Reliable, also over UDP, across moves and broken links.
 * `ver` is the application's protocol version, 2 or above, `cmd` its command; the payload is copied.
 *
 * `STERNA_ERROR_NOT_CONNECTED`, `STERNA_ERROR_NOT_IN_ROOM`, `STERNA_ERROR_QUEUE_FULL`,
 * `STERNA_ERROR_MESSAGE_TOO_LARGE` or `STERNA_ERROR_RESERVED_VERSION`: the message was not taken. From any thread;
 * the order holds per thread, with other messages as well.
 */
STERNA_API
enum SternaResult sterna_room_broadcast(struct SternaClient *client,
                                        uint8_t ver,
                                        uint16_t cmd,
                                        const uint8_t *payload,
                                        uint32_t length);

/**
 * Sends a message to everybody else in the room, at once whatever `interval_ms` is. Otherwise like
 * `sterna_room_broadcast`.
 */
STERNA_API
enum SternaResult sterna_room_relay(struct SternaClient *client,
                                    uint8_t ver,
                                    uint16_t cmd,
                                    const uint8_t *payload,
                                    uint32_t length);

/**
 * Sends a message to `count` members by their numbers, at once. Those who have left meanwhile do not get it.
 * Otherwise like `sterna_room_broadcast`; `STERNA_ERROR_INVALID_ARGUMENT` if it names nobody.
 */
STERNA_API
enum SternaResult sterna_room_send_to(struct SternaClient *client,
                                      const uint64_t *members,
                                      uint32_t count,
                                      uint8_t ver,
                                      uint16_t cmd,
                                      const uint8_t *payload,
                                      uint32_t length);

/**
 * Sets a key of the room's synchronised state, such as a position: everybody hears of the last value
 * (`room_sync`), those in between may be left out, and who joins later gets the present ones. An empty value
 * removes the key. Otherwise like `sterna_room_broadcast`.
 */
STERNA_API
enum SternaResult sterna_room_sync(struct SternaClient *client,
                                   const char *key,
                                   const uint8_t *data,
                                   uint32_t length);

/**
 * Sets a property of the room; its type may change. Every member gets `room_property`, the sender as well. Keys have
 * 1 to 255 bytes.
 *
 * All requests about properties come back as `room_result`, like `sterna_room_create`; its status may be
 * `STERNA_ERROR_PROPERTY_TOO_LARGE` or `STERNA_ERROR_ROOM_STATE_TOO_LARGE`. `STERNA_ERROR_NOT_IN_ROOM` at once if
 * the user is in no room.
 */
STERNA_API
enum SternaResult sterna_room_set(struct SternaClient *client,
                                  const char *key,
                                  const struct SternaValue *value,
                                  uint32_t timeout_ms,
                                  uint64_t *out_request_id);

/**
 * Deletes a property of the room. Every member gets `room_property` without a value, if it was there.
 */
STERNA_API
enum SternaResult sterna_room_remove(struct SternaClient *client,
                                     const char *key,
                                     uint32_t timeout_ms,
                                     uint64_t *out_request_id);

/**
 * Sets a property if it is as `expected`; NULL: if it is not there. A NULL `value` deletes it. So of several who
 * try at the same time one succeeds. Otherwise the status is `STERNA_ERROR_PROPERTY_DIFFERS`, and `value` of the
 * result is what the property is.
 */
STERNA_API
enum SternaResult sterna_room_compare_and_set(struct SternaClient *client,
                                              const char *key,
                                              const struct SternaValue *expected,
                                              const struct SternaValue *value,
                                              uint32_t timeout_ms,
                                              uint64_t *out_request_id);

/**
 * Adds to a property that is a number of the same type as `by`; one that is not there counts as zero. `value` of
 * the result is the sum. `STERNA_ERROR_PROPERTY_TYPE` if it is of another type.
 */
STERNA_API
enum SternaResult sterna_room_increment(struct SternaClient *client,
                                        const char *key,
                                        const struct SternaValue *by,
                                        uint32_t timeout_ms,
                                        uint64_t *out_request_id);

/**
 * Asks for a property: `value` of the result, of kind `STERNA_VALUE_NONE` if it is not there.
 */
STERNA_API
enum SternaResult sterna_room_get(struct SternaClient *client,
                                  const char *key,
                                  uint32_t timeout_ms,
                                  uint64_t *out_request_id);

/**
 * Keeps places in the room for these `count` users, by their ids. When all places that are left are kept,
 * others who join get `STERNA_ERROR_NO_RESERVATION`. The owner only; comes back as `room_result`, like
 * `sterna_room_create`. `STERNA_ERROR_NOT_IN_ROOM` at once if the user is in no room.
 */
STERNA_API
enum SternaResult sterna_room_reserve(struct SternaClient *client,
                                      const char *const *users,
                                      uint32_t count,
                                      uint32_t timeout_ms,
                                      uint64_t *out_request_id);

/**
 * Keeps places for these users no longer. The owner only. Otherwise like `sterna_room_reserve`.
 */
STERNA_API
enum SternaResult sterna_room_cancel_reservation(struct SternaClient *client,
                                                 const char *const *users,
                                                 uint32_t count,
                                                 uint32_t timeout_ms,
                                                 uint64_t *out_request_id);

/**
 * Removes a member, who gets `room_exited` with `STERNA_ERROR_KICKED`. The owner only. The status may be
 * `STERNA_ERROR_NO_SUCH_MEMBER`. Otherwise like `sterna_room_reserve`.
 */
STERNA_API
enum SternaResult sterna_room_kick(struct SternaClient *client,
                                   uint64_t member,
                                   uint32_t timeout_ms,
                                   uint64_t *out_request_id);

/**
 * Closes the room: every member gets `room_exited` with `STERNA_ERROR_ROOM_CLOSED`, the owner as well. The owner
 * only. Otherwise like `sterna_room_reserve`.
 */
STERNA_API
enum SternaResult sterna_room_close(struct SternaClient *client,
                                    uint32_t timeout_ms,
                                    uint64_t *out_request_id);

/**
 * Moves the room to another node, with everybody in it: the answer to `offline` with `in_room`, at a moment that
 * suits the game. The owner only; without it the server moves the room in time by itself.
 *
 * When it is over every member gets `migrated` and then `room_migrated`, and the owner `room_result`. That takes
 * seconds if a client is slow to follow; a result of `STERNA_ERROR_REQUEST_TIMED_OUT` does not mean that the move has failed. The status may be
 * `STERNA_ERROR_NOT_OFFLINE` or `STERNA_ERROR_ROOM_MOVE_FAILED`: then play goes on where it was.
 */
STERNA_API
enum SternaResult sterna_room_send_migrate(struct SternaClient *client,
                                           uint32_t timeout_ms,
                                           uint64_t *out_request_id);

/**
 * The room that the user is in, the same on all nodes; 0 if none, or if the pointer is no client.
 *
 * This and the following functions answer as of the latest event that was handed out: in the callback of
 * `room_member_left` that member is gone, before it is not, whatever the network has brought since. From any
 * thread.
 */
STERNA_API uint64_t sterna_room_id(struct SternaClient *client);

/**
 * The user's own number in the room; 0 if in none.
 */
STERNA_API uint64_t sterna_room_me(struct SternaClient *client);

/**
 * The number of the room's owner; 0 if nobody owns it, or if the user is in no room.
 */
STERNA_API uint64_t sterna_room_owner(struct SternaClient *client);

/**
 * How many members the room has; 0 if the user is in none.
 */
STERNA_API uint32_t sterna_room_member_count(struct SternaClient *client);

/**
 * Fills `members` with up to `capacity` members, in the order of their numbers, and `out_count` (which may be
 * NULL) with how many the room has. `members` may be NULL if `capacity` is 0. Outside of a room both are none.
 *
 * The names are the library's, valid until the next `sterna_client_update` or `sterna_client_destroy` of this
 * client.
 */
STERNA_API
enum SternaResult sterna_room_members(struct SternaClient *client,
                                      struct SternaRoomMember *members,
                                      uint32_t capacity,
                                      uint32_t *out_count);

/**
 * The user is in a room.
 *
 * Fires once for each room that was made or joined, before or after its `room_result`; `room_exited` or `disconnected`
 * follows. Valid in it: `room_id`, `member`, `owner`, `member_count`, `members_max`.
 */
STERNA_API
enum SternaResult sterna_client_on_room_entered(struct SternaClient *client,
                                                SternaEventCallback callback,
                                                void *user_data);

/**
 * The user is not in the room any more.
 *
 * Fires once for each `room_entered`, unless the session ends first (`disconnected`), as the last event about that
 * room. Valid in it: `room_id`, `status`, `text`.
 */
STERNA_API
enum SternaResult sterna_client_on_room_exited(struct SternaClient *client,
                                               SternaEventCallback callback,
                                               void *user_data);

/**
 * Somebody has joined the room.
 *
 * Fires at the members who were there before, never because the room has moved. Valid in it: `member`, `text`
 * (the user id).
 */
STERNA_API
enum SternaResult sterna_client_on_room_member_joined(struct SternaClient *client,
                                                      SternaEventCallback callback,
                                                      void *user_data);

/**
 * Somebody is not in the room any more.
 *
 * Fires at the members who stay, never because the room has moved. Valid in it: `member`, `status`, `text` (the
 * user id).
 */
STERNA_API
enum SternaResult sterna_client_on_room_member_left(struct SternaClient *client,
                                                    SternaEventCallback callback,
                                                    void *user_data);

/**
 * A message to the room.
 *
 * Fires at any time while in a room, for each message by itself also if the room has merged them. Valid in it: `member`,
 * `ver`, `cmd`, `data`, `length`, `text` (the sender's user id).
 */
STERNA_API
enum SternaResult sterna_client_on_room_message(struct SternaClient *client,
                                                SternaEventCallback callback,
                                                void *user_data);

/**
 * The room has another owner.
 *
 * Fires at every member when the owner has left. Valid in it: `owner`, `text` (the user id).
 */
STERNA_API
enum SternaResult sterna_client_on_room_owner_changed(struct SternaClient *client,
                                                      SternaEventCallback callback,
                                                      void *user_data);

/**
 * A property of the room has changed.
 *
 * Fires at every member, also at the one who changed it. Valid in it: `member`, `value`, `text` (the key).
 */
STERNA_API
enum SternaResult sterna_client_on_room_property(struct SternaClient *client,
                                                 SternaEventCallback callback,
                                                 void *user_data);

/**
 * A key of the room's synchronised state has another value.
 *
 * Fires at any time while in a room, and after `room_entered` for each key there is. Valid in it: `member`, `data`,
 * `length`, `text` (the key).
 */
STERNA_API
enum SternaResult sterna_client_on_room_sync(struct SternaClient *client,
                                             SternaEventCallback callback,
                                             void *user_data);

/**
 * A request about rooms has ended: see `status`.
 *
 * Fires once for each `sterna_room_` function with an `out_request_id` that returned `STERNA_OK`. Valid in it:
 * `request_id`, `status`, `value`, `room_id`.
 */
STERNA_API
enum SternaResult sterna_client_on_room_result(struct SternaClient *client,
                                               SternaEventCallback callback,
                                               void *user_data);

/**
 * The room has moved to another node, with everybody in it. Nothing needs to be done.
 *
 * Fires once at every member for each move of the room, right after `migrated`. Valid in it: `room_id`, `epoch`.
 */
STERNA_API
enum SternaResult sterna_client_on_room_migrated(struct SternaClient *client,
                                                 SternaEventCallback callback,
                                                 void *user_data);

/**
 * The room was restarted after a crash; ask for properties that matter.
 *
 * Fires after `took_over`, behind `room_member_left`, `room_member_joined` and `room_owner_changed` for what is
 * different. Valid in it: `room_id`.
 */
STERNA_API
enum SternaResult sterna_client_on_room_refreshed(struct SternaClient *client,
                                                  SternaEventCallback callback,
                                                  void *user_data);

/**
 * Fills `out_stats`. Pass `sizeof(SternaStats)` as `struct_size`: a library that is older than the header
 * leaves zeros in the fields it does not know. From any thread.
 */
STERNA_API
enum SternaResult sterna_client_stats(struct SternaClient *client,
                                      struct SternaStats *out_stats,
                                      uint32_t struct_size);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* STERNA_H */
