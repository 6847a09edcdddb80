#include "gate/judgement.h"

#include <math.h>

double judgement_share(struct rate r)
{
    return r.calls ? (double)r.failures / (double)r.calls : NAN;
}

bool judgement_all_failed(const struct rate *errors)
{
    return errors->calls && errors->failures == errors->calls;
}

double judgement_package_bytes(const struct gate *g, enum side side)
{
    uint64_t bytes = g->settings.package_bytes[side];
    return bytes ? (double)bytes : NAN;
}

/* The limit in the unit of the metric's stream, which is what the effects are in. */
static struct rule_limit to_rule(const struct gate *g, const struct plan_limit *limit)
{
    double value = limit->value, scale = evidence_scale(&g->evidence, metric_index(limit->metric));
    switch (limit->kind) {
    case LIMIT_INCREASE_PCT:
        /* Judged the other way round (see evidence_effects()): 10 % less is 11.1 % more there. */
        if (limit->metric->higher_is_better)
            value = 1 / (1 - value) - 1;
        return (struct rule_limit){RULE_RELATIVE, value};
    case LIMIT_INCREASE_ABS:
        return (struct rule_limit){RULE_INCREASE, value / scale};
    default:
        return (struct rule_limit){RULE_MAXIMUM, value / scale};
    }
}

/* Rounding of the durations is an uncertainty of its own; it joins the floor. */
static double floor_share(const struct gate *g, const struct judgement *j)
{
    enum metric_id id = metric_index(j->metric);
    double rounding = g->stored ? stored_rounding(g, id, &j->raw.ratio)
                                : evidence_rounding(&g->evidence, id, &j->raw.ratio);
    return hypot(g->settings.noise_share, rounding);
}

static void estimate(struct gate *g, struct judgement *j)
{
    enum metric_id id = metric_index(j->metric);
    j->raw = g->stored ? stored_effects(g, id) : evidence_effects(&g->evidence, id);
    double share = floor_share(g, j);
    j->effects.ratio = effect_with_floor(j->raw.ratio, share);
    j->effects.difference = effect_with_floor(j->raw.difference, share);
    j->effects.level = effect_with_floor(j->raw.level, share);
}

const struct look_levels *judgement_levels(const struct gate *g)
{
    return g->stored ? &g->one_look : &g->levels;
}

/*
 * Rounds that are not in pairs cannot be swapped. A maximum asks for the candidate alone, and how
 * long that was measured may have depended on it: it keeps the levels of many looks.
 */
static enum rule_answer judge_unpaired(const struct gate *g, const struct rule_limit *limit,
                                       const struct effect *effect)
{
    bool maximum = limit->kind == RULE_MAXIMUM;
    return rule_judge(limit, effect, maximum ? &g->levels : judgement_levels(g));
}

static enum rule_answer judge_effects(struct gate *g, const struct judgement *j)
{
    struct rule_samples samples = evidence_samples(&g->evidence, metric_index(j->metric));
    struct rule_limit limits[RESULT_LIMITS_MAX];
    enum rule_answer answers[RESULT_LIMITS_MAX];
    for (unsigned i = 0; i < j->limit_count; i++) {
        limits[i] = to_rule(g, j->limits[i]);
        const struct effect *effect = rule_effect(limits[i].kind, &j->effects);
        answers[i] = g->evidence.by_environment || g->stored
                         ? judge_unpaired(g, &limits[i], effect)
                         : rule_decide(&limits[i], effect, &samples, &g->levels);
    }
    return rule_combine(limits, answers, j->limit_count);
}

/*
 * Where a limit lies on the scale of its effect, and what the lower bound must exceed to prove a
 * fail (see rule.h).
 */
struct threshold {
    double line, proof;
};

static struct threshold threshold_of(const struct rule_limit *limit)
{
    switch (limit->kind) {
    case RULE_RELATIVE:
        return (struct threshold){log1p(limit->value),
                                  log1p(limit->value > 0 ? limit->value / 2 : limit->value)};
    case RULE_INCREASE:
        return (struct threshold){limit->value, limit->value > 0 ? limit->value / 2 : limit->value};
    default:
        return (struct threshold){log(limit->value), log(limit->value)};
    }
}

bool judgement_beyond_limits(const struct gate *g, const struct judgement *j)
{
    unsigned increases = 0, exceeded = 0;
    for (unsigned i = 0; i < j->limit_count; i++) {
        struct rule_limit limit = to_rule(g, j->limits[i]);
        const struct effect *e = rule_effect(limit.kind, &j->effects);
        bool beyond = e->state == EFFECT_DEFINED && e->estimate >= threshold_of(&limit).line;
        if (limit.kind == RULE_MAXIMUM && beyond)
            return true;
        increases += limit.kind != RULE_MAXIMUM;
        exceeded += limit.kind != RULE_MAXIMUM && beyond;
    }
    return increases && exceeded == increases;
}

/*
 * Rounds until this limit could be judged if the estimate stayed where it is: the standard error
 * shrinks with the root of the rounds, its floor does not. NaN: never.
 */
static double rounds_for_limit(const struct gate *g, const struct judgement *j,
                               const struct rule_limit *limit)
{
    const struct effect *e = rule_effect(limit->kind, &j->effects);
    const struct effect *raw = rule_effect(limit->kind, &j->raw);
    struct threshold at = threshold_of(limit);
    if (e->state != EFFECT_DEFINED || !(e->se > 0))
        return NAN;
    bool failing = e->estimate >= at.line;
    double distance = failing ? e->estimate - at.proof : at.line - e->estimate;
    double width = failing ? e->estimate - effect_lower(e, g->levels.fail)
                           : effect_upper(e, g->levels.pass) - e->estimate;
    double wanted = distance / (width / e->se);
    double floor2 = e->se * e->se - raw->se * raw->se;
    double left = wanted * wanted - floor2;
    return distance > 0 && left > 0 ? (double)e->units * raw->se * raw->se / left : NAN;
}

double judgement_rounds_to_answer(const struct gate *g, const struct judgement *j)
{
    bool failing = judgement_beyond_limits(g, j);
    double rounds = NAN;
    for (unsigned i = 0; i < j->limit_count; i++) {
        struct rule_limit limit = to_rule(g, j->limits[i]);
        double needed = rounds_for_limit(g, j, &limit);
        bool better = failing ? !(needed <= rounds) : !(needed >= rounds);
        if (isfinite(needed) && better)
            rounds = needed;
    }
    return rounds;
}

/* A maximum is exceeded when that is proven; with 0 allowed, one failure is proof. */
static enum rule_answer judge_rate_maximum(const struct gate *g, double allowed)
{
    const struct rate *errors = &g->evidence.errors[SIDE_CANDIDATE];
    double lower;
    if (rate_lower(*errors, g->levels.fail, &lower, NULL))
        return RULE_OPEN;
    if (judgement_share(*errors) <= allowed)
        return RULE_PASS;
    return lower > allowed ? RULE_FAIL : RULE_OPEN;
}

static enum rule_answer judge_rate_increase(const struct gate *g, double allowed)
{
    const struct rate *baseline = &g->evidence.errors[SIDE_BASELINE];
    const struct rate *candidate = &g->evidence.errors[SIDE_CANDIDATE];
    double p;
    if (rate_worse_p(*baseline, *candidate, &p, NULL))
        return RULE_OPEN;
    if (judgement_share(*candidate) <= judgement_share(*baseline) + allowed)
        return RULE_PASS;
    return p <= g->levels.fail ? RULE_FAIL : RULE_OPEN;
}

static enum rule_answer judge_rate(const struct gate *g, const struct judgement *j)
{
    struct rule_limit limits[RESULT_LIMITS_MAX];
    enum rule_answer answers[RESULT_LIMITS_MAX];
    double baseline = judgement_share(g->evidence.errors[SIDE_BASELINE]);
    for (unsigned i = 0; i < j->limit_count; i++) {
        double value = j->limits[i]->value;
        limits[i] = to_rule(g, j->limits[i]);
        if (j->limits[i]->kind == LIMIT_MAXIMUM)
            answers[i] = judge_rate_maximum(g, value);
        else
            answers[i] = judge_rate_increase(
                g, j->limits[i]->kind == LIMIT_INCREASE_PCT ? value * baseline : value);
    }
    return rule_combine(limits, answers, j->limit_count);
}

/* Whether a value that is known exactly keeps to a limit; an increase may be reached. */
static bool within(const struct plan_limit *limit, double value, double allowed)
{
    if (limit->kind == LIMIT_MAXIMUM && !limit->inclusive)
        return value < allowed;
    return value <= allowed;
}

/* The package size is known exactly, or not at all. */
static enum rule_answer judge_constant(const struct gate *g, const struct judgement *j)
{
    struct rule_limit limits[RESULT_LIMITS_MAX];
    enum rule_answer answers[RESULT_LIMITS_MAX];
    double baseline = judgement_package_bytes(g, SIDE_BASELINE);
    double candidate = judgement_package_bytes(g, SIDE_CANDIDATE);
    if (!isfinite(baseline) || !isfinite(candidate))
        return RULE_OPEN;
    for (unsigned i = 0; i < j->limit_count; i++) {
        double allowed = j->limits[i]->value;
        limits[i] = to_rule(g, j->limits[i]);
        if (limits[i].kind == RULE_RELATIVE)
            allowed = baseline * (1 + allowed);
        else if (limits[i].kind == RULE_INCREASE)
            allowed += baseline;
        answers[i] = within(j->limits[i], candidate, allowed) ? RULE_PASS : RULE_FAIL;
    }
    return rule_combine(limits, answers, j->limit_count);
}

static void judge_metric(struct gate *g, struct judgement *j)
{
    switch (j->metric->kind) {
    case KIND_RATE:
        j->answer = judge_rate(g, j);
        break;
    case KIND_CONSTANT:
        j->answer = judge_constant(g, j);
        break;
    default:
        estimate(g, j);
        j->answer = judge_effects(g, j);
        break;
    }
}

void judgement_make_all(struct gate *g)
{
    for (size_t i = 0; i < g->judged_count; i++)
        judge_metric(g, &g->judged[i]);
}

void judgement_make_limited(struct gate *g)
{
    for (size_t i = 0; i < g->judged_count; i++)
        if (g->judged[i].limit_count)
            judge_metric(g, &g->judged[i]);
}

double judgement_rounds_to_resolve(const struct gate *g, const struct judgement *j)
{
    for (unsigned i = 0; i < j->limit_count; i++) {
        struct rule_limit limit = to_rule(g, j->limits[i]);
        if (limit.kind == RULE_RELATIVE && limit.value > 0)
            return look_rounds_needed(&j->raw.ratio, &g->levels, floor_share(g, j),
                                      log1p(limit.value));
    }
    return NAN;
}
