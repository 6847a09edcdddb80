#include "gate/calibration.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "gate/evidence.h"
#include "stats/dist.h"
#include "stats/looks.h"
#include "stats/quantile.h"

const double calibration_minutes[CALIBRATION_BUDGETS] = {1, 5, 15};

/* Limits that people write, in percent. */
static const double round_limits[] = {1,  2,  3,  4,  5,  6,  8,  10, 12,
                                      15, 20, 25, 30, 40, 50, 60, 80, 100};

enum { BLOCKS_MIN = 3 }; /* fewer say nothing about how they scatter */
/* A floor is believed when chance would show as much in one of a hundred calibrations. */
static const double FLOOR_ALPHA = 0.01;
static const double INTERVAL_TAIL = 0.025;
static const double ALARM_TAIL = 0.05;

/* The samples of one round that is used: [first, end). */
struct span {
    size_t first, end;
};

struct work {
    const struct calibration_request *request;
    struct span *spans;
    size_t count, capacity;
    unsigned dropped;
    struct look_levels levels;
    struct tariff tariff;
    struct series swapped; /* the same samples with the sides' names exchanged */
};

/* ---- the rounds ---- */

static void find_rounds(struct work *w)
{
    const struct series *all = w->request->series;
    for (size_t i = 0, end; i < all->count; i = end) {
        const struct sample *first = &all->items[i];
        bool dropped = false;
        for (end = i; end < all->count && all->items[end].function == first->function &&
                      all->items[end].round == first->round;
             end++)
            dropped |= all->items[end].dropped;
        if (first->function != w->request->index)
            continue;
        w->dropped += dropped;
        if (dropped)
            continue;
        struct span *span = ARRAY_PUSH(w->spans, w->count, w->capacity);
        *span = (struct span){i, end};
    }
}

static void gather(const struct work *w, size_t from, size_t to, struct evidence *ev)
{
    evidence_init(ev, w->request->function, w->tariff);
    for (size_t i = from; i < to; i++) {
        struct series view = *w->request->series;
        view.count = w->spans[i].end;
        evidence_add_round(ev, &view, w->spans[i].first, w->request->index);
    }
}

/* ---- one metric ---- */

static double to_pct(double log_ratio)
{
    return expm1(log_ratio) * 100;
}

static bool is_judged(const struct plan_function *f, const struct metric *m)
{
    for (size_t i = 0; i < f->limit_count; i++)
        if (f->limits[i].metric == m)
            return true;
    return false;
}

/* P(F > ratio) with d1 and d2 degrees of freedom. */
static double f_upper(double ratio, double d1, double d2)
{
    return dist_beta_cdf(d2 / (d2 + d1 * ratio), d2 / 2, d1 / 2);
}

/* How the differences of disjoint blocks scatter, and what they claim that they should. */
struct scatter {
    double squares; /* mean square of the differences */
    double claimed; /* mean squared standard error */
    double df;      /* of one block */
    unsigned blocks;
};

static struct scatter scatter_of(struct evidence *blocks, size_t count, enum metric_id id)
{
    struct scatter s = {0};
    for (size_t i = 0; i < count; i++) {
        struct effect e = evidence_effects(&blocks[i], id).ratio;
        if (e.state != EFFECT_DEFINED)
            continue;
        s.squares += e.estimate * e.estimate;
        s.claimed += e.se * e.se;
        s.df = e.df;
        s.blocks++;
    }
    if (s.blocks) {
        s.squares /= s.blocks;
        s.claimed /= s.blocks;
    }
    return s;
}

/*
 * The part of a mean square that its claimed variance does not explain; 0 unless that is certain.
 */
static double excess(double squares, double claimed, double d1, double d2)
{
    if (!(squares > claimed))
        return 0;
    if (claimed > 0 && f_upper(squares / claimed, d1, d2) > FLOOR_ALPHA)
        return 0;
    return sqrt(squares - claimed);
}

static double proven_floor(const struct effect *all, const struct scatter *s)
{
    double lasting = excess(all->estimate * all->estimate, all->se * all->se, 1, all->df);
    if (s->blocks < BLOCKS_MIN)
        return lasting;
    return fmax(lasting, excess(s->squares, s->claimed, s->blocks, s->blocks * s->df));
}

/*
 * The smallest change visible after so many rounds, in percent; NaN when they are too few to judge.
 */
static double detectable_pct(const struct work *w, const struct calibration_metric *m,
                             const struct effect *e, double floor, double rounds)
{
    const struct plan_rounds *r = &w->request->function->rounds;
    double values =
        rounds * r->environments * (m->metric->kind == KIND_COLD_QUANTILE ? 1 : r->calls);
    if (rounds < r->min)
        return NAN;
    if (m->metric->quantile > 0 && values < (double)quantile_samples_min(m->metric->quantile))
        return NAN;
    return to_pct(look_detectable_at(e, &w->levels, floor, rounds));
}

static void describe_metric(const struct work *w, struct evidence *all, const struct effect *e,
                            const struct scatter *s, struct calibration_metric *m)
{
    const struct calibration_request *q = w->request;
    enum metric_id id = metric_index(m->metric);
    double proven = proven_floor(e, s);
    m->judged = is_judged(q->function, m->metric);
    m->level = e->baseline * evidence_scale(all, id);
    m->difference_pct = to_pct(e->estimate);
    m->noise_pct = to_pct(e->estimate - effect_lower(e, INTERVAL_TAIL));
    m->blocks = s->blocks;
    m->spread_pct = s->blocks >= BLOCKS_MIN ? to_pct(sqrt(s->squares)) : NAN;
    m->floor_proven = proven > q->settings.noise_share;
    m->floor_pct = fmax(proven, q->settings.noise_share) * 100;
    double floor = hypot(m->floor_pct / 100, evidence_rounding(all, id, e));
    double rate = q->minutes > 0 ? (double)w->count / q->minutes : NAN;
    for (int i = 0; i < CALIBRATION_BUDGETS; i++)
        m->detectable_pct[i] = detectable_pct(w, m, e, floor, rate * calibration_minutes[i]);
    m->supported_pct = detectable_pct(w, m, e, floor, q->function->rounds.max);
}

/* Throughput is left out: it is the inverse of the mean. */
static void describe_metrics(const struct work *w, struct calibration *out)
{
    size_t count = w->count / out->block_rounds;
    struct evidence all, *blocks = xcalloc(count + 1, sizeof *blocks);
    gather(w, 0, w->count, &all);
    for (size_t i = 0; i < count; i++)
        gather(w, i * out->block_rounds, (i + 1) * out->block_rounds, &blocks[i]);
    for (size_t id = 0; id < plan_metric_count(w->request->function); id++) {
        const struct metric *row = plan_metric(w->request->function, id);
        struct effect e = evidence_effects(&all, (enum metric_id)id).ratio;
        if (e.state != EFFECT_DEFINED || row->higher_is_better)
            continue;
        struct scatter s = scatter_of(blocks, count, (enum metric_id)id);
        struct calibration_metric *m = &out->metrics[out->metric_count++];
        *m = (struct calibration_metric){.metric = row};
        describe_metric(w, &all, &e, &s, m);
    }
    evidence_release(&all);
    for (size_t i = 0; i < count; i++)
        evidence_release(&blocks[i]);
    free(blocks);
}

/* ---- false alarms ---- */

static struct series swapped_copy(const struct series *all)
{
    struct series copy = *all; /* and shares the custom values */
    copy.items = xcalloc(all->count + 1, sizeof *copy.items);
    for (size_t i = 0; i < all->count; i++) {
        copy.items[i] = all->items[i];
        copy.items[i].side = all->items[i].side == SIDE_BASELINE ? SIDE_CANDIDATE : SIDE_BASELINE;
    }
    return copy;
}

/*
 * The gate's verdict on the rounds in this order, names exchanged at random; `rounds` that it took.
 */
static enum verdict replay(const struct work *w, struct gate *gate, const uint32_t *order,
                           struct rng *rng, unsigned *rounds)
{
    struct arena arena;
    struct result_function result = {0};
    arena_init(&arena);
    gate_restart(gate);
    *rounds = 0;
    while (*rounds < w->count) {
        const struct span *span = &w->spans[order[(*rounds)++]];
        struct series view = rng_below(rng, 2) ? w->swapped : *w->request->series;
        view.count = span->end;
        gate_add_round(gate, &view, span->first, w->request->index);
        if (gate_look(gate) == GATE_STOP)
            break;
    }
    gate_conclude(gate, &(struct series){0}, w->request->index, &arena, &result);
    arena_release(&arena);
    return result.verdict;
}

static void replay_all(const struct work *w, struct gate *gate, struct calibration_alarms *out)
{
    uint32_t *order = xcalloc(w->count, sizeof *order);
    struct rng rng;
    rng_seed(&rng, w->request->seed, 0);
    for (size_t i = 0; i < w->count; i++)
        order[i] = (uint32_t)i;
    for (; out->gates < w->request->gates; out->gates++) {
        unsigned taken;
        rng_shuffle(&rng, order, w->count);
        enum verdict v = replay(w, gate, order, &rng, &taken);
        out->failed += v == VERDICT_FAIL;
        out->passed += v == VERDICT_PASS;
        out->rounds += taken;
    }
    free(order);
}

static int count_alarms(struct work *w, struct calibration_alarms *out, struct error *e)
{
    struct gate *gate = gate_new(w->request->function, &w->request->settings, e);
    if (!gate)
        return -1;
    w->swapped = swapped_copy(w->request->series);
    replay_all(w, gate, out);
    free(w->swapped.items);
    gate_free(gate);
    double upper;
    struct rate failed = {out->failed, out->gates};
    out->rounds = out->gates ? out->rounds / out->gates : NAN;
    out->upper_pct = rate_upper(failed, ALARM_TAIL, &upper, NULL) ? NAN : upper * 100;
    return 0;
}

/* ---- all of it ---- */

static unsigned judged_count(const struct plan_function *f)
{
    unsigned count = 0;
    for (size_t i = 0; i < plan_metric_count(f); i++)
        count += is_judged(f, plan_metric(f, i));
    return count ? count : 1;
}

static int prepare(struct work *w, struct error *e)
{
    const struct calibration_request *q = w->request;
    const struct plan_function *f = q->function;
    struct look_plan plan = {f->rounds.min, f->rounds.step, f->rounds.max};
    const struct price *price = price_find(q->settings.region);
    if (look_levels_find(&plan, q->settings.alpha / judged_count(f), q->settings.beta, &w->levels))
        return error_set(e, ERROR_CONFIG,
                         "function '%s': rounds from %u to %u in steps of %u cannot be judged",
                         f->name, f->rounds.min, f->rounds.max, f->rounds.step);
    if (!price)
        price = price_find(PLAN_DEFAULT_REGION);
    w->tariff = price_tariff(price, f->architecture, f->memory_mb, f->ephemeral_mb);
    find_rounds(w);
    return w->count ? 0
                    : error_set(e, ERROR_MEASURE, "function '%s': no round was usable", f->name);
}

int calibration_make(const struct calibration_request *request, struct calibration *out,
                     struct error *e)
{
    struct work w = {.request = request};
    if (prepare(&w, e)) {
        free(w.spans);
        return -1;
    }
    unsigned least = request->function->rounds.min;
    *out = (struct calibration){.rounds = (unsigned)w.count, .dropped = w.dropped};
    out->block_rounds = least > EFFECT_ROUNDS_MIN ? least : EFFECT_ROUNDS_MIN;
    out->rounds_per_minute = request->minutes > 0 ? (double)w.count / request->minutes : NAN;
    describe_metrics(&w, out);
    int failed = count_alarms(&w, &out->alarms, e);
    free(w.spans);
    return failed;
}

const struct calibration_metric *calibration_find(const struct calibration *c, enum metric_id id)
{
    for (unsigned i = 0; i < c->metric_count; i++)
        if (metric_index(c->metrics[i].metric) == id)
            return &c->metrics[i];
    return NULL;
}

/* A round number of percent that is not below `pct`: 3, 10, 25, ...; NaN above 100. */
static double round_up(double pct)
{
    for (size_t i = 0; i < ARRAY_LEN(round_limits); i++)
        if (pct <= round_limits[i])
            return round_limits[i];
    return NAN;
}

double calibration_limit(const struct calibration_metric *m, double usual_pct)
{
    double supported = round_up(m->supported_pct);
    return isfinite(supported) ? fmax(supported, usual_pct) : NAN;
}

double calibration_allowed(const struct calibration_metric *m, const struct plan_limit *limits,
                           size_t count)
{
    double most = NAN;
    for (size_t i = 0; i < count; i++) {
        if (limits[i].metric != m->metric)
            continue;
        if (limits[i].kind == LIMIT_INCREASE_PCT)
            most = fmax(most, limits[i].value * 100);
        else if (limits[i].kind == LIMIT_INCREASE_ABS && m->level > 0)
            most = fmax(most, limits[i].value / m->level * 100);
    }
    return most;
}

bool calibration_supports(const struct calibration_metric *m, const struct plan_function *f)
{
    double allowed = calibration_allowed(m, f->limits, f->limit_count);
    return isnan(allowed) || m->supported_pct <= allowed;
}
