/*
 * schedule.h - when calls are sent and which payload each one carries. Pure: numbers in, numbers
 * out.
 */
#ifndef LPG_LOAD_SCHEDULE_H
#define LPG_LOAD_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rng.h"
#include "model/plan.h"

/* How the calls of a round are arranged. */
enum schedule_kind {
    SCHEDULE_ALTERNATING, /* call by call between the sides, random order in each pair */
    SCHEDULE_CLOSED,      /* a fixed number of environments per side, each kept busy */
    SCHEDULE_OPEN,        /* arrivals at a rate, whether or not the answers keep up */
};

struct schedule {
    enum schedule_kind kind;
    unsigned lanes;  /* calls in flight at the same time, per side; 0: no limit (open loop only) */
    unsigned blocks; /* how often a round renews the environments */
    unsigned calls;  /* warm calls per environment */
    size_t arrivals; /* calls per side and round of an open loop */
};

/*
 * Derives the arrangement from the plan. `lanes_default` is what the target can take without the
 * environments disturbing each other.
 */
struct schedule schedule_of(const struct plan_function *f, unsigned lanes_default);

/* Calls per side in one round, cold ones included. */
size_t schedule_calls(const struct schedule *s);

/*
 * When the n-th arrival of an open loop is due, in ns from the start of the round. Without stages
 * arrivals are evenly spaced at `rate`; with stages the rate moves in a straight line from each
 * stage's start to its `rate`, the first starting at load.rate (0: from nothing). The n-th arrival
 * is where the integral of the rate reaches n.
 */
uint64_t schedule_due_ns(const struct plan_load *load, size_t n);

/*
 * Fills `events` with the index of the payload for each of `count` positions: every payload as
 * often as its weight says (largest remainder, ties to the first), in random order. Both sides of a
 * round use the same sequence.
 */
void schedule_mix(const struct plan_function *f, struct rng *rng, uint16_t *events, size_t count);

/* "alternating call by call, 1 environment per side at a time": for reports. */
void schedule_describe(const struct schedule *s, const struct plan_load *load, struct buf *out);

#endif
