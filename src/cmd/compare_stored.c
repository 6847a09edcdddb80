/* compare --baseline-samples: a candidate against measurements of another day. */
#include "cmd/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cmd/command.h"
#include "cmd/measurement.h"
#include "gate/judge.h"
#include "stats/stored.h"

/*
 * How far the level of the same code differs between two sessions, as a standard deviation, where
 * nobody has measured it (docs/statistics.md says why). A target that is not listed, or not known:
 * the largest of them.
 */
static const struct {
    const char *target;
    double sd;
} assumed_noise[] = {{"aws", .05}, {"endpoint", .05}};
static const double assumed_noise_elsewhere = .10;

enum { DAY_LENGTH = 10 /* of "2026-11-24T01:15:33Z" */ };

/* The new measurement is the last of all. */
struct comparison {
    const struct compare_args *args;
    const struct plan *plan;
    struct result *result;
    struct measurement *all;
    size_t stored;
    const char *region;
};

static const struct measurement *candidate_of(const struct comparison *c)
{
    return &c->all[c->stored];
}

/* ---- what the sessions are known to be ---- */

static const char *started(const struct measurement *m)
{
    const char *at = m->run ? m->run->started : NULL;
    return at && strlen(at) >= DAY_LENGTH ? at : NULL;
}

/* The stored session that was measured last; the first one where no dates are known. */
static const struct measurement *newest(const struct comparison *c)
{
    const struct measurement *best = &c->all[0];
    for (size_t i = 1; i < c->stored; i++) {
        const char *at = started(&c->all[i]), *before = started(best);
        if (at && (!before || strcmp(at, before) > 0))
            best = &c->all[i];
    }
    return best;
}

static bool same_day(const struct measurement *a, const struct measurement *b)
{
    return started(a) && started(b) && !strncmp(started(a), started(b), DAY_LENGTH);
}

static unsigned known_days(const struct comparison *c)
{
    unsigned days = 0;
    for (size_t i = 0; i < c->stored; i++) {
        bool seen = !started(&c->all[i]);
        for (size_t k = 0; k < i && !seen; k++)
            seen = same_day(&c->all[i], &c->all[k]);
        days += !seen;
    }
    return days;
}

/* "2026-11-02T08:15:00Z", or from the first to the last; NULL when no date is known. */
static const char *measured_text(const struct comparison *c)
{
    const char *first = NULL, *last = started(newest(c));
    for (size_t i = 0; i < c->stored; i++) {
        const char *at = started(&c->all[i]);
        if (at && (!first || strcmp(at, first) < 0))
            first = at;
    }
    if (!first || !strcmp(first, last))
        return first ? arena_strdup(&c->result->arena, first) : NULL;
    return arena_printf(&c->result->arena, "%s to %s", first, last);
}

static double assumed_sd(const struct comparison *c)
{
    const struct result *run = candidate_of(c)->run;
    for (size_t i = 0; run && run->target.kind && i < ARRAY_LEN(assumed_noise); i++)
        if (!strcmp(run->target.kind, assumed_noise[i].target))
            return assumed_noise[i].sd;
    return assumed_noise_elsewhere;
}

static struct session_noise noise_of(const struct comparison *c)
{
    if (c->args->session_noise > 0)
        return (struct session_noise){.sd = c->args->session_noise / 100};
    return (struct session_noise){.sd = assumed_sd(c),
                                  .scatter = known_days(c) >= STORED_SESSIONS_MIN};
}

/* ---- what the report is to warn of ---- */

static void note(struct gate *g, char *text)
{
    gate_note(g, text);
    free(text);
}

static void note_unknown(const struct comparison *c, struct gate *g)
{
    size_t unknown = 0;
    const char *first = NULL;
    for (size_t i = c->stored + 1; i-- > 0;)
        if (!c->all[i].run) {
            unknown++;
            first = c->all[i].path;
        }
    if (unknown)
        note(g, xasprintf("%zu of %zu samples files, such as %s, have no result.json of their run "
                          "beside them: when they were measured, and whether on the same "
                          "architecture and target, is not known",
                          unknown, c->stored + 1, first));
}

static void note_days(const struct comparison *c, struct gate *g)
{
    if (c->args->session_noise > 0 || c->stored < STORED_SESSIONS_MIN ||
        known_days(c) >= STORED_SESSIONS_MIN)
        return;
    note(g, xasprintf("the %zu stored measurements are of %u different days that are known: their "
                      "scatter does not show how days differ and was not used",
                      c->stored, known_days(c)));
}

static bool differs(const char *a, const char *b)
{
    return a && b && strcmp(a, b) != 0;
}

/* What a change is mixed with, or was charged with, though the numbers can be compared. */
static void note_differences(const struct comparison *c, struct gate *g, const char *function)
{
    const struct measurement *now = candidate_of(c), *first = newest(c);
    const struct result_function *of_now = measurement_function(now, function);
    for (size_t i = 0; i < c->stored; i++) {
        const struct measurement *m = &c->all[i];
        const struct result_function *f = measurement_function(m, function);
        if (m->run && first->run &&
            differs(m->run->side[m->side].sha, first->run->side[m->side].sha))
            gate_note(g, "the stored measurements are of different commits: what changed between "
                         "these is part of the baseline");
        if (m->run && now->run && differs(m->run->prices, now->run->prices))
            note(g, xasprintf("stored and new measurement were charged with different prices (%s; "
                              "%s): both are charged with %s here",
                              m->run->prices, now->run->prices, c->result->prices));
        if (f && of_now && differs(f->runtime_label, of_now->runtime_label))
            note(g, xasprintf("the runtime differs: stored with %s, new with %s", f->runtime_label,
                              of_now->runtime_label));
        if (f && of_now && f->concurrency != of_now->concurrency)
            note(g, xasprintf("the load differs: stored with %u at a time, new with %u",
                              f->concurrency, of_now->concurrency));
    }
}

/* ---- the judgement ---- */

/* Copies one side of one round of a function, as samples of side `as`; false: no such round. */
static bool take_round(const struct measurement *m, unsigned function, unsigned round, enum side as,
                       struct series *out)
{
    size_t before = out->count;
    for (size_t i = 0; i < m->series.count; i++) {
        const struct sample *s = &m->series.items[i];
        if (s->function != function || s->side != m->side || s->round != round)
            continue;
        series_copy(out, &m->series, i);
        out->items[out->count - 1].side = (uint8_t)as;
    }
    return out->count > before;
}

static unsigned round_end(const struct measurement *m, unsigned function)
{
    unsigned end = 0;
    for (size_t i = 0; i < m->series.count; i++)
        if (m->series.items[i].function == function && m->series.items[i].round >= end)
            end = m->series.items[i].round + 1u;
    return end;
}

static void add_measurement(const struct comparison *c, struct gate *g, size_t index,
                            unsigned function, struct series *used)
{
    const struct measurement *m = &c->all[index];
    bool is_new = index == c->stored;
    unsigned end = round_end(m, function);
    if (!is_new)
        gate_add_session(g, m->path);
    for (unsigned round = 0; round < end; round++) {
        size_t first = used->count;
        if (!take_round(m, function, round, is_new ? SIDE_CANDIDATE : SIDE_BASELINE, used))
            continue;
        if (is_new)
            gate_add_round(g, used, first, function);
        else
            gate_add_session_round(g, used, first, function);
    }
}

static struct gate_settings settings_of(const struct comparison *c, const char *function)
{
    struct gate_settings s = GATE_DEFAULTS;
    const struct measurement *sides[SIDE_COUNT] = {newest(c), candidate_of(c)};
    s.alpha /= (double)command_selected(&c->args->functions, c->plan);
    s.region = c->region;
    s.prices = c->args->book;
    for (int side = 0; side < SIDE_COUNT; side++) {
        const struct result_function *f = measurement_function(sides[side], function);
        s.package_bytes[side] = f ? f->package[sides[side]->side].bytes : 0;
    }
    return s;
}

static int judge(const struct comparison *c, unsigned function, struct error *e)
{
    const struct plan_function *f = &c->plan->functions[function];
    struct gate_settings settings = settings_of(c, f->name);
    struct session_noise noise = noise_of(c);
    struct series used;
    struct result *r = c->result;
    struct gate *g = gate_new(f, &settings, e);
    if (!g)
        return -1;
    series_init(&used, c->plan);
    gate_against_stored(g, &noise);
    note_unknown(c, g);
    note_days(c, g);
    note_differences(c, g, f->name);
    for (size_t i = 0; i <= c->stored; i++)
        add_measurement(c, g, i, function, &used);
    struct result_function *out = &r->functions[r->function_count++];
    gate_conclude(g, &used, function, &r->arena, out);
    out->baseline_measured = measured_text(c);
    r->invocations += used.count;
    series_release(&used);
    gate_free(g);
    return 0;
}

/* ---- the command ---- */

static int read_all(struct comparison *c, struct error *e)
{
    bool baseline = !strcmp(c->args->baseline_side, side_name(SIDE_BASELINE));
    for (size_t i = 0; i <= c->stored; i++) {
        struct measurement *m = &c->all[i];
        bool is_new = i == c->stored;
        m->path = is_new ? c->args->samples : c->args->baseline_samples.items[i];
        m->side = baseline && !is_new ? SIDE_BASELINE : SIDE_CANDIDATE;
        if (measurement_read(m, c->plan, !is_new, e))
            return -1;
    }
    return measurements_are_distinct(c->all, c->stored + 1, e);
}

/* What is judged must be there, in every file, and be of the same kind. */
static int check_function(const struct comparison *c, unsigned function, struct error *e)
{
    const struct plan_function *f = &c->plan->functions[function];
    for (size_t i = 0; i <= c->stored; i++) {
        const struct measurement *m = &c->all[i];
        if (!measurement_calls(m, function))
            return error_set(e, ERROR_INPUT,
                             "%s: no samples of the %s of '%s' (--function judges some functions "
                             "only)",
                             m->path, side_name(m->side), f->name);
    }
    for (size_t i = 0; i < c->stored; i++)
        if (measurements_are_comparable(&c->all[i], candidate_of(c), f, function, e))
            return -1;
    return 0;
}

static void describe_side(struct comparison *c, enum side side, const struct measurement *m)
{
    struct result_side *out = &c->result->side[side];
    struct arena *arena = &c->result->arena;
    const struct result_side *from = m->run ? &m->run->side[m->side] : NULL;
    const char *source = from && from->source ? from->source : "samples";
    const char *when = side == SIDE_BASELINE ? "stored " : "";
    out->source = arena_printf(arena, "%s%s", when, source);
    if (from && from->sha)
        out->sha = arena_strdup(arena, from->sha);
}

static const char *kept(struct arena *arena, const char *text)
{
    return text ? arena_strdup(arena, text) : NULL;
}

/* What is known of the new run is said of this result too. */
static void describe(struct comparison *c)
{
    const struct result *run = candidate_of(c)->run;
    struct result *r = c->result;
    describe_side(c, SIDE_BASELINE, newest(c));
    describe_side(c, SIDE_CANDIDATE, candidate_of(c));
    if (run) {
        r->started = kept(&r->arena, run->started);
        r->seed = run->seed;
        r->target = run->target;
        r->target.kind = kept(&r->arena, run->target.kind);
        r->target.shaping = kept(&r->arena, run->target.shaping);
        r->target.note = kept(&r->arena, run->target.note);
        r->target.region = kept(&r->arena, run->target.region);
    }
    c->region = c->args->region ? c->args->region : r->target.region;
    if (!c->region)
        c->region = PLAN_DEFAULT_REGION;
    const char *source, *region = c->region;
    if (!price_book_find(c->args->book, region, &source))
        price_book_find(c->args->book, region = PLAN_DEFAULT_REGION, &source);
    r->prices = arena_printf(&r->arena, "%s, %s", source, region);
}

static int judge_selected(struct comparison *c, struct error *e)
{
    for (int judging = 0; judging < 2; judging++)
        for (unsigned i = 0; i < c->plan->function_count; i++) {
            if (!command_selects(&c->args->functions, c->plan->functions[i].name))
                continue;
            if (judging ? judge(c, i, e) : check_function(c, i, e))
                return -1;
        }
    return 0;
}

int compare_stored_check(const struct compare_args *args, struct error *e)
{
    bool stored = args->baseline_samples.count > 0;
    bool baseline = !strcmp(args->baseline_side, side_name(SIDE_BASELINE));
    if (!baseline && strcmp(args->baseline_side, side_name(SIDE_CANDIDATE)) != 0)
        return error_set(e, ERROR_USAGE, "--baseline-side must be 'candidate' or 'baseline'");
    if (!stored && (baseline || args->session_noise >= 0))
        return error_set(e, ERROR_USAGE,
                         "--baseline-side and --session-noise are for a stored "
                         "baseline: give --baseline-samples too");
    if (args->session_noise == 0 || args->session_noise > 100)
        return error_set(e, ERROR_USAGE,
                         "--session-noise must be above 0 and at most 100 (percent): no two "
                         "measurements are free of it");
    return 0;
}

int compare_stored(const struct compare_args *args, const struct plan *plan, struct result *r,
                   struct error *e)
{
    struct comparison c = {
        .args = args, .plan = plan, .result = r, .stored = args->baseline_samples.count};
    c.all = xcalloc(c.stored + 1, sizeof *c.all);
    r->functions = arena_alloc(&r->arena, plan->function_count * sizeof *r->functions);
    int failed = command_check_selection(&args->functions, plan, e) || read_all(&c, e);
    if (!failed) {
        describe(&c);
        failed = judge_selected(&c, e);
    }
    for (size_t i = 0; i <= c.stored; i++)
        measurement_release(&c.all[i]);
    free(c.all);
    return failed ? -1 : 0;
}
