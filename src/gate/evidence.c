#include "gate/evidence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gate/environments.h"
#include "stats/quantile.h"

/* How each metric that is estimated from rounds is computed: a statistic of a stream. */
struct recipe {
    enum stream stream;
    enum statistic_kind statistic;
    bool measured; /* false: not from rounds (rates and constants) */
};

static const struct recipe recipes[METRIC_COUNT] = {
    [METRIC_P50] = {STREAM_DURATION, STATISTIC_QUANTILE, true},
    [METRIC_P90] = {STREAM_DURATION, STATISTIC_QUANTILE, true},
    [METRIC_P95] = {STREAM_DURATION, STATISTIC_QUANTILE, true},
    [METRIC_P99] = {STREAM_DURATION, STATISTIC_QUANTILE, true},
    [METRIC_MEAN] = {STREAM_DURATION, STATISTIC_MEAN, true},
    [METRIC_COLD_START] = {STREAM_INIT, STATISTIC_MIDDLE, true},
    [METRIC_COLD_P90] = {STREAM_INIT, STATISTIC_QUANTILE, true},
    [METRIC_COLD_TOTAL] = {STREAM_FIRST_CALL, STATISTIC_MIDDLE, true},
    [METRIC_COST_PER_MILLION] = {STREAM_COST, STATISTIC_MEAN, true},
    [METRIC_COMPUTE_PER_MILLION] = {STREAM_DURATION, STATISTIC_MEAN, true},
    [METRIC_LATENCY_P99] = {STREAM_LATENCY, STATISTIC_QUANTILE, true},
    [METRIC_MAX_MEMORY] = {STREAM_MEMORY, STATISTIC_MEAN, true},
    [METRIC_THROUGHPUT] = {STREAM_DURATION, STATISTIC_MEAN, true},
    [METRIC_CPU_MS] = {STREAM_CPU, STATISTIC_MEAN, true},
};

/* Of a custom metric: a percentile of its values, or one value per round. */
static struct recipe custom_recipe(const struct metric *m)
{
    enum stream stream = STREAM_COUNT + (m->index - METRIC_COUNT);
    return (struct recipe){stream, m->kind == KIND_QUANTILE ? STATISTIC_QUANTILE : STATISTIC_MEAN,
                           true};
}

static struct recipe recipe_of(const struct evidence *ev, enum metric_id id)
{
    return id < METRIC_COUNT ? recipes[id] : custom_recipe(plan_metric(ev->function, id));
}

/* Share of equal neighbours from which on durations count as rounded. */
static const double TIES_SHARE = 0.5;

void evidence_init(struct evidence *ev, const struct plan_function *f, struct tariff tariff)
{
    *ev = (struct evidence){.function = f, .tariff = tariff};
}

void evidence_init_alone(struct evidence *ev, const struct plan_function *f, struct tariff tariff,
                         enum side side)
{
    evidence_init(ev, f, tariff);
    ev->without[side == SIDE_BASELINE ? SIDE_CANDIDATE : SIDE_BASELINE] = true;
}

void evidence_release(struct evidence *ev)
{
    for (int s = 0; s < STREAM_SLOTS; s++)
        for (int side = 0; side < SIDE_COUNT; side++)
            rounds_release(&ev->streams[s][side]);
    free(ev->late_us);
    *ev = (struct evidence){0};
}

/* The values of one round and side, before they go into the streams. */
struct harvest {
    double *values[STREAM_SLOTS];
    size_t count[STREAM_SLOTS];
    double warm_usd, cold_usd;
    size_t warm, cold;
    size_t untimed;  /* ok, but without a Duration */
    size_t suspects; /* ok, but behind a failure that may have ended the environment */
    size_t alarmed;  /* so many more calls may meet an environment that failed */
    size_t absent[METRIC_CUSTOM_MAX];
};

static void harvest_init(struct harvest *h, size_t most)
{
    *h = (struct harvest){0};
    for (int s = 0; s < STREAM_SLOTS; s++)
        h->values[s] = xcalloc(most + 1, sizeof(double));
}

static void harvest_release(struct harvest *h)
{
    for (int s = 0; s < STREAM_SLOTS; s++)
        free(h->values[s]);
}

static void put(struct harvest *h, enum stream stream, double value)
{
    if (isfinite(value))
        h->values[stream][h->count[stream]++] = value;
}

static void harvest_cold(struct harvest *h, const struct sample *s, const struct tariff *tariff)
{
    put(h, STREAM_INIT, sample_init_ms(s));
    put(h, STREAM_FIRST_CALL, sample_init_ms(s) + sample_duration_ms(s));
    h->cold_usd += sample_billed_ms(s) * tariff->usd_per_ms + tariff->usd_per_request;
    h->cold++;
}

static void harvest_custom(struct harvest *h, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(h, STREAM_COUNT + (enum stream)i, values ? values[i] : NAN);
        h->absent[i] += !values || !isfinite(values[i]);
    }
}

static void harvest_warm(struct harvest *h, const struct sample *s, const struct tariff *tariff)
{
    put(h, STREAM_DURATION, sample_duration_ms(s));
    put(h, STREAM_LATENCY, sample_client_ms(s));
    put(h, STREAM_CPU, sample_cpu_ms(s));
    h->warm_usd += sample_billed_ms(s) * tariff->usd_per_ms + tariff->usd_per_request;
    h->warm++;
}

/*
 * A mean or a maximum is one value per round: then a call may have the value 0, which has no
 * logarithm, as long as not all calls of the round have.
 */
static void condense_custom(struct harvest *h, const struct metric *m)
{
    size_t stream = STREAM_COUNT + (m->index - METRIC_COUNT), count = h->count[stream];
    double *values = h->values[stream], sum = 0, most = 0;
    if (m->kind == KIND_QUANTILE || !count)
        return;
    for (size_t i = 0; i < count; i++) {
        sum += values[i];
        most = fmax(most, values[i]);
    }
    values[0] = m->kind == KIND_MAXIMUM ? most : sum / (double)count;
    h->count[stream] = 1;
}

/* The values that a round has one of: the mixture of warm and cold cost, and the largest memory. */
static void harvest_round(struct harvest *h, double cold_rate, unsigned memory_mb)
{
    if (h->warm && (h->cold || cold_rate <= 0)) {
        double cold = h->cold ? h->cold_usd / (double)h->cold : 0;
        put(h, STREAM_COST,
            1e6 * ((1 - cold_rate) * h->warm_usd / (double)h->warm + cold_rate * cold));
    }
    if (memory_mb)
        put(h, STREAM_MEMORY, memory_mb);
}

/*
 * An environment that crashed starts anew within its next call, whose Duration then holds the init
 * that its REPORT does not name. So the call after a failed one is left out: the next one of the
 * same environment, or, where it is not known which environment a call met, as many as there are
 * environments at work.
 */
static bool follows_failure(const struct plan_function *f, const struct sample *s,
                            const struct sample *before, struct harvest *h)
{
    bool failed = before && before->status != SAMPLE_OK;
    if (s->env != UINT16_MAX)
        return failed && before->env == s->env;
    if (failed)
        h->alarmed = f->load.concurrency > f->rounds.environments ? f->load.concurrency
                                                                  : f->rounds.environments;
    if (s->status != SAMPLE_OK || s->cold || !h->alarmed)
        return false;
    h->alarmed--;
    return true;
}

static void harvest_side(const struct evidence *ev, const struct series *series, size_t first,
                         unsigned function, enum side side, struct harvest *h)
{
    const struct sample *before = NULL;
    unsigned memory_mb = 0;
    for (size_t i = first; i < series->count; i++) {
        const struct sample *s = &series->items[i];
        if (s->function != function || s->side != side)
            continue;
        if (s->max_memory_mb > memory_mb)
            memory_mb = s->max_memory_mb;
        h->untimed += s->status == SAMPLE_OK && s->duration_10us == SAMPLE_NONE;
        bool suspect = follows_failure(ev->function, s, before, h);
        if (s->status == SAMPLE_OK && s->cold)
            harvest_cold(h, s, &ev->tariff);
        else if (s->status == SAMPLE_OK && !suspect) {
            harvest_warm(h, s, &ev->tariff);
            harvest_custom(h, series_custom(series, i), ev->function->custom_count);
        } else
            h->suspects += s->status == SAMPLE_OK;
        before = s;
    }
    harvest_round(h, ev->function->traffic.cold_start_rate, memory_mb);
    for (size_t i = 0; i < ev->function->custom_count; i++)
        condense_custom(h, &ev->function->custom[i].metric);
}

/* Both sides get the round or neither: rounds are compared in pairs. */
static void add_stream(struct evidence *ev, int stream, const struct harvest *harvests)
{
    if (ev->broken[stream])
        return;
    for (int side = 0; side < SIDE_COUNT; side++) {
        const struct harvest *h = &harvests[side];
        if (!ev->without[side] &&
            rounds_add(&ev->streams[stream][side], h->values[stream], h->count[stream], NULL))
            ev->broken[stream] = true;
    }
}

static void account(struct evidence *ev, const struct sample *s)
{
    struct accounting *a = &ev->accounting[s->side];
    struct rate *errors = &ev->errors[s->side];
    bool failed = s->status == SAMPLE_FUNCTION_ERROR || s->status == SAMPLE_TIMEOUT;
    a->scheduled++;
    spend_add(&ev->spend, s, &ev->tariff, ev->function);
    a->by_status[s->status]++;
    errors->failures += failed;
    errors->calls += failed || s->status == SAMPLE_OK;
    if (s->late_us == SAMPLE_NONE)
        return;
    uint64_t *late = ARRAY_PUSH(ev->late_us, ev->late_count, ev->late_capacity);
    *late = s->late_us;
}

/* Looks for rounding in a side's first round of durations. */
static void look_for_rounding(struct evidence *ev, const struct harvest *h)
{
    size_t count = h->count[STREAM_DURATION];
    double *sorted = xcalloc(count + 1, sizeof *sorted);
    memcpy(sorted, h->values[STREAM_DURATION], count * sizeof *sorted);
    quantile_sort_descending(sorted, count);
    struct ties ties = quantile_ties(sorted, count);
    ev->quantum_ms = ties.share > TIES_SHARE ? ties.step : 0;
    free(sorted);
}

/* Counts the good calls, and what they did not tell. */
static void note_missing(struct evidence *ev, const struct harvest *h, enum side side)
{
    ev->untimed[side] += h->untimed;
    ev->suspects[side] += h->suspects;
    ev->warm[side] += h->warm;
    for (size_t i = 0; i < ev->function->custom_count; i++)
        ev->absent[i][side] += h->absent[i];
}

static void add_used_round(struct evidence *ev, const struct series *series, size_t first,
                           unsigned function)
{
    struct harvest harvests[SIDE_COUNT];
    for (int side = 0; side < SIDE_COUNT; side++) {
        harvest_init(&harvests[side], series->count - first);
        harvest_side(ev, series, first, function, (enum side)side, &harvests[side]);
        note_missing(ev, &harvests[side], (enum side)side);
    }
    for (int stream = 0; stream < STREAM_SLOTS; stream++)
        add_stream(ev, stream, harvests);
    if (!ev->rounds)
        look_for_rounding(ev,
                          &harvests[ev->without[SIDE_BASELINE] ? SIDE_CANDIDATE : SIDE_BASELINE]);
    ev->rounds++;
    for (int side = 0; side < SIDE_COUNT; side++)
        harvest_release(&harvests[side]);
}

/* Whether each side that is there has a warm call that was good. */
static bool has_warm_calls(const struct evidence *ev, const struct series *series, size_t first,
                           unsigned function)
{
    bool warm[SIDE_COUNT] = {ev->without[SIDE_BASELINE], ev->without[SIDE_CANDIDATE]};
    for (size_t i = first; i < series->count; i++) {
        const struct sample *s = &series->items[i];
        if (s->function == function && s->status == SAMPLE_OK && !s->cold)
            warm[s->side] = true;
    }
    return warm[SIDE_BASELINE] && warm[SIDE_CANDIDATE];
}

static bool is_alone(const struct evidence *ev)
{
    return ev->without[SIDE_BASELINE] || ev->without[SIDE_CANDIDATE];
}

/* Both sides must have been sent every payload equally often, or a mix is compared with another. */
static void check_balance(struct evidence *ev, const struct series *series, size_t first,
                          unsigned function)
{
    unsigned most = 0, round = 0;
    uint64_t sent = 0;
    for (size_t i = first; i < series->count; i++)
        if (series->items[i].event > most)
            most = series->items[i].event;
    uint64_t(*calls)[SIDE_COUNT] = xcalloc(most + 1, sizeof *calls);
    for (size_t i = first; i < series->count; i++) {
        const struct sample *s = &series->items[i];
        if (s->function != function)
            continue;
        calls[s->event][s->side]++;
        sent += s->side == SIDE_BASELINE || is_alone(ev);
        round = s->round;
    }
    if (!ev->round_calls)
        ev->round_calls = sent;
    ev->cut |= sent != ev->round_calls;
    for (unsigned event = 0; event <= most && !ev->imbalance.found; event++) {
        if (is_alone(ev) || calls[event][SIDE_BASELINE] == calls[event][SIDE_CANDIDATE])
            continue;
        ev->imbalance = (struct imbalance){true, round, event, {0}};
        memcpy(ev->imbalance.calls, calls[event], sizeof ev->imbalance.calls);
    }
    free(calls);
}

void evidence_add_round(struct evidence *ev, const struct series *series, size_t first,
                        unsigned function)
{
    bool dropped = false, any = false;
    for (size_t i = first; i < series->count; i++) {
        const struct sample *s = &series->items[i];
        if (s->function != function)
            continue;
        account(ev, s);
        dropped |= s->dropped;
        any = true;
    }
    if (!any)
        return;
    check_balance(ev, series, first, function);
    bool fresh = true;
    for (int side = 0; side < SIDE_COUNT; side++)
        fresh &= ev->without[side] ||
                 environments_are_fresh(ev->function, series, first, function, (enum side)side);
    bool reused = dropped && !fresh;
    bool without_warm =
        !dropped && plan_is_open_loop(ev->function) && !has_warm_calls(ev, series, first, function);
    ev->reused += reused;
    ev->without_warm += without_warm;
    ev->dropped += dropped || without_warm;
    if (!dropped && !without_warm)
        add_used_round(ev, series, first, function);
}

/* What one environment gives of each stream; it need not give something of every one. */
static void add_environment(struct evidence *ev, const struct series *samples, size_t first,
                            unsigned function, enum side side)
{
    struct harvest h;
    harvest_init(&h, samples->count - first);
    harvest_side(ev, samples, first, function, side, &h);
    for (int stream = 0; stream < STREAM_SLOTS; stream++)
        if (h.count[stream] &&
            rounds_add(&ev->streams[stream][side], h.values[stream], h.count[stream], NULL))
            ev->broken[stream] = true;
    note_missing(ev, &h, side);
    harvest_release(&h);
}

static void regroup_side(struct evidence *ev, const struct series *series, unsigned function,
                         enum side side)
{
    struct environments walk = {.function = ev->function};
    struct series own = {.custom_stride = series->custom_stride};
    size_t first = 0;
    unsigned before = 0;
    for (size_t i = 0; i < series->count; i++) {
        const struct sample *s = &series->items[i];
        if (s->function != function || s->side != side)
            continue;
        unsigned number = environments_next(&walk, series, i);
        if (own.count && number != before) {
            add_environment(ev, &own, first, function, side);
            first = own.count;
        }
        before = number;
        series_copy(&own, series, i);
    }
    if (own.count)
        add_environment(ev, &own, first, function, side);
    series_release(&own);
}

void evidence_regroup(struct evidence *ev, const struct series *series, unsigned function)
{
    ev->by_environment = true;
    for (int side = 0; side < SIDE_COUNT; side++) {
        ev->untimed[side] = ev->suspects[side] = ev->warm[side] = 0;
        for (int i = 0; i < METRIC_CUSTOM_MAX; i++)
            ev->absent[i][side] = 0;
        for (int stream = 0; stream < STREAM_SLOTS; stream++) {
            rounds_release(&ev->streams[stream][side]);
            ev->broken[stream] = false;
        }
    }
    for (int side = 0; side < SIDE_COUNT; side++)
        regroup_side(ev, series, function, (enum side)side);
}

struct effects evidence_effects(struct evidence *ev, enum metric_id id)
{
    struct recipe r = recipe_of(ev, id);
    struct effects none = {0};
    if (!r.measured || ev->broken[r.stream])
        return none;
    struct rule_samples samples = evidence_samples(ev, id);
    return ev->by_environment
               ? effects_clustered(samples.baseline, samples.candidate, samples.statistic)
               : effects_paired(samples.baseline, samples.candidate, samples.statistic);
}

struct rule_samples evidence_samples(struct evidence *ev, enum metric_id id)
{
    struct recipe r = recipe_of(ev, id);
    const struct metric *m = plan_metric(ev->function, id);
    if (!r.measured)
        return (struct rule_samples){0};
    bool exchanged = metric_is_custom(m) && m->higher_is_better;
    return (struct rule_samples){
        .baseline = &ev->streams[r.stream][exchanged ? SIDE_CANDIDATE : SIDE_BASELINE],
        .candidate = &ev->streams[r.stream][exchanged ? SIDE_BASELINE : SIDE_CANDIDATE],
        .statistic = {r.statistic, m->quantile},
    };
}

double evidence_rounding(const struct evidence *ev, enum metric_id id, const struct effect *effect)
{
    struct recipe r = recipe_of(ev, id);
    if (r.stream != STREAM_DURATION || r.statistic != STATISTIC_QUANTILE || !(ev->quantum_ms > 0))
        return 0;
    double share = quantile_step_floor(ev->quantum_ms, effect->baseline);
    return isfinite(share) ? share : 0;
}

double evidence_scale(const struct evidence *ev, enum metric_id id)
{
    if (id == METRIC_COMPUTE_PER_MILLION)
        return price_compute_per_million(ev->function->memory_mb, 1);
    return 1;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

double evidence_lateness_ms(struct evidence *ev, double p)
{
    if (!ev->late_count)
        return NAN;
    qsort(ev->late_us, ev->late_count, sizeof *ev->late_us, by_size);
    size_t at = (size_t)(p * (double)(ev->late_count - 1));
    return (double)ev->late_us[at] / 1000;
}
