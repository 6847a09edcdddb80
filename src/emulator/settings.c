#include "emulator/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { ENVIRONMENT_BYTES_MAX = 4096, ACCOUNT_DIGITS = 12 };

enum member_kind { MEMBER_TEXT, MEMBER_COUNT };

/* The limits of each plain member: bytes of a text, value of a number. */
static const struct member {
    const char *path;
    enum member_kind kind;
    size_t offset;
    int64_t least, most;
} members[] = {
    {"Runtime", MEMBER_TEXT, offsetof(struct function, runtime), 1, 64},
    {"Role", MEMBER_TEXT, offsetof(struct function, role), 20, 512},
    {"Handler", MEMBER_TEXT, offsetof(struct function, handler), 1, 128},
    {"Description", MEMBER_TEXT, offsetof(struct function, description), 0, 256},
    {"LoggingConfig.LogGroup", MEMBER_TEXT, offsetof(struct function, log_group), 1, 512},
    {"Timeout", MEMBER_COUNT, offsetof(struct function, timeout_s), 1, 900},
    {"MemorySize", MEMBER_COUNT, offsetof(struct function, memory_mb), 128, 10240},
    {"EphemeralStorage.Size", MEMBER_COUNT, offsetof(struct function, ephemeral_mb), 512, 10240},
};

/* What changes how a function runs and is not there. */
static const struct {
    const char *path, *what;
} unsupported[] = {
    {"Layers", "layers"},
    {"VpcConfig", "VPCs"},
    {"FileSystemConfigs", "file systems"},
    {"ImageConfig", "container images"},
    {"DeadLetterConfig", "dead-letter queues"},
    {"KMSKeyArn", "customer managed keys"},
    {"CodeSigningConfigArn", "code signing"},
    {"CapacityProviderConfig", "managed instances"},
    {"DurableConfig", "durable execution"},
    {"TenancyConfig", "tenant isolation"},
};

static const char *const application_levels[] = {"TRACE", "DEBUG", "INFO",
                                                 "WARN",  "ERROR", "FATAL"};
static const char *const system_levels[] = {"DEBUG", "INFO", "WARN"};
static const char *const formats[] = {"Text", "JSON"};
static const char *const tracing_modes[] = {"PassThrough", "Active"};
static const char *const architectures[] = {"x86_64", "arm64"};
/* The level that both lists call INFO. */
enum { APPLICATION_DEFAULT = 2, SYSTEM_DEFAULT = 1 };

/* Set by Lambda itself, https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html */
static const char *const reserved_names[] = {
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
};

static int wrong_type(struct fault *fault, const char *path, const char *want)
{
    return fault_set(fault, FAULT_SERIALIZATION, "'%s' must be %s", path, want);
}

static int violates(struct fault *fault, const char *path, const char *value,
                    const char *constraint)
{
    return fault_set(
        fault, FAULT_VALIDATION,
        "1 validation error detected: Value '%.300s' at '%s' failed to satisfy constraint: %s",
        value, path, constraint);
}

static int out_of_range(struct fault *fault, const struct member *limit, const char *value,
                        bool too_small)
{
    const char *what = limit->kind == MEMBER_TEXT ? "length" : "value";
    return fault_set(
        fault, FAULT_VALIDATION,
        "1 validation error detected: Value '%.300s' at '%s' failed to satisfy constraint: "
        "Member must have %s %s than or equal to %lld",
        value, limit->path, what, too_small ? "greater" : "less",
        (long long)(too_small ? limit->least : limit->most));
}

static int read_text(const struct json *body, const struct member *limit, const char **value,
                     struct fault *fault)
{
    const struct json *v = json_path(body, limit->path);
    enum json_type type = json_type(v);
    if (type == JSON_MISSING || type == JSON_NULL)
        return 0;
    if (type != JSON_STRING)
        return wrong_type(fault, limit->path, "a string");
    const char *text = json_string(v, "");
    int64_t length = (int64_t)strlen(text);
    if (length < limit->least || length > limit->most)
        return out_of_range(fault, limit, text, length < limit->least);
    *value = text;
    return 0;
}

static int read_count(const struct json *body, const struct member *limit, int64_t *value,
                      struct fault *fault)
{
    const struct json *v = json_path(body, limit->path);
    enum json_type type = json_type(v);
    if (type == JSON_MISSING || type == JSON_NULL)
        return 0;
    int64_t number = json_integer(v, INT64_MIN);
    if (type != JSON_NUMBER || number == INT64_MIN)
        return wrong_type(fault, limit->path, "a whole number");
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)number);
    if (number < limit->least || number > limit->most)
        return out_of_range(fault, limit, text, number < limit->least);
    *value = number;
    return 0;
}

int settings_text(const struct json *body, const char *key, size_t least, size_t most,
                  const char **value, struct fault *fault)
{
    const struct member limit = {key, MEMBER_TEXT, 0, (int64_t)least, (int64_t)most};
    return read_text(body, &limit, value, fault);
}

int settings_count(const struct json *body, const char *path, int64_t least, int64_t most,
                   int64_t *value, struct fault *fault)
{
    const struct member limit = {path, MEMBER_COUNT, 0, least, most};
    return read_count(body, &limit, value, fault);
}

static int apply_member(struct function *f, const struct json *body, const struct member *m,
                        struct fault *fault)
{
    void *field = (char *)f + m->offset;
    if (m->kind == MEMBER_TEXT) {
        const char *text = NULL;
        if (read_text(body, m, &text, fault))
            return -1;
        if (text)
            function_set(field, text);
        return 0;
    }
    int64_t number = -1;
    if (read_count(body, m, &number, fault))
        return -1;
    if (number >= 0)
        *(unsigned *)field = (unsigned)number;
    return 0;
}

/* Something other than nothing: null, "", [], {} and objects of such are nothing. */
static bool is_set(const struct json *v)
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
            if (is_set(m))
                return true;
        return false;
    case JSON_BOOL:
        return json_bool(v, false);
    default:
        return true;
    }
}

static int check_supported(const struct json *body, struct fault *fault)
{
    for (size_t i = 0; i < ARRAY_LEN(unsupported); i++)
        if (is_set(json_get(body, unsupported[i].path)))
            return fault_set(fault, FAULT_PARAMETER,
                             "The embedded Lambda does not support %s (%s).", unsupported[i].what,
                             unsupported[i].path);
    if (strcmp(json_get_string(body, "PackageType", "Zip"), "Zip") != 0)
        return fault_set(fault, FAULT_PARAMETER,
                         "The embedded Lambda supports PackageType Zip only.");
    if (strcmp(json_string(json_path(body, "SnapStart.ApplyOn"), "None"), "None") != 0)
        return fault_set(fault, FAULT_PARAMETER, "The embedded Lambda does not support SnapStart.");
    return 0;
}

/* One of a list of words; *chosen becomes the list's own constant. */
static int read_word(const struct json *body, const char *path, const char *const *words,
                     size_t count, const char **chosen, struct fault *fault)
{
    const struct json *v = json_path(body, path);
    enum json_type type = json_type(v);
    if (type == JSON_MISSING || type == JSON_NULL)
        return 0;
    if (type != JSON_STRING)
        return wrong_type(fault, path, "a string");
    const char *text = json_string(v, "");
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], text) == 0) {
            *chosen = words[i];
            return 0;
        }
    return violates(fault, path, text, "Member must satisfy enum value set");
}

static int apply_logging(struct function *f, const struct json *body, struct fault *fault)
{
    const char *format = formats[f->json_logs];
    const char *application = NULL, *system = NULL;
    if (read_word(body, "LoggingConfig.LogFormat", formats, ARRAY_LEN(formats), &format, fault) ||
        read_word(body, "LoggingConfig.ApplicationLogLevel", application_levels,
                  ARRAY_LEN(application_levels), &application, fault) ||
        read_word(body, "LoggingConfig.SystemLogLevel", system_levels, ARRAY_LEN(system_levels),
                  &system, fault))
        return -1;
    f->json_logs = strcmp(format, "JSON") == 0;
    if (!f->json_logs) {
        if (application || system)
            return fault_set(fault, FAULT_PARAMETER,
                             "ApplicationLogLevel and SystemLogLevel need LogFormat JSON.");
        f->application_log_level = f->system_log_level = NULL;
    } else {
        if (!application)
            application = f->application_log_level;
        if (!system)
            system = f->system_log_level;
        f->application_log_level =
            application ? application : application_levels[APPLICATION_DEFAULT];
        f->system_log_level = system ? system : system_levels[SYSTEM_DEFAULT];
    }
    f->system_logs_quiet = f->system_log_level && strcmp(f->system_log_level, "WARN") == 0;
    return 0;
}

static int apply_tracing(struct function *f, const struct json *body, struct fault *fault)
{
    const char *mode = tracing_modes[f->tracing_active];
    if (read_word(body, "TracingConfig.Mode", tracing_modes, ARRAY_LEN(tracing_modes), &mode,
                  fault))
        return -1;
    f->tracing_active = mode == tracing_modes[1];
    return 0;
}

static bool valid_variable_name(const char *name)
{
    if (!isalpha((unsigned char)*name) || !name[1])
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            return false;
    return true;
}

static int check_variable(const struct json *variable, struct fault *fault)
{
    const char *name = json_key(variable);
    if (json_type(variable) != JSON_STRING)
        return wrong_type(fault, "Environment.Variables", "a map of strings");
    for (size_t i = 0; i < ARRAY_LEN(reserved_names); i++)
        if (strcmp(reserved_names[i], name) == 0)
            return fault_set(
                fault, FAULT_PARAMETER,
                "Lambda was unable to configure your environment variables because the "
                "environment variables you have provided contains reserved keys that are "
                "currently not supported for modification. Reserved keys used in this "
                "request: %s",
                name);
    if (!valid_variable_name(name))
        return violates(fault, "environment.variables", name,
                        "Map keys must be letters, digits and '_', a letter first, at least two of "
                        "them");
    return 0;
}

static int check_variables(const struct json *variables, struct fault *fault)
{
    size_t bytes = 2; /* the braces of the map, as Lambda counts it */
    for (const struct json *v = json_first(variables); v; v = json_next(v)) {
        if (check_variable(v, fault))
            return -1;
        bytes += strlen(json_key(v)) + strlen(json_string(v, "")) + 6;
    }
    if (bytes > ENVIRONMENT_BYTES_MAX)
        return fault_set(fault, FAULT_PARAMETER,
                         "Lambda was unable to configure your environment variables because the "
                         "environment variables you have provided exceeded the 4KB limit. "
                         "(%zu bytes)",
                         bytes);
    return 0;
}

static void clear_environment(struct function *f)
{
    for (size_t i = 0; i < f->environment_count; i++) {
        free(f->environment[i].name);
        free(f->environment[i].value);
    }
    free(f->environment);
    f->environment = NULL;
    f->environment_count = 0;
}

/* Replaced whole, as in Lambda: what the new map does not have is gone. */
static int apply_environment(struct function *f, const struct json *body, struct fault *fault)
{
    const struct json *environment = json_get(body, "Environment");
    enum json_type type = json_type(environment);
    if (type == JSON_MISSING || type == JSON_NULL)
        return 0;
    const struct json *variables = json_get(environment, "Variables");
    enum json_type inner = json_type(variables);
    if (type != JSON_OBJECT ||
        (inner != JSON_MISSING && inner != JSON_NULL && inner != JSON_OBJECT))
        return wrong_type(fault, "Environment.Variables", "a map of strings");
    if (check_variables(variables, fault))
        return -1;
    clear_environment(f);
    f->environment = xcalloc(json_count(variables) + 1, sizeof *f->environment);
    for (const struct json *v = json_first(variables); v; v = json_next(v)) {
        struct function_variable *variable = &f->environment[f->environment_count++];
        variable->name = xstrdup(json_key(v));
        variable->value = xstrdup(json_string(v, ""));
    }
    return 0;
}

int settings_architecture(struct function *f, const struct json *body, struct fault *fault)
{
    const struct json *list = json_get(body, "Architectures");
    enum json_type type = json_type(list);
    if (type == JSON_MISSING || type == JSON_NULL)
        return 0;
    const char *chosen = NULL;
    if (type != JSON_ARRAY || json_count(list) != 1)
        return violates(fault, "architectures", "", "Member must be a list of one architecture");
    if (read_word(list, "0", architectures, ARRAY_LEN(architectures), &chosen, fault))
        return -1;
    if (!chosen)
        return wrong_type(fault, "Architectures", "a list of strings");
    function_set(&f->architecture, chosen);
    return 0;
}

/* arn:PARTITION:iam::123456789012:role/NAME */
static int check_role(const char *role, struct fault *fault)
{
    const char *account = strstr(role, ":iam::");
    if (strncmp(role, "arn:", 4) == 0 && account) {
        account += strlen(":iam::");
        if (strspn(account, "0123456789") == ACCOUNT_DIGITS &&
            strncmp(account + ACCOUNT_DIGITS, ":role/", 6) == 0 && account[ACCOUNT_DIGITS + 6])
            return 0;
    }
    return violates(fault, "role", role, "Member must be the ARN of an IAM role");
}

int settings_update(struct function *f, const struct json *body, struct fault *fault)
{
    if (check_supported(body, fault))
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (apply_member(f, body, &members[i], fault))
            return -1;
    if (f->handler && f->handler[strcspn(f->handler, " \t\r\n\f\v")])
        return violates(fault, "handler", f->handler, "Member must have no blanks");
    if (f->role && check_role(f->role, fault))
        return -1;
    if (apply_logging(f, body, fault) || apply_tracing(f, body, fault))
        return -1;
    return apply_environment(f, body, fault);
}

int settings_create(struct function *f, const struct json *body, struct fault *fault)
{
    f->memory_mb = 128;
    f->timeout_s = 3;
    f->ephemeral_mb = 512;
    function_set(&f->description, "");
    function_set(&f->architecture, architectures[0]);
    free(f->log_group);
    f->log_group = xasprintf("/aws/lambda/%s", f->name);
    if (settings_update(f, body, fault) || settings_architecture(f, body, fault))
        return -1;
    if (!f->role)
        return violates(fault, "role", "null", "Member must not be null");
    if (!f->runtime || !f->handler)
        return fault_set(fault, FAULT_PARAMETER,
                         "Runtime and Handler are mandatory parameters for functions created with "
                         "deployment packages.");
    return 0;
}
