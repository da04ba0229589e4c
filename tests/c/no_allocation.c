/* Sending does not allocate, whether the message is taken or refused; nor does an update with nothing to do.
 * Counts what this thread asks glibc's allocator for.
 *
 *     no_allocation                 a client without a connection: all is refused
 *     no_allocation <token>         one with a connection
 *     no_allocation <token> room    the same in a room
 */

#define _POSIX_C_SOURCE 200809L

#include "check.h"

#include <time.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static __thread unsigned long allocations;

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    allocations++;
    return __libc_realloc(memory, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    allocations++;
    *memory = __libc_memalign(alignment, size);
    return *memory == NULL;
}

static void breathe(void)
{
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
}

/* A frame's worth of messages, and what they allocated. */
static unsigned long send_some(SternaClient *client, SternaResult expected)
{
    static const uint8_t payload[100];
    unsigned long before = allocations;
    int i;
    for (i = 0; i < 10; i++) {
        CHECK(sterna_client_send(client, 2, 1, payload, sizeof payload) == expected);
        CHECK(sterna_client_rsend(client, 2, 1, payload, sizeof payload) == expected);
    }
    if (expected != STERNA_OK) {
        CHECK(sterna_room_broadcast(client, 2, 1, payload, sizeof payload) == expected);
        CHECK(sterna_room_sync(client, "position", payload, sizeof payload) == expected);
    }
    return allocations - before;
}

/* The same in a room, and how many of them come back. */
static unsigned long say_some(SternaClient *client, int *due)
{
    static const uint8_t payload[100];
    unsigned long before = allocations;
    uint64_t me = sterna_room_me(client);
    int i;
    for (i = 0; i < 5; i++) {
        CHECK(sterna_room_broadcast(client, 2, 1, payload, sizeof payload) == STERNA_OK);
        CHECK(sterna_room_relay(client, 2, 1, payload, sizeof payload) == STERNA_OK);
        CHECK(sterna_room_send_to(client, &me, 1, 2, 1, payload, sizeof payload) == STERNA_OK);
        CHECK(sterna_room_sync(client, "position", payload, sizeof payload) == STERNA_OK);
        *due += 2;
    }
    return allocations - before;
}

static void take_events(SternaClient *client, int *echoes)
{
    const SternaEvent *event;
    CHECK(sterna_client_update(client) == STERNA_OK);
    while ((event = sterna_client_poll_event(client)) != NULL) {
        CHECK(event->event_type != STERNA_EVENT_CONNECT_FAILED && event->event_type != STERNA_EVENT_DISCONNECTED);
        *echoes += event->event_type == STERNA_EVENT_PUSH || event->event_type == STERNA_EVENT_ROOM_MESSAGE;
    }
}

int main(int argc, char **argv)
{
    SternaClient *client = NULL;
    SternaResult expected = argc > 1 ? STERNA_OK : STERNA_ERROR_NOT_CONNECTED;
    unsigned long before;
    int frame, echoes = 0, due = 0, in_room = argc > 2 && strcmp(argv[2], "room") == 0;
    free(malloc(1));
    CHECK(allocations > 0);
    CHECK(sterna_client_create(NULL, &client) == STERNA_OK);
    if (argc > 1) {
        CHECK(sterna_client_connect(client, argv[1]) == STERNA_OK);
        while (sterna_client_state(client) != STERNA_STATE_CONNECTED) {
            take_events(client, &echoes);
            breathe();
        }
    }
    if (in_room) {
        CHECK(sterna_room_create(client, NULL, 0, NULL) == STERNA_OK);
        while (sterna_room_id(client) == 0) {
            take_events(client, &echoes);
            breathe();
        }
    }
    for (frame = 0; frame < 200; frame++) {
        unsigned long allocated = in_room ? say_some(client, &due) : send_some(client, expected);
        due += expected == STERNA_OK && !in_room ? 20 : 0;
        /* The first frames may grow the buffers to what this game needs. */
        CHECK(frame < 100 || allocated == 0);
        do {
            take_events(client, &echoes);
            if (echoes < due) {
                breathe();
            }
        } while (echoes < due);
    }
    if (argc == 1) {
        before = allocations;
        for (frame = 0; frame < 100; frame++) {
            CHECK(sterna_client_update(client) == STERNA_OK);
        }
        CHECK(allocations == before);
    }
    CHECK(sterna_client_destroy(client) == STERNA_OK);
    puts("ok");
    return 0;
}
