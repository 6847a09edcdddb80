/*
 * The gate against sessions of another day: what it promises when days differ, and what may never
 * pass.
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
#include "stats/rates.h"

enum { LIMITS = 4, ROUNDS = 20, ENVIRONMENTS = 3, CALLS = 20, SESSIONS_MAX = 8, GATES = 300 };

typedef void spoil_fn(struct sample *x);

/* What the sessions are drawn from; the last session is the candidate's. */
struct world {
    uint64_t seed;
    size_t sessions; /* stored ones */
    double session_sd, base_ms, slower;
    struct session_noise noise;
    unsigned rounds;
    spoil_fn *spoil;       /* all samples of one session ... */
    size_t spoiled;        /* ... this one */
    unsigned spoil_rounds; /* so many of its rounds; 0: all */
};

static const struct world quiet = {
    .seed = 1, .sessions = 1, .base_ms = 50, .slower = 1, .noise = {.02, false}, .rounds = ROUNDS};

static const struct plan_event event = {.name = "empty", .payload = "{}", .payload_length = 2};

struct scene {
    struct plan_function f;
    struct plan_limit limits[LIMITS];
    struct plan_custom custom;
    struct gate_settings settings;
    struct series series;
    struct arena arena;
    struct gate *gate;
    struct result_function out;
};

static void scene_begin(struct scene *s)
{
    *s = (struct scene){.settings = GATE_DEFAULTS};
    arena_init(&s->arena);
    s->settings.region = "us-east-1";
    s->f = (struct plan_function){
        .name = "f",
        .runtime = "python3.12",
        .architecture = "x86_64",
        .memory_mb = 512,
        .timeout_s = 3,
        .ephemeral_mb = 512,
        .events = &event,
        .event_count = 1,
        .rounds = {10, ROUNDS, 2, ENVIRONMENTS, CALLS},
        .traffic = {.cold_start_rate = .01},
        .limits = s->limits,
    };
}

static void scene_limit(struct scene *s, enum metric_id id, enum limit_kind kind, double value)
{
    s->limits[s->f.limit_count++] = (struct plan_limit){
        .metric = &metrics[id], .kind = kind, .value = value, .inclusive = true, .text = "limit"};
}

static void scene_end(struct scene *s)
{
    gate_free(s->gate);
    series_release(&s->series);
    arena_release(&s->arena);
}

static void add_call(struct scene *s, struct rng *rng, enum side side, unsigned round, unsigned at,
                     double level)
{
    unsigned seq = at % (CALLS + 1);
    double ms = level * exp(.10 * rng_normal(rng));
    double init_ms = seq ? 0 : 4 * level * exp(.05 * rng_normal(rng));
    struct sample *x = series_add(&s->series);
    x->side = (uint8_t)side;
    x->round = (uint16_t)round;
    x->env = (uint16_t)(at / (CALLS + 1));
    x->seq = seq;
    x->payload_index = at;
    x->status = SAMPLE_OK;
    x->cold = seq == 0;
    x->duration_10us = (uint32_t)(ms * 100 + .5);
    x->init_10us = seq ? SAMPLE_NONE : (uint32_t)(init_ms * 100 + .5);
    x->billed_ms = (uint32_t)ceil(ms + init_ms);
    x->client_us = (uint32_t)((ms + init_ms + 1) * 1000);
    x->memory_mb = 512;
    x->max_memory_mb = 80;
    if (s->f.custom_count)
        series_custom(&s->series, s->series.count - 1)[0] = sample_custom_value(ms);
}

static void add_round(struct scene *s, const struct world *w, struct rng *rng, size_t session,
                      unsigned round, double level)
{
    size_t first = s->series.count;
    enum side side = session < w->sessions ? SIDE_BASELINE : SIDE_CANDIDATE;
    bool spoilt =
        w->spoil && session == w->spoiled && (!w->spoil_rounds || round < w->spoil_rounds);
    level *= exp(.01 * rng_normal(rng));
    for (unsigned at = 0; at < ENVIRONMENTS * (CALLS + 1); at++)
        add_call(s, rng, side, round, at, level);
    for (size_t i = first; i < s->series.count && spoilt; i++)
        w->spoil(&s->series.items[i]);
    if (side == SIDE_BASELINE)
        gate_add_session_round(s->gate, &s->series, first, 0);
    else
        gate_add_round(s->gate, &s->series, first, 0);
}

static enum verdict judge_stored(struct scene *s, const struct world *w)
{
    static const char *const names[] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"};
    struct rng rng;
    struct error e = {0};
    rng_seed(&rng, w->seed, 0);
    s->gate = gate_new(&s->f, &s->settings, &e);
    assert_non_null(s->gate);
    const struct plan plan = {.functions = &s->f, .function_count = 1};
    series_init(&s->series, &plan);
    gate_against_stored(s->gate, &w->noise);
    for (size_t session = 0; session <= w->sessions; session++) {
        double level = w->base_ms * exp(w->session_sd * rng_normal(&rng));
        if (session < w->sessions)
            gate_add_session(s->gate, names[session]);
        else
            level *= w->slower;
        for (unsigned round = 0; round < w->rounds; round++)
            add_round(s, w, &rng, session, round, level);
    }
    gate_conclude(s->gate, &s->series, 0, &s->arena, &s->out);
    return s->out.verdict;
}

static enum verdict judge_mean(const struct world *w, double limit)
{
    struct scene s;
    scene_begin(&s);
    scene_limit(&s, METRIC_MEAN, LIMIT_INCREASE_PCT, limit);
    enum verdict v = judge_stored(&s, w);
    scene_end(&s);
    return v;
}

static bool warned(const struct scene *s, const char *words)
{
    for (size_t i = 0; i < s->out.warning_count; i++)
        if (strstr(s->out.warnings[i], words))
            return true;
    return false;
}

static const struct result_metric *metric_of(const struct scene *s, enum metric_id id)
{
    const struct result_metric *m = result_find(&s->out, id);
    assert_non_null(m);
    return m;
}

static struct world slower_by(double factor)
{
    struct world w = quiet;
    w.slower = factor;
    return w;
}

/* ---- plain answers ---- */

static void the_noise_between_sessions_decides(void **state)
{
    (void)state;
    struct world same = quiet, slow = slower_by(1.5), little = slower_by(1.12);
    assert_int_equal(judge_mean(&same, .10), VERDICT_PASS);
    assert_int_equal(judge_mean(&slow, .10), VERDICT_FAIL);
    assert_int_equal(judge_mean(&little, .10), VERDICT_INCONCLUSIVE);
    same.noise.sd = .05;
    assert_int_equal(judge_mean(&same, .10), VERDICT_INCONCLUSIVE);
    slow.noise.sd = .15;
    assert_int_equal(judge_mean(&slow, .10), VERDICT_INCONCLUSIVE);
}

static void the_result_says_what_it_is(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    scene_limit(&s, METRIC_MEAN, LIMIT_INCREASE_PCT, .10);
    judge_stored(&s, &quiet);
    const struct result_metric *m = metric_of(&s, METRIC_MEAN);
    assert_true(s.out.baseline_stored);
    assert_int_equal(s.out.baseline_sessions, 1);
    assert_true(fabs(s.out.session_noise_pct - 2) < 1e-9);
    assert_true(isnan(m->rounds_needed));
    /* one look at the whole alpha: (t(.01) + t(.04)) * sd * sqrt(2) at least */
    assert_true(m->detectable_pct > expm1((2.326 + 1.751) * .02 * sqrt(2)) * 100);
    assert_true(m->detectable_pct < 14);
    assert_int_equal(s.out.accounting[SIDE_BASELINE].scheduled,
                     ROUNDS * ENVIRONMENTS * (CALLS + 1));
    assert_int_equal(s.out.events[0].calls[SIDE_BASELINE], ROUNDS * ENVIRONMENTS * CALLS);
    scene_end(&s);
}

static void several_sessions_see_more(void **state)
{
    (void)state;
    double seen[2];
    for (int i = 0; i < 2; i++) {
        struct world w = quiet;
        struct scene s;
        w.sessions = i ? SESSIONS_MAX : 1;
        scene_begin(&s);
        scene_limit(&s, METRIC_MEAN, LIMIT_INCREASE_PCT, .10);
        assert_int_equal(judge_stored(&s, &w), VERDICT_PASS);
        assert_int_equal(s.out.accounting[SIDE_BASELINE].scheduled,
                         w.sessions * ROUNDS * ENVIRONMENTS * (CALLS + 1));
        seen[i] = metric_of(&s, METRIC_MEAN)->detectable_pct;
        scene_end(&s);
    }
    assert_true(seen[1] < seen[0]);
}

static void five_sessions_tell_their_own_noise(void **state)
{
    (void)state;
    struct world w = quiet;
    struct scene s;
    w.noise = (struct session_noise){.50, true};
    w.session_sd = .01;
    for (w.sessions = 4; w.sessions <= 5; w.sessions++) {
        scene_begin(&s);
        scene_limit(&s, METRIC_MEAN, LIMIT_INCREASE_PCT, .10);
        assert_int_equal(judge_stored(&s, &w),
                         w.sessions == 4 ? VERDICT_INCONCLUSIVE : VERDICT_PASS);
        assert_true(isnan(s.out.session_noise_pct) == (w.sessions == 5));
        scene_end(&s);
    }
}

/* How long a run measures depends on what it sees: a maximum keeps the strict levels. */
static void a_maximum_is_judged_as_in_a_run(void **state)
{
    (void)state;
    double before = 0;
    for (int i = 0; i < 40; i++) {
        struct world w = quiet;
        struct scene s;
        double most = 50 + .05 * i;
        scene_begin(&s);
        scene_limit(&s, METRIC_MEAN, LIMIT_MAXIMUM, most);
        bool passed = judge_stored(&s, &w) == VERDICT_PASS;
        double level = metric_of(&s, METRIC_MEAN)->candidate;
        scene_end(&s);
        if (!passed)
            before = most / level - 1;
    }
    /* the round noise is 1 % + .10 / sqrt(60): one look would pass at 1.75 standard errors */
    double se = hypot(sqrt((.01 * .01 + .10 * .10 / (ENVIRONMENTS * CALLS)) / ROUNDS), .005);
    assert_true(before > 1.9 * se);
}

/* More is better of some: half as much fails there, twice as much everywhere else. */
static void metrics_of_a_functions_own(void **state)
{
    (void)state;
    for (int higher = 0; higher < 2; higher++)
        for (int twice = 0; twice < 2; twice++)
            for (size_t sessions = 1; sessions <= 5; sessions += 4) {
                struct world w = slower_by(twice ? 2 : .5);
                struct scene s;
                w.sessions = sessions;
                scene_begin(&s);
                s.custom = (struct plan_custom){.name = "work", .factor = 1};
                s.custom.metric = metric_custom_row(
                    &s.arena, &(struct metric_custom){"work", UNIT_NUMBER,
                                                      metric_statistic_find("mean"), higher, 0});
                s.f.custom = &s.custom;
                s.f.custom_count = 1;
                s.limits[s.f.limit_count++] = (struct plan_limit){.metric = &s.custom.metric,
                                                                  .kind = LIMIT_INCREASE_PCT,
                                                                  .value = .10,
                                                                  .text = "limit"};
                assert_int_equal(judge_stored(&s, &w),
                                 higher == twice ? VERDICT_PASS : VERDICT_FAIL);
                const struct result_metric *m = &s.out.metrics[METRIC_COUNT];
                assert_true(fabs(m->change_pct - (twice ? 100 : -50)) < (twice ? 10 : 3));
                assert_true(m->ci_low_pct < m->change_pct && m->change_pct < m->ci_high_pct);
                assert_true(m->baseline > 45 && m->baseline < 55);
                scene_end(&s);
            }
}

/* ---- what may never pass ---- */

static void no_duration(struct sample *x)
{
    x->duration_10us = SAMPLE_NONE;
}
static void zero_duration(struct sample *x)
{
    x->duration_10us = 0;
}
static void failed(struct sample *x)
{
    x->status = SAMPLE_FUNCTION_ERROR;
}
static void throttled(struct sample *x)
{
    x->status = SAMPLE_THROTTLED;
}
static void tampered(struct sample *x)
{
    x->status = SAMPLE_TAMPERED;
}
static void warm(struct sample *x)
{
    x->cold = false;
    x->init_10us = SAMPLE_NONE;
}
static void cold(struct sample *x)
{
    x->cold = true;
    x->init_10us = 20000;
}
static void dropped(struct sample *x)
{
    x->dropped = true;
}
static void late(struct sample *x)
{
    x->late_us = 50000;
}
static void same_id(struct sample *x)
{
    memset(x->request_id, 7, sizeof x->request_id);
}
static void of_another_function(struct sample *x)
{
    x->function = 1;
}

static void invalid_sessions_never_pass(void **state)
{
    (void)state;
    static const struct {
        spoil_fn *spoil;
        unsigned rounds;
    } cases[] = {
        {no_duration, 0},   {no_duration, 1}, {zero_duration, 0},
        {zero_duration, 1}, {failed, 0},      {failed, 2},
        {throttled, 0},     {throttled, 2},   {tampered, 1},
        {warm, 0},          {warm, 1},        {cold, 0},
        {cold, 1},          {dropped, 0},     {dropped, 12},
        {late, 2},          {same_id, 2},     {of_another_function, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t sessions = 1; sessions <= 5; sessions += 4)
            for (size_t spoiled = 0; spoiled <= sessions; spoiled += sessions) {
                struct world w =
                    slower_by(.5); /* half as long: else nothing would speak against it */
                struct scene s;
                w.sessions = sessions;
                w.spoil = cases[i].spoil;
                w.spoil_rounds = cases[i].rounds;
                w.spoiled = spoiled;
                scene_begin(&s);
                scene_limit(&s, METRIC_MEAN, LIMIT_INCREASE_PCT, .10);
                scene_limit(&s, METRIC_COLD_START, LIMIT_INCREASE_PCT, .10);
                if (judge_stored(&s, &w) == VERDICT_PASS)
                    fail_msg("case %zu, session %zu of %zu passes", i, spoiled, sessions);
                scene_end(&s);
            }
}

static void too_few_rounds_are_inconclusive(void **state)
{
    (void)state;
    struct world w = quiet;
    w.rounds = 4;
    assert_int_equal(judge_mean(&w, .50), VERDICT_INCONCLUSIVE);
    w.rounds = 5;
    assert_int_equal(judge_mean(&w, .50), VERDICT_PASS);
    w.rounds = 0;
    assert_int_equal(judge_mean(&w, .50), VERDICT_ERROR);
    w.rounds = ROUNDS;
    w.sessions = 0;
    assert_int_equal(judge_mean(&w, .50), VERDICT_ERROR);
}

static void doubts_name_their_session(void **state)
{
    (void)state;
    struct world w = quiet;
    struct scene s;
    w.sessions = 3;
    w.spoil = dropped;
    w.spoiled = 1;
    scene_begin(&s);
    scene_limit(&s, METRIC_MEAN, LIMIT_INCREASE_PCT, .50);
    assert_int_equal(judge_stored(&s, &w), VERDICT_INCONCLUSIVE);
    assert_true(warned(&s, "s1: most of its rounds were dropped"));
    assert_false(warned(&s, "s0:"));
    scene_end(&s);
}

/* ---- properties ---- */

static void unit_of_time_does_not_matter(void **state)
{
    (void)state;
    static const double factors[] = {1, 1.09, 1.2, 1.3, 1.5};
    for (size_t i = 0; i < ARRAY_LEN(factors); i++)
        for (size_t sessions = 1; sessions <= 6; sessions += 5) {
            struct world a = slower_by(factors[i]);
            a.sessions = sessions;
            a.noise.scatter = true;
            a.session_sd = .02;
            struct world b = a;
            b.base_ms *= 7;
            assert_int_equal(judge_mean(&a, .10), judge_mean(&b, .10));
        }
}

/* ---- how often it errs ---- */

/* Two files pasted together and judged as one run would be: look by look, in pairs. */
static enum verdict judge_as_one_run(const struct world *w, double limit)
{
    struct scene s;
    struct rng rng;
    struct error e = {0};
    double levels[SIDE_COUNT];
    scene_begin(&s);
    scene_limit(&s, METRIC_MEAN, LIMIT_INCREASE_PCT, limit);
    rng_seed(&rng, w->seed, 0);
    s.gate = gate_new(&s.f, &s.settings, &e);
    assert_non_null(s.gate);
    for (int side = 0; side < SIDE_COUNT; side++)
        levels[side] = w->base_ms * exp(w->session_sd * rng_normal(&rng));
    for (unsigned round = 0;; round++) {
        size_t first = s.series.count;
        for (int side = 0; side < SIDE_COUNT; side++) {
            double level = levels[side] * exp(.01 * rng_normal(&rng));
            for (unsigned at = 0; at < ENVIRONMENTS * (CALLS + 1); at++)
                add_call(&s, &rng, (enum side)side, round, at, level);
        }
        gate_add_round(s.gate, &s.series, first, 0);
        if (gate_look(s.gate) == GATE_STOP)
            break;
    }
    gate_conclude(s.gate, &s.series, 0, &s.arena, &s.out);
    enum verdict v = s.out.verdict;
    scene_end(&s);
    return v;
}

/* Nothing changed but the day. */
static void another_day_raises_no_alarm(void **state)
{
    (void)state;
    static const struct {
        double session_sd, limit;
    } cases[] = {{.02, .05}, {.05, .10}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rate one = {0, GATES}, six = {0, GATES}, pairs = {0, GATES};
        double bound;
        for (uint64_t seed = 1; seed <= GATES; seed++) {
            struct world w = quiet;
            w.seed = seed;
            w.session_sd = w.noise.sd = cases[i].session_sd;
            one.failures += judge_mean(&w, cases[i].limit) == VERDICT_FAIL;
            pairs.failures += judge_as_one_run(&w, cases[i].limit) == VERDICT_FAIL;
            w.sessions = 6;
            w.noise = (struct session_noise){0, true};
            six.failures += judge_mean(&w, cases[i].limit) == VERDICT_FAIL;
        }
        assert_int_equal(rate_lower(one, .01, &bound, NULL), 0);
        assert_true(bound <= .01);
        assert_int_equal(rate_lower(six, .01, &bound, NULL), 0);
        assert_true(bound <= .01);
        assert_int_equal(rate_lower(pairs, .01, &bound, NULL), 0);
        if (bound < .01)
            fail_msg("case %zu: pairs are no worse: %u of %d", i, (unsigned)pairs.failures, GATES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_noise_between_sessions_decides),
        cmocka_unit_test(the_result_says_what_it_is),
        cmocka_unit_test(several_sessions_see_more),
        cmocka_unit_test(five_sessions_tell_their_own_noise),
        cmocka_unit_test(a_maximum_is_judged_as_in_a_run),
        cmocka_unit_test(metrics_of_a_functions_own),
        cmocka_unit_test(invalid_sessions_never_pass),
        cmocka_unit_test(too_few_rounds_are_inconclusive),
        cmocka_unit_test(doubts_name_their_session),
        cmocka_unit_test(unit_of_time_does_not_matter),
        cmocka_unit_test(another_day_raises_no_alarm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
