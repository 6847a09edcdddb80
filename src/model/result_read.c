/* result.json, read back: missing parts become "not measured", parts of the wrong kind are errors.
 */
#include "model/result.h"

#include <math.h>
#include <string.h>

#include "base/json.h"

static const char *text_of(struct arena *a, const struct json *object, const char *key)
{
    const char *text = json_get_string(object, key, NULL);
    return text ? arena_strdup(a, text) : NULL;
}

static unsigned count_of(const struct json *object, const char *key)
{
    int64_t n = json_get_integer(object, key, 0);
    return n > 0 && n < INT32_MAX ? (unsigned)n : 0;
}

static uint64_t total_of(const struct json *object, const char *key)
{
    int64_t n = json_get_integer(object, key, 0);
    return n > 0 ? (uint64_t)n : 0;
}

static const char **texts_of(struct arena *a, const struct json *list, size_t *count)
{
    const char **texts = arena_alloc(a, (json_count(list) + 1) * sizeof *texts);
    *count = 0;
    for (const struct json *v = json_first(list); v; v = json_next(v))
        texts[(*count)++] = arena_strdup(a, json_string(v, ""));
    return texts;
}

static int read_metric(struct arena *a, const struct json *from, struct result_metric *m,
                       struct error *e)
{
    const char *id = json_get_string(from, "id", "");
    const struct metric *row = metric_find(id);
    if (!row)
        return error_set(e, ERROR_INPUT, "unknown metric '%.40s'", id);
    *m = result_metric_none(row);
    m->baseline = json_get_number(from, "baseline", NAN);
    m->candidate = json_get_number(from, "candidate", NAN);
    m->change_pct = json_get_number(from, "change_pct", NAN);
    m->ci_low_pct = json_get_number(from, "ci_low_pct", NAN);
    m->ci_high_pct = json_get_number(from, "ci_high_pct", NAN);
    m->noise_floor_pct = json_get_number(from, "noise_floor_pct", NAN);
    m->detectable_pct = json_get_number(from, "detectable_pct", NAN);
    m->rounds_needed = json_get_number(from, "rounds_needed", NAN);
    m->line = count_of(from, "line");
    m->verdict = verdict_parse(json_get_string(from, "verdict", ""));
    m->reason = text_of(a, from, "reason");
    const struct json *limit = json_first(json_get(from, "limits"));
    for (; limit && m->limit_count < RESULT_LIMITS_MAX; limit = json_next(limit))
        m->limits[m->limit_count++] = arena_strdup(a, json_string(limit, ""));
    return 0;
}

static int read_metrics(struct arena *a, const struct json *list, struct result_function *f,
                        struct error *e)
{
    f->metrics = arena_alloc(a, (json_count(list) + 1) * sizeof *f->metrics);
    for (const struct json *v = json_first(list); v; v = json_next(v))
        if (read_metric(a, v, &f->metrics[f->metric_count++], e))
            return -1;
    return 0;
}

static void read_events(struct arena *a, const struct json *list, struct result_function *f)
{
    f->events = arena_alloc(a, (json_count(list) + 1) * sizeof *f->events);
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        struct result_event *event = &f->events[f->event_count++];
        event->name = arena_strdup(a, json_get_string(v, "name", ""));
        for (int side = 0; side < SIDE_COUNT; side++) {
            const struct json *s = json_get(v, side_name((enum side)side));
            event->calls[side] = total_of(s, "calls");
            event->p50[side] = json_get_number(s, "p50", NAN);
            event->p99[side] = json_get_number(s, "p99", NAN);
        }
    }
}

static void read_both_sides(struct arena *a, const struct json *from, struct result_function *f)
{
    for (int side = 0; side < SIDE_COUNT; side++) {
        const char *name = side_name((enum side)side);
        const struct json *account = json_get(json_get(from, "accounting"), name);
        const struct json *package = json_get(json_get(from, "package"), name);
        f->accounting[side].scheduled = total_of(account, "scheduled");
        for (int s = 0; s < SAMPLE_STATUS_COUNT; s++)
            f->accounting[side].by_status[s] =
                total_of(account, sample_status_name((enum sample_status)s));
        f->package[side].sha256 = text_of(a, package, "sha256");
        f->package[side].bytes = total_of(package, "bytes");
    }
}

static void read_method(struct arena *a, const struct json *from, struct result_function *f)
{
    f->rounds = count_of(from, "rounds");
    f->rounds_dropped = count_of(from, "rounds_dropped");
    f->rounds_max = count_of(from, "rounds_max");
    f->environments = count_of(from, "environments");
    f->calls = count_of(from, "calls");
    f->schedule = text_of(a, from, "schedule");
    f->invocations_per_month = json_get_number(from, "invocations_per_month", 0);
    f->cold_start_rate = json_get_number(from, "cold_start_rate", 0);
    f->concurrency = count_of(from, "concurrency");
}

static int read_function(struct arena *a, const struct json *from, struct result_function *f,
                         struct error *e)
{
    const char *name = json_get_string(from, "name", NULL);
    if (!name)
        return error_set(e, ERROR_INPUT, "a function without a name");
    f->name = arena_strdup(a, name);
    f->verdict = verdict_parse(json_get_string(from, "verdict", ""));
    f->headline = text_of(a, from, "headline");
    f->runtime = text_of(a, from, "runtime");
    f->runtime_label = text_of(a, from, "runtime_label");
    f->architecture = text_of(a, from, "architecture");
    f->memory_mb = count_of(from, "memory_mb");
    f->identical = json_get_bool(from, "identical", false);
    f->baseline_stored = json_get_bool(from, "baseline_stored", false);
    read_method(a, from, f);
    read_both_sides(a, from, f);
    read_events(a, json_get(from, "events"), f);
    f->warnings = texts_of(a, json_get(from, "warnings"), &f->warning_count);
    if (read_metrics(a, json_get(from, "metrics"), f, e))
        return error_prefix(e, "function '%s'", name);
    return 0;
}

static void read_head(const struct json *from, struct result *r)
{
    struct arena *a = &r->arena;
    const struct json *target = json_get(from, "target");
    r->verdict = verdict_parse(json_get_string(from, "verdict", ""));
    r->exit_code = (enum exit_code)json_get_integer(from, "exit_code", EXIT_ERROR);
    r->headline = text_of(a, from, "headline");
    r->seed = total_of(from, "seed");
    r->tool_version = text_of(a, json_get(from, "tool"), "version");
    r->started = text_of(a, from, "started");
    for (int side = 0; side < SIDE_COUNT; side++) {
        const struct json *s = json_get(from, side_name((enum side)side));
        r->side[side].source = text_of(a, s, "source");
        r->side[side].sha = text_of(a, s, "sha");
    }
    r->target.kind = text_of(a, target, "kind");
    r->target.shaped = json_get_bool(target, "shaped", false);
    r->target.shaping = text_of(a, target, "shaping");
    r->target.note = text_of(a, target, "note");
    r->target.region = text_of(a, target, "region");
    r->prices = text_of(a, from, "prices");
    r->reproduce = text_of(a, from, "reproduce");
    r->errors = texts_of(a, json_get(from, "errors"), &r->error_count);
}

static void read_spend(const struct json *from, struct result *r)
{
    const struct json *spend = json_get(from, "spend");
    const struct json *resources = json_get(from, "resources");
    r->invocations = total_of(spend, "invocations");
    r->usd = json_get_number(spend, "usd", NAN);
    r->seconds = json_get_number(spend, "seconds", 0);
    r->resources_created = count_of(resources, "created");
    r->resources_removed = count_of(resources, "removed");
}

static int read_all(const struct json *from, struct result *r, struct error *e)
{
    const char *schema = json_get_string(from, "schema", "");
    if (strcmp(schema, RESULT_SCHEMA) != 0)
        return error_set(e, ERROR_INPUT,
                         "not a result of this version: schema is '%.60s', expected '%s'", schema,
                         RESULT_SCHEMA);
    const struct json *functions = json_get(from, "functions");
    if (json_type(functions) != JSON_ARRAY)
        return error_set(e, ERROR_INPUT, "'functions' is missing");
    read_head(from, r);
    read_spend(from, r);
    r->functions = arena_alloc(&r->arena, (json_count(functions) + 1) * sizeof *r->functions);
    for (const struct json *v = json_first(functions); v; v = json_next(v))
        if (read_function(&r->arena, v, &r->functions[r->function_count++], e))
            return -1;
    return 0;
}

struct result *result_read(const char *text, size_t length, struct error *e)
{
    struct json *from = json_parse(text, length, e);
    if (!from)
        return NULL;
    struct result *r = result_new();
    int failed = read_all(from, r, e);
    json_free(from);
    if (!failed)
        return r;
    result_free(r);
    return NULL;
}
