#include "sandbox/variables.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Names that a function may set for itself; all others that Lambda defines win over it. */
static const char *const overridable[] = {"LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ"};

struct list {
    char **items;
    size_t count, capacity;
};

static void push(struct list *l, char *item)
{
    l->items = array_reserve(l->items, &l->capacity, l->count + 1, sizeof *l->items);
    l->items[l->count++] = item;
}

static void put(struct list *l, const char *name, const char *value)
{
    push(l, xasprintf("%s=%s", name, value));
}

static char **find(struct list *l, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < l->count; i++)
        if (!strncmp(l->items[i], name, length) && l->items[i][length] == '=')
            return &l->items[i];
    return NULL;
}

static bool is_overridable(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(overridable); i++)
        if (!strcmp(overridable[i], name))
            return true;
    return false;
}

static void put_own(struct list *l, const struct function_variable *v)
{
    char **there = find(l, v->name);
    if (there && !is_overridable(v->name))
        return;
    char *item = xasprintf("%s=%s", v->name, v->value);
    if (there) {
        free(*there);
        *there = item;
    } else {
        push(l, item);
    }
}

/* Keys that can be recognised wherever they turn up and that open nothing. */
static void put_credentials(struct list *l)
{
    put(l, "AWS_ACCESS_KEY_ID", "LPGDUMMYACCESSKEYID");
    put(l, "AWS_SECRET_ACCESS_KEY", "LPGDUMMYsecretAccessKeyOfTheEmulator");
    put(l, "AWS_SESSION_TOKEN", "LPGDUMMYsessionToken");
}

static void put_paths(struct list *l, const struct variables_input *in)
{
    const char *task = in->function->code->directory, *runtime = in->runtime_directory;
    const char *own = in->launch->library_path;
    push(l, xasprintf("LD_LIBRARY_PATH=%s%s/lib64:/usr/lib64:%s:%s/lib:%s:%s/lib:/opt/lib",
                      own ? own : "", own ? ":" : "", runtime, runtime, task, task));
    put(l, "PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin");
    put(l, "LAMBDA_TASK_ROOT", task);
    put(l, "LAMBDA_RUNTIME_DIR", runtime);
    if (in->temporary_directory)
        put(l, "TMPDIR", in->temporary_directory);
}

static void put_function(struct list *l, const struct variables_input *in)
{
    const struct function *f = in->function;
    put(l, "_HANDLER", f->handler ? f->handler : "");
    put(l, "AWS_LAMBDA_FUNCTION_NAME", f->name);
    put(l, "AWS_LAMBDA_FUNCTION_VERSION", f->version);
    push(l, xasprintf("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%u", f->memory_mb));
    put(l, "AWS_LAMBDA_INITIALIZATION_TYPE",
        in->provisioned ? "provisioned-concurrency" : "on-demand");
    if (f->log_group)
        put(l, "AWS_LAMBDA_LOG_GROUP_NAME", f->log_group);
    else
        push(l, xasprintf("AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/%s", f->name));
    put(l, "AWS_LAMBDA_LOG_STREAM_NAME", in->log_stream);
    if (f->json_logs)
        put(l, "AWS_LAMBDA_LOG_FORMAT", "JSON");
    if (f->application_log_level)
        put(l, "AWS_LAMBDA_LOG_LEVEL", f->application_log_level);
    if (in->launch->execution_env)
        push(l, xasprintf("AWS_EXECUTION_ENV=%s%s", in->launch->execution_env, f->runtime));
}

char **variables_make(const struct variables_input *in)
{
    struct list l = {0};
    put(&l, "TZ", ":UTC");
    put(&l, "LANG", "en_US.UTF-8");
    put(&l, "AWS_REGION", in->region);
    put(&l, "AWS_DEFAULT_REGION", in->region);
    push(&l, xasprintf("AWS_LAMBDA_RUNTIME_API=127.0.0.1:%u", (unsigned)in->api_port));
    put_credentials(&l);
    put_paths(&l, in);
    put_function(&l, in);
    for (size_t i = 0; i < in->function->environment_count; i++)
        put_own(&l, &in->function->environment[i]);
    push(&l, NULL);
    return l.items;
}

void variables_free(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}
