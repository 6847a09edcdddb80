#include "aws/custom.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "model/sample.h"

/* Units of the embedded metric format that can be converted: to ms, and to bytes. */
static const struct {
    const char *name;
    enum metric_unit unit;
    double factor;
} emf_units[] = {
    {"Seconds", UNIT_MS, 1e3},      {"Milliseconds", UNIT_MS, 1},   {"Microseconds", UNIT_MS, 1e-3},
    {"Bytes", UNIT_BYTES, 1},       {"Kilobytes", UNIT_BYTES, 1e3}, {"Megabytes", UNIT_BYTES, 1e6},
    {"Gigabytes", UNIT_BYTES, 1e9},
};

enum { OBSERVATIONS_MAX = 100 /* of one metric in one line, by the format's specification */ };

struct reader {
    const struct custom_query *q;
    double *values; /* sums so far; NaN: none yet */
    bool spoilt[METRIC_CUSTOM_MAX];
    bool started; /* the line that starts the invocation was seen */
};

static void forget(struct reader *in)
{
    for (size_t i = 0; i < in->q->count; i++) {
        in->values[i] = NAN;
        in->spoilt[i] = false;
    }
}

static void observe(struct reader *in, size_t i, const struct json *value, double factor)
{
    double number = sample_custom_value(json_number(value, NAN) * factor);
    double sum = isnan(in->values[i]) ? 0 : in->values[i];
    if (isnan(number))
        in->spoilt[i] = true;
    else
        in->values[i] = sum + number;
}

/* A number, or a list of numbers: several observations. Anything else spoils the value. */
static void take(struct reader *in, size_t i, const struct json *value, double factor)
{
    if (json_type(value) != JSON_ARRAY) {
        observe(in, i, value, factor);
        return;
    }
    if (json_count(value) > OBSERVATIONS_MAX)
        in->spoilt[i] = true;
    else
        for (const struct json *v = json_first(value); v; v = json_next(v))
            observe(in, i, v, factor);
}

/*
 * From the declared unit to the metric's. A unit that is not in the table means what perf.yml says;
 * NaN: the two contradict one another.
 */
static double factor_of(const struct plan_custom *c, const char *declared)
{
    if (c->metric.unit == UNIT_NUMBER)
        return 1;
    bool bytes = c->metric.unit == UNIT_BYTES || c->metric.unit == UNIT_MB;
    for (size_t i = 0; i < sizeof emf_units / sizeof emf_units[0]; i++) {
        if (strcmp(emf_units[i].name, declared) != 0)
            continue;
        if (bytes != (emf_units[i].unit == UNIT_BYTES))
            return NAN;
        return c->metric.unit == UNIT_MB ? emf_units[i].factor / 1e6 : emf_units[i].factor;
    }
    return c->factor;
}

/* The declaration of a metric in the embedded metric format; NULL: there is none. */
static const struct json *declaration(const struct json *object, const char *name)
{
    const struct json *sets = json_path(object, "_aws.CloudWatchMetrics");
    if (json_type(sets) != JSON_ARRAY)
        return NULL;
    for (const struct json *set = json_first(sets); set; set = json_next(set)) {
        const struct json *list = json_get(set, "Metrics");
        if (json_type(list) != JSON_ARRAY)
            continue;
        for (const struct json *m = json_first(list); m; m = json_next(m))
            if (!strcmp(json_get_string(m, "Name", ""), name))
                return m;
    }
    return NULL;
}

/* Takes what the object holds of one metric; false when it holds nothing. */
static bool take_metric(struct reader *in, size_t i, const struct json *object)
{
    const struct plan_custom *c = &in->q->custom[i];
    if (c->path) {
        const struct json *value = json_path(object, c->path);
        if (value)
            take(in, i, value, c->factor);
        return value != NULL;
    }
    const struct json *declared = declaration(object, c->name);
    if (declared)
        take(in, i, json_get(object, c->name), factor_of(c, json_get_string(declared, "Unit", "")));
    return declared != NULL;
}

/* Each metric from the object itself, or else from the one that is its message. */
static void read_object(struct reader *in, const struct json *object)
{
    const struct json *message = json_get(object, "message");
    const char *text = json_string(message, "");
    struct json *parsed = *text == '{' ? json_parse(text, strlen(text), NULL) : NULL;
    if (parsed)
        message = parsed;
    for (size_t i = 0; i < in->q->count; i++)
        if (!take_metric(in, i, object) && json_type(message) == JSON_OBJECT)
            take_metric(in, i, message);
    json_free(parsed);
}

static void start(struct reader *in)
{
    forget(in); /* what stands before was written by the init, or by an earlier invocation */
    in->started = true;
}

static bool is_text_start(const struct reader *in, const char *line, size_t length)
{
    static const char head[] = "START RequestId: ";
    size_t id = strlen(in->q->request_id), before = sizeof head - 1;
    return length >= before + id && !memcmp(line, head, before) &&
           !memcmp(line + before, in->q->request_id, id) &&
           (length == before + id || line[before + id] == ' ');
}

static void read_json_line(struct reader *in, const char *text, size_t length)
{
    struct json *object = json_parse(text, length, NULL);
    const char *type = json_get_string(object, "type", "");
    if (!strcmp(type, "platform.start") &&
        !strcmp(json_get_string(json_get(object, "record"), "requestId", ""), in->q->request_id))
        start(in);
    else if (json_type(object) == JSON_OBJECT && !text_starts(type, "platform."))
        read_object(in, object);
    json_free(object);
}

/*
 * The JSON object at the end of the line: behind the first tab that has one behind it. JSON itself
 * has no tabs but between its tokens, so a cut inside of it is no JSON.
 */
static void read_line(struct reader *in, const char *line, size_t length)
{
    if (is_text_start(in, line, length)) {
        start(in);
        return;
    }
    while (length && line[0] != '{') {
        const char *tab = memchr(line, '\t', length);
        if (!tab)
            return;
        length -= (size_t)(tab + 1 - line);
        line = tab + 1;
    }
    if (length)
        read_json_line(in, line, length);
}

void custom_parse(const struct custom_query *q, const char *tail, size_t length, double *values)
{
    struct reader in = {.q = q, .values = values};
    const char *end = tail + length;
    forget(&in);
    if (!q->count || !q->request_id[0])
        return;
    while (tail < end) {
        const char *stop = memchr(tail, '\n', (size_t)(end - tail));
        size_t line = (size_t)((stop ? stop : end) - tail);
        read_line(&in, tail, line);
        tail += line + 1;
    }
    for (size_t i = 0; i < q->count; i++)
        values[i] = in.started && !in.spoilt[i] ? sample_custom_value(values[i]) : NAN;
}
