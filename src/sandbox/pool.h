/*
 * pool.h - the execution environments of the embedded Lambda, and what an Invoke does with them.
 *
 * An invocation goes to an idle environment of the same snapshot (the one that has rested longest)
 * or makes a new one: that one's Init is the cold start. An environment serves one invocation at a
 * time, is frozen between them, and is ended when its snapshot is retired, when it fails, or when
 * it has been idle for too long.
 */
#ifndef LPG_SANDBOX_POOL_H
#define LPG_SANDBOX_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "net/loop.h"
#include "sandbox/function.h"

struct pool;

struct pool_options {
    const char *work_directory; /* private folder: /tmp of environments, runtime loops, sockets */
    const char *region;
    const char *account;
    bool unshaped;    /* do not limit CPU and memory even where it is possible */
    uint64_t idle_ns; /* end an environment after so long without a call; 0: 5 minutes */
    struct log *log;
};

/* How far the environments get Lambda's CPU and memory, for reports. */
struct pool_shaping {
    bool cpu;              /* share = memory / 1769 MB of one vCPU, 20 ms period */
    bool memory;           /* the memory limit is enforced */
    const char *mechanism; /* "cgroup v2", "cgroup v1", "none" */
    char reason[200];      /* why not, when something is not shaped */
};

struct pool_call {
    struct function *function;  /* a reference is taken */
    const char *request_id;     /* UUID text */
    const char *invoked_arn;    /* as addressed, with its qualifier */
    const char *trace_id;       /* X-Amzn-Trace-Id or NULL */
    const char *client_context; /* JSON (already decoded) or NULL */
    const void *payload;        /* copied */
    size_t payload_length;
};

struct pool_result {
    const char *payload; /* the function's answer, or the error object */
    size_t payload_length;
    bool function_error;  /* X-Amz-Function-Error: Unhandled */
    const char *log_tail; /* last 4 KB of the log, platform lines included */
    size_t log_tail_length;
    /* CPU time that the environment's processes used for this invocation; 0: not known */
    uint64_t cpu_ns;
    bool cold;
};

/* Called exactly once per call, from the loop; the result lives during the call. */
typedef void pool_done_fn(void *context, const struct pool_result *result);

struct pool *pool_new(struct loop *loop, const struct pool_options *options, struct error *e);
/*
 * Ends all environments at once and waits for their processes; calls under way end as function
 * errors.
 */
void pool_free(struct pool *p);
const struct pool_shaping *pool_shaping(const struct pool *p);

void pool_invoke(struct pool *p, const struct pool_call *call, pool_done_fn *done, void *context);
/*
 * No further call goes to environments of this snapshot; the idle ones end now, busy ones after
 * their call.
 */
void pool_retire(struct pool *p, const struct function *f);
/*
 * Starts environments ahead of calls until `count` of the snapshot exist (provisioned concurrency).
 */
void pool_provision(struct pool *p, struct function *f, size_t count);
/*
 * What runtime the function would be run by: "awslambdaric 2.0.9", "built-in Python loop",
 * "bootstrap"; for reports.
 */
int pool_runtime_label(struct pool *p, const struct function *f, struct buf *out, struct error *e);

#endif
