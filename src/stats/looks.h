/*
 * looks.h - looking at the data again and again without fooling oneself; and planning.
 *
 * A gate looks after every few rounds and stops when the answer is clear. Each look is a chance to
 * be wrong, so each must use a stricter level: a' such that all looks of the plan together err with
 * probability alpha. The level is the same at all looks (a constant boundary on the p-value scale);
 * it depends on the plan and alpha only, not on the noise of the function. Measured in rounds, the
 * t statistic of iid normal rounds defines it: a'(alpha) is the alpha quantile of the smallest
 * one-sided p-value over the looks (Pocock, Biometrika 1977, with estimated variance).
 */
#ifndef LPG_STATS_LOOKS_H
#define LPG_STATS_LOOKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rng.h"
#include "stats/effect.h"

/*
 * Looks at `first` rounds, every `step` rounds after it, and at `last`. first >= 2, step >= 1, last
 * >= first.
 */
struct look_plan {
    unsigned first;
    unsigned step;
    unsigned last;
};

bool look_plan_valid(const struct look_plan *plan);
/* Whether to look after so many rounds. */
bool look_is_due(const struct look_plan *plan, unsigned rounds);
unsigned look_count(const struct look_plan *plan);

/*
 * Per-look one-sided levels of the plans in the table, interpolated on logarithmic scales over
 * alpha and over `last`; 0.0001 <= alpha <= 0.1. NaN when the table does not cover the plan. Below
 * the smallest alpha its ratio a'/alpha is not extrapolated: alpha / look_count() always holds
 * (Bonferroni).
 */
double look_level_tabled(const struct look_plan *plan, double alpha);

/*
 * The same by Monte Carlo for any plan: `runs` runs, each used for both directions. levels[i]
 * belongs to alphas[i]; a level is never below alpha / look_count(). 100 000 runs of 120 rounds
 * take about a second and leave 5 % relative error at alpha 1 %. -1 when the plan or an alpha (0 <
 * alpha <= 0.1) is invalid.
 */
int look_calibrate(const struct look_plan *plan, const double *alphas, double *levels, size_t count,
                   size_t runs, struct rng *rng);

/* Per-look levels of the two answers of one metric. */
struct look_levels {
    double fail; /* level of the lower bound that a FAIL needs */
    double pass; /* level of the upper bound that a PASS needs */
};

/*
 * The levels for which all looks together fail wrongly with probability alpha and pass wrongly with
 * probability beta: tabled where possible, otherwise calibrated (fixed seed, so the same plan
 * always has the same levels). -1 when the plan, alpha or beta is invalid.
 */
int look_levels_find(const struct look_plan *plan, double alpha, double beta,
                     struct look_levels *levels);

/*
 * Planning. All of it is on the scale of the effect; expm1() of a ratio gives a share. The number
 * of rounds moves the standard error with its square root, except for the floor, which stays.
 */

/*
 * The smallest change that `e`'s precision tells from no change, with both error rates kept:
 * (t(fail) + t(pass)) * SE. NaN when undefined.
 */
double look_detectable(const struct effect *e, const struct look_levels *levels);

/*
 * look_detectable() if the run had `rounds` rounds: `e` is the effect without floor, `floor` the
 * share that is added to its standard error (0 for the difference scale unless it is in units
 * there).
 */
double look_detectable_at(const struct effect *e, const struct look_levels *levels, double floor,
                          double rounds);

/*
 * Rounds, in all, after which a change of `distance` would be detectable; 0 when it never is,
 * because the floor alone is too wide, or when the effect is undefined.
 */
double look_rounds_needed(const struct effect *e, const struct look_levels *levels, double floor,
                          double distance);

#endif
