#include "config/detect.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "config/keys.h"
#include "config/template.h"
#include "os/fs.h"

enum { FILE_BYTES_MAX = 1 << 20, HANDLER_BYTES_MAX = 128 };

static const char python[] = "python3.13", node[] = "nodejs22.x", provided[] = "provided.al2023";

static const char *const template_files[] = {"template.yaml", "template.yml", "template.json"};
static const char *const serverless_files[] = {"serverless.yml", "serverless.yaml"};

/* A file at the top that tells the language. */
static const struct mark_file {
    const char *file;
    const char *runtime;
    const char *build;
    const char *package;
} mark_files[] = {
    {"bootstrap", provided, NULL, NULL},
    {"Cargo.toml", provided, "cargo lambda build --release", NULL},
    {"go.mod", provided,
     "CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -tags lambda.norpc -o dist/bootstrap .",
     "dist"},
    {"package.json", node, NULL, NULL},
    {"requirements.txt", python, NULL, NULL},
    {"pyproject.toml", python, NULL, NULL},
    {"lambda_function.py", python, NULL, NULL},
    {"app.py", python, NULL, NULL},
    {"index.mjs", node, NULL, NULL},
    {"index.js", node, NULL, NULL},
};

/* Where a handler usually is, and how its definition begins. */
static const struct {
    const char *runtime;
    const char *file;
    const char *definition;
    const char *handler;
} handlers[] = {
    {python, "lambda_function.py", "def lambda_handler(", "lambda_function.lambda_handler"},
    {python, "app.py", "def lambda_handler(", "app.lambda_handler"},
    {python, "app.py", "def handler(", "app.handler"},
    {python, "handler.py", "def handler(", "handler.handler"},
    {python, "main.py", "def handler(", "main.handler"},
    {python, "index.py", "def handler(", "index.handler"},
    {node, "index.mjs", "handler", "index.handler"},
    {node, "index.js", "handler", "index.handler"},
    {node, "src/index.mjs", "handler", "src/index.handler"},
    {node, "src/index.js", "handler", "src/index.handler"},
    {node, "app.mjs", "handler", "app.handler"},
    {node, "app.js", "handler", "app.handler"},
    {node, "handler.js", "handler", "handler.handler"},
    {node, "dist/index.js", "handler", "dist/index.handler"},
};

/* ---- files ---- */

static bool has_file(const char *directory, const char *file)
{
    char *path = fs_join(directory, file);
    bool found = fs_is_file(path);
    free(path);
    return found;
}

/* Reads a file of the folder; false when that cannot be done. */
static bool read_file(const char *directory, const char *file, struct buf *out)
{
    char *path = fs_join(directory, file);
    bool good = fs_is_file(path) && !fs_read(path, FILE_BYTES_MAX, out, NULL);
    free(path);
    return good;
}

static bool file_contains(const char *directory, const char *file, const char *text)
{
    struct buf content;
    buf_init(&content);
    bool found = read_file(directory, file, &content) && strstr(content.data, text);
    buf_release(&content);
    return found;
}

/* ---- names ---- */

static bool is_taken(const struct detection *found, const char *name)
{
    for (size_t i = 0; i < found->count; i++)
        if (!strcmp(found->functions[i].name, name))
            return true;
    return false;
}

/* A function's name made of any text: other characters become '-'; a number makes it unique. */
static const char *make_name(struct detection *found, const char *text)
{
    char *name = arena_strndup(&found->arena, text, strnlen(text, 60));
    for (char *p = name; *p; p++) {
        const char one[] = {*p, '\0'};
        if (!keys_valid_name(one))
            *p = '-';
    }
    if (!*name || strspn(name, "-") == strlen(name))
        name = arena_strdup(&found->arena, "function");
    const char *unique = name;
    for (unsigned n = 2; is_taken(found, unique); n++)
        unique = arena_printf(&found->arena, "%.59s-%u", name, n);
    return unique;
}

static const char *folder_name(struct detection *found, const char *directory)
{
    char *real = realpath(directory, NULL);
    const char *name = make_name(found, real ? fs_basename(real) : "function");
    free(real);
    return name;
}

static struct detected *add(struct detection *found, const char *name, const char *evidence)
{
    if (found->count == DETECTED_MAX)
        return NULL;
    const char *valid = make_name(found, name);
    struct detected *f = &found->functions[found->count++];
    *f = (struct detected){.name = valid, .evidence = evidence};
    return f;
}

/* ---- templates ---- */

/* The text of a value when it is written out and no variable of another tool. */
static const char *literal(const struct yaml_node *value)
{
    const char *text = value && template_is_literal(value) ? yaml_text(value) : NULL;
    return text && *text && !strstr(text, "${") ? text : NULL;
}

/* As literal(), when it can be a handler. */
static const char *handler_text(const struct yaml_node *value)
{
    const char *text = literal(value);
    return text && !text[strcspn(text, " \t\r\n")] && strlen(text) <= HANDLER_BYTES_MAX ? text
                                                                                        : NULL;
}

static void add_resource(struct detection *found, const char *file, const struct yaml_node *root,
                         const struct yaml_node *resource)
{
    const char *type = literal(template_property(root, resource, "PackageType"));
    if (!template_is_function(resource) || (type && !strcmp(type, "Image")))
        return;
    struct detected *f = add(found, resource->key, file);
    if (!f)
        return;
    f->template = file;
    f->resource = resource->key;
    const char *runtime = literal(template_property(root, resource, "Runtime"));
    if (!runtime || !keys_valid_runtime(runtime)) {
        f->runtime = runtime = python;
        f->guessed = true;
    }
    if (!handler_text(template_property(root, resource, "Handler")) &&
        !text_starts(runtime, "provided.")) {
        f->handler = "app.handler";
        f->guessed = true;
    }
    const struct yaml_node *code = template_property(root, resource, "CodeUri");
    if (!code)
        code = template_property(root, resource, "Code");
    if (!code || !template_source(&found->arena, file, code))
        f->source = ".";
}

static const struct yaml_node *load(struct detection *found, const char *directory,
                                    const char *file)
{
    if (!has_file(directory, file))
        return NULL;
    struct diagnostics d;
    diagnostics_init(&d);
    char *path = fs_join(directory, file);
    const struct yaml_node *root = template_load(&found->arena, path, file, &d, NULL);
    if (d.errors)
        root = NULL;
    free(path);
    diagnostics_release(&d);
    return root;
}

static void detect_templates(struct detection *found, const char *directory)
{
    for (size_t i = 0; i < ARRAY_LEN(template_files) && !found->count; i++) {
        const struct yaml_node *root = load(found, directory, template_files[i]);
        const struct yaml_node *resources = yaml_get(root, "Resources");
        if (!resources || resources->kind != YAML_MAP)
            continue;
        for (const struct yaml_node *m = resources->first; m; m = m->next)
            add_resource(found, template_files[i], root, m);
    }
}

static unsigned whole_number(const struct yaml_node *value, const char *key)
{
    const struct key *row = keys_find(&keys_function, key);
    const char *text = literal(value);
    size_t length = text ? strspn(text, "0123456789") : 0;
    unsigned long number = length && length < 6 && !text[length] ? strtoul(text, NULL, 10) : 0;
    return (double)number >= row->min && (double)number <= row->max ? (unsigned)number : 0;
}

static void detect_serverless(struct detection *found, const char *directory)
{
    for (size_t i = 0; i < ARRAY_LEN(serverless_files) && !found->count; i++) {
        const struct yaml_node *root = load(found, directory, serverless_files[i]);
        const struct yaml_node *provider = yaml_get(root, "provider");
        const struct yaml_node *functions = yaml_get(root, "functions");
        if (!functions || functions->kind != YAML_MAP)
            continue;
        for (const struct yaml_node *m = functions->first; m; m = m->next) {
            const struct yaml_node *own = yaml_get(m, "runtime"),
                                   *memory = yaml_get(m, "memorySize"),
                                   *timeout = yaml_get(m, "timeout");
            struct detected *f = add(found, m->key, serverless_files[i]);
            if (!f)
                return;
            f->runtime = literal(own ? own : yaml_get(provider, "runtime"));
            f->handler = handler_text(yaml_get(m, "handler"));
            f->guessed = !f->runtime || !keys_valid_runtime(f->runtime) || !f->handler;
            f->runtime = f->runtime && keys_valid_runtime(f->runtime) ? f->runtime : node;
            f->handler = f->handler ? f->handler : "handler.handler";
            f->memory_mb =
                whole_number(memory ? memory : yaml_get(provider, "memorySize"), "memory");
            f->timeout_s =
                whole_number(timeout ? timeout : yaml_get(provider, "timeout"), "timeout");
        }
    }
}

/* ---- languages ---- */

static const char *find_handler(const char *directory, const char *runtime)
{
    for (size_t i = 0; i < ARRAY_LEN(handlers); i++)
        if (!strcmp(handlers[i].runtime, runtime) &&
            file_contains(directory, handlers[i].file, handlers[i].definition))
            return handlers[i].handler;
    return NULL;
}

/* The name and build script of package.json. */
static void read_package_json(struct detection *found, const char *directory, struct detected *f)
{
    struct buf text;
    buf_init(&text);
    struct json *json = read_file(directory, "package.json", &text)
                            ? json_parse(text.data, text.length, NULL)
                            : NULL;
    const char *name = json_get_string(json, "name", NULL);
    if (name)
        f->name = make_name(found, fs_basename(name));
    bool builds = json_type(json_path(json, "scripts.build")) == JSON_STRING;
    bool locked = has_file(directory, "package-lock.json");
    f->build = builds ? (locked ? "npm ci && npm run build" : "npm install && npm run build")
                      : (locked ? "npm ci --omit=dev" : NULL);
    json_free(json);
    buf_release(&text);
}

/* Cargo puts the program into a folder of the crate's name. */
static void read_cargo_toml(struct detection *found, const char *directory, struct detected *f)
{
    struct buf text;
    buf_init(&text);
    const char *line =
        read_file(directory, "Cargo.toml", &text) ? strstr(text.data, "\nname") : NULL;
    const char *name = line ? line + strcspn(line, "\"") : "";
    if (*name) {
        name++;
        f->name = make_name(found, arena_strndup(&found->arena, name, strcspn(name, "\"\n")));
        f->package = arena_printf(&found->arena, "target/lambda/%s", f->name);
    }
    buf_release(&text);
}

static void detect_language(struct detection *found, const char *directory)
{
    const struct mark_file *mark = mark_files;
    const struct mark_file *end = mark_files + ARRAY_LEN(mark_files);
    while (mark < end && !has_file(directory, mark->file))
        mark++;
    if (mark == end)
        return;
    struct detected *f = add(found, folder_name(found, directory), mark->file);
    f->runtime = mark->runtime;
    f->build = mark->build;
    f->package = mark->package;
    if (!strcmp(mark->file, "package.json"))
        read_package_json(found, directory, f);
    if (!strcmp(mark->file, "Cargo.toml"))
        read_cargo_toml(found, directory, f);
    if (!strcmp(f->runtime, provided))
        return;
    f->handler = find_handler(directory, f->runtime);
    f->guessed = !f->handler;
    if (!f->handler)
        f->handler = !strcmp(f->runtime, python) ? "app.handler" : "index.handler";
}

static void detect_events(struct detection *found, const char *directory)
{
    char *folder = fs_join(directory, "events");
    struct fs_list list = {0};
    if (fs_is_dir(folder) && !fs_walk(folder, &list, NULL)) {
        for (size_t i = 0; i < list.count && found->event_count < DETECTED_EVENTS_MAX; i++) {
            const char *file = arena_printf(&found->arena, "events/%s", list.entries[i].path);
            struct buf text;
            buf_init(&text);
            struct json *json = NULL;
            if (text_ends(file, ".json") && fields_valid_path(file) &&
                read_file(directory, file, &text))
                json = json_parse(text.data, text.length, NULL);
            if (json)
                found->events[found->event_count++] = file;
            json_free(json);
            buf_release(&text);
        }
    }
    fs_list_release(&list);
    free(folder);
}

void detection_run(struct detection *found, const char *directory)
{
    *found = (struct detection){0};
    arena_init(&found->arena);
    detect_templates(found, directory);
    if (!found->count)
        detect_serverless(found, directory);
    if (!found->count)
        detect_language(found, directory);
    detect_events(found, directory);
}

void detection_release(struct detection *found)
{
    arena_release(&found->arena);
    *found = (struct detection){0};
}
