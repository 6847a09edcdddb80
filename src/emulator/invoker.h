/*
 * invoker.h - invocations on their way to the pool: which snapshot, whether concurrency allows it,
 * and the queue of asynchronous events.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html and
 * invocation-async-error-handling.html: a failed event runs twice more, a minute and then two
 * minutes later; a throttled one waits, from a second up to five minutes, or until an event of the
 * same function ends.
 */
#ifndef LPG_EMULATOR_INVOKER_H
#define LPG_EMULATOR_INVOKER_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "emulator/fault.h"
#include "emulator/store.h"
#include "net/loop.h"
#include "sandbox/pool.h"

enum {
    INVOKER_RETRIES = 2,
    INVOKER_QUEUE_EVENTS = 10000,
    INVOKER_QUEUE_BYTES = 64 * 1024 * 1024,
    INVOKER_TRACE_BYTES = 128,
};

struct invoker;

struct invoker_options {
    struct loop *loop;
    struct pool *pool;
    struct store *store;
    uint64_t seed;                      /* of the dice of weighted aliases */
    uint64_t retry_ns[INVOKER_RETRIES]; /* 0: a minute, two minutes */
    struct log *log;
};

struct invoker_call {
    struct store_entry *entry;
    const char *qualifier;      /* as addressed; "" for none */
    const char *request_id;     /* UUID text */
    const char *trace_id;       /* shorter than INVOKER_TRACE_BYTES */
    const char *client_context; /* decoded JSON or NULL */
    const void *payload;
    size_t payload_length;
};

/* `f` is the snapshot that ran; everything lives during the call only. */
typedef void invoker_done_fn(void *context, const struct function *f,
                             const struct pool_result *result);

struct invoker *invoker_new(const struct invoker_options *options);
/* Forgets what is queued and starts nothing more; for the time while the pool is being freed. */
void invoker_stop(struct invoker *v);
/* After pool_free(): no invocation may be under way. */
void invoker_free(struct invoker *v);

/* The snapshot that a call would run, FAULT_NOT_FOUND when the qualifier names none. */
struct function *invoker_resolve(struct invoker *v, const struct invoker_call *call,
                                 struct fault *f);
/* Starts an invocation; `done` is called once. FAULT_NOT_FOUND, FAULT_THROTTLED. */
int invoker_start(struct invoker *v, const struct invoker_call *call, invoker_done_fn *done,
                  void *context, struct fault *f);
/* Queues an event. FAULT_NOT_FOUND; FAULT_THROTTLED when the queue is full. */
int invoker_queue(struct invoker *v, const struct invoker_call *call, struct fault *f);
/* Invocations under way and events that wait. */
size_t invoker_pending(const struct invoker *v);

#endif
