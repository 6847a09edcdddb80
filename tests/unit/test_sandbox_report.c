/* The platform's log lines (sandbox/report_line.h) and the 4 KB tail (sandbox/log_tail.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "sandbox/log_tail.h"
#include "sandbox/report_line.h"

#define ID "8f507cfc-0000-4000-8000-46e1dcf9f1aa"

static char name[] = "f", latest[] = "$LATEST", seven[] = "7";
static char arn[] = "arn:aws:lambda:us-east-1:000000000000:function:f";
static const struct function text_function = {
    .name = name, .version = latest, .arn = arn, .memory_mb = 128};
static const struct function json_function = {
    .name = name, .version = seven, .arn = arn, .memory_mb = 128, .json_logs = true};

static void test_warm_report(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out);
    const struct report r = {.request_id = ID, .duration_ns = 8400000, .max_memory_mb = 66};
    report_add_report(&out, &text_function, &r);
    assert_string_equal(out.data,
                        "REPORT RequestId: " ID "\tDuration: 8.40 ms\tBilled Duration: 9 ms\t"
                        "Memory Size: 128 MB\tMax Memory Used: 66 MB\t\n");
    buf_release(&out);
}

static void test_cold_report(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out);
    /*
     * the example of AWS's announcement of billed initialisation: 250.06 + 100.77 is billed as
     * 351
     */
    const struct report r = {
        .request_id = ID, .duration_ns = 250060000, .init_ns = 100770000, .max_memory_mb = 66};
    report_add_report(&out, &text_function, &r);
    assert_string_equal(
        out.data, "REPORT RequestId: " ID "\tDuration: 250.06 ms\tBilled Duration: 351 ms\t"
                  "Memory Size: 128 MB\tMax Memory Used: 66 MB\tInit Duration: 100.77 ms\t\n");
    buf_release(&out);
}

static void test_billing_rounds_up_once(void **state)
{
    (void)state;
    struct report r = {.duration_ns = 1000000};
    assert_int_equal(report_billed_ms(&r), 1);
    r.duration_ns = 1000001;
    assert_int_equal(report_billed_ms(&r), 2);
    r.duration_ns = 600000;
    r.init_ns = 300000;
    assert_int_equal(report_billed_ms(&r), 1);
    r.duration_ns = r.init_ns = 0;
    assert_int_equal(report_billed_ms(&r), 0);
}

static void test_rounding_to_hundredths(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } rows[] = {{0, "\tDuration: 0.00 ms\t"},
                {4999, "\tDuration: 0.00 ms\t"},
                {5000, "\tDuration: 0.01 ms\t"},
                {1995000, "\tDuration: 2.00 ms\t"},
                {3000000000, "\tDuration: 3000.00 ms\t"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out;
        buf_init(&out);
        const struct report r = {.request_id = ID, .duration_ns = rows[i].ns};
        report_add_report(&out, &text_function, &r);
        assert_non_null(strstr(out.data, rows[i].text));
        buf_release(&out);
    }
}

static void test_statuses(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out);
    struct report r = {
        .request_id = ID, .duration_ns = 3000000000, .status = REPORT_TIMEOUT, .error_type = "X"};
    report_add_report(&out, &text_function, &r);
    assert_non_null(strstr(out.data, " MB\tStatus: timeout\t\n"));
    buf_clear(&out);
    r.status = REPORT_ERROR;
    r.error_type = "Runtime.ExitError";
    report_add_report(&out, &text_function, &r);
    assert_non_null(strstr(out.data, "\tStatus: error\tError Type: Runtime.ExitError\t\n"));
    buf_clear(&out);
    report_add_init_report(&out, &text_function, "invoke", &r);
    assert_string_equal(out.data,
                        "INIT_REPORT Init Duration: 3000.00 ms\tPhase: invoke\tStatus: error\t"
                        "Error Type: Runtime.ExitError\t\n");
    buf_release(&out);
}

static void test_start_and_end(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out);
    report_add_init_start(&out, &text_function, "bootstrap");
    report_add_start(&out, &text_function, ID);
    report_add_end(&out, &text_function, ID);
    assert_string_equal(out.data,
                        "INIT_START Runtime Version: bootstrap\t\n"
                        "START RequestId: " ID " Version: $LATEST\nEND RequestId: " ID "\n");
    buf_clear(&out);
    struct function quiet = text_function;
    quiet.system_logs_quiet = true;
    const struct report r = {.request_id = ID};
    report_add_init_start(&out, &quiet, "bootstrap");
    report_add_start(&out, &quiet, ID);
    report_add_end(&out, &quiet, ID);
    report_add_report(&out, &quiet, &r);
    assert_int_equal(out.length, 0);
    buf_release(&out);
}

static void test_json_report(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out);
    const struct report r = {
        .request_id = ID, .duration_ns = 8400000, .init_ns = 170130000, .max_memory_mb = 66};
    report_add_report(&out, &json_function, &r);
    assert_ptr_equal(strchr(out.data, '\n'), out.data + out.length - 1);
    struct json *line = json_parse(out.data, out.length - 1, NULL);
    assert_non_null(line);
    assert_string_equal(json_get_string(line, "type", ""), "platform.report");
    const struct json *record = json_get(line, "record");
    assert_string_equal(json_get_string(record, "requestId", ""), ID);
    assert_string_equal(json_get_string(record, "status", ""), "success");
    const struct json *metrics = json_get(record, "metrics");
    assert_float_equal(json_get_number(metrics, "durationMs", 0), 8.4, 1e-9);
    assert_float_equal(json_get_number(metrics, "initDurationMs", 0), 170.13, 1e-9);
    assert_int_equal(json_get_integer(metrics, "billedDurationMs", 0), 179);
    assert_int_equal(json_get_integer(metrics, "memorySizeMB", 0), 128);
    assert_int_equal(json_get_integer(metrics, "maxMemoryUsedMB", 0), 66);
    json_free(line);
    buf_clear(&out);
    report_add_end(&out, &json_function, ID); /* the JSON format has no END */
    assert_int_equal(out.length, 0);
    buf_release(&out);
}

static void test_tail_keeps_the_end(void **state)
{
    (void)state;
    struct log_tail t;
    log_tail_init(&t, false);
    char block[1000];
    for (int i = 0; i < 3000; i++) {
        memset(block, 'a' + i % 26, sizeof block);
        log_tail_add(&t, block, sizeof block);
        assert_true(t.raw.capacity < 64 * 1024);
    }
    static const char report[] = "REPORT x\n";
    log_tail_add_line(&t, report, sizeof report - 1);
    const struct buf *tail = log_tail_finish(&t, ID);
    assert_int_equal(tail->length, LOG_TAIL_BYTES);
    assert_memory_equal(tail->data + tail->length - 10, "\nREPORT x\n", 10);
    assert_int_equal(tail->data[tail->length - 11], 'a' + 2999 % 26);
    char *large = calloc(1, 1 << 20);
    memset(large, 'z', 1 << 20);
    log_tail_add(&t, large, 1 << 20);
    assert_true(t.raw.capacity < 64 * 1024);
    free(large);
    log_tail_clear(&t);
    assert_int_equal(log_tail_finish(&t, ID)->length, 0);
    log_tail_release(&t);
}

static void test_tail_separates_lines(void **state)
{
    (void)state;
    struct log_tail t;
    log_tail_init(&t, false);
    log_tail_add(&t, "no newline", 10);
    log_tail_add_line(&t, "END\n", 4);
    log_tail_add_line(&t, "REPORT\n", 7);
    assert_string_equal(log_tail_finish(&t, ID)->data, "no newline\nEND\nREPORT\n");
    log_tail_release(&t);
}

static void test_json_tail_wraps(void **state)
{
    (void)state;
    struct log_tail t;
    log_tail_init(&t, true);
    static const char text[] = "plain \"text\"\n{\"level\":\"WARN\"}\n{broken\n\nlast";
    log_tail_add(&t, text, sizeof text - 1);
    log_tail_add_line(&t, "{\"type\":\"platform.report\"}\n", 27);
    const struct buf *tail = log_tail_finish(&t, ID);
    static const char *const messages[] = {"plain \"text\"", NULL, "{broken", "last", NULL};
    const char *at = tail->data;
    for (size_t i = 0; i < 5; i++) {
        const char *end = strchr(at, '\n');
        assert_non_null(end);
        struct json *line = json_parse(at, (size_t)(end - at), NULL);
        assert_non_null(line);
        if (messages[i]) {
            assert_string_equal(json_get_string(line, "message", ""), messages[i]);
            assert_string_equal(json_get_string(line, "requestId", ""), ID);
        } else {
            assert_null(json_get(line, "message"));
        }
        json_free(line);
        at = end + 1;
    }
    assert_string_equal(at, "");
    log_tail_release(&t);
}

static void test_json_tail_has_whole_records(void **state)
{
    (void)state;
    struct log_tail t;
    log_tail_init(&t, true);
    for (int i = 0; i < 5000; i++)
        log_tail_add(&t, "{\"message\":\"0123456789012345678901234567890123456789\"}\n", 55);
    log_tail_add_line(&t, "{\"type\":\"platform.report\"}\n", 27);
    const struct buf *tail = log_tail_finish(&t, ID);
    assert_true(tail->length <= LOG_TAIL_BYTES && tail->length > LOG_TAIL_BYTES - 60);
    assert_memory_equal(tail->data, "{\"message\"", 10);
    assert_string_equal(tail->data + tail->length - 27, "{\"type\":\"platform.report\"}\n");
    log_tail_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warm_report),
        cmocka_unit_test(test_cold_report),
        cmocka_unit_test(test_billing_rounds_up_once),
        cmocka_unit_test(test_rounding_to_hundredths),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_start_and_end),
        cmocka_unit_test(test_json_report),
        cmocka_unit_test(test_tail_keeps_the_end),
        cmocka_unit_test(test_tail_separates_lines),
        cmocka_unit_test(test_json_tail_wraps),
        cmocka_unit_test(test_json_tail_has_whole_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
