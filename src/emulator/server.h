/*
 * server.h - the embedded Lambda as one thing: HTTP server, API, store, invoker and execution
 * environments.
 *
 * `lambda-perf-gate serve` runs it in a process of its own. Everything happens in the loop's
 * thread.
 */
#ifndef LPG_EMULATOR_SERVER_H
#define LPG_EMULATOR_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "net/loop.h"
#include "sandbox/pool.h"

struct emulator;

/* Strings are copied. */
struct emulator_options {
    const char *address;    /* NULL: 127.0.0.1 */
    uint16_t port;          /* 0: any free one */
    const char *access_key; /* both NULL: only with no_verify */
    const char *secret_key;
    bool no_verify;     /* accept every request, signed or not */
    const char *region; /* for requests that name none; NULL: us-east-1. Signed ones may name any */
    const char *account;        /* 12 digits; NULL: 000000000000 */
    const char *work_directory; /* private folder; packages and environments live below it */
    bool unshaped;              /* do not limit CPU and memory even where it is possible */
    const char *version;        /* of this program, shown by /_lpg/health; NULL: "unknown" */
    struct log *log;
};

/* Listens when it returns. ERROR_USAGE for options that contradict each other, else what failed. */
struct emulator *emulator_new(struct loop *loop, const struct emulator_options *options,
                              struct error *e);
/* Hangs up, ends all environments and waits for their processes, removes the packages. */
void emulator_free(struct emulator *m);
uint16_t emulator_port(const struct emulator *m);

#endif
