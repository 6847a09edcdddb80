#include "cmd/place.h"

#include <stdlib.h>
#include <string.h>

#include "aws/upload.h"
#include "base/mem.h"
#include "base/text.h"

static const char default_log_group[] = "/lambda-perf-gate";

bool place_is_aws(const struct place *p)
{
    return p->target && !strcmp(p->target, "aws");
}

bool place_is_remote(const struct place *p, const char *endpoint_url)
{
    return endpoint_url || place_is_aws(p);
}

const char *place_kind(const struct place *p, const char *endpoint_url)
{
    if (endpoint_url)
        return "endpoint";
    return place_is_aws(p) ? "aws" : "embedded";
}

/* What has no meaning in the embedded Lambda. */
static const char *remote_option(const struct place *p)
{
    if (p->role)
        return "--role";
    if (p->like.count)
        return "--like";
    if (p->log_group)
        return "--log-group";
    if (p->code_bucket)
        return "--code-bucket";
    return p->versions_of ? "--versions-of" : NULL;
}

static bool is_role(const char *arn)
{
    const char *account = strstr(arn, ":iam::");
    return text_starts(arn, "arn:") && account && strstr(account, ":role/");
}

int place_check(const struct place *p, const char *endpoint_url, struct error *e)
{
    const char *remote = remote_option(p);
    if (p->target && strcmp(p->target, "embedded") != 0 && !place_is_aws(p))
        return error_set(e, ERROR_USAGE, "--target is embedded or aws, not '%.40s'", p->target);
    if (endpoint_url && p->target && !place_is_aws(p))
        return error_set(e, ERROR_USAGE,
                         "--target embedded has an endpoint of its own: leave out "
                         "--endpoint-url");
    if (remote && !place_is_remote(p, endpoint_url))
        return error_set(e, ERROR_USAGE,
                         "%s has no meaning for the embedded Lambda: it needs "
                         "--target aws",
                         remote);
    if (p->code_bucket && upload_check_bucket(p->code_bucket, e))
        return error_prefix(e, "--code-bucket");
    if (p->role && !is_role(p->role))
        return error_set(e, ERROR_USAGE, "--role: '%.100s' is not the ARN of a role", p->role);
    return 0;
}

const char *place_log_group(const struct place *p)
{
    const char *name = p->log_group ? p->log_group : default_log_group;
    return *name ? name : NULL;
}

void place_add_options(const struct place *p, struct buf *out)
{
    const struct {
        const char *name, *value;
    } rows[] = {
        {"target", p->target},           {"role", p->role},
        {"log-group", p->log_group},     {"code-bucket", p->code_bucket},
        {"versions-of", p->versions_of},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].value)
            buf_addf(out, " --%s %s", rows[i].name, rows[i].value);
    for (size_t i = 0; i < p->like.count; i++)
        buf_addf(out, " --like %s", p->like.items[i]);
}

const char *place_reference(const struct place *p, const char *function)
{
    const char *any = NULL;
    size_t length = strlen(function);
    for (size_t i = 0; i < p->like.count; i++) {
        const char *item = p->like.items[i], *equals = strchr(item, '=');
        if (!equals)
            any = item;
        else if ((size_t)(equals - item) == length && !strncmp(item, function, length))
            return equals + 1;
    }
    return any;
}
