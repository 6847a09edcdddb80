#include "report/phrases.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "model/wording.h"
#include "report/cells.h"

static const struct phrases_look looks[VERDICT_COUNT] = {
    [VERDICT_ERROR] = {"ERROR", "💥", "!", "1;35"},
    [VERDICT_PASS] = {"PASS", "✅", "✓", "1;32"},
    [VERDICT_FAIL] = {"FAIL", "❌", "✗", "1;31"},
    [VERDICT_INCONCLUSIVE] = {"INCONCLUSIVE", "❔", "?", "1;33"},
    [VERDICT_UNGATED] = {"NOT JUDGED", "", " ", "0"},
};

const struct phrases_look *phrases_look(enum verdict v)
{
    return &looks[v >= 0 && v < VERDICT_COUNT ? v : VERDICT_ERROR];
}

static void add_phrase(struct phrases *list, struct arena *arena, enum verdict mark,
                       const char *text)
{
    if (list->count == list->capacity) {
        size_t capacity = 2 * list->capacity + 4;
        struct phrase *items = arena_alloc(arena, capacity * sizeof *items);
        if (list->count)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = (struct phrase){mark, text};
}

/* ---- the headline ---- */

const struct result_function *phrases_culprit(const struct result *r)
{
    for (size_t i = 0; i < r->function_count && !r->error_count; i++)
        if (r->functions[i].verdict == r->verdict)
            return &r->functions[i];
    return NULL;
}

static size_t count_with(const struct result *r, enum verdict v)
{
    size_t n = 0;
    for (size_t i = 0; i < r->function_count; i++)
        n += r->functions[i].verdict == v;
    return n;
}

static const char *function_headline(struct arena *arena, const struct result_function *f)
{
    if (f->headline)
        return f->headline;
    struct buf text;
    buf_init(&text);
    wording_headline(&text, f);
    return table_keep(arena, &text);
}

const char *phrases_headline(struct arena *arena, const struct result *r)
{
    const struct result_function *f = phrases_culprit(r);
    if (!f)
        return r->error_count ? r->errors[0] : "nothing was measured";
    if (r->function_count > 1 && r->verdict == VERDICT_PASS)
        return arena_printf(arena, "all %zu functions are within their limits", r->function_count);
    size_t others = count_with(r, r->verdict) - 1;
    if (!others)
        return function_headline(arena, f);
    return arena_printf(arena, "%s, and %zu more function%s", function_headline(arena, f), others,
                        others == 1 ? "" : "s");
}

/* ---- what was measured ---- */

/* "git:41d0e7c"; with the commit behind it when the source does not name it itself. */
static void add_side(struct buf *out, const struct result_side *side)
{
    enum { SHORT_SHA = 7 };
    buf_addstr(out, side->source ? side->source : "?");
    if (!side->sha)
        return;
    char sha[SHORT_SHA + 1] = "";
    memcpy(sha, side->sha, strlen(side->sha) < SHORT_SHA ? strlen(side->sha) : SHORT_SHA);
    if (!side->source || !strstr(side->source, sha))
        buf_addf(out, " (%s)", sha);
}

static void add_target(struct buf *out, const struct result_target *t)
{
    if (!t->kind) {
        buf_addstr(out, "?");
        return;
    }
    if (!strcmp(t->kind, "embedded"))
        buf_addstr(out, "embedded Lambda");
    else
        buf_addstr(out, strcmp(t->kind, "aws") ? "Lambda-compatible endpoint" : "AWS Lambda");
    if (t->region)
        buf_addf(out, ", %s", t->region);
}

static void add_size(struct buf *out, const struct result_function *f)
{
    if (f->memory_mb)
        buf_addf(out, ", %u MB", f->memory_mb);
    if (f->architecture)
        buf_addf(out, " %s", f->architecture);
    if (f->runtime)
        buf_addf(out, ", %s", f->runtime);
}

static void add_rounds(struct buf *out, const struct result_function *f)
{
    if (!f->rounds)
        buf_addstr(out, "no complete round");
    else
        buf_addf(out, "%u %s round%s", f->rounds, f->baseline_stored ? "new" : "interleaved",
                 f->rounds == 1 ? "" : "s");
    for (int side = 0; side < SIDE_COUNT; side++)
        if (f->accounting[side].scheduled != f->accounting[0].scheduled)
            return;
    buf_addstr(out, ", ");
    units_add_count(out, (int64_t)f->accounting[SIDE_BASELINE].scheduled);
    buf_addstr(out, " calls per side");
}

const char *phrases_measured(struct arena *arena, const struct result *r,
                             const struct result_function *f)
{
    struct buf text;
    buf_init(&text);
    if (f->identical) {
        buf_addstr(&text, "Package and configuration of ");
        add_side(&text, &r->side[SIDE_CANDIDATE]);
        buf_addstr(&text, " are those of ");
        add_side(&text, &r->side[SIDE_BASELINE]);
        buf_addstr(&text, ", byte by byte, so nothing was invoked.");
        return table_keep(arena, &text);
    }
    if (!f->metric_count) {
        buf_addf(&text, "Not measured: %s", f->headline ? f->headline : "no reason was recorded");
        return table_keep(arena, &text);
    }
    buf_addstr(&text, "Measured ");
    add_side(&text, &r->side[SIDE_CANDIDATE]);
    buf_addstr(&text, " against ");
    add_side(&text, &r->side[SIDE_BASELINE]);
    buf_addstr(&text, ": ");
    add_rounds(&text, f);
    buf_addstr(&text, "; ");
    add_target(&text, &r->target);
    add_size(&text, f);
    buf_addch(&text, '.');
    return table_keep(arena, &text);
}

const char *phrases_month(struct arena *arena, const struct result_function *f)
{
    const struct result_metric *cost = result_find(f, METRIC_COST_PER_MILLION);
    double millions = f->invocations_per_month / 1e6;
    if (!cost || !(millions > 0) || !(cells_is_worse(cost) || cells_is_better(cost)))
        return NULL;
    double before = cost->baseline * millions, after = cost->candidate * millions;
    if (!isfinite(before) || !isfinite(after))
        return NULL;
    struct buf text;
    buf_init(&text);
    buf_addstr(&text, "At ");
    cells_traffic(&text, f->invocations_per_month);
    buf_addf(&text, " invocations a month this %s ", after < before ? "saves" : "costs");
    units_add_usd(&text, fabs(after - before));
    buf_addf(&text, "%s (", after < before ? "" : " more");
    units_add_usd(&text, before);
    buf_addstr(&text, " → ");
    units_add_usd(&text, after);
    buf_addstr(&text, ").");
    return table_keep(arena, &text);
}

/* ---- why, and what more would take ---- */

static unsigned all_rounds(const struct result *r)
{
    unsigned rounds = 0;
    for (size_t i = 0; i < r->function_count; i++)
        rounds += r->functions[i].rounds;
    return rounds;
}

/* Time and money of the missing rounds, at the rate of this run. */
static void add_price_of_more(struct buf *out, const struct result *r,
                              const struct result_function *f, const struct result_metric *m)
{
    double more = ceil(m->rounds_needed) - f->rounds;
    double rounds = all_rounds(r);
    if (!(more > 0) || !(rounds > 0) || more > 1e6)
        return;
    buf_addf(out, " That is %.0f more", more);
    if (r->seconds > 0) {
        buf_addstr(out, ", about ");
        units_add_seconds(out, r->seconds / rounds * more);
    }
    if (r->usd > 0) {
        buf_addstr(out, " and ");
        units_add_usd(out, r->usd / rounds * more);
    }
    if (f->rounds_max && m->rounds_needed > f->rounds_max)
        buf_addf(out, ": raise rounds.max, now %u", f->rounds_max);
    buf_addch(out, '.');
}

static const char *reason_of(struct arena *arena, const struct result *r,
                             const struct result_function *f, const struct result_metric *m)
{
    struct buf text;
    buf_init(&text);
    if (m->reason)
        buf_addstr(&text, m->reason);
    else
        wording_reason(&text, m);
    if (m->verdict == VERDICT_INCONCLUSIVE)
        add_price_of_more(&text, r, f, m);
    return table_keep(arena, &text);
}

struct phrases phrases_reasons(struct arena *arena, const struct result *r,
                               const struct result_function *f)
{
    struct phrases list = {0};
    for (unsigned rank = 0; rank < cells_rank(VERDICT_PASS); rank++)
        for (size_t i = 0; i < f->metric_count; i++)
            if (cells_rank(cells_verdict(&f->metrics[i])) == rank)
                add_phrase(&list, arena, cells_verdict(&f->metrics[i]),
                           reason_of(arena, r, f, &f->metrics[i]));
    return list;
}

/* What an honest noise between measurements hides. */
static const char *unseen(struct arena *arena, const struct result_function *f)
{
    struct buf text;
    bool any = false;
    buf_init(&text);
    if (isfinite(f->session_noise_pct))
        buf_addf(&text, "Measurements of the same code were taken to differ by %.4g %% (sd)",
                 f->session_noise_pct);
    else
        buf_addstr(&text, "How far measurements differ was taken from the stored ones");
    for (size_t i = 0; i < f->metric_count; i++) {
        const struct result_metric *m = &f->metrics[i];
        if (!m->limit_count || !isfinite(m->detectable_pct))
            continue;
        buf_addf(&text, "%s%.1f %% (%s)", any ? ", " : ": a change below ", fabs(m->detectable_pct),
                 m->metric->title);
        any = true;
    }
    buf_addstr(&text, any ? " cannot be seen." : ".");
    return table_keep(arena, &text);
}

struct phrases phrases_stored(struct arena *arena, const struct result_function *f)
{
    struct phrases list = {0};
    struct buf text;
    if (!f->baseline_stored)
        return list;
    buf_init(&text);
    if (f->baseline_sessions > 1)
        buf_addf(&text, "The baseline is %u stored measurements", f->baseline_sessions);
    else
        buf_addstr(&text, "The baseline is a stored measurement");
    if (f->baseline_measured)
        buf_addf(&text, " of %s", f->baseline_measured);
    buf_addstr(&text, ", not one of this run: what differs between the two machines and days is "
                      "part of each change.");
    add_phrase(&list, arena, VERDICT_UNGATED, table_keep(arena, &text));
    if (f->baseline_sessions)
        add_phrase(&list, arena, VERDICT_UNGATED, unseen(arena, f));
    return list;
}

struct phrases phrases_notices(struct arena *arena, const struct result *r,
                               const struct result_function *f)
{
    struct phrases list = phrases_stored(arena, f);
    bool embedded = r->target.kind && !strcmp(r->target.kind, "embedded");
    if (embedded && !r->target.shaped && !f->identical)
        add_phrase(&list, arena, VERDICT_UNGATED,
                   arena_printf(arena,
                                "CPU was not limited%s%s%s: absolute times are those of this "
                                "machine; the comparison of the two sides holds.",
                                r->target.note ? " (" : "", r->target.note ? r->target.note : "",
                                r->target.note ? ")" : ""));
    return list;
}

const char *phrases_sureness(struct arena *arena, const struct result_function *f)
{
    struct buf text;
    buf_init(&text);
    for (size_t i = 0; i < f->metric_count; i++) {
        const struct result_metric *m = &f->metrics[i];
        if (!m->limit_count || !isfinite(m->noise_floor_pct))
            continue;
        bool first = !text.length;
        buf_addf(&text, first ? "%s%s is known to ±%.1f %%" : "%s%s ±%.1f %%", first ? "" : "; ",
                 m->metric->title, fabs(m->noise_floor_pct));
        if (isfinite(m->detectable_pct))
            buf_addf(&text,
                     first ? ", and a change of %.1f %% would not have been missed" : " (%.1f %%)",
                     fabs(m->detectable_pct));
    }
    if (!text.length) {
        buf_release(&text);
        return NULL;
    }
    buf_addch(&text, '.');
    return table_keep(arena, &text);
}

/* ---- the run's own figures ---- */

static void add_cleanup(struct buf *out, const struct result *r)
{
    if (!r->resources_created)
        return;
    buf_addf(out, " · %u function%s created, %u removed", r->resources_created,
             r->resources_created == 1 ? "" : "s", r->resources_removed);
    if (r->resources_removed < r->resources_created)
        buf_addf(out, " (%u LEFT BEHIND: run lambda-perf-gate cleanup)",
                 r->resources_created - r->resources_removed);
}

const char *phrases_footer(struct arena *arena, const struct result *r)
{
    struct buf text;
    buf_init(&text);
    units_add_count(&text, (int64_t)r->invocations);
    buf_addf(&text, " invocation%s · ", r->invocations == 1 ? "" : "s");
    if (r->usd == 0 || !r->invocations) {
        buf_addstr(&text, "no AWS cost");
    } else if (isfinite(r->usd)) {
        buf_addstr(&text, "spent ");
        units_add_usd(&text, r->usd);
    } else {
        buf_addstr(&text, "cost not known");
    }
    buf_addstr(&text, " · ");
    units_add_seconds(&text, r->seconds);
    add_cleanup(&text, r);
    buf_addf(&text, " · lambda-perf-gate %s", r->tool_version ? r->tool_version : "?");
    return table_keep(arena, &text);
}

/* ---- the method ---- */

static const struct table_column method_columns[] = {
    {"", TABLE_WORDS, false, 0, false},
    {"", TABLE_WORDS, false, 16, false},
};

static void add_fact(struct table *t, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    struct table_row *row = table_add(t);
    row->cells[0] = name;
    row->cells[1] = value;
}

static const char *side_fact(struct arena *arena, const struct result *r,
                             const struct result_function *f, enum side side)
{
    enum { SHOWN_DIGITS = 12 };
    struct buf text;
    buf_init(&text);
    add_side(&text, &r->side[side]);
    if (f->package[side].bytes) {
        buf_addstr(&text, "; package ");
        units_add_bytes(&text, (double)f->package[side].bytes);
    }
    if (f->package[side].sha256)
        buf_addf(&text, ", sha256 %.*s", SHOWN_DIGITS, f->package[side].sha256);
    return table_keep(arena, &text);
}

static const char *target_fact(struct arena *arena, const struct result *r)
{
    const struct result_target *t = &r->target;
    struct buf text;
    buf_init(&text);
    add_target(&text, t);
    if (t->shaping && !t->shaped)
        buf_addstr(&text, "; CPU not limited");
    else if (t->shaping)
        buf_addf(&text, "; CPU and memory limited by %s", t->shaping);
    return table_keep(arena, &text);
}

static const char *runtime_fact(struct arena *arena, const struct result_function *f)
{
    struct buf text;
    buf_init(&text);
    buf_addf(&text, "%s, %s, %u MB", f->runtime, f->architecture ? f->architecture : "?",
             f->memory_mb);
    if (f->runtime_label)
        buf_addf(&text, "; run by %s", f->runtime_label);
    return table_keep(arena, &text);
}

static const char *rounds_fact(struct arena *arena, const struct result_function *f)
{
    struct buf text;
    buf_init(&text);
    buf_addf(&text, "%u of at most %u; in each, %u fresh environment%s × %u calls per side",
             f->rounds, f->rounds_max, f->environments, f->environments == 1 ? "" : "s", f->calls);
    if (f->rounds_dropped)
        buf_addf(&text, "; %u dropped", f->rounds_dropped);
    return table_keep(arena, &text);
}

const struct table *phrases_method(struct arena *arena, const struct result *r,
                                   const struct result_function *f)
{
    enum { FACTS_MAX = 13 };
    struct table *t = table_new(arena, method_columns, ARRAY_LEN(method_columns), FACTS_MAX);
    add_fact(t, "Baseline", side_fact(arena, r, f, SIDE_BASELINE));
    add_fact(t, "Candidate", side_fact(arena, r, f, SIDE_CANDIDATE));
    add_fact(t, "Target", target_fact(arena, r));
    if (f->runtime)
        add_fact(t, "Runtime", runtime_fact(arena, f));
    if (f->metric_count) {
        add_fact(t, "Rounds", rounds_fact(arena, f));
        add_fact(t, "Schedule", f->schedule);
        add_fact(t, "Deployment", f->deployment);
        add_fact(
            t, "Cold starts",
            arena_printf(arena, "%.4g %% of the calls, for the cost", f->cold_start_rate * 100));
    }
    add_fact(t, "Prices", r->prices);
    add_fact(t, "Seed", arena_printf(arena, "%llu", (unsigned long long)r->seed));
    add_fact(t, "Started", r->started);
    return t;
}
