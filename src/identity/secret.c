#include "identity/secret.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "os/clock.h"
#include "os/secrecy.h"

static const char *const names[3] = {"access key", "secret key", "session token"};

static int check(const char *value, const char *name, struct error *e)
{
    for (const char *p = value; *p; p++)
        if (*p <= ' ' || *p > '~')
            return error_set(e, ERROR_CONFIG, "the %s holds a character that no key has", name);
    return 0;
}

int secret_set(struct secret *s, const char *const parts[3], const char *expiration,
               struct error *e)
{
    uint64_t expires_ns = 0;
    for (int i = 0; i < 2; i++)
        if (!parts[i] || !*parts[i])
            return error_set(e, ERROR_CONFIG,
                             i ? "there is an access key but no secret key"
                               : "there is no access key");
    for (int i = 0; i < 3; i++)
        if (parts[i] && check(parts[i], names[i], e))
            return -1;
    if (expiration && *expiration) {
        expires_ns = clock_parse_iso(expiration);
        if (!expires_ns)
            return error_set(e, ERROR_CONFIG, "the time of expiration is not an ISO 8601 time");
    }
    s->access_key = xstrdup(parts[0]);
    s->secret_key = xstrdup(parts[1]);
    s->session_token = parts[2] && *parts[2] ? xstrdup(parts[2]) : NULL;
    s->expires_ns = expires_ns;
    return 0;
}

int secret_from_json(struct secret *s, const struct json *answer, const char *token_key,
                     struct error *e)
{
    const char *parts[3] = {json_get_string(answer, "AccessKeyId", NULL),
                            json_get_string(answer, "SecretAccessKey", NULL),
                            json_get_string(answer, token_key, NULL)};
    int failed = secret_set(s, parts, json_get_string(answer, "Expiration", NULL), e);
    for (int i = 0; i < 3; i++)
        if (parts[i]) /* the tree is ours to spoil: it is about to be freed */
            secrecy_wipe((char *)(uintptr_t)parts[i], strlen(parts[i]));
    return failed;
}

void secret_release(struct secret *s)
{
    secrecy_free(s->access_key);
    secrecy_free(s->secret_key);
    secrecy_free(s->session_token);
    *s = (struct secret){0};
}
