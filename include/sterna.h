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
   * A `SternaMoveMode`. Initially seamless.
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
   * The number that `sterna_client_request` gave.
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
 * Fires at any time while connected, once for each node that goes offline; not again after `migrate_failed`.
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
