/*
 * Calibration on made-up rounds whose noise is known: what it says of the noise, of a side that is
 * slower all along, and of limits that the noise does not support.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "gate/calibration.h"

enum { ENVIRONMENTS = 5, CALLS = 20, GATES = 100 };

/* Noise of ln(duration). */
struct world {
    unsigned rounds;
    double call, round;  /* sd between calls, and between the rounds of a side */
    double bias;         /* of the candidate, in every round */
    double block_bias;   /* sd of a bias that changes every ten rounds */
    unsigned drop_every; /* rounds; 0: none is dropped */
};

static const struct plan_event event = {.name = "empty", .payload = "{}", .payload_length = 2};

struct scene {
    struct plan_function f;
    struct plan_limit limits[2];
    struct series series;
    struct calibration c;
};

static void scene_begin(struct scene *s, double p99_limit)
{
    *s = (struct scene){0};
    s->limits[0] = (struct plan_limit){
        .metric = &metrics[METRIC_P99], .kind = LIMIT_INCREASE_PCT, .value = p99_limit};
    s->limits[1] = (struct plan_limit){
        .metric = &metrics[METRIC_COST_PER_MILLION], .kind = LIMIT_INCREASE_PCT, .value = .05};
    s->f = (struct plan_function){
        .name = "f",
        .architecture = "x86_64",
        .memory_mb = 512,
        .ephemeral_mb = 512,
        .events = &event,
        .event_count = 1,
        .rounds = {10, 120, 2, ENVIRONMENTS, CALLS},
        .traffic = {.cold_start_rate = .01},
        .limits = s->limits,
        .limit_count = 2,
    };
}

static void add_call(struct scene *s, double level, double noise, unsigned seq, struct rng *rng)
{
    struct sample *x = series_add(&s->series);
    double ms = 50 * level * exp(noise * rng_normal(rng));
    double init_ms = seq ? 0 : 200 * level;
    x->seq = seq;
    x->status = SAMPLE_OK;
    x->cold = !seq;
    x->duration_10us = (uint32_t)(ms * 100 + .5);
    x->init_10us = seq ? SAMPLE_NONE : (uint32_t)(init_ms * 100 + .5);
    x->billed_ms = (uint32_t)ceil(ms + init_ms);
    x->memory_mb = 512;
    x->max_memory_mb = 80;
}

static void add_side(struct scene *s, const struct world *w, enum side side, unsigned round,
                     double level, struct rng *rng)
{
    for (unsigned env = 0; env < ENVIRONMENTS; env++)
        for (unsigned seq = 0; seq <= CALLS; seq++) {
            add_call(s, level, w->call, seq, rng);
            struct sample *x = &s->series.items[s->series.count - 1];
            x->side = (uint8_t)side;
            x->round = (uint16_t)round;
            x->env = (uint16_t)env;
            x->dropped = w->drop_every && round % w->drop_every == 1;
        }
}

static void scene_measure(struct scene *s, const struct world *w)
{
    struct rng rng;
    double bias = w->bias;
    rng_seed(&rng, 5, 0);
    for (unsigned round = 0; round < w->rounds; round++) {
        if (round % 10 == 0)
            bias = w->bias + w->block_bias * rng_normal(&rng);
        add_side(s, w, SIDE_BASELINE, round, exp(w->round * rng_normal(&rng)), &rng);
        add_side(s, w, SIDE_CANDIDATE, round, exp(bias + w->round * rng_normal(&rng)), &rng);
    }
}

static struct calibration_request request_of(const struct scene *s)
{
    return (struct calibration_request){
        .function = &s->f,
        .series = &s->series,
        .settings = GATE_DEFAULTS,
        .minutes = 2,
        .gates = GATES,
        .seed = 1,
    };
}

static void scene_calibrate(struct scene *s, const struct world *w)
{
    struct error e = {0};
    scene_measure(s, w);
    struct calibration_request q = request_of(s);
    assert_int_equal(calibration_make(&q, &s->c, &e), 0);
}

static const struct calibration_metric *metric(const struct scene *s, enum metric_id id)
{
    const struct calibration_metric *m = calibration_find(&s->c, id);
    assert_non_null(m);
    return m;
}

static void test_quiet_function(void **state)
{
    (void)state;
    static const struct world w = {.rounds = 40, .call = .10, .round = .01};
    struct scene s;
    scene_begin(&s, .10);
    scene_calibrate(&s, &w);
    const struct calibration_metric *p99 = metric(&s, METRIC_P99), *p50 = metric(&s, METRIC_P50);
    assert_int_equal(s.c.rounds, 40);
    assert_int_equal(s.c.block_rounds, 10);
    assert_true(fabs(s.c.rounds_per_minute - 20) < 1e-9);
    assert_int_equal(p99->blocks, 4);
    assert_true(p99->judged && !p50->judged);
    /* 50 ms x exp(2.326 x .1) */
    assert_true(p99->level > 60 && p99->level < 67);
    /* sd of a round's difference is at least .01 x sqrt(2); with t(39): 1.96 < t < 2.1 */
    assert_true(p50->noise_pct > .2 && p50->noise_pct < 1.2);
    assert_false(p99->floor_proven);
    assert_true(fabs(p99->floor_pct - .5) < 1e-9);
    /* more time, smaller changes; and 15 minutes are more than the plan's 120 rounds */
    assert_true(p99->detectable_pct[0] > p99->detectable_pct[1]);
    assert_true(p99->detectable_pct[1] > p99->detectable_pct[2]);
    assert_true(p99->supported_pct < 10 && p99->supported_pct > p99->detectable_pct[2]);
    assert_true(calibration_supports(p99, &s.f));
    assert_int_equal(s.c.alarms.gates, GATES);
    assert_int_equal(s.c.alarms.failed, 0);
    assert_int_equal(s.c.alarms.passed, GATES);
    /* 0 of 100: 1 - .05^(1/100) */
    assert_true(fabs(s.c.alarms.upper_pct - 2.951) < .01);
    assert_true(s.c.alarms.rounds >= 10 && s.c.alarms.rounds <= 40);
    series_release(&s.series);
}

static void test_noisy_function_does_not_support_its_limit(void **state)
{
    (void)state;
    static const struct world w = {.rounds = 40, .call = .5, .round = .25};
    struct scene s;
    scene_begin(&s, .05);
    scene_calibrate(&s, &w);
    const struct calibration_metric *p99 = metric(&s, METRIC_P99);
    assert_false(calibration_supports(p99, &s.f));
    assert_true(p99->supported_pct > 5);
    assert_true(calibration_limit(p99, 10) >= p99->supported_pct);
    assert_true(s.c.alarms.passed < GATES);
    assert_true(s.c.alarms.failed <= 5);
    series_release(&s.series);
}

static void test_bias_of_one_side_is_proven(void **state)
{
    (void)state;
    static const struct world w = {.rounds = 40, .call = .10, .round = .01, .bias = .03};
    struct scene s;
    scene_begin(&s, .10);
    scene_calibrate(&s, &w);
    const struct calibration_metric *p50 = metric(&s, METRIC_P50);
    assert_true(p50->floor_proven);
    assert_true(p50->floor_pct > 2 && p50->floor_pct < 4);
    assert_true(fabs(p50->difference_pct - 3) < 1);
    /* swapping names removes the bias: the replays do not see it */
    assert_int_equal(s.c.alarms.failed, 0);
    /* and the floor is in what can be seen */
    assert_true(p50->detectable_pct[2] > 6);
    series_release(&s.series);
}

static void test_bias_that_comes_and_goes_is_proven(void **state)
{
    (void)state;
    static const struct world w = {.rounds = 60, .call = .10, .round = .005, .block_bias = .04};
    struct scene s;
    scene_begin(&s, .10);
    scene_calibrate(&s, &w);
    const struct calibration_metric *p50 = metric(&s, METRIC_P50);
    assert_int_equal(p50->blocks, 6);
    assert_true(p50->floor_proven);
    assert_true(p50->spread_pct > 1.5);
    series_release(&s.series);
}

static void test_dropped_rounds_and_other_functions_are_left_out(void **state)
{
    (void)state;
    static const struct world w = {.rounds = 40, .call = .10, .round = .01, .drop_every = 10};
    static const struct world other = {.rounds = 5, .call = 1};
    struct scene s;
    scene_begin(&s, .10);
    scene_measure(&s, &other);
    for (size_t i = 0; i < s.series.count; i++)
        s.series.items[i].function = 7;
    scene_calibrate(&s, &w);
    assert_int_equal(s.c.rounds, 36);
    assert_int_equal(s.c.dropped, 4);
    assert_true(metric(&s, METRIC_P50)->noise_pct < 1.2);
    series_release(&s.series);
}

static void test_too_few_rounds_say_nothing(void **state)
{
    (void)state;
    static const struct world w = {.rounds = 4, .call = .10, .round = .01};
    struct scene s;
    scene_begin(&s, .10);
    scene_calibrate(&s, &w);
    assert_int_equal(s.c.rounds, 4);
    assert_null(calibration_find(&s.c, METRIC_P99));
    assert_int_equal(s.c.metric_count, 0);
    assert_int_equal(s.c.alarms.passed + s.c.alarms.failed, 0);
    series_release(&s.series);
}

static void test_no_rounds_are_an_error(void **state)
{
    (void)state;
    struct scene s;
    struct error e = {0};
    scene_begin(&s, .10);
    struct calibration_request q = request_of(&s);
    assert_int_equal(calibration_make(&q, &s.c, &e), -1);
    assert_int_equal(e.code, ERROR_MEASURE);
    assert_non_null(strstr(e.text, "no round was usable"));
}

static void test_same_request_same_answer(void **state)
{
    (void)state;
    static const struct world w = {.rounds = 20, .call = .4, .round = .2};
    struct scene s;
    struct error e = {0};
    struct calibration again;
    scene_begin(&s, .10);
    scene_calibrate(&s, &w);
    struct calibration_request q = request_of(&s);
    assert_int_equal(calibration_make(&q, &again, &e), 0);
    assert_memory_equal(&again.alarms, &s.c.alarms, sizeof again.alarms);
    series_release(&s.series);
}

/* A time that is too short for the first look has no smallest change. */
static void test_budget_below_the_first_look(void **state)
{
    (void)state;
    static const struct world w = {.rounds = 20, .call = .10, .round = .01};
    struct scene s;
    struct error e = {0};
    scene_begin(&s, .10);
    scene_measure(&s, &w);
    struct calibration_request q = request_of(&s);
    q.minutes = 10; /* two rounds a minute; the first look is after ten */
    q.gates = 0;
    assert_int_equal(calibration_make(&q, &s.c, &e), 0);
    const struct calibration_metric *p50 = metric(&s, METRIC_P50);
    assert_true(isnan(p50->detectable_pct[0]));
    assert_true(isfinite(p50->detectable_pct[1]) && isfinite(p50->detectable_pct[2]));
    assert_true(isnan(s.c.alarms.upper_pct));
    series_release(&s.series);
}

static void test_recommended_limits(void **state)
{
    (void)state;
    static const struct {
        double supported, usual, limit;
    } rows[] = {{3.2, 10, 10}, {3.2, 0, 4},   {10, 10, 10},   {10.1, 10, 12},
                {17, 5, 20},   {99, 10, 100}, {101, 10, NAN}, {NAN, 10, NAN}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct calibration_metric m = {.supported_pct = rows[i].supported};
        double limit = calibration_limit(&m, rows[i].usual);
        assert_true(limit == rows[i].limit || (isnan(limit) && isnan(rows[i].limit)));
    }
}

/* Of several increases all must be exceeded: the most generous one counts. */
static void test_supported_by_an_absolute_limit(void **state)
{
    (void)state;
    struct plan_limit limits[3] = {
        {.metric = &metrics[METRIC_P99], .kind = LIMIT_INCREASE_PCT, .value = .10},
        {.metric = &metrics[METRIC_P99], .kind = LIMIT_MAXIMUM, .value = 3},
        {.metric = &metrics[METRIC_P99], .kind = LIMIT_INCREASE_ABS, .value = 1},
    };
    struct plan_function f = {.limits = limits, .limit_count = 2};
    struct calibration_metric m = {.metric = &metrics[METRIC_P99], .level = 2, .supported_pct = 26};
    assert_false(calibration_supports(&m, &f));
    f.limit_count = 3;
    assert_true(fabs(calibration_allowed(&m, limits, 3) - 50) < 1e-9);
    assert_true(calibration_supports(&m, &f));
    m.supported_pct = NAN;
    assert_false(calibration_supports(&m, &f));
    m.metric = &metrics[METRIC_MEAN];
    assert_true(calibration_supports(&m, &f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet_function),
        cmocka_unit_test(test_noisy_function_does_not_support_its_limit),
        cmocka_unit_test(test_bias_of_one_side_is_proven),
        cmocka_unit_test(test_bias_that_comes_and_goes_is_proven),
        cmocka_unit_test(test_dropped_rounds_and_other_functions_are_left_out),
        cmocka_unit_test(test_too_few_rounds_say_nothing),
        cmocka_unit_test(test_no_rounds_are_an_error),
        cmocka_unit_test(test_same_request_same_answer),
        cmocka_unit_test(test_budget_below_the_first_look),
        cmocka_unit_test(test_recommended_limits),
        cmocka_unit_test(test_supported_by_an_absolute_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
