#include "model/wording.h"

#include <math.h>

#include "base/mem.h"
#include "base/units.h"

/* What a larger and a smaller value of a unit are called. */
static const struct {
    const char *more, *less;
} directions[] = {
    [UNIT_MS] = {"slower", "faster"},    [UNIT_USD] = {"more expensive", "cheaper"},
    [UNIT_MB] = {"higher", "lower"},     [UNIT_BYTES] = {"larger", "smaller"},
    [UNIT_SHARE] = {"higher", "lower"},  [UNIT_PER_SECOND] = {"higher", "lower"},
    [UNIT_NUMBER] = {"higher", "lower"},
};

/* "18.4 %" without a sign; one decimal below 100 %. */
static void add_size(struct buf *out, double pct)
{
    double size = fabs(pct);
    buf_addf(out, size < 99.95 ? "%.1f %%" : "%.0f %%", size);
}

void wording_change(struct buf *out, const struct metric *m, double change_pct)
{
    if (!isfinite(change_pct)) {
        buf_addstr(out, "not measured");
        return;
    }
    if (fabs(change_pct) < 0.05) {
        buf_addstr(out, "unchanged");
        return;
    }
    add_size(out, change_pct);
    buf_addf(out, " %s", change_pct > 0 ? directions[m->unit].more : directions[m->unit].less);
}

void wording_value(struct buf *out, const struct metric *m, double value)
{
    if (!isfinite(value)) {
        buf_addstr(out, "not measured");
        return;
    }
    switch (m->unit) {
    case UNIT_MS:
        units_add_ms(out, value);
        break;
    case UNIT_USD:
        units_add_usd(out, value);
        break;
    case UNIT_MB:
        buf_addf(out, "%.0f MB", value);
        break;
    case UNIT_BYTES:
        units_add_bytes(out, value);
        break;
    case UNIT_SHARE:
        buf_addf(out, value > 0 && value < 0.0995 ? "%.2f %%" : "%.0f %%", value * 100);
        break;
    case UNIT_PER_SECOND:
        units_add_significant(out, value, 3);
        buf_addstr(out, "/s");
        break;
    case UNIT_NUMBER:
        if (value < 1e15 && value <= floor(value))
            buf_addf(out, "%.0f", value);
        else
            units_add_significant(out, value, 4);
        break;
    }
}

void wording_limits(struct buf *out, const struct result_metric *m)
{
    for (unsigned i = 0; i < m->limit_count; i++)
        buf_addf(out, "%s%s", i ? ", " : "", m->limits[i]);
}

static void add_interval(struct buf *out, const struct result_metric *m)
{
    if (!isfinite(m->ci_low_pct) || !isfinite(m->ci_high_pct))
        return;
    buf_addstr(out, " (95 % interval ");
    units_add_pct(out, m->ci_low_pct);
    buf_addstr(out, " to ");
    units_add_pct(out, m->ci_high_pct);
    buf_addstr(out, ")");
}

static void add_limit_clause(struct buf *out, const struct result_metric *m)
{
    if (!m->limit_count)
        return;
    buf_addstr(out, m->limit_count > 1 ? "; the limits are " : "; the limit is ");
    wording_limits(out, m);
}

static void add_rate(struct buf *out, const struct result_metric *m)
{
    buf_addf(out, "%s is ", m->metric->noun);
    wording_value(out, m->metric, m->candidate);
    buf_addstr(out, ", the baseline's ");
    wording_value(out, m->metric, m->baseline);
}

void wording_reason(struct buf *out, const struct result_metric *m)
{
    if (m->metric->kind == KIND_RATE) {
        add_rate(out, m);
    } else if (!isfinite(m->change_pct)) {
        buf_addf(out, "%s was not measured", m->metric->noun);
    } else {
        buf_addf(out, "%s is ", m->metric->noun);
        wording_change(out, m->metric, m->change_pct);
        add_interval(out, m);
    }
    add_limit_clause(out, m);
    if (m->verdict == VERDICT_INCONCLUSIVE && m->rounds_needed > 0)
        buf_addf(out, "; telling would take about %.0f rounds", ceil(m->rounds_needed));
    buf_addch(out, '.');
}

/* The first judged metric with this verdict. */
static const struct result_metric *first_with(const struct result_function *f, enum verdict v)
{
    for (size_t i = 0; i < f->metric_count; i++)
        if (f->metrics[i].limit_count && f->metrics[i].verdict == v)
            return &f->metrics[i];
    return NULL;
}

/* The judged metric that became better the most, beyond its own noise; NULL when none did. */
static const struct result_metric *best_improvement(const struct result_function *f)
{
    const struct result_metric *best = NULL;
    for (size_t i = 0; i < f->metric_count; i++) {
        const struct result_metric *m = &f->metrics[i];
        bool better = m->metric->higher_is_better ? m->ci_low_pct > 0 : m->ci_high_pct < 0;
        if (m->limit_count && better && (!best || fabs(m->change_pct) > fabs(best->change_pct)))
            best = m;
    }
    return best;
}

static void add_metric_clause(struct buf *out, const struct result_metric *m)
{
    if (m->metric->kind == KIND_RATE) {
        add_rate(out, m);
        return;
    }
    buf_addf(out, "%s is ", m->metric->noun);
    wording_change(out, m->metric, m->change_pct);
}

/*
 * Not worse than the baseline, or judged by a maximum alone: then the value broke the limit, not
 * the change.
 */
static bool broke_a_maximum(const struct result_metric *m)
{
    unsigned maxima = 0;
    for (unsigned i = 0; i < m->limit_count; i++)
        maxima += m->limits[i][0] == '<';
    bool worse = m->metric->higher_is_better ? m->change_pct < 0 : m->change_pct > 0;
    return maxima && (maxima == m->limit_count || !worse) && isfinite(m->candidate);
}

static void headline_fail(struct buf *out, const struct result_function *f)
{
    const struct result_metric *m = first_with(f, VERDICT_FAIL);
    if (!m) {
        buf_addstr(out, "a limit is exceeded");
        return;
    }
    if (m->metric->kind != KIND_RATE && broke_a_maximum(m)) {
        buf_addf(out, "%s is ", m->metric->noun);
        wording_value(out, m->metric, m->candidate);
    } else {
        add_metric_clause(out, m);
    }
    buf_addstr(out, " (limit ");
    wording_limits(out, m);
    buf_addstr(out, ")");
}

static void headline_pass(struct buf *out, const struct result_function *f)
{
    const struct result_metric *m = best_improvement(f);
    buf_addstr(out, "within all limits");
    if (f->identical)
        buf_addstr(out, ": the packages are identical, nothing was invoked");
    if (!m)
        return;
    buf_addstr(out, "; ");
    add_metric_clause(out, m);
}

/* Without a metric to blame it is the first guard that spoke: "the machine was busy: ...". */
static void add_first_warning(struct buf *out, const struct result_function *f)
{
    if (f->warning_count)
        buf_addf(out, ": %s", f->warnings[0]);
}

static void headline_inconclusive(struct buf *out, const struct result_function *f)
{
    const struct result_metric *m = first_with(f, VERDICT_INCONCLUSIVE);
    buf_addstr(out, "cannot tell");
    if (!m) {
        add_first_warning(out, f);
        return;
    }
    buf_addstr(out, ": ");
    if (m->metric->kind == KIND_RATE) {
        add_rate(out, m);
    } else if (isfinite(m->change_pct) && isfinite(m->noise_floor_pct)) {
        add_metric_clause(out, m);
        buf_addstr(out, ", give or take ");
        add_size(out, m->noise_floor_pct);
    } else {
        buf_addf(out, "%s could not be estimated", m->metric->noun);
    }
    buf_addstr(out, " (limit ");
    wording_limits(out, m);
    buf_addstr(out, ")");
}

void wording_headline(struct buf *out, const struct result_function *f)
{
    switch (f->verdict) {
    case VERDICT_FAIL:
        headline_fail(out, f);
        break;
    case VERDICT_PASS:
        headline_pass(out, f);
        break;
    case VERDICT_INCONCLUSIVE:
        headline_inconclusive(out, f);
        break;
    default:
        buf_addstr(out, "could not be measured");
        add_first_warning(out, f);
        break;
    }
}
