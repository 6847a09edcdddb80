/*
 * rates.h - shares of calls that failed: exact binomial intervals and an exact comparison.
 *
 * Errors are counts, often 0, so nothing here is an approximation by the normal distribution. Exact
 * means: exact if calls fail independently. Errors come in clusters, though (one bad environment
 * fails all its calls). Where they do, count environments or rounds with an error instead of calls:
 * the same functions then answer honestly.
 */
#ifndef LPG_STATS_RATES_H
#define LPG_STATS_RATES_H

#include <stdint.h>

#include "base/error.h"

struct rate {
    uint64_t failures;
    uint64_t calls;
};

/*
 * One-sided Clopper-Pearson bounds for the true share (Biometrika 1934): each is wrong with
 * probability at most alpha. 0 failures of n: the upper bound is 1 - alpha^(1/n), "rule of three"
 * for alpha 5 %. ERROR_MEASURE when there are no calls, or more failures than calls; 0 < alpha < 1.
 */
int rate_lower(struct rate r, double alpha, double *bound, struct error *e);
int rate_upper(struct rate r, double alpha, double *bound, struct error *e);

/*
 * Fisher's one-sided exact test: the probability that so many or more of all failures fall on the
 * candidate's calls if both sides fail alike (hypergeometric). Small: the candidate fails more
 * often. 1 when the candidate has no failures. ERROR_MEASURE when a side has no calls.
 */
int rate_worse_p(struct rate baseline, struct rate candidate, double *p, struct error *e);

/*
 * The fewest failures of the candidate for which rate_worse_p() would be <= alpha, given the
 * baseline's count; calls + 1 when even all would not do. For "how many errors would have been
 * seen".
 */
int rate_detectable(struct rate baseline, uint64_t calls, double alpha, uint64_t *failures,
                    struct error *e);

#endif
