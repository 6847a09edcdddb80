#include "config/schema.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "config/keys.h"
#include "config/limits.h"

#define PATH_PATTERN      "^(?![/~])(?!(.*/)?\\.\\.(/|$))[^\\\\\\x00-\\x1f]+$"
#define FILE_PATTERN      "^(?![/~])[^\\\\\\x00-\\x1f]+$"
#define TEXT_PATTERN      "\\S"
#define JSON_PATH_PATTERN "^[^.]+(\\.[^.]+)*$"
#define SHARE_PATTERN     "^0*(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)%$"
#define COUNT_PATTERN     "^[0-9]+(\\.[0-9]+)?[kMG]$"
#define DURATION_PATTERN  "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)$"

/* ---- JSON Schema ---- */

static void put_pattern(struct json_writer *w, const char *pattern)
{
    json_put_string(w, "type", "string");
    json_put_string(w, "pattern", pattern);
}

static void put_anchored(struct json_writer *w, const char *key, const char *pattern)
{
    struct buf text;
    buf_init(&text);
    buf_addf(&text, "^%s$", pattern);
    json_put_string(w, key, text.data);
    buf_release(&text);
}

static void put_reference(struct json_writer *w, const char *name)
{
    struct buf text;
    buf_init(&text);
    buf_addf(&text, "#/definitions/%s", name);
    json_put_string(w, "$ref", text.data);
    buf_release(&text);
}

/* Draft 7 ignores what stands beside a $ref, so that needs an object to itself. */
static void put_wrapped_reference(struct json_writer *w, const char *name)
{
    json_open_array(w, "allOf");
    json_open_object(w, NULL);
    put_reference(w, name);
    json_close(w);
    json_close(w);
}

static void put_range(struct json_writer *w, const struct key *key)
{
    json_put_number(w, "minimum", key->min, 6);
    json_put_number(w, "maximum", key->max, 6);
}

static void put_words(struct json_writer *w, const struct key *key)
{
    json_put_string(w, "type", "string");
    json_open_array(w, "enum");
    for (const char *const *word = key->words; *word; word++)
        json_put_string(w, NULL, *word);
    json_close(w);
}

/* A number, or a text with a unit. */
static void put_number_or(struct json_writer *w, const struct key *key, const char *pattern)
{
    json_open_array(w, "anyOf");
    json_open_object(w, NULL);
    json_put_string(w, "type", key->type == KEY_COUNT ? "integer" : "number");
    json_put_number(w, "minimum", key->min, 6);
    json_put_number(w, key->type == KEY_SHARE ? "exclusiveMaximum" : "maximum", key->max, 6);
    json_close(w);
    json_open_object(w, NULL);
    put_pattern(w, pattern);
    json_close(w);
    json_close(w);
}

static void put_list_of(struct json_writer *w, const struct key *key)
{
    json_put_string(w, "type", "array");
    json_put_number(w, "minItems", key->min, 0);
    json_put_number(w, "maxItems", key->max, 0);
    json_open_object(w, "items");
    put_reference(w, key->keys->title);
    json_close(w);
}

static void put_variables(struct json_writer *w)
{
    json_put_string(w, "type", "object");
    json_put_integer(w, "minProperties", 1);
    json_open_object(w, "propertyNames");
    put_anchored(w, "pattern", keys_variable_pattern);
    json_close(w);
    json_open_object(w, "additionalProperties");
    json_open_array(w, "type");
    json_put_string(w, NULL, "string");
    json_put_string(w, NULL, "number");
    json_put_string(w, NULL, "boolean");
    json_close(w);
    json_close(w);
}

/* A map of names of that pattern to what the key's table describes. */
static void put_named(struct json_writer *w, const struct key *key, const char *pattern)
{
    json_put_string(w, "type", "object");
    json_put_number(w, "minProperties", key->min, 0);
    json_put_number(w, "maxProperties", key->max, 0);
    json_open_object(w, "propertyNames");
    put_anchored(w, "pattern", pattern);
    json_close(w);
    json_open_object(w, "additionalProperties");
    put_reference(w, key->keys->title);
    json_close(w);
}

static void put_type(struct json_writer *w, const struct key *key)
{
    switch (key->type) {
    case KEY_TEXT:
        put_pattern(w, TEXT_PATTERN);
        return;
    case KEY_PATH:
        put_pattern(w, PATH_PATTERN);
        return;
    case KEY_FILE:
        put_pattern(w, FILE_PATTERN);
        return;
    case KEY_RUNTIME:
        json_put_string(w, "type", "string");
        put_anchored(w, "pattern", keys_runtime_pattern);
        return;
    case KEY_JSON_PATH:
        put_pattern(w, JSON_PATH_PATTERN);
        return;
    case KEY_WORD:
    case KEY_SWITCH:
        put_words(w, key);
        return;
    case KEY_INTEGER:
        json_put_string(w, "type", "integer");
        put_range(w, key);
        return;
    case KEY_NUMBER:
        json_put_string(w, "type", "number");
        put_range(w, key);
        return;
    case KEY_SHARE:
        put_number_or(w, key, SHARE_PATTERN);
        return;
    case KEY_COUNT:
        put_number_or(w, key, COUNT_PATTERN);
        return;
    case KEY_DURATION:
        put_pattern(w, DURATION_PATTERN);
        return;
    case KEY_JSON:
        return; /* any value */
    case KEY_MAP:
        put_wrapped_reference(w, key->keys->title);
        return;
    case KEY_EVENTS:
    case KEY_STAGES:
        put_list_of(w, key);
        return;
    case KEY_VARIABLES:
        put_variables(w);
        return;
    case KEY_METRICS:
        put_named(w, key, keys_metric_pattern);
        return;
    case KEY_LIMITS:
        put_wrapped_reference(w, "limits");
        return;
    case KEY_FUNCTIONS:
        put_named(w, key, keys_name_pattern);
        return;
    }
}

/* A default that is the value itself, in the type that it has in the file. */
static void put_default(struct json_writer *w, const struct key *key)
{
    if (!key->fallback)
        return;
    switch (key->type) {
    case KEY_INTEGER:
    case KEY_NUMBER:
        if (strspn(key->fallback, "0123456789.") == strlen(key->fallback))
            json_put_raw(w, "default", key->fallback);
        return;
    case KEY_PATH:
    case KEY_WORD:
    case KEY_SWITCH:
    case KEY_SHARE:
        json_put_string(w, "default", key->fallback);
        return;
    default:
        return;
    }
}

static void put_required(struct json_writer *w, const struct key_table *t)
{
    bool any = false;
    for (size_t i = 0; i < t->count; i++) {
        if (!t->rows[i].required)
            continue;
        if (!any)
            json_open_array(w, "required");
        any = true;
        json_put_string(w, NULL, t->rows[i].name);
    }
    if (any)
        json_close(w);
}

/* `key` makes sense only together with `other`. */
static void put_dependency(struct json_writer *w, const char *key, const char *other)
{
    json_open_array(w, key);
    json_put_string(w, NULL, other);
    json_close(w);
}

/* What the rows cannot say, because it is about two keys. */
static void put_combinations(struct json_writer *w, const struct key_table *t)
{
    if (t == &keys_function) {
        json_open_object(w, "dependencies");
        put_dependency(w, "template", "resource");
        put_dependency(w, "resource", "template");
        json_close(w);
    } else if (t == &keys_load) {
        json_open_object(w, "dependencies");
        put_dependency(w, "stages", "rate");
        json_close(w);
    } else if (t == &keys_event) {
        const char *const either[] = {"file", "inline"};
        json_open_array(w, "oneOf");
        for (size_t i = 0; i < ARRAY_LEN(either); i++) {
            json_open_object(w, NULL);
            put_dependency(w, "required", either[i]);
            json_close(w);
        }
        json_close(w);
    }
}

static void put_table(struct json_writer *w, const struct key_table *t)
{
    json_put_string(w, "type", "object");
    json_put_bool(w, "additionalProperties", false);
    if (t != &keys_metric) /* `{}` is a metric with all defaults */
        json_put_integer(w, "minProperties", 1);
    put_required(w, t);
    put_combinations(w, t);
    json_open_object(w, "properties");
    for (size_t i = 0; i < t->count; i++) {
        const struct key *key = &t->rows[i];
        json_open_object(w, key->name);
        json_put_string(w, "description", key->help);
        put_type(w, key);
        put_default(w, key);
        json_close(w);
    }
    json_close(w);
}

/* One limit of that pattern, or a list of them. */
static void put_limit(struct json_writer *w, const char *id, const char *help, const char *pattern)
{
    json_open_object(w, id);
    json_put_string(w, "description", help);
    json_open_array(w, "anyOf");
    json_open_object(w, NULL);
    json_put_string(w, "type", "string");
    put_anchored(w, "pattern", pattern);
    json_close(w);
    json_open_object(w, NULL);
    json_put_string(w, "type", "array");
    json_put_integer(w, "minItems", 1);
    json_put_integer(w, "maxItems", LIMITS_PER_METRIC);
    json_open_object(w, "items");
    json_put_string(w, "type", "string");
    put_anchored(w, "pattern", pattern);
    json_close(w);
    json_close(w);
    json_close(w);
    json_close(w);
}

static void put_metric(struct json_writer *w, const struct metric *m)
{
    struct buf pattern;
    buf_init(&pattern);
    limit_pattern(m, &pattern);
    put_limit(w, m->id, m->help, pattern.data);
    buf_release(&pattern);
}

static void put_custom_limits(struct json_writer *w)
{
    struct buf name, pattern;
    buf_init(&name);
    buf_init(&pattern);
    buf_addf(&name, "^custom\\.%s$", keys_metric_pattern);
    limit_custom_pattern(&pattern);
    json_open_object(w, "patternProperties");
    put_limit(w, name.data, "a metric of the function's own, from its `metrics`", pattern.data);
    json_close(w);
    buf_release(&name);
    buf_release(&pattern);
}

static void put_limits(struct json_writer *w)
{
    json_open_object(w, "limits");
    json_put_string(w, "type", "object");
    json_put_bool(w, "additionalProperties", false);
    json_put_integer(w, "minProperties", 1);
    json_open_object(w, "properties");
    for (size_t i = 0; i < METRIC_COUNT; i++)
        put_metric(w, &metrics[i]);
    json_close(w);
    put_custom_limits(w);
    json_close(w);
}

void config_schema(struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out, 2);
    json_open_object(&w, NULL);
    json_put_string(&w, "$schema", "http://json-schema.org/draft-07/schema#");
    json_put_string(&w, "title", "perf.yml of lambda-perf-gate");
    put_table(&w, &keys_file);
    json_open_object(&w, "definitions");
    for (const struct key_table *const *t = keys_tables; *t; t++) {
        if (*t == &keys_file)
            continue;
        json_open_object(&w, (*t)->title);
        put_table(&w, *t);
        json_close(&w);
    }
    put_limits(&w);
    json_close(&w);
    json_close(&w);
    buf_addch(out, '\n');
}

/* ---- the reference ---- */

static const char *type_words(const struct key *key)
{
    switch (key->type) {
    case KEY_PATH:
    case KEY_FILE:
        return "path";
    case KEY_INTEGER:
        return "whole number";
    case KEY_NUMBER:
        return "number";
    case KEY_SHARE:
        return "share";
    case KEY_COUNT:
        return "count";
    case KEY_DURATION:
        return "duration";
    case KEY_JSON:
        return "any value";
    case KEY_EVENTS:
    case KEY_STAGES:
        return "list";
    case KEY_MAP:
    case KEY_VARIABLES:
    case KEY_METRICS:
    case KEY_LIMITS:
    case KEY_FUNCTIONS:
        return "map";
    default:
        return "text";
    }
}

static void add_type(const struct key *key, struct buf *out)
{
    if (key->words) {
        for (const char *const *w = key->words; *w; w++)
            buf_addf(out, "%s`%s`", w == key->words ? "" : " or ", *w);
        return;
    }
    buf_addstr(out, type_words(key));
    bool number = key->type == KEY_INTEGER || key->type == KEY_NUMBER;
    if (number && key->min < key->max)
        buf_addf(out, ", %.10g to %.10g", key->min, key->max);
    if (key->type == KEY_DURATION)
        buf_addf(out, ", %.10gs to %.10gs", key->min, key->max);
}

/* Text in a table's cell: a bar would end the cell, also inside code. */
static void add_cell(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_addf(out, *text == '|' ? "\\%c" : "%c", *text);
}

/* A default that can be written into the file is code; one that is explained is not. */
static void add_default(const struct key *key, struct buf *out)
{
    if (key->required)
        buf_addstr(out, "required");
    else if (key->fallback && !strchr(key->fallback, ' '))
        buf_addf(out, "`%s`", key->fallback);
    else if (key->fallback)
        buf_addstr(out, key->fallback);
}

static void add_table(const struct key_table *t, struct buf *out)
{
    const char *quote = t == &keys_file ? "" : "`";
    buf_addf(out,
             "### %s%s%s\n\n| Key | Type | Default | Meaning | Example |\n"
             "| --- | --- | --- | --- | --- |\n",
             quote, t->where, quote);
    for (size_t i = 0; i < t->count; i++) {
        const struct key *key = &t->rows[i];
        buf_addf(out, "| `%s` | ", key->name);
        add_type(key, out);
        buf_addstr(out, " | ");
        add_default(key, out);
        buf_addstr(out, " | ");
        add_cell(out, key->help);
        buf_addstr(out, " | `");
        add_cell(out, key->example);
        buf_addstr(out, "` |\n");
    }
    buf_addch(out, '\n');
}

static void add_metrics(struct buf *out)
{
    buf_addstr(out,
               "### `functions.NAME.limits`\n\n| Metric | Unit | What it is | Limits such as | "
               "Without `limits` |\n| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric *m = &metrics[i];
        buf_addf(out, "| `%s` | %s | ", m->id, metric_unit_name(m->unit));
        add_cell(out, m->help);
        buf_addf(out, " | %s | ", limit_examples(m));
        const char *separator = "";
        for (size_t k = 0; k < LIMIT_DEFAULTS; k++) {
            if (limit_defaults[k].metric != (enum metric_id)i)
                continue;
            buf_addf(out, "%s`%s`", separator, limit_defaults[k].text);
            separator = " and ";
        }
        buf_addstr(out, " |\n");
    }
    buf_addstr(
        out,
        "| `custom.NAME` | as given | a value that the function writes into its log (see Metrics "
        "of your own) | in its unit; \"-10%\" where more is better |  |\n");
}

void config_reference(struct buf *out)
{
    for (const struct key_table *const *t = keys_tables; *t; t++)
        add_table(*t, out);
    add_metrics(out);
}
