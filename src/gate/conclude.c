/* What the gate has found, written into a result. */
#include "gate/judgement.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/wording.h"
#include "stats/quantile.h"

static const double OK_SHARE_MIN = 0.99; /* of the scheduled calls, for a pass */
static const double ABSENT_MAX = 0.02;   /* of the warm calls, without a custom metric's value */

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
    m->detectable_pct = to_pct(look_detectable(e, judgement_levels(g)));
    bool paired = !g->evidence.by_environment && !g->stored;
    m->rounds_needed = paired ? judgement_rounds_to_answer(g, j) : NAN;
}

/*
 * Where more is better, the effect is of something where less is: throughput is the inverse of the
 * time per call, in environments that work at the same time; a custom metric is judged with its
 * sides changed over.
 */
static void invert(const struct gate *g, struct result_metric *m)
{
    unsigned concurrency = g->function->load.concurrency ? g->function->load.concurrency : 1;
    double low = m->ci_low_pct, baseline = m->baseline;
    if (metric_is_custom(m->metric)) {
        m->baseline = m->candidate;
        m->candidate = baseline;
    } else {
        m->baseline = 1000.0 * concurrency / m->baseline;
        m->candidate = 1000.0 * concurrency / m->candidate;
    }
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
        put_known(m, judgement_share(g->evidence.errors[SIDE_BASELINE]),
                  judgement_share(g->evidence.errors[SIDE_CANDIDATE]));
    else if (j->metric->kind == KIND_CONSTANT)
        put_known(m, judgement_package_bytes(g, SIDE_BASELINE),
                  judgement_package_bytes(g, SIDE_CANDIDATE));
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
    if (judgement_all_failed(&g->evidence.errors[side])) {
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
 * Both sides are called alike, payload by payload; samples that lost a part of one side are not to be
 * judged by the rest: a lost slow event would look like a gain.
 */
static enum verdict check_balance(const struct gate *g, struct arena *arena,
                                  struct result_function *out)
{
    const struct imbalance *at = &g->evidence.imbalance;
    const struct plan_function *f = g->function;
    if (g->evidence.cut)
        warn(out, arena,
             "a part of a round is missing: not all rounds have the same number of calls");
    if (!at->found)
        return g->evidence.cut ? VERDICT_INCONCLUSIVE : VERDICT_PASS;
    warn(out, arena,
         arena_printf(
             arena,
             "the sides were not called alike: in round %u the baseline has %llu calls with "
             "event %s, the candidate %llu",
             at->round, (unsigned long long)at->calls[SIDE_BASELINE],
             at->event < f->event_count ? f->events[at->event].name : "that is unknown",
             (unsigned long long)at->calls[SIDE_CANDIDATE]));
    return VERDICT_INCONCLUSIVE;
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, sizeof((struct sample *)0)->request_id);
}

/* One request id for two samples means that an invocation was counted, or run, twice. */
static enum verdict check_unique(const struct series *series, unsigned function,
                                 struct arena *arena, struct result_function *out)
{
    static const unsigned char none[sizeof((struct sample *)0)->request_id];
    size_t count = 0, size = sizeof none, twice = 0;
    unsigned char *ids = xcalloc(series->count + 1, size);
    for (size_t i = 0; i < series->count; i++) {
        const struct sample *s = &series->items[i];
        if (s->function == function && memcmp(s->request_id, none, size) != 0)
            memcpy(ids + size * count++, s->request_id, size);
    }
    qsort(ids, count, size, by_id);
    for (size_t i = 1; i < count; i++)
        twice += !memcmp(ids + size * i, ids + size * (i - 1), size);
    free(ids);
    if (!twice)
        return VERDICT_PASS;
    warn(out, arena, arena_printf(arena, "%zu request ids stand for more than one sample", twice));
    return VERDICT_ERROR;
}

static void warn_of_remarks(const struct gate *g, struct arena *arena, struct result_function *out)
{
    for (size_t i = 0; i < g->remark_count; i++)
        warn(out, arena, arena_strdup(arena, g->remarks[i]));
}

/* The words for a judgement by environments; nobody is to take it for one by rounds. */
static enum verdict check_environments(const struct gate *g, struct arena *arena,
                                       struct result_function *out)
{
    unsigned baseline = g->environments[SIDE_BASELINE].count;
    unsigned candidate = g->environments[SIDE_CANDIDATE].count;
    bool few = baseline < EFFECT_CLUSTERS_MIN || candidate < EFFECT_CLUSTERS_MIN;
    warn(out, arena,
         arena_printf(
             arena,
             "the target reuses execution environments between rounds, so environments were "
             "judged instead of rounds, once: %u of the baseline and %u of the candidate can "
             "be told apart%s",
             baseline, candidate, few ? ", at least 20 of each are needed" : ""));
    warn_of_remarks(g, arena, out);
    return g->doubted || few ? VERDICT_INCONCLUSIVE : VERDICT_PASS;
}

/* They are few where errors are few; here it is said, and the error rate judges. */
static void tell_suspects(const struct gate *g, struct arena *arena, struct result_function *out)
{
    for (int side = 0; side < SIDE_COUNT; side++)
        if (g->evidence.suspects[side])
            warn(out, arena,
                 arena_printf(arena,
                              "%llu calls of the %s that came after a failed one were left out: "
                              "their Duration may hold a new start of the environment",
                              (unsigned long long)g->evidence.suspects[side],
                              side_name((enum side)side)));
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
    unsigned unfresh = g->evidence.dropped - g->evidence.without_warm;
    if (unfresh)
        warn(out, arena,
             arena_printf(arena,
                          "%u of %u rounds were dropped: an execution environment was not fresh",
                          unfresh, g->attempts));
    if (g->evidence.without_warm)
        warn(out, arena,
             arena_printf(arena,
                          "%u of %u rounds were dropped: a side had no good warm call, only cold "
                          "starts; a lower load.rate lets environments serve a second call",
                          g->evidence.without_warm, g->attempts));
    if (g->evidence.by_environment)
        return verdict_worse(v, check_environments(g, arena, out));
    /* what remains after so many may be the rounds in which Lambda happened to be quick */
    if (g->evidence.dropped > g->evidence.rounds)
        v = VERDICT_INCONCLUSIVE;
    warn_of_remarks(g, arena, out);
    return g->doubted ? VERDICT_INCONCLUSIVE : v;
}

/* The values of calls that wrote none could be the worst of all: a side that is silent is not better. */
static enum verdict check_custom(const struct gate *g, struct arena *arena,
                                 struct result_function *out)
{
    enum verdict v = VERDICT_PASS;
    for (size_t i = METRIC_COUNT; i < g->judged_count; i++) {
        const struct judgement *j = &g->judged[i];
        for (int side = 0; side < SIDE_COUNT && j->limit_count; side++) {
            uint64_t calls = g->evidence.warm[side];
            uint64_t absent = g->evidence.absent[i - METRIC_COUNT][side];
            if ((double)absent <= ABSENT_MAX * (double)calls)
                continue;
            warn(out, arena,
                 arena_printf(arena, "%llu of %llu warm calls of the %s have no value of %s",
                              (unsigned long long)absent, (unsigned long long)calls,
                              side_name((enum side)side), j->metric->id));
            v = VERDICT_INCONCLUSIVE;
        }
    }
    return v;
}

/* For a custom metric: whether the values are not there, or there and of no use. */
static const char *why_unmeasured(const struct gate *g, const struct metric *m)
{
    if (!metric_is_custom(m))
        return "";
    const uint64_t *absent = g->evidence.absent[m->index - METRIC_COUNT];
    for (int side = 0; side < SIDE_COUNT; side++)
        if (absent[side] == g->evidence.warm[side])
            return side == SIDE_BASELINE ? ": the baseline's log never holds it"
                                         : ": the candidate's log never holds it";
    return m->kind == KIND_QUANTILE ? ": a percentile can be compared only where no value is 0"
                                    : ": a round without a value above 0 cannot be compared";
}

/*
 * A limit on something that this run has no measurement of can never be judged: that is an error,
 * not a lack of rounds.
 */
static bool limit_without_measurement(const struct gate *g, struct arena *arena,
                                      struct result_function *out)
{
    bool missing = false;
    for (size_t i = 0; i < g->judged_count; i++) {
        const struct judgement *j = &g->judged[i];
        bool estimated = j->metric->kind != KIND_RATE && j->metric->kind != KIND_CONSTANT;
        if (!j->limit_count || !estimated || !g->evidence.rounds ||
            j->raw.ratio.state != EFFECT_UNDEFINED)
            continue;
        warn(out, arena,
             arena_printf(arena, "%s has a limit but was not measured in every round%s",
                          j->metric->noun, why_unmeasured(g, j->metric)));
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
static enum verdict conclude_verdict(struct gate *g, const struct series *series, unsigned function,
                                     struct arena *arena, struct result_function *out)
{
    enum verdict sanity = check_unique(series, function, arena, out);
    sanity = verdict_worse(sanity, check_side(g, SIDE_BASELINE, arena, out));
    sanity = verdict_worse(sanity, check_side(g, SIDE_CANDIDATE, arena, out));
    sanity = verdict_worse(sanity, check_balance(g, arena, out));
    sanity = verdict_worse(sanity, check_schedule(g, arena, out));
    tell_suspects(g, arena, out);
    bool missing = limit_without_measurement(g, arena, out);
    sanity = verdict_worse(sanity, check_custom(g, arena, out));
    enum verdict judged = worst_metric(out);
    if (sanity == VERDICT_ERROR || judged == VERDICT_UNGATED)
        return VERDICT_ERROR;
    if (judged == VERDICT_FAIL)
        return VERDICT_FAIL;
    if (missing)
        return VERDICT_ERROR;
    const struct evidence *ev = &g->evidence;
    bool explained = ev->by_environment || ev->without_warm == ev->dropped;
    if (!ev->rounds && ev->dropped >= DROPPED_MAX && !explained)
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
    out->deployment = f->deployment;
    out->rounds_max = f->rounds.max;
    out->environments = f->rounds.environments;
    out->calls = f->rounds.calls;
    out->invocations_per_month = f->traffic.invocations_per_month;
    out->cold_start_rate = f->traffic.cold_start_rate;
    out->concurrency = f->load.concurrency ? f->load.concurrency : 1;
}

static void describe_baseline(const struct stored *s, struct result_function *out)
{
    if (!s)
        return;
    out->baseline_stored = true;
    out->baseline_sessions = (unsigned)s->count;
    out->session_noise_pct = stored_uses_scatter(&s->noise, s->count) ? NAN : s->noise.sd * 100;
}

static const char *headline_of(const struct result_function *f, struct arena *arena)
{
    struct buf text;
    buf_init(&text);
    wording_headline(&text, f);
    return sentence(arena, &text);
}

/*
 * Environments instead of rounds: only when every dropped round is one that reused some, more were
 * dropped than used, and nobody has looked at the rounds yet, so that this look is the only one.
 * None of that depends on what was measured.
 */
static void fall_back(struct gate *g, const struct series *series, unsigned function)
{
    const struct evidence *ev = &g->evidence;
    if (g->stored || g->looks || !ev->reused || ev->reused != ev->dropped ||
        ev->reused <= ev->rounds)
        return;
    evidence_regroup(&g->evidence, series, function);
    g->levels = g->one_look;
}

void gate_conclude(struct gate *g, const struct series *series, unsigned function,
                   struct arena *arena, struct result_function *out)
{
    fall_back(g, series, function);
    if (g->stored)
        stored_settle(g);
    judgement_make_all(g);
    describe(g->function, out);
    describe_baseline(g->stored, out);
    out->rounds = g->evidence.rounds;
    out->rounds_dropped = g->evidence.dropped;
    memcpy(out->accounting, g->evidence.accounting, sizeof out->accounting);
    out->metrics = arena_alloc(arena, g->judged_count * sizeof *out->metrics);
    out->metric_count = g->judged_count;
    for (size_t i = 0; i < g->judged_count; i++)
        conclude_metric(g, &g->judged[i], arena, &out->metrics[i]);
    conclude_events(g, series, function, arena, out);
    out->verdict = conclude_verdict(g, series, function, arena, out);
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
