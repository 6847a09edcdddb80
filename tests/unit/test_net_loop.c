#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "net/loop.h"
#include "os/clock.h"

/* One fixture for all: a loop, a pipe, and what happened. */
struct stage {
    struct loop *loop;
    struct loop_watch *watch, *other;
    struct loop_timer *timers[3];
    int fds[2];
    int calls, events;
    char order[64];
};

static int set_up(void **state)
{
    struct stage *s = xcalloc(1, sizeof *s);
    s->loop = loop_new(NULL);
    assert_non_null(s->loop);
    assert_int_equal(pipe(s->fds), 0);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    loop_watch_free(s->watch);
    loop_watch_free(s->other);
    for (size_t i = 0; i < ARRAY_LEN(s->timers); i++)
        loop_timer_free(s->timers[i]);
    loop_free(s->loop);
    close(s->fds[0]);
    close(s->fds[1]);
    free(s);
    return 0;
}

static void note(struct stage *s, char c)
{
    s->order[strlen(s->order)] = c;
}

static void stop(void *context)
{
    struct stage *s = context;
    loop_stop(s->loop);
}

struct rounds {
    struct loop *loop;
    struct loop_timer *timer;
    int left;
};

static void end_of_round(void *context)
{
    struct rounds *r = context;
    if (--r->left)
        loop_timer_set(r->timer, 0);
    else
        loop_stop(r->loop);
}

/* Goes round the loop a few times: all that is ready gets its call, however slow the machine is. */
static void run_briefly(struct stage *s)
{
    struct rounds r = {s->loop, NULL, 10};
    r.timer = loop_timer_new(s->loop, end_of_round, &r);
    loop_timer_set(r.timer, 0);
    loop_run(s->loop);
    loop_timer_free(r.timer);
}

/* --- descriptors --- */

static void count_io(void *context, int events)
{
    struct stage *s = context;
    s->calls++;
    s->events |= events;
    loop_stop(s->loop);
}

static void read_is_level_triggered(void **state)
{
    struct stage *s = *state;
    s->watch = loop_watch_new(s->loop, s->fds[0], count_io, s);
    assert_int_equal(write(s->fds[1], "ab", 2), 2);
    run_briefly(s);
    assert_int_equal(s->calls, 0); /* nothing is waited for yet */
    loop_watch_set(s->watch, LOOP_READ);
    loop_watch_set(s->watch, LOOP_READ);
    loop_run(s->loop);
    loop_run(s->loop);
    assert_int_equal(s->calls, 2); /* nobody read the bytes */
    assert_int_equal(s->events, LOOP_READ);
    loop_watch_set(s->watch, 0);
    run_briefly(s);
    assert_int_equal(s->calls, 2);
}

static void write_and_changes_of_mind(void **state)
{
    struct stage *s = *state;
    s->watch = loop_watch_new(s->loop, s->fds[1], count_io, s);
    loop_watch_set(s->watch, LOOP_READ);
    loop_watch_set(s->watch, LOOP_WRITE);
    loop_run(s->loop);
    assert_int_equal(s->events, LOOP_WRITE);
}

static void hang_up_wakes_the_reader(void **state)
{
    struct stage *s = *state;
    s->watch = loop_watch_new(s->loop, s->fds[0], count_io, s);
    loop_watch_set(s->watch, LOOP_READ);
    close(s->fds[1]);
    s->fds[1] = dup(s->fds[0]);
    loop_run(s->loop);
    assert_int_equal(s->events, LOOP_READ);
}

static void free_both_watches(void *context, int events)
{
    struct stage *s = context;
    (void)events;
    s->calls++;
    loop_watch_free(s->watch);
    loop_watch_free(s->other);
    s->watch = s->other = NULL;
}

/* Whichever comes first frees itself and the other, which is ready too. */
static void watches_are_freed_inside_callbacks(void **state)
{
    struct stage *s = *state;
    int more[2];
    assert_int_equal(pipe(more), 0);
    assert_int_equal(write(s->fds[1], "a", 1) + write(more[1], "b", 1), 2);
    s->watch = loop_watch_new(s->loop, s->fds[0], free_both_watches, s);
    s->other = loop_watch_new(s->loop, more[0], free_both_watches, s);
    loop_watch_set(s->watch, LOOP_READ);
    loop_watch_set(s->other, LOOP_READ);
    run_briefly(s);
    assert_int_equal(s->calls, 1);
    close(more[0]);
    close(more[1]);
}

static void what_cannot_be_watched_is_called_ready(void **state)
{
    struct stage *s = *state;
    int gone = dup(s->fds[0]);
    close(gone);
    s->watch = loop_watch_new(s->loop, gone, count_io, s);
    loop_watch_set(s->watch, LOOP_READ);
    loop_run(s->loop);
    assert_int_equal(s->calls, 1);
}

/* --- timers --- */

static void note_a(void *context)
{
    note(context, 'a');
}

static void note_b(void *context)
{
    note(context, 'b');
}

static void note_c(void *context)
{
    note(context, 'c');
}

static void timers_fire_in_order(void **state)
{
    struct stage *s = *state;
    uint64_t now = clock_now_ns();
    s->timers[0] = loop_timer_new(s->loop, note_a, s);
    s->timers[1] = loop_timer_new(s->loop, note_b, s);
    s->timers[2] = loop_timer_new(s->loop, note_c, s);
    loop_timer_set(s->timers[2], now - 100);
    loop_timer_set(s->timers[1], now - 200);
    loop_timer_set(s->timers[0], now - 100); /* as c, but set later */
    run_briefly(s);
    assert_string_equal(s->order, "bca");
}

static void timers_move_and_are_cancelled(void **state)
{
    struct stage *s = *state;
    uint64_t now = clock_now_ns();
    s->timers[0] = loop_timer_new(s->loop, note_a, s);
    s->timers[1] = loop_timer_new(s->loop, note_b, s);
    s->timers[2] = loop_timer_new(s->loop, note_c, s);
    loop_timer_cancel(s->timers[0]); /* was never set */
    loop_timer_set(s->timers[0], now);
    loop_timer_set(s->timers[1], now + 1);
    loop_timer_set(s->timers[2], now + 2);
    loop_timer_set(s->timers[0], now + 3);
    loop_timer_cancel(s->timers[1]);
    run_briefly(s);
    assert_string_equal(s->order, "ca");
    run_briefly(s);
    assert_string_equal(s->order, "ca"); /* once only */
}

static void never_early(void **state)
{
    struct stage *s = *state;
    s->timers[0] = loop_timer_new(s->loop, stop, s);
    for (int i = 0; i < 20; i++) {
        uint64_t at_ns = clock_now_ns() + 300000;
        loop_timer_set(s->timers[0], at_ns);
        loop_run(s->loop);
        assert_true(clock_now_ns() >= at_ns);
    }
}

/* The tick is armed for the cancelled one: it must still come for the next. */
static void later_timer_survives_a_cancelled_one(void **state)
{
    struct stage *s = *state;
    uint64_t now = clock_now_ns();
    s->timers[0] = loop_timer_new(s->loop, note_a, s);
    s->timers[1] = loop_timer_new(s->loop, stop, s);
    loop_timer_set(s->timers[0], now + NS_PER_MS);
    loop_timer_set(s->timers[1], now + 2 * NS_PER_MS);
    loop_timer_cancel(s->timers[0]);
    loop_run(s->loop);
    assert_string_equal(s->order, "");
    assert_true(clock_now_ns() >= now + 2 * NS_PER_MS);
}

static void free_two_timers(void *context)
{
    struct stage *s = context;
    s->calls++;
    loop_timer_free(s->timers[0]);
    loop_timer_free(s->timers[1]);
    s->timers[0] = s->timers[1] = NULL;
}

static void timers_are_freed_inside_callbacks(void **state)
{
    struct stage *s = *state;
    s->timers[0] = loop_timer_new(s->loop, free_two_timers, s);
    s->timers[1] = loop_timer_new(s->loop, free_two_timers, s);
    loop_timer_set(s->timers[0], 1);
    loop_timer_set(s->timers[1], 1);
    run_briefly(s);
    assert_int_equal(s->calls, 1);
}

static void again_at_once(void *context)
{
    struct stage *s = context;
    s->calls++;
    note(s, s->calls < 4 ? 'a' : '.');
    if (s->calls < 40)
        loop_timer_set(s->timers[0], 1);
}

/* A timer that always wants to run at once must let the other timer and the descriptor in. */
static void no_timer_starves_the_rest(void **state)
{
    struct stage *s = *state;
    s->timers[0] = loop_timer_new(s->loop, again_at_once, s);
    s->timers[1] = loop_timer_new(s->loop, note_b, s);
    s->watch = loop_watch_new(s->loop, s->fds[0], count_io, s);
    assert_int_equal(write(s->fds[1], "x", 1), 1);
    loop_watch_set(s->watch, LOOP_READ);
    loop_timer_set(s->timers[0], 1);
    loop_timer_set(s->timers[1], 2);
    loop_run(s->loop); /* until the descriptor stops it */
    assert_int_equal(s->events, LOOP_READ);
    assert_true(s->calls < 40);
    loop_watch_set(s->watch, 0);
    run_briefly(s);
    assert_memory_equal(s->order, "ab", 2);
}

enum { CROWD = 500 };

struct crowd {
    struct loop *loop;
    struct loop_timer *timers[CROWD];
    uint64_t at_ns[CROWD];
    bool cancelled[CROWD];
    uint64_t last_ns;
    size_t fired, expected;
};

struct member {
    struct crowd *crowd;
    size_t index;
};

static void fire_member(void *context)
{
    struct member *m = context;
    struct crowd *c = m->crowd;
    assert_false(c->cancelled[m->index]);
    assert_true(c->at_ns[m->index] >= c->last_ns);
    c->last_ns = c->at_ns[m->index];
    if (++c->fired == c->expected)
        loop_stop(c->loop);
}

/* Random times, moves and cancels: the rest fires in order, each once. */
static void a_crowd_of_timers_keeps_order(void **state)
{
    struct stage *s = *state;
    struct crowd *c = xcalloc(1, sizeof *c);
    struct member members[CROWD];
    struct rng rng;
    rng_seed(&rng, 7, 0);
    uint64_t now = clock_now_ns();
    c->loop = s->loop;
    for (size_t i = 0; i < CROWD; i++) {
        members[i] = (struct member){c, i};
        c->timers[i] = loop_timer_new(s->loop, fire_member, &members[i]);
        loop_timer_set(c->timers[i], now + rng_below(&rng, 3 * NS_PER_MS));
    }
    for (size_t i = 0; i < CROWD; i++) {
        size_t j = (size_t)rng_below(&rng, CROWD);
        c->at_ns[i] = now + rng_below(&rng, 3 * NS_PER_MS);
        loop_timer_set(c->timers[i], c->at_ns[i]);
        c->cancelled[j] = j <= i && (c->cancelled[j] || rng_below(&rng, 2));
        if (c->cancelled[j])
            loop_timer_cancel(c->timers[j]);
    }
    for (size_t i = 0; i < CROWD; i++)
        c->expected += !c->cancelled[i];
    loop_run(s->loop);
    assert_int_equal(c->fired, c->expected);
    for (size_t i = 0; i < CROWD; i++)
        loop_timer_free(c->timers[i]);
    free(c);
}

/* --- stopping --- */

static void stop_and_note(void *context)
{
    note(context, 's');
    stop(context);
}

static void stop_keeps_the_rest_for_the_next_run(void **state)
{
    struct stage *s = *state;
    s->timers[0] = loop_timer_new(s->loop, stop_and_note, s);
    s->timers[1] = loop_timer_new(s->loop, stop_and_note, s);
    loop_timer_set(s->timers[0], 1);
    loop_timer_set(s->timers[1], 2);
    loop_run(s->loop);
    assert_string_equal(s->order, "s");
    loop_run(s->loop);
    assert_string_equal(s->order, "ss");
}

static void a_stop_before_the_run_is_not_lost(void **state)
{
    struct stage *s = *state;
    loop_stop(s->loop);
    loop_run(s->loop); /* returns at once, though nothing would ever wake it */
    s->timers[0] = loop_timer_new(s->loop, stop_and_note, s);
    loop_timer_set(s->timers[0], 1);
    loop_run(s->loop); /* and counts once */
    assert_string_equal(s->order, "s");
}

static void says_that_descriptors_are_out(void **state)
{
    (void)state;
    struct error e = {0};
    struct rlimit before, none;
    int next = dup(0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct loop *l = loop_new(&e);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_null(l);
    assert_int_equal(e.code, ERROR_SYSTEM);
    assert_non_null(strstr(e.text, "open files"));
}

static void frees_accept_null(void **state)
{
    (void)state;
    loop_free(NULL);
    loop_watch_free(NULL);
    loop_timer_free(NULL);
}

/* --- exact timers --- */

struct alarm {
    struct stage *stage;
    char name;
    uint64_t due_ns;
};

static void ring(void *context)
{
    struct alarm *a = context;
    assert_true(clock_now_ns() >= a->due_ns);
    note(a->stage, a->name);
    if (a->name == 'z')
        loop_stop(a->stage->loop);
}

/* Ordinary and exact ones within the time that the loop is awake: the times decide, as always. */
static void exact_timers_keep_the_order_and_are_never_early(void **state)
{
    struct stage *s = *state;
    static const struct {
        char name;
        bool exact;
        uint64_t after_ns;
    } rows[] = {{'c', true, NS_PER_MS + LOOP_AWAKE_NS / 2},
                {'b', false, NS_PER_MS + LOOP_AWAKE_NS / 4},
                {'z', true, 2 * NS_PER_MS},
                {'a', true, 0}};
    struct alarm alarms[ARRAY_LEN(rows)];
    struct loop_timer *timers[ARRAY_LEN(rows)];
    uint64_t start = clock_now_ns();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        alarms[i] = (struct alarm){s, rows[i].name, start + rows[i].after_ns};
        timers[i] = loop_timer_new(s->loop, ring, &alarms[i]);
        if (rows[i].exact)
            loop_timer_set_exact(timers[i], alarms[i].due_ns);
        else
            loop_timer_set(timers[i], alarms[i].due_ns);
    }
    loop_run(s->loop);
    assert_string_equal(s->order, "abcz");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        loop_timer_free(timers[i]);
}

static void take_back(void *context)
{
    struct stage *s = context;
    note(s, 't');
    loop_timer_cancel(s->timers[0]);
}

/* The loop, awake for a timer that is then cancelled or moved, must go back to sleep and wake. */
static void exact_timers_are_cancelled_and_moved(void **state)
{
    struct stage *s = *state;
    uint64_t start = clock_now_ns();
    struct alarm never = {s, 'n', start}, moved = {s, 'z', start + 3 * NS_PER_MS};
    s->timers[0] = loop_timer_new(s->loop, ring, &never);
    s->timers[1] = loop_timer_new(s->loop, take_back, s);
    s->timers[2] = loop_timer_new(s->loop, ring, &moved);
    loop_timer_set(s->timers[1], start + NS_PER_MS);
    loop_timer_set_exact(s->timers[0], start + NS_PER_MS + 1);
    loop_timer_set_exact(s->timers[2], start + NS_PER_MS + 2);
    loop_timer_set(s->timers[2], moved.due_ns);
    loop_run(s->loop);
    assert_string_equal(s->order, "tz");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void a_pause_lasts_or_is_ended(void **state)
{
    struct stage *s = *state;
    struct loop_timer *timer = loop_timer_new(s->loop, note_a, s);
    uint64_t start = clock_now_ns();
    loop_timer_set(timer, start + 5 * NS_PER_MS);
    assert_true(loop_pause(s->loop, 20 * NS_PER_MS));
    assert_true(clock_now_ns() - start >= 20 * NS_PER_MS);
    assert_string_equal(s->order, "a"); /* what else is due is done in the meantime */
    loop_timer_free(timer);

    timer = loop_timer_new(s->loop, stop, s);
    loop_timer_set(timer, clock_now_ns() + 5 * NS_PER_MS);
    assert_false(loop_pause(s->loop, 3600 * NS_PER_S));
    loop_timer_free(timer);

    loop_stop(s->loop); /* before it began: not lost */
    assert_false(loop_pause(s->loop, 3600 * NS_PER_S));
    assert_true(loop_pause(s->loop, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(read_is_level_triggered),
        TEST(write_and_changes_of_mind),
        TEST(hang_up_wakes_the_reader),
        TEST(watches_are_freed_inside_callbacks),
        TEST(what_cannot_be_watched_is_called_ready),
        TEST(timers_fire_in_order),
        TEST(timers_move_and_are_cancelled),
        TEST(never_early),
        TEST(a_pause_lasts_or_is_ended),
        TEST(later_timer_survives_a_cancelled_one),
        TEST(timers_are_freed_inside_callbacks),
        TEST(exact_timers_keep_the_order_and_are_never_early),
        TEST(exact_timers_are_cancelled_and_moved),
        TEST(no_timer_starves_the_rest),
        TEST(a_crowd_of_timers_keeps_order),
        TEST(stop_keeps_the_rest_for_the_next_run),
        TEST(a_stop_before_the_run_is_not_lost),
        TEST(says_that_descriptors_are_out),
        TEST(frees_accept_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
