/*
 * auth.h - who may call: AWS Signature Version 4 checked against one static key pair.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 *
 * The payload's hash is always computed from the body that arrived. The signing key is kept between
 * calls, so that a check costs two hashes of a short text beside the body's.
 */
#ifndef LPG_EMULATOR_AUTH_H
#define LPG_EMULATOR_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/fault.h"
#include "net/http_parser.h"
#include "net/sigv4.h"

enum { AUTH_REGION_BYTES = 64, AUTH_SKEW_MINUTES = 5 };

struct auth {
    const char *access_key; /* live as long as this */
    const char *secret_key;
    const char *default_region; /* for requests that name none */
    bool no_verify;             /* accept anything but web pages, signed or not */
    struct sigv4_key key;
};

/*
 * Checks a request at wall-clock time `now_ns`, and tells the region of its credential scope
 * (AUTH_REGION_BYTES). Refuses as AWS does: FAULT_NO_TOKEN, FAULT_INCOMPLETE_SIGNATURE,
 * FAULT_UNKNOWN_CLIENT, FAULT_SIGNATURE (also for a date that is more than five minutes off).
 */
int auth_check(struct auth *a, const struct http_parser *request, uint64_t now_ns, char *region,
               struct fault *f);

#endif
