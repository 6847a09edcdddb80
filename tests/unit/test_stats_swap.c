#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/mem.h"
#include "stats/effect.h"
#include "stats/swap.h"

enum { ROUNDS = 12, CALLS = 100 };

struct sides {
    struct rounds base;
    struct rounds cand;
};

/* `hits` rounds of the candidate are 1.5 times as slow, all of it `ratio` times. */
static void fill_rounds(struct sides *s, size_t rounds, double ratio, size_t hits, uint64_t seed)
{
    struct rng rng;
    rng_seed(&rng, seed, 0);
    for (size_t k = 0; k < rounds; k++) {
        double values[2][CALLS];
        for (size_t i = 0; i < CALLS; i++) {
            values[0][i] = exp(0.1 * rng_normal(&rng));
            values[1][i] = ratio * (k < hits ? 1.5 : 1.0) * exp(0.1 * rng_normal(&rng));
        }
        struct error e;
        assert_int_equal(rounds_add(&s->base, values[0], CALLS, &e), 0);
        assert_int_equal(rounds_add(&s->cand, values[1], CALLS, &e), 0);
    }
}

static void fill(struct sides *s, uint64_t seed, double ratio, size_t hits)
{
    fill_rounds(s, ROUNDS, ratio, hits, seed);
}

static void release(struct sides *s)
{
    rounds_release(&s->base);
    rounds_release(&s->cand);
}

static bool confirms(struct sides *s, double shift, double level)
{
    struct rng rng;
    rng_seed(&rng, 1, 1);
    struct swap_question q = {&s->base, &s->cand, .95, shift, level};
    return swap_confirms(&q, &rng);
}

static void a_real_change_is_confirmed(void **state)
{
    (void)state;
    struct sides s = {0};
    fill(&s, 1, 1.3, 0);
    assert_true(confirms(&s, 0.0, .01));
    assert_true(confirms(&s, log(1.15), .01));
    assert_false(confirms(&s, log(1.3), .01));
    assert_false(confirms(&s, log(1.5), .01));
    release(&s);
}

static void the_direction_matters(void **state)
{
    (void)state;
    struct sides s = {0};
    fill(&s, 2, 1 / 1.3, 0);
    assert_false(confirms(&s, 0.0, .01));
    assert_true(confirms(&s, log(0.6), .01));
    release(&s);
}

/* Six rounds cannot show 0.001; a clear change must be found all the same, and no other. */
static void few_rounds_can_answer(void **state)
{
    (void)state;
    struct sides s = {0};
    struct sides none = {0};
    fill_rounds(&s, 6, 1.5, 0, 5);
    fill_rounds(&none, 6, 1.0, 2, 6);
    assert_true(confirms(&s, 0.0, .0001));
    assert_false(confirms(&none, 0.0, .0001));
    release(&s);
    release(&none);
}

/*
 * Three slow rounds out of twelve, all on one side, happen to one side or the other in 1 of 4 cases
 * by luck of the names; a P95 between them looks large, and its jackknife small.
 */
static void few_slow_rounds_are_not_enough(void **state)
{
    (void)state;
    struct sides s = {0};
    fill(&s, 3, 1.0, 3);
    struct effects e =
        effects_paired(&s.base, &s.cand, (struct statistic){STATISTIC_QUANTILE, .95});
    assert_true(e.ratio.estimate > log(1.2));
    assert_false(confirms(&s, 0.0, .01));
    release(&s);
}

/* In runs without a difference the answer is yes in a share `level` of them. */
static void keeps_its_level(void **state)
{
    (void)state;
    unsigned yes = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct sides s = {0};
        fill(&s, 1000 + seed, 1.1, 0);
        yes += confirms(&s, log(1.1), .05);
        release(&s);
    }
    /* 20 expected, a little less for 5 / level swaps; 4 .. 40 holds with probability 0.9999 */
    assert_in_range(yes, 4, 40);
}

static void nonsense_is_not_confirmed(void **state)
{
    (void)state;
    struct sides s = {0};
    struct rng rng;
    rng_seed(&rng, 1, 1);
    struct swap_question q = {&s.base, &s.cand, .95, 0.0, .01};
    assert_false(swap_confirms(&q, &rng)); /* no rounds */
    fill(&s, 4, 2.0, 0);
    assert_true(swap_confirms(&q, &rng));
    q.p = 1.0;
    assert_false(swap_confirms(&q, &rng));
    q.p = .95;
    q.shift = NAN;
    assert_false(swap_confirms(&q, &rng));
    q.shift = INFINITY;
    assert_false(swap_confirms(&q, &rng));
    q.shift = 0.0;
    q.level = NAN;
    assert_false(swap_confirms(&q, &rng));
    q.level = 1e-9; /* as for SWAP_LEVEL_MIN, which 12 rounds reach */
    assert_true(swap_confirms(&q, &rng));
    const double one = 1.0;
    struct error e;
    assert_int_equal(rounds_add(&s.cand, &one, 1, &e), 0);
    q.level = .01;
    assert_false(swap_confirms(&q, &rng)); /* not paired */
    release(&s);
}

/* Rounds of unequal size: with names kept, the effect is the one of effects_paired(). */
static void unequal_rounds(void **state)
{
    (void)state;
    struct sides s = {0};
    struct rng rng;
    rng_seed(&rng, 9, 0);
    for (size_t k = 0; k < 14; k++) {
        double values[CALLS];
        struct error e;
        for (size_t side = 0; side < 2; side++) {
            size_t count = 30 + 5 * ((k + side) % 7);
            for (size_t i = 0; i < count; i++)
                values[i] = (side ? 2.0 : 1.0) * exp(0.2 * rng_normal(&rng));
            assert_int_equal(rounds_add(side ? &s.cand : &s.base, values, count, &e), 0);
        }
    }
    assert_true(confirms(&s, log(1.7), .002));
    assert_false(confirms(&s, log(2.1), .002));
    release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_real_change_is_confirmed),
        cmocka_unit_test(the_direction_matters),
        cmocka_unit_test(few_rounds_can_answer),
        cmocka_unit_test(few_slow_rounds_are_not_enough),
        cmocka_unit_test(keeps_its_level),
        cmocka_unit_test(nonsense_is_not_confirmed),
        cmocka_unit_test(unequal_rounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
