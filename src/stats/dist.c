#include "stats/dist.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#define PI 3.14159265358979323846

enum { FRACTION_TERMS_MAX = 20000, REFINE_MAX = 200 };

static double nonzero(double x)
{
    return fabs(x) < DBL_MIN / DBL_EPSILON ? DBL_MIN / DBL_EPSILON : x;
}

/* The continued fraction of DLMF 8.17.22 (without its factor in front), by Lentz's method. */
static double beta_fraction(double x, double a, double b)
{
    double c = 1.0;
    double d = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0));
    double value = d;
    for (int i = 1; i <= FRACTION_TERMS_MAX; i++) {
        double m = (double)i;
        double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / nonzero(1.0 + even * d);
        c = nonzero(1.0 + even / c);
        value *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / nonzero(1.0 + odd * d);
        c = nonzero(1.0 + odd / c);
        value *= d * c;
        if (fabs(d * c - 1.0) < 4.0 * DBL_EPSILON)
            return value;
    }
    return NAN;
}

/* I_x(a, b) with y = 1 - x given apart, so that neither loses its digits. */
static double beta_regularised(double x, double y, double a, double b)
{
    if (x <= 0.0)
        return 0.0;
    if (y <= 0.0)
        return 1.0;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y));
    if (x < (a + 1.0) / (a + b + 2.0))
        return front * beta_fraction(x, a, b) / a;
    return 1.0 - front * beta_fraction(y, b, a) / b;
}

static bool positive(double x)
{
    return isfinite(x) && x > 0.0;
}

double dist_normal_cdf(double z)
{
    return 0.5 * erfc(-z / sqrt(2.0));
}

/* The rational approximation 26.2.23 of Abramowitz and Stegun for the upper tail, p <= 0.5. */
static double normal_start(double p)
{
    double t = sqrt(-2.0 * log(p));
    double top = 2.515517 + t * (0.802853 + t * 0.010328);
    double bottom = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308));
    return t - top / bottom;
}

double dist_normal_quantile(double p)
{
    if (!(p > 0.0 && p < 1.0))
        return NAN;
    if (p > 0.5) /* 1 - p is exact for p in [0.5, 1] */
        return -dist_normal_quantile(1.0 - p);
    double z = -normal_start(p);
    for (int i = 0; i < 3; i++) {
        double density = exp(-0.5 * z * z) / sqrt(2.0 * PI);
        double step = (dist_normal_cdf(z) - p) / density;
        z -= step / (1.0 + 0.5 * z * step);
    }
    return z;
}

double dist_beta_cdf(double x, double a, double b)
{
    if (!positive(a) || !positive(b) || !(x >= 0.0 && x <= 1.0))
        return NAN;
    return beta_regularised(x, 1.0 - x, a, b);
}

double dist_beta_quantile(double p, double a, double b)
{
    if (!positive(a) || !positive(b) || !(p >= 0.0 && p <= 1.0))
        return NAN;
    double low = 0.0;
    double high = 1.0;
    double x = a / (a + b);
    for (int i = 0; i < REFINE_MAX && high - low > DBL_EPSILON * high; i++) {
        double off = beta_regularised(x, 1.0 - x, a, b) - p;
        if (off == 0.0)
            return x;
        if (off < 0.0)
            low = x;
        else
            high = x;
        double log_density =
            (a - 1.0) * log(x) + (b - 1.0) * log1p(-x) + lgamma(a + b) - lgamma(a) - lgamma(b);
        double newton = x - off / exp(log_density);
        bool inside = newton > low && newton < high; /* false for NaN */
        if (inside && fabs(newton - x) <= DBL_EPSILON * x)
            return newton;
        x = inside && i % 8 != 7 ? newton : 0.5 * (low + high);
    }
    return x;
}

double dist_t_upper(double t, double df)
{
    if (!positive(df) || !isfinite(t))
        return NAN;
    double square = t * t;
    double tail = 0.5 * beta_regularised(df / (df + square), square / (df + square), 0.5 * df, 0.5);
    return t > 0.0 ? tail : 1.0 - tail;
}

double dist_t_cdf(double t, double df)
{
    return dist_t_upper(-t, df);
}

static double t_log_density(double t, double df)
{
    return lgamma(0.5 * (df + 1.0)) - lgamma(0.5 * df) - 0.5 * log(df * PI) -
           0.5 * (df + 1.0) * log1p(t * t / df);
}

/*
 * Newton's method on ln P(T > t), whose slope varies little; kept inside a bracket. The start is
 * the first two terms of the Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5).
 */
static double t_critical_small(double alpha, double df)
{
    double z = -dist_normal_quantile(alpha);
    double t = z + z * (z * z + 1.0) / (4.0 * df) +
               z * ((5.0 * z * z + 16.0) * z * z + 3.0) / (96.0 * df * df);
    double low = 0.0;
    double high = DBL_MAX;
    for (int i = 0; i < REFINE_MAX; i++) {
        double tail = dist_t_upper(t, df);
        if (tail > alpha)
            low = t;
        else
            high = t;
        double slope = -exp(t_log_density(t, df)) / tail;
        double next = t - log(tail / alpha) / slope;
        if (!(next > low && next < high))
            next = high < DBL_MAX ? 0.5 * (low + high) : 2.0 * t + 1.0;
        if (fabs(next - t) <= 4.0 * DBL_EPSILON * fabs(t))
            return next;
        t = next;
    }
    return t;
}

double dist_t_critical(double alpha, double df)
{
    if (!positive(df) || !(alpha > 0.0 && alpha < 1.0))
        return NAN;
    if (alpha == 0.5)
        return 0.0;
    return alpha < 0.5 ? t_critical_small(alpha, df) : -t_critical_small(1.0 - alpha, df);
}

double dist_t_quantile(double p, double df)
{
    return -dist_t_critical(p, df);
}

double dist_binomial_cdf(double k, double n, double share)
{
    if (!positive(n) || !(share >= 0.0 && share <= 1.0) || !isfinite(k))
        return NAN;
    k = floor(k);
    if (k < 0.0)
        return 0.0;
    if (k >= n)
        return 1.0;
    return beta_regularised(1.0 - share, share, n - k, k + 1.0);
}
