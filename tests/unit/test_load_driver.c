/*
 * The driver against a target that only writes down what it is asked, and answers from timers of
 * the loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "load/driver.h"
#include "os/clock.h"

enum { CALLS_MAX = 1024, RENEWALS_MAX = 64 };

struct fake;

struct flight {
    struct fake *fake;
    struct loop_timer *timer;
    target_done_fn *done;
    void *context;
    size_t call;
    struct flight *next, *previous;
};

struct call {
    enum side side;
    unsigned payload;  /* index of the event */
    size_t under_way;  /* other calls that were, of the same side */
    size_t other_side; /* of the other side */
    bool after_renewal;
};

struct fake {
    struct target base;
    struct call calls[CALLS_MAX];
    size_t count;
    char renewals[RENEWALS_MAX][32]; /* "baseline 0.1" */
    size_t renewal_count;
    size_t under_way[SIDE_COUNT];
    struct flight *flights;
    unsigned fresh[SIDE_COUNT]; /* environments that have not been called since their renewal */
    unsigned cancelled;
    size_t after_cancel; /* answers or calls that came too late */
    /* what it is to do */
    unsigned environments;    /* fresh ones that a renewal gives */
    uint64_t answer_after_ns; /* 0: as soon as the loop turns */
    enum side warm_side;      /* with `missing_cold`: the side that lacks one */
    bool missing_cold;
    enum sample_status status; /* of all answers */
    size_t fail_at;            /* only from this call on */
    const char *answer;
    bool renew_fails;
    volatile sig_atomic_t *stop_flag; /* set after call `stop_at`, by a timer */
    struct loop_timer *signal;
    size_t stop_at;
};

static enum side side_of(const char *function)
{
    return strcmp(function, "c") ? SIDE_BASELINE : SIDE_CANDIDATE;
}

static void unlink_flight(struct flight *f)
{
    if (f->previous)
        f->previous->next = f->next;
    else
        f->fake->flights = f->next;
    if (f->next)
        f->next->previous = f->previous;
    loop_timer_free(f->timer);
    f->fake->under_way[f->fake->calls[f->call].side]--;
}

static void answer(struct flight *f, enum sample_status status, bool cold)
{
    struct fake *t = f->fake;
    struct target_reply reply = {
        .status = status,
        .payload = t->answer ? t->answer : "{}",
        .payload_length = strlen(t->answer ? t->answer : "{}"),
        .detail = status == SAMPLE_OK ? "" : "it did not work",
        .duration_10us = status == SAMPLE_UNKNOWN ? SAMPLE_NONE : 1000 + (uint32_t)f->call,
        .billed_ms = 11,
        .init_10us = cold && status != SAMPLE_UNKNOWN ? 20000 : SAMPLE_NONE,
        .cpu_us = 700,
        .memory_mb = 128,
        .max_memory_mb = 60,
        .done_ns = clock_now_ns(),
    };
    reply.request_id[0] = (unsigned char)f->call;
    unlink_flight(f);
    target_done_fn *done = f->done;
    void *context = f->context;
    free(f);
    done(context, &reply);
}

static void on_timer(void *context)
{
    struct flight *f = context;
    struct fake *t = f->fake;
    enum side side = t->calls[f->call].side;
    bool cold = t->calls[f->call].after_renewal && !(t->missing_cold && side == t->warm_side);
    t->after_cancel += t->cancelled > 0;
    answer(f, f->call >= t->fail_at ? t->status : SAMPLE_OK, cold);
}

static void fake_invoke(struct target *base, const struct target_call *c, target_done_fn *done,
                        void *context)
{
    struct fake *t = (struct fake *)base;
    assert_true(t->count < CALLS_MAX);
    char hash[SHA256_HEX];
    hash_sha256_hex(c->payload, c->payload_length, hash);
    assert_string_equal(c->payload_sha256, hash);
    struct flight *f = xcalloc(1, sizeof *f);
    enum side side = side_of(c->function);
    enum side other = side == SIDE_BASELINE ? SIDE_CANDIDATE : SIDE_BASELINE;
    *f = (struct flight){.fake = t, .done = done, .context = context, .call = t->count++};
    t->calls[f->call] = (struct call){
        .side = side,
        .payload = (unsigned)(c->payload[1] - '0'),
        .under_way = t->under_way[side]++,
        .other_side = t->under_way[other],
        .after_renewal = t->fresh[side] > 0,
    };
    t->fresh[side] -= t->fresh[side] > 0;
    t->after_cancel += t->cancelled > 0;
    f->next = t->flights;
    if (f->next)
        f->next->previous = f;
    t->flights = f;
    f->timer = loop_timer_new(base->loop, on_timer, f);
    loop_timer_set(f->timer, t->answer_after_ns ? clock_now_ns() + t->answer_after_ns : 0);
    if (t->stop_flag && t->count == t->stop_at)
        loop_timer_set(t->signal, 0);
}

/* As a signal does: from the loop, at any time. */
static void on_signal(void *context)
{
    struct fake *t = context;
    *t->stop_flag = SIGINT;
    loop_stop(t->base.loop);
}

static int fake_renew(struct target *base, const char *name, const struct plan_function *f,
                      const char *token, struct error *e)
{
    struct fake *t = (struct fake *)base;
    (void)f;
    if (t->renew_fails)
        return error_set(e, ERROR_API, "no");
    assert_true(t->renewal_count < RENEWALS_MAX);
    assert_int_equal(t->under_way[0] + t->under_way[1], 0);
    snprintf(t->renewals[t->renewal_count++], sizeof t->renewals[0], "%s %s",
             side_name(side_of(name)), token);
    t->fresh[side_of(name)] = t->environments;
    return 0;
}

static void fake_cancel(struct target *base)
{
    struct fake *t = (struct fake *)base;
    t->cancelled++;
    while (t->flights)
        answer(t->flights, SAMPLE_UNKNOWN, false);
}

static const struct target_calls fake_calls = {
    .renew = fake_renew, .invoke = fake_invoke, .cancel = fake_cancel};

struct scene {
    struct fake fake;
    struct plan_event events[2];
    struct plan_function f;
    struct series series;
    struct load_job job;
    struct load_round_summary summary;
    struct error e;
    volatile sig_atomic_t stop;
};

static void scene_begin(struct scene *s)
{
    *s = (struct scene){0};
    struct loop *loop = loop_new(&s->e);
    assert_non_null(loop);
    s->fake.base = (struct target){.calls = &fake_calls,
                                   .loop = loop,
                                   .kind = "fake",
                                   .lanes_default = 1,
                                   .sides_share_machine = true};
    s->fake.environments = 1;
    s->events[0] =
        (struct plan_event){.name = "a", .payload = "[0]", .payload_length = 3, .weight = 1};
    s->events[1] =
        (struct plan_event){.name = "b", .payload = "[1]", .payload_length = 3, .weight = 1};
    s->f = (struct plan_function){.name = "f",
                                  .timeout_s = 3,
                                  .events = s->events,
                                  .event_count = 2,
                                  .rounds = {10, 20, 2, 3, 4}};
    s->job = (struct load_job){
        .loop = loop,
        .target = &s->fake.base,
        .function = &s->f,
        .function_index = 7,
        .deployed = {"b", "c"},
        .series = &s->series,
        .seed = 42,
        .start_ns = clock_now_ns(),
        .stop = &s->stop,
    };
}

static void scene_end(struct scene *s)
{
    assert_null(s->fake.flights); /* nothing is left under way */
    loop_free(s->job.loop);
    series_release(&s->series);
}

static void run_round(struct scene *s, unsigned round)
{
    if (load_round(&s->job, round, &s->summary, &s->e))
        fail_msg("%s", s->e.text);
}

/* Each call that was sent is one sample, in the same order, with what was answered. */
static void assert_samples_are_calls(const struct scene *s)
{
    assert_int_equal(s->series.count, s->fake.count);
    for (size_t i = 0; i < s->series.count; i++) {
        const struct sample *x = &s->series.items[i];
        assert_int_equal(x->side, s->fake.calls[i].side);
        assert_int_equal(x->event, s->fake.calls[i].payload);
        assert_int_equal(x->request_id[0], i & 255);
        assert_int_equal(x->duration_10us, 1000 + i);
        assert_int_equal(x->function, 7);
        assert_int_equal(x->memory_mb, 128);
        assert_int_equal(x->max_memory_mb, 60);
        assert_int_equal(x->cpu_us, 700);
        assert_true(x->client_us != SAMPLE_NONE);
    }
}

/* Both sides get the same payload at the same position of the round, and each position once. */
static void assert_same_payloads(const struct scene *s, size_t positions)
{
    int event[SIDE_COUNT][256];
    memset(event, -1, sizeof event);
    for (size_t i = 0; i < s->series.count; i++) {
        const struct sample *x = &s->series.items[i];
        assert_true(x->payload_index < positions);
        assert_int_equal(event[x->side][x->payload_index], -1);
        event[x->side][x->payload_index] = x->event;
    }
    for (size_t i = 0; i < positions; i++) {
        assert_int_not_equal(event[SIDE_BASELINE][i], -1);
        assert_int_equal(event[SIDE_BASELINE][i], event[SIDE_CANDIDATE][i]);
    }
}

/* ---- alternating ---- */

static void alternating(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    run_round(&s, 5);
    assert_int_equal(s.fake.count, 2 * 3 * (1 + 4));
    assert_samples_are_calls(&s);
    assert_same_payloads(&s, 15);
    assert_false(s.summary.dropped);
    assert_string_equal(s.summary.detail, "");
    assert_int_equal(s.fake.renewal_count, 6);
    for (size_t i = 0; i < s.series.count; i += 2) {
        const struct sample *a = &s.series.items[i], *b = a + 1;
        unsigned block = (unsigned)i / 10, seq = (unsigned)i % 10 / 2;
        assert_int_not_equal(a->side, b->side); /* pairs, one call at a time */
        assert_int_equal(s.fake.calls[i].under_way + s.fake.calls[i].other_side, 0);
        for (const struct sample *x = a; x <= b; x++) {
            assert_int_equal(x->env, block);
            assert_int_equal(x->seq, seq);
            assert_int_equal(x->cold, seq == 0);
            assert_int_equal(x->round, 5);
            assert_int_equal(x->payload_index, block * 5 + seq);
            assert_int_equal(x->late_us, SAMPLE_NONE);
            assert_false(x->dropped);
        }
        if (i)
            assert_true(a->sent_ns >= a[-1].sent_ns);
    }
    scene_end(&s);
}

static void renews_both_sides_before_each_block(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    run_round(&s, 2);
    for (unsigned block = 0; block < 3; block++) {
        char baseline[32], candidate[32];
        const char *first = s.fake.renewals[2 * block], *second = s.fake.renewals[2 * block + 1];
        snprintf(baseline, sizeof baseline, "baseline 2.%u", block);
        snprintf(candidate, sizeof candidate, "candidate 2.%u", block);
        bool in_order = !strcmp(first, baseline) && !strcmp(second, candidate);
        assert_true(in_order || (!strcmp(first, candidate) && !strcmp(second, baseline)));
    }
    scene_end(&s);
}

static void order_comes_from_the_seed(void **state)
{
    (void)state;
    enum { SCENES = 4 };
    static const struct {
        uint64_t seed;
        unsigned round;
    } runs[SCENES] = {{42, 1}, {42, 1}, {42, 2}, {43, 1}};
    struct scene s[SCENES];
    unsigned first_is_baseline = 0;
    for (int i = 0; i < SCENES; i++) {
        scene_begin(&s[i]);
        s[i].f.rounds.calls = 20;
        s[i].job.seed = runs[i].seed;
        run_round(&s[i], runs[i].round);
    }
    assert_memory_equal(s[0].fake.calls, s[1].fake.calls, s[0].fake.count * sizeof(struct call));
    assert_memory_not_equal(s[0].fake.calls, s[2].fake.calls,
                            s[0].fake.count * sizeof(struct call));
    assert_memory_not_equal(s[0].fake.calls, s[3].fake.calls,
                            s[0].fake.count * sizeof(struct call));
    for (size_t i = 0; i < s[0].fake.count; i += 2)
        first_is_baseline += s[0].fake.calls[i].side == SIDE_BASELINE;
    assert_in_range(first_is_baseline, 15, 48); /* of 63 pairs */
    for (int i = 0; i < SCENES; i++)
        scene_end(&s[i]);
}

static void lanes_start_cold_together(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    s.fake.base.lanes_default = 3;
    s.fake.environments = 3;
    s.fake.answer_after_ns = 200000;
    run_round(&s, 0);
    assert_int_equal(s.fake.renewal_count, 2);
    assert_samples_are_calls(&s);
    assert_same_payloads(&s, 15);
    for (size_t i = 0; i < 6; i++) { /* one side's cold burst, then the other's */
        assert_int_equal(s.fake.calls[i].under_way, i % 3);
        assert_int_equal(s.fake.calls[i].other_side, 0);
        assert_int_equal(s.fake.calls[i].side, s.fake.calls[i / 3 * 3].side);
        assert_true(s.series.items[i].cold);
    }
    for (size_t i = 6; i < s.fake.count; i++)
        assert_true(s.fake.calls[i].under_way + s.fake.calls[i].other_side < 3);
    for (size_t i = 0; i < s.series.count; i++) /* which environment answered is not known */
        assert_int_equal(s.series.items[i].env, UINT16_MAX);
    scene_end(&s);
}

/* ---- closed loop ---- */

static void closed_loop(bool share_machine)
{
    struct scene s;
    scene_begin(&s);
    s.f.load.concurrency = 3;
    s.fake.base.sides_share_machine = share_machine;
    s.fake.environments = 3;
    s.fake.answer_after_ns = 300000;
    run_round(&s, 0);
    assert_int_equal(s.fake.count, 30);
    assert_samples_are_calls(&s);
    assert_same_payloads(&s, 15);
    size_t together = 0, changes = 0, most = 0;
    for (size_t i = 6; i < s.fake.count; i++) {
        together += s.fake.calls[i].other_side > 0;
        changes += i > 6 && s.fake.calls[i].side != s.fake.calls[i - 1].side;
        if (s.fake.calls[i].under_way > most)
            most = s.fake.calls[i].under_way;
    }
    assert_int_equal(most, 2); /* beside the call itself: all three kept busy */
    if (share_machine) {
        assert_int_equal(together, 0);
        assert_int_equal(changes, 1);
    } else {
        assert_true(together > 0);
    }
    scene_end(&s);
}

static void closed_loop_takes_turns(void **state)
{
    (void)state;
    closed_loop(true);
}

static void closed_loop_apart_runs_both(void **state)
{
    (void)state;
    closed_loop(false);
}

/* ---- open loop ---- */

static void open_scene(struct scene *s, double rate)
{
    scene_begin(s);
    s->f.load.rate = rate;
    s->fake.base.sides_share_machine = false;
}

static void open_loop_sends_when_due(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, 2000);
    s.fake.answer_after_ns = 3 * NS_PER_MS; /* several are always under way */
    run_round(&s, 0);
    assert_int_equal(s.fake.count, 2 * 12);
    assert_samples_are_calls(&s);
    assert_same_payloads(&s, 12);
    assert_int_equal(s.fake.renewal_count, 2);
    uint64_t start = s.series.items[0].sent_ns - s.series.items[0].late_us * 1000ull;
    for (size_t i = 0; i < s.series.count; i++) {
        const struct sample *x = &s.series.items[i];
        uint64_t due = start + x->payload_index * NS_PER_S / 2000;
        assert_int_not_equal(x->late_us, SAMPLE_NONE);
        assert_int_equal(x->payload_index, i / 2);
        assert_true(x->sent_ns + 2000 >= due);                       /* never before it is due */
        assert_true(x->sent_ns <= due + (x->late_us + 2) * 1000ull); /* and the delay is told */
        /* counted from the due time */
        assert_true(x->client_us >= 3000 + x->late_us);
    }
    scene_end(&s);
}

static void open_loop_takes_turns_on_one_machine(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, 2000);
    s.fake.base.sides_share_machine = true;
    s.fake.answer_after_ns = NS_PER_MS;
    run_round(&s, 0);
    assert_samples_are_calls(&s);
    assert_same_payloads(&s, 12);
    for (size_t i = 0; i < s.fake.count; i++) {
        assert_int_equal(s.fake.calls[i].side, s.fake.calls[i / 12 * 12].side);
        assert_int_equal(s.fake.calls[i].other_side, 0);
    }
    assert_int_not_equal(s.fake.calls[0].side, s.fake.calls[12].side);
    scene_end(&s);
}

/* What the limit holds back is late, and its latency still counts from when it was due. */
static void open_loop_keeps_the_concurrency_limit(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, 10000);
    s.fake.base.sides_share_machine = true;
    s.f.load.concurrency = 2;
    s.fake.answer_after_ns = 2 * NS_PER_MS;
    run_round(&s, 0);
    assert_samples_are_calls(&s);
    for (size_t i = 0; i < s.fake.count; i++)
        assert_true(s.fake.calls[i].under_way < 2);
    /* the last of 12 waits for five pairs of 2 ms, but was due after 1.1 ms */
    for (size_t last = 11; last < 24; last += 12) {
        assert_true(s.series.items[last].late_us >= 8000);
        assert_true(s.series.items[last].client_us >= 10000);
    }
    scene_end(&s);
}

static void open_loop_without_arrivals(void **state)
{
    (void)state;
    static const struct plan_stage stage = {.seconds = .1, .rate = 1};
    struct scene s;
    open_scene(&s, 0);
    s.f.load.stages = &stage;
    s.f.load.stage_count = 1;
    run_round(&s, 0);
    assert_int_equal(s.fake.count, 0);
    assert_true(s.summary.dropped);
    scene_end(&s);
}

/* ---- what goes wrong ---- */

static void missing_cold_start_drops_the_round(void **state)
{
    (void)state;
    for (int side = 0; side < SIDE_COUNT; side++)
        for (int open = 0; open < 2; open++) {
            struct scene s;
            scene_begin(&s);
            run_round(&s, 0);
            size_t before = s.series.count;
            s.f.load.rate = open ? 5000 : 0;
            s.fake.missing_cold = true;
            s.fake.warm_side = (enum side)side;
            run_round(&s, 1);
            assert_true(s.summary.dropped);
            for (size_t i = 0; i < s.series.count; i++)
                assert_int_equal(s.series.items[i].dropped, i >= before);
            scene_end(&s);
        }
}

/* Functions that are not ours to change keep their environments, and a round is whole without. */
static void kept_environments(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    s.job.keep_environments = true;
    run_round(&s, 0);
    assert_int_equal(s.fake.renewal_count, 0);
    assert_false(s.summary.dropped);
    assert_samples_are_calls(&s);
    scene_end(&s);
}

/* The calls before the first round are made, counted, and in no sample. */
static void warm_up(void **state)
{
    (void)state;
    struct scene s;
    struct series calls = {0};
    scene_begin(&s);
    assert_int_equal(load_warm_up(&s.job, &calls, &s.e), 0);
    assert_int_equal(calls.count, 4); /* a cold and a warm call of each side */
    assert_int_equal(s.fake.count, 4);
    assert_int_equal(s.fake.renewal_count, 2);
    assert_int_equal(s.series.count, 0);
    s.job.keep_environments = true;
    assert_int_equal(load_warm_up(&s.job, &calls, &s.e), 0);
    assert_int_equal(calls.count, 4 + 2 * 3 * (1 + 4)); /* a whole round */
    assert_int_equal(s.fake.renewal_count, 2);
    assert_int_equal(s.series.count, 0);
    s.fake.status = SAMPLE_UNKNOWN;
    s.fake.fail_at = 0;
    assert_int_equal(load_warm_up(&s.job, &calls, &s.e), -1);
    assert_non_null(strstr(s.e.text, "no invocation was answered"));
    series_release(&calls);
    scene_end(&s);
}

static void failures_are_recorded(void **state)
{
    (void)state;
    static const enum sample_status statuses[] = {SAMPLE_FUNCTION_ERROR, SAMPLE_TIMEOUT,
                                                  SAMPLE_THROTTLED, SAMPLE_TAMPERED};
    for (size_t k = 0; k < ARRAY_LEN(statuses); k++) {
        struct scene s;
        scene_begin(&s);
        s.fake.status = statuses[k];
        s.fake.fail_at = 13;
        run_round(&s, 0);
        assert_samples_are_calls(&s);
        for (size_t i = 0; i < s.series.count; i++)
            assert_int_equal(s.series.items[i].status, i >= 13 ? statuses[k] : SAMPLE_OK);
        assert_string_equal(s.summary.detail, "it did not work");
        assert_int_equal(s.summary.detail_status, statuses[k]);
        assert_int_equal(s.summary.detail_side, s.fake.calls[13].side);
        scene_end(&s);
    }
}

static void some_unanswered(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    s.fake.status = SAMPLE_UNKNOWN;
    s.fake.fail_at = 1;
    run_round(&s, 0);
    assert_int_equal(s.summary.unknown, s.series.count - 1);
    assert_true(s.summary.dropped);
    assert_int_equal(s.series.items[5].client_us, SAMPLE_NONE);
    scene_end(&s);
}

static void nothing_answered_is_an_error(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    s.fake.status = SAMPLE_UNKNOWN;
    assert_int_equal(load_round(&s.job, 0, &s.summary, &s.e), -1);
    assert_int_equal(s.e.code, ERROR_NETWORK);
    assert_non_null(strstr(s.e.text, "it did not work"));
    scene_end(&s);
}

static void no_fresh_environments_is_an_error(void **state)
{
    (void)state;
    for (int open = 0; open < 2; open++) {
        struct scene s;
        scene_begin(&s);
        s.fake.renew_fails = true;
        s.f.load.rate = open ? 100 : 0;
        assert_int_equal(load_round(&s.job, 0, &s.summary, &s.e), -1);
        assert_int_equal(s.e.code, ERROR_API);
        assert_non_null(strstr(s.e.text, "fresh environments for the "));
        assert_int_equal(s.fake.count, 0);
        scene_end(&s);
    }
}

static void set_true(void *context)
{
    struct scene *s = context;
    s->summary.dropped = true;
    loop_stop(s->job.loop);
}

/*
 * The stop flag ends the round at once; what is under way is cancelled, and nothing comes behind.
 */
static void interrupted(bool open, size_t at)
{
    struct scene s;
    scene_begin(&s);
    if (open) {
        s.f.load.rate = 10000;
        s.fake.base.sides_share_machine = false;
    } else {
        s.f.load.concurrency = 3;
        s.fake.environments = 3;
    }
    s.fake.answer_after_ns = 3 * NS_PER_MS;
    s.fake.stop_flag = &s.stop;
    s.fake.stop_at = at;
    s.fake.signal = loop_timer_new(s.job.loop, on_signal, &s.fake);
    assert_int_equal(load_round(&s.job, 0, &s.summary, &s.e), -1);
    assert_int_equal(s.e.code, ERROR_INTERRUPTED);
    assert_int_equal(s.fake.cancelled, 1);
    assert_int_equal(s.fake.after_cancel, 0);
    assert_null(s.fake.flights);
    assert_true(s.fake.count < 2 * 15);
    assert_int_equal(s.series.count, s.fake.count);
    /* the loop is still good for the clean-up: a stop of the round that is over must not end it */
    struct loop_timer *timer = loop_timer_new(s.job.loop, set_true, &s);
    s.summary.dropped = false;
    loop_timer_set(timer, clock_now_ns() + NS_PER_MS);
    loop_run(s.job.loop);
    assert_true(s.summary.dropped);
    loop_timer_free(timer);
    loop_timer_free(s.fake.signal);
    scene_end(&s);
}

static void stop_interrupts(void **state)
{
    (void)state;
    interrupted(false, 1);  /* in the cold burst */
    interrupted(false, 12); /* in the warm phase */
    interrupted(true, 1);
    interrupted(true, 9);
}

static void stopped_before_it_began(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    s.stop = SIGTERM;
    assert_int_equal(load_round(&s.job, 0, &s.summary, &s.e), -1);
    assert_int_equal(s.e.code, ERROR_INTERRUPTED);
    assert_int_equal(s.fake.count, 0);
    scene_end(&s);
}

/* A stop that somebody else left behind in the loop does not cut a phase short. */
static void stale_stop_is_harmless(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    loop_stop(s.job.loop);
    run_round(&s, 0);
    assert_int_equal(s.series.count, 30);
    assert_samples_are_calls(&s);
    for (size_t i = 0; i < s.fake.count; i++)
        assert_int_equal(s.fake.calls[i].under_way + s.fake.calls[i].other_side, 0);
    scene_end(&s);
}

/* ---- answers ---- */

static void unexpected_answer_is_an_error(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    s.events[0].expect = (struct plan_expect){"statusCode", "200"};
    s.fake.answer = "{\"statusCode\": 500}";
    run_round(&s, 0);
    for (size_t i = 0; i < s.series.count; i++)
        assert_int_equal(s.series.items[i].status,
                         s.series.items[i].event ? SAMPLE_OK : SAMPLE_FUNCTION_ERROR);
    assert_string_equal(s.summary.detail, "the answer is not the expected one");
    scene_end(&s);
}

static void expectations(void **state)
{
    (void)state;
    static const struct {
        const char *path, *equals, *answer;
        bool good;
    } rows[] = {
        {NULL, NULL, "anything", true},
        {NULL, NULL, "", true},
        {"statusCode", "200", "{\"statusCode\":200}", true},
        {"statusCode", "200", "{ \"statusCode\" : 200.0 }", true},
        {"statusCode", "200", "{\"statusCode\":\"200\"}", false},
        {"statusCode", "200", "{\"statuscode\":200}", false},
        {"statusCode", "200", "{}", false},
        {"statusCode", "200", "", false},
        {"statusCode", "200", "null", false},
        {"statusCode", "200", "{\"statusCode\":200", false},
        {"statusCode", "200", "{\"statusCode\":200} x", false},
        {"items.1.id", "\"b\"", "{\"items\":[{\"id\":\"a\"},{\"id\":\"b\"}]}", true},
        {"items.2.id", "\"b\"", "{\"items\":[{\"id\":\"a\"},{\"id\":\"b\"}]}", false},
        {"ok", "true", "{\"ok\":true}", true},
        {"ok", "true", "{\"ok\":1}", false},
        {"v", "null", "{\"v\":null}", true},
        {"v", "null", "{}", false},
        {"v", "[1,2]", "{\"v\": [ 1, 2 ]}", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct plan_expect expect = {rows[i].path, rows[i].equals};
        if (load_expected(&expect, rows[i].answer, strlen(rows[i].answer)) != rows[i].good)
            fail_msg("%s: %s", rows[i].path, rows[i].answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alternating),
        cmocka_unit_test(renews_both_sides_before_each_block),
        cmocka_unit_test(order_comes_from_the_seed),
        cmocka_unit_test(lanes_start_cold_together),
        cmocka_unit_test(closed_loop_takes_turns),
        cmocka_unit_test(closed_loop_apart_runs_both),
        cmocka_unit_test(open_loop_sends_when_due),
        cmocka_unit_test(open_loop_takes_turns_on_one_machine),
        cmocka_unit_test(open_loop_keeps_the_concurrency_limit),
        cmocka_unit_test(open_loop_without_arrivals),
        cmocka_unit_test(missing_cold_start_drops_the_round),
        cmocka_unit_test(kept_environments),
        cmocka_unit_test(warm_up),
        cmocka_unit_test(failures_are_recorded),
        cmocka_unit_test(some_unanswered),
        cmocka_unit_test(nothing_answered_is_an_error),
        cmocka_unit_test(no_fresh_environments_is_an_error),
        cmocka_unit_test(stop_interrupts),
        cmocka_unit_test(stopped_before_it_began),
        cmocka_unit_test(stale_stop_is_harmless),
        cmocka_unit_test(unexpected_answer_is_an_error),
        cmocka_unit_test(expectations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
