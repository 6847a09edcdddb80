#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/mem.h"
#include "gate/rule.h"
#include "stats/dist.h"

static const struct look_levels levels = {.fail = .01, .pass = .05};

/* An effect whose lower bound is `lower` at the fail level. */
static struct effect effect_at(enum effect_scale scale, double estimate, double lower)
{
    struct effect e = {.state = EFFECT_DEFINED, .scale = scale, .estimate = estimate, .df = 20};
    e.se = (estimate - lower) / dist_t_critical(levels.fail, e.df);
    return e;
}

static enum rule_answer judge(enum rule_kind kind, double value, struct effect e)
{
    struct rule_limit limit = {kind, value};
    return rule_judge(&limit, &e, &levels);
}

static void relative_limit(void **state)
{
    (void)state;
    double ten = log(1.10);
    double five = log(1.05);
    /* both conditions of a FAIL, each missed by a hair */
    assert_int_equal(judge(RULE_RELATIVE, .10, effect_at(EFFECT_RATIO, ten + 1e-9, five + 1e-6)),
                     RULE_FAIL);
    assert_int_equal(judge(RULE_RELATIVE, .10, effect_at(EFFECT_RATIO, ten - 1e-9, five + 1e-6)),
                     RULE_OPEN);
    assert_int_equal(judge(RULE_RELATIVE, .10, effect_at(EFFECT_RATIO, ten + 1e-9, five - 1e-6)),
                     RULE_OPEN);
    /* sure to be slower, sure to be below the limit: pass */
    assert_int_equal(judge(RULE_RELATIVE, .10, effect_at(EFFECT_RATIO, five, five - .01)),
                     RULE_PASS);
    struct effect e = effect_at(EFFECT_RATIO, 0.0, -.1);
    e.se = (ten - 1e-9) / dist_t_critical(levels.pass, e.df);
    assert_int_equal(judge(RULE_RELATIVE, .10, e), RULE_PASS);
    e.se = (ten + 1e-9) / dist_t_critical(levels.pass, e.df);
    assert_int_equal(judge(RULE_RELATIVE, .10, e), RULE_OPEN);
}

static void absolute_increase(void **state)
{
    (void)state;
    assert_int_equal(judge(RULE_INCREASE, 5, effect_at(EFFECT_DIFFERENCE, 5.1, 2.6)), RULE_FAIL);
    assert_int_equal(judge(RULE_INCREASE, 5, effect_at(EFFECT_DIFFERENCE, 5.1, 2.4)), RULE_OPEN);
    assert_int_equal(judge(RULE_INCREASE, 5, effect_at(EFFECT_DIFFERENCE, 4.9, 4.5)), RULE_OPEN);
    assert_int_equal(judge(RULE_INCREASE, 5, effect_at(EFFECT_DIFFERENCE, 1, -1)), RULE_PASS);
}

static void maximum(void **state)
{
    (void)state;
    assert_int_equal(judge(RULE_MAXIMUM, 800, effect_at(EFFECT_LEVEL, log(820), log(801))),
                     RULE_FAIL);
    assert_int_equal(judge(RULE_MAXIMUM, 800, effect_at(EFFECT_LEVEL, log(820), log(799))),
                     RULE_OPEN);
    assert_int_equal(judge(RULE_MAXIMUM, 800, effect_at(EFFECT_LEVEL, log(700), log(690))),
                     RULE_PASS);
    assert_int_equal(judge(RULE_MAXIMUM, 800, effect_at(EFFECT_LEVEL, log(795), log(750))),
                     RULE_OPEN);
}

static void demanded_improvement(void **state)
{
    (void)state;
    assert_int_equal(judge(RULE_RELATIVE, -.10, effect_at(EFFECT_RATIO, 0.0, -.05)), RULE_FAIL);
    assert_int_equal(judge(RULE_RELATIVE, -.10, effect_at(EFFECT_RATIO, -.1, -.107)), RULE_OPEN);
    assert_int_equal(judge(RULE_RELATIVE, -.10, effect_at(EFFECT_RATIO, -.2, -.21)), RULE_PASS);
}

static void nonsense_stays_open(void **state)
{
    (void)state;
    struct effect good = effect_at(EFFECT_RATIO, -.5, -.51);
    struct effect bad = effect_at(EFFECT_RATIO, .5, .49);
    assert_int_equal(judge(RULE_RELATIVE, .1, good), RULE_PASS);
    assert_int_equal(judge(RULE_RELATIVE, .1, bad), RULE_FAIL);
    for (int state_of = EFFECT_UNDEFINED; state_of < EFFECT_DEFINED; state_of++) {
        good.state = bad.state = (enum effect_state)state_of;
        assert_int_equal(judge(RULE_RELATIVE, .1, good), RULE_OPEN);
        assert_int_equal(judge(RULE_RELATIVE, .1, bad), RULE_OPEN);
    }
    good.state = EFFECT_DEFINED;
    assert_int_equal(judge(RULE_RELATIVE, NAN, good), RULE_OPEN);
    assert_int_equal(judge(RULE_RELATIVE, INFINITY, good), RULE_OPEN);
    assert_int_equal(judge(RULE_RELATIVE, -1.0, good), RULE_OPEN);
    assert_int_equal(judge(RULE_INCREASE, 5.0, good), RULE_OPEN); /* another scale */
    assert_int_equal(judge(RULE_MAXIMUM, 5.0, good), RULE_OPEN);
    good.scale = EFFECT_LEVEL;
    assert_int_equal(judge(RULE_MAXIMUM, 0.0, good), RULE_OPEN);
    assert_int_equal(judge(RULE_MAXIMUM, -3.0, good), RULE_OPEN);
    good.scale = EFFECT_RATIO;
    good.se = 0.0;
    assert_int_equal(judge(RULE_RELATIVE, .1, good), RULE_OPEN);
    good.se = NAN;
    assert_int_equal(judge(RULE_RELATIVE, .1, good), RULE_OPEN);
    good.se = .001;
    good.estimate = NAN;
    assert_int_equal(judge(RULE_RELATIVE, .1, good), RULE_OPEN);
}

#define O RULE_OPEN
#define P RULE_PASS
#define F RULE_FAIL

static void combinations(void **state)
{
    (void)state;
    static const struct rule_limit limits[] = {
        {RULE_RELATIVE, .1}, {RULE_INCREASE, 5}, {RULE_MAXIMUM, 800}};
    static const struct {
        enum rule_answer answers[3];
        enum rule_answer want;
    } rows[] = {
        {{F, F, P}, F}, {{F, F, O}, F}, {{F, O, P}, O}, {{F, P, P}, P}, {{P, O, P}, P},
        {{P, P, O}, O}, {{O, O, P}, O}, {{P, P, F}, F}, {{O, O, F}, F}, {{F, P, O}, O},
        {{O, P, P}, P}, {{O, O, O}, O}, {{P, F, F}, F},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(rule_combine(limits, rows[i].answers, 3), rows[i].want);
    enum rule_answer one = RULE_PASS;
    assert_int_equal(rule_combine(&limits[2], &one, 1), RULE_PASS);
    assert_int_equal(rule_combine(&limits[0], &one, 1), RULE_PASS);
    one = RULE_FAIL;
    assert_int_equal(rule_combine(&limits[0], &one, 1), RULE_FAIL);
    one = RULE_OPEN;
    assert_int_equal(rule_combine(&limits[2], &one, 1), RULE_OPEN);
    assert_int_equal(rule_combine(NULL, NULL, 0), RULE_OPEN);
}

static void each_kind_has_its_effect(void **state)
{
    (void)state;
    struct effects all = {.ratio = {.units = 0}};
    assert_ptr_equal(rule_effect(RULE_RELATIVE, &all), &all.ratio);
    assert_ptr_equal(rule_effect(RULE_INCREASE, &all), &all.difference);
    assert_ptr_equal(rule_effect(RULE_MAXIMUM, &all), &all.level);
}

enum { ROUNDS = 12, CALLS = 100 };

/* `hits` rounds of the candidate are half as slow again, all of it `ratio` times the baseline. */
static void add_rounds(struct rule_samples *samples, double ratio, size_t hits)
{
    struct rng rng;
    rng_seed(&rng, 3, 0);
    for (size_t k = 0; k < ROUNDS; k++) {
        double values[2][CALLS];
        for (size_t i = 0; i < CALLS; i++) {
            values[0][i] = exp(0.1 * rng_normal(&rng));
            values[1][i] = ratio * (k < hits ? 1.5 : 1.0) * exp(0.1 * rng_normal(&rng));
        }
        struct error e;
        assert_int_equal(rounds_add(samples->baseline, values[0], CALLS, &e), 0);
        assert_int_equal(rounds_add(samples->candidate, values[1], CALLS, &e), 0);
    }
}

/*
 * The rule's answer, with a standard error so small that rule_judge() alone would say FAIL or PASS.
 */
static enum rule_answer decide(const struct rule_limit *limit, struct rule_samples *samples)
{
    struct effects all = effects_paired(samples->baseline, samples->candidate, samples->statistic);
    struct effect e = *rule_effect(limit->kind, &all);
    e.se = 1e-6;
    return rule_decide(limit, &e, samples, &levels);
}

static void a_fail_needs_the_second_opinion(void **state)
{
    (void)state;
    static const struct {
        struct rule_limit limit;
        double ratio;
        size_t hits;
        enum statistic_kind statistic;
        enum rule_answer want;
    } rows[] = {
        {{RULE_RELATIVE, .10}, 1.30, 0, STATISTIC_QUANTILE, RULE_FAIL},
        {{RULE_RELATIVE, .10}, 1.00, 0, STATISTIC_QUANTILE, RULE_PASS},
        {{RULE_RELATIVE, .10}, 1.00, 3, STATISTIC_QUANTILE, RULE_OPEN},
        {{RULE_INCREASE, .20}, 1.30, 0, STATISTIC_QUANTILE, RULE_FAIL},
        {{RULE_INCREASE, .20}, 1.00, 3, STATISTIC_QUANTILE, RULE_OPEN},
        {{RULE_RELATIVE, .10}, 1.00, 3, STATISTIC_MEAN, RULE_FAIL}, /* a mean is not asked */
        {{RULE_MAXIMUM, 1.10}, 1.00, 3, STATISTIC_QUANTILE, RULE_FAIL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rounds base = {0};
        struct rounds cand = {0};
        struct rule_samples samples = {&base, &cand, {rows[i].statistic, .95}};
        add_rounds(&samples, rows[i].ratio, rows[i].hits);
        enum rule_answer answer = decide(&rows[i].limit, &samples);
        if (answer != rows[i].want)
            fail_msg("row %zu: %d, not %d", i, answer, rows[i].want);
        rounds_release(&base);
        rounds_release(&cand);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relative_limit),
        cmocka_unit_test(absolute_increase),
        cmocka_unit_test(maximum),
        cmocka_unit_test(demanded_improvement),
        cmocka_unit_test(nonsense_stays_open),
        cmocka_unit_test(combinations),
        cmocka_unit_test(each_kind_has_its_effect),
        cmocka_unit_test(a_fail_needs_the_second_opinion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
