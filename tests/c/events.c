/* How events reach the game: callbacks on the caller's thread, the rest by poll, in order; what may be done in
 * a callback. Needs no server: a token whose nodes do not run gives a connect_failed each time.
 *
 *     events <token>
 */

#include "check.h"

#include <pthread.h>
#include <time.h>

static const char *token;

/* Lets the library's own thread work. */
static void breathe(void)
{
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
}

typedef SternaResult (*Register)(SternaClient *, SternaEventCallback, void *);

static const Register all[] = {
    sterna_client_on_connected,    sterna_client_on_connect_failed, sterna_client_on_disconnected,
    sterna_client_on_reconnecting, sterna_client_on_reconnected,    sterna_client_on_offline,
    sterna_client_on_migrating,    sterna_client_on_migrated,       sterna_client_on_migrate_failed,
    sterna_client_on_took_over,    sterna_client_on_response,       sterna_client_on_push,
    sterna_client_on_log,
    sterna_client_on_room_entered,
    sterna_client_on_room_exited,
    sterna_client_on_room_member_joined,
    sterna_client_on_room_member_left,
    sterna_client_on_room_message,
    sterna_client_on_room_owner_changed,
    sterna_client_on_room_property,
    sterna_client_on_room_sync,
    sterna_client_on_room_result,
    sterna_client_on_room_migrated,
    sterna_client_on_room_refreshed,
};
enum { ALL = sizeof all / sizeof all[0] };

typedef struct {
    pthread_t thread;
    int failed; /* how many connect_failed came */
    int others;
    int logged;
} Seen;

static void count(SternaClient *client, const SternaEvent *event, void *user_data)
{
    Seen *seen = user_data;
    CHECK(client != NULL && event->struct_size == sizeof *event);
    CHECK(pthread_equal(seen->thread, pthread_self()));
    CHECK(event->text != NULL && event->data != NULL);
    if (event->event_type == STERNA_EVENT_CONNECT_FAILED) {
        CHECK(event->status != STERNA_OK && strlen(event->text) > 0);
        seen->failed++;
    } else if (event->event_type == STERNA_EVENT_LOG) {
        seen->logged++;
    } else {
        seen->others++;
    }
}

static SternaClient *create(void)
{
    SternaClient *client = NULL;
    SternaClientConfig config;
    CHECK(sterna_client_config_init(&config, sizeof config) == STERNA_OK);
    config.connect_timeout_ms = 3000;
    CHECK(sterna_client_create(&config, &client) == STERNA_OK);
    return client;
}

static void test_one_connect_failed_for_each_connect(void)
{
    SternaClient *client = create();
    Seen seen;
    int i, attempt;
    memset(&seen, 0, sizeof seen);
    seen.thread = pthread_self();
    for (i = 0; i < ALL; i++) {
        CHECK(all[i](NULL, count, &seen) == STERNA_ERROR_NULL_ARGUMENT);
        CHECK(all[i](client, count, &seen) == STERNA_OK);
    }
    for (attempt = 1; attempt <= 3; attempt++) {
        CHECK(sterna_client_connect(client, token) == STERNA_OK);
        while (seen.failed < attempt) {
            CHECK(sterna_client_update(client) == STERNA_OK);
            breathe();
        }
        CHECK(sterna_client_state(client) == STERNA_STATE_DISCONNECTED);
    }
    CHECK(sterna_client_update(client) == STERNA_OK);
    CHECK(seen.failed == 3 && seen.others == 0);
    CHECK(sterna_client_poll_event(client) == NULL);
    CHECK(sterna_client_destroy(client) == STERNA_OK);
}

static void test_what_has_no_callback_can_be_polled(void)
{
    SternaClient *client = create();
    SternaStats stats;
    const SternaEvent *event;
    int found = 0;
    CHECK(sterna_client_on_connect_failed(client, count, NULL) == STERNA_OK);
    CHECK(sterna_client_on_connect_failed(client, NULL, NULL) == STERNA_OK);
    CHECK(sterna_client_connect(client, token) == STERNA_OK);
    while (!found) {
        CHECK(sterna_client_update(client) == STERNA_OK);
        while ((event = sterna_client_poll_event(client)) != NULL) {
            if (event->event_type == STERNA_EVENT_CONNECT_FAILED) {
                CHECK(event->status != STERNA_OK && strlen(event->text) > 0);
                found = 1;
            } else {
                CHECK(event->event_type == STERNA_EVENT_LOG);
            }
        }
        breathe();
    }
    CHECK(sterna_client_stats(client, &stats, sizeof stats) == STERNA_OK);
    CHECK(stats.event_queue_bytes == 0);
    CHECK(sterna_client_destroy(client) == STERNA_OK);
}

static int calls;

static void everything_within(SternaClient *client, const SternaEvent *event, void *user_data)
{
    SternaStats stats;
    (void)event;
    (void)user_data;
    CHECK(sterna_client_update(client) == STERNA_ERROR_BUSY);
    CHECK(sterna_client_poll_event(client) == NULL);
    CHECK(strcmp(sterna_client_last_error(client), sterna_result_string(STERNA_ERROR_BUSY)) == 0);
    CHECK(sterna_client_send(client, 2, 1, NULL, 0) == STERNA_ERROR_NOT_CONNECTED);
    CHECK(sterna_client_send_migrate(client) == STERNA_ERROR_NOT_CONNECTED);
    CHECK(sterna_room_broadcast(client, 2, 1, NULL, 0) == STERNA_ERROR_NOT_CONNECTED);
    CHECK(sterna_room_leave(client, 0, NULL) == STERNA_ERROR_NOT_CONNECTED && sterna_room_id(client) == 0);
    CHECK(sterna_client_disconnect(client) == STERNA_ERROR_NOT_CONNECTED);
    CHECK(sterna_client_flush(client) == STERNA_OK);
    CHECK(sterna_client_stats(client, &stats, sizeof stats) == STERNA_OK);
    CHECK(sterna_client_state(client) == STERNA_STATE_DISCONNECTED);
    if (calls == 0) {
        CHECK(sterna_client_connect(client, token) == STERNA_OK);
    } else {
        CHECK(sterna_client_destroy(client) == STERNA_OK);
        CHECK(sterna_client_state(client) == STERNA_STATE_INVALID);
        CHECK(sterna_shutdown() == STERNA_ERROR_BUSY);
    }
    calls++;
}

static void test_everything_may_be_done_within_a_callback(void)
{
    SternaClient *client = create();
    SternaResult result = STERNA_OK;
    calls = 0;
    CHECK(sterna_client_on_connect_failed(client, everything_within, NULL) == STERNA_OK);
    CHECK(sterna_client_connect(client, token) == STERNA_OK);
    while (result == STERNA_OK) {
        result = sterna_client_update(client);
        while (sterna_client_poll_event(client) != NULL) {
        }
        breathe();
    }
    CHECK(calls == 2 && result == STERNA_ERROR_INVALID_HANDLE);
    CHECK(sterna_shutdown() == STERNA_OK);
}

static void *hammer(void *user_data)
{
    SternaClient *client = user_data;
    SternaResult result = STERNA_OK;
    SternaStats stats;
    while (result != STERNA_ERROR_INVALID_HANDLE) {
        result = sterna_client_rsend(client, 2, 1, (const uint8_t *)"x", 1);
        CHECK(result == STERNA_ERROR_NOT_CONNECTED || result == STERNA_ERROR_INVALID_HANDLE);
        result = sterna_room_leave(client, 0, NULL);
        CHECK(result == STERNA_ERROR_NOT_CONNECTED || result == STERNA_ERROR_INVALID_HANDLE);
        CHECK(sterna_room_id(client) == 0 && sterna_room_member_count(client) == 0);
        result = sterna_client_on_push(client, count, NULL);
        CHECK(result == STERNA_OK || result == STERNA_ERROR_INVALID_HANDLE);
        result = sterna_client_update(client);
        CHECK(result == STERNA_OK || result == STERNA_ERROR_BUSY || result == STERNA_ERROR_INVALID_HANDLE);
        result = sterna_client_stats(client, &stats, sizeof stats);
        CHECK(result == STERNA_OK || result == STERNA_ERROR_INVALID_HANDLE);
    }
    return NULL;
}

static void test_destroy_while_others_are_inside(void)
{
    int round, i;
    for (round = 0; round < 20; round++) {
        SternaClient *client = create();
        pthread_t threads[3];
        CHECK(sterna_client_connect(client, token) == STERNA_OK);
        for (i = 0; i < 3; i++) {
            CHECK(pthread_create(&threads[i], NULL, hammer, client) == 0);
        }
        breathe();
        CHECK(sterna_client_destroy(client) == STERNA_OK);
        for (i = 0; i < 3; i++) {
            CHECK(pthread_join(threads[i], NULL) == 0);
        }
    }
}

static void test_shutdown_takes_what_was_forgotten(void)
{
    SternaClient *client = create();
    CHECK(sterna_client_connect(client, token) == STERNA_OK);
    CHECK(sterna_shutdown() == STERNA_OK);
    CHECK(sterna_client_update(client) == STERNA_ERROR_INVALID_HANDLE);
    client = create();
    CHECK(sterna_client_update(client) == STERNA_OK);
    CHECK(sterna_client_destroy(client) == STERNA_OK);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    token = argv[1];
    test_one_connect_failed_for_each_connect();
    test_what_has_no_callback_can_be_polled();
    test_everything_may_be_done_within_a_callback();
    test_destroy_while_others_are_inside();
    test_shutdown_takes_what_was_forgotten();
    CHECK(sterna_shutdown() == STERNA_OK);
    puts("ok");
    return 0;
}
