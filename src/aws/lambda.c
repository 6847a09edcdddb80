#include "aws/lambda.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/call.h"
#include "aws/custom.h"
#include "aws/report.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/units.h"
#include "os/clock.h"

enum {
    WAIT_SECONDS = 300,      /* FunctionActiveV2 and FunctionUpdatedV2 */
    SLOW_WAIT_SECONDS = 900, /* with a VPC, an image or SnapStart */
    ABSENT_SECONDS = 20,     /* FunctionExists: a new function may not be known everywhere */
    INVOKE_BODY_CAP = 6 * 1024 * 1024 + 64 * 1024,
    LOG_HEADER_MAX = 8 * 1024, /* base64 of a 4 KB tail */
};
#define INVOKE_MARGIN_NS     (15 * NS_PER_S)
#define CLOCK_TOLERANCE_10US 500u /* a REPORT may exceed the client's own time by 5 ms */
#define FUNCTIONS_PATH       "/2015-03-31/functions"

/* ---- bodies ---- */

static void put_environment(struct json_writer *w, const struct plan_function *f, const char *token)
{
    json_open_object(w, "Environment");
    json_open_object(w, "Variables");
    for (size_t i = 0; i < f->environment_count; i++)
        json_put_string(w, f->environment[i].name, f->environment[i].value);
    if (token)
        json_put_string(w, "LPG_ROUND", token);
    json_close(w);
    json_close(w);
}

void lambda_put_code(struct json_writer *w, const struct target_package *p)
{
    struct buf zip;
    if (p->bucket) {
        json_put_string(w, "S3Bucket", p->bucket);
        json_put_string(w, "S3Key", p->key);
        return;
    }
    buf_init(&zip);
    base64_encode(&zip, p->zip, p->zip_bytes);
    json_put_bytes(w, "ZipFile", zip.data, zip.length);
    buf_release(&zip);
}

static void put_tags(struct json_writer *w, const struct lambda *l)
{
    uint64_t now = clock_wall_ns();
    struct temporary_tags tags = {.created_ns = now, .expires_ns = now + l->life_ns};
    if (!*l->run)
        return;
    memcpy(tags.run, l->run, sizeof tags.run);
    temporary_put_tags(w, &tags);
}

static void put_logging(const struct lambda *l, const struct plan_function *f,
                        struct json_writer *w)
{
    if (!f->json_logs && !l->log_group)
        return;
    json_open_object(w, "LoggingConfig");
    if (f->json_logs)
        json_put_string(w, "LogFormat", "JSON");
    if (f->json_logs && f->reference && f->reference->log_level)
        json_put_string(w, "ApplicationLogLevel", f->reference->log_level);
    if (l->log_group)
        json_put_string(w, "LogGroup", l->log_group);
    json_close(w);
}

/* What a function has from another one, which is JSON of our own making. */
static void put_reference(struct json_writer *w, const struct plan_reference *reference)
{
    struct json *members = json_parse(reference->members, strlen(reference->members), NULL);
    for (const struct json *m = json_first(members); m; m = json_next(m)) {
        struct buf text;
        buf_init(&text);
        json_print(m, &text);
        json_put_raw(w, json_key(m), text.data);
        buf_release(&text);
    }
    json_free(members);
}

/* The one that was asked for, the reference function's, or, where none is needed, any. */
static const char *role_of(const struct lambda *l, const struct plan_function *f)
{
    const char *copied = f->reference ? f->reference->role : NULL;
    return l->role ? l->role : copied ? copied : l->any_role;
}

static void put_settings(const struct lambda *l, const struct plan_function *f,
                         struct json_writer *w)
{
    json_put_string(w, "Role", role_of(l, f));
    json_put_string(w, "Runtime", f->runtime);
    json_put_string(w, "Handler", f->handler);
    json_put_integer(w, "MemorySize", f->memory_mb);
    json_put_integer(w, "Timeout", f->timeout_s);
    json_open_array(w, "Architectures");
    json_put_string(w, NULL, f->architecture);
    json_close(w);
    json_open_object(w, "EphemeralStorage");
    json_put_integer(w, "Size", f->ephemeral_mb);
    json_close(w);
    put_logging(l, f, w);
    if (f->reference)
        put_reference(w, f->reference);
}

static void create_body(const struct lambda *l, const char *name, const struct plan_function *f,
                        const struct target_package *p, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out, 0);
    json_open_object(&w, NULL);
    json_put_string(&w, "FunctionName", name);
    put_settings(l, f, &w);
    put_tags(&w, l);
    put_environment(&w, f, NULL);
    json_open_object(&w, "Code");
    lambda_put_code(&w, p);
    json_close(&w);
    json_close(&w);
}

static char *function_path(const char *name, const char *rest)
{
    return xasprintf(FUNCTIONS_PATH "/%s%s", name, rest);
}

/* ---- waiting ---- */

bool lambda_settled(const struct json *configuration)
{
    return !strcmp(json_get_string(configuration, "State", "Active"), "Active") &&
           !strcmp(json_get_string(configuration, "LastUpdateStatus", "Successful"), "Successful");
}

/* Appends "Failed: ImageAccessDenied: Lambda does not have ...", as far as it is told. */
static void add_state(const struct json *configuration, const char *state, const char *reason,
                      const char *code, struct buf *out)
{
    const char *const keys[] = {state, code, reason};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const char *text = json_get_string(configuration, keys[i], "");
        if (*text && i)
            buf_addstr(out, ": ");
        text_add_safe(out, text, strlen(text));
    }
}

/* Which of the two states keeps the function from being used, in words. */
static void describe_state(const struct json *configuration, struct buf *out)
{
    const char *update = json_get_string(configuration, "LastUpdateStatus", "Successful");
    buf_init_capped(out, 600);
    if (strcmp(json_get_string(configuration, "State", "Active"), "Active") != 0)
        add_state(configuration, "State", "StateReason", "StateReasonCode", out);
    else if (strcmp(update, "Successful") != 0)
        add_state(configuration, "LastUpdateStatus", "LastUpdateStatusReason",
                  "LastUpdateStatusReasonCode", out);
}

static bool has_failed(const struct json *configuration)
{
    return !strcmp(json_get_string(configuration, "State", ""), "Failed") ||
           !strcmp(json_get_string(configuration, "LastUpdateStatus", ""), "Failed");
}

static int say_state(const char *name, const char *verb, const struct json *configuration,
                     struct error *e)
{
    struct buf state;
    describe_state(configuration, &state);
    error_set(e, ERROR_API, "function '%s' %s: %s", name, verb, state.data);
    buf_release(&state);
    return -1;
}

/* A look at the function: 0: it is ready; 1: not yet; -1: it never will be. */
static int look(struct lambda *l, const char *name, const struct call *call, bool may_be_absent,
                struct buf *state, struct error *e)
{
    struct call_fault fault = {0};
    struct json *answer = call_json(l, call, &fault, e);
    const struct json *configuration = json_get(answer, "Configuration");
    int found;
    buf_release(state);
    describe_state(configuration, state);
    if (!answer)
        found = may_be_absent && fault.status == 404 ? 1 : -1;
    else if (!configuration)
        found = error_set(e, ERROR_API, "%s: the answer has no Configuration", call->what);
    else if (has_failed(configuration))
        found = say_state(name, "failed to become active", configuration, e);
    else
        found = lambda_settled(configuration) ? 0 : 1;
    json_free(answer);
    return found;
}

int lambda_wait(struct lambda *l, const char *name, const char *qualifier, bool slow,
                struct error *e)
{
    char *path = qualifier ? xasprintf(FUNCTIONS_PATH "/%s?Qualifier=%s", name, qualifier)
                           : function_path(name, "");
    char *what = xasprintf("GetFunction '%s'", name);
    struct call call = {what, "GET", path, NULL, true, NULL};
    struct buf state;
    buf_init(&state);
    double waited = 0, most = slow ? SLOW_WAIT_SECONDS : WAIT_SECONDS;
    int found = 1;
    while (waited < most &&
           (found = look(l, name, &call, waited < ABSENT_SECONDS, &state, e)) > 0) {
        double pause = waited < 1 ? 0.1 : 1;
        waited += pause;
        if (call_pause(l, pause, what, e)) {
            found = -1;
            break;
        }
    }
    if (found > 0)
        error_set(e, ERROR_API, "function '%s' did not become active within %.0f s: %s", name, most,
                  state.length ? state.data : "it is not known");
    buf_release(&state);
    free(path);
    free(what);
    return found ? -1 : 0;
}

/* ---- changing ---- */

bool lambda_account(const char *text, char account[LAMBDA_ACCOUNT_BYTES])
{
    const char *arn = strstr(text, "arn:");
    const char *rest = arn ? strstr(arn, ":lambda:") : NULL;
    rest = rest ? strchr(rest + strlen(":lambda:"), ':') : NULL; /* behind the region */
    if (!rest || strspn(rest + 1, "0123456789") != LAMBDA_ACCOUNT_BYTES - 1 ||
        rest[LAMBDA_ACCOUNT_BYTES] != ':')
        return false;
    memcpy(account, rest + 1, LAMBDA_ACCOUNT_BYTES - 1);
    account[LAMBDA_ACCOUNT_BYTES - 1] = '\0';
    return true;
}

/* What is made slowly: a place in a VPC, a snapshot. */
static bool is_slow(const struct plan_function *f)
{
    return f->reference && f->reference->slow;
}

/*
 * Takes the answer to a call that changes a function; waits unless the answer says that the change
 * is done. `sha256`, unless NULL, is what the function's code must be now: nobody is to measure
 * something else than what was built.
 */
static int take_change(struct lambda *l, const char *name, const struct call *call,
                       const struct json *answer, const char *sha256, bool slow, struct error *e)
{
    const char *stored = json_get_string(answer, "CodeSha256", NULL);
    if (sha256 && stored && strcmp(stored, sha256) != 0)
        return error_set(e, ERROR_API, "%s: Lambda has other code than was sent: CodeSha256 %.64s",
                         call->what, stored);
    lambda_account(json_get_string(answer, "FunctionArn", ""), l->account);
    bool done = json_get(answer, "State") && lambda_settled(answer);
    return done ? 0 : lambda_wait(l, name, NULL, slow, e);
}

/*
 * Whether a CreateFunction whose outcome is not known has made the function: names are of this run
 * alone, so one with our code is ours.
 */
static struct json *find_created(struct lambda *l, const char *name, const char *sha256)
{
    char *path = function_path(name, "/configuration");
    struct call call = {"GetFunctionConfiguration", "GET", path, NULL, true, NULL};
    struct json *found = call_json(l, &call, NULL, NULL);
    free(path);
    if (!found || !strcmp(json_get_string(found, "CodeSha256", ""), sha256))
        return found;
    json_free(found);
    return NULL;
}

/* Creating is not idempotent: after a lost answer or a 5xx the function may be there or not. */
static struct json *create_once(struct lambda *l, const char *name, const struct call *call,
                                const char *sha256, struct error *e)
{
    struct call_fault fault = {0};
    struct json *answer = call_json(l, call, &fault, e);
    if (answer)
        return answer;
    bool unknown = !fault.status || fault.status >= 500 || fault.status == 409;
    return unknown && !(e && e->code == ERROR_INTERRUPTED) ? find_created(l, name, sha256) : NULL;
}

int lambda_create(struct lambda *l, const char *name, const struct plan_function *f,
                  const struct target_package *p, struct error *e)
{
    struct buf body;
    if (!role_of(l, f))
        return error_set(e, ERROR_USAGE,
                         "a function needs an execution role: --role ARN, or --like FUNCTION");
    buf_init(&body);
    create_body(l, name, f, p, &body);
    char *what = xasprintf("CreateFunction '%s'", name);
    struct call call = {what, "POST", FUNCTIONS_PATH, &body, false, NULL};
    struct json *answer = create_once(l, name, &call, p->sha256, e);
    int failed = !answer || take_change(l, name, &call, answer, p->sha256, is_slow(f), e) ? -1 : 0;
    json_free(answer);
    free(what);
    buf_release(&body);
    return failed;
}

int lambda_renew(struct lambda *l, const char *name, const struct plan_function *f,
                 const char *token, struct error *e)
{
    struct buf body;
    struct json_writer w;
    buf_init(&body);
    json_begin(&w, &body, 0);
    json_open_object(&w, NULL);
    put_environment(&w, f, token);
    json_close(&w);
    char *path = function_path(name, "/configuration");
    char *what = xasprintf("UpdateFunctionConfiguration '%s'", name);
    struct call call = {what, "PUT", path, &body, true, NULL};
    struct json *answer = call_json(l, &call, NULL, e);
    int failed = !answer || take_change(l, name, &call, answer, NULL, is_slow(f), e) ? -1 : 0;
    json_free(answer);
    free(what);
    free(path);
    buf_release(&body);
    return failed;
}

unsigned lambda_concurrency(struct lambda *l)
{
    struct call call = {
        "GetAccountSettings", "GET", "/2016-08-19/account-settings", NULL, true, NULL};
    struct json *answer = call_json(l, &call, NULL, NULL);
    const struct json *limit = json_get(answer, "AccountLimit");
    int64_t count = json_get_integer(limit, "UnreservedConcurrentExecutions",
                                     json_get_integer(limit, "ConcurrentExecutions", 0));
    json_free(answer);
    return count > 0 && count <= UINT32_MAX ? (unsigned)count : 0;
}

char *lambda_invoke_url(const struct lambda *l, const char *name, const char *qualifier)
{
    return xasprintf("%s" FUNCTIONS_PATH "/%s/invocations%s%s", l->endpoint, name,
                     qualifier ? "?Qualifier=" : "", qualifier ? qualifier : "");
}

int lambda_invoke(struct lambda *l, const char *url, const struct target_call *call,
                  http_done_fn *done, void *context, struct error *e)
{
    char id[48];
    const struct sigv4_header headers[] = {
        {"content-type", "application/json"},
        {"x-amz-log-type", "Tail"}, /* the invocation type is RequestResponse unless named */
        {"amz-sdk-invocation-id", id},
    };
    snprintf(id, sizeof id, "%.8s-%llu", l->run, (unsigned long long)++l->invocations);
    struct http_request request = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .body = call->payload,
        .body_length = call->payload_length,
        .body_sha256 = call->payload_sha256,
        .signing = &l->signing,
        .timeout_ns = call->timeout_ns + INVOKE_MARGIN_NS,
        .body_cap = INVOKE_BODY_CAP,
    };
    return http_client_send(l->http, &request, done, context, e);
}

/* ---- what an Invoke answered ---- */

static void take_report(const struct http_response *r, const struct lambda_expected *expected,
                        const char *request_id, struct target_reply *reply, struct report *report)
{
    char header[LOG_HEADER_MAX];
    struct buf tail;
    buf_init(&tail);
    if (http_response_header(r, "x-amz-log-result", header, sizeof header) &&
        !base64_decode(&tail, header, strlen(header), NULL)) {
        *report = report_parse(tail.data, tail.length, request_id);
        const struct custom_query query = {expected->custom, expected->custom_count, request_id};
        custom_parse(&query, tail.data, tail.length, reply->custom);
    }
    buf_release(&tail);
    uint64_t wall_10us = (r->done_ns - r->sent_ns) / 10000;
    bool impossible =
        report->state == REPORT_FOUND &&
        (report->duration_10us > wall_10us + CLOCK_TOLERANCE_10US ||
         (expected->memory_mb && report->memory_mb && report->memory_mb != expected->memory_mb));
    if (impossible)
        report->state = REPORT_TAMPERED;
    if (report->state != REPORT_FOUND)
        return;
    reply->duration_10us = report->duration_10us;
    reply->billed_ms = report->billed_ms;
    reply->init_10us = report->init_10us != SAMPLE_NONE ? report->init_10us : report->restore_10us;
    reply->memory_mb = report->memory_mb;
    reply->max_memory_mb = report->max_memory_mb;
}

/* "errorType: errorMessage" of a function's error object, made safe to print. */
static void describe_error(const struct http_response *r, struct buf *detail)
{
    struct json *body = json_parse(r->body.data, r->body.length, NULL);
    const char *type = json_get_string(body, "errorType", "error");
    const char *message = json_get_string(body, "errorMessage", "");
    text_add_safe(detail, type, strlen(type));
    buf_addstr(detail, ": ");
    text_add_safe(detail, message, strlen(message));
    json_free(body);
}

static bool says_timed_out(const struct buf *detail)
{
    return text_starts(detail->data, "Sandbox.Timedout") ||
           strstr(detail->data, "Task timed out after");
}

static void read_answer(const struct http_response *r, const struct lambda_expected *expected,
                        struct target_reply *reply, struct buf *detail)
{
    char id[64] = "", kind[32], cpu_ns[32];
    struct report report = {.state = REPORT_MISSING};
    http_response_header(r, "x-amzn-requestid", id, sizeof id);
    sample_request_id(id, reply->request_id);
    take_report(r, expected, id, reply, &report);
    double ns;
    if (http_response_header(r, "x-lpg-cpu-ns", cpu_ns, sizeof cpu_ns) &&
        units_parse_number(cpu_ns, &ns) && ns >= 0 && ns / 1000 < (double)SAMPLE_NONE)
        reply->cpu_us = (uint32_t)(ns / 1000);
    reply->status = SAMPLE_OK;
    if (http_response_header(r, "x-amz-function-error", kind, sizeof kind)) {
        describe_error(r, detail);
        reply->status =
            report.timed_out || says_timed_out(detail) ? SAMPLE_TIMEOUT : SAMPLE_FUNCTION_ERROR;
    }
    if (reply->status == SAMPLE_OK && report.state == REPORT_FOUND &&
        (report.timed_out || report.failed)) {
        buf_addstr(detail, "REPORT says that the invocation did not succeed");
        reply->status = report.timed_out ? SAMPLE_TIMEOUT : SAMPLE_FUNCTION_ERROR;
    }
    if (report.state == REPORT_TAMPERED) {
        buf_clear(detail);
        buf_addstr(detail,
                   "the function's log holds a REPORT line that Lambda cannot have written");
        reply->status = SAMPLE_TAMPERED;
    }
}

void lambda_read_reply(const struct http_response *r, const struct lambda_expected *expected,
                       struct target_reply *reply, struct buf *detail)
{
    *reply = (struct target_reply){
        .status = SAMPLE_UNKNOWN,
        .payload = r->body.data,
        .payload_length = r->body.length,
        .duration_10us = SAMPLE_NONE,
        .billed_ms = SAMPLE_NONE,
        .init_10us = SAMPLE_NONE,
        .cpu_us = SAMPLE_NONE,
        .done_ns = r->done_ns,
    };
    for (size_t i = 0; i < METRIC_CUSTOM_MAX; i++)
        reply->custom[i] = NAN;
    if (r->outcome == HTTP_ANSWERED && r->status / 100 == 2) {
        read_answer(r, expected, reply, detail);
    } else if (r->outcome == HTTP_ANSWERED) {
        struct error e = {0};
        call_refuse("Invoke", r, &e);
        buf_addstr(detail, e.text);
        reply->status = r->status == 429 ? SAMPLE_THROTTLED : SAMPLE_UNKNOWN;
    } else {
        buf_addf(detail, "Invoke: %s", r->reason);
        reply->status = r->outcome == HTTP_TIMEOUT ? SAMPLE_TIMEOUT : SAMPLE_UNKNOWN;
    }
    reply->detail = detail->data;
}
