#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "model/metric.h"

/* These names are in perf.yml files and result.json documents: they never change. */
static const char *const ids[METRIC_COUNT] = {"p50",
                                              "p90",
                                              "p95",
                                              "p99",
                                              "mean",
                                              "cold_start",
                                              "cold_p90",
                                              "cold_total",
                                              "cost_per_million",
                                              "compute_per_million",
                                              "latency_p99",
                                              "max_memory",
                                              "error_rate",
                                              "package_size",
                                              "throughput",
                                              "cpu_ms"};

static void ids_are_stable(void **state)
{
    (void)state;
    for (int i = 0; i < METRIC_COUNT; i++) {
        assert_string_equal(metrics[i].id, ids[i]);
        assert_ptr_equal(metric_find(ids[i]), &metrics[i]);
        assert_int_equal(metric_index(&metrics[i]), i);
    }
    assert_null(metric_find("P99"));
    assert_null(metric_find(""));
    assert_null(metric_find("p9"));
}

static void rows_are_whole(void **state)
{
    (void)state;
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric *m = &metrics[i];
        bool quantile = m->kind == KIND_QUANTILE || m->kind == KIND_COLD_QUANTILE;
        assert_true(m->title && m->noun && m->help && m->help[0]);
        assert_int_equal(quantile, m->quantile > 0);
        assert_true(m->quantile < 1);
        assert_int_equal(m->higher_is_better, i == METRIC_THROUGHPUT);
        assert_int_equal(m->kind == KIND_RATE, m->unit == UNIT_SHARE);
        assert_non_null(metric_unit_name(m->unit));
    }
    assert_string_equal(metric_unit_name(metrics[METRIC_P99].unit), "ms");
    assert_string_equal(metric_unit_name(metrics[METRIC_COST_PER_MILLION].unit), "USD");
    assert_string_equal(metric_unit_name(metrics[METRIC_MAX_MEMORY].unit), "MB");
    assert_string_equal(metric_unit_name(metrics[METRIC_PACKAGE_SIZE].unit), "bytes");
    assert_string_equal(metric_unit_name(metrics[METRIC_ERROR_RATE].unit), "share");
    assert_string_equal(metric_unit_name(metrics[METRIC_THROUGHPUT].unit), "1/s");
}

static void names_tell_the_quantile(void **state)
{
    (void)state;
    static const struct {
        enum metric_id id;
        double quantile;
    } rows[] = {{METRIC_P50, .5},  {METRIC_P90, .9},          {METRIC_P95, .95},
                {METRIC_P99, .99}, {METRIC_LATENCY_P99, .99}, {METRIC_COLD_P90, .9}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(metrics[rows[i].id].quantile == rows[i].quantile);
}

static void custom_names(void **state)
{
    (void)state;
    static const char longest[] = "custom.a234567890123456789012345678901234567890";
    assert_string_equal(metric_custom_name("custom.db_ms"), "db_ms");
    assert_string_equal(metric_custom_name(longest), longest + 7);
    static const char *const none[] = {
        "db_ms",      "custom.",  "custom._a", "custom.1", "custom.a-b",
        "custom.a.b", "Custom.a", "custom.a ", "custom",   ""};
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_null(metric_custom_name(none[i]));
    assert_null(metric_custom_name("custom.a2345678901234567890123456789012345678901"));
}

static void custom_rows(void **state)
{
    (void)state;
    static const char *const statistics[] = {"mean", "p50", "p90", "p95", "p99", "max"};
    struct arena arena;
    arena_init(&arena);
    for (unsigned i = 0; i < ARRAY_LEN(statistics); i++) {
        const struct metric m = metric_custom_row(
            &arena,
            &(struct metric_custom){"db", UNIT_MS, metric_statistic_find(statistics[i]), true, i});
        assert_string_equal(m.id, "custom.db");
        assert_string_equal(metric_statistic_name(&m), statistics[i]);
        assert_int_equal(metric_index(&m), METRIC_COUNT + i);
        assert_true(metric_is_custom(&m) && m.higher_is_better);
        assert_string_equal(m.title, i ? arena_printf(&arena, "db, %s", statistics[i]) : "db");
    }
    assert_null(metric_statistic_find("p98"));
    assert_null(metric_measure_find("hours"));
    assert_true(metric_measure_find("s")->factor == 1000);
    enum metric_unit unit;
    assert_true(metric_custom_unit("count", &unit) && unit == UNIT_NUMBER);
    assert_false(metric_custom_unit("s", &unit) || metric_custom_unit("share", &unit));
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(custom_names),
        cmocka_unit_test(custom_rows),
        cmocka_unit_test(ids_are_stable),
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(names_tell_the_quantile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
