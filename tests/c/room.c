/* Rooms against a server: every refusal that a running server gives, as a status of its own, and what members hear,
 * event by event.
 *
 *     room tcp|udp <token> <token> <token>
 *
 * The tokens are for three users; the server runs without limits of its own, and is not offline.
 */

#define _POSIX_C_SOURCE 200809L

#include "check.h"

#include <time.h>

enum { PLAYERS = 3, VER = 2, FRAMES_MAX = 20000 };

static SternaClient *players[PLAYERS];
static char names[PLAYERS][256];
/* The player that `members[i]` is in the room, as of the last joining. */
static uint64_t members[PLAYERS];

static void frame(void)
{
    struct timespec pause = {0, 1000000};
    int i;
    for (i = 0; i < PLAYERS; i++) {
        CHECK(sterna_client_update(players[i]) == STERNA_OK);
    }
    nanosleep(&pause, NULL);
}

/* The player's next event, which must be of this type. Log lines are passed over. */
static const SternaEvent *next(int player, SternaEventType type)
{
    int frames;
    for (frames = 0; frames < FRAMES_MAX; frames++) {
        const SternaEvent *event = sterna_client_poll_event(players[player]);
        if (event == NULL) {
            frame();
        } else if (event->event_type == type) {
            return event;
        } else if (event->event_type != STERNA_EVENT_LOG) {
            fprintf(stderr, "player %d: event %d came where %d was due: %s\n", player, (int)event->event_type,
                    (int)type, event->text);
            CHECK(event->event_type == type);
        }
    }
    fprintf(stderr, "player %d: event %d did not come\n", player, (int)type);
    CHECK(!"every event comes in time");
    return NULL;
}

/* Whether nothing waits for the player. */
static int is_quiet(int player)
{
    const SternaEvent *event;
    do {
        event = sterna_client_poll_event(players[player]);
    } while (event != NULL && event->event_type == STERNA_EVENT_LOG);
    return event == NULL;
}

/* The result of this request, which must be the player's next event. */
static const SternaEvent *result(int player, uint64_t request, SternaResult expected)
{
    const SternaEvent *event = next(player, STERNA_EVENT_ROOM_RESULT);
    if (event->status != expected) {
        fprintf(stderr, "player %d: %s\n  instead of: %s\n", player, sterna_result_string(event->status),
                sterna_result_string(expected));
    }
    CHECK(event->request_id == request && event->status == expected);
    return event;
}

/* A request that is taken, and ends like this. */
#define ENDS(player, expected, call) \
    do { \
        uint64_t request = 0; \
        CHECK((call) == STERNA_OK && request != 0); \
        (void)result(player, request, expected); \
    } while (0)

/* A request that was taken put the player into the room: the result and room_entered, whichever is first. */
static uint64_t enters(int player, uint64_t request)
{
    uint64_t room = 0;
    int entered = 0, answered = 0, frames;
    for (frames = 0; frames < FRAMES_MAX && !(entered && answered); frames++) {
        const SternaEvent *event = sterna_client_poll_event(players[player]);
        if (event == NULL) {
            frame();
        } else if (event->event_type == STERNA_EVENT_ROOM_ENTERED) {
            CHECK(!entered && event->member != 0 && event->owner != 0 && event->member_count > 0);
            CHECK(sterna_room_id(players[player]) == event->room_id && sterna_room_me(players[player]) == event->member);
            CHECK(sterna_room_member_count(players[player]) == event->member_count);
            CHECK(sterna_room_owner(players[player]) == event->owner && event->members_max >= event->member_count);
            CHECK(room == 0 || room == event->room_id);
            room = event->room_id;
            members[player] = event->member;
            entered = 1;
        } else if (event->event_type == STERNA_EVENT_ROOM_RESULT) {
            CHECK(!answered && event->request_id == request && event->status == STERNA_OK);
            CHECK(room == 0 || room == event->room_id);
            room = event->room_id;
            answered = 1;
        } else {
            /* The room may be on another node: then the session moves there first, in as many tries as it takes. */
            SternaEventType type = event->event_type;
            int fits = type == STERNA_EVENT_LOG || type == STERNA_EVENT_MIGRATING || type == STERNA_EVENT_MIGRATED ||
                       type == STERNA_EVENT_MIGRATE_FAILED;
            if (!fits) {
                fprintf(stderr, "player %d: event %d came, %s\n", player, (int)type, sterna_result_string(event->status));
            }
            CHECK(fits);
        }
    }
    CHECK(entered && answered && room != 0);
    return room;
}

static uint64_t create(int player, const SternaRoomConfig *config)
{
    uint64_t request = 0;
    CHECK(sterna_room_create(players[player], config, 0, &request) == STERNA_OK);
    return enters(player, request);
}

static void join(int player, uint64_t room)
{
    uint64_t request = 0;
    CHECK(sterna_room_join(players[player], room, 0, &request) == STERNA_OK);
    CHECK(enters(player, request) == room);
}

static void leave(int player)
{
    uint64_t request = 0;
    int exited = 0, answered = 0;
    CHECK(sterna_room_leave(players[player], 0, &request) == STERNA_OK);
    while (!(exited && answered)) {
        const SternaEvent *event = sterna_client_poll_event(players[player]);
        if (event == NULL) {
            frame();
        } else if (event->event_type == STERNA_EVENT_ROOM_EXITED) {
            CHECK(!exited && event->status == STERNA_OK && sterna_room_id(players[player]) == 0);
            exited = 1;
        } else if (event->event_type == STERNA_EVENT_ROOM_RESULT) {
            CHECK(!answered && event->request_id == request && event->status == STERNA_OK);
            answered = 1;
        } else {
            CHECK(event->event_type == STERNA_EVENT_LOG);
        }
    }
}

/* What comes where nobody is, and where one is already, is refused without asking. */
static void test_refused_at_once(void)
{
    SternaValue value = {STERNA_VALUE_INTEGER, 0, 1, 0, NULL};
    uint64_t request = 7;
    CHECK(sterna_room_leave(players[0], 0, &request) == STERNA_ERROR_NOT_IN_ROOM);
    CHECK(sterna_room_set(players[0], "key", &value, 0, &request) == STERNA_ERROR_NOT_IN_ROOM);
    CHECK(sterna_room_close(players[0], 0, &request) == STERNA_ERROR_NOT_IN_ROOM);
    CHECK(sterna_room_broadcast(players[0], VER, 1, NULL, 0) == STERNA_ERROR_NOT_IN_ROOM);
    CHECK(sterna_room_sync(players[0], "key", NULL, 0) == STERNA_ERROR_NOT_IN_ROOM);
    CHECK(sterna_client_send_migrate(players[0]) == STERNA_ERROR_NOT_OFFLINE);
    create(0, NULL);
    CHECK(sterna_room_create(players[0], NULL, 0, &request) == STERNA_ERROR_ALREADY_IN_ROOM);
    CHECK(sterna_room_join(players[0], 1, 0, &request) == STERNA_ERROR_ALREADY_IN_ROOM);
    CHECK(sterna_client_send_migrate(players[0]) == STERNA_ERROR_IN_ROOM);
    CHECK(strcmp(sterna_client_last_error(players[0]), sterna_result_string(STERNA_ERROR_IN_ROOM)) == 0);
    CHECK(request == 7);
    leave(0);
    CHECK(sterna_client_send_migrate(players[0]) == STERNA_ERROR_NOT_OFFLINE);
}

static void test_rooms_that_are_not_there(void)
{
    SternaRoomCondition impossible;
    SternaRoomConfig config;
    memset(&impossible, 0, sizeof impossible);
    impossible.key = "no room has this";
    impossible.comparison = STERNA_COMPARE_EQUAL;
    impossible.value.kind = STERNA_VALUE_INTEGER;
    ENDS(0, STERNA_ERROR_ROOM_UNKNOWN, sterna_room_join(players[0], 4711, 0, &request));
    ENDS(0, STERNA_ERROR_ROOM_UNKNOWN, sterna_room_join_random(players[0], &impossible, 1, NULL, 0, &request));
    CHECK(sterna_room_config_init(&config, sizeof config) == STERNA_OK);
    config.members_max = 1;
    ENDS(0, STERNA_ERROR_ROOM_OPTION_INVALID, sterna_room_create(players[0], &config, 0, &request));
}

/* Two places, one of them kept for somebody. */
static void test_full_and_reserved(void)
{
    const char *user = names[1];
    SternaRoomConfig config;
    uint64_t room;
    CHECK(sterna_room_config_init(&config, sizeof config) == STERNA_OK);
    config.members_max = 2;
    room = create(0, &config);
    ENDS(0, STERNA_OK, sterna_room_reserve(players[0], &user, 1, 0, &request));
    ENDS(2, STERNA_ERROR_NO_RESERVATION, sterna_room_join(players[2], room, 0, &request));
    join(1, room);
    CHECK(strcmp(next(0, STERNA_EVENT_ROOM_MEMBER_JOINED)->text, names[1]) == 0);
    ENDS(2, STERNA_ERROR_ROOM_FULL, sterna_room_join(players[2], room, 0, &request));
    leave(1);
    CHECK(next(0, STERNA_EVENT_ROOM_MEMBER_LEFT)->status == STERNA_OK);
    ENDS(0, STERNA_OK, sterna_room_cancel_reservation(players[0], &user, 1, 0, &request));
    join(2, room);
    CHECK(strcmp(next(0, STERNA_EVENT_ROOM_MEMBER_JOINED)->text, names[2]) == 0);
    leave(0);
    CHECK(next(2, STERNA_EVENT_ROOM_MEMBER_LEFT)->member == members[0]);
    CHECK(next(2, STERNA_EVENT_ROOM_OWNER_CHANGED)->owner == members[2]);
    CHECK(sterna_room_owner(players[2]) == members[2] && sterna_room_member_count(players[2]) == 1);
    leave(2);
}

/* All three in one room of the first. */
static uint64_t gather(void)
{
    uint64_t room = create(0, NULL);
    join(1, room);
    (void)next(0, STERNA_EVENT_ROOM_MEMBER_JOINED);
    join(2, room);
    (void)next(0, STERNA_EVENT_ROOM_MEMBER_JOINED);
    (void)next(1, STERNA_EVENT_ROOM_MEMBER_JOINED);
    return room;
}

static void hears(int player, int from, const char *text)
{
    const SternaEvent *event = next(player, STERNA_EVENT_ROOM_MESSAGE);
    CHECK(event->member == members[from] && strcmp(event->text, names[from]) == 0);
    CHECK(event->ver == VER && event->cmd == 9 && event->reliable == 1);
    CHECK(event->length == strlen(text) && strcmp((const char *)event->data, text) == 0);
}

static void test_messages(void)
{
    int i;
    CHECK(sterna_room_broadcast(players[1], VER, 9, (const uint8_t *)"to all", 6) == STERNA_OK);
    for (i = 0; i < PLAYERS; i++) {
        hears(i, 1, "to all");
    }
    CHECK(sterna_room_relay(players[1], VER, 9, (const uint8_t *)"to others", 9) == STERNA_OK);
    CHECK(sterna_room_send_to(players[1], &members[2], 1, VER, 9, (const uint8_t *)"to one", 6) == STERNA_OK);
    CHECK(sterna_room_broadcast(players[1], VER, 9, NULL, 0) == STERNA_OK);
    hears(0, 1, "to others");
    hears(0, 1, "");
    hears(1, 1, "");
    hears(2, 1, "to others");
    hears(2, 1, "to one");
    hears(2, 1, "");
    CHECK(sterna_room_sync(players[2], "position", (const uint8_t *)"1,2", 3) == STERNA_OK);
    for (i = 0; i < PLAYERS; i++) {
        const SternaEvent *event = next(i, STERNA_EVENT_ROOM_SYNC);
        CHECK(event->member == members[2] && strcmp(event->text, "position") == 0);
        CHECK(event->length == 3 && memcmp(event->data, "1,2", 3) == 0);
    }
}

/* A request of the second player that changes a property: the news come before the result, or after it. */
static void changes(uint64_t request, const char *key, uint32_t kind)
{
    int told = 0, answered = 0, i;
    while (!(told && answered)) {
        const SternaEvent *event = sterna_client_poll_event(players[1]);
        if (event == NULL) {
            frame();
        } else if (event->event_type == STERNA_EVENT_ROOM_PROPERTY) {
            CHECK(!told && strcmp(event->text, key) == 0 && event->value.kind == kind);
            told = 1;
        } else if (event->event_type == STERNA_EVENT_ROOM_RESULT) {
            CHECK(!answered && event->request_id == request && event->status == STERNA_OK);
            answered = 1;
        } else {
            CHECK(event->event_type == STERNA_EVENT_LOG);
        }
    }
    for (i = 0; i < PLAYERS; i += 2) {
        const SternaEvent *event = next(i, STERNA_EVENT_ROOM_PROPERTY);
        CHECK(strcmp(event->text, key) == 0 && event->value.kind == kind && event->member == members[1]);
    }
}

static void test_properties(void)
{
    static uint8_t large[65523];
    SternaClient *player = players[1];
    SternaValue text = {STERNA_VALUE_TEXT, 6, 0, 0, (const uint8_t *)"castle"};
    SternaValue three = {STERNA_VALUE_INTEGER, 0, 3, 0, NULL};
    SternaValue half = {STERNA_VALUE_FLOAT, 0, 0, 0.5, NULL};
    SternaValue bytes = {STERNA_VALUE_BYTES, 0, 0, 0, large};
    const SternaEvent *event;
    uint64_t asked;

    CHECK(sterna_room_set(player, "map", &text, 0, &asked) == STERNA_OK);
    changes(asked, "map", STERNA_VALUE_TEXT);
    CHECK(sterna_room_get(player, "map", 0, &asked) == STERNA_OK);
    event = result(1, asked, STERNA_OK);
    CHECK(event->value.kind == STERNA_VALUE_TEXT && event->value.length == 6);
    CHECK(strcmp((const char *)event->value.data, "castle") == 0);
    ENDS(1, STERNA_ERROR_PROPERTY_TYPE, sterna_room_increment(player, "map", &three, 0, &request));
    CHECK(sterna_room_compare_and_set(player, "map", NULL, &three, 0, &asked) == STERNA_OK);
    event = result(1, asked, STERNA_ERROR_PROPERTY_DIFFERS);
    CHECK(event->value.kind == STERNA_VALUE_TEXT && strcmp((const char *)event->value.data, "castle") == 0);
    CHECK(sterna_room_compare_and_set(player, "map", &text, NULL, 0, &asked) == STERNA_OK);
    changes(asked, "map", STERNA_VALUE_NONE);

    CHECK(sterna_room_increment(player, "round", &three, 0, &asked) == STERNA_OK);
    changes(asked, "round", STERNA_VALUE_INTEGER);
    CHECK(sterna_room_set(player, "pace", &half, 0, &asked) == STERNA_OK);
    changes(asked, "pace", STERNA_VALUE_FLOAT);
    CHECK(sterna_room_get(player, "pace", 0, &asked) == STERNA_OK);
    event = result(1, asked, STERNA_OK);
    CHECK(event->value.kind == STERNA_VALUE_FLOAT && event->value.number > 0.49 && event->value.number < 0.51);
    CHECK(sterna_room_remove(player, "pace", 0, &asked) == STERNA_OK);
    changes(asked, "pace", STERNA_VALUE_NONE);
    CHECK(sterna_room_get(player, "pace", 0, &asked) == STERNA_OK);
    CHECK(result(1, asked, STERNA_OK)->value.kind == STERNA_VALUE_NONE);

    /* With its key and what the server adds, just above the 64 KiB that it takes. */
    bytes.length = sizeof large;
    ENDS(1, STERNA_ERROR_PROPERTY_TOO_LARGE, sterna_room_set(player, "k", &bytes, 0, &request));
    ENDS(1, STERNA_ERROR_ROOM_OPTION_INVALID, sterna_room_set(player, "", &three, 0, &request));
}

/* The room's state grows until the server does not let it. */
static void test_a_state_that_grows(void)
{
    static uint8_t large[60000];
    SternaValue bytes = {STERNA_VALUE_BYTES, sizeof large, 0, 0, large};
    char key[2] = "a";
    uint64_t request;
    for (; key[0] <= 'z'; key[0]++) {
        CHECK(sterna_room_set(players[1], key, &bytes, 0, &request) == STERNA_OK);
        if (key[0] < 'a' + 17) { /* 17 of them fit into 1 MiB */
            changes(request, key, STERNA_VALUE_BYTES);
        } else {
            (void)result(1, request, STERNA_ERROR_ROOM_STATE_TOO_LARGE);
            return;
        }
    }
    CHECK(!"the state has a limit");
}

static void test_what_only_the_owner_may(void)
{
    const char *user = names[2];
    ENDS(1, STERNA_ERROR_NOT_ROOM_OWNER, sterna_room_kick(players[1], members[2], 0, &request));
    ENDS(1, STERNA_ERROR_NOT_ROOM_OWNER, sterna_room_reserve(players[1], &user, 1, 0, &request));
    ENDS(1, STERNA_ERROR_NOT_ROOM_OWNER, sterna_room_cancel_reservation(players[1], &user, 1, 0, &request));
    ENDS(1, STERNA_ERROR_NOT_ROOM_OWNER, sterna_room_close(players[1], 0, &request));
    ENDS(1, STERNA_ERROR_NOT_ROOM_OWNER, sterna_room_send_migrate(players[1], 0, &request));
    ENDS(0, STERNA_ERROR_NO_SUCH_MEMBER, sterna_room_kick(players[0], 4711, 0, &request));
    ENDS(0, STERNA_ERROR_NOT_OFFLINE, sterna_room_send_migrate(players[0], 0, &request));
}

static void test_kick_and_close(uint64_t room)
{
    const SternaEvent *event;
    SternaRoomMember found[PLAYERS];
    uint32_t count = 0;
    CHECK(sterna_room_members(players[0], found, PLAYERS, &count) == STERNA_OK && count == PLAYERS);
    CHECK(found[2].member == members[2] && strcmp(found[2].user, names[2]) == 0);
    ENDS(0, STERNA_OK, sterna_room_kick(players[0], members[2], 0, &request));
    event = next(2, STERNA_EVENT_ROOM_EXITED);
    CHECK(event->room_id == room && event->status == STERNA_ERROR_KICKED && strlen(event->text) > 0);
    CHECK(sterna_room_member_count(players[0]) == PLAYERS && "as of the events that were handed out");
    event = next(0, STERNA_EVENT_ROOM_MEMBER_LEFT);
    CHECK(event->member == members[2] && event->status == STERNA_ERROR_KICKED);
    CHECK(strcmp(event->text, names[2]) == 0 && sterna_room_member_count(players[0]) == PLAYERS - 1);
    (void)next(1, STERNA_EVENT_ROOM_MEMBER_LEFT);

    ENDS(0, STERNA_OK, sterna_room_close(players[0], 0, &request));
    CHECK(next(0, STERNA_EVENT_ROOM_EXITED)->status == STERNA_ERROR_ROOM_CLOSED);
    CHECK(next(1, STERNA_EVENT_ROOM_EXITED)->status == STERNA_ERROR_ROOM_CLOSED);
    CHECK(sterna_room_id(players[0]) == 0 && sterna_room_id(players[1]) == 0);
}

/* The end of a session is the end of its membership. */
static void test_disconnect(void)
{
    uint64_t room = gather();
    CHECK(sterna_client_disconnect(players[2]) == STERNA_OK);
    CHECK(next(2, STERNA_EVENT_DISCONNECTED)->status == STERNA_OK);
    CHECK(sterna_room_id(players[2]) == 0 && sterna_room_members(players[2], NULL, 0, NULL) == STERNA_OK);
    CHECK(next(0, STERNA_EVENT_ROOM_MEMBER_LEFT)->status == STERNA_ERROR_MEMBER_DISCONNECTED);
    CHECK(next(1, STERNA_EVENT_ROOM_MEMBER_LEFT)->status == STERNA_ERROR_MEMBER_DISCONNECTED);
    CHECK(sterna_room_id(players[0]) == room);
}

/* The users behind the tokens, as the members of a room see them. */
static void learn_names(void)
{
    int i;
    for (i = 0; i < PLAYERS; i++) {
        SternaRoomMember member;
        create(i, NULL);
        CHECK(sterna_room_members(players[i], &member, 1, NULL) == STERNA_OK && member.member == members[i]);
        CHECK(strlen(member.user) > 0 && strlen(member.user) < sizeof names[i]);
        strcpy(names[i], member.user);
        leave(i);
    }
}

int main(int argc, char **argv)
{
    SternaClientConfig config;
    uint64_t room;
    int i;
    CHECK(argc == 2 + PLAYERS);
    CHECK(sterna_client_config_init(&config, sizeof config) == STERNA_OK);
    config.transport = strcmp(argv[1], "udp") == 0 ? STERNA_TRANSPORT_UDP : STERNA_TRANSPORT_TCP;
    for (i = 0; i < PLAYERS; i++) {
        CHECK(sterna_client_create(&config, &players[i]) == STERNA_OK);
    }
    for (i = 0; i < PLAYERS; i++) {
        CHECK(sterna_client_connect(players[i], argv[2 + i]) == STERNA_OK);
        (void)next(i, STERNA_EVENT_CONNECTED);
    }
    learn_names();
    test_refused_at_once();
    test_rooms_that_are_not_there();
    test_full_and_reserved();
    room = gather();
    test_messages();
    test_properties();
    test_a_state_that_grows();
    test_what_only_the_owner_may();
    test_kick_and_close(room);
    test_disconnect();
    for (i = 0; i < PLAYERS; i++) {
        CHECK(is_quiet(i));
        CHECK(sterna_client_destroy(players[i]) == STERNA_OK);
    }
    CHECK(sterna_shutdown() == STERNA_OK);
    puts("ok");
    return 0;
}
