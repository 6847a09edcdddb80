#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "model/plan.h"
#include "stats/looks.h"
#include "stats/quantile.h"

static void finds_functions(void **state)
{
    (void)state;
    struct plan *p = plan_new();
    assert_null(plan_find(p, "checkout"));
    assert_string_equal(p->directory, ".");
    struct plan_function *functions = arena_alloc(&p->arena, 2 * sizeof *functions);
    functions[0].name = "checkout";
    functions[1].name = "check";
    p->functions = functions;
    p->function_count = 2;
    assert_ptr_equal(plan_find(p, "checkout"), &functions[0]);
    assert_ptr_equal(plan_find(p, "check"), &functions[1]);
    assert_null(plan_find(p, "Check"));
    assert_null(plan_find(p, ""));
    plan_free(p);
    plan_free(NULL);
}

/*
 * The defaults can be judged: there is a schedule of looks, and P99 has its thousand calls at the
 * first one.
 */
static void defaults_make_sense(void **state)
{
    (void)state;
    struct plan_rounds r = PLAN_DEFAULT_ROUNDS;
    struct look_plan looks = {r.min, r.step, r.max};
    struct look_levels levels;
    assert_true(look_plan_valid(&looks));
    assert_int_equal(look_levels_find(&looks, .01, .04, &levels), 0);
    assert_true(r.min * r.environments * r.calls >= quantile_samples_min(.99));
    assert_true(PLAN_DEFAULT_COLD_RATE > 0 && PLAN_DEFAULT_COLD_RATE < 1);
    assert_true(PLAN_DEFAULT_EPHEMERAL_MB == 512); /* what Lambda gives for nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_functions),
        cmocka_unit_test(defaults_make_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
