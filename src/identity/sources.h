/*
 * sources.h - the places where keys can come from; internal to identity/.
 *
 * A source gives FOUND with keys, ABSENT with one line in `looked` that says what was looked at and
 * not there, or -1 with an error: there is something, but it does not work. The latter ends the
 * search: to go on with other keys than those that were asked for would be worse.
 */
#ifndef LPG_IDENTITY_SOURCES_H
#define LPG_IDENTITY_SOURCES_H

#include <signal.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/log.h"
#include "identity/identity.h"
#include "identity/profiles.h"
#include "identity/secret.h"
#include "net/http_client.h"

enum { FOUND = 0, ABSENT = 1 };

#define ENVIRONMENT_NOT_SET "\n  environment: AWS_ACCESS_KEY_ID is not set"
#define INSTANCE_OFF        "\n  EC2 instance: switched off by AWS_EC2_METADATA_DISABLED"
#define CONTAINER_NOT_SET                                                                          \
    "\n  container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set"

struct identity {
    struct loop *loop;
    struct log *log;
    volatile sig_atomic_t *stop;
    struct http_client *http;
    struct profiles files;
    const char *profile; /* its name; "default" when nobody named one */
    bool only_profile;   /* it was named by option: keys in the environment do not count */
    const char *region;  /* NULL: nothing says one */
    char *own_region;    /* what `region` points to when it came from the instance */
    const char *ca_bundle;
    int64_t skew_ns; /* of the clock against AWS's */
    struct secret current;
    uint64_t renew_ns; /* wall clock: when to ask for new keys */
};

/* The chain: all sources in the order of the SDKs. */
int source_chain(struct identity *id, struct secret *out, struct buf *looked, struct error *e);
/* FOUND or ABSENT, as far as that can be told without asking anybody. */
int source_local(const struct identity *id, struct buf *looked);
/* Whether the EC2 instance may be asked. */
bool source_instance_allowed(void);

int source_environment(struct identity *id, struct secret *out, struct buf *looked,
                       struct error *e);
int source_container(struct identity *id, struct secret *out, struct buf *looked, struct error *e);
int source_instance(struct identity *id, struct secret *out, struct buf *looked, struct error *e);
/* The region of the EC2 instance; NULL when it does not tell. The caller frees. */
char *source_instance_region(struct identity *id);
/* Runs credential_process, or the AWS CLI for a profile that signs in through SSO. */
int source_process(struct identity *id, const char *profile, struct secret *out, struct error *e);
int source_sso(struct identity *id, const char *profile, struct secret *out, struct error *e);

/* What STS is asked for. NULL where nothing is set. */
struct role {
    const char *arn, *session_name, *external_id, *duration;
    const char *token_file; /* AssumeRoleWithWebIdentity */
};
/* `source` signs the call; NULL for a web identity. */
int sts_assume(struct identity *id, const struct role *role, const struct secret *source,
               struct secret *out, struct error *e);

/* Makes the call, up to `tries` times when it does not reach the server or that is overloaded. */
int source_fetch(struct identity *id, const struct http_request *r, unsigned tries,
                 struct http_response *response, struct error *e);

#endif
