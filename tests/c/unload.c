/* A plugin can be unloaded and loaded again: each time all of the library's threads are gone.
 *
 *     unload <path of the library> <token>
 */

#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ISO C has no cast from an object pointer to a function pointer. */
#define LOAD(library, function) \
    do { \
        void *found = dlsym(library, #function); \
        CHECK(found != NULL); \
        memcpy(&function##_, &found, sizeof found); \
    } while (0)

int main(int argc, char **argv)
{
    int round;
    int before = threads();
    CHECK(argc == 3);
    for (round = 0; round < 20; round++) {
        uint32_t (*sterna_abi_version_)(void);
        SternaResult (*sterna_client_create_)(const SternaClientConfig *, SternaClient **);
        SternaResult (*sterna_client_connect_)(SternaClient *, const char *);
        SternaResult (*sterna_client_update_)(SternaClient *);
        SternaResult (*sterna_client_destroy_)(SternaClient *);
        SternaResult (*sterna_shutdown_)(void);
        SternaClient *client = NULL;
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        CHECK(library != NULL);
        LOAD(library, sterna_abi_version);
        LOAD(library, sterna_client_create);
        LOAD(library, sterna_client_connect);
        LOAD(library, sterna_client_update);
        LOAD(library, sterna_client_destroy);
        LOAD(library, sterna_shutdown);
        CHECK(sterna_abi_version_() == STERNA_ABI_VERSION);
        CHECK(sterna_client_create_(NULL, &client) == STERNA_OK);
        CHECK(sterna_client_connect_(client, argv[2]) == STERNA_OK);
        CHECK(sterna_client_update_(client) == STERNA_OK);
        if (round % 2 == 0) {
            CHECK(sterna_client_destroy_(client) == STERNA_OK);
        }
        CHECK(sterna_shutdown_() == STERNA_OK);
        CHECK(threads() == before);
        CHECK(dlclose(library) == 0);
    }
    puts("ok");
    return 0;
}
