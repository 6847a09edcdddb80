/* Values of custom metrics in a log tail: where they may stand, what they add up to, what spoils them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aws/custom.h"
#include "base/buf.h"
#include "base/mem.h"

#define ID    "8f507cfc-aaaa-4697-b07a-ac58fc914c95"
#define START "START RequestId: " ID " Version: $LATEST\n"
#define END   "\nEND RequestId: " ID "\n"
#define EMF(metric, unit, value)                                                                   \
    "{\"_aws\":{\"Timestamp\":1,\"CloudWatchMetrics\":[{\"Namespace\":\"n\",\"Dimensions\":[[]],"  \
    "\"Metrics\":[{\"Name\":\"other\"},{\"Name\":\"" metric "\"" unit "}]}]},\"" metric            \
    "\":" value "}"

enum { PATH, EMF_COUNT, EMF_TIME, EMF_MB, METRICS };

static const struct plan_custom custom[METRICS] = {
    [PATH] = {{.unit = UNIT_MS}, "db_ms", "timing.db", 1},
    [EMF_COUNT] = {{.unit = UNIT_NUMBER}, "orders", NULL, 1},
    [EMF_TIME] = {{.unit = UNIT_MS}, "wait", NULL, 1000}, /* unit: s */
    [EMF_MB] = {{.unit = UNIT_MB}, "sent", NULL, 1},
};

/* Without the NUL behind the text, so that reading beyond it is seen. */
static double read_from(const char *text, size_t length, int metric)
{
    const struct custom_query q = {custom, METRICS, ID};
    double values[METRICS];
    char *exact = xmalloc(length ? length : 1);
    memcpy(exact, text, length);
    custom_parse(&q, exact, length, values);
    free(exact);
    return values[metric];
}

static double value_of(const char *line, int metric)
{
    char *text = xasprintf(START "%s" END, line);
    double value = read_from(text, strlen(text), metric);
    free(text);
    return value;
}

struct line {
    int metric;
    const char *text;
    double value; /* NaN: not measured */
};

static void check(const struct line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double value = value_of(lines[i].text, lines[i].metric);
        if (!(isnan(lines[i].value) ? isnan(value) : value == lines[i].value))
            fail_msg("%s: %g, not %g", lines[i].text, value, lines[i].value);
    }
}

static void where_a_value_may_stand(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {PATH, "{\"timing\":{\"db\":1.25}}", 1.25},
        {PATH, "{\"timing\":{\"db\":0}}", 0},
        {PATH, "[INFO]\t2024-05-02T10:11:12.345Z\t" ID "\t{\"timing\":{\"db\":3}}\r", 3},
        {PATH, "2024-05-02T10:11:12.345Z\t" ID "\tINFO\t{\"timing\":{\"db\":4}}", 4},
        {PATH, "{\"timestamp\":\"t\",\"level\":\"INFO\",\"message\":{\"timing\":{\"db\":5}}}", 5},
        {PATH, "{\"level\":\"INFO\",\"message\":\"{\\\"timing\\\":{\\\"db\\\":6}}\"}", 6},
        {PATH, "{\"timing\":{\"db\":7},\"message\":{\"timing\":{\"db\":8}}}", 7},
        {EMF_COUNT, EMF("orders", "", "10"), 10},
        {EMF_COUNT, EMF("orders", ",\"Unit\":\"Seconds\"", "10"), 10},
        {EMF_COUNT, EMF("orders", "", "[1,2,3.5]"), 6.5},
        {EMF_COUNT, "{\"level\":\"INFO\",\"message\":" EMF("orders", "", "4") "}", 4},
        {EMF_TIME, EMF("wait", "", "2"), 2000},
        {EMF_TIME, EMF("wait", ",\"Unit\":\"Milliseconds\"", "2"), 2},
        {EMF_TIME, EMF("wait", ",\"Unit\":\"Microseconds\"", "2000"), 2},
        {EMF_MB, EMF("sent", ",\"Unit\":\"Kilobytes\"", "1500"), 1.5},
    };
    check(lines, ARRAY_LEN(lines));
}

static void what_is_no_value(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {PATH, "", NAN},
        {PATH, "timing {\"timing\":{\"db\":1}}", NAN},
        {PATH, "{\"timing\":{\"db\":1}} behind it", NAN},
        {PATH, "{\"timing\":{\"db\":1}", NAN},
        {PATH, "{\"timing\":{\"db\":NaN}}", NAN},
        {PATH, "{\"timing\":{\"db\":Infinity}}", NAN},
        {PATH, "{\"timing\":{\"db\":1e999}}", NAN},
        {PATH, "{\"timing\":{\"db\":1e16}}", NAN},
        {PATH, "{\"timing\":{\"db\":-1}}", NAN},
        {PATH, "{\"timing\":{\"db\":\"1\"}}", NAN},
        {PATH, "{\"timing\":{\"db\":null}}", NAN},
        {PATH, "{\"timing\":{\"db\":true}}", NAN},
        {PATH, "{\"timing\":{\"db\":[]}}", NAN},
        {PATH, "{\"timing\":{\"db\":[1,\"2\"]}}", NAN},
        {PATH, "{\"timing\":{\"db\":1,\"db\":2}}", NAN},
        {PATH, "[{\"timing\":{\"db\":1}}]", NAN},
        {PATH, "{\"type\":\"platform.report\",\"timing\":{\"db\":1}}", NAN},
        {EMF_COUNT, "{\"orders\":10}", NAN}, /* not declared */
        {EMF_COUNT, EMF("Orders", "", "10"), NAN},
        {EMF_COUNT,
         "{\"_aws\":{\"CloudWatchMetrics\":{\"Metrics\":[{\"Name\":\"orders\"}]}},\"orders\":1}",
         NAN},
        {EMF_COUNT, "{\"_aws\":{\"CloudWatchMetrics\":[{\"Metrics\":[{\"Name\":\"orders\"}]}]}}",
         NAN},
        {EMF_COUNT,
         "{\"_aws\":{\"CloudWatchMetrics\":[1,{\"Metrics\":7},{\"Metrics\":[\"orders\"]}]}}", NAN},
        {EMF_TIME, EMF("wait", ",\"Unit\":\"Bytes\"", "2"), NAN}, /* contradicts perf.yml */
        {EMF_MB, EMF("sent", ",\"Unit\":\"Seconds\"", "2"), NAN},
    };
    check(lines, ARRAY_LEN(lines));
}

/* Observations add up; one that is none spoils the sum, for the rest would be too small. */
static void several_lines(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {PATH, "{\"timing\":{\"db\":1}}\ntext\n{\"timing\":{\"db\":[2,3]}}", 6},
        {PATH, "{\"timing\":{\"db\":1}}\n{\"timing\":{\"db\":-1}}", NAN},
        {PATH, "{\"timing\":{\"db\":null}}\n{\"timing\":{\"db\":2}}", NAN},
        {PATH, "{\"timing\":{\"db\":9e14}}\n{\"timing\":{\"db\":9e14}}", NAN},
        {PATH, "{\"timing\":{\"db\":1}}\n{\"timing\":{}}\n{\"timing\":7}", 1},
        {EMF_COUNT, EMF("orders", "", "10") "\n" EMF("orders", "", "[1,2]"), 13},
    };
    check(lines, ARRAY_LEN(lines));
}

static void at_most_a_hundred_observations(void **state)
{
    (void)state;
    for (unsigned count = 99; count <= 101; count++) {
        struct buf line;
        buf_init(&line);
        buf_addstr(&line, "{\"timing\":{\"db\":[1");
        buf_fill(&line, ",1", count - 1);
        buf_addstr(&line, "]}}");
        double value = value_of(line.data, PATH);
        assert_true(count <= 100 ? value == count : isnan(value));
        buf_release(&line);
    }
}

/* What is missing at the front could hold more: only a log with its beginning gives a value. */
static void a_cut_log_gives_nothing(void **state)
{
    (void)state;
    static const char whole[] = START "{\"timing\":{\"db\":2}}\n{\"timing\":{\"db\":3}}" END;
    assert_true(read_from(whole, sizeof whole - 1, PATH) == 5);
    for (size_t cut = 1; cut < sizeof whole; cut++)
        assert_true(isnan(read_from(whole + cut, sizeof whole - 1 - cut, PATH)));
}

static void only_this_invocation_counts(void **state)
{
    (void)state;
    static const char init[] = "{\"timing\":{\"db\":100}}\n" START "{\"timing\":{\"db\":2}}" END;
    static const char other[] = "START RequestId: 00000000-aaaa-4697-b07a-ac58fc914c95 Version: "
                                "1\n{\"timing\":{\"db\":2}}\n";
    static const char json[] = "{\"timing\":{\"db\":100}}\n{\"type\":\"platform.start\",\"record\":"
                               "{\"requestId\":\"" ID "\"}}\n{\"timing\":{\"db\":2}}\n";
    static const char longer[] = "START RequestId: " ID "0 Version: 1\n{\"timing\":{\"db\":2}}\n";
    assert_true(read_from(init, sizeof init - 1, PATH) == 2);
    assert_true(read_from(json, sizeof json - 1, PATH) == 2);
    assert_true(isnan(read_from(other, sizeof other - 1, PATH)));
    assert_true(isnan(read_from(longer, sizeof longer - 1, PATH)));
    double values[METRICS];
    const struct custom_query none = {custom, METRICS, ""};
    custom_parse(&none, init, sizeof init - 1, values);
    assert_true(isnan(values[PATH]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_a_value_may_stand), cmocka_unit_test(what_is_no_value),
        cmocka_unit_test(several_lines),           cmocka_unit_test(at_most_a_hundred_observations),
        cmocka_unit_test(a_cut_log_gives_nothing), cmocka_unit_test(only_this_invocation_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
