/*
 * effect.h - how much the candidate differs from the baseline, and how sure that is.
 *
 * An effect is an estimate with a standard error and degrees of freedom; bounds come from Student's
 * t. Both sides are measured side by side in rounds, so the unit is the round and both sides of a
 * round go together:
 *
 *   percentile   theta = W_cand - W_base (rank windows of all values, logs; quantile.h)
 *                theta_r = the same without round r on both sides
 *                SE^2 = (K - 1) / K * sum (theta_r - mean theta_r)^2     delete-one-round jackknife
 *                df = 0.7 (K - 1): the jackknife of a percentile has slightly heavier tails than t
 *   mean         d_r = ln(mean_cand,r / mean_base,r)
 *                theta = mean d_r, SE^2 = var(d) / K, df = K - 1
 *   middle       the same with the middle of each round instead of its mean. For a few values per
 *                round, such as Init Durations: the mean of a round's middle half does for them
 *                what the median does, with less noise (quantile_middle())
 *
 * Each is given on three scales, because limits come in three kinds: "+10%" (ratio), "+5ms"
 * (difference) and "< 800ms" (level of the candidate alone).
 *
 * Whatever cannot be computed has a state other than EFFECT_DEFINED; its bounds are -infinity and
 * +infinity, so that no comparison can mistake it for a good result.
 *
 * Sources: Efron and Stein, Annals of Statistics 1981 (jackknife); Kalibera and Jones, ISMM 2013
 * (repeat at the level where the variance is); Bulej et al., ICPE 2020 (side-by-side measurement).
 */
#ifndef LPG_STATS_EFFECT_H
#define LPG_STATS_EFFECT_H

#include <stdbool.h>
#include <stddef.h>

#include "stats/rounds.h"

enum statistic_kind { STATISTIC_QUANTILE, STATISTIC_MEAN, STATISTIC_MIDDLE };

struct statistic {
    enum statistic_kind kind;
    double p; /* of a quantile, 0 < p < 1; else unused */
};

enum effect_scale {
    EFFECT_RATIO,      /* ln(candidate / baseline) */
    EFFECT_DIFFERENCE, /* candidate - baseline, in the metric's unit */
    EFFECT_LEVEL,      /* ln(candidate's level in the metric's unit) */
};

enum effect_state {
    EFFECT_UNDEFINED = 0, /* nothing was computed */
    EFFECT_FEW_ROUNDS,  /* fewer than EFFECT_ROUNDS_MIN rounds, or EFFECT_CLUSTERS_MIN sandboxes */
    EFFECT_FEW_SAMPLES, /* fewer than quantile_samples_min(p) values on a side */
    EFFECT_UNPAIRED,    /* the sides have different numbers of rounds */
    EFFECT_NOT_FINITE,  /* the arithmetic overflowed */
    EFFECT_DEFINED,
};

enum { EFFECT_ROUNDS_MIN = 5, EFFECT_CLUSTERS_MIN = 20 };

struct effect {
    enum effect_state state;
    enum effect_scale scale;
    double estimate; /* on the scale */
    double se;       /* standard error, on the scale */
    double df;       /* degrees of freedom of the standard error */
    double baseline; /* level in the metric's unit that goes with the estimate */
    double candidate;
    size_t units; /* rounds, or sandboxes of the side that has fewer */
};

struct effects {
    struct effect ratio;
    struct effect difference;
    struct effect level;
};

/*
 * The effect between two sides measured in the same rounds: round r of one belongs to round r of
 * the other.
 */
struct effects effects_paired(struct rounds *baseline, struct rounds *candidate,
                              struct statistic statistic);

/*
 * The fallback where environments were reused between rounds, or one measurement has no rounds at
 * all: the unit is the sandbox, each one "round" of the container, not paired between the sides.
 * Variances of the two sides add up, df = G_base + G_cand - 2 (0.7 of it for percentiles), at least
 * 20 sandboxes on each side. A percentile is of all calls, so a sandbox with more calls weighs
 * more: G is then the effective number (sum n)^2 / sum n^2 of sandboxes with n calls each (Kish,
 * Survey Sampling, 1965; Carter, Schnepel and Steigerwald, Review of Economics and Statistics
 * 2017). Valid for one look only, and blind to hosts that several sandboxes share.
 */
struct effects effects_clustered(struct rounds *baseline, struct rounds *candidate,
                                 struct statistic statistic);

/*
 * Adds an error that no run can see from inside (sticky placement, call order): SE' = sqrt(SE^2 +
 * f^2) with f = share, on the difference scale f = share * the larger level. 0.005 is the default
 * floor.
 */
struct effect effect_with_floor(struct effect e, double share);

/*
 * One-sided bounds: if the true effect is x, lower(alpha) > x happens in a share alpha of all runs.
 * Undefined effects, a level outside (0, 1) and a standard error of exactly 0 give -/+infinity.
 */
double effect_lower(const struct effect *e, double alpha);
double effect_upper(const struct effect *e, double alpha);

/* Why there is no estimate, for people: "too few rounds", ...; "" when there is one. */
const char *effect_state_text(enum effect_state state);

/*
 * Lag-1 autocorrelation of the per-round contributions to the ratio (jackknife pseudo-values), and
 * its z under independence. Rounds are taken to be independent; |z| > 3 says that they were not (a
 * drift that hits one side), and that the standard error is too small. -1 when the effect is not
 * defined.
 */
int effect_autocorrelation(struct rounds *baseline, struct rounds *candidate,
                           struct statistic statistic, double *lag1, double *z);

#endif
