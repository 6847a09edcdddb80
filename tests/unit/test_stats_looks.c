#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/mem.h"
#include "stats/dist.h"
#include "stats/looks.h"
#include "stats_table.h"

static const struct look_plan usual = {10, 2, 120};

static void when_to_look(void **state)
{
    (void)state;
    const struct look_plan plan = {10, 4, 20};
    unsigned due = 0;
    for (unsigned k = 0; k < 40; k++)
        due += look_is_due(&plan, k);
    assert_int_equal(due, 4); /* 10, 14, 18, 20 */
    assert_true(look_is_due(&plan, 20));
    assert_false(look_is_due(&plan, 12));
    assert_false(look_is_due(&plan, 22));
    assert_int_equal(look_count(&plan), 4);
    assert_int_equal(look_count(&usual), 56);
    assert_int_equal(look_count(&(struct look_plan){7, 3, 7}), 1);
    assert_int_equal(look_count(&(struct look_plan){1, 2, 20}), 0);
    assert_int_equal(look_count(&(struct look_plan){10, 0, 20}), 0);
    assert_int_equal(look_count(&(struct look_plan){10, 2, 8}), 0);
    assert_false(look_is_due(&(struct look_plan){10, 0, 20}, 10));
}

static void tabled_levels(void **state)
{
    (void)state;
    /* independent computation (600 000 runs): 0.001002 and 0.005132 */
    assert_true(stats_near(look_level_tabled(&usual, .01), .001002, .02));
    assert_true(stats_near(look_level_tabled(&usual, .04), .005132, .02));
    assert_true(stats_near(look_level_tabled(&(struct look_plan){6, 2, 60}, .05), .007892, .02));
    double last = 0.0;
    for (double alpha = .0001; alpha <= .1; alpha *= 1.1) {
        double level = look_level_tabled(&usual, alpha);
        assert_true(level > last);
        assert_true(level > alpha / look_count(&usual));
        assert_true(level < alpha);
        last = level;
    }
    /* between two rows, and beyond them */
    double between = look_level_tabled(&(struct look_plan){10, 2, 110}, .01);
    assert_true(between < look_level_tabled(&(struct look_plan){10, 2, 100}, .01));
    assert_true(between > look_level_tabled(&usual, .01));
    assert_true(isnan(look_level_tabled(&(struct look_plan){10, 2, 1000}, .01)));
    assert_true(isnan(look_level_tabled(&(struct look_plan){10, 2, 12}, .01)));
    assert_true(isnan(look_level_tabled(&(struct look_plan){11, 2, 50}, .01)));
    assert_true(isnan(look_level_tabled(&usual, .2)));
    assert_true(isnan(look_level_tabled(&usual, NAN)));
}

static void calibration_agrees_with_the_table(void **state)
{
    (void)state;
    const struct look_plan plan = {10, 2, 40};
    const double alphas[] = {.01, .05};
    double levels[2];
    struct rng rng;
    rng_seed(&rng, 1, 1);
    assert_int_equal(look_calibrate(&plan, alphas, levels, 2, 30000, &rng), 0);
    assert_true(stats_near(levels[0], look_level_tabled(&plan, .01), .15));
    assert_true(stats_near(levels[1], look_level_tabled(&plan, .05), .07));
    /* one look: nothing to correct */
    const struct look_plan once = {10, 1, 10};
    assert_int_equal(look_calibrate(&once, alphas, levels, 2, 30000, &rng), 0);
    assert_true(stats_near(levels[1], .05, .07));
    const double bad[] = {.5};
    assert_int_equal(look_calibrate(&once, bad, levels, 1, 100, &rng), -1);
    assert_int_equal(look_calibrate(&once, alphas, levels, 2, 0, &rng), -1);
    assert_int_equal(look_calibrate(&(struct look_plan){1, 1, 1}, alphas, levels, 2, 9, &rng), -1);
}

/* Fresh normal rounds with another generator seed: all looks together must err at most alpha. */
static void all_looks_together_keep_alpha(void **state)
{
    (void)state;
    const struct look_plan plan = {10, 2, 60};
    struct look_levels levels;
    assert_int_equal(look_levels_find(&plan, .05, .05, &levels), 0);
    enum { RUNS = 4000 };
    unsigned wrong = 0;
    for (unsigned i = 0; i < RUNS; i++) {
        struct rng rng;
        rng_seed(&rng, 77, i);
        double sum = 0.0;
        double squares = 0.0;
        for (unsigned k = 1; k <= plan.last; k++) {
            double x = rng_normal(&rng);
            sum += x;
            squares += x * x;
            if (!look_is_due(&plan, k))
                continue;
            double n = k;
            struct effect e = {.state = EFFECT_DEFINED, .estimate = sum / n, .df = n - 1};
            e.se = sqrt((squares - sum * sum / n) / (n - 1) / n);
            if (effect_lower(&e, levels.fail) > 0.0) {
                wrong++;
                break;
            }
        }
    }
    /* 200 expected, standard deviation 14 */
    assert_in_range(wrong, 145, 255);
}

static void levels_for_any_plan(void **state)
{
    (void)state;
    struct look_levels a, b;
    assert_int_equal(look_levels_find(&usual, .004, .04, &a), 0);
    assert_true(a.fail == look_level_tabled(&usual, .004));
    assert_true(a.pass == look_level_tabled(&usual, .04));
    /* below the table: Bonferroni */
    assert_int_equal(look_levels_find(&usual, 1e-6, .04, &a), 0);
    assert_true(stats_near(a.fail, 1e-6 / 56, 1e-12));
    /* not tabled: the same levels every time */
    const struct look_plan odd = {7, 3, 25};
    assert_int_equal(look_levels_find(&odd, .01, .05, &a), 0);
    assert_int_equal(look_levels_find(&odd, .01, .05, &b), 0);
    assert_true(a.fail == b.fail && a.pass == b.pass);
    assert_true(a.fail < .01 && a.fail > .01 / 7);
    assert_int_equal(look_levels_find(&odd, 0.0, .05, &a), -1);
    assert_int_equal(look_levels_find(&odd, .01, .5, &a), -1);
    assert_int_equal(look_levels_find(&(struct look_plan){0, 0, 0}, .01, .05, &a), -1);
}

static void planning(void **state)
{
    (void)state;
    const struct look_levels levels = {.001, .01};
    struct effect e = {.state = EFFECT_DEFINED, .se = .02, .df = 20, .units = 25};
    double both = dist_t_critical(.001, 20) + dist_t_critical(.01, 20);
    assert_true(stats_near(look_detectable(&e, &levels), both * .02, 1e-12));
    assert_true(stats_near(look_detectable_at(&e, &levels, 0.0, 100), both * .01, 1e-12));
    assert_true(stats_near(look_detectable_at(&e, &levels, .01, 100), both * sqrt(.0002), 1e-12));
    double rounds = look_rounds_needed(&e, &levels, .01, both * sqrt(.0002));
    assert_true(rounds >= 100 && rounds <= 101);
    /* the floor alone is wider than the distance: never */
    assert_true(look_rounds_needed(&e, &levels, .01, both * .0099) == 0.0);
    assert_true(look_rounds_needed(&e, &levels, .0, -1.0) == 0.0);
    e.state = EFFECT_FEW_ROUNDS;
    assert_true(isnan(look_detectable(&e, &levels)));
    assert_true(isnan(look_detectable_at(&e, &levels, 0.0, 100)));
    assert_true(look_rounds_needed(&e, &levels, 0.0, .1) == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_to_look),
        cmocka_unit_test(tabled_levels),
        cmocka_unit_test(calibration_agrees_with_the_table),
        cmocka_unit_test(all_looks_together_keep_alpha),
        cmocka_unit_test(levels_for_any_plan),
        cmocka_unit_test(planning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
