/*
 * result.json, read back. What is absent becomes "not measured"; what is there but of the wrong
 * kind is an error, and so is a verdict that its own parts contradict: a damaged file must not turn
 * into a pass.
 */
#include "model/result.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/json.h"

/* Where strings go, and the first thing that was wrong; later ones change nothing. */
struct reader {
    struct arena *arena;
    struct error *e;
    bool failed;
};

static void refuse(struct reader *in, const char *key, const char *expected)
{
    if (!in->failed)
        error_set(in->e, ERROR_INPUT, "'%s' is not %s", key, expected);
    in->failed = true;
}

/*
 * The member, if it is there and not null; NULL also when it is of another type, which is refused.
 */
static const struct json *member(struct reader *in, const struct json *object, const char *key,
                                 enum json_type type)
{
    static const char *const expected[] = {
        [JSON_BOOL] = "true or false", [JSON_NUMBER] = "a number",  [JSON_STRING] = "a text",
        [JSON_ARRAY] = "a list",       [JSON_OBJECT] = "an object",
    };
    const struct json *value = json_get(object, key);
    enum json_type found = json_type(value);
    if (found == type)
        return value;
    if (found != JSON_MISSING && found != JSON_NULL)
        refuse(in, key, expected[type]);
    return NULL;
}

static const char *text_of(struct reader *in, const struct json *object, const char *key)
{
    const char *text = json_string(member(in, object, key, JSON_STRING), NULL);
    return text ? arena_strdup(in->arena, text) : NULL;
}

static double number_of(struct reader *in, const struct json *object, const char *key,
                        double missing)
{
    return json_number(member(in, object, key, JSON_NUMBER), missing);
}

static bool flag_of(struct reader *in, const struct json *object, const char *key)
{
    return json_bool(member(in, object, key, JSON_BOOL), false);
}

static uint64_t total_of(struct reader *in, const struct json *object, const char *key)
{
    const struct json *value = member(in, object, key, JSON_NUMBER);
    int64_t n = value ? json_integer(value, -1) : 0;
    if (n < 0)
        refuse(in, key, "a whole number");
    return n > 0 ? (uint64_t)n : 0;
}

static unsigned count_of(struct reader *in, const struct json *object, const char *key)
{
    uint64_t n = total_of(in, object, key);
    if (n > INT_MAX)
        refuse(in, key, "a number of this size");
    return n <= INT_MAX ? (unsigned)n : 0;
}

/* Elements of the wrong kind are refused under the name of their list. */
static bool is_element(struct reader *in, const struct json *value, const char *list,
                       enum json_type type)
{
    if (json_type(value) == type)
        return true;
    refuse(in, list, type == JSON_STRING ? "a list of texts" : "a list of objects");
    return false;
}

static const char **texts_of(struct reader *in, const struct json *object, const char *key,
                             size_t *count)
{
    const struct json *list = member(in, object, key, JSON_ARRAY);
    const char **texts = arena_alloc(in->arena, (json_count(list) + 1) * sizeof *texts);
    *count = 0;
    for (const struct json *v = json_first(list); v; v = json_next(v))
        if (is_element(in, v, key, JSON_STRING))
            texts[(*count)++] = arena_strdup(in->arena, json_string(v, ""));
    return texts;
}

static enum verdict verdict_of(struct reader *in, const struct json *object)
{
    const char *name = text_of(in, object, "verdict");
    enum verdict v = verdict_parse(name ? name : "");
    if (!name || strcmp(name, verdict_name(v)) != 0)
        refuse(in, "verdict", "pass, fail, inconclusive, error or ungated");
    return v;
}

static uint64_t seed_of(struct reader *in, const struct json *object)
{
    const struct json *value = json_get(object, "seed");
    if (json_type(value) != JSON_STRING)
        return total_of(in, object, "seed");
    uint64_t seed = 0;
    const char *digits = json_string(value, "");
    for (; *digits >= '0' && *digits <= '9'; digits++) {
        unsigned digit = (unsigned)(*digits - '0');
        if (seed > (UINT64_MAX - digit) / 10)
            break;
        seed = seed * 10 + digit;
    }
    if (*digits || seed < RESULT_EXACT_MAX)
        refuse(in, "seed", "a whole number");
    return seed;
}

/* ---- the parts of a function ---- */

static void read_limits(struct reader *in, const struct json *from, struct result_metric *m)
{
    size_t count;
    const char **limits = texts_of(in, from, "limits", &count);
    if (count > RESULT_LIMITS_MAX)
        refuse(in, "limits", "a list of at most four");
    for (; m->limit_count < count && m->limit_count < RESULT_LIMITS_MAX; m->limit_count++)
        m->limits[m->limit_count] = limits[m->limit_count];
}

static void read_metric(struct reader *in, const struct json *from, const struct metric *row,
                        struct result_metric *m)
{
    *m = result_metric_none(row);
    m->baseline = number_of(in, from, "baseline", NAN);
    m->candidate = number_of(in, from, "candidate", NAN);
    m->change_pct = number_of(in, from, "change_pct", NAN);
    m->ci_low_pct = number_of(in, from, "ci_low_pct", NAN);
    m->ci_high_pct = number_of(in, from, "ci_high_pct", NAN);
    m->noise_floor_pct = number_of(in, from, "noise_floor_pct", NAN);
    m->detectable_pct = number_of(in, from, "detectable_pct", NAN);
    m->rounds_needed = number_of(in, from, "rounds_needed", NAN);
    m->line = count_of(in, from, "line");
    m->verdict = verdict_of(in, from);
    m->reason = text_of(in, from, "reason");
    read_limits(in, from, m);
}

/* The row of a custom metric, from what the result says of it; NULL when that is not enough. */
static const struct metric *read_custom(struct reader *in, const struct json *from, unsigned slot)
{
    const char *id = text_of(in, from, "id"), *unit = text_of(in, from, "unit");
    const char *statistic = text_of(in, from, "statistic"), *better = text_of(in, from, "better");
    struct metric_custom custom = {
        .name = metric_custom_name(id ? id : ""),
        .statistic = metric_statistic_find(statistic ? statistic : ""),
        .higher_is_better = better && !strcmp(better, "higher"),
        .slot = slot,
    };
    bool known = better && (custom.higher_is_better || !strcmp(better, "lower"));
    if (!custom.name || !custom.statistic || !known || slot >= METRIC_CUSTOM_MAX ||
        !metric_custom_unit(unit ? unit : "", &custom.unit))
        return NULL;
    struct metric *row = arena_alloc(in->arena, sizeof *row);
    *row = metric_custom_row(in->arena, &custom);
    return row;
}

static bool is_repeated(const struct result_function *f, const char *id)
{
    for (size_t i = 0; i < f->metric_count; i++)
        if (!strcmp(f->metrics[i].metric->id, id))
            return true;
    return false;
}

static void read_metrics(struct reader *in, const struct json *from, struct result_function *f)
{
    unsigned customs = 0;
    const struct json *list = member(in, from, "metrics", JSON_ARRAY);
    f->metrics = arena_alloc(in->arena, METRIC_SLOTS * sizeof *f->metrics);
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        if (!is_element(in, v, "metrics", JSON_OBJECT))
            return;
        const char *id = text_of(in, v, "id");
        const struct metric *row = metric_find(id ? id : "");
        if (!row && (row = read_custom(in, v, customs)))
            customs++;
        if (!row || is_repeated(f, row->id)) {
            refuse(in, "metrics", "a list of known metrics, each of them once");
            return;
        }
        read_metric(in, v, row, &f->metrics[f->metric_count++]);
    }
}

static void read_event(struct reader *in, const struct json *from, struct result_event *event)
{
    event->name = text_of(in, from, "name");
    if (!event->name)
        event->name = "";
    for (int side = 0; side < SIDE_COUNT; side++) {
        const struct json *s = member(in, from, side_name((enum side)side), JSON_OBJECT);
        event->calls[side] = total_of(in, s, "calls");
        event->p50[side] = number_of(in, s, "p50", NAN);
        event->p99[side] = number_of(in, s, "p99", NAN);
    }
}

static void read_events(struct reader *in, const struct json *from, struct result_function *f)
{
    const struct json *list = member(in, from, "events", JSON_ARRAY);
    f->events = arena_alloc(in->arena, (json_count(list) + 1) * sizeof *f->events);
    for (const struct json *v = json_first(list); v; v = json_next(v))
        if (is_element(in, v, "events", JSON_OBJECT))
            read_event(in, v, &f->events[f->event_count++]);
}

static void read_both_sides(struct reader *in, const struct json *from, struct result_function *f)
{
    const struct json *accounts = member(in, from, "accounting", JSON_OBJECT);
    const struct json *packages = member(in, from, "package", JSON_OBJECT);
    for (int side = 0; side < SIDE_COUNT; side++) {
        const char *name = side_name((enum side)side);
        const struct json *account = member(in, accounts, name, JSON_OBJECT);
        const struct json *package = member(in, packages, name, JSON_OBJECT);
        f->accounting[side].scheduled = total_of(in, account, "scheduled");
        for (int s = 0; s < SAMPLE_STATUS_COUNT; s++)
            f->accounting[side].by_status[s] =
                total_of(in, account, sample_status_name((enum sample_status)s));
        f->package[side].sha256 = text_of(in, package, "sha256");
        f->package[side].bytes = total_of(in, package, "bytes");
    }
}

static void read_method(struct reader *in, const struct json *from, struct result_function *f)
{
    f->rounds = count_of(in, from, "rounds");
    f->rounds_dropped = count_of(in, from, "rounds_dropped");
    f->rounds_max = count_of(in, from, "rounds_max");
    f->environments = count_of(in, from, "environments");
    f->calls = count_of(in, from, "calls");
    f->schedule = text_of(in, from, "schedule");
    f->deployment = text_of(in, from, "deployment");
    f->invocations_per_month = number_of(in, from, "invocations_per_month", 0);
    f->cold_start_rate = number_of(in, from, "cold_start_rate", 0);
    f->concurrency = count_of(in, from, "concurrency");
}

static enum verdict worst_metric(const struct result_function *f)
{
    enum verdict worst = VERDICT_UNGATED;
    for (size_t i = 0; i < f->metric_count; i++)
        worst = verdict_worse(worst, f->metrics[i].verdict);
    return worst;
}

static void read_function(struct reader *in, const struct json *from, struct result_function *f)
{
    f->name = text_of(in, from, "name");
    if (!f->name)
        refuse(in, "name", "there: a function must have one");
    f->verdict = verdict_of(in, from);
    f->headline = text_of(in, from, "headline");
    f->runtime = text_of(in, from, "runtime");
    f->runtime_label = text_of(in, from, "runtime_label");
    f->architecture = text_of(in, from, "architecture");
    f->memory_mb = count_of(in, from, "memory_mb");
    f->identical = flag_of(in, from, "identical");
    f->baseline_stored = flag_of(in, from, "baseline_stored");
    f->baseline_sessions = count_of(in, from, "baseline_sessions");
    f->baseline_measured = text_of(in, from, "baseline_measured");
    f->session_noise_pct = number_of(in, from, "session_noise_pct", NAN);
    read_method(in, from, f);
    read_both_sides(in, from, f);
    read_events(in, from, f);
    f->warnings = texts_of(in, from, "warnings", &f->warning_count);
    read_metrics(in, from, f);
    enum verdict worst = worst_metric(f);
    bool judged = worst == VERDICT_PASS || (worst == VERDICT_UNGATED && f->identical);
    if (f->verdict == VERDICT_PASS && !judged)
        refuse(in, "verdict", "what the metrics say");
}

/* ---- the run ---- */

static enum exit_code exit_code_of(struct reader *in, const struct json *from)
{
    uint64_t code = from ? total_of(in, from, "exit_code") : EXIT_ERROR;
    if (code > EXIT_SIGTERM || !json_get(from, "exit_code"))
        return EXIT_ERROR;
    return (enum exit_code)code;
}

static void read_target(struct reader *in, const struct json *from, struct result_target *target)
{
    const struct json *t = member(in, from, "target", JSON_OBJECT);
    target->kind = text_of(in, t, "kind");
    target->shaped = flag_of(in, t, "shaped");
    target->shaping = text_of(in, t, "shaping");
    target->note = text_of(in, t, "note");
    target->region = text_of(in, t, "region");
}

static void read_head(struct reader *in, const struct json *from, struct result *r)
{
    r->verdict = verdict_of(in, from);
    r->exit_code = exit_code_of(in, from);
    r->headline = text_of(in, from, "headline");
    r->seed = seed_of(in, from);
    r->tool_version = text_of(in, member(in, from, "tool", JSON_OBJECT), "version");
    r->started = text_of(in, from, "started");
    for (int side = 0; side < SIDE_COUNT; side++) {
        const struct json *s = member(in, from, side_name((enum side)side), JSON_OBJECT);
        r->side[side].source = text_of(in, s, "source");
        r->side[side].sha = text_of(in, s, "sha");
    }
    read_target(in, from, &r->target);
    r->prices = text_of(in, from, "prices");
    r->reproduce = text_of(in, from, "reproduce");
    r->errors = texts_of(in, from, "errors", &r->error_count);
}

static void read_spend(struct reader *in, const struct json *from, struct result *r)
{
    const struct json *spend = member(in, from, "spend", JSON_OBJECT);
    const struct json *resources = member(in, from, "resources", JSON_OBJECT);
    r->invocations = total_of(in, spend, "invocations");
    r->usd = number_of(in, spend, "usd", NAN);
    r->seconds = number_of(in, spend, "seconds", 0);
    r->resources_created = count_of(in, resources, "created");
    r->resources_removed = count_of(in, resources, "removed");
}

static int read_functions(struct reader *in, const struct json *list, struct result *r)
{
    r->functions = arena_alloc(in->arena, (json_count(list) + 1) * sizeof *r->functions);
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        if (!is_element(in, v, "functions", JSON_OBJECT))
            return -1;
        struct result_function *f = &r->functions[r->function_count++];
        read_function(in, v, f);
        if (in->failed)
            return error_prefix(in->e, "function '%.64s'", f->name ? f->name : "?");
    }
    return 0;
}

/* A run passes only if it measured something and everything in it passed. */
static bool verdict_holds(const struct result *r)
{
    enum verdict worst = VERDICT_UNGATED;
    for (size_t i = 0; i < r->function_count; i++)
        worst = verdict_worse(worst, r->functions[i].verdict);
    if (r->verdict == VERDICT_UNGATED)
        return false;
    return r->verdict != VERDICT_PASS || (worst == VERDICT_PASS && !r->error_count);
}

static int read_all(struct reader *in, const struct json *from, struct result *r)
{
    const char *schema = json_get_string(from, "schema", "");
    if (strcmp(schema, RESULT_SCHEMA) != 0)
        return error_set(in->e, ERROR_INPUT,
                         "not a result of this version: schema is '%.60s', expected '%s'", schema,
                         RESULT_SCHEMA);
    const struct json *functions = json_get(from, "functions");
    if (json_type(functions) != JSON_ARRAY)
        return error_set(in->e, ERROR_INPUT, "'functions' is missing or not a list");
    if (read_functions(in, functions, r))
        return -1;
    read_head(in, from, r);
    read_spend(in, from, r);
    if (!verdict_holds(r))
        refuse(in, "verdict", "what the functions say");
    return in->failed ? -1 : 0;
}

struct result *result_read(const char *text, size_t length, struct error *e)
{
    struct json *from = json_parse(text, length, e);
    if (!from)
        return NULL;
    struct result *r = result_new();
    struct reader in = {.arena = &r->arena, .e = e};
    int failed = read_all(&in, from, r);
    json_free(from);
    if (!failed)
        return r;
    result_free(r);
    return NULL;
}
