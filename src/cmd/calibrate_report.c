#include "cmd/calibrate_report.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "config/limits.h"
#include "model/wording.h"

static const double FALSE_ALARMS_MAX = 0.01; /* of a gate, as promised */

/* What a metric without a usual limit of its own is held to at least, in percent. */
static const double USUAL_PCT = 10;

/* Two digits are more than is known. */
static void add_number(struct buf *out, double pct)
{
    buf_addf(out, pct < 10 ? "%.2g" : "%.0f", pct);
}

/* ---- limits ---- */

/* The parsed default; its text is the row's. */
static struct plan_limit parse_default(const struct limit_default *d)
{
    struct plan_limit limit = {.metric = &metrics[d->metric]};
    limit_parse(d->text, limit.metric, &limit, NULL);
    limit.text = d->text;
    return limit;
}

static double usual_pct(const struct metric *m)
{
    for (size_t i = 0; i < LIMIT_DEFAULTS; i++) {
        struct plan_limit limit = parse_default(&limit_defaults[i]);
        if (limit.metric == m && limit.kind == LIMIT_INCREASE_PCT)
            return limit.value * 100;
    }
    return USUAL_PCT;
}

static bool has_usual(const struct metric *m)
{
    for (size_t i = 0; i < LIMIT_DEFAULTS; i++)
        if (&metrics[limit_defaults[i].metric] == m)
            return true;
    return false;
}

static bool has_own(const struct plan_function *f, const struct metric *m)
{
    for (size_t i = 0; i < f->limit_count; i++)
        if (f->limits[i].metric == m)
            return true;
    return false;
}

/* The limits of a metric besides the relative one: the function's own, or else the usual ones. */
struct others {
    struct plan_limit limits[RESULT_LIMITS_MAX];
    size_t count;
};

static void add_other(struct others *o, const struct metric *m, const struct plan_limit *limit)
{
    if (limit->metric == m && limit->kind != LIMIT_INCREASE_PCT && o->count < RESULT_LIMITS_MAX)
        o->limits[o->count++] = *limit;
}

static struct others others_of(const struct plan_function *f, const struct metric *m)
{
    struct others o = {0};
    for (size_t i = 0; i < f->limit_count; i++)
        add_other(&o, m, &f->limits[i]);
    for (size_t i = 0; i < LIMIT_DEFAULTS && !has_own(f, m); i++) {
        struct plan_limit limit = parse_default(&limit_defaults[i]);
        add_other(&o, m, &limit);
    }
    return o;
}

static void write_list(const struct metric *m, double pct, const struct others *o, struct buf *out)
{
    const char *between = "";
    if (!isfinite(pct) && !o->count) {
        buf_addf(out, "  # %s: no limit is supported", m->id);
        return;
    }
    buf_addf(out, "  %s: [", m->id);
    if (isfinite(pct)) {
        buf_addf(out, "\"+%g%%\"", pct);
        between = ", ";
    }
    for (size_t i = 0; i < o->count; i++, between = ", ")
        buf_addf(out, "%s\"%s\"", between, o->limits[i].text);
    buf_addch(out, ']');
}

/*
 * A limit in the metric's unit may allow more than the relative one needs: then the usual relative
 * one will do.
 */
static void write_limit(const struct calibrate_report *r, const struct metric *m, struct buf *out)
{
    const struct calibration_metric *c = calibration_find(r->calibration, metric_index(m));
    struct others others = others_of(r->function, m);
    double allowed = c ? calibration_allowed(c, others.limits, others.count) : NAN;
    bool generous = c && c->supported_pct <= allowed;
    double pct = !c ? NAN : generous ? usual_pct(m) : calibration_limit(c, usual_pct(m));
    write_list(m, pct, &others, out);
    if (c && isfinite(c->supported_pct)) {
        buf_addf(out, "   # rounds.max %u can tell +", r->function->rounds.max);
        add_number(out, c->supported_pct);
        buf_addstr(out, " %");
    } else if (c)
        buf_addf(out, "   # rounds.max %u supports no relative limit", r->function->rounds.max);
    if (isfinite(allowed)) {
        buf_addstr(out, "; the absolute limit is +");
        add_number(out, allowed);
        buf_addstr(out, " % here");
    }
    buf_addch(out, '\n');
}

/* The `limits:` block: the limits that are supported, rounded up, none below the usual one. */
static void write_limits(const struct calibrate_report *r, struct buf *out)
{
    buf_addstr(out, "limits:\n");
    for (size_t i = 0; i < plan_metric_count(r->function); i++) {
        const struct metric *m = plan_metric(r->function, i);
        if (has_usual(m) || has_own(r->function, m))
            write_limit(r, m, out);
    }
}

/* ---- warnings ---- */

static void add_limits(const struct plan_function *f, const struct metric *m, struct buf *out)
{
    buf_addf(out, "warning: %s", m->id);
    for (size_t i = 0; i < f->limit_count; i++)
        if (f->limits[i].metric == m)
            buf_addf(out, " %s", f->limits[i].text);
}

static void warn_of_limit(const struct calibrate_report *r, const struct metric *m, struct buf *out)
{
    const struct calibration_metric *c = calibration_find(r->calibration, metric_index(m));
    bool estimated = m->kind != KIND_RATE && m->kind != KIND_CONSTANT && !m->higher_is_better;
    if ((!c && !estimated) || (c && calibration_supports(c, r->function)))
        return;
    add_limits(r->function, m, out);
    if (!c)
        buf_addf(out, ": not measured: %s\n",
                 r->calibration->rounds < EFFECT_ROUNDS_MIN ? "too few rounds" : "too few values");
    else if (isfinite(c->supported_pct)) {
        buf_addf(out, ": %u rounds are too few here: they tell changes of ",
                 r->function->rounds.max);
        add_number(out, c->supported_pct);
        buf_addstr(out, " % or more\n");
    } else
        buf_addf(out, ": %u rounds give too few values to judge it\n", r->function->rounds.max);
}

static void add_warnings(const struct calibrate_report *r, struct buf *out)
{
    const struct calibration *c = r->calibration;
    for (size_t i = 0; i < r->measured->warning_count; i++)
        buf_addf(out, "warning: %s\n", r->measured->warnings[i]);
    for (size_t i = 0; i < plan_metric_count(r->function); i++)
        if (has_own(r->function, plan_metric(r->function, i)))
            warn_of_limit(r, plan_metric(r->function, i), out);
    for (unsigned i = 0; i < c->metric_count; i++)
        if (c->metrics[i].judged && c->metrics[i].floor_proven)
            buf_addf(out,
                     "warning: %s: equal sides differ for longer than a round (%.3g %%): something "
                     "favours one of them\n",
                     c->metrics[i].metric->id, c->metrics[i].floor_pct);
    if (c->alarms.failed > FALSE_ALARMS_MAX * c->alarms.gates)
        buf_addf(out, "warning: %u of %u replays failed although nothing differs\n",
                 c->alarms.failed, c->alarms.gates);
}

/* ---- the text ---- */

static void add_pct(struct buf *out, double pct)
{
    struct buf cell;
    buf_init(&cell);
    if (isfinite(pct))
        add_number(&cell, pct);
    buf_addstr(&cell, isfinite(pct) ? " %" : "-");
    buf_addf(out, " %9s", cell.data);
    buf_release(&cell);
}

static void add_metric(const struct calibration_metric *m, struct buf *out)
{
    struct buf level;
    buf_init(&level);
    wording_value(&level, m->metric, m->level);
    buf_addf(out, "%c %-20s %12s", m->judged ? '*' : ' ', m->metric->id, level.data);
    add_pct(out, m->noise_pct);
    add_pct(out, m->spread_pct);
    add_pct(out, m->floor_pct);
    for (int i = 0; i < CALIBRATION_BUDGETS; i++)
        add_pct(out, m->detectable_pct[i]);
    buf_addch(out, '\n');
    buf_release(&level);
}

static void add_alarms(const struct calibration *c, struct buf *out)
{
    const struct calibration_alarms *a = &c->alarms;
    buf_addf(
        out,
        "\nfalse alarms: %u of %u replays of the gate failed (at most %.2g %% with 95 %% "
        "confidence),\n%u passed, %u were not clear after up to %u rounds; %.3g rounds each on "
        "average. A replay takes\nthese rounds in another order, with the sides' names swapped "
        "in random ones.\n",
        a->failed, a->gates, a->upper_pct, a->passed, a->gates - a->failed - a->passed, c->rounds,
        a->rounds);
}

void calibrate_write_text(const struct calibrate_report *r, struct buf *out)
{
    const struct calibration *c = r->calibration;
    buf_addf(out, "%s: %u rounds, the same code on both sides, %.3g rounds a minute\n\n",
             r->function->name, c->rounds, c->rounds_per_minute);
    buf_addf(out, "  %-20s %12s %9s %9s %9s %9s %9s %9s\n", "", "", "", "spread of", "", "seen in",
             "seen in", "seen in");
    buf_addf(out, "  %-20s %12s %9s %7u r. %9s %9s %9s %9s\n", "metric", "level", "noise +/-",
             c->block_rounds, "floor", "1 min", "5 min", "15 min");
    for (unsigned i = 0; i < c->metric_count; i++)
        add_metric(&c->metrics[i], out);
    if (!c->metric_count)
        buf_addstr(out, "  (too few rounds to say anything)\n");
    add_alarms(c, out);
    buf_addch(out, '\n');
    add_warnings(r, out);
    buf_addstr(out, "supported here, for perf.yml:\n\n");
    write_limits(r, out);
    buf_addch(out, '\n');
}

/* ---- the object ---- */

static void put_metric(const struct calibration_metric *m, struct json_writer *w)
{
    json_open_object(w, NULL);
    json_put_string(w, "id", m->metric->id);
    json_put_string(w, "unit", metric_unit_name(m->metric->unit));
    json_put_bool(w, "judged", m->judged);
    json_put_number(w, "level", m->level, 6);
    json_put_number(w, "difference_pct", m->difference_pct, 4);
    json_put_number(w, "noise_pct", m->noise_pct, 4);
    json_put_number(w, "spread_pct", m->spread_pct, 4);
    json_put_integer(w, "blocks", m->blocks);
    json_put_number(w, "floor_pct", m->floor_pct, 4);
    json_put_bool(w, "floor_proven", m->floor_proven);
    json_open_array(w, "detectable");
    for (int i = 0; i < CALIBRATION_BUDGETS; i++) {
        json_open_object(w, NULL);
        json_put_number(w, "minutes", calibration_minutes[i], 0);
        json_put_number(w, "pct", m->detectable_pct[i], 4);
        json_close(w);
    }
    json_close(w);
    json_put_number(w, "supported_pct", m->supported_pct, 4);
    json_close(w);
}

static void put_lines(struct json_writer *w, const char *key, const char *text)
{
    json_open_array(w, key);
    while (*text) {
        size_t length = strcspn(text, "\n");
        json_put_bytes(w, NULL, text, length);
        text += length + (text[length] == '\n');
    }
    json_close(w);
}

void calibrate_write_json(const struct calibrate_report *r, struct json_writer *w)
{
    const struct calibration *c = r->calibration;
    struct buf text;
    buf_init(&text);
    json_put_integer(w, "rounds", c->rounds);
    json_put_integer(w, "rounds_dropped", c->dropped);
    json_put_number(w, "rounds_per_minute", c->rounds_per_minute, 3);
    json_put_integer(w, "block_rounds", c->block_rounds);
    json_open_object(w, "false_alarms");
    json_put_integer(w, "replays", c->alarms.gates);
    json_put_integer(w, "failed", c->alarms.failed);
    json_put_integer(w, "passed", c->alarms.passed);
    json_put_number(w, "rounds", c->alarms.rounds, 2);
    json_put_number(w, "upper_pct", c->alarms.upper_pct, 4);
    json_close(w);
    json_open_array(w, "metrics");
    for (unsigned i = 0; i < c->metric_count; i++)
        put_metric(&c->metrics[i], w);
    json_close(w);
    add_warnings(r, &text);
    put_lines(w, "warnings", text.data);
    buf_clear(&text);
    write_limits(r, &text);
    json_put_string(w, "limits", text.data);
    buf_release(&text);
}
