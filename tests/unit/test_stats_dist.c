#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stats/dist.h"
#include "stats_table.h"

static double answer(const struct stats_case *c)
{
    const double *x = c->x;
    if (strcmp(c->name, "normal_cdf") == 0)
        return dist_normal_cdf(x[0]);
    if (strcmp(c->name, "normal_quantile") == 0)
        return dist_normal_quantile(x[0]);
    if (strcmp(c->name, "t_cdf") == 0)
        return dist_t_cdf(x[0], x[1]);
    if (strcmp(c->name, "t_upper") == 0)
        return dist_t_upper(x[0], x[1]);
    if (strcmp(c->name, "t_critical") == 0)
        return dist_t_critical(x[0], x[1]);
    if (strcmp(c->name, "beta_cdf") == 0)
        return dist_beta_cdf(x[0], x[1], x[2]);
    if (strcmp(c->name, "beta_quantile") == 0)
        return dist_beta_quantile(x[0], x[1], x[2]);
    if (strcmp(c->name, "binomial_cdf") == 0)
        return dist_binomial_cdf(x[0], x[1], x[2]);
    fail_msg("unknown function %s", c->name);
    return NAN;
}

static void check_case(const struct stats_case *c)
{
    double want = c->x[c->count - 1];
    double got = answer(c);
    if (!stats_near(got, want, 2e-10) && fabs(got - want) > 1e-15)
        fail_msg("%s(%g, %g, %g) is %.17g, not %.17g", c->name, c->x[0], c->x[1], c->x[2], got,
                 want);
}

static void matches_scipy(void **state)
{
    (void)state;
    assert_true(stats_table_each("distributions.txt", check_case) > 250);
}

static void outside_the_domain_is_nan(void **state)
{
    (void)state;
    assert_true(isnan(dist_normal_quantile(0.0)));
    assert_true(isnan(dist_normal_quantile(1.0)));
    assert_true(isnan(dist_normal_quantile(NAN)));
    assert_true(isnan(dist_t_critical(0.0, 5.0)));
    assert_true(isnan(dist_t_critical(0.01, 0.0)));
    assert_true(isnan(dist_t_critical(0.01, NAN)));
    assert_true(isnan(dist_t_upper(INFINITY, 5.0)));
    assert_true(isnan(dist_t_upper(NAN, 5.0)));
    assert_true(isnan(dist_beta_cdf(1.1, 1.0, 1.0)));
    assert_true(isnan(dist_beta_cdf(0.5, -1.0, 1.0)));
    assert_true(isnan(dist_beta_quantile(NAN, 1.0, 1.0)));
    assert_true(isnan(dist_binomial_cdf(1.0, 0.0, 0.5)));
    assert_true(isnan(dist_binomial_cdf(1.0, 10.0, 1.5)));
}

static void quantiles_invert(void **state)
{
    (void)state;
    for (double p = 1e-9; p < 1.0; p = p * 1.7 + 1e-4) {
        assert_true(stats_near(dist_normal_cdf(dist_normal_quantile(p)), p, 1e-12));
        for (double df = 3.0; df < 300.0; df *= 2.3) {
            assert_true(stats_near(dist_t_upper(dist_t_critical(p, df), df), p, 1e-11));
            assert_true(stats_near(dist_t_cdf(dist_t_quantile(p, df), df), p, 1e-10));
        }
        assert_true(stats_near(dist_beta_cdf(dist_beta_quantile(p, 3, 90), 3, 90), p, 1e-10));
    }
}

static void t_is_symmetric_and_becomes_normal(void **state)
{
    (void)state;
    for (double t = 0.1; t < 8.0; t += 0.7) {
        assert_true(stats_near(dist_t_upper(t, 6.3), dist_t_cdf(-t, 6.3), 1e-14));
        assert_true(stats_near(dist_t_upper(t, 1e7), dist_normal_cdf(-t), 1e-3));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_scipy),
        cmocka_unit_test(outside_the_domain_is_nan),
        cmocka_unit_test(quantiles_invert),
        cmocka_unit_test(t_is_symmetric_and_becomes_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
