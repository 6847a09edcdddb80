#include "config/sections.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "config/limits.h"
#include "config/scalar.h"
#include "os/fs.h"

enum {
    PAYLOAD_BYTES_MAX = 6 << 20, /* of a synchronous invocation, by Lambda's quotas */
    VARIABLES_BYTES_MAX = 4096,  /* names and values together, by Lambda's quotas */
};

/* ---- events ---- */

static void read_event_file(struct reader *r, const char *file, struct mark at,
                            struct plan_event *out)
{
    struct error e = {0};
    struct buf text;
    buf_init(&text);
    char *path = fs_join(r->directory, file);
    struct json *json = NULL;
    if (!fs_is_file(path)) {
        diagnostics_error(r->d, at, "there is no file %s", diagnostics_clip(r->d, path));
    } else if (fs_read(path, PAYLOAD_BYTES_MAX, &text, &e)) {
        diagnostics_error(r->d, at, "%s", e.text);
    } else if (!(json = json_parse(text.data, text.length, &e))) {
        diagnostics_error(r->d, at, "%s is %s", diagnostics_clip(r->d, file), e.text);
    } else {
        out->payload = arena_strndup(r->arena, text.data, text.length);
        out->payload_length = text.length;
    }
    json_free(json);
    free(path);
    buf_release(&text);
}

static void read_event(struct reader *r, const struct key_table *t, const struct yaml_node *item,
                       struct plan_event *out)
{
    struct keys_event fields = {.weight = 1};
    const struct yaml_node *file = yaml_get(item, "file"), *value = yaml_get(item, "inline");
    size_t before = r->d->errors;
    *out = (struct plan_event){.name = "", .payload = "{}", .payload_length = 2};
    fields_read(r, t, item, &fields);
    out->weight = fields.weight;
    out->expect = fields.expect;
    if (!file == !value && before == r->d->errors)
        diagnostics_error(r->d, item->mark, "an event needs either 'file' or 'inline'");
    if (fields.inline_json) {
        out->payload = fields.inline_json;
        out->payload_length = strlen(fields.inline_json);
    } else if (fields.file) {
        out->name = fields.file;
        read_event_file(r, fields.file, file->mark, out);
    }
}

static void read_events(struct reader *r, const struct key *key, const struct yaml_node *list,
                        struct plan_function *f)
{
    if (!fields_expect_many(r, list, key))
        return;
    struct plan_event *events = arena_alloc(r->arena, list->count * sizeof *events);
    size_t count = 0;
    for (const struct yaml_node *item = list->first; item; item = item->next) {
        struct plan_event *event = &events[count++];
        if (fields_expect_map(r, item, "event"))
            read_event(r, key->keys, item, event);
        if (!event->name || !*event->name)
            event->name = arena_printf(r->arena, "inline %zu", count);
    }
    f->events = events;
    f->event_count = count;
}

void sections_default_events(struct reader *r, struct plan_function *f)
{
    struct plan_event *event = arena_alloc(r->arena, sizeof *event);
    *event = (struct plan_event){
        .name = "empty object", .payload = "{}", .payload_length = 2, .weight = 1};
    f->events = event;
    f->event_count = 1;
}

/* ---- stages ---- */

static void read_stages(struct reader *r, const struct key *key, const struct yaml_node *list,
                        struct plan_load *load)
{
    if (!fields_expect_many(r, list, key))
        return;
    struct plan_stage *stages = arena_alloc(r->arena, list->count * sizeof *stages);
    size_t count = 0;
    for (const struct yaml_node *item = list->first; item; item = item->next, count++)
        if (fields_expect_map(r, item, "stage"))
            fields_read(r, key->keys, item, &stages[count]);
    load->stages = stages;
    load->stage_count = count;
}

/* ---- environment ---- */

struct variables sections_begin_variables(struct reader *r, const struct plan_function *f,
                                          size_t more)
{
    struct variables v = {.count = f->environment_count};
    v.items = arena_alloc(r->arena, (v.count + more) * sizeof *v.items);
    if (v.count)
        memcpy(v.items, f->environment, v.count * sizeof *v.items);
    return v;
}

void sections_set_variable(struct reader *r, struct variables *v, const char *name,
                           const char *value)
{
    size_t at = 0;
    while (at < v->count && strcmp(v->items[at].name, name) != 0)
        at++;
    v->items[at].name = arena_strdup(r->arena, name);
    v->items[at].value = arena_strdup(r->arena, value);
    if (at == v->count)
        v->count++;
}

void sections_end_variables(const struct variables *v, struct plan_function *f)
{
    f->environment = v->items;
    f->environment_count = v->count;
}

static void read_variable(struct reader *r, const struct yaml_node *m, struct variables *v)
{
    const char *name = diagnostics_clip(r->d, m->key);
    if (!keys_valid_variable(m->key)) {
        diagnostics_error(r->d, m->key_mark,
                          "'%s' cannot be a variable: a name starts with a letter and has at least "
                          "two letters, digits or '_'",
                          name);
        return;
    }
    if (keys_reserved_variable(m->key)) {
        diagnostics_error(r->d, m->key_mark, "Lambda sets '%s' itself", name);
        return;
    }
    if (m->tag)
        return;
    if (m->kind != YAML_SCALAR) {
        diagnostics_error(r->d, m->mark, "'%s' must be a text, not %s", name, yaml_kind_name(m));
        return;
    }
    struct scalar s = scalar_read(m);
    if (s.kind == SCALAR_UNSURE)
        diagnostics_error(r->d, m->mark, "'%s' is not clear: %s", diagnostics_clip(r->d, m->text),
                          s.advice);
    else if (s.kind == SCALAR_NULL)
        diagnostics_error(r->d, m->key_mark, "'%s' has no value: write \"\" for an empty text",
                          name);
    else
        sections_set_variable(r, v, m->key, m->text);
}

static void read_variables(struct reader *r, const struct key *key, const struct yaml_node *map,
                           struct plan_function *f)
{
    if (!fields_expect_map(r, map, key->name))
        return;
    size_t bytes = 0;
    for (const struct yaml_node *m = map->first; m; m = m->next)
        bytes += strlen(m->key) + strlen(m->text);
    if (bytes > VARIABLES_BYTES_MAX) {
        diagnostics_error(r->d, map->key_mark, "the variables take %zu bytes; Lambda allows %d",
                          bytes, VARIABLES_BYTES_MAX);
        return;
    }
    struct variables v = sections_begin_variables(r, f, map->count);
    for (const struct yaml_node *m = map->first; m; m = m->next)
        read_variable(r, m, &v);
    sections_end_variables(&v, f);
}

/* ---- metrics ---- */

static bool valid_metric_name(struct reader *r, const struct yaml_node *m)
{
    const char *own = metric_custom_name(m->key);
    if (metric_valid_name(m->key))
        return true;
    if (own)
        diagnostics_error(r->d, m->key_mark, "write '%s' here: 'custom.' is for the limits", own);
    else
        diagnostics_error(r->d, m->key_mark,
                          "'%s' cannot be a metric: a name starts with a letter and has at most %d "
                          "letters, digits or '_'",
                          diagnostics_clip(r->d, m->key), METRIC_NAME_MAX);
    return false;
}

static void read_custom(struct reader *r, const struct key *key, const struct yaml_node *m,
                        unsigned slot, struct plan_custom *out)
{
    struct keys_metric fields = {.statistic = "mean", .unit = "count"};
    bool plain = m->kind == YAML_MAP && !m->count; /* "{}": all defaults */
    if (!plain && fields_expect_map(r, m, diagnostics_clip(r->d, m->key)))
        fields_read(r, key->keys, m, &fields);
    const struct metric_measure *measure = metric_measure_find(fields.unit);
    out->name = arena_strdup(r->arena, m->key);
    out->path = fields.path;
    out->factor = measure->factor;
    out->metric = metric_custom_row(
        r->arena, &(struct metric_custom){.name = out->name,
                                          .unit = measure->unit,
                                          .statistic = metric_statistic_find(fields.statistic),
                                          .higher_is_better = fields.higher_is_better,
                                          .slot = slot});
}

void sections_read_metrics(struct reader *r, const struct yaml_node *function,
                           struct plan_function *f)
{
    const struct key *key = keys_find(&keys_function, "metrics");
    const struct yaml_node *map = yaml_get(function, key->name);
    if (!map || !fields_expect_many(r, map, key))
        return;
    struct plan_custom *items = arena_alloc(r->arena, map->count * sizeof *items);
    size_t count = 0;
    for (const struct yaml_node *m = map->first; m; m = m->next) {
        if (!valid_metric_name(r, m))
            continue;
        read_custom(r, key, m, (unsigned)count, &items[count]);
        count++;
    }
    f->custom = items;
    f->custom_count = count;
}

/* ---- limits ---- */

struct limit_list {
    struct plan_limit *items; /* room for all */
    size_t count;
};

/* The same sign and kind twice for one metric would leave one of them without effect. */
static bool is_repeated(const struct limit_list *l, const struct plan_limit *limit)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i].metric == limit->metric && l->items[i].kind == limit->kind)
            return true;
    return false;
}

static void read_limit(struct reader *r, const struct yaml_node *value, const struct metric *m,
                       struct limit_list *l)
{
    struct error e = {0};
    struct plan_limit limit;
    const char *text = yaml_text(value);
    if (value->tag)
        return;
    if (!text) {
        diagnostics_error(r->d, value->mark, "a limit must be a text such as %s, not %s",
                          limit_examples(m), yaml_kind_name(value));
    } else if (limit_parse(text, m, &limit, &e)) {
        diagnostics_error(r->d, *text ? value->mark : value->key_mark, "%s", e.text);
    } else if (is_repeated(l, &limit)) {
        diagnostics_error(r->d, value->mark, "%s already has a limit of this kind", m->id);
    } else if (scalar_read(value).kind != SCALAR_TEXT) {
        diagnostics_error(r->d, value->mark, "put the limit in quotes: \"%s\"", text);
    } else {
        limit.text = arena_strdup(r->arena, text);
        limit.line = value->mark.line;
        l->items[l->count++] = limit;
    }
}

static void report_metric(struct reader *r, const struct yaml_node *member,
                          const struct plan_function *f)
{
    const char *ids[METRIC_SLOTS];
    size_t count = plan_metric_count(f);
    for (size_t i = 0; i < count; i++)
        ids[i] = plan_metric(f, i)->id;
    const char *meant = text_suggest(member->key, ids, count);
    const char *name = diagnostics_clip(r->d, member->key);
    const char *own = metric_custom_name(member->key);
    for (size_t i = 0; i < count; i++)
        if (text_same(ids[i], member->key))
            meant = ids[i];
    if (meant)
        diagnostics_error(r->d, member->key_mark, "unknown metric '%s' (did you mean '%s'?)", name,
                          meant);
    else if (own)
        diagnostics_error(r->d, member->key_mark,
                          "unknown metric '%s': '%s' is not under 'metrics' of this function", name,
                          own);
    else
        diagnostics_error(r->d, member->key_mark, "unknown metric '%s'", name);
}

static void read_metric(struct reader *r, const struct yaml_node *member,
                        const struct plan_function *f, struct limit_list *l)
{
    const struct metric *m = plan_metric_find(f, member->key);
    if (!m) {
        report_metric(r, member, f);
    } else if (member->kind != YAML_LIST) {
        read_limit(r, member, m, l);
    } else if (member->count > LIMITS_PER_METRIC) {
        diagnostics_error(r->d, member->mark, "at most %d limits for one metric",
                          LIMITS_PER_METRIC);
    } else if (!member->count) {
        diagnostics_error(r->d, member->mark, "'%s' has no limit; write %s", m->id,
                          limit_examples(m));
    } else {
        for (const struct yaml_node *item = member->first; item; item = item->next)
            read_limit(r, item, m, l);
    }
}

static void read_limits(struct reader *r, const struct key *key, const struct yaml_node *map,
                        struct plan_function *f)
{
    if (!fields_expect_map(r, map, key->name))
        return;
    struct limit_list l = {0};
    size_t room = (size_t)METRIC_SLOTS * LIMITS_PER_METRIC;
    l.items = arena_alloc(r->arena, room * sizeof *l.items);
    for (const struct yaml_node *m = map->first; m && l.count + LIMITS_PER_METRIC <= room;
         m = m->next)
        read_metric(r, m, f, &l);
    f->limits = l.items;
    f->limit_count = l.count;
}

static bool has_limit(const struct plan_function *f, enum metric_id id)
{
    for (size_t i = 0; i < f->limit_count; i++)
        if (metric_index(f->limits[i].metric) == id)
            return true;
    return false;
}

void sections_default_limits(struct reader *r, struct plan_function *f)
{
    bool none = !f->limit_count, errors = has_limit(f, METRIC_ERROR_RATE);
    struct plan_limit *limits =
        arena_alloc(r->arena, (f->limit_count + LIMIT_DEFAULTS) * sizeof *limits);
    if (f->limit_count)
        memcpy(limits, f->limits, f->limit_count * sizeof *limits);
    for (size_t i = 0; i < LIMIT_DEFAULTS; i++) {
        const struct limit_default *d = &limit_defaults[i];
        if (!none && (d->metric != METRIC_ERROR_RATE || errors))
            continue;
        struct plan_limit *limit = &limits[f->limit_count++];
        limit_parse(d->text, &metrics[d->metric], limit, NULL);
        limit->text = d->text;
    }
    f->limits = limits;
}

void sections_read(struct reader *r, const struct key *key, const struct yaml_node *value,
                   void *base)
{
    switch (key->type) {
    case KEY_EVENTS:
        read_events(r, key, value, base);
        return;
    case KEY_STAGES:
        read_stages(r, key, value, base);
        return;
    case KEY_VARIABLES:
        read_variables(r, key, value, base);
        return;
    case KEY_LIMITS:
        read_limits(r, key, value, base);
        return;
    default:
        return; /* the other types are fields.c's, and `functions` is reader.c's */
    }
}
