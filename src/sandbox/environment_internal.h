/*
 * environment_internal.h - what the two files of an execution environment share.
 *
 *   environment.c      its life: started, initialised, given calls, frozen in between
 *   environment_end.c  how a call ends, well or not: the report, the result, the failure's name
 *
 * environment_end.c never starts anything.
 */
#ifndef LPG_SANDBOX_ENVIRONMENT_INTERNAL_H
#define LPG_SANDBOX_ENVIRONMENT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "os/clock.h"
#include "sandbox/environment.h"
#include "sandbox/failure.h"
#include "sandbox/log_tail.h"
#include "sandbox/private_tmp.h"
#include "sandbox/runtime_api.h"
#include "sandbox/sandbox.h"

enum { REQUEST_ID_BYTES = 64, STREAM_BYTES = 96 };
#define PEAK_EVERY_NS NS_PER_MS /* of busy time: in less, memory cannot grow by much */

enum phase { PHASE_INIT, PHASE_IDLE, PHASE_BUSY, PHASE_OVER };

struct call {
    bool active;
    bool cold;
    bool answered;
    bool is_error;
    char request_id[REQUEST_ID_BYTES];
    char *invoked_arn, *trace_id, *client_context;
    struct buf payload, answer;
    pool_done_fn *done;
    void *context;
};

struct environment {
    struct environment_host host;
    struct function *function;
    struct runtime_launch launch;
    struct failure start_failure; /* it cannot even be tried */
    struct sandbox sandbox;
    struct runtime_api *api;
    struct loop_timer *timer;
    struct log_tail log;
    struct buf line; /* a platform line in the making */
    struct call call;
    struct buf init_error; /* what the runtime said about its failed initialisation */
    char init_error_type[RUNTIME_API_ERROR_TYPE_MAX];
    char log_stream[STREAM_BYTES];
    char *temporary;        /* its folder for temporary files */
    struct private_tmp tmp; /* which it sees as /tmp, where that can be done */
    enum phase phase;
    bool provisioned, retired;
    bool second_init; /* the first one failed; this one is part of the invocation */
    bool timed_out, over_memory;
    uint64_t init_started_ns;
    uint64_t init_ns;  /* not reported yet; 0: there is none to report */
    uint64_t due_ns;   /* when the timer has work; it may fire earlier, and is then set again */
    uint64_t armed_ns; /* when it will fire; NEVER: not set */
    uint64_t deadline_ns;
    uint64_t started_ns, rested_ns;
    uint64_t cpu_seen_ns;
    uint64_t unseen_ns; /* busy time since the memory peak was read */
};

/* Writes the platform line in the making to the log. */
void environment_log_line(struct environment *env);
uint64_t environment_limit_ns(const struct environment *env);

/* Why the program ended when it should have gone on. */
struct failure environment_name_failure(struct environment *env, const struct sandbox_end *end);
void environment_log_init_report(struct environment *env, const struct failure *failure,
                                 uint64_t now);

/*
 * Ends the call: report, then the caller's turn. `failure` has a type when the platform ended it.
 * The environment may have its next call before the call's `done` returns.
 */
void environment_finish_call(struct environment *env, uint64_t duration_ns,
                             const struct failure *failure);
/* Gives the call the failure as its result, and ends the environment. */
void environment_fail_call(struct environment *env, const struct failure *failure, uint64_t now);
/*
 * The program posted its answer and ended before it asked for the next event: a panic in Go does so.
 * The caller gets what was posted; how the program ended stands in the log.
 */
bool environment_ended_after_answer(const struct environment *env, const struct sandbox_end *end);
void environment_finish_answered(struct environment *env, const struct failure *failure,
                                 uint64_t now);
/* Frees what belongs to a call that is over. */
void environment_release_call(struct environment *env);

/* Nothing runs in it any more, or soon: kills what does. */
void environment_end(struct environment *env);

#endif
