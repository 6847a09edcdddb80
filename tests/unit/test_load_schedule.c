#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "load/schedule.h"
#include "os/clock.h"

static double due_s(const struct plan_load *load, size_t n)
{
    return (double)schedule_due_ns(load, n) / (double)NS_PER_S;
}

static void assert_near(double a, double b)
{
    if (!(fabs(a - b) <= 2e-9 + 1e-9 * fabs(b)))
        fail_msg("%.12g is not %.12g", a, b);
}

static void constant_rate(void **state)
{
    (void)state;
    struct plan_load load = {.rate = 50};
    assert_int_equal(schedule_due_ns(&load, 0), 0);
    assert_int_equal(schedule_due_ns(&load, 1), 20 * NS_PER_MS);
    assert_int_equal(schedule_due_ns(&load, 1000), 20 * NS_PER_S);
    load.rate = .1;
    assert_int_equal(schedule_due_ns(&load, 3), 30 * NS_PER_S);
}

/*
 * From nothing to r in T seconds: after t there are r t^2 / 2T arrivals, so the n-th comes at
 * sqrt(2 T n / r).
 */
static void ramp_from_nothing(void **state)
{
    (void)state;
    struct plan_stage stage = {.seconds = 10, .rate = 20};
    struct plan_load load = {.stages = &stage, .stage_count = 1};
    for (size_t n = 0; n < 100; n += 7)
        assert_near(due_s(&load, n), sqrt((double)n));
}

/* From r to nothing: r t - r t^2 / 2T = n. */
static void ramp_to_nothing(void **state)
{
    (void)state;
    struct plan_stage stage = {.seconds = 10, .rate = 0};
    struct plan_load load = {.rate = 20, .stages = &stage, .stage_count = 1};
    for (size_t n = 0; n < 100; n += 7)
        assert_near(due_s(&load, n), 10 - sqrt(100 - (double)n));
}

static void stages_follow_each_other(void **state)
{
    (void)state;
    static const struct plan_stage stages[] = {{4, 10}, {2, 10}, {2, 0}, {3, 0}, {5, 4}};
    struct plan_function f = {
        .load = {.stages = stages, .stage_count = ARRAY_LEN(stages)},
        .rounds = {.environments = 5, .calls = 20},
    };
    /* 0..10 in 4 s: 20 arrivals; 2 s of 10: 20; down in 2 s: 10; a pause; up to 4 in 5 s: 10 */
    struct schedule s = schedule_of(&f, 1);
    assert_int_equal(s.kind, SCHEDULE_OPEN);
    assert_int_equal(s.arrivals, 60);
    assert_int_equal(schedule_calls(&s), 60);
    assert_near(due_s(&f.load, 5), 2);
    assert_near(due_s(&f.load, 20), 4);
    assert_near(due_s(&f.load, 30), 5);
    assert_near(due_s(&f.load, 45), 8 - sqrt(2)); /* half of the last 10 */
    assert_near(due_s(&f.load, 50), 11);          /* nothing arrives in the pause */
    assert_near(due_s(&f.load, 59), 11 + sqrt(22.5));
    for (size_t n = 1; n < s.arrivals; n++)
        assert_true(schedule_due_ns(&f.load, n) > schedule_due_ns(&f.load, n - 1));
    assert_true(due_s(&f.load, s.arrivals - 1) <= 16);
}

static void arrangements(void **state)
{
    (void)state;
    static const struct {
        double rate;
        unsigned concurrency, environments, lanes_default;
        enum schedule_kind kind;
        unsigned lanes, blocks;
        size_t calls;
    } rows[] = {
        {0, 0, 5, 1, SCHEDULE_ALTERNATING, 1, 5, 105},
        {0, 0, 5, 5, SCHEDULE_ALTERNATING, 5, 1, 105},
        {0, 0, 5, 9, SCHEDULE_ALTERNATING, 5, 1, 105},
        {0, 0, 5, 0, SCHEDULE_ALTERNATING, 1, 5, 105},
        {0, 0, 5, 2, SCHEDULE_ALTERNATING, 2, 3, 126}, /* whole blocks */
        {0, 1, 5, 4, SCHEDULE_CLOSED, 1, 5, 105},
        {0, 5, 5, 1, SCHEDULE_CLOSED, 5, 1, 105},
        {0, 10, 5, 1, SCHEDULE_CLOSED, 10, 1, 210}, /* never fewer environments than work at once */
        {50, 0, 5, 1, SCHEDULE_OPEN, 0, 1, 100},
        {50, 10, 5, 1, SCHEDULE_OPEN, 10, 1, 100},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct plan_function f = {
            .load = {.rate = rows[i].rate, .concurrency = rows[i].concurrency},
            .rounds = {.environments = rows[i].environments, .calls = 20},
        };
        struct schedule s = schedule_of(&f, rows[i].lanes_default);
        assert_int_equal(s.kind, rows[i].kind);
        assert_int_equal(s.lanes, rows[i].lanes);
        assert_int_equal(s.blocks, rows[i].blocks);
        assert_int_equal(schedule_calls(&s), rows[i].calls);
    }
}

static void count_events(const struct plan_function *f, uint64_t seed, size_t count, size_t *counts)
{
    struct rng rng;
    uint16_t events[256];
    assert_true(count <= ARRAY_LEN(events));
    memset(counts, 0, f->event_count * sizeof *counts);
    rng_seed(&rng, seed, 0);
    schedule_mix(f, &rng, events, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(events[i] < f->event_count);
        counts[events[i]]++;
    }
}

static void mix_keeps_the_weights(void **state)
{
    (void)state;
    struct plan_event events[] = {{.weight = 3}, {.weight = 1}, {.weight = 2.5}};
    struct plan_function f = {.events = events, .event_count = 3};
    size_t counts[3];
    for (uint64_t seed = 0; seed < 5; seed++) {
        count_events(&f, seed, 130, counts);
        assert_int_equal(counts[0], 60);
        assert_int_equal(counts[1], 20);
        assert_int_equal(counts[2], 50);
        /* 3.23, 1.08, 2.69: one is left over, for the largest remainder */
        count_events(&f, seed, 7, counts);
        assert_int_equal(counts[0], 3);
        assert_int_equal(counts[1], 1);
        assert_int_equal(counts[2], 3);
        count_events(&f, seed, 0, counts);
        assert_int_equal(counts[0] + counts[1] + counts[2], 0);
    }
}

static void mix_gives_ties_to_the_first(void **state)
{
    (void)state;
    struct plan_event events[] = {{.weight = 1}, {.weight = 1}, {.weight = 1}};
    struct plan_function f = {.events = events, .event_count = 3};
    size_t counts[3];
    count_events(&f, 1, 5, counts);
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[1], 2);
    assert_int_equal(counts[2], 1);
    count_events(&f, 1, 1, counts);
    assert_int_equal(counts[0], 1);
}

static void mix_is_random_but_seeded(void **state)
{
    (void)state;
    struct plan_event events[] = {{.weight = 1}, {.weight = 1}};
    struct plan_function f = {.events = events, .event_count = 2};
    uint16_t a[64], b[64], c[64];
    struct rng rng;
    rng_seed(&rng, 7, 1);
    schedule_mix(&f, &rng, a, 64);
    rng_seed(&rng, 7, 1);
    schedule_mix(&f, &rng, b, 64);
    schedule_mix(&f, &rng, c, 64);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
    int changes = 0;
    for (int i = 1; i < 64; i++)
        changes += a[i] != a[i - 1];
    assert_true(changes > 10);
}

static void describes_itself(void **state)
{
    (void)state;
    static const struct plan_stage stages[] = {{4, 10}, {2, 10}};
    static const struct {
        struct plan_load load;
        unsigned lanes;
        const char *text;
    } rows[] = {
        {{.rate = 0}, 1, "alternating call by call, 1 environment per side at a time"},
        {{.rate = 0}, 5, "alternating call by call, 5 environments per side at a time"},
        {{.concurrency = 3}, 1, "closed loop, 3 environments per side kept busy"},
        {{.rate = 12.5}, 1, "open loop, 12.5 arrivals per second"},
        {{.stages = stages, .stage_count = 2}, 1, "open loop, 2 stages, 40 arrivals"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct plan_function f = {.load = rows[i].load, .rounds = {.environments = 5, .calls = 20}};
        struct schedule s = schedule_of(&f, rows[i].lanes);
        struct buf text;
        buf_init(&text);
        schedule_describe(&s, &f.load, &text);
        assert_non_null(strstr(text.data, rows[i].text));
        buf_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_rate),
        cmocka_unit_test(ramp_from_nothing),
        cmocka_unit_test(ramp_to_nothing),
        cmocka_unit_test(stages_follow_each_other),
        cmocka_unit_test(arrangements),
        cmocka_unit_test(mix_keeps_the_weights),
        cmocka_unit_test(mix_gives_ties_to_the_first),
        cmocka_unit_test(mix_is_random_but_seeded),
        cmocka_unit_test(describes_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
