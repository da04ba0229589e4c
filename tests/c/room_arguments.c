/* Wrong arguments of the functions about rooms are answered, not crashed on, with a client that is not connected:
 * whatever is right is STERNA_ERROR_NOT_CONNECTED. */

#include "check.h"

/* A place for misaligned pointers. */
static union {
    uint64_t align;
    unsigned char bytes[256];
} place;

#define MISPLACED(type) ((type *)(void *)(place.bytes + 2))

static const SternaValue three = {STERNA_VALUE_INTEGER, 0, 3, 0, NULL};
static const char *const users[] = {"ann", "bob"};

/* Calls every request with this client and this place for its number. */
static void every_request(SternaClient *client, uint64_t *request, SternaResult expected)
{
    CHECK(sterna_room_create(client, NULL, 0, request) == expected);
    CHECK(sterna_room_join(client, 7, 0, request) == expected);
    CHECK(sterna_room_join_random(client, NULL, 0, NULL, 0, request) == expected);
    CHECK(sterna_room_leave(client, 0, request) == expected);
    CHECK(sterna_room_set(client, "key", &three, 0, request) == expected);
    CHECK(sterna_room_remove(client, "key", 0, request) == expected);
    CHECK(sterna_room_compare_and_set(client, "key", NULL, &three, 0, request) == expected);
    CHECK(sterna_room_compare_and_set(client, "key", &three, NULL, 0, request) == expected);
    CHECK(sterna_room_increment(client, "key", &three, 0, request) == expected);
    CHECK(sterna_room_get(client, "key", 0, request) == expected);
    CHECK(sterna_room_reserve(client, users, 2, 0, request) == expected);
    CHECK(sterna_room_cancel_reservation(client, users, 2, 0, request) == expected);
    CHECK(sterna_room_kick(client, 1, 0, request) == expected);
    CHECK(sterna_room_close(client, 0, request) == expected);
    CHECK(sterna_room_send_migrate(client, 0, request) == expected);
}

/* The same of everything that is said in a room. */
static void everything_said(SternaClient *client, SternaResult expected)
{
    static const uint64_t members[] = {1, 2};
    static const uint8_t payload[] = {1, 2, 3};
    CHECK(sterna_room_broadcast(client, 2, 1, payload, 3) == expected);
    CHECK(sterna_room_relay(client, 2, 1, NULL, 0) == expected);
    CHECK(sterna_room_send_to(client, members, 2, 2, 1, payload, 3) == expected);
    CHECK(sterna_room_sync(client, "key", payload, 3) == expected);
}

static void every_query(SternaClient *client, SternaResult expected)
{
    uint32_t count = 9;
    SternaRoomMember member;
    CHECK(sterna_room_id(client) == 0 && sterna_room_me(client) == 0 && sterna_room_owner(client) == 0);
    CHECK(sterna_room_member_count(client) == 0);
    CHECK(sterna_room_members(client, &member, 1, &count) == expected);
    CHECK(count == (expected == STERNA_OK ? 0 : 9));
    CHECK(sterna_room_members(client, NULL, 0, NULL) == expected);
}

static void test_what_is_no_client(SternaClient *destroyed)
{
    uint64_t request = 7;
    every_request(NULL, &request, STERNA_ERROR_NULL_ARGUMENT);
    everything_said(NULL, STERNA_ERROR_NULL_ARGUMENT);
    every_query(NULL, STERNA_ERROR_NULL_ARGUMENT);
    every_request(destroyed, &request, STERNA_ERROR_INVALID_HANDLE);
    everything_said(destroyed, STERNA_ERROR_INVALID_HANDLE);
    every_query(destroyed, STERNA_ERROR_INVALID_HANDLE);
    every_request(MISPLACED(SternaClient), &request, STERNA_ERROR_MISALIGNED);
    everything_said(MISPLACED(SternaClient), STERNA_ERROR_MISALIGNED);
    CHECK(request == 7);
}

static void test_without_connection(SternaClient *client)
{
    uint64_t request = 7;
    every_request(client, &request, STERNA_ERROR_NOT_CONNECTED);
    every_request(client, NULL, STERNA_ERROR_NOT_CONNECTED);
    CHECK(request == 7);
    every_request(client, MISPLACED(uint64_t), STERNA_ERROR_MISALIGNED);
    everything_said(client, STERNA_ERROR_NOT_CONNECTED);
    every_query(client, STERNA_OK);
}

static void test_texts_and_payloads(SternaClient *client)
{
    static const uint64_t member = 1;
    static const char *const missing[] = {"ann", NULL};
    static const char bad[] = "\xff\xfe";
    CHECK(sterna_room_broadcast(client, 2, 1, NULL, 1) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_room_relay(client, 2, 1, NULL, 1) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_room_broadcast(client, 1, 1, NULL, 0) == STERNA_ERROR_RESERVED_VERSION);
    CHECK(sterna_room_relay(client, 0, 1, NULL, 0) == STERNA_ERROR_RESERVED_VERSION);
    CHECK(sterna_room_send_to(client, &member, 1, 1, 1, NULL, 0) == STERNA_ERROR_RESERVED_VERSION);
    CHECK(sterna_room_send_to(client, &member, 1, 2, 1, NULL, 1) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_room_send_to(client, NULL, 1, 2, 1, NULL, 0) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_room_send_to(client, NULL, 0, 2, 1, NULL, 0) == STERNA_ERROR_INVALID_ARGUMENT);
    CHECK(sterna_room_send_to(client, MISPLACED(uint64_t), 1, 2, 1, NULL, 0) == STERNA_ERROR_MISALIGNED);
    CHECK(sterna_room_sync(client, NULL, NULL, 0) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_room_sync(client, "key", NULL, 1) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_room_sync(client, bad, NULL, 0) == STERNA_ERROR_INVALID_ARGUMENT);
    CHECK(sterna_room_get(client, bad, 0, NULL) == STERNA_ERROR_INVALID_ARGUMENT);
    CHECK(sterna_room_remove(client, bad, 0, NULL) == STERNA_ERROR_INVALID_ARGUMENT);

    CHECK(sterna_room_reserve(client, NULL, 1, 0, NULL) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_room_reserve(client, missing, 2, 0, NULL) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_room_reserve(client, NULL, 0, 0, NULL) == STERNA_ERROR_NOT_CONNECTED);
    CHECK(sterna_room_cancel_reservation(client, missing, 2, 0, NULL) == STERNA_ERROR_NULL_ARGUMENT);
}

/* A value of this kind in every place that takes one. */
static void every_value(SternaClient *client, const SternaValue *value, SternaResult expected)
{
    SternaRoomProperty property;
    SternaRoomCondition condition;
    SternaRoomConfig config;
    CHECK(sterna_room_set(client, "key", value, 0, NULL) == expected);
    CHECK(sterna_room_increment(client, "key", value, 0, NULL) == expected);
    CHECK(sterna_room_compare_and_set(client, "key", value, NULL, 0, NULL) == expected);
    CHECK(sterna_room_compare_and_set(client, "key", NULL, value, 0, NULL) == expected);

    property.key = "key";
    property.value = *value;
    CHECK(sterna_room_config_init(&config, sizeof config) == STERNA_OK);
    config.properties = &property;
    config.properties_count = 1;
    CHECK(sterna_room_create(client, &config, 0, NULL) == expected);
    CHECK(sterna_room_join_random(client, NULL, 0, &config, 0, NULL) == expected);

    memset(&condition, 0, sizeof condition);
    condition.key = "key";
    condition.comparison = STERNA_COMPARE_AT_LEAST;
    condition.value = *value;
    CHECK(sterna_room_join_random(client, &condition, 1, NULL, 0, NULL) == expected);
}

static void test_values(SternaClient *client)
{
    SternaValue value = three;
    every_value(client, &value, STERNA_ERROR_NOT_CONNECTED);
    value.kind = STERNA_VALUE_TEXT;
    every_value(client, &value, STERNA_ERROR_NOT_CONNECTED); /* an empty one may be NULL */
    value.length = 2;
    every_value(client, &value, STERNA_ERROR_NULL_ARGUMENT);
    value.data = (const uint8_t *)"\xff\xfe";
    every_value(client, &value, STERNA_ERROR_INVALID_ARGUMENT);
    CHECK(strstr(sterna_client_last_error(client), "UTF-8") != NULL);
    value.kind = STERNA_VALUE_BYTES;
    every_value(client, &value, STERNA_ERROR_NOT_CONNECTED);
    value.kind = STERNA_VALUE_NONE;
    every_value(client, &value, STERNA_ERROR_INVALID_ARGUMENT);
    value.kind = 5;
    every_value(client, &value, STERNA_ERROR_INVALID_ARGUMENT);
    CHECK(strstr(sterna_client_last_error(client), "SternaValueKind") != NULL);

    CHECK(sterna_room_set(client, NULL, &three, 0, NULL) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_room_set(client, "key", NULL, 0, NULL) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_room_increment(client, "key", NULL, 0, NULL) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_room_set(client, "key", MISPLACED(SternaValue), 0, NULL) == STERNA_ERROR_MISALIGNED);
    CHECK(sterna_room_compare_and_set(client, "key", MISPLACED(SternaValue), NULL, 0, NULL) ==
          STERNA_ERROR_MISALIGNED);
}

static void test_conditions(SternaClient *client)
{
    SternaRoomCondition conditions[2];
    memset(conditions, 0, sizeof conditions);
    conditions[0].key = "level";
    conditions[0].comparison = STERNA_COMPARE_EQUAL;
    conditions[0].value = three;
    conditions[1] = conditions[0];
    CHECK(sterna_room_join_random(client, conditions, 2, NULL, 0, NULL) == STERNA_ERROR_NOT_CONNECTED);
    CHECK(sterna_room_join_random(client, NULL, 1, NULL, 0, NULL) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_room_join_random(client, MISPLACED(SternaRoomCondition), 1, NULL, 0, NULL) ==
          STERNA_ERROR_MISALIGNED);
    conditions[1].comparison = 7;
    CHECK(sterna_room_join_random(client, conditions, 2, NULL, 0, NULL) == STERNA_ERROR_INVALID_ARGUMENT);
    CHECK(strstr(sterna_client_last_error(client), "SternaComparison") != NULL);
    conditions[1].comparison = 0;
    CHECK(sterna_room_join_random(client, conditions, 2, NULL, 0, NULL) == STERNA_ERROR_INVALID_ARGUMENT);
    conditions[1] = conditions[0];
    conditions[1].reserved = 1;
    CHECK(sterna_room_join_random(client, conditions, 2, NULL, 0, NULL) == STERNA_ERROR_INVALID_ARGUMENT);
    conditions[1].reserved = 0;
    conditions[1].key = NULL;
    CHECK(sterna_room_join_random(client, conditions, 2, NULL, 0, NULL) == STERNA_ERROR_NULL_ARGUMENT);
}

/* A configuration as an older header may have had it. */
typedef struct {
    uint32_t struct_size;
    uint32_t members_max;
    uint32_t guard; /* not part of it: must stay untouched */
} OlderConfig;

/* One of a newer header. */
typedef struct {
    SternaRoomConfig known;
    uint64_t further[2];
} NewerConfig;

static void test_configuration(SternaClient *client)
{
    SternaRoomConfig config;
    union {
        OlderConfig config;
        uint64_t align;
    } older;
    NewerConfig newer;
    union {
        OlderConfig *older;
        NewerConfig *newer;
        SternaRoomConfig *config;
    } pointer;

    CHECK(sterna_room_config_init(NULL, sizeof config) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_room_config_init(MISPLACED(SternaRoomConfig), sizeof config) == STERNA_ERROR_MISALIGNED);
    CHECK(sterna_room_config_init(&config, 7) == STERNA_ERROR_STRUCT_SIZE);
    CHECK(sterna_room_config_init(&config, sizeof config) == STERNA_OK);
    CHECK(config.struct_size == sizeof config && config.members_max == 8 && config.properties == NULL);
    CHECK(config.interval_ms == 0 && config.allow_empty == 0 && config.listed == 0 && config.ttl_ms == 0);
    CHECK(sterna_room_create(client, &config, 0, NULL) == STERNA_ERROR_NOT_CONNECTED);
    CHECK(sterna_room_create(client, MISPLACED(SternaRoomConfig), 0, NULL) == STERNA_ERROR_MISALIGNED);
    config.listed = 2;
    CHECK(sterna_room_create(client, &config, 0, NULL) == STERNA_ERROR_INVALID_ARGUMENT);
    CHECK(strstr(sterna_client_last_error(client), "listed") != NULL);
    config.listed = 1;
    config.allow_empty = 0xffffffff;
    CHECK(sterna_room_create(client, &config, 0, NULL) == STERNA_ERROR_INVALID_ARGUMENT);
    CHECK(strstr(sterna_client_last_error(client), "allow_empty") != NULL);
    config.allow_empty = 1;
    config.properties_count = 1;
    CHECK(sterna_room_create(client, &config, 0, NULL) == STERNA_ERROR_NULL_ARGUMENT);
    memset(&config, 0, sizeof config);
    CHECK(sterna_room_create(client, &config, 0, NULL) == STERNA_ERROR_STRUCT_SIZE);

    older.config.guard = 0xabababab;
    pointer.older = &older.config;
    CHECK(sterna_room_config_init(pointer.config, offsetof(OlderConfig, guard)) == STERNA_OK);
    CHECK(older.config.struct_size == 8 && older.config.members_max == 8 && older.config.guard == 0xabababab);
    CHECK(sterna_room_create(client, pointer.config, 0, NULL) == STERNA_ERROR_NOT_CONNECTED);

    pointer.newer = &newer;
    memset(&newer, 0xcd, sizeof newer);
    CHECK(sterna_room_config_init(pointer.config, sizeof newer) == STERNA_OK);
    CHECK(newer.known.struct_size == sizeof newer && newer.further[0] == 0 && newer.further[1] == 0);
    CHECK(sterna_room_create(client, pointer.config, 0, NULL) == STERNA_ERROR_NOT_CONNECTED);
    newer.further[1] = 1;
    CHECK(sterna_room_create(client, pointer.config, 0, NULL) == STERNA_ERROR_STRUCT_SIZE);
    CHECK(strstr(sterna_client_last_error(client), "newer") != NULL);
}

static void test_members(SternaClient *client)
{
    uint32_t count = 9;
    CHECK(sterna_room_members(client, NULL, 1, &count) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_room_members(client, MISPLACED(SternaRoomMember), 1, &count) == STERNA_ERROR_MISALIGNED);
    CHECK(sterna_room_members(client, NULL, 0, MISPLACED(uint32_t)) == STERNA_ERROR_MISALIGNED);
    CHECK(count == 9);
    CHECK(sterna_room_members(client, NULL, 0, &count) == STERNA_OK && count == 0);
}

int main(void)
{
    SternaClient *client = NULL, *destroyed = NULL;
    CHECK(sterna_client_create(NULL, &destroyed) == STERNA_OK);
    CHECK(sterna_client_destroy(destroyed) == STERNA_OK);
    CHECK(sterna_client_create(NULL, &client) == STERNA_OK);
    test_what_is_no_client(destroyed);
    test_without_connection(client);
    test_texts_and_payloads(client);
    test_values(client);
    test_conditions(client);
    test_configuration(client);
    test_members(client);
    CHECK(sterna_client_update(client) == STERNA_OK && sterna_client_poll_event(client) == NULL);
    CHECK(sterna_client_destroy(client) == STERNA_OK);
    CHECK(sterna_shutdown() == STERNA_OK);
    puts("ok");
    return 0;
}
