#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"

/*
 * The first outputs from the state {1, 2, 3, 4}, as other implementations of xoshiro256** give
 * them.
 */
static void generator_matches_the_published_sequence(void **state)
{
    (void)state;
    static const uint64_t wanted[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    struct rng r = {{1, 2, 3, 4}};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        assert_true(rng_next(&r) == wanted[i]);
}

/* Computed with an implementation in another language. */
static void seeding_is_the_same_everywhere(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed, stream, first_state, outputs[4];
    } rows[] = {
        {1,
         0,
         0x5e41ab087439611e,
         {0xee127fe613436e33, 0xd6dad8d34a1874ea, 0x2a52c16cec1116a9, 0x9af9091d9f77d551}},
        {1,
         1,
         0xe9fd6049d65af21e,
         {0x309714ec38d33b4c, 0x1bc11473d28024a0, 0xaa4f7bbef2a5a194, 0xe418b571ccc48341}},
        {42,
         7,
         0x16062d6c1339e500,
         {0x4150452ab869a892, 0x63980fc0383ce41b, 0x6276ee9c4552e56d, 0x96a8154c710ce93c}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rng r;
        rng_seed(&r, rows[i].seed, rows[i].stream);
        assert_true(r.state[0] == rows[i].first_state);
        for (size_t j = 0; j < 4; j++)
            assert_true(rng_next(&r) == rows[i].outputs[j]);
    }
}

enum { DRAWS = 200000 };

struct moments {
    double mean, variance, skew, low, high;
};

static struct moments draw(double (*next)(struct rng *), uint64_t stream)
{
    struct rng r;
    rng_seed(&r, 20260101, stream);
    double sum = 0, squares = 0, cubes = 0;
    struct moments m = {.low = INFINITY, .high = -INFINITY};
    for (int i = 0; i < DRAWS; i++) {
        double x = next(&r);
        sum += x;
        squares += x * x;
        cubes += x * x * x;
        m.low = fmin(m.low, x);
        m.high = fmax(m.high, x);
    }
    const double count = DRAWS;
    m.mean = sum / count;
    m.variance = squares / count - m.mean * m.mean;
    double third = cubes / count - 3 * m.mean * m.variance - pow(m.mean, 3);
    m.skew = third / pow(m.variance, 1.5);
    return m;
}

/* The bounds are about five standard errors; the seed is fixed, so the outcome is too. */
static void uniform_numbers_fill_the_unit_interval(void **state)
{
    (void)state;
    struct moments m = draw(rng_uniform, 1);
    assert_true(m.low >= 0 && m.low < 1e-3);
    assert_true(m.high < 1 && m.high > 1 - 1e-3);
    assert_true(fabs(m.mean - 0.5) < 0.0033);
    assert_true(fabs(m.variance - 1.0 / 12) < 0.0009);
}

static void normal_numbers_have_the_right_moments(void **state)
{
    (void)state;
    struct moments m = draw(rng_normal, 2);
    assert_true(fabs(m.mean) < 0.0112);
    assert_true(fabs(m.variance - 1) < 0.016);
    assert_true(fabs(m.skew) < 0.028);
    assert_true(m.low < -3.5 && m.low > -7 && m.high > 3.5 && m.high < 7);
}

static void exponential_numbers_have_the_right_moments(void **state)
{
    (void)state;
    struct moments m = draw(rng_exponential, 3);
    assert_true(m.low >= 0);
    assert_true(fabs(m.mean - 1) < 0.0112);
    assert_true(fabs(m.variance - 1) < 0.032);
    assert_true(fabs(m.skew - 2) < 0.2);
}

static void below_is_unbiased(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 5, 0);
    unsigned hits[6] = {0};
    for (int i = 0; i < 60000; i++) {
        uint64_t x = rng_below(&r, 6);
        assert_true(x < 6);
        hits[x]++;
    }
    double chi2 = 0;
    for (size_t i = 0; i < 6; i++)
        chi2 += (hits[i] - 10000.0) * (hits[i] - 10000.0) / 10000.0;
    assert_true(chi2 < 20.5); /* 99.9 % of fair dice, 5 degrees of freedom */
    assert_true(rng_below(&r, 1) == 0);
    /* with this bound a plain remainder would give the lower half twice as often */
    unsigned low = 0;
    for (int i = 0; i < 10000; i++)
        low += rng_below(&r, UINT64_C(3) << 62) < UINT64_C(3) << 61;
    assert_true(low > 4750 && low < 5250);
}

static void shuffling_is_fair_and_loses_nothing(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 9, 0);
    unsigned orders[6] = {0};
    for (int i = 0; i < 6000; i++) {
        uint32_t items[3] = {0, 1, 2};
        rng_shuffle(&r, items, 3);
        assert_int_equal(1u << items[0] | 1u << items[1] | 1u << items[2], 7);
        orders[items[0] * 2 + (items[1] > items[2])]++;
    }
    double chi2 = 0;
    for (size_t i = 0; i < 6; i++)
        chi2 += (orders[i] - 1000.0) * (orders[i] - 1000.0) / 1000.0;
    assert_true(chi2 < 20.5);
    uint32_t one[1] = {7};
    rng_shuffle(&r, one, 1);
    rng_shuffle(&r, NULL, 0);
    assert_int_equal(one[0], 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generator_matches_the_published_sequence),
        cmocka_unit_test(seeding_is_the_same_everywhere),
        cmocka_unit_test(uniform_numbers_fill_the_unit_interval),
        cmocka_unit_test(normal_numbers_have_the_right_moments),
        cmocka_unit_test(exponential_numbers_have_the_right_moments),
        cmocka_unit_test(below_is_unbiased),
        cmocka_unit_test(shuffling_is_fair_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
