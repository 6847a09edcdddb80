#include "aws/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/units.h"
#include "net/clock_skew.h"
#include "os/clock.h"

#define CALL_TIMEOUT_NS (60 * NS_PER_S)
static const double RETRY_AFTER_MAX_S = 60; /* what an answer may make us wait */

/* Why a call is made again. */
enum cause {
    CAUSE_LATER,
    CAUSE_PASSING,
    CAUSE_BUSY,
    CAUSE_PROPAGATION,
    CAUSE_CLOCK,
    CAUSE_COUNT,
    CAUSE_NONE
};

/*
 * With jitter the pause is a random share of `first_s`, doubled at each try, which keeps many
 * callers from coming back together
 * (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/).
 */
static const struct patience {
    unsigned attempts;
    double first_s, most_s;
    bool jitter;
} patience[CAUSE_COUNT] = {
    [CAUSE_LATER] = {8, 1, 20, true},        [CAUSE_PASSING] = {4, 0.1, 20, true},
    [CAUSE_BUSY] = {120, 1, 1, false},       /* SnapStart and VPCs take minutes */
    [CAUSE_PROPAGATION] = {30, 2, 2, false}, /* a new role takes 5 to 30 s */
    [CAUSE_CLOCK] = {3, 0, 0, false},        /* learnt: the next try is signed by AWS's time */
};

/* 502s that stay: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors */
static const char *const lasting[] = {
    "InvalidRuntimeException",
    "InvalidZipFileException",
    "InvalidSubnetIDException",
    "InvalidSecurityGroupIDException",
    "KMSAccessDeniedException",
    "KMSDisabledException",
    "KMSInvalidStateException",
    "KMSNotFoundException",
    "EC2AccessDeniedException",
    "ENILimitReachedException",
    "SubnetIPAddressLimitReachedException",
};

/* What IAM says until a role that was just made or changed is known everywhere. */
static const char *const propagation[] = {
    "cannot be assumed by Lambda",
    "does not have permissions to call CreateNetworkInterface",
};

static const char busy[] = "The operation cannot be performed at this time";

/* What to do about it; `message` NULL: any. */
static const struct {
    const char *name, *message, *advice;
} advice[] = {
    {"CodeStorageExceededException", NULL,
     "the region's storage for code is full: delete functions and versions that nobody needs "
     "(the quota is per account and region)"},
    {"RequestEntityTooLargeException", NULL,
     "a package of more than 50 MB goes through S3: name a bucket of this region with "
     "--code-bucket"},
    {"RequestTooLargeException", NULL,
     "a package of more than 50 MB goes through S3: name a bucket of this region with "
     "--code-bucket"},
    {NULL, "less than or equal to 3008", "new accounts have 3008 MB at most: ask AWS for more"},
    {NULL, "cannot be assumed by Lambda",
     "the role's trust policy must name lambda.amazonaws.com (a new role takes a minute to "
     "spread)"},
    {NULL, "iam:PassRole", "the credentials need iam:PassRole for the execution role"},
    {NULL, "UnreservedConcurrentExecution",
     "an account keeps at least 100 unreserved concurrent executions"},
};

static int send_once(struct lambda *l, const struct call *call, struct http_response *response,
                     struct error *e)
{
    const struct call_service lambda = {l->endpoint, l->signing.service, "application/json",
                                        CALL_TIMEOUT_NS};
    const struct call_service *service = call->service ? call->service : &lambda;
    struct http_signing signing = l->signing;
    signing.service = service->name;
    char *url = xasprintf("%s%s", service->endpoint, call->path);
    const struct sigv4_header headers[] = {{"content-type", service->content_type}};
    struct http_request request = {
        .method = call->method,
        .url = url,
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .body = call->body ? call->body->data : NULL,
        .body_length = call->body ? call->body->length : 0,
        .signing = &signing,
        .timeout_ns = service->timeout_ns,
    };
    int failed = http_client_call(l->http, &request, response, e);
    free(url);
    return failed;
}

/* The error's name as AWS gives it: in a header, or in one of several keys of the body. */
static void read_name(const struct http_response *r, const struct json *body, char *out,
                      size_t size)
{
    char name[96];
    struct buf safe;
    if (!http_response_header(r, "x-amzn-errortype", name, sizeof name)) {
        const char *code = json_get_string(body, "code", json_get_string(body, "Code", NULL));
        snprintf(name, sizeof name, "%s", code ? code : json_get_string(body, "__type", "error"));
    }
    name[strcspn(name, ":")] = '\0';
    const char *hash = strrchr(name, '#');
    const char *bare = hash ? hash + 1 : name;
    buf_init_capped(&safe, size - 1);
    text_add_safe(&safe, bare, strlen(bare));
    memcpy(out, safe.data, safe.length + 1);
    buf_release(&safe);
}

/* S3 answers in XML: <Error><Code>NoSuchBucket</Code><Message>...</Message></Error>. */
static void read_xml(const struct buf *body, const char *tag, char *out, size_t size)
{
    char *open = xasprintf("<%s>", tag);
    const char *text = strstr(body->data, open);
    struct buf safe;
    buf_init_capped(&safe, size - 1);
    if (text) {
        text += strlen(open);
        text_add_safe(&safe, text, strcspn(text, "<"));
        memcpy(out, safe.data, safe.length + 1);
    }
    buf_release(&safe);
    free(open);
}

void call_fault_read(const struct http_response *r, struct call_fault *fault)
{
    *fault = (struct call_fault){.status = r->outcome == HTTP_ANSWERED ? r->status : 0};
    struct json *body = json_parse(r->body.data, r->body.length, NULL);
    const char *text = json_get_string(body, "message", json_get_string(body, "Message", ""));
    struct buf safe;
    buf_init_capped(&safe, sizeof fault->message - 1);
    text_add_safe(&safe, text, strlen(text));
    memcpy(fault->message, safe.data, safe.length + 1);
    buf_release(&safe);
    read_name(r, body, fault->name, sizeof fault->name);
    if (!body) {
        read_xml(&r->body, "Code", fault->name, sizeof fault->name);
        read_xml(&r->body, "Message", fault->message, sizeof fault->message);
    }
    json_free(body);
}

static void add_advice(const struct call_fault *fault, struct error *e)
{
    for (size_t i = 0; i < ARRAY_LEN(advice); i++) {
        bool named = !advice[i].name || !strcmp(advice[i].name, fault->name);
        bool said = !advice[i].message || strstr(fault->message, advice[i].message);
        if (named && said) {
            error_suffix(e, "; %s", advice[i].advice);
            return;
        }
    }
}

int call_refuse(const char *what, const struct http_response *r, struct error *e)
{
    if (r->outcome != HTTP_ANSWERED)
        return error_set(e, ERROR_NETWORK, "%s: %s", what, r->reason);
    struct call_fault fault;
    call_fault_read(r, &fault);
    error_set(e, ERROR_API, "%s: %s (HTTP %d)%s%s", what, fault.name, r->status,
              fault.message[0] ? ": " : "", fault.message);
    add_advice(&fault, e);
    return -1;
}

static bool is_lasting(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(lasting); i++)
        if (!strcmp(name, lasting[i]))
            return true;
    return false;
}

static bool is_propagation(const char *message)
{
    for (size_t i = 0; i < ARRAY_LEN(propagation); i++)
        if (strstr(message, propagation[i]))
            return true;
    return false;
}

/* A refusal did nothing, so that any call may be made again after one. */
static enum cause cause_of_refusal(const struct call *call, const struct http_response *r)
{
    struct call_fault fault;
    call_fault_read(r, &fault);
    if (fault.status == 429 || strstr(fault.name, "Throttl"))
        return CAUSE_LATER;
    if (fault.status == 409 && text_starts(fault.message, busy))
        return CAUSE_BUSY;
    if (fault.status == 400 && is_propagation(fault.message))
        return CAUSE_PROPAGATION;
    bool passing = fault.status == 500 || (fault.status >= 502 && fault.status <= 504);
    return passing && call->repeatable && !is_lasting(fault.name) ? CAUSE_PASSING : CAUSE_NONE;
}

static enum cause cause_of(const struct call *call, const struct http_response *r)
{
    if (r->outcome == HTTP_NOT_SENT)
        return CAUSE_PASSING;
    if (r->outcome == HTTP_LOST || r->outcome == HTTP_TIMEOUT)
        return call->repeatable ? CAUSE_PASSING : CAUSE_NONE;
    if (r->outcome != HTTP_ANSWERED || r->status < 400)
        return CAUSE_NONE;
    return cause_of_refusal(call, r);
}

static double random_share(void)
{
    unsigned char bytes[2];
    hash_random(bytes, sizeof bytes);
    return (bytes[0] * 256 + bytes[1]) / 65536.0;
}

/* Seconds that the answer asks for; 0: none. */
static double retry_after(const struct http_response *r)
{
    char text[32];
    double seconds;
    if (r->outcome != HTTP_ANSWERED || !http_response_header(r, "retry-after", text, sizeof text) ||
        !units_parse_number(text, &seconds) || !(seconds > 0))
        return 0;
    return seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S;
}

static double pause_before(const struct patience *p, unsigned attempt,
                           const struct http_response *r)
{
    double pause = p->first_s, asked = retry_after(r);
    for (unsigned i = 1; i < attempt && pause < p->most_s; i++)
        pause *= 2;
    if (pause > p->most_s)
        pause = p->most_s;
    if (p->jitter)
        pause *= random_share();
    return pause > asked ? pause : asked;
}

int call_pause(const struct lambda *l, double seconds, const char *what, struct error *e)
{
    double second_ns = l->second_ns ? (double)l->second_ns : (double)NS_PER_S;
    if (loop_pause(l->loop, (uint64_t)(seconds * second_ns)))
        return 0;
    return error_set(e, ERROR_INTERRUPTED, "interrupted: %s", what);
}

int call_make(struct lambda *l, const struct call *call, struct http_response *response,
              struct error *e)
{
    unsigned attempts[CAUSE_COUNT] = {0};
    for (;;) {
        if (send_once(l, call, response, e))
            return -1;
        bool clock_was_off = clock_skew_learn(response, &l->signing.skew_ns);
        enum cause cause = clock_was_off ? CAUSE_CLOCK : cause_of(call, response);
        if (cause == CAUSE_NONE || ++attempts[cause] == patience[cause].attempts)
            return 0;
        double pause = pause_before(&patience[cause], attempts[cause], response);
        http_response_release(response);
        *response = (struct http_response){0};
        if (call_pause(l, pause, call->what, e))
            return -1;
    }
}

struct json *call_json(struct lambda *l, const struct call *call, struct call_fault *fault,
                       struct error *e)
{
    struct http_response response = {0};
    struct json *answer = NULL;
    if (call_make(l, call, &response, e))
        return NULL;
    if (response.outcome == HTTP_ANSWERED && response.status / 100 == 2) {
        answer = json_parse(response.body.data, response.body.length, e);
    } else {
        if (fault)
            call_fault_read(&response, fault);
        call_refuse(call->what, &response, e);
    }
    http_response_release(&response);
    return answer;
}
