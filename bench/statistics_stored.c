#include "statistics_stored.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "gate/rule.h"
#include "stats/looks.h"

#define SE_FLOOR 0.005

static const struct look_plan run_plan = {.first = 10, .step = 2, .last = STORED_ROUNDS};
static const struct look_levels one_look = {.fail = .01, .pass = .05};
static const struct statistic p99 = {STATISTIC_QUANTILE, .99};

/* A session is the changed side of a world of its own; its bias is the day's. */
static void measure(struct world *w, struct rounds *out, uint64_t seed, uint64_t stream)
{
    struct world_round round;
    world_start(w, seed, stream);
    for (int k = 0; k < STORED_ROUNDS; k++) {
        world_next(w, &round);
        if (rounds_add(out, round.duration_ms[1], WORLD_ROUND, NULL))
            exit(1);
    }
}

/* The first `count` rounds of a session. */
static void take_rounds(const struct rounds *from, size_t count, struct rounds *out)
{
    double values[WORLD_ROUND];
    while (out->count < count) {
        const struct round_values *round = &from->items[out->count];
        for (size_t i = 0; i < round->count; i++)
            values[i] = exp(from->logs[round->start + i]);
        if (rounds_add(out, values, round->count, NULL))
            exit(1);
    }
}

/* What a run does with its rounds, look by look, done to rounds that had no common moment. */
static enum rule_answer judge_paired(struct rounds *baseline, struct rounds *candidate,
                                     const struct rule_limit *limit)
{
    struct look_levels levels;
    struct rounds b = {0}, c = {0};
    enum rule_answer answer = RULE_OPEN;
    if (look_levels_find(&run_plan, one_look.fail, one_look.pass, &levels))
        exit(1);
    for (unsigned k = 1; k <= run_plan.last && answer == RULE_OPEN; k++) {
        if (!look_is_due(&run_plan, k))
            continue;
        take_rounds(baseline, k, &b);
        take_rounds(candidate, k, &c);
        struct effect e = effect_with_floor(effects_paired(&b, &c, p99).ratio, SE_FLOOR);
        struct rule_samples samples = {&b, &c, p99};
        answer = rule_decide(limit, &e, &samples, &levels);
    }
    rounds_release(&b);
    rounds_release(&c);
    return answer;
}

struct stored_tally simulate_stored(const struct stored_scenario *s, const struct effort *effort)
{
    struct stored_tally t = {0};
    struct world w = {.model = s->model, .typical_ms = 100.0, .side_bias_sd = s->session_sd};
    const struct rule_limit limit = {RULE_RELATIVE, s->limit > 0 ? s->limit : .10};
    world_ramp(s->model, &w.ramp_low, &w.ramp_high);
    for (uint64_t i = 0; i < effort->gates; i++) {
        struct rounds stored[STORED_SESSIONS_MAX] = {0}, candidate = {0};
        struct rounds *list[STORED_SESSIONS_MAX];
        uint64_t stream = i * (STORED_SESSIONS_MAX + 1);
        w.size = 0;
        for (size_t h = 0; h < s->sessions; h++) {
            measure(&w, &stored[h], effort->seed, stream + 1 + h);
            list[h] = &stored[h];
        }
        w.size = s->size;
        measure(&w, &candidate, effort->seed, stream);
        struct effect e = effect_with_floor(
            effects_stored(list, s->sessions, &candidate, p99, &s->noise).ratio, SE_FLOOR);
        enum rule_answer answer = s->paired ? judge_paired(list[0], &candidate, &limit)
                                            : rule_judge(&limit, &e, &one_look);
        t.answers.gates++;
        t.answers.failed += answer == RULE_FAIL;
        t.answers.passed += answer == RULE_PASS;
        t.visible += look_detectable(&e, &one_look);
        for (size_t h = 0; h < s->sessions; h++)
            rounds_release(&stored[h]);
        rounds_release(&candidate);
    }
    return t;
}
