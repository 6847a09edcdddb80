#include "statistics_gate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gate/rule.h"
#include "os/clock.h"
#include "stats/looks.h"

#define SE_FLOOR 0.005

static const struct look_plan plan = {.first = 10, .step = 2, .last = 100};

const struct gate_kind kind_p99 = {"P99", {.01, 0, 0}, .05};
const struct gate_kind kind_init = {"cold start", {0, .01, 0}, .05};
const struct gate_kind kind_all = {"three metrics", {.004, .003, .003}, .04};

static const struct statistic statistics[METRICS] = {
    [METRIC_P99] = {STATISTIC_QUANTILE, .99},
    [METRIC_INIT] = {STATISTIC_MIDDLE, 0},
    [METRIC_COST] = {STATISTIC_MEAN, 0},
};

static const double metric_limits[METRICS] = {.10, .10, .05};

/* The samples and the standing of one gate. */
struct gate {
    const struct scenario *scenario;
    const struct look_levels *levels;
    struct rounds sides[METRICS][2];
    enum rule_answer answers[METRICS];
    bool below_limit;
};

static void gate_add(struct gate *g, const struct world_round *r)
{
    const double *values[METRICS][2] = {
        {r->duration_ms[0], r->duration_ms[1]},
        {r->init_ms[0], r->init_ms[1]},
        {r->billed_ms[0], r->billed_ms[1]},
    };
    struct error e;
    for (int m = 0; m < METRICS; m++) {
        if (g->scenario->kind->alpha[m] == 0.0)
            continue;
        size_t count = m == METRIC_INIT ? WORLD_SANDBOXES : WORLD_ROUND;
        for (int side = 0; side < 2; side++)
            if (rounds_add(&g->sides[m][side], values[m][side], count, &e)) {
                fprintf(stderr, "statistics: %s\n", e.text);
                exit(1);
            }
    }
}

static enum rule_answer gate_look(struct gate *g)
{
    bool open = false;
    for (int m = 0; m < METRICS; m++) {
        if (g->scenario->kind->alpha[m] == 0.0)
            continue;
        if (g->answers[m] == RULE_OPEN) {
            struct effects all = effects_paired(&g->sides[m][0], &g->sides[m][1], statistics[m]);
            struct effect e = effect_with_floor(all.ratio, SE_FLOOR);
            struct rule_limit limit = {RULE_RELATIVE, metric_limits[m]};
            if (m == METRIC_P99 && g->scenario->limit > 0.0)
                limit.value = g->scenario->limit;
            struct rule_samples samples = {&g->sides[m][0], &g->sides[m][1], statistics[m]};
            g->answers[m] = rule_decide(&limit, &e, &samples, &g->levels[m]);
            if (g->answers[m] == RULE_FAIL && e.estimate < log1p(limit.value))
                g->below_limit = true;
        }
        if (g->answers[m] == RULE_FAIL)
            return RULE_FAIL;
        open = open || g->answers[m] == RULE_OPEN;
    }
    return open ? RULE_OPEN : RULE_PASS;
}

static void gate_release(struct gate *g)
{
    for (int m = 0; m < METRICS; m++)
        for (int side = 0; side < 2; side++)
            rounds_release(&g->sides[m][side]);
}

struct rival_samples {
    double ms[2][RIVAL_ROUNDS * WORLD_ROUND];
};

/* Runs one gate to its end; with `rivals`, on to the number of rounds that these are given. */
static void run_gate(struct world *world, struct gate *gate, struct rival_samples *rivals,
                     struct tally *t)
{
    struct world_round round;
    enum rule_answer answer = RULE_OPEN;
    unsigned used = 0;
    uint64_t cpu = 0;
    for (unsigned k = 1; k <= plan.last; k++) {
        bool copy = rivals && k <= RIVAL_ROUNDS;
        if (answer != RULE_OPEN && !copy)
            break;
        world_next(world, &round);
        for (int side = 0; copy && side < 2; side++)
            memcpy(&rivals->ms[side][(k - 1) * WORLD_ROUND], round.duration_ms[side],
                   sizeof round.duration_ms[side]);
        if (answer != RULE_OPEN)
            continue;
        uint64_t start = clock_cpu_ns();
        gate_add(gate, &round);
        if (look_is_due(&plan, k))
            answer = gate_look(gate);
        cpu += clock_cpu_ns() - start;
        used = k;
    }
    t->gates++;
    t->failed += answer == RULE_FAIL;
    t->passed += answer == RULE_PASS;
    t->rounds += used;
    t->rounds_squared += (double)used * used;
    t->cpu_ns += (double)cpu;
    t->cpu_worst_ns = fmax(t->cpu_worst_ns, (double)cpu);
    t->below_limit += gate->below_limit;
}

static void find_levels(const struct gate_kind *kind, struct look_levels levels[METRICS])
{
    for (int m = 0; m < METRICS; m++)
        if (kind->alpha[m] > 0.0 &&
            look_levels_find(&plan, kind->alpha[m], kind->beta, &levels[m])) {
            fputs("statistics: no levels\n", stderr);
            exit(1);
        }
}

struct tally simulate(const struct scenario *s, const struct effort *effort, bool with_rivals)
{
    struct tally t = {0};
    struct look_levels levels[METRICS] = {0};
    find_levels(s->kind, levels);
    struct world world = {.model = s->model, .change = s->change, .size = s->size};
    world.typical_ms = s->model->quantum_ms > 0.0 ? 3.0 : 100.0;
    world.side_bias_sd = s->bias;
    world.reuse = s->reuse;
    world_ramp(s->model, &world.ramp_low, &world.ramp_high);
    struct rival_samples *rivals = with_rivals ? xcalloc(1, sizeof *rivals) : NULL;
    for (uint64_t i = 0; i < effort->gates; i++) {
        struct gate gate = {.scenario = s, .levels = levels};
        world_start(&world, effort->seed, i);
        run_gate(&world, &gate, rivals, &t);
        gate_release(&gate);
        bool fails[RIVALS] = {false};
        if (rivals)
            rivals_judge(rivals->ms[0], rivals->ms[1], RIVAL_ROUNDS * WORLD_ROUND, fails);
        for (int r = 0; r < RIVALS; r++)
            t.rival_fails[r] += fails[r];
    }
    free(rivals);
    return t;
}

/* One group of sandboxes, which live through all rounds; a sandbox is an entry of `sides`. */
static void fallback_group(struct world *w, struct rounds sides[2])
{
    struct world_round *rounds = xcalloc(FALLBACK_ROUNDS, sizeof *rounds);
    double values[FALLBACK_CALLS];
    struct error e;
    for (int k = 0; k < FALLBACK_ROUNDS; k++)
        world_next(w, &rounds[k]);
    for (int side = 0; side < 2; side++) {
        for (int box = 0; box < WORLD_SANDBOXES; box++) {
            for (int i = 0; i < FALLBACK_CALLS; i++) {
                int call = i % WORLD_CALLS * WORLD_SANDBOXES + box;
                values[i] = rounds[i / WORLD_CALLS].duration_ms[side][call];
            }
            if (rounds_add(&sides[side], values, FALLBACK_CALLS, &e))
                exit(1);
        }
    }
    free(rounds);
}

struct tally simulate_fallback(const struct scenario *s, const struct effort *effort)
{
    struct tally t = {0};
    const struct look_levels levels = {.fail = .01, .pass = .05};
    const struct rule_limit limit = {RULE_RELATIVE, metric_limits[METRIC_P99]};
    struct world w = {.model = s->model, .size = s->size, .typical_ms = 100.0, .reuse = true};
    world_ramp(s->model, &w.ramp_low, &w.ramp_high);
    for (uint64_t i = 0; i < effort->gates; i++) {
        struct rounds sides[2] = {{0}, {0}};
        for (uint64_t group = 0; group < FALLBACK_GROUPS; group++) {
            world_start(&w, effort->seed, i * FALLBACK_GROUPS + group);
            fallback_group(&w, sides);
        }
        struct effects all = effects_clustered(&sides[0], &sides[1], statistics[METRIC_P99]);
        struct effect e = effect_with_floor(all.ratio, SE_FLOOR);
        enum rule_answer answer = rule_judge(&limit, &e, &levels);
        t.gates++;
        t.failed += answer == RULE_FAIL;
        t.passed += answer == RULE_PASS;
        t.rounds += FALLBACK_SANDBOXES * FALLBACK_CALLS / WORLD_ROUND;
        rounds_release(&sides[0]);
        rounds_release(&sides[1]);
    }
    return t;
}
