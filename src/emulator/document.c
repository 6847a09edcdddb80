#include "emulator/document.h"

#include <stdlib.h>

#include "base/mem.h"

static void put_arn(struct json_writer *w, const char *key, const char *arn, const char *qualifier)
{
    char *full = xasprintf("%s%s%s", arn, *qualifier ? ":" : "", qualifier);
    json_put_string(w, key, full);
    free(full);
}

static void put_environment(struct json_writer *w, const struct function *f)
{
    if (!f->environment_count)
        return;
    json_open_object(w, "Environment");
    json_open_object(w, "Variables");
    for (size_t i = 0; i < f->environment_count; i++)
        json_put_string(w, f->environment[i].name, f->environment[i].value);
    json_close(w);
    json_close(w);
}

static void put_logging(struct json_writer *w, const struct function *f)
{
    json_open_object(w, "LoggingConfig");
    json_put_string(w, "LogFormat", f->json_logs ? "JSON" : "Text");
    if (f->application_log_level)
        json_put_string(w, "ApplicationLogLevel", f->application_log_level);
    if (f->system_log_level)
        json_put_string(w, "SystemLogLevel", f->system_log_level);
    json_put_string(w, "LogGroup", f->log_group);
    json_close(w);
}

/* Says that the runtime is not one of AWS's own builds, whose ARNs end in a hash. */
static void put_runtime_version(struct json_writer *w, const struct function *f)
{
    /* "arn:aws:lambda:REGION:" is what both ARNs have in common. */
    size_t common = 0;
    for (int colons = 0; f->arn[common] && colons < 4; common++)
        colons += f->arn[common] == ':';
    char *arn = xasprintf("%.*s:runtime:embedded-%s", (int)common, f->arn, f->runtime);
    json_open_object(w, "RuntimeVersionConfig");
    json_put_string(w, "RuntimeVersionArn", arn);
    json_close(w);
    free(arn);
}

static void put_state(struct json_writer *w)
{
    json_put_string(w, "State", "Active");
    json_put_string(w, "LastUpdateStatus", "Successful");
}

static void put_fixed_parts(struct json_writer *w, const struct function *f)
{
    json_open_object(w, "TracingConfig");
    json_put_string(w, "Mode", f->tracing_active ? "Active" : "PassThrough");
    json_close(w);
    json_open_array(w, "Architectures");
    json_put_string(w, NULL, f->architecture);
    json_close(w);
    json_open_object(w, "EphemeralStorage");
    json_put_integer(w, "Size", f->ephemeral_mb);
    json_close(w);
    json_open_object(w, "SnapStart");
    json_put_string(w, "ApplyOn", "None");
    json_put_string(w, "OptimizationStatus", "Off");
    json_close(w);
}

void document_configuration(struct json_writer *w, const char *key, const struct function *f,
                            const char *qualifier)
{
    json_open_object(w, key);
    json_put_string(w, "FunctionName", f->name);
    put_arn(w, "FunctionArn", f->arn, qualifier);
    json_put_string(w, "Runtime", f->runtime);
    json_put_string(w, "Role", f->role);
    json_put_string(w, "Handler", f->handler);
    json_put_integer(w, "CodeSize", (int64_t)f->code->zip_bytes);
    json_put_string(w, "Description", f->description);
    json_put_integer(w, "Timeout", f->timeout_s);
    json_put_integer(w, "MemorySize", f->memory_mb);
    json_put_string(w, "LastModified", f->last_modified);
    json_put_string(w, "CodeSha256", f->code->sha256);
    json_put_string(w, "Version", f->version);
    put_environment(w, f);
    json_put_string(w, "RevisionId", f->revision_id);
    put_state(w);
    json_put_string(w, "PackageType", "Zip");
    put_fixed_parts(w, f);
    put_runtime_version(w, f);
    put_logging(w, f);
    json_close(w);
}

void document_alias(struct json_writer *w, const char *key, const struct store_entry *entry,
                    const struct store_alias *alias)
{
    json_open_object(w, key);
    put_arn(w, "AliasArn", entry->latest->arn, alias->name);
    json_put_string(w, "Name", alias->name);
    json_put_string(w, "FunctionVersion", alias->version);
    json_put_string(w, "Description", alias->description);
    if (alias->other_version) {
        json_open_object(w, "RoutingConfig");
        json_open_object(w, "AdditionalVersionWeights");
        json_put_number(w, alias->other_version, alias->other_weight, 6);
        json_close(w);
        json_close(w);
    }
    json_put_string(w, "RevisionId", alias->revision_id);
    json_close(w);
}

void document_tags(struct json_writer *w, const char *key, const struct store_entry *entry)
{
    json_open_object(w, key);
    for (size_t i = 0; i < entry->tag_count; i++)
        json_put_string(w, entry->tags[i].key, entry->tags[i].value);
    json_close(w);
}

void document_provisioned(struct json_writer *w, const char *key, const struct store_entry *entry,
                          const struct store_provisioned *p, bool with_arn)
{
    json_open_object(w, key);
    if (with_arn)
        put_arn(w, "FunctionArn", entry->latest->arn, p->qualifier);
    json_put_integer(w, "RequestedProvisionedConcurrentExecutions", p->count);
    json_put_integer(w, "AvailableProvisionedConcurrentExecutions", p->count);
    json_put_integer(w, "AllocatedProvisionedConcurrentExecutions", p->count);
    json_put_string(w, "Status", "READY");
    json_put_string(w, "LastModified", p->last_modified);
    json_close(w);
}
