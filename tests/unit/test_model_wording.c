#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "model/wording.h"

static void assert_text(struct buf *text, const char *expected)
{
    assert_string_equal(text->data, expected);
    buf_release(text);
}

static void changes(void **state)
{
    (void)state;
    static const struct {
        enum metric_id id;
        double pct;
        const char *text;
    } rows[] = {
        {METRIC_P99, 18.44, "18.4 % slower"},
        {METRIC_P99, -2.06, "2.1 % faster"},
        {METRIC_P99, .04, "unchanged"},
        {METRIC_P99, -.04, "unchanged"},
        {METRIC_P99, 99.94, "99.9 % slower"},
        {METRIC_P99, 240.4, "240 % slower"},
        {METRIC_P99, NAN, "not measured"},
        {METRIC_P99, INFINITY, "not measured"},
        {METRIC_COST_PER_MILLION, 5, "5.0 % more expensive"},
        {METRIC_COST_PER_MILLION, -5, "5.0 % cheaper"},
        {METRIC_MAX_MEMORY, 5, "5.0 % higher"},
        {METRIC_PACKAGE_SIZE, 5, "5.0 % larger"},
        {METRIC_PACKAGE_SIZE, -5, "5.0 % smaller"},
        {METRIC_THROUGHPUT, -9.1, "9.1 % lower"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text;
        buf_init(&text);
        wording_change(&text, &metrics[rows[i].id], rows[i].pct);
        assert_text(&text, rows[i].text);
    }
}

static void values(void **state)
{
    (void)state;
    static const struct {
        enum metric_id id;
        double value;
        const char *text;
    } rows[] = {
        {METRIC_P99, 212.1, "212 ms"},
        {METRIC_P99, NAN, "not measured"},
        {METRIC_MAX_MEMORY, 88, "88 MB"},
        {METRIC_ERROR_RATE, 0, "0 %"},
        {METRIC_ERROR_RATE, .005, "0.50 %"},
        {METRIC_ERROR_RATE, 1, "100 %"},
        {METRIC_COST_PER_MILLION, 3.12, "$3.12"},
        {METRIC_THROUGHPUT, 24.3, "24.3/s"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text;
        buf_init(&text);
        wording_value(&text, &metrics[rows[i].id], rows[i].value);
        assert_text(&text, rows[i].text);
    }
}

static struct result_metric p99(enum verdict v, double change, double low, double high)
{
    struct result_metric m = result_metric_none(&metrics[METRIC_P99]);
    m.verdict = v;
    m.baseline = 100;
    m.candidate = 100 * (1 + change / 100);
    m.change_pct = change;
    m.ci_low_pct = low;
    m.ci_high_pct = high;
    m.limits[0] = "+10%";
    m.limit_count = 1;
    return m;
}

static void limits_are_listed(void **state)
{
    (void)state;
    struct result_metric m = p99(VERDICT_PASS, 0, -1, 1);
    struct buf text;
    buf_init(&text);
    m.limits[1] = "+5ms";
    m.limit_count = 2;
    wording_limits(&text, &m);
    assert_text(&text, "+10%, +5ms");
}

static void reasons(void **state)
{
    (void)state;
    struct result_metric m = p99(VERDICT_FAIL, 18.4, 14.9, 22);
    struct buf text;
    buf_init(&text);
    wording_reason(&text, &m);
    assert_text(&text,
                "P99 is 18.4 % slower (95 % interval +14.9 % to +22.0 %); the limit is +10%.");
    m = p99(VERDICT_INCONCLUSIVE, 8, -5, 22);
    m.rounds_needed = 57.2;
    wording_reason(&text, &m);
    assert_non_null(strstr(text.data, "telling would take about 58 rounds."));
    buf_release(&text);
    m = result_metric_none(&metrics[METRIC_CPU_MS]);
    wording_reason(&text, &m);
    assert_text(&text, "CPU time was not measured.");
}

static const char *headline(struct buf *text, enum verdict v, struct result_metric *m,
                            const char **warnings, bool identical)
{
    struct result_function f = {.verdict = v,
                                .metrics = m,
                                .metric_count = m ? 1 : 0,
                                .warnings = warnings,
                                .warning_count = warnings ? 1 : 0,
                                .identical = identical};
    buf_clear(text);
    wording_headline(text, &f);
    return text->data;
}

static void headlines(void **state)
{
    (void)state;
    const char *warnings[] = {"the machine was busy"};
    struct result_metric slow = p99(VERDICT_FAIL, 18.4, 14.9, 22);
    struct result_metric fast = p99(VERDICT_PASS, -7, -9, -5);
    struct result_metric same = p99(VERDICT_PASS, -1, -3, 2);
    struct result_metric open = p99(VERDICT_INCONCLUSIVE, 8, -5, 22);
    struct result_metric high = p99(VERDICT_FAIL, -3, -5, -1);
    struct buf text;
    buf_init(&text);
    open.noise_floor_pct = 12.3;
    high.limits[0] = "< 80ms";
    assert_string_equal(headline(&text, VERDICT_FAIL, &slow, NULL, false),
                        "P99 is 18.4 % slower (limit +10%)");
    /* a maximum is broken by the value, also where the candidate is the faster one */
    assert_string_equal(headline(&text, VERDICT_FAIL, &high, NULL, false),
                        "P99 is 97.0 ms (limit < 80ms)");
    assert_string_equal(headline(&text, VERDICT_PASS, &fast, NULL, false),
                        "within all limits; P99 is 7.0 % faster");
    assert_string_equal(headline(&text, VERDICT_PASS, &same, NULL, false), "within all limits");
    assert_string_equal(headline(&text, VERDICT_PASS, NULL, NULL, true),
                        "within all limits: the packages are identical, nothing was invoked");
    assert_string_equal(headline(&text, VERDICT_INCONCLUSIVE, &open, NULL, false),
                        "cannot tell: P99 is 8.0 % slower, give or take 12.3 % (limit +10%)");
    assert_string_equal(headline(&text, VERDICT_INCONCLUSIVE, &same, warnings, false),
                        "cannot tell: the machine was busy");
    assert_string_equal(headline(&text, VERDICT_ERROR, &same, warnings, false),
                        "could not be measured: the machine was busy");
    assert_string_equal(headline(&text, VERDICT_ERROR, NULL, NULL, false), "could not be measured");
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes), cmocka_unit_test(values),    cmocka_unit_test(limits_are_listed),
        cmocka_unit_test(reasons), cmocka_unit_test(headlines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
