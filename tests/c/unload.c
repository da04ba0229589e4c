/* A plugin can be unloaded and loaded again: each time all of the library's threads are gone.
 *
 *     unload <path of the library> <token>            the token's nodes need not exist
 *     unload <path of the library> <token> tcp|udp    they do: connects and gets an echo each time
 */

#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sterna.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

static int threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    CHECK(tasks != NULL);
    while ((entry = readdir(tasks)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(tasks);
    return count;
}

/* The kernel lists a thread for a moment longer than it takes to join it, on a busy machine for some
 * milliseconds. */
static int threads_are_down_to(int expected)
{
    const struct timespec pause = {0, 1000000};
    int turn;
    for (turn = 0; threads() != expected && turn < 1000; turn++) {
        nanosleep(&pause, NULL);
    }
    return threads() == expected;
}

/* ISO C has no cast from an object pointer to a function pointer. */
#define LOAD(library, api, function) \
    do { \
        void *found = dlsym(library, #function); \
        CHECK(found != NULL); \
        memcpy(&(api).function##_, &found, sizeof found); \
    } while (0)

struct api {
    uint32_t (*sterna_abi_version_)(void);
    SternaResult (*sterna_client_config_init_)(SternaClientConfig *, uint32_t);
    SternaResult (*sterna_client_create_)(const SternaClientConfig *, SternaClient **);
    SternaResult (*sterna_client_connect_)(SternaClient *, const char *);
    SternaResult (*sterna_client_update_)(SternaClient *);
    SternaResult (*sterna_client_rsend_)(SternaClient *, uint8_t, uint16_t, const uint8_t *, uint32_t);
    const SternaEvent *(*sterna_client_poll_event_)(SternaClient *);
    SternaResult (*sterna_client_destroy_)(SternaClient *);
    SternaResult (*sterna_shutdown_)(void);
};

static void play(SternaClient *client, const struct api *api)
{
    const struct timespec pause = {0, 1000000};
    int turn;
    for (turn = 0; turn < 10000; turn++) {
        const SternaEvent *event;
        CHECK(api->sterna_client_update_(client) == STERNA_OK);
        event = api->sterna_client_poll_event_(client);
        if (event == NULL) {
            nanosleep(&pause, NULL);
            continue;
        }
        if (event->event_type == STERNA_EVENT_CONNECTED) {
            CHECK(api->sterna_client_rsend_(client, 2, 1, (const uint8_t *)"hello", 5) == STERNA_OK);
        } else if (event->event_type == STERNA_EVENT_PUSH) {
            CHECK(event->length == 5 && memcmp(event->data, "hello", 5) == 0);
            return;
        }
    }
    CHECK(!"the echo came");
}

int main(int argc, char **argv)
{
    int round;
    int before = threads();
    CHECK(argc == 3 || argc == 4);
    for (round = 0; round < 20; round++) {
        struct api api;
        SternaClientConfig config;
        SternaClient *client = NULL;
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        CHECK(library != NULL);
        LOAD(library, api, sterna_abi_version);
        LOAD(library, api, sterna_client_config_init);
        LOAD(library, api, sterna_client_create);
        LOAD(library, api, sterna_client_connect);
        LOAD(library, api, sterna_client_update);
        LOAD(library, api, sterna_client_rsend);
        LOAD(library, api, sterna_client_poll_event);
        LOAD(library, api, sterna_client_destroy);
        LOAD(library, api, sterna_shutdown);
        CHECK(api.sterna_abi_version_() == STERNA_ABI_VERSION);
        CHECK(api.sterna_client_config_init_(&config, sizeof config) == STERNA_OK);
        if (argc == 4 && strcmp(argv[3], "udp") == 0) {
            config.transport = STERNA_TRANSPORT_UDP;
        }
        CHECK(api.sterna_client_create_(&config, &client) == STERNA_OK);
        CHECK(api.sterna_client_connect_(client, argv[2]) == STERNA_OK);
        CHECK(threads() > before);
        if (argc == 4) {
            play(client, &api);
        }
        CHECK(api.sterna_client_update_(client) == STERNA_OK);
        if (round % 2 == 0) {
            CHECK(api.sterna_client_destroy_(client) == STERNA_OK);
        }
        CHECK(api.sterna_shutdown_() == STERNA_OK);
        CHECK(threads_are_down_to(before));
        CHECK(dlclose(library) == 0);
    }
    puts("ok");
    return 0;
}
