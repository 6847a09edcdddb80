#include "net/clock_skew.h"

#include <string.h>

#include "base/mem.h"
#include "os/clock.h"

#define TOLERANCE_NS      ((int64_t)(240 * NS_PER_S))
#define ROUND_TRIP_MAX_NS (900 * NS_PER_S)

/* Names of errors, in a header, JSON or XML, that a wrong clock can cause. */
static const char *const errors[] = {
    "RequestTimeTooSkewed",  "RequestExpired", "RequestInTheFuture", "InvalidSignature",
    "SignatureDoesNotMatch", "AuthFailure",    "Signature expired",  "Signature not yet current",
};

static bool refuses_signature(const struct http_response *r)
{
    if (r->outcome != HTTP_ANSWERED || (r->status != 400 && r->status != 401 && r->status != 403))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++)
        if (strstr(r->headers.data, errors[i]) || strstr(r->body.data, errors[i]))
            return true;
    return false;
}

bool clock_skew_learn(const struct http_response *r, int64_t *skew_ns)
{
    char date[64], age[16];
    if (!refuses_signature(r) || r->done_ns - r->sent_ns > ROUND_TRIP_MAX_NS ||
        http_response_header(r, "age", age, sizeof age) ||
        !http_response_header(r, "date", date, sizeof date))
        return false;
    uint64_t theirs = clock_parse_http(date);
    if (!theirs)
        return false;
    uint64_t since_middle = clock_now_ns() - (r->sent_ns + (r->done_ns - r->sent_ns) / 2);
    int64_t skew = (int64_t)theirs - (int64_t)(clock_wall_ns() - since_middle);
    int64_t error = skew - *skew_ns;
    if (error > -TOLERANCE_NS && error < TOLERANCE_NS)
        return false;
    *skew_ns = skew;
    return true;
}
