#include "statistics_rivals.h"

#include <math.h>

#include "stats/dist.h"
#include "stats/quantile.h"

#define LEVEL 0.01

const char *const rival_names[RIVALS] = {
    [RIVAL_MANN_WHITNEY] = "Mann-Whitney", [RIVAL_WELCH] = "Welch t",
    [RIVAL_RATIO_200] = "P99 > 200 %",     [RIVAL_POINTS_10] = "P99 > +10 %",
    [RIVAL_DISJOINT] = "CIs apart",
};

/* Both arrays largest first. Ties count half; their effect on the variance is left out. */
static bool mann_whitney(const double *b, const double *c, size_t n)
{
    double wins = 0.0; /* pairs in which the candidate is slower */
    size_t above = 0;  /* baseline values above c[i] */
    size_t above_or_equal = 0;
    for (size_t i = 0; i < n; i++) {
        while (above < n && b[above] > c[i])
            above++;
        while (above_or_equal < n && b[above_or_equal] >= c[i])
            above_or_equal++;
        wins += (double)(n - above_or_equal) + 0.5 * (double)(above_or_equal - above);
    }
    double m = (double)n;
    double z = (wins - 0.5 * m * m) / sqrt(m * m * (2.0 * m + 1.0) / 12.0);
    return z > -dist_normal_quantile(LEVEL);
}

static void mean_and_variance(const double *x, size_t n, double *mean, double *variance)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    *mean = sum / (double)n;
    double squares = 0.0;
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - *mean) * (x[i] - *mean);
    *variance = squares / (double)(n - 1);
}

static bool welch(const double *b, const double *c, size_t n)
{
    double mean_b, mean_c, var_b, var_c;
    mean_and_variance(b, n, &mean_b, &var_b);
    mean_and_variance(c, n, &mean_c, &var_c);
    double sum = var_b + var_c;
    double df = (double)(n - 1) * sum * sum / (var_b * var_b + var_c * var_c);
    return (mean_c - mean_b) / sqrt(sum / (double)n) > dist_t_critical(LEVEL, df);
}

/* The 99 % order-statistic interval of P99, as ranks from the largest; normal approximation. */
static bool intervals_apart(const double *b, const double *c, size_t n)
{
    double middle = 0.01 * (double)n;
    double half = -dist_normal_quantile(0.5 * LEVEL) * sqrt(0.01 * 0.99 * (double)n);
    size_t high = (size_t)fmax(0.0, floor(middle - half));
    size_t low = (size_t)fmin((double)(n - 1), ceil(middle + half));
    return c[low] > b[high];
}

void rivals_judge(double *baseline, double *candidate, size_t count, bool fails[RIVALS])
{
    quantile_sort_descending(baseline, count);
    quantile_sort_descending(candidate, count);
    double p99_b = quantile_type7(baseline, count, 0.99);
    double p99_c = quantile_type7(candidate, count, 0.99);
    fails[RIVAL_MANN_WHITNEY] = mann_whitney(baseline, candidate, count);
    fails[RIVAL_WELCH] = welch(baseline, candidate, count);
    fails[RIVAL_RATIO_200] = p99_c > 2.0 * p99_b;
    fails[RIVAL_POINTS_10] = p99_c > 1.1 * p99_b;
    fails[RIVAL_DISJOINT] = intervals_apart(baseline, candidate, count);
}
