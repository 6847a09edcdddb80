/*
 * The report as JUnit XML, for the test views of CI systems; renderers.h says how verdicts are
 * mapped.
 */
#include "report/renderers.h"

#include <math.h>

#include "report/cells.h"
#include "report/escape.h"
#include "report/phrases.h"

enum { NAME_MAX_CHARS = 200, TEXT_MAX = 2000 };

struct tally {
    unsigned tests, failures, errors;
};

struct junit {
    const struct result *result;
    struct arena arena;
    struct buf *out;
    const char *indent; /* of the properties that are being written */
};

static void put_attribute(struct junit *j, const char *name, const char *value)
{
    buf_addf(j->out, " %s=\"", name);
    escape_xml(j->out, value, NAME_MAX_CHARS);
    buf_addch(j->out, '"');
}

static void open_properties(struct junit *j, const char *indent)
{
    j->indent = indent;
    buf_addf(j->out, "%s<properties>\n", indent);
}

static void close_properties(struct junit *j)
{
    buf_addf(j->out, "%s</properties>\n", j->indent);
}

static void put_property(struct junit *j, const char *name, const char *value)
{
    if (!value)
        return;
    buf_addf(j->out, "%s  <property", j->indent);
    put_attribute(j, "name", name);
    put_attribute(j, "value", value);
    buf_addstr(j->out, "/>\n");
}

static void put_number(struct junit *j, const char *name, double value)
{
    if (isfinite(value))
        put_property(j, name, arena_printf(&j->arena, "%.6g", value));
}

/* <failure> or <error> with its reason; nothing for a pass. */
static void put_outcome(struct junit *j, enum verdict v, const char *reason)
{
    static const char *const types[VERDICT_COUNT] = {
        [VERDICT_ERROR] = "error",
        [VERDICT_FAIL] = "regression",
        [VERDICT_INCONCLUSIVE] = "inconclusive",
    };
    if (!types[v])
        return;
    const char *element = v == VERDICT_ERROR ? "error" : "failure";
    buf_addf(j->out, "      <%s type=\"%s\"", element, types[v]);
    put_attribute(j, "message", reason);
    buf_addch(j->out, '>');
    escape_xml(j->out, reason, TEXT_MAX);
    buf_addf(j->out, "</%s>\n", element);
}

static void open_case(struct junit *j, const char *suite, const char *name)
{
    buf_addstr(j->out, "    <testcase");
    put_attribute(j, "classname", suite);
    put_attribute(j, "name", name);
    buf_addstr(j->out, ">\n");
}

static void close_case(struct junit *j)
{
    buf_addstr(j->out, "    </testcase>\n");
}

static void put_metric(struct junit *j, const char *suite, const struct result_metric *m)
{
    struct buf limits;
    buf_init(&limits);
    for (unsigned i = 0; i < m->limit_count; i++)
        buf_addf(&limits, "%s%s", i ? ", " : "", m->limits[i]);
    open_case(j, suite, m->metric->id);
    open_properties(j, "      ");
    put_property(j, "unit", metric_unit_name(m->metric->unit));
    put_number(j, "baseline", m->baseline);
    put_number(j, "candidate", m->candidate);
    put_number(j, "change_pct", m->change_pct);
    put_number(j, "ci_low_pct", m->ci_low_pct);
    put_number(j, "ci_high_pct", m->ci_high_pct);
    put_property(j, "limits", limits.data);
    close_properties(j);
    put_outcome(j, cells_verdict(m), m->reason ? m->reason : "no reason was recorded");
    close_case(j);
    buf_release(&limits);
}

static void count_outcome(struct tally *t, enum verdict v)
{
    t->tests++;
    t->failures += v == VERDICT_FAIL || v == VERDICT_INCONCLUSIVE;
    t->errors += v == VERDICT_ERROR;
}

/*
 * A guard spoke, or there is nothing that a limit applies to: the function's own verdict is a case.
 */
static bool needs_own_case(const struct result_function *f)
{
    enum verdict worst = VERDICT_UNGATED;
    for (size_t i = 0; i < f->metric_count; i++)
        worst = verdict_worse(worst, cells_verdict(&f->metrics[i]));
    return worst != f->verdict;
}

static struct tally count_function(const struct result_function *f)
{
    struct tally t = {0};
    for (size_t i = 0; i < f->metric_count; i++)
        if (f->metrics[i].limit_count)
            count_outcome(&t, cells_verdict(&f->metrics[i]));
    if (needs_own_case(f))
        count_outcome(&t, f->verdict);
    return t;
}

static void put_tally(struct junit *j, struct tally t)
{
    buf_addf(j->out, " tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"0\"", t.tests,
             t.failures, t.errors);
}

/* That the baseline is a stored one, and what that hides. */
static void put_stored(struct junit *j, const struct result_function *f)
{
    struct phrases stored = phrases_stored(&j->arena, f);
    if (!stored.count)
        return;
    buf_addstr(j->out, "    <system-out>");
    for (size_t i = 0; i < stored.count; i++) {
        buf_addstr(j->out, i ? "\n" : "");
        escape_xml(j->out, stored.items[i].text, TEXT_MAX);
    }
    buf_addstr(j->out, "</system-out>\n");
}

static void put_function(struct junit *j, const struct result_function *f)
{
    const struct result *r = j->result;
    const char *suite = arena_printf(&j->arena, "lambda-perf-gate.%s", f->name);
    buf_addstr(j->out, "  <testsuite");
    put_attribute(j, "name", suite);
    put_tally(j, count_function(f));
    buf_addstr(j->out, ">\n");
    open_properties(j, "    ");
    put_property(j, "verdict", verdict_name(f->verdict));
    put_property(j, "headline", f->headline);
    put_property(j, "baseline", r->side[SIDE_BASELINE].source);
    put_property(j, "candidate", r->side[SIDE_CANDIDATE].source);
    put_property(j, "runtime", f->runtime);
    put_property(j, "rounds", arena_printf(&j->arena, "%u", f->rounds));
    put_property(j, "seed", arena_printf(&j->arena, "%llu", (unsigned long long)r->seed));
    for (size_t i = 0; i < f->warning_count; i++)
        put_property(j, "warning", f->warnings[i]);
    close_properties(j);
    for (size_t i = 0; i < f->metric_count; i++)
        if (f->metrics[i].limit_count)
            put_metric(j, suite, &f->metrics[i]);
    if (needs_own_case(f)) {
        open_case(j, suite, f->identical ? "identical packages" : "verdict");
        put_outcome(j, f->verdict, f->headline ? f->headline : verdict_name(f->verdict));
        close_case(j);
    }
    put_stored(j, f);
    buf_addstr(j->out, "  </testsuite>\n");
}

/* What stopped the run as a whole; also stands for a run without any function. */
static bool needs_run_suite(const struct result *r)
{
    return r->error_count || !r->function_count;
}

static void put_run(struct junit *j)
{
    const struct result *r = j->result;
    unsigned count = r->error_count ? (unsigned)r->error_count : 1;
    buf_addf(j->out,
             "  <testsuite name=\"lambda-perf-gate\" tests=\"%u\" failures=\"0\" errors=\"%u\" "
             "skipped=\"0\">\n",
             count, count);
    for (unsigned i = 0; i < count; i++) {
        open_case(j, "lambda-perf-gate", arena_printf(&j->arena, "run %u", i + 1));
        put_outcome(j, VERDICT_ERROR, r->error_count ? r->errors[i] : "nothing was measured");
        close_case(j);
    }
    buf_addstr(j->out, "  </testsuite>\n");
}

void junit_render(const struct result *r, const struct report_options *o, struct buf *out)
{
    (void)o;
    struct junit j = {.result = r, .out = out};
    struct tally all = {0};
    arena_init(&j.arena);
    for (size_t i = 0; i < r->function_count; i++) {
        struct tally t = count_function(&r->functions[i]);
        all.tests += t.tests;
        all.failures += t.failures;
        all.errors += t.errors;
    }
    if (needs_run_suite(r)) {
        all.tests += r->error_count ? (unsigned)r->error_count : 1;
        all.errors += r->error_count ? (unsigned)r->error_count : 1;
    }
    buf_addstr(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "
                    "name=\"lambda-perf-gate\"");
    put_tally(&j, all);
    if (isfinite(r->seconds))
        buf_addf(out, " time=\"%.3f\"", r->seconds);
    buf_addstr(out, ">\n");
    for (size_t i = 0; i < r->function_count; i++)
        put_function(&j, &r->functions[i]);
    if (needs_run_suite(r))
        put_run(&j);
    buf_addstr(out, "</testsuites>\n");
    arena_release(&j.arena);
}
