/* Cells, wording and the figures derived from a result. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/wording.h"
#include "report/cells.h"
#include "report/phrases.h"
#include "report/report.h"

static struct result_metric metric_of(enum metric_id id, double baseline, double candidate,
                                      double change_pct)
{
    struct result_metric m = result_metric_none(&metrics[id]);
    m.baseline = baseline;
    m.candidate = candidate;
    m.change_pct = change_pct;
    return m;
}

static void check_change(struct result_metric m, const char *expected)
{
    struct buf out;
    buf_init(&out);
    cells_change(&out, &m);
    assert_string_equal(out.data, expected);
    buf_release(&out);
}

static void changes(void **state)
{
    (void)state;
    check_change(metric_of(METRIC_P99, 212, 251, 18.4), "+18.4 %");
    check_change(metric_of(METRIC_P99, 251, 212, -15.5), "−15.5 %");
    check_change(metric_of(METRIC_P99, 1, 4, 300), "+300 %");
    check_change(metric_of(METRIC_P99, NAN, 251, NAN), "n/a");
    check_change(metric_of(METRIC_P99, 212, 251, NAN), "n/a");
    check_change(metric_of(METRIC_ERROR_RATE, 0, 0, NAN), "no change");
    check_change(metric_of(METRIC_ERROR_RATE, 0, .005, NAN), "+0.500 pp");
    check_change(metric_of(METRIC_ERROR_RATE, .02, .005, -75), "−1.50 pp");
    check_change(metric_of(METRIC_PACKAGE_SIZE, 100, 100, 0), "no change");
    check_change(metric_of(METRIC_PACKAGE_SIZE, 0, 100, NAN), "new");
}

static void intervals(void **state)
{
    (void)state;
    struct buf out;
    struct result_metric m = metric_of(METRIC_P99, 212, 251, 18.4);
    buf_init(&out);
    cells_interval(&out, &m);
    assert_string_equal(out.data, "");
    m.ci_low_pct = -1.04;
    m.ci_high_pct = 122.4;
    cells_interval(&out, &m);
    assert_string_equal(out.data, "[−1.0, +122]");
    buf_release(&out);
}

static void a_pass_without_a_number_is_an_error(void **state)
{
    (void)state;
    struct result_metric m = metric_of(METRIC_P99, 212, NAN, NAN);
    m.verdict = VERDICT_PASS;
    assert_int_equal(cells_verdict(&m), VERDICT_ERROR);
    m.candidate = 213;
    assert_int_equal(cells_verdict(&m), VERDICT_PASS);
}

static void better_and_worse_follow_the_metric(void **state)
{
    (void)state;
    struct result_metric slower = metric_of(METRIC_P99, 100, 110, 10);
    struct result_metric more = metric_of(METRIC_THROUGHPUT, 100, 110, 10);
    slower.ci_low_pct = more.ci_low_pct = 8;
    slower.ci_high_pct = more.ci_high_pct = 12;
    assert_true(cells_is_worse(&slower) && !cells_is_better(&slower));
    assert_true(cells_is_better(&more) && !cells_is_worse(&more));
    struct result_metric unknown = metric_of(METRIC_P99, 100, 110, 10);
    assert_false(cells_is_worse(&unknown) || cells_is_better(&unknown));
}

/* The figures of a month, as the function of 12.50 dollars per million that became one of 4.38. */
static void a_month_of_traffic(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct result_metric cost = metric_of(METRIC_COST_PER_MILLION, 12.5, 4.38, -65);
    cost.ci_low_pct = -66;
    cost.ci_high_pct = -64;
    struct result_function f = {
        .name = "f", .metrics = &cost, .metric_count = 1, .invocations_per_month = 15e6};
    assert_string_equal(phrases_month(&arena, &f),
                        "At 15 M invocations a month this saves $121.80 ($187.50 → $65.70).");
    const struct table *t = cells_before_after(&arena, &f);
    assert_int_equal(t->count, 2);
    assert_string_equal(t->rows[0].cells[3], "65.0 % cheaper");
    assert_string_equal(t->rows[1].cells[0], "Monthly cost (15 M calls)");
    assert_string_equal(t->rows[1].cells[1], "$187.50");
    assert_string_equal(t->rows[1].cells[2], "$65.70");
    assert_string_equal(t->rows[1].cells[3], "saves $121.80");
    cost.ci_high_pct = 1; /* not proven: then nothing is promised in a sentence */
    assert_null(phrases_month(&arena, &f));
    assert_string_equal(cells_before_after(&arena, &f)->rows[1].cells[3],
                        "saves $121.80 (within noise)");
    f.invocations_per_month = 0;
    assert_int_equal(cells_before_after(&arena, &f)->count, 1);
    cost.baseline = cost.candidate = NAN;
    assert_null(cells_before_after(&arena, &f));
    arena_release(&arena);
}

static void check_headline(struct result_function f, const char *expected)
{
    struct buf out;
    buf_init(&out);
    wording_headline(&out, &f);
    assert_string_equal(out.data, expected);
    buf_release(&out);
}

static void headlines(void **state)
{
    (void)state;
    static const char *warnings[] = {"the machine was busy"};
    struct result_metric m = metric_of(METRIC_P99, 212, 251, 18.4);
    struct result_function f = {.metrics = &m, .metric_count = 1};
    m.limits[m.limit_count++] = "+10%";
    m.noise_floor_pct = 3.1;
    f.verdict = m.verdict = VERDICT_FAIL;
    check_headline(f, "P99 is 18.4 % slower (limit +10%)");
    m.limits[0] = "< 240ms";
    check_headline(f, "P99 is 251 ms (limit < 240ms)");
    f.verdict = m.verdict = VERDICT_INCONCLUSIVE;
    m.limits[0] = "+17%";
    check_headline(f, "cannot tell: P99 is 18.4 % slower, give or take 3.1 % (limit +17%)");
    f.warnings = warnings;
    f.warning_count = 1;
    m.verdict = VERDICT_PASS;
    check_headline(f, "cannot tell: the machine was busy");
    f.verdict = VERDICT_ERROR;
    check_headline(f, "could not be measured: the machine was busy");
    f.verdict = VERDICT_PASS;
    check_headline(f, "within all limits");
}

/* What more evidence would take is told at the rate of this run. */
static void more_rounds_have_a_price(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct result_metric m = metric_of(METRIC_P99, 100, 104, 4);
    m.limits[m.limit_count++] = "+5%";
    m.verdict = VERDICT_INCONCLUSIVE;
    m.rounds_needed = 29.2;
    m.reason = "Because.";
    struct result_function f = {.metrics = &m, .metric_count = 1, .rounds = 20, .rounds_max = 25};
    struct result r = {.functions = &f, .function_count = 1, .seconds = 60, .usd = .2};
    struct phrases reasons = phrases_reasons(&arena, &r, &f);
    assert_int_equal(reasons.count, 1);
    assert_int_equal(reasons.items[0].mark, VERDICT_INCONCLUSIVE);
    assert_string_equal(
        reasons.items[0].text,
        "Because. That is 10 more, about 30 s and $0.10: raise rounds.max, now 25.");
    m.rounds_needed = NAN;
    assert_string_equal(phrases_reasons(&arena, &r, &f).items[0].text, "Because.");
    arena_release(&arena);
}

static void every_renderer_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < renderer_count; i++)
        assert_ptr_equal(report_find(renderers[i].name), &renderers[i]);
    assert_null(report_find("pdf"));
    assert_null(report_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes),
        cmocka_unit_test(intervals),
        cmocka_unit_test(a_pass_without_a_number_is_an_error),
        cmocka_unit_test(better_and_worse_follow_the_metric),
        cmocka_unit_test(a_month_of_traffic),
        cmocka_unit_test(headlines),
        cmocka_unit_test(more_rounds_have_a_price),
        cmocka_unit_test(every_renderer_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
