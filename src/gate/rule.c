#include "gate/rule.h"

#include <math.h>
#include <stdbool.h>

#include "base/rng.h"
#include "stats/swap.h"

#define SWAP_SEED UINT64_C(20260102)

/* A limit on the scale of its effect. */
struct line {
    /* the estimate must reach it for a FAIL, the upper bound stay below it for a PASS */
    double limit;
    double proof; /* the lower bound must be above it for a FAIL */
};

/* False when the limit means nothing. */
static bool line_of(const struct rule_limit *limit, struct line *line)
{
    double value = limit->value;
    double half = value > 0.0 ? 0.5 * value : value;
    if (!isfinite(value))
        return false;
    switch (limit->kind) {
    case RULE_RELATIVE:
        *line = (struct line){log1p(value), log1p(half)};
        return value > -1.0;
    case RULE_INCREASE:
        *line = (struct line){value, half};
        return true;
    case RULE_MAXIMUM:
        *line = (struct line){log(value), log(value)};
        return value > 0.0;
    }
    return false;
}

const struct effect *rule_effect(enum rule_kind kind, const struct effects *effects)
{
    switch (kind) {
    case RULE_RELATIVE:
        return &effects->ratio;
    case RULE_INCREASE:
        return &effects->difference;
    case RULE_MAXIMUM:
        return &effects->level;
    }
    return NULL;
}

static bool scale_fits(enum rule_kind kind, enum effect_scale scale)
{
    return (kind == RULE_RELATIVE && scale == EFFECT_RATIO) ||
           (kind == RULE_INCREASE && scale == EFFECT_DIFFERENCE) ||
           (kind == RULE_MAXIMUM && scale == EFFECT_LEVEL);
}

enum rule_answer rule_judge(const struct rule_limit *limit, const struct effect *effect,
                            const struct look_levels *levels)
{
    struct line line;
    if (!line_of(limit, &line) || effect->state != EFFECT_DEFINED ||
        !scale_fits(limit->kind, effect->scale))
        return RULE_OPEN;
    if (effect_upper(effect, levels->pass) < line.limit)
        return RULE_PASS;
    bool reached = effect->estimate >= line.limit;
    return reached && effect_lower(effect, levels->fail) > line.proof ? RULE_FAIL : RULE_OPEN;
}

/* What a FAIL grants the candidate, as the logarithm of a slowdown; NaN if it grants everything. */
static double granted(const struct rule_limit *limit, const struct line *line,
                      const struct effect *effect)
{
    if (limit->kind == RULE_RELATIVE)
        return line->proof;
    return log(effect->candidate / (effect->candidate - line->proof));
}

enum rule_answer rule_decide(const struct rule_limit *limit, const struct effect *effect,
                             const struct rule_samples *samples, const struct look_levels *levels)
{
    enum rule_answer answer = rule_judge(limit, effect, levels);
    struct line line;
    bool asked = answer == RULE_FAIL && limit->kind != RULE_MAXIMUM &&
                 samples->statistic.kind == STATISTIC_QUANTILE;
    if (!asked || !line_of(limit, &line))
        return answer;
    struct swap_question q = {
        .baseline = samples->baseline,
        .candidate = samples->candidate,
        .p = samples->statistic.p,
        .shift = granted(limit, &line, effect),
        .level = levels->fail,
    };
    struct rng rng;
    rng_seed(&rng, SWAP_SEED, samples->candidate->count);
    return swap_confirms(&q, &rng) ? RULE_FAIL : RULE_OPEN;
}

enum rule_answer rule_combine(const struct rule_limit *limits, const enum rule_answer *answers,
                              size_t count)
{
    size_t increases = 0;
    size_t failed = 0;
    bool passed = false;
    bool open = count == 0;
    for (size_t i = 0; i < count; i++) {
        if (limits[i].kind != RULE_MAXIMUM) {
            increases++;
            failed += answers[i] == RULE_FAIL;
            passed = passed || answers[i] == RULE_PASS;
            continue;
        }
        if (answers[i] == RULE_FAIL)
            return RULE_FAIL;
        open = open || answers[i] != RULE_PASS;
    }
    if (increases > 0 && failed == increases)
        return RULE_FAIL;
    if (increases > 0 && !passed)
        open = true;
    return open ? RULE_OPEN : RULE_PASS;
}
