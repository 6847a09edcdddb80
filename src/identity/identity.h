/*
 * identity.h - as whom to speak to AWS: keys, region and endpoints, found as the AWS SDKs find them.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 *
 * Keys come from the first of: the environment; the profile's role, web identity, SSO (through the
 * AWS CLI), credentials file, credential_process, config file; the container's address; the EC2
 * instance. Temporary keys are renewed when they have five minutes left. That happens inside
 * identity_get(), which callers call between measurements and never during one.
 *
 *     struct identity *id = identity_new(loop, &options, e);
 *     if (!id || identity_get(id, &credentials, e)) ...     // keys are valid until the next call
 *
 * Secrets are never part of an error, a log line or another program's arguments; identity_new()
 * keeps the whole process from leaving a core file.
 */
#ifndef LPG_IDENTITY_IDENTITY_H
#define LPG_IDENTITY_IDENTITY_H

#include <signal.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/sigv4.h"

struct identity;

/* All may be NULL; strings must live as long as the identity. */
struct identity_options {
    const char *profile; /* named by the user: keys in the environment are then not used */
    const char *region;  /* named by the user */
    struct log *log;
    volatile sig_atomic_t *stop; /* ends programs that are run for keys */
};

/*
 * Reads the shared files. ERROR_CONFIG with file and line for what is wrong in them, and for a
 * profile that is named but not there. Contacts nobody.
 */
struct identity *identity_new(struct loop *loop, const struct identity_options *options,
                              struct error *e);
void identity_free(struct identity *id);
/*
 * Whether there is a place at all from which keys could come, as far as that can be told without
 * asking anybody: worth knowing early. 0, or the error that identity_get() would give.
 */
int identity_check(const struct identity *id, struct error *e);
/*
 * The keys, found at the first call and renewed when they are about to expire; while a renewal
 * fails the old ones stay in use until they do expire. May run the loop and other programs, so not
 * to be called from a callback. ERROR_CONFIG when there are none, with every place that was looked
 * at.
 */
int identity_get(struct identity *id, struct sigv4_credentials *out, struct error *e);
/*
 * The region: the option, AWS_REGION, AWS_DEFAULT_REGION, the profile's, or the EC2 instance's. NULL
 * when none of them tells.
 */
const char *identity_region(struct identity *id);
/*
 * Appends the endpoint of a service ("lambda", "sts", "s3") without a slash at its end:
 * AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's services section, its endpoint_url,
 * or AWS's own in that region. ERROR_CONFIG for a region that is not the name of one.
 */
int identity_endpoint(const struct identity *id, const char *service, const char *region,
                      struct buf *out, struct error *e);
/* AWS_CA_BUNDLE or the profile's ca_bundle; NULL: the system's. */
const char *identity_ca_bundle(const struct identity *id);

#endif
