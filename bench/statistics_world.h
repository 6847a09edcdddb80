/*
 * statistics_world.h - a simulated Lambda to measure the procedure on.
 *
 * ln(latency) is a sum of causes: the host of the sandbox, noise that both sides share
 * (autoregressive, bursts, a slow drift), bursts of one sandbox, the payload (the same for both
 * sides of a pair), the call's own noise and a Pareto tail. What matters for a test is which of
 * them are shared by which calls. The constants are assumptions, not measurements of AWS.
 */
#ifndef LPG_BENCH_STATISTICS_WORLD_H
#define LPG_BENCH_STATISTICS_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rng.h"

enum { WORLD_SANDBOXES = 5, WORLD_CALLS = 20, WORLD_ROUND = WORLD_SANDBOXES * WORLD_CALLS };

struct world_model {
    const char *name;
    const char *role;
    double own_sd;
    double payload_sd;
    double tail_share; /* of calls in the Pareto tail */
    double tail_index;
    double host_sd;   /* of a sandbox, for all its life */
    bool host_types;  /* hosts come in two CPU types */
    bool host_shared; /* all sandboxes of a side and round are on one host */
    double common_sd; /* stationary sd of the autoregressive noise, 0.95 per tick */
    double drift;     /* amplitude of a slow sine */
    double burst;     /* size of bursts, common ones and those of one sandbox */
    double init_sd;
    double mode_share; /* of calls that take mode_factor as long: two modes, P99 between them */
    double mode_factor;
    double hit_share;  /* of side-rounds in which a neighbour makes all calls slower */
    double hit_size;   /* by so much; 0.5: +50 % */
    double quantum_ms; /* durations are rounded to it; 0: not */
};

extern const struct world_model world_models[];
extern const size_t world_model_count;

/* Worlds made to break the procedure. */
extern const struct world_model world_attacks[];
extern const size_t world_attack_count;

/* What the candidate does to the baseline's behaviour. */
enum world_change { CHANGE_TAIL, CHANGE_UNIFORM, CHANGE_INIT, CHANGE_COST };

struct world {
    const struct world_model *model;
    struct rng rng;
    enum world_change change;
    double size; /* 0.10: 10 % */
    double typical_ms;
    double side_bias_sd; /* of a bias of one side that lasts the whole run */
    bool reuse;          /* the sandboxes of the first round serve all rounds */
    /* inside */
    double ramp_low; /* ln latency where the tail change begins and where it is complete */
    double ramp_high;
    double common;
    double drift_phase;
    double bias;
    unsigned tick;
    unsigned common_burst;
    unsigned round;
    double hit[2];
    double hosts[2][WORLD_SANDBOXES];
    unsigned own_burst[2][WORLD_SANDBOXES];
};

/* One round of both sides; [0] baseline, [1] candidate. */
struct world_round {
    double duration_ms[2][WORLD_ROUND];
    double billed_ms[2][WORLD_ROUND];
    double init_ms[2][WORLD_SANDBOXES];
};

/* P90 and P97 of the model's ln latency, for the ramp of a tail change: once per model. */
void world_ramp(const struct world_model *model, double *low, double *high);

/*
 * A run of its own: same seed and stream, same samples. The settings above "inside" are the
 * caller's.
 */
void world_start(struct world *w, uint64_t seed, uint64_t stream);
void world_next(struct world *w, struct world_round *out);

#endif
