#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/mem.h"
#include "gate/evidence.h"

static const struct plan_function function = {.memory_mb = 512, .traffic = {.cold_start_rate = .1}};
/*
 * 1 ms costs a millionth of a dollar, a request ten of them: dollars per million are easy to add up
 */
static const struct tariff tariff = {.usd_per_ms = 1e-6, .usd_per_request = 1e-5};

#define assert_near(a, b, within) assert_true(fabs((a) - (b)) <= (within))

struct scene {
    struct evidence ev;
    struct series series;
    size_t first;
};

static void scene_begin(struct scene *s, const struct plan_function *f)
{
    *s = (struct scene){0};
    evidence_init(&s->ev, f, tariff);
}

static void scene_end(struct scene *s)
{
    evidence_release(&s->ev);
    series_release(&s->series);
}

static struct sample *add(struct scene *s, enum side side, double duration_ms)
{
    struct sample *x = series_add(&s->series);
    x->side = (uint8_t)side;
    x->status = SAMPLE_OK;
    x->duration_10us = (uint32_t)(duration_ms * 100 + .5);
    x->billed_ms = (uint32_t)ceil(duration_ms);
    x->client_us = (uint32_t)(duration_ms * 1000) + 1000;
    return x;
}

static struct sample *add_cold(struct scene *s, enum side side, double duration_ms, double init_ms)
{
    struct sample *x = add(s, side, duration_ms);
    x->cold = true;
    x->init_10us = (uint32_t)(init_ms * 100 + .5);
    x->billed_ms = (uint32_t)ceil(duration_ms + init_ms);
    return x;
}

static void end_round(struct scene *s)
{
    evidence_add_round(&s->ev, &s->series, s->first, 0);
    s->first = s->series.count;
}

static const struct rounds *stream(const struct scene *s, enum stream stream, enum side side)
{
    return &s->ev.streams[stream][side];
}

static void add_plain_round(struct scene *s, double duration_ms)
{
    for (int side = 0; side < SIDE_COUNT; side++) {
        add_cold(s, (enum side)side, duration_ms + 5, 100);
        add(s, (enum side)side, duration_ms);
        add(s, (enum side)side, duration_ms + 1);
    }
    end_round(s);
}

static void streams_take_what_is_theirs(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, &function);
    for (int side = 0; side < SIDE_COUNT; side++) {
        struct sample *x = add_cold(&s, (enum side)side, 20, 100); /* billed 120 */
        x->max_memory_mb = 70;
        x = add(&s, (enum side)side, 10);
        x->cpu_us = 4000;
        x->max_memory_mb = 90;
        x = add(&s, (enum side)side, 30);
        x->cpu_us = 6000;
        x->max_memory_mb = 80;
    }
    end_round(&s);
    for (int side = 0; side < SIDE_COUNT; side++) {
        enum side at = (enum side)side;
        assert_int_equal(stream(&s, STREAM_DURATION, at)->total, 2);
        assert_near(stream(&s, STREAM_DURATION, at)->items[0].mean, 20, 1e-9);
        assert_near(stream(&s, STREAM_LATENCY, at)->items[0].mean, 21, 1e-9);
        assert_near(stream(&s, STREAM_CPU, at)->items[0].mean, 5, 1e-9);
        assert_near(stream(&s, STREAM_INIT, at)->items[0].mean, 100, 1e-9);
        assert_near(stream(&s, STREAM_FIRST_CALL, at)->items[0].mean, 120, 1e-9);
        /* warm: (10 + 30) / 2 + 10, cold: 120 + 10 */
        assert_near(stream(&s, STREAM_COST, at)->items[0].mean, .9 * 30 + .1 * 130, 1e-9);
        assert_near(stream(&s, STREAM_MEMORY, at)->items[0].mean, 90, 1e-9);
    }
    assert_int_equal(s.ev.rounds, 1);
    scene_end(&s);
}

static void other_functions_are_skipped(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, &function);
    add(&s, SIDE_BASELINE, 500)->function = 3;
    end_round(&s);
    assert_int_equal(s.ev.rounds, 0);
    assert_int_equal(s.ev.dropped, 0);
    add(&s, SIDE_BASELINE, 500)->function = 3;
    add_plain_round(&s, 10);
    assert_int_equal(s.ev.rounds, 1);
    assert_int_equal(s.ev.accounting[SIDE_BASELINE].scheduled, 3);
    assert_int_equal(stream(&s, STREAM_DURATION, SIDE_BASELINE)->total, 2);
    scene_end(&s);
}

static void dropped_rounds_count_for_errors_only(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, &function);
    add_cold(&s, SIDE_BASELINE, 10, 100);
    add(&s, SIDE_CANDIDATE, 10)->status = SAMPLE_FUNCTION_ERROR;
    s.series.items[1].dropped = true;
    end_round(&s);
    assert_int_equal(s.ev.rounds, 0);
    assert_int_equal(s.ev.dropped, 1);
    assert_int_equal(stream(&s, STREAM_INIT, SIDE_BASELINE)->count, 0);
    assert_int_equal(s.ev.errors[SIDE_CANDIDATE].failures, 1);
    assert_int_equal(s.ev.errors[SIDE_CANDIDATE].calls, 1);
    assert_int_equal(s.ev.errors[SIDE_BASELINE].failures, 0);
    scene_end(&s);
}

static void error_rate_counts_what_the_function_answered_for(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, &function);
    for (int status = 0; status < SAMPLE_STATUS_COUNT; status++)
        add(&s, SIDE_CANDIDATE, 10)->status = (uint8_t)status;
    end_round(&s);
    assert_int_equal(s.ev.errors[SIDE_CANDIDATE].failures, 2); /* function_error and timeout */
    assert_int_equal(s.ev.errors[SIDE_CANDIDATE].calls, 3);    /* and ok */
    assert_int_equal(s.ev.accounting[SIDE_CANDIDATE].scheduled, SAMPLE_STATUS_COUNT);
    for (int status = 0; status < SAMPLE_STATUS_COUNT; status++)
        assert_int_equal(s.ev.accounting[SIDE_CANDIDATE].by_status[status], 1);
    scene_end(&s);
}

/*
 * The call after a crash starts the runtime anew within its Duration; only the same environment's
 * does.
 */
/* Not knowing which environment a call met, as many are left out as there are. */
static void calls_after_a_failure_somewhere_are_left_out(void **state)
{
    (void)state;
    static const struct plan_function three = {
        .memory_mb = 512, .traffic = {.cold_start_rate = .1}, .rounds = {.environments = 3}};
    struct scene s;
    scene_begin(&s, &three);
    for (int side = 0; side < SIDE_COUNT; side++) {
        add_cold(&s, (enum side)side, 10, 100)->env = UINT16_MAX;
        add(&s, (enum side)side, 10)->env = UINT16_MAX;
        struct sample *x = add(&s, (enum side)side, 10);
        x->env = UINT16_MAX;
        x->status = side ? SAMPLE_TIMEOUT : SAMPLE_OK;
        for (int i = 0; i < 5; i++)
            add(&s, (enum side)side, side && i == 1 ? 500 : 10)->env = UINT16_MAX;
    }
    end_round(&s);
    assert_int_equal(stream(&s, STREAM_DURATION, SIDE_BASELINE)->total, 7);
    assert_int_equal(stream(&s, STREAM_DURATION, SIDE_CANDIDATE)->total, 3);
    assert_near(stream(&s, STREAM_DURATION, SIDE_CANDIDATE)->items[0].mean, 10, 1e-9);
    assert_int_equal(s.ev.suspects[SIDE_BASELINE], 0);
    assert_int_equal(s.ev.suspects[SIDE_CANDIDATE], 3);
    scene_end(&s);
}

static void call_after_a_failure_is_left_out(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, &function);
    for (int side = 0; side < SIDE_COUNT; side++) {
        add_cold(&s, (enum side)side, 10, 100)->env = 0;
        add(&s, (enum side)side, 10)->env = 0;
        struct sample *x = add(&s, (enum side)side, 10);
        x->env = 0;
        x->status = side ? SAMPLE_FUNCTION_ERROR : SAMPLE_OK;
        add(&s, (enum side)side, side ? 500 : 10)->env = 0; /* poisoned */
        add(&s, (enum side)side, 10)->env = 0;
    }
    end_round(&s);
    assert_int_equal(stream(&s, STREAM_DURATION, SIDE_BASELINE)->total, 4);
    assert_int_equal(stream(&s, STREAM_DURATION, SIDE_CANDIDATE)->total, 2);
    assert_near(stream(&s, STREAM_DURATION, SIDE_CANDIDATE)->items[0].mean, 10, 1e-9);
    scene_end(&s);
}

static void next_environment_is_not_poisoned(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, &function);
    for (int side = 0; side < SIDE_COUNT; side++) {
        add_cold(&s, (enum side)side, 10, 100)->env = 0;
        struct sample *x = add(&s, (enum side)side, 10);
        x->env = 0;
        x->status = SAMPLE_FUNCTION_ERROR;
        add(&s, (enum side)side, 10)->env = 1;
    }
    end_round(&s);
    assert_int_equal(stream(&s, STREAM_DURATION, SIDE_CANDIDATE)->total, 1);
    scene_end(&s);
}

static void what_is_missing_breaks_its_stream_alone(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, &function);
    for (int i = 0; i < 6; i++)
        add_plain_round(&s, 10 + i);
    assert_true(s.ev.broken[STREAM_CPU]); /* nobody reported it */
    assert_true(s.ev.broken[STREAM_MEMORY]);
    assert_false(s.ev.broken[STREAM_DURATION]);
    assert_int_equal(evidence_effects(&s.ev, METRIC_MEAN).ratio.state, EFFECT_DEFINED);
    assert_int_equal(evidence_effects(&s.ev, METRIC_CPU_MS).ratio.state, EFFECT_UNDEFINED);
    assert_int_equal(evidence_effects(&s.ev, METRIC_ERROR_RATE).ratio.state, EFFECT_UNDEFINED);
    assert_int_equal(evidence_effects(&s.ev, METRIC_PACKAGE_SIZE).ratio.state, EFFECT_UNDEFINED);
    assert_int_equal(evidence_effects(&s.ev, METRIC_P99).ratio.state, EFFECT_FEW_SAMPLES);
    /* one side's round without warm calls: from then on there is no duration */
    add_cold(&s, SIDE_BASELINE, 10, 100);
    add(&s, SIDE_BASELINE, 10);
    add_cold(&s, SIDE_CANDIDATE, 10, 100);
    end_round(&s);
    assert_int_equal(evidence_effects(&s.ev, METRIC_MEAN).ratio.state, EFFECT_UNDEFINED);
    assert_int_equal(evidence_effects(&s.ev, METRIC_COLD_START).ratio.state, EFFECT_DEFINED);
    add_plain_round(&s, 10);
    assert_int_equal(evidence_effects(&s.ev, METRIC_MEAN).ratio.state, EFFECT_UNDEFINED);
    scene_end(&s);
}

static void calls_without_report_are_counted(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, &function);
    add_cold(&s, SIDE_BASELINE, 10, 100);
    add(&s, SIDE_BASELINE, 10);
    add(&s, SIDE_BASELINE, 10)->duration_10us = SAMPLE_NONE;
    struct sample *x = add(&s, SIDE_BASELINE, 10);
    x->duration_10us = SAMPLE_NONE;
    x->status = SAMPLE_FUNCTION_ERROR;
    add_cold(&s, SIDE_CANDIDATE, 10, 100);
    add(&s, SIDE_CANDIDATE, 10);
    end_round(&s);
    assert_int_equal(s.ev.untimed[SIDE_BASELINE], 1);
    assert_int_equal(s.ev.untimed[SIDE_CANDIDATE], 0);
    scene_end(&s);
}

static void cost_without_cold_calls(void **state)
{
    (void)state;
    struct plan_function never_cold = function;
    never_cold.traffic.cold_start_rate = 0;
    for (int i = 0; i < 2; i++) {
        struct scene s;
        scene_begin(&s, i ? &never_cold : &function);
        add(&s, SIDE_BASELINE, 10);
        add(&s, SIDE_CANDIDATE, 20);
        end_round(&s);
        assert_int_equal(s.ev.broken[STREAM_COST],
                         i == 0); /* a share of cold calls, but none seen */
        if (i) {
            const struct rounds *cost = stream(&s, STREAM_COST, SIDE_CANDIDATE);
            assert_near(cost->items[0].mean, 30, 1e-9);
        }
        scene_end(&s);
    }
}

static void cost_needs_every_bill(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, &function);
    for (int side = 0; side < SIDE_COUNT; side++) {
        add_cold(&s, (enum side)side, 10, 100);
        add(&s, (enum side)side, 10);
        add(&s, (enum side)side, 10);
    }
    s.series.items[s.series.count - 1].billed_ms = SAMPLE_NONE;
    end_round(&s);
    assert_true(s.ev.broken[STREAM_COST]);
    assert_false(s.ev.broken[STREAM_DURATION]);
    scene_end(&s);
}

static void rounding_is_noticed(void **state)
{
    (void)state;
    for (int coarse = 0; coarse < 2; coarse++) {
        struct scene s;
        scene_begin(&s, &function);
        for (int side = 0; side < SIDE_COUNT; side++) {
            add_cold(&s, (enum side)side, 2, 100);
            for (int i = 0; i < 20; i++)
                add(&s, (enum side)side, coarse ? 2 + i % 3 : 2 + .07 * i);
        }
        end_round(&s);
        struct effect at2ms = {.state = EFFECT_DEFINED, .baseline = 2};
        assert_near(s.ev.quantum_ms, coarse ? 1 : 0, 1e-9);
        /* sqrt(2/12) x 1 ms / 2 ms */
        assert_near(evidence_rounding(&s.ev, METRIC_P50, &at2ms), coarse ? .204124 : 0, 1e-6);
        assert_near(evidence_rounding(&s.ev, METRIC_MEAN, &at2ms), 0, 1e-12);
        assert_near(evidence_rounding(&s.ev, METRIC_LATENCY_P99, &at2ms), 0, 1e-12);
        at2ms.baseline = 0;
        assert_near(evidence_rounding(&s.ev, METRIC_P50, &at2ms), 0, 1e-12);
        scene_end(&s);
    }
}

static void lateness(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, &function);
    assert_true(isnan(evidence_lateness_ms(&s.ev, .99)));
    add_plain_round(&s, 10); /* without due times */
    assert_true(isnan(evidence_lateness_ms(&s.ev, .99)));
    for (uint32_t i = 0; i < 101; i++)
        add(&s, SIDE_BASELINE, 10)->late_us = (i * 37 % 101) * 1000; /* 0..100 ms in some order */
    add(&s, SIDE_CANDIDATE, 10);
    end_round(&s);
    assert_near(evidence_lateness_ms(&s.ev, .99), 99, 1e-9);
    assert_near(evidence_lateness_ms(&s.ev, 0), 0, 1e-9);
    assert_near(evidence_lateness_ms(&s.ev, 1), 100, 1e-9);
    scene_end(&s);
}

static void units(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, &function);
    for (int i = 0; i < METRIC_COUNT; i++) {
        double expected =
            i == METRIC_COMPUTE_PER_MILLION ? .5 * 16.6667 / 1000 : 1; /* dollars per ms */
        assert_near(evidence_scale(&s.ev, (enum metric_id)i), expected, 1e-12);
    }
    assert_null(evidence_samples(&s.ev, METRIC_ERROR_RATE).baseline);
    assert_ptr_equal(evidence_samples(&s.ev, METRIC_P99).candidate,
                     &s.ev.streams[STREAM_DURATION][SIDE_CANDIDATE]);
    assert_near(evidence_samples(&s.ev, METRIC_COLD_P90).statistic.p, .90, 1e-12);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_take_what_is_theirs),
        cmocka_unit_test(other_functions_are_skipped),
        cmocka_unit_test(dropped_rounds_count_for_errors_only),
        cmocka_unit_test(error_rate_counts_what_the_function_answered_for),
        cmocka_unit_test(calls_after_a_failure_somewhere_are_left_out),
        cmocka_unit_test(call_after_a_failure_is_left_out),
        cmocka_unit_test(next_environment_is_not_poisoned),
        cmocka_unit_test(what_is_missing_breaks_its_stream_alone),
        cmocka_unit_test(calls_without_report_are_counted),
        cmocka_unit_test(cost_without_cold_calls),
        cmocka_unit_test(cost_needs_every_bill),
        cmocka_unit_test(rounding_is_noticed),
        cmocka_unit_test(lateness),
        cmocka_unit_test(units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
