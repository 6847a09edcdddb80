#include "gate/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "gate/rule.h"
#include "model/wording.h"
#include "stats/looks.h"
#include "stats/quantile.h"

#define FALLBACK_REGION "us-east-1" /* prices, where those of the region are not known */

enum {
    DROPPED_MAX = 3, /* rounds without fresh environments, none with: the target cannot make them */
    HOPELESS_FROM = 40,  /* rounds after which a run may give up early ... */
    HOPELESS_FACTOR = 4, /* ... when so many times the budget would be needed */
    REMARKS_MAX = 8,
};
static const double OK_SHARE_MIN = 0.99; /* of the scheduled calls, for a pass */
static const double LATENESS_MAX_MS = 10;
static const double UNBALANCED_MAX = 0.05; /* of the calls, between the sides */

/* One metric at one look. */
struct judgement {
    const struct metric *metric;
    const struct plan_limit *limits[RESULT_LIMITS_MAX];
    unsigned limit_count;
    struct effects raw;     /* as estimated */
    struct effects effects; /* with the floor */
    enum rule_answer answer;
};

struct gate {
    const struct plan_function *function;
    struct gate_settings settings;
    struct look_plan plan;
    struct look_levels levels;
    struct evidence evidence;
    struct judgement judged[METRIC_COUNT]; /* of the last look, all metrics */
    unsigned attempts;                     /* rounds run, dropped ones too */
    unsigned failed_at;         /* rounds used when a metric first failed; 0: none does */
    char *remarks[REMARKS_MAX]; /* for the warnings */
    size_t remark_count;
    bool doubted; /* no pass any more, also if there was no room for the reason */
};

/* ---- set-up ---- */

static void collect_limits(struct gate *g)
{
    for (int i = 0; i < METRIC_COUNT; i++)
        g->judged[i].metric = &metrics[i];
    for (size_t i = 0; i < g->function->limit_count; i++) {
        const struct plan_limit *limit = &g->function->limits[i];
        struct judgement *j = &g->judged[metric_index(limit->metric)];
        if (j->limit_count < RESULT_LIMITS_MAX)
            j->limits[j->limit_count++] = limit;
    }
}

static unsigned judged_count(const struct gate *g)
{
    unsigned n = 0;
    for (int i = 0; i < METRIC_COUNT; i++)
        n += g->judged[i].limit_count > 0;
    return n;
}

void gate_note(struct gate *g, const char *text)
{
    for (size_t i = 0; i < g->remark_count; i++)
        if (!strcmp(g->remarks[i], text))
            return;
    if (g->remark_count < REMARKS_MAX)
        g->remarks[g->remark_count++] = xstrdup(text);
}

void gate_doubt(struct gate *g, const char *reason)
{
    g->doubted = true;
    gate_note(g, reason);
}

/* Prices of most regions differ little: better than none, but it is to be said. */
static void note_foreign_prices(struct gate *g)
{
    if (!g->settings.region)
        return;
    char *text = xasprintf("the prices of region '%s' are not known: those of %s were used",
                           g->settings.region, FALLBACK_REGION);
    gate_note(g, text);
    free(text);
}

struct gate *gate_new(const struct plan_function *f, const struct gate_settings *settings,
                      struct error *e)
{
    struct gate *g = xcalloc(1, sizeof *g);
    const struct price *price = price_find(settings->region);
    g->function = f;
    g->settings = *settings;
    g->plan = (struct look_plan){f->rounds.min, f->rounds.step, f->rounds.max};
    if (!price) {
        note_foreign_prices(g);
        price = price_find(FALLBACK_REGION);
    }
    evidence_init(&g->evidence, f,
                  price_tariff(price, f->architecture, f->memory_mb, f->ephemeral_mb));
    collect_limits(g);
    unsigned judged = judged_count(g);
    if (look_levels_find(&g->plan, settings->alpha / (judged ? judged : 1), settings->beta,
                         &g->levels)) {
        error_set(e, ERROR_CONFIG,
                  "function '%s': rounds from %u to %u in steps of %u cannot be judged", f->name,
                  f->rounds.min, f->rounds.max, f->rounds.step);
        gate_free(g);
        return NULL;
    }
    return g;
}

static void forget_remarks(struct gate *g)
{
    for (size_t i = 0; i < g->remark_count; i++)
        free(g->remarks[i]);
    g->remark_count = 0;
    g->doubted = false;
}

void gate_free(struct gate *g)
{
    if (!g)
        return;
    evidence_release(&g->evidence);
    forget_remarks(g);
    free(g);
}

void gate_restart(struct gate *g)
{
    struct tariff tariff = g->evidence.tariff;
    evidence_release(&g->evidence);
    evidence_init(&g->evidence, g->function, tariff);
    forget_remarks(g);
    g->attempts = g->failed_at = 0;
}

void gate_add_round(struct gate *g, const struct series *series, size_t first, unsigned function)
{
    g->attempts++;
    evidence_add_round(&g->evidence, series, first, function);
}

/* ---- one metric at one look ---- */

/* The limit in the unit of the metric's stream, which is what the effects are in. */
static struct rule_limit to_rule(const struct gate *g, const struct plan_limit *limit)
{
    double value = limit->value, scale = evidence_scale(&g->evidence, metric_index(limit->metric));
    switch (limit->kind) {
    case LIMIT_INCREASE_PCT:
        /* Throughput is judged on its inverse, the time per call: 10 % less is 11.1 % more time. */
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
    return hypot(g->settings.noise_share,
                 evidence_rounding(&g->evidence, metric_index(j->metric), &j->raw.ratio));
}

static void estimate(struct gate *g, struct judgement *j)
{
    j->raw = evidence_effects(&g->evidence, metric_index(j->metric));
    double share = floor_share(g, j);
    j->effects.ratio = effect_with_floor(j->raw.ratio, share);
    j->effects.difference = effect_with_floor(j->raw.difference, share);
    j->effects.level = effect_with_floor(j->raw.level, share);
}

static enum rule_answer judge_effects(struct gate *g, const struct judgement *j)
{
    struct rule_samples samples = evidence_samples(&g->evidence, metric_index(j->metric));
    struct rule_limit limits[RESULT_LIMITS_MAX];
    enum rule_answer answers[RESULT_LIMITS_MAX];
    for (unsigned i = 0; i < j->limit_count; i++) {
        limits[i] = to_rule(g, j->limits[i]);
        answers[i] =
            rule_decide(&limits[i], rule_effect(limits[i].kind, &j->effects), &samples, &g->levels);
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

/* Whether the estimate is beyond a maximum, or beyond every increase that is allowed. */
static bool beyond_limits(const struct gate *g, const struct judgement *j)
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

/*
 * Rounds until the metric could be judged: to fail it must exceed all its limits, to pass one is
 * enough.
 */
static double rounds_to_answer(const struct gate *g, const struct judgement *j)
{
    bool failing = beyond_limits(g, j);
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

static double share_of(struct rate r)
{
    return r.calls ? (double)r.failures / (double)r.calls : NAN;
}

/* NaN where there was no package, as with stored samples. */
static double package_bytes(const struct gate *g, enum side side)
{
    uint64_t bytes = g->settings.package_bytes[side];
    return bytes ? (double)bytes : NAN;
}

/* A maximum is exceeded when that is proven; with 0 allowed, one failure is proof. */
static enum rule_answer judge_rate_maximum(const struct gate *g, double allowed)
{
    const struct rate *errors = &g->evidence.errors[SIDE_CANDIDATE];
    double lower;
    if (rate_lower(*errors, g->levels.fail, &lower, NULL))
        return RULE_OPEN;
    if (share_of(*errors) <= allowed)
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
    if (share_of(*candidate) <= share_of(*baseline) + allowed)
        return RULE_PASS;
    return p <= g->levels.fail ? RULE_FAIL : RULE_OPEN;
}

static enum rule_answer judge_rate(const struct gate *g, const struct judgement *j)
{
    struct rule_limit limits[RESULT_LIMITS_MAX];
    enum rule_answer answers[RESULT_LIMITS_MAX];
    double baseline = share_of(g->evidence.errors[SIDE_BASELINE]);
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
    double baseline = package_bytes(g, SIDE_BASELINE);
    double candidate = package_bytes(g, SIDE_CANDIDATE);
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

static void judge_all(struct gate *g)
{
    for (int i = 0; i < METRIC_COUNT; i++)
        judge_metric(g, &g->judged[i]);
}

/* ---- when to stop ---- */

static bool all_failed(const struct rate *errors)
{
    return errors->calls && errors->failures == errors->calls;
}

/*
 * More rounds would not tell more: a side never answers, was tampered with, or never gets fresh
 * environments.
 */
static bool is_futile(const struct gate *g)
{
    const struct evidence *ev = &g->evidence;
    for (int side = 0; side < SIDE_COUNT; side++)
        if (all_failed(&ev->errors[side]) || ev->accounting[side].by_status[SAMPLE_TAMPERED])
            return true;
    return !ev->rounds && ev->dropped >= DROPPED_MAX;
}

/*
 * Rounds until a change as large as the relative limit could be seen; NaN when there is none or it
 * never can be.
 */
static double rounds_to_resolve(const struct gate *g, const struct judgement *j)
{
    for (unsigned i = 0; i < j->limit_count; i++) {
        struct rule_limit limit = to_rule(g, j->limits[i]);
        if (limit.kind == RULE_RELATIVE && limit.value > 0)
            return look_rounds_needed(&j->raw.ratio, &g->levels, floor_share(g, j),
                                      log1p(limit.value));
    }
    return NAN;
}

static bool is_hopeless(const struct gate *g)
{
    if (g->evidence.rounds < HOPELESS_FROM)
        return false;
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct judgement *j = &g->judged[i];
        if (j->limit_count && j->answer == RULE_OPEN &&
            rounds_to_resolve(g, j) > (double)HOPELESS_FACTOR * g->function->rounds.max)
            return true;
    }
    return false;
}

static bool any_answer(const struct gate *g, enum rule_answer answer)
{
    for (int i = 0; i < METRIC_COUNT; i++)
        if (g->judged[i].limit_count && g->judged[i].answer == answer)
            return true;
    return false;
}

/* Whether a judged metric is still open although its estimate is beyond a limit. */
static bool any_suspect(const struct gate *g)
{
    for (int i = 0; i < METRIC_COUNT; i++)
        if (g->judged[i].answer == RULE_OPEN && beyond_limits(g, &g->judged[i]))
            return true;
    return false;
}

/*
 * A fail ends the run, but not before the other metrics that look as bad had a chance to say so:
 * the report is to name the cause, not only its cheapest symptom. That chance is as many rounds
 * again. A fail that does not last is none: it makes wrong alarms rarer still.
 */
static bool is_answered(struct gate *g)
{
    if (!any_answer(g, RULE_FAIL)) {
        g->failed_at = 0;
        return !any_answer(g, RULE_OPEN);
    }
    if (!g->failed_at)
        g->failed_at = g->evidence.rounds;
    return !any_suspect(g) || g->evidence.rounds >= 2 * g->failed_at;
}

enum gate_advice gate_look(struct gate *g)
{
    if (is_futile(g) || g->attempts >= g->function->rounds.max)
        return GATE_STOP;
    if (!look_is_due(&g->plan, g->evidence.rounds))
        return GATE_CONTINUE;
    judge_all(g);
    return is_answered(g) || is_hopeless(g) ? GATE_STOP : GATE_CONTINUE;
}

/* ---- the conclusion ---- */

static double to_pct(double log_ratio)
{
    return expm1(log_ratio) * 100;
}

/* 95 % interval, noise floor and detectable change, from the effect on the ratio scale. */
static void put_interval(const struct gate *g, const struct judgement *j, struct result_metric *m)
{
    const struct effect *e = &j->effects.ratio;
    if (e->state != EFFECT_DEFINED)
        return;
    double low = effect_lower(e, 0.025), high = effect_upper(e, 0.025);
    double scale = evidence_scale(&g->evidence, metric_index(j->metric));
    m->baseline = e->baseline * scale;
    m->candidate = e->candidate * scale;
    m->change_pct = to_pct(e->estimate);
    m->ci_low_pct = to_pct(low);
    m->ci_high_pct = to_pct(high);
    m->noise_floor_pct = to_pct((high - low) / 2);
    m->detectable_pct = to_pct(look_detectable(e, &g->levels));
    m->rounds_needed = rounds_to_answer(g, j);
}

/* Throughput is the inverse of the time per call, in environments that work at the same time. */
static void invert(const struct gate *g, struct result_metric *m)
{
    unsigned concurrency = g->function->load.concurrency ? g->function->load.concurrency : 1;
    double low = m->ci_low_pct;
    m->baseline = 1000.0 * concurrency / m->baseline;
    m->candidate = 1000.0 * concurrency / m->candidate;
    m->change_pct = (1 / (1 + m->change_pct / 100) - 1) * 100;
    m->ci_low_pct = (1 / (1 + m->ci_high_pct / 100) - 1) * 100;
    m->ci_high_pct = (1 / (1 + low / 100) - 1) * 100;
    m->detectable_pct = (1 - 1 / (1 + m->detectable_pct / 100)) * 100;
}

static void put_known(struct result_metric *m, double baseline, double candidate)
{
    m->baseline = baseline;
    m->candidate = candidate;
    if (baseline > 0)
        m->change_pct = (candidate / baseline - 1) * 100;
}

static enum verdict verdict_of(const struct judgement *j)
{
    if (!j->limit_count)
        return VERDICT_UNGATED;
    if (j->answer == RULE_FAIL)
        return VERDICT_FAIL;
    return j->answer == RULE_PASS ? VERDICT_PASS : VERDICT_INCONCLUSIVE;
}

static char *sentence(struct arena *arena, struct buf *text)
{
    char *kept = arena_strdup(arena, text->data);
    buf_release(text);
    return kept;
}

static const char *reason_of(const struct judgement *j, const struct result_metric *m,
                             struct arena *arena)
{
    struct buf text;
    buf_init(&text);
    wording_reason(&text, m);
    bool estimated = j->metric->kind != KIND_RATE && j->metric->kind != KIND_CONSTANT;
    if (estimated && j->raw.ratio.state != EFFECT_DEFINED &&
        j->raw.ratio.state != EFFECT_UNDEFINED) {
        buf_truncate(&text, text.length - 1);
        buf_addf(&text, ": %s.", effect_state_text(j->raw.ratio.state));
    }
    return sentence(arena, &text);
}

static void conclude_metric(const struct gate *g, const struct judgement *j, struct arena *arena,
                            struct result_metric *m)
{
    *m = result_metric_none(j->metric);
    for (unsigned i = 0; i < j->limit_count; i++)
        m->limits[m->limit_count++] = j->limits[i]->text;
    m->line = j->limit_count ? j->limits[0]->line : 0;
    if (j->metric->kind == KIND_RATE)
        put_known(m, share_of(g->evidence.errors[SIDE_BASELINE]),
                  share_of(g->evidence.errors[SIDE_CANDIDATE]));
    else if (j->metric->kind == KIND_CONSTANT)
        put_known(m, package_bytes(g, SIDE_BASELINE), package_bytes(g, SIDE_CANDIDATE));
    else
        put_interval(g, j, m);
    if (j->metric->higher_is_better && isfinite(m->change_pct))
        invert(g, m);
    m->verdict = verdict_of(j);
    m->reason = reason_of(j, m, arena);
}

static void warn(struct result_function *out, struct arena *arena, const char *text)
{
    const char **longer = arena_alloc(arena, (out->warning_count + 1) * sizeof *longer);
    if (out->warning_count)
        memcpy(longer, out->warnings, out->warning_count * sizeof *longer);
    longer[out->warning_count++] = text;
    out->warnings = longer;
}

/*
 * What speaks against believing the numbers at all. Each adds its reason to the warnings; any of
 * them turns a pass into VERDICT_INCONCLUSIVE, and those that mean that nothing was measured into
 * VERDICT_ERROR.
 */
static enum verdict check_side(const struct gate *g, enum side side, struct arena *arena,
                               struct result_function *out)
{
    const struct accounting *a = &g->evidence.accounting[side];
    uint64_t sum = 0, ok = a->by_status[SAMPLE_OK];
    for (int i = 0; i < SAMPLE_STATUS_COUNT; i++)
        sum += a->by_status[i];
    if (!a->scheduled || sum != a->scheduled) {
        warn(out, arena,
             arena_printf(arena, "the %s's invocations do not add up", side_name(side)));
        return VERDICT_ERROR;
    }
    if (a->by_status[SAMPLE_TAMPERED]) {
        warn(out, arena,
             arena_printf(arena, "%llu REPORT lines of the %s cannot have been written by Lambda",
                          (unsigned long long)a->by_status[SAMPLE_TAMPERED], side_name(side)));
        return VERDICT_ERROR;
    }
    if (all_failed(&g->evidence.errors[side])) {
        warn(out, arena, arena_printf(arena, "every invocation of the %s failed", side_name(side)));
        return side == SIDE_BASELINE ? VERDICT_ERROR : VERDICT_INCONCLUSIVE;
    }
    if ((double)ok < OK_SHARE_MIN * (double)a->scheduled) {
        warn(out, arena,
             arena_printf(arena, "only %llu of %llu invocations of the %s were good",
                          (unsigned long long)ok, (unsigned long long)a->scheduled,
                          side_name(side)));
        return VERDICT_INCONCLUSIVE;
    }
    if ((double)g->evidence.untimed[side] > (1 - OK_SHARE_MIN) * (double)ok) {
        warn(out, arena,
             arena_printf(arena, "%llu of %llu good invocations of the %s had no REPORT line",
                          (unsigned long long)g->evidence.untimed[side], (unsigned long long)ok,
                          side_name(side)));
        return VERDICT_INCONCLUSIVE;
    }
    return VERDICT_PASS;
}

/*
 * Both sides are called alike; a file of samples that lost a part of one side is not to be judged
 * by the rest.
 */
static enum verdict check_balance(const struct gate *g, struct arena *arena,
                                  struct result_function *out)
{
    double baseline = (double)g->evidence.accounting[SIDE_BASELINE].scheduled;
    double candidate = (double)g->evidence.accounting[SIDE_CANDIDATE].scheduled;
    if (fabs(candidate - baseline) <= UNBALANCED_MAX * fmax(baseline, candidate))
        return VERDICT_PASS;
    warn(out, arena,
         arena_printf(arena, "the baseline was invoked %.0f times, the candidate %.0f times",
                      baseline, candidate));
    return VERDICT_INCONCLUSIVE;
}

static enum verdict check_schedule(struct gate *g, struct arena *arena, struct result_function *out)
{
    double late_ms = evidence_lateness_ms(&g->evidence, .99);
    enum verdict v = VERDICT_PASS;
    if (late_ms > LATENESS_MAX_MS) {
        warn(out, arena,
             arena_printf(arena,
                          "the load generator could not keep its schedule: 1 %% of the calls were "
                          "sent %.1f ms late or later",
                          late_ms));
        v = VERDICT_INCONCLUSIVE;
    }
    if (g->evidence.dropped)
        warn(out, arena,
             arena_printf(arena,
                          "%u of %u rounds were dropped: an execution environment was not fresh",
                          g->evidence.dropped, g->attempts));
    /* what remains after so many may be the rounds in which Lambda happened to be quick */
    if (g->evidence.dropped > g->evidence.rounds)
        v = VERDICT_INCONCLUSIVE;
    for (size_t i = 0; i < g->remark_count; i++)
        warn(out, arena, arena_strdup(arena, g->remarks[i]));
    return g->doubted ? VERDICT_INCONCLUSIVE : v;
}

/*
 * A limit on something that this run has no measurement of can never be judged: that is an error,
 * not a lack of rounds.
 */
static bool limit_without_measurement(const struct gate *g, struct arena *arena,
                                      struct result_function *out)
{
    bool missing = false;
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct judgement *j = &g->judged[i];
        bool estimated = j->metric->kind != KIND_RATE && j->metric->kind != KIND_CONSTANT;
        if (!j->limit_count || !estimated || !g->evidence.rounds ||
            j->raw.ratio.state != EFFECT_UNDEFINED)
            continue;
        warn(out, arena,
             arena_printf(arena, "%s has a limit but was not measured", j->metric->noun));
        missing = true;
    }
    return missing;
}

static enum verdict worst_metric(const struct result_function *out)
{
    enum verdict v = VERDICT_UNGATED;
    for (size_t i = 0; i < out->metric_count; i++)
        v = verdict_worse(v, out->metrics[i].verdict);
    return v;
}

/* The one place where a function becomes a pass: everything that could object has been asked. */
static enum verdict conclude_verdict(struct gate *g, struct arena *arena,
                                     struct result_function *out)
{
    enum verdict sanity = check_side(g, SIDE_BASELINE, arena, out);
    sanity = verdict_worse(sanity, check_side(g, SIDE_CANDIDATE, arena, out));
    sanity = verdict_worse(sanity, check_balance(g, arena, out));
    sanity = verdict_worse(sanity, check_schedule(g, arena, out));
    bool missing = limit_without_measurement(g, arena, out);
    enum verdict judged = worst_metric(out);
    if (sanity == VERDICT_ERROR || judged == VERDICT_UNGATED)
        return VERDICT_ERROR;
    if (judged == VERDICT_FAIL)
        return VERDICT_FAIL;
    if (missing)
        return VERDICT_ERROR;
    if (!g->evidence.rounds && g->evidence.dropped >= DROPPED_MAX)
        return VERDICT_ERROR;
    return sanity == VERDICT_PASS && judged == VERDICT_PASS ? VERDICT_PASS : VERDICT_INCONCLUSIVE;
}

/* Durations of one event and side that count, largest first; the caller frees. */
static double *durations_of(const struct series *series, unsigned function, enum side side,
                            size_t event, size_t *count)
{
    double *values = xcalloc(series->count + 1, sizeof *values);
    *count = 0;
    for (size_t i = 0; i < series->count; i++) {
        const struct sample *s = &series->items[i];
        if (s->function == function && s->side == side && s->event == event &&
            s->status == SAMPLE_OK && !s->cold && !s->dropped && s->duration_10us != SAMPLE_NONE)
            values[(*count)++] = sample_duration_ms(s);
    }
    quantile_sort_descending(values, *count);
    return values;
}

static void conclude_events(const struct gate *g, const struct series *series, unsigned function,
                            struct arena *arena, struct result_function *out)
{
    out->event_count = g->function->event_count;
    out->events = arena_alloc(arena, out->event_count * sizeof *out->events);
    for (size_t i = 0; i < out->event_count; i++) {
        struct result_event *event = &out->events[i];
        event->name = g->function->events[i].name;
        for (int side = 0; side < SIDE_COUNT; side++) {
            size_t count;
            double *values = durations_of(series, function, (enum side)side, i, &count);
            event->calls[side] = count;
            event->p50[side] = quantile_type7(values, count, .50);
            event->p99[side] = count >= 100 ? quantile_type7(values, count, .99) : NAN;
            free(values);
        }
    }
}

static void describe(const struct plan_function *f, struct result_function *out)
{
    out->name = f->name;
    out->runtime = f->runtime;
    out->architecture = f->architecture;
    out->memory_mb = f->memory_mb;
    out->rounds_max = f->rounds.max;
    out->environments = f->rounds.environments;
    out->calls = f->rounds.calls;
    out->invocations_per_month = f->traffic.invocations_per_month;
    out->cold_start_rate = f->traffic.cold_start_rate;
    out->concurrency = f->load.concurrency ? f->load.concurrency : 1;
}

static const char *headline_of(const struct result_function *f, struct arena *arena)
{
    struct buf text;
    buf_init(&text);
    wording_headline(&text, f);
    return sentence(arena, &text);
}

void gate_conclude(struct gate *g, const struct series *series, unsigned function,
                   struct arena *arena, struct result_function *out)
{
    judge_all(g);
    describe(g->function, out);
    out->rounds = g->evidence.rounds;
    out->rounds_dropped = g->evidence.dropped;
    memcpy(out->accounting, g->evidence.accounting, sizeof out->accounting);
    out->metrics = arena_alloc(arena, METRIC_COUNT * sizeof *out->metrics);
    out->metric_count = METRIC_COUNT;
    for (int i = 0; i < METRIC_COUNT; i++)
        conclude_metric(g, &g->judged[i], arena, &out->metrics[i]);
    conclude_events(g, series, function, arena, out);
    out->verdict = conclude_verdict(g, arena, out);
    out->headline = headline_of(out, arena);
}

void gate_conclude_identical(const struct plan_function *f, struct arena *arena,
                             struct result_function *out)
{
    describe(f, out);
    out->identical = true;
    out->verdict = VERDICT_PASS;
    out->headline = headline_of(out, arena);
}

void gate_conclude_run(struct result *r)
{
    enum verdict v = VERDICT_UNGATED;
    const struct result_function *worst = NULL;
    bool unjudged = !r->function_count;
    for (size_t i = 0; i < r->function_count; i++) {
        enum verdict with = verdict_worse(v, r->functions[i].verdict);
        unjudged |= r->functions[i].verdict == VERDICT_UNGATED;
        if (with != v || !worst)
            worst = &r->functions[i];
        v = with;
    }
    if (r->error_count || unjudged)
        v = VERDICT_ERROR;
    r->verdict = v;
    r->exit_code = verdict_exit(v);
    if (r->error_count)
        r->headline = r->errors[0];
    else if (worst)
        r->headline = arena_printf(&r->arena, "%s: %s", worst->name, worst->headline);
}
