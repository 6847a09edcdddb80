#include "sandbox/function.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "os/fs.h"

/* The strings of a snapshot: copying and freeing walk this table, so a new one is a new row. */
static const size_t strings[] = {
    offsetof(struct function, name),        offsetof(struct function, version),
    offsetof(struct function, arn),         offsetof(struct function, role),
    offsetof(struct function, description), offsetof(struct function, runtime),
    offsetof(struct function, handler),     offsetof(struct function, architecture),
    offsetof(struct function, log_group),   offsetof(struct function, last_modified),
};

/* Those that decide how the function runs. */
static const size_t running_strings[] = {
    offsetof(struct function, name),      offsetof(struct function, role),
    offsetof(struct function, runtime),   offsetof(struct function, handler),
    offsetof(struct function, log_group), offsetof(struct function, architecture),
};

static char **string_at(struct function *f, size_t offset)
{
    return (char **)(void *)((char *)f + offset);
}

static const char *text_at(const struct function *f, size_t offset)
{
    const char *text = *(char *const *)(const void *)((const char *)f + offset);
    return text ? text : "";
}

struct function *function_new(void)
{
    struct function *f = xcalloc(1, sizeof *f);
    f->references = 1;
    return f;
}

struct function *function_copy(const struct function *f)
{
    struct function *copy = xmalloc(sizeof *copy);
    *copy = *f;
    copy->references = 1;
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        char **field = string_at(copy, strings[i]);
        *field = *field ? xstrdup(*field) : NULL;
    }
    copy->environment = xcalloc(f->environment_count + 1, sizeof *copy->environment);
    for (size_t i = 0; i < f->environment_count; i++) {
        copy->environment[i].name = xstrdup(f->environment[i].name);
        copy->environment[i].value = xstrdup(f->environment[i].value);
    }
    if (copy->code)
        copy->code->references++;
    return copy;
}

struct function *function_ref(struct function *f)
{
    f->references++;
    return f;
}

void function_unref(struct function *f)
{
    if (!f || --f->references)
        return;
    for (size_t i = 0; i < ARRAY_LEN(strings); i++)
        free(*string_at(f, strings[i]));
    for (size_t i = 0; i < f->environment_count; i++) {
        free(f->environment[i].name);
        free(f->environment[i].value);
    }
    free(f->environment);
    function_code_unref(f->code);
    free(f);
}

void function_set(char **field, const char *value)
{
    char *copy = value ? xstrdup(value) : NULL;
    free(*field);
    *field = copy;
}

static bool same_environment(const struct function *a, const struct function *b)
{
    if (a->environment_count != b->environment_count)
        return false;
    for (size_t i = 0; i < a->environment_count; i++)
        if (strcmp(a->environment[i].name, b->environment[i].name) != 0 ||
            strcmp(a->environment[i].value, b->environment[i].value) != 0)
            return false;
    return true;
}

static bool same_levels(const struct function *a, const struct function *b)
{
    /* Both point into one table of constants. */
    return a->json_logs == b->json_logs && a->application_log_level == b->application_log_level &&
           a->system_log_level == b->system_log_level && a->tracing_active == b->tracing_active;
}

bool function_same(const struct function *a, const struct function *b)
{
    for (size_t i = 0; i < ARRAY_LEN(running_strings); i++)
        if (strcmp(text_at(a, running_strings[i]), text_at(b, running_strings[i])) != 0)
            return false;
    if (a->memory_mb != b->memory_mb || a->timeout_s != b->timeout_s ||
        a->ephemeral_mb != b->ephemeral_mb || !same_levels(a, b) || !same_environment(a, b))
        return false;
    return a->code == b->code ||
           (a->code && b->code && strcmp(a->code->sha256, b->code->sha256) == 0);
}

char *function_code_zip_path(const struct function_code *c)
{
    return xasprintf("%s.zip", c->directory);
}

void function_code_unref(struct function_code *c)
{
    if (!c || --c->references)
        return;
    /* Should a file resist, the work folder's own removal is the second chance. */
    char *zip = function_code_zip_path(c);
    (void)fs_remove_tree(zip, NULL);
    (void)fs_remove_tree(c->directory, NULL);
    free(zip);
    free(c->directory);
    free(c->sha256);
    free(c);
}
