/* A game that hangs for half a minute, its queue full, is moved all the same, and has lost nothing when it
 * wakes up.
 *
 *     asleep tcp|udp <token>
 */

#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sterna.h>

#include "check.h"

#define VERSION 2
#define PUSH 6

static uint64_t next_push;
static int broken;
static int asked;
static int migrated;

static void pause_ms(long ms)
{
    struct timespec pause;
    pause.tv_sec = ms / 1000;
    pause.tv_nsec = ms % 1000 * 1000000;
    nanosleep(&pause, NULL);
}

static void on_connected(SternaClient *client, const SternaEvent *event, void *user_data)
{
    /* A push every millisecond: the queue's 256 KiB are full within the sleep. */
    static const uint8_t every_ms[4] = {0, 0, 0, 1};
    (void)event;
    (void)user_data;
    CHECK(sterna_client_rsend(client, VERSION, PUSH, every_ms, sizeof every_ms) == STERNA_OK);
}

static void on_offline(SternaClient *client, const SternaEvent *event, void *user_data)
{
    (void)event;
    (void)user_data;
    CHECK(sterna_client_send_migrate(client) == STERNA_OK);
    asked = 1;
}

static void on_migrated(SternaClient *client, const SternaEvent *event, void *user_data)
{
    (void)client;
    (void)event;
    (void)user_data;
    migrated++;
}

static void on_push(SternaClient *client, const SternaEvent *event, void *user_data)
{
    uint64_t number = 0;
    uint32_t byte;
    (void)client;
    (void)user_data;
    for (byte = 0; byte < event->length; byte++) {
        number = number << 8 | event->data[byte];
    }
    broken |= number != next_push || event->length != 8;
    next_push++;
}

static void on_disconnected(SternaClient *client, const SternaEvent *event, void *user_data)
{
    (void)client;
    (void)user_data;
    fprintf(stderr, "disconnected: %s\n", sterna_result_string((uint32_t)event->status));
    exit(1);
}

int main(int argc, char **argv)
{
    SternaClient *client = NULL;
    SternaClientConfig config;
    SternaStats stats;
    uint64_t woke_at;
    int frame;
    CHECK(argc == 3);
    CHECK(sterna_client_config_init(&config, sizeof config) == STERNA_OK);
    config.transport = strcmp(argv[1], "udp") == 0 ? STERNA_TRANSPORT_UDP : STERNA_TRANSPORT_TCP;
    CHECK(sterna_client_create(&config, &client) == STERNA_OK);
    CHECK(sterna_client_on_connected(client, on_connected, NULL) == STERNA_OK);
    CHECK(sterna_client_on_offline(client, on_offline, NULL) == STERNA_OK);
    CHECK(sterna_client_on_migrated(client, on_migrated, NULL) == STERNA_OK);
    CHECK(sterna_client_on_push(client, on_push, NULL) == STERNA_OK);
    CHECK(sterna_client_on_disconnected(client, on_disconnected, NULL) == STERNA_OK);
    CHECK(sterna_client_connect(client, argv[2]) == STERNA_OK);
    for (frame = 0; frame < 3600 && !asked; frame++) {
        CHECK(sterna_client_update(client) == STERNA_OK);
        pause_ms(16);
    }
    CHECK(asked && migrated == 0);

    pause_ms(30000); /* the game hangs */

    CHECK(sterna_client_stats(client, &stats, sizeof stats) == STERNA_OK);
    printf("asleep: moves %u, waiting %u bytes\n", (unsigned)stats.moves, (unsigned)stats.event_queue_bytes);
    CHECK(stats.moves >= 1);
    CHECK(stats.event_queue_bytes >= config.event_bytes_max / 2);
    woke_at = next_push;
    /* What waited here, and what the server could not send meanwhile, is more than ten thousand pushes. */
    for (frame = 0; frame < 3600 && next_push < woke_at + 10000; frame++) {
        CHECK(sterna_client_update(client) == STERNA_OK);
        CHECK(!broken);
        pause_ms(16);
    }
    printf("pushes %u, migrated %d\n", (unsigned)next_push, migrated);
    CHECK(next_push >= woke_at + 10000);
    CHECK(migrated >= 1 && !broken);
    CHECK(sterna_client_destroy(client) == STERNA_OK);
    return 0;
}
