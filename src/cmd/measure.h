/*
 * measure.h - one function from its two packages to its verdict: deploy, rounds, looks.
 */
#ifndef LPG_CMD_MEASURE_H
#define LPG_CMD_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "build/package.h"
#include "cmd/progress.h"
#include "cmd/session.h"
#include "gate/judge.h"
#include "model/plan.h"
#include "model/result.h"
#include "model/sample.h"

/* In all, unless the user says otherwise, where somebody pays for them. */
enum { CHARGED_INVOCATIONS_MAX = 10000 };

struct measure_job {
    struct session *session;
    struct progress *progress;
    const struct plan_function *function;
    unsigned function_index;        /* in the samples */
    const struct package *packages; /* one per side */
    /* Where a side is configured in another way than `function` says; NULL: it is not. */
    const struct plan_function *configured[SIDE_COUNT];
    /* Functions that are there already; NULL: made for this measurement. */
    const char *deployed[SIDE_COUNT];
    struct series *series;
    struct gate_settings settings;
    uint64_t seed;
    uint64_t start_ns;    /* of the run */
    uint64_t deadline_ns; /* 0: none */
    struct budget budget; /* of this function */
    struct spend *spent;  /* what the function spent is added to it; may be NULL */
    bool open_ended;      /* ending at the deadline is as planned, and makes nothing doubtful */
};

/*
 * Fills `out`. -1 when the function could not be deployed or invoked at all, or on
 * ERROR_INTERRUPTED; `out` is then an error verdict.
 */
int measure_function(const struct measure_job *job, struct arena *arena,
                     struct result_function *out, struct error *e);

#endif
