/* A game as it was written before there were rooms: it knows the header of that time, and all of its functions. Compiled
 * then, to tests/golden/consumer.o; today's library must still run what was compiled.
 *
 *     consumer <tcp|udp> <token>
 *
 * Plays until it has been moved, and exits with 0 if nothing was lost, repeated or out of order and each number of the
 * library is what the header of that time said.
 */

#define _POSIX_C_SOURCE 200809L
#include <sterna.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "consumer.c:%d: %s\n", __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

enum { VER = 2, CMD_ECHO = 1, CMD_PUSH = 6, FRAMES_MAX = 60 * 60, FRAMES_AFTER_MOVE = 60 };

typedef struct {
    uint64_t sent, received, pushes, answers, asked, connected, migrating, migrated, over;
} Game;

static void next_frame(void)
{
    struct timespec frame = {0, 16 * 1000 * 1000};
    nanosleep(&frame, NULL);
}

static void on_connected(SternaClient *client, const SternaEvent *event, void *user_data)
{
    CHECK(event->event_type == STERNA_EVENT_CONNECTED && event->status == STERNA_OK);
    CHECK(event->struct_size >= sizeof *event && event->session_id != 0 && event->text != NULL);
    CHECK(sterna_client_state(client) == STERNA_STATE_CONNECTED);
    ((Game *)user_data)->connected++;
}

/* What must not happen while this game is played: nothing crashes, and nobody cuts a link. */
static void on_trouble(SternaClient *client, const SternaEvent *event, void *user_data)
{
    (void)client;
    (void)user_data;
    fprintf(stderr, "event %u: %s\n", (unsigned)event->event_type, event->text);
    exit(1);
}

static void on_disconnected(SternaClient *client, const SternaEvent *event, void *user_data)
{
    (void)client;
    CHECK(event->event_type == STERNA_EVENT_DISCONNECTED);
    ((Game *)user_data)->over++;
}

static void on_offline(SternaClient *client, const SternaEvent *event, void *user_data)
{
    (void)user_data;
    CHECK(event->event_type == STERNA_EVENT_OFFLINE && event->deadline_ms > 0 && event->in_room == 0);
    CHECK(event->reason != STERNA_OFFLINE_NONE);
    CHECK(sterna_client_send_migrate(client) == STERNA_OK);
}

static void on_migrating(SternaClient *client, const SternaEvent *event, void *user_data)
{
    (void)client;
    CHECK(event->event_type == STERNA_EVENT_MIGRATING);
    ((Game *)user_data)->migrating++;
}

static void on_migrated(SternaClient *client, const SternaEvent *event, void *user_data)
{
    (void)client;
    CHECK(event->event_type == STERNA_EVENT_MIGRATED && event->epoch > 1 && event->text != NULL);
    ((Game *)user_data)->migrated++;
}

static void on_response(SternaClient *client, const SternaEvent *event, void *user_data)
{
    Game *game = user_data;
    (void)client;
    CHECK(event->event_type == STERNA_EVENT_RESPONSE && event->status == STERNA_OK);
    CHECK(event->request_id != 0 && event->ver == VER);
    if (event->cmd == CMD_ECHO) {
        CHECK(event->length == 5 && memcmp(event->data, "again", 5) == 0 && event->data[5] == 0);
    }
    game->answers++;
}

static void on_log(SternaClient *client, const SternaEvent *event, void *user_data)
{
    (void)client;
    (void)user_data;
    CHECK(event->event_type == STERNA_EVENT_LOG && event->log_level <= STERNA_LOG_DEBUG);
}

/* Pushes have no callback here: they are polled. */
static void poll_pushes(SternaClient *client, Game *game)
{
    const SternaEvent *event;
    while ((event = sterna_client_poll_event(client)) != NULL) {
        uint64_t number;
        CHECK(event->event_type == STERNA_EVENT_PUSH && event->ver == VER);
        if (event->cmd == CMD_PUSH) {
            CHECK(event->length == 8);
            game->pushes++;
        } else if (event->length == 1) { /* the echo of an unreliable one */
            CHECK(event->cmd == CMD_ECHO && event->data[0] == '?');
        } else {
            CHECK(event->cmd == CMD_ECHO && event->length == sizeof number && event->reliable);
            memcpy(&number, event->data, sizeof number);
            CHECK(number == game->received);
            game->received++;
        }
    }
}

static void say(SternaClient *client, Game *game)
{
    uint64_t id = 0;
    SternaResult result = sterna_client_rsend(client, VER, CMD_ECHO, (const uint8_t *)&game->sent, sizeof game->sent);
    CHECK(result == STERNA_OK || result == STERNA_ERROR_QUEUE_FULL);
    game->sent += result == STERNA_OK;
    result = sterna_client_send(client, VER, CMD_ECHO, (const uint8_t *)"?", 1);
    CHECK(result == STERNA_OK || result == STERNA_ERROR_QUEUE_FULL);
    if (game->sent % 16 == 1) {
        result = sterna_client_request(client, VER, CMD_ECHO, (const uint8_t *)"again", 5, 30000, &id);
        CHECK(result == STERNA_OK && id != 0);
        game->asked++;
    }
    CHECK(sterna_client_flush(client) == STERNA_OK);
}

static void play(SternaClient *client, Game *game)
{
    static const uint8_t every_20_ms[4] = {0, 0, 0, 20};
    uint64_t id = 0;
    int frame, until = FRAMES_MAX, pushed = 0;
    for (frame = 0; frame < until; frame++) {
        CHECK(sterna_client_update(client) == STERNA_OK);
        poll_pushes(client, game);
        if (game->connected) {
            if (!pushed++) {
                CHECK(sterna_client_request(client, VER, CMD_PUSH, every_20_ms, 4, 0, &id) == STERNA_OK);
                game->asked++;
            }
            say(client, game);
        }
        if (game->migrated && until == FRAMES_MAX) {
            until = frame + FRAMES_AFTER_MOVE;
        }
        next_frame();
    }
    for (frame = 0; frame < FRAMES_MAX && (game->received < game->sent || game->answers < game->asked); frame++) {
        CHECK(sterna_client_update(client) == STERNA_OK);
        poll_pushes(client, game);
        next_frame();
    }
    CHECK(game->received == game->sent && game->answers == game->asked);
    CHECK(game->connected == 1 && game->migrated >= 1 && game->migrating >= 1 && game->pushes > 0 && game->over == 0);
}

static void leave(SternaClient *client, Game *game)
{
    SternaStats stats;
    int frame;
    CHECK(sterna_client_stats(client, &stats, sizeof stats) == STERNA_OK);
    CHECK(stats.moves == game->migrated && stats.moves_failed == 0 && stats.reconnects == 0 && stats.epoch > 1);
    CHECK(stats.messages_sent >= game->sent && stats.messages_received >= game->received && stats.rtt_us > 0);
    CHECK(sterna_client_disconnect(client) == STERNA_OK);
    for (frame = 0; frame < FRAMES_MAX && !game->over; frame++) {
        CHECK(sterna_client_update(client) == STERNA_OK);
        while (sterna_client_poll_event(client) != NULL) {
        }
        next_frame();
    }
    CHECK(game->over == 1 && sterna_client_state(client) == STERNA_STATE_DISCONNECTED);
}

/* What was a mistake then is the same mistake now. */
static void check_mistakes(SternaClient *client)
{
    CHECK(sterna_client_update(NULL) == STERNA_ERROR_NULL_ARGUMENT && sterna_last_error()[0] != 0);
    CHECK(sterna_client_send_migrate(client) != STERNA_OK && sterna_client_last_error(client)[0] != 0);
    CHECK(sterna_client_connect(client, "not a token") == STERNA_ERROR_TOKEN_MALFORMED);
    CHECK(strlen(sterna_result_string(STERNA_ERROR_QUEUE_FULL)) > 0 && sterna_client_destroy(NULL) == STERNA_OK);
}

int main(int argc, char **argv)
{
    SternaClientConfig config;
    SternaClient *client = NULL;
    Game game;
    memset(&game, 0, sizeof game);
    CHECK(argc == 3 && sterna_abi_version() == STERNA_ABI_VERSION && strlen(sterna_version()) > 0);
    CHECK(sterna_client_config_init(&config, sizeof config) == STERNA_OK && config.struct_size == sizeof config);
    config.transport = strcmp(argv[1], "udp") == 0 ? STERNA_TRANSPORT_UDP : STERNA_TRANSPORT_TCP;
    config.move_mode = STERNA_MOVE_SEAMLESS;
    CHECK(sterna_client_create(&config, &client) == STERNA_OK);
    check_mistakes(client);
    sterna_client_on_connected(client, on_connected, &game);
    sterna_client_on_connect_failed(client, on_trouble, NULL);
    sterna_client_on_disconnected(client, on_disconnected, &game);
    sterna_client_on_reconnecting(client, on_trouble, NULL);
    sterna_client_on_reconnected(client, on_trouble, NULL);
    sterna_client_on_offline(client, on_offline, &game);
    sterna_client_on_migrating(client, on_migrating, &game);
    sterna_client_on_migrated(client, on_migrated, &game);
    sterna_client_on_migrate_failed(client, on_trouble, NULL);
    sterna_client_on_took_over(client, on_trouble, NULL);
    sterna_client_on_response(client, on_response, &game);
    sterna_client_on_log(client, on_log, NULL);
    sterna_client_on_push(client, on_trouble, NULL);
    sterna_client_on_push(client, NULL, NULL); /* taken back: pushes are polled */
    CHECK(sterna_client_connect(client, argv[2]) == STERNA_OK);
    CHECK(sterna_client_state(client) == STERNA_STATE_CONNECTING);
    play(client, &game);
    leave(client, &game);
    CHECK(sterna_client_destroy(client) == STERNA_OK && sterna_shutdown() == STERNA_OK);
    printf("%llu messages over %s, moved %llu times\n", (unsigned long long)game.sent, argv[1],
           (unsigned long long)game.migrated);
    return 0;
}
