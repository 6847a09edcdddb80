#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/mem.h"
#include "stats/quantile.h"

static void assert_close(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12 * fmax(1.0, fabs(want))))
        fail_msg("%.17g is not %.17g", got, want);
}

static void type7_known(void **state)
{
    (void)state;
    const double x[] = {50, 40, 35, 20, 15};
    assert_close(quantile_type7(x, 5, 0.40), 29.0); /* 20 + 0.6 * (35 - 20) */
    assert_close(quantile_type7(x, 5, 0.0), 15.0);
    assert_close(quantile_type7(x, 5, 1.0), 50.0);
    assert_close(quantile_type7(x, 1, 0.99), 50.0);
    assert_true(isnan(quantile_type7(x, 0, 0.5)));
    assert_true(isnan(quantile_type7(x, 5, -0.1)));
    assert_true(isnan(quantile_type7(x, 5, NAN)));
}

static void middle_half(void **state)
{
    (void)state;
    const double five[] = {100, 8, 5, 4, -100};
    assert_close(quantile_middle(five, 5), (0.75 * 8 + 5 + 0.75 * 4) / 2.5);
    const double four[] = {9, 7, 4, 1};
    assert_close(quantile_middle(four, 4), 5.5);
    assert_close(quantile_middle(four, 1), 9.0);
    assert_true(isnan(quantile_middle(four, 0)));
}

static void half_widths(void **state)
{
    (void)state;
    assert_close(quantile_half_width(0.50), 0.05);
    assert_close(quantile_half_width(0.90), 0.05);
    assert_close(quantile_half_width(0.95), 0.025);
    assert_close(quantile_half_width(0.99), 0.005);
    assert_close(quantile_half_width(0.01), 0.005);
    assert_true(isnan(quantile_half_width(1.0)));
    assert_true(isnan(quantile_half_width(NAN)));
}

static void smallest_samples(void **state)
{
    (void)state;
    assert_int_equal(quantile_samples_min(0.50), 100);
    assert_int_equal(quantile_samples_min(0.90), 100);
    assert_int_equal(quantile_samples_min(0.95), 200);
    assert_int_equal(quantile_samples_min(0.99), 1000);
    assert_int_equal(quantile_samples_min(0.999), 10000);
    assert_int_equal(quantile_samples_min(0.0), 0);
    assert_int_equal(quantile_samples_min(NAN), 0);
}

static void window_takes_fractional_ranks(void **state)
{
    (void)state;
    double x[1000];
    for (int i = 0; i < 1000; i++)
        x[i] = -i; /* ranks 0, 1, 2, ... from the top */
    /* ranks 5..15 hold x = -5 .. -14 */
    assert_close(quantile_window_mean(x, 1000, 0.99), -9.5);
    /* 4.5..13.5: half of -4, all of -5 .. -12, half of -13 */
    assert_close(quantile_window_mean(x, 900, 0.99), -(2.0 + 68.0 + 6.5) / 9.0);
    /* P50: ranks 450..550 */
    assert_close(quantile_window_mean(x, 1000, 0.5), -499.5);
    assert_true(isnan(quantile_window_mean(x, 0, 0.5)));
    assert_true(isnan(quantile_window_mean(x, 1000, 1.5)));
}

static void sorting(void **state)
{
    (void)state;
    double x[] = {3, 1, 2, 3, -1};
    quantile_sort_descending(x, 5);
    const double want[] = {3, 3, 2, 1, -1};
    for (size_t i = 0; i < 5; i++)
        assert_true(x[i] == want[i]);
    quantile_sort_descending(x, 0);
}

static void ties_of_a_coarse_clock(void **state)
{
    (void)state;
    const double x[] = {4, 3, 3, 3, 2, 2, 1};
    struct ties t = quantile_ties(x, 7);
    assert_int_equal(t.distinct, 4);
    assert_close(t.step, 1.0);
    assert_close(t.share, 5.0 / 7.0);
    const double same[] = {2, 2};
    t = quantile_ties(same, 2);
    assert_int_equal(t.distinct, 1);
    assert_close(t.step, 0.0);
    assert_close(t.share, 1.0);
    t = quantile_ties(x, 0);
    assert_int_equal(t.distinct, 0);
    assert_close(quantile_step_floor(1.0, 2.0), sqrt(2.0 / 12.0) / 2.0);
    assert_close(quantile_step_floor(0.0, 2.0), 0.0);
    assert_close(quantile_step_floor(1.0, 0.0), 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(type7_known),
        cmocka_unit_test(middle_half),
        cmocka_unit_test(half_widths),
        cmocka_unit_test(smallest_samples),
        cmocka_unit_test(window_takes_fractional_ranks),
        cmocka_unit_test(sorting),
        cmocka_unit_test(ties_of_a_coarse_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
