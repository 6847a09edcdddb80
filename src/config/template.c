#include "config/template.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/scalar.h"
#include "config/sections.h"
#include "os/fs.h"

/* Properties that are single values; `path` goes on below the property. */
static const struct {
    const char *property;
    const char *below; /* a member, "0" for a list's first item, or NULL */
    const char *key;   /* of perf.yml, whose row reads and checks the value */
} properties[] = {
    {"Runtime", NULL, "runtime"},
    {"Handler", NULL, "handler"},
    {"Architectures", "0", "architecture"},
    {"MemorySize", NULL, "memory"},
    {"Timeout", NULL, "timeout"},
    {"EphemeralStorage", "Size", "ephemeral_storage"},
    {"LoggingConfig", "LogFormat", "log_format"},
};

const struct yaml_node *template_load(struct arena *a, const char *path, const char *shown_path,
                                      struct diagnostics *d, struct error *e)
{
    struct buf text;
    buf_init(&text);
    if (fs_read(path, yaml_template.bytes, &text, e)) {
        buf_release(&text);
        return NULL;
    }
    unsigned source = diagnostics_source(d, shown_path, text.data, text.length);
    buf_release(&text);
    return yaml_parse(a, &yaml_template, source, d);
}

static bool is_type(const struct yaml_node *resource, const char *type)
{
    const char *text = yaml_text(yaml_get(resource, "Type"));
    return text && !strcmp(text, type);
}

bool template_is_function(const struct yaml_node *resource)
{
    return is_type(resource, "AWS::Serverless::Function") ||
           is_type(resource, "AWS::Lambda::Function");
}

static const struct yaml_node *global_property(const struct yaml_node *root,
                                               const struct yaml_node *resource, const char *name)
{
    if (!is_type(resource, "AWS::Serverless::Function"))
        return NULL;
    return yaml_get(yaml_get(yaml_get(root, "Globals"), "Function"), name);
}

const struct yaml_node *template_property(const struct yaml_node *root,
                                          const struct yaml_node *resource, const char *name)
{
    const struct yaml_node *own = yaml_get(yaml_get(resource, "Properties"), name);
    return own ? own : global_property(root, resource, name);
}

bool template_is_literal(const struct yaml_node *value)
{
    if (value->tag)
        return false;
    if (value->kind == YAML_MAP && value->count == 1 &&
        (!strcmp(value->first->key, "Ref") || text_starts(value->first->key, "Fn::")))
        return false;
    return true;
}

static void warn(struct reader *r, const struct yaml_node *value, const char *property,
                 const char *key)
{
    diagnostics_warning(r->d, value->mark,
                        "the value of %s is only known to CloudFormation: give '%s' in perf.yml",
                        property, key);
}

/* The node below a property that `below` names; NULL when it is not there. */
static const struct yaml_node *descend(const struct yaml_node *value, const char *below)
{
    if (!below || !template_is_literal(value))
        return value;
    return value->kind == YAML_LIST ? value->first : yaml_get(value, below);
}

/* Numbers may stand in quotes in a template, and words in another case. */
static void apply_value(struct reader *r, const struct key *key, const struct yaml_node *value,
                        struct keys_function *fields)
{
    struct yaml_node copy = *value;
    if (key->type == KEY_INTEGER)
        copy.plain = true;
    if (key->type == KEY_SWITCH)
        for (const char *const *w = key->words; *w; w++)
            if (text_same(*w, copy.text))
                copy.text = *w;
    fields_read_value(r, key, &copy, fields);
}

static void apply_properties(struct reader *r, const struct yaml_node *root,
                             const struct yaml_node *resource, const struct yaml_node *function,
                             struct plan_function *out)
{
    struct keys_function fields = {.plan = *out};
    for (size_t i = 0; i < ARRAY_LEN(properties); i++) {
        const char *name = properties[i].property, *key = properties[i].key;
        const struct yaml_node *value = template_property(root, resource, name);
        if (!value || yaml_get(function, key))
            continue;
        value = descend(value, properties[i].below);
        if (!value)
            continue;
        if (!template_is_literal(value))
            warn(r, value, name, key);
        else
            apply_value(r, keys_find(&keys_function, key), value, &fields);
        fields.plan.given |= keys_given(key);
    }
    *out = fields.plan;
}

static void apply_variables(struct reader *r, const struct yaml_node *environment,
                            const struct yaml_node *given, struct plan_function *out)
{
    const struct yaml_node *map = yaml_get(environment, "Variables");
    if (environment && (!template_is_literal(environment) || (map && !template_is_literal(map))))
        warn(r, environment, "Environment", "environment");
    else if (map && map->kind == YAML_MAP) {
        struct variables v = sections_begin_variables(r, out, map->count);
        for (const struct yaml_node *m = map->first; m; m = m->next) {
            if (yaml_get(given, m->key))
                continue;
            if (m->kind != YAML_SCALAR || !template_is_literal(m))
                warn(r, m, diagnostics_clip(r->d, m->key), "environment");
            else
                sections_set_variable(r, &v, m->key, m->text);
        }
        sections_end_variables(&v, out);
    }
}

/* "services/api" and "./src/" give "services/api/src"; NULL when it leaves the folder. */
static const char *join_source(struct arena *a, const char *template_path, const char *code)
{
    struct buf joined;
    buf_init(&joined);
    char *folder = fs_dirname(template_path);
    const char *const both[] = {folder, code};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        for (const char *p = both[i]; *p;) {
            size_t length = strcspn(p, "/");
            bool here = !length || (length == 1 && *p == '.');
            if (!here) {
                buf_addstr(&joined, joined.length ? "/" : "");
                buf_add(&joined, p, length);
            }
            p += length + (p[length] == '/');
        }
    }
    const char *path = arena_strdup(a, joined.length ? joined.data : ".");
    buf_release(&joined);
    free(folder);
    return fields_valid_path(path) ? path : NULL;
}

const char *template_source(struct arena *a, const char *template_path,
                            const struct yaml_node *code)
{
    const char *text = yaml_text(code);
    if (!text || !*text || *text == '/' || strstr(text, "://"))
        return NULL;
    return join_source(a, template_path, text);
}

static void apply_source(struct reader *r, const struct yaml_node *root,
                         const struct yaml_node *resource, const char *path,
                         struct plan_function *out)
{
    const char *name = is_type(resource, "AWS::Serverless::Function") ? "CodeUri" : "Code";
    const struct yaml_node *code = template_property(root, resource, name);
    out->source = code ? template_source(r->arena, path, code) : NULL;
    if (code && !out->source)
        diagnostics_warning(r->d, code->mark,
                            "%s is no folder beside the template: give 'source' "
                            "in perf.yml",
                            name);
}

static const struct yaml_node *find_resource(struct reader *r, const struct yaml_node *root,
                                             const struct yaml_node *name)
{
    const struct yaml_node *resources = yaml_get(root, "Resources");
    const struct yaml_node *found = yaml_get(resources, name->text);
    if (template_is_function(found))
        return found;
    const char *candidates[256];
    size_t count = 0;
    for (const struct yaml_node *m = resources ? resources->first : NULL;
         m && count < ARRAY_LEN(candidates); m = m->next)
        if (m->key && template_is_function(m))
            candidates[count++] = m->key;
    const char *meant = text_suggest(name->text, candidates, count);
    diagnostics_error(r->d, name->mark, "the template has no function '%s'%s%s%s",
                      diagnostics_clip(r->d, name->text), meant ? " (did you mean '" : "",
                      meant ? diagnostics_clip(r->d, meant) : "", meant ? "'?)" : "");
    return NULL;
}

static const struct yaml_node *load(struct reader *r, const struct yaml_node *name)
{
    struct error e = {0};
    char *path = fs_join(r->directory, name->text);
    const char *shown = strcmp(r->directory, ".") != 0 ? path : name->text;
    const struct yaml_node *root = NULL;
    size_t before = r->d->errors;
    if (!fs_is_file(path))
        diagnostics_error(r->d, name->mark, "there is no file %s", diagnostics_clip(r->d, path));
    else
        root = template_load(r->arena, path, shown, r->d, &e);
    free(path);
    if (e.code)
        diagnostics_error(r->d, name->mark, "%s", e.text);
    else if (root && before == r->d->errors && root->kind != YAML_MAP)
        diagnostics_error(r->d, name->mark, "this file is no template");
    return before == r->d->errors ? root : NULL;
}

void template_apply(struct reader *r, const struct yaml_node *function, struct plan_function *out)
{
    const struct yaml_node *path = yaml_get(function, "template");
    const struct yaml_node *name = yaml_get(function, "resource");
    if (!yaml_text(path) || !yaml_text(name) || !fields_valid_path(path->text))
        return;
    const struct yaml_node *root = load(r, path);
    const struct yaml_node *resource = root ? find_resource(r, root, name) : NULL;
    if (!resource)
        return;
    const struct yaml_node *type = template_property(root, resource, "PackageType");
    if (yaml_text(type) && !strcmp(type->text, "Image")) {
        diagnostics_error(r->d, type->mark, "functions from container images are not supported");
        return;
    }
    const struct yaml_node *given = yaml_get(function, "environment");
    apply_properties(r, root, resource, function, out);
    apply_variables(r, global_property(root, resource, "Environment"), given, out);
    apply_variables(r, yaml_get(yaml_get(resource, "Properties"), "Environment"), given, out);
    if (!yaml_get(function, "source"))
        apply_source(r, root, resource, path->text, out);
}
