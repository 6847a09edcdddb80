#include "emulator/auth.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/hash.h"
#include "os/clock.h"

static const char SERVICE[] = "lambda";
static const char REGION_CHARS[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

static const uint64_t SKEW_NS = AUTH_SKEW_MINUTES * 60 * NS_PER_S;

/* Whether `name` is in the signed list "a;b;c", which is lower case. */
static bool is_signed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (;;) {
        size_t item = strcspn(list, ";");
        if (item == length && strncasecmp(list, name, length) == 0)
            return true;
        if (!list[item])
            return false;
        list += item + 1;
    }
}

static int check_scope(const struct sigv4_claim *claim, const char *stamp, struct fault *f)
{
    if (strcmp(claim->service, SERVICE) != 0)
        return fault_set(f, FAULT_SIGNATURE,
                         "Credential should be scoped to correct service: '%s'.", SERVICE);
    if (strncmp(claim->date, stamp, 8) != 0)
        return fault_set(
            f, FAULT_SIGNATURE,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
            "date from HTTP: '%s' != '%.8s', from '%s'.",
            claim->date, stamp, stamp);
    return 0;
}

static int check_date(const char *stamp, uint64_t now_ns, struct fault *f)
{
    uint64_t at_ns = clock_parse_basic(stamp);
    if (!at_ns)
        return fault_set(f, FAULT_INCOMPLETE_SIGNATURE,
                         "Date must be in ISO-8601 'basic format'. Got '%.32s'.", stamp);
    bool old = at_ns + SKEW_NS < now_ns;
    if (!old && at_ns <= now_ns + SKEW_NS)
        return 0;
    char now[CLOCK_STAMP_BYTES], bound[CLOCK_STAMP_BYTES];
    clock_stamp_basic(now_ns, now);
    clock_stamp_basic(old ? now_ns - SKEW_NS : now_ns + SKEW_NS, bound);
    return fault_set(f, FAULT_SIGNATURE, "Signature %s: %s is %s than %s (%s %c %d min.)",
                     old ? "expired" : "not yet current", stamp,
                     old ? "now earlier" : "still later", bound, now, old ? '-' : '+',
                     AUTH_SKEW_MINUTES);
}

/*
 * The headers that the client signed; the rest of what arrived plays no part, but must not be one
 * of AWS's own.
 */
static int select_headers(const struct http_parser *request, const struct sigv4_claim *claim,
                          struct sigv4_header *kept, size_t *count, struct fault *f)
{
    bool host = false, date = false;
    *count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *h = &request->headers[i];
        if (is_signed(claim->signed_headers, h->name)) {
            host = host || strcasecmp(h->name, "host") == 0;
            date = date || strcasecmp(h->name, "x-amz-date") == 0;
            kept[*count].name = h->name;
            kept[(*count)++].value = h->value;
        } else if (strncasecmp(h->name, "x-amz-", 6) == 0) {
            return fault_set(
                f, FAULT_SIGNATURE,
                "The header '%.100s' must be a signed header of the AWS authorization.", h->name);
        }
    }
    if (!host || !date)
        return fault_set(f, FAULT_SIGNATURE,
                         "'%s' must be a 'SignedHeader' in the AWS Authorization.",
                         host ? "X-Amz-Date" : "Host");
    return 0;
}

/* Says what was signed here, so that the sender can compare it with what was signed there. */
static int mismatch(const struct sigv4_request *r, struct fault *f)
{
    struct buf canonical, to_sign;
    buf_init(&canonical);
    buf_init(&to_sign);
    sigv4_canonical_request(r, &canonical);
    sigv4_string_to_sign(r, canonical.data, canonical.length, &to_sign);
    fault_set(
        f, FAULT_SIGNATURE,
        "The request signature we calculated does not match the signature you provided. Check "
        "your AWS Secret Access Key and signing method. Consult the service documentation for "
        "details.\n\nThe Canonical String for this request should have been\n'%s'\n\nThe "
        "String-to-Sign should have been\n'%s'\n",
        canonical.data, to_sign.data);
    buf_release(&canonical);
    buf_release(&to_sign);
    return -1;
}

static int check_signature(struct auth *a, const struct http_parser *request,
                           const struct sigv4_claim *claim, const char *stamp, struct fault *f)
{
    struct sigv4_header kept[HTTP_HEADERS_MAX];
    size_t count;
    if (select_headers(request, claim, kept, &count, f))
        return -1;
    struct sigv4_request r = {
        .method = request->method,
        .path = request->path,
        .query = request->query,
        .headers = kept,
        .header_count = count,
        .body = request->body.data,
        .body_length = request->body.length,
        .region = claim->region,
        .service = SERVICE,
        .stamp = stamp,
    };
    char hex[SHA256_HEX];
    sigv4_signature(&r, a->secret_key, &a->key, hex);
    return hash_equal(hex, claim->signature, SHA256_HEX - 1) ? 0 : mismatch(&r, f);
}

/* The region of the scope; what cannot be one is not put into ARNs. */
static void read_region(const struct auth *a, const struct sigv4_claim *claim, char *region)
{
    bool good = claim && claim->region[strspn(claim->region, REGION_CHARS)] == '\0';
    (void)snprintf(region, AUTH_REGION_BYTES, "%.63s", good ? claim->region : a->default_region);
}

/*
 * Without signatures the address alone would let in whoever can reach it, and a web page in this
 * machine's browser can reach loopback. Browsers say so in the Origin header, which no Lambda
 * client sends.
 */
static int check_origin(const struct http_parser *request, struct fault *f)
{
    if (!http_parser_header(request, "origin"))
        return 0;
    return fault_set(f, FAULT_UNKNOWN_CLIENT, "Web pages may not call without a signature.");
}

int auth_check(struct auth *a, const struct http_parser *request, uint64_t now_ns, char *region,
               struct fault *f)
{
    const char *authorization = http_parser_header(request, "authorization");
    struct sigv4_claim claim;
    struct error e;
    bool parsed = authorization && sigv4_parse(authorization, &claim, &e) == 0;
    read_region(a, parsed ? &claim : NULL, region);
    if (a->no_verify)
        return check_origin(request, f);
    if (!authorization)
        return fault_set(f, FAULT_NO_TOKEN, "Missing Authentication Token");
    if (!parsed)
        return fault_set(f, FAULT_INCOMPLETE_SIGNATURE, "%s", e.text);
    if (strcmp(claim.access_key, a->access_key) != 0)
        return fault_set(f, FAULT_UNKNOWN_CLIENT,
                         "The security token included in the request is invalid.");
    const char *stamp = http_parser_header(request, "x-amz-date");
    if (!stamp)
        return fault_set(f, FAULT_INCOMPLETE_SIGNATURE,
                         "Authorization header requires existence of an 'X-Amz-Date' header.");
    if (check_scope(&claim, stamp, f) || check_date(stamp, now_ns, f))
        return -1;
    return check_signature(a, request, &claim, stamp, f);
}
