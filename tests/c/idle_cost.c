/* What an update with nothing to do costs: prints nanoseconds per call. */

#define _POSIX_C_SOURCE 200809L

#include "check.h"

#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(void)
{
    enum { CALLS = 10000000 };
    SternaClient *client = NULL;
    double best = 1e9;
    int round, i;
    CHECK(sterna_client_create(NULL, &client) == STERNA_OK);
    for (round = 0; round < 5; round++) {
        double start = now(), each;
        for (i = 0; i < CALLS; i++) {
            sterna_client_update(client);
        }
        each = (now() - start) / CALLS;
        best = each < best ? each : best;
    }
    printf("%.1f ns per update\n", best);
    return sterna_client_destroy(client) == STERNA_OK ? 0 : 1;
}
