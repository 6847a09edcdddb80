#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "config/limits.h"
#include "config/scalar.h"

/* ---- what an unquoted text means ---- */

struct row {
    const char *text;
    enum scalar_kind kind;
    double number;
};

#define TEXT      SCALAR_TEXT, 0
#define UNSURE    SCALAR_UNSURE, 0
#define NUMBER(n) SCALAR_NUMBER, n
#define BOOL(n)   SCALAR_BOOL, n
#define NONE      SCALAR_NULL, 0

static const struct row rows[] = {
    /* numbers */
    {"0", NUMBER(0)},
    {"1", NUMBER(1)},
    {"9", NUMBER(9)},
    {"10", NUMBER(10)},
    {"007", UNSURE},
    {"00", UNSURE},
    {"01", UNSURE},
    {"010", UNSURE},
    {"0.5", NUMBER(.5)},
    {"00.5", UNSURE},
    {"1.0", NUMBER(1)},
    {"1.50", NUMBER(1.5)},
    {"-1", NUMBER(-1)},
    {"+1", NUMBER(1)},
    {"-0", NUMBER(0)},
    {"+0.25", NUMBER(.25)},
    {"-010", UNSURE},
    {"123456789012345", NUMBER(123456789012345)},
    {"9223372036854775808", NUMBER(9223372036854775808.)},
    {"12345678901234567890123456789012345678901", UNSURE},
    {".5", UNSURE},
    {"5.", UNSURE},
    {"-.5", UNSURE},
    {"+.5", UNSURE},
    {"-5.", UNSURE},
    {".", TEXT},
    {"-", TEXT},
    {"+", TEXT},
    {"..", TEXT},
    {"1..2", TEXT},
    {"1.2.3", TEXT},
    {"--1", TEXT},
    {"+-1", TEXT},
    {"1-", TEXT},
    {"1+1", TEXT},
    {"1,5", TEXT},
    {"1.5,0", TEXT},
    {"1 000", TEXT},
    {"1'000", TEXT},
    /* underscores */
    {"1_000", UNSURE},
    {"1_0", UNSURE},
    {"1_", UNSURE},
    {"_1", TEXT},
    {"_", TEXT},
    {"__", TEXT},
    {"1_000.5", UNSURE},
    {"1.5_0", UNSURE},
    {"1_a", TEXT},
    {"a_1", TEXT},
    {"-1_000", UNSURE},
    {"._1", UNSURE},
    {"1__0", UNSURE},
    /* other bases */
    {"0x10", UNSURE},
    {"0X10", TEXT},
    {"0xff", UNSURE},
    {"0xFF", UNSURE},
    {"0xg", TEXT},
    {"0x", TEXT},
    {"-0x1", UNSURE},
    {"+0x1", UNSURE},
    {"0x_1", UNSURE},
    {"0o17", UNSURE},
    {"0o18", TEXT},
    {"0o", TEXT},
    {"0b101", UNSURE},
    {"0b102", TEXT},
    {"0b", TEXT},
    {"0b_1", UNSURE},
    {"1x0", TEXT},
    {"0x1p3", TEXT},
    {"0x1.8", TEXT},
    {"08", UNSURE},
    {"09", UNSURE},
    {"0", NUMBER(0)},
    /* exponents */
    {"1e3", UNSURE},
    {"1E3", UNSURE},
    {"1e+3", UNSURE},
    {"1e-3", UNSURE},
    {"1.5e3", UNSURE},
    {"1.e3", UNSURE},
    {".5e3", UNSURE},
    {"1e999", UNSURE},
    {"-1e3", UNSURE},
    {"1e", TEXT},
    {"e3", TEXT},
    {"1e3x", TEXT},
    {"1e+", TEXT},
    {"1e3.5", TEXT},
    {".e3", TEXT},
    {"1_0e3", UNSURE},
    /* to the base of 60 */
    {"12:30", UNSURE},
    {"12:30:45", UNSURE},
    {"12:30:45.5", UNSURE},
    {"1:2", UNSURE},
    {"-12:30", UNSURE},
    {"12:", TEXT},
    {":30", TEXT},
    {"12:3a", TEXT},
    {"a:30", TEXT},
    {"12::30", TEXT},
    {"190:20:30", UNSURE},
    {"1:99", UNSURE},
    {"12:30:", TEXT},
    /* no numbers */
    {".nan", UNSURE},
    {".NaN", UNSURE},
    {".NAN", UNSURE},
    {".inf", UNSURE},
    {".Inf", UNSURE},
    {".INF", UNSURE},
    {"-.inf", UNSURE},
    {"+.inf", UNSURE},
    {"-.INF", UNSURE},
    {"nan", TEXT},
    {"NaN", TEXT},
    {"inf", TEXT},
    {"Infinity", TEXT},
    {"-inf", TEXT},
    {"-.nan", TEXT},
    {"infinity", TEXT},
    {"1.#INF", TEXT},
    {"0xnan", TEXT},
    /* words */
    {"true", BOOL(1)},
    {"True", BOOL(1)},
    {"TRUE", BOOL(1)},
    {"tRUE", TEXT},
    {"false", BOOL(0)},
    {"False", BOOL(0)},
    {"FALSE", BOOL(0)},
    {"fALSE", TEXT},
    {"yes", UNSURE},
    {"Yes", UNSURE},
    {"YES", UNSURE},
    {"no", UNSURE},
    {"No", UNSURE},
    {"NO", UNSURE},
    {"on", UNSURE},
    {"On", UNSURE},
    {"ON", UNSURE},
    {"off", UNSURE},
    {"Off", UNSURE},
    {"OFF", UNSURE},
    {"y", TEXT},
    {"n", TEXT},
    {"Y", TEXT},
    {"N", TEXT},
    {"yess", TEXT},
    {"once", TEXT},
    {"nope", TEXT},
    {"offer", TEXT},
    {"null", NONE},
    {"Null", NONE},
    {"NULL", NONE},
    {"nULL", TEXT},
    {"~", NONE},
    {"", NONE},
    {"~~", TEXT},
    {"nil", TEXT},
    {"None", TEXT},
    {"none", TEXT},
    {"undefined", TEXT},
    {"truee", TEXT},
    {"t", TEXT},
    {"f", TEXT},
    /* units, dates, versions, paths */
    {"15M", TEXT},
    {"250k", TEXT},
    {"1%", TEXT},
    {"+10%", TEXT},
    {"-10%", TEXT},
    {"5%", TEXT},
    {"30s", TEXT},
    {"500ms", TEXT},
    {"2m", TEXT},
    {"$0.10", TEXT},
    {"+$0.10", TEXT},
    {"< 800ms", TEXT},
    {"<= 0%", TEXT},
    {"2026-01-01", TEXT},
    {"2026-01-01T00:00:00Z", TEXT},
    {"3.12.1", TEXT},
    {"v1", TEXT},
    {"1a", TEXT},
    {"a1", TEXT},
    {"python3.12", TEXT},
    {"nodejs22.x", TEXT},
    {"app.handler", TEXT},
    {"./x", TEXT},
    {"services/checkout", TEXT},
    {"10.0.0.1", TEXT},
    {"10/2", TEXT},
    {"1:a", TEXT},
    {"http://x", TEXT},
    {"a:b", TEXT},
    {"=", TEXT},
    {"<<", TEXT},
    {"2^63", TEXT},
    {"1/2", TEXT},
    {"50 %", TEXT},
    {"0.0", NUMBER(0)},
    {"-0.0", NUMBER(0)},
    {"+0", NUMBER(0)},
    {"100000", NUMBER(100000)},
    {"3.12", NUMBER(3.12)},
    {"1d", TEXT},
    {"1f", TEXT},
    {"1L", TEXT},
    {"0.5.", TEXT},
    {"#1", TEXT},
    {"$1", TEXT},
    {"(1)", TEXT},
    {"-1.50", NUMBER(-1.5)},
    {"- 1", TEXT},
    {"+ 1", TEXT},
    {"0,5", TEXT},
    {"1;2", TEXT},
    {"0e0", UNSURE},
    {"-0e0", UNSURE},
    {"0:0", UNSURE},
    {"0_0", UNSURE},
    {"999:59:59", UNSURE},
    {"\xd9\xa1\xd9\xa2", TEXT},
    {"\xef\xbc\x91", TEXT},
    {"1\xc2\xa0", TEXT},
    {"\xe2\x88\x92"
     "1",
     TEXT},
};

static void unquoted_texts(void **state)
{
    (void)state;
    assert_true(ARRAY_LEN(rows) >= 200);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct yaml_node node = {.kind = YAML_SCALAR, .plain = true, .text = rows[i].text};
        struct scalar s = scalar_read(&node);
        double value = s.kind == SCALAR_BOOL ? s.truth : s.number;
        if (s.kind != rows[i].kind || value < rows[i].number || value > rows[i].number)
            fail_msg("'%s' is read as %d, %.17g", rows[i].text, (int)s.kind, value);
        assert_true((s.kind == SCALAR_UNSURE) == (s.advice != NULL));
    }
}

static void quoted_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct yaml_node node = {.kind = YAML_SCALAR, .text = rows[i].text};
        assert_int_equal(scalar_read(&node).kind, SCALAR_TEXT);
    }
}

/* ---- YAML as JSON ---- */

static char *to_json(const char *yaml, struct diagnostics *d)
{
    struct arena a;
    struct buf out;
    arena_init(&a);
    buf_init(&out);
    unsigned source = diagnostics_source(d, "x", yaml, strlen(yaml));
    const struct yaml_node *root = yaml_parse(&a, &yaml_config, source, d);
    assert_non_null(root);
    if (!scalar_to_json(root, &out, d))
        assert_true(d->errors > 0);
    arena_release(&a);
    return buf_detach(&out);
}

static void json(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"{}", "{}"},
        {"[]", "[]"},
        {"a: 1", "{\"a\":1}"},
        {"- 1\n- +2.50\n- -0.10\n- 12345678901234567890", "[1,2.50,-0.10,12345678901234567890]"},
        {"[true, False, ~, null, \"null\", 'true', x]",
         "[true,false,null,null,\"null\",\"true\",\"x\"]"},
        {"{b: {c: [1, {d: e}]}, a: 2}", "{\"b\":{\"c\":[1,{\"d\":\"e\"}]},\"a\":2}"},
        {"\"a\\nb\\u00e9\\\"\"", "\"a\\nb\xc3\xa9\\\"\""},
        {"a: |\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\"}"},
        {"a: >-\n  one\n  two\n", "{\"a\":\"one two\"}"},
        {"a:", "{\"a\":null}"},
        {"2026-01-01", "\"2026-01-01\""},
        {"1: one", "{\"1\":\"one\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct diagnostics d;
        diagnostics_init(&d);
        char *text = to_json(pairs[i][0], &d);
        assert_int_equal(d.errors, 0);
        assert_string_equal(text, pairs[i][1]);
        free(text);
        diagnostics_release(&d);
    }
}

/* Every unsure text in a payload is reported, not only the first. */
static void json_reports_all(void **state)
{
    (void)state;
    struct diagnostics d;
    diagnostics_init(&d);
    free(to_json("{a: yes, b: [010, 1e3], c: ok, d: .nan}", &d));
    assert_int_equal(d.errors, 4);
    diagnostics_release(&d);
}

/* ---- limits ---- */

static const struct {
    enum metric_id metric;
    const char *text;
    enum limit_kind kind;
    double value;
    bool inclusive;
} good_limits[] = {
    {METRIC_P99, "+10%", LIMIT_INCREASE_PCT, .10, false},
    {METRIC_P99, "+10 %", LIMIT_INCREASE_PCT, .10, false},
    {METRIC_P99, "+0%", LIMIT_INCREASE_PCT, 0, false},
    {METRIC_P99, "+2.5%", LIMIT_INCREASE_PCT, .025, false},
    {METRIC_P99, "+1000%", LIMIT_INCREASE_PCT, 10, false},
    {METRIC_P99, "+5ms", LIMIT_INCREASE_ABS, 5, false},
    {METRIC_P99, "+5 ms", LIMIT_INCREASE_ABS, 5, false},
    {METRIC_P99, "+0.5s", LIMIT_INCREASE_ABS, 500, false},
    {METRIC_P99, "< 800ms", LIMIT_MAXIMUM, 800, false},
    {METRIC_P99, "<800ms", LIMIT_MAXIMUM, 800, false},
    {METRIC_P99, "<= 1.5 s", LIMIT_MAXIMUM, 1500, true},
    {METRIC_COST_PER_MILLION, "+$0.10", LIMIT_INCREASE_ABS, .10, false},
    {METRIC_COST_PER_MILLION, "< $3.50", LIMIT_MAXIMUM, 3.5, false},
    {METRIC_COST_PER_MILLION, "<=$3", LIMIT_MAXIMUM, 3, true},
    {METRIC_COST_PER_MILLION, "+5%", LIMIT_INCREASE_PCT, .05, false},
    {METRIC_MAX_MEMORY, "+8MB", LIMIT_INCREASE_ABS, 8, false},
    {METRIC_MAX_MEMORY, "< 400 MB", LIMIT_MAXIMUM, 400, false},
    {METRIC_PACKAGE_SIZE, "+0.5MB", LIMIT_INCREASE_ABS, 500000, false},
    {METRIC_PACKAGE_SIZE, "+5kB", LIMIT_INCREASE_ABS, 5000, false},
    {METRIC_PACKAGE_SIZE, "+100B", LIMIT_INCREASE_ABS, 100, false},
    {METRIC_PACKAGE_SIZE, "<= 50MB", LIMIT_MAXIMUM, 50e6, true},
    {METRIC_ERROR_RATE, "<= 0%", LIMIT_MAXIMUM, 0, true},
    {METRIC_ERROR_RATE, "< 1%", LIMIT_MAXIMUM, .01, false},
    {METRIC_ERROR_RATE, "+0.5%", LIMIT_INCREASE_ABS, .005, false},
    {METRIC_THROUGHPUT, "-10%", LIMIT_INCREASE_PCT, .10, false},
    {METRIC_THROUGHPUT, "-100%", LIMIT_INCREASE_PCT, 1, false},
};

static const struct {
    enum metric_id metric;
    const char *text;
} bad_limits[] = {
    {METRIC_P99, ""},
    {METRIC_P99, "10%"},
    {METRIC_P99, "5ms"},
    {METRIC_P99, "+5"},
    {METRIC_P99, "+"},
    {METRIC_P99, "+%"},
    {METRIC_P99, "+ms"},
    {METRIC_P99, "+ 5ms"},
    {METRIC_P99, "+ 5%"},
    {METRIC_P99, "+5  ms"},
    {METRIC_P99, "+5m"},
    {METRIC_P99, "+5 sec"},
    {METRIC_P99, "+5MB"},
    {METRIC_P99, "+$5"},
    {METRIC_P99, "++5ms"},
    {METRIC_P99, "+-5ms"},
    {METRIC_P99, "-5%"},
    {METRIC_P99, "-5ms"},
    {METRIC_P99, "> 5ms"},
    {METRIC_P99, ">= 5ms"},
    {METRIC_P99, "= 5ms"},
    {METRIC_P99, "=< 5ms"},
    {METRIC_P99, "< "},
    {METRIC_P99, "<"},
    {METRIC_P99, "<="},
    {METRIC_P99, "< 800"},
    {METRIC_P99, "< -5ms"},
    {METRIC_P99, "< +5ms"},
    {METRIC_P99, "< 0ms"},
    {METRIC_P99, "<  5ms"},
    {METRIC_P99, "< 10%"},
    {METRIC_P99, "<< 5ms"},
    {METRIC_P99, "+1e3ms"},
    {METRIC_P99, "+0x10ms"},
    {METRIC_P99, "+nan%"},
    {METRIC_P99, "+inf%"},
    {METRIC_P99, "+NaNms"},
    {METRIC_P99, "+1,5%"},
    {METRIC_P99, "+1_0%"},
    {METRIC_P99, "+.5%"},
    {METRIC_P99, "+5.%"},
    {METRIC_P99, "+1000.1%"},
    {METRIC_P99, "+5ms "},
    {METRIC_P99, " +5ms"},
    {METRIC_P99, "+99999999999999999999999ms"},
    {METRIC_P99, "+5MS"},
    {METRIC_P99, "+5%%"},
    {METRIC_COST_PER_MILLION, "+0.10"},
    {METRIC_COST_PER_MILLION, "+0.10$"},
    {METRIC_COST_PER_MILLION, "+$ 0.10"},
    {METRIC_COST_PER_MILLION, "+$"},
    {METRIC_COST_PER_MILLION, "< $0"},
    {METRIC_COST_PER_MILLION, "+5ms"},
    {METRIC_MAX_MEMORY, "+1GB"},
    {METRIC_MAX_MEMORY, "+5MiB"},
    {METRIC_PACKAGE_SIZE, "+5KB"},
    {METRIC_ERROR_RATE, "+101%"},
    {METRIC_ERROR_RATE, "< 101%"},
    {METRIC_ERROR_RATE, "< 0.01"},
    {METRIC_ERROR_RATE, "< 0%"},
    {METRIC_THROUGHPUT, "+10%"},
    {METRIC_THROUGHPUT, "-101%"},
    {METRIC_THROUGHPUT, "-5/s"},
    {METRIC_THROUGHPUT, "< 5/s"},
    {METRIC_THROUGHPUT, "> 5/s"},
};

static void limits_that_are_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good_limits); i++) {
        struct plan_limit limit;
        struct error e = {0};
        const struct metric *m = &metrics[good_limits[i].metric];
        if (limit_parse(good_limits[i].text, m, &limit, &e))
            fail_msg("%s: %s", good_limits[i].text, e.text);
        assert_ptr_equal(limit.metric, m);
        assert_int_equal(limit.kind, good_limits[i].kind);
        assert_float_equal(limit.value, good_limits[i].value, 1e-12);
        assert_int_equal(limit.inclusive, good_limits[i].inclusive);
    }
}

static void limits_that_are_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_limits); i++) {
        struct plan_limit limit = {.value = 77};
        struct error e = {0};
        const struct metric *m = &metrics[bad_limits[i].metric];
        if (!limit_parse(bad_limits[i].text, m, &limit, &e))
            fail_msg("'%s' was taken for %s", bad_limits[i].text, m->id);
        assert_int_equal(e.code, ERROR_CONFIG);
        assert_float_equal(limit.value, 77, 0);
        assert_non_null(strstr(e.text, limit_examples(m)));
    }
}

static void limit_texts(void **state)
{
    (void)state;
    static const struct {
        enum metric_id metric;
        const char *text, *message;
    } wanted[] = {
        {METRIC_P99, "10%",
         "10% is no limit for p99: it must begin with '+', '<' or '<='; write \"+10%\", \"+5ms\" "
         "or \"< 800ms\""},
        {METRIC_P99, "+5",
         "+5 is no limit for p99: the number or its unit is wrong; write \"+10%\", \"+5ms\" or "
         "\"< 800ms\""},
        {METRIC_THROUGHPUT, "+5%",
         "+5% is no limit for throughput: more is better here, so only a decrease can be limited; "
         "write \"-10%\""},
        {METRIC_ERROR_RATE, "< 0%",
         "< 0% is no limit for error_rate: nothing is less than zero; write \"+0.5%\" (percentage "
         "points) or \"<= 0%\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        struct plan_limit limit;
        struct error e = {0};
        assert_int_equal(limit_parse(wanted[i].text, &metrics[wanted[i].metric], &limit, &e), -1);
        assert_string_equal(e.text, wanted[i].message);
    }
}

static void default_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < LIMIT_DEFAULTS; i++) {
        struct plan_limit limit;
        assert_int_equal(
            limit_parse(limit_defaults[i].text, &metrics[limit_defaults[i].metric], &limit, NULL),
            0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unquoted_texts),
        cmocka_unit_test(quoted_texts),
        cmocka_unit_test(json),
        cmocka_unit_test(json_reports_all),
        cmocka_unit_test(limits_that_are_good),
        cmocka_unit_test(limits_that_are_not),
        cmocka_unit_test(limit_texts),
        cmocka_unit_test(default_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
