#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/mem.h"
#include "gate/price.h"

static void assert_close(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * fabs(b)))
        fail_msg("%.15g is not %.15g", a, b);
}

/* A million invocations of `billed_ms` each. */
static double per_million(const char *region, const char *architecture, unsigned memory_mb,
                          unsigned ephemeral_mb, double billed_ms)
{
    const struct price *p = price_find(region);
    assert_non_null(p);
    struct tariff t = price_tariff(p, architecture, memory_mb, ephemeral_mb);
    return 1e6 * (t.usd_per_ms * billed_ms + t.usd_per_request);
}

/* Worked out by hand from the price list: GB-seconds x price + requests x price. */
static void worked_examples(void **state)
{
    (void)state;
    /* 0.5 GB x 0.25 s x 1e6 = 125 000 GB-s x 0.0000166667 + 0.20 */
    assert_close(per_million("us-east-1", "x86_64", 512, 512, 250), 2.0833375 + .20);
    assert_close(per_million("us-east-1", "arm64", 512, 512, 250), 125000 * .0000133334 + .20);
    /* the example of the pricing page: 3 million calls of 120 ms with 1536 MB are 540 000 GB-s */
    assert_close(3 * per_million("us-east-1", "x86_64", 1536, 512, 120),
                 540000 * .0000166667 + .60);
    /* 128 MB, 5 ms: nearly all of it is the request */
    assert_close(per_million("us-east-1", "x86_64", 128, 512, 5), 625 * .0000166667 + .20);
    /* 10 GB of /tmp, 512 MB of it free: 9.5 GB x 1 s x 1e6 */
    assert_close(per_million("us-east-1", "x86_64", 1024, 10240, 1000),
                 1e6 * .0000166667 + 9.5e6 * .0000000309 + .20);
    assert_close(per_million("sa-east-1", "x86_64", 1024, 1536, 1000),
                 1e6 * .0000166667 + 1e6 * .0000000586 + .20);
    assert_close(per_million("eu-south-1", "arm64", 1024, 512, 1000), 1e6 * .0000156138 + .23);
}

static void small_storage_is_free(void **state)
{
    (void)state;
    assert_close(per_million("eu-west-1", "x86_64", 256, 0, 7),
                 per_million("eu-west-1", "x86_64", 256, 512, 7));
}

static void regions(void **state)
{
    (void)state;
    static const char *const known[] = {"af-south-1", "eu-central-2", "us-west-2", "us-east-1"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        const struct price *p = price_find(known[i]);
        assert_non_null(p);
        assert_string_equal(p->region, known[i]);
        assert_true(p->gb_second_arm_pico < p->gb_second_x86_pico);
    }
    assert_null(price_find("mars-north-1"));
    assert_null(price_find(""));
    assert_null(price_find("US-EAST-1"));
    assert_null(price_find(NULL));
}

/* memory_gb x seconds x 1 000 000 x 0.0000166667 */
static void compute_arithmetic(void **state)
{
    (void)state;
    assert_close(price_compute_per_million(1024, 1000), 16.6667);
    assert_close(price_compute_per_million(128, 100), .125 * .1 * 16.6667);
    assert_close(price_compute_per_million(512, 41.27), .5 * .04127 * 16.6667);
    assert_true(price_compute_per_million(512, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_examples),
        cmocka_unit_test(small_storage_is_free),
        cmocka_unit_test(regions),
        cmocka_unit_test(compute_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
