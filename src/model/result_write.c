/* result.json, written. Keys are only ever added; see the schema number in result.h. */
#include "model/result.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/json.h"

/* Enough for a price of a tenth of a nano-dollar and a change of a millionth of a percent. */
enum { DECIMALS = 6, USD_DECIMALS = 10 };

static void put_number(struct json_writer *w, const char *key, double value)
{
    if (isfinite(value))
        json_put_number(w, key, value, DECIMALS);
}

static void put_text(struct json_writer *w, const char *key, const char *value)
{
    if (value)
        json_put_string(w, key, value);
}

/*
 * Whole numbers from 2^53 on would not survive a reader that keeps numbers as doubles: they go as
 * text.
 */
static void put_seed(struct json_writer *w, uint64_t seed)
{
    char text[24];
    if (seed < RESULT_EXACT_MAX) {
        json_put_integer(w, "seed", (int64_t)seed);
        return;
    }
    snprintf(text, sizeof text, "%" PRIu64, seed);
    json_put_string(w, "seed", text);
}

static void write_sides(struct json_writer *w, const struct result *r)
{
    for (int side = 0; side < SIDE_COUNT; side++) {
        json_open_object(w, side_name((enum side)side));
        put_text(w, "source", r->side[side].source);
        put_text(w, "sha", r->side[side].sha);
        json_close(w);
    }
}

static void write_target(struct json_writer *w, const struct result_target *t)
{
    json_open_object(w, "target");
    put_text(w, "kind", t->kind);
    json_put_bool(w, "shaped", t->shaped);
    put_text(w, "shaping", t->shaping);
    put_text(w, "note", t->note);
    json_put_string(w, "region", t->region);
    json_close(w);
}

static void write_metric(struct json_writer *w, const struct result_metric *m)
{
    json_open_object(w, NULL);
    json_put_string(w, "id", m->metric->id);
    json_put_string(w, "unit", metric_unit_name(m->metric->unit));
    if (metric_is_custom(m->metric)) {
        json_put_string(w, "statistic", metric_statistic_name(m->metric));
        json_put_string(w, "better", m->metric->higher_is_better ? "higher" : "lower");
    }
    put_number(w, "baseline", m->baseline);
    put_number(w, "candidate", m->candidate);
    put_number(w, "change_pct", m->change_pct);
    put_number(w, "ci_low_pct", m->ci_low_pct);
    put_number(w, "ci_high_pct", m->ci_high_pct);
    json_open_array(w, "limits");
    for (unsigned i = 0; i < m->limit_count; i++)
        json_put_string(w, NULL, m->limits[i]);
    json_close(w);
    if (m->line)
        json_put_integer(w, "line", m->line);
    json_put_string(w, "verdict", verdict_name(m->verdict));
    put_number(w, "noise_floor_pct", m->noise_floor_pct);
    put_number(w, "detectable_pct", m->detectable_pct);
    put_number(w, "rounds_needed", m->rounds_needed);
    put_text(w, "reason", m->reason);
    json_close(w);
}

static void write_accounting(struct json_writer *w, const struct result_function *f)
{
    json_open_object(w, "accounting");
    for (int side = 0; side < SIDE_COUNT; side++) {
        const struct accounting *a = &f->accounting[side];
        json_open_object(w, side_name((enum side)side));
        json_put_integer(w, "scheduled", (int64_t)a->scheduled);
        for (int s = 0; s < SAMPLE_STATUS_COUNT; s++)
            json_put_integer(w, sample_status_name((enum sample_status)s),
                             (int64_t)a->by_status[s]);
        json_close(w);
    }
    json_close(w);
}

static void write_packages(struct json_writer *w, const struct result_function *f)
{
    json_open_object(w, "package");
    for (int side = 0; side < SIDE_COUNT; side++) {
        json_open_object(w, side_name((enum side)side));
        put_text(w, "sha256", f->package[side].sha256);
        json_put_integer(w, "bytes", (int64_t)f->package[side].bytes);
        json_close(w);
    }
    json_close(w);
}

static void write_events(struct json_writer *w, const struct result_function *f)
{
    json_open_array(w, "events");
    for (size_t i = 0; i < f->event_count; i++) {
        const struct result_event *event = &f->events[i];
        json_open_object(w, NULL);
        json_put_string(w, "name", event->name);
        for (int side = 0; side < SIDE_COUNT; side++) {
            json_open_object(w, side_name((enum side)side));
            json_put_integer(w, "calls", (int64_t)event->calls[side]);
            put_number(w, "p50", event->p50[side]);
            put_number(w, "p99", event->p99[side]);
            json_close(w);
        }
        json_close(w);
    }
    json_close(w);
}

static void write_texts(struct json_writer *w, const char *key, const char *const *texts,
                        size_t count)
{
    json_open_array(w, key);
    for (size_t i = 0; i < count; i++)
        json_put_string(w, NULL, texts[i]);
    json_close(w);
}

static void write_method(struct json_writer *w, const struct result_function *f)
{
    json_put_integer(w, "rounds", f->rounds);
    json_put_integer(w, "rounds_dropped", f->rounds_dropped);
    json_put_integer(w, "rounds_max", f->rounds_max);
    json_put_integer(w, "environments", f->environments);
    json_put_integer(w, "calls", f->calls);
    put_text(w, "schedule", f->schedule);
    put_text(w, "deployment", f->deployment);
    put_number(w, "invocations_per_month", f->invocations_per_month);
    put_number(w, "cold_start_rate", f->cold_start_rate);
    json_put_integer(w, "concurrency", f->concurrency);
}

/* How a stored baseline was measured. */
static void write_stored(struct json_writer *w, const struct result_function *f)
{
    if (!f->baseline_sessions)
        return;
    json_put_integer(w, "baseline_sessions", f->baseline_sessions);
    put_text(w, "baseline_measured", f->baseline_measured);
    put_number(w, "session_noise_pct", f->session_noise_pct);
}

static void write_function(struct json_writer *w, const struct result_function *f)
{
    json_open_object(w, NULL);
    json_put_string(w, "name", f->name);
    json_put_string(w, "verdict", verdict_name(f->verdict));
    put_text(w, "headline", f->headline);
    put_text(w, "runtime", f->runtime);
    put_text(w, "runtime_label", f->runtime_label);
    put_text(w, "architecture", f->architecture);
    json_put_integer(w, "memory_mb", f->memory_mb);
    json_put_bool(w, "identical", f->identical);
    json_put_bool(w, "baseline_stored", f->baseline_stored);
    write_stored(w, f);
    write_method(w, f);
    json_open_array(w, "metrics");
    for (size_t i = 0; i < f->metric_count; i++)
        write_metric(w, &f->metrics[i]);
    json_close(w);
    write_accounting(w, f);
    write_packages(w, f);
    write_events(w, f);
    write_texts(w, "warnings", f->warnings, f->warning_count);
    json_close(w);
}

static void write_spend(struct json_writer *w, const struct result *r)
{
    json_open_object(w, "spend");
    json_put_integer(w, "invocations", (int64_t)r->invocations);
    if (isfinite(r->usd))
        json_put_number(w, "usd", r->usd, USD_DECIMALS);
    put_number(w, "seconds", r->seconds);
    json_close(w);
    json_open_object(w, "resources");
    json_put_integer(w, "created", r->resources_created);
    json_put_integer(w, "removed", r->resources_removed);
    json_close(w);
}

void result_write(const struct result *r, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out, 2);
    json_open_object(&w, NULL);
    json_put_string(&w, "schema", RESULT_SCHEMA);
    json_put_string(&w, "verdict", verdict_name(r->verdict));
    json_put_integer(&w, "exit_code", r->exit_code);
    put_text(&w, "headline", r->headline);
    put_seed(&w, r->seed);
    json_open_object(&w, "tool");
    put_text(&w, "version", r->tool_version);
    json_close(&w);
    put_text(&w, "started", r->started);
    write_sides(&w, r);
    write_target(&w, &r->target);
    put_text(&w, "prices", r->prices);
    json_open_array(&w, "functions");
    for (size_t i = 0; i < r->function_count; i++)
        write_function(&w, &r->functions[i]);
    json_close(&w);
    write_spend(&w, r);
    put_text(&w, "reproduce", r->reproduce);
    write_texts(&w, "errors", r->errors, r->error_count);
    json_close(&w);
    buf_addch(out, '\n');
}
