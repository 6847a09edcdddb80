#include "config/yaml.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/text.h"

enum { DEPTH_MAX = 64 };

const struct yaml_rules yaml_config = {
    .bytes = 64 << 10, .scalar_bytes = 4 << 10, .nodes = 10000, .depth = 32};
const struct yaml_rules yaml_template = {
    .bytes = 1 << 20, .scalar_bytes = 256 << 10, .nodes = 100000, .depth = DEPTH_MAX, .tags = true};

/* What libyaml says, and what helps more. */
static const struct {
    const char *problem;
    const char *advice;
    bool at_context; /* the cause is where the context began */
} advices[] = {
    {"mapping values are not allowed in this context",
     "a ':' cannot stand here: put the text in quotes, or check the indentation", false},
    {"could not find expected ':'", "this key has no ':' behind it", true},
    {"did not find expected key", "the indentation does not fit the lines above", false},
    {"did not find expected <document start>", "the indentation does not fit the lines above",
     false},
    {"did not find expected '-' indicator", "the indentation does not fit the list above", false},
    {"found unexpected end of stream", "this quote is never closed", true},
    {"did not find expected ',' or ']'", "this list needs ',' between its items and ']' at its end",
     true},
    {"did not find expected ',' or '}'",
     "this map needs ',' between its members and '}' at its end", true},
    {"found character that cannot start any token",
     "text cannot start with this character: put "
     "it in quotes",
     false},
    {"block sequence entries are not allowed in this context",
     "a list cannot start here: put '-' on a new line", false},
    {"found incompatible YAML document", "only YAML 1.1 and 1.2 can be read", false},
};

static const char standard_tag[] = "tag:yaml.org,2002:"; /* what "!!" stands for */

struct level {
    struct yaml_node *node;
    struct yaml_node *last; /* member or item */
    const char *key;        /* its value comes next */
    struct mark key_mark;
};

struct builder {
    const struct yaml_rules *rules;
    struct arena *arena;
    struct diagnostics *d;
    unsigned source;
    struct yaml_node *root;
    struct level stack[DEPTH_MAX];
    unsigned depth;
    size_t nodes;
    unsigned documents;
};

/* ---- before parsing: what libyaml should never see ---- */

static bool is_refused(uint32_t code)
{
    bool control = code < 0x20 && code != '\t' && code != '\n' && code != '\r';
    bool line_end = code == 0x85 || code == 0x2028 || code == 0x2029; /* for YAML 1.1 only */
    return control || line_end || (code >= 0x7f && code <= 0x9f) || code == 0xfeff ||
           code == 0xfffe || code == 0xffff;
}

/* Checks the characters one by one; the first bad one is an error. */
static bool check_characters(const char *text, size_t length, unsigned source,
                             struct diagnostics *d)
{
    struct mark at = {.source = source, .line = 1, .column = 1};
    for (size_t i = 0, bytes; i < length; i += bytes) {
        uint32_t code = 0;
        bytes = text_utf8(text + i, length - i, &code);
        if (!bytes) {
            diagnostics_error(d, at, "this is not UTF-8 text (byte 0x%02x)",
                              (unsigned)(unsigned char)text[i]);
            return false;
        }
        if (is_refused(code)) {
            diagnostics_error(d, at, "the character U+%04X is not allowed", (unsigned)code);
            return false;
        }
        at.column++;
        if (code == '\n' || (code == '\r' && (i + 1 == length || text[i + 1] != '\n'))) {
            at.line++;
            at.column = 1;
        }
    }
    return true;
}

static bool check_source(const struct yaml_rules *rules, unsigned source, struct diagnostics *d)
{
    const struct diagnostic_source *s = &d->sources[source];
    const struct mark whole = {.source = source};
    if (s->length > rules->bytes) {
        diagnostics_error(d, whole, "the file has %zu bytes; at most %zu are read", s->length,
                          rules->bytes);
        return false;
    }
    if (s->length >= 2 && (!memcmp(s->text, "\xff\xfe", 2) || !memcmp(s->text, "\xfe\xff", 2))) {
        diagnostics_error(d, whole, "the file is UTF-16 or UTF-32: save it as UTF-8");
        return false;
    }
    return true;
}

/* ---- building the tree ---- */

static struct mark mark_of(const struct builder *b, const yaml_event_t *ev)
{
    const yaml_mark_t *start = &ev->start_mark, *end = &ev->end_mark;
    bool one_line = start->line == end->line && end->column > start->column;
    return (struct mark){.source = b->source,
                         .line = (unsigned)start->line + 1,
                         .column = (unsigned)start->column + 1,
                         .length = one_line ? (unsigned)(end->column - start->column) : 1};
}

/* Counts one more key or value. */
static bool count_node(struct builder *b, struct mark at)
{
    if (++b->nodes <= b->rules->nodes)
        return true;
    diagnostics_error(b->d, at, "more than %zu keys and values", b->rules->nodes);
    return false;
}

/* Hangs a new node into the innermost container. */
static struct yaml_node *attach(struct builder *b, enum yaml_kind kind, struct mark at)
{
    struct yaml_node *n = arena_alloc(b->arena, sizeof *n);
    n->kind = kind;
    n->mark = at;
    n->text = "";
    if (!b->depth) {
        b->root = n;
        return n;
    }
    struct level *top = &b->stack[b->depth - 1];
    n->key = top->key;
    n->key_mark = top->key_mark;
    top->key = NULL;
    *(top->last ? &top->last->next : &top->node->first) = n;
    top->last = n;
    top->node->count++;
    return n;
}

static bool wants_key(const struct builder *b)
{
    return b->depth && b->stack[b->depth - 1].node->kind == YAML_MAP && !b->stack[b->depth - 1].key;
}

static bool take_key(struct builder *b, const yaml_event_t *ev, struct mark at)
{
    struct level *top = &b->stack[b->depth - 1];
    const char *text = (const char *)ev->data.scalar.value;
    if (!b->rules->tags && ev->data.scalar.plain_implicit && !strcmp(text, "<<"))
        diagnostics_error(b->d, at, "merge keys ('<<') are not supported: write the keys out");
    if (ev->data.scalar.tag || ev->data.scalar.anchor)
        diagnostics_error(b->d, at, "a key cannot have a tag or an anchor");
    if (strlen(text) != ev->data.scalar.length) {
        diagnostics_error(b->d, at, "a key cannot contain a NUL character");
        return false;
    }
    if (ev->data.scalar.length > b->rules->scalar_bytes) {
        diagnostics_error(b->d, at, "a key of more than %zu bytes", b->rules->scalar_bytes);
        return false;
    }
    top->key = arena_strdup(b->arena, text);
    top->key_mark = at;
    return true;
}

/* Refuses, or in a template keeps, what a node carries in front of its value. */
static const char *take_properties(struct builder *b, const yaml_char_t *anchor,
                                   const yaml_char_t *tag, struct mark at)
{
    if (!b->rules->tags && anchor)
        diagnostics_error(b->d, at, "anchors ('&%s') are not supported: write the value out",
                          diagnostics_clip(b->d, (const char *)anchor));
    if (!tag)
        return NULL;
    const char *shown = (const char *)tag;
    bool standard = text_starts(shown, standard_tag);
    if (!b->rules->tags)
        diagnostics_error(b->d, at, "tags ('%s%s') are not supported: write the value without it",
                          standard ? "!!" : "",
                          diagnostics_clip(b->d, shown + (standard ? strlen(standard_tag) : 0)));
    return arena_strdup(b->arena, (const char *)tag);
}

static bool take_scalar(struct builder *b, const yaml_event_t *ev, struct mark at)
{
    if (wants_key(b))
        return take_key(b, ev, at);
    const char *text = (const char *)ev->data.scalar.value;
    size_t length = ev->data.scalar.length;
    struct yaml_node *n = attach(b, YAML_SCALAR, at);
    n->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    n->tag = take_properties(b, ev->data.scalar.anchor, ev->data.scalar.tag, at);
    n->text = arena_strndup(b->arena, text, length);
    if (strlen(text) != length) {
        diagnostics_error(b->d, at, "a text cannot contain a NUL character");
        n->tag = "!"; /* reported: readers skip it */
    } else if (length > b->rules->scalar_bytes) {
        diagnostics_error(b->d, at, "a text of %zu bytes; at most %zu are read", length,
                          b->rules->scalar_bytes);
        n->tag = "!";
    }
    return true;
}

static bool take_alias(struct builder *b, const yaml_event_t *ev, struct mark at)
{
    const char *name = (const char *)ev->data.alias.anchor;
    if (!b->rules->tags)
        diagnostics_error(b->d, at, "aliases ('*%s') are not supported: write the value out",
                          diagnostics_clip(b->d, name));
    if (wants_key(b)) {
        b->stack[b->depth - 1].key = arena_printf(b->arena, "*%s", name);
        b->stack[b->depth - 1].key_mark = at;
        return true;
    }
    attach(b, YAML_SCALAR, at)->tag = arena_printf(b->arena, "*%s", name);
    return true;
}

static bool open_container(struct builder *b, enum yaml_kind kind, const yaml_event_t *ev,
                           struct mark at)
{
    if (wants_key(b)) {
        diagnostics_error(b->d, at, "a key must be text, not a %s",
                          kind == YAML_MAP ? "map" : "list");
        return false;
    }
    if (b->depth >= b->rules->depth) {
        diagnostics_error(b->d, at, "nested more than %u levels deep", b->rules->depth);
        return false;
    }
    at.length = 1;
    struct yaml_node *n = attach(b, kind, at);
    n->tag =
        kind == YAML_MAP
            ? take_properties(b, ev->data.mapping_start.anchor, ev->data.mapping_start.tag, at)
            : take_properties(b, ev->data.sequence_start.anchor, ev->data.sequence_start.tag, at);
    b->stack[b->depth++] = (struct level){.node = n};
    return true;
}

static int compare_members(const void *a, const void *b)
{
    const struct yaml_node *x = *(struct yaml_node *const *)a, *y = *(struct yaml_node *const *)b;
    int order = strcmp(x->key, y->key);
    if (order)
        return order;
    if (x->key_mark.line != y->key_mark.line)
        return x->key_mark.line < y->key_mark.line ? -1 : 1;
    return x->key_mark.column < y->key_mark.column ? -1 : x->key_mark.column > y->key_mark.column;
}

/* Each key that stands twice is an error at its second place. Sorted: maps can have thousands. */
static void check_duplicates(struct builder *b, const struct yaml_node *map)
{
    if (map->count < 2)
        return;
    const struct yaml_node **members = xcalloc(map->count, sizeof(*members));
    size_t count = 0;
    for (const struct yaml_node *m = map->first; m; m = m->next)
        members[count++] = m;
    qsort(members, count, sizeof(*members), compare_members);
    for (size_t i = 1; i < count; i++)
        if (!strcmp(members[i - 1]->key, members[i]->key))
            diagnostics_error(b->d, members[i]->key_mark,
                              "the key '%s' stands here a second time (first in line %u)",
                              diagnostics_clip(b->d, members[i]->key),
                              members[i - 1]->key_mark.line);
    free(members);
}

static bool open_document(struct builder *b, const yaml_event_t *ev, struct mark at)
{
    at.length = 1;
    if (b->documents++) {
        diagnostics_error(b->d, at, "a second document begins here; one file holds one");
        return false;
    }
    bool directives =
        ev->data.document_start.version_directive ||
        ev->data.document_start.tag_directives.start != ev->data.document_start.tag_directives.end;
    if (directives && !b->rules->tags) {
        diagnostics_error(b->d, at, "directives ('%%...') are not supported: remove them");
        return false;
    }
    return true;
}

/* False: there is nothing to go on with, and why is in the diagnostics. */
static bool take_event(struct builder *b, const yaml_event_t *ev)
{
    struct mark at = mark_of(b, ev);
    switch (ev->type) {
    case YAML_DOCUMENT_START_EVENT:
        return open_document(b, ev, at);
    case YAML_ALIAS_EVENT:
        return count_node(b, at) && take_alias(b, ev, at);
    case YAML_SCALAR_EVENT:
        return count_node(b, at) && take_scalar(b, ev, at);
    case YAML_SEQUENCE_START_EVENT:
        return count_node(b, at) && open_container(b, YAML_LIST, ev, at);
    case YAML_MAPPING_START_EVENT:
        return count_node(b, at) && open_container(b, YAML_MAP, ev, at);
    case YAML_MAPPING_END_EVENT:
        check_duplicates(b, b->stack[--b->depth].node);
        return true;
    case YAML_SEQUENCE_END_EVENT:
        b->depth--;
        return true;
    default:
        return true;
    }
}

/* ---- libyaml's errors ---- */

/* The byte at a place that libyaml gives in characters. */
static char byte_at(const struct diagnostic_source *s, size_t characters)
{
    size_t at = 0;
    while (characters-- && at < s->length)
        at += text_utf8(s->text + at, s->length - at, NULL);
    return at < s->length ? s->text[at] : '\0';
}

static void report_syntax(const struct builder *b, const yaml_parser_t *p)
{
    const char *text = p->problem ? p->problem : "it cannot be read";
    const yaml_mark_t *at = &p->problem_mark;
    for (size_t i = 0; p->problem && i < ARRAY_LEN(advices); i++) {
        if (strcmp(p->problem, advices[i].problem))
            continue;
        text = advices[i].advice;
        if (advices[i].at_context && p->context)
            at = &p->context_mark;
    }
    if (byte_at(&b->d->sources[b->source], p->problem_mark.index) == '\t')
        text = "a tab cannot be used here: indent with spaces";
    diagnostics_error(b->d,
                      (struct mark){.source = b->source,
                                    .line = (unsigned)at->line + 1,
                                    .column = (unsigned)at->column + 1},
                      "not valid YAML: %s", text);
}

static bool run(struct builder *b, yaml_parser_t *p)
{
    for (;;) {
        yaml_event_t ev;
        if (!yaml_parser_parse(p, &ev)) {
            report_syntax(b, p);
            return false;
        }
        bool end = ev.type == YAML_STREAM_END_EVENT;
        bool good = take_event(b, &ev);
        yaml_event_delete(&ev);
        if (end || !good)
            return good;
    }
}

struct yaml_node *yaml_parse(struct arena *a, const struct yaml_rules *rules, unsigned source,
                             struct diagnostics *d)
{
    if (!check_source(rules, source, d))
        return NULL;
    const char *text = d->sources[source].text;
    size_t length = d->sources[source].length;
    if (!check_characters(text, length, source, d))
        return NULL;
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        diagnostics_error(d, (struct mark){.source = source}, "not enough memory to read it");
        return NULL;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    struct builder b = {.rules = rules, .arena = a, .d = d, .source = source};
    bool good = run(&b, &parser);
    yaml_parser_delete(&parser);
    if (good && !b.root)
        diagnostics_error(d, (struct mark){.source = source}, "the file is empty");
    return good ? b.root : NULL;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (!map || map->kind != YAML_MAP)
        return NULL;
    for (const struct yaml_node *m = map->first; m; m = m->next)
        if (!strcmp(m->key, key))
            return m;
    return NULL;
}

const char *yaml_text(const struct yaml_node *node)
{
    return node && node->kind == YAML_SCALAR && !node->tag ? node->text : NULL;
}

const char *yaml_kind_name(const struct yaml_node *node)
{
    static const char *const names[] = {
        [YAML_SCALAR] = "text", [YAML_LIST] = "a list", [YAML_MAP] = "a map"};
    return names[node->kind];
}
