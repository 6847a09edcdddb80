#include "stats/rates.h"

#include <inttypes.h>
#include <math.h>

#include "stats/dist.h"

static int check_rate(struct rate r, struct error *e)
{
    if (r.calls == 0)
        return error_set(e, ERROR_MEASURE, "a rate of no calls at all");
    if (r.failures > r.calls)
        return error_set(e, ERROR_MEASURE, "%" PRIu64 " failures of %" PRIu64 " calls", r.failures,
                         r.calls);
    return 0;
}

static int check_alpha(double alpha, struct error *e)
{
    if (alpha > 0.0 && alpha < 1.0)
        return 0;
    return error_set(e, ERROR_MEASURE, "an error level must lie between 0 and 1, not %g", alpha);
}

int rate_lower(struct rate r, double alpha, double *bound, struct error *e)
{
    if (check_rate(r, e) || check_alpha(alpha, e))
        return -1;
    double k = (double)r.failures;
    double n = (double)r.calls;
    *bound = r.failures == 0 ? 0.0 : dist_beta_quantile(alpha, k, n - k + 1.0);
    return 0;
}

int rate_upper(struct rate r, double alpha, double *bound, struct error *e)
{
    if (check_rate(r, e) || check_alpha(alpha, e))
        return -1;
    double k = (double)r.failures;
    double n = (double)r.calls;
    /* 1 - the quantile of the mirrored distribution keeps the digits of a small alpha */
    *bound = r.failures == r.calls ? 1.0 : 1.0 - dist_beta_quantile(alpha, n - k, k + 1.0);
    return 0;
}

static double log_choose(double n, double k)
{
    return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
}

int rate_worse_p(struct rate baseline, struct rate candidate, double *p, struct error *e)
{
    if (check_rate(baseline, e) || check_rate(candidate, e))
        return -1;
    if (candidate.failures == 0) {
        *p = 1.0;
        return 0;
    }
    double failures = (double)baseline.failures + (double)candidate.failures;
    double calls = (double)baseline.calls + (double)candidate.calls;
    double n = (double)candidate.calls;
    double total = log_choose(calls, n);
    double most = fmin(failures, n);
    double sum = 0.0;
    /* terms rise to the mode and then fall; past it they may stop when they add nothing */
    double mode = (failures + 1.0) * (n + 1.0) / (calls + 2.0);
    for (double k = (double)candidate.failures; k <= most; k += 1.0) {
        double term = exp(log_choose(failures, k) + log_choose(calls - failures, n - k) - total);
        sum += term;
        if (k > mode && term < sum * 1e-17)
            break;
    }
    *p = fmin(sum, 1.0);
    return 0;
}

int rate_detectable(struct rate baseline, uint64_t calls, double alpha, uint64_t *failures,
                    struct error *e)
{
    struct rate all = {.failures = calls, .calls = calls};
    double p;
    if (check_alpha(alpha, e) || rate_worse_p(baseline, all, &p, e))
        return -1;
    uint64_t low = 0; /* not enough */
    uint64_t high = calls + 1;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        struct rate r = {.failures = middle, .calls = calls};
        if (rate_worse_p(baseline, r, &p, e))
            return -1;
        if (p <= alpha)
            high = middle;
        else
            low = middle;
    }
    *failures = high;
    return 0;
}
