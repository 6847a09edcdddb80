/*
 * rounds.h - one metric of one side, in rounds.
 *
 * A round is a pass over execution environments that are fresh for it. Calls into the same
 * environment share its host and its fate, so calls are not independent evidence; rounds are. This
 * container keeps the values of each round apart and answers "the percentile of all" and "the
 * percentile without round r", which is all that the jackknife needs.
 *
 *     struct rounds base = {0};
 *     rounds_add(&base, durations_ms, count, e);     // once per round, in the order of the run
 *     ...
 *     rounds_release(&base);
 *
 * The same container holds one sandbox per "round" where sandboxes are the unit
 * (effects_clustered()).
 */
#ifndef LPG_STATS_ROUNDS_H
#define LPG_STATS_ROUNDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* One round; values are kept as natural logarithms, largest first. */
struct round_values {
    size_t start; /* position in rounds.logs */
    size_t count;
    double mean; /* arithmetic mean of the values, in their unit */
    /* geometric mean of their middle half (quantile_middle() of logs), in their unit */
    double middle;
};

struct ranked_value {
    double log;
    uint32_t round;
};

struct rounds {
    struct round_values *items;
    size_t count;
    size_t capacity;
    double *logs; /* of all rounds, one after the other */
    size_t total;
    size_t logs_capacity;
    struct ranked_value *ranked; /* all values, largest first; lags behind until it is needed */
    size_t ranked_count;
    size_t ranked_rounds;
    size_t ranked_capacity;
};

/*
 * Adds one round. Values are positive and finite, in any unit, in any order: anything else (0,
 * negative, NaN, infinite, no values at all) is refused as a whole with ERROR_MEASURE, for a
 * logarithm of it would turn into a number that looks fast.
 */
int rounds_add(struct rounds *r, const double *values, size_t count, struct error *e);
void rounds_release(struct rounds *r);

/* Brings `ranked` up to date; the functions below do so by themselves. */
void rounds_rank(struct rounds *r);

/* The fewest values in one round; 0 when there are no rounds. */
size_t rounds_smallest(const struct rounds *r);

/*
 * The rank-window level of percentile p (mean of logs, see quantile.h) over all rounds, returned,
 * and with each round left out, in without[0 .. r->count - 1]. The window is placed anew for the
 * number of values that are left. NaN when the side has fewer than two rounds or p is outside 0 < p
 * < 1.
 *
 * Costs one merge of the rounds added since the last call, then O(top values + rounds log calls).
 */
double rounds_window_levels(struct rounds *r, double p, double *without);

/* The type-7 percentile of all values in their unit, for display; NaN when empty. */
double rounds_quantile(struct rounds *r, double p);

#endif
