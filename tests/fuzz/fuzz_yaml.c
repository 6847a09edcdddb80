/*
 * Any bytes as perf.yml and as a template: what is read must be a whole tree within the limits,
 * what becomes JSON must be JSON, a plan exists exactly when there is no error, and the messages
 * hold nothing that a terminal obeys.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "config/reader.h"
#include "config/scalar.h"
#include "config/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

/* Counts the values below; each place lies in the file, each key is in its map. */
static size_t visit(const struct yaml_node *n, const struct yaml_rules *rules, unsigned depth)
{
    size_t total = 1, count = 0;
    require(depth <= rules->depth);
    require(n->mark.line >= 1 && n->mark.column >= 1);
    require(n->kind != YAML_SCALAR || !n->first);
    for (const struct yaml_node *m = n->first; m; m = m->next, count++) {
        require((m->key != NULL) == (n->kind == YAML_MAP));
        total += visit(m, rules, depth + 1);
    }
    require(count == n->count);
    return total;
}

static void check_render(struct diagnostics *d)
{
    struct buf out;
    buf_init(&out);
    diagnostics_render(d, false, &out);
    require(text_is_utf8(out.data, out.length));
    for (size_t i = 0; i < out.length; i++)
        require((unsigned char)out.data[i] >= 0x20 || out.data[i] == '\n');
    require((d->count > 0) == (out.length > 0));
    buf_release(&out);
}

static void check_json(const struct yaml_node *root, struct diagnostics *d)
{
    struct buf json;
    buf_init(&json);
    if (scalar_to_json(root, &json, d) && !d->errors) {
        struct error e = {0};
        struct json *value = json_parse(json.data, json.length, &e);
        require(value != NULL);
        json_free(value);
    }
    buf_release(&json);
}

static void check_tree(const char *text, size_t size, const struct yaml_rules *rules)
{
    struct arena a;
    struct diagnostics d;
    arena_init(&a);
    diagnostics_init(&d);
    unsigned source = diagnostics_source(&d, "fuzz.yml", text, size);
    const struct yaml_node *root = yaml_parse(&a, rules, source, &d);
    require(root || d.errors);
    if (root) {
        require(visit(root, rules, 0) <= rules->nodes);
        check_json(root, &d);
    }
    check_render(&d);
    diagnostics_release(&d);
    arena_release(&a);
}

static void check_plan(const char *text, size_t size)
{
    struct diagnostics d;
    struct error e = {0};
    struct plan *plan = NULL;
    const struct config_options options = {.directory = "/nonexistent"};
    diagnostics_init(&d);
    int failed = config_read_text(text, size, "perf.yml", &options, &plan, &d, &e);
    require(failed ? !plan && d.errors && e.code == ERROR_CONFIG : plan && !d.errors);
    for (size_t i = 0; plan && i < plan->function_count; i++) {
        const struct plan_function *f = &plan->functions[i];
        require(f->name && f->source && f->runtime && f->handler && f->architecture);
        require(f->event_count && f->limit_count && f->rounds.min <= f->rounds.max);
    }
    check_render(&d);
    plan_free(plan);
    diagnostics_release(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    check_tree(text, size, &yaml_config);
    check_tree(text, size, &yaml_template);
    check_plan(text, size);
    return 0;
}
