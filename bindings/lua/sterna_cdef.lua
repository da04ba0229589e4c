-- The declarations of include/sterna.h, for sterna.lua. Generated from src/ffi; change that instead.
return [[
static const uint32_t STERNA_ABI_VERSION = 1;
typedef enum SternaResult {
  STERNA_OK = 0,
  STERNA_ERROR_NULL_ARGUMENT = 1,
  STERNA_ERROR_MISALIGNED = 2,
  STERNA_ERROR_STRUCT_SIZE = 3,
  STERNA_ERROR_INVALID_ARGUMENT = 4,
  STERNA_ERROR_BUSY = 5,
  STERNA_ERROR_PANIC = 6,
  STERNA_ERROR_NOT_CONNECTED = 7,
  STERNA_ERROR_ALREADY_CONNECTED = 8,
  STERNA_ERROR_QUEUE_FULL = 9,
  STERNA_ERROR_MESSAGE_TOO_LARGE = 10,
  STERNA_ERROR_RESERVED_VERSION = 11,
  STERNA_ERROR_SHUT_DOWN = 12,
  STERNA_ERROR_SYSTEM = 13,
  STERNA_ERROR_INVALID_HANDLE = 14,
  STERNA_ERROR_ABI_MISMATCH = 15,
  STERNA_ERROR_ABORTED = 16,
  STERNA_ERROR_TOKEN_MALFORMED = 20,
  STERNA_ERROR_TOKEN_EXPIRED = 21,
  STERNA_ERROR_TOKEN_FOREIGN = 22,
  STERNA_ERROR_NO_ADDRESS = 23,
  STERNA_ERROR_UNREACHABLE = 24,
  STERNA_ERROR_TIMED_OUT = 25,
  STERNA_ERROR_VERSION = 26,
  STERNA_ERROR_CERTIFICATE = 27,
  STERNA_ERROR_NOT_ONLINE = 28,
  STERNA_ERROR_FULL = 29,
  STERNA_ERROR_CONNECTED_ELSEWHERE = 30,
  STERNA_ERROR_PEER_MISBEHAVED = 31,
  STERNA_ERROR_TRANSPORT_BROKEN = 32,
  STERNA_ERROR_NOT_OFFLINE = 40,
  STERNA_ERROR_STALE = 41,
  STERNA_ERROR_IN_ROOM = 42,
  STERNA_ERROR_NO_TARGET = 43,
  STERNA_ERROR_TARGET_REFUSED = 44,
  STERNA_ERROR_CANNOT_REACH_TARGET = 45,
  STERNA_ERROR_ENGINE_UNAVAILABLE = 46,
  STERNA_ERROR_FROZE_TOO_LONG = 47,
  STERNA_ERROR_CANCELLED = 48,
  STERNA_ERROR_LOST_OWNERSHIP = 49,
  STERNA_ERROR_MOVED_RECENTLY = 50,
  STERNA_ERROR_CLOSED_BY_SERVER = 60,
  STERNA_ERROR_REPLACED = 61,
  STERNA_ERROR_SESSION_TIMED_OUT = 62,
  STERNA_ERROR_NODE_STOPPED = 63,
  STERNA_ERROR_SESSION_UNKNOWN = 64,
  STERNA_ERROR_RESUME_LATER = 65,
  STERNA_ERROR_REQUEST_TIMED_OUT = 70,
  STERNA_ERROR_REQUEST_BAD = 71,
  STERNA_ERROR_REQUEST_FAILED = 72,
  STERNA_ERROR_REQUEST_ABANDONED = 73,
  STERNA_ERROR_ROOM_FULL = 80,
  STERNA_ERROR_ROOM_UNKNOWN = 81,
  STERNA_ERROR_ROOM_CLOSED = 82,
  STERNA_ERROR_ALREADY_IN_ROOM = 83,
  STERNA_ERROR_NOT_IN_ROOM = 84,
  STERNA_ERROR_NO_SUCH_MEMBER = 85,
  STERNA_ERROR_NOT_ROOM_OWNER = 86,
  STERNA_ERROR_NO_RESERVATION = 87,
  STERNA_ERROR_PROPERTY_TYPE = 88,
  STERNA_ERROR_PROPERTY_DIFFERS = 89,
  STERNA_ERROR_PROPERTY_TOO_LARGE = 90,
  STERNA_ERROR_ROOM_STATE_TOO_LARGE = 91,
  STERNA_ERROR_ROOM_REJECTED = 92,
  STERNA_ERROR_JOIN_FAILED = 93,
  STERNA_ERROR_ROOM_OPTION_INVALID = 94,
  STERNA_ERROR_ROOM_MOVE_FAILED = 95,
  STERNA_ERROR_KICKED = 96,
  STERNA_ERROR_TOO_SLOW = 97,
  STERNA_ERROR_MEMBERSHIP_LOST = 98,
  STERNA_ERROR_MEMBER_DISCONNECTED = 99,
} SternaResult;
typedef enum SternaState {
  STERNA_STATE_IDLE = 0,
  STERNA_STATE_CONNECTING = 1,
  STERNA_STATE_CONNECTED = 2,
  STERNA_STATE_MIGRATING = 3,
  STERNA_STATE_RECONNECTING = 4,
  STERNA_STATE_DISCONNECTED = 5,
  STERNA_STATE_INVALID = 255,
} SternaState;
typedef enum SternaEventType {
  STERNA_EVENT_CONNECTED = 1,
  STERNA_EVENT_CONNECT_FAILED = 2,
  STERNA_EVENT_DISCONNECTED = 3,
  STERNA_EVENT_RECONNECTING = 4,
  STERNA_EVENT_RECONNECTED = 5,
  STERNA_EVENT_OFFLINE = 6,
  STERNA_EVENT_MIGRATING = 7,
  STERNA_EVENT_MIGRATED = 8,
  STERNA_EVENT_MIGRATE_FAILED = 9,
  STERNA_EVENT_TOOK_OVER = 10,
  STERNA_EVENT_RESPONSE = 11,
  STERNA_EVENT_PUSH = 12,
  STERNA_EVENT_LOG = 13,
  STERNA_EVENT_ROOM_ENTERED = 14,
  STERNA_EVENT_ROOM_EXITED = 15,
  STERNA_EVENT_ROOM_MEMBER_JOINED = 16,
  STERNA_EVENT_ROOM_MEMBER_LEFT = 17,
  STERNA_EVENT_ROOM_MESSAGE = 18,
  STERNA_EVENT_ROOM_OWNER_CHANGED = 19,
  STERNA_EVENT_ROOM_PROPERTY = 20,
  STERNA_EVENT_ROOM_SYNC = 21,
  STERNA_EVENT_ROOM_RESULT = 22,
  STERNA_EVENT_ROOM_MIGRATED = 23,
  STERNA_EVENT_ROOM_REFRESHED = 24,
} SternaEventType;
typedef enum SternaOfflineReason {
  STERNA_OFFLINE_NONE = 0,
  STERNA_OFFLINE_SCALE_IN = 1,
  STERNA_OFFLINE_DEPLOY = 2,
  STERNA_OFFLINE_OPERATOR = 3,
  STERNA_OFFLINE_SIGNAL = 4,
} SternaOfflineReason;
typedef enum SternaTransport {
  STERNA_TRANSPORT_TCP = 0,
  STERNA_TRANSPORT_UDP = 1,
} SternaTransport;
typedef enum SternaMoveMode {
  STERNA_MOVE_SEAMLESS = 0,
  STERNA_MOVE_CLASSIC = 1,
} SternaMoveMode;
typedef enum SternaLogLevel {
  STERNA_LOG_OFF = 0,
  STERNA_LOG_ERROR = 1,
  STERNA_LOG_WARN = 2,
  STERNA_LOG_INFO = 3,
  STERNA_LOG_DEBUG = 4,
} SternaLogLevel;
typedef enum SternaValueKind {
  STERNA_VALUE_NONE = 0,
  STERNA_VALUE_INTEGER = 1,
  STERNA_VALUE_FLOAT = 2,
  STERNA_VALUE_TEXT = 3,
  STERNA_VALUE_BYTES = 4,
} SternaValueKind;
typedef enum SternaComparison {
  STERNA_COMPARE_EQUAL = 1,
  STERNA_COMPARE_NOT_EQUAL = 2,
  STERNA_COMPARE_LESS = 3,
  STERNA_COMPARE_AT_MOST = 4,
  STERNA_COMPARE_GREATER = 5,
  STERNA_COMPARE_AT_LEAST = 6,
} SternaComparison;
typedef struct SternaClient SternaClient;
typedef struct SternaClientConfig {
  uint32_t struct_size;
  uint32_t transport;
  uint32_t move_mode;
  uint32_t log_level;
  uint32_t connect_timeout_ms;
  uint32_t resume_timeout_ms;
  uint32_t request_timeout_ms;
  uint32_t ping_every_ms;
  uint32_t silence_max_ms;
  uint32_t send_bytes_max;
  uint32_t event_bytes_max;
  uint32_t message_bytes_max;
  uint32_t simulator_delay_ms;
  uint32_t simulator_jitter_ms;
  uint32_t simulator_loss_percent;
  uint32_t reserved;
  uint64_t simulator_seed;
} SternaClientConfig;
typedef struct SternaValue {
  uint32_t kind;
  uint32_t length;
  int64_t integer;
  double number;
  const uint8_t *data;
} SternaValue;
typedef struct SternaEvent {
  uint32_t struct_size;
  enum SternaEventType event_type;
  enum SternaResult status;
  uint32_t length;
  const uint8_t *data;
  const char *text;
  uint64_t request_id;
  uint64_t session_id;
  uint64_t epoch;
  uint64_t deadline_ms;
  uint64_t gap_us;
  uint64_t lost_from;
  uint64_t lost_to;
  enum SternaOfflineReason reason;
  uint32_t log_level;
  uint16_t cmd;
  uint8_t ver;
  uint8_t reliable;
  uint8_t in_room;
  uint8_t reserved[3];
  uint64_t room_id;
  uint64_t member;
  uint64_t owner;
  uint32_t member_count;
  uint32_t members_max;
  struct SternaValue value;
} SternaEvent;
typedef void (*SternaEventCallback)(struct SternaClient *client,
                                    const struct SternaEvent *event,
                                    void *user_data);
typedef struct SternaRoomProperty {
  const char *key;
  struct SternaValue value;
} SternaRoomProperty;
typedef struct SternaRoomConfig {
  uint32_t struct_size;
  uint32_t members_max;
  uint32_t interval_ms;
  uint32_t allow_empty;
  uint32_t listed;
  uint32_t properties_count;
  uint64_t ttl_ms;
  const struct SternaRoomProperty *properties;
} SternaRoomConfig;
typedef struct SternaRoomCondition {
  const char *key;
  uint32_t comparison;
  uint32_t reserved;
  struct SternaValue value;
} SternaRoomCondition;
typedef struct SternaRoomMember {
  uint64_t member;
  const char *user;
} SternaRoomMember;
typedef struct SternaStats {
  uint64_t rtt_us;
  uint64_t rtt_min_us;
  uint64_t bytes_sent;
  uint64_t bytes_received;
  uint64_t messages_sent;
  uint64_t messages_received;
  uint64_t moves;
  uint64_t moves_failed;
  uint64_t reconnects;
  uint64_t last_move_gap_us;
  uint64_t send_queue_bytes;
  uint64_t event_queue_bytes;
  uint64_t epoch;
} SternaStats;
const char *sterna_version(void);
uint32_t sterna_abi_version(void);
const char *sterna_result_string(uint32_t result);
const char *sterna_last_error(void);
const char *sterna_client_last_error(struct SternaClient *client);
enum SternaResult sterna_client_config_init(struct SternaClientConfig *config,
                                            uint32_t struct_size);
enum SternaResult sterna_client_create(const struct SternaClientConfig *config,
                                       struct SternaClient **out_client);
enum SternaResult sterna_client_destroy(struct SternaClient *client);
enum SternaResult sterna_client_connect(struct SternaClient *client, const char *token);
enum SternaResult sterna_client_disconnect(struct SternaClient *client);
enum SternaState sterna_client_state(struct SternaClient *client);
enum SternaResult sterna_shutdown(void);
enum SternaResult sterna_client_on_connected(struct SternaClient *client,
                                             SternaEventCallback callback,
                                             void *user_data);
enum SternaResult sterna_client_on_connect_failed(struct SternaClient *client,
                                                  SternaEventCallback callback,
                                                  void *user_data);
enum SternaResult sterna_client_on_disconnected(struct SternaClient *client,
                                                SternaEventCallback callback,
                                                void *user_data);
enum SternaResult sterna_client_on_reconnecting(struct SternaClient *client,
                                                SternaEventCallback callback,
                                                void *user_data);
enum SternaResult sterna_client_on_reconnected(struct SternaClient *client,
                                               SternaEventCallback callback,
                                               void *user_data);
enum SternaResult sterna_client_on_offline(struct SternaClient *client,
                                           SternaEventCallback callback,
                                           void *user_data);
enum SternaResult sterna_client_on_migrating(struct SternaClient *client,
                                             SternaEventCallback callback,
                                             void *user_data);
enum SternaResult sterna_client_on_migrated(struct SternaClient *client,
                                            SternaEventCallback callback,
                                            void *user_data);
enum SternaResult sterna_client_on_migrate_failed(struct SternaClient *client,
                                                  SternaEventCallback callback,
                                                  void *user_data);
enum SternaResult sterna_client_on_took_over(struct SternaClient *client,
                                             SternaEventCallback callback,
                                             void *user_data);
enum SternaResult sterna_client_on_response(struct SternaClient *client,
                                            SternaEventCallback callback,
                                            void *user_data);
enum SternaResult sterna_client_on_push(struct SternaClient *client,
                                        SternaEventCallback callback,
                                        void *user_data);
enum SternaResult sterna_client_on_log(struct SternaClient *client,
                                       SternaEventCallback callback,
                                       void *user_data);
enum SternaResult sterna_client_update(struct SternaClient *client);
const struct SternaEvent *sterna_client_poll_event(struct SternaClient *client);
enum SternaResult sterna_client_send(struct SternaClient *client,
                                     uint8_t ver,
                                     uint16_t cmd,
                                     const uint8_t *payload,
                                     uint32_t length);
enum SternaResult sterna_client_rsend(struct SternaClient *client,
                                      uint8_t ver,
                                      uint16_t cmd,
                                      const uint8_t *payload,
                                      uint32_t length);
enum SternaResult sterna_client_request(struct SternaClient *client,
                                        uint8_t ver,
                                        uint16_t cmd,
                                        const uint8_t *payload,
                                        uint32_t length,
                                        uint32_t timeout_ms,
                                        uint64_t *out_request_id);
enum SternaResult sterna_client_send_migrate(struct SternaClient *client);
enum SternaResult sterna_client_flush(struct SternaClient *client);
enum SternaResult sterna_room_config_init(struct SternaRoomConfig *config, uint32_t struct_size);
enum SternaResult sterna_room_create(struct SternaClient *client,
                                     const struct SternaRoomConfig *config,
                                     uint32_t timeout_ms,
                                     uint64_t *out_request_id);
enum SternaResult sterna_room_join(struct SternaClient *client,
                                   uint64_t room_id,
                                   uint32_t timeout_ms,
                                   uint64_t *out_request_id);
enum SternaResult sterna_room_join_random(struct SternaClient *client,
                                          const struct SternaRoomCondition *conditions,
                                          uint32_t count,
                                          const struct SternaRoomConfig *config,
                                          uint32_t timeout_ms,
                                          uint64_t *out_request_id);
enum SternaResult sterna_room_leave(struct SternaClient *client,
                                    uint32_t timeout_ms,
                                    uint64_t *out_request_id);
enum SternaResult sterna_room_broadcast(struct SternaClient *client,
                                        uint8_t ver,
                                        uint16_t cmd,
                                        const uint8_t *payload,
                                        uint32_t length);
enum SternaResult sterna_room_relay(struct SternaClient *client,
                                    uint8_t ver,
                                    uint16_t cmd,
                                    const uint8_t *payload,
                                    uint32_t length);
enum SternaResult sterna_room_send_to(struct SternaClient *client,
                                      const uint64_t *members,
                                      uint32_t count,
                                      uint8_t ver,
                                      uint16_t cmd,
                                      const uint8_t *payload,
                                      uint32_t length);
enum SternaResult sterna_room_sync(struct SternaClient *client,
                                   const char *key,
                                   const uint8_t *data,
                                   uint32_t length);
enum SternaResult sterna_room_set(struct SternaClient *client,
                                  const char *key,
                                  const struct SternaValue *value,
                                  uint32_t timeout_ms,
                                  uint64_t *out_request_id);
enum SternaResult sterna_room_remove(struct SternaClient *client,
                                     const char *key,
                                     uint32_t timeout_ms,
                                     uint64_t *out_request_id);
enum SternaResult sterna_room_compare_and_set(struct SternaClient *client,
                                              const char *key,
                                              const struct SternaValue *expected,
                                              const struct SternaValue *value,
                                              uint32_t timeout_ms,
                                              uint64_t *out_request_id);
enum SternaResult sterna_room_increment(struct SternaClient *client,
                                        const char *key,
                                        const struct SternaValue *by,
                                        uint32_t timeout_ms,
                                        uint64_t *out_request_id);
enum SternaResult sterna_room_get(struct SternaClient *client,
                                  const char *key,
                                  uint32_t timeout_ms,
                                  uint64_t *out_request_id);
enum SternaResult sterna_room_reserve(struct SternaClient *client,
                                      const char *const *users,
                                      uint32_t count,
                                      uint32_t timeout_ms,
                                      uint64_t *out_request_id);
enum SternaResult sterna_room_cancel_reservation(struct SternaClient *client,
                                                 const char *const *users,
                                                 uint32_t count,
                                                 uint32_t timeout_ms,
                                                 uint64_t *out_request_id);
enum SternaResult sterna_room_kick(struct SternaClient *client,
                                   uint64_t member,
                                   uint32_t timeout_ms,
                                   uint64_t *out_request_id);
enum SternaResult sterna_room_close(struct SternaClient *client,
                                    uint32_t timeout_ms,
                                    uint64_t *out_request_id);
enum SternaResult sterna_room_send_migrate(struct SternaClient *client,
                                           uint32_t timeout_ms,
                                           uint64_t *out_request_id);
uint64_t sterna_room_id(struct SternaClient *client);
uint64_t sterna_room_me(struct SternaClient *client);
uint64_t sterna_room_owner(struct SternaClient *client);
uint32_t sterna_room_member_count(struct SternaClient *client);
enum SternaResult sterna_room_members(struct SternaClient *client,
                                      struct SternaRoomMember *members,
                                      uint32_t capacity,
                                      uint32_t *out_count);
enum SternaResult sterna_client_on_room_entered(struct SternaClient *client,
                                                SternaEventCallback callback,
                                                void *user_data);
enum SternaResult sterna_client_on_room_exited(struct SternaClient *client,
                                               SternaEventCallback callback,
                                               void *user_data);
enum SternaResult sterna_client_on_room_member_joined(struct SternaClient *client,
                                                      SternaEventCallback callback,
                                                      void *user_data);
enum SternaResult sterna_client_on_room_member_left(struct SternaClient *client,
                                                    SternaEventCallback callback,
                                                    void *user_data);
enum SternaResult sterna_client_on_room_message(struct SternaClient *client,
                                                SternaEventCallback callback,
                                                void *user_data);
enum SternaResult sterna_client_on_room_owner_changed(struct SternaClient *client,
                                                      SternaEventCallback callback,
                                                      void *user_data);
enum SternaResult sterna_client_on_room_property(struct SternaClient *client,
                                                 SternaEventCallback callback,
                                                 void *user_data);
enum SternaResult sterna_client_on_room_sync(struct SternaClient *client,
                                             SternaEventCallback callback,
                                             void *user_data);
enum SternaResult sterna_client_on_room_result(struct SternaClient *client,
                                               SternaEventCallback callback,
                                               void *user_data);
enum SternaResult sterna_client_on_room_migrated(struct SternaClient *client,
                                                 SternaEventCallback callback,
                                                 void *user_data);
enum SternaResult sterna_client_on_room_refreshed(struct SternaClient *client,
                                                  SternaEventCallback callback,
                                                  void *user_data);
enum SternaResult sterna_client_stats(struct SternaClient *client,
                                      struct SternaStats *out_stats,
                                      uint32_t struct_size);
]]
