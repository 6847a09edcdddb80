#include "report/cells.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "model/wording.h"

/* In the order of the report; ungated metrics come last, and a function is never ungated. */
static const enum verdict order[] = {
    VERDICT_ERROR, VERDICT_FAIL, VERDICT_INCONCLUSIVE, VERDICT_PASS, VERDICT_UNGATED,
};

/* ---- single cells ---- */

/* Shares are compared by their difference: from 0 % there is no ratio. */
static void add_points(struct buf *out, double points)
{
    if (fabs(points) < 0.005) {
        buf_addstr(out, "no change");
        return;
    }
    buf_addstr(out, points < 0 ? "−" : "+");
    units_add_significant(out, fabs(points), 3);
    buf_addstr(out, " pp");
}

void cells_change(struct buf *out, const struct result_metric *m)
{
    if (!isfinite(m->baseline) || !isfinite(m->candidate))
        buf_addstr(out, "n/a");
    else if (m->metric->kind == KIND_RATE)
        add_points(out, (m->candidate - m->baseline) * 100);
    else if (m->metric->kind == KIND_CONSTANT && m->baseline == m->candidate)
        buf_addstr(out, "no change");
    else if (m->baseline == 0 && m->candidate > 0)
        buf_addstr(out, "new");
    else
        units_add_pct(out, m->change_pct);
}

/* "+14.9": the percent sign is left to the column. */
static void add_bare_pct(struct buf *out, double pct)
{
    units_add_pct(out, pct);
    buf_truncate(out, out->length - strlen(" %"));
}

void cells_interval(struct buf *out, const struct result_metric *m)
{
    if (!isfinite(m->ci_low_pct) || !isfinite(m->ci_high_pct))
        return;
    buf_addch(out, '[');
    add_bare_pct(out, m->ci_low_pct);
    buf_addstr(out, ", ");
    add_bare_pct(out, m->ci_high_pct);
    buf_addch(out, ']');
}

void cells_traffic(struct buf *out, double invocations)
{
    if (invocations >= 1e6 && invocations < 1e9)
        buf_addf(out, "%.3g M", invocations / 1e6);
    else
        units_add_count(out, invocations < 9e15 ? (int64_t)invocations : INT64_MAX);
}

enum verdict cells_verdict(const struct result_metric *m)
{
    return m->verdict == VERDICT_PASS && !isfinite(m->candidate) ? VERDICT_ERROR : m->verdict;
}

unsigned cells_rank(enum verdict v)
{
    unsigned rank = 0;
    while (rank + 1 < ARRAY_LEN(order) && order[rank] != v)
        rank++;
    return rank;
}

bool cells_is_worse(const struct result_metric *m)
{
    return m->metric->higher_is_better ? m->ci_high_pct < 0 : m->ci_low_pct > 0;
}

bool cells_is_better(const struct result_metric *m)
{
    return m->metric->higher_is_better ? m->ci_low_pct > 0 : m->ci_high_pct < 0;
}

static const char *keep_value(struct arena *arena, const struct metric *m, double value)
{
    struct buf text;
    buf_init(&text);
    wording_value(&text, m, value);
    return table_keep(arena, &text);
}

static const char *keep_change(struct arena *arena, const struct result_metric *m, bool interval)
{
    struct buf text;
    buf_init(&text);
    cells_change(&text, m);
    if (interval && isfinite(m->ci_low_pct) && isfinite(m->ci_high_pct)) {
        buf_addch(&text, ' ');
        cells_interval(&text, m);
    }
    return table_keep(arena, &text);
}

static const char *keep_interval(struct arena *arena, const struct result_metric *m)
{
    struct buf text;
    buf_init(&text);
    cells_interval(&text, m);
    return table_keep(arena, &text);
}

static const char *keep_limits(struct arena *arena, const struct result_metric *m)
{
    struct buf text;
    buf_init(&text);
    wording_limits(&text, m);
    return table_keep(arena, &text);
}

static const char *keep_count(struct arena *arena, uint64_t count)
{
    struct buf text;
    buf_init(&text);
    units_add_count(&text, count < INT64_MAX ? (int64_t)count : INT64_MAX);
    return table_keep(arena, &text);
}

static const char *keep_ms(struct arena *arena, double ms)
{
    struct buf text;
    buf_init(&text);
    if (isfinite(ms))
        units_add_ms(&text, ms);
    else
        buf_addstr(&text, "too few calls");
    return table_keep(arena, &text);
}

static const char *keep_size(struct arena *arena, const char *sign, double pct)
{
    struct buf text;
    buf_init(&text);
    if (isfinite(pct))
        buf_addf(&text, fabs(pct) < 99.95 ? "%s%.1f %%" : "%s%.0f %%", sign, fabs(pct));
    else
        buf_addstr(&text, "n/a");
    return table_keep(arena, &text);
}

/* ---- metrics ---- */

static const struct table_column wide_columns[] = {
    {"Metric", TABLE_WORDS, true, 14, false},        {"Baseline", TABLE_NUMBER, false, 0, false},
    {"Candidate", TABLE_NUMBER, true, 0, false},     {"Change", TABLE_NUMBER, true, 0, false},
    {"95 % interval", TABLE_NUMBER, false, 0, true}, {"Limit", TABLE_WORDS, false, 8, false},
    {"Verdict", TABLE_WORDS, false, 0, true},
};
static const struct table_column narrow_columns[] = {
    {"Metric", TABLE_WORDS, true, 14, false},
    {"Baseline", TABLE_NUMBER, false, 0, false},
    {"Candidate", TABLE_NUMBER, true, 0, false},
    {"Change [95 % interval]", TABLE_NUMBER, true, 0, false},
    {"Limit", TABLE_WORDS, false, 8, false},
};

static bool in_scope(const struct result_metric *m, enum cells_scope scope)
{
    if (scope == CELLS_ALL || m->limit_count)
        return true;
    return scope == CELLS_MEASURED && (isfinite(m->baseline) || isfinite(m->candidate));
}

static void add_metric(struct arena *arena, struct table *t, const struct result_metric *m,
                       bool wide)
{
    struct table_row *row = table_add(t);
    enum verdict v = cells_verdict(m);
    row->mark = v;
    row->cells[0] = m->metric->title;
    row->cells[1] = keep_value(arena, m->metric, m->baseline);
    row->cells[2] = keep_value(arena, m->metric, m->candidate);
    row->cells[3] = keep_change(arena, m, !wide);
    if (!wide) {
        row->cells[4] = keep_limits(arena, m);
        return;
    }
    row->cells[4] = keep_interval(arena, m);
    row->cells[5] = keep_limits(arena, m);
    row->cells[6] = v == VERDICT_UNGATED ? "" : verdict_name(v);
}

const struct table *cells_metrics(struct arena *arena, const struct result_function *f,
                                  enum cells_scope scope, bool wide)
{
    struct table *t =
        table_new(arena, wide ? wide_columns : narrow_columns,
                  wide ? ARRAY_LEN(wide_columns) : ARRAY_LEN(narrow_columns), f->metric_count);
    t->marked = true;
    for (unsigned rank = 0; rank < ARRAY_LEN(order); rank++)
        for (size_t i = 0; i < f->metric_count; i++)
            if (cells_rank(cells_verdict(&f->metrics[i])) == rank &&
                in_scope(&f->metrics[i], scope))
                add_metric(arena, t, &f->metrics[i], wide);
    return t;
}

/* ---- before and after ---- */

static const struct table_column before_after_columns[] = {
    {"", TABLE_WORDS, false, 14, false},
    {"Before", TABLE_NUMBER, false, 0, false},
    {"After", TABLE_NUMBER, false, 0, false},
    {"Change", TABLE_WORDS, false, 0, false},
};

static const struct {
    enum metric_id id;
    bool per_month; /* and a row for a month's traffic */
} story[] = {
    {METRIC_P99, false},
    {METRIC_MEAN, false},
    {METRIC_COLD_START, false},
    {METRIC_MAX_MEMORY, false},
    {METRIC_COST_PER_MILLION, true},
    {METRIC_THROUGHPUT, false},
};

static bool spans_nothing(const struct result_metric *m)
{
    return isfinite(m->ci_low_pct) && !cells_is_worse(m) && !cells_is_better(m);
}

static const char *change_in_words(struct arena *arena, const struct result_metric *m)
{
    struct buf text;
    buf_init(&text);
    if (!isfinite(m->baseline) || !isfinite(m->candidate))
        return table_keep(arena, &text);
    wording_change(&text, m->metric, m->change_pct);
    if (spans_nothing(m) && fabs(m->change_pct) >= 0.05)
        buf_addstr(&text, " (within noise)");
    return table_keep(arena, &text);
}

static const char *story_title(struct arena *arena, const struct result_function *f,
                               const struct result_metric *m)
{
    if (metric_index(m->metric) == METRIC_THROUGHPUT && f->concurrency)
        return arena_printf(arena, "Throughput (%u parallel)", f->concurrency);
    if (metric_index(m->metric) == METRIC_MAX_MEMORY && f->memory_mb)
        return arena_printf(arena, "Memory used (of %u MB)", f->memory_mb);
    return m->metric->title;
}

static const char *saving(struct arena *arena, const struct result_metric *m, double usd)
{
    struct buf text;
    buf_init(&text);
    if (fabs(usd) < 0.005) {
        buf_addstr(&text, "no difference");
        return table_keep(arena, &text);
    }
    buf_addstr(&text, usd > 0 ? "saves " : "costs ");
    units_add_usd(&text, fabs(usd));
    buf_addstr(&text, usd > 0 ? "" : " more");
    if (spans_nothing(m))
        buf_addstr(&text, " (within noise)");
    return table_keep(arena, &text);
}

static void add_month(struct arena *arena, struct table *t, const struct result_function *f,
                      const struct result_metric *cost)
{
    double millions = f->invocations_per_month / 1e6;
    if (!(millions > 0) || !isfinite(cost->baseline) || !isfinite(cost->candidate))
        return;
    struct buf title;
    struct table_row *row = table_add(t);
    buf_init(&title);
    buf_addstr(&title, "Monthly cost (");
    cells_traffic(&title, f->invocations_per_month);
    buf_addstr(&title, " calls)");
    row->cells[0] = table_keep(arena, &title);
    row->cells[1] = keep_value(arena, cost->metric, cost->baseline * millions);
    row->cells[2] = keep_value(arena, cost->metric, cost->candidate * millions);
    row->cells[3] = saving(arena, cost, (cost->baseline - cost->candidate) * millions);
}

const struct table *cells_before_after(struct arena *arena, const struct result_function *f)
{
    struct table *t = table_new(arena, before_after_columns, ARRAY_LEN(before_after_columns),
                                2 * ARRAY_LEN(story));
    bool measured = false;
    for (size_t i = 0; i < ARRAY_LEN(story); i++) {
        const struct result_metric *m = result_find(f, story[i].id);
        if (!m)
            continue;
        struct table_row *row = table_add(t);
        row->cells[0] = story_title(arena, f, m);
        row->cells[1] = keep_value(arena, m->metric, m->baseline);
        row->cells[2] = keep_value(arena, m->metric, m->candidate);
        row->cells[3] = change_in_words(arena, m);
        measured = measured || isfinite(m->baseline) || isfinite(m->candidate);
        if (story[i].per_month)
            add_month(arena, t, f, m);
    }
    return measured ? t : NULL;
}

/* ---- how sure ---- */

static const struct table_column sureness_columns[] = {
    {"Metric", TABLE_WORDS, false, 14, false},
    {"Noise floor", TABLE_NUMBER, false, 0, false},
    {"Would not have missed", TABLE_NUMBER, false, 0, false},
    {"Rounds needed", TABLE_NUMBER, false, 0, false},
};

static const char *keep_rounds_needed(struct arena *arena, const struct result_metric *m)
{
    if (m->verdict != VERDICT_INCONCLUSIVE)
        return "enough";
    return m->rounds_needed > 0 && m->rounds_needed < 1e9
               ? arena_printf(arena, "about %.0f", ceil(m->rounds_needed))
               : "cannot be said";
}

const struct table *cells_sureness(struct arena *arena, const struct result_function *f)
{
    struct table *t =
        table_new(arena, sureness_columns, ARRAY_LEN(sureness_columns), f->metric_count);
    for (size_t i = 0; i < f->metric_count; i++) {
        const struct result_metric *m = &f->metrics[i];
        if (!m->limit_count || !isfinite(m->noise_floor_pct))
            continue;
        struct table_row *row = table_add(t);
        row->cells[0] = m->metric->title;
        row->cells[1] = keep_size(arena, "±", m->noise_floor_pct);
        row->cells[2] =
            keep_size(arena, m->metric->higher_is_better ? "−" : "+", m->detectable_pct);
        row->cells[3] = keep_rounds_needed(arena, m);
    }
    return t->count ? t : NULL;
}

/* ---- events and accounting ---- */

static const struct table_column event_columns[] = {
    {"Event", TABLE_NAME, false, 12, false},       {"Calls before", TABLE_NUMBER, false, 0, true},
    {"Calls after", TABLE_NUMBER, false, 0, true}, {"P50 before", TABLE_NUMBER, false, 0, false},
    {"P50 after", TABLE_NUMBER, false, 0, false},  {"P99 before", TABLE_NUMBER, false, 0, false},
    {"P99 after", TABLE_NUMBER, false, 0, false},
};

const struct table *cells_events(struct arena *arena, const struct result_function *f)
{
    if (f->event_count < 2)
        return NULL;
    struct table *t = table_new(arena, event_columns, ARRAY_LEN(event_columns), f->event_count);
    for (size_t i = 0; i < f->event_count; i++) {
        const struct result_event *event = &f->events[i];
        struct table_row *row = table_add(t);
        row->cells[0] = event->name;
        for (int side = 0; side < SIDE_COUNT; side++) {
            row->cells[1 + side] = keep_count(arena, event->calls[side]);
            row->cells[3 + side] = keep_ms(arena, event->p50[side]);
            row->cells[5 + side] = keep_ms(arena, event->p99[side]);
        }
    }
    return t;
}

static const struct table_column accounting_columns[] = {
    {"Side", TABLE_WORDS, false, 0, false},     {"Calls", TABLE_NUMBER, false, 0, false},
    {"OK", TABLE_NUMBER, false, 0, false},      {"Failed", TABLE_NUMBER, false, 0, false},
    {"Timeout", TABLE_NUMBER, false, 0, false}, {"Throttled", TABLE_NUMBER, false, 0, false},
    {"Unknown", TABLE_NUMBER, false, 0, false}, {"Tampered", TABLE_NUMBER, false, 0, false},
};

const struct table *cells_accounting(struct arena *arena, const struct result_function *f)
{
    if (!f->accounting[SIDE_BASELINE].scheduled && !f->accounting[SIDE_CANDIDATE].scheduled)
        return NULL;
    struct table *t =
        table_new(arena, accounting_columns, ARRAY_LEN(accounting_columns), SIDE_COUNT);
    for (int side = 0; side < SIDE_COUNT; side++) {
        const struct accounting *a = &f->accounting[side];
        struct table_row *row = table_add(t);
        row->cells[0] = side_name((enum side)side);
        row->cells[1] = keep_count(arena, a->scheduled);
        for (int s = 0; s < SAMPLE_STATUS_COUNT; s++)
            row->cells[2 + s] = keep_count(arena, a->by_status[s]);
    }
    return t;
}

bool cells_all_ok(const struct result_function *f)
{
    for (int side = 0; side < SIDE_COUNT; side++)
        if (f->accounting[side].by_status[SAMPLE_OK] != f->accounting[side].scheduled)
            return false;
    return true;
}

/* ---- functions ---- */

static const struct table_column function_columns[] = {
    {"Function", TABLE_NAME, false, 12, false},    {"P99", TABLE_NUMBER, false, 0, false},
    {"Cold start", TABLE_NUMBER, false, 0, false}, {"Cost", TABLE_NUMBER, false, 0, false},
    {"Result", TABLE_WORDS, false, 20, false},
};
static const enum metric_id function_metrics[] = {METRIC_P99, METRIC_COLD_START,
                                                  METRIC_COST_PER_MILLION};

static void add_function(struct arena *arena, struct table *t, const struct result_function *f)
{
    struct table_row *row = table_add(t);
    row->mark = f->verdict;
    row->cells[0] = f->name;
    for (size_t i = 0; i < ARRAY_LEN(function_metrics); i++) {
        const struct result_metric *m = result_find(f, function_metrics[i]);
        row->cells[1 + i] = m ? keep_change(arena, m, false) : "n/a";
    }
    row->cells[4] = f->headline ? f->headline : verdict_name(f->verdict);
}

const struct table *cells_functions(struct arena *arena, const struct result *r)
{
    struct table *t =
        table_new(arena, function_columns, ARRAY_LEN(function_columns), r->function_count);
    t->marked = true;
    for (unsigned rank = 0; rank < ARRAY_LEN(order); rank++)
        for (size_t i = 0; i < r->function_count; i++)
            if (cells_rank(r->functions[i].verdict) == rank)
                add_function(arena, t, &r->functions[i]);
    return t;
}
