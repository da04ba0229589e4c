/* What the test programs in this folder have in common: a check that says where it failed. */

#ifndef STERNA_TEST_CHECK_H
#define STERNA_TEST_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sterna.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s\n  last error: %s\n", __FILE__, __LINE__, #condition, sterna_last_error()); \
            exit(1); \
        } \
    } while (0)

#endif
