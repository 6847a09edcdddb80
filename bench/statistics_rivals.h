/*
 * statistics_rivals.h - other ways to judge the same samples, as they are usually applied: calls
 * taken as independent, one look at the end, nominal level 1 %.
 */
#ifndef LPG_BENCH_STATISTICS_RIVALS_H
#define LPG_BENCH_STATISTICS_RIVALS_H

#include <stdbool.h>
#include <stddef.h>

enum rival {
    RIVAL_MANN_WHITNEY, /* one-sided Mann-Whitney U, normal approximation */
    RIVAL_WELCH,        /* one-sided Welch t test of the means */
    RIVAL_RATIO_200,    /* P99 more than doubled */
    RIVAL_POINTS_10,    /* P99 more than 10 % above */
    RIVAL_DISJOINT,     /* 99 % order-statistic intervals of P99 do not overlap */
    RIVALS
};

extern const char *const rival_names[RIVALS];

/*
 * Whether each rival fails the candidate. Arrays of `count` durations each; they are sorted in
 * place.
 */
void rivals_judge(double *baseline, double *candidate, size_t count, bool fails[RIVALS]);

#endif
