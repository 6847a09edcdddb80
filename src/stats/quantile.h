/*
 * quantile.h - percentiles: the one that people read and the one that can be judged.
 *
 * quantile_type7() is the percentile that spreadsheets, NumPy and R print by default; use it to
 * show a number. It hangs on one or two order statistics, so a test on it is noisy. For effects the
 * rank window is used: the mean of ln(value) over all ranks within h of the percentile,
 *
 *     h(p) = min(0.5 * min(p, 1 - p), 0.05)       P50 45..55 %, P90 85..95 %, P95 92.5..97.5 %,
 *                                                  P99 98.5..99.5 %
 *
 * with fractional ranks at both ends. It is smooth enough for the jackknife, has about 5 % less
 * spread than the plain percentile, and does not drift when a change touches the tail only. The cap
 * at 5 % is for the middle percentiles: half of the mass around P50 would be the midmean, which
 * answers for a function with two modes with a mixture of both.
 */
#ifndef LPG_STATS_QUANTILE_H
#define LPG_STATS_QUANTILE_H

#include <stddef.h>

/* Sorts in place, largest first. No NaN among the values. */
void quantile_sort_descending(double *values, size_t count);

/*
 * Hyndman and Fan's type 7 (The American Statistician, 1996) of values sorted largest first.
 * 0 <= p <= 1; NaN when there are no values or p is outside.
 */
double quantile_type7(const double *descending, size_t count, double p);

/*
 * The mean over the middle half of sorted values (fractional ranks n/4 .. 3n/4): the centre of a
 * handful of values. Of five normal ones it has 1.2 times less variance than the median, and one or
 * two wild values still do not move it. NaN when there are none.
 */
double quantile_middle(const double *sorted, size_t count);

/* The half width h(p) above, as a share of all values; NaN outside 0 < p < 1. */
double quantile_half_width(double p);

/* The ranks, counted from the largest value, between which the window lies; fractional. */
struct rank_window {
    double from;
    double to;
};

struct rank_window quantile_window(double p, double count);

/*
 * The mean over the window of values sorted largest first (logarithms, for effects). NaN if
 * undefined.
 */
double quantile_window_mean(const double *descending, size_t count, double p);

/*
 * Fewest values for which a percentile is judged: half the window holds five of them, 5 / h(p).
 * P50 and P90 100, P95 200, P99 1000, P99.9 10000. 0 outside 0 < p < 1.
 */
size_t quantile_samples_min(double p);

/* How coarse a clock was: filled by quantile_ties(). */
struct ties {
    double step;     /* smallest distance between two different values; 0 when all are equal */
    size_t distinct; /* number of different values */
    double share;    /* share of values that have an equal neighbour, 0..1 */
};

/*
 * Looks for rounding in values sorted largest first. Durations of 1-3 ms, told in whole
 * milliseconds, give a handful of distinct values: the standard error then claims more than was
 * measured.
 */
struct ties quantile_ties(const double *descending, size_t count);

/*
 * The relative uncertainty that rounding to `step` leaves in a ratio of two levels near `level`:
 * sqrt(2/12) * step / level, i.e. a uniform rounding error on each side. Add it to the SE floor
 * when ties are many. 0 when step is 0 or level is not positive.
 */
double quantile_step_floor(double step, double level);

#endif
