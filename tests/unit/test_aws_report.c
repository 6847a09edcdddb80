/*
 * The REPORT line in all its spellings, and in those that a function might forge.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/report.h"
#include "base/mem.h"
#include "model/sample.h"

#define ID    "8f507cfc-example-4697-b07a-ac58fc914c95"
#define OTHER "11111111-2222-3333-4444-555555555555"
#define HEAD  "REPORT RequestId: " ID "\t"
#define BODY                                                                                       \
    "Duration: 41.27 ms\tBilled Duration: 42 ms\tMemory Size: 512 MB\tMax Memory Used: 88 MB\t"
#define REPORT HEAD BODY "\n"
#define START  "START RequestId: " ID " Version: $LATEST\n"
#define END    "END RequestId: " ID "\n"
#define JSON(metrics)                                                                              \
    "{\"time\":\"2026-03-04T17:22:38.033Z\",\"type\":\"platform.report\",\"record\":{"             \
    "\"requestId\":\"" ID "\",\"status\":\"success\",\"metrics\":{" metrics "}}}\n"
#define JSON_METRICS                                                                               \
    "\"durationMs\":41.27,\"billedDurationMs\":42,\"memorySizeMB\":512,\"maxMemoryUsedMB\":88"

#define NONE SAMPLE_NONE

static const struct {
    const char *name;
    const char *tail;
    enum report_state state;
    uint32_t duration_10us, billed_ms, init_10us,
        restore_10us; /* unless REPORT_FOUND: not looked at */
    uint16_t memory_mb, max_memory_mb;
    bool timed_out, failed;
} cases[] = {
    /* ---- as Lambda prints them ---- */
    {"warm", START END REPORT, REPORT_FOUND, 4127, 42, NONE, NONE, 512, 88, false, false},
    {"alone", REPORT, REPORT_FOUND, 4127, 42, NONE, NONE, 512, 88, false, false},
    {"no newline at the end", START HEAD BODY, REPORT_FOUND, 4127, 42, NONE, NONE, 512, 88, false,
     false},
    {"carriage return", START HEAD "Duration: 41.27 ms\tBilled Duration: 42 ms\r\n", REPORT_FOUND,
     4127, 42, NONE, NONE, 0, 0, false, false},
    {"cold", START END HEAD BODY "Init Duration: 170.13 ms\t\n", REPORT_FOUND, 4127, 42, 17013,
     NONE, 512, 88, false, false},
    {"init is billed",
     HEAD "Duration: 250.06 ms\tBilled Duration: 351 ms\tInit Duration: 100.77 ms\t\n",
     REPORT_FOUND, 25006, 351, 10077, NONE, 0, 0, false, false},
    {"SnapStart", HEAD BODY "Restore Duration: 398.97 ms\tBilled Restore Duration: 182 ms\t\n",
     REPORT_FOUND, 4127, 42, NONE, 39897, 512, 88, false, false},
    {"X-Ray on the same line",
     HEAD BODY "XRAY TraceId: 1-5e34a614-10bdxmplf1fb44f07bc535a1\tSegmentId: 07f5xmpl2d1f6f85\t"
               "Sampled: true\t\n",
     REPORT_FOUND, 4127, 42, NONE, NONE, 512, 88, false, false},
    {"X-Ray on the next line",
     REPORT "XRAY TraceId: 1-5e34a614-10bdxmplf1fb44f07bc535a1\tSegmentId: 07\tSampled: true\n",
     REPORT_FOUND, 4127, 42, NONE, NONE, 512, 88, false, false},
    {"empty lines behind", REPORT "\n\n", REPORT_FOUND, 4127, 42, NONE, NONE, 512, 88, false,
     false},
    {"timeout", HEAD "Duration: 3000.00 ms\tBilled Duration: 3000 ms\tStatus: timeout\n",
     REPORT_FOUND, 300000, 3000, NONE, NONE, 0, 0, true, false},
    {"timeout with an old-style line",
     START "2024-03-04T17:22:38.033Z " ID " Task timed out after 3.00 seconds\n\n" END HEAD
           "Duration: 3003.17 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\t"
           "Max Memory Used: 30 MB\t\n",
     REPORT_FOUND, 300317, 3000, NONE, NONE, 128, 30, false, false},
    {"timeout that bills less",
     HEAD "Duration: 3003.17 ms\tBilled Duration: 3000 ms\tStatus: timeout\n", REPORT_FOUND, 300317,
     3000, NONE, NONE, 0, 0, true, false},
    {"error", HEAD BODY "Status: error\tError Type: Runtime.ExitError\n", REPORT_FOUND, 4127, 42,
     NONE, NONE, 512, 88, false, true},
    {"failure", HEAD BODY "Status: failure\t\n", REPORT_FOUND, 4127, 42, NONE, NONE, 512, 88, false,
     true},
    {"another status", HEAD BODY "Status: success\t\n", REPORT_FOUND, 4127, 42, NONE, NONE, 512, 88,
     false, false},
    {"another order",
     HEAD "Init Duration: 12.00 ms\tMax Memory Used: 88 MB\tMemory Size: 512 MB\t"
          "Billed Duration: 54 ms\tDuration: 41.27 ms\t\n",
     REPORT_FOUND, 4127, 54, 1200, NONE, 512, 88, false, false},
    {"whole numbers", HEAD "Duration: 41 ms\tBilled Duration: 41 ms\t\n", REPORT_FOUND, 4100, 41,
     NONE, NONE, 0, 0, false, false},
    {"blanks before tabs",
     HEAD
     "Duration: 26.91 ms \tBilled Duration: 27 ms \tMemory Size: 128 MB\tMax Memory Used: 19 MB \n",
     REPORT_FOUND, 2691, 27, NONE, NONE, 128, 19, false, false},
    {"unknown fields", HEAD BODY "Produced: 12 widgets\tNonsense\tMore: \t\n", REPORT_FOUND, 4127,
     42, NONE, NONE, 512, 88, false, false},
    {"only what is needed", HEAD "Duration: 1.00 ms\tBilled Duration: 1 ms\n", REPORT_FOUND, 100, 1,
     NONE, NONE, 0, 0, false, false},
    {"rounded up", HEAD "Duration: 41.001 ms\tBilled Duration: 42 ms\n", REPORT_FOUND, 4100, 42,
     NONE, NONE, 0, 0, false, false},
    {"another invocation's before it",
     "REPORT RequestId: " OTHER "\tDuration: 9 ms\tBilled Duration: 9 ms\t\n" START REPORT,
     REPORT_FOUND, 4127, 42, NONE, NONE, 512, 88, false, false},
    {"text of the function before it", START "hello\nREPORT\nREPORT RequestId: \n{}\n" END REPORT,
     REPORT_FOUND, 4127, 42, NONE, NONE, 512, 88, false, false},
    {"id inside a line is no REPORT", "log: " HEAD "Duration: 1 ms\n" REPORT, REPORT_FOUND, 4127,
     42, NONE, NONE, 512, 88, false, false},
    {"JSON", JSON(JSON_METRICS), REPORT_FOUND, 4127, 42, NONE, NONE, 512, 88, false, false},
    {"JSON cold", JSON(JSON_METRICS ",\"initDurationMs\":170.13"), REPORT_FOUND, 4127, 42, 17013,
     NONE, 512, 88, false, false},
    {"JSON SnapStart",
     JSON(JSON_METRICS ",\"restoreDurationMs\":398.97,\"billedRestoreDurationMs\":182"),
     REPORT_FOUND, 4127, 42, NONE, 39897, 512, 88, false, false},
    {"JSON timeout",
     "{\"type\":\"platform.report\",\"record\":{\"requestId\":\"" ID "\",\"status\":\"timeout\","
     "\"metrics\":{\"durationMs\":3000,\"billedDurationMs\":3000}}}",
     REPORT_FOUND, 300000, 3000, NONE, NONE, 0, 0, true, false},
    {"JSON error",
     "{\"record\":{\"metrics\":{\"billedDurationMs\":3,\"durationMs\":2.5},\"status\":\"error\","
     "\"errorType\":\"Runtime.ExitError\",\"requestId\":\"" ID "\"},\"type\":\"platform.report\"}",
     REPORT_FOUND, 250, 3, NONE, NONE, 0, 0, false, true},
    {"JSON among JSON lines",
     "{\"type\":\"platform.start\",\"record\":{\"requestId\":\"" ID "\"}}\n"
     "{\"level\":\"INFO\",\"message\":\"platform.report\",\"requestId\":\"" ID
     "\"}\n" JSON(JSON_METRICS),
     REPORT_FOUND, 4127, 42, NONE, NONE, 512, 88, false, false},
    {"JSON behind text", "plain text\n" JSON(JSON_METRICS), REPORT_FOUND, 4127, 42, NONE, NONE, 512,
     88, false, false},
    {"4 KB of text cut in front", "lf a line of the function\n" START END REPORT, REPORT_FOUND,
     4127, 42, NONE, NONE, 512, 88, false, false},

    /* ---- none ---- */
    {"empty", "", REPORT_MISSING, 0, 0, 0, 0, 0, 0, false, false},
    {"no REPORT", START "hello\n" END, REPORT_MISSING, 0, 0, 0, 0, 0, 0, false, false},
    {"only another's", "REPORT RequestId: " OTHER "\t" BODY "\n", REPORT_MISSING, 0, 0, 0, 0, 0, 0,
     false, false},
    {"id that goes on", "REPORT RequestId: " ID "0\t" BODY "\n", REPORT_MISSING, 0, 0, 0, 0, 0, 0,
     false, false},
    {"id cut off", "REPORT RequestId: 8f507cfc\t" BODY "\n", REPORT_MISSING, 0, 0, 0, 0, 0, 0,
     false, false},
    {"lower case", "report RequestId: " ID "\t" BODY "\n", REPORT_MISSING, 0, 0, 0, 0, 0, 0, false,
     false},
    {"indented", " " REPORT, REPORT_MISSING, 0, 0, 0, 0, 0, 0, false, false},
    {"head cut off by the 4 KB", "uestId: " ID "\t" BODY "\n", REPORT_MISSING, 0, 0, 0, 0, 0, 0,
     false, false},
    {"behind a carriage return", "x\r" HEAD BODY "\n", REPORT_MISSING, 0, 0, 0, 0, 0, 0, false,
     false},
    {"JSON of another",
     "{\"type\":\"platform.report\",\"record\":{\"requestId\":\"" OTHER
     "\",\"metrics\":{" JSON_METRICS "}}}",
     REPORT_MISSING, 0, 0, 0, 0, 0, 0, false, false},
    {"JSON of another type",
     "{\"type\":\"platform.runtimeDone\",\"record\":{\"requestId\":\"" ID
     "\",\"metrics\":{" JSON_METRICS "}}}",
     REPORT_MISSING, 0, 0, 0, 0, 0, 0, false, false},
    {"JSON with the type inside",
     "{\"message\":{\"type\":\"platform.report\",\"record\":{\"requestId\":\"" ID
     "\",\"metrics\":{" JSON_METRICS "}}}}",
     REPORT_MISSING, 0, 0, 0, 0, 0, 0, false, false},
    {"JSON cut off",
     "{\"type\":\"platform.report\",\"record\":{\"requestId\":\"" ID "\",\"metrics\":{",
     REPORT_MISSING, 0, 0, 0, 0, 0, 0, false, false},

    /* ---- forged ---- */
    {"forged before", START HEAD "Duration: 1.00 ms\tBilled Duration: 1 ms\n" END REPORT,
     REPORT_TAMPERED, 0, 0, 0, 0, 0, 0, false, false},
    {"forged behind", START END REPORT HEAD "Duration: 1.00 ms\tBilled Duration: 1 ms\n",
     REPORT_TAMPERED, 0, 0, 0, 0, 0, 0, false, false},
    {"twice the same", REPORT REPORT, REPORT_TAMPERED, 0, 0, 0, 0, 0, 0, false, false},
    {"three times", REPORT REPORT REPORT, REPORT_TAMPERED, 0, 0, 0, 0, 0, 0, false, false},
    {"forged without a newline", START HEAD "Duration: 1.00 ms\tBilled Duration: 1 ms" END REPORT,
     REPORT_TAMPERED, 0, 0, 0, 0, 0, 0, false, false},
    {"forged, the real one pushed out",
     START HEAD "Duration: 1.00 ms\tBilled Duration: 1 ms\nmore text\n", REPORT_TAMPERED, 0, 0, 0,
     0, 0, 0, false, false},
    {"forged, END behind", HEAD "Duration: 1.00 ms\tBilled Duration: 1 ms\n" END, REPORT_TAMPERED,
     0, 0, 0, 0, 0, 0, false, false},
    {"JSON forged in a text log", START JSON(JSON_METRICS) END REPORT, REPORT_TAMPERED, 0, 0, 0, 0,
     0, 0, false, false},
    {"text forged in a JSON log", REPORT JSON(JSON_METRICS), REPORT_TAMPERED, 0, 0, 0, 0, 0, 0,
     false, false},
    {"JSON twice", JSON(JSON_METRICS) JSON(JSON_METRICS), REPORT_TAMPERED, 0, 0, 0, 0, 0, 0, false,
     false},
    {"XRAY lookalike behind", REPORT "XRAY\n", REPORT_TAMPERED, 0, 0, 0, 0, 0, 0, false, false},

    /* ---- values that make no sense ---- */
    {"no duration", HEAD "Billed Duration: 42 ms\n", REPORT_TAMPERED, 0, 0, 0, 0, 0, 0, false,
     false},
    {"no bill", HEAD "Duration: 41.27 ms\n", REPORT_TAMPERED, 0, 0, 0, 0, 0, 0, false, false},
    {"nothing at all", HEAD "\n", REPORT_TAMPERED, 0, 0, 0, 0, 0, 0, false, false},
    {"bill below the duration", HEAD "Duration: 41.27 ms\tBilled Duration: 40 ms\n",
     REPORT_TAMPERED, 0, 0, 0, 0, 0, 0, false, false},
    {"negative", HEAD "Duration: -1 ms\tBilled Duration: 42 ms\n", REPORT_TAMPERED, 0, 0, 0, 0, 0,
     0, false, false},
    {"NaN", HEAD "Duration: NaN ms\tBilled Duration: 42 ms\n", REPORT_TAMPERED, 0, 0, 0, 0, 0, 0,
     false, false},
    {"infinite", HEAD "Duration: inf ms\tBilled Duration: 42 ms\n", REPORT_TAMPERED, 0, 0, 0, 0, 0,
     0, false, false},
    {"hexadecimal", HEAD "Duration: 0x10 ms\tBilled Duration: 42 ms\n", REPORT_TAMPERED, 0, 0, 0, 0,
     0, 0, false, false},
    {"huge", HEAD "Duration: 99999999999999 ms\tBilled Duration: 42 ms\n", REPORT_TAMPERED, 0, 0, 0,
     0, 0, 0, false, false},
    {"no number", HEAD "Duration: fast\tBilled Duration: 42 ms\n", REPORT_TAMPERED, 0, 0, 0, 0, 0,
     0, false, false},
    {"no unit", HEAD "Duration: 41.27\tBilled Duration: 42 ms\n", REPORT_TAMPERED, 0, 0, 0, 0, 0, 0,
     false, false},
    {"another unit", HEAD "Duration: 41.27 s\tBilled Duration: 42 ms\n", REPORT_TAMPERED, 0, 0, 0,
     0, 0, 0, false, false},
    {"a unit that goes on", HEAD "Duration: 41.27 msx\tBilled Duration: 42 ms\n", REPORT_TAMPERED,
     0, 0, 0, 0, 0, 0, false, false},
    {"a key twice", HEAD "Duration: 1 ms\tDuration: 41.27 ms\tBilled Duration: 42 ms\n",
     REPORT_TAMPERED, 0, 0, 0, 0, 0, 0, false, false},
    {"memory beyond 16 bits", HEAD BODY "Max Memory Used: 65536 MB\n", REPORT_TAMPERED, 0, 0, 0, 0,
     0, 0, false, false},
    {"negative init", HEAD BODY "Init Duration: -0.01 ms\n", REPORT_TAMPERED, 0, 0, 0, 0, 0, 0,
     false, false},
    {"JSON negative", JSON("\"durationMs\":-1,\"billedDurationMs\":42"), REPORT_TAMPERED, 0, 0, 0,
     0, 0, 0, false, false},
    {"JSON text for a number", JSON("\"durationMs\":\"41.27\",\"billedDurationMs\":42"),
     REPORT_TAMPERED, 0, 0, 0, 0, 0, 0, false, false},
    {"JSON null", JSON(JSON_METRICS ",\"initDurationMs\":null"), REPORT_TAMPERED, 0, 0, 0, 0, 0, 0,
     false, false},
    {"JSON without metrics",
     "{\"type\":\"platform.report\",\"record\":{\"requestId\":\"" ID "\",\"status\":\"success\"}}",
     REPORT_TAMPERED, 0, 0, 0, 0, 0, 0, false, false},
    {"JSON only a duration", JSON("\"durationMs\":41.27"), REPORT_TAMPERED, 0, 0, 0, 0, 0, 0, false,
     false},
};

static const char *const state_names[] = {"missing", "found", "tampered"};

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct report r = report_parse(cases[i].tail, strlen(cases[i].tail), ID);
        if (r.state != cases[i].state)
            fail_msg("%s: %s, not %s", cases[i].name, state_names[r.state],
                     state_names[cases[i].state]);
        if (r.state != REPORT_FOUND)
            continue;
        if (r.duration_10us != cases[i].duration_10us || r.billed_ms != cases[i].billed_ms ||
            r.init_10us != cases[i].init_10us || r.restore_10us != cases[i].restore_10us ||
            r.memory_mb != cases[i].memory_mb || r.max_memory_mb != cases[i].max_memory_mb ||
            r.timed_out != cases[i].timed_out || r.failed != cases[i].failed)
            fail_msg("%s: %u %u %u %u %u %u %d %d", cases[i].name, r.duration_10us, r.billed_ms,
                     r.init_10us, r.restore_10us, r.memory_mb, r.max_memory_mb, r.timed_out,
                     r.failed);
    }
}

/*
 * However a tail is cut, from either end, it gives the true values, none, or a refusal: never
 * others.
 */
static void cut_anywhere(void **state)
{
    (void)state;
    static const char *const tails[] = {START END REPORT,
                                        START END HEAD BODY "Init Duration: 170.13 ms\t\n",
                                        JSON(JSON_METRICS ",\"initDurationMs\":170.13")};
    for (size_t t = 0; t < ARRAY_LEN(tails); t++) {
        size_t length = strlen(tails[t]);
        for (size_t from = 0; from < length; from++)
            for (size_t to = from; to <= length; to = from && to < length ? length : to + 1) {
                char *cut = xstrndup(tails[t] + from, to - from); /* for the sanitizer to watch */
                struct report r = report_parse(cut, to - from, ID);
                free(cut);
                if (r.state == REPORT_FOUND)
                    assert_int_equal(r.duration_10us, 4127);
                if (r.state == REPORT_FOUND && to == length && !from)
                    assert_int_equal(r.billed_ms, 42);
            }
    }
}

static void without_an_id_nothing_is_found(void **state)
{
    (void)state;
    static const char empty_id[] = "REPORT RequestId: \t" BODY "\n";
    assert_int_equal(report_parse(empty_id, sizeof empty_id - 1, "").state, REPORT_MISSING);
    assert_int_equal(report_parse(NULL, 0, ID).state, REPORT_MISSING);
}

static void nul_bytes(void **state)
{
    (void)state;
    static const char inside[] = HEAD "Duration: 1 ms\0\tBilled Duration: 42 ms\n";
    static const char before[] = "a\0b\n" REPORT;
    assert_int_equal(report_parse(inside, sizeof inside - 1, ID).state, REPORT_TAMPERED);
    assert_int_equal(report_parse(before, sizeof before - 1, ID).state, REPORT_FOUND);
}

static void very_long_lines(void **state)
{
    (void)state;
    struct buf tail;
    buf_init(&tail);
    buf_addstr(&tail, HEAD BODY);
    buf_fill(&tail, "Filler: x\t", 1000);
    assert_int_equal(report_parse(tail.data, tail.length, ID).state, REPORT_TAMPERED);
    buf_clear(&tail);
    buf_fill(&tail, "x", 100000);
    buf_addstr(&tail, "\n" REPORT);
    assert_int_equal(report_parse(tail.data, tail.length, ID).state, REPORT_FOUND);
    buf_clear(&tail);
    buf_fill(&tail, "{", 5000); /* too deep for JSON */
    buf_addstr(&tail, "\n" REPORT);
    assert_int_equal(report_parse(tail.data, tail.length, ID).state, REPORT_FOUND);
    buf_release(&tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(without_an_id_nothing_is_found),
        cmocka_unit_test(nul_bytes),
        cmocka_unit_test(very_long_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
