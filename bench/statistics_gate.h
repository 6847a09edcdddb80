/*
 * statistics_gate.h - runs simulated gates with the real library and counts their answers.
 */
#ifndef LPG_BENCH_STATISTICS_GATE_H
#define LPG_BENCH_STATISTICS_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "statistics_rivals.h"
#include "statistics_world.h"

enum metric { METRIC_P99, METRIC_INIT, METRIC_COST, METRICS };
enum { RIVAL_ROUNDS = 25 };

enum { FALLBACK_GROUPS = 4, FALLBACK_SANDBOXES = FALLBACK_GROUPS * WORLD_SANDBOXES };
enum { FALLBACK_ROUNDS = 10, FALLBACK_CALLS = FALLBACK_ROUNDS * WORLD_CALLS };

/* Which metrics a gate judges, each with its share of the error. */
struct gate_kind {
    const char *name;
    double alpha[METRICS]; /* 0: not judged */
    double beta;
};

extern const struct gate_kind kind_p99;
extern const struct gate_kind kind_init;
extern const struct gate_kind kind_all;

/* A question to the procedure: this gate, in this world, with this change. */
struct scenario {
    const struct gate_kind *kind;
    const struct world_model *model;
    enum world_change change;
    double size;
    double limit; /* of P99; 0: the default */
    double bias;
    bool reuse;
};

struct tally {
    uint64_t gates;
    uint64_t failed;
    uint64_t passed;
    uint64_t rival_fails[RIVALS];
    double rounds;
    double rounds_squared;
    double cpu_ns;
    double cpu_worst_ns;
    double below_limit; /* FAILs whose estimate is below the limit; must stay 0 */
};

/* How many gates, from which seed. */
struct effort {
    uint64_t gates;
    uint64_t seed;
};

/* Runs the gates; with_rivals: the others judge the first RIVAL_ROUNDS rounds of each. */
struct tally simulate(const struct scenario *s, const struct effort *effort, bool with_rivals);

/* Reused sandboxes, known to be reused: one look at P99, the sandbox is the unit. */
struct tally simulate_fallback(const struct scenario *s, const struct effort *effort);

#endif
