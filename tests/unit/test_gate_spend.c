/* What measuring costs, and that no budget is ever exceeded. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "gate/spend.h"

static const struct plan_function function = {.name = "f", .timeout_s = 3};
static const struct tariff tariff = {.usd_per_ms = 1e-6, .usd_per_request = 2e-7};

static double cost(enum sample_status status, uint32_t billed_ms)
{
    struct sample s = {.status = (uint8_t)status, .billed_ms = billed_ms};
    struct spend spend = {0};
    spend_add(&spend, &s, &tariff, &function);
    assert_int_equal(spend.invocations, 1);
    return spend.usd;
}

static void one_invocation(void **state)
{
    (void)state;
    double most = spend_most(&tariff, &function);
    assert_true(fabs(most - (13000e-6 + 2e-7)) < 1e-15);
    assert_true(fabs(cost(SAMPLE_OK, 250) - (250e-6 + 2e-7)) < 1e-15);
    assert_true(fabs(cost(SAMPLE_FUNCTION_ERROR, 4) - (4e-6 + 2e-7)) < 1e-15);
    assert_true(cost(SAMPLE_THROTTLED, SAMPLE_NONE) == 0);
    /* nobody knows: as dear as it can have been */
    assert_true(cost(SAMPLE_UNKNOWN, SAMPLE_NONE) == most);
    assert_true(cost(SAMPLE_TIMEOUT, SAMPLE_NONE) == most);
    assert_true(cost(SAMPLE_TAMPERED, 1) == most);
}

static void no_limit(void **state)
{
    (void)state;
    struct budget none = {0};
    struct spend much = {UINT64_C(1) << 40, 1e9};
    assert_true(budget_allows(&none, &much, 1000, 1));
    struct budget share = budget_share(&none, &much, 3);
    assert_true(share.invocations == 0 && share.usd == 0);
}

static void limits(void **state)
{
    (void)state;
    struct budget b = {.invocations = 1000, .usd = 0.5};
    assert_true(budget_allows(&b, &(struct spend){800, 0.3}, 200, 0.001));
    assert_false(budget_allows(&b, &(struct spend){801, 0.3}, 200, 0.001));
    assert_false(budget_allows(&b, &(struct spend){0, 0.3001}, 200, 0.001));
    assert_true(budget_allows(&b, &(struct spend){0, 0.3}, 200, 0));
}

/* Functions share what is left; one that gets nothing is allowed nothing, not everything. */
static void sharing(void **state)
{
    (void)state;
    struct budget whole = {.invocations = 1000, .usd = 1};
    struct budget share = budget_share(&whole, &(struct spend){400, 0.4}, 3);
    assert_int_equal(share.invocations, 200);
    assert_true(fabs(share.usd - 0.2) < 1e-12);
    share = budget_share(&whole, &(struct spend){1200, 1.5}, 2);
    assert_false(budget_allows(&share, &(struct spend){0, 0}, 2, 1e-6));
    assert_true(share.usd > 0 && share.invocations == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_invocation),
        cmocka_unit_test(no_limit),
        cmocka_unit_test(limits),
        cmocka_unit_test(sharing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
