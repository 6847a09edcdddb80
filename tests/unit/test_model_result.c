/* result.json: written and read back, and read when it is damaged. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/result.h"
#include "os/fs.h"

#ifndef LPG_DATA_DIR
#define LPG_DATA_DIR "."
#endif

enum { FILE_BYTES_MAX = 1 << 20 };

static void load(const char *name, struct buf *text)
{
    struct error e = {0};
    char *path = xasprintf("%s/tests/golden/%s/result.json", LPG_DATA_DIR, name);
    buf_init(text);
    if (fs_read(path, FILE_BYTES_MAX, text, &e))
        fail_msg("%s", e.text);
    free(path);
}

static void round_trips_are_byte_identical(void **state)
{
    (void)state;
    static const char *const names[] = {"fail",  "pass",  "inconclusive",
                                        "error", "multi", "hostile"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct error e = {0};
        struct buf text, again;
        load(names[i], &text);
        struct result *r = result_read(text.data, text.length, &e);
        assert_non_null(r);
        buf_init(&again);
        result_write(r, &again);
        assert_string_equal(again.data, text.data);
        result_free(r);
        buf_release(&text);
        buf_release(&again);
    }
}

/* The whole file is needed: each part of it alone is refused, with a reason. */
static void every_cut_is_refused(void **state)
{
    (void)state;
    struct buf text;
    load("fail", &text);
    for (size_t length = 0; length + 1 < text.length; length++) {
        struct error e = {0};
        struct result *r = result_read(text.data, length, &e);
        assert_null(r);
        assert_int_equal(e.code, ERROR_INPUT);
        assert_true(strlen(e.text) > 0);
    }
    buf_release(&text);
}

/* Any one byte changed: refused, or read as something that is not a pass of a failed run. */
static void no_changed_byte_makes_a_pass(void **state)
{
    (void)state;
    static const char replacements[] = "\"0}x\n";
    struct buf text;
    load("fail", &text);
    for (size_t i = 0; i < text.length; i++) {
        char kept = text.data[i];
        for (const char *c = replacements; *c; c++) {
            struct error e = {0};
            text.data[i] = *c;
            struct result *r = result_read(text.data, text.length, &e);
            assert_true(r ? r->verdict != VERDICT_PASS : e.code == ERROR_INPUT);
            result_free(r);
        }
        text.data[i] = kept;
    }
    buf_release(&text);
}

#define HEAD         "{\"schema\":\"lambda-perf-gate/result/1\",\"verdict\":\"fail\","
#define ONE(body)    HEAD "\"functions\":[{\"name\":\"f\",\"verdict\":\"fail\"" body "}]}"
#define METRIC(body) ONE(",\"metrics\":[{\"id\":\"p99\",\"verdict\":\"fail\"" body "}]")

#define ROW(id, unit, statistic, better)                                                           \
    "{\"id\":\"" id "\",\"unit\":\"" unit "\",\"statistic\":\"" statistic                          \
    "\",\"better\":\"" better "\",\"verdict\":\"fail\"}"
#define CUSTOM(id, unit, statistic, better)                                                        \
    ONE(",\"metrics\":[" ROW(id, unit, statistic, better) "]")

/* A result brings the rows of its custom metrics with it; eight are the most. */
static void custom_metrics_come_back(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf json, again;
    buf_init(&json);
    buf_init(&again);
    for (int count = 1; count <= METRIC_CUSTOM_MAX + 1; count++) {
        buf_clear(&json);
        buf_addstr(&json, HEAD "\"functions\":[{\"name\":\"f\",\"verdict\":\"fail\",\"metrics\":[");
        for (int i = 0; i < count; i++)
            buf_addf(&json,
                     "%s{\"id\":\"custom.m%d\",\"unit\":\"%s\",\"statistic\":\"%s\",\"better\":"
                     "\"%s\",\"verdict\":\"fail\"}",
                     i ? "," : "", i, i % 2 ? "ms" : "MB", i % 3 ? "p99" : "max",
                     i % 2 ? "lower" : "higher");
        buf_addstr(&json, "]}]}");
        struct result *r = result_read(json.data, json.length, &e);
        if (count > METRIC_CUSTOM_MAX) {
            assert_null(r);
            break;
        }
        assert_non_null(r);
        const struct metric *m = r->functions[0].metrics[count - 1].metric;
        assert_int_equal(metric_index(m), METRIC_COUNT + count - 1);
        assert_int_equal(m->unit, count % 2 ? UNIT_MB : UNIT_MS);
        assert_int_equal(m->kind, (count - 1) % 3 ? KIND_QUANTILE : KIND_MAXIMUM);
        assert_int_equal(m->higher_is_better, count % 2);
        buf_clear(&again);
        result_write(r, &again);
        struct result *second = result_read(again.data, again.length, &e);
        assert_non_null(second);
        assert_string_equal(second->functions[0].metrics[count - 1].metric->title, m->title);
        result_free(second);
        result_free(r);
    }
    buf_release(&json);
    buf_release(&again);
}

static void wrong_kinds_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *says;
    } files[] = {
        {"[]", "schema"},
        {"{}", "schema is ''"},
        {"{\"schema\":\"lambda-perf-gate/result/2\"}", "lambda-perf-gate/result/2"},
        {HEAD "\"functions\":{}}", "'functions'"},
        {HEAD "\"functions\":[1]}", "'functions' is not a list of objects"},
        {HEAD "\"functions\":[{\"verdict\":\"fail\"}]}", "'name'"},
        {HEAD "\"functions\":[{\"name\":1,\"verdict\":\"fail\"}]}", "'name' is not a text"},
        {HEAD "\"functions\":[{\"name\":\"f\",\"verdict\":\"green\"}]}", "'verdict'"},
        {HEAD "\"functions\":[{\"name\":\"f\"}]}", "'verdict'"},
        {HEAD "\"functions\":[],\"seed\":-1}", "'seed'"},
        {HEAD "\"functions\":[],\"seed\":\"12x\"}", "'seed'"},
        {HEAD "\"functions\":[],\"seed\":\"18446744073709551616\"}", "'seed'"},
        {HEAD "\"functions\":[],\"errors\":[1]}", "'errors' is not a list of texts"},
        {HEAD "\"functions\":[],\"target\":[]}", "'target' is not an object"},
        {HEAD "\"functions\":[],\"spend\":{\"usd\":\"1\"}}", "'usd' is not a number"},
        {ONE(",\"rounds\":1.5"), "function 'f': 'rounds' is not a whole number"},
        {ONE(",\"rounds\":-1"), "'rounds'"},
        {ONE(",\"rounds\":4294967296"), "'rounds'"},
        {ONE(",\"identical\":1"), "'identical' is not true or false"},
        {ONE(",\"events\":[{\"name\":[]}]"), "'name'"},
        {ONE(",\"accounting\":{\"baseline\":[]}"), "'baseline'"},
        {ONE(",\"metrics\":[{\"id\":\"p98\",\"verdict\":\"fail\"}]"), "'metrics'"},
        {ONE(",\"metrics\":[{\"id\":\"p99\",\"verdict\":\"fail\"},{\"id\":\"p99\",\"verdict\":"
             "\"fail\"}"
             "]"),
         "each of them once"},
        {CUSTOM("custom.a", "count", "p98", "lower"), "'metrics'"},
        {CUSTOM("custom.a", "count", "mean", "more"), "'metrics'"},
        {CUSTOM("custom.a", "share", "mean", "lower"), "'metrics'"},
        {CUSTOM("custom.a", "s", "mean", "lower"), "'metrics'"},
        {CUSTOM("custom.", "count", "mean", "lower"), "'metrics'"},
        {CUSTOM("custom.a b", "count", "mean", "lower"), "'metrics'"},
        {CUSTOM("Custom.a", "count", "mean", "lower"), "'metrics'"},
        {ONE(",\"metrics\":[{\"id\":\"custom.a\",\"verdict\":\"fail\"}]"), "'metrics'"},
        {ONE(",\"metrics\":[" ROW("custom.a", "count", "mean",
                                  "lower") "," ROW("custom.a", "ms", "p99", "lower") "]"),
         "each of them once"},
        {METRIC(",\"baseline\":\"1\""), "'baseline' is not a number"},
        {METRIC(",\"limits\":[\"a\",\"b\",\"c\",\"d\",\"e\"]"), "'limits'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct error e = {0};
        assert_null(result_read(files[i].json, strlen(files[i].json), &e));
        assert_int_equal(e.code, ERROR_INPUT);
        if (!strstr(e.text, files[i].says))
            fail_msg("expected '%s' in '%s'", files[i].says, e.text);
    }
}

#define RUN(verdict, functions, more)                                                              \
    "{\"schema\":\"lambda-perf-gate/result/1\",\"verdict\":\"" verdict                             \
    "\",\"functions\":[" functions "]" more "}"
#define FUNCTION(verdict, more) "{\"name\":\"f\",\"verdict\":\"" verdict "\"" more "}"
#define P99(verdict)            ",\"metrics\":[{\"id\":\"p99\",\"verdict\":\"" verdict "\"}]"

/* A pass must follow from its parts. */
static void contradictions_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool accepted;
    } files[] = {
        {RUN("pass", FUNCTION("pass", P99("pass")), ""), true},
        {RUN("pass", FUNCTION("pass", ",\"identical\":true"), ""), true},
        {RUN("inconclusive", FUNCTION("inconclusive", P99("pass")), ""), true},
        {RUN("pass", "", ""), false},
        {RUN("ungated", "", ""), false},
        {RUN("pass", FUNCTION("fail", P99("fail")), ""), false},
        {RUN("pass", FUNCTION("pass", P99("fail")), ""), false},
        {RUN("pass", FUNCTION("pass", P99("ungated")), ""), false},
        {RUN("pass", FUNCTION("pass", ""), ""), false},
        {RUN("pass", FUNCTION("pass", P99("pass")), ",\"errors\":[\"x\"]"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct error e = {0};
        struct result *r = result_read(files[i].json, strlen(files[i].json), &e);
        assert_int_equal(r != NULL, files[i].accepted);
        result_free(r);
    }
}

static void what_is_absent_was_not_measured(void **state)
{
    (void)state;
    struct error e = {0};
    static const char json[] = METRIC(",\"change_pct\":null");
    struct result *r = result_read(json, strlen(json), &e);
    assert_non_null(r);
    const struct result_metric *m = result_find(&r->functions[0], METRIC_P99);
    assert_non_null(m);
    assert_true(isnan(m->baseline) && isnan(m->candidate) && isnan(m->change_pct));
    assert_true(isnan(r->usd));
    assert_int_equal(r->exit_code, EXIT_ERROR);
    assert_null(result_find(&r->functions[0], METRIC_P50));
    result_free(r);
}

static void every_seed_survives(void **state)
{
    (void)state;
    static const uint64_t seeds[] = {0, 1, RESULT_EXACT_MAX - 1, RESULT_EXACT_MAX, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(seeds); i++) {
        struct error e = {0};
        struct buf text;
        struct result *r = result_new();
        r->seed = seeds[i];
        buf_init(&text);
        result_write(r, &text);
        result_free(r);
        r = result_read(text.data, text.length, &e);
        assert_non_null(r);
        assert_true(r->seed == seeds[i]);
        result_free(r);
        buf_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips_are_byte_identical),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(no_changed_byte_makes_a_pass),
        cmocka_unit_test(wrong_kinds_are_refused),
        cmocka_unit_test(custom_metrics_come_back),
        cmocka_unit_test(contradictions_are_refused),
        cmocka_unit_test(what_is_absent_was_not_measured),
        cmocka_unit_test(every_seed_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
