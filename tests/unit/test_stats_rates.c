#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stats/rates.h"
#include "stats_table.h"

static struct rate rate_of(double failures, double calls)
{
    return (struct rate){.failures = (uint64_t)failures, .calls = (uint64_t)calls};
}

static void check_case(const struct stats_case *c)
{
    const double *x = c->x;
    struct error e;
    double got = NAN;
    int failed = 0;
    if (strcmp(c->name, "rate_lower") == 0)
        failed = rate_lower(rate_of(x[0], x[1]), x[2], &got, &e);
    else if (strcmp(c->name, "rate_upper") == 0)
        failed = rate_upper(rate_of(x[0], x[1]), x[2], &got, &e);
    else
        failed = rate_worse_p(rate_of(x[0], x[1]), rate_of(x[2], x[3]), &got, &e);
    assert_int_equal(failed, 0);
    double want = x[c->count - 1];
    if (!stats_near(got, want, 1e-7))
        fail_msg("%s(%g, %g, %g, ...) is %.17g, not %.17g", c->name, x[0], x[1], x[2], got, want);
}

static void matches_scipy(void **state)
{
    (void)state;
    assert_true(stats_table_each("rates.txt", check_case) > 40);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct error e = {.code = ERROR_NONE};
    double out = 42.0;
    uint64_t count = 42;
    assert_int_equal(rate_upper(rate_of(0, 0), .05, &out, &e), -1);
    assert_int_equal(e.code, ERROR_MEASURE);
    assert_non_null(strstr(e.text, "no calls"));
    assert_int_equal(rate_lower(rate_of(3, 2), .05, &out, &e), -1);
    assert_non_null(strstr(e.text, "3 failures of 2 calls"));
    assert_int_equal(rate_lower(rate_of(1, 2), 0.0, &out, &e), -1);
    assert_int_equal(rate_lower(rate_of(1, 2), NAN, &out, &e), -1);
    assert_int_equal(rate_worse_p(rate_of(0, 0), rate_of(0, 9), &out, &e), -1);
    assert_int_equal(rate_worse_p(rate_of(0, 9), rate_of(0, 0), &out, &e), -1);
    assert_int_equal(rate_detectable(rate_of(0, 9), 0, .05, &count, &e), -1);
    assert_int_equal(rate_detectable(rate_of(0, 9), 9, 1.5, &count, &e), -1);
    assert_true(out == 42.0);
    assert_int_equal(count, 42);
}

static void bounds_enclose_the_estimate(void **state)
{
    (void)state;
    struct error e;
    for (uint64_t k = 0; k <= 50; k++) {
        double low, high;
        struct rate r = {.failures = k, .calls = 50};
        assert_int_equal(rate_lower(r, .01, &low, &e), 0);
        assert_int_equal(rate_upper(r, .01, &high, &e), 0);
        assert_true(low >= 0.0 && high <= 1.0);
        assert_true(low <= (double)k / 50.0 && (double)k / 50.0 <= high);
        assert_true((k == 0) == (low == 0.0));
        assert_true((k == 50) == (high == 1.0));
    }
}

static void fewest_failures_that_would_show(void **state)
{
    (void)state;
    struct error e;
    uint64_t k;
    double p;
    assert_int_equal(rate_detectable(rate_of(0, 1000), 1000, .01, &k, &e), 0);
    assert_int_equal(k, 7); /* 2^-7 < 1 % < 2^-6, nearly */
    assert_int_equal(rate_worse_p(rate_of(0, 1000), rate_of(7, 1000), &p, &e), 0);
    assert_true(p <= .01);
    assert_int_equal(rate_worse_p(rate_of(0, 1000), rate_of(6, 1000), &p, &e), 0);
    assert_true(p > .01);
    assert_int_equal(rate_detectable(rate_of(10, 10), 10, .01, &k, &e), 0);
    assert_int_equal(k, 11); /* not even all of them */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_scipy),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(bounds_enclose_the_estimate),
        cmocka_unit_test(fewest_failures_that_would_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
