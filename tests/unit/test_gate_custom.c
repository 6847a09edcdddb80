/*
 * The gate on a function's own metrics: what passes and fails, in either direction, and that values
 * which are not there never make a pass.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "gate/judge.h"

enum { ROUNDS_MAX = 24, ENVIRONMENTS = 3, CALLS = 20 };

static const struct plan_event event = {.name = "empty", .payload = "{}", .payload_length = 2};

/* What one side writes: value x factor, with noise; a share of the calls nothing, or 0. */
struct side_world {
    double factor, absent, zero;
};

struct scene {
    const char *statistic;
    bool higher;
    bool unlimited; /* the custom metric has no limit; another one has */
    double noise;
    enum limit_kind kind;
    double limit;
    struct side_world side[SIDE_COUNT];
    uint64_t seed;
    /* what became of it */
    struct arena arena;
    struct result_function out;
};

static struct scene scene_of(const char *statistic, bool higher)
{
    return (struct scene){.statistic = statistic,
                          .higher = higher,
                          .noise = .05,
                          .limit = .10,
                          .side = {{1, 0, 0}, {1, 0, 0}},
                          .seed = 1};
}

static double value_of(const struct scene *s, enum side side, struct rng *rng)
{
    const struct side_world *w = &s->side[side];
    double drawn = rng_uniform(rng), value = 40 * w->factor * exp(s->noise * rng_normal(rng));
    if (drawn < w->absent)
        return NAN;
    return drawn < w->absent + w->zero ? 0 : sample_custom_value(value);
}

static void add_call(const struct scene *s, struct series *series, unsigned round, unsigned n,
                     struct rng *rng)
{
    struct sample *x = series_add(series);
    unsigned seq = n / SIDE_COUNT % (CALLS + 1);
    enum side side = n % SIDE_COUNT ? SIDE_CANDIDATE : SIDE_BASELINE;
    x->side = (uint8_t)side;
    x->round = (uint16_t)round;
    x->env = (uint16_t)(n / SIDE_COUNT / (CALLS + 1));
    x->seq = seq;
    x->status = SAMPLE_OK;
    x->cold = seq == 0;
    x->duration_10us = (uint32_t)(5000 * exp(.02 * rng_normal(rng)));
    x->init_10us = seq ? SAMPLE_NONE : 20000;
    x->billed_ms = 60 + (seq ? 0 : 200);
    x->client_us = 60000;
    series_custom(series, series->count - 1)[0] = value_of(s, side, rng);
}

/* Measures until the gate has enough, as cmd/ does. */
static enum verdict scene_judge(struct scene *s)
{
    arena_init(&s->arena);
    struct plan_custom custom = {.name = "work", .factor = 1};
    custom.metric = metric_custom_row(
        &s->arena, &(struct metric_custom){"work", UNIT_NUMBER, metric_statistic_find(s->statistic),
                                           s->higher, 0});
    const struct plan_limit limit = {.metric =
                                         s->unlimited ? &metrics[METRIC_MEAN] : &custom.metric,
                                     .kind = s->kind,
                                     .value = s->limit,
                                     .text = "the limit"};
    const struct plan_function f = {
        .name = "f",
        .runtime = "python3.12",
        .architecture = "x86_64",
        .memory_mb = 512,
        .ephemeral_mb = 512,
        .events = &event,
        .event_count = 1,
        .rounds = {10, ROUNDS_MAX, 2, ENVIRONMENTS, CALLS},
        .limits = &limit,
        .limit_count = 1,
        .custom = &custom,
        .custom_count = 1,
    };
    const struct plan plan = {.functions = &f, .function_count = 1};
    struct gate_settings settings = GATE_DEFAULTS;
    struct series series;
    struct rng rng;
    struct error e = {0};
    series_init(&series, &plan);
    rng_seed(&rng, s->seed, 0);
    settings.region = "us-east-1";
    struct gate *gate = gate_new(&f, &settings, &e);
    assert_non_null(gate);
    for (unsigned round = 0;; round++) {
        size_t first = series.count;
        for (unsigned n = 0; n < SIDE_COUNT * ENVIRONMENTS * (CALLS + 1); n++)
            add_call(s, &series, round, n, &rng);
        gate_add_round(gate, &series, first, 0);
        if (gate_look(gate) == GATE_STOP)
            break;
    }
    s->out = (struct result_function){0};
    gate_conclude(gate, &series, 0, &s->arena, &s->out);
    assert_int_equal(s->out.metric_count, METRIC_COUNT + 1);
    assert_string_equal(s->out.metrics[METRIC_COUNT].metric->id, "custom.work");
    gate_free(gate);
    series_release(&series);
    return s->out.verdict;
}

static void expect(struct scene s, enum verdict wanted, const char *warning)
{
    enum verdict v = scene_judge(&s);
    bool warned = !warning;
    for (size_t i = 0; warning && i < s.out.warning_count; i++)
        warned |= strstr(s.out.warnings[i], warning) != NULL;
    if (v != wanted || !warned)
        fail_msg("%s, %s better: %s instead of %s: %s", s.statistic, s.higher ? "higher" : "lower",
                 verdict_name(v), verdict_name(wanted), s.out.headline);
    arena_release(&s.arena);
}

static const char *const statistics[] = {"mean", "p50", "p90", "p99", "max"};

static void unchanged_passes_and_changes_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statistics); i++) {
        for (int higher = 0; higher < 2; higher++) {
            struct scene s = scene_of(statistics[i], higher);
            expect(s, VERDICT_PASS, NULL);
            s.side[SIDE_CANDIDATE].factor = higher ? .7 : 1.4;
            expect(s, VERDICT_FAIL, NULL);
            s.side[SIDE_CANDIDATE].factor = higher ? 1.4 : .7;
            expect(s, VERDICT_PASS, NULL);
        }
    }
}

/*
 * Counters do not scatter at all: that is no reason not to judge their mean or maximum. A percentile
 * of equal values is another matter: exchanging the sides of a few rounds does not move it.
 */
static void constant_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statistics); i++) {
        struct scene s = scene_of(statistics[i], false);
        s.noise = 0;
        expect(s, VERDICT_PASS, NULL);
        s.side[SIDE_CANDIDATE].factor = 1.25;
        bool percentile = statistics[i][0] == 'p';
        if (!percentile)
            expect(s, VERDICT_FAIL, NULL);
        assert_int_not_equal(scene_judge(&s), VERDICT_PASS);
        arena_release(&s.arena);
    }
}

static void shown_as_it_is(void **state)
{
    (void)state;
    for (int higher = 0; higher < 2; higher++) {
        struct scene s = scene_of("mean", higher);
        s.side[SIDE_CANDIDATE].factor = .5;
        assert_int_equal(scene_judge(&s), higher ? VERDICT_FAIL : VERDICT_PASS);
        const struct result_metric *m = &s.out.metrics[METRIC_COUNT];
        assert_true(fabs(m->baseline - 40) < 1 && fabs(m->candidate - 20) < 1);
        assert_true(fabs(m->change_pct + 50) < 2);
        assert_true(m->ci_low_pct < m->change_pct && m->change_pct < m->ci_high_pct);
        assert_true(m->ci_low_pct > -53 && m->ci_high_pct < -47);
        arena_release(&s.arena);
    }
}

static void absolute_limits(void **state)
{
    (void)state;
    struct scene s = scene_of("mean", false);
    s.kind = LIMIT_INCREASE_ABS;
    s.limit = 10;
    s.side[SIDE_CANDIDATE].factor = 1.1;
    expect(s, VERDICT_PASS, NULL);
    s.side[SIDE_CANDIDATE].factor = 1.5;
    expect(s, VERDICT_FAIL, NULL);
    s.kind = LIMIT_MAXIMUM;
    s.limit = 50;
    expect(s, VERDICT_FAIL, NULL);
    s.limit = 80;
    expect(s, VERDICT_PASS, NULL);
}

/* 0 has no logarithm: a mean can have some in a round, a percentile none. */
static void zeros(void **state)
{
    (void)state;
    struct scene s = scene_of("mean", false);
    s.limit = .5;
    s.side[SIDE_BASELINE].zero = s.side[SIDE_CANDIDATE].zero = .3;
    expect(s, VERDICT_PASS, NULL);
    s.statistic = "p50";
    expect(s, VERDICT_ERROR, "only where no value is 0");
    s.statistic = "mean";
    s.side[SIDE_CANDIDATE].zero = 1;
    expect(s, VERDICT_ERROR, "a round without a value above 0");
}

static void silence_is_no_gain(void **state)
{
    (void)state;
    for (int side = 0; side < SIDE_COUNT; side++) {
        struct scene s = scene_of("mean", false);
        s.side[side].absent = .005;
        expect(s, VERDICT_PASS, NULL);
        s.side[side].absent = .06;
        expect(s, VERDICT_INCONCLUSIVE,
               side ? "of the candidate have no value of custom.work"
                    : "of the baseline have no value of custom.work");
        s.side[SIDE_CANDIDATE].factor = 2; /* what is there is bad enough */
        expect(s, VERDICT_FAIL, NULL);
        s.side[side].absent = 1;
        expect(s, VERDICT_ERROR,
               side ? "the candidate's log never holds it" : "the baseline's log never holds it");
        s.unlimited = true; /* nobody asked */
        expect(s, VERDICT_PASS, NULL);
    }
}

/* Whatever is written or not: without values of nearly all calls on both sides there is no pass. */
static void never_a_pass_without_values(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 11, 0);
    for (unsigned i = 0; i < 150; i++) {
        struct scene s =
            scene_of(statistics[rng_below(&rng, ARRAY_LEN(statistics))], rng_below(&rng, 2));
        enum side side = rng_below(&rng, 2) ? SIDE_CANDIDATE : SIDE_BASELINE;
        s.seed = i;
        s.side[SIDE_CANDIDATE].factor = .3 + 2 * rng_uniform(&rng);
        s.side[side].absent = rng_below(&rng, 3) ? .06 + .94 * rng_uniform(&rng) : 1;
        s.side[side].zero = rng_uniform(&rng) / 2;
        assert_int_not_equal(scene_judge(&s), VERDICT_PASS);
        arena_release(&s.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unchanged_passes_and_changes_are_told),
        cmocka_unit_test(constant_values),
        cmocka_unit_test(shown_as_it_is),
        cmocka_unit_test(absolute_limits),
        cmocka_unit_test(zeros),
        cmocka_unit_test(silence_is_no_gain),
        cmocka_unit_test(never_a_pass_without_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
