/*
 * secret.h - one set of keys: checked when it comes in, overwritten when it goes.
 */
#ifndef LPG_IDENTITY_SECRET_H
#define LPG_IDENTITY_SECRET_H

#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

struct secret {
    char *access_key, *secret_key;
    char *session_token; /* NULL: long-lived keys */
    uint64_t expires_ns; /* wall clock; 0: not known to expire */
    const char *origin;  /* what gave them, for messages: "the environment" */
};

/*
 * Copies the parts; `session_token` and `expiration` ("2026-11-23T21:30:00Z") may be NULL or "".
 * ERROR_CONFIG when a part is missing or holds what cannot stand in a header, or when the time is
 * none; *s is then untouched, otherwise it must have been empty.
 */
int secret_set(struct secret *s, const char *const parts[3], const char *expiration,
               struct error *e);
/*
 * The members AccessKeyId, SecretAccessKey, Expiration and `token_key` of an answer; overwrites
 * them there.
 */
int secret_from_json(struct secret *s, const struct json *answer, const char *token_key,
                     struct error *e);
void secret_release(struct secret *s);

#endif
