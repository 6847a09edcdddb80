/*
 * environment.h - one execution environment: a sandbox, its Runtime API, its log, and the
 * invocation that it works on.
 *
 * Its life: initialisation (10 s at most; when it fails it is tried once more under the
 * function's own time limit, as part of the invocation), then invocations one at a time, frozen
 * in between. A crash, a time-out, too much memory, or being retired ends it. See AWS Lambda
 * developer guide, "Lambda execution environment lifecycle".
 */
#ifndef LPG_SANDBOX_ENVIRONMENT_H
#define LPG_SANDBOX_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/loop.h"
#include "sandbox/function.h"
#include "sandbox/pool.h"
#include "sandbox/runtime.h"
#include "sandbox/shaping.h"

struct environment;

/* What all environments of a pool share, and whom they tell. */
struct environment_host {
    struct loop *loop;
    struct shaping *shaping;
    struct runtimes *runtimes;
    const char *work_directory;
    const char *region;
    bool private_tmp; /* each can have a /tmp of its own */
    struct log *log;
    /*
     * It is initialised, or done with its call (whose `done` follows), and can take the next
     * one.
     */
    void (*idle)(void *context, struct environment *env);
    /* It is over: nothing runs any more. The receiver frees it. */
    void (*ended)(void *context, struct environment *env);
    void *context;
};

/* Starts its initialisation. Whatever goes wrong ends the environment later, from the loop. */
struct environment *environment_new(const struct environment_host *host, struct function *f,
                                    unsigned serial, bool provisioned);
/* Kills and waits for what still runs; a call under way ends as a function error. */
void environment_free(struct environment *env);

const struct function *environment_function(const struct environment *env);
/* When its last invocation ended. */
uint64_t environment_rested_ns(const struct environment *env);

/* Takes a call: when idle, or right after environment_new(). */
void environment_invoke(struct environment *env, const struct pool_call *call, pool_done_fn *done,
                        void *context);
/* Takes no further call: ends now, or after the one it has. */
void environment_retire(struct environment *env);

#endif
