#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "model/sample.h"

static int index_of(void *context, const char *name)
{
    (void)context;
    return !strcmp(name, "f") ? 3 : !strcmp(name, "g") ? 4 : -1;
}

static int read_text(struct series *s, const char *text, struct error *e)
{
    return series_read(s, text, strlen(text), index_of, NULL, e);
}

static void a_new_sample_has_nothing(void **state)
{
    (void)state;
    struct series s = {0};
    const struct sample *x = series_add(&s);
    assert_true(sizeof *x <= 80);
    assert_int_equal(x->status, SAMPLE_UNKNOWN); /* until it is known better */
    assert_true(isnan(sample_duration_ms(x)) && isnan(sample_billed_ms(x)));
    assert_true(isnan(sample_init_ms(x)) && isnan(sample_client_ms(x)) && isnan(sample_cpu_ms(x)));
    assert_int_equal(x->late_us, SAMPLE_NONE);
    assert_int_equal(x->env, UINT16_MAX);
    assert_false(x->cold || x->dropped);
    series_release(&s);
    assert_int_equal(s.count, 0);
}

static void units(void **state)
{
    (void)state;
    struct sample x = {.duration_10us = 4127,
                       .billed_ms = 263,
                       .init_10us = 22130,
                       .client_us = 268400,
                       .cpu_us = 1234};
    assert_true(fabs(sample_duration_ms(&x) - 41.27) < 1e-12);
    assert_true(sample_billed_ms(&x) == 263);
    assert_true(fabs(sample_init_ms(&x) - 221.30) < 1e-12);
    assert_true(fabs(sample_client_ms(&x) - 268.4) < 1e-12);
    assert_true(fabs(sample_cpu_ms(&x) - 1.234) < 1e-12);
}

static void custom_values_are_what_is_written(void **state)
{
    (void)state;
    static const struct {
        double from, to; /* NaN: not measured */
    } values[] = {
        {0, 0},
        {1.25, 1.25},
        {1.0 / 3, .333333},
        {1e-9, 0},
        {1e15, 1e15},
        {-1e-9, NAN},
        {1.1e15, NAN},
        {NAN, NAN},
        {INFINITY, NAN},
        {12345678901.5, 12345678901.0 + 1}, /* beyond 2^53 millionths: whole numbers */
    };
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        double kept = sample_custom_value(values[i].from);
        assert_true(isnan(values[i].to) ? isnan(kept) : kept == values[i].to);
    }
}

static int of_plan(void *context, const char *name)
{
    const struct plan *plan = context;
    const struct plan_function *f = plan_find(plan, name);
    return f ? (int)(f - plan->functions) : -1;
}

/* Two functions with different metrics: values stay with their names, what is absent stays so. */
static void custom_values_come_back(void **state)
{
    (void)state;
    static const struct plan_custom a[] = {{.name = "db_ms"}, {.name = "hits"}},
                                    b[] = {{.name = "db_ms"}};
    const struct plan_function functions[] = {{.name = "a", .custom = a, .custom_count = 2},
                                              {.name = "b", .custom = b, .custom_count = 1},
                                              {.name = "none"}};
    struct plan plan = {.functions = functions, .function_count = ARRAY_LEN(functions)};
    struct series s, t, copy;
    struct error e = {0};
    struct buf text, again;
    struct rng r;
    buf_init(&text);
    buf_init(&again);
    series_init(&s, &plan);
    series_init(&t, &plan);
    series_init(&copy, &plan);
    rng_seed(&r, 7, 0);
    for (size_t i = 0; i < 300; i++) {
        struct sample *x = series_add(&s);
        x->function = (uint16_t)(i % 3);
        for (size_t k = 0; k < functions[i % 3].custom_count; k++)
            if (rng_below(&r, 4))
                series_custom(&s, i)[k] =
                    sample_custom_value(rng_uniform(&r) * pow(10, (double)rng_below(&r, 15)));
        series_write(&s, i, functions[i % 3].name, &text);
    }
    if (series_read(&t, text.data, text.length, of_plan, &plan, &e))
        fail_msg("%s", e.text);
    assert_int_equal(t.count, s.count);
    for (size_t i = 0; i < t.count; i++) {
        series_copy(&copy, &t, i);
        series_write(&copy, i, functions[i % 3].name, &again);
        for (size_t k = 0; k < s.custom_stride; k++) {
            double x = series_custom(&s, i)[k], y = series_custom(&copy, i)[k];
            assert_true(x == y || (isnan(x) && isnan(y)));
        }
    }
    assert_string_equal(text.data, again.data);
    buf_release(&text);
    buf_release(&again);
    series_release(&s);
    series_release(&t);
    series_release(&copy);
}

static void names(void **state)
{
    (void)state;
    static const char *const statuses[] = {"ok",        "function_error", "timeout",
                                           "throttled", "unknown",        "tampered"};
    for (int i = 0; i < SAMPLE_STATUS_COUNT; i++) {
        assert_string_equal(sample_status_name((enum sample_status)i), statuses[i]);
        assert_int_equal(sample_status_parse(statuses[i]), i);
    }
    assert_int_equal(sample_status_parse("OK"), -1);
    assert_int_equal(sample_status_parse(""), -1);
    assert_string_equal(side_name(SIDE_BASELINE), "baseline");
    assert_string_equal(side_name(SIDE_CANDIDATE), "candidate");
}

static void one_line(void **state)
{
    (void)state;
    struct sample x = {
        .sent_ns = 1234567890123,
        .client_us = 268400,
        .late_us = 12,
        .duration_10us = 4127,
        .billed_ms = 263,
        .init_10us = 22130,
        .cpu_us = SAMPLE_NONE,
        .payload_index = 7,
        .memory_mb = 512,
        .max_memory_mb = 88,
        .env = 3,
        .event = 1,
        .cold = true,
        .request_id = {0x8f, 0x50, 0x7c, 0xfc, 0xaa, 0xaa, 0x46, 0x97, 0xb0, 0x7a, 0xac, 0x58, 0xfc,
                       0x91, 0x4c, 0x95},
    };
    struct buf out;
    buf_init(&out);
    series_write(&(struct series){.items = &x, .count = 1}, 0, "f", &out);
    assert_string_equal(
        out.data,
        "{\"function\":\"f\",\"side\":\"baseline\",\"round\":0,\"env\":\"b0-3\",\"seq\":0,"
        "\"event\":1,"
        "\"index\":7,\"cold\":true,\"status\":\"ok\",\"duration_ms\":41.27,\"billed_ms\":263,"
        "\"init_ms\":221.3,\"client_ms\":268.4,\"memory_mb\":512,\"max_memory_mb\":88,"
        "\"sent_ns\":1234567890123,\"late_ns\":12000,"
        "\"request_id\":\"8f507cfc-aaaa-4697-b07a-ac58fc914c95\"}\n");
    buf_clear(&out);
    struct series s = {0};
    series_add(&s);
    series_write(&s, 0, "f", &out); /* what was not measured is absent */
    assert_string_equal(
        out.data, "{\"function\":\"f\",\"side\":\"baseline\",\"round\":0,\"seq\":0,\"event\":0,"
                  "\"index\":0,\"cold\":false,\"status\":\"unknown\",\"sent_ns\":0}\n");
    series_release(&s);
    buf_release(&out);
}

static uint32_t maybe(struct rng *r, uint32_t most)
{
    return rng_below(r, 5) ? (uint32_t)rng_below(r, most) : SAMPLE_NONE;
}

/* Any sample that the driver can make is the same after writing and reading. */
static void round_trip(void **state)
{
    (void)state;
    struct series s = {0}, t = {0};
    struct buf text;
    struct rng r;
    struct error e = {0};
    buf_init(&text);
    rng_seed(&r, 11, 0);
    for (int i = 0; i < 2000; i++) {
        struct sample *x = series_add(&s);
        x->sent_ns = rng_below(&r, UINT64_C(1) << 53);
        x->client_us = maybe(&r, 900000000);
        x->late_us = maybe(&r, 1000000);
        x->duration_10us = maybe(&r, 90000000);
        x->billed_ms = maybe(&r, 900000);
        x->init_10us = maybe(&r, 1000000);
        x->cpu_us = maybe(&r, 900000000);
        x->seq = (uint32_t)rng_below(&r, 100000);
        x->payload_index = (uint32_t)rng_below(&r, 100000);
        x->memory_mb = (uint16_t)rng_below(&r, 10241);
        x->max_memory_mb = (uint16_t)rng_below(&r, 10241);
        x->function = 3;
        x->round = (uint16_t)rng_below(&r, 65535);
        x->env = rng_below(&r, 4) ? (uint16_t)rng_below(&r, 65000) : UINT16_MAX;
        x->event = (uint16_t)rng_below(&r, 65535);
        x->side = (uint8_t)rng_below(&r, 2);
        x->status = (uint8_t)rng_below(&r, SAMPLE_STATUS_COUNT);
        x->cold = rng_below(&r, 2);
        x->dropped = rng_below(&r, 2);
        for (int k = 0; k < 16; k++)
            x->request_id[k] = (unsigned char)rng_below(&r, 256);
        series_write(&s, s.count - 1, "f", &text);
    }
    if (series_read(&t, text.data, text.length, index_of, NULL, &e))
        fail_msg("%s", e.text);
    assert_int_equal(t.count, s.count);
    struct buf again;
    buf_init(&again);
    for (size_t i = 0; i < t.count; i++) {
        const struct sample *a = &s.items[i], *b = &t.items[i];
        assert_int_equal(a->duration_10us, b->duration_10us);
        assert_int_equal(a->client_us, b->client_us);
        assert_int_equal(a->cpu_us, b->cpu_us);
        assert_int_equal(a->late_us, b->late_us);
        assert_int_equal(a->env, b->env);
        assert_int_equal(a->payload_index, b->payload_index);
        assert_int_equal(b->function, 3);
        assert_memory_equal(a->request_id, b->request_id, 16);
        series_write(&t, i, "f", &again);
    }
    assert_string_equal(text.data, again.data);
    buf_release(&text);
    buf_release(&again);
    series_release(&s);
    series_release(&t);
}

#define LINE "{\"function\":\"f\",\"side\":\"baseline\",\"round\":0,\"status\":\"ok\"}\n"

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"{\"function\":\"h\",\"side\":\"baseline\",\"round\":0,\"status\":\"ok\"}",
         "line 1: 'function'"},
        {"{\"side\":\"baseline\",\"round\":0,\"status\":\"ok\"}", "line 1: 'function'"},
        {LINE LINE "{\"function\":\"f\",\"side\":\"base\",\"round\":0,\"status\":\"ok\"}",
         "line 3: 'side'"},
        {"\n\n{\"function\":\"f\",\"round\":0,\"status\":\"ok\"}", "line 3: 'side'"},
        {"{\"function\":\"f\",\"side\":\"candidate\",\"round\":0,\"status\":\"fine\"}", "'status'"},
        {"{\"function\":\"f\",\"side\":\"candidate\",\"round\":0}", "'status'"},
        {"{\"function\":\"f\",\"side\":\"candidate\",\"round\":-1,\"status\":\"ok\"}", "'round'"},
        {"{\"function\":\"f\",\"side\":\"candidate\",\"round\":65535,\"status\":\"ok\"}",
         "'round'"},
        {"{\"function\":\"f\",\"side\":\"candidate\",\"round\":1.5,\"status\":\"ok\"}", "'round'"},
        {"{\"function\":\"f\",\"side\":\"candidate\",\"round\":\"1\",\"status\":\"ok\"}",
         "'round'"},
        {"hello", "line 1"},
        {LINE "{\"function\":\"f\"", "line 2"},
        {"[]", "line 1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct series s = {0};
        struct error e = {0};
        assert_int_equal(read_text(&s, rows[i].text, &e), -1);
        assert_int_equal(e.code, ERROR_INPUT);
        if (!strstr(e.text, rows[i].error))
            fail_msg("'%s' is not in '%s'", rows[i].error, e.text);
        series_release(&s);
    }
}

/* A measurement that makes no sense is one that is missing, not a small or a large one. */
static void nonsense_is_not_measured(void **state)
{
    (void)state;
    static const char *const values[] = {"-1", "\"41\"", "null", "1e300", "true", "42949672.96"};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct series s = {0};
        struct error e = {0};
        struct buf line;
        buf_init(&line);
        buf_addf(&line,
                 "{\"function\":\"g\",\"side\":\"candidate\",\"round\":0,\"status\":\"ok\","
                 "\"duration_ms\":%s,\"max_memory_mb\":%s,\"env\":\"c0-99999\"}",
                 values[i], values[i]);
        assert_int_equal(read_text(&s, line.data, &e), 0);
        assert_int_equal(s.items[0].duration_10us, SAMPLE_NONE);
        assert_int_equal(s.items[0].max_memory_mb, 0);
        assert_int_equal(s.items[0].env, UINT16_MAX);
        assert_int_equal(s.items[0].function, 4);
        buf_release(&line);
        series_release(&s);
    }
}

/* An environment that goes on in another round, by its name: that round was not a fresh one. */
static void continued_environments(void **state)
{
    (void)state;
    static const struct {
        const char *function, *side, *env;
        unsigned round;
        bool dropped;
    } lines[] = {
        {"f", "baseline", "b0-0", 0, false}, {"f", "candidate", "c0-0", 0, false},
        {"f", "baseline", "b0-0", 0, false}, {"f", "baseline", "b1-0", 1, false},
        {"f", "candidate", "x", 1, false},   {"f", "baseline", "b2-0", 2, true},
        {"f", "candidate", "x", 2, true},    {"f", "baseline", "b3-0", 3, true},
        {"f", "candidate", "c0-0", 3, true}, {"g", "baseline", "b0-0", 4, false},
        {"f", "baseline", "c0-0", 4, false}, {"f", "candidate", "", 4, false},
        {"f", "candidate", "", 5, false},
    };
    struct buf text;
    struct series s = {0};
    struct error e = {0};
    buf_init(&text);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        buf_addf(&text,
                 "{\"function\":\"%s\",\"side\":\"%s\",\"round\":%u,\"env\":\"%s\","
                 "\"status\":\"ok\"}\n",
                 lines[i].function, lines[i].side, lines[i].round, lines[i].env);
    assert_int_equal(read_text(&s, text.data, &e), 0);
    assert_int_equal(s.count, ARRAY_LEN(lines));
    for (size_t i = 0; i < s.count; i++)
        if (s.items[i].dropped != lines[i].dropped)
            fail_msg("line %zu", i + 1);
    buf_release(&text);
    series_release(&s);
}

static void request_ids(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "8f507cfc",
                                      "8f507cfc-aaaa-4697-b07a-ac58fc914c9",
                                      "8f507cfc-aaaa-4697-b07a-ac58fc914c950",
                                      "8f507cfc-aaaa-4697-b07a-ac58fc914c9g",
                                      "8F507CFC-AAAA-4697-B07A-AC58FC914C95",
                                      "8f507cfc aaaa-4697-b07a-ac58fc914c95"};
    unsigned char id[16] = {0};
    static const unsigned char zeros[16];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(sample_request_id(bad[i], id));
        assert_memory_equal(id, zeros, sizeof id);
    }
    assert_true(sample_request_id("8f507cfc-aaaa-4697-b07a-ac58fc914c95", id));
    assert_int_equal(id[0], 0x8f);
    assert_int_equal(id[15], 0x95);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_sample_has_nothing),
        cmocka_unit_test(units),
        cmocka_unit_test(names),
        cmocka_unit_test(custom_values_are_what_is_written),
        cmocka_unit_test(custom_values_come_back),
        cmocka_unit_test(one_line),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(refuses),
        cmocka_unit_test(nonsense_is_not_measured),
        cmocka_unit_test(continued_environments),
        cmocka_unit_test(request_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
