/*
 * The gate on made-up samples: what passes, what fails, and above all what may never pass.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "gate/judge.h"

enum { LIMITS = 6, ROUNDS_MAX = 40, ENVIRONMENTS = 5, CALLS = 20 };

/* What the samples are drawn from. */
struct world {
    uint64_t seed;
    double base_ms;
    double noise;              /* sd of ln(duration) between calls */
    double round_noise;        /* sd of ln(duration) between rounds, each side by itself */
    double slower[SIDE_COUNT]; /* factor on all durations */
    void (*spoil)(struct series *s, size_t first, unsigned round);
};

static const struct world quiet = {
    .seed = 1, .base_ms = 50, .noise = .10, .round_noise = .01, .slower = {1, 1}};

static const struct plan_event event = {.name = "empty", .payload = "{}", .payload_length = 2};

/* A function with its limits, and what became of it. */
struct scene {
    struct plan_function f;
    struct plan_limit limits[LIMITS];
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
    s->settings.package_bytes[SIDE_BASELINE] = 1000;
    s->settings.package_bytes[SIDE_CANDIDATE] = 1000;
    s->f = (struct plan_function){
        .name = "f",
        .runtime = "python3.12",
        .architecture = "x86_64",
        .memory_mb = 512,
        .timeout_s = 3,
        .ephemeral_mb = 512,
        .events = &event,
        .event_count = 1,
        .rounds = {10, ROUNDS_MAX, 2, ENVIRONMENTS, CALLS},
        .traffic = {.cold_start_rate = .01},
        .limits = s->limits,
    };
}

static void scene_limit(struct scene *s, enum metric_id id, enum limit_kind kind, double value,
                        const char *text)
{
    assert_true(s->f.limit_count < LIMITS);
    s->limits[s->f.limit_count++] = (struct plan_limit){
        .metric = &metrics[id], .kind = kind, .value = value, .inclusive = true, .text = text};
}

static void scene_end(struct scene *s)
{
    gate_free(s->gate);
    series_release(&s->series);
    arena_release(&s->arena);
}

static void add_call(struct scene *s, const struct world *w, struct rng *rng, enum side side,
                     unsigned round, unsigned env, unsigned seq, double level)
{
    double ms = w->base_ms * level * exp(w->noise * rng_normal(rng));
    double init_ms = seq ? 0 : 4 * w->base_ms * level * exp(.05 * rng_normal(rng));
    struct sample *x = series_add(&s->series);
    x->side = (uint8_t)side;
    x->round = (uint16_t)round;
    x->env = (uint16_t)env;
    x->seq = seq;
    x->payload_index = env * (CALLS + 1) + seq;
    x->status = SAMPLE_OK;
    x->cold = seq == 0;
    x->duration_10us = (uint32_t)(ms * 100 + .5);
    x->init_10us = seq ? SAMPLE_NONE : (uint32_t)(init_ms * 100 + .5);
    x->billed_ms = (uint32_t)ceil(ms + init_ms);
    x->client_us = (uint32_t)((ms + init_ms + 1) * 1000);
    x->memory_mb = 512;
    x->max_memory_mb = 80;
}

static void add_round(struct scene *s, const struct world *w, struct rng *rng, unsigned round)
{
    double common = exp(.02 * rng_normal(rng));
    for (int side = 0; side < SIDE_COUNT; side++) {
        double level = common * w->slower[side] * exp(w->round_noise * rng_normal(rng));
        for (unsigned env = 0; env < s->f.rounds.environments; env++)
            for (unsigned seq = 0; seq <= s->f.rounds.calls; seq++)
                add_call(s, w, rng, (enum side)side, round, env, seq, level);
    }
}

/* Measures until the gate has enough, as cmd/ does. */
static void scene_measure(struct scene *s, const struct world *w)
{
    struct error e = {0};
    struct rng rng;
    rng_seed(&rng, w->seed, 0);
    s->gate = gate_new(&s->f, &s->settings, &e);
    assert_non_null(s->gate);
    for (unsigned round = 0;; round++) {
        size_t first = s->series.count;
        assert_true(round < s->f.rounds.max);
        add_round(s, w, &rng, round);
        if (w->spoil)
            w->spoil(&s->series, first, round);
        gate_add_round(s->gate, &s->series, first, 0);
        if (gate_look(s->gate) == GATE_STOP)
            break;
    }
}

static enum verdict scene_judge(struct scene *s, const struct world *w)
{
    scene_measure(s, w);
    gate_conclude(s->gate, &s->series, 0, &s->arena, &s->out);
    return s->out.verdict;
}

static const struct result_metric *metric_of(const struct scene *s, enum metric_id id)
{
    const struct result_metric *m = result_find(&s->out, id);
    assert_non_null(m);
    return m;
}

static bool warned(const struct scene *s, const char *words)
{
    for (size_t i = 0; i < s->out.warning_count; i++)
        if (strstr(s->out.warnings[i], words))
            return true;
    return false;
}

/* The limits that most tests use. */
static void usual_limits(struct scene *s)
{
    scene_limit(s, METRIC_P99, LIMIT_INCREASE_PCT, .10, "+10%");
    scene_limit(s, METRIC_COLD_START, LIMIT_INCREASE_PCT, .15, "+15%");
    scene_limit(s, METRIC_COST_PER_MILLION, LIMIT_INCREASE_PCT, .10, "+10%");
}

static struct world slower_by(double factor)
{
    struct world w = quiet;
    w.slower[SIDE_CANDIDATE] = factor;
    return w;
}

/* ---- plain answers ---- */

static void unchanged_passes(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    usual_limits(&s);
    assert_int_equal(scene_judge(&s, &quiet), VERDICT_PASS);
    assert_true(s.out.rounds >= 10);
    assert_int_equal(s.out.warning_count, 0);
    assert_int_equal(s.out.metric_count, METRIC_COUNT);
    const struct result_metric *p99 = metric_of(&s, METRIC_P99);
    assert_int_equal(p99->verdict, VERDICT_PASS);
    assert_true(p99->ci_low_pct < p99->change_pct && p99->change_pct < p99->ci_high_pct);
    assert_true(p99->baseline > 50 && p99->baseline < 80);
    assert_int_equal(metric_of(&s, METRIC_P50)->verdict, VERDICT_UNGATED);
    assert_true(isfinite(metric_of(&s, METRIC_P50)->change_pct));
    assert_true(isnan(metric_of(&s, METRIC_CPU_MS)->candidate));
    assert_int_equal(s.out.accounting[SIDE_CANDIDATE].scheduled,
                     s.out.rounds * ENVIRONMENTS * (CALLS + 1));
    assert_int_equal(s.out.events[0].calls[SIDE_BASELINE], s.out.rounds * ENVIRONMENTS * CALLS);
    scene_end(&s);
}

static void slower_fails(void **state)
{
    (void)state;
    struct world w = slower_by(1.3);
    struct scene s;
    scene_begin(&s);
    usual_limits(&s);
    assert_int_equal(scene_judge(&s, &w), VERDICT_FAIL);
    const struct result_metric *p99 = metric_of(&s, METRIC_P99);
    assert_int_equal(p99->verdict, VERDICT_FAIL);
    assert_true(fabs(p99->change_pct - 30) < 5);
    assert_non_null(strstr(s.out.headline, "slower"));
    scene_end(&s);
}

static void faster_passes(void **state)
{
    (void)state;
    struct world w = slower_by(.7);
    struct scene s;
    scene_begin(&s);
    usual_limits(&s);
    assert_int_equal(scene_judge(&s, &w), VERDICT_PASS);
    assert_non_null(strstr(s.out.headline, "faster"));
    scene_end(&s);
}

static void too_noisy_is_inconclusive(void **state)
{
    (void)state;
    struct world w = slower_by(1.04);
    w.round_noise = .30;
    struct scene s;
    scene_begin(&s);
    scene_limit(&s, METRIC_P99, LIMIT_INCREASE_PCT, .05, "+5%");
    assert_int_equal(scene_judge(&s, &w), VERDICT_INCONCLUSIVE);
    assert_int_equal(s.out.rounds, ROUNDS_MAX);
    assert_non_null(strstr(s.out.headline, "cannot tell"));
    scene_end(&s);
}

/* ---- what may never pass ---- */

static void each(struct series *s, size_t first, enum side side, unsigned every,
                 void (*change)(struct sample *))
{
    size_t n = 0;
    for (size_t i = first; i < s->count; i++)
        if (s->items[i].side == side && n++ % every == 0)
            change(&s->items[i]);
}

static void no_duration(struct sample *x)
{
    x->duration_10us = SAMPLE_NONE;
}
static void zero_duration(struct sample *x)
{
    x->duration_10us = 0;
}
static void no_bill(struct sample *x)
{
    x->billed_ms = SAMPLE_NONE;
}
static void no_init(struct sample *x)
{
    x->cold = false;
    x->init_10us = SAMPLE_NONE;
}
static void failed(struct sample *x)
{
    x->status = SAMPLE_FUNCTION_ERROR;
}
static void timed_out(struct sample *x)
{
    x->status = SAMPLE_TIMEOUT;
}
static void throttled(struct sample *x)
{
    x->status = SAMPLE_THROTTLED;
}
static void unknown(struct sample *x)
{
    x->status = SAMPLE_UNKNOWN;
}
static void tampered(struct sample *x)
{
    x->status = SAMPLE_TAMPERED;
}
static void same_id(struct sample *x)
{
    memset(x->request_id, 7, sizeof x->request_id);
}
static void dropped(struct sample *x)
{
    x->dropped = true;
}
static void late(struct sample *x)
{
    x->late_us = 50000;
}

static void remove_side(struct series *s, size_t first, enum side side, unsigned every)
{
    size_t kept = first, n = 0;
    for (size_t i = first; i < s->count; i++)
        if (s->items[i].side != side || s->items[i].cold || n++ % every)
            s->items[kept++] = s->items[i];
    s->count = kept;
}

#define SPOIL(name, side, every, change)                                                           \
    static void name(struct series *s, size_t first, unsigned round)                               \
    {                                                                                              \
        (void)round;                                                                               \
        each(s, first, side, every, change);                                                       \
    }
SPOIL(candidate_without_durations, SIDE_CANDIDATE, 1, no_duration)
SPOIL(baseline_without_durations, SIDE_BASELINE, 1, no_duration)
SPOIL(few_durations_missing, SIDE_CANDIDATE, 40, no_duration)
SPOIL(few_baseline_durations_missing, SIDE_BASELINE, 40, no_duration)
SPOIL(all_zero, SIDE_CANDIDATE, 1, zero_duration)
SPOIL(without_bill, SIDE_CANDIDATE, 1, no_bill)
SPOIL(without_init, SIDE_CANDIDATE, 1, no_init)
SPOIL(baseline_without_init, SIDE_BASELINE, 1, no_init)
SPOIL(candidate_fails, SIDE_CANDIDATE, 1, failed)
SPOIL(baseline_fails, SIDE_BASELINE, 1, failed)
SPOIL(candidate_fails_often, SIDE_CANDIDATE, 30, failed)
SPOIL(baseline_fails_often, SIDE_BASELINE, 30, failed)
SPOIL(candidate_times_out, SIDE_CANDIDATE, 30, timed_out)
SPOIL(candidate_throttled, SIDE_CANDIDATE, 30, throttled)
SPOIL(baseline_throttled, SIDE_BASELINE, 30, throttled)
SPOIL(all_throttled, SIDE_CANDIDATE, 1, throttled)
SPOIL(candidate_unanswered, SIDE_CANDIDATE, 30, unknown)
SPOIL(all_unanswered, SIDE_BASELINE, 1, unknown)
SPOIL(candidate_tampers, SIDE_CANDIDATE, 1000, tampered)
SPOIL(baseline_tampers, SIDE_BASELINE, 1000, tampered)
SPOIL(same_request_id, SIDE_CANDIDATE, 1000, same_id)
SPOIL(all_dropped, SIDE_CANDIDATE, 1, dropped)
SPOIL(sent_late, SIDE_CANDIDATE, 30, late)

static void one_zero_a_round(struct series *s, size_t first, unsigned round)
{
    (void)first;
    (void)round;
    zero_duration(&s->items[s->count - 1]);
}

static void candidate_missing(struct series *s, size_t first, unsigned round)
{
    (void)round;
    each(s, first, SIDE_CANDIDATE, 1, no_init);
    remove_side(s, first, SIDE_CANDIDATE, 1);
}

static void baseline_missing(struct series *s, size_t first, unsigned round)
{
    (void)round;
    each(s, first, SIDE_BASELINE, 1, no_init);
    remove_side(s, first, SIDE_BASELINE, 1);
}

static void no_samples(struct series *s, size_t first, unsigned round)
{
    (void)round;
    s->count = first;
}

static void candidate_called_less(struct series *s, size_t first, unsigned round)
{
    (void)round;
    remove_side(s, first, SIDE_CANDIDATE, 10);
}

static void most_dropped(struct series *s, size_t first, unsigned round)
{
    if (round % 3)
        each(s, first, SIDE_BASELINE, 1, dropped);
}

static void one_round_without_candidate(struct series *s, size_t first, unsigned round)
{
    if (round == 4)
        candidate_missing(s, first, round);
}

static void one_round_without_durations(struct series *s, size_t first, unsigned round)
{
    if (round == 4)
        each(s, first, SIDE_CANDIDATE, 1, no_duration);
}

static const struct {
    const char *name;
    void (*spoil)(struct series *s, size_t first, unsigned round);
    enum verdict verdict; /* VERDICT_COUNT: any but a pass */
} spoils[] = {
    {"candidate missing", candidate_missing, VERDICT_ERROR},
    {"baseline missing", baseline_missing, VERDICT_ERROR},
    {"no samples", no_samples, VERDICT_ERROR},
    {"candidate without durations", candidate_without_durations, VERDICT_ERROR},
    {"baseline without durations", baseline_without_durations, VERDICT_ERROR},
    {"few durations missing", few_durations_missing, VERDICT_COUNT},
    {"few baseline durations missing", few_baseline_durations_missing, VERDICT_COUNT},
    {"one zero a round", one_zero_a_round, VERDICT_COUNT},
    {"all zero", all_zero, VERDICT_ERROR},
    {"no billed duration", without_bill, VERDICT_ERROR},
    {"no init", without_init, VERDICT_ERROR},
    {"no init of the baseline", baseline_without_init, VERDICT_ERROR},
    {"candidate fails", candidate_fails, VERDICT_ERROR},
    {"baseline fails", baseline_fails, VERDICT_ERROR},
    {"candidate fails often", candidate_fails_often, VERDICT_INCONCLUSIVE},
    {"baseline fails often", baseline_fails_often, VERDICT_INCONCLUSIVE},
    {"candidate times out", candidate_times_out, VERDICT_INCONCLUSIVE},
    {"candidate throttled", candidate_throttled, VERDICT_INCONCLUSIVE},
    {"baseline throttled", baseline_throttled, VERDICT_INCONCLUSIVE},
    {"all throttled", all_throttled, VERDICT_ERROR},
    {"candidate unanswered", candidate_unanswered, VERDICT_INCONCLUSIVE},
    {"baseline never answered", all_unanswered, VERDICT_ERROR},
    {"candidate tampers", candidate_tampers, VERDICT_ERROR},
    {"baseline tampers", baseline_tampers, VERDICT_ERROR},
    {"same request id", same_request_id, VERDICT_ERROR},
    {"all rounds dropped", all_dropped, VERDICT_ERROR},
    {"most rounds dropped", most_dropped, VERDICT_INCONCLUSIVE},
    {"sent late", sent_late, VERDICT_INCONCLUSIVE},
    {"candidate called less", candidate_called_less, VERDICT_INCONCLUSIVE},
    {"one round without candidate", one_round_without_candidate, VERDICT_ERROR},
    {"one round without durations", one_round_without_durations, VERDICT_ERROR},
};

/*
 * The same world passes when nothing is wrong with it, so each refusal is due to what was done to
 * it.
 */
static void invalid_never_passes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++)
        for (size_t i = 0; i <= ARRAY_LEN(spoils); i++) {
            bool control = i == ARRAY_LEN(spoils);
            struct world w = quiet;
            struct scene s;
            w.seed = seed;
            w.spoil = control ? NULL : spoils[i].spoil;
            scene_begin(&s);
            usual_limits(&s);
            enum verdict v = scene_judge(&s, &w);
            if (control)
                assert_int_equal(v, VERDICT_PASS);
            else if (v == VERDICT_PASS ||
                     (spoils[i].verdict != VERDICT_COUNT && v != spoils[i].verdict))
                fail_msg("%s: %s", spoils[i].name, verdict_name(v));
            if (!control)
                assert_true(s.out.warning_count > 0);
            scene_end(&s);
        }
}

/* A fast candidate must not hide behind its slowest calls having no REPORT. */
static void slow_calls_without_report(struct series *s, size_t first, unsigned round)
{
    (void)round;
    for (size_t i = first; i < s->count; i++)
        if (s->items[i].side == SIDE_CANDIDATE && !s->items[i].cold &&
            s->items[i].duration_10us > 6200)
            s->items[i].duration_10us = SAMPLE_NONE;
}

static void hidden_tail_does_not_pass(void **state)
{
    (void)state;
    struct world w = quiet;
    struct scene s;
    w.spoil = slow_calls_without_report;
    scene_begin(&s);
    scene_limit(&s, METRIC_P99, LIMIT_INCREASE_PCT, .10, "+10%");
    assert_int_equal(scene_judge(&s, &w), VERDICT_INCONCLUSIVE);
    assert_true(warned(&s, "had no REPORT line"));
    scene_end(&s);
}

static void fail_does_not_hide_an_error(void **state)
{
    (void)state;
    struct world w = slower_by(1.5);
    struct scene s;
    w.spoil = candidate_tampers;
    scene_begin(&s);
    usual_limits(&s);
    assert_int_equal(scene_judge(&s, &w), VERDICT_ERROR);
    assert_true(warned(&s, "cannot have been written by Lambda"));
    scene_end(&s);
}

static void unmeasured_limit_is_an_error(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    scene_limit(&s, METRIC_CPU_MS, LIMIT_INCREASE_PCT, .10, "+10%");
    assert_int_equal(scene_judge(&s, &quiet), VERDICT_ERROR);
    assert_true(warned(&s, "CPU time has a limit but was not measured"));
    scene_end(&s);
}

/* A proven regression stays one, but the limit that nothing was measured for is told. */
static void unmeasured_limit_beside_a_fail(void **state)
{
    (void)state;
    struct world w = slower_by(1.5);
    struct scene s;
    scene_begin(&s);
    scene_limit(&s, METRIC_P99, LIMIT_INCREASE_PCT, .10, "+10%");
    scene_limit(&s, METRIC_CPU_MS, LIMIT_INCREASE_PCT, .10, "+10%");
    assert_int_equal(scene_judge(&s, &w), VERDICT_FAIL);
    assert_true(warned(&s, "was not measured"));
    scene_end(&s);
}

static void without_limits_nothing_passes(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    assert_int_equal(scene_judge(&s, &quiet), VERDICT_ERROR);
    scene_end(&s);
}

static void limit_that_is_no_number(void **state)
{
    (void)state;
    static const enum metric_id ids[] = {METRIC_P99,        METRIC_COST_PER_MILLION,
                                         METRIC_ERROR_RATE, METRIC_PACKAGE_SIZE,
                                         METRIC_THROUGHPUT, METRIC_COMPUTE_PER_MILLION};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        for (int kind = LIMIT_INCREASE_PCT; kind <= LIMIT_MAXIMUM; kind++) {
            struct scene s;
            scene_begin(&s);
            scene_limit(&s, ids[i], (enum limit_kind)kind, NAN, "?");
            if (scene_judge(&s, &quiet) == VERDICT_PASS)
                fail_msg("%s of kind %d passed a limit that is no number", metrics[ids[i]].id,
                         kind);
            scene_end(&s);
        }
}

static void too_few_samples(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    s.f.rounds.environments = 1;
    s.f.rounds.calls = 10; /* 40 rounds hold 400, P99 needs 1000 */
    scene_limit(&s, METRIC_P99, LIMIT_INCREASE_PCT, .10, "+10%");
    assert_int_equal(scene_judge(&s, &quiet), VERDICT_INCONCLUSIVE);
    assert_non_null(strstr(metric_of(&s, METRIC_P99)->reason, "too few samples"));
    scene_end(&s);
}

static void doubts(void **state)
{
    (void)state;
    struct world slow = slower_by(1.4);
    for (int notes = 0; notes <= 12; notes += 6) {
        struct scene s;
        char text[32];
        scene_begin(&s);
        usual_limits(&s);
        scene_measure(&s, &quiet);
        for (int i = 0; i < notes; i++) {
            snprintf(text, sizeof text, "note %d", i);
            gate_note(s.gate, text);
        }
        gate_note(s.gate, "note 0");
        gate_conclude(s.gate, &s.series, 0, &s.arena, &s.out);
        assert_int_equal(s.out.verdict, VERDICT_PASS);
        assert_true(warned(&s, "note 0"));
        /* a doubt counts even where there is no room for its words, or they were a note before */
        gate_doubt(s.gate, "note 0");
        s.out = (struct result_function){0};
        gate_conclude(s.gate, &s.series, 0, &s.arena, &s.out);
        assert_int_equal(s.out.verdict, VERDICT_INCONCLUSIVE);
        scene_end(&s);
    }
    struct scene s;
    scene_begin(&s);
    usual_limits(&s);
    scene_measure(&s, &slow);
    gate_doubt(s.gate, "busy");
    gate_conclude(s.gate, &s.series, 0, &s.arena, &s.out);
    assert_int_equal(s.out.verdict, VERDICT_FAIL);
    scene_end(&s);
}

/* ---- both sides alike ---- */

static void one_call_lost(struct series *s, size_t first, unsigned round)
{
    if (round != 4)
        return;
    (void)first;
    s->count--; /* one of the candidate's, of more than two thousand */
}

/* The same half of both sides: they still match, but it is not the round that was measured. */
static void half_a_round_lost(struct series *s, size_t first, unsigned round)
{
    size_t kept = first;
    for (size_t i = first; i < s->count; i++)
        if (round != 5 || s->items[i].env < ENVIRONMENTS / 2)
            s->items[kept++] = s->items[i];
    s->count = kept;
}

static void cut_rounds_do_not_pass(void **state)
{
    (void)state;
    struct world w = quiet;
    struct scene s;
    w.spoil = half_a_round_lost;
    scene_begin(&s);
    usual_limits(&s);
    assert_int_equal(scene_judge(&s, &w), VERDICT_INCONCLUSIVE);
    assert_true(warned(&s, "a part of a round is missing"));
    scene_end(&s);
}

static const struct plan_event two_events[] = {
    {.name = "list", .payload = "{}", .payload_length = 2},
    {.name = "report", .payload = "[]", .payload_length = 2}};

/* Every tenth position carries the second payload, which takes twice as long. */
static void mix(struct series *s, size_t first, unsigned round)
{
    (void)round;
    for (size_t i = first; i < s->count; i++)
        if (s->items[i].payload_index % 10 == 7) {
            s->items[i].event = 1;
            s->items[i].duration_10us *= 2;
        }
}

static void without_event(struct series *s, size_t first, enum side side)
{
    size_t kept = first;
    for (size_t i = first; i < s->count; i++)
        if (s->items[i].side != side || s->items[i].event != 1)
            s->items[kept++] = s->items[i];
    s->count = kept;
}

static void candidate_lost_an_event(struct series *s, size_t first, unsigned round)
{
    mix(s, first, round);
    if (round == 6)
        without_event(s, first, SIDE_CANDIDATE);
}

static void baseline_lost_an_event(struct series *s, size_t first, unsigned round)
{
    mix(s, first, round);
    without_event(s, first, SIDE_BASELINE);
}

/* As many calls on both sides, but one of them with another payload. */
static void one_call_with_another_event(struct series *s, size_t first, unsigned round)
{
    mix(s, first, round);
    if (round == 2)
        s->items[s->count - 1].event = !s->items[s->count - 1].event;
}

static void sides_are_called_alike(void **state)
{
    (void)state;
    static void (*const all[])(struct series *, size_t,
                               unsigned) = {mix, one_call_lost, candidate_lost_an_event,
                                            baseline_lost_an_event, one_call_with_another_event};
    static const char *const words[] = {
        NULL, "round 4 the baseline has 105 calls with event list, the candidate 104",
        "round 6 the baseline has 10 calls with event report, the candidate 0",
        "round 0 the baseline has 0 calls with event report, the candidate 10",
        "round 2 the baseline has 95 calls with event list"};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct world w = quiet;
        struct scene s;
        w.spoil = all[i];
        scene_begin(&s);
        s.f.events = two_events;
        s.f.event_count = 2;
        scene_limit(&s, METRIC_MEAN, LIMIT_INCREASE_PCT, .30, "+30%");
        enum verdict v = scene_judge(&s, &w);
        assert_int_equal(v, words[i] ? VERDICT_INCONCLUSIVE : VERDICT_PASS);
        if (words[i] && !warned(&s, words[i]))
            fail_msg("%s: %s", words[i], s.out.warnings[0]);
        scene_end(&s);
    }
}

/* ---- an open loop with cold calls only ---- */

static void all_cold(struct sample *x)
{
    x->cold = true;
    x->init_10us = 20000;
}

static void some_rounds_all_cold(struct series *s, size_t first, unsigned round)
{
    if (round % 4 == 1)
        each(s, first, SIDE_CANDIDATE, 1, all_cold);
}

SPOIL(every_round_all_cold, SIDE_BASELINE, 1, all_cold)

static void rounds_without_warm_calls_are_dropped(void **state)
{
    (void)state;
    struct world w = quiet;
    struct scene s;
    w.spoil = some_rounds_all_cold;
    scene_begin(&s);
    s.f.load.rate = 50;
    scene_limit(&s, METRIC_P99, LIMIT_INCREASE_PCT, .10, "+10%");
    assert_int_equal(scene_judge(&s, &w), VERDICT_PASS);
    assert_true(s.out.rounds_dropped >= 2);
    assert_true(warned(&s, "no good warm call"));
    assert_false(warned(&s, "was not fresh"));
    scene_end(&s);
    w.spoil = every_round_all_cold;
    scene_begin(&s);
    s.f.load.rate = 50;
    scene_limit(&s, METRIC_P99, LIMIT_INCREASE_PCT, .10, "+10%");
    assert_int_equal(scene_judge(&s, &w), VERDICT_INCONCLUSIVE);
    assert_int_equal(s.out.rounds, 0);
    assert_true(warned(&s, "no good warm call"));
    scene_end(&s);
}

/* ---- environments that are reused ---- */

enum { LIVES = 3, SLOTS = 2, SLOT_CALLS = 10, REUSED_ROUNDS = 72, REUSED_RUNS = 300 };

/*
 * Environments that differ much and live through LIVES rounds (0: through all): of a round's two,
 * at most the first is fresh.
 */
struct reuse {
    unsigned lives;
    double sd;
    double slower;
    bool hidden; /* told as fresh rounds: what a tool sees that does not check */
};

static void add_reused_round(struct scene *s, const struct reuse *r, struct rng *rng,
                             unsigned round, double hosts[SIDE_COUNT])
{
    bool fresh = r->lives ? round % r->lives == 0 : round == 0;
    for (int side = 0; side < SIDE_COUNT; side++) {
        if (fresh)
            hosts[side] = exp(r->sd * rng_normal(rng)) * (side ? r->slower : 1);
        for (unsigned env = 0; env < SLOTS; env++)
            for (unsigned seq = 0; seq <= SLOT_CALLS; seq++) {
                add_call(s, &quiet, rng, (enum side)side, round, env, seq, hosts[side]);
                struct sample *x = &s->series.items[s->series.count - 1];
                bool cold = seq == 0 && (r->hidden || (fresh && env == 0));
                x->cold = cold;
                x->init_10us = cold ? 20000 : SAMPLE_NONE;
                x->dropped = !r->hidden;
            }
    }
}

static enum verdict judge_reused(struct scene *s, const struct reuse *r, uint64_t seed)
{
    struct rng rng;
    double hosts[SIDE_COUNT];
    struct error e = {0};
    rng_seed(&rng, seed, 0);
    s->f.rounds = (struct plan_rounds){10, REUSED_ROUNDS, 2, SLOTS, SLOT_CALLS};
    scene_limit(s, METRIC_MEAN, LIMIT_INCREASE_PCT, .10, "+10%");
    s->gate = gate_new(&s->f, &s->settings, &e);
    assert_non_null(s->gate);
    for (unsigned round = 0;; round++) {
        size_t first = s->series.count;
        add_reused_round(s, r, &rng, round, hosts);
        gate_add_round(s->gate, &s->series, first, 0);
        if (gate_look(s->gate) == GATE_STOP)
            break;
    }
    gate_conclude(s->gate, &s->series, 0, &s->arena, &s->out);
    return s->out.verdict;
}

static struct rate count_reused(const struct reuse *r, enum verdict counted)
{
    struct rate rate = {0, REUSED_RUNS};
    for (uint64_t seed = 1; seed <= REUSED_RUNS; seed++) {
        struct scene s;
        scene_begin(&s);
        rate.failures += judge_reused(&s, r, seed) == counted;
        scene_end(&s);
    }
    return rate;
}

/* Nothing changed, but environments differ by 25 %: judged by rounds that is a regression. */
static void reused_environments_raise_no_alarm(void **state)
{
    (void)state;
    double bound;
    for (unsigned lives = 0; lives <= LIVES; lives += LIVES) {
        struct reuse seen = {lives, .25, 1, false}, hidden = {lives, .25, 1, true};
        struct rate fallback = count_reused(&seen, VERDICT_FAIL);
        assert_int_equal(rate_lower(fallback, .01, &bound, NULL), 0);
        if (bound > .01)
            fail_msg("%u lives: %u alarms", lives, (unsigned)fallback.failures);
        struct rate naive = count_reused(&hidden, VERDICT_FAIL);
        assert_int_equal(rate_lower(naive, .01, &bound, NULL), 0);
        if (bound < .02)
            fail_msg("%u lives: the naive analysis is no worse: %u", lives,
                     (unsigned)naive.failures);
    }
}

static void reused_environments_are_judged_once(void **state)
{
    (void)state;
    struct reuse slow = {LIVES, .05, 1.4, false}, same = {LIVES, .02, 1, false};
    struct scene s;
    scene_begin(&s);
    assert_int_equal(judge_reused(&s, &slow, 1), VERDICT_FAIL);
    assert_true(warned(&s, "24 of the baseline and 24 of the candidate"));
    assert_int_equal(s.out.rounds_dropped, REUSED_ROUNDS); /* no look before the last */
    assert_true(isnan(metric_of(&s, METRIC_MEAN)->rounds_needed));
    scene_end(&s);
    scene_begin(&s);
    assert_int_equal(judge_reused(&s, &same, 1), VERDICT_PASS);
    assert_true(warned(&s, "reuses execution environments between rounds"));
    scene_end(&s);
}

/* One environment for all rounds proves nothing, however many calls it serves. */
static void too_few_environments_are_inconclusive(void **state)
{
    (void)state;
    struct reuse forever = {0, .02, 1, false};
    struct scene s;
    for (int slow = 0; slow < 2; slow++) {
        forever.slower = slow ? 3 : 1;
        scene_begin(&s);
        assert_int_equal(judge_reused(&s, &forever, 1), VERDICT_INCONCLUSIVE);
        assert_true(warned(&s, "at least 20 of each are needed"));
        assert_true(s.out.rounds_dropped < 10); /* more rounds would not help */
        scene_end(&s);
    }
}

/* ---- properties ---- */

static void unit_of_time_does_not_matter(void **state)
{
    (void)state;
    static const double factors[] = {1.0, 1.05, 1.3};
    for (size_t i = 0; i < ARRAY_LEN(factors); i++) {
        struct world a = slower_by(factors[i]), b = a;
        struct scene s, t;
        b.base_ms *= 7;
        scene_begin(&s);
        scene_begin(&t);
        scene_limit(&s, METRIC_P99, LIMIT_INCREASE_PCT, .10, "+10%");
        scene_limit(&t, METRIC_P99, LIMIT_INCREASE_PCT, .10, "+10%");
        assert_int_equal(scene_judge(&s, &a), scene_judge(&t, &b));
        assert_int_equal(s.out.rounds, t.out.rounds);
        assert_true(fabs(metric_of(&s, METRIC_P99)->change_pct -
                         metric_of(&t, METRIC_P99)->change_pct) < .1);
        scene_end(&s);
        scene_end(&t);
    }
}

static void exchange_sides(struct series *s, size_t first, unsigned round)
{
    (void)round;
    for (size_t i = first; i < s->count; i++)
        s->items[i].side = s->items[i].side == SIDE_BASELINE ? SIDE_CANDIDATE : SIDE_BASELINE;
}

static void swapped_sides_mirror_the_effect(void **state)
{
    (void)state;
    struct world a = slower_by(1.2), b = a;
    struct scene s, t;
    b.spoil = exchange_sides;
    scene_begin(&s);
    scene_begin(&t);
    s.f.rounds.min = s.f.rounds.max = t.f.rounds.min = t.f.rounds.max = 20;
    usual_limits(&s);
    usual_limits(&t);
    assert_int_equal(scene_judge(&s, &a), VERDICT_FAIL);
    assert_int_equal(scene_judge(&t, &b), VERDICT_PASS);
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct result_metric *x = &s.out.metrics[i], *y = &t.out.metrics[i];
        if (!isfinite(x->change_pct) || x->metric->kind == KIND_CONSTANT)
            continue;
        assert_true(fabs((1 + x->change_pct / 100) * (1 + y->change_pct / 100) - 1) < 1e-9);
        assert_true(fabs((1 + x->ci_low_pct / 100) * (1 + y->ci_high_pct / 100) - 1) < 1e-9);
        assert_true(fabs(x->baseline - y->candidate) <= 1e-9 * x->baseline);
    }
    scene_end(&s);
    scene_end(&t);
}

static void same_samples_same_answer(void **state)
{
    (void)state;
    struct world w = slower_by(1.09);
    w.round_noise = .05;
    struct scene s, t;
    scene_begin(&s);
    scene_begin(&t);
    usual_limits(&s);
    usual_limits(&t);
    assert_int_equal(scene_judge(&s, &w), scene_judge(&t, &w));
    assert_int_equal(s.out.rounds, t.out.rounds);
    assert_string_equal(s.out.headline, t.out.headline);
    for (int i = 0; i < METRIC_COUNT; i++)
        assert_string_equal(s.out.metrics[i].reason, t.out.metrics[i].reason);
    scene_end(&s);
    scene_end(&t);
}

/* No fail shows an estimate below its limit, no pass an upper bound above it. */
static void verdict_agrees_with_its_numbers(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct world w = slower_by(1 + .02 * (double)seed);
        struct scene s;
        w.seed = seed;
        w.round_noise = .03;
        scene_begin(&s);
        scene_limit(&s, METRIC_P99, LIMIT_INCREASE_PCT, .10, "+10%");
        scene_judge(&s, &w);
        const struct result_metric *m = metric_of(&s, METRIC_P99);
        if (m->verdict == VERDICT_FAIL)
            assert_true(m->change_pct >= 10 - 1e-9 && m->ci_low_pct > 0);
        if (m->verdict == VERDICT_PASS)
            assert_true(m->change_pct < 10 && m->ci_high_pct < 12);
        scene_end(&s);
    }
}

/* ---- kinds of limits ---- */

static enum verdict judge_one(enum metric_id id, enum limit_kind kind, double value,
                              const struct world *w)
{
    struct scene s;
    scene_begin(&s);
    scene_limit(&s, id, kind, value, "x");
    enum verdict v = scene_judge(&s, w);
    scene_end(&s);
    return v;
}

static void absolute_and_maximum(void **state)
{
    (void)state;
    struct world w = slower_by(1.3); /* about 15 ms more */
    assert_int_equal(judge_one(METRIC_MEAN, LIMIT_INCREASE_ABS, 5, &w), VERDICT_FAIL);
    assert_int_equal(judge_one(METRIC_MEAN, LIMIT_INCREASE_ABS, 40, &w), VERDICT_PASS);
    assert_int_equal(judge_one(METRIC_MEAN, LIMIT_MAXIMUM, 800, &w), VERDICT_PASS);
    assert_int_equal(judge_one(METRIC_MEAN, LIMIT_MAXIMUM, 40, &w), VERDICT_FAIL);
    assert_int_equal(judge_one(METRIC_P99, LIMIT_MAXIMUM, 60, &w), VERDICT_FAIL);
    assert_int_equal(judge_one(METRIC_MAX_MEMORY, LIMIT_MAXIMUM, 100, &w), VERDICT_PASS);
    assert_int_equal(judge_one(METRIC_MAX_MEMORY, LIMIT_MAXIMUM, 70, &w), VERDICT_FAIL);
}

static void all_increases_must_be_exceeded(void **state)
{
    (void)state;
    struct world fast = slower_by(1.3), slow = fast;
    fast.base_ms = 10; /* + 3 ms */
    slow.base_ms = 100;
    struct scene s;
    for (int i = 0; i < 2; i++) {
        scene_begin(&s);
        scene_limit(&s, METRIC_P99, LIMIT_INCREASE_PCT, .10, "+10%");
        scene_limit(&s, METRIC_P99, LIMIT_INCREASE_ABS, 8, "+8ms");
        assert_int_equal(scene_judge(&s, i ? &slow : &fast), i ? VERDICT_FAIL : VERDICT_PASS);
        scene_end(&s);
    }
    /* a maximum stands on its own */
    scene_begin(&s);
    scene_limit(&s, METRIC_P99, LIMIT_INCREASE_PCT, .50, "+50%");
    scene_limit(&s, METRIC_P99, LIMIT_MAXIMUM, 90, "< 90ms");
    assert_int_equal(scene_judge(&s, &slow), VERDICT_FAIL);
    scene_end(&s);
}

static void throughput_is_the_inverse(void **state)
{
    (void)state;
    struct world w = slower_by(1.3), even = quiet;
    struct scene s;
    scene_begin(&s);
    s.f.load.concurrency = 4;
    scene_limit(&s, METRIC_THROUGHPUT, LIMIT_INCREASE_PCT, .10, "-10%");
    assert_int_equal(scene_judge(&s, &w), VERDICT_FAIL);
    const struct result_metric *m = metric_of(&s, METRIC_THROUGHPUT);
    const struct result_metric *mean = metric_of(&s, METRIC_MEAN);
    assert_true(fabs(m->baseline - 4000 / mean->baseline) < 1e-9);
    assert_true(fabs(m->candidate - 4000 / mean->candidate) < 1e-9);
    assert_true(fabs(m->change_pct - (1 / 1.3 - 1) * 100) < 3);
    assert_true(m->ci_low_pct < m->change_pct && m->change_pct < m->ci_high_pct);
    assert_true(m->detectable_pct > 0 && m->detectable_pct < mean->detectable_pct);
    scene_end(&s);
    assert_int_equal(judge_one(METRIC_THROUGHPUT, LIMIT_INCREASE_PCT, .10, &even), VERDICT_PASS);
    /* a decrease by all there is cannot be exceeded, and is no limit */
    assert_int_not_equal(judge_one(METRIC_THROUGHPUT, LIMIT_INCREASE_PCT, 1, &even), VERDICT_PASS);
}

static void compute_cost(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    /* 512 MB for 50 ms: half a GB-second in a million times 0.05 s = $0.41667 */
    scene_limit(&s, METRIC_COMPUTE_PER_MILLION, LIMIT_MAXIMUM, .45, "< $0.45");
    scene_limit(&s, METRIC_COMPUTE_PER_MILLION, LIMIT_INCREASE_ABS, .05, "+$0.05");
    assert_int_equal(scene_judge(&s, &quiet), VERDICT_PASS);
    const struct result_metric *m = metric_of(&s, METRIC_COMPUTE_PER_MILLION);
    const struct result_metric *mean = metric_of(&s, METRIC_MEAN);
    assert_true(fabs(m->candidate - price_compute_per_million(512, mean->candidate)) < 1e-9);
    assert_true(m->candidate > .38 && m->candidate < .45);
    scene_end(&s);
    struct world w = slower_by(1.3); /* + $0.125 */
    assert_int_equal(judge_one(METRIC_COMPUTE_PER_MILLION, LIMIT_INCREASE_ABS, .05, &w),
                     VERDICT_FAIL);
    assert_int_equal(judge_one(METRIC_COMPUTE_PER_MILLION, LIMIT_MAXIMUM, .45, &w), VERDICT_FAIL);
}

static void one_failure(struct series *s, size_t first, unsigned round)
{
    if (round == 3)
        s->items[s->count - 1].status = SAMPLE_FUNCTION_ERROR;
    (void)first;
}

static void one_baseline_failure(struct series *s, size_t first, unsigned round)
{
    if (round == 3)
        s->items[first + 1].status = SAMPLE_FUNCTION_ERROR;
}

static void few_failures(struct series *s, size_t first, unsigned round)
{
    if (round % 2 == 0)
        s->items[s->count - 1].status = SAMPLE_TIMEOUT;
    (void)first;
}

static void error_rate(void **state)
{
    (void)state;
    struct world w = quiet;
    assert_int_equal(judge_one(METRIC_ERROR_RATE, LIMIT_MAXIMUM, 0, &w), VERDICT_PASS);
    w.spoil = one_failure; /* where none is allowed, one is proof */
    assert_int_equal(judge_one(METRIC_ERROR_RATE, LIMIT_MAXIMUM, 0, &w), VERDICT_FAIL);
    assert_int_equal(judge_one(METRIC_ERROR_RATE, LIMIT_MAXIMUM, .01, &w), VERDICT_PASS);
    /* one more than the baseline's none is chance */
    assert_int_equal(judge_one(METRIC_ERROR_RATE, LIMIT_INCREASE_ABS, 0, &w), VERDICT_INCONCLUSIVE);
    assert_int_equal(judge_one(METRIC_ERROR_RATE, LIMIT_INCREASE_ABS, .01, &w), VERDICT_PASS);
    w.spoil = few_failures; /* about 0.5 % */
    assert_int_equal(judge_one(METRIC_ERROR_RATE, LIMIT_MAXIMUM, .02, &w), VERDICT_PASS);
    assert_int_equal(judge_one(METRIC_ERROR_RATE, LIMIT_MAXIMUM, 0, &w), VERDICT_FAIL);
    w.spoil = one_baseline_failure;
    assert_int_equal(judge_one(METRIC_ERROR_RATE, LIMIT_MAXIMUM, 0, &w), VERDICT_PASS);
    w.spoil = candidate_fails_often;
    assert_int_equal(judge_one(METRIC_ERROR_RATE, LIMIT_INCREASE_ABS, .01, &w), VERDICT_FAIL);
    w.spoil = candidate_fails;
    assert_int_equal(judge_one(METRIC_ERROR_RATE, LIMIT_MAXIMUM, 0, &w), VERDICT_FAIL);
    w.spoil = all_unanswered;
    assert_int_not_equal(judge_one(METRIC_ERROR_RATE, LIMIT_MAXIMUM, 0, &w), VERDICT_PASS);
    w.spoil = baseline_fails;
    assert_int_equal(judge_one(METRIC_ERROR_RATE, LIMIT_MAXIMUM, 0, &w), VERDICT_ERROR);
}

static enum verdict judge_package(uint64_t baseline, uint64_t candidate, enum limit_kind kind,
                                  double value, bool inclusive)
{
    struct scene s;
    scene_begin(&s);
    scene_limit(&s, METRIC_PACKAGE_SIZE, kind, value, "x");
    s.limits[0].inclusive = inclusive;
    s.settings.package_bytes[SIDE_BASELINE] = baseline;
    s.settings.package_bytes[SIDE_CANDIDATE] = candidate;
    enum verdict v = scene_judge(&s, &quiet);
    if (!baseline)
        assert_true(isnan(metric_of(&s, METRIC_PACKAGE_SIZE)->baseline));
    scene_end(&s);
    return v;
}

static void package_size(void **state)
{
    (void)state;
    assert_int_equal(judge_package(1000, 1100, LIMIT_INCREASE_PCT, .10, false), VERDICT_PASS);
    assert_int_equal(judge_package(1000, 1101, LIMIT_INCREASE_PCT, .10, false), VERDICT_FAIL);
    assert_int_equal(judge_package(1000, 1051, LIMIT_INCREASE_ABS, 50, false), VERDICT_FAIL);
    assert_int_equal(judge_package(1000, 900, LIMIT_INCREASE_ABS, 0, false), VERDICT_PASS);
    assert_int_equal(judge_package(1000, 2000, LIMIT_MAXIMUM, 2000, true), VERDICT_PASS);
    assert_int_equal(judge_package(1000, 2000, LIMIT_MAXIMUM, 2000, false), VERDICT_FAIL);
    /* not known: neither a pass nor a proven regression */
    assert_int_equal(judge_package(0, 0, LIMIT_INCREASE_PCT, .10, false), VERDICT_INCONCLUSIVE);
    assert_int_equal(judge_package(0, 900, LIMIT_MAXIMUM, 2000, false), VERDICT_INCONCLUSIVE);
}

/* ---- when it stops ---- */

static void stops_when_it_may(void **state)
{
    (void)state;
    struct world w = slower_by(3);
    struct scene s;
    struct rng rng;
    rng_seed(&rng, 1, 0);
    scene_begin(&s);
    s.f.rounds = (struct plan_rounds){10, 21, 4, ENVIRONMENTS, CALLS};
    scene_limit(&s, METRIC_P99, LIMIT_INCREASE_PCT, .10, "+10%");
    struct error e = {0};
    s.gate = gate_new(&s.f, &s.settings, &e);
    assert_non_null(s.gate);
    for (unsigned round = 0; round < 9; round++) {
        size_t first = s.series.count;
        add_round(&s, &w, &rng, round);
        gate_add_round(s.gate, &s.series, first, 0);
        assert_int_equal(gate_look(s.gate),
                         GATE_CONTINUE); /* no look is due, however clear it is */
    }
    size_t first = s.series.count;
    add_round(&s, &w, &rng, 9);
    each(&s.series, first, SIDE_BASELINE, 1, dropped);
    gate_add_round(s.gate, &s.series, first, 0);
    assert_int_equal(gate_look(s.gate), GATE_CONTINUE); /* a dropped round is none */
    first = s.series.count;
    add_round(&s, &w, &rng, 10);
    gate_add_round(s.gate, &s.series, first, 0);
    assert_int_equal(gate_look(s.gate), GATE_STOP);
    gate_conclude(s.gate, &s.series, 0, &s.arena, &s.out);
    assert_int_equal(s.out.rounds, 10);
    assert_int_equal(s.out.rounds_dropped, 1);
    assert_int_equal(s.out.verdict, VERDICT_FAIL);
    assert_true(warned(&s, "1 of 11 rounds were dropped"));
    scene_end(&s);
}

static unsigned rounds_until_stop(const struct world *w, unsigned most)
{
    struct scene s;
    scene_begin(&s);
    s.f.rounds.max = most;
    scene_limit(&s, METRIC_P99, LIMIT_INCREASE_PCT, .05, "+5%");
    assert_int_not_equal(scene_judge(&s, w), VERDICT_PASS);
    unsigned rounds = s.out.rounds + s.out.rounds_dropped;
    scene_end(&s);
    return rounds;
}

static void futile_runs_end_early(void **state)
{
    (void)state;
    struct world w = quiet;
    w.spoil = all_dropped;
    assert_int_equal(rounds_until_stop(&w, 40), 3);
    w.spoil = candidate_fails;
    assert_int_equal(rounds_until_stop(&w, 40), 1);
    w.spoil = baseline_fails;
    assert_int_equal(rounds_until_stop(&w, 40), 1);
    w.spoil = candidate_tampers;
    assert_int_equal(rounds_until_stop(&w, 40), 1);
    w.spoil = one_failure;
    assert_int_equal(rounds_until_stop(&w, 12), 12);
    w.spoil = NULL; /* P99 to 5 % in such noise would take thousands of rounds */
    w.round_noise = .3;
    assert_int_equal(rounds_until_stop(&w, 60), 40);
}

static void impossible_schedules(void **state)
{
    (void)state;
    static const struct plan_rounds bad[] = {
        {1, 10, 2, 5, 20}, {10, 9, 2, 5, 20}, {10, 20, 0, 5, 20}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct scene s;
        struct error e = {0};
        scene_begin(&s);
        s.f.rounds = bad[i];
        assert_null(gate_new(&s.f, &s.settings, &e));
        assert_int_equal(e.code, ERROR_CONFIG);
        assert_non_null(strstr(e.text, "function 'f'"));
        scene_end(&s);
    }
}

static void unknown_region_is_told(void **state)
{
    (void)state;
    static const char *const regions[] = {"mars-north-1", NULL};
    for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
        struct scene s;
        scene_begin(&s);
        s.settings.region = regions[i];
        usual_limits(&s);
        assert_int_equal(scene_judge(&s, &quiet), VERDICT_PASS);
        assert_int_equal(warned(&s, "in region 'mars-north-1' are not known"), regions[i] != NULL);
        scene_end(&s);
    }
}

/* ---- functions and runs ---- */

static void identical_packages(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    usual_limits(&s);
    gate_conclude_identical(&s.f, &s.arena, &s.out);
    assert_int_equal(s.out.verdict, VERDICT_PASS);
    assert_true(s.out.identical);
    assert_int_equal(s.out.rounds, 0);
    assert_int_equal(s.out.metric_count, 0);
    assert_non_null(strstr(s.out.headline, "identical"));
    scene_end(&s);
}

static void run_verdicts(void **state)
{
    (void)state;
    static const struct {
        enum verdict functions[3];
        size_t count;
        bool error;
        enum verdict verdict;
        enum exit_code exit;
        const char *headline;
    } rows[] = {
        {{VERDICT_PASS, VERDICT_PASS}, 2, false, VERDICT_PASS, EXIT_PASS, "a: a's"},
        {{VERDICT_PASS, VERDICT_INCONCLUSIVE},
         2,
         false,
         VERDICT_INCONCLUSIVE,
         EXIT_INCONCLUSIVE,
         "b: b's"},
        {{VERDICT_FAIL, VERDICT_INCONCLUSIVE}, 2, false, VERDICT_FAIL, EXIT_FAIL, "a: a's"},
        {{VERDICT_PASS, VERDICT_FAIL, VERDICT_FAIL}, 3, false, VERDICT_FAIL, EXIT_FAIL, "b: b's"},
        {{VERDICT_FAIL, VERDICT_ERROR, VERDICT_PASS},
         3,
         false,
         VERDICT_ERROR,
         EXIT_ERROR,
         "b: b's"},
        {{VERDICT_PASS}, 1, true, VERDICT_ERROR, EXIT_ERROR, "it broke"},
        {{VERDICT_PASS, VERDICT_UNGATED}, 2, false, VERDICT_ERROR, EXIT_ERROR, NULL},
        {{VERDICT_UNGATED, VERDICT_PASS}, 2, false, VERDICT_ERROR, EXIT_ERROR, NULL},
        {{VERDICT_ERROR}, 0, false, VERDICT_ERROR, EXIT_ERROR, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct result_function functions[] = {{.name = "a", .headline = "a's"},
                                              {.name = "b", .headline = "b's"},
                                              {.name = "c", .headline = "c's"}};
        const char *errors[] = {"it broke"};
        struct result *r = result_new();
        for (size_t k = 0; k < rows[i].count; k++)
            functions[k].verdict = rows[i].functions[k];
        r->functions = functions;
        r->function_count = rows[i].count;
        r->errors = errors;
        r->error_count = rows[i].error;
        gate_conclude_run(r);
        assert_int_equal(r->verdict, rows[i].verdict);
        assert_int_equal(r->exit_code, rows[i].exit);
        if (rows[i].headline)
            assert_string_equal(r->headline, rows[i].headline);
        result_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unchanged_passes),
        cmocka_unit_test(slower_fails),
        cmocka_unit_test(faster_passes),
        cmocka_unit_test(too_noisy_is_inconclusive),
        cmocka_unit_test(invalid_never_passes),
        cmocka_unit_test(hidden_tail_does_not_pass),
        cmocka_unit_test(fail_does_not_hide_an_error),
        cmocka_unit_test(unmeasured_limit_is_an_error),
        cmocka_unit_test(unmeasured_limit_beside_a_fail),
        cmocka_unit_test(without_limits_nothing_passes),
        cmocka_unit_test(limit_that_is_no_number),
        cmocka_unit_test(too_few_samples),
        cmocka_unit_test(doubts),
        cmocka_unit_test(sides_are_called_alike),
        cmocka_unit_test(cut_rounds_do_not_pass),
        cmocka_unit_test(rounds_without_warm_calls_are_dropped),
        cmocka_unit_test(reused_environments_raise_no_alarm),
        cmocka_unit_test(reused_environments_are_judged_once),
        cmocka_unit_test(too_few_environments_are_inconclusive),
        cmocka_unit_test(unit_of_time_does_not_matter),
        cmocka_unit_test(swapped_sides_mirror_the_effect),
        cmocka_unit_test(same_samples_same_answer),
        cmocka_unit_test(verdict_agrees_with_its_numbers),
        cmocka_unit_test(absolute_and_maximum),
        cmocka_unit_test(all_increases_must_be_exceeded),
        cmocka_unit_test(throughput_is_the_inverse),
        cmocka_unit_test(compute_cost),
        cmocka_unit_test(error_rate),
        cmocka_unit_test(package_size),
        cmocka_unit_test(stops_when_it_may),
        cmocka_unit_test(futile_runs_end_early),
        cmocka_unit_test(impossible_schedules),
        cmocka_unit_test(unknown_region_is_told),
        cmocka_unit_test(identical_packages),
        cmocka_unit_test(run_verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
