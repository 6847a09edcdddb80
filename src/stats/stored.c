#include "stats/stored.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stats/levels.h"

/* Above it Student's t is the normal distribution to four digits. */
static const double DF_MAX = 5000;

/* The variance of an effect, as the sum of parts that are each known so well. */
struct variance {
    double sum;
    double squares; /* of the parts, each divided by its degrees of freedom */
};

static void variance_add(struct variance *v, double part, double df)
{
    v->sum += part;
    v->squares += part * part / df;
}

/* Welch and Satterthwaite's degrees of freedom of the sum; `exact` when no part has any variance. */
static double variance_df(const struct variance *v, double exact)
{
    double df = v->squares > 0 ? v->sum * v->sum / v->squares : exact;
    return df < DF_MAX ? df : DF_MAX;
}

/* A session's level on one scale. */
struct standing {
    double level;
    double variance; /* as its own rounds tell it */
    double df;
};

/* Session `0 .. count - 1` are stored ones, `count` is the candidate's. */
struct sessions {
    struct standing *items;
    size_t count;
};

static struct standing standing_of(const struct levels *l, enum effect_scale scale,
                                   struct statistic statistic)
{
    bool ratio = scale == EFFECT_RATIO;
    double variance = levels_jackknife(ratio ? l->log_without : l->natural_without, l->units);
    return (struct standing){
        .level = ratio ? l->log : l->natural,
        .variance = variance,
        .df = levels_df(statistic, (double)(l->units - 1)),
    };
}

static double mean_level(const struct sessions *s)
{
    double sum = 0;
    for (size_t i = 0; i < s->count; i++)
        sum += s->items[i].level;
    return sum / (double)s->count;
}

/*
 * `share` is what the candidate's session noise is multiplied by to be on the scale of the stored
 * sessions' own: 1 for logarithms.
 */
static struct variance by_scatter(const struct sessions *s, double share)
{
    struct variance v = {0};
    const struct standing *candidate = &s->items[s->count];
    double h = (double)s->count, mean = mean_level(s), squares = 0, own = 0;
    for (size_t i = 0; i < s->count; i++) {
        squares += (s->items[i].level - mean) * (s->items[i].level - mean);
        own += s->items[i].variance / h;
    }
    variance_add(&v, squares / (h - 1) * (share + 1 / h), h - 1);
    if (candidate->variance > share * own)
        variance_add(&v, candidate->variance - share * own, candidate->df);
    return v;
}

/* `sd` of the stored sessions' levels on this scale. */
static struct variance by_assumption(const struct sessions *s, double share, double sd)
{
    struct variance v = {0};
    double h = (double)s->count;
    for (size_t i = 0; i < s->count; i++)
        variance_add(&v, s->items[i].variance / (h * h), s->items[i].df);
    variance_add(&v, s->items[s->count].variance, s->items[s->count].df);
    variance_add(&v, sd * sd * (share + 1 / h), INFINITY);
    return v;
}

/* Ratio and difference: the candidate's session against the mean of the stored ones. */
static struct effect against(const struct sessions *s, enum effect_scale scale,
                             const struct session_noise *noise)
{
    bool ratio = scale == EFFECT_RATIO;
    double baseline = mean_level(s), candidate = s->items[s->count].level;
    double relative = ratio ? 1 : candidate / baseline;
    double share = relative * relative;
    bool scatter = stored_uses_scatter(noise, s->count);
    struct variance v = scatter ? by_scatter(s, share)
                                : by_assumption(s, share, ratio ? noise->sd : noise->sd * baseline);
    return (struct effect){
        .scale = scale,
        .estimate = candidate - baseline,
        .se = sqrt(v.sum),
        .df = variance_df(&v, scatter ? (double)(s->count - 1) : DF_MAX),
        .baseline = ratio ? exp(baseline) : baseline,
        .candidate = ratio ? exp(candidate) : candidate,
    };
}

/* The candidate alone; the delta method: d ln(x) = dx / x. */
static struct effect alone(const struct sessions *s)
{
    const struct standing *candidate = &s->items[s->count];
    return (struct effect){
        .scale = EFFECT_LEVEL,
        .estimate = log(candidate->level),
        .se = sqrt(candidate->variance) / candidate->level,
        .df = candidate->df,
        .baseline = mean_level(s),
        .candidate = candidate->level,
    };
}

static struct effect finished(struct effect e, size_t units)
{
    bool finite = isfinite(e.estimate) && isfinite(e.se) && isfinite(e.df) &&
                  isfinite(e.baseline) && isfinite(e.candidate);
    e.state = finite ? EFFECT_DEFINED : EFFECT_NOT_FINITE;
    e.units = units;
    e.df = fmax(e.df, EFFECT_DF_MIN);
    return e;
}

static struct effects none(enum effect_state state)
{
    return (struct effects){
        .ratio = {.state = state, .scale = EFFECT_RATIO},
        .difference = {.state = state, .scale = EFFECT_DIFFERENCE},
        .level = {.state = state, .scale = EFFECT_LEVEL},
    };
}

bool stored_uses_scatter(const struct session_noise *noise, size_t sessions)
{
    return noise->scatter && sessions >= STORED_SESSIONS_MIN;
}

static enum effect_state check(struct rounds *const *baselines, size_t count,
                               const struct rounds *candidate, struct statistic statistic)
{
    enum effect_state state = levels_check(candidate, statistic, EFFECT_ROUNDS_MIN);
    for (size_t i = 0; i < count && state == EFFECT_DEFINED; i++)
        state = levels_check(baselines[i], statistic, EFFECT_ROUNDS_MIN);
    return count ? state : EFFECT_UNDEFINED;
}

struct effects effects_stored(struct rounds *const *baselines, size_t count,
                              struct rounds *candidate, struct statistic statistic,
                              const struct session_noise *noise)
{
    enum effect_state state = check(baselines, count, candidate, statistic);
    if (state != EFFECT_DEFINED)
        return none(state);
    if (!stored_uses_scatter(noise, count) && !(noise->sd > 0 && isfinite(noise->sd)))
        return none(EFFECT_UNDEFINED);
    struct sessions ratio = {.items = xcalloc(count + 1, sizeof *ratio.items), .count = count};
    struct sessions natural = {.items = xcalloc(count + 1, sizeof *natural.items), .count = count};
    for (size_t i = 0; i <= count; i++) {
        struct levels l;
        levels_init(&l, i < count ? baselines[i] : candidate, statistic);
        ratio.items[i] = standing_of(&l, EFFECT_RATIO, statistic);
        natural.items[i] = standing_of(&l, EFFECT_DIFFERENCE, statistic);
        levels_release(&l);
    }
    struct effects out = {
        .ratio = finished(against(&ratio, EFFECT_RATIO, noise), candidate->count),
        .difference = finished(against(&natural, EFFECT_DIFFERENCE, noise), candidate->count),
        .level = finished(alone(&natural), candidate->count),
    };
    free(ratio.items);
    free(natural.items);
    return out;
}
