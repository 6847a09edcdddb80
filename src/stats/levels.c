#include "stats/levels.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stats/quantile.h"

#define QUANTILE_DF_SHARE 0.7

enum effect_state levels_check(const struct rounds *r, struct statistic statistic, size_t units_min)
{
    if (r->count < units_min)
        return EFFECT_FEW_ROUNDS;
    if (statistic.kind != STATISTIC_QUANTILE)
        return EFFECT_DEFINED;
    size_t need = quantile_samples_min(statistic.p);
    if (need == 0)
        return EFFECT_UNDEFINED;
    return r->total < need ? EFFECT_FEW_SAMPLES : EFFECT_DEFINED;
}

static double leave_one_out(double sum, double value, size_t count)
{
    return (sum - value) / (double)(count - 1);
}

/* Levels of a statistic that each round has by itself. */
static void levels_of_rounds(struct levels *l, const struct rounds *r, enum statistic_kind kind)
{
    double log_sum = 0.0;
    double sum = 0.0;
    for (size_t k = 0; k < r->count; k++) {
        double x = kind == STATISTIC_MEAN ? r->items[k].mean : r->items[k].middle;
        l->natural_without[k] = x;
        l->log_without[k] = log(x);
        log_sum += l->log_without[k];
        sum += x;
    }
    for (size_t k = 0; k < r->count; k++) {
        l->log_without[k] = leave_one_out(log_sum, l->log_without[k], r->count);
        l->natural_without[k] = leave_one_out(sum, l->natural_without[k], r->count);
    }
    l->log = log_sum / (double)r->count;
    l->natural = sum / (double)r->count;
}

void levels_init(struct levels *l, struct rounds *r, struct statistic statistic)
{
    l->units = r->count;
    l->log_without = xmalloc(r->count * sizeof *l->log_without);
    l->natural_without = xmalloc(r->count * sizeof *l->natural_without);
    if (statistic.kind != STATISTIC_QUANTILE) {
        levels_of_rounds(l, r, statistic.kind);
        return;
    }
    l->log = rounds_window_levels(r, statistic.p, l->log_without);
    l->natural = exp(l->log);
    for (size_t k = 0; k < r->count; k++)
        l->natural_without[k] = exp(l->log_without[k]);
}

void levels_release(struct levels *l)
{
    free(l->log_without);
    free(l->natural_without);
}

double levels_jackknife(const double *without, size_t count)
{
    double n = (double)count;
    double mean = 0.0;
    for (size_t i = 0; i < count; i++)
        mean += without[i] / n;
    double squares = 0.0;
    for (size_t i = 0; i < count; i++)
        squares += (without[i] - mean) * (without[i] - mean);
    return squares * (n - 1.0) / n;
}

double levels_df(struct statistic statistic, double df)
{
    return statistic.kind == STATISTIC_QUANTILE ? QUANTILE_DF_SHARE * df : df;
}
