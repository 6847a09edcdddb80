#include "gate/judge.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gate/judgement.h"

enum {
    HOPELESS_FROM = 40,  /* rounds after which a run may give up early ... */
    HOPELESS_FACTOR = 4, /* ... when so many times the budget would be needed */
};

/* ---- set-up ---- */

static void collect_limits(struct gate *g)
{
    g->judged_count = plan_metric_count(g->function);
    for (size_t i = 0; i < g->judged_count; i++)
        g->judged[i].metric = plan_metric(g->function, i);
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
    for (size_t i = 0; i < g->judged_count; i++)
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
    char *text = xasprintf("the prices of %s functions in region '%s' are not known: those of %s "
                           "were used ('lambda-perf-gate prices update' fetches them)",
                           g->function->architecture, g->settings.region, PLAN_DEFAULT_REGION);
    gate_note(g, text);
    free(text);
}

static void count_environments_anew(struct gate *g)
{
    for (int side = 0; side < SIDE_COUNT; side++) {
        g->environments[side] = (struct environments){.function = g->function};
        g->first_environments[side] = 0;
    }
}

struct gate *gate_new(const struct plan_function *f, const struct gate_settings *settings,
                      struct error *e)
{
    struct gate *g = xcalloc(1, sizeof *g);
    const struct price *price = price_book_find(settings->prices, settings->region, NULL);
    g->function = f;
    g->settings = *settings;
    g->plan = (struct look_plan){f->rounds.min, f->rounds.step, f->rounds.max};
    if (!price_covers(price, f->architecture)) {
        note_foreign_prices(g);
        price = price_book_find(settings->prices, PLAN_DEFAULT_REGION, NULL);
    }
    evidence_init(&g->evidence, f,
                  price_tariff(price, f->architecture, f->memory_mb, f->ephemeral_mb));
    collect_limits(g);
    unsigned judged = judged_count(g);
    g->one_look = (struct look_levels){settings->alpha / (judged ? judged : 1), settings->beta};
    count_environments_anew(g);
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
    stored_free(g->stored);
    forget_remarks(g);
    free(g);
}

void gate_restart(struct gate *g)
{
    struct tariff tariff = g->evidence.tariff;
    evidence_release(&g->evidence);
    evidence_init(&g->evidence, g->function, tariff);
    forget_remarks(g);
    g->attempts = g->failed_at = g->looks = 0;
    count_environments_anew(g);
}

void gate_add_round(struct gate *g, const struct series *series, size_t first, unsigned function)
{
    g->attempts++;
    for (size_t i = first; i < series->count; i++)
        if (series->items[i].function == function)
            environments_next(&g->environments[series->items[i].side], series, i);
    for (int side = 0; side < SIDE_COUNT && g->attempts == 1; side++)
        g->first_environments[side] = g->environments[side].count;
    evidence_add_round(&g->evidence, series, first, function);
}

void gate_charge(struct gate *g, const struct series *calls)
{
    for (size_t i = 0; i < calls->count; i++)
        spend_add(&g->evidence.spend, &calls->items[i], &g->evidence.tariff, g->function);
}

struct spend gate_spend(const struct gate *g)
{
    return g->evidence.spend;
}

double gate_spend_most(const struct gate *g)
{
    return spend_most(&g->evidence.tariff, g->function);
}

/* ---- when to stop ---- */

/*
 * Whether both sides would get enough environments for the fallback if they kept coming as they
 * did, or a little faster: a target that never starts a fresh one has had all that it will have in
 * the first round.
 */
static bool enough_environments(const struct gate *g)
{
    double more = g->function->rounds.max - 1.0, seen = g->attempts - 1.0;
    for (int side = 0; side < SIDE_COUNT; side++) {
        double first = g->first_environments[side];
        double rate = (g->environments[side].count - first + 1) / seen; /* + 1: it may come */
        if (first + rate * more < EFFECT_CLUSTERS_MIN)
            return false;
    }
    return true;
}

/*
 * More rounds would not tell more: a side never answers, was tampered with, or never gets fresh
 * environments.
 */
static bool is_futile(const struct gate *g)
{
    const struct evidence *ev = &g->evidence;
    for (int side = 0; side < SIDE_COUNT; side++)
        if (judgement_all_failed(&ev->errors[side]) ||
            ev->accounting[side].by_status[SAMPLE_TAMPERED])
            return true;
    if (ev->rounds || ev->dropped < DROPPED_MAX)
        return false;
    return !ev->reused || !enough_environments(g);
}

/* 0 rounds: not even with any number of them, because the floor alone is too wide. */
static bool never_resolved(const struct gate *g, const struct judgement *j)
{
    double needed = judgement_rounds_to_resolve(g, j);
    if (j->raw.ratio.state != EFFECT_DEFINED)
        return false;
    return needed == 0 || needed > (double)HOPELESS_FACTOR * g->function->rounds.max;
}

static bool is_hopeless(const struct gate *g)
{
    if (g->evidence.rounds < HOPELESS_FROM)
        return false;
    for (size_t i = 0; i < g->judged_count; i++) {
        const struct judgement *j = &g->judged[i];
        if (j->limit_count && j->answer == RULE_OPEN && never_resolved(g, j))
            return true;
    }
    return false;
}

static bool any_answer(const struct gate *g, enum rule_answer answer)
{
    for (size_t i = 0; i < g->judged_count; i++)
        if (g->judged[i].limit_count && g->judged[i].answer == answer)
            return true;
    return false;
}

/* Whether a judged metric is still open although its estimate is beyond a limit. */
static bool any_suspect(const struct gate *g)
{
    for (size_t i = 0; i < g->judged_count; i++)
        if (g->judged[i].answer == RULE_OPEN && judgement_beyond_limits(g, &g->judged[i]))
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
    judgement_make_limited(g);
    g->looks++;
    return is_answered(g) || is_hopeless(g) ? GATE_STOP : GATE_CONTINUE;
}
