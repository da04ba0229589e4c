/* A game loop in C: sends numbered messages, 60 a second, to a server that echoes them, is moved from node to
 * node meanwhile, and checks that every echo comes back, once and in order.
 *
 *     game [--udp] [--seconds N] [--until-migrated] [token]
 *
 * The token is what the game's backend would give; `sterna serve --dev` prints one. Without the argument it is
 * taken from STERNA_TOKEN. Ends after N seconds (10 if not said) or, with --until-migrated, soon after the first
 * move. Exits with 0 if nothing was lost, repeated or out of order, otherwise with 1.
 */

#ifndef _WIN32
#define _POSIX_C_SOURCE 200809L
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
#else
#include <time.h>
#endif

#include <sterna.h>

/* What the server's built-in application understands. */
enum { VER = 2, CMD_ECHO = 1 };

enum { FRAMES_PER_SECOND = 60, FRAMES_AFTER_MOVE = 60, FRAMES_TO_SETTLE = 10 * FRAMES_PER_SECOND };

typedef struct {
    uint64_t sent;     /* messages sent, which is also the next one's number */
    uint64_t received; /* echoes received, which is also the number expected next */
    int connected;
    int over; /* the session has ended, or never began */
    int broken; /* an echo was missing, repeated or out of order */
    int migrated;
} Game;

static void next_frame(void)
{
#ifdef _WIN32
    Sleep(1000 / FRAMES_PER_SECOND);
#else
    struct timespec frame = {0, 1000000000 / FRAMES_PER_SECOND};
    nanosleep(&frame, NULL);
#endif
}

static void write_number(uint8_t *bytes, uint64_t number)
{
    int i;
    for (i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(number >> (56 - 8 * i));
    }
}

static uint64_t read_number(const uint8_t *bytes)
{
    uint64_t number = 0;
    int i;
    for (i = 0; i < 8; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
}

static void on_connected(SternaClient *client, const SternaEvent *event, void *user_data)
{
    Game *game = user_data;
    (void)client;
    game->connected = 1;
    printf("connected to %s\n", event->text);
}

static void on_ended(SternaClient *client, const SternaEvent *event, void *user_data)
{
    Game *game = user_data;
    (void)client;
    game->connected = 0;
    game->over = 1;
    printf("%s: %s\n", event->event_type == STERNA_EVENT_CONNECT_FAILED ? "connecting failed" : "disconnected",
           event->text);
}

static void on_reconnecting(SternaClient *client, const SternaEvent *event, void *user_data)
{
    (void)client;
    (void)user_data;
    printf("reconnecting: %s\n", event->text);
}

static void on_reconnected(SternaClient *client, const SternaEvent *event, void *user_data)
{
    (void)client;
    (void)user_data;
    printf("reconnected to %s\n", event->text);
}

/* The node will stop. A real game might wait for the end of the round before it answers. */
static void on_offline(SternaClient *client, const SternaEvent *event, void *user_data)
{
    SternaResult result;
    (void)user_data;
    printf("the node goes offline, %llu ms left\n", (unsigned long long)event->deadline_ms);
    result = sterna_client_send_migrate(client);
    if (result != STERNA_OK) {
        printf("  cannot migrate: %s\n", sterna_result_string(result));
    }
}

static void on_migrating(SternaClient *client, const SternaEvent *event, void *user_data)
{
    (void)client;
    (void)event;
    (void)user_data;
    printf("migrating\n");
}

static void on_migrated(SternaClient *client, const SternaEvent *event, void *user_data)
{
    Game *game = user_data;
    (void)client;
    game->migrated = 1;
    printf("migrated to %s, gap %llu us\n", event->text, (unsigned long long)event->gap_us);
}

static void on_migrate_failed(SternaClient *client, const SternaEvent *event, void *user_data)
{
    (void)client;
    (void)user_data;
    printf("still where it was: %s\n", event->text);
}

static void on_took_over(SternaClient *client, const SternaEvent *event, void *user_data)
{
    Game *game = user_data;
    (void)client;
    game->broken |= event->lost_from != event->lost_to;
    printf("a node crashed, %s took over; messages %llu to before %llu are gone\n", event->text,
           (unsigned long long)event->lost_from, (unsigned long long)event->lost_to);
}

static void on_push(SternaClient *client, const SternaEvent *event, void *user_data)
{
    Game *game = user_data;
    (void)client;
    if (event->ver != VER || event->cmd != CMD_ECHO || event->length != 8) {
        return;
    }
    if (read_number(event->data) != game->received) {
        printf("echo %llu came where %llu was due\n", (unsigned long long)read_number(event->data),
               (unsigned long long)game->received);
        game->broken = 1;
    }
    game->received = read_number(event->data) + 1;
}

static void on_log(SternaClient *client, const SternaEvent *event, void *user_data)
{
    (void)client;
    (void)user_data;
    fprintf(stderr, "sterna: %s\n", event->text);
}

static void send_number(SternaClient *client, Game *game)
{
    uint8_t payload[8];
    SternaResult result;
    write_number(payload, game->sent);
    result = sterna_client_rsend(client, VER, CMD_ECHO, payload, sizeof payload);
    if (result == STERNA_OK) {
        game->sent++;
    } else if (result != STERNA_ERROR_QUEUE_FULL) { /* then the next frame tries again */
        printf("not sent: %s\n", sterna_result_string(result));
    }
}

static int play(SternaClient *client, long seconds, int until_migrated)
{
    Game game;
    long frame, frames_left = seconds * FRAMES_PER_SECOND, settle = FRAMES_TO_SETTLE;
    int seen_move = 0;
    memset(&game, 0, sizeof game);

    sterna_client_on_connected(client, on_connected, &game);
    sterna_client_on_connect_failed(client, on_ended, &game);
    sterna_client_on_disconnected(client, on_ended, &game);
    sterna_client_on_reconnecting(client, on_reconnecting, &game);
    sterna_client_on_reconnected(client, on_reconnected, &game);
    sterna_client_on_offline(client, on_offline, &game);
    sterna_client_on_migrating(client, on_migrating, &game);
    sterna_client_on_migrated(client, on_migrated, &game);
    sterna_client_on_migrate_failed(client, on_migrate_failed, &game);
    sterna_client_on_took_over(client, on_took_over, &game);
    sterna_client_on_push(client, on_push, &game);
    sterna_client_on_log(client, on_log, &game);

    for (frame = 0; frame < frames_left && !game.over; frame++) {
        if (game.connected) {
            send_number(client, &game);
        }
        sterna_client_update(client);
        if (until_migrated && game.migrated && !seen_move) {
            seen_move = 1;
            frames_left = frame + FRAMES_AFTER_MOVE;
        }
        next_frame();
    }
    while (game.received < game.sent && settle-- > 0 && !game.over) {
        sterna_client_update(client);
        next_frame();
    }
    if (sterna_client_disconnect(client) == STERNA_OK) {
        for (settle = FRAMES_TO_SETTLE; settle > 0 && !game.over; settle--) {
            sterna_client_update(client);
            next_frame();
        }
    }
    printf("%llu sent, %llu came back\n", (unsigned long long)game.sent, (unsigned long long)game.received);
    if (until_migrated && !game.migrated) {
        printf("there was no move\n");
        return 1;
    }
    return game.sent == 0 || game.received != game.sent || game.broken;
}

int main(int argc, char **argv)
{
    SternaClientConfig config;
    SternaClient *client = NULL;
    SternaResult result;
    const char *token = getenv("STERNA_TOKEN");
    long seconds = 10;
    int until_migrated = 0, i;

    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (sterna_abi_version() != STERNA_ABI_VERSION) {
        fprintf(stderr, "this is Sterna %s, which does not fit this program\n", sterna_version());
        return 2;
    }
    sterna_client_config_init(&config, sizeof config);
    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--udp") == 0) {
            config.transport = STERNA_TRANSPORT_UDP;
        } else if (strcmp(argv[i], "--until-migrated") == 0) {
            until_migrated = 1;
            seconds = 60;
        } else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            seconds = strtol(argv[++i], NULL, 10);
        } else {
            token = argv[i];
        }
    }
    if (token == NULL) {
        fprintf(stderr, "usage: game [--udp] [--seconds N] [--until-migrated] [token], or set STERNA_TOKEN\n");
        return 2;
    }

    result = sterna_client_create(&config, &client);
    if (result == STERNA_OK) {
        result = sterna_client_connect(client, token);
    }
    if (result != STERNA_OK) {
        fprintf(stderr, "%s\n", sterna_last_error());
        sterna_client_destroy(client);
        return 2;
    }
    i = play(client, seconds, until_migrated);
    sterna_client_destroy(client);
    return i;
}
