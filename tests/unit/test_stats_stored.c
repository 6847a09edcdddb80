/*
 * Effects against sessions of another day: known answers, what is undefined, and how often the
 * bounds err when sessions differ.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "stats/stored.h"
#include "stats_table.h"

enum { SESSIONS_MAX = 8 };

static const struct statistic p99 = {STATISTIC_QUANTILE, .99};
static const struct statistic mean = {STATISTIC_MEAN, 0};
static const struct statistic middle = {STATISTIC_MIDDLE, 0};

/* Stored sessions and the candidate's. */
struct sessions {
    struct rounds stored[SESSIONS_MAX];
    struct rounds *list[SESSIONS_MAX];
    size_t count;
    struct rounds candidate;
};

static void sessions_init(struct sessions *s, size_t count)
{
    *s = (struct sessions){.count = count};
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        s->list[i] = &s->stored[i];
}

static void sessions_release(struct sessions *s)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        rounds_release(&s->stored[i]);
    rounds_release(&s->candidate);
}

static struct effects effects_of(struct sessions *s, struct statistic statistic,
                                 struct session_noise noise)
{
    return effects_stored(s->list, s->count, &s->candidate, statistic, &noise);
}

/* The same samples as session_samples() in scripts/make-stats-tables.py. */
static void example_session(struct rounds *out, size_t rounds, int session)
{
    int64_t state = 777 + session;
    for (size_t r = 0; r < rounds; r++) {
        double values[128];
        size_t count = 100 + 7 * (r % 3);
        for (size_t i = 0; i < count; i++) {
            state = (state * 1103515245 + 12345) % (INT64_C(1) << 31);
            double u = ((double)state + 0.5) / 2147483648.0;
            double shape = (1 + 0.1 * sin((double)r + session)) * (1 + 0.05 * sin(3.0 * session));
            values[i] = 40 * shape * (1 + 2 * u * u * u);
        }
        assert_int_equal(rounds_add(out, values, count, NULL), 0);
    }
}

static void check_case(const struct stats_case *c)
{
    struct sessions s;
    sessions_init(&s, (size_t)c->x[0]);
    for (size_t i = 0; i < s.count; i++)
        example_session(&s.stored[i], 12 + i % 3, (int)i);
    example_session(&s.candidate, (size_t)c->x[1], 40);
    struct statistic statistic = {c->x[2] > 0 ? STATISTIC_QUANTILE : STATISTIC_MEAN, c->x[2]};
    struct session_noise noise = {.sd = c->x[3], .scatter = c->x[3] == 0};
    struct effects all = effects_of(&s, statistic, noise);
    const struct effect *e = c->x[4] > 0 ? &all.difference : &all.ratio;
    assert_int_equal(e->state, EFFECT_DEFINED);
    assert_true(stats_near(e->estimate, c->x[5], 1e-9));
    assert_true(stats_near(e->se, c->x[6], 1e-8));
    assert_true(stats_near(e->df, c->x[7], 1e-7));
    sessions_release(&s);
}

static void matches_scipy(void **state)
{
    (void)state;
    assert_int_equal(stats_table_each("stored.txt", check_case), 5 * 3 * 2);
}

/* ---- sessions that differ by chance ---- */

struct world {
    uint64_t seed, stream;
    double session_sd; /* of ln(level) between sessions */
    double unit;       /* all values so many times as large */
    double slower;     /* the candidate */
    size_t rounds;
};

static void draw_session(struct rounds *out, const struct world *w, struct rng *rng, double factor)
{
    double level = w->unit * factor * exp(w->session_sd * rng_normal(rng));
    for (size_t r = 0; r < w->rounds; r++) {
        double values[50];
        double round = exp(.03 * rng_normal(rng));
        for (size_t i = 0; i < ARRAY_LEN(values); i++)
            values[i] = level * round * exp(.2 * rng_normal(rng));
        assert_int_equal(rounds_add(out, values, ARRAY_LEN(values), NULL), 0);
    }
}

static void draw(struct sessions *s, const struct world *w, size_t count)
{
    struct rng rng;
    rng_seed(&rng, w->seed, w->stream);
    sessions_init(s, count);
    for (size_t i = 0; i < count; i++)
        draw_session(&s->stored[i], w, &rng, 1);
    draw_session(&s->candidate, w, &rng, w->slower);
}

static const struct world plain = {
    .seed = 4, .session_sd = .05, .unit = 1, .slower = 1.2, .rounds = 24};

static void unit_of_time_does_not_matter(void **state)
{
    (void)state;
    const struct statistic all[] = {p99, mean, middle};
    struct world larger = plain;
    larger.unit = 1e6;
    for (size_t count = 1; count <= 6; count += 5)
        for (size_t i = 0; i < ARRAY_LEN(all); i++) {
            struct sessions a, b;
            draw(&a, &plain, count);
            draw(&b, &larger, count);
            struct session_noise noise = {.05, true};
            struct effects ms = effects_of(&a, all[i], noise), ns = effects_of(&b, all[i], noise);
            assert_true(stats_near(ns.ratio.estimate, ms.ratio.estimate, 1e-9));
            assert_true(stats_near(ns.ratio.se, ms.ratio.se, 1e-9));
            assert_true(stats_near(ns.ratio.df, ms.ratio.df, 1e-7));
            assert_true(stats_near(ns.difference.estimate, 1e6 * ms.difference.estimate, 1e-9));
            assert_true(stats_near(ns.difference.se, 1e6 * ms.difference.se, 1e-9));
            assert_true(fabs(ns.level.estimate - ms.level.estimate - log(1e6)) < 1e-10);
            assert_true(stats_near(ns.level.se, ms.level.se, 1e-9));
            sessions_release(&a);
            sessions_release(&b);
        }
}

static void swapping_the_files_mirrors(void **state)
{
    (void)state;
    const struct statistic all[] = {p99, mean, middle};
    const struct session_noise noise = {.sd = .05};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct sessions s;
        draw(&s, &plain, 1);
        struct rounds *candidate = &s.candidate;
        struct effects there = effects_of(&s, all[i], noise);
        struct effects back = effects_stored(&candidate, 1, &s.stored[0], all[i], &noise);
        assert_true(stats_near(back.ratio.estimate, -there.ratio.estimate, 1e-12));
        assert_true(stats_near(back.ratio.se, there.ratio.se, 1e-12));
        assert_true(stats_near(back.ratio.df, there.ratio.df, 1e-9));
        assert_true(stats_near(back.difference.estimate, -there.difference.estimate, 1e-12));
        assert_true(stats_near(back.difference.se, there.difference.se, 1e-12));
        assert_true(stats_near(back.ratio.baseline, there.ratio.candidate, 1e-12));
        sessions_release(&s);
    }
}

static void order_of_the_sessions_does_not_matter(void **state)
{
    (void)state;
    struct sessions s;
    draw(&s, &plain, 6);
    struct effects there = effects_of(&s, p99, (struct session_noise){.05, true});
    for (size_t i = 0; i < 3; i++) {
        struct rounds *kept = s.list[i];
        s.list[i] = s.list[5 - i];
        s.list[5 - i] = kept;
    }
    struct effects back = effects_of(&s, p99, (struct session_noise){.05, true});
    assert_true(stats_near(back.ratio.estimate, there.ratio.estimate, 1e-9));
    assert_true(stats_near(back.ratio.se, there.ratio.se, 1e-9));
    sessions_release(&s);
}

/* However many rounds: what two sessions may differ by stays. */
static void rounds_do_not_buy_certainty(void **state)
{
    (void)state;
    struct world w = plain;
    w.rounds = 400;
    struct sessions s;
    draw(&s, &w, 1);
    struct effects e = effects_of(&s, mean, (struct session_noise){.sd = .05});
    assert_true(e.ratio.se > .05 * sqrt(2));
    assert_true(e.ratio.se < .05 * sqrt(2) * 1.01);
    assert_true(effects_paired(&s.stored[0], &s.candidate, mean).ratio.se < .01);
    sessions_release(&s);
}

/* ---- what there is no estimate for ---- */

static void assert_undefined(struct effects e, enum effect_state state)
{
    const struct effect *all[] = {&e.ratio, &e.difference, &e.level};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_int_equal(all[i]->state, state);
        assert_true(effect_lower(all[i], .01) == -INFINITY);
        assert_true(effect_upper(all[i], .01) == INFINITY);
    }
}

static void what_is_missing_is_undefined(void **state)
{
    (void)state;
    struct sessions s;
    draw(&s, &plain, 2);
    assert_undefined(effects_stored(s.list, 0, &s.candidate, mean, &(struct session_noise){.05, 0}),
                     EFFECT_UNDEFINED);
    const double no_noise[] = {0, -.05, NAN, INFINITY};
    for (size_t i = 0; i < ARRAY_LEN(no_noise); i++)
        assert_undefined(effects_of(&s, mean, (struct session_noise){.sd = no_noise[i]}),
                         EFFECT_UNDEFINED);
    s.list[1] = &s.stored[2]; /* a session without rounds */
    assert_undefined(effects_of(&s, mean, (struct session_noise){.sd = .05}), EFFECT_FEW_ROUNDS);
    s.list[1] = &s.stored[1];
    example_session(&s.stored[2], 4, 2);
    s.list[1] = &s.stored[2];
    assert_undefined(effects_of(&s, mean, (struct session_noise){.sd = .05}), EFFECT_FEW_ROUNDS);
    example_session(&s.stored[2], 2, 2); /* 6 rounds, about 600 calls */
    assert_int_equal(effects_of(&s, mean, (struct session_noise){.sd = .05}).ratio.state,
                     EFFECT_DEFINED);
    assert_undefined(effects_of(&s, p99, (struct session_noise){.sd = .05}), EFFECT_FEW_SAMPLES);
    assert_undefined(effects_of(&s, (struct statistic){STATISTIC_QUANTILE, NAN},
                                (struct session_noise){.sd = .05}),
                     EFFECT_UNDEFINED);
    sessions_release(&s);
}

/* The scatter of few sessions is worth nothing: then the assumption holds, if there is one. */
static void scatter_needs_five_sessions(void **state)
{
    (void)state;
    struct sessions s;
    draw(&s, &plain, 4);
    struct effects assumed = effects_of(&s, mean, (struct session_noise){.05, false});
    struct effects wanted = effects_of(&s, mean, (struct session_noise){.05, true});
    assert_true(assumed.ratio.se == wanted.ratio.se && assumed.ratio.df == wanted.ratio.df);
    assert_undefined(effects_of(&s, mean, (struct session_noise){0, true}), EFFECT_UNDEFINED);
    sessions_release(&s);
    draw(&s, &plain, 5);
    struct effects scatter = effects_of(&s, mean, (struct session_noise){0, true});
    assert_int_equal(scatter.ratio.state, EFFECT_DEFINED);
    assert_true(scatter.ratio.df >= 4 && scatter.ratio.df < 8);
    sessions_release(&s);
}

/* Sessions that agree to the last digit are no more than five sessions. */
static void no_scatter_needs_the_floor(void **state)
{
    (void)state;
    struct sessions s;
    sessions_init(&s, 5);
    const double value = 88;
    for (int r = 0; r < 10; r++) {
        for (size_t i = 0; i < 5; i++)
            assert_int_equal(rounds_add(&s.stored[i], &value, 1, NULL), 0);
        assert_int_equal(rounds_add(&s.candidate, &value, 1, NULL), 0);
    }
    struct effect e = effects_of(&s, mean, (struct session_noise){0, true}).ratio;
    assert_int_equal(e.state, EFFECT_DEFINED);
    e.se = 0; /* what rounding left of the sums */
    assert_true(effect_upper(&e, .01) == INFINITY);
    assert_true(effect_with_floor(e, .005).df <= 4);
    sessions_release(&s);
}

/* ---- how often the bounds err ---- */

enum { RUNS = 500 };

struct alarms {
    unsigned paired;  /* both files taken for one run */
    unsigned stored;  /* one session, the true sd known */
    unsigned scatter; /* six sessions, nothing known */
};

/* Nothing changed: how many of the runs put the lower 5 % bound above no change. */
static struct alarms false_alarms(double session_sd, struct statistic statistic)
{
    struct alarms n = {0};
    for (uint64_t i = 0; i < RUNS; i++) {
        struct world w = plain;
        w.session_sd = session_sd;
        w.slower = 1;
        w.stream = i;
        struct sessions s;
        draw(&s, &w, 6);
        struct session_noise known = {.sd = session_sd}, unknown = {.scatter = true};
        struct effects paired = effects_paired(&s.stored[0], &s.candidate, statistic);
        struct effects one = effects_stored(s.list, 1, &s.candidate, statistic, &known);
        struct effects six = effects_of(&s, statistic, unknown);
        n.paired += effect_lower(&paired.ratio, .05) > 0;
        n.stored += effect_lower(&one.ratio, .05) > 0;
        n.scatter += effect_lower(&six.ratio, .05) > 0;
        sessions_release(&s);
    }
    return n;
}

static void bounds_err_as_often_as_they_say(void **state)
{
    (void)state;
    const struct statistic all[] = {{STATISTIC_QUANTILE, .95}, mean, middle};
    const double sds[] = {.02, .05};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        for (size_t k = 0; k < ARRAY_LEN(sds); k++) {
            struct alarms n = false_alarms(sds[k], all[i]);
            /* 25 expected; 8 .. 46 holds with probability 0.9999 */
            bool honest = n.stored >= 8 && n.stored <= 46 && n.scatter >= 8 && n.scatter <= 46;
            if (!honest || n.paired < 60)
                fail_msg("statistic %zu, sd %g: paired %u, stored %u, scatter %u of %d", i, sds[k],
                         n.paired, n.stored, n.scatter, RUNS);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_scipy),
        cmocka_unit_test(unit_of_time_does_not_matter),
        cmocka_unit_test(swapping_the_files_mirrors),
        cmocka_unit_test(order_of_the_sessions_does_not_matter),
        cmocka_unit_test(rounds_do_not_buy_certainty),
        cmocka_unit_test(what_is_missing_is_undefined),
        cmocka_unit_test(scatter_needs_five_sessions),
        cmocka_unit_test(no_scatter_needs_the_floor),
        cmocka_unit_test(bounds_err_as_often_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
