#include "config/fields.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "config/scalar.h"
#include "config/sections.h"

enum { TEXT_BYTES_MAX = 4096, PATH_BYTES_MAX = 1024 };

static void add_words(const struct key *key, struct buf *out)
{
    for (const char *const *w = key->words; *w; w++)
        buf_addf(out, "%s%s", w == key->words ? "" : " or ", *w);
}

static void add_range(const struct key *key, const char *what, struct buf *out)
{
    if (key->min == key->max)
        buf_addf(out, "%.10g", key->min);
    else
        buf_addf(out, "%s from %.10g to %.10g", what, key->min, key->max);
}

/* "a whole number from 128 to 10240": what the key takes. */
static void describe(const struct key *key, struct buf *out)
{
    switch (key->type) {
    case KEY_TEXT:
        buf_addstr(out, "a text");
        return;
    case KEY_PATH:
        buf_addstr(out, "a relative path without '..'");
        return;
    case KEY_FILE:
        buf_addstr(out, "a relative path");
        return;
    case KEY_RUNTIME:
        buf_addstr(out, "a Lambda runtime such as python3.12, nodejs22.x or provided.al2023");
        return;
    case KEY_JSON_PATH:
        buf_addstr(out, "a path such as statusCode or body.items.0.id");
        return;
    case KEY_WORD:
    case KEY_SWITCH:
        add_words(key, out);
        return;
    case KEY_INTEGER:
        add_range(key, "a whole number", out);
        return;
    case KEY_NUMBER:
        add_range(key, "a number", out);
        return;
    case KEY_SHARE:
        buf_addstr(out, "a share such as 1% or 0.01");
        return;
    case KEY_COUNT:
        buf_addstr(out, "a count such as 15M, 250k or 1000");
        return;
    case KEY_DURATION:
        buf_addf(out, "a duration such as 30s, 500ms or 2m, from %.10gs to %.10gs", key->min,
                 key->max);
        return;
    case KEY_JSON:
        buf_addstr(out, "a value");
        return;
    case KEY_EVENTS:
    case KEY_STAGES:
        buf_addstr(out, "a list");
        return;
    case KEY_MAP:
    case KEY_VARIABLES:
    case KEY_METRICS:
    case KEY_LIMITS:
    case KEY_FUNCTIONS:
        buf_addstr(out, "a map");
        return;
    }
}

/*
 * "'memory' must be a whole number from 128 to 10240, not 'lots'": false for the caller to return.
 */
static bool refuse(struct reader *r, const struct key *key, const struct yaml_node *value)
{
    struct buf wanted;
    buf_init(&wanted);
    describe(key, &wanted);
    if (value->kind != YAML_SCALAR)
        diagnostics_error(r->d, value->mark, "'%s' must be %s, not %s", key->name, wanted.data,
                          yaml_kind_name(value));
    else if (!*value->text)
        diagnostics_error(r->d, value->key_mark, "'%s' has no value: it must be %s", key->name,
                          wanted.data);
    else
        diagnostics_error(r->d, value->mark, "'%s' must be %s, not %s", key->name, wanted.data,
                          diagnostics_clip(r->d, value->text));
    buf_release(&wanted);
    return false;
}

/* The right number in quotes is a text for every other reader of the file, so it is one here. */
static bool refuse_quoted(struct reader *r, const struct key *key, const struct yaml_node *value)
{
    diagnostics_error(r->d, value->mark, "'%s' must be a number without quotes", key->name);
    return false;
}

static bool check_range(struct reader *r, const struct key *key, const struct yaml_node *value,
                        double number)
{
    return number >= key->min && number <= key->max ? true : refuse(r, key, value);
}

static bool read_number(struct reader *r, const struct key *key, const struct yaml_node *value,
                        void *field)
{
    struct scalar s = scalar_read(value);
    double ignored;
    if (s.kind == SCALAR_TEXT && units_parse_number(value->text, &ignored))
        return refuse_quoted(r, key, value);
    if (s.kind != SCALAR_NUMBER)
        return refuse(r, key, value);
    if (!check_range(r, key, value, s.number))
        return false;
    if (key->type == KEY_NUMBER) {
        *(double *)field = s.number;
        return true;
    }
    if (floor(s.number) < s.number || strchr(value->text, '.'))
        return refuse(r, key, value);
    *(unsigned *)field = (unsigned)s.number;
    return true;
}

/* "1%" or a number below 1: a bare 1 could be meant as either. */
static bool read_share(struct reader *r, const struct key *key, const struct yaml_node *value,
                       double *field)
{
    struct scalar s = scalar_read(value);
    double number;
    if (s.kind == SCALAR_TEXT && units_parse_number(value->text, &number))
        return refuse_quoted(r, key, value);
    bool percent = s.kind == SCALAR_TEXT && text_ends(value->text, "%") && *value->text != '+';
    if ((!percent && s.kind != SCALAR_NUMBER) || !units_parse_share(value->text, &number) ||
        *value->text == '-' || number > 1)
        return refuse(r, key, value);
    if (!percent && number == 1) {
        diagnostics_error(r->d, value->mark, "'%s' is not clear: write 1%% or 100%%", key->name);
        return false;
    }
    *field = number;
    return true;
}

static bool read_count(struct reader *r, const struct key *key, const struct yaml_node *value,
                       double *field)
{
    struct scalar s = scalar_read(value);
    double number;
    if (s.kind == SCALAR_TEXT && units_parse_number(value->text, &number))
        return refuse_quoted(r, key, value);
    bool typed = s.kind == SCALAR_NUMBER ? !strchr(value->text, '.') : s.kind == SCALAR_TEXT;
    if (!typed || (s.kind == SCALAR_TEXT && strchr("+-", *value->text)) ||
        !units_parse_count(value->text, &number))
        return refuse(r, key, value);
    if (!check_range(r, key, value, number))
        return false;
    *field = number;
    return true;
}

static bool read_duration(struct reader *r, const struct key *key, const struct yaml_node *value,
                          double *field)
{
    double ms;
    struct scalar s = scalar_read(value);
    if (s.kind != SCALAR_TEXT || strchr("+-", *value->text) ||
        !units_parse_duration_ms(value->text, &ms))
        return refuse(r, key, value);
    if (!check_range(r, key, value, ms / 1000))
        return false;
    *field = ms / 1000;
    return true;
}

static bool is_relative_path(const char *path)
{
    if (!*path || *path == '/' || *path == '~' || strlen(path) > PATH_BYTES_MAX)
        return false;
    for (const char *p = path; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == '\\')
            return false;
    return true;
}

bool fields_valid_path(const char *path)
{
    if (!is_relative_path(path))
        return false;
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (!strncmp(part, "..", 2) && (part[2] == '/' || !part[2]))
            return false;
    }
    return true;
}

/* Keys and positions with single dots between them. */
static bool is_json_path(const char *text)
{
    return *text && *text != '.' && !text_ends(text, ".") && !strstr(text, "..") &&
           strlen(text) <= 256;
}

static bool is_line_of_text(const char *text)
{
    return text[strspn(text, " \t\r\n")] && strlen(text) <= TEXT_BYTES_MAX;
}

/* False, and reported, when the text could mean two things. */
static bool is_clear(struct reader *r, const struct yaml_node *value, const struct scalar *s)
{
    if (s->kind != SCALAR_UNSURE)
        return true;
    diagnostics_error(r->d, value->mark, "'%s' is not clear: %s",
                      diagnostics_clip(r->d, value->text), s->advice);
    return false;
}

static bool read_text(struct reader *r, const struct key *key, const struct yaml_node *value,
                      const char **field)
{
    struct scalar s = scalar_read(value);
    if (!is_clear(r, value, &s))
        return false;
    if (s.kind == SCALAR_NUMBER || s.kind == SCALAR_BOOL) {
        diagnostics_error(r->d, value->mark, "'%s' must be a text: put %s in quotes", key->name,
                          value->text);
        return false;
    }
    bool good = s.kind == SCALAR_TEXT && *value->text;
    if (key->type == KEY_TEXT)
        good = good && is_line_of_text(value->text);
    else if (key->type == KEY_PATH)
        good = good && fields_valid_path(value->text);
    else if (key->type == KEY_FILE)
        good = good && is_relative_path(value->text);
    else if (key->type == KEY_RUNTIME)
        good = good && keys_valid_runtime(value->text);
    else if (key->type == KEY_JSON_PATH)
        good = good && is_json_path(value->text);
    if (!good)
        return refuse(r, key, value);
    *field = arena_strdup(r->arena, value->text);
    return true;
}

static bool read_word(struct reader *r, const struct key *key, const struct yaml_node *value,
                      void *field)
{
    size_t count = 0;
    for (; key->words[count]; count++) {
        if (strcmp(key->words[count], value->text))
            continue;
        if (key->type == KEY_WORD)
            *(const char **)field = key->words[count];
        else
            *(bool *)field = count == 1;
        return true;
    }
    return refuse(r, key, value);
}

static bool read_json(struct reader *r, const struct key *key, const struct yaml_node *value,
                      const char **field)
{
    if (value->kind == YAML_SCALAR && value->plain && !*value->text)
        return refuse(r, key, value);
    struct buf json;
    buf_init(&json);
    bool good = scalar_to_json(value, &json, r->d);
    if (good)
        *field = arena_strndup(r->arena, json.data, json.length);
    buf_release(&json);
    return good;
}

bool fields_read_value(struct reader *r, const struct key *key, const struct yaml_node *value,
                       void *base)
{
    void *field = (char *)base + key->offset;
    bool scalar = key->type < KEY_JSON;
    if (value->tag)
        return false; /* reported when the file was parsed */
    if (scalar && value->kind != YAML_SCALAR)
        return refuse(r, key, value);
    switch (key->type) {
    case KEY_TEXT:
    case KEY_PATH:
    case KEY_FILE:
    case KEY_RUNTIME:
    case KEY_JSON_PATH:
        return read_text(r, key, value, field);
    case KEY_WORD:
    case KEY_SWITCH:
        return read_word(r, key, value, field);
    case KEY_INTEGER:
    case KEY_NUMBER:
        return read_number(r, key, value, field);
    case KEY_SHARE:
        return read_share(r, key, value, field);
    case KEY_COUNT:
        return read_count(r, key, value, field);
    case KEY_DURATION:
        return read_duration(r, key, value, field);
    case KEY_JSON:
        return read_json(r, key, value, field);
    case KEY_MAP:
        if (fields_expect_map(r, value, key->name))
            fields_read(r, key->keys, value, field);
        return true;
    default:
        sections_read(r, key, value, base);
        return true;
    }
}

static bool expect_kind(struct reader *r, const struct yaml_node *node, enum yaml_kind kind,
                        const char *what)
{
    const char *wanted = kind == YAML_MAP ? "map" : "list";
    if (node->tag)
        return false;
    struct mark at =
        node->kind == YAML_SCALAR && !*node->text && node->key ? node->key_mark : node->mark;
    if (node->kind == kind && node->count)
        return true;
    if (node->kind == kind || (node->kind == YAML_SCALAR && !*node->text))
        diagnostics_error(r->d, at, "'%s' is empty: it must be a %s", what, wanted);
    else
        diagnostics_error(r->d, at, "'%s' must be a %s, not %s", what, wanted,
                          yaml_kind_name(node));
    return false;
}

bool fields_expect_map(struct reader *r, const struct yaml_node *node, const char *what)
{
    return expect_kind(r, node, YAML_MAP, what);
}

bool fields_expect_many(struct reader *r, const struct yaml_node *node, const struct key *key)
{
    bool map = key->type == KEY_FUNCTIONS || key->type == KEY_METRICS;
    if (!expect_kind(r, node, map ? YAML_MAP : YAML_LIST, key->name))
        return false;
    if ((double)node->count <= key->max)
        return true;
    diagnostics_error(r->d, node->key_mark, "%zu %s; at most %.0f are allowed", node->count,
                      key->name, key->max);
    return false;
}

static void report_unknown(struct reader *r, const struct key_table *t,
                           const struct yaml_node *member)
{
    const char *name = diagnostics_clip(r->d, member->key);
    if (keys_belongs_elsewhere(member->key)) {
        diagnostics_error(r->d, member->key_mark,
                          "'%s' belongs on the command line or in the workflow, never in perf.yml",
                          name);
        return;
    }
    const char *meant = keys_suggest(t, member->key);
    if (meant)
        diagnostics_error(r->d, member->key_mark, "unknown key '%s' (did you mean '%s'?)", name,
                          meant);
    else
        diagnostics_error(r->d, member->key_mark, "unknown key '%s'", name);
}

void fields_read(struct reader *r, const struct key_table *t, const struct yaml_node *map,
                 void *base)
{
    for (const struct yaml_node *m = map->first; m; m = m->next) {
        const struct key *key = keys_find(t, m->key);
        if (key)
            fields_read_value(r, key, m, base);
        else if (strcmp(m->key, "<<")) /* a merge key: reported when the file was parsed */
            report_unknown(r, t, m);
    }
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].required && !yaml_get(map, t->rows[i].name))
            diagnostics_error(r->d, map->key ? map->key_mark : map->mark,
                              "the key '%s' is missing here", t->rows[i].name);
}
