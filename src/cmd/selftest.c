/* selftest: a known slowdown must fail, the same code on both sides must not. */
#include <math.h>
#include <string.h>

#include "build/slowdown.h"
#include "cmd/command.h"
#include "cmd/trial.h"

enum {
    MEMORY_MIN_MB = 128, /* Lambda's smallest */
    TIMEOUT_MAX_S = 900,
};
static const double VCPU_MB = 1769; /* memory that comes with one whole processor */
/* In which a CPU share is granted: so much may come at full speed. */
static const double PERIOD_MS = 20;
static const double LIMITS_EXCEEDED = 2; /* a slowdown is so many times the limit ... */
static const double MAXIMUM_EXCEEDED = 1.5;
static const double CALL_MS_MIN = 5; /* ... and at least this */
static const double INIT_MS_MIN = 50;
static const double MEMORY_HEADROOM = 1.5; /* over what the function used */

/* The metrics that a slowdown must show in; the first that has a limit is taken. */
static const enum metric_id call_metrics[] = {METRIC_P99, METRIC_P95,  METRIC_P90,
                                              METRIC_P50, METRIC_MEAN, METRIC_LATENCY_P99};
static const enum metric_id init_metrics[] = {METRIC_COLD_START, METRIC_COLD_P90,
                                              METRIC_COLD_TOTAL};

/* The worse, the later: that a slowdown was missed matters more than that another is not clear. */
enum outcome { SKIPPED, RIGHT, UNCLEAR, WRONG, BROKEN };
static const struct {
    const char *word;
    int code;
} outcomes[] = {
    [SKIPPED] = {"skipped", EXIT_PASS}, [RIGHT] = {"ok", EXIT_PASS},
    [WRONG] = {"WRONG", EXIT_FAIL},     [UNCLEAR] = {"unclear", EXIT_INCONCLUSIVE},
    [BROKEN] = {"error", EXIT_ERROR},
};

enum { CHECK_SAME, CHECK_CALLS, CHECK_INIT, CHECK_MEMORY, CHECK_COUNT };

struct check {
    const char *name;
    const char *expected;
    const char *got;    /* "fail", "pass", ... */
    const char *detail; /* what was done, or why nothing was */
    enum outcome outcome;
    unsigned rounds;
};

struct selftest {
    struct trial *t;
    const struct plan_function *function;
    struct package package;
    struct result_function same; /* of the first check: what the function is like */
    struct check checks[CHECK_COUNT];
};

/* ---- which slowdown ---- */

static bool has_limit(const struct plan_function *f, enum metric_id id)
{
    for (size_t i = 0; i < f->limit_count; i++)
        if (metric_index(f->limits[i].metric) == id)
            return true;
    return false;
}

static const struct metric *choose(const struct plan_function *f, const enum metric_id *ids,
                                   size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (has_limit(f, ids[i]))
            return &metrics[ids[i]];
    return NULL;
}

static unsigned judged_count(const struct plan_function *f)
{
    unsigned count = 0;
    for (size_t i = 0; i < plan_metric_count(f); i++)
        count += has_limit(f, (enum metric_id)i);
    return count ? count : 1;
}

static double measured(const struct selftest *s, enum metric_id id)
{
    const struct result_metric *m = result_find(&s->same, id);
    return m ? m->baseline : NAN;
}

/* Milliseconds that are beyond every limit of the metric by a wide margin. */
static double slowdown_ms(const struct plan_function *f, const struct metric *m, double level)
{
    double most = 0;
    for (size_t i = 0; i < f->limit_count; i++) {
        const struct plan_limit *limit = &f->limits[i];
        double ms = 0;
        if (limit->metric != m)
            continue;
        if (limit->kind == LIMIT_INCREASE_PCT)
            ms = LIMITS_EXCEEDED * limit->value * level;
        else if (limit->kind == LIMIT_INCREASE_ABS)
            ms = LIMITS_EXCEEDED * limit->value;
        else
            ms = MAXIMUM_EXCEEDED * limit->value - level;
        most = fmax(most, ms);
    }
    return most;
}

/* ---- one measurement ---- */

/* The function with the limits of one metric, so that this metric has to tell. */
static struct plan_function with_limits_of(struct trial *t, const struct plan_function *f,
                                           const struct metric *m)
{
    struct plan_function copy = *f;
    struct plan_limit *kept = arena_alloc(&t->arena, (f->limit_count + 1) * sizeof *kept);
    copy.limits = kept;
    copy.limit_count = 0;
    for (size_t i = 0; i < f->limit_count; i++)
        if (f->limits[i].metric == m)
            kept[copy.limit_count++] = f->limits[i];
    return copy;
}

static void bound_rounds(const struct trial *t, struct plan_function *f)
{
    if (!t->args->rounds)
        return;
    f->rounds.max = (unsigned)t->args->rounds;
    f->rounds.min = f->rounds.min < f->rounds.max ? f->rounds.min : f->rounds.max;
}

/*
 * Measures and says what came out; -1 only for what ends the whole test. An error of one
 * measurement is that check's own. Each metric is judged at the level that it has in a run with all
 * limits.
 */
static int measure(struct selftest *s, const struct trial_measurement *job, struct check *check,
                   struct result_function *out, struct error *e)
{
    struct plan_function bounded = *job->function;
    struct trial_measurement m = *job;
    bound_rounds(s->t, &bounded);
    m.function = &bounded;
    m.index = trial_index(s->t, s->function);
    m.settings = trial_settings(s->t, &s->package);
    m.settings.alpha *= (double)judged_count(&bounded) / judged_count(s->function);
    progress_say(&s->t->progress, "%s: %s: %s", s->function->name, check->name, check->detail);
    if (!trial_measure(s->t, &m, out, e)) {
        check->got = verdict_name(out->verdict);
        check->rounds = out->rounds;
        return 0;
    }
    if (e->code == ERROR_INTERRUPTED || e->code == ERROR_SYSTEM || e->code == ERROR_NETWORK)
        return -1;
    check->got = "error";
    check->outcome = BROKEN;
    check->detail = arena_strdup(&s->t->arena, e->text);
    *e = (struct error){0};
    return 0;
}

static enum outcome must_fail(enum verdict v)
{
    switch (v) {
    case VERDICT_FAIL:
        return RIGHT;
    case VERDICT_PASS:
        return WRONG;
    case VERDICT_INCONCLUSIVE:
        return UNCLEAR;
    default:
        return BROKEN;
    }
}

/* One metric alone is judged, at the level that it has among all that have a limit. */
static int measure_slow(struct selftest *s, const struct metric *m, struct trial_measurement *job,
                        struct check *check, struct error *e)
{
    struct plan_function judged = with_limits_of(s->t, job->function, m);
    struct result_function out = {0};
    job->function = &judged;
    if (measure(s, job, check, &out, e))
        return -1;
    if (check->outcome == BROKEN)
        return 0;
    const struct result_metric *shown = result_find(&out, metric_index(m));
    check->outcome = must_fail(out.verdict);
    if (check->outcome == BROKEN)
        check->detail = out.headline;
    else if (shown && isfinite(shown->change_pct))
        check->detail =
            arena_printf(&s->t->arena, "%s; %s %+.3g %%", check->detail, m->id, shown->change_pct);
    return 0;
}

static int skip(struct check *check, const char *why)
{
    check->outcome = SKIPPED;
    check->got = "-";
    check->detail = why;
    return 0;
}

/* ---- the checks ---- */

static int check_same(struct selftest *s, struct check *check, struct error *e)
{
    const struct package both[SIDE_COUNT] = {s->package, s->package};
    struct trial_measurement m = {.function = s->function, .packages = both};
    check->expected = "no fail";
    check->detail = "the same package on both sides";
    if (measure(s, &m, check, &s->same, e) || check->outcome == BROKEN)
        return check->outcome == BROKEN ? 0 : -1;
    check->outcome = s->same.verdict == VERDICT_FAIL ? WRONG : RIGHT;
    if (s->same.verdict == VERDICT_ERROR) {
        check->outcome = BROKEN;
        check->detail = s->same.headline;
    }
    return 0;
}

/* Both sides get the same file; the candidate's waits. */
static int measure_slowdown(struct selftest *s, const struct metric *m, struct slowdown slow,
                            struct check *check, struct error *e)
{
    static const struct slowdown none = {0, 0};
    struct package packages[SIDE_COUNT] = {0};
    struct plan_function wrapped = *s->function;
    unsigned more_s = (unsigned)ceil((slow.call_ms + slow.init_ms) / 1000);
    wrapped.handler = slowdown_handler(s->function);
    wrapped.timeout_s += wrapped.timeout_s + more_s < TIMEOUT_MAX_S ? more_s : 0;
    int failed = slowdown_package(&packages[SIDE_BASELINE], &s->package, s->function, &none, e) ||
                 slowdown_package(&packages[SIDE_CANDIDATE], &s->package, s->function, &slow, e);
    if (!failed) {
        struct trial_measurement job = {.function = &wrapped, .packages = packages};
        failed = measure_slow(s, m, &job, check, e);
    }
    for (int side = 0; side < SIDE_COUNT; side++)
        package_release(&packages[side]);
    return failed ? -1 : 0;
}

static int check_calls(struct selftest *s, struct check *check, struct error *e)
{
    const struct metric *m = choose(s->function, call_metrics, ARRAY_LEN(call_metrics));
    const char *obstacle = slowdown_calls_obstacle(s->function);
    if (obstacle || !m)
        return skip(check, obstacle ? obstacle : "no limit on the duration of calls");
    double level = measured(s, metric_index(m));
    if (!isfinite(level))
        return skip(check, arena_printf(&s->t->arena, "%s could not be measured", m->id));
    double ms = fmax(CALL_MS_MIN, slowdown_ms(s->function, m, level));
    check->expected = arena_printf(&s->t->arena, "fail: %s", m->id);
    check->detail = arena_printf(&s->t->arena, "each call %.3g ms longer", ms);
    return measure_slowdown(s, m, (struct slowdown){.call_ms = ms}, check, e);
}

static int check_init(struct selftest *s, struct check *check, struct error *e)
{
    const struct metric *m = choose(s->function, init_metrics, ARRAY_LEN(init_metrics));
    const char *obstacle = slowdown_init_obstacle(s->function);
    if (obstacle || !m)
        return skip(check, obstacle ? obstacle : "no limit on the cold start");
    double level = measured(s, metric_index(m));
    if (!isfinite(level))
        return skip(check, arena_printf(&s->t->arena, "%s could not be measured", m->id));
    double ms = fmax(INIT_MS_MIN, slowdown_ms(s->function, m, level));
    check->expected = arena_printf(&s->t->arena, "fail: %s", m->id);
    check->detail = arena_printf(&s->t->arena, "init %.3g ms longer", ms);
    return measure_slowdown(s, m, (struct slowdown){.init_ms = ms}, check, e);
}

/* A quarter of the memory, unless the function needs more; 0: there is no smaller setting. */
static unsigned lowered_memory(const struct selftest *s)
{
    double used = measured(s, METRIC_MAX_MEMORY);
    unsigned lowered = s->function->memory_mb / 4;
    if (lowered < MEMORY_MIN_MB)
        lowered = MEMORY_MIN_MB;
    if (isfinite(used) && lowered < MEMORY_HEADROOM * used)
        lowered = (unsigned)ceil(MEMORY_HEADROOM * used);
    return lowered <= s->function->memory_mb / 2 ? lowered : 0;
}

/* Why less memory would not be slower for certain; NULL when it would. */
static const char *memory_obstacle(const struct selftest *s, const struct metric *m)
{
    double cpu_ms = measured(s, METRIC_CPU_MS), memory_mb = lowered_memory(s);
    if (strcmp(s->t->target.kind, "embedded") != 0 || !s->t->target.shaped)
        return "needs the embedded Lambda with CPU shares";
    if (!m)
        return "no limit on the duration of calls";
    double level = measured(s, metric_index(m));
    if (!isfinite(cpu_ms) || !isfinite(level))
        return arena_printf(&s->t->arena, "cpu_ms or %s could not be measured", m->id);
    if (!(memory_mb > 0))
        return "the memory setting cannot be halved";
    double share = fmin(1, memory_mb / VCPU_MB);
    double wanted = fmax(CALL_MS_MIN, slowdown_ms(s->function, m, level));
    if (cpu_ms / share - PERIOD_MS < level + wanted)
        return arena_printf(&s->t->arena, "%.3g ms of processor time a call: too little to matter",
                            cpu_ms);
    return NULL;
}

static int check_memory(struct selftest *s, struct check *check, struct error *e)
{
    const struct metric *m = choose(s->function, call_metrics, ARRAY_LEN(call_metrics));
    const char *obstacle = memory_obstacle(s, m);
    if (obstacle)
        return skip(check, obstacle);
    const struct package both[SIDE_COUNT] = {s->package, s->package};
    struct plan_function lowered = *s->function;
    lowered.memory_mb = lowered_memory(s);
    lowered.timeout_s = TIMEOUT_MAX_S;
    struct trial_measurement job = {.function = s->function, .packages = both};
    job.configured[SIDE_CANDIDATE] = &lowered;
    check->expected = arena_printf(&s->t->arena, "fail: %s", m->id);
    check->detail = arena_printf(&s->t->arena, "%u MB instead of %u", lowered.memory_mb,
                                 s->function->memory_mb);
    return measure_slow(s, m, &job, check, e);
}

static int check_all(struct selftest *s, struct error *e)
{
    static const struct {
        const char *name;
        int (*run)(struct selftest *s, struct check *check, struct error *e);
    } rows[CHECK_COUNT] = {
        [CHECK_SAME] = {"nothing changed", check_same},
        [CHECK_CALLS] = {"slower calls", check_calls},
        [CHECK_INIT] = {"slower import", check_init},
        [CHECK_MEMORY] = {"less memory", check_memory},
    };
    for (int i = 0; i < CHECK_COUNT; i++) {
        s->checks[i] = (struct check){.name = rows[i].name, .expected = "fail"};
        if (i != CHECK_SAME && s->checks[CHECK_SAME].outcome == BROKEN)
            skip(&s->checks[i], "the function cannot be measured");
        else if (rows[i].run(s, &s->checks[i], e))
            return -1;
    }
    return 0;
}

/* ---- the answer ---- */

/* Without a slowdown that could be tried nothing is proven. */
static int exit_code_of(const struct selftest *s)
{
    enum outcome worst = SKIPPED;
    bool tried = s->checks[CHECK_SAME].outcome == BROKEN;
    for (int i = 0; i < CHECK_COUNT; i++) {
        enum outcome o = s->checks[i].outcome;
        tried |= i != CHECK_SAME && o != SKIPPED;
        worst = o > worst ? o : worst;
    }
    return tried || worst > UNCLEAR ? outcomes[worst].code : EXIT_INCONCLUSIVE;
}

static const char *conclusion(int code)
{
    switch (code) {
    case EXIT_PASS:
        return "the gate works for this function";
    case EXIT_FAIL:
        return "the gate does NOT work for this function";
    case EXIT_INCONCLUSIVE:
        return "not proven: no slowdown was missed, but not all were caught for certain";
    default:
        return "the gate could not be tested";
    }
}

static void write_text(const struct selftest *s, int code, struct buf *out)
{
    buf_addf(out, "%s\n\n  %-16s %-17s %-13s %6s  %-8s %s\n", s->function->name, "check",
             "expected", "got", "rounds", "", "");
    for (int i = 0; i < CHECK_COUNT; i++) {
        const struct check *c = &s->checks[i];
        buf_addf(out, "  %-16s %-17s %-13s %6u  %-8s %s\n", c->name, c->expected, c->got, c->rounds,
                 outcomes[c->outcome].word, c->detail);
    }
    if (s->same.verdict == VERDICT_INCONCLUSIVE)
        buf_addstr(out, "\nthe sides are equal and the gate cannot tell: see calibrate for limits "
                        "that this function supports\n");
    buf_addf(out, "\n%s\n\n", conclusion(code));
}

static void write_json(const struct selftest *s, struct json_writer *w)
{
    json_open_array(w, "checks");
    for (int i = 0; i < CHECK_COUNT; i++) {
        const struct check *c = &s->checks[i];
        json_open_object(w, NULL);
        json_put_string(w, "check", c->name);
        json_put_string(w, "expected", c->expected);
        json_put_string(w, "got", c->got);
        json_put_integer(w, "rounds", c->rounds);
        json_put_string(w, "outcome", outcomes[c->outcome].word);
        json_put_string(w, "detail", c->detail);
        json_close(w);
    }
    json_close(w);
}

static int run(struct trial *t, const struct plan_function *f, struct error *e)
{
    struct selftest s = {.t = t, .function = f};
    int code = -1;
    if (!trial_build(t, f, &s.package, e) && !check_all(&s, e)) {
        code = exit_code_of(&s);
        write_text(&s, code, &t->text);
        write_json(&s, &t->writer);
    }
    package_release(&s.package);
    return code;
}

int command_selftest(int argc, char **argv)
{
    static const struct trial_command command = {
        "selftest",
        "selftest.json",
        "Proves that the gate can fail: adds a known slowdown, twice the limit, to a copy\n"
        "of the working tree's package, and requires that it fails the metric that it\n"
        "should; the same package on both sides must not fail.",
        run,
    };
    return trial_command(&command, argc, argv);
}
