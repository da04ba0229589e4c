/* Players in a room, in C: the first one makes it, the others join it, and all of them broadcast numbered messages, 20
 * a second. When the node goes offline the room's owner moves the room to another node, and everybody checks that
 * every message of everybody comes, once and in order, and that nobody is told to have left.
 *
 *     room [--udp] [--seconds N] [--until-migrated] <token> <token> ...
 *
 * One token for each player (2 to 16), each for another user, as the game's backend would give them. A game has one
 * player in each process; here they share one, so that one program can look at all sides. Ends after N seconds (10 if
 * not said) or, with --until-migrated, soon after the first move. Exits with 0 if nothing was lost, repeated or out of
 * order, otherwise with 1.
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

enum { VER = 2, CMD_NUMBER = 1 };

enum { FRAMES_PER_SECOND = 20, FRAMES_AFTER_MOVE = 40, FRAMES_TO_SETTLE = 10 * FRAMES_PER_SECOND };

enum { PLAYERS_MAX = 16, MIGRATE_MS = 30000 };

typedef struct {
    SternaClient *client;
    int place;             /* among the players of this program */
    int connected;
    int inside;            /* the room was entered */
    int asked;             /* to make the room, or to join it */
    int over;              /* the session has ended, or never began */
    int broken;            /* a message was missing, repeated or out of order, or somebody left */
    int migrated;
    uint64_t sent;         /* messages sent, which is also the next one's number */
    uint64_t next[PLAYERS_MAX + 1]; /* by member: the number that is due */
} Player;

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
    Player *player = user_data;
    (void)client;
    player->connected = 1;
    printf("player %d: connected to %s\n", player->place, event->text);
}

static void on_ended(SternaClient *client, const SternaEvent *event, void *user_data)
{
    Player *player = user_data;
    (void)client;
    player->connected = 0;
    player->inside = 0;
    player->over = 1;
    printf("player %d: %s\n", player->place, event->text);
}

/* The node will stop. The room's owner moves the room, when it suits the game; the others have nothing to do. */
static void on_offline(SternaClient *client, const SternaEvent *event, void *user_data)
{
    Player *player = user_data;
    SternaResult result = STERNA_OK;
    if (!event->in_room) {
        result = sterna_client_send_migrate(client);
    } else if (sterna_room_me(client) == sterna_room_owner(client)) {
        printf("player %d: moves the room, %llu ms left\n", player->place, (unsigned long long)event->deadline_ms);
        result = sterna_room_send_migrate(client, MIGRATE_MS, NULL);
    }
    if (result != STERNA_OK) {
        printf("player %d: cannot migrate: %s\n", player->place, sterna_result_string(result));
    }
}

static void on_room_entered(SternaClient *client, const SternaEvent *event, void *user_data)
{
    Player *player = user_data;
    SternaRoomMember members[PLAYERS_MAX];
    uint32_t count = 0, i;
    player->inside = 1;
    printf("player %d: is member %llu of room %016llx, with", player->place, (unsigned long long)event->member,
           (unsigned long long)event->room_id);
    sterna_room_members(client, members, PLAYERS_MAX, &count);
    for (i = 0; i < count && i < PLAYERS_MAX; i++) {
        printf(" %s", members[i].user);
    }
    printf("\n");
}

static void on_room_exited(SternaClient *client, const SternaEvent *event, void *user_data)
{
    Player *player = user_data;
    (void)client;
    player->inside = 0;
    player->broken |= event->status != STERNA_OK;
    printf("player %d: not in the room any more: %s\n", player->place, event->text);
}

static void on_room_member_left(SternaClient *client, const SternaEvent *event, void *user_data)
{
    Player *player = user_data;
    (void)client;
    player->broken |= event->status != STERNA_OK;
    printf("player %d: %s is gone: %s\n", player->place, event->text, sterna_result_string(event->status));
}

static void on_room_message(SternaClient *client, const SternaEvent *event, void *user_data)
{
    Player *player = user_data;
    uint64_t number, *due;
    (void)client;
    if (event->ver != VER || event->cmd != CMD_NUMBER || event->length != 8 || event->member > PLAYERS_MAX) {
        return;
    }
    number = read_number(event->data);
    due = &player->next[event->member];
    if (number != *due) {
        printf("player %d: %s said %llu where %llu was due\n", player->place, event->text, (unsigned long long)number,
               (unsigned long long)*due);
        player->broken = 1;
    }
    *due = number + 1;
}

static void on_room_result(SternaClient *client, const SternaEvent *event, void *user_data)
{
    Player *player = user_data;
    (void)client;
    if (event->status != STERNA_OK) {
        printf("player %d: refused: %s\n", player->place, sterna_result_string(event->status));
        player->asked = 0; /* a join is tried again, a move is the server's business then */
    }
}

static void on_room_migrated(SternaClient *client, const SternaEvent *event, void *user_data)
{
    Player *player = user_data;
    (void)client;
    player->migrated++;
    printf("player %d: the room has moved (epoch %llu)\n", player->place, (unsigned long long)event->epoch);
}

static void on_log(SternaClient *client, const SternaEvent *event, void *user_data)
{
    const Player *player = user_data;
    (void)client;
    fprintf(stderr, "player %d: sterna: %s\n", player->place, event->text);
}

static SternaResult start(Player *player, const SternaClientConfig *config, const char *token)
{
    SternaResult result = sterna_client_create(config, &player->client);
    if (result != STERNA_OK) {
        return result;
    }
    sterna_client_on_connected(player->client, on_connected, player);
    sterna_client_on_connect_failed(player->client, on_ended, player);
    sterna_client_on_disconnected(player->client, on_ended, player);
    sterna_client_on_offline(player->client, on_offline, player);
    sterna_client_on_room_entered(player->client, on_room_entered, player);
    sterna_client_on_room_exited(player->client, on_room_exited, player);
    sterna_client_on_room_member_left(player->client, on_room_member_left, player);
    sterna_client_on_room_message(player->client, on_room_message, player);
    sterna_client_on_room_result(player->client, on_room_result, player);
    sterna_client_on_room_migrated(player->client, on_room_migrated, player);
    sterna_client_on_log(player->client, on_log, player);
    return sterna_client_connect(player->client, token);
}

/* The first player makes the room, the others join it as soon as there is one. */
static void enter(Player *players, Player *player, int count)
{
    uint64_t room = sterna_room_id(players[0].client);
    if (!player->connected || player->asked) {
        return;
    }
    if (player == players) {
        SternaRoomConfig config;
        sterna_room_config_init(&config, sizeof config);
        config.members_max = (uint32_t)count;
        player->asked = sterna_room_create(player->client, &config, 0, NULL) == STERNA_OK;
    } else if (room != 0) {
        player->asked = sterna_room_join(player->client, room, 0, NULL) == STERNA_OK;
    }
}

static void say_number(Player *player)
{
    uint8_t payload[8];
    SternaResult result;
    write_number(payload, player->sent);
    result = sterna_room_broadcast(player->client, VER, CMD_NUMBER, payload, sizeof payload);
    if (result == STERNA_OK) {
        player->sent++;
    } else if (result != STERNA_ERROR_QUEUE_FULL) { /* then the next frame tries again */
        printf("player %d: not sent: %s\n", player->place, sterna_result_string(result));
    }
}

/* How many of the players are like this. */
static int count_if(Player *players, int count, int (*is_so)(const Player *))
{
    int i, found = 0;
    for (i = 0; i < count; i++) {
        found += is_so(&players[i]) != 0;
    }
    return found;
}

static int is_inside(const Player *player) { return player->inside; }
static int is_over(const Player *player) { return player->over; }
static int is_broken(const Player *player) { return player->broken; }
static int has_migrated(const Player *player) { return player->migrated; }

/* Whether everybody has heard everything that was said. */
static int is_complete(Player *players, int count)
{
    int i, j;
    for (i = 0; i < count; i++) {
        for (j = 0; j < count; j++) {
            uint64_t member = sterna_room_me(players[j].client);
            if (member > PLAYERS_MAX || players[i].next[member] != players[j].sent) {
                return 0;
            }
        }
    }
    return 1;
}

static int play(Player *players, int count, long seconds, int until_migrated)
{
    long frame, frames_left = seconds * FRAMES_PER_SECOND, settle = FRAMES_TO_SETTLE;
    int i, complete, begun = 0, seen_move = 0;
    for (frame = 0; frame < frames_left && !count_if(players, count, is_over); frame++) {
        /* What is said before the last one has come is not for everybody. */
        begun = begun || count_if(players, count, is_inside) == count;
        for (i = 0; i < count; i++) {
            enter(players, &players[i], count);
            if (begun) {
                say_number(&players[i]);
            }
            sterna_client_update(players[i].client);
        }
        if (until_migrated && !seen_move && count_if(players, count, has_migrated) == count) {
            seen_move = 1;
            frames_left = frame + FRAMES_AFTER_MOVE;
        }
        next_frame();
    }
    while (!(complete = is_complete(players, count)) && settle-- > 0 && !count_if(players, count, is_over)) {
        for (i = 0; i < count; i++) {
            sterna_client_update(players[i].client);
        }
        next_frame();
    }
    printf("%d of %d players in the room, %d have moved, %llu messages said by the first, %s\n",
           count_if(players, count, is_inside), count, count_if(players, count, has_migrated),
           (unsigned long long)players[0].sent, complete ? "all came" : "some are missing");
    if (until_migrated && count_if(players, count, has_migrated) != count) {
        printf("not everybody has moved\n");
        return 1;
    }
    return !begun || !complete || count_if(players, count, is_broken) || count_if(players, count, is_over);
}

int main(int argc, char **argv)
{
    static Player players[PLAYERS_MAX];
    SternaClientConfig config;
    const char *tokens[PLAYERS_MAX];
    SternaResult result = STERNA_OK;
    long seconds = 10;
    int count = 0, until_migrated = 0, i, outcome = 2;

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
        } else if (count < PLAYERS_MAX) {
            tokens[count++] = argv[i];
        }
    }
    if (count < 2) {
        fprintf(stderr, "usage: room [--udp] [--seconds N] [--until-migrated] <token> <token> ...\n");
        return 2;
    }

    for (i = 0; i < count && result == STERNA_OK; i++) {
        players[i].place = i + 1;
        result = start(&players[i], &config, tokens[i]);
    }
    if (result == STERNA_OK) {
        outcome = play(players, count, seconds, until_migrated);
    } else {
        fprintf(stderr, "%s\n", sterna_last_error());
    }
    for (i = 0; i < count; i++) {
        sterna_client_destroy(players[i].client);
    }
    return outcome;
}
