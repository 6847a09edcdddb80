/*
 * statistics_stored.h - simulated gates against a baseline of other days: sessions whose level
 * differs by chance.
 */
#ifndef LPG_BENCH_STATISTICS_STORED_H
#define LPG_BENCH_STATISTICS_STORED_H

#include <stdbool.h>
#include <stddef.h>

#include "statistics_gate.h"
#include "stats/stored.h"

enum { STORED_ROUNDS = 24, STORED_SESSIONS_MAX = 20 };

/* P99 of the candidate against stored sessions, each of STORED_ROUNDS rounds, in one look. */
struct stored_scenario {
    const struct world_model *model;
    double size;       /* of the change in the tail */
    double limit;      /* 0: the default */
    double session_sd; /* what days add to what the model has of its own */
    size_t sessions;
    struct session_noise noise; /* what the analysis takes it to be */
    bool paired; /* instead: the first session and the candidate pasted together, judged as a run */
};

struct stored_tally {
    struct tally answers;
    double visible; /* sum over the gates of the smallest visible change, on the log scale */
};

struct stored_tally simulate_stored(const struct stored_scenario *s, const struct effort *effort);

#endif
