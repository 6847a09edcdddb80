/*
 * swap.h - an exact second opinion before a percentile is failed.
 *
 * The jackknife with t is right on average, but not where a handful of rounds decides: P99 with a
 * neighbour that now and then slows down one side's round. If the two sides do not differ, their
 * names mean nothing: swapping them in any set of rounds gives another run that was just as likely.
 * So the share of random swaps that show as large an effect as the real one is an exact p-value,
 * whatever the distribution within and between rounds (Fisher's randomisation test, with the round
 * as the unit).
 */
#ifndef LPG_STATS_SWAP_H
#define LPG_STATS_SWAP_H

#include <stdbool.h>

#include "base/rng.h"
#include "stats/rounds.h"

/*
 * The test needs at least this level; 10 rounds have 2^10 swaps and so just reach it. K < 10 rounds
 * are tested at 2^(1-K), twice the least that they can show.
 */
#define SWAP_LEVEL_MIN 0.001

struct swap_question {
    struct rounds *baseline;
    struct rounds *candidate; /* as many rounds, in the same order */
    double p;                 /* percentile, 0 < p < 1 */
    double shift;             /* logarithm of the slowdown that is granted */
    double level;             /* significance level, < 1 */
};

/*
 * Whether the candidate's percentile is larger than exp(shift) times the baseline's with a p-value
 * of at most `level` (or the least above), among about 5 / level random swaps. Null hypothesis: the
 * candidate behaves as the baseline with every value exp(shift) times as large. False when the
 * question makes no sense. Stops early when the answer is no.
 */
bool swap_confirms(const struct swap_question *q, struct rng *rng);

#endif
