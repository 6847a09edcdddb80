/*
 * dist.h - the distribution functions that intervals are made of. Only libm.
 *
 * Everything rests on the regularised incomplete beta function (continued fraction, DLMF 8.17.22,
 * evaluated by Lentz's method). Degrees of freedom may be fractional. An argument outside the
 * stated domain, or NaN, gives NaN: callers turn that into "undefined", never into a verdict.
 */
#ifndef LPG_STATS_DIST_H
#define LPG_STATS_DIST_H

/* P(Z <= z) for the standard normal; any z. */
double dist_normal_cdf(double z);

/* z with P(Z <= z) = p, for 0 < p < 1 (Abramowitz and Stegun 26.2.23, then Halley steps). */
double dist_normal_quantile(double p);

/* I_x(a, b) = P(X <= x) for X ~ Beta(a, b); 0 <= x <= 1, a > 0, b > 0. */
double dist_beta_cdf(double x, double a, double b);

/* x with I_x(a, b) = p, for 0 <= p <= 1. */
double dist_beta_quantile(double p, double a, double b);

/* P(T <= t) for Student's t with df > 0 degrees of freedom; any finite t. */
double dist_t_cdf(double t, double df);

/* P(T > t), with full relative accuracy in the far tail, where sequential levels live. */
double dist_t_upper(double t, double df);

/* t with P(T <= t) = p, for 0 < p < 1. */
double dist_t_quantile(double p, double df);

/* The critical value: t with P(T > t) = alpha, for 0 < alpha < 1. */
double dist_t_critical(double alpha, double df);

/*
 * P(X <= k) for X ~ Binomial(n, share): k successes or fewer in n trials; 0 <= share <= 1, n > 0.
 */
double dist_binomial_cdf(double k, double n, double share);

#endif
