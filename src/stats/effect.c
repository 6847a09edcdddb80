#include "stats/effect.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stats/dist.h"
#include "stats/levels.h"
#include "stats/quantile.h"

static const char *const state_texts[] = {
    [EFFECT_UNDEFINED] = "not measured",
    [EFFECT_FEW_ROUNDS] = "too few rounds",
    [EFFECT_FEW_SAMPLES] = "too few samples",
    [EFFECT_UNPAIRED] = "the sides have different numbers of rounds",
    [EFFECT_NOT_FINITE] = "not a finite number",
    [EFFECT_DEFINED] = "",
};

const char *effect_state_text(enum effect_state state)
{
    size_t i = (size_t)state;
    return i < ARRAY_LEN(state_texts) ? state_texts[i] : state_texts[EFFECT_UNDEFINED];
}

/* The candidate's value minus the baseline's, on a scale; the level is the candidate's alone. */
static double combine(enum effect_scale scale, double baseline, double candidate)
{
    return scale == EFFECT_LEVEL ? log(candidate) : candidate - baseline;
}

static const double *without_of(const struct levels *l, enum effect_scale scale)
{
    return scale == EFFECT_RATIO ? l->log_without : l->natural_without;
}

static double paired_variance(enum effect_scale scale, const struct levels *baseline,
                              const struct levels *candidate)
{
    const double *b = without_of(baseline, scale);
    const double *c = without_of(candidate, scale);
    double *theta = xmalloc(candidate->units * sizeof *theta);
    for (size_t k = 0; k < candidate->units; k++)
        theta[k] = combine(scale, b[k], c[k]);
    double variance = levels_jackknife(theta, candidate->units);
    free(theta);
    return variance;
}

static double clustered_variance(enum effect_scale scale, const struct levels *baseline,
                                 const struct levels *candidate)
{
    double c = levels_jackknife(without_of(candidate, scale), candidate->units);
    if (scale == EFFECT_LEVEL) /* delta method: d ln(x) = dx / x */
        return c / (candidate->natural * candidate->natural);
    return c + levels_jackknife(without_of(baseline, scale), baseline->units);
}

static struct effect make_effect(enum effect_scale scale, const struct levels *baseline,
                                 const struct levels *candidate, double variance, double df)
{
    bool ratio = scale == EFFECT_RATIO;
    struct effect e = {
        .scale = scale,
        .se = sqrt(variance),
        .df = fmax(df, EFFECT_DF_MIN),
        .baseline = ratio ? exp(baseline->log) : baseline->natural,
        .candidate = ratio ? exp(candidate->log) : candidate->natural,
        .units = baseline->units < candidate->units ? baseline->units : candidate->units,
    };
    e.estimate = ratio ? candidate->log - baseline->log
                       : combine(scale, baseline->natural, candidate->natural);
    bool finite =
        isfinite(e.estimate) && isfinite(e.se) && isfinite(e.baseline) && isfinite(e.candidate);
    e.state = finite ? EFFECT_DEFINED : EFFECT_NOT_FINITE;
    return e;
}

static struct effects all_in_state(enum effect_state state)
{
    return (struct effects){
        .ratio = {.state = state, .scale = EFFECT_RATIO},
        .difference = {.state = state, .scale = EFFECT_DIFFERENCE},
        .level = {.state = state, .scale = EFFECT_LEVEL},
    };
}

static enum effect_state check_sides(const struct rounds *b, const struct rounds *c,
                                     struct statistic statistic, size_t units_min)
{
    enum effect_state state = levels_check(b, statistic, units_min);
    return state == EFFECT_DEFINED ? levels_check(c, statistic, units_min) : state;
}

struct effects effects_paired(struct rounds *baseline, struct rounds *candidate,
                              struct statistic statistic)
{
    if (baseline->count != candidate->count)
        return all_in_state(EFFECT_UNPAIRED);
    enum effect_state state = check_sides(baseline, candidate, statistic, EFFECT_ROUNDS_MIN);
    if (state != EFFECT_DEFINED)
        return all_in_state(state);
    struct levels b;
    struct levels c;
    levels_init(&b, baseline, statistic);
    levels_init(&c, candidate, statistic);
    double df = levels_df(statistic, (double)(c.units - 1));
    struct effects out = {
        make_effect(EFFECT_RATIO, &b, &c, paired_variance(EFFECT_RATIO, &b, &c), df),
        make_effect(EFFECT_DIFFERENCE, &b, &c, paired_variance(EFFECT_DIFFERENCE, &b, &c), df),
        make_effect(EFFECT_LEVEL, &b, &c, paired_variance(EFFECT_LEVEL, &b, &c), df),
    };
    levels_release(&b);
    levels_release(&c);
    return out;
}

/* Kish's effective number of units that weigh as many values as they have. */
static double effective_units(const struct rounds *r, struct statistic statistic)
{
    double sum = 0.0;
    double squares = 0.0;
    for (size_t i = 0; i < r->count; i++) {
        double n = (double)r->items[i].count;
        sum += n;
        squares += n * n;
    }
    return statistic.kind == STATISTIC_QUANTILE ? sum * sum / squares : (double)r->count;
}

struct effects effects_clustered(struct rounds *baseline, struct rounds *candidate,
                                 struct statistic statistic)
{
    enum effect_state state = check_sides(baseline, candidate, statistic, EFFECT_CLUSTERS_MIN);
    if (state != EFFECT_DEFINED)
        return all_in_state(state);
    double units_b = effective_units(baseline, statistic);
    double units_c = effective_units(candidate, statistic);
    if (units_b < EFFECT_CLUSTERS_MIN || units_c < EFFECT_CLUSTERS_MIN)
        return all_in_state(EFFECT_FEW_ROUNDS);
    struct levels b;
    struct levels c;
    levels_init(&b, baseline, statistic);
    levels_init(&c, candidate, statistic);
    double both = levels_df(statistic, units_b + units_c - 2);
    double one = levels_df(statistic, units_c - 1);
    struct effects out = {
        make_effect(EFFECT_RATIO, &b, &c, clustered_variance(EFFECT_RATIO, &b, &c), both),
        make_effect(EFFECT_DIFFERENCE, &b, &c, clustered_variance(EFFECT_DIFFERENCE, &b, &c), both),
        make_effect(EFFECT_LEVEL, &b, &c, clustered_variance(EFFECT_LEVEL, &b, &c), one),
    };
    levels_release(&b);
    levels_release(&c);
    return out;
}

struct effect effect_with_floor(struct effect e, double share)
{
    if (e.state != EFFECT_DEFINED)
        return e;
    double level = e.scale == EFFECT_DIFFERENCE ? fmax(e.baseline, e.candidate) : 1.0;
    e.se = hypot(e.se, share * level);
    if (!(share >= 0.0) || !isfinite(e.se))
        e.state = EFFECT_NOT_FINITE;
    return e;
}

/* How far a bound lies from the estimate; infinite when there is no bound. */
static double reach(const struct effect *e, double alpha)
{
    if (e->state != EFFECT_DEFINED || !(e->se > 0.0))
        return INFINITY;
    double far = dist_t_critical(alpha, e->df) * e->se;
    return isfinite(far) ? far : INFINITY;
}

double effect_lower(const struct effect *e, double alpha)
{
    double far = reach(e, alpha);
    return isfinite(far) ? e->estimate - far : -INFINITY;
}

double effect_upper(const struct effect *e, double alpha)
{
    double far = reach(e, alpha);
    return isfinite(far) ? e->estimate + far : INFINITY;
}

int effect_autocorrelation(struct rounds *baseline, struct rounds *candidate,
                           struct statistic statistic, double *lag1, double *z)
{
    if (effects_paired(baseline, candidate, statistic).ratio.state != EFFECT_DEFINED)
        return -1;
    struct levels b;
    struct levels c;
    levels_init(&b, baseline, statistic);
    levels_init(&c, candidate, statistic);
    /* pseudo-values are a linear map of the values without a round, so these do as well */
    double mean = 0.0;
    for (size_t k = 0; k < c.units; k++)
        mean += (c.log_without[k] - b.log_without[k]) / (double)c.units;
    double square = 0.0;
    double product = 0.0;
    double before = 0.0;
    for (size_t k = 0; k < c.units; k++) {
        double off = c.log_without[k] - b.log_without[k] - mean;
        square += off * off;
        product += k > 0 ? off * before : 0.0;
        before = off;
    }
    size_t units = c.units;
    levels_release(&b);
    levels_release(&c);
    if (!(square > 0.0))
        return -1;
    *lag1 = product / square;
    *z = (*lag1 + 1.0 / (double)units) * sqrt((double)units); /* its mean is -1/K */
    return 0;
}
