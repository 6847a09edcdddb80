/* The order in which sources are asked, and what a profile leads to. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "identity/sources.h"

enum { CHAIN_MAX = 16 };

/* The profiles that a role's chain of sources has gone through. */
struct trail {
    const char *names[CHAIN_MAX];
    size_t count;
};

/* Keys that a profile can ask for by credential_source. */
static const struct {
    const char *name;
    int (*get)(struct identity *, struct secret *, struct buf *, struct error *);
} named[] = {
    {"Environment", source_environment},
    {"EcsContainer", source_container},
    {"Ec2InstanceMetadata", source_instance},
};

/* Any of these means that the keys come from a sign-in in the browser. */
static const char *const sso_keys[] = {"sso_start_url", "sso_session", "sso_account_id",
                                       "login_session"};

int source_environment(struct identity *id, struct secret *out, struct buf *looked, struct error *e)
{
    (void)id;
    const char *token = profiles_variable("AWS_SESSION_TOKEN");
    const char *const parts[3] = {profiles_variable("AWS_ACCESS_KEY_ID"),
                                  profiles_variable("AWS_SECRET_ACCESS_KEY"),
                                  token ? token : profiles_variable("AWS_SECURITY_TOKEN")};
    if (!parts[0]) {
        buf_addstr(looked, ENVIRONMENT_NOT_SET);
        return ABSENT;
    }
    if (!parts[1])
        return error_set(e, ERROR_CONFIG,
                         "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not");
    out->origin = "the environment";
    if (secret_set(out, parts, profiles_variable("AWS_CREDENTIAL_EXPIRATION"), e))
        return error_prefix(e, "keys in the environment");
    return FOUND;
}

static int bad_profile(struct error *e, const char *name, const char *what)
{
    return error_set(e, ERROR_CONFIG, "profile '%s' %s", name, what);
}

/* Keys that stand in one of the files; ABSENT when that has none for the profile. */
static int static_keys(const struct ini_section *s, const char *path, struct secret *out,
                       struct error *e)
{
    const char *token = ini_get(s, "aws_session_token");
    const char *const parts[3] = {ini_get(s, "aws_access_key_id"),
                                  ini_get(s, "aws_secret_access_key"),
                                  token ? token : ini_get(s, "aws_security_token")};
    if (!parts[0])
        return ABSENT;
    out->origin = "the shared files";
    return secret_set(out, parts, NULL, e)
               ? error_prefix(e, "%s: the section of line %u", path, s->line)
               : FOUND;
}

static bool has_static_keys(const struct identity *id, const char *name)
{
    return profiles_get(&id->files, name, "aws_access_key_id") ||
           profiles_get(&id->files, name, "aws_secret_access_key");
}

static bool is_role(const struct identity *id, const char *name)
{
    return profiles_get(&id->files, name, "role_arn") &&
           !profiles_get(&id->files, name, "web_identity_token_file");
}

/* A setting that the environment may override unless a profile was asked for by name. */
static const char *setting(const struct identity *id, const char *variable, const char *name,
                           const char *key, bool environment)
{
    const char *value = environment ? profiles_variable(variable) : NULL;
    return value ? value : profiles_get(&id->files, name, key);
}

static int web_identity(struct identity *id, const char *name, bool environment, struct secret *out,
                        struct error *e)
{
    struct role role = {
        .token_file = setting(id, "AWS_WEB_IDENTITY_TOKEN_FILE", name, "web_identity_token_file",
                              environment),
        .arn = setting(id, "AWS_ROLE_ARN", name, "role_arn", environment),
        .session_name =
            setting(id, "AWS_ROLE_SESSION_NAME", name, "role_session_name", environment),
        .duration = profiles_get(&id->files, name, "duration_seconds"),
    };
    if (!role.token_file || !*role.token_file)
        return ABSENT;
    if (!role.arn || !*role.arn)
        return error_set(e, ERROR_CONFIG,
                         "there is a web identity token file, but no role_arn or AWS_ROLE_ARN");
    return sts_assume(id, &role, NULL, out, e);
}

static bool uses_sso(const struct identity *id, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(sso_keys); i++)
        if (profiles_get(&id->files, name, sso_keys[i]))
            return true;
    return false;
}

/* What a profile gives apart from a role that other keys assume. */
static int profile_keys(struct identity *id, const char *name, bool environment, struct secret *out,
                        struct error *e)
{
    const struct profiles *p = &id->files;
    int result = web_identity(id, name, environment, out, e);
    if (result == ABSENT && uses_sso(id, name))
        result = source_sso(id, name, out, e);
    if (result == ABSENT)
        result = static_keys(profiles_in_credentials(p, name), p->credentials_path, out, e);
    if (result == ABSENT && profiles_get(p, name, "credential_process"))
        result = source_process(id, name, out, e);
    if (result == ABSENT)
        result = static_keys(profiles_in_config(p, name), p->config_path, out, e);
    return result;
}

static int named_source(struct identity *id, const char *name, const char *source,
                        struct secret *out, struct error *e)
{
    struct buf looked;
    for (size_t i = 0; i < ARRAY_LEN(named); i++) {
        if (strcmp(named[i].name, source) != 0)
            continue;
        buf_init(&looked);
        int result = named[i].get(id, out, &looked, e);
        if (result == ABSENT)
            result = error_set(e, ERROR_CONFIG,
                               "profile '%s' wants keys of credential_source %s, which has none:%s",
                               name, named[i].name, looked.data);
        buf_release(&looked);
        return result;
    }
    return bad_profile(e, name,
                       "has a credential_source that is none of Environment, EcsContainer and "
                       "Ec2InstanceMetadata");
}

static int assume(struct identity *id, const char *name, struct trail *trail, struct secret *out,
                  struct error *e);

/* The profile that source_profile names, unless that would go round in circles. */
static int check_source(const struct identity *id, const char *name, const char *source,
                        const struct trail *trail, struct error *e)
{
    if (!profiles_have(&id->files, source))
        return bad_profile(e, name, "has a source_profile that does not exist");
    for (size_t i = 0; i < trail->count; i++) {
        if (strcmp(trail->names[i], source) != 0)
            continue;
        /* It may name itself when it holds the keys that assume its role. */
        if (!strcmp(name, source) && has_static_keys(id, source))
            continue;
        return bad_profile(e, name, "leads through source_profile back to itself");
    }
    return trail->count < CHAIN_MAX ? 0 : bad_profile(e, name, "has too long a chain of sources");
}

static int source_keys(struct identity *id, const char *name, struct trail *trail,
                       struct secret *out, struct error *e)
{
    const char *source = profiles_get(&id->files, name, "source_profile");
    const char *origin = profiles_get(&id->files, name, "credential_source");
    if (!source == !origin)
        return bad_profile(e, name,
                           source ? "has both source_profile and credential_source"
                                  : "has role_arn, but neither source_profile nor "
                                    "credential_source");
    if (origin)
        return named_source(id, name, origin, out, e);
    if (check_source(id, name, source, trail, e))
        return -1;
    trail->names[trail->count++] = source;
    if (is_role(id, source) && !has_static_keys(id, source))
        return assume(id, source, trail, out, e);
    int result = profile_keys(id, source, false, out, e);
    return result == ABSENT ? bad_profile(e, source, "is a source_profile, but has no keys")
                            : result;
}

static int assume(struct identity *id, const char *name, struct trail *trail, struct secret *out,
                  struct error *e)
{
    const struct profiles *p = &id->files;
    struct role role = {
        .arn = profiles_get(p, name, "role_arn"),
        .session_name = profiles_get(p, name, "role_session_name"),
        .external_id = profiles_get(p, name, "external_id"),
        .duration = profiles_get(p, name, "duration_seconds"),
    };
    struct secret source = {0};
    if (profiles_get(p, name, "mfa_serial"))
        return bad_profile(e, name,
                           "has mfa_serial: a gate cannot ask for a code. Sign in with another "
                           "tool and use its keys, e.g. through credential_process");
    if (source_keys(id, name, trail, &source, e))
        return -1;
    int failed = sts_assume(id, &role, &source, out, e);
    secret_release(&source);
    return failed ? error_prefix(e, "profile '%s'", name) : FOUND;
}

static void add_profile_missing(const struct identity *id, struct buf *looked)
{
    buf_addf(looked,
             "\n  profile '%s': %s in '%s' and '%s'\n  web identity: "
             "AWS_WEB_IDENTITY_TOKEN_FILE is not set",
             id->profile, profiles_have(&id->files, id->profile) ? "it has no keys" : "it is not",
             id->files.credentials_path, id->files.config_path);
}

static int profile(struct identity *id, struct secret *out, struct buf *looked, struct error *e)
{
    const char *name = id->profile;
    struct trail trail = {{name}, 1};
    int result = is_role(id, name) ? assume(id, name, &trail, out, e)
                                   : profile_keys(id, name, !id->only_profile, out, e);
    if (result == ABSENT)
        add_profile_missing(id, looked);
    return result;
}

static void add_environment_missing(const struct identity *id, struct buf *looked)
{
    buf_addstr(looked, id->only_profile ? "\n  environment: not used, because a profile was named"
                                        : ENVIRONMENT_NOT_SET);
}

int source_local(const struct identity *id, struct buf *looked)
{
    static const char *const keys[] = {"aws_access_key_id", "role_arn", "credential_process",
                                       "web_identity_token_file"};
    static const char *const variables[] = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                            "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ACCESS_KEY_ID"};
    size_t used = ARRAY_LEN(variables) - (id->only_profile ? 2 : 0); /* the others do not count */
    bool there = source_instance_allowed() || uses_sso(id, id->profile);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        there = there || profiles_get(&id->files, id->profile, keys[i]);
    for (size_t i = 0; i < used; i++)
        there = there || profiles_variable(variables[i]);
    if (there)
        return FOUND;
    add_environment_missing(id, looked);
    add_profile_missing(id, looked);
    buf_addstr(looked, CONTAINER_NOT_SET INSTANCE_OFF);
    return ABSENT;
}

int source_chain(struct identity *id, struct secret *out, struct buf *looked, struct error *e)
{
    int result = ABSENT;
    if (id->only_profile)
        add_environment_missing(id, looked);
    else
        result = source_environment(id, out, looked, e);
    if (result == ABSENT)
        result = profile(id, out, looked, e);
    if (result == ABSENT)
        result = source_container(id, out, looked, e);
    if (result == ABSENT)
        result = source_instance(id, out, looked, e);
    return result;
}
