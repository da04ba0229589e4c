/* Wrong arguments are answered, not crashed on; structs of other versions are understood. */

#include "check.h"

static void test_no_client(void)
{
    SternaStats stats;
    uint64_t request = 7;
    CHECK(sterna_client_connect(NULL, "sterna1.") == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_client_disconnect(NULL) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_client_update(NULL) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_client_poll_event(NULL) == NULL);
    CHECK(sterna_client_flush(NULL) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_client_send(NULL, 2, 1, NULL, 0) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_client_rsend(NULL, 2, 1, NULL, 0) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_client_request(NULL, 2, 1, NULL, 0, 0, &request) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(request == 7);
    CHECK(sterna_client_send_migrate(NULL) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_client_stats(NULL, &stats, sizeof stats) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_client_state(NULL) == STERNA_STATE_INVALID);
    CHECK(strcmp(sterna_client_last_error(NULL), "") == 0);
    CHECK(strcmp(sterna_last_error(), sterna_result_string(STERNA_ERROR_NULL_ARGUMENT)) == 0);
    CHECK(sterna_client_destroy(NULL) == STERNA_OK);
}

static void test_what_is_no_client(SternaClient *client)
{
    SternaClient *misaligned = (SternaClient *)(void *)((char *)client + 1);
    int on_the_stack[8];
    CHECK(sterna_client_update(misaligned) == STERNA_ERROR_MISALIGNED);
    CHECK(sterna_client_destroy(misaligned) == STERNA_ERROR_MISALIGNED);
    memset(on_the_stack, 0xff, sizeof on_the_stack);
    CHECK(sterna_client_state((SternaClient *)(void *)(((uintptr_t)on_the_stack) & ~(uintptr_t)7)) ==
          STERNA_STATE_INVALID);
    CHECK(sterna_client_update(client) == STERNA_OK);
}

static void test_destroyed(SternaClient *client)
{
    SternaClient *other = NULL;
    CHECK(sterna_client_destroy(client) == STERNA_OK);
    CHECK(sterna_client_destroy(client) == STERNA_ERROR_INVALID_HANDLE);
    CHECK(sterna_client_create(NULL, &other) == STERNA_OK);
    CHECK(sterna_client_update(client) == STERNA_ERROR_INVALID_HANDLE);
    CHECK(sterna_client_update(other) == STERNA_OK);
    CHECK(sterna_client_destroy(other) == STERNA_OK);
}

static void test_pointers(SternaClient *client)
{
    union {
        uint64_t align;
        unsigned char bytes[256];
    } place;
    SternaClient *created = client;
    CHECK(sterna_client_create(NULL, NULL) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_client_create(NULL, (SternaClient **)(void *)(place.bytes + 1)) == STERNA_ERROR_MISALIGNED);
    CHECK(sterna_client_create((SternaClientConfig *)(void *)(place.bytes + 2), &created) == STERNA_ERROR_MISALIGNED);
    CHECK(created == NULL);
    CHECK(sterna_client_config_init(NULL, sizeof(SternaClientConfig)) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_client_config_init((SternaClientConfig *)(void *)(place.bytes + 4), sizeof(SternaClientConfig)) ==
          STERNA_ERROR_MISALIGNED);
    CHECK(sterna_client_stats(client, NULL, sizeof(SternaStats)) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_client_stats(client, (SternaStats *)(void *)(place.bytes + 4), sizeof(SternaStats)) ==
          STERNA_ERROR_MISALIGNED);
    CHECK(sterna_client_connect(client, NULL) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_client_connect(client, "\xff\xfe") == STERNA_ERROR_INVALID_ARGUMENT);
    CHECK(sterna_client_connect(client, "no token") == STERNA_ERROR_TOKEN_MALFORMED);
    CHECK(strstr(sterna_client_last_error(client), "sterna1.") != NULL);
    CHECK(sterna_client_send(client, 2, 1, NULL, 1) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_client_rsend(client, 2, 1, NULL, 1) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_client_request(client, 2, 1, NULL, 1, 0, NULL) == STERNA_ERROR_NULL_ARGUMENT);
    CHECK(sterna_client_request(client, 2, 1, NULL, 0, 0, (uint64_t *)(void *)(place.bytes + 4)) ==
          STERNA_ERROR_MISALIGNED);
}

static void test_without_connection(SternaClient *client)
{
    static const uint8_t payload[] = {1, 2, 3};
    uint64_t request = 7;
    CHECK(sterna_client_state(client) == STERNA_STATE_IDLE);
    CHECK(sterna_client_update(client) == STERNA_OK);
    CHECK(sterna_client_poll_event(client) == NULL);
    CHECK(sterna_client_send(client, 2, 1, payload, 3) == STERNA_ERROR_NOT_CONNECTED);
    CHECK(sterna_client_rsend(client, 2, 1, payload, 3) == STERNA_ERROR_NOT_CONNECTED);
    CHECK(sterna_client_request(client, 2, 1, payload, 3, 0, &request) == STERNA_ERROR_NOT_CONNECTED);
    CHECK(request == 7);
    CHECK(sterna_client_send_migrate(client) == STERNA_ERROR_NOT_CONNECTED);
    CHECK(sterna_client_disconnect(client) == STERNA_ERROR_NOT_CONNECTED);
    CHECK(strcmp(sterna_client_last_error(client), sterna_result_string(STERNA_ERROR_NOT_CONNECTED)) == 0);
    CHECK(sterna_client_send(client, 1, 1, payload, 3) == STERNA_ERROR_RESERVED_VERSION);
    CHECK(sterna_client_flush(client) == STERNA_OK);
}

static void test_errors_belong_to_their_client(SternaClient *client)
{
    SternaClient *other = NULL;
    CHECK(sterna_client_create(NULL, &other) == STERNA_OK);
    CHECK(sterna_client_disconnect(client) == STERNA_ERROR_NOT_CONNECTED);
    CHECK(strcmp(sterna_client_last_error(client), "") != 0);
    CHECK(strcmp(sterna_client_last_error(other), "") == 0);
    CHECK(sterna_client_destroy(other) == STERNA_OK);
}

/* A configuration as an older header had it: it ended behind log_level. */
typedef struct {
    uint32_t struct_size;
    uint32_t transport;
    uint32_t move_mode;
    uint32_t log_level;
    uint32_t guard; /* not part of it: must stay untouched */
} OlderConfig;

/* One of a newer header. */
typedef struct {
    SternaClientConfig known;
    uint64_t further[3];
} NewerConfig;

static void test_configuration(void)
{
    SternaClient *client = NULL;
    SternaClientConfig config;
    OlderConfig older;
    NewerConfig newer;
    union {
        OlderConfig *older;
        NewerConfig *newer;
        SternaClientConfig *config;
    } pointer;

    CHECK(sterna_client_config_init(&config, sizeof config) == STERNA_OK);
    CHECK(config.struct_size == sizeof config && config.connect_timeout_ms == 10000 && config.reserved == 0);
    CHECK(sterna_client_create(&config, &client) == STERNA_OK && sterna_client_destroy(client) == STERNA_OK);

    config.transport = 9;
    CHECK(sterna_client_create(&config, &client) == STERNA_ERROR_INVALID_ARGUMENT && client == NULL);
    CHECK(strstr(sterna_last_error(), "transport") != NULL);
    CHECK(sterna_client_config_init(&config, sizeof config) == STERNA_OK);
    config.simulator_loss_percent = 100;
    CHECK(sterna_client_create(&config, &client) == STERNA_ERROR_INVALID_ARGUMENT);
    config.struct_size = 8;
    CHECK(sterna_client_create(&config, &client) == STERNA_ERROR_STRUCT_SIZE);
    memset(&config, 0, sizeof config);
    CHECK(sterna_client_create(&config, &client) == STERNA_ERROR_STRUCT_SIZE);
    CHECK(sterna_client_config_init(&config, 3) == STERNA_ERROR_STRUCT_SIZE);

    older.guard = 0xabababab;
    pointer.older = &older;
    CHECK(sterna_client_config_init(pointer.config, offsetof(OlderConfig, guard)) == STERNA_OK);
    CHECK(older.struct_size == 16 && older.log_level == STERNA_LOG_WARN && older.guard == 0xabababab);
    older.transport = STERNA_TRANSPORT_UDP;
    CHECK(sterna_client_create(pointer.config, &client) == STERNA_OK);
    CHECK(sterna_client_destroy(client) == STERNA_OK);

    pointer.newer = &newer;
    memset(&newer, 0xcd, sizeof newer);
    CHECK(sterna_client_config_init(pointer.config, sizeof newer) == STERNA_OK);
    CHECK(newer.known.struct_size == sizeof newer && newer.further[0] == 0 && newer.further[2] == 0);
    CHECK(sterna_client_create(pointer.config, &client) == STERNA_OK);
    CHECK(sterna_client_destroy(client) == STERNA_OK);
    newer.further[2] = 1;
    CHECK(sterna_client_create(pointer.config, &client) == STERNA_ERROR_STRUCT_SIZE && client == NULL);
    CHECK(strstr(sterna_last_error(), "newer") != NULL);
}

static void test_stats_of_other_versions(SternaClient *client)
{
    struct {
        SternaStats known;
        uint64_t further;
    } newer;
    uint64_t older[2];
    union {
        uint64_t *older;
        SternaStats *stats;
    } pointer;

    memset(&newer, 0xcd, sizeof newer);
    CHECK(sterna_client_stats(client, &newer.known, sizeof newer) == STERNA_OK);
    CHECK(newer.known.bytes_sent == 0 && newer.further == 0);
    older[1] = 77;
    pointer.older = older;
    CHECK(sterna_client_stats(client, pointer.stats, sizeof older[0]) == STERNA_OK);
    CHECK(older[0] == 0 && older[1] == 77);
    CHECK(sterna_client_stats(client, &newer.known, 0) == STERNA_ERROR_STRUCT_SIZE);
    CHECK(sterna_client_stats(client, &newer.known, 13) == STERNA_ERROR_STRUCT_SIZE);
}

static void test_versions(void)
{
    CHECK(sterna_abi_version() == STERNA_ABI_VERSION);
    CHECK(strcmp(sterna_version(), STERNA_VERSION_STRING) == 0);
    CHECK(strcmp(sterna_result_string(STERNA_OK), "no error") == 0);
    CHECK(strlen(sterna_result_string(4000000000u)) > 0);
}

int main(void)
{
    SternaClient *client = NULL;
    CHECK(strcmp(sterna_last_error(), "") == 0);
    test_versions();
    test_no_client();
    CHECK(sterna_client_create(NULL, &client) == STERNA_OK);
    test_without_connection(client);
    test_what_is_no_client(client);
    test_pointers(client);
    test_stats_of_other_versions(client);
    test_errors_belong_to_their_client(client);
    test_destroyed(client);
    test_configuration();
    CHECK(sterna_shutdown() == STERNA_OK);
    puts("ok");
    return 0;
}
