#include "gate/stored.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "gate/judgement.h"

void gate_against_stored(struct gate *g, const struct session_noise *noise)
{
    struct tariff tariff = g->evidence.tariff;
    g->stored = xcalloc(1, sizeof *g->stored);
    g->stored->noise = *noise;
    evidence_release(&g->evidence);
    evidence_init_alone(&g->evidence, g->function, tariff, SIDE_CANDIDATE);
}

void gate_add_session(struct gate *g, const char *name)
{
    struct stored *s = g->stored;
    struct stored_session *added = ARRAY_PUSH(s->items, s->count, s->capacity);
    *added = (struct stored_session){.name = name};
    evidence_init_alone(&added->evidence, g->function, g->evidence.tariff, SIDE_BASELINE);
}

void gate_add_session_round(struct gate *g, const struct series *series, size_t first,
                            unsigned function)
{
    evidence_add_round(&g->stored->items[g->stored->count - 1].evidence, series, first, function);
}

void stored_free(struct stored *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        evidence_release(&s->items[i].evidence);
    free(s->items);
    free(s);
}

/* Where more is better, evidence_samples() gives the sides changed over. */
static bool is_exchanged(const struct gate *g, enum metric_id id)
{
    const struct metric *m = plan_metric(g->function, id);
    return metric_is_custom(m) && m->higher_is_better;
}

/* The side's rounds of a metric; NULL when it was not measured in every round. */
static struct rounds *rounds_of(struct evidence *ev, enum metric_id id, enum side side,
                                bool exchanged)
{
    struct rule_samples samples = evidence_samples(ev, id);
    bool first = (side == SIDE_BASELINE) != exchanged;
    struct rounds *r = first ? samples.baseline : samples.candidate;
    return r && r->count == ev->rounds ? r : NULL;
}

static struct effect mirrored(struct effect e)
{
    double baseline = e.baseline;
    e.estimate = -e.estimate;
    e.baseline = e.candidate;
    e.candidate = baseline;
    return e;
}

/* How much higher the baseline is; a level of the candidate alone has no other way round. */
static struct effects exchange(struct effects e)
{
    return (struct effects){.ratio = mirrored(e.ratio),
                            .difference = mirrored(e.difference),
                            .level = {.scale = EFFECT_LEVEL}};
}

struct effects stored_effects(struct gate *g, enum metric_id id)
{
    struct stored *s = g->stored;
    bool exchanged = is_exchanged(g, id);
    struct effects e = {0};
    struct rounds *candidate = rounds_of(&g->evidence, id, SIDE_CANDIDATE, exchanged);
    struct rounds **sessions = xcalloc(s->count + 1, sizeof *sessions);
    bool measured = candidate != NULL;
    for (size_t i = 0; i < s->count; i++) {
        sessions[i] = rounds_of(&s->items[i].evidence, id, SIDE_BASELINE, exchanged);
        measured &= sessions[i] != NULL;
    }
    struct statistic statistic = evidence_samples(&g->evidence, id).statistic;
    if (measured)
        e = effects_stored(sessions, s->count, candidate, statistic, &s->noise);
    free(sessions);
    return exchanged ? exchange(e) : e;
}

double stored_rounding(const struct gate *g, enum metric_id id, const struct effect *effect)
{
    double most = evidence_rounding(&g->evidence, id, effect);
    for (size_t i = 0; i < g->stored->count; i++)
        most = fmax(most, evidence_rounding(&g->stored->items[i].evidence, id, effect));
    return most;
}

static void doubt(struct gate *g, const struct stored_session *s, const char *reason)
{
    char *text = xasprintf("%s: %s", s->name, reason);
    gate_doubt(g, text);
    free(text);
}

static void check_session(struct gate *g, struct stored_session *s)
{
    struct evidence *ev = &s->evidence;
    if (judgement_all_failed(&ev->errors[SIDE_BASELINE]))
        doubt(g, s, "every invocation failed");
    if (ev->cut)
        doubt(g, s, "a part of a round is missing: not all rounds have the same number of calls");
    if (ev->dropped > ev->rounds)
        doubt(g, s, "most of its rounds were dropped");
    if (evidence_lateness_ms(ev, .99) > LATENESS_MAX_MS)
        doubt(g, s, "its load generator could not keep its schedule");
}

static void add_account(struct evidence *to, const struct evidence *from)
{
    to->accounting[SIDE_BASELINE].scheduled += from->accounting[SIDE_BASELINE].scheduled;
    for (int i = 0; i < SAMPLE_STATUS_COUNT; i++)
        to->accounting[SIDE_BASELINE].by_status[i] += from->accounting[SIDE_BASELINE].by_status[i];
    to->errors[SIDE_BASELINE].calls += from->errors[SIDE_BASELINE].calls;
    to->errors[SIDE_BASELINE].failures += from->errors[SIDE_BASELINE].failures;
    to->untimed[SIDE_BASELINE] += from->untimed[SIDE_BASELINE];
    to->suspects[SIDE_BASELINE] += from->suspects[SIDE_BASELINE];
    to->warm[SIDE_BASELINE] += from->warm[SIDE_BASELINE];
    for (size_t i = 0; i < METRIC_CUSTOM_MAX; i++)
        to->absent[i][SIDE_BASELINE] += from->absent[i][SIDE_BASELINE];
}

void stored_settle(struct gate *g)
{
    for (size_t i = 0; i < g->stored->count; i++) {
        check_session(g, &g->stored->items[i]);
        add_account(&g->evidence, &g->stored->items[i].evidence);
    }
}
