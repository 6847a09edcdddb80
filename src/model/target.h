/*
 * target.h - where functions run: a table of calls that load/ drives and aws/ provides.
 *
 * The same table serves real AWS, the embedded Lambda and any other endpoint of the Lambda API;
 * tests provide their own.
 */
#ifndef LPG_MODEL_TARGET_H
#define LPG_MODEL_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/plan.h"
#include "model/sample.h"

/* What one invocation gave. Times that were not reported are SAMPLE_NONE. */
struct target_reply {
    enum sample_status status;
    const char *payload; /* the function's answer; lives during the callback */
    size_t payload_length;
    const char *detail; /* why it was not ok, for people; "" when ok */
    uint32_t duration_10us, billed_ms, init_10us, cpu_us;
    uint16_t memory_mb, max_memory_mb;
    /* of the custom metrics of the function, in the order of the plan; NaN: not measured */
    double custom[METRIC_CUSTOM_MAX];
    unsigned char request_id[16];
    uint64_t done_ns;
};
typedef void target_done_fn(void *context, const struct target_reply *reply);

struct target_call {
    const char *function; /* the deployed name */
    const char *payload;
    size_t payload_length;
    const char *payload_sha256; /* in hexadecimal, by who sends it often; NULL: unknown */
    uint64_t timeout_ns;        /* of the function; the client waits a little longer */
};

struct target_package {
    const void *zip;
    size_t zip_bytes;
    const char *sha256;       /* base64: as Lambda's CodeSha256 */
    const char *bucket, *key; /* where it is in S3; NULL: it is sent */
};

struct target;

struct target_calls {
    /* Makes the function and waits until it can be invoked. */
    int (*deploy)(struct target *t, const char *name, const struct plan_function *f,
                  const struct target_package *p, struct error *e);
    /*
     * From now on, calls start in fresh execution environments. `token` differs from call to call.
     */
    int (*renew)(struct target *t, const char *name, const struct plan_function *f,
                 const char *token, struct error *e);
    /*
     * Sends one invocation; `done` is called exactly once from the loop, also when nothing could be
     * sent.
     */
    void (*invoke)(struct target *t, const struct target_call *call, target_done_fn *done,
                   void *context);
    /*
     * Gives up the invocations under way: their `done` is called with SAMPLE_UNKNOWN before this
     * returns.
     */
    void (*cancel)(struct target *t);
    void (*free)(struct target *t);
};

struct target {
    const struct target_calls *calls;
    struct loop *loop;
    const char *kind;       /* "embedded", "aws", "endpoint" */
    bool charged;           /* somebody pays for the invocations */
    unsigned lanes_default; /* environments per side that work at once without disturbing others */
    bool sides_share_machine; /* both sides' functions run on the processors of this machine */
};

#endif
