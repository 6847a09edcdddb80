#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "stats/quantile.h"
#include "stats/rounds.h"

enum { ROUNDS = 40, CALLS_MAX = 60 };

/* Rounds of different sizes with ties, kept apart for a naive second computation. */
struct fixture {
    struct rounds rounds;
    double values[ROUNDS][CALLS_MAX];
    size_t counts[ROUNDS];
};

static void add_random_round(struct fixture *f, struct rng *rng, double step)
{
    size_t k = f->rounds.count;
    struct error e;
    f->counts[k] = 1 + (size_t)rng_below(rng, CALLS_MAX);
    for (size_t i = 0; i < f->counts[k]; i++) {
        double x = exp(0.5 * rng_normal(rng) + 0.3 * (double)(k % 3));
        f->values[k][i] = step > 0.0 ? step * ceil(x / step) : x;
    }
    assert_int_equal(rounds_add(&f->rounds, f->values[k], f->counts[k], &e), 0);
}

/* Gathers and sorts everything but round `skip`. */
static double naive_level(const struct fixture *f, size_t skip, double p)
{
    double logs[ROUNDS * CALLS_MAX];
    size_t n = 0;
    for (size_t k = 0; k < f->rounds.count; k++)
        for (size_t i = 0; k != skip && i < f->counts[k]; i++)
            logs[n++] = log(f->values[k][i]);
    quantile_sort_descending(logs, n);
    return quantile_window_mean(logs, n, p);
}

static void assert_levels(struct fixture *f, double p)
{
    double without[ROUNDS];
    double level = rounds_window_levels(&f->rounds, p, without);
    assert_true(fabs(level - naive_level(f, ROUNDS, p)) < 1e-11);
    for (size_t k = 0; k < f->rounds.count; k++)
        assert_true(fabs(without[k] - naive_level(f, k, p)) < 1e-11);
}

static void skipping_a_round_equals_computing_anew(void **state)
{
    (void)state;
    static const double percentiles[] = {.01, .25, .5, .9, .95, .99, .999};
    static const double steps[] = {0.0, 0.25};
    for (size_t s = 0; s < ARRAY_LEN(steps); s++) {
        struct fixture f = {.counts = {0}};
        struct rng rng;
        rng_seed(&rng, 3, s);
        while (f.rounds.count < ROUNDS) {
            add_random_round(&f, &rng, steps[s]);
            /* looks in between make the merge incremental; none for a while merges many at once */
            if (f.rounds.count < 2 || (f.rounds.count > 20 && f.rounds.count < 35))
                continue;
            for (size_t i = 0; i < ARRAY_LEN(percentiles); i++)
                assert_levels(&f, percentiles[i]);
        }
        rounds_release(&f.rounds);
    }
}

static void one_round_may_hold_the_whole_top(void **state)
{
    (void)state;
    struct fixture f = {.counts = {0}};
    struct error e;
    for (size_t k = 0; k < 10; k++) {
        f.counts[k] = CALLS_MAX;
        for (size_t i = 0; i < CALLS_MAX; i++)
            f.values[k][i] = (k == 4 ? 1000.0 : 1.0) + (double)i;
        assert_int_equal(rounds_add(&f.rounds, f.values[k], f.counts[k], &e), 0);
    }
    assert_levels(&f, .99);
    assert_levels(&f, .9);
    assert_levels(&f, .5);
    rounds_release(&f.rounds);
}

static void display_quantile(void **state)
{
    (void)state;
    struct rounds r = {0};
    struct error e;
    assert_true(isnan(rounds_quantile(&r, .5)));
    const double a[] = {15, 40, 20};
    const double b[] = {50, 35};
    assert_int_equal(rounds_add(&r, a, 3, &e), 0);
    assert_int_equal(rounds_add(&r, b, 2, &e), 0);
    assert_true(fabs(rounds_quantile(&r, .4) - 29.0) < 1e-12);
    assert_true(fabs(rounds_quantile(&r, 1.0) - 50.0) < 1e-12);
    assert_true(fabs(rounds_quantile(&r, 0.0) - 15.0) < 1e-12);
    assert_true(isnan(rounds_quantile(&r, 1.1)));
    assert_true(r.items[0].mean == 25.0);
    assert_true(fabs(r.items[1].middle - sqrt(35.0 * 50.0)) < 1e-12);
    assert_int_equal(rounds_smallest(&r), 2);
    rounds_release(&r);
    assert_int_equal(rounds_smallest(&r), 0);
}

static void bad_samples_are_refused_whole(void **state)
{
    (void)state;
    static const double bad[] = {0.0, -1.0, NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct rounds r = {0};
        struct error e = {.code = ERROR_NONE};
        const double values[] = {1.0, 2.0, bad[i]};
        assert_int_equal(rounds_add(&r, values, 3, &e), -1);
        assert_int_equal(e.code, ERROR_MEASURE);
        assert_non_null(strstr(e.text, "sample 2"));
        assert_int_equal(r.count, 0);
        assert_int_equal(r.total, 0);
        rounds_release(&r);
    }
    struct rounds r = {0};
    struct error e;
    assert_int_equal(rounds_add(&r, NULL, 0, &e), -1);
    assert_non_null(strstr(e.text, "no samples"));
    rounds_release(&r);
}

static void too_little_for_a_level(void **state)
{
    (void)state;
    struct rounds r = {0};
    struct error e;
    double without[2];
    const double x[] = {1, 2, 3};
    assert_true(isnan(rounds_window_levels(&r, .5, without)));
    assert_int_equal(rounds_add(&r, x, 3, &e), 0);
    assert_true(isnan(rounds_window_levels(&r, .5, without)));
    assert_int_equal(rounds_add(&r, x, 1, &e), 0);
    assert_true(isfinite(rounds_window_levels(&r, .5, without)));
    assert_true(isnan(rounds_window_levels(&r, 0.0, without)));
    assert_true(isnan(rounds_window_levels(&r, NAN, without)));
    rounds_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(skipping_a_round_equals_computing_anew),
        cmocka_unit_test(one_round_may_hold_the_whole_top),
        cmocka_unit_test(display_quantile),
        cmocka_unit_test(bad_samples_are_refused_whole),
        cmocka_unit_test(too_little_for_a_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
