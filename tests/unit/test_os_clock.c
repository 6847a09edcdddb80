#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "os/clock.h"

#define SOME_S UINT64_C(1795469400) /* 2026-11-23 21:30:00 UTC */

static void time_only_goes_forward(void **state)
{
    (void)state;
    uint64_t before = clock_now_ns();
    assert_true(before > 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_now_ns();
        assert_true(now >= before);
        before = now;
    }
}

static void sleeping_takes_at_least_that_long(void **state)
{
    (void)state;
    uint64_t start = clock_now_ns();
    clock_sleep_ns(20 * NS_PER_MS);
    assert_true(clock_now_ns() - start >= 20 * NS_PER_MS);
    clock_sleep_ns(0);
}

static void the_wall_clock_is_of_this_century(void **state)
{
    (void)state;
    assert_true(clock_wall_ns() > UINT64_C(1700000000) * NS_PER_S);
}

static void cpu_time_grows_with_work(void **state)
{
    (void)state;
    uint64_t start = clock_cpu_ns();
    while (clock_cpu_ns() - start < 5 * NS_PER_MS)
        ;
#ifdef __linux__
    assert_true(clock_process_cpu_ns(getpid()) >= start + 5 * NS_PER_MS);
    assert_true(clock_process_cpu_ns(0x3ffffff) == 0); /* above the largest process id */
#endif
}

static void stamps_have_the_forms_that_aws_wants(void **state)
{
    (void)state;
    char out[CLOCK_STAMP_BYTES];
    uint64_t t = SOME_S * NS_PER_S + 123 * NS_PER_MS + 999999;
    clock_stamp_basic(t, out);
    assert_string_equal(out, "20261123T213000Z");
    clock_stamp_iso(t, out);
    assert_string_equal(out, "2026-11-23T21:30:00.123Z");
    clock_stamp_day(t, out);
    assert_string_equal(out, "2026/11/23");
    clock_stamp_basic(0, out);
    assert_string_equal(out, "19700101T000000Z");
}

static void the_basic_form_reads_back(void **state)
{
    (void)state;
    assert_true(clock_parse_basic("20261123T213000Z") == SOME_S * NS_PER_S);
    assert_true(clock_parse_basic("20240229T235959Z") == UINT64_C(1709251199) * NS_PER_S);
    static const char *const bad[] = {
        "",
        "20261123T213000",
        "20261123T213000Zx",
        "20261123 213000Z",
        "2026-11-23T21:30:00Z",
        "20261323T213000Z",
        "20260230T000000Z",
        "20250229T000000Z",
        "20261123T250000Z",
        "20261123T216000Z",
        "2026 123T213000Z",
        "-0261123T213000Z",
        "19500101T000000Z",
        "20261123T213000z",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (clock_parse_basic(bad[i]))
            fail_msg("'%s' was accepted", bad[i]);
}

static void other_forms_of_time_are_read(void **state)
{
    (void)state;
    const uint64_t when = UINT64_C(1795469400) * NS_PER_S; /* 2026-11-23 21:30:00 */
    char http[CLOCK_STAMP_BYTES];
    assert_true(clock_parse_iso("2026-11-23T21:30:00Z") == when);
    assert_true(clock_parse_iso("2026-11-23T21:30:00.123456Z") == when);
    assert_true(clock_parse_iso("2026-11-23T21:30:00+00:00") == when);
    assert_true(clock_parse_iso("2026-11-23T23:00:00+01:30") == when);
    assert_true(clock_parse_iso("2026-11-23T20:30:00-01:00") == when);
    static const char *const no[] = {
        "",
        "2026-11-23",
        "2026-11-23T21:30:00",
        "2026-02-30T21:30:00Z",
        "2026-11-23T21:30:00Zx",
        "2026-11-23T21:30:00.Z",
        "2026-11-23T21:30:00+1:00",
        "2026-11-23 21:30:00Z",
    };
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_true(clock_parse_iso(no[i]) == 0);
    clock_stamp_http(when, http);
    assert_true(clock_parse_http(http) == when);
    assert_true(clock_parse_http("Mon, 23 Nov 2026 21:30:00 GMTx") == 0);
    assert_true(clock_parse_http("Mon, 23 Foo 2026 21:30:00 GMT") == 0);
    assert_true(clock_parse_http("Monday, 23-Nov-26 21:30:00 GMT") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_only_goes_forward),
        cmocka_unit_test(sleeping_takes_at_least_that_long),
        cmocka_unit_test(the_wall_clock_is_of_this_century),
        cmocka_unit_test(cpu_time_grows_with_work),
        cmocka_unit_test(stamps_have_the_forms_that_aws_wants),
        cmocka_unit_test(the_basic_form_reads_back),
        cmocka_unit_test(other_forms_of_time_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
