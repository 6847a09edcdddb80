/* Results that are too large for a comment, too narrow for a terminal, or empty. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "report/report.h"

enum { BUDGET = 60000 };

static struct result_metric judged(enum metric_id id, enum verdict v)
{
    struct result_metric m = result_metric_none(&metrics[id]);
    m.baseline = 212.1;
    m.candidate = 251;
    m.change_pct = 18.4;
    m.ci_low_pct = 14.9;
    m.ci_high_pct = 22;
    m.noise_floor_pct = 3.1;
    m.detectable_pct = 4.2;
    m.limits[m.limit_count++] = "+10%";
    m.verdict = v;
    m.reason = "P99 is 18.4 % slower; the limit is +10%.";
    return m;
}

static void fill_function(struct result *r, size_t index, enum verdict v)
{
    struct result_function *f = &r->functions[index];
    f->name = arena_printf(&r->arena, "function-%zu", index);
    f->headline = "P99 is 18.4 % slower (limit +10%)";
    f->verdict = v;
    f->rounds = 24;
    f->metrics = arena_alloc(&r->arena, METRIC_COUNT * sizeof *f->metrics);
    f->metric_count = METRIC_COUNT;
    for (int i = 0; i < METRIC_COUNT; i++)
        f->metrics[i] = judged((enum metric_id)i, v);
}

/* Every other function failed. */
static struct result *result_of(size_t functions)
{
    struct result *r = result_new();
    r->verdict = VERDICT_FAIL;
    r->exit_code = EXIT_FAIL;
    r->tool_version = "0.1.0";
    r->functions = arena_alloc(&r->arena, (functions + 1) * sizeof *r->functions);
    r->function_count = functions;
    for (size_t i = 0; i < functions; i++)
        fill_function(r, i, i % 2 == 0 ? VERDICT_FAIL : VERDICT_PASS);
    return r;
}

static size_t occurrences(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, part)); p += strlen(part))
        n++;
    return n;
}

/* Every line of a table ends as a row; everything opened is closed. */
static void check_markdown(const char *text)
{
    assert_int_equal(occurrences(text, "<details>"), occurrences(text, "</details>"));
    assert_int_equal(occurrences(text, "<summary>"), occurrences(text, "</summary>"));
    assert_int_equal(occurrences(text, "<sub>"), 1);
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        if (*line == '|')
            assert_int_equal(line[length - 1], '|');
        line += length + (line[length] == '\n');
    }
}

static void markdown(const struct result *r, size_t budget, struct buf *out)
{
    struct report_options o = REPORT_DEFAULTS;
    o.max_bytes = budget;
    buf_init(out);
    report_find("markdown")->render(r, &o, out);
    assert_true(out->length <= budget);
    assert_non_null(strstr(out->data, "### ❌ FAIL · `function-"));
    check_markdown(out->data);
}

/*
 * With each step up in size more is left out, and the text says so; the verdict and the culprit
 * stay.
 */
static void a_comment_is_cut_between_sections(void **state)
{
    (void)state;
    static const struct {
        size_t functions;
        const char *says;
    } steps[] = {
        {1, NULL},
        {15, NULL},
        {17, "Shortened to fit: events, invocations and method"},
        {25, "Shortened to fit: all tables but"},
        {50, "Shortened to fit: the functions that passed"},
        {80, "Shortened to fit: the sections of the functions"},
        {5000, "Shortened to fit: the sections of the functions"},
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct result *r = result_of(steps[i].functions);
        struct buf out;
        markdown(r, BUDGET, &out);
        const char *shortened = strstr(out.data, "Shortened to fit");
        if (steps[i].says)
            assert_non_null(strstr(out.data, steps[i].says));
        else
            assert_null(shortened);
        buf_release(&out);
        result_free(r);
    }
}

static void the_last_rows_are_counted(void **state)
{
    (void)state;
    struct result *r = result_of(5000);
    struct buf out;
    markdown(r, BUDGET, &out);
    size_t rows =
        occurrences(out.data, "| ✅ | `function-") + occurrences(out.data, "| ❌ | `function-");
    struct buf rest;
    buf_init(&rest);
    buf_addf(&rest, "… and %zu more functions", 5000 - rows);
    assert_true(rows > 100);
    assert_non_null(strstr(out.data, rest.data));
    assert_non_null(strstr(out.data, "| ❌ | `function-0` |"));
    buf_release(&rest);
    buf_release(&out);
    result_free(r);
}

/* Long texts everywhere still fit the smallest budget. */
static void long_texts_are_clipped(void **state)
{
    (void)state;
    enum { LONG = 100000, MANY = 200 };
    struct result *r = result_of(3);
    char *text = arena_alloc(&r->arena, LONG + 1);
    memset(text, '`', LONG);
    r->errors = arena_alloc(&r->arena, MANY * sizeof *r->errors);
    r->error_count = MANY;
    r->verdict = VERDICT_ERROR;
    for (size_t i = 0; i < MANY; i++)
        r->errors[i] = "x\ny";
    r->reproduce = r->functions[0].headline = text;
    struct report_options o = REPORT_DEFAULTS;
    struct buf out;
    buf_init(&out);
    report_find("markdown")->render(r, &o, &out);
    assert_true(out.length <= BUDGET);
    assert_non_null(strstr(out.data, "### 💥 ERROR · x\n"));
    assert_non_null(strstr(out.data, "more errors"));
    check_markdown(out.data);
    buf_release(&out);
    result_free(r);
}

static size_t widest_line(const char *text)
{
    size_t widest = 0;
    struct buf line;
    buf_init(&line);
    for (; *text; text++) {
        if (*text != '\n') {
            buf_addch(&line, *text);
            continue;
        }
        size_t width = text_width(line.data);
        widest = width > widest ? width : widest;
        buf_clear(&line);
    }
    buf_release(&line);
    return widest;
}

static void no_line_is_wider_than_the_terminal(void **state)
{
    (void)state;
    struct result *r = result_of(3);
    r->functions[0].name = "a-function-with-a-long-name-that-takes-many-columns-of-a-line";
    r->functions[0].metrics[0].limits[1] = "+123.456ms";
    r->functions[0].metrics[0].limits[2] = "< 123456ms";
    r->functions[0].metrics[0].limit_count = 3;
    r->functions[0].metrics[1].baseline = r->functions[0].metrics[1].candidate = NAN;
    for (unsigned width = 72; width <= 130; width++) {
        for (int flags = 0; flags < 4; flags++) {
            struct report_options o = {
                .width = width, .unicode = true, .verbose = flags & 1, .colour = flags & 2};
            struct buf out;
            buf_init(&out);
            report_find("terminal")->render(r, &o, &out);
            assert_in_range(widest_line(out.data), 40, width);
            buf_release(&out);
        }
    }
    result_free(r);
}

static void plain_ascii_is_plain(void **state)
{
    (void)state;
    struct result *r = result_of(2);
    r->functions[0].name = "größe";
    struct report_options o = {.width = 100};
    struct buf out;
    buf_init(&out);
    report_find("terminal")->render(r, &o, &out);
    for (size_t i = 0; i < out.length; i++)
        assert_in_range((unsigned char)out.data[i], '\n', '~');
    buf_release(&out);
    result_free(r);
}

/* A result in which nothing was filled in: an error in every format, and no crash. */
static void an_empty_result_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *renderer, *says;
    } expected[] = {
        {"terminal", "! ERROR  nothing was measured"},
        {"markdown", "### 💥 ERROR · nothing was measured"},
        {"html", "<h1>💥 ERROR · nothing was measured</h1>"},
        {"json", "\"verdict\": \"error\""},
        {"junit", "errors=\"1\""},
    };
    struct result *r = result_new();
    struct report_options o = REPORT_DEFAULTS;
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        struct buf out;
        buf_init(&out);
        report_find(expected[i].renderer)->render(r, &o, &out);
        assert_non_null(strstr(out.data, expected[i].says));
        assert_null(strstr(out.data, "✅"));
        buf_release(&out);
    }
    result_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_comment_is_cut_between_sections),
        cmocka_unit_test(the_last_rows_are_counted),
        cmocka_unit_test(long_texts_are_clipped),
        cmocka_unit_test(no_line_is_wider_than_the_terminal),
        cmocka_unit_test(plain_ascii_is_plain),
        cmocka_unit_test(an_empty_result_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
