#include "config/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/fields.h"
#include "config/sections.h"
#include "config/template.h"
#include "config/yaml.h"
#include "os/fs.h"

enum { FILE_BYTES_READ = 1 << 20, HANDLER_BYTES_MAX = 128 };

static struct plan_function defaults(const struct yaml_node *node)
{
    return (struct plan_function){
        .name = node->key,
        .line = node->key_mark.line,
        .source = ".",
        .architecture = "x86_64",
        .memory_mb = PLAN_DEFAULT_MEMORY_MB,
        .timeout_s = PLAN_DEFAULT_TIMEOUT_S,
        .ephemeral_mb = PLAN_DEFAULT_EPHEMERAL_MB,
        .rounds = PLAN_DEFAULT_ROUNDS,
        .traffic = {.cold_start_rate = PLAN_DEFAULT_COLD_RATE},
    };
}

/* Where to point at for a key that may be absent. */
static struct mark place_of(const struct yaml_node *function, const char *key)
{
    const struct yaml_node *member = yaml_get(function, key);
    return member ? member->mark : function->key_mark;
}

static bool has_bootstrap(const struct reader *r, const char *source)
{
    char *folder = fs_join(r->directory, source);
    char *file = fs_join(folder, "bootstrap");
    bool found = fs_is_file(file);
    free(file);
    free(folder);
    return found;
}

static void finish_runtime(struct reader *r, const struct yaml_node *node, struct plan_function *f)
{
    if (!f->runtime && !yaml_get(node, "runtime")) {
        if (f->source && has_bootstrap(r, f->source))
            f->runtime = "provided.al2023";
        else
            diagnostics_error(r->d, node->key_mark,
                              "'runtime' is missing: give it (such as python3.12), or 'template' "
                              "and 'resource'");
    }
    if (f->handler &&
        (f->handler[strcspn(f->handler, " \t\r\n")] || strlen(f->handler) > HANDLER_BYTES_MAX))
        diagnostics_error(r->d, place_of(node, "handler"),
                          "a handler has no blanks and at most %d characters", HANDLER_BYTES_MAX);
    if (f->handler || yaml_get(node, "handler") || !f->runtime)
        return;
    if (text_starts(f->runtime, "provided."))
        f->handler = "bootstrap";
    else
        diagnostics_error(r->d, node->key_mark, "'handler' is missing; %s needs one", f->runtime);
}

static void finish_source(struct reader *r, const struct yaml_node *node, struct plan_function *f)
{
    if (!f->source) {
        diagnostics_error(r->d, node->key_mark,
                          "'source' is missing: the template does not say where the code is");
        return;
    }
    char *folder = fs_join(r->directory, f->source);
    if (!fs_is_dir(folder))
        diagnostics_warning(r->d, place_of(node, "source"), "there is no folder %s here",
                            diagnostics_clip(r->d, folder));
    free(folder);
}

static void check_combinations(struct reader *r, const struct yaml_node *node,
                               const struct plan_function *f)
{
    const struct yaml_node *rounds = yaml_get(node, "rounds"), *load = yaml_get(node, "load");
    if (f->rounds.min > f->rounds.max)
        diagnostics_error(r->d, place_of(node, "rounds"), "'min' is %u%s, but 'max' is only %u%s",
                          f->rounds.min, yaml_get(rounds, "min") ? "" : " (the default)",
                          f->rounds.max, yaml_get(rounds, "max") ? "" : " (the default)");
    const struct yaml_node *stages = yaml_get(load, "stages");
    if (stages && !yaml_get(load, "rate"))
        diagnostics_error(r->d, stages->key_mark,
                          "'stages' needs 'rate': the rate that the first stage starts from");
    const struct yaml_node *template = yaml_get(node, "template"),
                           *resource = yaml_get(node, "resource");
    if (template && !resource)
        diagnostics_error(r->d, template->key_mark,
                          "'template' needs 'resource': the function's name in it");
    if (resource && !template)
        diagnostics_error(r->d, resource->key_mark,
                          "'resource' needs 'template': the file that has it");
}

static void read_function(struct reader *r, const struct yaml_node *node, struct plan_function *out)
{
    struct keys_function fields = {.plan = defaults(node)};
    if (!keys_valid_name(node->key))
        diagnostics_error(r->d, node->key_mark,
                          "'%s' cannot be a function's name: it has letters, digits, '-' and '_', "
                          "at most 64",
                          diagnostics_clip(r->d, node->key));
    if (!fields_expect_map(r, node, diagnostics_clip(r->d, node->key)))
        return;
    template_apply(r, node, &fields.plan);
    sections_read_metrics(r, node, &fields.plan);
    fields_read(r, &keys_function, node, &fields);
    for (const struct yaml_node *m = node->first; m; m = m->next)
        fields.plan.given |= keys_given(m->key);
    struct plan_function *f = &fields.plan;
    finish_runtime(r, node, f);
    finish_source(r, node, f);
    check_combinations(r, node, f);
    if (!f->event_count)
        sections_default_events(r, f);
    sections_default_limits(r, f);
    *out = *f;
}

static void read_functions(struct reader *r, const struct yaml_node *map, struct plan *plan)
{
    if (!fields_expect_many(r, map, keys_find(&keys_file, map->key)))
        return;
    struct plan_function *functions = arena_alloc(r->arena, map->count * sizeof *functions);
    size_t count = 0;
    for (const struct yaml_node *m = map->first; m; m = m->next)
        read_function(r, m, &functions[count++]);
    plan->functions = functions;
    plan->function_count = count;
}

static void read_file(struct reader *r, unsigned source, struct plan *plan)
{
    struct keys_file fields = {0};
    const struct yaml_node *root = yaml_parse(r->arena, &yaml_config, source, r->d);
    if (!root)
        return;
    if (root->kind == YAML_SCALAR && root->plain && !*root->text) {
        diagnostics_error(r->d, (struct mark){.source = source}, "the file is empty");
        return;
    }
    if (!fields_expect_map(r, root, "perf.yml"))
        return;
    fields_read(r, &keys_file, root, &fields);
    const struct yaml_node *functions = yaml_get(root, "functions");
    if (functions)
        read_functions(r, functions, plan);
}

int config_read_text(const char *text, size_t length, const char *path,
                     const struct config_options *options, struct plan **out, struct diagnostics *d,
                     struct error *e)
{
    const struct config_options none = {0};
    const struct config_options *o = options ? options : &none;
    struct plan *plan = plan_new();
    char *folder = fs_dirname(path);
    plan->path = arena_strdup(&plan->arena, path);
    plan->directory = arena_strdup(&plan->arena, o->directory ? o->directory : folder);
    free(folder);
    struct reader r = {.arena = &plan->arena, .d = d, .directory = plan->directory};
    const char *shown = o->shown_path ? o->shown_path : path;
    size_t before = d->errors;
    read_file(&r, diagnostics_source(d, shown, text, length), plan);
    if (d->errors > before) {
        size_t errors = d->errors - before;
        plan_free(plan);
        return error_set(e, ERROR_CONFIG, "%s has %zu error%s", shown, errors,
                         errors == 1 ? "" : "s");
    }
    *out = plan;
    return 0;
}

int config_read(const char *path, const struct config_options *options, struct plan **out,
                struct diagnostics *d, struct error *e)
{
    struct buf text;
    buf_init(&text);
    int failed = fs_read(path, FILE_BYTES_READ, &text, e);
    if (failed && e)
        e->code = ERROR_CONFIG;
    if (!failed)
        failed = config_read_text(text.data, text.length, path, options, out, d, e);
    buf_release(&text);
    return failed;
}
