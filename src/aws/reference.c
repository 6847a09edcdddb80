#include "aws/reference.h"

#include <stdlib.h>
#include <string.h>

#include "aws/call.h"
#include "base/text.h"

enum treatment {
    IGNORED,   /* identity, state, or of no meaning for synchronous calls */
    COPIED,    /* as it is */
    COPIED_BY, /* by a function of its own */
    REFUSED,
};

/* Every member of a function's configuration. */
static const struct member {
    const char *name;
    enum treatment treatment;
    const char *words; /* what is copied, or why it is refused */
} members[] = {
    {"FunctionName", IGNORED, NULL},
    {"FunctionArn", IGNORED, NULL},
    {"Runtime", IGNORED, NULL}, /* perf.yml's, as the handler and the code */
    {"Handler", IGNORED, NULL},
    {"CodeSize", IGNORED, NULL},
    {"CodeSha256", IGNORED, NULL},
    {"ConfigSha256", IGNORED, NULL},
    {"Description", IGNORED, NULL},
    {"LastModified", IGNORED, NULL},
    {"Version", IGNORED, NULL},
    {"RevisionId", IGNORED, NULL},
    {"MasterArn", IGNORED, NULL},
    {"State", IGNORED, NULL},
    {"StateReason", IGNORED, NULL},
    {"StateReasonCode", IGNORED, NULL},
    {"LastUpdateStatus", IGNORED, NULL},
    {"LastUpdateStatusReason", IGNORED, NULL},
    {"LastUpdateStatusReasonCode", IGNORED, NULL},
    {"SigningProfileVersionArn", IGNORED, NULL},
    {"SigningJobArn", IGNORED, NULL},
    {"RuntimeVersionConfig", IGNORED, NULL},
    {"DeadLetterConfig", IGNORED, NULL}, /* of asynchronous invocations */
    {"ResponseMetadata", IGNORED, NULL}, /* some SDKs and emulators add it */
    {"Role", COPIED_BY, NULL},
    {"Timeout", COPIED_BY, NULL},
    {"MemorySize", COPIED_BY, NULL},
    {"EphemeralStorage", COPIED_BY, NULL},
    {"Architectures", COPIED_BY, NULL},
    {"Environment", COPIED_BY, NULL},
    {"LoggingConfig", COPIED_BY, NULL},
    {"PackageType", COPIED_BY, NULL},
    {"VpcConfig", COPIED_BY, NULL},
    {"Layers", COPIED_BY, NULL},
    {"SnapStart", COPIED_BY, NULL},
    {"TracingConfig", COPIED, "tracing"},
    {"FileSystemConfigs", COPIED, "file systems"},
    {"KMSKeyArn", COPIED, "the key of its environment"},
    {"ImageConfigResponse", REFUSED, "it is a container image, and this package is a zip"},
    {"CapacityProviderConfig", REFUSED,
     "it runs on Lambda Managed Instances, where an environment takes several calls at a time and "
     "REPORT holds no bill"},
    {"DurableConfig", REFUSED, "it is a durable function, whose calls are replayed"},
    {"TenancyConfig", REFUSED, "its environments are kept apart by tenant"},
};

/* The answer of CreateFunction to what it wants to know is less than what it tells. */
struct copy {
    const struct json *from;
    const struct plan_function *plan;
    struct arena *arena;
    struct plan_function *out;
    struct plan_reference *reference;
    struct json_writer members;
    struct buf *words;
};

struct json *reference_get(struct lambda *l, const char *name, struct error *e)
{
    struct buf path;
    buf_init(&path);
    buf_addstr(&path, "/2015-03-31/functions/");
    sigv4_encode(&path, name, strlen(name), 0);
    buf_addstr(&path, "/configuration");
    char *what = xasprintf("GetFunctionConfiguration '%.200s'", name);
    struct call call = {what, "GET", path.data, NULL, true, NULL};
    struct json *configuration = call_json(l, &call, NULL, e);
    free(what);
    buf_release(&path);
    return configuration;
}

static const struct member *find_member(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (!strcmp(members[i].name, name))
            return &members[i];
    return NULL;
}

/* null, "", [], {} and objects of such say nothing. */
static bool says_something(const struct json *v)
{
    switch (json_type(v)) {
    case JSON_MISSING:
    case JSON_NULL:
        return false;
    case JSON_STRING:
        return *json_string(v, "") != '\0';
    case JSON_ARRAY:
        return json_count(v) > 0;
    case JSON_OBJECT:
        for (const struct json *m = json_first(v); m; m = json_next(m))
            if (says_something(m))
                return true;
        return false;
    default:
        return true;
    }
}

static int refuse(const struct json *configuration, struct error *e, const char *why)
{
    const char *name = json_get_string(configuration, "FunctionName", "?");
    return error_set(e, ERROR_API, "'%.64s' cannot be copied: %s", name, why);
}

static int check_members(const struct json *configuration, struct error *e)
{
    for (const struct json *m = json_first(configuration); m; m = json_next(m)) {
        const struct member *known = find_member(json_key(m));
        if (!says_something(m) || (known && known->treatment != REFUSED))
            continue;
        if (known)
            return refuse(configuration, e, known->words);
        char *why = xasprintf("its configuration has '%.64s', which this version does not know; it "
                              "may change how the function runs",
                              json_key(m));
        refuse(configuration, e, why);
        free(why);
        return -1;
    }
    const char *type = json_get_string(configuration, "PackageType", "Zip");
    if (!strcmp(type, "Image"))
        return refuse(configuration, e, "it is a container image, and this package is a zip");
    if (strcmp(type, "Zip") != 0)
        return refuse(configuration, e, "its PackageType is neither Zip nor Image");
    if (says_something(json_path(configuration, "Environment.Error")))
        return refuse(configuration, e,
                      "its environment cannot be read (lambda:GetFunctionConfiguration needs "
                      "kms:Decrypt for its key)");
    return 0;
}

static void say(struct copy *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct copy *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (c->words->length)
        buf_addstr(c->words, ", ");
    buf_addv(c->words, format, args);
    va_end(args);
}

/* A number that perf.yml does not give. */
static void copy_number(struct copy *c, const char *path, unsigned bit, unsigned *field,
                        const char *before, const char *after)
{
    int64_t value = json_integer(json_path(c->from, path), -1);
    if (value < 0 || value > UINT32_MAX || (c->plan->given & bit))
        return;
    *field = (unsigned)value;
    say(c, "%s%u%s", before, *field, after);
}

static void copy_architecture(struct copy *c)
{
    const char *name = json_string(json_path(c->from, "Architectures.0"), NULL);
    if (!name || (c->plan->given & PLAN_GAVE_ARCHITECTURE))
        return;
    c->out->architecture = arena_strdup(c->arena, name);
    say(c, "%s", c->out->architecture);
}

static bool plan_sets(const struct plan_function *f, const char *name)
{
    for (size_t i = 0; i < f->environment_count; i++)
        if (!strcmp(f->environment[i].name, name))
            return true;
    return false;
}

/* The reference's variables first, then perf.yml's. */
static void copy_environment(struct copy *c)
{
    const struct json *variables = json_path(c->from, "Environment.Variables");
    const struct plan_function *f = c->plan;
    size_t most = json_count(variables) + f->environment_count, count = 0;
    struct plan_variable *list = arena_alloc(c->arena, (most + 1) * sizeof *list);
    for (const struct json *v = json_first(variables); v; v = json_next(v))
        if (!plan_sets(f, json_key(v)))
            list[count++] = (struct plan_variable){arena_strdup(c->arena, json_key(v)),
                                                   arena_strdup(c->arena, json_string(v, ""))};
    if (count)
        say(c, "%zu environment variable%s", count, count == 1 ? "" : "s");
    if (f->environment_count)
        memcpy(list + count, f->environment, f->environment_count * sizeof *list);
    c->out->environment = list;
    c->out->environment_count = count + f->environment_count;
}

/* The format and the level of the function's own lines; the group is the temporary functions'. */
static void copy_logging(struct copy *c)
{
    const struct json *logging = json_get(c->from, "LoggingConfig");
    bool json = !strcmp(json_get_string(logging, "LogFormat", "Text"), "JSON");
    const char *level = json_get_string(logging, "ApplicationLogLevel", NULL);
    if (!(c->plan->given & PLAN_GAVE_LOG_FORMAT) && json) {
        c->out->json_logs = true;
        say(c, "JSON logs");
    }
    if (json && level)
        c->reference->log_level = arena_strdup(c->arena, level);
    /* without the platform's own lines there would be no REPORT */
    if (json && !strcmp(json_get_string(logging, "SystemLogLevel", "INFO"), "WARN"))
        say(c, "but not its SystemLogLevel WARN");
}

static void put_json(struct json_writer *w, const char *key, const struct json *value)
{
    struct buf text;
    buf_init(&text);
    json_print(value, &text);
    json_put_raw(w, key, text.data);
    buf_release(&text);
}

/* What is told of a VPC holds its id, which is not asked for. */
static void copy_vpc(struct copy *c)
{
    const struct json *vpc = json_get(c->from, "VpcConfig");
    size_t count = json_count(json_get(vpc, "SubnetIds"));
    if (!count)
        return;
    json_open_object(&c->members, "VpcConfig");
    for (const struct json *m = json_first(vpc); m; m = json_next(m))
        if (strcmp(json_key(m), "VpcId") != 0)
            put_json(&c->members, json_key(m), m);
    json_close(&c->members);
    c->reference->slow = true;
    say(c, "the VPC with %zu subnet%s", count, count == 1 ? "" : "s");
}

static void copy_layers(struct copy *c)
{
    const struct json *layers = json_get(c->from, "Layers");
    if (!json_count(layers))
        return;
    json_open_array(&c->members, "Layers");
    for (const struct json *layer = json_first(layers); layer; layer = json_next(layer))
        json_put_string(&c->members, NULL, json_get_string(layer, "Arn", ""));
    json_close(&c->members);
    say(c, "%zu layer%s", json_count(layers), json_count(layers) == 1 ? "" : "s");
}

static void copy_snap_start(struct copy *c)
{
    const char *on = json_string(json_path(c->from, "SnapStart.ApplyOn"), "None");
    if (!strcmp(on, "None"))
        return;
    json_open_object(&c->members, "SnapStart");
    json_put_string(&c->members, "ApplyOn", on);
    json_close(&c->members);
    c->reference->slow = c->reference->snap_start = true;
    say(c, "SnapStart");
}

static void copy_as_it_is(struct copy *c)
{
    for (const struct json *m = json_first(c->from); m; m = json_next(m)) {
        const struct member *known = find_member(json_key(m));
        if (!known || known->treatment != COPIED || !says_something(m))
            continue;
        put_json(&c->members, json_key(m), m);
        if (strcmp(json_get_string(m, "Mode", ""), "PassThrough") != 0)
            say(c, "%s", known->words);
    }
}

static void copy_all(struct copy *c)
{
    const char *role = json_get_string(c->from, "Role", NULL);
    if (role) {
        c->reference->role = arena_strdup(c->arena, role);
        say(c, "role");
    }
    copy_number(c, "MemorySize", PLAN_GAVE_MEMORY, &c->out->memory_mb, "", " MB of memory");
    copy_number(c, "Timeout", PLAN_GAVE_TIMEOUT, &c->out->timeout_s, "timeout of ", " s");
    copy_number(c, "EphemeralStorage.Size", PLAN_GAVE_EPHEMERAL, &c->out->ephemeral_mb, "/tmp of ",
                " MB");
    copy_architecture(c);
    copy_environment(c);
    copy_logging(c);
    copy_vpc(c);
    copy_layers(c);
    copy_snap_start(c);
    copy_as_it_is(c);
}

int reference_apply(const struct json *configuration, const struct plan_function *f,
                    struct arena *arena, struct plan_function *out, struct buf *copied,
                    struct error *e)
{
    if (check_members(configuration, e))
        return -1;
    struct buf text;
    buf_init(&text);
    *out = *f;
    struct copy c = {.from = configuration,
                     .plan = f,
                     .arena = arena,
                     .out = out,
                     .reference = arena_alloc(arena, sizeof *c.reference),
                     .words = copied};
    json_begin(&c.members, &text, 0);
    json_open_object(&c.members, NULL);
    copy_all(&c);
    json_close(&c.members);
    c.reference->members = arena_strdup(arena, text.data);
    buf_release(&text);
    out->reference = c.reference;
    return 0;
}
