/*
 * levels.h - one side's level of a statistic, and the same without each unit (round or sandbox):
 * what the jackknife is made of. For the files of stats/ that make effects of two sides.
 */
#ifndef LPG_STATS_LEVELS_H
#define LPG_STATS_LEVELS_H

#include <stddef.h>

#include "stats/effect.h"
#include "stats/rounds.h"

/* A standard error is never taken to be known worse than this: its t would exclude nothing. */
#define EFFECT_DF_MIN 3.0

struct levels {
    double log;     /* what ratios are made of */
    double natural; /* what differences and the level are made of */
    double *log_without;
    double *natural_without;
    size_t units;
};

/*
 * EFFECT_DEFINED when there is enough to compute with: `units_min` units, and for percentiles
 * quantile_samples_min() values; else the reason why not.
 */
enum effect_state levels_check(const struct rounds *r, struct statistic statistic,
                               size_t units_min);

/* Of at least two rounds; percentiles need quantile_samples_min() values. */
void levels_init(struct levels *l, struct rounds *r, struct statistic statistic);
void levels_release(struct levels *l);

/* Efron's jackknife: the variance of a statistic from its values without one unit each. */
double levels_jackknife(const double *without, size_t count);

/* Degrees of freedom of such a variance: 0.7 of `df` for percentiles (see effect.h). */
double levels_df(struct statistic statistic, double df);

#endif
