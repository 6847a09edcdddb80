/*
 * driver.h - runs rounds of load on a target and records one sample per scheduled invocation.
 *
 * A round starts fresh execution environments on both sides, sends both the same payloads, and
 * takes the order of the sides from the seed. Environments are started in blocks of as many as may
 * work at the same time; in each block the first call of every environment is its cold start. The
 * schedules:
 *
 *   alternating  one call in flight per lane, going back and forth between the sides: the noise
 *                of the machine falls on both alike. The default.
 *   closed loop  `concurrency` environments per side, each kept busy. On a target whose sides
 *                share this machine, the sides take turns within the round, so that neither slows
 *                the other down.
 *   open loop    calls are sent when they are due, whatever has been answered. Latency counts from
 *                the due time, and how late each call was sent is recorded.
 */
#ifndef LPG_LOAD_DRIVER_H
#define LPG_LOAD_DRIVER_H

#include <signal.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/rng.h"
#include "load/schedule.h"
#include "model/plan.h"
#include "model/sample.h"
#include "model/target.h"
#include "net/loop.h"

struct load_job {
    struct loop *loop;
    struct target *target;
    const struct plan_function *function;
    unsigned function_index;
    const char *deployed[SIDE_COUNT]; /* names at the target */
    struct series *series;            /* samples are appended here */
    uint64_t seed;
    uint64_t start_ns; /* of the run: sent_ns counts from here */
    /* a side is a function that is not ours to change: no environment is renewed, on either side */
    bool keep_environments;
    /* non-zero: end the round as soon as possible; may be NULL */
    const volatile sig_atomic_t *stop;
};

struct load_round_summary {
    bool dropped;     /* an environment was missing on a side: the round's samples are marked */
    unsigned unknown; /* calls without an answer */
    char detail[256]; /* what the first call that was not ok said; "" when all were */
    enum sample_status detail_status;
    enum side detail_side;
};

/*
 * Runs one round. -1: nothing could be measured at all (the target refuses or is gone), or
 * ERROR_INTERRUPTED.
 */
int load_round(const struct load_job *job, unsigned round, struct load_round_summary *summary,
               struct error *e);

/*
 * Calls both sides before the first round: the first calls of new code find no copy of it near,
 * those of a function that rested find no environment. With `keep_environments` that is a whole
 * round, else one environment. The calls are no evidence, so they go into `calls` instead of the
 * job's series. -1 as load_round().
 */
int load_warm_up(const struct load_job *job, struct series *calls, struct error *e);

/* Whether an answer is what the event expects; a NULL path expects nothing. */
bool load_expected(const struct plan_expect *expect, const char *payload, size_t length);

#endif
