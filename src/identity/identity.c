#include "identity/identity.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "identity/sources.h"
#include "os/clock.h"
#include "os/secrecy.h"

#define WINDOW_NS (300 * NS_PER_S) /* left to live when keys are renewed ... */
#define JITTER_NS (60 * NS_PER_S)  /* ... and up to this more, as many runs may share a role */
#define AGAIN_NS  (60 * NS_PER_S)  /* between renewals that bring nothing */

/* The domains of AWS's partitions, by how their regions begin. */
static const struct {
    const char *prefix, *suffix;
} partitions[] = {
    {"cn-", "amazonaws.com.cn"},   {"us-gov-", "amazonaws.com"},   {"us-iso-", "c2s.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov"}, {"eu-isoe-", "cloud.adc-e.uk"}, {"us-isof-", "csp.hci.ic.gov"},
    {"eusc-", "amazonaws.eu"},     {"", "amazonaws.com"},
};

static void free_files(struct identity *id)
{
    profiles_release(&id->files);
    free(id);
}

struct identity *identity_new(struct loop *loop, const struct identity_options *options,
                              struct error *e)
{
    secrecy_protect_process();
    struct identity *id = xcalloc(1, sizeof *id);
    const char *named = options->profile ? options->profile : profiles_variable("AWS_PROFILE");
    id->loop = loop;
    id->log = options->log;
    id->stop = options->stop;
    id->only_profile = options->profile != NULL;
    id->profile = named ? named : "default";
    if (profiles_load(&id->files, id->log, e)) {
        free(id);
        return NULL;
    }
    if (named && !profiles_have(&id->files, named)) {
        error_set(e, ERROR_CONFIG, "profile '%s' is neither in '%s' nor in '%s'", named,
                  id->files.config_path, id->files.credentials_path);
        free_files(id);
        return NULL;
    }
    const char *const regions[] = {options->region, profiles_variable("AWS_REGION"),
                                   profiles_variable("AWS_DEFAULT_REGION"),
                                   profiles_get(&id->files, id->profile, "region")};
    for (size_t i = 0; i < ARRAY_LEN(regions) && !id->region; i++)
        id->region = regions[i] && *regions[i] ? regions[i] : NULL;
    const char *bundle = profiles_variable("AWS_CA_BUNDLE");
    id->ca_bundle = bundle ? bundle : profiles_get(&id->files, id->profile, "ca_bundle");
    return id;
}

void identity_free(struct identity *id)
{
    if (!id)
        return;
    secret_release(&id->current);
    http_client_free(id->http);
    free(id->own_region);
    free_files(id);
}

/* ---- keys ---- */

static int refuse(const struct buf *looked, struct error *e)
{
    return error_set(e, ERROR_CONFIG,
                     "no AWS credentials were found. Looked at:%s\nSet AWS_ACCESS_KEY_ID and "
                     "AWS_SECRET_ACCESS_KEY, or name a profile that has keys with --profile or "
                     "AWS_PROFILE",
                     looked->data);
}

int identity_check(const struct identity *id, struct error *e)
{
    struct buf looked;
    buf_init(&looked);
    int result = source_local(id, &looked) == ABSENT ? refuse(&looked, e) : 0;
    buf_release(&looked);
    return result;
}

static int find(struct identity *id, struct secret *found, struct error *e)
{
    struct buf looked;
    buf_init(&looked);
    int result = source_chain(id, found, &looked, e);
    if (result == ABSENT)
        refuse(&looked, e);
    buf_release(&looked);
    if (!result && found->expires_ns && found->expires_ns <= clock_wall_ns()) {
        error_set(e, ERROR_CONFIG, "the keys of %s have expired", found->origin);
        result = -1;
    }
    if (result)
        secret_release(found);
    return result ? -1 : 0;
}

/* When to renew keys that have been obtained now; those that never expire are never renewed. */
static uint64_t renewal_time(uint64_t expires_ns, uint64_t now)
{
    uint32_t random;
    hash_random(&random, sizeof random);
    uint64_t margin = WINDOW_NS + (uint64_t)random * JITTER_NS / UINT32_MAX;
    if (!expires_ns)
        return UINT64_MAX;
    return expires_ns > now + margin + AGAIN_NS ? expires_ns - margin : now + AGAIN_NS;
}

static int renew(struct identity *id, struct error *e)
{
    struct secret found = {0};
    struct error failure = {0};
    uint64_t now = clock_wall_ns();
    const struct secret *old = &id->current;
    bool usable = old->access_key && (!old->expires_ns || old->expires_ns > now);
    if (!find(id, &found, &failure)) {
        secret_release(&id->current);
        id->current = found;
        id->renew_ns = renewal_time(found.expires_ns, clock_wall_ns());
        return 0;
    }
    if (usable) {
        log_write(id->log, LOG_WARNING, "AWS credentials are not renewed yet: %s", failure.text);
        id->renew_ns = now + AGAIN_NS < old->expires_ns ? now + AGAIN_NS : old->expires_ns;
        return 0;
    }
    return e ? error_set(e, failure.code, "%s", failure.text) : -1;
}

int identity_get(struct identity *id, struct sigv4_credentials *out, struct error *e)
{
    bool due = !id->current.access_key || clock_wall_ns() >= id->renew_ns;
    if (due && renew(id, e))
        return -1;
    *out = (struct sigv4_credentials){id->current.access_key, id->current.secret_key,
                                      id->current.session_token};
    return 0;
}

/* ---- where ---- */

const char *identity_region(struct identity *id)
{
    if (!id->region && !id->own_region) {
        id->own_region = source_instance_region(id);
        if (!id->own_region)
            id->own_region = xstrdup(""); /* asked once */
        id->region = text_is_region(id->own_region) ? id->own_region : NULL;
    }
    return id->region;
}

const char *identity_ca_bundle(const struct identity *id)
{
    return id->ca_bundle;
}

/* "AWS_ENDPOINT_URL_LAMBDA" */
static const char *service_variable(const char *service)
{
    char *name = xasprintf("AWS_ENDPOINT_URL_%s", service);
    for (char *p = name; *p; p++)
        if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
    const char *value = profiles_variable(name);
    free(name);
    return value;
}

static const char *services_endpoint(const struct identity *id, const char *service)
{
    const char *services = profiles_get(&id->files, id->profile, "services");
    char *key = xasprintf("%s.endpoint_url", service);
    const char *url = services ? ini_get(profiles_services(&id->files, services), key) : NULL;
    free(key);
    return url;
}

static const char *configured_endpoint(const struct identity *id, const char *service)
{
    const char *ignore = profiles_variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    if (!ignore)
        ignore = profiles_get(&id->files, id->profile, "ignore_configured_endpoint_urls");
    if (ignore && text_same(ignore, "true"))
        return NULL;
    const char *url = service_variable(service);
    if (!url)
        url = profiles_variable("AWS_ENDPOINT_URL");
    if (!url)
        url = services_endpoint(id, service);
    return url ? url : profiles_get(&id->files, id->profile, "endpoint_url");
}

int identity_endpoint(const struct identity *id, const char *service, const char *region,
                      struct buf *out, struct error *e)
{
    const char *url = configured_endpoint(id, service);
    if (url && *url) {
        buf_addstr(out, url);
        while (out->length && out->data[out->length - 1] == '/')
            buf_truncate(out, out->length - 1);
        return 0;
    }
    if (!text_is_region(region))
        return error_set(e, ERROR_CONFIG, "the region is not the name of one");
    size_t i = 0;
    while (!text_starts(region, partitions[i].prefix))
        i++;
    buf_addf(out, "https://%s.%s.%s", service, region, partitions[i].suffix);
    return 0;
}
